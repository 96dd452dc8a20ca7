/* SPDX-License-Identifier: MIT
 *
 * ways.h - how other stacks behave, by name: fields of a configuration, profiles, sysctls
 *
 * Scripts are written to the constants and habits of one stack. A profile gives ours those; a field
 * is called as in lastack/conn.h or by the shorter key of --so_flags; sysctls have the names that
 * Linux and FreeBSD give them. packetdrill's module and `lastack drill` read the same tables.
 */
#ifndef LA_WAYS_WAYS_H
#define LA_WAYS_WAYS_H

#include <lastack/stack.h>

struct la_ways {
    struct la_stack_cfg cfg;
    uint32_t connect_ms;  /* what TCP_KEEPINIT is: how long an attempt to connect may last */
    bool layout_bsd;      /* options of a SYN in the BSDs' order (layout.h) */
    uint32_t forgets_n;   /* how often what is known of peers was to be forgotten */
    bool fast_open_keyed; /* net.ipv4.tcp_fastopen_key was told: */
    uint8_t fast_open_key[LA_FAST_OPEN_KEY_BYTES];
};

enum la_ways_outcome {
    LA_WAYS_SET,
    LA_WAYS_UNKNOWN, /* no such name */
    LA_WAYS_REFUSED  /* no value of it; nothing has changed */
};

/* lastack's own, but for what no script expects (MTU probing). */
void la_ways_init(struct la_ways *ways);
/* default, linux, bsd65535, freebsd. What a profile does not name stays. */
enum la_ways_outcome la_ways_profile(struct la_ways *ways, const char *name);
/* A field, `congestion_control`, `layout` or `profile`. */
enum la_ways_outcome la_ways_set(struct la_ways *ways, const char *name, const char *value);
/* net.ipv4.tcp_sack, net.inet.tcp.sack.enable and so on. Blanks, quotes and the end of the line
 * around a value do not count. */
enum la_ways_outcome la_ways_sysctl(struct la_ways *ways, const char *name, const char *value);
/* The names of sysctls that count, one by one, some more than once; NULL behind the last. */
const char *la_ways_sysctl_name(size_t idx);

/* ---- of this room ------------------------------------------------------------------------ */

/* A number in struct la_stack_cfg. */
struct la_ways_field;
/* NULL: there is none of this name. */
const struct la_ways_field *la_ways_field_find(const char *name);
/* False: out of its bounds. */
bool la_ways_field_store(struct la_ways *ways, const struct la_ways_field *field, uint64_t value);
/* Where it stands. */
void *la_ways_field_at(struct la_ways *ways, const struct la_ways_field *field);
bool la_ways_congestion(struct la_ways *ways, const char *name);

#endif
