/* SPDX-License-Identifier: MIT
 *
 * test_rfc9293_notices.c - what the application is told and may set: ends, R1, R2, keep-alive,
 * ICMP, DiffServ, TTL
 *
 * Read first: RFC 9293 3.6, 3.8.3, 3.8.4, 3.9.1.8, 3.9.1.9 and 3.9.2.
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
end(la_handle conn)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

static void
set(la_handle conn, enum la_conn_option option, int64_t value)
{
    assert_int_equal(la_conn_option_set(p.stack, conn, option, value, p.now), LA_OK);
}

/* ---- how it ended ----------------------------------------------------------------------- */

/* LEDGER: MUST-12 */
static void
test_notices__fin_or_rst(void **state)
{
    (void)state;
    for (unsigned rst = 0; rst < 2; rst++) {
        uint8_t octet;
        struct la_room room = {&octet, 1};
        peer_new(&p, &plain);
        la_handle conn = peer_passive(&p, &peer_plain);
        (void)peer_ready(&p, conn);
        peer_send(&p, rst != 0 ? LA_TCP_RST : LA_TCP_FIN | LA_TCP_ACK, NULL, 0);
        peer_forget(&p);
        uint32_t ready = peer_ready(&p, conn);
        assert_int_equal((ready & LA_READY_ERROR) != 0, rst != 0);
        assert_int_equal((ready & LA_READY_END) != 0, rst == 0);
        assert_int_equal(la_conn_receive(p.stack, conn, room, p.now),
                         rst != 0 ? LA_ERR_CONNECTION_RESET : 0);
        assert_int_equal(peer_status(&p, conn).err, rst != 0 ? LA_ERR_CONNECTION_RESET : LA_OK);
        end(conn);
    }
}

/* A RST in SYN-RECEIVED: told after an active OPEN, and nobody's after a passive one. */
/* LEDGER: MUST-11, FSM-SEG-RST-1 */
static void
test_notices__rst_in_syn_received(void **state)
{
    (void)state;
    struct la_stack_event ev;
    peer_new(&p, &plain);
    la_handle conn = peer_to(&p, LA_TCP_SYN_RECEIVED_ACTIVE);
    peer_send(&p, LA_TCP_RST, NULL, 0);
    assert_true((peer_ready(&p, conn) & LA_READY_ERROR) != 0);
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_CONNECTION_REFUSED);
    end(conn);

    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_forget(&p);
    peer_send(&p, LA_TCP_RST, NULL, 0);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    assert_false(la_stack_next_event(p.stack, &ev));
    p.addr.port++; /* the listener still listens */
    conn = peer_connect(&p, listener, &peer_plain);
    end(conn);
}

/* ---- R1 and R2 -------------------------------------------------------------------------- */

/* LEDGER: MUST-22, SHLD-9 */
static void
test_notices__r1_of_a_syn(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_open(&p, NULL);
    peer_forget(&p);
    for (unsigned i = 1; i <= 7; i++) {
        uint32_t told = p.events_n[LA_EVENT_ERROR];
        assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        peer_expect(&p, LA_TCP_SYN);
        assert_int_equal(p.events_n[LA_EVENT_ERROR] - told, i == 3);
        struct la_conn_status status = peer_status(&p, conn);
        assert_int_equal(status.err_soft, i >= 3 ? LA_ERR_TIMED_OUT : LA_OK);
        assert_int_equal(status.err, LA_OK);
    }
    assert_false(peer_run_until_sent(&p, 100 * LA_US_PER_S));
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_TIMED_OUT); /* R2 */
    end(conn);
}

static unsigned
retransmissions(int64_t r2_n, unsigned max)
{
    unsigned n = 0;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    set(conn, LA_OPT_R2_N, r2_n);
    peer_user_send(&p, conn, 10);
    peer_forget(&p);
    for (; n < max && peer_run_until_sent(&p, 100 * LA_US_PER_S); n++)
        peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(peer_status(&p, conn).err, n < max ? LA_ERR_TIMED_OUT : LA_OK);
    end(conn);
    return n;
}

/* LEDGER: MUST-21 */
static void
test_notices__r2_is_the_applications(void **state)
{
    (void)state;
    assert_int_equal(retransmissions(3, 100), 3);
    assert_int_equal(retransmissions(6, 100), 6);
    assert_int_equal(retransmissions(0, 300), 300); /* infinite */
}

/* LEDGER: FSM-TMO-2 */
static void
test_notices__fin_is_sent_again(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    la_seq seq = peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK)->tcp.seq;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        assert_true(la_seq_eq(peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK)->tcp.seq, seq));
    }
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_FIN_WAIT_2);
    end(conn);
}

/* ---- keep-alive ------------------------------------------------------------------------- */

/* LEDGER: MUST-24, MUST-28, RFC2525-11 */
static void
test_notices__keepalive_by_default(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &peer_plain);
    set(conn, LA_OPT_KEEPALIVE, 1);
    assert_false(peer_run_until_sent(&p, 7199 * LA_US_PER_S));
    assert_true(peer_run_until_sent(&p, 2 * LA_US_PER_S));
    peer_expect(&p, LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    set(conn, LA_OPT_KEEPALIVE, 0);
    assert_false(peer_run_until_sent(&p, 100000 * LA_US_PER_S));
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
    end(conn);
}

/* ---- ICMP ------------------------------------------------------------------------------- */

/* D9: hard errors end nothing once the connection is synchronised. */
/* LEDGER: MUST-54, MUST-56a, MUST-56b, MUST-56c, SHLD-26 */
static void
test_notices__icmp_ends_nothing(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, code;
        la_err err;
        bool hard;
    } cases[] = {
        {3, 0, LA_ERR_NET_UNREACHABLE, false},     {3, 1, LA_ERR_HOST_UNREACHABLE, false},
        {3, 5, LA_ERR_HOST_UNREACHABLE, false},    {11, 0, LA_ERR_HOST_UNREACHABLE, false},
        {11, 1, LA_ERR_HOST_UNREACHABLE, false},   {12, 0, LA_ERR_HOST_UNREACHABLE, false},
        {12, 1, LA_ERR_HOST_UNREACHABLE, false},   {12, 2, LA_ERR_HOST_UNREACHABLE, false},
        {3, 2, LA_ERR_PROTOCOL_UNREACHABLE, true}, {3, 3, LA_ERR_CONNECTION_REFUSED, true},
    };
    static const enum la_tcp_state states[] = {LA_TCP_SYN_SENT, LA_TCP_ESTABLISHED,
                                               LA_TCP_CLOSE_WAIT, LA_TCP_FIN_WAIT_1};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t s = cases[i].hard; s < 4; s++) {
            peer_new(&p, &plain);
            la_handle conn = peer_to(&p, states[s]);
            struct la_tcp_seg about = {.seq = la_seq_sub(p.rcv_nxt, 1)};
            peer_icmp(&p, cases[i].type, cases[i].code, 0, &about);
            struct la_conn_status status = peer_status(&p, conn);
            assert_int_equal(status.state, states[s]);
            assert_int_equal(status.err, LA_OK);
            assert_int_equal(status.err_soft, cases[i].err);
            end(conn);
        }
}

static void
without_errors(struct la_stack_cfg *cfg)
{
    cfg->trace.mask &= ~LA_EVENT_BIT(LA_EVENT_ERROR);
}

/* LEDGER: SHLD-20 */
static void
test_notices__reports_can_be_disabled(void **state)
{
    (void)state;
    for (unsigned off = 0; off < 2; off++) {
        peer_new(&p, &(struct peer_cfg){.stack = off != 0 ? without_errors : NULL});
        la_handle conn = peer_to(&p, LA_TCP_ESTABLISHED);
        struct la_tcp_seg about = {.seq = la_seq_sub(p.rcv_nxt, 1)};
        peer_icmp(&p, 3, 1, 0, &about);
        assert_int_equal(p.events_n[LA_EVENT_ERROR], off == 0);
        assert_int_equal(peer_ready(&p, conn) & LA_READY_ERROR, 0);
        end(conn);
    }
}

/* ---- DiffServ, TTL ---------------------------------------------------------------------- */

static void
marked(struct la_stack_cfg *cfg)
{
    cfg->tcp.dscp_ecn = 0x28;
    cfg->tcp.ttl_hops = 7;
}

static void
expect_marks(uint8_t dscp_ecn, uint8_t ttl_hops)
{
    const struct peer_seg *seg;
    unsigned n = 0;
    peer_collect(&p);
    for (; (seg = peer_take(&p)) != NULL; n++) {
        assert_int_equal(seg->dscp_ecn, dscp_ecn);
        assert_int_equal(seg->ttl_hops, ttl_hops);
    }
    assert_true(n > 0);
}

/* LEDGER: MUST-48, MUST-49, SHLD-21, SHLD-22, RFC1122-I21 */
static void
test_notices__diffserv_and_ttl(void **state)
{
    (void)state;
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        peer_new(&p, &(struct peer_cfg){.stack = marked, .ipv6 = ipv6 != 0});
        la_handle conn = peer_open(&p, NULL);
        expect_marks(0x28, 7);
        peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &peer_plain);
        peer_user_send(&p, conn, 10);
        expect_marks(0x28, 7);
        set(conn, LA_OPT_DSCP_ECN, 0xb8); /* during the connection */
        set(conn, LA_OPT_TTL_HOPS, 99);
        assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
        expect_marks(0xb8, 99);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        expect_marks(0xb8, 99); /* the RST too */
        peer_free(&p);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notices__fin_or_rst),
        cmocka_unit_test(test_notices__rst_in_syn_received),
        cmocka_unit_test(test_notices__r1_of_a_syn),
        cmocka_unit_test(test_notices__r2_is_the_applications),
        cmocka_unit_test(test_notices__fin_is_sent_again),
        cmocka_unit_test(test_notices__keepalive_by_default),
        cmocka_unit_test(test_notices__icmp_ends_nothing),
        cmocka_unit_test(test_notices__reports_can_be_disabled),
        cmocka_unit_test(test_notices__diffserv_and_ttl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
