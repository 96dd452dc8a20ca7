/* SPDX-License-Identifier: MIT
 *
 * index.h - records found by hash: linear hashing over 32-bit record indices
 *
 * Read first: Litwin, "Linear hashing: a new tool for file and table addressing", 1980. The table
 * grows by one bucket at a time, so that no insertion ever waits for a rehash, and shrinks
 * likewise. Records of a bucket are chained through a 32-bit field of theirs; the cost is 8 octets
 * per record, this field included, once there are more records than in one segment.
 */
#ifndef LA_BASE_INDEX_H
#define LA_BASE_INDEX_H

#include <lastack/base.h>

#define LA_INDEX_NONE UINT32_MAX
enum { LA_INDEX_SEGMENT_SHIFT = 9 }; /* buckets per segment, and the fewest buckets */

/* The chain field of record idx, and its hash (the one given when it was inserted). */
typedef uint32_t *la_index_next_fn(void *ctx, uint32_t idx);
typedef uint32_t la_index_hash_fn(void *ctx, uint32_t idx);

struct la_index_records {
    la_index_next_fn *next_of;
    la_index_hash_fn *hash_of;
    void *ctx;
};

struct la_index {
    struct la_mem *mem;
    struct la_index_records records;
    uint32_t **segments; /* of 1 << LA_INDEX_SEGMENT_SHIFT bucket heads each */
    uint32_t segments_cap;
    uint32_t buckets_n;
    uint32_t mask; /* smallest 2^k - 1 with 2^k >= buckets_n */
    uint32_t live_n;
};

/* False: no memory for the first segment (2 KiB). */
bool la_index_init(struct la_index *index, struct la_mem *mem,
                   const struct la_index_records *records) LA_MUST_CHECK;
/* The records are forgotten, not touched. Valid also after a failed init. */
void la_index_fini(struct la_index *index);
/* idx is not in the table. Always succeeds: without memory chains grow longer instead. O(1). */
void la_index_insert(struct la_index *index, uint32_t idx, uint32_t hash);
/* idx is in the table under this hash. O(1). */
void la_index_remove(struct la_index *index, uint32_t idx, uint32_t hash);

/* The bucket that `hash` belongs to; an address to prefetch. */
static inline uint32_t *
la_index_bucket(const struct la_index *index, uint32_t hash)
{
    uint32_t b = hash & index->mask;
    if (b >= index->buckets_n)
        b &= index->mask >> 1;
    return &index->segments[b >> LA_INDEX_SEGMENT_SHIFT]
                           [b & ((1U << LA_INDEX_SEGMENT_SHIFT) - 1)];
}

/* The first record that may have this hash; LA_INDEX_NONE when there is none. Records with other
 * hashes share the chain: the caller compares keys. */
static inline uint32_t
la_index_first(const struct la_index *index, uint32_t hash)
{
    return *la_index_bucket(index, hash);
}

static inline uint32_t
la_index_next(const struct la_index *index, uint32_t idx)
{
    return *index->records.next_of(index->records.ctx, idx);
}

/* Asserts the invariants. O(records). */
void la_index_check(const struct la_index *index);

#endif
