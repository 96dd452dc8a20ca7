/* SPDX-License-Identifier: MIT
 *
 * mark.c - a packet of an ECN-capable transport is marked as having met congestion
 *
 * Read first: RFC 3168 5, 17 (the header checksum); RFC 1624 3.
 */
#include "link/mark.h"

#include "base/checksum.h"
#include "base/frame.h"
#include "link/packet.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum { ECN_OCTET = 1, CHECKSUM_OFF = 10, VERSION_SHIFT = 4, IP6_ECN_SHIFT = 4 };

/* The version's octet and the one behind it, in which both IP versions have the field. */
static void
mark_ip4(uint8_t *p)
{
    uint16_t before = la_get16(p);
    p[ECN_OCTET] |= LA_IP_CE;
    la_put16(p + CHECKSUM_OFF, la_sum_update(la_get16(p + CHECKSUM_OFF), before, la_get16(p)));
}

static void
mark_ip6(uint8_t *p)
{
    p[ECN_OCTET] |= LA_IP_CE << IP6_ECN_SHIFT;
}

static unsigned
ecn_of(const uint8_t *p, bool v4)
{
    return v4 ? p[ECN_OCTET] & LA_IP_ECN_MASK : p[ECN_OCTET] >> IP6_ECN_SHIFT & LA_IP_ECN_MASK;
}

bool
la_wire_mark(struct la_frame *frame, enum la_link_layer layer)
{
    size_t off = la_frame_octets(frame) - la_wire_packet_bytes(frame, layer);
    if (!la_frame_need(frame, off + LA_IP4_HEADER_BYTES))
        return false;
    uint8_t *p = frame->head + off;
    bool v4 = p[0] >> VERSION_SHIFT == 4;
    if (!v4 && p[0] >> VERSION_SHIFT != 6)
        return false;
    unsigned ecn = ecn_of(p, v4);
    if (ecn != LA_IP_ECT_0 && ecn != LA_IP_ECT_1)
        return false;
    if (v4)
        mark_ip4(p);
    else
        mark_ip6(p);
    return true;
}
