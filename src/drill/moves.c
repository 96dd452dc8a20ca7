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

static bool
take_message(struct la_drill_doing *d, struct buffer *buffer)
{
    const struct la_drill_value *message = la_drill_arg(d, 1);
    if (message == NULL || message->kind != LA_DRILL_STRUCT)
        return la_drill_fail(d->run, "%s() needs {msg_iov(1) = [{..., LENGTH}], …}", d->call->name);
    return take_vector(d, la_drill_field(message, "msg_iov", 1), buffer) &&
           la_drill_arg_int(d, 2, &buffer->flags);
}

static bool
take_buffer(struct la_drill_doing *d, struct buffer *buffer)
{
    const char *name = d->call->name;
    const struct la_drill_cfg *cfg = &d->run->script->cfg;
    int64_t n = 0;
    *buffer = (struct buffer){.n = 0};
    if (strcmp(name, "readv") == 0 || strcmp(name, "writev") == 0)
        return take_vector(d, la_drill_arg(d, 1), buffer);
    if (strcmp(name, "recvmsg") == 0 || strcmp(name, "sendmsg") == 0)
        return take_message(d, buffer);
    const struct la_drill_value *text = la_drill_arg(d, 1);
    if (text != NULL && text->kind == LA_DRILL_STRING) {
        buffer->text = text->text;
        buffer->spelt = true;
    }
    if (!la_drill_arg_int(d, 2, &n))
        return false;
    if (n < 0 || n > LA_DRILL_CALL_BYTES_MAX)
        return la_drill_fail(d->run, "%s() moves at most %d octets", name, LA_DRILL_CALL_BYTES_MAX);
    buffer->n = (size_t)n;
    if (d->call->args_n > 3 && !la_drill_arg_int(d, 3, &buffer->flags))
        return false;
    bool fast = (buffer->flags & MSG_FASTOPEN) != 0;
    buffer->has_peer =
        strcmp(name, "sendto") == 0 && d->call->args_n > 4 && (d->fd->datagram || fast);
    struct la_endpoint usual = {la_drill_addr(cfg, false), cfg->connect_port};
    return !buffer->has_peer || la_drill_arg_endpoint(d, 4, &usual, &buffer->peer);
}

/* ---- writing ---------------------------------------------------------------------------- */

/* What one attempt puts together. */
#define PIECE_BYTES_MAX ((size_t)4 << 20)

static void
fill(const struct buffer *buffer, uint64_t at, size_t skip_n, uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        octets[i] = buffer->spelt && skip_n + i < buffer->text.n ? buffer->text.p[skip_n + i]
                                                                 : la_drill_octet(true, at + i);
}

/* MSG_FASTOPEN. */
static la_ssize
open_and_send(struct la_drill_doing *d, const struct buffer *buffer, struct la_bytes octets)
{
    la_ssize n = la_sock_connect_send(d->run->socks, d->fd->sock, &buffer->peer, octets,
                                      la_drill_now(d->run));
    if (n > 0 || n == LA_ERR_IN_PROGRESS)
        la_drill_flow_begin(d);
    return n;
}

static la_ssize
send_octets(struct la_drill_doing *d, const struct buffer *buffer, struct la_bytes octets)
{
    struct la_drill_run *run = d->run;
    la_instant now = la_drill_now(run);
    if ((buffer->flags & MSG_FASTOPEN) != 0 && buffer->has_peer && run->moved_n == 0)
        return open_and_send(d, buffer, octets);
    if ((buffer->flags & MSG_OOB) != 0)
        return la_sock_send_urgent(run->socks, d->fd->sock, octets, now);
    return la_sock_send(run->socks, d->fd->sock, octets, (buffer->flags & MSG_MORE) != 0,
                        buffer->has_peer ? &buffer->peer : NULL, now);
}

static bool
write_rest(struct la_drill_doing *d, const struct buffer *buffer, uint8_t *octets)
{
    struct la_drill_run *run = d->run;
    struct la_drill_flow *flow = la_drill_fd_flow(run, d->fd);
    size_t left_n = buffer->n - (size_t)run->moved_n;
    size_t n_max = left_n < PIECE_BYTES_MAX ? left_n : PIECE_BYTES_MAX;
    bool nonblocking = d->fd->nonblocking || (buffer->flags & MSG_DONTWAIT) != 0;
    if (run->failed)
        return false;
    fill(buffer, flow == NULL ? 0 : flow->written_n, (size_t)run->moved_n, octets, n_max);
    la_ssize n = send_octets(d, buffer, (struct la_bytes){octets, n_max});
    flow = la_drill_fd_flow(run, d->fd); /* it may have begun with this call */
    if (n > 0 && flow != NULL && !la_drill_flow_wrote(flow, octets, (size_t)n))
        return la_drill_fail(run, "a connection sends at most %d octets", LA_DRILL_CALL_BYTES_MAX);
    if (n >= 0)
        run->moved_n += (uint64_t)n;
    bool more = n == LA_ERR_AGAIN || (n >= 0 && run->moved_n < buffer->n);
    if (more && !nonblocking) {
        d->answer->blocked = true;
        return true;
    }
    if (run->moved_n > 0 || n >= 0) {
        *d->answer = (struct la_drill_answer){.value = (int64_t)run->moved_n};
        return true;
    }
    if (n == LA_ERR_AGAIN) {
        *d->answer = (struct la_drill_answer){.value = -1, .error = "EAGAIN"};
        return true;
    }
    return la_drill_answer_err(d, (la_err)n);
}

bool
la_drill_call_write(struct la_drill_doing *d)
{
    struct buffer buffer;
    if (!take_buffer(d, &buffer))
        return false;
    bool woken = d->run->pending != NULL;
    if (woken && (la_sock_poll(d->run->socks, d->fd->sock) & LA_POLL_OUT) == 0) {
        d->answer->blocked = true; /* it sleeps until a third of the buffer is free, as Linux */
        return true;
    }
    uint8_t *octets = malloc((buffer.n < PIECE_BYTES_MAX ? buffer.n : PIECE_BYTES_MAX) + 1);
    if (octets == NULL)
        return la_drill_fail(d->run, "out of memory");
    bool good = write_rest(d, &buffer, octets);
    free(octets);
    return good;
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
    uint8_t *octets = malloc(buffer.n + 1);
    if (octets == NULL)
        return la_drill_fail(d->run, "out of memory");
    bool good = read_into(d, &buffer, (struct la_room){octets, buffer.n});
    free(octets);
    return good;
}
