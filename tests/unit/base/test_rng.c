/* SPDX-License-Identifier: MIT
 *
 * test_rng.c - streams: reproducible, independent, even
 */
#include "base/rng.h"

#include "support.h"

static void
test_rng__a_stream_is_named_by_seed_and_name(void **state)
{
    (void)state;
    struct la_seed seed = {{1, 2, 3, 4}};
    struct la_rng a, b, c;
    la_rng_init(&a, &seed, "isn");
    la_rng_init(&b, &seed, "isn");
    la_rng_init(&c, &seed, "port");
    int same_n = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t v = la_rng_next(&a);
        assert_int_equal(v, la_rng_next(&b));
        same_n += v == la_rng_next(&c);
    }
    assert_int_equal(same_n, 0);
}

static void
test_rng__every_word_of_the_seed_counts(void **state)
{
    (void)state;
    struct la_seed seed = {{0, 0, 0, 0}};
    struct la_key key = la_key_derive(&seed, "k");
    for (int i = 0; i < 4; i++) {
        seed.w[i] ^= 1;
        struct la_key other = la_key_derive(&seed, "k");
        assert_true(other.k0 != key.k0);
        assert_true(other.k1 != key.k1);
        seed.w[i] ^= 1;
    }
    struct la_rng rng;
    la_rng_init(&rng, &seed, "k");
    assert_true(rng.s[0] != key.k0);
}

/* Reference values of the generator, from its definition applied to the state 1 2 3 4. */
static void
test_rng__generator_is_xoshiro256_starstar(void **state)
{
    (void)state;
    struct la_rng rng = {{1, 2, 3, 4}};
    assert_int_equal(la_rng_next(&rng), 11520);
    assert_int_equal(la_rng_next(&rng), 0);
    assert_int_equal(la_rng_next(&rng), 1509978240);
    assert_int_equal(la_rng_next(&rng), UINT64_C(1215971899390074240));
}

static void
test_rng__below_is_even_and_bounded(void **state)
{
    (void)state;
    struct la_rng rng = test_rng(1);
    uint32_t count[7] = {0};
    for (int i = 0; i < 70000; i++)
        count[la_rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(count[i], 9500, 10500);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(la_rng_below(&rng, 1), 0);
    /* With a bias the lower half of three quarters of the range would come twice as often. */
    const uint64_t n = UINT64_C(3) << 62;
    uint32_t low_n = 0;
    for (int i = 0; i < 30000; i++) {
        uint64_t v = la_rng_below(&rng, n);
        assert_true(v < n);
        low_n += v < UINT64_C(1) << 62;
    }
    assert_in_range(low_n, 9500, 10500);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rng__a_stream_is_named_by_seed_and_name),
        cmocka_unit_test(test_rng__every_word_of_the_seed_counts),
        cmocka_unit_test(test_rng__generator_is_xoshiro256_starstar),
        cmocka_unit_test(test_rng__below_is_even_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
