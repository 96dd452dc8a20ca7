/* SPDX-License-Identifier: MIT
 *
 * test_samples.c - story/samples.h: bounded, and what a picture shows of it stays
 */
#include "story/samples.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

enum { MANY_N = 1000000 };

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
static bool memory_is_gone;

void *
__wrap_realloc(void *p, size_t n)
{
    return memory_is_gone ? NULL : __real_realloc(p, n);
}

static bool
has(const struct la_samples *s, double x, double y)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->points[i].x == x && s->points[i].y == y)
            return true;
    return false;
}

static void
ascend(const struct la_samples *s)
{
    for (size_t i = 1; i < s->n; i++)
        assert_true(s->points[i - 1].x <= s->points[i].x);
}

static void
test_samples__few_are_all_kept(void **state)
{
    (void)state;
    struct la_samples s = {0};
    for (int i = 0; i < LA_SAMPLES_N_MAX; i++)
        la_samples_add(&s, i, i % 7);
    assert_int_equal(s.n, LA_SAMPLES_N_MAX);
    la_samples_fini(&s);
    assert_int_equal(s.n, 0);
}

/* A million, with a spike up and one down that are one sample wide. */
static void
test_samples__spikes_stay(void **state)
{
    (void)state;
    struct la_samples s = {0};
    for (int i = 0; i < MANY_N; i++)
        la_samples_add(&s, i, i == 333333 ? 1e6 : i == 777777 ? -1e6 : i % 100);
    assert_true(s.n > LA_SAMPLES_N_MAX / 4 && s.n <= LA_SAMPLES_N_MAX);
    assert_true(has(&s, 333333, 1e6) && has(&s, 777777, -1e6));
    assert_true(has(&s, 0, 0) && has(&s, MANY_N - 1, (MANY_N - 1) % 100));
    ascend(&s);
    /* Of each thousandth of the time something is there, and its extremes are. */
    size_t i = 0;
    for (int part = 0; part < 100; part++) {
        bool least = false, most = false;
        for (; i < s.n && s.points[i].x < (part + 1) * (MANY_N / 100.0); i++) {
            least |= s.points[i].y == 0;
            most |= s.points[i].y == 99;
        }
        assert_true(least && most);
    }
    la_samples_fini(&s);
}

static void
test_samples__bars(void **state)
{
    (void)state;
    struct la_samples s = {0};
    for (int i = 0; i < MANY_N; i++)
        la_samples_add_bar(&s, i, i * 10.0, i == 500000 ? 1e9 : i * 10.0 + 10);
    assert_int_equal(s.n % 2, 0);
    assert_true(s.n <= LA_SAMPLES_N_MAX);
    ascend(&s);
    for (size_t i = 0; i < s.n; i += 2) {
        assert_true(s.points[i].x == s.points[i + 1].x);
        assert_true(s.points[i].y == s.points[i].x * 10);
        assert_true(s.points[i + 1].y > s.points[i].y);
    }
    assert_true(has(&s, 500000, 1e9));
    assert_true(la_samples_max(&s) == 1e9);
    la_samples_scale(&s, 0.5);
    assert_true(la_samples_max(&s) == 5e8);
    la_samples_fini(&s);
}

/* A gap begins where the value ends, and no maximum is nothing. */
static void
test_samples__gaps(void **state)
{
    (void)state;
    struct la_samples s = {0};
    la_samples_add_gap(&s, 1);
    assert_int_equal(s.n, 0);
    la_samples_add(&s, 1, 7);
    la_samples_add_gap(&s, 2);
    la_samples_add_gap(&s, 3);
    assert_int_equal(s.n, 3);
    assert_true(s.points[1].x == 2 && s.points[1].y == 7);
    assert_true(s.points[2].x == 2 && isnan(s.points[2].y));
    assert_true(la_samples_max(&s) == 7);
    for (int i = 0; i < MANY_N; i++) {
        la_samples_add_gap(&s, 10 + i);
        la_samples_add(&s, 10 + i, i % 50 + (i == 123456 ? 1000 : 0));
    }
    assert_true(la_samples_max(&s) == 1000 + 123456 % 50);
    la_samples_fini(&s);
}

/* Captures go back in time, and may have no time at all. */
static void
test_samples__time(void **state)
{
    (void)state;
    struct la_samples s = {0};
    la_samples_add(&s, 5, 1);
    la_samples_add(&s, 3, 2);
    assert_true(s.points[1].x == 5);
    for (int i = 0; i < MANY_N; i++)
        la_samples_add(&s, 5, i);
    assert_true(s.n <= LA_SAMPLES_N_MAX && has(&s, 5, MANY_N - 1));
    ascend(&s);
    la_samples_fini(&s);
}

static void
test_samples__no_memory(void **state)
{
    (void)state;
    struct la_samples s = {0};
    la_samples_add(&s, 0, 1);
    memory_is_gone = true;
    for (int i = 0; i < 1000; i++)
        la_samples_add_bar(&s, i, 1, 2);
    memory_is_gone = false;
    assert_true(s.failed && s.n > 1 && s.n < 1000);
    la_samples_fini(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples__few_are_all_kept),
        cmocka_unit_test(test_samples__spikes_stay),
        cmocka_unit_test(test_samples__bars),
        cmocka_unit_test(test_samples__time),
        cmocka_unit_test(test_samples__gaps),
        cmocka_unit_test(test_samples__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
