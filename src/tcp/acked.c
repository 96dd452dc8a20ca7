/* SPDX-License-Identifier: MIT
 *
 * acked.c - what the peer's acknowledgements say
 *
 * Read first: RFC 9293 3.10.7.4 fifth; RFC 6298 3, 5; RFC 5681 2 (what a duplicate is); RFC 6675 2,
 * 5; RFC 2018 8.
 *
 * What arrived is taken off the queue and off the scoreboard, measured, and told to recovery, to
 * the congestion control and to the writer.
 */
#include "tcp/acked.h"

#include "base/assert.h"
#include "base/extremes.h"
#include "tcp/again.h"
#include "tcp/clocks.h"
#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/mtu.h"
#include "tcp/pace.h"
#include "tcp/rack.h"
#include "tcp/rate.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"
#include "tcp/tally.h"
#include "tcp/tune.h"
#include "tcp/undo.h"
#include "tcp/urgent.h"
#include "tcp/usage.h"
#include "wire/tcp.h"

static bool
is_plausible(int64_t rtt_us)
{
    return rtt_us >= 0 && rtt_us <= INT64_C(600) * LA_US_PER_S;
}

/* RFC 6298 3: never from a segment sent twice, unless timestamps tell which transmission was
 * acknowledged (RFC 7323 4). Where SACK tells when it arrived, only from what has arrived now: what
 * came before it and waited for a gap to be filled would measure the waiting. One sample a round
 * trip. */
static void
measure(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_seg *seg,
        struct la_tcp_todo *todo)
{
    la_instant sent_at;
    la_tcp_scoreboard_acked(&busy->board, seg->ack, &sent_at);
    int64_t sample_us = -1;
    if (la_tcp_rack_is_on(c) && todo->acked_bytes == 0)
        return;
    if (la_tcp_rack_is_on(c) && todo->is_timed)
        sent_at = todo->sent_at;
    if (!la_instant_is_never(sent_at))
        sample_us = la_instant_diff_us(todo->now, sent_at);
    else if ((c->flags & LA_TCP_F_TIMESTAMPS) != 0 && (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 &&
             seg->ts_ecr != 0)
        sample_us = (int64_t)(int32_t)(la_tcp_ts_now(c, todo->now) - seg->ts_ecr) * LA_US_PER_MS;
    if (!is_plausible(sample_us))
        return;
    todo->ack.rtt_us = sample_us > 0 ? (uint32_t)sample_us : 1;
    struct la_tcp_undo *undo = &busy->undo;
    bool adapts = undo->adapts && la_seq_gt(seg->ack, undo->end);
    if (la_seq_lt(seg->ack, busy->rtt_round_end) && c->srtt_us != 0 && !adapts &&
        !todo->env->cfg->rto_follows_peaks)
        return;
    busy->rtt_round_end = c->snd_nxt;
    busy->tlp.rtt_known = true;
    if (adapts) { /* once */
        undo->adapts = false;
        la_tcp_rtt_adapt(c, undo->srtt_us, undo->rttvar_us, (uint32_t)sample_us, todo);
    } else {
        la_tcp_rtt_sample(c, (uint32_t)sample_us, todo);
    }
}

/* What one ACK may add in slow start. DEVIATION(D8): all that it acknowledges, unless configured.
 * After a timeout one segment (RFC 3465 2.3): the ACK may jump over what had arrived before. */
static uint32_t
slow_start_limit(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                 const struct la_tcp_env *env)
{
    if (busy->phase == LA_CC_LOSS)
        return c->smss;
    uint32_t n = env->cfg->slow_start_limit_n;
    return n == 0 ? UINT32_MAX : n * c->smss;
}

/* RFC 6298 5.2, 5.3. Without SACK in recovery only the first partial ACK re-arms it (RFC 6582 3.2
 * step 3). The count towards R2 begins anew; the RTO stays backed off until a measurement
 * (5.5, 5.7). */
static void
rearm(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    if (la_tcp_timer_retransmits(c->timer) && c->backoff_n > 0) {
        c->rto_us = la_tcp_rto_backed_off(c, todo->env, c->backoff_n);
        c->backoff_n = 0;
    }
    if (la_tcp_flight(c) == 0 && !busy->rests) {
        la_tcp_timer_stop(c);
        return;
    }
    if (busy->phase == LA_CC_RECOVERY && !la_tcp_has_sack(c)) {
        if (busy->partial_seen)
            return;
        busy->partial_seen = true;
    }
    la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, la_instant_add_us(todo->now, c->rto_us));
}

void
la_tcp_wake_writer(struct la_tcp_conn *c, const struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_WRITER_WAITS) == 0 || !la_tcp_pieces_low(c, busy, todo->env))
        return;
    c->flags &= ~(uint32_t)LA_TCP_F_WRITER_WAITS;
    todo->wake |= LA_READY_WRITE;
}

/* With pieces, what the writer gets room for depends on what this acknowledgement lets go: out.c.
 */
static void
tell_room(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    if (todo->env->cfg->sndbuf_piece_bytes != 0)
        busy->room_due = true;
    else
        la_tcp_wake_writer(c, busy, todo);
    if (busy->sndq.len == 0)
        todo->wake |= LA_READY_SENT;
}

/* What of [SND.UNA, ack) had not been SACKed has arrived now. */
static void
deliver(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_seg *seg,
        struct la_tcp_todo *todo)
{
    todo->acked_bytes = la_tcp_sack_missing(busy, c->snd_una, seg->ack);
    todo->duplicates_n = la_tcp_has_sack(c) ? 0 : busy->dupacks_n;
    la_tcp_sack_delivered(c, busy, (struct la_range){c->snd_una, seg->ack}, seg, todo);
}

/* What the congestion control will be told, as it is before the acknowledgement. RFC 7661 4.4.1 in
 * short: a window that was not used does not grow. */
static void
prepare(const struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_seg *seg,
        struct la_tcp_todo *todo)
{
    struct la_cc_ack *ack = &todo->ack;
    la_tcp_rate_look(c, busy);
    ack->flight_bytes = la_tcp_pipe(c, busy);
    ack->limited = busy->phase == LA_CC_LOSS || la_tcp_usage_is_full(c, busy, todo->env);
    ack->recovers = busy->phase == LA_CC_RECOVERY;
    ack->ece = la_tcp_ecn_is_echo(c, seg);
    ack->limit_bytes = slow_start_limit(c, busy, todo->env);
    ack->paced = la_tcp_pacing_rate(c, busy, todo->env) != 0;
}

void
la_tcp_acked(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy_get(c, todo->env, todo->now);
    if (busy == NULL)
        return; /* no memory: the acknowledgement will be repeated */
    LA_ASSERT(la_seq_gt(seg->ack, c->snd_una) && la_seq_le(seg->ack, c->snd_nxt));
    prepare(c, busy, seg, todo);
    deliver(c, busy, seg, todo);
    la_seq round_end = busy->rtt_round_end;
    measure(c, busy, seg, todo);

    uint32_t acked = (uint32_t)la_seq_diff(seg->ack, c->snd_una);
    uint32_t octets = min32(acked, busy->sndq.len); /* a FIN counts one more */
    la_chain_mark_drop(&busy->snd_mark, octets);
    la_chain_drop_front(&busy->sndq, octets);
    uint32_t before = la_tcp_acked_low(c);
    c->snd_una = seg->ack;
    la_tcp_pieces_acked(c, busy, todo->env);
    la_tcp_urgent_acked(c, busy);
    if (la_tcp_acked_low(c) < before)
        la_tcp_tally(c, todo->env)->acked_wraps_n++;
    c->flags &= ~(uint32_t)LA_TCP_F_R1_REACHED;
    busy->progress_at = todo->now;
    la_tcp_mtu_acked(c, busy, octets, todo);

    c->want &= (uint8_t)~LA_TCP_WANT_RETRANSMIT; /* what it was for has arrived */
    bool reneged = la_tcp_sack_advance(c, busy);
    if (la_seq_eq(busy->rtt_round_end, c->snd_nxt) && !la_seq_eq(round_end, c->snd_nxt))
        la_tcp_clocks_round(c, busy, todo->now);
    todo->ack.acked_bytes = octets;
    todo->ack.undone = la_tcp_undo_acked(c, busy, seg, octets, todo);
    if (!todo->ack.undone)
        la_tcp_recovery_acked(c, busy, octets, todo);
    if (reneged)
        la_tcp_recovery_anew(c, busy, todo);
    else if (busy->phase == LA_CC_LOSS)
        busy->rtx_nxt = la_tcp_sack_skip(busy, busy->rtx_nxt);
    rearm(c, busy, todo);
    if (todo->env->cfg->more_until_ack && c->flush == LA_TCP_FLUSH_NONE)
        c->flush = LA_TCP_FLUSH_MORE;
    la_tcp_tune_send(c, todo->env);
    tell_room(c, busy, todo);
    c->want |= LA_TCP_WANT_DATA;
}

static void
count_duplicate(struct la_tcp_busy *busy)
{
    if (busy->dupacks_n < UINT8_MAX)
        busy->dupacks_n++;
}

void
la_tcp_duplicate_ack(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy == NULL)
        return;
    la_tcp_tally(c, todo->env)->duplicate_acks_n++;
    todo->answer_now = true;
    la_tcp_undo_duplicate(c, busy);
    if (la_tcp_has_sack(c))
        return;
    count_duplicate(busy);
    if (busy->phase == LA_CC_LOSS)
        return;
    if (busy->phase == LA_CC_RECOVERY)
        la_tcp_recovery_inflate(c);
    else if (busy->dupacks_n == 3 && la_seq_gt(c->snd_una, busy->recover))
        la_tcp_recovery_begin(c, busy, LA_LOSS_DUP_ACKS, todo); /* RFC 6582 3.2 step 2: a new one */
    c->want |= LA_TCP_WANT_DATA;
}

void
la_tcp_selective_ack(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy == NULL || !la_tcp_has_sack(c) || seg->sack_n == 0)
        return;
    if (todo->acked_bytes == 0)
        prepare(c, busy, seg, todo);
    if (la_tcp_seg_has_dsack(seg)) {
        if (!busy->tlp.out || !busy->tlp.again) /* a probe may be one too many */
            la_tcp_rack_duplicate(c, busy);
        la_tcp_undo_dsack(c, busy, seg, todo);
    }
    bool news = la_tcp_sack_update(c, busy, seg, todo);
    if (!news)
        return;
    todo->answer_now = true;
    c->want |= LA_TCP_WANT_DATA;
    int64_t rtt_us = la_instant_diff_us(todo->now, todo->sent_at);
    if (todo->is_timed &&
        is_plausible(rtt_us)) /* HyStart++ wants more samples than gaps are filled */
        todo->ack.rtt_us = rtt_us > 0 ? (uint32_t)rtt_us : 1;
    if (busy->phase == LA_CC_LOSS) /* RFC 6675 5.1: what is reported now is not sent again */
        busy->rtx_nxt = la_tcp_sack_skip(busy, busy->rtx_nxt);
    if (busy->phase == LA_CC_LOSS || busy->phase == LA_CC_RECOVERY || la_tcp_rack_is_on(c))
        return;
    count_duplicate(busy);
    if (busy->dupacks_n >= LA_TCP_DUP_THRESH || la_tcp_sack_is_lost(c, busy))
        la_tcp_recovery_begin(c, busy, LA_LOSS_SACK, todo); /* RFC 6675 5 (1), (2) */
}
