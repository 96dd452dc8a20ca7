/* SPDX-License-Identifier: MIT
 *
 * sim_explore.c - `lastack sim explore`: every interleaving of a small connection
 */
#include "cli/sim_explore.h"

#include <inttypes.h>
#include <lastack/stack.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/number.h"
#include "cli/option.h"
#include "sim/explore.h"

enum { COMPLETE_EVERY = 16, COMPLETE_EVERY_MAX = 1000000 };

struct options {
    bool deep, list;
    uint64_t states_max;
    uint32_t complete_every;
    const char *name;    /* NULL: all */
    const char *control; /* NULL: the usual one */
};

static void
print_help(void)
{
    printf("usage: lastack sim explore [OPTION...] [NAME]\n"
           "\n"
           "Runs two ends of the shipping TCP through every order in which segments can\n"
           "arrive, get lost and be doubled, timers expire and calls be made, within small\n"
           "bounds, and looks at the laws after each step. NAME: one configuration alone.\n"
           "\n"
           "  --list              the configurations\n"
           "  --deep              the large ones, too (minutes)\n"
           "  --congestion NAME   congestion control of both ends, for all of them: reno,\n"
           "                      cubic, bbr\n"
           "  --states N          gives up beyond N states of a configuration\n"
           "  --complete-every N  watches a healed network to the end from every N-th state\n"
           "                      (%d)\n"
           "  -h, --help          this text\n"
           "\n"
           "Exit status: 0 when every configuration was explored whole and nothing was\n"
           "violated; 1 otherwise; 2 for a mistake in the command line.\n",
           COMPLETE_EVERY);
}

static int
usage(const char *what, const char *word)
{
    return la_cli_usage("sim explore", what, word);
}

static const struct la_explore_cfg *
find(const char *name)
{
    for (const struct la_explore_cfg *cfg = la_explore_list; cfg->name != NULL; cfg++)
        if (strcmp(cfg->name, name) == 0)
            return cfg;
    return NULL;
}

static int
take_value(struct options *o, const char *name, const char *value)
{
    bool states = strcmp(name, "states") == 0;
    uint64_t n;
    if (strcmp(name, "congestion") == 0) {
        if (value == NULL || la_congestion_find(value) < 0)
            return usage("a congestion control is wanted behind --", name);
        o->control = value;
        return LA_CLI_OK;
    }
    if (!states && strcmp(name, "complete-every") != 0)
        return usage("no option --", name);
    if (value == NULL || !la_number_parse(value, 1, states ? UINT64_MAX : COMPLETE_EVERY_MAX, &n))
        return usage("a number of at least 1 is wanted behind --", name);
    if (states)
        o->states_max = n;
    else
        o->complete_every = (uint32_t)n;
    return LA_CLI_OK;
}

/* LA_CLI_OK, or the status to end with. */
static int
parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){.complete_every = COMPLETE_EVERY};
    for (int i = 1; i < argc; i++) {
        struct la_option option;
        if (la_option_split(argv, i, &option)) {
            bool deep = strcmp(option.name, "deep") == 0, list = strcmp(option.name, "list") == 0;
            o->deep |= deep && !option.joined;
            o->list |= list && !option.joined;
            if ((deep || list) && !option.joined)
                continue;
            int status = take_value(o, option.name, option.value);
            if (status != LA_CLI_OK)
                return status;
            i += !option.joined;
        } else if (argv[i][0] == '-') {
            return usage("no option ", argv[i]);
        } else if (find(argv[i]) == NULL) {
            return usage("no configuration ", argv[i]);
        } else {
            o->name = argv[i];
        }
    }
    return LA_CLI_OK;
}

static void
list(void)
{
    for (const struct la_explore_cfg *cfg = la_explore_list; cfg->name != NULL; cfg++)
        printf("%-15s %s%s\n", cfg->name, cfg->about, cfg->deep ? " (deep)" : "");
}

static void
progress(const struct la_explore_result *so_far)
{
    fprintf(stderr, "\r%" PRIu64 " states, at depth %" PRIu32 " at most \033[K", so_far->states_n,
            so_far->depth_max);
}

/* Adds to `sum`. False: not explored whole, or a violation. */
static bool
explore(const struct la_explore_cfg *cfg, const struct options *o, struct la_explore_result *sum)
{
    struct la_explore_result r;
    bool tty = isatty(STDERR_FILENO) == 1;
    struct la_explore_how how = {.states_max = o->states_max,
                                 .complete_every = o->complete_every,
                                 .out = stdout,
                                 .progress = tty ? progress : NULL,
                                 .control = o->control};
    bool ran = la_explore_run(cfg, &how, &r);
    if (tty)
        fputs("\r\033[K", stderr);
    if (!ran) {
        fprintf(stderr, "lastack sim explore: no memory for %s; try --states\n", cfg->name);
        return false;
    }
    const char *end = r.violation[0] != '\0' ? r.violation : r.exhausted ? "all" : "given up";
    printf("%-15s %10" PRIu64 " %11" PRIu64 " %5" PRIu32 " %11" PRIu64 " %5" PRIu32 "  %s\n",
           cfg->name, r.states_n, r.steps_n, r.depth_max, r.completions_n, r.completion_max, end);
    fflush(stdout);
    sum->states_n += r.states_n;
    sum->steps_n += r.steps_n;
    sum->completions_n += r.completions_n;
    for (unsigned i = 0; i < LA_TCP_STATE_COUNT * LA_TCP_STATE_COUNT; i++)
        sum->edges[i / LA_TCP_STATE_COUNT][i % LA_TCP_STATE_COUNT] +=
            r.edges[i / LA_TCP_STATE_COUNT][i % LA_TCP_STATE_COUNT];
    return r.exhausted;
}

static void
print_sum(const struct la_explore_result *sum)
{
    unsigned changes_n = 0;
    for (unsigned i = 0; i < LA_TCP_STATE_COUNT * LA_TCP_STATE_COUNT; i++)
        changes_n += sum->edges[i / LA_TCP_STATE_COUNT][i % LA_TCP_STATE_COUNT] > 0;
    printf("%-15s %10" PRIu64 " %11" PRIu64 " %5s %11" PRIu64 "  %u kinds of state change\n",
           "in all", sum->states_n, sum->steps_n, "", sum->completions_n, changes_n);
}

int
la_cli_sim_explore(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (la_cli_is_help(argv[i])) {
            print_help();
            return LA_CLI_OK;
        }
    }
    struct options o;
    int status = parse(argc, argv, &o);
    if (status != LA_CLI_OK)
        return status;
    if (o.list) {
        list();
        return LA_CLI_OK;
    }
    printf("%-15s %10s %11s %5s %11s %5s\n", "configuration", "states", "steps", "depth",
           "watched to", "steps");
    printf("%-15s %10s %11s %5s %11s\n", "", "", "", "", "the end");
    struct la_explore_result sum = {0};
    for (const struct la_explore_cfg *cfg = la_explore_list; cfg->name != NULL; cfg++) {
        bool wanted = o.name != NULL ? strcmp(cfg->name, o.name) == 0 : o.deep || !cfg->deep;
        if (wanted && !explore(cfg, &o, &sum))
            status = LA_CLI_FAILED;
    }
    print_sum(&sum);
    return status;
}
