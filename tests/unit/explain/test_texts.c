/* SPDX-License-Identifier: MIT
 *
 * test_texts.c - other text under numbers that had passed, told from what was sent again
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tap.h"

#define ACK LA_TCP_ACK
#define PSH LA_TCP_PSH
#define TS LA_TCP_HAS_TIMESTAMPS
enum { N = 1000, FORGED_TTL = 44 };

static struct tap tap;

static int
open_tap(void **state)
{
    (void)state;
    tap_open(&tap, NULL, 0);
    tap.sums = true;
    return 0;
}

static int
close_tap(void **state)
{
    (void)state;
    tap_close(&tap);
    return 0;
}

/* The segment passes, and the other one with its numbers, after a second with something between. */
static struct la_explain_conn
both(struct line first, struct line second)
{
    tap_handshake(&tap);
    tap_send(&tap, &first);
    TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1, .text_n = 300, .after_ms = 3});
    second.after_ms = 1000;
    tap_send(&tap, &second);
    return tap_result(&tap);
}

static void
is_again(struct line first, struct line second)
{
    struct la_explain_conn conn = both(first, second);
    assert_null(tap_finding(&conn, LA_FINDING_OTHER_TEXT));
    assert_int_equal(conn.direction[C].retransmissions.total, 1);
    tap_close(&tap);
    (void)open_tap(NULL);
}

static const struct line text = {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = N};

static void
test_texts__forged(void **state)
{
    (void)state;
    struct line other = text;
    other.last = 0x21;
    tap_handshake(&tap);
    tap_send(&tap, &text);
    tap.ttl_hops[C] = FORGED_TTL;
    tap_send(&tap, &other);
    struct la_explain_conn conn = tap_result(&tap);
    const struct la_explain_finding *found = tap_finding(&conn, LA_FINDING_OTHER_TEXT);
    assert_non_null(found);
    assert_int_equal(found->who, LA_WHO_CLIENT);
    assert_int_equal(found->certainty, LA_CERTAINTY_SEEN);
    assert_int_equal(found->values[0], 1);
    assert_int_equal(found->values[1], FORGED_TTL);
    assert_int_equal(found->values[2], 64);
    assert_int_equal(found->frames[0], 5);
    /* It was not sent again, nor did the network double it. */
    assert_int_equal(conn.direction[C].retransmissions.total, 0);
    assert_int_equal(conn.direction[C].network_duplicates, 0);
}

/* All of a header may differ from the one before. */
static void
test_texts__sent_again(void **state)
{
    (void)state;
    struct line again = text;
    again.last = 0x7f;
    struct line first = again;
    again.ack = 301;
    is_again(first, again);
    again.flags |= PSH;
    again.wnd = 4000;
    is_again(first, again);
    first.has = again.has = TS;
    first.ts_val = 77;
    again.ts_val = 1077;
    first.ts_ecr = again.ts_ecr = 5;
    is_again(first, again);
    again.sack[0] = 301; /* the header is longer */
    again.sack[1] = 401;
    is_again(first, again);
}

/* An odd last octet counts as the high one. */
static void
test_texts__odd_length(void **state)
{
    (void)state;
    struct line first = text, again = text;
    first.text_n = again.text_n = N + 1;
    first.last = again.last = 0x33;
    again.ack = 301;
    is_again(first, again);
    again.last = 0x44;
    struct la_explain_conn conn = both(first, again);
    assert_non_null(tap_finding(&conn, LA_FINDING_OTHER_TEXT));
}

/* A device fills the sum in of those that it sends: the capture at their sender has none. */
static void
test_texts__unfilled(void **state)
{
    (void)state;
    struct line other = text;
    other.last = 0x21;
    tap.sums = false;
    other.sum = true;
    is_again(text, other);
    tap.sums = false;
    other.sum = false;
    is_again(text, other);
}

/* One bit of the first header was changed on its way, and nobody looked. */
static void
test_texts__damaged_header(void **state)
{
    (void)state;
    struct line first = text;
    first.flip = 0x0400;
    is_again(first, text);
}

/* The same packet again, by all but its text. */
static void
test_texts__like_a_copy(void **state)
{
    (void)state;
    struct line first = text, other = text;
    first.ip_id = other.ip_id = 4711;
    other.last = 0x21;
    struct la_explain_conn conn = both(first, other);
    assert_non_null(tap_finding(&conn, LA_FINDING_OTHER_TEXT));
    assert_int_equal(conn.direction[C].network_duplicates, 0);
}

/* What is remembered is bounded: the latest sixteen. */
static void
test_texts__latest(void **state)
{
    (void)state;
    for (unsigned n = 15; n <= 16; n++) {
        tap_handshake(&tap);
        for (unsigned k = 0; k <= n; k++)
            TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1 + k * N, .ack = 1, .text_n = N});
        struct line other = text;
        other.last = 0x21;
        other.after_ms = 1000;
        tap_send(&tap, &other);
        struct la_explain_conn conn = tap_result(&tap);
        assert_int_equal(tap_finding(&conn, LA_FINDING_OTHER_TEXT) != NULL, n == 15);
        tap_close(&tap);
        (void)open_tap(NULL);
    }
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_tap, close_tap)
    const struct CMUnitTest tests[] = {
        TEST(test_texts__forged),   TEST(test_texts__sent_again),     TEST(test_texts__odd_length),
        TEST(test_texts__unfilled), TEST(test_texts__damaged_header), TEST(test_texts__like_a_copy),
        TEST(test_texts__latest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
