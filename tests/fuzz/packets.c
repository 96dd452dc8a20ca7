/* SPDX-License-Identifier: MIT
 *
 * packets.c - packets of a scripted peer: anything may be wrong with them but their checksums
 */
#include "packets.h"

#include "base/bytes.h"
#include "base/checksum.h"

#include <string.h>

enum { ICMP4 = 1, ICMP6 = 58, TCP = 6, IP4_BYTES = 20, IP6_BYTES = 40 };

static const uint8_t host4[4] = {10, 0, 0, 1}, peer4[4] = {10, 0, 0, 2};
static const uint8_t host6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
static const uint8_t peer6[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};

uint8_t
packet_octet(uint32_t seq)
{
    return (uint8_t)((seq * UINT32_C(2654435761)) >> 24);
}

/* The checksum over pseudo-header and payload; the field in it is 0. */
static uint16_t
checksum(const struct packet_ip *ip, uint8_t protocol, const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    if (ip->v6) {
        sum += (uint32_t)la_sum_portable(host6, 16) + la_sum_portable(peer6, 16);
        sum += protocol + (uint32_t)n;
    } else if (protocol != ICMP4) {
        sum += (uint32_t)la_sum_portable(host4, 4) + la_sum_portable(peer4, 4);
        sum += protocol + (uint32_t)n;
    }
    return (uint16_t)~la_sum_fold(sum + la_sum_portable(p, n));
}

size_t
packet_tcp(const struct packet_ip *ip, const struct packet_tcp *tcp, uint8_t *out)
{
    size_t header_n = 20 + tcp->options_n;
    uint32_t seq = tcp->seq + ((tcp->flags & 2) != 0);
    memset(out, 0, header_n);
    la_put16(out, tcp->src_port);
    la_put16(out + 2, tcp->dst_port);
    la_put32(out + 4, tcp->seq);
    la_put32(out + 8, tcp->ack);
    out[12] = (uint8_t)(tcp->offset_wrong != 0 ? (unsigned)tcp->offset_wrong << 4 : header_n << 2);
    out[12] |= tcp->reserved & 0x0f;
    out[13] = tcp->flags;
    la_put16(out + 14, tcp->wnd);
    la_put16(out + 18, tcp->up);
    memcpy(out + 20, tcp->options, tcp->options_n);
    for (size_t i = 0; i < tcp->text_n; i++)
        out[header_n + i] = packet_octet(seq + (uint32_t)i);
    la_put16(out + 16, checksum(ip, TCP, out, header_n + tcp->text_n));
    return header_n + tcp->text_n;
}

size_t
packet_icmp(const struct packet_ip *ip, uint8_t type, uint8_t code, const uint8_t *rest,
            size_t rest_n, uint8_t *out)
{
    out[0] = type;
    out[1] = code;
    la_put16(out + 2, 0);
    memcpy(out + 4, rest, rest_n);
    la_put16(out + 2, checksum(ip, ip->v6 ? ICMP6 : ICMP4, out, 4 + rest_n));
    return 4 + rest_n;
}

static size_t
put_ip4(const struct packet_ip *ip, uint8_t protocol, size_t n, uint8_t *out)
{
    size_t header_n = IP4_BYTES + ip->extra_n;
    memset(out, 0, IP4_BYTES);
    out[0] = (uint8_t)(0x40 | header_n / 4);
    out[1] = ip->tos;
    la_put16(out + 2, (uint16_t)(header_n + n));
    la_put16(out + 6, ip->fragment);
    out[8] = ip->ttl;
    out[9] = protocol;
    memcpy(out + 12, ip->from_host ? host4 : peer4, 4);
    memcpy(out + 16, ip->from_host ? peer4 : host4, 4);
    memcpy(out + IP4_BYTES, ip->extra, ip->extra_n);
    la_put16(out + 10, (uint16_t)~la_sum_portable(out, header_n));
    return header_n;
}

static size_t
put_ip6(const struct packet_ip *ip, uint8_t protocol, size_t n, uint8_t *out)
{
    la_put32(out, UINT32_C(0x60000000) | (uint32_t)ip->tos << 20);
    la_put16(out + 4, (uint16_t)(ip->extra_n + n));
    out[6] = ip->extra_n > 0 ? ip->first_header : protocol;
    out[7] = ip->ttl;
    memcpy(out + 8, ip->from_host ? host6 : peer6, 16);
    memcpy(out + 24, ip->from_host ? peer6 : host6, 16);
    memcpy(out + IP6_BYTES, ip->extra, ip->extra_n);
    return IP6_BYTES + ip->extra_n;
}

size_t
packet_ip(const struct packet_ip *ip, uint8_t protocol, const uint8_t *payload, size_t n,
          uint8_t *out)
{
    if (protocol == ICMP4 && ip->v6)
        protocol = ICMP6;
    size_t header_n = ip->v6 ? put_ip6(ip, protocol, n, out) : put_ip4(ip, protocol, n, out);
    memcpy(out + header_n, payload, n);
    return header_n + n;
}
