/* SPDX-License-Identifier: MIT
 *
 * test_ladder.c - what the ladder shows, and what it never does
 */
#include "support.h"

#include "story/text.h"

/* ---- form ------------------------------------------------------------------------------- */

/* Columns of a line without its colours; fails for what is not valid UTF-8. */
static size_t
columns_of(const char *line, size_t n)
{
    size_t columns = 0;
    const char *end = line + n;
    while (line < end) {
        if (*line == '\033') {
            while (*line != 'm')
                line++;
            line++;
            continue;
        }
        uint32_t code = la_utf8_next(&line);
        assert_int_not_equal(code, 0xfffd);
        assert_true(code >= 0x20);
        columns++;
    }
    return columns;
}

static void
check_form(const struct rig *rig, const char *scene, uint32_t width, uint32_t flags)
{
    const char *line = rig->ladder.p;
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        size_t n = (size_t)(end - line);
        if (columns_of(line, n) > width)
            fail_msg("%s at %u: too wide: %.*s", scene, width, (int)n, line);
        if (n > 0)
            assert_int_not_equal(line[n - 1], ' ');
        if ((flags & LA_STORY_ASCII) != 0)
            for (size_t i = 0; i < n; i++)
                assert_in_range((uint8_t)line[i], 0x1b, 0x7e);
        if ((flags & LA_STORY_COLOR) == 0)
            assert_null(memchr(line, '\033', n));
    }
    assert_int_equal(*line, 0);
}

static void
test_ladder__no_line_is_wider_than_asked(void **state)
{
    (void)state;
    static const uint32_t flags[] = {0, LA_STORY_ASCII | LA_STORY_FULL, LA_STORY_COLOR,
                                     LA_STORY_ABSOLUTE | LA_STORY_NAMES_LINUX,
                                     LA_STORY_ONE_SIDED | LA_STORY_COMMON_CLOCK};
    for (unsigned i = 0; i < scenes_n; i++) {
        bool long_one = strcmp(scenes[i].name, "bulk") == 0;
        for (uint32_t width = 60; width <= 240; width += long_one ? 20 : 1) {
            struct rig rig;
            uint32_t f = flags[width % (sizeof(flags) / sizeof(flags[0]))];
            rig_scene(&rig, scenes[i].name, rig_cfg(width, f));
            check_form(&rig, scenes[i].name, width, f);
            rig_end(&rig);
        }
    }
}

static void
test_ladder__width_is_brought_into_bounds(void **state)
{
    (void)state;
    static const uint32_t asked[] = {0, 1, 100000};
    static const uint32_t got[] = {80, 60, 240};
    for (unsigned i = 0; i < 3; i++) {
        struct rig rig;
        rig_scene(&rig, "simple", rig_cfg(asked[i], 0));
        check_form(&rig, "simple", got[i], 0);
        rig_end(&rig);
    }
}

/* RFC 9768 3.2.2: a number where the SYNs have agreed, with its option; flags where they have not.
 */
static void
test_ladder__counts_of_accurate_ecn(void **state)
{
    (void)state;
    const uint16_t asks = LA_TCP_AE | LA_TCP_CWR | LA_TCP_ECE;
    for (unsigned grants = 0; grants < 2; grants++) {
        struct play p;
        struct rig rig;
        rig_begin(&rig, rig_cfg(120, 0));
        play_init(&p, &rig.trace, 50000);
        play_arrive(&p, play_send(&p, CLIENT, SYN | asks, 0, LA_CAUSE_OPEN));
        uint16_t said = grants != 0 ? LA_TCP_CWR : LA_TCP_ECE;
        play_arrive(&p, play_send(&p, SERVER, SYN | ACK | said, 0, LA_CAUSE_OPEN));
        uint64_t id = play_send(&p, CLIENT, ACK | LA_TCP_CWR, 0, LA_CAUSE_ACK);
        struct la_event counted = p.sent[id % PLAY_SENT_N_MAX];
        counted.segment_id = id + 1000;
        counted.u.segment.flags = ACK | LA_TCP_CWR | LA_TCP_ECE;
        counted.u.segment.marks_n = 3;
        counted.u.segment.marks[0] = 1449;
        counted.u.segment.marks[1] = 1448;
        rig.trace.sink(rig.trace.ctx, &counted);
        rig_finish(&rig);
        check_form(&rig, "accurate ECN", 120, 0);
        must_show(&rig, "SYN,ECE,CWR,AE seq 0");
        must_show(&rig, grants != 0 ? "SYN,ACK,CWR seq 0" : "SYN,ACK,ECE seq 0");
        must_show(&rig, grants != 0 ? "ACK ace 2 " : "ACK,CWR ");
        must_show(&rig, grants != 0 ? "ACK ace 3 " : "ACK,ECE,CWR ");
        must_show(&rig, "e0b 1449 ceb 1448");
        rig_end(&rig);
    }
}

static void
test_ladder__long_endpoints_and_names_fit(void **state)
{
    (void)state;
    struct play p;
    struct rig rig;
    struct la_story_cfg cfg = rig_cfg(60, 0);
    cfg.client_name = "a very long name of a client";
    cfg.server_name = "\xe4\xb8\xad\xe6\x96\x87\n";
    rig_begin(&rig, cfg);
    play_init(&p, &rig.trace, 50000);
    for (int end = 0; end < 2; end++)
        assert_true(la_addr_parse("2001:db8:1111:2222:3333:4444:5555:6666", &p.endpoint[end].addr));
    play_handshake(&p);
    play_close(&p, CLIENT);
    rig_finish(&rig);
    check_form(&rig, "ipv6", 60, 0);
    must_show(&rig, "[2001:db8:1111:2222:3333:4444:5555:6666]:50000");
    must_show(&rig, "??? [2001:db8:1111:2222:3333:4444:5555:6666]:80");
    rig_end(&rig);
}

/* ---- rows ------------------------------------------------------------------------------- */

static void
test_ladder__a_row_tells_the_whole_journey(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "simple", rig_cfg(100, 0));
    must_show(&rig, "   0.000     SYN-SENT ├─ SYN seq 0 win 64240 mss 1460 ws 7 sack ts ────────"
                    "─▶│▸SYN-RECEIVED   20.000\n");
    must_show(&rig, "  40.000  ESTABLISHED◂│◀───────── SYN,ACK seq 0 ack 1 mss 1460 ws 7 sack ts ─┤"
                    " SYN-RECEIVED   20.000\n");
    must_show(&rig, "client SYN-SENT → ESTABLISHED · SYN,ACK received · RFC 9293 3.10.7.3 fourth");
    must_show(&rig, "agreed: MSS 1460, window scale 7, SACK, timestamps");
    must_show(&rig, "● 2 MSL timeout after 60.0 s · TIME-WAIT → CLOSED");
    rig_end(&rig);
}

static void
test_ladder__absolute_numbers_and_linux_names(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "simple", rig_cfg(100, LA_STORY_ABSOLUTE | LA_STORY_NAMES_LINUX));
    must_show(&rig, "SYN_RECV");
    must_show(&rig, "FIN_WAIT1");
    must_show(&rig, "SYN seq 49136"); /* 0xfffffff0 + 49152, modulo 2^32 */
    must_show(&rig, "SYN,ACK seq 3735928559 ack 49137");
    must_not_show(&rig, "SYN-RECEIVED");
    rig_end(&rig);
}

static void
test_ladder__a_lost_segment_ends_in_the_middle(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "rto", rig_cfg(120, 0));
    must_show(&rig, "✗ lost on the wire");
    must_show(&rig, "✗ dropped: the wire's queue is full");
    must_show(&rig, "├╌ PSH,ACK seq 1");
    must_show(&rig, "retransmission 1 of seq 1: timeout after 200 ms, next in 400 ms · RFC 6298 "
                    "5.4-5.6");
    must_show(&rig, "retransmission 2 of seq 1: timeout after 400 ms, next in 800 ms");
    /* The timer explains the segment; it needs no line of its own. */
    must_not_show(&rig, "● retransmission timeout");
    rig_end(&rig);
}

static void
test_ladder__fast_retransmit(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "fast_retransmit", rig_cfg(100, 0));
    must_show(&rig, "fast retransmit of seq 1461: third duplicate ACK · RFC 5681 3.2");
    must_show(&rig, "sack 2921-4381");
    must_show(&rig, "sent twice by the wire");
    must_show(&rig, "all of its data had been received before · RFC 9293 3.10.7.4 seventh");
    /* In the order of sending although the others were still under way when it was lost. */
    const char *first = must_show(&rig, "ACK seq 1 len 1460");
    const char *lost = must_show(&rig, "ACK seq 1461 len 1460");
    const char *third = must_show(&rig, "ACK seq 2921 len 1460");
    assert_true(first < lost && lost < third);
    rig_end(&rig);
}

/* What happens to an end's state is told in the order in which it happened there. */
static void
test_ladder__states_change_in_order(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "close_simultaneous", rig_cfg(120, 0));
    const char *client_closes = must_show(&rig, "● CLOSE · ESTABLISHED → FIN-WAIT-1");
    const char *server_closes =
        must_show(&rig, "CLOSE · ESTABLISHED → FIN-WAIT-1 · RFC 9293 3.10.4 ●");
    const char *server_gets = must_show(&rig, "server FIN-WAIT-1 → CLOSING");
    const char *client_gets = must_show(&rig, "client FIN-WAIT-1 → CLOSING");
    assert_true(client_closes < server_closes);
    assert_true(server_closes < server_gets);
    assert_true(server_gets < client_gets);
    rig_end(&rig);
    rig_scene(&rig, "abort", rig_cfg(120, 0));
    assert_true(must_show(&rig, "● ABORT") < must_show(&rig, "seq 1 len 100"));
    rig_end(&rig);
}

static void
test_ladder__refused_and_timed_out(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "refused", rig_cfg(100, 0));
    must_show(&rig, "no connection and no listener: answered with RST · RFC 9293 3.10.7.1");
    must_show(&rig, "client is told: connection refused");
    must_not_show(&rig, "nobody listens"); /* said once */
    rig_end(&rig);
    rig_scene(&rig, "syn_timeout", rig_cfg(120, 0));
    must_show(&rig, "retransmission 3 of SYN: timeout after 4.00 s, next in 8.00 s");
    must_show(&rig, "● retransmission timeout 4 after 8.00 s · SYN-SENT → CLOSED");
    must_show(&rig, "client is told: connection timed out");
    rig_end(&rig);
}

static void
test_ladder__zero_window(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "zero_window", rig_cfg(100, 0));
    must_show(&rig, "server: receive buffer full, closes its window");
    must_show(&rig, "client: sees a zero window, must stop and probe · RFC 9293 3.8.6.1");
    must_show(&rig, "zero-window probe 2: after 400 ms, next in 800 ms");
    must_show(&rig, "server: opens its window again, 65,160 octets");
    rig_end(&rig);
}

static void
test_ladder__damaged_segment_is_dropped_at_the_end(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "interleaved", rig_cfg(100, 0));
    must_show(&rig, "─✗│");
    must_show(&rig, "an octet was changed on the wire");
    must_show(&rig, "server: wrong TCP checksum · RFC 9293 3.1");
    rig_end(&rig);
}

static void
test_ladder__tags_while_several_are_alive(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "interleaved", rig_cfg(100, 0));
    must_show(&rig, "── #2  client 10.0.0.1:49171  server 10.0.0.2:80 ─");
    must_show(&rig, "\n#1   121.000  ESTABLISHED ├");
    must_show(&rig, "\n#2    62.000  ESTABLISHED ├"); /* since its own beginning */
    rig_end(&rig);
    rig_scene(&rig, "interleaved", rig_cfg(100, LA_STORY_COMMON_CLOCK));
    must_show(&rig, "\n#2   122.000  ESTABLISHED ├");
    rig_end(&rig);
    rig_scene(&rig, "simple", rig_cfg(100, 0));
    must_not_show(&rig, "\n#1   ");
    rig_end(&rig);
}

/* ---- runs ------------------------------------------------------------------------------- */

static uint64_t
count_of(const char *text, const char *part)
{
    uint64_t n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        n++;
    return n;
}

/* Adds up "⋮ 1,195 segments". */
static uint64_t
collapsed_segments(const char *text)
{
    uint64_t sum = 0;
    for (const char *at = text; (at = strstr(at, "⋮ ")) != NULL; at++) {
        uint64_t n = 0;
        const char *p = at + strlen("⋮ ");
        for (; (*p >= '0' && *p <= '9') || *p == ','; p++)
            if (*p != ',')
                n = n * 10 + (uint64_t)(*p - '0');
        if (strncmp(p, " segment", 8) == 0)
            sum += n;
    }
    return sum;
}

static void
test_fold__nothing_is_lost_and_nothing_eventful_hidden(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "bulk", rig_cfg(120, 0));
    uint64_t shown = count_of(rig.ladder.p, " len 1460 ");
    assert_int_equal(shown + collapsed_segments(rig.ladder.p), 2001); /* one was sent twice */
    assert_true(shown < 40);
    must_show(&rig, "✗ lost on the wire");
    must_show(&rig, "retransmission 1 of seq 1752001: a hole between SACK blocks");
    must_show(&rig, "acknowledgements ←");
    rig_end(&rig);
    rig_scene(&rig, "bulk", rig_cfg(120, LA_STORY_FULL));
    assert_int_equal(count_of(rig.ladder.p, " len 1460 "), 2001);
    must_not_show(&rig, "⋮");
    rig_end(&rig);
}

static void
test_fold__flush_tells_how_far_it_is(void **state)
{
    (void)state;
    struct rig rig;
    struct play p;
    rig_begin(&rig, rig_cfg(120, 0));
    play_init(&p, &rig.trace, 50000);
    play_handshake(&p);
    for (unsigned i = 0; i < 50; i++) {
        play_at(&p, 100000 + i * 1000);
        play_arrive(&p, play_send(&p, CLIENT, ACK, 100, LA_CAUSE_DATA));
    }
    la_story_flush(rig.story, (la_instant){INT64_C(160000000)});
    must_not_show(&rig, "⋮"); /* so short a run waits */
    la_story_flush(rig.story, (la_instant){INT64_C(1400000000)});
    must_show(&rig, "⋮ 42 segments, 4,200 octets →, 41.0 ms");
    rig_finish(&rig);
    rig_end(&rig);
}

/* ---- what has no end -------------------------------------------------------------------- */

static void
test_ladder__under_way_at_the_end(void **state)
{
    (void)state;
    struct rig rig;
    struct play p;
    rig_begin(&rig, rig_cfg(100, 0));
    play_init(&p, &rig.trace, 50000);
    play_handshake(&p);
    play_send(&p, CLIENT, PSH | ACK, 10, LA_CAUSE_DATA);
    uint64_t delivered = play_send(&p, CLIENT, PSH | ACK, 10, LA_CAUSE_DATA);
    play_at(&p, 90000);
    play_wire(&p, delivered, LA_WIRE_DELIVERED, LA_REASON_NONE);
    rig_finish(&rig);
    must_show(&rig, "? still under way");
    must_show(&rig, "▶│                90.000");
    rig_end(&rig);
}

/* A silent far end must not stop the ladder. */
static void
test_ladder__holds_back_for_a_while_only(void **state)
{
    (void)state;
    struct rig rig;
    struct play p;
    rig_begin(&rig, rig_cfg(100, 0));
    play_init(&p, &rig.trace, 50000);
    play_handshake(&p);
    play_send(&p, CLIENT, PSH | ACK, 10, LA_CAUSE_DATA);
    play_at(&p, 100000);
    play_call(&p, CLIENT, LA_CALL_CLOSE);
    play_state(&p, CLIENT, LA_TCP_EV_CLOSE, 0);
    la_story_flush(rig.story, (la_instant){INT64_C(5000000000)});
    must_not_show(&rig, "● CLOSE");
    la_story_flush(rig.story, (la_instant){INT64_C(15000000000)});
    assert_true(must_show(&rig, "? fate unknown") < must_show(&rig, "● CLOSE"));
    rig_finish(&rig);
    rig_end(&rig);
}

static void
test_ladder__one_sided(void **state)
{
    (void)state;
    struct rig rig;
    struct play p;
    rig_begin(&rig, rig_cfg(100, LA_STORY_ONE_SIDED));
    play_init(&p, &rig.trace, 50000);
    play_send(&p, CLIENT, SYN, 0, LA_CAUSE_NONE);
    play_at(&p, 1000);
    play_send(&p, SERVER, SYN | ACK, 0, LA_CAUSE_NONE);
    rig_finish(&rig);
    must_show(&rig, "   0.000              ├─ SYN seq 0");
    must_show(&rig, "   1.000              │◀─");
    must_not_show(&rig, "unknown");
    rig_end(&rig);
}

/* An arrival that nobody sent, a change of state out of the blue. */
static void
test_ladder__what_cannot_be_placed_has_its_own_line(void **state)
{
    (void)state;
    struct rig rig;
    struct play p;
    rig_begin(&rig, rig_cfg(100, 0));
    play_init(&p, &rig.trace, 50000);
    play_send(&p, CLIENT, SYN, 0, LA_CAUSE_OPEN);
    struct la_event e = p.sent[p.id_next % PLAY_SENT_N_MAX];
    e.kind = LA_EVENT_SEGMENT_ARRIVED;
    e.end = SERVER;
    e.local = p.endpoint[SERVER];
    e.remote = p.endpoint[CLIENT];
    e.segment_id = 4711;
    rig.trace.sink(rig.trace.ctx, &e);
    p.state[CLIENT] = LA_TCP_SYN_SENT;
    play_state(&p, CLIENT, LA_TCP_EV_TIMEOUT_USER, 0);
    rig_finish(&rig);
    must_show(&rig, "│┄ SYN seq 0");
    must_show(&rig, "● user timeout · SYN-SENT → CLOSED");
    rig_end(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ladder__no_line_is_wider_than_asked),
        cmocka_unit_test(test_ladder__width_is_brought_into_bounds),
        cmocka_unit_test(test_ladder__counts_of_accurate_ecn),
        cmocka_unit_test(test_ladder__long_endpoints_and_names_fit),
        cmocka_unit_test(test_ladder__a_row_tells_the_whole_journey),
        cmocka_unit_test(test_ladder__absolute_numbers_and_linux_names),
        cmocka_unit_test(test_ladder__a_lost_segment_ends_in_the_middle),
        cmocka_unit_test(test_ladder__fast_retransmit),
        cmocka_unit_test(test_ladder__states_change_in_order),
        cmocka_unit_test(test_ladder__refused_and_timed_out),
        cmocka_unit_test(test_ladder__zero_window),
        cmocka_unit_test(test_ladder__damaged_segment_is_dropped_at_the_end),
        cmocka_unit_test(test_ladder__tags_while_several_are_alive),
        cmocka_unit_test(test_fold__nothing_is_lost_and_nothing_eventful_hidden),
        cmocka_unit_test(test_fold__flush_tells_how_far_it_is),
        cmocka_unit_test(test_ladder__under_way_at_the_end),
        cmocka_unit_test(test_ladder__holds_back_for_a_while_only),
        cmocka_unit_test(test_ladder__one_sided),
        cmocka_unit_test(test_ladder__what_cannot_be_placed_has_its_own_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
