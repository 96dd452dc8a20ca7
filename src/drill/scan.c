/* SPDX-License-Identifier: MIT
 *
 * scan.c - a place in a script's text, and the small things that stand there
 */
#include "drill/scan.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 8192, NUMBER_BYTES = 32, SECONDS_MAX = 100000000 };

/* ---- memory ----------------------------------------------------------------------------- */

struct la_drill_piece {
    struct la_drill_piece *next;
    size_t n;
    _Alignas(16) uint8_t bytes[];
};

void *
la_drill_take(struct la_drill_arena *arena, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    if (n > LA_DRILL_MEMORY_BYTES_MAX || arena->taken_n + n > LA_DRILL_MEMORY_BYTES_MAX)
        return NULL;
    if (n > arena->left_n) {
        size_t room = n > PIECE_BYTES ? n : (size_t)PIECE_BYTES;
        struct la_drill_piece *piece = calloc(1, sizeof(*piece) + room);
        if (piece == NULL)
            return NULL;
        piece->n = room;
        piece->next = arena->pieces;
        arena->pieces = piece;
        arena->left_n = room;
    }
    struct la_drill_piece *piece = arena->pieces;
    void *p = piece->bytes + (piece->n - arena->left_n);
    arena->left_n -= n;
    arena->taken_n += n;
    return p;
}

void
la_drill_arena_fini(struct la_drill_arena *arena)
{
    while (arena->pieces != NULL) {
        struct la_drill_piece *piece = arena->pieces;
        arena->pieces = piece->next;
        free(piece);
    }
    *arena = (struct la_drill_arena){0};
}

void *
la_drill_scan_take(struct la_drill_scan *s, size_t n)
{
    void *p = s->failed ? NULL : la_drill_take(&s->script->arena, n);
    if (p == NULL)
        la_drill_wrong(s, "the script needs too much memory: make it shorter");
    return p;
}

/* ---- mistakes --------------------------------------------------------------------------- */

static uint32_t
column_of(const struct la_drill_scan *s)
{
    const char *from = s->p, *begin = (const char *)s->script->text.p;
    while (from > begin && from[-1] != '\n')
        from--;
    return (uint32_t)(s->p - from) + 1;
}

bool
la_drill_wrong(struct la_drill_scan *s, const char *format, ...)
{
    if (s->failed)
        return false;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(s->mistake->text, sizeof(s->mistake->text), format, args);
    va_end(args);
    for (char *p = s->mistake->text; *p != 0; p++)
        if (iscntrl((unsigned char)*p))
            *p = '?'; /* a script may hold anything; a message is one line */
    s->mistake->line = s->line;
    s->mistake->column = column_of(s);
    s->failed = true;
    return false;
}

/* ---- moving ----------------------------------------------------------------------------- */

bool
la_drill_at_end(const struct la_drill_scan *s)
{
    return s->failed || s->p == s->end;
}

static bool
starts(const struct la_drill_scan *s, const char *text)
{
    size_t n = strlen(text);
    return !s->failed && (size_t)(s->end - s->p) >= n && memcmp(s->p, text, n) == 0;
}

void
la_drill_skip_blanks(struct la_drill_scan *s)
{
    while (!la_drill_at_end(s) && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

static bool
is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void
skip_line(struct la_drill_scan *s)
{
    while (!la_drill_at_end(s) && *s->p != '\n')
        s->p++;
}

/* To behind the #endif that belongs here, or, if it may be one, the #else. */
static void
skip_branch(struct la_drill_scan *s, bool until_else)
{
    for (unsigned depth = 0; !la_drill_at_end(s); skip_line(s)) {
        la_drill_skip_blanks(s);
        if (!la_drill_at_end(s) && *s->p == '\n') {
            s->line++;
            s->p++;
            la_drill_skip_blanks(s);
        }
        bool end = starts(s, "#endif");
        if (depth == 0 && (end || (until_else && starts(s, "#else")))) {
            skip_line(s);
            return;
        }
        depth += starts(s, "#ifdef") || starts(s, "#ifndef");
        depth -= end;
    }
}

/* #ifdef NAME, #ifndef NAME, #else, #endif, as FreeBSD's suite has them; every other line that
 * begins with # is a comment. One whose branch is read meets its #else or #endif later. */
static void
skip_directive(struct la_drill_scan *s)
{
    bool unless = starts(s, "#ifndef ");
    if (unless || starts(s, "#ifdef ")) {
        s->p += strlen(unless ? "#ifndef " : "#ifdef ");
        la_drill_skip_blanks(s);
        const char *from = s->p;
        while (!la_drill_at_end(s) && is_word(*s->p))
            s->p++;
        struct la_bytes name = {(const uint8_t *)from, (size_t)(s->p - from)};
        skip_line(s);
        if ((la_drill_defined(s->script, name) != NULL) == unless)
            skip_branch(s, true);
        return;
    }
    bool other = starts(s, "#else");
    skip_line(s);
    if (other)
        skip_branch(s, false);
}

static void
skip_comment(struct la_drill_scan *s)
{
    if (starts(s, "/*")) {
        struct la_bytes ignored;
        s->p += 2;
        la_drill_until(s, "*/", &ignored);
    } else if (*s->p == '#') {
        skip_directive(s);
    } else {
        skip_line(s);
    }
}

void
la_drill_skip(struct la_drill_scan *s)
{
    for (;;) {
        la_drill_skip_blanks(s);
        if (la_drill_at_end(s))
            return;
        if (*s->p == '\n') {
            s->line++;
            s->p++;
        } else if (*s->p == '#' || starts(s, "//") || starts(s, "/*")) {
            skip_comment(s);
        } else {
            return;
        }
    }
}

bool
la_drill_try(struct la_drill_scan *s, const char *text)
{
    la_drill_skip(s);
    if (!starts(s, text))
        return false;
    s->p += strlen(text);
    return true;
}

bool
la_drill_try_word(struct la_drill_scan *s, const char *word)
{
    la_drill_skip(s);
    size_t n = strlen(word);
    if (!starts(s, word) || (s->p + n < s->end && is_word(s->p[n])))
        return false;
    s->p += n;
    return true;
}

bool
la_drill_need(struct la_drill_scan *s, const char *text)
{
    if (la_drill_try(s, text))
        return true;
    int n = 0;
    while (s->p + n < s->end && n < 12 && s->p[n] != '\n')
        n++;
    if (n == 0)
        return la_drill_wrong(s, "'%s' is missing at the end of the line", text);
    return la_drill_wrong(s, "'%s' is missing before '%.*s'", text, n, s->p);
}

struct la_bytes
la_drill_word(struct la_drill_scan *s)
{
    la_drill_skip(s);
    const char *from = s->p;
    while (!la_drill_at_end(s) && is_word(*s->p))
        s->p++;
    return (struct la_bytes){(const uint8_t *)from, (size_t)(s->p - from)};
}

const char *
la_drill_copy(struct la_drill_scan *s, struct la_bytes bytes)
{
    char *copy = la_drill_scan_take(s, bytes.n + 1);
    if (copy != NULL && bytes.n != 0)
        memcpy(copy, bytes.p, bytes.n);
    return copy;
}

bool
la_drill_until(struct la_drill_scan *s, const char *closing, struct la_bytes *out)
{
    const char *from = s->p;
    uint32_t line = s->line;
    while (!starts(s, closing)) {
        if (la_drill_at_end(s)) {
            s->line = line;
            return la_drill_wrong(s, "what begins here has no closing '%s'", closing);
        }
        s->line += *s->p == '\n';
        s->p++;
    }
    *out = (struct la_bytes){(const uint8_t *)from, (size_t)(s->p - from)};
    s->p += strlen(closing);
    return true;
}

/* ---- values ----------------------------------------------------------------------------- */

const char *
la_drill_defined(const struct la_drill_script *script, struct la_bytes name)
{
    for (const struct la_drill_define *d = script->defines; d != NULL; d = d->next)
        if (strlen(d->name) == name.n && memcmp(d->name, name.p, name.n) == 0)
            return d->value;
    return NULL;
}

bool
la_drill_number(struct la_drill_scan *s, int64_t min, int64_t max, int64_t *out)
{
    la_drill_skip(s);
    bool negative = starts(s, "-");
    s->p += negative;
    struct la_bytes word = la_drill_word(s);
    char text[NUMBER_BYTES];
    const char *defined = la_drill_defined(s->script, word);
    if (defined != NULL)
        (void)snprintf(text, sizeof(text), "%s", defined);
    else
        (void)snprintf(text, sizeof(text), "%.*s", (int)(word.n < 31 ? word.n : 31),
                       (const char *)word.p);
    char *end;
    if (!isdigit((unsigned char)text[0]) || word.n >= sizeof(text))
        return la_drill_wrong(s, "a number is missing where '%s' stands", text);
    uint64_t value = strtoull(text, &end, text[1] == 'x' || text[1] == 'X' ? 16 : 10);
    if (*end != 0)
        return la_drill_wrong(s, "'%s' is no number", text);
    if (value > INT64_MAX || (negative ? -(int64_t)value : (int64_t)value) < min ||
        (!negative && (int64_t)value > max))
        return la_drill_wrong(s, "%s%s is out of range", negative ? "-" : "", text);
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

bool
la_drill_u32(struct la_drill_scan *s, uint32_t *out)
{
    int64_t value = 0;
    bool good = la_drill_number(s, 0, UINT32_MAX, &value);
    *out = (uint32_t)value;
    return good;
}

bool
la_drill_seconds(struct la_drill_scan *s, int64_t *us)
{
    int64_t whole = 0, fraction = 0, unit = 1000000;
    la_drill_skip_blanks(s);
    if (la_drill_at_end(s) || !(isdigit((unsigned char)*s->p) || *s->p == '.') || starts(s, "..."))
        return la_drill_wrong(s, "a time in seconds is missing");
    while (!la_drill_at_end(s) && isdigit((unsigned char)*s->p) && whole <= SECONDS_MAX)
        whole = whole * 10 + (*s->p++ - '0');
    if (whole > SECONDS_MAX)
        return la_drill_wrong(s, "times end at %d seconds", SECONDS_MAX);
    if (!starts(s, "...") && starts(s, ".")) {
        s->p++;
        while (!la_drill_at_end(s) && isdigit((unsigned char)*s->p)) {
            unit /= 10;
            fraction += (*s->p++ - '0') * unit;
        }
    }
    *us = whole * 1000000 + fraction;
    return true;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind a backslash. */
static bool
escape(struct la_drill_scan *s, uint8_t *out)
{
    static const char from[] = "ntr0\\\"'", to[] = "\n\t\r\0\\\"'";
    if (la_drill_at_end(s))
        return la_drill_wrong(s, "the string has no end");
    char c = *s->p++;
    if (c == 'x') {
        int high = s->end - s->p >= 2 ? hex_digit(s->p[0]) : -1;
        int low = high >= 0 ? hex_digit(s->p[1]) : -1;
        if (low < 0)
            return la_drill_wrong(s, "\\x needs two hexadecimal digits");
        s->p += 2;
        *out = (uint8_t)(high << 4 | low);
        return true;
    }
    const char *known = c == 0 ? NULL : strchr(from, c);
    if (known == NULL)
        return la_drill_wrong(s, "no escape \\%c: \\n \\t \\r \\0 \\\\ \\\" and \\x are", c);
    *out = (uint8_t)to[known - from];
    return true;
}

bool
la_drill_string(struct la_drill_scan *s, struct la_bytes *out)
{
    const char *end = s->p;
    while (end < s->end && *end != '"' && *end != '\n')
        end += *end == '\\' && end + 1 < s->end ? 2 : 1;
    uint8_t *bytes = la_drill_scan_take(s, (size_t)(end - s->p) + 1);
    size_t n = 0;
    while (!la_drill_at_end(s) && *s->p != '"' && *s->p != '\n') {
        if (*s->p != '\\') {
            bytes[n++] = (uint8_t)*s->p++;
            continue;
        }
        s->p++;
        if (!escape(s, &bytes[n++]))
            return false;
    }
    if (la_drill_at_end(s) || *s->p != '"')
        return la_drill_wrong(s, "the string has no closing quote");
    s->p++;
    *out = (struct la_bytes){bytes, n};
    return true;
}
