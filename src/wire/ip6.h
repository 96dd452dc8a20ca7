/* SPDX-License-Identifier: MIT
 *
 * ip6.h - the IPv6 header (RFC 8200 3) in two tiers, and the walk over its extension headers (4)
 *
 * The view checks only that the fixed header is there: a packet quoted in an ICMP error is shorter
 * than its payload length says.
 */
#ifndef LA_WIRE_IP6_H
#define LA_WIRE_IP6_H

#include "base/addr.h"
#include "base/bytes.h"

enum {
    LA_IP6_HEADER_BYTES = 40,
    LA_IP6_EXTS_MAX = 8,     /* extension headers that the walk follows */
    LA_IP6_MTU_MIN = 1280    /* RFC 8200 5 */
};

/* ---- tier one: octets ------------------------------------------------------------------- */

struct la_ip6_view {
    const uint8_t *p; /* 40 octets */
};

/* False: fewer than 40 octets, version not 6. The only bounds check. */
static inline bool
la_ip6_view_init(struct la_ip6_view *view, struct la_bytes bytes)
{
    if (bytes.n < LA_IP6_HEADER_BYTES || bytes.p[0] >> 4 != 6)
        return false;
    *view = (struct la_ip6_view){bytes.p};
    return true;
}

/* Traffic class. */
static inline uint8_t
la_ip6_view_dscp_ecn(const struct la_ip6_view *view)
{
    return (uint8_t)(la_get16(view->p) >> 4);
}

/* 20 bits. */
static inline uint32_t
la_ip6_view_flow_label(const struct la_ip6_view *view)
{
    return la_get32(view->p) & 0xfffff;
}

/* As it says. */
static inline uint16_t
la_ip6_view_payload_bytes(const struct la_ip6_view *view)
{
    return la_get16(view->p + 4);
}

static inline uint8_t
la_ip6_view_next_header(const struct la_ip6_view *view)
{
    return view->p[6];
}

static inline uint8_t
la_ip6_view_hop_limit(const struct la_ip6_view *view)
{
    return view->p[7];
}

static inline struct la_addr
la_ip6_view_src(const struct la_ip6_view *view)
{
    return la_addr_from_v6(view->p + 8);
}

static inline struct la_addr
la_ip6_view_dst(const struct la_ip6_view *view)
{
    return la_addr_from_v6(view->p + 24);
}

/* ---- tier two: meaning ------------------------------------------------------------------ */

struct la_ip6 {
    struct la_addr src;
    struct la_addr dst;
    uint32_t flow_label;
    uint16_t payload_bytes; /* extension headers and data */
    uint8_t next_header;
    uint8_t hop_limit;
    uint8_t dscp_ecn;
};

/* Never fails: a view is good. */
void la_ip6_judge(struct la_ip6 *ip, const struct la_ip6_view *view);
/* The inverse; room.n >= 40. Returns 40. */
size_t la_ip6_emit(const struct la_ip6 *ip, struct la_room room);
/* In a header that was written. */
static inline void
la_ip6_put_payload_bytes(uint8_t *p, uint16_t payload_bytes)
{
    la_put16(p + 4, payload_bytes);
}

/* ---- extension headers ------------------------------------------------------------------ */

struct la_ip6_ext {
    uint8_t kind;          /* LA_IP_HOP_BY_HOP, _ROUTING, _FRAGMENT or _DESTINATION */
    struct la_bytes bytes; /* the whole header, its next-header octet first */
};
/* At the end `next` is what follows the headers and `rest` begins there. */
struct la_ip6_ext_iter {
    struct la_bytes rest;
    uint8_t next;
    uint8_t ext_n;  /* headers passed */
    bool truncated; /* a header reaches past the octets */
};
/* `payload` is what follows the fixed header. Other kinds (ESP, authentication, …) end the walk
 * like an upper layer does. */
struct la_ip6_ext_iter la_ip6_ext_iter(uint8_t next_header, struct la_bytes payload);
/* False at the upper layer, after LA_IP6_EXTS_MAX headers, behind the header of a fragment that is
 * not the first, or at a truncated header. */
bool la_ip6_ext_next(struct la_ip6_ext_iter *it, struct la_ip6_ext *out);

enum la_ip6_problem {
    LA_IP6_PROBLEM_NONE = 0,
    LA_IP6_PROBLEM_TRUNCATED,     /* a header reaches past the packet */
    LA_IP6_PROBLEM_TOO_MANY,      /* more than LA_IP6_EXTS_MAX headers */
    LA_IP6_PROBLEM_ORDER,         /* hop-by-hop options behind another header */
    LA_IP6_PROBLEM_ROUTING,       /* routing header with segments left (RFC 5095 and others) */
    LA_IP6_PROBLEM_OPTION_SILENT, /* option that forbids processing: discard (4.2, bits 01) */
    LA_IP6_PROBLEM_OPTION_REPORT, /* the same, and report it (10) */
    LA_IP6_PROBLEM_OPTION_REPORT_UNICAST, /* the same unless sent to a group (11) */
    LA_IP6_PROBLEM_OPTION_MALFORMED /* an option reaches past its header */
};

struct la_ip6_exts {
    uint8_t protocol;        /* above IP; meaningful without a problem */
    uint8_t problem;         /* enum la_ip6_problem; the walk ended there */
    uint32_t upper_off;      /* from the end of the fixed header to the upper layer's first octet */
    uint32_t problem_off;    /* from the start of the packet to the octet at fault (RFC 4443 3.4) */
    /* Offset or more-fragments; an atomic fragment is none (RFC 6946). Of several fragment headers
     * the first that is one counts: what follows is inside. */
    bool is_fragment;
    bool more_fragments;
    uint16_t frag_off_bytes;
    uint32_t frag_id;
    uint8_t frag_next;       /* what the packet holds that the fragment is of */
    uint32_t frag_data_off;  /* from the end of the fixed header to the fragment's octets */
};
/* Walks all of them; any octets are allowed. At most LA_IP6_EXTS_MAX headers, O(payload). */
void la_ip6_exts_judge(struct la_ip6_exts *exts, uint8_t next_header, struct la_bytes payload);

#endif
