/* SPDX-License-Identifier: MIT
 *
 * test_bbr.c - BBR's rules, one by one, with acknowledgements made by hand
 *
 * Read first: draft-ietf-ccwg-bbr-06 5; the cases of its appendix are among them. A path of 1 MB/s
 * and 100 ms: the BDP is 100,000 octets, a hundred segments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "tcp/congestion.h"
#include "tcp/rate.h"

enum { SMSS = 1000, RTT_US = 100000, BW = 1000000, BDP = 100000, FIRST_WINDOW = 10 * SMSS };

static struct la_tcp_conn c;
static struct la_tcp_busy busy;
static struct la_cc_bbr *s;
static la_instant now;

/* An acknowledgement; what is 0 is usual. */
struct given {
    uint32_t rate, n, rtt_us, lost, flight;
    bool app_limited, within; /* not the first of a round trip */
    uint32_t inflight;        /* what is in flight with it; 0 = the BDP */
};

static void
set_inflight(uint32_t n)
{
    c.snd_nxt = la_seq_add(c.snd_una, n);
}

static void
pass_us(int64_t us)
{
    now = la_instant_add_us(now, us);
}

static void
ack(struct given g)
{
    uint32_t n = g.n == 0 ? SMSS : g.n;
    struct la_cc_rate rs = {
        .rate = g.rate,
        .delivered_bytes = g.rate == 0 ? 0 : (uint32_t)((uint64_t)g.rate * RTT_US / LA_US_PER_S),
        .prior_delivered = s->next_round_delivered - g.within,
        .lost_bytes = g.lost,
        .flight_bytes = g.flight == 0 ? BDP : g.flight,
        .rtt_us = g.rtt_us == 0 ? RTT_US : g.rtt_us,
        .app_limited = g.app_limited,
    };
    struct la_cc_ack a = {
        .now = now, .acked_bytes = n, .delivered_bytes = n, .lost_bytes = g.lost, .rate = &rs};
    busy.rate.delivered += n;
    busy.rate.delivered_at = now;
    set_inflight(g.inflight == 0 ? BDP : g.inflight);
    la_cc_bbr.acked(&c, &busy, &a);
    if (busy.phase != LA_CC_RECOVERY && busy.phase != LA_CC_LOSS)
        busy.phase = la_cc_bbr.phase(&c, &busy);
    pass_us(RTT_US);
}

static void
lose(uint32_t n, uint32_t lost, uint32_t flight)
{
    struct la_cc_rate rs = {.lost_bytes = lost, .flight_bytes = flight};
    static uint32_t apart;
    apart += 2 * n;
    struct la_range range = {la_seq_of(apart), la_seq_of(apart + n)};
    la_cc_bbr.range_lost(&c, &busy, range, n, &rs);
}

static int
setup(void **state)
{
    (void)state;
    memset(&c, 0, sizeof(c));
    memset(&busy, 0, sizeof(busy));
    now = la_instant_of_ns(100 * LA_NS_PER_S);
    c.cc = la_cc_find("bbr") & LA_TCP_CC_MASK;
    c.smss = SMSS;
    c.flags = LA_TCP_F_SACK | LA_TCP_F_RACK;
    c.rtt_us_min = UINT32_MAX;
    c.srtt_us = RTT_US;
    c.iss = la_seq_of(7);
    c.snd_una = c.snd_nxt = la_seq_of(0);
    s = &busy.cc.bbr;
    busy.rate.on = true;
    busy.rate.delivered = busy.rate.delivered_at.ns == 0 ? UINT32_C(0xffff0000) : 0; /* wraps */
    busy.progress_at = now;
    la_cc_bbr.open(&c, 10);
    la_cc_bbr.resume(&c, &busy);
    s->next_round_delivered = s->loss_round_delivered = busy.rate.delivered;
    busy.phase = la_cc_bbr.phase(&c, &busy);
    return 0;
}

static uint64_t
pacing_rate(void)
{
    return la_cc_bbr.pacing_rate(&c, &busy);
}

/* Through Startup and Drain into ProbeBW. */
static void
to_cruise(void)
{
    for (int i = 0; i < 4; i++)
        ack((struct given){.rate = BW, .inflight = 2 * BDP});
    assert_int_equal(s->phase, LA_CC_BBR_DRAIN);
    ack((struct given){.rate = BW});
    assert_int_equal(s->phase, LA_CC_BBR_CRUISE); /* by DOWN, where there is nothing to do */
    for (int i = 0; i < 10; i++)                  /* the window finds its place */
        ack((struct given){.rate = BW, .n = BDP / 5, .within = true});
    s->min_rtt_at = s->probe_rtt_min_at = now;
}

static void
to_up(void)
{
    to_cruise();
    pass_us(3 * LA_US_PER_S);
    ack((struct given){.rate = BW});
    assert_int_equal(s->phase, LA_CC_BBR_REFILL);
    ack((struct given){.rate = BW});
    assert_int_equal(s->phase, LA_CC_BBR_UP);
    s->probe_rtt_min_at = now;
}

/* ---- 5.3.1 ------------------------------------------------------------------------------ */

static void
test_bbr__begins(void **state)
{
    (void)state;
    assert_int_equal(s->phase, LA_CC_BBR_STARTUP);
    assert_int_equal(c.cwnd_bytes, FIRST_WINDOW);
    assert_in_range(pacing_rate(), 277000, 277001); /* 2.77 windows in a round trip */
    c.srtt_us = 0;
    assert_in_range(pacing_rate(), 27700000, 27700001); /* in a millisecond: nothing is known */
    c.srtt_us = RTT_US;
    struct la_cc_sent sent = {.now = now, .n = SMSS};
    la_cc_bbr.sent(&c, &busy, &sent);
    ack((struct given){.rate = 50000, .n = FIRST_WINDOW});
    assert_in_range(pacing_rate(), 277000, 277001); /* a low sample lowers nothing */
    assert_int_equal(c.cwnd_bytes, 2 * FIRST_WINDOW);
    ack((struct given){.rate = 400000});
    assert_int_equal(pacing_rate(), 400000 * 277 / 100 * 99 / 100);
}

static void
test_bbr__startup_plateau(void **state)
{
    (void)state;
    ack((struct given){.rate = BW, .inflight = 2 * BDP});
    ack((struct given){.rate = BW * 124 / 100, .inflight = 2 * BDP}); /* 1 */
    ack((struct given){.rate = BW * 124 / 100, .inflight = 2 * BDP}); /* 2 */
    ack((struct given){.rate = BW * 125 / 100, .inflight = 2 * BDP}); /* grows after all */
    assert_int_equal(s->full_bw_n, 0);
    for (int i = 0; i < 2; i++) {
        ack((struct given){.rate = BW * 125 / 100, .inflight = 2 * BDP});
        ack((struct given){.rate = BW * 125 / 100, .inflight = 2 * BDP, .within = true});
        ack((struct given){.rate = BW, .inflight = 2 * BDP, .app_limited = true});
    }
    assert_int_equal(s->phase, LA_CC_BBR_STARTUP);
    assert_false(s->full_bw_reached);
    ack((struct given){.rate = BW * 125 / 100, .inflight = 2 * BDP});
    assert_true(s->full_bw_reached);
    assert_int_equal(s->phase, LA_CC_BBR_DRAIN);
    assert_int_equal(pacing_rate(), BW * 125 / 100 / 2 * 99 / 100);
}

/* 5.3.1.3: many, more than the threshold, in a recovery that has lasted a round trip. */
static void
startup_losses(unsigned ranges, uint32_t lost)
{
    ack((struct given){.rate = BW / 4, .inflight = 2 * BDP});
    lose(SMSS, SMSS, BDP);
    la_cc_bbr.lost(&c, &busy, LA_CC_SIGNAL_LOSS, BDP);
    busy.phase = LA_CC_RECOVERY;
    ack((struct given){.rate = BW / 2, .inflight = 2 * BDP, .lost = SMSS, .app_limited = true});
    for (unsigned i = 0; i < ranges; i++)
        lose(SMSS, lost, BDP);
    ack((struct given){.rate = BW / 2, .lost = lost, .app_limited = true, .within = true});
    assert_int_equal(s->phase, LA_CC_BBR_STARTUP); /* not before the round trip is over */
    ack((struct given){.rate = BW, .inflight = 2 * BDP, .lost = lost, .app_limited = true});
}

static void
test_bbr__startup_losses(void **state)
{
    startup_losses(6, 2001);
    assert_int_equal(s->phase, LA_CC_BBR_DRAIN);
    assert_true(s->full_bw_reached);
    assert_int_equal(s->inflight_longterm, BDP);
    (void)setup(state);
    startup_losses(5, 2001);
    assert_int_equal(s->phase, LA_CC_BBR_STARTUP);
    (void)setup(state);
    startup_losses(6, 2000);
    assert_int_equal(s->phase, LA_CC_BBR_STARTUP);
    (void)setup(state);
    c.flags = 0; /* without SACK one loss in a recovery says it */
    busy.phase = LA_CC_RECOVERY;
    ack((struct given){.rate = BW / 2, .inflight = 2 * BDP, .lost = SMSS, .within = true});
    assert_int_equal(s->phase, LA_CC_BBR_DRAIN);
}

/* ---- 5.3.2, 5.3.3 ----------------------------------------------------------------------- */

static void
test_bbr__drain_by_time(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        ack((struct given){.rate = BW, .inflight = 2 * BDP});
    for (int i = 0; i < 3; i++)
        ack((struct given){.rate = BW, .inflight = BDP + 1});
    assert_int_equal(s->phase, LA_CC_BBR_DRAIN);
    ack((struct given){.rate = BW, .inflight = BDP + 1});
    assert_int_equal(s->phase, LA_CC_BBR_DOWN);
    assert_int_equal(pacing_rate(), BW * 90 / 100 * 99 / 100);
    ack((struct given){.rate = BW, .inflight = BDP + 1});
    assert_int_equal(s->phase, LA_CC_BBR_DOWN); /* until the queue is gone */
    ack((struct given){.rate = BW, .inflight = BDP});
    assert_int_equal(s->phase, LA_CC_BBR_CRUISE);
    assert_int_equal(pacing_rate(), BW * 99 / 100);
}

static void
test_bbr__headroom(void **state)
{
    (void)state;
    to_cruise();
    s->phase = LA_CC_BBR_DOWN;
    s->inflight_longterm = BDP;
    ack((struct given){.rate = BW, .inflight = BDP, .flight = 1});
    assert_int_equal(s->phase, LA_CC_BBR_DOWN);
    ack((struct given){.rate = BW, .inflight = 85000, .flight = 1});
    assert_int_equal(s->phase, LA_CC_BBR_CRUISE);
    assert_int_equal(c.cwnd_bytes, 85000);
    s->inflight_longterm = 4 * SMSS;
    ack((struct given){.rate = BW, .flight = 1});
    assert_int_equal(c.cwnd_bytes, 4 * SMSS); /* BBR.MinPipeCwnd */
}

static void
test_bbr__time_to_probe(void **state)
{
    (void)state;
    to_cruise();
    la_instant begun_at = s->cycle_at;
    while (s->phase == LA_CC_BBR_CRUISE) /* by the clock: the BDP is more than 63 segments */
        ack((struct given){.rate = BW, .within = true});
    assert_in_range(la_instant_diff_us(now, begun_at), 2 * LA_US_PER_S,
                    3 * LA_US_PER_S + 2 * RTT_US);
    assert_int_equal(s->phase, LA_CC_BBR_REFILL);
    ack((struct given){.rate = BW, .within = true});
    assert_int_equal(s->phase, LA_CC_BBR_REFILL);
    assert_int_equal(pacing_rate(), BW * 99 / 100);
    ack((struct given){.rate = BW});
    assert_int_equal(s->phase, LA_CC_BBR_UP);
    assert_int_equal(pacing_rate(), BW * 125 / 100 * 99 / 100);
    assert_int_equal(s->full_bw, BW);
}

/* As many round trips as segments in flight, at most 63: as Reno would. */
static void
test_bbr__reno_rounds(void **state)
{
    (void)state;
    to_cruise();
    s->min_rtt_us = s->probe_rtt_min_us = RTT_US / 10; /* ten segments */
    s->cycle_at = now;
    for (unsigned i = s->rounds_since_probe_up; i < 10; i++) {
        assert_int_equal(s->phase, LA_CC_BBR_CRUISE);
        ack((struct given){.rate = BW, .rtt_us = RTT_US / 10});
    }
    assert_int_equal(s->phase, LA_CC_BBR_REFILL);
}

static void
test_bbr__up_plateau(void **state)
{
    (void)state;
    to_up();
    for (int i = 0; i < 2; i++)
        ack((struct given){.rate = BW, .inflight = BDP * 5 / 4});
    assert_int_equal(s->phase, LA_CC_BBR_UP);
    ack((struct given){.rate = BW, .inflight = BDP * 5 / 4});
    assert_int_equal(s->phase, LA_CC_BBR_DOWN);
    assert_false(s->prev_probe_too_high);
}

static void
test_bbr__up_without_data(void **state)
{
    (void)state;
    to_up();
    for (int i = 0; i < 20; i++)
        ack((struct given){.rate = BW / 10, .app_limited = true, .inflight = BDP / 10});
    assert_int_equal(s->phase, LA_CC_BBR_UP);
}

static void
test_bbr__up_losses(void **state)
{
    (void)state;
    to_up();
    lose(SMSS, 2 * SMSS, 120 * SMSS); /* less than 2 % of 120 */
    assert_int_equal(s->phase, LA_CC_BBR_UP);
    lose(SMSS, 3 * SMSS, 120 * SMSS);
    assert_int_equal(s->phase, LA_CC_BBR_DOWN);
    /* Before the last segment 119 were in flight and 2 lost; 0.38 of it are allowed, of 0.98. */
    assert_in_range(s->inflight_longterm, 119387, 119388);
    assert_true(s->prev_probe_too_high);
    assert_false(s->is_bw_probe_sample);
    uint32_t longterm = s->inflight_longterm;
    lose(SMSS, 20 * SMSS, 50 * SMSS); /* once for each probe */
    assert_int_equal(s->inflight_longterm, longterm);
}

static void
test_bbr__up_losses_bounded(void **state)
{
    (void)state;
    to_up();
    lose(SMSS, 5 * SMSS, 10 * SMSS);
    assert_int_equal(s->inflight_longterm, BDP * 7 / 10); /* never less than CUBIC would */
}

/* 5.3.3.6 */
static void
test_bbr__caution(void **state)
{
    (void)state;
    to_up();
    lose(SMSS, 3 * SMSS, 120 * SMSS);
    uint32_t longterm = s->inflight_longterm;
    while (s->phase != LA_CC_BBR_UP) {
        ack((struct given){.rate = BW, .inflight = BDP / 2, .flight = BDP / 2});
        assert_true(la_instant_diff_us(now, s->cycle_at) < 10 * LA_US_PER_S);
    }
    ack((struct given){.rate = BW, .inflight = longterm - 1, .within = true, .flight = 1});
    assert_int_equal(s->phase, LA_CC_BBR_UP);
    ack((struct given){.rate = BW, .inflight = longterm, .within = true, .flight = 1});
    assert_int_equal(s->phase, LA_CC_BBR_DOWN);
    assert_true(s->prev_probe_precautionary);
    ack((struct given){.rate = BW, .inflight = longterm, .flight = 1});
    assert_int_equal(s->phase, LA_CC_BBR_REFILL); /* it did no harm */
}

/* 5.3.3.5: by 1, 2, 4 … segments in a round trip, once the bound is what limits. */
static void
test_bbr__slope(void **state)
{
    (void)state;
    to_up();
    s->inflight_longterm = BDP;
    c.cwnd_bytes = s->probe_up_acked_per_inc = BDP;
    for (uint32_t grown = 0, i = 0; i < 4; i++) {
        busy.rate.cwnd_limited = true;
        busy.rate.cwnd_limited_end = la_seq_add(c.snd_una, 1);
        uint32_t before = s->inflight_longterm;
        ack((struct given){
            .rate = BW, .n = c.cwnd_bytes, .within = true, .inflight = BDP, .flight = 1});
        grown = s->inflight_longterm - before;
        assert_in_range(grown, (SMSS << i) * 9 / 10, (SMSS << i) * 11 / 10);
        ack((struct given){.rate = BW, .n = 1, .inflight = BDP, .flight = 1});
    }
    assert_int_equal(s->phase, LA_CC_BBR_UP); /* the plateau is the bound's */
}

/* ---- 5.5 -------------------------------------------------------------------------------- */

static void
test_bbr__max_bw_two_cycles(void **state)
{
    (void)state;
    to_up();
    ack((struct given){.rate = BW * 2, .inflight = 2 * BDP});
    for (int cycle = 0; cycle < 2; cycle++) {
        assert_int_equal(s->max_bw[0] > s->max_bw[1] ? s->max_bw[0] : s->max_bw[1], BW * 2);
        do
            ack((struct given){.rate = BW / 2, .inflight = BDP / 2});
        while (s->phase != LA_CC_BBR_CRUISE);
        pass_us(3 * LA_US_PER_S);
        s->probe_rtt_min_at = now;
        do
            ack((struct given){.rate = BW / 2, .inflight = BDP / 2});
        while (s->phase != LA_CC_BBR_UP);
    }
    while (s->phase != LA_CC_BBR_CRUISE)
        ack((struct given){.rate = BW / 2, .inflight = BDP / 2});
    assert_int_equal(s->max_bw[0], BW / 2);
    ack((struct given){.rate = BW / 4, .app_limited = true});
    assert_true(s->max_bw[1] <= BW / 2);
    ack((struct given){.rate = BW, .app_limited = true}); /* higher in spite of that */
    assert_int_equal(s->max_bw[1], BW);
}

/* 5.5.10.3 and D24. */
static void
test_bbr__shortterm(void **state)
{
    (void)state;
    to_cruise();
    uint32_t cwnd = c.cwnd_bytes;
    lose(SMSS, SMSS, BDP);
    ack((struct given){.rate = BW / 2, .lost = 2000}); /* 2 %: tolerated */
    ack((struct given){.rate = BW / 2});
    assert_true(s->bw_shortterm == LA_BBR_NO_RATE);
    lose(SMSS, SMSS, BDP);
    ack((struct given){.rate = BW / 2, .lost = 2001, .within = true});
    assert_true(s->bw_shortterm == LA_BBR_NO_RATE); /* when the round trip is over */
    ack((struct given){.rate = BW / 2, .lost = 2001});
    assert_int_equal(s->bw_shortterm, BW * 7 / 10); /* beta; it delivered less */
    assert_in_range(s->inflight_shortterm, cwnd / 10 * 7, (cwnd + 4 * SMSS) / 10 * 7);
    assert_int_equal(pacing_rate(), BW * 7 / 10 * 99 / 100);
    assert_int_equal(c.cwnd_bytes, s->inflight_shortterm);
    lose(SMSS, SMSS, BDP);
    ack((struct given){.rate = BW * 6 / 10, .lost = 2001});
    assert_int_equal(s->bw_shortterm, BW * 6 / 10); /* what it delivered is more than beta */
    pass_us(3 * LA_US_PER_S);
    ack((struct given){.rate = BW / 2});
    assert_int_equal(s->phase, LA_CC_BBR_REFILL);
    assert_true(s->bw_shortterm == LA_BBR_NO_RATE);
    assert_true(s->inflight_shortterm == LA_BBR_NO_BYTES);
}

static void
test_bbr__extra_acked(void **state)
{
    (void)state;
    to_cruise();
    s->extra_acked[0] = s->extra_acked[1] = s->extra_acked_bytes = 0;
    s->extra_acked_at = now;
    ack((struct given){.rate = BW, .n = 30 * SMSS}); /* all at once */
    assert_int_equal(s->extra_acked[1], 30 * SMSS);
    ack((struct given){
        .rate = BW, .n = 2 * BDP, .within = true}); /* so much window there is room for */
    assert_int_equal(c.cwnd_bytes, 2 * BDP + (int)s->extra_acked[1]);
    for (int i = 0; i < 12; i++)
        ack((struct given){.rate = BW, .n = SMSS});
    assert_int_equal(s->extra_acked[0], SMSS); /* and it is forgotten after ten round trips */
}

static void
test_bbr__probe_rtt(void **state)
{
    (void)state;
    to_cruise();
    s->cycle_at = la_instant_add_us(now, 100 * LA_US_PER_S); /* no probe of bandwidth meanwhile */
    uint32_t cwnd = c.cwnd_bytes;
    pass_us(5 * LA_US_PER_S);
    ack((struct given){.rate = BW, .rtt_us = RTT_US + 1});
    assert_int_equal(s->phase, LA_CC_BBR_CRUISE);
    ack((struct given){.rate = BW, .rtt_us = RTT_US + 1}); /* more than 5 s */
    assert_int_equal(s->phase, LA_CC_BBR_PROBE_RTT);
    assert_int_equal(c.cwnd_bytes, BDP / 2);
    assert_true(la_instant_is_never(s->probe_rtt_done_at)); /* not yet drained */
    ack((struct given){.rate = BW, .inflight = BDP / 2});
    assert_true(busy.rate.app_limited);
    ack((struct given){.rate = BW / 2, .inflight = BDP / 2, .within = true});
    ack((struct given){.rate = BW / 2, .inflight = BDP / 2, .within = true});
    ack((struct given){.rate = BW / 2, .inflight = BDP / 2, .within = true});
    assert_int_equal(s->phase, LA_CC_BBR_PROBE_RTT); /* 200 ms, but no round trip */
    ack((struct given){.rate = BW / 2, .inflight = BDP / 2});
    assert_int_equal(s->phase, LA_CC_BBR_CRUISE);
    assert_in_range(c.cwnd_bytes, cwnd, cwnd + 2 * SMSS);
    assert_true(la_instant_diff_us(now, s->probe_rtt_min_at) < LA_US_PER_S);
}

static void
test_bbr__probe_rtt_in_startup(void **state)
{
    (void)state;
    ack((struct given){.rate = BW / 10});
    for (int i = 0; i < 60 && s->phase != LA_CC_BBR_PROBE_RTT; i++)
        ack((struct given){.rate = BW / 10, .rtt_us = RTT_US + 1, .app_limited = true});
    assert_int_equal(s->phase, LA_CC_BBR_PROBE_RTT);
    for (int i = 0; i < 5; i++)
        ack((struct given){.rate = BW / 20, .inflight = SMSS, .app_limited = true});
    assert_int_equal(s->phase, LA_CC_BBR_STARTUP);
}

/* 5.4.1 */
static void
test_bbr__idle(void **state)
{
    (void)state;
    to_cruise();
    busy.rate.app_limited = true;
    pass_us(6 * LA_US_PER_S);
    struct la_cc_sent sent = {.now = now, .n = SMSS};
    la_cc_bbr.sent(&c, &busy, &sent);
    assert_true(s->idle_restart);
    ack((struct given){.rate = BW / 10, .rtt_us = RTT_US + 5, .app_limited = true});
    assert_int_not_equal(s->phase, LA_CC_BBR_PROBE_RTT); /* the silence has drained the queue */
    assert_int_equal(s->probe_rtt_min_us, RTT_US + 5);
    assert_false(s->idle_restart);
    sent.flight_bytes = SMSS;
    la_cc_bbr.sent(&c, &busy, &sent);
    assert_false(s->idle_restart); /* it is not idle */
}

/* D25 */
static void
test_bbr__rest(void **state)
{
    (void)state;
    to_cruise();
    uint32_t cwnd = c.cwnd_bytes;
    c.rtt_us_min = RTT_US;
    la_cc_bbr.rest(&c, &busy);
    assert_int_equal(la_cc_bbr.phase(&c, NULL), LA_CC_BBR_CRUISE);
    memset(&busy.cc, 0, sizeof(busy.cc));
    c.sent_ms = la_tcp_ms(now);
    pass_us(7 * LA_US_PER_S);
    busy.progress_at = now;
    la_cc_bbr.resume(&c, &busy);
    assert_int_equal(s->phase, LA_CC_BBR_CRUISE);
    assert_int_equal(c.cwnd_bytes, cwnd);
    assert_in_range(pacing_rate(), BW * 98 / 100, BW * 99 / 100);
    assert_int_equal(s->min_rtt_us, RTT_US);
    assert_int_equal(la_instant_diff_us(now, s->min_rtt_at), 7 * LA_US_PER_S);
    (void)setup(state);
    ack((struct given){.rate = BW});
    la_cc_bbr.rest(&c, &busy); /* the pipe was never full */
    assert_int_equal(la_cc_bbr.phase(&c, NULL), LA_CC_BBR_STARTUP);
}

/* ---- recoveries ------------------------------------------------------------------------- */

static void
test_bbr__timeout(void **state)
{
    (void)state;
    to_cruise();
    uint32_t cwnd = c.cwnd_bytes, lost = busy.rate.lost;
    la_cc_bbr.timed_out(&c, &busy, BDP, false);
    assert_int_equal(c.cwnd_bytes, SMSS);
    assert_int_equal(busy.rate.lost - lost, BDP);
    busy.phase = LA_CC_LOSS;
    ack((struct given){.rate = BW, .within = true});
    assert_int_equal(c.cwnd_bytes, 4 * SMSS);
    la_cc_bbr.timed_out(&c, &busy, BDP, true); /* once more: the window before it is kept */
    ack((struct given){.rate = BW, .within = true});
    busy.phase = LA_CC_BBR_CRUISE;
    ack((struct given){.rate = BW, .within = true});
    assert_in_range(c.cwnd_bytes, cwnd, cwnd + SMSS);
}

static void
test_bbr__undo_of_up(void **state)
{
    (void)state;
    to_up();
    s->inflight_longterm = 3 * BDP;
    lose(SMSS, 3 * SMSS, 120 * SMSS);
    la_cc_bbr.lost(&c, &busy, LA_CC_SIGNAL_LOSS,
                   BDP); /* the recovery begins, after its first loss */
    assert_int_equal(s->phase, LA_CC_BBR_DOWN);
    assert_true(s->inflight_longterm < 2 * BDP);
    c.cwnd_bytes = SMSS;
    la_cc_bbr.undo(&c, &busy);
    assert_int_equal(s->phase, LA_CC_BBR_REFILL);
    assert_int_equal(s->inflight_longterm, 3 * BDP);
    assert_true(c.cwnd_bytes > BDP);
    assert_false(s->is_loss_in_round);
}

static void
test_bbr__undo_of_startup(void **state)
{
    (void)state;
    startup_losses(6, 2001);
    assert_int_equal(s->phase, LA_CC_BBR_DRAIN);
    la_cc_bbr.undo(&c, &busy);
    assert_int_equal(s->phase, LA_CC_BBR_STARTUP);
    assert_false(s->full_bw_reached);
    assert_true(s->inflight_longterm == LA_BBR_NO_BYTES);
}

static void
test_bbr__undo_of_cruise(void **state)
{
    (void)state;
    to_cruise();
    ack((struct given){.rate = BW / 2});
    lose(SMSS, 5 * SMSS, BDP);
    busy.phase = LA_CC_RECOVERY;
    ack((struct given){.rate = BW / 2, .lost = 5 * SMSS});
    assert_int_equal(s->bw_shortterm, BW * 7 / 10);
    la_cc_bbr.undo(&c, &busy);
    assert_true(s->bw_shortterm == LA_BBR_NO_RATE);
    assert_int_equal(s->phase, LA_CC_BBR_CRUISE);
}

/* D23 */
static void
test_bbr__marks(void **state)
{
    (void)state;
    ack((struct given){.rate = BW, .inflight = 2 * BDP});
    la_cc_bbr.lost(&c, &busy, LA_CC_SIGNAL_ECN, BDP);
    assert_int_equal(s->phase, LA_CC_BBR_DRAIN);
    assert_int_equal(s->inflight_longterm, BDP);
    (void)setup(state);
    to_up();
    uint32_t cwnd = c.cwnd_bytes;
    la_cc_bbr.lost(&c, &busy, LA_CC_SIGNAL_ECN, 110 * SMSS);
    assert_int_equal(s->phase, LA_CC_BBR_DOWN);
    assert_int_equal(s->inflight_longterm, 110 * SMSS);
    assert_int_equal(c.ssthresh_bytes, cwnd / 10 * 7);
    ack((struct given){.rate = BW});
    assert_true(c.ssthresh_bytes == UINT32_MAX);
}

/* A mark while cruising bounds what a round trip of losses would. */
static void
test_bbr__marks_while_cruising(void **state)
{
    (void)state;
    to_cruise();
    ack((struct given){.rate = BW / 2});
    la_cc_bbr.lost(&c, &busy, LA_CC_SIGNAL_ECN, BDP);
    ack((struct given){.rate = BW / 2});
    assert_int_equal(s->phase, LA_CC_BBR_CRUISE);
    assert_int_equal(s->bw_shortterm, BW * 7 / 10);
}

static void
test_bbr__without_a_sample(void **state)
{
    (void)state;
    struct la_cc_ack a = {.now = now, .acked_bytes = SMSS, .delivered_bytes = SMSS};
    busy.rate.delivered = SMSS;
    la_cc_bbr.acked(&c, &busy, &a);
    assert_int_equal(c.cwnd_bytes, FIRST_WINDOW + SMSS);
    assert_int_equal(s->phase, LA_CC_BBR_STARTUP);
}

/* To BBR and away from it while text is in flight, and a recovery is on. */
static void
test_bbr__switched(void **state)
{
    (void)state;
    uint16_t order = 0;
    uint8_t bbr = c.cc, cubic = la_cc_find("cubic");
    to_cruise();
    la_cc_switch(&c, &busy, cubic);
    assert_false(busy.rate.on);
    assert_int_equal(busy.phase, LA_CC_SLOW_START); /* BBR leaves no ssthresh behind */
    struct la_tcp_sent sent = {.first = c.snd_una, .end = c.snd_nxt, .sent_n = 1};
    sent.flown = (struct la_tcp_flown){.delivered = 77, .lost = 99};
    busy.board =
        (struct la_tcp_scoreboard){.sent = &sent, .order = &order, .row = {.cap = 1, .n = 1}};
    la_cc_switch(&c, &busy, bbr);
    assert_true(busy.rate.on);
    assert_int_equal(busy.phase, LA_CC_BBR_STARTUP);
    struct la_cc_rate rs;
    assert_true(la_tcp_rate_lost(&busy, &sent, c.snd_nxt, SMSS, &rs));
    assert_int_equal(rs.lost_bytes, SMSS); /* what was counted before does not count */
    assert_int_equal(rs.flight_bytes, BDP);
    assert_true(rs.app_limited);
    busy.phase = LA_CC_RECOVERY;
    la_cc_switch(&c, &busy, cubic);
    assert_int_equal(busy.phase, LA_CC_RECOVERY);
    assert_int_equal(c.ssthresh_bytes, c.cwnd_bytes); /* where that recovery leads to */
    busy.board = (struct la_tcp_scoreboard){0};
}

/* Numbers that no path has. */
static void
test_bbr__extremes(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        ack((struct given){.rate = UINT32_MAX,
                           .n = UINT32_MAX / 2,
                           .rtt_us = UINT32_MAX - 1,
                           .lost = i % 3 == 0 ? UINT32_MAX : 0,
                           .flight = UINT32_MAX,
                           .inflight = INT32_MAX});
        lose(UINT32_MAX / 4, UINT32_MAX, i % 2 == 0 ? 1 : UINT32_MAX);
        assert_true(c.cwnd_bytes >= 4 * SMSS && c.cwnd_bytes <= INT32_MAX + UINT32_C(0x80000000));
        assert_true(pacing_rate() > 0);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bbr__begins),
        TEST(test_bbr__startup_plateau),
        TEST(test_bbr__startup_losses),
        TEST(test_bbr__drain_by_time),
        TEST(test_bbr__headroom),
        TEST(test_bbr__time_to_probe),
        TEST(test_bbr__reno_rounds),
        TEST(test_bbr__up_plateau),
        TEST(test_bbr__up_without_data),
        TEST(test_bbr__up_losses),
        TEST(test_bbr__up_losses_bounded),
        TEST(test_bbr__caution),
        TEST(test_bbr__slope),
        TEST(test_bbr__max_bw_two_cycles),
        TEST(test_bbr__shortterm),
        TEST(test_bbr__extra_acked),
        TEST(test_bbr__probe_rtt),
        TEST(test_bbr__probe_rtt_in_startup),
        TEST(test_bbr__idle),
        TEST(test_bbr__rest),
        TEST(test_bbr__timeout),
        TEST(test_bbr__undo_of_up),
        TEST(test_bbr__undo_of_startup),
        TEST(test_bbr__undo_of_cruise),
        TEST(test_bbr__marks),
        TEST(test_bbr__marks_while_cruising),
        TEST(test_bbr__without_a_sample),
        TEST(test_bbr__switched),
        TEST(test_bbr__extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
