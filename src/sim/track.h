/* SPDX-License-Identifier: MIT
 *
 * track.h - what each end of a connection has shown on the wire, and what has reached it
 *
 * The laws about windows and sequence numbers are held against this, which is learnt from packets
 * alone: from those that a host sent, as it sent them, and from those that reached it, as they
 * reached it. No stack is asked.
 *
 * Forgery. A packet that a box made up, or one whose damage no checksum shows, may by its numbers
 * be one that the receiver has to believe. Then `fooled` is set and the laws that speak about what
 * the applications see are silent for that connection from there on. Those about what a stack sends
 * are not: who was lied to still keeps the rules by what it was told. A forged packet whose
 * numbers do not fit sets nothing, so it must have no effect at all.
 */
#ifndef LA_SIM_TRACK_H
#define LA_SIM_TRACK_H

#include "sim/packet.h"

enum { LA_SIM_COOKIES = 3 };

struct la_sim_view {
    bool begun;         /* has sent its SYN */
    bool acked;         /* has sent an ACK: what it received is known */
    bool syn_seen;      /* a SYN has reached it */
    bool fin_sent, fin_seen, edge_given, edge_known;
    bool fooled;        /* see above */
    bool strange;       /* which SYN it believes is not known: a forged one fitted as well */
    bool broken;        /* it ended otherwise than by FINs both ways */
    bool was_up;        /* ESTABLISHED, once, under whichever number */
    bool misled_marks;  /* what it was told of marks, the peer may not have said (law_marks.c) */
    bool anew;          /* an old SYN has begun another record here, which has sent nothing yet */
    uint8_t cookies_n;
    uint8_t wscale_sent, wscale_seen; /* 255 = none */
    la_seq iss, irs;
    la_seq syn_last;   /* the peer's SYN, or the last octet of text that came with it */
    struct {
        la_seq iss;
        uint8_t wscale; /* 255 = none */
    } cookie[LA_SIM_COOKIES]; /* SYN,ACKs that it has sent and forgotten */
    la_seq snd_max;     /* behind the highest octet sent, FIN counted */
    la_seq fin_seq;
    la_seq edge_sent;   /* right edge that it offered */
    la_seq edge_seen;   /* right edge that it was offered */
    la_seq ack_sent;    /* highest acknowledgement that it sent */
    la_seq ack_seen;    /* highest one of what it had sent that reached it */
    la_seq rcv_max;     /* behind the highest octet that reached it */
    uint32_t syn_wnd;   /* of the SYN that reached it */
    uint8_t syn_wscale; /* the same; 255 = none */
    uint32_t wnd_max;   /* largest window that it was offered */
    uint32_t bare_n;    /* ACKs sent since anything that takes up sequence space went to or fro */
    struct la_tcp_marks marks_before; /* r before the burst of marks_at_ns (law_marks.c) */
    int64_t marks_at_ns;
    uint32_t syn_ack_marks; /* SYN,ACKs that reached it: bit i, one had i in IP's ECN field */
    uint32_t answers_n;     /* and acknowledgements that may still say so (RFC 9768 3.2.2.1) */
    uint32_t rst_seen_n, icmp_seen_n;
    int64_t up_at_ns;     /* see was_up */
    uint64_t begun_order; /* of all ends of this run, the later is larger */
};

struct la_sim_world;
struct la_sim_host;
struct la_sim_conn;

/* A packet leaves a host: finds its connection, judges it by the laws, learns from it. */
void la_sim_track_sent(struct la_sim_world *world, unsigned host, struct la_sim_packet *packet);
/* A packet reaches a host, before the stack sees it. */
void la_sim_track_arrives(struct la_sim_world *world, unsigned host,
                          const struct la_sim_packet *packet);
/* The connection whose end at `host` this four-tuple is now; LA_SIM_NO_CONN, or *end. */
uint8_t la_sim_track_find(const struct la_sim_world *world, unsigned host,
                          const struct la_endpoint *local, const struct la_endpoint *remote,
                          unsigned *end);

/* Is that the four-tuple of this end of the connection? */
bool la_sim_track_is_end(const struct la_sim_conn *conn, unsigned end, unsigned host,
                         const struct la_endpoint *local, const struct la_endpoint *remote);
/* What follows on this four-tuple is about none of ours, which is over at this host. */
void la_sim_track_give_way(struct la_sim_world *world, unsigned host,
                           const struct la_endpoint *local, const struct la_endpoint *remote);

/* ---- track_cookie.c: hosts that remember nothing ------------------------------------------ */

/* A SYN,ACK of which the host keeps no record. */
bool la_sim_track_is_cookie(const struct la_sim_world *world, unsigned host,
                            const struct la_lab_packet *sent);
void la_sim_track_cookie_sent(struct la_sim_view *view, const struct la_tcp_seg *seg);
/* Was the SYN,ACK a cookie that has not come back yet? Then the next SYN has these ports. */
bool la_sim_track_is_forgotten(const struct la_sim_world *world, unsigned conn, unsigned end);
/* Finds whose cookie comes back, if one does. */
void la_sim_track_cookie_arrives(struct la_sim_world *world, unsigned host,
                                 const struct la_lab_packet *packet);

#endif
