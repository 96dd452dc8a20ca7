/* SPDX-License-Identifier: MIT
 *
 * table.c - all connections at the end, one line each
 *
 * Columns join from the left as long as the width lasts; the pair of endpoints takes what it needs.
 */
#include "story/draw.h"
#include "story/outcome.h"

/* More lines than this are not read by anybody; the totals hold all of them. */
enum { TABLE_ROWS_N_MAX = 200 };
#define GAP 2u

enum field {
    FIELD_NUMBER,
    FIELD_PAIR,
    FIELD_OPENED,
    FIELD_CLOSED,
    FIELD_TIME,
    FIELD_OCTETS_LEFT,
    FIELD_OCTETS_RIGHT,
    FIELD_AGAIN,
    FIELD_LOST,
    FIELD_RTT,
    FIELD_STATES,
    FIELD_COUNT
};

struct column {
    const char *title;
    uint8_t columns;
    bool right;   /* numbers */
    uint8_t rank; /* the lower, the sooner it gets its room */
};

static const struct column columns[FIELD_COUNT] = {
    [FIELD_NUMBER] = {"", 4, false, 0},
    [FIELD_PAIR] = {"connection", 24, false, 0},
    [FIELD_OPENED] = {"opened", 12, false, 4},
    [FIELD_CLOSED] = {"closed", 14, false, 1},
    [FIELD_TIME] = {"lasted", 11, true, 2},
    [FIELD_OCTETS_LEFT] = {"octets →", 14, true, 3},
    [FIELD_OCTETS_RIGHT] = {"octets ←", 14, true, 3},
    [FIELD_AGAIN] = {"again", 7, true, 5},
    [FIELD_LOST] = {"lost", 7, true, 6},
    [FIELD_RTT] = {"RTT", 9, true, 7},
    [FIELD_STATES] = {"now", 26, false, 8},
};

struct table {
    uint8_t room[FIELD_COUNT]; /* 0: left out */
    uint32_t pair_n;
};

static void
pair_text(const struct la_story *st, const struct conn *conn, struct text *out)
{
    la_text_endpoint(out, &conn->endpoint[LEFT]);
    la_text_add(out, " %s ", st->to);
    la_text_endpoint(out, &conn->endpoint[RIGHT]);
}

static void
table_layout(const struct la_story *st, struct table *table)
{
    uint32_t pair_n = columns[FIELD_PAIR].columns;
    for (const struct conn *c = st->oldest; c != NULL; c = c->newer) {
        struct text text = text_empty();
        pair_text(st, c, &text);
        uint32_t n = (uint32_t)la_text_columns(text.p);
        pair_n = n > pair_n ? n : pair_n;
    }
    uint32_t left = st->cfg.width - columns[FIELD_NUMBER].columns;
    /* Something must be said about a connection besides its name. */
    uint32_t pair_n_max = left - columns[FIELD_CLOSED].columns - GAP;
    pair_n = pair_n < pair_n_max ? pair_n : pair_n_max;
    *table = (struct table){.pair_n = pair_n};
    table->room[FIELD_NUMBER] = columns[FIELD_NUMBER].columns;
    table->room[FIELD_PAIR] = (uint8_t)pair_n;
    left -= pair_n;
    for (unsigned rank = 1; rank <= FIELD_STATES; rank++)
        for (unsigned i = 0; i < FIELD_COUNT; i++)
            if (columns[i].rank == rank && left >= columns[i].columns + GAP) {
                table->room[i] = columns[i].columns;
                left -= columns[i].columns + GAP;
            }
}

static void
put_field(const struct table *table, struct canvas *canvas, enum field field, enum style style,
          const char *text)
{
    if (table->room[field] == 0)
        return;
    uint32_t col = 0;
    for (unsigned i = 0; i < (unsigned)field; i++)
        if (table->room[i] != 0)
            col += table->room[i] + (i == FIELD_NUMBER ? 0 : GAP);
    struct text cut = text_empty();
    for (uint32_t n = 0; *text != 0 && n < table->room[field]; n++) {
        const char *start = text;
        la_utf8_next(&text);
        la_text_add(&cut, "%.*s", (int)(text - start), start);
    }
    if (columns[field].right)
        la_canvas_put_right(canvas, col + table->room[field], style, cut.p);
    else
        la_canvas_put(canvas, col, style, cut.p);
}

static void
put_number(const struct table *table, struct canvas *canvas, enum field field, uint64_t n)
{
    struct text text = text_empty();
    la_text_count(&text, n);
    put_field(table, canvas, field, n == 0 ? STYLE_DIM : STYLE_PLAIN, text.p);
}

static void
put_states(const struct la_story *st, const struct table *table, struct canvas *canvas,
           const struct conn *conn)
{
    struct text text = text_empty();
    for (unsigned side = LEFT; side <= RIGHT; side++)
        if (conn->end[side].state != 0)
            la_text_add(&text, "%s%s", text.n != 0 ? " / " : "",
                        story_state_name(st, conn->end[side].state));
    put_field(table, canvas, FIELD_STATES, STYLE_DIM, text.p);
}

static void
put_how(const struct table *table, struct canvas *canvas, const struct conn *conn)
{
    struct outcome outcome;
    la_outcome_of(conn, &outcome);
    bool open_bad = outcome.open_how >= OPEN_REFUSED;
    bool close_bad = outcome.close_how == CLOSE_RESET || outcome.close_how == CLOSE_TIMED_OUT;
    const char *opened = la_outcome_open_text((enum open_how)outcome.open_how);
    const char *closed = la_outcome_close_text((enum close_how)outcome.close_how);
    put_field(table, canvas, FIELD_OPENED, open_bad ? STYLE_BAD : STYLE_PLAIN,
              outcome.open_how == OPEN_NOT_SEEN ? "earlier" : opened);
    /* Where there is no room to say how it was opened, say here that it was not. */
    if (table->room[FIELD_OPENED] == 0 && open_bad)
        put_field(table, canvas, FIELD_CLOSED, STYLE_BAD, opened);
    else
        put_field(table, canvas, FIELD_CLOSED, close_bad ? STYLE_BAD : STYLE_PLAIN, closed);
}

static void
write_conn(const struct la_story *st, const struct table *table, const struct conn *conn)
{
    const struct conn_end *l = &conn->end[LEFT], *r = &conn->end[RIGHT];
    struct canvas canvas;
    la_canvas_clear(&canvas, st->cfg.width);
    struct text text = text_empty();
    la_ladder_tag(conn, &text);
    put_field(table, &canvas, FIELD_NUMBER, la_ladder_tag_style(conn), text.p);
    text = text_empty();
    pair_text(st, conn, &text);
    put_field(table, &canvas, FIELD_PAIR, STYLE_PLAIN, text.p);
    put_how(table, &canvas, conn);
    text = text_empty();
    la_text_duration(&text, la_story_ns_between(conn->last_at, conn->first_at));
    put_field(table, &canvas, FIELD_TIME, STYLE_PLAIN, text.p);
    put_number(table, &canvas, FIELD_OCTETS_LEFT, l->octets);
    put_number(table, &canvas, FIELD_OCTETS_RIGHT, r->octets);
    put_number(table, &canvas, FIELD_AGAIN,
               la_story_conn_retransmits_n(l) + la_story_conn_retransmits_n(r));
    put_number(table, &canvas, FIELD_LOST, la_story_conn_lost_n(l) + la_story_conn_lost_n(r));
    const struct conn_end *timed = l->rtt_n != 0 ? l : r;
    text = text_empty();
    if (timed->rtt_n != 0)
        la_text_duration(&text, (int64_t)timed->srtt_us * 1000);
    put_field(table, &canvas, FIELD_RTT, STYLE_PLAIN, text.p);
    put_states(st, table, &canvas, conn);
    la_ladder_write(st, &canvas);
}

static void
write_totals(const struct la_story *st, const struct table *table)
{
    uint64_t octets[2] = {0, 0}, again_n = 0, lost_n = 0;
    for (const struct conn *c = st->oldest; c != NULL; c = c->newer)
        for (unsigned side = LEFT; side <= RIGHT; side++) {
            octets[side] += c->end[side].octets;
            again_n += la_story_conn_retransmits_n(&c->end[side]);
            lost_n += la_story_conn_lost_n(&c->end[side]);
        }
    struct canvas canvas;
    la_canvas_clear(&canvas, st->cfg.width);
    struct text text = text_empty();
    la_text_counted(&text, st->conns_live_n, "connection");
    put_field(table, &canvas, FIELD_PAIR, STYLE_STRONG, text.p);
    text = text_empty();
    la_text_duration(&text, la_story_ns_between(st->now, st->first_at));
    put_field(table, &canvas, FIELD_TIME, STYLE_PLAIN, text.p);
    put_number(table, &canvas, FIELD_OCTETS_LEFT, octets[LEFT]);
    put_number(table, &canvas, FIELD_OCTETS_RIGHT, octets[RIGHT]);
    put_number(table, &canvas, FIELD_AGAIN, again_n);
    put_number(table, &canvas, FIELD_LOST, lost_n);
    la_ladder_write(st, &canvas);
}

static void
write_remark(const struct la_story *st, uint64_t n, const char *noun, const char *what)
{
    if (n == 0)
        return;
    struct canvas canvas;
    struct text text = text_empty();
    la_canvas_clear(&canvas, st->cfg.width);
    la_text_counted(&text, n, noun);
    la_text_add(&text, " %s", what);
    la_canvas_put(&canvas, 0, STYLE_DIM, text.p);
    la_ladder_write(st, &canvas);
}

static void
write_head(const struct la_story *st, const struct table *table)
{
    struct canvas canvas;
    la_canvas_clear(&canvas, st->cfg.width);
    la_canvas_fill(&canvas, 0, st->cfg.width, STYLE_DIM, "─");
    la_ladder_write(st, &canvas);
    la_canvas_clear(&canvas, st->cfg.width);
    for (unsigned i = 0; i < FIELD_COUNT; i++)
        put_field(table, &canvas, (enum field)i, STYLE_DIM, columns[i].title);
    la_ladder_write(st, &canvas);
}

void
la_story_summary_all(struct la_story *st)
{
    if (st->cfg.ladder.write == NULL || story_has(st, LA_STORY_NO_SUMMARY))
        return;
    if (st->stats.conns_n > 1) {
        struct table table;
        table_layout(st, &table);
        write_head(st, &table);
        uint32_t shown_n = 0;
        for (const struct conn *c = st->oldest; c != NULL && shown_n < TABLE_ROWS_N_MAX;
             c = c->newer, shown_n++)
            write_conn(st, &table, c);
        write_remark(st, st->conns_live_n - shown_n, "connection", "more, in the totals");
        write_totals(st, &table);
    }
    write_remark(st, st->stats.conns_let_go_n, "connection", "forgotten for lack of room");
    write_remark(st, st->stats.rows_let_go_n, "segment",
                 "shown incomplete or not at all for lack of room");
}
