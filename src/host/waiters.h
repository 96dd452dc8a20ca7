/* SPDX-License-Identifier: MIT
 *
 * waiters.h - calls that block: kept unanswered until something happens
 */
#ifndef LA_HOST_WAITERS_H
#define LA_HOST_WAITERS_H

#include "host/calls.h"

enum la_wait_kind { LA_WAIT_CONNECT, LA_WAIT_ACCEPT, LA_WAIT_RECEIVE, LA_WAIT_SEND };

struct la_waiter {
    struct la_waiter *next, *prev;
    struct la_syscall call;
    struct la_psock *ps;
    enum la_wait_kind kind;
    la_instant deadline;
    uint64_t checked_n;             /* the last check that found its caller waiting */
};

struct la_waiters {
    struct la_waiter *first, *last; /* in order of arrival */
    uint64_t checks_n;
    la_instant check_at;            /* when the callers are next asked whether they still wait */
};

/* Keeps a call that blocks. timeout_ns 0: for ever; a call that was kept before keeps its deadline.
 * Answers ENOMEM itself when it cannot. */
void la_wait_keep(const struct la_visit *visit, enum la_wait_kind kind, int64_t timeout_ns);
/* The oldest call of that kind whose caller still waits; NULL when there is none. Stays kept. */
struct la_waiter *la_wait_first(struct la_psock *ps, enum la_wait_kind kind);
/* Forgets a call, which the caller of this function has answered. */
void la_wait_drop(struct la_waiter *waiter);
/* Answers every call kept for this socket with an error. */
void la_wait_fail_all(struct la_psock *ps, int error);
/* Serves time-outs and finds callers that were interrupted. */
void la_wait_tick(struct la_run *run);
/* When la_wait_tick() is next needed. */
la_instant la_wait_deadline(const struct la_run *run);

#endif
