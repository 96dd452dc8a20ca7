/* SPDX-License-Identifier: MIT
 *
 * test_accept.c - acceptance tests around every edge, and where numbers wrap
 *
 * Read first: RFC 9293 3.4 (the four cases), 3.10.7.4 second and fifth; RFC 5961 3.2, 5.2. The
 * models count single numbers instead of comparing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tcp_accept.h"

static const uint32_t bases[] = {0, 1, 1000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
enum { BASES = sizeof(bases) / sizeof(bases[0]) };

/* RCV.NXT =< n < RCV.NXT+RCV.WND, by walking. */
static bool
counted_in(uint32_t rcv_nxt, uint32_t rcv_wnd, uint32_t n)
{
    for (uint32_t i = 0; i < rcv_wnd; i++)
        if ((uint32_t)(rcv_nxt + i) == n)
            return true;
    return false;
}

static bool
four_cases(uint32_t rcv_nxt, uint32_t rcv_wnd, uint32_t seq, uint32_t len)
{
    if (len == 0 && rcv_wnd == 0)
        return seq == rcv_nxt;
    if (len == 0)
        return counted_in(rcv_nxt, rcv_wnd, seq);
    if (rcv_wnd == 0)
        return false;
    return counted_in(rcv_nxt, rcv_wnd, seq) || counted_in(rcv_nxt, rcv_wnd, seq + len - 1);
}

/* LEDGER: FSM-SEG-SEQ-1, FSM-SEG-SEQ-2, FSM-SEG-SEQ-3, FSM-SEG-SEQ-4, FSM-SEQ-MOD */
static void
test_accept__four_cases(void **state)
{
    (void)state;
    for (size_t b = 0; b < BASES; b++)
        for (uint32_t wnd = 0; wnd < 8; wnd++)
            for (uint32_t len = 0; len < 14; len++)
                for (int off = -20; off <= 20; off++) {
                    uint32_t seq = bases[b] + (uint32_t)off;
                    assert_int_equal(
                        la_tcp_seg_acceptable(la_seq_of(bases[b]), wnd, la_seq_of(seq), len),
                        four_cases(bases[b], wnd, seq, len));
                }
}

static void
test_accept__large_windows(void **state)
{
    (void)state;
    uint32_t wnd = 65535u << 14; /* the largest there is, RFC 7323 2.3 */
    for (size_t b = 0; b < BASES; b++) {
        la_seq nxt = la_seq_of(bases[b]);
        assert_true(la_tcp_seg_acceptable(nxt, wnd, nxt, 0));
        assert_true(la_tcp_seg_acceptable(nxt, wnd, la_seq_add(nxt, wnd - 1), 1));
        assert_true(la_tcp_seg_acceptable(nxt, wnd, la_seq_add(nxt, wnd - 1), 1000));
        assert_false(la_tcp_seg_acceptable(nxt, wnd, la_seq_add(nxt, wnd), 0));
        assert_false(la_tcp_seg_acceptable(nxt, wnd, la_seq_add(nxt, wnd), 1));
        assert_false(la_tcp_seg_acceptable(nxt, wnd, la_seq_sub(nxt, 1), 0));
        assert_false(la_tcp_seg_acceptable(nxt, wnd, la_seq_sub(nxt, 1), 1));
        assert_true(la_tcp_seg_acceptable(nxt, wnd, la_seq_sub(nxt, 1), 2));
        assert_true(la_tcp_seg_acceptable(nxt, wnd, la_seq_sub(nxt, 65534), 65535));
        assert_false(la_tcp_seg_acceptable(nxt, wnd, la_seq_sub(nxt, 65535), 65535));
    }
}

/* LEDGER: MAY-12, FSM-SEQ-MOD, RFC5961-5 */
static void
test_accept__ack(void **state)
{
    (void)state;
    static const uint32_t flights[] = {0, 1, 1000, 65535u << 14};
    static const uint32_t windows[] = {0, 1, 1000, 65535u << 14};
    for (size_t b = 0; b < BASES; b++)
        for (size_t f = 0; f < 4; f++)
            for (size_t w = 0; w < 4; w++) {
                la_seq una = la_seq_of(bases[b]);
                la_seq nxt = la_seq_add(una, flights[f]);
                la_seq oldest = la_seq_sub(una, windows[w]);
                const struct {
                    la_seq ack;
                    enum la_tcp_ack_kind kind;
                } cases[] = {
                    {la_seq_add(nxt, 1), LA_TCP_ACK_UNSENT},
                    {la_seq_add(nxt, 0x30000000), LA_TCP_ACK_UNSENT},
                    {nxt, flights[f] == 0 ? LA_TCP_ACK_DUP : LA_TCP_ACK_NEW},
                    {la_seq_add(una, 1), flights[f] == 0 ? LA_TCP_ACK_UNSENT : LA_TCP_ACK_NEW},
                    {una, LA_TCP_ACK_DUP},
                    {la_seq_sub(una, 1), windows[w] == 0 ? LA_TCP_ACK_TOO_OLD : LA_TCP_ACK_OLD},
                    {oldest, windows[w] == 0 ? LA_TCP_ACK_DUP : LA_TCP_ACK_OLD},
                    {la_seq_sub(oldest, 1), LA_TCP_ACK_TOO_OLD},
                };
                for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                    assert_int_equal(la_tcp_ack_classify(una, nxt, windows[w], cases[i].ack),
                                     cases[i].kind);
            }
}

/* LEDGER: RFC5961-1, RFC5961-2 */
static void
test_accept__rst(void **state)
{
    (void)state;
    for (size_t b = 0; b < BASES; b++)
        for (uint32_t wnd = 0; wnd < 6; wnd++)
            for (int off = -10; off <= 10; off++) {
                enum la_tcp_rst_kind want = off == 0                         ? LA_TCP_RST_EXACT
                                            : off > 0 && (uint32_t)off < wnd ? LA_TCP_RST_IN_WINDOW
                                                                             : LA_TCP_RST_OUTSIDE;
                la_seq seq = la_seq_of(bases[b] + (uint32_t)off);
                assert_int_equal(la_tcp_rst_classify(la_seq_of(bases[b]), wnd, seq), want);
            }
}

static void
test_accept__timestamps(void **state)
{
    (void)state;
    for (size_t b = 0; b < BASES; b++) {
        uint32_t recent = bases[b];
        assert_false(la_tcp_ts_older(recent, recent));
        assert_false(la_tcp_ts_older(recent + 1, recent));
        assert_false(la_tcp_ts_older(recent + 0x7fffffff, recent));
        assert_true(la_tcp_ts_older(recent - 1, recent));
        assert_true(la_tcp_ts_older(recent - 0x7fffffff, recent));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept__four_cases), cmocka_unit_test(test_accept__large_windows),
        cmocka_unit_test(test_accept__ack),        cmocka_unit_test(test_accept__rst),
        cmocka_unit_test(test_accept__timestamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
