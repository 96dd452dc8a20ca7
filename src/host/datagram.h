/* SPDX-License-Identifier: MIT
 *
 * datagram.h - UDP sockets of the program
 */
#ifndef LA_HOST_DATAGRAM_H
#define LA_HOST_DATAGRAM_H

#include "host/names.h"

#include <sys/types.h>

enum { LA_DATAGRAM_BYTES_MAX = 65507 };

struct la_visit;

/* Makes the pair; returns the program's end (the caller's) or -1 with errno. */
int la_datagram_open(struct la_psock *ps, int nonblock);
/* Closes our end. Harmless when ps is none. */
void la_datagram_close(struct la_psock *ps);
void la_datagram_connect(struct la_visit *visit, const struct la_name *name);
/* to NULL: the peer. 0 or an errno value, EDESTADDRREQ and a pending error included. */
int la_datagram_send(struct la_psock *ps, const struct la_endpoint *to, struct la_bytes bytes);
/* The next datagram from the program's queue into run->scratch, and whom it is from. Returns its
 * length, or a negative errno value: EAGAIN, or a pending error. */
ssize_t la_datagram_receive(struct la_psock *ps, int borrowed_fd, bool peek,
                            struct la_endpoint *from);
/* The stack has datagrams or an error for this socket. */
void la_datagram_progress(struct la_psock *ps);

#endif
