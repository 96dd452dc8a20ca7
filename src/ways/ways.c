/* SPDX-License-Identifier: MIT
 *
 * ways.c - profiles, and settings by name
 */
#include "ways/ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 75000 }; /* the BSDs' */

/* What a profile sets; what it does not name stays. */
struct setting {
    const char *name;
    const char *value;
};

/* Linux acknowledges the first sixteen segments at once (quick ACKs), until it answers; scripts are
 * short enough that these are all. 15 MiB is what it scales its window for: a shift of 8. */
static const struct setting profile_linux[] = {
    {"rcvbuf_max", "15728640"},
    {"rcvbuf_initial", "15728640"},
    {"sndbuf_piece", "1280"},
    {"delayed_ack_us", "40000"},
    {"rto_min_us", "200000"},
    {"rto_max_us", "120000000"},
    {"r2_syn", "5"},
    {"push_bursts", "1"},
    {"nagle_short", "1"},
    {"idle_keeps", "1"},
    {"ack_replies_later", "1"},
    {"shut_read_hears", "1"},
    {"probe_empty", "1"},
    {"unsent_ack_silent", "1"},
    {"too_big_at_once", "1"},
    {"icmp_hard", "3"},
    {"timestamps_may_lack", "1"},
    {"burst_window_part", "3"},
    {"reduces_cwnd", "1"},
    {"reset_keeps_text", "1"},
    {"rto_follows_peaks", "1"},
    {"usage_by_window", "1"},
    {"more_until_ack", "1"},
    {"window_slides", "1"},
    {"ecn", "0"},
    {"accecn_option", "2"},
    {"ect_all", "1"},
    {"fast_open", "1"},
    {NULL, NULL},
};
/* The BSDs' buffer of 65536 octets, which they round up to whole segments. */
static const struct setting profile_bsd65535[] = {
    {"rcvbuf_initial", "65536"},
    {"rcvbuf_max", "66560"},
    {"rcvbuf_whole", "1"},
    {"window_scale", "0"},
    {"delayed_ack_us", "40000"},
    {"rto_initial_us", "1000000"},
    {"rto_max_us", "64000000"},
    {"r2", "12"},
    {"r2_syn", "12"},
    {"slow_start_limit", "2"},
    {"layout", "bsd"},
    {"window_slides", "1"},
    {"ack_every_second", "1"},
    {"time_wait_holds", "1"},
    {"time_wait_exact", "1"},
    {"fin_again", "1"},
    {"too_big_at_once", "1"},
    {"syn_ack_silent", "1"},
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
la_ways_init(struct la_ways *ways)
{
    memset(ways, 0, sizeof(*ways));
    la_stack_cfg_init(&ways->cfg);
    ways->connect_ms = CONNECT_MS;
    ways->cfg.tcp.mtu_probing = false; /* as the kernels that scripts were written for */
}

enum la_ways_outcome
la_ways_profile(struct la_ways *ways, const char *name)
{
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        if (strcmp(profiles[i].name, name) != 0)
            continue;
        for (const struct setting *p = profiles[i].settings; p->name != NULL; p++) {
            enum la_ways_outcome outcome = la_ways_set(ways, p->name, p->value);
            if (outcome != LA_WAYS_SET)
                return outcome;
        }
        return LA_WAYS_SET;
    }
    return LA_WAYS_REFUSED;
}

static bool
set_layout(struct la_ways *ways, const char *value)
{
    ways->layout_bsd = strcmp(value, "bsd") == 0;
    return ways->layout_bsd || strcmp(value, "linux") == 0;
}

bool
la_ways_congestion(struct la_ways *ways, const char *name)
{
    struct la_tcp_cfg *tcp = &ways->cfg.tcp;
    if (la_congestion_find(name) < 0)
        return false;
    (void)snprintf(tcp->congestion_control, sizeof(tcp->congestion_control), "%s", name);
    return true;
}

static enum la_ways_outcome
taken(bool is)
{
    return is ? LA_WAYS_SET : LA_WAYS_REFUSED;
}

enum la_ways_outcome
la_ways_set(struct la_ways *ways, const char *name, const char *value)
{
    char *end;
    if (strcmp(name, "profile") == 0)
        return la_ways_profile(ways, value);
    if (strcmp(name, "layout") == 0)
        return taken(set_layout(ways, value));
    if (strcmp(name, "congestion_control") == 0)
        return taken(la_ways_congestion(ways, value));
    const struct la_ways_field *field = la_ways_field_find(name);
    if (field == NULL)
        return LA_WAYS_UNKNOWN;
    if (value[0] < '0' || value[0] > '9')
        return LA_WAYS_REFUSED;
    uint64_t n = strtoull(value, &end, 0);
    return taken(*end == 0 && la_ways_field_store(ways, field, n));
}
