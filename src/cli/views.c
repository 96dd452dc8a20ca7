/* SPDX-License-Identifier: MIT
 *
 * views.c - what a command shows of the story: ladder, JSON, capture
 *
 * A view that can no longer be written (a full disk) is said once; the run goes on.
 */
#include "cli/views.h"

#include "cli/cli.h"
#include "cli/terminal.h"

#include <lastack/story.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t flush_ns = INT64_C(200000000);

uint32_t
la_views_names(enum la_names names)
{
    static const uint32_t flags[LA_NAMES_COUNT] = {
        [LA_NAMES_LINUX] = LA_STORY_NAMES_LINUX, [LA_NAMES_BSD] = LA_STORY_NAMES_BSD};
    return flags[names];
}

static void
comment(void *ctx, uint64_t segment_id, const char *text)
{
    la_capture_writer_comment(ctx, segment_id, text);
}

void
la_views_comments(struct la_story_cfg *story, struct la_capture_writer *capture)
{
    story->remark = comment;
    story->remark_ctx = capture;
}

/* A program that also serves is not always the client. */
static const char *const *
ends_of(const struct la_views_cfg *cfg)
{
    static const char *const usual[2] = {"client", "server"};
    static const char *const serving[2] = {"program", "outside"};
    return cfg->serving ? serving : usual;
}

static bool
open_capture(struct la_views *v, const struct la_views_cfg *cfg)
{
    const char *name = cfg->pcap;
    int error = la_capture_writer_open(name, "lastack run", &v->capture);
    if (error == 0)
        error = la_capture_writer_iface(v->capture, "lastack0", "the program's end of the wire",
                                        cfg->ethernet ? LA_CAPTURE_ETHERNET : LA_CAPTURE_IP,
                                        &v->capture_iface);
    if (error != 0) {
        (void)la_cli_unwritten("run", name, error);
        return false;
    }
    v->pcap_name = name;
    return true;
}

bool
la_views_story_is_short(const struct la_story *story)
{
    struct la_story_stats stats;
    la_story_stats_get(story, &stats);
    return stats.no_memory_n != 0;
}

/* ---- ladder and JSON ----------------------------------------------------------------------- */

static uint32_t
ladder_flags(void)
{
    return (la_terminal_has_colour(STDERR_FILENO) ? LA_STORY_COLOR : 0) |
           (la_terminal_is_ascii(STDERR_FILENO) ? LA_STORY_ASCII : 0);
}

static bool
open_json(struct la_views *v, const char *name)
{
    v->json_name = name;
    v->json = strcmp(name, "-") == 0 ? stdout : fopen(name, "we");
    if (v->json == NULL)
        (void)la_cli_unwritten("run", name, errno);
    return v->json != NULL;
}

static bool
open_story(struct la_views *v, const struct la_views_cfg *cfg)
{
    struct la_story_cfg story;
    la_story_cfg_init(&story);
    story.flags = ladder_flags() | (cfg->one_sided ? LA_STORY_ONE_SIDED : 0);
    story.width = la_terminal_width(STDERR_FILENO, LA_STORY_WIDTH_MIN);
    story.client_name = ends_of(cfg)[0];
    story.server_name = ends_of(cfg)[1];
    if (cfg->watch) {
        v->watched = true;
        story.ladder = la_story_writer_file(stderr);
        (void)setvbuf(stderr, v->ladder_buf, _IOFBF, sizeof(v->ladder_buf));
    }
    if (cfg->json != NULL && !open_json(v, cfg->json))
        return false;
    if (cfg->json != NULL)
        story.json = la_story_writer_file(v->json);
    if (v->capture != NULL)
        la_views_comments(&story, v->capture);
    if (la_story_new(&story, &v->story) != LA_OK) {
        (void)la_cli_unwritten("run", "the story", ENOMEM);
        return false;
    }
    return true;
}

/* ---- together ------------------------------------------------------------------------------ */

bool
la_views_open(struct la_views *v, const struct la_views_cfg *cfg)
{
    *v = (struct la_views){0};
    bool wanted = cfg->watch || cfg->json != NULL || cfg->pcap != NULL;
    if ((cfg->pcap == NULL || open_capture(v, cfg)) && (!wanted || open_story(v, cfg)))
        return true;
    (void)la_views_close(v);
    return false;
}

struct la_trace
la_views_trace(struct la_views *v)
{
    return v->story != NULL ? la_story_trace(v->story) : (struct la_trace){.mask = 0};
}

/* A view failed to write: said once. */
static void
failed(struct la_views *v, const char *name, int error)
{
    if (error != 0 && !v->failed)
        (void)la_cli_unwritten("run", name, error);
    v->failed |= error != 0;
}

static void
flush_json(struct la_views *v)
{
    if (v->json == NULL || (fflush(v->json) == 0 && !ferror(v->json)))
        return;
    if (v->json != stdout) /* of which main.c says it at the end */
        failed(v, v->json_name, errno != 0 ? errno : EIO);
}

void
la_views_idle(void *ctx, la_instant now)
{
    struct la_views *v = ctx;
    if (v->story != NULL) {
        la_story_flush(v->story, now); /* live: the ladder is read while it grows */
        (void)fflush(stderr);
    }
    if (now.ns - v->flushed_at.ns < flush_ns)
        return;
    v->flushed_at = now;
    flush_json(v);
    if (v->capture != NULL)
        failed(v, v->pcap_name, la_capture_writer_flush(v->capture));
}

bool
la_views_close(struct la_views *v)
{
    if (v->story != NULL)
        la_story_finish(v->story);
    if (v->story != NULL && la_views_story_is_short(v->story))
        failed(v, "all of the story", ENOMEM);
    la_story_free(v->story);
    v->story = NULL;
    (void)fflush(stderr);
    v->failed |= v->watched && ferror(stderr) != 0; /* nobody can be told */
    (void)setvbuf(stderr, NULL, _IONBF, 0);         /* its buffer goes with the views */
    flush_json(v);
    if (v->json != NULL && v->json != stdout && fclose(v->json) != 0)
        failed(v, v->json_name, errno);
    v->json = NULL;
    if (v->capture != NULL)
        failed(v, v->pcap_name, la_capture_writer_close(v->capture));
    v->capture = NULL;
    return !v->failed;
}
