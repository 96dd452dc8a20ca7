/* SPDX-License-Identifier: MIT
 *
 * congestion.c - the table of congestion controls, and Reno
 *
 * Read first: RFC 5681 3.1 (slow start, congestion avoidance), 3.2; RFC 6928 (initial window);
 * RFC 3465 (appropriate byte counting).
 */
#include "tcp/congestion.h"

#include "base/assert.h"

static uint32_t
max32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t
add_saturating(uint32_t a, uint32_t b)
{
    uint32_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

static void
reno_open(struct la_tcp_conn *c, uint16_t initial_window_n)
{
    uint32_t smss = c->smss;
    if (initial_window_n == 0) /* RFC 5681 3.1: 2 to 4 segments */
        c->cwnd_bytes = smss > 2190 ? 2 * smss : smss > 1095 ? 3 * smss : 4 * smss;
    else /* RFC 6928 2: min(10 x MSS, max(2 x MSS, 14600)), the ten being settable */
        c->cwnd_bytes = max32(2 * smss, initial_window_n * smss < 1460u * initial_window_n
                                            ? initial_window_n * smss
                                            : 1460u * initial_window_n);
    /* RFC 5681 3.1: after a lost SYN the initial window is one segment. */
    if ((c->flags & LA_TCP_F_SYN_RETRANSMITTED) != 0)
        c->cwnd_bytes = smss;
    c->ssthresh_bytes = UINT32_MAX;
}

static void
reno_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t acked_bytes,
           uint32_t limit_bytes)
{
    uint32_t smss = c->smss;
    if (c->cwnd_bytes < c->ssthresh_bytes) {
        /* RFC 5681 3.1 eqn. 2, RFC 3465 2.2; not beyond where slow start ends. */
        uint32_t grow = acked_bytes < limit_bytes ? acked_bytes : limit_bytes;
        uint32_t room = max32(c->ssthresh_bytes - c->cwnd_bytes, smss);
        c->cwnd_bytes = add_saturating(c->cwnd_bytes, grow < room ? grow : room);
        busy->acked_bytes = 0;
        return;
    }
    /* RFC 5681 3.1: one SMSS per cwnd acknowledged. */
    busy->acked_bytes = add_saturating(busy->acked_bytes, acked_bytes);
    if (busy->acked_bytes >= c->cwnd_bytes) {
        busy->acked_bytes -= c->cwnd_bytes;
        c->cwnd_bytes = add_saturating(c->cwnd_bytes, smss);
    }
}

static void
reno_lost(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t flight_bytes)
{
    busy->acked_bytes = 0;
    c->ssthresh_bytes = max32(flight_bytes / 2, 2u * c->smss); /* RFC 5681 3.1 eqn. 4 */
}

static void
reno_timed_out(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t flight_bytes)
{
    reno_lost(c, busy, flight_bytes);
    c->cwnd_bytes = c->smss; /* the loss window, RFC 5681 3.1 */
}

static const struct la_cc_ops controls[] = {
    {"reno", reno_open, reno_acked, reno_lost, reno_timed_out},
};

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
        if (same_text(controls[i].name, name))
            return i;
    return UINT8_MAX;
}

const struct la_cc_ops *
la_cc_ops(uint8_t idx)
{
    LA_ASSERT(idx < la_cc_n());
    return &controls[idx];
}

uint8_t
la_cc_resting_phase(const struct la_tcp_conn *c)
{
    return c->cwnd_bytes < c->ssthresh_bytes ? LA_CC_SLOW_START : LA_CC_AVOIDANCE;
}

void
la_cc_tell(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    if (!la_tcp_hears(todo->env, LA_EVENT_CONGESTION))
        return;
    struct la_event ev = {
        .at = todo->now, .kind = LA_EVENT_CONGESTION, .segment_id = todo->segment_id};
    ev.u.congestion.cwnd_bytes = c->cwnd_bytes;
    ev.u.congestion.ssthresh_bytes = c->ssthresh_bytes;
    ev.u.congestion.flight_bytes = la_tcp_flight(c);
    ev.u.congestion.phase = busy->phase;
    todo->env->emit(todo->env->ctx, c, &ev);
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
