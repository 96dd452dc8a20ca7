/* SPDX-License-Identifier: MIT
 *
 * ranges.h - a set of sequence numbers as disjoint half-open ranges
 *
 * Sorted in circular order, in an array that the caller supplies; ranges that touch are one. All
 * numbers in the set, and all that are asked about, must lie within 2^31 of each other. What a peer
 * has SACKed is such a set.
 */
#ifndef LA_BASE_RANGES_H
#define LA_BASE_RANGES_H

#include <stddef.h>

#include "base/row.h"
#include "base/seq.h"

/* [start, end), never empty. */
struct la_range {
    la_seq start;
    la_seq end;
};

struct la_ranges {
    struct la_range *room;
    struct la_row row;
    uint32_t total; /* numbers in the set */
};

/* The range at i, from 0 to row.n - 1, ascending. */
static inline struct la_range *
la_ranges_at(const struct la_ranges *ranges, uint32_t i)
{
    return &ranges->room[ranges->row.head + i];
}

/* An empty set in `room`, which has place for cap ranges. */
void la_ranges_init(struct la_ranges *ranges, struct la_range *room, uint32_t cap);
/* Adds [start, end), start before end, joining what overlaps or touches. False, with the set as it
 * was: that would take one range more than there is place for. O(log n + ranges moved), which are
 * few near both ends. */
bool la_ranges_add(struct la_ranges *ranges, struct la_range range);
/* Would la_ranges_add() add it? O(log n). */
bool la_ranges_has_place(const struct la_ranges *ranges, struct la_range range);
/* Takes out every number before `seq`. O(log n + ranges taken out). */
void la_ranges_remove_below(struct la_ranges *ranges, la_seq seq);
/* Empties the set; its places stay. */
void la_ranges_clear(struct la_ranges *ranges);
/* Is all of [start, end) in the set? An empty range always is. O(log n). */
bool la_ranges_contains(const struct la_ranges *ranges, struct la_range range);
/* The lowest range; NULL when empty. */
const struct la_range *la_ranges_first(const struct la_ranges *ranges);
/* The lowest range that ends behind `seq` (it holds seq, or is the next one above it); NULL when
 * there is none. O(log n). */
const struct la_range *la_ranges_at_or_above(const struct la_ranges *ranges, la_seq seq);
/* The number of the lowest range that ends behind `seq`; row.n: none does. O(log n). */
uint32_t la_ranges_find(const struct la_ranges *ranges, la_seq seq);
/* How many numbers of the set lie in [start, end). O(log n) for all of them and for a part in one
 * range, else O(ranges inside, or outside). */
uint32_t la_ranges_within(const struct la_ranges *ranges, struct la_range range);
/* Asserts the invariants. */
void la_ranges_check(const struct la_ranges *ranges);

#endif
