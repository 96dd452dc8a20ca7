/* SPDX-License-Identifier: MIT
 *
 * test_handles.c - handles that are not what they seem, four-tuples, ports
 *
 * Read first: RFC 9293 3.9.1.1, 3.9.2.3 (MUST-45, MUST-46); RFC 6056 3.
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

/* Asserts that every call of an owner refuses `h`. */
static void
is_not_owned(la_handle h)
{
    struct la_room room;
    struct la_bytes piece;
    uint8_t octet = 0;
    size_t n;
    struct la_stack *s = p.stack;
    assert_int_equal(la_conn_send(s, h, (struct la_bytes){&octet, 1}, false, p.now),
                     LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_reserve(s, h, 1, &room), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_commit(s, h, 0, false, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_receive(s, h, (struct la_room){&octet, 1}, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_peek(s, h, &piece, 1, &n), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_consume(s, h, 0, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_close(s, h, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_close_read(s, h, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_abort(s, h, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_release(s, h, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_option_set(s, h, LA_OPT_NAGLE, 1, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_user_set(s, h, 1), LA_ERR_BAD_HANDLE);
}

/* And that it can not even be looked at. */
static void
is_no_connection(la_handle h)
{
    struct la_conn_status status;
    int64_t value;
    is_not_owned(h);
    assert_int_equal(la_conn_status(p.stack, h, &status), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_conn_option_get(p.stack, h, LA_OPT_NAGLE, &value), LA_ERR_BAD_HANDLE);
}

static void
is_no_listener(la_handle h)
{
    struct la_listener_status status;
    la_handle conn;
    assert_int_equal(la_listener_accept(p.stack, h, &conn, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(conn, 0);
    assert_int_equal(la_listener_backlog_set(p.stack, h, 1), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_listener_user_set(p.stack, h, 1), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_listener_close(p.stack, h, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_listener_status(p.stack, h, &status), LA_ERR_BAD_HANDLE);
}

static void
is_no_request(la_handle h)
{
    struct la_forward_request request;
    la_handle conn;
    assert_int_equal(la_forward_request(p.stack, h, &request), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_forward_accept(p.stack, h, NULL, &conn, p.now), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_forward_reject(p.stack, h, LA_FORWARD_RESET, p.now), LA_ERR_BAD_HANDLE);
}

static void
is_no_udp(la_handle h)
{
    uint8_t octet = 0;
    size_t n;
    struct la_udp_from from;
    struct la_endpoint local;
    assert_int_equal(la_udp_connect(p.stack, h, &p.addr), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_udp_send(p.stack, h, NULL, &p.addr, (struct la_bytes){&octet, 1}, p.now),
                     LA_ERR_BAD_HANDLE);
    assert_int_equal(la_udp_receive(p.stack, h, (struct la_room){&octet, 1}, &n, &from),
                     LA_ERR_BAD_HANDLE);
    assert_false(la_udp_readable(p.stack, h));
    assert_int_equal(la_udp_local(p.stack, h, &local), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_udp_user_set(p.stack, h, 1), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_udp_close(p.stack, h), LA_ERR_BAD_HANDLE);
}

static void
test_handles__made_up(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    la_handle listener = peer_listen(&p, 1), udp;
    struct la_endpoint any = {la_addr_v4(0, 0, 0, 0), 0};
    assert_int_equal(la_udp_open(p.stack, &any, false, &udp), LA_OK);
    assert_int_not_equal(conn, 0);
    assert_int_not_equal(listener, 0);
    assert_int_not_equal(udp, 0);
    const la_handle made_up[] = {0,
                                 1,
                                 UINT64_MAX,
                                 UINT64_MAX - 1,
                                 conn + 1,
                                 conn + 64,
                                 conn | 0xffffffff,
                                 conn ^ UINT64_C(1) << 32,
                                 conn ^ UINT64_C(1) << 59,
                                 conn ^ UINT64_C(1) << 60,
                                 ~conn};
    for (size_t i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++) {
        is_no_connection(made_up[i]);
        is_no_listener(made_up[i]);
        is_no_request(made_up[i]);
        is_no_udp(made_up[i]);
    }
    /* The wrong kind. */
    is_no_connection(listener);
    is_no_connection(udp);
    is_no_listener(conn);
    is_no_listener(udp);
    is_no_request(conn);
    is_no_request(listener);
    is_no_udp(conn);
    is_no_udp(listener);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

static void
test_handles__stale(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle old_listener = peer_listen(&p, 1);
    assert_int_equal(la_listener_close(p.stack, old_listener, p.now), LA_OK);
    is_no_listener(old_listener);
    la_handle old[200], listener = peer_listen(&p, 1);
    assert_int_not_equal(listener, old_listener);
    is_no_listener(old_listener);
    for (size_t i = 0; i < 200; i++) { /* the same record again and again */
        old[i] = peer_connect(&p, listener, &peer_plain);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(old[k], old[i]);
        assert_int_equal(la_conn_abort(p.stack, old[i], p.now), LA_OK);
        peer_forget(&p);
        is_no_connection(old[i]);
    }
    la_handle conn = peer_connect(&p, listener, &peer_plain);
    for (size_t i = 0; i < 200; i++)
        is_no_connection(old[i]);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    is_not_owned(conn); /* while the connection goes on to its end */
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_FIN_WAIT_1);
    peer_forget(&p);
    peer_free(&p);
}

/* In the accept queue: it can be seen, and belongs to nobody yet. */
static void
test_handles__not_yet_accepted(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 1), conn, accepted;
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_forget(&p);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    uint32_t cursor = 0;
    assert_true(la_conn_next(p.stack, &cursor, &conn));
    is_not_owned(conn);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
    assert_int_equal(la_listener_accept(p.stack, listener, &accepted, p.now), LA_OK);
    assert_int_equal(accepted, conn);
    peer_user_send(&p, conn, 1);
    peer_forget(&p);
    peer_free(&p);
}

/* ---- addresses and ports ---------------------------------------------------------------- */

static la_err
open_to(const struct la_endpoint *local, const struct la_endpoint *remote, la_handle *conn)
{
    return la_conn_open(p.stack, local, remote, NULL, conn, p.now);
}

static void
test_handles__bad_addresses(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    struct la_endpoint any = {{{0}}, 0}, v4 = p.addr, v6 = {{{0xfd}}, 5000};
    v6.addr.b[15] = 2;
    la_handle conn = 1;
    static const uint8_t not_unicast[][4] = {
        {0, 0, 0, 0}, {255, 255, 255, 255}, {224, 0, 0, 1}, {239, 1, 2, 3}, {10, 0, 0, 255}};
    for (size_t i = 0; i < 5; i++) { /* MUST-46 */
        struct la_endpoint to = {
            la_addr_v4(not_unicast[i][0], not_unicast[i][1], not_unicast[i][2], not_unicast[i][3]),
            80};
        assert_int_equal(open_to(&any, &to, &conn), LA_ERR_BAD_ARGUMENT);
        assert_int_equal(conn, 0);
    }
    struct la_endpoint to = {{{0}}, 80};
    assert_int_equal(open_to(&any, &to, &conn), LA_ERR_BAD_ARGUMENT);
    to.addr.b[0] = 0xff; /* multicast */
    assert_int_equal(open_to(&any, &to, &conn), LA_ERR_BAD_ARGUMENT);
    to = v4;
    to.port = 0;
    assert_int_equal(open_to(&any, &to, &conn), LA_ERR_BAD_ARGUMENT);
    to = (struct la_endpoint){la_addr_v4(192, 168, 7, 7), 80};
    assert_int_equal(open_to(&any, &to, &conn), LA_ERR_NO_ROUTE);
    struct la_endpoint foreign = {la_addr_v4(10, 0, 0, 9), 0};
    assert_int_equal(open_to(&foreign, &v4, &conn), LA_ERR_ADDRESS_NOT_AVAILABLE);
    struct la_endpoint ours = {la_addr_v4(10, 0, 0, 1), 0};
    assert_int_equal(open_to(&ours, &v6, &conn), LA_ERR_BAD_FAMILY);
    peer_expect_none(&p);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_free(&p);
}

/* MUST-44: the local address of the route; two connections with one local port differ by the rest.
 */
static void
test_handles__four_tuples(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    struct la_endpoint local = {{{0}}, 7000}, other = p.addr;
    la_handle first, second, third;
    assert_int_equal(open_to(&local, &p.addr, &first), LA_OK);
    struct la_conn_status status = peer_status(&p, first);
    assert_true(la_addr_equal(&status.local.addr, &p.host.addr));
    assert_int_equal(status.local.port, 7000);
    assert_int_equal(open_to(&local, &p.addr, &second), LA_ERR_ADDRESS_IN_USE);
    other.port++;
    assert_int_equal(open_to(&local, &other, &second), LA_OK);
    other.addr = la_addr_v4(10, 0, 0, 3);
    assert_int_equal(open_to(&local, &other, &third), LA_OK);
    peer_collect(&p);
    for (unsigned i = 0; i < 3; i++) {
        const struct la_tcp_seg *syn = &peer_expect(&p, LA_TCP_SYN)->tcp;
        assert_int_equal(syn->src_port, 7000);
    }
    /* An answer reaches the one that it is for. */
    p.host.port = 7000;
    p.addr.port++;
    p.rcv_nxt = la_seq_of(0);
    struct la_tcp_seg rst = peer_usual(&p, LA_TCP_RST | LA_TCP_ACK);
    rst.ack = la_seq_of(0);
    peer_say(&p, &rst, NULL, 0); /* not acceptable: ends nothing */
    assert_int_equal(peer_status(&p, second).state, LA_TCP_SYN_SENT);
    assert_int_equal(la_conn_close(p.stack, first, p.now), LA_OK);
    assert_int_equal(la_conn_release(p.stack, first, p.now), LA_OK);
    p.addr.port--;
    assert_int_equal(open_to(&local, &p.addr, &first), LA_OK); /* free again */
    peer_forget(&p);
    peer_free(&p);
}

enum { RANGE_MIN = 40000, RANGE_MAX = 40009 };

static void
ten_ports(struct la_stack_cfg *cfg)
{
    cfg->port_ephemeral_min = RANGE_MIN;
    cfg->port_ephemeral_max = RANGE_MAX;
}

static void
test_handles__ephemeral_ports(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = ten_ports});
    struct la_endpoint any = {{{0}}, 0}, other = p.addr;
    bool seen[RANGE_MAX - RANGE_MIN + 1] = {false};
    la_handle conn[10], more;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(open_to(&any, &p.addr, &conn[i]), LA_OK);
        uint16_t port = peer_status(&p, conn[i]).local.port;
        assert_in_range(port, RANGE_MIN, RANGE_MAX);
        assert_false(seen[port - RANGE_MIN]);
        seen[port - RANGE_MIN] = true;
    }
    assert_int_equal(open_to(&any, &p.addr, &more), LA_ERR_ADDRESS_NOT_AVAILABLE);
    assert_int_equal(more, 0);
    other.port++; /* another four-tuple: ports are free for it */
    assert_int_equal(open_to(&any, &other, &more), LA_OK);
    uint16_t freed = peer_status(&p, conn[3]).local.port;
    assert_int_equal(la_conn_abort(p.stack, conn[3], p.now), LA_OK);
    assert_int_equal(open_to(&any, &p.addr, &conn[3]), LA_OK);
    assert_int_equal(peer_status(&p, conn[3]).local.port, freed);
    peer_forget(&p);
    peer_free(&p);
}

/* To an own address: the port of the remote end would be a connection with itself (RFC 9293 figure
 * 8), past the listener that is meant. */
static void
test_handles__ephemeral_port_is_not_the_remote_one(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = ten_ports});
    struct la_endpoint own = {p.host.addr, RANGE_MIN + 4};
    const struct la_endpoint locals[] = {{{{0}}, 0}, {p.host.addr, 0}};
    la_handle conn, listener, more;
    assert_int_equal(la_listener_open(p.stack, &own, 20, NULL, &listener, p.now), LA_OK);
    for (unsigned i = 0; i < RANGE_MAX - RANGE_MIN; i++) {
        assert_int_equal(open_to(&locals[i % 2], &own, &conn), LA_OK);
        assert_int_not_equal(peer_status(&p, conn).local.port, own.port);
    }
    assert_int_equal(open_to(&locals[0], &own, &more), LA_ERR_ADDRESS_NOT_AVAILABLE);
    peer_forget(&p);
    peer_free(&p);
}

/* RFC 6056: not one after the other; by default from the dynamic range. */
/* LEDGER: RFC6056-1 */
static void
test_handles__ephemeral_ports_are_scattered(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    struct la_endpoint any = {{{0}}, 0};
    uint16_t last = 0;
    unsigned next_n = 0;
    for (unsigned i = 0; i < 100; i++) {
        la_handle conn;
        assert_int_equal(open_to(&any, &p.addr, &conn), LA_OK);
        uint16_t port = peer_status(&p, conn).local.port;
        assert_in_range(port, 49152, 65535);
        next_n += port == last + 1;
        last = port;
    }
    assert_true(next_n < 5);
    peer_forget(&p);
    peer_free(&p);
}

static void
four_connections(struct la_stack_cfg *cfg)
{
    cfg->conns_n_max = 4;
}

static void
test_handles__limit_of_connections(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = four_connections});
    struct la_endpoint any = {{{0}}, 0};
    la_handle conn[4], more;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(open_to(&any, &p.addr, &conn[i]), LA_OK);
    assert_int_equal(open_to(&any, &p.addr, &more), LA_ERR_LIMIT);
    (void)peer_listen(&p, 4);
    peer_forget(&p);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_expect_none(&p);
    assert_int_equal(la_conn_abort(p.stack, conn[0], p.now), LA_OK);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    peer_free(&p);
}

static void
test_handles__walk(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    struct la_endpoint any = {{{0}}, 0};
    la_handle conn[100], seen;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(open_to(&any, &p.addr, &conn[i]), LA_OK);
    for (unsigned i = 0; i < 100; i += 2)
        assert_int_equal(la_conn_abort(p.stack, conn[i], p.now), LA_OK);
    uint32_t cursor = 0;
    unsigned n = 0;
    while (la_conn_next(p.stack, &cursor, &seen)) {
        if (seen == 0)
            continue;
        bool known = false;
        for (unsigned i = 1; i < 100; i += 2)
            known |= conn[i] == seen;
        assert_true(known);
        n++;
    }
    assert_int_equal(n, 50);
    uint32_t counts[LA_TCP_STATE_COUNT];
    la_stack_state_counts(p.stack, counts);
    assert_int_equal(counts[LA_TCP_SYN_SENT], 50);
    peer_forget(&p);
    peer_free(&p);
}

/* ---- to ourselves ----------------------------------------------------------------------- */

/* Both ends are one connection: a simultaneous open with itself (RFC 9293 3.5). */
static void
test_handles__self_connection(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    struct la_endpoint self = {p.host.addr, 9000};
    la_handle conn;
    assert_int_equal(open_to(&self, &self, &conn), LA_OK);
    peer_run_us(&p, 10 * LA_US_PER_S);
    peer_expect_none(&p); /* nothing reaches the wire */
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
    peer_user_send(&p, conn, 5000);
    peer_run_us(&p, 10 * LA_US_PER_S);
    peer_user_read(&p, conn, 5000);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_run_us(&p, 10 * LA_US_PER_S);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_TIME_WAIT);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_run_us(&p, 100 * LA_US_PER_S);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_free(&p);
}

static void
test_handles__connection_to_own_listener(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 2), client, server;
    struct la_endpoint any = {{{0}}, 0};
    assert_int_equal(open_to(&any, &p.host, &client), LA_OK);
    peer_collect(&p);
    assert_int_equal(la_listener_accept(p.stack, listener, &server, p.now), LA_OK);
    peer_user_send(&p, client, 100000);
    peer_run_us(&p, LA_US_PER_S);
    peer_user_read(&p, server, 100000);
    assert_int_equal(la_conn_release(p.stack, client, p.now), LA_OK);
    assert_int_equal(la_conn_release(p.stack, server, p.now), LA_OK);
    peer_run_us(&p, 100 * LA_US_PER_S);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_expect_none(&p);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handles__made_up),
        cmocka_unit_test(test_handles__stale),
        cmocka_unit_test(test_handles__not_yet_accepted),
        cmocka_unit_test(test_handles__bad_addresses),
        cmocka_unit_test(test_handles__four_tuples),
        cmocka_unit_test(test_handles__ephemeral_ports),
        cmocka_unit_test(test_handles__ephemeral_port_is_not_the_remote_one),
        cmocka_unit_test(test_handles__ephemeral_ports_are_scattered),
        cmocka_unit_test(test_handles__limit_of_connections),
        cmocka_unit_test(test_handles__walk),
        cmocka_unit_test(test_handles__self_connection),
        cmocka_unit_test(test_handles__connection_to_own_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
