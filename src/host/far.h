/* SPDX-License-Identifier: MIT
 *
 * far.h - the far side of the wire: the program and the host, each as the other's client
 */
#ifndef LA_HOST_FAR_H
#define LA_HOST_FAR_H

#include "host/map.h"

#include <lastack/stack.h>

struct la_run;

struct la_far {
    struct la_map by_handle;    /* requests and connections of the far stack */
    struct la_far_conn *doomed; /* to be freed at the end of the round */
    uint64_t dialled_n, refused_n;
    unsigned opening_n;         /* clients of the host that the program has not answered yet */
    bool limit_said;            /* that descriptors run out */
};

/* LA_STACK_EV_REQUEST, _REQUEST_GONE and _CONN of the far stack. */
void la_far_request(struct la_run *run, la_handle request);
void la_far_gone(struct la_run *run, la_handle request);
void la_far_progress(struct la_run *run, la_handle conn);
/* A client of the host (its socket: taken) wants to go to `to` inside: an active OPEN in its
 * name. */
void la_far_enter(struct la_run *run, int take_fd, const struct la_endpoint *client,
                  const struct la_endpoint *to);
/* Frees what has ended. Only at the end of a round. */
void la_far_reap(struct la_run *run);
void la_far_fini(struct la_run *run);

#endif
