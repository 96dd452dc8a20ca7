/* SPDX-License-Identifier: MIT
 *
 * fast_open.c - text in a SYN (TCP Fast Open, RFC 7413): what it means for one connection
 *
 * Read first: tcp/fast_open.h; RFC 7413 4.2.1 (client), 4.2.2 (server).
 */
#include "tcp/fast_open.h"

#include "base/assert.h"
#include "base/extremes.h"
#include "tcp/congestion.h"
#include "tcp/receive.h"
#include "tcp/send.h"
#include "tcp/urgent.h"

enum { OPTIONS_BYTES_MAX = LA_TCP_HEADER_BYTES_MAX - LA_TCP_HEADER_BYTES };

/* ---- active ----------------------------------------------------------------------------- */

void
la_tcp_fast_open_ask(struct la_tcp_conn *c, const struct la_tcp_cookie *cookie, uint16_t mss,
                     struct la_tcp_todo *todo)
{
    LA_ASSERT(la_seq_eq(c->snd_nxt, c->iss));
    struct la_tcp_busy *busy = la_tcp_busy_get(c, todo->env, todo->now);
    if (busy == NULL)
        return;
    busy->fast_open = (struct la_tcp_fast_open){.cookie = *cookie, .mss = mss};
    c->fast_open = LA_TCP_FAST_OPEN_ASKS;
}

/* 4.2.1: the MSS that came with the cookie, or the default; less what options may take, so that
 * the segment is no longer than one with text alone. */
uint32_t
la_tcp_fast_open_room(const struct la_tcp_conn *c, uint16_t mss)
{
    uint32_t known = mss != 0 ? mss : c->smss;
    known = min32(known, c->rmss);
    return known > OPTIONS_BYTES_MAX ? known - OPTIONS_BYTES_MAX : 0;
}

/* Urgent text waits: a SYN's pointer is not looked at. */
uint32_t
la_tcp_fast_open_text(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    if (c->state != LA_TCP_SYN_SENT || c->fast_open != LA_TCP_FAST_OPEN_ASKS ||
        (busy->fast_open.cookie.n == 0 && !busy->fast_open.bare) ||
        (c->flags & LA_TCP_F_URGENT_OUT) != 0 || !la_seq_eq(c->snd_nxt, c->iss))
        return 0;
    return min32(busy->sndq.len, la_tcp_fast_open_room(c, busy->fast_open.mss));
}

void
la_tcp_fast_open_sent(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t text_bytes)
{
    busy->fast_open.text_bytes = (uint16_t)text_bytes;
    c->snd_nxt = la_seq_add(c->iss, 1 + text_bytes);
}

void
la_tcp_fast_open_fill(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                      struct la_tcp_seg *seg)
{
    if (c->fast_open == LA_TCP_FAST_OPEN_NONE || busy == NULL)
        return;
    bool asks = c->fast_open == LA_TCP_FAST_OPEN_ASKS;
    bool first = c->state == LA_TCP_SYN_SENT && la_seq_eq(c->snd_nxt, c->iss);
    if (asks ? !first || busy->fast_open.bare : busy->fast_open.cookie.n == 0)
        return;
    seg->has |= LA_TCP_HAS_FAST_OPEN;
    seg->cookie = busy->fast_open.cookie;
}

void
la_tcp_fast_open_answered(struct la_tcp_conn *c, la_seq ack, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    bool asked = c->fast_open == LA_TCP_FAST_OPEN_ASKS;
    if (!asked)
        return;
    c->fast_open = LA_TCP_FAST_OPEN_NONE;
    if (busy == NULL || busy->fast_open.text_bytes == 0)
        return;
    la_seq first = la_seq_add(c->iss, 1);
    uint32_t n = la_seq_gt(ack, first) ? (uint32_t)la_seq_diff(ack, first) : 0;
    LA_ASSERT(n <= busy->fast_open.text_bytes && n <= busy->sndq.len);
    la_instant sent_at;
    la_tcp_scoreboard_acked(&busy->board, c->snd_nxt, &sent_at);
    la_chain_mark_drop(&busy->snd_mark, n);
    la_chain_drop_front(&busy->sndq, n);
    c->snd_una = c->snd_nxt = la_seq_add(first, n);
    la_tcp_pieces_acked(c, busy, todo->env);
    c->fast_opened = n > 0;
    busy->fast_open.text_bytes = (uint16_t)(busy->fast_open.text_bytes - n);
    busy->rtx_nxt = busy->rtt_round_end = c->snd_una;
    if (busy->sndq.len == 0)
        todo->wake |= LA_READY_SENT;
}

/* ---- passive ---------------------------------------------------------------------------- */

void
la_tcp_fast_open_reply(struct la_tcp_conn *c, const struct la_tcp_cookie *cookie,
                       struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy_get(c, todo->env, todo->now);
    if (busy == NULL)
        return;
    busy->fast_open.cookie = *cookie;
    if (c->fast_open == LA_TCP_FAST_OPEN_NONE)
        c->fast_open = LA_TCP_FAST_OPEN_TELLS;
}

/* DEVIATION(D13): a FIN that comes along is left to be sent again. */
void
la_tcp_fast_open_take(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    LA_ASSERT(c->state == LA_TCP_SYN_RECEIVED && la_seq_eq(c->snd_nxt, c->iss));
    c->fast_open = LA_TCP_FAST_OPEN_TAKEN;
    la_cc_ops(c->cc)->open(c, todo->env->cfg->initial_window_n);
    if (todo->text == NULL || todo->text->len == 0)
        return;
    (void)la_tcp_receive_window(c, todo->env, true);
    (void)la_tcp_receive_text(c, la_seq_add(c->irs, 1), false, todo);
    c->fast_opened = !la_seq_eq(c->rcv_nxt, la_seq_add(c->irs, 1));
}
