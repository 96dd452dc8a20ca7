/* SPDX-License-Identifier: MIT
 *
 * explain_table.c - one line for each connection: for people, and as CSV
 */
#include "cli/explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

/* "12k", "3.4M": at most five characters. */
static const char *
short_count(uint64_t n, char out[LA_EXPLAIN_WORD_BYTES])
{
    static const char units[] = {'k', 'M', 'G', 'T', 'P'};
    double value = (double)n;
    size_t unit = 0;
    if (n < 10000) {
        (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, "%" PRIu64, n);
        return out;
    }
    for (value /= 1000; value >= 999.5 && unit + 1 < sizeof(units); value /= 1000)
        unit++;
    (void)snprintf(out, LA_EXPLAIN_WORD_BYTES, value < 9.95 ? "%.1f%c" : "%.0f%c", value,
                   units[unit]);
    return out;
}

const char *
la_explain_ending_name(const struct la_explain_conn *conn)
{
    bool waits = conn->close.kind == LA_CLOSE_OPEN && conn->open.kind == LA_OPEN_UNANSWERED;
    return waits ? "unanswered" : la_close_kind_name((enum la_close_kind)conn->close.kind);
}

/* The verdict in two or three words; `brief`: why there was a RST says that there was one. */
static const char *
ending(const struct la_explain_conn *conn, bool brief, char out[LA_EXPLAIN_TEXT_BYTES])
{
    const struct la_explain_close *close = &conn->close;
    const char *kind = la_explain_ending_name(conn);
    const char *cause = la_reset_cause_name((enum la_reset_cause)close->reset.cause);
    const char *doubt = close->reset.certainty == LA_CERTAINTY_UNKNOWN ? "?" : "";
    if (close->reset.cause <= LA_RESET_UNKNOWN)
        return kind;
    (void)snprintf(out, LA_EXPLAIN_TEXT_BYTES, "%s%s%s%s", brief ? "" : kind, brief ? "" : ": ",
                   cause, doubt);
    return out;
}

static const char *
closer(const struct la_explain_conn *conn)
{
    enum la_who who = (enum la_who)conn->close.by;
    if (who == LA_WHO_THIRD)
        return "third";
    return who == LA_WHO_NONE ? "-" : la_who_name(who);
}

/* ---- columns ---- */

enum { COLUMNS_N = 9, RANKS_N = 7, HOW_WIDTH = 32, HOW_BRIEF_WIDTH = 16 };

/* rank: which are left out first where there is no room, the highest. */
static const struct {
    const char *name;
    int width; /* less than 0: to the left */
    unsigned rank;
} columns[COLUMNS_N] = {
    {"#", 5, 0},  {"client", -21, 0}, {"server", -21, 0}, {"lasted", 9, 5},  {"out", 5, 3},
    {"in", 5, 4}, {"again", 5, 2},    {"rtt", 8, 6},      {"closed", -6, 1},
};

struct layout {
    unsigned ranks_n, gap;
    bool brief;
};

static uint32_t
width_of(const struct layout *layout)
{
    uint32_t sum = layout->brief ? HOW_BRIEF_WIDTH : HOW_WIDTH;
    for (unsigned i = 0; i < COLUMNS_N; i++)
        if (columns[i].rank < layout->ranks_n)
            sum += (uint32_t)abs(columns[i].width) + layout->gap;
    return sum;
}

/* The most that fits; width 0: all. */
static struct layout
layout_of(uint32_t width)
{
    struct layout layout = {.ranks_n = RANKS_N, .gap = 2};
    for (; width != 0 && layout.ranks_n > 1; layout.ranks_n--)
        for (unsigned i = 0; i < 3; i++) {
            layout.brief = i > 0;
            layout.gap = i < 2 ? 2 : 1;
            if (width_of(&layout) <= width)
                return layout;
        }
    return layout;
}

static void
print_row(const struct la_explain_out *out, const char *const cells[COLUMNS_N], const char *how)
{
    struct layout layout = layout_of(out->args->table_width);
    for (unsigned i = 0; i < COLUMNS_N; i++)
        if (columns[i].rank < layout.ranks_n)
            (void)fprintf(out->file, "%*s%*s", columns[i].width, cells[i], (int)layout.gap, "");
    (void)fprintf(out->file, "%s\n", how);
}

void
la_explain_table_header(const struct la_explain_out *out)
{
    const char *cells[COLUMNS_N];
    for (unsigned i = 0; i < COLUMNS_N; i++)
        cells[i] = columns[i].name;
    print_row(out, cells, "how it ended");
}

void
la_explain_table_row(const struct la_explain_out *out, const struct la_explain_conn *conn)
{
    char id[LA_EXPLAIN_WORD_BYTES], client[LA_EXPLAIN_WORD_BYTES], server[LA_EXPLAIN_WORD_BYTES],
        lasted[LA_EXPLAIN_WORD_BYTES], sent[LA_EXPLAIN_WORD_BYTES], got[LA_EXPLAIN_WORD_BYTES],
        again[LA_EXPLAIN_WORD_BYTES], rtt[LA_EXPLAIN_WORD_BYTES], how[LA_EXPLAIN_TEXT_BYTES];
    (void)snprintf(id, sizeof(id), "%" PRIu64, conn->id);
    const char *const cells[COLUMNS_N] = {
        id,
        la_explain_endpoint(&conn->at[LA_END_CLIENT], client),
        la_explain_endpoint(&conn->at[LA_END_SERVER], server),
        la_explain_duration(la_instant_diff_us(conn->last_at, conn->first_at), lasted),
        short_count(conn->direction[LA_END_CLIENT].bytes_unique, sent),
        short_count(conn->direction[LA_END_SERVER].bytes_unique, got),
        short_count(la_explain_lost(conn), again),
        la_explain_duration(conn->open.rtt_us, rtt),
        closer(conn),
    };
    print_row(out, cells, ending(conn, layout_of(out->args->table_width).brief, how));
}

/* ---- the view ---- */

struct table {
    uint64_t rows_n;
};

static bool
table_begin(struct la_explain_out *out)
{
    out->view = calloc(1, sizeof(struct table));
    return out->view != NULL;
}

static void
table_conn(struct la_explain_out *out, const struct la_explain_conn *conn)
{
    struct table *table = out->view;
    if (table->rows_n++ == 0)
        la_explain_table_header(out);
    la_explain_table_row(out, conn);
}

static void
table_end(struct la_explain_out *out, const struct la_explain_file *file,
          struct la_captures *captures)
{
    (void)captures;
    const struct table *table = out->view;
    if (table->rows_n == 0)
        la_explain_none(out, file);
}

const struct la_explain_view la_explain_table = {
    .name = "table",
    .begin = table_begin,
    .conn = table_conn,
    .end = table_end,
};

/* ---- CSV -------------------------------------------------------------------------------- */

static void
seconds(FILE *file, la_instant at)
{
    if (la_instant_is_never(at))
        (void)fputc(',', file);
    else
        (void)fprintf(file, "%" PRId64 ".%09" PRId64 ",", at.ns / LA_NS_PER_S, at.ns % LA_NS_PER_S);
}

static bool
csv_begin(struct la_explain_out *out)
{
    static const char *const per_end[] = {"segments", "bytes",          "bytes_unique",
                                          "again",    "zero_window_us", "rtt_median_us"};
    (void)fputs("id,client,client_port,server,server_port,first_time,last_time,open,complete,"
                "syn_count,rtt_us,close,closed_by,half_close_by,reset_by,reset_cause,"
                "reset_certainty,capture_point,client_state,server_state",
                out->file);
    for (unsigned end = 0; end < 2; end++)
        for (size_t i = 0; i < sizeof(per_end) / sizeof(per_end[0]); i++)
            (void)fprintf(out->file, ",%s_%s", end == LA_END_CLIENT ? "client" : "server",
                          per_end[i]);
    (void)fputs(",findings\n", out->file);
    return true;
}

static void
csv_known(FILE *file, int64_t n)
{
    if (n >= 0)
        (void)fprintf(file, "%" PRId64, n);
    (void)fputc(',', file);
}

static void
csv_conn(struct la_explain_out *out, const struct la_explain_conn *conn)
{
    char addr[LA_ADDR_TEXT_BYTES], states[LA_EXPLAIN_TEXT_BYTES];
    FILE *file = out->file;
    const struct la_explain_close *close = &conn->close;
    (void)fprintf(file, "%" PRIu64 ",", conn->id);
    for (unsigned end = 0; end < 2; end++)
        (void)fprintf(file, "%s,%u,", la_addr_format(&conn->at[end].addr, addr),
                      conn->at[end].port);
    seconds(file, conn->first_at);
    seconds(file, conn->last_at);
    (void)fprintf(file, "%s,%d,%u,", la_open_kind_name((enum la_open_kind)conn->open.kind),
                  conn->open.complete, conn->open.syn[LA_END_CLIENT].n);
    csv_known(file, conn->open.rtt_us);
    (void)fprintf(file, "%s,%s,%s,%s,%s,%s,%s", la_close_kind_name((enum la_close_kind)close->kind),
                  la_who_name((enum la_who)close->by),
                  la_who_name((enum la_who)close->half_close_by),
                  la_who_name((enum la_who)close->reset.by),
                  la_reset_cause_name((enum la_reset_cause)close->reset.cause),
                  la_certainty_name((enum la_certainty)close->reset.certainty),
                  la_tap_place_name((enum la_tap_place)conn->tap));
    for (unsigned end = 0; end < 2; end++)
        (void)fprintf(file, ",%s", la_explain_states(conn->proven[end], out->args->names, states));
    for (unsigned end = 0; end < 2; end++) {
        const struct la_explain_direction *d = &conn->direction[end];
        (void)fprintf(file, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%u",
                      d->segments, d->bytes, d->bytes_unique, d->retransmissions.total,
                      d->zero_window_us, d->rtt.median_us);
    }
    (void)fputc(',', file);
    for (size_t i = 0; i < conn->findings_n; i++)
        (void)fprintf(file, "%s%s", i == 0 ? "" : " ",
                      la_finding_name((enum la_finding)conn->findings[i].id));
    (void)fputc('\n', file);
}

const struct la_explain_view la_explain_csv = {
    .name = "csv",
    .begin = csv_begin,
    .conn = csv_conn,
};
