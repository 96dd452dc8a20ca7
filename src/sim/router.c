/* SPDX-License-Identifier: MIT
 *
 * router.c - nodes that pass packets on, and what they say by ICMP
 *
 * Read first: RFC 1812 5.2.1 and 4.3; RFC 4443 3.
 */
#include <string.h>

#include "base/addr.h"
#include "base/checksum.h"
#include "sim/world.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum { TTL_HOPS = 64, QUOTE_V4_BYTES = 128, QUOTE_V6_BYTES = 1200, ICMP_CHECKSUM_OFF = 2 };
/* An error comes from the node where it happened, and takes a while. */
#define ICMP_NS (2 * LA_NS_PER_MS)

struct la_addr
la_sim_addr(unsigned host, bool ipv6)
{
    if (!ipv6)
        return la_addr_v4(10, 0, 0, (uint8_t)(host + 1));
    return (struct la_addr){{0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)(host + 1)}};
}

/* LA_SIM_HOSTS: nobody's. */
static unsigned
host_of(const struct la_sim_world *world, const struct la_addr *addr)
{
    unsigned host = 0;
    while (host < LA_SIM_HOSTS) {
        struct la_addr own = la_sim_addr(host, world->ipv6);
        if (la_addr_same(&own, addr))
            break;
        host++;
    }
    return host;
}

static bool
ends_of(const struct la_sim_packet *packet, struct la_addr *src, struct la_addr *dst)
{
    struct la_bytes bytes = {packet->bytes, packet->n};
    struct la_ip4_view v4;
    struct la_ip6_view v6;
    if (la_ip4_view_init(&v4, bytes)) {
        *src = la_ip4_view_src(&v4);
        *dst = la_ip4_view_dst(&v4);
        return la_ip4_view_checksum_ok(&v4);
    }
    if (!la_ip6_view_init(&v6, bytes))
        return false;
    *src = la_ip6_view_src(&v6);
    *dst = la_ip6_view_dst(&v6);
    return true;
}

void
la_sim_route(struct la_sim_world *world, unsigned node, struct la_sim_packet *take_packet)
{
    struct la_addr src, dst;
    unsigned host =
        ends_of(take_packet, &src, &dst) ? host_of(world, &dst) : (unsigned)LA_SIM_HOSTS;
    uint8_t pipe = host < LA_SIM_HOSTS ? world->route[node][host] : LA_SIM_NO_PIPE;
    if (pipe == LA_SIM_NO_PIPE) {
        la_sim_tell_fate(world, take_packet, LA_WIRE_DROPPED, LA_REASON_WIRE_LOST);
        la_sim_packet_free(&world->packets, take_packet);
        return;
    }
    la_sim_pipe_send(world, pipe, take_packet);
}

/* RFC 1812 5.3.1, RFC 8200 3: one hop less. False: none is left. */
static bool
take_hop(struct la_sim_packet *packet)
{
    uint8_t *p = packet->bytes;
    if (p[0] >> 4 != 4)
        return p[7] > 1 ? (p[7]--, true) : false;
    if (p[8] <= 1)
        return false;
    uint16_t before = la_get16(p + 8);
    p[8]--;
    la_put16(p + 10, la_sum_update(la_get16(p + 10), before, la_get16(p + 8)));
    return true;
}

void
la_sim_router(struct la_sim_world *world, unsigned node, struct la_sim_packet *take_packet)
{
    struct la_addr src, dst;
    bool sound = ends_of(take_packet, &src, &dst);
    if (sound && take_hop(take_packet)) {
        la_sim_route(world, node, take_packet);
        return;
    }
    la_sim_tell_fate(world, take_packet, LA_WIRE_DROPPED, LA_REASON_WIRE_LOST);
    la_sim_packet_free(&world->packets, take_packet);
}

/* ---- ICMP ------------------------------------------------------------------------------- */

static size_t
put_icmp4(enum la_sim_icmp kind, uint32_t mtu_bytes, struct la_room room)
{
    static const uint8_t codes[] = {
        [LA_SIM_ICMP_NONE] = LA_ICMP4_NET,
        [LA_SIM_ICMP_HOST] = LA_ICMP4_HOST,
        [LA_SIM_ICMP_PROHIBITED] = LA_ICMP4_PROHIBITED,
        [LA_SIM_ICMP_PORT] = LA_ICMP4_PORT,
        [LA_SIM_ICMP_TOO_BIG] = LA_ICMP4_FRAGMENTATION_NEEDED,
    };
    struct la_icmp4 icmp = {.type = LA_ICMP4_UNREACHABLE,
                            .code = codes[kind],
                            .mtu_bytes = kind == LA_SIM_ICMP_TOO_BIG ? (uint16_t)mtu_bytes : 0};
    return la_icmp4_emit(&icmp, room);
}

static size_t
put_icmp6(enum la_sim_icmp kind, uint32_t mtu_bytes, struct la_room room)
{
    static const uint8_t codes[] = {
        [LA_SIM_ICMP_NONE] = LA_ICMP6_NO_ROUTE,
        [LA_SIM_ICMP_HOST] = LA_ICMP6_ADDRESS,
        [LA_SIM_ICMP_PROHIBITED] = LA_ICMP6_PROHIBITED,
        [LA_SIM_ICMP_PORT] = LA_ICMP6_PORT,
        [LA_SIM_ICMP_TOO_BIG] = 0,
    };
    memset(room.p, 0, LA_ICMP6_HEADER_BYTES);
    room.p[0] = kind == LA_SIM_ICMP_TOO_BIG ? LA_ICMP6_TOO_BIG : LA_ICMP6_UNREACHABLE;
    room.p[1] = codes[kind];
    if (kind == LA_SIM_ICMP_TOO_BIG)
        la_put32(room.p + 4, mtu_bytes);
    return LA_ICMP6_HEADER_BYTES;
}

static size_t
put_header(struct la_sim_packet *packet, const struct la_addr *src, const struct la_addr *dst,
           size_t l4_bytes)
{
    struct la_room room = {packet->bytes, packet->room};
    if (la_addr_is_v4(dst)) {
        struct la_ip4 ip = {.src = *src,
                            .dst = *dst,
                            .total_bytes = (uint16_t)(LA_IP4_HEADER_BYTES + l4_bytes),
                            .ttl_hops = TTL_HOPS,
                            .protocol = LA_IP_ICMP};
        return la_ip4_emit(&ip, room);
    }
    struct la_ip6 ip = {.src = *src,
                        .dst = *dst,
                        .payload_bytes = (uint16_t)l4_bytes,
                        .next_header = LA_IP_ICMPV6,
                        .hop_limit = TTL_HOPS};
    return la_ip6_emit(&ip, room);
}

static void
sum_icmp(uint8_t *icmp, size_t n, const struct la_addr *src, const struct la_addr *dst)
{
    struct la_ip_pseudo pseudo = {*src, *dst, LA_IP_ICMPV6, (uint32_t)n};
    uint32_t start = la_addr_is_v4(dst) ? 0 : la_ip_pseudo_sum(&pseudo);
    la_put16(icmp + ICMP_CHECKSUM_OFF, 0);
    uint32_t sum = la_sum_combine(start, la_sum_portable(icmp, n), 0);
    la_put16(icmp + ICMP_CHECKSUM_OFF, (uint16_t)~la_sum_fold(sum));
}

/* RFC 1812 4.3.2.7: no errors about errors. What the box has moved is moved back in the quote, as a
 * box that does its work well would. */
void
la_sim_icmp_send(struct la_sim_world *world, unsigned node, const struct la_sim_packet *about,
                 enum la_sim_icmp kind, uint32_t mtu_bytes)
{
    struct la_addr to, router = la_sim_addr(node + 100, world->ipv6), from;
    if (!about->is_tcp || !ends_of(about, &to, &from) || host_of(world, &to) == LA_SIM_HOSTS)
        return;
    bool v4 = la_addr_is_v4(&to);
    size_t ip_bytes = v4 ? (size_t)LA_IP4_HEADER_BYTES : (size_t)LA_IP6_HEADER_BYTES;
    size_t quote = v4 ? (size_t)QUOTE_V4_BYTES : (size_t)QUOTE_V6_BYTES;
    if (quote > about->n)
        quote = about->n;
    struct la_sim_packet *packet =
        la_sim_packet_new(&world->packets, ip_bytes + LA_ICMP4_HEADER_BYTES + quote);
    if (packet == NULL)
        return;
    size_t l4_bytes = LA_ICMP4_HEADER_BYTES + quote;
    uint8_t *icmp = packet->bytes + put_header(packet, &router, &to, l4_bytes);
    struct la_room room = {icmp, l4_bytes};
    size_t head = v4 ? put_icmp4(kind, mtu_bytes, room) : put_icmp6(kind, mtu_bytes, room);
    memcpy(icmp + head, about->bytes, quote);
    size_t tcp = la_sim_packet_tcp_off(about);
    if ((about->marks & LA_SIM_M_BOXED) != 0 && world->box.shift_by != 0 &&
        host_of(world, &to) != 1)
        la_put32(icmp + head + tcp + 4, about->read.seg.seq.v - world->box.shift_by);
    sum_icmp(icmp, l4_bytes, &router, &to);
    packet->conn = about->conn;
    la_sim_put(world, world->now_ns + ICMP_NS, LA_SIM_I_DIRECT, host_of(world, &to), packet);
}
