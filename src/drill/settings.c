/* SPDX-License-Identifier: MIT
 *
 * settings.c - a script's options, and what it sets about the stack by name
 */
#include "drill/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BIND_PORT = 8080, PEER_PORT = 40000, TOLERANCE_US = 4000, MTU_BYTES = 1500 };
enum { WORD_BYTES = 128 };

/* ---- options ---------------------------------------------------------------------------- */

void
la_drill_cfg_init(struct la_drill_cfg *cfg)
{
    *cfg = (struct la_drill_cfg){.bind_port = BIND_PORT,
                                 .connect_port = BIND_PORT,
                                 .peer_port = PEER_PORT,
                                 .mtu_bytes = MTU_BYTES,
                                 .tolerance_us = TOLERANCE_US,
                                 .seed = 1};
}

static bool
say(struct la_drill_mistake *mistake, const char *what, const char *name, const char *value)
{
    (void)snprintf(mistake->text, sizeof(mistake->text), "--%s%s%s: %s", name,
                   value == NULL ? "" : "=", value == NULL ? "" : value, what);
    return false;
}

static bool
number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    if (text == NULL || !isdigit((unsigned char)text[0]) || strlen(text) > 20)
        return false;
    *out = strtoull(text, &end, 0);
    return *end == 0 && *out <= max;
}

static bool
take_address(struct la_drill_cfg *cfg, const char *name, const char *value,
             struct la_drill_mistake *mistake)
{
    bool local = strcmp(name, "local_ip") == 0;
    struct la_addr addr;
    if (value == NULL || !la_addr_parse(value, &addr))
        return say(mistake, "an address is needed", name, value);
    *(local ? &cfg->local : &cfg->remote) = addr;
    *(local ? &cfg->has_local : &cfg->has_remote) = true;
    return true;
}

static bool
take_version(struct la_drill_cfg *cfg, const char *value, struct la_drill_mistake *mistake)
{
    if (value == NULL || (strcmp(value, "ipv4") != 0 && strcmp(value, "ipv6") != 0))
        return say(mistake, "ipv4 and ipv6 are", "ip_version", value);
    cfg->v6 = strcmp(value, "ipv6") == 0;
    return true;
}

static bool
take_congestion(struct la_drill_cfg *cfg, const char *value, struct la_drill_mistake *mistake)
{
    if (value == NULL || la_congestion_find(value) < 0)
        return say(mistake, "cubic, reno and bbr are", "congestion", value);
    (void)snprintf(cfg->congestion, sizeof(cfg->congestion), "%s", value);
    return true;
}

/* 32 digits, as the octets of TCP_FASTOPEN_KEY. */
static bool
take_key(struct la_drill_cfg *cfg, const char *value, struct la_drill_mistake *mistake)
{
    unsigned octet;
    if (value == NULL || strlen(value) != 2 * sizeof(cfg->key) ||
        strspn(value, "0123456789abcdefABCDEF") != strlen(value))
        return say(mistake, "32 digits in hexadecimal are needed", "fast_open_key", value);
    for (size_t i = 0; i < sizeof(cfg->key) && sscanf(value + 2 * i, "%2x", &octet) == 1; i++)
        cfg->key[i] = (uint8_t)octet;
    cfg->has_key = true;
    return true;
}

/* Options of packetdrill's that mean nothing here: there is no network to be set up. */
static bool
is_ignored(const char *name)
{
    static const char *const names[] = {"gateway_ip", "netmask_ip",   "speed",
                                        "non_fatal",  "debug",        "verbose",
                                        "dry_run",    "init_scripts", "wire_client_dev"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

bool
la_drill_cfg_take(struct la_drill_cfg *cfg, const char *name, const char *value,
                  struct la_drill_mistake *mistake)
{
    uint64_t n = 0;
    if (strcmp(name, "ip_version") == 0)
        return take_version(cfg, value, mistake);
    if (strcmp(name, "congestion") == 0)
        return take_congestion(cfg, value, mistake);
    if (strcmp(name, "fast_open_key") == 0)
        return take_key(cfg, value, mistake);
    if (strcmp(name, "local_ip") == 0 || strcmp(name, "remote_ip") == 0)
        return take_address(cfg, name, value, mistake);
    struct {
        const char *name;
        uint64_t min, max;
    } const numbers[] = {
        {"bind_port", 1, 65535}, {"connect_port", 1, 65535},         {"peer_port", 1, 65535},
        {"mtu", 68, 65535},      {"tolerance_usecs", 0, 1000000000}, {"peer_isn", 0, UINT32_MAX},
        {"seed", 0, UINT64_MAX}};
    size_t i = 0;
    while (i < 7 && strcmp(numbers[i].name, name) != 0)
        i++;
    if (i == 7)
        return is_ignored(name) ||
               say(mistake, "no such option; docs/drill.md lists them", name, value);
    if (!number(value, numbers[i].max, &n) || n < numbers[i].min)
        return say(mistake, "a number in range is needed", name, value);
    switch (i) {
    case 0:
        cfg->bind_port = (uint16_t)n;
        break;
    case 1:
        cfg->connect_port = (uint16_t)n;
        break;
    case 2:
        cfg->peer_port = (uint16_t)n;
        break;
    case 3:
        cfg->mtu_bytes = (uint32_t)n;
        break;
    case 4:
        cfg->tolerance_us = (int64_t)n;
        break;
    case 5:
        cfg->peer_isn = (uint32_t)n;
        break;
    default:
        cfg->seed = n;
    }
    return true;
}

/* ---- commands --------------------------------------------------------------------------- */

/* The next word; quotes keep blanks together. `begins`: it is the first of its command. False:
 * there is none. */
static bool
next_word(const char **p, const char *end, char word[WORD_BYTES], bool *begins)
{
    size_t n = 0;
    char quote = 0;
    while (*p < end && (isspace((unsigned char)**p) || strchr(";&|\\", **p) != NULL)) {
        *begins |= strchr(";&\n", **p) != NULL;
        *begins &= **p != '\\'; /* a line that goes on */
        *p += 1 + (**p == '\\' && *p + 1 < end);
    }
    if (*p == end)
        return false;
    for (; *p < end; ++*p) {
        char c = **p;
        if (quote == 0 && (isspace((unsigned char)c) || strchr(";&|", c) != NULL))
            break;
        if (c == '"' || c == '\'')
            quote = quote == 0 ? c : quote == c ? (char)0 : quote;
        else if (n < WORD_BYTES - 1)
            word[n++] = isprint((unsigned char)c) || c == '\t' ? c : '?';
    }
    word[n] = 0;
    return true;
}

/* What the words behind the first one of a command mean. */
enum mode {
    MEANT,   /* settings, each of which must be known */
    FOREIGN, /* sysctl's: those of other stacks' insides change nothing */
    PASSED   /* nothing */
};

/* Commands that do what is done here anyway, or whose effect is not there to be had. */
static bool
is_idle(const char *name)
{
    static const char *const names[] = {"defaults.sh", "nstat", "tcpdrop", "true", "sockstat"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return strncmp(name, "sysctl_restore_", strlen("sysctl_restore_")) == 0;
}

/* True: the word is none to look at further. */
static bool
begin_command(const char *word, enum mode *mode)
{
    const char *slash = strrchr(word, '/');
    const char *name = slash == NULL ? word : slash + 1;
    *mode = MEANT;
    if (strchr(word, '=') != NULL)
        return false;
    if (strcmp(name, "sysctl") == 0 || strcmp(name, "set_sysctls.py") == 0)
        *mode = FOREIGN;
    else if (is_idle(name))
        *mode = PASSED;
    return *mode != MEANT;
}

/* /proc/sys/net/ipv4/tcp_sack is net.ipv4.tcp_sack. */
static const char *
dotted(char *word)
{
    static const char folder[] = "/proc/sys/";
    if (strncmp(word, folder, sizeof(folder) - 1) != 0)
        return word;
    for (char *p = word; *p != 0 && *p != '='; p++)
        *p = *p == '/' ? '.' : *p;
    return word + sizeof(folder) - 1;
}

/* By sysctl's name, or by that of a field. */
static enum la_ways_outcome
set(struct la_ways *ways, const char *name, const char *value)
{
    enum la_ways_outcome outcome = la_ways_sysctl(ways, name, value);
    return outcome == LA_WAYS_UNKNOWN ? la_ways_set(ways, name, value) : outcome;
}

static bool
apply(struct la_ways *ways, char *word, enum mode mode, struct la_drill_mistake *mistake)
{
    char *equals = strchr(word, '=');
    if (mode == PASSED || (mode == FOREIGN && equals == NULL))
        return true;
    if (equals == NULL) {
        (void)snprintf(mistake->text, sizeof(mistake->text),
                       "'%s' cannot be run: between backquotes stand settings, NAME=VALUE, as in "
                       "net.ipv4.tcp_sack=0",
                       word);
        return false;
    }
    const char *name = dotted(word);
    *equals = 0;
    enum la_ways_outcome outcome = set(ways, name, equals + 1);
    if (outcome == LA_WAYS_SET || mode == FOREIGN)
        return true;
    if (outcome == LA_WAYS_REFUSED)
        (void)snprintf(mistake->text, sizeof(mistake->text), "%s cannot be '%s'", name, equals + 1);
    else
        (void)snprintf(mistake->text, sizeof(mistake->text),
                       "no setting is called %s; docs/drill.md lists them", name);
    return false;
}

bool
la_drill_settings_apply(struct la_bytes text, uint32_t line, struct la_ways *ways,
                        struct la_drill_mistake *mistake)
{
    const char *p = (const char *)text.p, *end = p + text.n, *from = p;
    char word[WORD_BYTES];
    enum mode mode = MEANT;
    for (;;) {
        bool begins = p == from;
        while (p < end && isspace((unsigned char)*p))
            begins |= *p++ == '\n';
        mistake->line = line;
        for (const char *q = from; q < p; q++)
            mistake->line += *q == '\n';
        if (!next_word(&p, end, word, &begins))
            return true;
        if (begins && begin_command(word, &mode))
            continue;
        if (!apply(ways, word, mode, mistake))
            return false;
    }
}
