/* SPDX-License-Identifier: MIT
 *
 * memory.h - a host's memory: an allocator that counts what it gave, and refuses when told to
 */
#ifndef LA_SIM_MEMORY_H
#define LA_SIM_MEMORY_H

#include <lastack/base.h>

struct la_sim_memory {
    uint64_t asked_n; /* allocations that were asked for, since the run began */
    uint64_t refused_n;
    uint64_t used_bytes, peak_bytes;
    uint64_t first_n, count_n, every_n; /* every_n-th of count_n requests from first_n on fails */
    bool refuses;
};

/* An allocator over malloc; `memory` must outlive what was taken. */
struct la_alloc la_sim_memory_alloc(struct la_sim_memory *memory);

#endif
