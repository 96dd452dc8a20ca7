/* SPDX-License-Identifier: MIT
 *
 * test_route.c - interfaces, addresses, routes, and what an address is to us
 */
#include "support.h"

static void
expect_route(struct host *h, const char *dst, int iface, const char *src, const char *next_hop)
{
    struct la_addr d = addr_of(dst), s = addr_of(src), n = addr_of(next_hop);
    struct la_net_route route;
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        assert_int_equal(la_net_route_lookup(h->net, &d, &route), LA_OK);
        assert_int_equal(route.iface, iface);
        assert_true(la_addr_equal(&route.src, &s));
        assert_true(la_addr_equal(&route.next_hop, &n));
        assert_int_equal(route.mtu_bytes, iface == LA_NET_IFACE_LOCAL ? 65535 : 1500);
    }
}

/* LEDGER: RFC1122-I5, RFC1122-I12, RFC1122-R1, RFC6724-1 */
static void
test_route__longest_prefix(void **state)
{
    struct host *h = *state;
    expect_route(h, "10.0.0.9", 0, "10.0.0.1", "10.0.0.9");
    expect_route(h, "192.168.1.77", 1, "192.168.1.1", "192.168.1.77");
    expect_route(h, "8.8.8.8", 1, "192.168.1.1", "192.168.1.254");
    expect_route(h, "172.16.0.9", 2, "172.16.0.1", "172.16.0.9");
    expect_route(h, "2001:db8::9", 0, "2001:db8::1", "2001:db8::9");
    expect_route(h, "2001:db8:1::9", 1, "2001:db8:1::1", "2001:db8:1::9");
    expect_route(h, "2600::9", 1, "2001:db8:1::1", "fe80::fe");
    expect_route(h, "fe80::9", 1, "fe80::1", "fe80::9");
    struct la_addr prefix = addr_of("8.8.0.0"), via = addr_of("10.0.0.254");
    assert_int_equal(la_net_route_add(h->net, 0, &prefix, 16, &via), LA_OK);
    expect_route(h, "8.8.8.8", 0, "10.0.0.1", "10.0.0.254");
    prefix = addr_of("8.8.8.8");
    assert_int_equal(la_net_route_add(h->net, 2, &prefix, 32, NULL), LA_OK);
    expect_route(h, "8.8.8.8", 2, "172.16.0.1", "8.8.8.8");
    expect_route(h, "8.8.8.9", 0, "10.0.0.1", "10.0.0.254");
    assert_int_equal(la_net_route_add(h->net, 1, &prefix, 32, NULL), LA_OK);
    expect_route(h, "8.9.9.9", 1, "192.168.1.1", "192.168.1.254");
}

/* RFC 6724 5: the scope that reaches the destination, and is no wider than needed; then the longest
 * prefix in common. */
/* LEDGER: RFC6724-1 */
static void
test_route__source_by_rule(void **state)
{
    struct host *h = *state;
    static const struct {
        const char *dst, *src;
    } table[] = {
        {"fe80::9", "fe80::1"},           {"ff02::fb", "fe80::1"},
        {"ff05::1:3", "2001:db8:1::1"},   {"2600::9", "2600:5::1"},
        {"2600:5::9", "2600:5::1"},       {"fd00:7::9", "fd00:8::1"},
        {"2001:db9::9", "2001:db8:1::1"}, {"ff0e::1", "2001:db8:1::1"},
    };
    host_addr(h, 1, "2600:5::1", 64);
    host_addr(h, 1, "fd00:8::1", 64);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct la_addr dst = addr_of(table[i].dst), want = addr_of(table[i].src);
        struct la_net_route route;
        struct la_addr prefix = dst; /* all of it on interface 1 */
        assert_int_equal(la_net_route_add(h->net, 1, &prefix, 128, NULL), LA_OK);
        assert_int_equal(la_net_route_lookup(h->net, &dst, &route), LA_OK);
        assert_true(la_addr_equal(&route.src, &want));
    }
    host_addr(h, 1, "169.254.1.1", 16);
    expect_route(h, "8.8.8.8", 1, "192.168.1.1", "192.168.1.254");
    expect_route(h, "169.254.7.7", 1, "169.254.1.1", "169.254.7.7");
}

/* LEDGER: RFC1122-I9 */
static void
test_route__to_ourselves_and_to_many(void **state)
{
    struct host *h = *state;
    expect_route(h, "10.0.0.1", LA_NET_IFACE_LOCAL, "10.0.0.1", "10.0.0.1");
    expect_route(h, "127.0.0.1", LA_NET_IFACE_LOCAL, "127.0.0.1", "127.0.0.1");
    expect_route(h, "127.9.9.9", LA_NET_IFACE_LOCAL, "127.0.0.1", "127.9.9.9");
    expect_route(h, "::1", LA_NET_IFACE_LOCAL, "::1", "::1");
    expect_route(h, "fe80::1", LA_NET_IFACE_LOCAL, "fe80::1", "fe80::1");
    expect_route(h, "192.168.1.255", 1, "192.168.1.1", "192.168.1.255");
    struct la_net_route route;
    struct la_addr dst = addr_of("0.0.0.0");
    assert_int_equal(la_net_route_lookup(h->net, &dst, &route), LA_ERR_BAD_ARGUMENT);
    dst = addr_of("::");
    assert_int_equal(la_net_route_lookup(h->net, &dst, &route), LA_ERR_BAD_ARGUMENT);
    /* Prefixes of 31 and 32 bits have no broadcast address (RFC 3021). */
    host_addr(h, 0, "10.8.0.0", 31);
    host_addr(h, 0, "10.8.1.1", 32);
    dst = addr_of("10.8.0.1");
    assert_true(la_net_is_unicast(h->net, &dst));
    host_addr(h, 0, "10.8.0.5", 30);
    dst = addr_of("10.8.0.7");
    assert_false(la_net_is_unicast(h->net, &dst));
}

/* LEDGER: RFC1122-R1 */
static void
test_route__without_a_default(void **state)
{
    struct host *h = *state;
    struct la_net *net;
    struct la_net_cfg cfg = {.mem = h->mem, .reason = h->reason};
    struct la_iface_cfg iface_cfg = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = 1400}};
    struct la_addr dst = addr_of("9.9.9.9"), group = addr_of("224.0.0.251");
    struct la_net_route route;
    int iface;
    assert_int_equal(la_net_new(&cfg, &net), LA_OK);
    assert_int_equal(la_net_route_lookup(net, &dst, &route), LA_ERR_NO_ROUTE);
    assert_int_equal(la_net_iface_add(net, &iface_cfg, &iface), LA_OK);
    struct la_addr prefix = addr_of("9.0.0.0"), own = addr_of("7.7.7.7");
    assert_int_equal(la_net_route_add(net, iface, &prefix, 8, NULL), LA_OK);
    assert_int_equal(la_net_route_lookup(net, &dst, &route), LA_OK); /* the cache was emptied */
    assert_true(la_addr_is_any(&route.src));
    assert_int_equal(route.mtu_bytes, 1400);
    assert_int_equal(la_net_route_lookup(net, &group, &route), LA_ERR_NO_ROUTE);
    assert_int_equal(la_net_addr_add(net, iface, &own, 32), LA_OK);
    assert_int_equal(la_net_route_lookup(net, &group, &route), LA_OK);
    assert_true(la_addr_equal(&route.src, &own));
    struct la_frame *frame = la_frame_take(h->mem);
    la_frame_push(frame, 20);
    struct la_net_out out = {.src = own, .dst = addr_of("1.1.1.1"), .protocol = 6};
    assert_int_equal(la_net_output(net, frame, &out, h->now), LA_ERR_NO_ROUTE);
    assert_int_equal(h->reason[LA_REASON_NO_ROUTE], 1);
    la_net_free(net);
}

static void
test_route__what_an_address_is(void **state)
{
    struct host *h = *state;
    static const struct {
        const char *text;
        bool unicast, local0, local2, local;
    } table[] = {
        {"10.0.0.1", true, true, true, true},       {"10.0.0.2", true, false, true, false},
        {"10.0.0.255", false, false, false, false}, {"255.255.255.255", false, false, false, false},
        {"224.0.0.1", false, false, false, false},  {"0.0.0.0", false, false, false, false},
        {"127.0.0.1", true, false, false, true},    {"250.0.0.1", false, false, false, false},
        {"::", false, false, false, false},         {"::1", true, false, false, true},
        {"ff02::1", false, false, false, false},    {"fe80::1", true, true, true, true},
        {"fe80::2", true, false, true, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct la_addr addr = addr_of(table[i].text);
        assert_int_equal(la_net_is_unicast(h->net, &addr), table[i].unicast);
        assert_int_equal(la_net_is_local(h->net, 0, &addr), table[i].local0);
        assert_int_equal(la_net_is_local(h->net, 2, &addr), table[i].local2);
        assert_int_equal(la_net_is_local(h->net, LA_NET_IFACE_LOCAL, &addr), table[i].local);
    }
}

static void
test_route__bounds_and_bad_arguments(void **state)
{
    struct host *h = *state;
    struct la_iface_cfg cfg = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = 67}};
    int iface;
    assert_int_equal(la_net_iface_add(h->net, &cfg, &iface), LA_ERR_BAD_ARGUMENT);
    cfg.caps.mtu_bytes = 65536;
    assert_int_equal(la_net_iface_add(h->net, &cfg, &iface), LA_ERR_BAD_ARGUMENT);
    cfg.caps.mtu_bytes = 68;
    cfg.caps.layer = 7;
    assert_int_equal(la_net_iface_add(h->net, &cfg, &iface), LA_ERR_BAD_ARGUMENT);
    cfg.caps.layer = LA_LINK_IP;
    for (int i = 3; i < LA_NET_IFACES_MAX; i++)
        assert_int_equal(la_net_iface_add(h->net, &cfg, &iface), LA_OK);
    assert_int_equal(iface, LA_NET_IFACES_MAX - 1);
    assert_int_equal(la_net_iface_add(h->net, &cfg, &iface), LA_ERR_LIMIT);
    assert_null(la_net_iface(h->net, LA_NET_IFACES_MAX));
    assert_null(la_net_iface(h->net, -1));

    struct la_addr addr = addr_of("10.0.0.1"), v6 = addr_of("fe80::9");
    assert_int_equal(la_net_addr_add(h->net, 8, &addr, 24), LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_net_addr_add(h->net, 0, &addr, 33), LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_net_addr_add(h->net, 0, &v6, 129), LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_net_route_add(h->net, 0, &addr, 8, &v6), LA_ERR_BAD_ARGUMENT);
    static const char *const bad[] = {"0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1"};
    for (size_t i = 0; i < 5; i++) {
        addr = addr_of(bad[i]);
        assert_int_equal(la_net_addr_add(h->net, 0, &addr, 24), LA_ERR_BAD_ARGUMENT);
    }
    addr = addr_of("10.0.0.1");
    assert_int_equal(la_net_addr_add(h->net, 0, &addr, 24), LA_OK); /* again: changed, not added */
    int n = 0;
    la_err err;
    do {
        addr = la_addr_v4(20, 0, (uint8_t)n, 1);
        err = la_net_addr_add(h->net, 0, &addr, 24);
        n++;
    } while (err == LA_OK && n < 100);
    assert_int_equal(err, LA_ERR_LIMIT);
    assert_int_equal(n - 1 + 6, LA_NET_ADDRS_MAX);
    do {
        addr = la_addr_v4(30, (uint8_t)n, 0, 0);
        err = la_net_route_add(h->net, 0, &addr, 16, NULL);
        n++;
    } while (err == LA_OK && n < 200);
    assert_int_equal(err, LA_ERR_LIMIT);
}

#define T(name) cmocka_unit_test_setup_teardown(test_route__##name, host_setup, host_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(longest_prefix),    T(source_by_rule),     T(to_ourselves_and_to_many),
        T(without_a_default), T(what_an_address_is), T(bounds_and_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
