/* SPDX-License-Identifier: MIT
 *
 * tap.c - an observer at one host's link: the analyser, and the law that it is held against
 *
 * It sees what that host sends and what reaches it, and nothing else; whatever happens to packets
 * on their way to and from the other host is hidden from it. Its set of possible states must then
 * always include the state that either end says it is in (docs/explain.md, "States").
 *
 * The law is silent where the other end was told what never passed the tap: by a box that makes
 * packets up or changes numbers, where the four-tuple is another connection's by now, and where
 * text of the connection before it comes late: its numbers may fit.
 */
#include <lastack/explain.h>

#include <stdlib.h>

#include "base/link_type.h"
#include "sim/laws.h"

enum { DRAW_TAP = 0x746170 };

static void *
take(void *ctx, size_t n)
{
    (void)ctx;
    return malloc(n);
}

static void
give(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    free(p);
}

void
la_sim_tap_init(struct la_sim_world *world)
{
    struct la_alloc alloc = {take, give, NULL};
    struct la_mem *mem = la_mem_new(&alloc, 0);
    struct la_explain_cfg cfg;
    la_explain_cfg_init(&cfg);
    world->tap_host = (uint8_t)(la_sim_draw(world, DRAW_TAP, 0) % 2);
    if (mem == NULL)
        return;
    if (la_explain_new(&cfg, mem, &world->observer) != LA_OK)
        world->observer = NULL;
    la_mem_unref(mem);
}

void
la_sim_tap_fini(struct la_sim_world *world)
{
    la_explain_free(world->observer);
    world->observer = NULL;
}

/* Text or a FIN of an earlier connection between these ports comes late: its numbers may fit. */
static void
note_late(struct la_sim_world *world, unsigned host, const struct la_sim_packet *packet)
{
    unsigned end = 0;
    const struct la_lab_packet *p = &packet->read;
    if (!packet->is_tcp || packet->conn == LA_SIM_NO_CONN || p->seg.len == 0)
        return;
    uint8_t now = la_sim_track_find(world, host, &p->dst, &p->src, &end);
    if (now != LA_SIM_NO_CONN && now != packet->conn)
        world->conn[now].misled = true;
}

void
la_sim_tap_show(struct la_sim_world *world, unsigned host, const struct la_sim_packet *packet)
{
    bool is_fin = packet->is_tcp && (packet->read.seg.flags & LA_TCP_FIN) != 0;
    if (world->observer == NULL || host != world->tap_host ||
        (is_fin && world->env.mutant == LA_SIM_MUTANT_TAP_BLIND))
        return;
    note_late(world, host, packet);
    struct la_explain_packet one = {.bytes = {packet->bytes, packet->n},
                                    .wire_bytes = packet->n,
                                    .link_type = LA_LINKTYPE_RAW,
                                    .frame = packet->id + 1,
                                    .at = {world->now_ns}};
    struct la_explain_conn conn;
    la_explain_packet(world->observer, &one);
    while (la_explain_next(world->observer, &conn))
        ;
}

/* Is it the connection that the tracker knows, by the ISNs of both? */
static bool
is_this(const struct la_sim_conn *conn, unsigned end, const struct la_explain_look *look)
{
    for (unsigned i = 0; i < 2; i++) {
        unsigned theirs = i == 0 ? look->end_of_a : 1U - look->end_of_a;
        const struct la_sim_view *view = &conn->view[i == 0 ? end : 1 - end];
        if (look->isn_known[theirs] && (!view->begun || view->iss.v != look->isn[theirs]))
            return false;
    }
    return look->isn_known[0] || look->isn_known[1];
}

static bool
was_told_lies(const struct la_sim_world *world, const struct la_sim_conn *conn)
{
    return world->box.shift_by != 0 || world->strangers_n != 0 || conn->view[0].fooled ||
           conn->view[1].fooled || conn->view[0].strange || conn->view[1].strange ||
           conn->optimistic || conn->misled;
}

/* An old SYN begins another record, whose ISN nobody has seen yet; a SYN behind it may end that
 * before its answer leaves. */
static bool
is_anew(struct la_sim_view *view, const struct la_event *event, bool isn_known)
{
    bool is = view->anew || (event->u.state.event == LA_TCP_EV_RCV_SYN && isn_known);
    view->anew = is && event->u.state.to == LA_TCP_SYN_RECEIVED;
    return is;
}

void
la_sim_law_possible(struct la_sim_host *host, const struct la_event *event)
{
    struct la_sim_world *world = host->world;
    unsigned end = 0;
    struct la_explain_look look;
    uint8_t conn = la_sim_track_find(world, host->index, &event->local, &event->remote, &end);
    /* An OPEN is another connection's: nothing of it has been sent. */
    bool opens = event->u.state.event == LA_TCP_EV_OPEN_ACTIVE ||
                 event->u.state.event == LA_TCP_EV_OPEN_PASSIVE;
    if (world->observer == NULL || conn == LA_SIM_NO_CONN || opens ||
        was_told_lies(world, &world->conn[conn]) ||
        !la_explain_look(world->observer, &event->local, &event->remote, &look) ||
        !is_this(&world->conn[conn], end, &look) ||
        is_anew(&world->conn[conn].view[end], event, look.isn_known[look.end_of_a]))
        return;
    world->counts.checked[LA_SIM_L_POSSIBLE]++;
    uint16_t state = (uint16_t)(1u << event->u.state.to);
    if ((look.possible[look.end_of_a] & state) == 0)
        la_sim_violate(world, LA_SIM_L_POSSIBLE, conn,
                       "the %s is in %s by %s, which an observer at host %u excludes (it holds "
                       "0x%x possible)",
                       end == 0 ? "client" : "server",
                       la_tcp_state_name((enum la_tcp_state)event->u.state.to, LA_NAMES_RFC),
                       la_tcp_event_name((enum la_tcp_event)event->u.state.event), world->tap_host,
                       look.possible[look.end_of_a]);
}
