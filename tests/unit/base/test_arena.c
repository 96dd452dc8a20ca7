/* SPDX-License-Identifier: MIT
 *
 * test_arena.c - memory in a region: nothing overlaps, everything comes back, a copy is a clone
 */
#include "base/frame.h"
#include "support.h"

enum { REGION_BYTES = 2 << 20, PIECES_N = 300 };
static _Alignas(64) uint8_t region[REGION_BYTES];
static uint8_t saved[REGION_BYTES];

static void
test_arena__needs_an_aligned_region_of_some_size(void **state)
{
    (void)state;
    assert_null(la_mem_new_arena(region, 65535));
    assert_null(la_mem_new_arena(region + 16, REGION_BYTES - 16));
    struct la_mem *mem = la_mem_new_arena(region, 65536);
    assert_non_null(mem);
    assert_true(la_mem_left(mem) > 55000);
    la_mem_unref(mem);
}

struct piece {
    uint8_t *p;
    size_t n;
    uint8_t value;
};

static void
check_piece(const struct piece *piece)
{
    assert_true(piece->p >= region && piece->p + piece->n <= region + REGION_BYTES);
    assert_int_equal((uintptr_t)piece->p % 16, 0);
    for (size_t i = 0; i < piece->n; i++)
        assert_int_equal(piece->p[i], piece->value);
}

static void
test_arena__pieces_never_overlap_and_join_again(void **state)
{
    (void)state;
    static struct piece pieces[PIECES_N];
    struct la_rng rng = test_rng(1);
    struct la_mem *mem = la_mem_new_arena(region, REGION_BYTES);
    uint64_t left_bytes = la_mem_left(mem);
    uint32_t refused_n = 0;
    for (int step = 0; step < 60000; step++) {
        struct piece *piece = &pieces[test_below(&rng, PIECES_N)];
        if (piece->p) {
            check_piece(piece);
            la_mem_give(mem, piece->p, piece->n);
            piece->p = NULL;
            continue;
        }
        piece->n = 1 + (size_t)test_magnitude(&rng, 17);
        piece->value = (uint8_t)step;
        piece->p = la_mem_take(mem, piece->n);
        refused_n += !piece->p;
        if (piece->p)
            memset(piece->p, piece->value, piece->n);
    }
    assert_true(refused_n > 0);
    for (int i = 0; i < PIECES_N; i++) {
        if (pieces[i].p)
            check_piece(&pieces[i]);
        la_mem_give(mem, pieces[i].p, pieces[i].n);
        pieces[i].p = NULL;
    }
    assert_int_equal(la_mem_left(mem), left_bytes);
    /* All is one piece again. */
    void *all = la_mem_take(mem, (size_t)left_bytes - 4096);
    assert_non_null(all);
    la_mem_give(mem, all, (size_t)left_bytes - 4096);
    la_mem_unref(mem);
}

static void
test_arena__what_fits_once_fits_again(void **state)
{
    (void)state;
    struct la_mem *mem = la_mem_new_arena(region, REGION_BYTES);
    void *pieces[64];
    int fitted_n = 0;
    for (int round = 0; round < 100; round++) {
        int n = 0;
        while ((pieces[n] = la_mem_take(mem, 65904)) != NULL)
            n++;
        if (round == 0)
            fitted_n = n;
        assert_int_equal(n, fitted_n);
        for (int i = 0; i < n; i += 2)
            la_mem_give(mem, pieces[i], 65904);
        for (int i = 0; i < n; i += 2) {
            pieces[i] = la_mem_take(mem, 65904);
            assert_non_null(pieces[i]);
        }
        while (n-- > 0)
            la_mem_give(mem, pieces[n], 65904);
    }
    assert_true(fitted_n >= 30);
    la_mem_unref(mem);
}

/* Objects in the region, with a fingerprint of what they hold. */
struct world {
    struct la_mem *mem;
    struct la_chain chain;
    struct la_frameq queue;
};

static uint16_t
fingerprint(const struct world *world)
{
    static uint8_t out[200000];
    uint32_t sum = 0;
    size_t n = la_chain_copy_out(&world->chain, 0, out, sizeof(out));
    for (const struct la_frame *frame = world->queue.first; frame; frame = frame->next) {
        la_frame_check(frame);
        n += la_frame_copy_out(frame, 0, out + n, sizeof(out) - n);
    }
    for (size_t i = 0; i < n; i++)
        sum = sum * 31 + out[i];
    return (uint16_t)(sum ^ sum >> 16);
}

static void
change(struct world *world, struct la_rng *rng)
{
    uint8_t bytes[3000];
    test_fill(rng, bytes, sizeof(bytes));
    for (int step = 0; step < 300; step++) {
        struct la_bytes some = {bytes, 1 + test_below(rng, sizeof(bytes))};
        struct la_frame *frame;
        switch (test_below(rng, 5)) {
        case 0:
            if (world->chain.len < 50000)
                la_chain_append_bytes(&world->chain, world->mem, some);
            break;
        case 1:
            la_chain_drop_front(&world->chain, test_below(rng, world->chain.len + 1));
            break;
        case 2:
            frame = world->queue.n < 40 ? la_frame_from_bytes(world->mem, some) : NULL;
            if (frame)
                la_frameq_push(&world->queue, frame);
            break;
        case 3:
            la_frame_free(la_frameq_pop(&world->queue));
            break;
        default:
            frame = world->queue.first;
            if (frame && frame->payload.len < 3000 &&
                !la_chain_share(&frame->payload, world->mem, &world->chain, 0,
                                test_below(rng, world->chain.len + 1), NULL))
                la_mem_trim(world->mem);
        }
    }
    la_mem_check(world->mem);
}

static void
test_arena__a_copy_of_the_region_is_a_clone(void **state)
{
    (void)state;
    struct la_rng rng = test_rng(2);
    struct world world = {.mem = la_mem_new_arena(region, REGION_BYTES)};
    for (int round = 0; round < 20; round++) {
        change(&world, &rng);
        struct world world_before = world;
        uint16_t before = fingerprint(&world);
        memcpy(saved, region, REGION_BYTES);
        struct la_rng rng_before = rng;
        change(&world, &rng);
        uint16_t after = fingerprint(&world);

        memcpy(region, saved, REGION_BYTES);
        world = world_before;
        rng = rng_before;
        assert_int_equal(fingerprint(&world), before);
        /* The same steps lead to the same place. */
        change(&world, &rng);
        assert_int_equal(fingerprint(&world), after);
    }
    la_chain_clear(&world.chain);
    la_frameq_clear(&world.queue);
    struct la_mem_stats stats;
    la_mem_stats_get(world.mem, &stats);
    assert_int_equal(stats.frames_live_n, 0);
    assert_int_equal(stats.blocks_live_n, 0);
    la_mem_unref(world.mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena__needs_an_aligned_region_of_some_size),
        cmocka_unit_test(test_arena__pieces_never_overlap_and_join_again),
        cmocka_unit_test(test_arena__what_fits_once_fits_again),
        cmocka_unit_test(test_arena__a_copy_of_the_region_is_a_clone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
