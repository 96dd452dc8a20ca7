/* SPDX-License-Identifier: MIT
 *
 * checksum.h - the Internet checksum (RFC 1071), incremental update (RFC 1624)
 *
 * Sums are kept as 32-bit one's-complement partial sums of 16-bit words in *network* order, so
 * they can be added across pieces. A piece of odd length may only be the last one, or must be
 * handled by la_sum_combine().
 */
#ifndef LA_BASE_CHECKSUM_H
#define LA_BASE_CHECKSUM_H

#include "base/chain.h"

/* A kernel sums n octets into a folded 16-bit value (0..65535) in network order. A table of one
 * function, chosen outside the core; la_sum_portable is always there. */
typedef uint16_t la_sum_fn(const uint8_t *p, size_t n);
uint16_t la_sum_portable(const uint8_t *p, size_t n);

static inline uint16_t
la_sum_fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* Adds the sum `part` of a piece that begins at octet offset `off` to `sum`. */
static inline uint32_t
la_sum_combine(uint32_t sum, uint16_t part, size_t off)
{
    uint32_t in_place = (uint32_t)(off % 2 ? (uint16_t)(part << 8 | part >> 8) : part);
    uint32_t added = sum + in_place;
    return added + (added < sum); /* The end-around carry. */
}

/* The sum of a chain whose first octet has offset `off` in the sum. */
uint32_t la_sum_chain(uint32_t sum, const struct la_chain *chain, size_t off, la_sum_fn *kernel);
/* RFC 1624 eqn. 3: the checksum field after a 16-bit word changed. */
uint16_t la_sum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word);

#endif
