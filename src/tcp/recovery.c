/* SPDX-License-Identifier: MIT
 *
 * recovery.c - recovery and the loss window
 *
 * Read first: RFC 5681 3.2; RFC 6582 3.2 and RFC 6675 5 (their steps are named below); RFC 8985 6
 * and 8; RFC 6298 5.
 *
 * SND.NXT never goes back. After a timeout everything in flight counts as lost: `rtx_nxt` walks
 * from SND.UNA to `recover` as the window opens, and new data follows behind it.
 */
#include "tcp/recovery.h"

#include "base/assert.h"
#include "base/extremes.h"
#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/mtu.h"
#include "tcp/prr.h"
#include "tcp/rack.h"
#include "tcp/tally.h"
#include "tcp/tlp.h"
#include "tcp/undo.h"
#include "wire/tcp.h"

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

/* RFC 6582 3.2 step 2 and RFC 5681 3.2 steps 2-3; RFC 6675 5 (4). What limited transmit has sent,
 * which is what lies beyond cwnd, MUST NOT count in the flight. */
void
la_tcp_recovery_begin(struct la_tcp_conn *c, struct la_tcp_busy *busy, enum la_loss_rule rule,
                      struct la_tcp_todo *todo)
{
    la_tcp_undo_begin(c, busy, false);
    if (la_tcp_ecn_is_reduced(c, busy)) /* RFC 3168 6.1.2: once for a window of data */
        c->ssthresh_bytes = min32(c->ssthresh_bytes, c->cwnd_bytes);
    else if (la_tcp_mtu_probe_lost(c, busy, todo))
        c->ssthresh_bytes = c->cwnd_bytes; /* RFC 4821 7.6.2: no congestion */
    else
        la_cc_ops(c->cc)->lost(c, busy, LA_CC_SIGNAL_LOSS,
                               la_cc_reduced_from(c, la_tcp_flight(c), todo->env));
    la_tcp_ecn_reduced(c, busy);
    busy->recover = c->snd_nxt;
    busy->partial_seen = false;
    busy->tlp.out = false;
    if (rule == LA_LOSS_RACK) {
        uint32_t missing = la_tcp_sack_missing(busy, c->snd_una, c->snd_nxt);
        la_tcp_prr_begin(busy, missing + todo->acked_bytes + todo->delivered_bytes);
        busy->cause = LA_CAUSE_RETRANSMIT_RACK;
    } else if (la_tcp_has_sack(c)) { /* RFC 6675 5 (4.2), (4.3) */
        set_window(c, c->ssthresh_bytes);
        busy->high_rxt = busy->rescue_rxt = c->snd_una;
        busy->cause = LA_CAUSE_RETRANSMIT_SACK;
    } else {
        set_window(c, c->ssthresh_bytes + 3u * c->smss);
        busy->cause = LA_CAUSE_RETRANSMIT_FAST;
    }
    if (rule != LA_LOSS_RACK)
        c->want |= LA_TCP_WANT_RETRANSMIT;
    la_tcp_tally(c, todo->env)->fast_retransmits_n++;
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
    if (!la_tcp_has_sack(c))
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

void
la_tcp_recovery_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t acked_bytes,
                      struct la_tcp_todo *todo)
{
    bool all = la_seq_ge(c->snd_una, busy->recover);
    switch ((enum la_cc_phase)busy->phase) {
    case LA_CC_RECOVERY:
        if (all)
            leave_recovery(c, busy, todo);
        else if (!la_tcp_has_sack(c))
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

void
la_tcp_recovery_inflate(struct la_tcp_conn *c)
{
    /* RFC 5681 3.2 step 4: a segment has left the network. */
    set_window(c, c->cwnd_bytes + min32(c->smss, UINT32_MAX - c->cwnd_bytes));
}

void
la_tcp_recovery_anew(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
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
    if (busy->board.lost_bytes > 0 && busy->phase != LA_CC_RECOVERY)
        la_tcp_recovery_begin(c, busy, LA_LOSS_RACK, todo);
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
    if (busy->board.sacked.row.n > 0 || busy->phase == LA_CC_RECOVERY)
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
    if (!todo->env->cfg->too_big_at_once) /* DEVIATION(D29) */
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
    uint32_t from = todo->env->cfg->reduces_cwnd ? c->cwnd_bytes : la_tcp_flight(c);
    la_cc_ops(c->cc)->timed_out(c, busy, from, !first);
    la_tcp_ecn_reduced(c, busy);
    busy->recover = c->snd_nxt; /* RFC 6582 3.2 step 4 */
    busy->rtx_nxt = c->snd_una;
    busy->dupacks_n = 0;
    /* RFC 2018 5, 8; RFC 6675 5.1. DEVIATION(D16): RFC 8985 6.3 keeps it, and loses less. */
    la_tcp_sack_forget(busy);
    la_tcp_tally(c, todo->env)->rto_n++;
    c->want |= LA_TCP_WANT_DATA;
    enter_phase(c, busy, LA_CC_LOSS, todo);
}
