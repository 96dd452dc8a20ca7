/* SPDX-License-Identifier: MIT
 *
 * names.c - bind, getsockname, getpeername
 */
#include "base/addr.h"
#include "sock/set.h"

enum { PORT_MIN = 32768, PORT_MAX = 60999 }; /* Linux's ip_local_port_range */

static bool
takes_family(const struct la_sk *sk, const struct la_addr *local, bool v4)
{
    static const struct la_addr any = {{0}};
    if (la_addr_equal(local, &any))
        return !v4 || sk->options[LA_SO_V6ONLY] == 0;
    return la_addr_is_v4(local) == v4;
}

/* Two addresses to bind to stand in each other's way when one connection could be for both: in a
 * family that both take, they are equal or one is "any". */
static bool
overlap(const struct la_sk *a, const struct la_addr *at_a, const struct la_sk *b,
        const struct la_addr *at_b)
{
    for (unsigned v4 = 0; v4 < 2; v4++) {
        if (takes_family(a, at_a, v4 == 1) && takes_family(b, at_b, v4 == 1) &&
            (la_addr_is_any(at_a) || la_addr_is_any(at_b) || la_addr_equal(at_a, at_b)))
            return true;
    }
    return false;
}

static bool
both(const struct la_sk *a, const struct la_sk *b, enum la_sock_option opt)
{
    return a->options[opt] != 0 && b->options[opt] != 0;
}

/* Linux's rule: both with SO_REUSEADDR share a port as long as neither listens; with SO_REUSEPORT
 * also then. */
static bool
port_taken(const struct la_socks *set, const struct la_sk *sk, const struct la_endpoint *local)
{
    for (uint32_t i = 0; i < set->pool.items_n; i++) {
        const struct la_sk *other = la_sk_at(set, i);
        if (!other->live || other == sk || !other->bound || other->type != sk->type ||
            other->local.port != local->port ||
            !overlap(other, &other->local.addr, sk, &local->addr))
            continue;
        bool shared = both(sk, other, LA_SO_REUSEPORT) ||
                      (both(sk, other, LA_SO_REUSEADDR) && other->phase != LA_SK_LISTENING);
        if (!shared)
            return true;
    }
    return false;
}

static la_err
choose_port(struct la_socks *set, const struct la_sk *sk, struct la_endpoint *local)
{
    uint32_t range = PORT_MAX - PORT_MIN + 1;
    uint32_t start = (uint32_t)la_rng_below(&set->port_rng, range);
    for (uint32_t i = 0; i < range; i++) {
        local->port = (uint16_t)(PORT_MIN + (start + i) % range);
        if (!port_taken(set, sk, local))
            return LA_OK;
    }
    return LA_ERR_ADDRESS_IN_USE;
}

/* ::, unless V6ONLY, takes both families; an IPv4 socket takes only IPv4 addresses. */
static bool
family_fits(const struct la_sk *sk, const struct la_addr *addr)
{
    bool v4 = la_addr_is_v4(addr);
    if (sk->family == LA_SOCK_IPV4)
        return v4;
    return !v4 || sk->options[LA_SO_V6ONLY] == 0;
}

la_err
la_sock_bind(struct la_socks *set, la_sock s, const struct la_endpoint *local)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    bool fresh = sk->phase == LA_SK_FRESH || (sk->phase == LA_SK_DATAGRAM && sk->handle == 0);
    if (sk->bound || !fresh)
        return LA_ERR_BAD_STATE;
    if (!family_fits(sk, &local->addr))
        return LA_ERR_BAD_FAMILY;
    if (!la_addr_is_any(&local->addr) && !la_stack_addr_is_local(set->stack, &local->addr))
        return LA_ERR_ADDRESS_NOT_AVAILABLE;
    struct la_endpoint at = *local;
    la_err err = LA_OK;
    if (at.port == 0)
        err = choose_port(set, sk, &at);
    else if (port_taken(set, sk, &at))
        err = LA_ERR_ADDRESS_IN_USE;
    if (err == LA_OK && sk->phase == LA_SK_DATAGRAM) {
        err = la_udp_open(set->stack, &at, false, &sk->handle);
        if (err == LA_OK)
            err = la_udp_user_set(set->stack, sk->handle, la_sk_name(sk));
        if (err == LA_OK)
            err = la_sk_datagram_options(set, sk);
    }
    if (err != LA_OK)
        return err;
    sk->local = at;
    sk->bound = true;
    return LA_OK;
}

la_err
la_sk_autobind(struct la_socks *set, struct la_sk *sk)
{
    if (sk->bound)
        return LA_OK;
    struct la_endpoint any = {sk->local.addr, 0};
    return la_sock_bind(set, la_sk_name(sk), &any);
}

la_err
la_sock_local(const struct la_socks *set, la_sock s, struct la_endpoint *out)
{
    const struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    *out = sk->local;
    struct la_conn_status status;
    if ((sk->phase == LA_SK_CONNECTED || sk->phase == LA_SK_CONNECTING) &&
        la_conn_status(set->stack, sk->handle, &status) == LA_OK)
        *out = status.local;
    if (sk->phase == LA_SK_DATAGRAM && sk->handle != 0)
        return la_udp_local(set->stack, sk->handle, out);
    return LA_OK;
}

la_err
la_sock_peer(const struct la_socks *set, la_sock s, struct la_endpoint *out)
{
    const struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    bool connected =
        sk->phase == LA_SK_CONNECTED || (sk->phase == LA_SK_DATAGRAM && sk->peer.port != 0);
    if (!connected)
        return LA_ERR_NOT_CONNECTED;
    *out = sk->peer;
    return LA_OK;
}
