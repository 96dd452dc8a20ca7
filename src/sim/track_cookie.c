/* SPDX-License-Identifier: MIT
 *
 * track_cookie.c - what a host may do that answers SYNs with cookies and remembers nothing
 *
 * Read first: sim/track.h; RFC 4987 3.6. An old SYN gets its SYN,ACK again, under the same number
 * for as long as the key is the same, and rightly so: nobody can know that it is old. A connection
 * begins when the cookie comes back, under the number that this segment names; one that comes back
 * when the connection is over begins a connection that nobody opened.
 */
#include "sim/world.h"

bool
la_sim_track_is_cookie(const struct la_sim_world *world, unsigned host,
                       const struct la_lab_packet *sent)
{
    return (sent->seg.flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST)) ==
               (LA_TCP_SYN | LA_TCP_ACK) &&
           world->host[host].cfg.syn_cookies != LA_SYN_COOKIES_NEVER &&
           !la_sim_host_has_conn(&world->host[host], &sent->src, &sent->dst);
}

void
la_sim_track_cookie_sent(struct la_sim_view *view, const struct la_tcp_seg *seg)
{
    for (unsigned i = 0; i < view->cookies_n; i++)
        if (la_seq_eq(view->cookie[i].iss, seg->seq))
            return;
    if (view->cookies_n == LA_SIM_COOKIES)
        view->cookie[0] = view->cookie[--view->cookies_n];
    view->cookie[view->cookies_n].iss = seg->seq;
    view->cookie[view->cookies_n++].wscale =
        (seg->has & LA_TCP_HAS_WSCALE) != 0 ? seg->wscale : 255;
}

bool
la_sim_track_is_forgotten(const struct la_sim_world *world, unsigned conn, unsigned end)
{
    const struct la_sim_conn *c = &world->conn[conn];
    return c->view[end].cookies_n != 0 && !c->view[end].was_up &&
           !la_sim_host_has_conn(&world->host[c->app[end].host], &c->at[end], &c->at[1 - end]);
}

/* Which cookie it brings back; cookies_n: none. */
static unsigned
cookie_of(const struct la_sim_view *view, const struct la_tcp_seg *seg)
{
    unsigned i = 0;
    while (i < view->cookies_n && !la_seq_eq(seg->ack, la_seq_add(view->cookie[i].iss, 1)))
        i++;
    return la_seq_eq(seg->seq, la_seq_add(view->irs, 1)) ? i : view->cookies_n;
}

/* From now on by this cookie. An older one than the latest has another number, and may have agreed
 * on something else. */
static void
begin_by(struct la_sim_world *world, struct la_sim_view *view, unsigned cookie)
{
    la_seq iss = view->cookie[cookie].iss;
    view->begun_order = ++world->begun_n;
    if (view->begun && la_seq_eq(view->iss, iss))
        return;
    view->begun = true;
    view->edge_given = false;
    view->iss = view->ack_seen = iss;
    view->snd_max = la_seq_add(iss, 1);
    view->edge_seen = la_seq_add(view->snd_max, view->syn_wnd);
    view->edge_known = true;
    view->wnd_max = view->syn_wnd;
    view->wscale_sent = view->cookie[cookie].wscale;
    view->wscale_seen = view->wscale_sent == 255 ? 255 : view->syn_wscale;
}

/* A connection that nobody opened. The peer takes it for the first, should it still be there, and
 * for the next, should its handshake be over: what ends that is a RST, or R2 where both only
 * acknowledge. */
static void
meet_stranger(struct la_sim_world *world, unsigned host, const struct la_endpoint *local,
              const struct la_endpoint *remote)
{
    la_sim_track_give_way(world, host, local, remote);
    for (unsigned i = 0; i < world->conns_n * 2; i++)
        if (la_sim_track_is_end(&world->conn[i / 2], i % 2, host, local, remote))
            world->conn[i / 2].view[1 - i % 2].fooled |= world->conn[i / 2].view[1 - i % 2].begun;
    world->strangers_n++;
}

void
la_sim_track_cookie_arrives(struct la_sim_world *world, unsigned host,
                            const struct la_lab_packet *packet)
{
    const struct la_tcp_seg *seg = &packet->seg;
    if ((seg->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST)) != LA_TCP_ACK ||
        la_sim_host_has_conn(&world->host[host], &packet->dst, &packet->src))
        return;
    for (unsigned i = 0; i < world->conns_n * 2; i++) {
        struct la_sim_view *view = &world->conn[i / 2].view[i % 2];
        unsigned cookie = cookie_of(view, seg);
        if (cookie == view->cookies_n ||
            !la_sim_track_is_end(&world->conn[i / 2], i % 2, host, &packet->dst, &packet->src))
            continue;
        if (!view->was_up) {
            begin_by(world, view, cookie);
            return;
        }
        meet_stranger(world, host, &packet->dst, &packet->src);
        return;
    }
}
