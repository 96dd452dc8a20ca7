/* SPDX-License-Identifier: MIT
 *
 * assertions.c - a failed assertion of the core is a result of the run
 *
 * The program's definition of the one process-wide symbol: for all commands it says what failed and
 * stops; in a process that runs plans it is noted for whoever waits for that process.
 */
#include <lastack/base.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/explore.h"
#include "sim/sim.h"

static char *noted;

void
la_sim_assertions_to(char *text)
{
    noted = text;
}

void
la_assert_failed(const char *file, int line, const char *expr)
{
    if (noted == NULL) {
        la_explore_tell_way(stderr);
        (void)fprintf(stderr, "lastack: %s:%d: assertion failed: %s\n", file, line, expr);
        abort();
    }
    (void)snprintf(noted, LA_SIM_TEXT_BYTES, "%s:%d: %s", file, line, expr);
    _exit(LA_SIM_EXIT_ASSERTION);
}
