/* SPDX-License-Identifier: MIT
 *
 * explain_prose.c - a paragraph of sentences, wrapped
 */
#include "cli/explain_prose.h"

#include <stdlib.h>
#include <string.h>

bool
la_prose_begin(struct la_prose *p)
{
    *p = (struct la_prose){0};
    p->stream = open_memstream(&p->text, &p->n);
    return p->stream != NULL;
}

/* Octets of a character in UTF-8 take no column of their own behind its first one. */
static size_t
columns(const char *word, size_t n)
{
    size_t columns_n = 0;
    for (size_t i = 0; i < n; i++)
        columns_n += ((unsigned char)word[i] & 0xc0) != 0x80;
    return columns_n;
}

/* The next word, and the unit behind it when it is a number: "36.6 ms" is never parted. */
static size_t
word_length(const char *text)
{
    static const char *const units[] = {"us", "ms", "s", "min", "h", "%"};
    size_t n = strcspn(text, " ");
    if (text[0] < '0' || text[0] > '9' || text[n] == 0)
        return n;
    const char *unit = text + n + 1;
    size_t unit_n = strcspn(unit, " .,;:)");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strlen(units[i]) == unit_n && strncmp(units[i], unit, unit_n) == 0)
            return n + 1 + strcspn(unit, " ");
    return n;
}

void
la_prose_wrap(FILE *out, const char *text, uint32_t width)
{
    size_t at = 0;
    if (*text == 0)
        return;
    while (*text != 0) {
        size_t n = word_length(text), word = columns(text, n);
        if (at > 0 && at + 1 + word > width) {
            (void)fputc('\n', out);
            at = 0;
        }
        (void)fputs(at == 0 ? "  " : " ", out);
        at += (at == 0 ? 2 : 1) + word;
        (void)fwrite(text, 1, n, out);
        text += n;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

char *
la_prose_take(struct la_prose *p)
{
    if (fclose(p->stream) == 0)
        return p->text;
    free(p->text);
    return NULL;
}

bool
la_prose_end(struct la_prose *p, FILE *out, uint32_t width)
{
    char *text = la_prose_take(p);
    if (text != NULL)
        la_prose_wrap(out, text, width);
    free(text);
    return text != NULL;
}

const char *
la_prose_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

void
la_prose_item(FILE *stream, bool *some, uint64_t n, const char *what)
{
    char count[LA_EXPLAIN_WORD_BYTES];
    if (n == 0)
        return;
    (void)fprintf(stream, "%s%s %s", *some ? ", " : ": ", la_explain_count(n, count), what);
    *some = true;
}
