/* SPDX-License-Identifier: MIT
 *
 * peer.h - a peer made by hand: it has no stack and sends what it is told to
 *
 * It has an address of its own, beside the client on the client's side of the wire, and takes the
 * packets for that address before the client's stack sees them. So a real server can be shown
 * segments that no good client would send. It acknowledges nothing by itself.
 */
#ifndef LA_LAB_PEER_H
#define LA_LAB_PEER_H

#include "lab/lab.h"
#include "lab/packet.h"

struct la_lab_peer {
    struct la_link link; /* first: a link is cast back to its peer */
    struct la_lab *lab;
    struct la_bed *bed;
    struct la_endpoint local, remote;
    la_seq snd_nxt, rcv_nxt;
    uint16_t flags_seen;  /* of all segments that arrived */
    uint16_t wnd;         /* what its segments offer */
    uint16_t mss;         /* what the other end announced */
    uint32_t text_bytes_max; /* of one segment */
    uint64_t octets_n;    /* arrived in order */
    uint64_t wanted_n;    /* of them, while somebody waits */
};

/* Joins the bed as 10.0.0.9 or 2001:db8::9, one at a time; the server listens. */
void la_lab_peer_join(struct la_lab_peer *peer, struct la_lab *lab, bool v6);
void la_lab_peer_fini(struct la_lab_peer *peer);
/* Forgets all about the previous connection and opens one from `port` to the server: SYN with these
 * options, SYN,ACK, ACK. wnd: what it offers. */
void la_lab_peer_open(struct la_lab_peer *peer, uint16_t port, struct la_bytes options,
                      uint16_t wnd);
/* Sends a segment at SND.NXT, acknowledging RCV.NXT where `flags` has ACK. options: the octets of
 * the option field, any. */
void la_lab_peer_says(struct la_lab_peer *peer, uint16_t flags, struct la_bytes options,
                      struct la_bytes text);
/* Until so many octets have arrived in order. */
void la_lab_peer_await(struct la_lab_peer *peer, uint64_t octets_n);
/* RST with the right number: the quickest way to be alone again. */
void la_lab_peer_end(struct la_lab_peer *peer);

#endif
