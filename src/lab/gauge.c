/* SPDX-License-Identifier: MIT
 *
 * gauge.c - how full a listener's queues were, over time
 */
#include "lab/gauge.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/time.h"
#include "lab/print.h"
#include "story/text.h"

enum { WIDTH_DEFAULT = 80, BAR_COLUMNS_MIN = 8, BAR_COLUMNS_MAX = 40, WORDS_COLUMNS = 30 };
/* Where each number ends; the bar begins behind the first, words stand behind the last. */
enum { TIME_END = 8, HALF_COLUMNS = 11, COMPLETE_COLUMNS = 10, DROPPED_COLUMNS = 9 };
enum { COOKIES_COLUMNS = 9, NUMBERS_COLUMNS = 39 };

void
la_lab_gauge_read(struct la_lab_gauge *gauge, struct la_lab *lab, const char *words)
{
    if (gauge->n == LA_LAB_GAUGE_N_MAX)
        return;
    gauge->reading[gauge->n].at = lab->bed->now;
    gauge->reading[gauge->n].words = words;
    gauge->reading[gauge->n].status = la_lab_queues(lab);
    gauge->n++;
}

void
la_lab_gauge_run(struct la_lab_gauge *gauge, struct la_lab *lab, size_t n, uint32_t ms)
{
    for (size_t i = 0; i < n; i++) {
        la_lab_run(lab, ms);
        la_lab_gauge_read(gauge, lab, NULL);
    }
}

/* ---- shown ------------------------------------------------------------------------------ */

struct place {
    uint32_t bar, bar_columns; /* where the bar begins, and how long a full one is */
    uint32_t words;            /* where words begin; 0: there is no room for them beside */
};

static struct place
place_of(uint32_t width)
{
    struct place place = {.bar = TIME_END + 2};
    uint32_t left = width - place.bar - NUMBERS_COLUMNS;
    bool beside = left >= BAR_COLUMNS_MIN + WORDS_COLUMNS;
    place.bar_columns = beside ? left - WORDS_COLUMNS : left;
    if (place.bar_columns > BAR_COLUMNS_MAX)
        place.bar_columns = BAR_COLUMNS_MAX;
    if (beside)
        place.words = place.bar + place.bar_columns + NUMBERS_COLUMNS + 2;
    return place;
}

static uint32_t
put_number(struct canvas *canvas, uint32_t end, enum style style, uint64_t n)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, n);
    la_canvas_put_right(canvas, end, style, text);
    return end;
}

static uint32_t
put_of(struct canvas *canvas, uint32_t end, enum style style, uint32_t n, uint32_t max)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu32 "/%" PRIu32, n, max);
    la_canvas_put_right(canvas, end, style, text);
    return end;
}

static void
put_titles(const struct la_story_cfg *story, const struct place *place, uint32_t width)
{
    struct canvas canvas;
    uint32_t end = place->bar + place->bar_columns + HALF_COLUMNS;
    la_canvas_clear(&canvas, width);
    la_canvas_put_right(&canvas, TIME_END, STYLE_DIM, "s");
    la_canvas_put_right(&canvas, end, STYLE_DIM, "half-open");
    la_canvas_put_right(&canvas, end += COMPLETE_COLUMNS, STYLE_DIM, "complete");
    la_canvas_put_right(&canvas, end += DROPPED_COLUMNS, STYLE_DIM, "dropped");
    la_canvas_put_right(&canvas, end += COOKIES_COLUMNS, STYLE_DIM, "cookies");
    la_canvas_write(&canvas, story->flags, &story->ladder);
}

static void
put_words(const struct la_story_cfg *story, const struct place *place, struct canvas *canvas,
          uint32_t width, const char *words)
{
    if (words == NULL) {
        la_canvas_write(canvas, story->flags, &story->ladder);
        return;
    }
    if (place->words != 0) {
        la_canvas_put(canvas, place->words, STYLE_STATE, words);
        la_canvas_write(canvas, story->flags, &story->ladder);
        return;
    }
    struct canvas above;
    la_canvas_clear(&above, width);
    la_canvas_put(&above, place->bar, STYLE_STATE, words);
    la_canvas_write(&above, story->flags, &story->ladder);
    la_canvas_write(canvas, story->flags, &story->ladder);
}

static void
put_reading(const struct la_story_cfg *story, const struct place *place, uint32_t width,
            const struct la_lab_gauge *gauge, size_t i)
{
    const struct la_listener_status *l = &gauge->reading[i].status;
    struct canvas canvas;
    char text[24];
    int64_t us = la_instant_diff_us(gauge->reading[i].at, gauge->reading[0].at);
    la_canvas_clear(&canvas, width);
    (void)snprintf(text, sizeof(text), "%.2f", (double)us / (double)LA_US_PER_S);
    la_canvas_put_right(&canvas, TIME_END, STYLE_DIM, text);
    bool full = l->syn_queue_n >= l->syn_queue_n_max && l->syn_queue_n > 0;
    uint64_t bar = l->syn_queue_n_max == 0 ? 0 : (uint64_t)l->syn_queue_n * place->bar_columns;
    if (bar > 0)
        bar = (bar + l->syn_queue_n_max - 1) / l->syn_queue_n_max;
    la_canvas_fill(&canvas, place->bar, place->bar_columns, STYLE_DIM, "·");
    la_canvas_fill(&canvas, place->bar, (uint32_t)bar, full ? STYLE_BAD : STYLE_STRONG, "█");
    uint32_t end = place->bar + place->bar_columns + HALF_COLUMNS;
    put_of(&canvas, end, full ? STYLE_BAD : STYLE_PLAIN, l->syn_queue_n, l->syn_queue_n_max);
    end = put_of(&canvas, end + COMPLETE_COLUMNS, STYLE_PLAIN, l->accept_queue_n, l->backlog_n);
    end = put_number(&canvas, end + DROPPED_COLUMNS, STYLE_PLAIN,
                     l->syn_dropped_n + l->accept_dropped_n);
    put_number(&canvas, end + COOKIES_COLUMNS, STYLE_PLAIN, l->cookies_sent_n);
    put_words(story, place, &canvas, width, gauge->reading[i].words);
}

void
la_lab_gauge_put(const struct la_lab_gauge *gauge, const struct la_story_cfg *story)
{
    uint32_t width = story->width == 0 ? WIDTH_DEFAULT : story->width;
    struct place place = place_of(width);
    la_lab_put_text(&story->ladder, "\n");
    la_lab_put_heading(story, "The listener's queues over time");
    put_titles(story, &place, width);
    for (size_t i = 0; i < gauge->n; i++)
        put_reading(story, &place, width, gauge, i);
}
