/* SPDX-License-Identifier: MIT
 *
 * test_plan.c - plans: drawn, written as a line, read again
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/plan.h"
#include "tcp/congestion.h"

static void
test_plan__line_and_back(void **state)
{
    (void)state;
    char text[LA_SIM_PLAN_TEXT_BYTES], again[LA_SIM_PLAN_TEXT_BYTES];
    struct la_sim_plan plan, read;
    const char *what;
    for (uint64_t seed = 0; seed < 5000; seed++) {
        la_sim_plan_draw(&plan, seed);
        assert_true(plan.n > 2);
        la_sim_plan_format(&plan, text, sizeof(text));
        assert_true(strlen(text) < sizeof(text) - 1);
        assert_true(la_sim_plan_parse(&read, text, &what));
        assert_memory_equal(&read, &plan, sizeof(plan));
        assert_string_equal(la_sim_plan_format(&read, again, sizeof(again)), text);
    }
}

/* A line that does not fit is cut, never overrun. */
static void
test_plan__little_room(void **state)
{
    (void)state;
    char text[64];
    struct la_sim_plan plan;
    la_sim_plan_draw(&plan, 1);
    for (size_t n = 1; n < sizeof(text); n++) {
        memset(text, 'x', sizeof(text));
        la_sim_plan_format(&plan, text, n);
        assert_true(strlen(text) < n);
        assert_int_equal(text[n], 'x');
    }
}

static void
test_plan__drawn_again_is_the_same(void **state)
{
    (void)state;
    struct la_sim_plan a, b;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        la_sim_plan_draw(&a, seed);
        la_sim_plan_draw(&b, seed);
        assert_memory_equal(&a, &b, sizeof(a));
        la_sim_plan_draw(&b, seed + 1);
        assert_memory_not_equal(&a, &b, sizeof(a));
    }
}

static void
test_plan__lines_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *line, *what;
    } cases[] = {
        {"", ""},
        {"7", "7"},
        {"seed=", "seed="},
        {"seed=7; loss 0", "loss 0"},
        {"seed=7; 0:lost 0", "0:lost 0"},
        {"seed=7; 300:loss 0", "300:loss 0"},
        {"seed=7; 0:loss 0 x", "0:loss 0 x"},
        {"seed=7; 0:loss 1 2 3 4 5 6 7", "0:loss 1 2 3 4 5 6 7"},
        {"seed=7; 0:loss 99999999999", "0:loss 99999999999"},
        {"seed=7; 0:loss 1 and more", "0:loss 1 and more"},
        {"seed=7, 0:loss 1", ", 0:loss 1"},
        {"seed=7; 0:tcp 0 7", "0:tcp 0 7"},
        {"seed=7; 0:tcp 0 sac", "0:tcp 0 sac"},
        {"seed=7; 0:tcp 0 control 0", "0:tcp 0 control 0"},
        {"seed=7; 0:tcp 0 control nobody", "0:tcp 0 control nobody"},
    };
    struct la_sim_plan plan;
    const char *what;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(la_sim_plan_parse(&plan, cases[i].line, &what));
        assert_string_equal(what, cases[i].what);
    }
    assert_true(la_sim_plan_parse(&plan, "seed=7", &what));
    assert_int_equal(plan.n, 0);
    assert_true(la_sim_plan_parse(&plan, "seed=7; 5:conn 1 ; 6:crash\n", &what));
    assert_int_equal(plan.n, 2);
    assert_int_equal(plan.step[0].id, 5);
    assert_int_equal(plan.step[1].kind, LA_SIM_CRASH);
}

/* Fields and congestion controls stand in a plan by name: numbers of both may change. */
static void
test_plan__names(void **state)
{
    (void)state;
    static const char line[] = "seed=7; 1:tcp 0 sndbuf 4096; 2:tcp 1 control reno; 3:tcp 1 sack";
    char text[LA_SIM_PLAN_TEXT_BYTES];
    struct la_sim_plan plan;
    const char *what;
    assert_true(la_sim_plan_parse(&plan, line, &what));
    assert_int_equal(plan.n, 3);
    assert_int_equal(plan.step[0].a[1], LA_SIM_F_SNDBUF);
    assert_int_equal(plan.step[0].a[2], 4096);
    assert_int_equal(plan.step[1].a[2], la_cc_find("reno"));
    assert_int_equal(plan.step[2].a[1], LA_SIM_F_SACK);
    assert_int_equal(plan.step[2].a[2], 0);
    assert_string_equal(la_sim_plan_format(&plan, text, sizeof(text)), line);
}

static void
test_plan__as_many_as_fit(void **state)
{
    (void)state;
    char line[8 + (LA_SIM_STEPS_MAX + 1) * 9] = "seed=1";
    struct la_sim_plan plan;
    const char *what;
    for (unsigned i = 0; i < LA_SIM_STEPS_MAX; i++)
        strcat(line, "; 1:jump");
    assert_true(la_sim_plan_parse(&plan, line, &what));
    assert_int_equal(plan.n, LA_SIM_STEPS_MAX);
    strcat(line, "; 1:jump");
    assert_false(la_sim_plan_parse(&plan, line, &what));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan__line_and_back),
        cmocka_unit_test(test_plan__little_room),
        cmocka_unit_test(test_plan__drawn_again_is_the_same),
        cmocka_unit_test(test_plan__lines_that_are_none),
        cmocka_unit_test(test_plan__names),
        cmocka_unit_test(test_plan__as_many_as_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
