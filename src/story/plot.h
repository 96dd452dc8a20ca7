/* SPDX-License-Identifier: MIT
 *
 * plot.h - a value over time as a picture in the terminal
 *
 * The same struct la_plot is drawn here on a canvas, and by a plotting program as SVG (cli/plot.h).
 * In the terminal a plot is a field of cells: areas, whose height counts in eighths of a cell, and
 * what lies on top of them, each series over those before it; below the axis stand the spans.
 */
#ifndef LA_STORY_PLOT_H
#define LA_STORY_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include <lastack/story.h>

/* Values of the first four hold until the next one. */
enum la_plot_style {
    LA_PLOT_AREA,   /* filled from below; a column of cells shows the mean of its time */
    LA_PLOT_PEAKS,  /* the same with the largest value of its time */
    LA_PLOT_LINE,   /* what stands out against them */
    LA_PLOT_BOUND,  /* what they may not exceed */
    LA_PLOT_DOTS,   /* samples */
    LA_PLOT_BARS,   /* points in pairs: from where to where something reaches at one x */
    LA_PLOT_BLOCKS, /* the same, of another kind */
    LA_PLOT_MARKS,  /* something went wrong there */
    LA_PLOT_STYLES_N
};

enum { LA_PLOT_ROWS_N = 16, LA_PLOT_ROWS_N_MAX = 32 };

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

/* Values are finite, x and y from 0 up to the maxima; points beyond are cut off. Where a value that
 * holds is NAN, there is none until the next. */
struct la_plot {
    const char *title, *x_name, *y_name; /* y_name NULL: none */
    double x_max, y_max;                 /* above 0 */
    const struct la_plot_series *series;
    size_t series_n;
    const struct la_plot_span *spans;
    size_t spans_n;
    uint32_t rows_n; /* of cells, up to LA_PLOT_ROWS_N_MAX; 0: LA_PLOT_ROWS_N */
};

/* flags, width and ladder of `story` count. */
void la_plot_draw(const struct la_plot *plot, const struct la_story_cfg *story);

/* The distance of tick marks so that about n_max of them divide 0 .. max: 1, 2 or 5 times a power
 * of ten. 1 when max is not above 0. */
double la_plot_tick(double max, unsigned n_max);

#endif
