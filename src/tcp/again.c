/* SPDX-License-Identifier: MIT
 *
 * again.c - what is in the network, and what goes once more
 *
 * Read first: RFC 6675 4 (NextSeg), 5 (C); RFC 3042; RFC 8985 6.2 and 7.3; RFC 5681 3.1 (the loss
 * window).
 *
 * Which range it is depends on the rule that has found the loss: RACK's marks (rack.c), the gaps of
 * SACK (sack.c), SND.UNA for NewReno, and after a timeout all from `rtx_nxt` to `recover`.
 */
#include "tcp/again.h"

#include "base/extremes.h"
#include "tcp/congestion.h"
#include "tcp/prr.h"
#include "tcp/rack.h"
#include "tcp/undo.h"

uint32_t
la_tcp_pipe(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    /* What was sent before the timeout and not again counts as gone. */
    if (busy->phase == LA_CC_LOSS)
        return la_tcp_sack_missing(busy, c->snd_una, busy->rtx_nxt) +
               la_tcp_sack_missing(busy, busy->recover, c->snd_nxt);
    if (busy->phase == LA_CC_RECOVERY && la_tcp_rack_is_on(c))
        return la_tcp_sack_missing(busy, c->snd_una, c->snd_nxt) - busy->board.lost_bytes;
    if (busy->phase == LA_CC_RECOVERY && la_tcp_has_sack(c))
        return la_tcp_sack_pipe(c, busy);
    return la_tcp_sack_missing(busy, c->snd_una, c->snd_nxt); /* RFC 6675 5 (3.1), (3.2) */
}

uint32_t
la_tcp_cwnd_now(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    if (busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS || busy->dupacks_n == 0 ||
        la_tcp_has_sack(c)) /* there a SACKed octet leaves the pipe, RFC 6675 5 (3) */
        return c->cwnd_bytes;
    uint32_t extra = min32(busy->dupacks_n, 2) * (uint32_t)c->smss; /* RFC 3042 */
    return c->cwnd_bytes > UINT32_MAX - extra ? UINT32_MAX : c->cwnd_bytes + extra;
}

/* RFC 6675 5 (C): cwnd - pipe >= 1 SMSS. */
static bool
pipe_has_room(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return (uint64_t)la_tcp_sack_pipe(c, busy) + c->smss <= c->cwnd_bytes;
}

/* A segment that goes again holds octets of one record as well. */
static void
stay_in_piece(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
              struct la_tcp_again *again)
{
    la_seq limit = la_tcp_pieces_limit(c, busy, again->first);
    if (la_seq_lt(again->first, limit))
        again->n = min32(again->n, (uint32_t)la_seq_diff(limit, again->first));
}

/* What the rule that is at work says. */
static bool
choose_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, struct la_tcp_again *again)
{
    uint32_t flight = la_tcp_flight(c);
    if (flight == 0)
        return false;
    if ((c->want & LA_TCP_WANT_RETRANSMIT) != 0) {
        uint32_t n = la_tcp_sack_gap(busy, c->snd_una, min32(flight, c->smss));
        *again = (struct la_tcp_again){c->snd_una, n, false};
        return true;
    }
    if (busy->phase == LA_CC_RECOVERY && la_tcp_rack_is_on(c))
        return la_tcp_rack_next(c, busy, again) && la_tcp_pipe(c, busy) + again->n <= c->cwnd_bytes;
    if (busy->phase == LA_CC_RECOVERY && la_tcp_has_sack(c))
        return la_tcp_sack_next(c, busy, again) && pipe_has_room(c, busy);
    if (la_tcp_undo_waits(busy))
        return false; /* RFC 5682 2.1 (2b) */
    if (busy->phase != LA_CC_LOSS || !la_seq_lt(busy->rtx_nxt, busy->recover))
        return false;
    uint32_t left = (uint32_t)la_seq_diff(busy->recover, busy->rtx_nxt);
    uint32_t n = la_tcp_sack_gap(busy, busy->rtx_nxt, min32(left, c->smss));
    *again = (struct la_tcp_again){busy->rtx_nxt, n, false};
    /* The first one goes out whatever cwnd says; it is one segment (RFC 5681 3.1). */
    return la_seq_eq(again->first, c->snd_una) || la_tcp_pipe(c, busy) + n <= c->cwnd_bytes;
}

bool
la_tcp_retransmit_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                       struct la_tcp_again *again)
{
    if (!choose_next(c, busy, again))
        return false;
    if (busy->pieces.row.n > 0)
        stay_in_piece(c, busy, again);
    return true;
}

void
la_tcp_retransmit_more(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                       uint32_t bytes_max, struct la_tcp_again *again)
{
    uint32_t pipe = la_tcp_pipe(c, busy), room = c->cwnd_bytes > pipe ? c->cwnd_bytes - pipe : 0;
    bool urgent = (c->flags & LA_TCP_F_URGENT_OUT) != 0; /* whoever cuts would repeat its pointer */
    if (busy->phase != LA_CC_RECOVERY || !la_tcp_rack_is_on(c) || again->n != c->smss || urgent ||
        room <= c->smss)
        return;
    unsigned i = la_tcp_scoreboard_find(&busy->board, again->first);
    const struct la_tcp_sent *sent = la_tcp_scoreboard_at(&busy->board, i);
    uint32_t n = (uint32_t)la_seq_diff(sent->end, again->first);
    n = la_tcp_sack_gap(busy, again->first, min32(min32(n, bytes_max), room));
    if (sent->lost_bytes == 0 || n <= c->smss)
        return;
    again->n = n - n % c->smss;
    stay_in_piece(c, busy, again);
}

bool
la_tcp_retransmit_last(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                       struct la_tcp_again *again)
{
    return busy->phase == LA_CC_RECOVERY && la_tcp_has_sack(c) && !la_tcp_rack_is_on(c) &&
           la_tcp_flight(c) > 0 && la_tcp_sack_last_resort(c, busy, again) &&
           pipe_has_room(c, busy);
}

bool
la_tcp_retransmit_tail(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                       struct la_tcp_again *again)
{
    const struct la_tcp_scoreboard *board = &busy->board;
    uint32_t flight = la_tcp_flight(c), n = min32(flight, c->smss);
    if (board->row.n > 0) { /* no more than what has left with it: a FIN may have gone alone */
        la_seq first = la_tcp_scoreboard_at(board, board->row.n - 1u)->first;
        n = min32(n, (uint32_t)la_seq_diff(c->snd_nxt, first));
    }
    *again = (struct la_tcp_again){la_seq_sub(c->snd_nxt, n), n, false};
    return flight > 0;
}

void
la_tcp_retransmitted(struct la_tcp_conn *c, struct la_tcp_busy *busy,
                     const struct la_tcp_again *again, la_instant now)
{
    bool first = (c->want & LA_TCP_WANT_RETRANSMIT) != 0;
    la_seq end = la_seq_add(again->first, again->n);
    c->want &= (uint8_t)~LA_TCP_WANT_RETRANSMIT;
    la_tcp_undo_retransmitted(c, busy, again->first, again->n, now);
    if (busy->phase == LA_CC_RECOVERY)
        la_tcp_prr_sent(busy, again->n);
    if (!la_tcp_rack_is_on(c)) /* RACK counts what it finds */
        la_cc_range_lost(c, busy, la_tcp_scoreboard_holding(&busy->board, again->first),
                         (struct la_range){again->first, end});
    else if (busy->phase == LA_CC_RECOVERY && !first) /* it was the lowest that is lost */
        busy->board.lost_from = end;
    if (busy->phase == LA_CC_LOSS)
        busy->rtx_nxt = la_tcp_sack_skip(busy, la_seq_max(busy->rtx_nxt, end));
    if (busy->phase != LA_CC_RECOVERY)
        return;
    if (again->rescue)
        busy->rescue_rxt = busy->recover; /* RFC 6675 4, NextSeg() rule 4 */
    else
        busy->high_rxt = la_seq_max(busy->high_rxt, end);
    if (first) /* 5 (4.3) */
        busy->rescue_rxt = end;
}
