/* SPDX-License-Identifier: MIT
 *
 * tcp_fsm.h - the state figure (RFC 9293 figure 5) as a table
 *
 * tcp_fsm.def holds the arrows. The stack takes one edge at a time and asserts that it exists; the
 * analyser pushes sets of states through the same table.
 */
#ifndef LA_PROTO_TCP_FSM_H
#define LA_PROTO_TCP_FSM_H

#include <lastack/tcp.h>

struct la_tcp_edge {
    uint8_t to;          /* enum la_tcp_state; 0: cannot happen */
    const char *section; /* "RFC 9293 3.10.7.4 fifth" */
};

/* Never NULL: an edge with to == 0 stands for "cannot happen". Pure, O(1). */
const struct la_tcp_edge *la_tcp_fsm_edge(enum la_tcp_state from, enum la_tcp_event event);

/* The states in which an end can be after `event`, when before it was in one of `possible` (bit
 * 1 << state). Empty: the event was impossible. */
uint16_t la_tcp_fsm_step_set(uint16_t possible, enum la_tcp_event event);

#define LA_TCP_STATE_BIT(state) ((uint16_t)(1u << (state)))
#define LA_TCP_STATES_ALL ((uint16_t)(((1u << LA_TCP_STATE_COUNT) - 1) & ~1u))

#endif
