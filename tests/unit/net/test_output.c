/* SPDX-License-Identifier: MIT
 *
 * test_output.c - headers, checksums, super-segments, groups, packets to ourselves
 */
#include "support.h"

/* A TCP segment with n octets of text 0, 1, 2, …; flags FIN, PSH, ACK, CWR; the head holds
 * `head_text_n` of them, the rest lies in blocks. */
static struct la_frame *
tcp_make(struct host *h, size_t header_n, size_t n, size_t head_text_n)
{
    uint8_t text[70000];
    for (size_t i = 0; i < n; i++)
        text[i] = (uint8_t)(i * 7 + i / 256);
    struct la_frame *frame = la_frame_take(h->mem);
    struct la_bytes rest = {text + head_text_n, n - head_text_n};
    assert_int_equal(la_chain_append_bytes(&frame->payload, h->mem, rest), rest.n);
    memcpy(la_frame_push(frame, head_text_n), text, head_text_n);
    uint8_t *p = la_frame_push(frame, header_n);
    memset(p, 1, header_n); /* options: NOPs */
    memcpy(p, "\x9c\x40\0\x50\x01\x02\x03\x04\x05\x06\x07\x08", 12);
    p[12] = (uint8_t)(header_n / 4 << 4);
    p[13] = 0x80 | 0x10 | 0x08 | 0x01;
    la_put16(p + 16, 0xbeef); /* whatever stands there is not read */
    return frame;
}

static la_err
tcp_send(struct host *h, struct la_frame *frame, const char *src, const char *dst)
{
    struct la_net_out out = {.src = addr_of(src),
                             .dst = addr_of(dst),
                             .protocol = 6,
                             .ttl_hops = 33,
                             .dscp_ecn = 0xb8,
                             .dont_fragment = true};
    return la_net_output(h->net, frame, &out, h->now);
}

/* LEDGER: MUST-2, SHLD-22, RFC1122-I19 */
static void
test_output__headers_and_checksums(void **state)
{
    struct host *h = *state;
    struct pkt out;
    for (size_t n = 0; n < 1400; n += 37) {
        assert_int_equal(
            tcp_send(h, tcp_make(h, 32, n, n % 5 < n ? n % 5 : 0), "10.0.0.1", "10.0.0.2"), LA_OK);
        assert_true(host_output(h, 0, &out));
        assert_int_equal(out.n, 52 + n);
        expect_checksums(&out, 0);
        assert_int_equal(out.b[0], 0x45);
        assert_int_equal(out.b[1], 0xb8);
        assert_int_equal(la_get32(out.b + 4), 0x4000); /* no identification, DF */
        assert_int_equal(out.b[8], 33);
        assert_memory_equal(out.b + 12, "\x0a\0\0\x01\x0a\0\0\x02", 8);
        assert_int_equal(tcp_send(h, tcp_make(h, 20, n, 0), "2001:db8::1", "2001:db8::2"), LA_OK);
        assert_true(host_output(h, 0, &out));
        assert_int_equal(out.n, 60 + n);
        expect_checksums(&out, 0);
        assert_int_equal(la_get32(out.b), 0x6b800000);
        assert_int_equal(out.b[7], 33);
    }
}

/* RFC 1122 3.2.1.7 */
/* LEDGER: RFC1122-I20, RFC1122-I21 */
static void
test_output__ttl_is_never_zero(void **state)
{
    struct host *h = *state;
    struct pkt out;
    struct la_net_out to = {.src = addr_of("10.0.0.1"), .dst = addr_of("10.0.0.2"), .protocol = 6};
    assert_int_equal(la_net_output(h->net, tcp_make(h, 20, 1, 0), &to, h->now), LA_OK);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(out.b[8], 64);
    to.src = addr_of("2001:db8::1");
    to.dst = addr_of("2001:db8::2");
    assert_int_equal(la_net_output(h->net, tcp_make(h, 20, 1, 0), &to, h->now), LA_OK);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(out.b[7], 64);
    to.ttl_hops = 1;
    assert_int_equal(la_net_output(h->net, tcp_make(h, 20, 1, 0), &to, h->now), LA_OK);
    assert_true(host_output(h, 0, &out));
    assert_int_equal(out.b[7], 1);
}

/* LEDGER: RFC1122-I15 */
static void
test_output__refusals(void **state)
{
    struct host *h = *state;
    assert_int_equal(tcp_send(h, tcp_make(h, 20, 1461, 0), "10.0.0.1", "10.0.0.2"),
                     LA_ERR_MESSAGE_TOO_BIG);
    assert_int_equal(h->reason[LA_REASON_PACKET_TOO_BIG], 1);
    assert_int_equal(tcp_send(h, tcp_make(h, 20, 1460, 0), "10.0.0.1", "10.0.0.2"), LA_OK);
    assert_int_equal(tcp_send(h, tcp_make(h, 20, 1, 0), "10.0.0.1", "2001:db8::2"),
                     LA_ERR_BAD_ARGUMENT);
    assert_int_equal(tcp_send(h, tcp_make(h, 20, 1, 0), "0.0.0.0", "10.0.0.2"),
                     LA_ERR_BAD_ARGUMENT);
    assert_int_equal(tcp_send(h, tcp_make(h, 20, 1, 0), "10.0.0.1", "0.0.0.0"),
                     LA_ERR_BAD_ARGUMENT);
    assert_int_equal(tcp_send(h, la_frame_take(h->mem), "10.0.0.1", "10.0.0.2"),
                     LA_ERR_BAD_ARGUMENT);
    struct la_frame *frame = tcp_make(h, 20, 65000, 0); /* each piece would be too long */
    frame->gso_size = 1461;
    assert_int_equal(tcp_send(h, frame, "10.0.0.1", "10.0.0.2"), LA_ERR_MESSAGE_TOO_BIG);
    frame = tcp_make(h, 20, 65516, 0); /* no length field holds it */
    frame->gso_size = 1460;
    assert_int_equal(tcp_send(h, frame, "10.0.0.1", "10.0.0.2"), LA_ERR_MESSAGE_TOO_BIG);
    frame = tcp_make(h, 20, 3000, 0); /* a header that is not in the head */
    frame->gso_size = 1000;
    frame->head[12] = 0xf0;
    assert_int_equal(tcp_send(h, frame, "10.0.0.1", "10.0.0.2"), LA_ERR_BAD_ARGUMENT);
}

static void
segments_of(struct host *h, const char *src, const char *dst, size_t n, size_t head_text_n)
{
    struct pkt out;
    size_t ip_n = src[0] == '1' ? 20 : 40, header_n = ip_n + 32;
    struct la_frame *frame = tcp_make(h, 32, n, head_text_n);
    frame->gso_size = 1000;
    assert_int_equal(tcp_send(h, frame, src, dst), LA_OK);
    size_t off = 0;
    while (off < n) {
        assert_true(host_output(h, 0, &out));
        size_t len = n - off < 1000 ? n - off : 1000;
        bool last = off + len == n;
        assert_int_equal(out.n, header_n + len);
        expect_checksums(&out, 0);
        assert_int_equal(la_get32(out.b + ip_n + 4), 0x01020304 + off);
        assert_int_equal(out.b[ip_n + 13], 0x10 | (last ? 0x09 : 0) | (off == 0 ? 0x80 : 0));
        if (ip_n == 20)
            assert_int_equal(la_get16(out.b + 4), 0); /* RFC 6864 4.1: it may not be fragmented */
        for (size_t i = 0; i < len; i++)
            assert_int_equal(out.b[header_n + i], (uint8_t)((off + i) * 7 + (off + i) / 256));
        off += len;
    }
    assert_false(host_output(h, 0, &out));
}

/* Where packets may be fragmented each piece has an identification of its own. */
static void
test_output__pieces_are_identified(void **state)
{
    struct host *h = *state;
    struct la_net_out to = {.src = addr_of("10.0.0.1"), .dst = addr_of("10.0.0.2"), .protocol = 6};
    struct pkt out;
    struct la_frame *frame = tcp_make(h, 20, 3500, 0);
    frame->gso_size = 1000;
    assert_int_equal(la_net_output(h->net, frame, &to, h->now), LA_OK);
    assert_true(host_output(h, 0, &out));
    uint16_t first = la_get16(out.b + 4);
    for (unsigned idx = 1; idx < 4; idx++) {
        assert_true(host_output(h, 0, &out));
        expect_checksums(&out, 0);
        assert_int_equal(la_get16(out.b + 4), (uint16_t)(first + idx));
    }
    assert_false(host_output(h, 0, &out));
}

/* LEDGER: MUST-2 */
static void
test_output__super_segments_are_cut(void **state)
{
    struct host *h = *state;
    static const size_t lengths[] = {1, 999, 1000, 1001, 2000, 5432, 64000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        segments_of(h, "10.0.0.1", "10.0.0.2", lengths[i], 0);
        segments_of(h, "2001:db8::1", "2001:db8::2", lengths[i], lengths[i] > 50 ? 37 : 0);
    }
}

static void
test_output__links_that_can_do_more(void **state)
{
    struct host *h = *state;
    struct la_iface_cfg cfg = {
        .caps = {.layer = LA_LINK_IP, .mtu_bytes = 1500, .checksum_tx = true, .tso4 = true}};
    int iface;
    assert_int_equal(la_net_iface_add(h->net, &cfg, &iface), LA_OK);
    host_addr(h, iface, "10.5.0.1", 24);
    host_addr(h, iface, "2001:db8:5::1", 64);
    struct la_frame *frame = tcp_make(h, 20, 5000, 0);
    frame->gso_size = 1460;
    assert_int_equal(tcp_send(h, frame, "10.5.0.1", "10.5.0.2"), LA_OK);
    frame = la_net_tx_pop(h->net, iface);
    assert_int_equal(la_frame_len(frame), 5040);
    assert_int_equal(frame->gso_size, 1460);
    assert_int_equal(frame->gso_kind, LA_GSO_TCPV4);
    assert_int_equal(frame->csum, LA_CSUM_PARTIAL);
    assert_int_equal(frame->csum_start, 20);
    assert_int_equal(frame->csum_off, 16);
    /* The field holds the pseudo-header's sum: completing it must give a right checksum. */
    struct pkt p;
    p.n = la_frame_copy_out(frame, 0, p.b, sizeof p.b);
    la_frame_free(frame);
    put_sum(p.b + 36, test_sum(0, p.b + 20, p.n - 20));
    expect_checksums(&p, 0);
    assert_null(la_net_tx_pop(h->net, iface));
    /* No segmentation of IPv6: pieces, with checksums left to the link. */
    frame = tcp_make(h, 20, 2000, 0);
    frame->gso_size = 1000;
    assert_int_equal(tcp_send(h, frame, "2001:db8:5::1", "2001:db8:5::2"), LA_OK);
    for (int i = 0; i < 2; i++) {
        frame = la_net_tx_pop(h->net, iface);
        assert_int_equal(frame->csum, LA_CSUM_PARTIAL);
        assert_int_equal(frame->gso_size, 0);
        p.n = la_frame_copy_out(frame, 0, p.b, sizeof p.b);
        la_frame_free(frame);
        put_sum(p.b + 56, test_sum(0, p.b + 40, p.n - 40));
        expect_checksums(&p, 0);
    }
    /* A super-segment that is none. */
    frame = tcp_make(h, 20, 1000, 0);
    frame->gso_size = 1000;
    assert_int_equal(tcp_send(h, frame, "10.5.0.1", "10.5.0.2"), LA_OK);
    frame = la_net_tx_pop(h->net, iface);
    assert_int_equal(frame->gso_size, 0);
    assert_int_equal(frame->gso_kind, LA_GSO_NONE);
    la_frame_free(frame);
}

static void
test_output__to_ourselves(void **state)
{
    struct host *h = *state;
    struct la_frame *frame = tcp_make(h, 20, 5000, 0);
    frame->gso_size = 1460;
    assert_false(la_net_has_local(h->net));
    assert_int_equal(tcp_send(h, frame, "10.0.0.1", "192.168.1.1"), LA_OK);
    assert_int_equal(tcp_send(h, tcp_make(h, 20, 10, 0), "::1", "::1"), LA_OK);
    expect_silence(h);
    assert_true(la_net_has_local(h->net));
    assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_TCP);
    assert_int_equal(h->in.iface, LA_NET_IFACE_LOCAL);
    assert_int_equal(la_frame_len(frame), 5020); /* whole */
    assert_true(la_net_l4_checksum_ok(h->net, &h->in, frame));
    la_frame_free(frame);
    assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_TCP);
    la_frame_free(frame);
    assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_IDLE);
    for (uint32_t n = LA_NET_LOCAL_QUEUE_MAX; n > 0; n--) {
        assert_int_equal(la_net_tx_room(h->net, LA_NET_IFACE_LOCAL), n);
        assert_int_equal(tcp_send(h, tcp_make(h, 20, 0, 0), "::1", "::1"), LA_OK);
    }
    assert_int_equal(tcp_send(h, tcp_make(h, 20, 0, 0), "::1", "::1"), LA_ERR_NO_MEMORY);
    assert_int_equal(h->reason[LA_REASON_TX_QUEUE_FULL], 1);
}

static void
test_output__the_transmit_queue_is_bounded(void **state)
{
    struct host *h = *state;
    for (uint32_t n = LA_NET_TX_QUEUE_MAX; n > 0; n--) {
        assert_int_equal(la_net_tx_room(h->net, 0), n);
        assert_int_equal(tcp_send(h, tcp_make(h, 20, 0, 0), "10.0.0.1", "10.0.0.2"), LA_OK);
    }
    assert_int_equal(tcp_send(h, tcp_make(h, 20, 0, 0), "10.0.0.1", "10.0.0.2"), LA_ERR_NO_MEMORY);
    assert_int_equal(h->reason[LA_REASON_TX_QUEUE_FULL], 1);
    struct pkt out;
    assert_true(host_output(h, 0, &out));
    assert_int_equal(la_net_tx_room(h->net, 0), 1);
    assert_true(la_net_tx_waits(h->net, 0));
}

/* LEDGER: RFC1122-B1 */
static void
test_output__groups_on_ethernet(void **state)
{
    struct host *h = *state;
    static const struct {
        const char *dst, *mac, *src;
    } table[] = {
        {"192.168.1.255", "\xff\xff\xff\xff\xff\xff", "192.168.1.1"},
        {"255.255.255.255", "\xff\xff\xff\xff\xff\xff", "192.168.1.1"},
        {"239.200.3.4", "\x01\0\x5e\x48\x03\x04", "192.168.1.1"},
        {"ff02::1:ff12:3456", "\x33\x33\xff\x12\x34\x56", "fe80::1"},
    };
    struct pkt out;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct la_frame *frame = la_frame_take(h->mem);
        memset(la_frame_push(frame, 8), 0, 8);
        struct la_net_out o = {
            .src = addr_of(table[i].src), .dst = addr_of(table[i].dst), .protocol = 17};
        struct la_addr prefix = o.dst;
        assert_int_equal(
            la_net_route_add(h->net, 1, &prefix, la_addr_is_v4(&prefix) ? 32 : 128, NULL), LA_OK);
        assert_int_equal(la_net_output(h->net, frame, &o, h->now), LA_OK);
        assert_true(host_output(h, 1, &out));
        assert_memory_equal(out.b, table[i].mac, 6);
        expect_checksums(&out, 14);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(test_output__##name, host_setup, host_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(headers_and_checksums),
        T(ttl_is_never_zero),
        T(refusals),
        T(super_segments_are_cut),
        T(pieces_are_identified),
        T(links_that_can_do_more),
        T(to_ourselves),
        T(the_transmit_queue_is_bounded),
        T(groups_on_ethernet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
