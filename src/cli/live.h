/* SPDX-License-Identifier: MIT
 *
 * live.h - a test bed in real time, which `lastack ss` can ask
 */
#ifndef LA_CLI_LIVE_H
#define LA_CLI_LIVE_H

#include "host/control.h"
#include "lab/bed.h"

/* Zeroed: nothing has begun. */
struct la_live {
    struct la_control *control;
    const struct la_stack *stack[2]; /* that it shows */
    la_instant begun_at, bed_begun_at; /* the same moment on both clocks */
};

/* As struct la_bed_pace wants it: waits for the clock, and answers meanwhile. ctx: a la_live. */
void la_live_wait(void *ctx, const struct la_bed *bed, la_instant until);
/* The bed goes. */
void la_live_end(void *ctx);

#endif
