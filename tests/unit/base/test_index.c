/* SPDX-License-Identifier: MIT
 *
 * test_index.c - the linear hash index against an array of flags; its cost; memory refused
 */
#include "base/index.h"

#include "support.h"

enum { RECORDS_N = 20000 };

struct record {
    uint32_t next;
    uint32_t hash;
    bool in;
};

static struct record records[RECORDS_N];

static uint32_t *
record_next(void *ctx, uint32_t idx)
{
    return &((struct record *)ctx)[idx].next;
}

static uint32_t
record_hash(void *ctx, uint32_t idx)
{
    return ((struct record *)ctx)[idx].hash;
}

static const struct la_index_records callbacks = {record_next, record_hash, records};

static void
hash_records(struct la_rng *rng, uint32_t mask)
{
    for (int i = 0; i < RECORDS_N; i++)
        records[i] = (struct record){.hash = (uint32_t)la_rng_next(rng) & mask};
}

/* How many records a look-up passes before it meets idx; fails when it does not. */
static uint32_t
find(const struct la_index *index, uint32_t idx)
{
    uint32_t steps_n = 0;
    uint32_t at = la_index_first(index, records[idx].hash);
    for (; at != idx; at = la_index_next(index, at)) {
        assert_int_not_equal(at, LA_INDEX_NONE);
        steps_n++;
    }
    return steps_n;
}

static bool
is_found(const struct la_index *index, uint32_t idx)
{
    uint32_t at = la_index_first(index, records[idx].hash);
    while (at != LA_INDEX_NONE && at != idx)
        at = la_index_next(index, at);
    return at == idx;
}

static void
toggle(struct la_index *index, uint32_t idx)
{
    if (records[idx].in)
        la_index_remove(index, idx, records[idx].hash);
    else
        la_index_insert(index, idx, records[idx].hash);
    records[idx].in = !records[idx].in;
}

static void
test_index__finds_what_is_in_and_only_that(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_rng rng = test_rng(1);
    struct la_index index;
    hash_records(&rng, UINT32_MAX);
    assert_true(la_index_init(&index, mem, &callbacks));
    uint32_t live_n = 0;
    for (int phase = 0; phase < 12; phase++) {
        /* The likely direction turns, so that the table grows and shrinks. */
        for (int step = 0; step < 30000; step++) {
            uint32_t idx = test_below(&rng, RECORDS_N);
            if (records[idx].in == (phase % 2 == 0) && test_below(&rng, 20))
                continue;
            toggle(&index, idx);
            live_n += records[idx].in ? 1U : -1U;
        }
        la_index_check(&index);
        assert_int_equal(index.live_n, live_n);
        for (uint32_t i = 0; i < RECORDS_N; i++)
            assert_int_equal(is_found(&index, i), records[i].in);
    }
    la_index_fini(&index);
    test_mem_end(mem, &alloc);
}

static void
test_index__costs_little_and_chains_stay_short(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_rng rng = test_rng(2);
    struct la_index index;
    hash_records(&rng, UINT32_MAX);
    assert_true(la_index_init(&index, mem, &callbacks));
    uint64_t empty_bytes = test_mem_used(mem);
    for (uint32_t i = 0; i < RECORDS_N; i++)
        toggle(&index, i);
    /* 4 octets of bucket, next to the 4 of the record's own field. */
    assert_true(test_mem_used(mem) - empty_bytes < RECORDS_N * 9 / 2);
    uint32_t steps_n = 0;
    for (uint32_t i = 0; i < RECORDS_N; i++)
        steps_n += find(&index, i);
    assert_true(steps_n < RECORDS_N);
    for (uint32_t i = 0; i < RECORDS_N; i++)
        toggle(&index, i);
    assert_true(test_mem_used(mem) < empty_bytes + 1024);
    assert_int_equal(index.buckets_n, 1 << LA_INDEX_SEGMENT_SHIFT);
    la_index_fini(&index);
    test_mem_end(mem, &alloc);
}

/* One insertion takes at most two pieces of memory, and never a large one. */
static void
test_index__no_insertion_is_expensive(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_rng rng = test_rng(3);
    struct la_index index;
    hash_records(&rng, UINT32_MAX);
    assert_true(la_index_init(&index, mem, &callbacks));
    for (uint32_t i = 0; i < RECORDS_N; i++) {
        long calls_n = alloc.calls_n;
        uint32_t buckets_n = index.buckets_n;
        toggle(&index, i);
        assert_true(alloc.calls_n - calls_n <= 2);
        assert_true(index.buckets_n - buckets_n <= 1);
    }
    la_index_fini(&index);
    test_mem_end(mem, &alloc);
}

static void
test_index__equal_hashes_are_kept_apart_by_their_records(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_rng rng = test_rng(4);
    struct la_index index;
    hash_records(&rng, 3);
    assert_true(la_index_init(&index, mem, &callbacks));
    for (uint32_t i = 0; i < 1200; i++)
        toggle(&index, i);
    la_index_check(&index);
    for (uint32_t i = 0; i < 1200; i += 3)
        toggle(&index, i);
    for (uint32_t i = 0; i < 1200; i++)
        assert_int_equal(is_found(&index, i), i % 3 != 0);
    la_index_fini(&index);
    test_mem_end(mem, &alloc);
}

/* Without memory chains grow, and the table catches up when there is memory again. */
static void
test_index__works_without_memory(void **state)
{
    (void)state;
    struct test_alloc alloc = {.fail_from = 0, .fail_n = 1};
    struct la_index index;
    struct la_rng rng = test_rng(5);
    assert_null(test_mem_new(&alloc, 0));
    alloc = (struct test_alloc){.fail_from = 2, .fail_n = 1};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    assert_false(la_index_init(&index, mem, &callbacks));
    la_index_fini(&index);
    hash_records(&rng, UINT32_MAX);
    assert_true(la_index_init(&index, mem, &callbacks));
    alloc.fail_from = alloc.calls_n;
    alloc.fail_n = 1000000;
    for (uint32_t i = 0; i < 5000; i++)
        toggle(&index, i);
    assert_int_equal(index.buckets_n, 1 << LA_INDEX_SEGMENT_SHIFT);
    la_index_check(&index);
    alloc.fail_n = 0;
    for (uint32_t i = 5000; i < 10000; i++)
        toggle(&index, i);
    assert_int_equal(index.buckets_n, 10000);
    la_index_check(&index);
    for (uint32_t i = 0; i < 10000; i++)
        find(&index, i);
    la_index_fini(&index);
    test_mem_end(mem, &alloc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index__finds_what_is_in_and_only_that),
        cmocka_unit_test(test_index__costs_little_and_chains_stay_short),
        cmocka_unit_test(test_index__no_insertion_is_expensive),
        cmocka_unit_test(test_index__equal_hashes_are_kept_apart_by_their_records),
        cmocka_unit_test(test_index__works_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
