/* SPDX-License-Identifier: MIT
 *
 * sim.c - `lastack sim`: the command line of the simulator
 */
#include "cli/cli.h"
#include "cli/sim_explore.h"
#include "cli/sim_report.h"
#include "cli/number.h"
#include "cli/option.h"

#include <lastack/host.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RUNS_N_DEFAULT = 20000, TWICE_N_DEFAULT = 50, JOBS_N_MAX = 256 };

static const char help[] =
    "usage: lastack sim [OPTION...]             many runs\n"
    "       lastack sim --run SEED [--ladder]   one run, as a failure names it\n"
    "       lastack sim --plan PLAN [--ladder]  one run by its plan\n"
    "       lastack sim explore [--help]        every order of events of a connection\n"
    "\n"
    "Whole networks in virtual time on the stack that ships: applications, links\n"
    "and hosts with faults, routers and middleboxes are drawn from a seed, and laws\n"
    "are checked at every event. A failure is made as small as it can be and shown\n"
    "with the ladder of its connection.\n"
    "\n"
    "  --runs N       how many (default 20000)\n"
    "  --seed S       the same seed gives the same runs (default 1)\n"
    "  --jobs N       processes (default: one for each processor)\n"
    "  --twice N      every N-th run is run twice and compared bit for bit (50; 0\n"
    "                 never)\n"
    "  --cover        list all that can be exercised, and how often it was\n"
    "  --covered      fail if something that has no excuse was never exercised\n"
    "  --run SEED     the run of this seed alone\n"
    "  --plan PLAN    the run of this plan alone, such as\n"
    "                 'seed=7; 1:conn 0 2 10 500; 2:loss 0 100 0 900'\n"
    "  --ladder       with --run or --plan: what happened, as a ladder\n"
    "  --steps        what a plan is made of\n"
    "  --mutant NAME  tell the laws a lie, to see that they see it\n"
    "  -h, --help     this text\n"
    "\n"
    "Exit status: 0 all laws held; 1 one was broken (or, with --covered, something\n"
    "was never exercised); 2 a mistake in the command line.\n";

struct arguments {
    uint64_t runs_n, seed, jobs_n, twice_n, run;
    bool cover, covered, run_given, ladder, steps, help;
    const char *plan, *mutant;
};

static volatile sig_atomic_t stop;

static void
ask_to_stop(int number)
{
    (void)number;
    stop = 1;
}

static int
usage_error(const char *text, const char *word)
{
    return la_cli_usage("sim", text, word);
}

/* ---- arguments -------------------------------------------------------------------------- */

static bool
take_flag(struct arguments *a, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"cover", &a->cover}, {"covered", &a->covered}, {"ladder", &a->ladder},
        {"steps", &a->steps}, {"help", &a->help},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (strcmp(name, flags[i].name) == 0) {
            *flags[i].flag = true;
            return true;
        }
    return false;
}

static int
take_value(struct arguments *a, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint64_t *number;
        uint64_t max;
    } numbers[] = {
        {"runs", &a->runs_n, UINT64_MAX}, {"seed", &a->seed, UINT64_MAX},
        {"jobs", &a->jobs_n, JOBS_N_MAX}, {"twice", &a->twice_n, UINT64_MAX},
        {"run", &a->run, UINT64_MAX},
    };
    bool plan = strcmp(name, "plan") == 0, mutant = strcmp(name, "mutant") == 0;
    size_t i = 0;
    while (i < sizeof(numbers) / sizeof(numbers[0]) && strcmp(name, numbers[i].name) != 0)
        i++;
    if (!plan && !mutant && i == sizeof(numbers) / sizeof(numbers[0]))
        return usage_error("no option --", name);
    if (value == NULL)
        return usage_error("a value is missing behind --", name);
    if (plan || mutant) {
        *(plan ? &a->plan : &a->mutant) = value;
        return LA_CLI_OK;
    }
    if (!la_number_parse(value, 0, numbers[i].max, numbers[i].number)) {
        char what[128];
        if (numbers[i].max > UINT32_MAX)
            (void)snprintf(what, sizeof(what), "--%s needs a whole number, not ", name);
        else
            (void)snprintf(what, sizeof(what), "--%s needs a number up to %u, not ", name,
                           (unsigned)numbers[i].max);
        return usage_error(what, value);
    }
    a->run_given |= numbers[i].number == &a->run;
    return LA_CLI_OK;
}

static int
parse(int argc, char **argv, struct arguments *a)
{
    for (int i = 1; i < argc && !a->help; i++) {
        struct la_option option;
        a->help = strcmp(argv[i], "-h") == 0;
        if (a->help)
            break;
        if (!la_option_split(argv, i, &option))
            return usage_error(argv[i][0] == '-' ? "no option " : "not understood: ", argv[i]);
        if (!option.joined && take_flag(a, option.name))
            continue;
        int status = take_value(a, option.name, option.value);
        if (status != LA_CLI_OK)
            return status;
        i += !option.joined;
    }
    if (a->run_given && a->plan != NULL)
        return usage_error("--run and --plan each name a run; give one", "");
    if (a->ladder && !a->run_given && a->plan == NULL)
        return usage_error("--ladder needs --run or --plan", NULL);
    return LA_CLI_OK;
}

static bool
find_mutant(const char *name, enum la_sim_mutant *out)
{
    for (unsigned i = 0; i < LA_SIM_MUTANTS; i++)
        if (strcmp(la_sim_mutant_name((enum la_sim_mutant)i), name) == 0) {
            *out = (enum la_sim_mutant)i;
            return true;
        }
    return false;
}

/* ---- one run ---------------------------------------------------------------------------- */

static int
run_plan(const struct la_sim_plan *plan, const struct la_sim_env *env, bool ladder)
{
    static char text[LA_SIM_PLAN_TEXT_BYTES];
    struct la_sim_result result;
    la_sim_run_apart(plan, env, &result);
    printf("%s\n", la_sim_plan_format(plan, text, sizeof(text)));
    if (result.law == LA_SIM_L_NONE)
        printf("all laws held; hash %016" PRIx64 "\n", result.hash);
    else
        la_sim_report_failure(&result);
    if (ladder) {
        putchar('\n');
        la_sim_report_ladder(plan, env, &result);
    }
    return result.law == LA_SIM_L_NONE ? LA_CLI_OK : LA_CLI_FAILED;
}

static int
run_one(const struct arguments *a, const struct la_sim_env *env)
{
    struct la_sim_plan plan;
    const char *what;
    if (a->run_given)
        la_sim_plan_draw(&plan, a->run);
    else if (!la_sim_plan_parse(&plan, a->plan, &what))
        return usage_error("the plan is not understood from here on: ", what);
    return run_plan(&plan, env, a->ladder);
}

/* ---- many ------------------------------------------------------------------------------- */

static void
show_failure(uint64_t seed, const struct la_sim_env *env, const struct la_sim_result *result)
{
    static char text[LA_SIM_PLAN_TEXT_BYTES];
    struct la_sim_plan plan;
    struct la_sim_result small;
    la_sim_plan_draw(&plan, seed);
    uint32_t before_n = plan.n;
    printf("run of seed %" PRIu64 ": ", seed);
    la_sim_report_failure(result);
    (void)fflush(stdout);
    uint32_t runs_n = la_sim_shrink(&plan, env, result->law);
    la_sim_run_apart(&plan, env, &small);
    printf("\n%u of %u steps are needed (%u runs to find that out):\n", plan.n, before_n, runs_n);
    printf("lastack sim --ladder --plan '%s'\n\n", la_sim_plan_format(&plan, text, sizeof(text)));
    la_sim_report_failure(&small);
    putchar('\n');
    la_sim_report_ladder(&plan, env, &small);
}

static int64_t
now_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
run_many(const struct arguments *a, const struct la_sim_env *env)
{
    uint64_t runs_n = a->runs_n, failed_seed = 0;
    struct la_sim_batch batch = {.seed = a->seed,
                                 .runs_n = runs_n,
                                 .jobs_n = (uint32_t)a->jobs_n,
                                 .twice_n = (uint32_t)a->twice_n,
                                 .env = *env,
                                 .stop = &stop};
    static struct la_sim_counts sum;
    static struct la_sim_result result;
    bool failed;
    if (isatty(STDERR_FILENO)) {
        batch.progress = la_sim_report_progress;
        batch.ctx = &runs_n;
    }
    (void)signal(SIGINT, ask_to_stop);
    int64_t begun_ms = now_ms();
    int err = la_sim_batch_run(&batch, &sum, &failed, &failed_seed, &result);
    int64_t elapsed_ms = now_ms() - begun_ms;
    if (batch.progress != NULL)
        (void)fputs("\r\033[K", stderr);
    if (err != 0) {
        (void)fprintf(stderr, "lastack sim: cannot run: %s\n", strerror(err));
        return LA_CLI_FAILED;
    }
    if (failed) {
        show_failure(failed_seed, env, &result);
        return LA_CLI_FAILED;
    }
    la_sim_report_figures(&sum, elapsed_ms);
    if (stop != 0)
        printf("stopped before all %" PRIu64 " runs were made\n", runs_n);
    if (a->cover)
        putchar('\n');
    size_t missing = a->cover || a->covered ? la_sim_report_cover(&sum, a->cover) : 0;
    if (a->covered && missing != 0)
        printf("%zu never exercised, without an excuse in src/sim/excuse.def\n", missing);
    return a->covered && missing != 0 ? LA_CLI_FAILED : LA_CLI_OK;
}

int
la_cli_sim(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "explore") == 0)
        return la_cli_sim_explore(argc - 1, argv + 1);
    struct la_sim_env env = {.checksum = la_host_checksum()};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct arguments a = {
        .runs_n = RUNS_N_DEFAULT,
        .seed = 1,
        .jobs_n = processors > 0 && processors <= JOBS_N_MAX ? (uint64_t)processors : 1,
        .twice_n = TWICE_N_DEFAULT,
    };
    int status = parse(argc, argv, &a);
    if (status != LA_CLI_OK)
        return status;
    if (a.mutant != NULL && !find_mutant(a.mutant, &env.mutant))
        return usage_error("no mutant ", a.mutant);
    if (a.jobs_n == 0)
        return usage_error("--jobs needs at least 1", NULL);
    if (a.help)
        (void)fputs(help, stdout);
    else if (a.steps)
        la_sim_report_steps();
    else if (a.run_given || a.plan != NULL)
        status = run_one(&a, &env);
    else
        status = run_many(&a, &env);
    return status;
}
