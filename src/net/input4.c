/* SPDX-License-Identifier: MIT
 *
 * input4.c - IPv4 packets in
 *
 * Read first: RFC 791 3; RFC 1122 3.2.1; RFC 7126 4 (options).
 */
#include "net/internal.h"

#include <string.h>

#include "base/assert.h"
#include "wire/ip4.h"

enum { MORE_FRAGMENTS = 1 };

/* What is wrong with the header itself; `frame_n`: octets that the link delivered. */
static enum la_reason
header_judge(const struct la_ip4_view *view, size_t frame_n)
{
    if (!la_ip4_view_checksum_ok(view))
        return LA_REASON_IP_CHECKSUM;
    uint16_t total_bytes = la_ip4_view_total_bytes(view);
    if (total_bytes < view->header_bytes || total_bytes > frame_n)
        return LA_REASON_IP_MALFORMED;
    return LA_REASON_NONE;
}

static enum la_reason
options_judge(const struct la_ip4_view *view)
{
    struct la_ip4 ip;
    if (view->header_bytes == LA_IP4_HEADER_BYTES)
        return LA_REASON_NONE;
    la_ip4_judge(&ip, view);
    if (ip.has & LA_IP4_HAS_MALFORMED)
        return LA_REASON_IP_MALFORMED;
    /* DEVIATION(D12): no source routes. DEVIATION(D30): nobody is told of the others. */
    return ip.has & LA_IP4_HAS_SOURCE_ROUTE ? LA_REASON_IP_SOURCE_ROUTE : LA_REASON_NONE;
}

static enum la_reason
packet_judge(struct la_net *net, const struct la_ip4_view *view, struct la_net_in *in)
{
    enum la_reason reason = la_net_addresses_judge(net, in);
    return reason == LA_REASON_NONE ? options_judge(view) : reason;
}

/* A piece, its header pulled. The packet that it makes whole is judged anew. */
static enum la_net_verdict
input_piece(struct la_net *net, struct la_frame *frame, struct la_net_in *in, la_instant now)
{
    struct la_ip4_view view;
    bool there = la_ip4_view_init(&view, (struct la_bytes){in->header, in->header_n});
    LA_ASSERT(there);
    struct la_net_piece piece = {
        .id = la_ip4_view_id(&view),
        .off_bytes = la_ip4_view_frag_off_bytes(&view),
        .more = (la_ip4_view_flags(&view) & MORE_FRAGMENTS) != 0,
        .protocol = in->protocol,
    };
    size_t n = la_frame_octets(frame);
    /* RFC 791 3.2: all but the last are a multiple of 8 octets long. */
    if (n == 0 || (piece.more && n % 8 != 0) ||
        view.header_bytes + piece.off_bytes + n > UINT16_MAX)
        return la_net_drop_frame(net, frame, LA_REASON_IP_FRAGMENT);
    if (!la_net_reassemble(net, frame, in, &piece, now))
        return LA_NET_TAKEN;
    return la_net_input4(net, frame, in, now);
}

enum la_net_verdict
la_net_input4(struct la_net *net, struct la_frame *take_frame, struct la_net_in *in, la_instant now)
{
    struct la_bytes bytes = la_net_peek(take_frame, LA_IP4_HEADER_BYTES);
    struct la_ip4_view view;
    if (bytes.n < LA_IP4_HEADER_BYTES)
        return la_net_drop_frame(net, take_frame, LA_REASON_FRAME_TOO_SHORT);
    if ((bytes.p[0] & 0x0f) * 4u > bytes.n) /* options */
        bytes = la_net_peek(take_frame, LA_IP4_HEADER_BYTES_MAX);
    if (!la_ip4_view_init(&view, bytes))
        return la_net_drop_frame(net, take_frame, LA_REASON_IP_MALFORMED);
    enum la_reason reason = header_judge(&view, la_frame_octets(take_frame));
    if (reason != LA_REASON_NONE)
        return la_net_drop_frame(net, take_frame, reason);
    in->src = la_ip4_view_src(&view);
    in->dst = la_ip4_view_dst(&view);
    in->protocol = la_ip4_view_protocol(&view);
    in->ttl_hops = la_ip4_view_ttl_hops(&view);
    in->dscp_ecn = la_ip4_view_dscp_ecn(&view);
    in->header_n = view.header_bytes;
    memcpy(in->header, view.p, LA_IP4_HEADER_BYTES);
    if (view.header_bytes > LA_IP4_HEADER_BYTES)
        memcpy(in->header, view.p, view.header_bytes);
    reason = packet_judge(net, &view, in);
    if (reason != LA_REASON_NONE)
        return la_net_drop_frame(net, take_frame, reason);
    uint16_t total_bytes = la_ip4_view_total_bytes(&view);
    if (la_frame_octets(take_frame) > total_bytes) /* Ethernet pads short frames. */
        la_frame_trim(take_frame, total_bytes);
    bool piece = la_ip4_view_is_fragment(&view);
    la_frame_pull(take_frame, view.header_bytes);
    if (piece)
        return input_piece(net, take_frame, in, now);
    return la_net_input_upper(net, take_frame, in, now);
}
