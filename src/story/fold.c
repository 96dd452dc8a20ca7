/* SPDX-License-Identifier: MIT
 *
 * fold.c - which rows are shown: long uneventful runs become one line
 *
 * The first rows of a run are shown, then they are hidden. When something happens the line that
 * stands for them is written, and the last ones are shown after all, so that it is seen what led
 * to the event.
 */
#include "story/draw.h"

/* Hidden rows kept as rows; of these are shown when the run ends. */
enum { KEEP_N = 4, SHOW_N = 2 };

static bool
is_eventful(const struct la_story *st, const struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    if (row->eventful || row->kind == ROW_LINE)
        return true;
    if (row->fate != FATE_ARRIVED && !story_has(st, LA_STORY_ONE_SIDED))
        return true;
    if (row->changed[LEFT] || row->changed[RIGHT])
        return true;
    unsigned rare = LA_TCP_SYN | LA_TCP_FIN | LA_TCP_RST | LA_TCP_URG | LA_TCP_ECE | LA_TCP_CWR;
    return (s->flags & rare) != 0 || s->window == 0 || row->again;
}

static void
add_up(struct fold *fold, const struct row *row)
{
    la_instant first = row->begun_at, last = row->begun_at;
    la_instant arrived = row->at[row->from ^ 1];
    if (!la_instant_is_never(arrived) && last.ns < arrived.ns)
        last = arrived;
    if (fold->rows_n == 0 || first.ns < fold->first_at.ns)
        fold->first_at = first;
    if (fold->rows_n == 0 || fold->last_at.ns < last.ns)
        fold->last_at = last;
    fold->rows_n++;
    if (row->segment.len != 0) {
        fold->data_n[row->from]++;
        fold->octets[row->from] += row->segment.len;
    } else {
        fold->acks_n[row->from]++;
    }
}

static void
show(struct la_story *st, struct row *take_row)
{
    la_ladder_row(st, take_row);
    la_row_free(st, take_row);
}

static void
hide(struct la_story *st, struct fold *fold, struct row *take_row)
{
    la_row_queue_push(&fold->hidden, take_row);
    if (fold->hidden.n <= KEEP_N)
        return;
    struct row *oldest = la_row_queue_pop(&fold->hidden);
    add_up(fold, oldest);
    la_row_free(st, oldest);
}

void
la_fold_end(struct la_story *st, struct conn *conn)
{
    struct fold *fold = &conn->fold;
    if (fold->rows_n != 0) {
        while (fold->hidden.n > SHOW_N) {
            struct row *row = la_row_queue_pop(&fold->hidden);
            add_up(fold, row);
            la_row_free(st, row);
        }
        la_ladder_fold(st, conn);
    }
    for (struct row *row; (row = la_row_queue_pop(&fold->hidden)) != NULL;)
        show(st, row);
    *fold = (struct fold){.plain_n = fold->plain_n};
}

void
la_fold_drop(struct la_story *st, struct conn *conn)
{
    for (struct row *row; (row = la_row_queue_pop(&conn->fold.hidden)) != NULL;)
        la_row_free(st, row);
}

void
la_fold_row(struct la_story *st, struct row *take_row)
{
    struct conn *conn = take_row->conn;
    bool releases_nothing = take_row->kind == ROW_LINE && !take_row->eventful;
    if (releases_nothing) {
        la_row_free(st, take_row);
    } else if (conn == NULL || story_has(st, LA_STORY_FULL)) {
        show(st, take_row);
    } else if (is_eventful(st, take_row)) {
        la_fold_end(st, conn);
        conn->fold.plain_n = 0;
        show(st, take_row);
    } else if (conn->fold.plain_n < st->cfg.plain_n_max) {
        conn->fold.plain_n++;
        show(st, take_row);
    } else {
        hide(st, &conn->fold, take_row);
    }
}
