/* SPDX-License-Identifier: MIT
 *
 * test_addr.c - address text in both directions, and classes of addresses
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/addr.h"
#include "support.h"

static struct la_addr
parsed(const char *text)
{
    struct la_addr addr;
    if (!la_addr_parse(text, &addr))
        fail_msg("not an address: %s", text);
    return addr;
}

static void
test_addr__text_is_the_form_of_rfc_5952(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"10.0.0.1", "10.0.0.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:DB8::0001", "2001:db8::1"},
        /* 4.2.1: as short as possible; 4.2.2: not for one group. */
        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        /* 4.2.3: the longest run, the first of equals. */
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"0:0:1:2:3:4:5:6", "::1:2:3:4:5:6"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"::ffff:102:304", "1.2.3.4"},
        {"::1.2.3.4", "::102:304"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[LA_ADDR_TEXT_BYTES];
        struct la_addr addr = parsed(rows[i][0]);
        assert_ptr_equal(la_addr_format(&addr, text), text);
        assert_string_equal(text, rows[i][1]);
    }
}

static void
test_addr__what_is_not_an_address_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.",
        ".1.2.3",
        "1..2.3",
        "256.1.1.1",
        "1.2.3.999",
        "01.2.3.4",
        "1.2.3.00",
        "0x1.2.3.4",
        "1.2.3.4/8",
        "+1.2.3.4",
        "1.2.3.-4",
        "0000.0.0.0",
        "1.2.3.4444444444",
        ":",
        ":::",
        "1:",
        ":1",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "12345::",
        "g::",
        "::%eth0",
        "fe80::1%1",
        "[::1]",
        "::1 ",
        "1:::2",
        "::1.2.3",
        "::1.2.3.4:5",
        "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3.256",
        "::01.2.3.4",
        "1:2",
        "::-1",
        "::.1.2.3",
        "::ffff:1.2.3.4.",
        "1:2:3:4:5:6:7:",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct la_addr addr;
        if (la_addr_parse(rows[i], &addr))
            fail_msg("accepted: '%s'", rows[i]);
    }
}

/* The C library is the reference, in both directions. */
static void
test_addr__agrees_with_the_c_library(void **state)
{
    (void)state;
    struct la_rng rng = test_rng(1);
    for (int i = 0; i < 20000; i++) {
        struct la_addr addr, back;
        test_fill(&rng, addr.b, sizeof(addr.b));
        for (int j = 0; j < 8; j++) {
            if (test_below(&rng, 2))
                addr.b[2 * j] = addr.b[2 * j + 1] = 0;
        }
        if (test_below(&rng, 4) == 0)
            addr = la_addr_from_v4(addr.b);
        char text[LA_ADDR_TEXT_BYTES], reference[INET6_ADDRSTRLEN];
        la_addr_format(&addr, text);
        bool v4 = la_addr_is_v4(&addr);
        const void *raw = v4 ? la_addr_v4_bytes(&addr) : addr.b;
        assert_non_null(inet_ntop(v4 ? AF_INET : AF_INET6, raw, reference, sizeof(reference)));
        if (!strchr(reference, ':') ||
            !strchr(reference, '.')) /* ::a.b.c.d is glibc's own choice. */
            assert_string_equal(text, reference);
        assert_true(la_addr_parse(text, &back));
        assert_true(la_addr_equal(&addr, &back));
    }
}

static void
test_addr__random_text_is_judged_as_the_c_library_does(void **state)
{
    (void)state;
    static const char alphabet[] = "::::....0123456789afF";
    struct la_rng rng = test_rng(2);
    for (int i = 0; i < 400000; i++) {
        char text[24] = {0};
        uint32_t n = test_below(&rng, sizeof(text));
        for (uint32_t j = 0; j < n; j++)
            text[j] = alphabet[test_below(&rng, sizeof(alphabet) - 1)];
        struct la_addr addr;
        uint8_t v4[4], v6[16];
        bool is_v4 = inet_pton(AF_INET, text, v4) == 1;
        bool is_v6 = inet_pton(AF_INET6, text, v6) == 1;
        bool ok = la_addr_parse(text, &addr);
        if (ok != (is_v4 || is_v6))
            fail_msg("'%s': %d %d %d", text, ok, is_v4, is_v6);
        if (is_v4)
            assert_memory_equal(la_addr_v4_bytes(&addr), v4, 4);
        if (is_v6)
            assert_memory_equal(addr.b, v6, 16);
    }
}

static void
test_addr__classes(void **state)
{
    (void)state;
    struct la_addr a;
#define IS(what, text) (a = parsed(text), la_addr_is_##what(&a))
    assert_true(IS(any, "0.0.0.0") && IS(any, "::"));
    assert_false(IS(any, "0.0.0.1") || IS(any, "::1"));
    assert_true(IS(multicast, "224.0.0.1") && IS(multicast, "239.255.255.255") &&
                IS(multicast, "ff02::1"));
    assert_false(IS(multicast, "223.255.255.255") || IS(multicast, "240.0.0.0") ||
                 IS(multicast, "fe80::1"));
    assert_true(IS(broadcast, "255.255.255.255"));
    assert_false(IS(broadcast, "255.255.255.254") || IS(broadcast, "ffff::"));
    assert_true(IS(loopback, "127.0.0.1") && IS(loopback, "127.255.0.1") && IS(loopback, "::1"));
    assert_false(IS(loopback, "128.0.0.1") || IS(loopback, "::2"));
    assert_true(IS(link_local, "169.254.1.1") && IS(link_local, "fe80::1") &&
                IS(link_local, "febf::1"));
    assert_false(IS(link_local, "169.253.1.1") || IS(link_local, "fec0::1"));
    assert_true(IS(v4, "1.2.3.4"));
    assert_false(IS(v4, "::") || IS(v4, "::1.2.3.4"));
#undef IS
}

static void
test_addr__prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *addr, *prefix;
        unsigned len;
        bool in;
    } rows[] = {
        {"10.1.2.3", "10.0.0.0", 8, true},
        {"11.1.2.3", "10.0.0.0", 8, false},
        {"10.1.2.3", "10.1.2.2", 31, true},
        {"10.1.2.4", "10.1.2.2", 31, false},
        {"10.1.2.3", "10.1.2.3", 32, true},
        {"10.1.2.3", "10.1.2.2", 32, false},
        {"1.2.3.4", "0.0.0.0", 0, true},
        {"::1", "0.0.0.0", 0, false},
        {"1.2.3.4", "::", 0, false},
        {"1.2.3.4", "1.2.3.4", 33, false},
        {"2001:db8::1", "2001:db8::", 32, true},
        {"2001:db9::1", "2001:db8::", 32, false},
        {"2001:db9::1", "2001:db8::", 31, true},
        {"::1", "::", 127, true},
        {"::1", "::", 128, false},
        {"::1", "::1", 128, true},
        {"::1", "::", 0, true},
        {"::1", "::1", 129, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct la_addr addr = parsed(rows[i].addr), prefix = parsed(rows[i].prefix);
        if (la_addr_in_prefix(&addr, &prefix, rows[i].len) != rows[i].in)
            fail_msg("row %zu", i);
    }
}

static void
test_addr__endpoints_compare_both_parts(void **state)
{
    (void)state;
    struct la_endpoint a = {la_addr_v4(1, 2, 3, 4), 80}, b = a;
    assert_true(la_endpoint_equal(&a, &b));
    b.port = 81;
    assert_false(la_endpoint_equal(&a, &b));
    b = (struct la_endpoint){la_addr_v4(1, 2, 3, 5), 80};
    assert_false(la_endpoint_equal(&a, &b));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addr__text_is_the_form_of_rfc_5952),
        cmocka_unit_test(test_addr__what_is_not_an_address_is_refused),
        cmocka_unit_test(test_addr__agrees_with_the_c_library),
        cmocka_unit_test(test_addr__random_text_is_judged_as_the_c_library_does),
        cmocka_unit_test(test_addr__classes),
        cmocka_unit_test(test_addr__prefixes),
        cmocka_unit_test(test_addr__endpoints_compare_both_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
