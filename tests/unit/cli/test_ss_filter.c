/* SPDX-License-Identifier: MIT
 *
 * test_ss_filter.c - the filters of `lastack ss`: what they mean, and what is none
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <netdb.h>

#include "cli/ss_filter.h"

static struct la_ss_filter filter;
static char error[LA_SS_FILTER_ERROR_BYTES];

/* One word, as it would be quoted; how words are divided must not matter. */
static bool
parse(const char *text)
{
    char word[LA_SS_FILTER_TEXT_BYTES];
    char *words[] = {word};
    (void)snprintf(word, sizeof(word), "%s", text);
    return la_ss_filter_parse(words, 1, &filter, error);
}

static struct la_endpoint
endpoint(const char *addr, uint16_t port)
{
    struct la_endpoint e = {.port = port};
    assert_true(la_addr_parse(addr, &e.addr));
    return e;
}

static bool
holds(const char *local, uint16_t local_port, const char *remote, uint16_t remote_port)
{
    struct la_endpoint l = endpoint(local, local_port), r = endpoint(remote, remote_port);
    return la_ss_filter_holds(&filter, &l, &r);
}

/* For 10.77.0.2:5000 to 10.77.0.1:443. */
static bool
holds_web(const char *text)
{
    if (!parse(text))
        fail_msg("'%s': %s", text, error);
    return holds("10.77.0.2", 5000, "10.77.0.1", 443);
}

static void
test_filter__nothing_is_everything(void **state)
{
    (void)state;
    assert_true(la_ss_filter_parse(NULL, 0, &filter, error));
    assert_int_equal(filter.states, 0);
    assert_true(holds("10.0.0.1", 1, "::1", 2));
    assert_true(holds_web(""));
    assert_true(holds_web("   \t"));
}

static void
test_filter__predicates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool holds;
    } cases[] = {
        {"dst 10.77.0.1", true},
        {"dst 10.77.0.2", false},
        {"src 10.77.0.2", true},
        {"dst = 10.77.0.1", true},
        {"dst eq 10.77.0.1", true},
        {"dst != 10.77.0.1", false},
        {"dst ne 10.77.0.9", true},
        {"dst 10.77.0.1:443", true},
        {"dst 10.77.0.1:80", false},
        {"dst != 10.77.0.1:80", true},
        {"dst != 10.77.0.1:443", false},
        {"dst 10.0.0.0/8", true},
        {"dst 10.77.0.0/31", true},
        {"dst 10.77.0.2/31", false},
        {"dst 0.0.0.0/0", true},
        {"dst ::/0", false},
        {"dst :443", true},
        {"dst *:443", true},
        {"dst *:80", false},
        {"dst *", true},
        {"dst *:*", true},
        {"dst :*", true},
        {"dst 10.77.0.1:*", true},
        {"dst fd77::1", false},
        {"dst [fd77::1]:443", false},
        {"dport = :443", true},
        {"dport 443", true},
        {"dport :443", true},
        {"dport == 443", true},
        {"dport=:443", true},
        {"dport != :443", false},
        {"sport > :1024", true},
        {"sport gt 5000", false},
        {"sport >= 5000", true},
        {"sport ge 5001", false},
        {"sport < 5001", true},
        {"sport lt 5000", false},
        {"sport <= :5000", true},
        {"sport le 4999", false},
        {"sport>=1024", true},
        {"sport 0", false},
        {"dport <= 65535", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (holds_web(cases[i].text) != cases[i].holds)
            fail_msg("'%s' must %shold", cases[i].text, cases[i].holds ? "" : "not ");
}

/* By /etc/services, where there is one. */
static void
test_filter__services(void **state)
{
    (void)state;
    if (getservbyname("https", "tcp") == NULL)
        skip();
    assert_true(holds_web("dport = :https"));
    assert_true(holds_web("dport https"));
    assert_true(holds_web("dst 10.77.0.1:https"));
    assert_false(holds_web("dport ne https"));
    assert_false(holds_web("dport = :ssh"));
}

static void
test_filter__ipv6(void **state)
{
    (void)state;
    static const char *const yes[] = {"dst fd77::1", "dst [fd77::1]", "dst [fd77::1]:80",
                                      "dst fd77::/64", "src fd77::2 dst :80"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        assert_true(parse(yes[i]));
        assert_true(holds("fd77::2", 5000, "fd77::1", 80));
        assert_false(holds("fd78::2", 5000, "fd78::1", 81));
    }
    assert_true(parse("dst [fd77::/64]:80"));
    assert_true(holds("fd77::2", 5000, "fd77::1", 80));
    assert_false(holds("fd77::2", 5000, "fd77::1", 81));
}

static void
test_filter__logic(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool holds;
    } cases[] = {
        {"dport 443 and sport 5000", true},
        {"dport 443 and sport 5001", false},
        {"dport 443 sport 5000", true}, /* side by side: and */
        {"dport 443 sport 5001", false},
        {"dport 443 & sport 5001", false},
        {"dport 443 && sport 5000", true},
        {"dport 80 or sport 5000", true},
        {"dport 80 | sport 5000", true},
        {"dport 80 || sport 5001", false},
        {"not dport 80", true},
        {"! dport 443", false},
        {"!dport 443", false},
        {"not not dport 443", true},
        /* "and" binds more than "or" */
        {"dport 443 or dport 80 and sport 1", true},
        {"( dport 443 or dport 80 ) and sport 1", false},
        {"sport 1 and dport 80 or dport 443", true},
        {"sport 1 and (dport 80 or dport 443)", false},
        {"not ( dport 80 or sport 1 )", true},
        {"not dport 80 and sport 5000", true},
        {"not dport 443 or sport 5000", true},
        {"((((dport 443))))", true},
        {"(dst 10.77.0.1 dport = :443)(src 10.77.0.2)", true},
        {"dport 443 not sport 1", true},
        {"dport 443 (sport 1 or sport 2)", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (holds_web(cases[i].text) != cases[i].holds)
            fail_msg("'%s' must %shold", cases[i].text, cases[i].holds ? "" : "not ");
}

static void
test_filter__states(void **state)
{
    (void)state;
    uint32_t half_open = 1u << LA_TCP_SYN_RECEIVED | 1u << LA_TCP_SYN_RECEIVED_ACTIVE;
    assert_true(parse("state syn-received"));
    assert_int_equal(filter.states, half_open);
    assert_true(parse("state SYN_RECV"));
    assert_int_equal(filter.states, half_open);
    assert_true(parse("state established state time-wait"));
    assert_int_equal(filter.states, 1u << LA_TCP_ESTABLISHED | 1u << LA_TCP_TIME_WAIT);
    assert_true(parse("state connected exclude time-wait dport 80"));
    assert_int_equal(filter.states, la_tcp_states_parse("connected") & ~(1u << LA_TCP_TIME_WAIT));
    assert_true(filter.has_expression);
    assert_true(parse("exclude LISTEN"));
    assert_int_equal(filter.states, la_tcp_states_parse("all") & ~(1u << LA_TCP_LISTEN));
    assert_true(parse("excl LISTEN excl closed"));
    assert_int_equal(filter.states, la_tcp_states_parse("connected"));
    assert_false(filter.has_expression);
}

/* The words of a command line are divided as the user's shell does it. */
static void
test_filter__words(void **state)
{
    (void)state;
    char a[] = "state", b[] = "established", c[] = "(", d[] = "dport", e[] = "=", f[] = ":443)";
    char *words[] = {a, b, c, d, e, f};
    assert_true(la_ss_filter_parse(words, 6, &filter, error));
    assert_int_equal(filter.states, 1u << LA_TCP_ESTABLISHED);
    assert_true(holds("10.0.0.1", 1, "10.0.0.2", 443));
    assert_false(holds("10.0.0.1", 1, "10.0.0.2", 80));
}

static void
test_filter__mistakes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "state",
        "state open",
        "exclude",
        "exclude x",
        "dport",
        "dport =",
        "dport = x y",
        "dport 65536",
        "dport 99999999999",
        "dport -1",
        "dport 80x",
        "dport :",
        "sport <",
        "dst",
        "dst =",
        "dst 10.0.0",
        "dst 10.0.0.1/33",
        "dst 10.0.0.1/",
        "dst 10.0.0.1/x",
        "dst ::1/129",
        "dst 10.0.0.1:",
        "dst 10.0.0.1:x-no-such-service",
        "dst [::1",
        "dst []",
        "dst [",
        "dst ]",
        "dst [::1]80",
        "dst [::1]:",
        "dst host.example",
        "dst :",
        "(",
        ")",
        "()",
        "( dport 80",
        "dport 80 )",
        "dport 80 or",
        "or dport 80",
        "and",
        "not",
        "!",
        "dport 80 and",
        "dport 80 and and sport 1",
        "dport 80 80",
        "= 80",
        "state established state",
        "dport 80 state established",
        "&&",
        "|",
        "dport !! 80",
        "dst = = 10.0.0.1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (parse(texts[i]))
            fail_msg("'%s' was understood", texts[i]);
        assert_true(error[0] != '\0');
        assert_null(strchr(error, '\n'));
    }
}

static bool
parse_repeated(const char *part, unsigned n, const char *last)
{
    char text[LA_SS_FILTER_TEXT_BYTES * 2] = "";
    char *words[] = {text};
    for (unsigned i = 0; i < n; i++)
        (void)strncat(text, part, sizeof(text) - strlen(text) - 1);
    (void)strncat(text, last, sizeof(text) - strlen(text) - 1);
    return la_ss_filter_parse(words, 1, &filter, error);
}

/* Neither length nor depth is too much: it is refused in one line. */
static void
test_filter__bounds(void **state)
{
    (void)state;
    assert_true(parse_repeated("(", 30, "dport 80))))))))))))))))))))))))))))))"));
    assert_false(parse_repeated("(", 4000, ""));
    assert_false(parse_repeated("! ", 2000, "dport 80"));
    assert_true(parse_repeated("! ", 40, "dport 80"));
    assert_true(holds("10.0.0.1", 1, "10.0.0.2", 80));
    assert_true(parse_repeated("dport 80 or ", 50, "sport 1"));
    assert_false(parse_repeated("dport 80 or ", 300, "sport 1"));
    assert_false(parse_repeated("dport 80 or ", 600, "sport 1"));
    assert_false(parse_repeated("x", 8000, ""));
    assert_false(parse_repeated("dst ", 1,
                                "1111111111111111111111111111111111111111111111111111111"
                                "1111111111111111111111111111111111111111111111111111111"
                                "11111111111111111111111111111111111111111111"));
}

/* Anything at all may stand on a command line: pieces of grammar in any order. */
static void
test_filter__any_order(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "state ",    "established ", "( ",     ") ", "! ",  "not ",  "and ",
        "or ",       "|| ",          "dport ", "= ", "80 ", ":443 ", "dst ",
        "10.0.0.1 ", "[::1]:80 ",    "[",      "]",  ":",   "*",     "/",
        "< "};
    uint32_t x = 12345;
    unsigned good_n = 0;
    for (unsigned run = 0; run < 20000; run++) {
        char text[512] = "";
        unsigned n = run % 12;
        for (unsigned i = 0; i < n; i++) {
            x = x * 1664525 + 1013904223;
            (void)strcat(text, pieces[(x >> 16) % (sizeof(pieces) / sizeof(pieces[0]))]);
        }
        if (parse(text)) {
            (void)holds("10.0.0.1", 1, "10.0.0.2", 80);
            good_n++;
        } else {
            assert_true(error[0] != '\0');
        }
    }
    assert_true(good_n > 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter__nothing_is_everything),
        cmocka_unit_test(test_filter__predicates),
        cmocka_unit_test(test_filter__services),
        cmocka_unit_test(test_filter__ipv6),
        cmocka_unit_test(test_filter__logic),
        cmocka_unit_test(test_filter__states),
        cmocka_unit_test(test_filter__words),
        cmocka_unit_test(test_filter__mistakes),
        cmocka_unit_test(test_filter__bounds),
        cmocka_unit_test(test_filter__any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
