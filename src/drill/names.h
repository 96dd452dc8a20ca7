/* SPDX-License-Identifier: MIT
 *
 * names.h - the names of the socket interface: constants, errors, options
 *
 * Values are this system's, as a program would see them. Tables only: whoever maps calls of a
 * program to a set of sockets can share them.
 */
#ifndef LA_DRILL_NAMES_H
#define LA_DRILL_NAMES_H

#include <lastack/sock.h>

/* SOCK_STREAM, MSG_OOB, POLLIN, TCP_ESTABLISHED … False: not known. */
bool la_drill_name_value(struct la_bytes name, int64_t *out);
/* "EAGAIN", "EPIPE" … of any kind that a call here can give or that Linux has. */
bool la_drill_is_errno(const char *name);
/* What a call says for an error of the library: never NULL. */
const char *la_drill_errno_name(la_err err);
/* The same as this system's number. */
int64_t la_drill_errno_value(la_err err);

enum la_drill_option_value {
    LA_DRILL_VALUE_INT,
    LA_DRILL_VALUE_LINGER, /* struct linger */
    LA_DRILL_VALUE_ERROR,  /* SO_ERROR: read, and cleared */
    LA_DRILL_VALUE_CONGESTION /* TCP_CONGESTION: "reno" */
};

struct la_drill_sockopt {
    int level, name;
    enum la_sock_option option;
    enum la_drill_option_value value;
};
/* NULL: not known. */
const struct la_drill_sockopt *la_drill_sockopt_find(int64_t level, int64_t name);

#endif
