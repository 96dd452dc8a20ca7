/* SPDX-License-Identifier: MIT
 *
 * floating.c - what precedes a segment that explains it: a timer, a window that changes
 *
 * The line is kept back until its end sends the segment, whose row then tells both; when the end
 * does something else first, the line stands alone.
 */
#include "story/collect.h"

bool
la_floating_timer(uint8_t timer)
{
    return timer == LA_TIMER_RETRANSMIT || timer == LA_TIMER_PERSIST ||
           timer == LA_TIMER_DELAYED_ACK || timer == LA_TIMER_KEEPALIVE ||
           timer == LA_TIMER_REORDER || timer == LA_TIMER_PROBE;
}

struct row *
la_floating_new(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    struct row *row = la_row_new(st, ROW_LINE, conn, e->at);
    if (row == NULL)
        return NULL;
    row->from = (uint8_t)side;
    row->at[side] = e->at;
    row->state[side] = conn->end[side].state;
    conn->end[side].floating = row;
    conn->end[side].timer = (struct la_event){.kind = LA_EVENT_KIND_COUNT};
    st->current = row;
    st->current_side = (uint8_t)side;
    return row;
}

void
la_floating_land(struct la_story *st, struct conn *conn, unsigned side)
{
    struct conn_end *end = &conn->end[side];
    struct row *row = end->floating;
    end->floating = NULL;
    bool told = row->notes != NULL || end->timer.u.timer.timer != LA_TIMER_DELAYED_ACK;
    if (!told) {
        if (st->current == row)
            st->current = NULL;
        conn->rows_n--;
        la_row_free(st, row);
        return;
    }
    row->eventful = true;
    la_order_add(st, row);
}

void
la_floating_merge(struct la_story *st, struct conn *conn, struct row *sent)
{
    struct conn_end *end = &conn->end[sent->from];
    struct row *row = end->floating;
    end->floating = NULL;
    if (st->current == row)
        st->current = NULL;
    struct note **link = &sent->notes;
    while (*link != NULL)
        link = &(*link)->next;
    *link = row->notes;
    sent->notes_n = (uint8_t)(sent->notes_n + row->notes_n);
    sent->eventful = sent->eventful || row->eventful;
    row->notes = NULL;
    conn->rows_n--;
    la_row_free(st, row);
}

bool
la_floating_explains(const struct conn_end *end, const struct la_event_segment *s)
{
    if (end->timer.kind != LA_EVENT_TIMER)
        return true;
    switch ((enum la_timer_kind)end->timer.u.timer.timer) {
    case LA_TIMER_PERSIST: /* the latter: the override timeout of 3.8.6.2.1 */
        return s->cause == LA_CAUSE_WINDOW_PROBE || s->cause == LA_CAUSE_DATA;
    case LA_TIMER_KEEPALIVE:
        return s->cause == LA_CAUSE_KEEPALIVE;
    case LA_TIMER_DELAYED_ACK:
        return true;
    case LA_TIMER_REORDER:
        return s->cause == LA_CAUSE_RETRANSMIT_RACK;
    case LA_TIMER_PROBE:
        return s->cause == LA_CAUSE_TAIL_PROBE;
    case LA_TIMER_RETRANSMIT:
        return s->cause == LA_CAUSE_RETRANSMIT_RTO || s->cause == LA_CAUSE_TAIL_PROBE ||
               (s->retransmit_n != 0 && s->cause <= LA_CAUSE_FIN);
    case LA_TIMER_FIN_WAIT_2:
    case LA_TIMER_TIME_WAIT:
    case LA_TIMER_USER:
    case LA_TIMER_COUNT:
        break;
    }
    return false;
}

bool
la_floating_is(const struct row *row)
{
    return row->conn != NULL &&
           (row->conn->end[LEFT].floating == row || row->conn->end[RIGHT].floating == row);
}
