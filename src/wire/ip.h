/* SPDX-License-Identifier: MIT
 *
 * ip.h - what IPv4 and IPv6 share: protocol numbers and the pseudo-header
 */
#ifndef LA_WIRE_IP_H
#define LA_WIRE_IP_H

#include <lastack/base.h>

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

/* The pseudo-header's partial sum (RFC 9293 3.1, RFC 8200 8.1), to be added to. Pure. */
uint32_t la_ip_pseudo_sum(const struct la_ip_pseudo *pseudo);

#endif
