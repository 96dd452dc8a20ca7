/* SPDX-License-Identifier: MIT
 *
 * pipe.c - one direction of a link: delay, rate, and the faults that the plan names
 *
 * Each fault draws for itself, by the ordinal of the packet in its pipe, with the fates of the
 * memory wire (link/fate.h) where those fit: to take one fault out of a plan leaves the others'
 * victims what they were, as long as the same packets are sent.
 */
#include <string.h>

#include "base/assert.h"
#include "sim/world.h"

enum { PERMYRIAD = 10000, PERMILLE = 1000, PACKET_BYTES = 1500 };
#define DELAY_NS_DEFAULT (5 * LA_NS_PER_MS)
#define REORDER_NS_DEFAULT (5 * LA_NS_PER_MS)

/* ---- built ------------------------------------------------------------------------------ */

struct link {
    uint8_t a, b;
};

/* Links of each shape; {0, 0} ends the list. TWO_WAYS uses one direction of each. */
static const struct link links[LA_SIM_SHAPES][4] = {
    [LA_SIM_DIRECT] = {{0, 1}},
    [LA_SIM_ROUTED] = {{0, 3}, {2, 3}, {3, 1}},
    [LA_SIM_ROUTED_FAR] = {{0, 3}, {2, 3}, {3, 4}, {4, 1}},
    [LA_SIM_BOXED] = {{0, 4}, {4, 1}},
    [LA_SIM_BOXED_FAR] = {{0, 3}, {2, 3}, {3, 4}, {4, 1}},
    [LA_SIM_TWO_WAYS] = {{0, 3}, {3, 1}, {1, 4}, {4, 0}},
};

static void
add_pipe(struct la_sim_world *world, uint8_t from, uint8_t to)
{
    world->pipe[world->pipes_n++] =
        (struct la_sim_pipe){.from = from, .to = to, .delay_ns = DELAY_NS_DEFAULT, .last_ns = 0};
}

/* Follows pipes back from each host, nearest first. */
static void
find_routes(struct la_sim_world *world)
{
    memset(world->route, LA_SIM_NO_PIPE, sizeof(world->route));
    for (unsigned dst = 0; dst < LA_SIM_HOSTS; dst++) {
        bool known[LA_SIM_NODES] = {[0] = dst == 0, [1] = dst == 1, [2] = dst == 2};
        for (unsigned round = 0; round < LA_SIM_NODES; round++) {
            bool reached[LA_SIM_NODES];
            memcpy(reached, known, sizeof(reached));
            for (unsigned i = 0; i < world->pipes_n; i++) {
                const struct la_sim_pipe *pipe = &world->pipe[i];
                bool through_host = pipe->to < LA_SIM_HOSTS && pipe->to != dst;
                if (!known[pipe->to] || known[pipe->from] || through_host)
                    continue;
                world->route[pipe->from][dst] = (uint8_t)i;
                reached[pipe->from] = true;
            }
            memcpy(known, reached, sizeof(known));
        }
    }
}

static struct la_sim_pipe *
pipe_of(struct la_sim_world *world, const struct la_sim_step *step)
{
    return &world->pipe[(uint32_t)step->a[0] % world->pipes_n];
}

void
la_sim_pipes_build(struct la_sim_world *world)
{
    for (unsigned i = 0; i < 4; i++) {
        struct link link = links[world->shape][i];
        if (link.a == link.b)
            break;
        add_pipe(world, link.a, link.b);
        if (world->shape != LA_SIM_TWO_WAYS)
            add_pipe(world, link.b, link.a);
    }
    find_routes(world);
    for (uint32_t i = 0; i < world->plan->n; i++) {
        const struct la_sim_step *step = &world->plan->step[i];
        if (step->kind == LA_SIM_DELAY) {
            pipe_of(world, step)->delay_ns = (int64_t)step->a[1] * LA_NS_PER_US;
            pipe_of(world, step)->jitter_ns = (int64_t)step->a[2] * LA_NS_PER_US;
            world->counts.step[LA_SIM_DELAY]++;
        } else if (step->kind == LA_SIM_RATE && step->a[1] > 0) {
            pipe_of(world, step)->rate_bps = (uint64_t)step->a[1] * 1000;
            pipe_of(world, step)->queue_n = step->a[2] > 0 ? (uint32_t)step->a[2] : 1;
        }
    }
}

/* ---- a packet's way --------------------------------------------------------------------- */

struct trip {
    struct la_sim_world *world;
    struct la_sim_pipe *pipe;
    struct la_sim_packet *packet; /* NULL: gone */
    int64_t held_ns;
    uint32_t copies_n;
    bool held;
};

static void
lose(struct trip *trip, enum la_reason reason)
{
    la_sim_tell_fate(trip->world, trip->packet, LA_WIRE_DROPPED, reason);
    la_sim_packet_free(&trip->world->packets, trip->packet);
    trip->packet = NULL;
}

/* What the fates of the memory wire say about this packet. */
static struct la_wire_verdict
verdict_of(const struct trip *trip, struct la_sim_fault *fault)
{
    struct la_wire_verdict verdict;
    fault->flow.side[0].packets_n = trip->pipe->passed_n;
    la_wire_fate_decide(&verdict, &fault->keys, &fault->faults, &fault->flow, 0);
    return verdict;
}

/* One bit of the packet, or with `disguise` one of its TCP header (not the ports) or text, and a
 * checksum that fits. */
static void
flip(struct trip *trip, uint64_t bit, bool disguise)
{
    struct la_sim_packet *packet = trip->packet;
    size_t off = la_sim_packet_tcp_off(packet);
    if (disguise && off == 0)
        return;
    size_t first = disguise ? off + 4 : 0;
    bool again = (packet->marks & LA_SIM_M_ALTERED) != 0;
    bit %= (packet->n - first) * 8;
    packet->bytes[first + bit / 8] ^= (uint8_t)(1u << bit % 8);
    packet->marks |= disguise ? LA_SIM_M_DISGUISED : LA_SIM_M_ALTERED;
    if (disguise)
        la_sim_packet_sum(packet);
    la_sim_packet_read(packet);
    if (again && la_sim_packet_is_sound(packet)) /* two flips can leave the sum as it was */
        packet->marks |= LA_SIM_M_DISGUISED;
    la_sim_tell_fate(trip->world, packet, LA_WIRE_CORRUPTED, LA_REASON_WIRE_CORRUPTED);
}

static void
too_big(struct trip *trip, const struct la_sim_fault *fault)
{
    uint32_t mtu_bytes = (uint32_t)fault->step->a[1];
    if (trip->packet->n <= mtu_bytes)
        return;
    la_sim_struck(trip->world, fault);
    if (fault->step->a[2] != 0)
        la_sim_icmp_send(trip->world, trip->pipe->from, trip->packet, LA_SIM_ICMP_TOO_BIG,
                         mtu_bytes);
    lose(trip, LA_REASON_WIRE_TOO_BIG);
}

/* RFC 3168 5: CE in place of ECT. */
static void
mark(struct trip *trip, const struct la_sim_fault *fault)
{
    struct la_sim_packet *packet = trip->packet;
    uint64_t draw = la_sim_draw(trip->world, fault->step->id, trip->pipe->passed_n);
    if (draw % PERMYRIAD >= (uint64_t)fault->step->a[1] || !la_sim_packet_mark(packet))
        return;
    la_sim_struck(trip->world, fault);
    la_sim_tell_fate(trip->world, packet, LA_WIRE_MARKED, LA_REASON_WIRE_MARKED);
}

static bool
is_periodic_victim(const struct trip *trip, const struct la_sim_step *step)
{
    return step->a[1] > 0 && trip->pipe->passed_n % (uint64_t)step->a[1] == 0;
}

static bool
is_kind_victim(const struct trip *trip, const struct la_sim_step *step)
{
    return (la_sim_packet_kinds(trip->packet) & (unsigned)step->a[1]) != 0 &&
           la_sim_draw(trip->world, step->id, trip->pipe->passed_n) % PERMILLE <
               (uint64_t)step->a[2];
}

/* What one fault does to the packet. */
static void
suffer(struct trip *trip, struct la_sim_fault *fault)
{
    const struct la_sim_step *step = fault->step;
    struct la_wire_verdict verdict = {0};
    if (fault->faults.keyed)
        verdict = verdict_of(trip, fault);
    bool lost = verdict.lost || verdict.burst_lost ||
                (step->kind == LA_SIM_PERIODIC && is_periodic_victim(trip, step)) ||
                (step->kind == LA_SIM_LOSE_KIND && is_kind_victim(trip, step)) ||
                step->kind == LA_SIM_OUTAGE;
    if (step->kind == LA_SIM_MTU) {
        too_big(trip, fault);
        return;
    }
    if (step->kind == LA_SIM_MARK) {
        mark(trip, fault);
        return;
    }
    if (!lost && !verdict.reordered && !verdict.duplicated && !verdict.corrupted)
        return;
    la_sim_struck(trip->world, fault);
    if (step->kind == LA_SIM_OUTAGE && step->a[1] != LA_SIM_ICMP_NONE)
        la_sim_icmp_send(trip->world, trip->pipe->from, trip->packet, (enum la_sim_icmp)step->a[1],
                         0);
    if (lost) {
        lose(trip, verdict.burst_lost ? LA_REASON_WIRE_BURST : LA_REASON_WIRE_LOST);
        return;
    }
    if (verdict.reordered) {
        trip->held = true;
        trip->held_ns += fault->faults.reorder_ns;
        la_sim_tell_fate(trip->world, trip->packet, LA_WIRE_REORDERED, LA_REASON_WIRE_REORDERED);
    }
    trip->copies_n += verdict.duplicated;
    if (verdict.corrupted)
        flip(trip, verdict.bit, step->kind == LA_SIM_DISGUISE);
}

/* When its last bit has left; the queue may be full. */
static int64_t
serialise(struct trip *trip)
{
    struct la_sim_pipe *pipe = trip->pipe;
    int64_t now_ns = trip->world->now_ns;
    if (pipe->rate_bps == 0)
        return now_ns;
    int64_t begins = pipe->free_at_ns > now_ns ? pipe->free_at_ns : now_ns;
    uint64_t waiting_bytes = (uint64_t)(begins - now_ns) * (pipe->rate_bps / 1000) / 8000000;
    if (waiting_bytes > (uint64_t)pipe->queue_n * PACKET_BYTES) {
        trip->world->counts.step[LA_SIM_RATE]++;
        lose(trip, LA_REASON_WIRE_QUEUE_FULL);
        return now_ns;
    }
    uint64_t bits = (uint64_t)trip->packet->n * 8;
    pipe->free_at_ns = begins + (int64_t)(bits * (uint64_t)LA_NS_PER_S / pipe->rate_bps);
    return pipe->free_at_ns;
}

/* Jitter does not reorder, and what is held back does not hold back those behind it. */
static int64_t
arrival_ns(struct trip *trip, int64_t departs_ns)
{
    struct la_sim_pipe *pipe = trip->pipe;
    int64_t at_ns = departs_ns + pipe->delay_ns;
    if (pipe->jitter_ns > 0)
        at_ns += (int64_t)(la_sim_draw(trip->world, 200u + pipe->from, pipe->passed_n) %
                           (uint64_t)pipe->jitter_ns);
    if (at_ns < pipe->last_ns)
        at_ns = pipe->last_ns;
    if (!trip->held)
        pipe->last_ns = at_ns;
    return at_ns + trip->held_ns;
}

void
la_sim_pipe_send(struct la_sim_world *world, unsigned idx, struct la_sim_packet *take_packet)
{
    struct la_sim_pipe *pipe = &world->pipe[idx];
    struct trip trip = {.world = world, .pipe = pipe, .packet = take_packet};
    pipe->passed_n++;
    for (uint32_t i = 0; i < world->faults_n && trip.packet != NULL; i++) {
        struct la_sim_fault *fault = &world->fault[i];
        bool here = fault->step->kind <= LA_SIM_OUTAGE &&
                    (uint32_t)fault->step->a[0] % world->pipes_n == idx;
        if (here && la_sim_is_active(world, fault))
            suffer(&trip, fault);
    }
    bool stalled = world->env.mutant == LA_SIM_MUTANT_STALLED && world->now_ns > world->heal_ns / 8;
    if (stalled && trip.packet != NULL)
        lose(&trip, LA_REASON_WIRE_LOST);
    int64_t departs_ns = trip.packet == NULL ? 0 : serialise(&trip);
    if (trip.packet == NULL)
        return;
    int64_t at_ns = arrival_ns(&trip, departs_ns);
    if (at_ns - world->now_ns > pipe->slowest_ns)
        pipe->slowest_ns = at_ns - world->now_ns;
    for (uint32_t i = 0; i < trip.copies_n; i++) {
        struct la_sim_packet *copy = la_sim_packet_copy(&world->packets, trip.packet);
        if (copy == NULL)
            continue;
        la_sim_tell_fate(world, copy, LA_WIRE_DUPLICATED, LA_REASON_WIRE_DUPLICATED);
        la_sim_put(world, at_ns, LA_SIM_I_ARRIVE, idx, copy);
    }
    la_sim_put(world, at_ns, LA_SIM_I_ARRIVE, idx, trip.packet);
}
