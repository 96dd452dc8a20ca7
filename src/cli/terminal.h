/* SPDX-License-Identifier: MIT
 *
 * terminal.h - what standard output or standard error can show, by itself
 */
#ifndef LA_CLI_TERMINAL_H
#define LA_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* It is a terminal with colours, and the user has nothing against them (https://no-color.org). */
bool la_terminal_has_colour(int fd);
/* It is a terminal whose characters are not UTF-8. */
bool la_terminal_is_ascii(int fd);
/* Columns, at least `least`; 80 where there is no terminal. */
uint32_t la_terminal_width(int fd, uint32_t least);

#endif
