/* SPDX-License-Identifier: MIT
 *
 * test_input.c - what is taken, what is dropped, and why
 */
#include "support.h"

/* LEDGER: RFC1122-I1, RFC1122-I19 */
static void
test_input__tcp_is_handed_up(void **state)
{
    struct host *h = *state;
    struct pkt p;
    pkt_tcp(&p, "10.0.0.2", "10.0.0.1", "hello");
    p.b[1] = 0xb9;
    pkt_ip4_checksum(&p);
    assert_int_equal(host_input(h, 0, &p), LA_NET_TCP);
    assert_int_equal(la_frame_len(h->frame), 25);
    assert_int_equal(h->frame->head[0], 0x9c);
    assert_int_equal(h->in.iface, 0);
    assert_int_equal(h->in.ttl_hops, 64);
    assert_int_equal(h->in.dscp_ecn, 0xb9);
    struct la_addr src = addr_of("10.0.0.2"), dst = addr_of("10.0.0.1");
    assert_true(la_addr_equal(&h->in.src, &src) && la_addr_equal(&h->in.dst, &dst));
    assert_true(la_net_l4_checksum_ok(h->net, &h->in, h->frame));
    h->frame->head[24] ^= 1;
    assert_false(la_net_l4_checksum_ok(h->net, &h->in, h->frame));
    h->frame->csum = LA_CSUM_VALID;
    assert_true(la_net_l4_checksum_ok(h->net, &h->in, h->frame));

    pkt_tcp(&p, "2001:db8::2", "2001:db8::1", "hello");
    assert_int_equal(host_input(h, 0, &p), LA_NET_TCP);
    assert_true(la_net_l4_checksum_ok(h->net, &h->in, h->frame));
    assert_int_equal(la_net_stats(h->net)->frames_in, 2);
}

static void
test_input__octets_in_any_layout(void **state)
{
    struct host *h = *state;
    struct pkt p;
    pkt_tcp(&p, "10.0.0.2", "10.0.0.1", "some text that follows the header");
    for (size_t piece = 1; piece < p.n; piece += 3) {
        struct la_frame *frame = la_frame_take(h->mem);
        for (size_t off = 0; off < p.n; off += piece) {
            size_t n = p.n - off < piece ? p.n - off : piece;
            struct la_block *block = la_block_take(h->mem, n);
            memcpy(block->bytes, p.b + off, n);
            block->used_n = (uint32_t)n;
            assert_true(la_chain_append_block(&frame->payload, h->mem, block, 0, (uint32_t)n));
            la_block_unref(block);
        }
        assert_int_equal(la_net_input(h->net, 0, frame, &h->in, h->now), LA_NET_TCP);
        assert_int_equal(la_frame_len(frame), p.n - 20);
        assert_true(la_net_l4_checksum_ok(h->net, &h->in, frame));
        la_frame_free(frame);
    }
}

/* LEDGER: RFC1122-L1 */
static void
test_input__ethernet_padding_is_trimmed(void **state)
{
    struct host *h = *state;
    struct pkt p;
    pkt_tcp(&p, "192.168.1.2", "192.168.1.1", "");
    pkt_eth(&p, MAC_US, MAC_PEER, 0x0800);
    memset(p.b + p.n, 0xee, 6);
    p.n = 60;
    assert_int_equal(host_input(h, 1, &p), LA_NET_TCP);
    assert_int_equal(la_frame_len(h->frame), 20);
    assert_true(la_net_l4_checksum_ok(h->net, &h->in, h->frame));
}

static void
test_input__ethernet_priority_tag_is_passed_over(void **state)
{
    struct host *h = *state;
    struct pkt p;
    pkt_tcp(&p, "192.168.1.2", "192.168.1.1", "x");
    pkt_eth(&p, MAC_US, MAC_PEER, 0x0800);
    memmove(p.b + 18, p.b + 14, p.n - 14);
    memcpy(p.b + 12, "\x81\0\xe0\0\x08\0", 6);
    p.n += 4;
    assert_int_equal(host_input(h, 1, &p), LA_NET_TCP);
    p.b[15] = 5; /* VLAN 5 */
    expect_drop(h, 1, &p, LA_REASON_FRAME_NOT_FOR_US);
}

/* LEDGER: RFC1122-L6, RFC1122-I3, RFC1122-B2 */
static void
test_input__link_reasons(void **state)
{
    struct host *h = *state;
    struct pkt p, frame;
    pkt_tcp(&p, "192.168.1.2", "192.168.1.1", "x");
    frame = p;
    pkt_eth(&frame, MAC_US, MAC_PEER, 0x0800);
    struct pkt cut = frame;
    for (cut.n = 0; cut.n < 14 + 20; cut.n++)
        expect_drop(h, 1, &cut, LA_REASON_FRAME_TOO_SHORT);
    for (; cut.n < frame.n; cut.n++)
        expect_drop(h, 1, &cut, LA_REASON_IP_MALFORMED);
    frame = p;
    pkt_eth(&frame, "\x02\0\0\0\0\x77", MAC_PEER, 0x0800);
    expect_drop(h, 1, &frame, LA_REASON_FRAME_NOT_FOR_US);
    frame = p;
    pkt_eth(&frame, MAC_ALL, MAC_PEER, 0x0800); /* link broadcast, unicast inside */
    expect_drop(h, 1, &frame, LA_REASON_FRAME_NOT_FOR_US);
    frame = p;
    pkt_eth(&frame, MAC_US, MAC_PEER, 0x88cc);
    expect_drop(h, 1, &frame, LA_REASON_ETHERTYPE_UNKNOWN);
    frame = p;
    pkt_eth(&frame, MAC_US, MAC_PEER, 0x86dd);
    expect_drop(h, 1, &frame, LA_REASON_IP_VERSION);
    p.b[0] = 0x55;
    expect_drop(h, 0, &p, LA_REASON_IP_VERSION);
    expect_silence(h);
}

/* LEDGER: RFC1122-I2, RFC1122-I4, RFC1122-I20 */
static void
test_input__ip4_reasons(void **state)
{
    struct host *h = *state;
    struct pkt good, p;
    pkt_tcp(&good, "10.0.0.2", "10.0.0.1", "text");
    p = good;
    p.b[8] ^= 1;
    expect_drop(h, 0, &p, LA_REASON_IP_CHECKSUM);
    p = good;
    p.b[0] = 0x44;
    expect_drop(h, 0, &p, LA_REASON_IP_MALFORMED);
    p = good;
    la_put16(p.b + 2, (uint16_t)(p.n + 1)); /* longer than what came */
    pkt_ip4_checksum(&p);
    expect_drop(h, 0, &p, LA_REASON_IP_MALFORMED);
    la_put16(p.b + 2, 19);
    pkt_ip4_checksum(&p);
    expect_drop(h, 0, &p, LA_REASON_IP_MALFORMED);
    expect_silence(h);
    p = good;
    p.b[8] = 0; /* RFC 1122 3.2.1.7: not discarded for its TTL */
    pkt_ip4_checksum(&p);
    assert_int_equal(host_input(h, 0, &p), LA_NET_TCP);
}

static void
with_options(struct pkt *p, const uint8_t *options, size_t n)
{
    memmove(p->b + 20 + n, p->b + 20, p->n - 20);
    memcpy(p->b + 20, options, n);
    p->n += n;
    p->b[0] = (uint8_t)(0x45 + n / 4);
    la_put16(p->b + 2, (uint16_t)p->n);
    pkt_ip4_checksum(p);
}

/* LEDGER: MUST-50, RFC1122-I22 */
static void
test_input__ip4_options(void **state)
{
    struct host *h = *state;
    struct pkt p;
    pkt_tcp(&p, "10.0.0.2", "10.0.0.1", "text");
    with_options(&p, (const uint8_t[]){148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0}, 12);
    assert_int_equal(host_input(h, 0, &p), LA_NET_TCP); /* unknown to TCP: ignored (MUST-50) */
    assert_true(la_net_l4_checksum_ok(h->net, &h->in, h->frame));
    pkt_tcp(&p, "10.0.0.2", "10.0.0.1", "text");
    with_options(&p, (const uint8_t[]){131, 7, 4, 10, 0, 0, 9, 0}, 8);
    expect_drop(h, 0, &p, LA_REASON_IP_SOURCE_ROUTE);
    pkt_tcp(&p, "10.0.0.2", "10.0.0.1", "text");
    with_options(&p, (const uint8_t[]){7, 9, 4, 0}, 4);
    expect_drop(h, 0, &p, LA_REASON_IP_MALFORMED);
}

/* LEDGER: MUST-63, RFC1122-I8 */
static void
test_input__sources_that_cannot_be(void **state)
{
    struct host *h = *state;
    static const char *const sources[] = {
        "0.0.0.0",   "0.1.2.3",    "127.0.0.1",     "224.0.0.5", "255.255.255.255",
        "240.0.0.1", "10.0.0.255", "192.168.1.255", "10.0.0.1",
    };
    struct pkt p;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        pkt_tcp(&p, sources[i], "10.0.0.1", "x");
        expect_drop(h, 0, &p, LA_REASON_IP_SOURCE_INVALID);
    }
    static const char *const sources6[] = {"::", "::1", "ff02::5", "2001:db8::1"};
    for (size_t i = 0; i < sizeof sources6 / sizeof sources6[0]; i++) {
        pkt_tcp(&p, sources6[i], "2001:db8::1", "x");
        expect_drop(h, 0, &p, LA_REASON_IP_SOURCE_INVALID);
    }
    /* A v4-mapped address on the wire. */
    pkt_tcp(&p, "2001:db8::2", "2001:db8::1", "x");
    memset(p.b + 8, 0, 10);
    p.b[18] = p.b[19] = 0xff;
    expect_drop(h, 0, &p, LA_REASON_IP_SOURCE_INVALID);
    pkt_tcp(&p, "2001:db8::2", "2001:db8::1", "x");
    memset(p.b + 24, 0, 10);
    p.b[34] = p.b[35] = 0xff;
    p.b[36] = 9; /* 9.0.0.1, which any_address would take */
    expect_drop(h, 2, &p, LA_REASON_IP_NOT_FOR_US);
    expect_silence(h);
}

/* LEDGER: MUST-57, RFC1122-I7, RFC1122-B1 */
static void
test_input__destinations(void **state)
{
    struct host *h = *state;
    struct pkt p;
    pkt_tcp(&p, "10.0.0.2", "10.0.0.3", "x");
    expect_drop(h, 0, &p, LA_REASON_IP_NOT_FOR_US);
    pkt_tcp(&p, "10.0.0.2", "192.168.1.1", "x"); /* an address of another interface: weak host */
    assert_int_equal(host_input(h, 0, &p), LA_NET_TCP);
    pkt_tcp(&p, "172.16.0.2", "8.8.8.8", "x");
    assert_int_equal(host_input(h, 2, &p), LA_NET_TCP);
    pkt_tcp(&p, "2001:db8:2::2", "2001:4860::8888", "x");
    assert_int_equal(host_input(h, 2, &p), LA_NET_TCP);
    static const char *const never[] = {"127.0.0.1", "0.0.0.0", "240.0.0.1", "224.0.0.251"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        pkt_tcp(&p, "172.16.0.2", never[i], "x");
        expect_drop(h, 2, &p, LA_REASON_IP_NOT_FOR_US);
    }
    static const char *const many[] = {"255.255.255.255", "172.16.0.255", "224.0.0.1"};
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        pkt_tcp(&p, "172.16.0.2", many[i], "x");
        expect_drop(h, 2, &p, LA_REASON_TCP_NOT_UNICAST); /* MUST-57 */
    }
    pkt_tcp(&p, "2001:db8::2", "ff02::1", "x");
    expect_drop(h, 0, &p, LA_REASON_TCP_NOT_UNICAST);
    pkt_tcp(&p, "2001:db8::2", "::1", "x");
    expect_drop(h, 0, &p, LA_REASON_IP_NOT_FOR_US);
    expect_silence(h);
}

/* The packet with `ext` between the IPv6 header and what follows. */
static void
with_ext(struct pkt *p, uint8_t first, const uint8_t *ext, size_t n)
{
    memmove(p->b + 40 + n, p->b + 40, p->n - 40);
    memcpy(p->b + 40, ext, n);
    p->n += n;
    p->b[6] = first;
    la_put16(p->b + 4, (uint16_t)(p->n - 40));
}

/* LEDGER: RFC8200-3 */
static void
test_input__ip6_extension_headers(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    pkt_tcp(&p, "2001:db8::2", "2001:db8::1", "x");
    with_ext(&p, 0, (const uint8_t[]){60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0}, 16);
    assert_int_equal(host_input(h, 0, &p), LA_NET_TCP);
    assert_int_equal(la_frame_len(h->frame), 21);
    assert_int_equal(h->in.header_n, 56);
    assert_true(la_net_l4_checksum_ok(h->net, &h->in, h->frame));

    pkt_tcp(&p, "2001:db8::2", "2001:db8::1", "x");
    with_ext(&p, 44, (const uint8_t[]){6, 0, 0, 0, 0, 0, 0, 9}, 8); /* atomic (RFC 6946) */
    assert_int_equal(host_input(h, 0, &p), LA_NET_TCP);

    pkt_tcp(&p, "2001:db8::2", "2001:db8::1", "x");
    with_ext(&p, 60, (const uint8_t[]){6, 0, 0x5e, 0, 0, 0, 0, 0}, 8);
    expect_drop(h, 0, &p, LA_REASON_IP_EXTENSION); /* action 01: in silence */
    expect_silence(h);
    p.b[42] = 0x9e;
    expect_drop(h, 0, &p, LA_REASON_IP_EXTENSION); /* action 10: told */
    assert_true(host_output(h, 0, &out));
    assert_int_equal(out.b[40], 4);
    assert_int_equal(out.b[41], 2);
    assert_int_equal(la_get32(out.b + 44), 42);
    assert_memory_equal(out.b + 48, p.b, p.n);
    expect_checksums(&out, 0);
    p.b[42] = 0x1e;
    assert_int_equal(host_input(h, 0, &p), LA_NET_TCP); /* action 00: skipped */

    /* To many: action 10 is told all the same, from an address of ours, and 11 is not. */
    pkt_tcp(&p, "2001:db8::2", "ff02::1", "x");
    with_ext(&p, 60, (const uint8_t[]){6, 0, 0x9e, 0, 0, 0, 0, 0}, 8);
    expect_drop(h, 0, &p, LA_REASON_IP_EXTENSION);
    assert_true(host_output(h, 0, &out));
    assert_memory_equal(out.b + 8, addr_of("2001:db8::1").b, 16);
    assert_memory_equal(out.b + 40, "\x04\x02", 2);
    expect_checksums(&out, 0);
    p.b[42] = 0xde;
    expect_drop(h, 0, &p, LA_REASON_IP_EXTENSION);
    expect_silence(h);

    pkt_tcp(&p, "2001:db8::2", "2001:db8::1", "x");
    with_ext(&p, 43, (const uint8_t[]){6, 0, 0, 1, 0, 0, 0, 0}, 8);
    expect_drop(h, 0, &p, LA_REASON_IP_EXTENSION);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(la_get32(out.b + 44), 42);
    p.b[41] = 200;
    expect_drop(h, 0, &p, LA_REASON_IP_MALFORMED);
}

/* RFC 8200 4: hop-by-hop options stand behind the fixed header or nowhere; the pointer names the
 * octet that announced them. What nobody takes up behind extension headers is announced by the last
 * of those (RFC 4443 3.4). */
static void
test_input__ip6_extension_headers_out_of_order(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    static const uint8_t chain[] = {43, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0,
                                    0,  0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0};
    pkt_tcp(&p, "2001:db8::2", "2001:db8::1", "x");
    with_ext(&p, 60, chain, sizeof chain);
    expect_drop(h, 0, &p, LA_REASON_IP_EXTENSION);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(out.b[40], 4);
    assert_int_equal(out.b[41], 1);
    assert_int_equal(la_get32(out.b + 44), 48);
    assert_memory_equal(out.b + 48, p.b, p.n);
    expect_checksums(&out, 0);

    uint8_t l4[40] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    pkt_ip(&p, "2001:db8::2", "2001:db8::1", 132, l4, sizeof l4);
    with_ext(&p, 60, (const uint8_t[]){60, 0, 1, 4, 0, 0, 0, 0, 132, 0, 1, 4, 0, 0, 0, 0}, 16);
    expect_drop(h, 0, &p, LA_REASON_IP_PROTOCOL_UNKNOWN);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(out.b[41], 1);
    assert_int_equal(la_get32(out.b + 44), 48);
    assert_memory_equal(out.b + 48, p.b, p.n);
    expect_checksums(&out, 0);

    /* To many: in silence. */
    pkt_tcp(&p, "2001:db8::2", "ff02::1", "x");
    with_ext(&p, 60, chain, sizeof chain);
    expect_drop(h, 0, &p, LA_REASON_IP_EXTENSION);
    expect_silence(h);
}

static void
test_input__ip6_long_extension_headers(void **state)
{
    struct host *h = *state;
    struct pkt p;
    uint8_t ext[4 * 248];
    memset(ext, 0, sizeof ext); /* four destination headers of Pad1 options */
    for (size_t i = 0; i < sizeof ext; i += 248) {
        ext[i] = i + 248 < sizeof ext ? 60 : 6;
        ext[i + 1] = 30;
    }
    pkt_tcp(&p, "2001:db8::2", "2001:db8::1", "x");
    with_ext(&p, 60, ext, sizeof ext);
    assert_int_equal(host_input(h, 0, &p), LA_NET_TCP);
    assert_int_equal(la_frame_len(h->frame), 21);
    assert_int_equal(h->in.header_n, 0);
}

/* LEDGER: RFC1122-C2, RFC1122-C10 */
static void
test_input__unknown_protocols(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    uint8_t l4[40] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    pkt_ip(&p, "10.0.0.2", "10.0.0.1", 132, l4, sizeof l4);
    expect_drop(h, 0, &p, LA_REASON_IP_PROTOCOL_UNKNOWN);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(out.b[9], 1);
    assert_int_equal(out.b[20], 3);
    assert_int_equal(out.b[21], 2);
    assert_memory_equal(out.b + 28, p.b, 20 + 8); /* unchanged (RFC 1122 3.2.2) */
    expect_checksums(&out, 0);
    pkt_ip(&p, "2001:db8::2", "2001:db8::1", 132, l4, sizeof l4);
    expect_drop(h, 0, &p, LA_REASON_IP_PROTOCOL_UNKNOWN);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(out.b[40], 4);
    assert_int_equal(out.b[41], 1);
    assert_int_equal(la_get32(out.b + 44), 6);
    /* To many: in silence. */
    pkt_ip(&p, "10.0.0.2", "10.0.0.255", 132, l4, sizeof l4);
    expect_drop(h, 0, &p, LA_REASON_IP_PROTOCOL_UNKNOWN);
    pkt_ip(&p, "2001:db8::2", "2001:db8::1", 59, l4, sizeof l4);
    expect_drop(h, 0, &p, LA_REASON_IP_PROTOCOL_UNKNOWN);
    expect_silence(h);
}

/* What was found good for one packet holds for the next of its flow, and only as long as nothing
 * that it depends on is another. */
static void
test_input__each_change_is_judged_anew(void **state)
{
    struct host *h = *state;
    struct pkt p, frame;
    pkt_tcp(&p, "198.51.100.7", "203.0.113.255", "x");
    for (int i = 0; i < 2; i++)
        assert_int_equal(host_input(h, 2, &p), LA_NET_TCP);
    expect_drop(h, 0, &p, LA_REASON_IP_NOT_FOR_US); /* that interface takes no foreign packets */
    assert_int_equal(host_input(h, 2, &p), LA_NET_TCP);
    host_addr(h, 2, "203.0.113.1", 24); /* now it is a broadcast */
    expect_drop(h, 2, &p, LA_REASON_TCP_NOT_UNICAST);

    pkt_tcp(&p, "192.168.1.2", "192.168.1.1", "x");
    for (int i = 0; i < 2; i++) {
        frame = p;
        pkt_eth(&frame, MAC_US, MAC_PEER, 0x0800);
        assert_int_equal(host_input(h, 1, &frame), LA_NET_TCP);
        frame = p;
        pkt_eth(&frame, MAC_ALL, MAC_PEER, 0x0800); /* the same ends, to everybody on the link */
        expect_drop(h, 1, &frame, LA_REASON_FRAME_NOT_FOR_US);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(test_input__##name, host_setup, host_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(tcp_is_handed_up),
        T(octets_in_any_layout),
        T(ethernet_padding_is_trimmed),
        T(ethernet_priority_tag_is_passed_over),
        T(link_reasons),
        T(ip4_reasons),
        T(ip4_options),
        T(sources_that_cannot_be),
        T(destinations),
        T(ip6_extension_headers),
        T(ip6_extension_headers_out_of_order),
        T(ip6_long_extension_headers),
        T(unknown_protocols),
        T(each_change_is_judged_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
