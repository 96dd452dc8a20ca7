/* SPDX-License-Identifier: MIT
 *
 * bench.h - what the benchmarks share: arguments, two joined stacks, results
 *
 * One file per benchmark: bench_NOUN.c defines la_bench_NOUN(), which gets the arguments from the
 * noun on and returns an exit status. But for the peer, which serves a device, and the path, which
 * joins two, stacks live in virtual time, so the work done is the same in every run; only the time
 * that it takes differs.
 */
#ifndef LA_CLI_BENCH_H
#define LA_CLI_BENCH_H

#include <lastack/link.h>

int la_bench_mem(int argc, char **argv);
int la_bench_conns(int argc, char **argv);
int la_bench_half_open(int argc, char **argv);
int la_bench_time_wait(int argc, char **argv);
int la_bench_flood(int argc, char **argv);
int la_bench_goodput(int argc, char **argv);
int la_bench_path(int argc, char **argv);
int la_bench_peer(int argc, char **argv);

/* ---- arguments (bench_args.c) ----------------------------------------------------------- */

/* Numbers take the suffixes K, M and G, powers of 1024. */
struct la_bench_option {
    const char *name; /* "mtu"; of the operand, "BYTES" */
    bool is_switch;   /* takes no value; *value becomes 1 */
    uint64_t min, max;
    uint64_t *value;
};

struct la_bench_args {
    const char *noun;
    struct la_bench_option operand;
    const struct la_bench_option *options;
    size_t options_n;
};

/* False: one line on standard error has said what is wrong. */
bool la_bench_args_parse(const struct la_bench_args *args, int argc, char **argv);

/* ---- two stacks (bench_pair.c) ---------------------------------------------------------- */

struct la_bench_pair_cfg {
    struct la_tcp_cfg tcp;
    uint32_t mtu_bytes;
    bool checksum;       /* made and verified; otherwise left to the wire, which cannot corrupt */
    bool tso;            /* the wire takes super-segments; without checksums only */
    bool ipv6;
    uint32_t conns_n_max;
    uint32_t syn_queue_n_max;
    uint32_t time_wait_n_max;
    struct la_impair impair[2]; /* of the wire; [0]: what the client sends */
    uint64_t seed;
};

/* A client and a server, one address each, on a memory wire. */
struct la_bench_pair {
    struct la_mem *mem;
    struct la_stack *client, *server;
    struct la_wire *wire;
    la_instant now;
    bool ipv6;
};

/* la_bench_pair_cfg: defaults of TCP, MTU 1500, with checksums, a wire without faults or delay. */
void la_bench_pair_cfg_init(struct la_bench_pair_cfg *cfg);
/* False: no memory, or a value that the stack does not take; one line has said so. */
bool la_bench_pair_init(struct la_bench_pair *pair, const struct la_bench_pair_cfg *cfg);
void la_bench_pair_fini(struct la_bench_pair *pair);
struct la_endpoint la_bench_server(const struct la_bench_pair *pair, uint16_t port);
/* A listener at the server. False: it could not be made. */
bool la_bench_listen(struct la_bench_pair *pair, uint16_t port, la_handle *out);
/* Moves frames until both stacks rest, then lets `ns` of virtual time pass. */
void la_bench_turn(struct la_bench_pair *pair, int64_t ns);
/* The same after everything that waits for a time up to `ns` from now has had its time. */
void la_bench_rest(struct la_bench_pair *pair, int64_t ns);
/* Events are not what is measured here; they are taken so that none waits. */
void la_bench_drain_events(struct la_bench_pair *pair);
/* "lastack bench: WHAT" on standard error; the status for it. */
int la_bench_failed(const char *what);

/* ---- results (bench_report.c) ----------------------------------------------------------- */

enum { LA_BENCH_RESULTS_MAX = 24 };

struct la_bench_result {
    const char *key;  /* of the JSON object; the unit is its last word */
    const char *text; /* of the table; NULL: JSON alone */
    double value;
    int decimals;
};

struct la_bench_report {
    const char *noun;
    struct la_bench_result results[LA_BENCH_RESULTS_MAX];
    size_t n;
};

void la_bench_report_add(struct la_bench_report *report, struct la_bench_result result);
/* To standard output. */
void la_bench_report_print(const struct la_bench_report *report, bool json);

#endif
