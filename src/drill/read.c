/* SPDX-License-Identifier: MIT
 *
 * read.c - a script from its text: defines, options, settings, and events with their times
 */
#include "drill/scan.h"

#include <stdio.h>
#include <string.h>

bool
la_drill_define(struct la_drill_script *script, const char *text)
{
    size_t n = strlen(text) + 1;
    const char *equals = strchr(text, '=');
    if (equals == text || n == 1)
        return false;
    struct la_drill_define *define = la_drill_take(&script->arena, sizeof(*define));
    char *copy = la_drill_take(&script->arena, n);
    if (define == NULL || copy == NULL)
        return false;
    memcpy(copy, text, n);
    const char *value = "1";
    if (equals != NULL) {
        copy[equals - text] = 0;
        value = copy + (equals - text) + 1;
    }
    *define = (struct la_drill_define){copy, value, script->defines};
    script->defines = define;
    return true;
}

/* ---- options and settings --------------------------------------------------------------- */

/* "value" is value. */
static const char *
unquoted(struct la_drill_scan *s, const char *value)
{
    size_t n = strlen(value);
    if (n < 2 || value[0] != '"' || value[n - 1] != '"')
        return value;
    return la_drill_copy(s, (struct la_bytes){(const uint8_t *)value + 1, n - 2});
}

/* --name=value, or --name; values end at a blank. */
static bool
read_option(struct la_drill_scan *s)
{
    const char *from = s->p;
    while (!la_drill_at_end(s) && *s->p != ' ' && *s->p != '\t' && *s->p != '\n' && *s->p != '\r')
        s->p++;
    const char *word =
        la_drill_copy(s, (struct la_bytes){(const uint8_t *)from, (size_t)(s->p - from)});
    if (word == NULL)
        return false;
    const char *equals = strchr(word, '=');
    size_t n = equals == NULL ? strlen(word) : (size_t)(equals - word);
    const char *name = la_drill_copy(s, (struct la_bytes){(const uint8_t *)word, n});
    if (name == NULL)
        return false;
    const char *value = equals == NULL ? NULL : unquoted(s, equals + 1);
    if (strcmp(name, "define") == 0) {
        if (value != NULL && la_drill_define(s->script, value))
            return true;
        return la_drill_wrong(s, "--define needs NAME=VALUE");
    }
    if (!la_drill_cfg_take(&s->script->cfg, name, value, s->mistake)) {
        s->failed = true;
        s->mistake->line = s->line;
        return false;
    }
    return true;
}

static bool
read_head(struct la_drill_scan *s)
{
    while (la_drill_try(s, "--"))
        if (!read_option(s))
            return false;
    s->script->settings_line = s->line;
    return !la_drill_try(s, "`") || la_drill_until(s, "`", &s->script->settings);
}

/* ---- times ------------------------------------------------------------------------------ */

static bool
read_instant(struct la_drill_scan *s, uint8_t *clock, int64_t *us)
{
    *clock = la_drill_try(s, "+") ? LA_DRILL_RELATIVE : LA_DRILL_ABSOLUTE;
    return la_drill_seconds(s, us);
}

static bool
read_when(struct la_drill_scan *s, struct la_drill_when *when)
{
    uint8_t clock = LA_DRILL_RELATIVE;
    *when = (struct la_drill_when){.clock = LA_DRILL_RELATIVE};
    if (la_drill_try(s, "*")) {
        when->clock = LA_DRILL_ANY;
        return true;
    }
    if (s->p == s->end || strchr("+.0123456789", *s->p) == NULL)
        return true; /* none: at once */
    if (!read_instant(s, &when->clock, &when->from_us))
        return false;
    when->has_range = la_drill_try(s, "~");
    when->has_end = !when->has_range && la_drill_try(s, "...");
    if (!when->has_range && !when->has_end)
        return true;
    if (!read_instant(s, &clock, &when->until_us))
        return false;
    if (when->until_us < when->from_us)
        return la_drill_wrong(s, "the time ends before it begins");
    return true;
}

/* ---- events ----------------------------------------------------------------------------- */

static bool
read_action(struct la_drill_scan *s, struct la_drill_event *event)
{
    bool out = false;
    if (la_drill_try(s, "%{")) {
        event->kind = LA_DRILL_CHECK;
        return la_drill_until(s, "}%", &event->code);
    }
    if (la_drill_try(s, "`")) {
        event->kind = LA_DRILL_COMMAND;
        return la_drill_until(s, "`", &event->code);
    }
    if (la_drill_try(s, "<") || (out = la_drill_try(s, ">"))) {
        event->kind = LA_DRILL_PACKET;
        return la_drill_read_packet(s, out, &event->packet);
    }
    event->kind = LA_DRILL_CALL;
    struct la_bytes name = la_drill_word(s);
    if (name.n == 0)
        return la_drill_wrong(s, "neither <, >, a call nor %%{ stands here");
    return la_drill_read_call(s, name, &event->call);
}

static bool
check_when(struct la_drill_scan *s, const struct la_drill_event *event)
{
    const struct la_drill_when *when = &event->when;
    bool out = event->kind == LA_DRILL_PACKET && event->packet->out;
    if (when->has_end && event->kind != LA_DRILL_CALL)
        return la_drill_wrong(s, "A...B is for calls; a packet that may come between is A~B");
    if ((when->has_range || when->clock == LA_DRILL_ANY) && !out)
        return la_drill_wrong(s, "only a packet with > may have a range of times");
    return true;
}

static struct la_bytes
line_of(const struct la_drill_scan *s, const char *from)
{
    const char *end = s->p;
    while (end > from && (end[-1] == '\n' || end[-1] == ' '))
        end--;
    const char *newline = memchr(from, '\n', (size_t)(end - from));
    if (newline != NULL)
        end = newline;
    return (struct la_bytes){(const uint8_t *)from, (size_t)(end - from)};
}

static bool
read_event(struct la_drill_scan *s, struct la_drill_event *event)
{
    const char *from = s->p;
    event->line = s->line;
    if (!read_when(s, &event->when) || !read_action(s, event))
        return false;
    event->source = line_of(s, from);
    uint32_t line = s->line;
    s->line = event->line;
    bool good = check_when(s, event);
    s->line = line;
    return good;
}

bool
la_drill_read(struct la_drill_script *script, struct la_bytes text,
              struct la_drill_mistake *mistake)
{
    struct la_drill_scan s = {.script = script,
                              .p = (const char *)text.p,
                              .end = (const char *)text.p + text.n,
                              .line = 1,
                              .mistake = mistake};
    struct la_drill_event **tail = &script->events;
    script->text = text;
    if (text.n > LA_DRILL_TEXT_BYTES_MAX)
        return la_drill_wrong(&s, "a script has at most %d octets", LA_DRILL_TEXT_BYTES_MAX);
    if (!read_head(&s))
        return false;
    la_drill_skip(&s);
    while (!la_drill_at_end(&s)) {
        struct la_drill_event *event = la_drill_scan_take(&s, sizeof(*event));
        if (event == NULL || !read_event(&s, event))
            return false;
        if (script->events_n++ == LA_DRILL_EVENTS_N_MAX)
            return la_drill_wrong(&s, "a script has at most %d events", LA_DRILL_EVENTS_N_MAX);
        *tail = event;
        tail = &event->next;
        la_drill_skip(&s);
    }
    if (!s.failed && script->events_n == 0)
        return la_drill_wrong(&s, "there is no event in it");
    return !s.failed;
}

void
la_drill_script_fini(struct la_drill_script *script)
{
    la_drill_arena_fini(&script->arena);
}
