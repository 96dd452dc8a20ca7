/* SPDX-License-Identifier: MIT
 *
 * clock.c - a host's clock beside the run's
 */
#include "sim/clock.h"

#include "base/assert.h"
#include "base/time.h"

#define MILLION INT64_C(1000000)

la_instant
la_sim_clock_read(const struct la_sim_clock *clock, int64_t run_ns)
{
    int64_t passed = run_ns - clock->run_ns;
    int64_t gained = passed / MILLION * clock->ppm + passed % MILLION * clock->ppm / MILLION;
    return la_instant_of_ns(clock->host_ns + passed + gained);
}

int64_t
la_sim_clock_reaches(const struct la_sim_clock *clock, la_instant at)
{
    if (la_instant_is_never(at))
        return INT64_MAX;
    int64_t wanted = at.ns - clock->host_ns;
    if (wanted <= 0)
        return clock->run_ns;
    int64_t rate = MILLION + clock->ppm;
    int64_t run_ns = clock->run_ns + wanted / rate * MILLION + wanted % rate * MILLION / rate;
    while (la_instant_lt(la_sim_clock_read(clock, run_ns), at)) /* rounding */
        run_ns++;
    return run_ns;
}

void
la_sim_clock_jump(struct la_sim_clock *clock, int64_t run_ns, int64_t by_ns)
{
    LA_ASSERT(by_ns >= 0);
    clock->host_ns = la_sim_clock_read(clock, run_ns).ns + by_ns;
    clock->run_ns = run_ns;
}
