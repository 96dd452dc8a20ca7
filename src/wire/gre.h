/* SPDX-License-Identifier: MIT
 *
 * gre.h - the GRE header (RFC 2784, RFC 2890) and PPTP's version of it (RFC 2637 4.1)
 *
 * What RFC 1701 had besides (routing, strict source route, recursion control) must be zero since
 * (RFC 2784 2.2) and is not represented.
 */
#ifndef LA_WIRE_GRE_H
#define LA_WIRE_GRE_H

#include "base/bytes.h"

enum { LA_GRE_BYTES_MIN = 4, LA_GRE_BYTES_MAX = 16 };

enum la_gre_has {
    LA_GRE_HAS_CHECKSUM = 1,
    LA_GRE_HAS_KEY = 2,
    LA_GRE_HAS_SEQUENCE = 4,
    LA_GRE_HAS_ACK = 8 /* version 1 */
};

struct la_gre {
    uint8_t has;       /* enum la_gre_has */
    uint8_t version;   /* 0, or 1 for PPTP */
    uint16_t protocol; /* an EtherType */
    uint16_t checksum;
    uint16_t reserved; /* behind the checksum */
    uint32_t key;      /* version 1: payload length and call id */
    uint32_t sequence;
    uint32_t ack;
};

/* False: too few octets, a version that is unknown, or reserved bits (RFC 2784 2.3: discard). */
bool la_gre_judge(struct la_gre *gre, struct la_bytes bytes);
size_t la_gre_header_bytes(const struct la_gre *gre);
/* The inverse; room.n at least the above. Returns octets written. */
size_t la_gre_emit(const struct la_gre *gre, struct la_room room);

#endif
