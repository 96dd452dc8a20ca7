/* SPDX-License-Identifier: MIT
 *
 * ip.c - what IPv4 and IPv6 share
 *
 * Read first: RFC 9293 3.1 (figures 2 and 3), RFC 8200 8.1.
 */
#include "wire/ip.h"
#include "base/addr.h"
#include "base/bytes.h"

/* The 16-bit words of 4 octets. */
static uint32_t
words_sum4(const uint8_t *p)
{
    uint32_t word = la_get32(p);
    return (word >> 16) + (word & 0xffff);
}

static uint32_t
words_sum16(const uint8_t *p)
{
    return words_sum4(p) + words_sum4(p + 4) + words_sum4(p + 8) + words_sum4(p + 12);
}

uint32_t
la_ip_pseudo_sum(const struct la_ip_pseudo *pseudo)
{
    uint32_t sum = pseudo->protocol;
    sum += (pseudo->l4_bytes >> 16) + (pseudo->l4_bytes & 0xffff);
    if (la_addr_is_mapped(&pseudo->dst))
        return sum + words_sum4(pseudo->src.b + 12) + words_sum4(pseudo->dst.b + 12);
    return sum + words_sum16(pseudo->src.b) + words_sum16(pseudo->dst.b);
}
