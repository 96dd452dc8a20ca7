/* SPDX-License-Identifier: MIT
 *
 * mpls.h - one entry of an MPLS label stack (RFC 3032 2.1)
 */
#ifndef LA_WIRE_MPLS_H
#define LA_WIRE_MPLS_H

#include "base/bytes.h"

enum { LA_MPLS_BYTES = 4 };

struct la_mpls {
    uint32_t label;        /* 20 bits */
    uint8_t traffic_class; /* 3 bits */
    bool bottom;           /* the last entry */
    uint8_t ttl_hops;
};

/* False: fewer than 4 octets. */
bool la_mpls_judge(struct la_mpls *mpls, struct la_bytes bytes);
/* The inverse; room.n >= 4. Returns 4. */
size_t la_mpls_emit(const struct la_mpls *mpls, struct la_room room);

#endif
