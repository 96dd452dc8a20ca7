/* SPDX-License-Identifier: MIT
 *
 * row.c - rows in the order in which they began, found by segment id, with their notes
 */
#include "story/story.h"

#include <stdlib.h>
#include <string.h>

/* Ids repeat only when something is wrong; a look-up stays short even then. */
enum { FIND_STEPS_N_MAX = 64 };

void
la_row_queue_push(struct row_queue *queue, struct row *row)
{
    row->prev = queue->last;
    row->next = NULL;
    if (queue->last != NULL)
        queue->last->next = row;
    else
        queue->first = row;
    queue->last = row;
    queue->n++;
}

void
la_row_queue_remove(struct row_queue *queue, struct row *row)
{
    if (row->prev != NULL)
        row->prev->next = row->next;
    else
        queue->first = row->next;
    if (row->next != NULL)
        row->next->prev = row->prev;
    else
        queue->last = row->prev;
    row->prev = row->next = NULL;
    queue->n--;
}

struct row *
la_row_queue_pop(struct row_queue *queue)
{
    struct row *row = queue->first;
    if (row != NULL)
        la_row_queue_remove(queue, row);
    return row;
}

struct row *
la_row_new(struct la_story *st, enum row_kind kind, struct conn *conn, la_instant at)
{
    struct row *row = la_story_take(st, sizeof(*row));
    if (row == NULL) {
        st->stats.rows_let_go_n++;
        return NULL;
    }
    row->kind = (uint8_t)kind;
    row->conn = conn;
    row->begun_at = la_instant_is_never(at) ? st->now : at;
    row->at[LEFT] = row->at[RIGHT] = row->delivered_at = LA_INSTANT_NEVER;
    if (conn != NULL)
        conn->rows_n++;
    st->stats.rows_n++;
    return row;
}

static struct row **
bucket_of(struct la_story *st, uint64_t id)
{
    return &st->row_buckets[la_hash2(&st->key, id, 0) & (st->row_buckets_n - 1)];
}

void
la_row_hash(struct la_story *st, struct row *row, uint64_t id)
{
    row->id = id;
    if (id == 0)
        return;
    struct row **bucket = bucket_of(st, id);
    row->bucket_next = *bucket;
    *bucket = row;
    row->hashed = true;
}

void
la_row_unhash(struct la_story *st, struct row *row)
{
    if (!row->hashed)
        return;
    struct row **link = bucket_of(st, row->id);
    while (*link != row)
        link = &(*link)->bucket_next;
    *link = row->bucket_next;
    row->hashed = false;
}

struct row *
la_row_find(struct la_story *st, uint64_t id, const struct conn *conn, enum row_fate fate)
{
    if (id == 0)
        return NULL;
    struct row *found = NULL;
    bool fits = false;
    int steps = 0;
    for (struct row *row = *bucket_of(st, id); row != NULL && steps < FIND_STEPS_N_MAX;
         row = row->bucket_next, steps++) {
        if (row->id != id || (conn != NULL && row->conn != conn))
            continue;
        /* The newest comes first, so the last one that fits is the oldest. */
        if (row->fate == fate || !fits)
            found = row;
        fits = fits || row->fate == fate;
    }
    return found;
}

void
la_row_free(struct la_story *st, struct row *row)
{
    la_row_unhash(st, row);
    while (row->notes != NULL) {
        struct note *note = row->notes;
        row->notes = note->next;
        free(note);
    }
    free(row);
}

void
la_row_note(struct la_story *st, struct row *row, const struct note *head, const char *text)
{
    la_remark_row(st, row, head, text);
    if (row->notes_n >= NOTES_N_MAX)
        return;
    size_t n = strlen(text) + 1;
    struct note *note = la_story_take(st, sizeof(*note) + n);
    if (note == NULL)
        return;
    note->cite = head->cite;
    note->side = head->side;
    note->style = head->style;
    note->name_n = head->name_n;
    note->quiet = head->quiet;
    memcpy(note->text, text, n);
    struct note **link = &row->notes;
    while (*link != NULL)
        link = &(*link)->next;
    *link = note;
    row->notes_n++;
    row->eventful = row->eventful || !note->quiet;
}
