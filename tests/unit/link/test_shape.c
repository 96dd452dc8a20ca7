/* SPDX-License-Identifier: MIT
 *
 * test_shape.c - the rate is exact, the queue bounded
 */
#include "support.h"

#include "link/shape.h"

static void
test_shape__exact(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_wire_shape shape;
    la_wire_shape_init(&shape, mem);
    /* 7 bit/s: 125 octets take 1000/7 s, no whole number of nanoseconds. */
    const struct la_wire_load load = {125, 7, 1000, 0};
    for (int64_t i = 1; i <= 700; i++) {
        la_instant at;
        assert_int_equal(la_wire_shape_enter(&shape, &load, &at, ms(0)), LA_WIRE_SHAPE_OK);
        assert_int_equal(at.ns, i * 1000 * LA_NS_PER_S / 7);
    }
    la_wire_shape_fini(&shape);
    test_mem_free(mem, &alloc);
}

static void
test_shape__idle_line_starts_at_once(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_wire_shape shape;
    const struct la_wire_load load = {125, 1000000, 1, 0}; /* 1 ms each */
    la_instant at;
    la_wire_shape_init(&shape, mem);
    assert_int_equal(la_wire_shape_enter(&shape, &load, &at, ms(10)), LA_WIRE_SHAPE_OK);
    assert_int_equal(at.ns, ms(11).ns);
    assert_int_equal(la_wire_shape_enter(&shape, &load, &at, ms(10)), LA_WIRE_SHAPE_OK);
    assert_int_equal(at.ns, ms(12).ns);
    assert_int_equal(la_wire_shape_enter(&shape, &load, &at, ms(10)), LA_WIRE_SHAPE_FULL);
    /* At 11 ms the one that waited is being serialised: there is room again. */
    assert_int_equal(la_wire_shape_enter(&shape, &load, &at, ms(11)), LA_WIRE_SHAPE_OK);
    assert_int_equal(at.ns, ms(13).ns);
    assert_int_equal(la_wire_shape_enter(&shape, &load, &at, ms(100)), LA_WIRE_SHAPE_OK);
    assert_int_equal(at.ns, ms(101).ns);
    la_wire_shape_fini(&shape);
    test_mem_free(mem, &alloc);
}

static void
test_shape__no_memory(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_wire_shape shape;
    const struct la_wire_load load = {125, 1000000, 1000, 0};
    la_instant at;
    unsigned refused_n = 0;
    la_wire_shape_init(&shape, mem);
    alloc.fail_from = alloc.asked_n + 2;
    for (unsigned i = 0; i < 200; i++)
        refused_n += la_wire_shape_enter(&shape, &load, &at, ms(0)) == LA_WIRE_SHAPE_NO_MEMORY;
    assert_int_equal(refused_n, 200 - 65); /* one is served, 64 wait, no more room */
    assert_int_equal(at.ns, ms(65).ns);    /* who was refused takes no time */
    la_wire_shape_fini(&shape);
    test_mem_free(mem, &alloc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape__exact),
        cmocka_unit_test(test_shape__idle_line_starts_at_once),
        cmocka_unit_test(test_shape__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
