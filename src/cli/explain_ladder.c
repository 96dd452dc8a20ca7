/* SPDX-License-Identifier: MIT
 *
 * explain_ladder.c - every segment with the states of both ends
 *
 * The analyser understands some changes of state only later. So everything is kept until the end,
 * brought into the order of the segments that caused it, and then told to the story.
 */
#include "cli/explain.h"

#include <lastack/story.h>
#include <stdlib.h>
#include <string.h>

#include "cli/views.h"

enum { EVENTS_ROOM = 256, EVENTS_N_MAX = 1 << 20 };

struct kept {
    struct la_event event;
    size_t ordinal;
};

struct ladder {
    struct kept *events;
    size_t n, room;
    uint64_t left_out_n;
    uint64_t *chosen; /* with a filter: events->conn of connections that it let through, sorted */
    size_t chosen_n, chosen_room;
};

static bool
ladder_begin(struct la_explain_out *out)
{
    out->view = calloc(1, sizeof(struct ladder));
    return out->view != NULL;
}

static void
ladder_event(struct la_explain_out *out, const struct la_event *event)
{
    struct ladder *l = out->view;
    if (l->n == l->room) {
        size_t room = l->room == 0 ? EVENTS_ROOM : l->room * 2;
        bool too_many = room > EVENTS_N_MAX;
        struct kept *grown = too_many ? NULL : realloc(l->events, room * sizeof(*grown));
        l->left_out_n += too_many;
        out->failed |= !too_many && grown == NULL;
        if (grown == NULL)
            return;
        l->events = grown;
        l->room = room;
    }
    l->events[l->n] = (struct kept){*event, l->n};
    l->n++;
}

/* Whether a filter lets a connection through is known when it ends: its events wait until then. */
static void
ladder_conn(struct la_explain_out *out, const struct la_explain_conn *conn)
{
    struct ladder *l = out->view;
    if (out->args->filter == NULL)
        return;
    if (l->chosen_n == l->chosen_room) {
        size_t room = l->chosen_room == 0 ? EVENTS_ROOM : l->chosen_room * 2;
        uint64_t *grown = realloc(l->chosen, room * sizeof(*grown));
        if (grown == NULL) {
            out->failed = true;
            return;
        }
        l->chosen = grown;
        l->chosen_room = room;
    }
    l->chosen[l->chosen_n++] = conn->id + 1;
}

static int
smaller(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Leaves the events of chosen connections. */
static void
choose(struct ladder *l)
{
    size_t n = 0;
    if (l->chosen_n > 0)
        qsort(l->chosen, l->chosen_n, sizeof(*l->chosen), smaller);
    for (size_t i = 0; i < l->n; i++) {
        uint64_t conn = l->events[i].event.conn;
        if (l->chosen_n > 0 &&
            bsearch(&conn, l->chosen, l->chosen_n, sizeof(*l->chosen), smaller) != NULL)
            l->events[n++] = l->events[i];
    }
    l->n = n;
}

/* By segment, the segment before what it caused. */
static int
earlier(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    bool x_state = x->event.kind == LA_EVENT_STATE, y_state = y->event.kind == LA_EVENT_STATE;
    if (x->event.segment_id != y->event.segment_id)
        return x->event.segment_id < y->event.segment_id ? -1 : 1;
    if (x_state != y_state)
        return x_state ? 1 : -1;
    return x->ordinal < y->ordinal ? -1 : 1;
}

static void
tell(struct la_explain_out *out, struct ladder *l)
{
    const struct la_explain_args *args = out->args;
    struct la_story_cfg cfg;
    struct la_story *story;
    la_story_cfg_init(&cfg);
    cfg.ladder = la_story_writer_file(out->file);
    cfg.width = args->width;
    cfg.flags = LA_STORY_ONE_SIDED | LA_STORY_CONN_NUMBERS | (args->colour ? LA_STORY_COLOR : 0) |
                (args->ascii ? LA_STORY_ASCII : 0) | (args->full ? LA_STORY_FULL : 0) |
                (args->absolute ? LA_STORY_ABSOLUTE : 0) |
                la_views_names((enum la_names)args->names);
    if (la_story_new(&cfg, &story) != LA_OK) {
        out->failed = true;
        return;
    }
    struct la_trace trace = la_story_trace(story);
    for (size_t i = 0; i < l->n; i++)
        trace.sink(trace.ctx, &l->events[i].event);
    la_story_finish(story);
    out->failed |= la_views_story_is_short(story);
    la_story_free(story);
}

static void
ladder_end(struct la_explain_out *out, const struct la_explain_file *file,
           struct la_captures *captures)
{
    (void)captures;
    struct ladder *l = out->view;
    char count[LA_EXPLAIN_WORD_BYTES];
    if (out->args->filter != NULL)
        choose(l);
    if (l->n == 0)
        la_explain_none(out, file);
    if (l->n > 0)
        qsort(l->events, l->n, sizeof(*l->events), earlier);
    if (l->n > 0)
        tell(out, l);
    if (l->left_out_n > 0)
        (void)fprintf(stderr,
                      "lastack explain: %s events behind these are not shown; choose a connection "
                      "with --conn, or a time with --from and --to\n",
                      la_explain_count(l->left_out_n, count));
}

static void
ladder_fini(struct la_explain_out *out)
{
    struct ladder *l = out->view;
    if (l == NULL)
        return;
    free(l->events);
    free(l->chosen);
}

const struct la_explain_view la_explain_ladder = {
    .name = "ladder",
    .begin = ladder_begin,
    .conn = ladder_conn,
    .event = ladder_event,
    .end = ladder_end,
    .fini = ladder_fini,
};
