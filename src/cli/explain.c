/* SPDX-License-Identifier: MIT
 *
 * explain.c - `lastack explain`: captures in, what happened to their connections out
 */
#include "cli/explain.h"

#include <errno.h>
#include <lastack/host.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sane.h"
#include "base/time.h"
#include "capture/captures.h"
#include "cli/cli.h"
#include "cli/conn_filter.h"
#include "cli/explain_graph.h"
#include "cli/plot.h"

enum {
    PROGRESS_PACKETS = 1 << 16,
    LEFT_PACKETS_MAX = 1 << 16,
    IDLES_N = 3,
    IDLE_MS = 200,
    AT_ONCE_N = 32
};
static const int64_t progress_ns = INT64_C(250000000);
/* What views hear. */
static const uint32_t ladder_mask =
    LA_EVENT_BIT(LA_EVENT_SEGMENT_SENT) | LA_EVENT_BIT(LA_EVENT_STATE);

static volatile sig_atomic_t stopped;

struct explanation {
    const struct la_explain_args *args;
    const struct la_explain_view *view;
    struct la_explain_out out;
    struct la_graphs *graphs; /* NULL: none are wanted */
    struct la_captures *captures;
    struct la_explain *explain;
    la_instant begin_at;    /* of the first packet */
    la_instant progress_at; /* when it was shown last */
    bool progress_on, begun;
};

static void
stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static int
complain(const char *what, const char *why)
{
    (void)fprintf(stderr, "lastack explain: %s%s%s\n", what, why[0] == 0 ? "" : ": ", why);
    return LA_CLI_FAILED;
}

/* ---- progress --------------------------------------------------------------------------- */

static void
progress_clear(struct explanation *x)
{
    if (x->progress_on)
        (void)fputs("\r\033[K", stderr);
    x->progress_on = false;
}

static void
progress(struct explanation *x, uint64_t packets_n)
{
    uint64_t done, all;
    char count[LA_EXPLAIN_WORD_BYTES];
    la_instant now = la_host_now();
    if (now.ns - x->progress_at.ns < progress_ns)
        return;
    x->progress_at = now;
    x->progress_on = true;
    la_captures_progress(x->captures, &done, &all);
    if (all > 0)
        (void)fprintf(stderr, "\r%s packets, %u %%\033[K", la_explain_count(packets_n, count),
                      (unsigned)(done * 100 / all));
    else
        (void)fprintf(stderr, "\r%s packets\033[K", la_explain_count(packets_n, count));
    (void)fflush(stderr);
}

/* ---- packets ---------------------------------------------------------------------------- */

static void
hand_out(struct explanation *x)
{
    struct la_explain_conn conn;
    while (la_explain_next(x->explain, &conn)) {
        if (x->graphs != NULL)
            la_graphs_conn(x->graphs, &conn);
        if (x->args->conn != UINT64_MAX && conn.id != x->args->conn)
            continue;
        if (x->args->filter != NULL && !la_conn_filter_holds(x->args->filter, &conn, x->begin_at))
            continue;
        if (x->view->conn != NULL)
            x->view->conn(&x->out, &conn);
    }
}

static bool
is_in_range(struct explanation *x, la_instant at)
{
    if (!x->begun)
        x->begin_at = la_instant_sane(at);
    x->begun = true;
    const struct la_explain_args *args = x->args;
    int64_t from = args->from_relative ? x->begin_at.ns + args->from.ns : args->from.ns;
    int64_t to = args->to_relative ? x->begin_at.ns + args->to.ns : args->to.ns;
    return (la_instant_is_never(args->from) || at.ns >= from) &&
           (la_instant_is_never(args->to) || at.ns <= to);
}

/* Those that are asked for, as the analyser takes them. Returns how many. */
static size_t
choose(struct explanation *x, const struct la_capture_packet *packets, size_t n, uint64_t before_n,
       struct la_explain_packet *out)
{
    bool one_file = la_captures_n(x->captures) == 1;
    size_t chosen_n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct la_capture_packet *packet = &packets[i];
        if (!is_in_range(x, packet->at))
            continue;
        if (x->graphs != NULL)
            la_graphs_packet(x->graphs, la_instant_sane(packet->at), packet->wire_bytes);
        out[chosen_n++] = (struct la_explain_packet){
            .bytes = {packet->data, packet->cap_bytes},
            .wire_bytes = packet->wire_bytes,
            .link_type = packet->link_type,
            .iface = packet->file_idx << 16 | (packet->iface_idx & 0xffff),
            .frame = one_file ? packet->frame_n : before_n + i + 1,
            .at = packet->at,
        };
    }
    return chosen_n;
}

static void
analyse(struct explanation *x, const struct la_explain_packet *packets, size_t n)
{
    for (size_t i = 0; i < n;) {
        i += la_explain_packets(x->explain, packets + i, n - i);
        hand_out(x);
    }
}

static void
read_all(struct explanation *x)
{
    struct la_capture_packet read[AT_ONCE_N];
    struct la_explain_packet chosen[AT_ONCE_N];
    uint64_t packets_n = 0, shown_n = 0;
    bool show = !x->args->quiet && isatty(STDERR_FILENO);
    /* What an interface has captured when it is stopped is told, too. Nothing is at hand: the first
     * time that may have been the signal, the second time the wait until the kernel handed over. */
    unsigned idle_n = 0;
    size_t left_n = x->args->ifaces_n > 0 ? LEFT_PACKETS_MAX : 0;
    while (stopped == 0 || (left_n > 0 && idle_n < IDLES_N)) {
        size_t n;
        enum la_capture_next next = la_captures_some(x->captures, read, AT_ONCE_N, &n);
        if (next == LA_CAPTURE_END)
            break;
        if (next == LA_CAPTURE_IDLE) {
            idle_n += stopped != 0;
            hand_out(x);
            (void)fflush(x->out.file);
            continue;
        }
        analyse(x, chosen, choose(x, read, n, packets_n, chosen));
        packets_n += n;
        if (stopped != 0)
            left_n -= n < left_n ? n : left_n;
        if (show && packets_n - shown_n >= PROGRESS_PACKETS) {
            shown_n = packets_n;
            progress(x, packets_n);
        }
    }
    la_explain_finish(x->explain);
    hand_out(x);
    progress_clear(x);
}

static void
hear(void *ctx, const struct la_event *event)
{
    struct explanation *x = ctx;
    bool chosen = x->args->conn == UINT64_MAX || event->conn == x->args->conn + 1;
    if (x->graphs != NULL)
        la_graphs_event(x->graphs, event);
    if (x->view->event != NULL && chosen && (ladder_mask & LA_EVENT_BIT(event->kind)) != 0)
        x->view->event(&x->out, event);
}

static struct la_trace
trace_of(struct explanation *x)
{
    static const uint32_t graphs_mask = LA_EVENT_BIT(LA_EVENT_SEGMENT_SENT) |
                                        LA_EVENT_BIT(LA_EVENT_RTT) |
                                        LA_EVENT_BIT(LA_EVENT_CONGESTION);
    uint32_t mask =
        (x->view->event != NULL ? ladder_mask : 0) | (x->graphs != NULL ? graphs_mask : 0);
    return mask == 0 ? (struct la_trace){NULL, NULL, 0} : (struct la_trace){hear, x, mask};
}

/* ---- captures --------------------------------------------------------------------------- */

static bool
open_captures(struct explanation *x)
{
    char error[LA_CAPTURE_LINE_BYTES];
    const struct la_explain_args *args = x->args;
    struct la_captures_options options = {
        .filter = args->packets,
        .follow = args->follow,
        .wait_ms = IDLE_MS,
    };
    size_t opened_n = 0;
    x->captures = la_captures_new(&options, error);
    if (x->captures == NULL) {
        (void)complain("the packet filter", error);
        return false;
    }
    for (size_t i = 0; i < args->files_n; i++) {
        if (la_captures_add_file(x->captures, args->files[i], error))
            opened_n++;
        else
            (void)complain(args->files[i], error);
    }
    for (size_t i = 0; i < args->ifaces_n; i++) {
        if (la_captures_add_iface(x->captures, args->ifaces[i], error))
            opened_n++;
        else
            (void)complain(args->ifaces[i], error);
    }
    return opened_n == args->files_n + args->ifaces_n;
}

/* One line for each kind of damage. True: there was some. */
static bool
say_damage(struct explanation *x)
{
    bool damaged = false;
    for (uint32_t i = 0; i < la_captures_n(x->captures); i++) {
        const struct la_capture_note *notes;
        size_t n = la_captures_notes(x->captures, i, &notes);
        for (size_t k = 0; k < n; k++) {
            damaged |= notes[k].is_damage;
            (void)complain(la_captures_name(x->captures, i), notes[k].text);
        }
    }
    return damaged;
}

static int
explain_them(struct explanation *x, struct la_mem *mem)
{
    struct la_explain_cfg cfg;
    la_explain_cfg_init(&cfg);
    cfg.throughput = x->view->wants_throughput || x->graphs != NULL;
    cfg.no_transitions = !x->view->transitions;
    cfg.trace = trace_of(x);
    if (la_explain_new(&cfg, mem, &x->explain) != LA_OK ||
        (x->view->begin != NULL && !x->view->begin(&x->out)))
        return complain("out of memory", "");
    struct la_explain_file file;
    x->out.explain = x->explain;
    read_all(x);
    la_explain_file_get(x->explain, &file);
    bool damaged = say_damage(x);
    if (x->view->end != NULL)
        x->view->end(&x->out, &file, x->captures);
    if (x->out.failed)
        return complain("out of memory: not everything is shown", "");
    if (x->graphs != NULL && !la_graphs_draw(x->graphs, x->out.file))
        return LA_CLI_FAILED;
    if (fflush(x->out.file) != 0 || ferror(x->out.file) != 0)
        return complain("standard output cannot be written", strerror(errno));
    return damaged ? LA_EXPLAIN_STATUS_DAMAGED : LA_CLI_OK;
}

/* What is drawn, if anything is. False: it was said why not. */
static bool
open_graphs(struct explanation *x)
{
    char error[LA_PLOT_ERROR_BYTES];
    const char *dir = x->args->plot_dir;
    if (x->args->graphs == 0 && dir == NULL)
        return true;
    if (dir != NULL && !la_plot_dir(dir, error)) {
        (void)complain(error, "");
        return false;
    }
    x->graphs = la_graphs_new(x->args);
    if (x->graphs == NULL)
        (void)complain("out of memory", "");
    return x->graphs != NULL;
}

static void
catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

int
la_cli_explain(int argc, char **argv)
{
    struct la_explain_args args;
    int status = LA_CLI_OK;
    if (!la_explain_args_parse(&args, argc, argv, &status)) {
        la_explain_args_free(&args);
        return status;
    }
    struct explanation x = {
        .args = &args, .view = args.view, .out = {.args = &args, .file = stdout}};
    struct la_mem *mem = la_mem_new(la_host_alloc(), args.memory_bytes);
    catch_signals();
    if (mem == NULL)
        status = complain("out of memory", "");
    else
        status = open_graphs(&x) && open_captures(&x) ? explain_them(&x, mem) : LA_CLI_FAILED;
    la_explain_free(x.explain);
    la_graphs_free(x.graphs);
    if (x.captures != NULL)
        la_captures_free(x.captures);
    if (mem != NULL)
        la_mem_unref(mem);
    la_explain_args_free(&args);
    return status;
}
