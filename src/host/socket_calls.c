/* SPDX-License-Identifier: MIT
 *
 * socket_calls.c - socket, bind, getsockname, getpeername, shutdown
 *
 * Read first: the manual pages of these calls.
 *
 * socket() is answered with an *unconnected* unix stream socket, which polls OUT|HUP as an
 * unconnected TCP socket does and may become a connected end or a listener without changing its
 * inode; for datagrams with one end of a connected pair. Where the kernel would refuse a
 * combination of arguments it is left to say so.
 */
#include "base/addr.h"
#include "host/acceptor.h"
#include "host/calls.h"
#include "host/datagram.h"
#include "host/errors.h"
#include "host/names.h"
#include "host/near.h"
#include "host/supervisor.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { TYPE_MASK = 0xf };

/* ---- socket -------------------------------------------------------------------------------- */

/* A descriptor for the program, a record behind it. Negative: an errno value. */
static int
make(struct la_run *run, int family, int type, struct la_psock **out)
{
    bool datagram = (type & TYPE_MASK) == SOCK_DGRAM;
    struct la_psock *ps = la_psock_new(run, family, datagram, 0);
    if (ps == NULL)
        return -ENOBUFS;
    int nonblock = type & SOCK_NONBLOCK;
    int fd = datagram ? la_datagram_open(ps, nonblock)
                      : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | nonblock, 0);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0 && !la_psock_name(ps, fd)) {
        (void)close(fd);
        fd = -1;
        error = ENOBUFS;
    }
    if (fd < 0) {
        la_psock_retire(ps);
        return -error;
    }
    *out = ps;
    return fd;
}

static void
open_socket(struct la_run *run, const struct la_syscall *call, int family, int type)
{
    struct la_psock *ps = NULL;
    int fd = make(run, family, type, &ps);
    if (fd < 0) {
        la_syscall_fail(call, -fd);
        return;
    }
    int error = la_syscall_give_fd(call, fd, (type & SOCK_CLOEXEC) != 0);
    (void)close(fd);
    if (error == 0)
        return;
    if (error != ENOENT)
        la_syscall_fail(call, error);
    la_psock_retire(ps);
}

/* A process that may not be traced cannot be served: it gets no socket of ours, and an
 * explanation. */
static bool
is_watchable(struct la_run *run, const struct la_syscall *call)
{
    char name[16];
    int fd = la_process_borrow(&run->processes, call->tid, 0);
    if (fd >= 0)
        (void)close(fd);
    if (fd != -EPERM)
        return true;
    la_host_say("%s cannot be watched: run as root, or make its file readable",
                la_process_name(call->tid, name));
    return false;
}

void
la_syscall_socket(struct la_run *run, const struct la_syscall *call)
{
    int family = (int)(uint32_t)call->args[0];
    int type = (int)(uint32_t)call->args[1];
    int protocol = (int)(uint32_t)call->args[2];
    int kind = type & TYPE_MASK;
    bool ours = (kind == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP)) ||
                (kind == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP));
    if (kind == SOCK_STREAM && !ours) {
        /* SCTP and MPTCP would slip past the stack; programs fall back to TCP. */
        la_run_refused(run, call, "socket", EPROTONOSUPPORT);
        la_syscall_fail(call, EPROTONOSUPPORT);
    } else if (!ours || (kind == SOCK_DGRAM && !run->cfg->udp) ||
               (type & ~(TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0) {
        la_syscall_continue(call);
    } else if (!is_watchable(run, call)) {
        la_syscall_fail(call, EPERM);
    } else {
        open_socket(run, call, family, type);
    }
}

/* ---- bind ---------------------------------------------------------------------------------- */

static int
bind_to(struct la_psock *ps, const struct la_endpoint *wanted)
{
    struct la_run *run = ps->run;
    struct la_endpoint local = *wanted;
    bool loopback = la_addr_is_loopback(&local.addr);
    if (loopback)
        local.addr = la_addr_is_v4(&local.addr) ? run->aliases.own4 : run->aliases.own6;
    if (local.port == 0 && !ps->datagram)
        local.port = la_publish_reserve(ps, &local.addr);
    la_err err = la_sock_bind(run->socks, ps->sock, &local);
    if (err == LA_ERR_ADDRESS_IN_USE) {
        la_registry_scan(run); /* perhaps by a socket that the program has closed */
        err = la_sock_bind(run->socks, ps->sock, &local);
    }
    if (err != LA_OK && wanted->port == 0 && local.port != 0) {
        la_publish_forget(ps);
        local.port = 0;
        err = la_sock_bind(run->socks, ps->sock, &local);
    }
    if (err != LA_OK)
        return la_err_to_errno(err);
    ps->bound = true;
    ps->bound_to = local;
    if (la_sock_local(run->socks, ps->sock, &ps->bound_to) != LA_OK)
        ps->bound = false;
    ps->local_shown = loopback;
    ps->local_as = wanted->addr;
    if (ps->datagram && la_sock_local(run->socks, ps->sock, &local) == LA_OK)
        la_ports_take(ps, local.port);
    return 0;
}

int
la_bind_for_listening(struct la_psock *ps)
{
    static const struct la_addr any6 = {{0}};
    struct la_endpoint any = {ps->family == AF_INET ? la_addr_v4(0, 0, 0, 0) : any6, 0};
    return ps->bound || !ps->run->cfg->publish_all ? 0 : bind_to(ps, &any);
}

void
la_syscall_bind(struct la_visit *v)
{
    struct la_name name;
    int error = la_name_read(&v->call, v->call.args[1], v->call.args[2], v->ps->family, &name);
    if (error == 0 && name.unspec)
        error = EAFNOSUPPORT;
    if (error == 0 && v->ps->state != LA_PSOCK_FRESH)
        error = EINVAL;
    if (error == 0)
        error = bind_to(v->ps, &name.endpoint);
    la_syscall_fail(&v->call, error);
}

/* ---- names --------------------------------------------------------------------------------- */

static void
write_name(struct la_visit *v, struct la_endpoint *endpoint)
{
    if (la_addr_is_any(&endpoint->addr))
        memset(&endpoint->addr, 0, sizeof(endpoint->addr)); /* ::, also where it is 0.0.0.0 */
    la_syscall_fail(&v->call, v->call.args[1] == 0
                                  ? EFAULT
                                  : la_name_write(&v->call, v->call.args[1], v->call.args[2],
                                                  v->ps->family, endpoint));
}

void
la_syscall_getsockname(struct la_visit *v)
{
    struct la_endpoint local = {0};
    if (!la_name_local(v->ps, &local))
        local = (struct la_endpoint){0};
    write_name(v, &local);
}

void
la_syscall_getpeername(struct la_visit *v)
{
    struct la_endpoint peer;
    bool connected =
        v->ps->datagram ? v->ps->dgram.connected : v->ps->state == LA_PSOCK_ESTABLISHED;
    if (v->ps->datagram)
        peer = v->ps->dgram.peer;
    else if (connected)
        connected = la_name_peer(v->ps, &peer);
    if (connected)
        write_name(v, &peer);
    else
        la_syscall_fail(&v->call, ENOTCONN);
}

/* ---- shutdown ------------------------------------------------------------------------------ */

static void
shut_listener(struct la_visit *v)
{
    v->ps->acceptor.shut = true;
    la_wait_fail_all(v->ps, EINVAL);
    la_acceptor_close(v->ps);
    if (!la_psock_renew(v->ps)) /* a stack's listener ends with its socket */
        la_psock_retire(v->ps);
    la_syscall_continue(&v->call);
}

/* In SYN-SENT Linux gives the attempt up, whatever direction was named, and says 0. */
static void
shut_attempt(struct la_visit *v)
{
    la_wait_fail_all(v->ps, ECONNRESET);
    if (la_pump_is_on(&v->ps->near.pump))
        la_near_fail(v->ps, ECONNRESET);
    else
        v->ps->state = LA_PSOCK_FRESH;
    v->ps->near.failure_untold = false;
    if (!la_psock_renew(v->ps))
        la_psock_retire(v->ps);
    la_syscall_return(&v->call, 0);
}

/* CLOSED, or TIME-WAIT: nothing is connected any more. */
static bool
has_ended(const struct la_psock *ps)
{
    struct la_conn_status status;
    la_err err = la_conn_status(ps->run->near_stack, ps->near.pump.conn, &status);
    return err != LA_OK || (status.ready & LA_READY_CLOSED) != 0;
}

static void
shut_connection(struct la_visit *v, int how)
{
    /* The record must stand before the kernel acts: it tells shutdown() from close(). */
    v->ps->near.shut_read |= how != SHUT_WR;
    v->ps->near.shut_write |= how != SHUT_RD;
    la_syscall_continue(&v->call);
}

void
la_syscall_shutdown(struct la_visit *v)
{
    struct la_psock *ps = v->ps;
    int how = (int)(uint32_t)v->call.args[1];
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        la_syscall_fail(&v->call, EINVAL);
    else if (ps->datagram && ps->dgram.connected)
        la_syscall_continue(&v->call);
    else if (!ps->datagram && ps->state == LA_PSOCK_ESTABLISHED && !has_ended(ps))
        shut_connection(v, how);
    else if (!ps->datagram && ps->state == LA_PSOCK_CONNECTING)
        shut_attempt(v);
    else if (!ps->datagram && ps->state == LA_PSOCK_LISTENING && how != SHUT_WR)
        shut_listener(v);
    else
        la_syscall_fail(&v->call, ps->state == LA_PSOCK_LISTENING ? 0 : ENOTCONN);
}
