/* SPDX-License-Identifier: MIT
 *
 * sim.h - the simulator: run a plan, run many, make a failing one smaller
 *
 * docs/theory/sim.md says what is simulated and what is checked.
 */
#ifndef LA_SIM_SIM_H
#define LA_SIM_SIM_H

#include <lastack/event.h>
#include <signal.h>

#include "sim/counts.h"
#include "sim/plan.h"

enum { LA_SIM_TEXT_BYTES = 256 };

/* A rule that is broken on purpose, in what the laws are shown: to see that they see it. */
enum la_sim_mutant {
    LA_SIM_MUTANT_NONE,
#define MUTANT(name, law, text) LA_SIM_MUTANT_##name,
#include "sim/mutant.def"
#undef MUTANT
    LA_SIM_MUTANTS
};
const char *la_sim_mutant_name(enum la_sim_mutant mutant);
enum la_sim_law la_sim_mutant_law(enum la_sim_mutant mutant);

struct la_sim_env {
    uint16_t (*checksum)(const uint8_t *p, size_t n); /* NULL = portable */
    struct la_trace hear; /* the story of the run: stacks' events, segments, fates */
    enum la_sim_mutant mutant;
};

struct la_sim_result {
    enum la_sim_law law;            /* NONE: all held */
    uint8_t conn_valid;             /* `conn` names the guilty connection */
    struct la_endpoint conn[2];     /* client, server */
    int64_t at_ns;
    char text[LA_SIM_TEXT_BYTES];
    uint64_t hash;                  /* over all events and packets */
    struct la_sim_counts counts;
};

/* Runs a plan in this process. An assertion that fails ends the process, see below. */
void la_sim_run(const struct la_sim_plan *plan, const struct la_sim_env *env,
                struct la_sim_result *result);
/* From now on a failed assertion stores what it said in *text (LA_SIM_TEXT_BYTES, such as shared
 * memory) and ends the process with status 99. NULL: it stops the program as ever. */
void la_sim_assertions_to(char *text);
enum { LA_SIM_EXIT_ASSERTION = 99 };

/* The same in a process of its own: crashes and runs without end are results as well. */
void la_sim_run_apart(const struct la_sim_plan *plan, const struct la_sim_env *env,
                      struct la_sim_result *result);
/* Takes steps out of `plan`, and makes numbers smaller, as long as the same law fails. Returns how
 * many runs that took. */
uint32_t la_sim_shrink(struct la_sim_plan *plan, const struct la_sim_env *env, enum la_sim_law law);

/* ---- many ------------------------------------------------------------------------------- */

struct la_sim_batch {
    uint64_t seed;
    uint64_t runs_n;
    uint32_t jobs_n;    /* processes */
    uint32_t twice_n;   /* every so many runs are run twice and compared; 0 = never */
    struct la_sim_env env;
    const volatile sig_atomic_t *stop; /* not 0: no more runs are begun; NULL = never */
    /* Called about four times a second with what there is; NULL = not. */
    void (*progress)(void *ctx, const struct la_sim_counts *counts, int64_t elapsed_ms);
    void *ctx;
};

/* The plan of the i-th run of a batch is drawn from this seed. */
uint64_t la_sim_batch_seed(uint64_t seed, uint64_t i);
/* Runs all of them, or until one fails: false, with its seed and result. An errno value when
 * processes or memory could not be had, else 0. */
int la_sim_batch_run(const struct la_sim_batch *batch, struct la_sim_counts *sum, bool *failed,
                     uint64_t *failed_seed, struct la_sim_result *result);

#endif
