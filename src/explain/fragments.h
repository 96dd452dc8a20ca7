/* SPDX-License-Identifier: MIT
 *
 * fragments.h - IP datagrams put together from their fragments (RFC 791 3.2, RFC 8200 4.5)
 *
 * For an observer: what a host would refuse is told, octets that were not captured are holes at the
 * end of what is there, and memory is bounded whatever is seen: at most LA_FRAGMENTS_MAX datagrams
 * and LA_FRAGMENTS_BYTES_MAX octets, the oldest given up first.
 */
#ifndef LA_EXPLAIN_FRAGMENTS_H
#define LA_EXPLAIN_FRAGMENTS_H

#include <lastack/base.h>

enum { LA_FRAGMENTS_MAX = 256, LA_FRAGMENTS_BYTES_MAX = 4 << 20 };

struct la_fragments;

struct la_fragment {
    struct la_addr src, dst;
    uint32_t id;
    uint32_t path_key;     /* datagrams of different tunnels have nothing to do with each other */
    uint8_t version;       /* 4 or 6 */
    uint8_t protocol;      /* what is in the datagram */
    bool more;             /* not the last one */
    uint32_t off_bytes;    /* of its octets in the datagram */
    uint32_t wire_bytes;   /* how many it has */
    struct la_bytes bytes; /* how many of them were captured */
    la_instant at;
};

struct la_fragments_counts {
    uint64_t whole_n;    /* datagrams that were put together */
    uint64_t given_up_n; /* that were not: too old, too many, no memory, overlapping */
    uint64_t refused_n;  /* fragments that cannot be: too long, of odd length in the middle */
};

/* NULL: no memory. */
struct la_fragments *la_fragments_new(struct la_mem *mem) LA_MUST_CHECK;
void la_fragments_free(struct la_fragments *fragments);
/* True: the datagram is whole. *out: its octets as far as they were captured, borrowed until the
 * next call; *wire_bytes: how many it has. */
bool la_fragments_add(struct la_fragments *fragments, const struct la_fragment *fragment,
                      struct la_bytes *out, uint32_t *wire_bytes);
const struct la_fragments_counts *la_fragments_counts_get(const struct la_fragments *fragments);

#endif
