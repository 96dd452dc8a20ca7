/* SPDX-License-Identifier: MIT
 *
 * block.c - payload blocks: four sizes, counted
 */
#include "base/assert.h"
#include "base/chain.h"
#include "base/shelf.h"

/* What may stay empty of a block that la_block_take_some() chose is 3/4 of it. */
enum { FILLED_MIN_DIVISOR = 4 };

_Static_assert(offsetof(struct la_block, bytes) + 8 <= 96, "the classes leave room for the header");

static uint32_t
room_of(enum la_shelf_class class_idx)
{
    return la_shelf_item_bytes(class_idx) - (uint32_t)offsetof(struct la_block, bytes);
}

static struct la_block *
take_of_class(struct la_mem *mem, enum la_shelf_class class_idx)
{
    struct la_block *block = la_shelf_take(mem, class_idx);
    if (!block)
        return NULL;
    block->mem = mem;
    block->refs_n = 1;
    block->size_n = room_of(class_idx);
    block->used_n = 0;
    block->class_idx = class_idx;
    return block;
}

struct la_block *
la_block_take(struct la_mem *mem, size_t n)
{
    LA_ASSERT(n > 0);
    LA_ASSERT(n <= LA_BLOCK_BYTES_MAX);
    enum la_shelf_class class_idx = LA_SHELF_BLOCK;
    while (n > room_of(class_idx))
        class_idx++;
    return take_of_class(mem, class_idx);
}

struct la_block *
la_block_take_some(struct la_mem *mem, size_t n)
{
    LA_ASSERT(n > 0);
    enum la_shelf_class class_idx = LA_SHELF_COUNT - 1;
    while (class_idx > LA_SHELF_BLOCK && n < room_of(class_idx) / FILLED_MIN_DIVISOR)
        class_idx--;
    struct la_block *block = take_of_class(mem, class_idx);
    while (!block && class_idx-- > LA_SHELF_BLOCK)
        block = take_of_class(mem, class_idx);
    return block;
}

void
la_block_free(struct la_block *block)
{
    LA_ASSERT(block->refs_n == 0);
    la_shelf_give(block->mem, (enum la_shelf_class)block->class_idx, block);
}
