/* SPDX-License-Identifier: MIT
 *
 * chain.h - payload: counted blocks, slices of them, and chains of slices
 *
 * A block is a run of octets with a reference count. A slice refers to part of one block. A chain
 * is an ordered list of slices: the send queue, the receive queue, an out-of-order range and a
 * frame's payload are all chains, so payload moves between them without being copied.
 *
 * Octets that a slice refers to never change. Only the free tail of a block (behind `used_n`) may
 * be written, by the chain that ends there.
 *
 * Slices lie in the memory of the block that they refer to, so that a chain can be dropped by
 * whoever holds it. `mem` arguments say where new blocks come from.
 */
#ifndef LA_BASE_CHAIN_H
#define LA_BASE_CHAIN_H

#include <lastack/base.h>
#include "base/assert.h"

struct la_block {
    struct la_mem *mem;
    uint32_t refs_n;
    uint32_t size_n; /* octets of room at `bytes` */
    uint32_t used_n; /* octets that somebody may refer to */
    uint32_t class_idx;
    uint8_t bytes[];
};

struct la_slice {
    struct la_slice *next;
    struct la_block *block;
    uint32_t off;
    uint32_t len;
};

/* Zero-initialised is empty. */
struct la_chain {
    struct la_slice *first;
    struct la_slice *last;
    uint32_t len; /* octets */
    uint32_t n;   /* slices */
};

/* A place in a chain, to share from the middle without walking from the front. Zero-initialised
 * is valid (means: walk). Dropping the chain's front moves it (la_chain_mark_drop); it must be
 * zeroed when the back is dropped past it, or something is put before the front. */
struct la_chain_mark {
    struct la_slice *slice;
    uint32_t pos; /* offset in the chain of the slice's first octet */
};

/* The largest block: any IP packet with what links put before it. */
enum { LA_BLOCK_BYTES_MAX = 65536 + 128 };

/* A block with room for at least n octets (1..LA_BLOCK_BYTES_MAX), refs_n 1. NULL: no memory.
 * O(1). */
struct la_block *la_block_take(struct la_mem *mem, size_t n) LA_MUST_CHECK;
/* A block for some or all of n > 0 octets: one that n fills to a good part, a smaller one when
 * memory is short. */
struct la_block *la_block_take_some(struct la_mem *mem, size_t n) LA_MUST_CHECK;
/* Gives a block back to which nobody refers any more. */
void la_block_free(struct la_block *block);

static inline struct la_block *
la_block_ref(struct la_block *block)
{
    LA_DCHECK(block->refs_n > 0);
    block->refs_n++;
    return block;
}

static inline void
la_block_unref(struct la_block *block)
{
    LA_ASSERT(block->refs_n > 0);
    if (--block->refs_n == 0)
        la_block_free(block);
}


/* Copies octets to the end, filling the free tail of the last block first when this chain is the
 * one that ends there. Returns how many were copied: less than n only without memory. */
size_t la_chain_append_bytes(struct la_chain *chain, struct la_mem *mem, struct la_bytes bytes);
/* Room for up to `want_n` octets at the end, in one piece (at least 1 octet, at most one block),
 * to be written and then committed; nothing else may be done to the chain, or to one that shares
 * its last block, in between. False: no memory. */
bool la_chain_reserve(struct la_chain *chain, struct la_mem *mem, size_t want_n,
                      struct la_room *room) LA_MUST_CHECK;
/* n octets of the last reservation were written; the rest is given up. */
void la_chain_commit(struct la_chain *chain, size_t n);
/* Appends a reference to [off, off + len) of `block`. False: no memory. */
bool la_chain_append_block(struct la_chain *chain, struct la_mem *mem, struct la_block *block,
                           uint32_t off, uint32_t len) LA_MUST_CHECK;
/* The same before the front. */
bool la_chain_prepend_block(struct la_chain *chain, struct la_block *block, uint32_t off,
                            uint32_t len) LA_MUST_CHECK;
/* Moves all of `take_src` to the end of `chain`. O(1), merging adjacent slices of one block. */
void la_chain_append_chain(struct la_chain *chain, struct la_chain *take_src);
/* Appends references to [off, off + len) of src to dst. False (dst unchanged): no memory.
 * `mark` may be NULL; it is used when it lies at or before `off`, and left at off + len. */
bool la_chain_share(struct la_chain *dst, struct la_mem *mem, const struct la_chain *src,
                    uint32_t off, uint32_t len, struct la_chain_mark *mark) LA_MUST_CHECK;
/* Moves the first n <= src->len octets of src to the end of dst. False: no memory; some of them may
 * have been moved. O(slices moved). */
bool la_chain_move_front(struct la_chain *dst, struct la_chain *src, uint32_t n) LA_MUST_CHECK;
/* Keeps a mark right: to be called before each la_chain_drop_front(chain, n). */
void la_chain_mark_drop(struct la_chain_mark *mark, uint32_t n);
/* n <= chain->len. O(slices dropped). */
void la_chain_drop_front(struct la_chain *chain, uint32_t n);
/* n <= chain->len. O(slices). */
void la_chain_drop_back(struct la_chain *chain, uint32_t n);
void la_chain_clear(struct la_chain *chain);
/* Copies up to n octets from offset `off`; returns how many. */
size_t la_chain_copy_out(const struct la_chain *chain, uint32_t off, uint8_t *out, size_t n);
/* Up to `max` pieces from the front, as for writev; returns how many were stored. */
size_t la_chain_pieces(const struct la_chain *chain, struct la_bytes *out, size_t max);
/* Octets of the blocks that the chain keeps alive: what it costs, not what it holds. A block that
 * is met again after another one counts again. O(slices). */
uint64_t la_chain_pinned(const struct la_chain *chain);
/* Asserts the invariants. */
void la_chain_check(const struct la_chain *chain);

#endif
