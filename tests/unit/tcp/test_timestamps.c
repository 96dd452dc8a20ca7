/* SPDX-License-Identifier: MIT
 *
 * test_timestamps.c - PAWS, what is echoed, TIME-WAIT that gives way
 *
 * Read first: RFC 7323 3.2, 4.3, 5; RFC 6191 2; RFC 9293 3.6.1 (MAY-2).
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
static const struct peer_options stamped = {.mss = 1460, .wscale = 7, .timestamps = true};

static void
end(la_handle conn)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

/* LEDGER: RFC7323-22 */
static void
test_timestamps__old_duplicates_are_dropped(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &stamped); /* the peer's clock wraps soon */
    p.ts_val += 20;
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    peer_run_us(&p, 50000);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.ts_ecr, p.ts_val);
    struct la_tcp_seg old = peer_usual(&p, LA_TCP_ACK);
    old.ts_val = p.ts_val - 1;
    peer_say(&p, &old, NULL, 10);
    assert_int_equal(p.reason, LA_REASON_PAWS);
    assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt)); /* R1 */
    peer_user_read(&p, conn, 10);
    /* A RST is never judged by its timestamp (5.2). */
    old.flags = LA_TCP_RST;
    peer_say(&p, &old, NULL, 0);
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_CONNECTION_RESET);
    end(conn);
}

/* RFC 7323 3.2: a RST should carry timestamps, once they are agreed; an abort has one too. */
/* LEDGER: RFC7323-14 */
static void
test_timestamps__of_an_abort(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &stamped);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    const struct peer_seg *rst = peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
    assert_true((rst->tcp.has & LA_TCP_HAS_TIMESTAMPS) != 0);
    assert_int_equal(rst->tcp.ts_ecr, p.ts_val);
    peer_free(&p);
    peer_new(&p, &plain);
    conn = peer_passive(&p, &peer_plain);
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    assert_int_equal(peer_expect(&p, LA_TCP_RST | LA_TCP_ACK)->tcp.has, 0);
    peer_free(&p);
}

/* LEDGER: RFC7323-15, RFC7323-16 */
static void
test_timestamps__missing(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &stamped);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    seg.has = 0; /* 3.2: dropped in silence */
    peer_say(&p, &seg, NULL, 10);
    assert_int_equal(p.reason, LA_REASON_TIMESTAMP_MISSING);
    peer_run_us(&p, 100000);
    peer_expect_none(&p);
    assert_int_equal(peer_status(&p, conn).bytes_received, 0);
    seg.flags = LA_TCP_RST; /* but a RST counts */
    peer_say(&p, &seg, NULL, 0);
    assert_int_equal(peer_status(&p, conn).err, LA_ERR_CONNECTION_RESET);
    end(conn);
}

/* 5.3 R1 holds for a SYN as well: an old one does not take SYN-RECEIVED back to LISTEN. */
static void
test_timestamps__old_syn_in_syn_received(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    peer_listen(&p, 4);
    peer_say_syn(&p, LA_TCP_SYN, &stamped);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    struct la_tcp_seg old = peer_usual(&p, LA_TCP_SYN);
    old.has |= LA_TCP_HAS_TIMESTAMPS;
    old.ts_val = p.ts_val - 1;
    old.seq = la_seq_of(p.iss + 1);
    peer_say(&p, &old, NULL, 0);
    assert_int_equal(p.reason, LA_REASON_PAWS);
    assert_int_equal(peer_state(&p), LA_TCP_SYN_RECEIVED);
    peer_expect(&p, LA_TCP_ACK);
    peer_free(&p);
}

/* RFC 5961 4.2: a peer that has rebooted, and uses timestamps no more, has to hear of the old
 * connection, or its SYNs would be answered by nobody until that is given up. */
static void
test_timestamps__missing_in_a_syn(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &stamped);
    struct la_tcp_seg syn = peer_usual(&p, LA_TCP_SYN);
    syn.has = LA_TCP_HAS_MSS;
    syn.mss = 1460;
    static const uint32_t offs[] = {0, 100, UINT32_C(1) << 30, UINT32_C(3) << 30};
    for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
        syn.seq = la_seq_add(p.snd_nxt, offs[i]);
        peer_run_us(&p, LA_US_PER_S); /* challenge ACKs are limited */
        peer_say(&p, &syn, NULL, 0);
        assert_true(la_seq_eq(peer_expect(&p, LA_TCP_ACK)->tcp.ack, p.snd_nxt));
        assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
    }
    end(conn);
}

/* 4.3: with a delayed ACK the earliest of the segments that it covers; after a gap the one that was
 * last in order. */
/* LEDGER: RFC7323-18, RFC7323-21, RFC7323-25 */
static void
test_timestamps__what_is_echoed(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &stamped);
    p.ts_val = 100;
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    p.ts_val = 101;
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    peer_run_us(&p, 50000);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.ts_ecr, 100);
    p.ts_val = 110;
    struct la_tcp_seg early = peer_usual(&p, LA_TCP_ACK);
    early.seq = la_seq_add(early.seq, 10);
    peer_say(&p, &early, NULL, 10);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.ts_ecr, 100);
    p.ts_val = 120;
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.ts_ecr, 120);
    p.snd_nxt = la_seq_add(p.snd_nxt, 10);
    end(conn);
}

/* RFC 5961 5: whoever guesses a sequence number, but no acknowledgement, cannot make the peer's own
 * segments look old. */
/* LEDGER: RFC7323-24 */
static void
test_timestamps__forged_ones_count_for_nothing(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &stamped);
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    struct la_tcp_seg usual = peer_usual(&p, LA_TCP_ACK);
    struct la_tcp_seg forged[] = {usual, usual, usual, usual, usual};
    forged[0].ack = la_seq_add(usual.ack, 1); /* of what was not sent */
    forged[1].ack = la_seq_sub(usual.ack, 1u << 30);
    forged[2].flags = LA_TCP_SYN | LA_TCP_ACK;
    forged[3].flags = LA_TCP_PSH; /* no acknowledgement at all */
    forged[4].flags = LA_TCP_RST; /* in the window by its last octet alone */
    forged[4].seq = la_seq_sub(usual.seq, 1);
    for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
        forged[i].ts_val = p.ts_val + (1u << 30);
        peer_say(&p, &forged[i], NULL, 2);
        peer_forget(&p);
        p.ts_val++;
        peer_send(&p, LA_TCP_ACK, NULL, 10);
        assert_int_equal(p.reason, LA_REASON_NONE);
        peer_run_us(&p, 50000);
        assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.ts_ecr, p.ts_val);
        for (size_t next = i + 1; next < sizeof(forged) / sizeof(forged[0]); next++)
            forged[next].seq = la_seq_add(forged[next].seq, 10);
    }
    end(conn);
}

/* 5.5: after 24 days TS.Recent says nothing; the next segment is taken, and its stamp too. */
/* LEDGER: RFC7323-26 */
static void
test_timestamps__recent_grows_old(void **state)
{
    (void)state;
    peer_new(&p, &plain);
    la_handle conn = peer_passive(&p, &stamped);
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    peer_run_us(&p, INT64_C(23) * 86400 * LA_US_PER_S);
    peer_forget(&p);
    p.ts_val -= 1000; /* as if its clock had gone half around and more */
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    assert_int_equal(p.reason, LA_REASON_PAWS);
    p.snd_nxt = la_seq_sub(p.snd_nxt, 10);
    peer_run_us(&p, INT64_C(2) * 86400 * LA_US_PER_S);
    peer_forget(&p);
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    assert_int_equal(p.reason, LA_REASON_NONE);
    peer_run_us(&p, 50000);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.ts_ecr, p.ts_val);
    /* And it protects again. */
    p.ts_val -= 1;
    peer_send(&p, LA_TCP_ACK, NULL, 10);
    assert_int_equal(p.reason, LA_REASON_PAWS);
    end(conn);
}

/* ---- TIME-WAIT gives way ---------------------------------------------------------------- */

/* The stack closes first; `read`: the application takes what the peer had sent. */
static la_handle
to_time_wait(const struct peer_options *options, la_handle *listener)
{
    *listener = peer_listen(&p, 4);
    la_handle conn = peer_connect(&p, *listener, options);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, "last", 4);
    peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(peer_state(&p), LA_TCP_TIME_WAIT);
    return conn;
}

/* A SYN `seq_off` beyond the FIN, with a timestamp `ts_off` newer. True: it was honoured. */
static bool
new_incarnation(const struct peer_options *before, const struct peer_options *after,
                uint32_t seq_off, uint32_t ts_off)
{
    la_handle listener;
    peer_new(&p, &plain);
    la_handle conn = to_time_wait(before, &listener);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    la_seq nxt = p.rcv_nxt;
    p.iss = p.snd_nxt.v + seq_off;
    p.ts_val += ts_off;
    peer_say_syn(&p, LA_TCP_SYN, after);
    const struct peer_seg *answer = peer_take(&p);
    bool honoured = answer != NULL && answer->tcp.flags == (LA_TCP_SYN | LA_TCP_ACK);
    if (honoured) /* MAY-2 (1) */
        assert_true(la_seq_gt(answer->tcp.seq, nxt));
    assert_int_equal(peer_state(&p), honoured ? LA_TCP_SYN_RECEIVED : LA_TCP_TIME_WAIT);
    peer_free(&p);
    return honoured;
}

/* LEDGER: MAY-2, SHLD-4, RFC6191-1, RFC6191-2, RFC6191-3 */
static void
test_timestamps__time_wait_gives_way(void **state)
{
    (void)state;
    /* RFC 6191 2, in its order. */
    assert_true(new_incarnation(&stamped, &stamped, 1, 1));
    assert_true(new_incarnation(&stamped, &stamped, UINT32_MAX - 1000, 1));
    assert_true(new_incarnation(&stamped, &stamped, 1, 0));
    assert_false(new_incarnation(&stamped, &stamped, UINT32_MAX - 1000, 0));
    assert_false(new_incarnation(&stamped, &stamped, 1, UINT32_MAX)); /* an old duplicate */
    assert_true(new_incarnation(&stamped, &peer_plain, 1, 0));
    assert_false(new_incarnation(&stamped, &peer_plain, UINT32_MAX - 1000, 0));
}

/* LEDGER: RFC6191-4, RFC6191-5 */
static void
test_timestamps__time_wait_without_them_gives_way(void **state)
{
    (void)state;
    assert_true(new_incarnation(&peer_plain, &stamped, UINT32_MAX - 1000, 1));
    assert_true(new_incarnation(&peer_plain, &peer_plain, 1, 0));
    assert_false(new_incarnation(&peer_plain, &peer_plain, UINT32_MAX - 1000, 0));
}

/* MAY-2 (1): "its initial sequence number ... larger than the largest sequence number it used on
 * the previous connection incarnation", also after more octets than the ISN's clock has ticks. */
/* LEDGER: MAY-2 */
static void
test_timestamps__new_incarnation_after_many_octets(void **state)
{
    (void)state;
    la_handle listener;
    peer_new(&p, &plain);
    p.wnd = 65535;
    listener = peer_listen(&p, 4);
    la_handle conn = peer_connect(&p, listener, &peer_plain);
    for (unsigned i = 0; i < 40; i++) {
        peer_user_send(&p, conn, 60000);
        while (peer_forget(&p) > 0)
            peer_send(&p, LA_TCP_ACK, NULL, 0);
    }
    assert_int_equal(peer_status(&p, conn).bytes_acked, 40 * 60000);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    peer_expect(&p, LA_TCP_FIN | LA_TCP_ACK);
    peer_send(&p, LA_TCP_ACK | LA_TCP_FIN, NULL, 0);
    peer_expect(&p, LA_TCP_ACK);
    la_seq nxt = p.rcv_nxt;
    p.iss = p.snd_nxt.v + 1;
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    assert_true(la_seq_gt(peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.seq, nxt));
    peer_free(&p);
}

/* The application has not read everything yet: it keeps it. */
static void
test_timestamps__new_incarnation_leaves_unread_octets(void **state)
{
    (void)state;
    la_handle listener;
    peer_new(&p, &plain);
    la_handle conn = to_time_wait(&peer_plain, &listener);
    p.iss = p.snd_nxt.v + 1;
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK);
    peer_user_read(&p, conn, 4);
    uint8_t octet;
    assert_int_equal(la_conn_receive(p.stack, conn, (struct la_room){&octet, 1}, p.now), 0);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    assert_int_equal(peer_state(&p), LA_TCP_SYN_RECEIVED);
    peer_free(&p);
}

/* The clock behind a timestamp is moved for each pair of addresses: it tells nobody how long the
 * host has run. A peer finds one clock, whatever the ports. */
/* LEDGER: RFC7323-28 */
static void
test_timestamps__each_peer_sees_its_own_clock(void **state)
{
    (void)state;
    enum { CONNS_N = 20 };
    uint32_t ts_val[CONNS_N];
    peer_new(&p, &(struct peer_cfg){0});
    (void)peer_listen(&p, CONNS_N);
    for (unsigned i = 0; i < CONNS_N; i++) { /* at one instant */
        p.addr.addr.b[15] = (uint8_t)(2 + i / 2);
        p.addr.port = (uint16_t)(PEER_PORT + i);
        peer_say_syn(
            &p, LA_TCP_SYN,
            &(struct peer_options){.mss = 1460, .wscale = -1, .sack = true, .timestamps = true});
        ts_val[i] = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.ts_val;
        for (unsigned k = 0; k < i; k++) {
            bool far = ts_val[i] - ts_val[k] > 1000 && ts_val[k] - ts_val[i] > 1000;
            assert_int_equal(far, i / 2 != k / 2);
        }
    }
    peer_forget(&p);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timestamps__old_duplicates_are_dropped),
        cmocka_unit_test(test_timestamps__of_an_abort),
        cmocka_unit_test(test_timestamps__missing),
        cmocka_unit_test(test_timestamps__old_syn_in_syn_received),
        cmocka_unit_test(test_timestamps__missing_in_a_syn),
        cmocka_unit_test(test_timestamps__what_is_echoed),
        cmocka_unit_test(test_timestamps__forged_ones_count_for_nothing),
        cmocka_unit_test(test_timestamps__recent_grows_old),
        cmocka_unit_test(test_timestamps__time_wait_gives_way),
        cmocka_unit_test(test_timestamps__time_wait_without_them_gives_way),
        cmocka_unit_test(test_timestamps__new_incarnation_after_many_octets),
        cmocka_unit_test(test_timestamps__new_incarnation_leaves_unread_octets),
        cmocka_unit_test(test_timestamps__each_peer_sees_its_own_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
