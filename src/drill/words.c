/* SPDX-License-Identifier: MIT
 *
 * words.c - what stands between backquotes, word by word
 */
#include "drill/words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char separators[] = ";&|\\";

void
la_drill_words_init(struct la_drill_words *words, struct la_bytes text, uint32_t line)
{
    const char *p = (const char *)text.p;
    *words = (struct la_drill_words){.p = p, .from = p, .end = p + text.n, .line = line};
}

/* `&` of `2>&1` and `&>` is none that ends a command. */
static bool
ends_word(const struct la_drill_words *w, char c)
{
    bool redirects =
        c == '&' && ((w->p > w->from && w->p[-1] == '>') || (w->p + 1 < w->end && w->p[1] == '>'));
    return isspace((unsigned char)c) || (strchr(separators, c) != NULL && !redirects);
}

/* To the next word; says whether a command begins there. */
static bool
skip(struct la_drill_words *w, bool begins)
{
    while (w->p < w->end && (*w->p == '#' || ends_word(w, *w->p))) {
        const char *newline = memchr(w->p, '\n', (size_t)(w->end - w->p));
        if (*w->p == '#') { /* a comment */
            w->p = newline == NULL ? w->end : newline;
            continue;
        }
        char c = *w->p++;
        w->line += c == '\n';
        begins |= strchr(";&\n", c) != NULL || (c == '|' && w->p < w->end && *w->p == '|');
        if (c == '\\' && w->p < w->end) /* a line that goes on */
            w->line += *w->p++ == '\n';
    }
    return begins;
}

/* $((32*1024)) at `p`: sums and products, from left to right. NULL: it is none. What is read ends
 * at the backquote behind the text at the latest. */
static const char *
arithmetic(const char *p, const char *end, unsigned long long *out)
{
    char op = '+', *after;
    *out = 0;
    for (p += strlen("$(("); p < end; p++) {
        p += strspn(p, " ");
        unsigned long long n = strtoull(p, &after, 10);
        if (after == p || after >= end)
            return NULL;
        *out = op == '*' ? *out * n : op == '-' ? *out - n : *out + n;
        p = after + strspn(after, " ");
        if (end - p >= 2 && p[0] == ')' && p[1] == ')')
            return p + 2;
        op = *p;
        if (op == 0 || strchr("+-*", op) == NULL)
            return NULL;
    }
    return NULL;
}

/* Takes what `$((` begins; false: it is not that. */
static bool
take_arithmetic(struct la_drill_words *w, size_t *n)
{
    unsigned long long value;
    if (w->end - w->p < 3 || memcmp(w->p, "$((", 3) != 0)
        return false;
    const char *after = arithmetic(w->p, w->end, &value);
    if (after == NULL)
        return false;
    int added = snprintf(w->word + *n, LA_DRILL_WORD_BYTES - *n, "%llu", value);
    *n += added > 0 && (size_t)added < LA_DRILL_WORD_BYTES - *n ? (size_t)added : 0;
    w->p = after - 1;
    return true;
}

bool
la_drill_words_next(struct la_drill_words *w)
{
    size_t n = 0;
    char quote = 0;
    w->begins = skip(w, w->p == w->from);
    if (w->p == w->end)
        return false;
    for (; w->p < w->end; w->p++) {
        char c = *w->p;
        if (quote == 0 && ends_word(w, c))
            break;
        w->line += c == '\n';
        if (quote != '\'' && take_arithmetic(w, &n))
            continue;
        if (c == '"' || c == '\'')
            quote = quote == 0 ? c : quote == c ? (char)0 : quote;
        else if (n < LA_DRILL_WORD_BYTES - 1)
            w->word[n++] = isprint((unsigned char)c) || c == '\t' ? c : '?';
    }
    w->word[n] = 0;
    return true;
}

const char *
la_drill_command_name(const char *word)
{
    const char *slash = strrchr(word, '/');
    return slash == NULL ? word : slash + 1;
}

const char *
la_drill_sysctl_name(char *word)
{
    static const char folder[] = "/proc/sys/";
    if (strncmp(word, folder, sizeof(folder) - 1) != 0)
        return word;
    for (char *p = word; *p != 0 && *p != '='; p++)
        *p = *p == '/' ? '.' : *p;
    return word + sizeof(folder) - 1;
}
