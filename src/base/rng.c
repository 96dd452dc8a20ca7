/* SPDX-License-Identifier: MIT
 *
 * rng.c - streams derived from one seed; xoshiro256** (Blackman and Vigna, 2018) within a stream
 *
 * The generator is not cryptographic: what a peer must not predict uses a key from
 * la_key_derive() and the keyed hash.
 */
#include "base/rng.h"

#include "base/assert.h"

/* The name, eight octets at a time. */
static uint64_t
hash_name(const struct la_key *key, const char *name)
{
    uint64_t hash = 0;
    while (*name) {
        uint64_t word = 0;
        for (int i = 0; i < 8 && *name; i++)
            word = word << 8 | (uint8_t)*name++;
        hash = la_hash2(key, hash, word);
    }
    return hash;
}

/* Word number `ordinal` of stream `name`. Both halves of the seed key a hash of their own, so that
 * the result is as unpredictable as the better half. */
static uint64_t
derive(const struct la_seed *seed, const char *name, uint64_t ordinal)
{
    uint64_t out = 0;
    for (int half = 0; half < 2; half++) {
        struct la_key key = {seed->w[2 * half], seed->w[2 * half + 1]};
        out ^= la_hash2(&key, hash_name(&key, name), 2 * ordinal + (uint64_t)half);
    }
    return out;
}

void
la_rng_init(struct la_rng *rng, const struct la_seed *seed, const char *name)
{
    uint64_t any = 0;
    for (uint64_t i = 0; i < 4; i++) {
        rng->s[i] = derive(seed, name, i);
        any |= rng->s[i];
    }
    if (any == 0)
        rng->s[0] = 1; /* the one state that the generator cannot leave */
}

struct la_key
la_key_derive(const struct la_seed *seed, const char *name)
{
    /* Ordinals that la_rng_init() does not use: a stream and a key may share a name. */
    return (struct la_key){derive(seed, name, 4), derive(seed, name, 5)};
}

static inline uint64_t
rotate(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

uint64_t
la_rng_next(struct la_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t out = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return out;
}

uint64_t
la_rng_below(struct la_rng *rng, uint64_t n)
{
    LA_ASSERT(n > 0);
    /* Values below 2^64 mod n are refused: what is left is a multiple of n. */
    uint64_t refused = (0 - n) % n;
    uint64_t v;
    do
        v = la_rng_next(rng);
    while (v < refused);
    return v % n;
}
