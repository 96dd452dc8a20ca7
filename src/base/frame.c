/* SPDX-License-Identifier: MIT
 *
 * frame.c - frames: one packet, headers in one piece, payload by reference
 *
 * Octets in front of a head that lies in a block belong to the frame as long as nobody else
 * refers to the block; then headers may be put there. Blocks that a packet is read into keep
 * HEADROOM_BYTES free for that.
 */
#include "base/frame.h"

#include <string.h>

#include "base/assert.h"
#include "base/shelf.h"

enum { HEADROOM_BYTES = 64 };

/* gcc makes one `rep stos` of many zero stores, which costs more than all of them together. */
#define KEEP_STORES_APART() __asm__("" ::: "memory")

static uint8_t *
room_end(struct la_frame *frame)
{
    return frame->room + LA_FRAME_ROOM_BYTES;
}

/* Where the head begins in the memory that it lies in. */
static size_t
headroom(const struct la_frame *frame)
{
    const uint8_t *start = frame->head_block ? frame->head_block->bytes : frame->room;
    return (size_t)(frame->head - start);
}

/* ---- life ------------------------------------------------------------------------------- */

/* Nothing in it, whatever it was. Not the room: it is written before it is read. */
static inline void
clear(struct la_frame *frame)
{
    frame->next = NULL;
    frame->head = room_end(frame);
    frame->head_n = 0;
    frame->csum = LA_CSUM_UNKNOWN;
    frame->gso_kind = LA_GSO_NONE;
    frame->gso_size = 0;
    KEEP_STORES_APART();
    frame->csum_start = 0;
    frame->csum_off = 0;
    frame->flow_hash = 0;
    frame->head_block = NULL;
    KEEP_STORES_APART();
    frame->payload = (struct la_chain){NULL, NULL, 0, 0};
    KEEP_STORES_APART();
    frame->id = 0;
    frame->at.ns = 0;
}

struct la_frame *
la_frame_take(struct la_mem *mem)
{
    struct la_frame *frame = la_shelf_take(mem, LA_SHELF_FRAME);
    if (!frame)
        return NULL;
    frame->mem = mem;
    clear(frame);
    return frame;
}

struct la_frame *
la_frame_take_piece(const struct la_frame *whole, uint32_t head_n)
{
    struct la_frame *piece = la_frame_take(whole->mem);
    LA_ASSERT(head_n <= LA_FRAME_ROOM_BYTES);
    if (!piece)
        return NULL;
    piece->head -= head_n;
    piece->head_n = head_n;
    piece->flow_hash = whole->flow_hash;
    piece->id = whole->id;
    piece->at = whole->at;
    return piece;
}

void
la_frame_renew(struct la_frame *frame)
{
    LA_ASSERT(frame->head_n == 0 && frame->payload.len == 0);
    LA_ASSERT(!frame->head_block);
    clear(frame);
}

void
la_frame_free(struct la_frame *frame)
{
    if (!frame)
        return;
    if (frame->payload.first)
        la_chain_clear(&frame->payload);
    if (frame->head_block)
        la_block_unref(frame->head_block);
    la_shelf_give(frame->mem, LA_SHELF_FRAME, frame);
}

struct la_frame *
la_frame_with_room(struct la_mem *mem, size_t n, struct la_room *room)
{
    if (n > LA_BLOCK_BYTES_MAX)
        return NULL;
    size_t spare_n = LA_BLOCK_BYTES_MAX - n;
    size_t headroom_n = spare_n < HEADROOM_BYTES ? spare_n : HEADROOM_BYTES;
    struct la_frame *frame = la_frame_take(mem);
    if (!frame)
        return NULL;
    frame->head_block = la_block_take(mem, headroom_n + n + (n == 0));
    if (!frame->head_block) {
        la_frame_free(frame);
        return NULL;
    }
    frame->head = frame->head_block->bytes + headroom_n;
    *room = (struct la_room){frame->head, frame->head_block->size_n - headroom_n};
    return frame;
}

void
la_frame_commit(struct la_frame *frame, size_t n)
{
    LA_ASSERT(frame->head_block);
    LA_ASSERT(n <= frame->head_block->size_n - headroom(frame));
    frame->head_n = (uint32_t)n;
    frame->head_block->used_n = (uint32_t)(headroom(frame) + n);
}

struct la_frame *
la_frame_from_bytes(struct la_mem *mem, struct la_bytes bytes)
{
    if (bytes.n > UINT32_MAX)
        return NULL;
    struct la_frame *frame;
    size_t head_n = bytes.n < LA_BLOCK_BYTES_MAX ? bytes.n : LA_BLOCK_BYTES_MAX;
    if (bytes.n + HEADROOM_BYTES <= LA_FRAME_ROOM_BYTES) {
        frame = la_frame_take(mem);
        if (!frame)
            return NULL;
        frame->head -= head_n;
        frame->head_n = (uint32_t)head_n;
    } else {
        struct la_room room;
        frame = la_frame_with_room(mem, head_n, &room);
        if (!frame)
            return NULL;
        la_frame_commit(frame, head_n);
    }
    if (head_n > 0)
        memcpy(frame->head, bytes.p, head_n);
    struct la_bytes rest = {bytes.p ? bytes.p + head_n : NULL, bytes.n - head_n};
    if (la_chain_append_bytes(&frame->payload, mem, rest) == rest.n)
        return frame;
    la_frame_free(frame);
    return NULL;
}

struct la_frame *
la_frame_clone(const struct la_frame *frame)
{
    struct la_frame *copy =
        la_frame_from_bytes(frame->mem, (struct la_bytes){frame->head, frame->head_n});
    if (!copy)
        return NULL;
    if (!la_chain_share(&copy->payload, frame->mem, &frame->payload, 0, frame->payload.len, NULL)) {
        la_frame_free(copy);
        return NULL;
    }
    copy->csum = frame->csum;
    copy->gso_kind = frame->gso_kind;
    copy->gso_size = frame->gso_size;
    copy->csum_start = frame->csum_start;
    copy->csum_off = frame->csum_off;
    copy->flow_hash = frame->flow_hash;
    copy->id = frame->id;
    copy->at = frame->at;
    return copy;
}

/* ---- the head --------------------------------------------------------------------------- */

/* The head goes to the end of `room`, whatever it lies in now; it must fit. */
static void
head_to_room(struct la_frame *frame)
{
    uint8_t *head = room_end(frame) - frame->head_n;
    memmove(head, frame->head, frame->head_n);
    frame->head = head;
    if (frame->head_block)
        la_block_unref(frame->head_block);
    frame->head_block = NULL;
}

void
la_frame_open_headroom(struct la_frame *frame, size_t n)
{
    bool own = !frame->head_block || frame->head_block->refs_n == 1;
    if (own && headroom(frame) >= n)
        return;
    /* Somebody else's octets, or a link without headroom. A long head becomes payload. */
    if (frame->head_n + n > LA_FRAME_ROOM_BYTES) {
        bool moved = la_frame_head_to_payload(frame);
        LA_ASSERT(moved);
    }
    head_to_room(frame);
    LA_ASSERT(headroom(frame) >= n);
}

static bool
lies_in(const uint8_t *p, const uint8_t *from, size_t n)
{
    return (uintptr_t)p - (uintptr_t)from < n;
}

bool
la_frame_keeps(const struct la_frame *frame, const uint8_t *p)
{
    const struct la_block *head = frame->head_block;
    const struct la_slice *first = frame->payload.first;
    return lies_in(p, frame->room, sizeof(frame->room)) ||
           (head != NULL && lies_in(p, head->bytes, head->size_n)) ||
           (first != NULL && lies_in(p, first->block->bytes, first->block->size_n));
}

/* A block of its own for the head, with room for n octets. */
static bool
head_to_block(struct la_frame *frame, size_t n)
{
    size_t spare_n = LA_BLOCK_BYTES_MAX - n;
    size_t headroom_n = spare_n < HEADROOM_BYTES ? spare_n : HEADROOM_BYTES;
    struct la_block *block = la_block_take(frame->mem, headroom_n + n);
    if (!block)
        return false;
    memcpy(block->bytes + headroom_n, frame->head, frame->head_n);
    block->used_n = (uint32_t)(headroom_n + n);
    if (frame->head_block)
        la_block_unref(frame->head_block);
    frame->head_block = block;
    frame->head = block->bytes + headroom_n;
    return true;
}

bool
la_frame_lengthen_head(struct la_frame *frame, size_t n)
{
    size_t missing_n = n - frame->head_n;
    if (missing_n > frame->payload.len || n > LA_BLOCK_BYTES_MAX)
        return false;
    if (n <= LA_FRAME_ROOM_BYTES) {
        head_to_room(frame);
        memmove(frame->head - missing_n, frame->head, frame->head_n);
        frame->head -= missing_n;
    } else if (!head_to_block(frame, n)) {
        return false;
    }
    la_chain_copy_out(&frame->payload, 0, frame->head + frame->head_n, missing_n);
    la_chain_drop_front(&frame->payload, (uint32_t)missing_n);
    frame->head_n = (uint32_t)n;
    return true;
}

void
la_frame_trim(struct la_frame *frame, size_t n)
{
    size_t len = la_frame_len(frame);
    LA_ASSERT(n <= len);
    if (n >= frame->head_n) {
        la_chain_drop_back(&frame->payload, (uint32_t)(len - n));
        return;
    }
    la_chain_clear(&frame->payload);
    frame->head_n = (uint32_t)n;
}

bool
la_frame_move_head(struct la_frame *frame)
{
    struct la_block *block = frame->head_block;
    if (frame->head_n > 0 && block) {
        uint32_t off = (uint32_t)headroom(frame);
        if (!la_chain_prepend_block(&frame->payload, block, off, frame->head_n))
            return false;
    } else if (frame->head_n > 0) {
        struct la_chain head = {NULL, NULL, 0, 0};
        struct la_bytes bytes = {frame->head, frame->head_n};
        if (la_chain_append_bytes(&head, frame->mem, bytes) < bytes.n) {
            la_chain_clear(&head);
            return false;
        }
        la_chain_append_chain(&head, &frame->payload);
        frame->payload = head;
    }
    frame->head_n = 0;
    head_to_room(frame);
    return true;
}

/* ---- reading ---------------------------------------------------------------------------- */

size_t
la_frame_len(const struct la_frame *frame)
{
    return (size_t)frame->head_n + frame->payload.len;
}

size_t
la_frame_pieces(const struct la_frame *frame, struct la_bytes *out, size_t max)
{
    size_t n = frame->head_n > 0;
    if (n > 0 && max > 0)
        out[0] = (struct la_bytes){frame->head, frame->head_n};
    if (max > n)
        la_chain_pieces(&frame->payload, out + n, max - n);
    return n + frame->payload.n;
}

size_t
la_frame_copy_out(const struct la_frame *frame, size_t off, uint8_t *out, size_t n)
{
    size_t head_n = 0;
    if (off < frame->head_n) {
        head_n = frame->head_n - off < n ? frame->head_n - off : n;
        memcpy(out, frame->head + off, head_n);
    }
    size_t payload_off = off + head_n - frame->head_n;
    if (head_n == n || payload_off >= frame->payload.len)
        return head_n;
    return head_n +
           la_chain_copy_out(&frame->payload, (uint32_t)payload_off, out + head_n, n - head_n);
}

uint64_t
la_frame_id(const struct la_frame *frame)
{
    return frame->id;
}

void
la_frame_check(const struct la_frame *frame)
{
    const struct la_block *block = frame->head_block;
    size_t size_n = block ? block->size_n : LA_FRAME_ROOM_BYTES;
    LA_ASSERT(headroom(frame) <= size_n);
    LA_ASSERT(frame->head_n <= size_n - headroom(frame));
    LA_ASSERT(!block || frame->head_n == 0 || headroom(frame) + frame->head_n <= block->used_n);
    LA_ASSERT(frame->gso_kind == LA_GSO_NONE || frame->gso_size > 0);
    la_chain_check(&frame->payload);
}

/* ---- queues ----------------------------------------------------------------------------- */

void
la_frameq_clear(struct la_frameq *q)
{
    for (struct la_frame *frame; (frame = la_frameq_pop(q)) != NULL;)
        la_frame_free(frame);
}
