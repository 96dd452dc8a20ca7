/* SPDX-License-Identifier: MIT
 *
 * udp.h - UDP sockets (RFC 768, RFC 1122 4.1)
 *
 * la_udp_* of lastack/stack.h, one level down; stack's functions only pass through. A datagram goes
 * to the best match: connected socket, then bound to the address, then bound to the port on any
 * address, then the any_port socket. A socket bound to :: takes both families, one bound to 0.0.0.0
 * only IPv4. Two sockets may share a port when their addresses differ.
 *
 * Receive queues are bounded by datagrams and by the octets that they keep in memory.
 */
#ifndef LA_NET_UDP_H
#define LA_NET_UDP_H

#include "net/net.h"

enum {
    LA_UDP_SOCKETS_MAX = 65536,
    LA_UDP_QUEUE_N_MAX = 256,
    LA_UDP_QUEUE_BYTES_MAX = 256 * 1024
};

/* ADDRESS_IN_USE, ADDRESS_NOT_AVAILABLE (address not ours, no free port), BAD_ARGUMENT, LIMIT or
 * NO_MEMORY. any_port: local.port must be 0 and local.addr any; one such socket per instance. */
la_err la_net_udp_open(struct la_net *net, const struct la_endpoint *local, bool any_port,
                       la_handle *out) LA_MUST_CHECK;
/* remote NULL: disconnect. A socket without an address gets the route's. NO_ROUTE, BAD_FAMILY,
 * BAD_ARGUMENT (port 0, any_port socket), BAD_HANDLE. */
la_err la_net_udp_connect(struct la_net *net, la_handle udp, const struct la_endpoint *remote);
/* local NULL or any: the socket's address, else the route's. remote NULL: where it is connected to.
 * Returns bytes.n; AGAIN (transmit queue full), MESSAGE_TOO_BIG, NO_ROUTE, NO_MEMORY,
 * NO_DESTINATION, ADDRESS_NOT_AVAILABLE, BAD_ARGUMENT, BAD_HANDLE; a pending ICMP error, once. */
la_ssize la_net_udp_send(struct la_net *net, la_handle udp, const struct la_endpoint *local,
                         const struct la_endpoint *remote, struct la_bytes bytes, la_instant now);
/* The next datagram, cut to room.n; *full_n its true length. full_n and from may be NULL. AGAIN,
 * BAD_HANDLE; a pending ICMP error, once. */
la_ssize la_net_udp_receive(struct la_net *net, la_handle udp, struct la_room room, size_t *full_n,
                            struct la_udp_from *from);
/* ICMP port unreachable to to->remote, about its datagram to to->local. */
la_err la_net_udp_refuse(struct la_net *net, la_handle udp, const struct la_udp_from *to,
                         la_instant now);
la_err la_net_udp_option_set(struct la_net *net, la_handle udp, enum la_udp_option opt,
                             int64_t value);
la_err la_net_udp_local(const struct la_net *net, la_handle udp, struct la_endpoint *out);
/* *out zeroed when not connected: NOT_CONNECTED. */
la_err la_net_udp_remote(const struct la_net *net, la_handle udp, struct la_endpoint *out);
/* 256 sockets at most are looked at in one call; see la_conn_next(). */
bool la_net_udp_next(const struct la_net *net, uint32_t *cursor, la_handle *out);
la_err la_net_udp_status(const struct la_net *net, la_handle udp, struct la_udp_status *out);
la_err la_net_udp_user_set(struct la_net *net, la_handle udp, uint64_t user);
la_err la_net_udp_close(struct la_net *net, la_handle udp);
/* Is there something to receive now (a datagram, or an error)? False also for a stale handle. */
bool la_net_udp_readable(const struct la_net *net, la_handle udp);
/* Sockets that became readable since they were last named here, in that order, each once. */
bool la_net_udp_next_ready(struct la_net *net, la_handle *out, uint64_t *user);
bool la_net_udp_has_ready(const struct la_net *net);

#endif
