/* SPDX-License-Identifier: MIT
 *
 * test_options.c - getsockopt and setsockopt: ranges, doubling, and that they take effect
 *
 * Ranges were tried on Linux (tcp(7), ip(7), socket(7)).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "world.h"

static struct world w;

static la_err
set(la_sock s, enum la_sock_option option, int64_t value)
{
    return la_sock_option_set(w.set[0], s, option, value, w.pair.now);
}

static int64_t
get(la_sock s, enum la_sock_option option)
{
    int64_t value = -99;
    assert_int_equal(la_sock_option_get(w.set[0], s, option, &value), LA_OK);
    return value;
}

static void
test_options__ranges(void **state)
{
    (void)state;
    static const struct {
        enum la_sock_option option;
        int64_t value;
        la_err err;
        int64_t now;
    } cases[] = {
        {LA_SO_REUSEADDR, 1, LA_OK, 1},
        {LA_SO_REUSEADDR, -5, LA_OK, 1},
        {LA_SO_KEEPALIVE, 77, LA_OK, 1},
        {LA_SO_KEEPALIVE, 0, LA_OK, 0},
        {LA_SO_LINGER_S, -1, LA_OK, -1},
        {LA_SO_LINGER_S, 30, LA_OK, 30},
        {LA_SO_LINGER_S, -2, LA_ERR_BAD_ARGUMENT, 30},
        {LA_SO_SNDBUF, 0, LA_OK, 4608},     /* the minimum */
        {LA_SO_SNDBUF, 5000, LA_OK, 10000}, /* doubled */
        {LA_SO_SNDBUF, -1, LA_OK, 1 << 29}, /* a huge number to Linux: the maximum */
        {LA_SO_RCVBUF, 100000, LA_OK, 200000},
        {LA_SO_RCVBUF, INT32_MAX, LA_OK, 1 << 29},
        {LA_SO_BROADCAST, 1, LA_OK, 1},
        {LA_SO_TTL, 1, LA_OK, 1},
        {LA_SO_TTL, 0, LA_ERR_BAD_ARGUMENT, 1},
        {LA_SO_TTL, 256, LA_ERR_BAD_ARGUMENT, 1},
        {LA_SO_TOS, 0x10, LA_OK, 0x10},
        {LA_SO_NODELAY, 1, LA_OK, 1},
        {LA_SO_CORK, 1, LA_OK, 1},
        {LA_SO_QUICKACK, 1, LA_OK, 1},
        {LA_SO_MAXSEG, 87, LA_ERR_BAD_ARGUMENT, 536},
        {LA_SO_MAXSEG, 88, LA_OK, 88},
        {LA_SO_MAXSEG, 32768, LA_ERR_BAD_ARGUMENT, 88},
        {LA_SO_KEEPIDLE, 0, LA_ERR_BAD_ARGUMENT, 7200},
        {LA_SO_KEEPIDLE, 1, LA_OK, 1},
        {LA_SO_KEEPIDLE, 32768, LA_ERR_BAD_ARGUMENT, 1},
        {LA_SO_KEEPINTVL, 0, LA_ERR_BAD_ARGUMENT, 75},
        {LA_SO_KEEPINTVL, 32767, LA_OK, 32767},
        {LA_SO_KEEPCNT, 128, LA_ERR_BAD_ARGUMENT, 9},
        {LA_SO_KEEPCNT, 127, LA_OK, 127},
        {LA_SO_USER_TIMEOUT, -1, LA_ERR_BAD_ARGUMENT, 0},
        {LA_SO_USER_TIMEOUT, 5, LA_OK, 5},
        {LA_SO_SYNCNT, 0, LA_ERR_BAD_ARGUMENT, 7},
        {LA_SO_SYNCNT, 128, LA_ERR_BAD_ARGUMENT, 7},
        {LA_SO_SYNCNT, 3, LA_OK, 3},
        {LA_SO_REUSEPORT, 7, LA_OK, 1},
        {LA_SO_CONGESTION, 0, LA_OK, 0},
        {LA_SO_CONGESTION, -1, LA_ERR_BAD_ARGUMENT, 0},
        {LA_SO_CONGESTION, 99, LA_ERR_BAD_ARGUMENT, 0},
        {LA_SO_MAX_PACING_RATE, -2, LA_ERR_BAD_ARGUMENT, -1},
        {LA_SO_MAX_PACING_RATE, 10000000001, LA_OK, 10000000001},
        {LA_SO_MAX_PACING_RATE, -1, LA_OK, -1},
    };
    world_new(&w);
    la_sock s = world_stream(&w, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(set(s, cases[i].option, cases[i].value), cases[i].err);
        assert_int_equal(get(s, cases[i].option), cases[i].now);
    }
    int64_t value;
    assert_int_equal(set(s, LA_SO_COUNT, 1), LA_ERR_NO_SUCH_OPTION);
    assert_int_equal(set(s, (enum la_sock_option) - 1, 1), LA_ERR_NO_SUCH_OPTION);
    assert_int_equal(la_sock_option_get(w.set[0], s, LA_SO_COUNT, &value), LA_ERR_NO_SUCH_OPTION);
    world_free(&w);
}

static int64_t
of_conn(la_sock s, enum la_conn_option option)
{
    int64_t value = -99;
    assert_int_equal(la_conn_option_get(w.pair.end[0], la_sock_conn(w.set[0], s), option, &value),
                     LA_OK);
    return value;
}

/* Set before the connection exists, and on the living one. */
static void
test_options__take_effect(void **state)
{
    (void)state;
    static const struct {
        enum la_sock_option option;
        int64_t value;
        enum la_conn_option conn_option;
        int64_t conn_value;
    } cases[] = {
        {LA_SO_KEEPALIVE, 1, LA_OPT_KEEPALIVE, 1},
        {LA_SO_SNDBUF, 50000, LA_OPT_SNDBUF_BYTES, 100000},
        {LA_SO_RCVBUF, 50000, LA_OPT_RCVBUF_BYTES, 100000},
        {LA_SO_TTL, 7, LA_OPT_TTL_HOPS, 7},
        {LA_SO_TOS, 0x10, LA_OPT_DSCP_ECN, 0x10},
        {LA_SO_NODELAY, 1, LA_OPT_NAGLE, 0},
        {LA_SO_CORK, 1, LA_OPT_CORK, 1},
        {LA_SO_QUICKACK, 1, LA_OPT_QUICK_ACK, 1},
        {LA_SO_MAXSEG, 500, LA_OPT_MSS_MAX, 488}, /* less the timestamps */
        {LA_SO_KEEPIDLE, 11, LA_OPT_KEEPALIVE_IDLE_S, 11},
        {LA_SO_KEEPINTVL, 12, LA_OPT_KEEPALIVE_INTERVAL_S, 12},
        {LA_SO_KEEPCNT, 13, LA_OPT_KEEPALIVE_PROBES_N, 13},
        {LA_SO_USER_TIMEOUT, 1400, LA_OPT_USER_TIMEOUT_MS, 1400},
        {LA_SO_CONGESTION, 0, LA_OPT_CONGESTION, 0}, /* not the default */
        {LA_SO_LINGER_S, 0, LA_OPT_RELEASE_RESETS, 1},
        {LA_SO_MAX_PACING_RATE, 2048000, LA_OPT_PACING_RATE_MAX, 2048000},
    };
    for (unsigned late = 0; late < 2; late++) {
        world_new(&w);
        (void)world_listen(&w);
        la_sock s = world_stream(&w, 0);
        for (size_t i = 0; late == 0 && i < sizeof(cases) / sizeof(cases[0]); i++)
            assert_int_equal(set(s, cases[i].option, cases[i].value), LA_OK);
        assert_int_equal(world_try_connect(&w, s, 80), LA_ERR_IN_PROGRESS);
        world_settle(&w);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            if (late != 0 && cases[i].option == LA_SO_MAXSEG)
                continue; /* before OPEN */
            if (late != 0)
                assert_int_equal(set(s, cases[i].option, cases[i].value), LA_OK);
            assert_int_equal(of_conn(s, cases[i].conn_option), cases[i].conn_value);
        }
        world_free(&w);
    }
}

/* TCP_SYNCNT: so many SYNs are sent again, and no more. */
static void
test_options__syncnt(void **state)
{
    (void)state;
    static const int64_t seconds[] = {0, 3, 7, 15}; /* 1 + 2, 1 + 2 + 4, … */
    for (int64_t n = 1; n <= 3; n++) {
        world_new(&w);
        la_wire_drop_set(w.pair.wire, 0, NULL, NULL);
        struct la_impair lost = {.loss = 1};
        assert_int_equal(la_wire_impair_set(w.pair.wire, 0, &lost), LA_OK);
        la_sock s = world_stream(&w, 0);
        assert_int_equal(set(s, LA_SO_SYNCNT, n), LA_OK);
        assert_int_equal(world_try_connect(&w, s, 80), LA_ERR_IN_PROGRESS);
        world_run_us(&w, seconds[n] * LA_US_PER_S - 100000);
        assert_int_equal(la_sock_error_take(w.set[0], s), LA_OK);
        world_run_us(&w, 200000);
        assert_int_equal(la_sock_error_take(w.set[0], s), LA_ERR_TIMED_OUT);
        struct la_wire_stats stats;
        la_wire_stats_get(w.pair.wire, 0, &stats);
        assert_int_equal(stats.sent_n, 1 + n);
        world_free(&w);
    }
}

/* What is set on a listener that listens already is inherited too. */
static void
test_options__of_a_listener(void **state)
{
    (void)state;
    la_sock client, server;
    world_new(&w);
    la_sock listener = world_listen(&w);
    assert_int_equal(la_sock_option_set(w.set[1], listener, LA_SO_MAXSEG, 700, w.pair.now), LA_OK);
    world_connect(&w, listener, &client, &server);
    assert_in_range(get(client, LA_SO_MAXSEG), 600, 700);
    world_free(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options__ranges),
        cmocka_unit_test(test_options__take_effect),
        cmocka_unit_test(test_options__syncnt),
        cmocka_unit_test(test_options__of_a_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
