/* SPDX-License-Identifier: MIT
 *
 * arrow.c - a segment's way from lifeline to lifeline
 *
 *     ├─ SYN seq 0 ─────────▶│      it arrived
 *     │◀──────── ACK ack 1461 ─┤
 *     ├╌ ACK seq 1+1460 ╌╌╌╌╌▶│     sent again
 *     ├─ ACK seq 1+1460 ──✗ lost    │
 *     ├─ ACK seq 1+1460 ─────✗│     arrived damaged, dropped there
 *     ├─ ACK seq 1+1460 ┄┄┄?  │     nobody knows
 *
 * The label stands at its sender, so that labels tell directions even without the heads.
 * Positions along the way are counted in cells from the sender.
 */
#include "story/draw.h"

/* Tail and blank before the label, blank, one cell of shaft and the head behind it. */
enum { AROUND_LABEL = 5, SHAFT_MIN = 2 };

struct way {
    struct canvas *canvas;
    uint32_t first_col, end_col; /* between the lifelines */
    uint32_t n;                  /* cells */
    uint8_t from;
    uint8_t style; /* of shaft and head */
    const char *shaft;
};

static void
put_cell(const struct way *way, uint32_t cell, enum style style, const char *glyph)
{
    if (cell < way->n)
        la_canvas_put(way->canvas,
                      way->from == LEFT ? way->first_col + cell : way->end_col - 1 - cell, style,
                      glyph);
}

static void
put_shaft(const struct way *way, uint32_t first_cell, uint32_t end_cell)
{
    for (uint32_t cell = first_cell; cell < end_cell; cell++)
        put_cell(way, cell, (enum style)way->style, way->shaft);
}

/* Text on the cells from first_cell on; reads from left to right whatever the direction. */
static uint32_t
col_of_text(const struct way *way, uint32_t first_cell, uint32_t columns)
{
    return way->from == LEFT ? way->first_col + first_cell : way->end_col - first_cell - columns;
}

static void
put_label(const struct way *way, const struct label *label)
{
    uint32_t col = col_of_text(way, 2, label->columns);
    bool first = true;
    for (size_t i = 0; i < label->n; i++) {
        const struct label_piece *piece = &label->piece[i];
        if (!piece->chosen)
            continue;
        if (!first)
            col++;
        first = false;
        col = la_canvas_put(way->canvas, col, (enum style)piece->style, piece->text.p);
    }
}

static const char *
short_reason(uint16_t reason)
{
    switch (reason) {
    case LA_REASON_WIRE_LOST:
        return "lost";
    case LA_REASON_WIRE_BURST:
        return "lost in a burst";
    case LA_REASON_WIRE_QUEUE_FULL:
        return "queue full";
    case LA_REASON_WIRE_TOO_BIG:
        return "too big";
    case LA_REASON_WIRE_NO_MEMORY:
    case LA_REASON_NO_MEMORY:
        return "no memory";
    case LA_REASON_NO_ROUTE:
        return "no route";
    default:
        return "dropped";
    }
}

/* What stands behind an arrow that ends early, the longest first. */
static const char *
reason_text(const struct row *row, unsigned attempt)
{
    if (row->fate != FATE_LOST && row->at_end)
        return attempt == 0 ? "still under way" : attempt == 1 ? "under way" : "";
    if (row->fate != FATE_LOST)
        return attempt == 0 ? "fate unknown" : attempt == 1 ? "unknown" : "";
    if (attempt == 0)
        return row->reason != 0 ? la_reason_text((enum la_reason)row->reason) : "lost";
    return attempt == 1 ? short_reason(row->reason) : "";
}

/* Makes the label and picks the longest reason that leaves it its numbers. */
static const char *
make_label_and_reason(const struct la_story *st, const struct way *way, const struct row *row,
                      struct label *label)
{
    if (row->fate != FATE_LOST && row->fate != FATE_UNKNOWN) {
        la_label_make(st, label, row, way->n - AROUND_LABEL);
        return NULL;
    }
    for (unsigned attempt = 0;; attempt++) {
        const char *why = reason_text(row, attempt);
        uint32_t around = AROUND_LABEL + SHAFT_MIN + (uint32_t)la_text_columns(why);
        la_label_make(st, label, row, way->n > around ? way->n - around : 0);
        bool roomy = !label->overflow && label->columns + around <= way->n;
        /* Options may go to a second line, but not for the sake of a long reason. */
        if (attempt == 2 || roomy || (attempt == 1 && !label->cut))
            return why;
    }
}

static void
draw_lost(const struct way *way, const struct row *row, uint32_t cell, const char *why)
{
    uint32_t why_n = (uint32_t)la_text_columns(why);
    uint32_t room = way->n - cell;
    uint32_t shaft = room > why_n + 3 ? (room - why_n - 3) / 2 : 0;
    bool lost = row->fate == FATE_LOST;
    if (shaft < SHAFT_MIN)
        shaft = SHAFT_MIN;
    put_shaft(way, cell, cell + shaft);
    put_cell(way, cell + shaft, lost ? STYLE_BAD : STYLE_DIM, lost ? "✗" : "?");
    la_canvas_put(way->canvas, col_of_text(way, cell + shaft + 2, why_n),
                  lost ? STYLE_BAD : STYLE_DIM, why);
}

void
la_arrow_draw(const struct la_story *st, struct canvas *canvas, const struct row *row,
              struct label *label)
{
    const struct layout *l = &st->layout;
    struct way way = {.canvas = canvas,
                      .first_col = l->left_line_col + 1,
                      .end_col = l->right_line_col,
                      .n = l->right_line_col - l->left_line_col - 1,
                      .from = row->from,
                      .style = STYLE_DIM,
                      .shaft = "─"};
    if (row->again) {
        way.shaft = "╌";
        way.style = STYLE_AGAIN;
    }
    const char *why = make_label_and_reason(st, &way, row, label);
    label->reason_left = why != NULL && *why == 0 && row->fate == FATE_LOST;
    put_label(&way, label);

    bool departed = !la_instant_is_never(row->at[row->from]) || story_has(st, LA_STORY_ONE_SIDED);
    put_cell(&way, 0, (enum style)way.style, departed ? way.shaft : "┄");
    if (departed)
        la_canvas_put(canvas, row->from == LEFT ? l->left_line_col : l->right_line_col, STYLE_DIM,
                      row->from == LEFT ? "├" : "┤");
    uint32_t cell = label->columns + 3;
    if (why != NULL) {
        if (row->fate == FATE_UNKNOWN)
            way.shaft = "┄";
        draw_lost(&way, row, cell, why);
        return;
    }
    put_shaft(&way, cell, way.n - 1);
    if (row->fate == FATE_REFUSED)
        put_cell(&way, way.n - 1, STYLE_BAD, "✗");
    else
        put_cell(&way, way.n - 1, way.style == STYLE_DIM ? STYLE_PLAIN : (enum style)way.style,
                 row->from == LEFT ? "▶" : "◀");
}
