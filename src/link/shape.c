/* SPDX-License-Identifier: MIT
 *
 * shape.c - a line of limited rate with a queue before it (tail drop)
 */
#include "base/mem.h"
#include "base/time.h"
#include "link/shape.h"

enum { CAP_MIN = 64 };

void
la_wire_shape_init(struct la_wire_shape *shape, struct la_mem *mem)
{
    *shape = (struct la_wire_shape){.mem = mem, .free_at = {INT64_MIN}};
}

void
la_wire_shape_fini(struct la_wire_shape *shape)
{
    if (shape->starts != NULL)
        la_mem_give(shape->mem, shape->starts, shape->starts_cap * sizeof(*shape->starts));
    *shape = (struct la_wire_shape){0};
}

static la_instant *
start_at(const struct la_wire_shape *shape, uint32_t idx)
{
    return &shape->starts[(shape->starts_first + idx) & (shape->starts_cap - 1)];
}

static bool
starts_push(struct la_wire_shape *shape, la_instant at)
{
    if (shape->starts_n == shape->starts_cap) {
        uint32_t cap = shape->starts_cap == 0 ? CAP_MIN : 2 * shape->starts_cap;
        la_instant *starts = la_mem_take(shape->mem, cap * sizeof(*starts));
        if (starts == NULL)
            return false;
        for (uint32_t i = 0; i < shape->starts_n; i++)
            starts[i] = *start_at(shape, i);
        if (shape->starts != NULL)
            la_mem_give(shape->mem, shape->starts, shape->starts_cap * sizeof(*starts));
        shape->starts = starts;
        shape->starts_cap = cap;
        shape->starts_first = 0;
    }
    *start_at(shape, shape->starts_n++) = at;
    return true;
}

enum la_wire_shape_result
la_wire_shape_enter(struct la_wire_shape *shape, const struct la_wire_load *load,
                    la_instant *departs_at, la_instant now)
{
    bool idle = la_instant_le(shape->free_at, now);
    la_instant start = idle ? now : shape->free_at;
    while (shape->starts_n > 0 && la_instant_le(*start_at(shape, 0), now)) {
        shape->starts_first = (shape->starts_first + 1) & (shape->starts_cap - 1);
        shape->starts_n--;
    }
    if (!idle && shape->starts_n >= load->queue_n)
        return LA_WIRE_SHAPE_FULL;
    if (!idle && !starts_push(shape, start))
        return LA_WIRE_SHAPE_NO_MEMORY;
    /* An idle line starts anew at `now`; a busy one goes on at the fraction where it was. */
    uint64_t work = (uint64_t)load->packet_bytes * 8 * (uint64_t)LA_NS_PER_S;
    work += idle ? 0 : shape->carry;
    shape->carry = work % load->rate_bps;
    shape->free_at = la_instant_add_ns(start, (int64_t)(work / load->rate_bps));
    *departs_at = shape->free_at;
    bool is_long = load->mark_n != 0 && shape->starts_n >= load->mark_n;
    return is_long ? LA_WIRE_SHAPE_LONG : LA_WIRE_SHAPE_OK;
}
