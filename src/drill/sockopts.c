/* SPDX-License-Identifier: MIT
 *
 * sockopts.c - setsockopt, getsockopt, ioctl, poll
 */
#include "drill/calls.h"
#include "drill/names.h"

#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

enum { NAME_BYTES = 16 };

static bool
answer(struct la_drill_doing *d, int64_t value)
{
    *d->answer = (struct la_drill_answer){.value = value};
    return true;
}

static bool
find(struct la_drill_doing *d, const struct la_drill_sockopt **out)
{
    int64_t level = 0, name = 0;
    if (!la_drill_arg_int(d, 1, &level) || !la_drill_arg_int(d, 2, &name))
        return false;
    *out = la_drill_sockopt_find(level, name);
    return true;
}

/* A name that there is not becomes a number that the stack refuses. */
static bool
congestion_of(struct la_bytes text, int64_t *out)
{
    char name[NAME_BYTES] = {0};
    memcpy(name, text.p, text.n < sizeof(name) ? text.n : sizeof(name) - 1);
    *out = la_congestion_find(name);
    return true;
}

/* [1], or {onoff = 1, linger = 0}; -1 is a linger that is off. */
static bool
value_of(const struct la_drill_doing *d, const struct la_drill_sockopt *opt, int64_t *out)
{
    const struct la_drill_value *value = la_drill_arg(d, 3);
    if (value != NULL && value->kind == LA_DRILL_LIST && value->count == 1)
        value = value->first;
    if (opt->value == LA_DRILL_VALUE_LINGER && value != NULL && value->kind == LA_DRILL_STRUCT) {
        const struct la_drill_value *on = la_drill_field(value, "onoff", 0);
        const struct la_drill_value *seconds = la_drill_field(value, "linger", 1);
        if (on == NULL || seconds == NULL)
            return la_drill_fail(d->run, "SO_LINGER needs {onoff=1, linger=0}");
        *out = on->number == 0 ? -1 : seconds->number;
        return true;
    }
    if (opt->value == LA_DRILL_VALUE_CONGESTION && value != NULL && value->kind == LA_DRILL_STRING)
        return congestion_of(value->text, out);
    if (value == NULL || value->kind != LA_DRILL_INT)
        return la_drill_fail(d->run, "%s() needs a value as [1]", d->call->name);
    *out = value->number;
    return true;
}

bool
la_drill_call_setsockopt(struct la_drill_doing *d)
{
    const struct la_drill_sockopt *opt;
    int64_t value;
    if (!find(d, &opt))
        return false;
    if (opt == NULL || opt->value == LA_DRILL_VALUE_ERROR)
        return la_drill_answer_err(d, LA_ERR_NO_SUCH_OPTION);
    if (!value_of(d, opt, &value))
        return false;
    la_err err =
        la_sock_option_set(d->run->socks, d->fd->sock, opt->option, value, la_drill_now(d->run));
    d->fd->fast_open |= err == LA_OK && opt->option == LA_SO_FASTOPEN;
    return la_drill_answer_err(d, err);
}

/* What came back beside the result is what the line says? */
static bool
compare(struct la_drill_doing *d, int64_t expected, int64_t came)
{
    char text[LA_DRILL_MESSAGE_BYTES];
    if (expected == came)
        return true;
    (void)snprintf(text, sizeof(text), "%s() gave [%lld]", d->call->name, (long long)came);
    la_drill_fail(d->run, "the value is another one");
    la_drill_fail_came(d->run, text);
    return false;
}

bool
la_drill_call_getsockopt(struct la_drill_doing *d)
{
    const struct la_drill_sockopt *opt;
    int64_t expected, came = 0;
    la_err err = LA_OK;
    if (!find(d, &opt))
        return false;
    if (opt == NULL)
        return la_drill_answer_err(d, LA_ERR_NO_SUCH_OPTION);
    const struct la_drill_value *value = la_drill_arg(d, 3);
    bool any = value != NULL && value->kind == LA_DRILL_ELLIPSIS;
    if (!any && !value_of(d, opt, &expected))
        return false;
    if (opt->value == LA_DRILL_VALUE_ERROR)
        came = la_drill_errno_value(la_sock_error_take(d->run->socks, d->fd->sock));
    else
        err = la_sock_option_get(d->run->socks, d->fd->sock, opt->option, &came);
    if (err != LA_OK)
        return la_drill_answer_err(d, err);
    answer(d, 0);
    return any || compare(d, expected, came);
}

bool
la_drill_call_ioctl(struct la_drill_doing *d)
{
    int64_t request = 0, came = 0;
    struct la_conn_status status = {0};
    bool at_mark = false;
    if (!la_drill_arg_int(d, 1, &request))
        return false;
    la_handle conn = la_sock_conn(d->run->socks, d->fd->sock);
    la_err err = conn == 0 ? LA_ERR_BAD_STATE : la_conn_status(d->run->stack, conn, &status);
    if (err == LA_OK && request == SIOCINQ)
        came = status.receive_queue_bytes;
    else if (err == LA_OK && request == SIOCOUTQ)
        came = status.send_queue_bytes;
    else if (err == LA_OK && request == SIOCOUTQNSD)
        came = status.unsent_bytes;
    else if (err == LA_OK && request == SIOCATMARK)
        err = la_sock_at_mark(d->run->socks, d->fd->sock, &at_mark), came = at_mark;
    else if (err == LA_OK)
        return la_drill_fail(d->run, "ioctl() has SIOCINQ, SIOCOUTQ, SIOCOUTQNSD and SIOCATMARK");
    if (err != LA_OK)
        return la_drill_answer_err(d, err);
    const struct la_drill_value *value = la_drill_arg(d, 2);
    if (value == NULL || value->kind != LA_DRILL_LIST || value->count != 1 ||
        value->first->kind != LA_DRILL_INT)
        return la_drill_fail(d->run, "ioctl() needs a value as [1000]");
    answer(d, 0);
    return compare(d, value->first->number, came);
}

/* ---- poll ------------------------------------------------------------------------------- */

static uint32_t
revents(struct la_drill_run *run, int64_t fd, int64_t events)
{
    static const struct {
        uint32_t ours, theirs;
    } bits[] = {{LA_POLL_IN, POLLIN},   {LA_POLL_PRI, POLLPRI}, {LA_POLL_OUT, POLLOUT},
                {LA_POLL_ERR, POLLERR}, {LA_POLL_HUP, POLLHUP}, {LA_POLL_RDHUP, POLLRDHUP}};
    uint32_t all = 0;
    if (fd < 0 || fd >= LA_DRILL_FDS_N || !run->fds[fd].open)
        return POLLNVAL;
    uint32_t ours = la_sock_poll(run->socks, run->fds[fd].sock);
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if ((ours & bits[i].ours) != 0)
            all |= bits[i].theirs;
    return all & ((uint32_t)events | POLLERR | POLLHUP);
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
    int64_t waited_us = d->run->now_us - d->run->pending_from_us;
    if (ready_n == 0 && timeout_ms != 0 && (timeout_ms < 0 || waited_us < timeout_ms * 1000)) {
        d->answer->blocked = true;
        return true;
    }
    answer(d, ready_n);
    for (const struct la_drill_value *v = list->first; v != NULL; v = v->next)
        if (!poll_one(d, v, &came, &expected) || !compare(d, expected, came))
            return false;
    return true;
}
