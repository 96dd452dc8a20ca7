/* SPDX-License-Identifier: MIT
 *
 * icmp4.h - the ICMP header (RFC 792), in two tiers
 *
 * Eight octets; what follows (echo data, the quoted packet) is the body and not touched here.
 */
#ifndef LA_WIRE_ICMP4_H
#define LA_WIRE_ICMP4_H

#include "base/bytes.h"

enum { LA_ICMP4_HEADER_BYTES = 8 };

enum la_icmp4_type {
    LA_ICMP4_ECHO_REPLY = 0,
    LA_ICMP4_UNREACHABLE = 3,
    LA_ICMP4_SOURCE_QUENCH = 4,
    LA_ICMP4_REDIRECT = 5,
    LA_ICMP4_ECHO = 8,
    LA_ICMP4_TIME_EXCEEDED = 11,
    LA_ICMP4_PARAMETER = 12
};

/* Codes of LA_ICMP4_UNREACHABLE (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
enum la_icmp4_unreachable {
    LA_ICMP4_NET = 0,
    LA_ICMP4_HOST = 1,
    LA_ICMP4_PROTOCOL = 2,
    LA_ICMP4_PORT = 3,
    LA_ICMP4_FRAGMENTATION_NEEDED = 4,
    LA_ICMP4_SOURCE_ROUTE_FAILED = 5,
    LA_ICMP4_NET_UNKNOWN = 6,
    LA_ICMP4_HOST_UNKNOWN = 7,
    LA_ICMP4_NET_PROHIBITED = 9,
    LA_ICMP4_HOST_PROHIBITED = 10,
    LA_ICMP4_NET_TOS = 11,
    LA_ICMP4_HOST_TOS = 12,
    LA_ICMP4_PROHIBITED = 13
};

struct la_icmp4_view {
    const uint8_t *p; /* 8 octets */
};

/* False: fewer than 8 octets. The only bounds check. */
bool la_icmp4_view_init(struct la_icmp4_view *view, struct la_bytes bytes);
uint8_t la_icmp4_view_type(const struct la_icmp4_view *view);
uint8_t la_icmp4_view_code(const struct la_icmp4_view *view);
uint16_t la_icmp4_view_checksum(const struct la_icmp4_view *view);
uint32_t la_icmp4_view_rest(const struct la_icmp4_view *view); /* octets 4 to 7 */

/* Fields that the type does not have are 0, and not emitted. */
struct la_icmp4 {
    uint8_t type;
    uint8_t code;
    uint8_t pointer;    /* PARAMETER: the octet at fault */
    uint16_t id;        /* ECHO, ECHO_REPLY */
    uint16_t seq;
    uint16_t mtu_bytes; /* UNREACHABLE, FRAGMENTATION_NEEDED (RFC 1191 4); 0 = not told */
    uint32_t rest;      /* every other type */
};

/* Never fails: a view is good. */
void la_icmp4_judge(struct la_icmp4 *icmp, const struct la_icmp4_view *view);
/* The inverse, checksum 0; room.n >= 8. Returns 8. */
size_t la_icmp4_emit(const struct la_icmp4 *icmp, struct la_room room);
/* Does the type report an error about a quoted packet (RFC 1122 3.2.2)? */
bool la_icmp4_is_error(uint8_t type);

#endif
