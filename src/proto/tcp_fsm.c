/* SPDX-License-Identifier: MIT
 *
 * tcp_fsm.c - look-ups in the figure
 */
#include "proto/tcp_fsm.h"

static const struct la_tcp_edge edges[LA_TCP_STATE_COUNT][LA_TCP_EV_COUNT] = {
#define EDGE(from, event, to, section) [LA_TCP_##from][LA_TCP_EV_##event] = {LA_TCP_##to, section},
#include <lastack/tcp_fsm.def>
#undef EDGE
};

static const struct la_tcp_edge impossible = {0, ""};

const struct la_tcp_edge *
la_tcp_fsm_edge(enum la_tcp_state from, enum la_tcp_event event)
{
    if ((unsigned)from >= LA_TCP_STATE_COUNT || (unsigned)event >= LA_TCP_EV_COUNT)
        return &impossible;
    const struct la_tcp_edge *edge = &edges[from][event];
    return edge->to == 0 ? &impossible : edge;
}

uint16_t
la_tcp_fsm_step_set(uint16_t possible, enum la_tcp_event event)
{
    uint16_t after = 0;
    if ((unsigned)event >= LA_TCP_EV_COUNT)
        return 0;
    for (unsigned left = possible & LA_TCP_STATES_ALL; left != 0; left &= left - 1) {
        unsigned to = edges[__builtin_ctz(left)][event].to;
        after |= (uint16_t)(1u << to);
    }
    return after & LA_TCP_STATES_ALL; /* 0 is no state */
}
