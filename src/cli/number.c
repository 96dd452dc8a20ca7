/* SPDX-License-Identifier: MIT
 *
 * number.c - a whole number on a command line
 */
#include "cli/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool
la_number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    bool hex = text[0] == '0' && text[1] == 'x';
    const char *digits = hex ? text + 2 : text;
    const char *const allowed = hex ? "0123456789abcdefABCDEF" : "0123456789";
    if (digits[0] == '\0' || digits[strspn(digits, allowed)] != '\0')
        return false;
    errno = 0;
    unsigned long long n = strtoull(digits, NULL, hex ? 16 : 10);
    if (errno != 0 || n < min || n > max)
        return false;
    *out = n;
    return true;
}
