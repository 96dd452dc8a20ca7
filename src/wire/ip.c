/* SPDX-License-Identifier: MIT
 *
 * ip.c - what IPv4 and IPv6 share
 *
 * Read first: RFC 9293 3.1 (figures 2 and 3), RFC 8200 8.1.
 */
#include "wire/ip.h"
#include "base/addr.h"
#include "base/bytes.h"

/* 16-bit words of n octets, n even; at most 8 words, so 32 bits cannot overflow. */
static uint32_t
words_sum(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i += 2)
        sum += la_get16(p + i);
    return sum;
}

uint32_t
la_ip_pseudo_sum(const struct la_ip_pseudo *pseudo)
{
    uint32_t sum = pseudo->protocol;
    sum += (pseudo->l4_bytes >> 16) + (pseudo->l4_bytes & 0xffff);
    if (la_addr_is_v4(&pseudo->dst))
        return sum + words_sum(pseudo->src.b + 12, 4) + words_sum(pseudo->dst.b + 12, 4);
    return sum + words_sum(pseudo->src.b, 16) + words_sum(pseudo->dst.b, 16);
}
