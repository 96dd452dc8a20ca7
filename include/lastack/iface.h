/* SPDX-License-Identifier: MIT
 *
 * lastack/iface.h - what an instance and its links tell each other about an interface
 *
 * Values only, shared by the instance (lastack/stack.h), by links (lastack/link.h) and by the IP
 * room below both.
 */
#ifndef LASTACK_IFACE_H
#define LASTACK_IFACE_H

#include <lastack/base.h>

LA_API_BEGIN

/* A connection, listener, request or UDP socket of one instance: index and generation, never a
 * pointer; a stale one is LA_ERR_BAD_HANDLE. 0 is none. */
typedef uint64_t la_handle;

/* What a frame of the link begins with. */
enum la_link_layer {
    LA_LINK_IP,      /* the IP header: point to point, without neighbours */
    LA_LINK_ETHERNET /* the Ethernet header, as on the wire but for the checksum at its end */
};

/* What a link can do. Without an ability the stack does the work itself, once, at the edge. */
struct la_link_caps {
    uint8_t layer;      /* enum la_link_layer */
    uint32_t mtu_bytes; /* largest IP packet, 68 .. 65535 (IPv6 needs 1280) */
    bool checksum_tx;   /* accepts LA_CSUM_PARTIAL frames */
    bool checksum_rx;   /* marks verified frames */
    bool tso4, tso6;    /* accepts super-segments */
};

struct la_iface_cfg {
    struct la_link_caps caps;
    uint8_t mac[6];        /* Ethernet only */
    bool any_address;      /* every unicast destination is ours: the forwarder's side */
};

/* The two ends of a datagram that was received. */
struct la_udp_from {
    struct la_endpoint local, remote; /* where it was sent to, who sent it */
};

/* What la_udp_option_set() sets of the datagrams that a socket sends. */
enum la_udp_option {
    LA_UDP_TTL_HOPS,        /* 1 .. 255; default 64 */
    LA_UDP_GROUP_TTL_HOPS,  /* the same, of those to a group; default 1 (RFC 1112 6.1) */
    LA_UDP_DSCP_ECN,        /* 0 .. 255, the former TOS: ECN is the application's; default 0 */
    LA_UDP_OPTION_COUNT
};

/* What a UDP socket is (la_udp_status()). */
struct la_udp_status {
    struct la_endpoint local, remote; /* remote: port 0 = not connected */
    bool connected, any_port;
    uint32_t receive_queue_n;         /* datagrams */
    uint32_t receive_queue_bytes;     /* that they keep in memory */
    uint64_t user;
};

LA_API_END

#endif
