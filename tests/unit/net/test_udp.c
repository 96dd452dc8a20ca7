/* SPDX-License-Identifier: MIT
 *
 * test_udp.c - UDP sockets: matching, queues, checksums, errors, the forwarder's side
 */
#include "support.h"

static la_handle
udp_open(struct host *h, const char *addr, uint16_t port)
{
    struct la_endpoint local = end_of(addr, port);
    la_handle udp;
    assert_int_equal(la_net_udp_open(h->net, &local, false, &udp), LA_OK);
    return udp;
}

static void
udp_connect(struct host *h, la_handle udp, const char *addr, uint16_t port)
{
    struct la_endpoint remote = end_of(addr, port);
    assert_int_equal(la_net_udp_connect(h->net, udp, &remote), LA_OK);
}

/* One datagram in, from 10.0.0.2:1000; which socket became readable. */
static la_handle
taker(struct host *h, const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
    struct pkt p;
    la_handle udp = 0;
    uint64_t user;
    uint8_t octets[16];
    pkt_udp(&p, src, sport, dst, dport, "x");
    assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    if (la_net_udp_next_ready(h->net, &udp, &user))
        assert_int_equal(la_net_udp_receive(h->net, udp, (struct la_room){octets, 16}, NULL, NULL),
                         1);
    return udp;
}

static void
test_udp__receive(void **state)
{
    struct host *h = *state;
    struct pkt p;
    la_handle udp = udp_open(h, "10.0.0.1", 53), ready;
    uint64_t user;
    size_t full_n;
    struct la_udp_from from;
    uint8_t octets[100];
    struct la_room room = {octets, sizeof octets};
    assert_int_equal(la_net_udp_user_set(h->net, udp, 99), LA_OK);
    assert_int_equal(la_net_udp_receive(h->net, udp, room, &full_n, &from), LA_ERR_AGAIN);
    assert_false(la_net_udp_readable(h->net, udp));
    static const char *const texts[] = {"one", "", "number three"};
    for (size_t i = 0; i < 3; i++) {
        pkt_udp(&p, "10.0.0.2", 4000, "10.0.0.1", 53, texts[i]);
        assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    }
    assert_true(la_net_udp_readable(h->net, udp));
    assert_true(la_net_udp_next_ready(h->net, &ready, &user));
    assert_int_equal(ready, udp);
    assert_int_equal(user, 99);
    assert_false(la_net_udp_next_ready(h->net, &ready, &user));
    assert_int_equal(la_net_udp_receive(h->net, udp, room, &full_n, &from), 3);
    assert_memory_equal(octets, "one", 3);
    assert_int_equal(full_n, 3);
    struct la_endpoint local = end_of("10.0.0.1", 53), remote = end_of("10.0.0.2", 4000);
    assert_true(la_endpoint_equal(&from.local, &local));
    assert_true(la_endpoint_equal(&from.remote, &remote));
    assert_int_equal(la_net_udp_receive(h->net, udp, room, &full_n, &from), 0);
    assert_int_equal(la_net_udp_receive(h->net, udp, (struct la_room){octets, 6}, &full_n, NULL),
                     6);
    assert_int_equal(full_n, 12);
    assert_memory_equal(octets, "number", 6);
    assert_int_equal(la_net_udp_receive(h->net, udp, room, NULL, NULL), LA_ERR_AGAIN);
    assert_int_equal(la_net_stats(h->net)->udp_in, 3);
}

/* LEDGER: RFC1122-U4, RFC768-1 */
static void
test_udp__send(void **state)
{
    struct host *h = *state;
    struct pkt out;
    la_handle udp = udp_open(h, "::", 0);
    struct la_endpoint local, remote = end_of("10.0.0.2", 53), remote6 = end_of("2001:db8::2", 53);
    struct la_bytes text = {(const uint8_t *)"question", 8};
    assert_int_equal(la_net_udp_local(h->net, udp, &local), LA_OK);
    assert_in_range(local.port, 49152, 65535);
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, NULL, text, h->now), LA_ERR_NO_DESTINATION);
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, &remote, text, h->now), 8);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(out.n, 36);
    assert_memory_equal(out.b + 12, "\x0a\0\0\x01\x0a\0\0\x02", 8);
    assert_int_equal(la_get16(out.b + 20), local.port);
    assert_int_equal(la_get16(out.b + 22), 53);
    assert_int_equal(la_get16(out.b + 24), 16);
    assert_memory_equal(out.b + 28, "question", 8);
    expect_checksums(&out, 0);
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, &remote6, text, h->now), 8);
    assert_true(host_output(h, 0, &out));
    expect_checksums(&out, 0);
    /* A computed checksum of zero goes out as all ones. */
    uint8_t word[2] = {0, 0};
    uint16_t at_zero = la_get16(out.b + 46);
    assert_int_equal(
        la_net_udp_send(h->net, udp, NULL, &remote6, (struct la_bytes){word, 2}, h->now), 2);
    assert_true(host_output(h, 0, &out));
    at_zero = la_get16(out.b + 46);
    la_put16(word, at_zero);
    assert_int_equal(
        la_net_udp_send(h->net, udp, NULL, &remote6, (struct la_bytes){word, 2}, h->now), 2);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(la_get16(out.b + 46), 0xffff);
    assert_int_equal(la_net_stats(h->net)->udp_out, 4);
}

/* LEDGER: RFC1122-I15 */
static void
test_udp__send_refusals(void **state)
{
    struct host *h = *state;
    la_handle udp = udp_open(h, "0.0.0.0", 7000), udp6 = udp_open(h, "2001:db8::1", 7001);
    struct la_endpoint good = end_of("10.0.0.2", 9), port_0 = end_of("10.0.0.2", 0),
                       v6 = end_of("2001:db8::9", 9), any = end_of("0.0.0.0", 9),
                       foreign = end_of("10.0.0.9", 7000), other = end_of("192.168.1.1", 1);
    static uint8_t octets[1500];
    struct la_bytes text = {octets, 10};
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, &port_0, text, h->now),
                     LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, &any, text, h->now), LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_net_udp_send(h->net, udp6, NULL, &good, text, h->now), LA_ERR_BAD_FAMILY);
    assert_int_equal(la_net_udp_send(h->net, udp, &foreign, &good, text, h->now),
                     LA_ERR_ADDRESS_NOT_AVAILABLE);
    assert_int_equal(la_net_udp_send(h->net, udp, &other, &good, text, h->now), 10);
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, &v6, text, h->now), 10);
    text.n = 1472;
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, &good, text, h->now), 1472);
    text.n = 1473;
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, &good, text, h->now),
                     LA_ERR_MESSAGE_TOO_BIG);
    text.n = 1453;
    assert_int_equal(la_net_udp_send(h->net, udp6, NULL, &v6, text, h->now),
                     LA_ERR_MESSAGE_TOO_BIG);
    text.n = 1;
    for (int i = 0; i < LA_NET_TX_QUEUE_MAX - 3; i++)
        assert_int_equal(la_net_udp_send(h->net, udp, NULL, &good, text, h->now), 1);
    assert_int_equal(la_net_tx_room(h->net, 0), 0);
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, &good, text, h->now), LA_ERR_AGAIN);
}

/* RFC 1122 4.1.3.5: who was addressed is told, and who answers can be chosen or is the route's. */
/* LEDGER: RFC1122-I6, RFC1122-I9, RFC1122-R6, RFC1122-U6, RFC1122-U7 */
static void
test_udp__addresses(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    uint8_t octets[16];
    struct la_udp_from from;
    struct la_bytes text = {octets, 4};
    la_handle udp = udp_open(h, "0.0.0.0", 53);
    struct la_endpoint peer = end_of("10.0.0.2", 4000);
    static const char *const called[] = {"10.0.0.1", "192.168.1.1", "172.16.0.1"};
    for (size_t i = 0; i < 3; i++) {
        pkt_udp(&p, "10.0.0.2", 4000, called[i], 53, "question");
        assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
        assert_int_equal(la_net_udp_receive(h->net, udp, (struct la_room){octets, 16}, NULL, &from),
                         8);
        struct la_endpoint want = end_of(called[i], 53);
        assert_true(la_endpoint_equal(&from.local, &want));
        assert_int_equal(la_net_udp_send(h->net, udp, &from.local, &peer, text, h->now), 4);
        assert_true(host_output(h, 0, &out));
        assert_memory_equal(out.b + 12, want.addr.b + 12, 4);
    }
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, &peer, text, h->now), 4);
    assert_true(host_output(h, 0, &out));
    assert_memory_equal(out.b + 12, "\x0a\0\0\x01", 4);
    /* What is no address of this host, or must not be seen outside, nothing is sent from. */
    static const char *const never[] = {"10.0.0.9",  "10.0.0.255", "255.255.255.255",
                                        "224.0.0.1", "127.0.0.1",  "240.0.0.1"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        struct la_endpoint local = end_of(never[i], 53);
        assert_int_equal(la_net_udp_send(h->net, udp, &local, &peer, text, h->now),
                         LA_ERR_ADDRESS_NOT_AVAILABLE);
    }
    expect_silence(h);
    assert_int_equal(la_net_udp_connect(h->net, udp, &peer), LA_OK); /* which it was is known */
    assert_int_equal(la_net_udp_local(h->net, udp, &from.local), LA_OK);
    struct la_endpoint want = end_of("10.0.0.1", 53);
    assert_true(la_endpoint_equal(&from.local, &want));
}

/* RFC 1122 4.1.4 */
/* LEDGER: RFC1122-U8, RFC1122-I19 */
static void
test_udp__ttl_and_tos(void **state)
{
    struct host *h = *state;
    struct pkt out;
    uint8_t octets[4] = {0};
    struct la_bytes text = {octets, 4};
    la_handle udp = udp_open(h, "::", 7000), other = udp_open(h, "::", 7001);
    struct la_endpoint to = end_of("10.0.0.2", 9), to6 = end_of("2001:db8::2", 9),
                       group = end_of("224.0.0.251", 9);
    for (unsigned set = 0; set < 2; set++) {
        uint8_t ttl = set ? 33 : 64, group_ttl = set ? 7 : 1, tos = set ? 0xb9 : 0;
        if (set) {
            assert_int_equal(la_net_udp_option_set(h->net, udp, LA_UDP_TTL_HOPS, 33), LA_OK);
            assert_int_equal(la_net_udp_option_set(h->net, udp, LA_UDP_GROUP_TTL_HOPS, 7), LA_OK);
            assert_int_equal(la_net_udp_option_set(h->net, udp, LA_UDP_DSCP_ECN, 0xb9), LA_OK);
        }
        assert_int_equal(la_net_udp_send(h->net, udp, NULL, &to, text, h->now), 4);
        assert_true(host_output(h, 0, &out));
        assert_int_equal(out.b[1], tos);
        assert_int_equal(out.b[8], ttl);
        assert_int_equal(la_net_udp_send(h->net, udp, NULL, &to6, text, h->now), 4);
        assert_true(host_output(h, 0, &out));
        assert_int_equal(la_get32(out.b), 0x60000000u | (uint32_t)tos << 20);
        assert_int_equal(out.b[7], ttl);
        assert_int_equal(la_net_udp_send(h->net, udp, NULL, &group, text, h->now), 4);
        assert_true(host_output(h, 1, &out));
        assert_int_equal(out.b[14 + 1], tos);
        assert_int_equal(out.b[14 + 8], group_ttl);
        assert_int_equal(la_net_udp_send(h->net, other, NULL, &to, text, h->now), 4);
        assert_true(host_output(h, 0, &out)); /* another socket has its own */
        assert_int_equal(out.b[1], 0);
        assert_int_equal(out.b[8], 64);
    }
    static const struct {
        int opt;
        int64_t value;
        la_err err;
    } bad[] = {
        {LA_UDP_TTL_HOPS, 0, LA_ERR_BAD_ARGUMENT},
        {LA_UDP_TTL_HOPS, 256, LA_ERR_BAD_ARGUMENT},
        {LA_UDP_GROUP_TTL_HOPS, 0, LA_ERR_BAD_ARGUMENT},
        {LA_UDP_DSCP_ECN, -1, LA_ERR_BAD_ARGUMENT},
        {LA_UDP_DSCP_ECN, 256, LA_ERR_BAD_ARGUMENT},
        {LA_UDP_OPTION_COUNT, 1, LA_ERR_NO_SUCH_OPTION},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(
            la_net_udp_option_set(h->net, udp, (enum la_udp_option)bad[i].opt, bad[i].value),
            bad[i].err);
}

/* RFC 1122 4.1.3.6 */
/* LEDGER: RFC1122-U7 */
static void
test_udp__sources_that_cannot_be(void **state)
{
    struct host *h = *state;
    struct pkt p;
    la_handle udp = udp_open(h, "::", 53);
    static const char *const sources[] = {"0.0.0.0",         "127.0.0.1", "224.0.0.1",
                                          "255.255.255.255", "240.0.0.1", "10.0.0.255"};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        pkt_udp(&p, sources[i], 4000, "10.0.0.1", 53, "x");
        expect_drop(h, 0, &p, LA_REASON_IP_SOURCE_INVALID);
    }
    pkt_udp(&p, "ff02::1", 4000, "2001:db8::1", 53, "x");
    expect_drop(h, 0, &p, LA_REASON_IP_SOURCE_INVALID);
    pkt_udp(&p, "::", 4000, "2001:db8::1", 53, "x");
    expect_drop(h, 0, &p, LA_REASON_IP_SOURCE_INVALID);
    assert_false(la_net_udp_readable(h->net, udp));
    expect_silence(h);
}

/* RFC 1122 3.3.6, 3.3.7: what is sent to everybody, or to all hosts, is for us as well. */
/* LEDGER: RFC1122-B1, RFC1122-B3 */
static void
test_udp__to_many(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    uint8_t octets[16];
    la_handle udp = udp_open(h, "::", 53);
    static const char *const taken[] = {"224.0.0.1", "255.255.255.255", "10.0.0.255"};
    for (size_t i = 0; i < 3; i++) {
        pkt_udp(&p, "10.0.0.2", 4000, taken[i], 53, "x");
        assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
        assert_int_equal(la_net_udp_receive(h->net, udp, (struct la_room){octets, 16}, NULL, NULL),
                         1);
    }
    pkt_udp(&p, "2001:db8::2", 4000, "ff02::1", 53, "x");
    assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    assert_int_equal(la_net_udp_receive(h->net, udp, (struct la_room){octets, 16}, NULL, NULL), 1);
    pkt_udp(&p, "10.0.0.2", 4000, "224.0.0.251", 53, "x"); /* nobody here has joined it */
    expect_drop(h, 0, &p, LA_REASON_IP_NOT_FOR_US);
    struct la_endpoint group = end_of("224.0.0.251", 5353);
    assert_int_equal(
        la_net_udp_send(h->net, udp, NULL, &group, (struct la_bytes){octets, 1}, h->now), 1);
    assert_true(host_output(h, 1, &out)); /* by the default route */
    assert_memory_equal(out.b, "\x01\0\x5e\0\0\xfb", 6);
    assert_int_equal(out.b[14 + 8], 1); /* RFC 1112 6.1: no further than this link */
}

static void
test_udp__matching_order(void **state)
{
    struct host *h = *state;
    la_handle any = udp_open(h, "::", 53);
    assert_int_equal(taker(h, "10.0.0.2", 1, "10.0.0.1", 53), any);
    assert_int_equal(taker(h, "2001:db8::2", 1, "2001:db8::1", 53), any);
    struct la_endpoint local = end_of("::", 53);
    la_handle taken;
    assert_int_equal(la_net_udp_open(h->net, &local, false, &taken), LA_ERR_ADDRESS_IN_USE);
    la_handle any4 = udp_open(h, "0.0.0.0", 53);
    assert_int_equal(taker(h, "10.0.0.2", 1, "10.0.0.1", 53), any4);
    assert_int_equal(taker(h, "2001:db8::2", 1, "2001:db8::1", 53), any);
    la_handle exact = udp_open(h, "10.0.0.1", 53);
    assert_int_equal(taker(h, "10.0.0.2", 1, "10.0.0.1", 53), exact);
    assert_int_equal(taker(h, "10.0.0.2", 1, "192.168.1.1", 53), any4);
    udp_connect(h, any4, "10.0.0.2", 7); /* now bound to 10.0.0.1 as well */
    assert_int_equal(taker(h, "10.0.0.2", 7, "10.0.0.1", 53), any4);
    assert_int_equal(taker(h, "10.0.0.2", 8, "10.0.0.1", 53), exact);
    assert_int_equal(taker(h, "10.0.0.2", 8, "192.168.1.1", 53), any);
    assert_int_equal(la_net_udp_close(h->net, exact), LA_OK);
    assert_int_equal(la_net_udp_close(h->net, any4), LA_OK);
    assert_int_equal(la_net_udp_close(h->net, any), LA_OK);

    la_handle v4 = udp_open(h, "10.0.0.1", 53), v6 = udp_open(h, "2001:db8::1", 53),
              other = udp_open(h, "192.168.1.1", 53);
    assert_int_equal(taker(h, "10.0.0.2", 1, "10.0.0.1", 53), v4);
    assert_int_equal(taker(h, "10.0.0.2", 1, "192.168.1.1", 53), other);
    assert_int_equal(taker(h, "2001:db8::2", 1, "2001:db8::1", 53), v6);
    udp_connect(h, v4, "10.0.0.2", 1000);
    assert_int_equal(taker(h, "10.0.0.2", 1000, "10.0.0.1", 53), v4);
    assert_int_equal(taker(h, "10.0.0.2", 1001, "10.0.0.1", 53), 0);
    assert_int_equal(taker(h, "10.0.0.3", 1000, "10.0.0.1", 53), 0);
    assert_int_equal(h->reason[LA_REASON_UDP_NO_PORT], 2);

    local = end_of("::", 0);
    la_handle rest;
    assert_int_equal(la_net_udp_open(h->net, &local, true, &rest), LA_OK);
    assert_int_equal(la_net_udp_open(h->net, &local, true, &taken), LA_ERR_ADDRESS_IN_USE);
    assert_int_equal(taker(h, "10.0.0.3", 1000, "10.0.0.1", 53), rest);
    assert_int_equal(taker(h, "10.0.0.3", 1000, "10.0.0.1", 9999), rest);
    assert_int_equal(taker(h, "10.0.0.2", 1000, "10.0.0.1", 53), v4);
    assert_int_equal(taker(h, "10.0.0.2", 1000, "10.0.0.1", 0), 0);
}

static void
test_udp__forwarder(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    la_handle udp, ready;
    uint64_t user;
    struct la_udp_from from;
    uint8_t octets[64];
    struct la_endpoint any = end_of("::", 0);
    struct la_bytes answer = {(const uint8_t *)"answer", 6};
    assert_int_equal(la_net_udp_open(h->net, &any, true, &udp), LA_OK);
    pkt_udp(&p, "172.16.0.2", 5353, "8.8.4.4", 53, "question");
    assert_int_equal(host_input(h, 2, &p), LA_NET_TAKEN);
    assert_true(la_net_udp_next_ready(h->net, &ready, &user));
    assert_int_equal(
        la_net_udp_receive(h->net, udp, (struct la_room){octets, sizeof octets}, NULL, &from), 8);
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, &from.remote, answer, h->now),
                     LA_ERR_BAD_ARGUMENT); /* from which port? */
    assert_int_equal(la_net_udp_send(h->net, udp, &from.local, &from.remote, answer, h->now), 6);
    assert_true(host_output(h, 2, &out));
    assert_memory_equal(out.b + 12, "\x08\x08\x04\x04\xac\x10\0\x02\0\x35\x14\xe9", 12);
    expect_checksums(&out, 0);

    assert_int_equal(la_net_udp_refuse(h->net, udp, &from, h->now), LA_OK);
    assert_true(host_output(h, 2, &out));
    assert_memory_equal(out.b + 12, "\x08\x08\x04\x04\xac\x10\0\x02\x03\x03", 10);
    assert_memory_equal(out.b + 40, "\xac\x10\0\x02\x08\x08\x04\x04\x14\xe9\0\x35", 12);
    expect_checksums(&out, 0);
}

/* LEDGER: RFC1122-C10, RFC1122-U1 */
static void
test_udp__no_port_is_told(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    pkt_udp(&p, "10.0.0.2", 4000, "10.0.0.1", 9, "anybody?");
    expect_drop(h, 0, &p, LA_REASON_UDP_NO_PORT);
    assert_true(host_output(h, 0, &out));
    assert_memory_equal(out.b + 20, "\x03\x03", 2);
    assert_memory_equal(out.b + 28, p.b, p.n);
    pkt_udp(&p, "2001:db8::2", 4000, "2001:db8::1", 9, "anybody?");
    expect_drop(h, 0, &p, LA_REASON_UDP_NO_PORT);
    assert_true(host_output(h, 0, &out));
    assert_memory_equal(out.b + 40, "\x01\x04", 2);
    pkt_udp(&p, "10.0.0.2", 4000, "10.0.0.255", 9, "anybody?");
    expect_drop(h, 0, &p, LA_REASON_UDP_NO_PORT);
    expect_silence(h);
}

/* LEDGER: RFC1122-U4, RFC768-1, RFC8200-1 */
static void
test_udp__malformed_and_checksums(void **state)
{
    struct host *h = *state;
    struct pkt p;
    uint8_t octets[64];
    struct la_room room = {octets, sizeof octets};
    la_handle udp = udp_open(h, "::", 53);
    uint8_t l4[16] = {0, 1, 0, 53, 0, 16};
    for (size_t n = 0; n < 16; n++) {
        pkt_ip(&p, "10.0.0.2", "10.0.0.1", 17, l4, n);
        expect_drop(h, 0, &p, LA_REASON_UDP_MALFORMED);
    }
    l4[5] = 7;
    pkt_ip(&p, "10.0.0.2", "10.0.0.1", 17, l4, 16);
    expect_drop(h, 0, &p, LA_REASON_UDP_MALFORMED);
    pkt_udp(&p, "10.0.0.2", 1, "10.0.0.1", 53, "text");
    p.b[30] ^= 1;
    expect_drop(h, 0, &p, LA_REASON_UDP_CHECKSUM);
    la_put16(p.b + 26, 0); /* IPv4: none was made */
    assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    assert_int_equal(la_net_udp_receive(h->net, udp, room, NULL, NULL), 4);
    pkt_udp(&p, "2001:db8::2", 1, "2001:db8::1", 53, "text");
    la_put16(p.b + 46, 0); /* IPv6: not allowed */
    expect_drop(h, 0, &p, LA_REASON_UDP_CHECKSUM);
    /* IP padding behind the datagram is not text. */
    pkt_udp(&p, "10.0.0.2", 1, "10.0.0.1", 53, "text");
    p.n += 5;
    la_put16(p.b + 2, (uint16_t)p.n);
    pkt_ip4_checksum(&p);
    assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    assert_int_equal(la_net_udp_receive(h->net, udp, room, NULL, NULL), 4);
}

static void
test_udp__the_queue_is_bounded(void **state)
{
    struct host *h = *state;
    struct pkt p;
    uint8_t octets[2048];
    struct la_room room = {octets, sizeof octets};
    la_handle udp = udp_open(h, "::", 53);
    pkt_udp(&p, "10.0.0.2", 1, "10.0.0.1", 53, "x");
    for (int i = 0; i < 300; i++)
        assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    assert_int_equal(h->reason[LA_REASON_UDP_QUEUE_FULL], 300 - LA_UDP_QUEUE_N_MAX);
    for (int i = 0; i < LA_UDP_QUEUE_N_MAX; i++)
        assert_int_equal(la_net_udp_receive(h->net, udp, room, NULL, NULL), 1);
    assert_int_equal(la_net_udp_receive(h->net, udp, room, NULL, NULL), LA_ERR_AGAIN);
    char text[1401];
    memset(text, 'a', 1400);
    text[1400] = 0;
    pkt_udp(&p, "10.0.0.2", 1, "10.0.0.1", 53, text);
    uint64_t before = h->reason[LA_REASON_UDP_QUEUE_FULL];
    for (int i = 0; i < 256; i++)
        assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    uint64_t queued = 256 - (h->reason[LA_REASON_UDP_QUEUE_FULL] - before);
    assert_in_range(queued, 64, LA_UDP_QUEUE_BYTES_MAX / 1400);
    while (la_net_udp_receive(h->net, udp, room, NULL, NULL) > 0) {
    }
    before = h->reason[LA_REASON_UDP_QUEUE_FULL];
    for (int i = 0; i < 64; i++) /* what was read costs no more */
        assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    assert_int_equal(h->reason[LA_REASON_UDP_QUEUE_FULL], before);
}

static void
test_udp__small_datagrams_do_not_pin_large_blocks(void **state)
{
    struct host *h = *state;
    struct pkt p;
    struct la_room room;
    uint8_t octets[16];
    la_handle udp = udp_open(h, "::", 53);
    pkt_udp(&p, "10.0.0.2", 1, "10.0.0.1", 53, "text");
    for (int i = 0; i < 200; i++) { /* as a device with 64 KiB buffers reads them */
        struct la_frame *frame = la_frame_with_room(h->mem, 65000, &room);
        memcpy(room.p, p.b, p.n);
        la_frame_commit(frame, p.n);
        assert_int_equal(la_net_input(h->net, 0, frame, &h->in, h->now), LA_NET_TAKEN);
    }
    assert_int_equal(h->reason[LA_REASON_UDP_QUEUE_FULL], 0);
    struct la_mem_stats stats;
    la_mem_trim(h->mem);
    la_mem_stats_get(h->mem, &stats);
    assert_in_range(stats.used_bytes, 1, 1024 * 1024);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(la_net_udp_receive(h->net, udp, (struct la_room){octets, 16}, NULL, NULL),
                         4);
        assert_memory_equal(octets, "text", 4);
    }
}

/* ICMP destination unreachable about a datagram from 10.0.0.1:lport to 10.0.0.2:rport. */
static void
icmp_about(struct host *h, uint8_t code, uint16_t lport, uint16_t rport)
{
    struct pkt ours, p;
    uint8_t l4[8 + 64] = {3, code};
    pkt_udp(&ours, "10.0.0.1", lport, "10.0.0.2", rport, "x");
    memcpy(l4 + 8, ours.b, ours.n);
    pkt_ip(&p, "10.0.0.2", "10.0.0.1", 1, l4, 8 + ours.n);
    assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
}

/* LEDGER: RFC1122-C3, RFC1122-C11, RFC1122-U3 */
static void
test_udp__errors_reach_connected_sockets_once(void **state)
{
    struct host *h = *state;
    uint8_t octets[16];
    struct la_room room = {octets, sizeof octets};
    struct la_bytes text = {octets, 4};
    la_handle udp = udp_open(h, "0.0.0.0", 7000), ready;
    uint64_t user;
    icmp_about(h, 3, 7000, 53); /* not connected */
    assert_int_equal(h->reason[LA_REASON_ICMP_UNMATCHED], 1);
    assert_false(la_net_udp_has_ready(h->net));
    udp_connect(h, udp, "10.0.0.2", 53);
    icmp_about(h, 3, 7000, 54);
    assert_int_equal(h->reason[LA_REASON_ICMP_UNMATCHED], 2);
    icmp_about(h, 3, 7000, 53);
    assert_true(la_net_udp_next_ready(h->net, &ready, &user));
    assert_int_equal(ready, udp);
    assert_true(la_net_udp_readable(h->net, udp));
    assert_int_equal(la_net_udp_receive(h->net, udp, room, NULL, NULL), LA_ERR_PORT_UNREACHABLE);
    assert_int_equal(la_net_udp_receive(h->net, udp, room, NULL, NULL), LA_ERR_AGAIN);
    icmp_about(h, 1, 7000, 53);
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, NULL, text, h->now),
                     LA_ERR_HOST_UNREACHABLE);
    assert_int_equal(la_net_udp_send(h->net, udp, NULL, NULL, text, h->now), 4);
    icmp_about(h, 4, 7000, 53);
    assert_int_equal(la_net_udp_receive(h->net, udp, room, NULL, NULL), LA_ERR_MESSAGE_TOO_BIG);
}

static void
test_udp__between_two_sockets_of_this_host(void **state)
{
    struct host *h = *state;
    struct la_frame *frame;
    uint8_t octets[16];
    static const char *const addrs[] = {"10.0.0.1", "127.0.0.1", "::1", "2001:db8:1::1"};
    for (size_t i = 0; i < 4; i++) {
        la_handle a = udp_open(h, "::", 1000), b = udp_open(h, "::", 2000);
        struct la_endpoint to = end_of(addrs[i], 2000);
        struct la_udp_from from;
        assert_int_equal(
            la_net_udp_send(h->net, a, NULL, &to, (struct la_bytes){octets, 5}, h->now), 5);
        assert_true(la_net_has_local(h->net));
        assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_TAKEN);
        assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_IDLE);
        assert_int_equal(la_net_udp_receive(h->net, b, (struct la_room){octets, 16}, NULL, &from),
                         5);
        struct la_endpoint want = end_of(addrs[i], 1000);
        assert_true(la_endpoint_equal(&from.remote, &want));
        assert_int_equal(la_net_udp_close(h->net, a), LA_OK);
        /* Nobody is at port 1000 now: the connected sender hears of it. */
        assert_int_equal(la_net_udp_connect(h->net, b, &want), LA_OK);
        assert_int_equal(
            la_net_udp_send(h->net, b, NULL, NULL, (struct la_bytes){octets, 5}, h->now), 5);
        assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_TAKEN);
        assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_TAKEN);
        assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_IDLE);
        assert_int_equal(la_net_udp_receive(h->net, b, (struct la_room){octets, 16}, NULL, NULL),
                         LA_ERR_PORT_UNREACHABLE);
        assert_int_equal(la_net_udp_close(h->net, b), LA_OK);
    }
    expect_silence(h);
}

static void
test_udp__handles(void **state)
{
    struct host *h = *state;
    struct la_endpoint end;
    struct la_room room = {NULL, 0};
    uint64_t user;
    la_handle ready, udp = udp_open(h, "::", 53);
    struct pkt p;
    pkt_udp(&p, "10.0.0.2", 1, "10.0.0.1", 53, "x");
    assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
    assert_int_equal(la_net_udp_close(h->net, udp), LA_OK); /* while it is on the ready list */
    assert_false(la_net_udp_next_ready(h->net, &ready, &user));
    la_handle again = udp_open(h, "::", 53); /* the same record, another generation */
    assert_int_not_equal(again, udp);
    static const la_handle stale[] = {0, 1, UINT64_MAX, UINT32_MAX};
    for (size_t i = 0; i < 5; i++) {
        la_handle bad = i < 4 ? stale[i] : udp;
        struct la_endpoint to = end_of("10.0.0.2", 1);
        assert_int_equal(la_net_udp_close(h->net, bad), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_net_udp_local(h->net, bad, &end), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_net_udp_remote(h->net, bad, &end), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_net_udp_connect(h->net, bad, NULL), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_net_udp_user_set(h->net, bad, 1), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_net_udp_option_set(h->net, bad, LA_UDP_TTL_HOPS, 1), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_net_udp_receive(h->net, bad, room, NULL, NULL), LA_ERR_BAD_HANDLE);
        assert_int_equal(
            la_net_udp_send(h->net, bad, NULL, &to, (struct la_bytes){NULL, 0}, h->now),
            LA_ERR_BAD_HANDLE);
        assert_false(la_net_udp_readable(h->net, bad));
    }
    assert_int_equal(la_net_udp_remote(h->net, again, &end), LA_ERR_NOT_CONNECTED);
    end = end_of("224.0.0.9", 99); /* any unicast address is good: interface 2 has any_address */
    assert_int_equal(la_net_udp_open(h->net, &end, false, &udp), LA_ERR_ADDRESS_NOT_AVAILABLE);
    end = end_of("10.0.0.1", 99);
    assert_int_equal(la_net_udp_open(h->net, &end, true, &udp), LA_ERR_BAD_ARGUMENT);
}

static void
test_udp__ephemeral_ports_run_out(void **state)
{
    struct host *h = *state;
    struct la_net *net;
    struct la_net_cfg cfg = {.mem = h->mem,
                             .reason = h->reason,
                             .port_ephemeral_min = 60000,
                             .port_ephemeral_max = 60003};
    assert_int_equal(la_net_new(&cfg, &net), LA_OK);
    struct la_endpoint any = end_of("::", 0), end;
    la_handle udp;
    unsigned seen = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(la_net_udp_open(net, &any, false, &udp), LA_OK);
        assert_int_equal(la_net_udp_local(net, udp, &end), LA_OK);
        seen |= 1u << (end.port - 60000);
    }
    assert_int_equal(seen, 15);
    assert_int_equal(la_net_udp_open(net, &any, false, &udp), LA_ERR_ADDRESS_NOT_AVAILABLE);
    la_net_free(net);
}

#define T(name) cmocka_unit_test_setup_teardown(test_udp__##name, host_setup, host_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(receive),
        T(send),
        T(send_refusals),
        T(addresses),
        T(ttl_and_tos),
        T(sources_that_cannot_be),
        T(to_many),
        T(matching_order),
        T(forwarder),
        T(no_port_is_told),
        T(malformed_and_checksums),
        T(the_queue_is_bounded),
        T(small_datagrams_do_not_pin_large_blocks),
        T(errors_reach_connected_sockets_once),
        T(between_two_sockets_of_this_host),
        T(handles),
        T(ephemeral_ports_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
