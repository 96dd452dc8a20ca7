/* SPDX-License-Identifier: MIT
 *
 * packet_info.c - where a datagram was sent to: IP_PKTINFO and IPV6_PKTINFO
 *
 * Read first: ip(7) on IP_PKTINFO; RFC 3542 section 6.
 *
 * A server on all addresses asks for it, to answer from the address that was asked. The stack has
 * one address per family, so what such a server says when it sends decides nothing and is not read.
 */
#include "host/packet_info.h"

#include "base/addr.h"
#include "host/messages.h"
#include "host/names.h"
#include "host/notify.h"
#include "host/options.h"
#include "host/supervisor.h"

#include <netinet/in.h>
#include <string.h>

enum { INTERFACE = 1 }; /* "lo": the only one that every host has */

union ancillary {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* A socket that is bound to no address is asked by the name that it would show to this peer. */
static struct la_endpoint
asked(const struct la_psock *ps, const struct la_endpoint *from)
{
    struct la_endpoint local;
    if (la_name_local(ps, &local) && !la_addr_is_any(&local.addr))
        return local;
    const struct la_aliases *aliases = &ps->run->aliases;
    local.addr = la_addr_is_v4(&from->addr) ? aliases->own4 : aliases->own6;
    return la_addr_is_loopback(&from->addr) ? la_name_inward(ps->run, &local) : local;
}

/* Appends one item, cut where the room ends: put_cmsg() of the kernel. */
static void
put(const struct la_syscall *call, const struct la_message *m, union ancillary *item, size_t data_n,
    size_t *used_n, int *flags)
{
    size_t left_n = m->control_n - *used_n;
    size_t n = CMSG_SPACE(data_n) < left_n ? CMSG_SPACE(data_n) : left_n;
    item->header.cmsg_len = CMSG_LEN(data_n);
    if (left_n < item->header.cmsg_len) {
        *flags |= MSG_CTRUNC;
        item->header.cmsg_len = left_n;
    }
    if (left_n >= sizeof(item->header) &&
        la_process_write(call->tid, m->control + *used_n, item->bytes, n) == 0)
        *used_n += n;
}

size_t
la_packet_info_put(const struct la_psock *ps, const struct la_syscall *call,
                   const struct la_message *m, const struct la_endpoint *from, int *flags)
{
    bool both = la_options_packet_info(&ps->options, AF_INET6) && ps->family == AF_INET6;
    bool v4 = la_options_packet_info(&ps->options, AF_INET) && la_addr_is_v4(&from->addr);
    if (!both && !v4)
        return 0;
    struct la_endpoint to = asked(ps, from);
    struct sockaddr_storage sa;
    size_t used_n = 0;
    if (both) {
        union ancillary item = {.header = {.cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO}};
        struct in6_pktinfo info = {.ipi6_ifindex = INTERFACE};
        (void)la_name_encode(AF_INET6, &to, &sa);
        memcpy(&info.ipi6_addr, &((struct sockaddr_in6 *)&sa)->sin6_addr, sizeof(info.ipi6_addr));
        memcpy(CMSG_DATA(&item.header), &info, sizeof(info));
        put(call, m, &item, sizeof(info), &used_n, flags);
    }
    if (v4) {
        union ancillary item = {.header = {.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO}};
        struct in_pktinfo info = {.ipi_ifindex = INTERFACE};
        (void)la_name_encode(AF_INET, &to, &sa);
        info.ipi_addr = info.ipi_spec_dst = ((struct sockaddr_in *)&sa)->sin_addr;
        memcpy(CMSG_DATA(&item.header), &info, sizeof(info));
        put(call, m, &item, sizeof(info), &used_n, flags);
    }
    return used_n;
}
