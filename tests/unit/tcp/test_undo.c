/* SPDX-License-Identifier: MIT
 *
 * test_undo.c - retransmissions that were not needed (RFC 3522, RFC 4015, RFC 5682, RFC 2883)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

enum { SMSS = 1000, RTT_US = 20000, WINDOW_N = 10, QUEUED_N = 40 };

static struct peer p;
static la_handle conn;
static la_seq base;

static void
usual(struct la_stack_cfg *cfg)
{
    cfg->tcp.nagle = false;
    cfg->tcp.initial_window_n = WINDOW_N;
    peer_reno(cfg);
    cfg->tcp.ecn = LA_ECN_ACCEPT;
}

/* WINDOW_N segments are in flight on a connection whose handshake took RTT_US, others wait. */
static void
begin(bool sack, bool timestamps, uint8_t ecn)
{
    peer_new(&p, &(struct peer_cfg){.stack = usual});
    p.wnd = 65535;
    la_handle listener = peer_listen(&p, 8);
    uint16_t mss = timestamps ? SMSS + 12 : SMSS;
    peer_say_syn(
        &p, (uint8_t)(LA_TCP_SYN | ecn),
        &(struct peer_options){.mss = mss, .wscale = -1, .sack = sack, .timestamps = timestamps});
    assert_non_null(peer_take(&p));
    peer_run_us(&p, RTT_US);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    base = p.rcv_nxt;
    peer_user_send(&p, conn, QUEUED_N * SMSS);
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, WINDOW_N * SMSS);
}

static void
end(void)
{
    peer_forget(&p);
    peer_free(&p);
}

/* The originals of ten have been looked at; what they echoed is what an acknowledgement of them
 * would. */
static uint32_t
take_originals(void)
{
    for (unsigned i = 0; i < WINDOW_N; i++)
        assert_non_null(peer_take(&p));
    return p.ts_ecr;
}

static void
ack_flags(uint32_t n, uint8_t flags)
{
    struct la_tcp_seg seg = peer_usual(&p, (uint8_t)(LA_TCP_ACK | flags));
    seg.ack = la_seq_add(base, n * SMSS);
    peer_say(&p, &seg, NULL, 0);
}

static void
ack(uint32_t n)
{
    ack_flags(n, 0);
}

static void
expect_segment(uint32_t n)
{
    const struct peer_seg *seg = peer_take(&p);
    assert_non_null(seg);
    assert_int_equal(la_seq_diff(seg->tcp.seq, base), n * SMSS);
}

static void
time_out(void)
{
    while (peer_status(&p, conn).rto_n == 0)
        assert_true(peer_run_until_sent(&p, LA_US_PER_S) && p.seg_n > 0 &&
                    (peer_status(&p, conn).rto_n > 0 || peer_forget(&p) > 0));
    expect_segment(0);
    peer_expect_none(&p);
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, SMSS);
}

/* ---- Eifel ------------------------------------------------------------------------------ */

/* LEDGER: RFC3522-1, RFC4015-1 */
static void
test_undo__timeout_by_timestamp(void **state)
{
    (void)state;
    begin(false, true, 0);
    uint32_t original = take_originals();
    time_out();
    p.ts_ecr = original; /* the acknowledgement is of the first transmission */
    ack(1);
    assert_int_equal(p.last[LA_EVENT_LOSS].u.loss.rule, LA_LOSS_UNDONE_EIFEL);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.ssthresh_bytes, UINT32_MAX);
    assert_int_equal(status.cwnd_bytes, WINDOW_N * SMSS); /* flight and what was acknowledged */
    expect_segment(WINDOW_N);                             /* new data, nothing again */
    peer_expect_none(&p);
    assert_int_equal(status.retransmissions_n, 1);
    end();
}

/* LEDGER: RFC3522-2 */
static void
test_undo__only_the_first_acknowledgement_decides(void **state)
{
    (void)state;
    begin(false, true, 0);
    uint32_t original = take_originals();
    time_out();
    ack(1); /* echoes the retransmission */
    assert_int_equal(p.events_n[LA_EVENT_LOSS], 0);
    ack(1); /* nor is it F-RTO's (3a) */
    peer_forget(&p);
    p.ts_ecr = original; /* an old echo does not change it any more */
    ack(2);
    assert_int_equal(p.events_n[LA_EVENT_LOSS], 0);
    assert_int_equal(peer_status(&p, conn).ssthresh_bytes, WINDOW_N / 2 * SMSS);
    end();
}

/* LEDGER: RFC3522-1 */
static void
test_undo__fast_retransmit_by_timestamp(void **state)
{
    (void)state;
    begin(false, true, 0);
    uint32_t original = take_originals();
    peer_run_us(&p, RTT_US);
    for (unsigned i = 0; i < 3; i++)
        ack(0);
    peer_forget(&p);
    assert_int_equal(peer_status(&p, conn).fast_retransmits_n, 1);
    peer_run_us(&p, RTT_US / 4);
    p.ts_ecr = original;
    ack(4); /* it was only late */
    assert_int_equal(p.last[LA_EVENT_LOSS].u.loss.rule, LA_LOSS_UNDONE_EIFEL);
    assert_int_equal(peer_status(&p, conn).ssthresh_bytes, UINT32_MAX);
    assert_true(peer_status(&p, conn).cwnd_bytes >= WINDOW_N * SMSS);
    assert_int_equal(peer_status(&p, conn).retransmissions_n, 1);
    end();
}

/* Congestion that is marked stays an answer to be given. */
/* LEDGER: RFC4015-1 */
static void
test_undo__not_with_an_echo(void **state)
{
    (void)state;
    begin(false, true, LA_TCP_ECE | LA_TCP_CWR);
    uint32_t original = take_originals();
    time_out();
    p.ts_ecr = original;
    ack_flags(1, LA_TCP_ECE);
    assert_int_equal(p.events_n[LA_EVENT_LOSS], 0);
    assert_int_equal(peer_status(&p, conn).ssthresh_bytes, WINDOW_N / 2 * SMSS);
    end();
}

/* ---- F-RTO ------------------------------------------------------------------------------ */

/* LEDGER: RFC5682-1, RFC5682-1a */
static void
test_undo__frto(void **state)
{
    (void)state;
    begin(false, false, 0);
    (void)take_originals();
    time_out();
    ack(1);
    expect_segment(WINDOW_N); /* 2b: two new ones */
    expect_segment(WINDOW_N + 1);
    peer_expect_none(&p);
    ack(2);
    assert_int_equal(p.last[LA_EVENT_LOSS].u.loss.rule, LA_LOSS_UNDONE_FRTO);
    assert_int_equal(peer_status(&p, conn).ssthresh_bytes, UINT32_MAX);
    assert_int_equal(peer_status(&p, conn).retransmissions_n, 1);
    peer_expect_none(&p); /* ten are in flight */
    ack(3);
    expect_segment(WINDOW_N + 2);
    end();
}

/* LEDGER: RFC5682-2 */
static void
test_undo__frto_of_a_real_loss(void **state)
{
    (void)state;
    begin(false, false, 0); /* 2a: a duplicate at once */
    (void)take_originals();
    time_out();
    ack(0);
    peer_expect_none(&p);
    ack(1);
    expect_segment(1);
    end();

    begin(false, false, 0); /* 2a: all is acknowledged */
    (void)take_originals();
    time_out();
    ack(WINDOW_N);
    assert_int_equal(p.events_n[LA_EVENT_LOSS], 0);
    assert_int_equal(peer_status(&p, conn).ssthresh_bytes, WINDOW_N / 2 * SMSS);
    end();

    begin(false, false, 0); /* 3a: a duplicate after the new ones */
    (void)take_originals();
    time_out();
    ack(1);
    expect_segment(WINDOW_N);
    expect_segment(WINDOW_N + 1);
    ack(1);
    assert_true(peer_status(&p, conn).cwnd_bytes <= 3 * SMSS);
    expect_segment(1); /* the conventional recovery */
    assert_int_equal(p.events_n[LA_EVENT_LOSS], 0);
    end();
}

/* LEDGER: RFC5682-3 */
static void
test_undo__frto_not_in_recovery(void **state)
{
    (void)state;
    begin(true, false, 0);
    (void)take_originals();
    peer_run_us(&p, RTT_US);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    seg.ack = base;
    seg.sack_n = 1;
    seg.sack[0] = (struct la_tcp_sack){la_seq_add(base, SMSS), la_seq_add(base, 5 * SMSS)};
    peer_say(&p, &seg, NULL, 0);
    assert_int_equal(peer_status(&p, conn).fast_retransmits_n, 1);
    peer_forget(&p);
    while (peer_status(&p, conn).rto_n == 0) {
        assert_true(peer_run_until_sent(&p, LA_US_PER_S));
        peer_forget(&p);
    }
    uint32_t found_n = p.events_n[LA_EVENT_LOSS];
    ack(5);
    const struct peer_seg *next = peer_take(&p);
    assert_non_null(next);
    assert_int_equal(la_seq_diff(next->tcp.seq, base), 5 * SMSS); /* again, not new */
    ack(6);
    assert_int_equal(p.events_n[LA_EVENT_LOSS], found_n);
    end();
}

/* ---- D-SACK ----------------------------------------------------------------------------- */

/* LEDGER: RFC2883-6 */
static void
test_undo__by_dsack(void **state)
{
    (void)state;
    for (unsigned all = 0; all < 2; all++) {
        begin(true, false, 0);
        (void)take_originals();
        peer_run_us(&p, RTT_US);
        struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
        seg.ack = base;
        seg.sack_n = 1;
        seg.sack[0] = (struct la_tcp_sack){la_seq_add(base, 2 * SMSS), la_seq_add(base, 6 * SMSS)};
        uint32_t top = 5;
        while (peer_status(&p, conn).retransmissions_n < 2) {
            assert_true(++top <= WINDOW_N);
            seg.sack[0].right = la_seq_add(base, top * SMSS);
            peer_say(&p, &seg, NULL, 0); /* two are late */
        }
        peer_forget(&p);
        assert_int_equal(peer_status(&p, conn).ssthresh_bytes, WINDOW_N / 2 * SMSS);
        ack(top);
        for (uint32_t n = 0; n < 1 + all; n++) {
            seg = peer_usual(&p, LA_TCP_ACK);
            seg.ack = la_seq_add(base, top * SMSS);
            seg.sack_n = 1;
            seg.sack[0] =
                (struct la_tcp_sack){la_seq_add(base, n * SMSS), la_seq_add(base, (n + 1) * SMSS)};
            peer_say(&p, &seg, NULL, 0);
        }
        assert_int_equal(peer_status(&p, conn).ssthresh_bytes,
                         all != 0 ? UINT32_MAX : WINDOW_N / 2 * SMSS);
        assert_int_equal(p.last[LA_EVENT_LOSS].u.loss.rule,
                         all != 0 ? LA_LOSS_UNDONE_DSACK : LA_LOSS_RACK);
        end();
    }
}

/* A path that has become longer by much: the timer that was too impatient begins with what the
 * first new text tells, not with an eighth of it. */
/* LEDGER: RFC4015-2 */
static void
test_undo__the_timer_becomes_patient(void **state)
{
    (void)state;
    begin(false, true, 0);
    uint32_t original = take_originals();
    time_out();
    p.ts_ecr = original;
    ack(1);
    assert_int_equal(p.last[LA_EVENT_LOSS].u.loss.rule, LA_LOSS_UNDONE_EIFEL);
    expect_segment(WINDOW_N);
    ack(WINDOW_N); /* of what had been in flight: nothing new is measured */
    uint32_t late_us = peer_status(&p, conn).rto_us - 10000;
    assert_true(peer_status(&p, conn).srtt_us < late_us / 2);
    peer_forget(&p);
    peer_run_us(&p, late_us);
    ack(WINDOW_N + 1);
    assert_int_equal(peer_status(&p, conn).srtt_us, late_us);
    assert_true(peer_status(&p, conn).rttvar_us >= late_us / 2);
    assert_int_equal(peer_status(&p, conn).rto_n, 1);
    end();
}

/* What it tells does not make the timer less patient than before the timeout. */
/* LEDGER: RFC4015-2 */
static void
test_undo__the_timer_does_not_lose_patience(void **state)
{
    (void)state;
    begin(false, true, 0);
    struct la_conn_status before = peer_status(&p, conn);
    uint32_t original = take_originals();
    time_out();
    p.ts_ecr = original;
    ack(1);
    expect_segment(WINDOW_N);
    ack(WINDOW_N);
    peer_forget(&p);
    peer_run_us(&p, RTT_US / 4); /* at once */
    ack(WINDOW_N + 1);
    assert_true(peer_status(&p, conn).srtt_us > before.srtt_us);
    assert_true(peer_status(&p, conn).rttvar_us >= before.rttvar_us);
    end();
}

/* An acknowledgement that comes late reports what was SACKed then, which is acknowledged by now. A
 * duplicate it is none: what it acknowledges itself lies before it. */
/* LEDGER: RFC2883-7 */
static void
test_undo__a_late_report_is_no_dsack(void **state)
{
    (void)state;
    begin(true, false, 0);
    (void)take_originals();
    peer_run_us(&p, RTT_US);
    ack(5);
    peer_forget(&p);
    uint32_t before_us = peer_status(&p, conn).reordering_us;
    struct la_tcp_seg late = peer_usual(&p, LA_TCP_ACK);
    late.ack = la_seq_add(base, 2 * SMSS);
    late.sack[late.sack_n++] =
        (struct la_tcp_sack){la_seq_add(base, 3 * SMSS), la_seq_add(base, 4 * SMSS)};
    peer_say(&p, &late, NULL, 0);
    assert_int_equal(peer_status(&p, conn).reordering_us, before_us);
    late.ack =
        la_seq_add(base, 5 * SMSS); /* the same block, below what it acknowledges: a D-SACK */
    peer_say(&p, &late, NULL, 0);
    assert_true(peer_status(&p, conn).reordering_us > before_us);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undo__timeout_by_timestamp),
        cmocka_unit_test(test_undo__only_the_first_acknowledgement_decides),
        cmocka_unit_test(test_undo__fast_retransmit_by_timestamp),
        cmocka_unit_test(test_undo__not_with_an_echo),
        cmocka_unit_test(test_undo__frto),
        cmocka_unit_test(test_undo__frto_of_a_real_loss),
        cmocka_unit_test(test_undo__frto_not_in_recovery),
        cmocka_unit_test(test_undo__by_dsack),
        cmocka_unit_test(test_undo__the_timer_becomes_patient),
        cmocka_unit_test(test_undo__the_timer_does_not_lose_patience),
        cmocka_unit_test(test_undo__a_late_report_is_no_dsack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
