/* SPDX-License-Identifier: MIT
 *
 * law_end.c - laws about how everything ends: connections move, are complete, and leave nothing
 */
#include "sim/laws.h"

#include <inttypes.h>

void
la_sim_law_ends(struct la_sim_host *host)
{
    uint32_t states[LA_TCP_STATE_COUNT];
    la_sim_checked(host->world, LA_SIM_L_ENDS);
    la_stack_state_counts(host->stack, states);
    for (unsigned state = LA_TCP_CLOSED; state < LA_TCP_STATE_COUNT; state++)
        if (states[state] != 0)
            la_sim_violate(host->world, LA_SIM_L_ENDS, LA_SIM_NO_CONN,
                           "host %u keeps %" PRIu32 " in %s, which nobody holds and no timer ends",
                           host->index, states[state],
                           la_tcp_state_name((enum la_tcp_state)state, LA_NAMES_RFC));
}

/* RFC 4987 3.6: nobody sends a cookie again whose answer was lost. Where the peer waits to be
 * spoken to, both wait for ever. */
static bool
is_forgotten(const struct la_sim_world *world, const struct la_sim_conn *conn)
{
    const struct la_sim_host *host = &world->host[conn->app[1].host];
    return !conn->accepted && conn->view[1].cookies_n != 0 &&
           (conn->lost_n != 0 || la_sim_was_full(host) || host->memory.refused_n != 0 ||
            host->budget_bytes != 0);
}

bool
la_sim_is_disturbed(const struct la_sim_world *world, const struct la_sim_conn *conn)
{
    bool disturbed = conn->never_opens || conn->optimistic || is_forgotten(world, conn);
    for (unsigned end = 0; end < 2; end++) {
        const struct la_sim_app *app = &conn->app[end];
        disturbed |= app->crashed || app->aborted || app->err != LA_OK || conn->view[end].fooled ||
                     conn->view[end].broken || (app->released && !app->ended);
        disturbed |= world->host[app->host].stack == NULL;
    }
    return disturbed;
}

/* Is the application itself what everybody waits for? */
static bool
takes_its_time(const struct la_sim_world *world, const struct la_sim_app *app)
{
    return !app->is_over && (app->next_write_ns > world->now_ns ||
                             app->next_read_ns > world->now_ns || app->close_at_ns > world->now_ns);
}

/* Nobody waits for ever for a peer that is gone. */
static void
give_up(struct la_sim_world *world, unsigned conn)
{
    for (unsigned end = 0; end < 2; end++) {
        world->conn[conn].app[end].rude_at_n = 0;
        la_sim_app_run(world, conn * 2 + end);
    }
}

void
la_sim_law_progress(struct la_sim_world *world)
{
    la_sim_checked(world, LA_SIM_L_PROGRESS);
    for (unsigned i = 0; i < world->conns_n && !la_sim_is_over(world); i++) {
        struct la_sim_conn *c = &world->conn[i];
        uint64_t moved = 1;
        for (unsigned end = 0; end < 2; end++) {
            const struct la_sim_app *app = &c->app[end];
            moved += app->sent_n + app->received_n + app->is_open + app->close_called + app->ended +
                     app->is_over + app->released + app->tries_n;
        }
        bool over = c->app[0].is_over && (c->app[1].is_over || !c->app[1].is_open);
        bool stands = moved == c->moved && !over && !takes_its_time(world, &c->app[0]) &&
                      !takes_its_time(world, &c->app[1]);
        c->moved = moved;
        if (!stands)
            continue;
        if (la_sim_is_disturbed(world, c)) {
            give_up(world, i);
            continue;
        }
        /* Half-open strangers may keep a small queue full until their SYN,ACKs are given up. */
        if (!c->accepted && !c->app[1].opens && la_sim_was_full(&world->host[1]))
            continue;
        la_sim_violate(
            world, LA_SIM_L_PROGRESS, i,
            "nothing moved for %" PRIu64 " s on a network without faults: client %" PRIu64
            "/%" PRIu64 " sent, %" PRIu64 " received; server %" PRIu64 "/%" PRIu64 ", %" PRIu64,
            world->bound_ns / (uint64_t)LA_NS_PER_S, c->app[0].sent_n, c->app[0].send_n,
            c->app[0].received_n, c->app[1].sent_n, c->app[1].send_n, c->app[1].received_n);
    }
}

void
la_sim_law_complete(struct la_sim_world *world)
{
    for (unsigned i = 0; i < world->conns_n; i++) {
        const struct la_sim_conn *c = &world->conn[i];
        la_sim_checked(world, LA_SIM_L_COMPLETE);
        if (la_sim_is_disturbed(world, c)) {
            world->counts.disturbed++;
            continue;
        }
        world->counts.completed++;
        for (unsigned end = 0; end < 2; end++) {
            const struct la_sim_app *app = &c->app[end], *peer = &c->app[1 - end];
            if (!app->is_open || (!app->read_closed && app->received_n != peer->sent_n))
                la_sim_violate(world, LA_SIM_L_COMPLETE, i,
                               "the %s received %" PRIu64 " of %" PRIu64
                               " octets, and nothing had happened to the connection",
                               la_sim_end_name(end), app->received_n, peer->sent_n);
        }
    }
}
