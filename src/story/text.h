/* SPDX-License-Identifier: MIT
 *
 * text.h - pieces of text, a line of cells, numbers in words
 *
 * A line of the ladder is drawn on cells, one column each, and encoded at the end: so no line
 * can be wider than the canvas, and ASCII and colours are questions of encoding alone.
 */
#ifndef LA_STORY_TEXT_H
#define LA_STORY_TEXT_H

#include <lastack/story.h>

/* ---- text: always zero-terminated, valid UTF-8, cut when it is full --------------------- */

struct text {
    char p[512];
    size_t n;
};

static inline struct text
text_empty(void)
{
    return (struct text){.n = 0};
}

__attribute__((format(printf, 2, 3))) void la_text_add(struct text *text, const char *format, ...);
/* A comma and a blank, unless the text is still empty. */
void la_text_comma(struct text *text);
/* Both. */
__attribute__((format(printf, 2, 3))) void la_text_list(struct text *text, const char *format, ...);

/* "850 µs", "40.0 ms", "1.02 s", "2 min 7 s"; never negative. */
void la_text_duration(struct text *text, int64_t ns);
/* "602,112" */
void la_text_count(struct text *text, uint64_t n);
/* "1 segment", "1,204 segments" */
void la_text_counted(struct text *text, uint64_t n, const char *noun);
/* "10.0.0.1:80", "[2001:db8::1]:80", "*:80" */
void la_text_endpoint(struct text *text, const struct la_endpoint *endpoint);
/* A name from outside: control characters, invalid UTF-8 and what is not one column wide become
 * '?'. At most max_n columns. */
void la_text_name(struct text *text, const char *name, size_t max_n);

/* Blanks become no-break spaces, except those at the end of `unless`. */
void la_text_tie(struct text *text, const char *words, const char *unless);

/* Takes as many words as fit into `columns` (at least one piece of a word): returns the rest,
 * which is "" at the end. */
const char *la_text_wrap(const char *words, uint32_t columns, struct text *out);

/* Columns that valid UTF-8 takes, one per code point (nothing else gets into a text). */
size_t la_text_columns(const char *utf8);
/* Reads one code point and moves on; 0xfffd for an invalid sequence, 0 at the end. */
uint32_t la_utf8_next(const char **utf8);

/* a - b in nanoseconds; saturates, so that hostile instants cannot overflow. */
int64_t la_story_ns_between(la_instant a, la_instant b);

/* ---- the canvas: one line --------------------------------------------------------------- */

enum style {
    STYLE_PLAIN,
    STYLE_DIM,    /* lifelines, what did not change, citations */
    STYLE_STRONG, /* what changed */
    STYLE_STATE,  /* a new state */
    STYLE_BAD,    /* loss, reset, error */
    STYLE_AGAIN,  /* retransmissions and what belongs to them */
    STYLE_TAG,    /* first of four colours that tell connections apart */
    STYLE_COUNT = STYLE_TAG + 4
};

struct canvas {
    uint32_t width;
    uint32_t code[LA_STORY_WIDTH_MAX]; /* code points, 0 = blank */
    uint8_t style[LA_STORY_WIDTH_MAX];
};

void la_canvas_clear(struct canvas *canvas, uint32_t width);
/* Draws at column col (clipped), returns the column behind the text. */
uint32_t la_canvas_put(struct canvas *canvas, uint32_t col, enum style style, const char *utf8);
/* The same, ending before column `end`; returns the first column. */
uint32_t la_canvas_put_right(struct canvas *canvas, uint32_t end, enum style style,
                             const char *utf8);
/* One glyph, n times. */
uint32_t la_canvas_fill(struct canvas *canvas, uint32_t col, uint32_t n, enum style style,
                        const char *glyph);
/* Writes the line without trailing blanks, and a newline. flags: LA_STORY_COLOR, _ASCII. */
void la_canvas_write(const struct canvas *canvas, uint32_t flags,
                     const struct la_story_writer *writer);

#endif
