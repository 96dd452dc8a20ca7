/* SPDX-License-Identifier: MIT
 *
 * test_speed.c - what held a sender back, and what small windows and small segments cost
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tap.h"

#define ACK LA_TCP_ACK
enum { N = 1000, WINDOW_N = 8, PACE_MS = 4 };

static struct tap tap;

static int
open_tap(void **state)
{
    (void)state;
    struct la_explain_cfg cfg;
    la_explain_cfg_init(&cfg);
    cfg.throughput = true;
    tap_open(&tap, &cfg, 0);
    tap_handshake(&tap);
    return 0;
}

/* The server's window from the beginning: it may not shrink. */
static void
open_small(uint16_t wnd)
{
    tap_close(&tap);
    tap_open(&tap, NULL, 0);
    TAP_LINES(&tap, {.from = C, .flags = LA_TCP_SYN, .has = LA_TCP_HAS_MSS},
              {.from = S,
               .flags = LA_TCP_SYN | ACK,
               .ack = 1,
               .has = LA_TCP_HAS_MSS,
               .wnd = wnd,
               .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1});
}

static int
close_tap(void **state)
{
    (void)state;
    tap_close(&tap);
    return 0;
}

static void
text(uint32_t seq, uint32_t text_n, uint32_t after_ms)
{
    tap_send(
        &tap,
        &(struct line){
            .from = C, .flags = ACK, .seq = seq, .ack = 1, .text_n = text_n, .after_ms = after_ms});
}

static void
acked(uint32_t ack, uint16_t wnd, uint32_t after_ms)
{
    tap_send(&tap, &(struct line){.from = S,
                                  .flags = ACK,
                                  .seq = 1,
                                  .ack = ack,
                                  .wnd = wnd,
                                  .closed = wnd == 0,
                                  .after_ms = after_ms});
}

/* Of all the time of the client. */
static unsigned
percent(const struct la_explain_direction *d, enum la_limit limit)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LA_LIMIT_COUNT; i++)
        sum += d->limit_us[i];
    return (unsigned)(d->limit_us[limit] * 100 / sum);
}

/* Segments go out at a pace, then one for each that is acknowledged; so many are in flight. */
static void
steady(uint32_t segments_n, uint32_t acks_n, uint32_t pace_ms)
{
    for (uint32_t k = 0; k < segments_n; k++)
        text(1 + k * N, N, pace_ms);
    for (uint32_t k = 0; k < acks_n; k++) {
        acked(1 + (k + 1) * N, 60000, pace_ms - 1);
        text(1 + (k + segments_n) * N, N, 1);
    }
}

/* ---- limits ----------------------------------------------------------------------------- */

/* As much in flight as ever, no queue, no loss: neither Reno nor CUBIC do that. */
static void
test_speed__send_buffer(void **state)
{
    (void)state;
    steady(WINDOW_N, 40 * WINDOW_N, PACE_MS);
    struct la_explain_conn conn = tap_result(&tap);
    const struct la_explain_direction *d = &conn.direction[C];
    assert_true(d->limits_told);
    assert_true(percent(d, LA_LIMIT_SEND_BUFFER) > 80);
    assert_true(percent(d, LA_LIMIT_CONGESTION) < 10);
    assert_int_equal(percent(d, LA_LIMIT_PATH), 0);
}

/* The same for fewer rounds: nothing is known yet. */
static void
test_speed__ceiling_takes_16_rounds(void **state)
{
    (void)state;
    steady(WINDOW_N, 12 * WINDOW_N, PACE_MS);
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.direction[C].limit_us[LA_LIMIT_SEND_BUFFER], 0);
    assert_true(percent(&conn.direction[C], LA_LIMIT_CONGESTION) > 80);
}

/* A window that grows by a segment each round trip is the congestion window. */
static void
test_speed__growth_is_no_ceiling(void **state)
{
    (void)state;
    uint32_t sent = 0, acked_n = 0;
    for (uint32_t window = WINDOW_N; window < 40; window++)
        for (uint32_t k = 0; k < window; k++) {
            if (acked_n < sent && sent - acked_n >= window - 1)
                acked(1 + ++acked_n * N, 60000, 1);
            for (; sent - acked_n < window; sent++)
                text(1 + sent * N, N, 1);
        }
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.direction[C].limit_us[LA_LIMIT_SEND_BUFFER], 0);
}

/* A ceiling that is exceeded in the end was none: all of it is the congestion window's. */
static void
test_speed__ceiling_exceeded(void **state)
{
    (void)state;
    enum { ACKS_N = 40 * WINDOW_N };
    steady(WINDOW_N, ACKS_N, PACE_MS);
    for (uint32_t k = 0; k < WINDOW_N; k++)
        text(1 + (ACKS_N + WINDOW_N + k) * N, N, 1);
    for (uint32_t k = 0; k < 4 * WINDOW_N; k++) {
        acked(1 + (ACKS_N + k + 1) * N, 60000, 2);
        text(1 + (ACKS_N + 2 * WINDOW_N + k) * N, N, 1);
    }
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.direction[C].limit_us[LA_LIMIT_SEND_BUFFER], 0);
}

/* The round trip has doubled: a queue stands at the bottleneck. */
static void
test_speed__path(void **state)
{
    (void)state;
    text(1, N, 1);
    acked(1 + N, 60000, 12);
    for (uint32_t k = 1; k <= WINDOW_N; k++)
        text(1 + k * N, N, 1);
    for (uint32_t k = 1; k < 30 * WINDOW_N; k++) {
        acked(1 + (k + 1) * N, 60000, 3);
        text(1 + (k + WINDOW_N) * N, N, 1);
    }
    struct la_explain_conn conn = tap_result(&tap);
    assert_true(percent(&conn.direction[C], LA_LIMIT_PATH) > 80);
    assert_int_equal(conn.direction[C].limit_us[LA_LIMIT_SEND_BUFFER], 0);
}

/* At the receiver, what is in flight has arrived and is acknowledged: nothing can be said. */
static void
test_speed__tap_at_the_receiver(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < 50; k++) {
        tap_send(
            &tap,
            &(struct line){
                .from = S, .flags = ACK, .seq = 1 + k * N, .ack = 1, .text_n = N, .after_ms = 20});
        tap_send(&tap, &(struct line){.from = C, .flags = ACK, .seq = 1, .ack = 1 + (k + 1) * N});
    }
    struct la_explain_conn conn = tap_result(&tap);
    assert_false(conn.direction[S].limits_told);
    assert_int_equal(conn.direction[S].congestion.family, LA_CONGESTION_UNKNOWN);
}

/* ---- windows and small segments --------------------------------------------------------- */

static void
test_speed__window_full(void **state)
{
    (void)state;
    uint32_t sent = 0;
    open_small(4 * N);
    for (; sent < 4; sent++)
        text(1 + sent * N, N, 1);
    for (uint32_t k = 0; k < 40; k++, sent++) {
        acked(1 + (k + 1) * N, 4 * N, 9);
        text(1 + sent * N, N, 1);
    }
    struct la_explain_conn conn = tap_result(&tap);
    const struct la_explain_finding *f = tap_finding(&conn, LA_FINDING_WINDOW_FULL);
    assert_non_null(f);
    assert_int_equal(f->who, LA_WHO_SERVER);
    assert_int_equal(f->certainty, LA_CERTAINTY_SEEN);
    assert_int_equal(f->n, 41);
    assert_int_equal(f->frames_n, 4);
    assert_int_equal(f->frames[0], 3 + 4); /* the fourth segment fills it */
    assert_true(f->values[1] > 350000);
}

/* RFC 9293 3.8.6.2.2: of 8000 octets, 100 at a time are offered again. */
static void
test_speed__silly_receiver(void **state)
{
    (void)state;
    uint32_t seq = 1;
    open_small(8000);
    for (; seq <= 7001; seq += N)
        text(seq, N, 1);
    acked(seq, 0, 10);
    for (unsigned k = 0; k < 6; k++, seq += 100) {
        acked(seq, 100, 10);
        text(seq, 100, 150); /* after the override timer: the sender is not to blame */
        acked(seq + 100, 0, 10);
    }
    struct la_explain_conn conn = tap_result(&tap);
    const struct la_explain_finding *f = tap_finding(&conn, LA_FINDING_SILLY_WINDOW);
    assert_non_null(f);
    assert_int_equal(f->who, LA_WHO_SERVER);
    assert_int_equal(f->n, 6);
    assert_null(tap_finding(&conn, LA_FINDING_SILLY_SEGMENT));
}

/* RFC 9293 3.8.6.2.1: each rest of the window is filled at once. */
static void
test_speed__silly_sender(void **state)
{
    (void)state;
    uint32_t seq = 1;
    open_small(8000);
    for (; seq <= 7001; seq += N)
        text(seq, N, 1);
    for (unsigned k = 0; k < 6; k++, seq += 200) {
        acked(seq, 200, 10);
        text(seq, 200, 1);
    }
    struct la_explain_conn conn = tap_result(&tap);
    const struct la_explain_finding *f = tap_finding(&conn, LA_FINDING_SILLY_SEGMENT);
    assert_non_null(f);
    assert_int_equal(f->who, LA_WHO_CLIENT);
    assert_int_equal(f->n, 6);
}

/* Windows of a segment each, where a device cuts what the sender gives it: none of them is silly,
 * though all are smaller than the largest that passed, and than half of the largest window. */
static void
test_speed__no_silly_windows_of_segments(void **state)
{
    (void)state;
    enum { MSS = 1460, SUPER_N = 2900 };
    uint32_t seq = 1;
    open_small(8000);
    text(seq, SUPER_N, 1);
    seq += SUPER_N;
    for (unsigned k = 0; k < 6; k++, seq += MSS) {
        acked(seq, 0, 10);
        acked(seq, MSS, 10);
        text(seq, MSS, 1);
    }
    struct la_explain_conn conn = tap_result(&tap);
    assert_null(tap_finding(&conn, LA_FINDING_SILLY_WINDOW));
    assert_null(tap_finding(&conn, LA_FINDING_SILLY_SEGMENT));
}

/* A window that shrinks as it fills, and opens by a half, is as it should be. */
static void
test_speed__no_silly_windows(void **state)
{
    (void)state;
    uint32_t seq = 1;
    open_small(4000);
    for (unsigned k = 0; k < 6; k++) {
        acked(seq, 4000, 10);
        for (uint16_t left = 4000; left > 0; left = (uint16_t)(left - N), seq += N) {
            text(seq, N, 1);
            acked(seq + N, (uint16_t)(left - N), 10);
        }
    }
    struct la_explain_conn conn = tap_result(&tap);
    assert_null(tap_finding(&conn, LA_FINDING_SILLY_WINDOW));
    assert_null(tap_finding(&conn, LA_FINDING_SILLY_SEGMENT));
}

/* A request in two writes: the second waits for the ACK of the first, which is delayed. */
static void
two_writes(uint32_t ack_after_ms, uint32_t text_after_ms)
{
    uint32_t seq = 1, answer = 1;
    for (unsigned k = 0; k < 5; k++, seq += 300, answer += 50) {
        struct line answer_line = {
            .from = S, .flags = ACK, .seq = answer, .ack = seq + 300, .text_n = 50, .after_ms = 10};
        TAP_LINES(
            &tap,
            {.from = C, .flags = ACK, .seq = seq, .ack = answer, .text_n = 100, .after_ms = 5},
            {.from = S, .flags = ACK, .seq = answer, .ack = seq + 100, .after_ms = ack_after_ms},
            {.from = C,
             .flags = ACK,
             .seq = seq + 100,
             .ack = answer,
             .text_n = 200,
             .after_ms = text_after_ms},
            answer_line);
    }
}

static void
test_speed__nagle_delayed_ack(void **state)
{
    (void)state;
    two_writes(50, 1);
    struct la_explain_conn conn = tap_result(&tap);
    const struct la_explain_finding *f = tap_finding(&conn, LA_FINDING_NAGLE_DELAYED_ACK);
    assert_non_null(f);
    assert_int_equal(f->who, LA_WHO_CLIENT);
    assert_int_equal(f->certainty, LA_CERTAINTY_INFERRED);
    assert_int_equal(f->n, 5);
    assert_int_equal(f->values[1], 5 * 40000);
    assert_int_equal(f->frames[0], 3 + 3);
}

static void
test_speed__ack_in_time(void **state)
{
    (void)state;
    two_writes(12, 1);
    struct la_explain_conn conn = tap_result(&tap);
    assert_null(tap_finding(&conn, LA_FINDING_NAGLE_DELAYED_ACK));
}

/* The ACK is late, and nobody waits for it. */
static void
test_speed__text_in_its_own_time(void **state)
{
    (void)state;
    two_writes(50, 30);
    struct la_explain_conn conn = tap_result(&tap);
    assert_null(tap_finding(&conn, LA_FINDING_NAGLE_DELAYED_ACK));
}

/* ---- throughput ------------------------------------------------------------------------- */

static void
test_speed__throughput(void **state)
{
    (void)state;
    uint64_t sum = 0;
    steady(WINDOW_N, 100, PACE_MS);
    text(1, N, 1); /* again: it counts once */
    struct la_explain_conn conn = tap_result(&tap);
    const struct la_explain_direction *d = &conn.direction[C];
    assert_non_null(d->throughput);
    for (size_t i = 0; i < d->throughput_n; i++)
        sum += d->throughput[i];
    assert_int_equal(sum, d->bytes_unique);
    uint64_t lasted_ms = (uint64_t)(conn.last_at.ns - conn.first_at.ns) / 1000000;
    assert_int_equal(d->throughput_n, lasted_ms / d->throughput_ms + 1);
    assert_int_equal(d->throughput[d->throughput_n / 2], N * d->throughput_ms / PACE_MS);
    assert_null(conn.direction[S].throughput);
}

#define WITH_TAP(test) cmocka_unit_test_setup_teardown(test, open_tap, close_tap)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TAP(test_speed__send_buffer),
        WITH_TAP(test_speed__ceiling_takes_16_rounds),
        WITH_TAP(test_speed__growth_is_no_ceiling),
        WITH_TAP(test_speed__ceiling_exceeded),
        WITH_TAP(test_speed__path),
        WITH_TAP(test_speed__tap_at_the_receiver),
        WITH_TAP(test_speed__window_full),
        WITH_TAP(test_speed__silly_receiver),
        WITH_TAP(test_speed__silly_sender),
        WITH_TAP(test_speed__no_silly_windows_of_segments),
        WITH_TAP(test_speed__no_silly_windows),
        WITH_TAP(test_speed__nagle_delayed_ack),
        WITH_TAP(test_speed__ack_in_time),
        WITH_TAP(test_speed__text_in_its_own_time),
        WITH_TAP(test_speed__throughput),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
