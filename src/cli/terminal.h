/* SPDX-License-Identifier: MIT
 *
 * terminal.h - what standard output can show, by itself
 */
#ifndef LA_CLI_TERMINAL_H
#define LA_CLI_TERMINAL_H

#include <stdbool.h>

/* It is a terminal with colours, and NO_COLOR is not set. */
bool la_terminal_has_colour(void);
/* It is a terminal whose characters are not UTF-8. */
bool la_terminal_is_ascii(void);

#endif
