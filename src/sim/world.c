/* SPDX-License-Identifier: MIT
 *
 * world.c - one run from beginning to end
 *
 * Read first: docs/theory/sim.md. The run has three parts: with faults, until the network heals;
 * then until every application is done, watched for progress; then nobody holds a handle, and the
 * stacks' own timers must bring everything to its end.
 */
#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "proto/event_segment.h"
#include "sim/laws.h"

enum { EVENTS_N_MAX = 4000000, DRAIN_S = 24 * 3600 };

/* ---- what everybody uses ---------------------------------------------------------------- */

void
la_sim_violate(struct la_sim_world *world, enum la_sim_law law, unsigned conn, const char *format,
               ...)
{
    struct la_sim_result *result = world->result;
    va_list args;
    if (result->law != LA_SIM_L_NONE)
        return;
    result->law = law;
    result->at_ns = world->now_ns;
    if (conn != LA_SIM_NO_CONN) {
        result->conn_valid = 1;
        memcpy(result->conn, world->conn[conn].at, sizeof(result->conn));
    }
    va_start(args, format);
    (void)vsnprintf(result->text, sizeof(result->text), format, args);
    va_end(args);
}

void
la_sim_put(struct la_sim_world *world, int64_t at_ns, enum la_sim_item_kind kind, unsigned index,
           struct la_sim_packet *take_packet)
{
    struct la_sim_item item = {.at_ns = at_ns < world->now_ns ? world->now_ns : at_ns,
                               .packet = take_packet,
                               .kind = (uint8_t)kind,
                               .index = (uint8_t)index};
    if (la_sim_agenda_put(&world->agenda, &item))
        return;
    la_sim_packet_free(&world->packets, take_packet);
    la_sim_violate(world, LA_SIM_L_CRASH, LA_SIM_NO_CONN, "the simulator has no memory");
}

void
la_sim_mix(struct la_sim_world *world, const void *p, size_t n)
{
    const uint8_t *octets = p;
    uint64_t hash = world->result->hash;
    for (; n >= 8; n -= 8, octets += 8) {
        uint64_t word;
        memcpy(&word, octets, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    for (; n > 0; n--, octets++)
        hash = (hash ^ *octets) * UINT64_C(0x100000001b3);
    world->result->hash = hash;
}

void
la_sim_struck(struct la_sim_world *world, const struct la_sim_fault *fault)
{
    world->counts.step[fault->step->kind]++;
}

void
la_sim_tell_segment(struct la_sim_world *world, unsigned host, const struct la_sim_packet *packet,
                    enum la_event_kind kind)
{
    if (world->env.hear.sink == NULL || !packet->is_tcp)
        return;
    bool sent = kind == LA_EVENT_SEGMENT_SENT;
    struct la_event event = {
        .at = la_instant_of_ns(world->now_ns),
        .kind = (uint8_t)kind,
        .end = host == 1,
        .segment_id = packet->id,
        .local = sent ? packet->read.src : packet->read.dst,
        .remote = sent ? packet->read.dst : packet->read.src,
    };
    la_event_segment_of(&event.u.segment, &packet->read.seg, packet->read.seg.wnd);
    world->env.hear.sink(world->env.hear.ctx, &event);
}

/* To all connections of these ports: an old one's record can be in a new one's way. */
static void
count_loss(struct la_sim_world *world, const struct la_lab_packet *packet)
{
    for (unsigned i = 0; i < world->conns_n; i++) {
        struct la_sim_conn *conn = &world->conn[i];
        uint16_t client = conn->at[0].port, server = conn->at[1].port;
        conn->lost_n += (packet->src.port == client && packet->dst.port == server) ||
                        (packet->dst.port == client && packet->src.port == server);
    }
}

void
la_sim_tell_fate(struct la_sim_world *world, const struct la_sim_packet *packet,
                 enum la_wire_fate fate, enum la_reason reason)
{
    world->counts.reason[reason]++;
    if (packet->is_tcp && fate != LA_WIRE_DELIVERED)
        count_loss(world, &packet->read);
    if (world->env.hear.sink == NULL || !packet->is_tcp)
        return;
    struct la_addr server = la_sim_addr(1, world->ipv6);
    struct la_event event = {
        .at = la_instant_of_ns(world->now_ns),
        .kind = LA_EVENT_WIRE,
        .end = la_addr_equal(&packet->read.src.addr, &server),
        .segment_id = packet->id,
        .local = packet->read.src,
        .remote = packet->read.dst,
        .u.wire = {.fate = (uint8_t)fate, .reason = (uint16_t)reason},
    };
    world->env.hear.sink(world->env.hear.ctx, &event);
}

/* ---- the time --------------------------------------------------------------------------- */

static int64_t
host_next_ns(const struct la_sim_host *host)
{
    if (host->stack == NULL)
        return INT64_MAX;
    return la_sim_clock_reaches(&host->clock, la_stack_deadline(host->stack));
}

static void
at_host(struct la_sim_world *world, unsigned host, struct la_sim_packet *first)
{
    struct la_sim_packet *burst[LA_SIM_BURST_N] = {first};
    size_t n = 1;
    while (n < LA_SIM_BURST_N && la_sim_agenda_next_ns(&world->agenda) <= world->now_ns) {
        const struct la_sim_item *next = &world->agenda.heap[0];
        if (next->kind != LA_SIM_I_ARRIVE || world->pipe[next->index].to != host)
            break;
        burst[n++] = la_sim_agenda_take(&world->agenda).packet;
    }
    la_sim_host_input(&world->host[host], burst, n);
    la_sim_host_settle(&world->host[host]);
}

static void
at_node(struct la_sim_world *world, unsigned node, struct la_sim_packet *take_packet)
{
    if (node < LA_SIM_HOSTS)
        at_host(world, node, take_packet);
    else if (node == LA_SIM_BOX_NODE && la_sim_is_boxed(world))
        la_sim_box(world, node, take_packet);
    else
        la_sim_router(world, node, take_packet);
}

static void
begin_step(struct la_sim_world *world, const struct la_sim_step *step)
{
    struct la_sim_host *host = &world->host[(uint32_t)step->a[0] % LA_SIM_HOSTS];
    if (step->kind == LA_SIM_ACT) {
        la_sim_app_act(world, step);
        return;
    }
    world->counts.step[step->kind]++;
    if (step->kind == LA_SIM_SHUT) {
        la_sim_host_shut(&world->host[1]);
        la_sim_put(world, world->now_ns + step->a[1] * LA_NS_PER_MS, LA_SIM_I_LISTEN, 1, NULL);
    } else if (step->kind == LA_SIM_JUMP) {
        la_sim_clock_jump(&host->clock, world->now_ns, step->a[2] * LA_NS_PER_MS);
    } else {
        la_sim_host_crash(host);
        la_sim_put(world, world->now_ns + step->a[2] * LA_NS_PER_MS, LA_SIM_I_BOOT, host->index,
                   NULL);
    }
}

static void
heal(struct la_sim_world *world)
{
    for (unsigned i = 0; i < LA_SIM_HOSTS; i++)
        world->host[i].memory.refuses = false;
}

static void
watch(struct la_sim_world *world)
{
    if (world->closing)
        return;
    heal(world);
    world->counts.step[LA_SIM_HEAL]++;
    la_sim_law_progress(world);
    la_sim_put(world, world->now_ns + (int64_t)world->bound_ns, LA_SIM_I_WATCH, 0, NULL);
    for (unsigned i = 0; i < LA_SIM_HOSTS; i++)
        la_sim_host_settle(&world->host[i]);
}

static void
serve(struct la_sim_world *world, const struct la_sim_item *item)
{
    switch ((enum la_sim_item_kind)item->kind) {
    case LA_SIM_I_ARRIVE:
        at_node(world, world->pipe[item->index].to, item->packet);
        break;
    case LA_SIM_I_DIRECT:
        at_node(world, item->index, item->packet);
        break;
    case LA_SIM_I_STEP:
        begin_step(world, &world->plan->step[item->index]);
        for (unsigned i = 0; i < LA_SIM_HOSTS; i++)
            la_sim_host_settle(&world->host[i]);
        break;
    case LA_SIM_I_BOOT:
        if (world->host[item->index].stack == NULL)
            la_sim_host_boot(&world->host[item->index]);
        break;
    case LA_SIM_I_LISTEN:
        if (la_sim_host_listen(&world->host[item->index]) != LA_OK) /* no memory: later */
            la_sim_put(world, world->now_ns + LA_NS_PER_S, LA_SIM_I_LISTEN, item->index, NULL);
        break;
    case LA_SIM_I_APP:
        la_sim_app_run(world, item->index);
        la_sim_host_settle(&world->host[world->conn[item->index / 2].app[item->index % 2].host]);
        break;
    case LA_SIM_I_BOX:
        la_sim_box_wake(world);
        break;
    case LA_SIM_I_WATCH:
        watch(world);
        break;
    }
}

/* The next thing that happens. False: nothing ever will, or not before `until_ns`. */
static bool
step(struct la_sim_world *world, int64_t until_ns)
{
    int64_t next_ns = la_sim_agenda_next_ns(&world->agenda);
    unsigned host = LA_SIM_HOSTS;
    for (unsigned i = 0; i < LA_SIM_HOSTS; i++) {
        int64_t at_ns = host_next_ns(&world->host[i]);
        if (at_ns < next_ns) {
            next_ns = at_ns;
            host = i;
        }
    }
    if (next_ns == INT64_MAX || next_ns > until_ns)
        return false;
    if (next_ns > world->now_ns)
        world->now_ns = next_ns;
    if (++world->steps_n > EVENTS_N_MAX)
        la_sim_violate(world, LA_SIM_L_CRASH, LA_SIM_NO_CONN, "more than %d events", EVENTS_N_MAX);
    if (host < LA_SIM_HOSTS) {
        la_sim_host_timers(&world->host[host]);
        la_sim_host_settle(&world->host[host]);
        return true;
    }
    struct la_sim_item item = la_sim_agenda_take(&world->agenda);
    if (world->env.mutant == LA_SIM_MUTANT_ENDLESS)
        la_sim_put(world, world->now_ns, LA_SIM_I_LISTEN, 1, NULL);
    serve(world, &item);
    return true;
}

/* ---- a run ------------------------------------------------------------------------------ */

static void
drain(struct la_sim_world *world)
{
    int64_t until_ns = world->now_ns + DRAIN_S * LA_NS_PER_S;
    world->closing = true;
    for (unsigned i = 0; i < world->conns_n * 2 && !la_sim_is_over(world); i++)
        la_sim_app_run(world, i);
    for (unsigned i = 0; i < LA_SIM_HOSTS && !la_sim_is_over(world); i++)
        la_sim_host_settle(&world->host[i]);
    while (!la_sim_is_over(world) && step(world, until_ns)) {
    }
    for (unsigned i = 0; i < LA_SIM_HOSTS && !la_sim_is_over(world); i++)
        if (world->host[i].stack != NULL)
            la_sim_law_ends(&world->host[i]);
}

static void
fini(struct la_sim_world *world)
{
    for (unsigned i = 0; i < LA_SIM_HOSTS; i++)
        la_sim_host_fini(&world->host[i]);
    while (world->agenda.n > 0)
        la_sim_packet_free(&world->packets, la_sim_agenda_take(&world->agenda).packet);
    free(world->agenda.heap);
    la_sim_box_fini(world);
    la_sim_tap_fini(world);
    la_sim_packets_fini(&world->packets);
}

/* What no run may depend on. */
static void
mix_dice(struct la_sim_world *world)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    la_sim_mix(world, &ts, sizeof(ts));
}

void
la_sim_run(const struct la_sim_plan *plan, const struct la_sim_env *env,
           struct la_sim_result *result)
{
    struct la_seed seed = {{plan->seed}};
    struct la_sim_world *world = calloc(1, sizeof(*world));
    *result = (struct la_sim_result){.law = LA_SIM_L_NONE};
    if (world == NULL) {
        result->law = LA_SIM_L_CRASH;
        (void)snprintf(result->text, sizeof(result->text), "the simulator has no memory");
        return;
    }
    world->plan = plan;
    world->env = *env;
    world->result = result;
    world->key = la_key_derive(&seed, "sim");
    la_sim_setup(world);
    la_sim_tap_init(world);
    for (unsigned i = 0; i < LA_SIM_HOSTS; i++)
        if (i != 2 || world->route[2][1] != LA_SIM_NO_PIPE)
            la_sim_host_boot(&world->host[i]);
    la_sim_put(world, world->heal_ns, LA_SIM_I_WATCH, 0, NULL);
    while (!la_sim_is_over(world) && !la_sim_apps_are_over(world) && step(world, INT64_MAX)) {
    }
    if (!la_sim_is_over(world))
        la_sim_law_complete(world);
    if (!la_sim_is_over(world))
        drain(world);
    fini(world);
    if (env->mutant == LA_SIM_MUTANT_DICE)
        mix_dice(world);
    world->counts.runs = 1;
    world->counts.checked[LA_SIM_L_ASSERTION] = world->counts.checked[LA_SIM_L_CRASH] = 1;
    for (unsigned i = 0; i < LA_SIM_HOSTS; i++)
        world->counts.step[LA_SIM_ALLOC_FAIL] += world->host[i].memory.refused_n;
    world->counts.conns = world->conns_n;
    world->counts.virtual_ms = (uint64_t)(world->now_ns / LA_NS_PER_MS);
    result->counts = world->counts;
    free(world);
}
