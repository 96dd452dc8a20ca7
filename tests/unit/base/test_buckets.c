/* SPDX-License-Identifier: MIT
 *
 * test_buckets.c - base/buckets.h: nothing is lost, and nothing stands in the wrong place
 */
#include "base/buckets.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/time.h"

static uint64_t
sum_of(const struct la_buckets *buckets)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < LA_BUCKETS_N; i++)
        sum += buckets->sum[i];
    return sum;
}

static void
test_buckets__a_millisecond_each(void **state)
{
    (void)state;
    struct la_buckets b;
    la_buckets_init(&b, 5 * LA_NS_PER_S);
    la_buckets_add(&b, 5 * LA_NS_PER_S, 1);
    la_buckets_add(&b, 5 * LA_NS_PER_S + 999999, 2);
    la_buckets_add(&b, 5 * LA_NS_PER_S + 1000000, 4);
    la_buckets_add(&b, 5 * LA_NS_PER_S + 127999999, 8);
    la_buckets_add(&b, 0, 16); /* before the beginning */
    assert_int_equal(b.width_ns, 1000000);
    assert_int_equal(b.n, LA_BUCKETS_N);
    assert_int_equal(b.sum[0], 19);
    assert_int_equal(b.sum[1], 4);
    assert_int_equal(b.sum[127], 8);
}

/* Against the same amounts put into buckets of the final width. */
static void
test_buckets__widen(void **state)
{
    (void)state;
    enum { AMOUNTS_N = 1000 };
    struct la_buckets b;
    uint64_t expected[LA_BUCKETS_N] = {0}, all = 0;
    la_buckets_init(&b, -7);
    for (uint64_t i = 0; i < AMOUNTS_N; i++) {
        la_buckets_add(&b, (int64_t)(i * i * 12345678), i);
        all += i;
    }
    for (uint64_t i = 0; i < AMOUNTS_N; i++)
        expected[(i * i * 12345678 + 7) / (uint64_t)b.width_ns] += i;
    assert_int_equal(sum_of(&b), all);
    assert_memory_equal(b.sum, expected, sizeof(expected));
    assert_true(b.n > LA_BUCKETS_N / 2 && b.n <= LA_BUCKETS_N);
}

/* The width follows from the latest instant, whatever was added before. */
static void
test_buckets__alike(void **state)
{
    (void)state;
    struct la_buckets a, b;
    la_buckets_init(&a, 0);
    la_buckets_init(&b, 0);
    for (int64_t s = 1; s < 100; s++)
        la_buckets_add(&a, s * LA_NS_PER_S, 1);
    la_buckets_add(&b, 99 * LA_NS_PER_S, 0);
    assert_int_equal(a.width_ns, b.width_ns);
    assert_int_equal(a.n, b.n);
    assert_int_equal(sum_of(&b), 0);
}

static void
test_buckets__any_instant(void **state)
{
    (void)state;
    struct la_buckets b;
    la_buckets_init(&b, INT64_MIN);
    la_buckets_add(&b, INT64_MAX, 1);
    la_buckets_add(&b, INT64_MIN, 2);
    assert_int_equal(sum_of(&b), 3);
    assert_int_equal(b.sum[0], 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets__a_millisecond_each),
        cmocka_unit_test(test_buckets__widen),
        cmocka_unit_test(test_buckets__alike),
        cmocka_unit_test(test_buckets__any_instant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
