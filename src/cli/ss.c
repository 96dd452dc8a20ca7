/* SPDX-License-Identifier: MIT
 *
 * ss.c - `lastack ss`: the sockets of running instances, as ss(8) shows the kernel's
 */
#include "cli/ss.h"

#include "cli/cli.h"
#include "cli/netopt.h"
#include "cli/number.h"
#include "cli/terminal.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "usage: lastack ss [OPTION...] [FILTER]\n"
    "\n"
    "Lists the sockets of every running 'lastack run', 'lastack bench peer' and\n"
    "'lastack lab --live' of yours: state, queues, endpoints; by default of\n"
    "connections, on the program's side.\n"
    "\n"
    "which:\n"
    "  -a, --all             listening and unconnected sockets, too\n"
    "  -l, --listening       only those, with half-open connections and accept queue\n"
    "  -t, --tcp  -u, --udp  only TCP, only UDP\n"
    "      --end END         near (the program's side), far (what answers it), or all\n"
    "      --pid PID         one instance\n"
    "  FILTER                state syn-received, exclude time-wait, dst 10.77.0.1,\n"
    "                        dport = :443, src, sport, and, or, not, ( ), as in ss(8)\n"
    "\n"
    "what:\n"
    "  -i, --info            windows, round-trip times, counters of each connection\n"
    "  -o, --options         timers: kind, time left, expirations\n"
    "  -p, --processes       who has it\n"
    "  -s, --summary         the counters of each instance in place of its sockets\n"
    "  -n, --numeric         ports as numbers\n"
    "  -H, --no-header\n"
    "      --names NAMES     states as rfc (SYN-RECEIVED), linux (SYN_RECV) or bsd\n"
    "                        (SYN_RCVD)\n"
    "      --json            JSON lines, see docs/control.md\n"
    "      --watch TIME      again every TIME, such as 1s\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0; 1 when no instance is running or one did not answer; 2 for a\n"
    "mistake in the command line.\n";

enum { OPT_END = 256, OPT_PID, OPT_NAMES, OPT_JSON, OPT_WATCH };

static const struct option options[] = {
    {"all", no_argument, NULL, 'a'},
    {"listening", no_argument, NULL, 'l'},
    {"tcp", no_argument, NULL, 't'},
    {"udp", no_argument, NULL, 'u'},
    {"info", no_argument, NULL, 'i'},
    {"options", no_argument, NULL, 'o'},
    {"processes", no_argument, NULL, 'p'},
    {"summary", no_argument, NULL, 's'},
    {"numeric", no_argument, NULL, 'n'},
    {"no-header", no_argument, NULL, 'H'},
    {"help", no_argument, NULL, 'h'},
    {"end", required_argument, NULL, OPT_END},
    {"pid", required_argument, NULL, OPT_PID},
    {"names", required_argument, NULL, OPT_NAMES},
    {"json", no_argument, NULL, OPT_JSON},
    {"watch", required_argument, NULL, OPT_WATCH},
    {NULL, 0, NULL, 0},
};

static bool
complain(const char *text, const char *word)
{
    (void)la_cli_usage("ss", text, word);
    return false;
}

/* ---- the command line ------------------------------------------------------------------------ */

static bool
end_parse(struct la_ss_cfg *cfg, const char *word)
{
    cfg->near = strcmp(word, "near") == 0 || strcmp(word, "all") == 0;
    cfg->far = strcmp(word, "far") == 0 || strcmp(word, "all") == 0;
    return cfg->near || cfg->far || complain("--end is near, far or all, not ", word);
}

static bool
pid_parse(struct la_ss_cfg *cfg, const char *word)
{
    uint64_t pid;
    if (!la_number_parse(word, 1, INT32_MAX, &pid))
        return complain("--pid needs the number of a process, not ", word);
    cfg->pid = (uint32_t)pid;
    return true;
}

static bool
watch_parse(struct la_ss_cfg *cfg, const char *word)
{
    char with_unit[32];
    (void)snprintf(with_unit, sizeof(with_unit), "%.20ss", word);
    bool known =
        la_netopt_duration(word, &cfg->watch_ns) || la_netopt_duration(with_unit, &cfg->watch_ns);
    return (known && cfg->watch_ns > 0) || complain("--watch needs a time such as 1s, not ", word);
}

/* An option of one letter that is on or off. */
static bool
flag_take(struct la_ss_cfg *cfg, int letter)
{
    const struct {
        int letter;
        bool *flag;
    } flags[] = {
        {'a', &cfg->all},     {'l', &cfg->listening}, {'t', &cfg->tcp},       {'u', &cfg->udp},
        {'i', &cfg->info},    {'o', &cfg->timers},    {'p', &cfg->processes}, {'s', &cfg->summary},
        {'n', &cfg->numeric}, {'H', &cfg->no_header}, {OPT_JSON, &cfg->json},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (flags[i].letter == letter) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

static bool
option_take(struct la_ss_cfg *cfg, int letter, char **argv)
{
    switch (letter) {
    case OPT_END:
        return end_parse(cfg, optarg);
    case OPT_PID:
        return pid_parse(cfg, optarg);
    case OPT_WATCH:
        return watch_parse(cfg, optarg);
    case OPT_NAMES:
        return la_names_parse(optarg, &cfg->names) ||
               complain("--names is rfc, linux or bsd, not ", optarg);
    case ':':
        return complain("a value is missing behind ", argv[optind - 1]);
    default:
        return flag_take(cfg, letter) || complain("no option ", argv[optind - 1]);
    }
}

/* *out_help: nothing else is wanted. */
static bool
parse(int argc, char **argv, struct la_ss_cfg *cfg, bool *out_help)
{
    char error[LA_SS_FILTER_ERROR_BYTES];
    int letter;
    opterr = 0;
    *out_help = false;
    while ((letter = getopt_long(argc, argv, "+:altuiopsnHh", options, NULL)) != -1) {
        *out_help |= letter == 'h';
        if (letter != 'h' && !option_take(cfg, letter, argv))
            return false;
    }
    if (!cfg->tcp && !cfg->udp)
        cfg->tcp = cfg->udp = true;
    if (*out_help)
        return true;
    if (!la_ss_filter_parse(argv + optind, argc - optind, &cfg->filter, error)) {
        fprintf(stderr, "lastack ss: in the filter: %s\n", error);
        return false;
    }
    return true;
}

/* ---- the command ----------------------------------------------------------------------------- */

struct view {
    const struct la_ss_cfg *cfg;
    struct la_ss_rows rows;
};

static void
take(void *ctx, const struct la_report *r, const json_t *object)
{
    struct view *view = ctx;
    const struct la_ss_cfg *cfg = view->cfg;
    bool about = r->kind == LA_REPORT_INSTANCE || r->kind == LA_REPORT_COUNTERS;
    if (!about && !la_ss_wants(cfg, r))
        return;
    if (cfg->json) {
        (void)json_dumpf(object, stdout, JSON_COMPACT);
        (void)putchar('\n');
    } else if (cfg->summary) {
        la_ss_summary(cfg, r);
    } else if (r->kind != LA_REPORT_COUNTERS) {
        la_ss_rows_add(&view->rows, r);
    }
}

/* $COLUMNS, or the terminal's; 0: no end. */
static unsigned
width_of_output(void)
{
    const char *columns = getenv("COLUMNS");
    long n = columns != NULL ? strtol(columns, NULL, 10) : 0;
    if (n > 0 && n <= UINT16_MAX)
        return (unsigned)n;
    return isatty(STDOUT_FILENO) != 0 ? la_terminal_width(STDOUT_FILENO, 1) : 0;
}

static int
none_running(const struct la_ss_cfg *cfg)
{
    if (cfg->pid != 0)
        fprintf(stderr, "lastack ss: no instance of yours has the pid %u\n", cfg->pid);
    else
        fputs("lastack ss: no instance of yours is running; 'lastack run -- PROGRAM' starts one\n",
              stderr);
    return LA_CLI_FAILED;
}

static int
show(const struct la_ss_cfg *cfg)
{
    struct view view = {.cfg = cfg};
    struct la_ss_sink sink = {take, &view};
    struct la_ss_asked asked = la_ss_ask(cfg, &sink);
    int status = asked.failed_n > 0 ? LA_CLI_FAILED : LA_CLI_OK;
    if (asked.answered_n > 0 && !cfg->json && !cfg->summary)
        la_ss_table(cfg, &view.rows, width_of_output());
    if (view.rows.no_memory)
        fputs("lastack ss: no memory for all rows\n", stderr);
    if (view.rows.no_memory)
        status = LA_CLI_FAILED;
    la_ss_rows_fini(&view.rows);
    return asked.answered_n + asked.failed_n == 0 ? none_running(cfg) : status;
}

/* Until it is interrupted, nothing is running any more, or nobody reads it. */
static int
watch(const struct la_ss_cfg *cfg)
{
    const struct timespec pause = {cfg->watch_ns / 1000000000, cfg->watch_ns % 1000000000};
    bool terminal = isatty(STDOUT_FILENO) != 0;
    for (;;) {
        if (terminal)
            (void)fputs("\033[H\033[2J", stdout);
        int status = show(cfg);
        if (status != LA_CLI_OK || fflush(stdout) != 0 || ferror(stdout))
            return status;
        (void)nanosleep(&pause, NULL);
        if (!terminal && !cfg->json)
            (void)putchar('\n');
    }
}

int
la_cli_ss(int argc, char **argv)
{
    static struct la_ss_cfg cfg;
    bool wants_help;
    cfg = (struct la_ss_cfg){.near = true};
    if (!parse(argc, argv, &cfg, &wants_help))
        return LA_CLI_USAGE;
    if (wants_help) {
        (void)fputs(help, stdout);
        return LA_CLI_OK;
    }
    return cfg.watch_ns != 0 ? watch(&cfg) : show(&cfg);
}
