/* SPDX-License-Identifier: MIT
 *
 * ports.h - the ports that sockets inside are bound to (listening, for streams)
 */
#ifndef LA_HOST_PORTS_H
#define LA_HOST_PORTS_H

#include "host/map.h"
#include "host/psock.h"

struct la_ports {
    struct la_map by_port; /* the first of those with this port: psock.port_next */
};

void la_ports_fini(struct la_ports *ports);
void la_ports_take(struct la_psock *ps, uint16_t port);
void la_ports_give(struct la_psock *ps);
/* The socket inside that takes what goes to this endpoint, in its family; NULL: none. One that the
 * program has closed may still be named. */
struct la_psock *la_ports_get(const struct la_run *run, bool datagram,
                              const struct la_endpoint *to);
/* The same, but listeners are asked whether they still live, and retired if not. */
bool la_ports_is_inside(struct la_run *run, bool datagram, const struct la_endpoint *to);

#endif
