/* SPDX-License-Identifier: MIT
 *
 * errors.c - between the library's errors and errno, and the words for the terminal
 */
#include "host/errors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

int
la_err_to_errno(la_err err)
{
    switch (err) {
    case LA_OK:
        return 0;
#define ERR(name, value, errno_name, text)                                                         \
    case (value):                                                                                  \
        return errno_name;
#include <lastack/err.def>
#undef ERR
    default:
        return EIO;
    }
}

void
la_host_say(const char *format, ...)
{
    char line[1024];
    int n = snprintf(line, sizeof(line), "lastack run: ");
    va_list args;
    va_start(args, format);
    int m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, args);
    va_end(args);
    if (m > 0)
        n += m;
    if (n > (int)sizeof(line) - 2)
        n = (int)sizeof(line) - 2;
    line[n++] = '\n';
    /* One write, so that lines of the program and ours do not mix; a failure has no remedy. */
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}
