/* SPDX-License-Identifier: MIT
 *
 * ndp.c - neighbour discovery for IPv6 on Ethernet
 *
 * Read first: RFC 4861 4.3, 4.4, 7.1 and 7.2.
 *
 * Solicitations and advertisements of neighbours; router advertisements and redirects are ignored:
 * addresses and routes are configured.
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "base/assert.h"
#include "wire/icmp6.h"
#include "wire/ip.h"

enum { NDP_HOP_LIMIT = 255 };

static struct la_addr
solicited_node(const struct la_addr *target)
{
    struct la_addr group = {{0xff, 0x02, [11] = 1, [12] = 0xff}};
    memcpy(group.b + 13, target->b + 13, 3);
    return group;
}

struct ndp_ends {
    struct la_addr src, dst;
    const uint8_t *mac; /* NULL: the group's */
};

/* The message as an IP packet; NULL: no memory. */
static struct la_frame *
ndp_make(struct la_net *net, const struct la_icmp6 *icmp, const struct ndp_ends *ends)
{
    struct la_frame *frame = la_frame_take(net->mem);
    if (!frame) {
        la_net_drop(net, LA_REASON_NO_MEMORY);
        return NULL;
    }
    size_t n = la_icmp6_header_bytes(icmp);
    la_icmp6_emit(icmp, (struct la_room){la_frame_push(frame, n), n});
    struct la_net_out out = {
        .src = ends->src,
        .dst = ends->dst,
        .protocol = LA_IP_ICMPV6,
        .ttl_hops = NDP_HOP_LIMIT,
    };
    struct la_net_header header;
    la_err err = la_net_header_init(&header, &out);
    if (err == LA_OK)
        err = la_net_header_push(net, &header, frame, UINT16_MAX);
    LA_ASSERT(err == LA_OK); /* 32 octets between addresses of one family */
    net->stats.icmp_out++;
    return frame;
}

/* Not through the neighbour cache: resolving must not need resolving. */
static void
ndp_send(struct la_net *net, int iface, const struct la_icmp6 *icmp, const struct ndp_ends *ends)
{
    struct la_frame *frame = ndp_make(net, icmp, ends);
    uint8_t group[6] = {0x33, 0x33};
    memcpy(group + 2, ends->dst.b + 12, 4);
    if (frame)
        la_net_emit(net, iface, ends->mac ? ends->mac : group, LA_ETH_IPV6, frame);
}

void
la_ndp_solicit(struct la_net *net, int iface, const struct la_addr *target, const uint8_t *mac)
{
    struct la_icmp6 icmp = {.type = LA_ICMP6_NEIGHBOUR_SOLICITATION, .target = *target};
    struct ndp_ends ends = {la_net_source(net, iface, target), *target, mac};
    if (!mac)
        ends.dst = solicited_node(target);
    if (!la_addr_is_any(&ends.src)) { /* 4.3: not from the unspecified address */
        icmp.has = LA_ICMP6_HAS_SOURCE_LINK;
        memcpy(icmp.source_link, net->port[iface].cfg.mac, sizeof icmp.source_link);
    }
    ndp_send(net, iface, &icmp, &ends);
}

static void
advertise(struct la_net *net, const struct la_net_in *in, const struct la_icmp6 *request,
          la_instant now)
{
    struct la_icmp6 icmp = {
        .type = LA_ICMP6_NEIGHBOUR_ADVERTISEMENT,
        .na_flags = LA_ICMP6_NA_OVERRIDE,
        .has = LA_ICMP6_HAS_TARGET_LINK,
        .target = request->target,
    };
    memcpy(icmp.target_link, net->port[in->iface].cfg.mac, sizeof icmp.target_link);
    struct ndp_ends ends = {.src = request->target, .dst = in->src};
    if (la_addr_is_any(&in->src)) { /* 7.2.4: to all nodes, not solicited */
        ends.dst = (struct la_addr){{0xff, 0x02, [15] = 1}};
        ndp_send(net, in->iface, &icmp, &ends);
        return;
    }
    icmp.na_flags |= LA_ICMP6_NA_SOLICITED;
    if (request->has & LA_ICMP6_HAS_SOURCE_LINK) {
        ends.mac = request->source_link;
        ndp_send(net, in->iface, &icmp, &ends);
        return;
    }
    /* Without the asker's link address it goes out through the cache. */
    struct la_frame *frame = ndp_make(net, &icmp, &ends);
    if (frame)
        la_neigh_send(net, in->iface, &in->src, frame, now);
}

/* 7.1.1 and 7.1.2: what makes a message one to believe. */
static bool
message_is_valid(const struct la_net_in *in, const struct la_icmp6 *icmp)
{
    if (in->ttl_hops != NDP_HOP_LIMIT || icmp->code != 0 || (icmp->has & LA_ICMP6_HAS_MALFORMED))
        return false;
    if (la_addr_is_v4(&icmp->target) || la_addr_is_multicast(&icmp->target) ||
        la_addr_is_any(&icmp->target))
        return false;
    if (icmp->type == LA_ICMP6_NEIGHBOUR_ADVERTISEMENT)
        return !la_addr_is_any(&in->src) &&
               !(la_addr_is_multicast(&in->dst) && (icmp->na_flags & LA_ICMP6_NA_SOLICITED));
    return !la_addr_is_any(&in->src) ||
           (la_addr_is_multicast(&in->dst) && !(icmp->has & LA_ICMP6_HAS_SOURCE_LINK));
}

static enum la_net_verdict
solicitation(struct la_net *net, struct la_frame *frame, const struct la_net_in *in,
             const struct la_icmp6 *icmp, la_instant now)
{
    la_frame_free(frame);
    if (!la_net_owns(net, in->iface, &icmp->target)) {
        la_net_drop(net, LA_REASON_ICMP_IGNORED);
        return LA_NET_TAKEN;
    }
    if ((icmp->has & LA_ICMP6_HAS_SOURCE_LINK) && !la_eth_is_group(icmp->source_link)) {
        struct la_neigh_news news = {
            .iface = in->iface,
            .addr = in->src,
            .mac = icmp->source_link,
            .override = true,
            .create = true,
        };
        la_neigh_update(net, &news, now);
    }
    advertise(net, in, icmp, now);
    return LA_NET_TAKEN;
}

static enum la_net_verdict
advertisement(struct la_net *net, struct la_frame *frame, const struct la_net_in *in,
              const struct la_icmp6 *icmp, la_instant now)
{
    la_frame_free(frame);
    if (!(icmp->has & LA_ICMP6_HAS_TARGET_LINK) || la_eth_is_group(icmp->target_link)) {
        la_net_drop(net, LA_REASON_ICMP_IGNORED);
        return LA_NET_TAKEN;
    }
    struct la_neigh_news news = {
        .iface = in->iface,
        .addr = icmp->target,
        .mac = icmp->target_link,
        .solicited = (icmp->na_flags & LA_ICMP6_NA_SOLICITED) != 0,
        .override = (icmp->na_flags & LA_ICMP6_NA_OVERRIDE) != 0,
    };
    la_neigh_update(net, &news, now);
    return LA_NET_TAKEN;
}

enum la_net_verdict
la_ndp_input(struct la_net *net, struct la_frame *take_frame, const struct la_net_in *in,
             la_instant now)
{
    struct la_icmp6_view view;
    struct la_icmp6 icmp;
    if (!la_icmp6_view_init(&view, (struct la_bytes){take_frame->head, take_frame->head_n}))
        return la_net_drop_frame(net, take_frame, LA_REASON_ICMP_MALFORMED);
    la_icmp6_judge(&icmp, &view);
    if (!message_is_valid(in, &icmp))
        return la_net_drop_frame(net, take_frame, LA_REASON_ICMP_MALFORMED);
    const struct la_iface_cfg *cfg = la_net_iface(net, in->iface);
    if (!cfg || cfg->caps.layer != LA_LINK_ETHERNET)
        return la_net_drop_frame(net, take_frame, LA_REASON_ICMP_IGNORED);
    if (icmp.type == LA_ICMP6_NEIGHBOUR_SOLICITATION)
        return solicitation(net, take_frame, in, &icmp, now);
    return advertisement(net, take_frame, in, &icmp, now);
}
