/* SPDX-License-Identifier: MIT
 *
 * test_frame.c - frames against flat packets
 */
#include "base/frame.h"

#include "support.h"

enum { FLAT_MAX = 200000 };

static uint8_t flat[FLAT_MAX]; /* the packet, at flat + flat_at */
static size_t flat_at, flat_n;
static uint8_t scratch[FLAT_MAX];

static void
compare(const struct la_frame *frame)
{
    la_frame_check(frame);
    assert_int_equal(la_frame_len(frame), flat_n);
    assert_int_equal(la_frame_copy_out(frame, 0, scratch, sizeof(scratch)), flat_n);
    assert_memory_equal(scratch, flat + flat_at, flat_n);
}

static void
compare_parts(const struct la_frame *frame, struct la_rng *rng)
{
    size_t off = test_below(rng, (uint32_t)flat_n + 5);
    size_t left_n = off < flat_n ? flat_n - off : 0;
    size_t want_n = (size_t)test_magnitude(rng, 17);
    size_t got_n = la_frame_copy_out(frame, off, scratch, want_n);
    assert_int_equal(got_n, want_n < left_n ? want_n : left_n);
    assert_memory_equal(scratch, flat + flat_at + off, got_n);

    struct la_bytes pieces[8];
    size_t max = test_below(rng, 9);
    size_t n = la_frame_pieces(frame, pieces, max);
    size_t at = 0;
    for (size_t i = 0; i < n && i < max; i++) {
        assert_memory_equal(pieces[i].p, flat + flat_at + at, pieces[i].n);
        at += pieces[i].n;
    }
    if (n <= max)
        assert_int_equal(at, flat_n);
}

static struct la_frame *
new_frame(struct la_mem *mem, struct la_rng *rng)
{
    flat_at = 50000;
    flat_n = (size_t)test_magnitude(rng, 17);
    test_fill(rng, flat + flat_at, flat_n);
    if (test_below(rng, 2))
        return la_frame_from_bytes(mem, (struct la_bytes){flat + flat_at, flat_n});
    struct la_room room;
    flat_n %= LA_BLOCK_BYTES_MAX + 1;
    struct la_frame *frame = la_frame_with_room(mem, flat_n, &room);
    if (!frame)
        return NULL;
    assert_true(room.n >= flat_n);
    memcpy(room.p, flat + flat_at, flat_n);
    la_frame_commit(frame, flat_n);
    return frame;
}

static void
step_push(struct la_frame *frame, struct la_rng *rng)
{
    size_t n = 1 + test_below(rng, 60);
    if (flat_at < n)
        return;
    uint8_t *p = la_frame_push(frame, n);
    assert_ptr_equal(p, frame->head);
    test_fill(rng, p, n);
    flat_at -= n;
    flat_n += n;
    memcpy(flat + flat_at, p, n);
}

static void
random_step(struct la_frame *frame, struct la_rng *rng)
{
    size_t n;
    switch (test_below(rng, 6)) {
    case 0:
    case 1:
        step_push(frame, rng);
        break;
    case 2:
        n = test_below(rng, frame->head_n + 1);
        n = test_below(rng, 2) ? n % 60 : n;
        la_frame_pull(frame, n);
        flat_at += n;
        flat_n -= n;
        break;
    case 3:
        n = (size_t)test_magnitude(rng, 17);
        bool contiguous = la_frame_need(frame, n);
        assert_int_equal(contiguous && n > 0, n > 0 && n <= flat_n && n <= LA_BLOCK_BYTES_MAX);
        if (contiguous)
            assert_true(frame->head_n >= n);
        break;
    case 4:
        n = flat_n - test_below(rng, (uint32_t)(flat_n / 4) + 1);
        la_frame_trim(frame, n);
        flat_n = n;
        break;
    default:
        assert_true(la_frame_head_to_payload(frame));
        assert_int_equal(frame->head_n, 0);
    }
}

/* A clone made on the way must keep the octets it had, whatever becomes of the other. */
struct snapshot {
    struct la_frame *frame;
    size_t n;
    uint8_t bytes[FLAT_MAX];
};
static struct snapshot snapshot;

static void
snapshot_check_and_free(void)
{
    if (!snapshot.frame)
        return;
    la_frame_check(snapshot.frame);
    assert_int_equal(la_frame_copy_out(snapshot.frame, 0, scratch, sizeof(scratch)), snapshot.n);
    assert_memory_equal(scratch, snapshot.bytes, snapshot.n);
    la_frame_free(snapshot.frame);
    snapshot.frame = NULL;
}

static void
test_frame__equals_a_flat_packet(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_rng rng = test_rng(1);
    la_mem_keep_nothing(mem);
    for (int round = 0; round < 1000; round++) {
        struct la_frame *frame = new_frame(mem, &rng);
        assert_non_null(frame);
        compare(frame);
        for (int step = 0; step < 12; step++) {
            if (test_below(&rng, 8) == 0) {
                snapshot_check_and_free();
                snapshot.frame = la_frame_clone(frame);
                snapshot.n = flat_n;
                memcpy(snapshot.bytes, flat + flat_at, flat_n);
            }
            random_step(frame, &rng);
            compare(frame);
            compare_parts(frame, &rng);
        }
        snapshot_check_and_free();
        la_frame_free(frame);
    }
    test_mem_end(mem, &alloc);
}

/* When memory runs out a frame stays the packet that it was. */
static void
test_frame__refusals_leave_the_packet(void **state)
{
    (void)state;
    for (long k = 0; k < 400; k++) {
        struct test_alloc alloc = {.fail_from = 1 + k % 20, .fail_n = 1000000};
        struct la_mem *mem = test_mem_new(&alloc, 0);
        struct la_rng rng = test_rng((uint64_t)k);
        struct la_frame *frame = new_frame(mem, &rng);
        if (frame) {
            struct la_frame *copy = la_frame_clone(frame);
            if (copy)
                compare(copy);
            bool moved = la_frame_head_to_payload(frame);
            compare(frame);
            bool contiguous = la_frame_need(frame, flat_n / 2);
            compare(frame);
            moved = contiguous && la_frame_head_to_payload(frame) && moved;
            compare(frame);
            la_frame_free(copy);
        }
        la_frame_free(frame);
        test_mem_end(mem, &alloc);
    }
}

static void
test_frame__short_packets_need_no_block(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    uint8_t bytes[60] = {0x45};
    struct la_frame *frame = la_frame_from_bytes(mem, (struct la_bytes){bytes, 60});
    struct la_mem_stats stats;
    la_mem_stats_get(mem, &stats);
    assert_int_equal(stats.blocks_live_n, 0);
    assert_int_equal(stats.frames_live_n, 1);
    assert_int_equal(la_frame_id(frame), 0);
    la_frame_push(frame, 14);
    assert_int_equal(la_frame_len(frame), 74);
    la_frame_free(frame);
    la_frame_free(NULL);
    test_mem_end(mem, &alloc);
}

/* Octets in front of the head that somebody else refers to are not written. */
static void
test_frame__a_header_never_overwrites_what_is_shared(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    for (size_t n = 60; n <= 1500; n += 1440) {
        struct la_room room;
        struct la_chain kept = {0};
        uint8_t out[20];
        struct la_frame *frame = la_frame_with_room(mem, n, &room);
        memset(room.p, 1, n);
        la_frame_commit(frame, n);
        uint32_t off = (uint32_t)(frame->head - frame->head_block->bytes);
        assert_true(la_chain_append_block(&kept, mem, frame->head_block, off, 20));
        la_frame_pull(frame, 20);
        memset(la_frame_push(frame, 20), 2, 20);
        assert_int_equal(la_chain_copy_out(&kept, 0, out, 20), 20);
        for (int i = 0; i < 20; i++)
            assert_int_equal(out[i], 1);
        assert_int_equal(la_frame_len(frame), n);
        la_chain_clear(&kept);
        la_frame_free(frame);
    }
    test_mem_end(mem, &alloc);
}

/* The start of summing is counted from the head, so it moves when the head does. */
static void
test_frame__checksum_mark_moves_with_the_head(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_frame *frame = la_frame_take(mem);
    la_frame_push(frame, 20);
    frame->csum = LA_CSUM_PARTIAL;
    frame->csum_start = 0;
    frame->csum_off = 16;
    la_frame_push(frame, 20);
    assert_int_equal(frame->csum_start, 20);
    la_frame_push(frame, 14);
    assert_int_equal(frame->csum_start, 34);
    la_frame_pull(frame, 14);
    assert_int_equal(frame->csum_start, 20);
    struct la_frame *copy = la_frame_clone(frame);
    assert_int_equal(copy->csum, LA_CSUM_PARTIAL);
    assert_int_equal(copy->csum_start, 20);
    assert_int_equal(copy->csum_off, 16);
    la_frame_free(copy);
    la_frame_free(frame);
    test_mem_end(mem, &alloc);
}

static void
test_frame__a_packet_of_any_size_can_be_read(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_room room;
    assert_null(la_frame_with_room(mem, LA_BLOCK_BYTES_MAX + 1, &room));
    static const size_t sizes[] = {0, 1, 1514, 9014, 65535 + 14 + 12, LA_BLOCK_BYTES_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct la_frame *frame = la_frame_with_room(mem, sizes[i], &room);
        assert_non_null(frame);
        assert_true(room.n >= sizes[i]);
        memset(room.p, 7, room.n);
        la_frame_commit(frame, sizes[i]);
        la_frame_check(frame);
        la_frame_free(frame);
    }
    test_mem_end(mem, &alloc);
}

static void
test_frame__queue_is_first_in_first_out(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_frameq q = {0};
    uint64_t in = 0, out = 0;
    struct la_rng rng = test_rng(1);
    assert_null(la_frameq_pop(&q));
    for (int step = 0; step < 2000; step++) {
        if (test_below(&rng, 5) < 3) {
            struct la_frame *frame = la_frame_take(mem);
            assert_non_null(frame);
            frame->id = ++in;
            la_frameq_push(&q, frame);
        } else if (test_below(&rng, 4) == 0) {
            struct la_frame *frames[4];
            uint64_t wanted_n = test_below(&rng, 5), n = la_frameq_take(&q, frames, wanted_n);
            assert_int_equal(n, in - out < wanted_n ? in - out : wanted_n);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(la_frame_id(frames[i]), ++out);
                assert_null(frames[i]->next);
                la_frame_free(frames[i]);
            }
        } else {
            struct la_frame *frame = la_frameq_pop(&q);
            assert_int_equal(frame != NULL, out < in);
            if (frame)
                assert_int_equal(la_frame_id(frame), ++out);
            la_frame_free(frame);
        }
        assert_int_equal(q.n, in - out);
    }
    la_frameq_clear(&q);
    assert_int_equal(q.n, 0);
    test_mem_end(mem, &alloc);
}

static void
test_frame__piece_has_the_origin_of_the_whole(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_frame *whole = la_frame_take(mem);
    assert_non_null(whole);
    whole->id = 7;
    whole->at.ns = 8;
    whole->flow_hash = 9;
    whole->gso_size = 1000;
    struct la_frame *piece = la_frame_take_piece(whole, LA_FRAME_ROOM_BYTES);
    assert_non_null(piece);
    la_frame_check(piece);
    assert_int_equal(la_frame_len(piece), LA_FRAME_ROOM_BYTES);
    assert_true(piece->id == 7 && piece->at.ns == 8 && piece->flow_hash == 9);
    assert_int_equal(piece->gso_size, 0);
    la_frame_free(piece);
    la_frame_free(whole);
    test_mem_end(mem, &alloc);
}

/* Octets read into a block stay while they are head or text, and not when both are gone. */
static void
test_frame__keeps(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_room room;
    struct la_frame *frame = la_frame_with_room(mem, 1000, &room);
    memset(room.p, 1, 1000);
    la_frame_commit(frame, 1000);
    const uint8_t *p = frame->head;
    assert_true(la_frame_keeps(frame, p));
    la_frame_pull(frame, 40);
    assert_true(la_frame_head_to_payload(frame));
    assert_null(frame->head_block);
    assert_true(la_frame_keeps(frame, p));
    assert_false(la_frame_keeps(frame, (const uint8_t *)&room));
    la_chain_clear(&frame->payload);
    assert_false(la_frame_keeps(frame, p));
    assert_true(la_frame_keeps(frame, frame->room));
    la_frame_free(frame);
    test_mem_end(mem, &alloc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame__equals_a_flat_packet),
        cmocka_unit_test(test_frame__refusals_leave_the_packet),
        cmocka_unit_test(test_frame__short_packets_need_no_block),
        cmocka_unit_test(test_frame__a_header_never_overwrites_what_is_shared),
        cmocka_unit_test(test_frame__checksum_mark_moves_with_the_head),
        cmocka_unit_test(test_frame__a_packet_of_any_size_can_be_read),
        cmocka_unit_test(test_frame__queue_is_first_in_first_out),
        cmocka_unit_test(test_frame__piece_has_the_origin_of_the_whole),
        cmocka_unit_test(test_frame__keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
