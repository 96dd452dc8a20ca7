/* SPDX-License-Identifier: MIT
 *
 * agenda.h - what will happen, by time; what is due at one instant comes in the order it was put
 */
#ifndef LA_SIM_AGENDA_H
#define LA_SIM_AGENDA_H

#include <lastack/base.h>

struct la_sim_packet;

enum la_sim_item_kind {
    LA_SIM_I_ARRIVE, /* .packet at the end of pipe .index */
    LA_SIM_I_DIRECT, /* .packet at node .index: it did not come through a pipe */
    LA_SIM_I_STEP,   /* step .index of the plan begins */
    LA_SIM_I_BOOT,   /* host .index is there again */
    LA_SIM_I_LISTEN, /* host .index listens again */
    LA_SIM_I_APP,    /* application .index has something to do */
    LA_SIM_I_BOX,    /* the box lets go what it holds */
    LA_SIM_I_WATCH   /* the laws about progress look */
};

struct la_sim_item {
    int64_t at_ns;
    uint64_t order;
    struct la_sim_packet *packet; /* owned, or NULL */
    uint8_t kind;                 /* enum la_sim_item_kind */
    uint8_t index;
};

struct la_sim_agenda {
    struct la_sim_item *heap;
    uint32_t n, room;
    uint64_t put_n;
};

/* False: no memory, and the packet stays the caller's. */
bool la_sim_agenda_put(struct la_sim_agenda *agenda, const struct la_sim_item *item);
/* INT64_MAX: nothing. */
static inline int64_t
la_sim_agenda_next_ns(const struct la_sim_agenda *agenda)
{
    return agenda->n == 0 ? INT64_MAX : agenda->heap[0].at_ns;
}
/* The first one; there must be one. */
struct la_sim_item la_sim_agenda_take(struct la_sim_agenda *agenda);

#endif
