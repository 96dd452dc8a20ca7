/* SPDX-License-Identifier: MIT
 *
 * clock.c - the monotonic clock
 */
#include <lastack/host.h>

#include <time.h>

la_instant
la_host_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (la_instant){(int64_t)ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec};
}
