/* SPDX-License-Identifier: MIT
 *
 * report.c - a script file from its path to what is said about it
 */
#include "drill/report.h"

#include <lastack/story.h>

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LADDER_LINES_N = 14, LADDER_WIDTH = 80 };

/* ---- the ladder ------------------------------------------------------------------------- */

/* The latest lines of the story, or all of them. */
struct ladder {
    FILE *all; /* NULL: only the latest are kept */
    char *text;
    size_t n;
};

enum { LADDER_BYTES_MAX = 64 << 10 };

static void
write_ladder(void *ctx, const char *bytes, size_t n)
{
    struct ladder *ladder = ctx;
    if (ladder->all != NULL)
        (void)fwrite(bytes, 1, n, ladder->all);
    if (ladder->text == NULL || n > LADDER_BYTES_MAX / 2)
        return;
    if (ladder->n + n > LADDER_BYTES_MAX) {
        size_t kept_n = LADDER_BYTES_MAX / 2;
        memmove(ladder->text, ladder->text + ladder->n - kept_n, kept_n);
        ladder->n = kept_n;
    }
    memcpy(ladder->text + ladder->n, bytes, n);
    ladder->n += n;
}

static void
put_latest(const struct ladder *ladder, FILE *out)
{
    size_t from = ladder->n;
    unsigned lines_n = 0;
    while (from > 0 && lines_n <= LADDER_LINES_N)
        lines_n += ladder->text[--from] == '\n';
    from += lines_n > LADDER_LINES_N; /* stands at the line end before */
    if (from < ladder->n)
        (void)fwrite(ladder->text + from, 1, ladder->n - from, out);
}

static la_err
new_story(struct ladder *ladder, struct la_story **out)
{
    struct la_story_cfg cfg;
    la_story_cfg_init(&cfg);
    cfg.ladder = (struct la_story_writer){write_ladder, ladder};
    cfg.flags = LA_STORY_ONE_SIDED | LA_STORY_NO_SUMMARY | LA_STORY_FULL | LA_STORY_COMMON_CLOCK;
    cfg.width = LADDER_WIDTH;
    cfg.client_name = "peer";
    cfg.server_name = "stack";
    return la_story_new(&cfg, out);
}

/* ---- the file --------------------------------------------------------------------------- */

static uint8_t *
read_file(const char *path, size_t *n, struct la_drill_mistake *mistake)
{
    FILE *file = fopen(path, "re");
    uint8_t *text = file == NULL ? NULL : malloc(LA_DRILL_TEXT_BYTES_MAX + 1);
    if (text != NULL) {
        *n = fread(text, 1, LA_DRILL_TEXT_BYTES_MAX + 1, file);
        if (!ferror(file)) {
            (void)fclose(file);
            return text;
        }
    }
    (void)snprintf(mistake->text, sizeof(mistake->text), "cannot be read: %s", strerror(errno));
    free(text);
    if (file != NULL)
        (void)fclose(file);
    return NULL;
}

static void
play(struct la_drill_script *script, struct ladder *ladder, struct la_drill_result *result)
{
    struct la_story *story;
    if (new_story(ladder, &story) != LA_OK) {
        result->outcome = LA_DRILL_FAILED;
        (void)snprintf(result->mistake.text, sizeof(result->mistake.text), "out of memory");
        return;
    }
    struct la_trace hears = la_story_trace(story);
    la_drill_play(script, &hears, result);
    la_story_finish(story);
    la_story_free(story);
}

static bool
prepare(struct la_drill_script *script, const struct la_drill_file_cfg *cfg, struct la_bytes text,
        struct la_drill_mistake *mistake)
{
    script->cfg = cfg->cfg;
    for (size_t i = 0; i < cfg->defines_n; i++)
        if (!la_drill_define(script, cfg->defines[i])) {
            (void)snprintf(mistake->text, sizeof(mistake->text), "--define needs NAME=VALUE");
            return false;
        }
    return la_drill_read(script, text, mistake);
}

/* ---- words ------------------------------------------------------------------------------ */

static bool
recognised(const struct la_drill_origin *origin)
{
    return origin->profile != NULL && origin->line != 0;
}

static void
put_origin(const struct la_drill_origin *origin, FILE *out)
{
    if (recognised(origin))
        (void)fprintf(out, "  as        %s, for line %" PRIu32 " has %s (--as NAME: as another)\n",
                      origin->profile, origin->line, origin->because);
}

/* The line that cannot be read, and below it where. */
static void
put_place(struct la_bytes text, const struct la_drill_mistake *mistake, FILE *out)
{
    enum { WIDTH = 68 };
    char shown[WIDTH + 1] = {0};
    size_t at = 0, n = 0;
    for (uint32_t line = 1; line < mistake->line && at < text.n; at++)
        line += text.p[at] == '\n';
    size_t skip = mistake->column > WIDTH ? mistake->column - WIDTH / 2 : 0;
    for (at += skip; at + n < text.n && text.p[at + n] != '\n' && n < WIDTH; n++)
        shown[n] = text.p[at + n] >= ' ' && text.p[at + n] < 0x7f ? (char)text.p[at + n] : ' ';
    if (mistake->line == 0 || n == 0)
        return;
    (void)fprintf(out, "  line      %s\n", shown);
    if (mistake->column != 0 && mistake->column - skip <= n + 1)
        (void)fprintf(out, "            %*s\n", (int)(mistake->column - skip), "^");
}

static void
put_words(const char *path, struct la_bytes text, const struct la_drill_result *result,
          const struct ladder *ladder, FILE *out)
{
    const struct la_drill_mistake *mistake = &result->mistake;
    if (mistake->line == 0)
        (void)fprintf(out, "%s: %s\n", path, mistake->text);
    else
        (void)fprintf(out, "%s:%" PRIu32 ": %s\n", path, mistake->line, mistake->text);
    if (result->outcome == LA_DRILL_UNREADABLE) {
        put_place(text, mistake, out);
        return;
    }
    if (result->expected[0] != 0)
        (void)fprintf(out, "  expected  %s\n", result->expected);
    if (result->came[0] != 0)
        (void)fprintf(out, "  came      %s\n", result->came);
    if (result->hint[0] != 0)
        (void)fprintf(out, "  hint      %s\n", result->hint);
    put_origin(&result->origin, out);
    bool more = ladder->all == NULL && ladder->n > 0;
    (void)fprintf(out, "  at        %" PRId64 ".%06" PRId64 " s of the script%s\n",
                  result->time_us / 1000000, result->time_us % 1000000,
                  more ? "; the latest segments:" : "");
    if (more)
        put_latest(ladder, out);
}

static void
set_text(json_t *object, const char *key, const char *text)
{
    json_t *value = json_string(text);
    json_object_set_new(object, key, value != NULL ? value : json_string("(not UTF-8)"));
}

static void
put_json(const char *path, const struct la_drill_result *result, FILE *out)
{
    static const char *const outcomes[] = {"passed", "failed", "unreadable"};
    json_t *object = json_object();
    set_text(object, "script", path);
    set_text(object, "result", outcomes[result->outcome]);
    if (result->origin.profile != NULL)
        set_text(object, "as", result->origin.profile);
    json_object_set_new(object, "events", json_integer(result->events_n));
    json_object_set_new(object, "time_us", json_integer(result->time_us));
    if (result->outcome != LA_DRILL_PASSED) {
        json_object_set_new(object, "line", json_integer(result->mistake.line));
        set_text(object, "message", result->mistake.text);
        set_text(object, "expected", result->expected);
        set_text(object, "came", result->came);
        if (result->hint[0] != 0)
            set_text(object, "hint", result->hint);
    }
    (void)json_dumpf(object, out, JSON_COMPACT | JSON_PRESERVE_ORDER);
    (void)fputc('\n', out);
    json_decref(object);
}

enum la_drill_outcome
la_drill_file(const char *path, const struct la_drill_file_cfg *cfg, FILE *out, const char **as)
{
    struct la_drill_result result = {.outcome = LA_DRILL_UNREADABLE};
    struct la_drill_script script = {.path = path};
    struct ladder ladder = {.all = cfg->verbose && !cfg->json ? out : NULL,
                            .text = malloc(LADDER_BYTES_MAX)};
    size_t n = 0;
    uint8_t *text = read_file(path, &n, &result.mistake);
    if (text != NULL && prepare(&script, cfg, (struct la_bytes){text, n}, &result.mistake))
        play(&script, &ladder, &result);
    if (cfg->json)
        put_json(path, &result, out);
    else if (result.outcome != LA_DRILL_PASSED)
        put_words(path, (struct la_bytes){text, n}, &result, &ladder, out);
    else if (cfg->verbose) {
        (void)fprintf(out, "%s: passed, %" PRIu32 " events\n", path, result.events_n);
        put_origin(&result.origin, out);
    }
    *as = recognised(&result.origin) ? result.origin.profile : "";
    la_drill_script_fini(&script);
    free(ladder.text);
    free(text);
    return (enum la_drill_outcome)result.outcome;
}
