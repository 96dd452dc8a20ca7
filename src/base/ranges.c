/* SPDX-License-Identifier: MIT
 *
 * ranges.c - disjoint ranges of sequence numbers
 */
#include "base/ranges.h"

#include <string.h>

#include "base/assert.h"

void
la_ranges_init(struct la_ranges *ranges, struct la_range *room, uint32_t cap)
{
    *ranges = (struct la_ranges){room, 0, cap};
}

/* The first range whose end is at or behind `seq`; n when there is none. */
static uint32_t
first_ending_from(const struct la_ranges *ranges, la_seq seq)
{
    uint32_t low = 0;
    uint32_t high = ranges->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (la_seq_lt(ranges->r[middle].end, seq))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Moves the ranges from `from` on so that they begin at `to`. */
static void
move(struct la_ranges *ranges, uint32_t to, uint32_t from)
{
    memmove(&ranges->r[to], &ranges->r[from], (ranges->n - from) * sizeof(*ranges->r));
    ranges->n = ranges->n - from + to;
}

bool
la_ranges_add(struct la_ranges *ranges, struct la_range range)
{
    LA_ASSERT(la_seq_lt(range.start, range.end));
    uint32_t first = first_ending_from(ranges, range.start);
    uint32_t after = first;
    while (after < ranges->n && la_seq_le(ranges->r[after].start, range.end))
        after++;
    if (after == first) {
        if (ranges->n == ranges->cap)
            return false;
        move(ranges, first + 1, first);
        ranges->r[first] = range;
        return true;
    }
    struct la_range *joined = &ranges->r[first];
    joined->start = la_seq_min(joined->start, range.start);
    joined->end = la_seq_max(ranges->r[after - 1].end, range.end);
    if (after > first + 1)
        move(ranges, first + 1, after);
    return true;
}

void
la_ranges_remove_below(struct la_ranges *ranges, la_seq seq)
{
    uint32_t keep = first_ending_from(ranges, seq);
    if (keep < ranges->n && la_seq_eq(ranges->r[keep].end, seq))
        keep++;
    if (keep > 0)
        move(ranges, 0, keep);
    if (ranges->n > 0)
        ranges->r[0].start = la_seq_max(ranges->r[0].start, seq);
}

const struct la_range *
la_ranges_at_or_above(const struct la_ranges *ranges, la_seq seq)
{
    uint32_t i = first_ending_from(ranges, la_seq_add(seq, 1));
    return i < ranges->n ? &ranges->r[i] : NULL;
}

bool
la_ranges_contains(const struct la_ranges *ranges, struct la_range range)
{
    if (la_seq_ge(range.start, range.end))
        return true;
    const struct la_range *r = la_ranges_at_or_above(ranges, range.start);
    return r && la_seq_le(r->start, range.start) && la_seq_ge(r->end, range.end);
}

const struct la_range *
la_ranges_first(const struct la_ranges *ranges)
{
    return ranges->n > 0 ? &ranges->r[0] : NULL;
}

uint32_t
la_ranges_count(const struct la_ranges *ranges)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ranges->n; i++)
        count += (uint32_t)la_seq_diff(ranges->r[i].end, ranges->r[i].start);
    return count;
}

void
la_ranges_check(const struct la_ranges *ranges)
{
    LA_ASSERT(ranges->n <= ranges->cap);
    for (uint32_t i = 0; i < ranges->n; i++) {
        LA_ASSERT(la_seq_lt(ranges->r[i].start, ranges->r[i].end));
        LA_ASSERT(i == 0 || la_seq_lt(ranges->r[i - 1].end, ranges->r[i].start));
    }
    LA_ASSERT(ranges->n == 0 || la_seq_lt(ranges->r[0].start, ranges->r[ranges->n - 1].end));
}
