/* SPDX-License-Identifier: MIT
 *
 * walltime.h - the one clock of a run
 *
 * Never goes back, yet reads as nanoseconds since the Unix epoch: la_host_now() plus the distance
 * to CLOCK_REALTIME as it was at the start. So stacks may use it (they assert that time does not go
 * back) and capture files carry wall-clock stamps without a translation.
 */
#ifndef LA_HOST_WALLTIME_H
#define LA_HOST_WALLTIME_H

#include <lastack/base.h>

struct la_walltime {
    int64_t epoch_ns; /* added to the monotonic clock */
};

void la_walltime_init(struct la_walltime *clock);
la_instant la_walltime_now(const struct la_walltime *clock);

#endif
