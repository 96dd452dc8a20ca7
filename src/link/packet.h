/* SPDX-License-Identifier: MIT
 *
 * packet.h - whose packet is this?
 *
 * What a wire reads of the packets it carries: enough to tell flows apart. Never fails: what
 * cannot be read (ARP, malformed headers, later fragments) is left zero, and such packets share a
 * flow with their like.
 */
#ifndef LA_LINK_PACKET_H
#define LA_LINK_PACKET_H

#include <lastack/stack.h>

struct la_wire_packet {
    struct la_endpoint src, dst; /* ports 0 where the protocol has none */
    uint8_t protocol;            /* IP's number; 0 = no IP packet */
    uint16_t tcp_flags;          /* LA_TCP_*; 0 where it is not TCP */
    uint32_t tcp_seq;
};

void la_wire_packet_read(struct la_wire_packet *out, const struct la_frame *frame,
                         enum la_link_layer layer);
/* Octets of the IP packet: what rates, MTUs and counters mean. */
size_t la_wire_packet_bytes(const struct la_frame *frame, enum la_link_layer layer);
/* The same for the largest packet that a super-segment will be cut into. */
size_t la_wire_packet_bytes_max(const struct la_frame *frame, enum la_link_layer layer);

#endif
