/* SPDX-License-Identifier: MIT
 *
 * ss_table.c - the rows of `lastack ss`, in the layout of ss(8) and netstat(8)
 *
 * Columns are as wide as their widest cell. What follows them stands on the same line where there
 * is room, and below it otherwise.
 */
#include "cli/ss.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_BYTES = 80, INDENT = 8 };

enum column {
    COLUMN_INSTANCE,
    COLUMN_END,
    COLUMN_NETID,
    COLUMN_STATE,
    COLUMN_RECV,
    COLUMN_SEND,
    COLUMN_LOCAL,
    COLUMN_PEER,
    COLUMN_COUNT
};

static const char *const titles[COLUMN_COUNT] = {
    "Instance",         "End", "Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port",
    "Peer Address:Port"};

struct layout {
    const struct la_ss_cfg *cfg;
    unsigned width;              /* 0: no end */
    unsigned room[COLUMN_COUNT]; /* 0: left out */
};

struct cells {
    char cell[COLUMN_COUNT][CELL_BYTES];
};

/* ---- rows ------------------------------------------------------------------------------------ */

void
la_ss_rows_add(struct la_ss_rows *rows, const struct la_report *r)
{
    if (r->kind == LA_REPORT_INSTANCE) {
        rows->instances_n++;
        return;
    }
    if (rows->n == rows->room) {
        size_t room = rows->room != 0 ? rows->room * 2 : 64;
        struct la_report *more = reallocarray(rows->report, room, sizeof(*more));
        if (more == NULL) {
            rows->no_memory = true;
            return;
        }
        rows->report = more;
        rows->room = room;
    }
    rows->report[rows->n++] = *r;
}

void
la_ss_rows_fini(struct la_ss_rows *rows)
{
    free(rows->report);
    *rows = (struct la_ss_rows){0};
}

/* ---- which of them --------------------------------------------------------------------------- */

struct socket {
    const struct la_endpoint *local, *remote;
    uint32_t state; /* a bit 1 << state */
    bool udp;
};

static bool
socket_of(const struct la_report *r, struct socket *out)
{
    static const struct la_endpoint none;
    *out = (struct socket){.remote = &none};
    switch (r->kind) {
    case LA_REPORT_LISTENER:
        out->local = &r->u.listener.local;
        out->state = UINT32_C(1) << LA_TCP_LISTEN;
        return true;
    case LA_REPORT_CONNECTION:
        out->local = &r->u.conn.local;
        out->remote = &r->u.conn.remote;
        out->state = UINT32_C(1) << r->u.conn.state;
        return true;
    case LA_REPORT_REQUEST: /* its SYN was taken: half-open, but that nothing was answered */
        out->local = &r->u.request.local;
        out->remote = &r->u.request.remote;
        out->state = UINT32_C(1) << LA_TCP_SYN_RECEIVED;
        return true;
    case LA_REPORT_UDP:
        out->local = &r->u.udp.local;
        out->remote = &r->u.udp.remote;
        out->state = UINT32_C(1) << (r->u.udp.connected ? LA_TCP_ESTABLISHED : LA_TCP_CLOSED);
        out->udp = true;
        return true;
    case LA_REPORT_INSTANCE:
    case LA_REPORT_COUNTERS:
    case LA_REPORT_END:
    case LA_REPORT_ERROR:
    case LA_REPORT_KIND_COUNT:
        break;
    }
    return false;
}

/* Those of the filter; else -a: all, -l: what waits for others, and otherwise the connections. */
static uint32_t
states_wanted(const struct la_ss_cfg *cfg, bool udp)
{
    if (cfg->filter.states != 0)
        return cfg->filter.states;
    if (cfg->all)
        return la_tcp_states_parse("all");
    if (cfg->listening)
        return UINT32_C(1) << (udp ? LA_TCP_CLOSED : LA_TCP_LISTEN);
    return la_tcp_states_parse("connected");
}

bool
la_ss_wants(const struct la_ss_cfg *cfg, const struct la_report *r)
{
    struct socket s;
    if (!socket_of(r, &s))
        return false;
    return (s.udp ? cfg->udp : cfg->tcp) && (s.state & states_wanted(cfg, s.udp)) != 0 &&
           la_ss_filter_holds(&cfg->filter, s.local, s.remote);
}

/* ---- cells ----------------------------------------------------------------------------------- */

static const char *
state_name(const struct la_ss_cfg *cfg, const struct la_report *r)
{
    if (r->kind == LA_REPORT_LISTENER)
        return la_tcp_state_name(LA_TCP_LISTEN, cfg->names);
    if (r->kind == LA_REPORT_CONNECTION)
        return la_tcp_state_name((enum la_tcp_state)r->u.conn.state, cfg->names);
    if (r->kind == LA_REPORT_REQUEST)
        return "SYN-HELD";
    return r->u.udp.connected ? "ESTAB" : "UNCONN"; /* ss's words for what has no states */
}

static void
queues(const struct la_report *r, uint32_t *receive, uint32_t *send)
{
    *receive = *send = 0;
    if (r->kind == LA_REPORT_LISTENER) {
        *receive = r->u.listener.accept_queue_n + r->owner.undelivered_n;
        *send = r->u.listener.backlog_n;
    } else if (r->kind == LA_REPORT_CONNECTION) {
        *receive = r->u.conn.receive_queue_bytes;
        *send = r->u.conn.send_queue_bytes;
    } else if (r->kind == LA_REPORT_UDP) {
        *receive = r->u.udp.receive_queue_bytes;
    }
}

static void
cells_fill(const struct layout *layout, const struct la_report *r, struct cells *out)
{
    const struct la_ss_cfg *cfg = layout->cfg;
    struct socket s;
    uint32_t receive, send;
    if (!socket_of(r, &s))
        return;
    queues(r, &receive, &send);
    (void)snprintf(out->cell[COLUMN_INSTANCE], CELL_BYTES, "%u", r->instance);
    (void)snprintf(out->cell[COLUMN_END], CELL_BYTES, "%s", r->end);
    (void)snprintf(out->cell[COLUMN_NETID], CELL_BYTES, "%s", s.udp ? "udp" : "tcp");
    (void)snprintf(out->cell[COLUMN_STATE], CELL_BYTES, "%s", state_name(cfg, r));
    (void)snprintf(out->cell[COLUMN_RECV], CELL_BYTES, "%u", receive);
    (void)snprintf(out->cell[COLUMN_SEND], CELL_BYTES, "%u", send);
    la_ss_endpoint(cfg, s.local, s.udp, out->cell[COLUMN_LOCAL], CELL_BYTES);
    struct la_endpoint peer = *s.remote;
    if (peer.port == 0 && la_addr_is_v4(&s.local->addr))
        peer.addr = la_addr_v4(0, 0, 0, 0);
    la_ss_endpoint(cfg, &peer, s.udp, out->cell[COLUMN_PEER], CELL_BYTES);
    la_ss_clean(out->cell[COLUMN_END]);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void
layout_init(struct layout *layout, const struct la_ss_rows *rows)
{
    const struct la_ss_cfg *cfg = layout->cfg;
    const bool shown[COLUMN_COUNT] = {
        [COLUMN_INSTANCE] = rows->instances_n > 1,
        [COLUMN_END] = cfg->near && cfg->far,
        [COLUMN_NETID] = cfg->tcp && cfg->udp,
        [COLUMN_STATE] = true,
        [COLUMN_RECV] = true,
        [COLUMN_SEND] = true,
        [COLUMN_LOCAL] = true,
        [COLUMN_PEER] = true,
    };
    for (unsigned c = 0; c < COLUMN_COUNT; c++)
        layout->room[c] = shown[c] ? (unsigned)strlen(titles[c]) : 0;
    for (size_t i = 0; i < rows->n; i++) {
        struct cells cells = {0};
        cells_fill(layout, &rows->report[i], &cells);
        for (unsigned c = 0; c < COLUMN_COUNT; c++) {
            unsigned n = (unsigned)strlen(cells.cell[c]);
            if (shown[c] && n > layout->room[c])
                layout->room[c] = n;
        }
    }
}

/* Returns how far the line has come. */
static unsigned
print_cells(const struct layout *layout, const char *const *cell, bool more)
{
    unsigned col = 0;
    for (unsigned c = 0; c < COLUMN_COUNT; c++) {
        unsigned room = layout->room[c];
        if (room == 0)
            continue;
        bool last = c == COLUMN_PEER && !more;
        if (col > 0)
            col += (unsigned)printf(" ");
        col += (unsigned)printf("%-*s", last ? 0 : (int)room, cell[c]);
    }
    return col;
}

/* Words behind what stands in the line already (col columns of it), or below it. */
static void
print_words(const struct layout *layout, const struct la_ss_words *words, unsigned col)
{
    for (unsigned i = 0; i < words->n; i++) {
        unsigned n = (unsigned)strlen(words->word[i]);
        if (col != 0 && layout->width != 0 && col + 1 + n > layout->width) {
            printf("\n");
            col = 0;
        }
        if (col == 0)
            col = (unsigned)printf("%*s", INDENT, "") - 1;
        else
            printf(" ");
        printf("%s", words->word[i]);
        col += 1 + n;
    }
}

static void
print_row(const struct layout *layout, const struct la_report *r)
{
    struct cells cells = {0};
    struct la_ss_words brief, info;
    const char *cell[COLUMN_COUNT];
    cells_fill(layout, r, &cells);
    for (unsigned c = 0; c < COLUMN_COUNT; c++)
        cell[c] = cells.cell[c];
    la_ss_words_brief(layout->cfg, r, &brief);
    unsigned room = 0;
    for (unsigned c = 0; c < COLUMN_COUNT; c++)
        room += layout->room[c] != 0 ? layout->room[c] + 1 : 0;
    bool behind =
        brief.n > 0 && (layout->width == 0 || room + strlen(brief.word[0]) <= layout->width);
    unsigned col = print_cells(layout, cell, behind);
    if (brief.n > 0 && !behind) {
        printf("\n");
        col = 0;
    }
    print_words(layout, &brief, col);
    printf("\n");
    la_ss_words_info(r, &info);
    if (!layout->cfg->info || info.n == 0)
        return;
    print_words(layout, &info, 0);
    printf("\n");
}

void
la_ss_table(const struct la_ss_cfg *cfg, const struct la_ss_rows *rows, unsigned width)
{
    struct layout layout = {.cfg = cfg, .width = width};
    layout_init(&layout, rows);
    if (!cfg->no_header) {
        (void)print_cells(&layout, titles, false);
        printf("\n");
    }
    for (size_t i = 0; i < rows->n; i++)
        print_row(&layout, &rows->report[i]);
}
