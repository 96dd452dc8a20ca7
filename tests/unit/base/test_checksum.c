/* SPDX-License-Identifier: MIT
 *
 * test_checksum.c - every kernel against the definition, pieces, updates
 */
#include "host/checksum.h"

#include "support.h"

/* RFC 1071 1, word by word. */
static uint16_t
naive_sum(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

static void
test_checksum__example_of_rfc_1071(void **state)
{
    (void)state;
    static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(la_sum_portable(example, sizeof(example)), 0xddf2);
    assert_int_equal(la_sum_portable(NULL, 0), 0);
}

static void
test_checksum__kernels_equal_the_definition_at_all_offsets_and_lengths(void **state)
{
    (void)state;
    struct la_sum_kernel kernels[LA_SUM_KERNELS_MAX];
    size_t kernels_n = la_host_checksum_kernels(kernels);
    struct la_rng rng = test_rng(1);
    static uint8_t random[512], ones[512];
    test_fill(&rng, random, sizeof(random));
    memset(ones, 0xff, sizeof(ones));
    for (size_t off = 0; off < 33; off++) {
        for (size_t n = 0; n <= 300; n++) {
            uint16_t of_random = naive_sum(random + off, n), of_ones = naive_sum(ones + off, n);
            for (size_t k = 0; k < kernels_n; k++) {
                assert_int_equal(kernels[k].sum(random + off, n), of_random);
                assert_int_equal(kernels[k].sum(ones + off, n), of_ones);
            }
        }
    }
}

/* Exactly sized memory, so that a sanitiser sees an octet too many; and sums that could
 * overflow. */
static void
test_checksum__kernels_read_no_more_and_never_overflow(void **state)
{
    (void)state;
    struct la_sum_kernel kernels[LA_SUM_KERNELS_MAX];
    size_t kernels_n = la_host_checksum_kernels(kernels);
    static const size_t lengths[] = {1, 31, 33, 1459, 65535, 65536, 524287, 524288, 2097155};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        uint8_t *p = malloc(lengths[i]);
        assert_non_null(p);
        memset(p, 0xff, lengths[i]);
        p[0] = 0x12;
        for (size_t k = 0; k < kernels_n; k++)
            assert_int_equal(kernels[k].sum(p, lengths[i]), naive_sum(p, lengths[i]));
        free(p);
    }
    assert_true(la_host_checksum() == kernels[0].sum);
}

/* LEDGER: RFC1071-1 */
static void
test_checksum__pieces_add_up(void **state)
{
    (void)state;
    struct la_rng rng = test_rng(2);
    uint8_t bytes[1000];
    for (int round = 0; round < 3000; round++) {
        size_t n = test_below(&rng, sizeof(bytes));
        test_fill(&rng, bytes, n);
        uint32_t sum = 0;
        for (size_t off = 0; off < n;) {
            size_t part_n = 1 + test_below(&rng, (uint32_t)(n - off));
            sum = la_sum_combine(sum, la_sum_portable(bytes + off, part_n), off);
            off += part_n;
        }
        assert_int_equal(la_sum_fold(sum), naive_sum(bytes, n));
    }
    assert_int_equal(la_sum_fold(la_sum_combine(UINT32_MAX, 0xffff, 0)), 0xffff);
    assert_int_equal(la_sum_fold(la_sum_combine(UINT32_MAX, 1, 0)), 1);
}

static void
test_checksum__chain_equals_its_octets(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc, 0);
    struct la_rng rng = test_rng(3);
    static uint8_t bytes[100000];
    for (int round = 0; round < 200; round++) {
        struct la_chain source = {0}, chain = {0};
        size_t n = (size_t)test_magnitude(&rng, 16) + 1;
        test_fill(&rng, bytes, n);
        assert_int_equal(la_chain_append_bytes(&source, mem, (struct la_bytes){bytes, n}), n);
        /* Cut so that slices of odd length follow one another. */
        uint8_t flat[4000];
        size_t flat_n = 0;
        while (flat_n + 100 < sizeof(flat)) {
            uint32_t off = test_below(&rng, (uint32_t)n);
            uint32_t len = 1 + test_below(&rng, (uint32_t)(n - off < 100 ? n - off : 100));
            assert_true(la_chain_share(&chain, mem, &source, off, len, NULL));
            memcpy(flat + flat_n, bytes + off, len);
            flat_n += len;
        }
        size_t off = test_below(&rng, 2);
        uint32_t expected = la_sum_combine(0x1234, naive_sum(flat, flat_n), off);
        uint32_t sum = la_sum_chain(0x1234, &chain, off, la_sum_portable);
        assert_int_equal(la_sum_fold(sum), la_sum_fold(expected));
        la_chain_clear(&chain);
        la_chain_clear(&source);
    }
    test_mem_end(mem, &alloc);
}

/* LEDGER: RFC1624-1 */
static void
test_checksum__update_equals_recomputing(void **state)
{
    (void)state;
    struct la_rng rng = test_rng(4);
    for (int round = 0; round < 100000; round++) {
        uint8_t bytes[20];
        test_fill(&rng, bytes, sizeof(bytes));
        if (round % 4 == 0)
            memset(bytes, round % 8 ? 0xff : 0, 16);
        bytes[19] |= 1; /* A header is never all zero: there the two zeros would differ. */
        uint16_t checksum = (uint16_t)~naive_sum(bytes, sizeof(bytes));
        uint16_t old_word = (uint16_t)(bytes[4] << 8 | bytes[5]);
        uint16_t new_word = (uint16_t)(round % 3 ? la_rng_next(&rng) : 0);
        bytes[4] = (uint8_t)(new_word >> 8);
        bytes[5] = (uint8_t)new_word;
        assert_int_equal(la_sum_update(checksum, old_word, new_word),
                         (uint16_t)~naive_sum(bytes, sizeof(bytes)));
    }
    /* The example of RFC 1624 4. */
    assert_int_equal(la_sum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum__example_of_rfc_1071),
        cmocka_unit_test(test_checksum__kernels_equal_the_definition_at_all_offsets_and_lengths),
        cmocka_unit_test(test_checksum__kernels_read_no_more_and_never_overflow),
        cmocka_unit_test(test_checksum__pieces_add_up),
        cmocka_unit_test(test_checksum__chain_equals_its_octets),
        cmocka_unit_test(test_checksum__update_equals_recomputing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
