/* SPDX-License-Identifier: MIT
 *
 * plot.h - a value over time as a picture in the terminal
 *
 * The same struct la_plot is drawn here on a canvas, and by a plotting program as SVG (cli/plot.h).
 * In the terminal a plot is a field of cells: the first series is an area, whose height counts in
 * eighths of a cell, lines and points lie on top of it, and below the axis stand the spans.
 */
#ifndef LA_STORY_PLOT_H
#define LA_STORY_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include <lastack/story.h>

enum la_plot_style {
    LA_PLOT_STEPS,  /* each value holds until the next */
    LA_PLOT_POINTS  /* something happened there */
};

struct la_plot_point {
    double x, y;
};

/* Points ascend in x. */
struct la_plot_series {
    const char *name;
    uint8_t style; /* enum la_plot_style */
    const struct la_plot_point *points;
    size_t n;
};

/* A state that something was in, from x on until the next span begins. */
struct la_plot_span {
    double x;
    const char *word;
};

/* Values are finite, x and y from 0 up to the maxima; points beyond are cut off. */
struct la_plot {
    const char *title, *x_name, *y_name; /* y_name NULL: none */
    double x_max, y_max;                 /* above 0 */
    const struct la_plot_series *series;
    size_t series_n;
    const struct la_plot_span *spans;
    size_t spans_n;
};

/* flags, width and ladder of `story` count. */
void la_plot_draw(const struct la_plot *plot, const struct la_story_cfg *story);

/* The distance of tick marks so that about n_max of them divide 0 .. max: 1, 2 or 5 times a power
 * of ten. 1 when max is not above 0. */
double la_plot_tick(double max, unsigned n_max);

#endif
