/* SPDX-License-Identifier: MIT
 *
 * notes.c - the words about a row: under it, on the side of the end that they are about, or
 * beside the ladder
 */
#include "story/story.h"

#include <string.h>

const char *
wrap_take(const char *words, uint32_t columns, struct text *out)
{
    const char *p = words, *cut = NULL;
    uint32_t n = 0;
    out->n = 0;
    out->p[0] = 0;
    while (*p != 0) {
        if (*p == ' ')
            cut = p;
        if (n == columns)
            break;
        utf8_next(&p);
        n++;
    }
    if (*p == 0)
        cut = p;
    else if (cut == NULL || cut == words)
        cut = p;
    text_add(out, "%.*s", (int)(cut - words), words);
    while (*cut == ' ')
        cut++;
    return cut;
}

void
notes_skip(struct note_walk *walk)
{
    const struct note *note = walk->note;
    walk->rest = "";
    if (note == NULL)
        return;
    walk->note = note->next;
    walk->side = note->side;
    walk->style = note->style;
    walk->whole = text_empty();
    text_add(&walk->whole, "%s", note->text);
    walk->cite_col = (uint32_t)text_columns(walk->whole.p);
    if (note->cite != NULL)
        text_add(&walk->whole, " · %s", note->cite);
    walk->rest = walk->whole.p;
}

void
notes_begin(struct note_walk *walk, const struct la_story *st, const struct row *row)
{
    walk->st = st;
    walk->row = row;
    walk->note = row->notes;
    notes_skip(walk);
}

/* Draws `line`, which begins `from` columns into the whole note: the citation is dim. */
static void
put_line(const struct note_walk *walk, struct canvas *canvas, uint32_t col, const char *line,
         uint32_t from)
{
    uint32_t n = 0;
    for (const char *p = line; *p != 0; n++) {
        char glyph[5] = {0};
        const char *start = p;
        utf8_next(&p);
        memcpy(glyph, start, (size_t)(p - start));
        enum style style = from + n >= walk->cite_col ? STYLE_DIM : (enum style)walk->style;
        canvas_put(canvas, col + n, style, glyph);
    }
}

/* One line of the present note; true if it was its last. */
static bool
take_line(struct note_walk *walk, uint32_t columns, struct text *line, uint32_t *from)
{
    struct text before = text_empty();
    text_add(&before, "%.*s", (int)(walk->rest - walk->whole.p), walk->whole.p);
    *from = (uint32_t)text_columns(before.p);
    walk->rest = wrap_take(walk->rest, columns, line);
    return *walk->rest == 0;
}

void
notes_beside(struct note_walk *walk, struct canvas *canvas)
{
    const struct layout *l = &walk->st->layout;
    if (l->note_col == 0 || *walk->rest == 0)
        return;
    struct text line = text_empty();
    uint32_t from;
    uint32_t indent = walk->rest == walk->whole.p ? 0 : 2;
    bool last = take_line(walk, l->note_n - indent, &line, &from);
    put_line(walk, canvas, l->note_col + indent, line.p, from);
    if (last)
        notes_skip(walk);
}

static void
write_under(struct note_walk *walk)
{
    const struct la_story *st = walk->st;
    const struct layout *l = &st->layout;
    bool first = true, last = false;
    while (!last) {
        struct canvas canvas;
        struct text line = text_empty();
        uint32_t from;
        canvas_clear(&canvas, st->cfg.width);
        last = take_line(walk, l->width - l->tag_n - 3, &line, &from);
        if (walk->side == LEFT) {
            put_line(walk, &canvas, l->tag_n + 3, line.p, from);
            if (first)
                canvas_put(&canvas, l->tag_n + 1, STYLE_DIM, "╰");
        } else {
            uint32_t n = (uint32_t)text_columns(line.p);
            put_line(walk, &canvas, l->width - 3 - n, line.p, from);
            if (last)
                canvas_put(&canvas, l->width - 2, STYLE_DIM, "╯");
        }
        ladder_write(st, &canvas);
        first = false;
    }
}

void
notes_end(struct note_walk *walk)
{
    const struct la_story *st = walk->st;
    while (*walk->rest != 0) {
        if (st->layout.note_col == 0) {
            write_under(walk);
            notes_skip(walk);
        } else {
            struct canvas canvas;
            ladder_frame(st, &canvas, NULL);
            notes_beside(walk, &canvas);
            ladder_write(st, &canvas);
        }
    }
}
