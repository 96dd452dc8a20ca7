/* SPDX-License-Identifier: MIT
 *
 * walltime.c - the one clock of a run
 *
 * Read first: clock_gettime(2).
 */
#include "host/walltime.h"

#include <lastack/host.h>

#include <time.h>

void
la_walltime_init(struct la_walltime *clock)
{
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock */
    clock->epoch_ns = (int64_t)ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec - la_host_now().ns;
}

la_instant
la_walltime_now(const struct la_walltime *clock)
{
    return (la_instant){la_host_now().ns + clock->epoch_ns};
}
