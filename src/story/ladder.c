/* SPDX-License-Identifier: MIT
 *
 * ladder.c - rows between two lifelines, headers, collapsed runs
 */
#include "story/story.h"

/* "── #1  client 10.0.0.1:49152  server 10.0.0.2:80 ────" */
static void
announce(struct la_story *st, struct conn *conn)
{
    struct canvas canvas;
    canvas_clear(&canvas, st->cfg.width);
    uint32_t col = canvas_put(&canvas, 0, STYLE_DIM, "──");
    struct text tag = text_empty();
    ladder_tag(conn, &tag);
    col = canvas_put(&canvas, col + 1, ladder_tag_style(conn), tag.p);
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        struct text text = text_empty();
        text_add(&text, "%s ", st->name[side].p);
        text_endpoint(&text, &conn->endpoint[side]);
        uint32_t n = (uint32_t)text_columns(text.p);
        if (side == RIGHT && col + 2 + n > st->layout.width) {
            ladder_write(st, &canvas);
            canvas_clear(&canvas, st->cfg.width);
            col = 4;
        }
        col = canvas_put(&canvas, col + 2, STYLE_STRONG, text.p);
    }
    if (col + 1 < st->layout.width)
        canvas_fill(&canvas, col + 1, st->layout.width - col - 1, STYLE_DIM, "─");
    ladder_write(st, &canvas);
    conn->announced = true;
    st->alive_n++;
}

/* Whose side is whose, in what unit, and where the lifelines begin. */
static void
open_lines(struct la_story *st)
{
    const struct layout *l = &st->layout;
    struct canvas canvas;
    canvas_clear(&canvas, st->cfg.width);
    canvas_put_right(&canvas, l->tag_n + l->time_n, STYLE_DIM, "ms");
    canvas_put_right(&canvas, l->left_line_col - 1, STYLE_STRONG, st->name[LEFT].p);
    canvas_put(&canvas, l->left_line_col, STYLE_DIM, "┬");
    canvas_put(&canvas, l->right_line_col, STYLE_DIM, "┬");
    canvas_put(&canvas, l->right_line_col + 2, STYLE_STRONG, st->name[RIGHT].p);
    if (!story_has(st, LA_STORY_ONE_SIDED))
        canvas_put_right(&canvas, l->width, STYLE_DIM, "ms");
    ladder_write(st, &canvas);
    st->ladder_open = true;
}

void
ladder_close(struct la_story *st)
{
    if (!st->ladder_open)
        return;
    struct canvas canvas;
    canvas_clear(&canvas, st->cfg.width);
    canvas_put(&canvas, st->layout.left_line_col, STYLE_DIM, "┴");
    canvas_put(&canvas, st->layout.right_line_col, STYLE_DIM, "┴");
    ladder_write(st, &canvas);
    st->ladder_open = false;
}

static void
prepare(struct la_story *st, struct conn *conn)
{
    if (conn != NULL && !conn->announced)
        announce(st, conn);
    ladder_layout(st);
    if (!st->ladder_open)
        open_lines(st);
}

/* What did not fit into the arrow: on lines below it, on the sender's side. */
static void
write_overflow(struct la_story *st, const struct row *row, const struct label *label,
               struct note_walk *walk)
{
    const struct layout *l = &st->layout;
    struct text words = text_empty(), line = text_empty();
    for (size_t i = 0; i < label->n; i++)
        if (label->piece[i].rank == 0 && !label->piece[i].chosen)
            text_add(&words, words.n == 0 ? "%s" : " %s", label->piece[i].text.p);
    const char *rest = words.p;
    while (*rest != 0) {
        struct canvas canvas;
        rest = wrap_take(rest, l->right_line_col - l->left_line_col - 5, &line);
        ladder_frame(st, &canvas, NULL);
        if (row->from == LEFT)
            canvas_put(&canvas, l->left_line_col + 3, STYLE_PLAIN, line.p);
        else
            canvas_put_right(&canvas, l->right_line_col - 2, STYLE_PLAIN, line.p);
        notes_beside(walk, &canvas);
        ladder_write(st, &canvas);
    }
}

/* A call's or timer's line; takes the first note along if there is room for it. */
static void
draw_line(const struct la_story *st, struct canvas *canvas, const struct row *row,
          struct note_walk *walk)
{
    const struct layout *l = &st->layout;
    uint32_t room = l->right_line_col - l->left_line_col - 3;
    struct text text = text_empty();
    wrap_take(row->title, room, &text);
    uint32_t title_n = (uint32_t)text_columns(text.p);
    if (l->note_col == 0 && *walk->rest != 0 &&
        title_n + 3 + text_columns(walk->whole.p) <= room) {
        text_add(&text, title_n != 0 ? " · %s" : "%s", walk->whole.p);
        notes_skip(walk);
    }
    uint32_t col = l->left_line_col + 2;
    if (row->from == RIGHT)
        col = l->right_line_col - 1 - (uint32_t)text_columns(text.p);
    canvas_put(canvas, col, STYLE_STRONG, text.p);
    canvas_put(canvas, row->from == LEFT ? l->left_line_col : l->right_line_col, STYLE_STRONG, "●");
}

void
ladder_row(struct la_story *st, struct row *row)
{
    if (st->cfg.ladder.write == NULL || story_has(st, LA_STORY_NO_LADDER))
        return;
    prepare(st, row->conn);
    struct canvas canvas;
    struct label label = {.n = 0};
    struct note_walk walk;
    notes_begin(&walk, st, row);
    ladder_frame(st, &canvas, row->conn);
    ladder_ends(st, &canvas, row);
    if (row->kind == ROW_SEGMENT)
        arrow_draw(st, &canvas, row, &label);
    else
        draw_line(st, &canvas, row, &walk);
    notes_beside(&walk, &canvas);
    ladder_write(st, &canvas);
    if (label.overflow)
        write_overflow(st, row, &label, &walk);
    notes_end(&walk);
}

/* "412 segments, 602,112 octets →, 206 acknowledgements ←, 1.2 s" */
static void
fold_text(const struct la_story *st, struct text *out, const struct fold *fold)
{
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        const char *way = side == LEFT ? st->to : st->from;
        if (fold->data_n[side] != 0) {
            text_comma(out);
            text_counted(out, fold->data_n[side], "segment");
            text_add(out, ", ");
            text_counted(out, fold->octets[side], "octet");
            text_add(out, " %s", way);
        }
    }
    for (unsigned side = LEFT; side <= RIGHT; side++)
        if (fold->acks_n[side] != 0) {
            text_comma(out);
            text_counted(out, fold->acks_n[side], "acknowledgement");
            text_add(out, " %s", side == LEFT ? st->to : st->from);
        }
    text_add(out, ", ");
    text_duration(out, ns_between(fold->last_at, fold->first_at));
}

void
ladder_fold(struct la_story *st, struct conn *conn)
{
    if (st->cfg.ladder.write == NULL || story_has(st, LA_STORY_NO_LADDER))
        return;
    prepare(st, conn);
    const struct layout *l = &st->layout;
    struct text words = text_empty(), line = text_empty();
    fold_text(st, &words, &conn->fold);
    for (const char *rest = words.p; *rest != 0;) {
        struct canvas canvas;
        ladder_frame(st, &canvas, conn);
        rest = wrap_take(rest, l->right_line_col - l->left_line_col - 4, &line);
        canvas_put(&canvas, l->left_line_col, STYLE_PLAIN, "⋮");
        canvas_put(&canvas, l->left_line_col + 2, STYLE_DIM, line.p);
        canvas_put(&canvas, l->right_line_col, STYLE_PLAIN, "⋮");
        ladder_write(st, &canvas);
    }
}
