/* SPDX-License-Identifier: MIT
 *
 * cubic.c - CUBIC
 *
 * Read first: RFC 9438 4 (its variables keep their names), 5.8; docs/theory/congestion.md.
 *
 * An epoch is a stage of congestion avoidance: it begins with the first acknowledgement that may
 * grow the window after a reduction, after slow start, and after an idle time that struct
 * la_tcp_busy did not outlast; W_max outlasts that (cc_kept).
 */
#include "tcp/cubic.h"

#include "base/extremes.h"
#include "tcp/congestion.h"
#include "tcp/hystart.h"

/* beta_cubic = 0.7 (4.6); alpha_cubic = 3 * (1 - beta) / (1 + beta) = 9 / 17 (4.3); C = 0.4
 * segments per second cubed (5.1). */
enum { BETA_N = 7, BETA_D = 10, ALPHA_N = 9, ALPHA_D = 17, C_N = 4, C_D = 10 };
/* (1 + beta) / 2, of fast convergence (4.7). */
enum { CONVERGE_N = BETA_D + BETA_N, CONVERGE_D = 2 * BETA_D };
/* Beyond it, every window has been reached: C * (262 s)^3 is 7 million segments. */
enum { T_MS_MAX = (1 << 18) - 1, MS_PER_S = 1000 };

/* ---- arithmetic ------------------------------------------------------------------------- */

uint32_t
la_cubic_root(uint64_t x)
{
    uint64_t y = 0;
    for (int shift = 63; shift >= 0; shift -= 3) { /* one binary digit at a time */
        y *= 2;
        uint64_t step = 3 * y * (y + 1) + 1;
        if (x >> shift >= step) {
            x -= step << shift;
            y++;
        }
    }
    return (uint32_t)y;
}

uint32_t
la_cubic_k_ms(uint32_t gap_bytes, uint32_t smss)
{
    /* In milliseconds cubed; 2^32 * 2.5 * 10^9 fits. */
    uint64_t per_segment = UINT64_C(1000000000) * C_D / C_N;
    uint32_t k_ms = la_cubic_root(gap_bytes * per_segment / smss);
    return k_ms < T_MS_MAX ? k_ms : (uint32_t)T_MS_MAX;
}

uint32_t
la_cubic_growth(uint32_t t_ms, uint32_t smss)
{
    uint64_t t = t_ms < T_MS_MAX ? t_ms : T_MS_MAX; /* t * t * t < 2^54 */
    uint64_t n = t * t * t / MS_PER_S * C_N * smss / ((uint64_t)C_D * MS_PER_S * MS_PER_S);
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static uint32_t
sum(uint32_t a, uint32_t b)
{
    uint32_t n;
    return __builtin_add_overflow(a, b, &n) ? UINT32_MAX : n;
}

/* ---- the epoch -------------------------------------------------------------------------- */

static void
begin(const struct la_tcp_conn *c, struct la_cc_cubic *cubic, la_instant now)
{
    uint32_t cwnd = c->cwnd_bytes;
    cubic->on = true;
    cubic->epoch_at = cubic->grown_at = now;
    cubic->w_est_bytes = cwnd;
    cubic->reno_acked = cubic->rest = 0;
    cubic->k_ms = 0;
    if (cubic->w_max_bytes > cwnd)
        cubic->k_ms = la_cubic_k_ms(cubic->w_max_bytes - cwnd, c->smss);
    else /* W_max unknown (4.8, 4.10), or overtaken while the connection rested */
        cubic->w_max_bytes = cwnd;
    if (cubic->cwnd_prior_bytes == 0)
        cubic->cwnd_prior_bytes = cubic->w_max_bytes;
}

/* W_cubic(t) (4.2 eqn. 1). */
static uint32_t
w_cubic(const struct la_tcp_conn *c, const struct la_cc_cubic *cubic, int64_t t_us)
{
    int64_t since_ms = t_us / LA_US_PER_MS;
    uint32_t t_ms = since_ms < T_MS_MAX ? (uint32_t)since_ms : (uint32_t)T_MS_MAX;
    if (t_ms >= cubic->k_ms)
        return sum(cubic->w_max_bytes, la_cubic_growth(t_ms - cubic->k_ms, c->smss));
    uint32_t below = la_cubic_growth(cubic->k_ms - t_ms, c->smss);
    return cubic->w_max_bytes > below ? cubic->w_max_bytes - below : 0;
}

/* W_est (4.3 eqn. 4): alpha segments for each cwnd that is acknowledged. */
static void
reno_grow(const struct la_tcp_conn *c, struct la_cc_cubic *cubic, uint32_t acked_bytes)
{
    bool caught_up = cubic->w_est_bytes >= cubic->cwnd_prior_bytes; /* then alpha is 1 */
    uint64_t segment = (uint64_t)ALPHA_D * c->cwnd_bytes;
    cubic->reno_acked += (uint64_t)(caught_up ? ALPHA_D : ALPHA_N) * acked_bytes;
    if (cubic->reno_acked < segment)
        return;
    uint64_t n = cubic->reno_acked / segment * c->smss;
    cubic->reno_acked %= segment;
    cubic->w_est_bytes = sum(cubic->w_est_bytes, n < UINT32_MAX ? (uint32_t)n : UINT32_MAX);
}

/* Congestion avoidance: the Reno-friendly region (4.3), or the concave and the convex (4.4, 4.5).
 * (target - cwnd) / cwnd for each segment acknowledged. */
static void
avoid(struct la_tcp_conn *c, struct la_cc_cubic *cubic, const struct la_cc_ack *ack)
{
    if (!cubic->on)
        begin(c, cubic, ack->now);
    uint32_t cwnd = c->cwnd_bytes;
    int64_t t_us = la_instant_diff_us(ack->now, cubic->epoch_at);
    cubic->grown_at = ack->now;
    reno_grow(c, cubic, ack->acked_bytes);
    if (w_cubic(c, cubic, t_us) < cubic->w_est_bytes) {
        c->cwnd_bytes = max32(cwnd, cubic->w_est_bytes);
        return;
    }
    uint32_t target = w_cubic(c, cubic, t_us + c->srtt_us);
    uint32_t room = target > cwnd ? target - cwnd : 0;
    if (room > cwnd / 2) /* target <= 1.5 * cwnd */
        room = cwnd / 2;
    uint64_t grow = (uint64_t)room * ack->acked_bytes + cubic->rest;
    cubic->rest = (uint32_t)(grow % cwnd);
    c->cwnd_bytes = sum(cwnd, (uint32_t)(grow / cwnd));
}

/* 4.2, 5.8: time in which cwnd did not limit what is sent is no part of t. */
static void
pause(struct la_cc_cubic *cubic, la_instant now)
{
    if (!cubic->on)
        return;
    cubic->epoch_at = la_instant_add_us(cubic->epoch_at, la_instant_diff_us(now, cubic->grown_at));
    cubic->grown_at = now;
}

/* ---- the control ------------------------------------------------------------------------ */

static void
cubic_slow_start(struct la_tcp_conn *c, struct la_cc_cubic *cubic, const struct la_cc_ack *ack,
                 la_seq reached)
{
    uint32_t divisor = 1;
    if (la_hystart_is_on(c))
        divisor = la_hystart_acked(c, &cubic->hystart, ack, reached);
    if (divisor != 0) {
        la_cc_slow_start(c, ack, divisor);
        return;
    }
    c->ssthresh_bytes = c->cwnd_bytes; /* RFC 9406 4.2; nothing was lost, so W_max is not known */
    cubic->cwnd_prior_bytes = c->cwnd_bytes; /* 4.10 */
    cubic->w_max_bytes = 0;
}

static bool
cubic_hesitates(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return la_hystart_is_on(c) && busy->cc.cubic.hystart.css_baseline_us != 0;
}

static void
cubic_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_cc_ack *ack)
{
    struct la_cc_cubic *cubic = &busy->cc.cubic;
    const struct la_tcp_rack *rack = &busy->rack;
    la_seq reached = rack->fack_known ? la_seq_max(c->snd_una, rack->fack_next) : c->snd_una;
    /* Where the path reorders, most have only SACKs: HyStart++ needs their round trips, too. */
    if (ack->acked_bytes == 0 && busy->phase == LA_CC_SLOW_START && la_hystart_is_on(c))
        (void)la_hystart_acked(c, &cubic->hystart, ack, reached);
    if (!la_cc_may_grow(busy, ack))
        pause(cubic, ack->now);
    else if (c->cwnd_bytes < c->ssthresh_bytes)
        cubic_slow_start(c, cubic, ack, reached);
    else
        avoid(c, cubic, ack);
}

/* 4.6, 4.7; RFC 8511 would let a mark count for less than a loss: it counts the same. */
static void
cubic_lost(struct la_tcp_conn *c, struct la_tcp_busy *busy, enum la_cc_signal signal,
           uint32_t flight_bytes)
{
    (void)signal;
    struct la_cc_cubic *cubic = &busy->cc.cubic;
    uint32_t cwnd = c->cwnd_bytes;
    uint32_t part = (uint32_t)((uint64_t)flight_bytes * BETA_N / BETA_D);
    cubic->before = (struct la_cubic_before){
        cubic->epoch_at,         cubic->w_max_bytes, cubic->k_ms, cubic->w_est_bytes, cwnd,
        cubic->cwnd_prior_bytes, cubic->on};
    cubic->w_max_bytes =
        cwnd < cubic->w_max_bytes ? (uint32_t)((uint64_t)cwnd * CONVERGE_N / CONVERGE_D) : cwnd;
    cubic->cwnd_prior_bytes = cwnd;
    cubic->on = false;
    c->ssthresh_bytes = max32(part, 2u * c->smss);
}

/* 4.8: the stage after it begins at its own W_max, with K = 0. */
static void
cubic_timed_out(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t flight_bytes, bool again)
{
    if (!again)
        cubic_lost(c, busy, LA_CC_SIGNAL_LOSS, flight_bytes);
    busy->cc.cubic.w_max_bytes = 0;
    c->cwnd_bytes = c->smss; /* the loss window, RFC 5681 3.1 */
}

/* 4.9.2: everything as it was, unless the window is larger than it was meanwhile. */
static void
cubic_undo(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    struct la_cc_cubic *cubic = &busy->cc.cubic;
    const struct la_cubic_before *before = &cubic->before;
    if (before->cwnd_bytes == 0 || c->cwnd_bytes > before->cwnd_bytes)
        return;
    cubic->epoch_at = before->epoch_at;
    cubic->w_max_bytes = before->w_max_bytes;
    cubic->k_ms = before->k_ms;
    cubic->w_est_bytes = before->w_est_bytes;
    cubic->cwnd_prior_bytes = before->cwnd_prior_bytes;
    cubic->on = before->on;
}

static void
cubic_sent(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_cc_sent *sent)
{
    (void)c;
    if (sent->flight_bytes == 0) /* it was idle until now */
        pause(&busy->cc.cubic, sent->now);
}

static void
cubic_rest(struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    c->cc_kept = busy->cc.cubic.w_max_bytes;
}

static void
cubic_resume(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    busy->cc.cubic.w_max_bytes = c->cc_kept;
}

const struct la_cc_ops la_cc_cubic = {
    .name = "cubic",
    .validates = true,
    .open = la_cc_initial_window,
    .acked = cubic_acked,
    .hesitates = cubic_hesitates,
    .lost = cubic_lost,
    .timed_out = cubic_timed_out,
    .undo = cubic_undo,
    .sent = cubic_sent,
    .rest = cubic_rest,
    .resume = cubic_resume,
};
