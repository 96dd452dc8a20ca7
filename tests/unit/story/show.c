/* SPDX-License-Identifier: MIT
 *
 * show.c - prints one scene as golden files and people want to see it
 *
 * usage: show SCENE [WIDTH [ladder|json [WORDS]]]
 *
 * WORDS: color,ascii,full,absolute,linux,one,common,noladder. Scenes named live_* are played by
 * real stacks: they are for looking at, and change when those do.
 */
#include "live.h"
#include "play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
flags_of(const char *words)
{
    static const struct {
        const char *word;
        uint32_t flag;
    } known[] = {
        {"color", LA_STORY_COLOR},         {"ascii", LA_STORY_ASCII},
        {"full", LA_STORY_FULL},           {"absolute", LA_STORY_ABSOLUTE},
        {"linux", LA_STORY_NAMES_LINUX},   {"one", LA_STORY_ONE_SIDED},
        {"common", LA_STORY_COMMON_CLOCK}, {"noladder", LA_STORY_NO_LADDER},
    };
    uint32_t flags = 0;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strstr(words, known[i].word) != NULL)
            flags |= known[i].flag;
    return flags;
}

static void
live_transfer(const struct la_trace *trace)
{
    live_run(&(struct live_cfg){.seed = 1, .octets = 3000, .impair = {.delay_ns = 20000000}},
             trace);
}

static void
live_loss(const struct la_trace *trace)
{
    struct la_impair impair = {.delay_ns = 10000000,
                               .rate_bps = 20000000,
                               .loss = 0.03,
                               .duplicate = 0.005,
                               .corrupt = 0.005,
                               .reorder = 0.01};
    live_run(&(struct live_cfg){.seed = 7, .octets = 400000, .impair = impair}, trace);
}

static void
live_refused(const struct la_trace *trace)
{
    live_run(&(struct live_cfg){.act = LIVE_REFUSED, .impair = {.delay_ns = 1000000}}, trace);
}

static void
live_abort(const struct la_trace *trace)
{
    live_run(&(struct live_cfg){.act = LIVE_ABORT, .octets = 500, .impair = {.delay_ns = 1000000}},
             trace);
}

static void
live_slow(const struct la_trace *trace)
{
    live_run(&(struct live_cfg){.act = LIVE_SLOW, .octets = 20000, .impair = {.delay_ns = 1000000}},
             trace);
}

static const struct scene lives[] = {
    {"live_transfer", live_transfer}, {"live_loss", live_loss}, {"live_refused", live_refused},
    {"live_abort", live_abort},       {"live_slow", live_slow},
};

static const struct scene *
scene_of(const char *name)
{
    for (unsigned i = 0; i < scenes_n; i++)
        if (strcmp(scenes[i].name, name) == 0)
            return &scenes[i];
    for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++)
        if (strcmp(lives[i].name, name) == 0)
            return &lives[i];
    return NULL;
}

int
main(int argc, char **argv)
{
    const struct scene *scene = argc > 1 ? scene_of(argv[1]) : NULL;
    if (scene == NULL) {
        for (unsigned i = 0; i < scenes_n; i++)
            puts(scenes[i].name);
        return argc > 1 ? 2 : 0;
    }
    struct la_story_cfg cfg;
    la_story_cfg_init(&cfg);
    if (argc > 2)
        cfg.width = (uint32_t)atoi(argv[2]);
    bool json = argc > 3 && strcmp(argv[3], "json") == 0;
    *(json ? &cfg.json : &cfg.ladder) = la_story_writer_file(stdout);
    if (argc > 4)
        cfg.flags = flags_of(argv[4]);
    struct la_story *story;
    if (la_story_new(&cfg, &story) != LA_OK)
        return 1;
    struct la_trace trace = la_story_trace(story);
    scene->run(&trace);
    la_story_finish(story);
    la_story_free(story);
    return fflush(stdout) == 0 ? 0 : 1;
}
