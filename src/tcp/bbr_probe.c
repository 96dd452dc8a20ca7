/* SPDX-License-Identifier: MIT
 *
 * bbr_probe.c - ProbeBW and ProbeRTT: when BBR sends faster and slower than the path delivers
 *
 * Read first: draft-ietf-ccwg-bbr-06 5.3.3, 5.3.4, 5.5.10.2 (their functions are named below).
 */
#include "tcp/bbr.h"

#include "base/extremes.h"
#include "base/time.h"
#include "tcp/rate.h"

enum { HEADROOM_PERCENT = 15, BETA_PERCENT = 70, LOSS_THRESH_PERCENT = 2 };
enum { RENO_ROUNDS_MAX = 63, UP_ROUNDS_MAX = 30, PROBE_RTT_GAIN = 50 };
#define PROBE_RTT_US (200 * LA_US_PER_MS)
#define PROBE_WAIT_US (2 * LA_US_PER_S)

static uint32_t
add_saturating(uint32_t a, uint32_t b)
{
    uint32_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

bool
la_bbr_is_in_probe_bw(const struct la_cc_bbr *s)
{
    return s->phase == LA_CC_BBR_DOWN || s->phase == LA_CC_BBR_CRUISE ||
           s->phase == LA_CC_BBR_REFILL || s->phase == LA_CC_BBR_UP;
}

/* ---- 5.3.3.9: entering each state -------------------------------------------------------- */

/* PickProbeWait(). What is random there comes from the connection's initial number, so that
 * connections differ and a run does not. */
static void
pick_probe_wait(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    uint32_t drawn = (b->c->iss.v + ++s->cycles_n * UINT32_C(0x9e3779b9)) * UINT32_C(0x85ebca6b);
    drawn ^= drawn >> 15;
    s->rounds_since_probe_up = drawn & 1;
    s->bw_probe_wait_us = (uint32_t)PROBE_WAIT_US + (drawn >> 1) % (uint32_t)LA_US_PER_S;
}

void
la_bbr_start_probe_bw_down(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    la_bbr_reset_congestion_signals(s);
    s->probe_up_acked_per_inc = LA_BBR_NO_BYTES;
    pick_probe_wait(b);
    s->cycle_at = b->now;
    s->ack_phase = LA_BBR_ACKS_PROBE_STOPPING;
    la_bbr_start_round(b);
    s->phase = LA_CC_BBR_DOWN;
}

void
la_bbr_start_probe_bw_cruise(struct la_bbr *b)
{
    b->s->phase = LA_CC_BBR_CRUISE;
}

void
la_bbr_start_probe_bw_refill(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    la_bbr_reset_shortterm(s);
    s->bw_probe_up_rounds = 0;
    s->bw_probe_up_acked = 0;
    s->prev_probe_precautionary = false;
    s->ack_phase = LA_BBR_ACKS_REFILLING;
    la_bbr_start_round(b);
    s->phase = LA_CC_BBR_REFILL;
}

/* RaiseInflightLongtermSlope() */
static void
raise_slope(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    uint32_t growth = UINT32_C(1) << s->bw_probe_up_rounds;
    if (s->bw_probe_up_rounds < UP_ROUNDS_MAX)
        s->bw_probe_up_rounds++;
    s->probe_up_acked_per_inc = max32(b->c->cwnd_bytes / growth, b->c->smss);
}

static void
start_probe_bw_up(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    s->ack_phase = LA_BBR_ACKS_PROBE_STARTING;
    la_bbr_start_round(b);
    la_bbr_reset_full_bw(s);
    s->full_bw = b->rs->rate;
    s->phase = LA_CC_BBR_UP;
    raise_slope(b);
}

/* ---- when to go on ---------------------------------------------------------------------- */

/* IsTimeToProbeBW(), IsRenoCoexistenceProbeTime() */
static bool
is_time_to_probe_bw(const struct la_bbr *b)
{
    const struct la_cc_bbr *s = b->s;
    if (la_instant_diff_us(b->now, s->cycle_at) > s->bw_probe_wait_us)
        return true;
    uint32_t reno_rounds = la_bbr_target_inflight(b) / b->c->smss;
    uint32_t rounds = reno_rounds < RENO_ROUNDS_MAX ? reno_rounds : RENO_ROUNDS_MAX;
    return s->rounds_since_probe_up >= rounds;
}

uint32_t
la_bbr_inflight_with_headroom(const struct la_bbr *b)
{
    uint32_t longterm = b->s->inflight_longterm;
    if (longterm == LA_BBR_NO_BYTES)
        return LA_BBR_NO_BYTES;
    uint32_t headroom = max32(b->c->smss, (uint32_t)((uint64_t)longterm * HEADROOM_PERCENT / 100));
    uint32_t rest = longterm > headroom ? longterm - headroom : 0;
    return max32(rest, la_bbr_min_pipe_cwnd(b->c));
}

/* IsTimeToCruise() */
static bool
is_time_to_cruise(const struct la_bbr *b)
{
    return b->inflight_bytes <= la_bbr_inflight_with_headroom(b) &&
           b->inflight_bytes <= la_bbr_inflight(b, la_bbr_max_bw(b->s));
}

/* IsTimeToGoDown() */
static bool
is_time_to_go_down(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    if (s->prev_probe_too_high && b->inflight_bytes >= s->inflight_longterm) {
        s->prev_probe_precautionary = true;
        return true;
    }
    if (b->busy->rate.cwnd_limited && b->c->cwnd_bytes >= s->inflight_longterm) {
        la_bbr_reset_full_bw(s); /* it is inflight_longterm that limits the rate */
        s->full_bw = b->rs->rate;
        return false;
    }
    return s->full_bw_now;
}

/* ---- the long-term model ---------------------------------------------------------------- */

/* ProbeInflightLongtermUpward() */
static void
probe_longterm_upward(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    if (!b->busy->rate.cwnd_limited || b->c->cwnd_bytes < s->inflight_longterm)
        return;
    s->bw_probe_up_acked = add_saturating(s->bw_probe_up_acked, b->newly_acked);
    if (s->bw_probe_up_acked >= s->probe_up_acked_per_inc) {
        uint32_t delta = s->bw_probe_up_acked / s->probe_up_acked_per_inc;
        s->bw_probe_up_acked -= delta * s->probe_up_acked_per_inc;
        s->inflight_longterm = add_saturating(s->inflight_longterm, delta * b->c->smss);
    }
    if (s->round_start)
        raise_slope(b);
}

/* AdaptLongTermModel(). True: the state has changed. */
static bool
adapt_longterm_model(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    if (s->ack_phase == LA_BBR_ACKS_PROBE_STARTING && s->round_start)
        s->ack_phase = LA_BBR_ACKS_PROBE_FEEDBACK;
    if (s->ack_phase == LA_BBR_ACKS_PROBE_STOPPING && s->round_start) {
        s->is_bw_probe_sample = false;
        s->ack_phase = LA_BBR_ACKS_INIT;
        if (la_bbr_is_in_probe_bw(s) && !b->rs->app_limited) { /* AdvanceMaxBwFilter() */
            s->max_bw[0] = s->max_bw[1];
            s->max_bw[1] = 0;
        }
        /* The cautious probe did no harm: the next one may last. */
        if (la_bbr_is_in_probe_bw(s) && s->prev_probe_precautionary && !s->prev_probe_too_high) {
            la_bbr_start_probe_bw_refill(b);
            return true;
        }
    }
    if (la_bbr_is_inflight_too_high(b) || s->inflight_longterm == LA_BBR_NO_BYTES)
        return false;
    s->inflight_longterm = max32(s->inflight_longterm, b->rs->flight_bytes);
    if (s->phase == LA_CC_BBR_UP)
        probe_longterm_upward(b);
    return false;
}

void
la_bbr_update_probe_bw_cycle_phase(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    if (!s->full_bw_reached || adapt_longterm_model(b))
        return;
    switch (s->phase) {
    case LA_CC_BBR_DOWN:
        if (is_time_to_probe_bw(b))
            la_bbr_start_probe_bw_refill(b);
        else if (is_time_to_cruise(b))
            la_bbr_start_probe_bw_cruise(b);
        break;
    case LA_CC_BBR_CRUISE:
        if (is_time_to_probe_bw(b))
            la_bbr_start_probe_bw_refill(b);
        break;
    case LA_CC_BBR_REFILL:
        if (s->round_start) {
            s->is_bw_probe_sample = true;
            start_probe_bw_up(b);
        }
        break;
    case LA_CC_BBR_UP:
        if (is_time_to_go_down(b)) {
            s->prev_probe_too_high = false; /* not yet */
            la_bbr_start_probe_bw_down(b);
        }
        break;
    default:
        break;
    }
}

/* ---- 5.5.10.2: losses that probing has caused ------------------------------------------- */

void
la_bbr_handle_inflight_too_high(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    s->prev_probe_too_high = true;
    s->is_bw_probe_sample = false; /* once for each probe */
    if (!b->rs->app_limited) {
        uint32_t least = (uint32_t)((uint64_t)la_bbr_target_inflight(b) * BETA_PERCENT / 100);
        s->inflight_longterm = max32(b->rs->flight_bytes, least);
    }
    if (s->phase != LA_CC_BBR_UP)
        return;
    s->undo_phase = LA_CC_BBR_UP;
    la_bbr_start_probe_bw_down(b);
}

/* InflightAtLoss(): what was in flight when the losses, among the n octets that were sent together,
 * passed the threshold. */
static uint32_t
inflight_at_loss(const struct la_bbr *b, uint32_t n)
{
    uint32_t flight_prev = b->rs->flight_bytes > n ? b->rs->flight_bytes - n : 0;
    uint32_t lost_prev = b->rs->lost_bytes > n ? b->rs->lost_bytes - n : 0;
    uint64_t allowed = (uint64_t)flight_prev * LOSS_THRESH_PERCENT;
    uint64_t had = (uint64_t)lost_prev * 100;
    uint64_t prefix = allowed > had ? (allowed - had) / (100 - LOSS_THRESH_PERCENT) : 0;
    return add_saturating(flight_prev, (uint32_t)prefix);
}

void
la_bbr_handle_lost(struct la_bbr *b, uint32_t n)
{
    la_bbr_note_loss(b);
    if (!b->s->is_bw_probe_sample || !la_bbr_is_inflight_too_high(b))
        return;
    struct la_cc_rate rs = *b->rs;
    rs.flight_bytes = inflight_at_loss(b, n);
    b->rs = &rs;
    la_bbr_handle_inflight_too_high(b);
    b->rs = NULL;
}

/* ---- 5.3.4: ProbeRTT -------------------------------------------------------------------- */

uint32_t
la_bbr_probe_rtt_cwnd(const struct la_bbr *b)
{
    uint32_t half = la_bbr_bdp(b, la_bbr_bw(b->s), PROBE_RTT_GAIN);
    return max32(half, la_bbr_min_pipe_cwnd(b->c));
}

/* ExitProbeRTT() */
static void
exit_probe_rtt(struct la_bbr *b)
{
    la_bbr_reset_shortterm(b->s);
    if (b->s->full_bw_reached) {
        la_bbr_start_probe_bw_down(b);
        la_bbr_start_probe_bw_cruise(b);
    } else {
        la_bbr_enter_startup(b->s);
    }
}

void
la_bbr_check_probe_rtt_done(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    if (la_instant_is_never(s->probe_rtt_done_at) || la_instant_le(b->now, s->probe_rtt_done_at))
        return;
    s->probe_rtt_min_at = b->now; /* the next one is an interval away */
    la_bbr_restore_cwnd(b);
    exit_probe_rtt(b);
}

/* HandleProbeRTT() */
static void
handle_probe_rtt(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    la_tcp_rate_limit(b->busy, b->inflight_bytes); /* its samples are low by intent */
    if (la_instant_is_never(s->probe_rtt_done_at)) {
        if (b->inflight_bytes > la_bbr_probe_rtt_cwnd(b))
            return;
        s->probe_rtt_done_at = la_instant_add_us(b->now, PROBE_RTT_US);
        s->probe_rtt_round_done = false;
        la_bbr_start_round(b);
        return;
    }
    s->probe_rtt_round_done |= s->round_start;
    if (s->probe_rtt_round_done)
        la_bbr_check_probe_rtt_done(b);
}

void
la_bbr_check_probe_rtt(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    if (s->phase != LA_CC_BBR_PROBE_RTT && s->probe_rtt_expired && !s->idle_restart) {
        la_bbr_save_cwnd(b);
        s->phase = LA_CC_BBR_PROBE_RTT;
        s->probe_rtt_done_at = LA_INSTANT_NEVER;
        s->ack_phase = LA_BBR_ACKS_PROBE_STOPPING;
        la_bbr_start_round(b);
    }
    if (s->phase == LA_CC_BBR_PROBE_RTT)
        handle_probe_rtt(b);
    if (b->rs->delivered_bytes > 0)
        s->idle_restart = false;
}
