/* SPDX-License-Identifier: MIT
 *
 * udp_socket.c - UDP sockets: the table, ports, what the application asks for
 *
 * Read first: udp.h; RFC 1122 4.1; RFC 6056 3 (random ports).
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "base/assert.h"

enum {
    SOCKET_CHUNK_SHIFT = 5,
    DATAGRAM_CHUNK_SHIFT = 6,
    PORT_MIN = 49152,
    PORT_MAX = 65535,
    TTL_GROUP = 1 /* RFC 1112 6.1 */
};

void
la_udp_init(struct la_net *net, const struct la_net_cfg *cfg)
{
    struct la_net_udp *udp = &net->udp;
    la_pool_init(&udp->sockets, net->mem, sizeof(struct la_udp_socket), SOCKET_CHUNK_SHIFT,
                 LA_UDP_SOCKETS_MAX);
    la_pool_init(&udp->datagrams, net->mem, sizeof(struct la_udp_datagram), DATAGRAM_CHUNK_SHIFT,
                 LA_UDP_SOCKETS_MAX * LA_UDP_QUEUE_N_MAX);
    for (unsigned i = 0; i < NET_UDP_BUCKETS; i++)
        udp->bucket[i] = LA_POOL_NONE;
    udp->any_port_idx = LA_POOL_NONE;
    udp->ready_first = LA_POOL_NONE;
    udp->ready_last = LA_POOL_NONE;
    udp->port_min = cfg->port_ephemeral_min ? cfg->port_ephemeral_min : PORT_MIN;
    udp->port_max = cfg->port_ephemeral_max ? cfg->port_ephemeral_max : PORT_MAX;
    la_rng_init(&udp->rng, &cfg->seed, "udp port");
}

static struct la_udp_socket *
socket_at(const struct la_net *net, uint32_t idx)
{
    return la_pool_at(&net->udp.sockets, idx);
}

void
la_udp_fini(struct la_net *net)
{
    for (uint32_t idx = 0; idx < net->udp.sockets.items_n; idx++) {
        struct la_udp_socket *socket = socket_at(net, idx);
        while (socket->live && socket->queue_n > 0)
            la_udp_datagram_free(net, socket);
    }
    la_pool_fini(&net->udp.datagrams);
    la_pool_fini(&net->udp.sockets);
}

/* ---- handles ---------------------------------------------------------------------------- */

static la_handle
handle_of(const struct la_net *net, uint32_t idx)
{
    return (la_handle)socket_at(net, idx)->generation << 32 | (idx + 1u);
}

struct la_udp_socket *
la_udp_socket(const struct la_net *net, la_handle udp)
{
    uint32_t idx = (uint32_t)udp - 1u;
    if (udp == 0 || idx >= net->udp.sockets.items_n)
        return NULL;
    struct la_udp_socket *socket = socket_at(net, idx);
    return socket->live && socket->generation == (uint32_t)(udp >> 32) ? socket : NULL;
}

static uint32_t
index_of(la_handle udp)
{
    return (uint32_t)udp - 1u;
}

/* ---- ready list ------------------------------------------------------------------------- */

void
la_udp_ready(struct la_net *net, uint32_t idx)
{
    struct la_net_udp *udp = &net->udp;
    struct la_udp_socket *socket = socket_at(net, idx);
    if (socket->ready_listed)
        return;
    socket->ready_listed = true;
    socket->ready_next = LA_POOL_NONE;
    socket->ready_prev = udp->ready_last;
    if (udp->ready_last == LA_POOL_NONE)
        udp->ready_first = idx;
    else
        socket_at(net, udp->ready_last)->ready_next = idx;
    udp->ready_last = idx;
}

static void
ready_remove(struct la_net *net, struct la_udp_socket *socket)
{
    struct la_net_udp *udp = &net->udp;
    if (!socket->ready_listed)
        return;
    socket->ready_listed = false;
    if (socket->ready_prev == LA_POOL_NONE)
        udp->ready_first = socket->ready_next;
    else
        socket_at(net, socket->ready_prev)->ready_next = socket->ready_next;
    if (socket->ready_next == LA_POOL_NONE)
        udp->ready_last = socket->ready_prev;
    else
        socket_at(net, socket->ready_next)->ready_prev = socket->ready_prev;
}

bool
la_net_udp_next_ready(struct la_net *net, la_handle *out, uint64_t *user)
{
    uint32_t idx = net->udp.ready_first;
    if (idx == LA_POOL_NONE)
        return false;
    struct la_udp_socket *socket = socket_at(net, idx);
    ready_remove(net, socket);
    *out = handle_of(net, idx);
    *user = socket->user;
    return true;
}

bool
la_net_udp_has_ready(const struct la_net *net)
{
    return net->udp.ready_first != LA_POOL_NONE;
}

/* ---- ports ------------------------------------------------------------------------------ */

/* "::", which stands for both families; 0.0.0.0 stands for IPv4 alone. */
static bool
is_any_family(const struct la_addr *addr)
{
    return la_addr_is_any(addr) && !la_addr_is_v4(addr);
}

/* Could a datagram to `dst` be for a socket bound to `bound`? */
static bool
addr_takes(const struct la_addr *bound, const struct la_addr *dst)
{
    if (is_any_family(bound))
        return true;
    if (la_addr_is_any(bound))
        return la_addr_is_v4(dst);
    return la_addr_equal(bound, dst);
}

/* Sockets on one port may differ in address: the more exact one is preferred. */
static bool
port_is_bound(const struct la_net *net, const struct la_addr *addr, uint16_t port)
{
    for (uint32_t idx = net->udp.bucket[port % NET_UDP_BUCKETS]; idx != LA_POOL_NONE;) {
        const struct la_udp_socket *s = socket_at(net, idx);
        if (s->local.port == port && la_addr_equal(&s->local.addr, addr))
            return true;
        idx = s->next_idx;
    }
    return false;
}

/* Nobody's datagrams could be taken by a new socket there: what a port chosen here must be. */
static bool
port_is_free(const struct la_net *net, const struct la_addr *addr, uint16_t port)
{
    for (uint32_t idx = net->udp.bucket[port % NET_UDP_BUCKETS]; idx != LA_POOL_NONE;) {
        const struct la_udp_socket *s = socket_at(net, idx);
        if (s->local.port == port &&
            (addr_takes(&s->local.addr, addr) || addr_takes(addr, &s->local.addr)))
            return false;
        idx = s->next_idx;
    }
    return true;
}

/* RFC 6056 3.3.1: a random start, then one after the other. 0: none is free. */
static uint16_t
port_choose(struct la_net *net, const struct la_addr *addr)
{
    uint32_t n = (uint32_t)net->udp.port_max - net->udp.port_min + 1;
    uint32_t start = (uint32_t)la_rng_below(&net->udp.rng, n);
    for (uint32_t i = 0; i < n; i++) {
        uint16_t port = (uint16_t)(net->udp.port_min + (start + i) % n);
        if (port_is_free(net, addr, port))
            return port;
    }
    return 0;
}

static void
port_link(struct la_net *net, uint32_t idx)
{
    struct la_udp_socket *socket = socket_at(net, idx);
    if (socket->any_port) {
        net->udp.any_port_idx = idx;
        return;
    }
    uint32_t *bucket = &net->udp.bucket[socket->local.port % NET_UDP_BUCKETS];
    socket->next_idx = *bucket;
    *bucket = idx;
}

static void
port_unlink(struct la_net *net, uint32_t idx)
{
    struct la_udp_socket *socket = socket_at(net, idx);
    if (socket->any_port) {
        net->udp.any_port_idx = LA_POOL_NONE;
        return;
    }
    uint32_t *link = &net->udp.bucket[socket->local.port % NET_UDP_BUCKETS];
    while (*link != idx)
        link = &socket_at(net, *link)->next_idx;
    *link = socket->next_idx;
}

/* How well a socket fits; 0 = not at all. A connected one hears only its peer (RFC 1122 4.1.3.5
 * leaves the choice; this is BSD's). */
static unsigned
match_score(const struct la_udp_socket *s, const struct la_udp_from *from)
{
    if (s->local.port != from->local.port || !addr_takes(&s->local.addr, &from->local.addr))
        return 0;
    if (s->connected && !la_endpoint_equal(&s->remote, &from->remote))
        return 0;
    return 1u + (s->connected ? 4u : 0u) + (la_addr_is_any(&s->local.addr) ? 0u : 2u) +
           (is_any_family(&s->local.addr) ? 0u : 1u);
}

uint32_t
la_udp_match(const struct la_net *net, const struct la_udp_from *from)
{
    uint32_t best_idx = LA_POOL_NONE;
    unsigned best = 0;
    for (uint32_t idx = net->udp.bucket[from->local.port % NET_UDP_BUCKETS]; idx != LA_POOL_NONE;) {
        const struct la_udp_socket *s = socket_at(net, idx);
        unsigned score = match_score(s, from);
        if (score > best) {
            best = score;
            best_idx = idx;
        }
        idx = s->next_idx;
    }
    if (best_idx == LA_POOL_NONE && from->local.port != 0)
        return net->udp.any_port_idx;
    return best_idx;
}

/* ---- calls ------------------------------------------------------------------------------ */

/* An address that datagrams can be sent from: ours, or any on an any_address interface. */
static bool
addr_is_usable(const struct la_net *net, const struct la_addr *addr)
{
    if (la_addr_is_any(addr) || la_net_is_local(net, LA_NET_IFACE_LOCAL, addr))
        return true;
    for (int i = 0; i < net->port_n; i++) {
        if (la_net_is_local(net, i, addr))
            return true;
    }
    return false;
}

la_err
la_net_udp_open(struct la_net *net, const struct la_endpoint *local, bool any_port, la_handle *out)
{
    uint16_t port = local->port;
    if (any_port && (port != 0 || !la_addr_is_any(&local->addr)))
        return LA_ERR_BAD_ARGUMENT;
    if (!addr_is_usable(net, &local->addr))
        return LA_ERR_ADDRESS_NOT_AVAILABLE;
    if (any_port && net->udp.any_port_idx != LA_POOL_NONE)
        return LA_ERR_ADDRESS_IN_USE;
    if (port != 0 && port_is_bound(net, &local->addr, port))
        return LA_ERR_ADDRESS_IN_USE;
    if (port == 0 && !any_port && (port = port_choose(net, &local->addr)) == 0)
        return LA_ERR_ADDRESS_NOT_AVAILABLE;
    if (net->udp.sockets.live_n == LA_UDP_SOCKETS_MAX)
        return LA_ERR_LIMIT;
    uint32_t idx = la_pool_take(&net->udp.sockets);
    if (idx == LA_POOL_NONE)
        return LA_ERR_NO_MEMORY;
    struct la_udp_socket *socket = socket_at(net, idx);
    *socket = (struct la_udp_socket){
        .generation = socket->generation + 1,
        .local = {local->addr, port},
        .live = true,
        .any_port = any_port,
        .option = {[LA_UDP_TTL_HOPS] = NET_TTL_DEFAULT, [LA_UDP_GROUP_TTL_HOPS] = TTL_GROUP},
        .first_idx = LA_POOL_NONE,
        .last_idx = LA_POOL_NONE,
    };
    port_link(net, idx);
    *out = handle_of(net, idx);
    return LA_OK;
}

la_err
la_net_udp_connect(struct la_net *net, la_handle udp, const struct la_endpoint *remote)
{
    struct la_udp_socket *socket = la_udp_socket(net, udp);
    if (!socket)
        return LA_ERR_BAD_HANDLE;
    if (!remote) {
        socket->connected = false;
        socket->remote = (struct la_endpoint){{{0}}, 0};
        return LA_OK;
    }
    if (socket->any_port || remote->port == 0)
        return LA_ERR_BAD_ARGUMENT;
    if (!is_any_family(&socket->local.addr) &&
        la_addr_is_v4(&socket->local.addr) != la_addr_is_v4(&remote->addr))
        return LA_ERR_BAD_FAMILY;
    struct la_net_route route;
    la_err err = la_net_route_lookup(net, &remote->addr, &route);
    if (err != LA_OK)
        return err;
    if (la_addr_is_any(&socket->local.addr) && !la_addr_is_any(&route.src))
        socket->local.addr = route.src;
    socket->remote = *remote;
    socket->connected = true;
    socket->err = LA_OK;
    return LA_OK;
}

la_err
la_net_udp_option_set(struct la_net *net, la_handle udp, enum la_udp_option opt, int64_t value)
{
    struct la_udp_socket *socket = la_udp_socket(net, udp);
    if (!socket)
        return LA_ERR_BAD_HANDLE;
    if ((unsigned)opt >= LA_UDP_OPTION_COUNT)
        return LA_ERR_NO_SUCH_OPTION;
    if (value < (opt == LA_UDP_DSCP_ECN ? 0 : 1) || value > UINT8_MAX)
        return LA_ERR_BAD_ARGUMENT;
    socket->option[opt] = (uint8_t)value;
    return LA_OK;
}

la_err
la_net_udp_local(const struct la_net *net, la_handle udp, struct la_endpoint *out)
{
    const struct la_udp_socket *socket = la_udp_socket(net, udp);
    if (!socket)
        return LA_ERR_BAD_HANDLE;
    *out = socket->local;
    return LA_OK;
}

la_err
la_net_udp_remote(const struct la_net *net, la_handle udp, struct la_endpoint *out)
{
    const struct la_udp_socket *socket = la_udp_socket(net, udp);
    if (!socket)
        return LA_ERR_BAD_HANDLE;
    *out = socket->remote;
    return socket->connected ? LA_OK : LA_ERR_NOT_CONNECTED;
}

la_err
la_net_udp_user_set(struct la_net *net, la_handle udp, uint64_t user)
{
    struct la_udp_socket *socket = la_udp_socket(net, udp);
    if (!socket)
        return LA_ERR_BAD_HANDLE;
    socket->user = user;
    return LA_OK;
}

bool
la_net_udp_next(const struct la_net *net, uint32_t *cursor, la_handle *out)
{
    const struct la_pool *sockets = &net->udp.sockets;
    *out = 0;
    for (unsigned n = 0; n < LA_WALK_N_MAX && *cursor < sockets->items_n && *out == 0; n++) {
        uint32_t idx = (*cursor)++;
        if (socket_at(net, idx)->live)
            *out = handle_of(net, idx);
    }
    return *out != 0 || *cursor < sockets->items_n;
}

la_err
la_net_udp_status(const struct la_net *net, la_handle udp, struct la_udp_status *out)
{
    const struct la_udp_socket *socket = la_udp_socket(net, udp);
    if (!socket)
        return LA_ERR_BAD_HANDLE;
    *out = (struct la_udp_status){
        .local = socket->local,
        .remote = socket->remote,
        .connected = socket->connected,
        .any_port = socket->any_port,
        .receive_queue_n = socket->queue_n,
        .receive_queue_bytes = socket->queue_bytes,
        .user = socket->user,
    };
    return LA_OK;
}

la_err
la_net_udp_close(struct la_net *net, la_handle udp)
{
    struct la_udp_socket *socket = la_udp_socket(net, udp);
    if (!socket)
        return LA_ERR_BAD_HANDLE;
    while (socket->queue_n > 0)
        la_udp_datagram_free(net, socket);
    ready_remove(net, socket);
    port_unlink(net, index_of(udp));
    socket->live = false;
    la_pool_give(&net->udp.sockets, index_of(udp));
    return LA_OK;
}

bool
la_net_udp_readable(const struct la_net *net, la_handle udp)
{
    const struct la_udp_socket *socket = la_udp_socket(net, udp);
    return socket && (socket->queue_n > 0 || socket->err != LA_OK);
}
