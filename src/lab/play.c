/* SPDX-License-Identifier: MIT
 *
 * play.c - a scenario on the stage: words, bed, ladder, checks
 */
#include "lab/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"

/* Longer lines of prose are hard to read, whatever the terminal. */
enum { PROSE_COLUMNS_MAX = 100, COLUMNS_DEFAULT = 80, LINE_BYTES = 512 };
/* Between the parts of a scenario, so that a capture shows them apart. */
enum { PAUSE_S = 1 };
/* What is under way when a part ends still arrives. */
enum { FAREWELL_MS = 500 };

/* ---- words ------------------------------------------------------------------------------ */

static void
put(const struct la_story_writer *out, const char *text, size_t n)
{
    if (out->write != NULL && n != 0)
        out->write(out->ctx, text, n);
}

static void
put_text(const struct la_story_writer *out, const char *text)
{
    put(out, text, strlen(text));
}

/* One paragraph of n octets, broken between words, without the last line end; lines behind the
 * first one begin with blanks as wide as `first`. */
static void
put_paragraph(const struct la_story_cfg *story, const char *first, const char *text, size_t n)
{
    const struct la_story_writer *out = &story->ladder;
    size_t columns = story->width == 0 ? (size_t)COLUMNS_DEFAULT : story->width;
    size_t indent_n = strlen(first), at = 0;
    if (columns > PROSE_COLUMNS_MAX)
        columns = PROSE_COLUMNS_MAX;
    size_t room = columns > indent_n ? columns - indent_n : 1;
    put_text(out, first);
    while (at < n) {
        size_t end = n - at;
        if (end > room) {
            for (end = room; end > 0 && text[at + end] != ' '; end--)
                ;
            if (end == 0) /* a word longer than the line */
                for (end = room; at + end < n && text[at + end] != ' '; end++)
                    ;
        }
        put(out, text + at, end);
        for (at += end; at < n && text[at] == ' '; at++)
            ;
        if (at < n)
            put_text(out, "\n");
        for (size_t i = 0; at < n && i < indent_n; i++)
            put_text(out, " ");
    }
}

static void
put_prose(const struct la_story_cfg *story, const char *first, const char *text)
{
    while (*text != 0) {
        size_t n = strcspn(text, "\n");
        put_paragraph(story, first, text, n);
        put_text(&story->ladder, "\n");
        text += n + (text[n] == '\n');
    }
}

/* A heading; bold where there is colour. */
static void
put_heading(const struct la_story_cfg *story, const char *text)
{
    bool color = (story->flags & LA_STORY_COLOR) != 0;
    put_text(&story->ladder, color ? "\033[1m" : "");
    put_paragraph(story, "", text, strlen(text));
    put_text(&story->ladder, color ? "\033[0m\n" : "\n");
}

static void
put_intro(const struct la_scenario *scenario, const struct la_story_cfg *story)
{
    char title[LINE_BYTES];
    snprintf(title, sizeof(title), "%s: %s", scenario->name, scenario->summary);
    put_heading(story, title);
    put_text(&story->ladder, "\n");
    put_prose(story, "", scenario->intro);
    put_text(&story->ladder, "\n");
}

static void
put_part(const struct la_scenario *scenario, size_t part, const struct la_lab_cfg *cfg)
{
    char line[LINE_BYTES];
    const char *title = scenario->parts[part].title;
    if (scenario->parts_n > 1) {
        snprintf(line, sizeof(line), "Part %zu of %zu: %s", part + 1, scenario->parts_n, title);
        put_heading(&cfg->story, line);
        put_text(&cfg->story.ladder, "\n");
    }
    if (cfg->story.json.write == NULL)
        return;
    /* Names and titles are ours: nothing in them needs escaping. */
    snprintf(line, sizeof(line),
             "{\"v\":1,\"kind\":\"SCENARIO\",\"name\":\"%s\",\"part\":%zu,\"parts\":%zu,"
             "\"title\":\"%s\",\"seed\":\"%" PRIu64 "\"}\n",
             scenario->name, part + 1, scenario->parts_n, title == NULL ? scenario->summary : title,
             cfg->seed);
    put_text(&cfg->story.json, line);
}

static void
put_look(const struct la_scenario *scenario, const struct la_story_cfg *story)
{
    put_text(&story->ladder, "\n");
    put_heading(story, "What to look for");
    put_prose(story, "  * ", scenario->look);
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
        if (bed->mtu_bytes[end] > cfg->mtu_bytes)
            bed->mtu_bytes[end] = cfg->mtu_bytes;
    }
    bed->capture = cfg->capture;
    bed->capture_iface = cfg->capture_iface;
}

static void
fail(char *failure, const char *what, la_err err)
{
    snprintf(failure, LA_LAB_TEXT_BYTES, "%s: %s", what, la_strerror(err));
}

/* Plays one part from *at on; *at becomes the instant at which it ended. */
static bool
play_part(const struct la_lab_part *part, const struct la_lab_cfg *cfg, la_instant *at,
          char *failure)
{
    struct la_lab lab;
    struct la_bed_cfg bed;
    struct la_story *story;
    bed_cfg(cfg, part, &bed);
    bed.begin_at = *at;
    la_lab_init(&lab, &bed);
    la_err err = la_story_new(&cfg->story, &story);
    if (err != LA_OK) {
        fail(failure, "no story", err);
        return false;
    }
    bed.hears[1] = la_story_trace(story);
    bed.hears[2] = cfg->also;
    err = la_bed_new(&bed, &lab.bed);
    if (err != LA_OK) {
        la_story_free(story);
        fail(failure, "no test bed", err);
        return false;
    }
    part->play(&lab);
    la_lab_run(&lab, FAREWELL_MS);
    la_lab_expect(&lab, !lab.bed->record_failed, "no memory for the record of what happened");
    *at = lab.bed->now;
    la_story_finish(story);
    la_story_free(story);
    la_bed_free(lab.bed);
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
            put_text(&cfg->story.ladder, "\n");
        part_cfg.seed = cfg->seed + i * UINT64_C(0x9e3779b97f4a7c15); /* another one each time */
        put_part(scenario, i, cfg);
        if (cfg->part_begins != NULL)
            cfg->part_begins(cfg->part_begins_ctx);
        shown = play_part(&scenario->parts[i], &part_cfg, &at, failure);
        at = la_instant_add_ns(at, PAUSE_S * LA_NS_PER_S);
        /* Ids of segments begin again: comments must not reach the previous part. */
        if (cfg->capture != NULL && la_capture_writer_flush(cfg->capture) != 0)
            break; /* closing it reports the error */
    }
    if (shown)
        put_look(scenario, &cfg->story);
    return shown;
}
