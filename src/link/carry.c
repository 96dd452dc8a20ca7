/* SPDX-License-Identifier: MIT
 *
 * carry.c - one packet's way over the memory wire
 *
 * Counted (flow.c), its fate decided (fate.c), too big or picked or lost, serialised (shape.c) and
 * marked when the queue is long (mark.c), copied if it is duplicated, changed if it is corrupted,
 * then under way (line.c). All of it is decided when the packet is sent: what gets lost is gone at
 * that instant.
 *
 * Octets that another frame may share are never written: what is to be corrupted is copied whole.
 */
#include "base/time.h"
#include "link/mark.h"
#include "link/wire.h"

enum { BITS_PER_OCTET = 8 };

void
la_wire_tell(const struct la_wire *wire, unsigned from, const struct la_frame *frame,
             struct la_wire_news news, la_instant at)
{
    struct la_wire_packet packet;
    if (wire->trace.sink == NULL || (wire->trace.mask & LA_EVENT_BIT(LA_EVENT_WIRE)) == 0)
        return;
    la_wire_packet_read(&packet, frame, wire->end[0].link.caps.layer);
    const struct la_event event = {
        .at = at,
        .kind = LA_EVENT_WIRE,
        .end = (uint8_t)from,
        .segment_id = frame->id,
        .local = packet.src,
        .remote = packet.dst,
        .u.wire = {.fate = news.fate, .copy_n = news.copy_n, .reason = news.reason},
    };
    wire->trace.sink(wire->trace.ctx, &event);
}

/* A packet on its way. */
struct trip {
    struct la_wire *wire;
    struct la_wire_dir *dir;
    struct la_frame *frame;
    struct la_wire_flow *flow; /* NULL: not counted */
    struct la_wire_verdict verdict;
    size_t packet_bytes;
    unsigned from;
    la_instant now;
};

static void
tell(const struct trip *trip, enum la_wire_fate fate, enum la_reason reason)
{
    la_wire_tell(trip->wire, trip->from, trip->frame,
                 (struct la_wire_news){.fate = (uint8_t)fate, .reason = (uint16_t)reason},
                 trip->now);
}

static void
drop(struct trip *trip, uint64_t *count, enum la_reason reason)
{
    (*count)++;
    tell(trip, LA_WIRE_DROPPED, reason);
    la_frame_free(trip->frame);
    trip->frame = NULL;
}

/* False: the packet is gone. */
static bool
begin(struct trip *trip, enum la_link_layer layer)
{
    struct la_wire_stats *stats = &trip->dir->stats;
    struct la_wire_packet packet;
    trip->packet_bytes = la_wire_packet_bytes(trip->frame, layer);
    stats->sent_n++;
    stats->octets += trip->packet_bytes;
    if (!trip->wire->counting)
        return true;
    la_wire_packet_read(&packet, trip->frame, layer);
    trip->flow = la_wire_flows_count(&trip->wire->flows, &packet, trip->from);
    if (trip->flow == NULL) {
        drop(trip, &stats->no_memory_n, LA_REASON_WIRE_NO_MEMORY);
        return false;
    }
    la_wire_fate_decide(&trip->verdict, &trip->wire->keys, &trip->dir->faults, trip->flow,
                        trip->from);
    return true;
}

static bool
is_picked(const struct trip *trip)
{
    const struct la_wire_dir *dir = trip->dir;
    return dir->pick != NULL &&
           dir->pick(dir->pick_ctx, trip->frame, trip->flow->side[trip->from].packets_n);
}

/* False: the packet is gone. */
static bool
survive(struct trip *trip, enum la_link_layer layer)
{
    struct la_wire_stats *stats = &trip->dir->stats;
    if (la_wire_packet_bytes_max(trip->frame, layer) > trip->dir->faults.mtu_bytes)
        drop(trip, &stats->too_big_n, LA_REASON_WIRE_TOO_BIG);
    else if (is_picked(trip) || trip->verdict.lost)
        drop(trip, &stats->lost_n, LA_REASON_WIRE_LOST);
    else if (trip->verdict.burst_lost)
        drop(trip, &stats->burst_lost_n, LA_REASON_WIRE_BURST);
    return trip->frame != NULL;
}

static void
mark(const struct trip *trip)
{
    if (!la_wire_mark(trip->frame, trip->wire->end[0].link.caps.layer))
        return;
    trip->dir->stats.marked_n++;
    tell(trip, LA_WIRE_MARKED, LA_REASON_WIRE_MARKED);
}

/* False: the packet is gone. */
static bool
serialise(struct trip *trip, la_instant *departs_at)
{
    struct la_wire_dir *dir = trip->dir;
    const struct la_wire_load load = {trip->packet_bytes, dir->faults.rate_bps, dir->faults.queue_n,
                                      dir->faults.mark_n};
    *departs_at = trip->now;
    if (load.rate_bps == 0)
        return true;
    switch (la_wire_shape_enter(&dir->shape, &load, departs_at, trip->now)) {
    case LA_WIRE_SHAPE_OK:
        break;
    case LA_WIRE_SHAPE_LONG:
        mark(trip);
        break;
    case LA_WIRE_SHAPE_FULL:
        drop(trip, &dir->stats.queue_dropped_n, LA_REASON_WIRE_QUEUE_FULL);
        break;
    case LA_WIRE_SHAPE_NO_MEMORY:
        drop(trip, &dir->stats.no_memory_n, LA_REASON_WIRE_NO_MEMORY);
        break;
    }
    return trip->frame != NULL;
}

/* Jitter moves a packet, but not past those of its flow that were sent before; holding it back
 * does not hold back those behind it. */
static la_instant
arrival(struct trip *trip, la_instant departs_at)
{
    const struct la_wire_faults *faults = &trip->dir->faults;
    la_instant *last_at =
        trip->flow == NULL ? &trip->dir->last_at : &trip->flow->side[trip->from].last_at;
    la_instant at = la_instant_add_ns(departs_at, faults->delay_ns);
    if (!la_instant_is_never(at))
        at = la_instant_add_ns(at, trip->verdict.jitter_ns);
    at = la_instant_max(at, departs_at);
    at = la_instant_max(at, la_instant_max(*last_at, trip->dir->last_at));
    *last_at = at;
    if (trip->verdict.reordered) {
        trip->dir->stats.reordered_n++;
        tell(trip, LA_WIRE_REORDERED, LA_REASON_WIRE_REORDERED);
        at = la_instant_add_ns(at, faults->reorder_ns);
    }
    return at;
}

/* The packet in fresh memory with one bit of its IP part changed. False: the packet is gone. */
static bool
corrupt(struct trip *trip)
{
    struct la_frame *frame = trip->frame;
    size_t n = la_frame_len(frame);
    struct la_room room;
    if (trip->packet_bytes == 0)
        return true;
    struct la_frame *changed = la_frame_with_room(frame->mem, n, &room);
    if (changed == NULL) {
        drop(trip, &trip->dir->stats.no_memory_n, LA_REASON_WIRE_NO_MEMORY);
        return false;
    }
    (void)la_frame_copy_out(frame, 0, room.p, n);
    uint64_t bit = trip->verdict.bit % (trip->packet_bytes * BITS_PER_OCTET);
    room.p[n - trip->packet_bytes + bit / BITS_PER_OCTET] ^=
        (uint8_t)(1u << (bit % BITS_PER_OCTET));
    la_frame_commit(changed, n);
    changed->id = frame->id;
    changed->at = frame->at;
    trip->dir->stats.corrupted_n++;
    tell(trip, LA_WIRE_CORRUPTED, LA_REASON_WIRE_CORRUPTED);
    la_frame_free(frame);
    trip->frame = changed;
    return true;
}

static void
tell_copy(const struct trip *trip, const struct la_frame *copy, struct la_wire_news news)
{
    news.copy_n = 1;
    la_wire_tell(trip->wire, trip->from, copy, news, trip->now);
}

/* NULL: no memory, and that was told. */
static struct la_frame *
copy_take(const struct trip *trip)
{
    struct la_frame *copy = la_frame_clone(trip->frame);
    if (copy == NULL) {
        trip->dir->stats.no_memory_n++;
        tell_copy(
            trip, trip->frame,
            (struct la_wire_news){.fate = LA_WIRE_DROPPED, .reason = LA_REASON_WIRE_NO_MEMORY});
    }
    return copy;
}

/* The second copy follows the first at the same instant, without the damage done to it. */
static void
copy_deliver(const struct trip *trip, struct la_frame *take_copy, la_instant at)
{
    struct la_wire_stats *stats = &trip->dir->stats;
    if (la_wire_line_push(&trip->dir->line, take_copy, at, true)) {
        stats->duplicated_n++;
        tell_copy(
            trip, take_copy,
            (struct la_wire_news){.fate = LA_WIRE_DUPLICATED, .reason = LA_REASON_WIRE_DUPLICATED});
    } else {
        stats->no_memory_n++;
        tell_copy(
            trip, take_copy,
            (struct la_wire_news){.fate = LA_WIRE_DROPPED, .reason = LA_REASON_WIRE_NO_MEMORY});
        la_frame_free(take_copy);
    }
}

void
la_wire_carry(struct la_wire *wire, unsigned from, struct la_frame *take_frame, la_instant now)
{
    enum la_link_layer layer = wire->end[0].link.caps.layer;
    struct trip trip = {
        .wire = wire, .dir = &wire->dir[from], .frame = take_frame, .from = from, .now = now};
    la_instant departs_at;
    if (!begin(&trip, layer) || !survive(&trip, layer) || !serialise(&trip, &departs_at))
        return;
    la_instant at = arrival(&trip, departs_at);
    struct la_frame *copy = trip.verdict.duplicated ? copy_take(&trip) : NULL;
    if (!trip.verdict.corrupted || corrupt(&trip)) {
        if (!la_wire_line_push(&trip.dir->line, trip.frame, at, false))
            drop(&trip, &trip.dir->stats.no_memory_n, LA_REASON_WIRE_NO_MEMORY);
    }
    if (copy != NULL)
        copy_deliver(&trip, copy, at);
}
