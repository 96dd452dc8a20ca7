/* SPDX-License-Identifier: MIT
 *
 * command.c - the table of commands
 *
 * src/cli/meson.build defines LA_CLI_HAS_x for each command whose file is there: what is not built
 * is not listed.
 */
#include "cli/cli.h"

#include <string.h>

static const struct la_cli_command commands[] = {
#ifdef LA_CLI_HAS_RUN
    {"run", "run an unmodified program on lastack instead of the kernel's TCP", la_cli_run},
#endif
#ifdef LA_CLI_HAS_LAB
    {"lab", "scenarios of TCP on a virtual wire, in virtual time", la_cli_lab},
#endif
#ifdef LA_CLI_HAS_BENCH
    {"bench", "benchmarks, each beside its reference", la_cli_bench},
#endif
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
