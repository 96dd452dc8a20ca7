/* SPDX-License-Identifier: MIT
 *
 * seq.h - sequence numbers (RFC 9293, 3.4)
 *
 * A number modulo 2^32, wrapped in a struct so that `<` on it does not compile. Comparisons are
 * circular and meaningful for numbers less than 2^31 apart.
 */
#ifndef LA_BASE_SEQ_H
#define LA_BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t v;
} la_seq;

static inline la_seq
la_seq_of(uint32_t v)
{
    return (la_seq){v};
}

static inline la_seq
la_seq_add(la_seq a, uint32_t n)
{
    return (la_seq){a.v + n};
}

static inline la_seq
la_seq_sub(la_seq a, uint32_t n)
{
    return (la_seq){a.v - n};
}

/* a - b, as a signed distance. */
static inline int32_t
la_seq_diff(la_seq a, la_seq b)
{
    return (int32_t)(a.v - b.v);
}

static inline bool
la_seq_eq(la_seq a, la_seq b)
{
    return a.v == b.v;
}

static inline bool
la_seq_lt(la_seq a, la_seq b)
{
    return la_seq_diff(a, b) < 0;
}

static inline bool
la_seq_le(la_seq a, la_seq b)
{
    return la_seq_diff(a, b) <= 0;
}

static inline bool
la_seq_gt(la_seq a, la_seq b)
{
    return la_seq_diff(a, b) > 0;
}

static inline bool
la_seq_ge(la_seq a, la_seq b)
{
    return la_seq_diff(a, b) >= 0;
}

static inline la_seq
la_seq_max(la_seq a, la_seq b)
{
    return la_seq_lt(a, b) ? b : a;
}

static inline la_seq
la_seq_min(la_seq a, la_seq b)
{
    return la_seq_lt(a, b) ? a : b;
}

#endif
