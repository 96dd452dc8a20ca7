/* SPDX-License-Identifier: MIT
 *
 * walk.h - inside the decoder: a place within a packet, and the steps from layer to layer
 *
 * A step looks at the layer that begins at the place and either moves behind it and names what
 * follows, or settles what the packet is (la_walk_settle) and ends the walk.
 */
#ifndef LA_EXPLAIN_WALK_H
#define LA_EXPLAIN_WALK_H

#include "explain/decode.h"
#include "wire/ethernet.h"

enum la_walk_layer {
    LA_WALK_END,
    LA_WALK_LINK,      /* by `link_type` */
    LA_WALK_ETHERNET,
    LA_WALK_ETHERTYPE, /* `ethertype` tells what stands at the place */
    LA_WALK_LLC,
    LA_WALK_IP,        /* either version, by its first octet */
    LA_WALK_IP4,
    LA_WALK_IP6,
    LA_WALK_IP6_EXTENSIONS, /* or whatever else seen->protocol names there */
    LA_WALK_FRAGMENT,  /* `fragment` tells which */
    LA_WALK_UPPER,     /* by seen->protocol */
    LA_WALK_TCP,
    LA_WALK_TCP_CUT,   /* its header is not all there */
    LA_WALK_MPLS,
    LA_WALK_PPP,
    LA_WALK_PPPOE
};

struct la_walk {
    struct la_decoder *decoder;
    struct la_seen *seen;
    const uint8_t *p;
    size_t n;      /* octets captured from p on */
    size_t wire_n; /* octets on the wire from p on; at least n */
    la_instant at;
    uint16_t link_type;
    uint16_t ethertype;
    struct {
        uint32_t off_bytes;
        bool more;
    } fragment;
};

static inline enum la_walk_layer
la_walk_settle(struct la_walk *w, enum la_seen_kind kind)
{
    w->seen->kind = (uint8_t)kind;
    return LA_WALK_END;
}

/* A header of n octets is not all there: cut by the capture, or by whoever sent it. */
static inline enum la_walk_layer
la_walk_short(struct la_walk *w, size_t n)
{
    return la_walk_settle(w, w->wire_n < n ? LA_SEEN_MALFORMED : LA_SEEN_SNAPPED);
}

/* What was captured from the place on. */
static inline struct la_bytes
la_walk_bytes(const struct la_walk *w)
{
    return (struct la_bytes){w->p, w->n};
}

/* n octets were captured. */
static inline void
la_walk_skip(struct la_walk *w, size_t n)
{
    w->p += n;
    w->n -= n;
    w->wire_n -= n;
}

/* Nothing behind the next n octets belongs to the layer. */
static inline void
la_walk_limit(struct la_walk *w, size_t n)
{
    if (n < w->wire_n)
        w->wire_n = n;
    if (n < w->n)
        w->n = n;
}

static inline enum la_walk_layer
la_walk_ethernet(struct la_walk *w)
{
    if (w->n < LA_ETH_HEADER_BYTES)
        return la_walk_short(w, LA_ETH_HEADER_BYTES);
    w->ethertype = la_get16(w->p + LA_ETH_HEADER_BYTES - 2);
    la_walk_skip(w, LA_ETH_HEADER_BYTES);
    /* The two that nearly every packet has. */
    if (w->ethertype == LA_ETH_IPV4)
        return LA_WALK_IP4;
    if (w->ethertype == LA_ETH_IPV6)
        return LA_WALK_IP6;
    return LA_WALK_ETHERTYPE;
}

/* A layer more around what follows; NULL: there are too many. */
struct la_seen_layer *la_walk_layer(struct la_walk *w, enum la_seen_layer_kind kind);

/* What stands behind the link type's own header. */
enum la_walk_layer la_walk_link(struct la_walk *w);
enum la_walk_layer la_walk_ethertype(struct la_walk *w);
enum la_walk_layer la_walk_llc(struct la_walk *w);
enum la_walk_layer la_walk_ppp(struct la_walk *w);
enum la_walk_layer la_walk_pppoe(struct la_walk *w);
enum la_walk_layer la_walk_mpls(struct la_walk *w);
enum la_walk_layer la_walk_ip6_extensions(struct la_walk *w);

/* What stands behind an IP header whose addresses are in `seen`. */
enum la_walk_layer la_walk_fragment(struct la_walk *w);
enum la_walk_layer la_walk_upper(struct la_walk *w);
enum la_walk_layer la_walk_tcp_cut(struct la_walk *w);
enum la_walk_layer la_walk_udp(struct la_walk *w);
enum la_walk_layer la_walk_gre(struct la_walk *w);
enum la_walk_layer la_walk_ip_in_ip(struct la_walk *w, enum la_walk_layer inner);
/* version: of IP; ICMP's types differ with it. */
enum la_walk_layer la_walk_icmp(struct la_walk *w, unsigned version);

#endif
