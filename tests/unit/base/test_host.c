/* SPDX-License-Identifier: MIT
 *
 * test_host.c - what lastack/host.h gives an instance
 */
#include <lastack/host.h>

#include "support.h"

static void
test_host__memory_serves_an_instance(void **state)
{
    (void)state;
    struct la_mem *mem = la_mem_new(la_host_alloc(), 0);
    assert_non_null(mem);
    uint8_t *p = la_mem_take(mem, 100);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    la_mem_give(mem, p, 100);
    la_mem_unref(mem);
}

static void
test_host__time_does_not_go_back(void **state)
{
    (void)state;
    la_instant before = la_host_now();
    for (int i = 0; i < 1000; i++) {
        la_instant now = la_host_now();
        assert_true(now.ns >= before.ns);
        before = now;
    }
}

static void
test_host__seeds_differ(void **state)
{
    (void)state;
    uint64_t a[4] = {0}, b[4] = {0};
    la_host_seed(a);
    la_host_seed(b);
    for (int i = 0; i < 4; i++) {
        assert_true(a[i] != 0);
        assert_true(a[i] != b[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host__memory_serves_an_instance),
        cmocka_unit_test(test_host__time_does_not_go_back),
        cmocka_unit_test(test_host__seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
