/* SPDX-License-Identifier: MIT
 *
 * test_icmp.c - echo, errors about our packets, errors that we send
 */
#include "support.h"

/* LEDGER: RFC1122-I1, RFC1122-C15, RFC1122-C18 */
static void
test_icmp__echo4(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    uint8_t l4[1400];
    for (size_t n = 8; n <= sizeof l4; n += 173) {
        for (size_t i = 0; i < n; i++)
            l4[i] = (uint8_t)i;
        memcpy(l4, "\x08\0\0\0\x12\x34\0\x01", 8);
        pkt_ip(&p, "10.0.0.2", "10.0.0.1", 1, l4, n);
        assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
        assert_true(host_output(h, 0, &out));
        assert_int_equal(out.n, p.n);
        assert_memory_equal(out.b + 12, p.b + 16, 4);
        assert_memory_equal(out.b + 16, p.b + 12, 4);
        assert_int_equal(out.b[20], 0);
        assert_memory_equal(out.b + 24, p.b + 24, p.n - 24);
        expect_checksums(&out, 0);
    }
    expect_silence(h);
}

/* LEDGER: RFC4443-2 */
static void
test_icmp__echo6_and_any_address(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    uint8_t l4[64] = {128, 0, 0, 0, 1, 2, 3, 4, 'p', 'i', 'n', 'g'};
    pkt_ip(&p, "2001:db8::2", "2001:db8::1", 58, l4, sizeof l4);
    assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(out.b[40], 129);
    assert_memory_equal(out.b + 44, p.b + 44, p.n - 44);
    expect_checksums(&out, 0);
    uint8_t l44[8] = {8};
    pkt_ip(&p, "172.16.0.2", "9.9.9.9", 1, l44, sizeof l44);
    assert_int_equal(host_input(h, 2, &p), LA_NET_TAKEN);
    assert_true(host_output(h, 2, &out));
    assert_memory_equal(out.b + 12, "\x09\x09\x09\x09", 4);
}

/* LEDGER: RFC1122-C1, RFC1122-C17, RFC1122-C20 */
static void
test_icmp__requests_that_are_not_answered(void **state)
{
    struct host *h = *state;
    struct pkt p;
    uint8_t l4[16] = {8};
    pkt_ip(&p, "10.0.0.2", "10.0.0.255", 1, l4, sizeof l4);
    expect_drop(h, 0, &p, LA_REASON_ICMP_IGNORED);
    l4[0] = 128;
    pkt_ip(&p, "2001:db8::2", "ff02::1", 58, l4, sizeof l4);
    expect_drop(h, 0, &p, LA_REASON_ICMP_IGNORED);
    l4[0] = 13; /* timestamp */
    pkt_ip(&p, "10.0.0.2", "10.0.0.1", 1, l4, sizeof l4);
    expect_drop(h, 0, &p, LA_REASON_ICMP_IGNORED);
    l4[0] = 5; /* redirect */
    pkt_ip(&p, "10.0.0.2", "10.0.0.1", 1, l4, sizeof l4);
    expect_drop(h, 0, &p, LA_REASON_ICMP_IGNORED);
    static const uint8_t odd4[] = {15, 17, 44, 255}; /* information, address mask, unknown */
    for (size_t i = 0; i < sizeof odd4; i++) {
        l4[0] = odd4[i];
        pkt_ip(&p, "10.0.0.2", "10.0.0.1", 1, l4, sizeof l4);
        expect_drop(h, 0, &p, LA_REASON_ICMP_IGNORED);
    }
    l4[0] = 134; /* router advertisement */
    pkt_ip(&p, "2001:db8::2", "2001:db8::1", 58, l4, sizeof l4);
    expect_drop(h, 0, &p, LA_REASON_ICMP_IGNORED);
    l4[0] = 200; /* unknown */
    pkt_ip(&p, "2001:db8::2", "2001:db8::1", 58, l4, sizeof l4);
    expect_drop(h, 0, &p, LA_REASON_ICMP_IGNORED);
    l4[0] = 8;
    pkt_ip(&p, "10.0.0.2", "10.0.0.1", 1, l4, sizeof l4);
    p.b[25] ^= 4;
    expect_drop(h, 0, &p, LA_REASON_ICMP_CHECKSUM);
    pkt_ip(&p, "10.0.0.2", "10.0.0.1", 1, l4, 7);
    expect_drop(h, 0, &p, LA_REASON_ICMP_MALFORMED);
    pkt_ip(&p, "2001:db8::2", "2001:db8::1", 58, l4, 7);
    expect_drop(h, 0, &p, LA_REASON_ICMP_MALFORMED);
    expect_silence(h);
}

/* An error of `type` and `code` about a segment of ours. */
static void
pkt_error4(struct pkt *p, uint8_t type, uint8_t code, uint32_t rest, const struct pkt *about)
{
    uint8_t l4[8 + 1400] = {type, code};
    la_put32(l4 + 4, rest);
    memcpy(l4 + 8, about->b, about->n);
    pkt_ip(p, "10.0.0.77", "10.0.0.1", 1, l4, 8 + about->n);
}

/* LEDGER: MUST-54, RFC1122-C3, RFC1122-C11, RFC1122-C13, RFC1122-C14 */
static void
test_icmp__errors4_by_kind(void **state)
{
    struct host *h = *state;
    static const struct {
        uint8_t type, code, kind;
    } table[] = {
        {3, 0, LA_NET_ICMP_NET_UNREACHABLE},
        {3, 1, LA_NET_ICMP_HOST_UNREACHABLE},
        {3, 2, LA_NET_ICMP_PROTOCOL_UNREACHABLE},
        {3, 3, LA_NET_ICMP_PORT_UNREACHABLE},
        {3, 4, LA_NET_ICMP_TOO_BIG},
        {3, 5, LA_NET_ICMP_HOST_UNREACHABLE},
        {3, 6, LA_NET_ICMP_NET_UNREACHABLE},
        {3, 7, LA_NET_ICMP_HOST_UNREACHABLE},
        {3, 9, LA_NET_ICMP_PROHIBITED},
        {3, 10, LA_NET_ICMP_PROHIBITED},
        {3, 11, LA_NET_ICMP_NET_UNREACHABLE},
        {3, 12, LA_NET_ICMP_HOST_UNREACHABLE},
        {3, 13, LA_NET_ICMP_PROHIBITED},
        {4, 0, LA_NET_ICMP_SOURCE_QUENCH},
        {11, 0, LA_NET_ICMP_TIME_EXCEEDED},
        {12, 0, LA_NET_ICMP_PARAMETER},
    };
    struct pkt ours, p;
    pkt_tcp(&ours, "10.0.0.1", "10.9.9.9", "");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        pkt_error4(&p, table[i].type, table[i].code, 1300, &ours);
        assert_int_equal(host_input(h, 0, &p), LA_NET_ICMP_ERROR);
        assert_int_equal(h->in.icmp.kind, table[i].kind);
        assert_int_equal(h->in.icmp.type, table[i].type);
        assert_int_equal(h->in.icmp.code, table[i].code);
        assert_int_equal(h->in.icmp.protocol, 6);
        assert_int_equal(h->in.icmp.local.port, 40000);
        assert_int_equal(h->in.icmp.remote.port, 80);
        assert_int_equal(h->in.icmp.seq.v, 0x01020304);
        assert_int_equal(h->in.icmp.mtu_bytes, table[i].kind == LA_NET_ICMP_TOO_BIG ? 1300 : 0);
        struct la_addr remote = addr_of("10.9.9.9");
        assert_true(la_addr_equal(&h->in.icmp.remote.addr, &remote));
    }
}

/* LEDGER: MUST-54 */
static void
test_icmp__errors6_by_kind(void **state)
{
    struct host *h = *state;
    static const struct {
        uint8_t type, code, kind;
    } table[] = {
        {1, 0, LA_NET_ICMP_NET_UNREACHABLE},  {1, 1, LA_NET_ICMP_PROHIBITED},
        {1, 2, LA_NET_ICMP_NET_UNREACHABLE},  {1, 3, LA_NET_ICMP_HOST_UNREACHABLE},
        {1, 4, LA_NET_ICMP_PORT_UNREACHABLE}, {1, 5, LA_NET_ICMP_PROHIBITED},
        {1, 6, LA_NET_ICMP_PROHIBITED},       {2, 0, LA_NET_ICMP_TOO_BIG},
        {3, 0, LA_NET_ICMP_TIME_EXCEEDED},    {4, 1, LA_NET_ICMP_PARAMETER},
    };
    struct pkt ours, p;
    uint8_t l4[8 + 100];
    pkt_tcp(&ours, "2001:db8::1", "2600::9", "");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        memset(l4, 0, 8);
        l4[0] = table[i].type;
        l4[1] = table[i].code;
        la_put32(l4 + 4, 1400);
        memcpy(l4 + 8, ours.b, ours.n);
        pkt_ip(&p, "2001:db8::77", "2001:db8::1", 58, l4, 8 + ours.n);
        assert_int_equal(host_input(h, 0, &p), LA_NET_ICMP_ERROR);
        assert_int_equal(h->in.icmp.kind, table[i].kind);
        assert_int_equal(h->in.icmp.remote.port, 80);
        assert_int_equal(h->in.icmp.seq.v, 0x01020304);
        if (table[i].kind == LA_NET_ICMP_TOO_BIG)
            assert_int_equal(h->in.icmp.mtu_bytes, 1400);
    }
    l4[0] = 2;
    l4[1] = 0;
    la_put32(l4 + 4, 1280);
    pkt_ip(&p, "2001:db8::77", "2001:db8::1", 58, l4, 8 + ours.n);
    assert_int_equal(host_input(h, 0, &p), LA_NET_ICMP_ERROR);
    assert_int_equal(h->in.icmp.mtu_bytes, 1280);
    la_put32(l4 + 4, 1279); /* RFC 8201 4: below the minimum it must be discarded */
    pkt_ip(&p, "2001:db8::77", "2001:db8::1", 58, l4, 8 + ours.n);
    expect_drop(h, 0, &p, LA_REASON_ICMP_MALFORMED);
    l4[0] = 127; /* an unknown error */
    pkt_ip(&p, "2001:db8::77", "2001:db8::1", 58, l4, 8 + ours.n);
    expect_drop(h, 0, &p, LA_REASON_ICMP_IGNORED);
}

static void
test_icmp__truncated_quotes(void **state)
{
    struct host *h = *state;
    struct pkt ours, p;
    pkt_tcp(&ours, "10.0.0.1", "10.9.9.9", "text");
    for (size_t full = ours.n, n = 0; n <= full; n++) {
        ours.n = n;
        pkt_error4(&p, 3, 1, 0, &ours);
        if (n < 28)
            expect_drop(h, 0, &p, LA_REASON_ICMP_MALFORMED);
        else
            assert_int_equal(host_input(h, 0, &p), LA_NET_ICMP_ERROR);
    }
    pkt_tcp(&ours, "2001:db8::1", "2600::9", "text");
    for (size_t n = 0; n <= ours.n; n++) {
        uint8_t l4[8 + 100] = {1, 3};
        memcpy(l4 + 8, ours.b, n);
        pkt_ip(&p, "2001:db8::77", "2001:db8::1", 58, l4, 8 + n);
        if (n < 48)
            expect_drop(h, 0, &p, LA_REASON_ICMP_MALFORMED);
        else
            assert_int_equal(host_input(h, 0, &p), LA_NET_ICMP_ERROR);
    }
}

static void
test_icmp__quotes_that_are_not_ours(void **state)
{
    struct host *h = *state;
    struct pkt ours, p;
    pkt_tcp(&ours, "10.0.0.2", "10.9.9.9", "");
    pkt_error4(&p, 3, 1, 0, &ours);
    expect_drop(h, 0, &p, LA_REASON_ICMP_UNMATCHED);
    pkt_tcp(&ours, "192.168.1.1", "10.9.9.9", ""); /* ours, but the error went elsewhere */
    pkt_error4(&p, 3, 1, 0, &ours);
    expect_drop(h, 0, &p, LA_REASON_ICMP_UNMATCHED);
    pkt_tcp(&ours, "10.0.0.1", "10.9.9.9", "");
    ours.b[9] = 132;
    pkt_error4(&p, 3, 1, 0, &ours);
    expect_drop(h, 0, &p, LA_REASON_ICMP_UNMATCHED);
    ours.b[9] = 6;
    ours.b[7] = 1; /* a later fragment holds no ports */
    pkt_error4(&p, 3, 1, 0, &ours);
    expect_drop(h, 0, &p, LA_REASON_ICMP_MALFORMED);
    pkt_tcp(&ours, "2001:db8::1", "2600::9", "");
    pkt_error4(&p, 3, 1, 0, &ours);
    expect_drop(h, 0, &p, LA_REASON_ICMP_MALFORMED);
}

/* LEDGER: RFC1122-C2, RFC1122-C4 */
static void
test_icmp__unreachable_is_sent(void **state)
{
    struct host *h = *state;
    static const struct {
        enum la_net_icmp_kind kind;
        uint8_t code4, type6, code6;
    } table[] = {
        {LA_NET_ICMP_NET_UNREACHABLE, 0, 1, 0},  {LA_NET_ICMP_HOST_UNREACHABLE, 1, 1, 3},
        {LA_NET_ICMP_PORT_UNREACHABLE, 3, 1, 4}, {LA_NET_ICMP_PROTOCOL_UNREACHABLE, 2, 4, 1},
        {LA_NET_ICMP_PROHIBITED, 13, 1, 1},
    };
    struct pkt p, out;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        pkt_tcp(&p, "172.16.0.2", "8.8.8.8", "some text");
        p.b[1] = 0xb8;
        pkt_ip4_checksum(&p);
        assert_int_equal(host_input(h, 2, &p), LA_NET_TCP);
        struct la_bytes quoted = {h->frame->head, h->frame->head_n};
        la_net_icmp_unreachable(h->net, &h->in, quoted, table[i].kind, h->now);
        assert_true(host_output(h, 2, &out));
        assert_memory_equal(out.b + 12, "\x08\x08\x08\x08\xac\x10\0\x02", 8);
        assert_int_equal(out.b[1], 0); /* whatever the packet had */
        assert_int_equal(out.b[20], 3);
        assert_int_equal(out.b[21], table[i].code4);
        assert_int_equal(out.n, 28 + p.n);
        assert_memory_equal(out.b + 28, p.b, p.n);
        expect_checksums(&out, 0);

        pkt_tcp(&p, "2001:db8::2", "2001:db8::1", "some text");
        assert_int_equal(host_input(h, 0, &p), LA_NET_TCP);
        quoted = (struct la_bytes){h->frame->head, h->frame->head_n};
        la_net_icmp_unreachable(h->net, &h->in, quoted, table[i].kind, h->now);
        assert_true(host_output(h, 0, &out));
        assert_int_equal(out.b[40], table[i].type6);
        assert_int_equal(out.b[41], table[i].code6);
        assert_memory_equal(out.b + 48, p.b, p.n);
        expect_checksums(&out, 0);
    }
}

static void
test_icmp__unreachable_with_a_header_made_up(void **state)
{
    struct host *h = *state;
    struct la_net_in in = {.src = addr_of("172.16.0.2"),
                           .dst = addr_of("8.8.8.8"),
                           .iface = 2,
                           .protocol = 6,
                           .ttl_hops = 60};
    uint8_t tcp[2000] = {0x9c, 0x40, 0, 80};
    struct pkt out;
    la_net_icmp_unreachable(h->net, &in, (struct la_bytes){tcp, 20}, LA_NET_ICMP_HOST_UNREACHABLE,
                            h->now);
    assert_true(host_output(h, 2, &out));
    assert_int_equal(out.n, 68);
    assert_int_equal(test_sum(0, out.b + 28, 20), 0xffff);
    assert_int_equal(la_get16(out.b + 30), 40);
    assert_memory_equal(out.b + 40, "\xac\x10\0\x02\x08\x08\x08\x08\x9c\x40\0\x50", 12);
    /* A long packet is cut to what RFC 1812 4.3.2.3 allows. */
    la_net_icmp_unreachable(h->net, &in, (struct la_bytes){tcp, sizeof tcp},
                            LA_NET_ICMP_HOST_UNREACHABLE, h->now);
    assert_true(host_output(h, 2, &out));
    assert_int_equal(out.n, 576);
    expect_checksums(&out, 0);
}

/* LEDGER: RFC1122-C5, RFC1122-C6, RFC1122-C7, RFC1122-C9 */
static void
test_icmp__errors_that_are_never_sent(void **state)
{
    struct host *h = *state;
    uint8_t l4[20] = {0};
    struct la_bytes quoted = {l4, sizeof l4};
    struct la_net_in good = {
        .src = addr_of("172.16.0.2"), .dst = addr_of("8.8.8.8"), .iface = 2, .protocol = 17};
    struct la_net_in in = good;
    in.link_broadcast = true;
    la_net_icmp_unreachable(h->net, &in, quoted, LA_NET_ICMP_PORT_UNREACHABLE, h->now);
    static const char *const bad[] = {"0.0.0.0", "224.0.0.1", "255.255.255.255", "172.16.0.255",
                                      "240.0.0.1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        in = good;
        in.src = addr_of(bad[i]);
        la_net_icmp_unreachable(h->net, &in, quoted, LA_NET_ICMP_PORT_UNREACHABLE, h->now);
        in = good;
        in.dst = addr_of(bad[i]);
        la_net_icmp_unreachable(h->net, &in, quoted, LA_NET_ICMP_PORT_UNREACHABLE, h->now);
    }
    in = good;
    in.protocol = 1;
    l4[0] = 3;
    la_net_icmp_unreachable(h->net, &in, quoted, LA_NET_ICMP_PORT_UNREACHABLE, h->now);
    struct pkt p; /* from 127.0.0.1 it does not get so far */
    pkt_udp(&p, "127.0.0.1", 4000, "10.0.0.1", 9, "anybody?");
    expect_drop(h, 0, &p, LA_REASON_IP_SOURCE_INVALID);
    expect_silence(h);
    la_net_icmp_unreachable(h->net, &good, quoted, LA_NET_ICMP_PORT_UNREACHABLE, h->now);
    struct pkt out;
    assert_true(host_output(h, 2, &out));
}

/* RFC 4443 2.4 (e). */
/* LEDGER: RFC4443-1 */
static void
test_icmp__errors6_that_are_never_sent(void **state)
{
    struct host *h = *state;
    uint8_t l4[20] = {0};
    struct la_bytes quoted = {l4, sizeof l4};
    struct pkt out;
    const struct la_net_in good = {
        .src = addr_of("2001:db8::2"), .dst = addr_of("2001:db8::1"), .protocol = 58};
    static const struct {
        const char *src, *dst;
        uint8_t type;
        bool link_broadcast, told;
    } table[] = {
        {"2001:db8::2", "2001:db8::1", 128, false, true}, /* an echo request */
        {"2001:db8::2", "2001:db8::1", 1, false, false},  /* errors, known or not */
        {"2001:db8::2", "2001:db8::1", 127, false, false},
        {"2001:db8::2", "2001:db8::1", 137, false, false}, /* a redirect */
        {"2001:db8::2", "ff02::1", 128, false, false},
        {"2001:db8::2", "2001:db8::1", 128, true, false},
        {"::", "2001:db8::1", 128, false, false},
        {"ff02::5", "2001:db8::1", 128, false, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct la_net_in in = good;
        in.src = addr_of(table[i].src);
        in.dst = addr_of(table[i].dst);
        in.link_broadcast = table[i].link_broadcast;
        l4[0] = table[i].type;
        la_net_icmp_unreachable(h->net, &in, quoted, LA_NET_ICMP_HOST_UNREACHABLE, h->now);
        assert_int_equal(host_output(h, 0, &out), table[i].told);
    }
    l4[0] = 128;
    for (int i = 0; i < 1000; i++)
        la_net_icmp_unreachable(h->net, &good, quoted, LA_NET_ICMP_HOST_UNREACHABLE, h->now);
    assert_in_range(h->reason[LA_REASON_ICMP_LIMITED], 700, 999);
    while (host_output(h, 0, &out)) {
    }
    expect_silence(h);
}

static void
test_icmp__errors_are_rate_limited(void **state)
{
    struct host *h = *state;
    uint8_t l4[20] = {0};
    struct la_net_in in = {
        .src = addr_of("172.16.0.2"), .dst = addr_of("8.8.8.8"), .iface = 2, .protocol = 17};
    for (int i = 0; i < 1000; i++)
        la_net_icmp_unreachable(h->net, &in, (struct la_bytes){l4, sizeof l4},
                                LA_NET_ICMP_PORT_UNREACHABLE, h->now);
    struct pkt out;
    int sent = 0;
    while (host_output(h, 2, &out))
        sent++;
    assert_int_equal(sent, 200);
    assert_int_equal(h->reason[LA_REASON_ICMP_LIMITED], 800);
    h->now = la_instant_add_us(h->now, 10000); /* ten more */
    for (int i = 0; i < 100; i++)
        la_net_icmp_unreachable(h->net, &in, (struct la_bytes){l4, sizeof l4},
                                LA_NET_ICMP_PORT_UNREACHABLE, h->now);
    for (sent = 0; host_output(h, 2, &out); sent++) {
    }
    assert_int_equal(sent, 10);
    for (int i = 0; i < 40; i++) { /* half a token at a time is not lost */
        h->now = la_instant_add_us(h->now, 1500);
        la_net_icmp_unreachable(h->net, &in, (struct la_bytes){l4, sizeof l4},
                                LA_NET_ICMP_PORT_UNREACHABLE, h->now);
    }
    for (int i = 0; i < 100; i++)
        la_net_icmp_unreachable(h->net, &in, (struct la_bytes){l4, sizeof l4},
                                LA_NET_ICMP_PORT_UNREACHABLE, h->now);
    for (sent = 0; host_output(h, 2, &out); sent++) {
    }
    assert_int_equal(sent, 60);
}

#define T(name) cmocka_unit_test_setup_teardown(test_icmp__##name, host_setup, host_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(echo4),
        T(echo6_and_any_address),
        T(requests_that_are_not_answered),
        T(errors4_by_kind),
        T(errors6_by_kind),
        T(truncated_quotes),
        T(quotes_that_are_not_ours),
        T(unreachable_is_sent),
        T(unreachable_with_a_header_made_up),
        T(errors_that_are_never_sent),
        T(errors6_that_are_never_sent),
        T(errors_are_rate_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
