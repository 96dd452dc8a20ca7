/* SPDX-License-Identifier: MIT
 *
 * live.h - a stack, its application and a scripted peer, all driven by one fuzzed input
 *
 * fuzz_live.c is the application, live_peer.c the peer. Both sides' streams are functions of the
 * sequence number, so any octet that is out of place is a finding, however odd the segments were.
 */
#ifndef LA_FUZZ_LIVE_H
#define LA_FUZZ_LIVE_H

#include "fuzz.h"
#include "packets.h"

#include <lastack/stack.h>

enum {
    LIVE_PASSIVE_N = 3, /* slots that the peer opens; the others are opened by the host */
    LIVE_SLOTS_N = 5,
    LIVE_HELD_MAX = 64,
    LIVE_SYNS_MAX = 64,
    LIVE_LAST_BYTES = 160,
    LIVE_HOST_PORT = 80,
    LIVE_PEER_PORT = 5000
};

/* A connection as its peer sees it. */
struct live_slot {
    uint16_t host_port, peer_port;
    bool answers; /* the peer acknowledges what it gets */
    uint32_t iss, snd_nxt;
    uint32_t acked;                          /* what the peer has acknowledged */
    uint32_t host_iss, host_nxt;             /* from what the host sent; host_heard says whether */
    uint32_t host_ack, host_edge;            /* what it acknowledged, and may be sent up to */
    bool host_heard, host_timestamps;
    uint8_t host_wscale;
    uint32_t ts_echo;
    uint32_t syns[LIVE_SYNS_MAX]; /* sequence numbers of every SYN that the peer has sent */
    size_t syns_n;
    uint8_t last[LIVE_LAST_BYTES]; /* how the host's latest packet begins */
    size_t last_n;
};

struct live_peer {
    struct la_stack *stack;
    struct la_mem *mem;
    struct fuzz_in *in;
    la_instant now;
    bool v6, holds;
    struct live_slot slot[LIVE_SLOTS_N];
    struct la_frame *held[LIVE_HELD_MAX];
    size_t held_n;
};

/* A broken promise is a finding, as a crash is. */
void live_must(bool ok);
/* The octet at `position` of every stream that the host's application sends. */
uint8_t live_sent_octet(uint32_t position);
void live_peer_init(struct live_peer *peer);
/* What the peer holds back arrives at once. */
void live_peer_flush(struct live_peer *peer);
/* The peer acknowledges everything, and agrees to a connection that the host opens. */
void live_peer_answer(struct live_peer *peer, struct live_slot *slot);
/* One action of the peer, drawn from the input. */
void live_peer_act(struct live_peer *peer, uint8_t what);
/* The peer takes all that the host sends, checks it, and answers where it does. */
void live_peer_take(struct live_peer *peer);

#endif
