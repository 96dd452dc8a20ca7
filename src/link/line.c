/* SPDX-License-Identifier: MIT
 *
 * line.c - frames under way, delivered by instant
 */
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "link/line.h"

enum { CAP_MIN = 64 };

void
la_wire_line_init(struct la_wire_line *line, struct la_mem *mem)
{
    *line = (struct la_wire_line){.mem = mem};
}

static struct la_wire_line_entry *
ring_at(const struct la_wire_line *line, uint32_t idx)
{
    return &line->ring[(line->ring_first + idx) & (line->ring_cap - 1)];
}

void
la_wire_line_fini(struct la_wire_line *line)
{
    for (uint32_t i = 0; i < line->ring_n; i++)
        la_frame_free(ring_at(line, i)->frame);
    for (uint32_t i = 0; i < line->heap_n; i++)
        la_frame_free(line->heap[i].frame);
    if (line->ring != NULL)
        la_mem_give(line->mem, line->ring, line->ring_cap * sizeof(*line->ring));
    if (line->heap != NULL)
        la_mem_give(line->mem, line->heap, line->heap_cap * sizeof(*line->heap));
    *line = (struct la_wire_line){0};
}

static bool
is_before(const struct la_wire_line_entry *a, const struct la_wire_line_entry *b)
{
    return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->entered < b->entered;
}

static bool
ring_push(struct la_wire_line *line, const struct la_wire_line_entry *entry)
{
    if (line->ring_n == line->ring_cap) {
        uint32_t cap = line->ring_cap == 0 ? CAP_MIN : 2 * line->ring_cap;
        struct la_wire_line_entry *ring = la_mem_take(line->mem, cap * sizeof(*ring));
        if (ring == NULL)
            return false;
        for (uint32_t i = 0; i < line->ring_n; i++)
            ring[i] = *ring_at(line, i);
        if (line->ring != NULL)
            la_mem_give(line->mem, line->ring, line->ring_cap * sizeof(*ring));
        line->ring = ring;
        line->ring_cap = cap;
        line->ring_first = 0;
    }
    *ring_at(line, line->ring_n++) = *entry;
    return true;
}

static bool
heap_push(struct la_wire_line *line, const struct la_wire_line_entry *entry)
{
    if (line->heap_n == line->heap_cap) {
        uint32_t cap = line->heap_cap == 0 ? CAP_MIN : 2 * line->heap_cap;
        struct la_wire_line_entry *heap = la_mem_take(line->mem, cap * sizeof(*heap));
        if (heap == NULL)
            return false;
        if (line->heap != NULL) {
            memcpy(heap, line->heap, line->heap_n * sizeof(*heap));
            la_mem_give(line->mem, line->heap, line->heap_cap * sizeof(*heap));
        }
        line->heap = heap;
        line->heap_cap = cap;
    }
    uint32_t idx = line->heap_n++;
    while (idx > 0 && is_before(entry, &line->heap[(idx - 1) / 2])) {
        line->heap[idx] = line->heap[(idx - 1) / 2];
        idx = (idx - 1) / 2;
    }
    line->heap[idx] = *entry;
    return true;
}

static void
heap_drop_first(struct la_wire_line *line)
{
    const struct la_wire_line_entry last = line->heap[--line->heap_n];
    uint32_t idx = 0;
    for (uint32_t child = 1; child < line->heap_n; child = 2 * idx + 1) {
        if (child + 1 < line->heap_n && is_before(&line->heap[child + 1], &line->heap[child]))
            child++;
        if (!is_before(&line->heap[child], &last))
            break;
        line->heap[idx] = line->heap[child];
        idx = child;
    }
    line->heap[idx] = last;
}

bool
la_wire_line_push(struct la_wire_line *line, struct la_frame *take_frame, la_instant at, bool copy)
{
    const struct la_wire_line_entry entry = {at, line->entered, take_frame, copy};
    bool in_order = line->ring_n == 0 || !is_before(&entry, ring_at(line, line->ring_n - 1));
    if (!(in_order ? ring_push(line, &entry) : heap_push(line, &entry)))
        return false;
    line->entered++;
    return true;
}

/* The earliest of both; NULL when empty. */
static const struct la_wire_line_entry *
first_of(const struct la_wire_line *line)
{
    const struct la_wire_line_entry *ring = line->ring_n == 0 ? NULL : ring_at(line, 0);
    const struct la_wire_line_entry *heap = line->heap_n == 0 ? NULL : &line->heap[0];
    if (ring == NULL || heap == NULL)
        return ring == NULL ? heap : ring;
    return is_before(heap, ring) ? heap : ring;
}

struct la_frame *
la_wire_line_pop(struct la_wire_line *line, bool *copy, la_instant now)
{
    const struct la_wire_line_entry *first = first_of(line);
    if (first == NULL || la_instant_lt(now, first->at))
        return NULL;
    struct la_frame *frame = first->frame;
    *copy = first->copy;
    if (line->heap_n > 0 && first == &line->heap[0]) {
        heap_drop_first(line);
    } else {
        line->ring_first = (line->ring_first + 1) & (line->ring_cap - 1);
        line->ring_n--;
    }
    return frame;
}

la_instant
la_wire_line_deadline(const struct la_wire_line *line)
{
    const struct la_wire_line_entry *first = first_of(line);
    return first == NULL ? LA_INSTANT_NEVER : first->at;
}

bool
la_wire_line_is_empty(const struct la_wire_line *line)
{
    return line->ring_n == 0 && line->heap_n == 0;
}
