/* SPDX-License-Identifier: MIT
 *
 * prefix.c - an address with the length of its prefix, on a command line
 */
#include "cli/prefix.h"

#include <string.h>

#include "cli/number.h"

enum { LEN_V4 = 24, LEN_V6 = 64, LEN_V4_MAX = 32, LEN_V6_MAX = 128 };

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
    if (text[n] == '\0')
        return true;
    uint64_t len;
    if (!la_number_parse(text + n + 1, 0, v4 ? LEN_V4_MAX : LEN_V6_MAX, &len))
        return false;
    *out_len = (unsigned)len;
    return true;
}
