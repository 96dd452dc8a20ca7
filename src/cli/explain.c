/* SPDX-License-Identifier: MIT
 *
 * explain.c - `lastack explain`: captures in, what happened to their connections out
 */
#include "cli/explain.h"

#include <errno.h>
#include <lastack/host.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sane.h"
#include "base/time.h"
#include "capture/captures.h"
#include "cli/cli.h"
#include "cli/conn_filter.h"
#include "cli/explain_graph.h"
#include "cli/explain_jobs.h"
#include "cli/plot.h"

enum {
    PROGRESS_PACKETS = 1 << 16,
    LEFT_PACKETS_MAX = 1 << 16,
    IDLES_N = 3,
    IDLE_MS = 200,
    AT_ONCE_N = 64
};
static const int64_t progress_ns = INT64_C(250000000);
/* What views hear. */
static const uint32_t ladder_mask =
    LA_EVENT_BIT(LA_EVENT_SEGMENT_SENT) | LA_EVENT_BIT(LA_EVENT_STATE);

/* Whichever thread reads looks at it. */
static atomic_bool stopped;

/* What a view makes of the connections of one part. */
struct share {
    const struct la_explain_view *view;
    void *of_view;
};

struct explanation {
    const struct la_explain_args *args;
    const struct la_explain_view *view;
    struct la_explain_out out;
    struct la_graphs *graphs; /* NULL: none are wanted */
    struct la_captures *captures;
    struct la_explain_jobs *jobs;
    unsigned parts_n;
    struct share shares[LA_PARTS_MAX]; /* see shares_n() */
    void *contexts[LA_PARTS_MAX];
    la_instant begin_at;    /* of the first packet */
    la_instant progress_at; /* when it was shown last */
    bool progress_on, begun;
    /* What was read so far. What an interface has captured when it is stopped is told, too. Nothing
     * is at hand: the first time that may have been the signal, the second time the wait until the
     * kernel handed over. */
    uint64_t packets_n, shown_n;
    size_t left_n; /* packets, once it is stopped */
    unsigned idle_n;
    bool shows;
};

/* Which connections the view is told of is not its own choice alone. */
static bool
is_filtered(const struct explanation *x)
{
    return x->args->conn != UINT64_MAX || x->args->filter != NULL || x->graphs != NULL;
}

static void
stop(int signal)
{
    (void)signal;
    atomic_store(&stopped, true);
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

/* A view's share for each part; with a filter, which may ask for what is known only when all shares
 * are put together, one for them all. */
static unsigned
shares_n(const struct explanation *x)
{
    return x->view->share_new == NULL ? 0 : is_filtered(x) ? 1 : x->parts_n;
}

static bool
wants(void *ctx, const struct la_explain_conn *conn)
{
    const struct share *share = ctx;
    return share->view->share_conn(share->of_view, conn);
}

static void
tell(void *ctx, const struct la_explain_conn *conn)
{
    struct explanation *x = ctx;
    if (x->graphs != NULL)
        la_graphs_conn(x->graphs, conn);
    if (x->args->conn != UINT64_MAX && conn->id != x->args->conn)
        return;
    if (x->args->filter != NULL && !la_conn_filter_holds(x->args->filter, conn, x->begin_at))
        return;
    if (is_filtered(x) && x->view->share_new != NULL && !wants(&x->shares[0], conn))
        return;
    if (x->view->conn != NULL)
        x->view->conn(&x->out, conn);
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

static bool
is_chosen(struct explanation *x, const struct la_capture_packet *packet)
{
    if (!is_in_range(x, packet->at))
        return false;
    if (x->graphs != NULL)
        la_graphs_packet(x->graphs, la_instant_sane(packet->at), packet->wire_bytes);
    return true;
}

static inline struct la_explain_packet
as_analysed(const struct la_capture_packet *packet, uint64_t frame)
{
    return (struct la_explain_packet){
        .bytes = {packet->data, packet->cap_bytes},
        .wire_bytes = packet->wire_bytes,
        .link_type = packet->link_type,
        .iface = packet->file_idx << 16 | (packet->iface_idx & 0xffff),
        .frame = frame,
        .at = packet->at,
    };
}

/* Those that are asked for, as the analyser takes them. Returns how many. */
static size_t
choose(struct explanation *x, const struct la_capture_packet *packets, size_t n, uint64_t before_n,
       struct la_explain_packet *out)
{
    bool one_file = la_captures_n(x->captures) == 1;
    bool all = x->begun && x->graphs == NULL && la_instant_is_never(x->args->from) &&
               la_instant_is_never(x->args->to);
    size_t chosen_n = 0;
    if (all && one_file) {
        for (size_t i = 0; i < n; i++)
            out[i] = as_analysed(&packets[i], packets[i].frame_n);
        return n;
    }
    for (size_t i = 0; i < n; i++)
        if (all || is_chosen(x, &packets[i]))
            out[chosen_n++] =
                as_analysed(&packets[i], one_file ? packets[i].frame_n : before_n + i + 1);
    return chosen_n;
}

/* Nobody wants more: it was stopped, and what was left was read; or nobody would read it. */
static bool
is_enough(const struct explanation *x)
{
    bool more = !atomic_load(&stopped) || (x->left_n > 0 && x->idle_n < IDLES_N);
    return !more || ferror(x->out.file);
}

static void
count_read(struct explanation *x, size_t n)
{
    x->packets_n += n;
    if (atomic_load(&stopped))
        x->left_n -= n < x->left_n ? n : x->left_n;
    if (!x->shows || x->packets_n - x->shown_n < PROGRESS_PACKETS)
        return;
    x->shown_n = x->packets_n;
    progress(x, x->packets_n);
}

static size_t
read_some(void *ctx, struct la_explain_packet *room, size_t max)
{
    struct explanation *x = ctx;
    struct la_capture_packet read[AT_ONCE_N];
    size_t n, chosen_n = 0;
    while (chosen_n == 0 && !is_enough(x)) {
        enum la_capture_next next =
            la_captures_some(x->captures, read, max < AT_ONCE_N ? max : AT_ONCE_N, &n);
        if (next == LA_CAPTURE_END)
            break;
        if (next == LA_CAPTURE_IDLE) {
            x->idle_n += atomic_load(&stopped);
            (void)fflush(x->out.file);
            continue;
        }
        chosen_n = choose(x, read, n, x->packets_n, room);
        count_read(x, n);
    }
    return chosen_n;
}

static void
read_all(struct explanation *x)
{
    x->shows = !x->args->quiet && isatty(STDERR_FILENO);
    x->left_n = x->args->ifaces_n > 0 ? LEFT_PACKETS_MAX : 0;
    la_explain_jobs_run(x->jobs);
    for (unsigned i = 0; i < shares_n(x); i++)
        x->view->share_end(&x->out, x->shares[i].of_view);
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

/* LA_CLI_OK, or what the program returns. */
static int
open_captures(struct explanation *x)
{
    bool is_mistaken;
    char error[LA_CAPTURE_LINE_BYTES];
    const struct la_explain_args *args = x->args;
    struct la_captures_options options = {
        .filter = args->packets,
        .follow = args->follow,
        .wait_ms = IDLE_MS,
    };
    size_t opened_n = 0;
    x->captures = la_captures_new(&options, &is_mistaken, error);
    if (x->captures == NULL) {
        (void)complain(error, "");
        return is_mistaken ? LA_CLI_USAGE : LA_CLI_FAILED;
    }
    for (size_t i = 0; i < args->files_n; i++) {
        if (la_captures_add_file(x->captures, args->files[i], error))
            opened_n++;
        else
            (void)complain(la_cli_shown(args->files[i]), error);
    }
    for (size_t i = 0; i < args->ifaces_n; i++) {
        if (la_captures_add_iface(x->captures, args->ifaces[i], error))
            opened_n++;
        else
            (void)complain(la_cli_shown(args->ifaces[i]), error);
    }
    return opened_n == args->files_n + args->ifaces_n ? LA_CLI_OK : LA_CLI_FAILED;
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

/* Threads cost more than they bring for what is read in a moment; and events come in their order
 * from one alone. */
static unsigned
jobs_of(const struct explanation *x)
{
    enum { BYTES_MIN = 64 << 20 };
    uint64_t done, all;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (x->view->event != NULL || x->graphs != NULL || !la_captures_stay(x->captures))
        return 1;
    if (x->args->jobs_n != 0)
        return x->args->jobs_n;
    la_captures_progress(x->captures, &done, &all);
    if (all < BYTES_MIN || cores < 1)
        return 1;
    return cores < LA_PARTS_MAX ? (unsigned)cores : LA_PARTS_MAX;
}

static bool
begin(struct explanation *x)
{
    struct la_explain_jobs_cfg cfg = {.memory_bytes = x->args->memory_bytes,
                                      .jobs_n = jobs_of(x),
                                      .stays = la_captures_stay(x->captures),
                                      .contexts = x->contexts,
                                      .read = read_some,
                                      .tell = tell,
                                      .ctx = x};
    x->parts_n = la_explain_jobs_parts(cfg.jobs_n, cfg.memory_bytes);
    la_explain_cfg_init(&cfg.explain);
    cfg.explain.throughput = x->view->wants_throughput || x->graphs != NULL;
    cfg.explain.no_transitions = !x->view->transitions;
    cfg.explain.trace = trace_of(x);
    for (unsigned i = 0; i < shares_n(x); i++) {
        x->shares[i] = (struct share){x->view, x->view->share_new(x->args)};
        x->contexts[i] = &x->shares[i];
        if (x->shares[i].of_view == NULL)
            return false;
    }
    if (x->view->share_new != NULL && !is_filtered(x))
        cfg.wants = wants;
    x->jobs = la_explain_jobs_new(&cfg);
    if (x->jobs == NULL || (x->view->begin != NULL && !x->view->begin(&x->out)))
        return false;
    x->out.explain = la_explain_jobs_whole(x->jobs);
    return true;
}

static int
explain_them(struct explanation *x)
{
    struct la_explain_file file;
    if (!begin(x))
        return la_cli_out_of_memory("explain");
    read_all(x);
    la_explain_file_get(la_explain_jobs_whole(x->jobs), &file);
    bool damaged = say_damage(x);
    if (x->view->end != NULL)
        x->view->end(&x->out, &file, x->captures);
    bool drawn = x->graphs == NULL || la_graphs_draw(x->graphs, x->out.file);
    if (x->out.failed || la_explain_jobs_failed(x->jobs) ||
        (x->graphs != NULL && la_graphs_failed(x->graphs)))
        return complain("out of memory: not everything is shown", "");
    if (!drawn || la_captures_failed(x->captures))
        return LA_CLI_FAILED;
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
        (void)la_cli_out_of_memory("explain");
    return x->graphs != NULL;
}

static void
fini(struct explanation *x)
{
    la_explain_jobs_free(x->jobs);
    for (unsigned i = 0; i < LA_PARTS_MAX; i++)
        free(x->shares[i].of_view);
    if (x->view->fini != NULL)
        x->view->fini(&x->out);
    free(x->out.view);
    la_graphs_free(x->graphs);
    if (x->captures != NULL)
        la_captures_free(x->captures);
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
    if (!la_explain_args_parse(&args, argc, argv)) {
        la_explain_args_free(&args);
        return args.status;
    }
    struct explanation x = {
        .args = &args, .view = args.view, .out = {.args = &args, .file = stdout}};
    catch_signals();
    int status = open_graphs(&x) ? open_captures(&x) : LA_CLI_FAILED;
    if (status == LA_CLI_OK)
        status = explain_them(&x);
    fini(&x);
    la_explain_args_free(&args);
    return status;
}
