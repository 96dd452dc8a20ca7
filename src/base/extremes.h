/* SPDX-License-Identifier: MIT
 *
 * extremes.h - the smaller and the greater of two numbers
 *
 * Functions and not a macro: each argument is computed once, and one that is too wide is a warning.
 */
#ifndef LA_BASE_EXTREMES_H
#define LA_BASE_EXTREMES_H

#include <stdint.h>

static inline uint32_t
min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t
max32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static inline uint64_t
min64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t
max64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
