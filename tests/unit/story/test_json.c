/* SPDX-License-Identifier: MIT
 *
 * test_json.c - JSON lines as docs/events-json.md promises them
 */
#include "support.h"

#include <jansson.h>

#include <lastack/event.h>

/* The n-th line (from 0) as an object, NULL behind the last. */
static json_t *
line_of(const struct rig *rig, size_t n)
{
    const char *line = rig->json.p;
    for (; n > 0; n--) {
        line = strchr(line, '\n');
        if (line == NULL)
            return NULL;
        line++;
    }
    const char *end = strchr(line, '\n');
    if (end == NULL)
        return NULL;
    json_error_t error;
    json_t *object = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        fail_msg("%s: %.*s", error.text, (int)(end - line), line);
    return object;
}

static const char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* The first line of that kind for which key has that text. */
static json_t *
find(const struct rig *rig, const char *kind, const char *key, const char *text)
{
    json_t *object;
    for (size_t i = 0; (object = line_of(rig, i)) != NULL; i++) {
        if (strcmp(text_of(object, "kind"), kind) == 0 &&
            (key == NULL || strcmp(text_of(object, key), text) == 0))
            return object;
        json_decref(object);
    }
    fail_msg("no %s with %s", kind, text);
    return NULL;
}

static int64_t
number_of(const json_t *object, const char *key)
{
    assert_true(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

static void
test_json__one_object_per_event_and_connection(void **state)
{
    (void)state;
    for (unsigned i = 0; i < scenes_n; i++) {
        if (strcmp(scenes[i].name, "bulk") == 0)
            continue; /* quadratic reading of ten thousand lines */
        struct rig rig;
        rig_scene(&rig, scenes[i].name, rig_cfg(80, 0));
        uint64_t events_n = 0, conns_n = 0;
        json_t *object;
        for (size_t k = 0; (object = line_of(&rig, k)) != NULL; k++) {
            assert_int_equal(number_of(object, "v"), 1);
            const char *kind = text_of(object, "kind");
            if (k == 0)
                assert_string_equal(kind, "STORY");
            else if (strcmp(kind, "CONNECTION") == 0)
                conns_n++;
            else
                events_n++;
            assert_true(k == 0 || json_is_real(json_object_get(object, "t")));
            json_decref(object);
        }
        assert_int_equal(events_n, rig.stats.events_n);
        assert_int_equal(conns_n, rig.stats.conns_n);
        rig_end(&rig);
    }
}

static void
test_json__a_segment(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "fast_retransmit", rig_cfg(80, 0));
    json_t *object = find(&rig, "SEGMENT_SENT", "cause", "RETRANSMIT_FAST");
    assert_int_equal(number_of(object, "conn"), 1);
    assert_int_equal(number_of(object, "end"), 0);
    assert_int_equal(number_of(object, "seq_rel"), 1461);
    assert_int_equal(number_of(object, "ack_rel"), 1);
    assert_int_equal(number_of(object, "len"), 1460);
    assert_int_equal(number_of(object, "retransmit_n"), 1);
    assert_string_equal(text_of(object, "local"), "10.0.0.1:49154");
    assert_string_equal(text_of(object, "remote"), "10.0.0.2:80");
    assert_string_equal(json_string_value(json_array_get(json_object_get(object, "flags"), 0)),
                        "ACK");
    assert_true(json_real_value(json_object_get(object, "t")) > 0.1104);
    json_decref(object);
    object = find(&rig, "SEGMENT_SENT", "cause", "ACK_DUPLICATE");
    assert_int_equal(json_array_size(json_object_get(object, "sack")), 1);
    assert_true(json_is_false(json_object_get(object, "dsack")));
    json_decref(object);
    object = find(&rig, "WIRE", "fate", "DROPPED");
    assert_string_equal(text_of(object, "reason"), "WIRE_LOST");
    json_decref(object);
    rig_end(&rig);
}

static void
test_json__a_connection(void **state)
{
    (void)state;
    struct rig rig;
    rig_scene(&rig, "rto", rig_cfg(80, LA_STORY_NAMES_LINUX));
    json_t *object = find(&rig, "CONNECTION", NULL, "");
    const json_t *opened = json_object_get(object, "opened");
    const json_t *closed = json_object_get(object, "closed");
    const json_t *client = json_object_get(object, "client_end");
    assert_string_equal(text_of(opened, "how"), "HANDSHAKE");
    assert_string_equal(text_of(opened, "by"), "client");
    assert_true(json_real_value(json_object_get(opened, "took")) == 0.04);
    assert_string_equal(text_of(closed, "how"), "FOUR_SEGMENTS");
    assert_string_equal(text_of(closed, "by"), "server");
    assert_int_equal(number_of(client, "octets"), 512);
    assert_int_equal(number_of(client, "lost"), 1);
    assert_int_equal(number_of(client, "queue_dropped"), 1);
    assert_int_equal(number_of(json_object_get(client, "retransmissions"), "RETRANSMIT_RTO"), 2);
    assert_int_equal(number_of(json_object_get(object, "agreed"), "mss_client_sends"), 1460);
    json_decref(object);
    /* States by their RFC names whatever people are shown. */
    object = find(&rig, "STATE", "to", "FIN-WAIT-1");
    json_decref(object);
    rig_end(&rig);
}

static void
test_json__an_unknown_instant_is_null(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig, rig_cfg(80, 0));
    struct la_event e = {.at = LA_INSTANT_NEVER, .kind = LA_EVENT_DROP, .conn = UINT64_MAX};
    e.u.drop.reason = LA_REASON_IP_CHECKSUM;
    rig.trace.sink(rig.trace.ctx, &e);
    rig_finish(&rig);
    json_t *object = find(&rig, "DROP", "reason", "IP_CHECKSUM");
    assert_true(json_is_null(json_object_get(object, "t")));
    assert_string_equal(text_of(object, "handle"), "18446744073709551615");
    assert_string_equal(text_of(object, "section"), "RFC 791 3.1");
    json_decref(object);
    rig_end(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json__one_object_per_event_and_connection),
        cmocka_unit_test(test_json__a_segment),
        cmocka_unit_test(test_json__a_connection),
        cmocka_unit_test(test_json__an_unknown_instant_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
