/* SPDX-License-Identifier: MIT
 *
 * test_rtt.c - SRTT, RTTVAR and RTO in numbers
 *
 * Read first: RFC 6298 2, 5.5. Numbers are worked out by hand from 2.2 and 2.3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tcp/rtt.h"

static struct la_tcp_conn c;
static struct la_tcp_cfg cfg;
static struct la_tcp_env env;
static struct la_tcp_todo todo;

static int
setup(void **state)
{
    (void)state;
    cfg = (struct la_tcp_cfg){.rto_us_min = 200000, .rto_us_max = 60000000};
    memset(&c, 0, sizeof(c));
    c.rtt_us_min = UINT32_MAX;
    c.busy_idx = LA_TCP_IDLE;
    c.rto_us = 1000000;
    env = (struct la_tcp_env){.cfg = &cfg};
    todo = (struct la_tcp_todo){.env = &env};
    return 0;
}

static void
expect(uint32_t srtt_us, uint32_t rttvar_us, uint32_t rto_us)
{
    assert_int_equal(c.srtt_us, srtt_us);
    assert_int_equal(c.rttvar_us, rttvar_us);
    assert_int_equal(c.rto_us, rto_us);
}

/* LEDGER: MUST-18, RFC6298-3, RFC6298-4, RFC6298-5, RFC6298-6 */
static void
test_rtt__numbers(void **state)
{
    (void)state;
    la_tcp_rtt_sample(&c, 400000, &todo); /* 2.2 */
    expect(400000, 200000, 1200000);
    la_tcp_rtt_sample(&c, 400000, &todo); /* 2.3: RTTVAR 3/4 of itself */
    expect(400000, 150000, 1000000);
    la_tcp_rtt_sample(&c, 800000, &todo); /* RTTVAR first, with the old SRTT */
    expect(450000, (3 * 150000 + 400000) / 4, 450000 + 4 * 212500);
    la_tcp_rtt_sample(&c, 50000, &todo); /* |SRTT - R| either way */
    expect(400000, (3 * 212500 + 400000) / 4, 400000 + 4 * 259375);
    assert_int_equal(c.rtt_us_min, 50000);
}

/* LEDGER: RFC6298-8, RFC6298-11, RFC2525-7 */
static void
test_rtt__bounds(void **state)
{
    (void)state;
    la_tcp_rtt_sample(&c, 100, &todo);
    assert_int_equal(c.rto_us, 200000); /* D4 */
    la_tcp_rtt_sample(&c, 0, &todo);    /* faster than the clock */
    assert_true(c.srtt_us > 0);
    for (unsigned i = 0; i < 100; i++)
        la_tcp_rtt_sample(&c, 600000000, &todo);
    assert_int_equal(c.rto_us, 60000000); /* 2.5 */
    assert_in_range(c.srtt_us, 590000000, 600000000);
    /* G: however steady the path, RTO is above SRTT. */
    cfg.rto_us_min = 1;
    for (unsigned i = 0; i < 200; i++)
        la_tcp_rtt_sample(&c, 5000, &todo);
    assert_true(c.rto_us >= c.srtt_us + 1000);
}

/* LEDGER: MUST-19, RFC6298-17 */
static void
test_rtt__back_off(void **state)
{
    (void)state;
    c.rto_us = 1000000;
    static const uint32_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60};
    for (unsigned n = 0; n < 8; n++)
        assert_int_equal(la_tcp_rto_backed_off(&c, &env, n), seconds[n] * 1000000);
    assert_int_equal(la_tcp_rto_backed_off(&c, &env, UINT8_MAX), 60000000);
    c.rto_us = 60000000;
    assert_int_equal(la_tcp_rto_backed_off(&c, &env, 1000), 60000000);
    c.backoff_n = 5;
    la_tcp_rtt_sample(&c, 100000, &todo); /* a measurement ends it */
    assert_int_equal(c.backoff_n, 0);
    assert_int_equal(c.rto_us, 300000);
}

/* LEDGER: RFC7323-27 */
static void
test_rtt__timestamps_tick_milliseconds(void **state)
{
    (void)state;
    c.ts_offset = 0xfffffff0;
    uint32_t before = la_tcp_ts_now(&c, la_instant_of_ns(0));
    assert_int_equal(before, 0xfffffff0);
    assert_int_equal((uint32_t)(la_tcp_ts_now(&c, la_instant_of_ns(999999)) - before), 0);
    assert_int_equal((uint32_t)(la_tcp_ts_now(&c, la_instant_of_ns(100 * LA_NS_PER_MS)) - before),
                     100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rtt__numbers, setup),
        cmocka_unit_test_setup(test_rtt__bounds, setup),
        cmocka_unit_test_setup(test_rtt__back_off, setup),
        cmocka_unit_test_setup(test_rtt__timestamps_tick_milliseconds, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
