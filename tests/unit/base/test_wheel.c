/* SPDX-License-Identifier: MIT
 *
 * test_wheel.c - the timer wheel against a list of deadlines
 */
#include "base/wheel.h"

#include "base/time.h"
#include "support.h"

enum { NODES_N = 150 };
#define TICK_NS (INT64_C(1) << LA_WHEEL_TICK_SHIFT)

struct model {
    struct la_wheel wheel;
    struct la_wheel_link link[NODES_N];
    la_instant at[NODES_N];       /* NEVER = not armed */
    uint64_t armed_tick[NODES_N]; /* the wheel's when it was armed */
    la_instant now;
    uint32_t fired_n;
};

static struct la_wheel_link *
model_link(void *ctx, uint32_t idx)
{
    return &((struct model *)ctx)->link[idx];
}

static void
model_init(struct model *m, int64_t now_ns)
{
    m->now = la_instant_of_ns(now_ns);
    m->fired_n = 0;
    la_wheel_init(&m->wheel, model_link, m, m->now);
    for (int i = 0; i < NODES_N; i++) {
        la_wheel_link_init(&m->link[i]);
        m->at[i] = LA_INSTANT_NEVER;
    }
}

static void
model_arm(struct model *m, uint32_t idx, la_instant at)
{
    la_wheel_arm(&m->wheel, idx, at);
    m->at[idx] = at;
    m->armed_tick[idx] = m->wheel.tick_now;
    assert_int_equal(la_wheel_is_armed(&m->link[idx]), !la_instant_is_never(at));
}

static la_instant
model_earliest(const struct model *m)
{
    la_instant earliest = LA_INSTANT_NEVER;
    for (int i = 0; i < NODES_N; i++)
        earliest = la_instant_min(earliest, m->at[i]);
    return earliest;
}

/* Takes everything that is due: nothing early that was within reach, nothing twice, nothing left.
 * What comes up early is armed again. */
static void
model_drain(struct model *m)
{
    uint32_t idx;
    while ((idx = la_wheel_next_due(&m->wheel, m->now)) != LA_WHEEL_NONE) {
        assert_true(idx < NODES_N);
        assert_false(la_instant_is_never(m->at[idx]));
        assert_false(la_wheel_is_armed(&m->link[idx]));
        if (m->wheel.tick_now - m->armed_tick[idx] == LA_WHEEL_AHEAD_MAX) {
            model_arm(m, idx, m->at[idx]);
            continue;
        }
        assert_true(la_instant_le(m->at[idx], m->now));
        m->at[idx] = LA_INSTANT_NEVER;
        m->fired_n++;
    }
    la_instant earliest = model_earliest(m);
    assert_false(la_instant_le(la_instant_add_ns(earliest, TICK_NS), m->now));
    la_wheel_check(&m->wheel);
}

/* The bound is never late, and lies ahead once everything due is taken. */
static void
model_check_deadline(const struct model *m)
{
    la_instant deadline = la_wheel_deadline(&m->wheel);
    la_instant earliest = model_earliest(m);
    assert_int_equal(la_instant_is_never(deadline), la_instant_is_never(earliest));
    if (!la_instant_is_never(earliest)) {
        assert_true(deadline.ns - earliest.ns < TICK_NS);
        assert_true(la_instant_lt(m->now, deadline));
    }
}

static void
random_walk(struct model *m, struct la_rng *rng, unsigned bits, int steps_n)
{
    for (int step = 0; step < steps_n; step++) {
        uint32_t idx = test_below(rng, NODES_N);
        int64_t distance_ns = (int64_t)test_magnitude(rng, bits);
        switch (test_below(rng, 8)) {
        case 0:
            model_arm(m, idx, LA_INSTANT_NEVER);
            break;
        case 1:
            la_wheel_disarm(&m->wheel, idx);
            m->at[idx] = LA_INSTANT_NEVER;
            break;
        case 2:
            model_arm(m, idx, la_instant_of_ns(m->now.ns - distance_ns / 2));
            break;
        case 3:
            m->now.ns += (int64_t)test_magnitude(rng, bits);
            model_drain(m);
            model_check_deadline(m);
            break;
        default:
            model_arm(m, idx, la_instant_add_ns(m->now, distance_ns));
        }
        if (step % 64 == 0)
            la_wheel_check(&m->wheel);
    }
}

static void
test_wheel__equals_a_list_of_deadlines(void **state)
{
    (void)state;
    static struct model m;
    static const int64_t starts_ns[] = {0, INT64_C(1700000000) * 1000000000, -(INT64_C(1) << 61),
                                        12345};
    for (unsigned bits = 18; bits <= 56; bits += 2) {
        struct la_rng rng = test_rng(bits);
        model_init(&m, starts_ns[bits / 2 % 4]);
        random_walk(&m, &rng, bits, 4000);
        assert_true(m.fired_n > 100);
        m.now = la_instant_of_ns(INT64_MAX - 1);
        model_drain(&m);
        assert_true(la_instant_is_never(la_wheel_deadline(&m.wheel)));
    }
}

/* Jumping from deadline to deadline reaches every node within a few cascades. */
static void
test_wheel__jumping_to_deadlines_needs_few_steps(void **state)
{
    (void)state;
    static struct model m;
    struct la_rng rng = test_rng(1);
    model_init(&m, 0);
    for (uint32_t i = 0; i < NODES_N; i++)
        model_arm(&m, i, la_instant_of_ns((int64_t)(la_rng_next(&rng) >> 18)));
    uint32_t jumps_n = 0;
    for (la_instant next; !la_instant_is_never(next = la_wheel_deadline(&m.wheel)); jumps_n++) {
        assert_true(la_instant_le(m.now, next));
        m.now = next;
        model_drain(&m);
    }
    assert_int_equal(m.fired_n, NODES_N);
    /* 46 bits are 20 hours: all are within reach; six levels each. */
    assert_true(jumps_n <= NODES_N * LA_WHEEL_LEVELS);
}

static void
test_wheel__far_deadlines_wait_and_never_fire_early(void **state)
{
    (void)state;
    static struct model m;
    const int64_t year_ns = INT64_C(365) * 86400 * LA_NS_PER_S;
    model_init(&m, 0);
    for (uint32_t i = 0; i < 100; i++)
        model_arm(&m, i, la_instant_of_ns((int64_t)(i + 1) * year_ns));
    model_arm(&m, 100, la_instant_of_ns(INT64_MAX - 1));
    for (uint32_t i = 0; i < 100; i++) {
        m.now = la_instant_of_ns((int64_t)(i + 1) * year_ns - 1);
        model_drain(&m);
        assert_int_equal(m.fired_n, i);
        m.now.ns += TICK_NS;
        model_drain(&m);
        assert_int_equal(m.fired_n, i + 1);
    }
}

/* Deadlines are rounded up, so that nobody is called before his time. */
static void
test_wheel__rounds_up_to_a_tick(void **state)
{
    (void)state;
    static struct model m;
    for (int64_t at_ns = 2 * TICK_NS - 2; at_ns <= 2 * TICK_NS + 1; at_ns++) {
        model_init(&m, 0);
        model_arm(&m, 0, la_instant_of_ns(at_ns));
        int64_t due_ns = at_ns <= 2 * TICK_NS ? 2 * TICK_NS : 3 * TICK_NS;
        assert_int_equal(la_wheel_deadline(&m.wheel).ns, due_ns);
        assert_int_equal(la_wheel_next_due(&m.wheel, la_instant_of_ns(due_ns - 1)), LA_WHEEL_NONE);
        assert_int_equal(la_wheel_next_due(&m.wheel, la_instant_of_ns(due_ns)), 0);
    }
}

/* Moving a deadline back costs nothing; moving it forward takes effect at once. */
static void
test_wheel__arming_lazily_never_makes_it_later_than_asked(void **state)
{
    (void)state;
    static struct model m;
    model_init(&m, 0);
    la_wheel_arm_lazy(&m.wheel, 0, la_instant_of_ns(10 * TICK_NS));
    assert_int_equal(la_wheel_at(&m.wheel, &m.link[0]).ns, 10 * TICK_NS);
    la_wheel_arm_lazy(&m.wheel, 0, la_instant_of_ns(20 * TICK_NS));
    assert_int_equal(la_wheel_at(&m.wheel, &m.link[0]).ns, 10 * TICK_NS);
    la_wheel_arm_lazy(&m.wheel, 0, LA_INSTANT_NEVER);
    assert_true(la_wheel_is_armed(&m.link[0]));
    la_wheel_arm_lazy(&m.wheel, 0, la_instant_of_ns(5 * TICK_NS));
    assert_int_equal(la_wheel_deadline(&m.wheel).ns, 5 * TICK_NS);
    assert_int_equal(la_wheel_next_due(&m.wheel, la_instant_of_ns(5 * TICK_NS)), 0);
    la_wheel_arm_lazy(&m.wheel, 0, LA_INSTANT_NEVER);
    assert_false(la_wheel_is_armed(&m.link[0]));
    la_wheel_check(&m.wheel);
}

/* Who arms himself again for now does not keep the others waiting. */
static void
test_wheel__due_nodes_are_served_in_turn(void **state)
{
    (void)state;
    static struct model m;
    model_init(&m, 0);
    for (uint32_t i = 0; i < 3; i++)
        model_arm(&m, i, la_instant_of_ns(0));
    assert_int_equal(la_wheel_deadline(&m.wheel).ns, 0);
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(la_wheel_next_due(&m.wheel, m.now), i % 3);
        model_arm(&m, i % 3, m.now);
    }
    la_wheel_disarm(&m.wheel, 1);
    la_wheel_disarm(&m.wheel, 2);
    la_wheel_disarm(&m.wheel, 2);
    la_wheel_check(&m.wheel);
    assert_int_equal(la_wheel_next_due(&m.wheel, m.now), 0);
    assert_int_equal(la_wheel_next_due(&m.wheel, m.now), LA_WHEEL_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wheel__equals_a_list_of_deadlines),
        cmocka_unit_test(test_wheel__jumping_to_deadlines_needs_few_steps),
        cmocka_unit_test(test_wheel__far_deadlines_wait_and_never_fire_early),
        cmocka_unit_test(test_wheel__rounds_up_to_a_tick),
        cmocka_unit_test(test_wheel__arming_lazily_never_makes_it_later_than_asked),
        cmocka_unit_test(test_wheel__due_nodes_are_served_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
