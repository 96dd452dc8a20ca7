/* SPDX-License-Identifier: MIT
 *
 * test_netopt.c - network options: values, directions, what is refused
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/netopt.h"

static struct la_netopt opt;
static char error[LA_NETOPT_ERROR_BYTES];

static int
take(const char *name, const char *value)
{
    error[0] = '\0';
    return (int)la_netopt_take(&opt, name, value, error);
}

static void
good(const char *name, const char *value)
{
    assert_int_equal(take(name, value), LA_NETOPT_OK);
}

static void
bad(const char *name, const char *value)
{
    assert_int_equal(take(name, value), LA_NETOPT_BAD);
    assert_non_null(strstr(error, name));
    assert_null(strchr(error, '\n'));
}

static void
test_netopt__durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"20ms", 20000000}, {"1.5s", 1500000000},          {"300us", 300000}, {"7ns", 7}, {"0", 0},
        {"0.5ms", 500000},  {"1min", INT64_C(60000000000)}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        good("delay", cases[i].text);
        assert_int_equal(opt.impair[0].delay_ns, cases[i].ns);
        assert_int_equal(opt.impair[1].delay_ns, cases[i].ns);
    }
    static const char *const wrong[] = {"20", "ms",    "-1ms", "1 ms",  "20msx",  "",
                                        "1h", "nanms", "infs", "1e99s", "2000min"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        bad("delay", wrong[i]);
    bad("jitter", NULL);
}

static void
test_netopt__rates_and_shares(void **state)
{
    (void)state;
    good("rate", "10mbit");
    assert_int_equal(opt.impair[0].rate_bps, 10000000);
    good("rate", "1.5gbit/s");
    assert_int_equal(opt.impair[1].rate_bps, 1500000000);
    bad("rate", "10");
    bad("rate", "10Mbps");
    bad("rate", "1bit"); /* no octet in eight seconds */
    good("loss", "1%");
    assert_true(opt.impair[0].loss > 0.0099 && opt.impair[0].loss < 0.0101);
    good("loss", "0.25");
    assert_true(opt.impair[1].loss > 0.2499 && opt.impair[1].loss < 0.2501);
    good("corrupt", "100%");
    bad("loss", "1.01");
    bad("duplicate", "101%");
    bad("reorder", "-0.1");
    good("burst-length", "7");
    bad("burst-length", "0.5");
    good("queue", "50");
    bad("queue", "0");
    good("ecn-mark", "5");
    assert_int_equal(opt.impair[1].mark_n, 5);
    bad("ecn-mark", "0");
}

static void
test_netopt__directions(void **state)
{
    (void)state;
    la_netopt_init(&opt);
    good("delay", "5ms");
    good("delay-up", "1ms");
    assert_false(la_netopt_has_chance(&opt));
    good("burst-loss-down", "2%");
    assert_int_equal(opt.impair[0].delay_ns, 1000000);
    assert_int_equal(opt.impair[1].delay_ns, 5000000);
    assert_true(opt.impair[0].burst_loss <= 0 && opt.impair[1].burst_loss > 0);
    assert_true(la_netopt_has_chance(&opt));
    bad("loss-up", "x");
}

static void
test_netopt__whole_numbers(void **state)
{
    (void)state;
    la_netopt_init(&opt);
    assert_int_equal(opt.mtu_bytes, 1500);
    assert_false(opt.seed_given);
    good("mtu", "65520");
    assert_int_equal(opt.mtu_bytes, 65520);
    bad("mtu", "67");
    bad("mtu", "65536");
    bad("mtu", "1500x");
    good("seed", "18446744073709551615");
    assert_true(opt.seed == UINT64_MAX && opt.seed_given);
    bad("seed", "18446744073709551616");
    bad("seed", "-1");
    bad("seed", NULL);
}

static void
test_netopt__others_are_left_alone(void **state)
{
    (void)state;
    static const char *const names[] = {
        "watch", "delays",  "delay-",   "-up",
        "",      "seed-up", "mtu-down", "a-name-that-is-longer-than-any-option-there-is-up"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(take(names[i], "1"), LA_NETOPT_OTHER);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_netopt__durations),
        cmocka_unit_test(test_netopt__rates_and_shares),
        cmocka_unit_test(test_netopt__directions),
        cmocka_unit_test(test_netopt__whole_numbers),
        cmocka_unit_test(test_netopt__others_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
