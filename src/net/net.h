/* SPDX-License-Identifier: MIT
 *
 * net.h - IP in and out: interfaces, addresses, routes, neighbours, ICMP
 *
 * Read first: RFC 1122 3 (hosts), RFC 791, RFC 8200, RFC 826, RFC 4861 7, RFC 792, RFC 4443.
 *
 * The room knows no connections. Frames come in with la_net_input(), which serves ARP, NDP, echo
 * and UDP itself and hands TCP segments and ICMP errors about TCP up. Frames go out with
 * la_net_output(), which adds the headers, resolves the neighbour, finishes checksums and segments
 * what the link cannot, and leaves the result on the interface's transmit queue.
 *
 * Packets that come in pieces are put together (reassembly.c); none is sent in pieces.
 *
 * Nothing a frame holds may reach an assertion; whatever is dropped is counted with its reason.
 * Bounds: la_net_limits. One caller at a time; `now` never goes back.
 */
#ifndef LA_NET_NET_H
#define LA_NET_NET_H

#include <lastack/iface.h>
#include <lastack/tcp.h>
#include "base/checksum.h"
#include "base/frame.h"
#include "base/rng.h"
#include "base/seq.h"

struct la_net;

enum la_net_limits {
    LA_NET_IFACES_MAX = 8,
    LA_NET_ADDRS_MAX = 32,
    LA_NET_ROUTES_MAX = 64,
    LA_NET_NEIGHBOURS_MAX = 512,    /* the least recently used one makes room */
    LA_NET_NEIGHBOUR_QUEUE_MAX = 3, /* packets that wait for one neighbour */
    LA_NET_TX_QUEUE_MAX = 4096,     /* frames per interface; a super-segment counts once */
    LA_NET_LOCAL_QUEUE_MAX = 1024,  /* packets to ourselves */
    LA_NET_IFACE_LOCAL = -1         /* "interface" of packets to ourselves */
};

/* ---- the instance ----------------------------------------------------------------------- */

struct la_net_cfg {
    struct la_mem *mem;           /* required; a reference is taken */
    struct la_seed seed;
    uint64_t *reason;             /* LA_REASON_COUNT counters of the owner; must outlive the net */
    la_sum_fn *kernel;            /* NULL = la_sum_portable */
    bool checksum_verify;         /* false: UDP, TCP and ICMP checksums are not looked at */
    uint32_t neighbour_reachable_ms; /* RFC 4861 6.3.2, REACHABLE_TIME */
    uint16_t port_ephemeral_min;  /* UDP; 0, 0 = 49152 .. 65535 */
    uint16_t port_ephemeral_max;
};

struct la_net_stats {
    uint64_t frames_in, frames_out;
    uint64_t udp_in, udp_out; /* datagrams */
    uint64_t icmp_in, icmp_out;
};

/* NO_MEMORY, BAD_ARGUMENT. */
la_err la_net_new(const struct la_net_cfg *cfg, struct la_net **out) LA_MUST_CHECK;
/* Frees every frame that is queued. NULL is allowed. */
void la_net_free(struct la_net *net);
const struct la_net_stats *la_net_stats(const struct la_net *net);
/* Counts a reason in the owner's array. */
void la_net_drop(struct la_net *net, enum la_reason reason);

/* At most 8. *out: its number, counted from 0. LIMIT, BAD_ARGUMENT (MTU outside 68 .. 65535). */
la_err la_net_iface_add(struct la_net *net, const struct la_iface_cfg *cfg, int *out) LA_MUST_CHECK;
/* NULL: no such interface. */
const struct la_iface_cfg *la_net_iface(const struct la_net *net, int iface);
int la_net_iface_n(const struct la_net *net);
/* An address of this host with its on-link prefix, which becomes a route. Adding it again changes
 * the prefix. LIMIT (32), BAD_ARGUMENT (not unicast, prefix too long). */
la_err la_net_addr_add(struct la_net *net, int iface, const struct la_addr *addr,
                       unsigned prefix_len) LA_MUST_CHECK;
/* gateway NULL: on-link. prefix_len 0: the default route of the prefix's family. LIMIT (64),
 * BAD_ARGUMENT (family of the gateway, prefix too long). */
la_err la_net_route_add(struct la_net *net, int iface, const struct la_addr *prefix,
                        unsigned prefix_len, const struct la_addr *gateway) LA_MUST_CHECK;

/* ---- routes ----------------------------------------------------------------------------- */

struct la_net_route {
    int iface;              /* LA_NET_IFACE_LOCAL: the destination is this host */
    struct la_addr src;     /* our address to use; any when the interface has none of the family */
    struct la_addr next_hop;/* the gateway, or the destination itself */
    uint32_t mtu_bytes;     /* largest IP packet; 65535 to ourselves */
};
/* Longest prefix; own addresses and loopback first. NO_ROUTE; BAD_ARGUMENT: dst is "any". A
 * multicast or broadcast destination has a route like any other: callers that may not send
 * there ask la_net_is_unicast(). O(1) while a destination is in the route cache, else O(routes). */
la_err la_net_route_lookup(struct la_net *net, const struct la_addr *dst,
                           struct la_net_route *out) LA_MUST_CHECK;
/* The largest IP packet that its first hop takes; 0: there is no route. */
uint32_t la_net_route_mtu(struct la_net *net, const struct la_addr *dst);
/* What is sent to `dst` does not get through: its next hop is asked for before it is trusted again
 * (RFC 9293 3.8.3 (b), RFC 1122 3.3.1.4). */
void la_net_doubt(struct la_net *net, const struct la_addr *dst);
/* The largest packet that a router has said a path takes, within ten minutes; 0: nothing is known.
 * Only what a connection of ours has found believable is to be learnt (RFC 5927 7.2). */
uint32_t la_net_path_mtu(const struct la_net *net, const struct la_addr *dst, la_instant now);
void la_net_path_mtu_learn(struct la_net *net, const struct la_addr *dst, uint32_t mtu_bytes,
                           la_instant now);
/* Is `addr` an address of this host (on any interface; or taken by `iface` because it has
 * any_address)? iface may be LA_NET_IFACE_LOCAL: own addresses and loopback only. */
bool la_net_is_local(const struct la_net *net, int iface, const struct la_addr *addr);
/* Neither any, multicast, limited broadcast nor the directed broadcast of an on-link prefix. */
bool la_net_is_unicast(const struct la_net *net, const struct la_addr *addr);

/* ---- frames in -------------------------------------------------------------------------- */

enum la_net_verdict {
    LA_NET_IDLE,      /* la_net_local_next() only: nothing waits */
    LA_NET_TAKEN,     /* served, queued or dropped here; the frame is gone */
    LA_NET_TCP,       /* unicast to us; the frame, from the TCP header on, is the caller's */
    LA_NET_ICMP_ERROR /* about a TCP segment of ours: in->icmp; the frame is gone */
};

enum la_net_icmp_kind {
    LA_NET_ICMP_NONE = 0,
    LA_NET_ICMP_NET_UNREACHABLE,
    LA_NET_ICMP_HOST_UNREACHABLE,
    LA_NET_ICMP_PROTOCOL_UNREACHABLE,
    LA_NET_ICMP_PORT_UNREACHABLE,
    LA_NET_ICMP_TOO_BIG,
    LA_NET_ICMP_TIME_EXCEEDED,
    LA_NET_ICMP_PARAMETER,
    LA_NET_ICMP_SOURCE_QUENCH,
    LA_NET_ICMP_PROHIBITED
};

struct la_net_icmp {
    uint8_t kind;     /* enum la_net_icmp_kind */
    uint8_t type;     /* as on the wire, of the family of `in->src`; both 0 when our own */
    uint8_t code;     /* neighbour resolution failed */
    uint8_t protocol; /* of the quoted packet */
    uint32_t mtu_bytes; /* TOO_BIG: the next hop's, 0 = not told */
    struct la_endpoint local, remote; /* the quoted packet's source (us) and destination */
    la_seq seq;       /* of the quoted TCP header */
};

/* Largest header kept for quoting: IPv4 with all options, or IPv6 with up to 20 octets more. */
enum { LA_NET_HEADER_BYTES_MAX = 60 };

struct la_net_in {
    struct la_addr src, dst;
    int iface;
    uint8_t protocol;
    uint8_t ttl_hops;
    uint8_t dscp_ecn;
    bool link_broadcast; /* came as a link-layer broadcast or multicast */
    uint8_t dst_class;   /* for the room's own use */
    uint8_t link_n;      /* octets of the link's header */
    uint8_t header_n;    /* octets in `header` */
    uint8_t header[LA_NET_HEADER_BYTES_MAX]; /* as received, for la_net_icmp_unreachable() */
    struct la_bytes came; /* the frame's head as the link delivered it; empty: it was no link */
    struct la_net_icmp icmp;
};

/*
 * la_net_input - one frame as the link of `iface` delivered it
 *
 * Validation, in this order: link header, IP version and header, header checksum, source address,
 * destination address, extension headers and options, fragments, protocol. With LA_NET_TCP the
 * frame's head starts at the TCP header and the frame is trimmed to the IP length; its checksum is
 * not yet verified (la_net_l4_checksum_ok()), its source and destination are unicast (MUST-57,
 * MUST-63). `in` is filled for LA_NET_TCP and LA_NET_ICMP_ERROR; in->icmp only for the latter.
 */
enum la_net_verdict la_net_input(struct la_net *net, int iface, struct la_frame *take_frame,
                                 struct la_net_in *in, la_instant now);
/* The next packet that this host sent to itself, or the next of our own packets whose neighbour
 * could not be found (as LA_NET_ICMP_ERROR, HOST_UNREACHABLE). Call until LA_NET_IDLE. *out is the
 * caller's with LA_NET_TCP and NULL otherwise. */
enum la_net_verdict la_net_local_next(struct la_net *net, struct la_frame **out,
                                      struct la_net_in *in, la_instant now);
bool la_net_has_local(const struct la_net *net);
/* Is the checksum of the TCP segment or UDP datagram in `frame` (head at its header) right? Marks
 * of the link and of local senders are believed. True when cfg.checksum_verify is off. */
bool la_net_l4_checksum_ok(const struct la_net *net, const struct la_net_in *in,
                           const struct la_frame *frame);
/* The same where the sum of all that stands before the frame's octets is known. */
bool la_net_l4_sum_ok(const struct la_net *net, uint32_t sum, const struct la_frame *frame);
/* Counts a frame whose headers repeat those of one that la_net_input() found good. */
void la_net_count_repeated(struct la_net *net);

/* ---- frames out ------------------------------------------------------------------------- */

struct la_net_out {
    struct la_addr src, dst; /* one family, src never any */
    uint8_t protocol;        /* LA_IP_TCP, … (wire/ip.h) */
    uint8_t ttl_hops;        /* 0 is sent as 64 (RFC 1122 3.2.1.7: never zero) */
    uint8_t dscp_ecn;
    bool dont_fragment;      /* IPv4: DF */
    bool summed;             /* TCP: who made the segment knows its sum, the checksum taken as 0 */
    uint32_t l4_sum;         /* then this is it, not folded */
};

/*
 * la_net_output - a segment or datagram, head at its own header
 *
 * For TCP, UDP and ICMPv6 the checksum field's value is ignored: it is computed here, or, unless
 * the sum is known, left to the link as LA_CSUM_PARTIAL where it can. frame->gso_size > 0 makes it
 * a super-segment of TCP: it is handed on whole to a link that can and to ourselves, else cut here
 * (segment.c). The frame is taken in every case. NO_ROUTE; MESSAGE_TOO_BIG (a packet, or one of the
 * pieces, is larger than the MTU); NO_MEMORY (also: transmit queue full; ask la_net_tx_room());
 * BAD_ARGUMENT.
 */
la_err la_net_output(struct la_net *net, struct la_frame *take_frame, const struct la_net_out *out,
                     la_instant now);
/* The same for n frames, which are taken in turn; one look-up and one header serve all. What cannot
 * be sent is counted, and as good as lost on the way. */
void la_net_output_burst(struct la_net *net, struct la_frame **take_frames, size_t n,
                         const struct la_net_out *out, la_instant now);
/* Frames (super-segments count once) that the transmit queue still takes; iface may be
 * LA_NET_IFACE_LOCAL. */
uint32_t la_net_tx_room(const struct la_net *net, int iface);
/* The next frames for the link, with their link headers: at most `max`, fewer when there are no
 * more. They are the caller's. */
size_t la_net_tx_take(struct la_net *net, int iface, struct la_frame **frames, size_t max);

/* One of them; NULL when there is none. */
static inline struct la_frame *
la_net_tx_pop(struct la_net *net, int iface)
{
    struct la_frame *frame;
    return la_net_tx_take(net, iface, &frame, 1) == 1 ? frame : NULL;
}

bool la_net_tx_waits(const struct la_net *net, int iface);

/*
 * la_net_icmp_unreachable - tells the sender that its packet leads nowhere
 *
 *   in      as la_net_input() filled it; with header_n 0 the header is rebuilt from src, dst,
 *           protocol, ttl_hops and dscp_ecn (for a request that was answered later)
 *   quoted  the packet behind its IP header, at least its first 8 octets; cut to what fits
 *   kind    NET, HOST, PROTOCOL or PORT_UNREACHABLE, or PROHIBITED
 *
 * Never about ICMP errors, link or IP multicast and broadcast, or a source that is not one host
 * (RFC 1122 3.2.2, RFC 4443 2.4); rate limited (RFC 1812 4.3.2.8). Nothing is reported: it is a
 * courtesy.
 */
void la_net_icmp_unreachable(struct la_net *net, const struct la_net_in *in, struct la_bytes quoted,
                             enum la_net_icmp_kind kind, la_instant now);

/* ---- time ------------------------------------------------------------------------------- */

/* When la_net_run() is next needed; may be early, never late. */
la_instant la_net_deadline(const struct la_net *net);
/* Timers of neighbours and of packets in pieces. Bounded by the number of both. */
void la_net_run(struct la_net *net, la_instant now);

#endif
