/* SPDX-License-Identifier: MIT
 *
 * test_turns.c - threads that share the work of a pipeline keep its order, and lose nothing
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "cli/turns.h"

enum { SLOTS_N = 4, BATCHES_N = 300, RESTS_N = 5, PARTS_N = 9 };

/* What is not atomic is what turns promise to pass on, and to let one alone look at. */
struct pipeline {
    uint64_t slots_n; /* filled, by whoever fills */
    unsigned rests_n;
    uint64_t slot[SLOTS_N];          /* what a slot was filled with */
    uint64_t made[SLOTS_N][PARTS_N]; /* of it by each part */
    uint64_t next[PARTS_N];          /* slot of each part */
    uint64_t collected_n;
    unsigned parts_n;
    atomic_uint filling_n, collecting_n, at_part_n[PARTS_N];
    atomic_uint errors_n; /* assertions of cmocka are the test's thread's */
};

static void
expect(struct pipeline *p, bool holds)
{
    if (!holds)
        (void)atomic_fetch_add(&p->errors_n, 1);
}

static unsigned
fill(void *ctx, uint64_t slot)
{
    struct pipeline *p = ctx;
    expect(p, atomic_fetch_add(&p->filling_n, 1) == 0);
    expect(p, slot == p->slots_n && p->rests_n <= RESTS_N);
    unsigned filled = LA_TURNS_FILLED;
    if (p->slots_n < BATCHES_N) {
        if (slot % 64 == 63)
            sched_yield();
    } else {
        for (unsigned i = 0; i < p->parts_n && p->rests_n > 0; i++)
            expect(p, p->next[i] == slot); /* All have come to rest. */
        filled = p->rests_n == 0 ? LA_TURNS_REST : LA_TURNS_FILLED | LA_TURNS_REST;
        if (p->rests_n++ == RESTS_N)
            filled |= LA_TURNS_LAST;
    }
    if (filled & LA_TURNS_FILLED) {
        p->slot[slot % SLOTS_N] = slot * 1000;
        p->slots_n++;
    }
    (void)atomic_fetch_sub(&p->filling_n, 1);
    return filled;
}

static void
look(void *ctx, unsigned part, uint64_t slot)
{
    struct pipeline *p = ctx;
    expect(p, atomic_fetch_add(&p->at_part_n[part], 1) == 0);
    expect(p, slot == p->next[part]++ && p->slot[slot % SLOTS_N] == slot * 1000);
    p->made[slot % SLOTS_N][part] = slot * 1000 + part;
    if (slot % 16 == part) /* Parts are not equally fast. */
        sched_yield();
    (void)atomic_fetch_sub(&p->at_part_n[part], 1);
}

static void
collect(void *ctx, uint64_t slot)
{
    struct pipeline *p = ctx;
    expect(p, atomic_fetch_add(&p->collecting_n, 1) == 0);
    expect(p, slot == p->collected_n++);
    for (unsigned i = 0; i < p->parts_n; i++)
        expect(p, p->made[slot % SLOTS_N][i] == slot * 1000 + i);
    memset(p->made[slot % SLOTS_N], 0, sizeof(p->made[0]));
    (void)atomic_fetch_sub(&p->collecting_n, 1);
}

static void
run_with(unsigned threads_n, unsigned parts_n, unsigned slots_n, unsigned ahead_n)
{
    struct pipeline p = {.parts_n = parts_n};
    la_turns_run(&(struct la_turns_cfg){.threads_n = threads_n,
                                        .parts_n = parts_n,
                                        .slots_n = slots_n,
                                        .ahead_n = ahead_n,
                                        .fill = fill,
                                        .part = look,
                                        .collect = collect,
                                        .ctx = &p});
    assert_int_equal(atomic_load(&p.errors_n), 0);
    assert_int_equal(p.slots_n, BATCHES_N + RESTS_N);
    assert_int_equal(p.collected_n, p.slots_n);
    for (unsigned i = 0; i < parts_n; i++)
        assert_int_equal(p.next[i], p.slots_n);
}

static void
test_one_thread(void **state)
{
    (void)state;
    run_with(1, 1, 1, 1);
    run_with(1, PARTS_N, SLOTS_N, 2);
}

static void
test_several_threads(void **state)
{
    (void)state;
    run_with(2, PARTS_N, SLOTS_N, 2);
    run_with(3, PARTS_N, SLOTS_N, 3);
    run_with(4, PARTS_N, 1, 3); /* Nothing can be ahead. */
}

/* More threads than parts, and than can have anything to do. */
static void
test_idle_threads(void **state)
{
    (void)state;
    run_with(LA_TURNS_THREADS_MAX, 2, SLOTS_N, 1);
}

/* Nothing to do at all. */
static unsigned
fill_nothing(void *ctx, uint64_t slot)
{
    (void)ctx;
    (void)slot;
    return LA_TURNS_LAST;
}

static void
test_nothing(void **state)
{
    struct pipeline p = {.parts_n = PARTS_N};
    (void)state;
    la_turns_run(&(struct la_turns_cfg){.threads_n = 4,
                                        .parts_n = PARTS_N,
                                        .slots_n = SLOTS_N,
                                        .ahead_n = 1,
                                        .fill = fill_nothing,
                                        .part = look,
                                        .collect = collect,
                                        .ctx = &p});
    assert_int_equal(p.collected_n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread), cmocka_unit_test(test_several_threads),
        cmocka_unit_test(test_idle_threads), cmocka_unit_test(test_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
