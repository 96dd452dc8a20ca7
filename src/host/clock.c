/* SPDX-License-Identifier: MIT
 *
 * clock.c - the one clock of a run
 *
 * Read first: clock_gettime(2).
 */
#include "host/clock.h"

#include <time.h>

static int64_t
read_ns(clockid_t id)
{
    struct timespec ts = {0};
    (void)clock_gettime(id, &ts); /* cannot fail for these two ids */
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void
la_clock_init(struct la_clock *clock)
{
    clock->epoch_ns = read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
}

la_instant
la_clock_now(const struct la_clock *clock)
{
    return (la_instant){read_ns(CLOCK_MONOTONIC) + clock->epoch_ns};
}
