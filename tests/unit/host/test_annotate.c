/* SPDX-License-Identifier: MIT
 *
 * test_annotate.c - events become comments on the packets they belong to
 *
 * The capture writer is replaced by one that remembers what it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host/annotate.h"

enum { COMMENTS_N = 32, CONN = 5, CLIENT = 0, SERVER = 1 };

static struct {
    uint64_t id;
    char text[200];
} said[COMMENTS_N];
static unsigned said_n;

void
la_capture_writer_comment(struct la_capture_writer *w, uint64_t segment_id, const char *text)
{
    (void)w;
    assert_true(said_n < COMMENTS_N);
    said[said_n].id = segment_id;
    snprintf(said[said_n++].text, sizeof(said[0].text), "%s", text);
}

static struct la_annotate annotate;

static int
setup(void **state)
{
    static const char *const names[2] = {"client", "server"};
    (void)state;
    said_n = 0;
    la_annotate_init(&annotate, NULL, names);
    return 0;
}

static void
assert_said(unsigned i, uint64_t id, const char *text)
{
    assert_true(i < said_n);
    assert_int_equal(said[i].id, id);
    assert_string_equal(said[i].text, text);
}

static void
state_event(uint8_t end, uint64_t id, enum la_tcp_state from, enum la_tcp_event event)
{
    static const uint8_t to[LA_TCP_STATE_COUNT][LA_TCP_EV_COUNT] = {
#define EDGE(a, e, b, section) [LA_TCP_##a][LA_TCP_EV_##e] = LA_TCP_##b,
#include <lastack/tcp_fsm.def>
#undef EDGE
    };
    const struct la_event what = {
        .kind = LA_EVENT_STATE,
        .end = end,
        .conn = CONN,
        .segment_id = id,
        .u.state = {.from = (uint8_t)from, .to = to[from][event], .event = (uint8_t)event}};
    la_annotate_event(&annotate, &what);
}

static void
sent_event(uint8_t end, uint64_t id, enum la_cause cause, uint8_t retransmit_n)
{
    const struct la_event what = {
        .kind = LA_EVENT_SEGMENT_SENT,
        .end = end,
        .conn = CONN,
        .segment_id = id,
        .u.segment = {.cause = (uint8_t)cause, .retransmit_n = retransmit_n}};
    la_annotate_event(&annotate, &what);
}

static void
test_annotate__state_on_its_segment(void **state)
{
    (void)state;
    state_event(CLIENT, 12, LA_TCP_SYN_SENT, LA_TCP_EV_RCV_SYN_ACK);
    state_event(SERVER, 11, LA_TCP_LISTEN, LA_TCP_EV_RCV_SYN);
    state_event(SERVER, 13, LA_TCP_LAST_ACK, LA_TCP_EV_RCV_FIN); /* remains */
    assert_int_equal(said_n, 2);
    assert_said(0, 12, "client SYN-SENT -> ESTABLISHED (RFC 9293 3.10.7.3 fourth)");
    assert_said(1, 11, "server LISTEN -> SYN-RECEIVED (RFC 9293 3.10.7.2 third)");
}

/* What a call causes stands on the segment that the same connection sends next. */
static void
test_annotate__call_on_the_next_segment(void **state)
{
    (void)state;
    state_event(CLIENT, 0, LA_TCP_CLOSED, LA_TCP_EV_OPEN_ACTIVE);
    sent_event(SERVER, 7, LA_CAUSE_ACK, 0);
    assert_int_equal(said_n, 0);
    sent_event(CLIENT, 8, LA_CAUSE_OPEN, 0);
    sent_event(CLIENT, 9, LA_CAUSE_DATA, 0);
    assert_int_equal(said_n, 1);
    assert_said(0, 8, "client CLOSED -> SYN-SENT (RFC 9293 3.10.1)");
}

static void
test_annotate__waiting_is_bounded(void **state)
{
    (void)state;
    state_event(CLIENT, 0, LA_TCP_CLOSED, LA_TCP_EV_OPEN_ACTIVE);
    for (unsigned i = 0; i < LA_ANNOTATE_WAITING_N - 1; i++)
        state_event(CLIENT, 0, LA_TCP_ESTABLISHED, LA_TCP_EV_CLOSE);
    sent_event(CLIENT, 8, LA_CAUSE_OPEN, 0);
    assert_int_equal(said_n, LA_ANNOTATE_WAITING_N);
    assert_said(0, 8, "client CLOSED -> SYN-SENT (RFC 9293 3.10.1)"); /* in their order */
    said_n = 0;
    for (unsigned i = 0; i < LA_ANNOTATE_WAITING_N + 5; i++)
        state_event(CLIENT, 0, LA_TCP_ESTABLISHED, LA_TCP_EV_CLOSE);
    sent_event(CLIENT, 9, LA_CAUSE_FIN, 0);
    assert_int_equal(said_n, LA_ANNOTATE_WAITING_N);
}

/* In the order in which they happened, also across the end of the ring. */
static void
test_annotate__order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LA_ANNOTATE_WAITING_N - 1; i++)
        state_event(SERVER, 0, LA_TCP_ESTABLISHED, LA_TCP_EV_CLOSE);
    state_event(CLIENT, 0, LA_TCP_CLOSED, LA_TCP_EV_OPEN_PASSIVE);
    state_event(CLIENT, 0, LA_TCP_LISTEN, LA_TCP_EV_OPEN_ACTIVE);
    sent_event(CLIENT, 8, LA_CAUSE_OPEN, 0);
    assert_int_equal(said_n, 2);
    assert_said(0, 8, "client CLOSED -> LISTEN (RFC 9293 3.10.1)");
    assert_said(1, 8, "client LISTEN -> SYN-SENT (RFC 9293 3.10.1)");
}

static void
test_annotate__causes(void **state)
{
    (void)state;
    for (unsigned cause = 0; cause < LA_CAUSE_COUNT; cause++)
        sent_event(CLIENT, 1, (enum la_cause)cause, 0);
    assert_int_equal(said_n, 15); /* those that need a word */
    said_n = 0;
    sent_event(CLIENT, 3, LA_CAUSE_RETRANSMIT_RTO, 1);
    sent_event(SERVER, 4, LA_CAUSE_RETRANSMIT_FAST, 2);
    sent_event(SERVER, 5, LA_CAUSE_KEEPALIVE, 0);
    assert_said(0, 3, "client sends: retransmission timeout (sent 1 time before)");
    assert_said(1, 4, "server sends: fast retransmit: third duplicate ACK (sent 2 times before)");
    assert_said(2, 5, "server sends: keep-alive probe");
}

static void
test_annotate__drops_and_the_wire(void **state)
{
    (void)state;
    struct la_event what = {.kind = LA_EVENT_DROP,
                            .end = SERVER,
                            .segment_id = 4,
                            .u.drop.reason = LA_REASON_SEQ_OUTSIDE_WINDOW};
    la_annotate_event(&annotate, &what);
    what = (struct la_event){.kind = LA_EVENT_WIRE,
                             .segment_id = 6,
                             .u.wire = {.fate = LA_WIRE_DROPPED, .reason = LA_REASON_WIRE_LOST}};
    la_annotate_event(&annotate, &what);
    what.u.wire.fate = LA_WIRE_DELIVERED;
    la_annotate_event(&annotate, &what);
    what.kind = LA_EVENT_RTT;
    la_annotate_event(&annotate, &what);
    what.kind = 255;
    la_annotate_event(&annotate, &what);
    assert_int_equal(said_n, 2);
    assert_said(0, 4, "server: segment outside the receive window (RFC 9293 3.10.7.4 first)");
    assert_said(1, 6, "wire: lost on the wire");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_annotate__state_on_its_segment, setup),
        cmocka_unit_test_setup(test_annotate__call_on_the_next_segment, setup),
        cmocka_unit_test_setup(test_annotate__waiting_is_bounded, setup),
        cmocka_unit_test_setup(test_annotate__order, setup),
        cmocka_unit_test_setup(test_annotate__causes, setup),
        cmocka_unit_test_setup(test_annotate__drops_and_the_wire, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
