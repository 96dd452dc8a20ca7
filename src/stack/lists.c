/* SPDX-License-Identifier: MIT
 *
 * lists.c - first-in-first-out lists of records, chained by index
 */
#include "base/assert.h"
#include "stack/instance.h"

void
la_list_init(struct la_list *list)
{
    list->first = list->last = LA_REC_NONE;
    list->n = 0;
}

void
la_list_push(struct la_stack *s, struct la_list *list, enum la_list_kind kind, uint32_t idx)
{
    struct la_rec *rec = la_rec_at(s, idx);
    LA_ASSERT(!la_rec_on_list(rec, kind));
    rec->on_list |= (uint8_t)(1u << kind);
    rec->link[kind].next = LA_REC_NONE;
    rec->link[kind].prev = list->last;
    if (list->last == LA_REC_NONE)
        list->first = idx;
    else
        la_rec_at(s, list->last)->link[kind].next = idx;
    list->last = idx;
    list->n++;
}

void
la_list_remove(struct la_stack *s, struct la_list *list, enum la_list_kind kind, uint32_t idx)
{
    struct la_rec *rec = la_rec_at(s, idx);
    LA_ASSERT(la_rec_on_list(rec, kind));
    struct la_list_link *l = &rec->link[kind];
    if (l->prev == LA_REC_NONE)
        list->first = l->next;
    else
        la_rec_at(s, l->prev)->link[kind].next = l->next;
    if (l->next == LA_REC_NONE)
        list->last = l->prev;
    else
        la_rec_at(s, l->next)->link[kind].prev = l->prev;
    rec->on_list &= (uint8_t) ~(1u << kind);
    list->n--;
}
