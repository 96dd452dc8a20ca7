/* SPDX-License-Identifier: MIT
 *
 * test_row.c - things in a row against an array that is moved whole
 */
#include "base/row.h"

#include "support.h"

enum { CAP = 12, STEPS_N = 4000 };

struct thing {
    unsigned char bytes[3]; /* a width that is no power of two */
};

static struct thing
thing_of(uint32_t number)
{
    return (struct thing){{(unsigned char)number, (unsigned char)(number >> 8), 7}};
}

static void
test_row__equals_an_array(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct la_rng rng = test_rng(seed);
        struct thing room[CAP + 2], model[CAP];
        memset(room, 0x55, sizeof(room));
        struct thing guard = room[0];
        struct la_row row = {.cap = CAP};
        uint32_t n = 0;
        for (uint32_t step = 0; step < STEPS_N; step++) {
            uint32_t i = test_below(&rng, n + 1);
            if (n < CAP && test_below(&rng, 3) > 0) {
                la_row_open(&row, room + 1, sizeof(*room), i);
                room[1 + row.head + i] = thing_of(step);
                memmove(model + i + 1, model + i, (n - i) * sizeof(*model));
                model[i] = thing_of(step);
                n++;
            } else {
                uint32_t k = test_below(&rng, n - i + 1);
                la_row_close(&row, room + 1, sizeof(*room), i, k);
                memmove(model + i, model + i + k, (n - i - k) * sizeof(*model));
                n -= k;
            }
            assert_int_equal(row.n, n);
            assert_true(row.head + row.n <= CAP);
            assert_memory_equal(room + 1 + row.head, model, n * sizeof(*model));
        }
        assert_memory_equal(&room[0], &guard, sizeof(guard));
        assert_memory_equal(&room[CAP + 1], &guard, sizeof(guard));
    }
}

/* Used at its ends, it moves what stands in it rarely: that is what the free places are for. */
static void
test_row__a_queue_rarely_moves(void **state)
{
    (void)state;
    enum { PLACES = 1000, LENGTH = 400, ROUNDS = 10000 };
    static struct thing room[PLACES];
    struct la_row row = {.cap = PLACES};
    unsigned moved_n = 0;
    for (uint32_t i = 0; i < LENGTH; i++)
        la_row_open(&row, room, sizeof(*room), row.n);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        la_row_close(&row, room, sizeof(*room), 0, 1);
        uint32_t head = row.head;
        la_row_open(&row, room, sizeof(*room), row.n);
        moved_n += row.head != head;
    }
    assert_true(moved_n <= ROUNDS / ((PLACES - LENGTH) / 2) + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row__equals_an_array),
        cmocka_unit_test(test_row__a_queue_rarely_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
