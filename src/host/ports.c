/* SPDX-License-Identifier: MIT
 *
 * ports.c - the ports that sockets inside are bound to (listening, for streams)
 *
 * A port may have several: one per family, or any number with SO_REUSEPORT.
 */
#include "host/ports.h"

#include "host/supervisor.h"

#include <sys/socket.h>

static uint64_t
key_of(bool datagram, uint16_t port)
{
    return (uint64_t)(datagram ? 1 : 0) << 16 | port;
}

void
la_ports_fini(struct la_ports *ports)
{
    la_map_fini(&ports->by_port);
}

void
la_ports_take(struct la_psock *ps, uint16_t port)
{
    struct la_map *map = &ps->run->ports.by_port;
    uint64_t key = key_of(ps->datagram, port);
    la_ports_give(ps);
    ps->port_next = la_map_get(map, key);
    if (!la_map_put(map, key, ps))
        return; /* no memory: it cannot be reached from inside */
    ps->port_inside = port;
    if (!ps->datagram)
        la_publish_update(ps->run, port);
}

void
la_ports_give(struct la_psock *ps)
{
    struct la_map *map = &ps->run->ports.by_port;
    uint16_t port = ps->port_inside;
    uint64_t key = key_of(ps->datagram, port);
    if (port == 0)
        return;
    ps->port_inside = 0;
    struct la_psock *i = la_map_get(map, key);
    if (i == ps && ps->port_next == NULL) {
        (void)la_map_take(map, key);
    } else if (i == ps) {
        (void)la_map_put(map, key, ps->port_next); /* replaces: needs no memory */
    } else {
        while (i->port_next != ps)
            i = i->port_next;
        i->port_next = ps->port_next;
    }
    ps->port_next = NULL;
    if (!ps->datagram)
        la_publish_update(ps->run, port);
}

/* :: takes both families unless IPV6_V6ONLY is set. */
static bool
takes(const struct la_psock *ps, const struct la_addr *to)
{
    static const struct la_addr any = {{0}};
    struct la_endpoint local;
    if (la_sock_local(ps->run->socks, ps->sock, &local) != LA_OK)
        return false;
    if (la_addr_equal(&local.addr, &any))
        return !la_addr_is_v4(to) || ps->options.stack[LA_SO_V6ONLY] == 0;
    return la_addr_is_v4(&local.addr) == la_addr_is_v4(to);
}

struct la_psock *
la_ports_get(const struct la_run *run, bool datagram, const struct la_endpoint *to)
{
    struct la_psock *ps = la_map_get(&run->ports.by_port, key_of(datagram, to->port));
    while (ps != NULL && !takes(ps, &to->addr))
        ps = ps->port_next;
    return ps;
}

bool
la_ports_is_inside(struct la_run *run, bool datagram, const struct la_endpoint *to)
{
    struct la_psock *ps;
    while ((ps = la_ports_get(run, datagram, to)) != NULL) {
        /* A datagram socket's last close shows when one is delivered. */
        if (datagram || la_private_is_listening(ps->acceptor.path_fd))
            return true;
        la_psock_retire(ps); /* it was closed without a word */
    }
    return false;
}
