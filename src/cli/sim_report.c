/* SPDX-License-Identifier: MIT
 *
 * sim_report.c - what `lastack sim` says about its runs
 */
#include "cli/sim_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "cli/terminal.h"

#include <lastack/story.h>

enum { NUMBER_BYTES = 32, LINE_COLUMNS = 78 };

/* 12345678 as 12,345,678. */
static const char *
number(uint64_t n, char out[NUMBER_BYTES])
{
    char plain[NUMBER_BYTES];
    int len = snprintf(plain, sizeof(plain), "%" PRIu64, n);
    char *at = out;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *at++ = ',';
        *at++ = plain[i];
    }
    *at = 0;
    return out;
}

/* ---- figures ---------------------------------------------------------------------------- */

/* Words with counts, broken into lines. */
struct list {
    const char *title;
    int column;
};

static void
list_put(struct list *list, const char *word)
{
    int len = (int)strlen(word);
    if (list->column == 0)
        list->column = printf("%-13s", list->title);
    else if (list->column + 2 + len > LINE_COLUMNS)
        list->column = printf(",\n%-13s", "") - 2;
    else
        list->column += printf(", ");
    list->column += printf("%s", word);
}

static void
list_end(const struct list *list)
{
    if (list->column != 0)
        putchar('\n');
}

static void
put_group(const struct la_sim_counts *counts, const char *group, const char *title)
{
    struct list list = {.title = title};
    struct la_sim_cover cover;
    char n[NUMBER_BYTES], word[128];
    for (size_t i = 0; la_sim_cover_at(counts, i, &cover); i++) {
        if (strcmp(cover.group, group) != 0 || cover.n == 0)
            continue;
        (void)snprintf(word, sizeof(word), "%s %s", cover.name, number(cover.n, n));
        list_put(&list, word);
    }
    list_end(&list);
}

static void
put_share(const struct la_sim_counts *counts, const char *group, const char *title)
{
    struct la_sim_cover cover;
    size_t all = 0, met = 0, excused = 0;
    for (size_t i = 0; la_sim_cover_at(counts, i, &cover); i++) {
        if (strcmp(cover.group, group) != 0)
            continue;
        all++;
        met += cover.n != 0;
        excused += cover.n == 0 && cover.excuse != NULL;
    }
    printf("%-13s%zu of %zu exercised", title, met, all);
    if (excused != 0)
        printf(", %zu cannot be or need not", excused);
    putchar('\n');
}

void
la_sim_report_figures(const struct la_sim_counts *counts, int64_t elapsed_ms)
{
    char a[NUMBER_BYTES], b[NUMBER_BYTES], c[NUMBER_BYTES];
    printf("%-13s%s", "runs", number(counts->runs, a));
    if (counts->twice != 0)
        printf(", %s of them twice, all bit-identical", number(counts->twice, b));
    printf("\n%-13s%s: %s ended in order, %s were disturbed for good\n", "connections",
           number(counts->conns, a), number(counts->completed, b), number(counts->disturbed, c));
    printf("%-13s%s\n", "segments", number(counts->segments, a));
    printf("%-13s%s hours\n", "virtual time", number(counts->virtual_ms / 3600000, a));
    if (elapsed_ms > 0)
        printf("%-13s%.1f s: %s connections a second\n", "real time", (double)elapsed_ms / 1000,
               number(counts->conns * 1000 / (uint64_t)elapsed_ms, a));
    put_group(counts, "step", "steps");
    put_group(counts, "workload", "workloads");
    put_group(counts, "field", "settings");
    put_group(counts, "control", "controls");
    put_group(counts, "timer", "timers");
    put_share(counts, "edge", "edges");
    put_share(counts, "reason", "reasons");
    put_group(counts, "law", "laws held");
}

size_t
la_sim_report_cover(const struct la_sim_counts *counts, bool all)
{
    struct la_sim_cover cover;
    size_t missing = 0;
    char n[NUMBER_BYTES];
    for (size_t i = 0; la_sim_cover_at(counts, i, &cover); i++) {
        bool zero = cover.n == 0 && cover.excuse == NULL;
        missing += zero;
        if (!all && !zero)
            continue;
        printf("%-9s %-36s %15s\n", cover.group, cover.name, number(cover.n, n));
        if (cover.n == 0)
            printf("%-9s   %s\n", "", zero ? "never exercised" : cover.excuse);
    }
    return missing;
}

void
la_sim_report_progress(void *ctx, const struct la_sim_counts *counts, int64_t elapsed_ms)
{
    char a[NUMBER_BYTES], b[NUMBER_BYTES], c[NUMBER_BYTES];
    const uint64_t *runs_n = ctx;
    uint64_t rate = counts->conns * 1000 / (uint64_t)(elapsed_ms > 0 ? elapsed_ms : 1);
    (void)fprintf(stderr, "\r%3" PRIu64 " %%  %s connections, %s virtual hours, %s/s \033[K",
                  *runs_n == 0 ? 100 : counts->runs * 100 / *runs_n, number(counts->conns, a),
                  number(counts->virtual_ms / 3600000, b), number(rate, c));
}

/* ---- a failure -------------------------------------------------------------------------- */

void
la_sim_report_failure(const struct la_sim_result *result)
{
    char client[LA_ADDR_TEXT_BYTES], server[LA_ADDR_TEXT_BYTES];
    printf("%s is broken: %s\n", la_sim_law_name(result->law), la_sim_law_text(result->law));
    printf("  %s\n", result->text);
    if (result->at_ns != 0)
        printf("  after %.6f s\n", (double)result->at_ns / 1e9);
    if (result->conn_valid)
        printf("  client %s port %u, server %s port %u\n",
               la_addr_format(&result->conn[0].addr, client), result->conn[0].port,
               la_addr_format(&result->conn[1].addr, server), result->conn[1].port);
}

/* Lets only events of one connection through. */
struct filter {
    const struct la_sim_result *result;
    struct la_trace to;
};

static void
hear(void *ctx, const struct la_event *event)
{
    const struct filter *filter = ctx;
    const struct la_endpoint *conn = filter->result->conn;
    const struct la_endpoint *client = event->end == 0 ? &event->local : &event->remote;
    const struct la_endpoint *server = event->end == 0 ? &event->remote : &event->local;
    bool guilty = client->port == conn[0].port && server->port == conn[1].port &&
                  la_addr_equal(&client->addr, &conn[0].addr);
    if (!filter->result->conn_valid || guilty)
        filter->to.sink(filter->to.ctx, event);
}

/* In a process of its own: the run may crash, and what was told before still stands. */
void
la_sim_report_ladder(const struct la_sim_plan *plan, const struct la_sim_env *env,
                     const struct la_sim_result *result)
{
    struct la_story_cfg cfg;
    struct la_story *story;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child > 0)
        (void)waitpid(child, NULL, 0);
    if (child != 0)
        return;
    alarm(20);
    la_story_cfg_init(&cfg);
    cfg.ladder = la_story_writer_file(stdout);
    cfg.flags = LA_STORY_COMMON_CLOCK;
    cfg.width = la_terminal_width(STDOUT_FILENO, LA_STORY_WIDTH_MIN);
    if (la_story_new(&cfg, &story) != LA_OK)
        _exit(1);
    struct filter filter = {result, la_story_trace(story)};
    struct la_sim_env telling = *env;
    struct la_sim_result again;
    telling.hear = (struct la_trace){hear, &filter, LA_EVENT_ALL};
    la_sim_run(plan, &telling, &again);
    la_story_finish(story);
    (void)fflush(stdout);
    _exit(0);
}

void
la_sim_report_steps(void)
{
    puts("A plan is 'seed=N; STEP; STEP; …', a step 'NUMBER:WORD ARGUMENT...'. Times are\n"
         "milliseconds; what is left out is 0.\n");
    for (unsigned kind = 0; kind < LA_SIM_STEP_KINDS; kind++) {
        char head[64];
        (void)snprintf(head, sizeof(head), "%s %s", la_sim_step_word((enum la_sim_step_kind)kind),
                       la_sim_step_args((enum la_sim_step_kind)kind));
        printf("%-38s %s\n", head, la_sim_step_text((enum la_sim_step_kind)kind));
    }
    puts("\nWhat `tcp` sets:");
    for (unsigned i = 0; i < LA_SIM_FIELDS; i++)
        printf("%-18s %s\n", la_sim_field_word((enum la_sim_field)i),
               la_sim_field_text((enum la_sim_field)i));
    puts("\nWorkloads, by number:");
    for (unsigned i = 0; i < LA_SIM_WORKLOADS; i++)
        printf("%3u %s\n", i, la_sim_workload_name((enum la_sim_workload)i));
}
