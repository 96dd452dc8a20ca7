/* SPDX-License-Identifier: MIT
 *
 * test_open.c - the handshake and what it agrees upon
 *
 * Read first: RFC 9293 3.5, 3.7.1, 3.10.1, 3.10.4; RFC 7323 2, 3.2; RFC 2018 2.
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
plain_tcp(struct la_stack_cfg *cfg)
{
    cfg->tcp.timestamps = cfg->tcp.window_scale = cfg->tcp.sack = false;
}

static void
all_options(struct la_stack_cfg *cfg)
{
    cfg->tcp.sack = true;
}

static void
small_mss(struct la_stack_cfg *cfg)
{
    cfg->tcp.mss_bytes_max = 1000;
    cfg->tcp.timestamps = false;
}

static void
end(la_handle conn)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

/* ---- options ---------------------------------------------------------------------------- */

/* LEDGER: SHLD-5a, SHLD-5b, MUST-14, MUST-67, MAY-3 */
static void
test_open__our_syn(void **state)
{
    (void)state;
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        peer_new(&p, &(struct peer_cfg){.stack = all_options, .ipv6 = ipv6 != 0});
        la_handle conn = peer_open(&p, NULL);
        const struct la_tcp_seg *syn = &peer_expect(&p, LA_TCP_SYN)->tcp;
        assert_int_equal(syn->has, LA_TCP_HAS_MSS | LA_TCP_HAS_WSCALE | LA_TCP_HAS_SACK_PERMITTED |
                                       LA_TCP_HAS_TIMESTAMPS);
        assert_int_equal(syn->mss, ipv6 != 0 ? 1440 : 1460); /* MUST-67 */
        assert_int_equal(syn->wscale, 8);                    /* what the buffer may grow to */
        assert_int_equal(syn->wnd, 65535);                   /* never scaled in a SYN */
        assert_int_equal(syn->ts_ecr, 0);
        assert_int_equal(syn->ack.v, 0);
        assert_int_equal(syn->text_bytes, 0);
        end(conn);
    }
    peer_new(&p, &(struct peer_cfg){.stack = plain_tcp});
    la_handle conn = peer_open(&p, NULL);
    assert_int_equal(peer_expect(&p, LA_TCP_SYN)->tcp.has, LA_TCP_HAS_MSS);
    end(conn);
}

/* LEDGER: RFC7323-1, RFC7323-12 */
static void
test_open__syn_ack_answers_what_was_offered(void **state)
{
    (void)state;
    static const struct {
        struct peer_options options;
        uint8_t has;
    } cases[] = {
        {{.mss = 0, .wscale = -1}, LA_TCP_HAS_MSS},
        {{.mss = 1460, .wscale = 7}, LA_TCP_HAS_MSS | LA_TCP_HAS_WSCALE},
        {{.mss = 1460, .wscale = -1, .timestamps = true}, LA_TCP_HAS_MSS | LA_TCP_HAS_TIMESTAMPS},
        {{.mss = 1460, .wscale = -1, .sack = true}, LA_TCP_HAS_MSS | LA_TCP_HAS_SACK_PERMITTED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        peer_new(&p, &(struct peer_cfg){.stack = all_options});
        la_handle listener = peer_listen(&p, 1);
        p.ts_val = 77;
        peer_say_syn(&p, LA_TCP_SYN, &cases[i].options);
        const struct la_tcp_seg *answer = &peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp;
        assert_int_equal(answer->has, cases[i].has);
        assert_int_equal(answer->ts_ecr, cases[i].options.timestamps ? 77 : 0);
        assert_int_equal(answer->wnd, 65535);
        assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
        peer_collect(&p);
        peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
        peer_free(&p);
    }
    /* And nothing that we did not want ourselves. */
    peer_new(&p, &(struct peer_cfg){.stack = plain_tcp});
    la_handle conn = peer_passive(
        &p, &(struct peer_options){.mss = 1460, .wscale = 7, .sack = true, .timestamps = true});
    struct la_conn_status status = peer_status(&p, conn);
    assert_false(status.timestamps || status.sack);
    assert_int_equal(status.wscale_send, 255);
    assert_int_equal(status.wscale_receive, 255);
    assert_int_equal(status.snd_wnd, PEER_WND);
    end(conn);
}

/* MUST-15, MUST-16, MUST-67; RFC 6691: options come out of it, timestamps being in every segment.
 */
/* LEDGER: MUST-14, MUST-15a, MUST-15b, MUST-16, RFC6691-1 */
static void
test_open__segment_size(void **state)
{
    (void)state;
    static const struct {
        struct peer_options options;
        bool ipv6;
        uint32_t mtu_bytes;
        uint32_t smss;
    } cases[] = {
        {{.mss = 1460, .wscale = -1}, false, 1500, 1460},
        {{.mss = 1460, .wscale = -1, .timestamps = true}, false, 1500, 1448},
        {{.mss = 0, .wscale = -1}, false, 1500, 536}, /* MUST-15 */
        {{.mss = 0, .wscale = -1}, true, 1500, 1220}, /* MUST-15 */
        {{.mss = 0, .wscale = -1}, false, 400, 360},  /* and never more than fits */
        {{.mss = 65535, .wscale = -1}, false, 1500, 1460},
        {{.mss = 65535, .wscale = -1}, true, 1500, 1440},
        {{.mss = 500, .wscale = -1}, false, 1500, 500},
        {{.mss = 88, .wscale = -1, .timestamps = true}, false, 1500, 76},
        {{.mss = 1, .wscale = -1}, false, 1500, 64}, /* hostile: a floor */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        peer_new(&p, &(struct peer_cfg){.ipv6 = cases[i].ipv6, .mtu_bytes = cases[i].mtu_bytes});
        p.wnd = 65535;
        la_handle conn = peer_passive(&p, &cases[i].options);
        assert_int_equal(peer_status(&p, conn).mss_send, cases[i].smss);
        peer_user_send(&p, conn, 3000);
        const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
        assert_int_equal(seg->tcp.text_bytes, cases[i].smss);
        assert_int_equal(p.last[LA_EVENT_NEGOTIATED].u.negotiated.mss_send, cases[i].smss);
        end(conn);
    }
    peer_new(&p, &(struct peer_cfg){.stack = small_mss});
    la_handle conn = peer_open(&p, NULL);
    assert_int_equal(peer_expect(&p, LA_TCP_SYN)->tcp.mss, 1000);
    peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
    assert_int_equal(peer_status(&p, conn).mss_receive, 1000);
    end(conn);
}

/* RFC 7323 2.2, 2.3. */
/* LEDGER: REC-1, RFC7323-2, RFC7323-3, RFC7323-4 */
static void
test_open__window_scale(void **state)
{
    (void)state;
    static const struct {
        int offered;
        uint8_t used;
    } cases[] = {{0, 0}, {1, 1}, {7, 7}, {14, 14}, {15, 14}, {255, 14}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        peer_new(&p, &plain);
        la_handle listener = peer_listen(&p, 1), conn;
        p.wnd = 50; /* not scaled in the SYN */
        peer_say_syn(&p, LA_TCP_SYN,
                     &(struct peer_options){.mss = 1460, .wscale = cases[i].offered});
        peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
        struct la_conn_status status = peer_status(&p, conn);
        assert_int_equal(status.wscale_send, cases[i].used);
        assert_int_equal(status.wscale_receive, 8);
        assert_int_equal(status.snd_wnd, 50u << cases[i].used);
        end(conn);
    }
    peer_new(&p, &plain); /* the peer scales nothing: neither do we */
    la_handle conn = peer_active(&p, &peer_plain);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.wscale_send, 255);
    assert_int_equal(status.rcv_wnd, 65535);
    peer_send(&p, LA_TCP_ACK, NULL, 1460);
    peer_user_read(&p, conn, 1460);
    peer_run_us(&p, 100000);
    assert_int_equal(peer_take(&p)->tcp.wnd, 65535);
    end(conn);
}

/* ---- ways to ESTABLISHED ---------------------------------------------------------------- */

/* LEDGER: FSM-OPEN-2, FSM-SEND-2 */
static void
test_open__active_and_queued_octets(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_open(&p, NULL);
    peer_expect(&p, LA_TCP_SYN);
    peer_user_send(&p, conn, 10); /* 3.10.2: queued until ESTABLISHED */
    peer_expect_none(&p);
    assert_int_equal(peer_status(&p, conn).unsent_bytes, 10);
    peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
    const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(seg->tcp.text_bytes, 10);
    assert_true(la_seq_eq(seg->tcp.ack, p.snd_nxt));
    peer_expect_none(&p);
    assert_true((peer_ready(&p, conn) & LA_READY_OPEN) != 0);
    end(conn);
}

/* LEDGER: FSM-RECV-3 */
static void
test_open__text_and_fin_with_the_third_segment(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 1), conn;
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, "bye", 3);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSE_WAIT);
    /* What came before the connection was accepted is told then. */
    uint32_t ready = peer_ready(&p, conn);
    assert_true((ready & LA_READY_READ) != 0 && (ready & LA_READY_END) != 0);
    peer_user_read(&p, conn, 3);
    end(conn);
}

/* Text in a SYN may come before its time; it is not acknowledged, and taken when it is repeated. */
/* LEDGER: FSM-SEG-LISTEN-3 */
static void
test_open__text_with_the_syn(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 1), conn;
    struct la_tcp_seg syn = peer_usual(&p, LA_TCP_SYN);
    peer_say(&p, &syn, "hello", 5);
    const struct peer_seg *answer = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    assert_true(la_seq_eq(answer->tcp.ack, la_seq_add(syn.seq, 1)));
    p.snd_nxt = answer->tcp.ack;
    peer_send(&p, LA_TCP_ACK, "hello", 5);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    peer_user_read(&p, conn, 5);
    end(conn);
}

/* RFC 9293 figure 7. */
/* LEDGER: MUST-10 */
static void
test_open__simultaneous(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_open(&p, NULL);
    la_seq iss = peer_expect(&p, LA_TCP_SYN)->tcp.seq;
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    const struct peer_seg *answer = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    assert_true(la_seq_eq(answer->tcp.seq, iss));
    assert_true(la_seq_eq(answer->tcp.ack, p.snd_nxt));
    assert_int_equal(peer_state(&p), LA_TCP_SYN_RECEIVED_ACTIVE);
    peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
    assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
    assert_true((peer_ready(&p, conn) & LA_READY_OPEN) != 0);
    peer_send(&p, LA_TCP_ACK, "x", 1);
    peer_user_read(&p, conn, 1);
    end(conn);
}

/* D6, and the same ISS (MUST-8 does not make a new one). */
static void
test_open__syn_again(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    (void)peer_listen(&p, 1);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    la_seq iss = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.seq;
    for (unsigned i = 0; i < 3; i++) {
        peer_run_us(&p, 100 * LA_US_PER_MS);
        peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
        assert_true(la_seq_eq(peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.seq, iss));
    }
    uint32_t n[LA_TCP_STATE_COUNT];
    la_stack_state_counts(p.stack, n);
    assert_int_equal(n[LA_TCP_SYN_RECEIVED], 1);
    peer_free(&p);
}

/* ---- ways out --------------------------------------------------------------------------- */

/* LEDGER: FSM-SEG-SYNSENT-3 */
static void
test_open__refused(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_open(&p, NULL);
    peer_expect(&p, LA_TCP_SYN);
    peer_user_send(&p, conn, 10);
    peer_send(&p, LA_TCP_RST | LA_TCP_ACK, NULL, 0);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.state, LA_TCP_CLOSED);
    assert_int_equal(status.err, LA_ERR_CONNECTION_REFUSED);
    assert_true((peer_ready(&p, conn) & LA_READY_ERROR) != 0);
    uint8_t octet;
    assert_int_equal(la_conn_receive(p.stack, conn, (struct la_room){&octet, 1}, p.now),
                     LA_ERR_CONNECTION_REFUSED);
    assert_int_equal(la_conn_send(p.stack, conn, (struct la_bytes){&octet, 1}, false, p.now),
                     LA_ERR_CONNECTION_REFUSED);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_expect_none(&p);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_ERR_BAD_HANDLE);
    peer_free(&p);
}

/* LEDGER: FSM-CLOSE-1, FSM-CLOSE-2 */
static void
test_open__close_before_established(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_open(&p, NULL); /* 3.10.4, SYN-SENT: deleted without a word */
    peer_expect(&p, LA_TCP_SYN);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    peer_expect_none(&p);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);

    conn = peer_open(&p, NULL); /* SYN-RECEIVED: D5, after what was queued before */
    peer_expect(&p, LA_TCP_SYN);
    peer_user_send(&p, conn, 10);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    assert_int_equal(peer_state(&p), LA_TCP_SYN_RECEIVED_ACTIVE);
    peer_expect_none(&p);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_state(&p), LA_TCP_FIN_WAIT_1);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK | LA_TCP_FIN)->tcp.text_bytes, 10);
    end(conn);
}

/* LEDGER: MUST-47, MUST-54, MUST-55, MUST-56a, SHLD-25 */
static void
test_open__icmp(void **state)
{
    (void)state;
    static const struct {
        bool ipv6;
        uint8_t type, code;
        la_err err;
        bool hard; /* RFC 9293 3.9.2.2; what is prohibited stays so */
    } cases[] = {
        {false, 3, 0, LA_ERR_NET_UNREACHABLE, false},
        {false, 3, 1, LA_ERR_HOST_UNREACHABLE, false},
        {false, 3, 2, LA_ERR_PROTOCOL_UNREACHABLE, true},
        {false, 3, 3, LA_ERR_CONNECTION_REFUSED, true},
        {false, 3, 5, LA_ERR_HOST_UNREACHABLE, false},
        {false, 3, 9, LA_ERR_HOST_UNREACHABLE, true},
        {false, 3, 10, LA_ERR_HOST_UNREACHABLE, true},
        {false, 3, 13, LA_ERR_HOST_UNREACHABLE, true},
        {true, 1, 0, LA_ERR_NET_UNREACHABLE, false},
        {true, 1, 1, LA_ERR_HOST_UNREACHABLE, true},
        {true, 1, 3, LA_ERR_HOST_UNREACHABLE, false},
        {true, 1, 4, LA_ERR_CONNECTION_REFUSED, true},
        {true, 1, 5, LA_ERR_HOST_UNREACHABLE, true},
        {true, 1, 6, LA_ERR_HOST_UNREACHABLE, true},
        {true, 3, 0, LA_ERR_HOST_UNREACHABLE, false},
        {true, 4, 1, LA_ERR_HOST_UNREACHABLE, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        peer_new(&p, &(struct peer_cfg){.ipv6 = cases[i].ipv6});
        la_handle conn = peer_open(&p, NULL);
        struct la_tcp_seg syn = peer_expect(&p, LA_TCP_SYN)->tcp;
        struct la_tcp_seg other = syn;
        other.seq = la_seq_add(syn.seq, 1); /* RFC 5927 4.1: not in flight */
        peer_icmp(&p, cases[i].type, cases[i].code, 0, &other);
        assert_int_equal(peer_status(&p, conn).err, LA_OK);
        assert_int_equal(la_stack_stats(p.stack)->reason[LA_REASON_ICMP_UNMATCHED], 1);
        peer_icmp(&p, cases[i].type, cases[i].code, 0, &syn);
        struct la_conn_status status = peer_status(&p, conn);
        assert_int_equal(status.state, cases[i].hard ? LA_TCP_CLOSED : LA_TCP_SYN_SENT);
        assert_int_equal(status.err, cases[i].hard ? cases[i].err : LA_OK);
        assert_int_equal(status.err_soft, cases[i].hard ? LA_OK : cases[i].err);
        end(conn);
        /* MUST-56: a synchronised connection is never ended by one. */
        peer_new(&p, &(struct peer_cfg){.ipv6 = cases[i].ipv6});
        conn = peer_passive(&p, &peer_plain);
        peer_user_send(&p, conn, 10);
        peer_icmp(&p, cases[i].type, cases[i].code, 0, &peer_expect(&p, LA_TCP_ACK)->tcp);
        status = peer_status(&p, conn);
        assert_int_equal(status.state, LA_TCP_ESTABLISHED);
        assert_int_equal(status.err_soft, cases[i].err);
        if (!cases[i].ipv6) /* MUST-55 */
            peer_icmp(&p, 4, 0, 0, &(struct la_tcp_seg){.seq = la_seq_sub(p.rcv_nxt, 1)});
        assert_int_equal(peer_status(&p, conn).err_soft, cases[i].err);
        end(conn);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open__our_syn),
        cmocka_unit_test(test_open__syn_ack_answers_what_was_offered),
        cmocka_unit_test(test_open__segment_size),
        cmocka_unit_test(test_open__window_scale),
        cmocka_unit_test(test_open__active_and_queued_octets),
        cmocka_unit_test(test_open__text_and_fin_with_the_third_segment),
        cmocka_unit_test(test_open__text_with_the_syn),
        cmocka_unit_test(test_open__simultaneous),
        cmocka_unit_test(test_open__syn_again),
        cmocka_unit_test(test_open__refused),
        cmocka_unit_test(test_open__close_before_established),
        cmocka_unit_test(test_open__icmp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
