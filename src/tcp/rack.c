/* SPDX-License-Identifier: MIT
 *
 * rack.c - losses found by time
 *
 * Read first: RFC 8985 3.3.2, 6.2 (its steps are named below).
 *
 * A segment is here a part of a range of the board that was sent at one instant; among those of one
 * instant the higher number is the later one. Each is judged once, in the order of sending; what
 * waits for the reordering window is looked at again. That a path reorders is known for ever; by
 * how much, until the connection is idle.
 */
#include "tcp/rack.h"

#include "proto/tcp_accept.h"
#include "tcp/congestion.h"
#include "tcp/rtt.h"

enum { PERSIST_N = 16, MULT_MAX = 20 };

/* RACK_sent_after() of step 2. */
static bool
sent_after(la_instant at, la_seq end, la_instant other_at, la_seq other_end)
{
    return at.ns > other_at.ns || (at.ns == other_at.ns && la_seq_gt(end, other_end));
}

/* ---- steps 1 to 3 ----------------------------------------------------------------------- */

/* Step 2: the acknowledgement of a retransmission may be the original's. What is SACKed has not
 * moved the timestamp that the peer echoes (RFC 7323 4.3), so that tells nothing there. */
static bool
is_ambiguous(const struct la_tcp_conn *c, const struct la_tcp_sent *sent,
             const struct la_tcp_seg *seg, la_instant now)
{
    if (sent->sent_n == 1)
        return false;
    if (la_seq_lt(sent->first, seg->ack) && (c->flags & LA_TCP_F_TIMESTAMPS) != 0 &&
        (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 &&
        la_tcp_ts_older(seg->ts_ecr, la_tcp_ts_now(c, sent->sent_at)))
        return true;
    return la_instant_diff_us(now, sent->sent_at) < (int64_t)c->rtt_us_min;
}

void
la_tcp_rack_delivered(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range,
                      const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    struct la_tcp_rack *rack = &busy->rack;
    const struct la_tcp_scoreboard *board = &busy->board;
    for (unsigned i = la_tcp_scoreboard_find(board, range.start); i < board->row.n; i++) {
        const struct la_tcp_sent *sent = la_tcp_scoreboard_at(board, i);
        if (la_seq_ge(sent->first, range.end))
            break;
        la_seq end = la_seq_min(sent->end, range.end);
        if (sent->sent_n == 1 && (!todo->is_timed || sent->sent_at.ns > todo->sent_at.ns)) {
            todo->is_timed = true;
            todo->sent_at = sent->sent_at;
        }
        /* Step 3: below what had arrived by the acknowledgement before, and sent once. */
        if (sent->sent_n == 1 && rack->fack_known && la_seq_le(end, rack->fack)) {
            uint32_t behind =
                (uint32_t)la_seq_diff(rack->fack, la_seq_max(sent->first, range.start));
            rack->reorder_bytes = behind > rack->reorder_bytes ? behind : rack->reorder_bytes;
            c->flags |= LA_TCP_F_REORDERS;
        }
        if (!rack->fack_known || la_seq_gt(end, rack->fack_next))
            rack->fack_next = end;
        if (!rack->fack_known)
            rack->fack = la_seq_sub(c->snd_una, 1);
        rack->fack_known = true;
        if (is_ambiguous(c, sent, seg, todo->now))
            continue;
        if (rack->rtt_us != 0 && !sent_after(sent->sent_at, end, rack->xmit_at, rack->end))
            continue;
        rack->xmit_at = sent->sent_at;
        rack->end = end;
        rack->acked_at = todo->now;
        int64_t rtt_us = la_instant_diff_us(todo->now, sent->sent_at);
        rack->rtt_us = rtt_us < 1 ? 1 : rtt_us > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)rtt_us;
    }
}

/* ---- step 4 ----------------------------------------------------------------------------- */

void
la_tcp_rack_duplicate(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    struct la_tcp_rack *rack = &busy->rack;
    rack->persist_n = PERSIST_N;
    if (rack->in_round && la_seq_lt(c->snd_una, rack->round_end))
        return; /* once a round trip */
    rack->in_round = true;
    rack->round_end = c->snd_nxt;
    if (rack->extra_n < MULT_MAX)
        rack->extra_n++;
}

void
la_tcp_rack_recovered(struct la_tcp_busy *busy)
{
    struct la_tcp_rack *rack = &busy->rack;
    if (rack->persist_n > 0 && --rack->persist_n == 0)
        rack->extra_n = 0;
}

uint32_t
la_tcp_rack_reo_wnd_us(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    bool recovers = busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS;
    if ((c->flags & LA_TCP_F_REORDERS) == 0 && (recovers || la_tcp_sack_is_lost(c, busy)))
        return 0;
    uint64_t wnd_us =
        c->rtt_us_min == UINT32_MAX ? 0 : (busy->rack.extra_n + 1u) * (uint64_t)c->rtt_us_min / 4;
    return wnd_us < c->srtt_us ? (uint32_t)wnd_us : c->srtt_us;
}

/* ---- step 5 ----------------------------------------------------------------------------- */

/* Where what is not SACKed of [first, end) ends; `first` when all of it is. */
static la_seq
missing_end(const struct la_ranges *sacked, la_seq first, la_seq end)
{
    const struct la_range *r = la_ranges_at_or_above(sacked, la_seq_sub(end, 1));
    return r != NULL && la_seq_lt(r->start, end) ? la_seq_max(r->start, first) : end;
}

/* Of a range that was sent at the instant of the latest one that has arrived, only what stands
 * before that was sent before it. False: no memory to cut it. */
static bool
cut(const struct la_tcp_rack *rack, struct la_tcp_scoreboard *board, uint16_t idx, la_seq *end,
    struct la_mem *mem)
{
    const struct la_tcp_sent *sent = &board->sent[idx];
    if (sent->sent_at.ns != rack->xmit_at.ns || la_seq_le(*end, rack->end))
        return true;
    if (!la_tcp_scoreboard_split(board, mem, idx, rack->end))
        return false;
    *end = missing_end(&board->sacked, board->sent[idx].first, rack->end);
    return true;
}

bool
la_tcp_rack_detect(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t *wait_us,
                   struct la_tcp_todo *todo)
{
    struct la_tcp_rack *rack = &busy->rack;
    struct la_tcp_scoreboard *board = &busy->board;
    bool news = false;
    *wait_us = 0;
    rack->fack = la_seq_max(rack->fack, rack->fack_next);
    if (rack->rtt_us == 0 || board->row.n == 0)
        return false;
    int64_t patience_us = (int64_t)rack->rtt_us + la_tcp_rack_reo_wnd_us(c, busy);
    for (uint16_t idx = board->unjudged; idx != LA_TCP_SENT_NONE; idx = board->sent[idx].newer) {
        la_seq first = board->sent[idx].first;
        if (!sent_after(rack->xmit_at, rack->end, board->sent[idx].sent_at, first))
            break; /* and whatever was sent behind it */
        la_seq end = missing_end(&board->sacked, first, board->sent[idx].end);
        if (la_seq_lt(first, end) && !cut(rack, board, idx, &end, todo->env->mem))
            break;
        struct la_tcp_sent *sent = &board->sent[idx]; /* the board may have moved */
        int64_t left_us = patience_us - la_instant_diff_us(todo->now, sent->sent_at);
        if (la_seq_lt(first, end) && left_us > 0) {
            *wait_us = (uint32_t)left_us > *wait_us ? (uint32_t)left_us : *wait_us;
            continue; /* so must those behind it, longer */
        }
        if (*wait_us == 0)
            board->unjudged = sent->newer;
        if (!la_seq_lt(first, end) || sent->lost_bytes > 0)
            continue;
        la_tcp_scoreboard_lose(board, sent);
        la_cc_range_lost(c, busy, sent, (struct la_range){first, end});
        news = true;
    }
    return news;
}

/* ---- what is lost ----------------------------------------------------------------------- */

bool
la_tcp_rack_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                 struct la_tcp_again *again)
{
    const struct la_tcp_scoreboard *board = &busy->board;
    if (board->lost_bytes == 0)
        return false;
    unsigned i = la_tcp_scoreboard_find(board, board->lost_from);
    while (la_tcp_scoreboard_at(board, i)->lost_bytes == 0)
        i++;
    const struct la_tcp_sent *sent = la_tcp_scoreboard_at(board, i);
    la_seq first = la_tcp_sack_skip(busy, sent->first);
    uint32_t n = (uint32_t)la_seq_diff(sent->end, first);
    n = la_tcp_sack_gap(busy, first, n < c->smss ? n : c->smss);
    *again = (struct la_tcp_again){first, n, false};
    return true;
}
