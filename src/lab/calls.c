/* SPDX-License-Identifier: MIT
 *
 * calls.c - sockets in a scenario, and which segments each call caused
 */
#include "lab/calls.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "lab/print.h"
#include "story/text.h"

enum { TIME_END_COL = 6, END_COL = 8, CALL_COL = 16, WIRE_COL = 59, WIDE_COLUMNS = 80 };

/* ---- sockets ---------------------------------------------------------------------------- */

static bool
serve(void *ctx, int end)
{
    struct la_lab_calls *calls = ctx;
    struct la_stack_event event;
    struct la_sock_event ready;
    bool served = false;
    if (calls->socks[end] != NULL) {
        while (la_sock_next_event(calls->socks[end], &ready))
            served = true;
        return served;
    }
    while (la_stack_next_event(calls->lab->bed->stack[end], &event)) {
        served = true;
        calls->lab_app.ready(calls->lab_app.ctx, end, &event);
    }
    return served;
}

void
la_lab_calls_begin(struct la_lab_calls *calls, struct la_lab *lab, unsigned ends)
{
    *calls = (struct la_lab_calls){.lab = lab, .lab_app = lab->bed->cfg.app};
    for (int end = LA_CLIENT; end <= LA_SERVER; end++)
        if ((ends >> end & 1) != 0) {
            la_err err = la_socks_new(lab->bed->stack[end], &calls->socks[end]);
            la_lab_expect(lab, err == LA_OK, "the %s has no sockets: %s", la_lab_end_name(end),
                          la_strerror(err));
        }
    lab->bed->cfg.app = (struct la_bed_app){.serve = serve, .ctx = calls};
}

void
la_lab_calls_end(struct la_lab_calls *calls)
{
    for (int end = LA_CLIENT; end <= LA_SERVER; end++) {
        if (calls->socks[end] != NULL)
            la_socks_free(calls->socks[end]);
        calls->socks[end] = NULL;
    }
    calls->lab->bed->cfg.app = calls->lab_app;
}

/* ---- notes ------------------------------------------------------------------------------ */

void
la_lab_call(struct la_lab_calls *calls, int end, const char *format, ...)
{
    va_list args;
    if (calls->calls_n == LA_LAB_CALLS_N_MAX) {
        la_lab_expect(calls->lab, false, "too many calls to note");
        return;
    }
    size_t i = calls->calls_n++;
    calls->call[i].at = calls->lab->bed->now;
    calls->call[i].end = (uint8_t)end;
    calls->call[i].event = calls->lab->bed->events_n;
    va_start(args, format);
    vsnprintf(calls->call[i].text, LA_LAB_CALL_BYTES, format, args);
    va_end(args);
}

void
la_lab_call_returns(struct la_lab_calls *calls, uint32_t ms, const char *format, ...)
{
    va_list args;
    char *text = calls->call[calls->calls_n - 1].text;
    size_t n = strlen(text);
    va_start(args, format);
    vsnprintf(text + n, LA_LAB_CALL_BYTES - n, format, args);
    va_end(args);
    la_lab_run(calls->lab, ms);
}

/* Behind the last event of the nth call's. */
static size_t
events_end(const struct la_lab_calls *calls, size_t nth)
{
    return nth + 1 < calls->calls_n ? calls->call[nth + 1].event : calls->lab->bed->events_n;
}

size_t
la_lab_call_segments(const struct la_lab_calls *calls, size_t nth)
{
    size_t n = 0;
    for (size_t i = calls->call[nth].event; i < events_end(calls, nth); i++)
        n += calls->lab->bed->events[i].kind == LA_EVENT_SEGMENT_SENT;
    return n;
}

/* ---- told ------------------------------------------------------------------------------- */

/* "──▶ PSH,ACK, 100 octets" */
static void
segment_text(struct text *text, const struct la_event *event)
{
    static const char *const names[] = {"SYN", "FIN", "RST", "PSH", "ACK", "URG"};
    static const uint8_t bits[] = {LA_TCP_SYN, LA_TCP_FIN, LA_TCP_RST,
                                   LA_TCP_PSH, LA_TCP_ACK, LA_TCP_URG};
    bool first = true;
    *text = text_empty();
    la_text_add(text, "%s ", event->end == LA_CLIENT ? "──▶" : "◀──");
    for (size_t i = 0; i < sizeof(bits); i++)
        if ((event->u.segment.flags & bits[i]) != 0) {
            la_text_add(text, first ? "%s" : ",%s", names[i]);
            first = false;
        }
    if (event->u.segment.len != 0)
        la_text_add(text, " %u", (unsigned)event->u.segment.len);
    if ((event->u.segment.flags & LA_TCP_SYN) != 0 && (event->u.segment.has & LA_SEG_HAS_MSS) != 0)
        la_text_add(text, " mss %u", event->u.segment.mss);
}

/* From the i-th event on. */
static size_t
next_sent(const struct la_lab_calls *calls, size_t nth, size_t i)
{
    while (i < events_end(calls, nth) && calls->lab->bed->events[i].kind != LA_EVENT_SEGMENT_SENT)
        i++;
    return i;
}

/* Beside the call where there is room, else below it. The canvas holds the call. */
static void
tell_segments(const struct la_lab_calls *calls, size_t nth, const struct la_story_cfg *story,
              struct canvas *canvas)
{
    bool wide = canvas->width >= WIDE_COLUMNS, any = false;
    size_t i = next_sent(calls, nth, calls->call[nth].event);
    while (i < events_end(calls, nth)) {
        struct text text, other;
        size_t same_n = 0;
        segment_text(&text, &calls->lab->bed->events[i]);
        do { /* a run of the same is one line */
            same_n++;
            i = next_sent(calls, nth, i + 1);
            if (i < events_end(calls, nth))
                segment_text(&other, &calls->lab->bed->events[i]);
        } while (i < events_end(calls, nth) && strcmp(text.p, other.p) == 0);
        if (same_n > 1)
            la_text_add(&text, ", %zu x", same_n);
        if (any || !wide) {
            la_canvas_write(canvas, story->flags, &story->ladder);
            la_canvas_clear(canvas, canvas->width);
        }
        la_canvas_put(canvas, wide ? WIRE_COL : CALL_COL + 2, STYLE_PLAIN, text.p);
        any = true;
    }
    if (!any && wide)
        la_canvas_put(canvas, WIRE_COL, STYLE_DIM, "nothing");
    la_canvas_write(canvas, story->flags, &story->ladder);
}

void
la_lab_calls_tell(const struct la_lab_calls *calls, const struct la_story_cfg *story)
{
    struct canvas canvas;
    uint32_t width = story->width == 0 ? WIDE_COLUMNS : story->width;
    la_lab_put_text(&story->ladder, "\n");
    la_lab_put_heading(story, "Each call, and what was on the wire until the next");
    for (size_t i = 0; i < calls->calls_n; i++) {
        char text[24];
        int64_t us = la_instant_diff_us(calls->call[i].at, calls->call[0].at);
        snprintf(text, sizeof(text), "%lld", (long long)(us / LA_US_PER_MS));
        la_canvas_clear(&canvas, width);
        la_canvas_put_right(&canvas, TIME_END_COL, STYLE_DIM, text);
        la_canvas_put(&canvas, END_COL, STYLE_STRONG, la_lab_end_name(calls->call[i].end));
        la_canvas_put(&canvas, CALL_COL, STYLE_PLAIN, calls->call[i].text);
        tell_segments(calls, i, story, &canvas);
    }
}
