/* SPDX-License-Identifier: MIT
 *
 * prefix.c - an address with the length of its prefix, on a command line
 */
#include "cli/prefix.h"

#include <string.h>

enum { LEN_V4 = 24, LEN_V6 = 64, LEN_V4_MAX = 32, LEN_V6_MAX = 128 };

/* 0 .. max, digits alone. */
static bool
length_parse(const char *text, unsigned max, unsigned *out)
{
    unsigned n = 0;
    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        n = n * 10 + (unsigned)(*text - '0');
        if (n > max)
            return false;
    }
    *out = n;
    return true;
}

bool
la_prefix_parse(const char *text, struct la_addr *out_addr, unsigned *out_len)
{
    char addr[LA_ADDR_TEXT_BYTES];
    size_t n = strcspn(text, "/");
    if (n >= sizeof(addr))
        return false;
    memcpy(addr, text, n);
    addr[n] = '\0';
    if (!la_addr_parse(addr, out_addr))
        return false;
    bool v4 = la_addr_is_v4(out_addr);
    *out_len = v4 ? LEN_V4 : LEN_V6;
    return text[n] == '\0' || length_parse(text + n + 1, v4 ? LEN_V4_MAX : LEN_V6_MAX, out_len);
}
