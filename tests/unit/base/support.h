/* SPDX-License-Identifier: MIT
 *
 * support.h - what the tests of base/ share: randomness, an allocator that counts and fails
 */
#ifndef TEST_BASE_SUPPORT_H
#define TEST_BASE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"

static inline struct la_rng
test_rng(uint64_t number)
{
    struct la_seed seed = {{number, 2, 3, 4}};
    struct la_rng rng;
    la_rng_init(&rng, &seed, "test");
    return rng;
}

/* A number below n. */
static inline uint32_t
test_below(struct la_rng *rng, uint32_t n)
{
    return (uint32_t)la_rng_below(rng, n);
}

/* Small numbers are as likely as large ones: 0 .. 2^bits - 1 by magnitude. */
static inline uint64_t
test_magnitude(struct la_rng *rng, unsigned bits)
{
    return la_rng_next(rng) >> (64 - bits) >> la_rng_below(rng, bits);
}

static inline void
test_fill(struct la_rng *rng, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)la_rng_next(rng);
}

/* Counts what is out, checks the sizes that it is told, fills with rubbish, and fails on demand. */
struct test_alloc {
    size_t live_n;
    size_t live_bytes;
    long calls_n;
    long fail_from; /* calls from this ordinal on fail ... */
    long fail_n;    /* ... this many */
};

struct test_alloc_hdr {
    size_t n;
    size_t align;
};

static inline void *
test_alloc_take(void *ctx, size_t n)
{
    struct test_alloc *alloc = ctx;
    long ordinal = alloc->calls_n++;
    if (ordinal >= alloc->fail_from && ordinal - alloc->fail_from < alloc->fail_n)
        return NULL;
    struct test_alloc_hdr *hdr = malloc(sizeof(*hdr) + n);
    assert_non_null(hdr);
    hdr->n = n;
    memset(hdr + 1, 0xa5, n);
    alloc->live_n++;
    alloc->live_bytes += n;
    return hdr + 1;
}

static inline void
test_alloc_give(void *ctx, void *p, size_t n)
{
    struct test_alloc *alloc = ctx;
    struct test_alloc_hdr *hdr = (struct test_alloc_hdr *)p - 1;
    assert_int_equal(hdr->n, n);
    assert_true(alloc->live_n > 0);
    alloc->live_n--;
    alloc->live_bytes -= n;
    memset(p, 0x5a, n);
    free(hdr);
}

static inline struct la_mem *
test_mem_new(struct test_alloc *alloc, uint64_t budget_bytes)
{
    const struct la_alloc table = {test_alloc_take, test_alloc_give, alloc};
    return la_mem_new(&table, budget_bytes);
}

static inline uint64_t
test_mem_used(const struct la_mem *mem)
{
    struct la_mem_stats stats;
    la_mem_stats_get(mem, &stats);
    return stats.used_bytes;
}

/* Ends the test's reference; nothing may be out afterwards. */
static inline void
test_mem_end(struct la_mem *mem, const struct test_alloc *alloc)
{
    struct la_mem_stats stats;
    la_mem_check(mem);
    la_mem_stats_get(mem, &stats);
    assert_int_equal(stats.frames_live_n, 0);
    assert_int_equal(stats.blocks_live_n, 0);
    assert_int_equal(stats.used_bytes, alloc->live_bytes);
    la_mem_unref(mem);
    assert_int_equal(alloc->live_n, 0);
    assert_int_equal(alloc->live_bytes, 0);
}

#endif
