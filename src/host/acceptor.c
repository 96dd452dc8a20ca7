/* SPDX-License-Identifier: MIT
 *
 * acceptor.c - listen() and accept(): a real unix listener fed from the stack
 *
 * Read first: unix(7), accept(2).
 *
 * The program's socket becomes a listening unix socket, same inode. A connection of the stack is
 * delivered to it by connecting to it, so readability, level- and edge-triggered epoll, thread
 * pools and pre-forked processes are the kernel's own. accept() is performed here on a borrowed
 * copy, and the accepted socket handed over by ADDFD_FLAG_SEND: if the caller is gone by then (a
 * signal), the connection is delivered a second time and nothing is lost, since no octet moves
 * before the hand-over.
 */
#include "host/acceptor.h"

#include "host/calls.h"
#include "host/errors.h"
#include "host/names.h"
#include "host/near.h"
#include "host/private.h"
#include "host/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- listen -------------------------------------------------------------------------------- */

static int
start_listening(struct la_visit *v, int backlog)
{
    struct la_psock *ps = v->ps;
    struct la_socks *socks = v->run->socks;
    int error = la_bind_for_listening(ps);
    if (error != 0)
        return error;
    la_err err = la_sock_listen(socks, ps->sock, backlog, v->run->now);
    if (err == LA_ERR_ADDRESS_IN_USE) {
        la_registry_scan(v->run); /* perhaps by a socket that the program has closed */
        err = la_sock_listen(socks, ps->sock, backlog, v->run->now);
    }
    if (err != LA_OK)
        return la_err_to_errno(err);
    ps->acceptor.path_fd = la_private_listen(v->fd, backlog);
    if (ps->acceptor.path_fd < 0)
        return -ps->acceptor.path_fd;
    ps->state = LA_PSOCK_LISTENING;
    ps->acceptor.backlog = backlog;
    struct la_endpoint local;
    if (la_sock_local(socks, ps->sock, &local) == LA_OK)
        la_ports_take(ps, local.port);
    return 0;
}

void
la_syscall_listen(struct la_visit *v)
{
    struct la_psock *ps = v->ps;
    int backlog = (int)(uint32_t)v->call.args[1];
    if (backlog < 0 || backlog > SOMAXCONN)
        backlog = SOMAXCONN;
    int error = EINVAL;
    if (ps->datagram) {
        error = EOPNOTSUPP;
    } else if (ps->state == LA_PSOCK_FRESH) {
        error = start_listening(v, backlog);
    } else if (ps->state == LA_PSOCK_LISTENING && !ps->acceptor.shut) {
        (void)la_sock_listen(v->run->socks, ps->sock, backlog, v->run->now);
        (void)listen(v->fd, backlog);
        ps->acceptor.backlog = backlog;
        error = 0;
    }
    la_syscall_fail(&v->call, error);
}

/* ---- delivery ------------------------------------------------------------------------------ */

static void
append(struct la_acceptor *a, struct la_delivery *d)
{
    d->next = NULL;
    if (a->last != NULL)
        a->last->next = d;
    else
        a->first = d;
    a->last = d;
    a->delivered_n++;
}

static void
unlink_delivery(struct la_acceptor *a, struct la_delivery *d)
{
    struct la_delivery *before = NULL;
    for (struct la_delivery *i = a->first; i != d; i = i->next)
        before = i;
    if (before != NULL)
        before->next = d->next;
    else
        a->first = d->next;
    if (a->last == d)
        a->last = before;
    a->delivered_n--;
}

/* Connects a fresh end of ours to the program's listener. 0 or an errno value. */
static int
deliver(struct la_psock *ps, struct la_delivery *d)
{
    int fd = la_private_connect(ps->acceptor.path_fd, d->name);
    if (fd < 0)
        return -fd;
    d->fd = fd;
    append(&ps->acceptor, d);
    return 0;
}

static void
discard(struct la_delivery *d)
{
    if (d->fd >= 0)
        (void)close(d->fd);
    la_psock_abort(d->child);
    free(d);
}

/* 0, or an errno value: the connection was reset. */
static int
deliver_new(struct la_psock *ps, la_sock sock)
{
    struct la_run *run = ps->run;
    struct la_psock *child = la_psock_new(run, ps->family, false, sock);
    if (child == NULL)
        return ENOMEM;
    struct la_delivery *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        la_psock_abort(child);
        return ENOMEM;
    }
    child->options = ps->options;
    d->child = child;
    d->fd = -1;
    int error = deliver(ps, d);
    if (error != 0)
        discard(d);
    return error;
}

void
la_acceptor_progress(struct la_psock *ps)
{
    struct la_acceptor *a = &ps->acceptor;
    bool any = false;
    /* The unix listener takes backlog + 1, as TCP does: the rest stays in the stack. */
    while (a->delivered_n <= (unsigned)a->backlog) {
        la_sock sock;
        if (la_sock_accept(ps->run->socks, ps->sock, &sock, NULL, ps->run->now) != LA_OK)
            break;
        if (deliver_new(ps, sock) == ECONNREFUSED) {
            la_psock_retire(ps); /* the program has closed it */
            return;
        }
        any = true;
    }
    if (any)
        la_calls_resume(ps, LA_WAIT_ACCEPT);
}

void
la_acceptor_close(struct la_psock *ps)
{
    struct la_acceptor *a = &ps->acceptor;
    while (a->first != NULL) {
        struct la_delivery *d = a->first;
        unlink_delivery(a, d);
        discard(d);
    }
    if (a->path_fd >= 0)
        (void)close(a->path_fd);
    a->path_fd = -1;
    la_ports_give(ps);
}

/* ---- accept -------------------------------------------------------------------------------- */

static struct la_delivery *
find_delivery(const struct la_acceptor *a, const char name[8])
{
    struct la_delivery *d = a->first;
    while (d != NULL && memcmp(d->name, name, sizeof(d->name)) != 0)
        d = d->next;
    return d;
}

/* Takes one connection off the unix listener. Returns the accepted descriptor, or -1: none. The
 * listener may be a blocking one, so it is asked first. */
static int
take_one(struct la_visit *v, int flags, struct la_delivery **out)
{
    struct pollfd p = {.fd = v->fd, .events = POLLIN};
    while (v->ps->acceptor.delivered_n > 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0) {
        struct sockaddr_un sa;
        socklen_t n = sizeof(sa);
        char name[8];
        int fd = accept4(v->fd, (struct sockaddr *)&sa, &n, SOCK_CLOEXEC | (flags & SOCK_NONBLOCK));
        if (fd < 0)
            return -1;
        la_private_name_of(&sa, n, name);
        *out = find_delivery(&v->ps->acceptor, name);
        if (*out != NULL)
            return fd;
        (void)close(fd); /* not one of ours: nobody else should know the name */
    }
    return -1;
}

/* Gives the accepted socket to the caller. 0 or an errno value. */
static int
hand_over(struct la_visit *v, struct la_delivery *d, int fd, int flags)
{
    struct la_psock *child = d->child;
    struct la_endpoint peer = {0};
    (void)la_name_peer(child, &peer);
    if (!la_psock_name(child, fd))
        return ENOMEM;
    child->caller = v->call.tid;
    la_near_plant(child, fd);
    int in_line = 0; /* TCP's sockets inherit it from the listener, unix ones do not */
    socklen_t n = sizeof(in_line);
    if (getsockopt(v->fd, SOL_SOCKET, SO_OOBINLINE, &in_line, &n) == 0 && in_line != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &in_line, n);
    int error = la_name_write(&v->call, v->call.args[1], v->call.args[2], child->family, &peer);
    return error != 0 ? error : la_syscall_give_fd(&v->call, fd, (flags & SOCK_CLOEXEC) != 0);
}

/* The caller did not get it (interrupted, or its descriptor table is full): once more, with fresh
 * ends. */
static void
deliver_again(struct la_psock *ps, struct la_delivery *d)
{
    (void)close(d->fd);
    d->fd = -1;
    d->child->near.held = false;
    la_psock_unname(d->child);
    if (deliver(ps, d) != 0)
        discard(d);
}

/* False: nothing to accept. */
static bool
accept_one(struct la_visit *v, int flags)
{
    struct la_delivery *d;
    int fd = take_one(v, flags, &d);
    if (fd < 0)
        return false;
    unlink_delivery(&v->ps->acceptor, d);
    int error = hand_over(v, d, fd, flags);
    (void)close(fd);
    if (error == 0) {
        if (la_near_join(d->child, d->fd) != 0)
            la_psock_abort(d->child);
        free(d);
        la_acceptor_progress(v->ps); /* there may be room for one more */
        return true;
    }
    if (error != ENOENT)
        la_syscall_fail(&v->call, error);
    deliver_again(v->ps, d);
    return true;
}

void
la_syscall_accept(struct la_visit *v)
{
    struct la_psock *ps = v->ps;
    int flags = v->call.nr == SYS_accept4 ? (int)(uint32_t)v->call.args[3] : 0;
    if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0)
        la_syscall_fail(&v->call, EINVAL);
    else if (ps->datagram)
        la_syscall_fail(&v->call, EOPNOTSUPP);
    else if (ps->state != LA_PSOCK_LISTENING || ps->acceptor.shut)
        la_syscall_fail(&v->call, EINVAL);
    else if (!la_syscall_is_alive(&v->call) || accept_one(v, flags))
        return;
    else if (la_visit_is_nonblocking(v))
        la_syscall_fail(&v->call, EAGAIN);
    else
        la_wait_keep(v, LA_WAIT_ACCEPT, la_visit_timeout_ns(v, SO_RCVTIMEO));
}
