/* SPDX-License-Identifier: MIT
 *
 * test_states.c - both ends' states, how connections close, and why they are reset
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tap.h"

#define ACK LA_TCP_ACK
#define FIN (LA_TCP_FIN | LA_TCP_ACK)
#define RST LA_TCP_RST

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

static void
test_states__four_segments(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .after_ms = 10},
              {.from = C, .flags = FIN, .seq = 101, .ack = 1},
              {.from = S, .flags = ACK, .seq = 1, .ack = 102, .after_ms = 10},
              {.from = S, .flags = FIN, .seq = 1, .ack = 102},
              {.from = C, .flags = ACK, .seq = 102, .ack = 2});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, C),
                        "SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT");
    assert_string_equal(tap_states(&conn, S),
                        "SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED");
    assert_int_equal(conn.close.kind, LA_CLOSE_FOUR_SEGMENT);
    assert_int_equal(conn.close.by, LA_WHO_CLIENT);
    assert_int_equal(conn.tap, LA_TAP_CLIENT);
    assert_true(conn.open.complete);
    assert_int_equal(conn.direction[C].bytes_unique, 100);
}

/* The FIN that merges with the ACK takes FIN-WAIT-1 straight to TIME-WAIT. */
static void
test_states__three_segments(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 1, .ack = 1},
              {.from = S, .flags = FIN, .seq = 1, .ack = 2, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 2, .ack = 2});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED FIN-WAIT-1 TIME-WAIT");
    assert_int_equal(conn.close.kind, LA_CLOSE_THREE_SEGMENT);
}

/* At the far end, what has just passed on its way cannot show yet. */
static void
test_states__fins_cross(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 1, .ack = 1, .after_ms = 20},
              {.from = S, .flags = FIN, .seq = 1, .ack = 1},
              {.from = C, .flags = ACK, .seq = 2, .ack = 2},
              {.from = S, .flags = ACK, .seq = 2, .ack = 2, .after_ms = 10});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED FIN-WAIT-1 CLOSING TIME-WAIT");
    assert_string_equal(tap_states(&conn, S),
                        "SYN-RECEIVED ESTABLISHED FIN-WAIT-1 CLOSING TIME-WAIT");
    assert_int_equal(conn.close.kind, LA_CLOSE_SIMULTANEOUS);
    assert_int_equal(conn.close.by, LA_WHO_BOTH);
}

/* A last ACK that passed and did not arrive: the FIN comes again, and the end is not CLOSED before
 * that was acknowledged. */
static void
test_states__last_ack_lost(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 1, .ack = 1},
              {.from = S, .flags = FIN, .seq = 1, .ack = 2, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 2, .ack = 2},
              {.from = S, .flags = FIN, .seq = 1, .ack = 2, .after_ms = 300},
              {.from = C, .flags = ACK, .seq = 2, .ack = 2});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, S),
                        "SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED");
    assert_non_null(tap_finding(&conn, LA_FINDING_LAST_ACK_LOST));
    assert_int_equal(conn.transitions[conn.transitions_n - 1].frame, 8);
    /* Or the FIN that comes again crossed it. */
    assert_int_equal(conn.transitions[conn.transitions_n - 1].earliest.ns, INT64_MAX);
    assert_int_equal(conn.transitions[conn.transitions_n - 1].certainty, LA_CERTAINTY_INFERRED);
}

/* A beginning in the middle narrows, and is decided in retrospect by the first FIN. */
static void
test_states__middle(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 500, .ack = 300, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 300, .ack = 600, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 600, .ack = 300, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 300, .ack = 700, .after_ms = 10},
              {.from = C, .flags = FIN, .seq = 700, .ack = 300},
              {.from = S, .flags = FIN, .seq = 300, .ack = 701, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 701, .ack = 301});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.open.kind, LA_OPEN_MID_STREAM);
    assert_true(conn.client_guessed);
    assert_string_equal(tap_states(&conn, C), "FIN-WAIT-1 TIME-WAIT");
    assert_string_equal(tap_states(&conn, S), "CLOSE-WAIT LAST-ACK CLOSED");
    assert_int_equal(conn.transitions[0].from, 1u << LA_TCP_ESTABLISHED);
    assert_int_equal(conn.transitions[0].certainty, LA_CERTAINTY_INFERRED);
}

/* Of one direction alone the other one's SYN,ACK and FIN are inferred. */
static void
test_states__one_direction(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = LA_TCP_SYN},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = C, .flags = ACK, .seq = 101, .ack = 51, .after_ms = 10},
              {.from = C, .flags = FIN, .seq = 101, .ack = 51},
              {.from = C, .flags = ACK, .seq = 102, .ack = 52, .after_ms = 10});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED FIN-WAIT-1 TIME-WAIT");
    assert_string_equal(tap_states(&conn, S),
                        "SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED");
    assert_false(conn.open.complete);
    struct la_explain_file file;
    la_explain_file_get(tap.explain, &file);
    assert_int_equal(file.one_way, 1);
}

/* What is acknowledged in the first moments of a capture may have passed before that. */
static void
test_states__no_direction_is_missing(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 4; i++)
        TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = i * 1000});
    (void)tap_result(&tap);
    struct la_explain_file file;
    la_explain_file_get(tap.explain, &file);
    assert_int_equal(file.one_way, 0);
}

/* `possible` holds what a tap cannot see, and drops what the end has left behind. */
static void
test_states__possible(void **state)
{
    (void)state;
    struct la_endpoint a = {la_addr_v4(10, 0, 0, 1), 5000}, b = {la_addr_v4(10, 0, 0, 2), 80};
    struct la_explain_look look;
    tap_handshake(&tap);
    assert_true(la_explain_look(tap.explain, &a, &b, &look));
    assert_int_equal(look.end_of_a, C);
    assert_true(look.possible[C] >> LA_TCP_ESTABLISHED & 1);
    assert_true(look.possible[C] >> LA_TCP_FIN_WAIT_1 & 1); /* closed, FIN not here yet */
    assert_true(look.possible[C] >> LA_TCP_CLOSED & 1);
    assert_false(look.possible[C] >> LA_TCP_SYN_SENT & 1);
    assert_false(look.possible[C] >> LA_TCP_CLOSE_WAIT & 1); /* no FIN has passed */
    assert_true(look.possible[S] >> LA_TCP_SYN_RECEIVED & 1);
    TAP_LINES(&tap, {.from = S, .flags = FIN, .seq = 1, .ack = 1});
    assert_true(la_explain_look(tap.explain, &b, &a, &look));
    assert_int_equal(look.end_of_a, S);
    assert_true(look.possible[C] >> LA_TCP_CLOSE_WAIT & 1);
    assert_false(look.possible[S] >> LA_TCP_ESTABLISHED & 1);
    assert_false(look.possible[S] >> LA_TCP_FIN_WAIT_2 & 1); /* nobody has acknowledged it */
    a.port = 1;
    assert_false(la_explain_look(tap.explain, &a, &b, &look));
}

static void
test_reset__refused(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = LA_TCP_SYN});
    struct line rst = {.from = S, .flags = RST | ACK, .ack = 1};
    rst.seq -= ISN_SERVER; /* SEQ=0 */
    tap_send(&tap, &rst);
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_REFUSED);
    assert_int_equal(conn.close.by, LA_WHO_SERVER);
    assert_int_equal(conn.close.reset.cause, LA_RESET_REFUSED);
    assert_int_equal(conn.close.reset.certainty, LA_CERTAINTY_SEEN);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT CLOSED");
}

static void
test_reset__unread_and_abort(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .after_ms = 10},
              {.from = S, .flags = RST | ACK, .seq = 1, .ack = 101, .after_ms = 100});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.reset.cause, LA_RESET_UNREAD_DATA);
    tap_close(&tap);
    tap_open(&tap, NULL, 0);
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .text_n = 50, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 101, .ack = 51},
              {.from = S, .flags = RST | ACK, .seq = 51, .ack = 101, .after_ms = 100});
    conn = tap_result(&tap);
    assert_int_equal(conn.close.reset.cause, LA_RESET_LINGER_ABORT);
    assert_string_equal(tap_states(&conn, S), "SYN-RECEIVED ESTABLISHED CLOSED");
}

/* A RST whose named sender goes on is nobody's, and ends its receiver alone. */
static void
test_reset__forged(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = C, .flags = ACK, .seq = 1, .ack = 101},
              {.from = S, .flags = RST | ACK, .seq = 101, .ack = 1, .after_ms = 50},
              {.from = S, .flags = ACK, .seq = 101, .ack = 1, .text_n = 100, .after_ms = 50},
              {.from = C, .flags = RST, .seq = 1, .wnd = 1});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.reset.cause, LA_RESET_INJECTED);
    assert_int_equal(conn.close.reset.by, LA_WHO_THIRD);
    assert_int_equal(conn.close.reset.certainty, LA_CERTAINTY_SEEN);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED CLOSED");
    assert_non_null(tap_finding(&conn, LA_FINDING_RESET_OUTLIVED));
}

/* RFC 5961 3.2: in the window, but not at its left edge. */
static void
test_reset__challenged(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = RST, .seq = 500},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10},
              {.from = S, .flags = ACK, .seq = 1, .ack = 11, .after_ms = 10});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_OPEN);
    assert_int_equal(conn.close.reset.cause, LA_RESET_NONE);
    assert_non_null(tap_finding(&conn, LA_FINDING_RESET_CHALLENGED));
    assert_string_equal(tap_states(&conn, S), "SYN-RECEIVED ESTABLISHED");
}

/* RFC 6298 5.5: it repeated itself, the pauses doubled, and the next time was missed. */
static void
test_states__given_up(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100, .after_ms = 200},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100, .after_ms = 400},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100, .after_ms = 800});
    tap.port = 6000; /* Another connection shows that the capture went on. */
    TAP_LINES(&tap, {.from = C, .flags = LA_TCP_SYN, .after_ms = 4000});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_TIMEOUT);
    assert_int_equal(conn.close.by, LA_WHO_NONE);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED CLOSED");
    const struct la_explain_finding *finding = tap_finding(&conn, LA_FINDING_GAVE_UP);
    assert_non_null(finding);
    char text[128];
    assert_string_equal(la_explain_finding_text(finding, text, sizeof(text)),
                        "3 repetitions without an answer; the next was due after 1.60 s and did "
                        "not come: given up");
    assert_string_equal(la_explain_finding_text(finding, text, 14), "3 repetitions");
}

static void
test_states__icmp_in_words(void **state)
{
    (void)state;
    static const struct {
        int64_t version, type, code;
        const char *words;
    } cases[] = {
        {4, 3, 13, "prohibited by an administrator (type 3, code 13)"},
        {4, 3, 99, "destination unreachable (type 3, code 99)"},
        {4, 11, 0, "time to live exceeded (type 11, code 0)"},
        {6, 1, 4, "port unreachable (type 1, code 4)"},
        {6, 3, 0, "hop limit exceeded (type 3, code 0)"},
        {6, 99, 0, "an unknown error (type 99, code 0)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct la_explain_finding finding = {
            .id = LA_FINDING_ICMP_ANSWER,
            .values = {cases[i].version, cases[i].type, cases[i].code}};
        char text[128];
        (void)la_explain_finding_text(&finding, text, sizeof(text));
        assert_non_null(strstr(text, cases[i].words));
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tap, close_tap)
    const struct CMUnitTest tests[] = {
        TEST(test_states__four_segments),
        TEST(test_states__three_segments),
        TEST(test_states__fins_cross),
        TEST(test_states__last_ack_lost),
        TEST(test_states__middle),
        TEST(test_states__one_direction),
        TEST(test_states__no_direction_is_missing),
        TEST(test_states__possible),
        TEST(test_reset__refused),
        TEST(test_reset__unread_and_abort),
        TEST(test_reset__forged),
        TEST(test_reset__challenged),
        TEST(test_states__icmp_in_words),
        TEST(test_states__given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
