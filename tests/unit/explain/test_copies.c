/* SPDX-License-Identifier: MIT
 *
 * test_copies.c - what a bad network does to segments, told from what their sender does: copies,
 * disorder, damage
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tap.h"

#define ACK LA_TCP_ACK
#define SYN LA_TCP_SYN
#define TS LA_TCP_HAS_TIMESTAMPS
enum { N = 1000 };

static struct tap tap;

static int
open_tap(void **state)
{
    (void)state;
    tap_open(&tap, NULL, 0);
    return 0;
}

static int
close_tap(void **state)
{
    (void)state;
    tap_close(&tap);
    return 0;
}

/* Segment k of the client with that identification. */
static void
text(unsigned k, uint16_t ip_id, uint32_t after_ms)
{
    tap_send(&tap, &(struct line){.from = C,
                                  .flags = ACK,
                                  .seq = 1 + k * N,
                                  .ack = 1,
                                  .text_n = N,
                                  .ip_id = ip_id,
                                  .after_ms = after_ms});
}

static struct la_explain_direction
client_of_result(void)
{
    struct la_explain_conn conn = tap_result(&tap);
    return conn.direction[C];
}

/* Many segments behind the first one, the same packet again, without timestamps. */
static void
test_copies__late(void **state)
{
    (void)state;
    tap_handshake(&tap);
    for (unsigned k = 0; k < 10; k++)
        text(k, (uint16_t)(500 + k), 1);
    text(0, 500, 30);
    text(9, 510, 300);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.network_duplicates, 1);
    assert_int_equal(d.retransmissions.total, 1);
}

/* The copy was forgotten, but text of a later identification has passed since. */
static void
test_copies__outrun(void **state)
{
    (void)state;
    tap_handshake(&tap);
    for (unsigned k = 0; k < 400; k++)
        text(k, (uint16_t)(500 + k), 1);
    for (unsigned k = 0; k < 50; k++)
        text(k, (uint16_t)(500 + k), 1);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.network_duplicates, 50);
    assert_int_equal(d.retransmissions.total, 0);
}

/* The same by timestamps (RFC 7323 3); a later one was sent later. */
static void
test_copies__by_timestamp(void **state)
{
    (void)state;
    const struct line one = {
        .from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = N, .has = TS, .ts_val = 100};
    struct line line = one;
    TAP_LINES(&tap, {.from = C, .flags = SYN, .has = TS, .ts_val = 90},
              {.from = S, .flags = SYN | ACK, .ack = 1, .has = TS, .ts_val = 7, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .has = TS, .ts_val = 100});
    tap_send(&tap, &one);
    line.seq += N;
    line.ts_val = 101;
    tap_send(&tap, &line);
    line = one;
    line.after_ms = 2;
    tap_send(&tap, &line); /* another identification, and older */
    line.ts_val = 400;
    line.after_ms = 300;
    tap_send(&tap, &line);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.network_duplicates, 1);
    assert_int_equal(d.retransmissions.total, 1);
}

/* RFC 6298 2.1: nobody sends a SYN again within milliseconds. */
static void
test_copies__syn(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN, .ip_id = 9},
              {.from = C, .flags = SYN, .ip_id = 9, .after_ms = 4});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.open.syn[C].n, 1);
    assert_int_equal(conn.direction[C].retransmissions.syn, 0);
}

/* RFC 9293 3.5.1 figure 10: the old connection answers, is reset, and the SYN goes again at once.
 */
static void
test_copies__syn_behind_reset(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN, .no_id = true},
              {.from = S, .flags = ACK, .seq = 70000, .ack = (uint32_t)-100, .no_id = true},
              {.from = C, .flags = LA_TCP_RST, .seq = (uint32_t)-100, .no_id = true},
              {.from = C, .flags = SYN, .no_id = true, .after_ms = 8},
              {.from = S, .flags = SYN | ACK, .ack = 1, .no_id = true});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.open.syn[C].n, 2);
    assert_int_equal(conn.direction[C].retransmissions.syn, 1);
    assert_int_equal(conn.direction[C].network_duplicates, 0);
}

/* RFC 9293 3.10.7.4 fourth: each SYN that comes is answered. */
static void
test_copies__syn_ack_of_each_syn(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN},
              {.from = S, .flags = SYN | ACK, .ack = 1, .no_id = true},
              {.from = S, .flags = SYN | ACK, .ack = 1, .no_id = true, .after_ms = 1000},
              {.from = C, .flags = SYN, .after_ms = 2},
              {.from = S, .flags = SYN | ACK, .ack = 1, .no_id = true});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.direction[S].retransmissions.syn, 2);
}

/* The network doubled the SYN: the answer to the copy is one that the server sent. Where the
 * capture doubles, both copies follow at once, and as fast. */
static void
test_copies__syn_ack_of_a_doubled_syn(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN, .ip_id = 7},
              {.from = S, .flags = SYN | ACK, .ack = 1, .no_id = true},
              {.from = C, .flags = SYN, .ip_id = 7, .after_ms = 2},
              {.from = S, .flags = SYN | ACK, .ack = 1, .no_id = true},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1});
    for (unsigned k = 0; k < 5; k++)
        text(k, (uint16_t)(500 + k), 1);
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.direction[S].retransmissions.syn, 1);
    assert_int_equal(conn.open.syn[S].n, 2);
    tap_close(&tap);
    tap_open(&tap, NULL, 0);
    TAP_LINES(&tap, {.from = C, .flags = SYN, .ip_id = 7}, {.from = C, .flags = SYN, .ip_id = 7},
              {.from = S, .flags = SYN | ACK, .ack = 1, .no_id = true},
              {.from = S, .flags = SYN | ACK, .ack = 1, .no_id = true});
    conn = tap_result(&tap);
    assert_int_equal(conn.direction[S].retransmissions.syn, 0);
    assert_int_equal(conn.direction[S].capture_duplicates, 1);
}

/* A mirror of packets without identification: a burst, and the same burst. ACKs of which several
 * say the same are no copies, so that text decides whose doing it is. */
static void
test_copies__mirrored_burst(void **state)
{
    (void)state;
    enum { BURST_N = 6, ACKS_N = 40 };
    tap_handshake(&tap);
    for (unsigned i = 0; i < 2 * BURST_N; i++)
        tap_send(&tap, &(struct line){.from = C,
                                      .flags = ACK,
                                      .seq = 1 + i % BURST_N * N,
                                      .ack = 1,
                                      .text_n = N,
                                      .no_id = true});
    for (unsigned i = 0; i < ACKS_N; i++)
        TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1 + N, .no_id = true});
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.retransmissions.total, 0);
    assert_int_equal(d.capture_duplicates, BURST_N);
    assert_int_equal(d.network_duplicates, 0);
}

/* A mirror of one port: all that the client sends is there twice, which is less than a quarter of
 * the capture. */
static void
test_copies__mirrored_direction(void **state)
{
    (void)state;
    enum { TEXTS_N = 20 };
    tap_handshake(&tap);
    for (unsigned i = 0; i < 4 * TEXTS_N; i++) {
        if (i < TEXTS_N)
            text(i, (uint16_t)(100 + i), 1);
        if (i < TEXTS_N)
            text(i, (uint16_t)(100 + i), 1);
        tap_send(&tap, &(struct line){.from = S,
                                      .flags = ACK,
                                      .seq = 1 + i * N,
                                      .ack = 1 + (i < TEXTS_N ? i + 1 : TEXTS_N) * N,
                                      .text_n = N});
    }
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.capture_duplicates, TEXTS_N);
    assert_int_equal(d.network_duplicates, 0);
    struct la_explain_file file;
    la_explain_file_get(tap.explain, &file);
    bool told = false;
    for (size_t i = 0; i < file.findings_n; i++)
        told |= file.findings[i].id == LA_FINDING_CAPTURE_TWICE;
    assert_true(told);
}

/* Few copies of text among many ACKs are the network's; from four on, a quarter of all text that is
 * there twice shows a mirror (heuristic). */
static void
test_copies__few_of_text(void **state)
{
    (void)state;
    enum { TEXTS_N = 8, ACKS_N = 40, MIRRORED_N = 4 };
    for (unsigned copies_n = MIRRORED_N - 1; copies_n <= MIRRORED_N; copies_n++) {
        tap_handshake(&tap);
        for (unsigned k = 0; k < TEXTS_N; k++) {
            text(k, (uint16_t)(500 + k), 1);
            if (k < copies_n)
                text(k, (uint16_t)(500 + k), 1);
        }
        for (unsigned i = 0; i < ACKS_N; i++)
            TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1 + N, .no_id = true});
        struct la_explain_direction d = client_of_result();
        assert_int_equal(d.capture_duplicates, copies_n == MIRRORED_N ? MIRRORED_N : 0);
        assert_int_equal(d.network_duplicates, copies_n == MIRRORED_N ? 0 : copies_n);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* An ACK that overtakes text leaves a hole; what fills it was sent before. */
static void
test_disorder__behind_an_ack(void **state)
{
    (void)state;
    tap_handshake(&tap);
    text(0, 500, 1);
    text(1, 501, 1);
    text(2, 502, 1);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1 + 5 * N, .ack = 1, .ip_id = 505});
    text(3, 503, 40);
    text(4, 504, 40);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.reordered, 2);
    assert_int_equal(d.retransmissions.total, 0);
}

/* By the identification, whatever the time says: one was sent before, one again. */
static void
test_disorder__by_identification(void **state)
{
    (void)state;
    tap_handshake(&tap);
    text(0, 500, 1);
    text(1, 501, 1);
    text(2, 502, 1);
    text(5, 505, 1);
    text(3, 503, 90);
    text(4, 506, 1);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.reordered, 1);
    assert_int_equal(d.retransmissions.total, 1);
}

/* Identifications that are no order say nothing. */
static void
test_disorder__random_identification(void **state)
{
    (void)state;
    tap_handshake(&tap);
    text(0, 40000, 1);
    text(1, 501, 1);
    text(2, 30000, 1);
    text(5, 20000, 1);
    text(3, 10000, 90);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.reordered, 0);
    assert_int_equal(d.retransmissions.total, 1);
}

/* A damaged segment teaches nothing, where checksums are right otherwise; what was in it comes
 * again. */
static void
test_damage__is_not_believed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        TAP_LINES(&tap, {.from = C, .flags = SYN, .sum = true},
                  {.from = S, .flags = SYN | ACK, .ack = 1, .sum = true, .after_ms = 10},
                  {.from = C, .flags = ACK, .seq = 1, .ack = 1, .sum = true},
                  {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = N, .sum = true},
                  {.from = C, .flags = LA_TCP_FIN | ACK, .seq = 5001, .ack = 1, .damaged = i == 0},
                  {.from = C, .flags = ACK, .seq = 1001, .ack = 1, .text_n = N, .sum = true},
                  {.from = S, .flags = ACK, .seq = 1, .ack = 2001, .sum = true, .after_ms = 10});
        struct la_explain_conn conn = tap_result(&tap);
        assert_string_equal(tap_states(&conn, C),
                            i == 0 ? "SYN-SENT ESTABLISHED" : "SYN-SENT ESTABLISHED FIN-WAIT-1");
        assert_int_equal(conn.direction[C].bytes_missing, 0);
        const struct la_explain_finding *found = tap_finding(&conn, LA_FINDING_CHECKSUM_WRONG);
        assert_int_equal(found != NULL, i == 0);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* Of one tick (RFC 7323 4.3): what echoes something older was sent earlier, however late it comes;
 * so was what echoes nothing of what its receiver has sent since. */
static void
test_order__by_echo(void **state)
{
    (void)state;
    static const struct {
        uint32_t ts_ecr;
        uint64_t reordered, total;
    } cases[] = {{50, 1, 0}, {51, 1, 0}, {52, 0, 1}, {60, 0, 1}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint32_t ack = 52; /* the receiver's clock when the hole is seen */
        TAP_LINES(
            &tap, {.from = C, .flags = SYN, .has = TS, .ts_val = 90},
            {.from = S,
             .flags = SYN | ACK,
             .ack = 1,
             .has = TS,
             .ts_val = ack,
             .ts_ecr = 90,
             .after_ms = 10},
            {.from = C, .flags = ACK, .seq = 1, .ack = 1, .has = TS, .ts_val = 100, .ts_ecr = 51},
            {.from = C,
             .flags = ACK,
             .seq = 101,
             .ack = 1,
             .text_n = 100,
             .has = TS,
             .ts_val = 100,
             .ts_ecr = 51,
             .no_id = true},
            {.from = C,
             .flags = ACK,
             .seq = 1,
             .ack = 1,
             .text_n = 100,
             .has = TS,
             .ts_val = 100,
             .ts_ecr = cases[i].ts_ecr,
             .no_id = true,
             .after_ms = 30});
        struct la_explain_conn conn = tap_result(&tap);
        const struct la_explain_direction *d = &conn.direction[C];
        assert_int_equal(d->reordered, cases[i].reordered);
        assert_int_equal(d->retransmissions.total, cases[i].total);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* A network that doubles one packet in five may double three of eight: that is no mirror, and the
 * answer to the doubled SYN is one that the server sent. */
static void
test_copies__by_chance(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN, .ip_id = 7},
              {.from = C, .flags = SYN, .ip_id = 7, .after_ms = 2},
              {.from = S, .flags = SYN | ACK, .ack = 1, .no_id = true},
              {.from = S, .flags = SYN | ACK, .ack = 1, .no_id = true},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .ip_id = 8},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .ip_id = 8},
              {.from = C, .flags = LA_TCP_FIN | ACK, .seq = 1, .ack = 1, .ip_id = 9},
              {.from = S, .flags = LA_TCP_FIN | ACK, .seq = 1, .ack = 2, .ip_id = 3},
              {.from = C, .flags = ACK, .seq = 2, .ack = 2, .ip_id = 10},
              {.from = S, .flags = ACK, .seq = 2, .ack = 2, .ip_id = 4});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.direction[S].retransmissions.syn, 1);
    assert_int_equal(conn.direction[C].capture_duplicates, 0);
    assert_int_equal(conn.direction[C].network_duplicates, 2);
}

/* The host that captures leaves its checksums to a device, which leaves anything there: its
 * segments count, and nothing is said of damage. Of a source whose checksums are right otherwise, a
 * wrong one was damaged. */
static void
test_sums__of_one_source(void **state)
{
    (void)state;
    enum { CONNS_N = 40, FIRST_N = 8 };
    struct la_explain_conn conn;
    struct la_explain_file file;
    tap.sums = true;
    for (unsigned k = 0; k < CONNS_N; k++) {
        tap.port = (uint16_t)(5000 + k);
        TAP_LINES(&tap, {.from = C, .flags = SYN, .damaged = true},
                  {.from = S, .flags = SYN | ACK, .ack = 1, .after_ms = 10},
                  {.from = C, .flags = ACK, .seq = 1, .ack = 1, .damaged = true},
                  {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
                  {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100, .after_ms = 300},
                  {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100, .after_ms = 600},
                  {.from = S, .flags = LA_TCP_FIN | ACK, .seq = 101, .ack = 1},
                  {.from = C, .flags = LA_TCP_FIN | ACK, .seq = 1, .ack = 102, .damaged = true},
                  {.from = S,
                   .flags = LA_TCP_FIN | ACK,
                   .seq = 101,
                   .ack = 1,
                   .damaged = k == CONNS_N - 1},
                  {.from = S, .flags = ACK, .seq = 102, .ack = 2, .after_ms = 10});
    }
    la_explain_finish(tap.explain);
    for (unsigned k = 0; k < CONNS_N; k++) {
        assert_true(la_explain_next(tap.explain, &conn));
        if (k < FIRST_N)
            continue; /* Nothing is known of the source so far. */
        assert_int_equal(conn.open.kind, LA_OPEN_THREE_WAY);
        assert_int_equal(conn.open.syn[C].n, 1);
        assert_int_equal(conn.close.kind, LA_CLOSE_THREE_SEGMENT);
        const struct la_explain_finding *found = tap_finding(&conn, LA_FINDING_CHECKSUM_WRONG);
        assert_int_equal(found != NULL, k == CONNS_N - 1);
        assert_true(found == NULL || (found->who == LA_WHO_SERVER && found->n == 1));
    }
    la_explain_file_get(tap.explain, &file);
    assert_true(file.changed_checksums > CONNS_N);
}

/* Captured on both sides of a router, and merged: its segments have two TTLs, and a RST that passed
 * one of the places alone is no forgery. A third TTL is. */
static void
test_copies__two_ttls(void **state)
{
    (void)state;
    for (uint8_t forged = 0; forged < 2; forged++) {
        const uint8_t here = tap.ttl_hops[S], there = (uint8_t)(here - 5);
        tap_handshake(&tap);
        for (unsigned k = 0; k < 2; k++) {
            tap.ttl_hops[S] = k == 0 ? here : there;
            TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 9, .ip_id = 7});
        }
        TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 10});
        tap.ttl_hops[S] = (uint8_t)(there - forged);
        TAP_LINES(&tap,
                  {.from = S, .flags = LA_TCP_RST | ACK, .seq = 10, .ack = 1, .after_ms = 20});
        struct la_explain_conn conn = tap_result(&tap);
        assert_int_equal(conn.close.reset.cause == LA_RESET_INJECTED, forged == 1);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_tap, close_tap)
    const struct CMUnitTest tests[] = {
        TEST(test_order__by_echo),
        TEST(test_copies__late),
        TEST(test_copies__outrun),
        TEST(test_copies__by_timestamp),
        TEST(test_copies__syn),
        TEST(test_copies__syn_behind_reset),
        TEST(test_copies__syn_ack_of_each_syn),
        TEST(test_copies__syn_ack_of_a_doubled_syn),
        TEST(test_copies__by_chance),
        TEST(test_copies__two_ttls),
        TEST(test_sums__of_one_source),
        TEST(test_copies__mirrored_burst),
        TEST(test_copies__mirrored_direction),
        TEST(test_copies__few_of_text),
        TEST(test_disorder__behind_an_ack),
        TEST(test_disorder__by_identification),
        TEST(test_disorder__random_identification),
        TEST(test_damage__is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
