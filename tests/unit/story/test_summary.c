/* SPDX-License-Identifier: MIT
 *
 * test_summary.c - how each connection is said to have begun and ended, and the table of all
 */
#include "support.h"

static void
assert_summary(const char *scene, const char *opened, const char *closed, const char *now)
{
    struct rig rig;
    rig_scene(&rig, scene, rig_cfg(120, LA_STORY_NO_LADDER));
    must_show(&rig, opened);
    if (closed != NULL)
        must_show(&rig, closed);
    else
        must_not_show(&rig, "   closed ");
    must_show(&rig, now);
    must_not_show(&rig, "├");
    rig_end(&rig);
}

static void
test_summary__opened_and_closed(void **state)
{
    (void)state;
    const char *handshake = "opened    by client: handshake, 40.0 ms\n";
    assert_summary("simple", handshake,
                   "closed    by client: four segments; half-closed for 32.0 ms",
                   "now       client CLOSED, server CLOSED");
    assert_summary("rto", handshake, "closed    by server: four segments",
                   "now       client CLOSED, server CLOSED");
    assert_summary("close_merged", handshake,
                   "closed    by client: three segments, ACK and FIN of server in one",
                   "now       client TIME-WAIT, server CLOSED");
    assert_summary("close_simultaneous", handshake, "closed    by both at once: simultaneous close",
                   "now       client TIME-WAIT, server TIME-WAIT");
    assert_summary("abort", handshake, "closed    by client: reset, ABORT by its user",
                   "now       client CLOSED, server CLOSED (connection reset by the peer)");
    assert_summary("refused", "opened    not at all: client asked, server refused", NULL,
                   "now       client CLOSED (connection refused)");
    assert_summary("syn_timeout", "opened    not at all: client gave up, there was no answer", NULL,
                   "now       client CLOSED (connection timed out)");
}

static void
test_summary__what_was_carried_and_lost(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "bulk", rig_cfg(120, LA_STORY_NO_LADDER));
    must_show(&rig, "→ 2,920,000 octets in 2,005 segments, ← 0 octets in 1,003 segments");
    must_show(&rig, "→ 1 lost on the wire, sent again: 1 by SACK");
    rig_end(&rig);
    rig_scene(&rig, "rto", rig_cfg(120, LA_STORY_NO_LADDER));
    must_show(&rig, "→ 512 octets in 7 segments"); /* octets count once */
    must_show(&rig, "→ 1 lost on the wire, 1 dropped by a full queue, sent again: 2 after timeout");
    rig_end(&rig);
    rig_scene(&rig, "simple", rig_cfg(120, LA_STORY_NO_LADDER));
    must_show(&rig, "nothing lost, nothing sent twice");
    must_show(&rig, "RTT       client 40.0 / 40.9 / 40.9 ms, server 40.0 / 80.0 / 80.0 ms");
    must_show(&rig, "agreed    MSS 1460, window scale 7, SACK, timestamps");
    rig_end(&rig);
}

/* SYNs cross: no SYN,ACK is the first answer. */
static void
test_summary__simultaneous_open(void **state)
{
    (void)state;
    struct rig rig;
    struct play p;
    uint64_t syn[2], syn_ack[2];
    rig_begin(&rig, rig_cfg(120, 0));
    play_init(&p, &rig.trace, 50000);
    p.state[SERVER] = LA_TCP_CLOSED;
    for (int end = CLIENT; end <= SERVER; end++) {
        play_call(&p, end, LA_CALL_OPEN_ACTIVE);
        play_state(&p, end, LA_TCP_EV_OPEN_ACTIVE, 0);
        syn[end] = play_send(&p, end, SYN, 0, LA_CAUSE_OPEN);
    }
    play_at(&p, 20000);
    for (int end = CLIENT; end <= SERVER; end++) {
        play_arrive(&p, syn[end]);
        play_state(&p, end ^ 1, LA_TCP_EV_RCV_SYN, syn[end]);
        syn_ack[end ^ 1] = play_send_again(&p, end ^ 1, SYN | ACK, 0, 0, LA_CAUSE_OPEN, 1);
    }
    play_at(&p, 40000);
    for (int end = CLIENT; end <= SERVER; end++) {
        play_arrive(&p, syn_ack[end]);
        play_state(&p, end ^ 1, LA_TCP_EV_ACK_OF_SYN, syn_ack[end]);
    }
    rig_finish(&rig);
    must_show(&rig, "opened    by both at once: simultaneous open");
    must_show(&rig, "closed    not yet");
    must_show(&rig, "now       client ESTABLISHED, server ESTABLISHED");
    rig_end(&rig);
}

static void
test_summary__half_closed_and_seen_too_late(void **state)
{
    (void)state;
    struct rig rig;
    struct play p;
    rig_begin(&rig, rig_cfg(120, 0));
    play_init(&p, &rig.trace, 50000);
    p.nxt[CLIENT] = 5001;
    p.rcv[CLIENT] = 9001;
    p.rcv[SERVER] = 5001;
    p.nxt[SERVER] = 9001;
    play_arrive(&p, play_send(&p, CLIENT, PSH | ACK, 10, LA_CAUSE_NONE));
    play_arrive(&p, play_send(&p, CLIENT, FIN | ACK, 0, LA_CAUSE_NONE));
    rig_finish(&rig);
    must_show(&rig, "PSH,ACK seq 1 len 10 ack 1 "); /* as if the first octet were number 1 */
    must_show(&rig, "opened    before the first event seen here");
    must_show(&rig, "closed    half: client has sent its FIN, server has not");
    rig_end(&rig);
}

/* TIME-WAIT may last: the connection is summed up when nothing more is to be expected. */
static void
test_summary__does_not_wait_for_time_wait(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig, rig_cfg(120, 0));
    scene_named("close_merged")->run(&rig.trace);
    la_story_flush(rig.story, (la_instant){INT64_C(1000000000)});
    must_not_show(&rig, "opened");
    la_story_flush(rig.story, (la_instant){INT64_C(3000000000)});
    must_show(&rig, "opened");
    rig_finish(&rig);
    rig_end(&rig);
}

static void
test_summary__table_of_all(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig, rig_cfg(160, 0));
    for (unsigned i = 0; i < scenes_n; i++)
        scenes[i].run(&rig.trace);
    rig_finish(&rig);
    assert_int_equal(rig.stats.conns_n, 13);
    must_show(&rig, "    13 connections ");
    must_show(&rig, "10.0.0.1:49157 → 10.0.0.2:81  refused ");
    must_show(&rig, "10.0.0.1:49158 → 10.0.0.2:80  timed out ");
    must_show(&rig, "2,920,000               0        1        1");
    rig_end(&rig);
    rig_scene(&rig, "simple", rig_cfg(160, 0));
    must_not_show(&rig, "1 connection");
    rig_end(&rig);
    rig_scene(&rig, "interleaved", rig_cfg(160, LA_STORY_NO_SUMMARY));
    must_not_show(&rig, "opened");
    must_not_show(&rig, "2 connections");
    rig_end(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary__opened_and_closed),
        cmocka_unit_test(test_summary__what_was_carried_and_lost),
        cmocka_unit_test(test_summary__simultaneous_open),
        cmocka_unit_test(test_summary__half_closed_and_seen_too_late),
        cmocka_unit_test(test_summary__does_not_wait_for_time_wait),
        cmocka_unit_test(test_summary__table_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
