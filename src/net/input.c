/* SPDX-License-Identifier: MIT
 *
 * input.c - frames in: the link header, and who serves the packet
 *
 * Read first: RFC 894; RFC 1122 2.3, 2.4 and 3.2.1.
 *
 * Byte order: network in frames, host in struct la_net_in.
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "base/assert.h"
#include "wire/ip.h"

enum { VLAN_ID_MASK = 0x0fff };

enum la_net_verdict
la_net_drop_frame(struct la_net *net, struct la_frame *take_frame, enum la_reason reason)
{
    la_net_drop(net, reason);
    la_frame_free(take_frame);
    return LA_NET_TAKEN;
}

struct la_bytes
la_net_peek_more(struct la_frame *frame)
{
    size_t len = la_frame_octets(frame);
    size_t want = len < NET_PEEK_BYTES ? len : NET_PEEK_BYTES;
    /* Within the frame's own room no memory is needed, so this holds; head_n says what is there. */
    (void)!la_frame_need(frame, want);
    return (struct la_bytes){frame->head, frame->head_n};
}

/* Is the frame for this station, and in no virtual network? RFC 894; IEEE 802.1Q: VLAN 0 is
 * none. */
static bool
eth_is_ours(const struct la_net_port *port, const struct la_eth_view *view)
{
    const uint8_t *dst = la_eth_view_dst(view);
    for (unsigned i = 0; i < la_eth_view_tags_n(view); i++) {
        if ((la_eth_view_tag_control(view, i) & VLAN_ID_MASK) != 0)
            return false;
    }
    return la_eth_is_group(dst) || memcmp(dst, port->cfg.mac, 6) == 0;
}

/* Apart, so that links without addresses do not pay for its registers. */
__attribute__((noinline)) static enum la_net_verdict
input_ethernet(struct la_net *net, struct la_frame *frame, struct la_net_in *in, la_instant now)
{
    struct la_eth_view view;
    if (!la_eth_view_init(&view, la_net_peek(frame, LA_ETH_HEADER_BYTES_MAX)))
        return la_net_drop_frame(net, frame, LA_REASON_FRAME_TOO_SHORT);
    if (!eth_is_ours(&net->port[in->iface], &view))
        return la_net_drop_frame(net, frame, LA_REASON_FRAME_NOT_FOR_US);
    in->link_broadcast = la_eth_is_group(la_eth_view_dst(&view));
    in->link_n = (uint8_t)view.header_bytes;
    uint16_t type = la_eth_view_type(&view);
    la_frame_pull(frame, view.header_bytes);
    if (type == LA_ETH_ARP)
        return la_arp_input(net, in->iface, frame, now);
    if (type != LA_ETH_IPV4 && type != LA_ETH_IPV6)
        return la_net_drop_frame(net, frame, LA_REASON_ETHERTYPE_UNKNOWN);
    struct la_bytes bytes = la_net_peek(frame, 1);
    if (bytes.n > 0 && (bytes.p[0] >> 4 == 6) != (type == LA_ETH_IPV6))
        return la_net_drop_frame(net, frame, LA_REASON_IP_VERSION);
    return la_net_input_ip(net, frame, in, now);
}

enum la_net_verdict
la_net_input(struct la_net *net, int iface, struct la_frame *take_frame, struct la_net_in *in,
             la_instant now)
{
    LA_ASSERT(iface >= 0 && iface < net->port_n);
    net->stats.frames_in++;
    in->iface = iface;
    in->link_broadcast = false;
    in->link_n = 0;
    in->came = (struct la_bytes){take_frame->head, take_frame->head_n};
    if (net->port[iface].cfg.caps.layer == LA_LINK_ETHERNET)
        return input_ethernet(net, take_frame, in, now);
    return la_net_input_ip(net, take_frame, in, now);
}

void
la_net_count_repeated(struct la_net *net)
{
    net->stats.frames_in++;
}

enum la_net_verdict
la_net_input_ip(struct la_net *net, struct la_frame *take_frame, struct la_net_in *in,
                la_instant now)
{
    struct la_bytes bytes = la_net_peek(take_frame, 1);
    if (bytes.n == 0)
        return la_net_drop_frame(net, take_frame, LA_REASON_FRAME_TOO_SHORT);
    if (bytes.p[0] >> 4 == 4)
        return la_net_input4(net, take_frame, in, now);
    if (bytes.p[0] >> 4 == 6)
        return la_net_input6(net, take_frame, in, now);
    return la_net_drop_frame(net, take_frame, LA_REASON_IP_VERSION);
}

/* RFC 1122 3.2.1.3 (a)-(g). What we sent ourselves may be from any address of ours. */
static bool
source_is_valid(const struct la_net_in *in, enum la_net_class class)
{
    if (class == LA_NET_CLASS_UNICAST)
        return true;
    if (in->iface == LA_NET_IFACE_LOCAL)
        return class == LA_NET_CLASS_OWN || class == LA_NET_CLASS_LOOPBACK;
    /* Duplicate address detection asks from :: (RFC 4861 4.3). */
    return class == LA_NET_CLASS_ANY && !la_addr_is_v4(&in->src) && in->protocol == LA_IP_ICMPV6;
}

static bool
destination_is_ours(const struct la_net *net, const struct la_net_in *in, enum la_net_class class)
{
    switch (class) {
    case LA_NET_CLASS_OWN:
        return true;
    case LA_NET_CLASS_LOOPBACK:
        return in->iface == LA_NET_IFACE_LOCAL;
    case LA_NET_CLASS_UNICAST:
        return in->iface != LA_NET_IFACE_LOCAL && net->port[in->iface].cfg.any_address;
    case LA_NET_CLASS_BROADCAST:
        return true;
    case LA_NET_CLASS_MULTICAST:
        return la_net_joined(net, &in->dst);
    case LA_NET_CLASS_ANY:
    case LA_NET_CLASS_INVALID:
        break;
    }
    return false;
}

enum la_reason
la_net_addresses_judge_new(struct la_net *net, struct la_net_in *in)
{
    enum la_net_class src = (enum la_net_class)la_net_dest(net, &in->src)->class;
    if (!source_is_valid(in, src))
        return LA_REASON_IP_SOURCE_INVALID;
    enum la_net_class dst = (enum la_net_class)la_net_dest(net, &in->dst)->class;
    if (!destination_is_ours(net, in, dst))
        return LA_REASON_IP_NOT_FOR_US;
    /* RFC 1122 3.3.6: a link broadcast carries only what is for many. */
    if (in->link_broadcast && dst != LA_NET_CLASS_BROADCAST && dst != LA_NET_CLASS_MULTICAST)
        return LA_REASON_FRAME_NOT_FOR_US;
    in->dst_class = (uint8_t)dst;
    if (src != LA_NET_CLASS_ANY && !in->link_broadcast)
        net->judged = (struct la_net_judged){in->src, in->dst, in->iface, in->dst_class};
    return LA_REASON_NONE;
}

/* RFC 1122 3.2.2.1: the sender learns that nobody here speaks the protocol. */
static enum la_net_verdict
protocol_unknown(struct la_net *net, struct la_frame *frame, const struct la_net_in *in,
                 la_instant now)
{
    if (in->protocol != LA_IP_NONE)
        la_net_icmp_unreachable(net, in, la_net_peek(frame, NET_PEEK_BYTES),
                                LA_NET_ICMP_PROTOCOL_UNREACHABLE, now);
    return la_net_drop_frame(net, frame, LA_REASON_IP_PROTOCOL_UNKNOWN);
}

enum la_net_verdict
la_net_input_other(struct la_net *net, struct la_frame *take_frame, struct la_net_in *in,
                   la_instant now)
{
    bool v4 = la_addr_is_v4(&in->src);
    if (in->protocol == LA_IP_TCP)
        return la_net_drop_frame(net, take_frame, LA_REASON_TCP_NOT_UNICAST);
    if (in->protocol == LA_IP_UDP)
        return la_udp_input(net, take_frame, in, now);
    if (in->protocol == LA_IP_ICMP && v4)
        return la_icmp4_input(net, take_frame, in, now);
    if (in->protocol == LA_IP_ICMPV6 && !v4)
        return la_icmp6_input(net, take_frame, in, now);
    return protocol_unknown(net, take_frame, in, now);
}

bool
la_net_has_local(const struct la_net *net)
{
    return net->local.n > 0 || net->failed.n > 0;
}

/* One of our own packets whose next hop did not answer, told as if a router had said so. */
static enum la_net_verdict
failed_next(struct la_net *net, struct la_frame *frame, struct la_net_in *in)
{
    *in = (struct la_net_in){.iface = LA_NET_IFACE_LOCAL};
    bool judged = la_icmp_quote_judge(&in->icmp, la_net_peek(frame, NET_PEEK_BYTES));
    la_frame_free(frame);
    if (!judged)
        return LA_NET_TAKEN;
    in->src = in->icmp.local.addr;
    in->dst = in->icmp.local.addr;
    in->icmp.kind = LA_NET_ICMP_HOST_UNREACHABLE;
    return la_icmp_deliver(net, in);
}

enum la_net_verdict
la_net_local_next(struct la_net *net, struct la_frame **out, struct la_net_in *in, la_instant now)
{
    *out = NULL;
    struct la_frame *frame = la_frameq_pop(&net->failed);
    if (frame)
        return failed_next(net, frame, in);
    frame = la_frameq_pop(&net->local);
    if (!frame)
        return LA_NET_IDLE;
    in->iface = LA_NET_IFACE_LOCAL;
    in->link_broadcast = false;
    in->came = (struct la_bytes){NULL, 0};
    enum la_net_verdict verdict = la_net_input_ip(net, frame, in, now);
    if (verdict == LA_NET_TCP)
        *out = frame;
    return verdict;
}
