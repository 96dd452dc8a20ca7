/* SPDX-License-Identifier: MIT
 *
 * decode_link.c - link layers other than Ethernet
 *
 * Read first: https://www.tcpdump.org/linktypes.html; RFC 1661, RFC 1662, RFC 2516 (PPP); IEEE
 * 802.11 9.2.
 */
#include "explain/walk.h"
#include "wire/ethernet.h"
#include "base/link_type.h"
#include "wire/nflog.h"
#include "wire/ppp.h"
#include "wire/sll.h"
#include "wire/wlan.h"

enum {
    FAMILY_BYTES = 4,
    FAMILY_IP4 = 2, /* everywhere; that of IPv6 differs from system to system */
    FAMILY_IP6_LINUX = 10,
    FAMILY_IP6_BSD = 24,
    FAMILY_IP6_FREEBSD = 28,
    FAMILY_IP6_DARWIN = 30,
    SLL_LLC = 4,
    SLL_GRE_DEVICE = 778, /* ARPHRD_IPGRE: the protocol is GRE's */
    HDLC_BYTES = 4,       /* Cisco's: address, control, EtherType */
    WLAN_FRAGMENT_MASK = 0x0f
};

static enum la_walk_layer
family(struct la_walk *w, uint32_t number)
{
    switch (number) {
    case FAMILY_IP4:
        return LA_WALK_IP4;
    case FAMILY_IP6_LINUX:
    case FAMILY_IP6_BSD:
    case FAMILY_IP6_FREEBSD:
    case FAMILY_IP6_DARWIN:
        return LA_WALK_IP6;
    default:
        return la_walk_settle(w, LA_SEEN_NOT_IP);
    }
}

/* LINKTYPE_NULL is in the byte order of whoever wrote it, which is not said. Families are small, so
 * it is the order in which the number is. */
static enum la_walk_layer
loopback(struct la_walk *w)
{
    if (w->n < FAMILY_BYTES)
        return la_walk_short(w, FAMILY_BYTES);
    uint32_t number = la_get32(w->p);
    la_walk_skip(w, FAMILY_BYTES);
    return family(w, number > UINT16_MAX ? __builtin_bswap32(number) : number);
}

static enum la_walk_layer
cooked(struct la_walk *w, bool second)
{
    struct la_sll sll;
    struct la_bytes bytes = {w->p, w->n};
    size_t n = second ? LA_SLL2_BYTES : LA_SLL_BYTES;
    if (!(second ? la_sll2_judge(&sll, bytes) : la_sll_judge(&sll, bytes)))
        return la_walk_short(w, n);
    la_walk_skip(w, n);
    w->ethertype = sll.protocol;
    w->seen->direction = sll.packet_type == LA_SLL_FROM_US     ? LA_SEEN_OUTBOUND
                         : sll.packet_type <= LA_SLL_MULTICAST ? LA_SEEN_INBOUND
                                                               : LA_SEEN_DIRECTION_UNKNOWN;
    return sll.protocol == SLL_LLC ? LA_WALK_LLC : LA_WALK_ETHERTYPE;
}

enum la_walk_layer
la_walk_ppp(struct la_walk *w)
{
    struct la_ppp ppp;
    if (!la_ppp_judge(&ppp, la_walk_bytes(w)))
        return w->n < LA_PPP_BYTES_MAX ? la_walk_short(w, LA_PPP_BYTES_MAX)
                                       : la_walk_settle(w, LA_SEEN_MALFORMED);
    la_walk_skip(w, la_ppp_header_bytes(&ppp));
    switch (ppp.protocol) {
    case LA_PPP_IPV4:
        return LA_WALK_IP4;
    case LA_PPP_IPV6:
        return LA_WALK_IP6;
    case LA_PPP_MPLS:
        return LA_WALK_MPLS;
    case LA_PPP_COMPRESSED:
        return la_walk_settle(w, LA_SEEN_ENCRYPTED);
    default:
        return la_walk_settle(w, LA_SEEN_NOT_IP);
    }
}

enum la_walk_layer
la_walk_pppoe(struct la_walk *w)
{
    struct la_pppoe pppoe;
    if (!la_pppoe_judge(&pppoe, la_walk_bytes(w)))
        return w->n < LA_PPPOE_BYTES ? la_walk_short(w, LA_PPPOE_BYTES)
                                     : la_walk_settle(w, LA_SEEN_MALFORMED);
    struct la_seen_layer *layer = la_walk_layer(w, LA_SEEN_LAYER_PPPOE);
    if (layer == NULL)
        return LA_WALK_END;
    layer->id = pppoe.session;
    layer->has_id = true;
    la_walk_skip(w, LA_PPPOE_BYTES);
    return pppoe.code == LA_PPPOE_SESSION ? LA_WALK_PPP : la_walk_settle(w, LA_SEEN_NOT_IP);
}

/* Cisco's HDLC; in PPP's framing its addresses tell it apart (RFC 1547 4.3.1). */
static enum la_walk_layer
hdlc(struct la_walk *w, bool always)
{
    if (w->n < HDLC_BYTES)
        return la_walk_short(w, HDLC_BYTES);
    if (!always && ((w->p[0] != 0x0f && w->p[0] != 0x8f) || w->p[1] != 0))
        return LA_WALK_PPP;
    w->ethertype = la_get16(w->p + 2);
    la_walk_skip(w, HDLC_BYTES);
    return w->ethertype >= LA_ETH_TYPE_MIN ? LA_WALK_ETHERTYPE : la_walk_settle(w, LA_SEEN_NOT_IP);
}

static enum la_walk_layer
wlan(struct la_walk *w, bool padded)
{
    struct la_wlan header;
    switch (la_wlan_judge(&header, la_walk_bytes(w))) {
    case LA_WLAN_SHORT:
        return la_walk_short(w, LA_WLAN_BYTES_MAX);
    case LA_WLAN_NO_DATA:
        return la_walk_settle(w, LA_SEEN_NOT_IP);
    case LA_WLAN_DATA:
        break;
    }
    size_t n = la_wlan_header_bytes(&header);
    n = padded ? (n + 3) & ~(size_t)3 : n;
    if (header.subtype & LA_WLAN_NULL)
        return la_walk_settle(w, LA_SEEN_NOT_IP);
    if (header.flags & LA_WLAN_PROTECTED)
        return la_walk_settle(w, LA_SEEN_ENCRYPTED);
    if ((header.flags & LA_WLAN_MORE_FRAGMENTS) || (header.sequence & WLAN_FRAGMENT_MASK) != 0)
        return la_walk_settle(w, LA_SEEN_FRAGMENT);
    if (w->n < n)
        return la_walk_short(w, n);
    la_walk_skip(w, n);
    /* An A-MSDU holds subframes that look like Ethernet's with a length; the first one is taken. */
    return (header.subtype & LA_WLAN_QOS) && (header.qos & LA_WLAN_QOS_AMSDU) ? LA_WALK_ETHERNET
                                                                              : LA_WALK_LLC;
}

static enum la_walk_layer
radiotap(struct la_walk *w)
{
    struct la_radiotap header;
    if (!la_radiotap_judge(&header, la_walk_bytes(w)))
        return w->n < LA_RADIOTAP_BYTES_MIN ? la_walk_short(w, LA_RADIOTAP_BYTES_MIN)
                                            : la_walk_settle(w, LA_SEEN_MALFORMED);
    la_walk_skip(w, header.header_bytes);
    return wlan(w, header.padded);
}

static enum la_walk_layer
nflog(struct la_walk *w)
{
    struct la_nflog header;
    if (!la_nflog_judge(&header, la_walk_bytes(w)))
        return la_walk_settle(w, w->n < w->wire_n ? LA_SEEN_SNAPPED : LA_SEEN_MALFORMED);
    la_walk_skip(w, (size_t)(header.packet.p - w->p));
    la_walk_limit(w, w->n < w->wire_n ? w->wire_n : header.packet.n);
    return header.family == 0 ? LA_WALK_IP : family(w, header.family);
}

static enum la_walk_layer
ppp_with_direction(struct la_walk *w)
{
    if (w->n == 0)
        return la_walk_short(w, 1);
    w->seen->direction = w->p[0] == 0 ? LA_SEEN_INBOUND : LA_SEEN_OUTBOUND;
    la_walk_skip(w, 1);
    return LA_WALK_PPP;
}

enum la_walk_layer
la_walk_link(struct la_walk *w)
{
    switch (w->link_type) {
    case LA_LINKTYPE_ETHERNET:
        return LA_WALK_ETHERNET;
    case LA_LINKTYPE_RAW:
    case LA_LINKTYPE_DLT_RAW:
    case LA_LINKTYPE_DLT_RAW_BSD:
        return LA_WALK_IP;
    case LA_LINKTYPE_IPV4:
        return LA_WALK_IP4;
    case LA_LINKTYPE_IPV6:
        return LA_WALK_IP6;
    case LA_LINKTYPE_NULL:
    case LA_LINKTYPE_LOOP:
        return loopback(w);
    case LA_LINKTYPE_LINUX_SLL:
        return cooked(w, false);
    case LA_LINKTYPE_LINUX_SLL2:
        return cooked(w, true);
    case LA_LINKTYPE_PPP:
        return LA_WALK_PPP;
    case LA_LINKTYPE_PPP_HDLC:
        return hdlc(w, false);
    case LA_LINKTYPE_PPP_DIR:
        return ppp_with_direction(w);
    case LA_LINKTYPE_PPP_ETHER:
        return LA_WALK_PPPOE;
    case LA_LINKTYPE_C_HDLC:
        return hdlc(w, true);
    case LA_LINKTYPE_IEEE802_11:
        return wlan(w, false);
    case LA_LINKTYPE_RADIOTAP:
        return radiotap(w);
    case LA_LINKTYPE_MPLS:
        return LA_WALK_MPLS;
    case LA_LINKTYPE_NFLOG:
        return nflog(w);
    default:
        return la_walk_settle(w, LA_SEEN_UNKNOWN_LINK);
    }
}
