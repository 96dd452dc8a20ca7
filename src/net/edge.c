/* SPDX-License-Identifier: MIT
 *
 * edge.c - the last step out: what the link cannot do, its header, its queue
 */
#include "net/internal.h"

#include <string.h>

#include "base/assert.h"

/* Does the link take this frame as it is marked? */
static bool
link_segments(const struct la_link_caps *caps, const struct la_frame *frame)
{
    if (!caps->checksum_tx)
        return false; /* Each piece needs a checksum of its own. */
    return frame->gso_kind == LA_GSO_TCPV4 ? caps->tso4 : caps->tso6;
}

/* With all checksums that the link leaves to us. */
static void
push_link(struct la_net *net, int iface, const uint8_t *mac, uint16_t type, struct la_frame *frame)
{
    const struct la_iface_cfg *cfg = &net->port[iface].cfg;
    if (mac) {
        struct la_eth eth = {.type = type};
        memcpy(eth.dst, mac, sizeof eth.dst);
        memcpy(eth.src, cfg->mac, sizeof eth.src);
        uint8_t *p = la_frame_push(frame, LA_ETH_HEADER_BYTES);
        la_eth_emit(&eth, (struct la_room){p, LA_ETH_HEADER_BYTES});
    }
    la_frameq_push(&net->port[iface].tx, frame);
}

void
la_net_emit(struct la_net *net, int iface, const uint8_t *mac, uint16_t type,
            struct la_frame *take_frame)
{
    if (la_net_tx_room(net, iface) == 0) {
        la_net_drop_frame(net, take_frame, LA_REASON_TX_QUEUE_FULL);
        return;
    }
    const struct la_link_caps *caps = &net->port[iface].cfg.caps;
    if (take_frame->gso_size == 0 || link_segments(caps, take_frame)) {
        if (take_frame->csum == LA_CSUM_PARTIAL && !caps->checksum_tx)
            la_net_checksum_finish(net, take_frame);
        push_link(net, iface, mac, type, take_frame);
        return;
    }
    struct la_net_cut cut;
    la_net_cut_begin(&cut, take_frame);
    for (struct la_frame *piece; (piece = la_net_cut_next(&cut)) != NULL;) {
        if (!caps->checksum_tx)
            la_net_checksum_put(net, piece, cut.head_sum);
        push_link(net, iface, mac, type, piece);
    }
    if (cut.frame == NULL)
        la_net_drop(net, LA_REASON_NO_MEMORY);
    la_net_cut_end(&cut);
}

void
la_net_transmit(struct la_net *net, int iface, struct la_frame *take_frame)
{
    if (la_net_tx_room(net, iface) == 0)
        la_net_drop_frame(net, take_frame, LA_REASON_TX_QUEUE_FULL);
    else
        la_frameq_push(&net->port[iface].tx, take_frame);
}

uint32_t
la_net_tx_room(const struct la_net *net, int iface)
{
    if (iface == LA_NET_IFACE_LOCAL)
        return LA_NET_LOCAL_QUEUE_MAX - net->local.n;
    LA_ASSERT(iface >= 0 && iface < net->port_n);
    uint32_t n = net->port[iface].tx.n; /* The pieces of a super-segment may overshoot. */
    return n < LA_NET_TX_QUEUE_MAX ? LA_NET_TX_QUEUE_MAX - n : 0;
}

size_t
la_net_tx_take(struct la_net *net, int iface, struct la_frame **frames, size_t max)
{
    LA_ASSERT(iface >= 0 && iface < net->port_n);
    size_t n = la_frameq_take(&net->port[iface].tx, frames, max);
    net->stats.frames_out += n;
    return n;
}

bool
la_net_tx_waits(const struct la_net *net, int iface)
{
    LA_ASSERT(iface >= 0 && iface < net->port_n);
    return net->port[iface].tx.n > 0;
}
