/* SPDX-License-Identifier: MIT
 *
 * test_prose.c - sentences in lines of a width
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/explain_prose.h"

static void
wraps_to(const char *text, uint32_t width, const char *wanted)
{
    char *lines = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&lines, &n);
    assert_non_null(out);
    la_prose_wrap(out, text, width);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(lines, wanted);
    free(lines);
}

/* Columns count characters, not octets; a word that is too long stands alone. */
static void
test_prose__lines(void **state)
{
    (void)state;
    wraps_to("", 20, "");
    wraps_to("one two  three ", 11, "  one two\n  three\n");
    wraps_to("\u2192\u2192\u2192 \u2192\u2192\u2192 x", 11,
             "  \u2192\u2192\u2192 \u2192\u2192\u2192 x\n");
    wraps_to("a incomprehensibilities b", 10, "  a\n  incomprehensibilities\n  b\n");
}

/* At whatever width, a number and its unit stand on one line. */
static void
test_prose__units(void **state)
{
    (void)state;
    wraps_to("it took 36.6 ms.", 16, "  it took\n  36.6 ms.\n");
    wraps_to("it took 36.6 ms.", 17, "  it took\n  36.6 ms.\n");
    wraps_to("it took 36.6 ms.", 18, "  it took 36.6 ms.\n");
    wraps_to("for 99 % of it", 11, "  for 99 %\n  of it\n");
    wraps_to("for 99 % of it", 9, "  for\n  99 % of\n  it\n");
    wraps_to("in 12 segments", 9, "  in 12\n  segments\n");
    wraps_to("the s", 6, "  the\n  s\n");
    wraps_to("of 12", 5, "  of\n  12\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prose__lines),
        cmocka_unit_test(test_prose__units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
