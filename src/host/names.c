/* SPDX-License-Identifier: MIT
 *
 * names.c - between socket addresses in the program's memory and endpoints of the stack
 *
 * Loopback. A loopback address never appears on a wire (RFC 1122 3.2.1.3), and a stack that is sent
 * to 127.0.0.1 answers itself. The program means the *host's* loopback, unless a socket inside is
 * bound to the port. So each loopback address of the host has an alias on the wire: 10.77.0.1
 * for 127.0.0.1, fd77::1 for ::1, others (127.0.0.53) as they come up. A socket that the program
 * binds to a loopback address is bound to the near stack's own. What the program is shown is what
 * it would see without us.
 */
#include "host/names.h"

#include "base/addr.h"
#include "host/supervisor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const struct la_addr loopback4 = {{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
static const struct la_addr loopback6 = {{[15] = 1}};

/* ---- forms --------------------------------------------------------------------------------- */

void
la_name_from_host(const struct sockaddr_storage *in, struct la_endpoint *out)
{
    if (in->ss_family == AF_INET) {
        const struct sockaddr_in *sin = (const struct sockaddr_in *)in;
        uint8_t b[4];
        memcpy(b, &sin->sin_addr, sizeof(b));
        out->addr = la_addr_v4(b[0], b[1], b[2], b[3]);
        out->port = ntohs(sin->sin_port);
    } else {
        const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)in;
        memcpy(out->addr.b, &sin6->sin6_addr, sizeof(out->addr.b));
        out->port = ntohs(sin6->sin6_port);
    }
}

socklen_t
la_name_encode(int family, const struct la_endpoint *endpoint, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (family == AF_INET) {
        struct sockaddr_in *sin = (struct sockaddr_in *)out;
        sin->sin_family = AF_INET;
        sin->sin_port = htons(endpoint->port);
        memcpy(&sin->sin_addr, endpoint->addr.b + 12, 4);
        return sizeof(*sin);
    }
    struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)out;
    sin6->sin6_family = AF_INET6;
    sin6->sin6_port = htons(endpoint->port);
    memcpy(&sin6->sin6_addr, endpoint->addr.b, 16);
    return sizeof(*sin6);
}

socklen_t
la_name_to_host(const struct la_endpoint *endpoint, struct sockaddr_storage *out)
{
    return la_name_encode(la_addr_is_v4(&endpoint->addr) ? AF_INET : AF_INET6, endpoint, out);
}

int
la_name_read(const struct la_syscall *call, uint64_t addr, uint64_t len, int family,
             struct la_name *out)
{
    struct sockaddr_storage sa = {0};
    *out = (struct la_name){0};
    if ((int32_t)len < 0 || len > sizeof(sa) || len < sizeof(sa.ss_family))
        return EINVAL;
    int error = la_process_read(call->tid, addr, &sa, len);
    if (error != 0)
        return error;
    if (sa.ss_family == AF_UNSPEC) {
        out->unspec = true;
        return 0;
    }
    /* The kernel's order: length, then family. 24: an IPv6 address without its scope (RFC 2133). */
    if (len < (family == AF_INET ? sizeof(struct sockaddr_in) : 24))
        return EINVAL;
    if (sa.ss_family != family)
        return EAFNOSUPPORT;
    la_name_from_host(&sa, &out->endpoint);
    return 0;
}

int
la_name_write(const struct la_syscall *call, uint64_t addr, uint64_t len_addr, int family,
              const struct la_endpoint *endpoint)
{
    if (addr == 0)
        return 0;
    struct sockaddr_storage sa;
    int32_t room_n, true_n = (int32_t)la_name_encode(family, endpoint, &sa);
    int error = la_process_read(call->tid, len_addr, &room_n, sizeof(room_n));
    if (error != 0)
        return error;
    if (room_n < 0)
        return EINVAL;
    size_t n = (size_t)(room_n < true_n ? room_n : true_n);
    error = la_process_write(call->tid, addr, &sa, n);
    return error != 0 ? error : la_process_write(call->tid, len_addr, &true_n, sizeof(true_n));
}

/* ---- loopback ------------------------------------------------------------------------------ */

void
la_aliases_init(struct la_aliases *aliases, bool on_device)
{
    *aliases =
        (struct la_aliases){.own4 = la_addr_v4(10, 77, 0, 2), .far4 = la_addr_v4(10, 77, 0, 1)};
    static const struct la_addr own6 = {{0xfd, 0x77, [15] = 2}}, far6 = {{0xfd, 0x77, [15] = 1}};
    aliases->own6 = own6;
    aliases->far6 = far6;
    aliases->host4[1] = loopback4;
    if (on_device) {
        aliases->own4 = aliases->far4 = loopback4;
        aliases->own6 = aliases->far6 = loopback6;
    }
}

static bool
is_own(const struct la_aliases *aliases, const struct la_addr *addr)
{
    return la_addr_equal(addr, &aliases->own4) || la_addr_equal(addr, &aliases->own6);
}

/* The last octet of the alias of an IPv4 loopback address, given out on first use. 0: there is
 * none left. */
static uint8_t
alias_of(struct la_aliases *aliases, const struct la_addr *addr)
{
    for (unsigned i = 1; i < LA_ALIASES_N; i++) {
        bool unused = la_addr_is_any(&aliases->host4[i]);
        if (i == aliases->own4.b[15] || (!unused && !la_addr_equal(&aliases->host4[i], addr)))
            continue;
        aliases->host4[i] = *addr;
        return (uint8_t)i;
    }
    return 0;
}

struct la_endpoint
la_name_outward(struct la_run *run, const struct la_endpoint *endpoint, bool datagram)
{
    struct la_aliases *aliases = &run->aliases;
    struct la_endpoint to = *endpoint;
    bool v4 = la_addr_is_v4(&to.addr);
    if (la_addr_is_any(&to.addr))
        to.addr = v4 ? loopback4 : loopback6;
    if (!la_addr_is_loopback(&to.addr))
        return to;
    if (la_ports_is_inside(run, datagram, &to)) {
        to.addr = v4 ? aliases->own4 : aliases->own6;
    } else if (v4) {
        struct la_addr real = to.addr;
        to.addr = aliases->far4;
        to.addr.b[15] = alias_of(aliases, &real);
    } else {
        to.addr = aliases->far6;
    }
    return to;
}

struct la_endpoint
la_name_inward(const struct la_run *run, const struct la_endpoint *endpoint)
{
    const struct la_aliases *aliases = &run->aliases;
    struct la_endpoint from = *endpoint;
    if (is_own(aliases, &from.addr)) {
        from.addr = la_addr_is_v4(&from.addr) ? loopback4 : loopback6;
    } else if (la_addr_equal(&from.addr, &aliases->far6)) {
        from.addr = loopback6;
    } else if (la_addr_in_prefix(&from.addr, &aliases->far4, 24)) {
        uint8_t last = from.addr.b[15];
        if (last < LA_ALIASES_N && !la_addr_is_any(&aliases->host4[last]))
            from.addr = aliases->host4[last];
    }
    return from;
}

struct la_endpoint
la_name_of_client(struct la_run *run, const struct la_endpoint *client)
{
    struct la_aliases *aliases = &run->aliases;
    struct la_endpoint from = *client;
    bool v4 = la_addr_is_v4(&from.addr);
    uint8_t last = 0;
    if (v4 && la_addr_is_loopback(&from.addr)) {
        last = alias_of(aliases, &client->addr);
        from.addr = aliases->far4;
    } else if (la_addr_in_prefix(&from.addr, v4 ? &aliases->far4 : &aliases->far6, v4 ? 24 : 64) ||
               la_addr_is_loopback(&from.addr)) {
        from.addr = v4 ? aliases->far4 : aliases->far6;
    }
    if (last != 0)
        from.addr.b[15] = last;
    return from;
}

/* ---- what the program is shown ------------------------------------------------------------- */

bool
la_name_peer(const struct la_psock *ps, struct la_endpoint *out)
{
    if (ps->sock == 0 || la_sock_peer(ps->run->socks, ps->sock, out) != LA_OK)
        return false;
    *out = la_name_inward(ps->run, out);
    return true;
}

bool
la_name_local(const struct la_psock *ps, struct la_endpoint *out)
{
    struct la_endpoint peer;
    if (ps->sock == 0 || la_sock_local(ps->run->socks, ps->sock, out) != LA_OK)
        return false;
    if (ps->local_shown)
        out->addr = ps->local_as;
    else if (la_name_peer(ps, &peer) && la_addr_is_loopback(&peer.addr))
        out->addr = la_addr_is_v4(&peer.addr) ? loopback4 : loopback6;
    return true;
}
