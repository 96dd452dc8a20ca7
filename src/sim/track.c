/* SPDX-License-Identifier: MIT
 *
 * track.c - what each end of a connection has shown on the wire, and what has reached it
 *
 * A four-tuple is used again by later connections, and one end may be at the next while the other
 * is still at the last: each end has its own current connection, which changes when it sends a SYN
 * with another number.
 */
#include "sim/track.h"

#include <string.h>

#include "base/addr.h"
#include "sim/laws.h"

static bool
is_at(const struct la_endpoint *a, const struct la_endpoint *b)
{
    return a->port == b->port && la_addr_same(&a->addr, &b->addr);
}

bool
la_sim_track_is_end(const struct la_sim_conn *conn, unsigned end, unsigned host,
                    const struct la_endpoint *local, const struct la_endpoint *remote)
{
    return conn->app[end].host == host && is_at(&conn->at[end], local) &&
           is_at(&conn->at[1 - end], remote);
}

uint8_t
la_sim_track_find(const struct la_sim_world *world, unsigned host, const struct la_endpoint *local,
                  const struct la_endpoint *remote, unsigned *end)
{
    uint8_t found = LA_SIM_NO_CONN;
    uint64_t order = 0;
    for (unsigned i = 0; i < world->conns_n * 2; i++) {
        const struct la_sim_conn *conn = &world->conn[i / 2];
        const struct la_sim_view *view = &conn->view[i % 2];
        if (view->begun && view->begun_order > order &&
            la_sim_track_is_end(conn, i % 2, host, local, remote)) {
            found = (uint8_t)(i / 2);
            order = view->begun_order;
            *end = i % 2;
        }
    }
    return found;
}

/* The latest connection of that four-tuple for whose end the number fits. */
typedef bool fits_fn(const struct la_sim_world *world, const struct la_sim_conn *conn, unsigned end,
                     la_seq number);

static uint8_t
find_fitting(const struct la_sim_world *world, unsigned host, const struct la_endpoint *local,
             const struct la_endpoint *remote, fits_fn *fits, la_seq number, unsigned *end)
{
    for (unsigned i = world->conns_n * 2; i-- > 0;) {
        const struct la_sim_conn *conn = &world->conn[i / 2];
        if (la_sim_track_is_end(conn, i % 2, host, local, remote) &&
            fits(world, conn, i % 2, number)) {
            *end = i % 2;
            return (uint8_t)(i / 2);
        }
    }
    return LA_SIM_NO_CONN;
}

/* Sent before under this number, or the application has opened and nothing was sent yet. */
static bool
fits_syn_sent(const struct la_sim_world *world, const struct la_sim_conn *conn, unsigned end,
              la_seq iss)
{
    (void)world;
    const struct la_sim_view *view = &conn->view[end];
    const struct la_sim_app *app = &conn->app[end];
    return view->begun ? la_seq_eq(view->iss, iss) : app->opens && app->is_open && !app->is_over;
}

/* Answers a SYN that was there, or one with text (RFC 7413). */
static bool
fits_syn_ack_sent(const struct la_sim_world *world, const struct la_sim_conn *conn, unsigned end,
                  la_seq irs)
{
    (void)world;
    const struct la_sim_view *view = &conn->view[end];
    return view->syn_seen && (la_seq_eq(view->irs, irs) || la_seq_eq(view->syn_last, irs));
}

/* The peer's SYN, as the box has shifted it. */
static bool
fits_syn_seen(const struct la_sim_world *world, const struct la_sim_conn *conn, unsigned end,
              la_seq irs)
{
    const struct la_sim_view *peer = &conn->view[1 - end];
    uint32_t by = end == 1 ? world->box.shift_by : 0;
    return peer->begun && la_seq_eq(la_seq_add(peer->iss, by), irs);
}

/* ---- sent ------------------------------------------------------------------------------- */

static void
begin(struct la_sim_world *world, struct la_sim_view *view, const struct la_tcp_seg *seg)
{
    if (view->begun && la_seq_eq(view->iss, seg->seq))
        return;
    if (view->begun_order != 0) { /* it had forgotten this connection, and heard of it again */
        view->edge_given = view->acked = view->fin_sent = view->fin_seen = false;
        view->rcv_max = la_seq_add(view->syn_last, 1);
    }
    view->begun = true;
    view->anew = false;
    view->begun_order = ++world->begun_n;
    view->iss = seg->seq;
    view->snd_max = view->ack_seen = seg->seq;
    view->wscale_sent = (seg->has & LA_TCP_HAS_WSCALE) != 0 ? seg->wscale : 255;
    if ((seg->flags & LA_TCP_ACK) != 0) { /* it was offered a window by the SYN alone */
        view->edge_seen = la_seq_add(seg->seq, 1 + view->syn_wnd);
        view->edge_known = true;
        view->wnd_max = view->syn_wnd;
        view->wscale_seen = view->wscale_sent == 255 ? 255 : view->syn_wscale;
    }
}

static bool
scales(const struct la_sim_view *view)
{
    return view->wscale_sent != 255 && view->wscale_seen != 255;
}

static void
sent_ack(struct la_sim_world *world, unsigned conn, unsigned end, const struct la_tcp_seg *seg)
{
    struct la_sim_view *view = &world->conn[conn].view[end];
    bool syn = (seg->flags & LA_TCP_SYN) != 0;
    la_seq edge =
        la_seq_add(seg->ack, (uint32_t)seg->wnd << (scales(view) && !syn ? view->wscale_sent : 0));
    la_sim_law_right_edge(world, conn, end, seg, edge);
    view->edge_sent = view->edge_given ? la_seq_max(view->edge_sent, edge) : edge;
    view->edge_given = true;
    view->ack_sent = view->acked ? la_seq_max(view->ack_sent, seg->ack) : seg->ack;
    view->acked = true;
}

static void
sent_text(struct la_sim_world *world, unsigned conn, unsigned end, const struct la_tcp_seg *seg)
{
    struct la_sim_view *view = &world->conn[conn].view[end];
    la_seq behind = la_seq_add(seg->seq, seg->len);
    if ((seg->flags & LA_TCP_SYN) == 0)
        la_sim_law_in_window(world, conn, end, seg);
    if ((seg->flags & LA_TCP_FIN) != 0) {
        view->fin_sent = true;
        view->fin_seq = la_seq_sub(behind, 1);
    }
    view->snd_max = la_seq_max(view->snd_max, behind);
}

/* A stranger's connection, from a forged or an old SYN: what follows on this four-tuple is about
 * none of ours, which is over at this host. */
void
la_sim_track_give_way(struct la_sim_world *world, unsigned host, const struct la_endpoint *local,
                      const struct la_endpoint *remote)
{
    for (unsigned i = 0; i < world->conns_n * 2; i++)
        if (la_sim_track_is_end(&world->conn[i / 2], i % 2, host, local, remote))
            world->conn[i / 2].view[i % 2].begun = false;
}

void
la_sim_track_sent(struct la_sim_world *world, unsigned host, struct la_sim_packet *packet)
{
    if (!packet->is_tcp)
        return;
    const struct la_lab_packet *p = &packet->read;
    const struct la_tcp_seg *seg = &p->seg;
    unsigned end = 0;
    uint8_t conn;
    if ((seg->flags & (LA_TCP_SYN | LA_TCP_RST)) != LA_TCP_SYN)
        conn = la_sim_track_find(world, host, &p->src, &p->dst, &end);
    else if ((seg->flags & LA_TCP_ACK) == 0)
        conn = find_fitting(world, host, &p->src, &p->dst, fits_syn_sent, seg->seq, &end);
    else
        conn = find_fitting(world, host, &p->src, &p->dst, fits_syn_ack_sent,
                            la_seq_sub(seg->ack, 1), &end);
    packet->conn = conn;
    bool cookie = la_sim_track_is_cookie(world, host, p);
    if (cookie && conn != LA_SIM_NO_CONN)
        la_sim_track_cookie_sent(&world->conn[conn].view[end], seg);
    if (cookie && (conn == LA_SIM_NO_CONN || world->conn[conn].view[end].was_up))
        return; /* of a SYN that is forged or old: it changes nothing here */
    if (conn == LA_SIM_NO_CONN) {
        uint8_t current = la_sim_track_find(world, host, &p->src, &p->dst, &end);
        if (current != LA_SIM_NO_CONN && (seg->flags & LA_TCP_SYN) != 0 &&
            la_seq_eq(world->conn[current].view[end].iss,
                      seg->seq)) /* its own, but not as it was */
            la_sim_law_sequence(world, current, end, seg);
        if ((seg->flags & (LA_TCP_SYN | LA_TCP_RST)) == LA_TCP_SYN)
            la_sim_track_give_way(world, host, &p->src, &p->dst);
        return;
    }
    struct la_sim_view *view = &world->conn[conn].view[end];
    if ((seg->flags & LA_TCP_RST) != 0) {
        la_sim_law_reset(world, conn, end, seg);
        return;
    }
    if ((seg->flags & LA_TCP_SYN) != 0)
        begin(world, view, seg);
    la_sim_law_sequence(world, conn, end, seg);
    view->snd_max = la_seq_max(view->snd_max, seg->seq); /* what it takes for sent, see there */
    if ((seg->flags & LA_TCP_ACK) != 0)
        sent_ack(world, conn, end, seg);
    uint32_t counts = world->env.mutant == LA_SIM_MUTANT_ACK_AGAIN ? 1000 : 1;
    view->bare_n = seg->len > 0 ? 0 : view->bare_n + counts;
    if (seg->len > 0)
        sent_text(world, conn, end, seg);
    else
        la_sim_law_quiet(world, conn, end);
}

/* ---- arrives ---------------------------------------------------------------------------- */

/* Our SYN, and perhaps text that went with it. */
static bool
acks_syn(const struct la_sim_view *view, la_seq ack)
{
    return la_seq_gt(ack, view->iss) && la_seq_le(ack, view->snd_max);
}

/* A SYN: what it says counts until it was answered. */
static void
learn_syn(struct la_sim_view *view, const struct la_tcp_seg *seg)
{
    bool answers = (seg->flags & LA_TCP_ACK) != 0;
    if (answers && !(view->begun && acks_syn(view, seg->ack)))
        return;
    if (view->syn_seen && view->begun)
        return; /* the first one that fitted */
    view->syn_seen = true;
    view->irs = seg->seq;
    view->syn_last = la_seq_add(seg->seq, seg->len - 1);
    view->rcv_max = la_seq_add(seg->seq, seg->len);
    view->syn_wnd = seg->wnd;
    view->syn_wscale = (seg->has & LA_TCP_HAS_WSCALE) != 0 ? seg->wscale : 255;
    if (view->syn_wscale != 255 && view->syn_wscale > 14)
        view->syn_wscale = 14; /* RFC 7323 2.3 */
    view->wscale_seen = view->syn_wscale;
    if (view->begun) {
        view->edge_seen = la_seq_add(view->iss, 1u + seg->wnd);
        view->edge_known = true;
        view->wnd_max = seg->wnd;
    }
}

static bool
ack_fits(const struct la_sim_view *view, la_seq ack)
{
    la_seq oldest = la_seq_sub(view->ack_seen, view->wnd_max);
    return la_seq_ge(ack, oldest) && la_seq_le(ack, view->snd_max);
}

/* May any part of it lie in the window that this end has offered? */
static bool
text_fits(const struct la_sim_view *view, const struct la_tcp_seg *seg)
{
    la_seq behind = la_seq_add(seg->seq, seg->len);
    return view->acked && la_seq_gt(behind, view->ack_sent) && la_seq_lt(seg->seq, view->edge_sent);
}

static bool
rst_fits(const struct la_sim_view *view, const struct la_tcp_seg *seg)
{
    bool answers = (seg->flags & LA_TCP_ACK) != 0 && la_seq_eq(seg->ack, la_seq_add(view->iss, 1));
    if (!view->acked) /* also behind an answer that came with it, at once */
        return ((seg->flags & LA_TCP_ACK) != 0 && acks_syn(view, seg->ack)) ||
               (view->syn_seen && la_seq_gt(seg->seq, view->irs) &&
                la_seq_le(seg->seq, view->rcv_max));
    la_seq highest = la_seq_max(view->rcv_max, view->ack_sent);
    return (la_seq_ge(seg->seq, view->ack_sent) && la_seq_le(seg->seq, highest)) || answers;
}

/* In SYN-SENT any SYN is believed (RFC 9293 3.10.7.3 fourth), in SYN-RECEIVED one in the window
 * after a passive OPEN (3.10.7.4 fourth), later none (RFC 5961 4). */
static bool
syn_fits(const struct la_sim_view *view, bool passive, const struct la_tcp_seg *seg)
{
    bool answers = acks_syn(view, seg->ack);
    if (!view->acked)
        return (seg->flags & LA_TCP_ACK) == 0 || answers;
    return passive && la_seq_eq(view->ack_seen, view->iss) && text_fits(view, seg);
}

/* A packet that no host sent, or that is older than the connection: may it be believed? */
static void
judge_forgery(struct la_sim_world *world, unsigned conn, unsigned end,
              const struct la_sim_packet *packet)
{
    struct la_sim_conn *c = &world->conn[conn];
    struct la_sim_view *view = &c->view[end];
    const struct la_tcp_seg *seg = &packet->read.seg;
    bool fits = false;
    if ((packet->marks & LA_SIM_M_MADE) != 0 ||
        ((packet->marks & LA_SIM_M_REPLAYED) != 0 && packet->conn != conn)) {
        if ((seg->flags & LA_TCP_RST) != 0)
            fits |= rst_fits(view, seg);
        else if ((seg->flags & LA_TCP_SYN) != 0)
            fits |= syn_fits(view, !c->app[end].opens, seg) ||
                    la_sim_track_is_forgotten(world, conn, end);
        else if (seg->len != 0)
            fits |=
                text_fits(view, seg) && (seg->flags & LA_TCP_ACK) != 0 && ack_fits(view, seg->ack);
        if ((seg->flags & LA_TCP_ACK) != 0 && la_seq_gt(seg->ack, view->ack_seen) &&
            la_seq_le(seg->ack, view->snd_max)) {
            c->optimistic = true; /* octets may never arrive that were acknowledged */
            fits |= la_seq_eq(view->ack_seen, view->iss); /* it ends a handshake */
        }
        c->misled |= (seg->flags & LA_TCP_ACK) != 0 && la_seq_gt(seg->ack, view->snd_max);
    }
    if (fits && (seg->flags & LA_TCP_SYN) != 0)
        view->strange = true;
    if (!fits || view->fooled)
        return;
    view->fooled = true;
    world->counts.forged++;
}

static void
learn_numbers(struct la_sim_view *view, const struct la_tcp_seg *seg)
{
    la_seq behind = la_seq_add(seg->seq, seg->len);
    if ((seg->flags & LA_TCP_ACK) != 0 && ack_fits(view, seg->ack)) {
        bool scaled = scales(view) && (seg->flags & LA_TCP_SYN) == 0;
        uint32_t wnd = (uint32_t)seg->wnd << (scaled ? view->wscale_seen : 0);
        la_seq edge = la_seq_add(seg->ack, wnd);
        view->edge_seen = view->edge_known ? la_seq_max(view->edge_seen, edge) : edge;
        view->edge_known = true;
        view->wnd_max = wnd > view->wnd_max ? wnd : view->wnd_max;
        view->ack_seen = la_seq_max(view->ack_seen, seg->ack);
    }
    /* Before its first ACK an end has offered what its SYN did. */
    la_seq edge = view->acked ? view->edge_sent : la_seq_add(view->irs, UINT16_MAX);
    if (seg->len == 0 || !view->syn_seen || la_seq_gt(seg->seq, edge) ||
        la_seq_le(behind, view->irs))
        return;
    if (la_seq_gt(behind, view->rcv_max))
        view->rcv_max = behind;
    view->fin_seen |= (seg->flags & LA_TCP_FIN) != 0;
}

/* A forged SYN may begin a record here in the place of any that has not begun. */
static void
expect_stranger(struct la_sim_world *world, unsigned host, const struct la_lab_packet *p)
{
    for (unsigned i = 0; i < world->conns_n * 2; i++) {
        struct la_sim_view *view = &world->conn[i / 2].view[i % 2];
        if (!view->begun && la_sim_track_is_end(&world->conn[i / 2], i % 2, host, &p->dst, &p->src))
            view->strange = true;
    }
}

void
la_sim_track_arrives(struct la_sim_world *world, unsigned host, const struct la_sim_packet *packet)
{
    unsigned end = 0;
    if (!packet->is_tcp) {
        if (packet->conn != LA_SIM_NO_CONN)
            for (unsigned i = 0; i < 2; i++)
                if (world->conn[packet->conn].app[i].host == host)
                    world->conn[packet->conn].view[i].icmp_seen_n++;
        return;
    }
    const struct la_lab_packet *p = &packet->read;
    const struct la_tcp_seg *seg = &p->seg;
    if ((packet->marks & LA_SIM_M_DISGUISED) != 0 && packet->conn != LA_SIM_NO_CONN) {
        world->counts.forged += 2;
        for (unsigned i = 0; i < 2; i++) {
            world->conn[packet->conn].view[i].fooled = true;
            world->conn[packet->conn].view[i].strange |= (seg->flags & LA_TCP_SYN) != 0;
        }
    }
    if ((seg->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST)) == LA_TCP_SYN) {
        if ((packet->marks & LA_SIM_M_MADE) != 0)
            expect_stranger(world, host, p);
        uint8_t fresh = find_fitting(world, host, &p->dst, &p->src, fits_syn_seen, seg->seq, &end);
        if (fresh != LA_SIM_NO_CONN)
            learn_syn(&world->conn[fresh].view[end], seg);
    }
    la_sim_track_cookie_arrives(world, host, p);
    uint8_t conn = la_sim_track_find(world, host, &p->dst, &p->src, &end);
    if (conn == LA_SIM_NO_CONN) {
        bool forged = (packet->marks & (LA_SIM_M_MADE | LA_SIM_M_REPLAYED)) != 0;
        world->strangers_n += forged && (seg->flags & LA_TCP_ACK) != 0;
        return;
    }
    struct la_sim_view *view = &world->conn[conn].view[end];
    judge_forgery(world, conn, end, packet);
    if ((seg->flags & LA_TCP_RST) != 0) {
        if (rst_fits(view, seg))
            view->rst_seen_n++;
        return;
    }
    if ((seg->flags & LA_TCP_SYN) != 0)
        learn_syn(view, seg);
    if ((seg->flags & (LA_TCP_SYN | LA_TCP_ACK)) == (LA_TCP_SYN | LA_TCP_ACK)) {
        view->syn_ack_marks |= 1u << la_sim_packet_ecn(packet);
        view->answers_n++;
    }
    if (seg->len > 0 && (packet->marks & (LA_SIM_M_MADE | LA_SIM_M_REPLAYED)) == 0)
        view->bare_n = 0;
    learn_numbers(view, seg);
}
