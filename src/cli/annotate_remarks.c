/* SPDX-License-Identifier: MIT
 *
 * annotate_remarks.c - the first reading of a capture: remarks, and the frames that they stand on
 */
#include "cli/annotate.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "capture/captures.h"
#include "cli/views.h"
#include "story/story.h"

enum { ROOM_MIN = 1024 };

/* Room for one more of `size`; false: no memory. */
static bool
room_for(void **list, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return true;
    size_t more = *room == 0 ? ROOM_MIN : *room * 2;
    void *grown = more <= SIZE_MAX / size ? realloc(*list, more * size) : NULL;
    if (grown == NULL)
        return false;
    *list = grown;
    *room = more;
    return true;
}

static void
hear(void *ctx, const struct la_event *event)
{
    struct annotator *a = ctx;
    while (a->marks_n <= event->segment_id && !a->no_memory) {
        a->no_memory = !room_for((void **)&a->marks, a->marks_n, &a->marks_room, sizeof(*a->marks));
        if (!a->no_memory)
            a->marks[a->marks_n++] = (struct mark){0};
    }
    if (!a->no_memory && event->conn <= UINT32_MAX)
        a->marks[event->segment_id] = (struct mark){(uint32_t)event->conn};
    a->story.sink(a->story.ctx, event);
}

static bool
add(struct annotator *a, const struct remark *remark)
{
    if (!room_for((void **)&a->remarks, a->remarks_n, &a->remarks_room, sizeof(*a->remarks))) {
        a->no_memory = true;
        return false;
    }
    a->remarks[a->remarks_n] = *remark;
    a->remarks[a->remarks_n].ordinal = (uint32_t)a->remarks_n;
    a->remarks_n++;
    return true;
}

static void
remark(void *ctx, uint64_t frame, const char *text)
{
    struct annotator *a = ctx;
    char *words = strdup(text);
    if (words == NULL)
        a->no_memory = true;
    else if (!add(a, &(struct remark){.frame = frame, .kind = REMARK_WORDS, .words = words}))
        free(words);
}

/* The states before the first of its changes. */
static void
begin_states(struct annotator *a, const struct la_explain_conn *conn)
{
    if (conn->id >= a->conns_n) {
        size_t n = (size_t)conn->id + 1 > a->conns_n * 2 ? (size_t)conn->id + 1 : a->conns_n * 2;
        struct states *grown = realloc(a->conns, n * sizeof(*grown));
        if (grown == NULL) {
            a->no_memory = true;
            return;
        }
        memset(grown + a->conns_n, 0, (n - a->conns_n) * sizeof(*grown));
        a->conns = grown;
        a->conns_n = n;
    }
    struct states *states = &a->conns[conn->id];
    for (unsigned end = 0; end < 2; end++)
        states->of[end] = conn->proven[end];
    for (size_t i = conn->transitions_n; i-- > 0;)
        states->of[conn->transitions[i].end] = conn->transitions[i].from;
}

static void
take(struct annotator *a, const struct la_explain_conn *conn)
{
    begin_states(a, conn);
    for (size_t i = 0; i < conn->transitions_n; i++)
        (void)add(a, &(struct remark){.frame = conn->transitions[i].frame,
                                      .conn = (uint32_t)conn->id,
                                      .kind = REMARK_TRANSITION,
                                      .transition = conn->transitions[i]});
    for (size_t i = 0; i < conn->findings_n; i++)
        for (unsigned k = 0; k < conn->findings[i].frames_n; k++)
            (void)add(a, &(struct remark){.frame = conn->findings[i].frames[k],
                                          .conn = (uint32_t)conn->id,
                                          .kind = REMARK_FINDING,
                                          .finding = conn->findings[i]});
}

static int
by_frame(const void *x, const void *y)
{
    const struct remark *a = x, *b = y;
    if (a->frame != b->frame)
        return a->frame < b->frame ? -1 : 1;
    return a->ordinal < b->ordinal ? -1 : 1;
}

static void
read_all(struct annotator *a, struct la_captures *captures, struct la_explain *explain)
{
    struct la_explain_conn conn;
    struct la_capture_packet packet;
    while (la_captures_next(captures, &packet) == LA_CAPTURE_PACKET) {
        la_explain_packet(explain, &(struct la_explain_packet){
                                       .bytes = {packet.data, packet.cap_bytes},
                                       .wire_bytes = packet.wire_bytes,
                                       .link_type = packet.link_type,
                                       .iface = packet.iface_idx,
                                       .frame = packet.frame_n,
                                       .at = packet.at,
                                   });
        while (la_explain_next(explain, &conn))
            take(a, &conn);
    }
    la_explain_finish(explain);
    while (la_explain_next(explain, &conn))
        take(a, &conn);
}

bool
la_annotate_remark(struct annotator *a, struct la_mem *mem)
{
    struct la_explain_cfg cfg;
    struct la_story_cfg story_cfg;
    struct la_explain *explain = NULL;
    struct la_story *story = NULL;
    struct la_captures *captures = la_annotate_open(a);
    if (captures == NULL)
        return false;
    la_story_cfg_init(&story_cfg);
    story_cfg.flags = LA_STORY_ONE_SIDED;
    story_cfg.remark = remark;
    story_cfg.remark_ctx = a;
    la_explain_cfg_init(&cfg);
    cfg.trace = (struct la_trace){hear, a, LA_EVENT_BIT(LA_EVENT_SEGMENT_SENT)};
    if (la_story_new(&story_cfg, &story) == LA_OK && la_explain_new(&cfg, mem, &explain) == LA_OK) {
        a->story = la_story_trace(story);
        read_all(a, captures, explain);
        a->no_memory |= la_views_story_is_short(story) || la_mem_was_short(mem);
        a->unread = la_captures_failed(captures);
        la_explain_free(explain);
        if (a->remarks_n > 0)
            qsort(a->remarks, a->remarks_n, sizeof(*a->remarks), by_frame);
    } else {
        a->no_memory = true;
    }
    la_story_free(story);
    la_captures_free(captures);
    return !a->no_memory;
}
