/* SPDX-License-Identifier: MIT
 *
 * mpls.c - one entry of an MPLS label stack
 */
#include "wire/mpls.h"
#include "base/assert.h"

bool
la_mpls_judge(struct la_mpls *mpls, struct la_bytes bytes)
{
    if (bytes.n < LA_MPLS_BYTES)
        return false;
    uint32_t v = la_get32(bytes.p);
    *mpls = (struct la_mpls){v >> 12, v >> 9 & 7, (v >> 8 & 1) != 0, (uint8_t)v};
    return true;
}

size_t
la_mpls_emit(const struct la_mpls *mpls, struct la_room room)
{
    LA_ASSERT(room.n >= LA_MPLS_BYTES);
    LA_ASSERT(mpls->label < 1u << 20 && mpls->traffic_class < 8);
    la_put32(room.p, mpls->label << 12 | (uint32_t)mpls->traffic_class << 9 |
                         (uint32_t)mpls->bottom << 8 | mpls->ttl_hops);
    return LA_MPLS_BYTES;
}
