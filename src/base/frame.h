/* SPDX-License-Identifier: MIT
 *
 * frame.h - the inside of struct la_frame
 *
 * head[0..head_n) is contiguous; it lies in `room` (a frame built here, headers grow towards the
 * front) or in `head_block` (a packet read from a device). `payload` follows it. Layers take
 * octets off the front with la_frame_pull() and put headers before it with la_frame_push().
 *
 * Offload marks mean what they mean in virtio-net.
 */
#ifndef LA_BASE_FRAME_H
#define LA_BASE_FRAME_H

#include <lastack/frame.h>
#include "base/assert.h"
#include "base/chain.h"
#include "base/shelf.h"

enum { LA_FRAME_ROOM_BYTES = 160 };

enum la_csum_mark {
    LA_CSUM_UNKNOWN = 0, /* to be verified by whoever reads it */
    LA_CSUM_VALID,       /* verified already */
    LA_CSUM_PARTIAL,     /* sent: the pseudo-header's sum stands in the field, the rest is to be
                            added from csum_start; received: vouched for by a local sender */
};

enum la_gso_kind { LA_GSO_NONE = 0, LA_GSO_TCPV4, LA_GSO_TCPV6 };

struct la_frame {
    struct la_frame *next; /* for whoever owns the frame */
    struct la_mem *mem;
    uint8_t *head;
    uint32_t head_n;
    uint8_t csum;          /* enum la_csum_mark */
    uint8_t gso_kind;      /* enum la_gso_kind */
    uint16_t gso_size;     /* payload octets per segment, 0 = not a super-segment */
    uint16_t csum_start;   /* octets from head to where summing starts (LA_CSUM_PARTIAL) */
    uint16_t csum_off;     /* octets from csum_start to the field */
    uint32_t flow_hash;    /* the link's or stack's use, 0 = none */
    struct la_block *head_block; /* NULL: head lies in room */
    struct la_chain payload;
    uint64_t id;           /* identity in the event stream; 0 = none */
    la_instant at;         /* when a link received it; the link's own use otherwise */
    uint8_t room[LA_FRAME_ROOM_BYTES];
};

/* An empty frame, head_n 0, head at the end of `room`. NULL: no memory. O(1). */
struct la_frame *la_frame_take(struct la_mem *mem) LA_MUST_CHECK;
/* For a piece of another: with the same origin, and a head of head_n octets, uninitialised. NULL:
 * no memory. */
struct la_frame *la_frame_take_piece(const struct la_frame *whole, uint32_t head_n) LA_MUST_CHECK;
/* Makes one that holds nothing any more what la_frame_take() returns. */
void la_frame_renew(struct la_frame *frame);
/* la_frame_free() of one that holds nothing any more. */
static inline void
la_frame_give(struct la_frame *take_frame)
{
    LA_DCHECK(take_frame->payload.first == NULL && take_frame->head_block == NULL);
    la_shelf_give(take_frame->mem, LA_SHELF_FRAME, take_frame);
}
/* la_frame_len(), inline. */
static inline size_t
la_frame_octets(const struct la_frame *frame)
{
    return (size_t)frame->head_n + frame->payload.len;
}

/* Makes n octets in front of the head writable. */
void la_frame_open_headroom(struct la_frame *frame, size_t n);

/* n octets more in front of the head, uninitialised; n must fit the room that is left (headers are
 * bounded by our own code, so this is an assertion). csum_start moves along. */
static inline uint8_t *
la_frame_push(struct la_frame *frame, size_t n)
{
    if (frame->head_block != NULL || (size_t)(frame->head - frame->room) < n)
        la_frame_open_headroom(frame, n);
    frame->head -= n;
    frame->head_n += (uint32_t)n;
    if (frame->csum == LA_CSUM_PARTIAL)
        frame->csum_start = (uint16_t)(frame->csum_start + n);
    return frame->head;
}

/* Takes n octets off the head. n <= head_n. */
static inline void
la_frame_pull(struct la_frame *frame, size_t n)
{
    LA_ASSERT(n <= frame->head_n);
    frame->head += n;
    frame->head_n -= (uint32_t)n;
    if (frame->csum == LA_CSUM_PARTIAL)
        frame->csum_start = (uint16_t)(frame->csum_start > n ? frame->csum_start - n : 0);
}

/* la_frame_need() where the head is too short. */
bool la_frame_lengthen_head(struct la_frame *frame, size_t n) LA_MUST_CHECK;

/* Makes the first n octets contiguous in the head. False: the packet is shorter, or no memory. */
LA_MUST_CHECK static inline bool
la_frame_need(struct la_frame *frame, size_t n)
{
    return n <= frame->head_n || la_frame_lengthen_head(frame, n);
}

/* Cuts the packet to n octets (n <= length). */
void la_frame_trim(struct la_frame *frame, size_t n);
/* la_frame_head_to_payload() where there is a head. */
bool la_frame_move_head(struct la_frame *frame) LA_MUST_CHECK;

/* What is left of the head becomes the front of the payload: the result is all payload.
 * False: no memory. */
LA_MUST_CHECK static inline bool
la_frame_head_to_payload(struct la_frame *frame)
{
    return (frame->head_n == 0 && frame->head_block == NULL) || la_frame_move_head(frame);
}

/* Does an octet that was the frame's lie in memory that it still keeps? */
bool la_frame_keeps(const struct la_frame *frame, const uint8_t *p);
/* A second frame with the same octets; payload is shared, the head copied. NULL: no memory. */
struct la_frame *la_frame_clone(const struct la_frame *frame) LA_MUST_CHECK;
void la_frame_check(const struct la_frame *frame);

/* A first-in-first-out queue of frames. Zero-initialised is empty. */
struct la_frameq {
    struct la_frame *first;
    struct la_frame *last;
    uint32_t n;
};

static inline void
la_frameq_push(struct la_frameq *q, struct la_frame *take_frame)
{
    take_frame->next = NULL;
    if (q->last != NULL)
        q->last->next = take_frame;
    else
        q->first = take_frame;
    q->last = take_frame;
    q->n++;
}

/* NULL when empty. */
static inline struct la_frame *
la_frameq_pop(struct la_frameq *q)
{
    struct la_frame *frame = q->first;
    if (frame == NULL)
        return NULL;
    q->first = frame->next;
    if (q->first == NULL)
        q->last = NULL;
    q->n--;
    frame->next = NULL;
    return frame;
}

/* Up to `max` of them; returns how many. */
static inline size_t
la_frameq_take(struct la_frameq *q, struct la_frame **frames, size_t max)
{
    struct la_frame *frame = q->first;
    size_t n = 0;
    while (n < max && frame != NULL) {
        struct la_frame *next = frame->next;
        frame->next = NULL;
        frames[n++] = frame;
        frame = next;
    }
    q->first = frame;
    if (frame == NULL)
        q->last = NULL;
    q->n -= (uint32_t)n;
    return n;
}

void la_frameq_clear(struct la_frameq *q);           /* frees the frames */

#endif
