/* SPDX-License-Identifier: MIT
 *
 * test_measure.c - what was sent again and why, round trips, windows, what held a sender back
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tap.h"

#define ACK LA_TCP_ACK
#define SYN LA_TCP_SYN
#define FIN (LA_TCP_FIN | LA_TCP_ACK)
enum { N = 1000 };

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

/* Segment k of the client, k from 0. */
static void
text(unsigned k, uint32_t after_ms)
{
    tap_send(&tap, &(struct line){.from = C,
                                  .flags = ACK,
                                  .seq = 1 + k * N,
                                  .ack = 1,
                                  .text_n = N,
                                  .after_ms = after_ms});
}

/* The server has everything before segment k. */
static void
acked(unsigned k, uint32_t after_ms)
{
    tap_send(&tap, &(struct line){
                       .from = S, .flags = ACK, .seq = 1, .ack = 1 + k * N, .after_ms = after_ms});
}

static struct la_explain_direction
client_of_result(void)
{
    struct la_explain_conn conn = tap_result(&tap);
    return conn.direction[C];
}

static void
assert_again(const struct la_explain_retransmissions *r, unsigned total, unsigned fast,
             unsigned rto, unsigned tail_probe)
{
    assert_int_equal(r->total, total);
    assert_int_equal(r->fast, fast);
    assert_int_equal(r->rto, rto);
    assert_int_equal(r->tail_probe, tail_probe);
}

static void
test_measure__nothing_lost(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 20; k++) {
        text(k, 1);
        acked(k + 1, 10 + k);
    }
    struct la_explain_direction d = client_of_result();
    assert_again(&d.retransmissions, 0, 0, 0, 0);
    assert_int_equal(d.rtt.samples_n, 20);
    assert_int_equal(d.rtt.min_us, 10000);
    assert_int_equal(d.rtt.max_us, 29000);
    assert_int_equal(d.rtt.median_us, 20000);
    assert_int_equal(d.rtt.p95_us, 29000);
    assert_int_equal(d.flight_bytes_max, N);
    assert_int_equal(d.reordered + d.capture_gaps + d.keepalives + d.window_probes, 0);
}

/* RFC 5681 3.2; and what a partial acknowledgement sends (RFC 6582 3.2). */
static void
test_measure__fast(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    for (unsigned k = 1; k <= 5; k++)
        text(k, 1);
    acked(1, 10);
    acked(1, 1);
    acked(1, 1);
    text(1, 1); /* lost beyond the tap */
    acked(3, 11);
    text(3, 1);
    acked(6, 11);
    struct la_explain_direction d = client_of_result();
    assert_again(&d.retransmissions, 2, 2, 0, 0);
    assert_int_equal(d.duplicate_acks, 3);
    assert_int_equal(d.retransmissions.spurious, 0);
    assert_int_equal(d.bytes_unique, 6 * N);
    assert_int_equal(d.bytes, 8 * N);
}

/* RFC 6298 5.5: the second time after twice as long; what was lost with the timeout follows. */
static void
test_measure__timeout(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    text(1, 1);
    text(2, 1);
    text(1, 250);
    text(1, 500);
    acked(2, 11);
    text(2, 1);
    acked(3, 11);
    struct la_explain_direction d = client_of_result();
    assert_again(&d.retransmissions, 3, 0, 3, 0);
}

/* RFC 8985 7.3: one probe for want of an answer, then the timeout (RFC 6298 2.2: by the round trip
 * of the handshake, 200 ms at least). */
static void
test_measure__one_probe(void **state)
{
    (void)state;
    text(0, 1);
    text(0, 100);
    text(0, 100);
    struct la_explain_direction d = client_of_result();
    assert_again(&d.retransmissions, 2, 0, 1, 1);
}

/* Text that was acknowledged and never passed, in front of text that did: it was not captured. */
static void
test_measure__hole_acknowledged(void **state)
{
    (void)state;
    text(0, 1);
    text(2, 1);
    acked(3, 10);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.bytes_missing, N);
    assert_int_equal(d.capture_gaps, 1);
}

/* A segment that covers part of a hole, and text behind it, fills that part. */
static void
test_measure__hole_filled_in_part(void **state)
{
    (void)state;
    text(0, 1);
    text(2, 1);
    TAP_LINES(
        &tap,
        {.from = C, .flags = ACK, .seq = 1 + N + N / 2, .ack = 1, .text_n = N, .after_ms = 50});
    acked(3, 10);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.bytes_missing, N / 2);
    assert_int_equal(d.bytes_unique, 2 * N + N / 2);
}

/* An ACK overtook the FIN before it: nothing is missing. */
static void
test_measure__fin_overtaken(void **state)
{
    (void)state;
    text(0, 1);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 2 + N, .ack = 1},
              {.from = C, .flags = LA_TCP_FIN | ACK, .seq = 1 + N, .ack = 1},
              {.from = S, .flags = ACK, .seq = 1, .ack = 2 + N, .after_ms = 10});
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.bytes_missing, 0);
    assert_int_equal(d.capture_gaps, 0);
}

/* A window that is shut before any text of the other end was captured. */
static void
test_measure__shut_without_text(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1, .closed = true},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1, .after_ms = 20});
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.zero_windows, 1);
    assert_int_equal(d.zero_window_us, 20000);
}

/* RFC 8985 7.2: of one segment, an acknowledgement may be delayed; the probe comes as late as the
 * timeout then, and in its place. Without SACK there is none. */
static void
test_measure__probe_in_time(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    text(1, 1);
    text(1, 225);
    struct la_explain_direction d = client_of_result();
    assert_again(&d.retransmissions, 1, 0, 0, 1);
    tap_close(&tap);
    tap_open(&tap, NULL, 0);
    TAP_LINES(&tap, {.from = C, .flags = SYN},
              {.from = S, .flags = SYN | ACK, .ack = 1, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1});
    text(0, 1);
    acked(1, 10);
    text(1, 1);
    text(1, 225);
    d = client_of_result();
    assert_again(&d.retransmissions, 1, 0, 1, 0);
}

/* One duplicate acknowledgement is not enough (RFC 5681 3.2), and the timeout comes. */
static void
test_measure__timeout_behind_a_duplicate(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 3; k++)
        text(k, 1);
    acked(1, 10);
    acked(1, 1);
    text(1, 260);
    struct la_explain_direction d = client_of_result();
    assert_again(&d.retransmissions, 1, 0, 1, 0);
}

/* RFC 8985 7.2: the last segment, before the timeout is due. */
static void
test_measure__tail_probe(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    text(1, 1);
    text(2, 1);
    text(2, 30);
    acked(3, 11);
    struct la_explain_direction d = client_of_result();
    assert_again(&d.retransmissions, 1, 0, 0, 1);
}

/* It had been acknowledged already when it passed. */
static void
test_measure__spurious(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    text(1, 1);
    acked(2, 10);
    text(1, 250);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.retransmissions.total, 1);
    assert_int_equal(d.retransmissions.spurious, 1);
}

/* RFC 2883 4: each duplicate is reported once, also where its acknowledgement had passed before. */
static void
test_measure__spurious_and_reported(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    text(1, 1);
    text(2, 1);
    text(1, 5);
    acked(3, 10);
    text(1, 250);
    TAP_LINES(&tap, {.from = S,
                     .flags = ACK,
                     .seq = 1,
                     .ack = 1 + 3 * N,
                     .sack = {1 + N, 1 + 2 * N},
                     .after_ms = 10});
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.retransmissions.total, 2);
    assert_int_equal(d.retransmissions.spurious, 1);
}

/* RFC 8985 7.2: a duplicate acknowledgement that reports no block hinders no probe. */
static void
test_measure__tail_probe_behind_a_duplicate(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    text(1, 1);
    acked(1, 10);
    text(1, 190);
    acked(2, 11);
    struct la_explain_direction d = client_of_result();
    assert_again(&d.retransmissions, 1, 0, 0, 1);
}

/* It passes behind later text and less than a round trip after it: it was overtaken. */
static void
test_measure__overtaken(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    text(2, 1);
    text(1, 2);
    acked(3, 10);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.retransmissions.total, 0);
    assert_int_equal(d.reordered, 1);
    assert_int_equal(d.bytes_unique, 3 * N);
}

/* Lost before the tap: it passes once, a round trip behind what came after it. */
static void
test_measure__lost_before_the_tap(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    text(2, 1);
    acked(1, 10);
    text(1, 11);
    acked(3, 10);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.retransmissions.total, 1);
    assert_int_equal(d.reordered, 0);
    assert_int_equal(d.bytes_unique, 3 * N);
}

/* Acknowledged, and never passed: the capture's loss, not the network's. */
static void
test_measure__not_captured(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    text(2, 1);
    acked(3, 10);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.retransmissions.total, 0);
    assert_int_equal(d.capture_gaps, 1);
}

/* RFC 9293 3.8.4. */
static void
test_measure__keepalive(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    for (unsigned k = 0; k < 3; k++) {
        tap_send(&tap,
                 &(struct line){.from = C, .flags = ACK, .seq = N, .ack = 1, .after_ms = 1000});
        acked(1, 10);
    }
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.keepalives, 3);
    assert_int_equal(d.retransmissions.total, 0);
}

/* RFC 9293 3.8.6.1: shut for a second and a half, probed twice. */
static void
test_measure__zero_window(void **state)
{
    (void)state;
    text(0, 1);
    TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1 + N, .closed = true},
              {.from = C, .flags = ACK, .seq = N, .ack = 1, .after_ms = 500},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1 + N, .closed = true},
              {.from = C, .flags = ACK, .seq = N, .ack = 1, .after_ms = 498},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1 + N, .closed = true});
    acked(1, 500);
    text(1, 1);
    acked(2, 10);
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.window_probes, 2);
    assert_int_equal(d.keepalives, 0);
    assert_int_equal(d.retransmissions.total, 0);
    assert_int_equal(d.zero_windows, 1);
    assert_int_equal(d.zero_window_us, 1500000);
    assert_in_range(d.limit_us[LA_LIMIT_RECEIVER], 1499000, 1501000);
}

static void
test_measure__fin_again(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 1, .ack = 1},
              {.from = C, .flags = FIN, .seq = 1, .ack = 1, .after_ms = 220},
              {.from = C, .flags = FIN, .seq = 1, .ack = 1, .after_ms = 440});
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.retransmissions.total, 2);
    assert_int_equal(d.retransmissions.fin, 2);
}

/* It writes 10 octets a second: the time is the application's. */
static void
test_measure__nothing_to_send(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    for (unsigned k = 0; k < 10; k++)
        TAP_LINES(
            &tap,
            {.from = C, .flags = ACK, .seq = 1 + N + k, .ack = 1, .text_n = 1, .after_ms = 990},
            {.from = S, .flags = ACK, .seq = 1, .ack = 2 + N + k, .after_ms = 10});
    struct la_explain_direction d = client_of_result();
    assert_in_range(d.limit_us[LA_LIMIT_APPLICATION], 9900000, 10100000);
    assert_in_range(d.limit_us[LA_LIMIT_CONGESTION], 0, 20000);
}

/* More holes than are remembered, more samples than are kept: bounded, and no false alarm. */
static void
test_measure__bounded(void **state)
{
    (void)state;
    text(0, 1);
    acked(1, 10);
    for (unsigned k = 2; k < 60; k += 2)
        text(k, 1);
    acked(59, 10);
    for (unsigned k = 59; k < 400; k++) {
        text(k, 1);
        acked(k + 1, 5);
    }
    struct la_explain_direction d = client_of_result();
    assert_int_equal(d.retransmissions.total, 0);
    assert_int_equal(d.rtt.samples_n, 1 + 341);
    assert_int_equal(d.rtt.median_us, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tap, close_tap)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_measure__nothing_lost),
        TEST(test_measure__fast),
        TEST(test_measure__timeout),
        TEST(test_measure__one_probe),
        TEST(test_measure__hole_acknowledged),
        TEST(test_measure__hole_filled_in_part),
        TEST(test_measure__fin_overtaken),
        TEST(test_measure__shut_without_text),
        TEST(test_measure__probe_in_time),
        TEST(test_measure__timeout_behind_a_duplicate),
        TEST(test_measure__tail_probe),
        TEST(test_measure__spurious),
        TEST(test_measure__spurious_and_reported),
        TEST(test_measure__tail_probe_behind_a_duplicate),
        TEST(test_measure__overtaken),
        TEST(test_measure__lost_before_the_tap),
        TEST(test_measure__not_captured),
        TEST(test_measure__keepalive),
        TEST(test_measure__zero_window),
        TEST(test_measure__fin_again),
        TEST(test_measure__nothing_to_send),
        TEST(test_measure__bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
