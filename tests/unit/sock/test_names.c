/* SPDX-License-Identifier: MIT
 *
 * test_names.c - bind, and who stands in whose way
 *
 * Read first: Linux socket(7) on SO_REUSEADDR, ipv6(7) on IPV6_V6ONLY.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

static struct world w;

static la_sock
socket_of(enum la_sock_family family, enum la_sock_type type, bool reuse)
{
    la_sock s;
    assert_int_equal(la_sock_open(w.set[0], family, type, &s), LA_OK);
    assert_int_equal(la_sock_option_set(w.set[0], s, LA_SO_REUSEADDR, reuse, w.pair.now), LA_OK);
    return s;
}

static la_err
bind_to(la_sock s, struct la_addr addr, uint16_t port)
{
    struct la_endpoint at = {addr, port};
    return la_sock_bind(w.set[0], s, &at);
}

static void
test_names__bind(void **state)
{
    (void)state;
    world_new(&w);
    struct la_addr any = la_addr_v4(0, 0, 0, 0), any6 = {{0}};
    struct la_endpoint mine = pair_addr(0, false, 0), mine6 = pair_addr(0, true, 0), name;
    la_sock s = socket_of(LA_SOCK_IPV4, LA_SOCK_STREAM, false);
    assert_int_equal(bind_to(s, any6, 80), LA_ERR_BAD_FAMILY);
    assert_int_equal(bind_to(s, mine6.addr, 80), LA_ERR_BAD_FAMILY);
    assert_int_equal(bind_to(s, la_addr_v4(10, 9, 9, 9), 80), LA_ERR_ADDRESS_NOT_AVAILABLE);
    assert_int_equal(bind_to(s, mine.addr, 80), LA_OK);
    assert_int_equal(bind_to(s, mine.addr, 81), LA_ERR_BAD_STATE); /* once */
    assert_int_equal(la_sock_local(w.set[0], s, &name), LA_OK);
    assert_int_equal(name.port, 80);
    assert_true(la_addr_equal(&name.addr, &mine.addr));
    la_sock v6 = socket_of(LA_SOCK_IPV6, LA_SOCK_STREAM, false);
    assert_int_equal(bind_to(v6, mine.addr, 81), LA_OK); /* v4-mapped */
    la_sock only = socket_of(LA_SOCK_IPV6, LA_SOCK_STREAM, false);
    assert_int_equal(la_sock_option_set(w.set[0], only, LA_SO_V6ONLY, 1, w.pair.now), LA_OK);
    assert_int_equal(bind_to(only, mine.addr, 82), LA_ERR_BAD_FAMILY);
    assert_int_equal(bind_to(only, mine6.addr, 82), LA_OK);
    la_sock chosen[100];
    for (unsigned i = 0; i < 100; i++) { /* port 0: one of its own each */
        chosen[i] = socket_of(LA_SOCK_IPV4, LA_SOCK_STREAM, false);
        assert_int_equal(bind_to(chosen[i], any, 0), LA_OK);
        assert_int_equal(la_sock_local(w.set[0], chosen[i], &name), LA_OK);
        assert_in_range(name.port, 32768, 60999);
        for (unsigned k = 0; k < i; k++) {
            struct la_endpoint other;
            assert_int_equal(la_sock_local(w.set[0], chosen[k], &other), LA_OK);
            assert_int_not_equal(other.port, name.port);
        }
    }
    world_free(&w);
}

static void
test_names__conflicts(void **state)
{
    (void)state;
    static const struct {
        bool first_reuses, second_reuses, first_listens;
        int first, second; /* 0: any v4, 1: an address, 2: another one (loopback), 6: any v6 */
        la_err err;
    } cases[] = {
        {false, false, false, 1, 1, LA_ERR_ADDRESS_IN_USE},
        {true, false, false, 1, 1, LA_ERR_ADDRESS_IN_USE},
        {false, true, false, 1, 1, LA_ERR_ADDRESS_IN_USE},
        {true, true, false, 1, 1, LA_OK},
        {true, true, true, 1, 1, LA_ERR_ADDRESS_IN_USE}, /* nobody beside a listener */
        {false, false, false, 0, 1, LA_ERR_ADDRESS_IN_USE},
        {false, false, false, 1, 0, LA_ERR_ADDRESS_IN_USE},
        {true, true, false, 0, 1, LA_OK},
        {true, true, true, 0, 1, LA_ERR_ADDRESS_IN_USE},
        {false, false, false, 1, 2, LA_OK}, /* other addresses do not meet */
        {false, false, true, 1, 2, LA_OK},
        {false, false, false, 6, 0, LA_ERR_ADDRESS_IN_USE}, /* :: takes IPv4 as well */
        {false, false, false, 0, 6, LA_ERR_ADDRESS_IN_USE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world_new(&w);
        struct la_endpoint mine = pair_addr(0, false, 0);
        const int which[2] = {cases[i].first, cases[i].second};
        struct la_addr addr[2];
        for (int k = 0; k < 2; k++)
            addr[k] = which[k] == 0   ? la_addr_v4(0, 0, 0, 0)
                      : which[k] == 1 ? mine.addr
                      : which[k] == 2 ? la_addr_v4(127, 0, 0, 1)
                                      : (struct la_addr){{0}};
        la_sock a = socket_of(which[0] == 6 ? LA_SOCK_IPV6 : LA_SOCK_IPV4, LA_SOCK_STREAM,
                              cases[i].first_reuses);
        la_sock b = socket_of(which[1] == 6 ? LA_SOCK_IPV6 : LA_SOCK_IPV4, LA_SOCK_STREAM,
                              cases[i].second_reuses);
        la_sock u = socket_of(LA_SOCK_IPV4, LA_SOCK_DATAGRAM, false);
        assert_int_equal(bind_to(a, addr[0], 80), LA_OK);
        if (cases[i].first_listens)
            assert_int_equal(la_sock_listen(w.set[0], a, 1, w.pair.now), LA_OK);
        if (bind_to(b, addr[1], 80) != cases[i].err)
            fail_msg("case %zu", i);
        assert_int_equal(bind_to(u, mine.addr, 80), LA_OK); /* UDP ports are others */
        assert_int_equal(la_sock_close(w.set[0], a, w.pair.now), LA_OK);
        la_sock c = socket_of(LA_SOCK_IPV4, LA_SOCK_STREAM, false);
        if (cases[i].err != LA_OK)
            assert_int_equal(bind_to(c, mine.addr, 80), LA_OK); /* free again */
        world_free(&w);
    }
}

static la_err
bind_two(enum la_sock_option opt, bool both, la_sock out[2])
{
    struct la_addr any6 = {{0}}, any = la_addr_v4(0, 0, 0, 0);
    bool v6only = opt == LA_SO_V6ONLY;
    out[0] = socket_of(v6only ? LA_SOCK_IPV6 : LA_SOCK_IPV4, LA_SOCK_STREAM, false);
    out[1] = socket_of(LA_SOCK_IPV4, LA_SOCK_STREAM, false);
    assert_int_equal(la_sock_option_set(w.set[0], out[0], opt, 1, w.pair.now), LA_OK);
    assert_int_equal(la_sock_option_set(w.set[0], out[1], opt, both, w.pair.now), LA_OK);
    assert_int_equal(bind_to(out[0], v6only ? any6 : any, 80), LA_OK);
    assert_int_equal(la_sock_listen(w.set[0], out[0], 4, w.pair.now), LA_OK);
    return bind_to(out[1], any, 80);
}

/* Both families beside each other, and SO_REUSEPORT beside a listener. */
static void
test_names__two_listen(void **state)
{
    (void)state;
    static const struct {
        enum la_sock_option opt;
        bool both;
        la_err err;
    } cases[] = {{LA_SO_V6ONLY, false, LA_OK},
                 {LA_SO_REUSEPORT, true, LA_OK},
                 {LA_SO_REUSEPORT, false, LA_ERR_ADDRESS_IN_USE}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world_new(&w);
        la_sock s[2];
        assert_int_equal(bind_two(cases[i].opt, cases[i].both, s), cases[i].err);
        if (cases[i].err == LA_OK)
            assert_int_equal(la_sock_listen(w.set[0], s[1], 4, w.pair.now), LA_OK);
        world_free(&w);
    }
}

/* Two that may share a port: only one of them can listen. */
static void
test_names__two_cannot_listen(void **state)
{
    (void)state;
    world_new(&w);
    struct la_endpoint mine = pair_addr(0, false, 0);
    la_sock a = socket_of(LA_SOCK_IPV4, LA_SOCK_STREAM, true);
    la_sock b = socket_of(LA_SOCK_IPV4, LA_SOCK_STREAM, true);
    assert_int_equal(bind_to(a, mine.addr, 80), LA_OK);
    assert_int_equal(bind_to(b, mine.addr, 80), LA_OK);
    assert_int_equal(la_sock_listen(w.set[0], a, 1, w.pair.now), LA_OK);
    assert_int_equal(la_sock_listen(w.set[0], b, 1, w.pair.now), LA_ERR_ADDRESS_IN_USE);
    world_free(&w);
}

/* The port that a client is bound to is the one it connects from. */
static void
test_names__bound_client(void **state)
{
    (void)state;
    world_new(&w);
    (void)world_listen(&w);
    la_sock s = socket_of(LA_SOCK_IPV4, LA_SOCK_STREAM, false);
    struct la_endpoint name, to = pair_addr(1, false, 80);
    assert_int_equal(bind_to(s, la_addr_v4(0, 0, 0, 0), 12345), LA_OK);
    assert_int_equal(la_sock_connect(w.set[0], s, &to, w.pair.now), LA_ERR_IN_PROGRESS);
    world_settle(&w);
    assert_int_equal(la_sock_local(w.set[0], s, &name), LA_OK);
    assert_int_equal(name.port, 12345);
    struct la_endpoint mine = pair_addr(0, false, 0);
    assert_true(la_addr_equal(&name.addr, &mine.addr));
    world_free(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names__bind),
        cmocka_unit_test(test_names__conflicts),
        cmocka_unit_test(test_names__two_cannot_listen),
        cmocka_unit_test(test_names__two_listen),
        cmocka_unit_test(test_names__bound_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
