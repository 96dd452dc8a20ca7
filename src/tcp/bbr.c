/* SPDX-License-Identifier: MIT
 *
 * bbr.c - BBR, version 3: the table's entry, Startup and Drain, control parameters, recoveries
 *
 * Read first: draft-ietf-ccwg-bbr-06 5 (its functions are named below); docs/theory/bbr.md, with
 * the figure, and what lastack adds to the draft.
 *
 * DEVIATION(D25): while a connection is idle only the bandwidth is kept (la_tcp_conn.cc_kept),
 * cwnd, and the shortest round trip: it goes on in ProbeBW_CRUISE, as after ProbeRTT.
 */
#include "tcp/bbr.h"

#include "base/extremes.h"
#include "base/time.h"
#include "tcp/again.h"
#include "tcp/congestion.h"
#include "tcp/rate.h"

enum { STARTUP_PACING_GAIN = 277, PACING_MARGIN_PERCENT = 1, BETA_PERCENT = 70 };
enum { FULL_LOSS_N = 6, DRAIN_ROUNDS_MAX = 3, KEPT_SHIFT = 6 };

/* 5.6.1: the gains of each state, percent. */
static uint32_t
pacing_gain(const struct la_cc_bbr *s)
{
    switch (s->phase) {
    case LA_CC_BBR_STARTUP:
        return STARTUP_PACING_GAIN;
    case LA_CC_BBR_DRAIN:
        return 50;
    case LA_CC_BBR_DOWN:
        return 90;
    case LA_CC_BBR_UP:
        return 125;
    default:
        return 100;
    }
}

static uint32_t
cwnd_gain(const struct la_cc_bbr *s)
{
    return s->phase == LA_CC_BBR_PROBE_RTT ? 50 : s->phase == LA_CC_BBR_UP ? 225 : 200;
}

static struct la_bbr
bbr_of(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_cc_rate *rs, la_instant now)
{
    return (struct la_bbr){
        .c = c,
        .busy = busy,
        .s = &busy->cc.bbr,
        .rs = rs,
        .now = now,
        .inflight_bytes = la_tcp_pipe(c, busy),
    };
}

static bool
recovers(const struct la_tcp_busy *busy)
{
    return busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS;
}

/* ---- 5.6.4.4, 5.5.11: recoveries -------------------------------------------------------- */

void
la_bbr_save_cwnd(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    bool modulated = recovers(b->busy) || s->phase == LA_CC_BBR_PROBE_RTT;
    s->prior_cwnd = modulated ? max32(s->prior_cwnd, b->c->cwnd_bytes) : b->c->cwnd_bytes;
}

void
la_bbr_restore_cwnd(struct la_bbr *b)
{
    b->c->cwnd_bytes = max32(b->c->cwnd_bytes, b->s->prior_cwnd);
}

/* SaveStateUponLoss(), once for each recovery. */
static void
save_state(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    la_bbr_save_cwnd(b);
    if (s->saved)
        return;
    s->saved = true;
    s->undo_phase = LA_CC_PHASE_COUNT;
    s->undo_bw_shortterm = s->bw_shortterm;
    s->undo_inflight_shortterm = s->inflight_shortterm;
    s->undo_inflight_longterm = s->inflight_longterm;
}

void
la_bbr_note_loss(struct la_bbr *b)
{
    if (!b->s->is_loss_in_round) {
        b->s->loss_round_delivered = b->busy->rate.delivered;
        save_state(b);
    }
    b->s->is_loss_in_round = true;
}

static void
bbr_range_lost(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range, uint32_t n,
               const struct la_cc_rate *rate)
{
    struct la_bbr b = bbr_of(c, busy, rate, busy->rate.delivered_at);
    struct la_cc_bbr *s = b.s;
    if (!la_seq_eq(range.start, s->lost_end) && s->lost_ranges_n < UINT8_MAX)
        s->lost_ranges_n++;
    s->lost_end = range.end;
    la_bbr_handle_lost(&b, n);
}

/* HandleSpuriousLossDetection(); cwnd has been put back. */
static void
bbr_undo(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    struct la_bbr b = bbr_of(c, busy, NULL, busy->rate.delivered_at);
    struct la_cc_bbr *s = b.s;
    la_bbr_restore_cwnd(&b);
    s->is_loss_in_round = false;
    la_bbr_reset_full_bw(s);
    if (s->undo_bw_shortterm > s->bw_shortterm)
        s->bw_shortterm = s->undo_bw_shortterm;
    s->inflight_shortterm = max32(s->inflight_shortterm, s->undo_inflight_shortterm);
    s->inflight_longterm = max32(s->inflight_longterm, s->undo_inflight_longterm);
    uint8_t before = s->undo_phase;
    s->undo_phase = LA_CC_PHASE_COUNT;
    s->saved = s->recovers = false;
    if (before == LA_CC_BBR_STARTUP && s->phase != LA_CC_BBR_STARTUP) {
        s->full_bw_reached = false;
        if (s->phase != LA_CC_BBR_PROBE_RTT)
            la_bbr_enter_startup(s);
    } else if (before == LA_CC_BBR_UP && s->phase != LA_CC_BBR_UP &&
               s->phase != LA_CC_BBR_PROBE_RTT) {
        la_bbr_start_probe_bw_refill(&b);
    }
}

/* ---- 5.3.1, 5.3.2: Startup and Drain ---------------------------------------------------- */

void
la_bbr_enter_startup(struct la_cc_bbr *s)
{
    s->phase = LA_CC_BBR_STARTUP;
}

static void
enter_drain(struct la_bbr *b)
{
    b->s->phase = LA_CC_BBR_DRAIN;
    b->s->drain_start_round = b->s->round_n;
}

/* Congestion while the rate was doubled: there is no more. */
static void
leave_startup(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    s->undo_phase = LA_CC_BBR_STARTUP;
    s->full_bw_reached = true;
    s->inflight_longterm = max32(la_bbr_bdp(b, la_bbr_bw(s), 100), s->inflight_latest);
    enter_drain(b);
}

/* CheckStartupHighLoss() (5.3.1.3). A round trip of losses begins with the first one, so that the
 * recovery has lasted one when it is over. */
static bool
is_loss_high(struct la_bbr *b, uint32_t lost_bytes)
{
    struct la_cc_bbr *s = b->s;
    if (b->busy->phase != LA_CC_RECOVERY)
        return false;
    if ((b->c->flags & LA_TCP_F_SACK) == 0)
        return lost_bytes > 0;
    return s->loss_round_start && s->lost_ranges_n >= FULL_LOSS_N && la_bbr_is_inflight_too_high(b);
}

/* CheckStartupDone() */
static void
check_startup_done(struct la_bbr *b, uint32_t lost_bytes)
{
    struct la_cc_bbr *s = b->s;
    if (s->phase == LA_CC_BBR_STARTUP) {
        if (s->full_bw_reached)
            enter_drain(b);
        else if (is_loss_high(b, lost_bytes))
            leave_startup(b);
    }
    if (s->loss_round_start)
        s->lost_ranges_n = 0;
}

/* CheckDrainDone() */
static void
check_drain_done(struct la_bbr *b)
{
    const struct la_cc_bbr *s = b->s;
    if (s->phase == LA_CC_BBR_DRAIN && (b->inflight_bytes <= la_bbr_inflight(b, la_bbr_bw(s)) ||
                                        s->round_n > s->drain_start_round + DRAIN_ROUNDS_MAX))
        la_bbr_start_probe_bw_down(b);
}

/* ---- 5.6: control parameters ------------------------------------------------------------ */

/* As long as nothing is known: what the window makes of the round trip, or of a millisecond. */
static uint64_t
bbr_pacing_rate(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    if (busy->cc.bbr.pacing_rate != 0)
        return busy->cc.bbr.pacing_rate;
    uint64_t rtt_us = c->srtt_us != 0 ? c->srtt_us : LA_US_PER_MS;
    return (uint64_t)c->cwnd_bytes * (LA_US_PER_S / 100) * STARTUP_PACING_GAIN / rtt_us + 1;
}

/* SetPacingRateWithGain() */
static void
set_pacing_rate(struct la_bbr *b, uint32_t gain)
{
    uint64_t rate = la_bbr_bw(b->s) * gain / 100 * (100 - PACING_MARGIN_PERCENT) / 100;
    if (rate > 0 && (b->s->full_bw_reached || rate > bbr_pacing_rate(b->c, b->busy)))
        b->s->pacing_rate = rate;
}

/* BoundCwndForModel() */
static void
bound_cwnd(struct la_bbr *b)
{
    const struct la_cc_bbr *s = b->s;
    uint32_t cap = LA_BBR_NO_BYTES;
    if (s->phase == LA_CC_BBR_CRUISE || s->phase == LA_CC_BBR_PROBE_RTT)
        cap = la_bbr_inflight_with_headroom(b);
    else if (la_bbr_is_in_probe_bw(s))
        cap = s->inflight_longterm;
    cap = min32(cap, s->inflight_shortterm);
    cap = max32(cap, la_bbr_min_pipe_cwnd(b->c));
    b->c->cwnd_bytes = min32(b->c->cwnd_bytes, cap);
}

/* SetCwnd(), UpdateMaxInflight(), BoundCwndForProbeRTT() */
static void
set_cwnd(struct la_bbr *b)
{
    struct la_tcp_conn *c = b->c;
    const struct la_cc_bbr *s = b->s;
    uint32_t max_inflight = la_bbr_bdp(b, la_bbr_bw(s), cwnd_gain(s)) + la_bbr_extra_acked(s);
    max_inflight = la_bbr_quantized(b, max_inflight);
    uint32_t grown = min32(c->cwnd_bytes, (uint32_t)INT32_MAX) + b->newly_acked;
    if (s->full_bw_reached)
        c->cwnd_bytes = min32(grown, max_inflight);
    else if (c->cwnd_bytes < max_inflight || b->busy->rate.delivered < 10u * c->smss)
        c->cwnd_bytes = grown;
    c->cwnd_bytes = max32(c->cwnd_bytes, la_bbr_min_pipe_cwnd(c));
    if (s->phase == LA_CC_BBR_PROBE_RTT)
        c->cwnd_bytes = min32(c->cwnd_bytes, la_bbr_probe_rtt_cwnd(b));
    bound_cwnd(b);
}

/* ---- the table -------------------------------------------------------------------------- */

/* UpdateModelAndState() */
static void
update_model_and_state(struct la_bbr *b, uint32_t lost_bytes)
{
    la_bbr_update_latest_delivery_signals(b);
    la_bbr_update_congestion_signals(b);
    la_bbr_update_ack_aggregation(b);
    la_bbr_check_full_bw_reached(b);
    check_startup_done(b, lost_bytes);
    check_drain_done(b);
    la_bbr_update_probe_bw_cycle_phase(b);
    la_bbr_update_min_rtt(b);
    la_bbr_check_probe_rtt(b);
    la_bbr_advance_latest_delivery_signals(b);
}

static void
bbr_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_cc_ack *ack)
{
    struct la_bbr b = bbr_of(c, busy, ack->rate, ack->now);
    struct la_cc_bbr *s = b.s;
    b.newly_acked = ack->delivered_bytes;
    if (busy->rate.cwnd_limited && la_seq_gt(c->snd_una, busy->rate.cwnd_limited_end))
        busy->rate.cwnd_limited = false;
    if (s->recovers && !recovers(busy)) {
        la_bbr_restore_cwnd(&b);
        s->saved = false;
    }
    s->recovers = recovers(busy);
    if (b.rs != NULL)
        update_model_and_state(&b, ack->lost_bytes);
    set_pacing_rate(&b, pacing_gain(s));
    set_cwnd(&b);
    c->ssthresh_bytes = UINT32_MAX; /* there is none */
}

static void
bbr_lost(struct la_tcp_conn *c, struct la_tcp_busy *busy, enum la_cc_signal signal,
         uint32_t flight_bytes)
{
    struct la_cc_rate rs = {.flight_bytes = flight_bytes};
    struct la_bbr b = bbr_of(c, busy, &rs, busy->rate.delivered_at);
    struct la_cc_bbr *s = b.s;
    la_bbr_note_loss(&b);
    save_state(&b);
    if (signal != LA_CC_SIGNAL_ECN)
        return;
    s->is_mark_in_round = true;
    /* DEVIATION(D23): a mark counts as losses beyond the threshold would. */
    c->ssthresh_bytes =
        max32((uint32_t)((uint64_t)c->cwnd_bytes * BETA_PERCENT / 100), la_bbr_min_pipe_cwnd(c));
    if (s->phase == LA_CC_BBR_STARTUP)
        leave_startup(&b);
    else if (s->is_bw_probe_sample)
        la_bbr_handle_inflight_too_high(&b);
}

/* OnEnterRTO() */
static void
bbr_timed_out(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t flight_bytes, bool again)
{
    (void)flight_bytes;
    (void)again;
    struct la_bbr b = bbr_of(c, busy, NULL, busy->rate.delivered_at);
    la_bbr_note_loss(&b);
    save_state(&b);
    la_tcp_rate_lost_count(busy, b.inflight_bytes);
    c->cwnd_bytes = c->smss;
}

/* InitPacingRate(), HandleRestartFromIdle() (5.4.1) */
static void
bbr_sent(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_cc_sent *sent)
{
    if (busy->cc.bbr.pacing_rate == 0 && c->srtt_us != 0)
        busy->cc.bbr.pacing_rate =
            bbr_pacing_rate(c, busy); /* the window's, when it was first used */
    if (sent->flight_bytes != 0 || !busy->rate.app_limited)
        return;
    struct la_bbr b = bbr_of(c, busy, NULL, sent->now);
    b.s->idle_restart = true;
    b.s->extra_acked_at = sent->now;
    if (la_bbr_is_in_probe_bw(b.s))
        set_pacing_rate(&b, 100);
    else if (b.s->phase == LA_CC_BBR_PROBE_RTT)
        la_bbr_check_probe_rtt_done(&b);
}

static uint8_t
bbr_phase(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    if (busy != NULL)
        return busy->cc.bbr.phase;
    return c->cc_kept != 0 ? LA_CC_BBR_CRUISE : LA_CC_BBR_STARTUP;
}

static void
bbr_rest(struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    const struct la_cc_bbr *s = &busy->cc.bbr;
    uint64_t bw = la_bbr_max_bw(s) >> KEPT_SHIFT;
    c->cc_kept = !s->full_bw_reached ? 0 : bw > UINT32_MAX ? UINT32_MAX : (uint32_t)bw;
    if (recovers(busy) || s->phase == LA_CC_BBR_PROBE_RTT)
        c->cwnd_bytes = max32(c->cwnd_bytes, s->prior_cwnd);
}

static void
bbr_resume(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    struct la_cc_bbr *s = &busy->cc.bbr;
    la_instant now = busy->progress_at;
    la_bbr_init(s, now);
    s->phase = LA_CC_BBR_STARTUP;
    if (c->cc_kept == 0)
        return;
    /* The filters' windows go on while nothing is sent. */
    uint32_t idle_ms = la_tcp_ms(now) - c->sent_ms;
    la_instant measured_at = la_instant_add_us(now, -(int64_t)idle_ms * LA_US_PER_MS);
    s->full_bw_reached = true;
    s->max_bw[1] = (uint64_t)c->cc_kept << KEPT_SHIFT;
    s->min_rtt_us = s->probe_rtt_min_us = c->rtt_us_min;
    s->min_rtt_at = s->probe_rtt_min_at = measured_at;
    struct la_bbr b = {.c = c, .busy = busy, .s = s, .now = now};
    la_bbr_start_probe_bw_down(&b);
    la_bbr_start_probe_bw_cruise(&b);
    set_pacing_rate(&b, 100);
}

const struct la_cc_ops la_cc_bbr = {
    .name = "bbr",
    .in_recovery = true,
    .samples = true,
    .open = la_cc_initial_window,
    .acked = bbr_acked,
    .lost = bbr_lost,
    .timed_out = bbr_timed_out,
    .undo = bbr_undo,
    .sent = bbr_sent,
    .range_lost = bbr_range_lost,
    .phase = bbr_phase,
    .pacing_rate = bbr_pacing_rate,
    .rest = bbr_rest,
    .resume = bbr_resume,
};
