/* SPDX-License-Identifier: MIT
 *
 * calls.c - the calls of a script: descriptors, arguments, life of a socket
 *
 * A call that would wait is done again whenever something has happened, as a sleeping thread is
 * woken; a non-blocking descriptor says EAGAIN or EINPROGRESS instead.
 */
#include "drill/calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "drill/names.h"

/* ---- arguments -------------------------------------------------------------------------- */

const struct la_drill_value *
la_drill_arg(const struct la_drill_doing *d, unsigned nth)
{
    const struct la_drill_value *value = d->call->args;
    for (; value != NULL && nth > 0; nth--)
        value = value->next;
    return value;
}

bool
la_drill_arg_int(const struct la_drill_doing *d, unsigned nth, int64_t *out)
{
    const struct la_drill_value *value = la_drill_arg(d, nth);
    *out = 0;
    if (value != NULL && value->kind == LA_DRILL_ELLIPSIS)
        return true;
    if (value == NULL || value->kind != LA_DRILL_INT)
        return la_drill_fail(d->run, "%s() needs a number as argument %u", d->call->name, nth + 1);
    *out = value->number;
    return true;
}

const struct la_drill_value *
la_drill_field(const struct la_drill_value *of, const char *name, unsigned nth)
{
    const struct la_drill_value *value = of->first;
    bool named = value != NULL && value->field != NULL;
    for (; value != NULL; value = value->next, nth--) {
        if (named && value->field != NULL && strcmp(value->field, name) == 0)
            return value;
        if (!named && nth == 0)
            return value;
    }
    return NULL;
}

/* The one string or number inside htons() or inet_addr(). */
static const struct la_drill_value *
unwrapped(const struct la_drill_value *value)
{
    while (value != NULL && value->kind == LA_DRILL_WRAPPED)
        for (value = value->first; value != NULL && value->next != NULL;)
            value = value->next; /* inet_pton(AF_INET6, "::1") */
    return value;
}

bool
la_drill_arg_endpoint(const struct la_drill_doing *d, unsigned nth, const struct la_endpoint *usual,
                      struct la_endpoint *out)
{
    const struct la_drill_value *value = la_drill_arg(d, nth);
    *out = *usual;
    if (value == NULL || value->kind == LA_DRILL_ELLIPSIS)
        return true;
    if (value->kind != LA_DRILL_STRUCT)
        return la_drill_fail(d->run,
                             "%s() needs ... or {sa_family = …, sin_port = htons(…), "
                             "sin_addr = inet_addr(\"…\")}",
                             d->call->name);
    for (const struct la_drill_value *f = value->first; f != NULL; f = f->next) {
        const struct la_drill_value *inner = unwrapped(f);
        char text[LA_ADDR_TEXT_BYTES];
        if (inner == NULL || f->field == NULL)
            continue;
        if (strstr(f->field, "_port") != NULL && inner->kind == LA_DRILL_INT)
            out->port = (uint16_t)inner->number;
        if (strstr(f->field, "_addr") == NULL)
            continue;
        if (inner->kind == LA_DRILL_INT && inner->number == 0)
            out->addr = d->run->script->cfg.v6 ? (struct la_addr){{0}} : la_addr_v4(0, 0, 0, 0);
        if (inner->kind != LA_DRILL_STRING)
            continue;
        size_t n = inner->text.n < sizeof(text) ? inner->text.n : 0;
        memcpy(text, inner->text.p, n);
        text[n] = 0;
        if (!la_addr_parse(text, &out->addr))
            return la_drill_fail(d->run, "'%s' is no address", text);
    }
    return true;
}

/* ---- descriptors ------------------------------------------------------------------------ */

static bool
answer(struct la_drill_doing *d, int64_t value)
{
    *d->answer = (struct la_drill_answer){.value = value};
    return true;
}

static bool
answer_error(struct la_drill_doing *d, const char *error)
{
    *d->answer = (struct la_drill_answer){.value = -1, .error = error};
    return true;
}

bool
la_drill_answer_err(struct la_drill_doing *d, la_err err)
{
    bool waits = err == LA_ERR_AGAIN || err == LA_ERR_IN_PROGRESS ||
                 (err == LA_ERR_ALREADY && d->run->pending != NULL);
    if (waits && d->fd != NULL && !d->fd->nonblocking) {
        d->answer->blocked = true;
        return true;
    }
    return err < 0 ? answer_error(d, la_drill_errno_name(err)) : answer(d, 0);
}

void
la_drill_fd_fini(struct la_drill_fd *fd)
{
    la_errqueue_fini(&fd->errors);
    la_interest_drop(&fd->interests, -1);
}

/* The number that the script gives a new descriptor, or the lowest free one. */
static bool
new_fd(struct la_drill_doing *d, const struct la_drill_fd *fd)
{
    int64_t n = d->call->result;
    struct la_drill_run *run = d->run;
    if (d->call->any_result || d->call->error != NULL || n < 0)
        for (n = 3; n < LA_DRILL_FDS_N && run->fds[n].open;)
            n++;
    if (n >= LA_DRILL_FDS_N)
        return la_drill_fail(run, "descriptors go up to %d", LA_DRILL_FDS_N - 1);
    if (run->fds_n <= (uint32_t)n)
        run->fds_n = (uint32_t)n + 1;
    if (run->fds[n].open &&
        run->strict) /* with packetdrill, numbers are names: the latest counts */
        return la_drill_fail(run, "descriptor %lld is open already", (long long)n);
    if (run->fds[n].open)
        la_drill_fd_fini(&run->fds[n]);
    run->fds[n] = *fd;
    d->fd = &run->fds[n];
    d->fd->open = true;
    la_option_kept_init(d->fd->kept);
    if (fd->kind != LA_DRILL_FD_SOCKET)
        return answer(d, n);
    la_err err = la_sock_user_set(run->socks, fd->sock, (uint64_t)n);
    (void)err; /* it was just made */
    return answer(d, n);
}

bool
la_drill_fd_new(struct la_drill_doing *d, enum la_drill_fd_kind kind)
{
    return new_fd(d, &(struct la_drill_fd){.kind = (uint8_t)kind});
}

/* open(): a file of zeros, for sendfile(). */
static bool
call_open(struct la_drill_doing *d)
{
    return la_drill_fd_new(d, LA_DRILL_FD_FILE);
}

bool
la_drill_same(struct la_drill_doing *d, const char *what, const struct la_drill_value *value,
              int64_t expected, int64_t came)
{
    char text[LA_DRILL_MESSAGE_BYTES];
    bool written = value != NULL && value->kind == LA_DRILL_INT && value->text.n != 0;
    if (expected == came)
        return true;
    (void)snprintf(text, sizeof(text), "%s() gave %lld", d->call->name, (long long)came);
    if (written)
        la_drill_fail(d->run, "%s is %lld, not %.*s", what, (long long)came, (int)value->text.n,
                      (const char *)value->text.p);
    else
        la_drill_fail(d->run, "%s is %lld, not %lld", what, (long long)came, (long long)expected);
    la_drill_fail_came(d->run, text);
    return false;
}

struct la_drill_flow *
la_drill_fd_flow(struct la_drill_run *run, const struct la_drill_fd *fd)
{
    struct la_conn_status status;
    la_handle conn = fd->datagram ? 0 : la_sock_conn(run->socks, fd->sock);
    if (conn == 0 || la_conn_status(run->stack, conn, &status) != LA_OK)
        return NULL;
    return la_drill_flow_get(run, &status.local, &status.remote);
}

void
la_drill_flow_begin(struct la_drill_doing *d)
{
    struct la_drill_flow *flow = la_drill_fd_flow(d->run, d->fd);
    if (flow == NULL)
        return;
    flow->iss_known = flow->irs_known = flow->ts_known = false;
    flow->written_n = flow->read_n = 0;
    d->run->conn = la_sock_conn(d->run->socks, d->fd->sock);
    if (!d->run->strict) /* packets of the connections before it are not looked at any more */
        d->run->flow = flow;
}

/* ---- life ------------------------------------------------------------------------------- */

static bool
call_socket(struct la_drill_doing *d)
{
    int64_t type = 0;
    la_sock sock;
    if (!la_drill_arg_int(d, 1, &type))
        return false;
    const struct la_drill_value *family = la_drill_arg(d, 0);
    bool v6 = d->run->script->cfg.v6 || d->run->script->cfg.mapped;
    if (family != NULL && family->kind == LA_DRILL_INT)
        v6 = family->number == AF_INET6;
    int64_t kind = type & ~(int64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (kind != SOCK_STREAM && kind != SOCK_DGRAM)
        return la_drill_fail(d->run, "sockets are SOCK_STREAM or SOCK_DGRAM");
    la_err err = la_sock_open(d->run->socks, v6 ? LA_SOCK_IPV6 : LA_SOCK_IPV4,
                              kind == SOCK_STREAM ? LA_SOCK_STREAM : LA_SOCK_DATAGRAM, &sock);
    if (err != LA_OK)
        return la_drill_answer_err(d, err);
    return new_fd(d, &(struct la_drill_fd){.nonblocking = (type & SOCK_NONBLOCK) != 0,
                                           .datagram = kind == SOCK_DGRAM,
                                           .v6 = v6,
                                           .sock = sock});
}

static bool
call_bind(struct la_drill_doing *d)
{
    const struct la_drill_cfg *cfg = &d->run->script->cfg;
    struct la_endpoint usual = {la_drill_addr(cfg, true), cfg->bind_port}, local;
    return la_drill_arg_endpoint(d, 1, &usual, &local) &&
           la_drill_answer_err(d, la_sock_bind(d->run->socks, d->fd->sock, &local));
}

static bool
call_listen(struct la_drill_doing *d)
{
    int64_t backlog = 0;
    if (!la_drill_arg_int(d, 1, &backlog))
        return false;
    la_err err = la_sock_listen(d->run->socks, d->fd->sock, (int)backlog, la_drill_now(d->run));
    d->run->listens_anew |= err == LA_OK && !d->run->strict;
    return la_drill_answer_err(d, err);
}

static bool
call_connect(struct la_drill_doing *d)
{
    const struct la_drill_cfg *cfg = &d->run->script->cfg;
    struct la_endpoint usual = {la_drill_addr(cfg, false), cfg->connect_port}, remote;
    if (!la_drill_arg_endpoint(d, 1, &usual, &remote))
        return false;
    la_err err = la_sock_connect(d->run->socks, d->fd->sock, &remote, la_drill_now(d->run));
    if (err == LA_ERR_IN_PROGRESS)
        la_drill_flow_begin(d);
    la_handle conn = la_sock_conn(d->run->socks, d->fd->sock);
    if (conn != 0)
        d->run->conn = conn;
    return la_drill_answer_err(d, err);
}

static bool
call_accept(struct la_drill_doing *d)
{
    la_sock sock;
    struct la_endpoint peer;
    int64_t flags = 0;
    if (strcmp(d->call->name, "accept4") == 0 && !la_drill_arg_int(d, 3, &flags))
        return false;
    la_err err = la_sock_accept(d->run->socks, d->fd->sock, &sock, &peer, la_drill_now(d->run));
    if (err != LA_OK)
        return la_drill_answer_err(d, err);
    d->run->conn = la_sock_conn(d->run->socks, sock);
    struct la_drill_fd fd = {
        .nonblocking = (flags & SOCK_NONBLOCK) != 0, .v6 = d->fd->v6, .sock = sock};
    fd.errors.zerocopy = d->fd->errors.zerocopy;
    return new_fd(d, &fd);
}

static bool
call_shutdown(struct la_drill_doing *d)
{
    int64_t how = 0;
    return la_drill_arg_int(d, 1, &how) &&
           la_drill_answer_err(d, la_sock_shutdown(d->run->socks, d->fd->sock,
                                                   (enum la_shutdown)how, la_drill_now(d->run)));
}

static bool
call_close(struct la_drill_doing *d)
{
    d->fd->open = false;
    la_drill_fd_fini(d->fd);
    for (uint32_t i = 0; i < d->run->fds_n; i++)
        la_interest_drop(&d->run->fds[i].interests, (int)(d->fd - d->run->fds));
    if (d->fd->kind != LA_DRILL_FD_SOCKET)
        return answer(d, 0);
    return la_drill_answer_err(d, la_sock_close(d->run->socks, d->fd->sock, la_drill_now(d->run)));
}

static bool
call_fcntl(struct la_drill_doing *d)
{
    int64_t command = 0, flags = 0;
    if (!la_drill_arg_int(d, 1, &command))
        return false;
    if (command == F_GETFL)
        return answer(d, O_RDWR | (d->fd->nonblocking ? O_NONBLOCK : 0));
    if (command != F_SETFL)
        return answer_error(d, "EINVAL");
    if (!la_drill_arg_int(d, 2, &flags))
        return false;
    d->fd->nonblocking = (flags & O_NONBLOCK) != 0;
    return answer(d, 0);
}

/* ---- all -------------------------------------------------------------------------------- */

struct entry {
    const char *name;
    bool (*call)(struct la_drill_doing *d);
    bool no_fd;    /* its first argument names no descriptor, */
    bool any_kind; /* or one that may be another thing than a socket */
};

static const struct entry entries[] = {
    {"socket", call_socket, true, false},
    {"bind", call_bind, false, false},
    {"listen", call_listen, false, false},
    {"connect", call_connect, false, false},
    {"accept", call_accept, false, false},
    {"accept4", call_accept, false, false},
    {"shutdown", call_shutdown, false, false},
    {"close", call_close, false, true},
    {"fcntl", call_fcntl, false, true},
    {"read", la_drill_call_read, false, false},
    {"readv", la_drill_call_read, false, false},
    {"recv", la_drill_call_read, false, false},
    {"recvfrom", la_drill_call_read, false, false},
    {"recvmsg", la_drill_call_read, false, false},
    {"write", la_drill_call_write, false, false},
    {"writev", la_drill_call_write, false, false},
    {"send", la_drill_call_write, false, false},
    {"sendto", la_drill_call_write, false, false},
    {"sendmsg", la_drill_call_write, false, false},
    {"setsockopt", la_drill_call_setsockopt, false, false},
    {"getsockopt", la_drill_call_getsockopt, false, false},
    {"ioctl", la_drill_call_ioctl, false, false},
    {"poll", la_drill_call_poll, true, false},
    {"epoll_create", la_drill_call_epoll_create, true, false},
    {"epoll_create1", la_drill_call_epoll_create, true, false},
    {"epoll_ctl", la_drill_call_epoll_ctl, false, true},
    {"epoll_wait", la_drill_call_epoll_wait, false, true},
    {"open", call_open, true, false},
    {"sendfile", la_drill_call_write, false, false},
};

/* The descriptor that the first argument names; checks after the call mean its connection. */
static bool
find_fd(struct la_drill_doing *d)
{
    int64_t n = 0;
    if (!la_drill_arg_int(d, 0, &n))
        return false;
    if (n < 0 || n >= LA_DRILL_FDS_N || !d->run->fds[n].open)
        return true;
    d->fd = &d->run->fds[n];
    if (d->fd->kind != LA_DRILL_FD_SOCKET)
        return true;
    la_handle conn = la_sock_conn(d->run->socks, d->fd->sock);
    if (conn != 0)
        d->run->conn = conn;
    return true;
}

bool
la_drill_do(struct la_drill_run *run, const struct la_drill_event *event,
            struct la_drill_answer *result)
{
    struct la_drill_doing d = {.run = run, .call = event->call, .answer = result};
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        if (strcmp(entries[i].name, d.call->name) != 0)
            continue;
        if (!entries[i].no_fd) {
            if (!find_fd(&d))
                return false;
            if (d.fd == NULL)
                return answer_error(&d, "EBADF");
            if (d.fd->kind != LA_DRILL_FD_SOCKET && !entries[i].any_kind)
                return answer_error(&d, "ENOTSOCK");
        }
        return entries[i].call(&d);
    }
    return la_drill_fail(run, "no call is named %s here; docs/drill.md lists them", d.call->name);
}
