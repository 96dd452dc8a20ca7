/* SPDX-License-Identifier: MIT
 *
 * number.h - a whole number on a command line
 */
#ifndef LA_CLI_NUMBER_H
#define LA_CLI_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Digits alone, or hexadecimal ones behind "0x". False, *out unchanged: something else, or not
 * from min to max. */
bool la_number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out);

#endif
