/* SPDX-License-Identifier: MIT
 *
 * moves.c - reading and writing: octets of the script's own or of the stream's pattern, compared
 *
 * What is read is compared with what the peer's packets carried; what is written is kept, for the
 * packets that carry it to be compared with.
 */
#include "drill/calls.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- arguments -------------------------------------------------------------------------- */

/* How much the call asks for, and the octets that it spells. */
struct buffer {
    size_t n;
    struct la_bytes text; /* of one string; n 0: none was spelt */
    bool spelt;
    int64_t flags;
    struct la_endpoint peer; /* sendto() */
    bool has_peer;
    bool opens;  /* this call connects first: MSG_FASTOPEN, */
    bool faults; /* there is no buffer */
    bool queues; /* or as on the BSDs, and what the SYN does not take is sent behind it */
    bool zeros;  /* sendfile() */
};

/* {text or ..., length} pairs; their sum. */
static bool
take_vector(struct la_drill_doing *d, const struct la_drill_value *vector, struct buffer *buffer)
{
    if (vector == NULL || vector->kind != LA_DRILL_LIST)
        return la_drill_fail(d->run, "%s() needs a list of {..., LENGTH}", d->call->name);
    for (const struct la_drill_value *v = vector->first; v != NULL; v = v->next) {
        const struct la_drill_value *n =
            v->kind == LA_DRILL_STRUCT ? la_drill_field(v, "iov_len", 1) : NULL;
        const struct la_drill_value *text = n == NULL ? NULL : la_drill_field(v, "iov_base", 0);
        if (n == NULL || n->kind != LA_DRILL_INT || n->number < 0 ||
            n->number > LA_DRILL_CALL_BYTES_MAX)
            return la_drill_fail(d->run, "%s() needs a list of {..., LENGTH}", d->call->name);
        buffer->n += (size_t)n->number;
        if (text != NULL && text->kind == LA_DRILL_STRING && v->next == NULL &&
            vector->count == 1) {
            buffer->text = text->text;
            buffer->spelt = true;
        }
    }
    return true;
}

/* Of sendto(), whose address a connection does not mind. */
static bool
take_peer(struct la_drill_doing *d, const struct la_drill_value *to, struct buffer *buffer)
{
    const struct la_drill_cfg *cfg = &d->run->script->cfg;
    struct la_endpoint usual = {la_drill_addr(cfg, false), cfg->connect_port};
    bool unconnected = la_sock_conn(d->run->socks, d->fd->sock) == 0;
    bool stream = !d->fd->datagram;
    buffer->queues = stream && (buffer->flags & MSG_FASTOPEN) == 0 && d->fd->fast_open &&
                     (unconnected || d->run->opened);
    buffer->opens = stream && ((buffer->flags & MSG_FASTOPEN) != 0 || buffer->queues);
    buffer->has_peer = d->fd->datagram || buffer->opens;
    buffer->peer = usual;
    if (!buffer->has_peer || to == NULL || to->kind == LA_DRILL_INT)
        return true; /* AF_UNSPEC, NULL */
    return la_drill_arg_endpoint(d, 4, &usual, &buffer->peer);
}

static bool
take_message(struct la_drill_doing *d, struct buffer *buffer)
{
    const struct la_drill_value *message = la_drill_arg(d, 1);
    if (message == NULL || message->kind != LA_DRILL_STRUCT)
        return la_drill_fail(d->run, "%s() needs {msg_iov(1) = [{..., LENGTH}], …}", d->call->name);
    if (!take_vector(d, la_drill_field(message, "msg_iov", 1), buffer) ||
        !la_drill_arg_int(d, 2, &buffer->flags))
        return false;
    bool sends = strcmp(d->call->name, "sendmsg") == 0;
    return !sends || (buffer->flags & MSG_FASTOPEN) == 0 || take_peer(d, NULL, buffer);
}

/* sendfile(4, 5, [0], 100) */
static bool
take_file(struct la_drill_doing *d, struct buffer *buffer)
{
    int64_t from = 0, n = 0;
    if (!la_drill_arg_int(d, 1, &from) || !la_drill_arg_int(d, 3, &n))
        return false;
    if (from < 0 || from >= LA_DRILL_FDS_N || !d->run->fds[from].open ||
        d->run->fds[from].kind != LA_DRILL_FD_FILE)
        return la_drill_fail(d->run, "sendfile() needs a descriptor of open() as argument 2");
    if (n < 0 || n > LA_DRILL_CALL_BYTES_MAX)
        return la_drill_fail(d->run, "sendfile() moves at most %d octets", LA_DRILL_CALL_BYTES_MAX);
    buffer->n = (size_t)n;
    buffer->zeros = true;
    return true;
}

static bool
take_buffer(struct la_drill_doing *d, struct buffer *buffer)
{
    const char *name = d->call->name;
    int64_t n = 0;
    *buffer = (struct buffer){.n = 0};
    if (strcmp(name, "readv") == 0 || strcmp(name, "writev") == 0)
        return take_vector(d, la_drill_arg(d, 1), buffer);
    if (strcmp(name, "recvmsg") == 0 || strcmp(name, "sendmsg") == 0)
        return take_message(d, buffer);
    if (strcmp(name, "sendfile") == 0)
        return take_file(d, buffer);
    const struct la_drill_value *text = la_drill_arg(d, 1);
    if (text != NULL && text->kind == LA_DRILL_STRING) {
        buffer->text = text->text;
        buffer->spelt = true;
    }
    buffer->faults = text != NULL && text->kind == LA_DRILL_INT; /* NULL */
    if (!la_drill_arg_int(d, 2, &n))
        return false;
    if (n < 0 || n > LA_DRILL_CALL_BYTES_MAX)
        return la_drill_fail(d->run, "%s() moves at most %d octets", name, LA_DRILL_CALL_BYTES_MAX);
    buffer->n = (size_t)n;
    if (d->call->args_n > 3 && !la_drill_arg_int(d, 3, &buffer->flags))
        return false;
    return strcmp(name, "sendto") != 0 || d->call->args_n <= 4 ||
           take_peer(d, la_drill_arg(d, 4), buffer);
}

static bool
answer_fault(struct la_drill_doing *d)
{
    *d->answer = (struct la_drill_answer){.value = -1, .error = "EFAULT"};
    return true;
}

/* ---- writing ---------------------------------------------------------------------------- */

/* What one attempt puts together. */
#define PIECE_BYTES_MAX ((size_t)4 << 20)

static void
fill(const struct buffer *buffer, uint64_t at, size_t skip_n, uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        octets[i] = buffer->zeros                                  ? 0
                    : buffer->spelt && skip_n + i < buffer->text.n ? buffer->text.p[skip_n + i]
                                                                   : la_drill_octet(true, at + i);
}

/* MSG_FASTOPEN: the first of it goes with the SYN. */
static la_ssize
open_and_send(struct la_drill_doing *d, const struct buffer *buffer, struct la_bytes octets)
{
    struct la_drill_run *run = d->run;
    la_instant now = la_drill_now(run);
    la_ssize n = la_sock_connect_send(run->socks, d->fd->sock, &buffer->peer, octets, now);
    run->opened = true;
    if (!buffer->queues || (n < 0 && n != LA_ERR_IN_PROGRESS))
        return n;
    size_t taken_n = n < 0 ? 0 : (size_t)n;
    struct la_bytes rest = {octets.p + taken_n, octets.n - taken_n};
    if (rest.n == 0)
        return n;
    n = la_conn_send(run->stack, la_sock_conn(run->socks, d->fd->sock), rest, false, now);
    return n < 0 ? n : n + (la_ssize)taken_n;
}

static la_ssize
send_octets(struct la_drill_doing *d, const struct buffer *buffer, struct la_bytes octets)
{
    struct la_drill_run *run = d->run;
    la_instant now = la_drill_now(run);
    if (buffer->opens && !run->opened)
        return open_and_send(d, buffer, octets);
    if ((buffer->flags & MSG_OOB) != 0)
        return la_sock_send_urgent(run->socks, d->fd->sock, octets, now);
    la_ssize n = la_sock_send(run->socks, d->fd->sock, octets, (buffer->flags & MSG_MORE) != 0,
                              d->fd->datagram && buffer->has_peer ? &buffer->peer : NULL, now);
    if (n < 0 || run->moved_n + (uint64_t)n < buffer->n || (buffer->flags & MSG_EOR) == 0)
        return n;
    la_err err = la_sock_end_record(run->socks, d->fd->sock, now);
    return err == LA_OK ? n : (la_ssize)err;
}

/* A SYN has taken text along: a call that may wait does so for its answer. */
static bool
is_connecting(const struct la_drill_doing *d)
{
    struct la_conn_status s;
    la_handle conn = la_sock_conn(d->run->socks, d->fd->sock);
    return !d->fd->datagram && conn != 0 && la_conn_status(d->run->stack, conn, &s) == LA_OK &&
           s.state == LA_TCP_SYN_SENT;
}

static bool
answer_write(struct la_drill_doing *d, const struct buffer *buffer, la_ssize n)
{
    struct la_drill_run *run = d->run;
    bool waits = !d->fd->nonblocking && (buffer->flags & MSG_DONTWAIT) == 0 && !buffer->queues;
    bool connecting = is_connecting(d);
    if (!connecting)
        run->syn_n = n < 0 ? run->syn_n : 0;
    else if (n >= 0)
        run->syn_n = run->moved_n;
    bool more = n == LA_ERR_AGAIN || (n == LA_ERR_IN_PROGRESS && run->opened) ||
                (n >= 0 && (run->moved_n < buffer->n || connecting));
    if (more && waits) {
        d->answer->blocked = true;
        return true;
    }
    if (run->moved_n > run->syn_n || n >= 0) {
        *d->answer = (struct la_drill_answer){.value = (int64_t)run->moved_n};
        return true;
    }
    if (n == LA_ERR_AGAIN || n == LA_ERR_IN_PROGRESS) {
        const char *name = n == LA_ERR_AGAIN ? "EAGAIN" : "EINPROGRESS";
        *d->answer = (struct la_drill_answer){.value = -1, .error = name};
        return true;
    }
    if (n == LA_ERR_NOT_CONNECTED && !run->strict && !d->fd->datagram)
        n = LA_ERR_CLOSING; /* as on Linux, where a write needs no connection to fail so */
    return la_drill_answer_err(d, (la_err)n);
}

static bool
write_once(struct la_drill_doing *d, const struct buffer *buffer, uint8_t *octets, la_ssize *last)
{
    struct la_drill_run *run = d->run;
    struct la_drill_flow *flow = la_drill_fd_flow(run, d->fd);
    size_t left_n = buffer->n - (size_t)run->moved_n;
    size_t n_max = left_n < PIECE_BYTES_MAX ? left_n : PIECE_BYTES_MAX;
    bool was_connected = la_sock_conn(run->socks, d->fd->sock) != 0;
    if (run->failed)
        return false;
    fill(buffer, flow == NULL ? 0 : flow->written_n, (size_t)run->moved_n, octets, n_max);
    la_ssize n = send_octets(d, buffer, (struct la_bytes){octets, n_max});
    if (!was_connected && is_connecting(d))
        la_drill_flow_begin(d);
    flow = la_drill_fd_flow(run, d->fd); /* it may have begun with this call */
    if (n > 0 && flow != NULL && !la_drill_flow_wrote(flow, octets, (size_t)n))
        return la_drill_fail(run, "a connection sends at most %d octets", LA_DRILL_CALL_BYTES_MAX);
    if (n >= 0)
        run->moved_n += (uint64_t)n;
    *last = n;
    return true;
}

/* What can leave makes room for more. */
static bool
write_rest(struct la_drill_doing *d, const struct buffer *buffer, uint8_t *octets)
{
    la_ssize n = 0;
    do {
        if (!write_once(d, buffer, octets, &n))
            return false;
        if (n > 0 && d->run->moved_n < buffer->n && !la_drill_move(d->run))
            return false;
    } while (n > 0 && d->run->moved_n < buffer->n && !is_connecting(d));
    return answer_write(d, buffer, n);
}

/* What the error queue will tell of. */
static bool
remember(struct la_drill_doing *d, const struct buffer *buffer)
{
    struct la_conn_status s;
    if (d->answer->blocked || d->answer->value <= 0 || d->fd->datagram)
        return true;
    la_handle conn = la_sock_conn(d->run->socks, d->fd->sock);
    bool has = conn != 0 && la_conn_status(d->run->stack, conn, &s) == LA_OK;
    if (!la_errqueue_sent(&d->fd->errors, (buffer->flags & MSG_ZEROCOPY) != 0, has ? &s : NULL))
        *d->answer = (struct la_drill_answer){.value = -1, .error = "ENOBUFS"};
    return true;
}

bool
la_drill_call_write(struct la_drill_doing *d)
{
    struct buffer buffer;
    if (!take_buffer(d, &buffer))
        return false;
    if (buffer.faults && buffer.n > 0)
        return answer_fault(d);
    const struct la_drill_value *to = la_drill_arg(d, 4);
    if (buffer.opens && to != NULL && to->kind == LA_DRILL_INT && to->number == AF_UNSPEC)
        return la_drill_answer_err(d, LA_ERR_NOT_SUPPORTED);
    bool woken = d->run->pending != NULL && !is_connecting(d) && d->run->moved_n < buffer.n;
    if (woken && (la_sock_poll(d->run->socks, d->fd->sock) & LA_POLL_OUT) == 0) {
        d->answer->blocked = true; /* it sleeps until a third of the buffer is free, as Linux */
        return true;
    }
    uint8_t *octets = malloc((buffer.n < PIECE_BYTES_MAX ? buffer.n : PIECE_BYTES_MAX) + 1);
    if (octets == NULL)
        return la_drill_fail(d->run, "out of memory");
    bool good = write_rest(d, &buffer, octets);
    free(octets);
    return good && remember(d, &buffer);
}

/* ---- reading ---------------------------------------------------------------------------- */

static la_ssize
peek_octets(struct la_drill_doing *d, struct la_room room)
{
    enum { PIECES_N = 64 };
    struct la_bytes pieces[PIECES_N];
    size_t pieces_n = 0, n = 0;
    la_handle conn = la_sock_conn(d->run->socks, d->fd->sock);
    if (conn == 0)
        return LA_ERR_NOT_CONNECTED;
    la_err err = la_conn_peek(d->run->stack, conn, pieces, PIECES_N, &pieces_n);
    if (err != LA_OK)
        return err;
    for (size_t i = 0; i < pieces_n && n < room.n; i++) {
        size_t part_n = pieces[i].n < room.n - n ? pieces[i].n : room.n - n;
        memcpy(room.p + n, pieces[i].p, part_n);
        n += part_n;
    }
    return (la_ssize)n;
}

/* Are the octets those that the peer's packets carried, in order? */
static bool
compare(struct la_drill_doing *d, const struct buffer *buffer, const uint8_t *octets, size_t n,
        uint64_t at)
{
    const struct la_drill_flow *flow = la_drill_fd_flow(d->run, d->fd);
    if (buffer->spelt) {
        if (buffer->text.n == n && memcmp(buffer->text.p, octets, n) == 0)
            return true;
        return la_drill_fail(d->run, "what was read (%zu octets) is not what the line says", n);
    }
    if (flow == NULL || flow->own_text || d->fd->datagram)
        return true;
    for (size_t i = 0; i < n; i++)
        if (octets[i] != la_drill_octet(false, at + i))
            return la_drill_fail(d->run, "octet %zu of what was read is not what the peer sent",
                                 i + 1);
    return true;
}

static bool
read_into(struct la_drill_doing *d, const struct buffer *buffer, struct la_room room)
{
    struct la_drill_run *run = d->run;
    struct la_drill_flow *flow = la_drill_fd_flow(run, d->fd);
    bool peek = (buffer->flags & MSG_PEEK) != 0;
    la_ssize n =
        peek ? peek_octets(d, room)
             : la_sock_receive(run->socks, d->fd->sock, room, NULL, NULL, la_drill_now(run));
    if (n == LA_ERR_AGAIN && (buffer->flags & MSG_DONTWAIT) != 0) {
        *d->answer = (struct la_drill_answer){.value = -1, .error = "EAGAIN"};
        return true;
    }
    if (n < 0)
        return la_drill_answer_err(d, (la_err)n);
    uint64_t at = flow == NULL ? 0 : flow->read_n;
    if (flow != NULL && !peek)
        flow->read_n += (uint64_t)n;
    *d->answer = (struct la_drill_answer){.value = n};
    return compare(d, buffer, room.p, (size_t)n, at);
}

bool
la_drill_call_read(struct la_drill_doing *d)
{
    struct buffer buffer;
    if (!take_buffer(d, &buffer))
        return false;
    bool message = strcmp(d->call->name, "recvmsg") == 0;
    if (message && (buffer.flags & MSG_ERRQUEUE) != 0)
        return la_drill_call_read_errors(d);
    if (buffer.faults && buffer.n > 0 &&
        (la_sock_poll(d->run->socks, d->fd->sock) & LA_POLL_IN) != 0)
        return answer_fault(d);
    uint8_t *octets = malloc(buffer.n + 1);
    if (octets == NULL)
        return la_drill_fail(d->run, "out of memory");
    bool good = read_into(d, &buffer, (struct la_room){octets, buffer.n});
    free(octets);
    bool ends = good && !d->answer->blocked && d->answer->value >= 0;
    return ends && message ? la_drill_call_read_beside(d) : good;
}
