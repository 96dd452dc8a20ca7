/* SPDX-License-Identifier: MIT
 *
 * hash.h - SipHash-2-4, a keyed hash that a peer cannot steer
 *
 * For tables, initial sequence numbers (RFC 6528), ports (RFC 6056) and a segment's fate.
 */
#ifndef LA_BASE_HASH_H
#define LA_BASE_HASH_H

#include <lastack/base.h>

struct la_key {
    uint64_t k0;
    uint64_t k1;
};

uint64_t la_hash(const struct la_key *key, struct la_bytes bytes);
/* The same for two words, without memory traffic. */
uint64_t la_hash2(const struct la_key *key, uint64_t a, uint64_t b);
/* The same for n words and four octets more, in little-endian order. */
uint64_t la_hash_words_and(const struct la_key *key, const uint64_t *words, size_t n,
                           uint32_t rest);
/* SipHash-1-3 of up to five words, for table look-ups. */
uint64_t la_hash_words(const struct la_key *key, const uint64_t *words, size_t n);

#endif
