/* SPDX-License-Identifier: MIT
 *
 * test_conn_filter.c - the filter of `lastack explain`: what it means, and what is none
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/conn_filter.h"

static struct la_conn_filter filter;
static char error[LA_EXPR_ERROR_BYTES];

/* 10.78.0.1:5000 to 10.78.0.2:443, begun 2 s after the capture, lasting 1.5 s. The client closed,
 * the server reset; 5 retransmissions by the server, 1 by the client. */
static struct la_explain_conn
usual(void)
{
    static const struct la_explain_finding findings[] = {{.id = 2}, {.id = 5}};
    struct la_explain_conn conn = {
        .id = 7,
        .at = {{la_addr_v4(10, 78, 0, 1), 5000}, {la_addr_v4(10, 78, 0, 2), 443}},
        .first_at = {INT64_C(1002000000000)},
        .last_at = {INT64_C(1003500000000)},
        .tap = LA_TAP_SERVER,
        .open = {.kind = LA_OPEN_THREE_WAY, .complete = true, .rtt_us = 10400},
        .close = {.kind = LA_CLOSE_FIN_THEN_RESET,
                  .by = LA_WHO_CLIENT,
                  .reset = {.cause = LA_RESET_UNREAD_DATA, .by = LA_WHO_SERVER}},
        .proven = {1 << LA_TCP_FIN_WAIT_2, 1 << LA_TCP_CLOSED},
        .direction = {{.segments = 10,
                       .bytes = 100,
                       .retransmissions = {.total = 1, .rto = 1},
                       .rtt = {.samples_n = 3, .min_us = 900, .median_us = 1000, .max_us = 2000},
                       .ttl_hops = 64,
                       .flags = LA_TCP_SYN | LA_TCP_ACK | LA_TCP_FIN},
                      {.segments = 20,
                       .bytes = 7000,
                       .retransmissions = {.total = 5, .fast = 5},
                       .zero_window_us = 250000,
                       .limits_told = true,
                       .limit_us = {[LA_LIMIT_RECEIVER] = 300000, [LA_LIMIT_PATH] = 900000},
                       .congestion = {.family = LA_CONGESTION_CUBIC, .confidence_percent = 80},
                       .ttl_hops = 61,
                       .flags = LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST}},
        .findings = findings,
        .findings_n = 2,
    };
    return conn;
}

static bool
holds(const char *text)
{
    struct la_explain_conn conn = usual();
    if (!la_conn_filter_parse(text, &filter, error))
        fail_msg("'%s': %s", text, error);
    return la_conn_filter_holds(&filter, &conn, (la_instant){INT64_C(1000000000000)});
}

static const char *const right[] = {
    "closed_by == client and retransmissions > 3 and port == 443",
    "closed_by = client",
    "CLOSED-BY == Client",
    "closed_by != server",
    "stream == 7",
    "tcp.stream == 7",
    "addr == 10.78.0.1 and addr == 10.78.0.2",
    "addr == 10.78.0.0/24",
    "client == 10.78.0.1",
    "server == 10.78.0.2 && client.port == 5000",
    "server.port == https",
    "port in {80 443}",
    "port in {1..100, 440..450}",
    "not port in {80, 8080}",
    "ip.addr == 10.78.0.1",
    "ip.src_host == 10.78.0.2",
    "ip.dst == 10.78.0.1 and tcp.srcport == 443 and tcp.dstport == 443",
    "tcp.port == 5000",
    "ipv4 and ip and not ipv6 and not tunnel",
    "open == three-way and complete",
    "open == three_way",
    "close == fin-then-reset",
    "close in {reset, fin-then-reset}",
    "reset_cause == unread-data and reset_by == server",
    "tap == near-server",
    "not evicted",
    "client.state == FIN-WAIT-2",
    "client.state == FIN_WAIT2 and state == closed",
    "start == 2s and end == 3.5s and duration == 1.5s",
    "start >= 2 and start < 2.1",
    "handshake_rtt > 10ms",
    "tcp.analysis.initial_rtt > 10ms",
    "client.rtt == 1ms and client.rtt.min == 900us and client.rtt.max == 2ms",
    "server.rtt > 10ms",        /* no samples: the handshake's */
    "rtt > 10ms and rtt < 2ms", /* one end each */
    "retransmissions == 6 and client.retransmissions == 1 and server.retransmissions == 5",
    "retransmissions",
    "rto == 1 and fast == 5 and not spurious",
    "tcp.analysis.retransmission",
    "zero_window == 250ms and server.zero_window > 0 and not client.zero_window",
    "segments == 30 and bytes > 7000",
    "held.path == 900ms and server.held.receiver > 0 and not client.held.path",
    "server.congestion_control == cubic and client.congestion_control == unknown",
    "ttl == 61 and ttl == 64 and client.ttl == 64",
    "tcp.flags.syn == 1 and tcp.flags.reset == 1 and tcp.flags.rst",
    "client.tcp.flags.fin and not server.tcp.flags.fin",
    "tcp.flags.push == 0",
    "tcp",
    "tcp.port == 443 or (ip.addr == 1.1.1.1 and not tcp.flags.syn == 1)",
    "closed_by == client retransmissions > 3", /* side by side: and */
    "client == \"10.78.0.1\"",
};

static const char *const wrong[] = {
    "closed_by == server",
    "port == 80",
    "addr != 10.78.0.1", /* none is equal, as in Wireshark */
    "ip.addr != 10.78.0.2",
    "client == 10.78.0.2",
    "server.retransmissions < 5",
    "retransmissions > 6",
    "retransmissions == 5",
    "not tcp",
    "rtt > 1h",
    "zero_windows",
    "held.congestion > 0",
    "congestion_control == bbr",
    "server.state == FIN-WAIT-2",
    "state == established",
    "tcp.flags.push",
    "tcp.flags.fin == 0 and tcp.flags.syn == 0",
    "stream in {1..6, 8}",
};

static void
test_filter__meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        if (!holds(right[i]))
            fail_msg("should hold: %s", right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (holds(wrong[i]))
            fail_msg("should not hold: %s", wrong[i]);
}

/* Findings by name; one end that sent nothing is no ip.src. */
static void
test_filter__of_some(void **state)
{
    char text[100];
    struct la_explain_conn conn = usual();
    (void)state;
    (void)snprintf(text, sizeof text, "finding == %s", la_finding_name((enum la_finding)5));
    assert_true(holds(text));
    (void)snprintf(text, sizeof text, "finding == %s", la_finding_name((enum la_finding)6));
    assert_false(holds(text));
    conn.direction[LA_END_SERVER].segments = 0;
    conn.open.rtt_us = -1;
    const struct {
        const char *text;
        bool holds;
    } rows[] = {{"ip.src == 10.78.0.2", false}, {"ip.src == 10.78.0.1", true},
                {"ip.dst == 10.78.0.2", true},  {"ip.dst == 10.78.0.1", false},
                {"handshake_rtt < 1h", false},  {"handshake_rtt >= 0", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(la_conn_filter_parse(rows[i].text, &filter, error));
        assert_int_equal(la_conn_filter_holds(&filter, &conn, (la_instant){0}), rows[i].holds);
    }
}

static void
test_filter__not_understood(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "a field such as port or closed_by is wanted (--filter help), and it ends there"},
        {"foo == 1", "not 'foo'"},
        {"closed_by", "a comparison such as == is wanted, and it ends there"},
        {"closed_by == nobody", "none, client, server, both"},
        {"closed_by > client", "equal or not"},
        {"addr > 10.0.0.1", "equal or not"},
        {"port == 70000", "a port such as 443 or https is wanted, not '70000'"},
        {"port == ", "and it ends there"},
        {"addr == 10.0.0.1/33", "an address such as"},
        {"state == ESTABLISHD", "a state such as TIME-WAIT is wanted, not 'ESTABLISHD'"},
        {"rtt == 5 parsecs", "a field such as"},
        {"rtt == fast", "a time such as 20ms"},
        {"retransmissions > many", "a number is wanted, not 'many'"},
        {"tcp.flags.syn == 2", "1 or 0"},
        {"port in 443", "'{' is wanted"},
        {"port in {443", "and it ends there"},
        {"(port == 443", "')' is wanted, and it ends there"},
        {"port == 443)", "the end is wanted, not ')'"},
        {"client.duration > 1s", "not 'client.duration'"},
        {"'port' == 443", "a field such as"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_false(la_conn_filter_parse(rows[i].text, &filter, error));
        if (strstr(error, rows[i].says) == NULL)
            fail_msg("'%s': '%s' instead of '%s'", rows[i].text, error, rows[i].says);
    }
}

/* Too long, too deep: refused, not followed. */
static void
test_filter__bounds(void **state)
{
    static char text[8192];
    (void)state;
    for (size_t n = 0; n + 14 < sizeof text; n += 13)
        memcpy(text + n, "port == 1 or ", 14);
    memcpy(text + strlen(text) - 4, "\0", 1);
    assert_false(la_conn_filter_parse(text, &filter, error));
    assert_string_equal(error, "the filter is too long");
    memset(text, '(', 4000);
    text[4000] = '\0';
    assert_false(la_conn_filter_parse(text, &filter, error));
    assert_non_null(strstr(error, "too deep"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter__meaning),
        cmocka_unit_test(test_filter__of_some),
        cmocka_unit_test(test_filter__not_understood),
        cmocka_unit_test(test_filter__bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
