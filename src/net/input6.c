/* SPDX-License-Identifier: MIT
 *
 * input6.c - IPv6 packets in
 *
 * Read first: RFC 8200 3, 4 and 8; RFC 7112 (the header chain is in the first piece).
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "wire/icmp6.h"
#include "wire/ip.h"
#include "wire/ip6.h"

enum {
    EXTS_BYTES_MAX = 1024, /* more extension headers than this are not looked at */
    PAYLOAD_LENGTH_OFF = 4,
    FRAGMENT_OFFSET_BEFORE_END = 6 /* of the fragment header */
};

/* The extension headers of a trimmed packet, in one piece as far as they are looked at. */
static void
exts_read(struct la_ip6_exts *exts, struct la_frame *frame, uint8_t next_header)
{
    /* As they lie; what can be had without memory; all that is looked at. */
    const size_t tries[] = {LA_IP6_HEADER_BYTES, NET_PEEK_BYTES,
                            LA_IP6_HEADER_BYTES + EXTS_BYTES_MAX};
    size_t len = la_frame_octets(frame);
    for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        if (!la_frame_need(frame, len < tries[i] ? len : tries[i]))
            return;
        struct la_bytes payload = {frame->head + LA_IP6_HEADER_BYTES,
                                   frame->head_n - LA_IP6_HEADER_BYTES};
        la_ip6_exts_judge(exts, next_header, payload);
        if (exts->problem != LA_IP6_PROBLEM_TRUNCATED || frame->head_n == len)
            return;
    }
}

/* RFC 8200 4 and 4.2: which problems the sender hears of. */
static bool
problem_is_told(const struct la_net *net, const struct la_net_in *in, uint8_t problem,
                uint8_t *code)
{
    bool unicast = la_net_is_unicast(net, &in->dst);
    switch ((enum la_ip6_problem)problem) {
    case LA_IP6_PROBLEM_ORDER:
        *code = LA_ICMP6_NEXT_HEADER;
        return unicast;
    case LA_IP6_PROBLEM_ROUTING:
        *code = LA_ICMP6_HEADER_FIELD;
        return unicast;
    case LA_IP6_PROBLEM_OPTION_REPORT:
        *code = LA_ICMP6_OPTION;
        return true;
    case LA_IP6_PROBLEM_OPTION_REPORT_UNICAST:
        *code = LA_ICMP6_OPTION;
        return unicast;
    case LA_IP6_PROBLEM_NONE:
    case LA_IP6_PROBLEM_TRUNCATED:
    case LA_IP6_PROBLEM_TOO_MANY:
    case LA_IP6_PROBLEM_OPTION_SILENT:
    case LA_IP6_PROBLEM_OPTION_MALFORMED:
        break;
    }
    return false;
}

static enum la_net_verdict
drop_problem(struct la_net *net, struct la_frame *frame, const struct la_net_in *in,
             const struct la_ip6_exts *exts, la_instant now)
{
    struct la_icmp_fault fault = {0, exts->problem_off};
    la_frame_pull(frame, LA_IP6_HEADER_BYTES);
    if (problem_is_told(net, in, exts->problem, &fault.code))
        la_icmp6_parameter(net, in, la_net_peek(frame, NET_PEEK_BYTES), &fault, now);
    return la_net_drop_frame(net, frame,
                             exts->problem == LA_IP6_PROBLEM_TRUNCATED ? LA_REASON_IP_MALFORMED
                                                                       : LA_REASON_IP_EXTENSION);
}

/* Longer headers are not kept: a quote is then rebuilt without extension headers. */
static void
header_keep(struct la_net_in *in, const struct la_frame *frame, size_t header_n)
{
    in->header_n = header_n <= LA_NET_HEADER_BYTES_MAX ? (uint8_t)header_n : 0;
    memcpy(in->header, frame->head, in->header_n);
}

static enum la_net_verdict
input_whole(struct la_net *net, struct la_frame *frame, struct la_net_in *in,
            const struct la_ip6_exts *exts, la_instant now)
{
    in->protocol = exts->protocol;
    header_keep(in, frame, LA_IP6_HEADER_BYTES + (size_t)exts->upper_off);
    la_frame_pull(frame, LA_IP6_HEADER_BYTES + (size_t)exts->upper_off);
    /* From "::" only neighbour discovery can come (RFC 4291 2.5.2). */
    if (la_addr_is_any(&in->src) && in->protocol != LA_IP_ICMPV6)
        return la_net_drop_frame(net, frame, LA_REASON_IP_SOURCE_INVALID);
    return la_net_input_upper(net, frame, in, now);
}

/* RFC 8200 4.5: a piece that cannot be is discarded, and its sender told which field says so. */
static enum la_net_verdict
drop_piece(struct la_net *net, struct la_frame *frame, const struct la_net_in *in, uint32_t field,
           la_instant now)
{
    struct la_icmp_fault fault = {LA_ICMP6_HEADER_FIELD, field};
    la_icmp6_parameter(net, in, la_net_peek(frame, NET_PEEK_BYTES), &fault, now);
    return la_net_drop_frame(net, frame, LA_REASON_IP_FRAGMENT);
}

/* RFC 6980 5: neighbour discovery never comes in pieces. Without memory to see, it does not either.
 */
static bool
is_discovery(struct la_frame *frame, const struct la_ip6_exts *exts)
{
    size_t off = LA_IP6_HEADER_BYTES + (size_t)exts->upper_off;
    if (exts->protocol != LA_IP_ICMPV6 || la_frame_octets(frame) == off)
        return false;
    return !la_frame_need(frame, off + 1) || (frame->head[off] >= LA_ICMP6_ROUTER_SOLICITATION &&
                                              frame->head[off] <= LA_ICMP6_REDIRECT);
}

/* A piece of a packet. The packet that it makes whole is read from its extension headers on; pieces
 * inside of it are none. */
static enum la_net_verdict
input_piece(struct la_net *net, struct la_frame *frame, struct la_net_in *in,
            struct la_ip6_exts *exts, la_instant now)
{
    size_t header_n = LA_IP6_HEADER_BYTES + (size_t)exts->frag_data_off;
    header_keep(in, frame, header_n);
    la_frame_pull(frame, header_n);
    struct la_net_piece piece = {
        .id = exts->frag_id,
        .off_bytes = exts->frag_off_bytes,
        .more = exts->more_fragments,
        .next_header = exts->frag_next,
    };
    size_t n = la_frame_octets(frame);
    if (n == 0)
        return la_net_drop_frame(net, frame, LA_REASON_IP_FRAGMENT);
    if (piece.more && n % 8 != 0)
        return drop_piece(net, frame, in, PAYLOAD_LENGTH_OFF, now);
    if (piece.off_bytes + n > UINT16_MAX)
        return drop_piece(net, frame, in, (uint32_t)header_n - FRAGMENT_OFFSET_BEFORE_END, now);
    if (!la_net_reassemble(net, frame, in, &piece, now))
        return LA_NET_TAKEN;
    header_keep(in, frame, LA_IP6_HEADER_BYTES);
    exts_read(exts, frame, in->protocol);
    if (exts->problem != LA_IP6_PROBLEM_NONE)
        return drop_problem(net, frame, in, exts, now);
    if (exts->is_fragment || is_discovery(frame, exts))
        return la_net_drop_frame(net, frame, LA_REASON_IP_FRAGMENT);
    return input_whole(net, frame, in, exts, now);
}

/* Behind the fixed header: extension headers, fragments, the upper layer. */
static enum la_net_verdict
input_payload(struct la_net *net, struct la_frame *frame, struct la_net_in *in, la_instant now)
{
    struct la_ip6_exts exts;
    exts_read(&exts, frame, in->protocol);
    if (exts.problem != LA_IP6_PROBLEM_NONE)
        return drop_problem(net, frame, in, &exts, now);
    if (exts.is_fragment)
        return input_piece(net, frame, in, &exts, now);
    return input_whole(net, frame, in, &exts, now);
}

enum la_net_verdict
la_net_input6(struct la_net *net, struct la_frame *take_frame, struct la_net_in *in, la_instant now)
{
    struct la_ip6_view view;
    if (!la_ip6_view_init(&view, la_net_peek(take_frame, LA_IP6_HEADER_BYTES)))
        return la_net_drop_frame(net, take_frame, LA_REASON_FRAME_TOO_SHORT);
    struct la_ip6 ip;
    la_ip6_judge(&ip, &view);
    size_t total = LA_IP6_HEADER_BYTES + (size_t)ip.payload_bytes;
    if (total > la_frame_octets(take_frame))
        return la_net_drop_frame(net, take_frame, LA_REASON_IP_MALFORMED);
    /* A v4-mapped address on the wire would pass for IPv4 in here (RFC 4942 2.2). */
    if (la_addr_is_v4(&ip.src))
        return la_net_drop_frame(net, take_frame, LA_REASON_IP_SOURCE_INVALID);
    if (la_addr_is_v4(&ip.dst))
        return la_net_drop_frame(net, take_frame, LA_REASON_IP_NOT_FOR_US);
    in->src = ip.src;
    in->dst = ip.dst;
    in->protocol = ip.next_header;
    in->ttl_hops = ip.hop_limit;
    in->dscp_ecn = ip.dscp_ecn;
    in->header_n = LA_IP6_HEADER_BYTES;
    memcpy(in->header, view.p, LA_IP6_HEADER_BYTES);
    enum la_reason reason = la_net_addresses_judge(net, in);
    if (reason != LA_REASON_NONE)
        return la_net_drop_frame(net, take_frame, reason);
    if (la_frame_len(take_frame) > total)
        la_frame_trim(take_frame, total);
    return input_payload(net, take_frame, in, now);
}
