/* SPDX-License-Identifier: MIT
 *
 * names.h - the names of the socket interface: constants, errors
 *
 * Values are this system's, as a program would see them. Tables only: whoever maps calls of a
 * program to a set of sockets can share them.
 */
#ifndef LA_DRILL_NAMES_H
#define LA_DRILL_NAMES_H

#include <lastack/sock.h>

/* Options of FreeBSD's that Linux has not; their numbers are ours. */
enum { LA_DRILL_TCP_KEEPINIT = 0x4000, LA_DRILL_TCP_NOOPT };

/* SOCK_STREAM, MSG_OOB, POLLIN, TCP_ESTABLISHED … False: not known. */
bool la_drill_name_value(struct la_bytes name, int64_t *out);
/* "EAGAIN", "EPIPE" … of any kind that a call here can give or that Linux has. */
bool la_drill_is_errno(const char *name);
/* EAGAIN is EWOULDBLOCK, too. */
bool la_drill_same_errno(const char *one, const char *other);
/* What a call says for an error of the library: never NULL. */
const char *la_drill_errno_name(la_err err);
/* The name of this system's number; "EIO": of none that is known. */
const char *la_drill_errno_of(int64_t value);
/* The same as this system's number. */
int64_t la_drill_errno_value(la_err err);

#endif
