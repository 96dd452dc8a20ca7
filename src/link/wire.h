/* SPDX-License-Identifier: MIT
 *
 * wire.h - the inside of the memory wire (lastack/link.h)
 */
#ifndef LA_LINK_WIRE_H
#define LA_LINK_WIRE_H

#include <lastack/link.h>

#include "base/frame.h"
#include "link/fate.h"
#include "link/line.h"
#include "link/shape.h"

struct la_wire_end {
    struct la_link link;   /* first: a link is cast back to its end */
    struct la_wire *wire;
    unsigned idx;
};

/* One direction, named by the end that sends. */
struct la_wire_dir {
    struct la_wire_faults faults;
    struct la_wire_shape shape;
    struct la_wire_line line;
    struct la_frameq ready; /* carried without any fault, to be delivered before `line` */
    la_instant last_at;     /* delivery of the latest packet whose flow was not counted */
    la_wire_pick *pick;
    void *pick_ctx;
    struct la_wire_stats stats;
};

struct la_wire {
    struct la_mem *mem;
    struct la_trace trace;
    struct la_wire_end end[2];
    struct la_link *outer[2]; /* what la_wire_pump() moves frames through */
    struct la_wire_dir dir[2];
    struct la_wire_fate_keys keys;
    struct la_wire_flows flows;
    bool counting;          /* flows are counted: from the first use of an ordinal, for good */
    la_instant now;         /* the latest seen */
};

/* Sends one packet on its way, or to its end. */
void la_wire_carry(struct la_wire *wire, unsigned from, struct la_frame *take_frame,
                   la_instant now);

/* What the wire did, for the event stream; nothing when nobody listens. */
struct la_wire_news {
    uint8_t fate;    /* enum la_wire_fate (lastack/event.h) */
    uint8_t copy_n;
    uint16_t reason; /* enum la_reason */
};
void la_wire_tell(const struct la_wire *wire, unsigned from, const struct la_frame *frame,
                  struct la_wire_news news, la_instant at);

#endif
