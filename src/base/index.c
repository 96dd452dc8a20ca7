/* SPDX-License-Identifier: MIT
 *
 * index.c - linear hashing
 *
 * Buckets 0 .. buckets_n - 1 exist. A hash belongs to bucket (hash & mask), or, when that one does
 * not exist yet, to the one it will be split from, (hash & mask / 2). On average a bucket holds
 * one record; below a quarter of that, buckets are merged again. The directory of segments is
 * the only thing that is ever copied: 8 octets for 512 records.
 */
#include "base/index.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
    SEGMENT_BUCKETS = 1 << LA_INDEX_SEGMENT_SHIFT,
    SEGMENT_BYTES = SEGMENT_BUCKETS * 4,
    SEGMENTS_CAP_MIN = 8,
    SPLITS_MAX = 2, /* per insertion: catches up after a time without memory */
    MERGES_MAX = 4, /* per removal: keeps the table at most four times too large */
    SPARSE_DIVISOR = 4
};

static uint32_t *
next_of(const struct la_index *index, uint32_t idx)
{
    return index->records.next_of(index->records.ctx, idx);
}

static uint32_t *
bucket_at(const struct la_index *index, uint32_t b)
{
    return &index->segments[b >> LA_INDEX_SEGMENT_SHIFT][b & (SEGMENT_BUCKETS - 1)];
}

/* ---- segments --------------------------------------------------------------------------- */

static bool
directory_grow(struct la_index *index, uint32_t segments_n)
{
    if (segments_n < index->segments_cap)
        return true;
    uint32_t cap = index->segments_cap ? index->segments_cap * 2 : SEGMENTS_CAP_MIN;
    uint32_t **segments = la_mem_take(index->mem, cap * sizeof(*segments));
    if (!segments)
        return false;
    if (segments_n > 0)
        memcpy(segments, index->segments, segments_n * sizeof(*segments));
    la_mem_give(index->mem, index->segments, index->segments_cap * sizeof(*segments));
    index->segments = segments;
    index->segments_cap = cap;
    return true;
}

/* Makes the segment that bucket buckets_n, its first, will lie in. */
static bool
segment_add(struct la_index *index)
{
    uint32_t segments_n = index->buckets_n >> LA_INDEX_SEGMENT_SHIFT;
    if (!directory_grow(index, segments_n))
        return false;
    uint32_t *segment = la_mem_take(index->mem, SEGMENT_BYTES);
    if (!segment)
        return false;
    memset(segment, 0xff, SEGMENT_BYTES); /* LA_INDEX_NONE everywhere. */
    index->segments[segments_n] = segment;
    return true;
}

bool
la_index_init(struct la_index *index, struct la_mem *mem, const struct la_index_records *records)
{
    *index = (struct la_index){.mem = mem, .records = *records};
    if (!segment_add(index))
        return false;
    index->buckets_n = SEGMENT_BUCKETS;
    index->mask = SEGMENT_BUCKETS - 1;
    return true;
}

void
la_index_fini(struct la_index *index)
{
    for (uint32_t b = 0; b < index->buckets_n; b += SEGMENT_BUCKETS)
        la_mem_give(index->mem, bucket_at(index, b), SEGMENT_BYTES);
    la_mem_give(index->mem, index->segments, index->segments_cap * sizeof(*index->segments));
    *index = (struct la_index){.mem = index->mem, .records = index->records};
}

/* ---- growing and shrinking -------------------------------------------------------------- */

/* Adds bucket buckets_n and moves there what belongs to it. False: no memory, nothing changed. */
static bool
split(struct la_index *index)
{
    uint32_t added = index->buckets_n;
    if (added % SEGMENT_BUCKETS == 0 && !segment_add(index))
        return false;
    if (added > index->mask)
        index->mask = index->mask << 1 | 1;
    index->buckets_n++;
    uint32_t *from = bucket_at(index, added & index->mask >> 1);
    uint32_t *to = bucket_at(index, added);
    while (*from != LA_INDEX_NONE) {
        uint32_t idx = *from;
        uint32_t *next = next_of(index, idx);
        uint32_t hash = index->records.hash_of(index->records.ctx, idx);
        if ((hash & index->mask) != added) {
            from = next;
            continue;
        }
        *from = *next;
        *to = idx;
        to = next;
    }
    *to = LA_INDEX_NONE;
    return true;
}

/* Undoes one split. */
static void
merge(struct la_index *index)
{
    uint32_t removed = index->buckets_n - 1;
    uint32_t *from = bucket_at(index, removed);
    uint32_t *to = bucket_at(index, removed & index->mask >> 1);
    while (*to != LA_INDEX_NONE)
        to = next_of(index, *to);
    *to = *from;
    *from = LA_INDEX_NONE;
    index->buckets_n = removed;
    if (removed == (index->mask >> 1) + 1)
        index->mask >>= 1;
    if (removed % SEGMENT_BUCKETS == 0)
        la_mem_give(index->mem, from, SEGMENT_BYTES);
}

void
la_index_insert(struct la_index *index, uint32_t idx, uint32_t hash)
{
    LA_DCHECK(idx != LA_INDEX_NONE);
    uint32_t *bucket = la_index_bucket(index, hash);
    *next_of(index, idx) = *bucket;
    *bucket = idx;
    index->live_n++;
    for (int i = 0; i < SPLITS_MAX && index->live_n > index->buckets_n; i++) {
        if (!split(index))
            break;
    }
}

void
la_index_remove(struct la_index *index, uint32_t idx, uint32_t hash)
{
    uint32_t *at = la_index_bucket(index, hash);
    while (*at != idx) {
        LA_ASSERT(*at != LA_INDEX_NONE);
        at = next_of(index, *at);
    }
    *at = *next_of(index, idx);
    index->live_n--;
    for (int i = 0; i < MERGES_MAX && index->buckets_n > SEGMENT_BUCKETS &&
                    index->live_n < index->buckets_n / SPARSE_DIVISOR;
         i++)
        merge(index);
}

void
la_index_check(const struct la_index *index)
{
    LA_ASSERT(index->buckets_n >= SEGMENT_BUCKETS);
    LA_ASSERT(index->buckets_n <= index->mask + 1);
    LA_ASSERT(index->buckets_n > index->mask / 2);
    uint32_t live_n = 0;
    for (uint32_t b = 0; b < index->buckets_n; b++) {
        for (uint32_t idx = *bucket_at(index, b); idx != LA_INDEX_NONE;
             idx = *next_of(index, idx)) {
            uint32_t hash = index->records.hash_of(index->records.ctx, idx);
            LA_ASSERT(la_index_bucket(index, hash) == bucket_at(index, b));
            live_n++;
        }
    }
    LA_ASSERT(live_n == index->live_n);
}
