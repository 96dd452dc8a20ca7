/* SPDX-License-Identifier: MIT
 *
 * far.c - the far side of the wire: the program and the host, each as the other's client
 *
 * Read first: connect(2) on EINPROGRESS; lastack/stack.h on the forwarder.
 *
 * A SYN that reaches the far stack is a request. It is answered only when the real destination has
 * answered a non-blocking connect(): SYN,ACK, RST, an ICMP message or silence, so that the program
 * sees what it would have seen. Then a pump joins the host's socket and the connection.
 *
 *     host                            stack
 *     end of file              ---->  CLOSE (FIN)
 *     shutdown(SHUT_WR)        <----  the peer's FIN, after all its data
 *     ECONNRESET and the like  ---->  ABORT (RST)
 *     SO_LINGER 0 and close()  <----  the connection was reset
 *
 * A client of the host that was accepted at a published port (publish.c) goes the other way: its
 * connection becomes an active OPEN, and what it sends stays in the host's socket until the program
 * has answered.
 */
#include "host/far.h"

#include "host/errors.h"
#include "host/names.h"
#include "host/supervisor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TAKE_BYTES_MIN = 4 * 1024, TAKE_BYTES_MAX = 512 * 1024 };

struct la_far_conn {
    struct la_pump pump;  /* must stay first */
    struct la_watch dial; /* while it is being dialled */
    struct la_run *run;
    la_handle handle; /* the request, later the connection */
    bool opening;     /* by an active OPEN, not answered yet */
    bool doomed;
    struct la_far_conn *doomed_next;
};

/* ---- life ---------------------------------------------------------------------------------- */

static void
retire(struct la_far_conn *f)
{
    struct la_far *far = &f->run->far;
    if (f->doomed)
        return;
    f->doomed = true;
    far->opening_n -= f->opening ? 1 : 0;
    (void)la_map_take(&far->by_handle, f->handle);
    la_loop_close(&f->run->loop, &f->dial);
    la_pump_stop(&f->pump);
    f->doomed_next = far->doomed;
    far->doomed = f;
}

void
la_far_reap(struct la_run *run)
{
    while (run->far.doomed != NULL) {
        struct la_far_conn *f = run->far.doomed;
        run->far.doomed = f->doomed_next;
        la_pump_unlink(&f->pump);
        free(f);
    }
}

void
la_far_fini(struct la_run *run)
{
    size_t cursor = 0;
    struct la_far_conn *f;
    for (; (f = la_map_next(&run->far.by_handle, &cursor)) != NULL; cursor = 0)
        retire(f);
    la_far_reap(run);
    la_map_fini(&run->far.by_handle);
}

/* The host's peer is to see a RST, too, when the socket is closed. */
static void
reset_host(int fd)
{
    struct linger l = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

/* ---- the connection ------------------------------------------------------------------------ */

/* Asks for as much as lately was there: an idle connection does not hold a large block. */
static void
adapt(struct la_pump *p, size_t got_n, size_t room_n)
{
    if (got_n == room_n && p->take_n < TAKE_BYTES_MAX)
        p->take_n *= 2;
    else if (got_n < p->take_n / 4 && p->take_n > TAKE_BYTES_MIN)
        p->take_n /= 2;
}

/* What the socket holds if it holds nothing to read: recv() has it in return. An octet that has
 * come since is looked at again, since it may be marked. */
static enum la_pump_take
nothing_queued(const struct la_pump *p)
{
    uint8_t octet;
    ssize_t got = recv(p->watch.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0)
        return LA_TAKE_END;
    if (got > 0)
        return LA_TAKE_MORE;
    return errno == EAGAIN || errno == EINTR ? LA_TAKE_DRY : LA_TAKE_RESET;
}

static enum la_pump_take
far_take(struct la_pump *p)
{
    struct la_room room = {0};
    int queued = 0;
    if (ioctl(p->watch.fd, FIONREAD, &queued) != 0 || queued == 0)
        return nothing_queued(p);
    if (la_pump_at_mark(p))
        return la_pump_take_marked(p, false);
    la_err err = la_conn_reserve(p->stack, p->conn, p->take_n, &room);
    if (err != LA_OK)
        return err == LA_ERR_AGAIN || err == LA_ERR_NO_MEMORY ? LA_TAKE_FULL : LA_TAKE_CONN;
    ssize_t got = recv(p->watch.fd, room.p, room.n, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? LA_TAKE_DRY : LA_TAKE_RESET;
    if (got == 0)
        return LA_TAKE_END;
    p->moved_n += (size_t)got;
    bool full = (size_t)got == room.n;
    adapt(p, (size_t)got, room.n);
    if (la_conn_commit(p->stack, p->conn, (size_t)got, full, p->run->now) != LA_OK)
        return LA_TAKE_CONN;
    /* A short read has emptied the socket (epoll(7)), and the next arrival is an event, or it has
     * met a mark. */
    return full || p->fd_end || (size_t)got < (size_t)queued || la_pump_at_mark(p) ? LA_TAKE_MORE
                                                                                   : LA_TAKE_DRY;
}

static void
finish_if_done(struct la_far_conn *f)
{
    if (f->pump.out_open || f->pump.in_open)
        return;
    (void)la_conn_release(f->run->far_stack, f->handle, f->run->now);
    retire(f);
}

/* The host's peer is gone in disorder. */
static void
give_up(struct la_far_conn *f)
{
    (void)la_conn_abort(f->run->far_stack, f->handle, f->run->now);
    retire(f);
}

static void
far_ended(struct la_pump *p, enum la_pump_end end, la_err err)
{
    struct la_far_conn *f = (struct la_far_conn *)p;
    (void)err;
    switch (end) {
    case LA_PUMP_FD_END:
        (void)la_conn_close(p->stack, p->conn, p->run->now);
        finish_if_done(f);
        break;
    case LA_PUMP_CONN_END:
        finish_if_done(f);
        break;
    case LA_PUMP_FD_RESET:
    case LA_PUMP_FD_DEAF:
        give_up(f);
        break;
    case LA_PUMP_CONN_ERROR:
        reset_host(p->watch.fd);
        (void)la_conn_release(p->stack, p->conn, p->run->now);
        retire(f);
        break;
    case LA_PUMP_FD_CLOSED:
        if (f->opening)
            give_up(f);
        break; /* else both directions have ended by themselves */
    }
}

static const struct la_pump_ops far_ops = {far_take, far_ended, NULL};

void
la_far_progress(struct la_run *run, la_handle conn)
{
    struct la_far_conn *f = la_map_get(&run->far.by_handle, conn);
    struct la_conn_status status;
    if (f == NULL)
        return;
    if (f->opening && la_conn_status(run->far_stack, conn, &status) == LA_OK &&
        (status.ready & LA_READY_OPEN) != 0) {
        f->opening = false;
        run->far.opening_n--;
        f->pump.out_open = true;
    }
    la_pump_kick(&f->pump);
}

/* A record under `handle`; NULL: no memory. */
static struct la_far_conn *
new_conn(struct la_run *run, la_handle handle)
{
    struct la_far_conn *f = calloc(1, sizeof(*f));
    if (f == NULL || !la_map_put(&run->far.by_handle, handle, f)) {
        free(f);
        return NULL;
    }
    f->run = run;
    f->handle = handle;
    f->dial.fd = -1;
    f->pump.run = run;
    f->pump.stack = run->far_stack;
    f->pump.conn = handle;
    f->pump.ops = &far_ops;
    f->pump.watch.fd = -1;
    return f;
}

/* Small segments were held back by the sender's own stack already, if at all. */
static void
send_at_once(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* ---- dialling ------------------------------------------------------------------------------ */

/* What the program is told about a destination that the host could not reach. */
static enum la_forward_answer
answer_of(int error)
{
    switch (error) {
    case EHOSTUNREACH:
    case EHOSTDOWN:
        return LA_FORWARD_HOST_UNREACHABLE;
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT:
    case EADDRNOTAVAIL:
        return LA_FORWARD_NET_UNREACHABLE;
    case EACCES:
    case EPERM:
        return LA_FORWARD_PROHIBITED;
    case ETIMEDOUT:
        return LA_FORWARD_SILENCE;
    default:
        return LA_FORWARD_RESET;
    }
}

static void
reject(struct la_far_conn *f, int error)
{
    if (error == EMFILE && !f->run->far.limit_said) {
        la_host_say("too many connections for the limit of open files (ulimit -Hn): refused");
        f->run->far.limit_said = true;
    }
    f->run->far.refused_n++;
    (void)la_forward_reject(f->run->far_stack, f->handle, answer_of(error), f->run->now);
    retire(f);
}

static void
connected(struct la_far_conn *f)
{
    struct la_run *run = f->run;
    la_handle conn;
    int fd = f->dial.fd;
    send_at_once(fd);
    if (la_forward_accept(run->far_stack, f->handle, NULL, &conn, run->now) != LA_OK) {
        retire(f); /* the peer is gone, or no memory for it */
        return;
    }
    (void)la_map_take(&run->far.by_handle, f->handle);
    f->handle = conn;
    f->pump.conn = conn;
    la_loop_remove(&run->loop, &f->dial);
    if (!la_map_put(&run->far.by_handle, conn, f) || !la_pump_start(&f->pump, fd)) {
        (void)la_conn_abort(run->far_stack, conn, run->now);
        retire(f);
    }
}

static void
on_dialled(struct la_watch *watch, uint32_t events)
{
    struct la_far_conn *f =
        (struct la_far_conn *)((uint8_t *)watch - offsetof(struct la_far_conn, dial));
    int error = 0;
    socklen_t n = sizeof(error);
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
        return;
    if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        error = errno;
    if (error != 0)
        reject(f, error);
    else
        connected(f);
}

static void
dial(struct la_far_conn *f, const struct la_endpoint *to)
{
    struct sockaddr_storage sa;
    socklen_t n = la_name_to_host(to, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = fd < 0 ? errno : la_loop_add(&f->run->loop, &f->dial, fd, EPOLLOUT);
    if (fd >= 0 && error != 0)
        (void)close(fd);
    if (error == 0 && connect(fd, (const struct sockaddr *)&sa, n) != 0 && errno != EINPROGRESS)
        error = errno;
    f->run->far.dialled_n++;
    if (error != 0)
        reject(f, error);
    /* Also one that is connected at once reports so by EPOLLOUT. */
}

void
la_far_request(struct la_run *run, la_handle request)
{
    struct la_forward_request r;
    if (la_forward_request(run->far_stack, request, &r) != LA_OK)
        return;
    struct la_far_conn *f = new_conn(run, request);
    if (f == NULL) {
        (void)la_forward_reject(run->far_stack, request, LA_FORWARD_RESET, run->now);
        return;
    }
    f->dial.on_ready = on_dialled;
    struct la_endpoint to = la_name_inward(run, &r.local);
    dial(f, &to);
}

void
la_far_gone(struct la_run *run, la_handle request)
{
    struct la_far_conn *f = la_map_get(&run->far.by_handle, request);
    if (f != NULL)
        retire(f);
}

/* ---- clients of the host ------------------------------------------------------------------- */

/* In the client's name. If that pair of endpoints was used a moment ago (TIME-WAIT), with another
 * port. */
static la_err
open_in_name(struct la_run *run, const struct la_endpoint *client, const struct la_endpoint *to,
             la_handle *out)
{
    la_err err = la_conn_open(run->far_stack, client, to, NULL, out, run->now);
    if (err != LA_ERR_ADDRESS_IN_USE)
        return err;
    struct la_endpoint other = {client->addr, 0};
    return la_conn_open(run->far_stack, &other, to, NULL, out, run->now);
}

void
la_far_enter(struct la_run *run, int take_fd, const struct la_endpoint *client,
             const struct la_endpoint *to)
{
    la_handle conn;
    if (open_in_name(run, client, to, &conn) != LA_OK) {
        reset_host(take_fd);
        (void)close(take_fd);
        return;
    }
    struct la_far_conn *f = new_conn(run, conn);
    if (f == NULL) {
        (void)la_conn_abort(run->far_stack, conn, run->now);
        reset_host(take_fd);
        (void)close(take_fd);
        return;
    }
    send_at_once(take_fd);
    f->opening = true;
    run->far.opening_n++;
    if (!la_pump_start(&f->pump, take_fd))
        give_up(f);
    f->pump.out_open = false;
}
