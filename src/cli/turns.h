/* SPDX-License-Identifier: MIT
 *
 * turns.h - several threads that share the work of a pipeline
 *
 *   fill a slot --> each part looks at it --> collect what the parts made of it
 *
 * All threads do the same: whoever is free takes what there is to do. Slots are filled one at a
 * time, and collected one at a time, in their order. Each part takes the slots in their order, one
 * at a time, in whichever thread. So what comes out does not depend on who was faster.
 *
 * A slot's number counts from 0; at most slots_n are in use at a time, so that they can lie in an
 * array by their number modulo slots_n.
 */
#ifndef LA_CLI_TURNS_H
#define LA_CLI_TURNS_H

#include <stdbool.h>
#include <stdint.h>

enum { LA_TURNS_THREADS_MAX = 64, LA_TURNS_PARTS_MAX = 64 };

/* Bits of what a call to fill() tells. */
enum la_turns_filled {
    LA_TURNS_FILLED = 1, /* the slot is everybody's; else it was not needed */
    LA_TURNS_REST = 2,   /* it is called again when all parts have done all slots */
    LA_TURNS_LAST = 4    /* it is not called again */
};

struct la_turns_cfg {
    unsigned threads_n, parts_n; /* the caller's thread is one of them */
    unsigned slots_n;
    unsigned ahead_n; /* so many slots are filled before parts are looked after */
    unsigned (*fill)(void *ctx, uint64_t slot); /* enum la_turns_filled */
    void (*part)(void *ctx, unsigned part, uint64_t slot);
    void (*collect)(void *ctx, uint64_t slot);
    void *ctx;
};

/* Until all slots are collected. With fewer threads than were asked for, if they cannot be had.
 * What one call did is seen by those that follow it in the pipeline. Signals are the caller's
 * thread's. */
void la_turns_run(const struct la_turns_cfg *cfg);

#endif
