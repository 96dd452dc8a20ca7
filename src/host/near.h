/* SPDX-License-Identifier: MIT
 *
 * near.h - what a unix socket must be taught to look like a TCP socket
 *
 * Three tricks, each explained in near.c: the fill (a connecting socket is not writable), the
 * sentinel (a RST reads as ECONNRESET), and telling close() from shutdown().
 */
#ifndef LA_HOST_NEAR_H
#define LA_HOST_NEAR_H

#include "host/psock.h"

/* Gives the unconnected program's end its other end, and stuffs it, since the connection is
 * only about to be opened. 0 or an errno value. */
int la_near_open_filled(struct la_psock *ps, int borrowed_fd);
/* The same for one whose SYN waits for what the program writes first (LA_SO_FASTOPEN_CONNECT): its
 * end is writable at once. */
int la_near_open_deferred(struct la_psock *ps, int borrowed_fd);
/* The same for a connection that is up: the program's end is writable at once. */
int la_near_open(struct la_psock *ps, int borrowed_fd);
/* The two halves of that, for an accepted connection: before the program gets its end, and after.
 * our_fd is taken. 0 or an errno value. */
void la_near_plant(struct la_psock *ps, int program_fd);
int la_near_join(struct la_psock *ps, int our_fd);
/* The connection came up: what was stuffed, if anything, is taken out again, and the program may
 * write. */
void la_near_unfill(struct la_psock *ps);
/* The connection ended with this errno value: the program is shown an error. */
void la_near_fail(struct la_psock *ps, int error);
/* Ends both directions without an error being shown (connect with AF_UNSPEC). */
void la_near_dissolve(struct la_psock *ps);

#endif
