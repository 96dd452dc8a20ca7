/* SPDX-License-Identifier: MIT
 *
 * sysctl.c - Linux's and FreeBSD's sysctls, and what they mean here
 */
#include "ways/ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_N = 3, TEXT_BYTES = 64, BUFFER_BYTES_MAX = 1 << 30 };

/* What its numbers do to the field that it names. */
enum meaning {
    SAME,
    TRUTH,      /* 0 or another */
    NO_LIMIT,   /* 0 switches off; others change nothing */
    REVERSED,   /* 1 switches off */
    THOUSAND,   /* times */
    THOUSANDTH, /* milliseconds, as seconds */
    ONE_MORE,   /* repetitions, of what is sent once */
    THREE_OF,   /* 1: three */
    TUNED,      /* a buffer: least, first, most; one number is all of them */
    GROWS_TO,   /* a buffer's most, not less than its first */
    PORTS,      /* from, to */
    CONNECT,    /* milliseconds of TCP_KEEPINIT */
    ECN,
    ECN_FREEBSD,
    OF_ACCECN, /* kernels that know 3 to 5 are so new that they repeat four SYNs each second */
    OPTION,    /* 3, to go on where nothing comes back, is 2 */
    ICMP,      /* 1 lets them end an attempt */
    FAST_OPEN,
    FAST_OPEN_KEY,
    CONGESTION
};

struct sysctl {
    const char *name;
    const char *field; /* as in fields.c */
    enum meaning meaning;
};

static const struct sysctl sysctls[] = {
    {"net.ipv4.tcp_sack", "sack", TRUTH},
    {"net.ipv4.tcp_timestamps", "timestamps", TRUTH},
    {"net.ipv4.tcp_window_scaling", "window_scale", TRUTH},
    {"net.ipv4.tcp_ecn", "ecn", ECN},
    {"net.ipv4.tcp_ecn", "syn_linear_n", OF_ACCECN},
    {"net.ipv4.tcp_ecn_fallback", "ecn_fallback", TRUTH},
    {"net.ipv4.tcp_ecn_option", "accecn_option", OPTION},
    {"net.ipv4.tcp_syn_linear_timeouts", "syn_linear_n", SAME},
    {"net.ipv4.tcp_rmem", "rcvbuf_min", TUNED},
    {"net.ipv4.tcp_wmem", "sndbuf_min", TUNED},
    {"net.ipv4.tcp_notsent_lowat", "notsent_lowat", SAME},
    {"net.ipv4.tcp_retries1", "r1", SAME},
    {"net.ipv4.tcp_retries2", "r2", SAME},
    {"net.ipv4.tcp_syn_retries", "r2_syn", SAME},
    {"net.ipv4.tcp_synack_retries", "r2_syn", SAME},
    {"net.ipv4.tcp_fin_timeout", "fin_wait_2_ms", THOUSAND},
    {"net.ipv4.tcp_keepalive_time", "keepalive_idle_s", SAME},
    {"net.ipv4.tcp_keepalive_intvl", "keepalive_interval_s", SAME},
    {"net.ipv4.tcp_keepalive_probes", "keepalive_probes", SAME},
    {"net.ipv4.tcp_rto_min_us", "rto_min_us", SAME},
    {"net.ipv4.tcp_rto_max_ms", "rto_max_us", THOUSAND},
    {"net.ipv4.tcp_slow_start_after_idle", "slow_start_after_idle", TRUTH},
    {"net.ipv4.tcp_tso_win_divisor", "burst_window_part", SAME},
    {"net.ipv4.tcp_min_tso_segs", "burst_n_min", SAME},
    {"net.ipv4.tcp_invalid_ratelimit", "unsent_ack_silent", NO_LIMIT},
    {"net.ipv4.tcp_mtu_probing", "mtu_probing", TRUTH},
    {"net.ipv4.tcp_congestion_control", NULL, CONGESTION},
    {"net.ipv4.tcp_fastopen", NULL, FAST_OPEN},
    {"net.ipv4.tcp_fastopen_key", NULL, FAST_OPEN_KEY},
    {"net.ipv4.tcp_max_syn_backlog", "syn_queue_n_max", SAME},
    {"net.ipv4.tcp_max_tw_buckets", "time_wait_n_max", SAME},
    {"net.core.somaxconn", "accept_queue_n_max", SAME},
    {"net.ipv4.ip_local_port_range", NULL, PORTS},
    {"net.ipv4.ip_default_ttl", "ttl", SAME},
    /* FreeBSD's */
    {"net.inet.tcp.rfc1323", "timestamps", TRUTH},
    {"net.inet.tcp.rfc1323", "window_scale", TRUTH},
    {"net.inet.tcp.sack.enable", "sack", TRUTH},
    {"net.inet.tcp.ecn.enable", "ecn", ECN_FREEBSD},
    {"net.inet.tcp.ecn.maxretries", "syn_ecn_n", ONE_MORE},
    {"net.inet.tcp.rexmit_initial", "rto_initial_us", THOUSAND},
    {"net.inet.tcp.rexmit_drop_options", "syn_options_n", THREE_OF},
    {"net.inet.tcp.msl", "msl_ms", SAME},
    {"net.inet.tcp.delacktime", "delayed_ack_us", THOUSAND},
    {"net.inet.tcp.keepinit", NULL, CONNECT},
    {"net.inet.tcp.keepidle", "keepalive_idle_s", THOUSANDTH},
    {"net.inet.tcp.keepintvl", "keepalive_interval_s", THOUSANDTH},
    {"net.inet.tcp.keepcnt", "keepalive_probes", SAME},
    {"net.inet.tcp.insecure_rst", "rst_challenged", REVERSED},
    {"net.inet.tcp.insecure_syn", "syn_challenged", REVERSED},
    {"net.inet.tcp.drop_synfin", "drop_syn_fin", TRUTH},
    {"net.inet.tcp.icmp_may_rst", "icmp_hard", ICMP},
    {"net.inet.tcp.fastopen.client_enable", "fast_open", TRUTH},
    {"kern.ipc.maxsockbuf", "rcvbuf_max", GROWS_TO},
};
enum { SYSCTLS_N = sizeof(sysctls) / sizeof(sysctls[0]) };

const char *
la_ways_sysctl_name(size_t idx)
{
    return idx < SYSCTLS_N ? sysctls[idx].name : NULL;
}

/* ---- values ----------------------------------------------------------------------------- */

/* Numbers such as "4096 16384 4194304"; 0: there are none, or too many, or something else. */
static unsigned
numbers(const char *text, uint64_t out[NUMBERS_N])
{
    unsigned n = 0;
    for (char *end; *text != 0; text = end) {
        text += strspn(text, " \t");
        if (*text == 0)
            break;
        if (n == NUMBERS_N || *text < '0' || *text > '9')
            return 0;
        out[n++] = strtoull(text, &end, 0);
    }
    return n;
}

static bool
set_tuned(struct la_buffer_tuning *to, const uint64_t v[NUMBERS_N], unsigned n)
{
    uint64_t least = v[0], first = n == NUMBERS_N ? v[1] : v[0], most = n == 3 ? v[2] : v[0];
    if (n == 2 || least == 0 || least > first || first > most || most > BUFFER_BYTES_MAX)
        return false;
    *to = (struct la_buffer_tuning){(uint32_t)least, (uint32_t)first, (uint32_t)most};
    return true;
}

static bool
set_ports(struct la_ways *ways, const uint64_t v[NUMBERS_N], unsigned n)
{
    if (n != 2 || v[0] == 0 || v[0] > v[1] || v[1] > UINT16_MAX)
        return false;
    ways->cfg.port_ephemeral_min = (uint16_t)v[0];
    ways->cfg.port_ephemeral_max = (uint16_t)v[1];
    return true;
}

/* The bits of Linux's: 1 active, 2 passive, 4 and 0x200 without cookies, 0x400 also where no
 * listener asks for it. */
static bool
set_fast_open(struct la_tcp_cfg *tcp, uint64_t value)
{
    enum { ACTIVE = 1, PASSIVE = 2, ACTIVE_BARE = 4, PASSIVE_BARE = 0x200, ALL_LISTENERS = 0x400 };
    bool all = (value & PASSIVE) != 0 && (value & ALL_LISTENERS) != 0;
    tcp->fast_open_bare = (value & (ACTIVE_BARE | PASSIVE_BARE)) != 0;
    tcp->fast_open = (value & ACTIVE) != 0;
    tcp->fast_open_n_max = all ? UINT16_MAX : 0;
    return true;
}

/* Four numbers of 32 bits in hexadecimal, "00000001-00000002-…", the first first. */
static bool
set_fast_open_key(struct la_ways *ways, const char *value)
{
    unsigned word[LA_FAST_OPEN_KEY_BYTES / 4];
    if (sscanf(value, "%8x-%8x-%8x-%8x", &word[0], &word[1], &word[2], &word[3]) != 4)
        return false;
    for (size_t i = 0; i < LA_FAST_OPEN_KEY_BYTES; i++)
        ways->fast_open_key[i] = (uint8_t)(word[i / 4] >> i % 4 * 8);
    ways->fast_open_keyed = true;
    return true;
}

/* 1 asks for ECN, 2 agrees to it; 3 to 5 are accurate ECN's: asked for, agreed to while that of RFC
 * 3168 is asked for, agreed to alone. FreeBSD has 3 to ask and 4 to agree. */
static uint64_t
ecn_of(uint64_t value, bool freebsd)
{
    static const uint8_t linux_values[] = {LA_ECN_OFF,
                                           LA_ECN_ASK,
                                           LA_ECN_ACCEPT,
                                           LA_ECN_ACCURATE_ASK,
                                           LA_ECN_ACCURATE_ASK_PLAIN,
                                           LA_ECN_ACCURATE_ACCEPT};
    if (freebsd && value == 4)
        return LA_ECN_ACCURATE_ACCEPT;
    return value < sizeof(linux_values) ? linux_values[value] : LA_ECN_ACCURATE_ACCEPT + 1;
}

static uint64_t
not_less(uint64_t value, uint64_t least)
{
    return value < least ? least : value < BUFFER_BYTES_MAX ? value : BUFFER_BYTES_MAX;
}

/* One number, as the field has it. */
static uint64_t
meant(const struct la_ways *ways, enum meaning meaning, uint64_t n)
{
    switch (meaning) {
    case TRUTH:
        return n != 0;
    case NO_LIMIT:
        return n != 0 && ways->cfg.tcp.unsent_ack_silent;
    case REVERSED:
        return n == 0;
    case THOUSAND:
        return n > UINT32_MAX ? n : n * 1000;
    case THOUSANDTH:
        return n / 1000;
    case ONE_MORE:
        return n > UINT32_MAX ? n : n + 1;
    case THREE_OF:
        return n == 0 ? 0 : 3;
    case GROWS_TO:
        return not_less(n, ways->cfg.tcp.rcvbuf.bytes_initial);
    case ECN:
        return ecn_of(n, false);
    case OF_ACCECN:
        return n >= 3 ? 4 : 0;
    case OPTION:
        return n == LA_ACCECN_OPTION_ALWAYS + 1 ? LA_ACCECN_OPTION_ALWAYS : n;
    case ECN_FREEBSD:
        return ecn_of(n, true);
    case ICMP:
        return n == 0 ? LA_ICMP_IGNORED : LA_ICMP_REFUSES;
    case SAME:
    case TUNED:
    case PORTS:
    case CONNECT:
    case FAST_OPEN:
    case FAST_OPEN_KEY:
    case CONGESTION:
        break;
    }
    return n;
}

static bool
apply(struct la_ways *ways, const struct sysctl *s, const char *value)
{
    uint64_t v[NUMBERS_N] = {0};
    if (s->meaning == CONGESTION)
        return la_ways_congestion(ways, value);
    if (s->meaning == FAST_OPEN_KEY)
        return set_fast_open_key(ways, value);
    unsigned n = numbers(value, v);
    if (n == 0)
        return false;
    if (s->meaning == PORTS)
        return set_ports(ways, v, n);
    if (s->meaning == FAST_OPEN)
        return set_fast_open(&ways->cfg.tcp, v[0]);
    if (s->meaning == CONNECT) {
        ways->connect_ms = v[0] > UINT32_MAX ? UINT32_MAX : (uint32_t)v[0];
        return n == 1;
    }
    const struct la_ways_field *field = la_ways_field_find(s->field);
    if (s->meaning == TUNED)
        return set_tuned(la_ways_field_at(ways, field), v, n);
    return n == 1 && la_ways_field_store(ways, field, meant(ways, s->meaning, v[0]));
}

enum la_ways_outcome
la_ways_sysctl(struct la_ways *ways, const char *name, const char *value)
{
    char text[TEXT_BYTES];
    enum la_ways_outcome outcome = LA_WAYS_UNKNOWN;
    value += strspn(value, " \t\"");
    (void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(value, "\"\r\n"), value);
    for (size_t i = 0; i < SYSCTLS_N; i++) {
        if (strcmp(sysctls[i].name, name) != 0)
            continue;
        bool set = apply(ways, &sysctls[i], text);
        outcome = set && outcome != LA_WAYS_REFUSED ? LA_WAYS_SET : LA_WAYS_REFUSED;
    }
    return outcome;
}
