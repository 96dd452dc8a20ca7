/* SPDX-License-Identifier: MIT
 *
 * clock.h - a host's clock beside the run's: it drifts, and it jumps forward
 *
 * The run's time is in nanoseconds from its beginning. A host's clock never goes back.
 */
#ifndef LA_SIM_CLOCK_H
#define LA_SIM_CLOCK_H

#include <lastack/base.h>

struct la_sim_clock {
    int64_t run_ns;  /* since this instant of the run */
    int64_t host_ns; /* when it showed this, */
    int64_t ppm;     /* it gains that many microseconds a second; above -1000000 */
};

la_instant la_sim_clock_read(const struct la_sim_clock *clock, int64_t run_ns);
/* The first instant of the run at which the clock shows `at` or more; INT64_MAX for NEVER. */
int64_t la_sim_clock_reaches(const struct la_sim_clock *clock, la_instant at);
/* From `run_ns` on it shows by_ns (>= 0) more. */
void la_sim_clock_jump(struct la_sim_clock *clock, int64_t run_ns, int64_t by_ns);

#endif
