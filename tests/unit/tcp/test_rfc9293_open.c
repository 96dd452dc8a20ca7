/* SPDX-License-Identifier: MIT
 *
 * test_rfc9293_open.c - initial sequence numbers, OPEN and addresses
 *
 * Read first: RFC 9293 3.4.1, 3.9.1.1 and 3.10.1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/time.h"
#include "peer.h"

static struct peer p;
static const struct peer_cfg plain;
static const struct la_endpoint any;
static uint64_t seed;

static void
with_seed(struct la_stack_cfg *cfg)
{
    cfg->seed[0] = seed;
}

/* The ISS of a connection from this port to the peer's `remote_port`, which is then forgotten. */
static la_seq
iss_of(uint16_t port, uint16_t remote_port)
{
    la_handle conn;
    struct la_endpoint local = any, remote = p.addr;
    local.port = port;
    remote.port = remote_port;
    assert_int_equal(la_conn_open(p.stack, &local, &remote, NULL, &conn, p.now), LA_OK);
    peer_collect(&p);
    la_seq iss = peer_expect(&p, LA_TCP_SYN)->tcp.seq;
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    return iss;
}

/* LEDGER: MUST-8, SHLD-1, RFC6528-1, RFC6528-4 */
static void
test_isn__follows_the_clock(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_seq first = iss_of(1000, 80);
    assert_int_equal(la_seq_diff(iss_of(1000, 80), first), 0);
    peer_run_us(&p, 40);
    assert_int_equal(la_seq_diff(iss_of(1000, 80), first), 10);
    peer_run_us(&p, 4 * LA_US_PER_S);
    assert_int_equal(la_seq_diff(iss_of(1000, 80), first), 1000010);
    peer_free(&p);
}

/* Neighbouring tuples, and the same tuple with another secret, tell nothing of each other. */
/* LEDGER: MUST-9, SHLD-1, RFC6528-2, RFC6528-3 */
static void
test_isn__is_keyed(void **state)
{
    (void)state;
    enum { SEEDS = 16, PORTS = 16 };
    static uint32_t seen[SEEDS * PORTS];
    size_t n = 0, near_n = 0;
    for (seed = 1; seed <= SEEDS; seed++) {
        peer_new(&p, &(struct peer_cfg){.stack = with_seed});
        for (uint16_t i = 0; i < PORTS; i++)
            seen[n++] = iss_of((uint16_t)(1000 + i / 4), (uint16_t)(80 + i % 4)).v;
        peer_free(&p);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++) {
            int32_t off = (int32_t)(seen[i] - seen[k]);
            near_n += off > -(1 << 16) && off < 1 << 16;
        }
    /* 32,640 pairs, of which 1 in 32,768 is near by chance. */
    assert_true(near_n <= 8);
}

/* LEDGER: FSM-OPEN-1, MUST-41 */
static void
test_open__passive_leaves_others_alone(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4), again;
    la_handle conn = peer_connect(&p, listener, &peer_plain);
    struct la_endpoint at = {p.host.addr, PEER_HOST_PORT};
    assert_int_equal(la_listener_open(p.stack, &at, 4, NULL, &again, p.now), LA_ERR_ADDRESS_IN_USE);
    struct la_listener_status status;
    assert_int_equal(la_listener_status(p.stack, listener, &status), LA_OK);
    assert_int_equal(status.accepted_n, 1);
    /* A new one at the same port, while the connection lives. */
    assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
    assert_int_equal(la_listener_open(p.stack, &at, 4, NULL, &again, p.now), LA_OK);
    assert_int_not_equal(again, listener);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
    peer_send(&p, LA_TCP_ACK, "x", 1);
    peer_user_read(&p, conn, 1);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* LEDGER: MUST-42 */
static void
test_open__passive_beside_half_open(void **state)
{
    (void)state;
    for (unsigned crossed = 0; crossed < 2; crossed++) {
        la_handle conn, listener;
        peer_new(&p, &plain);
        struct la_endpoint local = {p.host.addr, PEER_HOST_PORT};
        assert_int_equal(la_conn_open(p.stack, &local, &p.addr, NULL, &conn, p.now), LA_OK);
        peer_forget(&p);
        if (crossed != 0)
            peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
        peer_forget(&p);
        assert_int_equal(peer_status(&p, conn).state,
                         crossed != 0 ? LA_TCP_SYN_RECEIVED_ACTIVE : LA_TCP_SYN_SENT);
        assert_int_equal(la_listener_open(p.stack, &local, 4, NULL, &listener, p.now), LA_OK);
        p.addr.port++; /* another client is served */
        struct la_tcp_seg syn = peer_usual(&p, LA_TCP_SYN);
        peer_say(&p, &syn, NULL, 0);
        assert_true(
            la_seq_eq(peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.ack, la_seq_add(syn.seq, 1)));
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_free(&p);
    }
}

static la_err
try_open(const char *what, struct la_endpoint local, struct la_endpoint remote)
{
    la_handle conn;
    la_err err = la_conn_open(p.stack, &local, &remote, NULL, &conn, p.now);
    if (err == LA_OK)
        fail_msg("%s was accepted", what);
    peer_expect_none(&p);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    return err;
}

/* LEDGER: MUST-46, FSM-OPEN-2 */
static void
test_open__remote_must_be_one_host(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    struct la_addr v6 = {{0xff, 0x02}};
    v6.b[15] = 1;
    const struct {
        const char *what;
        struct la_endpoint remote;
    } cases[] = {
        {"no remote socket", {{{0}}, 0}},
        {"no address", {la_addr_v4(0, 0, 0, 0), 80}},
        {"port 0", {la_addr_v4(10, 0, 0, 2), 0}},
        {"limited broadcast", {la_addr_v4(255, 255, 255, 255), 80}},
        {"directed broadcast", {la_addr_v4(10, 0, 0, 255), 80}},
        {"multicast", {la_addr_v4(224, 0, 0, 1), 80}},
        {"multicast", {la_addr_v4(239, 255, 255, 255), 80}},
        {"IPv6 multicast", {v6, 80}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(try_open(cases[i].what, any, cases[i].remote), LA_ERR_BAD_ARGUMENT);
    struct la_endpoint foreign = {la_addr_v4(10, 0, 0, 77), 0};
    assert_int_equal(try_open("foreign local address", foreign, p.addr),
                     LA_ERR_ADDRESS_NOT_AVAILABLE);
    peer_free(&p);
}

/* LEDGER: FSM-OPEN-4 */
static void
test_open__a_second_time(void **state)
{
    (void)state;
    static const enum la_tcp_state states[] = {
        LA_TCP_SYN_SENT,   LA_TCP_SYN_RECEIVED_ACTIVE, LA_TCP_ESTABLISHED, LA_TCP_FIN_WAIT_1,
        LA_TCP_FIN_WAIT_2, LA_TCP_CLOSE_WAIT,          LA_TCP_CLOSING,     LA_TCP_LAST_ACK,
        LA_TCP_TIME_WAIT,
    };
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        peer_new(&p, &plain);
        la_handle conn = peer_to(&p, states[i]), again;
        struct la_conn_status status = peer_status(&p, conn);
        assert_int_equal(la_conn_open(p.stack, &status.local, &status.remote, NULL, &again, p.now),
                         LA_ERR_ADDRESS_IN_USE);
        assert_int_equal(peer_status(&p, conn).state, states[i]);
        peer_expect_none(&p);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_forget(&p);
        peer_free(&p);
    }
}

/* Data both ways and the close: all from one address. */
static void
talk_from(la_handle conn, struct la_addr src)
{
    struct la_addr remote = p.addr.addr;
    const struct peer_seg *seg;
    peer_send(&p, LA_TCP_ACK, NULL, 2000);
    peer_user_send(&p, conn, 2000);
    peer_run_us(&p, 10 * LA_US_PER_S); /* and what is sent again */
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    unsigned n = 0;
    for (; (seg = peer_take(&p)) != NULL; n++) {
        assert_true(la_addr_equal(&seg->src, &src));
        assert_true(la_addr_equal(&seg->dst, &remote));
    }
    assert_true(n > 4);
}

/* LEDGER: MUST-43, MUST-44, MUST-45, RFC1122-I6, RFC1122-R6 */
static void
test_open__local_address(void **state)
{
    (void)state;
    const struct la_addr first = la_addr_v4(10, 0, 0, 1), second = la_addr_v4(10, 0, 0, 9);
    for (unsigned i = 0; i < 4; i++) {
        la_handle conn, listener = 0;
        peer_new(&p, &plain);
        assert_int_equal(la_stack_addr_add(p.stack, p.iface, &second, 24), LA_OK);
        struct la_addr want = i == 0 || i == 2 ? first : second;
        struct la_endpoint local = {want, 0};
        if (i < 2) { /* active: chosen by the route, or named */
            assert_int_equal(
                la_conn_open(p.stack, i == 0 ? &any : &local, &p.addr, NULL, &conn, p.now), LA_OK);
            peer_collect(&p);
            struct la_conn_status status = peer_status(&p, conn);
            assert_true(la_addr_equal(&status.local.addr, &want));
            p.host = status.local;
            assert_true(la_addr_equal(&peer_expect(&p, LA_TCP_SYN)->src, &want));
            peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
        } else { /* passive: at one address only, or at all; answered from the one called */
            local = (struct la_endpoint){i == 2 ? first : any.addr, PEER_HOST_PORT};
            assert_int_equal(la_listener_open(p.stack, &local, 4, NULL, &listener, p.now), LA_OK);
            if (i == 2) {
                p.host.addr = second;
                peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
                peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
            }
            p.host.addr = want;
            conn = peer_connect(&p, listener, &peer_plain);
        }
        talk_from(conn, want);
        peer_free(&p);
    }
}

/* RFC 1122 3.2.1.3 (g): an address of 127/8 must not be seen outside the host. */
/* LEDGER: RFC1122-I9 */
static void
test_open__loopback_stays_inside(void **state)
{
    (void)state;
    la_handle conn;
    struct la_endpoint local = {la_addr_v4(127, 0, 0, 1), 0};
    peer_new(&p, &plain);
    assert_int_equal(la_conn_open(p.stack, &local, &p.addr, NULL, &conn, p.now),
                     LA_ERR_ADDRESS_NOT_AVAILABLE);
    peer_collect(&p);
    peer_expect_none(&p);
    struct la_endpoint inside = {la_addr_v4(127, 0, 0, 2), 80};
    assert_int_equal(la_conn_open(p.stack, &local, &inside, NULL, &conn, p.now), LA_OK);
    peer_collect(&p);
    peer_expect_none(&p);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isn__follows_the_clock),
        cmocka_unit_test(test_isn__is_keyed),
        cmocka_unit_test(test_open__passive_leaves_others_alone),
        cmocka_unit_test(test_open__passive_beside_half_open),
        cmocka_unit_test(test_open__remote_must_be_one_host),
        cmocka_unit_test(test_open__a_second_time),
        cmocka_unit_test(test_open__local_address),
        cmocka_unit_test(test_open__loopback_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
