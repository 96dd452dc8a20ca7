/* SPDX-License-Identifier: MIT
 *
 * errors.h - between the library's errors and errno, and the words for the terminal
 */
#ifndef LA_HOST_ERRORS_H
#define LA_HOST_ERRORS_H

#include <lastack/base.h>

/* The errno value that a program expects (lastack/err.def); 0 for LA_OK, EIO for unknown values. */
int la_err_to_errno(la_err err);

/* One line on standard error: "lastack run: " and the text. `format` has no line end. */
__attribute__((format(printf, 1, 2))) void la_host_say(const char *format, ...);

#endif
