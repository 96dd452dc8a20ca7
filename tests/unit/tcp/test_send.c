/* SPDX-License-Identifier: MIT
 *
 * test_send.c - when octets leave: windows, silly windows, Nagle, cork, PSH, FIN
 *
 * Read first: RFC 9293 3.7.4, 3.8.6, 3.8.6.2.1, 3.9.1.2, 3.10.2, 3.10.4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/time.h"
#include "peer.h"

static struct peer p;
static const struct peer_cfg plain;
static la_handle conn;

static void
small_sndbuf(struct la_stack_cfg *cfg)
{
    cfg->tcp.sndbuf_bytes = 30000;
}

static void
begin(uint16_t wnd)
{
    peer_new(&p, &plain);
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
set(enum la_conn_option option, int64_t value)
{
    assert_int_equal(la_conn_option_set(p.stack, conn, option, value, p.now), LA_OK);
    peer_collect(&p);
}

static void
send_more(size_t n, bool more)
{
    static const uint8_t octets[4096];
    assert_int_equal(la_conn_send(p.stack, conn, (struct la_bytes){octets, n}, more, p.now), n);
    peer_collect(&p);
}

/* Asserts that one segment with n octets of text is sent; `push`: with PSH. */
static void
expect_text(uint32_t n, bool push)
{
    const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(seg->tcp.text_bytes, n);
    assert_int_equal((seg->tcp.flags & LA_TCP_PSH) != 0, push);
}

static void
acknowledge(void)
{
    peer_send(&p, LA_TCP_ACK, NULL, 0);
}

/* ---- Nagle, cork ------------------------------------------------------------------------ */

/* LEDGER: MUST-17, SHLD-7, SPEC-NAGLE, SHLD-27 */
static void
test_send__nagle(void **state)
{
    (void)state;
    begin(65535);
    send_more(1, false);
    expect_text(1, true); /* nothing is unacknowledged */
    send_more(1, false);
    send_more(1, false);
    peer_run_us(&p, 100000);
    peer_expect_none(&p);
    acknowledge();
    expect_text(2, true);
    send_more(1460, false); /* a full one never waits */
    expect_text(1460, true);
    send_more(1, false);
    peer_expect_none(&p);
    set(LA_OPT_NAGLE, 0); /* SHLD-7, MUST-17: it can be switched off, and what waits goes */
    expect_text(1, true);
    send_more(1, false);
    expect_text(1, true);
    end();
}

/* As Linux (tcp(7)): TCP_NODELAY lets go what MSG_MORE holds. */
static void
test_send__no_delay_flushes_more(void **state)
{
    (void)state;
    begin(65535);
    send_more(10, true);
    peer_expect_none(&p);
    set(LA_OPT_NAGLE, 0);
    expect_text(10, false); /* not pushed: it said that more follows */
    acknowledge();
    set(LA_OPT_NAGLE, 1);
    set(LA_OPT_CORK, 1);
    send_more(20, false);
    peer_expect_none(&p);
    set(LA_OPT_NAGLE, 0); /* over the cork, too; */
    expect_text(20, true);
    acknowledge();
    send_more(30, false); /* but only once */
    peer_expect_none(&p);
    end();
}

static void
with_push_bursts(struct la_stack_cfg *cfg)
{
    cfg->tcp.push_bursts = true;
    cfg->tcp.initial_window_n = 5;
}

/* Several segments in one go, half a cwnd at most, end with PSH although more waits; one alone does
 * not. The same whether or not somebody hears of each. */
static void
test_send__push_bursts(void **state)
{
    (void)state;
    static const struct peer_cfg pushing = {.stack = with_push_bursts};
    for (unsigned heard = 0; heard < 2; heard++) {
        peer_new(&p, &pushing);
        if (heard == 0)
            la_stack_trace_set(p.stack, &(struct la_trace){0});
        p.wnd = 65535;
        conn = peer_passive(&p, &peer_plain);
        peer_user_send(&p, conn, 8 * 1460);
        peer_collect(&p);
        for (unsigned i = 0; i < 5; i++)
            expect_text(1460, i == 1 || i == 3);
        peer_expect_none(&p);
        end();
    }
}

static void
with_more_until_ack(struct la_stack_cfg *cfg)
{
    cfg->tcp.more_until_ack = true;
    cfg->tcp.nagle = false;
}

/* What MSG_MORE holds back goes with the next ACK, if asked for; without PSH. */
static void
test_send__more_until_ack(void **state)
{
    (void)state;
    static const struct peer_cfg other = {.stack = with_more_until_ack};
    peer_new(&p, &other);
    p.wnd = 65535;
    conn = peer_passive(&p, &peer_plain);
    send_more(1460 + 40, true);
    expect_text(1460, false);
    send_more(60, true);
    peer_expect_none(&p);
    acknowledge();
    expect_text(100, false);
    send_more(10, true);
    peer_expect_none(&p);
    end();
}

static void
with_long_bursts(struct la_stack_cfg *cfg)
{
    cfg->tcp.push_bursts = true;
    cfg->tcp.burst_n_min = 4;
}

/* A burst is what the window sends in a millisecond, and burst_n_min segments at least. */
static void
test_send__bursts_of_a_rate(void **state)
{
    (void)state;
    static const struct peer_cfg pushing = {.stack = with_long_bursts};
    peer_new(&p, &pushing);
    la_stack_trace_set(p.stack, &(struct la_trace){0});
    p.wnd = 65535;
    la_handle listener = peer_listen(&p, 1);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    (void)peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    peer_run_us(&p, 200000); /* the round trip: 10 segments in 0.2 s are less than one in 1 ms */
    acknowledge();
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    peer_user_send(&p, conn, 12 * 1460);
    peer_collect(&p);
    for (unsigned i = 0; i < 10; i++)
        expect_text(1460, i % 4 == 3 || i == 9);
    peer_expect_none(&p);
    assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
    end();
}

static void
with_nagle_short(struct la_stack_cfg *cfg)
{
    cfg->tcp.nagle_short = true;
}

/* Minshall's: a short segment waits for another one to be acknowledged, not for full ones. */
static void
test_send__nagle_short(void **state)
{
    (void)state;
    for (int minshall = 0; minshall < 2; minshall++) {
        static const struct peer_cfg other = {.stack = with_nagle_short};
        peer_new(&p, minshall ? &other : &plain);
        p.wnd = 65535;
        conn = peer_passive(&p, &peer_plain);
        send_more(1460 + 100, false);
        expect_text(1460, false);
        if (minshall)
            expect_text(100, true);
        peer_expect_none(&p);
        send_more(50, false);
        peer_expect_none(&p);
        acknowledge();
        expect_text(minshall ? 50 : 150, true);
        end();
    }
}

static void
with_push_small_windows(struct la_stack_cfg *cfg)
{
    cfg->tcp.push_small_windows = true;
    cfg->tcp.initial_window_n = 9;
}

/* What a small cwnd lets go last is pushed, until it is none any more. */
static void
test_send__push_small_windows(void **state)
{
    (void)state;
    static const struct peer_cfg pushing = {.stack = with_push_small_windows};
    peer_new(&p, &pushing);
    p.wnd = 65535;
    conn = peer_passive(&p, &peer_plain);
    peer_user_send(&p, conn, 40 * 1460);
    for (unsigned i = 1; i <= 9; i++)
        expect_text(1460, i == 9);
    acknowledge(); /* cwnd is 10 now, or more */
    for (const struct peer_seg *seg; p.seg_n > 0 && (seg = peer_take(&p)) != NULL;)
        assert_int_equal(seg->tcp.flags & LA_TCP_PSH, 0);
    end();
}

/* LEDGER: MUST-60, MAY-16 */
static void
test_send__cork(void **state)
{
    (void)state;
    begin(65535);
    set(LA_OPT_CORK, 1);
    send_more(1000, false);
    peer_expect_none(&p);
    send_more(1000, false);
    expect_text(1460, false);
    set(LA_OPT_CORK, 0);
    peer_expect_none(&p); /* Nagle has the rest */
    acknowledge();
    expect_text(540, true);
    acknowledge();
    set(LA_OPT_CORK, 1);
    send_more(10, false);
    peer_expect_none(&p);
    assert_true(peer_run_until_sent(&p, LA_US_PER_S)); /* not for ever: 3.8.6.2.1 (4) */
    expect_text(10, true);
    acknowledge();
    send_more(10, false);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK); /* nor when it is the end */
    peer_collect(&p);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK | LA_TCP_FIN)->tcp.text_bytes, 10);
    end();
}

/* LEDGER: MUST-60, MAY-15, MAY-16 */
static void
test_send__more_follows(void **state)
{
    (void)state;
    begin(65535);
    send_more(100, true);
    peer_expect_none(&p);
    send_more(100, true);
    peer_expect_none(&p);
    send_more(100, false);
    expect_text(300, true);
    acknowledge();
    send_more(100, true);
    assert_true(peer_run_until_sent(&p, LA_US_PER_S));
    expect_text(100, true);
    end();
}

/* MUST-61: PSH in the last segment of what is buffered, and in no other. */
/* LEDGER: MUST-61, SHLD-28 */
static void
test_send__push(void **state)
{
    (void)state;
    begin(65535);
    send_more(4096, false);
    expect_text(1460, false);
    expect_text(1460, false);
    peer_expect_none(&p);
    acknowledge();
    expect_text(1176, true);
    end();
}

/* ---- windows ---------------------------------------------------------------------------- */

/* 3.8.6.2.1, cases (1) to (4), against the largest window there was: 10,000. */
/* LEDGER: MUST-38, SPEC-SWS-S */
static void
test_send__silly_windows(void **state)
{
    (void)state;
    static const struct {
        uint16_t wnd_max, wnd;
        uint32_t n;
        uint32_t now; /* sent at once */
    } cases[] = {
        {10000, 10000, 1460, 1460}, /* (1) a full segment */
        {10000, 1460, 4000, 1460},
        {10000, 1459, 4000, 0}, /* not full, not pushed to its end, not half of 10,000 */
        {10000, 100, 100, 100}, /* (2) all that there is */
        {10000, 99, 100, 0},
        {2000, 1000, 4000, 1000}, /* (3) half of the largest window */
        {2000, 999, 4000, 0},
        {10, 10, 4000, 10}, /* a peer with little room is served all the same */
        {10, 5, 4000, 5},
        {10, 4, 4000, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(cases[i].wnd_max);
        p.wnd = cases[i].wnd;
        acknowledge();
        peer_user_send(&p, conn, cases[i].n);
        if (cases[i].now != 0) {
            assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.text_bytes, cases[i].now);
        } else {
            la_instant since = p.now; /* (4): 0.1 to 1 s */
            peer_expect_none(&p);
            assert_true(peer_run_until_sent(&p, LA_US_PER_S));
            assert_in_range(la_instant_diff_us(p.now, since), 100000, 1000000);
            assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.text_bytes, cases[i].wnd);
        }
        end();
    }
}

/* Whatever the peer offers, no octet goes beyond the edge, but the one that probes. */
static void
random_windows(uint64_t seed)
{
    struct la_rng rng;
    struct la_seed s = {{seed}};
    la_rng_init(&rng, &s, "send");
    begin((uint16_t)(1 + la_rng_below(&rng, 20000)));
    la_seq base = p.rcv_nxt, acked = base, edge = la_seq_add(base, p.wnd);
    uint32_t queued = 0;
    for (unsigned i = 0; i < 200; i++) {
        if (la_rng_below(&rng, 3) == 0 && queued < 200000) {
            uint32_t n = 1 + (uint32_t)la_rng_below(&rng, 4000);
            send_more(n, la_rng_below(&rng, 2) == 0);
            queued += n;
        }
        for (const struct peer_seg *seg; (seg = peer_take(&p)) != NULL;) {
            la_seq seg_end = la_seq_add(seg->tcp.seq, seg->tcp.len);
            bool inside = la_seq_le(seg_end, edge) || seg->tcp.text_bytes == 0;
            bool probe = seg->tcp.text_bytes == 1 && la_seq_eq(seg->tcp.seq, edge);
            assert_true(inside || probe);
            if (probe && !inside)
                p.rcv_nxt = edge; /* not taken */
        }
        if (la_rng_below(&rng, 2) == 0) {
            acked = la_seq_add(
                acked, (uint32_t)la_rng_below(&rng, 1 + (uint32_t)la_seq_diff(p.rcv_nxt, acked)));
            p.wnd = la_rng_below(&rng, 4) == 0 ? 0 : (uint16_t)la_rng_below(&rng, 20000);
            la_seq new_edge = la_seq_add(acked, p.wnd);
            if (la_seq_lt(new_edge, edge))
                p.wnd = (uint16_t)la_seq_diff(edge, acked); /* a good receiver: never left */
            edge = la_seq_add(acked, p.wnd);
            struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
            seg.ack = acked;
            peer_say(&p, &seg, NULL, 0);
        }
        peer_run_us(&p, (int64_t)la_rng_below(&rng, 300000));
    }
    end();
}

/* LEDGER: RFC5681-1, RFC7323-10c */
static void
test_send__never_beyond_the_window(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++)
        random_windows(seed);
}

/* A FIN takes a number: it waits for room, and goes with the last octets when there is room. */
/* LEDGER: FSM-CLOSE-3, RFC2525-15 */
static void
test_send__fin_and_the_window(void **state)
{
    (void)state;
    begin(100);
    send_more(100, false);
    expect_text(100, true);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_expect_none(&p);
    assert_int_equal(peer_state(&p), LA_TCP_FIN_WAIT_1);
    acknowledge();
    peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    end();

    begin(101);
    send_more(60, true);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    assert_int_equal(peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK)->tcp.text_bytes, 60);
    end();

    begin(100); /* no room at all: probed without an octet, then sent */
    p.wnd = 0;
    acknowledge();
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_expect_none(&p);
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    const struct peer_seg *probe = peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(probe->tcp.len, 0);
    assert_true(la_seq_lt(probe->tcp.seq, p.rcv_nxt));
    p.wnd = 1;
    acknowledge();
    peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    end();
}

/* ---- the calls -------------------------------------------------------------------------- */

static la_ssize
try_send(void)
{
    return la_conn_send(p.stack, conn, (struct la_bytes){(const uint8_t *)"x", 1}, false, p.now);
}

/* LEDGER: FSM-SEND-1, FSM-SEND-3, FSM-CLOSE-5, FSM-SEG-RST-2 */
static void
test_send__in_every_state(void **state)
{
    (void)state;
    begin(1000);
    assert_int_equal(la_conn_send(p.stack, conn, (struct la_bytes){NULL, 0}, false, p.now), 0);
    peer_expect_none(&p);
    peer_send(&p, LA_TCP_FIN | LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSE_WAIT);
    peer_forget(&p);
    assert_int_equal(try_send(), 1); /* 3.6: the other direction is open */
    peer_collect(&p);
    expect_text(1, true);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    assert_int_equal(try_send(), LA_ERR_CLOSING);
    peer_collect(&p);
    peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    assert_int_equal(try_send(), LA_ERR_CLOSING);
    acknowledge();
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    assert_int_equal(try_send(), LA_ERR_CLOSING);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    assert_int_equal(try_send(), LA_ERR_BAD_HANDLE);
    peer_free(&p);

    begin(1000);
    peer_send(&p, LA_TCP_RST, NULL, 0);
    assert_int_equal(try_send(), LA_ERR_CONNECTION_RESET);
    assert_int_equal(try_send(), LA_ERR_CONNECTION_RESET);
    end();
}

static void
test_send__a_full_buffer_and_its_wakeup(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = small_sndbuf});
    p.wnd = 65535;
    conn = peer_passive(&p, &peer_plain);
    (void)peer_ready(&p, conn);
    static uint8_t octets[40000];
    assert_int_equal(
        la_conn_send(p.stack, conn, (struct la_bytes){octets, sizeof(octets)}, false, p.now),
        30000);
    assert_int_equal(try_send(), LA_ERR_AGAIN);
    assert_int_equal(peer_ready(&p, conn) & LA_READY_WRITE, 0);
    peer_collect(&p);
    peer_take(&p);
    acknowledge(); /* 1460 are free: not yet a third */
    assert_int_equal(peer_ready(&p, conn) & LA_READY_WRITE, 0);
    for (unsigned i = 0; i < 7; i++) {
        peer_take(&p);
        acknowledge();
    }
    assert_int_not_equal(peer_ready(&p, conn) & LA_READY_WRITE, 0);
    assert_int_not_equal(peer_status(&p, conn).ready & LA_READY_WRITE, 0);
    while (peer_forget(&p) > 0)
        acknowledge();
    assert_int_not_equal(peer_ready(&p, conn) & LA_READY_SENT, 0);
    assert_int_equal(peer_status(&p, conn).bytes_acked, 30000);
    assert_int_equal(peer_status(&p, conn).bytes_sent, 30000);
    end();
}

static void
test_send__reserve_and_commit(void **state)
{
    (void)state;
    begin(65535);
    uint32_t sent_n = 0;
    for (unsigned i = 0; i < 50; i++) {
        struct la_room room;
        assert_int_equal(la_conn_reserve(p.stack, conn, 1000, &room), LA_OK);
        assert_true(room.n >= 1);
        size_t n = room.n < 700 ? room.n : 700;
        for (size_t k = 0; k < n; k++)
            room.p[k] = (uint8_t)((sent_n + k) * 7);
        assert_int_equal(la_conn_commit(p.stack, conn, n, false, p.now), LA_OK);
        sent_n += (uint32_t)n;
        peer_collect(&p);
    }
    uint32_t seen = 0;
    for (unsigned round = 0; seen < sent_n && round < 200; round++) {
        for (const struct peer_seg *seg; (seg = peer_take(&p)) != NULL;)
            for (uint32_t k = 0; k < seg->tcp.text_bytes; k++)
                assert_int_equal(seg->text[k], (uint8_t)(seen++ * 7));
        acknowledge();
    }
    assert_int_equal(seen, sent_n);
    struct la_room room;
    assert_int_equal(la_conn_reserve(p.stack, conn, 0, &room), LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_conn_reserve(p.stack, conn, 10, &room), LA_OK);
    assert_int_equal(la_conn_commit(p.stack, conn, 0, false, p.now), LA_OK); /* given up */
    peer_expect_none(&p);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    assert_int_equal(la_conn_reserve(p.stack, conn, 10, &room), LA_ERR_CLOSING);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send__nagle),
        cmocka_unit_test(test_send__no_delay_flushes_more),
        cmocka_unit_test(test_send__push_bursts),
        cmocka_unit_test(test_send__nagle_short),
        cmocka_unit_test(test_send__push_small_windows),
        cmocka_unit_test(test_send__more_until_ack),
        cmocka_unit_test(test_send__bursts_of_a_rate),
        cmocka_unit_test(test_send__cork),
        cmocka_unit_test(test_send__more_follows),
        cmocka_unit_test(test_send__push),
        cmocka_unit_test(test_send__silly_windows),
        cmocka_unit_test(test_send__never_beyond_the_window),
        cmocka_unit_test(test_send__fin_and_the_window),
        cmocka_unit_test(test_send__in_every_state),
        cmocka_unit_test(test_send__a_full_buffer_and_its_wakeup),
        cmocka_unit_test(test_send__reserve_and_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
