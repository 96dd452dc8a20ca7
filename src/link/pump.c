/* SPDX-License-Identifier: MIT
 *
 * pump.c - two stacks on one wire, or one on a link, moved by one call
 */
#include "base/assert.h"
#include "base/time.h"
#include "link/wire.h"

/* ROUNDS_N bounds a call even if two ends answer each other for ever at one instant. */
enum { BURST_N = 64, TIMERS_N = 256, ROUNDS_N = 1 << 16 };

void
la_wire_outer_set(struct la_wire *wire, int end, struct la_link *outer)
{
    LA_ASSERT(end == 0 || end == 1);
    wire->outer[end] = outer != NULL ? outer : &wire->end[end].link;
}

/* True: something was moved. */
static bool
send_burst(struct la_link *link, struct la_stack *stack, la_instant now)
{
    struct la_frame *frames[BURST_N];
    size_t n = la_stack_output(stack, 0, frames, BURST_N, now);
    size_t taken_n = n == 0 ? 0 : la_link_send(link, frames, n, now);
    for (size_t i = taken_n; i < n; i++)
        la_frame_free(frames[i]);
    return n != 0;
}

/* How many frames were moved. */
static size_t
receive_burst(struct la_link *link, struct la_stack *stack, la_instant now)
{
    struct la_frame *frames[BURST_N];
    size_t n = la_link_receive(link, frames, BURST_N, now);
    if (n != 0)
        la_stack_input(stack, 0, frames, n, now);
    return n;
}

void
la_wire_pump(struct la_wire *wire, struct la_stack *a, struct la_stack *b, la_instant now)
{
    struct la_stack *const stacks[2] = {a, b};
    bool moved = true;
    for (unsigned round = 0; moved && round < ROUNDS_N; round++) {
        moved = false;
        for (unsigned i = 0; i < 2; i++) {
            moved |= receive_burst(wire->outer[i], stacks[i], now) > 0;
            moved |= la_stack_run(stacks[i], now, TIMERS_N);
            moved |= send_burst(wire->outer[i], stacks[i], now);
        }
    }
    wire->now = la_instant_max(wire->now, now);
}

bool
la_link_pump(struct la_link *link, struct la_stack *stack, la_instant now)
{
    /* Less than was asked for is all there was. */
    bool more = receive_burst(link, stack, now) == BURST_N;
    more |= la_stack_run(stack, now, TIMERS_N);
    la_link_flush(link, stack, now);
    return more || la_stack_has_output(stack);
}

void
la_link_flush(struct la_link *link, struct la_stack *stack, la_instant now)
{
    for (unsigned burst = 0; burst < BURST_N && send_burst(link, stack, now); burst++)
        continue;
}

la_instant
la_wire_next(const struct la_wire *wire, const struct la_stack *a, const struct la_stack *b)
{
    const struct la_stack *const stacks[2] = {a, b};
    la_instant next = LA_INSTANT_NEVER;
    for (unsigned i = 0; i < 2; i++) {
        if (la_stack_has_output(stacks[i]))
            return wire->now;
        next = la_instant_min(next, la_link_deadline(wire->outer[i]));
        next = la_instant_min(next, la_stack_deadline(stacks[i]));
    }
    return next;
}
