/* SPDX-License-Identifier: MIT
 *
 * print.c - words of a scenario beside its ladder: headings, paragraphs
 */
#include "lab/print.h"

#include <string.h>

/* Longer lines of prose are hard to read, whatever the terminal. */
enum { PROSE_COLUMNS_MAX = 100, COLUMNS_DEFAULT = 80 };

static void
put(const struct la_story_writer *out, const char *text, size_t n)
{
    if (out->write != NULL && n != 0)
        out->write(out->ctx, text, n);
}

void
la_lab_put_text(const struct la_story_writer *out, const char *text)
{
    put(out, text, strlen(text));
}

/* One paragraph of n octets, broken between words, without the last line end; lines behind the
 * first one begin with blanks as wide as `first`. */
static void
put_paragraph(const struct la_story_cfg *story, const char *first, const char *text, size_t n)
{
    const struct la_story_writer *out = &story->ladder;
    size_t columns = story->width == 0 ? (size_t)COLUMNS_DEFAULT : story->width;
    size_t indent_n = strlen(first), at = 0;
    if (columns > PROSE_COLUMNS_MAX)
        columns = PROSE_COLUMNS_MAX;
    size_t room = columns > indent_n ? columns - indent_n : 1;
    la_lab_put_text(out, first);
    while (at < n) {
        size_t end = n - at;
        if (end > room) {
            for (end = room; end > 0 && text[at + end] != ' '; end--)
                ;
            if (end == 0) /* a word longer than the line */
                for (end = room; at + end < n && text[at + end] != ' '; end++)
                    ;
        }
        put(out, text + at, end);
        for (at += end; at < n && text[at] == ' '; at++)
            ;
        if (at < n)
            la_lab_put_text(out, "\n");
        for (size_t i = 0; at < n && i < indent_n; i++)
            la_lab_put_text(out, " ");
    }
}

void
la_lab_put_prose(const struct la_story_cfg *story, const char *first, const char *text)
{
    while (*text != 0) {
        size_t n = strcspn(text, "\n");
        put_paragraph(story, first, text, n);
        la_lab_put_text(&story->ladder, "\n");
        text += n + (text[n] == '\n');
    }
}

void
la_lab_put_heading(const struct la_story_cfg *story, const char *text)
{
    bool color = (story->flags & LA_STORY_COLOR) != 0;
    la_lab_put_text(&story->ladder, color ? "\033[1m" : "");
    put_paragraph(story, "", text, strlen(text));
    la_lab_put_text(&story->ladder, color ? "\033[0m\n" : "\n");
}
