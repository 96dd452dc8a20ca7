/* SPDX-License-Identifier: MIT
 *
 * rate.c - delivery rate samples
 *
 * Read first: draft-ietf-ccwg-bbr-06 4.1 (its names stand beside ours); before, this was
 * draft-cheng-iccrg-delivery-rate-estimation.
 */
#include "tcp/rate.h"

#include "base/time.h"
#include "tcp/again.h"
#include "tcp/send.h"

static uint32_t
us_between(la_instant from, la_instant to)
{
    int64_t us = la_instant_diff_us(to, from);
    return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static bool
is_past(uint32_t count, uint32_t mark)
{
    return (int32_t)(count - mark) > 0;
}

void
la_tcp_rate_begin(const struct la_tcp_conn *c, struct la_tcp_busy *busy, bool on)
{
    busy->rate = (struct la_tcp_rate){.on = on};
    if (!on)
        return;
    const struct la_tcp_flown unknown = {.flight_bytes = la_tcp_pipe(c, busy), .app_limited = true};
    la_tcp_scoreboard_flown_set(&busy->board, c->snd_una, c->snd_nxt, &unknown);
}

/* ---- 4.1.2.2: sending ------------------------------------------------------------------- */

void
la_tcp_rate_sent(const struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range,
                 la_instant now)
{
    struct la_tcp_rate *rate = &busy->rate;
    if (!rate->on)
        return;
    uint32_t flight_bytes = la_tcp_pipe(c, busy);
    uint32_t n = (uint32_t)la_seq_diff(range.end, range.start);
    uint32_t syn = (c->flags & LA_TCP_F_SYN_ACKED) == 0; /* RFC 7413 4.2.2: it may be on its way */
    if (flight_bytes <= n + syn) /* no other text is: the interval begins now */
        rate->first_sent_at = rate->delivered_at = now;
    struct la_tcp_flown flown = {
        .delivered = rate->delivered,
        .lost = rate->lost,
        .flight_bytes = flight_bytes,
        .send_us = us_between(rate->first_sent_at, now),
        .ack_us = us_between(rate->delivered_at, now),
        .app_limited = rate->app_limited,
    };
    la_tcp_scoreboard_flown_set(&busy->board, range.start, range.end, &flown);
}

/* ---- 4.1.2.3: acknowledgements ---------------------------------------------------------- */

/* IsNewestPacket() */
static bool
is_newer(const struct la_tcp_sent *a, const struct la_tcp_sent *b)
{
    if (a->sent_at.ns != b->sent_at.ns)
        return a->sent_at.ns > b->sent_at.ns;
    return la_seq_gt(a->end, b->end);
}

void
la_tcp_rate_delivered(struct la_tcp_busy *busy, struct la_range range)
{
    struct la_tcp_rate *rate = &busy->rate;
    const struct la_tcp_scoreboard *board = &busy->board;
    if (!rate->on)
        return;
    rate->delivered += (uint32_t)la_seq_diff(range.end, range.start);
    for (unsigned i = la_tcp_scoreboard_find(board, range.start); i < board->row.n; i++) {
        const struct la_tcp_sent *sent = la_tcp_scoreboard_at(board, i);
        if (la_seq_ge(sent->first, range.end))
            return;
        if (rate->has_newest && !is_newer(sent, &rate->newest))
            continue;
        rate->newest = *sent;
        rate->has_newest = true;
    }
}

/* RS, but for what depends on the interval. */
static void
fill(const struct la_tcp_rate *rate, const struct la_tcp_flown *flown, struct la_cc_rate *out)
{
    *out = (struct la_cc_rate){
        .delivered_bytes = rate->delivered - flown->delivered,
        .prior_delivered = flown->delivered,
        .lost_bytes = rate->lost - flown->lost,
        .flight_bytes = flown->flight_bytes,
        .app_limited = flown->app_limited,
    };
}

bool
la_tcp_rate_sample(struct la_tcp_busy *busy, uint32_t rtt_us_min, la_instant now,
                   struct la_cc_rate *out)
{
    struct la_tcp_rate *rate = &busy->rate;
    if (!rate->on)
        return false;
    /* The bubble has been acknowledged and is gone. */
    if (rate->app_limited && is_past(rate->delivered, rate->app_limited_end))
        rate->app_limited = false;
    if (!rate->has_newest)
        return false;
    const struct la_tcp_sent *newest = &rate->newest;
    rate->has_newest = false;
    rate->delivered_at = now;
    /* Not back: what was held up on its way says nothing about how fast the rest was sent. */
    rate->first_sent_at = la_instant_max(rate->first_sent_at, newest->sent_at);
    fill(rate, &newest->flown, out);
    uint32_t rtt_us = us_between(newest->sent_at, now);
    uint32_t ack_us =
        newest->flown.ack_us > UINT32_MAX - rtt_us ? UINT32_MAX : newest->flown.ack_us + rtt_us;
    uint32_t interval_us = newest->flown.send_us > ack_us ? newest->flown.send_us : ack_us;
    /* Whose acknowledgement it is, the original's or the repetition's, nobody knows (RFC 6298 3).
     */
    if (newest->sent_n == 1)
        out->rtt_us = rtt_us == 0 ? 1 : rtt_us;
    bool reliable = interval_us >= rtt_us_min || (out->rtt_us != 0 && interval_us >= out->rtt_us);
    if (interval_us > 0 && reliable && out->delivered_bytes <= INT32_MAX)
        out->rate = (uint64_t)out->delivered_bytes * LA_US_PER_S / interval_us;
    return true;
}

void
la_tcp_rate_lost_count(struct la_tcp_busy *busy, uint32_t n)
{
    if (busy->rate.on)
        busy->rate.lost += n;
}

bool
la_tcp_rate_lost(struct la_tcp_busy *busy, const struct la_tcp_sent *sent, la_seq end, uint32_t n,
                 struct la_cc_rate *out)
{
    struct la_tcp_rate *rate = &busy->rate;
    if (!rate->on || sent == NULL)
        return false;
    struct la_tcp_flown flown = sent->flown;
    uint32_t behind = (uint32_t)la_seq_diff(sent->end, end);
    flown.flight_bytes -= behind < flown.flight_bytes ? behind : flown.flight_bytes;
    rate->lost += n;
    fill(rate, &flown, out);
    return true;
}

/* ---- 4.1.2.4: who limits ---------------------------------------------------------------- */

void
la_tcp_rate_limit(struct la_tcp_busy *busy, uint32_t flight_bytes)
{
    busy->rate.app_limited = true;
    busy->rate.app_limited_end = busy->rate.delivered + flight_bytes;
}

void
la_tcp_rate_look(const struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    struct la_tcp_again again;
    if (!busy->rate.on || la_tcp_unsent(c, busy) >= c->smss)
        return;
    uint32_t flight_bytes = la_tcp_pipe(c, busy);
    if (flight_bytes < c->cwnd_bytes && !la_tcp_retransmit_next(c, busy, &again))
        la_tcp_rate_limit(busy, flight_bytes);
}

void
la_tcp_rate_sent_all(const struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    if (!busy->rate.on || la_tcp_pipe(c, busy) + c->smss <= c->cwnd_bytes)
        return;
    busy->rate.cwnd_limited = true;
    busy->rate.cwnd_limited_end = c->snd_nxt;
}
