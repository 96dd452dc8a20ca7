/* SPDX-License-Identifier: MIT
 *
 * header.c - the IP header: what a run of packets has in common, and what each has of its own
 *
 * Read first: RFC 791 3.1; RFC 6864 (the identification field); RFC 8200 3; RFC 1071 2.
 *
 * Of a flow's packets only lengths and, where it is needed, the identification differ. So what
 * stands in the header and the pseudo-header's sum are found once, without these, and completed per
 * packet.
 */
#include "net/internal.h"

#include "base/addr.h"
#include "wire/ip.h"

enum { TCP_HEADER_BYTES_MIN = 20, TCP_OFFSET_OCTET = 12, NO_CHECKSUM = -1 };

/* ---- once ------------------------------------------------------------------------------- */

/* Where a protocol that has a pseudo-header keeps its checksum. */
static int8_t
checksum_off(uint8_t protocol, bool v4)
{
    switch (protocol) {
    case LA_IP_TCP:
        return 16;
    case LA_IP_UDP:
        return 6;
    case LA_IP_ICMPV6:
        return v4 ? NO_CHECKSUM : 2;
    default:
        return NO_CHECKSUM;
    }
}

static void
init_ip4(struct la_net_header *header, const struct la_net_out *out)
{
    const struct la_ip4_common common = {
        .src = &out->src,
        .dst = &out->dst,
        .ttl_hops = out->ttl_hops ? out->ttl_hops : NET_TTL_DEFAULT,
        .protocol = out->protocol,
        .dscp_ecn = out->dscp_ecn,
        .dont_fragment = out->dont_fragment,
    };
    header->n = LA_IP4_HEADER_BYTES;
    la_ip4_stencil_init(&header->ip.v4, &common);
}

static void
init_ip6(struct la_net_header *header, const struct la_net_out *out)
{
    const struct la_ip6 ip = {
        .src = out->src,
        .dst = out->dst,
        .next_header = out->protocol,
        .hop_limit = out->ttl_hops ? out->ttl_hops : NET_TTL_DEFAULT,
        .dscp_ecn = out->dscp_ecn,
    };
    header->n = LA_IP6_HEADER_BYTES;
    (void)la_ip6_emit(&ip, (struct la_room){header->ip.v6, LA_IP6_HEADER_BYTES});
}

la_err
la_net_header_init(struct la_net_header *header, const struct la_net_out *out)
{
    bool v4 = la_addr_is_mapped(&out->dst);
    if (la_addr_is_mapped(&out->src) != v4)
        return LA_ERR_BAD_ARGUMENT;
    header->v4 = v4;
    header->protocol = out->protocol;
    /* RFC 6864 4.1: only what may be fragmented needs an identification. */
    header->identified = v4 && !out->dont_fragment;
    header->checksum_off = checksum_off(out->protocol, v4);
    header->pseudo_sum = la_sum_fold(la_ip_ends_sum(&out->src, &out->dst) + out->protocol);
    header->summed = out->summed;
    header->l4_sum = out->l4_sum;
    if (v4)
        init_ip4(header, out);
    else
        init_ip6(header, out);
    return LA_OK;
}

/* ---- per packet ------------------------------------------------------------------------- */

/* Marks a super-segment for what it is; one that fits a single segment is none. False: its headers
 * are not in the head. */
static bool
gso_mark(struct la_frame *frame, const struct la_net_header *header)
{
    frame->gso_kind = LA_GSO_NONE;
    if (frame->gso_size == 0)
        return true;
    if (header->protocol != LA_IP_TCP || frame->head_n < TCP_HEADER_BYTES_MIN)
        return false;
    uint32_t header_n = (uint32_t)(frame->head[TCP_OFFSET_OCTET] >> 4) * 4;
    if (header_n < TCP_HEADER_BYTES_MIN || header_n > frame->head_n)
        return false;
    if (la_frame_octets(frame) <= header_n + frame->gso_size)
        frame->gso_size = 0;
    else
        frame->gso_kind = header->v4 ? LA_GSO_TCPV4 : LA_GSO_TCPV6;
    return true;
}

/* The largest IP packet that leaves the host: one piece of a super-segment, or the packet. */
static size_t
packet_bytes(const struct la_frame *frame, size_t header_n, size_t l4_bytes)
{
    if (frame->gso_size == 0)
        return header_n + l4_bytes;
    return header_n + (size_t)(frame->head[TCP_OFFSET_OCTET] >> 4) * 4 + frame->gso_size;
}

static bool
checksum_mark(struct la_frame *frame, const struct la_net_header *header, size_t l4_bytes)
{
    int off = header->checksum_off;
    frame->csum = LA_CSUM_VALID;
    if (off == NO_CHECKSUM)
        return true;
    if (frame->head_n < (uint32_t)off + 2)
        return false;
    uint32_t sum = header->pseudo_sum + (uint32_t)l4_bytes;
    if (header->summed) {
        la_put16(frame->head + off, (uint16_t)~la_sum_fold(sum + header->l4_sum));
        return true;
    }
    la_put16(frame->head + off, la_sum_fold(sum));
    frame->csum = LA_CSUM_PARTIAL;
    frame->csum_start = 0;
    frame->csum_off = (uint16_t)off;
    return true;
}

static void
put(struct la_net *net, const struct la_net_header *header, struct la_frame *frame, size_t l4_bytes)
{
    uint8_t *p = la_frame_push(frame, header->n);
    if (!header->v4) {
        memcpy(p, header->ip.v6, LA_IP6_HEADER_BYTES);
        la_ip6_put_payload_bytes(p, (uint16_t)l4_bytes);
        return;
    }
    uint16_t id = header->identified ? (uint16_t)la_rng_next(&net->rng_id) : 0;
    la_ip4_stencil_emit(&header->ip.v4, (uint16_t)(LA_IP4_HEADER_BYTES + l4_bytes), id, p);
}

la_err
la_net_header_push(struct la_net *net, const struct la_net_header *header, struct la_frame *frame,
                   uint32_t mtu_bytes)
{
    size_t l4_bytes = la_frame_octets(frame);
    if (!gso_mark(frame, header))
        return LA_ERR_BAD_ARGUMENT;
    /* Both length fields have 16 bits, that of IPv4 counts the header. */
    if (l4_bytes + header->n > UINT16_MAX)
        return LA_ERR_MESSAGE_TOO_BIG;
    if (packet_bytes(frame, header->n, l4_bytes) > mtu_bytes)
        return LA_ERR_MESSAGE_TOO_BIG;
    if (!checksum_mark(frame, header, l4_bytes))
        return LA_ERR_BAD_ARGUMENT;
    put(net, header, frame, l4_bytes);
    return LA_OK;
}
