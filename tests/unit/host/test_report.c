/* SPDX-License-Identifier: MIT
 *
 * test_report.c - what an instance says about itself: encoded, decoded, and the same again
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/report.h"

#define NOW_NS INT64_C(1700000000000000000)
static const la_instant now = {NOW_NS};

/* `r` through JSON and back; now is 0 on the other side. */
static struct la_report
carried(const struct la_report *r)
{
    struct la_report out;
    json_t *object = la_report_encode(r, now);
    assert_non_null(object);
    char *line = json_dumps(object, JSON_COMPACT);
    assert_non_null(line);
    assert_true(strlen(line) < LA_REPORT_LINE_BYTES);
    assert_null(strchr(line, '\n'));
    json_t *again = json_loads(line, 0, NULL);
    assert_non_null(again);
    assert_true(la_report_decode(again, &out));
    json_decref(object);
    json_decref(again);
    free(line);
    return out;
}

static struct la_endpoint
endpoint(const char *addr, uint16_t port)
{
    struct la_endpoint e = {.port = port};
    assert_true(la_addr_parse(addr, &e.addr));
    return e;
}

/* Each number differs from all others, so that no two keys are mixed up. Static, so that what lies
 * between the members is zero, too. */
static const struct la_conn_status all_set = {.state = LA_TCP_FIN_WAIT_1,
                                              .passive = true,
                                              .err = LA_ERR_CONNECTION_RESET,
                                              .err_soft = LA_ERR_HOST_UNREACHABLE,
                                              .mss_send = 101,
                                              .mss_receive = 102,
                                              .snd_wnd = 103,
                                              .rcv_wnd = UINT32_MAX,
                                              .wscale_send = 7,
                                              .wscale_receive = 9,
                                              .timestamps = true,
                                              .ecn = true,
                                              .fast_opened = true,
                                              .send_queue_bytes = 104,
                                              .unsent_bytes = 105,
                                              .receive_queue_bytes = 106,
                                              .out_of_order_bytes = 107,
                                              .cwnd_bytes = 108,
                                              .ssthresh_bytes = 109,
                                              .flight_bytes = 110,
                                              .srtt_us = 111,
                                              .rttvar_us = 112,
                                              .rto_us = 113,
                                              .rtt_us_min = 114,
                                              .bytes_sent = UINT64_C(1) << 60,
                                              .bytes_acked = 116,
                                              .bytes_received = 117,
                                              .bytes_retransmitted = 118,
                                              .segments_sent = 119,
                                              .segments_received = 120,
                                              .retransmissions_n = 121,
                                              .rto_n = 122,
                                              .fast_retransmits_n = 123,
                                              .duplicate_acks_n = 124,
                                              .backoff_n = 5,
                                              .timer = LA_TIMER_PERSIST,
                                              .timer_at = {NOW_NS + 125 * 1000},
                                              .ack_at = {NOW_NS + 126 * 1000},
                                              .keepalive_at = {NOW_NS + 127 * 1000},
                                              .heard_at = {NOW_NS - 128 * 1000},
                                              .sndbuf_bytes = 129,
                                              .rcvbuf_bytes = 130,
                                              .keepalive_sent_n = 6,
                                              .phase = LA_CC_RECOVERY,
                                              .half_open = true,
                                              .congestion_control = "cubic",
                                              .pacing_rate = UINT64_C(1) << 40,
                                              .urgent_unread_bytes = 131,
                                              .urgent_unacked_bytes = 132,
                                              .bytes_delivered = 133,
                                              .delivery_rate = 134,
                                              .busy_us = 136,
                                              .rwnd_limited_us = 137,
                                              .sndbuf_limited_us = 138,
                                              .lost_bytes = 139,
                                              .reordering_us = 140,
                                              .user_timeout_ms = 141,
                                              .reordering = true,
                                              .sent_at = {NOW_NS - 142 * 1000}};
static const struct la_conn_status at_rest = {.state = LA_TCP_TIME_WAIT,
                                              .wscale_send = 255,
                                              .wscale_receive = 255,
                                              .timer = 255,
                                              .timer_at = {NOW_NS - 5000}, /* 0 is left */
                                              .ack_at = {INT64_MAX},
                                              .keepalive_at = {INT64_MAX},
                                              .heard_at = {INT64_MAX},
                                              .sent_at = {INT64_MAX}};

static struct la_report
connection(void)
{
    struct la_report r = {.kind = LA_REPORT_CONNECTION,
                          .instance = 4711,
                          .end = "near",
                          .handle = UINT64_C(0xfedcba9876543210),
                          .owner = {.pid = 12, .process = "curl"}};
    memcpy(&r.u.conn, &all_set, sizeof(all_set));
    r.u.conn.local = endpoint("10.77.0.2", 1234);
    r.u.conn.remote = endpoint("fd77::1", 443);
    return r;
}

static void
test_report__connection(void **state)
{
    (void)state;
    struct la_report before = connection(), after = carried(&before);
    struct la_conn_status *want = &before.u.conn;
    /* Time is relative on the way. */
    want->timer_at.ns = 125000;
    want->ack_at.ns = 126000;
    want->keepalive_at.ns = 127000;
    want->heard_at.ns = -128000;
    want->sent_at.ns = -142000;
    assert_int_equal(after.kind, LA_REPORT_CONNECTION);
    assert_int_equal(after.instance, 4711);
    assert_string_equal(after.end, "near");
    assert_true(after.handle == before.handle);
    assert_int_equal(after.owner.pid, 12);
    assert_string_equal(after.owner.process, "curl");
    assert_memory_equal(&after.u.conn, want, sizeof(*want));
}

static void
test_report__connection_at_rest(void **state)
{
    (void)state;
    struct la_report before = {.kind = LA_REPORT_CONNECTION, .end = "far"}, after;
    struct la_conn_status *s = &before.u.conn;
    memcpy(s, &at_rest, sizeof(at_rest));
    s->local = endpoint("0.0.0.0", 80);
    s->remote = endpoint("::", 81);
    after = carried(&before);
    s->timer_at.ns = 0;
    assert_memory_equal(&after.u.conn, s, sizeof(*s));
    assert_int_equal(after.owner.pid, 0);
}

static void
test_report__every_state_timer_and_error(void **state)
{
    (void)state;
    struct la_report r = connection();
    for (unsigned i = LA_TCP_CLOSED; i < LA_TCP_STATE_COUNT; i++) {
        r.u.conn.state = (uint8_t)i;
        uint8_t want = (uint8_t)(i == LA_TCP_SYN_RECEIVED_ACTIVE ? LA_TCP_SYN_RECEIVED : i);
        assert_int_equal(carried(&r).u.conn.state, want);
    }
    for (unsigned i = 0; i < LA_TIMER_COUNT; i++) {
        r.u.conn.timer = (uint8_t)i;
        assert_int_equal(carried(&r).u.conn.timer, i);
    }
    for (unsigned i = 0; i < LA_CC_PHASE_COUNT; i++) {
        r.u.conn.phase = (uint8_t)i;
        assert_int_equal(carried(&r).u.conn.phase, i);
    }
#define ERR(name, value, errno_name, text)                                                         \
    r.u.conn.err = LA_ERR_##name;                                                                  \
    assert_int_equal(carried(&r).u.conn.err, LA_ERR_##name);
#include <lastack/err.def>
#undef ERR
}

static void
test_report__other_kinds(void **state)
{
    (void)state;
    struct la_report r = {.kind = LA_REPORT_LISTENER, .end = "near", .handle = 3}, after;
    r.owner.undelivered_n = 9;
    static const struct la_listener_status queues = {
        .local.port = 80,
        .backlog_n = 1,
        .accept_queue_n = 2,
        .syn_queue_n = 3,
        .accepted_n = 4,
        .syn_dropped_n = 5,
        .accept_dropped_n = 6,
        .syn_queue_n_max = 7,
    };
    memcpy(&r.u.listener, &queues, sizeof(queues));
    after = carried(&r);
    assert_memory_equal(&after.u.listener, &queues, sizeof(queues));
    assert_int_equal(after.owner.undelivered_n, 9);

    r = (struct la_report){.kind = LA_REPORT_UDP};
    r.u.udp = (struct la_udp_status){
        endpoint("10.0.0.1", 53), endpoint("10.0.0.2", 99), true, true, 8, 9, 0};
    after = carried(&r);
    assert_memory_equal(&after.u.udp, &r.u.udp, sizeof(r.u.udp));

    r = (struct la_report){.kind = LA_REPORT_REQUEST};
    r.u.request = (struct la_forward_request){endpoint("::1", 1), endpoint("1.2.3.4", 2)};
    after = carried(&r);
    assert_memory_equal(&after.u.request, &r.u.request, sizeof(r.u.request));

    r = (struct la_report){.kind = LA_REPORT_INSTANCE};
    r.u.instance = (struct la_report_instance){1, "run", "curl -v \"a b\"", "0.1.0", 2, 3, 4, 5};
    after = carried(&r);
    assert_memory_equal(&after.u.instance, &r.u.instance, sizeof(r.u.instance));

    r = (struct la_report){.kind = LA_REPORT_END};
    r.u.lines_n = 77;
    assert_int_equal(carried(&r).u.lines_n, 77);

    r = (struct la_report){.kind = LA_REPORT_ERROR};
    (void)strcpy(r.u.text, "no");
    after = carried(&r);
    assert_string_equal(after.u.text, "no");
}

static void
test_report__counters(void **state)
{
    (void)state;
    struct la_report r = {.kind = LA_REPORT_COUNTERS, .end = "near"}, after;
    struct la_report_counters *c = &r.u.counters;
    uint64_t *all = (uint64_t *)&c->stats;
    for (size_t i = 0; i < sizeof(c->stats) / sizeof(*all); i++)
        all[i] = 1000 + i;
    c->stats.reason[LA_REASON_NONE] = 0; /* counts nothing */
    c->stats.reason[LA_REASON_PAWS] = 0;
    for (unsigned i = LA_TCP_CLOSED; i < LA_TCP_STATE_COUNT; i++)
        c->state_n[i] = i * 10;
    after = carried(&r);
    /* Both SYN-RECEIVED are one state outside the figure. */
    c->state_n[LA_TCP_SYN_RECEIVED] += c->state_n[LA_TCP_SYN_RECEIVED_ACTIVE];
    c->state_n[LA_TCP_SYN_RECEIVED_ACTIVE] = 0;
    assert_memory_equal(&after.u.counters, c, sizeof(*c));
    json_t *object = la_report_encode(&r, now);
    json_t *reasons = json_object_get(object, "reasons");
    assert_null(json_object_get(reasons, "PAWS"));
    assert_non_null(json_object_get(reasons, "SEQ_OUTSIDE_WINDOW"));
    json_decref(object);
}

/* A program's name and arguments are any octets. */
static void
test_report__text_that_is_no_utf8(void **state)
{
    (void)state;
    struct la_report r = {.kind = LA_REPORT_INSTANCE}, after;
    (void)strcpy(r.u.instance.program, "a\xff\xfe\x1b[2J\n\"z");
    after = carried(&r);
    assert_string_equal(after.u.instance.program, "a??\x1b[2J\n\"z");
    memset(r.u.instance.program, '\xc3', sizeof(r.u.instance.program)); /* no zero byte at all */
    after = carried(&r);
    assert_int_equal(strlen(after.u.instance.program), sizeof(r.u.instance.program) - 1);
}

static void
test_report__endpoints(void **state)
{
    (void)state;
    struct la_endpoint e;
    static const char *const bad[] = {"",
                                      ":",
                                      "10.0.0.1",
                                      "10.0.0.1:",
                                      "10.0.0.1:x",
                                      "10.0.0.1:65536",
                                      "10.0.0.1:-1",
                                      "[::1]",
                                      "[::1]80",
                                      "[::1:80",
                                      "::1",
                                      "]:80",
                                      "10.0.0:80",
                                      "[10.0.0.1:80",
                                      ":80",
                                      "10.0.0.1:999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (la_report_endpoint_parse(bad[i], &e))
            fail_msg("'%s' was understood", bad[i]);
    assert_true(la_report_endpoint_parse("10.0.0.1:80", &e));
    assert_int_equal(e.port, 80);
    assert_true(la_report_endpoint_parse("[::1]:65535", &e));
    assert_int_equal(e.port, 65535);
}

static bool
decodes(const char *text, struct la_report *out)
{
    json_t *object = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(object);
    bool ok = la_report_decode(object, out);
    json_decref(object);
    return ok;
}

/* Whoever answers, nothing of it is trusted. */
static void
test_report__hostile(void **state)
{
    (void)state;
    struct la_report r;
    assert_false(decodes("[]", &r));
    assert_false(decodes("7", &r));
    assert_false(decodes("{}", &r));
    assert_false(decodes("{\"v\":2,\"kind\":\"UDP\"}", &r));
    assert_false(decodes("{\"v\":1,\"kind\":\"LATER\"}", &r));
    assert_false(decodes("{\"v\":1,\"kind\":7}", &r));
    assert_true(decodes("{\"v\":1,\"kind\":\"CONNECTION\"}", &r));
    assert_int_equal(r.u.conn.state, 0);
    assert_int_equal(r.u.conn.timer, 255);
    assert_int_equal(r.u.conn.wscale_send, 255);
    assert_true(decodes("{\"v\":1,\"kind\":\"CONNECTION\",\"state\":\"x\",\"timer\":\"y\",\"err\":"
                        "\"z\",\"phase\":\"?\",\"cwnd_bytes\":-5,\"mss_send\":99999999999,"
                        "\"timer_us\":9223372036854775807,\"heard_us\":9223372036854775807,"
                        "\"handle\":\"q\",\"local\":\"q\",\"passive\":\"yes\",\"sack\":1,"
                        "\"end\":\"much too long an end\",\"backoff_n\":1000,\"pid\":-1,"
                        "\"process\":\"a name longer than sixteen octets\"}",
                        &r));
    assert_int_equal(r.u.conn.state, 0);
    assert_int_equal(r.u.conn.cwnd_bytes, 0);
    assert_int_equal(r.u.conn.mss_send, UINT32_MAX);
    assert_int_equal(r.u.conn.backoff_n, 255);
    assert_true(r.u.conn.timer_at.ns > 0 && r.u.conn.heard_at.ns < 0);
    assert_false(r.u.conn.passive);
    assert_int_equal(r.owner.pid, 0);
    assert_int_equal(strlen(r.owner.process), LA_REPORT_NAME_BYTES - 1);
    assert_true(decodes("{\"v\":1,\"kind\":\"COUNTERS\",\"states\":[],\"reasons\":7}", &r));
    assert_int_equal(r.u.counters.state_n[LA_TCP_ESTABLISHED], 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report__connection),
        cmocka_unit_test(test_report__connection_at_rest),
        cmocka_unit_test(test_report__every_state_timer_and_error),
        cmocka_unit_test(test_report__other_kinds),
        cmocka_unit_test(test_report__counters),
        cmocka_unit_test(test_report__text_that_is_no_utf8),
        cmocka_unit_test(test_report__endpoints),
        cmocka_unit_test(test_report__hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
