/* SPDX-License-Identifier: MIT
 *
 * gtpu.h - the GTP-U header, version 1 (3GPP TS 29.281 5.1, 5.2)
 */
#ifndef LA_WIRE_GTPU_H
#define LA_WIRE_GTPU_H

#include "base/bytes.h"

enum {
    LA_GTPU_BYTES_MIN = 8,
    LA_GTPU_PORT = 2152,
    LA_GTPU_PACKET = 255 /* message type: a user's packet follows */
};

enum la_gtpu_has { LA_GTPU_HAS_NPDU = 1, LA_GTPU_HAS_SEQUENCE = 2, LA_GTPU_HAS_EXTENSIONS = 4 };

struct la_gtpu {
    uint8_t has;       /* enum la_gtpu_has */
    uint8_t message;
    uint16_t len_bytes; /* behind the first 8 octets */
    uint32_t teid;
    uint16_t sequence;
    uint8_t npdu;
    uint8_t next;      /* type of the first extension header; 0: none */
    struct la_bytes extensions; /* borrowed; whole headers, of 4 k octets each */
};

/* False: too few octets for header and extensions, another version, or GTP'. */
bool la_gtpu_judge(struct la_gtpu *gtpu, struct la_bytes bytes);
size_t la_gtpu_header_bytes(const struct la_gtpu *gtpu);
/* The inverse; room.n at least the above. Returns octets written. */
size_t la_gtpu_emit(const struct la_gtpu *gtpu, struct la_room room);

#endif
