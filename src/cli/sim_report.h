/* SPDX-License-Identifier: MIT
 *
 * sim_report.h - what `lastack sim` says about its runs
 */
#ifndef LA_CLI_SIM_REPORT_H
#define LA_CLI_SIM_REPORT_H

#include "sim/sim.h"

/* The figures of a batch that ended; elapsed_ms 0: no rates. */
void la_sim_report_figures(const struct la_sim_counts *counts, int64_t elapsed_ms);
/* All that can be exercised, with counts. Returns how much of it stayed at zero without excuse. */
size_t la_sim_report_cover(const struct la_sim_counts *counts, bool all);
/* One line on a terminal, written over by the next. */
void la_sim_report_progress(void *ctx, const struct la_sim_counts *counts, int64_t elapsed_ms);
/* What broke, and where. */
void la_sim_report_failure(const struct la_sim_result *result);
/* Runs the plan again and writes the ladder of the guilty connection, or of all. */
void la_sim_report_ladder(const struct la_sim_plan *plan, const struct la_sim_env *env,
                          const struct la_sim_result *result);
/* The kinds of step, and what their numbers mean. */
void la_sim_report_steps(void);

#endif
