/* SPDX-License-Identifier: MIT
 *
 * samples.h - the points of a series, as many as a picture has room for
 *
 * All are kept while they are few. When there is no room for more, time is cut into buckets, and of
 * each bucket stay the first point, the smallest, the largest and the last: what a picture of that
 * width shows is the same, spikes included.
 */
#ifndef LA_STORY_SAMPLES_H
#define LA_STORY_SAMPLES_H

#include "story/plot.h"

enum { LA_SAMPLES_N_MAX = 8192 };

/* Zeroed: empty. */
struct la_samples {
    struct la_plot_point *points;
    size_t n, room;
    bool failed; /* there was no memory for some */
};

/* Neither falls behind the x of the one before: earlier ones are moved there. */
void la_samples_add(struct la_samples *samples, double x, double y);
/* A bar, as LA_PLOT_BARS has it; all or none of a series are bars. */
void la_samples_add_bar(struct la_samples *samples, double x, double low, double high);
/* The value that held until x holds no longer, until the next one is added. */
void la_samples_add_gap(struct la_samples *samples, double x);
/* Multiplies every y. */
void la_samples_scale(struct la_samples *samples, double factor);
/* 0 when there are none. */
double la_samples_max(const struct la_samples *samples);
void la_samples_fini(struct la_samples *samples);

#endif
