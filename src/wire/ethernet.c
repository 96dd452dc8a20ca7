/* SPDX-License-Identifier: MIT
 *
 * ethernet.c - the Ethernet II header
 */
#include "wire/ethernet.h"
#include "base/assert.h"

#include <string.h>

static bool
is_tag(uint16_t type)
{
    return type == LA_ETH_VLAN || type == LA_ETH_VLAN_SERVICE;
}

bool
la_eth_view_init(struct la_eth_view *view, struct la_bytes bytes)
{
    size_t n = LA_ETH_HEADER_BYTES;
    if (bytes.n < n)
        return false;
    for (unsigned i = 0; i < LA_ETH_TAGS_MAX && is_tag(la_get16(bytes.p + n - 2)); i++) {
        n += LA_ETH_TAG_BYTES;
        if (bytes.n < n)
            return false;
    }
    *view = (struct la_eth_view){bytes.p, (uint8_t)n};
    return true;
}

const uint8_t *
la_eth_view_dst(const struct la_eth_view *view)
{
    return view->p;
}

const uint8_t *
la_eth_view_src(const struct la_eth_view *view)
{
    return view->p + 6;
}

uint8_t
la_eth_view_tags_n(const struct la_eth_view *view)
{
    return (uint8_t)((view->header_bytes - LA_ETH_HEADER_BYTES) / LA_ETH_TAG_BYTES);
}

uint16_t
la_eth_view_tag_type(const struct la_eth_view *view, unsigned i)
{
    LA_ASSERT(i < la_eth_view_tags_n(view));
    return la_get16(view->p + 12 + (size_t)i * LA_ETH_TAG_BYTES);
}

uint16_t
la_eth_view_tag_control(const struct la_eth_view *view, unsigned i)
{
    LA_ASSERT(i < la_eth_view_tags_n(view));
    return la_get16(view->p + 14 + (size_t)i * LA_ETH_TAG_BYTES);
}

uint16_t
la_eth_view_type(const struct la_eth_view *view)
{
    return la_get16(view->p + view->header_bytes - 2);
}

void
la_eth_judge(struct la_eth *eth, const struct la_eth_view *view)
{
    *eth = (struct la_eth){.tags_n = la_eth_view_tags_n(view), .type = la_eth_view_type(view)};
    memcpy(eth->dst, la_eth_view_dst(view), sizeof eth->dst);
    memcpy(eth->src, la_eth_view_src(view), sizeof eth->src);
    for (unsigned i = 0; i < eth->tags_n; i++) {
        eth->tag[i].type = la_eth_view_tag_type(view, i);
        eth->tag[i].control = la_eth_view_tag_control(view, i);
    }
}

size_t
la_eth_header_bytes(const struct la_eth *eth)
{
    return LA_ETH_HEADER_BYTES + (size_t)eth->tags_n * LA_ETH_TAG_BYTES;
}

size_t
la_eth_emit(const struct la_eth *eth, struct la_room room)
{
    LA_ASSERT(eth->tags_n <= LA_ETH_TAGS_MAX);
    LA_ASSERT(room.n >= la_eth_header_bytes(eth));
    struct la_wr wr = la_wr_init(room);
    la_wr_bytes(&wr, (struct la_bytes){eth->dst, sizeof eth->dst});
    la_wr_bytes(&wr, (struct la_bytes){eth->src, sizeof eth->src});
    for (unsigned i = 0; i < eth->tags_n; i++) {
        la_wr16(&wr, eth->tag[i].type);
        la_wr16(&wr, eth->tag[i].control);
    }
    la_wr16(&wr, eth->type);
    return la_eth_header_bytes(eth);
}

bool
la_eth_is_group(const uint8_t mac[6])
{
    return (mac[0] & 1) != 0;
}

bool
la_eth_is_broadcast(const uint8_t mac[6])
{
    static const uint8_t all_ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return memcmp(mac, all_ones, sizeof all_ones) == 0;
}
