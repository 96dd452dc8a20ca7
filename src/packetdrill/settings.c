/* SPDX-License-Identifier: MIT
 *
 * settings.c - what --so_flags and sysctls say
 *
 * What is known by name stands in ways/; here are words, files, and what packetdrill alone needs.
 * Later words win over earlier ones.
 */
#include "packetdrill/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
la_pd_settings_init(struct la_pd_settings *s)
{
    memset(s, 0, sizeof(*s));
    la_ways_init(&s->ways);
    s->local4 = la_addr_v4(192, 168, 0, 2);
    bool parsed = la_addr_parse("fd3d:fa7b:d17d::2", &s->local6);
    (void)parsed; /* a constant */
    s->mtu_bytes = 1500;
    s->seed = 1;
}

/* ---- numbers -------------------------------------------------------------------------------- */

static bool
number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    *out = strtoull(text, &end, 0);
    return *end == 0 && *out <= max;
}

/* ---- words of --so_flags -------------------------------------------------------------------- */

static bool
set_local(struct la_pd_settings *s, const char *value)
{
    struct la_addr addr;
    if (!la_addr_parse(value, &addr) || la_addr_is_any(&addr))
        return false;
    *(la_addr_is_v4(&addr) ? &s->local4 : &s->local6) = addr;
    return true;
}

static enum la_ways_outcome
taken(bool is)
{
    return is ? LA_WAYS_SET : LA_WAYS_REFUSED;
}

static bool
set_mtu(struct la_pd_settings *s, const char *value)
{
    uint64_t n;
    bool good = number(value, 65535, &n) && n >= 68;
    s->mtu_bytes = good ? (uint32_t)n : s->mtu_bytes;
    return good;
}

static enum la_ways_outcome
set_word(struct la_pd_settings *s, const char *name, const char *value)
{
    if (strcmp(name, "local") == 0)
        return taken(set_local(s, value));
    if (strcmp(name, "sysctls") == 0)
        return taken(snprintf(s->sysctls, sizeof(s->sysctls), "%s", value) < LA_PD_PATH_BYTES);
    if (strcmp(name, "states") == 0)
        return taken(snprintf(s->states, sizeof(s->states), "%s", value) < LA_PD_PATH_BYTES);
    if (strcmp(name, "seed") == 0)
        return taken(number(value, UINT64_MAX, &s->seed));
    if (strcmp(name, "mtu") == 0)
        return taken(set_mtu(s, value));
    return la_ways_set(&s->ways, name, value);
}

bool
la_pd_settings_parse(struct la_pd_settings *s, const char *flags, char error[LA_PD_ERROR_BYTES])
{
    char *copy = strdup(flags == NULL ? "" : flags), *rest = NULL;
    bool ok = copy != NULL;
    if (!ok)
        (void)snprintf(error, LA_PD_ERROR_BYTES, "--so_flags: out of memory");
    for (char *word = ok ? strtok_r(copy, ",", &rest) : NULL; word != NULL && ok;
         word = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(word, '=');
        if (value != NULL)
            *value++ = 0;
        enum la_ways_outcome outcome = set_word(s, word, value == NULL ? "" : value);
        ok = outcome == LA_WAYS_SET && value != NULL;
        if (outcome == LA_WAYS_UNKNOWN)
            (void)snprintf(error, LA_PD_ERROR_BYTES,
                           "--so_flags: there is no '%.40s'; docs/packetdrill.md lists the keys",
                           word);
        else if (!ok)
            (void)snprintf(error, LA_PD_ERROR_BYTES, "--so_flags: '%.40s' is not a value of %.40s",
                           value == NULL ? "" : value, word);
    }
    free(copy);
    return ok;
}

/* ---- sysctls -------------------------------------------------------------------------------- */

/* net.ipv4.tcp_sack, also where it is told by its file, /proc/sys/net/ipv4/tcp_sack. */
static void
dotted(const char *name, char out[LA_PD_PATH_BYTES])
{
    static const char folder[] = "/proc/sys/";
    bool file = strncmp(name, folder, sizeof(folder) - 1) == 0;
    (void)snprintf(out, LA_PD_PATH_BYTES, "%s", file ? name + sizeof(folder) - 1 : name);
    for (char *p = out; file && (p = strchr(p, '/')) != NULL;)
        *p = '.';
}

void
la_pd_settings_sysctl(struct la_pd_settings *s, const char *told, const char *value)
{
    char name[LA_PD_PATH_BYTES];
    dotted(told, name);
    enum la_ways_outcome outcome = la_ways_sysctl(&s->ways, name, value);
    (void)outcome; /* what is not there, or no value of it, changes nothing */
}

/* "net.ipv4.tcp_sack = 1" or without the spaces. */
static void
follow_line(struct la_pd_settings *s, char *line)
{
    line[strcspn(line, "\n")] = 0;
    char *value = strchr(line, '=');
    if (value == NULL)
        return;
    *value++ = 0;
    size_t n = strcspn(line, " \t");
    line[n] = 0;
    la_pd_settings_sysctl(s, line, value);
}

static void
follow_tree(struct la_pd_settings *s, const char *name)
{
    char path[2 * LA_PD_PATH_BYTES], value[LA_PD_PATH_BYTES];
    int n = snprintf(path, sizeof(path), "%s/%s", s->sysctls, name);
    for (int i = (int)strlen(s->sysctls); i < n && i < (int)sizeof(path); i++) {
        if (path[i] == '.')
            path[i] = '/';
    }
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(value, sizeof(value), file) != NULL)
        la_pd_settings_sysctl(s, name, value);
    (void)fclose(file);
}

void
la_pd_settings_follow(struct la_pd_settings *s)
{
    char line[2 * LA_PD_PATH_BYTES];
    FILE *file = s->sysctls[0] == 0 ? NULL : fopen(s->sysctls, "re");
    if (file == NULL)
        return;
    bool is_file = false;
    while (fgets(line, sizeof(line), file) != NULL) {
        is_file = true;
        follow_line(s, line);
    }
    (void)fclose(file);
    if (is_file)
        return;
    const char *name;
    for (size_t i = 0; (name = la_ways_sysctl_name(i)) != NULL; i++)
        follow_tree(s, name);
}
