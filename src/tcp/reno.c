/* SPDX-License-Identifier: MIT
 *
 * reno.c - Reno
 *
 * Read first: RFC 5681 3.1 (slow start, congestion avoidance), 3.2; RFC 3465 (appropriate byte
 * counting).
 */
#include "tcp/congestion.h"

static void
reno_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_cc_ack *ack)
{
    struct la_cc_reno *reno = &busy->cc.reno;
    if (!la_cc_may_grow(busy, ack))
        return;
    if (c->cwnd_bytes < c->ssthresh_bytes) {
        la_cc_slow_start(c, ack, 1);
        reno->acked_bytes = 0;
        return;
    }
    /* RFC 5681 3.1, RFC 3465 2.1: one SMSS for each round trip, that is per cwnd acknowledged. Of a
     * segment only a part of which fits in, nothing is sent: it is no part of what comes back. */
    uint32_t window = c->cwnd_bytes - c->cwnd_bytes % c->smss;
    if (__builtin_add_overflow(reno->acked_bytes, ack->acked_bytes, &reno->acked_bytes))
        reno->acked_bytes = UINT32_MAX;
    if (reno->acked_bytes >= window) {
        reno->acked_bytes -= window;
        if (__builtin_add_overflow(c->cwnd_bytes, c->smss, &c->cwnd_bytes))
            c->cwnd_bytes = UINT32_MAX;
    }
}

static void
reno_lost(struct la_tcp_conn *c, struct la_tcp_busy *busy, enum la_cc_signal signal,
          uint32_t flight_bytes)
{
    (void)signal;
    uint32_t least = 2u * c->smss;
    busy->cc.reno.acked_bytes = 0;
    c->ssthresh_bytes = flight_bytes / 2 > least ? flight_bytes / 2 : least; /* RFC 5681 eqn. 4 */
}

static void
reno_timed_out(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t flight_bytes, bool again)
{
    if (!again)
        reno_lost(c, busy, LA_CC_SIGNAL_LOSS, flight_bytes);
    c->cwnd_bytes = c->smss; /* the loss window, RFC 5681 3.1 */
}

const struct la_cc_ops la_cc_reno = {
    .name = "reno",
    .validates = true,
    .open = la_cc_initial_window,
    .acked = reno_acked,
    .lost = reno_lost,
    .timed_out = reno_timed_out,
};
