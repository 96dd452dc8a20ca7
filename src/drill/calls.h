/* SPDX-License-Identifier: MIT
 *
 * calls.h - what the calls of a script share: arguments, descriptors, buffers
 */
#ifndef LA_DRILL_CALLS_H
#define LA_DRILL_CALLS_H

#include "drill/run.h"

/* One call under way. */
struct la_drill_doing {
    struct la_drill_run *run;
    const struct la_drill_call *call;
    struct la_drill_answer *answer;
    struct la_drill_fd *fd; /* that its first argument names; NULL: none */
};

/* NULL: fewer arguments. */
const struct la_drill_value *la_drill_arg(const struct la_drill_doing *d, unsigned nth);
/* 0 for an ellipsis. False: failed, it is no number. */
bool la_drill_arg_int(const struct la_drill_doing *d, unsigned nth, int64_t *out);
/* An address: ... is `usual`. False: failed. */
bool la_drill_arg_endpoint(const struct la_drill_doing *d, unsigned nth,
                           const struct la_endpoint *usual, struct la_endpoint *out);
/* The field of a struct by name, else by place; NULL: none. */
const struct la_drill_value *la_drill_field(const struct la_drill_value *of, const char *name,
                                            unsigned nth);
/* Answers with the library's error (or 0); AGAIN and IN_PROGRESS of a blocking descriptor wait. */
bool la_drill_answer_err(struct la_drill_doing *d, la_err err);
/* A descriptor without a socket, with the number that the script gives it. */
bool la_drill_fd_new(struct la_drill_doing *d, enum la_drill_fd_kind kind);
/* Is it what the line says (`value`: as it was written there; NULL: a number)? False: failed, and
 * `what` is another one. */
bool la_drill_same(struct la_drill_doing *d, const char *what, const struct la_drill_value *value,
                   int64_t expected, int64_t came);
/* A new attempt between the same ends has numbers of its own. */
void la_drill_flow_begin(struct la_drill_doing *d);
/* The flow of a descriptor's connection; NULL: it has none. */
struct la_drill_flow *la_drill_fd_flow(struct la_drill_run *run, const struct la_drill_fd *fd);

/* Moving octets (moves.c) and what comes beside them (control.c), options (sockopts.c), waiting
 * (ready.c); the rest is calls.c's. */
bool la_drill_call_write(struct la_drill_doing *d);
bool la_drill_call_read(struct la_drill_doing *d);
bool la_drill_call_setsockopt(struct la_drill_doing *d);
bool la_drill_call_getsockopt(struct la_drill_doing *d);
bool la_drill_call_ioctl(struct la_drill_doing *d);
bool la_drill_call_poll(struct la_drill_doing *d);
bool la_drill_call_epoll_create(struct la_drill_doing *d);
bool la_drill_call_epoll_ctl(struct la_drill_doing *d);
bool la_drill_call_epoll_wait(struct la_drill_doing *d);
/* recvmsg() with MSG_ERRQUEUE; and what any other one has beside its octets. */
bool la_drill_call_read_errors(struct la_drill_doing *d);
bool la_drill_call_read_beside(struct la_drill_doing *d);

#endif
