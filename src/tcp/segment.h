/* SPDX-License-Identifier: MIT
 *
 * segment.h - one segment: header, options, text, and what is told of it
 *
 * An answer to a segment without text goes into the frame that the segment came in: todo->spare, a
 * frame without head and payload, is taken before a new one. What is left of it is the caller's.
 */
#ifndef LA_TCP_SEGMENT_H
#define LA_TCP_SEGMENT_H

#include "tcp/out.h"

/* One segment to be built. */
struct la_tcp_plan {
    la_seq seq;
    uint32_t text_bytes;
    uint16_t flags;
    uint8_t cause;
    uint8_t sent_before_n;
    bool ect; /* new text on a path that may mark it */
};

/* Builds it into out->frames; its acknowledgement counts as sent. False: no memory. */
bool la_tcp_segment_build(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
                          const struct la_tcp_plan *plan, struct la_tcp_todo *todo);

/* A frame for a segment without text. NULL: no memory. */
struct la_frame *la_tcp_bare_frame(struct la_tcp_todo *todo) LA_MUST_CHECK;
/* The RST in `todo`, as a frame. NULL: no memory. c may be NULL (no such connection). */
struct la_frame *la_tcp_rst_frame(const struct la_tcp_conn *c, uint16_t src_port, uint16_t dst_port,
                                  struct la_tcp_todo *todo);

#endif
