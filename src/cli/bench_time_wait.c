/* SPDX-License-Identifier: MIT
 *
 * bench_time_wait.c - `lastack bench time-wait`: what a connection in TIME-WAIT weighs
 *
 * Connections are opened in batches; the client closes first, the server when it has seen that, and
 * both give their handles up. A first batch, which makes the tables, is not weighed. Virtual time
 * hardly moves, so that nobody's 2 MSL end.
 */
#include "cli/bench.h"

#include <stdio.h>

#include "cli/cli.h"

enum { PORT_FIRST = 1000, CONNS_PER_PORT = 32768, BATCH_N = 256, WAITS_MAX = 16 << 20 };
enum { TURN_NS = 10000 };

struct run {
    struct la_bench_pair pair;
    la_handle listener;
    uint32_t opened_n;
};

static bool
open_and_close(struct run *run, uint32_t n)
{
    struct la_bench_pair *pair = &run->pair;
    la_handle client[BATCH_N], server[BATCH_N];
    uint16_t port = (uint16_t)(PORT_FIRST + run->opened_n / CONNS_PER_PORT);
    struct la_endpoint any = {{{0}}, 0}, to = la_bench_server(pair, port);
    if (run->opened_n % CONNS_PER_PORT == 0 && !la_bench_listen(pair, port, &run->listener))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (la_conn_open(pair->client, &any, &to, NULL, &client[i], pair->now) != LA_OK)
            return false;
    la_bench_turn(pair, TURN_NS);
    for (uint32_t i = 0; i < n; i++)
        if (la_listener_accept(pair->server, run->listener, &server[i], pair->now) != LA_OK ||
            la_conn_release(pair->client, client[i], pair->now) != LA_OK)
            return false;
    la_bench_turn(pair, TURN_NS);
    for (uint32_t i = 0; i < n; i++)
        if (la_conn_release(pair->server, server[i], pair->now) != LA_OK)
            return false;
    la_bench_turn(pair, TURN_NS);
    la_bench_drain_events(pair);
    run->opened_n += n;
    return true;
}

static uint64_t
used_bytes(const struct run *run)
{
    struct la_mem_stats stats;
    la_mem_trim(run->pair.mem);
    la_mem_stats_get(run->pair.mem, &stats);
    return stats.used_bytes;
}

static int
weigh(struct run *run, uint32_t n, bool json)
{
    if (!open_and_close(run, BATCH_N))
        return la_bench_failed("the first connections could not be opened and closed");
    uint64_t from = used_bytes(run);
    for (uint32_t end = run->opened_n + n; run->opened_n < end;) {
        uint32_t left_n = end - run->opened_n;
        if (!open_and_close(run, left_n < BATCH_N ? left_n : BATCH_N))
            return la_bench_failed("not all connections could be opened and closed");
    }
    uint32_t states[LA_TCP_STATE_COUNT];
    la_stack_state_counts(run->pair.client, states);
    if (states[LA_TCP_TIME_WAIT] != run->opened_n)
        return la_bench_failed("not all of them are in TIME-WAIT");
    double bytes = (double)(used_bytes(run) - from);
    const struct la_bench_result results[] = {
        {"time_wait", "connections in TIME-WAIT", n, 0},
        {"bytes_each", "octets each, as the stack counts them, index and timer included", bytes / n,
         1},
    };
    struct la_bench_report report = {.noun = "time-wait"};
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        la_bench_report_add(&report, results[i]);
    la_bench_report_print(&report, json);
    return LA_CLI_OK;
}

int
la_bench_time_wait(int argc, char **argv)
{
    uint64_t n = 0, ipv6 = 0, json = 0;
    const struct la_bench_option options[] = {{"ipv6", true, 0, 0, &ipv6},
                                              {"json", true, 0, 0, &json}};
    const struct la_bench_args args = {
        .noun = "time-wait",
        .operand = {"N", false, 1, WAITS_MAX, &n},
        .options = options,
        .options_n = sizeof(options) / sizeof(options[0]),
    };
    struct la_bench_pair_cfg cfg;
    struct run run = {0};
    if (!la_bench_args_parse(&args, argc, argv))
        return LA_CLI_USAGE;
    la_bench_pair_cfg_init(&cfg);
    cfg.time_wait_n_max = (uint32_t)n + BATCH_N;
    cfg.ipv6 = ipv6 != 0;
    if (!la_bench_pair_init(&run.pair, &cfg))
        return LA_CLI_FAILED;
    int status = weigh(&run, (uint32_t)n, json != 0);
    la_bench_pair_fini(&run.pair);
    return status;
}
