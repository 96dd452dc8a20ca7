/* SPDX-License-Identifier: MIT
 *
 * test_bytes.c - cursors: what was written is read back, errors stick
 */
#include "base/bytes.h"

#include "support.h"

static void
test_bytes__what_is_written_is_read_back(void **state)
{
    (void)state;
    uint8_t raw[12];
    struct la_wr wr = la_wr_init((struct la_room){raw, sizeof(raw)});
    la_wr8(&wr, 0x01);
    la_wr16(&wr, 0x0203);
    la_wr32(&wr, 0x04050607);
    la_wr_bytes(&wr, (struct la_bytes){(const uint8_t *)"\x08\x09", 2});
    la_wr_bytes(&wr, (struct la_bytes){NULL, 0});
    assert_false(wr.failed);
    assert_int_equal(wr.n, 3);
    for (uint8_t i = 0; i < 9; i++)
        assert_int_equal(raw[i], i + 1);

    struct la_rd rd = la_rd_init((struct la_bytes){raw, 9});
    assert_int_equal(la_rd8(&rd), 0x01);
    assert_int_equal(la_rd16(&rd), 0x0203);
    assert_int_equal(la_rd32(&rd), 0x04050607);
    struct la_bytes rest = la_rd_bytes(&rd, 2);
    assert_ptr_equal(rest.p, raw + 7);
    assert_int_equal(rest.n, 2);
    assert_int_equal(la_rd_bytes(&rd, 0).n, 0);
    assert_false(rd.failed);
}

static void
test_bytes__reading_past_the_end_sticks(void **state)
{
    (void)state;
    const uint8_t raw[3] = {1, 2, 3};
    struct la_rd rd = la_rd_init((struct la_bytes){raw, 3});
    assert_int_equal(la_rd32(&rd), 0);
    assert_true(rd.failed);
    assert_int_equal(la_rd8(&rd), 0);
    assert_int_equal(la_rd16(&rd), 0);
    assert_null(la_rd_bytes(&rd, 1).p);
    assert_null(la_rd_bytes(&rd, 0).p);
    assert_true(rd.failed);
    rd = la_rd_init((struct la_bytes){raw, 3});
    assert_null(la_rd_bytes(&rd, SIZE_MAX).p);
    assert_true(rd.failed);
}

static void
test_bytes__writing_past_the_end_writes_nothing(void **state)
{
    (void)state;
    uint8_t raw[5] = {9, 9, 9, 9, 9};
    struct la_wr wr = la_wr_init((struct la_room){raw, 3});
    la_wr32(&wr, 0x01020304);
    assert_true(wr.failed);
    la_wr8(&wr, 1);
    la_wr16(&wr, 1);
    la_wr_bytes(&wr, (struct la_bytes){(const uint8_t *)"abc", 3});
    for (int i = 0; i < 5; i++)
        assert_int_equal(raw[i], 9);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes__what_is_written_is_read_back),
        cmocka_unit_test(test_bytes__reading_past_the_end_sticks),
        cmocka_unit_test(test_bytes__writing_past_the_end_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
