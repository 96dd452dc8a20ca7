/* SPDX-License-Identifier: MIT
 *
 * shelf.h - the inside of struct la_mem: free lists of equally sized items
 *
 * Slices, frames and payload blocks are items of fixed classes. A class has a shelf. Items are cut
 * from chunks; each slot of a chunk begins with a pointer to its chunk, the item follows. Free
 * items lie in the `hand`, a short last-in-first-out list: taking and giving is a push or a pop
 * there. When the hand is empty or too full, a batch moves between it and the chunks (shelf.c).
 * A chunk whose slots are all free is spare; spare chunks beyond a reserve go back to the
 * allocator, and all of them when the budget needs them.
 */
#ifndef LA_BASE_SHELF_H
#define LA_BASE_SHELF_H

#include <lastack/base.h>

enum { LA_BLOCK_CLASSES = 4 };

enum la_shelf_class {
    LA_SHELF_SLICE,
    LA_SHELF_FRAME,
    LA_SHELF_BLOCK, /* the smallest of LA_BLOCK_CLASSES */
    LA_SHELF_COUNT = LA_SHELF_BLOCK + LA_BLOCK_CLASSES
};

struct la_chunk;

/* What a free item holds. */
struct la_item {
    struct la_item *next;
};

struct la_shelf {
    struct la_item *hand;
    uint32_t hand_n;
    uint32_t hand_max;
    uint32_t slots_n;   /* per chunk */
    uint32_t spare_max; /* chunks that may lie spare */
    uint64_t out_n;           /* items outside the chunks: in the hand or with an owner */
    struct la_chunk *partial; /* chunks with free and used slots */
    struct la_chunk *spare;   /* chunks with free slots only */
    uint32_t spare_n;
};

struct la_mem {
    struct la_alloc alloc;
    uint64_t budget_bytes; /* 0 = none */
    uint64_t shut_bytes;   /* of the budget that are not given out now */
    uint64_t used_bytes;
    uint64_t peak_bytes;
    uint64_t alloc_n;
    uint64_t failed_n;
    uint32_t holders_n; /* 0: lives on only until its last item is given back */
    struct la_shelf shelf[LA_SHELF_COUNT];
};

/* ---- the allocator, with the budget (mem.c) --------------------------------------------- */

/* Not zeroed. When refused, the shelves are emptied and the request is tried once more. */
void *la_mem_raw_take(struct la_mem *mem, size_t n) LA_MUST_CHECK;
void la_mem_raw_give(struct la_mem *mem, void *p, size_t n);
/* Ends an object without holders from which nothing is out. It may be gone afterwards. */
void la_mem_end_if_unused(struct la_mem *mem);

/* ---- shelves ---------------------------------------------------------------------------- */

/* Octets of one item of the class. */
uint32_t la_shelf_item_bytes(enum la_shelf_class class_idx);
void la_shelf_init(struct la_mem *mem, enum la_shelf_class class_idx);
/* Nothing is held back from now on: what comes free goes on to its chunk, and a free chunk to the
 * allocator. */
void la_shelf_close(struct la_mem *mem, enum la_shelf_class class_idx);
/* Moves a batch into the hand and returns one item. NULL: no memory. */
void *la_shelf_refill(struct la_mem *mem, enum la_shelf_class class_idx) LA_MUST_CHECK;
/* Moves what is too much out of the hand. `mem` may be gone afterwards. */
void la_shelf_drain(struct la_mem *mem, enum la_shelf_class class_idx);
/* Empties the hand and releases every spare chunk. */
void la_shelf_trim(struct la_mem *mem, enum la_shelf_class class_idx);
/* Octets that nobody uses and that could serve another class. */
uint64_t la_shelf_idle_bytes(const struct la_mem *mem, enum la_shelf_class class_idx);
void la_shelf_check(const struct la_mem *mem, enum la_shelf_class class_idx);

/* Items that somebody owns. */
static inline uint64_t
la_shelf_live_n(const struct la_mem *mem, enum la_shelf_class class_idx)
{
    return mem->shelf[class_idx].out_n - mem->shelf[class_idx].hand_n;
}

/* An item, uninitialised. NULL: no memory. O(1). */
LA_MUST_CHECK static inline void *
la_shelf_take(struct la_mem *mem, enum la_shelf_class class_idx)
{
    struct la_shelf *shelf = &mem->shelf[class_idx];
    struct la_item *item = shelf->hand;
    if (__builtin_expect(item == NULL, 0))
        return la_shelf_refill(mem, class_idx);
    shelf->hand = item->next;
    shelf->hand_n--;
    return item;
}

/* A closed shelf has hand_max 0, so that each give comes to la_shelf_drain(). */
static inline void
la_shelf_give(struct la_mem *mem, enum la_shelf_class class_idx, void *take_item)
{
    struct la_shelf *shelf = &mem->shelf[class_idx];
    struct la_item *item = take_item;
    item->next = shelf->hand;
    shelf->hand = item;
    if (__builtin_expect(++shelf->hand_n > shelf->hand_max, 0))
        la_shelf_drain(mem, class_idx);
}

#endif
