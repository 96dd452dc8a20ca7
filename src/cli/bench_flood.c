/* SPDX-License-Identifier: MIT
 *
 * bench_flood.c - `lastack bench half-open` and `lastack bench flood`: SYNs that nobody follows up
 *
 * A listener gets SYNs from made-up addresses, with the options of today's systems, straight into
 * la_stack_input(): no wire, no client. half-open weighs what is remembered of each. flood times
 * what each costs, the answer's way out included, while LEGITIMATE_N connections are opened by the
 * other stack of the pair, one after another, each with bursts of the flood between its segments.
 */
#include "cli/bench.h"

#include <stdio.h>
#include <time.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "cli/cli.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

enum { PORT = 80, BURST_N = 64, SYN_BYTES_MAX = 80, TURN_NS = 20000, LEGITIMATE_N = 1000 };
enum { PORTS_N = 65535, HOSTS_N = 250, HALVES_MAX = 16000000, FLOOD_MAX = 1 << 30 };
/* The first SYN,ACK that goes again, after a second, takes a block of counters for 64. */
enum { GROWN_BYTES_MAX = 4096 };

struct flood {
    struct la_bench_pair pair;
    la_handle listener;
    uint64_t sent_n, answered_n;
    double stack_s; /* CPU time inside the stack */
};

static double
cpu_s(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* ---- SYNs ------------------------------------------------------------------------------- */

/* RFC 9293 3.1: over the pseudo-header too. */
static void
put_checksum(uint8_t *ip, size_t ip_bytes, size_t tcp_bytes)
{
    uint32_t sum = 6 + (uint32_t)tcp_bytes + la_sum_portable(ip + 12, 8);
    sum = la_sum_combine(sum, la_sum_portable(ip + ip_bytes, tcp_bytes), 0);
    la_put16(ip + ip_bytes + 16, (uint16_t)~la_sum_fold(sum));
}

/* The n-th, of 16 million. Its address is of the pair's network, so that the answer has a way out;
 * nobody has it. Returns its octets. */
static size_t
put_syn(uint64_t n, uint8_t out[SYN_BYTES_MAX])
{
    struct la_tcp_seg syn = {
        .seq = la_seq_of((uint32_t)n * UINT32_C(2654435761)),
        .flags = LA_TCP_SYN,
        .src_port = (uint16_t)(1 + n % PORTS_N),
        .dst_port = PORT,
        .wnd = 64240,
        .has =
            LA_TCP_HAS_MSS | LA_TCP_HAS_WSCALE | LA_TCP_HAS_SACK_PERMITTED | LA_TCP_HAS_TIMESTAMPS,
        .mss = 1460,
        .wscale = 7,
        .ts_val = (uint32_t)n,
    };
    size_t tcp_bytes = la_tcp_seg_header_bytes(&syn);
    struct la_ip4 ip = {
        .src = la_addr_v4(10, 0, 0, (uint8_t)(3 + n / PORTS_N % HOSTS_N)),
        .dst = la_addr_v4(10, 0, 0, 2),
        .total_bytes = (uint16_t)(LA_IP4_HEADER_BYTES + tcp_bytes),
        .ttl_hops = 64,
        .protocol = 6,
    };
    size_t ip_bytes = la_ip4_emit(&ip, (struct la_room){out, SYN_BYTES_MAX});
    (void)la_tcp_seg_emit(&syn, (struct la_room){out + ip_bytes, tcp_bytes});
    put_checksum(out, ip_bytes, tcp_bytes);
    return ip_bytes + tcp_bytes;
}

/* What the server has to send goes nowhere; returns how many frames that were. */
static size_t
drain(struct la_bench_pair *pair)
{
    struct la_frame *frames[BURST_N];
    size_t all_n = 0, n;
    do {
        n = la_stack_output(pair->server, 0, frames, BURST_N, pair->now);
        for (size_t i = 0; i < n; i++)
            la_frame_free(frames[i]);
        all_n += n;
    } while (n == BURST_N);
    return all_n;
}

/* Up to BURST_N SYNs, their answers, and the timers that are due. False: no memory. */
static bool
burst(struct flood *f, uint64_t until)
{
    struct la_frame *frames[BURST_N];
    uint8_t octets[SYN_BYTES_MAX];
    uint64_t left_n = until - f->sent_n;
    size_t n = left_n < BURST_N ? (size_t)left_n : BURST_N;
    for (size_t i = 0; i < n; i++) {
        struct la_bytes bytes = {octets, put_syn(f->sent_n + i, octets)};
        frames[i] = la_frame_from_bytes(f->pair.mem, bytes);
        if (frames[i] == NULL)
            return false;
    }
    double from_s = cpu_s();
    la_stack_input(f->pair.server, 0, frames, n, f->pair.now);
    f->answered_n += drain(&f->pair);
    la_stack_run(f->pair.server, f->pair.now, BURST_N);
    (void)drain(&f->pair); /* SYN,ACKs again */
    f->stack_s += cpu_s() - from_s;
    f->sent_n += n;
    f->pair.now.ns += TURN_NS;
    return true;
}

static bool
flood_until(struct flood *f, uint64_t until)
{
    while (f->sent_n < until)
        if (!burst(f, until))
            return false;
    return true;
}

static uint64_t
used_bytes(const struct flood *f)
{
    struct la_mem_stats stats;
    la_mem_trim(f->pair.mem);
    la_mem_stats_get(f->pair.mem, &stats);
    return stats.used_bytes;
}

static bool
flood_init(struct flood *f, uint64_t syn_queue_n)
{
    struct la_bench_pair_cfg cfg;
    la_bench_pair_cfg_init(&cfg);
    *f = (struct flood){0};
    cfg.syn_queue_n_max = (uint32_t)syn_queue_n;
    cfg.conns_n_max = (uint32_t)syn_queue_n + 2 * LEGITIMATE_N;
    if (!la_bench_pair_init(&f->pair, &cfg))
        return false;
    if (la_bench_listen(&f->pair, PORT, &f->listener))
        return true;
    la_bench_failed("the listener could not be opened");
    la_bench_pair_fini(&f->pair);
    return false;
}

/* ---- half-open -------------------------------------------------------------------------- */

static int
weigh(struct flood *f, uint64_t n, bool json)
{
    uint64_t from = used_bytes(f);
    if (!flood_until(f, n))
        return la_bench_failed("no memory");
    uint32_t states[LA_TCP_STATE_COUNT];
    la_stack_state_counts(f->pair.server, states);
    if (states[LA_TCP_SYN_RECEIVED] != n)
        return la_bench_failed("not all of them are half-open");
    double bytes = (double)(used_bytes(f) - from);
    const struct la_bench_result results[] = {
        {"half_open", "half-open connections", (double)n, 0},
        {"bytes_each", "octets each, as the stack counts them, index and timer included",
         bytes / (double)n, 1},
    };
    struct la_bench_report report = {.noun = "half-open"};
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        la_bench_report_add(&report, results[i]);
    la_bench_report_print(&report, json);
    return LA_CLI_OK;
}

int
la_bench_half_open(int argc, char **argv)
{
    uint64_t n = 0, json = 0;
    const struct la_bench_option options[] = {{"json", true, 0, 0, &json}};
    const struct la_bench_args args = {
        .noun = "half-open",
        .operand = {"N", false, 1, HALVES_MAX, &n},
        .options = options,
        .options_n = 1,
    };
    struct flood f;
    if (!la_bench_args_parse(&args, argc, argv))
        return LA_CLI_USAGE;
    if (!flood_init(&f, n))
        return LA_CLI_FAILED;
    int status = weigh(&f, n, json != 0);
    la_bench_pair_fini(&f.pair);
    return status;
}

/* ---- flood ------------------------------------------------------------------------------ */

static void
carry(struct la_stack *from, struct la_stack *to, la_instant now)
{
    struct la_frame *frames[BURST_N];
    size_t n = la_stack_output(from, 0, frames, BURST_N, now);
    la_stack_input(to, 0, frames, n, now);
}

/* One connection of the client, with the flood up to `until` between SYN,ACK and ACK. */
static bool
connects(struct flood *f, uint64_t until, bool *done)
{
    struct la_bench_pair *pair = &f->pair;
    struct la_endpoint any = {{{0}}, 0}, to = la_bench_server(pair, PORT);
    la_handle client, server = 0;
    *done = false;
    if (la_conn_open(pair->client, &any, &to, NULL, &client, pair->now) != LA_OK)
        return false;
    carry(pair->client, pair->server, pair->now);
    carry(pair->server, pair->client, pair->now);
    if (!flood_until(f, until))
        return false;
    carry(pair->client, pair->server, pair->now);
    struct la_conn_status status;
    *done = la_listener_accept(pair->server, f->listener, &server, pair->now) == LA_OK &&
            la_conn_status(pair->client, client, &status) == LA_OK &&
            status.state == LA_TCP_ESTABLISHED;
    if (server != 0)
        (void)la_conn_abort(pair->server, server, pair->now);
    carry(pair->server, pair->client, pair->now);
    (void)la_conn_release(pair->client, client, pair->now);
    la_bench_drain_events(pair);
    return true;
}

static int
flood_report(const struct flood *f, uint64_t connects_n, int64_t grown_bytes, bool json)
{
    struct la_listener_status status;
    if (la_listener_status(f->pair.server, f->listener, &status) != LA_OK)
        return la_bench_failed("the listener is gone");
    double syns = (double)f->sent_n;
    const struct la_bench_result results[] = {
        {"syns", "SYNs of the flood", syns, 0},
        {"syns_per_s", "SYNs per CPU second, answers made", syns / f->stack_s, 0},
        {"ns_per_syn", "ns of CPU per SYN", f->stack_s * 1e9 / syns, 1},
        {"answers", "SYN,ACKs to them", (double)f->answered_n, 0},
        {"cookies", "SYN cookies given out", (double)status.cookies_sent_n, 0},
        {"half_open", "half-open connections at the end", status.syn_queue_n, 0},
        {"connects", "legitimate connections that succeeded", (double)connects_n, 0},
        {"connects_tried", "of so many", LEGITIMATE_N, 0},
        {"grown_bytes", "octets of memory more than after the first tenth", (double)grown_bytes, 0},
    };
    struct la_bench_report report = {.noun = "flood"};
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        la_bench_report_add(&report, results[i]);
    la_bench_report_print(&report, json);
    if (connects_n != LEGITIMATE_N || grown_bytes > GROWN_BYTES_MAX)
        return la_bench_failed("a connection failed, or memory grew");
    return LA_CLI_OK;
}

static int
flood(struct flood *f, uint64_t n, bool json)
{
    uint64_t connects_n = 0, after_first = 0;
    for (uint64_t i = 0; i < LEGITIMATE_N; i++) {
        bool done;
        if (!connects(f, n * (i + 1) / LEGITIMATE_N, &done))
            return la_bench_failed("no memory");
        connects_n += done;
        if (i == LEGITIMATE_N / 10)
            after_first = used_bytes(f);
    }
    int64_t grown_bytes = (int64_t)(used_bytes(f) - after_first);
    return flood_report(f, connects_n, grown_bytes > 0 ? grown_bytes : 0, json);
}

int
la_bench_flood(int argc, char **argv)
{
    uint64_t n = 0, syn_queue_n = 1024, json = 0;
    const struct la_bench_option options[] = {{"syn-queue", false, 0, 1 << 20, &syn_queue_n},
                                              {"json", true, 0, 0, &json}};
    const struct la_bench_args args = {
        .noun = "flood",
        .operand = {"N", false, LEGITIMATE_N, FLOOD_MAX, &n},
        .options = options,
        .options_n = 2,
    };
    struct flood f;
    if (!la_bench_args_parse(&args, argc, argv))
        return LA_CLI_USAGE;
    if (!flood_init(&f, syn_queue_n))
        return LA_CLI_FAILED;
    int status = flood(&f, n, json != 0);
    la_bench_pair_fini(&f.pair);
    return status;
}
