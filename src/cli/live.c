/* SPDX-License-Identifier: MIT
 *
 * live.c - a test bed in real time, which `lastack ss` can ask
 *
 * The server's stack is the near end of the instance that `lastack ss` sees, the client's the far
 * one: what there is to see, a listener's queues, is the server's.
 */
#include "cli/live.h"

#include <lastack/host.h>

#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "base/time.h"

/* Without a place for its socket the scenario plays all the same. */
static void
open_control(struct la_live *live, const struct la_bed *bed)
{
    struct la_control_cfg cfg = {.command = "lab",
                                 .end = {{"near", bed->stack[LA_SERVER], NULL, NULL},
                                         {"far", bed->stack[LA_CLIENT], NULL, NULL}},
                                 .end_n = 2};
    la_control_free(live->control);
    live->control = NULL;
    (void)la_control_new(&cfg, bed->now, &live->control);
    live->stack[LA_CLIENT] = bed->stack[LA_CLIENT];
    live->stack[LA_SERVER] = bed->stack[LA_SERVER];
}

/* What the bed's clock would say now if it ran like the one on the wall. */
static la_instant
bed_clock(const struct la_live *live)
{
    return la_instant_add_ns(live->bed_begun_at, la_host_now().ns - live->begun_at.ns);
}

static void
rest(struct la_live *live, la_instant until, la_instant now)
{
    struct pollfd fd = {.fd = -1, .events = POLLIN};
    if (live->control != NULL) {
        fd.fd = la_control_descriptor(live->control);
        until = la_instant_min(until, la_control_deadline(live->control));
    }
    int64_t wait_ns = until.ns > now.ns ? until.ns - now.ns : 0;
    struct timespec wait = {wait_ns / LA_NS_PER_S, wait_ns % LA_NS_PER_S};
    (void)ppoll(&fd, 1, &wait, NULL);
    if (live->control != NULL)
        la_control_serve(live->control, bed_clock(live));
}

void
la_live_wait(void *ctx, const struct la_bed *bed, la_instant until)
{
    struct la_live *live = ctx;
    if (live->stack[LA_CLIENT] != bed->stack[LA_CLIENT] ||
        live->stack[LA_SERVER] != bed->stack[LA_SERVER]) { /* a new bed, or an end has crashed */
        if (live->stack[LA_SERVER] == NULL) {
            live->begun_at = la_host_now();
            live->bed_begun_at = bed->now;
        }
        open_control(live, bed);
    }
    (void)fflush(stdout);
    for (la_instant now = bed_clock(live); la_instant_lt(now, until); now = bed_clock(live))
        rest(live, until, now);
}

void
la_live_end(void *ctx)
{
    struct la_live *live = ctx;
    la_control_free(live->control);
    *live = (struct la_live){.control = NULL};
}
