/* SPDX-License-Identifier: MIT
 *
 * pump.c - joins a stream descriptor and a connection of a stack, both ways
 *
 * Read first: epoll(7) on edge-triggered readiness; RFC 9293 3.9.1 (CLOSE is half-close).
 *
 * Order when the peer's FIN arrives: all its data, then shutdown(SHUT_WR), and the descriptor stays
 * open until its owner is done: closing it would turn the owner's later writes into EPIPE.
 *
 * A connection's error is told only after its data were written out, since a program may read what
 * arrived before a RST; sending just stops.
 */
#include "host/pump.h"

#include "host/supervisor.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    PORTION_BYTES = 512 * 1024, /* per direction and round, for fairness and the cache's sake */
    PIECES_N = 64,
    TAKE_BYTES_FIRST = 16 * 1024,
};

static void
tell(struct la_pump *p, enum la_pump_end end, la_err err)
{
    p->ops->ended(p, end, err);
}

static void
tell_closed(struct la_pump *p)
{
    if (!la_pump_is_on(p) || p->closed_told || !p->fd_hup || p->out_open)
        return;
    p->closed_told = true;
    tell(p, LA_PUMP_FD_CLOSED, LA_OK);
}

static void
on_ready(struct la_watch *watch, uint32_t events)
{
    struct la_pump *p = (struct la_pump *)watch; /* its first member */
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        p->fd_readable = true;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
        p->fd_writable = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        p->fd_end = true;
    if ((events & EPOLLHUP) != 0)
        p->fd_hup = true;
    la_pump_kick(p);
}

bool
la_pump_start(struct la_pump *p, int fd)
{
    p->out_open = true;
    p->in_open = true;
    p->conn_end = false;
    p->take_n = TAKE_BYTES_FIRST;
    p->watch.on_ready = on_ready;
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
    if (la_loop_add(&p->run->loop, &p->watch, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) == 0)
        return true;
    (void)close(fd);
    return false;
}

void
la_pump_stop(struct la_pump *p)
{
    la_loop_close(&p->run->loop, &p->watch);
    p->out_open = false;
    p->in_open = false;
}

void
la_pump_kick(struct la_pump *p)
{
    if (p->busy)
        return;
    p->busy = true;
    p->busy_next = NULL;
    struct la_pump **last = &p->run->busy_first;
    if (*last == NULL)
        *last = p;
    else
        p->run->busy_last->busy_next = p;
    p->run->busy_last = p;
}

/* Takes the pump off the list, for an owner that frees it. */
void
la_pump_unlink(struct la_pump *p)
{
    if (!p->busy)
        return;
    struct la_pump *before = NULL;
    for (struct la_pump *i = p->run->busy_first; i != p; i = i->busy_next)
        before = i;
    if (before == NULL)
        p->run->busy_first = p->busy_next;
    else
        before->busy_next = p->busy_next;
    if (p->run->busy_last == p)
        p->run->busy_last = before;
    p->busy = false;
}

bool
la_pump_at_mark(const struct la_pump *p)
{
    int at_mark = 0;
    return ioctl(p->watch.fd, SIOCATMARK, &at_mark) == 0 && at_mark != 0;
}

enum la_pump_take
la_pump_take_marked(struct la_pump *p, bool stays)
{
    uint8_t octet;
    if (recv(p->watch.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
        return LA_TAKE_DRY;
    la_ssize n = la_conn_send_urgent(p->stack, p->conn, (struct la_bytes){&octet, 1}, p->run->now);
    if (n < 0)
        return n == LA_ERR_AGAIN || n == LA_ERR_NO_MEMORY ? LA_TAKE_FULL : LA_TAKE_CONN;
    if (!stays)
        (void)recv(p->watch.fd, &octet, 1, MSG_DONTWAIT);
    p->moved_n++;
    return stays ? LA_TAKE_DRY : LA_TAKE_MORE;
}

/* True: the portion was used up, there may be more. */
static bool
out(struct la_pump *p)
{
    p->moved_n = 0;
    while (p->out_open && p->fd_readable) {
        if (p->moved_n >= PORTION_BYTES)
            return true;
        size_t before_n = p->moved_n;
        switch (p->ops->take(p)) {
        case LA_TAKE_MORE:
            break;
        case LA_TAKE_DRY:
            /* If the end is announced, it is still to be met. */
            p->fd_readable = p->fd_end && p->moved_n > before_n;
            break;
        case LA_TAKE_FULL:
            return false; /* an event of the connection resumes */
        case LA_TAKE_END:
            p->out_open = false;
            tell(p, LA_PUMP_FD_END, LA_OK);
            break;
        case LA_TAKE_RESET:
            p->out_open = false;
            tell(p, LA_PUMP_FD_RESET, LA_OK);
            break;
        case LA_TAKE_CONN:
            p->out_open = false;
            break;
        }
    }
    return false;
}

static ssize_t
write_pieces(const struct la_pump *p, const struct la_bytes *pieces, size_t n, size_t *total)
{
    struct iovec iov[PIECES_N];
    la_ssize urgent = la_conn_urgent(p->stack, p->conn);
    size_t left = urgent > 1 ? (size_t)urgent - 1 : SIZE_MAX; /* the marked octet goes alone */
    size_t used = 0;
    *total = 0;
    for (; used < n && left > 0; used++) {
        size_t len = pieces[used].n < left ? pieces[used].n : left;
        iov[used] = (struct iovec){(void *)(uintptr_t)pieces[used].p, len};
        *total += len;
        left -= len;
    }
    if (p->discard)
        return (ssize_t)*total;
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = used};
    int oob = urgent == 1 ? MSG_OOB : 0;
    return sendmsg(p->watch.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT | oob);
}

static void
connection_ended(struct la_pump *p, la_err err)
{
    p->in_open = false;
    if (err != LA_OK) {
        p->out_open = false;
        tell(p, LA_PUMP_CONN_ERROR, err);
        return;
    }
    if (!p->discard)
        (void)shutdown(p->watch.fd, SHUT_WR);
    p->conn_end = true;
    tell(p, LA_PUMP_CONN_END, LA_OK);
}

/* What comes behind the peer's FIN, a RST for data that it no longer wanted, is read by nobody. */
static void
look_for_error(struct la_pump *p)
{
    struct la_conn_status status;
    if (!p->conn_end || !la_pump_is_on(p) || la_conn_status(p->stack, p->conn, &status) != LA_OK ||
        status.err == LA_OK)
        return;
    p->conn_end = false;
    connection_ended(p, status.err);
}

static bool
in(struct la_pump *p)
{
    size_t moved_n = 0;
    while (p->in_open && (p->fd_writable || p->discard)) {
        if (moved_n >= PORTION_BYTES)
            return true;
        struct la_bytes pieces[PIECES_N];
        size_t n = 0, total = 0;
        la_err err = la_conn_peek(p->stack, p->conn, pieces, PIECES_N, &n);
        if (err == LA_ERR_AGAIN)
            return false;
        if (err != LA_OK || n == 0) {
            connection_ended(p, err);
            return false;
        }
        ssize_t sent = write_pieces(p, pieces, n, &total);
        if (sent < 0 && errno == EAGAIN) {
            p->fd_writable = false;
            return false;
        }
        if (sent < 0) {
            tell(p, errno == EPIPE ? LA_PUMP_FD_DEAF : LA_PUMP_FD_RESET, LA_OK);
            continue;
        }
        (void)la_conn_consume(p->stack, p->conn, (size_t)sent, p->run->now);
        moved_n += (size_t)sent;
        if ((size_t)sent < total)
            p->fd_writable = false;
    }
    return false;
}

void
la_pump_round(struct la_run *run)
{
    /* Only those that are busy now: what they cause to be busy waits for the wire to be pumped. */
    struct la_pump *last = run->busy_last;
    for (bool more = last != NULL; more;) {
        struct la_pump *p = run->busy_first;
        more = p != last;
        la_pump_unlink(p);
        if (!la_pump_is_on(p))
            continue;
        bool again = out(p);
        again = in(p) || again;
        look_for_error(p);
        tell_closed(p);
        if (again && la_pump_is_on(p))
            la_pump_kick(p);
        if (p->ops->ran != NULL)
            p->ops->ran(p);
    }
}
