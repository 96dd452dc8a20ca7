/* SPDX-License-Identifier: MIT
 *
 * read_call.c - calls with their arguments, result and error
 */
#include "drill/scan.h"

#include <ctype.h>
#include <string.h>

#include "drill/names.h"

static bool read_value(struct la_drill_scan *s, struct la_drill_value **out);

/* ---- values ----------------------------------------------------------------------------- */

static bool
named(struct la_drill_scan *s, struct la_bytes word, int64_t *out)
{
    const char *defined = la_drill_defined(s->script, word);
    if (defined != NULL && isdigit((unsigned char)defined[0])) {
        s->p = (const char *)word.p; /* read it again, as the number that it is */
        return la_drill_number(s, 0, INT64_MAX, out);
    }
    if (defined != NULL)
        word = (struct la_bytes){(const uint8_t *)defined, strlen(defined)};
    if (la_drill_name_value(word, out))
        return true;
    return la_drill_wrong(s, "'%.*s' has no value here: give its number, or --define it",
                          (int)word.n, (const char *)word.p);
}

/* A number or a name. */
static bool
read_term(struct la_drill_scan *s, int64_t *out)
{
    la_drill_skip(s);
    if (!la_drill_at_end(s) && (isdigit((unsigned char)*s->p) || *s->p == '-'))
        return la_drill_number(s, INT64_MIN + 1, INT64_MAX, out);
    struct la_bytes word = la_drill_word(s);
    if (word.n == 0)
        return la_drill_wrong(s, "a value is missing");
    return named(s, word, out);
}

static bool
read_int(struct la_drill_scan *s, struct la_drill_value *value)
{
    const char *from = s->p;
    value->kind = LA_DRILL_INT;
    do {
        int64_t term;
        if (!read_term(s, &term))
            return false;
        value->number |= term;
    } while (la_drill_try(s, "|"));
    value->text = (struct la_bytes){(const uint8_t *)from, (size_t)(s->p - from)};
    return true;
}

/* Values between commas, up to `closing`. */
static bool
read_values(struct la_drill_scan *s, const char *closing, struct la_drill_value **first,
            uint32_t *count)
{
    struct la_drill_value **tail = first;
    *count = 0;
    if (la_drill_try(s, closing))
        return true;
    do {
        if (!read_value(s, tail))
            return false;
        ++*count;
        tail = &(*tail)->next;
    } while (la_drill_try(s, ","));
    return la_drill_need(s, closing);
}

/* name = value, or only a value. */
static bool
read_field(struct la_drill_scan *s, struct la_drill_value **out)
{
    la_drill_skip(s);
    struct la_drill_scan at = *s;
    struct la_bytes name = la_drill_word(s);
    if (la_drill_try(s, "(")) { /* msg_iov(1) = */
        int64_t ignored;
        if ((!la_drill_try(s, "...") && !la_drill_number(s, 0, INT32_MAX, &ignored)) ||
            !la_drill_need(s, ")"))
            return false;
    }
    bool has_name = name.n != 0 && !isdigit(name.p[0]) && la_drill_try(s, "=");
    if (!has_name)
        *s = at;
    if (!read_value(s, out))
        return false;
    if (has_name)
        (*out)->field = la_drill_copy(s, name);
    return !s->failed;
}

static bool
read_struct(struct la_drill_scan *s, struct la_drill_value *value)
{
    struct la_drill_value **tail = &value->first;
    value->kind = LA_DRILL_STRUCT;
    do {
        if (!read_field(s, tail))
            return false;
        value->count++;
        tail = &(*tail)->next;
    } while (la_drill_try(s, ","));
    return la_drill_need(s, "}");
}

static bool
read_word_value(struct la_drill_scan *s, struct la_drill_value *value)
{
    struct la_drill_scan at = *s;
    struct la_bytes word = la_drill_word(s);
    bool has_number = word.n != 0 && isdigit(word.p[0]);
    if (word.n != 0 && !has_number && !s->failed && s->p < s->end && *s->p == '(') {
        s->p++;
        value->kind = LA_DRILL_WRAPPED;
        value->text = word;
        return read_values(s, ")", &value->first, &value->count);
    }
    *s = at;
    return read_int(s, value);
}

static bool
read_value(struct la_drill_scan *s, struct la_drill_value **out)
{
    struct la_drill_value *value = la_drill_scan_take(s, sizeof(*value));
    *out = value;
    if (value == NULL)
        return false;
    if (s->depth == LA_DRILL_DEPTH_MAX)
        return la_drill_wrong(s, "values are nested at most %d deep", LA_DRILL_DEPTH_MAX);
    s->depth++;
    bool good;
    if (la_drill_try(s, "...")) {
        value->kind = LA_DRILL_ELLIPSIS;
        good = true;
    } else if (la_drill_try(s, "\"")) {
        value->kind = LA_DRILL_STRING;
        good = la_drill_string(s, &value->text);
    } else if (la_drill_try(s, "[")) {
        value->kind = LA_DRILL_LIST;
        good = read_values(s, "]", &value->first, &value->count);
    } else if (la_drill_try(s, "{")) {
        good = read_struct(s, value);
    } else {
        la_drill_skip(s);
        good = read_word_value(s, value);
    }
    s->depth--;
    return good;
}

/* ---- results ---------------------------------------------------------------------------- */

/* Behind a result: EAGAIN, and words in parentheses that say nothing more. */
static bool
read_error(struct la_drill_scan *s, struct la_drill_call *call)
{
    la_drill_skip_blanks(s);
    if (!la_drill_at_end(s) && *s->p == 'E') {
        struct la_bytes word = la_drill_word(s);
        call->error = la_drill_copy(s, word);
        if (call->error != NULL && !la_drill_is_errno(call->error))
            return la_drill_wrong(s, "no error is called %s", call->error);
    }
    la_drill_skip_blanks(s);
    if (la_drill_at_end(s) || *s->p != '(')
        return !s->failed;
    struct la_bytes ignored;
    s->p++;
    return la_drill_until(s, ")", &ignored);
}

static bool
read_result(struct la_drill_scan *s, struct la_drill_call *call)
{
    struct la_drill_value *value;
    if (!la_drill_try(s, "=")) {
        call->any_result = true;
        return true;
    }
    if (!read_value(s, &value))
        return false;
    if (value->kind != LA_DRILL_INT && value->kind != LA_DRILL_ELLIPSIS)
        return la_drill_wrong(s, "a result is a number or ...");
    call->any_result = value->kind == LA_DRILL_ELLIPSIS;
    call->result = value->number;
    return read_error(s, call);
}

bool
la_drill_read_call(struct la_drill_scan *s, struct la_bytes name, struct la_drill_call **result)
{
    struct la_drill_call *call = la_drill_scan_take(s, sizeof(*call));
    *result = call;
    if (call == NULL)
        return false;
    call->name = la_drill_copy(s, name);
    return la_drill_need(s, "(") && read_values(s, ")", &call->args, &call->args_n) &&
           read_result(s, call);
}
