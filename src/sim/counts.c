/* SPDX-License-Identifier: MIT
 *
 * counts.c - what runs have exercised, and which of it may stay at zero
 */
#include "sim/counts.h"

#include <string.h>

#include "proto/tcp_fsm.h"
#include "tcp/congestion.h"

static const struct {
    const char *name, *text;
} laws[LA_SIM_LAWS] = {
    {"NONE", "no law was broken"},
#define LAW(name, text) {#name, text},
#include "sim/law.def"
#undef LAW
};

static const struct {
    const char *group, *name, *why;
} excuses[] = {
#define EXCUSE(group, name, why) {group, name, why},
#include "sim/excuse.def"
#undef EXCUSE
};

const char *
la_sim_law_name(enum la_sim_law law)
{
    return law < LA_SIM_LAWS ? laws[law].name : "?";
}

const char *
la_sim_law_text(enum la_sim_law law)
{
    return law < LA_SIM_LAWS ? laws[law].text : "?";
}

/* All of it is counters of 64 bits. */
_Static_assert(sizeof(struct la_sim_counts) % sizeof(uint64_t) == 0, "counters alone");

void
la_sim_counts_add(struct la_sim_counts *sum, const struct la_sim_counts *more)
{
    uint64_t to[sizeof(*sum) / sizeof(uint64_t)], from[sizeof(*sum) / sizeof(uint64_t)];
    memcpy(to, sum, sizeof(to));
    memcpy(from, more, sizeof(from));
    for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++)
        to[i] += from[i];
    memcpy(sum, to, sizeof(to));
}

static const char *
excuse_of(const char *group, const char *name)
{
    for (size_t i = 0; i < sizeof(excuses) / sizeof(excuses[0]); i++)
        if (strcmp(excuses[i].group, group) == 0 && strcmp(excuses[i].name, name) == 0)
            return excuses[i].why;
    return NULL;
}

static void
fill(struct la_sim_cover *out, const char *group, const char *name, uint64_t n)
{
    out->group = group;
    (void)snprintf(out->name, sizeof(out->name), "%s", name);
    out->n = n;
    out->excuse = excuse_of(group, name);
}

/* Pairs that the figure has no arrow for are left out. */
static bool
edge_at(const struct la_sim_counts *counts, size_t *idx, struct la_sim_cover *out)
{
    char name[64];
    for (unsigned from = LA_TCP_CLOSED; from < LA_TCP_STATE_COUNT; from++)
        for (unsigned event = 0; event < LA_TCP_EV_COUNT; event++) {
            const struct la_tcp_edge *edge =
                la_tcp_fsm_edge((enum la_tcp_state)from, (enum la_tcp_event)event);
            if (edge->to == 0 || edge->to == from || (*idx)-- != 0)
                continue;
            bool active = from == LA_TCP_SYN_RECEIVED_ACTIVE;
            (void)snprintf(name, sizeof(name), "%s%s %s",
                           la_tcp_state_name((enum la_tcp_state)from, LA_NAMES_RFC),
                           active ? "(active)" : "", la_tcp_event_name((enum la_tcp_event)event));
            fill(out, "edge", name, counts->edge[from][event]);
            return true;
        }
    return false;
}

bool
la_sim_cover_at(const struct la_sim_counts *counts, size_t idx, struct la_sim_cover *out)
{
    if (idx < LA_SIM_STEP_KINDS) {
        fill(out, "step", la_sim_step_word((enum la_sim_step_kind)idx), counts->step[idx]);
        return true;
    }
    idx -= LA_SIM_STEP_KINDS;
    if (idx < LA_SIM_WORKLOADS) {
        fill(out, "workload", la_sim_workload_name((enum la_sim_workload)idx),
             counts->workload[idx]);
        return true;
    }
    idx -= LA_SIM_WORKLOADS;
    if (idx < LA_SIM_FIELDS) {
        fill(out, "field", la_sim_field_word((enum la_sim_field)idx), counts->field[idx]);
        return true;
    }
    idx -= LA_SIM_FIELDS;
    if (idx < la_cc_n()) {
        fill(out, "control", la_cc_ops((uint8_t)idx)->name, counts->control[idx]);
        return true;
    }
    idx -= la_cc_n();
    if (idx < LA_TIMER_COUNT) {
        fill(out, "timer", la_timer_name((enum la_timer_kind)idx), counts->timer[idx]);
        return true;
    }
    idx -= LA_TIMER_COUNT;
    if (idx < LA_REASON_COUNT - 1) {
        fill(out, "reason", la_reason_name((enum la_reason)(idx + 1)), counts->reason[idx + 1]);
        return true;
    }
    idx -= LA_REASON_COUNT - 1;
    if (idx < LA_SIM_LAWS - 1) {
        fill(out, "law", la_sim_law_name((enum la_sim_law)(idx + 1)), counts->checked[idx + 1]);
        return true;
    }
    idx -= LA_SIM_LAWS - 1;
    return edge_at(counts, &idx, out);
}
