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

#include "lab/bed.h"
#include "lab/packet.h"

struct la_lab_peer {
    struct la_link link; /* first: a link is cast back to its peer */
    struct la_bed *bed;
    struct la_endpoint local, remote;
    la_seq snd_nxt, rcv_nxt;
    uint8_t flags_seen;   /* of all segments that arrived */
    uint16_t mss;         /* what the other end announced */
    uint32_t text_bytes_max; /* of one segment */
    uint64_t octets_n;    /* arrived in order */
    uint64_t octets_wanted_n; /* for whoever waits for them */
};

/* Joins the bed under `addr` (10.0.0.9 or 2001:db8::9 are free); one at a time. */
void la_lab_peer_init(struct la_lab_peer *peer, struct la_bed *bed, const struct la_addr *addr);
void la_lab_peer_fini(struct la_lab_peer *peer);
/* Forgets all about the previous connection; the next segments go from `port` to `remote` and begin
 * at `iss`. */
void la_lab_peer_begin(struct la_lab_peer *peer, uint16_t port, const struct la_endpoint *remote,
                       la_seq iss);
/* Sends a segment at SND.NXT, acknowledging RCV.NXT where `flags` has ACK. options: the octets of
 * the option field, any. False: no memory, or too long. */
bool la_lab_peer_send(struct la_lab_peer *peer, uint8_t flags, struct la_bytes options,
                      struct la_bytes text);

#endif
