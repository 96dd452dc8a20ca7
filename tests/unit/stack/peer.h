/* SPDX-License-Identifier: MIT
 *
 * peer.h - one stack and a scripted peer in virtual time, for tests
 *
 * The peer says what the test tells it, segment by segment, and shows what the stack sends. It
 * knows no TCP: it keeps only the numbers that a next segment would usually have. Every packet of
 * the stack is checked for its lengths and checksums on the way.
 */
#ifndef LA_TESTS_PEER_H
#define LA_TESTS_PEER_H

#include <lastack/host.h>
#include <lastack/stack.h>
#include "wire/tcp.h"

enum {
    PEER_SEGMENTS_MAX = 512,
    PEER_TEXT_MAX = 1500,
    PEER_ICMP_MAX = 600,
    PEER_HOST_PORT = 80,
    PEER_PORT = 5000,
    PEER_WND = 1000
};
enum { PEER_HELD_MAX = 16 };

/* A segment that the stack sent. */
struct peer_seg {
    struct la_tcp_seg tcp;
    la_instant at;
    struct la_addr src, dst;
    uint8_t ttl_hops, dscp_ecn;
    uint8_t text[PEER_TEXT_MAX];
};

/* An allocator that can be told to fail. */
struct peer_memory {
    uint64_t calls_n;    /* of alloc, since it was set to 0 */
    uint64_t fail_at;    /* this call of alloc fails, 0 = none */
    uint64_t fail_for_n; /* and so many from there on, 0 = 1 */
    bool fail_all;
    int64_t live_bytes;
};

struct peer {
    struct la_mem *mem;
    struct peer_memory memory;
    struct la_alloc alloc;
    struct la_stack *stack;
    int iface;
    la_instant now;
    bool ipv6;
    struct la_endpoint host, addr; /* the stack's end, the peer's */

    uint32_t iss;                  /* the peer's */
    la_seq snd_nxt, rcv_nxt;       /* of the next segment from the peer */
    uint16_t wnd;
    bool timestamps;               /* every segment of the peer has them */
    uint32_t ts_val, ts_ecr;
    uint8_t dscp_ecn;              /* of the IP header of what the peer says */
    uint32_t room_bytes;           /* it comes in buffers of so many octets; 0 = as small as fits */
    uint16_t sum_error;            /* added to the checksum of what the peer says */

    size_t seg_first, seg_n;
    uint8_t icmp[PEER_ICMP_MAX]; /* the latest, from its ICMP header on */
    size_t icmp_bytes, icmp_n;

    bool holds;                   /* what the peer says waits for peer_release() */
    struct la_frame *held[PEER_HELD_MAX];
    size_t held_n;

    enum la_reason reason;       /* of the latest drop, since peer_say() */
    uint32_t events_n[LA_EVENT_KIND_COUNT];
    struct la_event last[LA_EVENT_KIND_COUNT];
    struct peer_seg seg[PEER_SEGMENTS_MAX]; /* sent by the stack, not yet looked at */
};

struct peer_cfg {
    void (*stack)(struct la_stack_cfg *cfg); /* changes the stack's configuration; may be NULL */
    bool ipv6, any_address;
    uint32_t mtu_bytes;    /* 0 = 1500 */
    uint64_t budget_bytes; /* 0 = no limit */
};

/* For tests that count on RFC 5681's numbers: not the default control. */
void peer_reno(struct la_stack_cfg *cfg);
/* Asserts that everything could be made. The peer is 10.0.0.2 or fd00::2, the stack .1. */
void peer_new(struct peer *p, const struct peer_cfg *cfg);
/* Asserts that nothing is left. */
void peer_free(struct peer *p);
/* A new stack at the same address, which knows nothing of the old one. */
void peer_reboot(struct peer *p, const struct peer_cfg *cfg);

/* A segment with the usual numbers, ports and options. */
struct la_tcp_seg peer_usual(const struct peer *p, uint16_t flags);
/* Hands it to the stack, with n octets of text behind it, and takes what the stack sends. */
void peer_say(struct peer *p, const struct la_tcp_seg *seg, const void *text, size_t n);
/* The usual segment, and the peer's numbers follow it. */
void peer_send(struct peer *p, uint16_t flags, const void *text, size_t n);
/* What is said from now on arrives in one burst, at peer_release(). */
void peer_hold(struct peer *p);
void peer_release(struct peer *p);
/* An ICMP error (ICMPv6 for IPv6) about a segment with these numbers from the stack. */
void peer_icmp(struct peer *p, uint8_t type, uint8_t code, uint32_t rest,
               const struct la_tcp_seg *about);
/* A UDP datagram to `port` of the stack (IPv4). */
void peer_udp(struct peer *p, uint16_t port, const void *text, size_t n);

/* Takes what the stack has to send now. */
void peer_collect(struct peer *p);
/* The stack's next segment, oldest first; the peer's numbers follow it. NULL: none. */
const struct peer_seg *peer_take(struct peer *p);
/* The same; asserts that there is one, and with these flags (PSH aside). */
const struct peer_seg *peer_expect(struct peer *p, uint16_t flags);
/* Asserts that the stack has sent nothing more. */
void peer_expect_none(struct peer *p);
/* Forgets what was not looked at; returns how many segments that were. */
size_t peer_forget(struct peer *p);
/* Time passes; timers run when they are due. */
void peer_run_us(struct peer *p, int64_t us);
/* Time passes until the stack sends something, at most `us`. False: it sent nothing. */
bool peer_run_until_sent(struct peer *p, int64_t us);

/* ---- to a state ------------------------------------------------------------------------- */

/* A listener at PEER_HOST_PORT. */
la_handle peer_listen(struct peer *p, uint32_t backlog);
/* The options of the peer's SYN, or SYN,ACK. */
struct peer_options {
    uint16_t mss;   /* 0 = absent */
    int wscale;     /* -1 = absent */
    bool sack, timestamps;
};
extern const struct peer_options peer_plain; /* MSS 1460 alone */
/* The listener's next connection; there is one. */
la_handle peer_accepted(struct peer *p, la_handle listener);
/* The peer connects to the listener; the connection is accepted. */
la_handle peer_connect(struct peer *p, la_handle listener, const struct peer_options *options);
/* listen, connect, close the listener: a passive connection. */
la_handle peer_passive(struct peer *p, const struct peer_options *options);
/* The stack connects to the peer. */
la_handle peer_open(struct peer *p, const struct la_tcp_cfg *cfg);
la_handle peer_active(struct peer *p, const struct peer_options *options);
/* A connection in this state (not LISTEN, nor SYN-RECEIVED by a
 * passive OPEN, which no handle names yet) of a new stack, by the shortest way; 100 octets are in
 * flight from ESTABLISHED on, until a FIN of ours is acknowledged. */
la_handle peer_to(struct peer *p, enum la_tcp_state state);
/* SYN or SYN,ACK with options. */
void peer_say_syn(struct peer *p, uint16_t flags, const struct peer_options *options);

/* ---- looking ---------------------------------------------------------------------------- */

struct la_conn_status peer_status(const struct peer *p, la_handle conn);
/* CLOSED when there is no connection at all; asserts that there is at most one. */
enum la_tcp_state peer_state(const struct peer *p);
/* Sends n octets on a connection (octet i is i * 7), asserts that all were taken. */
void peer_user_send(struct peer *p, la_handle conn, size_t n);
/* Reads what there is, asserts that it is n octets. */
void peer_user_read(struct peer *p, la_handle conn, size_t n);
/* LA_READY_* of all events of this connection that wait. */
uint32_t peer_ready(struct peer *p, la_handle conn);

#endif
