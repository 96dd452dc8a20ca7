/* SPDX-License-Identifier: MIT
 *
 * ip4.h - the IPv4 header (RFC 791 3.1), in two tiers
 *
 * The view checks only that the header is there: a packet quoted in an ICMP error is shorter than
 * its total length says.
 */
#ifndef LA_WIRE_IP4_H
#define LA_WIRE_IP4_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/checksum.h"

#include <string.h>

enum { LA_IP4_HEADER_BYTES = 20, LA_IP4_HEADER_BYTES_MAX = 60 };

enum la_ip4_option_kind {
    LA_IP4_OPT_EOL = 0,
    LA_IP4_OPT_NOP = 1,
    LA_IP4_OPT_RECORD_ROUTE = 7,
    LA_IP4_OPT_TIMESTAMP = 68,
    LA_IP4_OPT_SECURITY = 130,
    LA_IP4_OPT_LOOSE_ROUTE = 131,
    LA_IP4_OPT_STRICT_ROUTE = 137,
    LA_IP4_OPT_ROUTER_ALERT = 148
};

/* ---- tier one: octets ------------------------------------------------------------------- */

struct la_ip4_view {
    const uint8_t *p;
    uint8_t header_bytes; /* IHL x 4, 20..60, all of it present */
};

/* False: fewer than 20 octets, version not 4, IHL below 5 or beyond the octets. The only bounds
 * check. */
static inline bool
la_ip4_view_init(struct la_ip4_view *view, struct la_bytes bytes)
{
    if (bytes.n < LA_IP4_HEADER_BYTES || bytes.p[0] >> 4 != 4)
        return false;
    unsigned header_bytes = (bytes.p[0] & 0x0fu) * 4;
    if (header_bytes < LA_IP4_HEADER_BYTES || header_bytes > bytes.n)
        return false;
    *view = (struct la_ip4_view){bytes.p, (uint8_t)header_bytes};
    return true;
}

static inline uint8_t
la_ip4_view_dscp_ecn(const struct la_ip4_view *view)
{
    return view->p[1];
}

/* Header and data, as it says. */
static inline uint16_t
la_ip4_view_total_bytes(const struct la_ip4_view *view)
{
    return la_get16(view->p + 2);
}

static inline uint16_t
la_ip4_view_id(const struct la_ip4_view *view)
{
    return la_get16(view->p + 4);
}

/* Reserved 4, DF 2, MF 1. */
static inline uint8_t
la_ip4_view_flags(const struct la_ip4_view *view)
{
    return view->p[6] >> 5;
}

static inline uint16_t
la_ip4_view_frag_off_bytes(const struct la_ip4_view *view)
{
    return (uint16_t)((la_get16(view->p + 6) & 0x1fffu) * 8);
}

static inline bool
la_ip4_view_is_fragment(const struct la_ip4_view *view)
{
    return (la_get16(view->p + 6) & 0x3fffu) != 0;
}

static inline uint8_t
la_ip4_view_ttl_hops(const struct la_ip4_view *view)
{
    return view->p[8];
}

static inline uint8_t
la_ip4_view_protocol(const struct la_ip4_view *view)
{
    return view->p[9];
}

static inline uint16_t
la_ip4_view_checksum(const struct la_ip4_view *view)
{
    return la_get16(view->p + 10);
}

static inline struct la_addr
la_ip4_view_src(const struct la_ip4_view *view)
{
    return la_addr_from_v4(view->p + 12);
}

static inline struct la_addr
la_ip4_view_dst(const struct la_ip4_view *view)
{
    return la_addr_from_v4(view->p + 16);
}

static inline struct la_bytes
la_ip4_view_options(const struct la_ip4_view *view)
{
    return (struct la_bytes){view->p + LA_IP4_HEADER_BYTES,
                             (size_t)view->header_bytes - LA_IP4_HEADER_BYTES};
}

/* RFC 1122 3.2.1.2: a host verifies it on every datagram. */
bool la_ip4_view_checksum_ok(const struct la_ip4_view *view);

struct la_ip4_option {
    uint8_t kind;
    struct la_bytes data; /* behind kind and length */
};
struct la_ip4_option_iter {
    struct la_bytes rest;
    bool malformed; /* a length of 0, 1, or past the header */
};
struct la_ip4_option_iter la_ip4_option_iter(const struct la_ip4_view *view);
/* False at the end, at EOL, or at a malformed option. */
bool la_ip4_option_next(struct la_ip4_option_iter *it, struct la_ip4_option *out);

/* ---- tier two: meaning ------------------------------------------------------------------ */

enum la_ip4_has {
    LA_IP4_HAS_SOURCE_ROUTE = 1,  /* loose or strict (RFC 7126 4.3, 4.4) */
    LA_IP4_HAS_OTHER = 2,         /* any other option but NOP */
    LA_IP4_HAS_MALFORMED = 4
};

struct la_ip4 {
    struct la_addr src;
    struct la_addr dst;
    uint16_t total_bytes;    /* header, options and data */
    uint16_t id;
    uint16_t frag_off_bytes; /* a multiple of 8 */
    uint8_t ttl_hops;
    uint8_t protocol;
    uint8_t dscp_ecn;
    bool reserved_flag;      /* must be zero, RFC 791 3.1 */
    bool dont_fragment;
    bool more_fragments;
    uint8_t has;             /* enum la_ip4_has */
    struct la_bytes options; /* borrowed; a multiple of 4 octets, at most 40 */
};

/* Never fails: a view is good. */
void la_ip4_judge(struct la_ip4 *ip, const struct la_ip4_view *view);
size_t la_ip4_header_bytes(const struct la_ip4 *ip);
/* The inverse, with the right checksum; room.n at least the above. `has` is not read. Returns
 * octets written. */
size_t la_ip4_emit(const struct la_ip4 *ip, struct la_room room);

/* A header without options, of no fragment, whose length and identification are put packet by
 * packet. */
struct la_ip4_stencil {
    uint32_t sum; /* of `octets`, as base/checksum.h keeps it; not folded */
    uint8_t octets[LA_IP4_HEADER_BYTES];
};

/* What it says. */
struct la_ip4_common {
    const struct la_addr *src, *dst;
    uint8_t ttl_hops;
    uint8_t protocol;
    uint8_t dscp_ecn;
    bool dont_fragment;
};
void la_ip4_stencil_init(struct la_ip4_stencil *stencil, const struct la_ip4_common *common);
/* Writes the header; LA_IP4_HEADER_BYTES of room. */
static inline void
la_ip4_stencil_emit(const struct la_ip4_stencil *stencil, uint16_t total_bytes, uint16_t id,
                    uint8_t *out)
{
    memcpy(out, stencil->octets, LA_IP4_HEADER_BYTES);
    la_put16(out + 2, total_bytes);
    la_put16(out + 4, id);
    la_put16(out + 10, (uint16_t)~la_sum_fold(stencil->sum + total_bytes + id));
}

#endif
