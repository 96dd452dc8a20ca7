/* SPDX-License-Identifier: MIT
 *
 * pool.h - records of one size, named by 32-bit indices, grown in chunks
 *
 * An index stays valid and the record never moves while it is taken. Handles add the record's
 * generation, so a stale handle is told apart (la_handle).
 */
#ifndef LA_BASE_POOL_H
#define LA_BASE_POOL_H

#include <lastack/base.h>

#define LA_POOL_NONE UINT32_MAX

/* How many records one step of a walk over a pool looks at: most may be free. */
enum { LA_WALK_N_MAX = 256 };

struct la_pool {
    struct la_mem *mem;
    uint32_t item_bytes;
    uint32_t chunk_shift; /* items per chunk = 1 << chunk_shift */
    uint32_t chunk_mask;  /* the same less 1 */
    uint32_t items_n;     /* items that exist (chunks x items per chunk) */
    uint32_t live_n;
    uint32_t max_n;
    uint32_t free_first;
    uint8_t **chunks;
    uint32_t chunks_n;
    uint32_t chunks_cap;
};

/* item_bytes >= 8; max_n: never more live items than this. */
void la_pool_init(struct la_pool *pool, struct la_mem *mem, uint32_t item_bytes,
                  uint32_t chunk_shift, uint32_t max_n);
void la_pool_fini(struct la_pool *pool);
/* A record; its first 8 octets are overwritten by the free list while it is free, the rest keeps
 * what it held (zero at first): generation counters live behind them. LA_POOL_NONE: no memory or
 * max_n reached. O(1). */
uint32_t la_pool_take(struct la_pool *pool) LA_MUST_CHECK;
void la_pool_give(struct la_pool *pool, uint32_t idx);

static inline void *
la_pool_at(const struct la_pool *pool, uint32_t idx)
{
    uint8_t *chunk = pool->chunks[idx >> pool->chunk_shift];
    return chunk + (size_t)(idx & pool->chunk_mask) * pool->item_bytes;
}

#endif
