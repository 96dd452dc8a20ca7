/* SPDX-License-Identifier: MIT
 *
 * scope.h - the congestion window of a connection over time
 *
 * Looked at whenever anything has happened, kept when it has changed, and drawn below the ladder.
 */
#ifndef LA_LAB_SCOPE_H
#define LA_LAB_SCOPE_H

#include "lab/lab.h"
#include "story/plot.h"

enum { LA_LAB_SCOPE_POINTS_N = 8192, LA_LAB_SCOPE_SPANS_N = 256 };

struct la_lab_scope_line {
    struct la_plot_point points[LA_LAB_SCOPE_POINTS_N];
    size_t n;
};

struct la_lab_scope {
    struct la_lab *lab;
    char title[80];
    la_instant begun_at;
    size_t begun_event;      /* of the bed's record */
    bool recovers;           /* a loss has been told, and belongs to the recovery that is on */
    la_instant timer_at;     /* the latest timer that was told */
    uint64_t shown_id;       /* the segment that it sent */
    double x_max;            /* seconds */
    double smss;
    struct la_lab_scope_line cwnd, ssthresh, losses; /* in segments */
    struct la_plot_span spans[LA_LAB_SCOPE_SPANS_N];
    size_t spans_n;
    struct la_plot_series series[3];
    struct la_plot plot;
};

/* Looks at the client's connection from now on. */
void la_lab_scope_begin(struct la_lab_scope *scope, struct la_lab *lab, const char *title);
/* Time passes until `end` has received so many octets, or for so long: la_lab_await_octets() and
 * la_lab_run() under the scope. */
void la_lab_scope_await_octets(struct la_lab_scope *scope, int end, uint64_t received_n);
void la_lab_scope_run(struct la_lab_scope *scope, uint32_t ms);
/* As struct la_scenario has it, with the scope in lab->own: all but what turned the window, and
 * what timers sent. */
bool la_lab_scope_hides(const struct la_lab *lab, const struct la_event *event);
/* The picture is complete: nothing is looked at any more. */
void la_lab_scope_end(struct la_lab_scope *scope);
/* The largest and the latest window, in segments. */
double la_lab_scope_max(const struct la_lab_scope *scope);
double la_lab_scope_last(const struct la_lab_scope *scope);

#endif
