/* SPDX-License-Identifier: MIT
 *
 * test_mem.c - budget, free lists, lifetime, and every allocation failing once
 */
#include "base/frame.h"
#include "base/index.h"
#include "base/pool.h"
#include "support.h"

enum { MANY = 3000 };

static void
test_mem__memory_is_zeroed_and_counted(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    assert_int_equal(la_mem_left(mem), UINT64_MAX);
    uint64_t own_bytes = test_mem_used(mem);
    uint8_t *p = la_mem_take(mem, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    assert_int_equal(test_mem_used(mem), own_bytes + 1000);
    la_mem_give(mem, p, 1000);
    la_mem_give(mem, NULL, 1000);
    assert_int_equal(test_mem_used(mem), own_bytes);
    struct la_mem_stats stats;
    la_mem_stats_get(mem, &stats);
    assert_int_equal(stats.peak_bytes, own_bytes + 1000);
    assert_int_equal(stats.alloc_n, 2);
    assert_int_equal(stats.failed_n, 0);
    test_mem_end(mem, &alloc);
}

static void
test_mem__budget_is_a_bound(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    assert_null(test_mem_new(&alloc, 16));
    assert_int_equal(alloc.calls_n, 0);
    struct la_mem *mem = test_mem_new(&alloc, 10000);
    uint64_t left_bytes = la_mem_left(mem);
    assert_in_range(left_bytes, 5000, 10000);
    assert_null(la_mem_take(mem, left_bytes + 1));
    assert_null(la_mem_take(mem, SIZE_MAX));
    void *p = la_mem_take(mem, left_bytes);
    assert_non_null(p);
    assert_int_equal(la_mem_left(mem), 0);
    assert_null(la_frame_take(mem));
    assert_null(la_block_take(mem, 1));
    struct la_mem_stats stats;
    la_mem_stats_get(mem, &stats);
    assert_int_equal(stats.failed_n, 4);
    assert_int_equal(stats.budget_bytes, 10000);
    la_mem_give(mem, p, left_bytes);
    test_mem_end(mem, &alloc);
}

static struct la_frame *
take_frames(struct la_mem *mem, uint32_t n)
{
    struct la_frame *list = NULL;
    while (n-- > 0) {
        struct la_frame *frame = la_frame_take(mem);
        assert_non_null(frame);
        frame->next = list;
        list = frame;
    }
    return list;
}

static void
free_frames(struct la_frame *list)
{
    while (list) {
        struct la_frame *next = list->next;
        la_frame_free(list);
        list = next;
    }
}

static void
test_mem__free_lists_yield_to_a_request(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 1 << 20);
    free_frames(take_frames(mem, 2000));
    assert_true(la_mem_left(mem) < 700000);
    void *p = la_mem_take(mem, 1000000);
    assert_non_null(p);
    la_mem_give(mem, p, 1000000);
    struct la_mem_stats stats;
    la_mem_stats_get(mem, &stats);
    assert_int_equal(stats.failed_n, 0);
    /* The same when it is the allocator that refuses. */
    free_frames(take_frames(mem, 2000));
    alloc.fail_from = alloc.calls_n;
    alloc.fail_n = 1;
    p = la_mem_take(mem, 100);
    assert_non_null(p);
    la_mem_give(mem, p, 100);
    test_mem_end(mem, &alloc);
}

static void
test_mem__reserve_is_bounded(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2000, 16384, 65536};
    static struct la_block *blocks[MANY];
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    uint64_t own_bytes = test_mem_used(mem);
    free_frames(take_frames(mem, 20000));
    for (size_t s = 0; s < 4; s++) {
        uint32_t n = s == 3 ? 100 : MANY;
        for (uint32_t i = 0; i < n; i++) {
            blocks[i] = la_block_take(mem, sizes[s]);
            assert_non_null(blocks[i]);
            assert_true(blocks[i]->size_n >= sizes[s]);
        }
        for (uint32_t i = 0; i < n; i++)
            la_block_unref(blocks[i]);
        la_mem_check(mem);
    }
    /* A megabyte per class, and what is at hand. */
    assert_true(test_mem_used(mem) < 7 << 20);
    la_mem_trim(mem);
    assert_int_equal(test_mem_used(mem), own_bytes);
    test_mem_end(mem, &alloc);
}

/* After the first round, taking and giving reaches the allocator no more. */
static void
test_mem__steady_state_needs_no_allocator(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    long calls_n = 0;
    for (int round = 0; round < 50; round++) {
        struct la_frame *list = take_frames(mem, 600);
        for (struct la_frame *frame = list; frame; frame = frame->next) {
            frame->head_block = la_block_take(mem, 1500);
            assert_non_null(frame->head_block);
        }
        free_frames(list);
        if (round == 1)
            calls_n = alloc.calls_n;
    }
    la_mem_check(mem);
    assert_true(alloc.calls_n - calls_n <= 50 * 20);
    for (int i = 0; i < 1000; i++)
        free_frames(take_frames(mem, 32));
    calls_n = alloc.calls_n;
    for (int i = 0; i < 1000; i++)
        free_frames(take_frames(mem, 32));
    assert_int_equal(alloc.calls_n, calls_n);
    test_mem_end(mem, &alloc);
}

/* One free slot per chunk is enough to be used again. */
static void
test_mem__every_free_slot_is_used_again(void **state)
{
    (void)state;
    static struct la_frame *frames[3100];
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    for (int i = 0; i < 3100; i++) {
        frames[i] = la_frame_take(mem);
        assert_non_null(frames[i]);
    }
    la_mem_trim(mem);
    for (int i = 0; i < 3100; i += 31)
        la_frame_free(frames[i]);
    la_mem_trim(mem);
    la_mem_check(mem);
    long calls_n = alloc.calls_n;
    for (int i = 0; i < 3100; i += 31)
        frames[i] = la_frame_take(mem);
    assert_int_equal(alloc.calls_n, calls_n);
    for (int i = 0; i < 3100; i++)
        la_frame_free(frames[i]);
    test_mem_end(mem, &alloc);
}

/* What a sanitiser needs: each item is the allocator's own piece, and gone when it is given. */
static void
test_mem__nothing_is_kept_when_told_so(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    free_frames(take_frames(mem, 100));
    la_mem_keep_nothing(mem);
    assert_int_equal(alloc.live_n, 1);
    struct la_frame *list = take_frames(mem, 100);
    assert_int_equal(alloc.live_n, 101);
    la_mem_check(mem);
    while (list) {
        struct la_frame *next = list->next;
        size_t live_n = alloc.live_n;
        la_frame_free(list);
        assert_int_equal(alloc.live_n, live_n - 1);
        list = next;
    }
    test_mem_end(mem, &alloc);
}

static void
test_mem__object_outlives_its_holders_by_its_items(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    assert_ptr_equal(la_mem_ref(mem), mem);
    la_mem_unref(mem);
    struct la_chain chain = {0};
    uint8_t bytes[5000] = {0};
    struct la_frame *frame = la_frame_from_bytes(mem, (struct la_bytes){bytes, 1500});
    assert_int_equal(la_chain_append_bytes(&chain, mem, (struct la_bytes){bytes, 5000}), 5000);
    assert_true(la_chain_share(&frame->payload, mem, &chain, 0, 5000, NULL));
    void *raw = la_mem_take(mem, 10);
    la_mem_unref(mem);
    assert_true(alloc.live_n > 0);
    la_chain_clear(&chain);
    struct la_frame *copy = la_frame_clone(frame);
    assert_non_null(copy);
    la_frame_free(frame);
    la_mem_give(mem, raw, 10);
    assert_true(alloc.live_n > 0);
    la_frame_free(copy);
    assert_int_equal(alloc.live_n, 0);
}

/* Random taking and giving of everything, with counts compared. */
static void
test_mem__counts_are_exact(void **state)
{
    (void)state;
    static struct la_block *blocks[500];
    static struct la_frame *frames[500];
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 4 << 20);
    struct la_rng rng = test_rng(5);
    uint64_t blocks_n = 0, frames_n = 0;
    for (int step = 0; step < 200000; step++) {
        uint32_t i = test_below(&rng, 500);
        if (test_below(&rng, 2)) {
            if (blocks[i]) {
                la_block_unref(blocks[i]);
                blocks[i] = NULL;
                blocks_n--;
            } else {
                blocks[i] = la_block_take(mem, 1 + test_magnitude(&rng, 16));
                blocks_n += blocks[i] != NULL;
            }
        } else if (frames[i]) {
            la_frame_free(frames[i]);
            frames[i] = NULL;
            frames_n--;
        } else {
            frames[i] = la_frame_take(mem);
            frames_n += frames[i] != NULL;
        }
        if (step % 1000)
            continue;
        struct la_mem_stats stats;
        la_mem_stats_get(mem, &stats);
        la_mem_check(mem);
        assert_int_equal(stats.blocks_live_n, blocks_n);
        assert_int_equal(stats.frames_live_n, frames_n);
        assert_int_equal(stats.used_bytes, alloc.live_bytes);
    }
    for (int i = 0; i < 500; i++) {
        if (blocks[i])
            la_block_unref(blocks[i]);
        la_frame_free(frames[i]);
    }
    test_mem_end(mem, &alloc);
}

/* ---- every allocation fails ------------------------------------------------------------- */

static uint32_t chains[2000];

static uint32_t *
chain_field(void *ctx, uint32_t idx)
{
    (void)ctx;
    return &chains[idx];
}

static uint32_t
chain_hash(void *ctx, uint32_t idx)
{
    (void)ctx;
    return idx * UINT32_C(0x9e3779b1);
}

/* Records in a pool, found by an index. */
static void
use_records(struct la_mem *mem)
{
    struct la_pool pool;
    struct la_index index;
    const struct la_index_records records = {chain_field, chain_hash, NULL};
    la_pool_init(&pool, mem, 16, 4, 2000);
    if (la_index_init(&index, mem, &records)) {
        for (int i = 0; i < 2000; i++) {
            uint32_t idx = la_pool_take(&pool);
            if (idx != LA_POOL_NONE)
                la_index_insert(&index, idx, chain_hash(NULL, idx));
        }
        la_index_check(&index);
        assert_int_equal(index.live_n, pool.live_n);
    }
    la_index_fini(&index);
    la_pool_fini(&pool);
}

/* Frames and chains in many ways; whatever is refused, the octets that exist stay right. */
static void
use_payload(struct la_mem *mem)
{
    static uint8_t bytes[150000];
    static uint8_t out[150000];
    struct la_chain chain = {0}, other = {0};
    struct la_room room;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8));
    struct la_frame *frame = la_frame_from_bytes(mem, (struct la_bytes){bytes, sizeof(bytes)});
    struct la_frame *copy = frame ? la_frame_clone(frame) : NULL;
    if (copy) {
        bool whole = la_frame_need(copy, 60000) && la_frame_head_to_payload(copy);
        whole = la_frame_need(copy, 100) && whole;
        la_frame_check(copy);
        assert_int_equal(la_frame_copy_out(copy, 0, out, sizeof(out)), sizeof(bytes));
        assert_memory_equal(out, bytes, sizeof(bytes));
    }
    la_frame_free(copy);
    la_frame_free(frame);
    frame = la_frame_with_room(mem, 2000, &room);
    la_frame_free(frame);
    size_t n = la_chain_append_bytes(&chain, mem, (struct la_bytes){bytes, 40000});
    if (la_chain_reserve(&chain, mem, 50000, &room)) {
        size_t part_n = room.n < 20000 ? room.n : 20000;
        memcpy(room.p, bytes + n, part_n);
        la_chain_commit(&chain, part_n);
        n += part_n;
    }
    assert_int_equal(la_chain_copy_out(&chain, 0, out, sizeof(out)), n);
    assert_memory_equal(out, bytes, n);
    uint32_t before_n = other.len;
    if (!la_chain_share(&other, mem, &chain, 0, chain.len, NULL))
        assert_int_equal(other.len, before_n);
    la_chain_check(&other);
    la_chain_clear(&chain);
    la_chain_clear(&other);
}

static void
test_mem__any_allocation_may_fail(void **state)
{
    (void)state;
    for (long fail_n = 1; fail_n <= 1000000; fail_n *= 1000000) {
        for (long k = 0;; k++) {
            struct test_alloc alloc = {.fail_from = k, .fail_n = fail_n};
            struct la_mem *mem = test_mem_new(&alloc, 0);
            if (!mem) {
                assert_int_equal(alloc.live_n, 0);
                continue;
            }
            use_payload(mem);
            use_records(mem);
            long calls_n = alloc.calls_n;
            test_mem_end(mem, &alloc);
            if (calls_n <= k)
                break;
        }
    }
}

/* The same with every budget. */
static void
test_mem__any_budget_will_do(void **state)
{
    (void)state;
    for (uint64_t budget_bytes = 1; budget_bytes < 500000; budget_bytes += 997) {
        struct test_alloc alloc = {0};
        struct la_mem *mem = test_mem_new(&alloc, budget_bytes);
        if (!mem)
            continue;
        use_payload(mem);
        use_records(mem);
        struct la_mem_stats stats;
        la_mem_stats_get(mem, &stats);
        assert_true(stats.peak_bytes <= budget_bytes);
        test_mem_end(mem, &alloc);
    }
}

/* What only waits is refused before the last eighth of the budget; frames are not. */
static void
test_mem__a_reserve_for_what_moves(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    assert_int_equal(la_mem_reserve(mem), 0);
    assert_int_equal(la_mem_available(mem), UINT64_MAX);
    la_mem_reserve_shut(mem);
    struct la_frame *f = la_frame_take(mem);
    assert_non_null(f);
    la_mem_reserve_open(mem);
    la_frame_free(f);
    test_mem_end(mem, &alloc);

    mem = test_mem_new(&alloc, 800000);
    assert_int_equal(la_mem_reserve(mem), 100000);
    uint64_t left_bytes = la_mem_left(mem);
    assert_int_equal(la_mem_available(mem), left_bytes);
    la_mem_reserve_shut(mem);
    size_t n = left_bytes - 100000;
    assert_null(la_mem_take(mem, n + 1));
    void *p = la_mem_take(mem, n);
    assert_non_null(p);
    assert_null(la_mem_take(mem, 1));
    la_mem_reserve_open(mem);
    f = la_frame_take(mem);
    assert_non_null(f);
    la_frame_free(f); /* idle now: not left, but available */
    assert_true(la_mem_left(mem) < 100000);
    assert_in_range(la_mem_available(mem), 90000, 100000);
    la_mem_give(mem, p, n);
    test_mem_end(mem, &alloc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem__memory_is_zeroed_and_counted),
        cmocka_unit_test(test_mem__budget_is_a_bound),
        cmocka_unit_test(test_mem__free_lists_yield_to_a_request),
        cmocka_unit_test(test_mem__reserve_is_bounded),
        cmocka_unit_test(test_mem__steady_state_needs_no_allocator),
        cmocka_unit_test(test_mem__every_free_slot_is_used_again),
        cmocka_unit_test(test_mem__nothing_is_kept_when_told_so),
        cmocka_unit_test(test_mem__object_outlives_its_holders_by_its_items),
        cmocka_unit_test(test_mem__counts_are_exact),
        cmocka_unit_test(test_mem__any_allocation_may_fail),
        cmocka_unit_test(test_mem__any_budget_will_do),
        cmocka_unit_test(test_mem__a_reserve_for_what_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
