/* SPDX-License-Identifier: MIT
 *
 * law_sent.c - laws about the segments that a stack sends
 *
 * Read first: RFC 9293 3.4, 3.8.6; RFC 5961 7.
 */
#include "sim/laws.h"

#include <inttypes.h>

void
la_sim_law_reset(struct la_sim_world *world, unsigned conn, unsigned end,
                 const struct la_tcp_seg *seg)
{
    const struct la_sim_view *view = &world->conn[conn].view[end];
    const struct la_sim_app *app = &world->conn[conn].app[end];
    struct la_conn_status status;
    la_sim_checked(world, LA_SIM_L_RESET);
    if (!app->is_open || app->crashed || app->aborted || app->released ||
        la_conn_status(world->host[app->host].stack, app->handle, &status) != LA_OK)
        return;
    bool about_this = la_seq_ge(seg->seq, view->iss) && la_seq_le(seg->seq, view->snd_max);
    /* Drawn by what stood in the same burst before it came up (RFC 9293 3.10.7.2 second, 3.10.7.4
     * fifth): text that has overtaken a cookie's return, or an ACK whose damage no checksum shows.
     */
    if (view->up_at_ns == world->now_ns && (view->cookies_n != 0 || view->fooled))
        return;
    if (status.state >= LA_TCP_ESTABLISHED && about_this)
        la_sim_violate(world, LA_SIM_L_RESET, conn,
                       "the %s sends a RST in %s, and its application "
                       "holds it",
                       la_sim_end_name(end),
                       la_tcp_state_name((enum la_tcp_state)status.state, LA_NAMES_RFC));
}

/* A SYN's window has 16 bits and no scale (RFC 7323 2.2): where more was offered already, by an ACK
 * in SYN-RECEIVED, a SYN,ACK that is sent again can say no more than 65535. */
void
la_sim_law_right_edge(struct la_sim_world *world, unsigned conn, unsigned end,
                      const struct la_tcp_seg *seg, la_seq edge)
{
    bool says_all = (seg->flags & LA_TCP_SYN) != 0 && seg->wnd == UINT16_MAX;
    const struct la_sim_view *view = &world->conn[conn].view[end];
    la_sim_checked(world, LA_SIM_L_RIGHT_EDGE);
    if (view->edge_given && !says_all && !view->strange && la_seq_lt(edge, view->edge_sent))
        la_sim_violate(world, LA_SIM_L_RIGHT_EDGE, conn,
                       "the %s moves the right edge of its window left by %" PRId32,
                       la_sim_end_name(end), la_seq_diff(view->edge_sent, edge));
}

void
la_sim_law_in_window(struct la_sim_world *world, unsigned conn, unsigned end,
                     const struct la_tcp_seg *seg)
{
    const struct la_sim_view *view = &world->conn[conn].view[end];
    la_sim_checked(world, LA_SIM_L_IN_WINDOW);
    int32_t beyond = la_seq_diff(la_seq_add(seg->seq, seg->len), view->edge_seen);
    /* RFC 9293 3.8.6.1: one octet may probe a window that is shut, and be sent again. */
    bool probe = seg->text_bytes <= 1 && beyond == 1;
    if (view->edge_known && beyond > 0 && !probe)
        la_sim_violate(world, LA_SIM_L_IN_WINDOW, conn,
                       "the %s sends %" PRId32 " octets beyond the window that it was offered",
                       la_sim_end_name(end), beyond);
}

/* RFC 2018 4, RFC 2883: a block tells of octets that have arrived, once or again. What lies below
 * the acknowledgement did; a forged duplicate may lie so far below that it seems to be beyond. */
static bool
sacks_the_truth(const struct la_sim_view *view, const struct la_tcp_seg *seg)
{
    for (unsigned i = 0; i < seg->sack_n; i++) {
        la_seq left = seg->sack[i].left, right = seg->sack[i].right;
        bool arrived = la_seq_le(right, seg->ack) || la_seq_le(right, view->rcv_max);
        if (!arrived || la_seq_ge(left, right))
            return false;
    }
    return true;
}

void
la_sim_law_sequence(struct la_sim_world *world, unsigned conn, unsigned end,
                    const struct la_tcp_seg *seg)
{
    const struct la_sim_view *view = &world->conn[conn].view[end];
    /* What had no memory when a super-segment was cut is lost before it is seen here. */
    bool starved = world->host[world->conn[conn].app[end].host].memory.refused_n != 0;
    const char *wrong = NULL;
    la_sim_checked(world, LA_SIM_L_SEQUENCE);
    la_seq behind = la_seq_add(seg->seq, seg->len);
    bool acks = (seg->flags & LA_TCP_ACK) != 0 && view->syn_seen && !view->strange;
    if (acks && la_seq_gt(seg->ack, view->rcv_max))
        wrong = "acknowledges what has not arrived";
    else if (!view->fooled && !sacks_the_truth(view, seg))
        wrong = "acknowledges selectively what has not arrived";
    else if (la_seq_gt(seg->seq, view->snd_max) && !starved)
        wrong = "leaves a gap in what it has sent";
    else if (la_seq_lt(seg->seq, view->iss))
        wrong = "sends a number before its first one";
    else if (acks && (seg->flags & LA_TCP_SYN) != 0 &&
             !la_seq_eq(seg->ack, la_seq_add(view->irs, 1)) &&
             !la_sim_takes_early(world, &world->conn[conn]))
        wrong = "acknowledges more than a SYN by a SYN,ACK";
    else if ((seg->flags & LA_TCP_SYN) != 0 && la_seq_gt(view->snd_max, la_seq_add(view->iss, 1)) &&
             !world->host[world->conn[conn].app[end].host].cfg.tcp.fast_open)
        wrong = "sends its SYN again after text or FIN";
    else if (view->fin_sent && la_seq_gt(behind, la_seq_add(view->fin_seq, 1)))
        wrong = "sends octets behind its FIN";
    else if (view->fin_sent && (seg->flags & LA_TCP_FIN) != 0 &&
             !la_seq_eq(la_seq_sub(behind, 1), view->fin_seq))
        wrong = "sends its FIN at another place";
    if (wrong != NULL)
        la_sim_violate(world, LA_SIM_L_SEQUENCE, conn,
                       "the %s %s (seq %" PRId32 ", len %" PRIu32 ", ack %" PRId32 "; sent up to "
                       "%" PRId32 ", arrived up to %" PRId32 ")",
                       la_sim_end_name(end), wrong, la_seq_diff(seg->seq, view->iss), seg->len,
                       la_seq_diff(seg->ack, view->irs), la_seq_diff(view->snd_max, view->iss),
                       la_seq_diff(view->rcv_max, view->irs));
}

/* RFC 5961 7 and what it leaves open: forged segments that go on for the longest run that is drawn
 * draw less than this, at ten answers a second. */
enum { BARE_ACKS_MAX = 2000 };

void
la_sim_law_quiet(struct la_sim_world *world, unsigned conn, unsigned end)
{
    la_sim_checked(world, LA_SIM_L_QUIET);
    if (world->conn[conn].view[end].bare_n > BARE_ACKS_MAX)
        la_sim_violate(world, LA_SIM_L_QUIET, conn,
                       "the %s has sent %d acknowledgements, and nothing else went to and fro",
                       la_sim_end_name(end), BARE_ACKS_MAX);
}
