/* SPDX-License-Identifier: MIT
 *
 * arp.c - the ARP packet (RFC 826 "Packet format")
 */
#include "wire/arp.h"
#include "base/addr.h"
#include "base/assert.h"
#include "wire/ethernet.h"

#include <string.h>

bool
la_arp_view_init(struct la_arp_view *view, struct la_bytes bytes)
{
    if (bytes.n < LA_ARP_FIXED_BYTES)
        return false;
    size_t addresses = 2 * ((size_t)bytes.p[4] + bytes.p[5]);
    if (bytes.n < LA_ARP_FIXED_BYTES + addresses)
        return false;
    *view = (struct la_arp_view){bytes.p};
    return true;
}

uint16_t
la_arp_view_hardware(const struct la_arp_view *view)
{
    return la_get16(view->p);
}

uint16_t
la_arp_view_protocol(const struct la_arp_view *view)
{
    return la_get16(view->p + 2);
}

uint16_t
la_arp_view_operation(const struct la_arp_view *view)
{
    return la_get16(view->p + 6);
}

struct la_bytes
la_arp_view_sender_hardware(const struct la_arp_view *view)
{
    return (struct la_bytes){view->p + LA_ARP_FIXED_BYTES, view->p[4]};
}

struct la_bytes
la_arp_view_sender_protocol(const struct la_arp_view *view)
{
    return (struct la_bytes){view->p + LA_ARP_FIXED_BYTES + view->p[4], view->p[5]};
}

struct la_bytes
la_arp_view_target_hardware(const struct la_arp_view *view)
{
    return (struct la_bytes){view->p + LA_ARP_FIXED_BYTES + view->p[4] + view->p[5], view->p[4]};
}

struct la_bytes
la_arp_view_target_protocol(const struct la_arp_view *view)
{
    return (struct la_bytes){view->p + LA_ARP_FIXED_BYTES + 2 * view->p[4] + view->p[5],
                             view->p[5]};
}

bool
la_arp_judge(struct la_arp *arp, const struct la_arp_view *view)
{
    if (la_arp_view_hardware(view) != LA_ARP_ETHERNET || la_arp_view_protocol(view) != LA_ETH_IPV4)
        return false;
    if (view->p[4] != 6 || view->p[5] != 4)
        return false;
    arp->operation = la_arp_view_operation(view);
    memcpy(arp->sender_mac, la_arp_view_sender_hardware(view).p, 6);
    memcpy(arp->target_mac, la_arp_view_target_hardware(view).p, 6);
    arp->sender = la_addr_from_v4(la_arp_view_sender_protocol(view).p);
    arp->target = la_addr_from_v4(la_arp_view_target_protocol(view).p);
    return true;
}

size_t
la_arp_emit(const struct la_arp *arp, struct la_room room)
{
    LA_ASSERT(room.n >= LA_ARP_BYTES);
    struct la_wr wr = la_wr_init(room);
    la_wr16(&wr, LA_ARP_ETHERNET);
    la_wr16(&wr, LA_ETH_IPV4);
    la_wr8(&wr, 6);
    la_wr8(&wr, 4);
    la_wr16(&wr, arp->operation);
    la_wr_bytes(&wr, (struct la_bytes){arp->sender_mac, 6});
    la_wr_bytes(&wr, (struct la_bytes){la_addr_v4_bytes(&arp->sender), 4});
    la_wr_bytes(&wr, (struct la_bytes){arp->target_mac, 6});
    la_wr_bytes(&wr, (struct la_bytes){la_addr_v4_bytes(&arp->target), 4});
    return LA_ARP_BYTES;
}
