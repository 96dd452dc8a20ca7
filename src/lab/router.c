/* SPDX-License-Identifier: MIT
 *
 * router.c - a router in the middle of the wire, whose next link takes smaller packets
 *
 * Read first: RFC 792, RFC 1191 4; RFC 4443 3.2. It quotes the IP header and the first 8 octets
 * behind it, as the oldest routers do: ports and sequence number.
 */
#include "lab/router.h"

#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/time.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum { ROUTER_HOST = 254, TTL_HOPS = 64, QUOTE_L4_BYTES = 8, PACKET_BYTES_MAX = 160 };
enum { TCP_HEADER_BYTES = 20, ICMP_HEADER_BYTES = 8, CHECKSUM_OFF = 2 };

/* An IP header of this family. */
static size_t
put_ip(const struct la_addr *src, const struct la_addr *dst, uint8_t protocol, size_t payload_bytes,
       struct la_room room)
{
    if (la_addr_is_v4(dst)) {
        struct la_ip4 ip = {.src = *src,
                            .dst = *dst,
                            .total_bytes = (uint16_t)(LA_IP4_HEADER_BYTES + payload_bytes),
                            .ttl_hops = TTL_HOPS,
                            .protocol = protocol,
                            .dont_fragment = true};
        return la_ip4_emit(&ip, room);
    }
    struct la_ip6 ip = {.src = *src,
                        .dst = *dst,
                        .payload_bytes = (uint16_t)payload_bytes,
                        .next_header = protocol,
                        .hop_limit = TTL_HOPS};
    return la_ip6_emit(&ip, room);
}

/* The beginning of the packet that was too big. */
static size_t
put_quote(const struct la_event *about, struct la_room room)
{
    const struct la_event_segment *seg = &about->u.segment;
    size_t n = put_ip(&about->local.addr, &about->remote.addr, LA_IP_TCP,
                      TCP_HEADER_BYTES + (size_t)seg->len, room);
    la_put16(room.p + n, about->local.port);
    la_put16(room.p + n + 2, about->remote.port);
    la_put32(room.p + n + 4, seg->seq);
    return n + QUOTE_L4_BYTES;
}

static size_t
put_message(bool v4, uint32_t mtu_bytes, struct la_room room)
{
    if (!v4) {
        struct la_icmp6 icmp = {.type = LA_ICMP6_TOO_BIG, .mtu_bytes = mtu_bytes};
        return la_icmp6_emit(&icmp, room);
    }
    struct la_icmp4 icmp = {.type = LA_ICMP4_UNREACHABLE,
                            .code = LA_ICMP4_FRAGMENTATION_NEEDED,
                            .mtu_bytes = (uint16_t)mtu_bytes};
    return la_icmp4_emit(&icmp, room);
}

void
la_lab_router_tell(struct la_lab *lab, const struct la_event *about, uint32_t mtu_bytes)
{
    uint8_t octets[PACKET_BYTES_MAX] = {0}, message[PACKET_BYTES_MAX] = {0};
    const struct la_addr *to = &about->local.addr;
    bool v4 = la_addr_is_v4(to);
    struct la_addr from = la_bed_addr(ROUTER_HOST - 1, !v4);
    size_t n = put_message(v4, mtu_bytes, (struct la_room){message, ICMP_HEADER_BYTES});
    n += put_quote(about, (struct la_room){message + n, sizeof(message) - n});
    uint8_t protocol = v4 ? (uint8_t)LA_IP_ICMP : (uint8_t)LA_IP_ICMPV6;
    struct la_ip_pseudo pseudo = {from, *to, protocol, (uint32_t)n};
    uint32_t sum = v4 ? 0 : la_ip_pseudo_sum(&pseudo); /* RFC 792: none over IPv4 */
    sum = la_sum_combine(sum, la_sum_portable(message, n), 0);
    la_put16(message + CHECKSUM_OFF, (uint16_t)~la_sum_fold(sum));
    size_t header_bytes = put_ip(&from, to, protocol, n, (struct la_room){octets, sizeof(octets)});
    memcpy(octets + header_bytes, message, n);
    struct la_bytes packet = {octets, header_bytes + n};
    la_lab_expect(lab, la_bed_send_packet(lab->bed, LA_SERVER, packet) != 0,
                  "no memory for an ICMP message");
}

/* ---- in the middle of the wire ---------------------------------------------------------- */

void
la_lab_router_begin(struct la_lab_router *router, struct la_lab *lab, uint32_t mtu_bytes)
{
    *router =
        (struct la_lab_router){.lab = lab, .mtu_bytes = mtu_bytes, .event = lab->bed->events_n};
}

/* As it was sent; NULL: nobody has told. */
static const struct la_event *
sent(const struct la_bed *bed, uint64_t segment_id)
{
    for (size_t i = bed->events_n; i-- > 0;)
        if (bed->events[i].kind == LA_EVENT_SEGMENT_SENT && bed->events[i].segment_id == segment_id)
            return &bed->events[i];
    return NULL;
}

static void
look(struct la_lab_router *router)
{
    const struct la_bed *bed = router->lab->bed;
    for (; router->event < bed->events_n; router->event++) {
        const struct la_event *event = &bed->events[router->event];
        if (router->silent || event->kind != LA_EVENT_WIRE || event->end != LA_CLIENT ||
            event->u.wire.fate != LA_WIRE_DROPPED || event->u.wire.reason != LA_REASON_WIRE_TOO_BIG)
            continue;
        const struct la_event *about = sent(bed, event->segment_id);
        if (about == NULL)
            continue;
        struct la_event copy = *about; /* the record may move */
        la_lab_router_tell(router->lab, &copy, router->mtu_bytes);
        router->told_n++;
    }
}

struct wait {
    struct la_lab_router *router;
    uint64_t received_n;
};

static bool
step(void *ctx)
{
    const struct wait *wait = ctx;
    look(wait->router);
    return wait->router->lab->end[LA_SERVER].received_n >= wait->received_n;
}

void
la_lab_router_run(struct la_lab_router *router, uint32_t ms)
{
    struct wait wait = {router, UINT64_MAX};
    struct la_bed *bed = router->lab->bed;
    (void)la_bed_run(bed, step, &wait, la_instant_add_ns(bed->now, ms * LA_NS_PER_MS));
}

void
la_lab_router_await_octets(struct la_lab_router *router, uint64_t received_n)
{
    struct wait wait = {router, received_n};
    (void)la_lab_await(router->lab, step, &wait);
    la_lab_await_octets(router->lab, LA_SERVER, received_n);
}
