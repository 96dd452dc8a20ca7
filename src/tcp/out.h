/* SPDX-License-Identifier: MIT
 *
 * out.h - what a connection wants to send, as segments
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

#endif
