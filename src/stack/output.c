/* SPDX-License-Identifier: MIT
 *
 * output.c - frames out: pulled by the embedder, made at that moment
 *
 * Connections with something to send stand in a list. Each gets a turn of at most TURN_FRAMES and
 * goes to the end of the list when it has more, so that none starves the others. What makes no
 * progress (the transmit queue of its interface is full) keeps its place for the next call.
 *
 * Text goes out as super-segments also where the link cannot cut them: it is done at the edge, and
 * everything above is done once for all the segments of one. When somebody listens to segments
 * being sent, each is made alone, so that each is told.
 */
#include "base/time.h"
#include "stack/instance.h"
#include "tcp/out.h"

enum { TURN_FRAMES = 16, SOME_FRAMES = 2, IP_PROTOCOL_TCP = 6 };
/* Frames of a connection without a list: a SYN,ACK, and an acknowledgement. */
enum { AT_ONCE_FRAMES = 4 };
/* Octets that a link cuts, and segments that are cut here, of which a turn has TURN_CUTS times. */
enum { SUPER_BYTES_MAX = 65000, CUT_SEGMENTS_MAX = 44, TURN_CUTS = 2 };

static bool
is_ect(const struct la_tcp_out *out, size_t i)
{
    return (out->ect >> i & 1) != 0;
}

void
la_rec_send_frames(struct la_stack *s, const struct la_rec *rec, struct la_tcp_out *out,
                   la_instant now)
{
    struct la_net_out ip = {
        .src = la_rec_local(rec),
        .dst = la_rec_remote(rec),
        .protocol = IP_PROTOCOL_TCP,
        .ttl_hops = rec->tcp.ttl_hops,
        .dont_fragment = true,
    };
    size_t n;
    for (size_t i = 0; i < out->n; i += n) { /* mostly once: neighbours are of one kind */
        for (n = 1; i + n < out->n && is_ect(out, i + n) == is_ect(out, i); n++)
            ;
        ip.dscp_ecn = (uint8_t)(rec->tcp.dscp_ecn | (is_ect(out, i) ? LA_IP_ECT_0 : 0));
        /* Not sent is the same as lost: retransmission comes back to it. */
        la_net_output_burst(s->net, out->frames + i, n, &ip, now);
    }
}

void
la_rec_output(struct la_stack *s, struct la_rec *rec, struct la_tcp_todo *todo)
{
    if (!la_tcp_has_output(&rec->tcp))
        return;
    struct la_frame *frames[AT_ONCE_FRAMES];
    struct la_tcp_out out = {
        .frames = frames,
        .max = AT_ONCE_FRAMES,
        .src_port = rec->local_port,
        .dst_port = rec->remote_port,
    };
    (void)la_tcp_output(&rec->tcp, &out, todo);
    la_rec_send_frames(s, rec, &out, todo->now);
}

/* Are there segments that are cut at the edge? Who hears of each one has an event for each; but a
 * burst of Linux's is one, with its PSH, whoever listens (segment.c tells its pieces). */
static bool
is_cut(const struct la_stack *s)
{
    return s->cfg.tcp.push_bursts || !la_tcp_hears(&s->env, LA_EVENT_SEGMENT_SENT);
}

/* How much one frame of this connection, and one turn, may hold. */
static void
bound_turn(const struct la_stack *s, const struct la_rec *rec, uint32_t room,
           struct la_tcp_out *out)
{
    const struct la_iface_cfg *iface = la_net_iface(s->net, rec->iface);
    out->max = room < TURN_FRAMES ? room : TURN_FRAMES;
    if (iface != NULL && (rec->ipv6 != 0 ? iface->caps.tso6 : iface->caps.tso4)) {
        out->super_bytes_max = SUPER_BYTES_MAX;
    } else if (is_cut(s) && room >= CUT_SEGMENTS_MAX) {
        uint32_t bytes = (uint32_t)rec->tcp.smss * CUT_SEGMENTS_MAX;
        out->super_bytes_max = bytes < SUPER_BYTES_MAX ? bytes : SUPER_BYTES_MAX;
        out->max = TURN_CUTS;
    }
}

/* One turn of a connection in the list, of which it is taken; `out` has its bounds already. */
static void
turn_within(struct la_stack *s, uint32_t idx, struct la_tcp_out *out, la_instant now)
{
    struct la_rec *rec = la_rec_at(s, idx);
    la_list_remove(s, &s->output, LA_LIST_OUTPUT, idx);
    out->src_port = rec->local_port;
    out->dst_port = rec->remote_port;
    struct la_tcp_todo todo = la_stack_todo(s, now);
    bool more = la_tcp_output(&rec->tcp, out, &todo);
    la_rec_send_frames(s, rec, out, now);
    if (more)
        la_list_push(s, &s->output, LA_LIST_OUTPUT, idx);
    la_rec_settle(s, idx, &todo);
}

/* One turn of the connection at the head of the list. False: its interface takes no more. */
static bool
turn(struct la_stack *s, uint32_t idx, la_instant now)
{
    struct la_rec *rec = la_rec_at(s, idx);
    uint32_t room = la_net_tx_room(s->net, rec->iface);
    if (room == 0) {
        la_list_remove(s, &s->output, LA_LIST_OUTPUT, idx);
        la_list_push(s, &s->output, LA_LIST_OUTPUT, idx);
        return false;
    }
    struct la_frame *frames[TURN_FRAMES];
    struct la_tcp_out out = {.frames = frames};
    bound_turn(s, rec, room, &out);
    turn_within(s, idx, &out, now);
    return true;
}

void
la_rec_send_some(struct la_stack *s, uint32_t idx, la_instant now)
{
    struct la_rec *rec = la_rec_at(s, idx);
    uint32_t room = la_net_tx_room(s->net, rec->iface);
    struct la_frame *frames[SOME_FRAMES];
    struct la_tcp_out out = {.frames = frames, .max = room < SOME_FRAMES ? room : SOME_FRAMES};
    if (s->cfg.tcp.push_bursts)
        out.super_bytes_max = SOME_FRAMES * (uint32_t)rec->tcp.smss;
    if (out.max > 0 && la_rec_on_list(rec, LA_LIST_OUTPUT))
        turn_within(s, idx, &out, now);
}

size_t
la_stack_output(struct la_stack *s, int iface, struct la_frame **frames, size_t max, la_instant now)
{
    now = la_stack_clock(s, now);
    la_stack_local(s, now);
    size_t n = 0;
    uint32_t stuck_n = 0;
    while (n < max) {
        n += la_net_tx_take(s->net, iface, frames + n, max - n);
        if (n == max || s->output.first == LA_REC_NONE || stuck_n >= s->output.n)
            break;
        if (!turn(s, s->output.first, now))
            stuck_n++;
        la_stack_local(s, now);
    }
    s->stats.frames_out += n;
    return n;
}
