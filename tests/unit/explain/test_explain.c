/* SPDX-License-Identifier: MIT
 *
 * test_explain.c - the analyser as a whole: incarnations, copies, memory, servers, violations
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
close_in_order(void)
{
    TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 1, .ack = 1},
              {.from = S, .flags = FIN, .seq = 1, .ack = 2, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 2, .ack = 2});
}

/* Instants at both ends of what a capture can claim: no difference and no sum overflows (the
 * sanitizers look). */
static void
test_explain__any_instant(void **state)
{
    (void)state;
    static const int64_t instants[] = {INT64_MAX, INT64_MIN, 0, INT64_MAX, INT64_MIN, -1};
    for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
        tap.port++;
        tap.now_ns = instants[i] > 0 ? instants[i] - (INT64_C(1) << 32) : instants[i];
        tap_handshake(&tap);
        close_in_order();
    }
    struct la_explain_conn conn = tap_result(&tap);
    assert_true(conn.last_at.ns >= conn.first_at.ns);
    assert_int_equal(conn.close.kind, LA_CLOSE_THREE_SEGMENT);
}

/* RFC 6191 2: a newer SYN of the same ports begins another connection. */
static void
test_explain__ports_are_used_again(void **state)
{
    (void)state;
    tap_handshake(&tap);
    close_in_order();
    TAP_LINES(&tap, {.from = C, .flags = SYN, .seq = 50000, .after_ms = 500},
              {.from = S, .flags = SYN | ACK, .seq = 70000, .ack = 50001, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 50001, .ack = 70001});
    struct la_explain_conn conn;
    la_explain_finish(tap.explain);
    assert_true(la_explain_next(tap.explain, &conn));
    assert_int_equal(conn.id, 0);
    assert_int_equal(conn.close.kind, LA_CLOSE_THREE_SEGMENT);
    assert_true(la_explain_next(tap.explain, &conn));
    assert_int_equal(conn.id, 1);
    assert_non_null(tap_finding(&conn, LA_FINDING_PORT_REUSED));
    assert_true(conn.open.complete);
    assert_false(la_explain_next(tap.explain, &conn));
}

/* RFC 9293 3.5 figure 9: an old duplicate SYN is answered, the answer reset, and the handshake that
 * it came into goes on. */
static void
test_explain__old_duplicate_syn(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN}, {.from = C, .flags = SYN, .seq = 777777},
              {.from = S, .flags = SYN | ACK, .ack = 777778, .after_ms = 10},
              {.from = C, .flags = LA_TCP_RST, .seq = 777778},
              {.from = S, .flags = SYN | ACK, .seq = 5000, .ack = 1, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 5001});
    struct la_explain_conn conn = tap_result(&tap);
    assert_non_null(tap_finding(&conn, LA_FINDING_SYN_OLD));
    assert_string_equal(tap_states(&conn, C), "SYN-SENT ESTABLISHED");
    assert_false(la_explain_next(tap.explain, &conn));
}

/* A copy of a packet is no retransmission. */
static void
test_explain__captured_twice(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {.from = C, .flags = SYN},
        {.from = S, .flags = SYN | ACK, .ack = 1, .after_ms = 10},
        {.from = C, .flags = ACK, .seq = 1, .ack = 1},
        {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
        {.from = S, .flags = ACK, .seq = 1, .ack = 101, .after_ms = 10}};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        tap_send(&tap, &lines[i]);
        struct line again = lines[i];
        int64_t now_ns = tap.now_ns;
        tap.frame--; /* the same identification */
        again.after_ms = 1;
        tap.now_ns -= 999000;
        tap_send(&tap, &again);
        tap.now_ns = now_ns;
    }
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.direction[C].segments, 3);
    assert_int_equal(conn.direction[C].capture_duplicates, 3);
    assert_int_equal(conn.direction[C].network_duplicates, 0);
    assert_null(tap_finding(&conn, LA_FINDING_SYN_REPEATED));
}

/* Memory is short: silent connections are ended early, and said to be. */
static void
test_explain__evicts(void **state)
{
    (void)state;
    enum { CONNS_N = 5000 };
    struct la_explain_conn conn;
    uint64_t told_n = 0, evicted_n = 0;
    tap_close(&tap);
    tap_open(&tap, NULL, UINT64_C(1) << 20);
    for (unsigned i = 0; i < CONNS_N; i++) {
        tap.port = (uint16_t)(1024 + i);
        tap_handshake(&tap);
        while (la_explain_next(tap.explain, &conn)) {
            told_n++;
            evicted_n += conn.evicted;
            assert_true(conn.open.complete);
        }
    }
    struct la_mem_stats stats;
    la_mem_stats_get(tap.mem, &stats);
    assert_true(stats.peak_bytes <= UINT64_C(1) << 20);
    la_explain_finish(tap.explain);
    while (la_explain_next(tap.explain, &conn))
        told_n++;
    struct la_explain_file file;
    la_explain_file_get(tap.explain, &file);
    assert_int_equal(told_n, CONNS_N);
    assert_true(evicted_n > 0 && evicted_n == file.evicted);
    assert_int_equal(file.unwatched, 0);
}

/* Ended connections wait for so many packets as was said. */
static void
test_explain__closed_ones_leave(void **state)
{
    (void)state;
    struct la_explain_cfg cfg;
    struct la_explain_conn conn;
    la_explain_cfg_init(&cfg);
    cfg.closed_packets = 5; /* fewer than one connection has */
    tap_close(&tap);
    tap_open(&tap, &cfg, 0);
    for (tap.port = 5000; tap.port < 5003; tap.port++) {
        tap_handshake(&tap);
        close_in_order();
    }
    TAP_LINES(&tap, {.from = C, .flags = SYN});
    assert_true(la_explain_next(tap.explain, &conn));
    assert_int_equal(conn.id, 0);
    assert_true(la_explain_next(tap.explain, &conn));
    assert_int_equal(conn.id, 1);
    assert_false(conn.evicted);
    assert_false(la_explain_next(tap.explain, &conn));
}

static void *
take_some(void *ctx, size_t n)
{
    unsigned *left = ctx;
    if (*left == 0)
        return NULL;
    (*left)--;
    return malloc(n);
}

static void
give(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    free(p);
}

/* Each allocation fails once, and everything after it. */
static void
test_explain__no_memory(void **state)
{
    (void)state;
    for (unsigned allowed_n = 0; allowed_n < 40; allowed_n++) {
        unsigned left = allowed_n;
        struct la_alloc alloc = {take_some, give, &left};
        struct la_explain_cfg cfg;
        struct la_explain_conn conn;
        la_explain_cfg_init(&cfg);
        tap_close(&tap);
        tap_open(&tap, NULL, 0); /* for its other fields */
        struct la_mem *mem = la_mem_new(&alloc, 0);
        struct la_explain *explain = NULL;
        if (mem == NULL || la_explain_new(&cfg, mem, &explain) != LA_OK) {
            assert_null(explain);
        } else {
            la_explain_free(tap.explain);
            tap.explain = explain;
            tap_handshake(&tap);
            TAP_LINES(&tap, {.from = C, .flags = LA_TCP_RST, .seq = 1},
                      {.from = C, .flags = SYN, .seq = 9, .after_ms = 2000});
            la_explain_finish(explain);
            while (la_explain_next(explain, &conn))
                assert_true(conn.possible[C] != 0);
            la_explain_free(explain);
            tap.explain = NULL;
        }
        if (mem != NULL)
            la_mem_unref(mem);
    }
}

/* RFC 4987 2: many SYNs that come to nothing. */
static void
test_explain__flood(void **state)
{
    (void)state;
    enum { SYNS_N = 200 };
    tap_handshake(&tap);
    for (unsigned i = 0; i < SYNS_N; i++) {
        tap.port = (uint16_t)(10000 + i);
        TAP_LINES(&tap, {.from = C, .flags = SYN}, {.from = S, .flags = SYN | ACK, .ack = 1});
    }
    tap.port = 9000;
    TAP_LINES(&tap, {.from = C, .flags = SYN, .after_ms = 5000});
    la_explain_finish(tap.explain);
    struct la_explain_listener listener;
    assert_true(la_explain_listener_get(tap.explain, 0, &listener));
    assert_int_equal(listener.at.port, 80);
    assert_int_equal(listener.syn_n, SYNS_N + 2);
    assert_int_equal(listener.half_open_n_max, SYNS_N);
    assert_true(listener.is_flooded);
    assert_true(listener.has_cookies); /* none was repeated for 5 s */
    assert_false(listener.is_full);
    assert_int_equal(listener.sources_n, 1);
    assert_true(listener.samples_n > 1 && listener.samples_n <= LA_EXPLAIN_SAMPLES_MAX);
    assert_false(la_explain_listener_get(tap.explain, 1, &listener));
}

/* Two clients' SYNs are ignored, copies included, while a third one's connection lives. */
static void
test_explain__full_accept_queue(void **state)
{
    (void)state;
    tap_handshake(&tap);
    for (tap.port = 6000; tap.port < 6002; tap.port++)
        TAP_LINES(&tap, {.from = C, .flags = SYN}, {.from = C, .flags = SYN, .after_ms = 1000});
    la_explain_finish(tap.explain);
    struct la_explain_listener listener;
    assert_true(la_explain_listener_get(tap.explain, 0, &listener));
    assert_true(listener.is_full);
    assert_int_equal(listener.ignored_n, 2);
}

/* Two SYN,ACKs that go again before their ACK has come were late, not ignored. */
static void
test_explain__no_full_accept_queue(void **state)
{
    (void)state;
    tap_handshake(&tap);
    for (tap.port = 6000; tap.port < 6002; tap.port++)
        TAP_LINES(&tap, {.from = C, .flags = SYN}, {.from = S, .flags = SYN | ACK, .ack = 1},
                  {.from = S, .flags = SYN | ACK, .ack = 1, .after_ms = 1000},
                  {.from = C, .flags = ACK, .seq = 1, .ack = 1});
    la_explain_finish(tap.explain);
    struct la_explain_listener listener;
    assert_true(la_explain_listener_get(tap.explain, 0, &listener));
    assert_false(listener.is_full);
    assert_int_equal(listener.ignored_n, 0);
}

static void
expect_violation(enum la_finding id, const char *requirement)
{
    struct la_explain_conn conn = tap_result(&tap);
    assert_non_null(tap_finding(&conn, id));
    assert_string_equal(la_finding_requirement(id), requirement);
    tap_close(&tap);
    tap_open(&tap, NULL, 0);
    tap.sums = true;
}

static void
test_explain__violations(void **state)
{
    (void)state;
    tap.sums = true;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 1000},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1001, .wnd = 100});
    expect_violation(LA_FINDING_WINDOW_SHRUNK, "SHLD-14");
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = S, .flags = ACK, .seq = 1, .ack = 1, .wnd = 59000},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 1000},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1001, .wnd = 60000},
              {.from = S, .flags = ACK, .seq = 1, .ack = 1001, .text_n = 10, .wnd = 100});
    expect_violation(LA_FINDING_WINDOW_SHRUNK, "SHLD-14");
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 1000},
              {.from = C, .flags = ACK, .seq = 60001, .ack = 1, .text_n = 1000},
              {.from = S, .flags = ACK, .seq = 1, .ack = 60001, .closed = true});
    expect_violation(LA_FINDING_BEYOND_WINDOW, "RFC7323-10c");
    tap_handshake(&tap);
    TAP_LINES(&tap,
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10, .has = LA_TCP_HAS_MSS});
    expect_violation(LA_FINDING_MSS_IN_TEXT, "MUST-65");
    TAP_LINES(&tap, {.from = C, .flags = SYN},
              {.from = S, .flags = SYN | ACK, .ack = 1, .has = LA_TCP_HAS_WSCALE});
    expect_violation(LA_FINDING_SCALE_UNASKED, "RFC7323-1");
    TAP_LINES(&tap, {.from = C, .flags = SYN, .has = LA_TCP_HAS_TIMESTAMPS},
              {.from = S, .flags = SYN | ACK, .ack = 1, .has = LA_TCP_HAS_TIMESTAMPS},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .has = LA_TCP_HAS_TIMESTAMPS},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 10});
    expect_violation(LA_FINDING_TIMESTAMP_MISSING, "RFC7323-13");
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = FIN, .seq = 1, .ack = 1},
              {.from = C, .flags = ACK, .seq = 2, .ack = 1, .text_n = 10});
    expect_violation(LA_FINDING_TEXT_AFTER_FIN, "FSM-SEND-5");
}

/* Without a checksum that shows otherwise, the capture may have spoilt it; not so often. */
static void
test_explain__unverified(void **state)
{
    (void)state;
    for (unsigned n = 3; n <= 4; n++) {
        tap_handshake(&tap);
        for (unsigned i = 0; i < n; i++)
            TAP_LINES(&tap, {.from = C,
                             .flags = ACK,
                             .seq = 1 + 10 * i,
                             .ack = 1,
                             .text_n = 10,
                             .has = LA_TCP_HAS_MSS});
        struct la_explain_conn conn = tap_result(&tap);
        const struct la_explain_finding *finding = tap_finding(&conn, LA_FINDING_MSS_IN_TEXT);
        assert_true((finding != NULL) == (n == 4));
        assert_true(finding == NULL || finding->certainty == LA_CERTAINTY_INFERRED);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* RFC 3168 6.1.1.1: who gets no answer asks for less. What is answered may be the first SYN,
 * captured or not: the echo tells. */
static void
test_explain__other_syn(void **state)
{
    (void)state;
    static const struct {
        uint32_t again_ms, ts_ecr;
        uint32_t asked, answered;
        bool accused;
    } cases[] = {
        {0, 0, 0, LA_TCP_HAS_WSCALE, true},
        {1000, 0, 0, LA_TCP_HAS_WSCALE, false},
        {0, 77, LA_TCP_HAS_TIMESTAMPS, LA_TCP_HAS_TIMESTAMPS | LA_TCP_HAS_WSCALE, true},
        {0, 70, LA_TCP_HAS_TIMESTAMPS, LA_TCP_HAS_TIMESTAMPS | LA_TCP_HAS_WSCALE, false},
        {0, 70, 0, LA_TCP_HAS_TIMESTAMPS | LA_TCP_HAS_WSCALE, false},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tap.sums = true;
        TAP_LINES(&tap, {.from = C, .flags = SYN, .has = cases[i].asked, .ts_val = 77});
        if (cases[i].again_ms > 0)
            TAP_LINES(&tap, {.from = C, .flags = SYN, .after_ms = cases[i].again_ms});
        TAP_LINES(&tap, {.from = S,
                         .flags = SYN | ACK,
                         .ack = 1,
                         .has = cases[i].answered,
                         .ts_ecr = cases[i].ts_ecr});
        struct la_explain_conn conn = tap_result(&tap);
        assert_true((tap_finding(&conn, LA_FINDING_SCALE_UNASKED) != NULL) == cases[i].accused);
        assert_null(tap_finding(&conn, LA_FINDING_TIMESTAMPS_UNASKED));
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

/* What a missing or meaningless segment may explain is nobody's fault. */
static void
test_explain__no_violations(void **state)
{
    (void)state;
    tap_handshake(&tap);
    TAP_LINES(&tap, {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 1000},
              {.from = C, .flags = ACK, .seq = 60001, .ack = 1, .text_n = 1000},
              {.from = S, .flags = ACK, .seq = 1, .ack = 61001},
              {.from = C, .flags = FIN, .seq = 61001, .ack = 1},
              {.from = S, .flags = ACK, .seq = 1, .ack = 61002, .wnd = 100});
    struct la_explain_conn conn = tap_result(&tap);
    assert_null(tap_finding(&conn, LA_FINDING_BEYOND_WINDOW)); /* an offer was not captured */
    assert_int_equal(conn.open.kind, LA_OPEN_THREE_WAY);
    assert_null(tap_finding(&conn, LA_FINDING_WINDOW_SHRUNK)); /* to who has closed */
}

/* What the SYN,ACK offered is no more than a beginning: common stacks take a little of it back. */
static void
test_explain__window_of_a_syn(void **state)
{
    (void)state;
    tap.sums = true;
    TAP_LINES(&tap, {.from = C, .flags = SYN},
              {.from = S, .flags = SYN | ACK, .ack = 1, .wnd = 65000, .after_ms = 10},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1},
              {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .wnd = 64000},
              {.from = S, .flags = ACK, .seq = 1, .ack = 101, .text_n = 10, .wnd = 64000});
    struct la_explain_conn conn = tap_result(&tap);
    assert_null(tap_finding(&conn, LA_FINDING_WINDOW_SHRUNK));
}

/* RFC 9293 3.10.7.3 second: a RST that does not acknowledge the SYN refuses nothing. The next SYN
 * has another number and is answered: it began a connection, and nobody has to be told of it. */
static void
test_explain__refused_by_nobody(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN}, {.from = S, .flags = LA_TCP_RST, .seq = 7},
              {.from = C, .flags = SYN, .seq = 5000}, {.from = S, .flags = SYN | ACK, .ack = 5001},
              {.from = C, .flags = ACK, .seq = 5001, .ack = 1});
    la_explain_finish(tap.explain);
    struct la_explain_conn conn;
    unsigned n = 0;
    for (; la_explain_next(tap.explain, &conn); n++) {
        assert_int_equal(conn.open.kind, conn.id == 0 ? LA_OPEN_UNANSWERED : LA_OPEN_THREE_WAY);
        assert_null(tap_finding(&conn, LA_FINDING_SYN_CHALLENGED));
    }
    assert_int_equal(n, 2);
}

/* Refused one way, and later tried the other way with the same ports. */
static void
test_explain__refused_and_called_back(void **state)
{
    (void)state;
    TAP_LINES(&tap, {.from = C, .flags = SYN},
              {.from = S, .flags = LA_TCP_RST | ACK, .seq = (uint32_t)-ISN_SERVER, .ack = 1},
              {.from = S, .flags = SYN, .after_ms = 50},
              {.from = C, .flags = LA_TCP_RST | ACK, .seq = (uint32_t)-ISN_CLIENT, .ack = 1});
    struct la_explain_conn conn = tap_result(&tap);
    assert_int_equal(conn.open.kind, LA_OPEN_REFUSED);
    assert_null(tap_finding(&conn, LA_FINDING_OPEN_SPLIT));
}

/* A box between the ends takes an option out of the SYN,ACK behind the tap: nobody breaks a rule.
 * Who leaves timestamps out once does. */
static void
test_explain__options_taken_out(void **state)
{
    for (unsigned had = 0; had < 2; had++) {
        enum { TS = LA_TCP_HAS_TIMESTAMPS };
        tap.sums = true;
        TAP_LINES(&tap, {.from = C, .flags = SYN, .has = TS, .ts_val = 5},
                  {.from = S, .flags = SYN | ACK, .ack = 1, .has = TS, .ts_val = 9, .ts_ecr = 5},
                  {.from = C, .flags = ACK, .seq = 1, .ack = 1, .has = had == 1 ? TS : 0},
                  {.from = C, .flags = ACK, .seq = 1, .ack = 1, .text_n = 100});
        struct la_explain_conn conn = tap_result(&tap);
        assert_int_equal(tap_finding(&conn, LA_FINDING_TIMESTAMP_MISSING) != NULL, had == 1);
        assert_int_equal(tap_finding(&conn, LA_FINDING_OPTIONS_TAKEN_OUT) != NULL, had == 0);
        close_tap(state);
        open_tap(state);
    }
}

/* Few checksums are right: a matter of the file. */
static void
test_explain__changed_file(void **state)
{
    (void)state;
    struct la_explain_file file;
    for (uint32_t k = 0; k < 3; k++)
        TAP_LINES(
            &tap,
            {.from = C, .flags = ACK, .seq = 1 + k * 50, .ack = 1, .text_n = 50, .damaged = true});
    struct la_explain_conn conn = tap_result(&tap);
    assert_null(tap_finding(&conn, LA_FINDING_CHECKSUM_WRONG));
    la_explain_file_get(tap.explain, &file);
    assert_int_equal(file.findings_n, 1);
    assert_int_equal(file.findings[0].id, LA_FINDING_CAPTURE_CHANGED);
    assert_int_equal(file.findings[0].values[0], 3);
}

/* Two servers are flooded: each is told. */
static void
test_explain__each_server(void **state)
{
    (void)state;
    enum { SYNS_N = 70 };
    struct la_explain_file file;
    for (unsigned i = 0; i < 2 * SYNS_N; i++) {
        tap.port = (uint16_t)(2000 + i);
        tap.host = i % 2;
        tap_send(&tap, &(struct line){.from = C, .flags = SYN});
    }
    la_explain_finish(tap.explain);
    la_explain_file_get(tap.explain, &file);
    unsigned n = 0;
    for (size_t i = 0; i < file.findings_n; i++)
        n += file.findings[i].id == LA_FINDING_SYN_FLOOD && file.findings[i].values[0] == SYNS_N;
    assert_int_equal(n, 2);
}

/* One SYN each to many servers: a flood when some are from addresses that nobody has. */
static void
test_explain__spray(void **state)
{
    (void)state;
    enum { SYNS_N = 64, NOBODYS = 240 };
    static const unsigned nobodys_n[] = {3, 4};
    for (unsigned k = 0; k < 2; k++) {
        struct la_explain_file file;
        for (unsigned i = 0; i < SYNS_N; i++) {
            tap.host = (uint8_t)i;
            tap.net = i < nobodys_n[k] ? NOBODYS : (uint8_t)(11 + i);
            tap_send(&tap, &(struct line){.from = C, .flags = SYN});
        }
        la_explain_finish(tap.explain);
        la_explain_file_get(tap.explain, &file);
        unsigned n = 0;
        for (size_t i = 0; i < file.findings_n; i++)
            n += file.findings[i].id == LA_FINDING_SYN_SPRAY && file.findings[i].values[1] == 4;
        assert_int_equal(n, k);
        tap_close(&tap);
        tap_open(&tap, NULL, 0);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tap, close_tap)
    const struct CMUnitTest tests[] = {
        TEST(test_explain__any_instant),
        TEST(test_explain__no_violations),
        TEST(test_explain__window_of_a_syn),
        TEST(test_explain__refused_by_nobody),
        TEST(test_explain__refused_and_called_back),
        TEST(test_explain__ports_are_used_again),
        TEST(test_explain__old_duplicate_syn),
        TEST(test_explain__captured_twice),
        TEST(test_explain__evicts),
        TEST(test_explain__closed_ones_leave),
        TEST(test_explain__no_memory),
        TEST(test_explain__flood),
        TEST(test_explain__full_accept_queue),
        TEST(test_explain__no_full_accept_queue),
        TEST(test_explain__violations),
        TEST(test_explain__unverified),
        TEST(test_explain__other_syn),
        TEST(test_explain__options_taken_out),
        TEST(test_explain__changed_file),
        TEST(test_explain__each_server),
        TEST(test_explain__spray),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
