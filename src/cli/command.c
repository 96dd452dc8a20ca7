/* SPDX-License-Identifier: MIT
 *
 * command.c - the table of commands
 */
#include "cli/cli.h"

#include <string.h>

#include "host/launch.h"

static const struct la_cli_command commands[] = {
    {"run", "run an unmodified program on lastack instead of the kernel's TCP", la_cli_run,
     LA_EXIT_OURS},
    {"explain", "the TCP connections of a capture: states, causes, verdicts", la_cli_explain, 0},
    {"annotate", "the same capture with that as packet comments, for Wireshark", la_cli_annotate,
     0},
    {"lab", "scenarios of TCP on a virtual wire, in virtual time", la_cli_lab, 0},
    {"drill", "packet scripts (packetdrill's language) in virtual time", la_cli_drill, 0},
    {"sim", "the simulator: random networks and faults, each run from its seed", la_cli_sim, 0},
    {"ss", "the sockets, queues, timers and counters of running instances", la_cli_ss, 0},
    {"bench", "benchmarks, each beside its reference", la_cli_bench, 0},
    {NULL, NULL, NULL, 0},
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
