/* SPDX-License-Identifier: MIT
 *
 * test_mutants.c - each lie that the laws are told is seen by the law that it offends
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"

enum { SEEDS_N = 400, TRUE_N = 200 };

/* A lie may go unseen where nothing gives an occasion for it, and another law may be first. */
static void
test_mutants__are_caught(void **state)
{
    (void)state;
    static struct la_sim_result result;
    unsigned missed_n = 0;
    for (unsigned i = LA_SIM_MUTANT_NONE + 1; i < LA_SIM_MUTANTS; i++) {
        enum la_sim_mutant mutant = (enum la_sim_mutant)i;
        enum la_sim_law law = la_sim_mutant_law(mutant);
        struct la_sim_env env = {.mutant = mutant};
        struct la_sim_plan plan;
        bool caught = false;
        for (uint64_t seed = 1; seed <= SEEDS_N && !caught; seed++) {
            la_sim_plan_draw(&plan, seed);
            la_sim_run_apart(&plan, &env, &result);
            uint64_t hash = result.hash;
            if (law == LA_SIM_L_IDENTICAL)
                la_sim_run_apart(&plan, &env, &result);
            caught = law == LA_SIM_L_IDENTICAL ? result.hash != hash : result.law == law;
        }
        if (!caught) {
            missed_n++;
            print_message("%s is not seen by %s\n", la_sim_mutant_name(mutant),
                          la_sim_law_name(law));
        }
    }
    assert_int_equal(missed_n, 0);
}

/* And without a lie the same seeds break none. */
static void
test_mutants__truth_is_believed(void **state)
{
    (void)state;
    static struct la_sim_result result, again;
    struct la_sim_env env = {.mutant = LA_SIM_MUTANT_NONE};
    struct la_sim_plan plan;
    for (uint64_t seed = 1; seed <= TRUE_N; seed++) {
        la_sim_plan_draw(&plan, seed);
        la_sim_run(&plan, &env, &result);
        if (result.law != LA_SIM_L_NONE)
            fail_msg("seed %llu: %s: %s", (unsigned long long)seed, la_sim_law_name(result.law),
                     result.text);
        la_sim_run(&plan, &env, &again);
        assert_true(result.hash == again.hash);
        assert_memory_equal(&result.counts, &again.counts, sizeof(again.counts));
    }
}

/* A plan that fails is made smaller, and fails in the same way. */
static void
test_mutants__plans_shrink(void **state)
{
    (void)state;
    static struct la_sim_result result;
    struct la_sim_env env = {.mutant = LA_SIM_MUTANT_OCTET_CHANGED};
    struct la_sim_plan plan;
    uint64_t seed = 0;
    do {
        la_sim_plan_draw(&plan, ++seed);
        la_sim_run_apart(&plan, &env, &result);
    } while (result.law != LA_SIM_L_PREFIX);
    uint32_t runs_n = la_sim_shrink(&plan, &env, LA_SIM_L_PREFIX);
    assert_true(runs_n > 0);
    assert_int_equal(plan.n, 1); /* one connection is enough */
    la_sim_run_apart(&plan, &env, &result);
    assert_int_equal(result.law, LA_SIM_L_PREFIX);
    assert_true(result.conn_valid);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutants__are_caught),
        cmocka_unit_test(test_mutants__truth_is_believed),
        cmocka_unit_test(test_mutants__plans_shrink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
