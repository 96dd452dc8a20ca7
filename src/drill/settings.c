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
enum { WORD_BYTES = 128, BUFFER_BYTES_MAX = 1 << 30 };

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

/* ---- settings --------------------------------------------------------------------------- */

enum kind {
    BOOL,
    NOT, /* a BOOL that means the opposite */
    U8,
    MORE_U8, /* one less than it means */
    U16,
    U32,
    SECONDS_AS_MS,
    MS_AS_US,
    MS_AS_SECONDS,
    TEXT,
    BUFFER,
    BUFFER_MAX,
    ECN,
    FAST_OPEN,
    ICMP,
    OPTIONS,
    RANGE
};

struct setting {
    const char *name;
    enum kind kind;
    size_t off; /* in struct la_stack_cfg */
    uint32_t min, max;
};

#define TCP(field) offsetof(struct la_stack_cfg, tcp.field)
#define CFG(field) offsetof(struct la_stack_cfg, field)
static const struct setting settings[] = {
    {"net.ipv4.tcp_sack", BOOL, TCP(sack), 0, 1},
    {"net.ipv4.tcp_timestamps", BOOL, TCP(timestamps), 0, 2},
    {"net.ipv4.tcp_window_scaling", BOOL, TCP(window_scale), 0, 1},
    {"net.ipv4.tcp_ecn", ECN, TCP(ecn), 0, 2},
    {"net.ipv4.tcp_syn_retries", U32, TCP(r2_syn_n), 1, 127},
    {"net.ipv4.tcp_synack_retries", U32, TCP(r2_syn_n), 1, 127},
    {"net.ipv4.tcp_retries1", U32, TCP(r1_n), 0, 255},
    {"net.ipv4.tcp_retries2", U32, TCP(r2_n), 0, 255},
    {"net.ipv4.tcp_keepalive_time", U32, TCP(keepalive_idle_s), 1, 32767},
    {"net.ipv4.tcp_keepalive_intvl", U32, TCP(keepalive_interval_s), 1, 32767},
    {"net.ipv4.tcp_keepalive_probes", U32, TCP(keepalive_probes_n), 1, 127},
    {"net.ipv4.tcp_fin_timeout", SECONDS_AS_MS, TCP(fin_wait_2_ms), 1, 86400},
    {"net.ipv4.tcp_rmem", BUFFER, TCP(rcvbuf), 4096, 1 << 30},
    {"net.ipv4.tcp_wmem", BUFFER, TCP(sndbuf), 4096, 1 << 30},
    {"net.ipv4.tcp_slow_start_after_idle", BOOL, TCP(slow_start_after_idle), 0, 1},
    {"net.ipv4.tcp_congestion_control", TEXT, TCP(congestion_control), 0, 0},
    {"net.ipv4.tcp_max_syn_backlog", U32, CFG(syn_queue_n_max), 1, 1 << 24},
    {"net.ipv4.tcp_max_tw_buckets", U32, CFG(time_wait_n_max), 1, 1 << 24},
    {"net.core.somaxconn", U32, CFG(accept_queue_n_max), 1, 1 << 24},
    {"net.ipv4.ip_local_port_range", RANGE, CFG(port_ephemeral_min), 1, 65535},
    {"net.ipv4.ip_default_ttl", U8, TCP(ttl_hops), 1, 255},
    {"net.ipv4.tcp_fastopen", FAST_OPEN, TCP(fast_open), 0, UINT32_MAX},
    {"net.inet.tcp.rfc1323", BOOL, TCP(timestamps), 0, 1},
    {"net.inet.tcp.rfc1323", BOOL, TCP(window_scale), 0, 1},
    {"net.inet.tcp.sack.enable", BOOL, TCP(sack), 0, 1},
    {"net.inet.tcp.ecn.enable", ECN, TCP(ecn), 0, 2},
    {"net.inet.tcp.ecn.maxretries", MORE_U8, TCP(syn_ecn_n), 0, 254},
    {"net.inet.tcp.rexmit_initial", MS_AS_US, TCP(rto_us_initial), 1, 60000},
    {"net.inet.tcp.rexmit_drop_options", OPTIONS, TCP(syn_options_n), 0, 1},
    {"net.inet.tcp.msl", U32, TCP(msl_ms), 1, 600000},
    {"net.inet.tcp.delacktime", MS_AS_US, TCP(delayed_ack_us), 0, 499},
    {"net.inet.tcp.keepidle", MS_AS_SECONDS, TCP(keepalive_idle_s), 1000, 32767000},
    {"net.inet.tcp.keepintvl", MS_AS_SECONDS, TCP(keepalive_interval_s), 1000, 32767000},
    {"net.inet.tcp.keepcnt", U32, TCP(keepalive_probes_n), 1, 127},
    {"net.inet.tcp.insecure_rst", NOT, TCP(rst_challenged), 0, 1},
    {"net.inet.tcp.insecure_syn", NOT, TCP(syn_challenged), 0, 1},
    {"net.inet.tcp.drop_synfin", BOOL, TCP(drop_syn_fin), 0, 1},
    {"net.inet.tcp.icmp_may_rst", ICMP, TCP(icmp_hard), 0, 1},
    {"net.inet.tcp.fastopen.client_enable", BOOL, TCP(fast_open), 0, 1},
    {"kern.ipc.maxsockbuf", BUFFER_MAX, TCP(rcvbuf), 4096, UINT32_MAX},
    {"nagle", BOOL, TCP(nagle), 0, 1},
    {"nagle_short", BOOL, TCP(nagle_short), 0, 1},
    {"fast_open", BOOL, TCP(fast_open), 0, 1},
    {"fast_open_n_max", U16, TCP(fast_open_n_max), 0, 65535},
    {"keepalive", BOOL, TCP(keepalive), 0, 1},
    {"sndbuf_bytes", U32, TCP(sndbuf_bytes), 4096, 1 << 30},
    {"rcvbuf_bytes", U32, TCP(rcvbuf_bytes), 4096, 1 << 30},
    {"mss_bytes_max", U16, TCP(mss_bytes_max), 0, 65535},
    {"rto_us_initial", U32, TCP(rto_us_initial), 1000, 60000000},
    {"rto_us_min", U32, TCP(rto_us_min), 1000, 60000000},
    {"rto_us_max", U32, TCP(rto_us_max), 1000, 600000000},
    {"delayed_ack_us", U32, TCP(delayed_ack_us), 0, 499999},
    {"r1_n", U32, TCP(r1_n), 0, 255},
    {"r2_n", U32, TCP(r2_n), 0, 255},
    {"r2_syn_n", U32, TCP(r2_syn_n), 0, 255},
    {"user_timeout_ms", U32, TCP(user_timeout_ms), 0, INT32_MAX},
    {"zero_window_ms", U32, TCP(zero_window_ms), 0, INT32_MAX},
    {"user_timeout_option", BOOL, TCP(user_timeout_option), 0, 1},
    {"fin_wait_2_ms", U32, TCP(fin_wait_2_ms), 1, INT32_MAX},
    {"msl_ms", U32, TCP(msl_ms), 1, 600000},
    {"dscp_ecn", U8, TCP(dscp_ecn), 0, 255},
    {"initial_window_n", U16, TCP(initial_window_n), 0, 1000},
    {"slow_start_limit_n", U16, TCP(slow_start_limit_n), 0, 1000},
    {"pacing", BOOL, TCP(pacing), 0, 1},
    {"push_bursts", BOOL, TCP(push_bursts), 0, 1},
    {"more_until_ack", BOOL, TCP(more_until_ack), 0, 1},
    {"usage_by_window", BOOL, TCP(usage_by_window), 0, 1},
    {"rto_follows_peaks", BOOL, TCP(rto_follows_peaks), 0, 1},
    {"reduces_cwnd", BOOL, TCP(reduces_cwnd), 0, 1},
    {"reset_keeps_text", BOOL, TCP(reset_keeps_text), 0, 1},
    {"burst_window_part", U16, TCP(burst_window_part), 0, 1000},
    {"timestamps_may_lack", BOOL, TCP(timestamps_may_lack), 0, 1},
    {"unsent_ack_silent", BOOL, TCP(unsent_ack_silent), 0, 1},
    {"probe_empty", BOOL, TCP(probe_empty), 0, 1},
    {"fast_open_bare", BOOL, TCP(fast_open_bare), 0, 1},
    {"shut_read_hears", BOOL, TCP(shut_read_hears), 0, 1},
    {"ack_replies_later", BOOL, TCP(ack_replies_later), 0, 1},
    {"idle_keeps", BOOL, TCP(idle_keeps), 0, 1},
    {"burst_n_min", U16, TCP(burst_n_min), 1, 1000},
    {"net.ipv4.tcp_mtu_probing", BOOL, TCP(mtu_probing), 0, 2},
    {"mtu_probing", BOOL, TCP(mtu_probing), 0, 1},
    {"window_slides", BOOL, TCP(window_slides), 0, 1},
    {"ack_every_second", BOOL, TCP(ack_every_second), 0, 1},
    {"time_wait_holds", BOOL, TCP(time_wait_holds), 0, 1},
    {"rst_challenged", BOOL, TCP(rst_challenged), 0, 1},
    {"syn_challenged", BOOL, TCP(syn_challenged), 0, 1},
    {"drop_syn_fin", BOOL, TCP(drop_syn_fin), 0, 1},
    {"fin_again", BOOL, TCP(fin_again), 0, 1},
    {"window_is_buffer", BOOL, TCP(window_is_buffer), 0, 1},
    {"rcvbuf_whole", BOOL, TCP(rcvbuf_whole), 0, 1},
    {"icmp_hard", U8, TCP(icmp_hard), LA_ICMP_IGNORED, LA_ICMP_REFUSES},
    {"syn_ecn_n", U8, TCP(syn_ecn_n), 0, 255},
    {"syn_options_n", U8, TCP(syn_options_n), 0, 255},
};
#undef TCP
#undef CFG

static void
set_buffer_max(struct la_buffer_tuning *to, uint32_t max)
{
    max = max > BUFFER_BYTES_MAX ? BUFFER_BYTES_MAX : max;
    to->bytes_max = max < to->bytes_initial ? to->bytes_initial : max;
}

static bool
store(struct la_stack_cfg *cfg, const struct setting *s, uint32_t a, uint32_t b)
{
    void *at = (uint8_t *)cfg + s->off;
    if (a < s->min || a > s->max)
        return false;
    switch (s->kind) {
    case BOOL:
        *(bool *)at = a != 0;
        return true;
    case NOT:
        *(bool *)at = a == 0;
        return true;
    case FAST_OPEN: /* Linux: bit 1 is for active OPENs */
        *(bool *)at = (a & 1) != 0;
        return true;
    case ICMP: /* FreeBSD: 1 lets them end an attempt */
        *(uint8_t *)at = a == 0 ? LA_ICMP_IGNORED : LA_ICMP_REFUSES;
        return true;
    case OPTIONS: /* FreeBSD: the third repetition is without */
        *(uint8_t *)at = a == 0 ? 0 : 3;
        return true;
    case MORE_U8:
        *(uint8_t *)at = (uint8_t)(a + 1);
        return true;
    case MS_AS_US:
        *(uint32_t *)at = a * 1000;
        return true;
    case MS_AS_SECONDS:
        *(uint32_t *)at = a / 1000;
        return true;
    case BUFFER_MAX:
        set_buffer_max(at, a);
        return true;
    case ECN: /* Linux: 1 asks, 2 (the default) only agrees */
        *(uint8_t *)at = a == 0 ? LA_ECN_OFF : a == 1 ? LA_ECN_ASK : LA_ECN_ACCEPT;
        return true;
    case U8:
        *(uint8_t *)at = (uint8_t)a;
        return true;
    case U16:
        *(uint16_t *)at = (uint16_t)a;
        return true;
    case SECONDS_AS_MS:
        *(uint32_t *)at = a * 1000;
        return true;
    case U32:
        *(uint32_t *)at = a;
        return true;
    case RANGE:
        cfg->port_ephemeral_min = (uint16_t)a;
        cfg->port_ephemeral_max = (uint16_t)b;
        return b >= a && b <= s->max;
    case TEXT:
    case BUFFER:
        break;
    }
    return false;
}

/* min, initial and max; one number alone is all of them. */
static bool
set_buffer(struct la_buffer_tuning *to, const struct setting *s, const uint32_t values[3],
           unsigned n)
{
    const uint32_t *v = values;
    *to = n == 3 ? (struct la_buffer_tuning){v[0], v[1], v[2]}
                 : (struct la_buffer_tuning){v[0], v[0], v[0]};
    return (n == 1 || n == 3) && to->bytes_min >= s->min && to->bytes_min <= to->bytes_initial &&
           to->bytes_initial <= to->bytes_max && to->bytes_max <= s->max;
}

static bool
set(struct la_stack_cfg *cfg, const struct setting *s, const char *value)
{
    char *end;
    if (s->kind == TEXT) {
        (void)snprintf(cfg->tcp.congestion_control, sizeof(cfg->tcp.congestion_control), "%s",
                       value);
        return true;
    }
    uint32_t values[3] = {0, 0, 0};
    unsigned n = 0;
    for (const char *p = value; n < 3; p = end) {
        unsigned long one = strtoul(p, &end, 0);
        if (end == p)
            break;
        values[n++] = one > UINT32_MAX ? UINT32_MAX : (uint32_t)one;
    }
    if (n == 0 || *end != 0)
        return false;
    if (s->kind == BUFFER)
        return set_buffer((struct la_buffer_tuning *)(void *)((uint8_t *)cfg + s->off), s, values,
                          n);
    return store(cfg, s, values[0], values[1]);
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

static bool
apply(struct la_stack_cfg *cfg, char *word, enum mode mode, struct la_drill_mistake *mistake)
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
    bool known = false;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strcmp(settings[i].name, name) != 0)
            continue;
        known = true;
        if (set(cfg, &settings[i], equals + 1) || mode == FOREIGN)
            continue;
        (void)snprintf(mistake->text, sizeof(mistake->text), "%s cannot be '%s'", name, equals + 1);
        return false;
    }
    if (known || mode == FOREIGN)
        return true;
    (void)snprintf(mistake->text, sizeof(mistake->text),
                   "no setting is called %s; docs/drill.md lists them", name);
    return false;
}

bool
la_drill_settings_apply(struct la_bytes text, uint32_t line, struct la_stack_cfg *cfg,
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
        if (!apply(cfg, word, mode, mistake))
            return false;
    }
}
