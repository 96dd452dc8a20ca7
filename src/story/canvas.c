/* SPDX-License-Identifier: MIT
 *
 * canvas.c - one line of cells, and how it becomes octets
 *
 * The palette keeps to attributes and colours that are legible on dark and on light terminals: no
 * blue, no bright variants, yellow for tags alone; and no meaning stands in a colour alone.
 */
#include "story/text.h"

#include <string.h>

enum { NO_BREAK_SPACE = 0xa0 };

static const char *const sgr[STYLE_COUNT] = {
    [STYLE_PLAIN] = "0",      [STYLE_DIM] = "0;2",      [STYLE_STRONG] = "0;1",
    [STYLE_STATE] = "0;1;36", [STYLE_BAD] = "0;31",     [STYLE_AGAIN] = "0;35",
    [STYLE_TAG] = "0;36",     [STYLE_TAG + 1] = "0;32", [STYLE_TAG + 2] = "0;33",
    [STYLE_TAG + 3] = "0;35",
};

/* Every glyph that the views draw, and the one character that stands for it in ASCII. */
static const struct {
    uint16_t code;
    char ascii;
} substitutes[] = {
    {0x2500, '-'},  /* ─ */
    {0x254c, '~'},  /* ╌ */
    {0x2504, '.'},  /* ┄ */
    {0x25b6, '>'},  /* ▶ */
    {0x25c0, '<'},  /* ◀ */
    {0x25b8, '*'},  /* ▸ */
    {0x25c2, '*'},  /* ◂ */
    {0x2717, 'x'},  /* ✗ */
    {0x22ee, ':'},  /* ⋮ */
    {0x2502, '|'},  /* │ */
    {0x251c, '|'},  /* ├ */
    {0x2524, '|'},  /* ┤ */
    {0x252c, '+'},  /* ┬ */
    {0x2534, '+'},  /* ┴ */
    {0x25cf, 'o'},  /* ● */
    {0x2570, '`'},  /* ╰ */
    {0x256f, '\''}, /* ╯ */
    {0x2192, '>'},  /* → */
    {0x2190, '<'},  /* ← */
    {0x00b7, '-'},  /* · */
    {0x00b5, 'u'},  /* µ */
    {0x00d7, 'x'},  /* × */
    {0x2026, '~'},  /* … */
    {0x2022, 'o'},  /* • */
    {0x2503, '%'},  /* ┃ */
    {0x25aa, '='},  /* ▪ */
    {0x2588, '#'},  /* █ */
    {0x2581, '_'},  /* ▁ */
    {0x2582, '.'},  /* ▂ */
    {0x2583, '.'},  /* ▃ */
    {0x2584, ':'},  /* ▄ */
    {0x2585, ':'},  /* ▅ */
    {0x2586, '|'},  /* ▆ */
    {0x2587, '#'},  /* ▇ */
};

void
la_canvas_clear(struct canvas *canvas, uint32_t width)
{
    memset(canvas, 0, sizeof(*canvas));
    canvas->width = width < LA_STORY_WIDTH_MAX ? width : LA_STORY_WIDTH_MAX;
}

static void
set(struct canvas *canvas, uint32_t col, enum style style, uint32_t code)
{
    if (col < canvas->width) {
        canvas->code[col] = code;
        canvas->style[col] = (uint8_t)style;
    }
}

uint32_t
la_canvas_put(struct canvas *canvas, uint32_t col, enum style style, const char *utf8)
{
    for (uint32_t code; (code = la_utf8_next(&utf8)) != 0; col++)
        set(canvas, col, style, code);
    return col;
}

uint32_t
la_canvas_put_right(struct canvas *canvas, uint32_t end, enum style style, const char *utf8)
{
    uint32_t n = (uint32_t)la_text_columns(utf8);
    for (; n > end; n--)
        la_utf8_next(&utf8);
    la_canvas_put(canvas, end - n, style, utf8);
    return end - n;
}

uint32_t
la_canvas_fill(struct canvas *canvas, uint32_t col, uint32_t n, enum style style, const char *glyph)
{
    uint32_t code = la_utf8_next(&glyph);
    for (uint32_t i = 0; i < n && i < LA_STORY_WIDTH_MAX; i++)
        set(canvas, col + i, style, code);
    return col + n;
}

static char
ascii_of(uint32_t code)
{
    for (size_t i = 0; i < sizeof(substitutes) / sizeof(substitutes[0]); i++)
        if (substitutes[i].code == code)
            return substitutes[i].ascii;
    return '?';
}

static size_t
encode(uint32_t code, uint32_t flags, char out[3])
{
    if (code < 0x80 || code == NO_BREAK_SPACE) {
        out[0] = code < 0x20 || code >= 0x7f ? ' ' : (char)code;
        return 1;
    }
    if ((flags & LA_STORY_ASCII) != 0) {
        out[0] = ascii_of(code);
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | (code >> 12 & 0xf));
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

static size_t
encode_style(uint8_t style, char *out)
{
    size_t n = strlen(sgr[style]);
    memcpy(out, "\033[", 2);
    memcpy(out + 2, sgr[style], n);
    out[n + 2] = 'm';
    return n + 3;
}

void
la_canvas_write(const struct canvas *canvas, uint32_t flags, const struct la_story_writer *writer)
{
    /* Three octets and a change of style per cell at most. */
    char line[LA_STORY_WIDTH_MAX * (3 + 10) + 16];
    size_t n = 0;
    uint32_t end = canvas->width;
    while (end > 0 && canvas->code[end - 1] == 0)
        end--;
    uint8_t style = STYLE_PLAIN;
    for (uint32_t col = 0; col < end; col++) {
        uint32_t code = canvas->code[col];
        if ((flags & LA_STORY_COLOR) != 0 && code != 0 && canvas->style[col] != style) {
            style = canvas->style[col];
            n += encode_style(style, line + n);
        }
        n += encode(code, flags, line + n);
    }
    if (style != STYLE_PLAIN)
        n += encode_style(STYLE_PLAIN, line + n);
    line[n++] = '\n';
    if (writer->write != NULL)
        writer->write(writer->ctx, line, n);
}
