/* SPDX-License-Identifier: MIT
 *
 * test_receive.c - the receive queue, runs out of order, the window that we offer, our ACKs
 *
 * Read first: RFC 9293 3.8.6, 3.10.7.4 seventh and eighth; RFC 5681 4.2; RFC 7323 2.3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/time.h"
#include "peer.h"

static struct peer p;
static const struct peer_cfg plain;
static const struct peer_options scaled = {.mss = 1460, .wscale = 0};
static uint32_t rcvbuf_bytes;

static void
with_rcvbuf(struct la_stack_cfg *cfg)
{
    cfg->tcp.rcvbuf_bytes = rcvbuf_bytes;
}

static const struct peer_cfg buffered = {.stack = with_rcvbuf};

/* ---- a stream in pieces ----------------------------------------------------------------- */

enum { STREAM_MAX = 200000 };

/* The peer's side of a stream, and what a receiver may have of it. */
struct stream {
    uint32_t n;                 /* octets, then a FIN */
    bool given[STREAM_MAX + 1]; /* was sent inside the window of that moment */
    uint32_t first_missing;     /* of `given` */
    uint32_t read_n;            /* by the application */
    bool dropped;               /* the stack said that it threw something away */
    bool ended;                 /* the application saw the end */
    uint8_t shift;
    la_seq begin, edge, acked; /* number of octet 0; right edge, ACK: the highest so far */
};

static struct stream st;

static uint32_t
window_edge(void)
{
    return (uint32_t)la_seq_diff(st.edge, st.begin);
}

/* What the stack sent: its edge and its ACK may never go back, nor beyond what it was given. */
static void
look(void)
{
    const struct peer_seg *seg;
    while ((seg = peer_take(&p)) != NULL) {
        la_seq edge = la_seq_add(seg->tcp.ack, (uint32_t)seg->tcp.wnd << st.shift);
        assert_true(la_seq_ge(edge, st.edge));
        assert_true(la_seq_ge(seg->tcp.ack, st.acked));
        assert_true((uint32_t)la_seq_diff(seg->tcp.ack, st.begin) <= st.first_missing);
        st.edge = edge;
        st.acked = seg->tcp.ack;
    }
}

static bool
in_window(uint32_t off)
{
    return off >= st.first_missing && off < window_edge();
}

/* One segment [off, off + n) of the stream, with a FIN when it reaches the end. */
static void
give(uint32_t off, uint32_t n)
{
    bool fin = off + n == st.n;
    struct la_tcp_seg seg = peer_usual(&p, (uint8_t)(LA_TCP_ACK | (fin ? LA_TCP_FIN : 0)));
    seg.seq = la_seq_add(st.begin, off);
    uint32_t len = n + fin;
    bool acceptable = len > 0 && (in_window(off) || in_window(off + len - 1)); /* 3.4 */
    for (uint32_t i = off; acceptable && i < off + len; i++)
        if (i < window_edge() + fin) /* a FIN right behind the edge may be taken */
            st.given[i] = true;
    while (st.first_missing <= st.n && st.given[st.first_missing])
        st.first_missing++;
    peer_say(&p, &seg, NULL, n);
    st.dropped |= p.reason == LA_REASON_OUT_OF_ORDER_LIMIT || p.reason == LA_REASON_NO_MEMORY;
    look();
}

static void
application_reads(la_handle conn, size_t max)
{
    uint8_t octets[8192];
    la_ssize n = la_conn_receive(
        p.stack, conn, (struct la_room){octets, max < sizeof(octets) ? max : sizeof(octets)},
        p.now);
    for (la_ssize i = 0; i < n; i++)
        assert_int_equal(octets[i], (uint8_t)((st.read_n + (uint32_t)i) * 7));
    if (n > 0)
        st.read_n += (uint32_t)n;
    st.ended |= n == 0;
    assert_true(n >= 0 || n == LA_ERR_AGAIN);
    peer_collect(&p);
    look();
}

static void
random_stream(uint64_t seed)
{
    struct la_rng rng;
    struct la_seed s = {{seed}};
    la_rng_init(&rng, &s, "receive");
    rcvbuf_bytes = 4096 + (uint32_t)la_rng_below(&rng, 1 << (1 + la_rng_below(&rng, 19)));
    peer_new(&p, &buffered);
    memset(&st, 0, sizeof(st));
    la_handle conn = peer_passive(&p, &scaled);
    st.n = (uint32_t)la_rng_below(&rng, 60000);
    st.shift = peer_status(&p, conn).wscale_receive;
    st.begin = st.acked = p.snd_nxt;
    st.edge = la_seq_add(st.begin, peer_status(&p, conn).rcv_wnd);
    for (unsigned i = 0; i < 300; i++) {
        uint32_t left = st.first_missing > 2000 ? st.first_missing - 2000 : 0;
        uint32_t off = left + (uint32_t)la_rng_below(&rng, window_edge() + 3000 - left);
        if (la_rng_below(&rng, 3) == 0)
            off = st.first_missing;
        off = off > st.n ? st.n : off;
        uint32_t n = (uint32_t)la_rng_below(&rng, 1461);
        give(off, n > st.n - off ? st.n - off : n);
        if (la_rng_below(&rng, 4) == 0)
            application_reads(conn, la_rng_below(&rng, 8000));
        if (la_rng_below(&rng, 10) == 0)
            peer_run_us(&p, 50000), look();
    }
    /* What was in order and in the window has been taken, unless it said that it was not. */
    uint32_t taken = (uint32_t)peer_status(&p, conn).bytes_received;
    if (!st.dropped && taken < (st.first_missing > st.n ? st.n : st.first_missing))
        fail_msg("seed %llu: %u octets taken, %u given", (unsigned long long)seed, taken,
                 st.first_missing);
    for (unsigned i = 0; !st.ended; i++) { /* and now all of it in order */
        assert_true(i < 100000);
        uint32_t off = (uint32_t)la_seq_diff(st.acked, st.begin);
        if (off <= st.n) {
            uint32_t room = window_edge() > off ? window_edge() - off : 0;
            uint32_t n = st.n - off < 1460 ? st.n - off : 1460;
            give(off, n < room ? n : room);
        }
        application_reads(conn, 8192);
        peer_run_us(&p, 50000);
        look();
    }
    assert_int_equal(st.read_n, st.n);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSE_WAIT);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* LEDGER: SHLD-14, SHLD-31, FSM-SEG-SEQ-6, FSM-SEG-TEXT-1, FSM-SEQ-MOD */
static void
test_receive__any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++)
        random_stream(seed); /* `test_tcp_receive SEED` repeats one */
}

/* ---- the window ------------------------------------------------------------------------- */

/* LEDGER: MUST-39, SPEC-SWS-R, RFC2525-12 */
static void
test_receive__window_shuts_and_opens(void **state)
{
    (void)state;
    rcvbuf_bytes = 8192;
    peer_new(&p, &buffered);
    la_handle conn = peer_passive(&p, &peer_plain);
    for (unsigned i = 0; i < 8; i++)
        peer_send(&p, LA_TCP_ACK, NULL, 1024);
    peer_run_us(&p, 50000);
    const struct peer_seg *seg, *last = NULL;
    while ((seg = peer_take(&p)) != NULL)
        last = seg;
    assert_non_null(last);
    assert_int_equal(last->tcp.wnd, 0);
    assert_true(la_seq_eq(last->tcp.ack, p.snd_nxt));
    /* 3.8.6.1: what comes now is not taken, but answered with the window. */
    struct la_tcp_seg probe = peer_usual(&p, LA_TCP_ACK);
    peer_say(&p, &probe, "x", 1);
    assert_int_equal(p.reason, LA_REASON_ZERO_WINDOW_PROBE);
    last = peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(last->tcp.wnd, 0);
    assert_true(la_seq_eq(last->tcp.ack, p.snd_nxt));
    /* Silly windows (MUST-39): nothing is offered before min(half, MSS) is free. */
    uint8_t octets[1459];
    assert_int_equal(
        la_conn_receive(p.stack, conn, (struct la_room){octets, sizeof(octets)}, p.now), 1459);
    peer_expect_none(&p);
    peer_say(&p, &probe, "x", 1);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.wnd, 0);
    assert_int_equal(la_conn_receive(p.stack, conn, (struct la_room){octets, 1}, p.now), 1);
    peer_collect(&p);
    last = peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(last->tcp.wnd, 1460);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.cause, LA_CAUSE_WINDOW_UPDATE);
    peer_user_read(&p, conn, 8192 - 1460);
    assert_int_equal(peer_status(&p, conn).rcv_wnd, 8192);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* A buffer larger than an unscaled window can say: reading gains nothing, and says nothing. */
/* LEDGER: RFC7323-10b */
static void
test_receive__no_update_for_what_the_field_cannot_say(void **state)
{
    (void)state;
    rcvbuf_bytes = 256 << 10;
    peer_new(&p, &buffered);
    la_handle conn = peer_passive(&p, &peer_plain);
    for (unsigned i = 0; i < 3; i++) {
        peer_send(&p, LA_TCP_ACK, NULL, 1000);
        peer_run_us(&p, 50000);
        assert_in_range(peer_expect(&p, LA_TCP_ACK)->tcp.wnd, 65535 - 1460, 65535);
        peer_user_read(&p, conn, 1000);
        peer_collect(&p);
        peer_expect_none(&p);
    }
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

static void
test_receive__beyond_the_window_is_cut_off(void **state)
{
    (void)state;
    rcvbuf_bytes = 4096;
    peer_new(&p, &buffered);
    la_handle conn = peer_passive(&p, &peer_plain);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK | LA_TCP_FIN);
    peer_say(&p, &seg, NULL, 5000);
    assert_int_equal(p.reason, LA_REASON_DATA_BEYOND_WINDOW);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, la_seq_add(seg.seq, 4096)));
    assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED); /* the FIN was beyond it */
    peer_user_read(&p, conn, 4096);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* The buffer becomes smaller while the window that was offered is full of runs out of order: the
 * octet at RCV.NXT was promised room, and must be taken or nothing moves any more. */
static void
test_receive__smaller_buffer_does_not_stop_the_stream(void **state)
{
    (void)state;
    rcvbuf_bytes = 300000;
    peer_new(&p, &buffered);
    la_handle conn = peer_passive(&p, &scaled);
    peer_run_us(&p, 1000);
    for (uint32_t off = 1000; off < 200000; off += 1000) {
        struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
        seg.seq = la_seq_add(seg.seq, off);
        peer_say(&p, &seg, NULL, 1000);
        la_seq ack = peer_expect(&p, LA_TCP_ACK)->tcp.ack;
        assert_true(la_seq_eq(ack, p.snd_nxt));
    }
    uint32_t held = peer_status(&p, conn).out_of_order_bytes;
    assert_true(held >= 100000);
    uint32_t wnd = peer_status(&p, conn).rcv_wnd;
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_RCVBUF_BYTES, 4096, p.now), LA_OK);
    assert_int_equal(peer_status(&p, conn).rcv_wnd, wnd);
    peer_send(&p, LA_TCP_ACK, NULL, 1000);
    peer_forget(&p);
    struct la_conn_status status = peer_status(&p, conn);
    assert_true(status.bytes_received >= 1000);
    peer_user_read(&p, conn, (size_t)status.bytes_received);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* RFC 7323 2.4: what any ACK has offered stays in the window, whatever later ones say. */
/* LEDGER: RFC7323-10a */
static void
test_receive__what_was_offered_is_taken(void **state)
{
    (void)state;
    rcvbuf_bytes = 300000;
    peer_new(&p, &buffered);
    la_handle conn = peer_passive(&p, &scaled);
    peer_run_us(&p, 1000);
    la_seq edge = la_seq_add(p.snd_nxt, peer_status(&p, conn).rcv_wnd);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_RCVBUF_BYTES, 4096, p.now), LA_OK);
    for (unsigned i = 0; i < 4; i++) { /* ACKs with a window of another size */
        peer_send(&p, LA_TCP_ACK, NULL, 1000);
        peer_run_us(&p, 100000);
        assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
        struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
        seg.seq = la_seq_sub(edge, 1000);
        peer_say(&p, &seg, NULL, 1000);
        assert_int_not_equal(p.reason, LA_REASON_SEQ_OUTSIDE_WINDOW);
        assert_true(peer_status(&p, conn).out_of_order_bytes > 0);
        seg.seq = edge;
        peer_say(&p, &seg, NULL, 1000);
        assert_int_not_equal(p.reason, LA_REASON_NONE); /* and nothing behind it */
        peer_forget(&p);
    }
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* ---- out of order ----------------------------------------------------------------------- */

/* Every second octet of n, one by one. Returns how many were refused. */
static unsigned
say_runs(uint32_t n)
{
    unsigned refused_n = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
        seg.seq = la_seq_add(seg.seq, 2 + 2 * i);
        peer_say(&p, &seg, NULL, 1);
        assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
        refused_n += p.reason == LA_REASON_OUT_OF_ORDER_LIMIT;
    }
    return refused_n;
}

/* LEDGER: SHLD-31, MAY-13 */
static void
test_receive__runs_are_bounded(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &scaled);
    assert_int_equal(say_runs(600), 600 - 256);
    assert_int_equal(peer_status(&p, conn).out_of_order_bytes, 256);
    /* The rest comes in order; what was held is used. */
    peer_send(&p, LA_TCP_ACK, NULL, 1202);
    peer_user_read(&p, conn, 1202);
    assert_int_equal(peer_status(&p, conn).out_of_order_bytes, 0);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* A large buffer may hold one run for each full segment that it takes: a path that holds as much
 * may lose every second one. */
static void
test_receive__runs_follow_the_buffer(void **state)
{
    (void)state;
    rcvbuf_bytes = 3 << 20;
    peer_new(&p, &buffered);
    la_handle conn = peer_passive(&p, &scaled);
    assert_int_equal(say_runs(2500), 2500 - (3 << 20) / 1460);
    peer_send(&p, LA_TCP_ACK, NULL, 2);
    peer_user_read(&p, conn, 3);
    assert_int_equal(peer_status(&p, conn).out_of_order_bytes, (3 << 20) / 1460 - 1);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* LEDGER: FSM-SEG-FIN-1, FSM-RECV-3 */
static void
test_receive__fin_before_its_text(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    struct la_tcp_seg fin = peer_usual(&p, LA_TCP_ACK | LA_TCP_FIN);
    fin.seq = la_seq_add(fin.seq, 20);
    peer_say(&p, &fin, NULL, 10);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
    assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
    peer_send(&p, LA_TCP_ACK, NULL, 20);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSE_WAIT);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, la_seq_add(p.snd_nxt, 11)));
    peer_user_read(&p, conn, 30);
    assert_true((peer_ready(&p, conn) & LA_READY_END) != 0);
    /* Text behind the FIN is no part of the stream. */
    p.snd_nxt = la_seq_add(p.snd_nxt, 11);
    peer_send(&p, LA_TCP_ACK, "more", 4);
    assert_int_equal(p.reason, LA_REASON_DATA_AFTER_FIN);
    peer_user_read(&p, conn, 0);
    peer_forget(&p);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* ---- acknowledgements ------------------------------------------------------------------- */

/* LEDGER: MUST-40, SHLD-18, SHLD-19, MAY-13, RFC5681-28 */
static void
test_receive__delayed_and_due_acks(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    peer_send(&p, LA_TCP_ACK, NULL, 100);
    peer_expect_none(&p);
    la_instant begin = p.now;
    assert_true(peer_run_until_sent(&p, 500 * LA_US_PER_MS)); /* MUST-40: less than 0.5 s */
    assert_in_range(la_instant_diff_us(p.now, begin), 40000, 42000);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
    /* SHLD-18, RFC 5681 4.2: at least every second full-sized segment. */
    peer_send(&p, LA_TCP_ACK, NULL, 1460);
    peer_expect_none(&p);
    peer_send(&p, LA_TCP_ACK, NULL, 1460);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
    peer_run_us(&p, LA_US_PER_S);
    peer_expect_none(&p); /* and none again */
    /* At once: a gap, and what fills it (RFC 5681 4.2). */
    struct la_tcp_seg early = peer_usual(&p, LA_TCP_ACK);
    early.seq = la_seq_add(early.seq, 10);
    peer_say(&p, &early, NULL, 10);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, la_seq_add(p.snd_nxt, 10)));
    p.snd_nxt = la_seq_add(p.snd_nxt, 10);
    /* It rides on data that goes anyway. */
    peer_send(&p, LA_TCP_ACK, NULL, 5);
    peer_expect_none(&p);
    peer_user_send(&p, conn, 5);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    peer_run_us(&p, LA_US_PER_S);
    peer_expect_none(&p);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_QUICK_ACK, 1, p.now), LA_OK);
    peer_send(&p, LA_TCP_ACK, NULL, 5);
    peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* MUST-58: one acknowledgement for a burst, not one for each segment of it. */
/* LEDGER: MUST-58, RFC5681-31 */
static void
test_receive__one_ack_for_a_burst(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    peer_send(&p, LA_TCP_ACK, NULL, 1460);
    peer_send(&p, LA_TCP_ACK, NULL, 1460);
    assert_int_equal(peer_forget(&p), 1);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

static void
test_receive__challenges_are_limited(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    struct la_tcp_seg syn = peer_usual(&p, LA_TCP_SYN);
    for (unsigned i = 0; i < 10; i++) {
        peer_say(&p, &syn, NULL, 0);
        assert_int_equal(p.reason, LA_REASON_SYN_IN_WINDOW);
        peer_expect(&p, LA_TCP_ACK);
    }
    peer_say(&p, &syn, NULL, 0); /* RFC 5961 7 */
    assert_int_equal(p.reason, LA_REASON_CHALLENGE_ACK_LIMITED);
    peer_expect_none(&p);
    peer_run_us(&p, LA_US_PER_S);
    peer_say(&p, &syn, NULL, 0);
    peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* ---- nobody reads ----------------------------------------------------------------------- */

static void
test_receive__close_read_discards(void **state)
{
    (void)state;
    rcvbuf_bytes = 4096;
    peer_new(&p, &buffered);
    la_handle conn = peer_passive(&p, &peer_plain);
    peer_send(&p, LA_TCP_ACK, NULL, 1000);
    assert_int_equal(la_conn_close_read(p.stack, conn, p.now), LA_OK);
    peer_user_read(&p, conn, 0);
    for (unsigned i = 0; i < 20; i++)
        peer_send(&p, LA_TCP_ACK, NULL, 1000);
    peer_run_us(&p, LA_US_PER_S);
    const struct peer_seg *seg, *last = NULL;
    while ((seg = peer_take(&p)) != NULL)
        last = seg;
    assert_true(la_seq_eq(last->tcp.ack, p.snd_nxt));
    assert_true(last->tcp.wnd > 4096 - 1460);
    assert_int_equal(peer_status(&p, conn).receive_queue_bytes, 0);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, NULL, 0);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSE_WAIT);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

/* 3.6.1, RFC 1122 4.2.2.13: text for an application that has gone. */
/* LEDGER: SHLD-3, MAY-1, RFC2525-16 */
static void
test_receive__text_for_a_released_connection_draws_a_rst(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, "late", 4);
    assert_int_equal(p.reason, LA_REASON_DATA_AFTER_CLOSE);
    const struct peer_seg *rst = peer_expect(&p, LA_TCP_RST);
    assert_true(la_seq_eq(rst->tcp.seq, p.rcv_nxt));
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_free(&p);
}

/* Where the peer is: it has not received our FIN, and a RST beyond its RCV.NXT would draw a
 * challenge ACK and end nothing (RFC 5961 3.2). */
static void
test_receive__the_rst_stands_where_the_peer_is(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    peer_user_send(&p, conn, 300);
    (void)peer_forget(&p);
    la_seq una = la_seq_sub(p.rcv_nxt, 100); /* so much was lost, and the FIN */
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    (void)peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    p.rcv_nxt = una;
    peer_send(&p, LA_TCP_ACK, "late", 4);
    const struct peer_seg *rst = peer_expect(&p, LA_TCP_RST);
    assert_true(la_seq_eq(rst->tcp.seq, una));
    peer_free(&p);
}

/* ---- no memory -------------------------------------------------------------------------- */

static void
test_receive__without_memory_nothing_is_acknowledged(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    p.memory.fail_all = true;
    la_mem_trim(p.mem);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    unsigned refused_n = 0;
    for (uint32_t off = 0; off < 60000; off += 100) {
        struct la_conn_status before = peer_status(&p, conn);
        peer_say(&p, &seg, NULL, 100);
        struct la_conn_status after = peer_status(&p, conn);
        refused_n += after.bytes_received == before.bytes_received;
        seg.seq = la_seq_add(p.snd_nxt, (uint32_t)after.bytes_received);
        for (const struct peer_seg *got; (got = peer_take(&p)) != NULL;)
            assert_true(la_seq_le(got->tcp.ack, seg.seq));
    }
    p.memory.fail_all = false;
    uint32_t received = (uint32_t)peer_status(&p, conn).bytes_received;
    seg.seq = la_seq_add(p.snd_nxt, received);
    peer_say(&p, &seg, NULL, 100);
    peer_forget(&p);
    assert_true(refused_n > 0);
    assert_int_equal(peer_status(&p, conn).bytes_received, received + 100);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

static void
abort_all(la_handle conn)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

/* MUST-39: without scaling, the field cannot say more however large the buffer is; then reading is
 * no reason for an acknowledgement. */
static void
test_receive__no_update_that_says_nothing(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    for (unsigned i = 0; i < 5; i++) {
        peer_send(&p, LA_TCP_ACK, NULL, 10);
        peer_run_us(&p, 50000);
        assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
        peer_user_read(&p, conn, 10);
        peer_expect_none(&p);
    }
    abort_all(conn);
}

/* The number in the last segment that comes now. */
static la_seq
last_ack(void)
{
    const struct peer_seg *got;
    la_seq ack = p.rcv_nxt;
    unsigned n = 0;
    for (; (got = peer_take(&p)) != NULL; n++)
        ack = got->tcp.ack;
    assert_true(n > 0);
    return ack;
}

/* The peer's FIN is the end, whether text was claimed behind it before (the FIN itself in order) or
 * afterwards (the FIN before what stands in front of it). */
static void
test_receive__nothing_follows_a_fin(void **state)
{
    (void)state;
    for (unsigned early = 0; early < 3; early++) {
        peer_new(&p, &plain);
        la_handle conn = peer_passive(&p, &peer_plain);
        struct la_tcp_seg text = peer_usual(&p, LA_TCP_ACK), fin = text, claimed = text;
        claimed.seq = la_seq_add(text.seq, 15); /* 15 .. 45; the FIN stands at 20 */
        fin.flags |= LA_TCP_FIN;
        fin.seq = la_seq_add(text.seq, 10);
        if (early == 1)
            peer_say(&p, &fin, NULL, 10);
        peer_say(&p, &claimed, NULL, 30);
        if (early == 2)
            peer_say(&p, &fin, NULL, 10);
        text.flags = early == 0 ? fin.flags : text.flags;
        peer_say(&p, &text, NULL, 20);
        assert_true(la_seq_eq(last_ack(), la_seq_add(text.seq, 21)));
        assert_int_equal(peer_status(&p, conn).state, LA_TCP_CLOSE_WAIT);
        peer_user_read(&p, conn, 20);
        uint8_t octet;
        assert_int_equal(la_conn_receive(p.stack, conn, (struct la_room){&octet, 1}, p.now), 0);
        abort_all(conn);
    }
}

/* Runs that had to be given back are not reported: only the newest one stands there. */
/* LEDGER: RFC2018-16a */
static void
test_receive__what_is_given_back_is_not_reported(void **state)
{
    (void)state;
    rcvbuf_bytes = 300000;
    peer_new(&p, &buffered);
    la_handle conn =
        peer_passive(&p, &(struct peer_options){.mss = 1460, .wscale = 0, .sack = true});
    for (uint32_t off = 2000; off < 200000; off += 2000) {
        struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
        seg.seq = la_seq_add(seg.seq, off);
        peer_say(&p, &seg, NULL, 1000);
        peer_forget(&p);
    }
    assert_true(peer_status(&p, conn).out_of_order_bytes > 80000);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_RCVBUF_BYTES, 4096, p.now), LA_OK);
    peer_send(&p, LA_TCP_ACK, NULL, 1000); /* takes their room */
    assert_int_equal(peer_status(&p, conn).out_of_order_bytes, 0);
    peer_run_us(&p, 50000); /* no gap is known that it would fill */
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.sack_n, 0);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    seg.seq = la_seq_add(seg.seq, 1000);
    peer_say(&p, &seg, NULL, 1000);
    const struct la_tcp_seg *answer = &peer_expect(&p, LA_TCP_ACK)->tcp;
    assert_int_equal(answer->sack_n, 1);
    assert_int_equal(la_seq_diff(answer->sack[0].left, p.snd_nxt), 1000);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_free(&p);
}

int
main(int argc, char **argv)
{
    if (argc == 2) {
        random_stream(strtoull(argv[1], NULL, 10));
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receive__any_order),
        cmocka_unit_test(test_receive__window_shuts_and_opens),
        cmocka_unit_test(test_receive__no_update_for_what_the_field_cannot_say),
        cmocka_unit_test(test_receive__beyond_the_window_is_cut_off),
        cmocka_unit_test(test_receive__smaller_buffer_does_not_stop_the_stream),
        cmocka_unit_test(test_receive__what_was_offered_is_taken),
        cmocka_unit_test(test_receive__runs_are_bounded),
        cmocka_unit_test(test_receive__runs_follow_the_buffer),
        cmocka_unit_test(test_receive__fin_before_its_text),
        cmocka_unit_test(test_receive__delayed_and_due_acks),
        cmocka_unit_test(test_receive__one_ack_for_a_burst),
        cmocka_unit_test(test_receive__challenges_are_limited),
        cmocka_unit_test(test_receive__close_read_discards),
        cmocka_unit_test(test_receive__text_for_a_released_connection_draws_a_rst),
        cmocka_unit_test(test_receive__the_rst_stands_where_the_peer_is),
        cmocka_unit_test(test_receive__without_memory_nothing_is_acknowledged),
        cmocka_unit_test(test_receive__no_update_that_says_nothing),
        cmocka_unit_test(test_receive__nothing_follows_a_fin),
        cmocka_unit_test(test_receive__what_is_given_back_is_not_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
