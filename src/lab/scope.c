/* SPDX-License-Identifier: MIT
 *
 * scope.c - the congestion window of a connection over time
 */
#include "lab/scope.h"

#include <stdio.h>

#include "base/time.h"

/* ssthresh before the first loss: as high as can be (RFC 5681 3.1). Drawn at the upper edge. */
static const double never_lost = 1e6;

static double
seconds(const struct la_lab_scope *scope, la_instant at)
{
    return (double)la_instant_diff_us(at, scope->begun_at) / (double)LA_US_PER_S;
}

static void
add(struct la_lab_scope_line *line, double x, double y)
{
    if (line->n < LA_LAB_SCOPE_POINTS_N && (line->n == 0 || line->points[line->n - 1].y != y))
        line->points[line->n++] = (struct la_plot_point){x, y};
}

static const char *
word_of(enum la_cc_phase phase)
{
    switch (phase) {
    case LA_CC_SLOW_START:
        return "slow start";
    case LA_CC_AVOIDANCE:
        return "avoidance";
    case LA_CC_RECOVERY:
        return "recovery";
    case LA_CC_LOSS:
        return "after a timeout";
    case LA_CC_BBR_STARTUP:
        return "startup";
    case LA_CC_BBR_DRAIN:
        return "drain";
    case LA_CC_BBR_DOWN:
        return "down";
    case LA_CC_BBR_CRUISE:
        return "cruise";
    case LA_CC_BBR_REFILL:
        return "refill";
    case LA_CC_BBR_UP:
        return "up";
    case LA_CC_BBR_PROBE_RTT:
        return "probe rtt";
    case LA_CC_PHASE_COUNT:
        break;
    }
    return la_cc_phase_name(phase);
}

static void
add_span(struct la_lab_scope *scope, double x, const char *word)
{
    if (scope->spans_n > 0 && scope->spans[scope->spans_n - 1].word == word)
        return;
    if (scope->spans_n < LA_LAB_SCOPE_SPANS_N)
        scope->spans[scope->spans_n++] = (struct la_plot_span){x, word};
}

static void
look(struct la_lab_scope *scope)
{
    const struct la_bed *bed = scope->lab->bed;
    struct la_conn_status status;
    if (la_conn_status(bed->stack[LA_CLIENT], scope->lab->end[LA_CLIENT].conn, &status) != LA_OK)
        return;
    double x = seconds(scope, bed->now);
    double ssthresh = status.ssthresh_bytes / scope->smss;
    add(&scope->cwnd, x, status.cwnd_bytes / scope->smss);
    if (ssthresh < never_lost)
        add(&scope->ssthresh, x, ssthresh);
    add_span(scope, x, word_of((enum la_cc_phase)status.phase));
    scope->x_max = x;
}

void
la_lab_scope_begin(struct la_lab_scope *scope, struct la_lab *lab, const char *title)
{
    struct la_conn_status status = {.mss_send = 1};
    la_err err = la_conn_status(lab->bed->stack[LA_CLIENT], lab->end[LA_CLIENT].conn, &status);
    la_lab_expect(lab, err == LA_OK, "the client has no connection: %s", la_strerror(err));
    *scope = (struct la_lab_scope){.lab = lab,
                                   .begun_at = lab->bed->now,
                                   .begun_event = lab->bed->events_n,
                                   .smss = status.mss_send};
    (void)snprintf(scope->title, sizeof(scope->title), "%s", title);
    look(scope);
}

struct wait {
    struct la_lab_scope *scope;
    int end;
    uint64_t n;
    la_instant until;
};

static bool
octets_are_there(void *ctx)
{
    const struct wait *wait = ctx;
    look(wait->scope);
    return wait->scope->lab->end[wait->end].received_n >= wait->n;
}

void
la_lab_scope_await_octets(struct la_lab_scope *scope, int end, uint64_t received_n)
{
    struct wait wait = {.scope = scope, .end = end, .n = received_n};
    (void)la_lab_await(scope->lab, octets_are_there, &wait);
    la_lab_await_octets(scope->lab, end, received_n);
}

static bool
never(void *ctx)
{
    look(((const struct wait *)ctx)->scope);
    return false;
}

void
la_lab_scope_run(struct la_lab_scope *scope, uint32_t ms)
{
    struct wait wait = {.scope = scope};
    (void)la_bed_run(scope->lab->bed, never, &wait,
                     la_instant_add_ns(scope->lab->bed->now, ms * LA_NS_PER_MS));
    look(scope);
}

/* The segment that a timer has sent, which is told with it. */
static bool
belongs_to_timer(struct la_lab_scope *scope, const struct la_event *event)
{
    if (event->kind == LA_EVENT_TIMER && event->end == LA_CLIENT)
        scope->timer_at = event->at;
    if (event->kind == LA_EVENT_SEGMENT_SENT && event->end == LA_CLIENT &&
        la_instant_diff_us(event->at, scope->timer_at) == 0) {
        scope->shown_id = event->segment_id;
        scope->timer_at = (la_instant){0};
    }
    return event->segment_id != 0 && event->segment_id == scope->shown_id;
}

bool
la_lab_scope_hides(const struct la_lab *lab, const struct la_event *event)
{
    struct la_lab_scope *scope = lab->own;
    if (scope->lab == NULL || belongs_to_timer(scope, event)) /* not begun: the handshake */
        return false;
    if (event->kind == LA_EVENT_CONGESTION && event->end == LA_CLIENT)
        scope->recovers = event->u.congestion.phase == LA_CC_RECOVERY;
    if (event->kind == LA_EVENT_LOSS)
        return scope->recovers;
    return event->kind != LA_EVENT_CONGESTION && event->kind != LA_EVENT_TIMER &&
           event->kind != LA_EVENT_STATE && event->kind != LA_EVENT_ERROR;
}

/* ---- the picture ------------------------------------------------------------------------ */

/* The window that stood at x. */
static double
cwnd_at(const struct la_lab_scope *scope, double x)
{
    double y = 0;
    for (size_t i = 0; i < scope->cwnd.n && scope->cwnd.points[i].x < x; i++)
        y = scope->cwnd.points[i].y;
    return y;
}

/* What the wire has dropped of the client's segments, at the height of the window then. */
static void
add_losses(struct la_lab_scope *scope)
{
    const struct la_bed *bed = scope->lab->bed;
    for (size_t i = scope->begun_event; i < bed->events_n; i++) {
        const struct la_event *event = &bed->events[i];
        if (event->kind != LA_EVENT_WIRE || event->end != LA_CLIENT ||
            event->u.wire.fate != LA_WIRE_DROPPED || scope->losses.n == LA_LAB_SCOPE_POINTS_N)
            continue;
        double x = seconds(scope, event->at);
        scope->losses.points[scope->losses.n++] = (struct la_plot_point){x, cwnd_at(scope, x)};
    }
}

void
la_lab_scope_end(struct la_lab_scope *scope)
{
    add_losses(scope);
    scope->series[0] = (struct la_plot_series){"congestion window", LA_PLOT_AREA,
                                               scope->cwnd.points, scope->cwnd.n};
    scope->series[1] = (struct la_plot_series){"slow start threshold", LA_PLOT_LINE,
                                               scope->ssthresh.points, scope->ssthresh.n};
    scope->series[2] =
        (struct la_plot_series){"lost", LA_PLOT_MARKS, scope->losses.points, scope->losses.n};
    double max = la_lab_scope_max(scope);
    scope->plot = (struct la_plot){
        .title = scope->title,
        .x_name = "seconds",
        .y_name = "segments",
        .x_max = scope->x_max > 0 ? scope->x_max : 1,
        .y_max = max > 0 ? max * 1.05 : 1,
        .series = scope->series,
        .series_n = 3,
        .spans = scope->spans,
        .spans_n = scope->spans_n,
    };
}

double
la_lab_scope_max(const struct la_lab_scope *scope)
{
    double max = 0;
    for (size_t i = 0; i < scope->cwnd.n; i++)
        max = scope->cwnd.points[i].y > max ? scope->cwnd.points[i].y : max;
    return max;
}

double
la_lab_scope_last(const struct la_lab_scope *scope)
{
    return scope->cwnd.n == 0 ? 0 : scope->cwnd.points[scope->cwnd.n - 1].y;
}
