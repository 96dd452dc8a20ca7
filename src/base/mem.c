/* SPDX-License-Identifier: MIT
 *
 * mem.c - memory with a budget
 *
 * Every octet counts from the moment it leaves the allocator, the object itself included. A
 * refusal, whoever it comes from, empties the free lists and is tried once more: what lies idle
 * must not stand in the way.
 */
#include "base/mem.h"

#include <string.h>

#include "base/assert.h"
#include "base/shelf.h"

enum { RESERVE_DIVISOR = 8 };

struct la_mem *
la_mem_new(const struct la_alloc *alloc, uint64_t budget_bytes)
{
    if (budget_bytes > 0 && budget_bytes < sizeof(struct la_mem))
        return NULL;
    struct la_mem *mem = alloc->alloc(alloc->ctx, sizeof(*mem));
    if (!mem)
        return NULL;
    *mem = (struct la_mem){
        .alloc = *alloc,
        .budget_bytes = budget_bytes,
        .used_bytes = sizeof(*mem),
        .peak_bytes = sizeof(*mem),
        .alloc_n = 1,
        .holders_n = 1,
    };
    for (int i = 0; i < LA_SHELF_COUNT; i++)
        la_shelf_init(mem, (enum la_shelf_class)i);
    return mem;
}

struct la_mem *
la_mem_ref(struct la_mem *mem)
{
    LA_ASSERT(mem->holders_n > 0);
    mem->holders_n++;
    return mem;
}

void
la_mem_unref(struct la_mem *mem)
{
    LA_ASSERT(mem->holders_n > 0);
    if (--mem->holders_n > 0)
        return;
    la_mem_keep_nothing(mem);
    la_mem_end_if_unused(mem);
}

void
la_mem_end_if_unused(struct la_mem *mem)
{
    if (mem->holders_n > 0 || mem->used_bytes > sizeof(*mem))
        return;
    struct la_alloc alloc = mem->alloc;
    alloc.free(alloc.ctx, mem, sizeof(*mem));
}

/* ---- the allocator ---------------------------------------------------------------------- */

static void *
take_once(struct la_mem *mem, size_t n)
{
    uint64_t left = la_mem_left(mem);
    if (n > left || left - n < mem->shut_bytes)
        return NULL;
    void *p = mem->alloc.alloc(mem->alloc.ctx, n);
    if (!p)
        return NULL;
    mem->used_bytes += n;
    mem->alloc_n++;
    if (mem->used_bytes > mem->peak_bytes)
        mem->peak_bytes = mem->used_bytes;
    return p;
}

void *
la_mem_raw_take(struct la_mem *mem, size_t n)
{
    void *p = take_once(mem, n);
    if (p)
        return p;
    uint64_t used_bytes = mem->used_bytes;
    la_mem_trim(mem);
    if (mem->used_bytes < used_bytes)
        p = take_once(mem, n);
    if (!p)
        mem->failed_n++;
    return p;
}

void
la_mem_raw_give(struct la_mem *mem, void *p, size_t n)
{
    LA_ASSERT(mem->used_bytes >= n + sizeof(*mem));
    mem->used_bytes -= n;
    mem->alloc.free(mem->alloc.ctx, p, n);
}

void *
la_mem_take(struct la_mem *mem, size_t n)
{
    LA_ASSERT(n > 0);
    void *p = la_mem_raw_take(mem, n);
    if (p)
        memset(p, 0, n);
    return p;
}

void
la_mem_give(struct la_mem *mem, void *p, size_t n)
{
    if (!p)
        return;
    la_mem_raw_give(mem, p, n);
    la_mem_end_if_unused(mem);
}

void
la_mem_trim(struct la_mem *mem)
{
    for (int i = 0; i < LA_SHELF_COUNT; i++)
        la_shelf_trim(mem, (enum la_shelf_class)i);
}

void
la_mem_keep_nothing(struct la_mem *mem)
{
    for (int i = 0; i < LA_SHELF_COUNT; i++)
        la_shelf_close(mem, (enum la_shelf_class)i);
}

/* ---- numbers ---------------------------------------------------------------------------- */

uint64_t
la_mem_left(const struct la_mem *mem)
{
    return mem->budget_bytes ? mem->budget_bytes - mem->used_bytes : UINT64_MAX;
}

bool
la_mem_was_short(const struct la_mem *mem)
{
    return mem->failed_n != 0;
}

uint64_t
la_mem_available(const struct la_mem *mem)
{
    if (mem->budget_bytes == 0)
        return UINT64_MAX;
    uint64_t available = la_mem_left(mem);
    for (int i = 0; i < LA_SHELF_COUNT; i++)
        available += la_shelf_idle_bytes(mem, (enum la_shelf_class)i);
    return available;
}

uint64_t
la_mem_reserve(const struct la_mem *mem)
{
    return mem->budget_bytes / RESERVE_DIVISOR;
}

void
la_mem_reserve_shut(struct la_mem *mem)
{
    mem->shut_bytes = la_mem_reserve(mem);
}

void
la_mem_reserve_open(struct la_mem *mem)
{
    mem->shut_bytes = 0;
}

void
la_mem_stats_get(const struct la_mem *mem, struct la_mem_stats *out)
{
    *out = (struct la_mem_stats){
        .used_bytes = mem->used_bytes,
        .peak_bytes = mem->peak_bytes,
        .budget_bytes = mem->budget_bytes,
        .alloc_n = mem->alloc_n,
        .failed_n = mem->failed_n,
        .frames_live_n = la_shelf_live_n(mem, LA_SHELF_FRAME),
    };
    for (int i = LA_SHELF_BLOCK; i < LA_SHELF_COUNT; i++)
        out->blocks_live_n += la_shelf_live_n(mem, (enum la_shelf_class)i);
}

void
la_mem_check(const struct la_mem *mem)
{
    LA_ASSERT(mem->used_bytes >= sizeof(*mem));
    LA_ASSERT(mem->used_bytes <= mem->peak_bytes);
    LA_ASSERT(mem->budget_bytes == 0 || mem->peak_bytes <= mem->budget_bytes);
    for (int i = 0; i < LA_SHELF_COUNT; i++)
        la_shelf_check(mem, (enum la_shelf_class)i);
}
