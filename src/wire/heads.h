/* SPDX-License-Identifier: MIT
 *
 * heads.h - the headers of a segment (link, IP, TCP), and whether another's repeat them
 *
 * Most segments of a burst say what the one before says. What was judged of those octets need not
 * be judged again; what may differ (length, identification, sequence number, PSH, checksums) must.
 */
#ifndef LA_WIRE_HEADS_H
#define LA_WIRE_HEADS_H

#include "base/bytes.h"
#include "base/checksum.h"
#include "wire/tcp.h"

/* Borrowed octets. */
struct la_heads {
    const uint8_t *p;        /* NULL: there are none that may be repeated */
    const uint8_t *changing; /* beside each octet, the bits in which another's may differ */
    uint8_t n;               /* octets of all three */
    uint8_t tcp_off;
    uint8_t length_off;      /* where IP's length stands */
    uint8_t uncounted_n;     /* octets in front that it does not count */
    bool v4;
    uint16_t ip_sum;  /* IPv4: of what may not differ, as la_heads_ip_sum() adds up */
    uint16_t tcp_sum; /* of the pseudo-header but its length, and of what may not differ */
};

/* Of a segment that was found good. `bytes` begin with the link's header, `link_n` octets, and IP's
 * of `ip_n`. False: not all of the headers are there, or they have parts that nobody repeats. */
bool la_heads_init(struct la_heads *heads, struct la_bytes bytes, uint8_t link_n, uint8_t ip_n);

/* Octet by octet, with the exceptions? */
bool la_heads_same(const struct la_heads *heads, const uint8_t *p);

/* Of IPv4's length, identification and checksum, as they lie in memory (RFC 1071 2 B). */
static inline uint32_t
la_heads_ip_sum(const uint8_t *ip)
{
    uint16_t length, id, checksum;
    memcpy(&length, ip + 2, sizeof(length));
    memcpy(&id, ip + 4, sizeof(id));
    memcpy(&checksum, ip + 10, sizeof(checksum));
    return (uint32_t)length + id + checksum;
}

/* Does a frame of frame_n octets whose first heads->n are at `p` repeat them, with its own length
 * and the right checksum of IP? */
static inline bool
la_heads_repeat(const struct la_heads *heads, const uint8_t *p, uint32_t frame_n)
{
    return la_get16(p + heads->length_off) + (uint32_t)heads->uncounted_n == frame_n &&
           (!heads->v4 ||
            la_sum_fold(heads->ip_sum + la_heads_ip_sum(p + heads->length_off - 2)) == 0xffff) &&
           la_heads_same(heads, p);
}

/* Where they are repeated: the sum of pseudo-header and TCP header, as base/checksum.h keeps it,
 * not folded. */
static inline uint32_t
la_heads_tcp_sum(const struct la_heads *heads, const uint8_t *p, uint32_t frame_n)
{
    return heads->tcp_sum + (frame_n - heads->tcp_off) +
           la_tcp_changing_sum(p + heads->tcp_off);
}

#endif
