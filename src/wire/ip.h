/* SPDX-License-Identifier: MIT
 *
 * ip.h - what IPv4 and IPv6 share: protocol numbers and the pseudo-header
 */
#ifndef LA_WIRE_IP_H
#define LA_WIRE_IP_H

#include "base/addr.h"
#include "base/bytes.h"

enum la_ip_protocol {
    LA_IP_HOP_BY_HOP = 0,
    LA_IP_ICMP = 1,
    LA_IP_IPV4 = 4,  /* IP in IP (RFC 2003) */
    LA_IP_TCP = 6,
    LA_IP_UDP = 17,
    LA_IP_IPV6 = 41,
    LA_IP_ROUTING = 43,
    LA_IP_FRAGMENT = 44,
    LA_IP_GRE = 47,
    LA_IP_ESP = 50,
    LA_IP_AUTHENTICATION = 51,
    LA_IP_ICMPV6 = 58,
    LA_IP_NONE = 59,
    LA_IP_DESTINATION = 60,
    LA_IP_MPLS = 137
};

struct la_ip_pseudo {
    struct la_addr src, dst; /* one family */
    uint8_t protocol;
    uint32_t l4_bytes;       /* header and text above IP */
};

/* The 16-bit words of 4 octets. */
static inline uint32_t
la_ip_sum4(const uint8_t *p)
{
    uint32_t word = la_get32(p);
    return (word >> 16) + (word & 0xffff);
}

static inline uint32_t
la_ip_sum16(const uint8_t *p)
{
    return la_ip_sum4(p) + la_ip_sum4(p + 4) + la_ip_sum4(p + 8) + la_ip_sum4(p + 12);
}

/* Of the two addresses, of one family, in a pseudo-header (RFC 9293 3.1 figures 2 and 3, RFC 8200
 * 8.1), to be added to. */
static inline uint32_t
la_ip_ends_sum(const struct la_addr *src, const struct la_addr *dst)
{
    if (la_addr_is_mapped(dst))
        return la_ip_sum4(la_addr_v4_bytes(src)) + la_ip_sum4(la_addr_v4_bytes(dst));
    return la_ip_sum16(src->b) + la_ip_sum16(dst->b);
}

/* The whole pseudo-header's, to be added to. */
static inline uint32_t
la_ip_pseudo_sum(const struct la_ip_pseudo *pseudo)
{
    return la_ip_ends_sum(&pseudo->src, &pseudo->dst) + pseudo->protocol +
           (pseudo->l4_bytes >> 16) + (pseudo->l4_bytes & 0xffff);
}

#endif
