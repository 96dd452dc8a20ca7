/* SPDX-License-Identifier: MIT
 *
 * vxlan.c - the VXLAN header
 */
#include "wire/vxlan.h"
#include "base/assert.h"

bool
la_vxlan_judge(struct la_vxlan *vxlan, struct la_bytes bytes)
{
    if (bytes.n < LA_VXLAN_BYTES)
        return false;
    uint32_t first = la_get32(bytes.p), second = la_get32(bytes.p + 4);
    *vxlan = (struct la_vxlan){
        .flags = (uint8_t)(first >> 24),
        .reserved_1 = first & 0xffffff,
        .vni = second >> 8,
        .reserved_2 = (uint8_t)second,
    };
    return (vxlan->flags & LA_VXLAN_FLAG_VNI) != 0;
}

size_t
la_vxlan_emit(const struct la_vxlan *vxlan, struct la_room room)
{
    LA_ASSERT(room.n >= LA_VXLAN_BYTES);
    LA_ASSERT(vxlan->vni < 1u << 24 && vxlan->reserved_1 < 1u << 24);
    la_put32(room.p, (uint32_t)vxlan->flags << 24 | vxlan->reserved_1);
    la_put32(room.p + 4, vxlan->vni << 8 | vxlan->reserved_2);
    return LA_VXLAN_BYTES;
}
