/* SPDX-License-Identifier: MIT
 *
 * packet.c - TCP segments in IP packets, taken apart and made by hand
 *
 * Read first: RFC 791 3.1; RFC 8200 3; RFC 9293 3.1.
 */
#include "lab/packet.h"

#include <string.h>

#include "base/addr.h"
#include "base/checksum.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum { HEADERS_BYTES_MAX = LA_IP4_HEADER_BYTES_MAX + LA_TCP_HEADER_BYTES_MAX, TTL_HOPS = 64 };
enum { CHECKSUM_OFF = 16 };

/* ---- reading ---------------------------------------------------------------------------- */

/* Where TCP begins, 0 = it does not. *l4_bytes: header and text, as IP says. */
static size_t
read_ip(struct la_lab_packet *out, struct la_bytes bytes, size_t *l4_bytes)
{
    struct la_ip4_view v4;
    struct la_ip6_view v6;
    if (la_ip4_view_init(&v4, bytes)) {
        size_t total_bytes = la_ip4_view_total_bytes(&v4);
        if (la_ip4_view_protocol(&v4) != LA_IP_TCP || total_bytes < v4.header_bytes)
            return 0;
        out->src.addr = la_ip4_view_src(&v4);
        out->dst.addr = la_ip4_view_dst(&v4);
        *l4_bytes = total_bytes - v4.header_bytes;
        return v4.header_bytes;
    }
    if (!la_ip6_view_init(&v6, bytes))
        return 0;
    struct la_ip6 ip;
    la_ip6_judge(&ip, &v6);
    if (ip.next_header != LA_IP_TCP)
        return 0;
    out->src.addr = ip.src;
    out->dst.addr = ip.dst;
    *l4_bytes = ip.payload_bytes;
    return LA_IP6_HEADER_BYTES;
}

static bool
read_headers(struct la_lab_packet *out, struct la_bytes bytes, size_t *text_off)
{
    *out = (struct la_lab_packet){.src.port = 0};
    size_t l4_bytes;
    size_t off = read_ip(out, bytes, &l4_bytes);
    struct la_tcp_view view;
    if (off == 0 || !la_tcp_view_init(&view, (struct la_bytes){bytes.p + off, bytes.n - off}) ||
        l4_bytes < view.header_bytes)
        return false;
    la_tcp_seg_judge(&out->seg, &view, (uint32_t)(l4_bytes - view.header_bytes));
    out->src.port = out->seg.src_port;
    out->dst.port = out->seg.dst_port;
    out->options = la_tcp_view_options(&view);
    *text_off = off + view.header_bytes;
    return true;
}

bool
la_lab_packet_read(struct la_lab_packet *out, struct la_bytes bytes)
{
    size_t text_off;
    if (!read_headers(out, bytes, &text_off) || bytes.n - text_off < out->seg.text_bytes)
        return false;
    out->text = (struct la_bytes){bytes.p + text_off, out->seg.text_bytes};
    return true;
}

bool
la_lab_packet_of_frame(struct la_lab_packet *out, const struct la_frame *frame)
{
    uint8_t headers[HEADERS_BYTES_MAX];
    size_t text_off;
    size_t n = la_frame_copy_out(frame, 0, headers, sizeof(headers));
    bool good = read_headers(out, (struct la_bytes){headers, n}, &text_off);
    out->options = (struct la_bytes){NULL, 0}; /* they would point into `headers` */
    return good;
}

/* ---- making ----------------------------------------------------------------------------- */

static size_t
put_ip(const struct la_lab_packet *packet, size_t l4_bytes, struct la_room room)
{
    if (la_addr_is_v4(&packet->dst.addr)) {
        struct la_ip4 ip = {
            .src = packet->src.addr,
            .dst = packet->dst.addr,
            .total_bytes = (uint16_t)(LA_IP4_HEADER_BYTES + l4_bytes),
            .ttl_hops = TTL_HOPS,
            .protocol = LA_IP_TCP,
            .dont_fragment = true,
        };
        return la_ip4_emit(&ip, room);
    }
    struct la_ip6 ip = {
        .src = packet->src.addr,
        .dst = packet->dst.addr,
        .payload_bytes = (uint16_t)l4_bytes,
        .next_header = LA_IP_TCP,
        .hop_limit = TTL_HOPS,
    };
    return la_ip6_emit(&ip, room);
}

/* The header with `options` in place of those that the meaning would give. */
static size_t
put_tcp(const struct la_lab_packet *packet, struct la_room room)
{
    struct la_tcp_seg seg = packet->seg;
    seg.src_port = packet->src.port;
    seg.dst_port = packet->dst.port;
    if (packet->options.n == 0)
        return la_tcp_seg_emit(&seg, room);
    seg.has = 0;
    seg.sack_n = 0;
    size_t n = la_tcp_seg_emit(&seg, room);
    size_t padded_n = (packet->options.n + 3) / 4 * 4;
    memset(room.p + n, LA_TCP_OPT_EOL, padded_n);
    memcpy(room.p + n, packet->options.p, packet->options.n);
    n += padded_n;
    room.p[12] = (uint8_t)(n / 4 << 4 | (room.p[12] & 1)); /* the data offset, and AE */
    return n;
}

size_t
la_lab_packet_make(const struct la_lab_packet *packet, struct la_room room)
{
    bool v4 = la_addr_is_v4(&packet->dst.addr);
    size_t ip_bytes = v4 ? (size_t)LA_IP4_HEADER_BYTES : (size_t)LA_IP6_HEADER_BYTES;
    if (packet->options.n > LA_LAB_OPTIONS_BYTES_MAX ||
        packet->text.n > LA_LAB_PACKET_BYTES_MAX - HEADERS_BYTES_MAX ||
        room.n < ip_bytes + LA_TCP_HEADER_BYTES_MAX + packet->text.n)
        return 0;
    uint8_t *l4 = room.p + ip_bytes;
    size_t l4_bytes = put_tcp(packet, (struct la_room){l4, room.n - ip_bytes});
    if (packet->text.n != 0)
        memcpy(l4 + l4_bytes, packet->text.p, packet->text.n);
    l4_bytes += packet->text.n;
    struct la_ip_pseudo pseudo = {packet->src.addr, packet->dst.addr, LA_IP_TCP,
                                  (uint32_t)l4_bytes};
    uint32_t sum = la_sum_combine(la_ip_pseudo_sum(&pseudo), la_sum_portable(l4, l4_bytes), 0);
    la_put16(l4 + CHECKSUM_OFF, (uint16_t)~la_sum_fold(sum));
    return put_ip(packet, l4_bytes, room) + l4_bytes;
}
