/* SPDX-License-Identifier: MIT
 *
 * udp.c - UDP datagrams, in and out
 *
 * Read first: RFC 768; RFC 1122 4.1; RFC 8200 8.1 (the checksum is not optional there).
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "base/assert.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/udp.h"

/* ---- in --------------------------------------------------------------------------------- */

static void
queue_push(struct la_net *net, uint32_t idx, struct la_frame *frame, const struct la_udp_from *from)
{
    struct la_udp_socket *socket = la_pool_at(&net->udp.sockets, idx);
    uint32_t pinned;
    frame = la_net_keep(frame, &pinned);
    if (socket->queue_n == LA_UDP_QUEUE_N_MAX ||
        pinned > LA_UDP_QUEUE_BYTES_MAX - socket->queue_bytes) {
        la_net_drop_frame(net, frame, LA_REASON_UDP_QUEUE_FULL);
        return;
    }
    uint32_t datagram_idx = la_pool_take(&net->udp.datagrams);
    if (datagram_idx == LA_POOL_NONE) {
        la_net_drop_frame(net, frame, LA_REASON_NO_MEMORY);
        return;
    }
    struct la_udp_datagram *datagram = la_pool_at(&net->udp.datagrams, datagram_idx);
    *datagram = (struct la_udp_datagram){LA_POOL_NONE, pinned, frame, *from};
    if (socket->queue_n == 0)
        socket->first_idx = datagram_idx;
    else
        ((struct la_udp_datagram *)la_pool_at(&net->udp.datagrams, socket->last_idx))->next_idx =
            datagram_idx;
    socket->last_idx = datagram_idx;
    socket->queue_n++;
    socket->queue_bytes += pinned;
    net->stats.udp_in++;
    la_udp_ready(net, idx);
}

void
la_udp_datagram_free(struct la_net *net, struct la_udp_socket *socket)
{
    LA_ASSERT(socket->queue_n > 0);
    uint32_t idx = socket->first_idx;
    struct la_udp_datagram *datagram = la_pool_at(&net->udp.datagrams, idx);
    socket->first_idx = datagram->next_idx;
    socket->queue_n--;
    socket->queue_bytes -= datagram->pinned_bytes;
    la_frame_free(datagram->frame);
    la_pool_give(&net->udp.datagrams, idx);
}

/* Length and checksum; the frame is cut to the datagram. */
static enum la_reason
datagram_judge(const struct la_net *net, const struct la_net_in *in, struct la_frame *frame,
               struct la_udp *udp)
{
    struct la_udp_view view;
    if (!la_udp_view_init(&view, la_net_peek(frame, LA_UDP_HEADER_BYTES)))
        return LA_REASON_UDP_MALFORMED;
    la_udp_judge(udp, &view);
    if (udp->len_bytes < LA_UDP_HEADER_BYTES || udp->len_bytes > la_frame_len(frame))
        return LA_REASON_UDP_MALFORMED;
    la_frame_trim(frame, udp->len_bytes);
    bool none = udp->checksum == 0 && frame->csum != LA_CSUM_PARTIAL;
    if (none && net->checksum_verify)
        return la_addr_is_v4(&in->src) ? LA_REASON_NONE : LA_REASON_UDP_CHECKSUM;
    if (!none && !la_net_l4_checksum_ok(net, in, frame))
        return LA_REASON_UDP_CHECKSUM;
    return LA_REASON_NONE;
}

enum la_net_verdict
la_udp_input(struct la_net *net, struct la_frame *take_frame, const struct la_net_in *in,
             la_instant now)
{
    struct la_udp udp;
    enum la_reason reason = datagram_judge(net, in, take_frame, &udp);
    if (reason != LA_REASON_NONE)
        return la_net_drop_frame(net, take_frame, reason);
    struct la_udp_from from = {{in->dst, udp.dst_port}, {in->src, udp.src_port}};
    uint32_t idx = la_udp_match(net, &from);
    if (idx == LA_POOL_NONE) {
        la_net_icmp_unreachable(net, in, la_net_peek(take_frame, NET_PEEK_BYTES),
                                LA_NET_ICMP_PORT_UNREACHABLE, now);
        return la_net_drop_frame(net, take_frame, LA_REASON_UDP_NO_PORT);
    }
    la_frame_pull(take_frame, LA_UDP_HEADER_BYTES);
    queue_push(net, idx, take_frame, &from);
    return LA_NET_TAKEN;
}

/* RFC 1122 4.1.3.3: errors are passed to the application; which they were, in its words. */
static la_err
icmp_err(const struct la_net_icmp *icmp)
{
    switch ((enum la_net_icmp_kind)icmp->kind) {
    case LA_NET_ICMP_NET_UNREACHABLE:
        return LA_ERR_NET_UNREACHABLE;
    case LA_NET_ICMP_HOST_UNREACHABLE:
    case LA_NET_ICMP_PROHIBITED:
    case LA_NET_ICMP_TIME_EXCEEDED:
        return LA_ERR_HOST_UNREACHABLE;
    case LA_NET_ICMP_PROTOCOL_UNREACHABLE:
    case LA_NET_ICMP_PARAMETER:
        return LA_ERR_PROTOCOL_UNREACHABLE;
    case LA_NET_ICMP_PORT_UNREACHABLE:
        return LA_ERR_PORT_UNREACHABLE;
    case LA_NET_ICMP_TOO_BIG:
        return LA_ERR_MESSAGE_TOO_BIG;
    case LA_NET_ICMP_SOURCE_QUENCH: /* RFC 6633 3: ignored */
    case LA_NET_ICMP_NONE:
        break;
    }
    return LA_OK;
}

void
la_udp_icmp(struct la_net *net, const struct la_net_icmp *icmp)
{
    struct la_udp_from from = {icmp->local, icmp->remote};
    uint32_t idx = la_udp_match(net, &from);
    struct la_udp_socket *socket = idx == LA_POOL_NONE ? NULL : la_pool_at(&net->udp.sockets, idx);
    la_err err = icmp_err(icmp);
    if (!socket || !socket->connected || err == LA_OK) {
        la_net_drop(net, socket && socket->connected ? LA_REASON_ICMP_IGNORED
                                                     : LA_REASON_ICMP_UNMATCHED);
        return;
    }
    socket->err = err;
    la_udp_ready(net, idx);
}

la_ssize
la_net_udp_receive(struct la_net *net, la_handle udp, struct la_room room, size_t *full_n,
                   struct la_udp_from *from)
{
    struct la_udp_socket *socket = la_udp_socket(net, udp);
    if (!socket)
        return LA_ERR_BAD_HANDLE;
    if (socket->err != LA_OK) {
        la_err err = socket->err;
        socket->err = LA_OK;
        return err;
    }
    if (socket->queue_n == 0)
        return LA_ERR_AGAIN;
    const struct la_udp_datagram *datagram = la_pool_at(&net->udp.datagrams, socket->first_idx);
    if (full_n)
        *full_n = la_frame_len(datagram->frame);
    if (from)
        *from = datagram->from;
    size_t n = room.n == 0 ? 0 : la_frame_copy_out(datagram->frame, 0, room.p, room.n);
    la_udp_datagram_free(net, socket);
    return (la_ssize)n;
}

/* ---- out -------------------------------------------------------------------------------- */

struct send_ends {
    struct la_endpoint local, remote;
};

/* Who sends to whom, by the arguments, the socket and the route. */
static la_err
ends_choose(struct la_net *net, const struct la_udp_socket *socket, struct send_ends *ends,
            struct la_net_route *route)
{
    const struct la_endpoint *remote = &ends->remote;
    if (remote->port == 0)
        return LA_ERR_BAD_ARGUMENT;
    if (!socket->any_port)
        ends->local.port = socket->local.port;
    else if (ends->local.port == 0)
        return LA_ERR_BAD_ARGUMENT;
    la_err err = la_net_route_lookup(net, &remote->addr, route);
    if (err != LA_OK)
        return err;
    if (la_addr_is_any(&ends->local.addr))
        ends->local.addr = socket->local.addr;
    if (la_addr_is_any(&ends->local.addr))
        ends->local.addr = route->src;
    if (la_addr_is_any(&ends->local.addr))
        return LA_ERR_ADDRESS_NOT_AVAILABLE;
    if (la_addr_is_v4(&ends->local.addr) != la_addr_is_v4(&remote->addr))
        return LA_ERR_BAD_FAMILY;
    bool ours = la_net_is_local(net, route->iface, &ends->local.addr);
    return ours ? LA_OK : LA_ERR_ADDRESS_NOT_AVAILABLE;
}

static la_err
datagram_send(struct la_net *net, const struct la_udp_socket *socket, const struct send_ends *ends,
              struct la_bytes bytes, la_instant now)
{
    struct la_frame *frame = la_frame_take(net->mem);
    if (!frame)
        return LA_ERR_NO_MEMORY;
    if (la_chain_append_bytes(&frame->payload, net->mem, bytes) < bytes.n) {
        la_frame_free(frame);
        return LA_ERR_NO_MEMORY;
    }
    struct la_udp udp = {
        .src_port = ends->local.port,
        .dst_port = ends->remote.port,
        .len_bytes = (uint16_t)(LA_UDP_HEADER_BYTES + bytes.n),
    };
    la_udp_emit(&udp,
                (struct la_room){la_frame_push(frame, LA_UDP_HEADER_BYTES), LA_UDP_HEADER_BYTES});
    bool group = la_addr_is_multicast(&ends->remote.addr);
    struct la_net_out out = {
        .src = ends->local.addr,
        .dst = ends->remote.addr,
        .protocol = LA_IP_UDP,
        .ttl_hops = socket->option[group ? LA_UDP_GROUP_TTL_HOPS : LA_UDP_TTL_HOPS],
        .dscp_ecn = socket->option[LA_UDP_DSCP_ECN],
    };
    la_err err = la_net_output(net, frame, &out, now);
    net->stats.udp_out += err == LA_OK;
    return err;
}

la_ssize
la_net_udp_send(struct la_net *net, la_handle udp, const struct la_endpoint *local,
                const struct la_endpoint *remote, struct la_bytes bytes, la_instant now)
{
    struct la_udp_socket *socket = la_udp_socket(net, udp);
    if (!socket)
        return LA_ERR_BAD_HANDLE;
    if (socket->err != LA_OK) {
        la_err pending = socket->err;
        socket->err = LA_OK;
        return pending;
    }
    if (!remote && !socket->connected)
        return LA_ERR_NO_DESTINATION;
    struct send_ends ends = {.remote = remote ? *remote : socket->remote};
    struct la_net_route route;
    if (local)
        ends.local = *local;
    la_err err = ends_choose(net, socket, &ends, &route);
    if (err != LA_OK)
        return err;
    size_t headers_n =
        LA_UDP_HEADER_BYTES + (la_addr_is_v4(&ends.remote.addr) ? (size_t)LA_IP4_HEADER_BYTES
                                                                : (size_t)LA_IP6_HEADER_BYTES);
    if (bytes.n > route.mtu_bytes || bytes.n + headers_n > route.mtu_bytes)
        return LA_ERR_MESSAGE_TOO_BIG;
    if (la_net_tx_room(net, route.iface) == 0)
        return LA_ERR_AGAIN;
    err = datagram_send(net, socket, &ends, bytes, now);
    return err == LA_OK ? (la_ssize)bytes.n : err;
}

la_err
la_net_udp_refuse(struct la_net *net, la_handle udp, const struct la_udp_from *to, la_instant now)
{
    if (!la_udp_socket(net, udp))
        return LA_ERR_BAD_HANDLE;
    struct la_net_in in = {
        .src = to->remote.addr,
        .dst = to->local.addr,
        .iface = LA_NET_IFACE_LOCAL,
        .protocol = LA_IP_UDP,
        .ttl_hops = NET_TTL_DEFAULT,
    };
    struct la_udp header = {to->remote.port, to->local.port, LA_UDP_HEADER_BYTES, 0};
    uint8_t quoted[LA_UDP_HEADER_BYTES];
    la_udp_emit(&header, (struct la_room){quoted, sizeof quoted});
    la_net_icmp_unreachable(net, &in, (struct la_bytes){quoted, sizeof quoted},
                            LA_NET_ICMP_PORT_UNREACHABLE, now);
    return LA_OK;
}
