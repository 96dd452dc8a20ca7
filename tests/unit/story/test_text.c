/* SPDX-License-Identifier: MIT
 *
 * test_text.c - numbers in words, names from outside, one line of cells
 */
#include "support.h"

#include "story/text.h"

static void
assert_duration(int64_t ns, const char *expected)
{
    struct text text = text_empty();
    la_text_duration(&text, ns);
    assert_string_equal(text.p, expected);
}

static void
test_text__durations(void **state)
{
    (void)state;
    assert_duration(0, "0 ms");
    assert_duration(-5, "0 ms");
    assert_duration(INT64_MIN, "0 ms");
    assert_duration(850000, "850 µs");
    assert_duration(1000000, "1.00 ms");
    assert_duration(40000000, "40.0 ms");
    assert_duration(200400000, "200 ms");
    assert_duration(1020000000, "1.02 s");
    assert_duration(60000000000, "60.0 s");
    assert_duration(127000000000, "2 min 7 s");
    assert_duration(7200000000000, "2.0 h");
    assert_duration(INT64_MAX, "2562047.8 h");
}

static void
test_text__counts(void **state)
{
    (void)state;
    struct text text = text_empty();
    la_text_count(&text, 0);
    la_text_comma(&text);
    la_text_count(&text, 602112);
    la_text_comma(&text);
    la_text_count(&text, 1000005);
    assert_string_equal(text.p, "0, 602,112, 1,000,005");
    text = text_empty();
    la_text_counted(&text, 1, "segment");
    la_text_add(&text, " ");
    la_text_counted(&text, 1204, "segment");
    assert_string_equal(text.p, "1 segment 1,204 segments");
    text = text_empty();
    la_text_count(&text, UINT64_MAX);
    assert_string_equal(text.p, "18,446,744,073,709,551,615");
}

static void
test_text__endpoints(void **state)
{
    (void)state;
    struct text text = text_empty();
    struct la_endpoint endpoint = {.port = 80};
    la_text_endpoint(&text, &endpoint);
    assert_string_equal(text.p, "*:80");
    text = text_empty();
    endpoint.addr = la_addr_v4(10, 0, 0, 1);
    la_text_endpoint(&text, &endpoint);
    assert_string_equal(text.p, "10.0.0.1:80");
    text = text_empty();
    assert_true(la_addr_parse("2001:db8::1", &endpoint.addr));
    la_text_endpoint(&text, &endpoint);
    assert_string_equal(text.p, "[2001:db8::1]:80");
}

static void
test_text__cut_at_a_code_point(void **state)
{
    (void)state;
    struct text text = text_empty();
    for (int i = 0; i < 1000; i++)
        la_text_add(&text, "─");
    assert_in_range(text.n, sizeof(text.p) - 4, sizeof(text.p) - 1);
    assert_int_equal(text.n % 3, 0);
    assert_int_equal(la_text_columns(text.p), text.n / 3);
}

/* A name cannot move the cursor, break the encoding or take two columns. */
static void
test_text__names_are_tamed(void **state)
{
    (void)state;
    struct text text = text_empty();
    la_text_name(&text, "a\033[31m\n\xff\xe4\xb8\xad\xcc\x81Ω", 64);
    assert_string_equal(text.p, "a?[31m????Ω");
    text = text_empty();
    la_text_name(&text, "long name", 4);
    assert_string_equal(text.p, "long");
}

static void
test_text__wrapping_loses_nothing(void **state)
{
    (void)state;
    const char *words = "retransmission 1 of seq 1: timeout → next averyveryverylongword end";
    for (uint32_t columns = 1; columns < 80; columns++) {
        struct text line = text_empty();
        size_t letters = 0, expected = 0;
        for (const char *rest = words; *rest != 0;) {
            rest = la_text_wrap(rest, columns, &line);
            assert_in_range(la_text_columns(line.p), 1, columns);
            for (const char *p = line.p; *p != 0; p++)
                letters += *p != ' ';
        }
        for (const char *p = words; *p != 0; p++)
            expected += *p != ' ';
        assert_int_equal(letters, expected);
    }
}

static void
test_text__instants_do_not_overflow(void **state)
{
    (void)state;
    la_instant first = {INT64_MIN}, last = {INT64_MAX};
    assert_int_equal(la_story_ns_between(last, first), INT64_MAX);
    assert_int_equal(la_story_ns_between(first, last), INT64_MIN);
    assert_int_equal(la_story_ns_between((la_instant){7}, (la_instant){5}), 2);
}

static void
test_canvas__clips_and_trims(void **state)
{
    (void)state;
    struct caught out = {0};
    struct la_story_writer writer = {caught_write, &out};
    struct canvas canvas;
    la_canvas_clear(&canvas, 8);
    la_canvas_put(&canvas, 6, STYLE_PLAIN, "─▶│x");
    la_canvas_put_right(&canvas, 3, STYLE_BAD, "abcde");
    la_canvas_write(&canvas, 0, &writer);
    assert_string_equal(out.p, "cde   ─▶\n");
    out.n = 0;
    la_canvas_write(&canvas, LA_STORY_ASCII, &writer);
    assert_string_equal(out.p, "cde   ->\n");
    out.n = 0;
    la_canvas_write(&canvas, LA_STORY_ASCII | LA_STORY_COLOR, &writer);
    assert_string_equal(out.p, "\033[0;31mcde   \033[0m->\n");
    free(out.p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text__durations),
        cmocka_unit_test(test_text__counts),
        cmocka_unit_test(test_text__endpoints),
        cmocka_unit_test(test_text__cut_at_a_code_point),
        cmocka_unit_test(test_text__names_are_tamed),
        cmocka_unit_test(test_text__wrapping_loses_nothing),
        cmocka_unit_test(test_text__instants_do_not_overflow),
        cmocka_unit_test(test_canvas__clips_and_trims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
