/* SPDX-License-Identifier: MIT
 *
 * explain_ladder.c - every segment with the states of both ends
 *
 * The analyser understands some changes of state only later. So everything is kept until the end,
 * brought into the order of the segments that caused it, and then told to the story.
 */
#include "cli/explain_prose.h"

#include <lastack/story.h>
#include <stdlib.h>
#include <string.h>

#include "cli/views.h"

enum { EVENTS_ROOM = 256, EVENTS_N_MAX = 1 << 20 };

struct kept {
    struct la_event event;
    size_t ordinal;
};

/* A connection that a filter let through, or of which something was noticed. */
struct told {
    uint64_t id;   /* la_explain_conn.id */
    char *noticed; /* sentences; NULL: nothing */
};

struct ladder {
    struct kept *events;
    size_t n, room;
    uint64_t left_out_n;
    struct told *told; /* in the end by id */
    size_t told_n, told_room;
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

/* NULL: nothing, or no memory. */
static char *
noticed_of(struct la_explain_out *out, const struct la_explain_conn *conn)
{
    struct la_prose p;
    if (conn->findings_n == 0)
        return NULL;
    if (!la_prose_begin(&p)) {
        out->failed = true;
        return NULL;
    }
    la_explain_say_findings(p.stream, conn);
    char *text = la_prose_take(&p);
    out->failed |= text == NULL;
    size_t n = text == NULL ? 0 : strlen(text);
    if (n > 0)
        text[n - 1] = 0; /* the space behind the last sentence */
    if (n > 0)
        return text;
    free(text);
    return NULL;
}

/* Whether a filter lets a connection through is known when it ends: its events wait until then. Of
 * those whose events there was no room for, nothing is kept. */
static void
ladder_conn(struct la_explain_out *out, const struct la_explain_conn *conn)
{
    struct ladder *l = out->view;
    if (out->args->filter == NULL && (conn->findings_n == 0 || l->left_out_n > 0))
        return;
    if (l->told_n == l->told_room) {
        size_t room = l->told_room == 0 ? EVENTS_ROOM : l->told_room * 2;
        struct told *grown = realloc(l->told, room * sizeof(*grown));
        if (grown == NULL) {
            out->failed = true;
            return;
        }
        l->told = grown;
        l->told_room = room;
    }
    l->told[l->told_n++] = (struct told){conn->id, noticed_of(out, conn)};
}

static int
smaller(const void *a, const void *b)
{
    uint64_t x = ((const struct told *)a)->id, y = ((const struct told *)b)->id;
    return (x > y) - (x < y);
}

static const struct told *
told_of(const struct ladder *l, uint64_t id)
{
    const struct told key = {.id = id};
    return l->told_n == 0 ? NULL : bsearch(&key, l->told, l->told_n, sizeof(key), smaller);
}

static const char *
noticed(void *ctx, uint32_t number)
{
    const struct told *told = told_of(ctx, number);
    return told == NULL ? NULL : told->noticed;
}

/* Leaves the events of chosen connections. */
static void
choose(struct ladder *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (told_of(l, l->events[i].event.conn - 1) != NULL)
            l->events[n++] = l->events[i];
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
    cfg.noticed = noticed;
    cfg.noticed_ctx = l;
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
    if (l->told_n > 0)
        qsort(l->told, l->told_n, sizeof(*l->told), smaller);
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
    for (size_t i = 0; i < l->told_n; i++)
        free(l->told[i].noticed);
    free(l->told);
    free(l->events);
}

const struct la_explain_view la_explain_ladder = {
    .name = "ladder",
    .begin = ladder_begin,
    .conn = ladder_conn,
    .event = ladder_event,
    .end = ladder_end,
    .fini = ladder_fini,
};
