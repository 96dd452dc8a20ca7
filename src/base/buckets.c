/* SPDX-License-Identifier: MIT
 *
 * buckets.c - an amount over time, in a fixed number of buckets
 */
#include "base/buckets.h"

#include <string.h>

enum { WIDTH_NS = 1000000 };

void
la_buckets_init(struct la_buckets *buckets, int64_t begin_ns)
{
    memset(buckets, 0, sizeof(*buckets));
    buckets->begin_ns = begin_ns;
    buckets->width_ns = WIDTH_NS;
}

static void
join_pairs(struct la_buckets *buckets)
{
    for (uint32_t i = 0; i < LA_BUCKETS_N / 2; i++)
        buckets->sum[i] = buckets->sum[2 * i] + buckets->sum[2 * i + 1];
    memset(buckets->sum + LA_BUCKETS_N / 2, 0, sizeof(buckets->sum) / 2);
    buckets->n = (buckets->n + 1) / 2;
    buckets->width_ns *= 2;
}

void
la_buckets_add(struct la_buckets *buckets, int64_t at_ns, uint64_t amount)
{
    uint64_t since_ns =
        at_ns > buckets->begin_ns ? (uint64_t)at_ns - (uint64_t)buckets->begin_ns : 0;
    while (since_ns / (uint64_t)buckets->width_ns >= LA_BUCKETS_N)
        join_pairs(buckets);
    uint32_t idx = (uint32_t)(since_ns / (uint64_t)buckets->width_ns);
    buckets->sum[idx] += amount;
    if (idx >= buckets->n)
        buckets->n = idx + 1;
}
