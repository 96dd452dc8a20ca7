/* SPDX-License-Identifier: MIT
 *
 * make.c - the octets of a packet that the script sends to the stack
 *
 * Read first: RFC 791 3.1; RFC 8200 3; RFC 9293 3.1; RFC 792; RFC 4443 2.1.
 */
#include "drill/run.h"

#include <string.h>

#include "base/addr.h"
#include "base/checksum.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/udp.h"

enum { TTL_HOPS = 64, TCP_CHECKSUM_OFF = 16, UDP_CHECKSUM_OFF = 6, ICMP_CHECKSUM_OFF = 2 };

/* ---- options ---------------------------------------------------------------------------- */

struct octets {
    uint8_t *p;
    size_t n;
    bool full;
};

static void
put(struct octets *out, uint32_t value, unsigned octets_n)
{
    if (out->n + octets_n > LA_DRILL_OPTIONS_BYTES_MAX) {
        out->full = true;
        return;
    }
    for (unsigned i = octets_n; i > 0; i--)
        out->p[out->n++] = (uint8_t)(value >> 8 * (i - 1));
}

static void
put_head(struct octets *out, uint8_t kind, unsigned octets_n)
{
    put(out, kind, 1);
    put(out, octets_n, 1);
}

/* Blocks and echoed timestamps of lines that come in are about us, of lines that go out about the
 * peer. */
static void
put_option(const struct la_drill_run *run, const struct la_drill_flow *flow, bool out_line,
           const struct la_drill_option *o, bool syn, struct octets *out)
{
    uint32_t sack_offset =
        out_line ? la_drill_peer_offset(run, flow, syn) : la_drill_local_offset(run, flow, syn);
    uint32_t val = out_line ? o->a + flow->ts_offset : o->a;
    uint32_t ecr = out_line || o->b == 0 ? o->b : la_drill_flow_clock_live(flow, o->b);
    switch ((enum la_drill_option_kind)o->kind) {
    case LA_DRILL_OPT_NOP:
        put(out, LA_TCP_OPT_NOP, 1);
        break;
    case LA_DRILL_OPT_EOL:
        put(out, LA_TCP_OPT_EOL, 1);
        break;
    case LA_DRILL_OPT_MSS:
        put_head(out, LA_TCP_OPT_MSS, 4);
        put(out, o->a, 2);
        break;
    case LA_DRILL_OPT_WSCALE:
        put_head(out, LA_TCP_OPT_WSCALE, 3);
        put(out, o->a, 1);
        break;
    case LA_DRILL_OPT_SACK_OK:
        put_head(out, LA_TCP_OPT_SACK_PERMITTED, 2);
        break;
    case LA_DRILL_OPT_SACK:
        put_head(out, LA_TCP_OPT_SACK, 2 + 8u * o->sack_n);
        for (unsigned i = 0; i < o->sack_n; i++) {
            put(out, o->left[i] + sack_offset, 4);
            put(out, o->right[i] + sack_offset, 4);
        }
        break;
    case LA_DRILL_OPT_TS:
        put_head(out, LA_TCP_OPT_TIMESTAMPS, 10);
        put(out, val, 4);
        put(out, ecr, 4);
        break;
    case LA_DRILL_OPT_RAW:
        for (size_t i = 0; i < o->raw.n; i++)
            put(out, o->raw.p[i], 1);
        break;
    }
}

bool
la_drill_make_options(const struct la_drill_run *run, const struct la_drill_flow *flow,
                      const struct la_drill_packet *packet, uint8_t out[], size_t *n)
{
    struct octets octets = {out, 0, false};
    for (const struct la_drill_option *o = packet->options; o != NULL; o = o->next)
        put_option(run, flow, packet->out, o, (packet->flags & LA_TCP_SYN) != 0, &octets);
    while (octets.n % 4 != 0 && !octets.full)
        put(&octets, LA_TCP_OPT_EOL, 1);
    *n = octets.n;
    return !octets.full;
}

/* ---- IP --------------------------------------------------------------------------------- */

struct ends {
    struct la_addr src, dst;
};

static size_t
ip_bytes(const struct ends *ends)
{
    return la_addr_is_v4(&ends->dst) ? (size_t)LA_IP4_HEADER_BYTES : (size_t)LA_IP6_HEADER_BYTES;
}

static void
put_ip(const struct ends *ends, const struct la_drill_packet *packet, uint8_t protocol,
       size_t l4_bytes, uint8_t *p)
{
    uint8_t tos = packet->has_tos ? packet->tos : packet->has_ecn ? packet->ecn : 0;
    uint8_t ttl = packet->has_ttl ? packet->ttl : (uint8_t)TTL_HOPS;
    if (la_addr_is_v4(&ends->dst)) {
        struct la_ip4 ip = {.src = ends->src,
                            .dst = ends->dst,
                            .total_bytes = (uint16_t)(LA_IP4_HEADER_BYTES + l4_bytes),
                            .ttl_hops = ttl,
                            .protocol = protocol,
                            .dscp_ecn = tos,
                            .dont_fragment = true};
        la_ip4_emit(&ip, (struct la_room){p, LA_IP4_HEADER_BYTES});
        return;
    }
    struct la_ip6 ip = {.src = ends->src,
                        .dst = ends->dst,
                        .payload_bytes = (uint16_t)l4_bytes,
                        .next_header = protocol,
                        .hop_limit = ttl,
                        .dscp_ecn = tos};
    la_ip6_emit(&ip, (struct la_room){p, LA_IP6_HEADER_BYTES});
}

/* The header below, and the checksum at `off` of the layer above. */
static size_t
finish(const struct ends *ends, const struct la_drill_packet *packet, uint8_t protocol,
       size_t l4_bytes, uint8_t *p)
{
    static const uint8_t offs[] = {[LA_IP_TCP] = TCP_CHECKSUM_OFF,
                                   [LA_IP_UDP] = UDP_CHECKSUM_OFF,
                                   [LA_IP_ICMP] = ICMP_CHECKSUM_OFF,
                                   [LA_IP_ICMPV6] = ICMP_CHECKSUM_OFF};
    uint8_t *l4 = p + ip_bytes(ends);
    struct la_ip_pseudo pseudo = {ends->src, ends->dst, protocol, (uint32_t)l4_bytes};
    uint32_t sum = protocol == LA_IP_ICMP ? 0 : la_ip_pseudo_sum(&pseudo);
    sum = la_sum_combine(sum, la_sum_portable(l4, l4_bytes), 0);
    uint16_t checksum = (uint16_t)~la_sum_fold(sum);
    la_put16(l4 + offs[protocol], packet->bad_checksum ? (uint16_t)(checksum ^ 1) : checksum);
    put_ip(ends, packet, protocol, l4_bytes, p);
    return ip_bytes(ends) + l4_bytes;
}

/* ---- TCP, UDP --------------------------------------------------------------------------- */

static void
put_text(const struct la_drill_run *run, struct la_drill_flow *flow,
         const struct la_drill_packet *packet, uint8_t *p)
{
    bool syn = (packet->flags & LA_TCP_SYN) != 0;
    uint32_t first = packet->seq - (run->strict || syn ? flow->irs : 0) - (syn ? 0 : 1);
    flow->own_text |= packet->has_text;
    for (uint32_t i = 0; i < packet->len; i++)
        p[i] = packet->has_text ? packet->text.p[i] : la_drill_octet(false, first + i);
}

static size_t
make_tcp(struct la_drill_run *run, struct la_drill_flow *flow, const struct la_drill_packet *packet,
         const struct ends *ends, uint8_t *p)
{
    bool syn = (packet->flags & LA_TCP_SYN) != 0;
    uint32_t ack = packet->ack + la_drill_local_offset(run, flow, syn);
    struct la_tcp_seg seg = {.src_port = flow->remote.port,
                             .dst_port = flow->local.port,
                             .seq = la_seq_of(packet->seq + la_drill_peer_offset(run, flow, syn)),
                             .ack = la_seq_of(packet->has_ack ? ack : 0),
                             .flags = packet->flags,
                             .wnd = packet->win,
                             .up = packet->urg};
    uint8_t *l4 = p + ip_bytes(ends);
    size_t options_n;
    size_t n = la_tcp_seg_emit(&seg, (struct la_room){l4, LA_TCP_HEADER_BYTES_MAX});
    if (!la_drill_make_options(run, flow, packet, l4 + n, &options_n))
        return 0;
    n += options_n;
    l4[12] = (uint8_t)(n / 4 << 4 | packet->reserved | (l4[12] & 1)); /* AE */
    put_text(run, flow, packet, l4 + n);
    return finish(ends, packet, LA_IP_TCP, n + packet->len, p);
}

static size_t
make_udp(const struct la_drill_run *run, struct la_drill_flow *flow,
         const struct la_drill_packet *packet, const struct ends *ends, uint8_t *p)
{
    uint8_t *l4 = p + ip_bytes(ends);
    struct la_udp udp = {.src_port = flow->remote.port,
                         .dst_port = flow->local.port,
                         .len_bytes = (uint16_t)(LA_UDP_HEADER_BYTES + packet->len)};
    size_t n = la_udp_emit(&udp, (struct la_room){l4, LA_UDP_HEADER_BYTES});
    put_text(run, flow, packet, l4 + n);
    return finish(ends, packet, LA_IP_UDP, n + packet->len, p);
}

/* ---- ICMP errors about what we sent ------------------------------------------------------ */

enum { QUOTED_TCP_BYTES = 8 };

/* Our packet as a router quotes it: the IP header and eight octets (RFC 792). */
static size_t
put_quote(const struct la_drill_run *run, const struct la_drill_flow *flow,
          const struct la_drill_packet *packet, const struct ends *ends, uint8_t *p)
{
    struct ends ours = {ends->dst, ends->src};
    struct la_drill_packet plain = {.out = true};
    uint8_t *l4 = p + ip_bytes(&ours);
    put_ip(&ours, &plain, LA_IP_TCP, LA_TCP_HEADER_BYTES + packet->len, p);
    la_put16(l4, flow->local.port);
    la_put16(l4 + 2, flow->remote.port);
    la_put32(l4 + 4, packet->seq + la_drill_local_offset(run, flow, false));
    return ip_bytes(&ours) + QUOTED_TCP_BYTES;
}

/* Errors are about a packet of ours; other messages are not (RFC 1122 3.2.2, RFC 4443 2.1). */
static bool
is_about_ours(bool v4, uint8_t type)
{
    static const uint8_t errors[] = {LA_ICMP4_UNREACHABLE, LA_ICMP4_SOURCE_QUENCH,
                                     LA_ICMP4_REDIRECT, LA_ICMP4_TIME_EXCEEDED, LA_ICMP4_PARAMETER};
    return v4 ? memchr(errors, type, sizeof(errors)) != NULL : type < LA_ICMP6_ECHO;
}

static size_t
make_icmp(const struct la_drill_run *run, const struct la_drill_flow *flow,
          const struct la_drill_packet *packet, const struct ends *ends, uint8_t *p)
{
    uint8_t *l4 = p + ip_bytes(ends);
    bool v4 = la_addr_is_v4(&ends->dst);
    memset(l4, 0, LA_ICMP4_HEADER_BYTES); /* the same layout in both families */
    l4[0] = packet->icmp_type;
    l4[1] = packet->icmp_code;
    bool about_ours = is_about_ours(v4, packet->icmp_type);
    if (!about_ours) {
        la_put16(l4 + 4, (uint16_t)packet->echo_id);
        la_put16(l4 + 6, (uint16_t)packet->echo_seq);
    } else if (v4) {
        la_put16(l4 + 6, (uint16_t)packet->mtu);
    } else {
        la_put32(l4 + 4, packet->mtu);
    }
    size_t n = LA_ICMP4_HEADER_BYTES;
    if (about_ours)
        n += put_quote(run, flow, packet, ends, l4 + n);
    return finish(ends, packet, v4 ? LA_IP_ICMP : LA_IP_ICMPV6, n, p);
}

size_t
la_drill_make(struct la_drill_run *run, struct la_drill_flow *flow,
              const struct la_drill_packet *packet, struct la_room room)
{
    struct ends ends = {flow->remote.addr, flow->local.addr};
    if (packet->len + LA_IP6_HEADER_BYTES + LA_TCP_HEADER_BYTES_MAX > room.n)
        return 0;
    switch ((enum la_drill_protocol)packet->protocol) {
    case LA_DRILL_TCP:
        return make_tcp(run, flow, packet, &ends, room.p);
    case LA_DRILL_UDP:
        return make_udp(run, flow, packet, &ends, room.p);
    case LA_DRILL_ICMP:
        return make_icmp(run, flow, packet, &ends, room.p);
    }
    return 0;
}
