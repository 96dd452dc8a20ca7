/* SPDX-License-Identifier: MIT
 *
 * chain.c - chains of slices
 *
 * A slice without octets exists only between la_chain_reserve() and la_chain_commit(), as the
 * last one of its chain. A mark never points to it.
 */
#include "base/chain.h"

#include <string.h>

#include "base/assert.h"
#include "base/shelf.h"

/* A tail shorter than this is not worth a read of its own. */
enum { RESERVE_TAIL_MIN = 512, GROWTH_MAX = 16384 };

/* ---- slices ----------------------------------------------------------------------------- */

/* Takes over one reference to the block, also when there is no memory. */
static inline struct la_slice *
slice_take(struct la_block *take_block, uint32_t off, uint32_t len)
{
    struct la_slice *slice = la_shelf_take(take_block->mem, LA_SHELF_SLICE);
    if (!slice) {
        la_block_unref(take_block);
        return NULL;
    }
    *slice = (struct la_slice){NULL, take_block, off, len};
    return slice;
}

static inline void
slice_give(struct la_slice *slice)
{
    struct la_block *block = slice->block;
    la_shelf_give(block->mem, LA_SHELF_SLICE, slice);
    la_block_unref(block); /* Last: the block may be all that keeps its la_mem alive. */
}

static bool
adjacent(const struct la_slice *a, const struct la_slice *b)
{
    return a->block == b->block && a->off + a->len == b->off;
}

static void
link_last(struct la_chain *chain, struct la_slice *slice)
{
    LA_ASSERT(slice->len <= UINT32_MAX - chain->len);
    slice->next = NULL;
    if (chain->last)
        chain->last->next = slice;
    else
        chain->first = slice;
    chain->last = slice;
    chain->len += slice->len;
    chain->n++;
}

/* Appends a slice of `take_block`, or makes the last one longer. Takes over one reference. */
static bool
append_slice(struct la_chain *chain, struct la_block *take_block, uint32_t off, uint32_t len)
{
    struct la_slice *last = chain->last;
    if (last && last->block == take_block && last->off + last->len == off) {
        LA_ASSERT(len <= UINT32_MAX - chain->len);
        last->len += len;
        chain->len += len;
        la_block_unref(take_block);
        return true;
    }
    struct la_slice *slice = slice_take(take_block, off, len);
    if (!slice)
        return false;
    link_last(chain, slice);
    return true;
}

/* The free tail behind the chain's end: writable by this chain, because no slice refers to it and
 * who ends elsewhere in the block does not write. */
static uint32_t
tail_room(const struct la_chain *chain)
{
    const struct la_slice *last = chain->last;
    if (!last || last->off + last->len != last->block->used_n)
        return 0;
    uint32_t room_n = last->block->size_n - last->block->used_n;
    uint32_t left_n = UINT32_MAX - chain->len;
    return room_n < left_n ? room_n : left_n;
}

/* ---- bytes in --------------------------------------------------------------------------- */

/* Appends an empty slice of a new block for some of n octets. Blocks grow with what the chain
 * holds, so that many small writes need few blocks. */
static bool
open_block(struct la_chain *chain, struct la_mem *mem, size_t n)
{
    size_t held_n = chain->len < GROWTH_MAX ? chain->len : GROWTH_MAX;
    struct la_block *block = la_block_take_some(mem, n > held_n ? n : held_n);
    if (!block)
        return false;
    struct la_slice *slice = slice_take(block, 0, 0);
    if (!slice)
        return false;
    link_last(chain, slice);
    return true;
}

static void
grow_last(struct la_chain *chain, uint32_t n)
{
    chain->last->block->used_n += n;
    chain->last->len += n;
    chain->len += n;
}

size_t
la_chain_append_bytes(struct la_chain *chain, struct la_mem *mem, struct la_bytes bytes)
{
    size_t done_n = 0;
    while (done_n < bytes.n && chain->len < UINT32_MAX) {
        size_t n = tail_room(chain);
        if (n == 0) {
            if (!open_block(chain, mem, bytes.n - done_n))
                break;
            continue;
        }
        if (n > bytes.n - done_n)
            n = bytes.n - done_n;
        struct la_block *block = chain->last->block;
        memcpy(block->bytes + block->used_n, bytes.p + done_n, n);
        grow_last(chain, (uint32_t)n);
        done_n += n;
    }
    return done_n;
}

/* Takes the last slice off. O(slices). */
static void
unlink_last(struct la_chain *chain)
{
    struct la_slice *last = chain->last;
    struct la_slice *prev = NULL;
    for (struct la_slice *s = chain->first; s != last; s = s->next)
        prev = s;
    if (prev)
        prev->next = NULL;
    else
        chain->first = NULL;
    chain->last = prev;
    chain->n--;
    slice_give(last);
}

bool
la_chain_reserve(struct la_chain *chain, struct la_mem *mem, size_t want_n, struct la_room *room)
{
    LA_ASSERT(want_n > 0);
    if (chain->last && chain->last->len == 0)
        unlink_last(chain); /* A reservation that was never committed. */
    uint32_t tail_n = tail_room(chain);
    bool enough = tail_n >= want_n || tail_n >= RESERVE_TAIL_MIN;
    if (chain->len == UINT32_MAX || (!enough && !open_block(chain, mem, want_n) && tail_n == 0))
        return false;
    struct la_block *block = chain->last->block;
    size_t n = tail_room(chain);
    *room = (struct la_room){block->bytes + block->used_n, n < want_n ? n : want_n};
    return true;
}

void
la_chain_commit(struct la_chain *chain, size_t n)
{
    LA_ASSERT(n <= tail_room(chain));
    grow_last(chain, (uint32_t)n);
    if (chain->last->len == 0)
        unlink_last(chain);
}

/* ---- references in ---------------------------------------------------------------------- */

bool
la_chain_append_block(struct la_chain *chain, struct la_mem *mem, struct la_block *block,
                      uint32_t off, uint32_t len)
{
    (void)mem; /* The slice lies with the block. */
    LA_ASSERT(off <= block->used_n);
    LA_ASSERT(len <= block->used_n - off);
    return len == 0 || append_slice(chain, la_block_ref(block), off, len);
}

bool
la_chain_prepend_block(struct la_chain *chain, struct la_block *block, uint32_t off, uint32_t len)
{
    LA_ASSERT(off <= block->used_n);
    LA_ASSERT(len <= block->used_n - off);
    LA_ASSERT(len <= UINT32_MAX - chain->len);
    if (len == 0)
        return true;
    struct la_slice *first = chain->first;
    if (first && first->block == block && off + len == first->off) {
        first->off = off;
        first->len += len;
    } else {
        struct la_slice *slice = slice_take(la_block_ref(block), off, len);
        if (!slice)
            return false;
        slice->next = first;
        chain->first = slice;
        if (!first)
            chain->last = slice;
        chain->n++;
    }
    chain->len += len;
    return true;
}

/* Gives back a slice that another one, of the same block, has taken in. */
static inline void
slice_give_joined(struct la_slice *slice)
{
    struct la_block *block = slice->block;
    LA_ASSERT(block->refs_n > 1);
    block->refs_n--;
    la_shelf_give(block->mem, LA_SHELF_SLICE, slice);
}

void
la_chain_append_chain(struct la_chain *chain, struct la_chain *take_src)
{
    struct la_slice *first = take_src->first, *last = chain->last, *joint = NULL;
    if (!first)
        return;
    LA_ASSERT(take_src->len <= UINT32_MAX - chain->len);
    chain->len += take_src->len;
    chain->n += take_src->n;
    if (last && adjacent(last, first)) {
        joint = first;
        last->len += joint->len;
        first = joint->next;
        chain->n--;
    }
    if (first) {
        if (last)
            last->next = first;
        else
            chain->first = first;
        chain->last = take_src->last;
    }
    *take_src = (struct la_chain){NULL, NULL, 0, 0};
    if (joint)
        slice_give_joined(joint);
}

/* The slice of `src` that holds offset `off` < src->len, from the mark if it helps. */
static struct la_chain_mark
seek(const struct la_chain *src, uint32_t off, const struct la_chain_mark *mark)
{
    struct la_chain_mark at = {src->first, 0};
    if (mark && mark->slice && mark->pos <= off)
        at = *mark;
    while (off - at.pos >= at.slice->len) {
        at.pos += at.slice->len;
        at.slice = at.slice->next;
    }
    return at;
}

bool
la_chain_share(struct la_chain *dst, struct la_mem *mem, const struct la_chain *src, uint32_t off,
               uint32_t len, struct la_chain_mark *mark)
{
    (void)mem; /* The slices lie with the blocks. */
    LA_ASSERT(off <= src->len);
    LA_ASSERT(len <= src->len - off);
    if (len == 0)
        return true;
    struct la_chain_mark at = seek(src, off, mark);
    for (uint32_t done_n = 0;;) {
        uint32_t skip_n = off + done_n - at.pos;
        uint32_t n = at.slice->len - skip_n;
        if (n > len - done_n)
            n = len - done_n;
        if (!append_slice(dst, la_block_ref(at.slice->block), at.slice->off + skip_n, n)) {
            la_chain_drop_back(dst, done_n);
            return false;
        }
        done_n += n;
        if (done_n == len)
            break;
        at.pos += at.slice->len;
        at.slice = at.slice->next;
    }
    if (mark)
        *mark = at;
    return true;
}

bool
la_chain_move_front(struct la_chain *dst, struct la_chain *src, uint32_t n)
{
    LA_ASSERT(n <= src->len);
    while (n > 0) {
        struct la_slice *first = src->first, *moved = first;
        if (n < first->len) {
            moved = slice_take(la_block_ref(first->block), first->off, n);
            if (!moved)
                return false;
            first->off += n;
            first->len -= n;
        } else {
            src->first = first->next;
            if (!src->first)
                src->last = NULL;
            src->n--;
        }
        n -= moved->len;
        src->len -= moved->len;
        link_last(dst, moved);
    }
    return true;
}

/* ---- out -------------------------------------------------------------------------------- */

void
la_chain_mark_drop(struct la_chain_mark *mark, uint32_t n)
{
    if (!mark->slice)
        return;
    if (n <= mark->pos)
        mark->pos -= n;
    else if (n - mark->pos < mark->slice->len)
        mark->pos = 0;
    else
        *mark = (struct la_chain_mark){NULL, 0};
}

void
la_chain_drop_front(struct la_chain *chain, uint32_t n)
{
    LA_ASSERT(n <= chain->len);
    chain->len -= n;
    while (n > 0) {
        struct la_slice *first = chain->first;
        if (n < first->len) {
            first->off += n;
            first->len -= n;
            return;
        }
        n -= first->len;
        chain->first = first->next;
        if (!chain->first)
            chain->last = NULL;
        chain->n--;
        slice_give(first);
    }
}

void
la_chain_drop_back(struct la_chain *chain, uint32_t n)
{
    LA_ASSERT(n <= chain->len);
    uint32_t keep_n = chain->len - n;
    if (keep_n == 0) {
        la_chain_clear(chain);
        return;
    }
    if (n == 0)
        return;
    struct la_slice *slice = chain->first;
    uint32_t kept_slices_n = 1;
    uint32_t left_n = keep_n;
    for (; left_n > slice->len; slice = slice->next) {
        left_n -= slice->len;
        kept_slices_n++;
    }
    struct la_chain rest = {slice->next, chain->last, 0, chain->n - kept_slices_n};
    slice->len = left_n;
    slice->next = NULL;
    *chain = (struct la_chain){chain->first, slice, keep_n, kept_slices_n};
    la_chain_clear(&rest);
}

void
la_chain_clear(struct la_chain *chain)
{
    struct la_slice *slice = chain->first;
    while (slice) {
        struct la_slice *next = slice->next;
        slice_give(slice);
        slice = next;
    }
    *chain = (struct la_chain){NULL, NULL, 0, 0};
}

size_t
la_chain_copy_out(const struct la_chain *chain, uint32_t off, uint8_t *out, size_t n)
{
    if (off >= chain->len)
        return 0;
    if (n > chain->len - off)
        n = chain->len - off;
    struct la_chain_mark at = seek(chain, off, NULL);
    uint32_t skip_n = off - at.pos;
    size_t done_n = 0;
    for (struct la_slice *s = at.slice; done_n < n; s = s->next) {
        size_t part_n = s->len - skip_n;
        if (part_n > n - done_n)
            part_n = n - done_n;
        memcpy(out + done_n, s->block->bytes + s->off + skip_n, part_n);
        done_n += part_n;
        skip_n = 0;
    }
    return done_n;
}

size_t
la_chain_pieces(const struct la_chain *chain, struct la_bytes *out, size_t max)
{
    size_t n = 0;
    for (const struct la_slice *s = chain->first; s && n < max; s = s->next) {
        if (s->len > 0)
            out[n++] = (struct la_bytes){s->block->bytes + s->off, s->len};
    }
    return n;
}

uint64_t
la_chain_pinned(const struct la_chain *chain)
{
    uint64_t pinned_bytes = 0;
    const struct la_block *before = NULL;
    for (const struct la_slice *s = chain->first; s; s = s->next) {
        if (s->block != before)
            pinned_bytes += s->block->size_n;
        before = s->block;
    }
    return pinned_bytes;
}

void
la_chain_check(const struct la_chain *chain)
{
    uint64_t len = 0;
    uint32_t n = 0;
    const struct la_slice *last = NULL;
    for (const struct la_slice *s = chain->first; s; s = s->next) {
        LA_ASSERT(s->block->refs_n > 0);
        LA_ASSERT(s->block->used_n <= s->block->size_n);
        LA_ASSERT(s->off <= s->block->used_n);
        LA_ASSERT(s->len <= s->block->used_n - s->off);
        LA_ASSERT(s->len > 0 || !s->next);
        len += s->len;
        n++;
        last = s;
    }
    LA_ASSERT(last == chain->last);
    LA_ASSERT(len == chain->len);
    LA_ASSERT(n == chain->n);
}
