/* SPDX-License-Identifier: MIT
 *
 * counts.h - what runs have exercised, and which of it may stay at zero
 */
#ifndef LA_SIM_COUNTS_H
#define LA_SIM_COUNTS_H

#include <lastack/event.h>
#include <stdio.h>

#include "sim/plan.h"

enum la_sim_law {
    LA_SIM_L_NONE,
#define LAW(name, text) LA_SIM_L_##name,
#include "sim/law.def"
#undef LAW
    LA_SIM_LAWS
};
const char *la_sim_law_name(enum la_sim_law law);
const char *la_sim_law_text(enum la_sim_law law);

enum { LA_SIM_CONTROLS_MAX = 8 };

struct la_sim_counts {
    uint64_t runs, twice; /* plans run, and those of them run twice */
    uint64_t conns, segments, octets;
    uint64_t completed, disturbed;   /* connections by how they ended */
    uint64_t forged;                 /* ends that a forged segment may have fooled */
    uint64_t virtual_ms;
    uint64_t step[LA_SIM_STEP_KINDS]; /* how often each has struck */
    uint64_t workload[LA_SIM_WORKLOADS];
    uint64_t field[LA_SIM_FIELDS];
    uint64_t control[LA_SIM_CONTROLS_MAX]; /* connections under each, by number */
    uint64_t edge[LA_TCP_STATE_COUNT][LA_TCP_EV_COUNT];
    uint64_t reason[LA_REASON_COUNT];
    uint64_t timer[LA_TIMER_COUNT];
    uint64_t checked[LA_SIM_LAWS];
};

void la_sim_counts_add(struct la_sim_counts *sum, const struct la_sim_counts *more);

/* Things that can be exercised, in one order: steps, workloads, fields, congestion controls,
 * timers, reasons, laws, edges. */
struct la_sim_cover {
    const char *group;
    char name[64];
    uint64_t n;
    const char *excuse; /* why it may stay at zero, or NULL */
};
/* The idx-th; false behind the last one. */
bool la_sim_cover_at(const struct la_sim_counts *counts, size_t idx, struct la_sim_cover *out);

#endif
