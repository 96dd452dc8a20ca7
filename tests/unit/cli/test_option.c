/* SPDX-License-Identifier: MIT
 *
 * test_option.c - one option of a command line, in its two forms
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/option.h"

static bool
split(const char *word, const char *next, struct la_option *out)
{
    static char words[2][128];
    char *argv[] = {words[0], next != NULL ? words[1] : NULL, NULL};
    (void)strcpy(words[0], word);
    (void)strcpy(words[1], next != NULL ? next : "");
    return la_option_split(argv, 0, out);
}

static void
is(const char *word, const char *next, const char *name, const char *value, bool joined)
{
    struct la_option option;
    assert_true(split(word, next, &option));
    assert_string_equal(option.name, name);
    assert_int_equal(option.joined, joined);
    if (value == NULL)
        assert_null(option.value);
    else
        assert_string_equal(option.value, value);
}

static void
test_option__forms(void **state)
{
    (void)state;
    is("--loss", "1%", "loss", "1%", false);
    is("--loss=1%", "next", "loss", "1%", true);
    is("--loss", NULL, "loss", NULL, false);
    is("--loss=", "next", "loss", "", true);
    is("--define=A=B", NULL, "define", "A=B", true);
    is("--a", "--b", "a", "--b", false);
}

static void
test_option__others(void **state)
{
    (void)state;
    static const char *const others[] = {"", "-", "--", "-x", "word", "a--b", "--=x"};
    struct la_option option;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(split(others[i], "next", &option));
    char word[2 + LA_OPTION_NAME_BYTES + 1] = "--";
    memset(word + 2, 'n', LA_OPTION_NAME_BYTES);
    assert_false(split(word, NULL, &option)); /* and no octet beyond the room for names */
    word[2 + LA_OPTION_NAME_BYTES - 1] = '\0';
    assert_true(split(word, NULL, &option));
    assert_int_equal(strlen(option.name), LA_OPTION_NAME_BYTES - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_option__forms),
        cmocka_unit_test(test_option__others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
