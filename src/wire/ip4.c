/* SPDX-License-Identifier: MIT
 *
 * ip4.c - the IPv4 header
 *
 * Read first: RFC 791 3.1; RFC 1122 3.2.1.
 */
#include "wire/ip4.h"
#include "base/addr.h"
#include "base/assert.h"
#include "base/checksum.h"

#include <string.h>

/* The folded one's-complement sum of a header, 20 to 60 octets: short enough to add up in place.
 * RFC 1071 2 (B): the byte order of the additions does not matter. */
static uint16_t
header_sum(const uint8_t *p, size_t header_bytes)
{
    uint32_t words[LA_IP4_HEADER_BYTES / 4];
    memcpy(words, p, sizeof words);
    uint64_t sum = (uint64_t)words[0] + words[1] + words[2] + words[3] + words[4];
    for (size_t i = LA_IP4_HEADER_BYTES; i < header_bytes; i += 4) {
        uint32_t word;
        memcpy(&word, p + i, sizeof word);
        sum += word;
    }
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    uint16_t folded = (uint16_t)((sum & 0xffff) + (sum >> 16));
    uint8_t octets[2];
    memcpy(octets, &folded, sizeof folded);
    return la_get16(octets);
}

enum { FLAG_RESERVED = 4, FLAG_DONT_FRAGMENT = 2, FLAG_MORE_FRAGMENTS = 1 };

bool
la_ip4_view_checksum_ok(const struct la_ip4_view *view)
{
    return header_sum(view->p, view->header_bytes) == 0xffff;
}

struct la_ip4_option_iter
la_ip4_option_iter(const struct la_ip4_view *view)
{
    return (struct la_ip4_option_iter){la_ip4_view_options(view), false};
}

bool
la_ip4_option_next(struct la_ip4_option_iter *it, struct la_ip4_option *out)
{
    if (it->malformed || it->rest.n == 0)
        return false;
    const uint8_t *p = it->rest.p;
    if (p[0] == LA_IP4_OPT_EOL)
        return false;
    size_t n = 1;
    *out = (struct la_ip4_option){p[0], {p + 1, 0}};
    if (p[0] != LA_IP4_OPT_NOP) {
        if (it->rest.n < 2 || p[1] < 2 || p[1] > it->rest.n) {
            it->malformed = true;
            return false;
        }
        n = p[1];
        out->data = (struct la_bytes){p + 2, n - 2};
    }
    it->rest.p += n;
    it->rest.n -= n;
    return true;
}

static uint8_t
options_judge(const struct la_ip4_view *view)
{
    uint8_t has = 0;
    if (view->header_bytes == LA_IP4_HEADER_BYTES)
        return 0;
    struct la_ip4_option_iter it = la_ip4_option_iter(view);
    struct la_ip4_option opt;
    while (la_ip4_option_next(&it, &opt)) {
        if (opt.kind == LA_IP4_OPT_LOOSE_ROUTE || opt.kind == LA_IP4_OPT_STRICT_ROUTE)
            has |= LA_IP4_HAS_SOURCE_ROUTE;
        else if (opt.kind != LA_IP4_OPT_NOP)
            has |= LA_IP4_HAS_OTHER;
    }
    return it.malformed ? (uint8_t)(has | LA_IP4_HAS_MALFORMED) : has;
}

void
la_ip4_judge(struct la_ip4 *ip, const struct la_ip4_view *view)
{
    uint8_t flags = la_ip4_view_flags(view);
    *ip = (struct la_ip4){
        .src = la_ip4_view_src(view),
        .dst = la_ip4_view_dst(view),
        .total_bytes = la_ip4_view_total_bytes(view),
        .id = la_ip4_view_id(view),
        .frag_off_bytes = la_ip4_view_frag_off_bytes(view),
        .ttl_hops = la_ip4_view_ttl_hops(view),
        .protocol = la_ip4_view_protocol(view),
        .dscp_ecn = la_ip4_view_dscp_ecn(view),
        .reserved_flag = (flags & FLAG_RESERVED) != 0,
        .dont_fragment = (flags & FLAG_DONT_FRAGMENT) != 0,
        .more_fragments = (flags & FLAG_MORE_FRAGMENTS) != 0,
        .has = options_judge(view),
        .options = la_ip4_view_options(view),
    };
}

size_t
la_ip4_header_bytes(const struct la_ip4 *ip)
{
    return LA_IP4_HEADER_BYTES + ip->options.n;
}

size_t
la_ip4_emit(const struct la_ip4 *ip, struct la_room room)
{
    size_t header_bytes = la_ip4_header_bytes(ip);
    LA_ASSERT(header_bytes <= LA_IP4_HEADER_BYTES_MAX && header_bytes % 4 == 0);
    LA_ASSERT(room.n >= header_bytes);
    LA_ASSERT(ip->frag_off_bytes % 8 == 0);
    unsigned flags = (ip->reserved_flag ? FLAG_RESERVED : 0u) |
                     (ip->dont_fragment ? FLAG_DONT_FRAGMENT : 0u) |
                     (ip->more_fragments ? FLAG_MORE_FRAGMENTS : 0u);
    uint32_t first =
        (uint32_t)(0x40 | header_bytes / 4) << 24 | (uint32_t)ip->dscp_ecn << 16 | ip->total_bytes;
    uint32_t second = (uint32_t)ip->id << 16 | flags << 13 | ip->frag_off_bytes / 8u;
    uint32_t third = (uint32_t)ip->ttl_hops << 24 | (uint32_t)ip->protocol << 16;
    uint32_t src = la_get32(la_addr_v4_bytes(&ip->src)), dst = la_get32(la_addr_v4_bytes(&ip->dst));
    /* Added up before it is written: to read back what was just stored in parts takes long. */
    uint64_t sum = (uint64_t)first + second + third + src + dst;
    for (size_t i = 0; i < ip->options.n; i += 4)
        sum += la_get32(ip->options.p + i);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    third |= (uint16_t)~la_sum_fold((uint32_t)((sum & 0xffff) + (sum >> 16)));
    la_put32(room.p, first);
    la_put32(room.p + 4, second);
    la_put32(room.p + 8, third);
    la_put32(room.p + 12, src);
    la_put32(room.p + 16, dst);
    if (ip->options.n > 0)
        memcpy(room.p + LA_IP4_HEADER_BYTES, ip->options.p, ip->options.n);
    return header_bytes;
}

void
la_ip4_stencil_init(struct la_ip4_stencil *stencil, const struct la_ip4_common *common)
{
    uint32_t first = UINT32_C(0x45000000) | (uint32_t)common->dscp_ecn << 16;
    uint32_t second = common->dont_fragment ? (uint32_t)FLAG_DONT_FRAGMENT << 13 : 0;
    uint32_t third = (uint32_t)common->ttl_hops << 24 | (uint32_t)common->protocol << 16;
    uint32_t src = la_get32(la_addr_v4_bytes(common->src));
    uint32_t dst = la_get32(la_addr_v4_bytes(common->dst));
    /* Of each of the first three one half is 0. */
    stencil->sum = (first >> 16) + second + (third >> 16) + (src >> 16) + (src & 0xffff) +
                   (dst >> 16) + (dst & 0xffff);
    la_put32(stencil->octets, first);
    la_put32(stencil->octets + 4, second);
    la_put32(stencil->octets + 8, third);
    la_put32(stencil->octets + 12, src);
    la_put32(stencil->octets + 16, dst);
}
