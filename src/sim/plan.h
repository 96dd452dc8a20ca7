/* SPDX-License-Identifier: MIT
 *
 * plan.h - a run of the simulator as data: a seed and a list of steps
 *
 * A run is a function of its plan. Steps are independent of each other: one can be taken out and
 * the others mean what they meant, which is how a failing plan is made smaller. Every draw that is
 * made while the run goes on is a keyed hash of the seed and of the step's own number.
 */
#ifndef LA_SIM_PLAN_H
#define LA_SIM_PLAN_H

#include <lastack/base.h>

enum la_sim_step_kind {
#define STEP(name, word, args, text) LA_SIM_##name,
#include "sim/step.def"
#undef STEP
    LA_SIM_STEP_KINDS
};

enum la_sim_workload {
#define WORKLOAD(name, text) LA_SIM_W_##name,
#include "sim/workload.def"
#undef WORKLOAD
    LA_SIM_WORKLOADS
};

/* LA_SIM_TOPOLOGY: hosts 0 and 2 are clients, host 1 the server. */
enum la_sim_shape {
    LA_SIM_DIRECT,     /* 0 - 1 */
    LA_SIM_ROUTED,     /* 0, 2 - router - 1 */
    LA_SIM_ROUTED_FAR, /* 0, 2 - router - router - 1 */
    LA_SIM_BOXED,      /* 0 - box - 1 */
    LA_SIM_BOXED_FAR,  /* 0, 2 - router - box - 1 */
    LA_SIM_TWO_WAYS,   /* 0 - router - 1 there, 1 - router - 0 back */
    LA_SIM_SHAPES
};

/* LA_SIM_LOSE_KIND. */
enum la_sim_segment_kind {
    LA_SIM_K_SYN = 1,
    LA_SIM_K_SYN_ACK = 2,
    LA_SIM_K_ACK = 4, /* no text, no flag but ACK */
    LA_SIM_K_TEXT = 8,
    LA_SIM_K_FIN = 16,
    LA_SIM_K_RST = 32,
    LA_SIM_K_SACK = 64
};

/* LA_SIM_STRIP. */
enum la_sim_option_kind {
    LA_SIM_O_MSS = 1,
    LA_SIM_O_WSCALE = 2,
    LA_SIM_O_SACK = 4,
    LA_SIM_O_TIMESTAMPS = 8
};

/* LA_SIM_OUTAGE, LA_SIM_MTU. */
enum la_sim_icmp {
    LA_SIM_ICMP_NONE,
    LA_SIM_ICMP_HOST,
    LA_SIM_ICMP_PROHIBITED,
    LA_SIM_ICMP_PORT,
    LA_SIM_ICMP_TOO_BIG
};

/* LA_SIM_TCP. */
enum la_sim_field {
#define FIELD(name, word, text) LA_SIM_F_##name,
#include "sim/field.def"
#undef FIELD
    LA_SIM_FIELDS
};

/* LA_SIM_ACT. */
enum la_sim_call {
    LA_SIM_C_CLOSE,
    LA_SIM_C_ABORT,
    LA_SIM_C_RELEASE,
    LA_SIM_C_CLOSE_READ,
    LA_SIM_C_RELEASE_RESETS,
    LA_SIM_C_RCVBUF_SMALLER,
    LA_SIM_C_RCVBUF_LARGER,
    LA_SIM_CALLS
};

enum { LA_SIM_ARGS = 6, LA_SIM_STEPS_MAX = 64, LA_SIM_HOSTS = 3, LA_SIM_CONNS = 12 };

struct la_sim_step {
    uint8_t kind; /* enum la_sim_step_kind */
    uint8_t id;   /* its own number: what is drawn for it hangs on this, not on its place */
    int32_t a[LA_SIM_ARGS];
};

struct la_sim_plan {
    uint64_t seed;
    uint32_t n;
    struct la_sim_step step[LA_SIM_STEPS_MAX];
};

const char *la_sim_step_word(enum la_sim_step_kind kind);
const char *la_sim_step_args(enum la_sim_step_kind kind);
const char *la_sim_step_text(enum la_sim_step_kind kind);
const char *la_sim_workload_name(enum la_sim_workload workload);
const char *la_sim_field_word(enum la_sim_field field);
const char *la_sim_field_text(enum la_sim_field field);

/* Draws a plan from a seed. Pure. */
void la_sim_plan_draw(struct la_sim_plan *plan, uint64_t seed);
/* One line: "seed=7; 0:topology 1; 3:loss 0 50 0 4000; 4:tcp 0 sack; …", zero arguments at the end
 * left out; fields and congestion controls stand in it by name.
 * Returns `out`; n octets are enough when n >= LA_SIM_PLAN_TEXT_BYTES. */
enum { LA_SIM_PLAN_TEXT_BYTES = 8192 };
char *la_sim_plan_format(const struct la_sim_plan *plan, char *out, size_t n);
/* False: not such a line; `what` then points at the word that was not understood. */
bool la_sim_plan_parse(struct la_sim_plan *plan, const char *line, const char **what);

#endif
