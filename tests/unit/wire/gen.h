/* SPDX-License-Identifier: MIT
 *
 * gen.h - seeded random values for the codecs' round-trip tests
 *
 * Buffers are exactly as long as what they hold and come from malloc, so that a sanitiser sees a
 * read of one octet too many.
 */
#ifndef TESTS_UNIT_WIRE_GEN_H
#define TESTS_UNIT_WIRE_GEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

struct gen {
    uint64_t s;
};

static inline uint64_t
gen64(struct gen *g)
{
    g->s += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = g->s;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint8_t
gen8(struct gen *g)
{
    return (uint8_t)gen64(g);
}

static inline uint16_t
gen16(struct gen *g)
{
    return (uint16_t)gen64(g);
}

static inline uint32_t
gen32(struct gen *g)
{
    return (uint32_t)gen64(g);
}

static inline bool
gen_bool(struct gen *g)
{
    return (gen64(g) & 1) != 0;
}

static inline uint32_t
gen_below(struct gen *g, uint32_t n)
{
    return gen32(g) % n;
}

static inline void
gen_fill(struct gen *g, void *p, size_t n)
{
    uint8_t *octets = p;
    for (size_t i = 0; i < n; i++)
        octets[i] = gen8(g);
}

/* An exact copy on the heap; free() it. */
static inline struct la_bytes
exact(const void *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    if (n > 0)
        memcpy(copy, p, n);
    return (struct la_bytes){copy, n};
}

static inline void
exact_free(struct la_bytes b)
{
    union {
        const uint8_t *c;
        uint8_t *p;
    } u = {b.p};
    free(u.p);
}

#endif
