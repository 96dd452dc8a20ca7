/* SPDX-License-Identifier: MIT
 *
 * test_timeout.c - what happens when nothing is heard: retransmission, persist, keep-alive, ends
 *
 * Read first: RFC 9293 3.8.1, 3.8.3, 3.8.4, 3.8.6.1, 3.10.8; RFC 6298 5.
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

/* Microseconds that a timer may be late: the wheel's tick. */
enum { LATE_US = 2000 };

static void
expect_after(la_instant *last, int64_t us)
{
    int64_t waited_us = la_instant_diff_us(p.now, *last);
    assert_in_range(waited_us, us, us + LATE_US);
    *last = p.now;
}

/* ---- retransmission --------------------------------------------------------------------- */

/* LEDGER: MUST-23, FSM-TMO-2 */
static void
test_timeout__syn_is_given_up_after_183_s(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_open(&p, NULL);
    la_instant begin = p.now, last = begin;
    struct la_tcp_seg first = peer_expect(&p, LA_TCP_SYN)->tcp;
    static const int64_t waits_s[] = {1, 2, 4, 8, 16, 32, 60}; /* rto_us_max 60 s */
    for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
        assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        expect_after(&last, waits_s[i] * LA_US_PER_S);
        const struct peer_seg *again = peer_expect(&p, LA_TCP_SYN);
        assert_true(la_seq_eq(again->tcp.seq, first.seq));
        assert_int_equal(again->tcp.mss, first.mss);
    }
    assert_false(peer_run_until_sent(&p, 59 * LA_US_PER_S));
    assert_int_equal(peer_state(&p), LA_TCP_SYN_SENT);
    peer_run_us(&p, 2 * LA_US_PER_S);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    /* MUST-23: at least 3 minutes. */
    assert_true(la_instant_diff_us(p.last[LA_EVENT_STATE].at, begin) >= 180 * LA_US_PER_S);
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_TIMED_OUT);
    assert_int_equal(p.last[LA_EVENT_STATE].u.state.event, LA_TCP_EV_TIMEOUT_R2);
    assert_true((peer_ready(&p, conn) & LA_READY_ERROR) != 0);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_expect_none(&p);
    peer_free(&p);
}

static void
test_timeout__syn_ack_is_given_up_and_forgotten(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    la_seq seq = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.seq;
    for (unsigned i = 0; i < 7; i++) {
        assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        const struct peer_seg *again = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
        assert_true(la_seq_eq(again->tcp.seq, seq));
    }
    struct la_listener_status status;
    assert_int_equal(la_listener_status(p.stack, listener, &status), LA_OK);
    assert_int_equal(status.syn_queue_n, 1);
    peer_run_us(&p, 61 * LA_US_PER_S);
    assert_int_equal(la_listener_status(p.stack, listener, &status), LA_OK);
    assert_int_equal(status.syn_queue_n, 0);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_expect_none(&p);
    peer_free(&p);
}

/* One round trip of 200 ms (no delayed ACK at the peer): SRTT 200, RTTVAR 100, RTO 600 ms. */
static la_handle
established_rtt_200_ms(const struct peer_options *options)
{
    la_handle listener = peer_listen(&p, 4), conn;
    peer_say_syn(&p, LA_TCP_SYN, options);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    peer_run_us(&p, 200 * LA_US_PER_MS);
    p.ts_val += 200;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.srtt_us, 200000);
    assert_int_equal(status.rttvar_us, 100000);
    assert_int_equal(status.rto_us, 600000);
    return conn;
}

/* LEDGER: MUST-20b, SHLD-9, SHLD-10, SHLD-11, FSM-TMO-2 */
static void
test_timeout__data_backs_off_to_r2(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = established_rtt_200_ms(&peer_plain);
    peer_user_send(&p, conn, 100);
    la_instant begin = p.now, last = p.now;
    la_seq seq = peer_expect(&p, LA_TCP_ACK)->tcp.seq;
    int64_t wait_us = 600000;
    for (unsigned i = 1; i <= 15; i++) {
        assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        expect_after(&last, wait_us);
        const struct peer_seg *again = peer_expect(&p, LA_TCP_ACK);
        assert_true(la_seq_eq(again->tcp.seq, seq));
        assert_int_equal(again->tcp.text_bytes, 100);
        wait_us = wait_us * 2 > 60 * LA_US_PER_S ? 60 * LA_US_PER_S : wait_us * 2;
        struct la_conn_status status = peer_status(&p, conn);
        assert_int_equal(status.backoff_n, i);
        assert_int_equal(status.timer, LA_TIMER_RETRANSMIT);
        /* R1 (SHLD-9): the application may know from the third on, and nothing ends. */
        assert_int_equal(status.err_soft, i >= 3 ? LA_ERR_TIMED_OUT : LA_OK);
        assert_int_equal(status.err, LA_OK);
    }
    assert_true(la_instant_diff_us(p.now, begin) > 100 * LA_US_PER_S); /* SHLD-11 */
    peer_run_us(&p, 61 * LA_US_PER_S);
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_TIMED_OUT);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

static void
test_timeout__progress_ends_the_count_and_the_advice(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = established_rtt_200_ms(&peer_plain);
    /* Each octet is lost ten times: R2 is about one segment, not about their sum. */
    for (unsigned i = 0; i < 4; i++) {
        peer_user_send(&p, conn, 1);
        peer_expect(&p, LA_TCP_ACK);
        for (unsigned k = 0; k < 10; k++) {
            assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
            peer_expect(&p, LA_TCP_ACK);
        }
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        assert_int_equal(peer_status(&p, conn).backoff_n, 0);
        assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
    }
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* RFC 6298 5.5, 5.7 and the note below them; RFC 9293 3.8.1 (MUST-18, MUST-19). The path has become
 * slower than the RTO: if the back-off ended with the acknowledgement of a segment that was sent
 * twice, every later segment would be sent twice too, and the RTT never be measured. */
/* LEDGER: MUST-18, MUST-19 */
static void
test_timeout__back_off_stays_until_a_measurement(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = established_rtt_200_ms(&peer_plain);
    peer_user_send(&p, conn, 10);
    peer_expect(&p, LA_TCP_ACK);
    peer_run_us(&p, 900 * LA_US_PER_MS); /* the RTT is 900 ms now; sent again at 600 ms */
    peer_expect(&p, LA_TCP_ACK);
    peer_expect_none(&p);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    peer_user_send(&p, conn, 10); /* must be given 1200 ms */
    peer_expect(&p, LA_TCP_ACK);
    peer_run_us(&p, 900 * LA_US_PER_MS);
    peer_expect_none(&p);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.srtt_us, (7 * 200000 + 900000) / 8);
    assert_int_equal(status.rto_us, 287500 + 4 * (3 * 100000 + 700000) / 4);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* RFC 6298 5.7: after a lost SYN the RTO begins at 3 s; RFC 5681 3.1: the window with one segment.
 */
/* LEDGER: RFC6298-18, RFC5681-7 */
static void
test_timeout__after_a_lost_syn(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_open(&p, NULL);
    peer_expect(&p, LA_TCP_SYN);
    assert_true(peer_run_until_sent(&p, 2 * LA_US_PER_S));
    peer_expect(&p, LA_TCP_SYN);
    p.wnd = 65535;
    peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
    peer_expect(&p, LA_TCP_ACK);
    peer_user_send(&p, conn, 5000);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.text_bytes, 1460);
    peer_expect_none(&p);
    la_instant last = p.now;
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    expect_after(&last, 3 * LA_US_PER_S);
    peer_forget(&p);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* ---- the user timeout ------------------------------------------------------------------- */

/* LEDGER: FSM-TMO-1 */
static void
test_timeout__user_timeout(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = established_rtt_200_ms(&peer_plain);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_USER_TIMEOUT_MS, 5000, p.now), LA_OK);
    peer_run_us(&p, 100 * LA_US_PER_S); /* idle time counts for nothing */
    peer_user_send(&p, conn, 10);
    la_instant begin = p.now;
    peer_run_us(&p, 4990 * LA_US_PER_MS);
    assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
    peer_run_us(&p, 20 * LA_US_PER_MS);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_TIMED_OUT);
    assert_int_equal(p.last[LA_EVENT_STATE].u.state.event, LA_TCP_EV_TIMEOUT_USER);
    assert_true(la_instant_diff_us(p.last[LA_EVENT_STATE].at, begin) >= 5000 * LA_US_PER_MS);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

/* It is looked at when the retransmission timer expires: never early, at most one RTO late. */
static void
test_timeout__user_timeout_shorter_than_rto(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = established_rtt_200_ms(&peer_plain);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_USER_TIMEOUT_MS, 250, p.now), LA_OK);
    peer_user_send(&p, conn, 10);
    peer_run_us(&p, 240 * LA_US_PER_MS);
    assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
    peer_run_us(&p, 370 * LA_US_PER_MS);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_TIMED_OUT);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

/* ---- a shut window ---------------------------------------------------------------------- */

static la_handle
shut(void)
{
    la_handle conn = established_rtt_200_ms(&peer_plain);
    p.wnd = 0;
    peer_user_send(&p, conn, 500);
    peer_expect(&p, LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, NULL, 0); /* all acknowledged, no window */
    peer_user_send(&p, conn, 500);
    peer_expect_none(&p);
    return conn;
}

/* LEDGER: MUST-36, MUST-37, SHLD-29, SHLD-30, SPEC-PERSIST */
static void
test_timeout__probes_go_on_as_long_as_they_are_answered(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = shut();
    la_seq seq = p.rcv_nxt;
    la_instant last = p.now;
    int64_t wait_us = peer_status(&p, conn).rto_us; /* SHLD-29: the first after the RTO */
    for (unsigned i = 0; i < 40; i++) {             /* MUST-37: beyond any R2 */
        assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        expect_after(&last, wait_us);
        const struct peer_seg *probe = peer_expect(&p, LA_TCP_ACK);
        assert_true(la_seq_eq(probe->tcp.seq, seq));
        assert_int_equal(probe->tcp.text_bytes, 1);
        assert_int_equal(probe->text[0], 0);
        p.rcv_nxt = seq; /* not taken */
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        peer_expect_none(&p);
        wait_us = wait_us * 2 > 60 * LA_US_PER_S ? 60 * LA_US_PER_S : wait_us * 2; /* SHLD-30 */
    }
    assert_int_equal(peer_status(&p, conn).timer, LA_TIMER_PERSIST);
    p.wnd = 1000;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
    assert_true(la_seq_eq(seg->tcp.seq, seq));
    assert_int_equal(seg->tcp.text_bytes, 500);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

static void
test_timeout__probes_that_nobody_answers_end(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = shut();
    unsigned probes_n = 0;
    while (peer_run_until_sent(&p, 70 * LA_US_PER_S)) {
        peer_expect(&p, LA_TCP_ACK);
        assert_true(++probes_n <= 15);
    }
    assert_int_equal(probes_n, 15);
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_TIMED_OUT);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* Nobody owns the connection any more: a peer that keeps its window shut may not keep its memory
 * (RFC 6429 4: an implementation may end it; here whatever no handle owns is ended by a timer). */
static void
test_timeout__a_shut_window_holds_no_orphan(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = shut();
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    la_seq nxt = p.rcv_nxt;
    unsigned probes_n = 0;
    while (peer_run_until_sent(&p, 100 * LA_US_PER_S)) {
        assert_true(++probes_n < 40);
        peer_expect(&p, LA_TCP_ACK);
        p.rcv_nxt = nxt; /* not taken */
        peer_send(&p, LA_TCP_ACK, NULL, 0);
    }
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_forget(&p);
    peer_free(&p);
}

static void
with_zero_window_limit(struct la_stack_cfg *cfg)
{
    cfg->tcp.zero_window_ms = 30000;
}

/* Sockstress (RFC 6429 3): peers that ask for something, and then read nothing. The instance may
 * set a limit; what the application needs for a decision of its own stands in the status. */
static void
test_timeout__a_shut_window_may_have_a_limit(void **state)
{
    (void)state;
    static const struct peer_cfg limited = {.stack = with_zero_window_limit};
    for (int limit = 0; limit < 2; limit++) {
        peer_new(&p, limit != 0 ? &limited : &plain);
        la_handle conn = shut();
        la_seq nxt = p.rcv_nxt;
        la_instant begin = p.now;
        assert_in_range(peer_status(&p, conn).stalled_ms, 0, 300);
        while (la_instant_diff_us(p.now, begin) < 60 * LA_US_PER_S) {
            if (!peer_run_until_sent(&p, LA_US_PER_S))
                continue;
            assert_non_null(peer_take(&p));
            p.rcv_nxt = nxt;
            peer_send(&p, LA_TCP_ACK, NULL, 0); /* each probe is answered */
            if (limit != 0 && peer_state(&p) != LA_TCP_CLOSED)
                assert_true(la_instant_diff_us(p.now, begin) < 31 * LA_US_PER_S);
        }
        assert_int_equal(peer_state(&p), limit != 0 ? LA_TCP_CLOSED : LA_TCP_ESTABLISHED);
        if (limit != 0)
            assert_int_equal(peer_status(&p, conn).err, LA_ERR_TIMED_OUT);
        else
            assert_in_range(peer_status(&p, conn).stalled_ms, 59000, 62000);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_collect(&p);
        peer_forget(&p);
        peer_free(&p);
    }
}

/* A window that opens in between begins anew. */
static void
test_timeout__a_window_that_opens_is_no_shut_one(void **state)
{
    (void)state;
    static const struct peer_cfg limited = {.stack = with_zero_window_limit};
    peer_new(&p, &limited);
    la_handle conn = shut();
    for (unsigned i = 0; i < 6; i++) {
        la_seq nxt = p.rcv_nxt;
        for (la_instant begin = p.now; la_instant_diff_us(p.now, begin) < 20 * LA_US_PER_S;) {
            if (!peer_run_until_sent(&p, LA_US_PER_S))
                continue;
            assert_non_null(peer_take(&p));
            p.rcv_nxt = nxt;
            peer_send(&p, LA_TCP_ACK, NULL, 0);
        }
        p.wnd = 1000;
        peer_send(&p, LA_TCP_ACK, NULL, 0); /* it reads at last */
        peer_expect(&p, LA_TCP_ACK);
        peer_user_send(&p, conn, 500);
        p.wnd = 0;
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        peer_forget(&p);
    }
    assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    peer_forget(&p);
    peer_free(&p);
}

/* "Never give up" holds as long as there is somebody who said so. */
static void
test_timeout__no_r2_and_no_owner(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = established_rtt_200_ms(&peer_plain);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_R2_N, 0, p.now), LA_OK);
    peer_user_send(&p, conn, 10);
    for (unsigned i = 0; i < 40; i++) {
        peer_forget(&p);
        assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
    }
    assert_int_equal(peer_status(&p, conn).err, LA_OK);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_run_us(&p, 2000 * LA_US_PER_S);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_forget(&p);
    peer_free(&p);
}

/* A peer may take the octet that probed. That tells nothing about the round trip: nobody knows
 * which probe it was (RFC 6298 3). */
static void
test_timeout__a_probe_that_is_taken_is_no_measurement(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = shut();
    uint32_t srtt_us = peer_status(&p, conn).srtt_us;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        peer_expect(&p, LA_TCP_ACK);
        peer_run_us(&p, 200 * LA_US_PER_MS);
        peer_send(&p, LA_TCP_ACK, NULL, 0); /* taken, and still no window */
        struct la_conn_status status = peer_status(&p, conn);
        assert_int_equal(status.unsent_bytes, 500 - 1 - i);
        assert_int_equal(status.srtt_us, srtt_us);
    }
    p.wnd = 1000;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(seg->tcp.text_bytes, 495);
    assert_int_equal(seg->text[0], (uint8_t)(5 * 7));
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* MUST-35, SHLD-17: a window that shrank behind what is in flight is probed by retransmission, and
 * does not end the connection. */
/* LEDGER: MUST-35, SHLD-17, MAY-7 */
static void
test_timeout__a_window_that_shrank(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = established_rtt_200_ms(&peer_plain);
    peer_user_send(&p, conn, 900);
    la_seq una = peer_expect(&p, LA_TCP_ACK)->tcp.seq;
    p.wnd = 0;
    for (unsigned i = 0; i < 30; i++) {
        struct la_tcp_seg ack = peer_usual(&p, LA_TCP_ACK);
        ack.ack = una;
        peer_say(&p, &ack, NULL, 0);
        assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.seq, una));
    }
    assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
    p.wnd = 1000;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_status(&p, conn).send_queue_bytes, 0);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* ---- keep-alive ------------------------------------------------------------------------- */

static void
keepalive_on(la_handle conn)
{
    static const struct {
        enum la_conn_option option;
        int64_t value;
    } options[] = {{LA_OPT_KEEPALIVE_IDLE_S, 100},
                   {LA_OPT_KEEPALIVE_INTERVAL_S, 10},
                   {LA_OPT_KEEPALIVE_PROBES_N, 3},
                   {LA_OPT_KEEPALIVE, 1}};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            la_conn_option_set(p.stack, conn, options[i].option, options[i].value, p.now), LA_OK);
}

/* LEDGER: MUST-24, MUST-25, MUST-27, MUST-29, SHLD-12 */
static void
test_timeout__keepalive(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = established_rtt_200_ms(&peer_plain);
    peer_run_us(&p, 10000 * LA_US_PER_S); /* MUST-25: off by default */
    peer_expect_none(&p);
    keepalive_on(conn);
    la_instant last = p.now;
    for (unsigned i = 0; i < 3; i++) { /* answered: goes on for ever */
        assert_true(peer_run_until_sent(&p, 200 * LA_US_PER_S));
        expect_after(&last, 100 * LA_US_PER_S);
        const struct peer_seg *probe = peer_expect(&p, LA_TCP_ACK);
        assert_true(la_seq_eq(probe->tcp.seq, la_seq_sub(p.rcv_nxt, 1)));
        assert_int_equal(probe->tcp.text_bytes, 0);
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        peer_expect_none(&p);
    }
    static const int64_t waits_s[] = {100, 10, 10};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(peer_run_until_sent(&p, 200 * LA_US_PER_S));
        expect_after(&last, waits_s[i] * LA_US_PER_S);
        peer_expect(&p, LA_TCP_ACK);
        assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED); /* MUST-29 */
    }
    peer_run_us(&p, 11 * LA_US_PER_S);
    peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_TIMED_OUT);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* MUST-26: not while data is outstanding, and not when something was heard. */
/* LEDGER: MUST-26, MAY-5 */
static void
test_timeout__keepalive_waits_for_silence(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = established_rtt_200_ms(&peer_plain);
    keepalive_on(conn);
    for (unsigned i = 0; i < 5; i++) {
        peer_run_us(&p, 90 * LA_US_PER_S);
        peer_send(&p, LA_TCP_ACK, "x", 1);
        peer_run_us(&p, LA_US_PER_S);
        peer_expect(&p, LA_TCP_ACK); /* of the octet */
        peer_expect_none(&p);
    }
    peer_user_send(&p, conn, 10);
    while (peer_run_until_sent(&p, 70 * LA_US_PER_S)) /* to R2: retransmissions only */
        assert_int_equal(peer_take(&p)->tcp.text_bytes, 10);
    assert_int_equal(p.last[LA_EVENT_STATE].u.state.event, LA_TCP_EV_TIMEOUT_R2);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* Our FIN waits behind a shut window, the peer's was received: CLOSING with nothing in flight. */
static void
test_timeout__keepalive_in_closing(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = shut();
    keepalive_on(conn);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_send(&p, LA_TCP_FIN | LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSING);
    while (peer_run_until_sent(&p, 200 * LA_US_PER_S)) {
        peer_forget(&p);
    }
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_TIMED_OUT);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* ---- FIN-WAIT-2, TIME-WAIT -------------------------------------------------------------- */

static la_handle
to_fin_wait_2(void)
{
    la_handle conn = established_rtt_200_ms(&peer_plain);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_state(&p), LA_TCP_FIN_WAIT_2);
    return conn;
}

static void
test_timeout__fin_wait_2(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = to_fin_wait_2();
    peer_run_us(&p, 1000 * LA_US_PER_S); /* half-closed, owned: as long as it takes */
    assert_int_equal(peer_state(&p), LA_TCP_FIN_WAIT_2);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_run_us(&p, 59 * LA_US_PER_S); /* D2 */
    assert_int_equal(peer_state(&p), LA_TCP_FIN_WAIT_2);
    peer_run_us(&p, 2 * LA_US_PER_S);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_expect_none(&p);
    peer_free(&p);
}

/* LEDGER: MUST-13, FSM-SEG-ACK-7, FSM-SEG-FIN-4, FSM-TMO-3 */
static void
test_timeout__time_wait_is_2_msl_from_the_last_fin(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = to_fin_wait_2();
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    struct la_tcp_seg fin = peer_usual(&p, LA_TCP_FIN | LA_TCP_ACK);
    peer_send(&p, LA_TCP_FIN | LA_TCP_ACK, NULL, 0);
    peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(peer_state(&p), LA_TCP_TIME_WAIT);
    for (unsigned i = 0; i < 3; i++) { /* 3.10.7.4 eighth: restart */
        peer_run_us(&p, 50 * LA_US_PER_S);
        peer_say(&p, &fin, NULL, 0);
        assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
    }
    /* Something else is answered, and restarts nothing. */
    peer_run_us(&p, 50 * LA_US_PER_S);
    struct la_tcp_seg old = peer_usual(&p, LA_TCP_ACK);
    old.seq = la_seq_sub(old.seq, 2);
    peer_say(&p, &old, NULL, 0);
    peer_expect(&p, LA_TCP_ACK);
    peer_run_us(&p, 9 * LA_US_PER_S);
    assert_int_equal(peer_state(&p), LA_TCP_TIME_WAIT);
    peer_run_us(&p, 2 * LA_US_PER_S);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_free(&p);
}

/* ---- no memory -------------------------------------------------------------------------- */

/* The SYN cannot be sent for want of memory for longer than any timer runs. */
static void
test_timeout__no_memory_for_the_syn(void **state)
{
    (void)state;
    for (unsigned queued = 0; queued < 2; queued++) {
        peer_new(&p, &plain);
        la_handle conn;
        struct la_endpoint any = {{{0}}, 0};
        assert_int_equal(la_conn_open(p.stack, &any, &p.addr, NULL, &conn, p.now), LA_OK);
        p.host.port = peer_status(&p, conn).local.port;
        if (queued != 0)
            assert_int_equal(la_conn_send(p.stack, conn,
                                          (struct la_bytes){(const uint8_t *)"hello", 5}, false,
                                          p.now),
                             5);
        p.memory.fail_all = true;
        peer_run_us(&p, 5 * LA_US_PER_S);
        peer_expect_none(&p);
        p.memory.fail_all = false;
        assert_true(peer_run_until_sent(&p, LA_US_PER_S));
        peer_expect(&p, LA_TCP_SYN);
        peer_expect_none(&p);
        peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
        assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
        const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
        assert_int_equal(seg->tcp.text_bytes, queued * 5);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_free(&p);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeout__syn_is_given_up_after_183_s),
        cmocka_unit_test(test_timeout__syn_ack_is_given_up_and_forgotten),
        cmocka_unit_test(test_timeout__data_backs_off_to_r2),
        cmocka_unit_test(test_timeout__progress_ends_the_count_and_the_advice),
        cmocka_unit_test(test_timeout__back_off_stays_until_a_measurement),
        cmocka_unit_test(test_timeout__after_a_lost_syn),
        cmocka_unit_test(test_timeout__user_timeout),
        cmocka_unit_test(test_timeout__user_timeout_shorter_than_rto),
        cmocka_unit_test(test_timeout__probes_go_on_as_long_as_they_are_answered),
        cmocka_unit_test(test_timeout__probes_that_nobody_answers_end),
        cmocka_unit_test(test_timeout__a_shut_window_holds_no_orphan),
        cmocka_unit_test(test_timeout__a_shut_window_may_have_a_limit),
        cmocka_unit_test(test_timeout__a_window_that_opens_is_no_shut_one),
        cmocka_unit_test(test_timeout__no_r2_and_no_owner),
        cmocka_unit_test(test_timeout__a_probe_that_is_taken_is_no_measurement),
        cmocka_unit_test(test_timeout__a_window_that_shrank),
        cmocka_unit_test(test_timeout__keepalive),
        cmocka_unit_test(test_timeout__keepalive_waits_for_silence),
        cmocka_unit_test(test_timeout__keepalive_in_closing),
        cmocka_unit_test(test_timeout__fin_wait_2),
        cmocka_unit_test(test_timeout__time_wait_is_2_msl_from_the_last_fin),
        cmocka_unit_test(test_timeout__no_memory_for_the_syn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
