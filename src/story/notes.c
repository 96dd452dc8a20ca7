/* SPDX-License-Identifier: MIT
 *
 * notes.c - the words about a row: under it, on the side of the end that they are about, or
 * beside the ladder
 */
#include "story/draw.h"

static void
start(struct note_walk *walk, const struct note *note)
{
    walk->note = note;
    walk->rest = note != NULL ? note->text : "";
    walk->begun = false;
    walk->cite_left = note != NULL && note->cite != NULL;
}

void
la_notes_begin(struct note_walk *walk, const struct la_story *st, const struct row *row)
{
    walk->st = st;
    start(walk, row->notes);
}

void
la_notes_skip(struct note_walk *walk)
{
    start(walk, walk->note->next);
}

struct line {
    struct text words, cite; /* the citation may follow the words, or stand alone */
    bool first, last;        /* of its note */
};

/* The next line of the present note in at most `columns`. */
static void
take_line(struct note_walk *walk, uint32_t columns, bool side_is_shown, struct line *line)
{
    const struct note *note = walk->note;
    line->words = line->cite = text_empty();
    line->first = !walk->begun;
    uint32_t cite_n = note->cite != NULL ? (uint32_t)la_text_columns(note->cite) + 3 : 0;
    if (line->first && side_is_shown && la_text_columns(note->text) + cite_n > columns)
        walk->rest = note->text + note->name_n;
    walk->begun = true;
    if (*walk->rest != 0)
        walk->rest = la_text_wrap(walk->rest, columns, &line->words);
    uint32_t words_n = (uint32_t)la_text_columns(line->words.p);
    if (walk->cite_left && *walk->rest == 0 && words_n + cite_n <= columns) {
        la_text_add(&line->cite, words_n != 0 ? " · %s" : "%s", note->cite);
        walk->cite_left = false;
    }
    line->last = *walk->rest == 0 && !walk->cite_left;
}

static void
put_line(const struct note_walk *walk, struct canvas *canvas, uint32_t col, const struct line *line)
{
    enum style style = (enum style)walk->note->style;
    /* The change itself is marked in the ladder; its explanation need not shout. */
    if (style == STYLE_STATE)
        style = STYLE_PLAIN;
    col = la_canvas_put(canvas, col, style, line->words.p);
    la_canvas_put(canvas, col, STYLE_DIM, line->cite.p);
}

void
la_notes_beside(struct note_walk *walk, struct canvas *canvas)
{
    const struct layout *l = &walk->st->layout;
    if (l->note_col == 0 || walk->note == NULL)
        return;
    struct line line;
    uint32_t indent = walk->begun ? 2 : 0;
    take_line(walk, l->note_n - indent, false, &line);
    put_line(walk, canvas, l->note_col + indent, &line);
    if (line.last)
        la_notes_skip(walk);
}

/* The lifelines go on where the words leave room. */
static void
put_lifelines(const struct layout *l, struct canvas *canvas)
{
    const uint32_t cols[2] = {l->left_line_col, l->right_line_col};
    for (unsigned i = 0; i < 2; i++)
        if (canvas->code[cols[i] - 1] == 0 && canvas->code[cols[i]] == 0 &&
            canvas->code[cols[i] + 1] == 0)
            la_canvas_put(canvas, cols[i], STYLE_DIM, "│");
}

static void
write_under(struct note_walk *walk)
{
    const struct la_story *st = walk->st;
    const struct layout *l = &st->layout;
    struct line line = {.last = false};
    while (!line.last) {
        struct canvas canvas;
        la_canvas_clear(&canvas, st->cfg.width);
        take_line(walk, l->width - l->tag_n - 2, true, &line);
        if (walk->note->side == LEFT) {
            put_line(walk, &canvas, l->tag_n + 2, &line);
            if (line.first)
                la_canvas_put(&canvas, l->tag_n, STYLE_DIM, "╰");
        } else {
            uint32_t n = (uint32_t)(la_text_columns(line.words.p) + la_text_columns(line.cite.p));
            put_line(walk, &canvas, l->width - 2 - n, &line);
            if (line.last)
                la_canvas_put(&canvas, l->width - 1, STYLE_DIM, "╯");
        }
        put_lifelines(l, &canvas);
        la_ladder_write(st, &canvas);
    }
    la_notes_skip(walk);
}

void
la_notes_end(struct note_walk *walk)
{
    const struct la_story *st = walk->st;
    while (walk->note != NULL) {
        if (st->layout.note_col == 0) {
            write_under(walk);
        } else {
            struct canvas canvas;
            la_ladder_frame(st, &canvas, NULL);
            la_notes_beside(walk, &canvas);
            la_ladder_write(st, &canvas);
        }
    }
}
