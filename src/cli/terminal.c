/* SPDX-License-Identifier: MIT
 *
 * terminal.c - what standard output can show, by itself
 */
#include "cli/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
la_terminal_has_colour(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool plain =
        (no_color != NULL && no_color[0] != 0) || (term != NULL && strcmp(term, "dumb") == 0);
    return isatty(STDOUT_FILENO) != 0 && !plain;
}

bool
la_terminal_is_ascii(void)
{
    (void)setlocale(LC_CTYPE, "");
    return isatty(STDOUT_FILENO) != 0 && strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}
