/* SPDX-License-Identifier: MIT
 *
 * test_cubic.c - CUBIC: its arithmetic, and its rules (RFC 9438), without a network
 *
 * The control is called as the connection would call it; round trips are counted, not timed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/time.h"
#include "tcp/congestion.h"
#include "tcp/cubic.h"

enum { SMSS = 1000, RTT_MS = 100, MS = 1000 };

static struct la_tcp_conn c;
static struct la_tcp_busy busy;
static const struct la_cc_ops *cubic;
static la_instant now;

/* In congestion avoidance with a window of so many segments, nothing known. */
static void
begin(uint32_t cwnd_n)
{
    memset(&c, 0, sizeof(c));
    memset(&busy, 0, sizeof(busy));
    cubic = la_cc_ops(la_cc_find("cubic"));
    c.smss = SMSS;
    c.srtt_us = RTT_MS * MS;
    c.cwnd_bytes = c.ssthresh_bytes = cwnd_n * SMSS;
    busy.phase = LA_CC_AVOIDANCE;
    now = la_instant_of_ns(INT64_C(5000) * LA_NS_PER_S);
}

static void
pass_ms(int64_t ms)
{
    now = la_instant_add_us(now, ms * MS);
}

static void
ack(uint32_t octets, bool limited)
{
    struct la_cc_ack a = {.now = now,
                          .acked_bytes = octets,
                          .delivered_bytes = octets,
                          .flight_bytes = c.cwnd_bytes,
                          .limit_bytes = UINT32_MAX,
                          .limited = limited};
    c.snd_una = la_seq_add(c.snd_una, octets);
    cubic->acked(&c, &busy, &a);
}

/* A window is acknowledged, segment by segment, in a round trip. */
static void
round_trip(void)
{
    uint32_t n = c.cwnd_bytes / SMSS;
    pass_ms(RTT_MS);
    for (uint32_t i = 0; i < n; i++)
        ack(SMSS, true);
}

/* A loss with the whole window in flight, repaired at once. */
static void
lose(void)
{
    cubic->lost(&c, &busy, LA_CC_SIGNAL_LOSS, c.cwnd_bytes);
    c.cwnd_bytes = c.ssthresh_bytes;
}

/* ---- arithmetic ------------------------------------------------------------------------- */

static void
check_root(uint64_t y)
{
    uint64_t cube = y * y * y;
    assert_int_equal(la_cubic_root(cube), y);
    assert_int_equal(la_cubic_root(cube - 1), y - 1);
    if (y < 2642245)
        assert_int_equal(la_cubic_root(cube + 3 * y * y + 3 * y), y); /* (y + 1)^3 - 1 */
}

static void
test_cubic__root_is_exact(void **state)
{
    (void)state;
    assert_int_equal(la_cubic_root(0), 0);
    for (uint64_t y = 1; y < 5000; y++)
        check_root(y);
    for (uint64_t y = 5000; y <= 2642245; y += 97)
        check_root(y);
    check_root(2642245); /* the largest: its successor's cube has 65 bits */
    assert_int_equal(la_cubic_root(UINT64_MAX), 2642245);
}

/* LEDGER: MAY-18 */
static void
test_cubic__growth(void **state)
{
    (void)state;
    static const struct {
        uint32_t t_ms, smss, octets;
    } cases[] = {
        {0, SMSS, 0},
        {1000, SMSS, 400},
        {10000, SMSS, 400000},
        {100, SMSS, 0},
        {500, SMSS, 50},
        {2000, 1460, 4672},
        {100000, 100, 40000000},
        {262143, 65535, UINT32_MAX},
        {UINT32_MAX, SMSS, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(la_cubic_growth(cases[i].t_ms, cases[i].smss), cases[i].octets);
}

/* K is when the growth reaches the gap, to the millisecond. */
/* LEDGER: RFC9438-1 */
static void
test_cubic__k_is_the_inverse(void **state)
{
    (void)state;
    assert_int_equal(la_cubic_k_ms(400 * SMSS, SMSS), 10000);
    assert_int_equal(la_cubic_k_ms(0, SMSS), 0);
    static const uint32_t sizes[] = {88, 536, 1460, 8948, 65535};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint64_t gap = 100000; gap <= UINT32_MAX; gap = gap * 3 / 2) {
            uint32_t k = la_cubic_k_ms((uint32_t)gap, sizes[i]);
            assert_true(la_cubic_growth(k, sizes[i]) <= gap);
            assert_true(k == (1u << 18) - 1 || la_cubic_growth(k + 2, sizes[i]) + 1 >= gap);
        }
    }
}

/* ---- the curve -------------------------------------------------------------------------- */

/* Segments that W_cubic has `ms` after the epoch began; W_max 1400, K 10 s. */
static double
curve(double ms)
{
    double t = (ms - 10000) / 1000;
    return 1400 + 0.4 * t * t * t;
}

/* LEDGER: RFC9438-1, RFC9438-3, RFC9438-7, RFC9438-8, RFC9438-19 */
static void
test_cubic__follows_the_curve(void **state)
{
    (void)state;
    begin(1400);
    lose();
    c.cwnd_bytes = c.ssthresh_bytes = 1000 * SMSS; /* a gap of 400: K is 10 s */
    bool plateau = false;
    for (int64_t ms = RTT_MS; ms <= 20000; ms += RTT_MS) {
        round_trip();
        /* The first one begins the epoch. In each, cwnd goes from W_cubic(t) towards
         * W_cubic(t + RTT); of that distance most, as it is looked at again with each segment. */
        double is = (double)c.cwnd_bytes / SMSS;
        assert_true(is > curve((double)(ms - RTT_MS)) - 0.1 && is < curve((double)ms) + 0.1);
        plateau |= ms > 9000 && ms < 11000 && is > 1399 && is < 1402;
        if (ms < 9000)
            assert_true(c.cwnd_bytes < 1400 * SMSS); /* concave: from below */
    }
    assert_true(plateau);
    assert_true(c.cwnd_bytes > 1780 * SMSS); /* convex: it searches */
}

/* The window is the same whether acknowledgements come one by one or many at once. */
static void
test_cubic__counts_octets(void **state)
{
    (void)state;
    begin(1400);
    lose();
    for (unsigned i = 0; i < 20; i++)
        round_trip();
    uint32_t one_by_one = c.cwnd_bytes;
    begin(1400);
    lose();
    for (unsigned i = 0; i < 20; i++) {
        uint32_t flight = c.cwnd_bytes;
        pass_ms(RTT_MS);
        for (unsigned part = 0; part < 10; part++)
            ack(flight / 10, true);
    }
    assert_in_range(c.cwnd_bytes, one_by_one - 2 * SMSS, one_by_one + 2 * SMSS);
}

/* target is at most 1.5 * cwnd, however long the epoch has lasted. */
/* LEDGER: RFC9438-3 */
static void
test_cubic__at_most_half_more_a_round_trip(void **state)
{
    (void)state;
    begin(100);
    lose();
    round_trip();
    pass_ms(600000);
    uint32_t before = c.cwnd_bytes;
    ack(before, true);
    assert_int_equal(c.cwnd_bytes, before + before / 2);
}

/* Time in which the application was the limit is no part of t. */
/* LEDGER: RFC9438-2 */
static void
test_cubic__pauses(void **state)
{
    (void)state;
    begin(1400);
    lose();
    for (unsigned i = 0; i < 30; i++)
        round_trip();
    uint32_t straight = c.cwnd_bytes;
    for (unsigned i = 0; i < 10; i++)
        round_trip();
    uint32_t later = c.cwnd_bytes;
    begin(1400);
    lose();
    for (unsigned i = 0; i < 30; i++)
        round_trip();
    for (unsigned i = 0; i < 100; i++) { /* ten seconds of small requests */
        pass_ms(RTT_MS);
        ack(SMSS, false);
    }
    assert_int_equal(c.cwnd_bytes, straight);
    for (unsigned i = 0; i < 5; i++)
        round_trip();
    assert_in_range(c.cwnd_bytes, straight, later); /* not where ten seconds more would be */
    pass_ms(60000);                                 /* and a minute of nothing */
    struct la_cc_sent sent = {.now = now, .n = SMSS};
    cubic->sent(&c, &busy, &sent);
    for (unsigned i = 0; i < 5; i++)
        round_trip();
    assert_in_range(c.cwnd_bytes, later - 8 * SMSS, later + 8 * SMSS);
}

/* ---- the Reno-friendly region ----------------------------------------------------------- */

/* LEDGER: RFC9438-4, RFC9438-5, RFC9438-6 */
static void
test_cubic__as_fast_as_reno(void **state)
{
    (void)state;
    begin(20);
    c.srtt_us = 1 * MS;
    lose();
    assert_int_equal(c.cwnd_bytes, 14 * SMSS);
    /* Round trips of 1 ms: the curve stands still, alpha is 9/17 below the window before. */
    unsigned rounds_n = 0;
    while (c.cwnd_bytes < 20 * SMSS) {
        uint32_t n = c.cwnd_bytes / SMSS;
        pass_ms(1);
        for (uint32_t i = 0; i < n; i++)
            ack(SMSS, true);
        rounds_n++;
        assert_true(rounds_n < 20);
    }
    assert_in_range(rounds_n, 11, 13); /* 6 segments at 9/17 a round */
    uint32_t before = c.cwnd_bytes;
    for (unsigned i = 0; i < 10; i++) {
        uint32_t n = c.cwnd_bytes / SMSS;
        pass_ms(1);
        for (uint32_t k = 0; k < n; k++)
            ack(SMSS, true);
    }
    assert_in_range(c.cwnd_bytes, before + 9 * SMSS, before + 10 * SMSS); /* alpha is 1 */
}

/* ---- reductions ------------------------------------------------------------------------- */

/* LEDGER: RFC9438-9, RFC9438-10, RFC9438-13 */
static void
test_cubic__reductions(void **state)
{
    (void)state;
    begin(1000);
    cubic->lost(&c, &busy, LA_CC_SIGNAL_LOSS, 1000 * SMSS);
    assert_int_equal(c.ssthresh_bytes, 700 * SMSS);
    assert_int_equal(busy.cc.cubic.w_max_bytes, 1000 * SMSS);
    c.cwnd_bytes = 800 * SMSS; /* lost again before W_max: others want room */
    cubic->lost(&c, &busy, LA_CC_SIGNAL_LOSS, 800 * SMSS);
    assert_int_equal(c.ssthresh_bytes, 560 * SMSS);
    assert_int_equal(busy.cc.cubic.w_max_bytes, 680 * SMSS); /* 800 * (1 + 0.7) / 2 */
    c.cwnd_bytes = 690 * SMSS;                               /* beyond it: no fast convergence */
    cubic->lost(&c, &busy, LA_CC_SIGNAL_ECN, 690 * SMSS);
    assert_int_equal(c.ssthresh_bytes, 483 * SMSS); /* a mark counts as a loss does */
    assert_int_equal(busy.cc.cubic.w_max_bytes, 690 * SMSS);
    c.cwnd_bytes = 2 * SMSS;
    cubic->lost(&c, &busy, LA_CC_SIGNAL_LOSS, 2 * SMSS);
    assert_int_equal(c.ssthresh_bytes, 2 * SMSS); /* never below two */
    c.cwnd_bytes = 100 * SMSS;                    /* what is in flight counts, not what might be */
    cubic->lost(&c, &busy, LA_CC_SIGNAL_LOSS, 50 * SMSS);
    assert_int_equal(c.ssthresh_bytes, 35 * SMSS);
}

/* LEDGER: RFC9438-14 */
static void
test_cubic__timeout(void **state)
{
    (void)state;
    begin(1000);
    cubic->timed_out(&c, &busy, 1000 * SMSS, false);
    assert_int_equal(c.ssthresh_bytes, 700 * SMSS);
    assert_int_equal(c.cwnd_bytes, SMSS);
    cubic->timed_out(&c, &busy, SMSS, true);
    assert_int_equal(c.ssthresh_bytes, 700 * SMSS); /* the same data: ssthresh stays */
    c.cwnd_bytes = 700 * SMSS;                      /* slow start is over */
    ack(SMSS, true);
    assert_int_equal(busy.cc.cubic.k_ms, 0);
    assert_int_equal(busy.cc.cubic.w_max_bytes, 700 * SMSS);
    assert_int_equal(busy.cc.cubic.w_est_bytes, 700 * SMSS);
}

/* LEDGER: RFC9438-15, RFC9438-16 */
static void
test_cubic__undo(void **state)
{
    (void)state;
    begin(1400);
    lose();
    for (unsigned i = 0; i < 50; i++)
        round_trip();
    struct la_cc_cubic was = busy.cc.cubic;
    uint32_t cwnd = c.cwnd_bytes;
    lose();
    round_trip();
    assert_int_not_equal(busy.cc.cubic.w_max_bytes, was.w_max_bytes);
    c.cwnd_bytes = cwnd; /* what tcp/undo.c does */
    cubic->undo(&c, &busy);
    assert_int_equal(busy.cc.cubic.w_max_bytes, was.w_max_bytes);
    assert_int_equal(busy.cc.cubic.k_ms, was.k_ms);
    assert_int_equal(busy.cc.cubic.epoch_at.ns, was.epoch_at.ns);
    assert_int_equal(busy.cc.cubic.w_est_bytes, was.w_est_bytes);
    assert_int_equal(busy.cc.cubic.cwnd_prior_bytes, was.cwnd_prior_bytes);
    lose();
    uint32_t w_max = busy.cc.cubic.w_max_bytes;
    c.cwnd_bytes = cwnd + SMSS; /* it has grown beyond meanwhile */
    cubic->undo(&c, &busy);
    assert_int_equal(busy.cc.cubic.w_max_bytes, w_max);
}

/* An idle time of the record's: W_max stays, and the curve is the same one. */
static void
test_cubic__idle_keeps_w_max(void **state)
{
    (void)state;
    begin(1400);
    lose();
    for (unsigned i = 0; i < 30; i++)
        round_trip();
    struct la_cc_cubic was = busy.cc.cubic;
    cubic->rest(&c, &busy);
    memset(&busy, 0, sizeof(busy));
    busy.phase = LA_CC_AVOIDANCE;
    cubic->resume(&c, &busy);
    round_trip();
    assert_int_equal(busy.cc.cubic.w_max_bytes, was.w_max_bytes);
    /* What was left of K: about 3 s of it had passed. */
    assert_in_range(busy.cc.cubic.k_ms, was.k_ms - 3200, was.k_ms - 2900);
}

/* ---- slow start ------------------------------------------------------------------------- */

/* A round of slow start whose acknowledgements all measured the same. */
static void
slow_round(uint32_t rtt_us)
{
    uint32_t n = c.cwnd_bytes / SMSS;
    c.snd_nxt = la_seq_add(c.snd_una, n * SMSS);
    for (uint32_t i = 0; i < n && c.cwnd_bytes < c.ssthresh_bytes; i++) {
        struct la_cc_ack a = {.now = now,
                              .acked_bytes = SMSS,
                              .flight_bytes = c.cwnd_bytes,
                              .limit_bytes = UINT32_MAX,
                              .limited = true,
                              .rtt_us = rtt_us};
        c.snd_una = la_seq_add(c.snd_una, SMSS);
        uint32_t step = busy.cc.cubic.hystart.css_baseline_us != 0 ? SMSS / 4 : SMSS;
        if (i + 1 == n) /* the next window has been sent meanwhile */
            c.snd_nxt = la_seq_add(c.snd_una, (c.cwnd_bytes + step) / SMSS * SMSS);
        cubic->acked(&c, &busy, &a);
    }
}

/* HyStart++ ends slow start without a loss: then W_max is the window at that time and K is 0. */
/* LEDGER: RFC9438-17, RFC9438-18 */
static void
test_cubic__hystart_ends_slow_start(void **state)
{
    (void)state;
    begin(10);
    c.ssthresh_bytes = UINT32_MAX;
    busy.phase = LA_CC_SLOW_START;
    slow_round(20 * MS);
    slow_round(20 * MS);
    assert_int_equal(c.cwnd_bytes, 40 * SMSS);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(c.ssthresh_bytes, UINT32_MAX);
        slow_round(30 * MS);
    }
    assert_int_equal(c.ssthresh_bytes, c.cwnd_bytes);
    assert_in_range(c.cwnd_bytes, 90 * SMSS, 140 * SMSS);
    uint32_t cwnd = c.cwnd_bytes;
    busy.phase = LA_CC_AVOIDANCE;
    ack(SMSS, true);
    assert_int_equal(busy.cc.cubic.k_ms, 0);
    assert_int_equal(busy.cc.cubic.w_max_bytes, cwnd);
    assert_int_equal(busy.cc.cubic.cwnd_prior_bytes, cwnd);
}

/* Whatever is acknowledged, found lost and undone: windows stay windows. */
static void
test_cubic__extremes(void **state)
{
    (void)state;
    begin(2);
    c.cwnd_bytes = c.ssthresh_bytes = UINT32_MAX - 5;
    ack(UINT32_MAX, true);
    assert_true(c.cwnd_bytes >= UINT32_MAX - 5);
    cubic->undo(&c, &busy); /* nothing was reduced */
    cubic->lost(&c, &busy, LA_CC_SIGNAL_LOSS, UINT32_MAX);
    c.cwnd_bytes = c.ssthresh_bytes;
    pass_ms(INT64_C(3000000000));
    ack(UINT32_MAX, true);
    pass_ms(INT64_C(3000000000));
    ack(UINT32_MAX, true);
    assert_true(c.cwnd_bytes > c.ssthresh_bytes);
    begin(1);
    ack(1, true);
    assert_true(c.cwnd_bytes >= SMSS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cubic__root_is_exact),
        cmocka_unit_test(test_cubic__growth),
        cmocka_unit_test(test_cubic__k_is_the_inverse),
        cmocka_unit_test(test_cubic__follows_the_curve),
        cmocka_unit_test(test_cubic__counts_octets),
        cmocka_unit_test(test_cubic__at_most_half_more_a_round_trip),
        cmocka_unit_test(test_cubic__pauses),
        cmocka_unit_test(test_cubic__as_fast_as_reno),
        cmocka_unit_test(test_cubic__reductions),
        cmocka_unit_test(test_cubic__timeout),
        cmocka_unit_test(test_cubic__undo),
        cmocka_unit_test(test_cubic__idle_keeps_w_max),
        cmocka_unit_test(test_cubic__hystart_ends_slow_start),
        cmocka_unit_test(test_cubic__extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
