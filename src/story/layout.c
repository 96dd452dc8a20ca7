/* SPDX-License-Identifier: MIT
 *
 * layout.c - the ladder's columns
 *
 *     [tag] time  state<│ arrow                 │>state  time   [notes]
 *
 * The two halves mirror each other, so that states stand against their lifeline. From
 * NOTES_BESIDE_COLUMNS on there is room for the notes beside the ladder.
 */
#include "story/draw.h"

#include <stdio.h>

enum {
    TERSE_COLUMNS = 72,         /* below: short states, short times */
    SPACIOUS_COLUMNS = 48,      /* between the lifelines: from here on "seq 1 len 1460" */
    NOTES_BESIDE_COLUMNS = 170, /* from here on */
    NOTES_COLUMNS_MIN = 86,     /* most notes take one line */
    LADDER_COLUMNS_MAX = 120,
    TAG_COLUMNS = 4,
    STATE_COLUMNS = 12, /* SYN-RECEIVED */
    STATE_COLUMNS_TERSE = 8
};

void
la_ladder_layout(struct la_story *st)
{
    struct layout *l = &st->layout;
    uint32_t width = st->cfg.width;
    l->terse = width < TERSE_COLUMNS;
    l->time_n = l->terse ? 7 : 8;
    l->state_n = l->terse ? STATE_COLUMNS_TERSE : STATE_COLUMNS;
    /* Once several were alive, tags stay until none is: the last one must be told, too. */
    l->tag_n = st->alive_n > 1 || (l->tag_n != 0 && st->alive_n != 0) ? TAG_COLUMNS : 0;
    l->width = width;
    l->note_col = 0;
    if (width >= NOTES_BESIDE_COLUMNS) {
        l->width = width - NOTES_COLUMNS_MIN - 2;
        if (l->width > LADDER_COLUMNS_MAX)
            l->width = LADDER_COLUMNS_MAX;
        l->note_col = l->width + 2;
        l->note_n = width - l->note_col;
    } else if (l->width > LADDER_COLUMNS_MAX) {
        l->width = LADDER_COLUMNS_MAX;
    }
    l->left_line_col = l->tag_n + l->time_n + 1 + l->state_n + 1;
    uint32_t right_n = 1 + l->state_n;
    if (!story_has(st, LA_STORY_ONE_SIDED))
        right_n += 1 + l->time_n;
    l->right_line_col = l->width - right_n - 1;
    l->spacious = l->right_line_col - l->left_line_col > SPACIOUS_COLUMNS;
}

void
la_ladder_write(const struct la_story *st, const struct canvas *canvas)
{
    la_canvas_write(canvas, st->cfg.flags, &st->cfg.ladder);
}

void
la_ladder_tag(const struct conn *conn, struct text *out)
{
    la_text_add(out, conn->number < 1000 ? "#%u" : "%u", conn->number % 10000);
}

enum style
la_ladder_tag_style(const struct conn *conn)
{
    return (enum style)(STYLE_TAG + (conn->number + 3) % 4);
}

void
la_ladder_frame(const struct la_story *st, struct canvas *canvas, const struct conn *conn)
{
    const struct layout *l = &st->layout;
    la_canvas_clear(canvas, st->cfg.width);
    if (l->tag_n != 0 && conn != NULL) {
        struct text tag = text_empty();
        la_ladder_tag(conn, &tag);
        la_canvas_put(canvas, 0, la_ladder_tag_style(conn), tag.p);
    }
    la_canvas_put(canvas, l->left_line_col, STYLE_DIM, "│");
    la_canvas_put(canvas, l->right_line_col, STYLE_DIM, "│");
}

/* Milliseconds up to ten seconds, then seconds: as many decimals (at most three) as fit. */
static void
format_time(struct text *out, int64_t ns, uint32_t columns)
{
    char digits[64];
    bool ms = ns > -INT64_C(1000000000) && ns < INT64_C(10000000000);
    double value = ms ? (double)ns / 1e6 : (double)ns / 1e9;
    for (int decimals = 3; decimals >= 0; decimals--) {
        int n = snprintf(digits, sizeof(digits), "%.*f%s", decimals, value, ms ? "" : " s");
        if (n > 0 && (uint32_t)n <= columns) {
            la_text_add(out, "%s", digits);
            return;
        }
    }
    la_text_add(out, ns < 0 ? "before" : "later");
}

/* An instant counted from the connection's beginning, in at most `columns`. */
static void
put_time(const struct la_story *st, struct text *out, const struct conn *conn, la_instant at,
         uint32_t columns)
{
    bool common = conn == NULL || story_has(st, LA_STORY_COMMON_CLOCK);
    format_time(out, la_story_ns_between(at, common ? st->first_at : conn->first_at), columns);
}

/* For 60 columns: no RFC has names that short. */
static const char *
state_terse(uint8_t state)
{
    static const char *const names[LA_TCP_STATE_COUNT] = {
        [LA_TCP_CLOSED] = "CLOSED",
        [LA_TCP_LISTEN] = "LISTEN",
        [LA_TCP_SYN_SENT] = "SYN-SENT",
        [LA_TCP_SYN_RECEIVED] = "SYN-RCVD",
        [LA_TCP_SYN_RECEIVED_ACTIVE] = "SYN-RCVD",
        [LA_TCP_ESTABLISHED] = "ESTAB",
        [LA_TCP_FIN_WAIT_1] = "FIN-W-1",
        [LA_TCP_FIN_WAIT_2] = "FIN-W-2",
        [LA_TCP_CLOSE_WAIT] = "CLOSE-W",
        [LA_TCP_CLOSING] = "CLOSING",
        [LA_TCP_LAST_ACK] = "LAST-ACK",
        [LA_TCP_TIME_WAIT] = "TIME-W",
    };
    return state < LA_TCP_STATE_COUNT && names[state] != NULL ? names[state] : "?";
}

static void
put_state(const struct la_story *st, struct canvas *canvas, const struct row *row, unsigned side)
{
    const struct layout *l = &st->layout;
    if (row->state[side] == 0)
        return;
    const char *name =
        l->terse ? state_terse(row->state[side]) : story_state_name(st, row->state[side]);
    bool changed = row->changed[side];
    enum style style = changed ? STYLE_STATE : STYLE_DIM;
    if (side == LEFT) {
        la_canvas_put_right(canvas, l->left_line_col - 1, style, name);
        if (changed)
            la_canvas_put(canvas, l->left_line_col - 1, style, "◂");
    } else {
        la_canvas_put(canvas, l->right_line_col + 2, style, name);
        if (changed)
            la_canvas_put(canvas, l->right_line_col + 1, style, "▸");
    }
}

void
la_ladder_ends(const struct la_story *st, struct canvas *canvas, const struct row *row)
{
    const struct layout *l = &st->layout;
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        put_state(st, canvas, row, side);
        if (la_instant_is_never(row->at[side]))
            continue;
        struct text time = text_empty();
        put_time(st, &time, row->conn, row->at[side], l->time_n);
        bool left = side == LEFT || story_has(st, LA_STORY_ONE_SIDED);
        la_canvas_put_right(canvas, left ? l->tag_n + l->time_n : l->width, STYLE_PLAIN, time.p);
    }
}
