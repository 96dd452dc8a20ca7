/* SPDX-License-Identifier: MIT
 *
 * laws.c - what holds at every event of every run, one function per law
 *
 * Read first: docs/theory/sim.md; RFC 9293 3.4, 3.8.6, 3.10.7.
 */
#include "sim/laws.h"

#include <inttypes.h>
#include <string.h>

#include "proto/tcp_fsm.h"
#include "tcp/congestion.h"

/* ---- what applications see -------------------------------------------------------------- */

void
la_sim_law_prefix(struct la_sim_world *world, unsigned conn, unsigned end, struct la_bytes octets)
{
    const struct la_sim_conn *c = &world->conn[conn];
    const struct la_sim_app *app = &c->app[end];
    la_sim_checked(world, LA_SIM_L_PREFIX);
    if (c->view[end].fooled)
        return;
    if (app->received_n + octets.n > c->app[1 - end].sent_n) {
        la_sim_violate(world, LA_SIM_L_PREFIX, conn,
                       "the %s was given %" PRIu64 " octets, its peer sent %" PRIu64,
                       la_sim_end_name(end), app->received_n + octets.n, c->app[1 - end].sent_n);
        return;
    }
    uint64_t off = app->received_n;
    while (octets.n > 0) {
        size_t n = octets.n;
        const uint8_t *sent = la_sim_octets(c, 1 - end, off, &n);
        if (memcmp(sent, octets.p, n) != 0) {
            la_sim_violate(world, LA_SIM_L_PREFIX, conn,
                           "the %s was given other octets than were sent, from %" PRIu64
                           " on or within %zu behind",
                           la_sim_end_name(end), off, n);
            return;
        }
        octets.p += n;
        octets.n -= n;
        off += n;
    }
}

/* Then a copy of a SYN that comes when the connection is gone makes another one (RFC 7413 2.1). */
static bool
copies_open(const struct la_sim_world *world, unsigned conn)
{
    if (conn != LA_SIM_NO_CONN)
        return la_sim_takes_early(world, &world->conn[conn]);
    return world->host[0].cfg.tcp.fast_open_n_max != 0 ||
           world->host[1].cfg.tcp.fast_open_n_max != 0;
}

/* RFC 4987 3.6: a cookie is good for as long as its secret is. A copy of what brought it back,
 * behind the RST that ended the connection, opens it again. */
static bool
cookie_opens_again(const struct la_sim_conn *c)
{
    return c->view[1].cookies_n != 0 && c->view[1].broken;
}

void
la_sim_law_accepted(struct la_sim_world *world, unsigned conn)
{
    la_sim_checked(world, LA_SIM_L_ACCEPTED);
    if (conn == LA_SIM_NO_CONN && world->strangers_n == 0 && !copies_open(world, conn))
        la_sim_violate(world, LA_SIM_L_ACCEPTED, conn, "a connection that nobody opened");
    else if (conn != LA_SIM_NO_CONN && world->conn[conn].accepted &&
             !world->conn[conn].view[1].fooled && !copies_open(world, conn) &&
             !cookie_opens_again(&world->conn[conn]))
        la_sim_violate(world, LA_SIM_L_ACCEPTED, conn, "a connection that was handed out before");
}

void
la_sim_law_end_of_stream(struct la_sim_world *world, unsigned conn, unsigned end)
{
    const struct la_sim_conn *c = &world->conn[conn];
    const struct la_sim_app *app = &c->app[end], *peer = &c->app[1 - end];
    la_sim_checked(world, LA_SIM_L_END_OF_STREAM);
    if (c->view[end].fooled || c->view[1 - end].fooled || app->read_closed)
        return;
    if (!peer->close_called && !peer->released)
        la_sim_violate(world, LA_SIM_L_END_OF_STREAM, conn,
                       "the %s was told the end, and its peer has not closed",
                       la_sim_end_name(end));
    else if (app->received_n != peer->sent_n)
        la_sim_violate(world, LA_SIM_L_END_OF_STREAM, conn,
                       "the %s was told the end after %" PRIu64 " of %" PRIu64 " octets",
                       la_sim_end_name(end), app->received_n, peer->sent_n);
}

void
la_sim_law_urgent(struct la_sim_world *world, unsigned conn, unsigned end, uint64_t unread_n)
{
    const struct la_sim_conn *c = &world->conn[conn];
    la_sim_checked(world, LA_SIM_L_URGENT);
    if (unread_n != 0 && !c->view[end].fooled &&
        c->app[end].received_n + unread_n > c->app[1 - end].urgent_n)
        la_sim_violate(
            world, LA_SIM_L_URGENT, conn,
            "the %s is told of urgent data up to %" PRIu64 ", its peer's end at %" PRIu64,
            la_sim_end_name(end), c->app[end].received_n + unread_n, c->app[1 - end].urgent_n);
}

/* Does the peer's host hold a record of these ports in whose numbers our SYN lies? It is no new one
 * to it (RFC 9293 3.6.1), for as long as its MSL is, and D15 keeps it there. */
static bool
meets_an_old_record(const struct la_sim_world *world, const struct la_sim_conn *c, unsigned end)
{
    const struct la_sim_view *ours = &c->view[end];
    for (unsigned i = 0; i < world->conns_n * 2; i++) {
        const struct la_sim_conn *old = &world->conn[i / 2];
        const struct la_sim_view *view = &old->view[i % 2];
        bool stays = world->host[c->app[1 - end].host].cfg.tcp.time_wait_holds ||
                     la_seq_le(ours->iss, view->rcv_max);
        if (old != c && view->was_up && stays &&
            la_sim_track_is_end(old, i % 2, c->app[1 - end].host, &c->at[1 - end], &c->at[end]))
            return true;
    }
    return false;
}

/* Has a round trip taken longer than all retransmissions up to R2 (RFC 9293 3.8.3)? The last of
 * them has left before the answer to the first can come. */
static bool
outlasts_r2(const struct la_sim_world *world, const struct la_tcp_cfg *cfg)
{
    int64_t trip_ns = 0, patience_us = 0;
    uint32_t r2_n = cfg->r2_n < cfg->r2_syn_n ? cfg->r2_n : cfg->r2_syn_n;
    for (unsigned i = 0; i < world->pipes_n; i++)
        trip_ns += world->pipe[i].slowest_ns;
    for (int64_t i = 0, rto_us = cfg->rto_us_min; i <= r2_n; i++, rto_us *= 2) {
        if (rto_us > cfg->rto_us_max)
            rto_us = cfg->rto_us_max;
        patience_us += rto_us;
    }
    return trip_ns > patience_us * LA_NS_PER_US;
}

/* What can make a connection give up for want of answers. */
static bool
may_time_out(const struct la_sim_world *world, const struct la_sim_conn *c, unsigned end)
{
    const struct la_sim_app *peer = &c->app[1 - end];
    const struct la_sim_host *host = &world->host[c->app[end].host];
    const struct la_sim_host *other = &world->host[peer->host];
    /* Who has crashed may meet a record of before (D15), which its SYN does not fit. */
    bool peer_gone = host->crashes_n != 0 || peer->crashed || c->view[1 - end].broken ||
                     peer->aborted || peer->released || peer->err != LA_OK ||
                     other->crashes_n != 0 || c->optimistic || c->never_opens;
    bool starved = host->memory.refused_n + other->memory.refused_n != 0 ||
                   host->budget_bytes != 0 || other->budget_bytes != 0;
    /* Two losses and the smallest R2, or a clock that a user timeout hangs on. */
    return peer_gone || starved || la_sim_was_full(host) || la_sim_was_full(other) ||
           c->lost_n >= 2 || host->cfg.tcp.user_timeout_ms != 0 || c->view[end].icmp_seen_n != 0 ||
           meets_an_old_record(world, c, end) || outlasts_r2(world, &host->cfg.tcp);
}

void
la_sim_law_error(struct la_sim_world *world, unsigned conn, unsigned end, la_err err)
{
    const struct la_sim_conn *c = &world->conn[conn];
    const struct la_sim_view *view = &c->view[end];
    bool told = false;
    la_sim_checked(world, LA_SIM_L_ERROR);
    if (view->fooled || c->view[1 - end].fooled)
        return;
    switch (err) {
    case LA_ERR_CONNECTION_RESET:
        told = view->rst_seen_n != 0;
        break;
    case LA_ERR_CONNECTION_REFUSED:
        told = view->rst_seen_n != 0 || view->icmp_seen_n != 0;
        break;
    case LA_ERR_TIMED_OUT:
        told = may_time_out(world, c, end);
        break;
    case LA_ERR_HOST_UNREACHABLE:
    case LA_ERR_NET_UNREACHABLE:
    case LA_ERR_PROTOCOL_UNREACHABLE:
        told = view->icmp_seen_n != 0;
        break;
    case LA_ERR_NOT_CONNECTED:
    case LA_ERR_CLOSING:
        told = c->app[end].close_called || c->app[end].read_closed;
        break;
    default:
        break;
    }
    if (!told)
        la_sim_violate(world, LA_SIM_L_ERROR, conn,
                       "the %s was told %s, and nothing of that kind "
                       "had happened",
                       la_sim_end_name(end), la_err_name(err));
}

/* ---- what stacks tell ------------------------------------------------------------------- */

/* Was there on the wire, or done by the application, what the event is named after? */
static bool
had_cause(const struct la_sim_world *world, unsigned conn, unsigned end, enum la_tcp_event event)
{
    const struct la_sim_conn *c = &world->conn[conn];
    const struct la_sim_view *view = &c->view[end];
    const struct la_sim_app *app = &c->app[end];
    if (view->fooled)
        return true;
    switch ((int)event) {
    case LA_TCP_EV_RCV_FIN:
        return view->fin_seen;
    case LA_TCP_EV_RCV_FIN_ACK_OF_FIN:
        return view->fin_seen && view->fin_sent && la_seq_eq(view->ack_seen, view->snd_max);
    case LA_TCP_EV_ACK_OF_FIN:
        return view->fin_sent && la_seq_eq(view->ack_seen, view->snd_max);
    case LA_TCP_EV_ACK_OF_SYN:
        return la_seq_gt(view->ack_seen, view->iss);
    case LA_TCP_EV_RCV_SYN:
    case LA_TCP_EV_RCV_SYN_ACK:
        return view->syn_seen;
    case LA_TCP_EV_RCV_RST:
    case LA_TCP_EV_RCV_RST_TO_LISTEN:
        return view->rst_seen_n != 0;
    case LA_TCP_EV_CLOSE:
        return app->close_called || app->released;
    case LA_TCP_EV_RCV_UNACCEPTABLE:
        return app->released;
    case LA_TCP_EV_ICMP_HARD_ERROR:
        return view->icmp_seen_n != 0;
    default:
        return true;
    }
}

/* How a connection ended, whether or not somebody was there to be told. */
static void
note_end(struct la_sim_world *world, unsigned conn, unsigned end, enum la_tcp_event cause)
{
    struct la_sim_conn *c = &world->conn[conn];
    bool timed_out = cause == LA_TCP_EV_TIMEOUT_USER || cause == LA_TCP_EV_TIMEOUT_R2 ||
                     cause == LA_TCP_EV_TIMEOUT_KEEPALIVE;
    bool in_order = cause == LA_TCP_EV_ACK_OF_FIN || cause == LA_TCP_EV_TIMEOUT_2MSL ||
                    cause == LA_TCP_EV_FORGET || cause == LA_TCP_EV_RCV_SYN_REUSE;
    if (timed_out && !c->view[end].fooled && !c->view[1 - end].fooled &&
        !may_time_out(world, c, end))
        la_sim_violate(world, LA_SIM_L_ERROR, conn,
                       "the %s gave up by %s, and was not kept waiting", la_sim_end_name(end),
                       la_tcp_event_name(cause));
    c->view[end].broken |= !in_order;
}

static void
note_up(const struct la_sim_host *host, unsigned conn, unsigned end)
{
    struct la_sim_world *world = host->world;
    world->counts.control[la_cc_find(host->cfg.tcp.congestion_control)]++;
    if (conn == LA_SIM_NO_CONN)
        return;
    world->conn[conn].view[end].was_up = true;
    world->conn[conn].view[end].up_at_ns = world->now_ns;
}

void
la_sim_law_edge(struct la_sim_host *host, const struct la_event *event, unsigned before)
{
    struct la_sim_world *world = host->world;
    enum la_tcp_state from = (enum la_tcp_state)event->u.state.from;
    enum la_tcp_event cause = (enum la_tcp_event)event->u.state.event;
    const struct la_tcp_edge *edge = la_tcp_fsm_edge(from, cause);
    unsigned end = 0;
    uint8_t conn = la_sim_track_find(world, host->index, &event->local, &event->remote, &end);
    la_sim_checked(world, LA_SIM_L_EDGE);
    if (edge->to != event->u.state.to || (before != 0 && before != from))
        la_sim_violate(world, LA_SIM_L_EDGE, conn,
                       "%s to %s by %s is no edge of the figure (it "
                       "stood in %s)",
                       la_tcp_state_name(from, LA_NAMES_RFC),
                       la_tcp_state_name((enum la_tcp_state)event->u.state.to, LA_NAMES_RFC),
                       la_tcp_event_name(cause),
                       la_tcp_state_name((enum la_tcp_state)before, LA_NAMES_RFC));
    else if (conn != LA_SIM_NO_CONN && from >= LA_TCP_ESTABLISHED &&
             !had_cause(world, conn, end, cause))
        la_sim_violate(world, LA_SIM_L_EDGE, conn,
                       "the %s left %s by %s, which was not on the wire", la_sim_end_name(end),
                       la_tcp_state_name(from, LA_NAMES_RFC), la_tcp_event_name(cause));
    else if (conn != LA_SIM_NO_CONN && edge->to == LA_TCP_CLOSED)
        note_end(world, conn, end, cause);
    else if (edge->to == LA_TCP_ESTABLISHED)
        note_up(host, conn, end);
}

/* ---- memory ----------------------------------------------------------------------------- */

void
la_sim_law_memory(struct la_sim_host *host)
{
    struct la_mem_stats stats;
    la_sim_checked(host->world, LA_SIM_L_MEMORY);
    la_mem_stats_get(host->mem, &stats);
    if (stats.used_bytes != host->memory.used_bytes)
        la_sim_violate(host->world, LA_SIM_L_MEMORY, LA_SIM_NO_CONN,
                       "host %u has taken %" PRIu64 " octets and counts %" PRIu64, host->index,
                       host->memory.used_bytes, stats.used_bytes);
    else if (host->budget_bytes != 0 && stats.used_bytes > host->budget_bytes)
        la_sim_violate(host->world, LA_SIM_L_MEMORY, LA_SIM_NO_CONN,
                       "host %u uses %" PRIu64 " octets of %" PRIu64, host->index, stats.used_bytes,
                       host->budget_bytes);
}

void
la_sim_law_memory_end(struct la_sim_host *host, const struct la_mem_stats *left)
{
    la_sim_checked(host->world, LA_SIM_L_MEMORY);
    if (left->frames_live_n != 0 || left->blocks_live_n != 0 || host->memory.used_bytes != 0)
        la_sim_violate(host->world, LA_SIM_L_MEMORY, LA_SIM_NO_CONN,
                       "host %u leaves %" PRIu64 " octets, %" PRIu64 " frames, %" PRIu64 " blocks",
                       host->index, host->memory.used_bytes, left->frames_live_n,
                       left->blocks_live_n);
}
