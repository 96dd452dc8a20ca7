/* SPDX-License-Identifier: MIT
 *
 * usage.c - mistakes in the command line, and the way out
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* In one line, whatever the user's words in it are. */
static void
put(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)fputc((unsigned char)text[i] < ' ' ? '?' : text[i], stderr);
}

int
la_cli_usage(const char *command, const char *what, const char *word)
{
    size_t n = strlen(what);
    size_t dashes_n = n >= 2 && word != NULL && strcmp(what + n - 2, "--") == 0 ? 2 : 0;
    (void)fprintf(stderr, "lastack %s: ", command);
    put(what, n - dashes_n);
    if (word != NULL) {
        (void)fprintf(stderr, "'%s", what + n - dashes_n);
        put(word, strlen(word));
        (void)fputc('\'', stderr);
    }
    (void)fprintf(stderr, "; see 'lastack %s --help'\n", command);
    return LA_CLI_USAGE;
}

int
la_cli_unwritten(const char *command, const char *name, int error)
{
    (void)fprintf(stderr, "lastack %s: cannot write %s: %s\n", command, la_cli_shown(name),
                  strerror(error));
    return LA_CLI_FAILED;
}

const char *
la_cli_shown(const char *name)
{
    return name[0] == '\0' ? "''" : name;
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
