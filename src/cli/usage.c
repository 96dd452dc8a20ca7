/* SPDX-License-Identifier: MIT
 *
 * usage.c - mistakes in the command line, and the way out
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

int
la_cli_usage(const char *command, const char *what, const char *word)
{
    (void)fprintf(stderr, "lastack %s: %s%s; see 'lastack %s --help'\n", command, what, word,
                  command);
    return LA_CLI_USAGE;
}

int
la_cli_out_of_memory(const char *command)
{
    (void)fprintf(stderr, "lastack %s: out of memory\n", command);
    return LA_CLI_FAILED;
}

bool
la_cli_is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}
