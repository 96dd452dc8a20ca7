/* SPDX-License-Identifier: MIT
 *
 * geneve.h - the Geneve header (RFC 8926 3.4)
 *
 * Options are carried as octets.
 */
#ifndef LA_WIRE_GENEVE_H
#define LA_WIRE_GENEVE_H

#include "base/bytes.h"

enum {
    LA_GENEVE_BYTES_MIN = 8,
    LA_GENEVE_OPTIONS_BYTES_MAX = 252,
    LA_GENEVE_PORT = 6081,
    LA_GENEVE_ETHERNET = 0x6558 /* protocol: Ethernet inside */
};

struct la_geneve {
    bool control;            /* O: for the tunnel's endpoints, not for those within */
    bool critical;           /* C: critical options are present */
    uint8_t reserved_1;      /* 6 bits */
    uint16_t protocol;       /* an EtherType */
    uint32_t vni;            /* 24 bits */
    uint8_t reserved_2;
    struct la_bytes options; /* borrowed; a multiple of 4 octets */
};

/* False: too few octets for header and options, or a version other than 0. */
bool la_geneve_judge(struct la_geneve *geneve, struct la_bytes bytes);
size_t la_geneve_header_bytes(const struct la_geneve *geneve);
/* The inverse; room.n at least the above. Returns octets written. */
size_t la_geneve_emit(const struct la_geneve *geneve, struct la_room room);

#endif
