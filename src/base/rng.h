/* SPDX-License-Identifier: MIT
 *
 * rng.h - seeded randomness with named streams
 *
 * One seed per instance; each use takes its own stream, so that a test can fix or drain one
 * without moving the others. Keys derived here are unpredictable exactly as far as the seed is.
 */
#ifndef LA_BASE_RNG_H
#define LA_BASE_RNG_H

#include "base/hash.h"

struct la_rng {
    uint64_t s[4]; /* xoshiro256** */
};

/* 256 bits of seed; the embedder's entropy, or a test's number. */
struct la_seed {
    uint64_t w[4];
};

/* Stream `name` of `seed`; the same arguments give the same stream. */
void la_rng_init(struct la_rng *rng, const struct la_seed *seed, const char *name);
struct la_key la_key_derive(const struct la_seed *seed, const char *name);
uint64_t la_rng_next(struct la_rng *rng);
/* Uniform in [0, n), n > 0, without modulo bias. */
uint64_t la_rng_below(struct la_rng *rng, uint64_t n);

#endif
