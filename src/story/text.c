/* SPDX-License-Identifier: MIT
 *
 * text.c - pieces of text, numbers and durations in words
 */
#include "story/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { REPLACEMENT = 0xfffd };

/* Takes off what is left of a code point that did not fit. */
static void
drop_partial(struct text *text)
{
    size_t i = text->n;
    while (i > 0 && ((uint8_t)text->p[i - 1] & 0xc0) == 0x80)
        i--;
    if (i == 0)
        return;
    uint8_t lead = (uint8_t)text->p[i - 1];
    size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (text->n - (i - 1) < need) {
        text->n = i - 1;
        text->p[text->n] = 0;
    }
}

__attribute__((format(printf, 2, 0))) static void
add(struct text *text, const char *format, va_list args)
{
    size_t room = sizeof(text->p) - text->n;
    int n = vsnprintf(text->p + text->n, room, format, args);
    if (n < 0) {
        text->p[text->n] = 0;
    } else if ((size_t)n < room) {
        text->n += (size_t)n;
    } else {
        text->n = sizeof(text->p) - 1;
        drop_partial(text);
    }
}

void
la_text_add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(text, format, args);
    va_end(args);
}

void
la_text_comma(struct text *text)
{
    if (text->n != 0)
        la_text_add(text, ", ");
}

void
la_text_list(struct text *text, const char *format, ...)
{
    la_text_comma(text);
    va_list args;
    va_start(args, format);
    add(text, format, args);
    va_end(args);
}

int64_t
la_story_ns_between(la_instant a, la_instant b)
{
    int64_t ns;
    if (__builtin_sub_overflow(a.ns, b.ns, &ns))
        return a.ns < b.ns ? INT64_MIN : INT64_MAX;
    return ns;
}

/* Three significant digits. */
static void
add_scaled(struct text *text, double value, const char *unit)
{
    int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    la_text_add(text, "%.*f %s", decimals, value, unit);
}

void
la_text_duration(struct text *text, int64_t ns)
{
    if (ns <= 0)
        la_text_add(text, "0 ms");
    else if (ns < 999500)
        la_text_add(text, "%.0f µs", (double)ns / 1e3);
    else if (ns < 999500000)
        add_scaled(text, (double)ns / 1e6, "ms");
    else if (ns < INT64_C(99950000000))
        add_scaled(text, (double)ns / 1e9, "s");
    else if (ns < INT64_C(7200) * 1000000000)
        la_text_add(text, "%d min %d s", (int)(ns / INT64_C(60000000000)),
                    (int)(ns / 1000000000 % 60));
    else
        la_text_add(text, "%.1f h", (double)ns / 3.6e12);
}

void
la_text_count(struct text *text, uint64_t n)
{
    if (n >= 1000) {
        la_text_count(text, n / 1000);
        la_text_add(text, ",%03u", (unsigned)(n % 1000));
    } else {
        la_text_add(text, "%u", (unsigned)n);
    }
}

void
la_text_counted(struct text *text, uint64_t n, const char *noun)
{
    la_text_count(text, n);
    la_text_add(text, " %s%s", noun, n == 1 ? "" : "s");
}

void
la_text_endpoint(struct text *text, const struct la_endpoint *endpoint)
{
    char addr[LA_ADDR_TEXT_BYTES];
    if (la_addr_is_any(&endpoint->addr))
        la_text_add(text, "*:%u", endpoint->port);
    else
        la_text_add(text, la_addr_is_v4(&endpoint->addr) ? "%s:%u" : "[%s]:%u",
                    la_addr_format(&endpoint->addr, addr), endpoint->port);
}

/* Latin, Greek, Cyrillic and their like without combining marks: one column in every terminal. */
static bool
is_one_column(uint32_t code)
{
    return (code >= 0x20 && code < 0x7f) || (code >= 0xa1 && code < 0x300 && code != 0xad) ||
           (code >= 0x370 && code < 0x483) || (code >= 0x48a && code < 0x530);
}

void
la_text_name(struct text *text, const char *name, size_t max_n)
{
    for (size_t i = 0; i < max_n; i++) {
        uint32_t code = la_utf8_next(&name);
        if (code == 0)
            return;
        if (!is_one_column(code))
            la_text_add(text, "?");
        else if (code < 0x80)
            la_text_add(text, "%c", (char)code);
        else
            la_text_add(text, "%c%c", (char)(0xc0 | code >> 6), (char)(0x80 | (code & 0x3f)));
    }
}

void
la_text_tie(struct text *text, const char *words, const char *unless)
{
    size_t unless_n = strlen(unless);
    for (const char *p = words; *p != 0; p++)
        if (*p != ' ')
            la_text_add(text, "%c", *p);
        else if ((size_t)(p - words) + 1 >= unless_n &&
                 memcmp(p + 1 - unless_n, unless, unless_n) == 0)
            la_text_add(text, " ");
        else
            la_text_add(text, "\xc2\xa0");
}

const char *
la_text_wrap(const char *words, uint32_t columns, struct text *out)
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
        la_utf8_next(&p);
        n++;
    }
    if (*p == 0)
        cut = p;
    else if (cut == NULL || cut == words)
        cut = p;
    la_text_add(out, "%.*s", (int)(cut - words), words);
    while (*cut == ' ')
        cut++;
    return cut;
}

uint32_t
la_utf8_next(const char **utf8)
{
    const uint8_t *p = (const uint8_t *)*utf8;
    if (p[0] == 0)
        return 0;
    size_t more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
    uint32_t code = more == 0 ? p[0] : p[0] & (0x3fu >> more);
    if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4) {
        *utf8 += 1;
        return REPLACEMENT;
    }
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *utf8 += i;
            return REPLACEMENT;
        }
        code = code << 6 | (p[i] & 0x3f);
    }
    *utf8 += more + 1;
    bool overlong = (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return overlong || surrogate || code > 0x10ffff ? REPLACEMENT : code;
}

size_t
la_text_columns(const char *utf8)
{
    size_t n = 0;
    while (la_utf8_next(&utf8) != 0)
        n++;
    return n;
}
