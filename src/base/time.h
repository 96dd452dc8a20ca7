/* SPDX-License-Identifier: MIT
 *
 * time.h - arithmetic on instants
 *
 * LA_INSTANT_NEVER stays NEVER whatever is added; sums saturate there, so a deadline computed
 * from hostile numbers is late, never in the past.
 */
#ifndef LA_BASE_TIME_H
#define LA_BASE_TIME_H

#include <lastack/base.h>

#define LA_NS_PER_US INT64_C(1000)
#define LA_NS_PER_MS INT64_C(1000000)
#define LA_NS_PER_S INT64_C(1000000000)
#define LA_US_PER_MS INT64_C(1000)
#define LA_US_PER_S INT64_C(1000000)

static inline la_instant
la_instant_of_ns(int64_t ns)
{
    return (la_instant){ns};
}

static inline bool
la_instant_is_never(la_instant t)
{
    return t.ns == INT64_MAX;
}

static inline la_instant
la_instant_add_ns(la_instant t, int64_t ns)
{
    int64_t sum;
    if (la_instant_is_never(t) || __builtin_add_overflow(t.ns, ns, &sum))
        return LA_INSTANT_NEVER;
    return (la_instant){sum};
}

static inline la_instant
la_instant_add_us(la_instant t, int64_t us)
{
    int64_t ns;
    if (__builtin_mul_overflow(us, LA_NS_PER_US, &ns))
        return LA_INSTANT_NEVER;
    return la_instant_add_ns(t, ns);
}

/* a - b in microseconds, rounded towards zero. */
static inline int64_t
la_instant_diff_us(la_instant a, la_instant b)
{
    return (a.ns - b.ns) / LA_NS_PER_US;
}

static inline bool
la_instant_lt(la_instant a, la_instant b)
{
    return a.ns < b.ns;
}

static inline bool
la_instant_le(la_instant a, la_instant b)
{
    return a.ns <= b.ns;
}

static inline la_instant
la_instant_min(la_instant a, la_instant b)
{
    return a.ns < b.ns ? a : b;
}

static inline la_instant
la_instant_max(la_instant a, la_instant b)
{
    return a.ns < b.ns ? b : a;
}

#endif
