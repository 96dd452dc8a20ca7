/* SPDX-License-Identifier: MIT
 *
 * host.c - a host: its stack, memory and clock; frames in and out; crash and return
 */
#include <string.h>

#include "base/frame.h"
#include "base/mem.h"
#include "sim/laws.h"
#include "stack/instance.h"

enum { IFACE_MTU_BYTES = 1500, PREFIX_V4 = 24, PREFIX_V6 = 64, TIMERS_N = 256 };
enum { OUTPUT_N = 32, ROUNDS_N_MAX = 10000 };
/* Everything but segments: hearing those makes a stack take and make them one by one. */
#define MASK_PLAIN                                                                                 \
    (LA_EVENT_ALL & ~(LA_EVENT_BIT(LA_EVENT_SEGMENT_SENT) | LA_EVENT_BIT(LA_EVENT_SEGMENT_ARRIVED)))

/* ---- what the stack tells --------------------------------------------------------------- */

/* The state that was told last for this handle, and from now on the new one. */
static unsigned
next_state(struct la_sim_host *host, const struct la_event *event)
{
    uint32_t i = 0;
    while (i < host->handles_n && host->handle[i].conn != event->conn)
        i++;
    unsigned before = i < host->handles_n ? host->handle[i].state : 0;
    uint8_t to = event->u.state.to;
    if (i == host->handles_n && host->handles_n < LA_SIM_HANDLES)
        host->handle[host->handles_n++].conn = event->conn;
    if (i >= host->handles_n)
        return 0;
    host->handle[i].state = to;
    bool back = to == LA_TCP_LISTEN && event->u.state.from != LA_TCP_CLOSED;
    if (to == LA_TCP_CLOSED || back) /* its number may be somebody else's next */
        host->handle[i] = host->handle[--host->handles_n];
    return before;
}

static void
hear(void *ctx, const struct la_event *event)
{
    struct la_sim_host *host = ctx;
    struct la_sim_world *world = host->world;
    struct la_event told = *event;
    if (event->kind == LA_EVENT_STATE) {
        unsigned from = event->u.state.from;
        if (world->env.mutant == LA_SIM_MUTANT_EDGE_UNDRAWN && from == LA_TCP_ESTABLISHED)
            told.u.state.to = LA_TCP_FIN_WAIT_2;
        if (world->env.mutant == LA_SIM_MUTANT_FIN_UNSEEN && from == LA_TCP_ESTABLISHED &&
            event->u.state.event == LA_TCP_EV_CLOSE) {
            told.u.state.event = LA_TCP_EV_RCV_FIN;
            told.u.state.to = LA_TCP_CLOSE_WAIT;
        }
        world->counts.edge[from][event->u.state.event]++;
        la_sim_law_edge(host, &told, next_state(host, &told));
        la_sim_law_possible(host, &told);
    } else if (event->kind == LA_EVENT_TIMER) {
        world->counts.timer[event->u.timer.timer]++;
    }
    la_sim_mix(world, &event->at, sizeof(event->at));
    la_sim_mix(world, &event->kind, sizeof(event->kind));
    la_sim_mix(world, &event->conn, sizeof(event->conn));
    if (event->kind == LA_EVENT_STATE)
        la_sim_mix(world, &event->u.state, sizeof(event->u.state));
    if (world->env.hear.sink == NULL || event->kind == LA_EVENT_SEGMENT_SENT ||
        event->kind == LA_EVENT_SEGMENT_ARRIVED)
        return;
    told.at = la_instant_of_ns(world->now_ns); /* a ladder has one clock */
    told.end = host->index == 1;
    told.segment_id = 0;
    world->env.hear.sink(world->env.hear.ctx, &told);
}

bool
la_sim_host_has_conn(const struct la_sim_host *host, const struct la_endpoint *local,
                     const struct la_endpoint *remote)
{
    struct la_tuple tuple = {*local, *remote};
    return host->stack != NULL && la_stack_find(host->stack, &tuple) != LA_REC_NONE;
}

/* ---- up and down ------------------------------------------------------------------------ */

void
la_sim_host_init(struct la_sim_world *world, unsigned index)
{
    struct la_sim_host *host = &world->host[index];
    host->world = world;
    host->index = (uint8_t)index;
    host->backlog_n = 16;
    la_stack_cfg_init(&host->cfg);
    host->cfg.end_id = index == 1;
    host->cfg.seed[0] = world->plan->seed;
    host->cfg.seed[1] = index + 1u;
    host->cfg.checksum = world->env.checksum;
    host->cfg.tcp.rto_us_max = 10000000;
    host->cfg.tcp.msl_ms = 2000;
    host->cfg.tcp.fin_wait_2_ms = 5000;
    /* Clocks that show different times, and not the run's. */
    host->clock.host_ns = (int64_t)(la_sim_draw(world, 210u + index, 0) % 1000000) * LA_NS_PER_S;
    host->memory.every_n = 1;
}

la_err
la_sim_host_listen(struct la_sim_host *host)
{
    struct la_endpoint at = {la_sim_addr(host->index, host->world->ipv6), LA_SIM_SERVER_PORT};
    if (host->stack == NULL || host->listener != 0)
        return LA_OK; /* it does when it has started, or it does */
    return la_listener_open(host->stack, &at, host->backlog_n, NULL, &host->listener,
                            la_sim_host_now(host));
}

void
la_sim_host_shut(struct la_sim_host *host)
{
    if (host->stack != NULL && host->listener != 0)
        (void)la_listener_close(host->stack, host->listener, la_sim_host_now(host));
    host->listener = 0;
}

static la_err
configure(struct la_sim_host *host)
{
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = IFACE_MTU_BYTES}};
    struct la_addr addr = la_sim_addr(host->index, host->world->ipv6);
    struct la_addr any = host->world->ipv6 ? (struct la_addr){{0}} : la_addr_v4(0, 0, 0, 0);
    int idx;
    la_err err = la_stack_iface_add(host->stack, &iface, &idx);
    if (err == LA_OK)
        err = la_stack_addr_add(host->stack, idx, &addr, host->world->ipv6 ? PREFIX_V6 : PREFIX_V4);
    if (err == LA_OK)
        err = la_stack_route_add(host->stack, idx, &any, 0, NULL);
    if (err == LA_OK && host->index == 1)
        err = la_sim_host_listen(host);
    return err;
}

static void
mem_gone(struct la_sim_host *host)
{
    struct la_mem_stats stats;
    if (host->mem == NULL)
        return;
    la_mem_trim(host->mem);
    la_mem_stats_get(host->mem, &stats);
    if (host->world->env.mutant == LA_SIM_MUTANT_LEAK) {
        struct la_alloc alloc = la_sim_memory_alloc(&host->memory);
        (void)alloc.alloc(alloc.ctx, 1);
    }
    la_mem_unref(host->mem);
    host->mem = NULL;
    if (!la_sim_is_over(host->world))
        la_sim_law_memory_end(host, &stats);
}

void
la_sim_host_boot(struct la_sim_host *host)
{
    struct la_alloc alloc = la_sim_memory_alloc(&host->memory);
    uint64_t budget = host->budget_bytes;
    if (host->world->env.mutant == LA_SIM_MUTANT_OVER_BUDGET)
        host->budget_bytes = 4096;
    host->mem = la_mem_new(&alloc, budget);
    if (host->mem != NULL && host->piecemeal)
        la_mem_keep_nothing(host->mem);
    host->cfg.mem = host->mem;
    host->cfg.seed[2] = host->boots_n++;
    host->cfg.trace = (struct la_trace){hear, host, host->listens_all ? LA_EVENT_ALL : MASK_PLAIN};
    host->handles_n = 0;
    host->listener = 0;
    host->stack = NULL;
    la_err err = host->mem == NULL ? LA_ERR_NO_MEMORY
                                   : la_stack_new(&host->cfg, la_sim_host_now(host), &host->stack);
    if (err == LA_OK)
        err = configure(host);
    if (err == LA_OK)
        return;
    la_stack_free(host->stack);
    host->stack = NULL;
    mem_gone(host);
    if (err != LA_ERR_NO_MEMORY || host->memory.refused_n == 0)
        la_sim_violate(host->world, LA_SIM_L_MEMORY, LA_SIM_NO_CONN, "host %u does not start: %s",
                       host->index, la_err_name(err));
    else
        la_sim_put(host->world, host->world->now_ns + LA_NS_PER_S, LA_SIM_I_BOOT, host->index,
                   NULL);
}

static void
count_reasons(struct la_sim_host *host)
{
    const struct la_stack_stats *stats = la_stack_stats(host->stack);
    for (unsigned i = 0; i < LA_REASON_COUNT; i++)
        host->world->counts.reason[i] += stats->reason[i];
}

void
la_sim_host_fini(struct la_sim_host *host)
{
    if (host->stack != NULL) {
        count_reasons(host);
        la_stack_free(host->stack);
        host->stack = NULL;
    }
    mem_gone(host);
}

void
la_sim_host_crash(struct la_sim_host *host)
{
    if (host->stack == NULL)
        return;
    host->crashes_n++;
    for (unsigned i = 0; i < host->world->conns_n * 2; i++)
        if (host->world->conn[i / 2].app[i % 2].host == host->index)
            la_sim_app_crash(host->world, i);
    la_sim_host_fini(host);
}

/* ---- frames ----------------------------------------------------------------------------- */

/* What the sequence-space laws of the stack's own room say about the connection. */
static void
check_conn(const struct la_sim_host *host, const struct la_sim_packet *packet)
{
    struct la_tuple tuple = {packet->read.dst, packet->read.src};
    uint32_t idx = packet->is_tcp ? la_stack_find(host->stack, &tuple) : LA_REC_NONE;
    if (!la_idx_is_rec(idx))
        return;
    struct la_tcp_conn *conn = &la_rec_at(host->stack, idx)->tcp;
    if (host->world->env.mutant == LA_SIM_MUTANT_BROKEN_INVARIANT)
        conn->snd_una = la_seq_add(conn->snd_nxt, 1);
    la_tcp_conn_check(conn, &host->stack->env);
}

static void
check_conns(const struct la_sim_host *host)
{
    for (uint32_t idx = 0; idx < la_recs_end(host->stack); idx++) {
        if (!la_rec_exists(host->stack, idx))
            continue;
        const struct la_rec *rec = la_rec_at(host->stack, idx);
        if ((rec->flags & LA_REC_LIVE) != 0)
            la_tcp_conn_check(&rec->tcp, &host->stack->env);
    }
}

void
la_sim_host_input(struct la_sim_host *host, struct la_sim_packet **take_packets, size_t n)
{
    struct la_sim_world *world = host->world;
    struct la_frame *frames[LA_SIM_BURST_N];
    size_t frames_n = 0;
    for (size_t i = 0; i < n; i++) {
        struct la_sim_packet *packet = take_packets[i];
        if (host->stack == NULL)
            continue;
        struct la_frame *frame =
            la_frame_from_bytes(host->mem, (struct la_bytes){packet->bytes, packet->n});
        if (frame == NULL) {
            la_sim_tell_fate(world, packet, LA_WIRE_DROPPED, LA_REASON_WIRE_NO_MEMORY);
            continue;
        }
        frames[frames_n++] = frame;
        la_sim_tell_segment(world, host->index, packet, LA_EVENT_SEGMENT_ARRIVED);
        if (la_sim_packet_is_sound(packet)) {
            la_sim_track_arrives(world, host->index, packet);
            la_sim_tap_show(world, host->index, packet);
        }
    }
    if (frames_n != 0 && !la_sim_is_over(world)) {
        struct la_sim_marks_before before[LA_SIM_BURST_N];
        la_sim_law_marks_before(host, take_packets, n, before);
        la_stack_input(host->stack, 0, frames, frames_n, la_sim_host_now(host));
        la_sim_law_marks_after(host, take_packets, n, before);
        for (size_t i = 0; i < n; i++)
            check_conn(host, take_packets[i]);
    } else {
        for (size_t i = 0; i < frames_n; i++)
            la_frame_free(frames[i]);
    }
    for (size_t i = 0; i < n; i++)
        la_sim_packet_free(&world->packets, take_packets[i]);
}

/* Lies to the laws about what is sent. */
static void
mutate(struct la_sim_world *world, struct la_sim_packet *packet)
{
    size_t off = la_sim_packet_tcp_off(packet);
    uint8_t *tcp = packet->bytes + off;
    if (off == 0 || (packet->read.seg.flags & LA_TCP_SYN) != 0)
        return;
    if (world->env.mutant == LA_SIM_MUTANT_EDGE_LEFT && packet->read.seg.wnd > 1)
        la_put16(tcp + 14, 1);
    else if (world->env.mutant == LA_SIM_MUTANT_BEYOND_WINDOW && packet->read.seg.len > 0)
        la_put32(tcp + 4, packet->read.seg.seq.v + (1u << 24));
    else if (world->env.mutant == LA_SIM_MUTANT_ACK_OF_NOTHING)
        la_put32(tcp + 8, packet->read.seg.ack.v + 1);
    else if (world->env.mutant == LA_SIM_MUTANT_SACK_OF_NOTHING && packet->read.seg.sack_n > 0) {
        packet->read.seg.sack[0].right.v += 1u << 20; /* in what the tracker is shown */
        return;
    } else if (world->env.mutant == LA_SIM_MUTANT_RESET_SENT)
        tcp[13] |= LA_TCP_RST;
    else
        return;
    la_sim_packet_sum(packet);
    la_sim_packet_read(packet);
}

static void
send(struct la_sim_host *host, struct la_frame *take_frame)
{
    struct la_sim_world *world = host->world;
    struct la_sim_packet *packet = la_sim_packet_new(&world->packets, la_frame_octets(take_frame));
    if (packet != NULL) {
        (void)la_frame_copy_out(take_frame, 0, packet->bytes, packet->n);
        la_sim_packet_read(packet);
    }
    la_frame_free(take_frame);
    if (packet == NULL)
        return;
    if (world->env.mutant != LA_SIM_MUTANT_NONE)
        mutate(world, packet);
    world->counts.segments += packet->is_tcp;
    la_sim_law_marks_sent(host, packet);
    la_sim_mix(world, &world->now_ns, sizeof(world->now_ns));
    la_sim_mix(world, packet->bytes, packet->n);
    la_sim_track_sent(world, host->index, packet);
    la_sim_tap_show(world, host->index, packet);
    la_sim_tell_segment(world, host->index, packet, LA_EVENT_SEGMENT_SENT);
    la_sim_route(world, host->index, packet);
}

static bool
output(struct la_sim_host *host)
{
    struct la_frame *frames[OUTPUT_N];
    size_t n, total = 0;
    do {
        n = la_stack_output(host->stack, 0, frames, OUTPUT_N, la_sim_host_now(host));
        for (size_t i = 0; i < n; i++)
            send(host, frames[i]);
        total += n;
    } while (n == OUTPUT_N);
    return total != 0;
}

/* ---- settling --------------------------------------------------------------------------- */

void
la_sim_host_timers(struct la_sim_host *host)
{
    if (host->stack == NULL)
        return;
    while (la_stack_run(host->stack, la_sim_host_now(host), TIMERS_N)) {
    }
    check_conns(host);
}

void
la_sim_host_settle(struct la_sim_host *host)
{
    bool again = true;
    for (unsigned round = 0; again && host->stack != NULL && !la_sim_is_over(host->world);
         round++) {
        struct la_stack_event event;
        again = false;
        while (la_stack_next_event(host->stack, &event)) {
            again = true;
            if (event.kind == LA_STACK_EV_LISTENER && host->cfg.tcp.fast_open_n_max != 0)
                (void)output(host); /* the SYN,ACK: by it the tracker knows what is accepted */
            if (event.kind == LA_STACK_EV_LISTENER)
                la_sim_app_accept(host);
            else if (event.kind == LA_STACK_EV_CONN)
                la_sim_app_ready(host, &event);
        }
        again |= output(host);
        if (round > ROUNDS_N_MAX)
            la_sim_violate(host->world, LA_SIM_L_CRASH, LA_SIM_NO_CONN,
                           "host %u does not come to rest", host->index);
    }
    if (host->stack != NULL)
        la_sim_law_memory(host);
}
