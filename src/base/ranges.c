/* SPDX-License-Identifier: MIT
 *
 * ranges.c - disjoint ranges of sequence numbers
 */
#include "base/ranges.h"

#include "base/assert.h"

static uint32_t
length(la_seq start, la_seq end)
{
    return la_seq_lt(start, end) ? (uint32_t)la_seq_diff(end, start) : 0;
}

void
la_ranges_init(struct la_ranges *ranges, struct la_range *room, uint32_t cap)
{
    *ranges = (struct la_ranges){.room = room, .row = {.cap = cap}};
}

void
la_ranges_clear(struct la_ranges *ranges)
{
    ranges->row.n = ranges->row.head = 0;
    ranges->total = 0;
}

/* The first range whose end is at or behind `seq`; n when there is none. */
static uint32_t
first_ending_from(const struct la_ranges *ranges, la_seq seq)
{
    uint32_t low = 0;
    uint32_t high = ranges->row.n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (la_seq_lt(la_ranges_at(ranges, middle)->end, seq))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t
la_ranges_find(const struct la_ranges *ranges, la_seq seq)
{
    return first_ending_from(ranges, la_seq_add(seq, 1));
}

/* Does range i overlap or touch `range`, which ends behind its start? */
static bool
reaches(const struct la_ranges *ranges, uint32_t i, struct la_range range)
{
    return i < ranges->row.n && la_seq_le(la_ranges_at(ranges, i)->start, range.end);
}

bool
la_ranges_has_place(const struct la_ranges *ranges, struct la_range range)
{
    return ranges->row.n < ranges->row.cap ||
           reaches(ranges, first_ending_from(ranges, range.start), range);
}

bool
la_ranges_add(struct la_ranges *ranges, struct la_range range)
{
    LA_ASSERT(la_seq_lt(range.start, range.end));
    uint32_t first = first_ending_from(ranges, range.start);
    struct la_range joined = range;
    uint32_t after = first;
    for (; reaches(ranges, after, range); after++) {
        const struct la_range *r = la_ranges_at(ranges, after);
        joined.start = la_seq_min(joined.start, r->start);
        joined.end = la_seq_max(joined.end, r->end);
        ranges->total -= length(r->start, r->end);
    }
    if (after == first) {
        if (ranges->row.n == ranges->row.cap)
            return false;
        la_row_open(&ranges->row, ranges->room, sizeof(range), first);
    } else if (after > first + 1) {
        la_row_close(&ranges->row, ranges->room, sizeof(range), first + 1, after - first - 1);
    }
    *la_ranges_at(ranges, first) = joined;
    ranges->total += length(joined.start, joined.end);
    return true;
}

void
la_ranges_remove_below(struct la_ranges *ranges, la_seq seq)
{
    uint32_t keep = la_ranges_find(ranges, seq);
    for (uint32_t i = 0; i < keep; i++)
        ranges->total -= length(la_ranges_at(ranges, i)->start, la_ranges_at(ranges, i)->end);
    la_row_close(&ranges->row, ranges->room, sizeof(*ranges->room), 0, keep);
    if (ranges->row.n == 0)
        return;
    struct la_range *lowest = la_ranges_at(ranges, 0);
    ranges->total -= length(lowest->start, seq);
    lowest->start = la_seq_max(lowest->start, seq);
}

const struct la_range *
la_ranges_at_or_above(const struct la_ranges *ranges, la_seq seq)
{
    uint32_t i = la_ranges_find(ranges, seq);
    return i < ranges->row.n ? la_ranges_at(ranges, i) : NULL;
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
    return ranges->row.n > 0 ? la_ranges_at(ranges, 0) : NULL;
}

/* Of the ranges [from, to), what lies inside `range`. */
static uint32_t
sum(const struct la_ranges *ranges, uint32_t from, uint32_t to, struct la_range range)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) {
        const struct la_range *r = la_ranges_at(ranges, i);
        n += length(la_seq_max(r->start, range.start), la_seq_min(r->end, range.end));
    }
    return n;
}

uint32_t
la_ranges_within(const struct la_ranges *ranges, struct la_range range)
{
    uint32_t n = ranges->row.n;
    if (n == 0 || la_seq_ge(range.start, range.end))
        return 0;
    uint32_t from = la_ranges_find(ranges, range.start);
    uint32_t to = first_ending_from(ranges, range.end);
    to += to < n; /* the one that ends there or holds it */
    if (to - from <= n / 2)
        return sum(ranges, from, to, range);
    la_seq lowest = la_ranges_at(ranges, 0)->start, highest = la_ranges_at(ranges, n - 1)->end;
    return ranges->total - sum(ranges, 0, from + 1, (struct la_range){lowest, range.start}) -
           sum(ranges, to - 1, n, (struct la_range){range.end, highest});
}

void
la_ranges_check(const struct la_ranges *ranges)
{
    uint32_t n = ranges->row.n, total = 0;
    LA_ASSERT(ranges->row.head + n <= ranges->row.cap);
    for (uint32_t i = 0; i < n; i++) {
        const struct la_range *r = la_ranges_at(ranges, i);
        LA_ASSERT(la_seq_lt(r->start, r->end));
        LA_ASSERT(i == 0 || la_seq_lt(la_ranges_at(ranges, i - 1)->end, r->start));
        total += length(r->start, r->end);
    }
    LA_ASSERT(total == ranges->total);
    LA_ASSERT(n == 0 ||
              la_seq_lt(la_ranges_at(ranges, 0)->start, la_ranges_at(ranges, n - 1)->end));
}
