/* SPDX-License-Identifier: MIT
 *
 * support.h - a story whose output is caught
 */
#ifndef LA_TESTS_STORY_SUPPORT_H
#define LA_TESTS_STORY_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lastack/story.h>

#include "play.h"

struct caught {
    char *p; /* zero-terminated */
    size_t n, room;
};

static inline void
caught_write(void *ctx, const char *bytes, size_t n)
{
    struct caught *caught = ctx;
    if (caught->n + n + 1 > caught->room) {
        caught->room = (caught->n + n + 1) * 2;
        caught->p = realloc(caught->p, caught->room);
        assert_non_null(caught->p);
    }
    memcpy(caught->p + caught->n, bytes, n);
    caught->n += n;
    caught->p[caught->n] = 0;
}

struct rig {
    struct la_story *story;
    struct la_trace trace;
    struct caught ladder, json;
    struct la_story_stats stats;
};

static inline struct la_story_cfg
rig_cfg(uint32_t width, uint32_t flags)
{
    struct la_story_cfg cfg;
    la_story_cfg_init(&cfg);
    cfg.width = width;
    cfg.flags = flags;
    return cfg;
}

static inline void
rig_begin(struct rig *rig, struct la_story_cfg cfg)
{
    memset(rig, 0, sizeof(*rig));
    cfg.ladder = (struct la_story_writer){caught_write, &rig->ladder};
    cfg.json = (struct la_story_writer){caught_write, &rig->json};
    caught_write(&rig->ladder, "", 0);
    caught_write(&rig->json, "", 0);
    assert_int_equal(la_story_new(&cfg, &rig->story), LA_OK);
    rig->trace = la_story_trace(rig->story);
}

/* Everything is written, the story is gone, the text is kept. */
static inline void
rig_finish(struct rig *rig)
{
    la_story_finish(rig->story);
    la_story_stats_get(rig->story, &rig->stats);
    la_story_free(rig->story);
}

static inline void
rig_end(struct rig *rig)
{
    free(rig->ladder.p);
    free(rig->json.p);
}

static inline const struct scene *
scene_named(const char *name)
{
    for (unsigned i = 0; i < scenes_n; i++)
        if (strcmp(scenes[i].name, name) == 0)
            return &scenes[i];
    fail_msg("no scene %s", name);
    return NULL;
}

static inline void
rig_scene(struct rig *rig, const char *name, struct la_story_cfg cfg)
{
    rig_begin(rig, cfg);
    scene_named(name)->run(&rig->trace);
    rig_finish(rig);
}

/* Where `part` begins in what the ladder shows. */
static inline const char *
must_show(const struct rig *rig, const char *part)
{
    const char *at = strstr(rig->ladder.p, part);
    if (at == NULL)
        fail_msg("not shown: \"%s\" in\n%s", part, rig->ladder.p);
    return at;
}

static inline void
must_not_show(const struct rig *rig, const char *part)
{
    if (strstr(rig->ladder.p, part) != NULL)
        fail_msg("shown: \"%s\" in\n%s", part, rig->ladder.p);
}

#endif
