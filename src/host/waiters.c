/* SPDX-License-Identifier: MIT
 *
 * waiters.c - calls that block: kept unanswered until something happens
 *
 * Nobody tells the supervisor that a caller was interrupted by a signal or killed: each waiter is
 * asked (ID_VALID) before it is answered, and all of them ten times a second. No descriptor of the
 * program is kept for a waiter: it is borrowed again by its number when there is something to do.
 *
 * The calls are few (blocked threads), so a list serves.
 */
#include "host/waiters.h"

#include "host/connect.h"
#include "host/supervisor.h"

#include <errno.h>
#include <stdlib.h>

enum { CHECK_NS = 100000000 };

void
la_wait_keep(const struct la_visit *visit, enum la_wait_kind kind, int64_t timeout_ns)
{
    struct la_psock *ps = visit->ps;
    struct la_waiters *ws = &ps->run->waiters;
    struct la_waiter *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        la_syscall_fail(&visit->call, ENOMEM);
        return;
    }
    w->call = visit->call;
    w->ps = ps;
    w->kind = kind;
    w->checked_n = ws->checks_n;
    w->deadline = visit->kept ? visit->deadline : LA_INSTANT_NEVER;
    if (!visit->kept && timeout_ns > 0)
        w->deadline.ns = ps->run->now.ns + timeout_ns;
    if (ws->first == NULL)
        ws->check_at.ns = ps->run->now.ns + CHECK_NS;
    w->prev = ws->last;
    if (ws->last != NULL)
        ws->last->next = w;
    else
        ws->first = w;
    ws->last = w;
    ps->waiting_n++;
}

void
la_wait_drop(struct la_waiter *w)
{
    struct la_waiters *ws = &w->ps->run->waiters;
    if (w->prev != NULL)
        w->prev->next = w->next;
    else
        ws->first = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    else
        ws->last = w->prev;
    w->ps->waiting_n--;
    free(w);
}

/* The caller of a blocking connect() is gone, or its time is up: the connection goes on without
 * it, and the program will poll for it. */
static void
leave(struct la_waiter *w)
{
    struct la_psock *ps = w->ps;
    enum la_wait_kind kind = w->kind;
    la_wait_drop(w);
    if (kind == LA_WAIT_CONNECT && !ps->doomed)
        la_connect_left_alone(ps);
}

struct la_waiter *
la_wait_first(struct la_psock *ps, enum la_wait_kind kind)
{
    struct la_waiter *next;
    for (struct la_waiter *w = ps->run->waiters.first; ps->waiting_n > 0 && w != NULL; w = next) {
        next = w->next;
        if (w->ps != ps || w->kind != kind)
            continue;
        if (la_syscall_is_alive(&w->call))
            return w;
        la_wait_drop(w);
    }
    return NULL;
}

void
la_wait_fail_all(struct la_psock *ps, int error)
{
    struct la_waiter *next;
    for (struct la_waiter *w = ps->run->waiters.first; ps->waiting_n > 0 && w != NULL; w = next) {
        next = w->next;
        if (w->ps == ps) {
            la_syscall_fail(&w->call, error);
            la_wait_drop(w);
        }
    }
}

static void
time_out(struct la_waiter *w)
{
    struct la_syscall call = w->call;
    int error = w->kind == LA_WAIT_CONNECT ? EINPROGRESS : EAGAIN;
    leave(w); /* before the program can poll */
    la_syscall_fail(&call, error);
}

/* The first waiter whose time is up, or whose caller is gone; NULL: none. */
static struct la_waiter *
first_to_end(struct la_run *run)
{
    struct la_waiters *ws = &run->waiters;
    for (struct la_waiter *w = ws->first; w != NULL; w = w->next) {
        if (run->now.ns >= w->deadline.ns)
            return w;
        if (w->checked_n == ws->checks_n)
            continue;
        if (!la_syscall_is_alive(&w->call))
            return w;
        w->checked_n = ws->checks_n;
    }
    return NULL;
}

void
la_wait_tick(struct la_run *run)
{
    struct la_waiters *ws = &run->waiters;
    if (run->now.ns >= ws->check_at.ns) {
        ws->checks_n++;
        ws->check_at.ns = run->now.ns + CHECK_NS;
    }
    /* From the beginning each time: ending one may end others. */
    struct la_waiter *w;
    while ((w = first_to_end(run)) != NULL) {
        if (run->now.ns >= w->deadline.ns)
            time_out(w);
        else
            leave(w);
    }
}

la_instant
la_wait_deadline(const struct la_run *run)
{
    const struct la_waiters *ws = &run->waiters;
    la_instant at = ws->first != NULL ? ws->check_at : LA_INSTANT_NEVER;
    for (const struct la_waiter *w = ws->first; w != NULL; w = w->next) {
        if (w->deadline.ns < at.ns)
            at = w->deadline;
    }
    return at;
}
