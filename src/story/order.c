/* SPDX-License-Identifier: MIT
 *
 * order.c - in which order rows leave
 *
 * A row stands for two moments at two ends, and segments cross. What must never appear in the
 * wrong order is what happens to an end's state: that happens when segments arrive, users call
 * and timers expire. So rows leave when they are complete, in the order of arrival, and
 *
 *   - a segment that was lost takes its place behind what its end sent before it;
 *   - so does a call's or a timer's line, unless something arrives at its end before that.
 *
 * Each end's lane holds what it sent or did and has not left yet; `queue` what is ready to be
 * written but may still get notes.
 */
#include "story/draw.h"
#include "story/outcome.h"

/* A delivered segment whose far end is silent is complete after this long. */
#define SILENT_END_NS INT64_C(10000000)
/* A connection of which only TIME-WAIT is left is summed up when nothing happened for so long. */
#define REST_NS INT64_C(2000000000)
/* A row waits for what may still be said about it until time passes, or so many wait. */
enum { WAIT_N_MAX = 256 };
/* How often silent ends and resting connections are looked for. */
#define LOOK_NS INT64_C(500000000)
/* A live view shows how far a collapsed run has come this often. */
#define FOLD_TOLD_NS INT64_C(1000000000)

static bool
is_under_way(const struct row *row)
{
    return row->kind == ROW_SEGMENT && row->fate == FATE_UNDER_WAY;
}

static void
leave(struct la_story *st, struct row *row)
{
    row->left_at = st->now;
    la_row_queue_push(&st->queue, row);
}

static void
leave_lane(struct la_story *st, struct row *row)
{
    la_row_queue_remove(&row->conn->end[row->from].lane, row);
    row->in_lane = false;
    st->lanes_n--;
    leave(st, row);
}

/* Everything at the front that waits for nobody. */
static void
drain_front(struct la_story *st, struct conn_end *end)
{
    while (end->lane.first != NULL && !is_under_way(end->lane.first))
        leave_lane(st, end->lane.first);
}

/* Lines of an end at which something arrives: they happened before. */
static void
drain_lines(struct la_story *st, struct conn_end *end)
{
    struct row *next;
    for (struct row *row = end->lane.first; row != NULL; row = next) {
        next = row->next;
        if (row->kind == ROW_LINE)
            leave_lane(st, row);
    }
}

void
la_order_add(struct la_story *st, struct row *row)
{
    if (row->conn == NULL || story_has(st, LA_STORY_ONE_SIDED)) {
        leave(st, row);
        return;
    }
    struct conn_end *end = &row->conn->end[row->from];
    la_row_queue_push(&end->lane, row);
    row->in_lane = true;
    st->lanes_n++;
    drain_front(st, end);
}

void
la_order_complete(struct la_story *st, struct row *row)
{
    if (!row->in_lane)
        return;
    struct conn *conn = row->conn;
    if (row->fate == FATE_ARRIVED || row->fate == FATE_REFUSED) {
        drain_lines(st, &conn->end[row->from ^ 1]);
        leave_lane(st, row);
    }
    drain_front(st, &conn->end[row->from]);
}

static void
give_up(struct la_story *st, struct row *row)
{
    row->fate = FATE_UNKNOWN;
    if (!la_instant_is_never(row->delivered_at)) {
        row->fate = FATE_ARRIVED;
        row->at[row->from ^ 1] = row->delivered_at;
    }
    la_order_complete(st, row);
}

static void
give_up_old(struct la_story *st, struct conn_end *end)
{
    struct row *next;
    for (struct row *row = end->lane.first; row != NULL; row = next) {
        next = row->next;
        if (!is_under_way(row))
            continue;
        bool delivered = !la_instant_is_never(row->delivered_at);
        int64_t waited_ns =
            la_story_ns_between(st->now, delivered ? row->delivered_at : row->begun_at);
        if (waited_ns <= (delivered ? SILENT_END_NS : (int64_t)st->cfg.hold_ms_max * 1000000))
            break;
        give_up(st, row);
        /* What follows may have left together with it. */
        next = end->lane.first;
    }
}

/* The head of the queue is written. */
static void
put_out(struct la_story *st)
{
    struct row *row = la_row_queue_pop(&st->queue);
    struct conn *conn = row->conn;
    la_row_unhash(st, row);
    if (conn != NULL)
        conn->rows_n--;
    la_fold_row(st, row);
    if (conn != NULL && conn->rows_n == 0 && !conn->summed_up && la_story_conn_is_over(conn))
        la_story_summary_conn(st, conn);
}

void
la_order_put_out(struct la_story *st)
{
    while (st->queue.first != NULL && st->queue.first != st->current &&
           (st->queue.first->left_at.ns < st->now.ns || st->queue.n > WAIT_N_MAX))
        put_out(st);
}

static void
put_out_all(struct la_story *st)
{
    while (st->queue.first != NULL)
        put_out(st);
}

void
la_order_make_room(struct la_story *st, struct conn *conn)
{
    while (st->lanes_n > st->cfg.rows_n_max) {
        struct row *row = conn->end[LEFT].lane.first;
        if (row == NULL)
            row = conn->end[RIGHT].lane.first;
        if (row == NULL)
            return;
        st->stats.rows_let_go_n++;
        give_up(st, row);
    }
}

void
la_order_look(struct la_story *st)
{
    if (la_story_ns_between(st->now, st->looked_at) < LOOK_NS)
        return;
    st->looked_at = st->now;
    for (struct conn *c = st->oldest; c != NULL; c = c->newer) {
        give_up_old(st, &c->end[LEFT]);
        give_up_old(st, &c->end[RIGHT]);
        if (!c->summed_up && c->rows_n == 0 && la_story_conn_is_resting(c) &&
            la_story_ns_between(st->now, c->last_at) > REST_NS)
            la_story_summary_conn(st, c);
    }
}

void
la_order_flush(struct la_story *st)
{
    la_order_look(st);
    put_out_all(st);
    for (struct conn *c = st->oldest; c != NULL; c = c->newer)
        if (c->fold.rows_n != 0 && la_story_ns_between(st->now, c->fold.first_at) > FOLD_TOLD_NS)
            la_fold_end(st, c);
}

void
la_order_finish(struct la_story *st)
{
    for (struct conn *c = st->oldest; c != NULL; c = c->newer)
        for (unsigned side = LEFT; side <= RIGHT; side++)
            while (c->end[side].lane.first != NULL) {
                c->end[side].lane.first->at_end = true;
                give_up(st, c->end[side].lane.first);
            }
    put_out_all(st);
    for (struct conn *c = st->oldest; c != NULL; c = c->newer)
        la_fold_end(st, c);
}
