/* SPDX-License-Identifier: MIT
 *
 * datagram.c - UDP sockets of the program
 *
 * Read first: udp(7), unix(7); docs/theory/run.md on datagrams.
 *
 * The program holds one end of a unix datagram pair, so poll(), read() and write() are native.
 * Calls with addresses are served here. A unix datagram does not carry a UDP address: for each
 * datagram that lies in the program's queue there is a letter here, in the same order. A native
 * read takes a datagram without telling; SIOCOUTQ of our end counts the memory of what is still
 * queued, and since the memory of each is known, it says exactly how many were taken.
 *
 * A unix queue holds 10 datagrams (net.unix.max_dgram_qlen): the rest stays in the stack.
 *
 * ICMP errors must wake a program that polls. An empty datagram is the doorbell; the notified
 * receive swallows it and answers with the error. (A plain recv() sees an empty datagram.)
 */
#include "host/datagram.h"

#include "host/calls.h"
#include "host/errors.h"
#include "host/private.h"
#include "host/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct la_letter {
    struct la_letter *next;
    struct la_endpoint from;
    int memory_n; /* what SIOCOUTQ counts for it */
    bool bell;
    size_t n; /* octets, in the stash only */
    uint8_t bytes[];
};

/* ---- the queue ----------------------------------------------------------------------------- */

static int
queued_memory(int fd)
{
    int n = 0;
    return ioctl(fd, SIOCOUTQ, &n) == 0 ? n : 0;
}

/* What a datagram of n octets weighs: asked of a pair of our own, where nobody else reads. */
static int
memory_of(struct la_run *run, size_t n)
{
    struct la_weigh *w = &run->weigh;
    unsigned slot = (unsigned)n % LA_WEIGH_N;
    if (w->memory_n[slot] != 0 && w->octets[slot] == n)
        return w->memory_n[slot];
    uint8_t octet;
    if (w->fd[0] < 0 || send(w->fd[0], run->scratch, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return 0;
    w->octets[slot] = n;
    w->memory_n[slot] = queued_memory(w->fd[0]);
    (void)recv(w->fd[1], &octet, sizeof(octet), MSG_DONTWAIT);
    return w->memory_n[slot];
}

static void
pop(struct la_dgram *d)
{
    struct la_letter *l = d->first;
    d->first = l->next;
    if (d->first == NULL)
        d->last = NULL;
    d->queued_n -= l->memory_n;
    free(l);
}

/* Forgets the letters of datagrams that a native read took. */
static void
settle(struct la_dgram *d)
{
    int still = queued_memory(d->watch.fd);
    while (d->first != NULL && d->queued_n > still)
        pop(d);
}

/* Posts n octets of run->scratch. 0, EAGAIN (the queue is full), or the program's end is gone. */
static int
post(struct la_psock *ps, struct la_letter *l, const void *bytes, size_t n)
{
    struct la_dgram *d = &ps->dgram;
    l->next = NULL;
    l->memory_n = memory_of(ps->run, n);
    if (send(d->watch.fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return errno;
    if (d->last != NULL)
        d->last->next = l;
    else
        d->first = l;
    d->last = l;
    d->queued_n += l->memory_n;
    return 0;
}

static void
ring(struct la_psock *ps, int error)
{
    ps->error = error;
    struct la_letter *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return;
    l->bell = true;
    if (post(ps, l, "", 0) != 0)
        free(l); /* a full queue wakes the program just as well */
}

/* ---- from the stack to the program --------------------------------------------------------- */

static bool
post_stash(struct la_psock *ps)
{
    struct la_letter *l = ps->dgram.stash;
    if (l == NULL)
        return true;
    if (post(ps, l, l->bytes, l->n) == EAGAIN)
        return false;
    ps->dgram.stash = NULL;
    return true;
}

static bool
forward(struct la_psock *ps, const struct la_endpoint *from, size_t n)
{
    struct la_letter *l = malloc(sizeof(*l) + n);
    if (l == NULL)
        return true; /* lost, as datagrams are */
    *l = (struct la_letter){.from = la_name_inward(ps->run, from), .n = n};
    int error = post(ps, l, ps->run->scratch, n);
    if (error == EAGAIN) {
        memcpy(l->bytes, ps->run->scratch, n);
        ps->dgram.stash = l;
        return false;
    }
    if (error != 0) {
        free(l);
        la_psock_retire(ps); /* the program has closed its end */
        return false;
    }
    return true;
}

void
la_datagram_progress(struct la_psock *ps)
{
    struct la_run *run = ps->run;
    settle(&ps->dgram);
    bool go_on = post_stash(ps);
    while (go_on) {
        struct la_endpoint from;
        struct la_room room = {run->scratch, LA_RUN_SCRATCH_BYTES};
        la_ssize n = la_sock_receive(run->socks, ps->sock, room, NULL, &from, run->now);
        if (n == LA_ERR_AGAIN)
            break;
        if (n >= 0) {
            go_on = forward(ps, &from, (size_t)n);
        } else {
            go_on = n != LA_ERR_BAD_HANDLE && ps->error != la_err_to_errno((la_err)n);
            ring(ps, la_err_to_errno((la_err)n));
        }
    }
    if (!ps->doomed)
        la_calls_resume(ps, LA_WAIT_RECEIVE);
}

/* Swallows a doorbell at the head of the queue. True: there was one. */
static bool
swallow_bell(struct la_dgram *d, int borrowed_fd)
{
    uint8_t octet;
    if (d->first == NULL || !d->first->bell)
        return false;
    (void)recv(borrowed_fd, &octet, sizeof(octet), MSG_DONTWAIT);
    pop(d);
    return true;
}

ssize_t
la_datagram_receive(struct la_psock *ps, int borrowed_fd, bool peek, struct la_endpoint *from)
{
    struct la_dgram *d = &ps->dgram;
    settle(d);
    bool rang = false;
    while (swallow_bell(d, borrowed_fd))
        rang = true;
    if (ps->error != 0) {
        int error = ps->error;
        ps->error = 0;
        return -error;
    }
    ssize_t n = recv(borrowed_fd, ps->run->scratch, LA_RUN_SCRATCH_BYTES,
                     MSG_DONTWAIT | MSG_TRUNC | (peek ? MSG_PEEK : 0));
    if (n < 0)
        return rang && errno == EAGAIN ? -EAGAIN : -errno;
    *from = d->first != NULL ? d->first->from : d->peer;
    if (!peek && d->first != NULL)
        pop(d);
    return n;
}

/* ---- from the program to the stack --------------------------------------------------------- */

int
la_datagram_send(struct la_psock *ps, const struct la_endpoint *to, struct la_bytes bytes)
{
    struct la_run *run = ps->run;
    if (ps->error != 0) {
        int error = ps->error;
        ps->error = 0;
        return error;
    }
    if (to == NULL && !ps->dgram.connected)
        return EDESTADDRREQ;
    struct la_endpoint outward, local;
    if (to != NULL)
        outward = la_name_outward(run, to, true);
    la_ssize n =
        la_sock_send(run->socks, ps->sock, bytes, false, to != NULL ? &outward : NULL, run->now);
    if (n >= 0 && ps->port_inside == 0 && la_sock_local(run->socks, ps->sock, &local) == LA_OK)
        la_ports_take(ps, local.port); /* it was bound just now: answers from inside reach it */
    if (n == LA_ERR_BAD_ARGUMENT)
        return ENETUNREACH; /* multicast and the like */
    return n >= 0 || n == LA_ERR_AGAIN ? 0 : la_err_to_errno((la_err)n);
}

static void
on_ready(struct la_watch *watch, uint32_t events)
{
    struct la_psock *ps =
        (struct la_psock *)((uint8_t *)watch - offsetof(struct la_psock, dgram.watch));
    struct la_run *run = ps->run;
    ssize_t n;
    while (!ps->doomed &&
           (n = recv(watch->fd, run->scratch, LA_RUN_SCRATCH_BYTES, MSG_DONTWAIT)) >= 0) {
        int error = la_datagram_send(ps, NULL, (struct la_bytes){run->scratch, (size_t)n});
        /* write() has returned: what went wrong is told at the next call. */
        if (error != 0 && error != EDESTADDRREQ)
            ring(ps, error);
    }
    if ((events & EPOLLOUT) != 0 && !ps->doomed)
        la_datagram_progress(ps);
}

/* ---- life ---------------------------------------------------------------------------------- */

int
la_datagram_open(struct la_psock *ps, int nonblock)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    la_private_widen(pair[0]);
    la_private_widen(pair[1]);
    ps->dgram.watch.on_ready = on_ready;
    if ((nonblock != 0 && fcntl(pair[0], F_SETFL, O_RDWR | O_NONBLOCK) != 0) ||
        la_loop_add(&ps->run->loop, &ps->dgram.watch, pair[1], EPOLLIN | EPOLLOUT | EPOLLET) != 0) {
        (void)close(pair[0]);
        (void)close(pair[1]);
        errno = ENOBUFS;
        return -1;
    }
    return pair[0];
}

void
la_datagram_close(struct la_psock *ps)
{
    struct la_dgram *d = &ps->dgram;
    if (d->watch.fd < 0)
        return;
    la_loop_close(&ps->run->loop, &d->watch);
    while (d->first != NULL)
        pop(d);
    free(d->stash);
    d->stash = NULL;
    la_ports_give(ps);
}

/* Would the host reach this destination? getaddrinfo() sorts addresses by the answer (RFC 6724). A
 * kernel socket's connect() sends nothing. */
static int
probe_host(const struct la_endpoint *to)
{
    struct sockaddr_storage sa;
    socklen_t n = la_name_to_host(to, &sa);
    int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 || connect(fd, (const struct sockaddr *)&sa, n) != 0 ? errno : 0;
    if (fd >= 0)
        (void)close(fd);
    return error == EAFNOSUPPORT ? ENETUNREACH : error;
}

void
la_datagram_connect(struct la_visit *v, const struct la_name *name)
{
    struct la_psock *ps = v->ps;
    struct la_run *run = v->run;
    if (name->unspec) {
        (void)la_sock_connect(run->socks, ps->sock, NULL, run->now);
        ps->dgram.connected = false;
        la_syscall_return(&v->call, 0);
        return;
    }
    int error = probe_host(&name->endpoint);
    struct la_endpoint to = la_name_outward(run, &name->endpoint, true);
    if (error == 0)
        error = la_err_to_errno(la_sock_connect(run->socks, ps->sock, &to, run->now));
    if (error == 0) {
        ps->dgram.connected = true;
        ps->dgram.peer = name->endpoint;
    }
    la_syscall_fail(&v->call, error);
}
