/* SPDX-License-Identifier: MIT
 *
 * flow.h - the flows that cross a wire, and how many packets of each have passed
 *
 * Read first: docs/theory/wire.md, which says why a flow's identity leaves the client's address
 * and port out: it is (protocol, server's address and port, number of this flow among those to
 * that server). The ports below only find the record again.
 *
 * Who is the server: of TCP, the end that a SYN without ACK goes to, or that a SYN,ACK comes from;
 * of a connection that is joined in the middle, the end with the lower port. Of everything else,
 * where the first packet goes. A SYN with another sequence number on the same ports is a new flow.
 *
 * Bounded: at `records_n_max` the record that was silent for longest is given up. A flow that
 * speaks again after that is numbered anew; so are flows to a server that is seen again.
 */
#ifndef LA_LINK_FLOW_H
#define LA_LINK_FLOW_H

#include "base/hash.h"
#include "base/index.h"
#include "base/pool.h"
#include "link/packet.h"

enum la_wire_record_kind { LA_WIRE_RECORD_FLOW = 1, LA_WIRE_RECORD_SERVER };

/* How a record is found. No padding: it is hashed and compared as octets. */
struct la_wire_flow_key {
    struct la_endpoint end[2]; /* a flow: at wire end 0 and 1; a server: itself and nothing */
    uint8_t protocol;
    uint8_t kind;              /* enum la_wire_record_kind */
};

/* What a flow has met in one direction; [from] is the wire's end that sends. */
struct la_wire_flow_side {
    uint64_t packets_n;   /* the ordinal of the latest packet, 1 = the first */
    la_instant last_at;   /* delivery of the latest packet that was not held back */
    uint32_t syn_seq;
    bool syn_seen;
    bool burst;           /* in the bad state of the burst chain */
};

struct la_wire_flow {
    uint64_t pool_link;   /* the pool's, while the record is free */
    struct la_wire_flow_key key;
    uint32_t index_next;
    uint32_t hash;
    uint32_t older, newer; /* by the latest packet */
    uint64_t id;          /* enters the hash; of a server: flows to it so far */
    struct la_wire_flow_side side[2];
};

struct la_wire_flows {
    struct la_mem *mem;
    struct la_key table_key, id_key;
    struct la_pool records;
    struct la_index index;
    bool indexed;         /* `index` is there */
    uint32_t oldest, newest;
};

enum { LA_WIRE_FLOWS_N_MAX = 65536 };

/* records_n_max: flows and servers together, at least 2. Takes no memory yet; does not move. */
void la_wire_flows_init(struct la_wire_flows *flows, struct la_mem *mem, uint64_t seed,
                        uint32_t records_n_max);
void la_wire_flows_fini(struct la_wire_flows *flows);
/* The flow of a packet that end `from` sends, with the packet counted. NULL: no memory. Valid
 * until the next call. O(1). */
struct la_wire_flow *la_wire_flows_count(struct la_wire_flows *flows,
                                         const struct la_wire_packet *packet, unsigned from);

#endif
