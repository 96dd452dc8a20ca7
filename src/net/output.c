/* SPDX-License-Identifier: MIT
 *
 * output.c - packets out: IP header, checksum mark, next hop
 *
 * Read first: RFC 1122 3.2.1 and 3.3.1; RFC 6864 (the identification field); RFC 8200 3.
 */
#include "net/internal.h"

#include "base/addr.h"
#include "base/assert.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum { TCP_HEADER_BYTES_MIN = 20, TCP_OFFSET_OCTET = 12, NO_CHECKSUM = -1 };

/* Where a protocol that has a pseudo-header keeps its checksum. */
static int
checksum_off(const struct la_net_out *out)
{
    switch (out->protocol) {
    case LA_IP_TCP:
        return 16;
    case LA_IP_UDP:
        return 6;
    case LA_IP_ICMPV6:
        return la_addr_is_v4(&out->dst) ? NO_CHECKSUM : 2;
    default:
        return NO_CHECKSUM;
    }
}

static bool
checksum_mark(struct la_frame *frame, const struct la_net_out *out)
{
    int off = checksum_off(out);
    frame->csum = LA_CSUM_VALID;
    if (off == NO_CHECKSUM)
        return true;
    if (frame->head_n < (uint32_t)off + 2)
        return false;
    struct la_ip_pseudo pseudo = {out->src, out->dst, out->protocol, (uint32_t)la_frame_len(frame)};
    la_put16(frame->head + off, la_sum_fold(la_ip_pseudo_sum(&pseudo)));
    frame->csum = LA_CSUM_PARTIAL;
    frame->csum_start = 0;
    frame->csum_off = (uint16_t)off;
    return true;
}

/* Marks a super-segment for what it is; one that fits a single segment is none. False: its headers
 * are not in the head. */
static bool
gso_mark(struct la_frame *frame, const struct la_net_out *out)
{
    frame->gso_kind = LA_GSO_NONE;
    if (frame->gso_size == 0)
        return true;
    if (out->protocol != LA_IP_TCP || frame->head_n < TCP_HEADER_BYTES_MIN)
        return false;
    uint32_t header_n = (uint32_t)(frame->head[TCP_OFFSET_OCTET] >> 4) * 4;
    if (header_n < TCP_HEADER_BYTES_MIN || header_n > frame->head_n)
        return false;
    if (la_frame_len(frame) <= header_n + frame->gso_size)
        frame->gso_size = 0;
    else
        frame->gso_kind = la_addr_is_v4(&out->dst) ? LA_GSO_TCPV4 : LA_GSO_TCPV6;
    return true;
}

/* The largest IP packet that leaves the host: one piece of a super-segment, or the packet. */
static size_t
packet_bytes(const struct la_frame *frame, size_t ip_header_n)
{
    if (frame->gso_size == 0)
        return ip_header_n + la_frame_len(frame);
    return ip_header_n + (size_t)(frame->head[TCP_OFFSET_OCTET] >> 4) * 4 + frame->gso_size;
}

static void
push_ip4(struct la_net *net, struct la_frame *frame, const struct la_net_out *out)
{
    struct la_ip4 ip = {
        .src = out->src,
        .dst = out->dst,
        .total_bytes = (uint16_t)(LA_IP4_HEADER_BYTES + la_frame_len(frame)),
        .ttl_hops = out->ttl_hops ? out->ttl_hops : NET_TTL_DEFAULT,
        .protocol = out->protocol,
        .dscp_ecn = out->dscp_ecn,
        .dont_fragment = out->dont_fragment,
    };
    /* RFC 6864 4.1: only what may be fragmented needs an identification. */
    if (!out->dont_fragment)
        ip.id = (uint16_t)la_rng_next(&net->rng_id);
    uint8_t *p = la_frame_push(frame, LA_IP4_HEADER_BYTES);
    la_ip4_emit(&ip, (struct la_room){p, LA_IP4_HEADER_BYTES});
}

static void
push_ip6(struct la_frame *frame, const struct la_net_out *out)
{
    struct la_ip6 ip = {
        .src = out->src,
        .dst = out->dst,
        .payload_bytes = (uint16_t)la_frame_len(frame),
        .next_header = out->protocol,
        .hop_limit = out->ttl_hops ? out->ttl_hops : NET_TTL_DEFAULT,
        .dscp_ecn = out->dscp_ecn,
    };
    uint8_t *p = la_frame_push(frame, LA_IP6_HEADER_BYTES);
    la_ip6_emit(&ip, (struct la_room){p, LA_IP6_HEADER_BYTES});
}

la_err
la_net_encapsulate(struct la_net *net, struct la_frame *frame, const struct la_net_out *out,
                   uint32_t mtu_bytes)
{
    bool v4 = la_addr_is_v4(&out->dst);
    size_t header_n = v4 ? LA_IP4_HEADER_BYTES : LA_IP6_HEADER_BYTES;
    if (la_addr_is_v4(&out->src) != v4)
        return LA_ERR_BAD_ARGUMENT;
    if (!gso_mark(frame, out))
        return LA_ERR_BAD_ARGUMENT;
    /* Both length fields have 16 bits, that of IPv4 counts the header. */
    if (la_frame_len(frame) + header_n > UINT16_MAX)
        return LA_ERR_MESSAGE_TOO_BIG;
    if (packet_bytes(frame, header_n) > mtu_bytes)
        return LA_ERR_MESSAGE_TOO_BIG;
    if (!checksum_mark(frame, out))
        return LA_ERR_BAD_ARGUMENT;
    if (v4)
        push_ip4(net, frame, out);
    else
        push_ip6(frame, out);
    return LA_OK;
}

/* Counts, frees, returns the error. */
static la_err
refuse(struct la_net *net, struct la_frame *frame, la_err err)
{
    if (err == LA_ERR_NO_ROUTE)
        la_net_drop(net, LA_REASON_NO_ROUTE);
    else if (err == LA_ERR_MESSAGE_TOO_BIG)
        la_net_drop(net, LA_REASON_PACKET_TOO_BIG);
    else if (err == LA_ERR_NO_MEMORY)
        la_net_drop(net, LA_REASON_TX_QUEUE_FULL);
    la_frame_free(frame);
    return err;
}

/* Groups have addresses of their own on the link (RFC 1112 6.4, RFC 2464 7). */
static void
group_mac(const struct la_addr *dst, uint8_t mac[6])
{
    if (la_addr_is_v4(dst) && !la_addr_is_multicast(dst)) {
        for (unsigned i = 0; i < 6; i++)
            mac[i] = 0xff;
        return;
    }
    bool v4 = la_addr_is_v4(dst);
    mac[0] = v4 ? 0x01 : 0x33;
    mac[1] = v4 ? 0x00 : 0x33;
    mac[2] = v4 ? 0x5e : dst->b[12];
    mac[3] = v4 ? dst->b[13] & 0x7f : dst->b[13];
    mac[4] = dst->b[14];
    mac[5] = dst->b[15];
}

static void
send_on(struct la_net *net, const struct la_net_dest *dest, struct la_frame *frame, la_instant now)
{
    int iface = dest->route.iface;
    uint16_t type = la_addr_is_v4(&dest->addr) ? LA_ETH_IPV4 : LA_ETH_IPV6;
    if (net->port[iface].cfg.caps.layer == LA_LINK_IP) {
        la_net_emit(net, iface, NULL, type, frame);
    } else if (dest->class == LA_NET_CLASS_MULTICAST || dest->class == LA_NET_CLASS_BROADCAST) {
        uint8_t mac[6];
        group_mac(&dest->addr, mac);
        la_net_emit(net, iface, mac, type, frame);
    } else {
        la_neigh_send(net, iface, &dest->route.next_hop, frame, now);
    }
}

la_err
la_net_output(struct la_net *net, struct la_frame *take_frame, const struct la_net_out *out,
              la_instant now)
{
    const struct la_net_dest *dest = la_net_dest(net, &out->dst);
    if (dest->err != LA_OK)
        return refuse(net, take_frame, dest->err);
    if (la_addr_is_any(&out->src))
        return refuse(net, take_frame, LA_ERR_BAD_ARGUMENT);
    if (la_net_tx_room(net, dest->route.iface) == 0)
        return refuse(net, take_frame, LA_ERR_NO_MEMORY);
    la_err err = la_net_encapsulate(net, take_frame, out, dest->route.mtu_bytes);
    if (err != LA_OK)
        return refuse(net, take_frame, err);
    if (dest->route.iface == LA_NET_IFACE_LOCAL)
        la_frameq_push(&net->local, take_frame);
    else
        send_on(net, dest, take_frame, now);
    return LA_OK;
}
