/* SPDX-License-Identifier: MIT
 *
 * neighbour.c - who is on the link: the cache behind ARP and neighbour discovery
 *
 * Read first: RFC 1122 2.3.2; RFC 4861 5 and 7; RFC 826.
 *
 * One state machine for both protocols. An entry is made when a packet must be sent (INCOMPLETE:
 * solicited up to 3 times, 1 s apart, up to 3 packets wait) or when a neighbour asks for us
 * (STALE). It stays REACHABLE for neighbour_reachable_ms; the first use after that solicits while
 * packets still flow (PROBE). Nothing is solicited for entries that nobody uses.
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/time.h"

enum {
    SOLICITS_MAX = 3,            /* MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT */
    RETRANSMIT_US = 1000 * 1000, /* RETRANS_TIMER */
    CHUNK_SHIFT = 4
};

void
la_neigh_init(struct la_net *net)
{
    la_pool_init(&net->neighs, net->mem, sizeof(struct la_neigh), CHUNK_SHIFT,
                 LA_NET_NEIGHBOURS_MAX);
    for (unsigned i = 0; i < NET_NEIGHBOUR_BUCKETS; i++)
        net->neigh_bucket[i] = LA_POOL_NONE;
    net->neigh_at = LA_INSTANT_NEVER;
}

static struct la_neigh *
neigh_get(const struct la_net *net, uint32_t idx)
{
    return la_pool_at(&net->neighs, idx);
}

void
la_neigh_fini(struct la_net *net)
{
    for (unsigned i = 0; i < NET_NEIGHBOUR_BUCKETS; i++) {
        for (uint32_t idx = net->neigh_bucket[i]; idx != LA_POOL_NONE;
             idx = neigh_get(net, idx)->next_idx)
            la_frameq_clear(&neigh_get(net, idx)->waiting);
    }
    la_pool_fini(&net->neighs);
}

/* ---- the table -------------------------------------------------------------------------- */

static uint32_t *
bucket_of(struct la_net *net, int iface, const struct la_addr *addr)
{
    uint64_t a, b;
    memcpy(&a, addr->b, sizeof a);
    memcpy(&b, addr->b + 8, sizeof b);
    uint64_t hash = la_hash2(&net->key, a ^ (uint64_t)iface, b);
    return &net->neigh_bucket[hash % NET_NEIGHBOUR_BUCKETS];
}

static struct la_neigh *
neigh_find(struct la_net *net, int iface, const struct la_addr *addr)
{
    for (uint32_t idx = *bucket_of(net, iface, addr); idx != LA_POOL_NONE;) {
        struct la_neigh *n = neigh_get(net, idx);
        if (n->iface == iface && la_addr_equal(&n->addr, addr))
            return n;
        idx = n->next_idx;
    }
    return NULL;
}

/* Its waiting packets must be gone. */
static void
neigh_delete(struct la_net *net, struct la_neigh *n)
{
    LA_ASSERT(n->waiting.n == 0);
    uint32_t *link = bucket_of(net, n->iface, &n->addr);
    while (neigh_get(net, *link) != n)
        link = &neigh_get(net, *link)->next_idx;
    uint32_t idx = *link;
    *link = n->next_idx;
    n->state = 0;
    la_pool_give(&net->neighs, idx);
}

/* The packets learn that nobody answers (RFC 1122 2.3.2.2); the owner fetches them. */
static void
waiting_fail(struct la_net *net, struct la_neigh *n)
{
    for (struct la_frame *frame; (frame = la_frameq_pop(&n->waiting)) != NULL;) {
        la_net_drop(net, LA_REASON_NEIGHBOUR_UNREACHABLE);
        if (net->failed.n < LA_NET_NEIGHBOURS_MAX)
            la_frameq_push(&net->failed, frame);
        else
            la_frame_free(frame);
    }
}

/* The entry used longest ago; one that is being resolved only when there is no other. */
static void
neigh_evict(struct la_net *net)
{
    struct la_neigh *oldest = NULL;
    for (uint32_t idx = 0; idx < net->neighs.items_n; idx++) {
        struct la_neigh *n = neigh_get(net, idx);
        if (n->state == 0)
            continue;
        bool busy = n->state == LA_NEIGH_INCOMPLETE;
        bool oldest_busy = oldest && oldest->state == LA_NEIGH_INCOMPLETE;
        if (!oldest || (oldest_busy && !busy) ||
            (busy == oldest_busy && la_instant_lt(n->used_at, oldest->used_at)))
            oldest = n;
    }
    LA_ASSERT(oldest);
    waiting_fail(net, oldest);
    neigh_delete(net, oldest);
}

static struct la_neigh *
neigh_make(struct la_net *net, int iface, const struct la_addr *addr, la_instant now)
{
    uint32_t idx = la_pool_take(&net->neighs);
    if (idx == LA_POOL_NONE)
        return NULL;
    struct la_neigh *n = neigh_get(net, idx);
    uint32_t *bucket = bucket_of(net, iface, addr);
    *n = (struct la_neigh){
        .next_idx = *bucket,
        .addr = *addr,
        .iface = (int8_t)iface,
        .timer_at = LA_INSTANT_NEVER,
        .confirmed_at = now,
        .used_at = now,
    };
    *bucket = idx;
    return n;
}

/* ---- soliciting ------------------------------------------------------------------------- */

static void
solicit(struct la_net *net, struct la_neigh *n, la_instant now)
{
    /* RFC 1122 2.3.2.1 (2): a known neighbour is polled by unicast. */
    const uint8_t *mac = n->state == LA_NEIGH_PROBE ? n->mac : NULL;
    if (la_addr_is_v4(&n->addr))
        la_arp_solicit(net, n->iface, &n->addr, mac);
    else
        la_ndp_solicit(net, n->iface, &n->addr, mac);
    n->solicits_n++;
    n->timer_at = la_instant_add_us(now, RETRANSMIT_US);
    net->neigh_at = la_instant_min(net->neigh_at, n->timer_at);
}

static void
solicit_start(struct la_net *net, struct la_neigh *n, enum la_neigh_state state, la_instant now)
{
    n->state = (uint8_t)state;
    n->solicits_n = 0;
    solicit(net, n, now);
}

static void
emit_to(struct la_net *net, const struct la_neigh *n, struct la_frame *frame)
{
    la_net_emit(net, n->iface, n->mac, la_addr_is_v4(&n->addr) ? LA_ETH_IPV4 : LA_ETH_IPV6, frame);
}

/* RFC 1122 2.3.2.2: the latest packets are kept. */
static void
wait_for(struct la_net *net, struct la_neigh *n, struct la_frame *frame)
{
    if (n->waiting.n == LA_NET_NEIGHBOUR_QUEUE_MAX) {
        struct la_frame *oldest = la_frameq_pop(&n->waiting);
        la_net_drop_frame(net, oldest, LA_REASON_NEIGHBOUR_QUEUE_FULL);
    }
    la_frameq_push(&n->waiting, frame);
}

void
la_neigh_send(struct la_net *net, int iface, const struct la_addr *next_hop,
              struct la_frame *take_frame, la_instant now)
{
    struct la_neigh *n = neigh_find(net, iface, next_hop);
    if (!n) {
        if (net->neighs.live_n == LA_NET_NEIGHBOURS_MAX)
            neigh_evict(net);
        n = neigh_make(net, iface, next_hop, now);
        if (!n) {
            la_net_drop_frame(net, take_frame, LA_REASON_NO_MEMORY);
            return;
        }
        solicit_start(net, n, LA_NEIGH_INCOMPLETE, now);
    }
    n->used_at = now;
    if (n->state == LA_NEIGH_INCOMPLETE) {
        wait_for(net, n, take_frame);
        return;
    }
    bool old =
        n->state == LA_NEIGH_REACHABLE &&
        la_instant_lt(la_instant_add_us(n->confirmed_at, (int64_t)net->neigh_reachable_ms * 1000),
                      now);
    if (old || n->state == LA_NEIGH_STALE)
        solicit_start(net, n, LA_NEIGH_PROBE, now);
    emit_to(net, n, take_frame);
}

void
la_net_doubt(struct la_net *net, const struct la_addr *dst)
{
    struct la_net_route route;
    if (la_net_route_lookup(net, dst, &route) != LA_OK)
        return;
    struct la_neigh *n = neigh_find(net, route.iface, &route.next_hop);
    if (n != NULL && n->state == LA_NEIGH_REACHABLE)
        n->state = LA_NEIGH_STALE;
}

/* ---- hearing ---------------------------------------------------------------------------- */

void
la_neigh_update(struct la_net *net, const struct la_neigh_news *news, la_instant now)
{
    struct la_neigh *n = neigh_find(net, news->iface, &news->addr);
    if (!n && news->create && net->neighs.live_n < LA_NET_NEIGHBOURS_MAX) {
        n = neigh_make(net, news->iface, &news->addr, now);
        if (n) {
            n->state = LA_NEIGH_STALE;
            memcpy(n->mac, news->mac, sizeof n->mac);
        }
        return;
    }
    if (!n)
        return;
    bool first = n->state == LA_NEIGH_INCOMPLETE;
    bool differs = memcmp(n->mac, news->mac, sizeof n->mac) != 0;
    /* RFC 4861 7.2.5: without the override flag a known address is doubted, not replaced. */
    if (!first && differs && !news->override) {
        if (n->state == LA_NEIGH_REACHABLE)
            n->state = LA_NEIGH_STALE;
        return;
    }
    memcpy(n->mac, news->mac, sizeof n->mac);
    if (news->solicited) {
        n->state = LA_NEIGH_REACHABLE;
        n->confirmed_at = now;
        n->timer_at = LA_INSTANT_NEVER;
    } else if (first || differs) {
        n->state = LA_NEIGH_STALE;
        n->timer_at = LA_INSTANT_NEVER;
    }
    for (struct la_frame *frame; (frame = la_frameq_pop(&n->waiting)) != NULL;)
        emit_to(net, n, frame);
}

/* ---- time ------------------------------------------------------------------------------- */

static void
neigh_expire(struct la_net *net, struct la_neigh *n, la_instant now)
{
    if (n->solicits_n < SOLICITS_MAX) {
        solicit(net, n, now);
        return;
    }
    waiting_fail(net, n);
    neigh_delete(net, n);
}

void
la_neigh_run(struct la_net *net, la_instant now)
{
    if (la_instant_lt(now, net->neigh_at))
        return;
    net->neigh_at = LA_INSTANT_NEVER;
    for (uint32_t idx = 0; idx < net->neighs.items_n; idx++) {
        struct la_neigh *n = neigh_get(net, idx);
        if (n->state == 0)
            continue;
        if (la_instant_le(n->timer_at, now) && !la_instant_is_never(n->timer_at))
            neigh_expire(net, n, now);
        if (n->state != 0)
            net->neigh_at = la_instant_min(net->neigh_at, n->timer_at);
    }
}
