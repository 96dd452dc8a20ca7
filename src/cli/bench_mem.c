/* SPDX-License-Identifier: MIT
 *
 * bench_mem.c - `lastack bench mem`: octets from stack to stack in one process
 *
 * The writer copies into the send buffer until it is full, the wire is pumped until both stacks
 * rest, the reader copies out all there is, and TURN_NS of virtual time pass, so that timestamps,
 * RTT samples and timers do their work. That is measured. Before it, WARM_BYTES pass the same way
 * and every octet is compared; while it is measured, the first and last octets of each read are.
 */
#include "cli/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

enum { PORT = 9, TURN_NS = 10000, STALL_NS = 1000000000, WARM_BYTES = 1 << 20 };
enum { SAMPLE_BYTES = 8, OCTETS_OF_REFERENCE = 1460 };
/* The pattern's period shares no factor with sizes of segments, blocks and writes. */
enum { PATTERN_BYTES = 65521, WRITE_BYTES_MAX = 1 << 24 };

struct run {
    struct la_bench_pair pair;
    la_handle writer, reader;
    uint64_t bytes, write_bytes, window_bytes, mss_bytes, mtu_bytes, no_checksum, tso, ipv6, json;
    uint8_t *pattern; /* octet i of the stream is pattern[i % PATTERN_BYTES]; write_bytes longer */
    uint8_t *room;    /* write_bytes */
    uint64_t sent, received;
};

/* ---- the stream ------------------------------------------------------------------------- */

static bool
buffers_take(struct run *run)
{
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    run->pattern = malloc(PATTERN_BYTES + run->write_bytes);
    run->room = malloc(run->write_bytes);
    if (run->pattern == NULL || run->room == NULL)
        return false;
    for (size_t i = 0; i < PATTERN_BYTES; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1;
        run->pattern[i] = (uint8_t)(seed >> 56);
    }
    for (size_t i = PATTERN_BYTES; i < PATTERN_BYTES + run->write_bytes; i++)
        run->pattern[i] = run->pattern[i - PATTERN_BYTES];
    return true;
}

/* Are the n octets at offset `off` of room, read behind `received`, those that were sent? */
static bool
octets_are_right(const struct run *run, size_t off, size_t n)
{
    uint64_t at = (run->received + off) % PATTERN_BYTES;
    return memcmp(run->room + off, run->pattern + at, n) == 0;
}

static bool
read_is_right(const struct run *run, size_t n, bool all)
{
    size_t sample_n = all || n < SAMPLE_BYTES ? n : SAMPLE_BYTES;
    return octets_are_right(run, 0, sample_n) && octets_are_right(run, n - sample_n, sample_n);
}

static bool
write_some(struct run *run, uint64_t until)
{
    bool moved = false;
    while (run->sent < until) {
        uint64_t left = until - run->sent;
        struct la_bytes bytes = {run->pattern + run->sent % PATTERN_BYTES,
                                 left < run->write_bytes ? left : run->write_bytes};
        la_ssize n = la_conn_send(run->pair.client, run->writer, bytes, false, run->pair.now);
        if (n <= 0)
            break;
        run->sent += (uint64_t)n;
        moved = true;
    }
    return moved;
}

/* False: an octet was not what was sent. */
static bool
read_some(struct run *run, bool check_all)
{
    struct la_room room = {run->room, run->write_bytes};
    la_ssize n;
    while ((n = la_conn_receive(run->pair.server, run->reader, room, run->pair.now)) > 0) {
        if (!read_is_right(run, (size_t)n, check_all))
            return false;
        run->received += (uint64_t)n;
    }
    return true;
}

/* Moves the stream on to `until`. NULL, or what went wrong. */
static const char *
stream(struct run *run, uint64_t until, bool check_all)
{
    while (run->received < until) {
        uint64_t before = run->received;
        bool moved = write_some(run, until);
        la_bench_turn(&run->pair, TURN_NS);
        if (!read_some(run, check_all))
            return "the octets that arrived are not those that were sent";
        la_bench_drain_events(&run->pair);
        if (moved || run->received != before)
            continue;
        la_bench_rest(&run->pair, STALL_NS); /* a timer is what it waits for */
        if (!read_some(run, check_all) || run->received == before)
            return "the stream does not move";
    }
    return NULL;
}

/* ---- measured --------------------------------------------------------------------------- */

static double
cpu_s(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static const char *
run_open(struct run *run)
{
    struct la_endpoint any = {{{0}}, 0}, to = la_bench_server(&run->pair, PORT);
    la_handle listener;
    if (!la_bench_listen(&run->pair, PORT, &listener) ||
        la_conn_open(run->pair.client, &any, &to, NULL, &run->writer, run->pair.now) != LA_OK)
        return "the connection could not be opened";
    la_bench_turn(&run->pair, TURN_NS);
    if (la_listener_accept(run->pair.server, listener, &run->reader, run->pair.now) != LA_OK)
        return "the connection was not accepted";
    return NULL;
}

struct counts {
    double cpu_s;
    uint64_t data_n, ack_n, again_n;
};

static struct counts
count(const struct run *run)
{
    const struct la_stack_stats *client = la_stack_stats(run->pair.client);
    const struct la_stack_stats *server = la_stack_stats(run->pair.server);
    return (struct counts){cpu_s(), client->tcp_segments_out, server->tcp_segments_out,
                           client->tcp_retransmissions + server->tcp_retransmissions};
}

static int
report(const struct run *run, const struct counts *from, const struct counts *to)
{
    struct la_bench_report report = {.noun = "mem"};
    struct la_conn_status status;
    if (la_conn_status(run->pair.client, run->writer, &status) != LA_OK)
        return la_bench_failed("the connection is gone");
    double bytes = (double)run->bytes;
    double s = to->cpu_s - from->cpu_s;
    const struct la_bench_result results[] = {
        {"bytes", "octets moved", bytes, 0},
        {"cpu_s", "CPU seconds, both ends", s, 4},
        {"gbit_per_cpu_s", "Gbit per CPU second", s > 0 ? bytes * 8 / s / 1e9 : 0, 2},
        {"ns_per_1460", "ns of CPU per 1460 octets", s * 1e9 * OCTETS_OF_REFERENCE / bytes, 1},
        {"segments_data", "segments from the writer", (double)(to->data_n - from->data_n), 0},
        {"segments_ack", "segments from the reader", (double)(to->ack_n - from->ack_n), 0},
        {"segments_again", "segments sent again", (double)(to->again_n - from->again_n), 0},
        {"segment_bytes", "octets in a full segment", status.mss_send, 0},
        {"write_bytes", "octets per write and read", (double)run->write_bytes, 0},
        {"window_bytes", "octets of send and receive buffer", (double)run->window_bytes, 0},
        {"mtu_bytes", "MTU", (double)run->mtu_bytes, 0},
        {"tso", "super-segments on the wire (1 = yes)", run->tso != 0, 0},
        {"checksum", "checksums made and verified (1 = yes)", run->no_checksum == 0, 0},
        {"ipv6", NULL, run->ipv6 != 0, 0},
    };
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        la_bench_report_add(&report, results[i]);
    la_bench_report_print(&report, run->json != 0);
    return LA_CLI_OK;
}

static int
measure(struct run *run)
{
    const char *wrong = run_open(run);
    if (wrong == NULL)
        wrong = stream(run, WARM_BYTES, true);
    struct counts from = count(run);
    if (wrong == NULL)
        wrong = stream(run, WARM_BYTES + run->bytes, false);
    struct counts to = count(run);
    return wrong == NULL ? report(run, &from, &to) : la_bench_failed(wrong);
}

int
la_bench_mem(int argc, char **argv)
{
    struct run run = {
        .write_bytes = 16384, .window_bytes = 256 * 1024, .mss_bytes = 1460, .mtu_bytes = 1500};
    const struct la_bench_option options[] = {
        {"mss", false, 88, 65495, &run.mss_bytes},
        {"mtu", false, 128, 65535, &run.mtu_bytes},
        {"write", false, 1, WRITE_BYTES_MAX, &run.write_bytes},
        {"window", false, 4096, 1 << 30, &run.window_bytes},
        {"no-checksum", true, 0, 0, &run.no_checksum},
        {"tso", true, 0, 0, &run.tso},
        {"ipv6", true, 0, 0, &run.ipv6},
        {"json", true, 0, 0, &run.json},
    };
    const struct la_bench_args args = {
        .noun = "mem",
        .operand = {"BYTES", false, 1, UINT64_C(1) << 50, &run.bytes},
        .options = options,
        .options_n = sizeof(options) / sizeof(options[0]),
    };
    if (!la_bench_args_parse(&args, argc, argv))
        return LA_CLI_USAGE;
    struct la_bench_pair_cfg cfg;
    la_bench_pair_cfg_init(&cfg);
    cfg.tcp.mss_bytes_max = (uint16_t)run.mss_bytes;
    cfg.tcp.sndbuf_bytes = cfg.tcp.rcvbuf_bytes = (uint32_t)run.window_bytes;
    cfg.mtu_bytes = (uint32_t)run.mtu_bytes;
    run.no_checksum |= run.tso; /* each piece would need its own */
    cfg.checksum = run.no_checksum == 0;
    cfg.tso = run.tso != 0;
    cfg.ipv6 = run.ipv6 != 0;
    int status = LA_CLI_FAILED;
    if (!buffers_take(&run))
        la_bench_failed("no memory");
    else if (la_bench_pair_init(&run.pair, &cfg)) {
        status = measure(&run);
        la_bench_pair_fini(&run.pair);
    }
    free(run.pattern);
    free(run.room);
    return status;
}
