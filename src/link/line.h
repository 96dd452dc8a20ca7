/* SPDX-License-Identifier: MIT
 *
 * line.h - frames under way, delivered by instant, and in the order they entered when it is equal
 *
 * A ring for those that come in order of delivery (all of them on a wire with a constant delay) and
 * a heap for the others. Frames move by pointer.
 */
#ifndef LA_LINK_LINE_H
#define LA_LINK_LINE_H

#include <lastack/frame.h>

struct la_wire_line_entry {
    la_instant at;
    uint64_t entered;  /* counts up */
    struct la_frame *frame;
    bool copy;         /* a duplicate */
};

struct la_wire_line {
    struct la_mem *mem;
    uint64_t entered;
    struct la_wire_line_entry *ring;
    uint32_t ring_cap; /* a power of two, or 0 */
    uint32_t ring_first;
    uint32_t ring_n;
    uint32_t heap_cap;
    uint32_t heap_n;
    struct la_wire_line_entry *heap;
};

void la_wire_line_init(struct la_wire_line *line, struct la_mem *mem);
/* Frees the frames, too. */
void la_wire_line_fini(struct la_wire_line *line);
/* False: no memory, and the frame stays the caller's. O(1) in order, O(log n) otherwise. */
bool la_wire_line_push(struct la_wire_line *line, struct la_frame *take_frame, la_instant at,
                       bool copy) LA_MUST_CHECK;
/* The next frame that is due by `now`; NULL when there is none. */
struct la_frame *la_wire_line_pop(struct la_wire_line *line, bool *copy, la_instant now);
/* NEVER when empty. O(1). */
la_instant la_wire_line_deadline(const struct la_wire_line *line);
bool la_wire_line_is_empty(const struct la_wire_line *line);

#endif
