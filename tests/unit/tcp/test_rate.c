/* SPDX-License-Identifier: MIT
 *
 * test_rate.c - delivery rate samples in numbers
 *
 * Read first: draft-ietf-ccwg-bbr-06 4.1. Segments of 1000 octets; numbers are worked out by hand
 * from 4.1.2.2 and 4.1.2.3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lastack/host.h>
#include "base/mem.h"
#include "base/time.h"
#include "tcp/rate.h"
#include "tcp/sack.h"

enum { SEGMENT = 1000 };

static struct la_mem *mem;
static struct la_tcp_conn c;
static struct la_tcp_busy busy;
static struct la_cc_rate rs;

static la_instant
ms(int64_t n)
{
    return la_instant_of_ns((1000 + n) * LA_NS_PER_MS);
}

static la_seq
seq(uint32_t segments)
{
    return la_seq_of(UINT32_C(0xfffff000) + segments * SEGMENT); /* numbers wrap on the way */
}

static int
setup(void **state)
{
    (void)state;
    mem = la_mem_new(la_host_alloc(), 0);
    memset(&c, 0, sizeof(c));
    memset(&busy, 0, sizeof(busy));
    c.smss = SEGMENT;
    c.flags = LA_TCP_F_SACK | LA_TCP_F_RACK | LA_TCP_F_SYN_ACKED;
    c.snd_una = c.snd_nxt = seq(0);
    c.cwnd_bytes = 100 * SEGMENT;
    busy.phase = LA_CC_BBR_STARTUP;
    busy.rate.on = true;
    return mem == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    la_tcp_scoreboard_fini(&busy.board, mem);
    la_mem_unref(mem);
    return 0;
}

/* Segments [from, to), from SND.NXT on. */
static void
send(uint32_t from, uint32_t to, int64_t at_ms)
{
    la_tcp_scoreboard_sent(&busy.board, mem, seq(from), seq(to), ms(at_ms));
    c.snd_nxt = seq(to);
    busy.sndq.len = la_tcp_flight(&c); /* nothing is left that was not sent */
    la_tcp_rate_sent(&c, &busy, (struct la_range){seq(from), seq(to)}, ms(at_ms));
}

static void
send_again(uint32_t from, uint32_t to, int64_t at_ms)
{
    (void)la_tcp_scoreboard_resent(&busy.board, mem, seq(from), seq(to), ms(at_ms));
    la_tcp_rate_sent(&c, &busy, (struct la_range){seq(from), seq(to)}, ms(at_ms));
}

static void
acked(uint32_t to)
{
    la_instant sent_at;
    la_tcp_rate_delivered(&busy, (struct la_range){c.snd_una, seq(to)});
    la_tcp_scoreboard_acked(&busy.board, seq(to), &sent_at);
    c.snd_una = seq(to);
    busy.sndq.len = la_tcp_flight(&c);
}

static bool
sample(int64_t at_ms)
{
    rs = (struct la_cc_rate){0};
    return la_tcp_rate_sample(&busy, 1000, ms(at_ms), &rs);
}

/* A pipe of ten segments that moves by one each millisecond: 1 MB/s. */
static void
test_rate__steady(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        send(i, i + 1, i);
    acked(1);
    assert_true(sample(10));
    assert_int_equal(rs.delivered_bytes, SEGMENT);
    assert_int_equal(rs.rtt_us, 10000);
    assert_int_equal(rs.rate,
                     100000); /* what one round trip brings, of which nine parts are idle */
    assert_int_equal(rs.flight_bytes, SEGMENT);
    for (uint32_t i = 1; i < 40; i++) {
        send(9 + i, 10 + i, 9 + i);
        assert_int_equal(busy.rate.delivered, i * SEGMENT);
        acked(i + 1);
        assert_true(sample(10 + i));
        if (i < 10)
            assert_true(rs.rate < 1000000);
        else
            assert_int_equal(rs.rate, 1000000);
    }
    assert_int_equal(rs.delivered_bytes, 10 * SEGMENT);
    assert_int_equal(rs.flight_bytes, 10 * SEGMENT);
    assert_int_equal(rs.lost_bytes, 0);
}

/* 4.1.1.2.2: acknowledgements that come all at once tell of the rate at which it was sent. */
static void
test_rate__compressed(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 101; i++)
        send(i, i + 1, i);
    acked(51);
    (void)sample(100);
    send(101, 102, 101);
    acked(102); /* 51 segments in 5 ms, which had been sent in 51 */
    assert_true(sample(105));
    assert_int_equal(rs.delivered_bytes, 51 * SEGMENT);
    assert_int_equal(rs.rate, 1000000);
}

/* The same for text that was sent all at once: the slope of the acknowledgements counts. */
static void
test_rate__burst(void **state)
{
    (void)state;
    send(0, 20, 0);
    assert_int_equal(busy.board.row.n, 1);
    for (uint32_t i = 1; i <= 20; i++) {
        acked(i);
        assert_true(sample(10 + i));
    }
    assert_int_equal(rs.rate, 20 * SEGMENT * 1000 / 30);
    assert_int_equal(rs.flight_bytes, 20 * SEGMENT);
}

static void
test_rate__too_short(void **state)
{
    (void)state;
    send(0, 1, 0);
    send(1, 2, 0);
    send_again(1, 2, 10);
    acked(2); /* of the original, at once after the repetition was sent */
    rs = (struct la_cc_rate){0};
    assert_true(la_tcp_rate_sample(&busy, 20000, ms(10), &rs));
    assert_int_equal(rs.rtt_us, 0); /* nobody knows whose it is */
    assert_int_equal(rs.rate, 0);   /* shorter than any round trip */
    assert_int_equal(rs.delivered_bytes, 2 * SEGMENT);
}

/* Of what one acknowledgement reports, that which was sent last. */
static void
test_rate__newest(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        send(i, i + 1, i);
    la_tcp_rate_delivered(&busy, (struct la_range){seq(2), seq(4)}); /* SACKed */
    assert_true(sample(22));
    assert_int_equal(rs.rtt_us, 19000);
    assert_int_equal(rs.prior_delivered, 0);
    send_again(0, 1, 23);
    acked(2);
    assert_true(sample(40));
    assert_int_equal(rs.prior_delivered, 2 * SEGMENT); /* when 0 was sent again, later than 1 */
    assert_int_equal(rs.rtt_us, 0);
}

/* What comes late does not make what was sent after it look slow. */
static void
test_rate__reordered(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        send(i, i + 1, i);
    la_tcp_rate_delivered(&busy, (struct la_range){seq(5), seq(6)});
    (void)sample(15);
    assert_int_equal(busy.rate.first_sent_at.ns, ms(5).ns);
    la_tcp_rate_delivered(&busy, (struct la_range){seq(0), seq(1)});
    (void)sample(16);
    assert_int_equal(busy.rate.first_sent_at.ns, ms(5).ns);
}

static void
test_rate__lost(void **state)
{
    (void)state;
    send(0, 4, 0);
    send(4, 5, 1);
    la_tcp_rate_delivered(&busy, (struct la_range){seq(3), seq(4)});
    /* 0 .. 2 of a range of four, which was the first in flight. */
    assert_true(
        la_tcp_rate_lost(&busy, la_tcp_scoreboard_at(&busy.board, 0), seq(3), 3 * SEGMENT, &rs));
    assert_int_equal(rs.lost_bytes, 3 * SEGMENT);
    assert_int_equal(rs.flight_bytes, 3 * SEGMENT);
    assert_int_equal(rs.rate, 0);
    send_again(0, 3, 20);
    la_tcp_rate_delivered(&busy, (struct la_range){seq(4), seq(5)});
    assert_true(sample(20));
    assert_int_equal(rs.lost_bytes, 3 * SEGMENT); /* since it was sent */
    acked(3);
    assert_true(sample(30));
    assert_int_equal(rs.lost_bytes, 0);
    assert_false(la_tcp_rate_lost(&busy, NULL, seq(9), SEGMENT, &rs)); /* no such range */
}

/* 4.1.2.4 */
static void
test_rate__application_limits(void **state)
{
    (void)state;
    la_tcp_rate_look(&c, &busy); /* the first text is about to be queued */
    assert_true(busy.rate.app_limited);
    send(0, 5, 0);
    acked(1);
    assert_true(sample(10));
    assert_true(rs.app_limited);
    assert_false(busy.rate.app_limited); /* the bubble, which is nothing at all, is gone */
    send(5, 6, 11);
    la_tcp_rate_look(&c, &busy); /* again nothing is queued, and the window is open */
    assert_int_equal(busy.rate.app_limited_end, 6 * SEGMENT);
    send(6, 7, 12);
    acked(6);
    assert_true(sample(20));
    assert_false(rs.app_limited);       /* it was sent before it */
    assert_true(busy.rate.app_limited); /* up to what was sent after the bubble */
    acked(7);
    assert_true(sample(21));
    assert_true(rs.app_limited);
    assert_false(busy.rate.app_limited);
    c.cwnd_bytes = 2 * SEGMENT;
    send(7, 9, 22);
    la_tcp_rate_look(&c, &busy); /* the window is used up: it is the limit */
    assert_false(busy.rate.app_limited);
}

static void
test_rate__window_limits(void **state)
{
    (void)state;
    c.cwnd_bytes = 3 * SEGMENT;
    send(0, 2, 0);
    la_tcp_rate_sent_all(&c, &busy);
    assert_false(busy.rate.cwnd_limited);
    send(2, 3, 1);
    la_tcp_rate_sent_all(&c, &busy);
    assert_true(busy.rate.cwnd_limited);
    assert_int_equal(busy.rate.cwnd_limited_end.v, seq(3).v);
}

/* What a timeout makes forget is delivered once more, and counted once. */
static void
test_rate__forgotten(void **state)
{
    (void)state;
    struct la_range room[2];
    la_ranges_init(&busy.board.sacked, room, 2);
    send(0, 5, 0);
    la_tcp_rate_delivered(&busy, (struct la_range){seq(3), seq(5)});
    assert_true(la_ranges_add(&busy.board.sacked, (struct la_range){seq(3), seq(5)}));
    assert_int_equal(busy.rate.delivered, 2 * SEGMENT);
    la_tcp_sack_forget(&busy);
    acked(5);
    assert_int_equal(busy.rate.delivered, 5 * SEGMENT);
    busy.board.sacked = (struct la_ranges){0};
}

static void
test_rate__nobody_asks(void **state)
{
    (void)state;
    busy.rate.on = false;
    send(0, 1, 0);
    send(1, 2, 5);
    static const struct la_tcp_flown zero;
    assert_memory_equal(&la_tcp_scoreboard_at(&busy.board, 1)->flown, &zero, sizeof(zero));
    acked(2);
    assert_false(sample(10));
    assert_false(
        la_tcp_rate_lost(&busy, la_tcp_scoreboard_at(&busy.board, 0), seq(1), SEGMENT, &rs));
    la_tcp_rate_look(&c, &busy);
    la_tcp_rate_sent_all(&c, &busy);
    assert_int_equal(busy.rate.delivered, 0);
    assert_false(busy.rate.app_limited || busy.rate.cwnd_limited);
}

/* RFC 7413 4.2.2: text that goes while the SYN,ACK is on its way is the first that does. */
static void
test_rate__behind_a_syn(void **state)
{
    (void)state;
    c.flags &= ~(uint32_t)LA_TCP_F_SYN_ACKED;
    c.snd_una = la_seq_add(seq(0), UINT32_MAX); /* the SYN */
    send(0, 1, 0);
    c.snd_una = seq(0);
    c.flags |= LA_TCP_F_SYN_ACKED;
    acked(1);
    assert_true(sample(10));
    assert_int_equal(rs.rate, 100000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rate__steady),        TEST(test_rate__compressed),
        TEST(test_rate__burst),         TEST(test_rate__too_short),
        TEST(test_rate__newest),        TEST(test_rate__reordered),
        TEST(test_rate__lost),          TEST(test_rate__application_limits),
        TEST(test_rate__window_limits), TEST(test_rate__forgotten),
        TEST(test_rate__nobody_asks),   TEST(test_rate__behind_a_syn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
