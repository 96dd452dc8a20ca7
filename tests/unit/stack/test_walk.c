/* SPDX-License-Identifier: MIT
 *
 * test_walk.c - STATUS and the walks over connections, listeners, requests and UDP sockets
 *
 * Read first: RFC 9293 3.9.1.6 and 3.10.6.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/time.h"
#include "peer.h"

static struct peer p;
static const struct peer_cfg plain;

typedef bool next_fn(const struct la_stack *stack, uint32_t *cursor, la_handle *out);

/* All that one walk meets; the number of calls that it took is bounded by `calls_n_max`. */
static unsigned
walk(next_fn *next, unsigned calls_n_max, la_handle *out, unsigned out_n)
{
    uint32_t cursor = 0;
    unsigned n = 0, calls_n = 0;
    la_handle h;
    while (next(p.stack, &cursor, &h)) {
        assert_true(++calls_n <= calls_n_max);
        if (h == 0)
            continue;
        assert_true(n < out_n);
        for (unsigned i = 0; i < n; i++)
            assert_int_not_equal(out[i], h);
        out[n++] = h;
    }
    assert_int_equal(h, 0);
    return n;
}

static la_handle
open_one(uint16_t port)
{
    struct la_endpoint any = {{{0}}, 0}, to = p.addr;
    la_handle conn;
    to.port = port;
    assert_int_equal(la_conn_open(p.stack, &any, &to, NULL, &conn, p.now), LA_OK);
    return conn;
}

static void
test_walk__nothing(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle seen[1];
    assert_int_equal(walk(la_conn_next, 1, seen, 1), 0);
    assert_int_equal(walk(la_listener_next, 1, seen, 1), 0);
    assert_int_equal(walk(la_forward_next, 1, seen, 1), 0);
    assert_int_equal(walk(la_udp_next, 1, seen, 1), 0);
    peer_free(&p);
}

/* One connection behind thousands that have ended: a step looks at LA_WALK_N_MAX records. */
static void
test_walk__steps_are_bounded(void **state)
{
    (void)state;
    enum { N = 4096 };
    static la_handle conn[N];
    peer_new(&p, &plain);
    for (unsigned i = 0; i < N; i++)
        conn[i] = open_one((uint16_t)(i + 1));
    for (unsigned i = 0; i + 1 < N; i++)
        assert_int_equal(la_conn_abort(p.stack, conn[i], p.now), LA_OK);
    uint32_t cursor = 0, before;
    unsigned calls_n = 0, seen_n = 0;
    la_handle h;
    do {
        before = cursor;
        if (!la_conn_next(p.stack, &cursor, &h))
            break;
        assert_true(cursor - before <= LA_WALK_N_MAX);
        seen_n += h == conn[N - 1];
        assert_true(h == 0 || h == conn[N - 1]);
    } while (++calls_n < N);
    assert_int_equal(seen_n, 1);
    assert_true(calls_n >= N / LA_WALK_N_MAX);
    peer_forget(&p);
    peer_free(&p);
}

/* One that is there from begin to end is met once, whatever comes and goes meanwhile. */
static void
test_walk__while_connections_come_and_go(void **state)
{
    (void)state;
    la_handle stays[50], passing[50], h;
    peer_new(&p, &plain);
    for (unsigned i = 0; i < 50; i++) {
        stays[i] = open_one((uint16_t)(i + 1));
        passing[i] = open_one((uint16_t)(i + 1001));
    }
    uint32_t cursor = 0;
    unsigned met[50] = {0};
    for (unsigned step = 0; la_conn_next(p.stack, &cursor, &h); step++) {
        for (unsigned i = 0; i < 50; i++)
            met[i] += h == stays[i];
        if (step < 50) {
            assert_int_equal(la_conn_abort(p.stack, passing[step], p.now), LA_OK);
            (void)open_one((uint16_t)(step + 2001));
        }
    }
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(met[i], 1);
    peer_forget(&p);
    peer_free(&p);
}

static struct la_listener_status
status_of(la_handle listener)
{
    struct la_listener_status status;
    assert_int_equal(la_listener_status(p.stack, listener, &status), LA_OK);
    return status;
}

static void
test_walk__half_open_and_waiting(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 2), seen[4], accepted;
    assert_int_equal(walk(la_listener_next, 2, seen, 4), 1);
    assert_int_equal(seen[0], listener);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    assert_int_equal(walk(la_conn_next, 9, seen, 4), 1);
    struct la_conn_status status = peer_status(&p, seen[0]);
    assert_int_equal(status.state, LA_TCP_SYN_RECEIVED);
    assert_true(status.half_open && !status.accept_waits && !status.owned && status.passive);
    assert_int_equal(status.timer, LA_TIMER_RETRANSMIT);
    assert_true(la_instant_lt(p.now, status.timer_at));
    assert_int_equal(status_of(listener).syn_queue_n, 1);
    assert_int_equal(status_of(listener).syn_queue_n_max, 1024);
    peer_forget(&p);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    la_handle half = seen[0];
    assert_int_equal(walk(la_conn_next, 9, seen, 4), 1);
    assert_int_equal(la_conn_status(p.stack, half, &status), LA_ERR_BAD_HANDLE);
    status = peer_status(&p, seen[0]);
    assert_int_equal(status.state, LA_TCP_ESTABLISHED);
    assert_true(!status.half_open && status.accept_waits && !status.owned);
    assert_int_equal(status_of(listener).syn_queue_n, 0);
    assert_int_equal(status_of(listener).accept_queue_n, 1);
    assert_int_equal(la_listener_user_set(p.stack, listener, 77), LA_OK);
    assert_int_equal(status_of(listener).user, 77);
    assert_int_equal(la_listener_accept(p.stack, listener, &accepted, p.now), LA_OK);
    assert_int_equal(accepted, seen[0]);
    status = peer_status(&p, accepted);
    assert_true(!status.half_open && !status.accept_waits && status.owned);
    peer_forget(&p);
    peer_free(&p);
}

static void
test_walk__timers_and_control(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_active(&p, &peer_plain);
    struct la_conn_status status = peer_status(&p, conn);
    assert_true(la_instant_is_never(status.keepalive_at) && la_instant_is_never(status.ack_at));
    assert_string_equal(status.congestion_control, la_stack_tcp_cfg(p.stack)->congestion_control);
    assert_int_equal(status.phase, LA_CC_SLOW_START);
    assert_int_equal(status.timer, 255);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_KEEPALIVE, 1, p.now), LA_OK);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_KEEPALIVE_IDLE_S, 9, p.now), LA_OK);
    status = peer_status(&p, conn);
    assert_int_equal(la_instant_diff_us(status.keepalive_at, p.now), 9 * LA_US_PER_S);
    assert_int_equal(status.keepalive_sent_n, 0);
    /* One segment in order: its ACK may wait. */
    peer_send(&p, LA_TCP_ACK, "x", 1);
    status = peer_status(&p, conn);
    assert_true(la_instant_lt(p.now, status.ack_at) && !la_instant_is_never(status.ack_at));
    assert_int_equal(status.heard_at.ns, p.now.ns);
    assert_int_equal(status.receive_queue_bytes, 1);
    assert_int_equal(status.rcvbuf_bytes, la_stack_tcp_cfg(p.stack)->rcvbuf.bytes_initial);
    peer_forget(&p);
    peer_free(&p);
}

static void
test_walk__udp(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle udp[3], seen[3];
    struct la_endpoint any = {{{0}}, 0}, at = any;
    for (unsigned i = 0; i < 3; i++) {
        at.port = (uint16_t)(500 + i);
        assert_int_equal(la_udp_open(p.stack, &at, false, &udp[i]), LA_OK);
    }
    assert_int_equal(la_udp_user_set(p.stack, udp[1], 5), LA_OK);
    assert_int_equal(la_udp_connect(p.stack, udp[1], &p.addr), LA_OK);
    assert_int_equal(la_udp_close(p.stack, udp[0]), LA_OK);
    assert_int_equal(walk(la_udp_next, 8, seen, 3), 2);
    assert_true((seen[0] == udp[1] && seen[1] == udp[2]) ||
                (seen[0] == udp[2] && seen[1] == udp[1]));
    struct la_udp_status status;
    assert_int_equal(la_udp_status(p.stack, udp[1], &status), LA_OK);
    assert_true(status.connected && !status.any_port);
    assert_int_equal(status.remote.port, p.addr.port);
    assert_int_equal(status.local.port, 501);
    assert_int_equal(status.user, 5);
    assert_int_equal(status.receive_queue_n, 0);
    assert_int_equal(la_udp_status(p.stack, udp[0], &status), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_udp_status(p.stack, 0, &status), LA_ERR_BAD_HANDLE);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk__nothing),
        cmocka_unit_test(test_walk__steps_are_bounded),
        cmocka_unit_test(test_walk__while_connections_come_and_go),
        cmocka_unit_test(test_walk__half_open_and_waiting),
        cmocka_unit_test(test_walk__timers_and_control),
        cmocka_unit_test(test_walk__udp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
