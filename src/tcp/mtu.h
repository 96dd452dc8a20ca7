/* SPDX-License-Identifier: MIT
 *
 * mtu.h - what path MTU discovery tells a connection (RFC 1191, RFC 8201)
 */
#ifndef LA_TCP_MTU_H
#define LA_TCP_MTU_H

#include "tcp/conn.h"

/*
 * la_tcp_too_big - a router could not pass the segment at `seq`
 *
 *   mtu_bytes   what its next link takes, 0: it did not say
 *
 * Only about what is in flight (RFC 5927 4.1). Later segments are smaller; what was lost is sent
 * again by the retransmission timer. Otherwise todo->reason says why nothing was done.
 */
void la_tcp_too_big(struct la_tcp_conn *c, la_seq seq, uint32_t mtu_bytes, bool ipv6,
                    struct la_tcp_todo *todo);

#endif
