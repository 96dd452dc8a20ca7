/* SPDX-License-Identifier: MIT
 *
 * look.c - a packet that the stack sent: taken apart, and as a line of the script's language
 */
#include "drill/run.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/checksum.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/udp.h"

/* ---- apart ------------------------------------------------------------------------------ */

static bool
look_ip(struct la_drill_seen *seen, struct la_bytes packet)
{
    struct la_ip4_view v4;
    struct la_ip6_view v6;
    size_t off = LA_IP6_HEADER_BYTES, end;
    if (la_ip4_view_init(&v4, packet)) {
        struct la_ip4 ip;
        la_ip4_judge(&ip, &v4);
        seen->src.addr = ip.src;
        seen->dst.addr = ip.dst;
        seen->protocol = ip.protocol;
        seen->dscp_ecn = ip.dscp_ecn;
        seen->ttl = ip.ttl_hops;
        seen->checksum_ok = la_ip4_view_checksum_ok(&v4);
        off = v4.header_bytes;
        end = ip.total_bytes;
    } else if (la_ip6_view_init(&v6, packet)) {
        struct la_ip6 ip;
        la_ip6_judge(&ip, &v6);
        seen->src.addr = ip.src;
        seen->dst.addr = ip.dst;
        seen->protocol = ip.next_header;
        seen->dscp_ecn = ip.dscp_ecn;
        seen->ttl = ip.hop_limit;
        seen->checksum_ok = true;
        end = LA_IP6_HEADER_BYTES + (size_t)ip.payload_bytes;
    } else {
        return false;
    }
    if (end != packet.n || off > end)
        return false;
    seen->l4 = (struct la_bytes){packet.p + off, end - off};
    return true;
}

static bool
look_tcp(struct la_drill_seen *seen)
{
    if (!la_tcp_view_init(&seen->tcp, seen->l4))
        return false;
    size_t header_bytes = seen->tcp.header_bytes;
    seen->text = (struct la_bytes){seen->l4.p + header_bytes, seen->l4.n - header_bytes};
    la_tcp_seg_judge(&seen->seg, &seen->tcp, (uint32_t)seen->text.n);
    seen->src.port = seen->seg.src_port;
    seen->dst.port = seen->seg.dst_port;
    return true;
}

static bool
look_udp(struct la_drill_seen *seen)
{
    struct la_udp_view view;
    if (!la_udp_view_init(&view, seen->l4))
        return false;
    seen->src.port = la_udp_view_src_port(&view);
    seen->dst.port = la_udp_view_dst_port(&view);
    seen->text =
        (struct la_bytes){seen->l4.p + LA_UDP_HEADER_BYTES, seen->l4.n - LA_UDP_HEADER_BYTES};
    return true;
}

bool
la_drill_look(struct la_drill_seen *seen, struct la_bytes packet)
{
    *seen = (struct la_drill_seen){.protocol = 0};
    if (!look_ip(seen, packet))
        return false;
    struct la_ip_pseudo pseudo = {seen->src.addr, seen->dst.addr, seen->protocol,
                                  (uint32_t)seen->l4.n};
    uint32_t sum = seen->protocol == LA_IP_ICMP ? 0 : la_ip_pseudo_sum(&pseudo);
    sum = la_sum_combine(sum, la_sum_portable(seen->l4.p, seen->l4.n), 0);
    seen->checksum_ok &= la_sum_fold(sum) == 0xffff;
    switch (seen->protocol) {
    case LA_IP_TCP:
        return look_tcp(seen);
    case LA_IP_UDP:
        return look_udp(seen);
    case LA_IP_ICMP:
    case LA_IP_ICMPV6:
        return seen->l4.n >= 8;
    default:
        return false;
    }
}

/* ---- as a line -------------------------------------------------------------------------- */

struct line {
    char *p;
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void
add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line->p + line->n, LA_DRILL_MESSAGE_BYTES - line->n, format, args);
    va_end(args);
    line->n += n > 0 ? (size_t)n : 0;
    if (line->n >= LA_DRILL_MESSAGE_BYTES)
        line->n = LA_DRILL_MESSAGE_BYTES - 1;
}

static void
add_option(struct line *line, const struct la_drill_run *run, const struct la_drill_flow *flow,
           const struct la_tcp_option *o)
{
    uint32_t offset = la_drill_peer_offset(run, flow, false);
    if (o->kind == LA_TCP_OPT_NOP) {
        add(line, "nop");
    } else if (o->kind == LA_TCP_OPT_MSS && o->data.n == 2) {
        add(line, "mss %u", la_get16(o->data.p));
    } else if (o->kind == LA_TCP_OPT_WSCALE && o->data.n == 1) {
        add(line, "wscale %u", o->data.p[0]);
    } else if (o->kind == LA_TCP_OPT_SACK_PERMITTED && o->data.n == 0) {
        add(line, "sackOK");
    } else if (o->kind == LA_TCP_OPT_TIMESTAMPS && o->data.n == 8) {
        add(line, "TS val %u ecr %u", la_get32(o->data.p) - flow->ts_offset,
            la_get32(o->data.p + 4));
    } else if (o->kind == LA_TCP_OPT_SACK && o->data.n % 8 == 0) {
        add(line, "sack");
        for (size_t i = 0; i < o->data.n; i += 8)
            add(line, " %u:%u", la_get32(o->data.p + i) - offset,
                la_get32(o->data.p + i + 4) - offset);
    } else {
        if (o->kind == LA_TCP_OPT_FAST_OPEN)
            add(line, o->data.n > 0 ? "FO " : "FO");
        else
            add(line, "raw %02x%02zx", o->kind, o->data.n + 2);
        for (size_t i = 0; i < o->data.n; i++)
            add(line, "%02x", o->data.p[i]);
    }
}

void
la_drill_show_option(const struct la_drill_run *run, const struct la_drill_flow *flow,
                     const struct la_tcp_option *option, char out[LA_DRILL_MESSAGE_BYTES])
{
    struct line line = {out, 0};
    out[0] = 0;
    add_option(&line, run, flow, option);
}

static void
show_tcp(struct line *line, const struct la_drill_run *run, const struct la_drill_flow *flow,
         const struct la_drill_seen *seen)
{
    static const char letters[] = "FSRP.UEWA";
    const struct la_tcp_seg *seg = &seen->seg;
    bool syn = (seg->flags & LA_TCP_SYN) != 0;
    uint32_t seq = seg->seq.v - (seg->seq.v == 0 ? 0 : la_drill_local_offset(run, flow, syn));
    for (unsigned i = 0; letters[i] != 0; i++)
        if ((seg->flags & 1u << i) != 0)
            add(line, "%c", letters[i]);
    if (seg->flags == 0)
        add(line, "-");
    add(line, " %u:%u(%u)", seq, seq + seg->text_bytes, seg->text_bytes);
    if ((seg->flags & LA_TCP_ACK) != 0)
        add(line, " ack %u", seg->ack.v - la_drill_peer_offset(run, flow, syn));
    add(line, " win %u", seg->wnd);
    if ((seg->flags & LA_TCP_URG) != 0)
        add(line, " urg %u", seg->up);
    struct la_tcp_option_iter it = la_tcp_option_iter(&seen->tcp);
    struct la_tcp_option o;
    bool any = false;
    while (la_tcp_option_next(&it, &o)) {
        add(line, any ? "," : " <");
        add_option(line, run, flow, &o);
        any = true;
    }
    if (any)
        add(line, ">");
}

void
la_drill_show(const struct la_drill_run *run, const struct la_drill_flow *flow,
              const struct la_drill_seen *seen, char out[LA_DRILL_MESSAGE_BYTES])
{
    static const char *const ecn[] = {"", "[ect1] ", "[ect0] ", "[ce] "};
    struct line line = {out, 0};
    out[0] = 0;
    add(&line, "> %s", ecn[seen->dscp_ecn & LA_IP_ECN_MASK]);
    if (flow != run->flow && seen->protocol != LA_IP_ICMP && seen->protocol != LA_IP_ICMPV6)
        add(&line, "%u > %u ", seen->src.port, seen->dst.port);
    if (seen->protocol == LA_IP_TCP)
        show_tcp(&line, run, flow, seen);
    else if (seen->protocol == LA_IP_UDP)
        add(&line, "udp (%zu)", seen->text.n);
    else
        add(&line, "icmp type %u code %u", seen->l4.p[0], seen->l4.p[1]);
}
