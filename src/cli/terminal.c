/* SPDX-License-Identifier: MIT
 *
 * terminal.c - what standard output or standard error can show, by itself
 */
#include "cli/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_PLAIN = 80 };

bool
la_terminal_has_colour(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool plain =
        (no_color != NULL && no_color[0] != 0) || (term != NULL && strcmp(term, "dumb") == 0);
    return isatty(fd) != 0 && !plain;
}

bool
la_terminal_is_ascii(int fd)
{
    (void)setlocale(LC_CTYPE, "");
    return isatty(fd) != 0 && strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

uint32_t
la_terminal_width(int fd, uint32_t least)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_PLAIN;
    return size.ws_col < least ? least : size.ws_col;
}
