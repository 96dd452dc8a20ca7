/* SPDX-License-Identifier: MIT
 *
 * test_cookies.c - SYN cookies: nothing remembered, nothing missed, nothing forged
 *
 * Read first: RFC 4987 3.6 and appendix A.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

static struct peer p;
static const struct peer_options stamped = {
    .mss = 1440, .wscale = 7, .sack = true, .timestamps = true};
static const struct peer_options unstamped = {.mss = 1440, .wscale = 7, .sack = true};

static void
always(struct la_stack_cfg *cfg)
{
    cfg->syn_cookies = LA_SYN_COOKIES_ALWAYS;
}

static void
when_full(struct la_stack_cfg *cfg)
{
    cfg->syn_queue_n_max = 2;
}

static const struct peer_cfg cookies = {.stack = always};

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

static struct la_tcp_seg
syn_with(const struct peer_options *options)
{
    peer_say_syn(&p, LA_TCP_SYN, options);
    return peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp;
}

/* With timestamps: as if the SYN had been remembered. */
/* LEDGER: RFC4987-6 */
static void
test_cookies__stamped_is_like_any_other(void **state)
{
    (void)state;
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        struct la_conn_status status[2];
        for (unsigned cookie = 0; cookie < 2; cookie++) {
            peer_new(&p, &(struct peer_cfg){.stack = cookie ? always : NULL, .ipv6 = ipv6 == 1});
            la_handle listener = peer_listen(&p, 4);
            struct la_tcp_seg answer = syn_with(&stamped);
            assert_int_equal(half_open_n(), cookie ? 0 : 1);
            assert_int_equal(p.reason, cookie ? LA_REASON_SYN_COOKIE : LA_REASON_NONE);
            assert_int_equal(answer.wscale, 8);
            assert_int_equal(answer.ts_ecr, p.ts_val);
            p.ts_ecr = answer.ts_val;
            peer_send(&p, LA_TCP_ACK, "hello", 5);
            la_handle conn = peer_accepted(&p, listener);
            status[cookie] = peer_status(&p, conn);
            peer_user_read(&p, conn, 5);
            assert_int_equal(
                la_conn_send(p.stack, conn, (struct la_bytes){(uint8_t *)"x", 1}, false, p.now), 1);
            peer_collect(&p);
            const struct peer_seg *text = peer_take(&p);
            while (text != NULL && text->tcp.text_bytes == 0)
                text = peer_take(&p);
            assert_non_null(text);
            /* Its timestamp is not older than the cookie's (RFC 7323 5.3). */
            assert_true((int32_t)(text->tcp.ts_val - answer.ts_val) >= 0);
            assert_int_equal(status_of(listener).cookies_taken_n, cookie);
            peer_forget(&p);
            peer_free(&p);
        }
        assert_int_equal(status[0].state, status[1].state);
        assert_int_equal(status[0].mss_send, status[1].mss_send);
        assert_int_equal(status[0].wscale_send, status[1].wscale_send);
        assert_int_equal(status[0].wscale_receive, status[1].wscale_receive);
        assert_int_equal(status[0].snd_wnd, status[1].snd_wnd);
        assert_int_equal(status[0].rcv_wnd, status[1].rcv_wnd);
        assert_true(status[1].sack && status[1].timestamps && status[1].passive);
    }
}

/* Without: the MSS of a table, no scale, no SACK, and the reason says so. */
/* LEDGER: RFC4987-6 */
static void
test_cookies__unstamped_loses_options(void **state)
{
    (void)state;
    static const struct {
        uint16_t said, kept;
    } mss[] = {{1460, 1460}, {1459, 1440}, {1400, 1380}, {1300, 1220}, {536, 536},
               {535, 216},   {100, 64},    {1, 64},      {0, 536}};
    for (unsigned i = 0; i < sizeof(mss) / sizeof(mss[0]); i++) {
        peer_new(&p, &cookies);
        la_handle listener = peer_listen(&p, 4);
        struct peer_options options = unstamped;
        options.mss = mss[i].said;
        struct la_tcp_seg answer = syn_with(&options);
        assert_int_equal(p.reason, LA_REASON_SYN_COOKIE_PLAIN);
        assert_int_equal(answer.has, LA_TCP_HAS_MSS);
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        struct la_conn_status status = peer_status(&p, peer_accepted(&p, listener));
        assert_int_equal(status.mss_send, mss[i].kept);
        assert_int_equal(status.wscale_send, 255);
        assert_false(status.sack || status.timestamps);
        peer_free(&p);
    }
}

/* A third segment that has lost its timestamp on the way, or was given one, is no cookie's: with
 * options that are all zero nothing else would tell, and the peer would drop all that we send, or
 * we what it sends (RFC 7323 3.2). */
static void
test_cookies__timestamps_come_and_go(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        const struct peer_options options = {.mss = 1440, .wscale = 0, .timestamps = first != 0};
        peer_new(&p, &cookies);
        la_handle listener = peer_listen(&p, 4);
        struct la_tcp_seg answer = syn_with(&options);
        p.ts_ecr = answer.ts_val & ~UINT32_C(63);
        p.timestamps = first == 0;
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        peer_expect(&p, LA_TCP_RST);
        p.ts_ecr = answer.ts_val;
        p.timestamps = first != 0;
        p.rcv_nxt = la_seq_add(answer.seq, 1);
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        assert_int_equal(peer_status(&p, peer_accepted(&p, listener)).timestamps, first);
        peer_free(&p);
    }
}

/* First the queue, then cookies; those in the queue are not lost. */
/* LEDGER: RFC4987-7 */
static void
test_cookies__when_the_queue_is_full(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = when_full});
    la_handle listener = peer_listen(&p, 100);
    la_seq iss[50];
    for (uint16_t i = 0; i < 50; i++) {
        p.addr.port = (uint16_t)(6000 + i);
        iss[i] = syn_with(&unstamped).seq;
        assert_int_equal(p.reason, i < 2 ? LA_REASON_NONE : LA_REASON_SYN_COOKIE_PLAIN);
    }
    assert_int_equal(status_of(listener).syn_queue_n, 2);
    assert_int_equal(status_of(listener).cookies_sent_n, 48);
    la_seq snd_nxt = p.snd_nxt;
    for (uint16_t i = 0; i < 50; i++) {
        p.addr.port = (uint16_t)(6000 + i);
        p.rcv_nxt = la_seq_add(iss[i], 1);
        p.snd_nxt = snd_nxt;
        peer_send(&p, LA_TCP_ACK, NULL, 0);
    }
    assert_int_equal(status_of(listener).accept_queue_n, 50);
    assert_int_equal(status_of(listener).cookies_taken_n, 48);
    assert_int_equal(status_of(listener).cookies_bad_n, 0);
    peer_free(&p);
}

/* Any changed bit of it, another port, another ISN: refused as an ACK to a listener is. */
/* LEDGER: RFC4987-5 */
static void
test_cookies__forged(void **state)
{
    (void)state;
    peer_new(&p, &cookies);
    la_handle listener = peer_listen(&p, 4);
    syn_with(&unstamped);
    for (unsigned bit = 0; bit < 34; bit++) {
        struct la_tcp_seg ack = peer_usual(&p, LA_TCP_ACK);
        if (bit < 32)
            ack.ack = la_seq_of((la_seq_sub(ack.ack, 1).v ^ UINT32_C(1) << bit) + 1);
        else if (bit == 32)
            ack.seq = la_seq_add(ack.seq, 1);
        else
            ack.src_port++;
        peer_say(&p, &ack, NULL, 0);
        peer_expect(&p, LA_TCP_RST);
        assert_int_equal(p.reason, LA_REASON_LISTEN_ACK);
        assert_int_equal(status_of(listener).cookies_bad_n, bit + 1);
    }
    assert_int_equal(status_of(listener).accept_queue_n, 0);
    peer_free(&p);
}

/* A key is understood for 64 to 128 seconds; where none was given out, none is looked at. */
/* LEDGER: RFC4987-8 */
static void
test_cookies__expire(void **state)
{
    (void)state;
    static const struct {
        int64_t after_s;
        bool good;
    } when[] = {{0, true}, {1, true}, {63, true}, {129, false}, {64 * 4 + 1, false}};
    for (unsigned i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
        peer_new(&p, &cookies);
        la_handle listener = peer_listen(&p, 4);
        syn_with(&unstamped);
        peer_run_us(&p, when[i].after_s * LA_US_PER_S);
        /* Another one keeps the listener waiting for cookies. */
        uint16_t port = p.addr.port;
        la_seq snd_nxt = p.snd_nxt, rcv_nxt = p.rcv_nxt;
        p.addr.port = 7000;
        syn_with(&unstamped);
        p.addr.port = port;
        p.snd_nxt = snd_nxt;
        p.rcv_nxt = rcv_nxt;
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        assert_int_equal(status_of(listener).accept_queue_n, when[i].good);
        assert_int_equal(status_of(listener).cookies_bad_n, !when[i].good);
        peer_forget(&p);
        peer_free(&p);
    }
    peer_new(&p, &cookies);
    la_handle listener = peer_listen(&p, 4);
    p.rcv_nxt = la_seq_of(77);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    peer_expect(&p, LA_TCP_RST);
    assert_int_equal(status_of(listener).cookies_bad_n, 0);
    peer_free(&p);
}

/* The third segment is lost: nobody sends the SYN,ACK again, but the first text brings the cookie
 * (RFC 4987 3.6: a client that waits for the server waits for ever). */
/* LEDGER: RFC4987-9 */
static void
test_cookies__third_segment_lost(void **state)
{
    (void)state;
    peer_new(&p, &cookies);
    la_handle listener = peer_listen(&p, 4);
    p.ts_ecr = syn_with(&stamped).ts_val;
    assert_false(peer_run_until_sent(&p, 60 * LA_US_PER_S));
    peer_send(&p, LA_TCP_ACK, "request", 7);
    peer_user_read(&p, peer_accepted(&p, listener), 7);
    peer_forget(&p);
    peer_free(&p);
}

/* Without room to be accepted a cookie is as good as lost; it is good again later. */
static void
test_cookies__accept_queue_full(void **state)
{
    (void)state;
    peer_new(&p, &cookies);
    la_handle listener = peer_listen(&p, 1);
    p.addr.port = 6000;
    la_seq first = syn_with(&unstamped).seq;
    p.addr.port = 6001;
    syn_with(&unstamped);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    p.addr.port = 6000;
    p.rcv_nxt = la_seq_add(first, 1);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(p.reason, LA_REASON_ACCEPT_QUEUE_FULL);
    peer_expect_none(&p);
    peer_accepted(&p, listener);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(status_of(listener).accept_queue_n, 1);
    peer_free(&p);
}

/* A SYN costs no memory, and one that finds none is as good as lost. */
static void
test_cookies__cost_no_memory(void **state)
{
    (void)state;
    peer_new(&p, &cookies);
    peer_listen(&p, 4);
    int64_t before = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        p.addr.port = (uint16_t)(1024 + i);
        syn_with(i % 2 == 0 ? &stamped : &unstamped);
        if (i == 100)
            before = p.memory.live_bytes;
    }
    assert_int_equal(p.memory.live_bytes, before);
    assert_int_equal(half_open_n(), 0);
    p.memory.fail_all = true;
    peer_say_syn(&p, LA_TCP_SYN, &stamped);
    p.memory.fail_all = false;
    peer_forget(&p);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cookies__stamped_is_like_any_other),
        cmocka_unit_test(test_cookies__unstamped_loses_options),
        cmocka_unit_test(test_cookies__timestamps_come_and_go),
        cmocka_unit_test(test_cookies__when_the_queue_is_full),
        cmocka_unit_test(test_cookies__forged),
        cmocka_unit_test(test_cookies__expire),
        cmocka_unit_test(test_cookies__third_segment_lost),
        cmocka_unit_test(test_cookies__accept_queue_full),
        cmocka_unit_test(test_cookies__cost_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
