/* SPDX-License-Identifier: MIT
 *
 * test_listeners.c - which listener takes a SYN, its two queues and their limits, its end
 *
 * Read first: RFC 9293 3.9.1.1 (MUST-41 to MUST-43), 3.10.7.2; RFC 4987 2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

static struct peer p;
static const struct peer_cfg plain;

static la_handle
listen_at(struct la_addr addr, uint16_t port, uint32_t backlog)
{
    la_handle listener;
    struct la_endpoint at = {addr, port};
    assert_int_equal(la_listener_open(p.stack, &at, backlog, NULL, &listener, p.now), LA_OK);
    return listener;
}

static la_err
listen_err(struct la_addr addr, uint16_t port)
{
    la_handle listener = 1;
    struct la_endpoint at = {addr, port};
    la_err err = la_listener_open(p.stack, &at, 1, NULL, &listener, p.now);
    assert_true(err == LA_OK || listener == 0);
    return err;
}

static struct la_listener_status
status_of(la_handle listener)
{
    struct la_listener_status status;
    assert_int_equal(la_listener_status(p.stack, listener, &status), LA_OK);
    return status;
}

/* The peer's ports follow each other, so that each SYN is another connection. */
static void
syn_from(uint16_t port)
{
    p.addr.port = port;
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
}

/* A whole handshake; true when the third segment was not refused in silence. */
static void
connect_from(uint16_t port)
{
    syn_from(port);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
}

/* ---- which one -------------------------------------------------------------------------- */

static void
test_listeners__the_most_exact_one(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    struct la_addr any = {{0}}, any_v4 = la_addr_v4(0, 0, 0, 0);
    la_handle all = listen_at(any, PEER_HOST_PORT, 4);
    connect_from(5000);
    assert_int_equal(status_of(all).accept_queue_n, 1); /* :: takes both families */
    la_handle v4 = listen_at(any_v4, PEER_HOST_PORT, 4);
    connect_from(5001);
    assert_int_equal(status_of(v4).accept_queue_n, 1);
    la_handle exact = listen_at(p.host.addr, PEER_HOST_PORT, 4);
    connect_from(5002);
    assert_int_equal(status_of(exact).accept_queue_n, 1);
    assert_int_equal(status_of(all).accept_queue_n, 1);
    assert_int_equal(status_of(v4).accept_queue_n, 1);
    assert_int_equal(listen_err(any, PEER_HOST_PORT), LA_ERR_ADDRESS_IN_USE);
    assert_int_equal(listen_err(any_v4, PEER_HOST_PORT), LA_ERR_ADDRESS_IN_USE);
    assert_int_equal(listen_err(p.host.addr, PEER_HOST_PORT), LA_ERR_ADDRESS_IN_USE);
    assert_int_equal(listen_err(la_addr_v4(10, 0, 0, 9), PEER_HOST_PORT),
                     LA_ERR_ADDRESS_NOT_AVAILABLE);
    assert_int_equal(la_listener_close(p.stack, exact, p.now), LA_OK);
    peer_forget(&p);
    connect_from(5003);
    assert_int_equal(status_of(v4).accept_queue_n, 2);
    peer_free(&p);

    peer_new(&p, &(struct peer_cfg){.ipv6 = true});
    v4 = listen_at(any_v4, PEER_HOST_PORT, 4);
    syn_from(5000); /* 0.0.0.0 takes no IPv6 */
    peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
    all = listen_at(any, PEER_HOST_PORT, 4);
    connect_from(5001);
    assert_int_equal(status_of(all).accept_queue_n, 1);
    peer_free(&p);
}

/* Several at one address and port: even shares, also when one of them ends. */
static void
test_listeners__shared(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    enum { N = 3, PEERS = 300 };
    la_handle listener[N], other;
    struct la_listener_cfg cfg = {.local = p.host, .backlog = PEERS, .shared = true};
    for (int i = 0; i < N; i++)
        assert_int_equal(la_listener_open_cfg(p.stack, &cfg, &listener[i], p.now), LA_OK);
    assert_int_equal(listen_err(p.host.addr, p.host.port), LA_ERR_ADDRESS_IN_USE);
    for (uint16_t i = 0; i < PEERS; i++)
        connect_from((uint16_t)(5000 + i));
    uint32_t before[N];
    for (int i = 0; i < N; i++) {
        before[i] = status_of(listener[i]).accept_queue_n;
        assert_in_range(before[i], PEERS / N / 2, PEERS);
    }
    assert_int_equal(la_listener_close(p.stack, listener[1], p.now), LA_OK);
    peer_forget(&p);
    for (uint16_t i = 0; i < 20; i++)
        connect_from((uint16_t)(7000 + i));
    assert_int_equal(status_of(listener[0]).accept_queue_n + status_of(listener[2]).accept_queue_n,
                     before[0] + before[2] + 20);
    cfg.shared = false;
    assert_int_equal(la_listener_open_cfg(p.stack, &cfg, &other, p.now), LA_ERR_ADDRESS_IN_USE);
    peer_free(&p);
}

static void
test_listeners__v6only(void **state)
{
    (void)state;
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        peer_new(&p, &(struct peer_cfg){.ipv6 = ipv6 == 1});
        la_handle listener;
        struct la_listener_cfg cfg = {.local.port = PEER_HOST_PORT, .backlog = 4, .v6only = true};
        assert_int_equal(la_listener_open_cfg(p.stack, &cfg, &listener, p.now), LA_OK);
        syn_from(5000);
        peer_expect(&p, ipv6 == 1 ? LA_TCP_SYN | LA_TCP_ACK : LA_TCP_RST | LA_TCP_ACK);
        peer_free(&p);
    }
}

/* MUST-42: many connections with one local port; MUST-41: a listener ends none of them. */
static void
test_listeners__one_port_many_connections(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 64), conn[50];
    for (uint16_t i = 0; i < 50; i++) {
        connect_from((uint16_t)(6000 + i));
        assert_int_equal(la_listener_accept(p.stack, listener, &conn[i], p.now), LA_OK);
        assert_int_equal(peer_status(&p, conn[i]).remote.port, 6000 + i);
        assert_true(peer_status(&p, conn[i]).passive);
    }
    assert_int_equal(status_of(listener).accepted_n, 50);
    assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
    for (uint16_t i = 0; i < 50; i++)
        assert_int_equal(peer_status(&p, conn[i]).state, LA_TCP_ESTABLISHED);
    peer_expect_none(&p);
    syn_from(7000);
    peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
    peer_free(&p);
}

static void
test_listeners__a_port_of_its_own(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle first = listen_at(p.host.addr, 0, 1), second = listen_at(p.host.addr, 0, 1);
    uint16_t a = status_of(first).local.port, b = status_of(second).local.port;
    assert_in_range(a, 49152, 65535);
    assert_in_range(b, 49152, 65535);
    assert_int_not_equal(a, b);
    peer_free(&p);
}

/* ---- queues ----------------------------------------------------------------------------- */

static void
small_queues(struct la_stack_cfg *cfg)
{
    cfg->syn_queue_n_max = 3;
    cfg->accept_queue_n_max = 5;
    cfg->syn_cookies = LA_SYN_COOKIES_NEVER;
}

static void
test_listeners__backlog_is_clamped(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = small_queues});
    la_handle listener = peer_listen(&p, 0);
    assert_int_equal(status_of(listener).backlog_n, 1);
    static const uint32_t asked[] = {1, 5, 6, UINT32_MAX};
    static const uint32_t got[] = {1, 5, 5, 5};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(la_listener_backlog_set(p.stack, listener, asked[i]), LA_OK);
        assert_int_equal(status_of(listener).backlog_n, got[i]);
    }
    peer_free(&p);
}

static void
test_listeners__syn_queue_is_bounded(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = small_queues});
    la_handle listener = peer_listen(&p, 5);
    la_seq iss[4];
    for (uint16_t i = 0; i < 3; i++) {
        syn_from((uint16_t)(6000 + i));
        iss[i] = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.seq;
    }
    syn_from(6003);
    assert_int_equal(p.reason, LA_REASON_SYN_QUEUE_FULL);
    peer_expect_none(&p);
    assert_int_equal(status_of(listener).syn_queue_n, 3);
    assert_int_equal(status_of(listener).syn_dropped_n, 1);
    p.addr.port = 6001; /* one is completed: there is room again */
    p.rcv_nxt = la_seq_add(iss[1], 1);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(status_of(listener).accept_queue_n, 1);
    connect_from(6003);
    assert_int_equal(status_of(listener).accept_queue_n, 2);
    p.addr.port = 6000; /* and one is reset */
    p.snd_nxt = la_seq_of(p.iss + 1);
    peer_send(&p, LA_TCP_RST, NULL, 0);
    assert_int_equal(status_of(listener).syn_queue_n, 1);
    peer_free(&p);
}

static void
test_listeners__accept_queue_is_bounded(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = small_queues});
    la_handle listener = peer_listen(&p, 2), conn;
    syn_from(6000);
    la_seq iss = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.seq;
    connect_from(6001);
    connect_from(6002);
    assert_int_equal(status_of(listener).accept_queue_n, 2);
    syn_from(6003);
    assert_int_equal(p.reason, LA_REASON_ACCEPT_QUEUE_FULL);
    peer_expect_none(&p);
    /* The third segment of a handshake that began before counts as lost: no connection without
     * room, and no RST. */
    p.addr.port = 6000;
    p.rcv_nxt = la_seq_add(iss, 1);
    peer_send(&p, LA_TCP_ACK, "data", 4);
    assert_int_equal(p.reason, LA_REASON_ACCEPT_QUEUE_FULL);
    peer_expect_none(&p);
    assert_int_equal(status_of(listener).syn_queue_n, 1);
    assert_int_equal(status_of(listener).accept_dropped_n, 1);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(peer_status(&p, conn).remote.port, 6001); /* first come */
    assert_true(peer_run_until_sent(&p, 2 * LA_US_PER_S));     /* the SYN,ACK again */
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    p.addr.port = 6000;
    p.snd_nxt = la_seq_sub(p.snd_nxt, 4);
    peer_send(&p, LA_TCP_ACK, "data", 4);
    assert_int_equal(status_of(listener).accept_queue_n, 2);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(peer_status(&p, conn).remote.port, 6000);
    peer_user_read(&p, conn, 4);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_ERR_AGAIN);
    assert_int_equal(conn, 0);
    peer_free(&p);
}

/* As tcp_abort_on_overflow has it: the client is told, and does not try again. */
static void
test_listeners__overflow_may_reset(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = small_queues});
    la_handle listener = peer_listen(&p, 1);
    assert_int_equal(la_stack_setting_set(p.stack, LA_SETTING_ABORT_ON_OVERFLOW, 1), LA_OK);
    syn_from(6000);
    la_seq iss = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.seq;
    connect_from(6001);
    p.addr.port = 6000;
    p.rcv_nxt = la_seq_add(iss, 1);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
    assert_int_equal(p.reason, LA_REASON_ACCEPT_QUEUE_FULL);
    assert_int_equal(status_of(listener).syn_queue_n, 0);
    assert_int_equal(status_of(listener).accept_dropped_n, 1);
    peer_free(&p);
}

/* LEDGER: RFC4987-1 */
static void
test_listeners__settings(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = small_queues});
    la_handle listener = peer_listen(&p, 100);
    static const struct {
        enum la_setting setting;
        int64_t was, good, bad;
    } all[] = {{LA_SETTING_SOMAXCONN, 5, 9, 0},
               {LA_SETTING_MAX_SYN_BACKLOG, 3, 1, -1},
               {LA_SETTING_SYN_COOKIES, LA_SYN_COOKIES_NEVER, LA_SYN_COOKIES_NEVER, 3},
               {LA_SETTING_ABORT_ON_OVERFLOW, 0, 1, 2},
               {LA_SETTING_SLOW_START_AFTER_IDLE, 1, 0, 2},
               {LA_SETTING_RMEM_MIN, 4096, 8192, 4095},
               {LA_SETTING_RMEM_DEFAULT, 262144, 131072, 8191},
               {LA_SETTING_RMEM_MAX, 0xffff << 8, 131072, 131071},
               {LA_SETTING_WMEM_MIN, 4096, 16384, 262145},
               {LA_SETTING_WMEM_DEFAULT, 262144, 0xffff << 8, 16383},
               {LA_SETTING_WMEM_MAX, 0xffff << 8, 1 << 30, (1 << 30) + 1}};
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        int64_t value;
        assert_int_equal(la_stack_setting_get(p.stack, all[i].setting, &value), LA_OK);
        assert_int_equal(value, all[i].was);
        assert_int_equal(la_stack_setting_set(p.stack, all[i].setting, all[i].bad),
                         LA_ERR_BAD_ARGUMENT);
        assert_int_equal(la_stack_setting_set(p.stack, all[i].setting, all[i].good), LA_OK);
        assert_int_equal(la_stack_setting_get(p.stack, all[i].setting, &value), LA_OK);
        assert_int_equal(value, all[i].good);
    }
    assert_int_equal(la_stack_setting_set(p.stack, (enum la_setting)99, 1), LA_ERR_NO_SUCH_OPTION);
    assert_int_equal(status_of(listener).backlog_n, 5); /* listen() has said it before */
    assert_int_equal(la_listener_backlog_set(p.stack, listener, 100), LA_OK);
    assert_int_equal(status_of(listener).backlog_n, 9);
    syn_from(6000);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    syn_from(6001);
    assert_int_equal(p.reason, LA_REASON_SYN_QUEUE_FULL);
    peer_free(&p);
}

/* A connection that ended while it waited is still handed out: its octets, or its error, count. */
static void
test_listeners__ended_in_the_queue(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4), conn;
    connect_from(6000);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, "bye", 3);
    connect_from(6001);
    peer_send(&p, LA_TCP_RST, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_CLOSE_WAIT);
    peer_user_read(&p, conn, 3);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_CONNECTION_RESET);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

static void
test_listeners__close_resets_what_nobody_took(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4);
    syn_from(6000);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    connect_from(6001);
    assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
    peer_collect(&p);
    uint16_t ports = 0;
    for (unsigned i = 0; i < 2; i++)
        ports = (uint16_t)(ports + peer_expect(&p, LA_TCP_RST | LA_TCP_ACK)->tcp.dst_port);
    assert_int_equal(ports, 6000 + 6001);
    peer_expect_none(&p);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    struct la_stack_event ev; /* nor is anything left to be told */
    assert_false(la_stack_next_event(p.stack, &ev));
    assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_ERR_BAD_HANDLE);
    peer_free(&p);
}

static void
test_listeners__events(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4), conn;
    assert_int_equal(la_listener_user_set(p.stack, listener, 77), LA_OK);
    struct la_stack_event ev;
    connect_from(6000);
    connect_from(6001);
    assert_true(la_stack_next_event(p.stack, &ev));
    assert_int_equal(ev.kind, LA_STACK_EV_LISTENER);
    assert_int_equal(ev.handle, listener);
    assert_int_equal(ev.user, 77);
    assert_int_equal(ev.ready, LA_READY_READ);
    assert_false(la_stack_next_event(p.stack, &ev)); /* one for both: until AGAIN */
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_ERR_AGAIN);
    connect_from(6002);
    unsigned listeners_n = 0;
    while (la_stack_next_event(p.stack, &ev))
        listeners_n += ev.kind == LA_STACK_EV_LISTENER;
    assert_int_equal(listeners_n, 1);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listeners__the_most_exact_one),
        cmocka_unit_test(test_listeners__shared),
        cmocka_unit_test(test_listeners__v6only),
        cmocka_unit_test(test_listeners__one_port_many_connections),
        cmocka_unit_test(test_listeners__a_port_of_its_own),
        cmocka_unit_test(test_listeners__backlog_is_clamped),
        cmocka_unit_test(test_listeners__syn_queue_is_bounded),
        cmocka_unit_test(test_listeners__accept_queue_is_bounded),
        cmocka_unit_test(test_listeners__overflow_may_reset),
        cmocka_unit_test(test_listeners__settings),
        cmocka_unit_test(test_listeners__ended_in_the_queue),
        cmocka_unit_test(test_listeners__close_resets_what_nobody_took),
        cmocka_unit_test(test_listeners__events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
