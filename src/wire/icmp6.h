/* SPDX-License-Identifier: MIT
 *
 * icmp6.h - ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861 4), in two tiers
 *
 * The fixed part of a message is 8 octets, 16 for a router advertisement, 24 for neighbour
 * solicitation and advertisement. Behind it stand options (neighbour discovery), or a body (echo
 * data, the quoted packet) that is not touched here.
 */
#ifndef LA_WIRE_ICMP6_H
#define LA_WIRE_ICMP6_H

#include "base/bytes.h"

enum { LA_ICMP6_HEADER_BYTES = 8, LA_ICMP6_HEADER_BYTES_MAX = 40 };

enum la_icmp6_type {
    LA_ICMP6_UNREACHABLE = 1,
    LA_ICMP6_TOO_BIG = 2,
    LA_ICMP6_TIME_EXCEEDED = 3,
    LA_ICMP6_PARAMETER = 4,
    LA_ICMP6_ECHO = 128,
    LA_ICMP6_ECHO_REPLY = 129,
    LA_ICMP6_ROUTER_SOLICITATION = 133,
    LA_ICMP6_ROUTER_ADVERTISEMENT = 134,
    LA_ICMP6_NEIGHBOUR_SOLICITATION = 135,
    LA_ICMP6_NEIGHBOUR_ADVERTISEMENT = 136,
    LA_ICMP6_REDIRECT = 137
};

/* Codes of LA_ICMP6_UNREACHABLE (RFC 4443 3.1). */
enum la_icmp6_unreachable {
    LA_ICMP6_NO_ROUTE = 0,
    LA_ICMP6_PROHIBITED = 1,
    LA_ICMP6_BEYOND_SCOPE = 2,
    LA_ICMP6_ADDRESS = 3,
    LA_ICMP6_PORT = 4,
    LA_ICMP6_SOURCE_POLICY = 5,
    LA_ICMP6_REJECT_ROUTE = 6
};

/* Codes of LA_ICMP6_PARAMETER (RFC 4443 3.4). */
enum la_icmp6_parameter {
    LA_ICMP6_HEADER_FIELD = 0,
    LA_ICMP6_NEXT_HEADER = 1,
    LA_ICMP6_OPTION = 2
};

/* RFC 4861 4.4: the first octet of a neighbour advertisement's flags. */
enum la_icmp6_na_flag {
    LA_ICMP6_NA_ROUTER = 0x80,
    LA_ICMP6_NA_SOLICITED = 0x40,
    LA_ICMP6_NA_OVERRIDE = 0x20
};

enum la_icmp6_option_kind {
    LA_ICMP6_OPT_SOURCE_LINK = 1,
    LA_ICMP6_OPT_TARGET_LINK = 2,
    LA_ICMP6_OPT_PREFIX = 3,
    LA_ICMP6_OPT_REDIRECTED = 4,
    LA_ICMP6_OPT_MTU = 5
};

/* ---- tier one: octets ------------------------------------------------------------------- */

struct la_icmp6_view {
    struct la_bytes bytes; /* the whole message */
    uint8_t fixed_bytes;   /* 8, 16 or 24 by type; all of it present */
};

/* False: fewer octets than the type's fixed part. The only bounds check. */
bool la_icmp6_view_init(struct la_icmp6_view *view, struct la_bytes bytes);
uint8_t la_icmp6_view_type(const struct la_icmp6_view *view);
uint8_t la_icmp6_view_code(const struct la_icmp6_view *view);
uint32_t la_icmp6_view_rest(const struct la_icmp6_view *view); /* octets 4 to 7 */
/* Neighbour solicitation and advertisement only. */
struct la_addr la_icmp6_view_target(const struct la_icmp6_view *view);

struct la_icmp6_option {
    uint8_t kind;
    struct la_bytes data; /* behind kind and length, 6 + 8 k octets */
};
struct la_icmp6_option_iter {
    struct la_bytes rest;
    bool malformed; /* a length of 0, or past the message: it must be discarded (RFC 4861 4.6) */
};
/* Empty for types that have no options. */
struct la_icmp6_option_iter la_icmp6_option_iter(const struct la_icmp6_view *view);
/* False at the end or at a malformed option. */
bool la_icmp6_option_next(struct la_icmp6_option_iter *it, struct la_icmp6_option *out);

/* ---- tier two: meaning ------------------------------------------------------------------ */

enum la_icmp6_has {
    LA_ICMP6_HAS_SOURCE_LINK = 1,
    LA_ICMP6_HAS_TARGET_LINK = 2,
    LA_ICMP6_HAS_UNKNOWN = 4,  /* another option; skipped (RFC 4861 4.6) */
    LA_ICMP6_HAS_MALFORMED = 8 /* also: a link-layer address that is not 6 octets */
};

/* Fields that the type does not have are 0, and not emitted. */
struct la_icmp6 {
    uint8_t type;
    uint8_t code;
    uint8_t has;            /* enum la_icmp6_has */
    uint8_t na_flags;       /* enum la_icmp6_na_flag */
    uint8_t source_link[6];
    uint8_t target_link[6];
    uint16_t id;            /* ECHO, ECHO_REPLY */
    uint16_t seq;
    uint32_t mtu_bytes;     /* TOO_BIG */
    uint32_t pointer;       /* PARAMETER */
    struct la_addr target;  /* neighbour solicitation and advertisement */
    uint8_t hop_limit;      /* router advertisement, this line and the next four */
    uint8_t ra_flags;
    uint16_t lifetime_s;
    uint32_t reachable_ms;
    uint32_t retransmit_ms;
    uint32_t rest;          /* unknown types */
};

/* Never fails: a view is good. */
void la_icmp6_judge(struct la_icmp6 *icmp, const struct la_icmp6_view *view);
/* Octets that la_icmp6_emit() will write, link-layer options included: 8..40. */
size_t la_icmp6_header_bytes(const struct la_icmp6 *icmp);
/* The inverse, checksum 0; room.n at least the above. Returns octets written. */
size_t la_icmp6_emit(const struct la_icmp6 *icmp, struct la_room room);
/* RFC 4443 2.1: types below 128 are errors. */
bool la_icmp6_is_error(uint8_t type);

#endif
