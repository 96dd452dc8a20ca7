/* SPDX-License-Identifier: MIT
 *
 * clocks.c - what a connection waits for, and how fast it gets on
 */
#include "tcp/clocks.h"

#include "tcp/again.h"
#include "tcp/send.h"

/* Busy: text is queued or in flight; a SYN is none. Of that time, the peer's window is the limit
 * when text waits that the congestion window would let go; the send buffer, when all is sent and a
 * writer was refused. */
static enum la_tcp_clock
clock_now(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    uint32_t unsent = la_tcp_unsent(c, busy), flight = la_tcp_flight(c);
    uint32_t syn = (c->flags & LA_TCP_F_SYN_ACKED) == 0 && flight > 0;
    if (unsent == 0 && flight == syn)
        return LA_TCP_CLOCK_NONE;
    if (unsent < c->smss && (c->flags & LA_TCP_F_WRITER_WAITS) != 0)
        return LA_TCP_CLOCK_SNDBUF; /* less than a segment may wait for more (RFC 9293 3.7.4) */
    if (unsent == 0)
        return LA_TCP_CLOCK_BUSY;
    bool window_full = c->snd_wnd < (uint64_t)flight + (unsent < c->smss ? unsent : c->smss);
    bool congested = la_tcp_pipe(c, busy) + (uint64_t)c->smss > la_tcp_cwnd_now(c, busy);
    return window_full && !congested ? LA_TCP_CLOCK_RWND : LA_TCP_CLOCK_BUSY;
}

static uint64_t
passed_us(const struct la_tcp_clocks *clocks, la_instant now)
{
    int64_t us = la_instant_diff_us(now, clocks->since);
    return us > 0 ? (uint64_t)us : 0;
}

void
la_tcp_clocks_look(const struct la_tcp_conn *c, struct la_tcp_busy *busy, la_instant now)
{
    struct la_tcp_clocks *clocks = &busy->clocks;
    enum la_tcp_clock next = clock_now(c, busy);
    if (clocks->runs == next)
        return;
    if (clocks->runs != LA_TCP_CLOCK_NONE)
        clocks->us[clocks->runs] += passed_us(clocks, now);
    clocks->runs = (uint8_t)next;
    clocks->since = now;
}

uint64_t
la_tcp_clocks_us(const struct la_tcp_busy *busy, enum la_tcp_clock clock, la_instant now)
{
    const struct la_tcp_clocks *clocks = &busy->clocks;
    return clocks->us[clock] + (clocks->runs == clock ? passed_us(clocks, now) : 0);
}

void
la_tcp_clocks_round(const struct la_tcp_conn *c, struct la_tcp_busy *busy, la_instant now)
{
    struct la_tcp_clocks *clocks = &busy->clocks;
    uint32_t missing = la_tcp_sack_missing(busy, c->snd_una, c->snd_nxt);
    uint32_t delivered = la_tcp_acked_low(c) + la_tcp_flight(c) - missing;
    int64_t us = la_instant_diff_us(now, clocks->round_at);
    if (clocks->round_at.ns != 0 && us > 0)
        clocks->rate = (uint64_t)(delivered - clocks->round_delivered) * LA_US_PER_S / (uint64_t)us;
    clocks->round_at = now;
    clocks->round_delivered = delivered;
}
