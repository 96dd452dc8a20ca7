/* SPDX-License-Identifier: MIT
 *
 * explain_args.c - the command line of `lastack explain`
 */
#include "cli/explain.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/conn_filter.h"
#include "cli/explain_graph.h"
#include "cli/netopt.h"
#include "cli/number.h"
#include "cli/terminal.h"

enum { WHAT_BYTES = 128 };
enum { WORST_N = 20, WIDTH_MIN = 60, WIDTH_MAX = 400 };
enum { MEMORY_MIN_MB = 4, MEMORY_MB = 1024, MEMORY_MAX_MB = 1 << 20 };

static const struct la_explain_view *const views[] = {
    &la_explain_verdict, &la_explain_table, &la_explain_ladder,
    &la_explain_json,    &la_explain_jsonl, &la_explain_csv,
};
enum { VIEWS_N = sizeof(views) / sizeof(views[0]) };

static const char help[] =
    "usage: lastack explain [OPTION...] FILE...\n"
    "       lastack explain [OPTION...] -i INTERFACE [PACKET FILTER]\n"
    "\n"
    "Says what happened to the TCP connections of captures (pcap, pcapng, gzip or\n"
    "zstd around them, '-' is standard input) or of interfaces: how each was opened,\n"
    "which states both ends were in, what was lost and sent again, who closed it and\n"
    "why; and how sure that is.\n"
    "\n"
    "what to show:\n"
    "  -f, --format FORMAT   verdict  in words, the worst first, a table, the capture\n"
    "                                 (default)\n"
    "                        table    one line for each connection\n"
    "                        ladder   every segment with the states of both ends\n"
    "                        json     one document (docs/explain-json.md)\n"
    "                        jsonl    one line for each connection as it ends\n"
    "                        csv      a table for other programs\n"
    "      --json, --jsonl   short for --format json, jsonl\n"
    "  -c, --conn N          connection N alone; with no format given, its ladder\n"
    "  -F, --filter EXPR     connections of which it holds: 'closed_by == server and\n"
    "                        retransmissions > 3'; --filter help lists the fields\n"
    "  -n, --worst N         connections that the verdict tells of (20)\n"
    "      --stats           the verdict has a table of figures for each connection\n"
    "      --absolute        sequence numbers as on the wire\n"
    "      --graph NAMES     of the connection of --conn: time-sequence, flight\n"
    "                        (octets in flight and the windows), rtt, throughput; of\n"
    "                        the capture: io; several with ',' between, or all\n"
    "      --plot DIR        the same as SVG files into a folder, with --conn those\n"
    "                        of the connection, too (needs gnuplot)\n"
    "      --side SIDE       whose text the graphs are about: client, server, both\n"
    "                        (the one's that sent more; in files both)\n"
    "      --full            ladder: long uneventful runs in full, too\n"
    "      --names NAMES     states as rfc (FIN-WAIT-1), linux (FIN_WAIT1) or bsd\n"
    "      --width N         columns (the terminal's; in a pipe 80, tables all)\n"
    "      --color WHEN      auto, always or never\n"
    "      --ascii           no characters beyond ASCII\n"
    "\n"
    "what to read:\n"
    "  -i, --interface NAME  packets of an interface as they come, or 'any', until\n"
    "                        Ctrl-C\n"
    "      --packets FILTER  only these packets, in libpcap's language: 'port 443'\n"
    "      --from TIME       only packets from then on, and up to --to: seconds since\n"
    "      --to TIME         1970, '2026-11-28 10:00:00.5' (UTC), or +30s from the\n"
    "                        first one\n"
    "      --follow          files may grow: wait for more\n"
    "      --memory MB       what the analysis may use (1024); when it is not enough,\n"
    "                        silent connections are ended early, and counted\n"
    "      --jobs N          threads; by default one for each core when captures are\n"
    "                        large files. What is said does not depend on it\n"
    "  -q, --quiet           no progress\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0; 1 a capture could not be read, or memory was not enough; 2 a\n"
    "mistake in the command line; 3 a capture is damaged, and what could be\n"
    "understood was shown.\n";

enum {
    OPT_JSON = 256,
    OPT_JSONL,
    OPT_STATS,
    OPT_ABSOLUTE,
    OPT_FULL,
    OPT_GRAPH,
    OPT_PLOT,
    OPT_SIDE,
    OPT_NAMES,
    OPT_WIDTH,
    OPT_COLOR,
    OPT_ASCII,
    OPT_PACKETS,
    OPT_FROM,
    OPT_TO,
    OPT_FOLLOW,
    OPT_MEMORY,
    OPT_JOBS
};

static const struct option options[] = {
    {"format", required_argument, NULL, 'f'},
    {"conn", required_argument, NULL, 'c'},
    {"filter", required_argument, NULL, 'F'},
    {"worst", required_argument, NULL, 'n'},
    {"interface", required_argument, NULL, 'i'},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, OPT_JSON},
    {"jsonl", no_argument, NULL, OPT_JSONL},
    {"stats", no_argument, NULL, OPT_STATS},
    {"absolute", no_argument, NULL, OPT_ABSOLUTE},
    {"full", no_argument, NULL, OPT_FULL},
    {"graph", required_argument, NULL, OPT_GRAPH},
    {"plot", required_argument, NULL, OPT_PLOT},
    {"side", required_argument, NULL, OPT_SIDE},
    {"names", required_argument, NULL, OPT_NAMES},
    {"width", required_argument, NULL, OPT_WIDTH},
    {"color", required_argument, NULL, OPT_COLOR},
    {"ascii", no_argument, NULL, OPT_ASCII},
    {"packets", required_argument, NULL, OPT_PACKETS},
    {"from", required_argument, NULL, OPT_FROM},
    {"to", required_argument, NULL, OPT_TO},
    {"follow", no_argument, NULL, OPT_FOLLOW},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool
wrong(const char *what, const char *word)
{
    (void)la_cli_usage("explain", what, word);
    return false;
}

static bool
out_of_memory(struct la_explain_args *args)
{
    args->status = la_cli_out_of_memory("explain");
    return false;
}

static bool
take_number(const char *name, const char *word, uint64_t min, uint64_t max, uint64_t *out)
{
    if (la_number_parse(word, min, max, out))
        return true;
    char what[WHAT_BYTES];
    if (max > UINT32_MAX)
        (void)snprintf(what, sizeof(what), "%s needs a whole number, not ", name);
    else
        (void)snprintf(what, sizeof(what), "%s needs a number from %u to %u, not ", name,
                       (unsigned)min, (unsigned)max);
    return wrong(what, word);
}

static bool
take_view(struct la_explain_args *args, const char *name)
{
    for (size_t i = 0; i < VIEWS_N; i++)
        if (strcmp(views[i]->name, name) == 0) {
            args->view = views[i];
            return true;
        }
    return wrong("--format is verdict, table, ladder, json, jsonl or csv, not ", name);
}

static bool
take_names(struct la_explain_args *args, const char *word)
{
    enum la_names names;
    if (!la_names_parse(word, &names))
        return wrong("--names is rfc, linux or bsd, not ", word);
    args->names = names;
    return true;
}

/* "+1.5s": from the first packet; seconds since 1970; a date in UTC. */
static bool
take_time(const char *word, la_instant *out, bool *relative)
{
    struct tm tm = {0};
    char *rest;
    int64_t ns;
    *relative = word[0] == '+';
    if (*relative) {
        if (!la_netopt_duration(word + 1, &ns))
            return wrong("a time from the first packet is such as +1.5s, not ", word);
        out->ns = ns;
        return true;
    }
    rest = strptime(word, "%Y-%m-%d", &tm);
    if (rest != NULL && (*rest == ' ' || *rest == 'T'))
        rest = strptime(rest + 1, "%H:%M:%S", &tm);
    int64_t s = rest != NULL ? (int64_t)timegm(&tm) : strtoll(word, &rest, 10);
    double fraction = *rest == '.' ? strtod(rest, &rest) : 0;
    if (rest == word || *rest != 0 || s < 0 || s > INT64_C(9000000000))
        return wrong("a time is seconds since 1970, '2026-11-28 10:00:00.5' or +1.5s, not ", word);
    out->ns = s * LA_NS_PER_S + (int64_t)(fraction * 1e9);
    return true;
}

static bool
take_colour(struct la_explain_args *args, const char *word)
{
    if (strcmp(word, "auto") != 0 && strcmp(word, "always") != 0 && strcmp(word, "never") != 0)
        return wrong("--color is auto, always or never, not ", word);
    args->colour = strcmp(word, "always") == 0 ||
                   (strcmp(word, "auto") == 0 && la_terminal_has_colour(STDOUT_FILENO));
    return true;
}

static bool
take_graphs(struct la_explain_args *args, const char *words)
{
    return la_graphs_parse(words, &args->graphs) ||
           wrong("--graph is of time-sequence, flight, rtt, throughput, io and all, not ", words);
}

static bool
take_side(struct la_explain_args *args, const char *word)
{
    static const char *const names[] = {
        [LA_WHOSE_CLIENT] = "client", [LA_WHOSE_SERVER] = "server", [LA_WHOSE_BOTH] = "both"};
    for (uint8_t i = LA_WHOSE_CLIENT; i <= LA_WHOSE_BOTH; i++)
        if (strcmp(names[i], word) == 0) {
            args->whose = i;
            return true;
        }
    return wrong("--side is client, server or both, not ", word);
}

static bool
take_filter(struct la_explain_args *args, const char *text)
{
    char error[LA_EXPR_ERROR_BYTES];
    free(args->filter);
    args->filter = calloc(1, sizeof(*args->filter));
    if (args->filter == NULL)
        return out_of_memory(args);
    if (la_conn_filter_parse(text, args->filter, error))
        return true;
    (void)fprintf(stderr, "lastack explain: --filter: %s\n", error);
    return false;
}

static bool
take(struct la_explain_args *args, int option, char *value)
{
    uint64_t n;
    switch (option) {
    case 'f':
        return take_view(args, value);
    case OPT_JSON:
        return take_view(args, "json");
    case OPT_JSONL:
        return take_view(args, "jsonl");
    case 'c':
        return take_number("--conn", value, 0, UINT64_MAX - 1, &args->conn);
    case 'F':
        return take_filter(args, value);
    case 'n':
        if (!take_number("--worst", value, 0, 1000000, &n))
            return false;
        args->worst_n = (uint32_t)n;
        return true;
    case 'i':
        args->ifaces[args->ifaces_n++] = value;
        return true;
    case OPT_MEMORY:
        if (!take_number("--memory", value, MEMORY_MIN_MB, MEMORY_MAX_MB, &n))
            return false;
        args->memory_bytes = n << 20;
        return true;
    case OPT_JOBS:
        if (!take_number("--jobs", value, 1, LA_EXPLAIN_JOBS_MAX, &n))
            return false;
        args->jobs_n = (unsigned)n;
        return true;
    case OPT_WIDTH:
        if (!take_number("--width", value, WIDTH_MIN, WIDTH_MAX, &n))
            return false;
        args->width = args->table_width = (uint32_t)n;
        return true;
    case OPT_NAMES:
        return take_names(args, value);
    case OPT_GRAPH:
        return take_graphs(args, value);
    case OPT_PLOT:
        args->plot_dir = value;
        return true;
    case OPT_SIDE:
        return take_side(args, value);
    case OPT_COLOR:
        return take_colour(args, value);
    case OPT_FROM:
        return take_time(value, &args->from, &args->from_relative);
    case OPT_TO:
        return take_time(value, &args->to, &args->to_relative);
    default:
        return false;
    }
}

static bool
take_switch(struct la_explain_args *args, int option, char *value)
{
    switch (option) {
    case 'q':
        args->quiet = true;
        return true;
    case OPT_STATS:
        args->stats = true;
        return true;
    case OPT_ABSOLUTE:
        args->absolute = true;
        return true;
    case OPT_FULL:
        args->full = true;
        return true;
    case OPT_ASCII:
        args->ascii = true;
        return true;
    case OPT_FOLLOW:
        args->follow = true;
        return true;
    case OPT_PACKETS:
        args->packets = value;
        return true;
    default:
        return take(args, option, value);
    }
}

/* Behind -i stand words of a filter, as behind tcpdump's; otherwise files. */
static bool
take_operands(struct la_explain_args *args, int argc, char **argv)
{
    if (args->ifaces_n == 0) {
        args->files = argv;
        args->files_n = (size_t)argc;
        return argc > 0 || wrong("a capture is missing: a file, '-', or -i INTERFACE", NULL);
    }
    size_t n = 1;
    for (int i = 0; i < argc; i++)
        n += strlen(argv[i]) + 1;
    args->joined = argc > 0 ? calloc(1, n) : NULL;
    if (args->joined == NULL)
        return argc == 0 || out_of_memory(args);
    for (int i = 0; i < argc; i++) {
        (void)strcat(args->joined, argv[i]);
        (void)strcat(args->joined, i + 1 < argc ? " " : "");
    }
    if (args->packets != NULL)
        return wrong("a packet filter stands behind -i or in --packets, not in both: ",
                     args->joined);
    args->packets = args->joined;
    return true;
}

/* Graphs alone when nothing else was asked for; what they need. */
static bool
settle_views(struct la_explain_args *args)
{
    static const struct la_explain_view nothing = {.name = "graph"};
    bool for_programs = args->view == &la_explain_json || args->view == &la_explain_jsonl ||
                        args->view == &la_explain_csv;
    if (args->graphs != 0 && for_programs)
        return wrong("--graph draws in the terminal, not into --format ", args->view->name);
    if ((args->graphs & LA_GRAPHS_OF_CONN) != 0 && args->conn == UINT64_MAX)
        return wrong("such a graph is of one connection: choose it with --conn N", NULL);
    bool both = args->from.ns != LA_INSTANT_NEVER.ns && args->to.ns != LA_INSTANT_NEVER.ns;
    if (both && args->from_relative == args->to_relative && args->to.ns < args->from.ns)
        return wrong("--to is before --from", NULL);
    if (args->view != NULL)
        return true;
    if (args->graphs != 0)
        args->view = &nothing;
    else if (args->conn != UINT64_MAX && args->plot_dir == NULL)
        args->view = &la_explain_ladder;
    else
        args->view = &la_explain_verdict;
    return true;
}

bool
la_explain_args_parse(struct la_explain_args *args, int argc, char **argv)
{
    *args = (struct la_explain_args){
        .conn = UINT64_MAX,
        .memory_bytes = (uint64_t)MEMORY_MB << 20,
        .from = LA_INSTANT_NEVER,
        .to = LA_INSTANT_NEVER,
        .worst_n = WORST_N,
        .width = la_terminal_width(STDOUT_FILENO, WIDTH_MIN),
        .table_width = isatty(STDOUT_FILENO) ? la_terminal_width(STDOUT_FILENO, WIDTH_MIN) : 0,
        .ascii = la_terminal_is_ascii(STDOUT_FILENO),
        .colour = la_terminal_has_colour(STDOUT_FILENO),
        .ifaces = calloc((size_t)argc + 1, sizeof(char *)),
        .status = LA_CLI_USAGE,
    };
    if (args->ifaces == NULL)
        return out_of_memory(args);
    optind = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":f:c:F:n:i:qh", options, NULL)) != -1;) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            args->status = LA_CLI_OK;
            return false;
        }
        if (option == 'F' && strcmp(optarg, "help") == 0) {
            la_conn_filter_help(stdout);
            args->status = LA_CLI_OK;
            return false;
        }
        if (option == ':')
            return wrong("a value is missing behind ", argv[optind - 1]);
        if (option == '?')
            return wrong("no option ", argv[optind - 1]);
        if (!take_switch(args, option, optarg))
            return false;
    }
    return take_operands(args, argc - optind, argv + optind) && settle_views(args);
}

void
la_explain_args_free(struct la_explain_args *args)
{
    free(args->ifaces);
    free(args->joined);
    free(args->filter);
}
