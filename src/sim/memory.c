/* SPDX-License-Identifier: MIT
 *
 * memory.c - a host's memory
 */
#include "sim/memory.h"

#include <stdlib.h>

#include "base/assert.h"

static bool
is_refused(struct la_sim_memory *memory)
{
    uint64_t n = memory->asked_n++;
    if (!memory->refuses || n < memory->first_n || n - memory->first_n >= memory->count_n)
        return false;
    return (n - memory->first_n) % memory->every_n == 0;
}

static void *
take(void *ctx, size_t n)
{
    struct la_sim_memory *memory = ctx;
    void *p = is_refused(memory) ? NULL : malloc(n);
    if (p == NULL) {
        memory->refused_n++;
        return NULL;
    }
    memory->used_bytes += n;
    if (memory->used_bytes > memory->peak_bytes)
        memory->peak_bytes = memory->used_bytes;
    return p;
}

static void
give(void *ctx, void *p, size_t n)
{
    struct la_sim_memory *memory = ctx;
    LA_ASSERT(n <= memory->used_bytes); /* more given back than taken */
    memory->used_bytes -= n;
    free(p);
}

struct la_alloc
la_sim_memory_alloc(struct la_sim_memory *memory)
{
    return (struct la_alloc){.alloc = take, .free = give, .ctx = memory};
}
