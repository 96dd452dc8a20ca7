/* SPDX-License-Identifier: MIT
 *
 * ppp.h - PPP's protocol field (RFC 1661 2, RFC 1662 3.1) and the PPPoE header (RFC 2516 4)
 */
#ifndef LA_WIRE_PPP_H
#define LA_WIRE_PPP_H

#include "base/bytes.h"

enum { LA_PPP_BYTES_MAX = 4, LA_PPPOE_BYTES = 6, LA_PPPOE_SESSION = 0 };

enum la_ppp_protocol {
    LA_PPP_IPV4 = 0x0021,
    LA_PPP_IPV6 = 0x0057,
    LA_PPP_MPLS = 0x0281,
    LA_PPP_COMPRESSED = 0x00fd /* RFC 1962 */
};

struct la_ppp {
    bool framed;     /* address FF and control 03 stand before (RFC 1662) */
    bool compressed; /* the protocol is one octet (RFC 1661 6.5) */
    uint16_t protocol;
};

struct la_pppoe {
    uint8_t code;   /* LA_PPPOE_SESSION: a packet of the session */
    uint16_t session;
    uint16_t len_bytes; /* behind the header */
};

/* False: too few octets, an even last octet, which no protocol number has, or FF, which is reserved
 * (RFC 1661 2), without the rest of the framing. */
bool la_ppp_judge(struct la_ppp *ppp, struct la_bytes bytes);
size_t la_ppp_header_bytes(const struct la_ppp *ppp);
/* The inverse; room.n at least the above. Returns octets written. */
size_t la_ppp_emit(const struct la_ppp *ppp, struct la_room room);

/* False: too few octets, or version and type that are not 1 and 1. */
bool la_pppoe_judge(struct la_pppoe *pppoe, struct la_bytes bytes);
/* The inverse; room.n >= 6. Returns 6. */
size_t la_pppoe_emit(const struct la_pppoe *pppoe, struct la_room room);

#endif
