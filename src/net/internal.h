/* SPDX-License-Identifier: MIT
 *
 * internal.h - the inside of struct la_net, for the files of this room
 *
 * A packet's way in: input.c (link, dispatch) -> input4.c or input6.c -> icmp_in.c, udp.c or the
 * caller. Its way out: output.c, header.c (IP header, checksum mark) -> neighbour.c (who is next)
 * -> edge.c (what the link cannot do, link header, queue).
 */
#ifndef LA_NET_INTERNAL_H
#define LA_NET_INTERNAL_H

#include <string.h>

#include "base/addr.h"
#include "base/pool.h"
#include "net/net.h"
#include "net/udp.h"
#include "wire/ethernet.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

enum {
    NET_TTL_DEFAULT = 64,
    NET_DEST_CACHE_SHIFT = 8,
    NET_NEIGHBOUR_BUCKETS = 128,
    NET_UDP_BUCKETS = 256,
    /* What header codecs may look at in one piece: always obtainable without memory. */
    NET_PEEK_BYTES = LA_FRAME_ROOM_BYTES
};

struct la_net_port {
    struct la_iface_cfg cfg;
    struct la_frameq tx;
};

struct la_net_addr {
    struct la_addr addr;
    uint8_t prefix_len;
    int8_t iface;
};

struct la_net_route_entry {
    struct la_addr prefix;
    struct la_addr gateway;
    uint8_t prefix_len;
    bool has_gateway;
    int8_t iface;
};

/* What an address is to this host (RFC 1122 3.2.1.3). */
enum la_net_class {
    LA_NET_CLASS_ANY = 1,
    LA_NET_CLASS_INVALID, /* 0/8, 240/4: neither source nor destination */
    LA_NET_CLASS_OWN,
    LA_NET_CLASS_LOOPBACK,
    LA_NET_CLASS_UNICAST,
    LA_NET_CLASS_MULTICAST,
    LA_NET_CLASS_BROADCAST /* limited, or directed to an on-link prefix */
};

/* The destination cache: one line per hash, emptied when an address or route is added. */
struct la_net_dest {
    struct la_addr addr;
    uint8_t class; /* enum la_net_class; 0 = empty */
    la_err err;    /* of the route */
    struct la_net_route route;
};

/* The ends of the packet that was judged last and found good: packets come in runs of one flow. */
struct la_net_judged {
    struct la_addr src, dst;
    int iface;
    uint8_t dst_class; /* enum la_net_class; 0 = nothing was judged since addresses changed */
};

enum la_neigh_state {
    LA_NEIGH_INCOMPLETE = 1, /* solicited, no answer yet; packets wait */
    LA_NEIGH_REACHABLE,      /* confirmed less than neigh_reachable_ms before its last use */
    LA_NEIGH_STALE,          /* known, unconfirmed: the next use solicits */
    LA_NEIGH_PROBE           /* known, being confirmed; packets flow */
};

struct la_neigh {
    uint32_t next_idx; /* hash chain; overwritten by the pool while free, with the next one */
    uint32_t reserved;
    struct la_addr addr;
    int8_t iface;
    uint8_t state; /* enum la_neigh_state; 0 = free */
    uint8_t mac[6];
    uint8_t solicits_n;
    la_instant timer_at; /* NEVER unless INCOMPLETE or PROBE */
    la_instant confirmed_at;
    la_instant used_at;
    struct la_frameq waiting; /* IP packets */
};

struct la_udp_datagram {
    uint32_t next_idx; /* queue; overwritten by the pool while free, with the next one */
    uint32_t pinned_bytes;
    struct la_frame *frame;
    struct la_udp_from from;
};

struct la_udp_socket {
    uint32_t ready_next; /* both overwritten by the pool while free */
    uint32_t ready_prev;
    uint32_t generation;
    uint32_t next_idx; /* port chain */
    struct la_endpoint local, remote;
    bool live, any_port, connected, ready_listed;
    uint8_t option[LA_UDP_OPTION_COUNT]; /* by enum la_udp_option */
    la_err err; /* of the latest ICMP error, reported once */
    uint32_t first_idx, last_idx;
    uint32_t queue_n;
    uint32_t queue_bytes;
    uint64_t user;
};

struct la_net_udp {
    struct la_pool sockets;
    struct la_pool datagrams;
    uint32_t bucket[NET_UDP_BUCKETS];
    uint32_t any_port_idx;
    uint32_t ready_first, ready_last;
    uint16_t port_min, port_max;
    struct la_rng rng;
};

struct la_net_paths;
struct la_net_fragments;

struct la_net {
    struct la_mem *mem;
    uint64_t *reason;
    la_sum_fn *kernel;
    bool checksum_verify;
    struct la_net_stats stats;
    int port_n;
    unsigned addr_n, route_n;
    struct la_net_port port[LA_NET_IFACES_MAX];
    struct la_net_addr addr[LA_NET_ADDRS_MAX];
    struct la_net_route_entry route[LA_NET_ROUTES_MAX];
    struct la_net_dest dest[1u << NET_DEST_CACHE_SHIFT];
    struct la_net_judged judged;
    struct la_key key;
    struct la_rng rng_id;
    struct la_frameq local;  /* IP packets to ourselves */
    struct la_frameq failed; /* our IP packets whose neighbour was not found */
    struct la_pool neighs;
    uint32_t neigh_bucket[NET_NEIGHBOUR_BUCKETS];
    uint32_t neigh_reachable_ms;
    la_instant neigh_at;     /* no timer of a neighbour is earlier */
    uint32_t icmp_tokens;
    la_instant icmp_tokens_at;
    struct la_net_udp udp;
    struct la_net_paths *paths; /* path_mtu.c; NULL until a router has said something */
    struct la_net_fragments *fragments; /* reassembly.c; NULL until one has come */
    la_instant fragments_at;            /* nothing that waits for its rest is over earlier */
};

void la_net_paths_fini(struct la_net *net);

/* ---- keep.c, reassembly.c --------------------------------------------------------------- */

/* The frame, or a copy where it would keep much more memory than it shows; *cost_bytes: what the
 * result keeps. */
struct la_frame *la_net_keep(struct la_frame *take_frame, uint32_t *cost_bytes);

/* What the headers say of one piece of a packet. */
struct la_net_piece {
    uint32_t id;
    uint32_t off_bytes;
    bool more;
    uint8_t protocol;    /* IPv4; 0 for IPv6 */
    uint8_t next_header; /* IPv6 */
};
/* `take_piece`: its octets alone, one at least. True: it was the last one that was missing, the
 * frame is the caller's again and holds the whole packet with an IP header, and `in` is the first
 * piece's. False: others are missing, or it was dropped and counted. */
bool la_net_reassemble(struct la_net *net, struct la_frame *take_piece, struct la_net_in *in,
                       const struct la_net_piece *piece, la_instant now) LA_MUST_CHECK;
void la_net_fragments_run(struct la_net *net, la_instant now);
void la_net_fragments_fini(struct la_net *net);

/* ---- input.c ---------------------------------------------------------------------------- */

/* Counts, frees, returns LA_NET_TAKEN. */
enum la_net_verdict la_net_drop_frame(struct la_net *net, struct la_frame *take_frame,
                                      enum la_reason reason);
/* NET_PEEK_BYTES of the packet, or all there are, in one piece. */
struct la_bytes la_net_peek_more(struct la_frame *frame);

/* The first octets of the packet in one piece: at least n <= NET_PEEK_BYTES of them, or all there
 * are. What is in the head already is left as it is: octets pulled into it beyond the headers
 * would have to be copied out of it again. */
static inline struct la_bytes
la_net_peek(struct la_frame *frame, size_t n)
{
    if (frame->head_n < n)
        return la_net_peek_more(frame);
    return (struct la_bytes){frame->head, frame->head_n};
}

/* An IP packet; in->iface and in->link_broadcast are set. */
enum la_net_verdict la_net_input_ip(struct la_net *net, struct la_frame *take_frame,
                                    struct la_net_in *in, la_instant now);
enum la_net_verdict la_net_input4(struct la_net *net, struct la_frame *take_frame,
                                  struct la_net_in *in, la_instant now);
enum la_net_verdict la_net_input6(struct la_net *net, struct la_frame *take_frame,
                                  struct la_net_in *in, la_instant now);
/* la_net_input_upper() for what is no TCP segment to one host. */
enum la_net_verdict la_net_input_other(struct la_net *net, struct la_frame *take_frame,
                                       struct la_net_in *in, la_instant now);

/* The packet behind its IP headers, to whoever serves in->protocol. TCP is for one host alone (RFC
 * 9293 3.9.2.3, MUST-57, MUST-63); sources are checked already. */
static inline enum la_net_verdict
la_net_input_upper(struct la_net *net, struct la_frame *take_frame, struct la_net_in *in,
                   la_instant now)
{
    bool one_host = in->dst_class == LA_NET_CLASS_OWN || in->dst_class == LA_NET_CLASS_LOOPBACK ||
                    in->dst_class == LA_NET_CLASS_UNICAST;
    if (in->protocol == LA_IP_TCP && one_host)
        return LA_NET_TCP;
    return la_net_input_other(net, take_frame, in, now);
}

/* la_net_addresses_judge() for a pair that is not the last one. */
enum la_reason la_net_addresses_judge_new(struct la_net *net, struct la_net_in *in);

/* Source and destination as RFC 1122 3.2.1.3 allows them; LA_REASON_NONE when they do. Fills in
 * in->dst_class. */
static inline enum la_reason
la_net_addresses_judge(struct la_net *net, struct la_net_in *in)
{
    const struct la_net_judged *last = &net->judged;
    if (last->dst_class == 0 || last->iface != in->iface || in->link_broadcast ||
        !la_addr_same(&last->src, &in->src) || !la_addr_same(&last->dst, &in->dst))
        return la_net_addresses_judge_new(net, in);
    in->dst_class = last->dst_class;
    return LA_REASON_NONE;
}


/* ---- route.c ---------------------------------------------------------------------------- */

void la_net_dest_fill(const struct la_net *net, struct la_net_dest *dest,
                      const struct la_addr *addr);

static inline uint64_t
la_net_word(const struct la_addr *addr, unsigned i)
{
    uint64_t word;
    memcpy(&word, addr->b + 8 * (size_t)i, sizeof word);
    return word;
}

/* What is known of an address: its line of the destination cache. */
static inline const struct la_net_dest *
la_net_dest(struct la_net *net, const struct la_addr *addr)
{
    uint64_t a = la_net_word(addr, 0), b = la_net_word(addr, 1);
    uint64_t mixed = (a ^ net->key.k0) * UINT64_C(0x9e3779b97f4a7c15) ^ (b ^ net->key.k1);
    mixed *= UINT64_C(0xd6e8feb86659fd93);
    struct la_net_dest *dest = &net->dest[mixed >> (64 - NET_DEST_CACHE_SHIFT)];
    if (dest->class == 0 || la_net_word(&dest->addr, 0) != a || la_net_word(&dest->addr, 1) != b)
        la_net_dest_fill(net, dest, addr);
    return dest;
}

enum la_net_class la_net_classify(const struct la_net *net, const struct la_addr *addr);
/* Our address for talking to `dst` over `iface`; any when there is none. */
struct la_addr la_net_source(const struct la_net *net, int iface, const struct la_addr *dst);
/* Is `addr` assigned to `iface`? */
bool la_net_owns(const struct la_net *net, int iface, const struct la_addr *addr);
/* Is `addr` a group that every host, or the owner of one of our addresses, belongs to? */
bool la_net_joined(const struct la_net *net, const struct la_addr *addr);

/* ---- neighbour.c, arp.c, ndp.c ---------------------------------------------------------- */

void la_neigh_init(struct la_net *net);
void la_neigh_fini(struct la_net *net);
/* Sends an IP packet to next_hop on an Ethernet interface, now or when its address is known. */
void la_neigh_send(struct la_net *net, int iface, const struct la_addr *next_hop,
                   struct la_frame *take_frame, la_instant now);

/* What a message of the neighbour says about it. */
struct la_neigh_news {
    int iface;
    struct la_addr addr;
    const uint8_t *mac;
    bool solicited; /* it answers us: confirmed */
    bool override;  /* a different address replaces the known one */
    bool create;    /* it speaks to us: worth an entry when there is room */
};
void la_neigh_update(struct la_net *net, const struct la_neigh_news *news, la_instant now);
void la_neigh_run(struct la_net *net, la_instant now);

enum la_net_verdict la_arp_input(struct la_net *net, int iface, struct la_frame *take_frame,
                                 la_instant now);
/* mac NULL: to everybody. */
void la_arp_solicit(struct la_net *net, int iface, const struct la_addr *target,
                    const uint8_t *mac);
void la_ndp_solicit(struct la_net *net, int iface, const struct la_addr *target,
                    const uint8_t *mac);
/* A message of RFC 4861, whole, checksum verified. */
enum la_net_verdict la_ndp_input(struct la_net *net, struct la_frame *take_frame,
                                 const struct la_net_in *in, la_instant now);

/* ---- header.c --------------------------------------------------------------------------- */

/* The IP header of packets that differ in length and identification only, without these. */
struct la_net_header {
    bool v4;
    bool identified;     /* each packet gets an identification */
    uint8_t protocol;
    uint8_t n;           /* octets of it */
    int8_t checksum_off; /* from the upper header, -1 = it has none with a pseudo-header */
    bool summed;
    uint16_t pseudo_sum; /* of the pseudo-header without its length */
    uint32_t l4_sum;     /* with `summed`: of the segment behind it */
    union {
        struct la_ip4_stencil v4;
        uint8_t v6[LA_IP6_HEADER_BYTES];
    } ip;
};

/* BAD_ARGUMENT: addresses of two families. */
la_err la_net_header_init(struct la_net_header *header, const struct la_net_out *out);
/* Header and checksum mark; the frame becomes an IP packet. MESSAGE_TOO_BIG, BAD_ARGUMENT. */
la_err la_net_header_push(struct la_net *net, const struct la_net_header *header,
                          struct la_frame *frame, uint32_t mtu_bytes);

/* ---- output.c, edge.c, segment.c, checksum.c -------------------------------------------- */

/* An IP packet to the link of a neighbour; mac NULL on a link without addresses. */
void la_net_emit(struct la_net *net, int iface, const uint8_t *mac, uint16_t type,
                 struct la_frame *take_frame);
/* Any frame to the transmit queue; counts it as dropped when that is full. */
void la_net_transmit(struct la_net *net, int iface, struct la_frame *take_frame);
/* Cutting a super-segment, which is an IP packet, one piece after the other. */
struct la_net_cut {
    struct la_frame *frame; /* what is left of it; NULL: no memory */
    uint32_t off;           /* octets of text that have gone */
    uint32_t ip_n, n;       /* of its headers: IP's, all */
    bool v4, identified, begun;
    uint8_t end_flags;      /* that the first or the last piece has alone */
    uint32_t seq;           /* of the first piece */
    uint32_t head_sum;      /* from TCP's header on, of the latest piece; not folded */
    uint32_t same_sum;      /* of that, without the sequence number */
    uint8_t bytes[LA_IP6_HEADER_BYTES + LA_TCP_HEADER_BYTES_MAX]; /* of a piece in the middle */
};
void la_net_cut_begin(struct la_net_cut *cut, struct la_frame *take_frame);
/* NULL: there is none any more, or no memory for it (cut->frame: NULL). */
struct la_frame *la_net_cut_next(struct la_net_cut *cut);
void la_net_cut_end(struct la_net_cut *cut);
/* Fills in an LA_CSUM_PARTIAL checksum. */
void la_net_checksum_finish(struct la_net *net, struct la_frame *frame);
/* The same where the sum of its head, from csum_start on, is known; it need not be folded. */
void la_net_checksum_put(struct la_net *net, struct la_frame *frame, uint32_t head_sum);
/* The folded sum of all octets. */
uint16_t la_net_sum(const struct la_net *net, uint32_t sum, const struct la_frame *frame);

/* ---- icmp_in.c, icmp_out.c, quote.c ----------------------------------------------------- */

enum la_net_verdict la_icmp4_input(struct la_net *net, struct la_frame *take_frame,
                                   struct la_net_in *in, la_instant now);
enum la_net_verdict la_icmp6_input(struct la_net *net, struct la_frame *take_frame,
                                   struct la_net_in *in, la_instant now);
/* An error was parsed into in->icmp: to UDP, or LA_NET_ICMP_ERROR. */
enum la_net_verdict la_icmp_deliver(struct la_net *net, struct la_net_in *in);
/* The quoted packet's ends, protocol and sequence number. False: too little of it is there. */
bool la_icmp_quote_judge(struct la_net_icmp *icmp, struct la_bytes quoted);
/* Pieces of the packet are missing, and time is up: `in` and `quoted` are of the first one. */
void la_icmp_incomplete(struct la_net *net, const struct la_net_in *in, struct la_bytes quoted,
                        la_instant now);
/* Where the octet at fault is, from the start of the packet (RFC 4443 3.4). */
struct la_icmp_fault {
    uint8_t code; /* enum la_icmp6_parameter */
    uint32_t off;
};
/* ICMPv6 parameter problem about the packet in `in`; rules as la_net_icmp_unreachable(). */
void la_icmp6_parameter(struct la_net *net, const struct la_net_in *in, struct la_bytes quoted,
                        const struct la_icmp_fault *fault, la_instant now);

/* ---- udp_socket.c, udp.c ---------------------------------------------------------------- */

void la_udp_init(struct la_net *net, const struct la_net_cfg *cfg);
void la_udp_fini(struct la_net *net);
enum la_net_verdict la_udp_input(struct la_net *net, struct la_frame *take_frame,
                                 const struct la_net_in *in, la_instant now);
void la_udp_icmp(struct la_net *net, const struct la_net_icmp *icmp);
/* NULL: stale or no such socket. */
struct la_udp_socket *la_udp_socket(const struct la_net *net, la_handle udp);
/* Best match for a datagram; LA_POOL_NONE. */
uint32_t la_udp_match(const struct la_net *net, const struct la_udp_from *from);
/* Puts it on the ready list. */
void la_udp_ready(struct la_net *net, uint32_t idx);
/* Takes the first datagram off the queue. */
void la_udp_datagram_free(struct la_net *net, struct la_udp_socket *socket);

#endif
