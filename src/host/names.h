/* SPDX-License-Identifier: MIT
 *
 * names.h - between socket addresses in the program's memory and endpoints of the stack
 */
#ifndef LA_HOST_NAMES_H
#define LA_HOST_NAMES_H

#include "host/notify.h"
#include "host/psock.h"

#include <sys/socket.h>

struct la_name {
    bool unspec; /* AF_UNSPEC: dissolve */
    struct la_endpoint endpoint;
};

/* Reads and judges an address as the kernel does for a socket of `family`. 0, EINVAL (too short or
 * too long), EAFNOSUPPORT, EFAULT. */
int la_name_read(const struct la_syscall *call, uint64_t addr, uint64_t len, int family,
                 struct la_name *out);
/* Writes an address, cut to the room that *len_addr says, and the true length there. addr 0:
 * nothing is written. 0, EFAULT, EINVAL. */
int la_name_write(const struct la_syscall *call, uint64_t addr, uint64_t len_addr, int family,
                  const struct la_endpoint *endpoint);
/* The host's form, for sockets of our own. Returns its length. */
socklen_t la_name_to_host(const struct la_endpoint *endpoint, struct sockaddr_storage *out);
void la_name_from_host(const struct sockaddr_storage *in, struct la_endpoint *out);
/* The form for a message header: fills `out`, returns the length. */
socklen_t la_name_encode(int family, const struct la_endpoint *endpoint,
                         struct sockaddr_storage *out);

enum { LA_ALIASES_N = 255 };

struct la_aliases {
    struct la_addr own4, own6; /* of the near stack */
    struct la_addr far4, far6; /* of the far stack: the host's 127.0.0.1 and ::1 on the wire */
    struct la_addr host4[LA_ALIASES_N]; /* loopback addresses by the last octet of their alias */
};

/* On a device there is no other side that knows the host's loopback: it is the stack's own. */
void la_aliases_init(struct la_aliases *aliases, bool on_device);
/* Where a connect() or a datagram to this address goes in the stack: any address means this host;
 * a loopback address means a socket inside that is bound to that port, or else the host's, by its
 * alias. */
struct la_endpoint la_name_outward(struct la_run *run, const struct la_endpoint *endpoint,
                                   bool datagram);
/* The reverse: what an endpoint on the wire is called by the program and by the host. */
struct la_endpoint la_name_inward(const struct la_run *run, const struct la_endpoint *endpoint);
/* What a client of the host is called on the wire. One with an address that has a meaning there is
 * the host itself. */
struct la_endpoint la_name_of_client(struct la_run *run, const struct la_endpoint *client);
/* getsockname() and getpeername() as the program expects them. False: not bound, or no peer. */
bool la_name_local(const struct la_psock *ps, struct la_endpoint *out);
bool la_name_peer(const struct la_psock *ps, struct la_endpoint *out);

#endif
