/* SPDX-License-Identifier: MIT
 *
 * dissect.c - a frame taken apart, field by field
 *
 * Read first: RFC 894, RFC 826, RFC 791 3.1, RFC 8200 3, RFC 9293 3.1, RFC 768, RFC 792,
 * RFC 4861 4.3 and 4.4. The codecs of wire/ do the reading where a field is more than a number.
 */
#include "lab/dissect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "lab/print.h"
#include "story/text.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

enum { OFF_END_COL = 4, HEX_COL = 6, HEX_N = 6, NAME_COL = 25, MEANING_COL = 41 };
enum { TEXT_N_NARROW = 8, TEXT_N_WIDE = 16, TEXT_WIDE_COLUMNS = 72, HEX_COLUMNS = 3 };
enum { ICMP6_NA_BITS = LA_ICMP6_NA_SOLICITED | LA_ICMP6_NA_OVERRIDE };

/* Where we are in the frame. */
struct sheet {
    const struct la_story_cfg *story;
    const uint8_t *p;
    size_t n, off;
    uint32_t width;
};

static struct la_bytes
rest(const struct sheet *s)
{
    return (struct la_bytes){s->p + s->off, s->n - s->off};
}

/* ---- lines ------------------------------------------------------------------------------ */

static void
put_hex(const struct sheet *s, struct canvas *canvas, size_t off, size_t n)
{
    char text[8];
    snprintf(text, sizeof(text), "%zu", off);
    la_canvas_put_right(canvas, OFF_END_COL, STYLE_DIM, text);
    for (size_t i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "%02x", s->p[off + i]);
        la_canvas_put(canvas, HEX_COL + (uint32_t)i * HEX_COLUMNS, STYLE_PLAIN, text);
    }
}

/* The next n octets are one field. */
__attribute__((format(printf, 4, 5))) static void
field(struct sheet *s, size_t n, const char *name, const char *format, ...)
{
    char meaning[200];
    struct canvas canvas;
    struct text line;
    va_list args;
    va_start(args, format);
    vsnprintf(meaning, sizeof(meaning), format, args);
    va_end(args);
    const char *left = meaning;
    size_t shown_n = 0;
    if (n > s->n - s->off)
        n = s->n - s->off;
    do {
        size_t now_n = n - shown_n < HEX_N ? n - shown_n : HEX_N;
        la_canvas_clear(&canvas, s->width);
        if (now_n != 0)
            put_hex(s, &canvas, s->off + shown_n, now_n);
        if (shown_n == 0)
            la_canvas_put(&canvas, NAME_COL, STYLE_STRONG, name);
        name = "";
        if (*left != 0) {
            left = la_text_wrap(left, s->width - MEANING_COL, &line);
            la_canvas_put(&canvas, MEANING_COL, STYLE_PLAIN, line.p);
        }
        la_canvas_write(&canvas, s->story->flags, &s->story->ladder);
        shown_n += now_n;
    } while (shown_n < n || *left != 0);
    s->off += n;
}

__attribute__((format(printf, 2, 3))) static void
layer(const struct sheet *s, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    la_lab_put_heading(s->story, text);
}

/* What no header claims: octets and letters. */
static void
data(struct sheet *s)
{
    size_t row_n = s->width >= TEXT_WIDE_COLUMNS ? TEXT_N_WIDE : TEXT_N_NARROW;
    struct canvas canvas;
    while (s->off < s->n) {
        size_t n = s->n - s->off < row_n ? s->n - s->off : row_n;
        uint32_t col = HEX_COL + (uint32_t)row_n * HEX_COLUMNS + 1;
        la_canvas_clear(&canvas, s->width);
        put_hex(s, &canvas, s->off, n);
        for (size_t i = 0; i < n; i++) {
            uint8_t octet = s->p[s->off + i];
            char letter[2] = {octet > ' ' && octet < 0x7f ? (char)octet : '.', 0};
            if (octet != ' ')
                la_canvas_put(&canvas, col, STYLE_DIM, letter);
            col++;
        }
        la_canvas_write(&canvas, s->story->flags, &s->story->ladder);
        s->off += n;
    }
}

/* ---- the link --------------------------------------------------------------------------- */

static const char *
mac_text(const uint8_t mac[6], char out[40])
{
    if (la_eth_is_broadcast(mac))
        return "everybody on this link";
    if (la_eth_is_group(mac))
        return "a group (RFC 2464 7)";
    snprintf(out, 40, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5]);
    return out;
}

static uint16_t
ethernet(struct sheet *s)
{
    char text[40];
    layer(s, "Ethernet, %d octets: from card to card, on one link (RFC 894)", LA_ETH_HEADER_BYTES);
    field(s, 6, "destination", "%s", mac_text(s->p, text));
    field(s, 6, "source", "%s", mac_text(s->p + 6, text));
    uint16_t type = la_get16(s->p + s->off);
    field(s, 2, "type", "%s",
          type == LA_ETH_IPV4   ? "IPv4 follows"
          : type == LA_ETH_ARP  ? "ARP follows"
          : type == LA_ETH_IPV6 ? "IPv6 follows"
                                : "something else follows");
    return type;
}

static void
arp(struct sheet *s)
{
    struct la_arp_view view;
    struct la_arp a;
    char text[LA_ADDR_TEXT_BYTES], mac[40];
    if (!la_arp_view_init(&view, rest(s)) || !la_arp_judge(&a, &view))
        return;
    bool asks = a.operation == LA_ARP_REQUEST;
    layer(s, "ARP, %d octets: which card has that address? (RFC 826)", LA_ARP_BYTES);
    field(s, 2, "hardware", "Ethernet");
    field(s, 2, "protocol", "IPv4, by its Ethernet type");
    field(s, 1, "length", "of a card's address");
    field(s, 1, "length", "of an IPv4 address");
    field(s, 2, "operation", asks ? "request: who has the target?" : "reply: it is mine");
    field(s, 6, "sender's card", "%s", mac_text(a.sender_mac, mac));
    field(s, 4, "sender", "%s", la_addr_format(&a.sender, text));
    field(s, 6, "target's card", "%s",
          asks ? "not known: that is the question" : mac_text(a.target_mac, mac));
    field(s, 4, "target", "%s", la_addr_format(&a.target, text));
}

/* ---- IP --------------------------------------------------------------------------------- */

static const char *
protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case LA_IP_TCP:
        return "TCP follows";
    case LA_IP_UDP:
        return "UDP follows";
    case LA_IP_ICMP:
        return "ICMP follows";
    case LA_IP_ICMPV6:
        return "ICMPv6 follows";
    default:
        return "another protocol follows";
    }
}

/* Returns the protocol above. */
static uint8_t
ip4(struct sheet *s)
{
    struct la_ip4_view view;
    struct la_ip4 ip;
    char text[LA_ADDR_TEXT_BYTES];
    if (!la_ip4_view_init(&view, rest(s)))
        return LA_IP_NONE;
    la_ip4_judge(&ip, &view);
    layer(s, "IPv4, %u octets: from host to host, over many links (RFC 791)", view.header_bytes);
    field(s, 1, "version, length", "4; %u words of 4 octets", view.header_bytes / 4u);
    field(s, 1, "service, ECN", ip.dscp_ecn == 0 ? "nothing special, no congestion" : "0x%02x",
          ip.dscp_ecn);
    field(s, 2, "total length", "%u octets, this header included", ip.total_bytes);
    field(s, 2, "identification", "of fragments that belong together");
    field(s, 2, "flags, offset", "%s, offset %u",
          ip.dont_fragment ? "don't fragment" : "may be fragmented", ip.frag_off_bytes);
    field(s, 1, "time to live", "%u routers at most", ip.ttl_hops);
    field(s, 1, "protocol", "%u: %s", ip.protocol, protocol_name(ip.protocol));
    field(s, 2, "checksum", "of this header alone");
    field(s, 4, "source", "%s", la_addr_format(&ip.src, text));
    field(s, 4, "destination", "%s", la_addr_format(&ip.dst, text));
    return ip.protocol;
}

static uint8_t
ip6(struct sheet *s)
{
    struct la_ip6_view view;
    struct la_ip6 ip;
    char text[LA_ADDR_TEXT_BYTES];
    if (!la_ip6_view_init(&view, rest(s)))
        return LA_IP_NONE;
    la_ip6_judge(&ip, &view);
    layer(s, "IPv6, %d octets: from host to host, over many links (RFC 8200)", LA_IP6_HEADER_BYTES);
    field(s, 4, "version, flow", "6; traffic class 0x%02x; flow label 0x%05x", ip.dscp_ecn,
          (unsigned)ip.flow_label);
    field(s, 2, "payload length", "%u octets, without this header", ip.payload_bytes);
    field(s, 1, "next header", "%u: %s", ip.next_header, protocol_name(ip.next_header));
    field(s, 1, "hop limit", "%u%s", ip.hop_limit,
          ip.hop_limit == UINT8_MAX ? ": no router has passed it on" : " routers at most");
    field(s, 16, "source", "%s", la_addr_format(&ip.src, text));
    field(s, 16, "destination", "%s%s", la_addr_format(&ip.dst, text),
          ip.dst.b[0] == UINT8_MAX ? ", a group" : "");
    return ip.next_header;
}

/* ---- above IP --------------------------------------------------------------------------- */

static void
tcp_option(struct sheet *s, const struct la_tcp_option *option)
{
    const uint8_t *d = option->data.p;
    size_t n = option->kind <= LA_TCP_OPT_NOP ? 1 : 2 + option->data.n;
    if (option->kind == LA_TCP_OPT_NOP)
        field(s, n, "option 1", "NOP: fills up");
    else if (option->kind == LA_TCP_OPT_MSS && option->data.n == 2)
        field(s, n, "option 2", "MSS %u", la_get16(d));
    else if (option->kind == LA_TCP_OPT_TIMESTAMPS && option->data.n == 8)
        field(s, n, "option 8", "timestamps: own clock %u, the latest heard %u",
              (unsigned)la_get32(d), (unsigned)la_get32(d + 4));
    else
        field(s, n, "option", "kind %u, length %zu", option->kind, n);
}

static void
tcp(struct sheet *s)
{
    struct la_tcp_view view;
    struct text flags = text_empty();
    if (!la_tcp_view_init(&view, rest(s)))
        return;
    for (unsigned i = 0; i < LA_TCP_FLAGS_N; i++)
        if ((la_tcp_view_flags(&view) >> i & 1) != 0)
            la_text_list(&flags, "%s", la_tcp_flag_name(i));
    layer(s, "TCP, %u octets: from program to program, in order (RFC 9293 3.1)", view.header_bytes);
    field(s, 2, "source port", "%u: the program that sends", la_tcp_view_src_port(&view));
    field(s, 2, "dest. port", "%u: the program that is meant", la_tcp_view_dst_port(&view));
    field(s, 4, "sequence", "%u: of the first octet of data", (unsigned)la_tcp_view_seq(&view));
    field(s, 4, "acknowledgm.", "%u: the octet expected next", (unsigned)la_tcp_view_ack(&view));
    field(s, 1, "data offset", "%u words of 4 octets; 3 bits reserved", view.header_bytes / 4u);
    field(s, 1, "flags", "%s", flags.p);
    field(s, 2, "window", "%u, before scaling: so much may come", la_tcp_view_window(&view));
    field(s, 2, "checksum", "of pseudo-header, header and data");
    field(s, 2, "urgent pointer", "%s",
          (la_tcp_view_flags(&view) & LA_TCP_URG) != 0 ? "end of urgent data"
                                                       : "no URG: no meaning");
    struct la_tcp_option_iter it = la_tcp_option_iter(&view);
    struct la_tcp_option option;
    while (la_tcp_option_next(&it, &option))
        tcp_option(s, &option);
}

static void
udp(struct sheet *s)
{
    layer(s, "UDP, 8 octets: from program to program, and no more (RFC 768)");
    const uint8_t *p = s->p + s->off;
    field(s, 2, "source port", "%u", la_get16(p));
    field(s, 2, "dest. port", "%u", la_get16(p + 2));
    field(s, 2, "length", "%u octets, this header included", la_get16(p + 4));
    field(s, 2, "checksum", "of pseudo-header, header and data");
}

/* An error quotes what caused it: IP header and eight octets at least (RFC 792). */
static void
icmp4(struct sheet *s)
{
    struct la_icmp4_view view;
    if (!la_icmp4_view_init(&view, rest(s)))
        return;
    layer(s, "ICMP, 8 octets: IP's own messages (RFC 792)");
    bool error = la_icmp4_is_error(la_icmp4_view_type(&view));
    bool port = error && la_icmp4_view_code(&view) == LA_ICMP4_PORT;
    field(s, 1, "type", "%s",
          la_icmp4_view_type(&view) == LA_ICMP4_UNREACHABLE ? "3: destination unreachable"
                                                            : "another message");
    field(s, 1, "code", "%s", port ? "3: nobody has that port" : "of the type");
    field(s, 2, "checksum", "of the whole message, no pseudo-header");
    field(s, 4, "rest", "not used by this type");
    if (error)
        layer(s, "The packet that it is about, %zu octets: its IPv4 header, and what followed",
              s->n - s->off);
}

static void
icmp6(struct sheet *s)
{
    struct la_icmp6_view view;
    char text[LA_ADDR_TEXT_BYTES], mac[40];
    if (!la_icmp6_view_init(&view, rest(s)))
        return;
    bool asks = la_icmp6_view_type(&view) == LA_ICMP6_NEIGHBOUR_SOLICITATION;
    if (!asks && la_icmp6_view_type(&view) != LA_ICMP6_NEIGHBOUR_ADVERTISEMENT)
        return;
    struct la_addr target = la_icmp6_view_target(&view);
    layer(s, "ICMPv6, %u octets: neighbour discovery, what ARP is to IPv4 (RFC 4861)",
          view.fixed_bytes);
    field(s, 1, "type", asks ? "135: neighbour solicitation" : "136: neighbour advertisement");
    field(s, 1, "code", "none");
    field(s, 2, "checksum", "of pseudo-header and message");
    field(s, 4, asks ? "reserved" : "flags", "%s",
          asks                                              ? "zero"
          : (s->p[s->off] & ICMP6_NA_BITS) == ICMP6_NA_BITS ? "solicited, override"
                                                            : "of the sender");
    field(s, 16, "target", "%s%s",
          asks ? "who has " : "it is mine: ", la_addr_format(&target, text));
    struct la_icmp6_option_iter it = la_icmp6_option_iter(&view);
    struct la_icmp6_option option;
    while (la_icmp6_option_next(&it, &option)) {
        field(s, 1, "option", "%s",
              option.kind == LA_ICMP6_OPT_SOURCE_LINK ? "the sender's card" : "the target's card");
        field(s, 1, "length", "in units of 8 octets");
        field(s, option.data.n, "address", "%s",
              option.data.n == 6 ? mac_text(option.data.p, mac) : "of another kind");
    }
}

/* ---- all of it -------------------------------------------------------------------------- */

void
la_lab_dissect(const struct la_story_cfg *story, const struct la_lab_frame *frame)
{
    struct sheet s = {.story = story, .p = frame->octets, .n = frame->n};
    s.width = story->width == 0 ? 80 : story->width;
    if (frame->n < LA_ETH_HEADER_BYTES)
        return;
    uint16_t type = ethernet(&s);
    uint8_t protocol = LA_IP_NONE;
    if (type == LA_ETH_ARP)
        arp(&s);
    else if (type == LA_ETH_IPV4)
        protocol = ip4(&s);
    else if (type == LA_ETH_IPV6)
        protocol = ip6(&s);
    if (protocol == LA_IP_TCP)
        tcp(&s);
    else if (protocol == LA_IP_UDP && s.n - s.off >= 8)
        udp(&s);
    else if (protocol == LA_IP_ICMP)
        icmp4(&s);
    else if (protocol == LA_IP_ICMPV6)
        icmp6(&s);
    if (s.off < s.n && protocol != LA_IP_ICMP)
        layer(&s, "Data, %zu octets: the programs know what they mean", s.n - s.off);
    data(&s);
}
