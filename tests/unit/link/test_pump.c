/* SPDX-License-Identifier: MIT
 *
 * test_pump.c - la_wire_pump() moves frames and timers of two stacks, la_wire_next() says when
 *
 * The stacks are stand-ins that define what the pump calls: each has frames to send, a timer, and
 * answers what arrives as often as it is told to.
 */
#include "support.h"

struct la_stack {
    struct la_mem *mem;
    uint32_t output_n;  /* frames that wait to be sent */
    uint32_t answers_n; /* arriving frames that will be answered */
    uint32_t arrived_n;
    uint32_t timers_n;
    bool silent; /* timers send nothing */
    la_instant timer_at;
    la_instant last_arrival;
};

size_t
la_stack_output(struct la_stack *stack, int iface, struct la_frame **frames, size_t max,
                la_instant now)
{
    size_t n = 0;
    (void)now;
    assert_int_equal(iface, 0);
    for (; n < max && stack->output_n > 0; stack->output_n--)
        frames[n++] = test_segment(
            stack->mem, &(struct test_segment){.client_port = 50000, .server_port = 80, .id = 1});
    return n;
}

void
la_stack_input(struct la_stack *stack, int iface, struct la_frame **take_frames, size_t n,
               la_instant now)
{
    assert_int_equal(iface, 0);
    for (size_t i = 0; i < n; i++) {
        la_frame_free(take_frames[i]);
        stack->arrived_n++;
        if (stack->answers_n > 0) {
            stack->answers_n--;
            stack->output_n++;
        }
    }
    stack->last_arrival = now;
}

bool
la_stack_has_output(const struct la_stack *stack)
{
    return stack->output_n > 0;
}

la_instant
la_stack_deadline(const struct la_stack *stack)
{
    return stack->timers_n == 0 ? LA_INSTANT_NEVER : stack->timer_at;
}

/* Each timer sends a frame. */
bool
la_stack_run(struct la_stack *stack, la_instant now, uint32_t budget_n)
{
    while (stack->timers_n > 0 && la_instant_le(stack->timer_at, now)) {
        if (budget_n-- == 0)
            return true;
        stack->timers_n--;
        stack->output_n += !stack->silent;
    }
    return false;
}

struct rig {
    struct test_alloc alloc;
    struct la_mem *mem;
    struct la_wire *wire;
    struct la_stack a, b;
};

static void
rig_init(struct rig *rig, int64_t delay_ns)
{
    *rig = (struct rig){0};
    rig->mem = test_mem_new(&rig->alloc);
    struct la_wire_cfg cfg = test_wire_cfg(rig->mem);
    cfg.impair[0].delay_ns = delay_ns;
    cfg.impair[1].delay_ns = delay_ns;
    assert_int_equal(la_wire_new(&cfg, &rig->wire), LA_OK);
    rig->a.mem = rig->b.mem = rig->mem;
}

static void
rig_fini(struct rig *rig)
{
    la_wire_free(rig->wire);
    test_mem_free(rig->mem, &rig->alloc);
}

static void
test_pump__until_nothing_is_left(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 0);
    rig.a = (struct la_stack){.mem = rig.mem, .output_n = 500, .answers_n = 300};
    rig.b = (struct la_stack){.mem = rig.mem, .answers_n = 400, .timers_n = 1000};
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(1));
    assert_int_equal(rig.b.arrived_n, 500 + 300);
    assert_int_equal(rig.a.arrived_n, 400 + 1000);
    assert_true(la_instant_is_never(la_wire_next(rig.wire, &rig.a, &rig.b)));
    rig_fini(&rig);
}

/* More than one burst of each kind of work, when there is no other. */
static void
test_pump__more_than_a_burst(void **state)
{
    (void)state;
    struct rig rig;
    struct la_wire_stats stats;
    rig_init(&rig, ms(5).ns);
    rig.a.output_n = 500;
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(1));
    la_wire_stats_get(rig.wire, 0, &stats);
    assert_int_equal(stats.sent_n, 500);
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(6));
    assert_int_equal(rig.b.arrived_n, 500);
    rig.b.silent = true;
    rig.b.timers_n = 5000;
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(7));
    assert_int_equal(rig.b.timers_n, 0);
    rig_fini(&rig);
}

/* Virtual time: each jump is to an instant at which something happens. */
static void
test_pump__next(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, ms(40).ns);
    rig.b.answers_n = 1;
    rig.a.timers_n = 1;
    rig.a.timer_at = ms(100);
    assert_int_equal(la_wire_next(rig.wire, &rig.a, &rig.b).ns, ms(100).ns);
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(100));
    assert_int_equal(la_wire_next(rig.wire, &rig.a, &rig.b).ns, ms(140).ns);
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(140));
    assert_int_equal(rig.b.last_arrival.ns, ms(140).ns);
    rig.b.output_n = 1; /* as after a user call */
    assert_int_equal(la_wire_next(rig.wire, &rig.a, &rig.b).ns, ms(140).ns);
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(140));
    assert_int_equal(la_wire_next(rig.wire, &rig.a, &rig.b).ns, ms(180).ns);
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(180));
    assert_int_equal(rig.a.arrived_n, 2);
    assert_true(la_instant_is_never(la_wire_next(rig.wire, &rig.a, &rig.b)));
    rig_fini(&rig);
}

/* Two ends that answer each other for ever at one instant do not hold the caller for ever. */
static void
test_pump__bounded(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 0);
    rig.a.answers_n = rig.b.answers_n = UINT32_MAX;
    rig.a.output_n = 1;
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(1));
    assert_int_equal(la_wire_next(rig.wire, &rig.a, &rig.b).ns, ms(1).ns);
    rig_fini(&rig);
}

/* A link that takes nothing stands in for a tap: what it refuses is gone, not lost track of. */
static size_t
take_nothing(struct la_link *link, struct la_frame **take_frames, size_t n, la_instant now)
{
    (void)link, (void)take_frames, (void)n, (void)now;
    return 0;
}

static size_t
have_nothing(struct la_link *link, struct la_frame **frames, size_t max, la_instant now)
{
    (void)link, (void)frames, (void)max, (void)now;
    return 0;
}

static la_instant
never(const struct la_link *link)
{
    (void)link;
    return LA_INSTANT_NEVER;
}

static void
test_pump__outer_link(void **state)
{
    (void)state;
    const struct la_link_ops ops = {
        .send = take_nothing, .receive = have_nothing, .deadline = never};
    struct la_link outer = {&ops, {.mtu_bytes = 1500}};
    struct rig rig;
    rig_init(&rig, 0);
    la_wire_outer_set(rig.wire, 0, &outer);
    rig.a.output_n = 10;
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(1));
    assert_int_equal(rig.b.arrived_n, 0);
    la_wire_outer_set(rig.wire, 0, NULL);
    rig.a.output_n = 10;
    la_wire_pump(rig.wire, &rig.a, &rig.b, ms(1));
    assert_int_equal(rig.b.arrived_n, 10);
    rig_fini(&rig);
}

/* One stack on a link: a full burst may not be all, less is; flushing looks for nothing. */
static void
test_pump__one_stack(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 0);
    struct la_link *a = la_wire_end(rig.wire, 0), *b = la_wire_end(rig.wire, 1);
    rig.a.output_n = 65;
    la_link_flush(a, &rig.a, ms(1));
    assert_int_equal(rig.a.output_n, 0);
    rig.b.output_n = 3;
    la_link_flush(b, &rig.b, ms(1));
    assert_int_equal(rig.b.output_n + rig.b.arrived_n, 0);
    assert_true(la_link_pump(b, &rig.b, ms(1)));
    assert_int_equal(rig.b.arrived_n, 64);
    assert_false(la_link_pump(b, &rig.b, ms(1)));
    assert_int_equal(rig.b.arrived_n, 65);
    rig.a.answers_n = 1; /* which goes out in the same round */
    assert_false(la_link_pump(a, &rig.a, ms(1)));
    assert_int_equal(rig.a.arrived_n, 3);
    assert_int_equal(rig.a.output_n, 0);
    rig_fini(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pump__until_nothing_is_left),
        cmocka_unit_test(test_pump__more_than_a_burst),
        cmocka_unit_test(test_pump__next),
        cmocka_unit_test(test_pump__bounded),
        cmocka_unit_test(test_pump__outer_link),
        cmocka_unit_test(test_pump__one_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
