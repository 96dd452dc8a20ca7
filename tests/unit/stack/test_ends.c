/* SPDX-License-Identifier: MIT
 *
 * test_ends.c - how connections end: release, abort, RST, TIME-WAIT, half-open discovery; events
 *
 * Read first: RFC 9293 3.5.1 to 3.5.3, 3.6, 3.6.1, 3.10.4, 3.10.5; RFC 1122 4.2.2.13.
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

static uint32_t
live_n(void)
{
    uint32_t n[LA_TCP_STATE_COUNT], sum = 0;
    la_stack_state_counts(p.stack, n);
    for (unsigned s = 0; s < LA_TCP_STATE_COUNT; s++)
        sum += n[s];
    return sum;
}

/* ---- the whole way ---------------------------------------------------------------------- */

static void
test_ends__active_close(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    assert_int_equal(peer_state(&p), LA_TCP_FIN_WAIT_1);
    la_seq fin = peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK)->tcp.seq;
    peer_send(&p, LA_TCP_ACK, "half", 4);
    assert_int_equal(peer_state(&p), LA_TCP_FIN_WAIT_2);
    peer_user_read(&p, conn, 4); /* 3.6: the other direction goes on */
    peer_forget(&p);
    peer_send(&p, LA_TCP_FIN | LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_state(&p), LA_TCP_TIME_WAIT);
    const struct peer_seg *ack = peer_expect(&p, LA_TCP_ACK);
    assert_true(la_seq_eq(ack->tcp.seq, la_seq_add(fin, 1)));
    assert_true(la_seq_eq(ack->tcp.ack, p.snd_nxt));
    uint32_t ready = peer_ready(&p, conn);
    assert_int_equal(ready & (LA_READY_END | LA_READY_CLOSED), LA_READY_END | LA_READY_CLOSED);
    assert_int_equal(ready & LA_READY_ERROR, 0);
    peer_run_us(&p, 61 * LA_US_PER_S);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_CLOSED);
    assert_int_equal(peer_status(&p, conn).err, LA_OK);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    assert_int_equal(live_n(), 0);
    peer_free(&p);
}

static void
test_ends__passive_close(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    peer_send(&p, LA_TCP_FIN | LA_TCP_ACK, "bye", 3);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSE_WAIT);
    peer_run_us(&p, LA_US_PER_S);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
    peer_user_send(&p, conn, 10);
    peer_expect(&p, LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    peer_user_read(&p, conn, 3);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    assert_int_equal(peer_state(&p), LA_TCP_LAST_ACK);
    peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(live_n(), 0);
    peer_expect_none(&p);
    peer_free(&p);
}

/* LEDGER: FSM-SEG-FIN-2, FSM-SEG-ACK-5 */
static void
test_ends__simultaneous_close(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    la_seq una = p.rcv_nxt;
    peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    struct la_tcp_seg fin = peer_usual(&p, LA_TCP_FIN | LA_TCP_ACK);
    fin.ack = una;
    p.snd_nxt = la_seq_add(p.snd_nxt, 1);
    peer_say(&p, &fin, NULL, 0);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSING);
    peer_expect(&p, LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_state(&p), LA_TCP_TIME_WAIT);
    peer_free(&p);
}

/* ---- giving up -------------------------------------------------------------------------- */

/* RFC 1122 4.2.2.13: octets that nobody will read mean a RST. */
/* LEDGER: SHLD-3, RFC2525-17 */
static void
test_ends__release_with_unread_octets(void **state)
{
    (void)state;
    for (unsigned fin = 0; fin < 2; fin++) {
        peer_new(&p, &plain);
        la_handle conn = peer_passive(&p, &peer_plain);
        peer_send(&p, (uint8_t)(LA_TCP_ACK | (fin != 0 ? LA_TCP_FIN : 0)), "unread", 6);
        peer_run_us(&p, LA_US_PER_S);
        peer_forget(&p);
        assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
        peer_collect(&p);
        const struct peer_seg *rst = peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
        assert_true(la_seq_eq(rst->tcp.seq, p.rcv_nxt));
        assert_int_equal(live_n(), 0);
        peer_free(&p);
    }
}

/* Found by exploration: our FIN may be lost, and a peer in FIN-WAIT-2 would wait for it for ever.
 */
static void
test_ends__release_with_unread_octets_in_last_ack(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, "unread", 6);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_run_us(&p, LA_US_PER_MS);
    peer_forget(&p);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    const struct peer_seg *rst = peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
    assert_true(la_seq_eq(rst->tcp.seq, p.rcv_nxt));
    assert_int_equal(live_n(), 0);
    peer_free(&p);
}

static void
test_ends__release_resets(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_RELEASE_RESETS, 1, p.now), LA_OK);
    peer_user_send(&p, conn, 10);
    peer_forget(&p);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
    peer_expect_none(&p);
    assert_int_equal(live_n(), 0);
    peer_free(&p);
}

/* 3.10.5: a RST in these states, none in the others. */
static void
test_ends__abort(void **state)
{
    (void)state;
    for (enum la_tcp_state at = LA_TCP_SYN_SENT; at <= LA_TCP_TIME_WAIT; at++) {
        if (at == LA_TCP_SYN_RECEIVED)
            continue; /* of the listener: see its close */
        peer_new(&p, &plain);
        la_handle conn;
        if (at == LA_TCP_SYN_SENT || at == LA_TCP_SYN_RECEIVED_ACTIVE)
            conn = peer_open(&p, NULL);
        else
            conn = peer_passive(&p, &peer_plain);
        peer_forget(&p);
        la_seq una = p.rcv_nxt;
        if (at == LA_TCP_SYN_RECEIVED_ACTIVE)
            peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
        if (at == LA_TCP_CLOSE_WAIT || at == LA_TCP_LAST_ACK)
            peer_send(&p, LA_TCP_FIN | LA_TCP_ACK, NULL, 0);
        if (at != LA_TCP_SYN_SENT && at != LA_TCP_SYN_RECEIVED_ACTIVE && at != LA_TCP_ESTABLISHED &&
            at != LA_TCP_CLOSE_WAIT)
            assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
        peer_forget(&p);
        if (at == LA_TCP_FIN_WAIT_2 || at == LA_TCP_TIME_WAIT)
            peer_send(&p, LA_TCP_ACK, NULL, 0);
        if (at == LA_TCP_CLOSING || at == LA_TCP_TIME_WAIT) {
            struct la_tcp_seg fin = peer_usual(&p, LA_TCP_FIN | LA_TCP_ACK);
            fin.ack = at == LA_TCP_CLOSING ? una : p.rcv_nxt;
            peer_say(&p, &fin, NULL, 0);
        }
        peer_forget(&p);
        assert_int_equal(peer_state(&p), at);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_collect(&p);
        bool told = at == LA_TCP_SYN_RECEIVED_ACTIVE || at == LA_TCP_ESTABLISHED ||
                    at == LA_TCP_FIN_WAIT_1 || at == LA_TCP_FIN_WAIT_2 || at == LA_TCP_CLOSE_WAIT;
        if (told)
            assert_true(la_seq_eq(peer_expect(&p, LA_TCP_RST | LA_TCP_ACK)->tcp.seq, p.rcv_nxt));
        peer_expect_none(&p);
        assert_int_equal(live_n(), 0);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_ERR_BAD_HANDLE);
        peer_free(&p);
    }
}

/* CLOSING, but our FIN waits behind a shut window: the peer has to be told. */
static void
test_ends__abort_before_the_fin(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    p.wnd = 0;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    peer_user_send(&p, conn, 10);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_send(&p, LA_TCP_FIN | LA_TCP_ACK, "unread", 6);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSING);
    peer_forget(&p);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_RST | LA_TCP_ACK)->tcp.seq, p.rcv_nxt));
    assert_int_equal(live_n(), 0);
    peer_free(&p);
}

/* The peer resets: what was queued either way is gone, the error stays until the release. */
static void
test_ends__reset_by_the_peer(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    peer_send(&p, LA_TCP_ACK, "lost", 4);
    peer_user_send(&p, conn, 100);
    peer_forget(&p);
    peer_send(&p, LA_TCP_RST, NULL, 0);
    assert_int_not_equal(peer_ready(&p, conn) & LA_READY_ERROR, 0);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.state, LA_TCP_CLOSED);
    assert_int_equal(status.err, LA_ERR_CONNECTION_RESET);
    assert_int_equal(status.receive_queue_bytes + status.send_queue_bytes, 0);
    uint8_t octet;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(la_conn_receive(p.stack, conn, (struct la_room){&octet, 1}, p.now),
                         LA_ERR_CONNECTION_RESET);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_NAGLE, 0, p.now), LA_OK);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_expect_none(&p);
    assert_int_equal(live_n(), 0);
    assert_int_equal(la_stack_stats(p.stack)->tcp_resets_in, 1);
    peer_free(&p);
}

/* ---- one end forgets -------------------------------------------------------------------- */

/* RFC 9293 figures 9 and 10: the one that crashed answers with a RST whose number is taken from the
 * other's ACK, which ends the half-open connection. */
static void
test_ends__half_open(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    (void)peer_passive(&p, &peer_plain);
    peer_reboot(&p, &plain);
    la_seq acked = p.rcv_nxt;
    peer_send(&p, LA_TCP_ACK, "still there?", 12);
    assert_int_equal(p.reason, LA_REASON_NO_CONNECTION);
    const struct peer_seg *rst = peer_expect(&p, LA_TCP_RST);
    assert_true(la_seq_eq(rst->tcp.seq, acked));
    peer_expect_none(&p);

    /* And it connects again while the other end still has the old one (figure 9): the ACK of the
     * old connection draws a RST, and the SYN gets through afterwards. */
    p.host.port = 7777;
    struct la_endpoint local = {p.host.addr, p.host.port};
    la_handle conn;
    assert_int_equal(la_conn_open(p.stack, &local, &p.addr, NULL, &conn, p.now), LA_OK);
    peer_collect(&p);
    la_seq iss = peer_expect(&p, LA_TCP_SYN)->tcp.seq;
    struct la_tcp_seg old = peer_usual(&p, LA_TCP_ACK);
    old.ack = la_seq_sub(iss, 1000);
    peer_say(&p, &old, NULL, 0);
    rst = peer_expect(&p, LA_TCP_RST);
    assert_true(la_seq_eq(rst->tcp.seq, old.ack));
    assert_int_equal(peer_state(&p), LA_TCP_SYN_SENT);
    assert_true(peer_run_until_sent(&p, 2 * LA_US_PER_S));
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_SYN)->tcp.seq, iss));
    p.rcv_nxt = la_seq_add(iss, 1);
    peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
    assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
    peer_forget(&p);
    peer_free(&p);
}

/* ---- TIME-WAIT is bounded --------------------------------------------------------------- */

static void
three_in_time_wait(struct la_stack_cfg *cfg)
{
    cfg->time_wait_n_max = 3;
}

static void
test_ends__time_wait_is_bounded(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = three_in_time_wait});
    la_handle listener = peer_listen(&p, 8), kept = 0;
    for (uint16_t i = 0; i < 6; i++) {
        p.addr.port = (uint16_t)(6000 + i);
        la_handle conn = peer_connect(&p, listener, &peer_plain);
        if (i == 0) {
            kept = conn;
            assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
        } else {
            assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
        }
        peer_forget(&p);
        peer_send(&p, LA_TCP_FIN | LA_TCP_ACK, i == 0 ? "keep" : NULL, i == 0 ? 4 : 0);
        peer_expect(&p, LA_TCP_ACK);
        uint32_t n[LA_TCP_STATE_COUNT];
        la_stack_state_counts(p.stack, n);
        assert_int_equal(n[LA_TCP_TIME_WAIT], i < 3 ? i + 1 : 3); /* D3: the oldest goes */
    }
    assert_int_equal(p.last[LA_EVENT_STATE].u.state.event, LA_TCP_EV_FORGET);
    peer_user_read(&p, kept, 4); /* forgotten, but not what its owner has yet to read */
    assert_int_equal(peer_status(&p, kept).state, LA_TCP_CLOSED);
    assert_int_equal(la_conn_release(p.stack, kept, p.now), LA_OK);
    peer_run_us(&p, 61 * LA_US_PER_S);
    assert_int_equal(live_n(), 0);
    peer_free(&p);
}

/* ---- events ----------------------------------------------------------------------------- */

static void
test_ends__events_are_edges_and_one_at_a_time(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    assert_int_equal(la_conn_user_set(p.stack, conn, 99), LA_OK);
    (void)peer_ready(&p, conn);
    struct la_stack_event ev;
    assert_false(la_stack_next_event(p.stack, &ev));
    peer_send(&p, LA_TCP_ACK, "a", 1);
    peer_send(&p, LA_TCP_ACK, "b", 1);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, "c", 1);
    assert_true(la_stack_next_event(p.stack, &ev));
    assert_int_equal(ev.kind, LA_STACK_EV_CONN);
    assert_int_equal(ev.handle, conn);
    assert_int_equal(ev.user, 99);
    assert_int_equal(ev.ready & (LA_READY_READ | LA_READY_END), LA_READY_READ | LA_READY_END);
    assert_false(la_stack_next_event(p.stack, &ev));                      /* one for all three */
    assert_int_not_equal(peer_status(&p, conn).ready & LA_READY_READ, 0); /* level */
    peer_send(&p, LA_TCP_RST, NULL, 0);
    assert_true(la_stack_next_event(p.stack, &ev));
    assert_int_not_equal(ev.ready & LA_READY_ERROR, 0);
    peer_forget(&p);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_free(&p);

    peer_new(&p, &plain); /* an event about a handle that was given up does not come */
    conn = peer_passive(&p, &peer_plain);
    peer_send(&p, LA_TCP_ACK, "a", 1);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    assert_false(la_stack_next_event(p.stack, &ev));
    peer_forget(&p);
    peer_free(&p);
}

/* ---- time ------------------------------------------------------------------------------- */

/* la_stack_deadline() may be early, never late: timers are rounded up to a tick of 2^16 ns. */
static void
test_ends__deadline_is_never_late(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    assert_true(la_instant_is_never(la_stack_deadline(p.stack)));
    la_handle conn = peer_passive(&p, &peer_plain);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_KEEPALIVE, 1, p.now), LA_OK);
    peer_user_send(&p, conn, 10);
    for (unsigned i = 0; i < 10; i++) {
        struct la_conn_status status = peer_status(&p, conn);
        assert_int_equal(status.timer, LA_TIMER_RETRANSMIT);
        assert_true(la_stack_deadline(p.stack).ns <= status.timer_at.ns + (1 << 16));
        /* Running early serves nothing, however often. */
        p.now.ns = status.timer_at.ns - 1;
        for (unsigned k = 0; k < 3; k++)
            assert_false(la_stack_run(p.stack, p.now, 64));
        peer_forget(&p);
        assert_int_equal(peer_status(&p, conn).backoff_n, i);
        assert_true(la_stack_deadline(p.stack).ns <= status.timer_at.ns + (1 << 16));
        p.now.ns = status.timer_at.ns + LA_NS_PER_MS;
        assert_false(la_stack_run(p.stack, p.now, 64));
        assert_int_equal(peer_status(&p, conn).backoff_n, i + 1);
    }
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_run_us(&p, LA_US_PER_S);
    assert_true(la_instant_is_never(la_stack_deadline(p.stack)));
    peer_free(&p);
}

static void
test_ends__time_going_back_is_tolerated(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    peer_user_send(&p, conn, 10);
    la_instant latest = p.now;
    p.now.ns -= 5 * LA_NS_PER_S;
    peer_send(&p, LA_TCP_ACK, "x", 1);
    peer_user_send(&p, conn, 10);
    assert_false(la_stack_run(p.stack, p.now, 64));
    assert_true(la_stack_now(p.stack).ns == latest.ns);
    p.now = la_instant_of_ns(INT64_MIN / 2);
    peer_user_send(&p, conn, 10);
    assert_true(la_stack_now(p.stack).ns == latest.ns);
    p.now = latest;
    peer_user_read(&p, conn, 1);
    assert_true(la_instant_lt(latest, la_stack_deadline(p.stack)));
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

/* The budget of la_stack_run() is kept, and what was left over is done by the next. */
static void
test_ends__run_is_bounded(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    struct la_endpoint any = {{{0}}, 0};
    la_handle conn;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(la_conn_open(p.stack, &any, &p.addr, NULL, &conn, p.now), LA_OK);
    assert_int_equal(peer_forget(&p), 100);
    p.now.ns += 2 * LA_NS_PER_S;
    unsigned runs_n = 0;
    while (la_stack_run(p.stack, p.now, 10))
        runs_n++;
    assert_in_range(runs_n, 9, 20);
    assert_int_equal(peer_forget(&p), 100);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends__active_close),
        cmocka_unit_test(test_ends__passive_close),
        cmocka_unit_test(test_ends__simultaneous_close),
        cmocka_unit_test(test_ends__release_with_unread_octets),
        cmocka_unit_test(test_ends__release_with_unread_octets_in_last_ack),
        cmocka_unit_test(test_ends__release_resets),
        cmocka_unit_test(test_ends__abort),
        cmocka_unit_test(test_ends__abort_before_the_fin),
        cmocka_unit_test(test_ends__reset_by_the_peer),
        cmocka_unit_test(test_ends__half_open),
        cmocka_unit_test(test_ends__time_wait_is_bounded),
        cmocka_unit_test(test_ends__events_are_edges_and_one_at_a_time),
        cmocka_unit_test(test_ends__deadline_is_never_late),
        cmocka_unit_test(test_ends__time_going_back_is_tolerated),
        cmocka_unit_test(test_ends__run_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
