/* SPDX-License-Identifier: MIT
 *
 * explain_figures.c - `--stats`: a table of figures for one connection, a column for each direction
 */
#include "cli/explain.h"

enum { CELL_BYTES = LA_EXPLAIN_WORD_BYTES };

static void
row(FILE *out, const char *name, const char *client, const char *server)
{
    (void)fprintf(out, "  %-26s %18s %18s\n", name, client, server);
}

static void
counts(FILE *out, const struct la_explain_direction *c, const struct la_explain_direction *s)
{
    char a[CELL_BYTES], b[CELL_BYTES];
    const struct {
        const char *name;
        uint64_t client, server;
    } rows[] = {
        {"segments", c->segments, s->segments},
        {"octets, each once", c->bytes_unique, s->bytes_unique},
        {"sent again", c->retransmissions.total, s->retransmissions.total},
        {"out of order", c->reordered, s->reordered},
        {"doubled by the network", c->network_duplicates, s->network_duplicates},
        {"marked by a queue (CE)", c->ce, s->ce},
        {"such marks reported", c->ce_reports, s->ce_reports},
        {"octets not captured", c->bytes_missing, s->bytes_missing},
        {"largest segment", c->segment_bytes_max, s->segment_bytes_max},
        {"largest window offered", c->window_max, s->window_max},
        {"most in flight", c->flight_bytes_max, s->flight_bytes_max},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        row(out, rows[i].name, la_explain_count(rows[i].client, a),
            la_explain_count(rows[i].server, b));
}

static const char *
round_trip(const struct la_explain_direction *d, uint32_t us, char out[CELL_BYTES])
{
    return d->rtt.samples_n == 0 ? "-" : la_explain_duration(us, out);
}

/* For how long the sender was held back so; "-": the capture does not tell. */
static const char *
held(const struct la_explain_direction *d, enum la_limit limit, char out[CELL_BYTES])
{
    return d->limits_told ? la_explain_duration((int64_t)d->limit_us[limit], out) : "-";
}

static const char *
control(const struct la_explain_direction *d, char out[CELL_BYTES])
{
    const struct la_explain_congestion *c = &d->congestion;
    if (c->family == LA_CONGESTION_UNKNOWN)
        return "-";
    (void)snprintf(out, CELL_BYTES, "%s, %u %% sure",
                   la_congestion_family_name((enum la_congestion_family)c->family),
                   (unsigned)c->confidence_percent);
    return out;
}

void
la_explain_figures(FILE *out, const struct la_explain_conn *conn)
{
    static const char *const limits[LA_LIMIT_COUNT] = {
        [LA_LIMIT_APPLICATION] = "had nothing to send",
        [LA_LIMIT_RECEIVER] = "the window was full",
        [LA_LIMIT_SEND_BUFFER] = "its send buffer was full",
        [LA_LIMIT_CONGESTION] = "congestion window",
        [LA_LIMIT_PATH] = "rate of the path",
    };
    char a[CELL_BYTES], b[CELL_BYTES];
    const struct la_explain_direction *c = &conn->direction[LA_END_CLIENT];
    const struct la_explain_direction *s = &conn->direction[LA_END_SERVER];
    row(out, "", "client sends", "server sends");
    counts(out, c, s);
    row(out, "round trip, median", round_trip(c, c->rtt.median_us, a),
        round_trip(s, s->rtt.median_us, b));
    row(out, "round trip, 95 % below", round_trip(c, c->rtt.p95_us, a),
        round_trip(s, s->rtt.p95_us, b));
    for (unsigned i = 0; i < LA_LIMIT_COUNT; i++)
        row(out, limits[i], held(c, (enum la_limit)i, a), held(s, (enum la_limit)i, b));
    row(out, "congestion control", control(c, a), control(s, b));
}
