/* SPDX-License-Identifier: MIT
 *
 * report.h - what a running instance says about itself, as JSON objects, both ways
 *
 * One table per kind of object names its keys; the server encodes by it, `lastack ss` decodes by
 * it. docs/control.md is the contract.
 */
#ifndef LA_HOST_REPORT_H
#define LA_HOST_REPORT_H

#include <lastack/stack.h>

#include <jansson.h>

enum {
    LA_REPORT_VERSION = 1,
    LA_REPORT_NAME_BYTES = 16,
    LA_REPORT_PROGRAM_BYTES = 200,
    LA_REPORT_LINE_BYTES = 16384 /* no line is longer */
};

enum la_report_kind {
    LA_REPORT_INSTANCE,   /* first: who is this */
    LA_REPORT_LISTENER,
    LA_REPORT_CONNECTION,
    LA_REPORT_REQUEST,    /* a SYN that the forwarder holds until the far end is reached */
    LA_REPORT_UDP,
    LA_REPORT_COUNTERS,
    LA_REPORT_END,        /* last: all was said */
    LA_REPORT_ERROR,      /* last: why nothing (more) is said */
    LA_REPORT_KIND_COUNT
};

/* Who has the socket, as far as that is known: the thread that last made a call on it. */
struct la_report_owner {
    uint32_t pid;                    /* 0 = not known */
    char process[LA_REPORT_NAME_BYTES];
    uint32_t undelivered_n;          /* accepted by us and not yet by the program (listeners) */
};

struct la_report_instance {
    uint32_t pid;
    char command[LA_REPORT_NAME_BYTES];    /* "run", "bench peer" */
    char program[LA_REPORT_PROGRAM_BYTES]; /* with its arguments, perhaps cut */
    char lastack[LA_REPORT_NAME_BYTES];    /* version */
    uint64_t uptime_us;
    uint64_t memory_used_bytes, memory_peak_bytes, memory_budget_bytes;
};

struct la_report_counters {
    struct la_stack_stats stats;
    uint32_t state_n[LA_TCP_STATE_COUNT];
};

struct la_report {
    enum la_report_kind kind;
    uint32_t instance; /* the pid that its socket is named by */
    char end[8];       /* "near", "far"; "": of the instance */
    uint64_t handle;   /* at that end; 0 = none */
    struct la_report_owner owner;
    union {
        struct la_report_instance instance;
        struct la_conn_status conn;
        struct la_listener_status listener;
        struct la_forward_request request;
        struct la_udp_status udp;
        struct la_report_counters counters;
        uint32_t lines_n; /* END: how many lines stand before it */
        char text[160];   /* ERROR */
    } u;
};

/* Instants become the time from `now` on (or until `now`, for the past). NULL: no memory. */
json_t *la_report_encode(const struct la_report *report, la_instant now);
/* The reverse, with instants counted from 0. Keys that are missing or of another type leave zero,
 * "no timer" or "never". False: it is no object of this version or of no known kind. */
bool la_report_decode(const json_t *object, struct la_report *out);
/* "10.0.0.1:80", "[::1]:80". False: it is none. */
bool la_report_endpoint_parse(const char *text, struct la_endpoint *out);

#endif
