/* SPDX-License-Identifier: MIT
 *
 * test_hash.c - SipHash against published values
 */
#include "base/hash.h"

#include "support.h"

/* Appendix A of the paper, and the same key and inputs 00, 00 01, ... at other lengths. */
static void
test_hash__siphash_2_4_gives_the_published_values(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        uint64_t hash;
    } rows[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
        {2, UINT64_C(0x0d6c8009d9a94f5a)},  {3, UINT64_C(0x85676696d7fb7e2d)},
        {7, UINT64_C(0xab0200f58b01d137)},  {8, UINT64_C(0x93f5f5799a932462)},
        {15, UINT64_C(0xa129ca6149be45e5)},
    };
    const struct la_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t input[16];
    for (uint8_t i = 0; i < sizeof(input); i++)
        input[i] = i;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(la_hash(&key, (struct la_bytes){input, rows[i].n}), rows[i].hash);
}

/* Values of Python 3.11, which hashes strings with SipHash-1-3, under PYTHONHASHSEED=42. */
static void
test_hash__siphash_1_3_agrees_with_python(void **state)
{
    (void)state;
    static const uint64_t hashes[] = {
        UINT64_C(0x60866c3c108c6afb), UINT64_C(0x339176f3ac59ce05), UINT64_C(0xae431c6fb201ce8b),
        UINT64_C(0x26f2ecd47de50371), UINT64_C(0xde03d697bf20e38a),
    };
    const struct la_key key = {UINT64_C(0xdc504fd368cd90af), UINT64_C(0xb920bb9ffe99e9c1)};
    uint64_t words[5];
    for (uint64_t i = 0; i < 5; i++) {
        words[i] = 0;
        for (uint64_t octet = 8; octet-- > 0;)
            words[i] = words[i] << 8 | (8 * i + octet);
        assert_int_equal(la_hash_words(&key, words, i + 1), hashes[i]);
    }
}

static void
test_hash__two_words_are_their_sixteen_octets(void **state)
{
    (void)state;
    struct la_rng rng = test_rng(1);
    for (int round = 0; round < 1000; round++) {
        struct la_key key = {la_rng_next(&rng), la_rng_next(&rng)};
        uint8_t octets[16];
        uint64_t words[2] = {0, 0};
        test_fill(&rng, octets, sizeof(octets));
        for (int i = 15; i >= 0; i--)
            words[i / 8] = words[i / 8] << 8 | octets[i];
        uint64_t hash = la_hash(&key, (struct la_bytes){octets, sizeof(octets)});
        assert_int_equal(la_hash2(&key, words[0], words[1]), hash);
    }
}

static void
test_hash__words_and_four_octets_are_those_octets(void **state)
{
    (void)state;
    struct la_rng rng = test_rng(2);
    for (size_t n = 0; n <= 5; n++) {
        struct la_key key = {la_rng_next(&rng), la_rng_next(&rng)};
        uint8_t octets[44];
        uint64_t words[6] = {0};
        test_fill(&rng, octets, sizeof(octets));
        for (size_t i = 8 * n + 4; i-- > 0;)
            words[i / 8] = words[i / 8] << 8 | octets[i];
        uint64_t hash = la_hash(&key, (struct la_bytes){octets, 8 * n + 4});
        assert_int_equal(la_hash_words_and(&key, words, n, (uint32_t)words[n]), hash);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash__siphash_2_4_gives_the_published_values),
        cmocka_unit_test(test_hash__siphash_1_3_agrees_with_python),
        cmocka_unit_test(test_hash__two_words_are_their_sixteen_octets),
        cmocka_unit_test(test_hash__words_and_four_octets_are_those_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
