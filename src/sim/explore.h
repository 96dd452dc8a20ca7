/* SPDX-License-Identifier: MIT
 *
 * explore.h - every interleaving of a small connection, on the code that ships
 *
 * Two ends of src/tcp are joined by a network that holds two segments each way. At each point every
 * next step is tried: any segment is delivered, lost or doubled, any timer expires, any call is
 * made. Two points with the same state are one. docs/theory/explore.md says what the state is and
 * what it leaves out.
 */
#ifndef LA_SIM_EXPLORE_H
#define LA_SIM_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <lastack/tcp.h>

enum la_explore_open {
    LA_EXPLORE_PASSIVE,     /* A opens actively, B listens */
    LA_EXPLORE_SIMULTANEOUS /* both open actively */
};

/* What may happen, and how often. Everything else is always tried. */
struct la_explore_cfg {
    const char *name;
    const char *about;
    enum la_explore_open open;
    uint8_t octets[2];    /* that A and B send, one by one */
    uint8_t window_bytes; /* receive buffer */
    uint8_t lost_n;       /* segments lost, in all */
    uint8_t doubled_n;    /* segments doubled, in all */
    uint8_t early_n;      /* timers that expire while something is on the way, in all */
    uint8_t aborts_n;     /* ABORT, by either end */
    uint8_t crashes_n;    /* an end forgets everything, and A opens again */
    uint8_t r2_n;         /* retransmissions before giving up */
    uint8_t marked_n;     /* segments marked on the way, in all: both ends count them (RFC 9768) */
    bool sack, rack;
    const char *control;  /* of congestion, by name; NULL = "reno" */
    bool closes;          /* CLOSE and release, by both ends */
    bool deep;            /* takes long: only when asked for */
};

/* A NULL name ends the list. */
extern const struct la_explore_cfg la_explore_list[];

struct la_explore_result {
    uint64_t states_n;      /* distinct ones */
    uint64_t steps_n;       /* tried */
    uint64_t completions_n; /* states from which a healed network was watched to the end */
    uint32_t depth_max;
    uint32_t completion_max; /* most steps that one took */
    bool exhausted;          /* false: states_max ended it, or a violation did */
    char violation[200];     /* empty: none */
    uint64_t edges[LA_TCP_STATE_COUNT][LA_TCP_STATE_COUNT]; /* [from][to] */
};

struct la_explore_how {
    uint64_t states_max;     /* ends the search, 0 = none */
    uint32_t complete_every; /* a healed network is watched to the end from each state whose hash
                                this divides; 1 = from all of them; not 0 */
    FILE *out;               /* where the way to a violation is told, NULL = nowhere */
    void (*progress)(const struct la_explore_result *so_far); /* now and then; may be NULL */
    const char *control; /* of both ends, which there must be; NULL = the configuration's */
};

/*
 * la_explore_run - explores one configuration
 *
 * False: no memory. A violation is in the result. O(states x choices) time, 32 octets a state.
 */
bool la_explore_run(const struct la_explore_cfg *cfg, const struct la_explore_how *how,
                    struct la_explore_result *result);

/* For an assertion handler: tells the way to where the search is now. */
void la_explore_tell_way(FILE *out);

#endif
