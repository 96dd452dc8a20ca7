/* SPDX-License-Identifier: MIT
 *
 * near.c - what a unix socket must be taught to look like a TCP socket
 *
 * Read first: docs/theory/run.md; unix(7).
 *
 * THE FILL. A unix socket is writable as soon as it is connected; a TCP socket in SYN-SENT is not.
 * So the program's end is stuffed until send() says EAGAIN (POLLOUT goes off earlier, but a send()
 * would still succeed). With the smallest send buffer that takes two small messages instead of a
 * megabyte; the buffer is widened when the connection is up, for which the program's end must be
 * found again.
 *
 * THE SENTINEL. Closing our end shows the program ECONNRESET only if our end has unread octets.
 * So the last octet is always left in the queue: it is forwarded when it is seen (MSG_PEEK) and
 * taken out when more arrives. Being always readable, our end must be watched edge-triggered. The
 * sentinel pins the whole message that it came with, 64 KiB after a sendfile(): a send buffer
 * below 425984 octets is then never writable again, so it is widened before anything else.
 *
 * FAST OPEN. With TCP_FASTOPEN_CONNECT connect() returns before there is a SYN, and the program
 * writes: what it has written by the time we look goes with the SYN, as far as it can
 * (take_first()).
 *
 * URGENT OCTETS are part of that queue (pump.h). One can be the sentinel; it has its mark as long
 * as it lies there, but was forwarded with it.
 *
 * CLOSE OR SHUTDOWN. Our end sees EPOLLRDHUP for shutdown(SHUT_WR) and EPOLLHUP for close(), but
 * EPOLLHUP also for shutdown(SHUT_RDWR), and when the program has shut down its direction and we,
 * for the peer's FIN, ours: only the record of the calls tells them apart. A close with unread
 * octets in the program's queue reads as ECONNRESET here, and becomes a RST (RFC 1122 4.2.2.13).
 */
#include "host/near.h"

#include "host/errors.h"
#include "host/private.h"
#include "host/supervisor.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { TAKE_BYTES_MAX = 256 * 1024 };

/* ---- taking with a sentinel ---------------------------------------------------------------- */

static bool
has_error(int fd)
{
    int error = 0;
    socklen_t n = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error != 0;
}

/* Reads n octets into `to`, behind the sentinel if there is one. Short when the program passed
 * descriptors along (they are dropped, the kernel ends a read there). */
static ssize_t
read_behind_sentinel(const struct la_near *near, uint8_t *to, size_t n)
{
    uint8_t sentinel;
    struct iovec iov[2] = {{&sentinel, near->held ? 1 : 0}, {to, n}};
    ssize_t got = readv(near->pump.watch.fd, iov, 2);
    return got > 0 ? got - (near->held ? 1 : 0) : got;
}

/* `last`: nothing is behind it, so that it becomes the sentinel. */
static enum la_pump_take
take_marked(struct la_near *near, bool last)
{
    size_t before_n = near->pump.moved_n;
    enum la_pump_take took = la_pump_take_marked(&near->pump, last);
    near->held = last && near->pump.moved_n > before_n;
    return took;
}

/* Does EPOLLHUP mean that the program has closed its last descriptor? */
static bool
is_closed(const struct la_near *near)
{
    return near->pump.fd_hup && (!near->shut_write || (!near->shut_read && near->pump.in_open));
}

/* With SO_LINGER 0, close() does not wait until what was written finds room in the stack. */
static bool
is_reset_by_close(const struct la_psock *ps)
{
    int64_t linger_s = -1;
    (void)la_sock_option_get(ps->run->socks, ps->sock, LA_SO_LINGER_S, &linger_s);
    return linger_s == 0 && is_closed(&ps->near);
}

/* Takes n octets off the queue that have been forwarded, but for a sentinel. */
static void
drop_forwarded(struct la_near *near, size_t n, bool all, uint8_t *scratch)
{
    size_t off = n + (near->held ? 1 : 0) - (all ? 1 : 0);
    if (off > 0)
        (void)recv(near->pump.watch.fd, scratch, off, MSG_DONTWAIT);
    near->held = all;
}

/* The first octets of a deferred connection, of which some may go with the SYN. */
static enum la_pump_take
take_first(struct la_psock *ps, size_t avail_n)
{
    struct la_near *near = &ps->near;
    struct la_pump *p = &near->pump;
    uint8_t *scratch = ps->run->scratch;
    size_t held_n = near->held ? 1 : 0;
    ssize_t got = recv(p->watch.fd, scratch, LA_RUN_SCRATCH_BYTES, MSG_PEEK | MSG_DONTWAIT);
    if (got <= (ssize_t)held_n)
        return LA_TAKE_DRY;
    struct la_bytes bytes = {scratch + held_n, (size_t)got - held_n};
    la_ssize n = la_sock_send(ps->run->socks, ps->sock, bytes, false, NULL, ps->run->now);
    if (n < 0 && n != LA_ERR_IN_PROGRESS) {
        la_near_fail(ps, la_err_to_errno((la_err)n));
        return LA_TAKE_CONN;
    }
    size_t taken_n = n > 0 ? (size_t)n : 0;
    near->deferred = false;
    near->early = true;
    p->conn = la_sock_conn(ps->run->socks, ps->sock);
    p->in_open = true;
    p->moved_n += taken_n;
    if (taken_n > 0)
        drop_forwarded(near, taken_n, taken_n == avail_n, scratch);
    return taken_n == avail_n ? LA_TAKE_DRY : LA_TAKE_MORE;
}

static enum la_pump_take
near_take(struct la_pump *p)
{
    struct la_near *near = (struct la_near *)p;
    if (p->fd_hup && (has_error(p->watch.fd) || is_reset_by_close(la_psock_of_pump(p))))
        return LA_TAKE_RESET;
    int queued = 0;
    if (ioctl(p->watch.fd, FIONREAD, &queued) != 0)
        return LA_TAKE_RESET;
    size_t avail_n = (size_t)queued - (near->held ? 1 : 0);
    if (avail_n == 0)
        return p->fd_end ? LA_TAKE_END : LA_TAKE_DRY;
    if (near->deferred)
        return take_first(la_psock_of_pump(p), avail_n);
    if (!near->held && la_pump_at_mark(p))
        return take_marked(near, avail_n == 1);

    struct la_room room = {0};
    size_t want_n = avail_n < TAKE_BYTES_MAX ? avail_n : TAKE_BYTES_MAX;
    la_err err = la_conn_reserve(p->stack, p->conn, want_n, &room);
    if (err != LA_OK)
        return err == LA_ERR_AGAIN || err == LA_ERR_NO_MEMORY ? LA_TAKE_FULL : LA_TAKE_CONN;
    if (room.n < want_n)
        want_n = room.n;
    bool last = want_n == avail_n;
    size_t read_n = last ? want_n - 1 : want_n;
    bool had_sentinel = near->held;
    if (read_n > 0 || had_sentinel) {
        ssize_t got = read_behind_sentinel(near, room.p, read_n);
        if (got < 0)
            return errno == EAGAIN ? LA_TAKE_DRY : LA_TAKE_RESET;
        near->held = false;
        if ((size_t)got < read_n) { /* stopped, as by an urgent octet */
            want_n = (size_t)got;
            last = false;
        }
    }
    if (last) {
        /* An urgent octet behind the others is none of them; else it becomes the sentinel. */
        near->held = !la_pump_at_mark(p) &&
                     recv(p->watch.fd, room.p + read_n, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
        last = near->held;
        if (!last)
            want_n = read_n;
    }
    p->moved_n += want_n;
    if (la_conn_commit(p->stack, p->conn, want_n, !last, p->run->now) != LA_OK)
        return LA_TAKE_CONN;
    return last || (want_n == 0 && !had_sentinel) ? LA_TAKE_DRY : LA_TAKE_MORE;
}

/* ---- ends ---------------------------------------------------------------------------------- */

static void
stop_writing(struct la_psock *ps)
{
    (void)la_sock_shutdown(ps->run->socks, ps->sock, LA_SHUT_WRITE, ps->run->now);
}

/* Our end is needed no longer, and closing it may not look like an error. The program may keep its
 * own: it reads what is there, then the end; a scan finds out when it is closed. */
static void
let_go(struct la_psock *ps)
{
    uint8_t sentinel;
    if (la_pump_is_on(&ps->near.pump) && ps->near.held)
        (void)recv(ps->near.pump.watch.fd, &sentinel, 1, MSG_DONTWAIT);
    ps->near.held = false;
    la_pump_stop(&ps->near.pump);
}

/* EPOLLHUP at our end. */
static void
hung_up(struct la_psock *ps)
{
    struct la_near *near = &ps->near;
    if (is_closed(near))
        la_psock_retire(ps);
    else if (near->pump.in_open)
        near->pump.discard = true; /* until the peer's FIN */
    else
        let_go(ps);
}

static void
near_ended(struct la_pump *p, enum la_pump_end end, la_err err)
{
    struct la_psock *ps = la_psock_of_pump(p);
    switch (end) {
    case LA_PUMP_FD_END:
        stop_writing(ps);
        break;
    case LA_PUMP_FD_CLOSED:
        hung_up(ps);
        break;
    case LA_PUMP_FD_RESET:
        la_psock_abort(ps);
        break;
    case LA_PUMP_FD_DEAF:
        /* After shutdown(SHUT_RD) what arrives is acknowledged and lost; after close() it is
         * answered by a RST, as the kernel does. */
        if (ps->near.shut_read)
            p->discard = true;
        else
            la_psock_abort(ps);
        break;
    case LA_PUMP_CONN_END:
        if (p->closed_told)
            let_go(ps);
        break;
    case LA_PUMP_CONN_ERROR:
        la_near_fail(ps, la_err_to_errno(err));
        break;
    }
}

/* Calls that were passed through (messages.c) may find data or room now. */
static void
near_ran(struct la_pump *p)
{
    struct la_psock *ps = la_psock_of_pump(p);
    if (ps->waiting_n == 0)
        return;
    la_calls_resume(ps, LA_WAIT_RECEIVE);
    if (!ps->doomed)
        la_calls_resume(ps, LA_WAIT_SEND);
}

static const struct la_pump_ops near_ops = {near_take, near_ended, near_ran};

/* ---- opening ------------------------------------------------------------------------------- */

static int
start(struct la_psock *ps, int our_fd)
{
    struct la_pump *p = &ps->near.pump;
    p->ops = &near_ops;
    p->stack = ps->run->near_stack;
    p->conn = la_sock_conn(ps->run->socks, ps->sock);
    return la_pump_start(p, our_fd) ? 0 : ENOBUFS;
}

/* The octet that makes a later RST visible comes from the program's own end. */
void
la_near_plant(struct la_psock *ps, int program_fd)
{
    la_private_widen(program_fd);
    ps->near.held = send(program_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

int
la_near_join(struct la_psock *ps, int our_fd)
{
    ps->state = LA_PSOCK_ESTABLISHED;
    return start(ps, our_fd);
}

int
la_near_open(struct la_psock *ps, int borrowed_fd)
{
    int our_fd = la_private_pair(&ps->run->pairing, borrowed_fd);
    if (our_fd < 0)
        return -our_fd;
    la_near_plant(ps, borrowed_fd);
    return la_near_join(ps, our_fd);
}

int
la_near_open_deferred(struct la_psock *ps, int borrowed_fd)
{
    int our_fd = la_private_pair(&ps->run->pairing, borrowed_fd);
    if (our_fd < 0)
        return -our_fd;
    la_near_plant(ps, borrowed_fd);
    ps->near.deferred = true;
    int error = start(ps, our_fd);
    ps->near.pump.in_open = false; /* there is nothing to read from yet */
    return error;
}

static void
fill(struct la_psock *ps, int borrowed_fd)
{
    int smallest = 0;
    (void)setsockopt(borrowed_fd, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof(smallest));
    struct stat st;
    if (fstat(borrowed_fd, &st) == 0)
        ps->near.inode = st.st_ino;
    ssize_t n;
    ps->near.filled_n = 0;
    while ((n = send(borrowed_fd, ps->run->scratch, LA_RUN_SCRATCH_BYTES,
                     MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
        ps->near.filled_n += (size_t)n;
}

int
la_near_open_filled(struct la_psock *ps, int borrowed_fd)
{
    int our_fd = la_private_pair(&ps->run->pairing, borrowed_fd);
    if (our_fd < 0)
        return -our_fd;
    fill(ps, borrowed_fd);
    int error = start(ps, our_fd);
    /* Nothing is forwarded before the connection is up; only the last close is looked for. */
    ps->near.pump.out_open = false;
    ps->near.pump.in_open = false;
    return error;
}

/* The program's end by the number that called connect(), or wherever it went since. */
static int
borrow_again(const struct la_psock *ps)
{
    struct la_processes *processes = &ps->run->processes;
    int fd = la_process_borrow(processes, ps->tid, ps->fd);
    if (fd >= 0 && la_registry_find(&ps->run->registry, fd) == ps)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    pid_t tid;
    int number;
    if (!la_process_search(ps->near.inode, &tid, &number))
        return -1;
    return la_process_borrow(processes, tid, number);
}

void
la_near_unfill(struct la_psock *ps)
{
    struct la_near *near = &ps->near;
    if (near->early) {
        near->early = false;
        ps->state = LA_PSOCK_ESTABLISHED;
        la_pump_kick(&near->pump);
        return;
    }
    int fd = borrow_again(ps);
    if (fd >= 0) {
        la_private_widen(fd); /* before room appears: see the sentinel */
        (void)close(fd);
    }
    while (near->filled_n > 1) {
        size_t n = near->filled_n - 1;
        if (n > LA_RUN_SCRATCH_BYTES)
            n = LA_RUN_SCRATCH_BYTES;
        ssize_t got = recv(near->pump.watch.fd, ps->run->scratch, n, MSG_DONTWAIT);
        if (got <= 0)
            break;
        near->filled_n -= (size_t)got;
    }
    near->held = near->filled_n == 1;
    near->filled_n = 0;
    near->pump.conn = la_sock_conn(ps->run->socks, ps->sock);
    near->pump.out_open = true;
    near->pump.in_open = true;
    near->pump.closed_told = false;
    near->pump.fd_readable = true;
    near->pump.fd_writable = true;
    ps->state = LA_PSOCK_ESTABLISHED;
    la_pump_kick(&near->pump);
}

void
la_near_fail(struct la_psock *ps, int error)
{
    ps->error = error;
    ps->state = LA_PSOCK_SPENT;
    ps->near.filled_n = 0;
    ps->near.deferred = ps->near.early = false;
    la_pump_stop(&ps->near.pump);
}

void
la_near_dissolve(struct la_psock *ps)
{
    let_go(ps);
    la_near_fail(ps, 0);
}
