/* SPDX-License-Identifier: MIT
 *
 * decode_tunnel.c - packets within packets: IP in IP, GRE, MPLS, and tunnels over UDP
 *
 * Read first: RFC 2003, RFC 4213 3 (6in4), RFC 2473; RFC 2784, RFC 2890; RFC 3032; RFC 7348; RFC
 * 8926; 3GPP TS 29.281.
 *
 * A tunnel over UDP is known by its port, as its receiver knows it.
 */
#include "base/hash.h"
#include "explain/walk.h"
#include "wire/geneve.h"
#include "wire/gre.h"
#include "wire/gtpu.h"
#include "wire/ip.h"
#include "wire/mpls.h"
#include "wire/udp.h"
#include "wire/vxlan.h"

#include <string.h>

enum {
    ETHERNET_INSIDE = 0x6558, /* EtherType of transparent Ethernet bridging */
    ERSPAN_2 = 0x88be,
    ERSPAN_3 = 0x22eb,
    ERSPAN_2_BYTES = 8,
    ERSPAN_3_BYTES = 12,
    ERSPAN_3_SUBHEADER_BYTES = 8,
    ERSPAN_SESSION_MASK = 0x3ff,
    PSEUDOWIRE_CONTROL_BYTES = 4,
    NAT_TRAVERSAL_PORT = 4500 /* ESP in UDP, RFC 3948 */
};

static uint64_t
address_hash(const struct la_addr *addr)
{
    static const struct la_key key = {0, 0};
    uint64_t words[2];
    memcpy(words, addr->b, sizeof words);
    return la_hash2(&key, words[0], words[1]);
}

/* The key of the path so far and this tunnel: the same for both directions, so that neither the
 * order of the addresses counts nor a number that each end chooses: a TEID, and the VNI of Geneve,
 * of which some systems give each direction its own. */
static void
path_key_add(struct la_seen *seen, const struct la_seen_layer *layer)
{
    const struct la_key key = {seen->path_key, 0};
    bool by_end = layer->kind == LA_SEEN_LAYER_GTPU || layer->kind == LA_SEEN_LAYER_GENEVE;
    uint64_t id = layer->has_id && !by_end ? layer->id : 0;
    uint64_t ends = address_hash(&layer->src) + address_hash(&layer->dst);
    uint32_t hash = (uint32_t)la_hash2(&key, (uint64_t)layer->kind << 32 | id, ends);
    seen->path_key = hash != 0 ? hash : 1;
}

/* A tunnel between the addresses of the IP header that was passed last. False: too many layers. */
static bool
tunnel(struct la_walk *w, enum la_seen_layer_kind kind, const uint32_t *id)
{
    struct la_seen_layer *layer = la_walk_layer(w, kind);
    if (layer == NULL)
        return false;
    layer->src = w->seen->src.addr;
    layer->dst = w->seen->dst.addr;
    layer->has_id = id != NULL;
    layer->id = id != NULL ? *id : 0;
    w->seen->src.port = w->seen->dst.port = 0; /* those of the tunnel */
    if (kind != LA_SEEN_LAYER_ERSPAN) /* a mirror's packets are of whatever network it looks at */
        path_key_add(w->seen, layer);
    return true;
}

enum la_walk_layer
la_walk_ip_in_ip(struct la_walk *w, enum la_walk_layer inner)
{
    return tunnel(w, LA_SEEN_LAYER_IP, NULL) ? inner : LA_WALK_END;
}

static enum la_walk_layer
erspan(struct la_walk *w, const struct la_gre *gre)
{
    size_t n = gre->protocol == ERSPAN_3               ? ERSPAN_3_BYTES
               : (gre->has & LA_GRE_HAS_SEQUENCE) != 0 ? ERSPAN_2_BYTES
                                                       : 0; /* type I has no header */
    if (w->n < n)
        return la_walk_short(w, n);
    uint32_t session = n > 0 ? la_get16(w->p + 2) & ERSPAN_SESSION_MASK : 0;
    if (n == ERSPAN_3_BYTES && (w->p[n - 1] & 1) != 0)
        n += ERSPAN_3_SUBHEADER_BYTES;
    if (w->n < n)
        return la_walk_short(w, n);
    la_walk_skip(w, n);
    return tunnel(w, LA_SEEN_LAYER_ERSPAN, n > 0 ? &session : NULL) ? LA_WALK_ETHERNET
                                                                    : LA_WALK_END;
}

enum la_walk_layer
la_walk_gre(struct la_walk *w)
{
    struct la_gre gre;
    if (!la_gre_judge(&gre, la_walk_bytes(w)))
        return w->n < LA_GRE_BYTES_MAX ? la_walk_short(w, LA_GRE_BYTES_MAX)
                                       : la_walk_settle(w, LA_SEEN_OTHER_IP);
    la_walk_skip(w, la_gre_header_bytes(&gre));
    if (gre.protocol == ERSPAN_2 || gre.protocol == ERSPAN_3)
        return erspan(w, &gre);
    /* PPTP's key counts octets and names a call of one end (RFC 2637 4.1): no network's key. */
    const uint32_t *key = (gre.has & LA_GRE_HAS_KEY) != 0 && gre.version == 0 ? &gre.key : NULL;
    bool ethernet = gre.protocol == ETHERNET_INSIDE;
    if (!tunnel(w, ethernet ? LA_SEEN_LAYER_GRETAP : LA_SEEN_LAYER_GRE, key))
        return LA_WALK_END;
    w->ethertype = gre.protocol;
    if (w->wire_n == 0) /* an acknowledgement or a keep-alive of the tunnel's own */
        return la_walk_settle(w, LA_SEEN_OTHER_IP);
    return ethernet ? LA_WALK_ETHERNET : LA_WALK_ETHERTYPE;
}

enum la_walk_layer
la_walk_mpls(struct la_walk *w)
{
    struct la_mpls mpls;
    if (!la_mpls_judge(&mpls, la_walk_bytes(w)))
        return la_walk_short(w, LA_MPLS_BYTES);
    struct la_seen_layer *layer = la_walk_layer(w, LA_SEEN_LAYER_MPLS);
    if (layer == NULL)
        return LA_WALK_END;
    layer->id = mpls.label;
    layer->has_id = true;
    la_walk_skip(w, LA_MPLS_BYTES);
    if (!mpls.bottom)
        return LA_WALK_MPLS;
    if (w->n == 0)
        return la_walk_short(w, 1);
    /* Nothing tells what follows but its first four bits (RFC 4385 3, RFC 4928): IP, or a
     * pseudowire's control word, or Ethernet without one. */
    switch (w->p[0] >> 4) {
    case 4:
        return LA_WALK_IP4;
    case 6:
        return LA_WALK_IP6;
    case 0:
        if (w->n < PSEUDOWIRE_CONTROL_BYTES)
            return la_walk_short(w, PSEUDOWIRE_CONTROL_BYTES);
        la_walk_skip(w, PSEUDOWIRE_CONTROL_BYTES);
        return LA_WALK_ETHERNET;
    default:
        return LA_WALK_ETHERNET;
    }
}

static enum la_walk_layer
vxlan(struct la_walk *w)
{
    struct la_vxlan header;
    if (!la_vxlan_judge(&header, la_walk_bytes(w)))
        return la_walk_settle(w, LA_SEEN_UDP);
    la_walk_skip(w, LA_VXLAN_BYTES);
    return tunnel(w, LA_SEEN_LAYER_VXLAN, &header.vni) ? LA_WALK_ETHERNET : LA_WALK_END;
}

static enum la_walk_layer
geneve(struct la_walk *w)
{
    struct la_geneve header;
    if (!la_geneve_judge(&header, la_walk_bytes(w)) || header.control)
        return la_walk_settle(w, LA_SEEN_UDP);
    la_walk_skip(w, la_geneve_header_bytes(&header));
    if (!tunnel(w, LA_SEEN_LAYER_GENEVE, &header.vni))
        return LA_WALK_END;
    w->ethertype = header.protocol;
    return header.protocol == LA_GENEVE_ETHERNET ? LA_WALK_ETHERNET : LA_WALK_ETHERTYPE;
}

static enum la_walk_layer
gtpu(struct la_walk *w)
{
    struct la_gtpu header;
    if (!la_gtpu_judge(&header, la_walk_bytes(w)) || header.message != LA_GTPU_PACKET)
        return la_walk_settle(w, LA_SEEN_UDP);
    la_walk_skip(w, la_gtpu_header_bytes(&header));
    return tunnel(w, LA_SEEN_LAYER_GTPU, &header.teid) ? LA_WALK_IP : LA_WALK_END;
}

enum la_walk_layer
la_walk_udp(struct la_walk *w)
{
    struct la_udp_view view;
    if (!la_udp_view_init(&view, la_walk_bytes(w)))
        return la_walk_short(w, LA_UDP_HEADER_BYTES);
    w->seen->src.port = la_udp_view_src_port(&view);
    w->seen->dst.port = la_udp_view_dst_port(&view);
    la_walk_skip(w, LA_UDP_HEADER_BYTES);
    switch (w->seen->dst.port) {
    case LA_VXLAN_PORT:
    case LA_VXLAN_PORT_LINUX:
        return vxlan(w);
    case LA_GENEVE_PORT:
        return geneve(w);
    case LA_GTPU_PORT:
        return gtpu(w);
    case NAT_TRAVERSAL_PORT:
        return la_walk_settle(w, LA_SEEN_ENCRYPTED);
    default:
        return la_walk_settle(w, LA_SEEN_UDP);
    }
}
