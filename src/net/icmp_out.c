/* SPDX-License-Identifier: MIT
 *
 * icmp_out.c - ICMP errors that this host sends
 *
 * Read first: RFC 1122 3.2.2; RFC 1812 4.3.2 (size and rate); RFC 4443 2.4.
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "base/time.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum {
    RATE_PER_S = 1000,
    BURST_N = 200,
    TIME_OF_REASSEMBLY = 1, /* code of Time Exceeded: RFC 792, RFC 4443 3.3 */
    /* What the whole error may be long: RFC 1812 4.3.2.3, RFC 4443 2.4 (c). */
    PACKET4_BYTES_MAX = 576,
    PACKET6_BYTES_MAX = LA_IP6_MTU_MIN
};

/* RFC 1812 4.3.2.8: a token bucket for the whole instance. */
static bool
rate_allows(struct la_net *net, la_instant now)
{
    int64_t token_ns = LA_NS_PER_S / RATE_PER_S;
    if (la_instant_is_never(net->icmp_tokens_at)) {
        net->icmp_tokens = BURST_N;
        net->icmp_tokens_at = now;
    }
    int64_t earned_n = (now.ns - net->icmp_tokens_at.ns) / token_ns;
    if (earned_n >= BURST_N) {
        net->icmp_tokens = BURST_N;
        net->icmp_tokens_at = now;
    } else if (earned_n > 0) {
        uint32_t tokens = net->icmp_tokens + (uint32_t)earned_n;
        net->icmp_tokens = tokens < BURST_N ? tokens : BURST_N;
        net->icmp_tokens_at.ns += earned_n * token_ns;
    }
    if (net->icmp_tokens == 0) {
        la_net_drop(net, LA_REASON_ICMP_LIMITED);
        return false;
    }
    net->icmp_tokens--;
    return true;
}

/* RFC 1122 3.2.2, RFC 4443 2.4 (e): about what, and to whom, no error is ever sent. Pieces but the
 * first do not get here. */
static bool
source_may_hear(const struct la_net *net, const struct la_net_in *in, struct la_bytes quoted)
{
    bool v4 = la_addr_is_v4(&in->src);
    if (!la_net_is_unicast(net, &in->src))
        return false;
    if (v4 && in->protocol == LA_IP_ICMP)
        return quoted.n > 0 && !la_icmp4_is_error(quoted.p[0]);
    if (!v4 && in->protocol == LA_IP_ICMPV6)
        return quoted.n > 0 && !la_icmp6_is_error(quoted.p[0]) && quoted.p[0] != LA_ICMP6_REDIRECT;
    return true;
}

static bool
may_answer(const struct la_net *net, const struct la_net_in *in, struct la_bytes quoted)
{
    return !in->link_broadcast && la_net_is_unicast(net, &in->dst) &&
           source_may_hear(net, in, quoted);
}

/* The header as it was, or made up from what is known of it. */
static size_t
header_quote(const struct la_net_in *in, size_t quoted_n, uint8_t out[LA_NET_HEADER_BYTES_MAX])
{
    struct la_room room = {out, LA_NET_HEADER_BYTES_MAX};
    if (in->header_n > 0) {
        memcpy(out, in->header, in->header_n);
        return in->header_n;
    }
    uint16_t payload_bytes = (uint16_t)(quoted_n < UINT16_MAX - 20 ? quoted_n : UINT16_MAX - 20);
    if (la_addr_is_v4(&in->src)) {
        struct la_ip4 ip = {
            .src = in->src,
            .dst = in->dst,
            .total_bytes = (uint16_t)(LA_IP4_HEADER_BYTES + payload_bytes),
            .ttl_hops = in->ttl_hops,
            .protocol = in->protocol,
            .dscp_ecn = in->dscp_ecn,
        };
        return la_ip4_emit(&ip, room);
    }
    struct la_ip6 ip = {
        .src = in->src,
        .dst = in->dst,
        .payload_bytes = payload_bytes,
        .next_header = in->protocol,
        .hop_limit = in->ttl_hops,
        .dscp_ecn = in->dscp_ecn,
    };
    return la_ip6_emit(&ip, room);
}

/* The ICMP header, 8 octets, goes before the quoted packet; then it is sent. */
static void
error_send(struct la_net *net, const struct la_net_in *in, struct la_bytes quoted,
           const uint8_t icmp[LA_ICMP4_HEADER_BYTES], la_instant now)
{
    bool v4 = la_addr_is_v4(&in->src);
    uint8_t header[LA_NET_HEADER_BYTES_MAX];
    size_t header_n = header_quote(in, quoted.n, header);
    size_t used_n = LA_ICMP4_HEADER_BYTES + header_n +
                    (v4 ? (size_t)LA_IP4_HEADER_BYTES : (size_t)LA_IP6_HEADER_BYTES);
    size_t max_n = (v4 ? (size_t)PACKET4_BYTES_MAX : (size_t)PACKET6_BYTES_MAX) - used_n;
    if (quoted.n > max_n)
        quoted.n = max_n;
    struct la_frame *frame = la_frame_take(net->mem);
    if (!frame) {
        la_net_drop(net, LA_REASON_NO_MEMORY);
        return;
    }
    struct la_bytes head = {header, header_n};
    if (la_chain_append_bytes(&frame->payload, net->mem, head) < head.n ||
        la_chain_append_bytes(&frame->payload, net->mem, quoted) < quoted.n) {
        la_net_drop_frame(net, frame, LA_REASON_NO_MEMORY);
        return;
    }
    uint8_t *p = la_frame_push(frame, LA_ICMP4_HEADER_BYTES);
    memcpy(p, icmp, LA_ICMP4_HEADER_BYTES);
    if (v4)
        la_put16(p + 2, (uint16_t)~la_net_sum(net, 0, frame));
    struct la_net_out out = {
        .src = la_net_is_unicast(net, &in->dst) ? in->dst : la_net_source(net, in->iface, &in->src),
        .dst = in->src,
        .protocol = v4 ? LA_IP_ICMP : LA_IP_ICMPV6,
    };
    if (la_net_output(net, frame, &out, now) == LA_OK)
        net->stats.icmp_out++;
}

static struct la_icmp4
unreachable4(enum la_net_icmp_kind kind)
{
    struct la_icmp4 icmp = {.type = LA_ICMP4_UNREACHABLE, .code = LA_ICMP4_HOST};
    if (kind == LA_NET_ICMP_NET_UNREACHABLE)
        icmp.code = LA_ICMP4_NET;
    else if (kind == LA_NET_ICMP_PROTOCOL_UNREACHABLE)
        icmp.code = LA_ICMP4_PROTOCOL;
    else if (kind == LA_NET_ICMP_PORT_UNREACHABLE)
        icmp.code = LA_ICMP4_PORT;
    else if (kind == LA_NET_ICMP_PROHIBITED)
        icmp.code = LA_ICMP4_PROHIBITED;
    return icmp;
}

/* Where the octet stands that names the upper layer: in the last header before it. */
static uint32_t
next_header_off(const struct la_net_in *in)
{
    uint32_t off = 6;
    if (in->header_n <= LA_IP6_HEADER_BYTES)
        return off;
    struct la_bytes exts = {in->header + LA_IP6_HEADER_BYTES,
                            (size_t)in->header_n - LA_IP6_HEADER_BYTES};
    struct la_ip6_ext_iter it = la_ip6_ext_iter(in->header[6], exts);
    struct la_ip6_ext ext;
    while (la_ip6_ext_next(&it, &ext))
        off = (uint32_t)(ext.bytes.p - in->header);
    return off;
}

/* ICMPv6 has no "protocol unreachable": the next-header field is at fault (RFC 4443 3.4). */
static struct la_icmp6
unreachable6(const struct la_net_in *in, enum la_net_icmp_kind kind)
{
    struct la_icmp6 icmp = {.type = LA_ICMP6_UNREACHABLE, .code = LA_ICMP6_ADDRESS};
    if (kind == LA_NET_ICMP_NET_UNREACHABLE) {
        icmp.code = LA_ICMP6_NO_ROUTE;
    } else if (kind == LA_NET_ICMP_PORT_UNREACHABLE) {
        icmp.code = LA_ICMP6_PORT;
    } else if (kind == LA_NET_ICMP_PROHIBITED) {
        icmp.code = LA_ICMP6_PROHIBITED;
    } else if (kind == LA_NET_ICMP_PROTOCOL_UNREACHABLE) {
        icmp.type = LA_ICMP6_PARAMETER;
        icmp.code = LA_ICMP6_NEXT_HEADER;
        icmp.pointer = next_header_off(in);
    }
    return icmp;
}

void
la_net_icmp_unreachable(struct la_net *net, const struct la_net_in *in, struct la_bytes quoted,
                        enum la_net_icmp_kind kind, la_instant now)
{
    uint8_t header[LA_ICMP4_HEADER_BYTES];
    struct la_room room = {header, sizeof header};
    if (!may_answer(net, in, quoted) || !rate_allows(net, now))
        return;
    if (la_addr_is_v4(&in->src)) {
        struct la_icmp4 icmp = unreachable4(kind);
        la_icmp4_emit(&icmp, room);
    } else {
        struct la_icmp6 icmp = unreachable6(in, kind);
        la_icmp6_emit(&icmp, room);
    }
    error_send(net, in, quoted, header, now);
}

void
la_icmp_incomplete(struct la_net *net, const struct la_net_in *in, struct la_bytes quoted,
                   la_instant now)
{
    uint8_t header[LA_ICMP4_HEADER_BYTES];
    struct la_room room = {header, sizeof header};
    if (!may_answer(net, in, quoted) || !rate_allows(net, now))
        return;
    if (la_addr_is_v4(&in->src)) {
        struct la_icmp4 icmp = {.type = LA_ICMP4_TIME_EXCEEDED, .code = TIME_OF_REASSEMBLY};
        la_icmp4_emit(&icmp, room);
    } else {
        struct la_icmp6 icmp = {.type = LA_ICMP6_TIME_EXCEEDED, .code = TIME_OF_REASSEMBLY};
        la_icmp6_emit(&icmp, room);
    }
    error_send(net, in, quoted, header, now);
}

void
la_icmp6_parameter(struct la_net *net, const struct la_net_in *in, struct la_bytes quoted,
                   const struct la_icmp_fault *fault, la_instant now)
{
    uint8_t header[LA_ICMP4_HEADER_BYTES];
    /* RFC 4443 2.4 (e.3): an option may have to be reported whomever it was sent to. */
    bool may = fault->code == LA_ICMP6_OPTION ? source_may_hear(net, in, quoted)
                                              : may_answer(net, in, quoted);
    if (!may || !rate_allows(net, now))
        return;
    struct la_icmp6 icmp = {.type = LA_ICMP6_PARAMETER, .code = fault->code, .pointer = fault->off};
    la_icmp6_emit(&icmp, (struct la_room){header, sizeof header});
    error_send(net, in, quoted, header, now);
}
