/* SPDX-License-Identifier: MIT
 *
 * test_plot.c - story/plot.h: what stands where in a picture of cells
 */
#include "story/plot.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum { LINES_N = 24, LINE_BYTES = 1024, ROWS_N = LA_PLOT_ROWS_N };

struct page {
    char line[LINES_N][LINE_BYTES];
    size_t n, at;
};

static void
take(void *ctx, const char *bytes, size_t n)
{
    struct page *page = ctx;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            page->line[page->n++][page->at] = 0;
            page->at = 0;
            assert_true(page->n < LINES_N);
        } else {
            assert_true(page->at < LINE_BYTES - 1);
            page->line[page->n][page->at++] = bytes[i];
        }
    }
}

static void
draw(struct page *page, const struct la_plot *plot, uint32_t width, uint32_t flags)
{
    struct la_story_cfg story;
    la_story_cfg_init(&story);
    story.width = width;
    story.flags = flags;
    story.ladder = (struct la_story_writer){take, page};
    *page = (struct page){.n = 0};
    la_plot_draw(plot, &story);
}

/* Cells from the axis on: so many that are not blank, in the row of cells `row` from above. */
static size_t
filled(const struct page *page, size_t row)
{
    size_t n = 0;
    const char *line = page->line[2 + row];
    for (size_t i = 9; i < strlen(line); i++)
        n += line[i] != ' ';
    return n;
}

static const struct la_plot_point half[] = {{0, 8}, {5, 16}};
static const struct la_plot_point seen[] = {{9.99, 0.1}, {2, 12}, {50, 1}};
static const struct la_plot_span spans[] = {{0, "first"}, {5, "second"}, {9, "third"}};

static struct la_plot
plot_of(const struct la_plot_series *series, size_t n)
{
    return (struct la_plot){.title = "a title",
                            .x_name = "x",
                            .y_name = "y",
                            .x_max = 10,
                            .y_max = 16,
                            .series = series,
                            .series_n = n,
                            .spans = spans,
                            .spans_n = 3};
}

static void
test_plot__ticks(void **state)
{
    (void)state;
    assert_true(la_plot_tick(10, 4) == 5);
    assert_true(la_plot_tick(72, 4) == 20);
    assert_true(la_plot_tick(100, 10) == 10);
    assert_true(la_plot_tick(1, 100) > 0.0099 && la_plot_tick(1, 100) < 0.0101);
    assert_true(la_plot_tick(3e9, 3) == 1e9);
    assert_true(la_plot_tick(7, 0) >= 7);
    assert_true(la_plot_tick(0, 5) == 1 && la_plot_tick(NAN, 5) == 1 && la_plot_tick(-1, 5) == 1);
    for (double max = 0.001; max < 1e7; max *= 1.7)
        for (unsigned n = 1; n < 20; n++) {
            double tick = la_plot_tick(max, n);
            assert_true(tick * n >= max * 0.999 && tick * n <= max * 10.001);
        }
}

/* Half of the columns are half as high as the rest. */
static void
test_plot__area(void **state)
{
    (void)state;
    const struct la_plot_series series = {"value", LA_PLOT_AREA, half, 2};
    struct la_plot plot = plot_of(&series, 1);
    struct page page;
    draw(&page, &plot, 89, LA_STORY_ASCII); /* 80 columns between the edges */
    assert_int_equal(page.n, 2 + ROWS_N + 4);
    assert_string_equal(page.line[0], "a title");
    for (size_t row = 0; row < ROWS_N; row++)
        assert_int_equal(filled(&page, row), row < ROWS_N / 2 ? 40 : 80);
    assert_null(strchr(page.line[2], '_'));
    assert_non_null(strstr(page.line[2 + ROWS_N + 2], "|first"));
    assert_non_null(strstr(page.line[2 + ROWS_N + 2], "|second"));
    assert_non_null(strstr(page.line[2 + ROWS_N + 3], "# value"));
}

/* Eighths: a value between two rows. */
static void
test_plot__eighths(void **state)
{
    (void)state;
    const struct la_plot_point points[] = {{0, 2.5}};
    const struct la_plot_series series = {"value", LA_PLOT_AREA, points, 1};
    struct la_plot plot = plot_of(&series, 1);
    struct page page;
    draw(&page, &plot, 80, 0);
    assert_non_null(strstr(page.line[2 + ROWS_N - 3], "▄▄▄▄"));
    assert_non_null(strstr(page.line[2 + ROWS_N - 2], "████"));
    assert_null(strstr(page.line[2 + ROWS_N - 4], "▄"));
}

static void
test_plot__points_and_lines(void **state)
{
    (void)state;
    const struct la_plot_point line[] = {{0, 4}};
    const struct la_plot_series series[] = {{"value", LA_PLOT_AREA, half, 0},
                                            {"line", LA_PLOT_LINE, line, 1},
                                            {"points", LA_PLOT_MARKS, seen, 3}};
    struct la_plot plot = plot_of(series, 3);
    struct page page;
    draw(&page, &plot, 89, LA_STORY_ASCII);
    assert_int_equal(filled(&page, ROWS_N - 4), 80); /* the line, at 4 of 16 */
    assert_int_equal(filled(&page, ROWS_N - 12), 1); /* the point at 12 */
    assert_int_equal(page.line[2 + ROWS_N - 12][9 + 16], 'x');
    assert_int_equal(page.line[2 + ROWS_N - 1][9 + 79], 'x');
    assert_int_equal(filled(&page, ROWS_N - 1), 1); /* and not the one beyond the edge */
    assert_null(strstr(page.line[page.n - 1], "value"));
}

static void
test_plot__any_width_and_any_value(void **state)
{
    (void)state;
    const struct la_plot_point odd[] = {{0, 1e30}, {1, 0}, {1, 5}, {2, -3}, {3, 1e-30}};
    const struct la_plot_series series[] = {{"value", LA_PLOT_AREA, odd, 5},
                                            {"points", LA_PLOT_MARKS, odd, 5}};
    struct page page;
    for (uint32_t width = LA_STORY_WIDTH_MIN; width <= LA_STORY_WIDTH_MAX + 20; width++) {
        struct la_plot plot = plot_of(series, 2);
        draw(&page, &plot, width, LA_STORY_ASCII);
        for (size_t i = 0; i < page.n; i++)
            assert_true(strlen(page.line[i]) <=
                        (width < LA_STORY_WIDTH_MAX ? width : LA_STORY_WIDTH_MAX));
        plot.x_max = 1e-9;
        draw(&page, &plot, width, LA_STORY_ASCII);
    }
    struct la_plot nothing = plot_of(series, 2);
    nothing.y_max = 0;
    draw(&page, &nothing, 80, 0);
    assert_int_equal(page.n, 0);
    nothing.y_max = NAN;
    draw(&page, &nothing, 80, 0);
    assert_int_equal(page.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plot__ticks),
        cmocka_unit_test(test_plot__area),
        cmocka_unit_test(test_plot__eighths),
        cmocka_unit_test(test_plot__points_and_lines),
        cmocka_unit_test(test_plot__any_width_and_any_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
