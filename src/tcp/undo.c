/* SPDX-License-Identifier: MIT
 *
 * undo.c - spurious retransmissions
 *
 * Read first: RFC 3522 3.2, RFC 4015 3 (Eifel); RFC 5682 2.1 (F-RTO, its steps are named below);
 * RFC 2883 5.
 */
#include "tcp/undo.h"

#include "base/extremes.h"
#include "proto/tcp_accept.h"
#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/rtt.h"
#include "tcp/send.h"

void
la_tcp_undo_begin(struct la_tcp_conn *c, struct la_tcp_busy *busy, bool timeout)
{
    bool recovers = busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS;
    busy->undo = (struct la_tcp_undo){
        .cwnd_bytes = c->cwnd_bytes,
        .ssthresh_bytes = c->ssthresh_bytes,
        .una = c->snd_una,
        .end = c->snd_nxt,
        .again_end = c->snd_una,
        .srtt_us = c->srtt_us,
        .rttvar_us = c->rttvar_us,
        .on = !recovers, /* within a recovery the window before it is not known any more */
        /* 2: not when a recovery of another kind is under way. */
        .frto = timeout && !recovers ? LA_TCP_FRTO_RETRANSMITTED : LA_TCP_FRTO_OFF,
    };
}

void
la_tcp_undo_retransmitted(struct la_tcp_conn *c, struct la_tcp_busy *busy, la_seq first, uint32_t n,
                          la_instant now)
{
    struct la_tcp_undo *undo = &busy->undo;
    if (!undo->on)
        return;
    if (!undo->stamped && undo->again_bytes == 0) { /* RFC 3522 3.2 (1): the first one's */
        undo->stamped = true;
        undo->ts_val = la_tcp_ts_now(c, now);
    }
    undo->again_bytes += min32(n, UINT32_MAX - undo->again_bytes);
    undo->again_end = la_seq_max(undo->again_end, la_seq_add(first, n));
}

/* RFC 4015 3.1 (RESP), but never less than what the window is now, nor more than it was. */
static void
undo_window(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t acked, enum la_loss_rule rule,
            struct la_tcp_todo *todo)
{
    struct la_tcp_undo *undo = &busy->undo;
    uint32_t initial = 10u * c->smss;
    uint32_t cwnd = la_tcp_flight(c) + min32(acked, initial);
    undo->adapts = busy->phase == LA_CC_LOSS;
    if (busy->phase != LA_CC_LOSS) { /* it was late, not lost: RACK has patience from now on */
        cwnd = undo->cwnd_bytes;
        c->flags |= LA_TCP_F_REORDERS;
    }
    cwnd = min32(cwnd, undo->cwnd_bytes);
    if (cwnd > c->cwnd_bytes)
        c->cwnd_bytes = cwnd;
    if (undo->ssthresh_bytes > c->ssthresh_bytes)
        c->ssthresh_bytes = undo->ssthresh_bytes;
    la_tcp_scoreboard_lose_none(&busy->board);
    busy->rtx_nxt = c->snd_nxt;
    busy->recover = la_seq_sub(c->snd_una, 1);
    busy->reduced_end = busy->recover;
    busy->dupacks_n = 0;
    c->want = (uint8_t)((c->want & ~LA_TCP_WANT_RETRANSMIT) | LA_TCP_WANT_DATA);
    undo->on = false;
    undo->frto = LA_TCP_FRTO_OFF;
    busy->phase = la_cc_resting_phase(c, busy);
    la_cc_undo(c, busy);
    la_cc_tell_loss(c, rule, 0, todo);
    la_cc_tell(c, busy, todo);
}

/* RFC 5682 2.1, steps 2 and 3. True: spurious. */
static bool
frto_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, la_seq ack)
{
    struct la_tcp_undo *undo = &busy->undo;
    if (busy->phase != LA_CC_LOSS || undo->frto == LA_TCP_FRTO_OFF)
        return false;
    if (undo->frto == LA_TCP_FRTO_FORWARD)
        return true; /* 3b: what was not sent again is acknowledged as well */
    bool all = la_seq_ge(ack, busy->recover);
    /* 2a: it acknowledges all, or less than what was sent again. 2b: new data goes next, if any. */
    bool forward = !all && la_seq_ge(ack, busy->rtx_nxt) && la_tcp_unsent(c, busy) > 0;
    undo->frto = forward ? LA_TCP_FRTO_FORWARD : LA_TCP_FRTO_OFF;
    return false;
}

bool
la_tcp_undo_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_seg *seg,
                  uint32_t acked, struct la_tcp_todo *todo)
{
    struct la_tcp_undo *undo = &busy->undo;
    bool recovers = busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS;
    if (!undo->on)
        return false;
    if (!recovers && la_seq_gt(seg->ack, undo->end)) {
        undo->on = false; /* a round trip later nothing is reported any more */
        return false;
    }
    bool original = undo->stamped && (c->flags & LA_TCP_F_TIMESTAMPS) != 0 &&
                    (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 && seg->ts_ecr != 0 &&
                    la_tcp_ts_older(seg->ts_ecr, undo->ts_val);
    bool ece = la_tcp_ecn_is_told(c, seg, todo->env); /* congestion there is, whatever was lost */
    /* RFC 3522 3.2 (4): one of a retransmission ends the question. */
    undo->stamped = undo->stamped && original;
    /* In fast recovery: all that was sent again, and nothing more is known to be lost. */
    if (busy->phase == LA_CC_RECOVERY &&
        (la_seq_lt(seg->ack, undo->again_end) || busy->board.lost_bytes > 0))
        original = false;
    bool forward = frto_acked(c, busy, seg->ack);
    if (!recovers || ece || !(original || forward))
        return false;
    undo_window(c, busy, acked, original ? LA_LOSS_UNDONE_EIFEL : LA_LOSS_UNDONE_FRTO, todo);
    return true;
}

void
la_tcp_undo_duplicate(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    struct la_tcp_undo *undo = &busy->undo;
    if (busy->phase != LA_CC_LOSS || undo->frto == LA_TCP_FRTO_OFF)
        return;
    if (undo->frto == LA_TCP_FRTO_FORWARD)
        c->cwnd_bytes = min32(c->cwnd_bytes, 3u * c->smss); /* 3a */
    undo->frto = LA_TCP_FRTO_OFF;
    c->want |= LA_TCP_WANT_DATA;
}

void
la_tcp_undo_dsack(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_seg *seg,
                  struct la_tcp_todo *todo)
{
    struct la_tcp_undo *undo = &busy->undo;
    la_seq left = seg->sack[0].left, right = seg->sack[0].right;
    if (!undo->on || undo->again_bytes == 0 || la_seq_lt(left, undo->una) ||
        !la_seq_lt(left, right) || la_seq_gt(right, c->snd_nxt))
        return;
    undo->again_bytes -= min32((uint32_t)la_seq_diff(right, left), undo->again_bytes);
    if (undo->again_bytes == 0 && (seg->flags & LA_TCP_ECE) == 0)
        undo_window(c, busy, 0, LA_LOSS_UNDONE_DSACK, todo);
}
