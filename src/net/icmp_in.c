/* SPDX-License-Identifier: MIT
 *
 * icmp_in.c - ICMP and ICMPv6 in: echo is answered, errors are told to whom they concern
 *
 * Read first: RFC 1122 3.2.2; RFC 792; RFC 4443; RFC 5927; RFC 6633.
 */
#include "net/internal.h"

#include "base/addr.h"
#include "base/assert.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip.h"
#include "wire/ip6.h"

/* ---- errors ----------------------------------------------------------------------------- */

static enum la_net_icmp_kind
unreachable4_kind(uint8_t code)
{
    switch (code) {
    case LA_ICMP4_NET:
    case LA_ICMP4_NET_UNKNOWN:
    case LA_ICMP4_NET_TOS:
        return LA_NET_ICMP_NET_UNREACHABLE;
    case LA_ICMP4_PROTOCOL:
        return LA_NET_ICMP_PROTOCOL_UNREACHABLE;
    case LA_ICMP4_PORT:
        return LA_NET_ICMP_PORT_UNREACHABLE;
    case LA_ICMP4_FRAGMENTATION_NEEDED:
        return LA_NET_ICMP_TOO_BIG;
    case LA_ICMP4_NET_PROHIBITED:
    case LA_ICMP4_HOST_PROHIBITED:
    case LA_ICMP4_PROHIBITED:
        return LA_NET_ICMP_PROHIBITED;
    default:
        return LA_NET_ICMP_HOST_UNREACHABLE;
    }
}

static enum la_net_icmp_kind
kind4(const struct la_icmp4 *icmp)
{
    switch (icmp->type) {
    case LA_ICMP4_UNREACHABLE:
        return unreachable4_kind(icmp->code);
    case LA_ICMP4_SOURCE_QUENCH:
        return LA_NET_ICMP_SOURCE_QUENCH;
    case LA_ICMP4_TIME_EXCEEDED:
        return LA_NET_ICMP_TIME_EXCEEDED;
    case LA_ICMP4_PARAMETER:
        return LA_NET_ICMP_PARAMETER;
    default:
        return LA_NET_ICMP_NONE;
    }
}

static enum la_net_icmp_kind
unreachable6_kind(uint8_t code)
{
    switch (code) {
    case LA_ICMP6_NO_ROUTE:
    case LA_ICMP6_BEYOND_SCOPE:
        return LA_NET_ICMP_NET_UNREACHABLE;
    case LA_ICMP6_PORT:
        return LA_NET_ICMP_PORT_UNREACHABLE;
    case LA_ICMP6_PROHIBITED:
    case LA_ICMP6_SOURCE_POLICY:
    case LA_ICMP6_REJECT_ROUTE:
        return LA_NET_ICMP_PROHIBITED;
    default:
        return LA_NET_ICMP_HOST_UNREACHABLE;
    }
}

static enum la_net_icmp_kind
kind6(const struct la_icmp6 *icmp)
{
    switch (icmp->type) {
    case LA_ICMP6_UNREACHABLE:
        return unreachable6_kind(icmp->code);
    case LA_ICMP6_TOO_BIG:
        return LA_NET_ICMP_TOO_BIG;
    case LA_ICMP6_TIME_EXCEEDED:
        return LA_NET_ICMP_TIME_EXCEEDED;
    case LA_ICMP6_PARAMETER:
        return LA_NET_ICMP_PARAMETER;
    default:
        return LA_NET_ICMP_NONE;
    }
}

enum la_net_verdict
la_icmp_deliver(struct la_net *net, struct la_net_in *in)
{
    if (in->icmp.protocol == LA_IP_TCP)
        return LA_NET_ICMP_ERROR;
    if (in->icmp.protocol == LA_IP_UDP)
        la_udp_icmp(net, &in->icmp);
    else
        la_net_drop(net, LA_REASON_ICMP_UNMATCHED);
    return LA_NET_TAKEN;
}

/* in->icmp has kind, type, code and MTU. The frame's head begins with the ICMP header. */
static enum la_net_verdict
error_input(struct la_net *net, struct la_frame *frame, struct la_net_in *in)
{
    if (in->icmp.kind == LA_NET_ICMP_NONE)
        return la_net_drop_frame(net, frame, LA_REASON_ICMP_IGNORED);
    struct la_bytes bytes = la_net_peek(frame, NET_PEEK_BYTES);
    struct la_bytes quoted = {bytes.p + LA_ICMP4_HEADER_BYTES, bytes.n - LA_ICMP4_HEADER_BYTES};
    if (!la_icmp_quote_judge(&in->icmp, quoted) ||
        la_addr_is_v4(&in->icmp.local.addr) != la_addr_is_v4(&in->dst))
        return la_net_drop_frame(net, frame, LA_REASON_ICMP_MALFORMED);
    /* RFC 5927 4: an error about a packet of ours is sent to where it came from. */
    if (!la_addr_equal(&in->icmp.local.addr, &in->dst))
        return la_net_drop_frame(net, frame, LA_REASON_ICMP_UNMATCHED);
    la_frame_free(frame);
    return la_icmp_deliver(net, in);
}

/* ---- echo ------------------------------------------------------------------------------- */

/* RFC 1122 3.2.2.6, RFC 4443 4.2: the request's data goes back; `type` is the reply's. */
static enum la_net_verdict
echo_reply(struct la_net *net, struct la_frame *frame, const struct la_net_in *in, uint8_t type,
           la_instant now)
{
    uint8_t header[LA_ICMP4_HEADER_BYTES] = {type, 0, 0, 0};
    la_put32(header + 4, la_get32(frame->head + 4));
    la_frame_pull(frame, sizeof header);
    if (!la_frame_head_to_payload(frame))
        return la_net_drop_frame(net, frame, LA_REASON_NO_MEMORY);
    uint8_t *p = la_frame_push(frame, sizeof header);
    for (size_t i = 0; i < sizeof header; i++)
        p[i] = header[i];
    if (la_addr_is_v4(&in->dst))
        la_put16(p + 2, (uint16_t)~la_net_sum(net, 0, frame));
    struct la_net_out out = {
        .src = in->dst,
        .dst = in->src,
        .protocol = in->protocol,
        .dscp_ecn = in->dscp_ecn,
    };
    frame->gso_size = 0;
    frame->id = 0;
    if (la_net_output(net, frame, &out, now) == LA_OK)
        net->stats.icmp_out++;
    return LA_NET_TAKEN;
}

/* MAY be discarded when sent to many (RFC 1122 3.2.2.6): an amplifier otherwise. */
static bool
echo_is_answered(const struct la_net *net, const struct la_net_in *in)
{
    return la_net_is_unicast(net, &in->dst);
}

/* ---- the two protocols ------------------------------------------------------------------ */

enum la_net_verdict
la_icmp4_input(struct la_net *net, struct la_frame *take_frame, struct la_net_in *in,
               la_instant now)
{
    struct la_icmp4_view view;
    net->stats.icmp_in++;
    if (!la_icmp4_view_init(&view, la_net_peek(take_frame, NET_PEEK_BYTES)))
        return la_net_drop_frame(net, take_frame, LA_REASON_ICMP_MALFORMED);
    if (net->checksum_verify && take_frame->csum != LA_CSUM_VALID &&
        la_net_sum(net, 0, take_frame) != 0xffff)
        return la_net_drop_frame(net, take_frame, LA_REASON_ICMP_CHECKSUM);
    struct la_icmp4 icmp;
    la_icmp4_judge(&icmp, &view);
    if (la_icmp4_is_error(icmp.type)) {
        in->icmp = (struct la_net_icmp){.kind = (uint8_t)kind4(&icmp),
                                        .type = icmp.type,
                                        .code = icmp.code,
                                        .mtu_bytes = icmp.mtu_bytes};
        return error_input(net, take_frame, in);
    }
    if (icmp.type == LA_ICMP4_ECHO && echo_is_answered(net, in))
        return echo_reply(net, take_frame, in, LA_ICMP4_ECHO_REPLY, now);
    /* DEVIATION(D31): Redirects, too. */
    return la_net_drop_frame(net, take_frame, LA_REASON_ICMP_IGNORED);
}

static enum la_net_verdict
error6_input(struct la_net *net, struct la_frame *frame, struct la_net_in *in,
             const struct la_icmp6 *icmp)
{
    in->icmp =
        (struct la_net_icmp){.kind = (uint8_t)kind6(icmp), .type = icmp->type, .code = icmp->code};
    if (icmp->type == LA_ICMP6_TOO_BIG)
        in->icmp.mtu_bytes = icmp->mtu_bytes;
    /* RFC 8201 4: one that names less than the minimum link MTU must be discarded. */
    if (icmp->type == LA_ICMP6_TOO_BIG && icmp->mtu_bytes < LA_IP6_MTU_MIN)
        return la_net_drop_frame(net, frame, LA_REASON_ICMP_MALFORMED);
    return error_input(net, frame, in);
}

enum la_net_verdict
la_icmp6_input(struct la_net *net, struct la_frame *take_frame, struct la_net_in *in,
               la_instant now)
{
    struct la_icmp6_view view;
    net->stats.icmp_in++;
    if (!la_icmp6_view_init(&view, la_net_peek(take_frame, NET_PEEK_BYTES)))
        return la_net_drop_frame(net, take_frame, LA_REASON_ICMP_MALFORMED);
    if (!la_net_l4_checksum_ok(net, in, take_frame))
        return la_net_drop_frame(net, take_frame, LA_REASON_ICMP_CHECKSUM);
    uint8_t type = la_icmp6_view_type(&view);
    if (type == LA_ICMP6_NEIGHBOUR_SOLICITATION || type == LA_ICMP6_NEIGHBOUR_ADVERTISEMENT)
        return la_ndp_input(net, take_frame, in, now);
    if (la_addr_is_any(&in->src))
        return la_net_drop_frame(net, take_frame, LA_REASON_IP_SOURCE_INVALID);
    if (la_icmp6_is_error(type)) {
        struct la_icmp6 icmp;
        la_icmp6_judge(&icmp, &view);
        return error6_input(net, take_frame, in, &icmp);
    }
    if (type == LA_ICMP6_ECHO && echo_is_answered(net, in))
        return echo_reply(net, take_frame, in, LA_ICMP6_ECHO_REPLY, now);
    return la_net_drop_frame(net, take_frame, LA_REASON_ICMP_IGNORED);
}
