/* SPDX-License-Identifier: MIT
 *
 * udp.h - the UDP header (RFC 768), in two tiers
 *
 * The length field is judged against what IP delivered by whoever reads the view: a jumbogram's 0
 * (RFC 2675) and padding behind the datagram can be represented.
 */
#ifndef LA_WIRE_UDP_H
#define LA_WIRE_UDP_H

#include "base/bytes.h"

enum { LA_UDP_HEADER_BYTES = 8 };

struct la_udp_view {
    const uint8_t *p;
};

struct la_udp {
    uint16_t src_port;
    uint16_t dst_port;
    uint16_t len_bytes; /* header and text */
    uint16_t checksum;  /* 0 = none was made (IPv4 only, RFC 8200 8.1) */
};

/* False: fewer than 8 octets. The only bounds check. */
bool la_udp_view_init(struct la_udp_view *view, struct la_bytes bytes);
uint16_t la_udp_view_src_port(const struct la_udp_view *view);
uint16_t la_udp_view_dst_port(const struct la_udp_view *view);
uint16_t la_udp_view_len_bytes(const struct la_udp_view *view);
uint16_t la_udp_view_checksum(const struct la_udp_view *view);

void la_udp_judge(struct la_udp *udp, const struct la_udp_view *view);
/* The inverse; room.n >= 8. Returns 8. */
size_t la_udp_emit(const struct la_udp *udp, struct la_room room);

#endif
