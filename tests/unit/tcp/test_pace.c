/* SPDX-License-Identifier: MIT
 *
 * test_pace.c - text leaves in quanta, at a rate, to the tick of the timer wheel
 *
 * Read first: draft-ietf-ccwg-bbr-06 5.6.2, 5.6.3. Reno with the setting `pacing`, a round trip of
 * 100 ms and segments of 1000 octets: in slow start a window of ten makes 200,000 octets a second,
 * and a quantum is two segments in 10 ms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "base/wheel.h"
#include "peer.h"
#include "tcp/congestion.h"
#include "tcp/pace.h"

enum { SMSS = 1000, RTT_US = 100000, TICK_NS = 1 << LA_WHEEL_TICK_SHIFT };

static struct peer p;
static la_handle conn;

static void
set_paced(struct la_stack_cfg *cfg)
{
    peer_reno(cfg);
    cfg->tcp.pacing = true;
    cfg->tcp.nagle = false;
}

static void
set_unpaced(struct la_stack_cfg *cfg)
{
    set_paced(cfg);
    cfg->tcp.pacing = false;
}

/* An active connection whose SYN took a round trip. */
static void
begin(void (*stack)(struct la_stack_cfg *), bool sack)
{
    const struct peer_options options = {.mss = SMSS, .wscale = -1, .sack = sack};
    peer_new(&p, &(struct peer_cfg){.stack = stack});
    p.wnd = 65535;
    conn = peer_open(&p, NULL);
    (void)peer_expect(&p, LA_TCP_SYN);
    peer_run_us(&p, RTT_US);
    peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &options);
    (void)peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(peer_status(&p, conn).srtt_us, RTT_US);
}

/* The next segment leaves at that instant, or within the tick after it. */
static void
expect_at(la_instant at, uint32_t n)
{
    if (p.seg_n == 0)
        assert_true(peer_run_until_sent(&p, LA_US_PER_S));
    const struct peer_seg *seg = peer_take(&p);
    assert_non_null(seg);
    assert_int_equal(seg->tcp.text_bytes, n);
    assert_in_range(seg->at.ns, at.ns, at.ns + TICK_NS);
}

/* Of all that the peer has seen. */
static void
acknowledge(void)
{
    const struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    peer_say(&p, &seg, NULL, 0);
}

static void
test_pace__intervals(void **state)
{
    (void)state;
    begin(set_paced, false);
    la_instant first_at = p.now;
    peer_user_send(&p, conn, 10 * SMSS);
    for (int64_t i = 0; i < 10; i++)
        expect_at(la_instant_add_us(first_at, i / 2 * 10000), SMSS);
    peer_free(&p);
}

static void
test_pace__off(void **state)
{
    (void)state;
    begin(set_unpaced, false);
    la_instant now = p.now;
    peer_user_send(&p, conn, 10 * SMSS);
    for (int i = 0; i < 10; i++)
        expect_at(now, SMSS);
    peer_free(&p);
}

/* Idle time gives no credit. */
static void
test_pace__no_credit(void **state)
{
    (void)state;
    begin(set_paced, false);
    peer_user_send(&p, conn, 2 * SMSS);
    expect_at(p.now, SMSS);
    expect_at(p.now, SMSS);
    peer_run_us(&p, 95000); /* before the retransmission timer */
    la_instant now = p.now;
    peer_user_send(&p, conn, 6 * SMSS);
    expect_at(now, SMSS);
    expect_at(now, SMSS);
    for (int64_t i = 2; i < 6; i++)
        expect_at(la_instant_add_us(now, i / 2 * 10000), SMSS);
    peer_free(&p);
}

/* What a quantum has left over goes at once, whenever it comes. */
static void
test_pace__rest_of_a_quantum(void **state)
{
    (void)state;
    begin(set_paced, false);
    la_instant now = p.now;
    peer_user_send(&p, conn, 500);
    expect_at(now, 500);
    peer_user_send(&p, conn, 2 * SMSS);
    expect_at(now, SMSS);
    expect_at(now, SMSS); /* of which half was left: a segment is not cut for it */
    peer_user_send(&p, conn, SMSS);
    expect_at(la_instant_add_us(now, 12500), SMSS);
    peer_free(&p);
}

/* The application's bound paces a control that is not paced otherwise. */
static void
test_pace__bound(void **state)
{
    (void)state;
    begin(set_unpaced, false);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_PACING_RATE_MAX, 64000, p.now),
                     LA_OK);
    la_instant first_at = p.now;
    peer_user_send(&p, conn, 6 * SMSS);
    assert_int_equal(peer_status(&p, conn).pacing_rate, 64000);
    assert_int_equal(peer_status(&p, conn).pacing_rate_max, 64000);
    for (int64_t i = 0; i < 6; i++) {
        expect_at(la_instant_add_us(first_at, i / 2 * 31250), SMSS);
        acknowledge();
    }
    peer_free(&p);
}

/* What waits under a bound goes when it is lifted, and waits by the new one when it changes. */
static void
test_pace__bound_changes(void **state)
{
    (void)state;
    begin(set_unpaced, false);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_PACING_RATE_MAX, 1, p.now), LA_OK);
    peer_user_send(&p, conn, 8 * SMSS);
    expect_at(p.now, SMSS);
    expect_at(p.now, SMSS); /* more than half an hour's worth */
    acknowledge();
    peer_run_us(&p, LA_US_PER_S);
    peer_expect_none(&p);
    la_instant now = p.now;
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_PACING_RATE_MAX, 128000, p.now),
                     LA_OK);
    peer_collect(&p);
    for (int64_t i = 0; i < 4; i++)
        expect_at(la_instant_add_us(now, i / 2 * 15625), SMSS);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_PACING_RATE_MAX, 0, p.now), LA_OK);
    now = p.now;
    peer_collect(&p);
    expect_at(now, SMSS);
    expect_at(now, SMSS);
    peer_free(&p);
}

static void
test_pace__bound_rounds_down(void **state)
{
    (void)state;
    struct la_tcp_conn c = {.smss = SMSS};
    static const struct {
        uint64_t set, kept;
    } cases[] = {
        {0, 0},
        {1, 1},
        {1023, 1023},
        {1025, 1024},
        {125000000, 124911616},
        {UINT64_MAX, UINT64_C(1023) << 53},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        la_tcp_pace_bound_set(&c, cases[i].set);
        assert_int_equal(la_tcp_pace_bound(&c), cases[i].kept);
    }
}

/* Of a window's rate and the bound the smaller counts. */
static void
test_pace__bound_and_rate(void **state)
{
    (void)state;
    struct la_tcp_conn c = {.smss = SMSS, .cwnd_bytes = 10 * SMSS};
    struct la_tcp_busy busy = {.phase = LA_CC_SLOW_START};
    struct la_tcp_cfg cfg = {.pacing = false};
    struct la_tcp_env env = {.cfg = &cfg};
    c.cc = la_cc_find("reno") & LA_TCP_CC_MASK;
    c.ssthresh_bytes = UINT32_MAX;
    la_tcp_pace_bound_set(&c, 256000);
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 256000); /* no round trip known */
    c.srtt_us = RTT_US;
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 200000);
    la_tcp_pace_bound_set(&c, 128000);
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 128000);
    c.cc = la_cc_find("bbr") & LA_TCP_CC_MASK;
    busy.cc.bbr = (struct la_cc_bbr){.pacing_rate = 90000};
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 90000);
    busy.cc.bbr.pacing_rate = 130000;
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 128000);
}

/* In congestion avoidance a fifth faster than cwnd in a round trip. */
static void
test_pace__avoidance(void **state)
{
    (void)state;
    struct la_tcp_conn c = {.smss = SMSS, .srtt_us = RTT_US, .cwnd_bytes = 10 * SMSS};
    struct la_tcp_busy busy = {.phase = LA_CC_SLOW_START};
    struct la_tcp_cfg cfg = {.pacing = true};
    struct la_tcp_env env = {.cfg = &cfg};
    c.cc = la_cc_find("reno") & LA_TCP_CC_MASK;
    c.ssthresh_bytes = UINT32_MAX;
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 200000);
    c.ssthresh_bytes = 20 * SMSS; /* slow start, but not far from its end */
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 120000);
    busy.phase = LA_CC_AVOIDANCE;
    c.ssthresh_bytes = 10 * SMSS;
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 120000);
    c.srtt_us = 0;
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 0);
    c.srtt_us = UINT32_MAX;
    c.cwnd_bytes = 1;
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 1);
    cfg.pacing = false;
    assert_int_equal(la_tcp_pacing_rate(&c, &busy, &env), 0);
}

static void
test_pace__quantum(void **state)
{
    (void)state;
    struct la_tcp_conn c = {.smss = SMSS};
    assert_int_equal(la_tcp_pacing_quantum(&c, 1), 2 * SMSS);
    assert_int_equal(la_tcp_pacing_quantum(&c, 25000000), 25000); /* a millisecond's worth */
    assert_int_equal(la_tcp_pacing_quantum(&c, UINT64_MAX), 65536);
}

/* Text that waits with nothing in flight is no reason to probe the window, and a close goes on. */
static void
test_pace__waits_alone(void **state)
{
    (void)state;
    begin(set_paced, false);
    la_instant first_at = p.now;
    peer_user_send(&p, conn, 5 * SMSS);
    expect_at(first_at, SMSS);
    expect_at(first_at, SMSS);
    acknowledge();
    assert_int_equal(peer_status(&p, conn).flight_bytes, 0);
    assert_int_equal(peer_status(&p, conn).timer, 255);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    expect_at(la_instant_add_us(first_at, 10000), SMSS);
    expect_at(la_instant_add_us(first_at, 10000), SMSS);
    assert_true(peer_run_until_sent(&p, LA_US_PER_S));
    (void)peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    peer_free(&p);
}

/* An acknowledgement does not wait for the release time of text. */
static void
test_pace__acks_do_not_wait(void **state)
{
    (void)state;
    begin(set_paced, false);
    la_instant now = p.now;
    peer_user_send(&p, conn, 4 * SMSS);
    expect_at(now, SMSS);
    expect_at(now, SMSS);
    static const uint8_t text[SMSS];
    peer_send(&p, LA_TCP_ACK, text, SMSS);
    peer_send(&p, LA_TCP_ACK, text, SMSS);
    expect_at(now, 0);
    peer_free(&p);
}

/* A lost segment is sent again at its release time, and not at once. */
static void
test_pace__retransmissions(void **state)
{
    (void)state;
    begin(set_paced, false);
    la_instant first_at = p.now;
    peer_user_send(&p, conn, 10 * SMSS);
    for (int64_t i = 0; i < 6; i++)
        expect_at(la_instant_add_us(first_at, i / 2 * 10000), SMSS);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    seg.ack = la_seq_sub(p.rcv_nxt, 6 * SMSS);
    for (int i = 0; i < 3; i++)
        peer_say(&p, &seg, NULL, 0);
    assert_int_equal(p.seg_n, 0);
    assert_true(peer_run_until_sent(&p, LA_US_PER_S));
    const struct peer_seg *again = peer_take(&p);
    assert_int_equal(again->tcp.seq.v, seg.ack.v);
    assert_in_range(again->at.ns, la_instant_add_us(first_at, 30000).ns,
                    la_instant_add_us(first_at, 30000).ns + TICK_NS);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace__intervals),
        cmocka_unit_test(test_pace__off),
        cmocka_unit_test(test_pace__no_credit),
        cmocka_unit_test(test_pace__rest_of_a_quantum),
        cmocka_unit_test(test_pace__bound),
        cmocka_unit_test(test_pace__bound_changes),
        cmocka_unit_test(test_pace__bound_rounds_down),
        cmocka_unit_test(test_pace__bound_and_rate),
        cmocka_unit_test(test_pace__avoidance),
        cmocka_unit_test(test_pace__quantum),
        cmocka_unit_test(test_pace__waits_alone),
        cmocka_unit_test(test_pace__acks_do_not_wait),
        cmocka_unit_test(test_pace__retransmissions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
