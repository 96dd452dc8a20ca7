/* SPDX-License-Identifier: MIT
 *
 * story.c - a story's life: configuration, trace, flush, finish
 */
#include "story/collect.h"
#include "story/draw.h"
#include "story/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_COLUMNS_MAX = 16, WIDTH_DEFAULT = 80 };

void
la_story_cfg_init(struct la_story_cfg *cfg)
{
    *cfg = (struct la_story_cfg){
        .width = WIDTH_DEFAULT,
        .rows_n_max = 65536,
        .conns_n_max = 4096,
        .plain_n_max = 6,
        .hold_ms_max = 10000,
    };
}

void *
la_story_take(struct la_story *st, size_t n)
{
    void *p = calloc(1, n);
    if (p == NULL)
        st->stats.no_memory_n++;
    return p;
}

/* A power of two, at least n. */
static uint32_t
buckets_for(uint32_t n)
{
    uint32_t buckets_n = 64;
    while (buckets_n < n && buckets_n < (UINT32_C(1) << 20))
        buckets_n *= 2;
    return buckets_n;
}

static void
cfg_adopt(struct la_story *st, const struct la_story_cfg *cfg)
{
    st->cfg = *cfg;
    if (st->cfg.width == 0)
        st->cfg.width = WIDTH_DEFAULT;
    if (st->cfg.width < LA_STORY_WIDTH_MIN)
        st->cfg.width = LA_STORY_WIDTH_MIN;
    if (st->cfg.width > LA_STORY_WIDTH_MAX)
        st->cfg.width = LA_STORY_WIDTH_MAX;
    if (st->cfg.rows_n_max == 0)
        st->cfg.rows_n_max = 1;
    la_text_name(&st->name[LEFT], cfg->client_name != NULL ? cfg->client_name : "client",
                 NAME_COLUMNS_MAX);
    la_text_name(&st->name[RIGHT], cfg->server_name != NULL ? cfg->server_name : "server",
                 NAME_COLUMNS_MAX);
    st->cfg.client_name = st->cfg.server_name = NULL;
    st->to = story_has(st, LA_STORY_ASCII) ? "->" : "→";
    st->from = story_has(st, LA_STORY_ASCII) ? "<-" : "←";
    st->looked_at = (la_instant){INT64_MIN};
    la_ladder_layout(st);
}

la_err
la_story_new(const struct la_story_cfg *cfg, struct la_story **out)
{
    struct la_story *st = calloc(1, sizeof(*st));
    if (st == NULL)
        return LA_ERR_NO_MEMORY;
    cfg_adopt(st, cfg);
    /* Peers choose ports and ids follow them; where the story lies in memory they cannot know. */
    st->key = (struct la_key){(uintptr_t)st, UINT64_C(0x6c6173746f727921)};
    st->row_buckets_n = buckets_for(st->cfg.rows_n_max / 4);
    st->conn_buckets_n = buckets_for(st->cfg.conns_n_max);
    st->row_buckets = calloc(st->row_buckets_n, sizeof(struct row *));
    st->conn_buckets = calloc(st->conn_buckets_n, sizeof(struct conn *));
    if (st->row_buckets == NULL || st->conn_buckets == NULL) {
        la_story_free(st);
        return LA_ERR_NO_MEMORY;
    }
    *out = st;
    return LA_OK;
}

static void
sink(void *ctx, const struct la_event *event)
{
    struct la_story *st = ctx;
    st->stats.events_n++;
    if (st->finished) {
        st->stats.late_n++;
        return;
    }
    if (event->kind >= LA_EVENT_KIND_COUNT) {
        st->stats.unplaced_n++;
        return;
    }
    bool timed = !la_instant_is_never(event->at);
    if (timed && !st->started) {
        st->started = true;
        st->first_at = st->now = event->at;
    }
    if (timed && st->now.ns < event->at.ns)
        st->now = event->at;
    la_story_collect_event(st, event);
}

struct la_trace
la_story_trace(struct la_story *st)
{
    return (struct la_trace){sink, st, LA_EVENT_ALL};
}

void
la_story_flush(struct la_story *st, la_instant now)
{
    if (!st->finished)
        la_story_collect_flush(st, now);
}

void
la_story_finish(struct la_story *st)
{
    if (st->finished)
        return;
    la_story_collect_finish(st);
    for (struct conn *c = st->oldest; c != NULL; c = c->newer)
        if (!c->summed_up)
            la_story_summary_conn(st, c);
    la_ladder_close(st);
    la_story_summary_all(st);
    st->finished = true;
}

void
la_story_free(struct la_story *st)
{
    if (st == NULL)
        return;
    for (struct row *row; (row = la_row_queue_pop(&st->queue)) != NULL;)
        la_row_free(st, row);
    while (st->oldest != NULL)
        la_story_conn_free(st, st->oldest);
    free(st->row_buckets);
    free(st->conn_buckets);
    free(st);
}

void
la_story_stats_get(const struct la_story *st, struct la_story_stats *out)
{
    *out = st->stats;
}

static void
write_file(void *ctx, const char *bytes, size_t n)
{
    /* A stream remembers its own errors (ferror): its owner asks. */
    (void)!fwrite(bytes, 1, n, ctx);
}

struct la_story_writer
la_story_writer_file(void *stream)
{
    return (struct la_story_writer){write_file, stream};
}
