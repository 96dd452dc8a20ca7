/* SPDX-License-Identifier: MIT
 *
 * arp.c - address resolution for IPv4 on Ethernet
 *
 * Read first: RFC 826 "Packet Reception"; RFC 5227 2.1.1 (probes); RFC 1122 2.3.2.
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "wire/arp.h"

/* dst NULL: broadcast. Without memory nothing is sent: whoever waits asks again. */
static void
arp_send(struct la_net *net, int iface, const struct la_arp *arp, const uint8_t *dst)
{
    struct la_frame *frame = la_frame_take(net->mem);
    if (!frame) {
        la_net_drop(net, LA_REASON_NO_MEMORY);
        return;
    }
    struct la_eth eth = {.type = LA_ETH_ARP};
    memset(eth.dst, 0xff, sizeof eth.dst);
    if (dst)
        memcpy(eth.dst, dst, sizeof eth.dst);
    memcpy(eth.src, net->port[iface].cfg.mac, sizeof eth.src);
    la_arp_emit(arp, (struct la_room){la_frame_push(frame, LA_ARP_BYTES), LA_ARP_BYTES});
    la_eth_emit(&eth,
                (struct la_room){la_frame_push(frame, LA_ETH_HEADER_BYTES), LA_ETH_HEADER_BYTES});
    frame->csum = LA_CSUM_VALID;
    la_net_transmit(net, iface, frame);
}

void
la_arp_solicit(struct la_net *net, int iface, const struct la_addr *target, const uint8_t *mac)
{
    struct la_arp arp = {
        .operation = LA_ARP_REQUEST,
        .sender = la_net_source(net, iface, target),
        .target = *target,
    };
    memcpy(arp.sender_mac, net->port[iface].cfg.mac, sizeof arp.sender_mac);
    arp_send(net, iface, &arp, mac);
}

static void
arp_reply(struct la_net *net, int iface, const struct la_arp *request)
{
    struct la_arp arp = {
        .operation = LA_ARP_REPLY,
        .sender = request->target,
        .target = request->sender,
    };
    memcpy(arp.sender_mac, net->port[iface].cfg.mac, sizeof arp.sender_mac);
    memcpy(arp.target_mac, request->sender_mac, sizeof arp.target_mac);
    arp_send(net, iface, &arp, request->sender_mac);
}

/* A sender that can be one: a unicast address that is not ours, at a station's address. */
static bool
sender_is_valid(const struct la_net *net, const struct la_arp *arp)
{
    return la_net_classify(net, &arp->sender) == LA_NET_CLASS_UNICAST &&
           !la_eth_is_group(arp->sender_mac);
}

enum la_net_verdict
la_arp_input(struct la_net *net, int iface, struct la_frame *take_frame, la_instant now)
{
    struct la_arp_view view;
    struct la_arp arp;
    if (!la_arp_view_init(&view, la_net_peek(take_frame, NET_PEEK_BYTES)) ||
        !la_arp_judge(&arp, &view) ||
        (arp.operation != LA_ARP_REQUEST && arp.operation != LA_ARP_REPLY))
        return la_net_drop_frame(net, take_frame, LA_REASON_ARP_MALFORMED);
    la_frame_free(take_frame);
    bool for_us = la_net_owns(net, iface, &arp.target);
    if (sender_is_valid(net, &arp)) {
        struct la_neigh_news news = {
            .iface = iface,
            .addr = arp.sender,
            .mac = arp.sender_mac,
            .solicited = for_us && arp.operation == LA_ARP_REPLY,
            .override = true,
            .create = for_us && arp.operation == LA_ARP_REQUEST,
        };
        la_neigh_update(net, &news, now);
    }
    /* A probe comes from 0.0.0.0 and is answered too (RFC 5227 2.1.1). */
    bool probe = la_addr_is_any(&arp.sender) && !la_eth_is_group(arp.sender_mac);
    if (for_us && arp.operation == LA_ARP_REQUEST && (probe || sender_is_valid(net, &arp)))
        arp_reply(net, iface, &arp);
    return LA_NET_TAKEN;
}
