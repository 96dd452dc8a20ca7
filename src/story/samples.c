/* SPDX-License-Identifier: MIT
 *
 * samples.c - the points of a series, as many as a picture has room for
 *
 * A sample is one point or, of bars, two.
 */
#include "story/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a bucket stay four samples, so that half of the room is free afterwards. */
enum { ROOM_FIRST = 256, KEPT_N = 4, BUCKETS_N = LA_SAMPLES_N_MAX / KEPT_N / 2 };

struct bucket {
    size_t first, least, most, last;
};

/* Takes what is kept to where room is free, in the order of time. */
static size_t
keep(struct la_plot_point *points, size_t at, const struct bucket *b, size_t size)
{
    size_t kept[KEPT_N] = {b->first, b->least < b->most ? b->least : b->most,
                           b->least < b->most ? b->most : b->least, b->last};
    for (size_t i = 0; i < KEPT_N; i++) {
        if (i > 0 && kept[i] == kept[i - 1])
            continue;
        memmove(points + at, points + kept[i], size * sizeof(*points));
        at += size;
    }
    return at;
}

static void
thin(struct la_samples *s, size_t size)
{
    struct la_plot_point *p = s->points;
    double begin = p[0].x, width = (p[s->n - 1].x - begin) / BUCKETS_N;
    size_t at = 0;
    for (size_t i = 0; i < s->n;) {
        double idx = width > 0 ? (p[i].x - begin) / width : 0;
        double end = begin + ((double)(uint32_t)idx + 1) * width;
        struct bucket b = {i, i, i, i};
        for (; i < s->n && (p[i].x < end || i == b.first || !(width > 0)); i += size) {
            if (p[i].y < p[b.least].y || isnan(p[b.least].y))
                b.least = i;
            if (p[i + size - 1].y > p[b.most + size - 1].y || isnan(p[b.most + size - 1].y))
                b.most = i;
            b.last = i;
        }
        at = keep(p, at, &b, size);
    }
    s->n = at;
}

/* Room for one sample more. False: no memory. */
static bool
make_room(struct la_samples *s, size_t size)
{
    if (s->n + size <= s->room)
        return true;
    if (s->room == LA_SAMPLES_N_MAX) {
        thin(s, size);
        return true;
    }
    size_t room = s->room == 0 ? ROOM_FIRST : s->room * 2;
    struct la_plot_point *grown = realloc(s->points, room * sizeof(*grown));
    if (grown == NULL) {
        s->failed = true;
        return false;
    }
    s->points = grown;
    s->room = room;
    return true;
}

static double
not_before(const struct la_samples *s, double x)
{
    return s->n > 0 && s->points[s->n - 1].x > x ? s->points[s->n - 1].x : x;
}

void
la_samples_add(struct la_samples *s, double x, double y)
{
    if (!make_room(s, 1))
        return;
    s->points[s->n] = (struct la_plot_point){not_before(s, x), y};
    s->n++;
}

void
la_samples_add_gap(struct la_samples *s, double x)
{
    if (s->n == 0 || isnan(s->points[s->n - 1].y))
        return;
    la_samples_add(s, x, s->points[s->n - 1].y);
    la_samples_add(s, x, NAN);
}

void
la_samples_add_bar(struct la_samples *s, double x, double low, double high)
{
    if (!make_room(s, 2))
        return;
    x = not_before(s, x);
    s->points[s->n] = (struct la_plot_point){x, low};
    s->points[s->n + 1] = (struct la_plot_point){x, high};
    s->n += 2;
}

void
la_samples_scale(struct la_samples *s, double factor)
{
    for (size_t i = 0; i < s->n; i++)
        s->points[i].y *= factor;
}

double
la_samples_max(const struct la_samples *s)
{
    double max = 0;
    for (size_t i = 0; i < s->n; i++)
        max = s->points[i].y > max ? s->points[i].y : max;
    return max;
}

void
la_samples_fini(struct la_samples *s)
{
    free(s->points);
    *s = (struct la_samples){0};
}
