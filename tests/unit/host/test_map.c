/* SPDX-License-Identifier: MIT
 *
 * test_map.c - the map against a plain array
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "host/map.h"

enum { KEYS_N = 300, STEPS_N = 200000 };

/* Keys that crowd together: the table's runs become long. */
static uint64_t
key_of(unsigned i)
{
    return i % 3 == 0 ? (uint64_t)i << 32 : i;
}

static uint32_t
next(uint32_t *state)
{
    *state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
    return *state >> 8;
}

static void
test_map__behaves_as_an_array(void **state)
{
    static int values[KEYS_N];
    void *model[KEYS_N] = {0};
    struct la_map map = {0};
    uint32_t rng = 1;
    size_t live_n = 0;
    (void)state;
    for (unsigned step = 0; step < STEPS_N; step++) {
        unsigned i = next(&rng) % KEYS_N;
        if (next(&rng) % 2 == 0) {
            live_n += model[i] == NULL;
            model[i] = &values[next(&rng) % KEYS_N];
            assert_true(la_map_put(&map, key_of(i), model[i]));
        } else {
            assert_ptr_equal(la_map_take(&map, key_of(i)), model[i]);
            live_n -= model[i] != NULL;
            model[i] = NULL;
        }
        unsigned j = next(&rng) % KEYS_N;
        assert_ptr_equal(la_map_get(&map, key_of(j)), model[j]);
        assert_int_equal(map.live_n, live_n);
    }
    la_map_fini(&map);
}

static void
test_map__walks_every_entry_once(void **state)
{
    static int values[KEYS_N];
    bool seen[KEYS_N] = {0};
    struct la_map map = {0};
    size_t cursor = 0, n = 0;
    (void)state;
    for (unsigned i = 0; i < KEYS_N; i++)
        assert_true(la_map_put(&map, key_of(i), &values[i]));
    for (int *v; (v = la_map_next(&map, &cursor)) != NULL; n++) {
        assert_false(seen[v - values]);
        seen[v - values] = true;
    }
    assert_int_equal(n, map.live_n);
    la_map_fini(&map);
}

static void
test_map__empty(void **state)
{
    struct la_map map = {0};
    size_t cursor = 0;
    (void)state;
    assert_null(la_map_get(&map, 1));
    assert_null(la_map_take(&map, 1));
    assert_null(la_map_next(&map, &cursor));
    la_map_fini(&map);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map__behaves_as_an_array),
        cmocka_unit_test(test_map__walks_every_entry_once),
        cmocka_unit_test(test_map__empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
