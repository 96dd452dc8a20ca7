/* SPDX-License-Identifier: MIT
 *
 * drill.c - `lastack drill`: packet scripts in virtual time
 */
#include "cli/cli.h"
#include "cli/drill.h"
#include "cli/option.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: lastack drill [OPTION...] SCRIPT.pkt...\n"
    "\n"
    "Plays packet scripts (packetdrill's language, docs/drill.md) in virtual time:\n"
    "calls and packets go in, each packet that comes out is compared. No root.\n"
    "\n"
    "  -j N                  in N processes (1 to 64; default 1)\n"
    "  -v, --verbose         the ladder of every script\n"
    "  --json                one JSON object per script in place of words\n"
    "  -q, --quiet           no closing line\n"
    "  -D, --define NAME[=VALUE]\n"
    "                        a name for a number in scripts (1), and for #ifdef\n"
    "  -h, --help            this text\n"
    "\n"
    "and defaults for what scripts may say in their first lines:\n"
    "  --ip_version=ipv4|ipv6   --local_ip=ADDR   --remote_ip=ADDR   --mtu=N\n"
    "  --bind_port=N   --connect_port=N   --peer_port=N\n"
    "  --tolerance_usecs=N   how far from its time a packet may come (4000)\n"
    "  --as=NAME             with the habits of linux, freebsd, bsd65535, or default,\n"
    "                        lastack's own. Not given: as the commands say that a\n"
    "                        script runs (sysctl net.ipv4.tcp_sack=1: linux)\n"
    "  --set=NAME=VALUE      a setting before the script's own, as in --set=nagle=0\n"
    "  --strict=0|1          0: judged as packetdrill judges, the default for\n"
    "                        scripts of another stack; 1: exactly\n"
    "  --tolerance_percent=N   --tcp_ts_tick_usecs=N   --strict_segments\n"
    "                        as packetdrill's: how far times and timestamps may be\n"
    "                        off; each segment needs a line\n"
    "  --congestion=NAME     congestion control: cubic (the default), reno, bbr\n"
    "  --peer_isn=N          what the peer's sequence number 0 is on the wire (0)\n"
    "  --seed=N              of the stack's random numbers (1)\n"
    "\n"
    "Exit status: 0 all passed; 1 one failed; 2 one cannot be read, or a mistake in\n"
    "the command line.\n";

static int
usage_error(const char *text, const char *word)
{
    return la_cli_usage("drill", text, word);
}

static bool
take_jobs(struct la_drill_jobs *jobs, const char *value)
{
    char *end;
    unsigned long n = value == NULL ? 0 : strtoul(value, &end, 10);
    if (n < 1 || n > LA_DRILL_JOBS_N_MAX || *end != 0)
        return false;
    jobs->jobs_n = (unsigned)n;
    return true;
}

static int
take_define(struct la_drill_jobs *jobs, const char *value)
{
    if (value == NULL || value[0] == 0 || jobs->defines_n == LA_DRILL_DEFINES_N_MAX)
        return usage_error("--define needs NAME or NAME=VALUE, at most 64 times", NULL);
    jobs->defines[jobs->defines_n++] = value;
    return LA_CLI_OK;
}

static int
take_long(struct la_drill_jobs *jobs, char **argv, int *i)
{
    struct la_option option;
    struct la_drill_mistake mistake;
    if (!la_option_split(argv, *i, &option))
        return usage_error("no option ", argv[*i]);
    if (!option.joined && la_drill_cfg_is_flag(option.name))
        option.value = NULL;
    *i += !option.joined && option.value != NULL;
    if (strcmp(option.name, "define") == 0)
        return take_define(jobs, option.value);
    if (!la_drill_cfg_take(&jobs->file.cfg, option.name, option.value, &mistake))
        return usage_error(mistake.text, NULL);
    return LA_CLI_OK;
}

static int
take_option(struct la_drill_jobs *jobs, char **argv, int *i)
{
    const char *word = argv[*i];
    if (strcmp(word, "-v") == 0 || strcmp(word, "--verbose") == 0)
        jobs->file.verbose = true;
    else if (strcmp(word, "--json") == 0)
        jobs->file.json = true;
    else if (strcmp(word, "-q") == 0 || strcmp(word, "--quiet") == 0)
        jobs->quiet = true;
    else if (strncmp(word, "-j", 2) == 0) {
        const char *value = word[2] != 0 ? word + 2 : argv[++*i];
        if (!take_jobs(jobs, value))
            return usage_error("-j needs a number of processes, 1 to 64", NULL);
    } else if (strcmp(word, "-D") == 0) {
        const char *value = argv[*i + 1];
        *i += value != NULL;
        return take_define(jobs, value);
    } else if (strncmp(word, "--", 2) == 0)
        return take_long(jobs, argv, i);
    else
        return usage_error("no option ", word);
    return LA_CLI_OK;
}

int
la_cli_drill(int argc, char **argv)
{
    struct la_drill_jobs jobs = {.jobs_n = 1};
    bool options = true;
    la_drill_cfg_init(&jobs.file.cfg);
    jobs.file.defines = jobs.defines;
    jobs.paths = calloc((size_t)argc, sizeof(*jobs.paths));
    if (jobs.paths == NULL)
        return la_cli_out_of_memory("drill");
    int status = LA_CLI_OK;
    for (int i = 1; i < argc && status == LA_CLI_OK; i++) {
        if (options && la_cli_is_help(argv[i])) {
            free(jobs.paths);
            (void)fputs(help, stdout);
            return LA_CLI_OK;
        }
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-')
            status = take_option(&jobs, argv, &i);
        else
            jobs.paths[jobs.paths_n++] = argv[i];
    }
    jobs.file.defines_n = jobs.defines_n;
    bool named = jobs.paths_n > 0;
    for (size_t i = 0; i < jobs.paths_n; i++)
        named &= jobs.paths[i][0] != '\0';
    if (status == LA_CLI_OK && !named)
        status = usage_error("a script is missing", NULL);
    if (status == LA_CLI_OK)
        status = la_drill_jobs(&jobs);
    free(jobs.paths);
    return status;
}
