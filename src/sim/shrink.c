/* SPDX-License-Identifier: MIT
 *
 * shrink.c - a run in a process of its own, and a failing plan made smaller
 *
 * Zeller and Hildebrandt's delta debugging in its simplest form: take steps out, a half of them at
 * once, then a quarter, down to one, as long as the same law fails; then make numbers smaller.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/sim.h"

enum { RUN_S_MAX = 20, RUNS_N_MAX = 3000 };

void
la_sim_run_apart(const struct la_sim_plan *plan, const struct la_sim_env *env,
                 struct la_sim_result *result)
{
    *result = (struct la_sim_result){.law = LA_SIM_L_CRASH};
    struct la_sim_result *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        (void)snprintf(result->text, sizeof(result->text), "the simulator has no memory");
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        alarm(RUN_S_MAX);
        la_sim_assertions_to(shared->text);
        la_sim_run(plan, env, shared);
        _exit(0);
    }
    int status = -1;
    if (child > 0)
        (void)waitpid(child, &status, 0);
    *result = *shared;
    (void)munmap(shared, sizeof(*shared));
    if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    bool assertion = WIFEXITED(status) && WEXITSTATUS(status) == LA_SIM_EXIT_ASSERTION;
    result->law = assertion ? LA_SIM_L_ASSERTION : LA_SIM_L_CRASH;
    if (!assertion)
        (void)snprintf(result->text, sizeof(result->text), "%s",
                       child < 0                                            ? "no process"
                       : WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "it does not end"
                       : WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
                                             : "it ended too early");
}

struct shrinking {
    const struct la_sim_env *env;
    enum la_sim_law law;
    uint32_t runs_n;
};

static bool
still_fails(struct shrinking *s, const struct la_sim_plan *plan)
{
    struct la_sim_result result;
    if (s->runs_n++ >= RUNS_N_MAX)
        return false;
    if (s->law == LA_SIM_L_IDENTICAL) {
        struct la_sim_result again;
        la_sim_run_apart(plan, s->env, &result);
        la_sim_run_apart(plan, s->env, &again);
        return result.law == LA_SIM_L_NONE && again.hash != result.hash;
    }
    la_sim_run_apart(plan, s->env, &result);
    return result.law == s->law;
}

/* Without the n steps from `first` on. */
static struct la_sim_plan
without(const struct la_sim_plan *plan, uint32_t first, uint32_t n)
{
    struct la_sim_plan less = *plan;
    memmove(&less.step[first], &less.step[first + n], (plan->n - first - n) * sizeof(less.step[0]));
    less.n -= n;
    return less;
}

static void
take_out(struct shrinking *s, struct la_sim_plan *plan)
{
    for (uint32_t n = plan->n / 2 + 1; n > 0;) {
        bool shorter = false;
        for (uint32_t first = 0; first + n <= plan->n;) {
            struct la_sim_plan less = without(plan, first, n);
            if (still_fails(s, &less)) {
                *plan = less;
                shorter = true;
            } else {
                first += n;
            }
        }
        if (!shorter || n > 1)
            n = n == 1 ? 0 : (n + 1) / 2;
    }
}

static bool
is_a_number(enum la_sim_step_kind kind, unsigned arg)
{
    bool conn = kind == LA_SIM_CONN && arg >= 2;
    bool other = kind != LA_SIM_CONN && kind != LA_SIM_TOPOLOGY && kind != LA_SIM_TCP &&
                 kind != LA_SIM_PORT && kind != LA_SIM_ACT && arg >= 1;
    return conn || other;
}

/* Each number in turn: nothing, or half of it. */
static void
make_smaller(struct shrinking *s, struct la_sim_plan *plan)
{
    for (uint32_t i = 0; i < plan->n; i++)
        for (unsigned j = 0; j < LA_SIM_ARGS; j++) {
            int32_t *value = &plan->step[i].a[j];
            int32_t before = *value;
            if (before == 0 || !is_a_number((enum la_sim_step_kind)plan->step[i].kind, j))
                continue;
            *value = 0;
            if (still_fails(s, plan))
                continue;
            *value = before;
            for (int32_t half = before / 2; half != 0 && half != before; half = *value / 2) {
                int32_t kept = *value;
                *value = half;
                if (!still_fails(s, plan)) {
                    *value = kept;
                    break;
                }
            }
        }
}

uint32_t
la_sim_shrink(struct la_sim_plan *plan, const struct la_sim_env *env, enum la_sim_law law)
{
    struct shrinking s = {.env = env, .law = law};
    take_out(&s, plan);
    make_smaller(&s, plan);
    take_out(&s, plan);
    return s.runs_n;
}
