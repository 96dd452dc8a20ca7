/* SPDX-License-Identifier: MIT
 *
 * test_rfc9293_calls.c - SEND, RECEIVE, CLOSE, ABORT and STATUS in every state
 *
 * Read first: RFC 9293 3.10.2 to 3.10.6.
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

enum { BEFORE = 3, STATES = 10 };

/* LISTEN is a listener's, and SYN-RECEIVED by a passive OPEN has no handle yet. */
static const struct {
    enum la_tcp_state state;
    const char *name;
    bool rst;      /* 3.10.5: ABORT owes the peer one */
    la_ssize sent; /* 3.10.2: what SEND of one octet says */
} states[STATES] = {
    {LA_TCP_CLOSED, "CLOSED", false, LA_ERR_CONNECTION_REFUSED},
    {LA_TCP_SYN_SENT, "SYN-SENT", false, 1},
    {LA_TCP_SYN_RECEIVED_ACTIVE, "SYN-RECEIVED", true, 1},
    {LA_TCP_ESTABLISHED, "ESTABLISHED", true, 1},
    {LA_TCP_FIN_WAIT_1, "FIN-WAIT-1", true, LA_ERR_CLOSING},
    {LA_TCP_FIN_WAIT_2, "FIN-WAIT-2", true, LA_ERR_CLOSING},
    {LA_TCP_CLOSE_WAIT, "CLOSE-WAIT", true, 1},
    {LA_TCP_CLOSING, "CLOSING", false, LA_ERR_CLOSING},
    {LA_TCP_LAST_ACK, "LAST-ACK", false, LA_ERR_CLOSING},
    {LA_TCP_TIME_WAIT, "TIME-WAIT", false, LA_ERR_CLOSING},
};

static void
end(la_handle conn)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

static la_ssize
receive(la_handle conn)
{
    uint8_t octets[64];
    return la_conn_receive(p.stack, conn, (struct la_room){octets, sizeof(octets)}, p.now);
}

static la_ssize
send_octet(la_handle conn)
{
    return la_conn_send(p.stack, conn, (struct la_bytes){(const uint8_t *)"x", 1}, false, p.now);
}

/* LEDGER: FSM-STATUS */
static void
test_calls__status(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATES; i++) {
        peer_new(&p, &plain);
        la_handle conn = peer_to(&p, states[i].state);
        struct la_conn_status status = peer_status(&p, conn);
        assert_int_equal(status.state, states[i].state);
        assert_string_equal(la_tcp_state_name((enum la_tcp_state)status.state, LA_NAMES_RFC),
                            states[i].name);
        end(conn);
    }
    peer_new(&p, &plain); /* the other two: counted, and named */
    struct la_listener_status listener;
    assert_int_equal(la_listener_status(p.stack, peer_listen(&p, 4), &listener), LA_OK);
    assert_string_equal(la_tcp_state_name(LA_TCP_LISTEN, LA_NAMES_RFC), "LISTEN");
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    assert_int_equal(peer_state(&p), LA_TCP_SYN_RECEIVED);
    assert_string_equal(la_tcp_state_name(LA_TCP_SYN_RECEIVED, LA_NAMES_RFC), "SYN-RECEIVED");
    peer_forget(&p);
    peer_free(&p);
}

/* LEDGER: FSM-SEND-1, FSM-SEND-5 */
static void
test_calls__send_when_closing(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATES; i++) {
        peer_new(&p, &plain);
        la_handle conn = peer_to(&p, states[i].state);
        la_ssize n = send_octet(conn);
        assert_int_equal(n, states[i].sent);
        if (n < 0)
            peer_expect_none(&p);
        end(conn);
    }
}

/* A call does not block: AGAIN, and readiness tells when. */
/* LEDGER: FSM-RECV-1 */
static void
test_calls__receive_before_established(void **state)
{
    (void)state;
    for (size_t i = 1; i < BEFORE; i++) {
        peer_new(&p, &plain);
        la_handle conn = peer_to(&p, states[i].state);
        assert_int_equal(receive(conn), LA_ERR_AGAIN);
        if (states[i].state == LA_TCP_SYN_SENT)
            peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
        peer_send(&p, LA_TCP_ACK, "early", 5);
        assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
        assert_true((peer_ready(&p, conn) & LA_READY_READ) != 0);
        assert_int_equal(receive(conn), 5);
        end(conn);
    }
}

/* LEDGER: FSM-RECV-2 */
static void
test_calls__receive_goes_on_after_close(void **state)
{
    (void)state;
    for (size_t i = 3; i < 6; i++) {
        peer_new(&p, &plain);
        la_handle conn = peer_to(&p, states[i].state);
        (void)peer_ready(&p, conn);
        for (unsigned k = 0; k < 3; k++) {
            assert_int_equal(receive(conn), LA_ERR_AGAIN);
            peer_send(&p, LA_TCP_ACK, "more", 4);
            assert_true((peer_ready(&p, conn) & LA_READY_READ) != 0);
            assert_int_equal(receive(conn), 4);
        }
        peer_run_us(&p, LA_US_PER_S);
        const struct peer_seg *seg, *last = NULL;
        while ((seg = peer_take(&p)) != NULL)
            last = seg;
        assert_true(la_seq_eq(last->tcp.ack, p.snd_nxt));
        end(conn);
    }
}

/* D11: what arrived before the FIN is still there, then the end of the stream. */
/* LEDGER: FSM-RECV-3, FSM-RECV-4 */
static void
test_calls__receive_after_the_peers_fin(void **state)
{
    (void)state;
    static const enum la_tcp_state after[] = {LA_TCP_CLOSE_WAIT, LA_TCP_CLOSING, LA_TCP_LAST_ACK,
                                              LA_TCP_TIME_WAIT};
    for (size_t i = 0; i < 4; i++) {
        peer_new(&p, &plain);
        la_handle conn = peer_to(&p, after[i]);
        assert_int_equal(receive(conn), 0);
        assert_int_equal(receive(conn), 0);
        end(conn);
    }
    peer_new(&p, &plain);
    la_handle conn = peer_to(&p, LA_TCP_FIN_WAIT_2);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, "last", 4);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_TIME_WAIT);
    assert_int_equal(receive(conn), 4);
    assert_int_equal(receive(conn), 0);
    end(conn);
}

/* LEDGER: FSM-CLOSE-4 */
static void
test_calls__close_again(void **state)
{
    (void)state;
    for (size_t i = 4; i < 6; i++) {
        peer_new(&p, &plain);
        la_handle conn = peer_to(&p, states[i].state);
        la_seq end_seq = p.rcv_nxt;
        for (unsigned k = 0; k < 3; k++) {
            assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
            peer_expect_none(&p);
        }
        while (peer_run_until_sent(&p, 100 * LA_US_PER_S)) { /* only what went before, again */
            const struct peer_seg *seg = peer_take(&p);
            assert_true(la_seq_le(la_seq_add(seg->tcp.seq, seg->tcp.len), end_seq));
        }
        end(conn);
    }
}

/* LEDGER: FSM-ABORT-1, FSM-ABORT-2 */
static void
test_calls__abort(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATES; i++) {
        peer_new(&p, &plain);
        la_handle conn = peer_to(&p, states[i].state);
        la_seq snd_nxt = p.rcv_nxt;
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_collect(&p);
        if (states[i].rst)
            assert_true(la_seq_eq(peer_expect(&p, LA_TCP_RST | LA_TCP_ACK)->tcp.seq, snd_nxt));
        peer_expect_none(&p);
        assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
        assert_int_equal(send_octet(conn), LA_ERR_BAD_HANDLE);
        struct la_mem_stats mem;
        la_mem_stats_get(p.mem, &mem); /* the queues are flushed */
        assert_int_equal(mem.blocks_live_n, 0);
        assert_false(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        peer_free(&p);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls__status),
        cmocka_unit_test(test_calls__send_when_closing),
        cmocka_unit_test(test_calls__receive_before_established),
        cmocka_unit_test(test_calls__receive_goes_on_after_close),
        cmocka_unit_test(test_calls__receive_after_the_peers_fin),
        cmocka_unit_test(test_calls__close_again),
        cmocka_unit_test(test_calls__abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
