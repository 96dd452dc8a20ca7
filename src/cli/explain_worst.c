/* SPDX-License-Identifier: MIT
 *
 * explain_worst.c - those with most trouble, as a heap whose first one is the next to go
 */
#include "cli/explain_worst.h"

#include <stdlib.h>

#include "base/assert.h"

void
la_worst_init(struct la_worst *worst, struct la_worst_item *room, size_t n_max)
{
    *worst = (struct la_worst){.items = room, .n_max = n_max};
}

/* < 0: a is worse. */
static int
compare(const void *a, const void *b)
{
    const struct la_worst_item *x = a, *y = b;
    if (x->trouble != y->trouble)
        return x->trouble > y->trouble ? -1 : 1;
    return x->ordinal < y->ordinal ? -1 : 1;
}

bool
la_worst_wants(const struct la_worst *worst, uint64_t trouble)
{
    return worst->n < worst->n_max || (worst->n > 0 && trouble > worst->items[0].trouble);
}

static void
swap(struct la_worst_item *a, struct la_worst_item *b)
{
    struct la_worst_item was = *a;
    *a = *b;
    *b = was;
}

static void
up(struct la_worst *worst, size_t at)
{
    for (size_t parent; at > 0; at = parent) {
        parent = (at - 1) / 2;
        if (compare(&worst->items[parent], &worst->items[at]) > 0)
            break;
        swap(&worst->items[parent], &worst->items[at]);
    }
}

static void
down(struct la_worst *worst, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < worst->n; at = child) {
        if (child + 1 < worst->n && compare(&worst->items[child], &worst->items[child + 1]) < 0)
            child++;
        if (compare(&worst->items[at], &worst->items[child]) > 0)
            break;
        swap(&worst->items[at], &worst->items[child]);
    }
}

void *
la_worst_keep(struct la_worst *worst, uint64_t trouble, void *what)
{
    struct la_worst_item item = {trouble, worst->seen_n++, what};
    LA_ASSERT(la_worst_wants(worst, trouble));
    if (worst->n < worst->n_max) {
        worst->items[worst->n++] = item;
        up(worst, worst->n - 1);
        return NULL;
    }
    void *goes = worst->items[0].what;
    worst->items[0] = item;
    down(worst, 0);
    return goes;
}

void
la_worst_sort(struct la_worst *worst)
{
    if (worst->n > 0)
        qsort(worst->items, worst->n, sizeof(worst->items[0]), compare);
    worst->n_max = 0;
}
