/* SPDX-License-Identifier: MIT
 *
 * out.h - what a connection wants to send, as segments
 *
 * An answer to a segment without text goes into the frame that the segment came in: todo->spare, a
 * frame without head and payload, is taken before a new one. What is left of it is the caller's.
 */
#ifndef LA_TCP_OUT_H
#define LA_TCP_OUT_H

#include "tcp/conn.h"
#include "base/frame.h"
#include "wire/tcp.h"

struct la_tcp_out {
    struct la_frame **frames; /* results: head at the TCP header, checksum still to be made */
    size_t max;
    size_t n;
    uint16_t src_port, dst_port;
    uint32_t super_bytes_max; /* text in one frame; 0: one segment a frame */
    uint32_t ect;             /* results: bit i, frames[i] goes as ECT(0) (RFC 3168 6.1.2) */
};

/* True when la_tcp_output() may have something to send. */
bool la_tcp_has_output(const struct la_tcp_conn *c);
/*
 * la_tcp_output - turns what is wanted and allowed into segments, and arms the timers
 *
 * At most out->max frames; true when there is more (call again). Without memory it stops, and the
 * connection's timers try again.
 */
bool la_tcp_output(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo);

/* The SYN,ACK of a connection that nobody will remember (a SYN cookie): c has taken the SYN, and is
 * in no state. Nothing is in flight afterwards. Without memory there is no frame. */
void la_tcp_output_cookie(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo);

/* The RST in `todo`, as a frame. NULL: no memory. c may be NULL (no such connection). */
struct la_frame *la_tcp_rst_frame(const struct la_tcp_conn *c, uint16_t src_port, uint16_t dst_port,
                                  struct la_tcp_todo *todo);

/* Fills an event's segment from header fields. */
void la_tcp_event_segment(struct la_event_segment *out, const struct la_tcp_seg *seg,
                          uint32_t window);

#endif
