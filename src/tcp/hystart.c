/* SPDX-License-Identifier: MIT
 *
 * hystart.c - HyStart++, and the acknowledgement train of HyStart before it
 *
 * Read first: RFC 9406 4.2 (its variables keep their names, in our spelling), 4.3 (constants);
 * docs/theory/congestion.md for the train. RFC 9406 4.3's L, and what is done instead:
 * DEVIATION(D8), docs/deviations.md.
 */
#include "tcp/hystart.h"

enum {
    MIN_RTT_THRESH_US = 4000,
    MAX_RTT_THRESH_US = 16000,
    MIN_RTT_DIVISOR = 8,
    N_RTT_SAMPLE = 8,
    CSS_GROWTH_DIVISOR = 4,
    CSS_ROUNDS = 5
};

/* Of the train: from that window on; acknowledgements that come closer than that belong to it; what
 * gathering and scheduling may add to it. */
enum { TRAIN_SEGMENTS = 16, TRAIN_GAP_US = 2000, TRAIN_SLACK_US = 1000 };

/* The round's end was acknowledged: the next one begins. True: it was the last one of CSS, of which
 * the part in which it began counts as a round. */
static bool
turn(const struct la_tcp_conn *c, struct la_hystart *h, la_instant now)
{
    h->window_end = c->snd_nxt;
    h->round_at = h->train_at = now;
    h->last_round_us = h->current_round_us;
    h->current_round_us = 0;
    h->samples_n = 0;
    return h->css_baseline_us != 0 && ++h->css_rounds_n >= CSS_ROUNDS;
}

static uint32_t
rtt_thresh_us(uint32_t last_round_us)
{
    uint32_t part = last_round_us / MIN_RTT_DIVISOR;
    if (part < MIN_RTT_THRESH_US)
        return MIN_RTT_THRESH_US;
    return part > MAX_RTT_THRESH_US ? (uint32_t)MAX_RTT_THRESH_US : part;
}

/* Of enough samples: has the round trip grown, or was that a mistake? */
static void
judge(struct la_hystart *h)
{
    if (h->samples_n < N_RTT_SAMPLE)
        return;
    if (h->css_baseline_us != 0) {
        if (h->current_round_us < h->css_baseline_us) {
            h->css_baseline_us = 0;
            h->css_rounds_n = 0;
        }
        return;
    }
    if (h->last_round_us != 0 &&
        h->current_round_us >= (uint64_t)h->last_round_us + rtt_thresh_us(h->last_round_us))
        h->css_baseline_us = h->current_round_us;
}

/* Acknowledgements of one round that follow each other closely come at the rate of the narrowest
 * link. When they have done so for half a round trip, the other half of it is in flight as well and
 * the pipe is full, before a queue could tell. A paced sender spaces them itself: the whole of it.
 */
static bool
train_is_long(const struct la_tcp_conn *c, struct la_hystart *h, const struct la_cc_ack *ack)
{
    if (c->rtt_us_min == UINT32_MAX || c->cwnd_bytes / TRAIN_SEGMENTS < c->smss ||
        la_instant_diff_us(ack->now, h->train_at) > TRAIN_GAP_US)
        return false;
    h->train_at = ack->now;
    int64_t whole_us = (int64_t)c->rtt_us_min + TRAIN_SLACK_US;
    return la_instant_diff_us(ack->now, h->round_at) > (ack->paced ? whole_us : whole_us / 2);
}

uint32_t
la_hystart_acked(const struct la_tcp_conn *c, struct la_hystart *h, const struct la_cc_ack *ack,
                 la_seq reached)
{
    if (!h->round_on) {
        h->window_end = c->snd_nxt;
        h->round_at = h->train_at = ack->now;
        h->round_on = true;
    }
    if (ack->rtt_us != 0) {
        if (h->current_round_us == 0 || ack->rtt_us < h->current_round_us)
            h->current_round_us = ack->rtt_us;
        if (h->samples_n < UINT8_MAX)
            h->samples_n++;
        judge(h);
    }
    uint32_t divisor = h->css_baseline_us != 0 ? CSS_GROWTH_DIVISOR : 1;
    if (la_seq_ge(reached, h->window_end))
        return turn(c, h, ack->now) ? 0 : divisor;
    return train_is_long(c, h, ack) ? 0 : divisor;
}
