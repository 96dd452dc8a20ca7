/* SPDX-License-Identifier: MIT
 *
 * explain_graph.h - what `lastack explain` draws: a connection's course, and the capture's
 *
 * Collected while the capture is read (explain_graph.c), within bounds that do not depend on its
 * length, and drawn at the end, in the terminal or as SVG (explain_picture.c).
 */
#ifndef LA_CLI_EXPLAIN_GRAPH_H
#define LA_CLI_EXPLAIN_GRAPH_H

#include <lastack/event.h>

#include "base/buckets.h"
#include "base/ranges.h"
#include "cli/explain.h"
#include "story/samples.h"

/* Those before LA_GRAPH_IO are of one connection. */
enum la_graph {
    LA_GRAPH_TIME_SEQUENCE, /* of each direction by itself, as the next two are */
    LA_GRAPH_FLIGHT,
    LA_GRAPH_RTT,
    LA_GRAPH_THROUGHPUT,
    LA_GRAPH_IO,
    LA_GRAPHS_N
};
#define LA_GRAPH_BIT(graph) (UINT32_C(1) << (graph))
#define LA_GRAPHS_OF_CONN (LA_GRAPH_BIT(LA_GRAPH_IO) - 1)

enum { LA_GRAPH_SPANS_N = 256, LA_GRAPH_RANGES_N = 64 };

/* What one end sent. Numbers are counted from its first one and do not wrap. */
struct la_graph_side {
    bool begun;
    uint32_t seq;           /* stands for the number `at` */
    int64_t at;
    int64_t nxt, una, edge; /* -1: not known */
    uint32_t sacked_to;     /* right edge of the latest block */
    struct la_ranges ranges; /* SACKed above una */
    struct la_range room[LA_GRAPH_RANGES_N];
    uint64_t text_bytes;
    struct la_samples sent, again, sacked, acked, edges;     /* by sequence number */
    struct la_samples flight, windows, congestion, flight_again;
    struct la_samples rtt, smoothed;                         /* microseconds */
    struct la_plot_span spans[LA_GRAPH_SPANS_N];             /* phases */
    size_t spans_n;
};

struct la_graphs {
    const struct la_explain_args *args;
    struct la_graph_side side[2];
    int64_t begin_ns, end_ns; /* of the connection's events */
    bool begun;
    struct la_explain_conn conn; /* its pointers are not valid */
    bool has_conn;
    struct la_buckets throughput[2];
    bool has_throughput[2];
    struct la_buckets packets, bits, again; /* of the capture */
    int64_t io_begin_ns, io_end_ns;
    bool io_begun;
};

/* "time-sequence,rtt", "all": adds to *mask. */
bool la_graphs_parse(const char *words, uint32_t *mask);
/* NULL: no memory. */
struct la_graphs *la_graphs_new(const struct la_explain_args *args);
void la_graphs_free(struct la_graphs *graphs);
void la_graphs_packet(struct la_graphs *graphs, la_instant at, uint32_t wire_bytes);
void la_graphs_event(struct la_graphs *graphs, const struct la_event *event);
void la_graphs_conn(struct la_graphs *graphs, const struct la_explain_conn *conn);
/* Something is missing for lack of memory. */
bool la_graphs_failed(struct la_graphs *graphs);
/* Draws. False: it was said on standard error what is wrong. */
bool la_graphs_draw(struct la_graphs *graphs, FILE *out);

#endif
