/* SPDX-License-Identifier: MIT
 *
 * bench_conns.c - `lastack bench conns`: what an idle connection weighs
 *
 * Connections are opened in batches. In each, both ends send MESSAGES_N messages of MESSAGE_BYTES,
 * read the other's, and then rest until no acknowledgement is owed and no timer but that of
 * keep-alive runs. Weighed twice: by what the stacks took from their allocator, and by the resident
 * pages of the process. Nothing is kept per connection outside the stacks.
 */
#include "cli/bench.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

enum { PORT_FIRST = 1000, CONNS_PER_PORT = 32768, BATCH_N = 256, PAIRS_MAX = 16 << 20 };
enum { MESSAGES_N = 10, MESSAGE_BYTES = 64, TURN_NS = 10000, REST_NS = 1000000000 };
/* Both weights must agree within a tenth, and what pages and the allocator round. */
enum { ROUNDING_BYTES = 512 * 1024 };

struct batch {
    la_handle client[BATCH_N], server[BATCH_N];
    uint32_t n;
};

/* Resident pages of this process, in octets; 0 when the system does not say. */
static uint64_t
resident_bytes(void)
{
    unsigned long long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- one batch -------------------------------------------------------------------------- */

/* Client i and server i need not be the two ends of one connection: all do the same. */
static bool
batch_open(struct la_bench_pair *pair, struct batch *batch, la_handle listener, uint16_t port)
{
    struct la_endpoint any = {{{0}}, 0}, to = la_bench_server(pair, port);
    for (uint32_t i = 0; i < batch->n; i++)
        if (la_conn_open(pair->client, &any, &to, NULL, &batch->client[i], pair->now) != LA_OK)
            return false;
    la_bench_turn(pair, TURN_NS);
    for (uint32_t i = 0; i < batch->n; i++)
        if (la_listener_accept(pair->server, listener, &batch->server[i], pair->now) != LA_OK)
            return false;
    return true;
}

static bool
message(struct la_stack *stack, la_handle conn, la_instant now)
{
    static const uint8_t octets[MESSAGE_BYTES];
    struct la_bytes bytes = {octets, sizeof(octets)};
    return la_conn_send(stack, conn, bytes, false, now) == MESSAGE_BYTES;
}

static bool
message_read(struct la_stack *stack, la_handle conn, la_instant now)
{
    uint8_t octets[2 * MESSAGE_BYTES];
    struct la_room room = {octets, sizeof(octets)};
    return la_conn_receive(stack, conn, room, now) == MESSAGE_BYTES;
}

/* A request and its answer on every connection of the batch. */
static bool
batch_talk(struct la_bench_pair *pair, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->n; i++)
        if (!message(pair->client, batch->client[i], pair->now))
            return false;
    la_bench_turn(pair, TURN_NS);
    for (uint32_t i = 0; i < batch->n; i++)
        if (!message_read(pair->server, batch->server[i], pair->now) ||
            !message(pair->server, batch->server[i], pair->now))
            return false;
    la_bench_turn(pair, TURN_NS);
    for (uint32_t i = 0; i < batch->n; i++)
        if (!message_read(pair->client, batch->client[i], pair->now))
            return false;
    la_bench_drain_events(pair);
    return true;
}

static bool
batch_do(struct la_bench_pair *pair, uint32_t n, la_handle listener, uint16_t port)
{
    struct batch batch = {.n = n};
    if (!batch_open(pair, &batch, listener, port))
        return false;
    for (int i = 0; i < MESSAGES_N; i++)
        if (!batch_talk(pair, &batch))
            return false;
    la_bench_rest(pair, REST_NS);
    la_bench_drain_events(pair);
    return true;
}

/* ---- all of them ------------------------------------------------------------------------ */

/* The client's ports last for CONNS_PER_PORT connections to one port of the server. */
static bool
hold(struct la_bench_pair *pair, uint32_t pairs_n)
{
    la_handle listener = 0;
    uint16_t port = PORT_FIRST;
    for (uint32_t done_n = 0; done_n < pairs_n;) {
        uint32_t left_n = pairs_n - done_n;
        uint32_t n = left_n < BATCH_N ? left_n : BATCH_N;
        if (done_n % CONNS_PER_PORT == 0 && !la_bench_listen(pair, ++port, &listener))
            return false;
        if (!batch_do(pair, n, listener, port))
            return false;
        done_n += n;
    }
    uint32_t client_n[LA_TCP_STATE_COUNT], server_n[LA_TCP_STATE_COUNT];
    la_stack_state_counts(pair->client, client_n);
    la_stack_state_counts(pair->server, server_n);
    return client_n[LA_TCP_ESTABLISHED] == pairs_n && server_n[LA_TCP_ESTABLISHED] == pairs_n;
}

struct weight {
    uint64_t counted_bytes, resident_bytes;
};

static struct weight
weigh(const struct la_bench_pair *pair)
{
    struct la_mem_stats stats;
    la_mem_trim(pair->mem);
    la_mem_stats_get(pair->mem, &stats);
    return (struct weight){stats.used_bytes, resident_bytes()};
}

static bool
weights_agree(const struct weight *w)
{
    uint64_t more = w->counted_bytes > w->resident_bytes ? w->counted_bytes : w->resident_bytes;
    uint64_t less = w->counted_bytes + w->resident_bytes - more;
    return more - less <= more / 10 + ROUNDING_BYTES;
}

static int
report(uint64_t pairs_n, const struct weight *w, bool json)
{
    struct la_bench_report report = {.noun = "conns"};
    double ends = 2 * (double)pairs_n;
    double counted = (double)w->counted_bytes / ends, resident = (double)w->resident_bytes / ends;
    const struct la_bench_result results[] = {
        {"connections", "idle connections, both ends held here", (double)pairs_n, 0},
        {"bytes_per_end", "octets per end, as the stacks count them", counted, 1},
        {"rss_bytes_per_end", "octets per end, resident pages", resident, 1},
        {"bytes_per_pair", "octets per connection (two ends), counted", 2 * counted, 1},
        {"rss_bytes_per_pair", "octets per connection (two ends), resident", 2 * resident, 1},
    };
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        la_bench_report_add(&report, results[i]);
    la_bench_report_print(&report, json);
    if (!weights_agree(w))
        return la_bench_failed("the two weights differ by more than a tenth");
    return LA_CLI_OK;
}

static int
measure(struct la_bench_pair *pair, uint32_t pairs_n, bool json)
{
    struct weight from = weigh(pair);
    if (!hold(pair, pairs_n))
        return la_bench_failed("not all connections could be opened and used");
    struct weight to = weigh(pair);
    struct weight grown = {to.counted_bytes - from.counted_bytes,
                           to.resident_bytes - from.resident_bytes};
    return report(pairs_n, &grown, json);
}

int
la_bench_conns(int argc, char **argv)
{
    uint64_t pairs_n = 0, ipv6 = 0, json = 0;
    const struct la_bench_option options[] = {{"ipv6", true, 0, 0, &ipv6},
                                              {"json", true, 0, 0, &json}};
    const struct la_bench_args args = {
        .noun = "conns",
        .operand = {"N", false, 1, PAIRS_MAX, &pairs_n},
        .options = options,
        .options_n = sizeof(options) / sizeof(options[0]),
    };
    if (!la_bench_args_parse(&args, argc, argv))
        return LA_CLI_USAGE;
    struct la_bench_pair_cfg cfg;
    la_bench_pair_cfg_init(&cfg);
    cfg.conns_n_max = (uint32_t)pairs_n;
    cfg.tcp.keepalive = true;
    cfg.ipv6 = ipv6 != 0;
    struct la_bench_pair pair;
    if (!la_bench_pair_init(&pair, &cfg))
        return LA_CLI_FAILED;
    int status = measure(&pair, (uint32_t)pairs_n, json != 0);
    la_bench_pair_fini(&pair);
    return status;
}
