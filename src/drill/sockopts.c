/* SPDX-License-Identifier: MIT
 *
 * sockopts.c - setsockopt, getsockopt, ioctl
 */
#include "drill/calls.h"
#include "drill/names.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "host/option_rows.h"

enum { NAME_BYTES = 16 };

static bool
answer(struct la_drill_doing *d, int64_t value)
{
    *d->answer = (struct la_drill_answer){.value = value};
    return true;
}

/* The option that the call names, by the rows of `lastack run`; NULL: there is no such. */
static bool
find(struct la_drill_doing *d, const struct la_option_row **out)
{
    int64_t level = 0, name = 0;
    if (!la_drill_arg_int(d, 1, &level) || !la_drill_arg_int(d, 2, &name))
        return false;
    bool known = level >= 0 && level <= INT16_MAX && name >= 0 && name <= INT16_MAX;
    *out = known ? la_option_find((int)level, (int)name) : NULL;
    return true;
}

static bool
is_of(const struct la_option_row *r, int level, int name)
{
    return r != NULL && r->level == level && r->name == name;
}

/* What the sockets have of an option, or -1 where it is not theirs. */
static int
sock_option(const struct la_option_row *r)
{
    if (r->kind == LA_OPTION_STACK)
        return r->arg;
    if (is_of(r, SOL_SOCKET, SO_LINGER))
        return LA_SO_LINGER_S;
    if (is_of(r, SOL_SOCKET, SO_MAX_PACING_RATE))
        return LA_SO_MAX_PACING_RATE;
    return is_of(r, IPPROTO_TCP, TCP_CONGESTION) ? (int)LA_SO_CONGESTION : -1;
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
value_of(const struct la_drill_doing *d, const struct la_option_row *r, int64_t *out)
{
    const struct la_drill_value *value = la_drill_arg(d, 3);
    if (value != NULL && value->kind == LA_DRILL_LIST && value->count == 1)
        value = value->first;
    if (is_of(r, SOL_SOCKET, SO_LINGER) && value != NULL && value->kind == LA_DRILL_STRUCT) {
        const struct la_drill_value *on = la_drill_field(value, "onoff", 0);
        const struct la_drill_value *seconds = la_drill_field(value, "linger", 1);
        if (on == NULL || seconds == NULL)
            return la_drill_fail(d->run, "SO_LINGER needs {onoff=1, linger=0}");
        *out = on->number == 0 ? -1 : seconds->number;
        return true;
    }
    if (is_of(r, IPPROTO_TCP, TCP_CONGESTION) && value != NULL && value->kind == LA_DRILL_STRING)
        return congestion_of(value->text, out);
    if (value == NULL || value->kind != LA_DRILL_INT)
        return la_drill_fail(d->run, "%s() needs a value as [1]", d->call->name);
    *out = (int32_t)value->number; /* an int, as the call has it */
    return true;
}

/* TCP_FASTOPEN_KEY: one key, or one and the one before it. */
static bool
set_key(struct la_drill_doing *d)
{
    const struct la_drill_value *value = la_drill_arg(d, 3);
    int64_t n = 0;
    if (value == NULL || value->kind != LA_DRILL_STRING)
        return la_drill_fail(d->run, "TCP_FASTOPEN_KEY needs a string");
    if (!la_drill_arg_int(d, 4, &n))
        return false;
    if ((n != LA_FAST_OPEN_KEY_BYTES && n != 2 * LA_FAST_OPEN_KEY_BYTES) ||
        value->text.n < (size_t)n)
        return la_drill_answer_err(d, LA_ERR_BAD_ARGUMENT);
    if (n > LA_FAST_OPEN_KEY_BYTES)
        la_stack_fast_open_key_set(d->run->stack, value->text.p + LA_FAST_OPEN_KEY_BYTES);
    la_stack_fast_open_key_set(d->run->stack, value->text.p);
    return answer(d, 0);
}

static bool
answer_errno(struct la_drill_doing *d, int64_t value)
{
    *d->answer = (struct la_drill_answer){.value = -1, .error = la_drill_errno_of(value)};
    return true;
}

/* SO_ZEROCOPY, SO_TIMESTAMPING, TCP_INQ, TCP_KEEPINIT, which are the descriptor's, and TCP_NOOPT,
 * which Linux has not. */
static bool
is_own(int64_t level, int64_t name)
{
    return (level == SOL_SOCKET && (name == SO_ZEROCOPY || name == SO_TIMESTAMPING)) ||
           (level == IPPROTO_TCP &&
            (name == TCP_INQ || name == LA_DRILL_TCP_KEEPINIT || name == LA_DRILL_TCP_NOOPT));
}

static int64_t
get_own(const struct la_drill_run *run, const struct la_drill_fd *fd, int64_t level, int64_t name)
{
    if (level == IPPROTO_TCP && name == LA_DRILL_TCP_KEEPINIT)
        return fd->connect_s != 0 ? fd->connect_s : (int64_t)(run->ways.connect_ms / 1000);
    if (level == IPPROTO_TCP && name == LA_DRILL_TCP_NOOPT) {
        int64_t on = 0;
        (void)la_sock_option_get(run->socks, fd->sock, LA_SO_NOOPT, &on);
        return on;
    }
    if (level == IPPROTO_TCP)
        return fd->tells_queue;
    return name == SO_ZEROCOPY ? fd->errors.zerocopy : (int64_t)fd->errors.stamps;
}

/* TCP_KEEPINIT: how long an attempt to connect may last. */
static bool
set_connect_time(struct la_drill_doing *d, int64_t s)
{
    if (s <= 0 || s > INT32_MAX / 1000)
        return la_drill_answer_err(d, LA_ERR_BAD_ARGUMENT);
    d->fd->connect_s = (int32_t)s;
    return la_drill_answer_err(d, la_sock_option_set(d->run->socks, d->fd->sock, LA_SO_USER_TIMEOUT,
                                                     s * 1000, la_drill_now(d->run)));
}

static bool
set_own(struct la_drill_doing *d, int64_t level, int64_t name)
{
    struct la_conn_status s;
    const struct la_drill_value *value = la_drill_arg(d, 3);
    if (value != NULL && value->kind == LA_DRILL_LIST && value->count == 1)
        value = value->first;
    if (value == NULL || value->kind != LA_DRILL_INT)
        return la_drill_fail(d->run, "%s() needs a value as [1]", d->call->name);
    if (level == IPPROTO_TCP && name == LA_DRILL_TCP_KEEPINIT)
        return set_connect_time(d, value->number);
    if (level == IPPROTO_TCP && name == LA_DRILL_TCP_NOOPT)
        return la_drill_answer_err(d, la_sock_option_set(d->run->socks, d->fd->sock, LA_SO_NOOPT,
                                                         value->number, la_drill_now(d->run)));
    la_handle conn = la_sock_conn(d->run->socks, d->fd->sock);
    bool has = conn != 0 && la_conn_status(d->run->stack, conn, &s) == LA_OK;
    bool good = value->number == 0 || value->number == 1;
    if (name == SO_TIMESTAMPING && level == SOL_SOCKET)
        good = la_errqueue_stamps_set(&d->fd->errors, value->number, has ? &s : NULL);
    else if (good)
        *(level == SOL_SOCKET ? &d->fd->errors.zerocopy : &d->fd->tells_queue) = value->number == 1;
    return good ? answer(d, 0) : la_drill_answer_err(d, LA_ERR_BAD_ARGUMENT);
}

bool
la_drill_call_setsockopt(struct la_drill_doing *d)
{
    const struct la_option_row *r;
    int64_t value, name = 0, level = 0;
    if (!find(d, &r))
        return false;
    if (la_drill_arg_int(d, 1, &level) && la_drill_arg_int(d, 2, &name) && is_own(level, name))
        return set_own(d, level, name);
    if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY)
        return set_key(d);
    if (r == NULL || r->kind == LA_OPTION_FIXED || r->kind == LA_OPTION_NATIVE)
        return la_drill_answer_err(d, LA_ERR_NO_SUCH_OPTION);
    if (r->kind == LA_OPTION_REFUSE)
        return answer_errno(d, r->arg);
    if (r->kind == LA_OPTION_SPECIAL && sock_option(r) < 0)
        return la_drill_answer_err(d, LA_ERR_NO_SUCH_OPTION);
    if (!value_of(d, r, &value))
        return false;
    if (r->kind == LA_OPTION_KEPT) {
        d->fd->kept[r->arg] = (int32_t)value;
        return answer(d, 0);
    }
    enum la_sock_option option = (enum la_sock_option)sock_option(r);
    la_err err =
        la_sock_option_set(d->run->socks, d->fd->sock, option, value, la_drill_now(d->run));
    d->fd->fast_open |= err == LA_OK && option == LA_SO_FASTOPEN;
    return la_drill_answer_err(d, err);
}

static la_err
take_value(struct la_drill_doing *d, const struct la_option_row *r, int64_t *came)
{
    if (is_of(r, SOL_SOCKET, SO_ERROR))
        *came = la_drill_errno_value(la_sock_error_take(d->run->socks, d->fd->sock));
    else if (r->kind == LA_OPTION_KEPT)
        *came = d->fd->kept[r->arg];
    else if (r->kind == LA_OPTION_FIXED)
        *came = r->first;
    else if (sock_option(r) >= 0)
        return la_sock_option_get(d->run->socks, d->fd->sock, (enum la_sock_option)sock_option(r),
                                  came);
    else
        return LA_ERR_NO_SUCH_OPTION;
    return LA_OK;
}

bool
la_drill_call_getsockopt(struct la_drill_doing *d)
{
    const struct la_option_row *r;
    int64_t expected, came = 0, level = 0, name = 0;
    if (!find(d, &r) || !la_drill_arg_int(d, 1, &level) || !la_drill_arg_int(d, 2, &name))
        return false;
    bool own = is_own(level, name);
    if (r == NULL && !own)
        return la_drill_answer_err(d, LA_ERR_NO_SUCH_OPTION);
    const struct la_drill_value *value = la_drill_arg(d, 3);
    bool any = value != NULL && value->kind == LA_DRILL_ELLIPSIS;
    if (!any && !value_of(d, r, &expected))
        return false;
    if (own) {
        answer(d, 0);
        return any ||
               la_drill_same(d, "the value", value, expected, get_own(d->run, d->fd, level, name));
    }
    la_err err = take_value(d, r, &came);
    if (err != LA_OK)
        return la_drill_answer_err(d, err);
    answer(d, 0);
    return any || la_drill_same(d, "the value", value, expected,
                                sock_option(r) >= 0 ? (int32_t)came : came);
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
    return la_drill_same(d, "the value", value, value->first->number, came);
}
