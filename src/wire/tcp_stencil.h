/* SPDX-License-Identifier: MIT
 *
 * tcp_stencil.h - a TCP header that is written many times with other ports, numbers and timestamps
 */
#ifndef LA_WIRE_TCP_STENCIL_H
#define LA_WIRE_TCP_STENCIL_H

#include "wire/tcp.h"

struct la_tcp_stencil {
    uint8_t n;          /* octets; 0 = there is none */
    uint8_t stamps_off; /* where TSval stands; 0 = there are no timestamps */
    uint16_t sum;       /* of `octets` */
    uint8_t octets[LA_TCP_HEADER_BYTES_MAX]; /* what differs, and the checksum, is 0 */
};

/* What differs; timestamps only where there are any. */
struct la_tcp_stencil_numbers {
    uint16_t src_port, dst_port;
    la_seq seq, ack;
    uint32_t ts_val, ts_ecr;
};

/* From a header that la_tcp_seg_emit() has written. */
void la_tcp_stencil_init(struct la_tcp_stencil *stencil, const struct la_tcp_view *view);
/* Writes the header with these numbers, checksum 0; stencil->n octets of room. Returns its sum, not
 * folded, as base/checksum.h keeps it. */
uint32_t la_tcp_stencil_emit(const struct la_tcp_stencil *stencil,
                             const struct la_tcp_stencil_numbers *numbers, uint8_t *out);

#endif
