/* SPDX-License-Identifier: MIT
 *
 * ladder.c - rows between two lifelines, headers, collapsed runs
 */
#include "story/draw.h"

/* "── #1  client 10.0.0.1:49152  server 10.0.0.2:80 ────" */
static void
announce(struct la_story *st, struct conn *conn)
{
    struct canvas canvas;
    la_canvas_clear(&canvas, st->cfg.width);
    uint32_t col = la_canvas_put(&canvas, 0, STYLE_DIM, "──");
    struct text tag = text_empty();
    la_text_add(&tag, "#%u", conn->number);
    col = la_canvas_put(&canvas, col + 1, la_ladder_tag_style(conn), tag.p);
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        struct text text = text_empty();
        la_text_add(&text, "%s ", st->name[side].p);
        la_text_endpoint(&text, &conn->endpoint[side]);
        uint32_t n = (uint32_t)la_text_columns(text.p);
        if (side == RIGHT && col + 2 + n > st->layout.width) {
            la_ladder_write(st, &canvas);
            la_canvas_clear(&canvas, st->cfg.width);
            col = 4;
        }
        col = la_canvas_put(&canvas, col + 2, STYLE_STRONG, text.p);
    }
    if (col + 1 < st->layout.width)
        la_canvas_fill(&canvas, col + 1, st->layout.width - col - 1, STYLE_DIM, "─");
    la_ladder_write(st, &canvas);
    conn->announced = true;
    st->alive_n++;
}

/* Whose side is whose, in what unit, and where the lifelines begin. */
static void
open_lines(struct la_story *st)
{
    const struct layout *l = &st->layout;
    struct canvas canvas;
    la_canvas_clear(&canvas, st->cfg.width);
    la_canvas_put_right(&canvas, l->tag_n + l->time_n, STYLE_DIM, "ms");
    la_canvas_put_right(&canvas, l->left_line_col - 1, STYLE_STRONG, st->name[LEFT].p);
    la_canvas_put(&canvas, l->left_line_col, STYLE_DIM, "┬");
    la_canvas_put(&canvas, l->right_line_col, STYLE_DIM, "┬");
    la_canvas_put(&canvas, l->right_line_col + 2, STYLE_STRONG, st->name[RIGHT].p);
    if (!story_has(st, LA_STORY_ONE_SIDED))
        la_canvas_put_right(&canvas, l->width, STYLE_DIM, "ms");
    la_ladder_write(st, &canvas);
    st->ladder_open = true;
}

void
la_ladder_close(struct la_story *st)
{
    if (!st->ladder_open)
        return;
    struct canvas canvas;
    la_canvas_clear(&canvas, st->cfg.width);
    la_canvas_put(&canvas, st->layout.left_line_col, STYLE_DIM, "┴");
    la_canvas_put(&canvas, st->layout.right_line_col, STYLE_DIM, "┴");
    la_ladder_write(st, &canvas);
    st->ladder_open = false;
}

static void
prepare(struct la_story *st, struct conn *conn)
{
    if (conn != NULL && !conn->announced)
        announce(st, conn);
    la_ladder_layout(st);
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
    if (label->reason_left)
        la_text_add(&words, "%s", la_reason_text((enum la_reason)row->reason));
    for (size_t i = 0; i < label->n; i++)
        if (label->piece[i].rank == 0 && !label->piece[i].chosen)
            la_text_add(&words, words.n == 0 ? "%s" : " %s", label->piece[i].text.p);
    const char *rest = words.p;
    while (*rest != 0) {
        struct canvas canvas;
        rest = la_text_wrap(rest, l->right_line_col - l->left_line_col - 5, &line);
        la_ladder_frame(st, &canvas, NULL);
        if (row->from == LEFT)
            la_canvas_put(&canvas, l->left_line_col + 3, STYLE_PLAIN, line.p);
        else
            la_canvas_put_right(&canvas, l->right_line_col - 2, STYLE_PLAIN, line.p);
        la_notes_beside(walk, &canvas);
        la_ladder_write(st, &canvas);
    }
}

/* A line between the lifelines, on the side of the end that it is about. */
struct inside {
    const char *title, *words, *cite; /* "" for none */
};

static uint32_t
inside_columns(const struct inside *in)
{
    return (uint32_t)(la_text_columns(in->title) + la_text_columns(in->words) +
                      la_text_columns(in->cite));
}

static void
put_inside(const struct la_story *st, struct canvas *canvas, unsigned side, const struct inside *in)
{
    const struct layout *l = &st->layout;
    uint32_t col = side == LEFT ? l->left_line_col + 2 : l->right_line_col - 1 - inside_columns(in);
    col = la_canvas_put(canvas, col, STYLE_STRONG, in->title);
    col = la_canvas_put(canvas, col, STYLE_PLAIN, in->words);
    la_canvas_put(canvas, col, STYLE_DIM, in->cite);
}

/* A call's or timer's line. There is no arrow in its way, so it takes its first note along if that
 * fits, on at most two lines. */
static void
write_line(struct la_story *st, struct canvas *canvas, const struct row *row,
           struct note_walk *walk)
{
    const struct layout *l = &st->layout;
    uint32_t room = l->right_line_col - l->left_line_col - 3;
    struct text title = text_empty(), words = text_empty(), cite = text_empty();
    la_text_wrap(row->title, room, &title);
    la_canvas_put(canvas, row->from == LEFT ? l->left_line_col : l->right_line_col, STYLE_STRONG,
                  "●");
    struct inside in = {title.p, "", ""};
    const struct note *note = l->note_col == 0 ? walk->note : NULL;
    bool taken = false, cite_left = false;
    if (note != NULL) {
        la_text_add(&words, title.n != 0 ? " · %s" : "%s", note->text + note->name_n);
        taken = la_text_columns(title.p) + la_text_columns(words.p) <= room;
    }
    if (taken) {
        in.words = words.p;
        la_text_add(&cite, note->cite != NULL ? " · %s" : "%s",
                    note->cite != NULL ? note->cite : "");
        in.cite = cite.p;
        cite_left = inside_columns(&in) > room;
        if (cite_left)
            in.cite = "";
    }
    put_inside(st, canvas, row->from, &in);
    la_notes_beside(walk, canvas);
    la_ladder_write(st, canvas);
    if (cite_left) {
        la_ladder_frame(st, canvas, NULL);
        put_inside(st, canvas, row->from, &(struct inside){"", "", note->cite});
        la_ladder_write(st, canvas);
    }
    if (taken)
        la_notes_skip(walk);
}

/* A segment's line, and a second one where its options did not fit. */
static void
write_segment(struct la_story *st, struct canvas *canvas, const struct row *row,
              struct note_walk *walk)
{
    struct label label = {.n = 0};
    la_arrow_draw(st, canvas, row, &label);
    la_notes_beside(walk, canvas);
    la_ladder_write(st, canvas);
    if (label.overflow || label.reason_left)
        write_overflow(st, row, &label, walk);
}

void
la_ladder_row(struct la_story *st, struct row *row)
{
    if (st->cfg.ladder.write == NULL || story_has(st, LA_STORY_NO_LADDER))
        return;
    prepare(st, row->conn);
    struct canvas canvas;
    struct note_walk walk;
    la_notes_begin(&walk, st, row);
    la_ladder_frame(st, &canvas, row->conn);
    la_ladder_ends(st, &canvas, row);
    if (row->kind == ROW_SEGMENT)
        write_segment(st, &canvas, row, &walk);
    else
        write_line(st, &canvas, row, &walk);
    la_notes_end(&walk);
}

/* "412 segments, 602,112 octets →, 206 acknowledgements ←, 1.2 s": breaks at commas only. */
static void
fold_text(const struct la_story *st, struct text *out, const struct fold *fold)
{
    struct text plain = text_empty();
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        if (fold->data_n[side] == 0)
            continue;
        la_text_comma(&plain);
        la_text_counted(&plain, fold->data_n[side], "segment");
        la_text_comma(&plain);
        la_text_counted(&plain, fold->octets[side], "octet");
        la_text_add(&plain, " %s", side == LEFT ? st->to : st->from);
    }
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        if (fold->acks_n[side] == 0)
            continue;
        la_text_comma(&plain);
        la_text_counted(&plain, fold->acks_n[side], "acknowledgement");
        la_text_add(&plain, " %s", side == LEFT ? st->to : st->from);
    }
    la_text_comma(&plain);
    la_text_duration(&plain, la_story_ns_between(fold->last_at, fold->first_at));
    la_text_tie(out, plain.p, ", ");
}

void
la_ladder_fold(struct la_story *st, struct conn *conn)
{
    if (st->cfg.ladder.write == NULL || story_has(st, LA_STORY_NO_LADDER))
        return;
    prepare(st, conn);
    const struct layout *l = &st->layout;
    struct text words = text_empty(), line = text_empty();
    fold_text(st, &words, &conn->fold);
    for (const char *rest = words.p; *rest != 0;) {
        struct canvas canvas;
        la_ladder_frame(st, &canvas, conn);
        rest = la_text_wrap(rest, l->right_line_col - l->left_line_col - 4, &line);
        la_canvas_put(&canvas, l->left_line_col, STYLE_PLAIN, "⋮");
        la_canvas_put(&canvas, l->left_line_col + 2, STYLE_DIM, line.p);
        la_canvas_put(&canvas, l->right_line_col, STYLE_PLAIN, "⋮");
        la_ladder_write(st, &canvas);
    }
}
