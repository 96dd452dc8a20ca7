/* SPDX-License-Identifier: MIT
 *
 * test_options.c - configurations that are refused, options and their ranges, STATUS
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

/* ---- options ---------------------------------------------------------------------------- */

static int64_t
get(la_handle conn, enum la_conn_option option)
{
    int64_t value = -99;
    assert_int_equal(la_conn_option_get(p.stack, conn, option, &value), LA_OK);
    return value;
}

static void
test_options__defaults(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    const struct {
        enum la_conn_option option;
        int64_t value;
    } defaults[] = {
        {LA_OPT_NAGLE, 1},
        {LA_OPT_KEEPALIVE, 0},           /* MUST-25 */
        {LA_OPT_KEEPALIVE_IDLE_S, 7200}, /* MUST-28: no less than two hours */
        {LA_OPT_KEEPALIVE_INTERVAL_S, 75},
        {LA_OPT_KEEPALIVE_PROBES_N, 9},
        {LA_OPT_SNDBUF_BYTES, 256 << 10},
        {LA_OPT_RCVBUF_BYTES, 256 << 10},
        {LA_OPT_USER_TIMEOUT_MS, 0},
        {LA_OPT_R2_N, 15},
        {LA_OPT_TTL_HOPS, 64}, /* MUST-49 */
        {LA_OPT_DSCP_ECN, 0},
        {LA_OPT_CORK, 0},
        {LA_OPT_QUICK_ACK, 0},
        {LA_OPT_MSS_MAX, 1460},
        {LA_OPT_RELEASE_RESETS, 0},
        {LA_OPT_CONGESTION, la_congestion_find("cubic")},
        {LA_OPT_PACING_RATE_MAX, 0},
        {LA_OPT_NOTSENT_LOWAT_BYTES, 0},
        {LA_OPT_R2_SYN_N, 7},
    };
    assert_int_equal(sizeof(defaults) / sizeof(defaults[0]), LA_OPT_COUNT);
    for (size_t i = 0; i < LA_OPT_COUNT; i++)
        assert_int_equal(get(conn, defaults[i].option), defaults[i].value);
    peer_free(&p);
}

static void
test_options__ranges(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    static const struct {
        enum la_conn_option option;
        int64_t value;
        la_err err;
        int64_t now;
    } cases[] = {
        {LA_OPT_NAGLE, 0, LA_OK, 0},
        {LA_OPT_NAGLE, -7, LA_OK, 1},
        {LA_OPT_KEEPALIVE, 2, LA_OK, 1},
        {LA_OPT_CORK, 1, LA_OK, 1},
        {LA_OPT_QUICK_ACK, 1, LA_OK, 1},
        {LA_OPT_RELEASE_RESETS, 1, LA_OK, 1},
        {LA_OPT_KEEPALIVE_IDLE_S, 0, LA_OK, 1},
        {LA_OPT_KEEPALIVE_IDLE_S, INT64_MAX, LA_OK, 65535},
        {LA_OPT_KEEPALIVE_INTERVAL_S, -1, LA_OK, 1},
        {LA_OPT_KEEPALIVE_INTERVAL_S, 65536, LA_OK, 65535},
        {LA_OPT_KEEPALIVE_PROBES_N, 0, LA_OK, 1},
        {LA_OPT_KEEPALIVE_PROBES_N, 256, LA_OK, 255},
        {LA_OPT_SNDBUF_BYTES, 1, LA_OK, 4096},
        {LA_OPT_SNDBUF_BYTES, INT64_MAX, LA_OK, 1 << 30},
        {LA_OPT_RCVBUF_BYTES, INT64_MIN, LA_OK, 4096},
        {LA_OPT_RCVBUF_BYTES, (1 << 30) + INT64_C(1), LA_OK, 1 << 30},
        {LA_OPT_CONGESTION, 0, LA_OK, 0},
        {LA_OPT_CONGESTION, -1, LA_ERR_BAD_ARGUMENT, 0},
        {LA_OPT_CONGESTION, 256, LA_ERR_BAD_ARGUMENT, 0},
        {LA_OPT_PACING_RATE_MAX, -1, LA_ERR_BAD_ARGUMENT, 0},
        {LA_OPT_PACING_RATE_MAX, 1024000, LA_OK, 1024000},
        {LA_OPT_PACING_RATE_MAX, 0, LA_OK, 0},
        {LA_OPT_USER_TIMEOUT_MS, -1, LA_OK, 0},
        {LA_OPT_USER_TIMEOUT_MS, INT64_MAX, LA_OK, UINT32_MAX},
        {LA_OPT_R2_N, 0, LA_OK, 0},
        {LA_OPT_R2_N, 1000, LA_OK, 255},
        {LA_OPT_TTL_HOPS, 0, LA_ERR_BAD_ARGUMENT, 64},
        {LA_OPT_TTL_HOPS, 256, LA_ERR_BAD_ARGUMENT, 64},
        {LA_OPT_TTL_HOPS, 255, LA_OK, 255},
        {LA_OPT_DSCP_ECN, 0xb8, LA_OK, 0xb8},
        {LA_OPT_MSS_MAX, 87, LA_ERR_BAD_ARGUMENT, 1460},
        {LA_OPT_MSS_MAX, 65536, LA_ERR_BAD_ARGUMENT, 1460},
        {LA_OPT_MSS_MAX, 88, LA_OK, 88},
        {LA_OPT_MSS_MAX, 1000, LA_OK, 88}, /* never larger than what was agreed */
        {LA_OPT_COUNT, 1, LA_ERR_NO_SUCH_OPTION, 0},
        {(enum la_conn_option) - 1, 1, LA_ERR_NO_SUCH_OPTION, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(la_conn_option_set(p.stack, conn, cases[i].option, cases[i].value, p.now),
                         cases[i].err);
        int64_t value;
        if ((unsigned)cases[i].option < LA_OPT_COUNT)
            assert_int_equal(get(conn, cases[i].option), cases[i].now);
        else
            assert_int_equal(la_conn_option_get(p.stack, conn, cases[i].option, &value),
                             LA_ERR_NO_SUCH_OPTION);
    }
    peer_user_send(&p, conn, 1); /* CORK is on: nothing */
    peer_expect_none(&p);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_CORK, 0, p.now), LA_OK);
    peer_collect(&p);
    const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(seg->ttl_hops, 255);
    assert_int_equal(seg->dscp_ecn, 0xb8);
    peer_free(&p);
}

/* Growing takes effect with the next segment; shrinking never moves the edge left. */
static void
test_options__receive_buffer(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &(struct peer_options){.mss = 1460, .wscale = 0});
    peer_send(&p, LA_TCP_ACK, "x", 1);
    peer_run_us(&p, 100000);
    uint32_t wnd = (uint32_t)peer_expect(&p, LA_TCP_ACK)->tcp.wnd << 8;
    assert_in_range(wnd, (256 << 10) - 1460, 256 << 10);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_RCVBUF_BYTES, 400000, p.now), LA_OK);
    peer_send(&p, LA_TCP_ACK, "x", 1);
    peer_run_us(&p, 100000);
    wnd = (uint32_t)peer_expect(&p, LA_TCP_ACK)->tcp.wnd << 8;
    assert_in_range(wnd, 400000 - 1460, 400256);
    la_seq edge = la_seq_add(p.snd_nxt, wnd);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_RCVBUF_BYTES, 10000, p.now), LA_OK);
    for (unsigned i = 0; i < 100; i++) {
        peer_send(&p, LA_TCP_ACK, NULL, 1460);
        peer_run_us(&p, 100000);
        peer_user_read(&p, conn, i == 0 ? 1462 : 1460);
        for (const struct peer_seg *seg; (seg = peer_take(&p)) != NULL;) {
            la_seq now = la_seq_add(seg->tcp.ack, (uint32_t)seg->tcp.wnd << 8);
            assert_true(la_seq_ge(now, edge));
            edge = now;
        }
    }
    peer_free(&p);
}

/* ---- STATUS (RFC 9293 3.9.1.6) ---------------------------------------------------------- */

static void
test_options__status(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_active(&p, &peer_plain);
    assert_int_equal(la_conn_user_set(p.stack, conn, 1234), LA_OK);
    peer_user_send(&p, conn, 5000); /* 1000 fit the peer's window */
    peer_send(&p, LA_TCP_ACK, "abc", 3);
    struct la_tcp_seg early = peer_usual(&p, LA_TCP_ACK);
    early.seq = la_seq_add(early.seq, 10);
    peer_say(&p, &early, "later", 5);
    peer_forget(&p);
    struct la_conn_status s = peer_status(&p, conn);
    assert_true(la_addr_equal(&s.local.addr, &p.host.addr));
    assert_true(la_addr_equal(&s.remote.addr, &p.addr.addr));
    assert_int_equal(s.local.port, p.host.port);
    assert_int_equal(s.remote.port, PEER_PORT);
    assert_int_equal(s.state, LA_TCP_ESTABLISHED);
    assert_false(s.passive);
    assert_int_equal(s.err, LA_OK);
    assert_int_equal(s.err_soft, LA_OK);
    assert_int_equal(s.mss_send, 1460);
    assert_int_equal(s.mss_receive, 1460);
    assert_int_equal(s.snd_wnd, PEER_WND);
    assert_in_range(s.rcv_wnd, 65535 - 3, 65535);
    assert_false(s.timestamps || s.sack || s.ecn);
    assert_int_equal(s.send_queue_bytes, 5000);
    assert_int_equal(s.unsent_bytes, 4000);
    assert_int_equal(s.flight_bytes, 1000);
    assert_int_equal(s.receive_queue_bytes, 3);
    assert_int_equal(s.out_of_order_bytes, 5);
    assert_int_equal(s.bytes_sent, 1000);
    assert_int_equal(s.bytes_acked, 0);
    assert_int_equal(s.bytes_received, 3);
    assert_int_equal(s.segments_received, 3);
    assert_int_equal(s.timer, LA_TIMER_RETRANSMIT);
    assert_int_equal(s.user, 1234);
    assert_int_equal(s.ready, LA_READY_READ | LA_READY_WRITE | LA_READY_OPEN);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    s = peer_status(&p, conn);
    assert_int_equal(s.bytes_acked, 1000);
    assert_int_equal(s.bytes_sent, 2000);
    assert_int_equal(s.unsent_bytes, 3000);
    uint32_t n[LA_TCP_STATE_COUNT];
    la_stack_state_counts(p.stack, n);
    assert_int_equal(n[LA_TCP_ESTABLISHED], 1);
    peer_free(&p);
}

static void
test_options__peek_and_consume(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    struct la_bytes pieces[64];
    size_t n = 99, got = 0;
    assert_int_equal(la_conn_peek(p.stack, conn, pieces, 64, &n), LA_ERR_AGAIN);
    assert_int_equal(n, 0);
    for (unsigned i = 0; i < 10; i++)
        peer_send(&p, LA_TCP_ACK, NULL, 100);
    assert_int_equal(la_conn_peek(p.stack, conn, pieces, 64, &n), LA_OK);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < pieces[i].n; k++)
            assert_int_equal(pieces[i].p[k], (uint8_t)(got++ * 7));
    assert_int_equal(got, 1000);
    assert_int_equal(la_conn_consume(p.stack, conn, 1001, p.now), LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_conn_consume(p.stack, conn, 0, p.now), LA_OK);
    assert_int_equal(la_conn_consume(p.stack, conn, 999, p.now), LA_OK);
    assert_int_equal(la_conn_peek(p.stack, conn, pieces, 1, &n), LA_OK);
    assert_int_equal(n, 1);
    assert_int_equal(pieces[0].n, 1);
    assert_int_equal(pieces[0].p[0], (uint8_t)(999 * 7));
    assert_int_equal(la_conn_consume(p.stack, conn, 1, p.now), LA_OK);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, NULL, 0);
    assert_int_equal(la_conn_peek(p.stack, conn, pieces, 64, &n), LA_OK);
    assert_int_equal(n, 0); /* the end of the stream */
    peer_free(&p);
}

/* ---- configurations --------------------------------------------------------------------- */

static void
test_options__bad_configurations(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    struct la_stack *other = (struct la_stack *)1;
    for (unsigned i = 0; i < 21; i++) {
        struct la_stack_cfg cfg;
        la_stack_cfg_init(&cfg);
        cfg.mem = p.mem;
        struct la_tcp_cfg *t = &cfg.tcp;
        uint32_t *zero[] = {&cfg.conns_n_max,         &cfg.accept_queue_n_max,
                            &cfg.time_wait_n_max,     &t->sndbuf.bytes_max,
                            &t->rcvbuf.bytes_min,     &t->rto_us_initial,
                            &t->rto_us_min,           &t->keepalive_idle_s,
                            &t->keepalive_interval_s, &t->keepalive_probes_n};
        if (i < 10)
            *zero[i] = 0;
        if (i == 10)
            cfg.port_ephemeral_min = 0;
        if (i == 11)
            cfg.port_ephemeral_max = (uint16_t)(cfg.port_ephemeral_min - 1);
        if (i == 12)
            t->rto_us_max = t->rto_us_min - 1;
        if (i == 13)
            t->delayed_ack_us = 500000; /* MUST-40 */
        if (i == 14)
            t->r2_n = 256;
        if (i == 15)
            t->ttl_hops = 0;
        if (i == 16)
            memset(t->congestion_control, 'x', sizeof(t->congestion_control));
        if (i == 17)
            memcpy(t->congestion_control, "none", 5);
        if (i == 18)
            cfg.mem = NULL;
        if (i == 19)
            t->mss_bytes_max = 87;
        if (i == 20)
            cfg.neighbour_reachable_ms = 3600001;
        assert_int_equal(la_stack_new(&cfg, p.now, &other), LA_ERR_BAD_ARGUMENT);
        assert_null(other);
        la_handle h;
        struct la_endpoint any = {{{0}}, 0};
        bool tcp = i >= 3 && i != 10 && i != 11 && i != 18 && i != 20;
        if (tcp) {
            assert_int_equal(la_conn_open(p.stack, &any, &p.addr, t, &h, p.now),
                             LA_ERR_BAD_ARGUMENT);
            assert_int_equal(la_listener_open(p.stack, &p.host, 1, t, &h, p.now),
                             LA_ERR_BAD_ARGUMENT);
        }
    }
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options__defaults),
        cmocka_unit_test(test_options__ranges),
        cmocka_unit_test(test_options__receive_buffer),
        cmocka_unit_test(test_options__status),
        cmocka_unit_test(test_options__peek_and_consume),
        cmocka_unit_test(test_options__bad_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
