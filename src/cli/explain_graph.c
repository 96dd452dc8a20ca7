/* SPDX-License-Identifier: MIT
 *
 * explain_graph.c - what pictures are made of, collected while the capture is read
 *
 * Segments are those of the analyser's events: a copy that the capture made is none, and what does
 * not fit the connection's numbers is left out.
 */
#include "cli/explain_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

enum { SAMPLES_N = 11 }; /* of one end */

bool
la_graphs_parse(const char *words, uint32_t *mask)
{
    static const char *const names[LA_GRAPHS_N] = {
        [LA_GRAPH_TIME_SEQUENCE] = "time-sequence",
        [LA_GRAPH_FLIGHT] = "flight",
        [LA_GRAPH_RTT] = "rtt",
        [LA_GRAPH_THROUGHPUT] = "throughput",
        [LA_GRAPH_IO] = "io",
    };
    for (size_t n; *words != 0; words += n + (words[n] == ',')) {
        uint32_t bit = 0;
        n = strcspn(words, ",");
        for (unsigned i = 0; i < LA_GRAPHS_N; i++)
            if (strlen(names[i]) == n && strncmp(names[i], words, n) == 0)
                bit = LA_GRAPH_BIT(i);
        if (n == strlen("all") && strncmp("all", words, n) == 0)
            bit = LA_GRAPH_BIT(LA_GRAPHS_N) - 1;
        if (bit == 0)
            return false;
        *mask |= bit;
    }
    return *mask != 0;
}

struct la_graphs *
la_graphs_new(const struct la_explain_args *args)
{
    struct la_graphs *g = calloc(1, sizeof(*g));
    if (g != NULL)
        g->args = args;
    return g;
}

/* The i-th samples of both ends. */
static struct la_samples *
samples_at(struct la_graphs *g, size_t i)
{
    struct la_graph_side *s = &g->side[i / SAMPLES_N];
    struct la_samples *all[SAMPLES_N] = {&s->sent,         &s->again,  &s->sacked,  &s->acked,
                                         &s->edges,        &s->flight, &s->windows, &s->congestion,
                                         &s->flight_again, &s->rtt,    &s->smoothed};
    return all[i % SAMPLES_N];
}

void
la_graphs_free(struct la_graphs *g)
{
    for (size_t i = 0; g != NULL && i < 2 * (size_t)SAMPLES_N; i++)
        la_samples_fini(samples_at(g, i));
    free(g);
}

bool
la_graphs_failed(struct la_graphs *g)
{
    bool failed = false;
    for (size_t i = 0; i < 2 * (size_t)SAMPLES_N; i++)
        failed |= samples_at(g, i)->failed;
    return failed;
}

/* ---- the capture ------------------------------------------------------------------------ */

static void
io_begin(struct la_graphs *g, int64_t at_ns)
{
    if (g->io_begun)
        return;
    g->io_begun = true;
    g->io_begin_ns = g->io_end_ns = at_ns;
    la_buckets_init(&g->packets, at_ns);
    la_buckets_init(&g->bits, at_ns);
    la_buckets_init(&g->again, at_ns);
}

void
la_graphs_packet(struct la_graphs *g, la_instant at, uint32_t wire_bytes)
{
    io_begin(g, at.ns);
    g->io_end_ns = at.ns > g->io_end_ns ? at.ns : g->io_end_ns;
    la_buckets_add(&g->packets, at.ns, 1);
    la_buckets_add(&g->bits, at.ns, (uint64_t)wire_bytes * 8);
    la_buckets_add(&g->again, at.ns, 0);
}

/* ---- the connection --------------------------------------------------------------------- */

static double
seconds(const struct la_graphs *g, int64_t at_ns)
{
    return (double)(at_ns - g->begin_ns) / (double)LA_NS_PER_S;
}

/* A number that does not wrap; the first one that is met is 0. */
static int64_t
unwrap(struct la_graph_side *s, uint32_t seq)
{
    if (!s->begun) {
        *s = (struct la_graph_side){.begun = true, .seq = seq, .nxt = -1, .una = -1, .edge = -1};
        la_ranges_init(&s->ranges, s->room, LA_GRAPH_RANGES_N);
        return 0;
    }
    int64_t at = s->at + (int32_t)(seq - s->seq);
    if (at > s->at) {
        s->at = at;
        s->seq = seq;
    }
    return at;
}

/* Sent, and neither acknowledged nor reported by SACK. */
static double
flight_of(const struct la_graph_side *s)
{
    int64_t flight = s->nxt - (s->una < 0 ? 0 : s->una) - s->ranges.total;
    return flight > 0 ? (double)flight : 0;
}

static void
take_text(struct la_graph_side *s, const struct la_event_segment *seg, double x)
{
    int64_t from = unwrap(s, seg->seq + ((seg->flags & LA_TCP_SYN) != 0));
    int64_t to = from + seg->len;
    bool again = seg->retransmit_n > 0;
    if (to > s->nxt)
        s->nxt = to;
    if (seg->len == 0)
        return;
    s->text_bytes += seg->len;
    la_samples_add(&s->flight, x, flight_of(s));
    if (again) {
        la_samples_add(&s->again, x, (double)(from + to) / 2);
        la_samples_add(&s->flight_again, x, flight_of(s));
    } else {
        la_samples_add_bar(&s->sent, x, (double)from, (double)to);
    }
}

/* The block that is reported first is the latest news (RFC 2018 4). */
static void
take_blocks(struct la_graph_side *s, const struct la_event_segment *seg, double x)
{
    unsigned first = (seg->has & LA_SEG_HAS_DSACK) != 0 ? 1 : 0;
    la_seq una = {seg->ack};
    for (unsigned i = first; i < seg->sack_n; i++) {
        struct la_range block = {{seg->sack[i].left}, {seg->sack[i].right}};
        if (la_seq_ge(block.start, una) && la_seq_lt(block.start, block.end))
            (void)la_ranges_add(&s->ranges, block); /* more than there is room for: not drawn */
    }
    if (seg->sack_n <= first || seg->sack[first].right == s->sacked_to)
        return;
    s->sacked_to = seg->sack[first].right;
    int64_t from = unwrap(s, seg->sack[first].left), to = unwrap(s, seg->sack[first].right);
    if (from < to)
        la_samples_add_bar(&s->sacked, x, (double)from, (double)to);
}

/* About what the other end sent. */
static void
take_ack(struct la_graph_side *s, const struct la_event_segment *seg, double x)
{
    int64_t ack = unwrap(s, seg->ack), edge = ack + seg->window;
    if (ack > s->una) {
        s->una = ack;
        la_samples_add(&s->acked, x, (double)ack);
        la_ranges_remove_below(&s->ranges, (la_seq){seg->ack});
    }
    if (edge > s->edge) {
        s->edge = edge;
        la_samples_add(&s->edges, x, (double)edge);
    }
    la_samples_add(&s->windows, x, seg->window);
    if (ack == s->una) /* not an old one that came late */
        take_blocks(s, seg, x);
    la_samples_add(&s->flight, x, flight_of(s));
}

static void
take_segment(struct la_graphs *g, const struct la_event *event, double x)
{
    const struct la_event_segment *seg = &event->u.segment;
    if ((seg->has & LA_SEG_STRANGE) != 0 || (seg->flags & LA_TCP_RST) != 0)
        return;
    take_text(&g->side[event->end], seg, x);
    if ((seg->flags & LA_TCP_ACK) != 0)
        take_ack(&g->side[1 - event->end], seg, x);
}

static const char *
phase_word(uint8_t phase)
{
    return phase == LA_CC_RECOVERY     ? "recovery"
           : phase == LA_CC_LOSS       ? "after a timeout"
           : phase == LA_CC_SLOW_START ? "slow start"
                                       : "avoidance";
}

static void
take_window(struct la_graph_side *s, const struct la_event *event, double x)
{
    const char *word = phase_word(event->u.congestion.phase);
    bool same = s->spans_n > 0 && strcmp(s->spans[s->spans_n - 1].word, word) == 0;
    if (!same && s->spans_n < LA_GRAPH_SPANS_N) {
        s->spans[s->spans_n] = (struct la_plot_span){s->spans_n == 0 ? 0 : x, word};
        s->spans_n++;
    }
    if (event->u.congestion.cwnd_bytes > 0)
        la_samples_add(&s->congestion, x, event->u.congestion.cwnd_bytes);
    else if (event->u.congestion.phase != LA_CC_RECOVERY)
        la_samples_add_gap(&s->congestion, x);
}

void
la_graphs_event(struct la_graphs *g, const struct la_event *event)
{
    if (event->kind == LA_EVENT_SEGMENT_SENT && event->u.segment.retransmit_n > 0)
        la_buckets_add(&g->again, event->at.ns, 1); /* its packet has been there */
    if (event->conn != g->args->conn + 1 || g->args->conn == UINT64_MAX)
        return;
    if (!g->begun)
        g->begin_ns = g->end_ns = event->at.ns;
    g->begun = true;
    g->end_ns = event->at.ns > g->end_ns ? event->at.ns : g->end_ns;
    double x = seconds(g, event->at.ns);
    struct la_graph_side *s = &g->side[event->end];
    if (event->kind == LA_EVENT_SEGMENT_SENT) {
        take_segment(g, event, x);
    } else if (event->kind == LA_EVENT_RTT) {
        la_samples_add(&s->rtt, x, event->u.rtt.sample_us);
        la_samples_add(&s->smoothed, x, event->u.rtt.srtt_us);
    } else if (event->kind == LA_EVENT_CONGESTION) {
        take_window(s, event, x);
    }
}

void
la_graphs_conn(struct la_graphs *g, const struct la_explain_conn *conn)
{
    if (conn->id != g->args->conn)
        return;
    g->conn = *conn;
    g->has_conn = true;
    for (unsigned end = 0; end < 2; end++) {
        const struct la_explain_direction *d = &conn->direction[end];
        g->has_throughput[end] = d->throughput != NULL;
        if (d->throughput == NULL)
            continue;
        g->throughput[end].width_ns = (int64_t)d->throughput_ms * LA_NS_PER_MS;
        g->throughput[end].n = (uint32_t)d->throughput_n;
        memcpy(g->throughput[end].sum, d->throughput, d->throughput_n * sizeof(uint64_t));
    }
}
