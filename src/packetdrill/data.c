/* SPDX-License-Identifier: MIT
 *
 * data.c - octets: the read and write families, splice
 *
 * Read first: recv(2), send(2), tcp(7). What is written by one call is taken piece by piece; all
 * but the last piece say that more follows, so that segments are cut as if it were one buffer.
 */
#include "packetdrill/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "host/errors.h"
#include "host/names.h"
#include "packetdrill/errors.h"

#ifndef TCP_CM_INQ
#define TCP_CM_INQ 36
#endif

enum { FAST_OPEN_BYTES_MAX = 65536 }; /* more than a SYN can carry */

static la_instant
until(const struct la_pd *pd, int64_t timeout_us)
{
    return timeout_us == 0 ? LA_INSTANT_NEVER : la_instant_add_us(pd->now, timeout_us);
}

/* Where a call stands in its pieces. */
struct transfer {
    struct la_pd_fd *f;
    const struct iovec *pieces;
    size_t pieces_n;
    size_t idx, off; /* the piece under way, and how much of it is done */
    size_t done_n, total_n;
    size_t syn_n; /* of done_n: what went with a SYN that is not answered */
    int flags;
    struct la_endpoint peer; /* of a datagram */
    bool named;
    bool opens;     /* MSG_FASTOPEN: this call connects first, */
    bool fast_only; /* and does not wait for the handshake */
    bool waits;     /* for room: as on Linux a writer sleeps until there is a good part of it */
    bool queues;    /* as on the BSDs: what the SYN does not take is sent behind it */
};

static size_t
length(const struct msghdr *msg)
{
    size_t n = 0;
    for (size_t i = 0; i < msg->msg_iovlen; i++)
        n += msg->msg_iov[i].iov_len;
    return n;
}

/* The rest of the piece under way; empty at the end. */
static struct iovec
rest(struct transfer *t)
{
    while (t->idx < t->pieces_n && t->off == t->pieces[t->idx].iov_len) {
        t->idx++;
        t->off = 0;
    }
    if (t->idx == t->pieces_n)
        return (struct iovec){NULL, 0};
    const struct iovec *piece = &t->pieces[t->idx];
    uint8_t *base = piece->iov_base;
    return (struct iovec){base == NULL ? NULL : base + t->off, piece->iov_len - t->off};
}

static void
advance(struct transfer *t, size_t n)
{
    t->off += n;
    t->done_n += n;
}

/* ---- receive -------------------------------------------------------------------------------- */

/* MSG_PEEK. */
static la_ssize
peek(struct la_pd *pd, struct transfer *t)
{
    enum { PIECES_N = 64 };
    struct la_bytes pieces[PIECES_N];
    size_t n;
    la_handle conn = la_sock_conn(pd->socks, t->f->sock);
    la_err err =
        conn == 0 ? LA_ERR_NOT_CONNECTED : la_conn_peek(pd->stack, conn, pieces, PIECES_N, &n);
    if (err != LA_OK)
        return err;
    for (size_t i = 0; i < n && i < PIECES_N; i++) {
        for (size_t off = 0; off < pieces[i].n;) {
            struct iovec room = rest(t);
            size_t part = pieces[i].n - off < room.iov_len ? pieces[i].n - off : room.iov_len;
            if (part == 0)
                return (la_ssize)t->done_n;
            memcpy(room.iov_base, pieces[i].p + off, part);
            advance(t, part);
            off += part;
        }
    }
    return (la_ssize)t->done_n;
}

/* MSG_TRUNC on a stream: octets are taken and not copied. */
static la_ssize
discard(struct la_pd *pd, const struct transfer *t, size_t n)
{
    struct la_conn_status status;
    la_handle conn = la_sock_conn(pd->socks, t->f->sock);
    if (!la_pd_fd_status(pd, t->f, &status) || status.receive_queue_bytes == 0)
        return la_sock_receive(pd->socks, t->f->sock, (struct la_room){NULL, 0}, NULL, NULL,
                               pd->now);
    n = n < status.receive_queue_bytes ? n : status.receive_queue_bytes;
    la_err err = la_conn_consume(pd->stack, conn, n, pd->now);
    return err == LA_OK ? (la_ssize)n : err;
}

static la_ssize
receive_piece(struct la_pd *pd, struct transfer *t, struct iovec room)
{
    if ((t->flags & MSG_TRUNC) != 0 && !t->f->datagram)
        return discard(pd, t, room.iov_len);
    uint8_t nothing[1]; /* nothing is there: see faults() */
    struct la_room to = {room.iov_base, room.iov_len};
    if (room.iov_base == NULL && room.iov_len > 0)
        to = (struct la_room){nothing, sizeof(nothing)};
    return la_sock_receive(pd->socks, t->f->sock, to, NULL, t->f->datagram ? &t->peer : NULL,
                           pd->now);
}

/* A bad address is found when there is something to put there. */
static bool
faults(const struct la_pd *pd, const struct transfer *t, struct iovec room)
{
    struct la_conn_status status;
    return room.iov_base == NULL && room.iov_len > 0 && (t->flags & MSG_TRUNC) == 0 &&
           la_pd_fd_status(pd, t->f, &status) && status.receive_queue_bytes > 0;
}

/* An error waits for the call behind the last octets. */
static bool
holds_more(const struct la_pd *pd, const struct transfer *t)
{
    struct la_conn_status status;
    return (t->flags & MSG_WAITALL) != 0 ||
           (la_pd_fd_status(pd, t->f, &status) && status.receive_queue_bytes > 0);
}

static int64_t
try_receive(struct la_pd *pd, void *call)
{
    struct transfer *t = call;
    if ((t->flags & MSG_PEEK) != 0) {
        la_ssize n = peek(pd, t);
        return n < 0 ? -la_err_to_errno((la_err)n) : n;
    }
    for (;;) {
        struct iovec room = rest(t);
        if (faults(pd, t, room))
            return t->done_n > 0 ? (int64_t)t->done_n : -EFAULT;
        la_ssize n = receive_piece(pd, t, room);
        if (n > 0)
            advance(t, (size_t)n);
        if (n > 0 && t->done_n < t->total_n && !t->f->datagram && holds_more(pd, t))
            continue;
        if (n < 0 && t->done_n == 0)
            return -la_err_to_errno((la_err)n);
        bool waits = n == LA_ERR_AGAIN && (t->flags & MSG_WAITALL) != 0;
        return waits ? -EAGAIN : (int64_t)t->done_n;
    }
}

/* TCP_INQ: how much is left to be read; 1 when that is the end of the stream. */
static void
tell_queue(struct la_pd *pd, const struct la_pd_fd *f, struct msghdr *msg)
{
    size_t room_n = msg->msg_controllen;
    struct la_conn_status status;
    msg->msg_controllen = 0;
    if (!f->tells_queue || msg->msg_control == NULL || room_n < CMSG_SPACE(sizeof(int)) ||
        !la_pd_fd_status(pd, f, &status))
        return;
    bool end = status.receive_queue_bytes == 0 && (status.ready & LA_READY_END) != 0;
    int n = end ? 1 : (int)status.receive_queue_bytes;
    msg->msg_controllen = CMSG_SPACE(sizeof(int));
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
    cmsg->cmsg_level = SOL_TCP;
    cmsg->cmsg_type = TCP_CM_INQ;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cmsg), &n, sizeof(n));
}

int64_t
la_pd_receive(struct la_pd *pd, int fd, struct msghdr *msg, int flags)
{
    struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    if (f == NULL || f->sock == 0)
        return -EBADF;
    if ((flags & MSG_OOB) != 0)
        return -EINVAL; /* urgent data stands in line here */
    if ((flags & MSG_ERRQUEUE) != 0)
        return la_pd_errors_take(f, msg);
    struct transfer t = {.f = f,
                         .pieces = msg->msg_iov,
                         .pieces_n = msg->msg_iovlen,
                         .total_n = length(msg),
                         .flags = flags};
    bool may_block = !f->nonblocking && (flags & MSG_DONTWAIT) == 0;
    int64_t n = la_pd_block(pd, try_receive, &t, may_block, until(pd, f->receive_timeout_us));
    if (n == -EAGAIN && t.done_n > 0)
        n = (int64_t)t.done_n;
    if (n < 0)
        return n;
    msg->msg_flags = 0;
    struct sockaddr_storage sa;
    socklen_t name_n = f->datagram ? la_name_encode(f->family, &t.peer, &sa) : 0;
    if (msg->msg_name != NULL && name_n > 0)
        memcpy(msg->msg_name, &sa, name_n < msg->msg_namelen ? name_n : msg->msg_namelen);
    msg->msg_namelen = name_n;
    tell_queue(pd, f, msg);
    return n;
}

/* ---- send ----------------------------------------------------------------------------------- */

static la_ssize
send_piece(struct la_pd *pd, const struct transfer *t, struct iovec piece)
{
    struct la_bytes bytes = {piece.iov_base, piece.iov_len};
    bool last = t->done_n + piece.iov_len == t->total_n;
    if ((t->flags & MSG_OOB) != 0 && last)
        return la_sock_send_urgent(pd->socks, t->f->sock, bytes, pd->now);
    return la_sock_send(pd->socks, t->f->sock, bytes, !last || (t->flags & MSG_MORE) != 0,
                        t->named ? &t->peer : NULL, pd->now);
}

/* Behind what the SYN has taken already. */
static la_ssize
queue_rest(struct la_pd *pd, const struct transfer *t, struct la_bytes bytes, la_ssize taken)
{
    la_handle conn = la_sock_conn(pd->socks, t->f->sock);
    bytes.p += taken;
    bytes.n -= (size_t)taken;
    la_ssize n = bytes.n == 0 ? 0 : la_conn_send(pd->stack, conn, bytes, false, pd->now);
    return n < 0 ? n : taken + n;
}

/* MSG_FASTOPEN: the first of it goes with the SYN. A call that may block waits for the rest. */
static int64_t
open_and_send(struct la_pd *pd, struct transfer *t)
{
    struct iovec piece = rest(t);
    if (piece.iov_base == NULL && piece.iov_len > 0)
        return -EFAULT;
    uint8_t all[FAST_OPEN_BYTES_MAX];
    size_t n = 0;
    for (size_t i = t->idx; i < t->pieces_n && n < sizeof(all); i++) { /* one SYN for all pieces */
        size_t room = sizeof(all) - n, part = t->pieces[i].iov_len;
        part = part < room ? part : room;
        if (part > 0 && t->pieces[i].iov_base == NULL)
            return -EFAULT;
        if (part > 0)
            memcpy(all + n, t->pieces[i].iov_base, part);
        n += part;
    }
    t->opens = false;
    bool whole = n == t->total_n;
    la_ssize sent =
        la_sock_connect_send(pd->socks, t->f->sock, &t->peer, (struct la_bytes){all, n}, pd->now);
    if (t->queues && whole && (sent >= 0 || sent == LA_ERR_IN_PROGRESS))
        sent = queue_rest(pd, t, (struct la_bytes){all, n}, sent < 0 ? 0 : sent);
    if (sent < 0)
        return -la_err_to_errno((la_err)sent);
    for (size_t left = (size_t)sent; left > 0;) {
        size_t part = rest(t).iov_len;
        part = part < left ? part : left;
        advance(t, part);
        left -= part;
    }
    return sent;
}

/* A SYN has taken the text along: a call that may block waits for its answer. */
static bool
is_connecting(const struct la_pd *pd, const struct la_pd_fd *f)
{
    struct la_conn_status status;
    return !f->datagram && la_pd_fd_status(pd, f, &status) && status.state == LA_TCP_SYN_SENT;
}

static bool
is_up(const struct la_pd *pd, const struct la_pd_fd *f)
{
    struct la_conn_status status;
    return la_pd_fd_status(pd, f, &status) && status.state >= LA_TCP_ESTABLISHED;
}

static la_ssize
end_record(struct la_pd *pd, const struct transfer *t, la_ssize n)
{
    la_err err = la_sock_end_record(pd->socks, t->f->sock, pd->now);
    return err == LA_OK ? n : err;
}

static int64_t
try_send(struct la_pd *pd, void *call)
{
    struct transfer *t = call;
    if (t->opens) {
        int64_t n = open_and_send(pd, t);
        t->syn_n = t->done_n;
        return t->fast_only || (n < 0 && n != -EINPROGRESS) ? n : -EAGAIN;
    }
    if (is_up(pd, t->f))
        t->syn_n = 0;
    if (t->waits && la_sock_poll(pd->socks, t->f->sock) == 0)
        return -EAGAIN;
    for (;;) {
        struct iovec piece = rest(t);
        if (piece.iov_base == NULL && piece.iov_len > 0)
            return t->done_n > 0 ? (int64_t)t->done_n : -EFAULT;
        la_ssize n = send_piece(pd, t, piece);
        if (n > 0)
            advance(t, (size_t)n);
        if (n == LA_ERR_NOT_CONNECTED && !t->f->datagram)
            n = LA_ERR_CLOSING; /* as on Linux, where a write needs no connection to fail so */
        t->waits = n == LA_ERR_AGAIN && !t->f->datagram;
        if (n == LA_ERR_AGAIN)
            return -EAGAIN;
        if (n < 0) /* what a SYN took along is nothing yet */
            return t->done_n > t->syn_n ? (int64_t)t->done_n : -la_err_to_errno((la_err)n);
        if (n > 0 && t->done_n == t->total_n && (t->flags & MSG_EOR) != 0 && !t->f->datagram)
            n = end_record(pd, t, n);
        if (n > 0 && is_connecting(pd, t->f))
            t->syn_n = t->done_n;
        if (n > 0 && (size_t)n < piece.iov_len) /* what can leave makes room */
            la_pd_move(pd);
        if (t->done_n == t->total_n || n == 0)
            return !t->fast_only && is_connecting(pd, t->f) ? -EAGAIN : (int64_t)t->done_n;
    }
}

int64_t
la_pd_send(struct la_pd *pd, int fd, const struct msghdr *msg, int flags)
{
    struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    if (f == NULL || f->sock == 0)
        return -EBADF;
    struct transfer t = {.f = f,
                         .pieces = msg->msg_iov,
                         .pieces_n = msg->msg_iovlen,
                         .total_n = length(msg),
                         .flags = flags,
                         .named = f->datagram && msg->msg_name != NULL,
                         .opens = !f->datagram && (flags & MSG_FASTOPEN) != 0};
    /* The BSDs' way: TCP_FASTOPEN on a socket that sends to an address. */
    if (!f->datagram && !t.opens && msg->msg_name != NULL &&
        (f->stack_set >> LA_SO_FASTOPEN & 1) != 0 && la_sock_conn(pd->socks, f->sock) == 0)
        t.opens = t.queues = true;
    if ((t.named || t.opens) && msg->msg_name != NULL &&
        msg->msg_namelen <= sizeof(struct sockaddr_storage)) {
        struct sockaddr_storage sa = {0};
        memcpy(&sa, msg->msg_name, msg->msg_namelen);
        if (t.opens && sa.ss_family == AF_UNSPEC)
            return -EOPNOTSUPP;
        la_name_from_host(&sa, &t.peer);
    }
    if (t.opens && !la_pd_ready(pd))
        return -ENOMEM;
    bool may_block = !f->nonblocking && (flags & MSG_DONTWAIT) == 0;
    t.fast_only = !may_block || t.queues;
    int64_t n = la_pd_block(pd, try_send, &t, may_block, until(pd, f->send_timeout_us));
    n = n == -EAGAIN && t.done_n > 0 ? (int64_t)t.done_n : n;
    if (n > 0 && !la_pd_errors_sent(pd, f, flags))
        return -ENOBUFS; /* as where there is no memory for notifications */
    return n;
}

/* ---- splice --------------------------------------------------------------------------------- */

struct splicing {
    la_handle conn;
    int pipe_fd;
    size_t n;
};

/* Out of a pipe, into the room of the send queue. */
static int64_t
try_splice_out(struct la_pd *pd, void *call)
{
    const struct splicing *s = call;
    struct la_room room;
    la_err err = la_conn_reserve(pd->stack, s->conn, s->n, &room);
    if (err != LA_OK)
        return -la_err_to_errno(err);
    ssize_t n = read(s->pipe_fd, room.p, room.n < s->n ? room.n : s->n);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    err = la_conn_commit(pd->stack, s->conn, (size_t)n, false, pd->now);
    return err == LA_OK ? n : -la_err_to_errno(err);
}

static int64_t
try_splice_in(struct la_pd *pd, void *call)
{
    const struct splicing *s = call;
    struct la_bytes pieces[1];
    size_t pieces_n;
    int64_t done_n = 0;
    while ((size_t)done_n < s->n) {
        la_err err = la_conn_peek(pd->stack, s->conn, pieces, 1, &pieces_n);
        if (err != LA_OK)
            return done_n > 0 ? done_n : -la_err_to_errno(err);
        size_t want_n = pieces_n == 0 ? 0 : pieces[0].n;
        if (want_n > s->n - (size_t)done_n)
            want_n = s->n - (size_t)done_n;
        ssize_t n = want_n == 0 ? 0 : write(s->pipe_fd, pieces[0].p, want_n);
        if (n <= 0)
            return done_n > 0 || n == 0 ? done_n : -errno;
        err = la_conn_consume(pd->stack, s->conn, (size_t)n, pd->now);
        if (err != LA_OK)
            return -la_err_to_errno(err);
        done_n += n;
    }
    return done_n;
}

int64_t
la_pd_splice(struct la_pd *pd, int fd_in, int fd_out, size_t n, unsigned flags)
{
    struct la_pd_fd *in = la_pd_fd_of(pd, fd_in), *out = la_pd_fd_of(pd, fd_out);
    struct la_pd_fd *f = in != NULL ? in : out;
    if (f == NULL || (in != NULL && out != NULL))
        return f == NULL ? -EBADF : -EINVAL;
    struct splicing s = {la_sock_conn(pd->socks, f->sock), in != NULL ? fd_out : fd_in, n};
    if (s.conn == 0)
        return -ENOTCONN;
    return la_pd_block(pd, in != NULL ? try_splice_in : try_splice_out, &s,
                       !f->nonblocking && (flags & SPLICE_F_NONBLOCK) == 0, LA_INSTANT_NEVER);
}
