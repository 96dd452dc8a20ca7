/* SPDX-License-Identifier: MIT
 *
 * settings.c - what --so_flags and sysctls say
 *
 * Scripts are written to the constants of one stack; a profile sets ours to them, and each key sets
 * one. Later words win over earlier ones.
 */
#include "packetdrill/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TCP(field) offsetof(struct la_tcp_cfg, field), sizeof(((struct la_tcp_cfg *)NULL)->field)

/* A number in struct la_tcp_cfg. */
struct key {
    const char *name;
    size_t at, bytes;
};

static const struct key keys[] = {
    {"sndbuf", TCP(sndbuf_bytes)},
    {"sndbuf_initial", TCP(sndbuf.bytes_initial)},
    {"sndbuf_max", TCP(sndbuf.bytes_max)},
    {"sndbuf_piece", TCP(sndbuf_piece_bytes)},
    {"notsent_lowat", TCP(notsent_lowat_bytes)},
    {"rcvbuf", TCP(rcvbuf_bytes)},
    {"rcvbuf_initial", TCP(rcvbuf.bytes_initial)},
    {"rcvbuf_max", TCP(rcvbuf.bytes_max)},
    {"mss", TCP(mss_bytes_max)},
    {"nagle", TCP(nagle)},
    {"nagle_short", TCP(nagle_short)},
    {"timestamps", TCP(timestamps)},
    {"window_scale", TCP(window_scale)},
    {"sack", TCP(sack)},
    {"ecn", TCP(ecn)},
    {"keepalive", TCP(keepalive)},
    {"keepalive_idle_s", TCP(keepalive_idle_s)},
    {"keepalive_interval_s", TCP(keepalive_interval_s)},
    {"keepalive_probes", TCP(keepalive_probes_n)},
    {"rto_initial_us", TCP(rto_us_initial)},
    {"rto_min_us", TCP(rto_us_min)},
    {"rto_max_us", TCP(rto_us_max)},
    {"rto_follows_peaks", TCP(rto_follows_peaks)},
    {"delayed_ack_us", TCP(delayed_ack_us)},
    {"r1", TCP(r1_n)},
    {"r2", TCP(r2_n)},
    {"r2_syn", TCP(r2_syn_n)},
    {"user_timeout_ms", TCP(user_timeout_ms)},
    {"zero_window_ms", TCP(zero_window_ms)},
    {"fin_wait_2_ms", TCP(fin_wait_2_ms)},
    {"msl_ms", TCP(msl_ms)},
    {"ttl", TCP(ttl_hops)},
    {"tos", TCP(dscp_ecn)},
    {"initial_window", TCP(initial_window_n)},
    {"slow_start_limit", TCP(slow_start_limit_n)},
    {"push_bursts", TCP(push_bursts)},
    {"burst_n_min", TCP(burst_n_min)},
    {"burst_window_part", TCP(burst_window_part)},
    {"more_until_ack", TCP(more_until_ack)},
    {"pacing", TCP(pacing)},
    {"usage_by_window", TCP(usage_by_window)},
    {"slow_start_after_idle", TCP(slow_start_after_idle)},
    {"reduces_cwnd", TCP(reduces_cwnd)},
    {"reset_keeps_text", TCP(reset_keeps_text)},
    {"timestamps_may_lack", TCP(timestamps_may_lack)},
    {"unsent_ack_silent", TCP(unsent_ack_silent)},
    {"probe_empty", TCP(probe_empty)},
    {"shut_read_hears", TCP(shut_read_hears)},
    {"ack_replies_later", TCP(ack_replies_later)},
    {"idle_keeps", TCP(idle_keeps)},
    {"mtu_probing", TCP(mtu_probing)},
    {"window_slides", TCP(window_slides)},
    {"ack_every_second", TCP(ack_every_second)},
    {"time_wait_holds", TCP(time_wait_holds)},
    {"rst_challenged", TCP(rst_challenged)},
    {"syn_challenged", TCP(syn_challenged)},
    {"drop_syn_fin", TCP(drop_syn_fin)},
    {"fin_again", TCP(fin_again)},
    {"window_is_buffer", TCP(window_is_buffer)},
    {"rcvbuf_whole", TCP(rcvbuf_whole)},
    {"icmp_hard", TCP(icmp_hard)},
    {"syn_ecn_n", TCP(syn_ecn_n)},
    {"syn_options_n", TCP(syn_options_n)},
    {"fast_open", TCP(fast_open)},
    {"fast_open_n", TCP(fast_open_n_max)},
    {"fast_open_bare", TCP(fast_open_bare)},
};
enum { BUFFER_BYTES_MAX = 1 << 30 }; /* struct la_tcp_cfg's */
enum { KEYS_N = sizeof(keys) / sizeof(keys[0]) };

/* What a profile sets; a connection's defaults stay otherwise. */
struct setting {
    const char *key;
    const char *value;
};

/* Linux acknowledges the first sixteen segments at once (quick ACKs), until it answers; scripts are
 * short enough that these are all. 15 MiB is what it scales its window for: a shift of 8. */
static const struct setting profile_linux[] = {
    {"rcvbuf", "15728640"},      {"sndbuf_piece", "1280"},
    {"delayed_ack_us", "40000"}, {"rto_min_us", "200000"},
    {"rto_max_us", "120000000"}, {"r2_syn", "5"},
    {"push_bursts", "1"},        {"nagle_short", "1"},
    {"idle_keeps", "1"},         {"ack_replies_later", "1"},
    {"shut_read_hears", "1"},    {"probe_empty", "1"},
    {"unsent_ack_silent", "1"},  {"timestamps_may_lack", "1"},
    {"burst_window_part", "3"},  {"reduces_cwnd", "1"},
    {"reset_keeps_text", "1"},   {"rto_follows_peaks", "1"},
    {"usage_by_window", "1"},    {"more_until_ack", "1"},
    {"window_slides", "1"},      {"ecn", "0"},
    {"fast_open", "1"},          {NULL, NULL},
};
/* The BSDs' buffer of 65536 octets, which they round up to whole segments. */
static const struct setting profile_bsd65535[] = {
    {"rcvbuf_initial", "65536"},
    {"rcvbuf_max", "66560"},
    {"rcvbuf_whole", "1"},
    {"window_scale", "0"},
    {"delayed_ack_us", "40000"},
    {"rto_initial_us", "1000000"},
    {"slow_start_limit", "2"},
    {"layout", "bsd"},
    {"window_slides", "1"},
    {"ack_every_second", "1"},
    {"time_wait_holds", "1"},
    {"fin_again", "1"},
    {"window_is_buffer", "1"},
    {"icmp_hard", "2"},
    {"syn_ecn_n", "2"},
    {"keepalive_probes", "8"},
    {NULL, NULL},
};
/* The same with a buffer that may grow to kern.ipc.maxsockbuf, 2 MiB: a shift of 6. */
static const struct setting profile_freebsd[] = {
    {"profile", "bsd65535"},
    {"rcvbuf_max", "2097152"},
    {"window_scale", "1"},
    {NULL, NULL},
};
static const struct setting profile_default[] = {{NULL, NULL}};

static const struct profile {
    const char *name;
    const struct setting *settings;
} profiles[] = {
    {"default", profile_default},
    {"linux", profile_linux},
    {"bsd65535", profile_bsd65535},
    {"freebsd", profile_freebsd},
};

void
la_pd_settings_init(struct la_pd_settings *s)
{
    struct la_stack_cfg stack;
    la_stack_cfg_init(&stack);
    memset(s, 0, sizeof(*s));
    s->tcp = stack.tcp;
    s->tcp.mtu_probing = false; /* as the kernels that scripts were written for */
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

static void
store(struct la_tcp_cfg *tcp, const struct key *key, uint64_t value)
{
    uint8_t *at = (uint8_t *)tcp + key->at;
    uint8_t octet = (uint8_t)value;
    uint16_t two = (uint16_t)value;
    uint32_t four = (uint32_t)value;
    if (key->bytes == sizeof(octet))
        memcpy(at, &octet, sizeof(octet));
    else if (key->bytes == sizeof(two))
        memcpy(at, &two, sizeof(two));
    else
        memcpy(at, &four, sizeof(four));
}

static uint64_t
largest(const struct key *key)
{
    return key->bytes == 1 ? UINT8_MAX : key->bytes == 2 ? UINT16_MAX : UINT32_MAX;
}

static const struct key *
find_key(const char *name)
{
    for (size_t i = 0; i < KEYS_N; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

static bool
set_number(struct la_pd_settings *s, const char *name, const char *value)
{
    const struct key *key = find_key(name);
    uint64_t n;
    if (key == NULL || !number(value, largest(key), &n))
        return false;
    store(&s->tcp, key, n);
    return true;
}

/* ---- words of --so_flags -------------------------------------------------------------------- */

static bool set_word(struct la_pd_settings *s, const char *name, const char *value);

static bool
set_profile(struct la_pd_settings *s, const char *name)
{
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        if (strcmp(profiles[i].name, name) != 0)
            continue;
        for (const struct setting *p = profiles[i].settings; p->key != NULL; p++) {
            if (!set_word(s, p->key, p->value))
                return false;
        }
        return true;
    }
    return false;
}

static bool
set_layout(struct la_pd_settings *s, const char *value)
{
    s->layout_bsd = strcmp(value, "bsd") == 0;
    return s->layout_bsd || strcmp(value, "linux") == 0;
}

static bool
set_local(struct la_pd_settings *s, const char *value)
{
    struct la_addr addr;
    if (!la_addr_parse(value, &addr) || la_addr_is_any(&addr))
        return false;
    *(la_addr_is_v4(&addr) ? &s->local4 : &s->local6) = addr;
    return true;
}

static bool
set_word(struct la_pd_settings *s, const char *name, const char *value)
{
    uint64_t n;
    if (strcmp(name, "profile") == 0)
        return set_profile(s, value);
    if (strcmp(name, "local") == 0)
        return set_local(s, value);
    if (strcmp(name, "sysctls") == 0)
        return snprintf(s->sysctls, sizeof(s->sysctls), "%s", value) < LA_PD_PATH_BYTES;
    if (strcmp(name, "states") == 0)
        return snprintf(s->states, sizeof(s->states), "%s", value) < LA_PD_PATH_BYTES;
    if (strcmp(name, "congestion_control") == 0)
        return snprintf(s->tcp.congestion_control, sizeof(s->tcp.congestion_control), "%s", value) <
               (int)sizeof(s->tcp.congestion_control);
    if (strcmp(name, "seed") == 0)
        return number(value, UINT64_MAX, &s->seed);
    if (strcmp(name, "layout") == 0)
        return set_layout(s, value);
    if (strcmp(name, "mtu") == 0 && number(value, 65535, &n) && n >= 68) {
        s->mtu_bytes = (uint32_t)n;
        return true;
    }
    return set_number(s, name, value);
}

static bool
known(const char *name)
{
    static const char *const others[] = {"profile", "local", "sysctls", "congestion_control",
                                         "seed",    "mtu",   "layout",  "states"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(others[i], name) == 0)
            return true;
    }
    return find_key(name) != NULL;
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
        ok = value != NULL && set_word(s, word, value);
        if (!ok && !known(word))
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

/* A sysctl and the key that it means here; its nth number counts, by `scale`. */
enum scale {
    SAME,
    THOUSAND,   /* times */
    THOUSANDTH, /* milliseconds, as seconds */
    REVERSED,   /* 1 switches off */
    ONE_MORE,   /* repetitions, of what is sent once */
    THREE_OF,   /* 1: three */
    BUFFER      /* octets, within bounds */
};
struct sysctl {
    const char *name;
    const char *key;
    unsigned nth;
    enum scale scale;
};

static const struct sysctl sysctls[] = {
    {"net.ipv4.tcp_timestamps", "timestamps", 0, SAME},
    {"net.ipv4.tcp_sack", "sack", 0, SAME},
    {"net.ipv4.tcp_window_scaling", "window_scale", 0, SAME},
    {"net.ipv4.tcp_rmem", "rcvbuf", 2, SAME},
    {"net.ipv4.tcp_wmem", "sndbuf_initial", 1, SAME},
    {"net.ipv4.tcp_wmem", "sndbuf_max", 2, SAME},
    {"net.ipv4.tcp_notsent_lowat", "notsent_lowat", 0, SAME},
    {"net.ipv4.tcp_retries1", "r1", 0, SAME},
    {"net.ipv4.tcp_retries2", "r2", 0, SAME},
    {"net.ipv4.tcp_syn_retries", "r2_syn", 0, SAME},
    {"net.ipv4.tcp_fin_timeout", "fin_wait_2_ms", 0, THOUSAND},
    {"net.ipv4.tcp_keepalive_time", "keepalive_idle_s", 0, SAME},
    {"net.ipv4.tcp_keepalive_intvl", "keepalive_interval_s", 0, SAME},
    {"net.ipv4.tcp_keepalive_probes", "keepalive_probes", 0, SAME},
    {"net.ipv4.tcp_rto_min_us", "rto_min_us", 0, SAME},
    {"net.ipv4.tcp_rto_max_ms", "rto_max_us", 0, THOUSAND},
    {"net.ipv4.tcp_slow_start_after_idle", "slow_start_after_idle", 0, SAME},
    {"net.ipv4.tcp_tso_win_divisor", "burst_window_part", 0, SAME},
    {"net.ipv4.tcp_min_tso_segs", "burst_n_min", 0, SAME},
    {"net.ipv4.ip_default_ttl", "ttl", 0, SAME},
    /* FreeBSD's */
    {"net.inet.tcp.rfc1323", "timestamps", 0, SAME},
    {"net.inet.tcp.rfc1323", "window_scale", 0, SAME},
    {"net.inet.tcp.fastopen.client_enable", "fast_open", 0, SAME},
    {"net.inet.tcp.sack.enable", "sack", 0, SAME},
    {"net.inet.tcp.rexmit_initial", "rto_initial_us", 0, THOUSAND},
    {"net.inet.tcp.msl", "msl_ms", 0, SAME},
    {"net.inet.tcp.delacktime", "delayed_ack_us", 0, THOUSAND},
    {"net.inet.tcp.insecure_rst", "rst_challenged", 0, REVERSED},
    {"net.inet.tcp.insecure_syn", "syn_challenged", 0, REVERSED},
    {"net.inet.tcp.drop_synfin", "drop_syn_fin", 0, SAME},
    {"net.inet.tcp.ecn.maxretries", "syn_ecn_n", 0, ONE_MORE},
    {"net.inet.tcp.rexmit_drop_options", "syn_options_n", 0, THREE_OF},
    {"net.inet.tcp.keepidle", "keepalive_idle_s", 0, THOUSANDTH},
    {"net.inet.tcp.keepintvl", "keepalive_interval_s", 0, THOUSANDTH},
    {"net.inet.tcp.keepcnt", "keepalive_probes", 0, SAME},
    {"kern.ipc.maxsockbuf", "rcvbuf_max", 0, BUFFER},
};

/* The nth number of a value such as "4096 16384 4194304". */
static bool
nth_number(const char *value, unsigned nth, uint64_t *out)
{
    char *end;
    for (unsigned i = 0; i <= nth; i++) {
        *out = strtoull(value, &end, 0);
        if (end == value)
            return false;
        value = end;
    }
    return true;
}

/* False: out of range. */
static bool
scaled(const struct la_pd_settings *s, enum scale scale, uint64_t *n)
{
    if (*n > UINT32_MAX)
        return false;
    switch (scale) {
    case SAME:
        break;
    case THOUSAND:
        *n *= 1000;
        break;
    case THOUSANDTH:
        *n /= 1000;
        break;
    case REVERSED:
        *n = *n == 0;
        break;
    case ONE_MORE:
        *n += 1;
        break;
    case THREE_OF:
        *n = *n == 0 ? 0 : 3;
        break;
    case BUFFER:
        *n = *n < s->tcp.rcvbuf.bytes_initial ? s->tcp.rcvbuf.bytes_initial : *n;
        *n = *n > BUFFER_BYTES_MAX ? BUFFER_BYTES_MAX : *n;
        break;
    }
    return true;
}

/* 1 asks for ECN, 2 (the default there) agrees to it; other values are AccECN's, RFC 9768. FreeBSD
 * numbers them alike. */
static void
follow_ecn(struct la_pd_settings *s, uint64_t value)
{
    s->tcp.ecn = value == 0 ? LA_ECN_OFF : value == 2 ? LA_ECN_ACCEPT : LA_ECN_ASK;
}

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

/* The bits of Linux's: 1 active, 2 passive, 4 and 0x200 without cookies, 0x400 also where no
 * listener asks for it. */
static void
follow_fast_open(struct la_pd_settings *s, uint64_t value)
{
    enum { ACTIVE = 1, PASSIVE = 2, ACTIVE_BARE = 4, PASSIVE_BARE = 0x200, ALL_LISTENERS = 0x400 };
    s->tcp.fast_open_bare = (value & (ACTIVE_BARE | PASSIVE_BARE)) != 0;
    s->tcp.fast_open = (value & ACTIVE) != 0;
    bool all = (value & PASSIVE) != 0 && (value & ALL_LISTENERS) != 0;
    s->tcp.fast_open_n_max = all ? UINT16_MAX : 0;
}

/* Four numbers of 32 bits in hexadecimal, "00000001-00000002-…", the first first. */
static void
follow_fast_open_key(struct la_pd_settings *s, const char *value)
{
    unsigned word[LA_FAST_OPEN_KEY_BYTES / 4];
    if (sscanf(value, "%8x-%8x-%8x-%8x", &word[0], &word[1], &word[2], &word[3]) != 4)
        return;
    for (size_t i = 0; i < LA_FAST_OPEN_KEY_BYTES; i++)
        s->fast_open_key[i] = (uint8_t)(word[i / 4] >> i % 4 * 8);
    s->fast_open_keyed = true;
}

void
la_pd_settings_sysctl(struct la_pd_settings *s, const char *told, const char *value)
{
    uint64_t n;
    char name[LA_PD_PATH_BYTES];
    dotted(told, name);
    bool ecn =
        strcmp(name, "net.ipv4.tcp_ecn") == 0 || strcmp(name, "net.inet.tcp.ecn.enable") == 0;
    if (ecn && nth_number(value, 0, &n))
        follow_ecn(s, n);
    if (strcmp(name, "net.ipv4.tcp_fastopen") == 0 && nth_number(value, 0, &n))
        follow_fast_open(s, n);
    if (strcmp(name, "net.ipv4.tcp_fastopen_key") == 0)
        follow_fast_open_key(s, value);
    if (strcmp(name, "net.inet.tcp.icmp_may_rst") == 0 && nth_number(value, 0, &n))
        s->tcp.icmp_hard = n != 0 ? LA_ICMP_REFUSES : LA_ICMP_IGNORED;
    for (size_t i = 0; i < sizeof(sysctls) / sizeof(sysctls[0]); i++) {
        if (strcmp(sysctls[i].name, name) != 0 || !nth_number(value, sysctls[i].nth, &n))
            continue;
        const struct key *key = find_key(sysctls[i].key);
        if (scaled(s, sysctls[i].scale, &n) && n <= largest(key))
            store(&s->tcp, key, n);
    }
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
    value += strspn(value, " \t\"");
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
    follow_tree(s, "net.ipv4.tcp_ecn");
    follow_tree(s, "net.ipv4.tcp_fastopen");
    follow_tree(s, "net.ipv4.tcp_fastopen_key");
    for (size_t i = 0; i < sizeof(sysctls) / sizeof(sysctls[0]); i++)
        follow_tree(s, sysctls[i].name);
}
