/* SPDX-License-Identifier: MIT
 *
 * tlp.c - the tail loss probe
 *
 * Read first: RFC 8985 7.2 to 7.4, 8.
 */
#include "tcp/tlp.h"

#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/rack.h"
#include "tcp/rtt.h"
#include "tcp/send.h"

/* What a peer may delay its acknowledgement of a single segment (7.2, TLP.max_ack_delay). */
enum { ACK_DELAY_US_MAX = 200000, NO_RTT_US = 1000000 };

static bool
is_due(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    bool recovers = busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS;
    return c->timer == LA_TIMER_RETRANSMIT && !recovers && la_tcp_rack_is_on(c) &&
           busy->board.sacked.row.n == 0 && c->backoff_n == 0 && !busy->tlp.out &&
           busy->tlp.rtt_known && !busy->rests && la_tcp_is_synchronised(c);
}

void
la_tcp_tlp_disarm(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    if (c->timer == LA_TIMER_PROBE)
        la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, busy->tlp.rto_at);
}

void
la_tcp_tlp_arm(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    la_tcp_tlp_disarm(c, busy);
    if (!is_due(c, busy))
        return;
    uint32_t pto_us = c->srtt_us == 0 ? (uint32_t)NO_RTT_US : 2 * c->srtt_us;
    if (la_tcp_flight(c) <= c->smss)
        pto_us += ACK_DELAY_US_MAX;
    la_instant at = la_instant_add_us(todo->now, pto_us);
    busy->tlp.rto_at = c->timer_at;
    la_tcp_timer_set(c, LA_TIMER_PROBE, la_instant_min(at, c->timer_at));
}

void
la_tcp_tlp_expired(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, la_instant_add_us(todo->now, c->rto_us));
    /* 7.3: not while an earlier one is out, nor without a measurement since. */
    if (busy == NULL || busy->tlp.out || !busy->tlp.rtt_known || la_tcp_flight(c) == 0)
        return;
    c->want |= LA_TCP_WANT_TAIL_PROBE;
}

void
la_tcp_tlp_sent(struct la_tcp_conn *c, struct la_tcp_busy *busy, bool again,
                struct la_tcp_todo *todo)
{
    c->want &= (uint8_t)~LA_TCP_WANT_TAIL_PROBE;
    busy->tlp = (struct la_tcp_tlp){.end = c->snd_nxt, .out = true, .again = again};
    la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, la_instant_add_us(todo->now, c->rto_us));
}

/* 7.4.2: the probe has repaired the loss that it found. */
static void
repaired(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    la_cc_ops(c->cc)->lost(c, busy, LA_CC_SIGNAL_PROBE,
                           la_cc_reduced_from(c, la_tcp_flight(c), todo->env));
    if (!la_cc_ops(c->cc)->in_recovery && c->cwnd_bytes > c->ssthresh_bytes)
        c->cwnd_bytes = c->ssthresh_bytes;
    la_tcp_ecn_reduced(c, busy);
    la_cc_tell_loss(c, LA_LOSS_PROBE_REPAIRED, 0, todo);
    busy->phase = la_cc_resting_phase(c, busy);
    la_cc_tell(c, busy, todo);
}

void
la_tcp_tlp_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_seg *seg,
                 bool dsack, struct la_tcp_todo *todo)
{
    if (!busy->tlp.out || la_seq_lt(seg->ack, busy->tlp.end))
        return;
    bool beyond = la_seq_gt(seg->ack, busy->tlp.end);
    if (!busy->tlp.again || dsack) {
        busy->tlp.out = false;
    } else if (beyond) {
        busy->tlp.out = false;
        if (busy->phase != LA_CC_RECOVERY && busy->phase != LA_CC_LOSS)
            repaired(c, busy, todo);
    } else if (todo->acked_bytes == 0 && seg->sack_n == 0 && seg->len == 0) {
        busy->tlp.out = false; /* both the original and the probe have arrived */
    }
}
