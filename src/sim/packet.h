/* SPDX-License-Identifier: MIT
 *
 * packet.h - an IP packet on its way through the simulated network
 *
 * Octets in a buffer of the network's own: what a link, a router or a box does to them touches no
 * host's memory. Who is to blame for a packet stands beside it, for the laws.
 */
#ifndef LA_SIM_PACKET_H
#define LA_SIM_PACKET_H

#include "lab/packet.h"
#include "tcp/conn.h"
#include "wire/ip.h"

enum la_sim_mark {
    LA_SIM_M_MADE = 1,      /* by a box or a router: no host sent it */
    LA_SIM_M_ALTERED = 2,   /* a bit was flipped, and a checksum shows it */
    LA_SIM_M_DISGUISED = 4, /* a bit was flipped, and no checksum shows it */
    LA_SIM_M_REPLAYED = 8,  /* a copy of what a host sent long before */
    LA_SIM_M_BOXED = 16     /* the box has seen it */
};

/* What its sender had counted of marks when it left (law_marks.c). */
struct la_sim_told {
    struct la_tcp_marks r;
    la_seq irs;  /* the sender's IRS: which connection that is about */
    bool known;  /* a host sent it that counts */
    bool answer; /* its ACE field says how a SYN,ACK came, and is no count */
};

struct la_sim_packet {
    struct la_sim_packet *next; /* for whoever owns it */
    uint64_t id;                /* in the event stream */
    uint32_t n, room;
    uint8_t marks;              /* enum la_sim_mark */
    uint8_t conn;               /* that the tracker has found for it, LA_SIM_NO_CONN = none */
    bool is_tcp;                /* `read` is what the octets say */
    struct la_lab_packet read;
    struct la_sim_told told;
    uint8_t bytes[];
};
enum { LA_SIM_NO_CONN = 255 };

/* Buffers that wait to be used again. Zero-initialised is empty. */
struct la_sim_packets {
    struct la_sim_packet *spare;
    uint64_t made_n; /* ids given out */
};

/* Room for n octets; n is set, the octets are not. NULL: no memory. */
struct la_sim_packet *la_sim_packet_new(struct la_sim_packets *packets, size_t n);
struct la_sim_packet *la_sim_packet_copy(struct la_sim_packets *packets,
                                         const struct la_sim_packet *packet);
/* NULL is allowed. */
void la_sim_packet_free(struct la_sim_packets *packets, struct la_sim_packet *packet);
void la_sim_packets_fini(struct la_sim_packets *packets);
/* Reads the octets (again): is_tcp and read. */
void la_sim_packet_read(struct la_sim_packet *packet);
/* Makes the TCP checksum right (IPv4, IPv6 without extension headers). */
void la_sim_packet_sum(struct la_sim_packet *packet);
/* Would a host find nothing wrong with it? A flipped bit may stand where nothing is summed. */
bool la_sim_packet_is_sound(struct la_sim_packet *packet);
/* IP's ECN field. */
enum la_ip_ecn la_sim_packet_ecn(const struct la_sim_packet *packet);
/* Sets CE (RFC 3168 5). False: the packet does not say that its ends understand it. */
bool la_sim_packet_mark(struct la_sim_packet *packet);
/* A TCP packet of `like`'s shape; text and options as there. NULL: no memory. */
struct la_sim_packet *la_sim_packet_make(struct la_sim_packets *packets,
                                         const struct la_lab_packet *like);
/* enum la_sim_segment_kind, several may apply; 0: not TCP. */
unsigned la_sim_packet_kinds(const struct la_sim_packet *packet);
/* Where TCP begins; 0: not TCP. */
size_t la_sim_packet_tcp_off(const struct la_sim_packet *packet);

#endif
