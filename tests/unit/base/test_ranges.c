/* SPDX-License-Identifier: MIT
 *
 * test_ranges.c - sets of ranges against an array of flags
 */
#include "base/ranges.h"

#include "support.h"

enum { SPACE = 200, CAP = 8 };

/* Number i of the model is sequence number base + i: the base makes it wrap. */
struct model {
    bool in[SPACE + 1];
    uint32_t base;
};

static la_seq
seq_at(const struct model *model, uint32_t i)
{
    return la_seq_of(model->base + i);
}

static uint32_t
model_ranges_n(const struct model *model)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < SPACE; i++)
        n += model->in[i] && (i == 0 || !model->in[i - 1]);
    return n;
}

static void
compare(const struct la_ranges *ranges, const struct model *model)
{
    la_ranges_check(ranges);
    assert_int_equal(ranges->row.n, model_ranges_n(model));
    uint32_t count = 0;
    for (uint32_t i = 0; i < SPACE; i++) {
        struct la_range one = {seq_at(model, i), seq_at(model, i + 1)};
        assert_int_equal(la_ranges_contains(ranges, one), model->in[i]);
        count += model->in[i];
    }
    assert_int_equal(ranges->total, count);
    const struct la_range *first = la_ranges_first(ranges);
    assert_int_equal(first != NULL, count > 0);
    if (first) {
        uint32_t i = first->start.v - model->base;
        assert_true(model->in[i]);
        while (i-- > 0)
            assert_false(model->in[i]);
    }
}

static void
check_at_or_above(const struct la_ranges *ranges, const struct model *model, uint32_t i)
{
    const struct la_range *r = la_ranges_at_or_above(ranges, seq_at(model, i));
    while (i < SPACE && !model->in[i])
        i++;
    assert_int_equal(r != NULL, i < SPACE);
    if (r)
        assert_true(la_seq_le(r->start, seq_at(model, i)) && la_seq_gt(r->end, seq_at(model, i)));
}

static void
check_within(const struct la_ranges *ranges, const struct model *model, uint32_t from, uint32_t to)
{
    uint32_t count = 0;
    for (uint32_t i = from; i < to; i++)
        count += model->in[i];
    struct la_range range = {seq_at(model, from), seq_at(model, to)};
    assert_int_equal(la_ranges_within(ranges, range), count);
}

static void
step_add(struct la_ranges *ranges, struct model *model, struct la_rng *rng)
{
    uint32_t start = test_below(rng, SPACE);
    uint32_t end = start + 1 + test_below(rng, SPACE - start < 20 ? SPACE - start : 20);
    struct model wanted = *model;
    for (uint32_t i = start; i < end; i++)
        wanted.in[i] = true;
    bool added = la_ranges_add(ranges, (struct la_range){seq_at(model, start), seq_at(model, end)});
    assert_int_equal(added, model_ranges_n(&wanted) <= CAP);
    if (added)
        *model = wanted;
}

static void
test_ranges__equal_an_array_of_flags(void **state)
{
    (void)state;
    static const uint32_t bases[] = {0, 1000, UINT32_MAX - 100, UINT32_C(0x80000000) - 100};
    struct la_rng rng = test_rng(1);
    for (int round = 0; round < 400; round++) {
        struct la_range room[CAP + 1];
        struct la_ranges ranges;
        struct model model = {.base = bases[round % 4]};
        memset(&room[CAP], 0x77, sizeof(room[CAP]));
        struct la_range guard = room[CAP];
        la_ranges_init(&ranges, room, CAP);
        for (int step = 0; step < 60; step++) {
            if (test_below(&rng, 5) == 0) {
                uint32_t below = test_below(&rng, test_below(&rng, SPACE) + 1);
                la_ranges_remove_below(&ranges, seq_at(&model, below));
                memset(model.in, 0, below * sizeof(*model.in));
            } else {
                step_add(&ranges, &model, &rng);
            }
            compare(&ranges, &model);
            check_at_or_above(&ranges, &model, test_below(&rng, SPACE));
            check_within(&ranges, &model, test_below(&rng, SPACE), test_below(&rng, SPACE));
        }
        assert_memory_equal(&guard, &room[CAP], sizeof(guard));
    }
}

static void
test_ranges__touching_ranges_are_one(void **state)
{
    (void)state;
    struct la_range room[2];
    struct la_ranges ranges;
    la_ranges_init(&ranges, room, 2);
    assert_null(la_ranges_first(&ranges));
    assert_true(la_ranges_add(&ranges, (struct la_range){la_seq_of(10), la_seq_of(20)}));
    assert_true(la_ranges_add(&ranges, (struct la_range){la_seq_of(30), la_seq_of(40)}));
    assert_false(la_ranges_add(&ranges, (struct la_range){la_seq_of(22), la_seq_of(28)}));
    assert_int_equal(ranges.row.n, 2);
    assert_true(la_ranges_add(&ranges, (struct la_range){la_seq_of(20), la_seq_of(30)}));
    assert_int_equal(ranges.row.n, 1);
    assert_int_equal(la_ranges_first(&ranges)->start.v, 10);
    assert_int_equal(la_ranges_first(&ranges)->end.v, 40);
    la_ranges_remove_below(&ranges, la_seq_of(40));
    assert_int_equal(ranges.row.n, 0);
    assert_true(la_ranges_contains(&ranges, (struct la_range){la_seq_of(5), la_seq_of(5)}));
}

static void
test_ranges__without_room_nothing_is_added(void **state)
{
    (void)state;
    struct la_ranges ranges;
    la_ranges_init(&ranges, NULL, 0);
    assert_false(la_ranges_add(&ranges, (struct la_range){la_seq_of(1), la_seq_of(2)}));
    la_ranges_remove_below(&ranges, la_seq_of(7));
    la_ranges_check(&ranges);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges__equal_an_array_of_flags),
        cmocka_unit_test(test_ranges__touching_ranges_are_one),
        cmocka_unit_test(test_ranges__without_room_nothing_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
