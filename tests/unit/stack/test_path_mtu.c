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

/* Tells of `mtu_bytes` about the segment seq_off behind `una`; returns the SMSS afterwards. */
static uint32_t
told_of(la_handle conn, la_seq una, uint32_t mtu_bytes, int32_t seq_off)
{
    struct la_tcp_seg about = {.seq = la_seq_of(una.v + (uint32_t)seq_off)};
    if (p.ipv6)
        peer_icmp(&p, 2, 0, mtu_bytes, &about);
    else
        peer_icmp(&p, 3, 4, mtu_bytes, &about);
    return peer_status(&p, conn).mss_send;
}

/* The same, while nothing has been sent again. */
static uint32_t
told(la_handle conn, uint32_t mtu_bytes, int32_t seq_off)
{
    struct la_conn_status status = peer_status(&p, conn);
    return told_of(conn, la_seq_sub(p.rcv_nxt, status.flight_bytes), mtu_bytes, seq_off);
}

/* LEDGER: RFC1191-1 */
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

/* LEDGER: RFC1191-2, RFC5927-1, RFC8201-2 */
static void
test_path_mtu__what_is_believed(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){0});
    p.wnd = 65535;
    la_handle conn = peer_passive(&p, &peer_plain);
    la_seq una = p.rcv_nxt;
    assert_int_equal(told_of(conn, una, 1000, 0), 1460); /* nothing is in flight */
    peer_user_send(&p, conn, 3000);
    peer_forget(&p);
    assert_int_equal(told_of(conn, una, 1000, -1), 1460); /* RFC 5927 4.1 */
    assert_int_equal(told_of(conn, una, 1000, 2920), 1460);
    assert_int_equal(told_of(conn, una, 1500, 0), 1460); /* it does fit */
    assert_int_equal(told_of(conn, una, 9000, 0), 1460);
    assert_int_equal(told_of(conn, una, 0, 0), 1492 - 40); /* RFC 1191 7.1: the plateaus */
    assert_int_equal(told_of(conn, una, 0, 1460), 1006 - 40);
    assert_int_equal(told_of(conn, una, 1200, 0), 1006 - 40); /* never up again */
    assert_int_equal(told_of(conn, una, 68, 2919), 512);      /* not absurdly small */
    assert_int_equal(told_of(conn, una, 0, 0), 512);
    assert_int_equal(peer_status(&p, conn).err_soft, LA_OK);
    peer_free(&p);
}

/* LEDGER: RFC8201-1 */
static void
test_path_mtu__ipv6(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.ipv6 = true});
    p.wnd = 65535;
    p.ts_val = 1;
    la_handle conn =
        peer_passive(&p, &(struct peer_options){.mss = 1440, .wscale = -1, .timestamps = true});
    la_seq una = p.rcv_nxt;
    peer_user_send(&p, conn, 3000);
    peer_forget(&p);
    assert_int_equal(told_of(conn, una, 1400, 0), 1400 - 60 - 12);
    assert_int_equal(told_of(conn, una, 1279, 0), 1400 - 60 - 12); /* RFC 8201 4: discarded */
    assert_int_equal(told_of(conn, una, 0, 0), 1400 - 60 - 12);
    assert_int_equal(told_of(conn, una, 1280, 0), 1280 - 60 - 12);
    peer_free(&p);
}

/* ---- what is known of a path ------------------------------------------------------------ */

/* RFC 8201 5.2, 5.3: the next connection knows, for ten minutes. */
static void
test_path_mtu__is_remembered(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        peer_new(&p, &(struct peer_cfg){.ipv6 = v6 != 0});
        const uint32_t headers = v6 != 0 ? 60 : 40;
        p.wnd = 65535;
        la_handle conn = peer_passive(&p, &peer_plain);
        assert_int_equal(peer_status(&p, conn).mss_send, 1500 - headers);
        la_seq una = p.rcv_nxt;
        peer_user_send(&p, conn, 3000);
        peer_forget(&p);
        assert_int_equal(told_of(conn, una, 1300, 0), 1300 - headers);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_collect(&p);
        peer_forget(&p);
        conn = peer_passive(&p, &peer_plain);
        assert_int_equal(peer_status(&p, conn).mss_send, 1300 - headers);
        /* What we take has nothing to do with it. */
        assert_int_equal(peer_status(&p, conn).mss_receive, 1500 - headers);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_collect(&p);
        peer_forget(&p);
        peer_run_us(&p, 601 * LA_US_PER_S);
        conn = peer_passive(&p, &peer_plain);
        assert_int_equal(peer_status(&p, conn).mss_send, 1500 - headers);
        peer_free(&p);
    }
}

/* What was doubted is nothing that others should know. */
/* LEDGER: RFC5927-3 */
static void
test_path_mtu__lies_are_not_remembered(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){0});
    p.wnd = 65535;
    la_handle conn = peer_passive(&p, &peer_plain);
    la_seq una = p.rcv_nxt;
    peer_user_send(&p, conn, 2920);
    peer_forget(&p);
    struct la_tcp_seg ack = peer_usual(&p, LA_TCP_ACK);
    ack.ack = la_seq_add(una, 1460);
    peer_say(&p, &ack, NULL, 0);
    assert_int_equal(told_of(conn, una, 1000, 1460), 1460); /* RFC 5927 7.2 */
    assert_int_equal(la_stack_stats(p.stack)->reason[LA_REASON_ICMP_DOUBTED], 1);
    assert_int_equal(told_of(conn, una, 1000, 5000), 1460);
    peer_run_us(&p, LA_US_PER_S);
    peer_forget(&p);
    assert_int_equal(told_of(conn, una, 1000, 1460), 960); /* a timeout says so, too */
    peer_free(&p);
}

/* More destinations than there are places: memory stays what it is. */
static void
test_path_mtu__memory_is_bounded(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.ipv6 = true});
    int64_t most = 0;
    for (unsigned i = 0; i < 2000; i++) {
        p.addr.addr.b[13] = (uint8_t)(i >> 8);
        p.addr.addr.b[14] = (uint8_t)i;
        p.wnd = 65535;
        la_handle conn = peer_passive(&p, &peer_plain);
        la_seq una = p.rcv_nxt;
        peer_user_send(&p, conn, 3000);
        peer_forget(&p);
        assert_int_equal(told_of(conn, una, 1300, 0), 1240);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_collect(&p);
        peer_forget(&p);
        if (i == 600)
            most = p.memory.live_bytes;
    }
    assert_in_range(p.memory.live_bytes, 0, most + 4096);
    peer_free(&p);
}

/* ---- a black hole ----------------------------------------------------------------------- */

/* The path takes so much text in a segment, and nobody says so. The peer acknowledges what got
 * through, for so long; returns the largest segment that did. */
static uint32_t
through_a_hole(la_handle conn, uint32_t most_bytes, uint32_t octets, int64_t us_max)
{
    la_instant until = la_instant_add_us(p.now, us_max);
    la_seq base = p.rcv_nxt, acked = base;
    uint32_t largest = 0;
    peer_user_send(&p, conn, octets);
    while (la_seq_diff(acked, base) < (int32_t)octets && la_instant_lt(p.now, until)) {
        bool came = false;
        for (const struct peer_seg *seg; (seg = peer_take(&p)) != NULL;) {
            uint32_t n = seg->tcp.text_bytes;
            la_seq end = la_seq_add(seg->tcp.seq, n);
            if (n > most_bytes || la_seq_gt(seg->tcp.seq, acked))
                continue;
            acked = la_seq_max(acked, end);
            largest = n > largest ? n : largest;
            came = true;
        }
        p.rcv_nxt = acked;
        if (came)
            peer_send(&p, LA_TCP_ACK, NULL, 0);
        else if (!peer_run_until_sent(&p, 60 * LA_US_PER_S))
            break;
    }
    assert_true(la_seq_diff(acked, base) >= (int32_t)octets);
    return largest;
}

/* LEDGER: RFC4821-2 */
static void
test_path_mtu__black_hole(void **state)
{
    (void)state;
    for (uint32_t most = 512; most <= 1460; most += 79) {
        peer_new(&p, &(struct peer_cfg){.stack = peer_reno});
        p.wnd = 65535;
        la_handle conn = peer_passive(&p, &peer_plain);
        uint32_t largest = through_a_hole(conn, most, 200000, 600 * LA_US_PER_S);
        assert_in_range(largest, most - 64 > 512 ? most - 64 : 512, most);
        assert_int_equal(peer_status(&p, conn).mss_send, largest);
        peer_free(&p);
    }
}

/* Only an outage: it is as it was before, soon after. */
static void
test_path_mtu__outage(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = peer_reno});
    p.wnd = 65535;
    la_handle conn = peer_passive(&p, &peer_plain);
    peer_user_send(&p, conn, 100000);
    la_seq base = p.rcv_nxt;
    peer_run_us(&p, 10 * LA_US_PER_S);
    assert_in_range(peer_status(&p, conn).mss_send, 512, 1024);
    peer_forget(&p);
    p.rcv_nxt = base;
    assert_int_equal(through_a_hole(conn, 1460, 100000, 60 * LA_US_PER_S), 1460);
    assert_int_equal(peer_status(&p, conn).mss_send, 1460);
    peer_free(&p);
}

static void
without_probing(struct la_stack_cfg *cfg)
{
    cfg->tcp.mtu_probing = false;
}

static void
test_path_mtu__probing_may_be_off(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = without_probing});
    p.wnd = 65535;
    la_handle conn = peer_passive(&p, &peer_plain);
    peer_user_send(&p, conn, 3000);
    peer_run_us(&p, 100 * LA_US_PER_S);
    assert_int_equal(peer_status(&p, conn).mss_send, 1460);
    peer_free(&p);
}

/* RFC 1191 6.3: ten minutes after a router said so, larger segments are tried, and stay. */
/* LEDGER: RFC1191-3 */
static void
test_path_mtu__grows_again(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = peer_reno});
    p.wnd = 65535;
    la_handle conn = peer_passive(&p, &peer_plain);
    la_seq base = p.rcv_nxt;
    peer_user_send(&p, conn, 20000);
    peer_forget(&p);
    assert_int_equal(told_of(conn, base, 1300, 0), 1260);
    p.rcv_nxt = base;
    uint32_t sent = 20000;
    la_instant told_at = p.now;
    while (peer_status(&p, conn).mss_send == 1260) {
        const struct peer_seg *seg;
        la_seq acked = p.rcv_nxt;
        while ((seg = peer_take(&p)) != NULL)
            acked = la_seq_max(acked, la_seq_add(seg->tcp.seq, seg->tcp.text_bytes));
        p.rcv_nxt = acked;
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        peer_user_send(&p, conn, 20000); /* it is never idle */
        sent += 20000;
        peer_run_us(&p, LA_US_PER_S / 10);
        assert_true(sent < 20000 * 8000);
    }
    assert_int_equal(peer_status(&p, conn).mss_send, 1460);
    assert_in_range(la_instant_diff_us(p.now, told_at), 600 * LA_US_PER_S, 610 * LA_US_PER_S);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_mtu__segments_become_smaller),
        cmocka_unit_test(test_path_mtu__what_is_believed),
        cmocka_unit_test(test_path_mtu__ipv6),
        cmocka_unit_test(test_path_mtu__is_remembered),
        cmocka_unit_test(test_path_mtu__lies_are_not_remembered),
        cmocka_unit_test(test_path_mtu__memory_is_bounded),
        cmocka_unit_test(test_path_mtu__black_hole),
        cmocka_unit_test(test_path_mtu__outage),
        cmocka_unit_test(test_path_mtu__probing_may_be_off),
        cmocka_unit_test(test_path_mtu__grows_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
