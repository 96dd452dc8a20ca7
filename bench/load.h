/* SPDX-License-Identifier: MIT
 *
 * load.h - what the parts of the load program share
 *
 * The load is the kernel's end of each benchmark. Whatever stack is measured serves three ports,
 * as `lastack bench peer` does: LA_LOAD_SINK reads and discards, LA_LOAD_SOURCE writes until the
 * peer closes, LA_LOAD_ECHO sends back what it gets. A load runs for a bounded time and prints one
 * JSON object.
 */
#ifndef LA_BENCH_LOAD_H
#define LA_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { LA_LOAD_SINK = 5001, LA_LOAD_SOURCE = 5002, LA_LOAD_ECHO = 5003 };
enum { LA_LOAD_CHUNK_BYTES = 128 * 1024, LA_LOAD_MESSAGE_BYTES = 64 };
/* No call waits longer than this for a stack that has stopped answering. */
enum { LA_LOAD_PATIENCE_S = 30 };

struct la_load {
    struct sockaddr_in to;   /* the port is each load's own */
    double seconds;
    unsigned conns_n;
    unsigned sources_n;      /* local addresses to connect from, successive from `source` on */
    struct in_addr source;   /* 0: the system chooses */
    int peer;                /* process that holds the measured stack; 0: unknown */
    clockid_t peer_clock;
    double skip_s;           /* goodput: not counted at the beginning */
    double apart_s;          /* goodput: between the beginnings of two connections */
    const char *control;     /* serve: congestion control; NULL: the system's */
    const char *device;      /* flood: where it leaves */
    bool bare;               /* flood: no connections beside it */
};

/* Each returns the exit status, having printed its result or one line about what is wrong. */
int la_load_serve(const struct la_load *load);
int la_load_bulk_out(const struct la_load *load);
int la_load_bulk_in(const struct la_load *load);
int la_load_talk(const struct la_load *load);
int la_load_churn(const struct la_load *load);
int la_load_hold(const struct la_load *load);
int la_load_goodput(const struct la_load *load);
int la_load_bounce(const struct la_load *load);
int la_load_flood(const struct la_load *load);

/* ---- shared ----------------------------------------------------------------------------- */

/* "load: WHAT: errno's text" on standard error; 1. */
int la_load_failed(const char *what);
uint64_t la_load_now_ns(void);
uint64_t la_load_end_ns(double seconds);

/* A socket for the i-th connection, without Nagle's delay, bound to its source address, whose calls
 * wait at most LA_LOAD_PATIENCE_S. -1: errno says why. */
int la_load_socket(const struct la_load *load, uint64_t i, int flags);
/* The same, connected to a port of the measured stack. */
int la_load_dial(const struct la_load *load, uint64_t i, uint16_t port);
/* Ends a connection at once, so that neither end keeps a record of it. */
void la_load_abort(int fd);
/* Sends a message and waits for its echo. */
bool la_load_echo(int fd);

/* What has been used of time and of both ends' processors. */
struct la_load_usage {
    uint64_t at_ns, own_ns, peer_ns;
};
struct la_load_usage la_load_usage(const struct la_load *load);
struct la_load_usage la_load_usage_since(const struct la_load *load,
                                         const struct la_load_usage *from);

/* Durations, for percentiles. */
struct la_load_times {
    uint32_t *ns;
    size_t n, room_n;
};
bool la_load_times_add(struct la_load_times *times, uint64_t ns);
/* In microseconds; 0 when there are none. Sorts. */
double la_load_times_us(struct la_load_times *times, double part);

#endif
