/* SPDX-License-Identifier: MIT
 *
 * lastack/conn.h - values of a connection: configuration, readiness, counters
 *
 * Shared by the instance (lastack/stack.h) and by the room that does TCP below it.
 */
#ifndef LASTACK_CONN_H
#define LASTACK_CONN_H

#include <lastack/tcp.h>

LA_API_BEGIN

/* Explicit congestion notification. */
enum la_ecn {
    LA_ECN_OFF,
    LA_ECN_ACCEPT, /* agrees when the peer's SYN asks for it (RFC 3168) */
    LA_ECN_ASK,    /* asks for it as well */
    /* And accurate ECN (RFC 9768), which says how many marks there were: each agrees to it, and to
     * what is older where the peer knows no better. */
    LA_ECN_ACCURATE_ASK,       /* asks for it */
    LA_ECN_ACCURATE_ASK_PLAIN, /* asks for RFC 3168's */
    LA_ECN_ACCURATE_ACCEPT     /* asks for nothing */
};

/* The option of accurate ECN, which says how many octets came with which mark (RFC 9768 3.2.3).
 * What comes is heeded in each case. Where it is on, segments hold 12 octets of text less. */
enum la_accecn_option {
    LA_ACCECN_OPTION_OFF,
    LA_ACCECN_OPTION_CHANGES, /* in the handshake, and where a count has changed */
    LA_ACCECN_OPTION_ALWAYS   /* all counts in each segment, once one of the peer came, as Linux */
};

/* What hard ICMP errors (RFC 9293 3.9.2.2) do to a connection that is being opened. Soft ones are
 * advice alone, but for the last; nothing of the kind ends a synchronised one. */
enum la_icmp_hard {
    LA_ICMP_IGNORED,  /* nothing */
    LA_ICMP_HEEDED,   /* end it, each with its error: protocol or port unreachable, prohibited */
    LA_ICMP_REFUSES,  /* as the BSDs, MUST-56 apart: any of them is a refusal, and so is an unknown
                       * next header; a TTL that ran out ends it, too */
    LA_ICMP_ALL       /* as Linux: soft ones end it, too, each with its error: DEVIATION(D35) */
};

/* A buffer that grows as the connection moves more: Linux's tcp_wmem and tcp_rmem. It is held only
 * as far as it is filled. */
struct la_buffer_tuning {
    uint32_t bytes_min;     /* never less, however little memory is left; SO_SNDBUF and SO_RCVBUF */
    uint32_t bytes_initial; /* what it begins with */
    uint32_t bytes_max;     /* never more, nor an eighth of the memory that is left; to 1 GiB */
};

/* How a connection begins; much of it can be changed later with la_conn_option_set(). Bounds of the
 * RTO, delayed ACKs, R1, FIN-WAIT-2, MSL, buffers that are tuned and the initial window are the
 * instance's: where a single connection brings a configuration, these fields of it count for
 * nothing. la_stack_cfg_init() fills in the defaults. */
struct la_tcp_cfg {
    uint32_t sndbuf_bytes;       /* send buffer, 4 KiB .. 1 GiB; 0 (the default): `sndbuf` says */
    uint32_t rcvbuf_bytes;       /* receive buffer, the same with `rcvbuf` */
    struct la_buffer_tuning sndbuf, rcvbuf; /* default 4 KiB, 256 KiB, 65535 << 8 */
    uint32_t sndbuf_piece_bytes; /* the send queue is cut into pieces as large as a super-segment,
                                    of which each counts for so much besides its text, and the last
                                    that begins in the buffer may exceed it; 0 (the default): octets
                                    alone count. Linux: 1280 on 64-bit machines */
    uint32_t notsent_lowat_bytes; /* no room in the send buffer while so much is unsent; 0 (the
                                    default): as much as there is room for. Of the instance; for one
                                    connection LA_OPT_NOTSENT_LOWAT_BYTES */
    uint16_t mss_bytes_max;      /* announced at most, from 88; 0 = what the interface takes */
    bool mss_option;             /* the MSS is announced, and the peer's is heeded; off: segments of
                                    536 octets, with IPv6 of 1220, both ways (RFC 9293 MUST-15);
                                    default on */
    bool nagle;                  /* RFC 9293 3.7.4; default on */
    bool nagle_short;            /* Nagle's wait ends when no short segment is unacknowledged, full
                                    ones or not (Minshall's, as Linux); default off */
    bool timestamps;             /* RFC 7323; default on */
    bool window_scale;           /* RFC 7323; default on */
    bool sack;                   /* RFC 2018: offers SACK-permitted; default on */
    bool rack;                   /* RFC 8985, where SACK is agreed; else RFC 6675; default on */
    uint8_t ecn;                 /* enum la_ecn, RFC 3168, 9768; default LA_ECN_ACCEPT */
    uint8_t accecn_option;       /* enum la_accecn_option, of the instance; default
                                    LA_ACCECN_OPTION_CHANGES */
    bool ecn_fallback;           /* SYNs that are not answered go without ECN in the end; where a
                                    path changes what RFC 9768 says of ECN, nothing more is sent
                                    as ECT; default on */
    bool ect_all;                /* with accurate ECN all that is sent but SYN and RST goes as
                                    ECT(0), what is sent again and, with SACK, bare ACKs too, as
                                    from Linux: DEVIATION(D21); default off: new text alone
                                    (RFC 3168 6.1.4, 6.1.5) */
    bool keepalive;              /* default off (MUST-25) */
    uint32_t keepalive_idle_s;   /* default 7200 (MUST-28) */
    uint32_t keepalive_interval_s; /* default 75 */
    uint32_t keepalive_probes_n; /* default 9 */
    uint32_t rto_us_initial;     /* RFC 6298 2.1: 1 s */
    uint32_t rto_us_min;         /* default 200 ms: DEVIATION(D4), RFC 6298 2.4 says 1 s */
    uint32_t rto_us_max;         /* default 60 s */
    bool rto_follows_peaks;      /* each ACK is a sample, RTO is at least SRTT + rto_us_min, and the
                                    peak of 4 * RTTVAR in a window of data counts, as on Linux;
                                    default off: RFC 6298, one sample a round trip */
    uint32_t delayed_ack_us;     /* default 40 ms, < 500 ms (MUST-40); 0 = ACK at once */
    uint32_t r1_n;               /* retransmissions before advice to IP; default 3 */
    uint32_t r2_n;               /* retransmissions before giving up; default 15; 0 = never */
    uint32_t r2_syn_n;           /* the same for a SYN; default 7: 183 s (MUST-23 asks 180) */
    uint32_t user_timeout_ms;    /* unacknowledged data for this long ends it; 0 = R2 alone */
    uint32_t zero_window_ms;     /* a peer that keeps its window shut so long ends it (RFC 6429); of
                                    the instance; 0 (the default): never (MUST-37) */
    bool user_timeout_option;    /* RFC 5482: says it to the peer, and heeds what the peer says
                                    where it is 0; default off */
    uint32_t fin_wait_2_ms;      /* default 60 s; for connections that no handle owns */
    uint32_t msl_ms;             /* default 30 s; TIME-WAIT is twice that (MUST-13) */
    uint8_t ttl_hops;            /* default 64 */
    uint8_t dscp_ecn;            /* the TOS octet; default 0 */
    uint16_t initial_window_n;   /* segments; default 10 (RFC 6928); 0 = RFC 5681's rule */
    uint16_t slow_start_limit_n; /* RFC 3465's L: segments that one ACK may add to cwnd; 0 (the
                                    default): all that it acknowledges, DEVIATION(D8) */
    bool slow_start_after_idle;  /* cwnd falls while it is not used (RFC 2861); default on */
    bool usage_by_window;        /* cwnd may grow with all ACKs of a window of data in which it was
                                    full, in slow start more than half full, as on Linux; default
                                    off: with each ACK that finds half of it in the network */
    bool reduces_cwnd;           /* a loss reduces cwnd and not what is in flight, as on Linux:
                                    DEVIATION(D26); default off */
    bool reset_keeps_text;       /* what had been received before a RST, or before a timeout, can
                                    still be read, as on Linux: DEVIATION(D26); default off */
    bool timestamps_may_lack;    /* segments without timestamps are taken although both ends agreed
                                    on them, as Linux takes them: DEVIATION(D26); default off: they
                                    are dropped (RFC 7323 3.2) */
    bool unsent_ack_silent;      /* an ACK of what was not sent is dropped without an answer, as by
                                    Linux: DEVIATION(D26); default off */
    bool syn_ack_silent;         /* a SYN,ACK to a listener is dropped without a RST, as by FreeBSD:
                                    DEVIATION(D29); default off */
    bool too_big_at_once;        /* what was too big for the path goes again as cwnd has room, not
                                    a segment first, as with Linux, FreeBSD: DEVIATION(D29); default
                                    off */
    bool probe_empty;            /* a window that is shut is probed by old empty segments, as by
                                    Linux, and not by one octet: DEVIATION(D26); default off */
    bool shut_read_hears;        /* what arrives after la_sock_shutdown() for reading can
                                    be read, as on Linux; default off: it is discarded */
    bool ack_replies_later;      /* ACKs go at once until text is sent within delayed_ack_us of text
                                    received, or at the instant of the SYN,ACK; from then on they
                                    wait, as on Linux; default off: they wait from the beginning */
    bool idle_keeps;             /* an idle connection keeps what it knows: the congestion control's
                                    state and the times of la_conn_status(); default off: it gives
                                    some 1000 octets back */
    bool mtu_probing;            /* RFC 4821: after two timeouts in a row segments become smaller,
                                    in case large ones vanish on the way without ICMP. Of the
                                    instance; default on */
    bool push_bursts;            /* PSH also on the last of several segments cut from one, of which
                                    at most half a cwnd is cut at a time, and no more than leaves in
                                    a millisecond at the rate of cwnd: receivers that gather pass
                                    them on (as Linux); default off */
    uint16_t burst_n_min;        /* with push_bursts: of so many segments at least, where half a
                                    cwnd has them; default 2 */
    uint16_t burst_window_part;  /* with push_bursts: where less than this part of the window is
                                    open and an ACK is due, a burst waits for it; 0 (the default):
                                    never; Linux: 3 */
    bool more_until_ack;         /* what SEND said more of waits for the next ACK at most, as on
                                    Linux; default off: until it is there, or for 0.2 s */
    bool push_small_windows;     /* PSH also on what a cwnd of less than ten segments lets go last:
                                    Linux acknowledges it at once; default off */
    bool pacing;                 /* the instance's: also a control without a rate of its own is
                                    paced, by cwnd and the round trip; default off */
    uint64_t pacing_rate_max;    /* octets/s that a connection sends at most, whatever its control;
                                    with one, every control is paced; 0 (the default): none */
    bool window_slides;          /* while a segment finds room, the right edge moves with every ACK
                                    and is told when a quarter of the buffer was read, as that of
                                    the BSDs; default off: by one segment or half the buffer at
                                    least (RFC 9293 3.8.6.2.2), and told when half was read */
    bool ack_every_second;       /* each second segment, however small, and each FIN is acknowledged
                                    at once, as by the BSDs; default off: what two full segments
                                    hold (RFC 5681 4.2), and an ACK that waits may carry our FIN */
    bool fast_open;              /* RFC 7413, of an active OPEN: text that is queued before its SYN
                                    leaves goes with it, once the peer has given us a cookie; until
                                    then the SYN asks for one. A peer may deliver such text twice.
                                    Default off */
    uint16_t fast_open_n_max;    /* RFC 7413, of a listener: it gives out cookies, and so many may
                                    be open by one alone at a time; default 0: no Fast Open. What
                                    comes with a SYN may be a replay: for idempotent requests */
    bool fast_open_bare;         /* Fast Open goes without cookies, where it is on, of active OPENs
                                    (for the instance) and of a listener: text of a SYN is believed
                                    whoever may have sent it. For closed networks; default off */
    bool time_wait_holds;        /* no SYN ends a TIME-WAIT early (RFC 9293 MAY-2); default off */
    bool time_wait_exact;        /* in TIME-WAIT, what has no ACK is dropped without an answer,
                                    and ACKs that are not at RCV.NXT are answered, as by FreeBSD:
                                    DEVIATION(D34); default off */
    bool rst_challenged;         /* RFC 5961 3.2: a RST in the window, but not at RCV.NXT, draws a
                                    challenge ACK; off: ends the connection; default on */
    bool syn_challenged;         /* RFC 5961 4.2: so does a SYN in the window; off: it draws a RST
                                    and ends the connection; default on */
    bool drop_syn_fin;           /* SYN with FIN is dropped, but in TIME-WAIT; default off */
    bool fin_again;              /* acknowledgements of what is in order carry our FIN, until it is
                                    acknowledged, as those of the BSDs; default off */
    bool window_is_buffer;       /* what the buffer has room for is in the window, also beyond the
                                    65535 octets that can be told without window scale, as with
                                    the BSDs; text is taken as far as it was offered; default
                                    off */
    bool rcvbuf_whole;           /* a receive buffer that is tuned begins as whole segments: rounded
                                    up by the peer's SYN, as with the BSDs; default off */
    uint8_t icmp_hard;           /* enum la_icmp_hard; default LA_ICMP_HEEDED */
    uint8_t syn_ecn_n;           /* SYNs that ask for ECN, where it is asked for; those behind them
                                    do not (RFC 3168 6.1.1.1); default 1; for accurate ECN at least
                                    2 (RFC 9768 3.1.4.1) */
    uint8_t syn_linear_n;        /* so many SYNs are repeated without the timeout being doubled, as
                                    by Linux (4): DEVIATION(D26); default 0 (RFC 6298 5.5) */
    uint8_t syn_options_n;       /* SYNs with options; those behind them have an MSS alone, for
                                    paths that drop the others; 0 (the default): all */
    char congestion_control[16]; /* "cubic" (RFC 9438, the default), "reno" (RFC 5681),
                                    "bbr" (draft-ietf-ccwg-bbr-06) */
};

enum la_ready {
    LA_READY_READ = 1,   /* data, end of stream or an error can be read; a listener can accept */
    LA_READY_WRITE = 2,  /* room in the send buffer (at least a third, or all that is unsent) */
    LA_READY_OPEN = 4,   /* an active OPEN succeeded */
    LA_READY_END = 8,    /* the peer's FIN was received and all its data read or readable */
    LA_READY_ERROR = 16, /* ended with an error: la_conn_status().err */
    LA_READY_CLOSED = 32,/* both directions are finished (TIME-WAIT or CLOSED) */
    LA_READY_URGENT = 64,/* the peer has announced urgent data, or more of it (la_conn_urgent()) */
    LA_READY_SENT = 128  /* everything sent was acknowledged */
};

/* What an instance has counted since it was made (la_stack_stats()): frames of all interfaces;
 * segments as the wire sees them, a super-segment being one; reason[r], how often r applied. */
struct la_stack_stats {
    uint64_t frames_in, frames_out;
    uint64_t tcp_segments_in, tcp_segments_out, tcp_retransmissions;
    uint64_t tcp_active_opens, tcp_passive_opens, tcp_attempt_fails, tcp_resets_in, tcp_resets_out;
    uint64_t udp_in, udp_out, icmp_in, icmp_out;
    uint64_t reason[LA_REASON_COUNT];
};

LA_API_END

#endif
