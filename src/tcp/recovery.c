/* SPDX-License-Identifier: MIT
 *
 * recovery.c - acknowledgements, duplicate acknowledgements, timeouts
 *
 * Read first: RFC 5681 3.2; RFC 6582 3.2 and RFC 6675 5 (their steps are named below); RFC 6298 5;
 * RFC 3042.
 *
 * SND.NXT never goes back. After a timeout everything in flight counts as lost: `rtx_nxt` walks
 * from SND.UNA to `recover` as the window opens, and new data follows behind it.
 */
#include "tcp/recovery.h"

#include "base/assert.h"
#include "tcp/clocks.h"
#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/mtu.h"
#include "tcp/prr.h"
#include "tcp/rack.h"
#include "tcp/rate.h"
#include "tcp/rtt.h"
#include "tcp/tlp.h"
#include "tcp/tune.h"
#include "tcp/undo.h"
#include "tcp/urgent.h"
#include "wire/tcp.h"

static uint32_t
max32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t
min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- measurements ----------------------------------------------------------------------- */

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
    if (la_seq_lt(seg->ack, busy->rtt_round_end) && c->srtt_us != 0)
        return;
    busy->rtt_round_end = c->snd_nxt;
    busy->tlp.rtt_known = true;
    la_tcp_rtt_sample(c, (uint32_t)sample_us, todo);
}

/* ---- recovery --------------------------------------------------------------------------- */

static void
enter_phase(struct la_tcp_conn *c, struct la_tcp_busy *busy, enum la_cc_phase phase,
            struct la_tcp_todo *todo)
{
    bool changed = busy->phase != phase;
    busy->phase = (uint8_t)phase;
    if (changed)
        la_cc_tell(c, busy, todo);
}

/* During fast recovery, unless the control itself decides then. */
static void
set_window(struct la_tcp_conn *c, uint32_t cwnd_bytes)
{
    if (!la_cc_ops(c->cc)->in_recovery)
        c->cwnd_bytes = cwnd_bytes;
}

static bool
has_sack(const struct la_tcp_conn *c)
{
    return (c->flags & LA_TCP_F_SACK) != 0;
}

/* RFC 6582 3.2 step 2 and RFC 5681 3.2 steps 2-3; RFC 6675 5 (4). What limited transmit has sent,
 * which is what lies beyond cwnd, MUST NOT count in the flight. */
static void
enter_recovery(struct la_tcp_conn *c, struct la_tcp_busy *busy, enum la_loss_rule rule,
               struct la_tcp_todo *todo)
{
    la_tcp_undo_begin(c, busy, false);
    if (la_tcp_ecn_is_reduced(c, busy)) /* RFC 3168 6.1.2: once for a window of data */
        c->ssthresh_bytes = min32(c->ssthresh_bytes, c->cwnd_bytes);
    else if (la_tcp_mtu_probe_lost(c, busy, todo))
        c->ssthresh_bytes = c->cwnd_bytes; /* RFC 4821 7.6.2: no congestion */
    else
        la_cc_ops(c->cc)->lost(c, busy, LA_CC_SIGNAL_LOSS, min32(la_tcp_flight(c), c->cwnd_bytes));
    la_tcp_ecn_reduced(c, busy);
    busy->recover = c->snd_nxt;
    busy->partial_seen = false;
    busy->tlp.out = false;
    if (rule == LA_LOSS_RACK) {
        uint32_t missing = la_tcp_sack_missing(busy, c->snd_una, c->snd_nxt);
        la_tcp_prr_begin(busy, missing + todo->acked_bytes + todo->delivered_bytes);
        busy->cause = LA_CAUSE_RETRANSMIT_RACK;
    } else if (has_sack(c)) { /* RFC 6675 5 (4.2), (4.3) */
        set_window(c, c->ssthresh_bytes);
        busy->high_rxt = busy->rescue_rxt = c->snd_una;
        busy->cause = LA_CAUSE_RETRANSMIT_SACK;
    } else {
        set_window(c, c->ssthresh_bytes + 3u * c->smss);
        busy->cause = LA_CAUSE_RETRANSMIT_FAST;
    }
    if (rule != LA_LOSS_RACK)
        c->want |= LA_TCP_WANT_RETRANSMIT;
    c->fast_retransmits_n++;
    if (rule != LA_LOSS_RACK) /* each loss that RACK finds is told, this one too */
        la_cc_tell_loss(c, rule, 0, todo);
    enter_phase(c, busy, LA_CC_RECOVERY, todo);
}

/* RFC 6582 3.2 step 3, full acknowledgement: option 1 of the deflation. With SACK nothing was
 * inflated (RFC 6675 5 (A)). */
static void
leave_recovery(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    uint32_t flight = la_tcp_flight(c);
    if (!has_sack(c))
        set_window(c, min32(c->ssthresh_bytes, max32(flight, c->smss) + c->smss));
    else if (la_tcp_rack_is_on(c))
        set_window(c, c->ssthresh_bytes); /* RFC 9937 6: the end of the reduction */
    la_tcp_rack_recovered(busy);
    busy->dupacks_n = 0;
    enter_phase(c, busy, (enum la_cc_phase)la_cc_resting_phase(c, busy), todo);
}

/* RFC 6582 3.2 step 3, partial acknowledgement: the next hole is at SND.UNA. */
static void
partial_ack(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t acked_bytes)
{
    uint32_t cwnd =
        c->cwnd_bytes - min32(acked_bytes, c->cwnd_bytes - min32(c->cwnd_bytes, c->smss));
    set_window(c, acked_bytes >= c->smss ? cwnd + c->smss : cwnd);
    busy->cause = LA_CAUSE_RETRANSMIT_PARTIAL;
    c->want |= LA_TCP_WANT_RETRANSMIT;
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

/* Recovery after SND.UNA has moved. */
static void
react(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t acked_bytes,
      struct la_tcp_todo *todo)
{
    bool all = la_seq_ge(c->snd_una, busy->recover);
    switch ((enum la_cc_phase)busy->phase) {
    case LA_CC_RECOVERY:
        if (all)
            leave_recovery(c, busy, todo);
        else if (!has_sack(c))
            partial_ack(c, busy, acked_bytes);
        return;
    case LA_CC_LOSS:
        busy->rtx_nxt = la_seq_max(busy->rtx_nxt, c->snd_una);
        if (all)
            enter_phase(c, busy, (enum la_cc_phase)la_cc_resting_phase(c, busy), todo);
        break;
    case LA_CC_SLOW_START:
    case LA_CC_AVOIDANCE:
    case LA_CC_BBR_STARTUP:
    case LA_CC_BBR_DRAIN:
    case LA_CC_BBR_DOWN:
    case LA_CC_BBR_CRUISE:
    case LA_CC_BBR_REFILL:
    case LA_CC_BBR_UP:
    case LA_CC_BBR_PROBE_RTT:
        if (la_seq_gt(c->snd_una, busy->recover)) /* stays near: 2 GiB on it would lie ahead */
            busy->recover = la_seq_sub(c->snd_una, 1);
        if (la_seq_gt(c->snd_una, busy->reduced_end))
            busy->reduced_end = la_seq_sub(c->snd_una, 1);
        break;
    case LA_CC_PHASE_COUNT:
        LA_ASSERT(false);
    }
    busy->dupacks_n = 0;
}

/* The receiver has discarded octets that it had reported (RFC 2018 8). During recovery everything
 * is sent again from SND.UNA on, as after a timeout; else the timer finds out. */
static void
start_over(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    busy->rtx_nxt = c->snd_una;
    if (busy->phase != LA_CC_RECOVERY)
        return;
    la_tcp_scoreboard_lose_none(&busy->board);
    busy->recover = c->snd_nxt;
    busy->cause = LA_CAUSE_RETRANSMIT_PARTIAL;
    c->cwnd_bytes = c->smss;
    enter_phase(c, busy, LA_CC_LOSS, todo);
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
    if (busy->phase == LA_CC_RECOVERY && !has_sack(c)) {
        if (busy->partial_seen)
            return;
        busy->partial_seen = true;
    }
    la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, la_instant_add_us(todo->now, c->rto_us));
}

/* Wakes a writer that was refused once a third of the buffer is free. */
static void
wake_writer(struct la_tcp_conn *c, const struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_WRITER_WAITS) != 0 && la_tcp_queue_is_low(c, busy->sndq.len)) {
        c->flags &= ~(uint32_t)LA_TCP_F_WRITER_WAITS;
        todo->wake |= LA_READY_WRITE;
    }
    if (busy->sndq.len == 0)
        todo->wake |= LA_READY_SENT;
}

/* What of [SND.UNA, ack) had not been SACKed has arrived now. */
static void
deliver(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_seg *seg,
        struct la_tcp_todo *todo)
{
    todo->acked_bytes = la_tcp_sack_missing(busy, c->snd_una, seg->ack);
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
    ack->limited = busy->phase == LA_CC_LOSS || ack->flight_bytes * 2 >= c->cwnd_bytes;
    ack->recovers = busy->phase == LA_CC_RECOVERY;
    ack->ece = la_tcp_ecn_is_echo(c, seg);
    ack->limit_bytes = slow_start_limit(c, busy, todo->env);
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
    la_tcp_urgent_acked(c, busy);
    c->acked_wraps_n += la_tcp_acked_low(c) < before;
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
        react(c, busy, octets, todo);
    if (reneged)
        start_over(c, busy, todo);
    else if (busy->phase == LA_CC_LOSS)
        busy->rtx_nxt = la_tcp_sack_skip(busy, busy->rtx_nxt);
    rearm(c, busy, todo);
    la_tcp_tune_send(c, todo->env);
    wake_writer(c, busy, todo);
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
    c->duplicate_acks_n++;
    todo->answer_now = true;
    la_tcp_undo_duplicate(c, busy);
    if (has_sack(c))
        return;
    count_duplicate(busy);
    if (busy->phase == LA_CC_LOSS)
        return;
    if (busy->phase == LA_CC_RECOVERY) {
        /* RFC 5681 3.2 step 4: a segment has left the network. */
        set_window(c, c->cwnd_bytes + min32(c->smss, UINT32_MAX - c->cwnd_bytes));
    } else if (busy->dupacks_n == 3 && la_seq_gt(c->snd_una, busy->recover)) {
        enter_recovery(c, busy, LA_LOSS_DUP_ACKS, todo); /* RFC 6582 3.2 step 2: a new one */
    }
    c->want |= LA_TCP_WANT_DATA;
}

void
la_tcp_selective_ack(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy == NULL || !has_sack(c) || seg->sack_n == 0)
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
        enter_recovery(c, busy, LA_LOSS_SACK, todo); /* RFC 6675 5 (1), (2) */
}

/* ---- RFC 8985 --------------------------------------------------------------------------- */

/* Which of the timers of RFC 8985 8 runs. */
static void
choose_timer(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t wait_us,
             struct la_tcp_todo *todo)
{
    la_instant wait_at = la_instant_add_us(todo->now, wait_us);
    if (c->timer == LA_TIMER_REORDER)
        la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, la_instant_add_us(todo->now, c->rto_us));
    la_tcp_tlp_disarm(c, busy);
    if (wait_us == 0)
        la_tcp_tlp_arm(c, busy, todo);
    else if (la_tcp_timer_retransmits(c->timer) && la_instant_lt(wait_at, c->timer_at))
        la_tcp_timer_set(c, LA_TIMER_REORDER, wait_at);
}

/* Looks for losses, begins a recovery for the first, and says how much of them may be sent.
 * `delivered`: octets that have left the network just now. */
static void
find_losses(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t delivered,
            struct la_tcp_todo *todo)
{
    uint32_t wait_us = 0;
    bool lost = la_tcp_rack_detect(c, busy, &wait_us, todo);
    if (lost) {
        if (delivered == 0) /* the timer has found it: as if a segment had arrived, one may go */
            delivered = c->smss;
        int64_t after_us = la_instant_diff_us(todo->now, busy->rack.acked_at);
        la_cc_tell_loss(c, LA_LOSS_RACK, (uint32_t)after_us, todo);
    }
    if (busy->board.lost_n > 0 && busy->phase != LA_CC_RECOVERY)
        enter_recovery(c, busy, LA_LOSS_RACK, todo);
    if (busy->phase == LA_CC_RECOVERY && delivered > 0) {
        if (!la_cc_ops(c->cc)->in_recovery)
            la_tcp_prr_acked(c, busy, delivered, todo->acked_bytes > 0 && !lost);
        c->want |= LA_TCP_WANT_DATA;
    }
    choose_timer(c, busy, wait_us, todo);
}

void
la_tcp_look_for_losses(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                       struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy == NULL || !la_tcp_rack_is_on(c))
        return;
    la_tcp_tlp_acked(c, busy, seg, seg->sack_n > 0 && la_tcp_seg_has_dsack(seg), todo);
    busy->rack.fack = la_seq_max(busy->rack.fack, busy->rack.fack_next);
    if (busy->phase == LA_CC_LOSS || la_tcp_flight(c) == 0)
        return;
    if (busy->sacked.n > 0 || busy->phase == LA_CC_RECOVERY)
        find_losses(c, busy, todo->acked_bytes + todo->delivered_bytes, todo);
    else if (todo->acked_bytes > 0)
        choose_timer(c, busy, 0, todo);
}

void
la_tcp_reordering_over(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, la_instant_add_us(todo->now, c->rto_us));
    if (busy != NULL && la_tcp_rack_is_on(c) && busy->phase != LA_CC_LOSS && la_tcp_flight(c) > 0)
        find_losses(c, busy, 0, todo);
}

/* RFC 8201 5.4: "should not change the congestion window", but "trigger the slow-start mechanism".
 */
void
la_tcp_sent_too_big(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    busy->undo.on = false;
    busy->undo.frto = LA_TCP_FRTO_OFF;
    la_tcp_scoreboard_lose_none(&busy->board);
    busy->tlp.out = false;
    c->want &= (uint8_t) ~(LA_TCP_WANT_TAIL_PROBE | LA_TCP_WANT_RETRANSMIT);
    c->ssthresh_bytes = max32(c->cwnd_bytes, 2u * c->smss);
    set_window(c, c->smss);
    busy->recover = c->snd_nxt;
    busy->rtx_nxt = la_tcp_sack_skip(busy, c->snd_una);
    busy->dupacks_n = 0;
    busy->cause = LA_CAUSE_RETRANSMIT_MTU;
    c->want |= LA_TCP_WANT_DATA;
    la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, la_instant_add_us(todo->now, c->rto_us));
    enter_phase(c, busy, LA_CC_LOSS, todo);
}

void
la_tcp_timed_out(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    bool first = c->backoff_n == 0 || busy->phase != LA_CC_LOSS;
    if (first)
        la_tcp_undo_begin(c, busy, true);
    else
        busy->undo.frto = LA_TCP_FRTO_OFF; /* RFC 5682 2.1: a second timeout is no test any more */
    la_tcp_scoreboard_lose_none(&busy->board);
    busy->tlp.out = false;
    c->want &= (uint8_t)~LA_TCP_WANT_TAIL_PROBE;
    la_tcp_mtu_timed_out(c, busy, todo);
    /* RFC 5681 3.1: ssthresh is kept when the same data is lost again. */
    la_cc_ops(c->cc)->timed_out(c, busy, la_tcp_flight(c), !first);
    la_tcp_ecn_reduced(c, busy);
    busy->recover = c->snd_nxt; /* RFC 6582 3.2 step 4 */
    busy->rtx_nxt = c->snd_una;
    busy->dupacks_n = 0;
    la_tcp_sack_forget(busy); /* RFC 2018 5, 8; RFC 6675 5.1 */
    c->rto_n++;
    c->want |= LA_TCP_WANT_DATA;
    enter_phase(c, busy, LA_CC_LOSS, todo);
}

/* ---- what to send ----------------------------------------------------------------------- */

uint32_t
la_tcp_pipe(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    /* What was sent before the timeout and not again counts as gone. */
    if (busy->phase == LA_CC_LOSS)
        return la_tcp_sack_missing(busy, c->snd_una, busy->rtx_nxt) +
               la_tcp_sack_missing(busy, busy->recover, c->snd_nxt);
    if (busy->phase == LA_CC_RECOVERY && la_tcp_rack_is_on(c))
        return la_tcp_sack_missing(busy, c->snd_una, c->snd_nxt) - la_tcp_rack_lost(busy);
    if (busy->phase == LA_CC_RECOVERY && has_sack(c))
        return la_tcp_sack_pipe(c, busy);
    return la_tcp_sack_missing(busy, c->snd_una, c->snd_nxt); /* RFC 6675 5 (3.1), (3.2) */
}

uint32_t
la_tcp_cwnd_now(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    if (busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS || busy->dupacks_n == 0 ||
        has_sack(c)) /* there a SACKed octet leaves the pipe, RFC 6675 5 (3) */
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

bool
la_tcp_retransmit_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                       struct la_tcp_again *again)
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
    if (busy->phase == LA_CC_RECOVERY && has_sack(c))
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
la_tcp_retransmit_last(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                       struct la_tcp_again *again)
{
    return busy->phase == LA_CC_RECOVERY && has_sack(c) && !la_tcp_rack_is_on(c) &&
           la_tcp_flight(c) > 0 && la_tcp_sack_last_resort(c, busy, again) &&
           pipe_has_room(c, busy);
}

bool
la_tcp_retransmit_tail(const struct la_tcp_conn *c, struct la_tcp_again *again)
{
    uint32_t flight = la_tcp_flight(c);
    uint32_t n = min32(flight, c->smss);
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
        la_cc_range_lost(c, busy, la_tcp_scoreboard_find(&busy->board, again->first),
                         (struct la_range){again->first, end});
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
