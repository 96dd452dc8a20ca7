/* SPDX-License-Identifier: MIT
 *
 * connect.c - connect() of a stream, from the call to the outcome
 *
 * Read first: connect(2); near.c on the fill.
 *
 * A non-blocking connect pairs the program's socket at once, since the program will poll it. A
 * blocking one pairs it only at success: if it fails the socket is as good as new, and Linux
 * allows to try again. A restarted call (SA_RESTART) finds the attempt under way and joins it.
 */
#include "host/connect.h"

#include "host/calls.h"
#include "host/errors.h"
#include "host/acceptor.h"
#include "host/datagram.h"
#include "host/names.h"
#include "host/near.h"
#include "host/supervisor.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static int
connect_errno(la_err err, const struct la_endpoint *remote)
{
    if (err == LA_ERR_BAD_ARGUMENT) /* port 0, or an address that is nobody's own */
        return remote->port == 0 ? ECONNREFUSED : ENETUNREACH;
    return la_err_to_errno(err);
}

static void
begin(struct la_visit *v)
{
    v->ps->state = LA_PSOCK_CONNECTING;
    v->ps->tid = v->call.tid;
    v->ps->fd = la_syscall_fd(&v->call);
}

/* TCP_FASTOPEN_CONNECT with a cookie at hand: the program may write, and that goes with the SYN. */
static void
defer(struct la_visit *v)
{
    int error = la_near_open_deferred(v->ps, v->fd);
    if (error != 0)
        la_psock_abort(v->ps);
    la_syscall_fail(&v->call, error);
}

static void
open_connection(struct la_visit *v, const struct la_endpoint *remote)
{
    struct la_psock *ps = v->ps;
    struct la_endpoint to = la_name_outward(v->run, remote, false);
    la_err err = la_sock_connect(v->run->socks, ps->sock, &to, v->run->now);
    if (err != LA_ERR_IN_PROGRESS && err != LA_OK) {
        la_syscall_fail(&v->call, connect_errno(err, &to));
        return;
    }
    begin(v);
    if (err == LA_OK && la_sock_conn(v->run->socks, ps->sock) == 0) {
        defer(v);
        return;
    }
    if (!la_visit_is_nonblocking(v)) {
        la_wait_keep(v, LA_WAIT_CONNECT, la_visit_timeout_ns(v, SO_SNDTIMEO));
        return;
    }
    int error = la_near_open_filled(ps, v->fd);
    if (error != 0)
        la_psock_abort(ps);
    la_syscall_fail(&v->call, error != 0 ? error : EINPROGRESS);
}

/* Puts a fresh unconnected socket over the program's descriptor: the old one is used up. Copies
 * made by dup keep the dead one, a difference that remains. */
static int
replace(struct la_visit *v)
{
    struct la_psock *ps = v->ps;
    int number = la_syscall_fd(&v->call);
    int flags = la_visit_is_nonblocking(v) ? SOCK_NONBLOCK : 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return errno;
    static const int kept[] = {SO_RCVTIMEO, SO_SNDTIMEO, SO_OOBINLINE};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        struct timeval value; /* the largest */
        socklen_t n = sizeof(value);
        if (getsockopt(v->fd, SOL_SOCKET, kept[i], &value, &n) == 0)
            (void)setsockopt(fd, SOL_SOCKET, kept[i], &value, n);
    }
    bool cloexec = la_process_fd_is_cloexec(v->call.tid, number);
    int error = !la_psock_renew(ps) || !la_psock_name(ps, fd)
                    ? ENOBUFS
                    : la_syscall_replace_fd(&v->call, fd, number, cloexec);
    if (error != 0) {
        (void)close(fd);
        return error;
    }
    (void)close(v->fd);
    v->fd = fd;
    ps->near = (struct la_near){.pump = {.run = v->run, .watch = {.fd = -1}}};
    ps->state = LA_PSOCK_FRESH;
    return 0;
}

static void
connect_spent(struct la_visit *v, const struct la_endpoint *remote)
{
    struct la_psock *ps = v->ps;
    int error;
    if (ps->near.failure_untold) {
        /* As Linux: the error if SO_ERROR has not fetched it, else ECONNABORTED, once. */
        ps->near.failure_untold = false;
        error = ps->error != 0 ? ps->error : ECONNABORTED;
        ps->error = 0;
    } else {
        error = replace(v);
    }
    if (error != 0)
        la_syscall_fail(&v->call, error);
    else
        open_connection(v, remote);
}

static void
dissolve(struct la_visit *v)
{
    struct la_psock *ps = v->ps;
    la_wait_fail_all(ps, ECONNABORTED);
    la_acceptor_close(ps);
    bool paired = la_pump_is_on(&ps->near.pump) || ps->state == LA_PSOCK_SPENT ||
                  ps->state == LA_PSOCK_LISTENING;
    (void)la_sock_option_set(v->run->socks, ps->sock, LA_SO_LINGER_S, 0, v->run->now);
    la_near_dissolve(ps);
    ps->state = paired ? LA_PSOCK_SPENT : LA_PSOCK_FRESH;
    if (!la_psock_renew(ps)) {
        la_psock_retire(ps);
        la_syscall_fail(&v->call, ENOBUFS);
        return;
    }
    la_syscall_return(&v->call, 0);
}

static void
connect_stream(struct la_visit *v, const struct la_endpoint *remote)
{
    struct la_psock *ps = v->ps;
    switch (ps->state) {
    case LA_PSOCK_FRESH:
        open_connection(v, remote);
        break;
    case LA_PSOCK_CONNECTING:
        if (ps->near.deferred || ps->near.early)
            la_syscall_fail(&v->call, EISCONN);
        else if (la_visit_is_nonblocking(v))
            la_syscall_fail(&v->call, EALREADY);
        else
            la_wait_keep(v, LA_WAIT_CONNECT, la_visit_timeout_ns(v, SO_SNDTIMEO));
        break;
    case LA_PSOCK_ESTABLISHED:
        la_syscall_fail(&v->call, ps->near.connect_untold ? 0 : EISCONN);
        ps->near.connect_untold = false;
        break;
    case LA_PSOCK_LISTENING:
        la_syscall_fail(&v->call, EISCONN);
        break;
    case LA_PSOCK_SPENT:
        connect_spent(v, remote);
        break;
    }
}

void
la_syscall_connect(struct la_visit *v)
{
    struct la_name name;
    int error = la_name_read(&v->call, v->call.args[1], v->call.args[2], v->ps->family, &name);
    if (error != 0)
        la_syscall_fail(&v->call, error);
    else if (!la_syscall_is_alive(&v->call))
        return;
    else if (v->ps->datagram)
        la_datagram_connect(v, &name);
    else if (name.unspec)
        dissolve(v);
    else
        connect_stream(v, &name.endpoint);
}

void
la_connect_send(struct la_visit *v, const struct la_endpoint *remote, struct la_bytes bytes,
                bool may_block)
{
    struct la_psock *ps = v->ps;
    struct la_endpoint to = la_name_outward(v->run, remote, false);
    la_ssize n = la_sock_connect_send(v->run->socks, ps->sock, &to, bytes, v->run->now);
    if (n < 0 && n != LA_ERR_IN_PROGRESS) {
        la_syscall_fail(&v->call, connect_errno((la_err)n, &to));
        return;
    }
    size_t taken_n = n > 0 ? (size_t)n : 0;
    begin(v);
    int error = la_near_open_filled(ps, v->fd);
    if (error != 0) {
        la_psock_abort(ps);
        la_syscall_fail(&v->call, error);
    } else if (may_block) {
        ps->near.syn_taken_n = taken_n;
        la_wait_keep(v, LA_WAIT_SEND, la_visit_timeout_ns(v, SO_SNDTIMEO));
    } else if (taken_n > 0) {
        la_syscall_return(&v->call, (int64_t)taken_n);
    } else {
        la_syscall_fail(&v->call, EINPROGRESS);
    }
}

/* ---- outcomes ------------------------------------------------------------------------------ */

/* The descriptor by which this thread knows ps; negative when that number means something else
 * now. */
static int
borrow(struct la_psock *ps, pid_t tid, int number)
{
    int fd = la_process_borrow(&ps->run->processes, tid, number);
    if (fd >= 0 && la_registry_find(&ps->run->registry, fd) != ps) {
        (void)close(fd);
        return -EBADF;
    }
    return fd;
}

void
la_connect_left_alone(struct la_psock *ps)
{
    if (ps->state != LA_PSOCK_CONNECTING || la_pump_is_on(&ps->near.pump) ||
        la_wait_first(ps, LA_WAIT_CONNECT) != NULL)
        return;
    int fd = borrow(ps, ps->tid, ps->fd);
    if (fd < 0)
        return; /* closed meanwhile: the next scan retires it */
    if (la_near_open_filled(ps, fd) != 0)
        la_psock_abort(ps);
    (void)close(fd);
}

/* 0 or what the waiting connect() says. */
static int
pair_for(struct la_psock *ps, const struct la_syscall *call)
{
    int fd = borrow(ps, call->tid, la_syscall_fd(call));
    if (fd < 0)
        return -fd;
    int error = la_near_open(ps, fd);
    (void)close(fd);
    return error;
}

static void
established(struct la_psock *ps)
{
    struct la_near *near = &ps->near;
    if (la_pump_is_on(&near->pump)) {
        near->connect_untold = !near->early;
        la_near_unfill(ps);
    }
    struct la_waiter *w;
    while ((w = la_wait_first(ps, LA_WAIT_CONNECT)) != NULL) {
        int error = la_pump_is_on(&near->pump) ? 0 : pair_for(ps, &w->call);
        near->connect_untold = false;
        la_syscall_fail(&w->call, error);
        la_wait_drop(w);
    }
    if (la_pump_is_on(&near->pump))
        return;
    la_connect_left_alone(ps);
    if (la_pump_is_on(&near->pump)) {
        la_near_unfill(ps);
        near->connect_untold = true;
    } else if (!ps->doomed) {
        la_psock_abort(ps); /* nobody has the descriptor any more */
    }
}

/* Those who wait for the attempt are told. */
static void
fail_waiting(struct la_psock *ps, enum la_wait_kind kind, int error)
{
    struct la_waiter *w;
    while ((w = la_wait_first(ps, kind)) != NULL) {
        la_syscall_fail(&w->call, error);
        la_wait_drop(w);
        ps->error = 0;
        ps->near.failure_untold = false;
    }
}

static void
failed(struct la_psock *ps, int error)
{
    if (la_pump_is_on(&ps->near.pump)) {
        la_near_fail(ps, error);
        ps->near.failure_untold = true;
    } else {
        ps->state = LA_PSOCK_FRESH;
    }
    ps->near.syn_taken_n = 0;
    fail_waiting(ps, LA_WAIT_CONNECT, error);
    fail_waiting(ps, LA_WAIT_SEND, error); /* MSG_FASTOPEN */
}

void
la_connect_progress(struct la_psock *ps)
{
    uint32_t mask = la_sock_poll(ps->run->socks, ps->sock);
    if ((mask & (LA_POLL_ERR | LA_POLL_HUP)) != 0) {
        la_err err = la_sock_error_take(ps->run->socks, ps->sock);
        failed(ps, err != LA_OK ? la_err_to_errno(err) : ECONNABORTED);
    } else if ((mask & LA_POLL_OUT) != 0) {
        established(ps);
    }
}

void
la_connect_soft_errors(struct la_run *run)
{
    /* RFC 1122 4.2.3.9 has the stack go on trying. Linux gives a connection up that has not been
     * opened yet (RFC 5461 3), and programs count on it to try the next address. R1 (RFC
     * 9293 3.8.3) is no such error: nobody has said anything, and the SYN goes on. */
    run->soft_error = false;
    size_t cursor = 0;
    struct la_psock *ps;
    while ((ps = la_map_next(&run->registry.by_sock, &cursor)) != NULL) {
        struct la_conn_status status;
        if (ps->datagram || ps->state != LA_PSOCK_CONNECTING ||
            la_conn_status(run->near_stack, la_sock_conn(run->socks, ps->sock), &status) != LA_OK ||
            status.state != LA_TCP_SYN_SENT || status.err_soft == LA_OK ||
            status.err_soft == LA_ERR_TIMED_OUT)
            continue;
        failed(ps, la_err_to_errno(status.err_soft));
        if (!la_psock_renew(ps))
            la_psock_retire(ps);
        cursor = 0; /* the table has changed */
    }
}
