/* SPDX-License-Identifier: MIT
 *
 * lab.c - `lastack lab`: the command line, and where the views go
 */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/live.h"
#include "cli/netopt.h"
#include "cli/number.h"
#include "cli/option.h"
#include "cli/plot.h"
#include "cli/terminal.h"
#include "cli/views.h"
#include "lab/scenario.h"

#include <lastack/capture.h>
#include <lastack/host.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEED_DEFAULT = 1 };
enum { BUDGET_BYTES = 256 << 20 };

struct arguments {
    struct la_netopt net;
    const char *congestion;
    bool net_given; /* the user chose something about the network */
    bool all, help;
    bool live;
    uint32_t flags; /* enum la_story_flag */
    enum la_names state_names;
    uint32_t width; /* 0 = the terminal's */
    int color;      /* 1 always, 0 by terminal, -1 never */
    const char *pcap, *json;
    char *plot;
    const char *names[64];
    size_t names_n;
};

static const char help_head[] =
    "usage: lastack lab                        list the scenarios\n"
    "       lastack lab NAME... [OPTION...]    play them\n"
    "       lastack lab --all [OPTION...]      play all\n"
    "\n"
    "Two stacks, a wire between them, virtual time: each scenario shows one mechanism\n"
    "of TCP as a ladder with both ends' states. Nothing is printed that did not\n"
    "happen.\n"
    "\n"
    "views:\n"
    "  --pcap FILE           write a capture (pcapng) with comments\n"
    "  --json FILE           write the events as JSON lines ('-': standard output,\n"
    "                        without words)\n"
    "  --plot DIR            pictures as SVG into a folder (scenario 'congestion';\n"
    "                        needs gnuplot)\n"
    "  --live                in real time: 'lastack ss -a' shows both stacks\n"
    "                        meanwhile\n"
    "  --full                every segment: long uneventful runs are not collapsed\n"
    "  --absolute            sequence numbers as on the wire\n"
    "  --names rfc|linux|bsd SYN-RECEIVED, SYN_RECV or SYN_RCVD\n"
    "  --width N             columns, 60 to 240 (the terminal's, else 80)\n"
    "  --color auto|always|never\n"
    "  --ascii               no characters beyond ASCII\n"
    "  -h, --help            this text\n"
    "\n"
    "network (without them: what suits the scenario, mostly 10ms each way; seed 1):\n"
    "  --congestion NAME     congestion control of both ends: cubic, reno, bbr\n";

static int
usage_error(const char *text, const char *word)
{
    return la_cli_usage("lab", text, word);
}

/* ---- options ---------------------------------------------------------------------------- */

static bool
take_flag(struct arguments *a, const char *name)
{
    if (strcmp(name, "all") == 0)
        a->all = true;
    else if (strcmp(name, "help") == 0)
        a->help = true;
    else if (strcmp(name, "live") == 0)
        a->live = true;
    else if (strcmp(name, "full") == 0)
        a->flags |= LA_STORY_FULL;
    else if (strcmp(name, "absolute") == 0)
        a->flags |= LA_STORY_ABSOLUTE;
    else if (strcmp(name, "ascii") == 0)
        a->flags |= LA_STORY_ASCII;
    else
        return false;
    return true;
}

static int
take_width(struct arguments *a, const char *value)
{
    uint64_t n;
    if (!la_number_parse(value, LA_STORY_WIDTH_MIN, LA_STORY_WIDTH_MAX, &n))
        return usage_error("--width needs a number of columns, 60 to 240, not ", value);
    a->width = (uint32_t)n;
    return LA_CLI_OK;
}

static int
take_color(struct arguments *a, const char *value)
{
    if (strcmp(value, "always") == 0)
        a->color = 1;
    else if (strcmp(value, "never") == 0)
        a->color = -1;
    else if (strcmp(value, "auto") == 0)
        a->color = 0;
    else
        return usage_error("--color is auto, always or never, not ", value);
    return LA_CLI_OK;
}

static int
take_names(struct arguments *a, const char *value)
{
    if (!la_names_parse(value, &a->state_names))
        return usage_error("--names is rfc, linux or bsd, not ", value);
    return LA_CLI_OK;
}

static int
take_congestion(struct arguments *a, const char *value)
{
    char error[LA_NETOPT_ERROR_BYTES];
    a->congestion = value;
    a->net_given = true;
    return la_netopt_congestion(value, error) ? LA_CLI_OK : usage_error(error, NULL);
}

/* An option with a value, NULL when the line ends before it. */
static int
take_value(struct arguments *a, const char *name, char *value)
{
    static const char *const known[] = {"pcap",  "json",  "plot",      "width",
                                        "color", "names", "congestion"};
    char error[LA_NETOPT_ERROR_BYTES];
    size_t i = 0;
    switch (la_netopt_take(&a->net, name, value, error)) {
    case LA_NETOPT_OK:
        a->net_given |= strcmp(name, "seed") != 0;
        return LA_CLI_OK;
    case LA_NETOPT_BAD:
        return usage_error(error, NULL);
    case LA_NETOPT_OTHER:
        break;
    }
    while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], name) != 0)
        i++;
    if (i == sizeof(known) / sizeof(known[0]))
        return usage_error("no option --", name);
    if (value == NULL)
        return usage_error("a value is missing behind --", name);
    if (i == 0)
        a->pcap = value;
    else if (i == 1)
        a->json = value;
    else if (i == 2)
        a->plot = value;
    else if (i == 3)
        return take_width(a, value);
    else
        return i == 4   ? take_color(a, value)
               : i == 5 ? take_names(a, value)
                        : take_congestion(a, value);
    return LA_CLI_OK;
}

/* One word that begins with a dash; *i moves on when it uses the next one. */
static int
take_option(struct arguments *a, char **argv, int *i)
{
    struct la_option option;
    if (strcmp(argv[*i], "-h") == 0) {
        a->help = true;
        return LA_CLI_OK;
    }
    if (!la_option_split(argv, *i, &option))
        return usage_error("no option ", argv[*i]);
    if (!option.joined && take_flag(a, option.name))
        return LA_CLI_OK;
    int status = take_value(a, option.name, option.value);
    *i += status == LA_CLI_OK && !option.joined;
    return status;
}

static int
parse(int argc, char **argv, struct arguments *a)
{
    for (int i = 1; i < argc && !a->help; i++) {
        if (argv[i][0] == '-' && argv[i][1] != 0) {
            int status = take_option(a, argv, &i);
            if (status != LA_CLI_OK)
                return status;
        } else if (a->names_n < sizeof(a->names) / sizeof(a->names[0])) {
            a->names[a->names_n++] = argv[i];
        } else {
            return usage_error("too many names; --all plays all", "");
        }
    }
    if (a->all && a->names_n != 0)
        return usage_error("--all needs no name: ", a->names[0]);
    return LA_CLI_OK;
}

/* ---- views ------------------------------------------------------------------------------ */

/* What is open while scenarios play. */
struct views {
    struct la_lab_cfg cfg;
    FILE *json; /* NULL: none */
    struct la_live live;
    bool words; /* standard output is for people */
};

static uint32_t
story_flags(const struct arguments *a)
{
    uint32_t flags = a->flags | la_views_names(a->state_names);
    if (a->color > 0 || (a->color == 0 && la_terminal_has_colour(STDOUT_FILENO)))
        flags |= LA_STORY_COLOR;
    if (la_terminal_is_ascii(STDOUT_FILENO))
        flags |= LA_STORY_ASCII;
    return flags;
}

_Static_assert((int)LA_PLOT_ERROR_BYTES <= (int)LA_LAB_TEXT_BYTES,
               "why a picture was not kept fits");

static bool
plotted(void *ctx, const char *name, const struct la_plot *plot, char *failure)
{
    return la_plot_svg(plot, ctx, name, failure);
}

static bool
open_plots(struct views *views, char *dir)
{
    char error[LA_PLOT_ERROR_BYTES];
    views->cfg.plotted = plotted;
    views->cfg.plotted_ctx = dir;
    if (la_plot_dir(dir, error))
        return true;
    (void)fprintf(stderr, "lastack lab: %s\n", error);
    return false;
}

static bool
open_capture(struct views *views, const char *path)
{
    int err = la_capture_writer_open(path, "lastack lab", &views->cfg.capture);
    if (err == 0)
        err = la_capture_writer_iface(views->cfg.capture, "client", "the client's end of the wire",
                                      LA_CAPTURE_IP, &views->cfg.capture_iface[LA_LINK_IP]);
    if (err == 0)
        err = la_capture_writer_iface(views->cfg.capture, "client-eth",
                                      "the client's end of the wire, where it is an Ethernet",
                                      LA_CAPTURE_ETHERNET,
                                      &views->cfg.capture_iface[LA_LINK_ETHERNET]);
    if (err != 0) {
        (void)la_cli_unwritten("lab", path, err);
        return false;
    }
    la_views_comments(&views->cfg.story, views->cfg.capture);
    return true;
}

static bool
open_views(struct views *views, const struct arguments *a)
{
    struct la_story_cfg *story = &views->cfg.story;
    bool json_out = a->json != NULL && strcmp(a->json, "-") == 0;
    bool pcap_out = a->pcap != NULL && strcmp(a->pcap, "-") == 0;
    *views = (struct views){.words = !json_out && !pcap_out};
    la_story_cfg_init(story);
    story->flags = story_flags(a);
    story->width = a->width != 0 ? a->width : la_terminal_width(STDOUT_FILENO, LA_STORY_WIDTH_MIN);
    if (views->words)
        story->ladder = la_story_writer_file(stdout);
    if (a->json != NULL) {
        views->json = json_out ? stdout : fopen(a->json, "we");
        if (views->json == NULL) {
            (void)la_cli_unwritten("lab", a->json, errno);
            return false;
        }
        story->json = la_story_writer_file(views->json);
    }
    if (a->pcap != NULL && !open_capture(views, a->pcap))
        return false;
    if (a->plot != NULL && !open_plots(views, a->plot))
        return false;
    views->cfg.seed = a->net.seed;
    views->cfg.mtu_bytes = a->net.mtu_bytes;
    if (a->live) {
        views->cfg.pace = (struct la_bed_pace){la_live_wait, &views->live};
        views->cfg.part_ends = la_live_end;
    }
    views->cfg.congestion = a->congestion;
    memcpy(views->cfg.impair, a->net.impair, sizeof(views->cfg.impair));
    views->cfg.mem = la_mem_new(la_host_alloc(), BUDGET_BYTES);
    if (views->cfg.mem == NULL)
        (void)la_cli_out_of_memory("lab");
    return views->cfg.mem != NULL;
}

/* False: something could not be written, which was said. */
static bool
close_views(struct views *views, const struct arguments *a)
{
    bool good = true;
    if (views->cfg.capture != NULL) {
        int err = la_capture_writer_close(views->cfg.capture);
        good = err == 0;
        if (err != 0)
            (void)la_cli_unwritten("lab", a->pcap, err);
    }
    if (views->json != NULL && views->json != stdout) {
        bool failed = ferror(views->json) != 0;
        failed |= fclose(views->json) != 0;
        if (failed)
            (void)la_cli_unwritten("lab", a->json, errno);
        good &= !failed;
    }
    if (views->cfg.mem == NULL)
        return false;
    if (la_mem_was_short(views->cfg.mem)) { /* which the stacks bear, but it changes what they do */
        (void)la_cli_out_of_memory("lab");
        good = false;
    }
    la_mem_unref(views->cfg.mem);
    return good;
}

/* ---- the command ------------------------------------------------------------------------ */

static void
list_scenarios(void)
{
    for (size_t i = 0; la_scenarios[i] != NULL; i++)
        printf("%-19s %s\n", la_scenarios[i]->name, la_scenarios[i]->summary);
    puts("\n'lastack lab NAME' plays one, 'lastack lab --all' all of them.");
}

static int
unknown_scenario(const char *name)
{
    const struct la_scenario *near = la_scenario_suggest(name);
    if (near != NULL)
        (void)fprintf(stderr, "lastack lab: no scenario '%s'; did you mean '%s'?\n", name,
                      near->name);
    else
        (void)fprintf(stderr, "lastack lab: no scenario '%s'; 'lastack lab' lists them\n", name);
    return LA_CLI_USAGE;
}

static bool
play(struct views *views, const struct arguments *a, const struct la_scenario *scenario)
{
    char failure[LA_LAB_TEXT_BYTES];
    if (la_scenario_play(scenario, &views->cfg, failure))
        return true;
    (void)fflush(stdout);
    (void)fprintf(stderr, "lastack lab: %s: %s%s\n", scenario->name, failure,
                  a->net_given ? " (with these network options it did not come about)" : "");
    return false;
}

static int
play_all(const struct arguments *a)
{
    struct views views;
    bool shown = true;
    size_t played_n = 0;
    if (!open_views(&views, a)) {
        (void)close_views(&views, a);
        return LA_CLI_FAILED;
    }
    for (size_t i = 0; a->all ? la_scenarios[i] != NULL : i < a->names_n; i++) {
        const struct la_scenario *scenario =
            a->all ? la_scenarios[i] : la_scenario_find(a->names[i]);
        if (played_n++ != 0 && views.words)
            putchar('\n');
        shown &= play(&views, a, scenario);
    }
    return close_views(&views, a) && shown ? LA_CLI_OK : LA_CLI_FAILED;
}

static bool
has_picture(const struct arguments *a)
{
    bool has = a->all;
    for (size_t i = 0; i < a->names_n; i++)
        has |= la_scenario_find(a->names[i])->plot != NULL;
    return has;
}

int
la_cli_lab(int argc, char **argv)
{
    struct arguments a = {.color = 0};
    la_netopt_init(&a.net);
    a.net.seed = SEED_DEFAULT;
    for (size_t i = 0; i < 2; i++)
        a.net.impair[i] = (struct la_impair){
            .delay_ns = LA_LAB_OWN_DELAY, .rate_bps = LA_LAB_OWN_RATE, .mark_n = LA_LAB_OWN_MARK};
    int status = parse(argc, argv, &a);
    if (status != LA_CLI_OK)
        return status;
    if (a.help)
        printf("%s%s", help_head, la_netopt_help());
    else if (!a.all && a.names_n == 0)
        list_scenarios();
    for (size_t i = 0; !a.help && i < a.names_n; i++)
        if (la_scenario_find(a.names[i]) == NULL)
            return unknown_scenario(a.names[i]);
    if (!a.help && a.plot != NULL && a.names_n != 0 && !has_picture(&a))
        return usage_error("--plot: congestion has pictures, not ", a.names[0]);
    if (!a.help && (a.all || a.names_n != 0))
        return play_all(&a);
    return LA_CLI_OK;
}
