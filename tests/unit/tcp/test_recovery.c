/* SPDX-License-Identifier: MIT
 *
 * test_recovery.c - congestion windows, duplicate acknowledgements, recovery, the loss window
 *
 * Read first: RFC 5681 3; RFC 6582 3.2; RFC 3042; RFC 6298 3 to 5; RFC 6928. Numbers are worked out
 * by hand from these, with SMSS 1000.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

enum { SMSS = 1000, RTT_US = 100000 };

static struct peer p;
static const struct peer_options mss_1000 = {.mss = SMSS, .wscale = 2};
static const struct peer_options stamped = {.mss = SMSS + 12, .wscale = 2, .timestamps = true};
static la_handle conn;
static la_seq base; /* number of the first octet */

static void
initial_window_4(struct la_stack_cfg *cfg)
{
    cfg->tcp.initial_window_n = 4;
    peer_reno(cfg);
    cfg->tcp.nagle = false;
}

static void
begin(const struct peer_options *options)
{
    peer_new(&p, &(struct peer_cfg){.stack = initial_window_4});
    p.wnd = 65535;
    la_handle listener = peer_listen(&p, 1);
    peer_say_syn(&p, LA_TCP_SYN, options);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    peer_run_us(&p, RTT_US);
    p.ts_val += RTT_US / 1000;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    base = p.rcv_nxt;
}

static void
end(void)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

/* An ACK of the first n octets, one round trip later when `later`. */
static void
ack(uint32_t n)
{
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    seg.ack = la_seq_add(base, n);
    peer_say(&p, &seg, NULL, 0);
}

static void
later(void)
{
    peer_run_us(&p, RTT_US);
    p.ts_val += RTT_US / 1000;
}

/* Asserts that segments for the octets [first, end) are sent, in order, SMSS each, and no more. */
static void
expect_sent(uint32_t first, uint32_t end_off)
{
    for (uint32_t off = first; off < end_off; off += SMSS) {
        const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
        assert_int_equal(la_seq_diff(seg->tcp.seq, base), off);
        assert_int_equal(seg->tcp.text_bytes, end_off - off < SMSS ? end_off - off : SMSS);
    }
    assert_int_equal(p.seg_n, 0);
}

static void
expect_windows(uint32_t cwnd, uint32_t ssthresh)
{
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.cwnd_bytes, cwnd);
    assert_int_equal(status.ssthresh_bytes, ssthresh);
}

/* ---- growth ----------------------------------------------------------------------------- */

static uint16_t initial_window_n;

static void
with_initial_window(struct la_stack_cfg *cfg)
{
    cfg->tcp.initial_window_n = initial_window_n;
}

/* LEDGER: RFC5681-5, RFC5681-6, RFC2525-1, RFC2525-3 */
static void
test_recovery__initial_window(void **state)
{
    (void)state;
    static const struct {
        uint16_t n, mss;
        uint32_t mtu_bytes, cwnd;
    } cases[] = {
        {10, 1460, 1500, 14600}, {10, 536, 1500, 5360}, {10, 8960, 9000, 17920},
        {10, 1000, 1500, 10000}, {0, 536, 1500, 2144},  {0, 1095, 1500, 4380},
        {0, 1096, 1500, 3288},   {0, 2190, 9000, 6570}, {0, 2191, 9000, 4382},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        initial_window_n = cases[i].n;
        peer_new(&p,
                 &(struct peer_cfg){.stack = with_initial_window, .mtu_bytes = cases[i].mtu_bytes});
        conn = peer_passive(&p, &(struct peer_options){.mss = cases[i].mss, .wscale = -1});
        assert_int_equal(peer_status(&p, conn).cwnd_bytes, cases[i].cwnd);
        end();
    }
}

/* LEDGER: MUST-19, RFC5681-4, RFC5681-9, RFC5681-14, RFC5681-13 */
static void
test_recovery__slow_start_and_avoidance(void **state)
{
    (void)state;
    begin(&mss_1000);
    peer_user_send(&p, conn, 100 * SMSS);
    expect_sent(0, 4000);
    expect_windows(4000, UINT32_MAX);
    later();
    ack(1000); /* RFC 5681 eqn. 2: min(N, SMSS) each */
    expect_sent(4000, 6000);
    ack(3000); /* two segments at once: RFC 3465 */
    expect_sent(6000, 10000);
    expect_windows(7000, UINT32_MAX);
    ack(4000);
    expect_windows(8000, UINT32_MAX);
    expect_sent(10000, 12000);
    /* To congestion avoidance: three duplicates at flight 8000 leave ssthresh 4000. */
    for (unsigned i = 0; i < 3; i++)
        ack(4000);
    peer_forget(&p);
    ack(14000);
    expect_windows(2000, 4000);
    peer_forget(&p);
    ack(16000);
    expect_windows(4000, 4000);
    peer_forget(&p);
    /* One SMSS for each cwnd of acknowledged octets, and not before. */
    uint32_t at = 16000;
    for (unsigned i = 0; i < 3; i++)
        ack(at += 1000);
    expect_windows(4000, 4000);
    ack(at += 1000);
    expect_windows(5000, 4000);
    for (unsigned i = 0; i < 4; i++)
        ack(at += 1000);
    expect_windows(5000, 4000);
    ack(at += 1000);
    expect_windows(6000, 4000);
    end();
}

/* A window that is not used does not grow (RFC 7661 in short). */
static void
test_recovery__unused_window_does_not_grow(void **state)
{
    (void)state;
    begin(&mss_1000);
    for (uint32_t at = 100; at <= 1000; at += 100) {
        peer_user_send(&p, conn, 100);
        peer_forget(&p);
        later();
        ack(at);
    }
    expect_windows(4000, UINT32_MAX);
    end();
}

/* ---- fast retransmit, fast recovery ----------------------------------------------------- */

/* 10 segments in flight, cwnd 10,000, the first not yet acknowledged is at 6000. */
static void
ten_in_flight(const struct peer_options *options)
{
    begin(options);
    peer_user_send(&p, conn, 100 * SMSS);
    expect_sent(0, 4000);
    later();
    for (uint32_t at = 1000; at <= 4000; at += 1000)
        ack(at);
    expect_sent(4000, 12000);
    later();
    ack(5000);
    ack(6000);
    expect_sent(12000, 16000);
    expect_windows(10000, UINT32_MAX);
}

/* LEDGER: RFC6582-3, RFC5681-19, RFC5681-20, RFC5681-22, RFC5681-24 */
static void
test_recovery__fast_retransmit_numbers(void **state)
{
    (void)state;
    ten_in_flight(&mss_1000);
    ack(6000); /* RFC 3042: a new segment for each of the first two */
    expect_sent(16000, 17000);
    ack(6000);
    expect_sent(17000, 18000);
    expect_windows(10000, UINT32_MAX);
    ack(6000);
    expect_sent(6000, 7000);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.cause, LA_CAUSE_RETRANSMIT_FAST);
    assert_int_equal(p.last[LA_EVENT_CONGESTION].u.congestion.phase, LA_CC_RECOVERY);
    /* RFC 5681 3.2 step 2: half of the flight without what limited transmit has added. */
    expect_windows(5000 + 3000, 5000);
    /* Step 4: each further duplicate inflates by SMSS; flight is 12,000. */
    for (unsigned i = 0; i < 4; i++)
        ack(6000);
    expect_windows(12000, 5000);
    assert_int_equal(p.seg_n, 0);
    ack(6000);
    expect_sent(18000, 19000);
    /* RFC 6582 step 3, full acknowledgement: min(ssthresh, max(flight, SMSS) + SMSS). */
    later();
    ack(18000);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.cwnd_bytes, 2000);
    assert_int_equal(status.fast_retransmits_n, 1);
    assert_int_equal(status.rto_n, 0);
    expect_sent(19000, 20000);
    end();
}

/* LEDGER: RFC6582-4, RFC5681-34, RFC2525-14 */
static void
test_recovery__partial_acknowledgement(void **state)
{
    (void)state;
    ten_in_flight(&mss_1000);
    for (unsigned i = 0; i < 3; i++)
        ack(6000);
    peer_forget(&p); /* 16000, 17000 and the first again; recover is 18000 */
    expect_windows(8000, 5000);
    ack(9000); /* the hole at 9000 is next: retransmitted at once */
    expect_sent(9000, 10000);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.cause, LA_CAUSE_RETRANSMIT_PARTIAL);
    expect_windows(8000 - 3000 + 1000, 5000);
    ack(9400); /* less than SMSS: nothing is added back */
    expect_windows(6000 - 400, 5000);
    expect_sent(9400, 10400);
    ack(17999);
    assert_int_equal(peer_status(&p, conn).fast_retransmits_n, 1);
    peer_forget(&p);
    assert_int_equal(p.last[LA_EVENT_CONGESTION].u.congestion.phase, LA_CC_RECOVERY);
    ack(18000);
    assert_int_not_equal(p.last[LA_EVENT_CONGESTION].u.congestion.phase, LA_CC_RECOVERY);
    end();
}

/* RFC 6582 3.2 step 2 and 4.1: duplicates about what was in flight then are no new loss. */
/* LEDGER: RFC6582-2 */
static void
test_recovery__not_twice_for_one_window(void **state)
{
    (void)state;
    ten_in_flight(&mss_1000);
    for (unsigned i = 0; i < 3; i++)
        ack(6000);
    peer_forget(&p);
    ack(18000); /* exactly all of it */
    peer_forget(&p);
    for (unsigned i = 0; i < 5; i++)
        ack(18000);
    assert_int_equal(peer_status(&p, conn).fast_retransmits_n, 1);
    peer_forget(&p);
    ack(19000); /* beyond: counts again */
    peer_forget(&p);
    peer_user_send(&p, conn, 1);
    for (unsigned i = 0; i < 3; i++)
        ack(19000);
    assert_int_equal(peer_status(&p, conn).fast_retransmits_n, 2);
    end();
}

/* RFC 5681 2: what is no duplicate ACK. */
/* LEDGER: RFC5681-2 */
static void
test_recovery__what_is_no_duplicate(void **state)
{
    (void)state;
    ten_in_flight(&mss_1000);
    for (unsigned i = 0; i < 5; i++) { /* (b) with text */
        struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
        seg.ack = la_seq_add(base, 6000);
        p.snd_nxt = la_seq_add(p.snd_nxt, 1);
        peer_say(&p, &seg, "x", 1);
    }
    for (unsigned i = 0; i < 5; i++) { /* (e) another window */
        p.wnd--;
        ack(6000);
    }
    for (unsigned i = 0; i < 5; i++) /* (d) not SND.UNA */
        ack(5000);
    assert_int_equal(peer_status(&p, conn).duplicate_acks_n, 0);
    assert_int_equal(peer_status(&p, conn).fast_retransmits_n, 0);
    peer_forget(&p);
    ack(16000); /* (a) nothing outstanding */
    peer_forget(&p);
    end();
    begin(&mss_1000);
    for (unsigned i = 0; i < 5; i++)
        ack(0);
    assert_int_equal(peer_status(&p, conn).duplicate_acks_n, 0);
    end();
}

/* ---- timeout ---------------------------------------------------------------------------- */

/* LEDGER: RFC3465-2, RFC5681-15, RFC5681-16, RFC6582-5, RFC5681-11 */
static void
test_recovery__timeout_numbers(void **state)
{
    (void)state;
    ten_in_flight(&mss_1000);
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    expect_sent(6000, 7000); /* RFC 5681 3.1: the loss window is one segment */
    expect_windows(1000, 5000);
    assert_int_equal(p.last[LA_EVENT_CONGESTION].u.congestion.phase, LA_CC_LOSS);
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    expect_sent(6000, 7000); /* the same once more: ssthresh is held (eqn. 4 and below) */
    expect_windows(1000, 5000);
    later();
    ack(7000); /* slow start again, from what was lost */
    expect_windows(2000, 5000);
    expect_sent(7000, 9000);
    ack(8000);
    expect_sent(9000, 11000);
    for (unsigned i = 0; i < 5; i++) /* RFC 6582 3.2 step 4: no fast retransmit below recover */
        ack(8000);
    assert_int_equal(peer_status(&p, conn).fast_retransmits_n, 0);
    assert_int_equal(p.seg_n, 0);
    ack(16000); /* RFC 3465 2.3: one segment, however far the ACK jumps */
    expect_windows(4000, 5000);
    assert_int_equal(p.last[LA_EVENT_CONGESTION].u.congestion.phase, LA_CC_SLOW_START);
    expect_sent(16000, 20000);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.rto_n, 2);
    assert_int_equal(status.retransmissions_n, 6);
    assert_int_equal(status.bytes_retransmitted, 6000);
    end();
}

/* SMSS or two at least (eqn. 4). */
/* LEDGER: RFC5681-10 */
static void
test_recovery__ssthresh_is_two_segments_at_least(void **state)
{
    (void)state;
    begin(&mss_1000);
    peer_user_send(&p, conn, 500);
    peer_forget(&p);
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    expect_sent(0, 500);
    expect_windows(1000, 2000);
    end();
}

/* ---- the round trip --------------------------------------------------------------------- */

/* RFC 6298 3: what waited behind a hole says nothing about the path. The RTT is 100 ms throughout;
 * the first of two segments is lost and comes again after the RTO of 300 ms. */
static void
no_sample_from_behind_a_hole(const struct peer_options *options)
{
    begin(options);
    assert_int_equal(peer_status(&p, conn).srtt_us, RTT_US);
    peer_user_send(&p, conn, 1000);
    peer_run_us(&p, 10000); /* another instant: another entry on the scoreboard */
    p.ts_val += 10;
    peer_user_send(&p, conn, 1000);
    expect_sent(0, 2000);
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    const struct peer_seg *again = peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(la_seq_diff(again->tcp.seq, base), 0);
    p.ts_ecr = again->tcp.ts_val;
    peer_run_us(&p, RTT_US);
    ack(2000);
    struct la_conn_status status = peer_status(&p, conn);
    assert_true(status.srtt_us <= RTT_US + 2000);
    assert_true(status.srtt_us >= RTT_US - 2000);
    end();
}

/* LEDGER: MUST-18, RFC6298-9 */
static void
test_recovery__no_sample_from_behind_a_hole(void **state)
{
    (void)state;
    no_sample_from_behind_a_hole(&mss_1000);
    no_sample_from_behind_a_hole(&stamped);
}

/* A partial acknowledgement and the full one in a burst: what the first asked for has arrived. */
static void
test_recovery__full_behind_partial(void **state)
{
    (void)state;
    begin(&mss_1000);
    peer_user_send(&p, conn, 100 * SMSS);
    expect_sent(0, 4000);
    later();
    for (unsigned i = 0; i < 3; i++)
        ack(0);
    peer_forget(&p);
    later();
    uint32_t sent = (uint32_t)la_seq_diff(p.rcv_nxt, base);
    peer_hold(&p);
    ack(2000);
    ack(sent);
    peer_release(&p);
    while (p.seg_n > 0)
        assert_true(la_seq_diff(peer_take(&p)->tcp.seq, base) >= (int32_t)sent);
    assert_int_equal(peer_status(&p, conn).retransmissions_n, 1);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recovery__initial_window),
        cmocka_unit_test(test_recovery__slow_start_and_avoidance),
        cmocka_unit_test(test_recovery__unused_window_does_not_grow),
        cmocka_unit_test(test_recovery__fast_retransmit_numbers),
        cmocka_unit_test(test_recovery__partial_acknowledgement),
        cmocka_unit_test(test_recovery__not_twice_for_one_window),
        cmocka_unit_test(test_recovery__what_is_no_duplicate),
        cmocka_unit_test(test_recovery__timeout_numbers),
        cmocka_unit_test(test_recovery__ssthresh_is_two_segments_at_least),
        cmocka_unit_test(test_recovery__no_sample_from_behind_a_hole),
        cmocka_unit_test(test_recovery__full_behind_partial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
