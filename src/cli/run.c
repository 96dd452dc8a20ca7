/* SPDX-License-Identifier: MIT
 *
 * run.c - `lastack run`: the command line
 *
 * Its exit status is the program's. Failures of our own are 125, so that they can be told from the
 * program's, and 126 and 127 as a shell has them (docs/man/lastack-run.1.scd).
 */
#include "cli/cli.h"
#include "cli/netopt.h"
#include "cli/option.h"
#include "cli/publish.h"
#include "cli/via.h"
#include "cli/views.h"
#include "host/launch.h"
#include "host/run.h"

#include <stdio.h>
#include <string.h>

enum { LINGER_S = 5, PUBLISH_MAX = 64 };

struct arguments {
    struct la_netopt net;
    char net_name[32]; /* of a network option that was given; "": none */
    struct la_via via;
    bool via_given;
    struct la_publish_rule publish[PUBLISH_MAX];
    unsigned publish_n;
    bool publish_all;
    struct la_views_cfg views;
    int64_t linger_ns;
    enum la_ecn ecn;
    const char *congestion;
    bool wait_all, no_udp, trace, help;
    char **program;
};

static const char help_head[] =
    "usage: lastack run [OPTION...] [--] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs PROGRAM with its TCP and UDP sockets on lastack instead of the kernel's\n"
    "stack: no root, no change to the program. What it connects to is dialled by this\n"
    "process.\n"
    "\n"
    "network:\n";
static const char help_tail[] =
    "  --via tun:NAME[,ADDR/LEN] | tap:NAME[,ADDR/LEN[,GATEWAY]]\n"
    "                        a device in place of the virtual wire, and whatever is\n"
    "                        behind it as peer\n"
    "  --congestion NAME     congestion control of both stacks: cubic (default),\n"
    "                        reno, bbr\n"
    "  --ecn                 ask for explicit congestion notification; --no-ecn:\n"
    "                        refuse it; --accurate-ecn: ask for the kind that says\n"
    "                        how many packets were marked\n"
    "\n"
    "servers:\n"
    "  -p, --publish [ADDR:][HOSTPORT:]PORT\n"
    "                        a port of this host (0: any free one, which is said)\n"
    "                        behind which the program's PORT is reached; again for\n"
    "                        more\n"
    "  -P, --publish-all     each port that the program listens on, at the same port\n"
    "                        of localhost\n"
    "\n"
    "views:\n"
    "  --watch               draw every segment and state, live, on standard error\n"
    "  --pcap FILE           write a capture (pcapng) with comments\n"
    "  --json FILE           write the events as JSON lines ('-': standard output)\n"
    "  --trace               one line for each socket call that is refused\n"
    "\n"
    "ending:\n"
    "  --linger TIME         wait so long for open connections when the program has\n"
    "                        ended (5s)\n"
    "  --wait-all            wait for all processes that it started, too\n"
    "\n"
    "  --no-udp              leave UDP to the kernel\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: the program's; 128 + N when signal N ended it; 125 when lastack\n"
    "failed; 126 when the program cannot be executed; 127 when it was not found.\n";

static int
usage_error(const char *text, const char *word)
{
    (void)la_cli_usage("run", text, word);
    return LA_EXIT_OURS;
}

/* ---- options ------------------------------------------------------------------------------- */

static bool
take_flag(struct arguments *a, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"wait-all", &a->wait_all}, {"no-udp", &a->no_udp},     {"trace", &a->trace},
        {"help", &a->help},         {"watch", &a->views.watch}, {"publish-all", &a->publish_all},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(name, flags[i].name) == 0) {
            *flags[i].flag = true;
            return true;
        }
    }
    static const struct {
        const char *name;
        enum la_ecn ecn;
    } kinds[] = {
        {"ecn", LA_ECN_ASK}, {"no-ecn", LA_ECN_OFF}, {"accurate-ecn", LA_ECN_ACCURATE_ASK}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            a->ecn = kinds[i].ecn;
            return true;
        }
    }
    return false;
}

/* --linger takes a bare number of seconds as well. */
static bool
parse_linger(const char *value, int64_t *out_ns)
{
    char with_unit[32];
    if (la_netopt_duration(value, out_ns))
        return true;
    (void)snprintf(with_unit, sizeof(with_unit), "%.20ss", value);
    return la_netopt_duration(with_unit, out_ns);
}

/* 0, or the exit status. */
static int
take_via(struct arguments *a, const char *value)
{
    const char *word;
    if (!la_via_parse(value, &a->via, &word))
        return usage_error("--via needs tun:NAME[,ADDR/LEN] or tap:NAME[,ADDR/LEN[,GATEWAY]], not ",
                           word);
    a->via_given = true;
    /* One end is seen, and frames as they are on the device. */
    a->views.one_sided = true;
    a->views.ethernet = a->via.layer == LA_LINK_ETHERNET;
    return 0;
}

/* 0, or the exit status. */
static int
take_publish(struct arguments *a, const char *value)
{
    if (a->publish_n == PUBLISH_MAX)
        return usage_error("too many ports are published at ", value);
    if (!la_publish_parse(value, &a->publish[a->publish_n]))
        return usage_error("--publish needs [ADDR:][HOSTPORT:]PORT such as 8080:80, not ", value);
    a->publish_n++;
    return 0;
}

/* An option that has a value. 0, or the exit status. */
static int
take_value(struct arguments *a, const char *name, const char *value)
{
    char error[LA_NETOPT_ERROR_BYTES];
    switch (la_netopt_take(&a->net, name, value, error)) {
    case LA_NETOPT_OK:
        (void)snprintf(a->net_name, sizeof(a->net_name), "%.31s", name);
        return 0;
    case LA_NETOPT_BAD:
        return usage_error(error, NULL);
    case LA_NETOPT_OTHER:
        break;
    }
    if (strcmp(name, "congestion") == 0) {
        a->congestion = value;
        return la_netopt_congestion(value, error) ? 0 : usage_error(error, NULL);
    }
    bool known = strcmp(name, "pcap") == 0 || strcmp(name, "json") == 0 ||
                 strcmp(name, "linger") == 0 || strcmp(name, "via") == 0 ||
                 strcmp(name, "publish") == 0;
    if (!known)
        return usage_error("no option --", name);
    if (value == NULL)
        return usage_error("a value is missing behind --", name);
    if (strcmp(name, "via") == 0)
        return take_via(a, value);
    if (strcmp(name, "publish") == 0)
        return take_publish(a, value);
    if (strcmp(name, "pcap") == 0)
        a->views.pcap = value;
    else if (strcmp(name, "json") == 0)
        a->views.json = value;
    else if (!parse_linger(value, &a->linger_ns))
        return usage_error("--linger needs a time such as 5s, not ", value);
    return 0;
}

/* Short options are another way to write long ones: -p8080:80, -p 8080:80, -h, -P. *joined: what
 * follows stands in the same word. NULL: no option of one letter. */
static const char *
short_form(char *word, char **joined)
{
    static const struct {
        char letter;
        const char *name;
    } forms[] = {{'h', "help"}, {'p', "publish"}, {'P', "publish-all"}};
    *joined = NULL;
    for (size_t i = 0; word[1] != '\0' && i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (word[1] != forms[i].letter)
            continue;
        *joined = word[2] != '\0' ? word + 2 : NULL;
        return *joined == NULL || word[1] == 'p' ? forms[i].name : NULL;
    }
    return NULL;
}

static bool
split(char **argv, int i, struct la_option *out)
{
    if (la_option_split(argv, i, out))
        return true;
    char *joined;
    const char *name = short_form(argv[i], &joined);
    if (name == NULL)
        return false;
    *out = (struct la_option){.value = joined != NULL ? joined : argv[i + 1],
                              .joined = joined != NULL};
    (void)snprintf(out->name, sizeof(out->name), "%s", name);
    return true;
}

/* One word that begins with a dash; *i moves on when it uses the next one. 0, or the exit status.
 */
static int
take_option(struct arguments *a, char **argv, int *i)
{
    struct la_option option;
    if (!split(argv, *i, &option))
        return usage_error("no option ", argv[*i]);
    if (!option.joined && take_flag(a, option.name))
        return 0;
    int status = take_value(a, option.name, option.value);
    *i += status == 0 && !option.joined;
    return status;
}

static int
parse(int argc, char **argv, struct arguments *a)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        int status = take_option(a, argv, &i);
        if (status != 0)
            return status;
        if (a->help)
            return 0;
    }
    a->views.serving = a->publish_n != 0 || a->publish_all;
    if (a->via_given && a->views.serving)
        return usage_error("with --via the program is reached at its own address, so no --publish",
                           NULL);
    if (a->via_given && a->net_name[0] != '\0')
        return usage_error("with --via there is no virtual wire, so no --", a->net_name);
    a->program = argv + i;
    bool named = a->program[0] != NULL && a->program[0][0] != '\0';
    return named ? 0 : usage_error("a program is missing", NULL);
}

/* ---- the command --------------------------------------------------------------------------- */

static void
print_seed(const struct arguments *a)
{
    if (!a->net.seed_given && la_netopt_has_chance(&a->net))
        (void)fprintf(stderr, "lastack run: the same again: --seed %llu\n",
                      (unsigned long long)a->net.seed);
}

static int
run(const struct arguments *a)
{
    struct la_views views;
    if (!la_views_open(&views, &a->views))
        return LA_EXIT_OURS;
    struct la_run_cfg cfg = {
        .argv = a->program,
        .impair = {a->net.impair[0], a->net.impair[1]},
        .mtu_bytes = a->net.mtu_bytes,
        .seed = a->net.seed,
        .ecn = a->ecn,
        .congestion = a->congestion,
        .via = a->via_given ? &a->via : NULL,
        .publish = a->publish,
        .publish_n = a->publish_n,
        .publish_all = a->publish_all,
        .linger_ns = a->linger_ns,
        .wait_all = a->wait_all,
        .udp = !a->no_udp,
        .trace_calls = a->trace,
        .trace = la_views_trace(&views),
        .capture = views.capture,
        .capture_iface = views.capture_iface,
        .idle = la_views_idle,
        .idle_ctx = &views,
    };
    struct la_run_result result;
    la_run(&cfg, &result);
    bool written = la_views_close(&views);
    if (result.started)
        print_seed(a);
    return result.exit_code == 0 && !written ? LA_EXIT_OURS : result.exit_code;
}

int
la_cli_run(int argc, char **argv)
{
    struct arguments a = {.linger_ns = INT64_C(1000000000) * LINGER_S, .ecn = LA_ECN_ACCEPT};
    la_netopt_init(&a.net);
    int status = parse(argc, argv, &a);
    if (status != 0)
        return status;
    if (a.help) {
        (void)printf("%s%s%s", help_head, la_netopt_help(), help_tail);
        return LA_CLI_OK;
    }
    return run(&a);
}
