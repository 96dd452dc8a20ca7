/* SPDX-License-Identifier: MIT
 *
 * calls.c - user calls on connections, by handle (RFC 9293 3.9.1)
 *
 * Each finds the record, does it in tcp/, and settles what follows.
 */
#include "base/addr.h"
#include "base/assert.h"
#include "base/time.h"
#include "stack/fast_open.h"
#include "tcp/open.h"
#include "tcp/receive.h"
#include "tcp/send.h"
#include "tcp/urgent.h"
#include "tcp/user.h"

/* ---- OPEN ------------------------------------------------------------------------------- */

/* A connection with itself (RFC 9293 figure 8) is for those who name both ends. */
static bool
meets_itself(const struct la_tuple *t)
{
    return t->local.port == t->remote.port && la_addr_equal(&t->local.addr, &t->remote.addr);
}

/* RFC 6056 3.3.1: from a random start, the first port whose four-tuple is free. */
static la_err
choose_port(struct la_stack *s, struct la_tuple *tuple)
{
    uint32_t range = (uint32_t)(s->cfg.port_ephemeral_max - s->cfg.port_ephemeral_min) + 1;
    uint32_t start = (uint32_t)la_rng_below(&s->port_rng, range);
    for (uint32_t i = 0; i < range; i++) {
        tuple->local.port = (uint16_t)(s->cfg.port_ephemeral_min + (start + i) % range);
        if (!meets_itself(tuple) && la_stack_find(s, tuple) == LA_REC_NONE)
            return LA_OK;
    }
    return LA_ERR_ADDRESS_NOT_AVAILABLE;
}

/* MUST-44: no local address named: the route's. MUST-46: the remote one must be unicast. One of
 * 127/8 never leaves the host (RFC 1122 3.2.1.3 (g)). */
static la_err
complete_tuple(struct la_stack *s, struct la_tuple *tuple, int *iface)
{
    if (la_addr_is_any(&tuple->remote.addr) || tuple->remote.port == 0 ||
        !la_net_is_unicast(s->net, &tuple->remote.addr))
        return LA_ERR_BAD_ARGUMENT;
    struct la_net_route route;
    if (la_net_route_lookup(s->net, &tuple->remote.addr, &route) != LA_OK)
        return LA_ERR_NO_ROUTE;
    *iface = route.iface;
    if (la_addr_is_any(&tuple->local.addr))
        tuple->local.addr = route.src;
    else if (!la_net_is_local(s->net, route.iface, &tuple->local.addr))
        return LA_ERR_ADDRESS_NOT_AVAILABLE;
    if (la_addr_is_any(&tuple->local.addr))
        return LA_ERR_ADDRESS_NOT_AVAILABLE;
    if (la_addr_is_v4(&tuple->local.addr) != la_addr_is_v4(&tuple->remote.addr))
        return LA_ERR_BAD_FAMILY;
    return tuple->local.port == 0 ? choose_port(s, tuple) : LA_OK;
}

la_err
la_conn_open(struct la_stack *s, const struct la_endpoint *local, const struct la_endpoint *remote,
             const struct la_tcp_cfg *cfg, la_handle *out, la_instant now)
{
    *out = 0;
    now = la_stack_clock(s, now);
    if (cfg != NULL && !la_tcp_cfg_ok(cfg))
        return LA_ERR_BAD_ARGUMENT;
    cfg = cfg != NULL ? cfg : &s->cfg.tcp;
    struct la_tuple tuple = {*local, *remote};
    int iface;
    uint32_t idx;
    la_err err = complete_tuple(s, &tuple, &iface);
    if (err == LA_OK)
        err = la_rec_new(s, &tuple, cfg, iface, &idx);
    if (err != LA_OK)
        return err;
    struct la_rec *rec = la_rec_at(s, idx);
    rec->flags |= LA_REC_OWNED;
    s->stats.tcp_active_opens++;
    la_stack_tell_call(s, idx, LA_CALL_OPEN_ACTIVE, 0);
    struct la_tcp_todo todo = la_stack_todo(s, now);
    la_tcp_open_active(&rec->tcp, cfg, &todo);
    if (cfg->fast_open)
        la_fast_open_begin(s, rec, &todo);
    *out = la_rec_handle(s, idx);
    la_rec_settle(s, idx, &todo);
    return LA_OK;
}

/* ---- SEND and RECEIVE ------------------------------------------------------------------- */

la_ssize
la_conn_send(struct la_stack *s, la_handle conn, struct la_bytes bytes, bool more, la_instant now)
{
    now = la_stack_clock(s, now);
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_tcp_todo todo = la_stack_todo(s, now);
    la_ssize n = la_tcp_send(&la_rec_at(s, idx)->tcp, bytes, more, &todo);
    if (n <= 0)
        return n;
    la_stack_tell_call(s, idx, LA_CALL_SEND, (uint64_t)n);
    la_rec_settle(s, idx, &todo);
    return n;
}

la_ssize
la_conn_send_urgent(struct la_stack *s, la_handle conn, struct la_bytes bytes, la_instant now)
{
    now = la_stack_clock(s, now);
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_tcp_todo todo = la_stack_todo(s, now);
    la_ssize n = la_tcp_send_urgent(&la_rec_at(s, idx)->tcp, bytes, &todo);
    if (n <= 0)
        return n;
    la_stack_tell_call(s, idx, LA_CALL_SEND_URGENT, (uint64_t)n);
    la_rec_settle(s, idx, &todo);
    return n;
}

la_err
la_conn_end_record(struct la_stack *s, la_handle conn, la_instant now)
{
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_tcp_todo todo = la_stack_todo(s, la_stack_clock(s, now));
    return la_tcp_end_record(&la_rec_at(s, idx)->tcp, &todo);
}

la_err
la_conn_reserve(struct la_stack *s, la_handle conn, size_t want_n, struct la_room *room)
{
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    if (want_n == 0)
        return LA_ERR_BAD_ARGUMENT;
    struct la_tcp_todo todo = la_stack_todo(s, s->now);
    return la_tcp_reserve(&la_rec_at(s, idx)->tcp, want_n, room, &todo);
}

la_err
la_conn_commit(struct la_stack *s, la_handle conn, size_t n, bool more, la_instant now)
{
    now = la_stack_clock(s, now);
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_tcp_todo todo = la_stack_todo(s, now);
    la_tcp_commit(&la_rec_at(s, idx)->tcp, n, more, &todo);
    if (n > 0)
        la_stack_tell_call(s, idx, LA_CALL_SEND, n);
    la_rec_settle(s, idx, &todo);
    return LA_OK;
}

static void
consumed(struct la_stack *s, uint32_t idx, uint32_t n, la_instant now)
{
    struct la_rec *rec = la_rec_at(s, idx);
    struct la_tcp_todo todo = la_stack_todo(s, now);
    la_tcp_receive_consumed(&rec->tcp, &s->env, n);
    la_tcp_busy_settle(&rec->tcp, &s->env);
    la_stack_tell_call(s, idx, LA_CALL_RECEIVE, n);
    la_rec_settle(s, idx, &todo);
}

la_ssize
la_conn_receive(struct la_stack *s, la_handle conn, struct la_room room, la_instant now)
{
    now = la_stack_clock(s, now);
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    const struct la_tcp_conn *c = &la_rec_at(s, idx)->tcp;
    la_ssize readable = la_tcp_readable(c, &s->env);
    if (readable <= 0 || room.n == 0)
        return readable <= 0 ? readable : 0;
    const struct la_tcp_busy *busy = la_tcp_busy(c, &s->env);
    size_t want_n = room.n < (size_t)readable ? room.n : (size_t)readable;
    size_t n = la_chain_copy_out(&busy->rcvq, 0, room.p, want_n);
    consumed(s, idx, (uint32_t)n, now);
    return (la_ssize)n;
}

/* How many of the pieces hold the first n octets; the last one is cut there. */
static size_t
cut_pieces(struct la_bytes *pieces, size_t pieces_n, size_t n)
{
    size_t i = 0;
    for (; i < pieces_n && n > 0; i++) {
        if (pieces[i].n > n)
            pieces[i].n = n;
        n -= pieces[i].n;
    }
    return i;
}

la_err
la_conn_peek(struct la_stack *s, la_handle conn, struct la_bytes *pieces, size_t max, size_t *n_out)
{
    *n_out = 0;
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    const struct la_tcp_conn *c = &la_rec_at(s, idx)->tcp;
    la_ssize readable = la_tcp_readable(c, &s->env);
    if (readable <= 0)
        return (la_err)readable;
    size_t n = la_chain_pieces(&la_tcp_busy(c, &s->env)->rcvq, pieces, max);
    *n_out = cut_pieces(pieces, n, (size_t)readable);
    return LA_OK;
}

la_err
la_conn_consume(struct la_stack *s, la_handle conn, size_t n, la_instant now)
{
    now = la_stack_clock(s, now);
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    const struct la_tcp_busy *busy = la_tcp_busy(&la_rec_at(s, idx)->tcp, &s->env);
    if (n == 0)
        return LA_OK;
    if (busy == NULL || n > busy->rcvq.len)
        return LA_ERR_BAD_ARGUMENT;
    consumed(s, idx, (uint32_t)n, now);
    return LA_OK;
}

la_ssize
la_conn_urgent(const struct la_stack *s, la_handle conn)
{
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    const struct la_tcp_conn *c = &la_rec_at(s, idx)->tcp;
    return (la_ssize)la_tcp_urgent_unread(c, la_tcp_busy(c, &s->env));
}

/* ---- CLOSE and ABORT -------------------------------------------------------------------- */

typedef void close_fn(struct la_tcp_conn *c, struct la_tcp_todo *todo);

/* Does it, and settles. `gives_up`: the handle is dead afterwards. */
static la_err
end_by(struct la_stack *s, la_handle conn, close_fn *fn, enum la_call call, bool gives_up)
{
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_rec *rec = la_rec_at(s, idx);
    struct la_tcp_todo todo = la_stack_todo(s, s->now);
    if (rec->tcp.state != LA_TCP_CLOSED)
        la_stack_tell_call(s, idx, call, 0);
    fn(&rec->tcp, &todo);
    if (gives_up) {
        rec->flags &= (uint8_t)~LA_REC_OWNED;
        if (la_rec_on_list(rec, LA_LIST_EVENTS))
            la_list_remove(s, &s->events, LA_LIST_EVENTS, idx);
    }
    la_rec_settle(s, idx, &todo);
    return LA_OK;
}

la_err
la_conn_close(struct la_stack *s, la_handle conn, la_instant now)
{
    la_stack_clock(s, now);
    return end_by(s, conn, la_tcp_close, LA_CALL_CLOSE, false);
}

la_err
la_conn_close_read(struct la_stack *s, la_handle conn, la_instant now)
{
    la_stack_clock(s, now);
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_tcp_todo todo = la_stack_todo(s, s->now);
    la_tcp_close_read(&la_rec_at(s, idx)->tcp, &todo);
    la_rec_settle(s, idx, &todo);
    return LA_OK;
}

la_err
la_conn_abort(struct la_stack *s, la_handle conn, la_instant now)
{
    la_stack_clock(s, now);
    return end_by(s, conn, la_tcp_abort, LA_CALL_ABORT, true);
}

la_err
la_conn_release(struct la_stack *s, la_handle conn, la_instant now)
{
    la_stack_clock(s, now);
    return end_by(s, conn, la_tcp_release, LA_CALL_RELEASE, true);
}

/* ---- walking ---------------------------------------------------------------------------- */

la_err
la_conn_user_set(struct la_stack *s, la_handle conn, uint64_t user)
{
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    la_rec_at(s, idx)->user = user;
    return LA_OK;
}
