/* SPDX-License-Identifier: MIT
 *
 * mem.h - memory with a budget (the inside of struct la_mem)
 *
 * Raw pieces for tables, and the free lists that frames, slices and blocks come from. Every
 * byte counts against the budget from the moment it is taken from the allocator.
 */
#ifndef LA_BASE_MEM_H
#define LA_BASE_MEM_H

#include <lastack/base.h>

/* n > 0 octets, zeroed, aligned as the allocator aligns (for any object). NULL: allocator or budget
 * refused, also after the free lists were emptied. The caller gives back the same n. */
void *la_mem_take(struct la_mem *mem, size_t n) LA_MUST_CHECK;
/* NULL is allowed. */
void la_mem_give(struct la_mem *mem, void *p, size_t n);

/* The budget that is left, UINT64_MAX without a budget. */
uint64_t la_mem_left(const struct la_mem *mem);
/* The same with what lies in the free lists, which a refusal empties. O(1). */
uint64_t la_mem_available(const struct la_mem *mem);
/* Has a request ever been refused? Whoever took it may have left something out. */
bool la_mem_was_short(const struct la_mem *mem);
/* What must stay available for what moves: octets that only wait (to be sent, or for a gap to be
 * filled) may not take it, or no frame could be made that lets them go. 0 without a budget. */
uint64_t la_mem_reserve(const struct la_mem *mem);
/* Between these two, nothing is given out of the reserve. */
void la_mem_reserve_shut(struct la_mem *mem);
void la_mem_reserve_open(struct la_mem *mem);
/* For tests under a sanitiser, on a new object: each frame, slice and block is a piece of its own,
 * taken from the allocator and given back at once, so that a use after its end is seen. */
void la_mem_keep_nothing(struct la_mem *mem);
/* Asserts the invariants. O(what lies free). */
void la_mem_check(const struct la_mem *mem);

#endif
