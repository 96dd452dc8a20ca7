/* SPDX-License-Identifier: MIT
 *
 * test_neighbour.c - ARP and neighbour discovery: asked, answered, waited for, given up
 */
#include <stdio.h>

#include "support.h"

/* Hands a TCP segment of n text octets out; returns what la_net_output() said. */
static la_err
send_tcp(struct host *h, const char *src, const char *dst, uint8_t mark)
{
    struct la_frame *frame = la_frame_take(h->mem);
    uint8_t *p = la_frame_push(frame, 20);
    memset(p, 0, 20);
    p[0] = 0x9c;
    p[3] = 80;
    p[7] = mark;
    p[12] = 0x50;
    struct la_net_out out = {
        .src = addr_of(src), .dst = addr_of(dst), .protocol = 6, .dont_fragment = true};
    return la_net_output(h->net, frame, &out, h->now);
}

static void
pkt_arp(struct pkt *p, uint8_t operation, const char *sender_mac, const char *sender,
        const char *target)
{
    struct la_addr s = addr_of(sender), t = addr_of(target);
    memcpy(p->b, "\0\x01\x08\0\x06\x04\0", 7);
    p->b[7] = operation;
    memcpy(p->b + 8, sender_mac, 6);
    memcpy(p->b + 14, s.b + 12, 4);
    memset(p->b + 18, 0, 6);
    memcpy(p->b + 24, t.b + 12, 4);
    p->n = 28;
    pkt_eth(p, operation == 1 ? MAC_ALL : MAC_US, sender_mac, 0x0806);
}

static void
expect_arp_request(struct host *h, const char *dst_mac, const char *target)
{
    struct pkt out, want;
    pkt_arp(&want, 1, MAC_US, target[1] == '0' ? "10.77.0.1" : "192.168.1.1", target);
    memcpy(want.b, dst_mac, 6);
    assert_true(host_output(h, 1, &out));
    assert_int_equal(out.n, want.n);
    assert_memory_equal(out.b, want.b, want.n);
}

static void
later(struct host *h, int64_t ms)
{
    h->now = la_instant_add_us(h->now, ms * 1000);
    la_net_run(h->net, h->now);
}

/* The segment with that mark, to that station. */
static void
expect_segment(struct host *h, const char *mac, uint8_t mark)
{
    struct pkt out;
    assert_true(host_output(h, 1, &out));
    assert_memory_equal(out.b, mac, 6);
    assert_memory_equal(out.b + 6, MAC_US, 6);
    bool v4 = la_get16(out.b + 12) == 0x0800;
    assert_int_equal(out.b[14 + (v4 ? 20 : 40) + 7], mark);
    expect_checksums(&out, 14);
}

/* LEDGER: RFC826-1 */
static void
test_arp__request_for_us_is_answered(void **state)
{
    struct host *h = *state;
    struct pkt p, out, want;
    pkt_arp(&p, 1, MAC_PEER, "192.168.1.7", "192.168.1.1");
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    pkt_arp(&want, 2, MAC_US, "192.168.1.1", "192.168.1.7");
    memcpy(want.b, MAC_PEER, 6);
    memcpy(want.b + 32, MAC_PEER, 6);
    assert_true(host_output(h, 1, &out));
    assert_int_equal(out.n, want.n);
    assert_memory_equal(out.b, want.b, want.n);
    /* RFC 826: who asks for us is remembered; the first use confirms. */
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.7", 1), LA_OK);
    expect_arp_request(h, MAC_PEER, "192.168.1.7");
    expect_segment(h, MAC_PEER, 1);
}

static void
test_arp__probe_is_answered_and_not_remembered(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    pkt_arp(&p, 1, MAC_PEER, "0.0.0.0", "192.168.1.1");
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    assert_true(host_output(h, 1, &out));
    assert_int_equal(out.b[21], 2);
}

/* LEDGER: RFC826-1 */
static void
test_arp__requests_for_others_are_not_answered(void **state)
{
    struct host *h = *state;
    struct pkt p;
    pkt_arp(&p, 1, MAC_PEER, "192.168.1.7", "192.168.1.8");
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    pkt_arp(&p, 1, MAC_PEER, "192.168.1.7", "10.0.0.1"); /* ours, but not on this link */
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    expect_silence(h);
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.7", 1), LA_OK);
    expect_arp_request(h, MAC_ALL, "192.168.1.7"); /* nothing was learnt */
    expect_silence(h);
}

static void
test_arp__malformed(void **state)
{
    struct host *h = *state;
    struct pkt good, p;
    pkt_arp(&good, 1, MAC_PEER, "192.168.1.7", "192.168.1.1");
    for (p = good, p.n = 14; p.n < good.n; p.n++)
        expect_drop(h, 1, &p, LA_REASON_ARP_MALFORMED);
    static const size_t offs[] = {15, 16, 18, 19, 21};
    for (size_t i = 0; i < sizeof offs / sizeof offs[0]; i++) {
        p = good;
        p.b[offs[i]] = 9;
        expect_drop(h, 1, &p, LA_REASON_ARP_MALFORMED);
    }
    expect_silence(h);
}

/* LEDGER: RFC1122-L1, RFC1122-L4, RFC1122-L5 */
static void
test_arp__packets_wait_for_the_answer(void **state)
{
    struct host *h = *state;
    struct pkt p;
    assert_true(la_instant_is_never(la_net_deadline(h->net)));
    for (uint8_t mark = 1; mark <= 5; mark++)
        assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", mark), LA_OK);
    assert_int_equal(h->reason[LA_REASON_NEIGHBOUR_QUEUE_FULL], 2);
    expect_arp_request(h, MAC_ALL, "192.168.1.9");
    expect_silence(h);
    pkt_arp(&p, 2, MAC_PEER, "192.168.1.9", "192.168.1.1");
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    for (uint8_t mark = 3; mark <= 5; mark++) /* the latest three */
        expect_segment(h, MAC_PEER, mark);
    expect_silence(h);
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 6), LA_OK);
    expect_segment(h, MAC_PEER, 6);
}

static void
test_arp__gateway_is_asked_for(void **state)
{
    struct host *h = *state;
    assert_int_equal(send_tcp(h, "192.168.1.1", "8.8.8.8", 1), LA_OK);
    expect_arp_request(h, MAC_ALL, "192.168.1.254");
}

/* LEDGER: RFC1122-L4, RFC1122-L7 */
static void
test_arp__three_requests_then_failure(void **state)
{
    struct host *h = *state;
    struct la_frame *frame;
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 77), LA_OK);
    for (int i = 0; i < 3; i++) {
        expect_arp_request(h, MAC_ALL, "192.168.1.9");
        assert_int_equal(la_net_deadline(h->net).ns, h->now.ns + LA_NS_PER_S);
        later(h, 999);
        expect_silence(h);
        assert_false(la_net_has_local(h->net));
        later(h, 1);
    }
    expect_silence(h);
    assert_int_equal(h->reason[LA_REASON_NEIGHBOUR_UNREACHABLE], 1);
    assert_true(la_net_has_local(h->net));
    assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_ICMP_ERROR);
    assert_null(frame);
    assert_int_equal(h->in.icmp.kind, LA_NET_ICMP_HOST_UNREACHABLE);
    assert_int_equal(h->in.icmp.seq.v, 77);
    assert_int_equal(h->in.icmp.local.port, 0x9c00);
    assert_int_equal(h->in.icmp.remote.port, 80);
    struct la_addr remote = addr_of("192.168.1.9");
    assert_true(la_addr_equal(&h->in.icmp.remote.addr, &remote));
    assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_IDLE);
    assert_true(la_instant_is_never(la_net_deadline(h->net)));
    /* The next packet asks anew. */
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 1), LA_OK);
    expect_arp_request(h, MAC_ALL, "192.168.1.9");
}

/* LEDGER: RFC1122-L2, RFC1122-R3 */
static void
test_arp__known_for_30_s_then_confirmed_in_passing(void **state)
{
    struct host *h = *state;
    struct pkt p;
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 1), LA_OK);
    expect_arp_request(h, MAC_ALL, "192.168.1.9");
    pkt_arp(&p, 2, MAC_PEER, "192.168.1.9", "192.168.1.1");
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    expect_segment(h, MAC_PEER, 1);
    later(h, 1000);
    assert_true(la_instant_is_never(la_net_deadline(h->net)));
    later(h, 28999);
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 2), LA_OK);
    expect_segment(h, MAC_PEER, 2);
    later(h, 2);
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 3), LA_OK);
    expect_arp_request(h, MAC_PEER, "192.168.1.9");
    expect_segment(h, MAC_PEER, 3);
    expect_silence(h);
    for (int i = 0; i < 2; i++) { /* no answer: polled by unicast, packets flow */
        later(h, 1000);
        expect_arp_request(h, MAC_PEER, "192.168.1.9");
        assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 4), LA_OK);
        expect_segment(h, MAC_PEER, 4);
    }
    later(h, 1000);
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 5), LA_OK);
    expect_arp_request(h, MAC_ALL, "192.168.1.9");
    expect_silence(h);
}

static int
setup_5_s(void **state)
{
    return host_setup_reachable(state, 5000);
}

/* RFC 1122 2.3.2.1: how long it is believed is configured. */
/* LEDGER: RFC1122-L3 */
static void
test_arp__known_for_as_long_as_configured(void **state)
{
    struct host *h = *state;
    struct pkt p;
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 1), LA_OK);
    expect_arp_request(h, MAC_ALL, "192.168.1.9");
    pkt_arp(&p, 2, MAC_PEER, "192.168.1.9", "192.168.1.1");
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    expect_segment(h, MAC_PEER, 1);
    later(h, 5000);
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 2), LA_OK);
    expect_segment(h, MAC_PEER, 2);
    later(h, 1);
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 3), LA_OK);
    expect_arp_request(h, MAC_PEER, "192.168.1.9");
    expect_segment(h, MAC_PEER, 3);
}

/* RFC 9293 3.8.3 (b): TCP doubts the path, and the next packet asks for the neighbour again. */
/* LEDGER: MUST-20a, RFC1122-R3, RFC1122-R4 */
static void
test_arp__a_doubted_neighbour_is_asked_again(void **state)
{
    struct host *h = *state;
    struct pkt p;
    struct la_addr near = addr_of("192.168.1.9"), far = addr_of("192.168.1.10");
    la_net_doubt(h->net, &near); /* nothing is known of it */
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 1), LA_OK);
    expect_arp_request(h, MAC_ALL, "192.168.1.9");
    pkt_arp(&p, 2, MAC_PEER, "192.168.1.9", "192.168.1.1");
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    expect_segment(h, MAC_PEER, 1);
    la_net_doubt(h->net, &far); /* another one */
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 2), LA_OK);
    expect_segment(h, MAC_PEER, 2);
    la_net_doubt(h->net, &near);
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 3), LA_OK);
    expect_arp_request(h, MAC_PEER, "192.168.1.9");
    expect_segment(h, MAC_PEER, 3);
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN); /* confirmed */
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 4), LA_OK);
    expect_segment(h, MAC_PEER, 4);
    expect_silence(h);
}

/* LEDGER: RFC826-1 */
static void
test_arp__unsolicited_news_only_for_known_neighbours(void **state)
{
    struct host *h = *state;
    struct pkt p;
    pkt_arp(&p, 2, MAC_PEER, "192.168.1.9", "192.168.1.9"); /* gratuitous */
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 1), LA_OK);
    expect_arp_request(h, MAC_ALL, "192.168.1.9");
    pkt_arp(&p, 2, MAC_PEER, "192.168.1.9", "192.168.1.1");
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    expect_segment(h, MAC_PEER, 1);
    pkt_arp(&p, 2, "\x02\0\0\0\0\x55", "192.168.1.9", "192.168.1.9"); /* moved */
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    assert_int_equal(send_tcp(h, "192.168.1.1", "192.168.1.9", 2), LA_OK);
    expect_arp_request(h, "\x02\0\0\0\0\x55", "192.168.1.9");
    expect_segment(h, "\x02\0\0\0\0\x55", 2);
}

static void
test_arp__the_cache_is_bounded(void **state)
{
    struct host *h = *state;
    char text[32];
    struct pkt p;
    pkt_arp(&p, 1, MAC_PEER, "192.168.1.7", "192.168.1.1");
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    host_addr(h, 1, "10.77.0.1", 16);
    for (int i = 0; i < 2 * LA_NET_NEIGHBOURS_MAX; i++) {
        snprintf(text, sizeof text, "10.77.%d.%d", 1 + i / 200, 1 + i % 200);
        assert_int_equal(send_tcp(h, "10.77.0.1", text, 1), LA_OK);
        h->now = la_instant_add_us(h->now, 1);
    }
    /* Each had a packet waiting; those that made room gave theirs up. */
    assert_int_equal(h->reason[LA_REASON_NEIGHBOUR_UNREACHABLE], LA_NET_NEIGHBOURS_MAX);
    struct la_frame *frame;
    int told = 0;
    while (la_net_local_next(h->net, &frame, &h->in, h->now) != LA_NET_IDLE)
        told++;
    assert_int_equal(told, LA_NET_NEIGHBOURS_MAX);
    while (host_output(h, 1, &p)) {
    }
    pkt_arp(&p, 1, MAC_PEER, "192.168.1.8", "192.168.1.1"); /* full: not learnt, but answered */
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
    assert_true(host_output(h, 1, &p));
}

static void
test_arp__the_least_recently_used_makes_room(void **state)
{
    struct host *h = *state;
    char text[32];
    struct pkt p;
    host_addr(h, 1, "10.77.0.1", 16);
    for (int i = 0; i < LA_NET_NEIGHBOURS_MAX; i++) { /* known ones, the first is the oldest */
        snprintf(text, sizeof text, "10.77.%d.%d", 1 + i / 200, 1 + i % 200);
        pkt_arp(&p, 1, MAC_PEER, text, "10.77.0.1");
        assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
        assert_true(host_output(h, 1, &p));
        h->now = la_instant_add_us(h->now, 1);
    }
    assert_int_equal(send_tcp(h, "10.77.0.1", "10.77.1.1", 1), LA_OK); /* used: not the oldest */
    expect_arp_request(h, MAC_PEER, "10.77.1.1");
    expect_segment(h, MAC_PEER, 1);
    assert_int_equal(send_tcp(h, "10.77.0.1", "10.77.99.1", 2), LA_OK); /* makes room */
    expect_arp_request(h, MAC_ALL, "10.77.99.1");
    assert_int_equal(send_tcp(h, "10.77.0.1", "10.77.1.1", 3), LA_OK);
    expect_segment(h, MAC_PEER, 3);
    assert_int_equal(send_tcp(h, "10.77.0.1", "10.77.1.2", 4), LA_OK); /* it was this one */
    expect_arp_request(h, MAC_ALL, "10.77.1.2");
    expect_silence(h);
}

/* ---- IPv6 ------------------------------------------------------------------------------- */

/* A solicitation (135) or advertisement (136) with one link-layer option. */
static void
pkt_ndp(struct pkt *p, uint8_t type, uint8_t flags, const char *src, const char *dst,
        const char *target)
{
    struct la_addr t = addr_of(target);
    uint8_t l4[32] = {type, 0, 0, 0, flags};
    memcpy(l4 + 8, t.b, 16);
    l4[24] = type == 135 ? 1 : 2;
    l4[25] = 1;
    memcpy(l4 + 26, MAC_PEER, 6);
    pkt_ip(p, src, dst, 58, l4, sizeof l4);
    p->b[7] = 255;
}

static void
ndp_in(struct host *h, struct pkt p)
{
    pkt_eth(&p, MAC_US, MAC_PEER, 0x86dd);
    assert_int_equal(host_input(h, 1, &p), LA_NET_TAKEN);
}

static void
expect_solicitation(struct host *h, const char *mac, const char *dst, const char *target)
{
    struct pkt out;
    struct la_addr d = addr_of(dst), t = addr_of(target);
    assert_true(host_output(h, 1, &out));
    assert_memory_equal(out.b, mac, 6);
    assert_int_equal(out.b[14 + 7], 255);
    assert_memory_equal(out.b + 14 + 24, d.b, 16);
    assert_int_equal(out.b[54], 135);
    assert_memory_equal(out.b + 62, t.b, 16);
    assert_memory_equal(out.b + 78, "\x01\x01" MAC_US, 8);
    expect_checksums(&out, 14);
}

/* RFC 3927 2.6.2, 2.7, RFC 4291 2.5.6: what is to or from a link-local address is sent to the
 * destination itself, though a gateway would take it. */
/* LEDGER: RFC3927-2 */
static void
test_arp__link_local_packets_are_not_sent_to_a_gateway(void **state)
{
    struct host *h = *state;
    assert_int_equal(send_tcp(h, "192.168.1.1", "169.254.7.7", 1), LA_OK);
    expect_arp_request(h, MAC_ALL, "169.254.7.7");
    assert_int_equal(send_tcp(h, "192.168.1.1", "8.8.8.8", 2), LA_OK);
    expect_arp_request(h, MAC_ALL, "192.168.1.254");
    host_addr(h, 1, "169.254.1.1", 16);
    struct pkt out;
    assert_int_equal(send_tcp(h, "169.254.1.1", "8.8.4.4", 3), LA_OK);
    assert_true(host_output(h, 1, &out));
    assert_memory_equal(out.b + 38, "\x08\x08\x04\x04", 4); /* the target */
    assert_int_equal(send_tcp(h, "fe80::1", "2600::9", 4), LA_OK);
    expect_solicitation(h, "\x33\x33\xff\0\0\x09", "ff02::1:ff00:9", "2600::9");
    assert_int_equal(send_tcp(h, "2001:db8:1::1", "2600::9", 5), LA_OK);
    expect_solicitation(h, "\x33\x33\xff\0\0\xfe", "ff02::1:ff00:fe", "fe80::fe");
    expect_silence(h);
}

static void
test_ndp__solicitation_is_answered(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    pkt_ndp(&p, 135, 0, "fe80::7", "ff02::1:ff00:1", "fe80::1");
    struct pkt frame = p;
    pkt_eth(&frame, "\x33\x33\xff\0\0\x01", MAC_PEER, 0x86dd);
    assert_int_equal(host_input(h, 1, &frame), LA_NET_TAKEN);
    assert_true(host_output(h, 1, &out));
    assert_memory_equal(out.b, MAC_PEER MAC_US, 12);
    assert_int_equal(out.b[54], 136);
    assert_int_equal(out.b[58], 0x60); /* solicited, override */
    assert_memory_equal(out.b + 78, "\x02\x01" MAC_US, 8);
    expect_checksums(&out, 14);
    /* Who asked is known. */
    assert_int_equal(send_tcp(h, "fe80::1", "fe80::7", 1), LA_OK);
    expect_solicitation(h, MAC_PEER, "fe80::7", "fe80::7");
    expect_segment(h, MAC_PEER, 1);
}

static void
test_ndp__duplicate_address_detection_is_answered(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    struct la_addr all = addr_of("ff02::1");
    pkt_ndp(&p, 135, 0, "::", "ff02::1:ff00:1", "fe80::1");
    p.n -= 8; /* no option */
    la_put16(p.b + 4, 24);
    struct la_addr src = addr_of("::"), dst = addr_of("ff02::1:ff00:1");
    la_put16(p.b + 42, 0);
    put_sum(p.b + 42, test_sum(pseudo(&src, &dst, 58, 24), p.b + 40, 24));
    ndp_in(h, p);
    assert_true(host_output(h, 1, &out));
    assert_memory_equal(out.b, "\x33\x33\0\0\0\x01", 6);
    assert_memory_equal(out.b + 14 + 24, all.b, 16);
    assert_int_equal(out.b[58], 0x20);
}

static void
test_ndp__resolution(void **state)
{
    struct host *h = *state;
    struct pkt p;
    assert_int_equal(send_tcp(h, "2001:db8:1::1", "2001:db8:1::ab:cdef", 1), LA_OK);
    expect_solicitation(h, "\x33\x33\xff\xab\xcd\xef", "ff02::1:ffab:cdef", "2001:db8:1::ab:cdef");
    pkt_ndp(&p, 136, 0x60, "2001:db8:1::ab:cdef", "2001:db8:1::1", "2001:db8:1::ab:cdef");
    ndp_in(h, p);
    expect_segment(h, MAC_PEER, 1);
    /* Without the override flag a different address is not believed (RFC 4861 7.2.5). */
    pkt_ndp(&p, 136, 0, "2001:db8:1::ab:cdef", "ff02::1", "2001:db8:1::ab:cdef");
    p.b[71] ^= 1;
    struct la_addr src = addr_of("2001:db8:1::ab:cdef"), dst = addr_of("ff02::1");
    la_put16(p.b + 42, 0);
    put_sum(p.b + 42, test_sum(pseudo(&src, &dst, 58, 32), p.b + 40, 32));
    ndp_in(h, p);
    assert_int_equal(send_tcp(h, "2001:db8:1::1", "2001:db8:1::ab:cdef", 2), LA_OK);
    expect_solicitation(h, MAC_PEER, "2001:db8:1::ab:cdef", "2001:db8:1::ab:cdef");
    expect_segment(h, MAC_PEER, 2);
}

/* LEDGER: RFC4861-2 */
static void
test_ndp__failure(void **state)
{
    struct host *h = *state;
    struct la_frame *frame;
    for (uint8_t mark = 1; mark <= 5; mark++)
        assert_int_equal(send_tcp(h, "2001:db8:1::1", "2600::1", mark), LA_OK);
    assert_int_equal(h->reason[LA_REASON_NEIGHBOUR_QUEUE_FULL], 2);
    for (int i = 0; i < 3; i++) {
        expect_solicitation(h, "\x33\x33\xff\0\0\xfe", "ff02::1:ff00:fe", "fe80::fe");
        later(h, 999);
        expect_silence(h);
        assert_false(la_net_has_local(h->net));
        later(h, 1);
    }
    expect_silence(h);
    for (uint8_t mark = 3; mark <= 5; mark++) { /* those that waited learn of it */
        assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_ICMP_ERROR);
        assert_int_equal(h->in.icmp.seq.v, mark);
        assert_int_equal(h->in.icmp.kind, LA_NET_ICMP_HOST_UNREACHABLE);
    }
    assert_int_equal(la_net_local_next(h->net, &frame, &h->in, h->now), LA_NET_IDLE);
}

/* One octet of the message is another, it has n of them, and its checksum is right. */
static void
ndp_change(struct pkt *p, size_t off, uint8_t value, size_t n)
{
    struct la_addr src = la_addr_from_v6(p->b + 8), dst = la_addr_from_v6(p->b + 24);
    p->b[40 + off] = value;
    p->n = 40 + n;
    la_put16(p->b + 4, (uint16_t)n);
    la_put16(p->b + 42, 0);
    put_sum(p->b + 42, test_sum(pseudo(&src, &dst, 58, n), p->b + 40, n));
    pkt_eth(p, MAC_US, MAC_PEER, 0x86dd);
}

/* LEDGER: RFC4861-1 */
static void
test_ndp__what_is_not_believed(void **state)
{
    struct host *h = *state;
    struct pkt good, p;
    pkt_ndp(&good, 135, 0, "fe80::7", "fe80::1", "fe80::1");
    pkt_eth(&good, MAC_US, MAC_PEER, 0x86dd);
    p = good;
    p.b[14 + 7] = 254; /* it was forwarded */
    expect_drop(h, 1, &p, LA_REASON_ICMP_MALFORMED);
    p = good;
    p.b[14 + 42] ^= 1;
    expect_drop(h, 1, &p, LA_REASON_ICMP_CHECKSUM);
    static const struct {
        size_t off;
        uint8_t value;
    } wrong[] = {{1, 7}, {25, 0}, {25, 2}}; /* a code; an option of length 0, or past the end */
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        pkt_ndp(&p, 135, 0, "fe80::7", "fe80::1", "fe80::1");
        ndp_change(&p, wrong[i].off, wrong[i].value, 32);
        expect_drop(h, 1, &p, LA_REASON_ICMP_MALFORMED);
    }
    pkt_ndp(&p, 135, 0, "fe80::7", "fe80::1", "fe80::1");
    ndp_change(&p, 0, 135, 23); /* one octet less than a target needs */
    expect_drop(h, 1, &p, LA_REASON_ICMP_MALFORMED);
    pkt_ndp(&p, 135, 0, "fe80::7", "fe80::1", "fe80::2");
    pkt_eth(&p, MAC_US, MAC_PEER, 0x86dd);
    expect_drop(h, 1, &p, LA_REASON_ICMP_IGNORED);
    pkt_ndp(&p, 135, 0, "fe80::7", "fe80::1", "ff02::1");
    pkt_eth(&p, MAC_US, MAC_PEER, 0x86dd);
    expect_drop(h, 1, &p, LA_REASON_ICMP_MALFORMED);
    pkt_ndp(&p, 135, 0, "::", "ff02::1:ff00:1", "fe80::1"); /* with an option */
    pkt_eth(&p, MAC_US, MAC_PEER, 0x86dd);
    expect_drop(h, 1, &p, LA_REASON_ICMP_MALFORMED);
    pkt_ndp(&p, 136, 0x40, "fe80::7", "ff02::1", "fe80::7"); /* solicited, to all */
    pkt_eth(&p, MAC_US, MAC_PEER, 0x86dd);
    expect_drop(h, 1, &p, LA_REASON_ICMP_MALFORMED);
    pkt_ndp(&p, 135, 0, "2001:db8::7", "2001:db8::1", "2001:db8::1");
    expect_drop(h, 0, &p, LA_REASON_ICMP_IGNORED); /* no neighbours on a point-to-point link */
    expect_silence(h);
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, host_setup, host_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(arp__request_for_us_is_answered),
        T(arp__probe_is_answered_and_not_remembered),
        T(arp__requests_for_others_are_not_answered),
        T(arp__malformed),
        T(arp__packets_wait_for_the_answer),
        T(arp__gateway_is_asked_for),
        T(arp__three_requests_then_failure),
        T(arp__known_for_30_s_then_confirmed_in_passing),
        cmocka_unit_test_setup_teardown(test_arp__known_for_as_long_as_configured, setup_5_s,
                                        host_teardown),
        T(arp__a_doubted_neighbour_is_asked_again),
        T(arp__link_local_packets_are_not_sent_to_a_gateway),
        T(arp__unsolicited_news_only_for_known_neighbours),
        T(arp__the_cache_is_bounded),
        T(arp__the_least_recently_used_makes_room),
        T(ndp__solicitation_is_answered),
        T(ndp__duplicate_address_detection_is_answered),
        T(ndp__resolution),
        T(ndp__failure),
        T(ndp__what_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
