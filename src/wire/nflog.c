/* SPDX-License-Identifier: MIT
 *
 * nflog.c - the pseudo-header of packets from Linux's netfilter log
 *
 * Read first: https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html.
 */
#include "wire/nflog.h"

enum { FIXED_BYTES = 4, ATTRIBUTE_BYTES = 4, ATTRIBUTE_PACKET = 9, ATTRIBUTES_KNOWN_MAX = 32 };

static uint16_t
get16(const uint8_t *p, bool big_endian)
{
    return big_endian ? la_get16(p) : __builtin_bswap16(la_get16(p));
}

/* Looks for the packet among the attributes. */
static bool
find(struct la_nflog *nflog, struct la_bytes rest, bool big_endian)
{
    while (rest.n >= ATTRIBUTE_BYTES) {
        size_t n = get16(rest.p, big_endian);
        unsigned type = get16(rest.p + 2, big_endian);
        if (n < ATTRIBUTE_BYTES || type >= ATTRIBUTES_KNOWN_MAX)
            return false;
        if (type == ATTRIBUTE_PACKET) { /* the last one: a snapped capture cuts it */
            size_t packet_n = n < rest.n ? n : rest.n;
            nflog->packet = (struct la_bytes){rest.p + ATTRIBUTE_BYTES, packet_n - ATTRIBUTE_BYTES};
            return true;
        }
        size_t padded = (n + 3) & ~(size_t)3;
        if (padded > rest.n)
            return false;
        rest = (struct la_bytes){rest.p + padded, rest.n - padded};
    }
    return false;
}

bool
la_nflog_judge(struct la_nflog *nflog, struct la_bytes bytes)
{
    if (bytes.n < FIXED_BYTES || bytes.p[1] != 0)
        return false;
    *nflog = (struct la_nflog){.family = bytes.p[0]};
    struct la_bytes rest = {bytes.p + FIXED_BYTES, bytes.n - FIXED_BYTES};
    return find(nflog, rest, false) || find(nflog, rest, true);
}
