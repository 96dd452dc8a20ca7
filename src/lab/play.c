/* SPDX-License-Identifier: MIT
 *
 * play.c - a scenario on the stage: words, bed, ladder, checks
 */
#include "lab/print.h"
#include "lab/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

enum { LINE_BYTES = 512 };
/* Between the parts of a scenario, so that a capture shows them apart. */
enum { PAUSE_S = 1 };
/* What is under way when a part ends still arrives. */
enum { FAREWELL_MS = 500 };

/* ---- words ------------------------------------------------------------------------------ */

static void
put_intro(const struct la_scenario *scenario, const struct la_story_cfg *story)
{
    char title[LINE_BYTES];
    snprintf(title, sizeof(title), "%s: %s", scenario->name, scenario->summary);
    la_lab_put_heading(story, title);
    la_lab_put_text(&story->ladder, "\n");
    la_lab_put_prose(story, "", scenario->intro);
    la_lab_put_text(&story->ladder, "\n");
}

static void
put_part(const struct la_scenario *scenario, size_t part, const struct la_lab_cfg *cfg)
{
    char line[LINE_BYTES];
    const char *title = scenario->parts[part].title;
    if (scenario->parts_n > 1) {
        snprintf(line, sizeof(line), "Part %zu of %zu: %s", part + 1, scenario->parts_n, title);
        la_lab_put_heading(&cfg->story, line);
        la_lab_put_text(&cfg->story.ladder, "\n");
    }
    if (cfg->story.json.write == NULL)
        return;
    /* Names and titles are ours: nothing in them needs escaping. */
    snprintf(line, sizeof(line),
             "{\"v\":1,\"kind\":\"SCENARIO\",\"name\":\"%s\",\"part\":%zu,\"parts\":%zu,"
             "\"title\":\"%s\",\"seed\":\"%" PRIu64 "\"}\n",
             scenario->name, part + 1, scenario->parts_n, title == NULL ? scenario->summary : title,
             cfg->seed);
    la_lab_put_text(&cfg->story.json, line);
}

static void
put_look(const struct la_scenario *scenario, const struct la_story_cfg *story)
{
    la_lab_put_text(&story->ladder, "\n");
    la_lab_put_heading(story, "What to look for");
    la_lab_put_prose(story, "  * ", scenario->look);
}

/* ---- who hears of it -------------------------------------------------------------------- */

/* One story; two, where the ladder shows less than happens. */
struct stories {
    struct la_story *all, *shown; /* `all`: NULL when that is the same */
    struct la_trace shown_trace;
    const struct la_lab *lab;
    la_lab_hides *hides;
    size_t hidden_n; /* segments */
    struct la_bed_pace pace;
};

static void
show(void *ctx, const struct la_event *event)
{
    struct stories *stories = ctx;
    if (stories->hides == NULL || !stories->hides(stories->lab, event))
        stories->shown_trace.sink(stories->shown_trace.ctx, event);
    else
        stories->hidden_n += event->kind == LA_EVENT_SEGMENT_SENT;
}

static la_err
stories_new(const struct la_lab_cfg *cfg, const struct la_scenario *scenario,
            const struct la_lab *lab, struct stories *out)
{
    struct la_story_cfg shown = cfg->story, all = cfg->story;
    const struct la_story_writer nowhere = {.write = NULL};
    *out = (struct stories){.lab = lab, .pace = cfg->pace};
    if (scenario->hides != NULL && (cfg->story.flags & LA_STORY_FULL) == 0) {
        out->hides = scenario->hides;
        shown.json = nowhere;
        shown.remark = NULL;
        all.flags |= LA_STORY_NO_LADDER;
        if (scenario->sums_hidden)
            shown.flags |= LA_STORY_NO_SUMMARY;
        else
            all.ladder = nowhere;
        la_err err = la_story_new(&all, &out->all);
        if (err != LA_OK)
            return err;
    }
    la_err err = la_story_new(&shown, &out->shown);
    if (err == LA_OK)
        out->shown_trace = la_story_trace(out->shown);
    else
        la_story_free(out->all);
    return err;
}

/* Somebody watches: what has happened is drawn before time goes on. */
static void
draw_and_wait(void *ctx, const struct la_bed *bed, la_instant until)
{
    struct stories *stories = ctx;
    la_story_flush(stories->shown, bed->now);
    stories->pace.wait(stories->pace.ctx, bed, until);
}

static void
stories_hear(struct stories *stories, struct la_bed_cfg *bed)
{
    if (stories->pace.wait != NULL)
        bed->pace = (struct la_bed_pace){draw_and_wait, stories};
    bed->hears[1] = (struct la_trace){show, stories, LA_EVENT_ALL};
    if (stories->all != NULL)
        bed->hears[2] = la_story_trace(stories->all);
}

/* Writes the rest. False: something was left out for lack of memory. */
static bool
story_end(struct la_story *story)
{
    struct la_story_stats stats;
    la_story_finish(story);
    la_story_stats_get(story, &stats);
    la_story_free(story);
    return stats.no_memory_n == 0;
}

static void
stories_end(struct stories *stories, struct la_lab *lab, const struct la_story_cfg *story)
{
    char line[LINE_BYTES];
    bool whole = story_end(stories->shown);
    if (stories->all != NULL)
        whole &= story_end(stories->all);
    la_lab_expect(lab, whole, "no memory for the whole story");
    if (stories->all == NULL)
        return;
    snprintf(line, sizeof(line),
             "%zu segments are not shown above; --full, --pcap and --json have them.",
             stories->hidden_n);
    la_lab_put_prose(story, "", line);
}

/* ---- one part --------------------------------------------------------------------------- */

static void
bed_cfg(const struct la_lab_cfg *cfg, const struct la_lab_part *part, struct la_bed_cfg *bed)
{
    la_bed_cfg_init(bed, cfg->mem, cfg->seed);
    if (part->setup != NULL)
        part->setup(bed);
    for (int end = LA_CLIENT; end <= LA_SERVER; end++) {
        struct la_impair own = bed->impair[end];
        bed->impair[end] = cfg->impair[end];
        if (cfg->impair[end].delay_ns == LA_LAB_OWN_DELAY)
            bed->impair[end].delay_ns = own.delay_ns;
        if (cfg->impair[end].rate_bps == LA_LAB_OWN_RATE)
            bed->impair[end].rate_bps = own.rate_bps;
        if (cfg->impair[end].mark_n == LA_LAB_OWN_MARK)
            bed->impair[end].mark_n = own.mark_n;
        if (cfg->impair[end].mtu_bytes == 0)
            bed->impair[end].mtu_bytes = own.mtu_bytes;
        if (cfg->impair[end].queue_n == 0)
            bed->impair[end].queue_n = own.queue_n;
        if (cfg->congestion != NULL)
            (void)snprintf(bed->tcp[end].congestion_control,
                           sizeof(bed->tcp[end].congestion_control), "%s", cfg->congestion);
        if (bed->mtu_bytes[end] > cfg->mtu_bytes)
            bed->mtu_bytes[end] = cfg->mtu_bytes;
    }
    bed->capture = cfg->capture;
    bed->capture_iface = cfg->capture_iface[bed->layer];
}

static void
fail(char *failure, const char *what, la_err err)
{
    snprintf(failure, LA_LAB_TEXT_BYTES, "%s: %s", what, la_strerror(err));
}

/* Below the ladder, and to where it is kept. */
static void
draw_plot(const struct la_scenario *scenario, size_t nth, const struct la_lab_cfg *cfg,
          struct la_lab *lab)
{
    char name[LINE_BYTES], why[LA_LAB_TEXT_BYTES];
    const struct la_plot *plot = scenario->plot(lab);
    la_lab_put_text(&cfg->story.ladder, "\n");
    la_plot_draw(plot, &cfg->story);
    snprintf(name, sizeof(name), "%s-%zu", scenario->name, nth + 1);
    if (cfg->plotted != NULL && !cfg->plotted(cfg->plotted_ctx, name, plot, why))
        la_lab_expect(lab, false, "%s", why);
}

/* Plays one part from *at on; *at becomes the instant at which it ended. */
static bool
play_part(const struct la_scenario *scenario, size_t nth, const struct la_lab_cfg *cfg,
          la_instant *at, char *failure)
{
    const struct la_lab_part *part = &scenario->parts[nth];
    struct la_lab lab;
    struct la_bed_cfg bed;
    struct stories stories;
    bed_cfg(cfg, part, &bed);
    bed.begin_at = *at;
    la_lab_init(&lab, &bed);
    lab.hides = scenario->hides;
    la_err err = stories_new(cfg, scenario, &lab, &stories);
    if (err != LA_OK) {
        fail(failure, "no story", err);
        return false;
    }
    stories_hear(&stories, &bed);
    lab.own = calloc(1, scenario->own_bytes + 1);
    err = lab.own == NULL ? LA_ERR_NO_MEMORY : la_bed_new(&bed, &lab.bed);
    if (err != LA_OK) {
        la_story_free(stories.all);
        la_story_free(stories.shown);
        free(lab.own);
        fail(failure, "no test bed", err);
        return false;
    }
    part->play(&lab);
    la_lab_run(&lab, FAREWELL_MS);
    la_lab_expect(&lab, !lab.bed->record_failed, "no memory for the record of what happened");
    *at = lab.bed->now;
    if (cfg->part_ends != NULL)
        cfg->part_ends(cfg->pace.ctx);
    stories_end(&stories, &lab, &cfg->story);
    if (scenario->tell != NULL && lab.failure[0] == 0)
        scenario->tell(&lab, &cfg->story);
    if (scenario->plot != NULL && lab.failure[0] == 0)
        draw_plot(scenario, nth, cfg, &lab);
    la_bed_free(lab.bed);
    free(lab.own);
    memcpy(failure, lab.failure, LA_LAB_TEXT_BYTES);
    return failure[0] == 0;
}

bool
la_scenario_play(const struct la_scenario *scenario, const struct la_lab_cfg *cfg, char *failure)
{
    bool shown = true;
    struct la_lab_cfg part_cfg = *cfg;
    la_instant at = {0};
    failure[0] = 0;
    put_intro(scenario, &cfg->story);
    for (size_t i = 0; shown && i < scenario->parts_n; i++) {
        if (i != 0)
            la_lab_put_text(&cfg->story.ladder, "\n");
        part_cfg.seed = cfg->seed + i * UINT64_C(0x9e3779b97f4a7c15); /* another one each time */
        put_part(scenario, i, cfg);
        shown = play_part(scenario, i, &part_cfg, &at, failure);
        at = la_instant_add_ns(at, PAUSE_S * LA_NS_PER_S);
        /* Ids of segments begin again: comments must not reach the previous part. */
        if (cfg->capture != NULL && la_capture_writer_flush(cfg->capture) != 0)
            break; /* closing it reports the error */
    }
    if (shown)
        put_look(scenario, &cfg->story);
    return shown;
}
