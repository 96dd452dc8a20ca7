/* SPDX-License-Identifier: MIT
 *
 * sums.h - whether the checksums of a capture can be believed, and whose
 *
 * Where most are right, a wrong one means that the packet was changed on its way. Not so where the
 * capture was edited; nor of what leaves the very host that captures, where a device fills them in
 * later: then those of one source are wrong, and all others right.
 *
 * Heuristic: damage takes some; of a source whose checksums are left to a device, next to none is
 * right.
 */
#ifndef LA_EXPLAIN_SUMS_H
#define LA_EXPLAIN_SUMS_H

#include <lastack/base.h>

enum { LA_SUMS_SOURCES_N = 64 };

struct la_sum_source {
    struct la_addr addr;
    uint32_t good_n, bad_n; /* since its first wrong one */
};

struct la_sum_counts {
    uint64_t good_n, bad_n;
    bool tell;      /* more are right than wrong, */
    bool some_left; /* but for those of one source at least */
    struct la_sum_source sources[LA_SUMS_SOURCES_N];
};

/* One more that was looked at. */
void la_sums_note(struct la_sum_counts *sums, const struct la_addr *src, bool is_good);
/* Does the source leave its checksums to a device? */
bool la_sums_are_left(const struct la_sum_counts *sums, const struct la_addr *src);

/* Does a wrong one mean that the packet was changed on its way? */
static inline bool
la_sums_tell(const struct la_sum_counts *sums, const struct la_addr *src)
{
    return sums->tell && !(sums->some_left && la_sums_are_left(sums, src));
}

#endif
