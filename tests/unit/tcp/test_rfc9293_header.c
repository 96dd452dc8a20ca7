/* SPDX-License-Identifier: MIT
 *
 * test_rfc9293_header.c - checksums and where options stand
 *
 * Read first: RFC 9293 3.1 and 3.2.
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

/* LEDGER: MUST-3 */
static void
test_header__wrong_checksums_are_discarded(void **state)
{
    (void)state;
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++)
        for (unsigned bit = 0; bit < 16; bit++) {
            peer_new(&p, &(struct peer_cfg){.ipv6 = ipv6 != 0});
            la_handle listener = peer_listen(&p, 4);
            p.sum_error = (uint16_t)(1u << bit);
            peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
            peer_expect_none(&p);
            assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
            p.sum_error = 0;
            la_handle conn = peer_connect(&p, listener, &peer_plain);
            p.sum_error = (uint16_t)(1u << bit);
            struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK), rst = peer_usual(&p, LA_TCP_RST);
            peer_say(&p, &seg, "text", 4);
            peer_say(&p, &rst, NULL, 0);
            assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
            assert_int_equal(peer_status(&p, conn).bytes_received, 0);
            assert_int_equal(la_stack_stats(p.stack)->reason[LA_REASON_TCP_CHECKSUM], 3);
            peer_run_us(&p, LA_US_PER_S);
            peer_expect_none(&p);
            assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
            peer_forget(&p);
            peer_free(&p);
        }
}

/* LEDGER: MUST-65 */
static void
test_header__mss_only_with_syn(void **state)
{
    (void)state;
    const struct peer_options options = {
        .mss = 1460, .wscale = 7, .sack = true, .timestamps = true};
    peer_new(&p, &plain);
    la_handle conn = peer_open(&p, NULL);
    assert_true((peer_expect(&p, LA_TCP_SYN)->tcp.has & LA_TCP_HAS_MSS) != 0);
    peer_say_syn(&p, LA_TCP_SYN | LA_TCP_ACK, &options);
    struct la_tcp_seg gap = peer_usual(&p, LA_TCP_ACK);
    gap.seq = la_seq_add(gap.seq, 10);
    peer_say(&p, &gap, NULL, 10);
    peer_user_send(&p, conn, 5000);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_run_us(&p, 10 * LA_US_PER_S);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    unsigned seen = 0;
    for (const struct peer_seg *seg; (seg = peer_take(&p)) != NULL;) {
        assert_int_equal(seg->tcp.flags & LA_TCP_SYN, 0);
        assert_int_equal(seg->tcp.has & LA_TCP_HAS_MSS, 0);
        seen |= seg->tcp.flags;
    }
    assert_int_equal(seen & (LA_TCP_ACK | LA_TCP_RST | LA_TCP_PSH),
                     LA_TCP_ACK | LA_TCP_RST | LA_TCP_PSH);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header__wrong_checksums_are_discarded),
        cmocka_unit_test(test_header__mss_only_with_syn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
