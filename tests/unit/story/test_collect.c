/* SPDX-License-Identifier: MIT
 *
 * test_collect.c - connections told apart, bounds kept, bad news survived
 */
#include "support.h"

#include <stdio.h>

static uint32_t calls_until_failure; /* 0: no failure */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *
__wrap_calloc(size_t n, size_t size)
{
    if (calls_until_failure != 0 && --calls_until_failure == 0)
        return NULL;
    return __real_calloc(n, size);
}

/* ---- connections ------------------------------------------------------------------------ */

static void
test_collect__the_same_pair_again_is_another_connection(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig, rig_cfg(100, 0));
    for (int64_t i = 0; i < 3; i++) {
        struct play p;
        play_init(&p, &rig.trace, 50000);
        p.iss[CLIENT] += (uint32_t)i * 100000;
        p.id_next += (uint64_t)i * 1000;
        play_at(&p, i * 100000000);
        play_handshake(&p);
        play_close(&p, CLIENT);
    }
    rig_finish(&rig);
    assert_int_equal(rig.stats.conns_n, 3);
    must_show(&rig, "#3 10.0.0.1:50000 → 10.0.0.2:80, 60.1 s");
    rig_end(&rig);
}

/* Without states (one capture point): a SYN with a new number after the FINs. */
static void
test_collect__incarnations_by_segments_alone(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig, rig_cfg(100, LA_STORY_ONE_SIDED));
    for (int64_t i = 0; i < 2; i++) {
        struct play p;
        play_init(&p, &rig.trace, 50000);
        p.iss[CLIENT] += (uint32_t)i * 100000;
        play_at(&p, i * 1000000);
        uint64_t syn = play_send(&p, CLIENT, SYN, 0, LA_CAUSE_NONE);
        assert_int_not_equal(syn, 0);
        play_send_again(&p, CLIENT, SYN, 0, 0, LA_CAUSE_NONE, 1); /* the same one */
        play_send(&p, SERVER, SYN | ACK, 0, LA_CAUSE_NONE);
        play_send(&p, CLIENT, FIN | ACK, 0, LA_CAUSE_NONE);
        play_send(&p, SERVER, FIN | ACK, 0, LA_CAUSE_NONE);
    }
    rig_finish(&rig);
    assert_int_equal(rig.stats.conns_n, 2);
    rig_end(&rig);
}

struct remarks {
    uint64_t id;
    char text[512];
};

static void
hear_remark(void *ctx, uint64_t segment_id, const char *text)
{
    struct remarks *remarks = ctx;
    if (strstr(text, "fast retransmit") == NULL)
        return;
    remarks->id = segment_id;
    snprintf(remarks->text, sizeof(remarks->text), "%s", text);
}

static void
test_collect__remarks_name_the_segment(void **state)
{
    (void)state;
    struct rig rig;
    struct remarks remarks = {0};
    struct la_story_cfg cfg = rig_cfg(100, 0);
    cfg.remark = hear_remark;
    cfg.remark_ctx = &remarks;
    rig_scene(&rig, "fast_retransmit", cfg);
    assert_int_equal(remarks.id >> 16, 49154);
    assert_string_equal(remarks.text,
                        "fast retransmit of seq 1461: third duplicate ACK (RFC 5681 3.2)");
    rig_end(&rig);
}

/* ---- bounds ----------------------------------------------------------------------------- */

static void
test_collect__connections_are_bounded(void **state)
{
    (void)state;
    struct rig rig;
    struct la_story_cfg cfg = rig_cfg(100, LA_STORY_NO_LADDER);
    cfg.conns_n_max = 10;
    rig_begin(&rig, cfg);
    for (uint16_t i = 0; i < 100; i++) {
        struct play p;
        play_init(&p, &rig.trace, (uint16_t)(1000 + i));
        play_at(&p, i * 1000000);
        play_handshake(&p);
        play_at(&p, i * 1000000 + 999000); /* the handshake's last row leaves */
        play_call(&p, SERVER, LA_CALL_OPEN_PASSIVE);
    }
    rig_finish(&rig);
    assert_int_equal(rig.stats.conns_n, 100);
    assert_int_equal(rig.stats.conns_let_go_n, 90);
    must_show(&rig, "90 connections forgotten for lack of room");
    rig_end(&rig);
}

static void
test_collect__rows_are_bounded(void **state)
{
    (void)state;
    struct rig rig;
    struct play p;
    struct la_story_cfg cfg = rig_cfg(100, LA_STORY_FULL);
    cfg.rows_n_max = 16;
    rig_begin(&rig, cfg);
    play_init(&p, &rig.trace, 50000);
    play_handshake(&p);
    for (unsigned i = 0; i < 100; i++)
        play_send(&p, CLIENT, ACK, 10, LA_CAUSE_DATA);
    la_story_stats_get(rig.story, &rig.stats);
    assert_int_equal(rig.stats.rows_let_go_n, 84);
    rig_finish(&rig);
    must_show(&rig, "84 segments shown incomplete or not at all for lack of room");
    rig_end(&rig);
}

/* Whichever request is refused: nothing breaks, and it is counted. */
static void
test_collect__no_memory(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < 400; i++) {
        struct rig rig;
        rig_begin(&rig, rig_cfg(100, 0));
        calls_until_failure = i;
        scene_named("interleaved")->run(&rig.trace);
        bool failed = calls_until_failure == 0;
        calls_until_failure = 0;
        rig_finish(&rig);
        assert_int_equal(rig.stats.no_memory_n, failed);
        rig_end(&rig);
        if (!failed)
            return;
    }
    fail_msg("more requests than expected");
}

static void
test_collect__no_memory_for_the_story(void **state)
{
    (void)state;
    struct la_story_cfg cfg = rig_cfg(100, 0);
    struct la_story *story = NULL;
    for (uint32_t i = 1; i <= 3; i++) {
        calls_until_failure = i;
        assert_int_equal(la_story_new(&cfg, &story), LA_ERR_NO_MEMORY);
        calls_until_failure = 0;
    }
    la_story_free(NULL);
}

/* ---- order and noise -------------------------------------------------------------------- */

static void
test_collect__nothing_after_the_end(void **state)
{
    (void)state;
    struct rig rig;
    rig_begin(&rig, rig_cfg(100, 0));
    scene_named("simple")->run(&rig.trace);
    la_story_finish(rig.story);
    size_t ladder_n = rig.ladder.n, json_n = rig.json.n;
    scene_named("simple")->run(&rig.trace);
    la_story_flush(rig.story, (la_instant){INT64_MAX - 1});
    la_story_finish(rig.story);
    assert_int_equal(rig.ladder.n, ladder_n);
    assert_int_equal(rig.json.n, json_n);
    rig_finish(&rig);
    assert_int_equal(rig.stats.late_n * 2, rig.stats.events_n);
    rig_end(&rig);
}

/* Drops every n-th event of a scene, then doubles it: fates, arrivals, causes, states. */
struct noise {
    struct la_trace to;
    unsigned period, count;
    bool doubles;
};

static void
noise_sink(void *ctx, const struct la_event *e)
{
    struct noise *noise = ctx;
    bool hit = ++noise->count % noise->period == 0;
    if (!hit || noise->doubles)
        noise->to.sink(noise->to.ctx, e);
    if (hit && noise->doubles)
        noise->to.sink(noise->to.ctx, e);
}

static void
test_collect__missing_and_repeated_events(void **state)
{
    (void)state;
    for (unsigned i = 0; i < scenes_n; i++) {
        if (strcmp(scenes[i].name, "bulk") == 0)
            continue;
        for (unsigned period = 2; period < 40; period++) {
            for (int doubles = 0; doubles < 2; doubles++) {
                struct rig rig;
                rig_begin(&rig, rig_cfg(100, 0));
                struct noise noise = {rig.trace, period, period - 2, doubles != 0};
                struct la_trace trace = {noise_sink, &noise, LA_EVENT_ALL};
                scenes[i].run(&trace);
                rig_finish(&rig);
                assert_int_not_equal(rig.stats.rows_n, 0);
                rig_end(&rig);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collect__the_same_pair_again_is_another_connection),
        cmocka_unit_test(test_collect__incarnations_by_segments_alone),
        cmocka_unit_test(test_collect__remarks_name_the_segment),
        cmocka_unit_test(test_collect__connections_are_bounded),
        cmocka_unit_test(test_collect__rows_are_bounded),
        cmocka_unit_test(test_collect__no_memory),
        cmocka_unit_test(test_collect__no_memory_for_the_story),
        cmocka_unit_test(test_collect__nothing_after_the_end),
        cmocka_unit_test(test_collect__missing_and_repeated_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
