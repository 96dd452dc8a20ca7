/* SPDX-License-Identifier: MIT
 *
 * test_congestion.c - what controls share: windows that are not used, idle times, the choice
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/time.h"
#include "peer.h"

enum { SMSS = 1000, RTT_US = 20000, RTO_US = 200000, INITIAL_N = 10 };

static struct peer p;
static la_handle conn;
static la_seq base;
static uint32_t acked;
static const char *control;
static bool keeps;

static void
usual(struct la_stack_cfg *cfg)
{
    cfg->tcp.nagle = false;
    cfg->tcp.slow_start_after_idle = !keeps;
    memcpy(cfg->tcp.congestion_control, control, strlen(control) + 1);
}

static void
ack(uint32_t n)
{
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    acked += n;
    seg.ack = la_seq_add(base, acked);
    peer_say(&p, &seg, NULL, 0);
    peer_forget(&p);
}

/* n segments are sent and acknowledged, a round trip later. */
static void
move(uint32_t n)
{
    peer_user_send(&p, conn, n * SMSS);
    peer_forget(&p);
    peer_run_us(&p, RTT_US);
    ack(n * SMSS);
}

static uint32_t
cwnd_n(void)
{
    return peer_status(&p, conn).cwnd_bytes / SMSS;
}

/* A window of 160 segments, just used, nothing in flight. */
static void
begin(const char *name)
{
    control = name;
    acked = 0;
    peer_new(&p, &(struct peer_cfg){.stack = usual});
    p.wnd = 65535;
    la_handle listener = peer_listen(&p, 1);
    peer_say_syn(&p, LA_TCP_SYN, &(struct peer_options){.mss = SMSS, .wscale = 4});
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    peer_run_us(&p, RTT_US);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    base = p.rcv_nxt;
    for (uint32_t n = INITIAL_N; n < 160; n *= 2) {
        assert_int_equal(cwnd_n(), n);
        move(n);
    }
    assert_int_equal(cwnd_n(), 160);
    assert_int_equal(peer_status(&p, conn).rto_us, RTO_US);
}

static void
end(void)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

/* ---- idle ------------------------------------------------------------------------------- */

/* Halved for each RTO, not below the initial window; ssthresh remembers three quarters. */
static void
test_congestion__idle(void **state)
{
    (void)state;
    static const struct {
        int64_t idle_us;
        uint32_t cwnd_n;
    } cases[] = {{RTO_US - 40000, 160},           {RTO_US + 10000, 80},
                 {2 * RTO_US + 10000, 40},        {3 * RTO_US + 10000, 20},
                 {4 * RTO_US + 10000, INITIAL_N}, {INT64_C(3600000000), INITIAL_N}};
    static const char *const names[] = {"reno", "cubic"};
    for (size_t k = 0; k < 2 * sizeof(cases) / sizeof(cases[0]); k++) {
        size_t i = k / 2;
        begin(names[k % 2]);
        peer_run_us(&p, cases[i].idle_us - RTT_US); /* since the last text was sent */
        assert_int_equal(cwnd_n(), 160);
        peer_user_send(&p, conn, SMSS);
        peer_forget(&p);
        assert_int_equal(cwnd_n(), cases[i].cwnd_n);
        assert_int_equal(peer_status(&p, conn).ssthresh_bytes, UINT32_MAX); /* never known */
        end();
    }
}

/* Once for each idle time, however often it is looked whether something can be sent. */
static void
test_congestion__idle_once(void **state)
{
    (void)state;
    begin("cubic");
    peer_run_us(&p, RTO_US + 10000);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_CORK, 1, p.now), LA_OK);
    for (unsigned i = 0; i < 5; i++) {
        peer_user_send(&p, conn, 10);
        peer_expect_none(&p);
        assert_int_equal(cwnd_n(), 80);
    }
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_CORK, 0, p.now), LA_OK);
    peer_collect(&p);
    peer_forget(&p);
    assert_int_equal(cwnd_n(), 80);
    end();
}

/* What the other end sends meanwhile is no use of our window. */
static void
test_congestion__idle_while_receiving(void **state)
{
    (void)state;
    begin("cubic");
    for (unsigned i = 0; i < 50; i++) {
        peer_run_us(&p, RTT_US);
        peer_send(&p, LA_TCP_ACK, "x", 1);
        peer_user_read(&p, conn, 1);
        peer_forget(&p);
    }
    peer_user_send(&p, conn, SMSS);
    peer_forget(&p);
    assert_int_equal(cwnd_n(), INITIAL_N);
    end();
}

static void
test_congestion__switched_off(void **state)
{
    (void)state;
    keeps = true;
    begin("cubic");
    keeps = false;
    peer_run_us(&p, INT64_C(3600000000));
    move(1);
    assert_int_equal(cwnd_n(), 160);
    for (unsigned i = 0; i < 50; i++)
        move(2);
    assert_int_equal(cwnd_n(), 160);
    end();
}

/* ---- used too little -------------------------------------------------------------------- */

/* After an RTO of it, half of what was not used goes; then again; not below the initial window. */
static void
test_congestion__application_limited(void **state)
{
    (void)state;
    begin("cubic");
    for (unsigned i = 0; i < RTO_US / RTT_US - 1; i++)
        move(40);
    assert_int_equal(cwnd_n(), 160);
    move(40);
    move(40);
    assert_int_equal(cwnd_n(), 100); /* (160 + 40) / 2 */
    for (unsigned i = 0; i < 2 * RTO_US / RTT_US; i++)
        move(40);
    assert_in_range(cwnd_n(), 70, 85); /* half of it is used from 80 on */
    uint32_t before = cwnd_n();
    for (unsigned i = 0; i < 100; i++)
        move(2);
    assert_int_equal(cwnd_n(), INITIAL_N);
    assert_true(before > INITIAL_N);
    end();
}

/* One that the receiver's window limits keeps its own: it has text to send. */
static void
test_congestion__receiver_limited(void **state)
{
    (void)state;
    begin("cubic");
    p.wnd = 30 * SMSS / 16;
    for (unsigned i = 0; i < 100; i++) {
        if (peer_status(&p, conn).unsent_bytes < 100 * SMSS)
            peer_user_send(&p, conn, 60 * SMSS);
        peer_forget(&p);
        peer_run_us(&p, RTT_US);
        ack(peer_status(&p, conn).flight_bytes);
    }
    assert_int_equal(cwnd_n(), 160);
    end();
}

/* At least half of the window was in flight, else it does not grow: slow start and avoidance. */
/* LEDGER: RFC9438-11 */
static void
test_congestion__unused_does_not_grow(void **state)
{
    (void)state;
    begin("cubic");
    for (unsigned i = 0; i < 5; i++)
        move(79);
    assert_int_equal(cwnd_n(), 160);
    move(80);
    assert_int_equal(cwnd_n(), 240);
    end();
}

/* ---- the choice ------------------------------------------------------------------------- */

static void
test_congestion__names(void **state)
{
    (void)state;
    assert_int_equal(la_congestion_find("vegas"), -1);
    assert_int_equal(la_congestion_find(""), -1);
    assert_int_equal(la_congestion_find("ren"), -1);
    assert_null(la_congestion_name(-1));
    int n = 0;
    while (la_congestion_name(n) != NULL) {
        assert_int_equal(la_congestion_find(la_congestion_name(n)), n);
        n++;
    }
    assert_true(n >= 2);
    assert_null(la_congestion_name(n + 100));
}

/* In flight or idle, back and forth: the window stays, and each grows by its own rule. */
static void
test_congestion__switched_while_it_runs(void **state)
{
    (void)state;
    begin("reno");
    assert_string_equal(peer_status(&p, conn).congestion_control, "reno");
    static const char *const names[] = {"cubic", "reno", "cubic", "reno", "reno"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        peer_user_send(&p, conn, 20 * SMSS * (i % 2));
        peer_forget(&p);
        assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_CONGESTION,
                                            la_congestion_find(names[i]), p.now),
                         LA_OK);
        assert_string_equal(peer_status(&p, conn).congestion_control, names[i]);
        assert_int_equal(cwnd_n(), 160);
        peer_run_us(&p, RTT_US);
        if (i % 2 == 1)
            ack(20 * SMSS);
    }
    end();
}

/* The stack's setting is for connections that come. */
static void
test_congestion__setting(void **state)
{
    (void)state;
    int64_t value;
    begin("cubic");
    int reno = la_congestion_find("reno");
    assert_int_equal(la_stack_setting_get(p.stack, LA_SETTING_CONGESTION, &value), LA_OK);
    assert_int_equal(value, la_congestion_find("cubic"));
    assert_int_equal(la_stack_setting_set(p.stack, LA_SETTING_CONGESTION, 99), LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_stack_setting_set(p.stack, LA_SETTING_CONGESTION, reno), LA_OK);
    assert_int_equal(la_stack_setting_get(p.stack, LA_SETTING_CONGESTION, &value), LA_OK);
    assert_int_equal(value, reno);
    assert_string_equal(peer_status(&p, conn).congestion_control, "cubic");
    la_handle next = peer_open(&p, NULL);
    assert_string_equal(peer_status(&p, next).congestion_control, "reno");
    assert_int_equal(la_conn_abort(p.stack, next, p.now), LA_OK);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_congestion__idle),
        cmocka_unit_test(test_congestion__idle_once),
        cmocka_unit_test(test_congestion__idle_while_receiving),
        cmocka_unit_test(test_congestion__switched_off),
        cmocka_unit_test(test_congestion__application_limited),
        cmocka_unit_test(test_congestion__receiver_limited),
        cmocka_unit_test(test_congestion__unused_does_not_grow),
        cmocka_unit_test(test_congestion__names),
        cmocka_unit_test(test_congestion__switched_while_it_runs),
        cmocka_unit_test(test_congestion__setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
