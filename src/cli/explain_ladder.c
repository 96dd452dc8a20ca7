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

enum { EVENTS_ROOM = 256, EVENTS_N_MAX = 1 << 20 };

struct kept {
    struct la_event event;
    size_t ordinal;
};

struct ladder {
    struct kept *events;
    size_t n, room;
    uint64_t left_out_n;
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
        struct kept *grown = room > EVENTS_N_MAX ? NULL : realloc(l->events, room * sizeof(*grown));
        if (grown == NULL) {
            l->left_out_n++;
            return;
        }
        l->events = grown;
        l->room = room;
    }
    l->events[l->n] = (struct kept){*event, l->n};
    l->n++;
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
    cfg.flags = LA_STORY_ONE_SIDED | (args->colour ? LA_STORY_COLOR : 0) |
                (args->ascii ? LA_STORY_ASCII : 0) | (args->full ? LA_STORY_FULL : 0) |
                (args->absolute ? LA_STORY_ABSOLUTE : 0) |
                (args->names == LA_NAMES_LINUX ? LA_STORY_NAMES_LINUX : 0);
    if (la_story_new(&cfg, &story) != LA_OK) {
        out->failed = true;
        return;
    }
    struct la_trace trace = la_story_trace(story);
    for (size_t i = 0; i < l->n; i++)
        trace.sink(trace.ctx, &l->events[i].event);
    la_story_finish(story);
    la_story_free(story);
}

static void
ladder_end(struct la_explain_out *out, const struct la_explain_file *file,
           struct la_captures *captures)
{
    (void)captures;
    struct ladder *l = out->view;
    char count[LA_EXPLAIN_WORD_BYTES];
    if (l->n == 0 && out->args->conn != UINT64_MAX)
        (void)fprintf(out->file, "there is no connection %llu: the capture has %s\n",
                      (unsigned long long)out->args->conn,
                      la_explain_count(file->connections, count));
    else if (l->n == 0)
        (void)fprintf(out->file, "no TCP connection in %s packets\n",
                      la_explain_count(file->packets, count));
    if (l->n > 0)
        qsort(l->events, l->n, sizeof(*l->events), earlier);
    if (l->n > 0)
        tell(out, l);
    if (l->left_out_n > 0)
        (void)fprintf(stderr,
                      "lastack explain: %s events behind these are not shown; choose a connection "
                      "with --conn, or a time with --from and --to\n",
                      la_explain_count(l->left_out_n, count));
    free(l->events);
    free(l);
}

const struct la_explain_view la_explain_ladder = {
    .name = "ladder",
    .begin = ladder_begin,
    .event = ladder_event,
    .end = ladder_end,
};
