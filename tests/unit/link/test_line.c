/* SPDX-License-Identifier: MIT
 *
 * test_line.c - frames come out by instant, and in order where it is equal
 */
#include "support.h"

#include "base/rng.h"
#include "link/line.h"

static struct la_frame *
numbered(struct la_mem *mem, uint64_t id)
{
    struct la_frame *frame = la_frame_from_bytes(mem, (struct la_bytes){(const uint8_t *)"x", 1});
    assert_non_null(frame);
    frame->id = id;
    return frame;
}

/* Against the definition: of those that are due, the earliest, and of these the first to enter. */
static void
test_line__order(void **state)
{
    (void)state;
    enum { N = 600 };
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_wire_line line;
    struct la_rng rng;
    int64_t at_ns[N];
    bool gone[N] = {false};
    la_wire_line_init(&line, mem);
    la_rng_init(&rng, &(struct la_seed){{3}}, "test line");
    uint64_t in_n = 0, out_n = 0;
    for (int64_t now = 0; out_n < N; now++) {
        for (unsigned i = 0; i < 3 && in_n < N; i++, in_n++) {
            /* Mostly a constant delay, sometimes any. */
            uint64_t more = la_rng_below(&rng, 2) == 0 ? la_rng_below(&rng, 200) : 90;
            at_ns[in_n] = now + (int64_t)more;
            assert_true(la_wire_line_push(&line, numbered(mem, in_n), la_instant_of_ns(at_ns[in_n]),
                                          in_n % 2 == 0));
        }
        for (;;) {
            bool copy = false;
            struct la_frame *frame = la_wire_line_pop(&line, &copy, la_instant_of_ns(now));
            uint64_t want = in_n;
            for (uint64_t i = 0; i < in_n; i++)
                if (!gone[i] && (want == in_n || at_ns[i] < at_ns[want]))
                    want = i;
            if (frame == NULL) {
                assert_true(want == in_n || at_ns[want] > now);
                assert_true(want == in_n || la_wire_line_deadline(&line).ns == at_ns[want]);
                break;
            }
            assert_int_equal(frame->id, want);
            assert_int_equal(copy, want % 2 == 0);
            gone[want] = true;
            out_n++;
            la_frame_free(frame);
        }
    }
    assert_true(la_wire_line_is_empty(&line));
    assert_true(la_instant_is_never(la_wire_line_deadline(&line)));
    la_wire_line_fini(&line);
    test_mem_free(mem, &alloc);
}

static void
test_line__no_memory(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_wire_line line;
    struct la_frame *frame = numbered(mem, 1), *late = numbered(mem, 2);
    la_wire_line_init(&line, mem);
    alloc.fail_from = 1;
    assert_false(la_wire_line_push(&line, frame, ms(5), false));
    alloc.fail_from = 0;
    assert_true(la_wire_line_push(&line, frame, ms(5), false));
    alloc.fail_from = 1;
    assert_false(la_wire_line_push(&line, late, ms(4), false)); /* the heap is its own memory */
    la_frame_free(late);
    alloc.fail_from = 0;
    la_wire_line_fini(&line); /* frees the frame that is left */
    test_mem_free(mem, &alloc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line__order),
        cmocka_unit_test(test_line__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
