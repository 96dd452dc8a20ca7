/* SPDX-License-Identifier: MIT
 *
 * agenda.c - what will happen, by time: a binary heap
 */
#include "sim/agenda.h"

#include <stdlib.h>

#include "base/assert.h"

enum { ROOM_MIN = 64 };

static bool
is_before(const struct la_sim_item *a, const struct la_sim_item *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

bool
la_sim_agenda_put(struct la_sim_agenda *agenda, const struct la_sim_item *item)
{
    if (agenda->n == agenda->room) {
        uint32_t room = agenda->room == 0 ? ROOM_MIN : agenda->room * 2;
        struct la_sim_item *grown = realloc(agenda->heap, room * sizeof(*grown));
        if (grown == NULL)
            return false;
        agenda->heap = grown;
        agenda->room = room;
    }
    struct la_sim_item put = *item;
    put.order = agenda->put_n++;
    uint32_t at = agenda->n++;
    while (at > 0 && is_before(&put, &agenda->heap[(at - 1) / 2])) {
        agenda->heap[at] = agenda->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    agenda->heap[at] = put;
    return true;
}

struct la_sim_item
la_sim_agenda_take(struct la_sim_agenda *agenda)
{
    LA_ASSERT(agenda->n > 0);
    struct la_sim_item first = agenda->heap[0];
    struct la_sim_item last = agenda->heap[--agenda->n];
    uint32_t at = 0, child;
    while ((child = 2 * at + 1) < agenda->n) {
        if (child + 1 < agenda->n && is_before(&agenda->heap[child + 1], &agenda->heap[child]))
            child++;
        if (!is_before(&agenda->heap[child], &last))
            break;
        agenda->heap[at] = agenda->heap[child];
        at = child;
    }
    agenda->heap[at] = last;
    return first;
}
