/* SPDX-License-Identifier: MIT
 *
 * test_path_mtu.c - a router on the way takes less than the interface
 *
 * Read first: RFC 1191 3, 7.1; RFC 8201 4; RFC 5927 7.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

static struct peer p;

/* Tells of `mtu_bytes` about the first segment in flight; returns the SMSS afterwards. */
static uint32_t
told(la_handle conn, uint32_t mtu_bytes, int32_t seq_off)
{
    struct la_conn_status status = peer_status(&p, conn);
    la_seq una = la_seq_sub(p.rcv_nxt, status.flight_bytes);
    struct la_tcp_seg about = {.seq = la_seq_of(una.v + (uint32_t)seq_off)};
    if (p.ipv6)
        peer_icmp(&p, 2, 0, mtu_bytes, &about);
    else
        peer_icmp(&p, 3, 4, mtu_bytes, &about);
    return peer_status(&p, conn).mss_send;
}

static void
test_path_mtu__segments_become_smaller(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){0});
    p.wnd = 65535;
    la_handle conn = peer_passive(&p, &peer_plain);
    la_seq base = p.rcv_nxt;
    peer_user_send(&p, conn, 10000);
    peer_forget(&p);
    assert_int_equal(told(conn, 1300, 0), 1260);
    /* All of it arrives, in segments that fit. */
    la_seq acked = base;
    for (unsigned i = 0; i < 40 && la_seq_diff(acked, base) < 10000; i++) {
        assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
        for (const struct peer_seg *seg; (seg = peer_take(&p)) != NULL;) {
            assert_true(seg->tcp.text_bytes <= 1260);
            la_seq end = la_seq_add(seg->tcp.seq, seg->tcp.text_bytes);
            if (la_seq_le(seg->tcp.seq, acked) && la_seq_gt(end, acked))
                acked = end;
        }
        struct la_tcp_seg ack = peer_usual(&p, LA_TCP_ACK);
        ack.ack = acked;
        peer_say(&p, &ack, NULL, 0);
    }
    assert_int_equal(la_seq_diff(acked, base), 10000);
    assert_int_equal(peer_status(&p, conn).err, LA_OK);
    peer_free(&p);
}

static void
test_path_mtu__what_is_believed(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){0});
    p.wnd = 65535;
    la_handle conn = peer_passive(&p, &peer_plain);
    assert_int_equal(told(conn, 1000, 0), 1460); /* nothing is in flight */
    peer_user_send(&p, conn, 3000);
    peer_forget(&p);
    assert_int_equal(told(conn, 1000, -1), 1460); /* RFC 5927 4.1 */
    assert_int_equal(told(conn, 1000, 2920), 1460);
    assert_int_equal(told(conn, 1500, 0), 1460); /* it does fit */
    assert_int_equal(told(conn, 9000, 0), 1460);
    assert_int_equal(told(conn, 0, 0), 1492 - 40); /* RFC 1191 7.1: the plateaus */
    assert_int_equal(told(conn, 0, 1460), 1006 - 40);
    assert_int_equal(told(conn, 1200, 0), 1006 - 40); /* never up again */
    assert_int_equal(told(conn, 68, 2919), 512);      /* not absurdly small */
    assert_int_equal(told(conn, 0, 0), 512);
    assert_int_equal(peer_status(&p, conn).err_soft, LA_OK);
    peer_free(&p);
}

static void
test_path_mtu__ipv6(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.ipv6 = true});
    p.wnd = 65535;
    p.ts_val = 1;
    la_handle conn =
        peer_passive(&p, &(struct peer_options){.mss = 1440, .wscale = -1, .timestamps = true});
    peer_user_send(&p, conn, 3000);
    peer_forget(&p);
    assert_int_equal(told(conn, 1400, 0), 1400 - 60 - 12);
    assert_int_equal(told(conn, 600, 0), 1280 - 60 - 12); /* RFC 8201 4 */
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_mtu__segments_become_smaller),
        cmocka_unit_test(test_path_mtu__what_is_believed),
        cmocka_unit_test(test_path_mtu__ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
