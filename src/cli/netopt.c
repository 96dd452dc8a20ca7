/* SPDX-License-Identifier: MIT
 *
 * netopt.c - the network options, the same for every command that has a virtual wire
 *
 * Each option holds for both directions, or with -up or -down for one. Later words win.
 */
#include "cli/netopt.h"
#include "cli/number.h"

#include <lastack/stack.h>
#include <lastack/host.h>

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MTU_BYTES = 1500, MTU_BYTES_MIN = 68, MTU_BYTES_MAX = 65535, NAME_BYTES = 32 };

enum kind { DURATION, RATE, SHARE, LENGTH, COUNT };

struct option {
    const char *name;
    enum kind kind;
    size_t off; /* in struct la_impair */
};

static const struct option options[] = {
    {"delay", DURATION, offsetof(struct la_impair, delay_ns)},
    {"jitter", DURATION, offsetof(struct la_impair, jitter_ns)},
    {"rate", RATE, offsetof(struct la_impair, rate_bps)},
    {"queue", COUNT, offsetof(struct la_impair, queue_n)},
    {"ecn-mark", COUNT, offsetof(struct la_impair, mark_n)},
    {"loss", SHARE, offsetof(struct la_impair, loss)},
    {"burst-loss", SHARE, offsetof(struct la_impair, burst_loss)},
    {"burst-length", LENGTH, offsetof(struct la_impair, burst_n)},
    {"reorder", SHARE, offsetof(struct la_impair, reorder)},
    {"reorder-delay", DURATION, offsetof(struct la_impair, reorder_ns)},
    {"duplicate", SHARE, offsetof(struct la_impair, duplicate)},
    {"corrupt", SHARE, offsetof(struct la_impair, corrupt)},
};

static const char *const wanted[] = {
    [DURATION] = "a time such as 20ms, 1.5s or 300us",
    [RATE] = "a rate such as 10mbit, 1gbit or 500kbit",
    [SHARE] = "a share such as 1% or 0.01",
    [LENGTH] = "a number of packets, at least 1",
    [COUNT] = "a number of packets",
};

struct unit {
    const char *name;
    double factor;
};

/* ---- values -------------------------------------------------------------------------------- */

/* A number and a unit of the list; `bare` is the factor of a number without one, NaN: only 0 may
 * have none. */
static bool
parse_scaled(const char *text, const struct unit *units, double bare, double *out)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || errno != 0 || !isfinite(value) || value < 0)
        return false;
    if (*end == '\0') {
        *out = isnan(bare) ? 0 : value * bare;
        return !isnan(bare) || value == 0;
    }
    for (; units->name != NULL; units++) {
        if (strcmp(end, units->name) == 0) {
            *out = value * units->factor;
            return true;
        }
    }
    return false;
}

bool
la_netopt_duration(const char *text, int64_t *out_ns)
{
    static const struct unit units[] = {{"ns", 1},  {"us", 1e3},   {"ms", 1e6},
                                        {"s", 1e9}, {"min", 60e9}, {NULL, 0}};
    double ns;
    if (!parse_scaled(text, units, NAN, &ns) || ns > 3600e9)
        return false;
    *out_ns = (int64_t)ns;
    return true;
}

static bool
parse_rate(const char *text, uint64_t *out)
{
    static const struct unit units[] = {{"bit", 1},      {"kbit", 1e3},   {"mbit", 1e6},
                                        {"gbit", 1e9},   {"bit/s", 1},    {"kbit/s", 1e3},
                                        {"mbit/s", 1e6}, {"gbit/s", 1e9}, {NULL, 0}};
    double bps;
    if (!parse_scaled(text, units, NAN, &bps) || bps > 1e12 || (bps > 0 && bps < 8))
        return false;
    *out = (uint64_t)bps;
    return true;
}

static bool
parse_share(const char *text, double *out)
{
    static const struct unit units[] = {{"%", 0.01}, {NULL, 0}};
    return parse_scaled(text, units, 1, out) && *out <= 1;
}

static bool
parse_value(const struct option *o, const char *text, struct la_impair *impair)
{
    void *field = (char *)impair + o->off;
    uint64_t n;
    double length;
    switch (o->kind) {
    case DURATION:
        return la_netopt_duration(text, field);
    case RATE:
        return parse_rate(text, field);
    case SHARE:
        return parse_share(text, field);
    case LENGTH: {
        static const struct unit none[] = {{NULL, 0}};
        if (!parse_scaled(text, none, 1, &length) || length < 1 || length > 1e6)
            return false;
        *(double *)field = length;
        return true;
    }
    case COUNT:
        if (!la_number_parse(text, 1, 1000000, &n))
            return false;
        *(uint32_t *)field = (uint32_t)n;
        return true;
    }
    return false;
}

/* ---- options ------------------------------------------------------------------------------- */

void
la_netopt_init(struct la_netopt *opt)
{
    uint64_t chance[4];
    la_host_seed(chance);
    *opt = (struct la_netopt){.mtu_bytes = MTU_BYTES};
    opt->seed = chance[0] & UINT32_MAX; /* short enough to be typed again */
}

static enum la_netopt_result
bad(const char *name, const char *value, const char *wants, char error[LA_NETOPT_ERROR_BYTES])
{
    if (value == NULL)
        (void)snprintf(error, LA_NETOPT_ERROR_BYTES, "--%s needs %s", name, wants);
    else
        (void)snprintf(error, LA_NETOPT_ERROR_BYTES, "--%s: '%.40s' is not %s", name, value, wants);
    return LA_NETOPT_BAD;
}

static enum la_netopt_result
take_whole(struct la_netopt *opt, const char *name, const char *value,
           char error[LA_NETOPT_ERROR_BYTES])
{
    uint64_t n;
    if (strcmp(name, "seed") == 0) {
        if (value == NULL || !la_number_parse(value, 0, UINT64_MAX, &opt->seed))
            return bad(name, value, "a whole number", error);
        opt->seed_given = true;
        return LA_NETOPT_OK;
    }
    if (value == NULL || !la_number_parse(value, MTU_BYTES_MIN, MTU_BYTES_MAX, &n))
        return bad(name, value, "a number of octets, 68 to 65535", error);
    opt->mtu_bytes = (uint32_t)n;
    return LA_NETOPT_OK;
}

/* Cuts "-up" or "-down" off; the directions that remain, as bits. */
static unsigned
directions(char *name)
{
    size_t n = strlen(name);
    if (n > 3 && strcmp(name + n - 3, "-up") == 0) {
        name[n - 3] = '\0';
        return 1;
    }
    if (n > 5 && strcmp(name + n - 5, "-down") == 0) {
        name[n - 5] = '\0';
        return 2;
    }
    return 3;
}

enum la_netopt_result
la_netopt_take(struct la_netopt *opt, const char *name, const char *value,
               char error[LA_NETOPT_ERROR_BYTES])
{
    char base[NAME_BYTES];
    if (strcmp(name, "seed") == 0 || strcmp(name, "mtu") == 0)
        return take_whole(opt, name, value, error);
    if (snprintf(base, sizeof(base), "%s", name) >= (int)sizeof(base))
        return LA_NETOPT_OTHER;
    unsigned which = directions(base);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const struct option *o = &options[i];
        if (strcmp(base, o->name) != 0)
            continue;
        for (unsigned d = 0; d < 2; d++) {
            if ((which >> d & 1) != 0 && (value == NULL || !parse_value(o, value, &opt->impair[d])))
                return bad(name, value, wanted[o->kind], error);
        }
        return LA_NETOPT_OK;
    }
    return LA_NETOPT_OTHER;
}

bool
la_netopt_has_chance(const struct la_netopt *opt)
{
    bool any = false;
    for (unsigned d = 0; d < 2; d++) {
        const struct la_impair *i = &opt->impair[d];
        any |= i->jitter_ns > 0 || i->loss > 0 || i->burst_loss > 0 || i->reorder > 0 ||
               i->duplicate > 0 || i->corrupt > 0;
    }
    return any;
}

bool
la_netopt_congestion(const char *name, char error[LA_NETOPT_ERROR_BYTES])
{
    if (name != NULL && la_congestion_find(name) >= 0)
        return true;
    int n = snprintf(error, LA_NETOPT_ERROR_BYTES, "--congestion is one of");
    for (int i = 0; la_congestion_name(i) != NULL && n < LA_NETOPT_ERROR_BYTES; i++)
        n += snprintf(error + n, (size_t)(LA_NETOPT_ERROR_BYTES - n), "%s %s", i == 0 ? "" : ",",
                      la_congestion_name(i));
    if (n < LA_NETOPT_ERROR_BYTES && name != NULL)
        (void)snprintf(error + n, (size_t)(LA_NETOPT_ERROR_BYTES - n), ", not '%.20s'", name);
    return false;
}

const char *
la_netopt_help(void)
{
    return "  --delay TIME          one way, each direction: 20ms, 1.5s, 300us\n"
           "  --jitter TIME         the delay varies by this much, up and down\n"
           "  --rate RATE           10mbit, 1gbit, 500kbit\n"
           "  --queue N             packets that may wait for the rate (1000)\n"
           "  --ecn-mark N          from so many waiting on, mark what can be marked (CE)\n"
           "  --loss SHARE          1% or 0.01, independent of each other\n"
           "  --burst-loss SHARE    lost in bursts; --burst-length N, their mean length (5)\n"
           "  --reorder SHARE       held back; --reorder-delay TIME, for how long (5ms)\n"
           "  --duplicate SHARE     delivered twice\n"
           "  --corrupt SHARE       delivered with a flipped bit\n"
           "  --mtu N               largest packet in octets (1500)\n"
           "  --seed N              same seed, same fate of every packet\n"
           "  Each holds for both directions; with -up or -down (--loss-up 1%) for one.\n";
}
