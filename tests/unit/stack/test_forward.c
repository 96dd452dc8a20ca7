/* SPDX-License-Identifier: MIT
 *
 * test_forward.c - any address, any port: requests and their answers
 *
 * Read first: the forwarder in lastack/stack.h; RFC 9293 3.10.7.2; RFC 792, RFC 1122 3.2.2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/time.h"
#include "peer.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"

static struct peer p;

static void
two_requests(struct la_stack_cfg *cfg)
{
    cfg->requests_n_max = 2;
    cfg->tcp.delayed_ack_us = 0;
}

static void
begin(void)
{
    peer_new(&p, &(struct peer_cfg){.any_address = true, .stack = two_requests});
    p.host.addr = la_addr_v4(93, 184, 216, 34);
    p.host.port = 443;
}

static bool
next_event(struct la_stack_event *ev)
{
    return la_stack_next_event(p.stack, ev);
}

/* The request that is announced next; asserts that there is one. */
static la_handle
announced(void)
{
    struct la_stack_event ev;
    assert_true(next_event(&ev));
    assert_int_equal(ev.kind, LA_STACK_EV_REQUEST);
    return ev.handle;
}

static void
is_dead(la_handle request)
{
    struct la_forward_request about;
    la_handle conn;
    assert_int_equal(la_forward_request(p.stack, request, &about), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_forward_accept(p.stack, request, NULL, &conn, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_forward_reject(p.stack, request, LA_FORWARD_RESET, p.now),
                     LA_ERR_BAD_HANDLE);
}

/* A request is met by its own walk alone, and by none when it is answered. */
static void
test_forward__walk(void **state)
{
    (void)state;
    begin();
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    la_handle request = announced(), conn, h;
    uint32_t cursor = 0;
    while (la_conn_next(p.stack, &cursor, &h))
        assert_int_equal(h, 0);
    cursor = 0;
    assert_true(la_forward_next(p.stack, &cursor, &h));
    assert_int_equal(h, request);
    assert_int_equal(la_forward_accept(p.stack, request, NULL, &conn, p.now), LA_OK);
    cursor = 0;
    while (la_forward_next(p.stack, &cursor, &h))
        assert_int_equal(h, 0);
    cursor = 0;
    assert_true(la_conn_next(p.stack, &cursor, &h));
    assert_int_equal(h, conn);
    peer_forget(&p);
    peer_free(&p);
}

static void
test_forward__accept(void **state)
{
    (void)state;
    begin();
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_expect_none(&p); /* nothing is promised yet */
    la_handle request = announced(), conn;
    struct la_forward_request about;
    assert_int_equal(la_forward_request(p.stack, request, &about), LA_OK);
    assert_true(la_addr_equal(&about.local.addr, &p.host.addr));
    assert_int_equal(about.local.port, 443);
    assert_true(la_addr_equal(&about.remote.addr, &p.addr.addr));
    assert_int_equal(about.remote.port, PEER_PORT);
    for (unsigned i = 0; i < 5; i++) { /* repeated SYNs are absorbed */
        peer_run_us(&p, LA_US_PER_S);
        peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
        struct la_stack_event ev;
        assert_false(next_event(&ev));
        peer_expect_none(&p);
    }
    assert_int_equal(la_forward_accept(p.stack, request, NULL, &conn, p.now), LA_OK);
    is_dead(request);
    peer_collect(&p);
    const struct peer_seg *answer = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    assert_true(la_seq_eq(answer->tcp.ack, p.snd_nxt));
    assert_int_equal(answer->tcp.src_port, 443);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_SYN_RECEIVED);
    assert_int_equal(peer_ready(&p, conn) & LA_READY_OPEN, 0);
    peer_user_send(&p, conn, 3); /* queued until it is up */
    peer_send(&p, LA_TCP_ACK, "abc", 3);
    assert_int_not_equal(peer_ready(&p, conn) & LA_READY_OPEN, 0);
    peer_user_read(&p, conn, 3);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.text_bytes, 3);
    peer_forget(&p);
    peer_free(&p);
}

/* The configuration of the connection is the one that accept() was given. */
static void
test_forward__accept_with_a_configuration(void **state)
{
    (void)state;
    begin();
    peer_say_syn(&p, LA_TCP_SYN, &(struct peer_options){.mss = 1460, .wscale = 7});
    la_handle request = announced(), conn;
    struct la_tcp_cfg cfg = *la_stack_tcp_cfg(p.stack);
    cfg.sndbuf_bytes = 10000;
    cfg.rcvbuf_bytes = 4 << 20;
    cfg.nagle = false;
    cfg.keepalive = true;
    cfg.keepalive_idle_s = 11;
    cfg.keepalive_interval_s = 12;
    cfg.keepalive_probes_n = 13;
    cfg.ttl_hops = 33;
    cfg.dscp_ecn = 0x20;
    cfg.user_timeout_ms = 1234;
    cfg.r2_n = 9;
    cfg.mss_bytes_max = 1000;
    assert_int_equal(la_forward_accept(p.stack, request, &cfg, &conn, p.now), LA_OK);
    peer_collect(&p);
    const struct peer_seg *answer = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    assert_int_equal(answer->ttl_hops, 33);
    assert_int_equal(answer->dscp_ecn, 0x20);
    assert_int_equal(answer->tcp.mss, 1000);
    assert_int_equal(answer->tcp.wscale, 7); /* 4 MiB */
    static const struct {
        enum la_conn_option option;
        int64_t value;
    } options[] = {
        {LA_OPT_NAGLE, 0},
        {LA_OPT_KEEPALIVE, 1},
        {LA_OPT_KEEPALIVE_IDLE_S, 11},
        {LA_OPT_KEEPALIVE_INTERVAL_S, 12},
        {LA_OPT_KEEPALIVE_PROBES_N, 13},
        {LA_OPT_SNDBUF_BYTES, 10000},
        {LA_OPT_RCVBUF_BYTES, 4 << 20},
        {LA_OPT_USER_TIMEOUT_MS, 1234},
        {LA_OPT_R2_N, 9},
        {LA_OPT_TTL_HOPS, 33},
        {LA_OPT_DSCP_ECN, 0x20},
        {LA_OPT_MSS_MAX, 1000},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        int64_t value;
        assert_int_equal(la_conn_option_get(p.stack, conn, options[i].option, &value), LA_OK);
        assert_int_equal(value, options[i].value);
    }
    cfg.rcvbuf_bytes = 1; /* what is out of range is refused, and the request stays */
    p.addr.port++;
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    request = announced();
    assert_int_equal(la_forward_accept(p.stack, request, &cfg, &conn, p.now), LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_forward_accept(p.stack, request, NULL, &conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

static void
test_forward__reset_cancels(void **state)
{
    (void)state;
    begin();
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    la_handle request = announced();
    struct la_tcp_seg rst = peer_usual(&p, LA_TCP_RST);
    rst.seq = la_seq_add(rst.seq, 1); /* not exactly there: no */
    peer_say(&p, &rst, NULL, 0);
    struct la_stack_event ev;
    assert_false(next_event(&ev));
    peer_send(&p, LA_TCP_RST, NULL, 0);
    is_dead(request); /* before it was told, too */
    assert_true(next_event(&ev));
    assert_int_equal(ev.kind, LA_STACK_EV_REQUEST_GONE);
    assert_int_equal(ev.handle, request);
    is_dead(request);
    assert_false(next_event(&ev));
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    /* Cancelled before it was announced: the application never hears of it. */
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_send(&p, LA_TCP_RST, NULL, 0);
    assert_false(next_event(&ev));
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_expect_none(&p);
    peer_free(&p);
}

static void
test_forward__limit_and_time(void **state)
{
    (void)state;
    begin();
    la_handle request[3];
    for (uint16_t i = 0; i < 3; i++) {
        p.addr.port = (uint16_t)(6000 + i);
        peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
        if (i < 2)
            request[i] = announced();
    }
    struct la_stack_event ev;
    assert_int_equal(p.reason, LA_REASON_SYN_QUEUE_FULL);
    assert_false(next_event(&ev));
    assert_int_equal(la_forward_reject(p.stack, request[0], LA_FORWARD_SILENCE, p.now), LA_OK);
    peer_expect_none(&p);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain); /* comes again, and there is room */
    request[2] = announced();
    assert_true(la_stack_deadline(p.stack).ns <= p.now.ns + 200 * LA_NS_PER_S);
    peer_run_us(&p, 190 * LA_US_PER_S);
    assert_false(next_event(&ev));
    peer_run_us(&p, 20 * LA_US_PER_S); /* nobody answered */
    peer_expect_none(&p);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(next_event(&ev));
        assert_int_equal(ev.kind, LA_STACK_EV_REQUEST_GONE);
        is_dead(ev.handle);
    }
    assert_false(next_event(&ev));
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    is_dead(request[1]);
    is_dead(request[2]);
    peer_free(&p);
}

static void
test_forward__reject(void **state)
{
    (void)state;
    static const struct {
        enum la_forward_answer answer;
        int code; /* of ICMP unreachable; -1 = none */
    } cases[] = {
        {LA_FORWARD_SILENCE, -1},
        {LA_FORWARD_HOST_UNREACHABLE, LA_ICMP4_HOST},
        {LA_FORWARD_NET_UNREACHABLE, LA_ICMP4_NET},
        {LA_FORWARD_PROHIBITED, LA_ICMP4_PROHIBITED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin();
        peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
        la_handle request = announced();
        assert_int_equal(la_forward_reject(p.stack, request, cases[i].answer, p.now), LA_OK);
        is_dead(request);
        peer_expect_none(&p);
        assert_int_equal(p.icmp_n, cases[i].code >= 0 ? 1 : 0);
        if (cases[i].code >= 0) { /* RFC 792: the IP header and 8 octets of the SYN */
            assert_int_equal(p.icmp[0], LA_ICMP4_UNREACHABLE);
            assert_int_equal(p.icmp[1], cases[i].code);
            struct la_ip4_view view;
            struct la_ip4 quoted;
            assert_true(la_ip4_view_init(&view, (struct la_bytes){p.icmp + 8, p.icmp_bytes - 8}));
            la_ip4_judge(&quoted, &view);
            assert_true(la_addr_equal(&quoted.src, &p.addr.addr));
            assert_true(la_addr_equal(&quoted.dst, &p.host.addr));
            assert_int_equal(quoted.protocol, 6);
            const uint8_t *tcp = p.icmp + 8 + view.header_bytes;
            assert_true(tcp + 8 <= p.icmp + p.icmp_bytes);
            assert_int_equal(la_get16(tcp), p.addr.port);
            assert_int_equal(la_get16(tcp + 2), p.host.port);
            assert_int_equal(la_get32(tcp + 4), p.iss);
        }
        assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
        peer_free(&p);
    }
    begin();
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    assert_int_equal(la_forward_reject(p.stack, announced(), LA_FORWARD_RESET, p.now), LA_OK);
    peer_collect(&p);
    const struct peer_seg *rst = peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
    assert_int_equal(rst->tcp.seq.v, 0); /* 3.10.7.1 */
    assert_true(la_seq_eq(rst->tcp.ack, p.snd_nxt));
    peer_free(&p);
}

/* A listener takes its SYNs first; what is no SYN is answered as LISTEN answers it. */
static void
test_forward__beside_listeners(void **state)
{
    (void)state;
    begin();
    struct la_stack_event ev;
    la_handle listener, conn;
    struct la_endpoint at = {la_addr_v4(0, 0, 0, 0), 443};
    assert_int_equal(la_listener_open(p.stack, &at, 4, NULL, &listener, p.now), LA_OK);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    struct la_conn_status status = peer_status(&p, conn);
    assert_true(la_addr_equal(&status.local.addr, &p.host.addr));
    while (next_event(&ev))
        assert_int_not_equal(ev.kind, LA_STACK_EV_REQUEST);
    p.host.port = 444;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    peer_expect(&p, LA_TCP_RST);
    peer_send(&p, LA_TCP_FIN, NULL, 0);
    peer_send(&p, LA_TCP_RST, NULL, 0);
    peer_expect_none(&p);
    assert_false(next_event(&ev));
    peer_free(&p);
}

/* An active OPEN may come from any unicast address as well; elsewhere only from the host's own. */
static void
test_forward__open_from_any_address(void **state)
{
    (void)state;
    for (int any_address = 1; any_address >= 0; any_address--) {
        peer_new(&p, &(struct peer_cfg){.any_address = any_address == 1});
        la_handle conn;
        struct la_endpoint from = {la_addr_v4(93, 184, 216, 34), 5555};
        la_err err = la_conn_open(p.stack, &from, &p.addr, NULL, &conn, p.now);
        assert_int_equal(err, any_address == 1 ? LA_OK : LA_ERR_ADDRESS_NOT_AVAILABLE);
        from.addr = la_addr_v4(224, 0, 0, 1);
        la_handle none;
        assert_int_equal(la_conn_open(p.stack, &from, &p.addr, NULL, &none, p.now),
                         LA_ERR_ADDRESS_NOT_AVAILABLE);
        if (any_address == 1) {
            struct la_conn_status status = peer_status(&p, conn);
            assert_int_equal(status.local.addr.b[12], 93);
            assert_int_equal(status.local.port, 5555);
            p.host = status.local; /* what the peer answers to */
            peer_collect(&p);
            peer_expect(&p, LA_TCP_SYN);
            peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
            peer_expect(&p, LA_TCP_ACK);
            assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
        }
        peer_free(&p);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward__walk),
        cmocka_unit_test(test_forward__accept),
        cmocka_unit_test(test_forward__accept_with_a_configuration),
        cmocka_unit_test(test_forward__reset_cancels),
        cmocka_unit_test(test_forward__limit_and_time),
        cmocka_unit_test(test_forward__reject),
        cmocka_unit_test(test_forward__beside_listeners),
        cmocka_unit_test(test_forward__open_from_any_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
