/* SPDX-License-Identifier: MIT
 *
 * decode_ethernet.c - Ethernet, its tags, and what an EtherType or LLC names
 *
 * Read first: IEEE 802.3, 802.1Q, 802.2; RFC 1042 (SNAP).
 */
#include "explain/walk.h"

#include <string.h>

enum {
    TAG_9100 = 0x9100, /* before 802.1ad had a number, and still */
    TAG_9200 = 0x9200,
    TAG_9300 = 0x9300,
    MPLS = 0x8847,
    MPLS_MULTICAST = 0x8848, /* or with an upstream label (RFC 5332) */
    PPP = 0x880b,            /* in GRE */
    PPPOE_SESSION = 0x8864,
    MACSEC = 0x88e5,
    LLC_BYTES = 3,
    SNAP_BYTES = 8,
    LLC_IP = 0x06,
    VLAN_MASK = 0x0fff
};

static enum la_walk_layer
tag(struct la_walk *w)
{
    if (w->n < LA_ETH_TAG_BYTES)
        return la_walk_short(w, LA_ETH_TAG_BYTES);
    struct la_seen_layer *layer = la_walk_layer(w, LA_SEEN_LAYER_VLAN);
    if (layer == NULL)
        return LA_WALK_END;
    layer->id = la_get16(w->p) & VLAN_MASK;
    layer->has_id = true;
    w->ethertype = la_get16(w->p + 2);
    la_walk_skip(w, LA_ETH_TAG_BYTES);
    return LA_WALK_ETHERTYPE;
}

enum la_walk_layer
la_walk_ethertype(struct la_walk *w)
{
    switch (w->ethertype) {
    case LA_ETH_IPV4:
        return LA_WALK_IP4;
    case LA_ETH_IPV6:
        return LA_WALK_IP6;
    case LA_ETH_VLAN:
    case LA_ETH_VLAN_SERVICE:
    case TAG_9100:
    case TAG_9200:
    case TAG_9300:
        return tag(w);
    case MPLS:
    case MPLS_MULTICAST:
        return LA_WALK_MPLS;
    case PPPOE_SESSION:
        return LA_WALK_PPPOE;
    case PPP:
        return LA_WALK_PPP;
    case MACSEC:
        return la_walk_settle(w, LA_SEEN_ENCRYPTED);
    default:
        if (w->ethertype >= LA_ETH_TYPE_MIN)
            return la_walk_settle(w, LA_SEEN_NOT_IP);
        la_walk_limit(w, w->ethertype); /* a length (IEEE 802.3 3.2.6) */
        return LA_WALK_LLC;
    }
}

enum la_walk_layer
la_walk_llc(struct la_walk *w)
{
    static const uint8_t snap[5] = {0xaa, 0xaa, 0x03, 0, 0};
    if (w->n < LLC_BYTES)
        return la_walk_short(w, LLC_BYTES);
    if (w->p[0] == LLC_IP && w->p[1] == LLC_IP) {
        la_walk_skip(w, LLC_BYTES);
        return LA_WALK_IP4;
    }
    if (memcmp(w->p, snap, LLC_BYTES) != 0)
        return la_walk_settle(w, LA_SEEN_NOT_IP);
    if (w->n < SNAP_BYTES)
        return la_walk_short(w, SNAP_BYTES);
    /* OUI 0: an EtherType follows; 00-00-F8: the same, bridged (IEEE 802.1H). */
    bool names_type = memcmp(w->p, snap, sizeof snap) == 0 && (w->p[5] == 0 || w->p[5] == 0xf8);
    w->ethertype = la_get16(w->p + SNAP_BYTES - 2);
    la_walk_skip(w, SNAP_BYTES);
    return names_type && w->ethertype >= LA_ETH_TYPE_MIN ? LA_WALK_ETHERTYPE
                                                         : la_walk_settle(w, LA_SEEN_NOT_IP);
}
