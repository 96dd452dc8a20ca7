/* SPDX-License-Identifier: MIT
 *
 * shelf.c - chunks: where the items of a shelf come from and go back to
 *
 * The reserve is bounded per class: a burst leaves at most RESERVE_BYTES of spare chunks behind.
 */
#include "base/shelf.h"

#include "base/apart.h"
#include "base/assert.h"
#include "base/chain.h"
#include "base/frame.h"

enum { RESERVE_BYTES = 1 << 20, SLOT_ALIGN = 64 };

struct la_chunk {
    struct la_chunk *next;
    struct la_chunk *prev;
    struct la_item *free;
    uint32_t free_n;
};

/* What stands before each item. */
union slot_hdr {
    struct la_chunk *chunk;
    uint64_t align; /* items hold 64-bit fields, also on 32-bit machines */
};

struct class_def {
    uint32_t slot_bytes; /* header and item */
    uint32_t slots_n;    /* per chunk */
    uint32_t hand_max;
};

/* Slots are whole cache lines where that matters; 2048 and 65536 octets leave room for what
 * links put before a packet. Large blocks are chunks of one, so that each can go back alone. */
static const struct class_def classes[LA_SHELF_COUNT] = {
    [LA_SHELF_SLICE] = {sizeof(union slot_hdr) + sizeof(struct la_slice), 124, 512},
    [LA_SHELF_FRAME] = {256, 31, 128},
    [LA_SHELF_BLOCK] = {256, 15, 128},
    [LA_SHELF_BLOCK + 1] = {2048 + 128, 7, 64},
    [LA_SHELF_BLOCK + 2] = {16384 + 128, 1, 8},
    [LA_SHELF_BLOCK + 3] = {65536 + 256, 1, 4},
};
_Static_assert(sizeof(union slot_hdr) + sizeof(struct la_frame) <= 256, "a frame fits its slot");
_Static_assert(sizeof(struct la_slice) >= sizeof(struct la_item), "a free slice can be linked");

static size_t
chunk_bytes(const struct la_mem *mem, enum la_shelf_class class_idx)
{
    size_t slots_n = mem->shelf[class_idx].slots_n;
    return sizeof(struct la_chunk) + SLOT_ALIGN + slots_n * classes[class_idx].slot_bytes;
}

static struct la_chunk *
chunk_of(struct la_item *item)
{
    return ((union slot_hdr *)(void *)item)[-1].chunk;
}

uint32_t
la_shelf_item_bytes(enum la_shelf_class class_idx)
{
    return classes[class_idx].slot_bytes - (uint32_t)sizeof(union slot_hdr);
}

void
la_shelf_init(struct la_mem *mem, enum la_shelf_class class_idx)
{
    struct la_shelf *shelf = &mem->shelf[class_idx];
    *shelf = (struct la_shelf){
        .hand_max = classes[class_idx].hand_max,
        .slots_n = classes[class_idx].slots_n,
    };
    shelf->spare_max = (uint32_t)(RESERVE_BYTES / chunk_bytes(mem, class_idx));
}

void
la_shelf_close(struct la_mem *mem, enum la_shelf_class class_idx)
{
    struct la_shelf *shelf = &mem->shelf[class_idx];
    la_shelf_trim(mem, class_idx);
    shelf->hand_max = 0;
    shelf->spare_max = 0;
    if (shelf->out_n == 0)
        shelf->slots_n = 1;
}

/* ---- chunks ----------------------------------------------------------------------------- */

static void
partial_push(struct la_shelf *shelf, struct la_chunk *chunk)
{
    chunk->prev = NULL;
    chunk->next = shelf->partial;
    if (chunk->next)
        chunk->next->prev = chunk;
    shelf->partial = chunk;
}

static void
partial_unlink(struct la_shelf *shelf, struct la_chunk *chunk)
{
    if (chunk->prev)
        chunk->prev->next = chunk->next;
    else
        shelf->partial = chunk->next;
    if (chunk->next)
        chunk->next->prev = chunk->prev;
}

static struct la_chunk *
chunk_new(struct la_mem *mem, enum la_shelf_class class_idx)
{
    uint32_t slots_n = mem->shelf[class_idx].slots_n;
    struct la_chunk *chunk = la_mem_raw_take(mem, chunk_bytes(mem, class_idx));
    if (!chunk)
        return NULL;
    uint8_t *first = (uint8_t *)(chunk + 1);
    first += -(uintptr_t)first % SLOT_ALIGN;
    *chunk = (struct la_chunk){.free_n = slots_n};
    for (uint32_t i = slots_n; i-- > 0;) {
        union slot_hdr *hdr =
            (union slot_hdr *)(void *)(first + (size_t)i * classes[class_idx].slot_bytes);
        struct la_item *item = (struct la_item *)(void *)(hdr + 1);
        hdr->chunk = chunk;
        item->next = chunk->free;
        chunk->free = item;
    }
    return chunk;
}

/* A chunk with a free slot, at the front of `partial`. NULL: no memory. */
static struct la_chunk *
chunk_find(struct la_mem *mem, enum la_shelf_class class_idx)
{
    struct la_shelf *shelf = &mem->shelf[class_idx];
    if (shelf->partial)
        return shelf->partial;
    struct la_chunk *chunk = shelf->spare;
    if (chunk) {
        shelf->spare = chunk->next;
        shelf->spare_n--;
    } else {
        chunk = chunk_new(mem, class_idx);
        if (!chunk)
            return NULL;
    }
    partial_push(shelf, chunk);
    return chunk;
}

static void
chunk_retire(struct la_mem *mem, enum la_shelf_class class_idx, struct la_chunk *chunk)
{
    struct la_shelf *shelf = &mem->shelf[class_idx];
    if (shelf->spare_n >= shelf->spare_max) {
        la_mem_raw_give(mem, chunk, chunk_bytes(mem, class_idx));
        return;
    }
    chunk->next = shelf->spare;
    shelf->spare = chunk;
    shelf->spare_n++;
}

/* ---- batches ---------------------------------------------------------------------------- */

static void
hand_pop_to_chunk(struct la_mem *mem, enum la_shelf_class class_idx)
{
    struct la_shelf *shelf = &mem->shelf[class_idx];
    struct la_item *item = shelf->hand;
    shelf->hand = item->next;
    shelf->hand_n--;
    shelf->out_n--;

    struct la_chunk *chunk = chunk_of(item);
    item->next = chunk->free;
    chunk->free = item;
    if (chunk->free_n++ == 0)
        partial_push(shelf, chunk);
    LA_ASSERT(chunk->free_n <= shelf->slots_n);
    if (chunk->free_n == shelf->slots_n) {
        partial_unlink(shelf, chunk);
        chunk_retire(mem, class_idx, chunk);
    }
}

LA_APART void *
la_shelf_refill(struct la_mem *mem, enum la_shelf_class class_idx)
{
    struct la_chunk *chunk = chunk_find(mem, class_idx);
    if (!chunk)
        return NULL;
    struct la_shelf *shelf = &mem->shelf[class_idx];
    LA_DCHECK(shelf->hand == NULL);
    struct la_item *item = chunk->free;
    chunk->free = item->next;
    chunk->free_n--;
    shelf->out_n++;
    for (uint32_t left_n = shelf->hand_max / 4; left_n > 0 && chunk->free; left_n--) {
        struct la_item *more = chunk->free;
        chunk->free = more->next;
        chunk->free_n--;
        shelf->out_n++;
        more->next = shelf->hand;
        shelf->hand = more;
        shelf->hand_n++;
    }
    if (chunk->free_n == 0)
        partial_unlink(shelf, chunk);
    return item;
}

LA_APART void
la_shelf_drain(struct la_mem *mem, enum la_shelf_class class_idx)
{
    struct la_shelf *shelf = &mem->shelf[class_idx];
    while (shelf->hand_n > shelf->hand_max / 2)
        hand_pop_to_chunk(mem, class_idx);
    la_mem_end_if_unused(mem);
}

void
la_shelf_trim(struct la_mem *mem, enum la_shelf_class class_idx)
{
    struct la_shelf *shelf = &mem->shelf[class_idx];
    while (shelf->hand_n > 0)
        hand_pop_to_chunk(mem, class_idx);
    while (shelf->spare) {
        struct la_chunk *chunk = shelf->spare;
        shelf->spare = chunk->next;
        shelf->spare_n--;
        la_mem_raw_give(mem, chunk, chunk_bytes(mem, class_idx));
    }
}

uint64_t
la_shelf_idle_bytes(const struct la_mem *mem, enum la_shelf_class class_idx)
{
    const struct la_shelf *shelf = &mem->shelf[class_idx];
    return (uint64_t)shelf->hand_n * classes[class_idx].slot_bytes +
           (uint64_t)shelf->spare_n * chunk_bytes(mem, class_idx);
}

void
la_shelf_check(const struct la_mem *mem, enum la_shelf_class class_idx)
{
    const struct la_shelf *shelf = &mem->shelf[class_idx];
    uint32_t hand_n = 0;
    for (const struct la_item *item = shelf->hand; item; item = item->next)
        hand_n++;
    LA_ASSERT(hand_n == shelf->hand_n);
    LA_ASSERT(hand_n <= shelf->out_n);
    LA_ASSERT(hand_n <= shelf->hand_max);
    for (const struct la_chunk *chunk = shelf->partial; chunk; chunk = chunk->next) {
        LA_ASSERT(chunk->free_n > 0);
        LA_ASSERT(chunk->free_n < shelf->slots_n);
        LA_ASSERT(!chunk->next || chunk->next->prev == chunk);
    }
    uint32_t spare_n = 0;
    for (const struct la_chunk *chunk = shelf->spare; chunk; chunk = chunk->next) {
        LA_ASSERT(chunk->free_n == shelf->slots_n);
        spare_n++;
    }
    LA_ASSERT(spare_n == shelf->spare_n);
}
