/* SPDX-License-Identifier: MIT
 *
 * explain_worst.h - those with most trouble, of any number that come by
 *
 * Of two with as much the earlier one is worse. Costs by comparison grow with the logarithm of how
 * many are kept.
 */
#ifndef LA_CLI_EXPLAIN_WORST_H
#define LA_CLI_EXPLAIN_WORST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct la_worst_item {
    uint64_t trouble, ordinal;
    void *what; /* the caller's */
};

struct la_worst {
    struct la_worst_item *items; /* a heap: what goes next is the first; sorted: the worst is */
    size_t n, n_max;
    uint64_t seen_n;
};

/* Keeps up to n_max in that room, which is the caller's. */
void la_worst_init(struct la_worst *worst, struct la_worst_item *room, size_t n_max);
/* Would one with that much trouble be kept? */
bool la_worst_wants(const struct la_worst *worst, uint64_t trouble);
/* Keeps one that is wanted. Returns what goes for it, NULL: there was room. */
void *la_worst_keep(struct la_worst *worst, uint64_t trouble, void *what);
/* The worst first; nothing can be kept any more. */
void la_worst_sort(struct la_worst *worst);

#endif
