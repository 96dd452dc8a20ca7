/* SPDX-License-Identifier: MIT
 *
 * command.c - the table of commands
 */
#include "cli/cli.h"

#include <string.h>

static const struct la_cli_command commands[] = {
    {"run", "run an unmodified program on lastack instead of the kernel's TCP", la_cli_run},
    {"explain", "the TCP connections of a capture: states, causes, verdicts", la_cli_explain},
    {"annotate", "the same capture with that as packet comments, for Wireshark", la_cli_annotate},
    {"lab", "scenarios of TCP on a virtual wire, in virtual time", la_cli_lab},
    {"drill", "packet scripts (packetdrill's language) in virtual time", la_cli_drill},
    {"sim", "the simulator: random networks, workloads and faults, each run from its seed",
     la_cli_sim},
    {"ss", "the sockets, queues, timers and counters of running instances", la_cli_ss},
    {"bench", "benchmarks, each beside its reference", la_cli_bench},
    {NULL, NULL, NULL},
};

const struct la_cli_command *
la_cli_command_find(const char *name)
{
    for (const struct la_cli_command *c = commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

const struct la_cli_command *
la_cli_commands(void)
{
    return commands;
}
