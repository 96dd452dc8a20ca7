/* SPDX-License-Identifier: MIT
 *
 * tcp_extras.h - TCP options that the stack does not speak and an observer wants to know
 *
 * struct la_tcp_seg says of them only LA_TCP_HAS_UNKNOWN. This is the second look. (Of Fast Open it
 * says more; what an observer makes of it is here all the same, whatever number it came under.)
 */
#ifndef LA_WIRE_TCP_EXTRAS_H
#define LA_WIRE_TCP_EXTRAS_H

#include "wire/tcp.h"

enum la_tcp_extra_kind {
    LA_TCP_OPT_MD5 = 19,         /* RFC 2385 */
    LA_TCP_OPT_AO = 29,          /* RFC 5925 */
    LA_TCP_OPT_MPTCP = 30        /* RFC 8684 */
};

/* Of la_tcp_seg.has: the second look is worth while. */
enum { LA_TCP_HAS_EXTRAS = LA_TCP_HAS_UNKNOWN | LA_TCP_HAS_FAST_OPEN };

enum la_tcp_extras_has {
    LA_TCP_EXTRA_MD5 = 1,
    LA_TCP_EXTRA_AO = 2,
    LA_TCP_EXTRA_MPTCP = 4,
    LA_TCP_EXTRA_FAST_OPEN = 8,  /* asks for a cookie when fast_open.n is 0 */
    LA_TCP_EXTRA_FAST_OPEN_EXPERIMENT = 16, /* FAST_OPEN came under RFC 6994's identifier F989 */
    LA_TCP_EXTRA_OTHER = 32      /* see other_kinds */
};

/* Bits of `mptcp`: subtypes of RFC 8684 that occur in the segment, 1 << subtype. */
enum la_mptcp_subtype {
    LA_MPTCP_CAPABLE = 0,
    LA_MPTCP_JOIN = 1,
    LA_MPTCP_DSS = 2,
    LA_MPTCP_ADD_ADDR = 3,
    LA_MPTCP_REMOVE_ADDR = 4,
    LA_MPTCP_PRIO = 5,
    LA_MPTCP_FAIL = 6,
    LA_MPTCP_FASTCLOSE = 7,
    LA_MPTCP_TCPRST = 8
};

enum { LA_TCP_OTHER_KINDS_MAX = 4 };

struct la_tcp_extras {
    uint8_t has;              /* enum la_tcp_extras_has */
    uint8_t mptcp_version;    /* of MP_CAPABLE */
    uint16_t mptcp;           /* 1 << enum la_mptcp_subtype */
    struct la_bytes fast_open; /* the cookie, borrowed */
    uint8_t other_n;
    uint8_t other_kinds[LA_TCP_OTHER_KINDS_MAX]; /* kinds that nobody here knows, first ones */
};

/* Never fails: a view is good. */
void la_tcp_extras_judge(struct la_tcp_extras *extras, const struct la_tcp_view *view);

#endif
