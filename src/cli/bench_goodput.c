/* SPDX-License-Identifier: MIT
 *
 * bench_goodput.c - `lastack bench goodput`: what connections move over a path, in virtual time
 *
 * Senders at one end of a wire with the faults of the network options, one sink at the other. Each
 * connection starts at 0 and always has something to send. What counts is what was acknowledged.
 */
#include "cli/bench.h"
#include "cli/bench_serve.h"
#include "cli/cli.h"
#include "cli/netopt.h"
#include "cli/number.h"
#include "cli/option.h"

#include <inttypes.h>
#include <lastack/host.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SINK_PORT = 5001, WINDOW_BYTES = 8 << 20, CHUNK_BYTES = 65536, CONNS_MAX = 16 };
enum { STEP_NS_MIN = 1000 };

struct sender {
    const char *congestion_control;
    la_handle conn;
    uint64_t acked_bytes; /* at the last line of --every */
};

struct run {
    struct la_netopt net;
    struct la_bench_pair pair;
    struct la_bench_pair_cfg cfg;
    struct sender senders[CONNS_MAX];
    unsigned senders_n;
    double seconds;
    int64_t every_ns; /* 0: no lines under way */
    bool json;
};

static uint8_t chunk[CHUNK_BYTES];

/* ---- arguments -------------------------------------------------------------------------- */

static bool
complain(const char *what, const char *word)
{
    (void)la_cli_usage("bench goodput", what, word);
    return false;
}

static bool
switch_take(struct run *run, const char *name)
{
    struct la_tcp_cfg *tcp = &run->cfg.tcp;
    const struct {
        const char *name;
        bool *flag;
        bool value;
    } switches[] = {
        {"no-timestamps", &tcp->timestamps, false},
        {"no-sack", &tcp->sack, false},
        {"no-rack", &tcp->rack, false},
        {"json", &run->json, true},
    };
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        if (strcmp(name, switches[i].name) == 0) {
            *switches[i].flag = switches[i].value;
            return true;
        }
    }
    return false;
}

static bool
sender_add(struct run *run, const char *congestion_control)
{
    if (run->senders_n == CONNS_MAX)
        return complain("too many connections at ", congestion_control);
    if (strlen(congestion_control) >= sizeof(run->cfg.tcp.congestion_control))
        return complain("there is no congestion control ", congestion_control);
    run->senders[run->senders_n++].congestion_control = congestion_control;
    return true;
}

/* name: without dashes. */
static bool
option_take(struct run *run, const char *name, const char *value)
{
    char error[LA_NETOPT_ERROR_BYTES];
    uint64_t n;
    bool cc = strcmp(name, "cc") == 0, every = strcmp(name, "every") == 0,
         window = strcmp(name, "window") == 0;
    if (value == NULL && (cc || every || window))
        return complain("a value is missing behind --", name);
    if (cc)
        return sender_add(run, value);
    if (every)
        return (la_netopt_duration(value, &run->every_ns) && run->every_ns > 0) ||
               complain("--every needs a time such as 100ms, not ", value);
    if (window) {
        if (!la_number_parse(value, 4096, 1 << 30, &n))
            return complain("--window must be a number of octets from 4096 to 1073741824, not ",
                            value);
        run->cfg.tcp.sndbuf_bytes = run->cfg.tcp.rcvbuf_bytes = (uint32_t)n;
        return true;
    }
    switch (la_netopt_take(&run->net, name, value, error)) {
    case LA_NETOPT_OK:
        return true;
    case LA_NETOPT_BAD:
        return complain(error, NULL);
    case LA_NETOPT_OTHER:
        break;
    }
    return complain("no option --", name);
}

static bool
seconds_take(struct run *run, const char *word)
{
    char *end;
    if (run->seconds != 0)
        return complain("one number is enough, there is also ", word);
    run->seconds = strtod(word, &end);
    if (end == word || *end != '\0' || !(run->seconds > 0 && run->seconds <= 100000))
        return complain("SECONDS must be a number above 0, at most 100000, not ", word);
    return true;
}

static bool
parse(struct run *run, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct la_option option;
        if (!la_option_split(argv, i, &option)) {
            if (!seconds_take(run, argv[i]))
                return false;
        } else if (option.joined || !switch_take(run, option.name)) {
            if (!option_take(run, option.name, option.value))
                return false;
            i += !option.joined;
        }
    }
    if (run->seconds == 0)
        return complain("a number is missing: SECONDS", NULL);
    const struct la_impair *up = &run->net.impair[0], *down = &run->net.impair[1];
    if (up->delay_ns == 0 && up->rate_bps == 0 && down->delay_ns == 0)
        return complain("a path takes time: give it a --rate or a --delay", NULL);
    return run->senders_n > 0 || sender_add(run, run->cfg.tcp.congestion_control);
}

/* ---- moving octets ---------------------------------------------------------------------- */

/* NULL, or what is wrong. */
static const char *
open_all(struct run *run)
{
    struct la_endpoint any = {{{0}}, 0}, to = la_bench_server(&run->pair, SINK_PORT);
    if (la_bench_serve_open(run->pair.server, &to.addr, run->pair.now) != LA_OK)
        return "no sink could be opened";
    for (unsigned i = 0; i < run->senders_n; i++) {
        struct sender *s = &run->senders[i];
        struct la_tcp_cfg tcp = run->cfg.tcp;
        memset(tcp.congestion_control, 0, sizeof(tcp.congestion_control));
        memcpy(tcp.congestion_control, s->congestion_control, strlen(s->congestion_control));
        la_err err = la_conn_open(run->pair.client, &any, &to, &tcp, &s->conn, run->pair.now);
        if (err == LA_ERR_BAD_ARGUMENT)
            return "there is no such congestion control";
        if (err != LA_OK)
            return la_strerror(err);
    }
    return NULL;
}

/* Fills the buffers of senders that have room. */
static void
send_some(struct run *run)
{
    struct la_stack_event ev;
    while (la_stack_next_event(run->pair.client, &ev)) {
        if (ev.kind != LA_STACK_EV_CONN)
            continue;
        while (la_conn_send(run->pair.client, ev.handle, (struct la_bytes){chunk, CHUNK_BYTES},
                            false, run->pair.now) > 0)
            continue;
    }
}

static void
say(struct run *run, int64_t ns)
{
    for (unsigned i = 0; i < run->senders_n; i++) {
        struct sender *s = &run->senders[i];
        struct la_conn_status status;
        if (la_conn_status(run->pair.client, s->conn, &status) != LA_OK)
            continue;
        printf("%10.3f s  %u %-6s %8.2f Mbit/s  cwnd %8" PRIu32 "  ssthresh %8" PRId64
               "  srtt %6.1f ms  again %6" PRIu32 "  %s\n",
               (double)run->pair.now.ns / 1e9, i, s->congestion_control,
               (double)(status.bytes_acked - s->acked_bytes) * 8e3 / (double)ns, status.cwnd_bytes,
               status.ssthresh_bytes == UINT32_MAX ? INT64_C(-1) : (int64_t)status.ssthresh_bytes,
               status.srtt_us / 1e3, status.retransmissions_n,
               la_cc_phase_name((enum la_cc_phase)status.phase));
        s->acked_bytes = status.bytes_acked;
    }
}

static void
move(struct run *run)
{
    struct la_bench_pair *pair = &run->pair;
    int64_t end_ns = pair->now.ns + (int64_t)(run->seconds * 1e9);
    int64_t say_ns = run->every_ns > 0 ? pair->now.ns + run->every_ns : INT64_MAX;
    for (;;) {
        la_wire_pump(pair->wire, pair->client, pair->server, pair->now);
        send_some(run);
        la_bench_serve(pair->server, pair->now);
        la_instant next = la_wire_next(pair->wire, pair->client, pair->server);
        while (say_ns <= end_ns && next.ns > say_ns) {
            pair->now.ns = say_ns;
            say(run, run->every_ns);
            say_ns += run->every_ns;
        }
        if (next.ns < pair->now.ns + STEP_NS_MIN) /* a perfect wire takes no time */
            next.ns = pair->now.ns + STEP_NS_MIN;
        if (next.ns > end_ns)
            return;
        pair->now = next;
    }
}

/* ---- results ---------------------------------------------------------------------------- */

/* R. Jain's index of fairness: 1 when all have the same, 1 / n when one has everything. */
static double
jain(const double *x, unsigned n)
{
    double sum = 0, squares = 0;
    for (unsigned i = 0; i < n; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    return squares > 0 ? sum * sum / (n * squares) : 0;
}

static int
report(const struct run *run)
{
    double mbit[CONNS_MAX], sum = 0;
    uint32_t again_n = 0, rto_n = 0, sent_n = 0;
    struct la_wire_stats wire;
    la_wire_stats_get(run->pair.wire, 0, &wire);
    for (unsigned i = 0; i < run->senders_n; i++) {
        struct la_conn_status status;
        if (la_conn_status(run->pair.client, run->senders[i].conn, &status) != LA_OK)
            return la_bench_failed("a connection is gone");
        mbit[i] = (double)status.bytes_acked * 8 / run->seconds / 1e6;
        sum += mbit[i];
        again_n += status.retransmissions_n;
        rto_n += status.rto_n;
        sent_n += status.segments_sent;
    }
    struct la_bench_report out = {.noun = "goodput"};
    const struct la_bench_result results[] = {
        {"mbit_per_s", "Mbit/s acknowledged, all connections", sum, 2},
        {"jain", run->senders_n > 1 ? "Jain's index of fairness" : NULL, jain(mbit, run->senders_n),
         4},
        {"segments", "segments sent", sent_n, 0},
        {"segments_again", "segments sent again", again_n, 0},
        {"timeouts", "retransmission timeouts", rto_n, 0},
        {"lost", "packets lost on the path", (double)(wire.lost_n + wire.burst_lost_n), 0},
        {"queue_dropped", "packets dropped by the full queue", (double)wire.queue_dropped_n, 0},
        {"reordered", "packets held back", (double)wire.reordered_n, 0},
        {"seconds", NULL, run->seconds, 3},
    };
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        la_bench_report_add(&out, results[i]);
    static const char *const keys[] = {"mbit_0", "mbit_1", "mbit_2", "mbit_3"};
    for (unsigned i = 0; i < run->senders_n && i < sizeof(keys) / sizeof(keys[0]); i++)
        la_bench_report_add(&out, (struct la_bench_result){
                                      keys[i], run->senders[i].congestion_control, mbit[i], 2});
    la_bench_report_print(&out, run->json);
    return LA_CLI_OK;
}

int
la_bench_goodput(int argc, char **argv)
{
    struct run run = {0};
    int status = LA_CLI_FAILED;
    la_netopt_init(&run.net);
    la_bench_pair_cfg_init(&run.cfg);
    run.cfg.tcp.sndbuf_bytes = run.cfg.tcp.rcvbuf_bytes = WINDOW_BYTES;
    if (!parse(&run, argc, argv))
        return LA_CLI_USAGE;
    run.cfg.mtu_bytes = run.net.mtu_bytes;
    run.cfg.seed = run.net.seed;
    run.cfg.impair[0] = run.net.impair[0];
    run.cfg.impair[1] = run.net.impair[1];
    if (!la_bench_pair_init(&run.pair, &run.cfg))
        return LA_CLI_FAILED;
    const char *wrong = open_all(&run);
    if (wrong == NULL) {
        move(&run);
        status = report(&run);
    } else {
        (void)la_bench_failed(wrong);
    }
    la_bench_pair_fini(&run.pair);
    return status;
}
