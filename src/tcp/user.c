/* SPDX-License-Identifier: MIT
 *
 * user.c - user calls on one connection
 *
 * Read first: RFC 9293 3.10.2 (SEND) to 3.10.5 (ABORT), 3.6.1 (half-closed connections); RFC 1122
 * 4.2.2.13.
 *
 * DEVIATION(D5): CLOSE in SYN-RECEIVED always waits for ESTABLISHED; 3.10.4 would send the FIN at
 * once when nothing is queued.
 */
#include "tcp/user.h"

#include "base/mem.h"
#include "tcp/receive.h"
#include "tcp/send.h"
#include "tcp/timeout.h"
#include "tcp/urgent.h"

la_err
la_tcp_send_state(const struct la_tcp_conn *c)
{
    if (c->err != LA_OK)
        return c->err;
    if ((c->flags & LA_TCP_F_CLOSE_CALLED) != 0)
        return LA_ERR_CLOSING;
    switch ((enum la_tcp_state)c->state) {
    case LA_TCP_SYN_SENT:
    case LA_TCP_SYN_RECEIVED:
    case LA_TCP_SYN_RECEIVED_ACTIVE:
    case LA_TCP_ESTABLISHED:
    case LA_TCP_CLOSE_WAIT:
        return LA_OK;
    case LA_TCP_CLOSED:
    case LA_TCP_LISTEN:
    case LA_TCP_STATE_COUNT:
        return LA_ERR_NOT_CONNECTED;
    case LA_TCP_FIN_WAIT_1:
    case LA_TCP_FIN_WAIT_2:
    case LA_TCP_CLOSING:
    case LA_TCP_LAST_ACK:
    case LA_TCP_TIME_WAIT:
        return LA_ERR_CLOSING;
    }
    return LA_ERR_NOT_CONNECTED;
}

/* Octets that the send buffer takes now; 0 also sets the wish to be woken. */
static uint32_t
send_room(struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    const struct la_tcp_busy *busy = la_tcp_busy(c, env);
    uint32_t room = la_tcp_pieces_room(c, busy, env);
    if (room == 0)
        c->flags |= LA_TCP_F_WRITER_WAITS;
    return room;
}

/* No memory for what would only wait: acknowledgements will make some, or nothing will. */
static la_err
no_memory(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    const struct la_tcp_busy *busy = la_tcp_busy(c, env);
    if (busy != NULL && busy->sndq.len > 0) {
        c->flags |= LA_TCP_F_WRITER_WAITS;
        return LA_ERR_AGAIN;
    }
    la_tcp_busy_settle(c, env);
    return LA_ERR_NO_MEMORY;
}

/* n octets were added to the send queue. */
static void
queued(struct la_tcp_conn *c, size_t n, bool more, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    la_tcp_pieces_queued(c, busy, todo->env, (uint32_t)n, more);
    if (busy->sndq.len == n && la_tcp_flight(c) == 0)
        busy->progress_at = todo->now; /* the user timeout counts from here */
    c->flags = more ? c->flags | LA_TCP_F_MORE : c->flags & ~(uint32_t)LA_TCP_F_MORE;
    c->flush = LA_TCP_FLUSH_NONE;
    c->want |= LA_TCP_WANT_DATA;
}

la_ssize
la_tcp_send(struct la_tcp_conn *c, struct la_bytes bytes, bool more, struct la_tcp_todo *todo)
{
    la_err err = la_tcp_send_state(c);
    if (err != LA_OK)
        return err;
    if (bytes.n == 0)
        return 0;
    uint32_t room = send_room(c, todo->env);
    if (room == 0)
        return LA_ERR_AGAIN;
    struct la_tcp_busy *busy = la_tcp_busy_get(c, todo->env, todo->now);
    if (busy == NULL)
        return LA_ERR_NO_MEMORY;
    size_t wanted_n = bytes.n;
    if (bytes.n > room)
        bytes.n = room;
    la_mem_reserve_shut(todo->env->mem);
    size_t n = la_chain_append_bytes(&busy->sndq, todo->env->mem, bytes);
    la_mem_reserve_open(todo->env->mem);
    if (n == 0)
        return no_memory(c, todo->env);
    queued(c, n, more, todo);
    if (n < bytes.n || (n < wanted_n && send_room(c, todo->env) == 0))
        c->flags |= LA_TCP_F_WRITER_WAITS;
    return (la_ssize)n;
}

la_ssize
la_tcp_send_urgent(struct la_tcp_conn *c, struct la_bytes bytes, struct la_tcp_todo *todo)
{
    la_ssize n = la_tcp_send(c, bytes, false, todo);
    if (n <= 0)
        return n;
    la_tcp_urgent_queued(c, todo->env);
    /* Where no octet can go, a probe (3.8.6.1) tells it now: the peer looks at URG also while its
     * window is zero (MUST-66). What is in flight tells it when it is sent again. */
    if (la_tcp_can_send(c) && c->snd_wnd == 0 && la_tcp_flight(c) == 0)
        c->want |= LA_TCP_WANT_WINDOW_PROBE;
    return n;
}

la_err
la_tcp_end_record(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    return busy == NULL ? LA_OK : la_tcp_pieces_end(c, busy, todo->env);
}

la_err
la_tcp_set_lowat(struct la_tcp_conn *c, uint32_t bytes, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (bytes == 0 && (busy == NULL || busy->lowat_bytes == 0))
        return LA_OK;
    busy = la_tcp_busy_get(c, todo->env, todo->now);
    if (busy == NULL)
        return LA_ERR_NO_MEMORY;
    busy->lowat_bytes = bytes;
    la_tcp_busy_settle(c, todo->env);
    return LA_OK;
}

la_err
la_tcp_reserve(struct la_tcp_conn *c, size_t want_n, struct la_room *room, struct la_tcp_todo *todo)
{
    la_err err = la_tcp_send_state(c);
    if (err != LA_OK)
        return err;
    uint32_t free_n = send_room(c, todo->env);
    if (free_n == 0)
        return LA_ERR_AGAIN;
    struct la_tcp_busy *busy = la_tcp_busy_get(c, todo->env, todo->now);
    if (busy == NULL)
        return LA_ERR_NO_MEMORY;
    if (want_n > free_n)
        want_n = free_n;
    la_mem_reserve_shut(todo->env->mem);
    bool reserved = la_chain_reserve(&busy->sndq, todo->env->mem, want_n, room);
    la_mem_reserve_open(todo->env->mem);
    if (!reserved)
        return no_memory(c, todo->env);
    if (room->n > free_n)
        room->n = free_n;
    return LA_OK;
}

void
la_tcp_commit(struct la_tcp_conn *c, size_t n, bool more, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy == NULL)
        return;
    la_chain_commit(&busy->sndq, n);
    if (n > 0)
        queued(c, n, more, todo);
    la_tcp_busy_settle(c, todo->env);
}

/* DEVIATION(D11): in every state, what is left and then the end; 3.10.3 ends at the peer's FIN. */
la_ssize
la_tcp_readable(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    const struct la_tcp_busy *busy = la_tcp_busy(c, env);
    if (busy != NULL && busy->rcvq.len > 0) {
        /* 3.9.1.3: what follows the urgent pointer does not come in one buffer with what precedes
         * it. */
        uint32_t urgent = la_tcp_urgent_unread(c, busy);
        return urgent > 0 && urgent < busy->rcvq.len ? urgent : busy->rcvq.len;
    }
    bool both_closed =
        (c->flags & LA_TCP_F_FIN_SENT) != 0 && (c->flags & LA_TCP_F_FIN_RECEIVED) != 0;
    if (c->err == LA_ERR_CONNECTION_RESET && both_closed)
        return 0; /* the peer's stream was whole before its RST came */
    if (c->err != LA_OK)
        return c->err;
    if ((c->flags & (LA_TCP_F_FIN_RECEIVED | LA_TCP_F_READ_CLOSED)) != 0)
        return 0;
    if (c->state == LA_TCP_CLOSED)
        return LA_ERR_NOT_CONNECTED;
    return LA_ERR_AGAIN;
}

void
la_tcp_close(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    if (c->state == LA_TCP_CLOSED || (c->flags & LA_TCP_F_CLOSE_CALLED) != 0)
        return;
    if (c->state == LA_TCP_SYN_SENT || c->state == LA_TCP_LISTEN) {
        la_tcp_end(c, LA_TCP_EV_CLOSE, LA_OK, todo);
        return;
    }
    c->flags |= LA_TCP_F_CLOSE_CALLED;
    c->flags &= ~(uint32_t)LA_TCP_F_WRITER_WAITS;
    c->want |= LA_TCP_WANT_DATA;
    if (c->state == LA_TCP_ESTABLISHED)
        la_tcp_enter(c, LA_TCP_EV_CLOSE, todo);
}

void
la_tcp_close_read(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    c->flags |= LA_TCP_F_READ_CLOSED;
    c->flags &= ~(uint32_t)LA_TCP_F_URGENT_IN;
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy != NULL && busy->rcvq.len > 0)
        la_tcp_receive_consumed(c, todo->env, busy->rcvq.len);
    la_tcp_busy_settle(c, todo->env);
}

/* 3.10.5: these states owe the peer a RST. In CLOSING it has our FIN, or will have it; where that
 * still waits behind a window, the peer would wait for it for ever. */
static bool
abort_is_told(const struct la_tcp_conn *c)
{
    return c->state == LA_TCP_SYN_RECEIVED || c->state == LA_TCP_SYN_RECEIVED_ACTIVE ||
           c->state == LA_TCP_ESTABLISHED || c->state == LA_TCP_FIN_WAIT_1 ||
           c->state == LA_TCP_FIN_WAIT_2 || c->state == LA_TCP_CLOSE_WAIT ||
           (c->state == LA_TCP_CLOSING && (c->flags & LA_TCP_F_FIN_SENT) == 0);
}

static void
tell_abort(const struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    todo->rst = true;
    todo->rst_flags = LA_TCP_RST | LA_TCP_ACK;
    todo->rst_cause = LA_CAUSE_RST_ABORT;
    todo->rst_seq = la_tcp_bare_seq(c);
    todo->rst_ack = c->rcv_nxt;
}

void
la_tcp_abort(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    if (c->state == LA_TCP_CLOSED)
        return;
    if (abort_is_told(c))
        tell_abort(c, todo);
    la_tcp_end(c, LA_TCP_EV_ABORT, LA_OK, todo);
    la_tcp_busy_give(c, todo->env);
}

void
la_tcp_release(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    c->flags |= LA_TCP_F_RELEASED;
    if (c->state == LA_TCP_CLOSED) {
        la_tcp_busy_give(c, todo->env);
        return;
    }
    const struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    bool unread = busy != NULL && busy->rcvq.len > 0 && c->state != LA_TCP_TIME_WAIT;
    if (unread || (c->flags & LA_TCP_F_RELEASE_RESETS) != 0) {
        /* In CLOSING and LAST-ACK, too: octets that we acknowledged are lost, and the FIN that the
         * peer waits for may be. */
        if (unread)
            tell_abort(c, todo);
        la_tcp_abort(c, todo);
        return;
    }
    c->flags &= ~(uint32_t)LA_TCP_F_URGENT_IN; /* nobody to tell */
    la_tcp_close(c, todo);
    la_tcp_fin_wait_2_start(c, todo);
}
