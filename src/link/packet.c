/* SPDX-License-Identifier: MIT
 *
 * packet.c - whose packet is this?
 */
#include "base/frame.h"
#include "link/packet.h"
#include "wire/ethernet.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

/* Ethernet with tags, the longest IPv4 or the usual IPv6 headers, and TCP's. */
enum { LOOK_BYTES = 160, FRAG_OFF_MASK = 0xFFF8 };

static struct la_bytes
behind(struct la_bytes bytes, size_t n)
{
    return (struct la_bytes){bytes.p + n, bytes.n - n};
}

static void
read_upper(struct la_wire_packet *out, struct la_bytes upper)
{
    struct la_tcp_view tcp;
    struct la_udp_view udp;
    if (out->protocol == LA_IP_TCP && la_tcp_view_init(&tcp, upper)) {
        out->src.port = la_tcp_view_src_port(&tcp);
        out->dst.port = la_tcp_view_dst_port(&tcp);
        out->tcp_flags = la_tcp_view_flags(&tcp);
        out->tcp_seq = la_tcp_view_seq(&tcp);
    } else if (out->protocol == LA_IP_UDP && la_udp_view_init(&udp, upper)) {
        out->src.port = la_udp_view_src_port(&udp);
        out->dst.port = la_udp_view_dst_port(&udp);
    }
}

static void
read_ip6(struct la_wire_packet *out, const struct la_ip6_view *ip, struct la_bytes payload)
{
    struct la_ip6_ext_iter it = la_ip6_ext_iter(la_ip6_view_next_header(ip), payload);
    struct la_ip6_ext ext;
    bool later_fragment = false;
    while (la_ip6_ext_next(&it, &ext))
        later_fragment |=
            ext.kind == LA_IP_FRAGMENT && (la_get16(ext.bytes.p + 2) & FRAG_OFF_MASK) != 0;
    out->src.addr = la_ip6_view_src(ip);
    out->dst.addr = la_ip6_view_dst(ip);
    out->protocol = it.next;
    if (!later_fragment && !it.truncated)
        read_upper(out, it.rest);
}

static void
read_ip(struct la_wire_packet *out, struct la_bytes bytes)
{
    struct la_ip4_view ip4;
    struct la_ip6_view ip6;
    if (la_ip4_view_init(&ip4, bytes)) {
        out->src.addr = la_ip4_view_src(&ip4);
        out->dst.addr = la_ip4_view_dst(&ip4);
        out->protocol = la_ip4_view_protocol(&ip4);
        if (la_ip4_view_frag_off_bytes(&ip4) == 0)
            read_upper(out, behind(bytes, ip4.header_bytes));
    } else if (la_ip6_view_init(&ip6, bytes)) {
        read_ip6(out, &ip6, behind(bytes, LA_IP6_HEADER_BYTES));
    }
}

void
la_wire_packet_read(struct la_wire_packet *out, const struct la_frame *frame,
                    enum la_link_layer layer)
{
    uint8_t look[LOOK_BYTES];
    struct la_bytes bytes = {frame->head, frame->head_n};
    struct la_eth_view eth;
    *out = (struct la_wire_packet){0};
    if (frame->head_n < LOOK_BYTES && frame->payload.len != 0)
        bytes = (struct la_bytes){look, la_frame_copy_out(frame, 0, look, LOOK_BYTES)};
    if (layer == LA_LINK_ETHERNET) {
        if (!la_eth_view_init(&eth, bytes) ||
            (la_eth_view_type(&eth) != LA_ETH_IPV4 && la_eth_view_type(&eth) != LA_ETH_IPV6))
            return;
        bytes = behind(bytes, eth.header_bytes);
    }
    read_ip(out, bytes);
}

/* Octets before the IP packet; a frame too short for them is all header. */
static size_t
link_header_bytes(const struct la_frame *frame, enum la_link_layer layer)
{
    uint8_t look[LA_ETH_HEADER_BYTES_MAX];
    struct la_eth_view eth;
    if (layer == LA_LINK_IP)
        return 0;
    struct la_bytes bytes = {look, la_frame_copy_out(frame, 0, look, sizeof(look))};
    return la_eth_view_init(&eth, bytes) ? eth.header_bytes : bytes.n;
}

size_t
la_wire_packet_bytes(const struct la_frame *frame, enum la_link_layer layer)
{
    return la_frame_octets(frame) - link_header_bytes(frame, layer);
}

size_t
la_wire_packet_bytes_max(const struct la_frame *frame, enum la_link_layer layer)
{
    size_t whole = la_wire_packet_bytes(frame, layer);
    size_t segment = frame->head_n - link_header_bytes(frame, layer) + frame->gso_size;
    return frame->gso_size != 0 && segment < whole ? segment : whole;
}
