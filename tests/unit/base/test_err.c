/* SPDX-License-Identifier: MIT
 *
 * test_err.c - every code has a name and a sentence
 */
#include "support.h"

static void
test_err__every_code_has_a_name_and_a_sentence(void **state)
{
    (void)state;
#define ERR(name, value, errno_name, text)                                                         \
    assert_string_equal(la_err_name(value), #name);                                                \
    assert_string_equal(la_strerror(LA_ERR_##name), text);                                         \
    assert_true((value) < 0);                                                                      \
    assert_int_not_equal(text[sizeof(text) - 2], '.');
#include <lastack/err.def>
#undef ERR
}

static void
test_err__any_number_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(la_err_name(LA_OK), "OK");
    assert_string_equal(la_err_name(-77), "UNKNOWN");
    assert_string_equal(la_strerror(INT32_MIN), "unknown error");
    assert_non_null(la_strerror(INT32_MAX));
}

static void
test_err__version_is_set(void **state)
{
    (void)state;
    assert_string_equal(la_version(), LA_VERSION);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err__every_code_has_a_name_and_a_sentence),
        cmocka_unit_test(test_err__any_number_has_a_text),
        cmocka_unit_test(test_err__version_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
