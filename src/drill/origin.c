/* SPDX-License-Identifier: MIT
 *
 * origin.c - which stack was a script written for?
 *
 * The first command decides that only one system has, or the first sysctl that a command sets.
 * Settings without a command are this program's own, also where they have a sysctl's name.
 */
#include "drill/origin.h"

#include <stdio.h>
#include <string.h>

#include "drill/words.h"

struct sign {
    const char *begins; /* a word that begins so */
    const char *profile;
};

static const struct sign commands[] = {
    {"defaults.sh", "linux"}, {"set_sysctls.py", "linux"}, {"sysctl_restore_", "linux"},
    {"nstat", "linux"},       {"ethtool", "linux"},        {"tc", "linux"},
    {"ip", "linux"},          {"sockstat", "freebsd"},     {"tcpdrop", "freebsd"},
    {"kldload", "freebsd"},   {"kldstat", "freebsd"},
};
static const struct sign sysctls[] = {
    {"net.ipv4.", "linux"},   {"net.ipv6.", "linux"},    {"net.core.", "linux"},
    {"net.inet.", "freebsd"}, {"net.inet6.", "freebsd"}, {"kern.", "freebsd"},
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *
sign_of(const struct sign *signs, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(signs[i].begins);
        bool open = strchr("._", signs[i].begins[len - 1]) != NULL;
        if (strncmp(word, signs[i].begins, len) == 0 && (open || word[len] == 0))
            return signs[i].profile;
    }
    return NULL;
}

/* True: it is known. */
static bool
look(struct la_bytes text, uint32_t line, struct la_drill_origin *origin)
{
    struct la_drill_words words;
    bool sets = false; /* the command is sysctl, or one that is like it */
    la_drill_words_init(&words, text, line);
    while (la_drill_words_next(&words)) {
        const char *name = la_drill_command_name(words.word);
        const char *profile = NULL;
        if (words.begins) {
            sets = strcmp(name, "sysctl") == 0;
            profile = sign_of(commands, COUNT(commands), name);
        } else if (sets) {
            name = la_drill_sysctl_name(words.word);
            profile = sign_of(sysctls, COUNT(sysctls), name);
        }
        if (profile == NULL)
            continue;
        origin->profile = profile;
        origin->line = words.line;
        (void)snprintf(origin->because, sizeof(origin->because), "%.*s", (int)strcspn(name, "="),
                       name);
        return true;
    }
    return false;
}

static bool
names_profile(struct la_bytes text)
{
    static const char key[] = "profile=";
    struct la_drill_words words;
    la_drill_words_init(&words, text, 1);
    while (la_drill_words_next(&words))
        if (strncmp(words.word, key, sizeof(key) - 1) == 0)
            return true;
    return false;
}

void
la_drill_origin_find(const struct la_drill_script *script, struct la_drill_origin *origin)
{
    const struct la_drill_event *e;
    *origin = (struct la_drill_origin){.profile = NULL};
    bool named = names_profile(script->settings);
    for (e = script->events; e != NULL && !named; e = e->next)
        named = e->kind == LA_DRILL_COMMAND && names_profile(e->code);
    if (named)
        return;
    if (script->cfg.as[0] != 0) {
        origin->profile = script->cfg.as;
        return;
    }
    bool found = look(script->settings, script->settings_line, origin);
    for (e = script->events; e != NULL && !found; e = e->next)
        found = e->kind == LA_DRILL_COMMAND && look(e->code, e->line, origin);
}
