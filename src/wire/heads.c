/* SPDX-License-Identifier: MIT
 *
 * heads.c - the headers of a segment, and whether another's repeat them
 *
 * Read first: RFC 791 3.1; RFC 8200 3 and 8.1; RFC 9293 3.1; RFC 1071 2.
 */
#include "wire/heads.h"

#include "wire/ethernet.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum {
    LINK_MAX = LA_ETH_HEADER_BYTES_MAX,
    TCP4 = LINK_MAX + LA_IP4_HEADER_BYTES,
    TCP6 = LINK_MAX + LA_IP6_HEADER_BYTES,
    LENGTH4_OFF = 2,
    LENGTH6_OFF = 4,
    ANY = 0xff
};

/* The bits that may differ, the IP header at LINK_MAX: length, identification and checksum of IPv4,
 * sequence number, PSH and checksum of TCP. */
static const uint8_t changing4[TCP4 + LA_TCP_HEADER_BYTES_MAX] = {
    [LINK_MAX + 2] = ANY,  [LINK_MAX + 3] = ANY,  [LINK_MAX + 4] = ANY,     [LINK_MAX + 5] = ANY,
    [LINK_MAX + 10] = ANY, [LINK_MAX + 11] = ANY, [TCP4 + 4] = ANY,         [TCP4 + 5] = ANY,
    [TCP4 + 6] = ANY,      [TCP4 + 7] = ANY,      [TCP4 + 13] = LA_TCP_PSH, [TCP4 + 16] = ANY,
    [TCP4 + 17] = ANY,
};
static const uint8_t changing6[TCP6 + LA_TCP_HEADER_BYTES_MAX] = {
    [LINK_MAX + 4] = ANY,     [LINK_MAX + 5] = ANY, [TCP6 + 4] = ANY,
    [TCP6 + 5] = ANY,         [TCP6 + 6] = ANY,     [TCP6 + 7] = ANY,
    [TCP6 + 13] = LA_TCP_PSH, [TCP6 + 16] = ANY,    [TCP6 + 17] = ANY,
};

static uint32_t
sum_of(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i += 4)
        sum += la_ip_sum4(p + i);
    return sum;
}

/* Addresses and protocol (RFC 9293 3.1 figures 2 and 3). */
static uint32_t
pseudo_sum(const uint8_t *ip, bool v4)
{
    return LA_IP_TCP + (v4 ? sum_of(ip + 12, 8) : sum_of(ip + 8, 32));
}

bool
la_heads_init(struct la_heads *heads, struct la_bytes bytes, uint8_t link_n, uint8_t ip_n)
{
    struct la_tcp_view tcp;
    uint32_t tcp_off = (uint32_t)link_n + ip_n;
    heads->p = NULL;
    if (link_n > LINK_MAX || bytes.n < tcp_off + LA_TCP_HEADER_BYTES)
        return false;
    const uint8_t *ip = bytes.p + link_n;
    bool v4 = ip[0] >> 4 == 4;
    if (ip_n != (v4 ? LA_IP4_HEADER_BYTES : LA_IP6_HEADER_BYTES) ||
        !la_tcp_view_init(&tcp, (struct la_bytes){bytes.p + tcp_off, bytes.n - tcp_off}))
        return false;
    uint16_t changing = la_sum_fold(la_tcp_changing_sum(tcp.p));
    *heads = (struct la_heads){
        .p = bytes.p,
        .changing = (v4 ? changing4 : changing6) + LINK_MAX - link_n,
        .n = (uint8_t)(tcp_off + tcp.header_bytes),
        .tcp_off = (uint8_t)tcp_off,
        .length_off = (uint8_t)(link_n + (v4 ? LENGTH4_OFF : LENGTH6_OFF)),
        .uncounted_n = (uint8_t)(v4 ? link_n : tcp_off),
        .v4 = v4,
        .ip_sum = (uint16_t)~la_sum_fold(la_heads_ip_sum(ip)),
        .tcp_sum =
            la_sum_fold(pseudo_sum(ip, v4) + sum_of(tcp.p, tcp.header_bytes) + (uint16_t)~changing),
    };
    return true;
}

bool
la_heads_same(const struct la_heads *heads, const uint8_t *p)
{
    return !la_differ_but(p, heads->p, heads->changing, heads->n);
}
