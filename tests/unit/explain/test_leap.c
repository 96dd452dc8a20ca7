/* SPDX-License-Identifier: MIT
 *
 * test_leap.c - captures that lost more than two windows, servers that take their time, large
 * packets that never arrive
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tap.h"

#define ACK LA_TCP_ACK
#define FIN (LA_TCP_FIN | LA_TCP_ACK)
enum { N = 1000, FAR = 300000000 };

static struct tap tap;

static int
open_tap(void **state)
{
    (void)state;
    tap_open(&tap, NULL, 0);
    tap_handshake(&tap);
    return 0;
}

static int
close_tap(void **state)
{
    (void)state;
    tap_close(&tap);
    return 0;
}

/* Both ends stand at numbers far from all before: the capture lost what lies between, and FINs are
 * understood. */
static void
test_leap__both_ends(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = N},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1 + N, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = FAR, .ack = 1, .text_n = N},
              {.from = C, .flags = ACK, .seq = FAR + N, .ack = 1, .text_n = N},
              {.from = S, .flags = ACK, .seq = 1, .ack = FAR + 2 * N, .after_ms = 10},
              {.from = C, .flags = FIN, .seq = FAR + 2 * N, .ack = 1},
              {.from = S, .flags = FIN, .seq = 1, .ack = FAR + 2 * N + 1, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = FAR + 2 * N + 1, .ack = 2});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_THREE_SEGMENT);
    assert_int_equal(conn.close.by, LA_WHO_CLIENT);
    assert_int_equal(conn.direction[C].bytes_unique, 3 * N);
    assert_int_equal(conn.direction[C].bytes_missing, FAR - 1 - N);
    assert_int_equal(conn.direction[C].segments, 7);
    assert_int_equal(conn.direction[C].retransmissions.total, 0);
}

/* An acknowledgement comes first, and a FIN is what it leads to. */
static void
test_leap__fin(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = N},
              {.from = S, .flags = ACK, .seq = 1, .ack = FAR, .after_ms = 10},
              {.from = C, .flags = FIN, .seq = FAR, .ack = 1, .text_n = N},
              {.from = S, .flags = FIN, .seq = 1, .ack = FAR + N + 1, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = FAR + N + 1, .ack = 2});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_THREE_SEGMENT);
    assert_int_equal(conn.direction[C].bytes_unique, 2 * N);
    assert_int_equal(conn.direction[C].bytes_missing, FAR - 1 - N);
}

/* What only one end says, and the other does not follow, was forged or is old. */
static void
test_leap__not_followed(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = FAR, .ack = 1, .text_n = N},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1},
              {.from = C, .flags = ACK, .seq = FAR + N, .ack = 1, .text_n = N},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = N},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1 + N, .after_ms = 10});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.direction[C].bytes_unique, N);
    assert_int_equal(conn.direction[C].bytes_missing, 0);
}

/* Two hosts answer: the client goes on with the second one, whose number is behind the first one's.
 */
static void
test_leap__second_syn_ack(void **state)
{
    (void)state;
    const uint16_t both = LA_TCP_SYN | ACK;
    const uint32_t other = (uint32_t)-800000000;
    TAP_LINES(&tap, {.from = S, .flags = both, .seq = 5000, .ack = 1},
              {.from = S, .flags = both, .seq = other, .ack = 1},
              {.from = C, .flags = ACK, .seq = 1, .ack = other + 1, .text_n = N},
              {.from = S, .flags = ACK, .seq = other + 1, .ack = 1 + N, .text_n = N},
              {.from = C, .flags = FIN, .seq = 1 + N, .ack = other + 1 + N},
              {.from = S, .flags = FIN, .seq = other + 1 + N, .ack = 2 + N, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 2 + N, .ack = other + 2 + N});
    struct la_explain_conn conn = tap_result(&tap);
    assert_non_null(tap_finding(&conn, LA_FINDING_SYN_ACK_OTHER));
    assert_int_equal(conn.close.kind, LA_CLOSE_THREE_SEGMENT);
    assert_int_equal(conn.direction[S].bytes_unique, N);
    assert_int_equal(conn.direction[S].bytes_missing, 0);
}

/* The path takes 10 ms, the server 3 s. */
static void
test_turns__slow_server(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = N},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1 + N, .after_ms = 10},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1 + N, .text_n = N, .after_ms = 3000},
              {.from = C, .flags = ACK, .seq = 1 + N, .ack = 1 + N});
    struct la_explain_conn conn = tap_result(&tap);
    const struct la_explain_finding *f = tap_finding(&conn, LA_FINDING_SLOW_ANSWER);
    assert_non_null(f);
    assert_int_equal(f->who, LA_WHO_SERVER);
    assert_in_range(f->values[0], 2990000, 3010000);
}

/* The client asked again: the time until then was the network's. Nor is a pause of the client's. */
static void
test_turns__not_the_server(void **state)
{
    (void)state;
    TAP_LINES(
        &tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = N},
        {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = N, .after_ms = 3000},
        {.from = S, .flags = ACK, .seq = 1, .ack = 1 + N, .text_n = N, .after_ms = 12},
        {.from = C, .flags = ACK, .seq = 1 + N, .ack = 1 + N},
        {.from = C, .flags = ACK, .seq = 1 + N, .ack = 1 + N, .text_n = N, .after_ms = 9000},
        {.from = S, .flags = ACK, .seq = 1 + N, .ack = 1 + 2 * N, .text_n = N, .after_ms = 12},
        {.from = C, .flags = ACK, .seq = 1 + 2 * N, .ack = 1 + 2 * N});
    struct la_explain_conn conn = tap_result(&tap);
    assert_null(tap_finding(&conn, LA_FINDING_SLOW_ANSWER));
}

/* A small request is answered by large segments, which never arrive. */
static void
large(uint32_t seq, uint32_t after_ms)
{
    tap_send(
        &tap,
        &(struct line){
            .from = S, .flags = ACK, .seq = seq, .ack = 101, .text_n = 1460, .after_ms = after_ms});
}

static void
test_black_hole__before_it(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100});
    large(1, 10);
    large(1461, 1);
    for (unsigned k = 0; k < 3; k++)
        large(1, 300u << k);
    TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 101, .ack = 1, .after_ms = 500});
    struct la_explain_conn conn = tap_result(&tap);
    assert_non_null(tap_finding(&conn, LA_FINDING_MTU_BLACK_HOLE));
}

/* As large a segment has arrived before: the path carries that. */
static void
test_black_hole__is_none(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100});
    large(1, 10);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 101, .ack = 1461});
    large(1461, 1);
    for (unsigned k = 0; k < 3; k++)
        large(1461, 300u << k);
    TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 101, .ack = 1461, .after_ms = 500});
    struct la_explain_conn conn = tap_result(&tap);
    assert_null(tap_finding(&conn, LA_FINDING_MTU_BLACK_HOLE));
}

/* Behind the router a hole is seen, and the small end of the answer behind it. */
static void
test_black_hole__behind_it(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 2921, .ack = 101, .text_n = 300, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 101, .ack = 1},
              {.from = C, .flags = FIN, .seq = 101, .ack = 1, .after_ms = 10000});
    struct la_explain_conn conn = tap_result(&tap);
    const struct la_explain_finding *f = tap_finding(&conn, LA_FINDING_HOLE_STAYED);
    assert_non_null(f);
    assert_int_equal(f->values[0], 2920);
    assert_int_equal(f->values[2], 300);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tap, close_tap)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_leap__both_ends),       TEST(test_leap__fin),
        TEST(test_leap__not_followed),    TEST(test_leap__second_syn_ack),
        TEST(test_turns__slow_server),    TEST(test_turns__not_the_server),
        TEST(test_black_hole__before_it), TEST(test_black_hole__is_none),
        TEST(test_black_hole__behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
