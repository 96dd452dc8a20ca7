/* SPDX-License-Identifier: MIT
 *
 * far_udp.h - datagrams that reach the far side: one host socket per pair of endpoints
 */
#ifndef LA_HOST_FAR_UDP_H
#define LA_HOST_FAR_UDP_H

#include "host/map.h"

#include <lastack/stack.h>

struct la_run;
struct la_flow;

struct la_far_udp {
    la_handle udp;                  /* takes every datagram of the far stack; 0 = none */
    struct la_map by_key;           /* chains of flows whose keys have one hash */
    struct la_flow *newest, *oldest; /* in order of use */
    unsigned flows_n;
};

/* Opens the far stack's socket for every port. */
la_err la_far_udp_init(struct la_run *run);
void la_far_udp_fini(struct la_run *run);
/* LA_STACK_EV_UDP of the far stack. */
void la_far_udp_progress(struct la_run *run);
/* Ends flows that were idle for too long; la_far_udp_deadline: when there can be one. */
void la_far_udp_tick(struct la_run *run);
la_instant la_far_udp_deadline(const struct la_run *run);

#endif
