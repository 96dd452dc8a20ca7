/* SPDX-License-Identifier: MIT
 *
 * packets.h - packets of a scripted peer: anything may be wrong with them but their checksums
 *
 * Every octet of a segment's text is a function of its sequence number, so that whoever receives
 * the stream can tell that each octet stands where it belongs, whichever segment brought it.
 */
#ifndef LA_FUZZ_PACKETS_H
#define LA_FUZZ_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PACKET_BYTES_MAX = 4096,
    PACKET_OPTIONS_MAX = 40,
    PACKET_EXTRA_MAX = 40, /* IPv4 options, IPv6 extension headers */
    PACKET_TEXT_MAX = 3000
};

struct packet_ip {
    bool v6;
    bool from_host; /* the host's own packet, as ICMP errors quote it */
    uint8_t tos, ttl;
    uint16_t fragment; /* as in the header: offset in units of 8 octets; IPv4: flags above it */
    uint8_t extra[PACKET_EXTRA_MAX];
    size_t extra_n; /* IPv4: options, a multiple of 4; IPv6: headers in full */
    uint8_t first_header; /* IPv6: of `extra` */
};

struct packet_tcp {
    uint16_t src_port, dst_port;
    uint32_t seq, ack;
    uint8_t flags, reserved;
    uint8_t offset_wrong; /* not 0: this is written as the data offset */
    uint16_t wnd, up;
    uint8_t options[PACKET_OPTIONS_MAX];
    size_t options_n; /* a multiple of 4 */
    size_t text_n;
};

uint8_t packet_octet(uint32_t seq);
/* A TCP segment; returns its length. */
size_t packet_tcp(const struct packet_ip *ip, const struct packet_tcp *tcp, uint8_t *out);
/* An ICMP message of either version around `rest`, from its fifth octet on; returns its length. */
size_t packet_icmp(const struct packet_ip *ip, uint8_t type, uint8_t code, const uint8_t *rest,
                   size_t rest_n, uint8_t *out);
/* The IP packet around it; returns its length. */
size_t packet_ip(const struct packet_ip *ip, uint8_t protocol, const uint8_t *payload, size_t n,
                 uint8_t *out);

#endif
