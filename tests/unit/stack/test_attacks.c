/* SPDX-License-Identifier: MIT
 *
 * test_attacks.c - published attacks that no test of a single rule shows
 *
 * Read first: docs/security.md; RFC 5961 3 to 5 and 7; RFC 9293 3.10.7.4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

static struct peer p;
static const struct peer_cfg plain;
static const struct peer_options modern = {.mss = 1460, .wscale = 7, .sack = true};

static uint32_t
conns_n(void)
{
    uint32_t n[LA_TCP_STATE_COUNT], all_n = 0;
    la_stack_state_counts(p.stack, n);
    for (unsigned i = 0; i < LA_TCP_STATE_COUNT; i++)
        all_n += n[i];
    return all_n;
}

/* LAND: a SYN from the listener's own address and port, by way of the wire. */
static void
test_attacks__land(void **state)
{
    (void)state;
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        peer_new(&p, &(struct peer_cfg){.ipv6 = ipv6 == 1});
        peer_listen(&p, 4);
        p.addr = p.host;
        for (unsigned i = 0; i < 10; i++)
            peer_say_syn(&p, LA_TCP_SYN, &modern);
        assert_int_equal(conns_n(), 0);
        peer_expect_none(&p);
        assert_int_equal(la_stack_stats(p.stack)->reason[LA_REASON_IP_SOURCE_INVALID], 10);
        assert_false(peer_run_until_sent(&p, 10 * LA_US_PER_S));
        peer_free(&p);
    }
}

/* CVE-2016-5696: challenge ACKs drawn on one connection say nothing about another. */
/* LEDGER: RFC5961-7 */
static void
test_attacks__challenges_are_counted_apart(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle listener = peer_listen(&p, 4);
    peer_connect(&p, listener, &modern);
    uint16_t port = p.addr.port;
    la_seq snd_nxt = p.snd_nxt, rcv_nxt = p.rcv_nxt;
    p.addr.port = 6000;
    peer_connect(&p, listener, &modern);
    struct la_tcp_seg rst = peer_usual(&p, LA_TCP_RST);
    rst.seq = la_seq_add(rst.seq, 1);
    for (unsigned i = 0; i < 1000; i++) {
        peer_say(&p, &rst, NULL, 0);
        peer_forget(&p);
    }
    assert_int_equal(p.reason, LA_REASON_CHALLENGE_ACK_LIMITED);
    p.addr.port = port;
    p.snd_nxt = snd_nxt;
    p.rcv_nxt = rcv_nxt;
    for (unsigned i = 0; i < 10; i++) { /* all of its own */
        rst = peer_usual(&p, LA_TCP_RST);
        rst.seq = la_seq_add(snd_nxt, 1);
        peer_say(&p, &rst, NULL, 0);
        peer_expect(&p, LA_TCP_ACK);
    }
    peer_free(&p);
}

/* Optimistic acknowledgements: of what was never sent. The window does not open by them. */
static void
test_attacks__optimistic_ack(void **state)
{
    (void)state;
    enum { OCTETS = 100000 };
    peer_new(&p, &plain);
    p.wnd = 500;
    la_handle conn = peer_passive(&p, &modern);
    peer_user_send(&p, conn, OCTETS);
    peer_collect(&p);
    peer_forget(&p);
    struct la_conn_status before = peer_status(&p, conn), after;
    for (unsigned i = 1; i < 20; i++) {
        struct la_tcp_seg ack = peer_usual(&p, LA_TCP_ACK);
        ack.ack = la_seq_add(p.rcv_nxt, before.flight_bytes + i * 1460);
        peer_say(&p, &ack, NULL, 0);
        peer_forget(&p);
        after = peer_status(&p, conn);
        assert_int_equal(after.bytes_acked, before.bytes_acked);
        assert_int_equal(after.cwnd_bytes, before.cwnd_bytes);
        assert_int_equal(after.flight_bytes, before.flight_bytes);
    }
    const uint64_t *n = la_stack_stats(p.stack)->reason;
    assert_int_equal(n[LA_REASON_ACK_UNSENT] + n[LA_REASON_CHALLENGE_ACK_LIMITED], 19);
    peer_free(&p);
}

/* Blind data injection (RFC 5961 5): right numbers for the text, a guess for the ACK. */
/* LEDGER: RFC5961-6 */
static void
test_attacks__blind_data(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &modern);
    static const int32_t guess[] = {1, 100, 1 << 20, 1 << 30, -(1 << 23), -(1 << 30)};
    for (unsigned i = 0; i < sizeof(guess) / sizeof(guess[0]); i++) {
        struct la_tcp_seg text = peer_usual(&p, LA_TCP_ACK | LA_TCP_PSH);
        text.ack = la_seq_of(text.ack.v + (uint32_t)guess[i]);
        peer_say(&p, &text, "evil", 4);
        assert_int_equal(p.reason, guess[i] > 0 ? LA_REASON_ACK_UNSENT : LA_REASON_ACK_TOO_OLD);
        peer_expect(&p, LA_TCP_ACK);
        assert_int_equal(peer_status(&p, conn).bytes_received, 0);
    }
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attacks__land),
        cmocka_unit_test(test_attacks__challenges_are_counted_apart),
        cmocka_unit_test(test_attacks__optimistic_ack),
        cmocka_unit_test(test_attacks__blind_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
