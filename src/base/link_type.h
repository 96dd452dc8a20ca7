/* SPDX-License-Identifier: MIT
 *
 * link_type.h - numbers of link types, as capture files store them (LINKTYPE_ of libpcap)
 *
 * Read first: https://www.tcpdump.org/linktypes.html. Some systems gave raw IP numbers of their own
 * (DLT_RAW), and files with them exist: all are accepted.
 */
#ifndef LA_BASE_LINK_TYPE_H
#define LA_BASE_LINK_TYPE_H

enum la_link_type {
    LA_LINKTYPE_NULL = 0,         /* BSD loopback: a family in the byte order of the writer */
    LA_LINKTYPE_ETHERNET = 1,
    LA_LINKTYPE_PPP = 9,
    LA_LINKTYPE_DLT_RAW = 12,     /* DLT_RAW of most systems */
    LA_LINKTYPE_DLT_RAW_BSD = 14, /* DLT_RAW of OpenBSD */
    LA_LINKTYPE_PPP_HDLC = 50,    /* PPP in HDLC-like framing */
    LA_LINKTYPE_PPP_ETHER = 51,   /* PPPoE session, without an Ethernet header */
    LA_LINKTYPE_RAW = 101,        /* an IPv4 or IPv6 header comes first */
    LA_LINKTYPE_C_HDLC = 104,     /* Cisco HDLC */
    LA_LINKTYPE_IEEE802_11 = 105,
    LA_LINKTYPE_LOOP = 108,       /* OpenBSD loopback: a family in network order */
    LA_LINKTYPE_LINUX_SLL = 113,
    LA_LINKTYPE_RADIOTAP = 127,   /* radiotap header, then 802.11 */
    LA_LINKTYPE_PPP_DIR = 204,    /* PPP behind an octet of direction */
    LA_LINKTYPE_MPLS = 219,
    LA_LINKTYPE_IPV4 = 228,
    LA_LINKTYPE_IPV6 = 229,
    LA_LINKTYPE_NFLOG = 239,
    LA_LINKTYPE_LINUX_SLL2 = 276
};

#endif
