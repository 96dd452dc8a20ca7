/* SPDX-License-Identifier: MIT
 *
 * wire.c - the memory wire: two ends, its settings and counters
 *
 * Read first: docs/theory/wire.md. A direction without faults is a queue of frames; for the
 * others see carry.c.
 */
#include "base/assert.h"
#include "base/mem.h"
#include "base/time.h"
#include "link/wire.h"

enum { MTU_BYTES_MIN = 68, MTU_BYTES_MAX = 65535 };

/* ---- the link's operations -------------------------------------------------------------- */

static struct la_wire_end *
end_of(struct la_link *link)
{
    return (struct la_wire_end *)link;
}

static bool
is_direct(const struct la_wire *wire, const struct la_wire_dir *dir)
{
    return dir->faults.perfect && !wire->counting && la_wire_line_is_empty(&dir->line);
}

static size_t
packet_octets(const struct la_link *link, const struct la_frame *frame)
{
    return link->caps.layer == LA_LINK_IP ? la_frame_octets(frame)
                                          : la_wire_packet_bytes(frame, link->caps.layer);
}

/* That its sender has made the checksum is no reason not to look at it where it arrives (MUST-3).
 */
static void
unmark(const struct la_link *link, struct la_frame *frame)
{
    if (frame->csum == LA_CSUM_VALID && !link->caps.checksum_rx)
        frame->csum = LA_CSUM_UNKNOWN;
}

/* Into the queue of what is there already; those that do not fit are carried, which tells of it. */
static void
send_direct(struct la_wire_end *end, struct la_frame **take_frames, size_t n, la_instant now)
{
    struct la_wire_dir *dir = &end->wire->dir[end->idx];
    const size_t mtu_bytes = dir->faults.mtu_bytes;
    uint64_t octets = 0, sent_n = 0;
    for (size_t i = 0; i < n; i++) {
        struct la_frame *frame = take_frames[i];
        size_t packet_bytes = packet_octets(&end->link, frame);
        unmark(&end->link, frame);
        if (packet_bytes > mtu_bytes &&
            la_wire_packet_bytes_max(frame, end->link.caps.layer) > mtu_bytes) {
            la_wire_carry(end->wire, end->idx, frame, now);
            continue;
        }
        octets += packet_bytes;
        sent_n++;
        la_frameq_push(&dir->ready, frame);
    }
    dir->stats.octets += octets;
    dir->stats.sent_n += sent_n;
}

static size_t
wire_send(struct la_link *link, struct la_frame **take_frames, size_t n, la_instant now)
{
    struct la_wire_end *end = end_of(link);
    struct la_wire *wire = end->wire;
    wire->now = la_instant_max(wire->now, now);
    if (is_direct(wire, &wire->dir[end->idx])) {
        send_direct(end, take_frames, n, now);
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        unmark(link, take_frames[i]);
        la_wire_carry(wire, end->idx, take_frames[i], now);
    }
    return n;
}

static void
tell_delivered(const struct la_wire *wire, unsigned from, const struct la_frame *frame, bool copy,
               la_instant now)
{
    if (wire->trace.sink != NULL)
        la_wire_tell(wire, from, frame,
                     (struct la_wire_news){.fate = LA_WIRE_DELIVERED, .copy_n = copy}, now);
}

static size_t
wire_receive(struct la_link *link, struct la_frame **frames, size_t max, la_instant now)
{
    struct la_wire_end *end = end_of(link);
    struct la_wire *wire = end->wire;
    unsigned from = 1 - end->idx;
    struct la_wire_dir *dir = &wire->dir[from];
    bool copy;
    wire->now = la_instant_max(wire->now, now);
    size_t n = la_frameq_take(&dir->ready, frames, max);
    for (size_t i = 0; i < n && wire->trace.sink != NULL; i++)
        tell_delivered(wire, from, frames[i], false, now);
    while (n < max && (frames[n] = la_wire_line_pop(&dir->line, &copy, now)) != NULL)
        tell_delivered(wire, from, frames[n++], copy, now);
    dir->stats.delivered_n += n;
    return n;
}

static la_instant
wire_deadline(const struct la_link *link)
{
    const struct la_wire_end *end = (const struct la_wire_end *)link;
    const struct la_wire_dir *dir = &end->wire->dir[1 - end->idx];
    return dir->ready.n != 0 ? end->wire->now : la_wire_line_deadline(&dir->line);
}

static int
wire_descriptor(const struct la_link *link)
{
    (void)link;
    return -1;
}

/* An end belongs to its wire. */
static void
wire_end_free(struct la_link *link)
{
    (void)link;
}

static const struct la_link_ops end_ops = {
    .send = wire_send,
    .receive = wire_receive,
    .deadline = wire_deadline,
    .descriptor = wire_descriptor,
    .free = wire_end_free,
};

/* ---- the wire --------------------------------------------------------------------------- */

static void
dir_init(struct la_wire_dir *dir, struct la_mem *mem)
{
    la_wire_shape_init(&dir->shape, mem);
    la_wire_line_init(&dir->line, mem);
    dir->last_at = la_instant_of_ns(INT64_MIN);
}

la_err
la_wire_new(const struct la_wire_cfg *cfg, struct la_wire **out)
{
    struct la_wire_faults faults[2];
    *out = NULL;
    if (cfg->caps.layer != LA_LINK_IP && cfg->caps.layer != LA_LINK_ETHERNET)
        return LA_ERR_BAD_ARGUMENT;
    if (cfg->caps.mtu_bytes < MTU_BYTES_MIN || cfg->caps.mtu_bytes > MTU_BYTES_MAX)
        return LA_ERR_BAD_ARGUMENT;
    for (unsigned i = 0; i < 2; i++) {
        la_err err = la_wire_faults_init(&faults[i], &cfg->impair[i], &cfg->caps);
        if (err != LA_OK)
            return err;
    }
    struct la_wire *wire = la_mem_take(cfg->mem, sizeof(*wire));
    if (wire == NULL)
        return LA_ERR_NO_MEMORY;
    *wire = (struct la_wire){.mem = la_mem_ref(cfg->mem),
                             .trace = cfg->trace,
                             .counting = faults[0].keyed || faults[1].keyed,
                             .now = {INT64_MIN}};
    la_wire_fate_keys_init(&wire->keys, cfg->seed);
    la_wire_flows_init(&wire->flows, wire->mem, cfg->seed, LA_WIRE_FLOWS_N_MAX);
    for (unsigned i = 0; i < 2; i++) {
        wire->end[i] = (struct la_wire_end){{&end_ops, cfg->caps}, wire, i};
        wire->outer[i] = &wire->end[i].link;
        dir_init(&wire->dir[i], wire->mem);
        wire->dir[i].faults = faults[i];
    }
    *out = wire;
    return LA_OK;
}

void
la_wire_free(struct la_wire *wire)
{
    if (wire == NULL)
        return;
    for (unsigned i = 0; i < 2; i++) {
        la_frameq_clear(&wire->dir[i].ready);
        la_wire_line_fini(&wire->dir[i].line);
        la_wire_shape_fini(&wire->dir[i].shape);
    }
    la_wire_flows_fini(&wire->flows);
    struct la_mem *mem = wire->mem;
    la_mem_give(mem, wire, sizeof(*wire));
    la_mem_unref(mem);
}

struct la_link *
la_wire_end(struct la_wire *wire, int end)
{
    LA_ASSERT(end == 0 || end == 1);
    return &wire->end[end].link;
}

la_err
la_wire_impair_set(struct la_wire *wire, int from_end, const struct la_impair *impair)
{
    struct la_wire_faults faults;
    LA_ASSERT(from_end == 0 || from_end == 1);
    la_err err = la_wire_faults_init(&faults, impair, &wire->end[0].link.caps);
    if (err != LA_OK)
        return err;
    wire->dir[from_end].faults = faults;
    wire->counting |= faults.keyed;
    return LA_OK;
}

void
la_wire_drop_set(struct la_wire *wire, int from_end, la_wire_pick *pick, void *ctx)
{
    LA_ASSERT(from_end == 0 || from_end == 1);
    wire->dir[from_end].pick = pick;
    wire->dir[from_end].pick_ctx = ctx;
    wire->counting |= pick != NULL;
}

void
la_wire_stats_get(const struct la_wire *wire, int from_end, struct la_wire_stats *out)
{
    LA_ASSERT(from_end == 0 || from_end == 1);
    *out = wire->dir[from_end].stats;
}
