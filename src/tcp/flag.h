/* SPDX-License-Identifier: MIT
 *
 * flag.h - what a connection is, has and wants, each in a bit or a few
 */
#ifndef LA_TCP_FLAG_H
#define LA_TCP_FLAG_H

#include <stdint.h>

enum la_tcp_flag {
    LA_TCP_F_PASSIVE = 1u << 0,       /* opened by a listener or the forwarder */
    LA_TCP_F_SYN_ACKED = 1u << 1,     /* our SYN was acknowledged */
    LA_TCP_F_CLOSE_CALLED = 1u << 2,  /* CLOSE: a FIN follows the queued octets */
    LA_TCP_F_FIN_SENT = 1u << 3,      /* at SND.NXT - 1 */
    LA_TCP_F_FIN_RECEIVED = 1u << 4,  /* RCV.NXT stands behind it */
    LA_TCP_F_WSCALE = 1u << 5,        /* both ends sent the option */
    LA_TCP_F_TIMESTAMPS = 1u << 6,
    LA_TCP_F_SACK = 1u << 7,
    LA_TCP_F_READ_CLOSED = 1u << 8,   /* what arrives is acknowledged and discarded */
    LA_TCP_F_RELEASED = 1u << 9,      /* no handle owns it */
    LA_TCP_F_NAGLE = 1u << 10,
    LA_TCP_F_CORK = 1u << 11,
    LA_TCP_F_MORE = 1u << 12,         /* the last SEND said that more follows */
    LA_TCP_F_QUICK_ACK = 1u << 13,
    LA_TCP_F_KEEPALIVE = 1u << 14,
    LA_TCP_F_RELEASE_RESETS = 1u << 15,
    LA_TCP_F_WRITER_WAITS = 1u << 16, /* a SEND was refused or cut: wake when there is room */
    LA_TCP_F_HELD = 1u << 17,         /* forwarder request: SYN taken, not answered yet */
    LA_TCP_F_ZERO_WINDOW = 1u << 18,  /* we offered a zero window (event once) */
    LA_TCP_F_SYN_RETRANSMITTED = 1u << 19, /* RFC 6298 5.7 */
    LA_TCP_F_R1_REACHED = 1u << 20,
    LA_TCP_F_PROBED = 1u << 21, /* the octet at SND.NXT was sent as a window probe */
    LA_TCP_F_SYN_ACK_SENT = 1u << 22, /* simultaneous open: our SYN went out again, with an ACK */
    LA_TCP_F_URGENT_OUT = 1u << 23, /* SND.UP is ahead of SND.UNA (urgent.h) */
    LA_TCP_F_URGENT_IN = 1u << 24,  /* RCV.UP is ahead of what was read */
    LA_TCP_F_ECN = 1u << 25,      /* see ecn.h */
    LA_TCP_F_ECN_ASK = 1u << 26,  /* our SYN was an ECN-setup one, each time */
    LA_TCP_F_ECN_ECHO = 1u << 27, /* a mark was seen: ECE until CWR comes */
    LA_TCP_F_ECN_CWR = 1u << 28,  /* the window was reduced: CWR on the next new text */
    LA_TCP_F_RACK = 1u << 29,     /* RFC 8985 finds losses, where there is SACK */
    LA_TCP_F_REORDERS = 1u << 30  /* the path has reordered (RFC 8985, RACK.reordering_seen) */
};
/* Accurate ECN: before the SYNs have met, this end is willing; afterwards it is agreed. Then
 * tally_idx names a struct la_tcp_accecn (tally.h). Not an enumerator: those are of type int. */
#define LA_TCP_F_ACCECN (UINT32_C(1) << 31)
/* With that, in place of RFC 3168's two: IP's ECN field of the peer's latest SYN or SYN,ACK. */
#define LA_TCP_F_SYN_MARK ((uint32_t)(LA_TCP_F_ECN_ECHO | LA_TCP_F_ECN_CWR))
enum { LA_TCP_SYN_MARK_SHIFT = 27 };
/* After a passive OPEN, in place of what only our own SYN can have: accurate ECN would be agreed to
 * as well, whatever the SYN has asked for. */
#define LA_TCP_F_ECN_EITHER LA_TCP_F_ECN_ASK

/* What must be sent, until it has been. */
enum la_tcp_want {
    LA_TCP_WANT_SYN = 1,           /* SYN or SYN,ACK */
    LA_TCP_WANT_ACK = 2,
    LA_TCP_WANT_RETRANSMIT = 4,    /* one segment at SND.UNA */
    LA_TCP_WANT_WINDOW_PROBE = 8,
    LA_TCP_WANT_KEEPALIVE = 16,
    LA_TCP_WANT_DATA = 32,         /* look whether something may be sent */
    LA_TCP_WANT_TAIL_PROBE = 64,
    LA_TCP_WANT_RELEASE = 128      /* text, at busy->pace.release_at and not before */
};

/* Until more is queued: may the last segment go although it is short? */
enum la_tcp_flush {
    LA_TCP_FLUSH_NONE,
    LA_TCP_FLUSH_MORE, /* although SEND said that more follows */
    LA_TCP_FLUSH_ALL   /* and although it is corked: TCP_NODELAY was set (tcp(7)) */
};

/* What is in the way of Fast Open (fast_open.h). */
enum la_tcp_fast_open_step {
    LA_TCP_FAST_OPEN_NONE,
    LA_TCP_FAST_OPEN_ASKS,  /* active, until it is answered: our first SYN shows a cookie or asks */
    LA_TCP_FAST_OPEN_TELLS, /* passive: our SYN,ACK tells a cookie */
    LA_TCP_FAST_OPEN_TAKEN  /* passive: the peer's cookie was ours */
};

#endif
