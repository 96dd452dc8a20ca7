/* SPDX-License-Identifier: MIT
 *
 * fate.h - what will happen to the n-th packet of a flow
 *
 * Pure but for the burst chain: equal (seed, flow, direction, ordinal) meet equal fates. Each fault
 * draws from a key of its own, so that switching one on changes no other's outcomes.
 */
#ifndef LA_LINK_FATE_H
#define LA_LINK_FATE_H

#include "link/faults.h"
#include "link/flow.h"

enum la_wire_draw {
    LA_WIRE_DRAW_LOSS,
    LA_WIRE_DRAW_BURST,
    LA_WIRE_DRAW_JITTER,
    LA_WIRE_DRAW_REORDER,
    LA_WIRE_DRAW_DUPLICATE,
    LA_WIRE_DRAW_CORRUPT,
    LA_WIRE_DRAW_BIT,
    LA_WIRE_DRAW_COUNT
};

struct la_wire_fate_keys {
    struct la_key draw[LA_WIRE_DRAW_COUNT];
};

/* Zeroed: nothing happens. */
struct la_wire_verdict {
    bool lost, burst_lost, reordered, duplicated, corrupted;
    int64_t jitter_ns;
    uint64_t bit; /* which one is flipped, modulo the bits there are */
};

void la_wire_fate_keys_init(struct la_wire_fate_keys *keys, uint64_t seed);
/* For the packet that was counted last; moves the burst chain of that side on. */
void la_wire_fate_decide(struct la_wire_verdict *out, const struct la_wire_fate_keys *keys,
                         const struct la_wire_faults *faults, struct la_wire_flow *flow,
                         unsigned from);

#endif
