/* SPDX-License-Identifier: MIT
 *
 * route.c - addresses of this host, routes, and what an address is to us
 *
 * Read first: RFC 1122 3.2.1.3 and 3.3.1; RFC 4291 2.5-2.8; RFC 6724 5.
 *
 * Tables are small and searched linearly; the answer for an address is kept in the destination
 * cache, one line per hash, so that a flow pays for a search once.
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "base/assert.h"

enum { SCOPE_LINK = 2, SCOPE_GLOBAL = 14 };

static bool
same_family(const struct la_addr *a, const struct la_addr *b)
{
    return la_addr_is_v4(a) == la_addr_is_v4(b);
}

static unsigned
family_bits(const struct la_addr *addr)
{
    return la_addr_is_v4(addr) ? 32 : 128;
}

static void
cache_clear(struct la_net *net)
{
    memset(net->dest, 0, sizeof net->dest);
    net->judged.dst_class = 0;
}

/* ---- configuration ---------------------------------------------------------------------- */

/* The prefix with its host bits cleared. */
static struct la_addr
prefix_of(const struct la_addr *addr, unsigned prefix_len)
{
    struct la_addr prefix = *addr;
    unsigned bits = 128 - family_bits(addr) + prefix_len;
    for (unsigned i = 0; i < 128; i++) {
        if (i >= bits)
            prefix.b[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
    }
    return prefix;
}

la_err
la_net_route_add(struct la_net *net, int iface, const struct la_addr *prefix, unsigned prefix_len,
                 const struct la_addr *gateway)
{
    if (!la_net_iface(net, iface) || prefix_len > family_bits(prefix))
        return LA_ERR_BAD_ARGUMENT;
    if (gateway && (!same_family(gateway, prefix) || la_addr_is_any(gateway)))
        return LA_ERR_BAD_ARGUMENT;
    struct la_net_route_entry entry = {
        .prefix = prefix_of(prefix, prefix_len),
        .prefix_len = (uint8_t)prefix_len,
        .has_gateway = gateway != NULL,
        .iface = (int8_t)iface,
    };
    if (gateway)
        entry.gateway = *gateway;
    unsigned i = 0;
    for (; i < net->route_n; i++) {
        const struct la_net_route_entry *r = &net->route[i];
        if (r->iface == iface && r->prefix_len == prefix_len &&
            la_addr_equal(&r->prefix, &entry.prefix))
            break; /* DEVIATION(D31): the later word on the same prefix counts. */
    }
    if (i == LA_NET_ROUTES_MAX)
        return LA_ERR_LIMIT;
    net->route[i] = entry;
    net->route_n += i == net->route_n;
    cache_clear(net);
    return LA_OK;
}

la_err
la_net_addr_add(struct la_net *net, int iface, const struct la_addr *addr, unsigned prefix_len)
{
    if (!la_net_iface(net, iface) || prefix_len > family_bits(addr))
        return LA_ERR_BAD_ARGUMENT;
    if (la_addr_is_any(addr) || la_addr_is_multicast(addr) || la_addr_is_broadcast(addr))
        return LA_ERR_BAD_ARGUMENT;
    unsigned i = 0;
    while (i < net->addr_n && !la_addr_equal(&net->addr[i].addr, addr))
        i++;
    if (i == LA_NET_ADDRS_MAX)
        return LA_ERR_LIMIT;
    la_err err = la_net_route_add(net, iface, addr, prefix_len, NULL);
    if (err != LA_OK)
        return err;
    /* DEVIATION(D32): at once, without asking on the link. */
    net->addr[i] = (struct la_net_addr){*addr, (uint8_t)prefix_len, (int8_t)iface};
    net->addr_n += i == net->addr_n;
    cache_clear(net);
    return LA_OK;
}

/* ---- what an address is ----------------------------------------------------------------- */

static const struct la_net_addr *
own_find(const struct la_net *net, const struct la_addr *addr)
{
    for (unsigned i = 0; i < net->addr_n; i++) {
        if (la_addr_equal(&net->addr[i].addr, addr))
            return &net->addr[i];
    }
    return NULL;
}

bool
la_net_owns(const struct la_net *net, int iface, const struct la_addr *addr)
{
    const struct la_net_addr *own = own_find(net, addr);
    return own && own->iface == iface;
}

/* All host bits set under one of our prefixes. /31 and /32 have no broadcast (RFC 3021). */
static bool
is_directed_broadcast(const struct la_net *net, const struct la_addr *addr)
{
    uint32_t v4 = la_get32(la_addr_v4_bytes(addr));
    for (unsigned i = 0; i < net->addr_n; i++) {
        const struct la_net_addr *own = &net->addr[i];
        if (!la_addr_is_v4(&own->addr) || own->prefix_len > 30)
            continue;
        uint32_t host_bits = UINT32_MAX >> own->prefix_len;
        if (v4 == (la_get32(la_addr_v4_bytes(&own->addr)) | host_bits))
            return true;
    }
    return false;
}

enum la_net_class
la_net_classify(const struct la_net *net, const struct la_addr *addr)
{
    if (la_addr_is_any(addr))
        return LA_NET_CLASS_ANY;
    if (own_find(net, addr))
        return LA_NET_CLASS_OWN;
    if (la_addr_is_loopback(addr))
        return LA_NET_CLASS_LOOPBACK;
    if (la_addr_is_multicast(addr))
        return LA_NET_CLASS_MULTICAST;
    if (!la_addr_is_v4(addr))
        return LA_NET_CLASS_UNICAST;
    if (la_addr_is_broadcast(addr) || is_directed_broadcast(net, addr))
        return LA_NET_CLASS_BROADCAST;
    uint8_t first = la_addr_v4_bytes(addr)[0];
    return first == 0 || first >= 240 ? LA_NET_CLASS_INVALID : LA_NET_CLASS_UNICAST;
}

bool
la_net_joined(const struct la_net *net, const struct la_addr *addr)
{
    static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
    static const uint8_t solicited_node[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};
    if (la_addr_is_v4(addr)) /* 224.0.0.1 (RFC 1122 3.3.7) */
        return la_get32(la_addr_v4_bytes(addr)) == UINT32_C(0xe0000001);
    if (memcmp(addr->b, all_nodes, sizeof all_nodes) == 0)
        return true;
    if (memcmp(addr->b, solicited_node, sizeof solicited_node) != 0)
        return false;
    for (unsigned i = 0; i < net->addr_n; i++) {
        const struct la_addr *own = &net->addr[i].addr;
        if (!la_addr_is_v4(own) && memcmp(own->b + 13, addr->b + 13, 3) == 0)
            return true;
    }
    return false;
}

bool
la_net_is_local(const struct la_net *net, int iface, const struct la_addr *addr)
{
    enum la_net_class class = la_net_classify(net, addr);
    if (class == LA_NET_CLASS_OWN)
        return true;
    if (iface == LA_NET_IFACE_LOCAL)
        return class == LA_NET_CLASS_LOOPBACK;
    const struct la_iface_cfg *cfg = la_net_iface(net, iface);
    return cfg && cfg->any_address && class == LA_NET_CLASS_UNICAST;
}

bool
la_net_is_unicast(const struct la_net *net, const struct la_addr *addr)
{
    enum la_net_class class = la_net_classify(net, addr);
    return class == LA_NET_CLASS_OWN || class == LA_NET_CLASS_LOOPBACK ||
           class == LA_NET_CLASS_UNICAST;
}

/* ---- where it goes ---------------------------------------------------------------------- */

/* RFC 4291 2.7, RFC 6724 3.1 and 3.2. */
static unsigned
scope_of(const struct la_addr *addr)
{
    if (!la_addr_is_v4(addr) && la_addr_is_multicast(addr))
        return addr->b[1] & 0x0f;
    return la_addr_is_link_local(addr) ? SCOPE_LINK : SCOPE_GLOBAL;
}

/* RFC 6724 2.2: how many bits of the prefix of `own` are the destination's, too. IPv4: all or none,
 * so that an address of the gateway's prefix is not preferred by chance. */
static unsigned
common_bits(const struct la_net_addr *own, const struct la_addr *dst)
{
    unsigned n = own->prefix_len;
    if (la_addr_is_v4(dst))
        return la_addr_in_prefix(dst, &own->addr, n) ? 1 + n : 0;
    while (!la_addr_in_prefix(dst, &own->addr, n))
        n--;
    return n;
}

/* RFC 6724 2.1, the default policy table: addresses of a kind talk to each other. */
static unsigned
label_of(const struct la_addr *addr)
{
    static const struct {
        struct la_addr prefix;
        uint8_t len, label;
    } table[] = {
        {{{0x20, 0x02}}, 16, 2}, /* 6to4 */
        {{{0x20, 0x01}}, 32, 5}, /* Teredo */
        {{{0xfc}}, 7, 13},       /* unique local */
    };
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (la_addr_in_prefix(addr, &table[i].prefix, table[i].len))
            return table[i].label;
    }
    return 1;
}

/* How well our address suits a destination; 0 = not at all. RFC 6724 5, rules 2 (a scope that
 * reaches it, and no wider than needed), 5, 6 and 8. */
static unsigned
source_score(const struct la_net_addr *own, int iface, const struct la_addr *dst)
{
    if (own->iface != iface || !same_family(&own->addr, dst))
        return 0;
    unsigned scope = scope_of(&own->addr);
    unsigned reach = scope >= scope_of(dst) ? 2 * SCOPE_GLOBAL + 1 - scope : scope;
    unsigned alike = label_of(&own->addr) == label_of(dst);
    return reach << 9 | alike << 8 | common_bits(own, dst);
}

struct la_addr
la_net_source(const struct la_net *net, int iface, const struct la_addr *dst)
{
    struct la_addr best = {{0}};
    unsigned best_score = 0;
    if (la_addr_is_v4(dst))
        best = la_addr_v4(0, 0, 0, 0);
    for (unsigned i = 0; i < net->addr_n; i++) {
        unsigned score = source_score(&net->addr[i], iface, dst);
        if (score > best_score) {
            best_score = score;
            best = net->addr[i].addr;
        }
    }
    return best;
}

static const struct la_net_route_entry *
longest_prefix(const struct la_net *net, const struct la_addr *dst)
{
    const struct la_net_route_entry *best = NULL;
    for (unsigned i = 0; i < net->route_n; i++) {
        const struct la_net_route_entry *r = &net->route[i];
        if (same_family(&r->prefix, dst) && la_addr_in_prefix(dst, &r->prefix, r->prefix_len) &&
            (!best || r->prefix_len > best->prefix_len))
            best = r;
    }
    return best;
}

/* Groups and the limited broadcast need no route: the first interface of the family does. */
static int
first_iface(const struct la_net *net, const struct la_addr *dst)
{
    for (unsigned i = 0; i < net->addr_n; i++) {
        if (same_family(&net->addr[i].addr, dst))
            return net->addr[i].iface;
    }
    return LA_NET_IFACE_LOCAL;
}

static void
route_fill(const struct la_net *net, struct la_net_dest *dest)
{
    const struct la_addr *dst = &dest->addr;
    struct la_net_route *route = &dest->route;
    *route = (struct la_net_route){LA_NET_IFACE_LOCAL, *dst, *dst, UINT16_MAX};
    dest->err = LA_OK;
    if (dest->class == LA_NET_CLASS_OWN)
        return;
    if (dest->class == LA_NET_CLASS_LOOPBACK) {
        if (la_addr_is_v4(dst))
            route->src = la_addr_v4(127, 0, 0, 1);
        return;
    }
    const struct la_net_route_entry *entry = longest_prefix(net, dst);
    if (entry) {
        route->iface = entry->iface;
        /* RFC 3927 2.6.2, RFC 4291 2.5.6: no router forwards what is link-local. */
        if (entry->has_gateway && !la_addr_is_link_local(dst))
            route->next_hop = entry->gateway;
    } else if (dest->class == LA_NET_CLASS_MULTICAST || dest->class == LA_NET_CLASS_BROADCAST) {
        route->iface = first_iface(net, dst);
    }
    if (dest->class == LA_NET_CLASS_ANY || dest->class == LA_NET_CLASS_INVALID)
        dest->err = LA_ERR_BAD_ARGUMENT;
    else if (route->iface == LA_NET_IFACE_LOCAL)
        dest->err = LA_ERR_NO_ROUTE;
    if (dest->err != LA_OK)
        return;
    route->src = la_net_source(net, route->iface, dst);
    route->mtu_bytes = net->port[route->iface].cfg.caps.mtu_bytes;
}

void
la_net_dest_fill(const struct la_net *net, struct la_net_dest *dest, const struct la_addr *addr)
{
    dest->addr = *addr;
    dest->class = (uint8_t)la_net_classify(net, addr);
    route_fill(net, dest);
}

la_err
la_net_route_lookup(struct la_net *net, const struct la_addr *dst, struct la_net_route *out)
{
    const struct la_net_dest *dest = la_net_dest(net, dst);
    if (dest->err == LA_OK)
        *out = dest->route;
    return dest->err;
}

uint32_t
la_net_route_mtu(struct la_net *net, const struct la_addr *dst)
{
    const struct la_net_dest *dest = la_net_dest(net, dst);
    return dest->err == LA_OK ? dest->route.mtu_bytes : 0;
}
