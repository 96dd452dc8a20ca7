/* SPDX-License-Identifier: MIT
 *
 * congestion.c - the table of congestion controls, and what they share
 *
 * Read first: RFC 5681 3.1, 4.1; RFC 6928 (initial window); RFC 3465 (appropriate byte counting);
 * RFC 2861 (a window that is not used falls); docs/theory/congestion.md.
 */
#include "tcp/congestion.h"

#include <string.h>

#include "base/assert.h"
#include "tcp/rate.h"
#include "tcp/sack.h"
#include "tcp/send.h"
#include "tcp/usage.h"

static const struct la_cc_ops *const controls[] = {&la_cc_reno, &la_cc_cubic, &la_cc_bbr};

uint8_t
la_cc_n(void)
{
    return sizeof(controls) / sizeof(controls[0]);
}

static bool
same_text(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

uint8_t
la_cc_find(const char *name)
{
    for (uint8_t i = 0; i < la_cc_n(); i++)
        if (same_text(controls[i]->name, name))
            return i;
    return UINT8_MAX;
}

bool
la_cc_exists(int64_t idx)
{
    return idx >= 0 && idx < la_cc_n();
}

const struct la_cc_ops *
la_cc_ops(uint8_t idx)
{
    LA_ASSERT(idx < la_cc_n());
    return controls[idx];
}

/* Emits what the congestion state is now, and what has changed when the phase has not. */
static void
tell_why(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, enum la_cc_why why,
         const struct la_tcp_todo *todo)
{
    if (!la_tcp_hears(todo->env, LA_EVENT_CONGESTION))
        return;
    struct la_event ev = {
        .at = todo->now, .kind = LA_EVENT_CONGESTION, .segment_id = todo->segment_id};
    ev.u.congestion.cwnd_bytes = c->cwnd_bytes;
    ev.u.congestion.ssthresh_bytes = c->ssthresh_bytes;
    ev.u.congestion.flight_bytes = la_tcp_flight(c);
    ev.u.congestion.phase = busy->phase;
    ev.u.congestion.why = (uint8_t)why;
    const struct la_cc_ops *ops = la_cc_ops(c->cc);
    ev.u.congestion.pacing_rate = ops->pacing_rate == NULL ? 0 : ops->pacing_rate(c, busy);
    todo->env->emit(todo->env->ctx, c, &ev);
}

void
la_cc_switch(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint8_t idx)
{
    if (c->cc == idx)
        return;
    c->cc = idx & LA_TCP_CC_MASK;
    c->cc_kept = 0;
    if (busy == NULL)
        return;
    memset(&busy->cc, 0, sizeof(busy->cc));
    la_tcp_rate_begin(c, busy, controls[idx]->samples);
    if (controls[idx]->resume != NULL)
        controls[idx]->resume(c, busy);
    if (busy->phase != LA_CC_RECOVERY && busy->phase != LA_CC_LOSS)
        busy->phase = la_cc_resting_phase(c, busy);
    else if (c->ssthresh_bytes > c->cwnd_bytes) /* the one before did without: where it leads to */
        c->ssthresh_bytes = c->cwnd_bytes;
}

/* ---- congestion window validation ------------------------------------------------------- */

/* RFC 6928 2, RFC 5681 3.1. */
static uint32_t
initial_window(const struct la_tcp_conn *c, uint16_t initial_window_n)
{
    uint32_t smss = c->smss, n = initial_window_n;
    if (n == 0) /* RFC 5681: 2 to 4 segments */
        return smss > 2190 ? 2 * smss : smss > 1095 ? 3 * smss : 4 * smss;
    /* RFC 6928: min(10 x MSS, max(2 x MSS, 14600)), the ten being settable */
    uint32_t bytes = n * (smss < 1460 ? smss : 1460u);
    return bytes < 2 * smss ? 2 * smss : bytes;
}

/* RFC 2861 3: what the path was known to carry is where slow start ends. */
static void
remember_window(struct la_tcp_conn *c)
{
    uint32_t most = c->cwnd_bytes - c->cwnd_bytes / 4;
    if (c->ssthresh_bytes < most)
        c->ssthresh_bytes = most;
}

/* RFC 2861 3.1: halved for each RTO without anything sent. DEVIATION(D19): RFC 5681 4.1 goes down
 * to the restart window at once; that is where this ends. */
static void
decay(struct la_tcp_conn *c, uint32_t idle_ms, uint32_t restart_bytes)
{
    uint32_t rto_ms = c->rto_us / LA_US_PER_MS;
    remember_window(c);
    for (uint32_t n = idle_ms / (rto_ms == 0 ? 1 : rto_ms); n > 0 && c->cwnd_bytes > restart_bytes;
         n--) {
        c->cwnd_bytes /= 2;
        if (c->cwnd_bytes < restart_bytes)
            c->cwnd_bytes = restart_bytes;
    }
}

/* RFC 2861 3.2: when cwnd has limited nothing for an RTO, half of what was not used goes. */
static void
use_or_lose(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_todo *todo)
{
    const struct la_tcp_cfg *cfg = todo->env->cfg;
    uint32_t now_ms = la_tcp_ms(todo->now) & ~LA_TCP_IDLE;
    if (todo->ack.limited || busy->phase == LA_CC_RECOVERY || la_tcp_unsent(c, busy) > 0) {
        busy->used_ms = now_ms;
        busy->used_bytes = 0;
        return;
    }
    if (busy->used_bytes < todo->ack.flight_bytes)
        busy->used_bytes = todo->ack.flight_bytes;
    if (!cfg->slow_start_after_idle ||
        ((now_ms - busy->used_ms) & ~LA_TCP_IDLE) < c->rto_us / LA_US_PER_MS)
        return;
    uint32_t least = initial_window(c, cfg->initial_window_n);
    uint32_t used = busy->used_bytes > least ? busy->used_bytes : least;
    if (used < c->cwnd_bytes) {
        remember_window(c);
        c->cwnd_bytes = used + (c->cwnd_bytes - used) / 2;
        tell_why(c, busy, LA_CC_WHY_UNUSED, todo);
    }
    busy->used_ms = now_ms;
    busy->used_bytes = 0;
}

/* Is slow start conservative now (RFC 9406 4.2)? */
static bool
hesitates(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    const struct la_cc_ops *ops = la_cc_ops(c->cc);
    return ops->hesitates != NULL && ops->hesitates(c, busy);
}

/* ---- what happens ----------------------------------------------------------------------- */

void
la_cc_acked(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    struct la_cc_ack *ack = &todo->ack;
    if (busy == NULL || todo->acked_bytes + todo->delivered_bytes == 0)
        return;
    ack->now = todo->now;
    ack->delivered_bytes = todo->acked_bytes + todo->delivered_bytes;
    if (todo->env->cfg->usage_by_window && ack->acked_bytes > 0)
        ack->acked_bytes = la_tcp_usage_news(c, ack->delivered_bytes, todo->duplicates_n);
    ack->lost_bytes = busy->lost_bytes;
    busy->lost_bytes = 0;
    struct la_cc_rate rate;
    ack->rate = la_tcp_rate_sample(busy, c->rtt_us_min, todo->now, &rate) ? &rate : NULL;
    const struct la_cc_ops *ops = la_cc_ops(c->cc);
    bool hesitated = hesitates(c, busy);
    ops->acked(c, busy, ack);
    if (hesitates(c, busy) != hesitated && la_cc_resting_phase(c, busy) == LA_CC_SLOW_START)
        tell_why(c, busy, hesitated ? LA_CC_WHY_CSS_ENDS : LA_CC_WHY_CSS_BEGINS, todo);
    if (ops->validates)
        use_or_lose(c, busy, todo);
    if (busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS)
        return;
    uint8_t phase = la_cc_resting_phase(c, busy);
    if (phase == busy->phase)
        return;
    busy->phase = phase;
    la_cc_tell(c, busy, todo);
}

/* DEVIATION(D26): with reduces_cwnd as Linux, which counts on cwnd not having grown unused. */
uint32_t
la_cc_reduced_from(const struct la_tcp_conn *c, uint32_t flight_bytes, const struct la_tcp_env *env)
{
    return env->cfg->reduces_cwnd || flight_bytes > c->cwnd_bytes ? c->cwnd_bytes : flight_bytes;
}

void
la_cc_range_lost(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_sent *sent,
                 struct la_range range)
{
    uint32_t n = la_tcp_sack_missing(busy, range.start, range.end);
    busy->lost_bytes += n;
    const struct la_cc_ops *ops = la_cc_ops(c->cc);
    struct la_cc_rate rate;
    if (la_tcp_rate_lost(busy, sent, range.end, n, &rate) && ops->range_lost != NULL)
        ops->range_lost(c, busy, range, n, &rate);
}

void
la_cc_undo(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    const struct la_cc_ops *ops = la_cc_ops(c->cc);
    if (ops->undo != NULL)
        ops->undo(c, busy);
}

void
la_cc_wakes(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_todo *todo)
{
    const struct la_cc_ops *ops = la_cc_ops(c->cc);
    const struct la_tcp_cfg *cfg = todo->env->cfg;
    uint32_t idle_ms = la_tcp_ms(todo->now) - c->sent_ms;
    if (idle_ms <= c->rto_us / LA_US_PER_MS)
        return;
    c->sent_ms = la_tcp_ms(todo->now); /* once */
    uint32_t cwnd_bytes = c->cwnd_bytes;
    if (ops->validates && cfg->slow_start_after_idle)
        decay(c, idle_ms, initial_window(c, cfg->initial_window_n));
    if (c->cwnd_bytes < cwnd_bytes)
        tell_why(c, busy, LA_CC_WHY_RESTED, todo);
    if (ops->idle_restart != NULL)
        ops->idle_restart(c, busy, idle_ms);
}

void
la_cc_sent(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_cc_sent *sent)
{
    const struct la_cc_ops *ops = la_cc_ops(c->cc);
    c->sent_ms = la_tcp_ms(sent->now);
    if (ops->sent != NULL)
        ops->sent(c, busy, sent);
}

/* ---- what controls share ---------------------------------------------------------------- */

void
la_cc_initial_window(struct la_tcp_conn *c, uint16_t initial_window_n)
{
    c->cwnd_bytes = initial_window(c, initial_window_n);
    /* RFC 5681 3.1: after a lost SYN the initial window is one segment. */
    if ((c->flags & LA_TCP_F_SYN_RETRANSMITTED) != 0)
        c->cwnd_bytes = c->smss;
    c->ssthresh_bytes = UINT32_MAX;
}

bool
la_cc_may_grow(const struct la_tcp_busy *busy, const struct la_cc_ack *ack)
{
    return ack->acked_bytes > 0 && ack->limited && !ack->recovers && !ack->undone && !ack->ece &&
           busy->phase != LA_CC_RECOVERY;
}

void
la_cc_slow_start(struct la_tcp_conn *c, const struct la_cc_ack *ack, uint32_t divisor)
{
    uint32_t smss = c->smss;
    uint32_t grow = ack->acked_bytes < ack->limit_bytes ? ack->acked_bytes : ack->limit_bytes;
    uint32_t room = c->ssthresh_bytes - c->cwnd_bytes; /* not beyond where slow start ends */
    if (room < smss)
        room = smss;
    grow /= divisor;
    if (__builtin_add_overflow(c->cwnd_bytes, grow < room ? grow : room, &c->cwnd_bytes))
        c->cwnd_bytes = UINT32_MAX;
}

uint8_t
la_cc_resting_phase(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    const struct la_cc_ops *ops = la_cc_ops(c->cc);
    if (ops->phase != NULL)
        return ops->phase(c, busy);
    return c->cwnd_bytes < c->ssthresh_bytes ? LA_CC_SLOW_START : LA_CC_AVOIDANCE;
}

void
la_cc_tell(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
           const struct la_tcp_todo *todo)
{
    tell_why(c, busy, LA_CC_WHY_PHASE, todo);
}

void
la_cc_tell_loss(const struct la_tcp_conn *c, enum la_loss_rule rule, uint32_t after_us,
                struct la_tcp_todo *todo)
{
    if (!la_tcp_hears(todo->env, LA_EVENT_LOSS))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_LOSS, .segment_id = todo->segment_id};
    ev.u.loss.rule = (uint8_t)rule;
    ev.u.loss.after_us = after_us;
    todo->env->emit(todo->env->ctx, c, &ev);
}
