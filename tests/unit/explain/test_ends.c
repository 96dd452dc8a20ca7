/* SPDX-License-Identifier: MIT
 *
 * test_ends.c - how connections end and begin on bad networks, and where the capture has gaps
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

/* Both SYNs passed, and the second end says no SYN,ACK: the peer's came to it first (RFC 9293
 * 3.10.7.3 fourth). */
static void
test_opening__syn_lost(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN}, {.from = S, .flags = SYN},
              {.from = C, .flags = SYN | ACK, .ack = 1},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1, .after_ms = 10},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 11});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, S), "SYN-SENT ESTABLISHED");
    assert_string_equal(tap_states(&conn, C), "SYN-SENT SYN-RECEIVED ESTABLISHED");
}

/* Nobody closes what he was not given: the ACK of the handshake is missing. */
static void
test_opening__third_segment_missing(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN},
              {.from = S, .flags = SYN | ACK, .ack = 1, .after_ms = 10},
              {.from = S, .flags = FIN, .seq = 1, .ack = 1, .after_ms = 50});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, S), "SYN-RECEIVED ESTABLISHED FIN-WAIT-1");
}

/* The FIN acknowledges something that was not captured: it may have been the first FIN. */
static void
test_closing__fin_missing(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = C, .flags = FIN, .seq = 1, .ack = 102, .after_ms = 10},
              {.from = S, .flags = ACK, .seq = 102, .ack = 2, .after_ms = 10});
    struct la_explain_conn conn = tap_result(&tap);
    for (size_t i = 0; i < conn.transitions_n; i++)
        if (conn.transitions[i].event == LA_TCP_EV_CLOSE ||
            conn.transitions[i].event == LA_TCP_EV_RCV_FIN)
            assert_int_equal(conn.transitions[i].certainty, LA_CERTAINTY_UNKNOWN);
}

/* RFC 5961 3.2: who believes a RST behind a FIN has had the FIN. */
static void
test_closing__fin_before_reset(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 1, .ack = 1},
              {.from = C, .flags = RST | ACK, .seq = 2, .ack = 1, .after_ms = 5});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, S), "SYN-RECEIVED ESTABLISHED CLOSE-WAIT CLOSED");
}

/* The FIN goes again while the peer's, which carries the ACK of it, is under way. */
static void
test_closing__fin_again_and_merged(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 1, .ack = 1},
              {.from = S, .flags = FIN, .seq = 1, .ack = 2, .after_ms = 10},
              {.from = C, .flags = FIN, .seq = 1, .ack = 1, .after_ms = 250},
              {.from = S, .flags = ACK, .seq = 2, .ack = 2, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 2, .ack = 2});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED FIN-WAIT-1 TIME-WAIT");
    assert_null(tap_finding(&conn, LA_FINDING_LAST_ACK_LOST));
}

/* RFC 9293 3.10.7.4 eighth: a FIN is acknowledged at once. When the ACK would have passed by then,
 * the first one was lost and the second arrived; before that, both may have. */
static void
test_closing__fin_not_acknowledged(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        bool lost = i == 0;
        tap_handshake(&tap);
        uint64_t fin = tap.frame + 1;
        TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 1, .ack = 1},
                  {.from = C, .flags = FIN, .seq = 1, .ack = 1, .after_ms = lost ? 200 : 5},
                  {.from = S, .flags = ACK, .seq = 1, .ack = 2, .after_ms = 10});
        struct la_explain_conn conn = tap_result(&tap);
        const struct la_explain_transition *taken = NULL;
        for (size_t k = 0; k < conn.transitions_n; k++)
            if (conn.transitions[k].end == S && conn.transitions[k].event == LA_TCP_EV_RCV_FIN)
                taken = &conn.transitions[k];
        assert_non_null(taken);
        assert_int_equal(taken->frame, lost ? fin + 1 : fin);
        assert_int_equal(taken->certainty, lost ? LA_CERTAINTY_INFERRED : LA_CERTAINTY_SEEN);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

static enum la_reset_cause
cause(enum la_certainty certainty)
{
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.reset.certainty, certainty);
    return (enum la_reset_cause)conn.close.reset.cause;
}

/* The other end's text crosses the FIN: no half-close. Text that acknowledges it makes one. */
static void
test_closing__half_close(void **state)
{
    (void)state;
    for (uint32_t acked = 1; acked <= 2; acked++) {
        tap_handshake(&tap);
        TAP_LINES(&tap, {.from = C, .flags = FIN | ACK, .seq = 1, .ack = 1});
        if (acked == 2)
            TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 2, .after_ms = 10});
        TAP_LINES(&tap,
                  {.from = S, .flags = ACK, .seq = 1, .ack = acked, .text_n = 24, .after_ms = 10},
                  {.from = S, .flags = ACK, .seq = 25, .ack = 2},
                  {.from = S, .flags = FIN | ACK, .seq = 25, .ack = 2},
                  {.from = C, .flags = ACK, .seq = 2, .ack = 26});
        struct la_explain_conn conn = tap_result(&tap);
        assert_int_equal(conn.close.kind, LA_CLOSE_FOUR_SEGMENT);
        assert_int_equal(conn.close.half_close_by, acked == 1 ? LA_WHO_NONE : LA_WHO_CLIENT);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* An ACK overtook the FIN that went before it: the FINs crossed. */
static void
test_closing__fin_overtaken(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = FIN | ACK, .seq = 1, .ack = 1},
              {.from = S, .flags = ACK, .seq = 2, .ack = 2, .after_ms = 10},
              {.from = S, .flags = FIN | ACK, .seq = 1, .ack = 1},
              {.from = C, .flags = ACK, .seq = 2, .ack = 2});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_SIMULTANEOUS);
}

/* The file has the first FIN behind the second one, which acknowledges it. */
static void
test_closing__fins_swapped_in_the_file(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10},
              {.from = S, .flags = ACK, .seq = 1, .ack = 11, .text_n = 10, .after_ms = 10},
              {.from = C, .flags = FIN, .seq = 11, .ack = 12},
              {.from = S, .flags = FIN, .seq = 11, .ack = 11},
              {.from = S, .flags = ACK, .seq = 12, .ack = 12, .after_ms = 10});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_THREE_SEGMENT);
    assert_int_equal(conn.close.by, LA_WHO_SERVER);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED");
    assert_string_equal(tap_states(&conn, S), "SYN-RECEIVED ESTABLISHED FIN-WAIT-1 TIME-WAIT");
}

/* RFC 2525 2.17: a stream was under way to it, before or behind its RST. A single segment may be
 * the next word of a peer that had been heard to the end. */
static void
test_reset__text_on_way(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const struct line more[] = {
            {.from = S, .flags = ACK, .seq = 101, .ack = 11, .text_n = 100},
            {.from = S, .flags = ACK, .seq = 201, .ack = 11, .text_n = 100}};
        unsigned n = 1 + i / 2;
        tap_handshake(&tap);
        TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10},
                  {.from = S, .flags = ACK, .seq = 1, .ack = 11, .text_n = 100, .after_ms = 10});
        if (i % 2 == 0)
            tap_lines(&tap, more, n);
        TAP_LINES(&tap, {.from = C, .flags = RST | ACK, .seq = 11, .ack = 101});
        if (i % 2 == 1)
            tap_lines(&tap, more, n);
        assert_int_equal(cause(n == 1 ? LA_CERTAINTY_UNKNOWN : LA_CERTAINTY_INFERRED),
                         LA_RESET_UNREAD_DATA);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* Text that passed a second ago is lost, not under way. */
static void
test_reset__text_lost(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10},
              {.from = S, .flags = ACK, .seq = 1, .ack = 11, .text_n = 100, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 11, .ack = 101},
              {.from = S, .flags = ACK, .seq = 101, .ack = 11, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 201, .ack = 11, .text_n = 100},
              {.from = C, .flags = ACK, .seq = 11, .ack = 101, .text_n = 10, .after_ms = 900},
              {.from = C, .flags = RST | ACK, .seq = 21, .ack = 101, .after_ms = 100});
    assert_int_equal(cause(LA_CERTAINTY_UNKNOWN), LA_RESET_LINGER_ABORT);
}

/* Its RST offers what the buffer has, now that what lay there is thrown away. A moment after the
 * text, a program may have read it (RFC 9293 3.8.6.2.2: no update is due for so little). */
static void
test_reset__freed_room(void **state)
{
    (void)state;
    static const struct {
        uint32_t after_ms;
        uint16_t wnd;
        enum la_certainty certainty;
    } cases[] = {{60, 59100, LA_CERTAINTY_INFERRED},
                 {10, 59100, LA_CERTAINTY_UNKNOWN},
                 {10, 20000, LA_CERTAINTY_INFERRED}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tap_handshake(&tap);
        TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 900},
                  {.from = S,
                   .flags = ACK,
                   .seq = 1,
                   .ack = 901,
                   .wnd = cases[i].wnd,
                   .text_n = 50,
                   .after_ms = cases[i].after_ms},
                  {.from = C, .flags = ACK, .seq = 901, .ack = 51},
                  {.from = S, .flags = RST | ACK, .seq = 51, .ack = 901, .after_ms = 100});
        assert_int_equal(cause(cases[i].certainty), LA_RESET_UNREAD_DATA);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* Nobody has sent it anything that it could have left unread. */
static void
test_reset__heard_none(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .after_ms = 10},
              {.from = C, .flags = RST | ACK, .seq = 101, .ack = 1, .after_ms = 100});
    assert_int_equal(cause(LA_CERTAINTY_INFERRED), LA_RESET_LINGER_ABORT);
}

/* Silence before it alone: it may have been read. */
static void
test_reset__long_after(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 50},
              {.from = C, .flags = ACK, .seq = 1, .ack = 51, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 51, .ack = 101, .after_ms = 10},
              {.from = S, .flags = RST | ACK, .seq = 51, .ack = 101, .after_ms = 900});
    assert_int_equal(cause(LA_CERTAINTY_UNKNOWN), LA_RESET_UNREAD_DATA);
}

/* RFC 9293 3.8.4: the answers pass here, and are lost behind. */
static void
test_reset__probes_unheard(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .text_n = 5, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 101, .ack = 6});
    for (unsigned i = 0; i < 3; i++)
        TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 100, .ack = 6, .after_ms = 1000},
                  {.from = S, .flags = ACK, .seq = 6, .ack = 101});
    TAP_LINES(&tap, {.from = C, .flags = RST | ACK, .seq = 101, .ack = 6, .after_ms = 1001});
    assert_int_equal(cause(LA_CERTAINTY_INFERRED), LA_RESET_TIMEOUT);
}

/* Each packet is there twice, a moment apart, and nothing tells copies of probes: they are no
 * repetition. */
static void
test_reset__probes_doubled(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .text_n = 5, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 101, .ack = 6});
    for (unsigned i = 0; i < 3; i++)
        TAP_LINES(&tap,
                  {.from = C, .flags = ACK, .seq = 100, .ack = 6, .no_id = true, .after_ms = 1000},
                  {.from = C, .flags = ACK, .seq = 100, .ack = 6, .no_id = true});
    TAP_LINES(&tap, {.from = C, .flags = RST | ACK, .seq = 101, .ack = 6, .after_ms = 999});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_RESET);
    assert_int_equal(conn.close.by, LA_WHO_CLIENT);
    assert_int_equal(conn.close.reset.cause, LA_RESET_TIMEOUT);
}

/* Of a capture of one direction: the second FIN, or an octet, came before the ACK, or with it. */
static void
test_closing__one_way(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .after_ms = 30},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10},
              {.from = C, .flags = FIN | ACK, .seq = 11, .ack = 1},
              {.from = C, .flags = ACK, .seq = 12, .ack = 2, .after_ms = 30});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED FIN-WAIT-1 TIME-WAIT");
    const struct la_explain_transition *last = &conn.transitions[conn.transitions_n - 1];
    for (size_t i = 0; i < conn.transitions_n; i++)
        if (conn.transitions[i].end == C)
            last = &conn.transitions[i];
    assert_int_equal(last->certainty, LA_CERTAINTY_INFERRED);
}

/* Of the other direction: text shows that the SYN,ACK was acknowledged, an abort that it was
 * accepted, and an answer without ACK that the FIN had been acknowledged. */
static void
test_opening__one_way(void **state)
{
    (void)state;
    static const struct line last[] = {
        {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10, .after_ms = 30},
        {.from = S, .flags = RST | ACK, .seq = 1, .ack = 1, .after_ms = 30},
        {.from = S, .flags = RST, .seq = 2, .after_ms = 30}};
    static const char *const states[] = {"SYN-RECEIVED ESTABLISHED",
                                         "SYN-RECEIVED ESTABLISHED CLOSED",
                                         "SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSED"};
    for (unsigned i = 0; i < 3; i++) {
        TAP_LINES(&tap, {.from = S, .flags = SYN | ACK, .ack = 1});
        if (i == 2)
            TAP_LINES(&tap, {.from = S, .flags = FIN | ACK, .seq = 1, .ack = 1, .after_ms = 30});
        tap_send(&tap, &last[i]);
        struct la_explain_conn conn = tap_result(&tap);
        assert_string_equal(tap_states(&conn, S), states[i]);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* The other direction was not captured, and a single number of it was the last to be acknowledged:
 * it may have been a FIN. */
static void
test_reset__fin_missing(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 2; n++) {
        TAP_LINES(&tap, {.from = S, .flags = SYN | ACK, .ack = 1},
                  {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10, .after_ms = 30},
                  {.from = S, .flags = ACK, .seq = 11, .ack = 1 + n, .after_ms = 30},
                  {.from = S, .flags = RST | ACK, .seq = 11, .ack = 1 + n, .after_ms = 30});
        struct la_explain_conn conn = tap_result(&tap);
        const struct la_explain_transition *last = &conn.transitions[0];
        for (size_t k = 0; k < conn.transitions_n; k++)
            if (conn.transitions[k].end == S)
                last = &conn.transitions[k];
        assert_int_equal(last->from,
                         1u << LA_TCP_ESTABLISHED | (n == 1 ? 1u << LA_TCP_CLOSE_WAIT : 0));
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* Retransmissions a moment apart were no timers (RFC 6298 2.4): nothing was due yet. */
static void
test_reset__after_fast_retransmissions(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .text_n = 5, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 101, .ack = 6, .text_n = 100},
              {.from = C, .flags = ACK, .seq = 201, .ack = 6, .text_n = 100},
              {.from = C, .flags = ACK, .seq = 101, .ack = 6, .text_n = 100, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 201, .ack = 6, .text_n = 100});
    TAP_LINES(&tap, {.from = C, .flags = RST | ACK, .seq = 301, .ack = 6, .after_ms = 20});
    assert_int_equal(cause(LA_CERTAINTY_UNKNOWN), LA_RESET_LINGER_ABORT);
}

/* An answer has its peer's number; text of before it may have been overtaken. */
static void
test_reset__text_overtaken(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        tap_handshake(&tap);
        TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
                  {.from = S, .flags = ACK, .seq = 1, .ack = 101, .text_n = 100, .after_ms = 10},
                  {.from = C, .flags = ACK, .seq = 101, .ack = 101},
                  {.from = S, .flags = RST, .seq = 101, .after_ms = 100},
                  {.from = S,
                   .flags = ACK,
                   .seq = 101,
                   .ack = 101,
                   .text_n = 100,
                   .after_ms = i == 0 ? 15 : 400});
        struct la_explain_conn conn = tap_result(&tap);
        assert_int_equal(conn.close.by, i == 0 ? LA_WHO_SERVER : LA_WHO_THIRD);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* RFC 9293 3.10.7.1: an answer without ACK comes of an end that has no connection. It spoke a
 * moment ago: whether it gave it up or lost it is not told. */
static void
test_reset__answer_of_none(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .text_n = 5, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 101, .ack = 6},
              {.from = C, .flags = ACK, .seq = 101, .ack = 6, .text_n = 100},
              {.from = S, .flags = RST, .seq = 6, .after_ms = 10});
    assert_int_equal(cause(LA_CERTAINTY_UNKNOWN), LA_RESET_HALF_OPEN_PEER);
}

/* A server that has said nothing but its SYN,ACK answers text: a full queue does so as soon as the
 * handshake is complete, an end that has lost the connection whenever something comes. */
static void
test_reset__answer_long_after_handshake(void **state)
{
    (void)state;
    static const struct {
        uint32_t after_ms;
        enum la_certainty certainty;
        enum la_reset_cause cause;
    } cases[] = {
        {1, LA_CERTAINTY_UNKNOWN, LA_RESET_BACKLOG}, /* which would answer the ACK as well */
        {300, LA_CERTAINTY_UNKNOWN, LA_RESET_HALF_OPEN_PEER},
        {4000, LA_CERTAINTY_INFERRED, LA_RESET_HALF_OPEN_PEER}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tap_handshake(&tap);
        TAP_LINES(&tap,
                  {.from = C,
                   .flags = ACK,
                   .seq = 1,
                   .ack = 1,
                   .text_n = 100,
                   .after_ms = cases[i].after_ms},
                  {.from = S, .flags = RST, .seq = 1, .after_ms = 9});
        assert_int_equal(cause(cases[i].certainty), cases[i].cause);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* Who has no room for a connection answers, without ACK. A RST with one may be a program's doing,
 * which was given the connection: whether it was is left open. */
static void
test_reset__given_up_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        bool answers = i == 1;
        tap_handshake(&tap);
        tap_send(&tap, &(struct line){.from = S,
                                      .flags = answers ? RST : RST | ACK,
                                      .seq = 1,
                                      .ack = answers ? 0 : 1,
                                      .after_ms = 9});
        struct la_explain_conn conn = tap_result(&tap);
        assert_int_equal(conn.close.reset.cause,
                         answers ? LA_RESET_BACKLOG : LA_RESET_LINGER_ABORT);
        assert_int_equal(conn.close.reset.or_cause, answers ? LA_RESET_NONE : LA_RESET_BACKLOG);
        const struct la_explain_transition *last = &conn.transitions[0];
        for (size_t k = 0; k < conn.transitions_n; k++)
            if (conn.transitions[k].end == S)
                last = &conn.transitions[k];
        assert_int_equal(last->from,
                         1u << LA_TCP_SYN_RECEIVED | (answers ? 0 : 1u << LA_TCP_ESTABLISHED));
        assert_int_equal(last->to, 1u << LA_TCP_CLOSED);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* RFC 9293 3.10.7.1: SEQ=SEG.ACK. The text that is answered had acknowledged the FIN, however soon
 * the RST came and whatever the clock said. */
static void
test_reset__answer_shows_the_ack_of_a_fin(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        tap_handshake(&tap);
        TAP_LINES(&tap, {.from = S, .flags = FIN, .seq = 1, .ack = 1, .after_ms = 10},
                  {.from = C, .flags = ACK, .seq = 1, .ack = 2, .text_n = 50, .after_ms = 5});
        tap.now_ns -= i == 1 ? INT64_C(100000000000) : 0;
        TAP_LINES(&tap, {.from = S, .flags = RST, .seq = 2});
        struct la_explain_conn conn = tap_result(&tap);
        assert_string_equal(tap_states(&conn, S),
                            "SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSED");
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* When a program closes tells nothing of how far away it is. */
static void
test_closing__fin_times_no_handshake(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN},
              {.from = S, .flags = SYN | ACK, .ack = 1, .after_ms = 10},
              {.from = C, .flags = FIN, .seq = 1, .ack = 1, .after_ms = 400});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.tap, LA_TAP_UNKNOWN);
}

/* The capture's clock was set back between an acknowledgement and what its receiver sent next. */
static void
test_closing__clock_set_back(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = S, .flags = FIN, .seq = 1, .ack = 1, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 2, .after_ms = 5});
    tap.now_ns -= INT64_C(100000000000);
    TAP_LINES(&tap, {.from = S, .flags = RST | ACK, .seq = 2, .ack = 1, .after_ms = 500});
    struct la_explain_conn conn = tap_result(&tap);
    assert_string_equal(tap_states(&conn, S),
                        "SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSED");
}

/* The capture began behind the handshake and a FIN: an answer to text refuses no open. */
static void
test_reset__answer_in_the_middle(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = RST, .seq = 1, .after_ms = 10});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_RESET);
    assert_int_equal(conn.close.by, LA_WHO_SERVER);
    assert_int_equal(conn.close.certainty, LA_CERTAINTY_INFERRED);
    assert_int_equal(conn.close.reset.cause, LA_RESET_HALF_OPEN_PEER);
    assert_int_equal(conn.close.reset.certainty, LA_CERTAINTY_UNKNOWN);
    assert_int_equal(conn.close.reset.or_cause, LA_RESET_DATA_AFTER_CLOSE);
}

/* A stream's ACKs are answered one by one; only the last RST stands where its receiver is. */
static void
test_reset__answers_of_a_stream(void **state)
{
    (void)state;
    enum { N = 1000, ACKS_N = 6 };
    tap_handshake(&tap);
    for (uint32_t i = 0; i < ACKS_N; i++)
        TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1 + i * N, .ack = 1, .text_n = N},
                  {.from = C, .flags = ACK, .seq = 1, .ack = 1 + (i + 1) * N});
    for (uint32_t i = 1; i <= ACKS_N; i++)
        TAP_LINES(&tap, {.from = S, .flags = RST, .seq = 1 + i * N});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.close.kind, LA_CLOSE_RESET);
    assert_int_equal(conn.close.by, LA_WHO_SERVER);
    assert_int_equal(conn.close.reset.frame, tap.frame);
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED CLOSED");
}

/* The number of a SYN that was damaged on its way is nobody's: the SYN that comes next begins. */
static void
test_opening__syn_damaged(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN, .seq = 7000, .damaged = true},
              {.from = C, .flags = SYN, .sum = true, .after_ms = 900},
              {.from = S, .flags = SYN | ACK, .ack = 1, .sum = true, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .sum = true});
    struct la_explain_conn conn = tap_result(&tap);
    assert_true(conn.open.complete);
    assert_int_equal(conn.open.syn[C].isn, ISN_CLIENT);
    assert_int_equal(conn.direction[C].retransmissions.syn, 1);
    assert_string_equal(tap_states(&conn, S), "SYN-RECEIVED ESTABLISHED");
    assert_false(la_explain_next(tap.explain, &conn));
}

/* One direction was captured: what the RST without ACK answers is not there. */
static void
test_reset__answer_one_way(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = S, .flags = SYN | ACK, .ack = 1},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10, .after_ms = 30},
              {.from = S, .flags = FIN | ACK, .seq = 11, .ack = 1},
              {.from = S, .flags = RST, .seq = 12, .after_ms = 600});
    assert_int_equal(cause(LA_CERTAINTY_INFERRED), LA_RESET_DATA_AFTER_CLOSE);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_tap, close_tap)
    const struct CMUnitTest tests[] = {
        TEST(test_opening__syn_lost),
        TEST(test_opening__third_segment_missing),
        TEST(test_closing__fin_missing),
        TEST(test_closing__fin_before_reset),
        TEST(test_closing__fin_again_and_merged),
        TEST(test_closing__half_close),
        TEST(test_closing__fin_not_acknowledged),
        TEST(test_closing__fin_overtaken),
        TEST(test_closing__fins_swapped_in_the_file),
        TEST(test_opening__one_way),
        TEST(test_closing__one_way),
        TEST(test_reset__text_on_way),
        TEST(test_reset__text_lost),
        TEST(test_reset__freed_room),
        TEST(test_reset__heard_none),
        TEST(test_reset__long_after),
        TEST(test_reset__probes_unheard),
        TEST(test_reset__probes_doubled),
        TEST(test_reset__after_fast_retransmissions),
        TEST(test_reset__text_overtaken),
        TEST(test_reset__answer_of_none),
        TEST(test_reset__answer_long_after_handshake),
        TEST(test_reset__given_up_at_once),
        TEST(test_reset__fin_missing),
        TEST(test_reset__answer_shows_the_ack_of_a_fin),
        TEST(test_closing__fin_times_no_handshake),
        TEST(test_closing__clock_set_back),
        TEST(test_reset__answer_in_the_middle),
        TEST(test_reset__answer_one_way),
        TEST(test_reset__answers_of_a_stream),
        TEST(test_opening__syn_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
