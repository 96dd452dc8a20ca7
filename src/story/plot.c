/* SPDX-License-Identifier: MIT
 *
 * plot.c - a value over time as a picture in the terminal
 */
#include "story/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "story/text.h"

enum { LEVELS_N = 8, AXIS_COLUMNS = 8, WIDTH_DEFAULT = 80, TICK_COLUMNS = 14 };
enum { Y_TICKS_N = 4, TICK_BYTES = 24 };

/* What a series is drawn with, and shown with in the legend. */
static const struct {
    const char *glyph;
    enum style style;
} looks[LA_PLOT_STYLES_N] = {
    [LA_PLOT_AREA] = {"█", STYLE_TAG},       [LA_PLOT_PEAKS] = {"█", STYLE_TAG},
    [LA_PLOT_LINE] = {"┄", STYLE_STRONG},    [LA_PLOT_BOUND] = {"─", STYLE_DIM},
    [LA_PLOT_DOTS] = {"•", STYLE_TAG},       [LA_PLOT_BARS] = {"┃", STYLE_STRONG},
    [LA_PLOT_BLOCKS] = {"▪", STYLE_TAG + 1}, [LA_PLOT_MARKS] = {"✗", STYLE_BAD},
};

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
    uint32_t width, columns_n, rows_n;
    double y_tick, x_tick;
    struct canvas rows[LA_PLOT_ROWS_N_MAX]; /* from below */
};

static void
field_init(struct field *field, const struct la_plot *plot, const struct la_story_cfg *story)
{
    field->plot = plot;
    field->story = story;
    field->width = story->width == 0 ? WIDTH_DEFAULT : story->width;
    if (field->width > LA_STORY_WIDTH_MAX)
        field->width = LA_STORY_WIDTH_MAX;
    field->rows_n = plot->rows_n == 0 ? LA_PLOT_ROWS_N : plot->rows_n;
    if (field->rows_n > LA_PLOT_ROWS_N_MAX)
        field->rows_n = LA_PLOT_ROWS_N_MAX;
    field->columns_n = field->width - AXIS_COLUMNS - 1;
    field->y_tick = la_plot_tick(plot->y_max, Y_TICKS_N);
    field->x_tick = la_plot_tick(plot->x_max, field->columns_n / TICK_COLUMNS);
    for (uint32_t row = 0; row < field->rows_n; row++)
        la_canvas_clear(&field->rows[row], field->width);
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
    if (!(column >= 0) || column > field->columns_n)
        return field->columns_n;
    return column >= field->columns_n ? field->columns_n - 1 : (uint32_t)column;
}

/* In eighths of a row, from below. */
static uint32_t
level_of(const struct field *field, double y)
{
    uint32_t top = field->rows_n * LEVELS_N;
    double level = y / field->plot->y_max * top + 0.5;
    if (!(level > 0))
        return 0;
    return level >= top ? top : (uint32_t)level;
}

static uint32_t
row_of(const struct field *field, double y)
{
    uint32_t level = level_of(field, y);
    return level == 0 ? 0 : (level - 1) / LEVELS_N;
}

/* What a series of values that hold was within a column; least > most: it has not begun. */
struct extent {
    double mean, least, most;
};

static struct extent
extent_in(const struct field *field, const struct la_plot_series *series, uint32_t column)
{
    double from = column_begin(field, column), to = column_begin(field, column + 1);
    double sum = 0, lasted = 0;
    struct extent extent = {.least = 1, .most = 0};
    for (size_t i = 0; i < series->n && series->points[i].x < to; i++) {
        double y = series->points[i].y;
        double begin = series->points[i].x > from ? series->points[i].x : from;
        double end =
            i + 1 < series->n && series->points[i + 1].x < to ? series->points[i + 1].x : to;
        if (end < from || (end == from && series->points[i].x < from) || isnan(y))
            continue;
        if (extent.least > extent.most)
            extent.least = extent.most = y;
        extent.least = y < extent.least ? y : extent.least;
        extent.most = y > extent.most ? y : extent.most;
        if (end > begin) {
            sum += y * (end - begin);
            lasted += end - begin;
        }
    }
    extent.mean = lasted > 0 ? sum / lasted : extent.most;
    return extent;
}

/* ---- what stands in a row of cells ------------------------------------------------------ */

static void
put_cell(struct field *field, uint32_t row, uint32_t column, const struct la_plot_series *series)
{
    la_canvas_put(&field->rows[row], AXIS_COLUMNS + 1 + column, looks[series->style].style,
                  looks[series->style].glyph);
}

static void
put_area(struct field *field, const struct la_plot_series *series)
{
    static const char *const eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    for (uint32_t column = 0; column < field->columns_n; column++) {
        struct extent extent = extent_in(field, series, column);
        double y = series->style == LA_PLOT_PEAKS ? extent.most : extent.mean;
        uint32_t level = extent.least > extent.most ? 0 : level_of(field, y);
        for (uint32_t row = 0; row * LEVELS_N < level; row++) {
            uint32_t above = level - row * LEVELS_N;
            la_canvas_put(&field->rows[row], AXIS_COLUMNS + 1 + column, looks[series->style].style,
                          eighths[above > LEVELS_N ? (uint32_t)LEVELS_N : above]);
        }
    }
}

/* From where to where at a column, as far as that is in the picture. */
static void
put_upright(struct field *field, uint32_t column, struct extent extent,
            const struct la_plot_series *series)
{
    if (extent.least > extent.most || extent.least > field->plot->y_max)
        return;
    for (uint32_t row = row_of(field, extent.least); row <= row_of(field, extent.most); row++)
        put_cell(field, row, column, series);
}

static void
put_line(struct field *field, const struct la_plot_series *series)
{
    for (uint32_t column = 0; column < field->columns_n; column++)
        put_upright(field, column, extent_in(field, series, column), series);
}

static void
put_bars(struct field *field, const struct la_plot_series *series)
{
    for (size_t i = 0; i + 1 < series->n; i += 2) {
        struct extent extent = {.least = series->points[i].y, .most = series->points[i + 1].y};
        uint32_t column = column_of(field, series->points[i].x);
        if (column < field->columns_n)
            put_upright(field, column, extent, series);
    }
}

static void
put_points(struct field *field, const struct la_plot_series *series)
{
    for (size_t i = 0; i < series->n; i++) {
        uint32_t column = column_of(field, series->points[i].x);
        if (column < field->columns_n && series->points[i].y <= field->plot->y_max)
            put_cell(field, row_of(field, series->points[i].y), column, series);
    }
}

static void
put_series(struct field *field, const struct la_plot_series *series)
{
    switch ((enum la_plot_style)series->style) {
    case LA_PLOT_AREA:
    case LA_PLOT_PEAKS:
        put_area(field, series);
        break;
    case LA_PLOT_LINE:
    case LA_PLOT_BOUND:
        put_line(field, series);
        break;
    case LA_PLOT_BARS:
    case LA_PLOT_BLOCKS:
        put_bars(field, series);
        break;
    case LA_PLOT_DOTS:
    case LA_PLOT_MARKS:
        put_points(field, series);
        break;
    case LA_PLOT_STYLES_N:
        break;
    }
}

/* Does a mark of the axis belong into this row? *value: which. */
static bool
tick_in_row(const struct field *field, uint32_t row, double *value)
{
    for (*value = 0; *value <= field->plot->y_max * 1.0001; *value += field->y_tick)
        if (row_of(field, *value) == row)
            return true;
    return false;
}

static void
put_rows(struct field *field)
{
    for (size_t i = 0; i < field->plot->series_n; i++)
        put_series(field, &field->plot->series[i]);
    for (uint32_t row = field->rows_n; row-- > 0;) {
        struct canvas *canvas = &field->rows[row];
        char text[TICK_BYTES];
        double value;
        bool tick = tick_in_row(field, row, &value);
        if (tick) {
            put_value(text, value, field->y_tick);
            la_canvas_put_right(canvas, AXIS_COLUMNS - 1, STYLE_DIM, text);
        }
        la_canvas_put(canvas, AXIS_COLUMNS, STYLE_DIM, tick ? "┤" : "│");
        la_canvas_write(canvas, field->story->flags, &field->story->ladder);
    }
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

/* Each word in its place, where there is one for it; '│' where it begins. */
static void
put_spans(const struct field *field)
{
    struct canvas canvas;
    la_canvas_clear(&canvas, field->width);
    for (size_t i = 0; i < field->plot->spans_n; i++) {
        uint32_t from = column_of(field, field->plot->spans[i].x);
        uint32_t to = i + 1 < field->plot->spans_n ? column_of(field, field->plot->spans[i + 1].x)
                                                   : field->columns_n;
        if (from >= field->columns_n || to <= from + 1)
            continue;
        uint32_t col = AXIS_COLUMNS + 1 + from;
        la_canvas_put(&canvas, col, STYLE_DIM, "│");
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

/* As many lines as it takes. */
static void
put_legend(const struct field *field)
{
    struct canvas canvas;
    uint32_t col = AXIS_COLUMNS + 1;
    la_canvas_clear(&canvas, field->width);
    for (size_t i = 0; i < field->plot->series_n; i++) {
        const struct la_plot_series *series = &field->plot->series[i];
        uint32_t n = 2 + (uint32_t)la_text_columns(series->name);
        if (series->n == 0)
            continue;
        if (col > AXIS_COLUMNS + 1 && col + n > field->width) {
            la_canvas_write(&canvas, field->story->flags, &field->story->ladder);
            la_canvas_clear(&canvas, field->width);
            col = AXIS_COLUMNS + 1;
        }
        la_canvas_put(&canvas, col, looks[series->style].style, looks[series->style].glyph);
        col = la_canvas_put(&canvas, col + 2, STYLE_PLAIN, series->name) + 3;
    }
    la_canvas_write(&canvas, field->story->flags, &field->story->ladder);
}

void
la_plot_draw(const struct la_plot *plot, const struct la_story_cfg *story)
{
    struct field field;
    if (story->ladder.write == NULL || !(plot->x_max > 0) || !(plot->y_max > 0))
        return;
    field_init(&field, plot, story);
    put_title(&field);
    put_rows(&field);
    put_x_axis(&field);
    if (plot->spans_n != 0)
        put_spans(&field);
    put_legend(&field);
}
