/* SPDX-License-Identifier: MIT
 *
 * decode.h - from captured octets to a TCP segment
 *
 * Read first: docs/theory/reading.md.
 *
 * Any octets are allowed, and every packet gets a kind. A packet that is snapped is understood as
 * far as its headers go. What stands around the innermost IP header (tags, labels, tunnels) is the
 * path; the part of it that tells networks apart is in `path_key`, which belongs to the flow's key.
 *
 * Checksums are not verified unless asked for: la_seen_checksum_verify() costs a pass over the
 * payload and may be called on any segment as long as its octets are there; the configuration can
 * have segments that open, close or reset a connection verified always, and others sampled.
 */
#ifndef LA_EXPLAIN_DECODE_H
#define LA_EXPLAIN_DECODE_H

#include <lastack/explain.h>

#include "base/checksum.h"
#include "explain/fragments.h"
#include "explain/sums.h"
#include "wire/tcp.h"
#include "wire/tcp_extras.h"

/* What a packet is. All but the first two are counted and nothing more. */
enum la_seen_kind {
    LA_SEEN_TCP,          /* every field is valid */
    LA_SEEN_ICMP_ERROR,   /* about a TCP segment: `src`, `dst`, `tcp` are those of the quoted one */
    LA_SEEN_FRAGMENT,     /* of a datagram that is not whole yet, or never will be */
    LA_SEEN_UDP,
    LA_SEEN_ICMP,         /* any that is not an error about TCP */
    LA_SEEN_OTHER_IP,     /* another protocol above IP */
    LA_SEEN_ENCRYPTED,    /* ESP, protected 802.11 */
    LA_SEEN_NOT_IP,       /* ARP, LLDP, link management, ... */
    LA_SEEN_UNKNOWN_LINK, /* a link type that is not known here */
    LA_SEEN_SNAPPED,      /* captured too short for its headers */
    LA_SEEN_MALFORMED,    /* headers that contradict themselves */
    LA_SEEN_TOO_DEEP,     /* more layers than LA_SEEN_LAYERS_MAX */
    LA_SEEN_KINDS_N
};

enum la_seen_checksum {
    LA_SEEN_CHECKSUM_UNVERIFIED, /* not looked at */
    LA_SEEN_CHECKSUM_GOOD,
    LA_SEEN_CHECKSUM_BAD,
    LA_SEEN_CHECKSUM_UNFILLED,   /* the sum of the pseudo-header: left to the device (offload) */
    LA_SEEN_CHECKSUM_PARTIAL,    /* not all octets were captured */
    LA_SEEN_CHECKSUMS_N
};

/* Bits of `oddities`: what does not fit together. */
enum la_seen_oddity {
    LA_SEEN_SNAPPED_TEXT = 1,       /* fewer octets captured than the segment has */
    LA_SEEN_LENGTH_ZERO = 2,        /* IP length 0 (TSO, BIG TCP): the frame's length was taken */
    LA_SEEN_LENGTH_BEYOND_FRAME = 4,/* IP says more than the frame had on the wire */
    LA_SEEN_PADDED = 8,             /* octets behind the IP packet */
    LA_SEEN_REASSEMBLED = 16,       /* made of IP fragments; this packet brought the last one */
    LA_SEEN_JUMBO = 32,             /* length from a jumbo payload option (RFC 2675) */
    LA_SEEN_RESERVED_BITS = 64,     /* reserved bits of the TCP header are set */
    LA_SEEN_HEADER_CUT = 128        /* the TCP header is captured in part: at least to its flags
                                       (of a quoted one: to its sequence number); window and options
                                       that are missing read as 0 and absent */
};

/* Seen from where the capture was made; few captures tell. */
enum la_seen_direction {
    LA_SEEN_DIRECTION_UNKNOWN = 0,
    LA_SEEN_INBOUND = 1,
    LA_SEEN_OUTBOUND = 2
};

/* One layer around the innermost IP header, outermost first. */
enum la_seen_layer_kind {
    LA_SEEN_LAYER_VLAN,    /* id: VLAN */
    LA_SEEN_LAYER_MPLS,    /* id: label */
    LA_SEEN_LAYER_PPPOE,   /* id: session */
    LA_SEEN_LAYER_IP,      /* IP in IP of either version; addresses */
    LA_SEEN_LAYER_GRE,     /* id: key, when has_id; addresses */
    LA_SEEN_LAYER_GRETAP,  /* the same, with Ethernet inside */
    LA_SEEN_LAYER_VXLAN,   /* id: VNI; addresses */
    LA_SEEN_LAYER_GENEVE,  /* id: VNI; addresses */
    LA_SEEN_LAYER_GTPU,    /* id: TEID; addresses */
    LA_SEEN_LAYER_ERSPAN   /* id: session; addresses; a mirror, no network of its own */
};

enum { LA_SEEN_LAYERS_MAX = 8 };

struct la_seen_layer {
    struct la_addr src, dst; /* of the outer IP header; all zero where there is none */
    uint32_t id;
    uint8_t kind;            /* enum la_seen_layer_kind */
    bool has_id;
};

/* An ICMP error about a TCP segment. */
struct la_seen_icmp {
    struct la_addr from; /* who reports it */
    uint32_t mtu_bytes;  /* fragmentation needed, packet too big; 0: not told */
    uint8_t version;     /* 4 or 6 */
    uint8_t type;
    uint8_t code;
    bool has_tcp;        /* more of the segment is quoted than ports and sequence number */
};

struct la_seen {
    uint8_t kind;         /* enum la_seen_kind */
    uint8_t checksum;     /* enum la_seen_checksum */
    uint8_t ip_version;   /* 4, 6; 0: no IP header was reached */
    uint8_t ttl_hops;     /* TTL or hop limit */
    uint8_t dscp_ecn;     /* TOS or traffic class; ECN in the low two bits */
    uint8_t protocol;     /* above IP */
    bool dont_fragment;   /* IPv4 */
    bool has_ip_id;
    uint8_t direction;    /* enum la_seen_direction, as the capture says */
    uint32_t ip_id;       /* IPv4, and of IPv6 fragments */
    uint32_t oddities;    /* enum la_seen_oddity */
    uint32_t path_key;    /* hash of the tunnels; 0: none. The same for both directions */
    uint8_t layers_n;
    bool is_bare;         /* TCP in IP in Ethernet, and nothing between them */
    struct la_endpoint src, dst;
    struct la_tcp_seg tcp;        /* text_bytes and len: by the IP header */
    struct la_bytes header;       /* the TCP header's octets, as far as captured; borrowed */
    struct la_bytes text;         /* what was captured of the text; borrowed */
    struct la_tcp_extras extras;  /* valid with LA_TCP_HAS_EXTRAS in tcp.has */
    struct la_seen_icmp icmp;     /* valid for LA_SEEN_ICMP_ERROR */
    struct la_seen_layer layers[LA_SEEN_LAYERS_MAX]; /* layers_n are valid */
};

struct la_decode_options {
    la_sum_fn *sum;             /* NULL: la_sum_portable */
    bool verify_control;        /* verify SYN, FIN and RST segments */
    uint32_t verify_every_n;    /* and each n-th other one; 0: none */
    uint32_t verify_first_n;    /* and the first segments, whatever they are */
};

/* What a wrong checksum says of a packet, see la_decoder_disbelieves(). */
enum la_sums { LA_SUMS_COUNTED, LA_SUMS_TRUSTED, LA_SUMS_UNTRUSTED };

struct la_decoder {
    struct la_decode_options options;
    uint8_t sums;                   /* enum la_sums: as counted here, or somebody else knows */
    uint32_t until_verify_n;
    struct la_fragments *fragments; /* NULL: fragments are not put together */
    uint8_t scratch[LA_TCP_HEADER_BYTES_MAX]; /* a header that was captured in part */
    uint64_t kinds_n[LA_SEEN_KINDS_N]; /* packets of each kind so far */
    struct la_sum_counts counted;         /* those that were verified so far */
};

/* `mem` holds fragments; NULL: they are not put together. False: no memory. */
bool la_decoder_init(struct la_decoder *decoder, struct la_mem *mem,
                     const struct la_decode_options *options) LA_MUST_CHECK;
void la_decoder_fini(struct la_decoder *decoder);

/* Fills *seen; what it borrows is valid as long as the packet's octets and until the next call. */
void la_decode(struct la_decoder *decoder, const struct la_explain_packet *packet,
               struct la_seen *seen);

/* Was the segment changed on its way, or in the file? Its checksum is wrong, and those of most
 * others are right: a receiver takes no notice of it (RFC 9293 3.1, MUST-3). Where most are wrong,
 * they tell nothing: the capture was edited. Verifies `seen`, the latest packet's, if that was not
 * done. */
bool la_decoder_disbelieves(struct la_decoder *decoder, struct la_seen *seen);

/* Checksums of that source tell something (sums.h). */
bool la_decoder_trusts(const struct la_decoder *decoder, const struct la_addr *src);

/* The verdict, now, whatever `seen->checksum` says. Only for LA_SEEN_TCP. */
enum la_seen_checksum la_seen_checksum_verify(const struct la_seen *seen, la_sum_fn *sum);

/* Of a segment between the same ends, of that many octets behind the IP header: is its checksum
 * left to the device? */
bool la_seen_checksum_is_left(const struct la_seen *seen, uint16_t field, size_t l4_bytes);

/* A short name such as "UDP"; never NULL. */
const char *la_seen_kind_name(enum la_seen_kind kind);

/* "vlan 7, vxlan 42 10.0.0.1 > 10.0.0.2"; cut to n octets with its zero octet, n > 0. Returns
 * `out`; "" without layers. */
char *la_seen_path_format(const struct la_seen *seen, char *out, size_t n);

#endif
