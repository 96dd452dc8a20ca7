/* SPDX-License-Identifier: MIT
 *
 * packet.h - TCP segments in IP packets, taken apart and made by hand
 *
 * For choosing packets on the wire, and for peers that a real stack would not be: segments with
 * odd options, old duplicates. IPv4 without options and IPv6 without extension headers.
 */
#ifndef LA_LAB_PACKET_H
#define LA_LAB_PACKET_H

#include <lastack/event.h>
#include <lastack/frame.h>
#include "wire/tcp.h"

enum { LA_LAB_PACKET_BYTES_MAX = 65535, LA_LAB_OPTIONS_BYTES_MAX = 40 };

struct la_lab_packet {
    struct la_endpoint src, dst;
    struct la_tcp_seg seg;   /* its ports are those of src and dst */
    struct la_bytes options; /* made: n != 0 replaces what seg->has would give, padded with EOL;
                                read: the header's own, borrowed */
    struct la_bytes text;    /* borrowed; seg.text_bytes follows from it */
};

/* False: no TCP over IPv4 or IPv6, or cut short. `bytes` is the whole packet. */
bool la_lab_packet_read(struct la_lab_packet *out, struct la_bytes bytes);
/* The same of a frame's headers alone: options and text are empty, seg.text_bytes is right. */
bool la_lab_packet_of_frame(struct la_lab_packet *out, const struct la_frame *frame);
/* Writes the packet with its checksums. Returns octets, 0 when room is too small or options are
 * longer than 40 octets. */
size_t la_lab_packet_make(const struct la_lab_packet *packet, struct la_room room);

#endif
