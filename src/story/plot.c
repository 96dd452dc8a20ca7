/* SPDX-License-Identifier: MIT
 *
 * plot.c - a value over time as a picture in the terminal
 */
#include "story/plot.h"

#include <stdio.h>
#include <string.h>

#include "story/text.h"

enum { ROWS_N = 16, LEVELS_N = 8, AXIS_COLUMNS = 8, WIDTH_DEFAULT = 80, TICK_COLUMNS = 14 };
enum { Y_TICKS_N = 4, TICK_BYTES = 24 };

/* ---- scales ----------------------------------------------------------------------------- */

double
la_plot_tick(double max, unsigned n_max)
{
    double least = max / (n_max == 0 ? 1 : n_max), tick = 1;
    if (!(least > 0))
        return tick;
    while (tick > least)
        tick /= 10;
    while (tick * 10 <= least)
        tick *= 10;
    static const double steps[] = {1, 2, 5, 10};
    size_t i = 0;
    while (i + 1 < sizeof(steps) / sizeof(steps[0]) && tick * steps[i] < least)
        i++;
    return tick * steps[i];
}

/* No more digits behind the point than the distance of ticks asks for. */
static void
put_value(char out[TICK_BYTES], double value, double tick)
{
    int digits = 0;
    for (double t = tick; t < 0.999 && digits < 6; t *= 10)
        digits++;
    (void)snprintf(out, TICK_BYTES, "%.*f", digits, value);
}

struct field {
    const struct la_plot *plot;
    const struct la_story_cfg *story;
    uint32_t width, columns_n;
    double y_tick, x_tick;
};

static struct field
field_of(const struct la_plot *plot, const struct la_story_cfg *story)
{
    struct field field = {.plot = plot, .story = story};
    field.width = story->width == 0 ? WIDTH_DEFAULT : story->width;
    if (field.width > LA_STORY_WIDTH_MAX)
        field.width = LA_STORY_WIDTH_MAX;
    field.columns_n = field.width - AXIS_COLUMNS - 1;
    field.y_tick = la_plot_tick(plot->y_max, Y_TICKS_N);
    field.x_tick = la_plot_tick(plot->x_max, field.columns_n / TICK_COLUMNS);
    return field;
}

static double
column_begin(const struct field *field, uint32_t column)
{
    return field->plot->x_max * column / field->columns_n;
}

/* From 0, the one on the left; columns_n: it is not in the picture. */
static uint32_t
column_of(const struct field *field, double x)
{
    double column = x / field->plot->x_max * field->columns_n;
    if (column < 0 || column > field->columns_n)
        return field->columns_n;
    return column >= field->columns_n ? field->columns_n - 1 : (uint32_t)column;
}

/* In eighths of a row, from below. */
static uint32_t
level_of(const struct field *field, double y)
{
    double level = y / field->plot->y_max * (ROWS_N * LEVELS_N) + 0.5;
    if (level <= 0)
        return 0;
    return level >= ROWS_N * LEVELS_N ? ROWS_N * LEVELS_N : (uint32_t)level;
}

/* The mean of a series of steps over a column; negative: it has not begun. */
static double
mean_in(const struct field *field, const struct la_plot_series *series, uint32_t column)
{
    double from = column_begin(field, column), to = column_begin(field, column + 1);
    double sum = 0, lasted = 0;
    for (size_t i = 0; i < series->n && series->points[i].x < to; i++) {
        double begin = series->points[i].x > from ? series->points[i].x : from;
        double end =
            i + 1 < series->n && series->points[i + 1].x < to ? series->points[i + 1].x : to;
        if (end <= begin)
            continue;
        sum += series->points[i].y * (end - begin);
        lasted += end - begin;
    }
    return lasted > 0 ? sum / lasted : -1;
}

/* ---- what stands in a row of cells ------------------------------------------------------ */

static void
put_area(const struct field *field, struct canvas *canvas, uint32_t row,
         const struct la_plot_series *series)
{
    static const char *const eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    for (uint32_t column = 0; column < field->columns_n; column++) {
        double mean = mean_in(field, series, column);
        uint32_t level = mean < 0 ? 0 : level_of(field, mean);
        uint32_t below = row * LEVELS_N;
        if (level <= below)
            continue;
        uint32_t n = level - below > LEVELS_N ? (uint32_t)LEVELS_N : level - below;
        la_canvas_put(canvas, AXIS_COLUMNS + 1 + column, STYLE_TAG, eighths[n]);
    }
}

static uint32_t
row_of_level(uint32_t level)
{
    return level == 0 ? 0 : (level - 1) / LEVELS_N;
}

static void
put_line(const struct field *field, struct canvas *canvas, uint32_t row,
         const struct la_plot_series *series)
{
    for (uint32_t column = 0; column < field->columns_n; column++) {
        double mean = mean_in(field, series, column);
        if (mean >= 0 && mean <= field->plot->y_max && row_of_level(level_of(field, mean)) == row)
            la_canvas_put(canvas, AXIS_COLUMNS + 1 + column, STYLE_STRONG, "┄");
    }
}

static void
put_points(const struct field *field, struct canvas *canvas, uint32_t row,
           const struct la_plot_series *series)
{
    for (size_t i = 0; i < series->n; i++) {
        uint32_t column = column_of(field, series->points[i].x);
        if (column < field->columns_n && row_of_level(level_of(field, series->points[i].y)) == row)
            la_canvas_put(canvas, AXIS_COLUMNS + 1 + column, STYLE_BAD, "✗");
    }
}

/* Does a mark of the axis belong into this row? *value: which. */
static bool
tick_in_row(const struct field *field, uint32_t row, double *value)
{
    for (*value = 0; *value <= field->plot->y_max * 1.0001; *value += field->y_tick)
        if (row_of_level(level_of(field, *value)) == row)
            return true;
    return false;
}

static void
put_row(const struct field *field, uint32_t row)
{
    struct canvas canvas;
    char text[TICK_BYTES];
    double value;
    bool tick = tick_in_row(field, row, &value);
    la_canvas_clear(&canvas, field->width);
    if (tick) {
        put_value(text, value, field->y_tick);
        la_canvas_put_right(&canvas, AXIS_COLUMNS - 1, STYLE_DIM, text);
    }
    la_canvas_put(&canvas, AXIS_COLUMNS, STYLE_DIM, tick ? "┤" : "│");
    for (size_t i = 0; i < field->plot->series_n; i++) {
        const struct la_plot_series *series = &field->plot->series[i];
        if (series->style == LA_PLOT_POINTS)
            put_points(field, &canvas, row, series);
        else if (i == 0)
            put_area(field, &canvas, row, series);
        else
            put_line(field, &canvas, row, series);
    }
    la_canvas_write(&canvas, field->story->flags, &field->story->ladder);
}

/* ---- what stands around it -------------------------------------------------------------- */

static void
put_title(const struct field *field)
{
    struct canvas canvas;
    la_canvas_clear(&canvas, field->width);
    la_canvas_put(&canvas, 0, STYLE_STRONG, field->plot->title);
    la_canvas_write(&canvas, field->story->flags, &field->story->ladder);
    if (field->plot->y_name == NULL)
        return;
    la_canvas_clear(&canvas, field->width);
    la_canvas_put(&canvas, 0, STYLE_DIM, field->plot->y_name);
    la_canvas_write(&canvas, field->story->flags, &field->story->ladder);
}

/* As much of a word as there is room for. */
static void
put_word(struct canvas *canvas, uint32_t col, uint32_t end, const char *word)
{
    struct text cut = text_empty();
    (void)la_text_wrap(word, end - col, &cut);
    la_canvas_put(canvas, col, STYLE_PLAIN, cut.p);
}

/* Each word in its place; '│' where it begins. */
static void
put_spans(const struct field *field)
{
    struct canvas canvas;
    la_canvas_clear(&canvas, field->width);
    for (size_t i = 0; i < field->plot->spans_n; i++) {
        uint32_t from = column_of(field, field->plot->spans[i].x);
        uint32_t to = i + 1 < field->plot->spans_n ? column_of(field, field->plot->spans[i + 1].x)
                                                   : field->columns_n;
        if (from >= field->columns_n || to <= from)
            continue;
        uint32_t col = AXIS_COLUMNS + 1 + from;
        la_canvas_put(&canvas, col, STYLE_DIM, "│");
        if (to - from > 1)
            put_word(&canvas, col + 1, AXIS_COLUMNS + 1 + to, field->plot->spans[i].word);
    }
    la_canvas_write(&canvas, field->story->flags, &field->story->ladder);
}

static void
put_x_axis(const struct field *field)
{
    struct canvas axis, values;
    char text[TICK_BYTES];
    la_canvas_clear(&axis, field->width);
    la_canvas_clear(&values, field->width);
    la_canvas_put(&axis, AXIS_COLUMNS, STYLE_DIM, "╰");
    la_canvas_fill(&axis, AXIS_COLUMNS + 1, field->columns_n, STYLE_DIM, "─");
    uint32_t free_from = 0;
    for (double x = 0; x <= field->plot->x_max * 1.0001; x += field->x_tick) {
        uint32_t col = AXIS_COLUMNS + 1 + column_of(field, x);
        put_value(text, x, field->x_tick);
        uint32_t n = (uint32_t)strlen(text);
        if (col >= field->width || col < free_from || col + n > field->width)
            continue;
        la_canvas_put(&axis, col, STYLE_DIM, "┬");
        free_from = la_canvas_put(&values, col, STYLE_DIM, text) + 1;
    }
    uint32_t n = (uint32_t)la_text_columns(field->plot->x_name);
    if (free_from + n <= field->width)
        la_canvas_put_right(&values, field->width, STYLE_DIM, field->plot->x_name);
    la_canvas_write(&axis, field->story->flags, &field->story->ladder);
    la_canvas_write(&values, field->story->flags, &field->story->ladder);
}

static void
put_legend(const struct field *field)
{
    struct canvas canvas;
    uint32_t col = AXIS_COLUMNS + 1;
    la_canvas_clear(&canvas, field->width);
    for (size_t i = 0; i < field->plot->series_n; i++) {
        const struct la_plot_series *series = &field->plot->series[i];
        bool points = series->style == LA_PLOT_POINTS;
        if (series->n == 0)
            continue;
        la_canvas_put(&canvas, col,
                      points   ? STYLE_BAD
                      : i == 0 ? STYLE_TAG
                               : STYLE_STRONG,
                      points   ? "✗"
                      : i == 0 ? "█"
                               : "┄");
        col = la_canvas_put(&canvas, col + 2, STYLE_PLAIN, series->name) + 3;
    }
    la_canvas_write(&canvas, field->story->flags, &field->story->ladder);
}

void
la_plot_draw(const struct la_plot *plot, const struct la_story_cfg *story)
{
    if (story->ladder.write == NULL || !(plot->x_max > 0) || !(plot->y_max > 0))
        return;
    struct field field = field_of(plot, story);
    put_title(&field);
    for (uint32_t row = ROWS_N; row-- > 0;)
        put_row(&field, row);
    put_x_axis(&field);
    if (plot->spans_n != 0)
        put_spans(&field);
    put_legend(&field);
}
