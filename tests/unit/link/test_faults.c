/* SPDX-License-Identifier: MIT
 *
 * test_faults.c - faults are checked, and shares become thresholds
 */
#include <math.h>

#include "support.h"

#include "link/faults.h"

static const struct la_link_caps plain = {.mtu_bytes = 1500};

static la_err
init(const struct la_impair *impair, const struct la_link_caps *caps)
{
    struct la_wire_faults faults;
    return la_wire_faults_init(&faults, impair, caps);
}

static void
test_faults__range(void **state)
{
    (void)state;
    const struct la_impair bad[] = {
        {.loss = -0.1},     {.loss = 1.1},           {.loss = NAN},        {.burst_loss = 2},
        {.reorder = NAN},   {.duplicate = INFINITY}, {.corrupt = -1},      {.delay_ns = -1},
        {.jitter_ns = -1},  {.reorder_ns = -1},      {.burst_n = 0.5},     {.burst_n = NAN},
        {.burst_n = 1e300}, {.mtu_bytes = 67},       {.mtu_bytes = 65536}, {.delay_ns = INT64_MAX},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(init(&bad[i], &plain), LA_ERR_BAD_ARGUMENT);
    const struct la_impair good[] = {
        {.loss = 1},
        {.burst_loss = 1, .burst_n = 1},
        {.mtu_bytes = 68},
        {.loss = 1e-300},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(init(&good[i], &plain), LA_OK);
}

static void
test_faults__corruption_needs_checksums(void **state)
{
    (void)state;
    const struct la_impair corrupt = {.corrupt = 0.1}, lossy = {.loss = 0.1};
    const struct la_link_caps caps[] = {{.mtu_bytes = 1500, .checksum_tx = true},
                                        {.mtu_bytes = 1500, .checksum_rx = true},
                                        {.mtu_bytes = 1500, .tso4 = true},
                                        {.mtu_bytes = 1500, .tso6 = true}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(init(&corrupt, &caps[i]), LA_ERR_BAD_ARGUMENT);
        assert_int_equal(init(&lossy, &caps[i]), LA_OK);
    }
    assert_int_equal(init(&corrupt, &plain), LA_OK);
}

static void
test_faults__defaults(void **state)
{
    (void)state;
    struct la_wire_faults faults;
    assert_int_equal(la_wire_faults_init(&faults, &(struct la_impair){0}, &plain), LA_OK);
    assert_true(faults.perfect);
    assert_false(faults.keyed);
    assert_int_equal(faults.queue_n, 1000);
    assert_int_equal(faults.reorder_ns, 5 * LA_NS_PER_MS);
    assert_int_equal(faults.mtu_bytes, 1500);
    assert_int_equal(la_wire_faults_init(&faults, &(struct la_impair){.jitter_ns = 1}, &plain),
                     LA_OK);
    assert_true(faults.keyed);
    assert_false(faults.perfect);
    assert_int_equal(la_wire_faults_init(&faults, &(struct la_impair){.delay_ns = 1}, &plain),
                     LA_OK);
    assert_false(faults.keyed);
    assert_false(faults.perfect);
}

static double
share(uint64_t threshold)
{
    return (double)threshold / (double)(UINT64_C(1) << LA_WIRE_DRAW_BITS);
}

/* p / (p + r) is the share that was asked for, also where no short bursts can give it. */
static void
test_faults__burst_is_stationary(void **state)
{
    (void)state;
    const double shares[] = {0.001, 0.02, 0.3, 0.5, 0.9, 0.99};
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        struct la_wire_faults faults;
        const struct la_impair impair = {.burst_loss = shares[i], .burst_n = 4};
        assert_int_equal(la_wire_faults_init(&faults, &impair, &plain), LA_OK);
        double p = share(faults.burst_enter), r = share(faults.burst_leave);
        assert_true(fabs(p / (p + r) - shares[i]) < 1e-9);
        assert_true(shares[i] > 0.8 || fabs(r - 0.25) < 1e-9);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults__range),
        cmocka_unit_test(test_faults__corruption_needs_checksums),
        cmocka_unit_test(test_faults__defaults),
        cmocka_unit_test(test_faults__burst_is_stationary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
