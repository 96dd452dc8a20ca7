/* SPDX-License-Identifier: MIT
 *
 * test_half.c - half-open connections of a listener: answered again, given up, ended, completed
 *
 * Read first: RFC 9293 3.10.7.2 to 3.10.7.4 (SYN-RECEIVED); RFC 4987 2 and 3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

enum { HALVES = 700 };

static struct peer p;
static const struct peer_cfg plain;
static const struct peer_options modern = {.mss = 1000, .wscale = 7, .sack = true};
static const struct peer_options stamped = {
    .mss = 1000, .wscale = 7, .sack = true, .timestamps = true};

static struct la_listener_status
status_of(la_handle listener)
{
    struct la_listener_status status;
    assert_int_equal(la_listener_status(p.stack, listener, &status), LA_OK);
    return status;
}

static uint32_t
half_open_n(void)
{
    uint32_t n[LA_TCP_STATE_COUNT];
    la_stack_state_counts(p.stack, n);
    return n[LA_TCP_SYN_RECEIVED];
}

/* The SYN,ACK goes out 7 times more, 1 s to 60 s apart, and then the connection is forgotten. */
static void
test_half__answered_again_and_given_up(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4);
    peer_say_syn(&p, LA_TCP_SYN, &stamped);
    struct la_tcp_seg first = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp;
    static const int64_t apart_s[] = {1, 2, 4, 8, 16, 32, 60};
    for (unsigned i = 0; i < 7; i++) {
        assert_false(peer_run_until_sent(&p, apart_s[i] * LA_US_PER_S - LA_US_PER_S / 2));
        assert_true(peer_run_until_sent(&p, LA_US_PER_S));
        struct la_tcp_seg again = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp;
        assert_true(la_seq_eq(again.seq, first.seq) && la_seq_eq(again.ack, first.ack));
        assert_int_equal(again.wnd, first.wnd);
        assert_int_equal(again.has, first.has);
        assert_int_equal(again.wscale, first.wscale);
        assert_int_equal(again.ts_ecr, first.ts_ecr);
        assert_true(again.ts_val > first.ts_val);
    }
    assert_int_equal(half_open_n(), 1);
    assert_false(peer_run_until_sent(&p, 61 * LA_US_PER_S));
    assert_int_equal(half_open_n(), 0);
    assert_int_equal(status_of(listener).syn_queue_n, 0);
    peer_free(&p);
}

/* What the SYN said is known when the third segment comes, however late. */
static void
test_half__completed_late(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4), conn;
    peer_say_syn(&p, LA_TCP_SYN, &modern);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    assert_true(peer_run_until_sent(&p, 2 * LA_US_PER_S));
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    p.wnd = 100;
    peer_send(&p, LA_TCP_ACK, "early", 5);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.state, LA_TCP_ESTABLISHED);
    assert_int_equal(status.mss_send, 1000);
    assert_int_equal(status.wscale_send, 7);
    assert_int_equal(status.snd_wnd, 100 << 7);
    assert_true(status.sack && !status.timestamps && status.passive);
    assert_int_equal(status.retransmissions_n, 1);
    assert_int_equal(status.rto_us, 3000000); /* RFC 6298 5.7: the SYN,ACK went out twice */
    peer_user_read(&p, conn, 5);
    peer_forget(&p);
    peer_free(&p);
}

/* The handshake is the first sample of the round trip. */
static void
test_half__measures_the_round_trip(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4), conn;
    peer_say_syn(&p, LA_TCP_SYN, &modern);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    peer_run_us(&p, 123456);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(peer_status(&p, conn).srtt_us, 123456);
    peer_free(&p);
}

/* The SYN again, a RST beside the point, a wrong ACK: answered as 3.10.7.4 has it, and none of it
 * ends anything. */
static void
test_half__stays(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4);
    peer_say_syn(&p, LA_TCP_SYN, &modern);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    la_seq ours = p.rcv_nxt;
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_SYN);
    seg.seq = la_seq_sub(p.snd_nxt, 1);
    peer_say(&p, &seg, NULL, 0);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    seg = peer_usual(&p, LA_TCP_RST);
    seg.seq = la_seq_add(p.snd_nxt, 1);
    peer_say(&p, &seg, NULL, 0);
    assert_int_equal(p.reason, LA_REASON_RST_IN_WINDOW);
    peer_expect(&p, LA_TCP_ACK);
    seg = peer_usual(&p, LA_TCP_ACK);
    seg.ack = la_seq_add(ours, 1);
    peer_say(&p, &seg, NULL, 0);
    assert_int_equal(p.reason, LA_REASON_ACK_UNACCEPTABLE);
    peer_expect(&p, LA_TCP_RST);
    assert_int_equal(status_of(listener).syn_queue_n, 1);
    p.rcv_nxt = ours;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(status_of(listener).accept_queue_n, 1);
    assert_int_equal(half_open_n(), 0);
    peer_free(&p);
}

/* Challenge ACKs are limited for half-open connections too (RFC 5961 7), and in the next second
 * there are more: a SYN of the peer itself that meets the record of a forged one needs an answer.
 */
static void
test_half__challenges_are_limited(void **state)
{
    (void)state;
    enum { RSTS = 100 };
    peer_new(&p, &plain);
    peer_listen(&p, 4);
    peer_say_syn(&p, LA_TCP_SYN, &modern);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    for (unsigned second = 0; second < 3; second++) {
        size_t answers_n = 0;
        for (unsigned i = 0; i < RSTS; i++) {
            struct la_tcp_seg rst = peer_usual(&p, LA_TCP_RST);
            rst.seq = la_seq_add(p.snd_nxt, 1 + i);
            peer_say(&p, &rst, NULL, 0);
            answers_n += peer_forget(&p);
        }
        assert_int_equal(answers_n, 10);
        assert_int_equal(p.reason, LA_REASON_CHALLENGE_ACK_LIMITED);
        peer_run_us(&p, LA_US_PER_S);
        peer_forget(&p);
    }
    struct la_tcp_seg syn = peer_usual(&p, LA_TCP_SYN);
    syn.seq = la_seq_add(p.snd_nxt, UINT32_C(1) << 30);
    peer_say(&p, &syn, NULL, 0);
    peer_expect(&p, LA_TCP_ACK);
    peer_free(&p);
}

/* RST, a new SYN in the window, hard ICMP errors, the end of the listener. */
static void
test_half__ends(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 6; how++) {
        peer_new(&p, &plain);
        la_handle listener = peer_listen(&p, 4);
        peer_say_syn(&p, LA_TCP_SYN, &modern);
        struct la_tcp_seg answer = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp;
        assert_int_equal(half_open_n(), 1);
        if (how == 0)
            peer_send(&p, LA_TCP_RST, NULL, 0);
        else if (how == 1)
            peer_send(&p, LA_TCP_SYN, NULL, 0);
        else if (how < 5)
            peer_icmp(&p, 3, (uint8_t[]){3, 2, 13}[how - 2], 0, &answer);
        else
            assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
        assert_int_equal(half_open_n(), 0);
        if (how < 5)
            assert_int_equal(status_of(listener).syn_queue_n, 0);
        peer_collect(&p);
        peer_forget(&p);
        assert_false(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        peer_free(&p);
    }
}

/* ICMP about what is not in flight changes nothing (RFC 5927 4.1). */
static void
test_half__forged_icmp(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    peer_listen(&p, 4);
    peer_say_syn(&p, LA_TCP_SYN, &modern);
    struct la_tcp_seg about = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp;
    about.seq = la_seq_add(about.seq, 1);
    peer_icmp(&p, 3, 3, 0, &about);
    about.seq = la_seq_sub(about.seq, 2);
    peer_icmp(&p, 3, 3, 0, &about);
    assert_int_equal(half_open_n(), 1);
    assert_int_equal(la_stack_stats(p.stack)->reason[LA_REASON_ICMP_UNMATCHED], 2);
    peer_free(&p);
}

/* A listener's configuration holds from the next SYN on. */
static void
test_half__configured_later(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4);
    struct la_tcp_cfg cfg = *la_stack_tcp_cfg(p.stack);
    peer_say_syn(&p, LA_TCP_SYN, &stamped);
    assert_int_not_equal(peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.has & LA_TCP_HAS_WSCALE, 0);
    cfg.window_scale = false;
    cfg.mss_bytes_max = 700;
    assert_int_equal(la_listener_tcp_cfg_set(p.stack, listener, &cfg), LA_OK);
    p.addr.port++;
    peer_say_syn(&p, LA_TCP_SYN, &stamped);
    struct la_tcp_seg answer = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp;
    assert_int_equal(answer.has & LA_TCP_HAS_WSCALE, 0);
    assert_int_equal(answer.mss, 700);
    assert_int_equal(la_stack_setting_set(p.stack, LA_SETTING_SYN_COOKIES, LA_SYN_COOKIES_ALWAYS),
                     LA_OK);
    p.addr.port++;
    peer_say_syn(&p, LA_TCP_SYN, &stamped); /* a cookie's answer as well */
    answer = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp;
    assert_int_equal(answer.has & LA_TCP_HAS_WSCALE, 0);
    assert_int_equal(answer.mss, 700);
    peer_free(&p);
}

/* Hundreds at once, found by a walk, ended with their listener; none of the other's. */
/* LEDGER: RFC4987-4 */
static void
test_half__many(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4), other, h;
    struct la_endpoint at = {p.host.addr, 81};
    assert_int_equal(la_listener_open(p.stack, &at, 4, NULL, &other, p.now), LA_OK);
    for (uint16_t i = 0; i < HALVES; i++) {
        p.addr.port = (uint16_t)(6000 + i);
        p.host.port = i % 7 == 0 ? 81 : 80;
        peer_say_syn(&p, LA_TCP_SYN, &modern);
        peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    }
    p.host.port = 80;
    uint32_t cursor = 0, met_n = 0;
    while (la_conn_next(p.stack, &cursor, &h)) {
        struct la_conn_status status;
        if (h == 0)
            continue;
        assert_int_equal(la_conn_status(p.stack, h, &status), LA_OK);
        assert_true(status.half_open && status.state == LA_TCP_SYN_RECEIVED);
        assert_in_range(status.remote.port, 6000, 6000 + HALVES - 1);
        met_n++;
    }
    assert_int_equal(met_n, HALVES);
    assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
    assert_int_equal(half_open_n(), HALVES / 7);
    assert_int_equal(status_of(other).syn_queue_n, HALVES / 7);
    struct la_frame *frames[HALVES];
    size_t resets_n = la_stack_output(p.stack, p.iface, frames, HALVES, p.now);
    assert_int_equal(resets_n, HALVES - HALVES / 7);
    for (size_t i = 0; i < resets_n; i++)
        la_frame_free(frames[i]);
    peer_free(&p);
}

/* Each allocation fails in turn: either the SYN is answered and remembered, or neither. */
static void
test_half__memory_fails(void **state)
{
    (void)state;
    bool answered = false;
    for (uint64_t fail_at = 1; !answered; fail_at++) {
        assert_true(fail_at < 100);
        peer_new(&p, &plain);
        la_handle listener = peer_listen(&p, 4);
        p.memory.calls_n = 0;
        p.memory.fail_at = fail_at;
        p.memory.fail_for_n = 1000;
        peer_say_syn(&p, LA_TCP_SYN, &stamped);
        p.memory.fail_at = 0;
        answered = p.memory.calls_n < fail_at;
        bool sent = peer_forget(&p) == 1;
        assert_true(answered == sent || sent == (half_open_n() == 1));
        assert_int_equal(status_of(listener).syn_queue_n, half_open_n());
        if (half_open_n() == 0)
            assert_int_equal(p.reason, LA_REASON_NO_MEMORY);
        peer_free(&p);
    }
}

/* The third segment without memory for a whole connection is as good as lost. */
static void
test_half__no_memory_for_the_whole(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4);
    peer_say_syn(&p, LA_TCP_SYN, &modern);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    p.memory.fail_all = true;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(p.reason, LA_REASON_NO_MEMORY);
    assert_int_equal(status_of(listener).syn_queue_n, 1);
    p.memory.fail_all = false;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(status_of(listener).accept_queue_n, 1);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half__answered_again_and_given_up),
        cmocka_unit_test(test_half__completed_late),
        cmocka_unit_test(test_half__measures_the_round_trip),
        cmocka_unit_test(test_half__stays),
        cmocka_unit_test(test_half__challenges_are_limited),
        cmocka_unit_test(test_half__ends),
        cmocka_unit_test(test_half__configured_later),
        cmocka_unit_test(test_half__forged_icmp),
        cmocka_unit_test(test_half__many),
        cmocka_unit_test(test_half__memory_fails),
        cmocka_unit_test(test_half__no_memory_for_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
