/* SPDX-License-Identifier: MIT
 *
 * buckets.h - an amount over time, in a fixed number of buckets
 *
 * How long it will last is not known when it begins: buckets are a millisecond wide then, and
 * whenever time runs out of the last one, two and two are joined and each is twice as wide.
 */
#ifndef LA_BASE_BUCKETS_H
#define LA_BASE_BUCKETS_H

#include <stdint.h>

enum { LA_BUCKETS_N = 128 };

struct la_buckets {
    int64_t begin_ns, width_ns;
    uint32_t n; /* up to the one that was last added to */
    uint64_t sum[LA_BUCKETS_N];
};

void la_buckets_init(struct la_buckets *buckets, int64_t begin_ns);
/* What is before the beginning counts for the first one. The width depends on the latest instant
 * alone: an amount of 0 makes two objects alike. */
void la_buckets_add(struct la_buckets *buckets, int64_t at_ns, uint64_t amount);

#endif
