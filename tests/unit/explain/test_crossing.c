/* SPDX-License-Identifier: MIT
 *
 * test_crossing.c - ends that close, give up or begin anew while the other one does: what had come
 * to whom
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tap.h"

#define ACK LA_TCP_ACK
#define SYN LA_TCP_SYN
#define RST LA_TCP_RST
#define FIN (LA_TCP_FIN | LA_TCP_ACK)

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

/* The ACK of the FIN was taken to be lost because that went again, while both were under way: the
 * other end's FIN, which acknowledges it as well, leads to TIME-WAIT all the same (RFC 9293 figure
 * 5). */
static void
test_closing__late_ack_and_fin(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = S, .flags = FIN, .seq = 1, .ack = 1},
              {.from = C, .flags = ACK, .seq = 1, .ack = 2},
              {.from = C, .flags = FIN, .seq = 1, .ack = 2},
              {.from = S, .flags = FIN, .seq = 1, .ack = 1, .after_ms = 400},
              {.from = C, .flags = ACK, .seq = 2, .ack = 2},
              {.from = S, .flags = ACK, .seq = 2, .ack = 2, .after_ms = 300});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, S), "SYN-RECEIVED ESTABLISHED FIN-WAIT-1 TIME-WAIT");
}

/* The client's FIN was lost before the tap, and the ACK behind its number, with which it answers
 * the server's FIN, was not: it had closed before it heard of that. */
static void
test_closing__crossing_fin_lost(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .after_ms = 10},
              {.from = S, .flags = FIN, .seq = 1, .ack = 101},
              {.from = C, .flags = ACK, .seq = 102, .ack = 2, .after_ms = 2},
              {.from = C, .flags = FIN, .seq = 101, .ack = 2, .after_ms = 400},
              {.from = S, .flags = ACK, .seq = 2, .ack = 102});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_SIMULTANEOUS);
    assert_int_equal(conn.close.by, LA_WHO_BOTH);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED FIN-WAIT-1 CLOSING TIME-WAIT");
    assert_string_equal(tap_states(&conn, S),
                        "SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT");
    assert_int_equal(conn.direction[C].retransmissions.total, 1);
}

/* It closed one way, went on to hear, and gave up what lay there: its ACKs show that it was there.
 */
static void
test_reset__after_half_close(void **state)
{
    (void)state;
    for (unsigned heard = 0; heard < 2; heard++) {
        tap_handshake(&tap);
        TAP_LINES(&tap, {.from = S, .flags = FIN, .seq = 1, .ack = 1},
                  {.from = C, .flags = ACK, .seq = 1, .ack = 2},
                  {.from = C, .flags = ACK, .seq = 1, .ack = 2, .text_n = 100});
        if (heard == 1)
            TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 2, .ack = 101, .after_ms = 10});
        TAP_LINES(
            &tap,
            {.from = S, .flags = RST | ACK, .seq = 2, .ack = heard == 1 ? 101 : 1, .after_ms = 10});
        struct la_explain_conn conn = tap_result(&tap);
        if (heard == 1)
            assert_int_not_equal(conn.close.reset.cause, LA_RESET_DATA_AFTER_CLOSE);
        else
            assert_int_equal(conn.close.reset.cause, LA_RESET_DATA_AFTER_CLOSE);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* Its RST is the first of its segments to acknowledge its peer's FIN: that had come. */
static void
test_reset__acknowledges_fin(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .after_ms = 10},
              {.from = C, .flags = FIN, .seq = 101, .ack = 1, .text_n = 50},
              {.from = S, .flags = RST | ACK, .seq = 1, .ack = 152, .after_ms = 10});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, S), "SYN-RECEIVED ESTABLISHED CLOSE-WAIT CLOSED");
}

/* Both gave up: the first RST had not reached the end that had something to give up. */
static void
test_reset__both_gave_up(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = RST | ACK, .seq = 1, .ack = 1, .after_ms = 2000},
              {.from = S, .flags = SYN | ACK, .ack = 1, .after_ms = 5},
              {.from = S, .flags = RST | ACK, .seq = 1, .ack = 1, .after_ms = 500});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, S), "SYN-RECEIVED ESTABLISHED CLOSED");
}

/* What the RST answers does not acknowledge the FIN: the ACK that does had not come. */
static void
test_reset__before_the_ack_of_a_fin(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = C, .flags = ACK, .seq = 1, .ack = 101},
              {.from = C, .flags = ACK, .seq = 1, .ack = 101, .text_n = 1},
              {.from = S, .flags = FIN, .seq = 101, .ack = 1},
              {.from = C, .flags = ACK, .seq = 2, .ack = 102},
              {.from = S, .flags = ACK, .seq = 102, .ack = 1, .after_ms = 30},
              {.from = S, .flags = RST, .seq = 101});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, S), "SYN-RECEIVED ESTABLISHED FIN-WAIT-1 CLOSED");
}

/* RFC 9293 3.5.1 figure 10: the client has restarted, its SYN meets the old connection, it resets
 * that and asks again. The second connection began with the first of its SYNs. */
static void
test_opening__behind_an_old_connection(void **state)
{
    (void)state;
    enum { NEW = 50000 };
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = SYN, .seq = NEW, .after_ms = 1500},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1, .after_ms = 10},
              {.from = C, .flags = RST, .seq = 1},
              {.from = C, .flags = SYN, .seq = NEW, .after_ms = 8},
              {.from = S, .flags = SYN | ACK, .seq = NEW, .ack = NEW + 1, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = NEW + 1, .ack = NEW + 1});
    struct la_explain_conn conn;
    la_explain_finish(tap.explain);
    assert_true(la_explain_next(tap.explain, &conn));
    assert_int_equal(conn.close.kind, LA_CLOSE_RESET);
    assert_true(la_explain_next(tap.explain, &conn));
    assert_int_equal(conn.open.syn[C].n, 2);
    assert_true(conn.open.complete);
    assert_false(la_explain_next(tap.explain, &conn));
}

/* It takes back what it has just opened: the RST acknowledges the SYN,ACK, which had come. */
static void
test_reset__acknowledges_syn(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN},
              {.from = S, .flags = SYN | ACK, .ack = 1, .after_ms = 10},
              {.from = C, .flags = RST | ACK, .seq = 1, .ack = 1});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED CLOSED");
}

/* Both opened, and one SYN was not captured: the SYN,ACK of the end whose SYN was answers it (RFC
 * 9293 3.5 figure 8). */
static void
test_opening__crossing_unseen(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN}, {.from = S, .flags = SYN | ACK, .ack = 1},
              {.from = C, .flags = SYN | ACK, .ack = 1, .after_ms = 20},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = C, .flags = ACK, .seq = 1, .ack = 101, .after_ms = 20});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.open.kind, LA_OPEN_SIMULTANEOUS);
    assert_true(conn.open.complete);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT SYN-RECEIVED ESTABLISHED");
    assert_string_equal(tap_states(&conn, S), "SYN-SENT SYN-RECEIVED ESTABLISHED");
    assert_null(tap_finding(&conn, LA_FINDING_MISSED));
}

/* The capture begins in the handshake, with an ACK, and the SYN,ACK comes again. */
static void
test_opening__begun_in_the_handshake(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1},
              {.from = S, .flags = SYN | ACK, .ack = 1},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1},
              {.from = S, .flags = FIN, .seq = 1, .ack = 1, .after_ms = 500},
              {.from = C, .flags = FIN, .seq = 1, .ack = 2},
              {.from = S, .flags = ACK, .seq = 2, .ack = 2, .after_ms = 10});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.open.kind, LA_OPEN_MID_STREAM);
    assert_string_equal(tap_states(&conn, S), "ESTABLISHED FIN-WAIT-1 TIME-WAIT");
    assert_null(tap_finding(&conn, LA_FINDING_MISSED));
}

/* The same, and the old SYN,ACK comes when its sender has spoken: it was late, and begins nothing.
 */
static void
test_opening__late_in_the_middle(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 101, .ack = 1},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .text_n = 100},
              {.from = S, .flags = SYN | ACK, .ack = 1},
              {.from = S, .flags = ACK, .seq = 101, .ack = 101, .text_n = 100},
              {.from = C, .flags = ACK, .seq = 101, .ack = 201, .after_ms = 5});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.open.kind, LA_OPEN_MID_STREAM);
    assert_int_equal(conn.direction[S].bytes_unique, 200);
    assert_int_equal(conn.direction[S].retransmissions.total, 0);
    assert_null(tap_finding(&conn, LA_FINDING_MISSED));
}

/* A server that has taken the handshake, and is gone when the FIN comes, answers that, as one whose
 * accept queue was full would have answered both. */
static void
test_reset__one_for_two(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 2; n++) {
        tap_handshake(&tap);
        TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 1, .ack = 1},
                  {.from = S, .flags = RST, .seq = 1, .after_ms = 9});
        if (n == 2)
            TAP_LINES(&tap, {.from = S, .flags = RST, .seq = 1});
        struct la_explain_conn conn = tap_result(&tap);
        const struct la_explain_transition *last = &conn.transitions[conn.transitions_n - 1];
        assert_int_equal(conn.close.reset.cause, LA_RESET_BACKLOG);
        assert_int_equal(conn.close.reset.certainty,
                         n == 1 ? LA_CERTAINTY_UNKNOWN : LA_CERTAINTY_INFERRED);
        assert_int_equal(last->end, S);
        assert_int_equal(last->from >> LA_TCP_ESTABLISHED & 1, n == 1);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_tap, close_tap)
    const struct CMUnitTest tests[] = {
        TEST(test_closing__late_ack_and_fin),
        TEST(test_closing__crossing_fin_lost),
        TEST(test_reset__after_half_close),
        TEST(test_reset__acknowledges_fin),
        TEST(test_reset__both_gave_up),
        TEST(test_reset__before_the_ack_of_a_fin),
        TEST(test_opening__behind_an_old_connection),
        TEST(test_reset__acknowledges_syn),
        TEST(test_opening__crossing_unseen),
        TEST(test_opening__begun_in_the_handshake),
        TEST(test_opening__late_in_the_middle),
        TEST(test_reset__one_for_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
