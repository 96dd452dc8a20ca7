/* SPDX-License-Identifier: MIT
 *
 * mtu.c - what path MTU discovery tells a connection
 *
 * Read first: RFC 1191 3, 5, 6.4, 7; RFC 8201 4; RFC 5927 4.1, 7.2. Our segments carry DF: without
 * this, a path with a smaller MTU is a hole into which every full segment falls.
 */
#include "tcp/mtu.h"

enum { IPV4_HEADER_BYTES = 20, IPV6_HEADER_BYTES = 40, TCP_HEADER_BYTES = 20 };
/* A forged message may not make segments absurdly small; RFC 8201 4: IPv6 never goes below 1280. */
enum { MTU_LEAST_V4 = 552, MTU_LEAST_V6 = 1280 };

/* RFC 1191 7.1: a router that does not say. The next plateau below what was too much. */
static uint32_t
guess(uint32_t packet_bytes)
{
    static const uint16_t plateaus[] = {65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006};
    for (size_t i = 0; i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
        if (plateaus[i] < packet_bytes)
            return plateaus[i];
    return MTU_LEAST_V4;
}

void
la_tcp_too_big(struct la_tcp_conn *c, la_seq seq, uint32_t mtu_bytes, bool ipv6,
               struct la_tcp_todo *todo)
{
    if (!la_tcp_is_synchronised(c) || la_seq_lt(seq, c->snd_una) || la_seq_ge(seq, c->snd_nxt)) {
        todo->reason = LA_REASON_ICMP_UNMATCHED;
        return;
    }
    uint32_t headers_bytes = TCP_HEADER_BYTES;
    headers_bytes += ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
    headers_bytes += (c->flags & LA_TCP_F_TIMESTAMPS) != 0 ? LA_TCP_TIMESTAMPS_BYTES : 0;
    if (mtu_bytes == 0)
        mtu_bytes = guess(c->smss + headers_bytes);
    uint32_t least = ipv6 ? MTU_LEAST_V6 : MTU_LEAST_V4;
    if (mtu_bytes < least)
        mtu_bytes = least;
    if (mtu_bytes - headers_bytes >= c->smss) {
        todo->reason = LA_REASON_ICMP_IGNORED;
        return;
    }
    c->smss = (uint16_t)(mtu_bytes - headers_bytes);
}
