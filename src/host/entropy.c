/* SPDX-License-Identifier: MIT
 *
 * entropy.c - the kernel's random generator
 */
#include <lastack/host.h>

#include <errno.h>
#include <sys/random.h>

#include "base/assert.h"

void
la_host_seed(uint64_t seed[4])
{
    /* Up to 256 octets come whole or not at all (getrandom(2)); only a signal before the
     * generator is seeded interrupts the call. */
    const size_t n = 4 * sizeof(*seed);
    ssize_t got_n;
    do
        got_n = getrandom(seed, n, 0);
    while (got_n < 0 && errno == EINTR);
    /* Without entropy sequence numbers and ports could be guessed: better no instance at all. */
    LA_ASSERT(got_n == (ssize_t)n);
}
