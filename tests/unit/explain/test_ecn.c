/* SPDX-License-Identifier: MIT
 *
 * test_ecn.c - marks of congestion, and reports of them
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lastack/wire.h>

#include "tap.h"

#define ACK LA_TCP_ACK
#define ECE LA_TCP_ECE
#define CWR LA_TCP_CWR
#define AE LA_TCP_AE

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

/* What the SYN asks for, and what the SYN,ACK says. */
static void
open_with(uint16_t asked, uint16_t answer)
{
    TAP_LINES(&tap, {.from = C, .flags = LA_TCP_SYN | asked, .has = LA_TCP_HAS_MSS},
              {.from = S,
               .flags = LA_TCP_SYN | ACK | answer,
               .ack = 1,
               .has = LA_TCP_HAS_MSS,
               .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1});
}

static void
text(uint32_t seq, uint8_t ip_ecn, uint16_t more)
{
    tap_send(&tap, &(struct line){.from = C,
                                  .flags = ACK | more,
                                  .seq = seq,
                                  .ack = 1,
                                  .text_n = 1000,
                                  .ip_ecn = ip_ecn});
}

static void
acked(uint32_t ack, uint16_t more)
{
    tap_send(&tap,
             &(struct line){.from = S, .flags = ACK | more, .seq = 1, .ack = ack, .after_ms = 10});
}

/* RFC 3168 6.1.3: ECE until CWR comes is one report. */
static void
test_ecn__reports(void **state)
{
    (void)state;
    open_with(ECE | CWR, ECE);
    for (uint32_t seq = 1; seq < 6000; seq += 1000)
        text(seq, LA_IP_ECT_0, seq == 3001 ? CWR : 0);
    acked(1001, ECE);
    acked(2001, ECE);
    acked(3001, ECE);
    acked(4001, 0);
    acked(5001, ECE);
    acked(6001, 0);
    struct la_explain_conn conn = tap_result(&tap);
    assert_true((conn.open.agreed & LA_EXPLAIN_HAS_ECN) != 0);
    assert_false((conn.open.agreed & LA_EXPLAIN_HAS_ACCURATE_ECN) != 0);
    assert_int_equal(conn.direction[C].ect, 6);
    assert_int_equal(conn.direction[C].ce, 0);
    assert_int_equal(conn.direction[C].ce_reports, 2);
    const struct la_explain_finding *f = tap_finding(&conn, LA_FINDING_CE_REPORTED);
    assert_non_null(f);
    assert_int_equal(f->who, LA_WHO_CLIENT);
    assert_int_equal(f->values[0], 2);
    assert_null(tap_finding(&conn, LA_FINDING_CE_MARKED));
}

/* Behind the queue the marks themselves pass, and their reports are no news. */
static void
test_ecn__marks(void **state)
{
    (void)state;
    open_with(ECE | CWR, ECE);
    text(1, LA_IP_ECT_0, 0);
    text(1001, LA_IP_CE, 0);
    text(2001, LA_IP_CE, 0);
    acked(3001, ECE);
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.direction[C].ect, 3);
    assert_int_equal(conn.direction[C].ce, 2);
    assert_int_equal(conn.direction[C].ce_reports, 1);
    const struct la_explain_finding *f = tap_finding(&conn, LA_FINDING_CE_MARKED);
    assert_non_null(f);
    assert_int_equal(f->values[0], 2);
    assert_int_equal(f->frames[0], 5);
    assert_null(tap_finding(&conn, LA_FINDING_CE_REPORTED));
}

/* RFC 9768 3.2.2: the number begins at 5 and goes round. What acknowledges nothing new is no count.
 */
static void
test_ecn__accurate(void **state)
{
    (void)state;
    open_with(AE | CWR | ECE, CWR);
    for (uint32_t seq = 1; seq < 4000; seq += 1000)
        text(seq, LA_IP_ECT_0, 0);
    acked(1001, AE | ECE);       /* 5 */
    acked(2001, AE | CWR | ECE); /* 7 */
    acked(2001, AE);
    acked(4001, CWR); /* 10 */
    struct la_explain_conn conn = tap_result(&tap);
    assert_true((conn.open.agreed & LA_EXPLAIN_HAS_ACCURATE_ECN) != 0);
    assert_false((conn.open.agreed & LA_EXPLAIN_HAS_ECN) != 0);
    assert_int_equal(conn.direction[C].ce_reports, 5);
}

/* ECE without an agreement says nothing. */
static void
test_ecn__not_agreed(void **state)
{
    (void)state;
    open_with(ECE | CWR, 0);
    text(1, 0, 0);
    acked(1001, ECE);
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.open.agreed & (LA_EXPLAIN_HAS_ECN | LA_EXPLAIN_HAS_ACCURATE_ECN), 0);
    assert_int_equal(conn.direction[C].ce_reports, 0);
    assert_int_equal(conn.findings_n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ecn__reports, open_tap, close_tap),
        cmocka_unit_test_setup_teardown(test_ecn__marks, open_tap, close_tap),
        cmocka_unit_test_setup_teardown(test_ecn__accurate, open_tap, close_tap),
        cmocka_unit_test_setup_teardown(test_ecn__not_agreed, open_tap, close_tap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
