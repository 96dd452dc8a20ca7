/* SPDX-License-Identifier: MIT
 *
 * ready.c - poll and epoll
 *
 * Read first: poll(2), epoll(7), whose bits are the same.
 */
#include "drill/calls.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "drill/names.h"

enum { EVENTS_N_MAX = 64 }; /* of one epoll_wait() */

static bool
answer(struct la_drill_doing *d, int64_t value)
{
    *d->answer = (struct la_drill_answer){.value = value};
    return true;
}

/* What is ready at a descriptor. */
static uint32_t
mask_of(void *of, int fd)
{
    static const struct {
        uint32_t ours, theirs;
    } bits[] = {{LA_POLL_IN, POLLIN},   {LA_POLL_PRI, POLLPRI}, {LA_POLL_OUT, POLLOUT},
                {LA_POLL_ERR, POLLERR}, {LA_POLL_HUP, POLLHUP}, {LA_POLL_RDHUP, POLLRDHUP}};
    const struct la_drill_run *run = of;
    const struct la_drill_fd *f = &run->fds[fd];
    if (!f->open || f->kind != LA_DRILL_FD_SOCKET)
        return 0;
    uint32_t all = 0, ours = la_sock_poll(run->socks, f->sock);
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if ((ours & bits[i].ours) != 0)
            all |= bits[i].theirs;
    return all | (f->errors.entries != NULL ? POLLERR : 0U);
}

/* Nothing was ready: does the call go on waiting? */
static bool
waits(const struct la_drill_doing *d, int64_t timeout_ms)
{
    int64_t waited_us = d->run->now_us - d->run->pending_from_us;
    return timeout_ms != 0 && (timeout_ms < 0 || waited_us < timeout_ms * 1000);
}

/* ---- poll ------------------------------------------------------------------------------- */

static uint32_t
revents(struct la_drill_run *run, int64_t fd, int64_t events)
{
    if (fd < 0 || fd >= LA_DRILL_FDS_N || !run->fds[fd].open)
        return POLLNVAL;
    return mask_of(run, (int)fd) & ((uint32_t)events | POLLERR | POLLHUP);
}

/* One of {fd=4, events=POLLIN, revents=POLLIN}. */
static bool
poll_one(struct la_drill_doing *d, const struct la_drill_value *value, uint32_t *came,
         int64_t *expected)
{
    const struct la_drill_value *fields[3] = {NULL, NULL, NULL};
    static const char *const names[] = {"fd", "events", "revents"};
    for (unsigned i = 0; i < 3; i++) {
        fields[i] = value->kind == LA_DRILL_STRUCT ? la_drill_field(value, names[i], i) : NULL;
        if (fields[i] == NULL || fields[i]->kind != LA_DRILL_INT)
            return la_drill_fail(d->run, "poll() needs [{fd=4, events=POLLIN, revents=POLLIN}]");
    }
    *came = revents(d->run, fields[0]->number, fields[1]->number);
    *expected = fields[2]->number;
    return true;
}

bool
la_drill_call_poll(struct la_drill_doing *d)
{
    const struct la_drill_value *list = la_drill_arg(d, 0);
    int64_t timeout_ms = 0, expected, ready_n = 0;
    uint32_t came;
    if (list == NULL || list->kind != LA_DRILL_LIST)
        return la_drill_fail(d->run, "poll() needs [{fd=4, events=POLLIN, revents=POLLIN}]");
    if (!la_drill_arg_int(d, 2, &timeout_ms))
        return false;
    for (const struct la_drill_value *v = list->first; v != NULL; v = v->next) {
        if (!poll_one(d, v, &came, &expected))
            return false;
        ready_n += came != 0;
    }
    if (ready_n == 0 && waits(d, timeout_ms)) {
        d->answer->blocked = true;
        return true;
    }
    answer(d, ready_n);
    for (const struct la_drill_value *v = list->first; v != NULL; v = v->next)
        if (!poll_one(d, v, &came, &expected) || !la_drill_same(d, "revents", NULL, expected, came))
            return false;
    return true;
}

/* ---- epoll ------------------------------------------------------------------------------ */

bool
la_drill_call_epoll_create(struct la_drill_doing *d)
{
    return la_drill_fd_new(d, LA_DRILL_FD_EPOLL);
}

/* {events=EPOLLIN, fd=4}; ptr, u32 and u64 are the same data. */
static bool
take_event(struct la_drill_doing *d, const struct la_drill_value *value, struct epoll_event *event)
{
    static const char *const datas[] = {"fd", "ptr", "u32", "u64"};
    const struct la_drill_value *data = NULL, *events = NULL;
    bool is_struct = value != NULL && value->kind == LA_DRILL_STRUCT;
    if (is_struct)
        events = la_drill_field(value, "events", 0);
    for (size_t i = 0; is_struct && data == NULL && i < sizeof(datas) / sizeof(datas[0]); i++)
        data = la_drill_field(value, datas[i], 1);
    if (events == NULL || data == NULL || events->kind != LA_DRILL_INT ||
        data->kind != LA_DRILL_INT)
        return la_drill_fail(d->run, "%s() needs {events=EPOLLIN, fd=4}", d->call->name);
    *event = (struct epoll_event){.events = (uint32_t)events->number,
                                  .data = {.u64 = (uint64_t)data->number}};
    return true;
}

static struct la_drill_fd *
epoll_of(const struct la_drill_doing *d)
{
    return d->fd->kind == LA_DRILL_FD_EPOLL ? d->fd : NULL;
}

bool
la_drill_call_epoll_ctl(struct la_drill_doing *d)
{
    int64_t op = 0, fd = 0;
    struct epoll_event event = {0};
    struct la_drill_fd *epoll = epoll_of(d);
    if (!la_drill_arg_int(d, 1, &op) || !la_drill_arg_int(d, 2, &fd))
        return false;
    if (op != EPOLL_CTL_DEL && !take_event(d, la_drill_arg(d, 3), &event))
        return false;
    int err = -EBADF;
    if (fd >= 0 && fd < LA_DRILL_FDS_N && d->run->fds[fd].open)
        err = epoll == NULL || d->run->fds[fd].kind != LA_DRILL_FD_SOCKET
                  ? -EINVAL
                  : la_interest_ctl(&epoll->interests, (int)op, (int)fd, &event);
    if (err == 0)
        return answer(d, 0);
    *d->answer = (struct la_drill_answer){.value = -1, .error = la_drill_errno_of(-err)};
    return true;
}

/* As with packetdrill, the first event is compared. */
bool
la_drill_call_epoll_wait(struct la_drill_doing *d)
{
    int64_t max = 0, timeout_ms = 0;
    struct epoll_event expected, came[EVENTS_N_MAX] = {{0}};
    struct la_drill_fd *epoll = epoll_of(d);
    const struct la_drill_value *value = la_drill_arg(d, 1);
    bool any = value != NULL && value->kind == LA_DRILL_ELLIPSIS;
    if ((!any && !take_event(d, value, &expected)) || !la_drill_arg_int(d, 2, &max) ||
        !la_drill_arg_int(d, 3, &timeout_ms))
        return false;
    if (epoll == NULL || max <= 0)
        return la_drill_answer_err(d, LA_ERR_BAD_ARGUMENT);
    int n = la_interest_take(epoll->interests, mask_of, d->run, came,
                             max < EVENTS_N_MAX ? (int)max : EVENTS_N_MAX);
    if (n == 0 && waits(d, timeout_ms)) {
        d->answer->blocked = true;
        return true;
    }
    answer(d, n);
    return n == 0 || any ||
           (la_drill_same(d, "events", NULL, expected.events, came[0].events) &&
            la_drill_same(d, "fd", NULL, (int64_t)expected.data.u64, (int64_t)came[0].data.u64));
}

/* ---- what happens ----------------------------------------------------------------------- */

static void
touch(struct la_drill_run *run, int fd)
{
    for (uint32_t i = 0; i < run->fds_n; i++)
        if (run->fds[i].open)
            la_interest_touch(run->fds[i].interests, fd);
}

bool
la_drill_heard(struct la_drill_run *run)
{
    struct la_sock_event event;
    bool any = false;
    while (la_sock_next_event(run->socks, &event)) {
        touch(run, (int)event.user);
        any = true;
    }
    for (uint32_t i = 0; i < run->fds_n; i++) {
        struct la_drill_fd *f = &run->fds[i];
        struct la_conn_status s;
        if (!f->open || f->errors.sends == NULL)
            continue;
        la_handle conn = la_sock_conn(run->socks, f->sock);
        bool has = conn != 0 && la_conn_status(run->stack, conn, &s) == LA_OK;
        if (la_errqueue_look(&f->errors, has ? &s : NULL, la_drill_now(run)))
            touch(run, (int)i);
    }
    return any;
}
