/* SPDX-License-Identifier: MIT
 *
 * vxlan.h - the VXLAN header (RFC 7348 5)
 */
#ifndef LA_WIRE_VXLAN_H
#define LA_WIRE_VXLAN_H

#include "base/bytes.h"

enum {
    LA_VXLAN_BYTES = 8,
    LA_VXLAN_PORT = 4789,
    LA_VXLAN_PORT_LINUX = 8472, /* Linux's default, older than the assigned one */
    LA_VXLAN_FLAG_VNI = 0x08    /* must be set */
};

struct la_vxlan {
    uint8_t flags;
    uint32_t reserved_1; /* 24 bits */
    uint32_t vni;        /* 24 bits */
    uint8_t reserved_2;
};

/* False: fewer than 8 octets, or no VNI. */
bool la_vxlan_judge(struct la_vxlan *vxlan, struct la_bytes bytes);
/* The inverse; room.n >= 8. Returns 8. */
size_t la_vxlan_emit(const struct la_vxlan *vxlan, struct la_room room);

#endif
