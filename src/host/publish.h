/* SPDX-License-Identifier: MIT
 *
 * publish.h - ports of the host behind which listeners inside are reached (run -p, -P)
 */
#ifndef LA_HOST_PUBLISH_H
#define LA_HOST_PUBLISH_H

#include <lastack/base.h>

struct la_run;
struct la_psock;
struct la_host_port;

struct la_publish {
    struct la_host_port *first;
    la_instant retry_at; /* when those that pause are looked at again; 0: none pauses */
    bool over;           /* nothing is published any more */
    bool limit_said;     /* that descriptors run out */
};

/* Takes the ports of the host that the configuration names. 0, or the exit status: said. */
int la_publish_open(struct la_run *run);
/* Who listens inside on this port has changed. */
void la_publish_update(struct la_run *run, uint16_t port);
/* With -P: a port that is free on the host's loopback and kept for this socket, which is about to
 * be bound to `addr`. 0: none, or not wanted. */
uint16_t la_publish_reserve(struct la_psock *ps, const struct la_addr *addr);
/* What was reserved for it, and is not used by a listener, is free again. */
void la_publish_forget(const struct la_psock *ps);
void la_publish_tick(struct la_run *run);
la_instant la_publish_deadline(const struct la_run *run);
/* From now on the host refuses. Connections that are there go on. */
void la_publish_close(struct la_run *run);
void la_publish_fini(struct la_run *run);

#endif
