/* SPDX-License-Identifier: MIT
 *
 * bbr_model.c - BBR's model of the path: rates, round trips, volumes
 *
 * Read first: draft-ietf-ccwg-bbr-06 5.5 (its functions are named below), 5.3.1.2, 5.6.4.2.
 */
#include "tcp/bbr.h"

#include "base/extremes.h"
#include "base/time.h"
#include "tcp/pace.h"

enum { LOSS_THRESH_PERCENT = 2, BETA_PERCENT = 70, FULL_BW_GROWTH_PERCENT = 125, FULL_BW_N = 3 };
enum { EXTRA_ACKED_HALF_ROUNDS = 5, OFFLOAD_QUANTA = 3, MIN_PIPE_SEGMENTS = 4 };
#define PROBE_RTT_INTERVAL_US (5 * LA_US_PER_S)
#define MIN_RTT_FILTER_US (10 * LA_US_PER_S)
/* What a product of rate and time may be made of: 68 GB/s, 134 s. */
#define BW_MAX (UINT64_C(1) << 36)
#define RTT_US_MAX (UINT32_C(1) << 27)

static bool
is_reached(uint32_t count, uint32_t mark)
{
    return (int32_t)(count - mark) >= 0;
}

void
la_bbr_init(struct la_cc_bbr *s, la_instant now)
{
    *s = (struct la_cc_bbr){
        .min_rtt_at = now,
        .probe_rtt_min_at = now,
        .probe_rtt_done_at = LA_INSTANT_NEVER,
        .cycle_at = now,
        .extra_acked_at = now,
        .min_rtt_us = UINT32_MAX,
        .probe_rtt_min_us = UINT32_MAX,
        .inflight_longterm = LA_BBR_NO_BYTES,
        .probe_up_acked_per_inc = LA_BBR_NO_BYTES,
        .undo_phase = LA_CC_PHASE_COUNT,
    };
    la_bbr_reset_shortterm(s);
}

/* ---- volumes ---------------------------------------------------------------------------- */

uint64_t
la_bbr_max_bw(const struct la_cc_bbr *s)
{
    return max64(s->max_bw[0], s->max_bw[1]);
}

uint64_t
la_bbr_bw(const struct la_cc_bbr *s)
{
    return min64(la_bbr_max_bw(s), s->bw_shortterm);
}

static uint32_t
clamp32(uint64_t n)
{
    return n > INT32_MAX ? (uint32_t)INT32_MAX : (uint32_t)n;
}

uint32_t
la_bbr_bdp(const struct la_bbr *b, uint64_t bw, uint32_t gain)
{
    if (b->s->min_rtt_us == UINT32_MAX || bw == 0)
        return 10u * b->c->smss; /* C.InitialCwnd: no samples yet */
    uint64_t rtt_us = min64(b->s->min_rtt_us, RTT_US_MAX);
    return clamp32(min64(bw, BW_MAX) * rtt_us / LA_US_PER_S * gain / 100);
}

uint32_t
la_bbr_min_pipe_cwnd(const struct la_tcp_conn *c)
{
    return MIN_PIPE_SEGMENTS * (uint32_t)c->smss;
}

uint32_t
la_bbr_quantized(const struct la_bbr *b, uint32_t inflight_cap)
{
    uint32_t offload_budget = OFFLOAD_QUANTA * la_tcp_pacing_quantum(b->c, b->s->pacing_rate);
    inflight_cap = max32(inflight_cap, offload_budget);
    inflight_cap = max32(inflight_cap, la_bbr_min_pipe_cwnd(b->c));
    return b->s->phase == LA_CC_BBR_UP ? inflight_cap + 2u * b->c->smss : inflight_cap;
}

uint32_t
la_bbr_inflight(const struct la_bbr *b, uint64_t bw)
{
    return la_bbr_quantized(b, la_bbr_bdp(b, bw, 100));
}

uint32_t
la_bbr_target_inflight(const struct la_bbr *b)
{
    uint32_t bdp = la_bbr_bdp(b, la_bbr_bw(b->s), 100);
    return bdp < b->c->cwnd_bytes ? bdp : b->c->cwnd_bytes;
}

/* ---- 5.5.1, 5.5.5: round trips, the maximum rate ---------------------------------------- */

void
la_bbr_start_round(struct la_bbr *b)
{
    b->s->next_round_delivered = b->busy->rate.delivered;
}

/* UpdateRound() */
static void
update_round(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    s->round_start = is_reached(b->rs->prior_delivered, s->next_round_delivered);
    if (!s->round_start)
        return;
    la_bbr_start_round(b);
    s->round_n++;
    s->rounds_since_probe_up++;
}

/* UpdateMaxBw() */
static void
update_max_bw(struct la_bbr *b)
{
    update_round(b);
    uint64_t rate = b->rs->rate;
    if (rate > 0 && (rate >= la_bbr_max_bw(b->s) || !b->rs->app_limited))
        b->s->max_bw[1] = max64(b->s->max_bw[1], rate);
}

/* ---- 5.5.9: aggregation ----------------------------------------------------------------- */

uint32_t
la_bbr_extra_acked(const struct la_cc_bbr *s)
{
    return max32(s->extra_acked[0], s->extra_acked[1]);
}

/* The filter's window moves by half of it. */
static void
advance_extra_acked(struct la_cc_bbr *s)
{
    uint8_t half = s->full_bw_reached ? EXTRA_ACKED_HALF_ROUNDS : 1;
    if (!s->round_start || ++s->extra_acked_rounds_n < half)
        return;
    s->extra_acked_rounds_n = 0;
    s->extra_acked[0] = s->full_bw_reached ? s->extra_acked[1] : 0;
    s->extra_acked[1] = 0;
}

void
la_bbr_update_ack_aggregation(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    int64_t since_us = la_instant_diff_us(b->now, s->extra_acked_at);
    uint64_t interval_us = min64((uint64_t)(since_us < 0 ? 0 : since_us), RTT_US_MAX);
    uint64_t expected = min64(la_bbr_bw(s), BW_MAX) * interval_us / LA_US_PER_S;
    if (s->extra_acked_bytes <= expected) {
        s->extra_acked_bytes = 0;
        s->extra_acked_at = b->now;
        expected = 0;
    }
    s->extra_acked_bytes = clamp32((uint64_t)s->extra_acked_bytes + b->newly_acked);
    uint64_t extra = s->extra_acked_bytes > expected ? s->extra_acked_bytes - expected : 0;
    advance_extra_acked(s);
    s->extra_acked[1] = max32(s->extra_acked[1], clamp32(min64(extra, b->c->cwnd_bytes)));
}

/* ---- 5.3.1.2: is the pipe full? --------------------------------------------------------- */

void
la_bbr_reset_full_bw(struct la_cc_bbr *s)
{
    s->full_bw = 0;
    s->full_bw_n = 0;
    s->full_bw_now = false;
}

void
la_bbr_check_full_bw_reached(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    if (s->full_bw_now || !s->round_start || b->rs->app_limited || b->rs->rate == 0)
        return;
    if (b->rs->rate >= s->full_bw * FULL_BW_GROWTH_PERCENT / 100) {
        la_bbr_reset_full_bw(s);
        s->full_bw = b->rs->rate;
        return;
    }
    s->full_bw_now = ++s->full_bw_n >= FULL_BW_N;
    if (s->full_bw_now)
        s->full_bw_reached = true;
}

/* ---- 5.5.7: the shortest round trip ----------------------------------------------------- */

void
la_bbr_update_min_rtt(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    uint32_t rtt_us = b->rs->rtt_us;
    s->probe_rtt_expired = la_instant_diff_us(b->now, s->probe_rtt_min_at) > PROBE_RTT_INTERVAL_US;
    if (rtt_us != 0 && (rtt_us < s->probe_rtt_min_us || s->probe_rtt_expired)) {
        s->probe_rtt_min_us = rtt_us;
        s->probe_rtt_min_at = b->now;
    }
    bool min_rtt_expired = la_instant_diff_us(b->now, s->min_rtt_at) > MIN_RTT_FILTER_US;
    if (s->probe_rtt_min_us < s->min_rtt_us || min_rtt_expired) {
        s->min_rtt_us = s->probe_rtt_min_us;
        s->min_rtt_at = s->probe_rtt_min_at;
    }
}

/* ---- 5.5.10: congestion ----------------------------------------------------------------- */

bool
la_bbr_is_inflight_too_high(const struct la_bbr *b)
{
    uint64_t lost = b->rs->lost_bytes;
    return lost * 100 > (uint64_t)b->rs->flight_bytes * LOSS_THRESH_PERCENT ||
           (lost > 0 && (b->c->flags & LA_TCP_F_SACK) == 0);
}

void
la_bbr_reset_congestion_signals(struct la_cc_bbr *s)
{
    s->is_loss_in_round = s->is_mark_in_round = false;
    s->bw_latest = 0;
    s->inflight_latest = 0;
}

void
la_bbr_reset_shortterm(struct la_cc_bbr *s)
{
    s->bw_shortterm = LA_BBR_NO_RATE;
    s->inflight_shortterm = LA_BBR_NO_BYTES;
}

void
la_bbr_update_latest_delivery_signals(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    s->bw_latest = max64(s->bw_latest, b->rs->rate);
    s->inflight_latest = max32(s->inflight_latest, b->rs->delivered_bytes);
    s->loss_round_start = is_reached(b->rs->prior_delivered, s->loss_round_delivered);
    if (s->loss_round_start)
        s->loss_round_delivered = b->busy->rate.delivered;
}

void
la_bbr_advance_latest_delivery_signals(struct la_bbr *b)
{
    if (!b->s->loss_round_start)
        return;
    b->s->bw_latest = b->rs->rate;
    b->s->inflight_latest = b->rs->delivered_bytes;
}

/* IsProbingBW() */
static bool
is_probing_bw(const struct la_cc_bbr *s)
{
    return s->phase == LA_CC_BBR_STARTUP || s->phase == LA_CC_BBR_REFILL ||
           s->phase == LA_CC_BBR_UP;
}

/* AdaptLowerBoundsFromCongestion(), InitLowerBounds(), LossLowerBounds(). DEVIATION(D24): not for
 * losses below the threshold; the draft lowers the bounds for any. */
static void
adapt_lower_bounds(struct la_bbr *b)
{
    struct la_cc_bbr *s = b->s;
    bool heeded = s->is_mark_in_round || la_bbr_is_inflight_too_high(b);
    if (is_probing_bw(s) || !s->is_loss_in_round || !heeded)
        return;
    if (s->bw_shortterm == LA_BBR_NO_RATE)
        s->bw_shortterm = la_bbr_max_bw(s);
    if (s->inflight_shortterm == LA_BBR_NO_BYTES)
        s->inflight_shortterm = b->c->cwnd_bytes;
    s->bw_shortterm = max64(s->bw_latest, s->bw_shortterm * BETA_PERCENT / 100);
    s->inflight_shortterm =
        max32(s->inflight_latest, clamp32((uint64_t)s->inflight_shortterm * BETA_PERCENT / 100));
}

void
la_bbr_update_congestion_signals(struct la_bbr *b)
{
    update_max_bw(b);
    if (!b->s->loss_round_start)
        return;
    adapt_lower_bounds(b);
    b->s->is_loss_in_round = b->s->is_mark_in_round = false;
}
