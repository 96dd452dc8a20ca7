/* SPDX-License-Identifier: MIT
 *
 * explain_picture.c - pictures of what was collected: in the terminal, and as SVG
 *
 * Each picture is put together once, with units that suit its largest values, and then drawn in
 * either way or both.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <lastack/story.h>

#include "base/time.h"
#include "cli/explain_graph.h"
#include "cli/plot.h"

enum { SERIES_N_MAX = 6, TITLE_BYTES = 240, NAME_BYTES = 80, FILE_BYTES = 80 };
enum { WIDE_COLUMNS = 120, WIDE_ROWS_N = 24 };
static const double headroom = 1.08, crushing = 2.5;

struct picture {
    struct la_plot plot;
    struct la_plot_series series[SERIES_N_MAX];
    char title[TITLE_BYTES], names[SERIES_N_MAX][NAME_BYTES], file[FILE_BYTES];
    /* for what is counted in buckets */
    struct la_plot_point points[2][LA_BUCKETS_N + 1];
    double x_factor; /* from seconds */
};

static const char *const end_names[2] = {"client", "server"};

/* ---- units ------------------------------------------------------------------------------ */

struct unit {
    double factor;
    const char *name;
};

static struct unit
unit_of(double max, const struct unit *units, size_t n)
{
    size_t i = 0;
    while (i + 1 < n && max * units[i].factor >= 10000)
        i++;
    return units[i];
}

static struct unit
octets_unit(double max)
{
    static const struct unit units[] = {{1, "octets"}, {1e-3, "kB"}, {1e-6, "MB"}, {1e-9, "GB"}};
    return unit_of(max, units, sizeof(units) / sizeof(units[0]));
}

static struct unit
rate_unit(double max)
{
    static const struct unit units[] = {
        {1, "bit/s"}, {1e-3, "kbit/s"}, {1e-6, "Mbit/s"}, {1e-9, "Gbit/s"}};
    return unit_of(max, units, sizeof(units) / sizeof(units[0]));
}

static struct unit
packets_unit(double max)
{
    static const struct unit units[] = {{1, "packets per second"},
                                        {1e-3, "thousand packets per second"}};
    return unit_of(max, units, sizeof(units) / sizeof(units[0]));
}

static struct unit
microseconds_unit(double max)
{
    static const struct unit units[] = {{1, "us"}, {1e-3, "ms"}, {1e-6, "s"}};
    return unit_of(max, units, sizeof(units) / sizeof(units[0]));
}

/* ---- putting together ------------------------------------------------------------------- */

/* What is beside the point x_max would not be drawn: the last moment is. */
static void
set_time(struct picture *p, double lasted_s)
{
    bool short_one = lasted_s < 1;
    p->x_factor = short_one ? 1e3 : 1;
    p->plot.x_name = short_one ? "ms" : "seconds";
    p->plot.x_max = lasted_s > 0 ? lasted_s * p->x_factor : 1;
}

static void
begin(struct picture *p, const struct la_graphs *g, double lasted_s)
{
    *p = (struct picture){.plot = {.title = p->title, .series = p->series}};
    p->plot.rows_n = g->args->width >= WIDE_COLUMNS ? WIDE_ROWS_N : LA_PLOT_ROWS_N;
    set_time(p, lasted_s);
}

static void
begin_conn(struct picture *p, const struct la_graphs *g, const char *what)
{
    char client[LA_EXPLAIN_WORD_BYTES], server[LA_EXPLAIN_WORD_BYTES];
    begin(p, g, (double)(g->end_ns - g->begin_ns) / (double)LA_NS_PER_S);
    (void)snprintf(p->title, sizeof(p->title), "%s · #%" PRIu64 " %s → %s", what, g->conn.id,
                   la_explain_endpoint(&g->conn.at[LA_END_CLIENT], client),
                   la_explain_endpoint(&g->conn.at[LA_END_SERVER], server));
}

/* Of samples that are only kept for this one picture. */
static void
add(struct picture *p, const char *name, enum la_plot_style style, struct la_samples *samples,
    double factor)
{
    size_t i = p->plot.series_n++;
    la_samples_scale(samples, factor);
    for (size_t k = 0; k < samples->n; k++)
        samples->points[k].x *= p->x_factor;
    (void)snprintf(p->names[i], sizeof(p->names[i]), "%s", name);
    p->series[i] =
        (struct la_plot_series){p->names[i], (uint8_t)style, samples->points, samples->n};
}

/* The name of a bound says how far it goes beyond the picture. What scales windows is said in SYNs
 * (RFC 7323 2.2): without them, nothing is drawn. */
static void
add_bound(struct picture *p, const struct la_graphs *g, const char *name,
          struct la_samples *samples, struct unit unit)
{
    char text[NAME_BYTES];
    if (!g->conn.open.syn[LA_END_CLIENT].seen || !g->conn.open.syn[LA_END_SERVER].seen)
        return;
    double max = la_samples_max(samples) * unit.factor;
    if (max <= p->plot.y_max)
        (void)snprintf(text, sizeof(text), "%s", name);
    else
        (void)snprintf(text, sizeof(text), "%s (up to %.0f %s)", name, max, unit.name);
    add(p, text, LA_PLOT_BOUND, samples, unit.factor);
}

static double
larger(double a, double b)
{
    return a > b ? a : b;
}

/* A bound far above everything would leave nothing of it to be seen. */
static double
top_of(double most, double bound)
{
    double top = bound > most && bound <= crushing * most ? bound : most;
    return top > 0 ? top * headroom : 1;
}

static void
build_time_sequence(struct picture *p, struct la_graphs *g, unsigned end)
{
    struct la_graph_side *s = &g->side[end];
    char what[NAME_BYTES];
    (void)snprintf(what, sizeof(what), "time-sequence of the %s's text", end_names[end]);
    begin_conn(p, g, what);
    double most = larger(la_samples_max(&s->sent), la_samples_max(&s->acked));
    struct unit unit = octets_unit(most);
    p->plot.y_name = unit.name;
    p->plot.y_max = top_of(most, la_samples_max(&s->edges)) * unit.factor;
    add_bound(p, g, "edge of the offered window", &s->edges, unit);
    add(p, "acknowledged", LA_PLOT_AREA, &s->acked, unit.factor);
    add(p, "sent", LA_PLOT_BARS, &s->sent, unit.factor);
    add(p, "SACK", LA_PLOT_BLOCKS, &s->sacked, unit.factor);
    add(p, "sent again", LA_PLOT_MARKS, &s->again, unit.factor);
}

static void
build_flight(struct picture *p, struct la_graphs *g, unsigned end)
{
    struct la_graph_side *s = &g->side[end];
    char what[NAME_BYTES];
    (void)snprintf(what, sizeof(what), "the %s's octets in flight", end_names[end]);
    begin_conn(p, g, what);
    double most = larger(la_samples_max(&s->flight), la_samples_max(&s->congestion));
    struct unit unit = octets_unit(most);
    p->plot.y_name = unit.name;
    p->plot.y_max = top_of(most, la_samples_max(&s->windows)) * unit.factor;
    /* Far from the sender, a part of it has not passed, or was acknowledged, but not there yet. */
    bool near = g->conn.direction[end].limits_told;
    add(p, near ? "in flight" : "in flight as seen from here, far from the sender", LA_PLOT_PEAKS,
        &s->flight, unit.factor);
    add_bound(p, g, "offered window", &s->windows, unit);
    if (near)
        add(p, "congestion window, estimated", LA_PLOT_LINE, &s->congestion, unit.factor);
    add(p, "sent again", LA_PLOT_MARKS, &s->flight_again, unit.factor);
    for (size_t i = 0; i < s->spans_n; i++)
        s->spans[i].x *= p->x_factor;
    p->plot.spans = s->spans;
    p->plot.spans_n = near ? s->spans_n : 0;
}

static void
build_rtt(struct picture *p, struct la_graphs *g, unsigned end)
{
    struct la_graph_side *s = &g->side[end];
    char what[NAME_BYTES];
    (void)snprintf(what, sizeof(what), "round trip from here to the %s", end_names[1 - end]);
    begin_conn(p, g, what);
    double most = la_samples_max(&s->rtt);
    struct unit unit = microseconds_unit(most);
    p->plot.y_name = unit.name;
    p->plot.y_max = top_of(most, 0) * unit.factor;
    add(p, "smoothed (RFC 6298)", LA_PLOT_LINE, &s->smoothed, unit.factor);
    add(p, "text to its acknowledgement", LA_PLOT_DOTS, &s->rtt, unit.factor);
}

/* Sums per second, as steps from bucket to bucket. Of a bucket that is not over yet, that part
 * counts which has passed. */
static double
add_buckets(struct picture *p, const char *name, enum la_plot_style style,
            const struct la_buckets *buckets, double amount_factor)
{
    size_t i = p->plot.series_n++, n = 0;
    double width_s = (double)buckets->width_ns / (double)LA_NS_PER_S, most = 0;
    double lasted_s = p->plot.x_max / p->x_factor;
    struct la_plot_point *points = p->points[i];
    for (uint32_t k = 0; k < buckets->n; k++) {
        double rest_s = lasted_s - k * width_s;
        double y = (double)buckets->sum[k] * amount_factor /
                   (rest_s < width_s && k > 0 && rest_s > width_s / 8 ? rest_s : width_s);
        if (style == LA_PLOT_MARKS && buckets->sum[k] == 0)
            continue;
        double middle = style == LA_PLOT_MARKS ? width_s / 2 : 0;
        points[n++] = (struct la_plot_point){(k * width_s + middle) * p->x_factor, y};
        most = y > most ? y : most;
    }
    (void)snprintf(p->names[i], sizeof(p->names[i]), "%s", name);
    p->series[i] = (struct la_plot_series){p->names[i], (uint8_t)style, points, n};
    return most;
}

static void
scale_points(struct picture *p, double most, struct unit unit)
{
    p->plot.y_name = unit.name;
    p->plot.y_max = top_of(most, 0) * unit.factor;
    for (size_t i = 0; i < p->plot.series_n; i++)
        for (size_t k = 0; k < p->series[i].n; k++)
            p->points[i][k].y *= unit.factor;
}

static void
build_throughput(struct picture *p, struct la_graphs *g, unsigned end)
{
    static const char *const names[2] = {"client to server", "server to client"};
    double most = 0;
    begin_conn(p, g, "throughput of text");
    if (g->has_throughput[end])
        most = add_buckets(p, names[end], LA_PLOT_AREA, &g->throughput[end], 8);
    if (g->has_throughput[1 - end])
        most =
            larger(most, add_buckets(p, names[1 - end], LA_PLOT_LINE, &g->throughput[1 - end], 8));
    scale_points(p, most, rate_unit(most));
}

static void
build_io(struct picture *p, struct la_graphs *g, bool bits)
{
    char width[LA_EXPLAIN_WORD_BYTES];
    const struct la_buckets *b = &g->bits;
    begin(p, g, (double)(g->io_end_ns - g->io_begin_ns) / (double)LA_NS_PER_S);
    (void)snprintf(p->title, sizeof(p->title), "the capture: %s, in steps of %s",
                   bits ? "bits of whole packets" : "packets, and segments sent again",
                   la_explain_duration(b->width_ns / LA_NS_PER_US, width));
    double most =
        add_buckets(p, bits ? "bits" : "packets", LA_PLOT_AREA, bits ? &g->bits : &g->packets, 1);
    if (!bits)
        (void)add_buckets(p, "sent again", LA_PLOT_MARKS, &g->again, 1);
    scale_points(p, most, bits ? rate_unit(most) : packets_unit(most));
}

/* ---- drawing ---------------------------------------------------------------------------- */

struct target {
    struct la_graphs *graphs;
    struct la_story_cfg story;
    FILE *out;
    unsigned files_n;
};

static bool
show(struct target *t, const struct picture *p, bool in_terminal)
{
    char error[LA_PLOT_ERROR_BYTES];
    const struct la_explain_args *args = t->graphs->args;
    if (in_terminal) {
        la_plot_draw(&p->plot, &t->story);
        (void)fputc('\n', t->out);
    }
    if (args->plot_dir == NULL)
        return true;
    if (!la_plot_svg(&p->plot, args->plot_dir, p->file, error)) {
        (void)fprintf(stderr, "lastack explain: %s\n", error);
        return false;
    }
    t->files_n++;
    return true;
}

static unsigned
busier(const struct la_graphs *g)
{
    return g->side[LA_END_SERVER].text_bytes > g->side[LA_END_CLIENT].text_bytes ? LA_END_SERVER
                                                                                 : LA_END_CLIENT;
}

/* Is that end's text to be drawn, in the terminal or in files? */
static bool
is_chosen(const struct la_graphs *g, unsigned end, bool in_terminal)
{
    enum la_graph_whose whose = (enum la_graph_whose)g->args->whose;
    if (g->side[end].text_bytes == 0)
        return false;
    if (whose == LA_WHOSE_CLIENT || whose == LA_WHOSE_SERVER)
        return whose == (end == LA_END_CLIENT ? LA_WHOSE_CLIENT : LA_WHOSE_SERVER);
    return whose == LA_WHOSE_BOTH || !in_terminal || end == busier(g);
}

static bool
show_direction(struct target *t, struct picture *p, enum la_graph graph, unsigned end)
{
    struct la_graphs *g = t->graphs;
    static const char *const names[] = {[LA_GRAPH_TIME_SEQUENCE] = "time-sequence",
                                        [LA_GRAPH_FLIGHT] = "flight",
                                        [LA_GRAPH_RTT] = "rtt"};
    bool in_terminal = (g->args->graphs & LA_GRAPH_BIT(graph)) != 0 && is_chosen(g, end, true);
    bool in_file = g->args->plot_dir != NULL && is_chosen(g, end, false);
    if (!in_terminal && !in_file)
        return true;
    if (graph == LA_GRAPH_TIME_SEQUENCE)
        build_time_sequence(p, g, end);
    else if (graph == LA_GRAPH_FLIGHT)
        build_flight(p, g, end);
    else
        build_rtt(p, g, end);
    (void)snprintf(p->file, sizeof(p->file), "conn-%" PRIu64 "-%s-%s", g->conn.id, names[graph],
                   end_names[end]);
    return show(t, p, in_terminal);
}

static bool
show_conn(struct target *t, struct picture *p)
{
    struct la_graphs *g = t->graphs;
    unsigned end = g->args->whose == LA_WHOSE_CLIENT   ? LA_END_CLIENT
                   : g->args->whose == LA_WHOSE_SERVER ? LA_END_SERVER
                                                       : busier(g);
    for (unsigned graph = LA_GRAPH_TIME_SEQUENCE; graph <= LA_GRAPH_RTT; graph++)
        for (unsigned i = 0; i < 2; i++)
            if (!show_direction(t, p, (enum la_graph)graph, i))
                return false;
    bool in_terminal = (g->args->graphs & LA_GRAPH_BIT(LA_GRAPH_THROUGHPUT)) != 0;
    if (!in_terminal && g->args->plot_dir == NULL)
        return true;
    build_throughput(p, g, end);
    (void)snprintf(p->file, sizeof(p->file), "conn-%" PRIu64 "-throughput", g->conn.id);
    return show(t, p, in_terminal);
}

static bool
show_io(struct target *t, struct picture *p)
{
    const struct la_explain_args *args = t->graphs->args;
    bool in_terminal = (args->graphs & LA_GRAPH_BIT(LA_GRAPH_IO)) != 0;
    if (!t->graphs->io_begun || (!in_terminal && args->plot_dir == NULL))
        return true;
    for (unsigned bits = 0; bits < 2; bits++) {
        build_io(p, t->graphs, bits == 1);
        (void)snprintf(p->file, sizeof(p->file), "io-%s", bits == 1 ? "bits" : "packets");
        if (!show(t, p, in_terminal))
            return false;
    }
    return true;
}

static bool
wants_conn(const struct la_explain_args *args)
{
    return (args->graphs & LA_GRAPHS_OF_CONN) != 0 ||
           (args->plot_dir != NULL && args->conn != UINT64_MAX);
}

static bool
has_conn(const struct la_graphs *g)
{
    if (!g->has_conn)
        (void)fprintf(stderr,
                      "lastack explain: there is no connection %" PRIu64
                      " to draw; --format table lists them\n",
                      g->args->conn);
    else if (g->side[0].text_bytes + g->side[1].text_bytes == 0)
        (void)fprintf(stderr,
                      "lastack explain: no text passed on connection %" PRIu64
                      ": there is nothing to draw of it\n",
                      g->args->conn);
    else
        return true;
    return false;
}

bool
la_graphs_draw(struct la_graphs *g, FILE *out)
{
    const struct la_explain_args *args = g->args;
    struct target target = {.graphs = g, .out = out};
    struct picture *picture = malloc(sizeof(*picture));
    if (picture == NULL) {
        (void)fputs("lastack explain: out of memory: nothing is drawn\n", stderr);
        return false;
    }
    la_story_cfg_init(&target.story);
    target.story.ladder = la_story_writer_file(out);
    target.story.width = args->width;
    target.story.flags = (args->colour ? LA_STORY_COLOR : 0) | (args->ascii ? LA_STORY_ASCII : 0);
    bool wanted = wants_conn(args), there = !wanted || has_conn(g);
    bool good = (!wanted || !there || show_conn(&target, picture)) && show_io(&target, picture);
    free(picture);
    if (good && target.files_n > 0 && !args->quiet)
        (void)fprintf(stderr, "lastack explain: %u pictures are in %s\n", target.files_n,
                      args->plot_dir);
    return good && there;
}
