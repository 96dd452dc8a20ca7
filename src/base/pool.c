/* SPDX-License-Identifier: MIT
 *
 * pool.c - records by index
 *
 * The table of chunks doubles: its copy is 8 octets per chunk, so growing to ten million records
 * never stops for long. Chunks are given back only by la_pool_fini(): generations live in them.
 */
#include "base/pool.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

/* The first octets of a free item. */
struct free_item {
    uint32_t next;
    uint32_t mark;
};
enum { FREE_MARK = 0x66726565, CHUNKS_CAP_MIN = 4 };

static struct free_item
free_item_get(const struct la_pool *pool, uint32_t idx)
{
    struct free_item item;
    memcpy(&item, la_pool_at(pool, idx), sizeof(item));
    return item;
}

static void
free_push(struct la_pool *pool, uint32_t idx)
{
    struct free_item item = {pool->free_first, FREE_MARK};
    memcpy(la_pool_at(pool, idx), &item, sizeof(item));
    pool->free_first = idx;
}

static size_t
chunk_bytes(const struct la_pool *pool)
{
    return (size_t)pool->item_bytes << pool->chunk_shift;
}

void
la_pool_init(struct la_pool *pool, struct la_mem *mem, uint32_t item_bytes, uint32_t chunk_shift,
             uint32_t max_n)
{
    LA_ASSERT(item_bytes >= sizeof(struct free_item));
    LA_ASSERT(chunk_shift < 24);
    *pool = (struct la_pool){
        .mem = mem,
        .item_bytes = item_bytes,
        .chunk_shift = chunk_shift,
        .chunk_mask = (UINT32_C(1) << chunk_shift) - 1,
        .max_n = max_n,
        .free_first = LA_POOL_NONE,
    };
}

void
la_pool_fini(struct la_pool *pool)
{
    for (uint32_t i = 0; i < pool->chunks_n; i++)
        la_mem_give(pool->mem, pool->chunks[i], chunk_bytes(pool));
    la_mem_give(pool->mem, pool->chunks, pool->chunks_cap * sizeof(*pool->chunks));
    la_pool_init(pool, pool->mem, pool->item_bytes, pool->chunk_shift, pool->max_n);
}

/* Room for one more chunk in the table. */
static bool
grow_table(struct la_pool *pool)
{
    if (pool->chunks_n < pool->chunks_cap)
        return true;
    uint32_t cap = pool->chunks_cap ? pool->chunks_cap * 2 : CHUNKS_CAP_MIN;
    uint8_t **chunks = la_mem_take(pool->mem, cap * sizeof(*chunks));
    if (!chunks)
        return false;
    if (pool->chunks_n > 0)
        memcpy(chunks, pool->chunks, pool->chunks_n * sizeof(*chunks));
    la_mem_give(pool->mem, pool->chunks, pool->chunks_cap * sizeof(*chunks));
    pool->chunks = chunks;
    pool->chunks_cap = cap;
    return true;
}

static bool
grow(struct la_pool *pool)
{
    uint32_t more_n = UINT32_C(1) << pool->chunk_shift;
    if (pool->items_n > LA_POOL_NONE - more_n || !grow_table(pool))
        return false;
    uint8_t *chunk = la_mem_take(pool->mem, chunk_bytes(pool));
    if (!chunk)
        return false;
    pool->chunks[pool->chunks_n++] = chunk;
    uint32_t first = pool->items_n;
    pool->items_n += more_n;
    for (uint32_t i = more_n; i-- > 0;)
        free_push(pool, first + i);
    return true;
}

uint32_t
la_pool_take(struct la_pool *pool)
{
    if (pool->live_n >= pool->max_n)
        return LA_POOL_NONE;
    if (pool->free_first == LA_POOL_NONE && !grow(pool))
        return LA_POOL_NONE;
    uint32_t idx = pool->free_first;
    struct free_item item = free_item_get(pool, idx);
    LA_ASSERT(item.mark == FREE_MARK);
    pool->free_first = item.next;
    pool->live_n++;
    return idx;
}

void
la_pool_give(struct la_pool *pool, uint32_t idx)
{
    LA_ASSERT(idx < pool->items_n);
    LA_ASSERT(pool->live_n > 0);
    free_push(pool, idx);
    pool->live_n--;
}
