/* SPDX-License-Identifier: MIT
 *
 * ethernet.h - the Ethernet II header (RFC 894, IEEE 802.3), with 802.1Q tags
 *
 * Up to two tags (802.1Q inside 802.1ad) are represented; a third stays in `type`.
 */
#ifndef LA_WIRE_ETHERNET_H
#define LA_WIRE_ETHERNET_H

#include "base/bytes.h"

enum {
    LA_ETH_HEADER_BYTES = 14,
    LA_ETH_TAG_BYTES = 4,
    LA_ETH_TAGS_MAX = 2,
    LA_ETH_HEADER_BYTES_MAX = 22
};

enum la_eth_type {
    LA_ETH_IPV4 = 0x0800,
    LA_ETH_ARP = 0x0806,
    LA_ETH_VLAN = 0x8100,         /* 802.1Q customer tag */
    LA_ETH_VLAN_SERVICE = 0x88a8, /* 802.1ad service tag */
    LA_ETH_IPV6 = 0x86dd,
    LA_ETH_TYPE_MIN = 0x0600      /* below: an IEEE 802.3 length, LLC follows */
};

struct la_eth_view {
    const uint8_t *p;
    uint8_t header_bytes; /* 14, 18 or 22; all of it present */
};

/* False: fewer octets than the header and its tags need. The only bounds check. */
bool la_eth_view_init(struct la_eth_view *view, struct la_bytes bytes);
const uint8_t *la_eth_view_dst(const struct la_eth_view *view); /* 6 octets */
const uint8_t *la_eth_view_src(const struct la_eth_view *view);
uint8_t la_eth_view_tags_n(const struct la_eth_view *view);
/* i < tags_n: tag protocol and tag control (priority 3 bits, drop 1, VLAN 12). */
uint16_t la_eth_view_tag_type(const struct la_eth_view *view, unsigned i);
uint16_t la_eth_view_tag_control(const struct la_eth_view *view, unsigned i);
/* What follows the header and its tags. */
uint16_t la_eth_view_type(const struct la_eth_view *view);

struct la_eth_tag {
    uint16_t type;
    uint16_t control;
};

struct la_eth {
    uint8_t dst[6];
    uint8_t src[6];
    uint8_t tags_n;
    struct la_eth_tag tag[LA_ETH_TAGS_MAX];
    uint16_t type;
};

void la_eth_judge(struct la_eth *eth, const struct la_eth_view *view);
size_t la_eth_header_bytes(const struct la_eth *eth);
/* The inverse; room.n at least the above. Returns octets written. */
size_t la_eth_emit(const struct la_eth *eth, struct la_room room);

/* The group bit: multicast or broadcast. */
bool la_eth_is_group(const uint8_t mac[6]);
bool la_eth_is_broadcast(const uint8_t mac[6]);

#endif
