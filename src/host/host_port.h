/* SPDX-License-Identifier: MIT
 *
 * host_port.h - one port of the host: bound, listened on or not, and who connects to it
 */
#ifndef LA_HOST_HOST_PORT_H
#define LA_HOST_HOST_PORT_H

#include "host/loop.h"

struct la_run;
struct la_psock;

struct la_host_port {
    struct la_watch watch; /* must stay first; watched while it listens and does not pause */
    struct la_host_port *next;
    struct la_run *run;
    struct la_endpoint at; /* on the host */
    uint16_t port;         /* inside */
    int fd;                /* -1: closed, to be freed */
    bool listening;
    bool automatic;                  /* by -P */
    const struct la_psock *reserver; /* bound to this port, or about to be; NULL: none */
};

/* Binds, and puts it on the run's list. at->port 0: any free one; port 0: inside, the same. 0 or an
 * errno value. */
int la_host_port_open(struct la_run *run, const struct la_endpoint *at, uint16_t port,
                      struct la_host_port **out);
/* It may be in use further up the stack of calls, so the next tick frees it. */
void la_host_port_close(struct la_host_port *hp);
/* Where its connections go. */
struct la_endpoint la_host_port_inside(const struct la_host_port *hp);
/* The host listens, or refuses again. A failure is said. */
void la_host_port_begin(struct la_host_port *hp, int backlog);
void la_host_port_end(struct la_host_port *hp);
/* Goes on accepting after a pause. */
void la_host_port_resume(struct la_host_port *hp);
/* A line on standard error. */
void la_host_port_explain(const struct la_host_port *hp, int error);

#endif
