/* SPDX-License-Identifier: MIT
 *
 * shape.h - a line of limited rate with a queue before it (tail drop)
 *
 * A packet is serialised when those before it are; it takes bits / rate, and what does not fit a
 * nanosecond is carried over, so the long-run rate is exact.
 */
#ifndef LA_LINK_SHAPE_H
#define LA_LINK_SHAPE_H

#include <lastack/base.h>

struct la_wire_shape {
    struct la_mem *mem;
    la_instant free_at;  /* when the line has nothing more to serialise */
    uint64_t carry;      /* of the last division, in bit x 10^9 */
    la_instant *starts;  /* ring: when those that may still wait will be serialised */
    uint32_t starts_cap; /* a power of two, or 0 */
    uint32_t starts_first;
    uint32_t starts_n;
};

struct la_wire_load {
    size_t packet_bytes;
    uint64_t rate_bps; /* not 0 */
    uint32_t queue_n;  /* packets that may wait */
    uint32_t mark_n;   /* so many waiting, this one among them, are a long queue; 0 = never */
};

enum la_wire_shape_result {
    LA_WIRE_SHAPE_OK,
    LA_WIRE_SHAPE_LONG, /* OK, behind a long queue */
    LA_WIRE_SHAPE_FULL,
    LA_WIRE_SHAPE_NO_MEMORY
};

void la_wire_shape_init(struct la_wire_shape *shape, struct la_mem *mem);
void la_wire_shape_fini(struct la_wire_shape *shape);
/* OK, LONG: *departs_at is when the packet's last bit has left. Amortised O(1). */
enum la_wire_shape_result la_wire_shape_enter(struct la_wire_shape *shape,
                                              const struct la_wire_load *load,
                                              la_instant *departs_at, la_instant now);

#endif
