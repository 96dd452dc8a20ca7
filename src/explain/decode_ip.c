/* SPDX-License-Identifier: MIT
 *
 * decode_ip.c - what is unusual in or behind an IP header, and ICMP errors about TCP
 *
 * Read first: RFC 791 3.1, RFC 8200 3 and 4, RFC 9293 3.1, RFC 792, RFC 4443; RFC 2675
 * (jumbograms).
 */
#include "base/addr.h"
#include "base/apart.h"
#include "explain/walk_ip.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"

#include <string.h>

enum {
    AUTHENTICATION_BYTES_MIN = 12,
    QUOTED_BYTES_MIN = 8, /* RFC 792: ports and sequence number */
    FLAGS_BYTES = 14,     /* of a TCP header, up to its flags */
    JUMBO_OPTION = 0xc2,
    JUMBO_OPTION_OFF = 2, /* a jumbogram's first option (RFC 2675 2) */
    JUMBO_BYTES = 8
};

/* A TCP header of which not all octets are there: those that are not read as zeros, which also end
 * the options. */
static bool
header_complete(struct la_walk *w, struct la_tcp_view *view, size_t n_min)
{
    uint8_t *scratch = w->decoder->scratch;
    if (w->n < n_min)
        return false;
    size_t n = w->n < LA_TCP_HEADER_BYTES_MAX ? w->n : LA_TCP_HEADER_BYTES_MAX;
    memset(scratch, 0, LA_TCP_HEADER_BYTES_MAX);
    memcpy(scratch, w->p, n);
    if (n < FLAGS_BYTES)
        scratch[12] = LA_TCP_HEADER_BYTES / 4 << 4;
    w->seen->oddities |= LA_SEEN_HEADER_CUT;
    return la_tcp_view_init(view, (struct la_bytes){scratch, LA_TCP_HEADER_BYTES_MAX});
}

LA_APART void
la_walk_tcp_extras(struct la_seen *seen, struct la_tcp_view view)
{
    la_tcp_extras_judge(&seen->extras, &view);
}

enum la_walk_layer
la_walk_tcp_cut(struct la_walk *w)
{
    struct la_tcp_view view;
    if (w->wire_n < LA_TCP_HEADER_BYTES || w->n == w->wire_n)
        return la_walk_settle(w, LA_SEEN_MALFORMED);
    if (!header_complete(w, &view, FLAGS_BYTES) || view.header_bytes > w->wire_n)
        return la_walk_short(w, LA_TCP_HEADER_BYTES);
    la_walk_tcp_take(w, &view);
    return la_walk_settle(w, LA_SEEN_TCP);
}

/* The authentication header hides nothing (RFC 4302 2). */
static enum la_walk_layer
authentication(struct la_walk *w)
{
    size_t n = w->n < 2 ? AUTHENTICATION_BYTES_MIN : (w->p[1] + 2u) * 4;
    if (w->n < n)
        return la_walk_short(w, n);
    uint8_t next = w->p[0];
    la_walk_skip(w, n);
    if (next == LA_IP_AUTHENTICATION)
        return la_walk_settle(w, LA_SEEN_MALFORMED);
    w->seen->protocol = next;
    return LA_WALK_UPPER;
}

enum la_walk_layer
la_walk_upper(struct la_walk *w)
{
    switch (w->seen->protocol) {
    case LA_IP_TCP:
        return LA_WALK_TCP;
    case LA_IP_UDP:
        return la_walk_udp(w);
    case LA_IP_IPV4:
        return la_walk_ip_in_ip(w, LA_WALK_IP4);
    case LA_IP_IPV6:
        return la_walk_ip_in_ip(w, LA_WALK_IP6);
    case LA_IP_GRE:
        return la_walk_gre(w);
    case LA_IP_MPLS:
        return la_walk_ip_in_ip(w, LA_WALK_MPLS);
    case LA_IP_AUTHENTICATION:
        return authentication(w);
    case LA_IP_ICMP:
        return la_walk_icmp(w, 4);
    case LA_IP_ICMPV6:
        return la_walk_icmp(w, 6);
    case LA_IP_ESP:
        return la_walk_settle(w, LA_SEEN_ENCRYPTED);
    default:
        return la_walk_settle(w, LA_SEEN_OTHER_IP);
    }
}

/* Could a TCP segment be in it? Others are not worth the memory. */
static bool
may_carry_tcp(uint8_t protocol)
{
    return protocol != LA_IP_ICMP && protocol != LA_IP_ICMPV6 && protocol != LA_IP_ESP;
}

/* The place is behind a fragment's headers. With the last fragment to come the walk goes on in the
 * whole datagram. */
enum la_walk_layer
la_walk_fragment(struct la_walk *w)
{
    struct la_seen *seen = w->seen;
    struct la_bytes whole;
    uint32_t wire_bytes;
    if (w->decoder->fragments == NULL || !may_carry_tcp(seen->protocol) || w->wire_n > UINT16_MAX)
        return la_walk_settle(w, LA_SEEN_FRAGMENT);
    if (!la_fragments_add(w->decoder->fragments,
                          &(struct la_fragment){.src = seen->src.addr,
                                                .dst = seen->dst.addr,
                                                .id = seen->ip_id,
                                                .path_key = seen->path_key,
                                                .version = seen->ip_version,
                                                .protocol = seen->protocol,
                                                .more = w->fragment.more,
                                                .off_bytes = w->fragment.off_bytes,
                                                .wire_bytes = (uint32_t)w->wire_n,
                                                .bytes = {w->p, w->n},
                                                .at = w->at},
                          &whole, &wire_bytes))
        return la_walk_settle(w, LA_SEEN_FRAGMENT);
    w->p = whole.p;
    w->n = whole.n;
    w->wire_n = wire_bytes;
    seen->oddities |= LA_SEEN_REASSEMBLED;
    return LA_WALK_UPPER;
}

/* RFC 2675 2: with a payload length of 0 the hop-by-hop header, first of all, tells the length. 0:
 * it does not. */
static uint32_t
jumbo_bytes(const struct la_walk *w)
{
    if (w->seen->protocol != LA_IP_HOP_BY_HOP || w->n < JUMBO_BYTES ||
        w->p[JUMBO_OPTION_OFF] != JUMBO_OPTION || w->p[JUMBO_OPTION_OFF + 1] != 4)
        return 0;
    return la_get32(w->p + JUMBO_OPTION_OFF + 2);
}

/* Extension headers, also those that a host would not go past, such as a routing header. */
enum la_walk_layer
la_walk_ip6_extensions(struct la_walk *w)
{
    struct la_seen *seen = w->seen;
    uint32_t jumbo = (seen->oddities & LA_SEEN_LENGTH_ZERO) != 0 ? jumbo_bytes(w) : 0;
    if (jumbo != 0) {
        seen->oddities ^= LA_SEEN_LENGTH_ZERO | LA_SEEN_JUMBO;
        la_walk_length(w, jumbo);
    }
    struct la_ip6_ext_iter it = la_ip6_ext_iter(seen->protocol, la_walk_bytes(w));
    struct la_ip6_ext ext;
    while (la_ip6_ext_next(&it, &ext)) {
        if (ext.kind != LA_IP_FRAGMENT)
            continue;
        uint16_t off_and_more = la_get16(ext.bytes.p + 2);
        seen->has_ip_id = true;
        seen->ip_id = la_get32(ext.bytes.p + 4);
        if ((off_and_more & 0xfff9) != 0) { /* RFC 6946: an atomic one is none */
            la_walk_skip(w, w->n - it.rest.n);
            seen->protocol = ext.bytes.p[0];
            w->fragment.off_bytes = off_and_more & 0xfff8u;
            w->fragment.more = (off_and_more & 1) != 0;
            return LA_WALK_FRAGMENT;
        }
    }
    if (it.truncated)
        return la_walk_settle(w, w->n < w->wire_n ? LA_SEEN_SNAPPED : LA_SEEN_MALFORMED);
    if (it.ext_n == LA_IP6_EXTS_MAX)
        return la_walk_settle(w, LA_SEEN_TOO_DEEP);
    la_walk_skip(w, w->n - it.rest.n);
    seen->protocol = it.next;
    return LA_WALK_UPPER;
}

/* The packet that an ICMP error is about, at the place. False: it is not about TCP. */
static bool
quoted_tcp(struct la_walk *w, unsigned version)
{
    struct la_bytes bytes = {w->p, w->n};
    struct la_ip4_view ip4;
    struct la_ip6_view ip6;
    struct la_seen *seen = w->seen;
    if (version == 4 && la_ip4_view_init(&ip4, bytes)) {
        if (la_ip4_view_protocol(&ip4) != LA_IP_TCP || la_ip4_view_frag_off_bytes(&ip4) != 0 ||
            la_ip4_view_total_bytes(&ip4) < ip4.header_bytes)
            return false;
        seen->src.addr = la_ip4_view_src(&ip4);
        seen->dst.addr = la_ip4_view_dst(&ip4);
        la_walk_skip(w, ip4.header_bytes);
        w->wire_n = (size_t)la_ip4_view_total_bytes(&ip4) - ip4.header_bytes;
    } else if (version == 6 && la_ip6_view_init(&ip6, bytes)) {
        struct la_ip6_exts exts;
        la_walk_skip(w, LA_IP6_HEADER_BYTES);
        la_ip6_exts_judge(&exts, la_ip6_view_next_header(&ip6), la_walk_bytes(w));
        if (exts.problem != LA_IP6_PROBLEM_NONE || exts.protocol != LA_IP_TCP ||
            exts.frag_off_bytes != 0 || la_ip6_view_payload_bytes(&ip6) < exts.upper_off)
            return false;
        seen->src.addr = la_ip6_view_src(&ip6);
        seen->dst.addr = la_ip6_view_dst(&ip6);
        la_walk_skip(w, exts.upper_off);
        w->wire_n = la_ip6_view_payload_bytes(&ip6) - exts.upper_off;
    } else {
        return false;
    }
    la_walk_limit(w, w->wire_n);
    return true;
}

/* Fills `icmp` and moves behind the header. False: no error, or cut. */
static bool
icmp_error(struct la_walk *w, unsigned version)
{
    struct la_bytes bytes = {w->p, w->n};
    struct la_seen_icmp *icmp = &w->seen->icmp;
    *icmp = (struct la_seen_icmp){.from = w->seen->src.addr, .version = (uint8_t)version};
    if (version == 4) {
        struct la_icmp4_view view;
        struct la_icmp4 msg;
        if (!la_icmp4_view_init(&view, bytes))
            return false;
        la_icmp4_judge(&msg, &view);
        icmp->type = msg.type;
        icmp->code = msg.code;
        icmp->mtu_bytes = msg.mtu_bytes;
        la_walk_skip(w, LA_ICMP4_HEADER_BYTES);
        return la_icmp4_is_error(msg.type);
    }
    struct la_icmp6_view view;
    struct la_icmp6 msg;
    if (!la_icmp6_view_init(&view, bytes))
        return false;
    la_icmp6_judge(&msg, &view);
    icmp->type = msg.type;
    icmp->code = msg.code;
    icmp->mtu_bytes = msg.mtu_bytes;
    la_walk_skip(w, LA_ICMP6_HEADER_BYTES);
    return la_icmp6_is_error(msg.type);
}

enum la_walk_layer
la_walk_icmp(struct la_walk *w, unsigned version)
{
    struct la_tcp_view view;
    if (!icmp_error(w, version) || !quoted_tcp(w, version))
        return la_walk_settle(w, LA_SEEN_ICMP);
    if (!la_tcp_view_init(&view, la_walk_bytes(w)) && !header_complete(w, &view, QUOTED_BYTES_MIN))
        return la_walk_settle(w, LA_SEEN_ICMP);
    w->seen->icmp.has_tcp = w->n >= LA_TCP_HEADER_BYTES;
    la_walk_tcp_take(w, &view);
    return la_walk_settle(w, LA_SEEN_ICMP_ERROR);
}
