/* SPDX-License-Identifier: MIT
 *
 * test_rfc9293_windows.c - windows that are large, shrink, stay shut, or are old news
 *
 * Read first: RFC 9293 3.1, 3.8.6 and 3.10.7.4 fifth.
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

static void
large_start(struct la_stack_cfg *cfg)
{
    cfg->tcp.initial_window_n = 100;
}

static void
small_buffer(struct la_stack_cfg *cfg)
{
    cfg->tcp.rcvbuf_bytes = 4096;
}

static void
end(la_handle conn)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

/* 3.10.7.4 fifth: the acknowledgement of our SYN sets SND.WND, which the peer's SYN had set. */
/* LEDGER: FSM-SEG-ACK-1 */
static void
test_windows__of_the_ack_of_our_syn(void **state)
{
    (void)state;
    la_handle conn;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 1);
    p.wnd = 5000;
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    p.wnd = 700;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(peer_status(&p, conn).snd_wnd, 700);
    p.wnd = 900; /* SND.WL1 and SND.WL2 are of that segment: an older one changes nothing */
    struct la_tcp_seg old = peer_usual(&p, LA_TCP_ACK);
    old.seq = la_seq_sub(old.seq, 1);
    peer_say(&p, &old, NULL, 0);
    assert_int_equal(peer_status(&p, conn).snd_wnd, 700);
    end(conn);
}

/* LEDGER: MUST-1 */
static void
test_windows__above_32767(void **state)
{
    (void)state;
    static const uint16_t windows[] = {32767, 32768, 40000, 65535};
    for (size_t i = 0; i < 4; i++) {
        peer_new(&p, &(struct peer_cfg){.stack = large_start});
        p.wnd = windows[i];
        la_handle conn = peer_passive(&p, &peer_plain);
        assert_int_equal(peer_status(&p, conn).snd_wnd, windows[i]);
        la_seq begin = p.rcv_nxt;
        peer_user_send(&p, conn, 100000);
        peer_forget(&p);
        uint32_t sent = (uint32_t)la_seq_diff(p.rcv_nxt, begin);
        assert_in_range(sent, windows[i] - 1460u, windows[i]);
        end(conn);
    }
}

/* 2,000 octets in two segments are in flight when the window shrinks to 1,460, then to 100. */
/* LEDGER: MUST-34, SHLD-15, SHLD-16, RFC7323-10 */
static void
test_windows__shrink(void **state)
{
    (void)state;
    static const uint16_t windows[] = {1460, 100};
    for (size_t i = 0; i < 2; i++) {
        peer_new(&p, &plain);
        p.wnd = 4000;
        la_handle conn = peer_passive(&p, &peer_plain);
        la_seq una = p.rcv_nxt;
        peer_user_send(&p, conn, 1460);
        assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_NAGLE, 0, p.now), LA_OK);
        peer_user_send(&p, conn, 540);
        assert_int_equal(peer_forget(&p), 2);
        p.wnd = windows[i];
        struct la_tcp_seg ack = peer_usual(&p, LA_TCP_ACK);
        ack.ack = una;
        peer_say(&p, &ack, NULL, 0);
        assert_int_equal(peer_status(&p, conn).snd_wnd, windows[i]);
        peer_user_send(&p, conn, 1000);
        peer_expect_none(&p); /* SHLD-15: nothing new */
        assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
        const struct peer_seg *again = peer_expect(&p, LA_TCP_ACK); /* SHLD-16 */
        assert_true(la_seq_eq(again->tcp.seq, una));
        assert_int_equal(again->tcp.text_bytes, 1460);
        ack.ack = la_seq_add(una, 2000); /* it had room all the same, and opens */
        ack.wnd = 4000;
        peer_say(&p, &ack, NULL, 0);
        assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.text_bytes, 1000);
        end(conn);
    }
}

/* DEVIATION(D18): the peer has sent 100 octets that were lost, then an ACK; it sends them again,
 * and they acknowledge more and offer less. SND.WL1 is that of the ACK, yet nothing may go beyond
 * what the retransmission offers. */
/* LEDGER: RFC7323-10d */
static void
test_windows__of_a_retransmission(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = large_start});
    p.wnd = 4380;
    la_handle conn = peer_passive(&p, &peer_plain);
    la_seq una = p.rcv_nxt;
    struct la_tcp_seg ack = peer_usual(&p, LA_TCP_ACK), again = ack;
    peer_user_send(&p, conn, 10000);
    assert_int_equal(peer_forget(&p), 3); /* up to the edge */
    ack.seq = la_seq_add(ack.seq, 100);
    ack.ack = la_seq_add(una, 1460);
    ack.wnd = 2920;
    peer_say(&p, &ack, NULL, 0);
    peer_expect_none(&p);
    again.ack = la_seq_add(una, 4380);
    again.wnd = 500;
    peer_say(&p, &again, NULL, 100);
    assert_int_equal(peer_status(&p, conn).snd_wnd, 500);
    uint32_t sent = 0;
    while (p.seg_n > 0) /* what they say is not what the peer would take */
        sent += peer_take(&p)->tcp.text_bytes;
    assert_true(sent <= 500);
    end(conn);
}

/* DEVIATION(D17). 2,000 octets are in flight when the window shrinks to nothing, or by less than a
 * FIN or rounding explain. */
static void
test_windows__acknowledgements_stay_inside(void **state)
{
    (void)state;
    static const struct {
        uint16_t window;
        uint32_t seq;
    } cases[] = {{0, 0}, {700, 700}, {1998, 1998}, {1999, 2000}, {2000, 2000}, {4000, 2000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        peer_new(&p, &plain);
        p.wnd = 4000;
        la_handle conn = peer_passive(&p, &peer_plain);
        la_seq una = p.rcv_nxt;
        assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_NAGLE, 0, p.now), LA_OK);
        peer_user_send(&p, conn, 2000);
        peer_forget(&p);
        p.wnd = cases[i].window;
        for (unsigned n = 0; n < 2; n++) { /* the second one is acknowledged at once */
            struct la_tcp_seg text = peer_usual(&p, LA_TCP_ACK);
            text.ack = una;
            text.seq = la_seq_add(p.snd_nxt, n * 1460);
            peer_say(&p, &text, NULL, 1460);
        }
        const struct peer_seg *ack = peer_expect(&p, LA_TCP_ACK);
        assert_int_equal(ack->tcp.text_bytes, 0);
        assert_int_equal(la_seq_diff(ack->tcp.seq, una), cases[i].seq);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_collect(&p);
        assert_int_equal(la_seq_diff(peer_expect(&p, LA_TCP_RST | LA_TCP_ACK)->tcp.seq, una),
                         cases[i].seq);
        peer_free(&p);
    }
}

/* LEDGER: MAY-8 */
static void
test_windows__shut_for_an_hour(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = small_buffer});
    la_handle conn = peer_passive(&p, &peer_plain);
    for (unsigned i = 0; i < 4; i++)
        peer_send(&p, LA_TCP_ACK, NULL, 1024);
    peer_run_us(&p, LA_US_PER_S);
    peer_forget(&p);
    for (unsigned i = 0; i < 60; i++) {
        peer_run_us(&p, 60 * LA_US_PER_S);
        peer_expect_none(&p);
        struct la_tcp_seg probe = peer_usual(&p, LA_TCP_ACK);
        peer_say(&p, &probe, "x", 1);
        const struct peer_seg *answer = peer_expect(&p, LA_TCP_ACK);
        assert_int_equal(answer->tcp.wnd, 0);
        assert_true(la_seq_eq(answer->tcp.ack, p.snd_nxt));
    }
    peer_user_read(&p, conn, 4096);
    assert_true(peer_expect(&p, LA_TCP_ACK)->tcp.wnd > 0);
    end(conn);
}

static uint32_t
after(la_handle conn, struct la_tcp_seg seg, uint16_t wnd, size_t n)
{
    seg.wnd = wnd;
    peer_say(&p, &seg, NULL, n);
    peer_forget(&p);
    return peer_status(&p, conn).snd_wnd;
}

/* LEDGER: FSM-SEG-ACK-3 */
static void
test_windows__old_segments_change_nothing(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    struct la_tcp_seg old = peer_usual(&p, LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    peer_user_send(&p, conn, 100);
    peer_forget(&p);
    struct la_tcp_seg now = peer_usual(&p, LA_TCP_ACK);
    assert_int_equal(after(conn, now, 900, 0), 900); /* SND.WL1 < SEG.SEQ */
    assert_int_equal(after(conn, now, 800, 0), 800); /* the same numbers: the latest counts */
    struct la_tcp_seg old_ack = now;
    old_ack.ack = old.ack;
    assert_int_equal(after(conn, old_ack, 5, 0), 800); /* an ACK before SND.UNA */
    peer_user_send(&p, conn, 100);
    peer_forget(&p);
    struct la_tcp_seg newer_ack = peer_usual(&p, LA_TCP_ACK); /* SND.WL1 = SEG.SEQ, newer ACK */
    assert_int_equal(after(conn, newer_ack, 700, 0), 700);
    struct la_tcp_seg wl2 = newer_ack; /* SND.WL1 = SEG.SEQ, SEG.ACK < SND.WL2 */
    wl2.ack = now.ack;
    assert_int_equal(after(conn, wl2, 5, 0), 700);
    struct la_tcp_seg old_seq = old; /* SEG.SEQ < SND.WL1, though it has new text */
    old_seq.ack = newer_ack.ack;
    assert_int_equal(after(conn, old_seq, 5, 20), 700);
    assert_int_equal(peer_status(&p, conn).bytes_received, 20);
    end(conn);
}

/* Two ends that disagree about their numbers would answer each other's ACKs for ever; text is
 * always answered, since its sender waits for that. */
static void
test_windows__strays_are_answered_sparingly(void **state)
{
    (void)state;
    static const uint32_t offs[] = {100000, UINT32_C(0) - 100000};
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    for (size_t i = 0; i < 2; i++) {
        struct la_tcp_seg stray = peer_usual(&p, LA_TCP_ACK);
        stray.seq = la_seq_add(stray.seq, offs[i]);
        peer_run_us(&p, 2 * LA_US_PER_S);
        for (unsigned n = 0; n < 100; n++)
            peer_say(&p, &stray, NULL, 0);
        assert_int_equal(peer_forget(&p), 10);
        assert_int_equal(p.reason, LA_REASON_CHALLENGE_ACK_LIMITED);
        for (unsigned n = 0; n < 20; n++)
            peer_say(&p, &stray, NULL, 10);
        assert_int_equal(peer_forget(&p), 20);
        stray.flags |= LA_TCP_FIN;
        peer_say(&p, &stray, NULL, 0);
        assert_int_equal(peer_forget(&p), 1);
    }
    end(conn);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows__of_the_ack_of_our_syn),
        cmocka_unit_test(test_windows__above_32767),
        cmocka_unit_test(test_windows__shrink),
        cmocka_unit_test(test_windows__of_a_retransmission),
        cmocka_unit_test(test_windows__acknowledgements_stay_inside),
        cmocka_unit_test(test_windows__shut_for_an_hour),
        cmocka_unit_test(test_windows__old_segments_change_nothing),
        cmocka_unit_test(test_windows__strays_are_answered_sparingly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
