/* SPDX-License-Identifier: MIT
 *
 * test_urgent.c - urgent data: what is sent, what is told, what a hostile pointer can do
 *
 * Read first: RFC 9293 3.8.5, 3.10.2, 3.10.3, 3.10.7.4 sixth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

enum { PURE = LA_TCP_ACK, URGENT = LA_TCP_ACK | LA_TCP_URG, MSS = 1460 };

static struct peer p;
static la_handle conn;
static const uint8_t octets[256 * 1024];

static void
large_start(struct la_stack_cfg *cfg)
{
    cfg->tcp.initial_window_n = 100;
    cfg->tcp.sndbuf_bytes = 1 << 20;
}

static void
small_buffer(struct la_stack_cfg *cfg)
{
    cfg->tcp.rcvbuf_bytes = 4096;
}

/* A connection of a stack that listens to no segment: what it may, it sends as super-segments. */
static void
begin(void (*stack)(struct la_stack_cfg *cfg), uint16_t wnd)
{
    peer_new(&p, &(struct peer_cfg){.stack = stack});
    p.wnd = wnd;
    conn = peer_passive(&p, &peer_plain);
}

static void
end(void)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

static void
send_urgent(size_t n)
{
    assert_int_equal(la_conn_send_urgent(p.stack, conn, (struct la_bytes){octets, n}, p.now), n);
    peer_collect(&p);
}

static void
send_plain(size_t n)
{
    assert_int_equal(la_conn_send(p.stack, conn, (struct la_bytes){octets, n}, false, p.now), n);
    peer_collect(&p);
}

static void
acknowledge(void)
{
    peer_send(&p, PURE, NULL, 0);
}

/* The next segment: so much text, and this pointer, -1 for none. */
static void
expect(uint32_t text_bytes, int32_t up)
{
    const struct peer_seg *seg = peer_expect(&p, up < 0 ? PURE : URGENT);
    assert_int_equal(seg->tcp.text_bytes, text_bytes);
    assert_int_equal(seg->tcp.up, up < 0 ? 0 : up);
}

/* A segment of the peer with URG, `off` behind its usual number. */
static void
say_at(uint32_t off, uint16_t up, size_t n)
{
    struct la_tcp_seg seg = peer_usual(&p, URGENT);
    seg.seq = la_seq_add(seg.seq, off);
    seg.up = up;
    peer_say(&p, &seg, NULL, n);
}

/* In order, and the peer goes on behind it. */
static void
say(uint16_t up, size_t n)
{
    say_at(0, up, n);
    p.snd_nxt = la_seq_add(p.snd_nxt, (uint32_t)n);
}

static bool
told(void)
{
    return (peer_ready(&p, conn) & LA_READY_URGENT) != 0;
}

/* Asserts how much urgent data is not read, by each way of asking. */
static void
expect_unread(uint32_t n)
{
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(la_conn_urgent(p.stack, conn), n);
    assert_int_equal(status.urgent_unread_bytes, n);
    assert_int_equal((status.ready & LA_READY_URGENT) != 0, n > 0);
}

static la_ssize
receive(size_t n)
{
    static uint8_t room[4096];
    return la_conn_receive(p.stack, conn, (struct la_room){room, n}, p.now);
}

/* ---- sending ---------------------------------------------------------------------------- */

/* LEDGER: MUST-30, MUST-62, FSM-SEND-4 */
static void
test_urgent__pointer_of_each_segment(void **state)
{
    (void)state;
    begin(large_start, 60000);
    send_urgent(1);
    expect(1, 1); /* the octet behind it */
    assert_int_equal(peer_status(&p, conn).urgent_unacked_bytes, 1);
    acknowledge();
    assert_int_equal(peer_status(&p, conn).urgent_unacked_bytes, 0);
    send_plain(10);
    expect(10, -1); /* none outstanding */
    acknowledge();

    send_urgent(2 * MSS + 100); /* SND.UP is the same place, seen from three segments */
    expect(MSS, 2 * MSS + 100);
    expect(MSS, MSS + 100);
    expect(100, 100);
    peer_send(&p, PURE, NULL, 5); /* an acknowledgement behind them has none */
    peer_run_us(&p, LA_US_PER_S / 20);
    expect(0, -1);
    end();
}

/* What was queued before urges as well, what is queued behind does not. */
static void
test_urgent__in_the_middle(void **state)
{
    (void)state;
    begin(NULL, 0);
    send_plain(1000);
    send_urgent(3);
    send_plain(2000);
    assert_int_equal(peer_forget(&p), 1); /* a probe, whose octet the peer does not take */
    p.rcv_nxt = la_seq_sub(p.rcv_nxt, 1);
    p.wnd = 10000;
    acknowledge();
    expect(MSS, 1003);
    expect(MSS, -1);
    end();
}

/* LEDGER: MUST-31 */
static void
test_urgent__any_length(void **state)
{
    (void)state;
    begin(large_start, 65535);
    enum { LEN = 150000 };
    send_urgent(LEN);
    la_seq up = la_seq_add(p.rcv_nxt, LEN), furthest = p.rcv_nxt;
    uint32_t seen_n = 0;
    for (unsigned round = 0; seen_n < LEN && round < 1000; round++) {
        const struct peer_seg *seg = peer_take(&p);
        if (seg == NULL) {
            acknowledge();
            continue;
        }
        assert_true((seg->tcp.flags & LA_TCP_URG) != 0);
        assert_true(seg->tcp.text_bytes <= MSS); /* a super-segment has one pointer only */
        la_seq seg_up = la_seq_add(seg->tcp.seq, seg->tcp.up);
        assert_true(la_seq_ge(seg_up, furthest) && la_seq_le(seg_up, up));
        assert_true(seg->tcp.up == UINT16_MAX || la_seq_eq(seg_up, up));
        furthest = seg_up;
        seen_n += seg->tcp.text_bytes;
    }
    assert_int_equal(seen_n, LEN);
    assert_true(la_seq_eq(furthest, up));
    end();
}

static void
test_urgent__sent_again(void **state)
{
    (void)state;
    begin(NULL, 10000);
    send_plain(100);
    expect(100, -1);
    send_urgent(50);
    expect(50, 50); /* Nagle does not hold it back */
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    /* The octets before it, which were sent without URG, have it now. */
    const struct peer_seg *again = peer_expect(&p, URGENT);
    assert_int_equal(again->tcp.up, 150);
    end();
}

/* LEDGER: FSM-SEND-4 */
static void
test_urgent__before_established(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){0});
    p.wnd = 10000;
    conn = peer_open(&p, NULL);
    const struct peer_seg *syn = peer_expect(&p, LA_TCP_SYN);
    assert_int_equal(syn->tcp.up, 0);
    send_urgent(3);
    assert_true(peer_run_until_sent(&p, 2 * LA_US_PER_S));
    peer_expect(&p, LA_TCP_SYN); /* again, and still without URG */
    peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
    const struct peer_seg *seg = peer_take(&p);
    while (seg != NULL && seg->tcp.text_bytes == 0)
        seg = peer_take(&p);
    assert_non_null(seg);
    assert_int_equal(seg->tcp.flags & LA_TCP_URG, LA_TCP_URG);
    assert_int_equal(seg->tcp.up, 3);

    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, NULL, 0); /* CLOSE-WAIT */
    peer_forget(&p);
    send_urgent(2);
    expect(2, 2);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    assert_int_equal(la_conn_send_urgent(p.stack, conn, (struct la_bytes){octets, 1}, p.now),
                     LA_ERR_CLOSING);
    peer_forget(&p);
    end();
}

/* The window has no room for a single octet: a probe tells it at once, and so does each later
 * one; when the window opens, the octets follow. */
/* LEDGER: RFC2525-12 */
static void
test_urgent__through_a_zero_window(void **state)
{
    (void)state;
    begin(NULL, 0);
    send_plain(2000);
    peer_expect_none(&p);
    send_urgent(1);
    expect(1, 2001);
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    expect(1, 2001);
    p.rcv_nxt = la_seq_sub(p.rcv_nxt, 1); /* the peer did not take the octets that probed */
    p.wnd = 5000;
    acknowledge();
    expect(MSS, 2001);
    expect(2001 - MSS, 2001 - MSS);
    end();
}

static void
test_urgent__silly_windows_it_avoids(void **state)
{
    (void)state;
    begin(NULL, 4000);
    send_plain(MSS);
    peer_forget(&p);
    p.wnd = 100; /* less than half of the largest window */
    acknowledge();
    send_urgent(1000);
    peer_expect_none(&p);
    p.wnd = 4000;
    acknowledge();
    expect(1000, 1000);
    end();
}

/* ---- receiving -------------------------------------------------------------------------- */

/* LEDGER: MUST-32, FSM-SEG-URG-1 */
static void
test_urgent__told_once_and_when_it_advances(void **state)
{
    (void)state;
    begin(NULL, 10000);
    (void)peer_ready(&p, conn);
    say(30, 10); /* twenty octets more than the segment holds */
    assert_true(told());
    say(20, 10); /* the same place */
    assert_false(told());
    say_at(0, 5, 0); /* it cannot recede */
    assert_false(told());
    expect_unread(30);
    say(11, 10); /* one further */
    assert_true(told());
    expect_unread(31);
    assert_int_equal(receive(30), 30);
    expect_unread(1);
    peer_send(&p, PURE, NULL, 10);
    assert_false(told());
    assert_int_equal(receive(100), 1);
    expect_unread(0);
    assert_int_equal(receive(100), 9);
    say(5, 5); /* there was none: a new sequence */
    assert_true(told());
    end();
}

/* What the events say about it. */
static struct la_event last;

static void
hear(void *ctx, const struct la_event *event)
{
    (void)ctx;
    last = *event;
}

static void
test_urgent__the_event(void **state)
{
    (void)state;
    begin(NULL, 10000);
    struct la_trace trace = {hear, NULL, LA_EVENT_BIT(LA_EVENT_URGENT)};
    la_stack_trace_set(p.stack, &trace);
    la_seq seq = p.snd_nxt;
    say(30, 10);
    assert_int_equal(last.kind, LA_EVENT_URGENT);
    assert_int_equal(last.u.urgent.pointer, la_seq_add(seq, 30).v);
    assert_int_equal(last.u.urgent.unread_bytes, 30);
    last.kind = LA_EVENT_STATE;
    say(20, 10);
    assert_int_equal(last.kind, LA_EVENT_STATE);
    end();
}

/* LEDGER: MUST-30, MUST-33 */
static void
test_urgent__a_read_ends_at_the_mark(void **state)
{
    (void)state;
    begin(NULL, 10000);
    peer_send(&p, PURE, NULL, 7);
    say(3, 10);
    expect_unread(10);
    struct la_bytes pieces[4];
    size_t n;
    assert_int_equal(la_conn_peek(p.stack, conn, pieces, 4, &n), LA_OK);
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += pieces[i].n;
    assert_int_equal(total, 10);
    assert_int_equal(la_conn_peek(p.stack, conn, pieces, 1, &n), LA_OK);
    assert_int_equal(n, 1);
    assert_int_equal(receive(4), 4);
    expect_unread(6);
    assert_int_equal(receive(100), 6);
    expect_unread(0);
    assert_int_equal(receive(100), 7); /* what follows, in line */
    assert_int_equal(receive(100), LA_ERR_AGAIN);
    end();
}

/* The pointer comes before the octets, which come in any order. */
static void
test_urgent__before_its_octets(void **state)
{
    (void)state;
    begin(NULL, 10000);
    (void)peer_ready(&p, conn);
    say_at(0, 60000, 0);
    assert_true(told());
    expect_unread(60000);
    assert_int_equal(receive(1), LA_ERR_AGAIN);
    say_at(100, 59990, 10); /* a gap before it, and the pointer 90 further */
    assert_true(told());
    expect_unread(60090);
    end();
}

/* LEDGER: MUST-66 */
static void
test_urgent__into_a_zero_window(void **state)
{
    (void)state;
    static const size_t probe_bytes[] = {0, 1};
    for (unsigned i = 0; i < 2; i++) {
        begin(small_buffer, 10000);
        for (unsigned j = 0; j < 4; j++)
            peer_send(&p, PURE, NULL, 1024);
        peer_run_us(&p, LA_US_PER_S);
        peer_forget(&p);
        assert_int_equal(peer_status(&p, conn).rcv_wnd, 0);
        (void)peer_ready(&p, conn);
        say_at(0, 1, probe_bytes[i]);
        assert_true(told());
        expect_unread(4097); /* the octet itself was not taken */
        assert_int_equal(peer_status(&p, conn).receive_queue_bytes, 4096);
        struct la_tcp_seg rst = peer_usual(&p, LA_TCP_RST);
        peer_say(&p, &rst, NULL, 0);
        assert_int_equal(peer_status(&p, conn).err, LA_ERR_CONNECTION_RESET);
        end();
    }
}

/* LEDGER: FSM-SEG-URG-1 */
static void
test_urgent__states(void **state)
{
    (void)state;
    static const uint8_t heeding[] = {LA_TCP_ESTABLISHED, LA_TCP_FIN_WAIT_1, LA_TCP_FIN_WAIT_2};
    static const uint8_t ignoring[] = {LA_TCP_CLOSE_WAIT, LA_TCP_CLOSING, LA_TCP_LAST_ACK,
                                       LA_TCP_TIME_WAIT};
    for (size_t i = 0; i < sizeof(heeding); i++) {
        peer_new(&p, &(struct peer_cfg){0});
        conn = peer_to(&p, (enum la_tcp_state)heeding[i]);
        (void)peer_ready(&p, conn);
        say(4, 4);
        assert_true(told());
        expect_unread(4);
        end();
    }
    for (size_t i = 0; i < sizeof(ignoring); i++) {
        peer_new(&p, &(struct peer_cfg){0});
        conn = peer_to(&p, (enum la_tcp_state)ignoring[i]);
        (void)peer_ready(&p, conn);
        p.rcv_nxt = la_seq_sub(p.rcv_nxt, 1); /* it does not acknowledge a FIN of ours */
        say(4, 0);
        assert_false(told());
        assert_int_equal(peer_status(&p, conn).urgent_unread_bytes, 0);
        end();
    }
}

/* ---- pointers that lie ------------------------------------------------------------------ */

/* One that the FIN belies: what is urgent ends with the stream. */
static void
test_urgent__beyond_the_fin(void **state)
{
    (void)state;
    begin(NULL, 10000);
    say(500, 10);
    expect_unread(500);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, NULL, 5);
    expect_unread(15);
    assert_int_equal(receive(100), 15);
    expect_unread(0);
    assert_int_equal(receive(100), 0);
    end();
    begin(NULL, 10000);
    say(500, 0);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, NULL, 0);
    expect_unread(0);
    end();
}

/* Not ahead of what was read: an old segment, a pointer of zero, one in a segment that is not
 * acceptable, and one with a text that nobody will read. */
static void
test_urgent__says_nothing(void **state)
{
    (void)state;
    begin(NULL, 10000);
    (void)peer_ready(&p, conn);
    say(0, 0);
    assert_false(told());
    peer_send(&p, PURE, NULL, 10);
    assert_int_equal(receive(100), 10);
    say_at(UINT32_MAX - 4, 3, 10); /* five octets are new, the pointer lies before them */
    p.snd_nxt = la_seq_add(p.snd_nxt, 5);
    assert_int_equal(receive(100), 5);
    static const uint32_t outside[] = {UINT32_C(1) << 20, UINT32_C(1) << 31, UINT32_MAX - 70000};
    for (size_t i = 0; i < 3; i++) {
        say_at(outside[i], UINT16_MAX, 1);
        assert_int_equal(p.reason, outside[i] > UINT32_MAX / 2 ? LA_REASON_DATA_DUPLICATE
                                                               : LA_REASON_SEQ_OUTSIDE_WINDOW);
    }
    assert_false(told());
    expect_unread(0);
    assert_int_equal(la_conn_close_read(p.stack, conn, p.now), LA_OK);
    say(9, 9);
    assert_false(told());
    expect_unread(0);
    end();
}

/* The numbers wrap, and the pointer stays ahead. */
static void
test_urgent__always_ahead(void **state)
{
    (void)state;
    begin(NULL, 10000);
    assert_true(p.snd_nxt.v > UINT32_MAX - 100);
    for (unsigned i = 0; i < 10; i++) {
        say(UINT16_MAX, 60000);
        assert_int_equal(la_conn_urgent(p.stack, conn), UINT16_MAX);
        assert_int_equal(la_conn_consume(p.stack, conn, 60000, p.now), LA_OK);
        assert_int_equal(la_conn_urgent(p.stack, conn), UINT16_MAX - 60000);
        peer_forget(&p);
    }
    assert_true(p.snd_nxt.v < UINT32_C(1) << 31);
    end();
}

/* Released with the pointer ahead: nobody reads, and nothing is kept for it. */
static void
test_urgent__released(void **state)
{
    (void)state;
    begin(NULL, 10000);
    say(500, 0);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    say(500, 0);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, NULL, 0);
    peer_forget(&p);
    assert_int_equal(peer_state(&p), LA_TCP_TIME_WAIT);
    peer_free(&p);
}

/* No memory for the record that holds RCV.UP: nothing is told, and later it is. */
static void
test_urgent__no_memory(void **state)
{
    (void)state;
    begin(NULL, 10000);
    peer_run_us(&p, LA_US_PER_S);
    (void)peer_ready(&p, conn);
    p.memory.fail_all = true;
    say(500, 0);
    bool refused = p.reason == LA_REASON_NO_MEMORY;
    assert_int_equal(told(), !refused); /* a record may have been left over */
    p.memory.fail_all = false;
    say(600, 0);
    assert_true(told());
    expect_unread(600);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urgent__pointer_of_each_segment),
        cmocka_unit_test(test_urgent__in_the_middle),
        cmocka_unit_test(test_urgent__any_length),
        cmocka_unit_test(test_urgent__sent_again),
        cmocka_unit_test(test_urgent__before_established),
        cmocka_unit_test(test_urgent__through_a_zero_window),
        cmocka_unit_test(test_urgent__silly_windows_it_avoids),
        cmocka_unit_test(test_urgent__told_once_and_when_it_advances),
        cmocka_unit_test(test_urgent__the_event),
        cmocka_unit_test(test_urgent__a_read_ends_at_the_mark),
        cmocka_unit_test(test_urgent__before_its_octets),
        cmocka_unit_test(test_urgent__into_a_zero_window),
        cmocka_unit_test(test_urgent__states),
        cmocka_unit_test(test_urgent__beyond_the_fin),
        cmocka_unit_test(test_urgent__says_nothing),
        cmocka_unit_test(test_urgent__always_ahead),
        cmocka_unit_test(test_urgent__released),
        cmocka_unit_test(test_urgent__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
