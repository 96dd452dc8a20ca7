/* SPDX-License-Identifier: MIT
 *
 * test_ways.c - profiles, fields and sysctls by name
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ways/ways.h"

static struct la_ways w;
static struct la_tcp_cfg *const tcp = &w.cfg.tcp;

static void
begin(const char *profile)
{
    la_ways_init(&w);
    assert_int_equal(la_ways_profile(&w, profile), LA_WAYS_SET);
}

static void
set(const char *name, const char *value)
{
    assert_int_equal(la_ways_set(&w, name, value), LA_WAYS_SET);
}

static void
told(const char *name, const char *value)
{
    assert_int_equal(la_ways_sysctl(&w, name, value), LA_WAYS_SET);
}

static void
refused(const char *name, const char *value)
{
    struct la_ways before = w;
    enum la_ways_outcome outcome = la_ways_sysctl(&w, name, value);
    if (outcome == LA_WAYS_UNKNOWN)
        outcome = la_ways_set(&w, name, value);
    assert_int_equal(outcome, LA_WAYS_REFUSED);
    assert_memory_equal(&before, &w, sizeof(w));
}

/* ---- profiles --------------------------------------------------------------------------- */

static void
test_ways__profiles(void **state)
{
    (void)state;
    begin("bsd65535");
    assert_false(tcp->window_scale);
    assert_true(w.layout_bsd);
    assert_true(tcp->rcvbuf_whole);
    begin("freebsd");
    assert_true(tcp->window_scale);
    assert_true(w.layout_bsd);
    assert_int_equal(tcp->rcvbuf_bytes, 0);
    assert_int_equal(tcp->rcvbuf.bytes_max, 2 << 20);
    begin("linux");
    assert_false(w.layout_bsd);
    assert_int_equal(tcp->delayed_ack_us, 40000);
    assert_true(tcp->ack_replies_later);
    begin("default");
    assert_false(tcp->ack_replies_later);
    assert_int_equal(la_ways_profile(&w, "plan9"), LA_WAYS_REFUSED);
}

/* ---- fields ----------------------------------------------------------------------------- */

/* Of each width, by both names. */
static void
test_ways__fields(void **state)
{
    (void)state;
    begin("default");
    set("rto_us_min", "0x4000");
    assert_int_equal(tcp->rto_us_min, 0x4000);
    set("rto_min_us", "30000");
    assert_int_equal(tcp->rto_us_min, 30000);
    set("initial_window_n", "4");
    assert_int_equal(tcp->initial_window_n, 4);
    set("ttl", "255");
    assert_int_equal(tcp->ttl_hops, 255);
    set("nagle", "0");
    assert_false(tcp->nagle);
    set("congestion_control", "reno");
    assert_string_equal(tcp->congestion_control, "reno");
    set("layout", "bsd");
    assert_true(w.layout_bsd);
    set("time_wait_n_max", "7");
    assert_int_equal(w.cfg.time_wait_n_max, 7);
    assert_int_equal(la_ways_set(&w, "frobnicate", "1"), LA_WAYS_UNKNOWN);
}

static void
test_ways__bounds(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"ttl", "256"},
        {"ttl", "-1"},
        {"ttl", "1x"},
        {"ttl", ""},
        {"nagle", "2"},
        {"rto_us_min", "4294967296"},
        {"ecn", "6"},
        {"layout", "plan9"},
        {"congestion_control", "vegas"},
        {"burst_n_min", "0"},
        {"delayed_ack_us", "500000"},
    };
    begin("default");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(bad[i][0], bad[i][1]);
}

/* ---- sysctls ---------------------------------------------------------------------------- */

static void
test_ways__sysctls_of_linux(void **state)
{
    (void)state;
    begin("linux");
    told("net.ipv4.tcp_timestamps", "2"); /* without an offset of its own for each connection */
    assert_true(tcp->timestamps);
    told("net.ipv4.tcp_sack", " 0 \n");
    assert_false(tcp->sack);
    told("net.ipv4.tcp_fin_timeout", "7");
    assert_int_equal(tcp->fin_wait_2_ms, 7000);
    refused("net.ipv4.tcp_fin_timeout", "9999999999");
    told("net.ipv4.tcp_wmem", "\"4096\t30000\t4194304\"");
    assert_int_equal(tcp->sndbuf.bytes_min, 4096);
    assert_int_equal(tcp->sndbuf.bytes_initial, 30000);
    assert_int_equal(tcp->sndbuf.bytes_max, 4194304);
    told("net.ipv4.tcp_rmem", "70000");
    assert_int_equal(tcp->rcvbuf.bytes_min, 70000);
    assert_int_equal(tcp->rcvbuf.bytes_max, 70000);
    refused("net.ipv4.tcp_rmem", "4096 8192");
    refused("net.ipv4.tcp_rmem", "4096 8192 4096");
    refused("net.ipv4.tcp_rmem", "1 2 3 4");
    told("net.ipv4.ip_local_port_range", "1024 2048");
    assert_int_equal(w.cfg.port_ephemeral_max, 2048);
    refused("net.ipv4.ip_local_port_range", "2048 1024");
    told("net.ipv4.tcp_congestion_control", "bbr");
    assert_string_equal(tcp->congestion_control, "bbr");
    refused("net.ipv4.tcp_congestion_control", "dctcp");
    assert_int_equal(la_ways_sysctl(&w, "net.ipv4.tcp_nothing", "1"), LA_WAYS_UNKNOWN);
}

static void
test_ways__sysctls_of_fast_open(void **state)
{
    (void)state;
    begin("linux");
    told("net.ipv4.tcp_fastopen", "2");
    assert_false(tcp->fast_open || tcp->fast_open_bare);
    assert_int_equal(tcp->fast_open_n_max, 0); /* a listener asks for it */
    told("net.ipv4.tcp_fastopen", "0x403");
    assert_true(tcp->fast_open);
    assert_int_equal(tcp->fast_open_n_max, UINT16_MAX);
    told("net.ipv4.tcp_fastopen", "0x202");
    assert_true(tcp->fast_open_bare);
    assert_false(w.fast_open_keyed);
    told("net.ipv4.tcp_fastopen_key", "04030201-08070605-0c0b0a09-100f0e0d");
    assert_true(w.fast_open_keyed);
    for (uint8_t i = 0; i < LA_FAST_OPEN_KEY_BYTES; i++)
        assert_int_equal(w.fast_open_key[i], i + 1);
    refused("net.ipv4.tcp_fastopen_key", "secret");
}

static void
test_ways__sysctls_of_freebsd(void **state)
{
    (void)state;
    begin("freebsd");
    told("net.inet.tcp.rfc1323", "0");
    assert_false(tcp->timestamps);
    assert_false(tcp->window_scale);
    told("net.inet.tcp.ecn.enable", "0");
    assert_int_equal(tcp->ecn, LA_ECN_OFF);
    told("net.inet.tcp.rexmit_initial", "3000");
    assert_int_equal(tcp->rto_us_initial, 3000000);
    told("kern.ipc.maxsockbuf", "4194304");
    assert_int_equal(tcp->rcvbuf.bytes_max, 4194304);
}

/* Those that mean the opposite, count otherwise, or have bounds. */
static void
test_ways__sysctls_by_scale(void **state)
{
    (void)state;
    begin("freebsd");
    assert_true(tcp->rst_challenged && tcp->syn_challenged);
    told("net.inet.tcp.insecure_rst", "1");
    assert_false(tcp->rst_challenged);
    assert_true(tcp->syn_challenged);
    told("net.inet.tcp.insecure_syn", "1");
    told("net.inet.tcp.insecure_rst", "0");
    assert_true(tcp->rst_challenged);
    assert_false(tcp->syn_challenged);
    told("net.inet.tcp.keepidle", "15000");
    assert_int_equal(tcp->keepalive_idle_s, 15);
    told("net.inet.tcp.ecn.maxretries", "0");
    assert_int_equal(tcp->syn_ecn_n, 1);
    refused("net.inet.tcp.ecn.maxretries", "255");
    assert_int_equal(tcp->syn_ecn_n, 1);
    told("net.inet.tcp.rexmit_drop_options", "1");
    assert_int_equal(tcp->syn_options_n, 3);
    told("net.inet.tcp.rexmit_drop_options", "0");
    assert_int_equal(tcp->syn_options_n, 0);
    told("kern.ipc.maxsockbuf", "4294967295");
    assert_int_equal(tcp->rcvbuf.bytes_max, 1 << 30);
    told("kern.ipc.maxsockbuf", "4096");
    assert_int_equal(tcp->rcvbuf.bytes_max, 65536);
    told("net.inet.tcp.icmp_may_rst", "0");
    assert_int_equal(tcp->icmp_hard, LA_ICMP_IGNORED);
    told("net.inet.tcp.icmp_may_rst", "1");
    assert_int_equal(tcp->icmp_hard, LA_ICMP_REFUSES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways__profiles),
        cmocka_unit_test(test_ways__fields),
        cmocka_unit_test(test_ways__bounds),
        cmocka_unit_test(test_ways__sysctls_of_linux),
        cmocka_unit_test(test_ways__sysctls_of_fast_open),
        cmocka_unit_test(test_ways__sysctls_of_freebsd),
        cmocka_unit_test(test_ways__sysctls_by_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
