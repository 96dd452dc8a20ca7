/* SPDX-License-Identifier: MIT
 *
 * collect.c - events in, rows out
 *
 * Read first: the order of events in lastack/event.h.
 *
 * An event belongs to a row by its segment's id, or, without one, to the user call or timer just
 * seen at the same end. A timer that is about to send waits for the segment (floating.c), whose row
 * then explains itself. Events may be missing, repeated or out of order: whatever cannot be
 * placed on a row gets a line of its own.
 */
#include "story/collect.h"
#include "story/draw.h"
#include "story/outcome.h"

/* ---- lines of their own ----------------------------------------------------------------- */

static struct row *
line_new(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    struct row *row = la_row_new(st, ROW_LINE, conn, e->at);
    if (row == NULL)
        return NULL;
    row->from = (uint8_t)side;
    row->at[side] = e->at;
    row->state[side] = conn != NULL ? conn->end[side].state : 0;
    row->eventful = true;
    la_order_add(st, row);
    st->current = row;
    st->current_side = (uint8_t)side;
    return row;
}

/* ---- placing an event ------------------------------------------------------------------- */

static bool
belongs_to_current(const struct la_story *st, const struct la_event *e, const struct conn *conn,
                   unsigned side)
{
    const struct row *row = st->current;
    if (row == NULL)
        return false;
    /* CLOSE and RELEASE come together when BSD's close() is called. */
    if (e->kind == LA_EVENT_CALL && e->u.call.call == LA_CALL_RELEASE)
        return row->kind == ROW_LINE && row->conn == conn && st->current_side == side &&
               row->begun_at.ns == e->at.ns;
    if (e->kind <= LA_EVENT_WIRE || e->kind == LA_EVENT_CALL || e->kind == LA_EVENT_TIMER)
        return false;
    if (e->segment_id != 0)
        return row->id == e->segment_id;
    return row->kind == ROW_LINE && row->conn == conn && st->current_side == side;
}

/* The row for what follows a segment, a call or a timer. NULL: no memory. */
static struct row *
row_of(struct la_story *st, const struct la_event *e, struct conn *conn, unsigned side)
{
    struct row *row = st->current;
    if (row == NULL)
        row = la_row_find(st, e->segment_id, conn, FATE_ARRIVED);
    if (row == NULL && e->segment_id == 0 && conn != NULL)
        row = conn->end[side].floating;
    return row != NULL ? row : line_new(st, conn, side, e);
}

/* ---- segments --------------------------------------------------------------------------- */

static struct row *
segment_row(struct la_story *st, struct conn *conn, unsigned from, const struct la_event *e)
{
    struct row *row = la_row_new(st, ROW_SEGMENT, conn, e->at);
    if (row == NULL)
        return NULL;
    row->from = (uint8_t)from;
    row->segment = e->u.segment;
    if (row->segment.sack_n > COUNT_OF(row->segment.sack))
        row->segment.sack_n = (uint8_t)COUNT_OF(row->segment.sack);
    la_row_hash(st, row, e->segment_id);
    la_order_add(st, row);
    return row;
}

static void
on_sent(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn == NULL)
        return;
    struct conn_end *end = &conn->end[side];
    bool explained = end->floating != NULL && la_floating_explains(end, &e->u.segment);
    if (end->floating != NULL && !explained && end->floating->begun_at.ns != e->at.ns)
        la_floating_land(st, conn, side);
    struct row *row = segment_row(st, conn, side, e);
    if (row == NULL)
        return;
    row->at[side] = e->at;
    row->state[side] = end->state;
    /* Nothing will tell what the other end is in when it arrives: what is known has to do. */
    if (story_has(st, LA_STORY_ONE_SIDED))
        row->state[side ^ 1] = conn->end[side ^ 1].state;
    st->current = row;
    st->current_side = (uint8_t)side;
    la_story_track_segment(conn, row);
    la_remark_sent(st, end, row->id);
    bool timed = explained && end->timer.kind == LA_EVENT_TIMER;
    la_words_sent(st, row, timed ? &end->timer : NULL);
    if (explained)
        la_floating_merge(st, conn, row);
}

static void
on_arrived(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    struct row *row = la_row_find(st, e->segment_id, conn, FATE_UNDER_WAY);
    bool known = row != NULL && row->fate == FATE_UNDER_WAY && (conn == NULL || row->from != side);
    if (!known) {
        if (conn == NULL)
            return;
        row = segment_row(st, conn, side ^ 1, e);
        if (row == NULL)
            return;
        la_story_track_segment(conn, row);
    }
    side = row->from ^ 1;
    row->fate = FATE_ARRIVED;
    row->at[side] = e->at;
    row->state[side] = row->conn->end[side].state;
    la_order_complete(st, row);
    st->current = row;
    st->current_side = (uint8_t)side;
    la_words_arrived(st, row);
}

/* The second copy has a row of its own. */
static void
on_duplicated(struct la_story *st, struct row *row, const struct la_event *e)
{
    struct row *copy = la_row_new(st, ROW_SEGMENT, row->conn, e->at);
    if (copy == NULL)
        return;
    copy->from = row->from;
    copy->segment = row->segment;
    copy->seq_rel = row->seq_rel;
    copy->ack_rel = row->ack_rel;
    copy->copy = copy->again = true;
    copy->eventful = true;
    la_row_hash(st, copy, row->id);
    la_order_add(st, copy);
}

static void
on_wire(struct la_story *st, struct conn *conn, const struct la_event *e)
{
    struct row *row = la_row_find(st, e->segment_id, conn, FATE_UNDER_WAY);
    if (row == NULL || row->fate != FATE_UNDER_WAY) {
        st->stats.unplaced_n++;
        la_words_fate(st, e);
        return;
    }
    struct conn_end *sender = &row->conn->end[row->from];
    switch ((enum la_wire_fate)e->u.wire.fate) {
    case LA_WIRE_DELIVERED:
        row->delivered_at = e->at;
        return;
    case LA_WIRE_DROPPED:
        row->fate = FATE_LOST;
        row->reason = e->u.wire.reason;
        if (row->reason == LA_REASON_WIRE_QUEUE_FULL)
            sender->queue_dropped_n++;
        else
            sender->lost_n++;
        la_order_complete(st, row);
        la_words_fate(st, e);
        return;
    case LA_WIRE_CORRUPTED:
        row->reason = LA_REASON_WIRE_CORRUPTED;
        sender->corrupted_n++;
        break;
    case LA_WIRE_DUPLICATED:
        sender->duplicated_n++;
        on_duplicated(st, row, e);
        break;
    case LA_WIRE_REORDERED:
        sender->reordered_n++;
        break;
    case LA_WIRE_MARKED:
        sender->marked_n++;
        break;
    }
    la_words_wire(st, row, e);
}

/* ---- the rest --------------------------------------------------------------------------- */

static void
on_call(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    uint8_t call = e->u.call.call;
    if (call == LA_CALL_SEND || call == LA_CALL_RECEIVE || call >= LA_CALL_COUNT)
        return;
    if (conn == NULL && call != LA_CALL_OPEN_PASSIVE)
        return;
    /* A listener's child was taken over by its user: nothing that the peer could see. */
    if (conn != NULL && call == LA_CALL_OPEN_PASSIVE && !story_has(st, LA_STORY_FULL))
        return;
    if (conn != NULL && call == LA_CALL_ABORT)
        conn->end[side].abort_called = true;
    if (conn != NULL && (call == LA_CALL_CLOSE || call == LA_CALL_RELEASE))
        conn->end[side].close_called = true;
    if (call == LA_CALL_RELEASE && st->current != NULL)
        return;
    struct row *row = line_new(st, conn, side, e);
    if (row == NULL)
        return;
    /* Giving up a handle is worth a line only if it changes something. */
    row->eventful = call != LA_CALL_RELEASE;
    la_words_call(row, e);
}

static void
on_timer(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn == NULL)
        return;
    if (!la_floating_timer(e->u.timer.timer)) {
        struct row *row = line_new(st, conn, side, e);
        if (row != NULL)
            la_words_timer(row, e);
        return;
    }
    struct row *row = la_floating_new(st, conn, side, e);
    if (row == NULL)
        return;
    la_words_timer(row, e);
    conn->end[side].timer = *e;
}

static void
on_state(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn != NULL)
        la_story_track_state(conn, side, e);
    /* A listener's child begins in LISTEN: nobody called OPEN just now. */
    if (e->segment_id != 0 && e->u.state.event == LA_TCP_EV_OPEN_PASSIVE)
        return;
    struct row *row = row_of(st, e, conn, side);
    if (row == NULL)
        return;
    row->state[side] = e->u.state.to;
    row->changed[side] = row->changed[side] || e->u.state.from != e->u.state.to;
    la_words_state(st, row, side, e);
    if (la_floating_is(row))
        la_floating_land(st, row->conn, side);
}

/* Reasons for which a segment never gets as far as TCP's procedure. */
static bool
reason_is_early(uint16_t reason)
{
    return reason > LA_REASON_NONE && reason <= LA_REASON_TCP_OPTION_MALFORMED;
}

static void
on_drop(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    struct row *row = st->current;
    if (row == NULL)
        row = la_row_find(st, e->segment_id, conn, FATE_UNDER_WAY);
    if (row == NULL)
        row = la_row_find(st, e->segment_id, NULL, FATE_UNDER_WAY);
    if (row == NULL && conn == NULL) {
        st->stats.unplaced_n++;
        la_words_fate(st, e);
        return;
    }
    if (row == NULL)
        row = line_new(st, conn, side, e);
    if (row == NULL)
        return;
    if (row->kind == ROW_SEGMENT && conn == NULL)
        side = row->from ^ 1;
    if (row->kind == ROW_SEGMENT && row->fate == FATE_UNDER_WAY) {
        bool here = side == row->from;
        row->fate = here ? FATE_LOST : FATE_REFUSED;
        row->at[side] = e->at;
        la_order_complete(st, row);
    } else if (row->fate == FATE_ARRIVED && reason_is_early(e->u.drop.reason)) {
        row->fate = FATE_REFUSED;
    }
    bool corrupted = row->reason == LA_REASON_WIRE_CORRUPTED;
    if (!corrupted)
        row->reason = e->u.drop.reason;
    if (row->conn != NULL)
        row->conn->end[side].drops_n++;
    la_words_drop(st, row, side, (enum la_reason)e->u.drop.reason);
}

static void
on_rtt(struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn == NULL)
        return;
    struct conn_end *end = &conn->end[side];
    uint32_t sample_us = e->u.rtt.sample_us;
    if (end->rtt_n == 0 || sample_us < end->rtt_us_min)
        end->rtt_us_min = sample_us;
    if (sample_us > end->rtt_us_max)
        end->rtt_us_max = sample_us;
    end->srtt_us = e->u.rtt.srtt_us;
    end->rtt_n++;
}

static void
on_congestion(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn == NULL ||
        (e->u.congestion.phase == conn->end[side].phase && e->u.congestion.why == LA_CC_WHY_PHASE))
        return;
    struct row *row = row_of(st, e, conn, side);
    if (row != NULL)
        la_words_congestion(st, row, side, e);
    conn->end[side].phase = e->u.congestion.phase;
}

/* An end tells about its own window before it sends the segment that offers it. */
static void
on_window(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn == NULL)
        return;
    bool precedes = e->segment_id == 0 && e->u.window.ours && st->current == NULL;
    if (precedes && conn->end[side].floating == NULL)
        la_floating_new(st, conn, side, e);
    struct row *row = row_of(st, e, conn, side);
    if (row != NULL)
        la_words_window(st, row, side, e);
}

static void
on_negotiated(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn == NULL)
        return;
    struct conn_end *end = &conn->end[side];
    end->agreed = true;
    end->mss_send = e->u.negotiated.mss_send;
    end->mss_receive = e->u.negotiated.mss_receive;
    end->wscale_send = e->u.negotiated.wscale_send;
    end->wscale_receive = e->u.negotiated.wscale_receive;
    end->timestamps = e->u.negotiated.timestamps;
    end->sack = e->u.negotiated.sack;
    end->ecn = e->u.negotiated.ecn;
    end->accurate_ecn = e->u.negotiated.accurate_ecn;
    /* Once, and when both ends have said what they will do, if both are heard. */
    bool alone = story_has(st, LA_STORY_ONE_SIDED);
    if (conn->agreed_noted || (!alone && !conn->end[side ^ 1].agreed))
        return;
    conn->agreed_noted = true;
    struct row *row = row_of(st, e, conn, side);
    if (row != NULL)
        la_words_negotiated(st, row, side);
}

static void
on_error(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn == NULL)
        return;
    if (!e->u.error.soft) {
        conn->end[side].told = true;
        conn->end[side].err = e->u.error.err;
    }
    struct row *row = row_of(st, e, conn, side);
    if (row == NULL)
        return;
    la_words_error(st, row, side, e);
    if (la_floating_is(row) && !e->u.error.soft)
        la_floating_land(st, row->conn, side);
}

static void
on_loss(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn == NULL)
        return;
    struct row *row = row_of(st, e, conn, side);
    if (row != NULL)
        la_words_loss(st, row, side, e);
}

/* An end tells that it will do without ECN before it sends the SYN. */
static void
on_ecn(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn == NULL)
        return;
    struct row *row = row_of(st, e, conn, side);
    if (row != NULL)
        la_words_ecn(st, row, side, e);
}

static void
on_urgent(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    if (conn == NULL)
        return;
    struct row *row = row_of(st, e, conn, side);
    if (row != NULL && row->kind == ROW_SEGMENT)
        la_words_urgent(st, row, side, e);
}

static void
dispatch(struct la_story *st, struct conn *conn, unsigned side, const struct la_event *e)
{
    switch ((enum la_event_kind)e->kind) {
    case LA_EVENT_SEGMENT_SENT:
        on_sent(st, conn, side, e);
        break;
    case LA_EVENT_SEGMENT_ARRIVED:
        on_arrived(st, conn, side, e);
        break;
    case LA_EVENT_WIRE:
        on_wire(st, conn, e);
        break;
    case LA_EVENT_STATE:
        on_state(st, conn, side, e);
        break;
    case LA_EVENT_DROP:
        on_drop(st, conn, side, e);
        break;
    case LA_EVENT_TIMER:
        on_timer(st, conn, side, e);
        break;
    case LA_EVENT_RTT:
        on_rtt(conn, side, e);
        break;
    case LA_EVENT_CONGESTION:
        on_congestion(st, conn, side, e);
        break;
    case LA_EVENT_WINDOW:
        on_window(st, conn, side, e);
        break;
    case LA_EVENT_CALL:
        on_call(st, conn, side, e);
        break;
    case LA_EVENT_NEGOTIATED:
        on_negotiated(st, conn, side, e);
        break;
    case LA_EVENT_ERROR:
        on_error(st, conn, side, e);
        break;
    case LA_EVENT_LOSS:
        on_loss(st, conn, side, e);
        break;
    case LA_EVENT_ECN:
        on_ecn(st, conn, side, e);
        break;
    case LA_EVENT_URGENT:
        on_urgent(st, conn, side, e);
        break;
    case LA_EVENT_KIND_COUNT:
        break;
    }
}

/* ---- in and out ------------------------------------------------------------------------- */

void
la_story_collect_event(struct la_story *st, const struct la_event *e)
{
    struct conn *conn = la_story_conn_of_event(st, e);
    unsigned side = conn != NULL ? la_story_conn_side(conn, e) : e->end & 1u;
    if (!belongs_to_current(st, e, conn, side)) {
        st->current = NULL;
        la_order_put_out(st);
        if (conn != NULL && conn->end[side].floating != NULL && e->kind == LA_EVENT_TIMER)
            la_floating_land(st, conn, side);
    }
    dispatch(st, conn, side, e);
    la_story_json_event(st, e, conn);
    if (conn != NULL)
        la_order_make_room(st, conn);
    la_order_look(st);
}

void
la_story_collect_flush(struct la_story *st, la_instant now)
{
    st->current = NULL;
    if (!la_instant_is_never(now) && st->now.ns < now.ns)
        st->now = now;
    la_order_flush(st);
}

void
la_story_collect_finish(struct la_story *st)
{
    st->current = NULL;
    for (struct conn *c = st->oldest; c != NULL; c = c->newer)
        for (unsigned side = LEFT; side <= RIGHT; side++)
            if (c->end[side].floating != NULL)
                la_floating_land(st, c, side);
    la_order_finish(st);
}
