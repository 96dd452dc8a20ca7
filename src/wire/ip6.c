/* SPDX-License-Identifier: MIT
 *
 * ip6.c - the IPv6 header and its extension headers
 *
 * Read first: RFC 8200 3, 4.1-4.6 and 8.
 */
#include "wire/ip6.h"
#include "base/addr.h"
#include "base/assert.h"
#include "wire/ip.h"

#include <string.h>

enum { NEXT_HEADER_OFF = 6, FRAGMENT_BYTES = 8, OPT_PAD1 = 0, OPT_PADN = 1, OPT_ROUTER_ALERT = 5 };

void
la_ip6_judge(struct la_ip6 *ip, const struct la_ip6_view *view)
{
    *ip = (struct la_ip6){
        .src = la_ip6_view_src(view),
        .dst = la_ip6_view_dst(view),
        .flow_label = la_ip6_view_flow_label(view),
        .payload_bytes = la_ip6_view_payload_bytes(view),
        .next_header = la_ip6_view_next_header(view),
        .hop_limit = la_ip6_view_hop_limit(view),
        .dscp_ecn = la_ip6_view_dscp_ecn(view),
    };
}

size_t
la_ip6_emit(const struct la_ip6 *ip, struct la_room room)
{
    LA_ASSERT(room.n >= LA_IP6_HEADER_BYTES);
    LA_ASSERT(ip->flow_label <= 0xfffff);
    uint8_t *p = room.p;
    la_put32(p, UINT32_C(6) << 28 | (uint32_t)ip->dscp_ecn << 20 | ip->flow_label);
    la_put16(p + 4, ip->payload_bytes);
    p[6] = ip->next_header;
    p[7] = ip->hop_limit;
    memcpy(p + 8, ip->src.b, 16);
    memcpy(p + 24, ip->dst.b, 16);
    return LA_IP6_HEADER_BYTES;
}

static bool
is_ext(uint8_t kind)
{
    return kind == LA_IP_HOP_BY_HOP || kind == LA_IP_ROUTING || kind == LA_IP_FRAGMENT ||
           kind == LA_IP_DESTINATION;
}

struct la_ip6_ext_iter
la_ip6_ext_iter(uint8_t next_header, struct la_bytes payload)
{
    return (struct la_ip6_ext_iter){payload, next_header, 0, false};
}

bool
la_ip6_ext_next(struct la_ip6_ext_iter *it, struct la_ip6_ext *out)
{
    if (it->truncated || it->ext_n == LA_IP6_EXTS_MAX || !is_ext(it->next))
        return false;
    /* 4.3: length in units of 8 octets, the first not counted; a fragment header has none (4.5). */
    size_t n = FRAGMENT_BYTES;
    if (it->next != LA_IP_FRAGMENT && it->rest.n >= 2)
        n += (size_t)it->rest.p[1] * 8;
    if (it->rest.n < n) {
        it->truncated = true;
        return false;
    }
    *out = (struct la_ip6_ext){it->next, {it->rest.p, n}};
    it->next = it->rest.p[0];
    it->rest.p += n;
    it->rest.n -= n;
    it->ext_n++;
    /* What follows the header of a later fragment is the middle of a packet, not a header. */
    if (out->kind == LA_IP_FRAGMENT && (la_get16(out->bytes.p + 2) & 0xfff8) != 0)
        it->ext_n = LA_IP6_EXTS_MAX;
    return true;
}

/* RFC 8200 4.2: the two highest bits of an unknown option say what becomes of the packet. */
static enum la_ip6_problem
option_problem(uint8_t kind)
{
    static const enum la_ip6_problem by_action[4] = {
        LA_IP6_PROBLEM_NONE,
        LA_IP6_PROBLEM_OPTION_SILENT,
        LA_IP6_PROBLEM_OPTION_REPORT,
        LA_IP6_PROBLEM_OPTION_REPORT_UNICAST,
    };
    if (kind == OPT_PADN || kind == OPT_ROUTER_ALERT)
        return LA_IP6_PROBLEM_NONE;
    return by_action[kind >> 6];
}

/* The options of a hop-by-hop or destination header; *off: where in `bytes` the problem is. */
static enum la_ip6_problem
options_judge(struct la_bytes bytes, size_t *off)
{
    size_t i = 2;
    while (i < bytes.n) {
        *off = i;
        if (bytes.p[i] == OPT_PAD1) {
            i++;
            continue;
        }
        if (bytes.n - i < 2 || bytes.n - i - 2 < bytes.p[i + 1])
            return LA_IP6_PROBLEM_OPTION_MALFORMED;
        enum la_ip6_problem problem = option_problem(bytes.p[i]);
        if (problem != LA_IP6_PROBLEM_NONE)
            return problem;
        i += 2 + (size_t)bytes.p[i + 1];
    }
    return LA_IP6_PROBLEM_NONE;
}

/* One header of those from `start` on; *off: where in it the problem is. `idx`: how many came
 * before it. */
static enum la_ip6_problem
ext_judge(struct la_ip6_exts *exts, const struct la_ip6_ext *ext, unsigned idx,
          const uint8_t *start, size_t *off)
{
    const uint8_t *p = ext->bytes.p;
    *off = 0;
    switch (ext->kind) {
    case LA_IP_HOP_BY_HOP:
        if (idx != 0)
            return LA_IP6_PROBLEM_ORDER;
        return options_judge(ext->bytes, off);
    case LA_IP_DESTINATION:
        return options_judge(ext->bytes, off);
    case LA_IP_ROUTING:
        /* 4.4: without segments left an unknown type is ignored; with some, the type is at
         * fault. */
        *off = 2;
        return p[3] == 0 ? LA_IP6_PROBLEM_NONE : LA_IP6_PROBLEM_ROUTING;
    default:
        if (exts->is_fragment)
            return LA_IP6_PROBLEM_NONE;
        exts->frag_off_bytes = la_get16(p + 2) & 0xfff8;
        exts->more_fragments = (p[3] & 1) != 0;
        exts->is_fragment = exts->frag_off_bytes != 0 || exts->more_fragments;
        exts->frag_id = la_get32(p + 4);
        exts->frag_next = p[0];
        exts->frag_data_off = (uint32_t)(p + FRAGMENT_BYTES - start);
        return LA_IP6_PROBLEM_NONE;
    }
}

void
la_ip6_exts_judge(struct la_ip6_exts *exts, uint8_t next_header, struct la_bytes payload)
{
    *exts = (struct la_ip6_exts){.protocol = next_header};
    if (!is_ext(next_header))
        return;
    struct la_ip6_ext_iter it = la_ip6_ext_iter(next_header, payload);
    struct la_ip6_ext ext;
    unsigned idx = 0;
    uint32_t named_off = NEXT_HEADER_OFF;
    while (exts->problem == LA_IP6_PROBLEM_NONE && la_ip6_ext_next(&it, &ext)) {
        size_t in_ext;
        uint32_t ext_off = (uint32_t)(LA_IP6_HEADER_BYTES + (size_t)(ext.bytes.p - payload.p));
        exts->problem = (uint8_t)ext_judge(exts, &ext, idx++, payload.p, &in_ext);
        /* RFC 8200 4: of a header out of order, the octet that has named it is at fault. */
        exts->problem_off =
            exts->problem == LA_IP6_PROBLEM_ORDER ? named_off : ext_off + (uint32_t)in_ext;
        named_off = ext_off;
    }
    exts->protocol = it.next;
    exts->upper_off = (uint32_t)(payload.n - it.rest.n);
    if (exts->problem != LA_IP6_PROBLEM_NONE)
        return;
    exts->problem_off = LA_IP6_HEADER_BYTES + exts->upper_off;
    if (it.truncated)
        exts->problem = LA_IP6_PROBLEM_TRUNCATED;
    else if (is_ext(it.next) && exts->frag_off_bytes == 0)
        exts->problem = LA_IP6_PROBLEM_TOO_MANY;
}
