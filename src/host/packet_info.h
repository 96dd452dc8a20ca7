/* SPDX-License-Identifier: MIT
 *
 * packet_info.h - where a datagram was sent to: IP_PKTINFO and IPV6_PKTINFO
 */
#ifndef LA_HOST_PACKET_INFO_H
#define LA_HOST_PACKET_INFO_H

#include "host/psock.h"

#include <sys/socket.h>

struct la_message;
struct la_syscall;

/* Writes what ps has asked for about a datagram from `from` into the room of a receive call.
 * Returns the length used; says MSG_CTRUNC in *flags when the room was too small, as the kernel
 * does. */
size_t la_packet_info_put(const struct la_psock *ps, const struct la_syscall *call,
                          const struct la_message *m, const struct la_endpoint *from, int *flags);

#endif
