/* SPDX-License-Identifier: MIT
 *
 * settings.c - a script's options, and what it sets about the stack by name
 */
#include "drill/settings.h"
#include "drill/words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BIND_PORT = 8080, PEER_PORT = 40000, TOLERANCE_US = 4000, MTU_BYTES = 1500 };

/* ---- options ---------------------------------------------------------------------------- */

void
la_drill_cfg_init(struct la_drill_cfg *cfg)
{
    *cfg = (struct la_drill_cfg){.bind_port = BIND_PORT,
                                 .connect_port = BIND_PORT,
                                 .peer_port = PEER_PORT,
                                 .mtu_bytes = MTU_BYTES,
                                 .tolerance_us = TOLERANCE_US,
                                 .tolerance_permill = -1,
                                 .tick_us = -1,
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
    static const char mapped[] = "ipv4-mapped-ipv6";
    if (value == NULL ||
        (strcmp(value, "ipv4") != 0 && strcmp(value, "ipv6") != 0 && strcmp(value, mapped) != 0))
        return say(mistake, "ipv4, ipv6 or ipv4-mapped-ipv6 is needed", "ip_version", value);
    cfg->v6 = strcmp(value, "ipv6") == 0;
    cfg->mapped = strcmp(value, mapped) == 0;
    return true;
}

static bool
take_congestion(struct la_drill_cfg *cfg, const char *value, struct la_drill_mistake *mistake)
{
    if (value == NULL || la_congestion_find(value) < 0)
        return say(mistake, "cubic, reno or bbr is needed", "congestion", value);
    (void)snprintf(cfg->congestion, sizeof(cfg->congestion), "%s", value);
    return true;
}

static bool
take_profile(struct la_drill_cfg *cfg, const char *value, struct la_drill_mistake *mistake)
{
    struct la_ways ways;
    la_ways_init(&ways);
    if (value == NULL || la_ways_profile(&ways, value) != LA_WAYS_SET)
        return say(mistake, "default, linux, freebsd or bsd65535 is needed", "as", value);
    (void)snprintf(cfg->as, sizeof(cfg->as), "%s", value);
    return true;
}

static bool
take_strict(struct la_drill_cfg *cfg, const char *value, struct la_drill_mistake *mistake)
{
    uint64_t n;
    if (!number(value, 1, &n))
        return say(mistake, "0 or 1 is needed", "strict", value);
    cfg->strict = n == 1 ? LA_DRILL_STRICT : LA_DRILL_LENIENT;
    return true;
}

/* NAME=VALUE; the option may come again. */
static bool
take_set(struct la_drill_cfg *cfg, const char *value, struct la_drill_mistake *mistake)
{
    struct la_ways ways;
    size_t n = strlen(cfg->set);
    la_ways_init(&ways);
    if (value == NULL || n + strlen(value) + 2 > sizeof(cfg->set))
        return say(mistake, "NAME=VALUE is needed, together at most 500 octets", "set", NULL);
    struct la_bytes text = {(const uint8_t *)value, strlen(value)};
    if (!la_drill_settings_apply(text, 0, &ways, mistake))
        return false;
    (void)snprintf(cfg->set + n, sizeof(cfg->set) - n, "%s ", value);
    return true;
}

/* 12.5 */
static bool
take_percent(struct la_drill_cfg *cfg, const char *value, struct la_drill_mistake *mistake)
{
    char *end = NULL;
    double n = value == NULL ? -1 : strtod(value, &end);
    if (value == NULL || end == value || *end != 0 || !(n >= 0 && n <= 100))
        return say(mistake, "a number from 0 to 100 is needed", "tolerance_percent", value);
    cfg->tolerance_permill = (int32_t)(n * 10);
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
    static const char *const names[] = {
        "gateway_ip",        "netmask_ip",  "speed",        "non_fatal",       "debug",
        "verbose",           "dry_run",     "init_scripts", "wire_client_dev", "send_omit_free",
        "tcp_ts_ecr_scaled", "code_format", "mss"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

bool
la_drill_cfg_is_flag(const char *name)
{
    static const char *const names[] = {"strict_segments", "tcp_ts_ecr_scaled", "send_omit_free",
                                        "dry_run", "debug"};
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
    if (strcmp(name, "as") == 0)
        return take_profile(cfg, value, mistake);
    if (strcmp(name, "set") == 0)
        return take_set(cfg, value, mistake);
    if (strcmp(name, "strict") == 0)
        return take_strict(cfg, value, mistake);
    if (strcmp(name, "tolerance_percent") == 0)
        return take_percent(cfg, value, mistake);
    if (strcmp(name, "strict_segments") == 0) {
        cfg->strict_segments = true;
        return true;
    }
    if (strcmp(name, "fast_open_key") == 0)
        return take_key(cfg, value, mistake);
    if (strcmp(name, "local_ip") == 0 || strcmp(name, "remote_ip") == 0)
        return take_address(cfg, name, value, mistake);
    struct {
        const char *name;
        uint64_t min, max;
    } const numbers[] = {{"bind_port", 1, 65535},
                         {"connect_port", 1, 65535},
                         {"peer_port", 1, 65535},
                         {"mtu", 68, 65535},
                         {"tolerance_usecs", 0, 1000000000},
                         {"peer_isn", 0, UINT32_MAX},
                         {"tcp_ts_tick_usecs", 0, 1000000},
                         {"seed", 0, UINT64_MAX}};
    size_t i = 0;
    while (i < 8 && strcmp(numbers[i].name, name) != 0)
        i++;
    if (i == 8)
        return is_ignored(name) ||
               say(mistake, "no such option; docs/drill.md lists them", name, value);
    if (!number(value, numbers[i].max, &n) || n < numbers[i].min) {
        char wanted[64] = "a whole number is needed";
        if (numbers[i].max != UINT64_MAX)
            (void)snprintf(wanted, sizeof(wanted), "a number from %u to %u is needed",
                           (unsigned)numbers[i].min, (unsigned)numbers[i].max);
        return say(mistake, wanted, name, value);
    }
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
    case 6:
        cfg->tick_us = (int32_t)n;
        break;
    default:
        cfg->seed = n;
    }
    return true;
}

/* ---- commands --------------------------------------------------------------------------- */

/* What the words behind the first one of a command mean. */
enum mode {
    MEANT,   /* settings, each of which must be known */
    FOREIGN, /* sysctl's: those of other stacks' insides change nothing */
    ECHOED,  /* a value and, behind >, the file of a sysctl */
    METRICS, /* of `ip`: tcp_metrics flush forgets what is known of peers */
    PASSED   /* nothing */
};

/* Commands that do what is done here anyway, or whose effect is not there to be had: there is no
 * device, and no counter of a kernel. */
static bool
is_idle(const char *name)
{
    static const char *const names[] = {"nstat", "tcpdrop", "true", "sockstat",
                                        "rm",    "dd",      "tc",   "ethtool"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return strncmp(name, "sysctl_restore_", strlen("sysctl_restore_")) == 0;
}

/* What the script of that name sets with which packetdrill's own tests for Linux begin. */
static const char defaults_sh[] =
    "net.ipv4.tcp_rmem='4096 540000 15728640' net.ipv4.tcp_wmem='4096 262144 4194304' "
    "net.ipv4.tcp_timestamps=1 net.ipv4.tcp_sack=1 net.ipv4.tcp_ecn=0 "
    "net.ipv4.tcp_syn_retries=5 net.ipv4.tcp_synack_retries=5 "
    "net.ipv4.tcp_congestion_control=cubic net.ipv4.tcp_slow_start_after_idle=0 "
    "net.ipv4.tcp_tso_win_divisor=3 net.ipv4.tcp_notsent_lowat=4294967295 "
    "net.ipv4.tcp_fastopen=0x70403 net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4";

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
    const char *name = la_drill_sysctl_name(word);
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

/* echo 1 > /proc/sys/net/ipv4/tcp_sack. Other files are not there. */
static void
follow_echo(struct la_ways *ways, char *word, char said[LA_DRILL_WORD_BYTES])
{
    char *path = word + strspn(word, ">");
    const char *name = la_drill_sysctl_name(path);
    if (name != path)
        (void)set(ways, name, said);
    else if (path == word)
        (void)snprintf(said, LA_DRILL_WORD_BYTES, "%s", word);
}

static bool apply_all(struct la_drill_words *words, struct la_ways *ways,
                      struct la_drill_mistake *mistake);

/* True: the word is a command, done or to be done with the words behind it. */
static bool
begin_command(const char *word, enum mode *mode, struct la_ways *ways)
{
    const char *name = la_drill_command_name(word);
    struct la_drill_words words;
    struct la_drill_mistake none;
    *mode = MEANT;
    if (strchr(word, '=') != NULL)
        return false;
    if (strcmp(name, "sysctl") == 0 || strcmp(name, "set_sysctls.py") == 0) {
        *mode = FOREIGN;
    } else if (strcmp(name, "defaults.sh") == 0) {
        *mode = PASSED;
        struct la_bytes text = {(const uint8_t *)defaults_sh, sizeof(defaults_sh) - 1};
        la_drill_words_init(&words, text, 1);
        bool good = apply_all(&words, ways, &none);
        (void)good; /* constants */
    } else if (strcmp(name, "echo") == 0) {
        *mode = ECHOED;
    } else if (strcmp(name, "ip") == 0) {
        *mode = METRICS;
    } else if (is_idle(name)) {
        *mode = PASSED;
    }
    return *mode != MEANT;
}

static bool
apply_all(struct la_drill_words *words, struct la_ways *ways, struct la_drill_mistake *mistake)
{
    enum mode mode = MEANT;
    char said[LA_DRILL_WORD_BYTES] = "";
    while (la_drill_words_next(words)) {
        mistake->line = words->line;
        if (words->begins && begin_command(words->word, &mode, ways))
            continue;
        if (mode == ECHOED) {
            follow_echo(ways, words->word, said);
            continue;
        }
        if (mode == METRICS) {
            bool flushes = strcmp(said, "tcp_metrics") == 0 && strcmp(words->word, "flush") == 0;
            ways->forgets_n += flushes;
            (void)snprintf(said, sizeof(said), "%s", words->word);
            continue;
        }
        if (!apply(ways, words->word, mode, mistake))
            return false;
    }
    return true;
}

bool
la_drill_settings_apply(struct la_bytes text, uint32_t line, struct la_ways *ways,
                        struct la_drill_mistake *mistake)
{
    struct la_drill_words words;
    la_drill_words_init(&words, text, line);
    return apply_all(&words, ways, mistake);
}
