/* SPDX-License-Identifier: MIT
 *
 * arp.h - the ARP packet (RFC 826), in two tiers
 *
 * The view represents any hardware and protocol; the judged struct only Ethernet and IPv4.
 */
#ifndef LA_WIRE_ARP_H
#define LA_WIRE_ARP_H

#include "base/bytes.h"

enum {
    LA_ARP_FIXED_BYTES = 8,
    LA_ARP_BYTES = 28, /* Ethernet and IPv4 */
    LA_ARP_ETHERNET = 1,
    LA_ARP_REQUEST = 1,
    LA_ARP_REPLY = 2
};

struct la_arp_view {
    const uint8_t *p; /* the fixed part and the four addresses are present */
};

/* False: fewer octets than the packet's own lengths ask for. The only bounds check. */
bool la_arp_view_init(struct la_arp_view *view, struct la_bytes bytes);
uint16_t la_arp_view_hardware(const struct la_arp_view *view);
uint16_t la_arp_view_protocol(const struct la_arp_view *view);
uint16_t la_arp_view_operation(const struct la_arp_view *view);
struct la_bytes la_arp_view_sender_hardware(const struct la_arp_view *view);
struct la_bytes la_arp_view_sender_protocol(const struct la_arp_view *view);
struct la_bytes la_arp_view_target_hardware(const struct la_arp_view *view);
struct la_bytes la_arp_view_target_protocol(const struct la_arp_view *view);

struct la_arp {
    uint16_t operation;
    uint8_t sender_mac[6];
    uint8_t target_mac[6];
    struct la_addr sender;
    struct la_addr target;
};

/* False: not Ethernet and IPv4 addresses of 6 and 4 octets. */
bool la_arp_judge(struct la_arp *arp, const struct la_arp_view *view);
/* The inverse; room.n >= 28. Returns 28. */
size_t la_arp_emit(const struct la_arp *arp, struct la_room room);

#endif
