/* SPDX-License-Identifier: MIT
 *
 * test_time_wait.c - TIME-WAIT: the small record does what the whole one does, is bounded, ends
 *
 * Read first: stack/time_wait.h; RFC 9293 3.6.1, 3.10.7.4; RFC 6191; RFC 1337.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/time.h"
#include "peer.h"

enum { SEEDS = 300, STEPS = 60, WAITS = 700, FIRST_PORT = 6000 };
enum { LISTEN_BACKLOG = 8, TTL_HOPS = 33, DSCP = 0x28 };

static struct peer p, twin;
static const struct peer_cfg plain;
static const struct peer_options stamped = {
    .mss = 1000, .wscale = 7, .sack = true, .timestamps = true};

static uint32_t
time_wait_n(const struct peer *peer)
{
    uint32_t n[LA_TCP_STATE_COUNT];
    la_stack_state_counts(peer->stack, n);
    return n[LA_TCP_TIME_WAIT];
}

/* The stack closes first. */
static la_handle
to_time_wait(struct peer *peer, la_handle listener, const struct peer_options *options)
{
    la_handle conn = peer_connect(peer, listener, options);
    assert_int_equal(la_conn_option_set(peer->stack, conn, LA_OPT_TTL_HOPS, TTL_HOPS, peer->now),
                     LA_OK);
    assert_int_equal(la_conn_option_set(peer->stack, conn, LA_OPT_DSCP_ECN, DSCP, peer->now),
                     LA_OK);
    assert_int_equal(la_conn_close(peer->stack, conn, peer->now), LA_OK);
    peer_collect(peer);
    peer_expect(peer, LA_TCP_FIN | LA_TCP_ACK);
    peer_send(peer, LA_TCP_FIN | LA_TCP_ACK, NULL, 0);
    peer_expect(peer, LA_TCP_ACK);
    return conn;
}

/* ---- twins ------------------------------------------------------------------------------ */

/* The same connection twice: in `p` it was released, and is folded; in `twin` it is whole. */
static la_handle
twins_new(const struct peer_options *options, bool ipv6, bool listens)
{
    struct peer *both[] = {&p, &twin};
    la_handle conn = 0;
    for (unsigned i = 0; i < 2; i++) {
        peer_new(both[i], &(struct peer_cfg){.ipv6 = ipv6});
        both[i]->wnd = 1024; /* a power of two: MAX.SND.WND is kept as one */
        la_handle listener = peer_listen(both[i], LISTEN_BACKLOG);
        conn = to_time_wait(both[i], listener, options);
        if (!listens)
            assert_int_equal(la_listener_close(both[i]->stack, listener, both[i]->now), LA_OK);
    }
    struct la_conn_status status;
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    assert_int_equal(la_conn_status(p.stack, conn, &status), LA_ERR_BAD_HANDLE); /* it is folded */
    return conn;
}

static struct la_tcp_seg
draw_segment(struct la_rng *rng)
{
    static const uint8_t flags[] = {LA_TCP_ACK,
                                    LA_TCP_FIN | LA_TCP_ACK,
                                    LA_TCP_RST,
                                    LA_TCP_RST | LA_TCP_ACK,
                                    LA_TCP_SYN,
                                    LA_TCP_SYN | LA_TCP_ACK,
                                    LA_TCP_ACK | LA_TCP_PSH | LA_TCP_URG,
                                    0};
    static const int32_t seq_off[] = {0, 0, -1, -1, 1, -5, 1000, 100000000, -100000000};
    static const int32_t ack_off[] = {0, 0, 0, -1, 1, -1024, -1025, -2000000};
    static const int32_t ts_off[] = {0, 0, 1, -1, 1000, -100000};
    struct la_tcp_seg seg = peer_usual(&p, flags[la_rng_below(rng, sizeof(flags))]);
    seg.seq.v += (uint32_t)seq_off[la_rng_below(rng, sizeof(seq_off) / sizeof(seq_off[0]))];
    seg.ack.v += (uint32_t)ack_off[la_rng_below(rng, sizeof(ack_off) / sizeof(ack_off[0]))];
    seg.ts_val += (uint32_t)ts_off[la_rng_below(rng, sizeof(ts_off) / sizeof(ts_off[0]))];
    if (la_rng_below(rng, 16) == 0)
        seg.has ^= LA_TCP_HAS_TIMESTAMPS;
    seg.wnd = (uint16_t)(la_rng_below(rng, 4) == 0 ? 0 : 1024);
    return seg;
}

static void
compare_answers(void)
{
    const struct peer_seg *a, *b;
    do {
        a = peer_take(&p);
        b = peer_take(&twin);
        assert_int_equal(a != NULL, b != NULL);
        if (a == NULL)
            continue;
        assert_int_equal(a->tcp.flags, b->tcp.flags);
        assert_int_equal(a->tcp.seq.v, b->tcp.seq.v);
        assert_int_equal(a->tcp.ack.v, b->tcp.ack.v);
        assert_int_equal(a->tcp.wnd, b->tcp.wnd);
        assert_int_equal(a->tcp.has, b->tcp.has);
        assert_int_equal(a->tcp.ts_val, b->tcp.ts_val);
        assert_int_equal(a->tcp.ts_ecr, b->tcp.ts_ecr);
        assert_int_equal(a->tcp.sack_n, b->tcp.sack_n);
        assert_int_equal(a->tcp.sack[0].left.v, b->tcp.sack[0].left.v);
        assert_int_equal(a->ttl_hops, b->ttl_hops);
        assert_int_equal(a->dscp_ecn, b->dscp_ecn);
    } while (a != NULL);
}

static void
compare(void)
{
    uint32_t a[LA_TCP_STATE_COUNT], b[LA_TCP_STATE_COUNT];
    compare_answers();
    la_stack_state_counts(p.stack, a);
    la_stack_state_counts(twin.stack, b);
    assert_int_equal(a[LA_TCP_TIME_WAIT], b[LA_TCP_TIME_WAIT]);
    assert_int_equal(a[LA_TCP_SYN_RECEIVED], b[LA_TCP_SYN_RECEIVED]);
    for (unsigned i = 0; i < LA_REASON_COUNT; i++)
        assert_int_equal(la_stack_stats(p.stack)->reason[i], la_stack_stats(twin.stack)->reason[i]);
}

/* Segments around every edge of both windows, old and new timestamps, and time, at random: until
 * TIME-WAIT is over, both do and say the same. */
/* LEDGER: MUST-13 */
static void
test_time_wait__small_and_whole_agree(void **state)
{
    (void)state;
    unsigned ended_n = 0, reused_n = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct la_rng rng;
        la_rng_init(&rng, &(struct la_seed){{seed}}, "twins");
        la_handle conn = twins_new(seed % 3 == 0 ? &peer_plain : &stamped, seed % 2 == 1, seed % 5);
        for (unsigned step = 0; step < STEPS && time_wait_n(&twin) == 1; step++) {
            struct la_tcp_seg seg = draw_segment(&rng);
            static const char text[] = "late";
            size_t text_n = la_rng_below(&rng, 4) == 0 ? sizeof(text) : 0;
            peer_say(&p, &seg, text, text_n);
            peer_say(&twin, &seg, text, text_n);
            compare();
            int64_t us =
                la_rng_below(&rng, 8) == 0 ? 20 * LA_US_PER_S : (int64_t)la_rng_below(&rng, 500000);
            peer_run_us(&p, us);
            peer_run_us(&twin, us);
            compare();
        }
        uint32_t n[LA_TCP_STATE_COUNT];
        la_stack_state_counts(p.stack, n);
        reused_n += n[LA_TCP_SYN_RECEIVED];
        ended_n += n[LA_TCP_TIME_WAIT] == 0;
        peer_forget(&p);
        assert_int_equal(la_conn_release(twin.stack, conn, twin.now), LA_OK);
        peer_forget(&twin);
        peer_free(&p);
        peer_free(&twin);
    }
    assert_in_range(ended_n, SEEDS / 10, SEEDS); /* all of it was met */
    assert_in_range(reused_n, SEEDS / 10, SEEDS);
}

/* ---- what is seen of it ----------------------------------------------------------------- */

static void
test_time_wait__is_found_by_a_walk(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, LISTEN_BACKLOG);
    static uint8_t met[WAITS];
    for (uint16_t i = 0; i < WAITS; i++) {
        met[i] = 0;
        p.addr.port = (uint16_t)(FIRST_PORT + i);
        assert_int_equal(la_conn_release(p.stack, to_time_wait(&p, listener, &stamped), p.now),
                         LA_OK);
    }
    assert_int_equal(time_wait_n(&p), WAITS);
    uint32_t cursor = 0, met_n = 0;
    la_handle h;
    while (la_conn_next(p.stack, &cursor, &h)) {
        struct la_conn_status status;
        if (h == 0)
            continue;
        assert_int_equal(la_conn_status(p.stack, h, &status), LA_OK);
        assert_int_equal(status.state, LA_TCP_TIME_WAIT);
        assert_int_equal(status.local.port, PEER_HOST_PORT);
        assert_true(la_addr_equal(&status.remote.addr, &p.addr.addr));
        assert_in_range(status.remote.port, FIRST_PORT, FIRST_PORT + WAITS - 1);
        assert_int_equal(met[status.remote.port - FIRST_PORT]++, 0);
        assert_true(status.timestamps && status.sack && status.passive && !status.owned);
        assert_int_equal(status.wscale_send, 7);
        assert_int_equal(status.timer, LA_TIMER_TIME_WAIT);
        assert_int_equal(status.cwnd_bytes, 0); /* nobody knows any more */
        assert_int_equal(la_conn_release(p.stack, h, p.now), LA_ERR_BAD_HANDLE);
        met_n++;
    }
    assert_int_equal(met_n, WAITS);
    peer_run_us(&p, 61 * LA_US_PER_S);
    assert_int_equal(time_wait_n(&p), 0);
    cursor = 0;
    while (la_conn_next(p.stack, &cursor, &h))
        assert_int_equal(h, 0);
    peer_free(&p);
}

/* Its events are those of the connection that it was. */
static void
test_time_wait__keeps_its_handle_in_events(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = to_time_wait(&p, peer_listen(&p, LISTEN_BACKLOG), &stamped);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_true(p.last[LA_EVENT_SEGMENT_ARRIVED].conn == conn);
    peer_run_us(&p, 61 * LA_US_PER_S);
    const struct la_event *last = &p.last[LA_EVENT_STATE];
    assert_true(last->conn == conn);
    assert_int_equal(last->u.state.from, LA_TCP_TIME_WAIT);
    assert_int_equal(last->u.state.event, LA_TCP_EV_TIMEOUT_2MSL);
    peer_free(&p);
}

/* ---- bounds ----------------------------------------------------------------------------- */

/* The oldest goes; the FIN again makes one the youngest. A lower bound holds at once. */
static void
test_time_wait__bound_is_a_setting(void **state)
{
    (void)state;
    int64_t max;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, LISTEN_BACKLOG);
    assert_int_equal(la_stack_setting_set(p.stack, LA_SETTING_MAX_TIME_WAIT, 0),
                     LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_stack_setting_set(p.stack, LA_SETTING_MAX_TIME_WAIT, 4), LA_OK);
    assert_int_equal(la_stack_setting_get(p.stack, LA_SETTING_MAX_TIME_WAIT, &max), LA_OK);
    assert_int_equal(max, 4);
    struct la_tcp_seg fin = {0};
    for (uint16_t i = 0; i < 4; i++) {
        p.addr.port = (uint16_t)(FIRST_PORT + i);
        assert_int_equal(la_conn_release(p.stack, to_time_wait(&p, listener, &peer_plain), p.now),
                         LA_OK);
        if (i == 0) {
            fin = peer_usual(&p, LA_TCP_FIN | LA_TCP_ACK);
            fin.seq = la_seq_sub(fin.seq, 1);
        }
        peer_run_us(&p, LA_US_PER_S);
    }
    peer_say(&p, &fin, NULL, 0);
    peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(la_stack_setting_set(p.stack, LA_SETTING_MAX_TIME_WAIT, 2), LA_OK);
    assert_int_equal(time_wait_n(&p), 2);
    assert_int_equal(p.last[LA_EVENT_STATE].u.state.event, LA_TCP_EV_FORGET);
    assert_int_equal(p.last[LA_EVENT_STATE].remote.port, FIRST_PORT + 2);
    assert_int_equal(la_stack_stats(p.stack)->reason[LA_REASON_TIME_WAIT_FULL], 2);
    peer_run_us(&p, 119 * LA_US_PER_S / 2); /* the first of all is the last one now */
    assert_int_equal(time_wait_n(&p), 1);
    assert_int_equal(p.last[LA_EVENT_STATE].remote.port, FIRST_PORT + 3);
    peer_run_us(&p, 3 * LA_US_PER_S);
    assert_int_equal(p.last[LA_EVENT_STATE].remote.port, FIRST_PORT);
    assert_int_equal(time_wait_n(&p), 0);
    peer_free(&p);
}

/* A shorter MSL: nobody's 2 MSL are cut short, and those that come later do not overtake. */
static void
test_time_wait__msl_changes(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, LISTEN_BACKLOG);
    for (uint16_t i = 0; i < 3; i++) {
        struct la_tcp_cfg cfg = *la_stack_tcp_cfg(p.stack);
        p.addr.port = (uint16_t)(FIRST_PORT + i);
        cfg.msl_ms = i == 1 ? 1000 : 30000;
        assert_int_equal(la_stack_tcp_cfg_set(p.stack, &cfg), LA_OK);
        assert_int_equal(la_conn_release(p.stack, to_time_wait(&p, listener, &peer_plain), p.now),
                         LA_OK);
        peer_run_us(&p, LA_US_PER_S);
    }
    peer_run_us(&p, 56 * LA_US_PER_S);
    assert_int_equal(time_wait_n(&p), 3);
    peer_run_us(&p, 2 * LA_US_PER_S);
    assert_int_equal(time_wait_n(&p), 1);
    peer_run_us(&p, 2 * LA_US_PER_S);
    assert_int_equal(time_wait_n(&p), 0);
    peer_free(&p);
}

/* Without memory for a small record the whole one stays, and ends all the same. */
static void
test_time_wait__no_memory(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = to_time_wait(&p, peer_listen(&p, LISTEN_BACKLOG), &stamped);
    p.memory.fail_all = true;
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    p.memory.fail_all = false;
    struct la_conn_status status;
    assert_int_equal(la_conn_status(p.stack, conn, &status), LA_OK);
    assert_int_equal(status.state, LA_TCP_TIME_WAIT);
    peer_run_us(&p, 61 * LA_US_PER_S);
    assert_int_equal(time_wait_n(&p), 0);
    peer_free(&p);
}

/* RFC 9293 3.6.1: the four-tuple is taken. A stack whose only port rests finds none. */
static void
one_port(struct la_stack_cfg *cfg)
{
    cfg->port_ephemeral_min = cfg->port_ephemeral_max = 50000;
}

static void
test_time_wait__port_is_taken(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = one_port});
    la_handle conn = peer_active(&p, &peer_plain), other;
    struct la_endpoint any = {{{0}}, 0};
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    peer_send(&p, LA_TCP_FIN | LA_TCP_ACK, NULL, 0);
    peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    assert_int_equal(la_conn_open(p.stack, &any, &p.addr, NULL, &other, p.now),
                     LA_ERR_ADDRESS_NOT_AVAILABLE);
    any.port = 50000;
    assert_int_equal(la_conn_open(p.stack, &any, &p.addr, NULL, &other, p.now),
                     LA_ERR_ADDRESS_IN_USE);
    peer_run_us(&p, 61 * LA_US_PER_S);
    assert_int_equal(la_conn_open(p.stack, &any, &p.addr, NULL, &other, p.now), LA_OK);
    assert_int_equal(la_conn_abort(p.stack, other, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_wait__small_and_whole_agree),
        cmocka_unit_test(test_time_wait__is_found_by_a_walk),
        cmocka_unit_test(test_time_wait__keeps_its_handle_in_events),
        cmocka_unit_test(test_time_wait__bound_is_a_setting),
        cmocka_unit_test(test_time_wait__msl_changes),
        cmocka_unit_test(test_time_wait__no_memory),
        cmocka_unit_test(test_time_wait__port_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
