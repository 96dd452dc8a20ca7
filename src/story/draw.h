/* SPDX-License-Identifier: MIT
 *
 * draw.h - rows as lines: what is shown, where it stands, how it looks
 */
#ifndef LA_STORY_DRAW_H
#define LA_STORY_DRAW_H

#include "story/story.h"

/* ---- fold.c ----------------------------------------------------------------------------- */

/* Shows the row or hides it; takes it. */
void la_fold_row(struct la_story *st, struct row *take_row);
/* Shows what is hidden of a connection. */
void la_fold_end(struct la_story *st, struct conn *conn);
void la_fold_drop(struct la_story *st, struct conn *conn);

/* ---- label.c ---------------------------------------------------------------------------- */

enum { LABEL_PIECES_N_MAX = 12 };

struct label_piece {
    struct text text;
    uint8_t style;
    uint8_t rank; /* 0: goes to a second line if it does not fit */
    bool option;  /* options go there together */
    bool chosen;
};
struct label {
    struct label_piece piece[LABEL_PIECES_N_MAX];
    size_t n;
    uint32_t columns; /* of the chosen ones with blanks between */
    bool overflow;    /* something that must be said was not chosen */
    bool reason_left; /* why it was lost did not fit either */
    bool cut;         /* and it was a number or the flags, not an option */
};
/* What stands in the arrow, in at most `columns`. */
void la_label_make(const struct la_story *st, struct label *label, const struct row *row,
                   uint32_t columns);

/* ---- layout.c: where things stand ------------------------------------------------------- */

void la_ladder_layout(struct la_story *st);
/* Lifelines and tag: what every line of the ladder begins with. conn may be NULL. */
void la_ladder_frame(const struct la_story *st, struct canvas *canvas, const struct conn *conn);
/* Times and states at both ends. */
void la_ladder_ends(const struct la_story *st, struct canvas *canvas, const struct row *row);
void la_ladder_write(const struct la_story *st, const struct canvas *canvas);
/* "#2"; four columns at most, so the last four digits of a high number. */
void la_ladder_tag(const struct conn *conn, struct text *out);
enum style la_ladder_tag_style(const struct conn *conn);

/* ---- arrow.c ---------------------------------------------------------------------------- */

/* The arrow with its label; *label tells what did not fit. */
void la_arrow_draw(const struct la_story *st, struct canvas *canvas, const struct row *row,
                   struct label *label);

/* ---- notes.c ---------------------------------------------------------------------------- */

/* Goes through the lines of a row's notes. */
struct note_walk {
    const struct la_story *st;
    const struct note *note; /* the present one; NULL at the end */
    const char *rest;        /* what is left of its text; "" while the citation is left */
    bool begun;
    bool cite_left;
};
void la_notes_begin(struct note_walk *walk, const struct la_story *st, const struct row *row);
/* On to the next note. */
void la_notes_skip(struct note_walk *walk);
/* With room beside the ladder: puts the next line, if any, onto a line already drawn. */
void la_notes_beside(struct note_walk *walk, struct canvas *canvas);
/* Writes all that is left on lines of their own. */
void la_notes_end(struct note_walk *walk);

/* ---- ladder.c --------------------------------------------------------------------------- */

void la_ladder_row(struct la_story *st, struct row *row);
void la_ladder_fold(struct la_story *st, struct conn *conn);
/* Ends the lifelines, if they run. */
void la_ladder_close(struct la_story *st);

#endif
