/* SPDX-License-Identifier: MIT
 *
 * fate.c - what will happen to the n-th packet of a flow
 */
#include "base/rng.h"
#include "link/fate.h"

void
la_wire_fate_keys_init(struct la_wire_fate_keys *keys, uint64_t seed)
{
    static const char *const names[LA_WIRE_DRAW_COUNT] = {
        [LA_WIRE_DRAW_LOSS] = "wire loss",
        [LA_WIRE_DRAW_BURST] = "wire burst",
        [LA_WIRE_DRAW_JITTER] = "wire jitter",
        [LA_WIRE_DRAW_REORDER] = "wire reorder",
        [LA_WIRE_DRAW_DUPLICATE] = "wire duplicate",
        [LA_WIRE_DRAW_CORRUPT] = "wire corrupt",
        [LA_WIRE_DRAW_BIT] = "wire bit",
    };
    const struct la_seed from = {{seed}};
    for (unsigned i = 0; i < LA_WIRE_DRAW_COUNT; i++)
        keys->draw[i] = la_key_derive(&from, names[i]);
}

/* Which packet the draws are for. */
struct subject {
    const struct la_wire_fate_keys *keys;
    uint64_t flow_id;
    uint64_t ordinal; /* and the direction in the lowest bit */
};

static uint64_t
draw(const struct subject *subject, enum la_wire_draw kind)
{
    return la_hash2(&subject->keys->draw[kind], subject->flow_id, subject->ordinal);
}

static bool
happens(const struct subject *subject, enum la_wire_draw kind, uint64_t threshold)
{
    return threshold != 0 && draw(subject, kind) >> (64 - LA_WIRE_DRAW_BITS) < threshold;
}

/* The chain takes one step per packet of the flow, whatever else befalls it. */
static bool
burst_step(const struct subject *subject, const struct la_wire_faults *faults,
           struct la_wire_flow_side *side)
{
    if (faults->burst_share == 0) {
        side->burst = false;
    } else if (side->packets_n == 1) {
        side->burst = happens(subject, LA_WIRE_DRAW_BURST, faults->burst_share);
    } else if (side->burst) {
        side->burst = !happens(subject, LA_WIRE_DRAW_BURST, faults->burst_leave);
    } else {
        side->burst = happens(subject, LA_WIRE_DRAW_BURST, faults->burst_enter);
    }
    return side->burst;
}

void
la_wire_fate_decide(struct la_wire_verdict *out, const struct la_wire_fate_keys *keys,
                    const struct la_wire_faults *faults, struct la_wire_flow *flow, unsigned from)
{
    struct la_wire_flow_side *side = &flow->side[from];
    const struct subject subject = {keys, flow->id, side->packets_n << 1 | from};
    *out = (struct la_wire_verdict){
        .lost = happens(&subject, LA_WIRE_DRAW_LOSS, faults->loss),
        .burst_lost = burst_step(&subject, faults, side),
        .reordered = happens(&subject, LA_WIRE_DRAW_REORDER, faults->reorder),
        .duplicated = happens(&subject, LA_WIRE_DRAW_DUPLICATE, faults->duplicate),
        .corrupted = happens(&subject, LA_WIRE_DRAW_CORRUPT, faults->corrupt),
    };
    if (faults->jitter_ns != 0) {
        uint64_t width = 2 * (uint64_t)faults->jitter_ns + 1;
        uint64_t offset = draw(&subject, LA_WIRE_DRAW_JITTER) % width;
        out->jitter_ns = (int64_t)offset - faults->jitter_ns;
    }
    if (out->corrupted)
        out->bit = draw(&subject, LA_WIRE_DRAW_BIT);
}
