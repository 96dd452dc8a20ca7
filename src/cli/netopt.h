/* SPDX-License-Identifier: MIT
 *
 * netopt.h - the network options, the same for every command that has a virtual wire
 */
#ifndef LA_CLI_NETOPT_H
#define LA_CLI_NETOPT_H

#include <lastack/link.h>

struct la_netopt {
    struct la_impair impair[2]; /* [0] up: what the client sends; [1] down: what it receives */
    uint32_t mtu_bytes;
    uint64_t seed;
    bool seed_given;
};

enum { LA_NETOPT_ERROR_BYTES = 160 };

enum la_netopt_result {
    LA_NETOPT_OTHER, /* not a network option: nothing was changed */
    LA_NETOPT_OK,
    LA_NETOPT_BAD    /* the value is no good; `error` says why */
};

/* A perfect wire, MTU 1500, a seed of chance. */
void la_netopt_init(struct la_netopt *opt);
/* name: without dashes ("loss-up"); value: NULL when there was none. */
enum la_netopt_result la_netopt_take(struct la_netopt *opt, const char *name, const char *value,
                                     char error[LA_NETOPT_ERROR_BYTES]);
/* Does chance decide about packets, so that another seed would be another run? */
bool la_netopt_has_chance(const struct la_netopt *opt);
/* --congestion: is there a control of that name (NULL: none was given)? False: `error` says which
 * there are. */
bool la_netopt_congestion(const char *name, char error[LA_NETOPT_ERROR_BYTES]);
/* The lines of a help text, ends with a line end. Static. */
const char *la_netopt_help(void);

/* "20ms", "1.5s", "300us"; a bare number only when it is 0. Nanoseconds, 0 .. 1 hour. */
bool la_netopt_duration(const char *text, int64_t *out_ns);

#endif
