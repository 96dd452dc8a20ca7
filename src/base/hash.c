/* SPDX-License-Identifier: MIT
 *
 * hash.c - SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012)
 *
 * Byte order: octets are taken as little-endian words, as the paper says, on every machine.
 */
#include "base/hash.h"

#include "base/assert.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotate(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static inline void
sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline struct sip
sip_init(const struct la_key *key)
{
    return (struct sip){
        key->k0 ^ UINT64_C(0x736f6d6570736575),
        key->k1 ^ UINT64_C(0x646f72616e646f6d),
        key->k0 ^ UINT64_C(0x6c7967656e657261),
        key->k1 ^ UINT64_C(0x7465646279746573),
    };
}

static inline void
sip_word(struct sip *s, uint64_t m, int rounds_n)
{
    s->v3 ^= m;
    for (int i = 0; i < rounds_n; i++)
        sip_round(s);
    s->v0 ^= m;
}

static inline uint64_t
sip_end(struct sip *s, int rounds_n)
{
    s->v2 ^= 0xff;
    for (int i = 0; i < rounds_n; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* Compilers make one load of this on a little-endian machine. */
static inline uint64_t
load_le64(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

uint64_t
la_hash(const struct la_key *key, struct la_bytes bytes)
{
    struct sip s = sip_init(key);
    size_t whole_n = bytes.n & ~(size_t)7;
    for (size_t i = 0; i < whole_n; i += 8)
        sip_word(&s, load_le64(bytes.p + i), 2);
    uint64_t last = (uint64_t)bytes.n << 56;
    for (size_t i = whole_n; i < bytes.n; i++)
        last |= (uint64_t)bytes.p[i] << (8 * (i - whole_n));
    sip_word(&s, last, 2);
    return sip_end(&s, 4);
}

uint64_t
la_hash2(const struct la_key *key, uint64_t a, uint64_t b)
{
    struct sip s = sip_init(key);
    sip_word(&s, a, 2);
    sip_word(&s, b, 2);
    sip_word(&s, (uint64_t)16 << 56, 2);
    return sip_end(&s, 4);
}

static inline uint64_t
hash_words_and(const struct la_key *key, const uint64_t *words, size_t n, uint32_t rest)
{
    struct sip s = sip_init(key);
    for (size_t i = 0; i < n; i++)
        sip_word(&s, words[i], 2);
    sip_word(&s, (uint64_t)(n * 8 + 4) << 56 | rest, 2);
    return sip_end(&s, 4);
}

uint64_t
la_hash_words_and(const struct la_key *key, const uint64_t *words, size_t n, uint32_t rest)
{
    LA_ASSERT(n <= 5);
    return n == 2 ? hash_words_and(key, words, 2, rest) : hash_words_and(key, words, n, rest);
}

/* Inline, so that what is asked for most often is unrolled. */
static inline uint64_t
hash_words(const struct la_key *key, const uint64_t *words, size_t n)
{
    struct sip s = sip_init(key);
    for (size_t i = 0; i < n; i++)
        sip_word(&s, words[i], 1);
    sip_word(&s, (uint64_t)(n * 8) << 56, 1);
    return sip_end(&s, 3);
}

uint64_t
la_hash_words(const struct la_key *key, const uint64_t *words, size_t n)
{
    LA_ASSERT(n <= 5);
    switch (n) {
    case 1:
        return hash_words(key, words, 1);
    case 2:
        return hash_words(key, words, 2);
    default:
        return hash_words(key, words, n);
    }
}
