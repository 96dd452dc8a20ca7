/* SPDX-License-Identifier: MIT
 *
 * box.c - the middlebox: what it does with the packets that pass, and when it acts by itself
 *
 * Read first: RFC 3234 for what such boxes do. What it does to a connection for as long as it lives
 * (moving numbers, taking options out of SYNs) it does both ways and for ever; what disturbs, it
 * stops when the network heals.
 */
#include "sim/world.h"

enum { PERMILLE = 1000, EVERY_MS_MIN = 20 };

static unsigned
from_end(const struct la_sim_world *world, const struct la_sim_packet *packet)
{
    struct la_addr server = la_sim_addr(1, world->ipv6);
    return la_addr_equal(&packet->read.src.addr, &server);
}

static bool
happens(const struct la_sim_world *world, const struct la_sim_fault *fault, uint64_t n,
        int32_t permille)
{
    return la_sim_draw(world, fault->step->id, n) % PERMILLE < (uint64_t)permille;
}

/* Options of SYNs go for all SYNs of a connection or for none, both ways: a box that takes an
 * agreement apart half-way breaks the connection by itself. */
static void
strip(struct la_sim_world *world, struct la_sim_fault *fault, struct la_sim_packet *packet)
{
    const struct la_sim_step *step = fault->step;
    bool syn = (packet->read.seg.flags & LA_TCP_SYN) != 0;
    if (syn != (step->a[1] != 0) || (!syn && !la_sim_is_active(world, fault)))
        return;
    uint64_t n = syn ? packet->conn : 1000 + fault->seen_n++;
    if (!happens(world, fault, n, step->a[2]) || !la_sim_box_strip(packet, (unsigned)step->a[0]))
        return;
    la_sim_struck(world, fault);
    if (!syn) /* without the agreed timestamps it is as good as lost */
        la_sim_tell_fate(world, packet, LA_WIRE_CORRUPTED, LA_REASON_WIRE_CORRUPTED);
}

static void
edit(struct la_sim_world *world, struct la_sim_packet *packet)
{
    for (uint32_t i = 0; i < world->faults_n; i++) {
        struct la_sim_fault *fault = &world->fault[i];
        if (fault->step->kind == LA_SIM_STRIP)
            strip(world, fault, packet);
        else if (fault->step->kind == LA_SIM_SHUFFLE && la_sim_is_active(world, fault) &&
                 happens(world, fault, fault->seen_n++, fault->step->a[0]) &&
                 la_sim_box_shuffle(packet))
            la_sim_struck(world, fault);
    }
}

static struct la_sim_fault *
active_of(struct la_sim_world *world, enum la_sim_step_kind kind)
{
    for (uint32_t i = 0; i < world->faults_n; i++)
        if (world->fault[i].step->kind == kind && la_sim_is_active(world, &world->fault[i]))
            return &world->fault[i];
    return NULL;
}

static void
let_go(struct la_sim_world *world)
{
    struct la_sim_packet *held = world->box.held;
    world->box.held = NULL;
    if (held != NULL)
        la_sim_router(world, LA_SIM_BOX_NODE, held);
}

/* Keeps a segment with text for a moment; what continues it makes one with it. */
static void
pass_merging(struct la_sim_world *world, struct la_sim_fault *fault,
             struct la_sim_packet *take_packet)
{
    struct la_sim_packet *held = world->box.held;
    struct la_sim_packet *one = held == NULL ? NULL : la_sim_box_merge(world, held, take_packet);
    if (one != NULL) {
        la_sim_struck(world, fault);
        la_sim_packet_free(&world->packets, held);
        la_sim_packet_free(&world->packets, take_packet);
        world->box.held = NULL;
        la_sim_router(world, LA_SIM_BOX_NODE, one);
        return;
    }
    let_go(world);
    if (take_packet->read.seg.text_bytes == 0) {
        la_sim_router(world, LA_SIM_BOX_NODE, take_packet);
        return;
    }
    world->box.held = take_packet;
    la_sim_put(world, world->now_ns + fault->step->a[0] * LA_NS_PER_US, LA_SIM_I_BOX, 1, NULL);
}

static void
pass(struct la_sim_world *world, struct la_sim_packet *take_packet)
{
    struct la_sim_packet *two[2];
    struct la_sim_fault *split = active_of(world, LA_SIM_SPLIT);
    struct la_sim_fault *merge = active_of(world, LA_SIM_MERGE);
    if (split != NULL && happens(world, split, split->seen_n++, split->step->a[0]) &&
        la_sim_box_split(world, take_packet, two)) {
        la_sim_struck(world, split);
        la_sim_packet_free(&world->packets, take_packet);
        la_sim_router(world, LA_SIM_BOX_NODE, two[0]);
        la_sim_router(world, LA_SIM_BOX_NODE, two[1]);
        return;
    }
    if (merge != NULL)
        pass_merging(world, merge, take_packet);
    else
        la_sim_router(world, LA_SIM_BOX_NODE, take_packet);
}

void
la_sim_box(struct la_sim_world *world, unsigned node, struct la_sim_packet *take_packet)
{
    struct la_sim_packet *packet = take_packet;
    packet->marks |= LA_SIM_M_BOXED;
    if (!packet->is_tcp || !la_sim_packet_is_sound(packet)) { /* what is wrong stays wrong */
        la_sim_router(world, node, packet);
        return;
    }
    if (world->box.shift_by != 0)
        la_sim_box_shift(world, packet);
    edit(world, packet);
    if (packet->conn != LA_SIM_NO_CONN)
        la_sim_box_learn(world, packet);
    pass(world, packet);
}

void
la_sim_box_wake(struct la_sim_world *world)
{
    let_go(world);
    for (uint32_t i = 0; i < world->faults_n && !la_sim_is_over(world); i++) {
        struct la_sim_fault *fault = &world->fault[i];
        if (fault->step->kind < LA_SIM_INJECT_RST || fault->next_ns > world->now_ns ||
            !la_sim_is_active(world, fault))
            continue;
        la_sim_box_inject(world, fault);
        int32_t every_ms = fault->step->a[1] > EVERY_MS_MIN ? fault->step->a[1] : EVERY_MS_MIN;
        fault->next_ns = world->now_ns + every_ms * LA_NS_PER_MS;
        if (fault->next_ns < fault->to_ns && !world->closing)
            la_sim_put(world, fault->next_ns, LA_SIM_I_BOX, 0, NULL);
    }
}

void
la_sim_box_fini(struct la_sim_world *world)
{
    la_sim_packet_free(&world->packets, world->box.held);
    for (unsigned i = 0; i < LA_SIM_SEEN; i++)
        la_sim_packet_free(&world->packets, world->box.seen[i]);
}

/* ---- what it remembers ------------------------------------------------------------------ */

void
la_sim_box_learn(struct la_sim_world *world, const struct la_sim_packet *packet)
{
    struct la_sim_box *box = &world->box;
    unsigned end = from_end(world, packet);
    const struct la_tcp_seg *seg = &packet->read.seg;
    la_seq behind = la_seq_add(seg->seq, seg->len);
    bool *known = &box->known[packet->conn][end];
    la_seq *nxt = &box->nxt[packet->conn][end];
    if ((seg->flags & LA_TCP_RST) == 0) {
        *nxt = *known && (seg->flags & LA_TCP_SYN) == 0 ? la_seq_max(*nxt, behind) : behind;
        *known = true;
        box->last[packet->conn][end] = *seg;
    }
    for (uint32_t i = 0; i < world->faults_n; i++) {
        if (world->fault[i].step->kind != LA_SIM_REPLAY)
            continue;
        struct la_sim_packet **slot = &box->seen[box->seen_n++ % LA_SIM_SEEN];
        la_sim_packet_free(&world->packets, *slot);
        *slot = la_sim_packet_copy(&world->packets, packet);
        break;
    }
}
