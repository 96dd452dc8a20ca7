/* SPDX-License-Identifier: MIT
 *
 * test_rack.c - losses found by time, probes, and what is sent meanwhile (RFC 8985, RFC 9937)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

enum { SMSS = 1000, RTT_US = 20000, WINDOW_N = 10, MS = 1000 };

static struct peer p;
static la_handle conn;
static la_seq base; /* the first octet's */

static void
usual(struct la_stack_cfg *cfg)
{
    cfg->tcp.nagle = false;
    cfg->tcp.initial_window_n = WINDOW_N;
    peer_reno(cfg);
}

static void
without_rack(struct la_stack_cfg *cfg)
{
    usual(cfg);
    cfg->tcp.rack = false;
}

/* An established connection whose handshake took RTT_US. */
static void
begin_with(void (*stack)(struct la_stack_cfg *), bool sack)
{
    peer_new(&p, &(struct peer_cfg){.stack = stack});
    p.wnd = 65535;
    la_handle listener = peer_listen(&p, 8);
    peer_say_syn(&p, LA_TCP_SYN, &(struct peer_options){.mss = SMSS, .wscale = -1, .sack = sack});
    assert_non_null(peer_take(&p));
    peer_run_us(&p, RTT_US);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    base = p.rcv_nxt;
}

static void
begin(void)
{
    begin_with(usual, true);
}

static void
end(void)
{
    peer_forget(&p);
    peer_free(&p);
}

/* n segments are sent, and nothing more is. */
static void
send_n(uint32_t n)
{
    peer_user_send(&p, conn, n * SMSS);
    peer_forget(&p);
}

/* Numbers are segments from the start of the stream; a block of two equal numbers is none. */
static void
ack_dup(uint32_t ack, uint32_t left, uint32_t right, uint32_t dup)
{
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    seg.ack = la_seq_add(base, ack * SMSS);
    if (dup != UINT32_MAX)
        seg.sack[seg.sack_n++] =
            (struct la_tcp_sack){la_seq_add(base, dup * SMSS), la_seq_add(base, (dup + 1) * SMSS)};
    if (left != right)
        seg.sack[seg.sack_n++] =
            (struct la_tcp_sack){la_seq_add(base, left * SMSS), la_seq_add(base, right * SMSS)};
    peer_say(&p, &seg, NULL, 0);
}

static void
ack(uint32_t n, uint32_t left, uint32_t right)
{
    ack_dup(n, left, right, UINT32_MAX);
}

/* The next segment is the n-th of the stream. */
static void
expect_segment(uint32_t n)
{
    const struct peer_seg *seg = peer_take(&p);
    assert_non_null(seg);
    assert_int_equal(la_seq_diff(seg->tcp.seq, base), n * SMSS);
    assert_int_equal(seg->tcp.text_bytes, SMSS);
}

/* Nothing is sent for `us`, then within a millisecond the n-th segment is. */
static void
expect_segment_after(int64_t us, uint32_t n)
{
    peer_run_us(&p, us - MS / 10);
    assert_int_equal(p.seg_n, 0);
    assert_true(peer_run_until_sent(&p, MS));
    expect_segment(n);
}

/* ---- RACK ------------------------------------------------------------------------------- */

/* Two segments behind the lost one: a quarter of the shortest round trip is waited. */
/* LEDGER: RFC8985-6, RFC8985-14, RFC8985-15, RFC8985-23 */
static void
test_rack__waits_for_reordering(void **state)
{
    (void)state;
    begin();
    send_n(3);
    peer_run_us(&p, RTT_US);
    ack(0, 1, 2);
    peer_expect_none(&p);
    ack(0, 1, 3);
    peer_expect_none(&p);
    assert_int_equal(peer_status(&p, conn).timer, LA_TIMER_REORDER);
    expect_segment_after(RTT_US / 4, 0);
    assert_int_equal(peer_status(&p, conn).timer, LA_TIMER_RETRANSMIT);
    assert_int_equal(p.last[LA_EVENT_LOSS].u.loss.rule, LA_LOSS_RACK);
    assert_in_range(p.last[LA_EVENT_LOSS].u.loss.after_us, RTT_US / 4, RTT_US / 4 + MS);
    ack(3, 0, 0);
    peer_expect_none(&p);
    end();
}

/* LEDGER: RFC8985-5 */
static void
test_rack__three_segments_are_enough(void **state)
{
    (void)state;
    begin();
    send_n(5);
    peer_run_us(&p, RTT_US);
    ack(0, 1, 2);
    ack(0, 1, 3);
    peer_expect_none(&p);
    ack(0, 1, 4);
    expect_segment(0);
    assert_int_equal(p.last[LA_EVENT_LOSS].u.loss.after_us, 0);
    ack(4, 0, 0);
    peer_expect_none(&p);
    end();
}

/* What arrives late was not lost; from then on three segments are no sign any more. */
/* LEDGER: RFC8985-12 */
static void
test_rack__reordering_is_remembered(void **state)
{
    (void)state;
    begin();
    send_n(5);
    peer_run_us(&p, RTT_US);
    ack(0, 1, 3);
    peer_run_us(&p, RTT_US / 8);
    ack(3, 0, 0);
    ack(5, 0, 0);
    peer_run_us(&p, RTT_US);
    peer_expect_none(&p);
    send_n(6);
    peer_run_us(&p, RTT_US);
    ack(5, 6, 10);
    peer_expect_none(&p);
    expect_segment_after(RTT_US / 4, 5);
    end();
}

/* Each round trip with a D-SACK adds a quarter; it ends with the smoothed round trip. */
/* LEDGER: RFC8985-7, RFC8985-8, RFC8985-13, RFC8985-3 */
static void
test_rack__window_grows_with_duplicates(void **state)
{
    (void)state;
    begin();
    uint32_t n = 0;
    send_n(1); /* one more is always in flight: what is known of the path ends with idleness */
    for (uint32_t quarters = 1; quarters <= 6; quarters++) {
        send_n(4);
        peer_run_us(&p, RTT_US);
        ack(n + 1, n + 2, n + 4); /* the first of the four is late */
        uint32_t most = peer_status(&p, conn).srtt_us;
        uint32_t wait = quarters * RTT_US / 4 < most ? quarters * RTT_US / 4 : most;
        expect_segment_after(wait, n + 1);
        ack(n + 4, 0, 0);
        ack_dup(n + 4, 0, 0, n + 1); /* both have arrived */
        ack_dup(n + 4, 0, 0, n + 1); /* twice in a round trip: one step */
        n += 4;
        peer_run_us(&p, RTT_US);
        peer_expect_none(&p);
    }
    end();
}

/* A retransmission is lost: what was sent after it has arrived. */
/* LEDGER: RFC8985-9, RFC8985-11, RFC8985-2, RFC5681-33 */
static void
test_rack__lost_retransmission(void **state)
{
    (void)state;
    begin();
    send_n(30);
    peer_run_us(&p, RTT_US);
    ack(0, 1, 4);
    expect_segment(0);
    peer_forget(&p);
    peer_run_us(&p, RTT_US / 2);
    ack(0, 1, 9);       /* sent before the retransmission: says nothing about it */
    while (p.seg_n > 0) /* new segments take the place of those that have arrived */
        assert_true(la_seq_diff(peer_take(&p)->tcp.seq, base) >= WINDOW_N * SMSS);
    uint32_t sent = (uint32_t)la_seq_diff(p.rcv_nxt, base) / SMSS;
    assert_true(sent > WINDOW_N);
    peer_run_us(&p, RTT_US);
    ack(0, 1, sent); /* sent after it */
    assert_true(p.seg_n > 0);
    expect_segment(0);
    assert_int_equal(peer_status(&p, conn).rto_n, 0);
    end();
}

/* New text and, at the same instant but behind it, a retransmission: that the text has arrived
 * first says nothing about the retransmission. */
/* LEDGER: RFC8985-9 */
static void
test_rack__sent_at_one_instant(void **state)
{
    (void)state;
    begin();
    send_n(30);
    peer_run_us(&p, RTT_US);
    ack(0, 1, 2);
    expect_segment(WINDOW_N);
    ack(0, 1, 3);
    expect_segment(WINDOW_N + 1);
    ack(0, 1, 4);
    expect_segment(0);
    ack(0, 1, WINDOW_N);
    peer_forget(&p);
    peer_run_us(&p, RTT_US);
    ack(0, WINDOW_N, WINDOW_N + 2);
    while (p.seg_n > 0)
        assert_true(la_seq_gt(peer_take(&p)->tcp.seq, base));
    ack(WINDOW_N + 2, 0, 0);
    assert_int_equal(peer_status(&p, conn).retransmissions_n, 1);
    end();
}

/* Three reports come in one burst: what limited transmit sends for the first two goes before the
 * recovery that the third begins, as if they had come one by one. */
/* LEDGER: RFC3042-1 */
static void
test_rack__limited_transmit_in_a_burst(void **state)
{
    (void)state;
    begin();
    send_n(30);
    peer_run_us(&p, RTT_US);
    peer_hold(&p);
    for (uint32_t right = 2; right <= 4; right++)
        ack(0, 1, right);
    peer_release(&p);
    expect_segment(WINDOW_N);
    expect_segment(WINDOW_N + 1);
    expect_segment(0);
    end();
}

/* Half of five segments: a round trip brings the two whole ones back, and cwnd grows by one. */
static void
test_rack__grows_by_whole_segments(void **state)
{
    (void)state;
    begin();
    send_n(5);
    peer_run_us(&p, RTT_US);
    ack(0, 1, 4);
    expect_segment(0);
    peer_run_us(&p, RTT_US);
    ack(5, 0, 0);
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, 5 * SMSS / 2);
    send_n(30);
    peer_run_us(&p, RTT_US);
    ack(7, 0, 0);
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, 7 * SMSS / 2);
    end();
}

/* Duplicates without blocks say nothing on a connection with SACK. */
/* LEDGER: RFC3042-3 */
static void
test_rack__duplicates_without_blocks(void **state)
{
    (void)state;
    begin();
    send_n(2 * WINDOW_N);
    peer_run_us(&p, RTT_US);
    for (unsigned i = 0; i < 5; i++)
        ack(0, 0, 0);
    peer_expect_none(&p);
    end();
}

/* LEDGER: RFC8985-1 */
static void
test_rack__only_with_sack(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        begin_with(i == 0 ? usual : without_rack, i != 0);
        send_n(3);
        peer_run_us(&p, RTT_US);
        ack(0, i, 3 * i);
        ack(0, i, 3 * i);
        peer_run_us(&p, 4 * RTT_US);
        assert_int_equal(peer_forget(&p), 0);
        assert_int_equal(p.events_n[LA_EVENT_LOSS], 0);
        assert_int_equal(peer_status(&p, conn).timer, LA_TIMER_RETRANSMIT);
        end();
    }
}

/* ---- the probe -------------------------------------------------------------------------- */

/* LEDGER: RFC8985-17, RFC8985-18, RFC8985-20, RFC8985-21 */
static void
test_tlp__last_segment_again(void **state)
{
    (void)state;
    begin();
    send_n(3);
    assert_int_equal(peer_status(&p, conn).timer, LA_TIMER_PROBE);
    expect_segment_after(2 * RTT_US, 2);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.cause, LA_CAUSE_TAIL_PROBE);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.retransmit_n, 1);
    /* One probe, then the timeout. */
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.timer, LA_TIMER_RETRANSMIT);
    assert_in_range(la_instant_diff_us(status.timer_at, p.now), status.rto_us - MS, status.rto_us);
    expect_segment_after(status.rto_us, 0);
    assert_int_equal(peer_status(&p, conn).rto_n, 1);
    end();
}

/* LEDGER: RFC8985-20 */
static void
test_tlp__new_data_first(void **state)
{
    (void)state;
    begin();
    send_n(WINDOW_N + 2); /* cwnd keeps two back */
    expect_segment_after(2 * RTT_US, WINDOW_N);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.cause, LA_CAUSE_TAIL_PROBE);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.retransmit_n, 0);
    /* Its SACK finds the loss of all before it. */
    peer_run_us(&p, RTT_US);
    ack(0, WINDOW_N, WINDOW_N + 1);
    assert_true(peer_run_until_sent(&p, RTT_US));
    expect_segment(0);
    assert_int_equal(peer_status(&p, conn).rto_n, 0);
    end();
}

/* One segment may be waiting for a delayed ACK. Where the timeout would come first, the probe takes
 * its place (7.2), and the timeout its own time behind that. */
/* LEDGER: RFC8985-17 */
static void
test_tlp__instead_of_timeout(void **state)
{
    (void)state;
    begin();
    send_n(1);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.timer, LA_TIMER_PROBE);
    assert_in_range(la_instant_diff_us(status.timer_at, p.now), status.rto_us - MS, status.rto_us);
    expect_segment_after(status.rto_us, 0);
    assert_int_equal(peer_status(&p, conn).rto_n, 0);
    expect_segment_after(status.rto_us, 0);
    assert_int_equal(peer_status(&p, conn).rto_n, 1);
    end();
}

/* LEDGER: RFC8985-4 */
static void
test_tlp__when_there_is_none(void **state)
{
    (void)state;
    begin_with(without_rack, true);
    send_n(3);
    assert_int_equal(peer_status(&p, conn).timer, LA_TIMER_RETRANSMIT);
    end();
    begin(); /* something is SACKed */
    send_n(5);
    peer_run_us(&p, RTT_US);
    ack(0, 4, 5);
    assert_int_equal(peer_status(&p, conn).timer, LA_TIMER_REORDER);
    end();
}

/* LEDGER: RFC8985-19 */
static void
test_tlp__one_at_a_time(void **state)
{
    (void)state;
    begin();
    send_n(3);
    expect_segment_after(2 * RTT_US, 2);
    send_n(2); /* new data while the probe is out */
    assert_int_equal(peer_status(&p, conn).timer, LA_TIMER_RETRANSMIT);
    peer_run_us(&p, RTT_US);
    ack(5, 0, 0);
    send_n(2); /* and before the probe's fate is known */
    assert_int_equal(peer_status(&p, conn).timer, LA_TIMER_PROBE);
    end();
}

/* LEDGER: RFC8985-22 */
static void
test_tlp__repaired_loss_counts(void **state)
{
    (void)state;
    for (unsigned needed = 0; needed < 2; needed++) {
        begin();
        send_n(4);
        expect_segment_after(2 * RTT_US, 3);
        peer_run_us(&p, RTT_US);
        uint32_t cwnd = peer_status(&p, conn).cwnd_bytes;
        send_n(1);
        if (needed != 0) /* the original was lost: the probe is acknowledged once */
            ack(4, 0, 0);
        else
            ack_dup(4, 0, 0, 3);
        peer_run_us(&p, RTT_US);
        ack(5, 0, 0);
        assert_int_equal(peer_status(&p, conn).cwnd_bytes < cwnd, needed != 0);
        assert_int_equal(p.last[LA_EVENT_LOSS].u.loss.rule,
                         needed != 0 ? LA_LOSS_PROBE_REPAIRED : 0);
        end();
    }
}

/* Text of the peer with the same acknowledgement is no duplicate of it: nothing says that both the
 * original and the probe have arrived. */
static void
test_tlp__text_is_no_duplicate(void **state)
{
    (void)state;
    begin();
    peer_send(&p, LA_TCP_ACK, "x", 1); /* stays unread: the connection remembers the probe */
    send_n(4);
    expect_segment_after(2 * RTT_US, 3);
    peer_run_us(&p, RTT_US);
    ack(4, 0, 0);
    peer_send(&p, LA_TCP_ACK, "y", 1);
    uint32_t cwnd = peer_status(&p, conn).cwnd_bytes;
    send_n(1);
    peer_run_us(&p, RTT_US);
    ack(5, 0, 0);
    assert_true(peer_status(&p, conn).cwnd_bytes < cwnd);
    assert_int_equal(p.last[LA_EVENT_LOSS].u.loss.rule, LA_LOSS_PROBE_REPAIRED);
    end();
}

/* The text before a FIN has left earlier, and may have arrived: the probe is what left last, the
 * FIN alone, and no octets of other segments with it. */
static void
test_tlp__a_lone_fin(void **state)
{
    (void)state;
    begin();
    send_n(3);
    (void)peer_forget(&p);
    peer_run_us(&p, RTT_US / 4);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    for (unsigned probe = 0; probe < 2; probe++) { /* the FIN, and once more */
        const struct peer_seg *fin = peer_expect(&p, LA_TCP_ACK | LA_TCP_FIN);
        assert_int_equal(fin->tcp.text_bytes, 0);
        assert_true(la_seq_eq(fin->tcp.seq, la_seq_add(base, 3 * SMSS)));
        peer_expect_none(&p);
        assert_true(probe == 1 || peer_run_until_sent(&p, 2 * RTT_US + MS));
    }
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.cause, LA_CAUSE_TAIL_PROBE);
    end();
}

/* ---- PRR -------------------------------------------------------------------------------- */

/* Ten in flight, the first is lost; each SACKed segment lets half a segment go, and the end is
 * ssthresh. */
/* LEDGER: RFC9937-1, RFC9937-2, RFC9937-3 */
static void
test_prr__in_proportion(void **state)
{
    (void)state;
    begin();
    send_n(60);
    peer_run_us(&p, RTT_US);
    ack(0, 1, 4);
    expect_segment(0);
    uint32_t ssthresh = peer_status(&p, conn).ssthresh_bytes;
    assert_int_equal(ssthresh, WINDOW_N / 2 * SMSS);
    uint32_t out = 1 + (uint32_t)peer_forget(&p);
    for (uint32_t n = 5; n <= WINDOW_N; n++) {
        ack(0, 1, n);
        out += (uint32_t)peer_forget(&p);
        uint32_t delivered = n - 1;
        assert_in_range(out, delivered / 2 - 1, delivered / 2 + 1);
    }
    peer_run_us(&p, RTT_US);
    ack(WINDOW_N, 0, 0); /* the repair */
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, ssthresh);
    assert_in_range(peer_status(&p, conn).flight_bytes, ssthresh - SMSS, ssthresh);
    end();
}

/* Nearly all of a window is lost: sending goes on segment by segment, never with a burst. */
/* LEDGER: RFC9937-2, RFC5681-32 */
static void
test_prr__heavy_loss(void **state)
{
    (void)state;
    begin();
    send_n(60);
    peer_run_us(&p, RTT_US);
    ack(0, 9, 10);
    expect_segment(WINDOW_N); /* in place of the one that arrived */
    assert_true(peer_run_until_sent(&p, RTT_US));
    uint32_t n = 0, next = WINDOW_N + 1;
    size_t before = 0;
    for (unsigned round = 0; round < 30 && n < WINDOW_N - 1; round++) {
        size_t sent = p.seg_n;
        /* As many as arrived (the new one, too), and one more as in slow start. */
        assert_true(sent <= before + 1 + (round == 1));
        before = sent;
        for (; sent > 0; sent--)
            expect_segment(n < WINDOW_N - 1 ? n++ : next++);
        peer_run_us(&p, RTT_US);
        bool all = n == WINDOW_N - 1;
        ack(all ? WINDOW_N + 1 : n, all ? 0 : WINDOW_N - 1, all ? 0 : WINDOW_N + 1);
    }
    assert_int_equal(n, WINDOW_N - 1);
    assert_int_equal(peer_status(&p, conn).rto_n, 0);
    end();
}

/* One segment, acknowledged after so long; *n counts them. */
static void
exchange(uint32_t *n, uint32_t rtt_us)
{
    send_n(1);
    peer_run_us(&p, rtt_us);
    ack(++*n, 0, 0);
    peer_forget(&p);
}

/* The shortest round trip follows a path that has become longer: after a pause at once, and while
 * something is always in flight within two halves of the window. */
/* LEDGER: RFC8985-10 */
static void
test_rack__shortest_round_trip_of_a_window(void **state)
{
    (void)state;
    uint32_t n = 0;
    begin();
    exchange(&n, 10 * MS);
    assert_int_equal(peer_status(&p, conn).rtt_us_min, 10 * MS);
    peer_run_us(&p, INT64_C(100) * LA_US_PER_S);
    exchange(&n, 40 * MS);
    assert_int_equal(peer_status(&p, conn).rtt_us_min, 10 * MS); /* not old enough */
    peer_run_us(&p, INT64_C(151) * LA_US_PER_S);
    exchange(&n, 40 * MS);
    assert_int_equal(peer_status(&p, conn).rtt_us_min, 40 * MS);
    send_n(1);
    for (unsigned i = 0; i < 3100; i++) { /* for 310 s, each acknowledged after 150 ms */
        peer_run_us(&p, 50 * MS);
        send_n(1);
        peer_run_us(&p, 50 * MS);
        ack(++n, 0, 0);
        peer_forget(&p);
        if (i == 1400)
            assert_int_equal(peer_status(&p, conn).rtt_us_min, 40 * MS);
    }
    assert_int_equal(peer_status(&p, conn).rtt_us_min, 150 * MS);
    assert_int_equal(peer_status(&p, conn).rto_n, 0);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rack__waits_for_reordering),
        cmocka_unit_test(test_rack__three_segments_are_enough),
        cmocka_unit_test(test_rack__reordering_is_remembered),
        cmocka_unit_test(test_rack__window_grows_with_duplicates),
        cmocka_unit_test(test_rack__lost_retransmission),
        cmocka_unit_test(test_rack__sent_at_one_instant),
        cmocka_unit_test(test_rack__limited_transmit_in_a_burst),
        cmocka_unit_test(test_rack__grows_by_whole_segments),
        cmocka_unit_test(test_rack__duplicates_without_blocks),
        cmocka_unit_test(test_rack__only_with_sack),
        cmocka_unit_test(test_tlp__last_segment_again),
        cmocka_unit_test(test_tlp__new_data_first),
        cmocka_unit_test(test_tlp__instead_of_timeout),
        cmocka_unit_test(test_tlp__when_there_is_none),
        cmocka_unit_test(test_tlp__one_at_a_time),
        cmocka_unit_test(test_tlp__repaired_loss_counts),
        cmocka_unit_test(test_tlp__text_is_no_duplicate),
        cmocka_unit_test(test_tlp__a_lone_fin),
        cmocka_unit_test(test_prr__in_proportion),
        cmocka_unit_test(test_prr__heavy_loss),
        cmocka_unit_test(test_rack__shortest_round_trip_of_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
