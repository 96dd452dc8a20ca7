/* SPDX-License-Identifier: MIT
 *
 * test_pool.c - records keep their place, their neighbours' octets and their generation
 */
#include "base/pool.h"

#include "support.h"

enum { LIVE_MAX = 700, ITEM_BYTES = 40 };

static void
test_pool__records_stay_where_they_are(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_rng rng = test_rng(1);
    struct la_pool pool;
    static uint32_t taken[LIVE_MAX];
    static void *place[LIVE_MAX];
    uint32_t taken_n = 0;
    la_pool_init(&pool, mem, ITEM_BYTES, 3, LIVE_MAX);
    for (int step = 0; step < 50000; step++) {
        if (taken_n > 0 && test_below(&rng, 100) < 48) {
            uint32_t i = test_below(&rng, taken_n);
            uint8_t *item = la_pool_at(&pool, taken[i]);
            assert_ptr_equal(item, place[i]);
            for (int j = 0; j < ITEM_BYTES; j++)
                assert_int_equal(item[j], (uint8_t)taken[i]);
            la_pool_give(&pool, taken[i]);
            taken_n--;
            taken[i] = taken[taken_n];
            place[i] = place[taken_n];
            continue;
        }
        uint32_t idx = la_pool_take(&pool);
        assert_int_equal(idx == LA_POOL_NONE, taken_n == LIVE_MAX);
        if (idx == LA_POOL_NONE)
            continue;
        for (uint32_t i = 0; i < taken_n && step % 100 == 0; i++)
            assert_int_not_equal(taken[i], idx);
        taken[taken_n] = idx;
        place[taken_n++] = la_pool_at(&pool, idx);
        memset(la_pool_at(&pool, idx), (uint8_t)idx, ITEM_BYTES);
    }
    assert_int_equal(pool.live_n, taken_n);
    assert_true(pool.items_n <= LIVE_MAX + 7);
    la_pool_fini(&pool);
    test_mem_end(mem, &alloc);
}

static void
test_pool__what_lies_behind_eight_octets_survives(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_pool pool;
    la_pool_init(&pool, mem, 24, 2, 4);
    for (uint64_t generation = 0; generation < 100; generation++) {
        uint32_t idx[4];
        for (int i = 0; i < 4; i++) {
            idx[i] = la_pool_take(&pool);
            uint64_t *words = la_pool_at(&pool, idx[i]);
            assert_int_equal(words[1], generation);
            assert_int_equal(words[2], 7 * generation);
            words[0] = UINT64_MAX;
            words[1]++;
            words[2] += 7;
        }
        assert_int_equal(la_pool_take(&pool), LA_POOL_NONE);
        for (int i = 0; i < 4; i++)
            la_pool_give(&pool, idx[i]);
    }
    la_pool_fini(&pool);
    test_mem_end(mem, &alloc);
}

static void
test_pool__without_memory_there_is_none(void **state)
{
    (void)state;
    for (long k = 1; k < 12; k++) {
        struct test_alloc alloc = {.fail_from = k, .fail_n = 1};
        struct la_mem *mem = test_mem_new(&alloc, 0);
        struct la_pool pool;
        uint32_t none_n = 0;
        la_pool_init(&pool, mem, 8, 0, 1000);
        for (int i = 0; i < 20; i++)
            none_n += la_pool_take(&pool) == LA_POOL_NONE;
        assert_int_equal(none_n, 1);
        assert_int_equal(pool.live_n, 19);
        la_pool_fini(&pool);
        test_mem_end(mem, &alloc);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool__records_stay_where_they_are),
        cmocka_unit_test(test_pool__what_lies_behind_eight_octets_survives),
        cmocka_unit_test(test_pool__without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
