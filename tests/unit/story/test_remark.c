/* SPDX-License-Identifier: MIT
 *
 * test_remark.c - what is said of segments outside the ladder: on which one, in which words
 */
#include "support.h"

#include <stdio.h>

enum { SAID_N = 64 };

struct ears {
    struct {
        uint64_t id;
        char line[512];
    } said[SAID_N];
    unsigned said_n;
};

static void
hear(void *ctx, uint64_t segment_id, const char *text)
{
    struct ears *ears = ctx;
    assert_true(ears->said_n < SAID_N);
    assert_int_not_equal(segment_id, 0);
    ears->said[ears->said_n].id = segment_id;
    snprintf(ears->said[ears->said_n++].line, sizeof(ears->said[0].line), "%s", text);
}

static struct ears ears;
static struct rig rig;
static struct play play;

static int
setup(void **state)
{
    (void)state;
    struct la_story_cfg cfg = rig_cfg(100, 0);
    cfg.remark = hear;
    cfg.remark_ctx = &ears;
    ears.said_n = 0;
    rig_begin(&rig, cfg);
    play_init(&play, &rig.trace, 50000);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    rig_finish(&rig);
    rig_end(&rig);
    return 0;
}

static void
assert_said(unsigned i, uint64_t id, const char *line)
{
    assert_true(i < ears.said_n);
    assert_string_equal(ears.said[i].line, line);
    assert_int_equal(ears.said[i].id, id);
}

/* The ladder's words, with signs that one can type, on the segment that caused the change. */
static void
test_remark__state_on_its_segment(void **state)
{
    (void)state;
    play_state(&play, CLIENT, LA_TCP_EV_OPEN_ACTIVE, 0);
    uint64_t syn = play_send(&play, CLIENT, SYN, 0, LA_CAUSE_OPEN);
    play_arrive(&play, syn);
    assert_int_equal(ears.said_n, 1);
    uint64_t answer = play_send(&play, SERVER, SYN | ACK, 0, LA_CAUSE_OPEN);
    play_arrive(&play, answer);
    play_state(&play, CLIENT, LA_TCP_EV_RCV_SYN_ACK, answer);
    assert_int_equal(ears.said_n, 2);
    assert_said(1, answer,
                "client SYN-SENT -> ESTABLISHED, SYN,ACK received (RFC 9293 3.10.7.3 fourth)");
}

/* What a call causes stands on the segment that the same end sends next, and only there. */
static void
test_remark__call_on_the_next_segment(void **state)
{
    (void)state;
    play_handshake(&play);
    ears.said_n = 0;
    play_call(&play, CLIENT, LA_CALL_CLOSE);
    play_state(&play, CLIENT, LA_TCP_EV_CLOSE, 0);
    play_send(&play, SERVER, ACK, 100, LA_CAUSE_DATA);
    assert_int_equal(ears.said_n, 0);
    uint64_t fin = play_send(&play, CLIENT, FIN | ACK, 0, LA_CAUSE_FIN);
    play_send(&play, CLIENT, ACK, 0, LA_CAUSE_ACK);
    assert_int_equal(ears.said_n, 1);
    assert_said(0, fin, "client ESTABLISHED -> FIN-WAIT-1 (RFC 9293 3.10.4)");
}

/* In their order; the oldest of too many is given up. */
static void
test_remark__waiting_is_bounded(void **state)
{
    (void)state;
    enum { WAIT_N = 16 };
    play_handshake(&play);
    ears.said_n = 0;
    for (unsigned i = 0; i < WAIT_N + 5; i++)
        play_error(&play, CLIENT, i % 2 == 0 ? LA_ERR_TIMED_OUT : LA_ERR_NET_UNREACHABLE, 0);
    uint64_t id = play_send(&play, CLIENT, ACK, 0, LA_CAUSE_ACK);
    assert_int_equal(ears.said_n, WAIT_N);
    assert_said(0, id, "client is told: the network cannot be reached");
    assert_said(1, id, "client is told: connection timed out");
}

static void
test_remark__retransmission_and_its_timer(void **state)
{
    (void)state;
    play_handshake(&play);
    play_send(&play, CLIENT, ACK, 1000, LA_CAUSE_DATA);
    ears.said_n = 0;
    play_timer(&play, CLIENT, LA_TIMER_RETRANSMIT, 200000, 400000);
    uint64_t id = play_send_again(&play, CLIENT, ACK, 1, 1000, LA_CAUSE_RETRANSMIT_RTO, 1);
    assert_int_equal(ears.said_n, 1);
    assert_said(0, id,
                "retransmission 1 of seq 1: timeout after 200 ms, next in 400 ms "
                "(RFC 6298 5.4-5.6)");
}

/* The ladder says a refusal once; either segment of it is marked in a capture. */
static void
test_remark__both_segments_of_a_refusal(void **state)
{
    (void)state;
    uint64_t syn = play_send(&play, CLIENT, SYN, 0, LA_CAUSE_OPEN);
    play_arrive(&play, syn);
    play_drop(&play, SERVER, LA_REASON_NO_CONNECTION, syn);
    uint64_t rst = play_send(&play, SERVER, RST | ACK, 0, LA_CAUSE_RST_REFUSED);
    assert_int_equal(ears.said_n, 2);
    assert_said(0, syn,
                "server: no connection and no listener: answered with RST (RFC 9293 3.10.7.1)");
    assert_said(1, rst, "refused: no such connection, nobody listens (RFC 9293 3.10.7.1)");
}

/* The ladder's arrow shows a loss; of another protocol's packets it has no row. */
static void
test_remark__what_the_wire_does(void **state)
{
    (void)state;
    uint64_t syn = play_send(&play, CLIENT, SYN, 0, LA_CAUSE_OPEN);
    play_wire(&play, syn, LA_WIRE_DROPPED, LA_REASON_WIRE_LOST);
    assert_int_equal(ears.said_n, 1);
    assert_said(0, syn, "lost on the wire");
    struct la_event other = {
        .kind = LA_EVENT_WIRE, .segment_id = 77, .u.wire = {.fate = LA_WIRE_CORRUPTED}};
    rig.trace.sink(rig.trace.ctx, &other);
    other.u.wire.fate = LA_WIRE_DELIVERED;
    rig.trace.sink(rig.trace.ctx, &other);
    other = (struct la_event){.kind = LA_EVENT_DROP,
                              .end = SERVER,
                              .segment_id = 77,
                              .u.drop.reason = LA_REASON_IP_CHECKSUM};
    rig.trace.sink(rig.trace.ctx, &other);
    assert_int_equal(ears.said_n, 3);
    assert_said(1, 77, la_reason_text(LA_REASON_WIRE_CORRUPTED));
    assert_int_equal(ears.said[2].id, 77);
    assert_non_null(strstr(ears.said[2].line, "server: "));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_remark__state_on_its_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remark__call_on_the_next_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remark__waiting_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remark__retransmission_and_its_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remark__both_segments_of_a_refusal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remark__what_the_wire_does, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
