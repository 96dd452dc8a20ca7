/* SPDX-License-Identifier: MIT
 *
 * keep.c - frames that wait: what they cost, and small ones that lie in large blocks
 */
#include "net/internal.h"

enum { COPY_BELOW_BYTES = 1024 };

/* The blocks that it keeps, not the octets that it shows. */
static uint32_t
pinned_bytes(const struct la_frame *frame)
{
    uint64_t n = sizeof *frame + la_chain_pinned(&frame->payload);
    if (frame->head_block)
        n += frame->head_block->size_n;
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static bool
append(struct la_frame *to, const uint8_t *p, size_t n)
{
    return la_chain_append_bytes(&to->payload, to->mem, (struct la_bytes){p, n}) == n;
}

/* The same octets in blocks of their own size; the frame itself when there is no memory. */
static struct la_frame *
compact(struct la_frame *frame)
{
    struct la_frame *copy = la_frame_take(frame->mem);
    if (!copy)
        return frame;
    bool ok = frame->head_n == 0 || append(copy, frame->head, frame->head_n);
    for (const struct la_slice *s = frame->payload.first; ok && s; s = s->next)
        ok = append(copy, s->block->bytes + s->off, s->len);
    la_frame_free(ok ? frame : copy);
    return ok ? copy : frame;
}

struct la_frame *
la_net_keep(struct la_frame *take_frame, uint32_t *cost_bytes)
{
    struct la_frame *frame = take_frame;
    if (pinned_bytes(frame) > 2 * la_frame_len(frame) + COPY_BELOW_BYTES)
        frame = compact(frame);
    *cost_bytes = pinned_bytes(frame);
    return frame;
}
