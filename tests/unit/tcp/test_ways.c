/* SPDX-License-Identifier: MIT
 *
 * test_ways.c - other stacks' ways, each on request: with the option, and without
 *
 * Read first: lastack/conn.h; docs/deviations.md, D26.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

enum { MS = 1000, SMSS = 1000, WINDOW_N = 10 };

static struct peer p;
static la_handle conn;
static bool asked; /* for what a test is about */
static const struct peer_options options = {.mss = SMSS, .wscale = -1};
static const struct peer_options stamped = {.mss = SMSS, .wscale = -1, .timestamps = true};

static void
begin(void (*stack)(struct la_stack_cfg *cfg), const struct peer_options *with, bool on)
{
    const struct peer_cfg cfg = {.stack = stack};
    asked = on;
    peer_new(&p, &cfg);
    p.wnd = 65535;
    conn = peer_passive(&p, with);
}

static void
end(void)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

static void
send_n(unsigned n)
{
    peer_user_send(&p, conn, n * (size_t)SMSS);
    peer_collect(&p);
}

/* ---- what is taken ---------------------------------------------------------------------- */

static void
lacking(struct la_stack_cfg *cfg)
{
    cfg->tcp.timestamps_may_lack = asked;
}

static void
test_ways__timestamps_may_lack(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        begin(lacking, &stamped, on != 0);
        p.timestamps = false;
        peer_send(&p, LA_TCP_ACK, "text", 4);
        assert_int_equal(p.reason, on ? LA_REASON_NONE : LA_REASON_TIMESTAMP_MISSING);
        assert_int_equal(peer_status(&p, conn).receive_queue_bytes, on ? 4 : 0);
        end();
    }
}

static void
silent(struct la_stack_cfg *cfg)
{
    cfg->tcp.unsent_ack_silent = asked;
}

static void
test_ways__unsent_ack_silent(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        begin(silent, &options, on != 0);
        struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
        seg.ack = la_seq_add(seg.ack, 5000);
        peer_say(&p, &seg, NULL, 0);
        assert_int_equal(p.reason, LA_REASON_ACK_UNSENT);
        if (!on)
            (void)peer_expect(&p, LA_TCP_ACK);
        peer_expect_none(&p);
        end();
    }
}

static void
keeping(struct la_stack_cfg *cfg)
{
    cfg->tcp.reset_keeps_text = asked;
}

/* What is in flight is forgotten; what was received is not, and the error comes behind it. */
static void
test_ways__reset_keeps_text(void **state)
{
    (void)state;
    uint8_t octets[16];
    struct la_room room = {octets, sizeof(octets)};
    for (int on = 0; on < 2; on++) {
        begin(keeping, &options, on != 0);
        send_n(2);
        (void)peer_forget(&p);
        peer_send(&p, LA_TCP_ACK, "text", 4);
        peer_send(&p, LA_TCP_RST | LA_TCP_ACK, NULL, 0);
        if (on)
            assert_int_equal(la_conn_receive(p.stack, conn, room, p.now), 4);
        assert_int_equal(la_conn_receive(p.stack, conn, room, p.now), LA_ERR_CONNECTION_RESET);
        assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
        (void)peer_forget(&p);
        peer_free(&p);
    }
}

/* ---- acknowledgements ------------------------------------------------------------------- */

static void
replying(struct la_stack_cfg *cfg)
{
    cfg->tcp.ack_replies_later = asked;
}

/* At once, until text has answered text. */
static void
test_ways__ack_replies_later(void **state)
{
    (void)state;
    begin(replying, &options, true);
    peer_send(&p, LA_TCP_ACK, "ask", 3);
    (void)peer_expect(&p, LA_TCP_ACK);
    peer_run_us(&p, 100 * MS);
    send_n(1); /* too late for an answer */
    (void)peer_expect(&p, LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, "ask", 3);
    (void)peer_expect(&p, LA_TCP_ACK);
    send_n(1);
    (void)peer_expect(&p, LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, "ask", 3);
    peer_expect_none(&p);
    assert_true(peer_run_until_sent(&p, 100 * MS));
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.text_bytes, 0);
    end();
}

/* ---- probes, timers, windows ------------------------------------------------------------ */

static void
probing(struct la_stack_cfg *cfg)
{
    cfg->tcp.probe_empty = asked;
}

static void
test_ways__probe_empty(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        begin(probing, &options, on != 0);
        p.wnd = 0;
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        la_seq next = p.rcv_nxt;
        send_n(1);
        peer_expect_none(&p);
        assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
        const struct peer_seg *probe = peer_expect(&p, LA_TCP_ACK);
        assert_int_equal(probe->tcp.text_bytes, on ? 0 : 1);
        assert_true(la_seq_eq(probe->tcp.seq, on ? la_seq_sub(next, 1) : next));
        end();
    }
}

static void
peaks(struct la_stack_cfg *cfg)
{
    cfg->tcp.rto_follows_peaks = asked;
    cfg->tcp.rto_us_min = 200 * MS;
}

/* The RTO lies above SRTT by its least, not at it. */
static void
test_ways__rto_follows_peaks(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        begin(peaks, &options, on != 0);
        for (unsigned i = 0; i < 20; i++) {
            send_n(1);
            peer_run_us(&p, 50 * MS);
            (void)peer_forget(&p);
            peer_send(&p, LA_TCP_ACK, NULL, 0);
        }
        struct la_conn_status s = peer_status(&p, conn);
        assert_in_range(s.srtt_us, 40 * MS, 60 * MS);
        assert_in_range(s.rto_us, on ? s.srtt_us + 200 * MS : 200 * MS, on ? 300 * MS : 201 * MS);
        end();
    }
}

static void
by_window(struct la_stack_cfg *cfg)
{
    cfg->tcp.usage_by_window = asked;
}

/* cwnd was full once, so that all that was sent then grows it; half of it was not used in vain. */
static void
test_ways__usage_by_window(void **state)
{
    (void)state;
    begin(by_window, &options, true);
    la_seq first = p.rcv_nxt;
    send_n(WINDOW_N);
    (void)peer_forget(&p);
    for (unsigned i = 2; i <= WINDOW_N; i += 2) {
        p.rcv_nxt = la_seq_add(first, i * SMSS);
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        assert_int_equal(peer_status(&p, conn).cwnd_bytes, (WINDOW_N + i) * SMSS);
    }
    send_n(9); /* of 20 */
    (void)peer_forget(&p);
    p.rcv_nxt = la_seq_add(first, (WINDOW_N + 9) * SMSS);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, 2 * WINDOW_N * SMSS);
    end();
}

static void
from_cwnd(struct la_stack_cfg *cfg)
{
    cfg->tcp.reduces_cwnd = asked;
}

static void
test_ways__reduces_cwnd(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        begin(from_cwnd, &options, on != 0);
        send_n(1);
        (void)peer_forget(&p);
        assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
        struct la_conn_status s = peer_status(&p, conn);
        assert_int_equal(s.rto_n, 1);
        assert_int_equal(s.ssthresh_bytes, on ? WINDOW_N * SMSS * 7 / 10 : 2 * SMSS);
        end();
    }
}

static void
holding(struct la_stack_cfg *cfg)
{
    cfg->tcp.idle_keeps = asked;
}

static void
test_ways__idle_keeps(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        begin(holding, &options, on != 0);
        peer_send(&p, LA_TCP_ACK, "text", 4);
        la_instant at = p.now;
        uint8_t octets[4];
        assert_int_equal(
            la_conn_receive(p.stack, conn, (struct la_room){octets, sizeof(octets)}, p.now), 4);
        peer_run_us(&p, 500 * MS);
        (void)peer_forget(&p);
        struct la_conn_status s = peer_status(&p, conn);
        assert_int_equal(s.text_at.ns, on ? at.ns : LA_INSTANT_NEVER.ns);
        end();
    }
}

/* ---- Fast Open without cookies ---------------------------------------------------------- */

static void
bare(struct la_stack_cfg *cfg)
{
    cfg->tcp.fast_open = true;
    cfg->tcp.fast_open_bare = asked;
    cfg->tcp.fast_open_n_max = 4;
}

static void
test_ways__fast_open_bare_served(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        const struct peer_cfg cfg = {.stack = bare};
        asked = on != 0;
        peer_new(&p, &cfg);
        la_handle listener = peer_listen(&p, 4);
        struct la_tcp_seg syn = peer_usual(&p, LA_TCP_SYN);
        syn.has = LA_TCP_HAS_MSS;
        syn.mss = SMSS;
        peer_say(&p, &syn, "text", 4);
        const struct peer_seg *answer = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
        assert_true(la_seq_eq(answer->tcp.ack, la_seq_add(syn.seq, on ? 5 : 1)));
        assert_int_equal(answer->tcp.has & LA_TCP_HAS_FAST_OPEN, 0);
        assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
        (void)peer_forget(&p);
        peer_free(&p);
    }
}

/* And a SYN with text that was too long for the path goes again at once, without it. */
static void
test_ways__fast_open_bare_asked(void **state)
{
    (void)state;
    enum { ICMP_UNREACHABLE = 3, ICMP_FRAGMENTATION = 4, PATH_MTU = 840, PATH_MSS = 800 };
    const struct peer_cfg cfg = {.stack = bare};
    asked = true;
    peer_new(&p, &cfg);
    struct la_endpoint any = {{{0}}, 0};
    assert_int_equal(la_conn_open(p.stack, &any, &p.addr, NULL, &conn, p.now), LA_OK);
    assert_int_equal(
        la_conn_send(p.stack, conn, (struct la_bytes){(const uint8_t *)"text", 4}, false, p.now),
        4);
    p.host.port = peer_status(&p, conn).local.port;
    peer_collect(&p);
    struct la_tcp_seg syn = peer_expect(&p, LA_TCP_SYN)->tcp;
    assert_int_equal(syn.text_bytes, 4);
    assert_int_equal(syn.has & LA_TCP_HAS_FAST_OPEN, 0);
    peer_icmp(&p, ICMP_UNREACHABLE, ICMP_FRAGMENTATION, PATH_MTU, &syn);
    const struct peer_seg *again = peer_expect(&p, LA_TCP_SYN);
    assert_int_equal(again->tcp.text_bytes, 0);
    assert_int_equal(again->tcp.mss, PATH_MSS);
    peer_icmp(&p, ICMP_UNREACHABLE, ICMP_FRAGMENTATION, PATH_MTU, &syn);
    peer_expect_none(&p); /* once */
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways__timestamps_may_lack),
        cmocka_unit_test(test_ways__unsent_ack_silent),
        cmocka_unit_test(test_ways__reset_keeps_text),
        cmocka_unit_test(test_ways__ack_replies_later),
        cmocka_unit_test(test_ways__probe_empty),
        cmocka_unit_test(test_ways__rto_follows_peaks),
        cmocka_unit_test(test_ways__usage_by_window),
        cmocka_unit_test(test_ways__reduces_cwnd),
        cmocka_unit_test(test_ways__idle_keeps),
        cmocka_unit_test(test_ways__fast_open_bare_served),
        cmocka_unit_test(test_ways__fast_open_bare_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
