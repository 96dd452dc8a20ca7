/* SPDX-License-Identifier: MIT
 *
 * clock.h - the one clock of a run
 *
 * Never goes back, yet reads as nanoseconds since the Unix epoch: CLOCK_MONOTONIC plus the distance
 * to CLOCK_REALTIME as it was at the start. So stacks may use it (they assert that time does not go
 * back) and capture files carry wall-clock stamps without a translation.
 */
#ifndef LA_HOST_CLOCK_H
#define LA_HOST_CLOCK_H

#include <lastack/base.h>

struct la_clock {
    int64_t epoch_ns; /* added to CLOCK_MONOTONIC */
};

void la_clock_init(struct la_clock *clock);
la_instant la_clock_now(const struct la_clock *clock);

#endif
