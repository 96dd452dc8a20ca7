/* SPDX-License-Identifier: MIT
 *
 * test_chain.c - chains against flat arrays
 */
#include "base/chain.h"

#include "support.h"

enum { CHAINS_N = 5, FLAT_MAX = 90000, PIECES_MAX = 64 };

struct pair {
    struct la_chain chain;
    struct la_chain_mark mark; /* a place in the chain */
    uint8_t flat[FLAT_MAX];
    size_t n;
};

static struct pair pairs[CHAINS_N];
static uint8_t scratch[FLAT_MAX];

static void
compare(const struct pair *pair)
{
    la_chain_check(&pair->chain);
    assert_int_equal(pair->chain.len, pair->n);
    assert_int_equal(la_chain_copy_out(&pair->chain, 0, scratch, sizeof(scratch)), pair->n);
    assert_memory_equal(scratch, pair->flat, pair->n);
    assert_true(la_chain_pinned(&pair->chain) >= pair->n || pair->chain.n > 1);
}

static void
compare_parts(const struct pair *pair, struct la_rng *rng)
{
    struct la_bytes pieces[PIECES_MAX];
    size_t max = test_below(rng, PIECES_MAX) + 1;
    size_t n = la_chain_pieces(&pair->chain, pieces, max);
    assert_int_equal(n, pair->chain.n < max ? pair->chain.n : max);
    size_t off = 0;
    for (size_t i = 0; i < n; i++) {
        assert_memory_equal(pieces[i].p, pair->flat + off, pieces[i].n);
        off += pieces[i].n;
    }
    uint32_t from = test_below(rng, (uint32_t)pair->n + 10);
    size_t want_n = (size_t)test_magnitude(rng, 16);
    size_t left_n = from < pair->n ? pair->n - from : 0;
    size_t got_n = la_chain_copy_out(&pair->chain, from, scratch, want_n);
    assert_int_equal(got_n, want_n < left_n ? want_n : left_n);
    assert_memory_equal(scratch, pair->flat + from, got_n);
}

static void
step_append(struct pair *pair, struct la_mem *mem, struct la_rng *rng)
{
    size_t n = (size_t)test_magnitude(rng, 15);
    if (n > FLAT_MAX - pair->n)
        n = FLAT_MAX - pair->n;
    test_fill(rng, pair->flat + pair->n, n);
    pair->n += la_chain_append_bytes(&pair->chain, mem, (struct la_bytes){pair->flat + pair->n, n});
}

static void
step_reserve(struct pair *pair, struct la_mem *mem, struct la_rng *rng)
{
    struct la_room room;
    size_t want_n = 1 + (size_t)test_magnitude(rng, 17);
    if (!la_chain_reserve(&pair->chain, mem, want_n, &room))
        return;
    assert_in_range(room.n, 1, want_n);
    size_t n = test_below(rng, (uint32_t)room.n + 1);
    if (test_below(rng, 4) == 0)
        n = room.n;
    if (n > FLAT_MAX - pair->n)
        n = FLAT_MAX - pair->n;
    test_fill(rng, room.p, n);
    memcpy(pair->flat + pair->n, room.p, n);
    pair->n += n;
    la_chain_commit(&pair->chain, n);
}

static void
step_share(struct pair *dst, struct pair *src, struct la_mem *mem, struct la_rng *rng)
{
    uint32_t off = test_below(rng, (uint32_t)src->n + 1);
    uint32_t len = test_below(rng, (uint32_t)src->n - off + 1);
    if (dst == src || len > FLAT_MAX - dst->n)
        return;
    struct la_chain_mark *mark = test_below(rng, 2) ? &src->mark : NULL;
    if (la_chain_share(&dst->chain, mem, &src->chain, off, len, mark)) {
        memcpy(dst->flat + dst->n, src->flat + off, len);
        dst->n += len;
    }
}

static void
step_move(struct pair *dst, struct pair *src)
{
    if (dst == src || src->n > FLAT_MAX - dst->n)
        return;
    la_chain_append_chain(&dst->chain, &src->chain);
    memcpy(dst->flat + dst->n, src->flat, src->n);
    dst->n += src->n;
    src->n = 0;
    src->mark = (struct la_chain_mark){0};
    assert_null(src->chain.first);
}

/* Without memory a part may have moved: how much, both chains say. */
static void
step_move_front(struct pair *dst, struct pair *src, struct la_rng *rng)
{
    uint32_t n = test_below(rng, (uint32_t)src->n + 1);
    if (dst == src || n > FLAT_MAX - dst->n)
        return;
    bool all = la_chain_move_front(&dst->chain, &src->chain, n);
    size_t moved_n = dst->chain.len - dst->n;
    assert_true(all ? moved_n == n : moved_n < n);
    memcpy(dst->flat + dst->n, src->flat, moved_n);
    dst->n += moved_n;
    src->n -= moved_n;
    memmove(src->flat, src->flat + moved_n, src->n);
    src->mark = (struct la_chain_mark){0};
}

static void
step_drop_front(struct pair *pair, struct la_rng *rng)
{
    uint32_t n = test_below(rng, (uint32_t)pair->n + 1);
    if (test_below(rng, 3))
        n = (uint32_t)(n % 3000);
    la_chain_mark_drop(&pair->mark, n);
    la_chain_drop_front(&pair->chain, n);
    pair->n -= n;
    memmove(pair->flat, pair->flat + n, pair->n);
}

static void
step_drop_back(struct pair *pair, struct la_rng *rng)
{
    uint32_t n = test_below(rng, (uint32_t)pair->n + 1);
    la_chain_drop_back(&pair->chain, n);
    pair->mark = (struct la_chain_mark){0};
    pair->n -= n;
}

/* A block of its own, part of which goes to either end. */
static void
step_block(struct pair *pair, struct la_mem *mem, struct la_rng *rng)
{
    uint32_t n = 1 + test_below(rng, 2000);
    struct la_block *block = n <= FLAT_MAX - pair->n ? la_block_take(mem, n) : NULL;
    if (!block)
        return;
    test_fill(rng, block->bytes, n);
    block->used_n = n;
    uint32_t off = test_below(rng, n);
    if (test_below(rng, 2)) {
        if (la_chain_append_block(&pair->chain, mem, block, off, n - off)) {
            memcpy(pair->flat + pair->n, block->bytes + off, n - off);
            pair->n += n - off;
        }
    } else if (la_chain_prepend_block(&pair->chain, block, off, n - off)) {
        pair->mark = (struct la_chain_mark){0};
        memmove(pair->flat + (n - off), pair->flat, pair->n);
        memcpy(pair->flat, block->bytes + off, n - off);
        pair->n += n - off;
    }
    la_block_unref(block);
}

static void
random_step(struct la_mem *mem, struct la_rng *rng)
{
    struct pair *a = &pairs[test_below(rng, CHAINS_N)];
    struct pair *b = &pairs[test_below(rng, CHAINS_N)];
    switch (test_below(rng, 10)) {
    case 0:
    case 1:
        step_append(a, mem, rng);
        break;
    case 2:
        step_reserve(a, mem, rng);
        break;
    case 3:
    case 4:
        step_share(a, b, mem, rng);
        break;
    case 5:
        step_move(a, b);
        break;
    case 6:
        step_drop_front(a, rng);
        break;
    case 7:
        step_drop_back(a, rng);
        break;
    case 8:
        step_move_front(a, b, rng);
        break;
    default:
        step_block(a, mem, rng);
    }
    compare(a);
    compare(b);
    compare_parts(a, rng);
}

static void
walk(uint64_t seed, uint64_t budget_bytes, int steps_n)
{
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, budget_bytes);
    struct la_rng rng = test_rng(seed);
    if (seed % 2)
        la_mem_keep_nothing(mem);
    for (int step = 0; step < steps_n; step++)
        random_step(mem, &rng);
    for (int i = 0; i < CHAINS_N; i++) {
        compare(&pairs[i]);
        la_chain_clear(&pairs[i].chain);
        pairs[i].n = 0;
        pairs[i].mark = (struct la_chain_mark){0};
    }
    test_mem_end(mem, &alloc);
}

static void
test_chain__equals_a_flat_array(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++)
        walk(seed, 0, 600);
}

static void
test_chain__stays_right_when_memory_is_short(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++)
        walk(seed, 100000 + 20000 * seed, 600);
}

/* Many small writes fill blocks; what was shared before the block filled up does not change. */
static void
test_chain__small_writes_share_blocks(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_chain chain = {0}, in_flight = {0};
    for (uint8_t i = 0; i < 200; i++) {
        assert_int_equal(la_chain_append_bytes(&chain, mem, (struct la_bytes){&i, 1}), 1);
        assert_true(la_chain_share(&in_flight, mem, &chain, i, 1, NULL));
    }
    assert_int_equal(chain.n, 1);
    assert_int_equal(in_flight.n, 1);
    assert_in_range(la_chain_pinned(&chain), 200, 256);
    uint8_t big[16384] = {0};
    for (int i = 0; i < 60; i++)
        assert_int_equal(la_chain_append_bytes(&chain, mem, (struct la_bytes){big, 1000}), 1000);
    assert_true(chain.n < 10);
    la_chain_clear(&in_flight);
    la_chain_clear(&chain);
    assert_int_equal(la_chain_append_bytes(&chain, mem, (struct la_bytes){big, 16384}), 16384);
    assert_int_equal(chain.n, 1);
    assert_in_range(la_chain_pinned(&chain), 16384, 17000);
    la_chain_clear(&chain);
    test_mem_end(mem, &alloc);
}

/* Two chains that end in the same block: the first to write gets its tail, the other a new
 * block. */
static void
test_chain__a_tail_has_one_writer(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_chain a = {0}, b = {0};
    uint8_t out[8] = {0};
    assert_int_equal(la_chain_append_bytes(&a, mem, (struct la_bytes){(const uint8_t *)"1234", 4}),
                     4);
    assert_true(la_chain_share(&b, mem, &a, 0, 4, NULL));
    assert_int_equal(la_chain_append_bytes(&b, mem, (struct la_bytes){(const uint8_t *)"bb", 2}),
                     2);
    assert_int_equal(la_chain_append_bytes(&a, mem, (struct la_bytes){(const uint8_t *)"aa", 2}),
                     2);
    assert_int_equal(b.n, 1);
    assert_int_equal(a.n, 2);
    assert_int_equal(la_chain_copy_out(&a, 0, out, 8), 6);
    assert_string_equal((char *)out, "1234aa");
    assert_int_equal(la_chain_copy_out(&b, 0, out, 8), 6);
    assert_string_equal((char *)out, "1234bb");
    la_chain_clear(&a);
    la_chain_clear(&b);
    test_mem_end(mem, &alloc);
}

static void
test_chain__a_reservation_can_be_given_up(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_chain chain = {0};
    struct la_room room;
    assert_true(la_chain_reserve(&chain, mem, 65536, &room));
    assert_int_equal(room.n, 65536);
    la_chain_commit(&chain, 0);
    assert_int_equal(chain.n, 0);
    la_chain_check(&chain);
    /* Never committed, asked again: the first one is gone. */
    assert_true(la_chain_reserve(&chain, mem, 10, &room));
    assert_true(la_chain_reserve(&chain, mem, 40000, &room));
    memset(room.p, 1, 5);
    la_chain_commit(&chain, 5);
    assert_int_equal(chain.n, 1);
    assert_int_equal(chain.len, 5);
    la_chain_check(&chain);
    la_chain_clear(&chain);
    test_mem_end(mem, &alloc);
}

/* Sending from a mark visits each slice once, however long the chain. */
static void
test_chain__a_mark_follows_the_chain(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_chain chain = {0}, part = {0};
    struct la_chain_mark mark = {0};
    struct la_rng rng = test_rng(1);
    uint32_t sent_n = 0; /* octets behind the front that were sent */
    uint8_t next_in = 0, next_out = 0;
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[700];
        uint32_t n = test_below(&rng, sizeof(bytes));
        for (uint32_t i = 0; i < n; i++)
            bytes[i] = next_in++;
        assert_int_equal(la_chain_append_bytes(&chain, mem, (struct la_bytes){bytes, n}), n);
        n = test_below(&rng, chain.len - sent_n + 1);
        assert_true(la_chain_share(&part, mem, &chain, sent_n, n, &mark));
        sent_n += n;
        uint8_t octet;
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(la_chain_copy_out(&part, i, &octet, 1), 1);
            assert_int_equal(octet, next_out++);
        }
        la_chain_clear(&part);
        n = test_below(&rng, sent_n + 1);
        la_chain_mark_drop(&mark, n);
        la_chain_drop_front(&chain, n);
        sent_n -= n;
    }
    la_chain_clear(&chain);
    test_mem_end(mem, &alloc);
}

/* A mark in a slice that is dropped as a whole must not outlive it; in any other it survives. */
static void
test_chain__a_mark_ends_with_its_slice(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_block *blocks[3];
    struct la_chain chain = {0}, part = {0};
    struct la_chain_mark mark = {0};
    for (int i = 0; i < 3; i++) {
        blocks[i] = la_block_take(mem, 100);
        blocks[i]->used_n = 100;
        assert_true(la_chain_append_block(&chain, mem, blocks[i], 0, 100));
        la_block_unref(blocks[i]);
    }
    assert_true(la_chain_share(&part, mem, &chain, 0, 150, &mark));
    assert_ptr_equal(mark.slice, chain.first->next);
    assert_int_equal(mark.pos, 100);
    la_chain_mark_drop(&mark, 60);
    la_chain_drop_front(&chain, 60);
    assert_int_equal(mark.pos, 40);
    la_chain_mark_drop(&mark, 139);
    la_chain_drop_front(&chain, 139);
    assert_ptr_equal(mark.slice, chain.first);
    assert_int_equal(mark.pos, 0);
    la_chain_mark_drop(&mark, 1);
    la_chain_drop_front(&chain, 1);
    assert_null(mark.slice);
    la_chain_mark_drop(&mark, 1);
    la_chain_clear(&part);
    la_chain_clear(&chain);
    test_mem_end(mem, &alloc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain__equals_a_flat_array),
        cmocka_unit_test(test_chain__stays_right_when_memory_is_short),
        cmocka_unit_test(test_chain__small_writes_share_blocks),
        cmocka_unit_test(test_chain__a_tail_has_one_writer),
        cmocka_unit_test(test_chain__a_reservation_can_be_given_up),
        cmocka_unit_test(test_chain__a_mark_follows_the_chain),
        cmocka_unit_test(test_chain__a_mark_ends_with_its_slice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
