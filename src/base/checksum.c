/* SPDX-License-Identifier: MIT
 *
 * checksum.c - the Internet checksum
 *
 * Read first: RFC 1071 1 and 2 (B: the sum does not depend on the byte order it is computed in;
 * C: wide sums), RFC 1624 3.
 *
 * Byte order: sums are added up in the machine's order and swapped once at the end.
 */
#include "base/checksum.h"

#include <string.h>

#include "base/bytes.h"

/* What the octets of v in memory say in network order: compilers make a swap of it, or nothing. */
static uint16_t
to_network(uint16_t v)
{
    uint8_t octets[2];
    memcpy(octets, &v, sizeof(v));
    return la_get16(octets);
}

static inline uint64_t
load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static uint16_t
fold64(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    return la_sum_fold((uint32_t)sum);
}

uint16_t
la_sum_portable(const uint8_t *p, size_t n)
{
    /* Halves of 64-bit words are added without carries: 2^32 of them fit. Two sums, so that the
     * additions of one word need not wait for those of the word before. */
    uint64_t even = 0;
    uint64_t odd = 0;
    for (; n >= 16; p += 16, n -= 16) {
        uint64_t a = load64(p);
        uint64_t b = load64(p + 8);
        even += (a & UINT32_MAX) + (a >> 32);
        odd += (b & UINT32_MAX) + (b >> 32);
    }
    if (n & 8) {
        uint64_t a = load64(p);
        even += (a & UINT32_MAX) + (a >> 32);
        p += 8;
    }
    if (n & 4) {
        uint32_t a;
        memcpy(&a, p, sizeof(a));
        odd += a;
        p += 4;
    }
    if (n & 2) {
        uint16_t a;
        memcpy(&a, p, sizeof(a));
        even += a;
        p += 2;
    }
    if (n & 1) {
        /* The first octet of a pair whose second is zero (RFC 1071 1). */
        const uint8_t last[2] = {*p, 0};
        uint16_t a;
        memcpy(&a, last, sizeof(a));
        odd += a;
    }
    uint64_t sum = (even & UINT32_MAX) + (even >> 32) + (odd & UINT32_MAX) + (odd >> 32);
    return to_network(fold64(sum));
}

uint32_t
la_sum_chain(uint32_t sum, const struct la_chain *chain, size_t off, la_sum_fn *kernel)
{
    for (const struct la_slice *s = chain->first; s; s = s->next) {
        sum = la_sum_combine(sum, kernel(s->block->bytes + s->off, s->len), off);
        off += s->len;
    }
    return sum;
}

uint16_t
la_sum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word)
{
    /* RFC 1624 3, equation 3: HC' = ~(~HC + ~m + m'). */
    uint32_t sum = (uint32_t)(uint16_t)~checksum + (uint16_t)~old_word + new_word;
    return (uint16_t)~la_sum_fold(sum);
}
