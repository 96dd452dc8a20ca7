/* SPDX-License-Identifier: MIT
 *
 * report_read.c - what a running instance says about itself, read from JSON objects
 */
#include "host/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/report_fields.h"

bool
la_report_endpoint_parse(const char *text, struct la_endpoint *out)
{
    char addr[LA_ADDR_TEXT_BYTES];
    bool brackets = text[0] == '[';
    const char *begin = text + (brackets ? 1 : 0);
    const char *end = brackets ? strchr(begin, ']') : strrchr(begin, ':');
    if (end == NULL || (size_t)(end - begin) >= sizeof(addr) || (brackets && end[1] != ':'))
        return false;
    memcpy(addr, begin, (size_t)(end - begin));
    addr[end - begin] = '\0';
    const char *digits = end + (brackets ? 2 : 1);
    size_t n = strspn(digits, "0123456789");
    unsigned long port = strtoul(digits, NULL, 10);
    out->port = (uint16_t)port;
    return n > 0 && n <= 5 && digits[n] == '\0' && port <= UINT16_MAX &&
           la_addr_parse(addr, &out->addr);
}

static void
text_copy(char *out, size_t bytes, const char *text)
{
    (void)snprintf(out, bytes, "%s", text);
}

static uint64_t
number_of(const json_t *value, uint64_t max)
{
    json_int_t n = json_integer_value(value);
    return n < 0 ? 0 : (uint64_t)n > max ? max : (uint64_t)n;
}

/* The value that has this name; `count` when there is none. */
static uint8_t
timer_of(const char *name)
{
    unsigned i = 0;
    while (i < LA_TIMER_COUNT && strcmp(la_timer_name((enum la_timer_kind)i), name) != 0)
        i++;
    return (uint8_t)i;
}

static uint8_t
phase_of(const char *name)
{
    unsigned i = 0;
    while (i < LA_CC_PHASE_COUNT && strcmp(la_cc_phase_name((enum la_cc_phase)i), name) != 0)
        i++;
    return (uint8_t)i;
}

static la_err
err_of(const char *name)
{
    static const la_err errs[] = {
#define ERR(name, value, errno_name, text) LA_ERR_##name,
#include <lastack/err.def>
#undef ERR
    };
    for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
        if (strcmp(la_err_name(errs[i]), name) == 0)
            return errs[i];
    }
    return LA_OK;
}

static void
take_text(const struct la_report_field *f, const char *text, void *at)
{
    switch (f->type) {
    case LA_FIELD_TEXT:
        text_copy(at, f->bytes, text);
        break;
    case LA_FIELD_ENDPOINT:
        (void)la_report_endpoint_parse(text, at);
        break;
    case LA_FIELD_ID:
        *(uint64_t *)at = strtoull(text, NULL, 10);
        break;
    case LA_FIELD_STATE:
        *(uint8_t *)at = (uint8_t)la_tcp_state_parse(text);
        break;
    case LA_FIELD_TIMER:
        *(uint8_t *)at = timer_of(text);
        break;
    case LA_FIELD_PHASE:
        *(uint8_t *)at = phase_of(text);
        break;
    case LA_FIELD_ERR:
        *(la_err *)at = err_of(text);
        break;
    case LA_FIELD_U8:
    case LA_FIELD_U32:
    case LA_FIELD_U64:
    case LA_FIELD_BOOL:
    case LA_FIELD_UNTIL:
    case LA_FIELD_SINCE:
    case LA_FIELD_SCALE:
        break; /* not a text */
    }
}

static void
take_number(const struct la_report_field *f, const json_t *value, void *at)
{
    switch (f->type) {
    case LA_FIELD_U8:
    case LA_FIELD_SCALE:
        *(uint8_t *)at = (uint8_t)number_of(value, UINT8_MAX);
        break;
    case LA_FIELD_U32:
        *(uint32_t *)at = (uint32_t)number_of(value, UINT32_MAX);
        break;
    case LA_FIELD_U64:
        *(uint64_t *)at = number_of(value, UINT64_MAX);
        break;
    case LA_FIELD_UNTIL:
        ((la_instant *)at)->ns = (int64_t)number_of(value, INT64_MAX / 1000) * 1000;
        break;
    case LA_FIELD_SINCE:
        ((la_instant *)at)->ns = -(int64_t)number_of(value, INT64_MAX / 1000) * 1000;
        break;
    case LA_FIELD_BOOL:
    case LA_FIELD_TEXT:
    case LA_FIELD_ENDPOINT:
    case LA_FIELD_ID:
    case LA_FIELD_STATE:
    case LA_FIELD_TIMER:
    case LA_FIELD_PHASE:
    case LA_FIELD_ERR:
        break; /* not a number */
    }
}

/* What a key means that is not there. */
static void
take_default(const struct la_report_field *f, void *at)
{
    if (f->type == LA_FIELD_SCALE || f->type == LA_FIELD_TIMER)
        *(uint8_t *)at = UINT8_MAX;
    else if (f->type == LA_FIELD_UNTIL || f->type == LA_FIELD_SINCE)
        *(la_instant *)at = LA_INSTANT_NEVER;
}

static void
decode_fields(const struct la_report_field *fields, size_t n, const json_t *object,
              struct la_report *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct la_report_field *f = &fields[i];
        void *at = (uint8_t *)out + f->off;
        const json_t *value = json_object_get(object, f->key);
        take_default(f, at);
        if (json_is_string(value))
            take_text(f, json_string_value(value), at);
        else if (json_is_integer(value))
            take_number(f, value, at);
        else if (json_is_boolean(value) && f->type == LA_FIELD_BOOL)
            *(bool *)at = json_is_true(value);
    }
}

static void
decode_counts(const json_t *object, struct la_report_counters *c)
{
    const json_t *states = json_object_get(object, "states");
    const json_t *reasons = json_object_get(object, "reasons");
    for (unsigned s = LA_TCP_CLOSED; s < LA_TCP_STATE_COUNT; s++) {
        const char *name = la_tcp_state_name((enum la_tcp_state)s, LA_NAMES_RFC);
        if (la_tcp_state_parse(name) == (enum la_tcp_state)s)
            c->state_n[s] = (uint32_t)number_of(json_object_get(states, name), UINT32_MAX);
    }
    for (unsigned i = 1; i < LA_REASON_COUNT; i++)
        c->stats.reason[i] =
            number_of(json_object_get(reasons, la_reason_name((enum la_reason)i)), UINT64_MAX);
}

static bool
kind_of(const json_t *object, enum la_report_kind *out)
{
    const char *name = json_string_value(json_object_get(object, "kind"));
    for (unsigned i = 0; name != NULL && i < LA_REPORT_KIND_COUNT; i++) {
        if (strcmp(la_report_forms[i].name, name) == 0) {
            *out = (enum la_report_kind)i;
            return true;
        }
    }
    return false;
}

bool
la_report_decode(const json_t *object, struct la_report *out)
{
    memset(out, 0, sizeof(*out));
    if (json_integer_value(json_object_get(object, "v")) != LA_REPORT_VERSION ||
        !kind_of(object, &out->kind))
        return false;
    const struct la_report_form *kind = &la_report_forms[out->kind];
    const char *end = json_string_value(json_object_get(object, "end"));
    text_copy(out->end, sizeof(out->end), end != NULL ? end : "");
    out->instance = (uint32_t)number_of(json_object_get(object, "instance"), UINT32_MAX);
    decode_fields(kind->fields, kind->fields_n, object, out);
    if (kind->owned)
        decode_fields(la_report_owner_fields, LA_REPORT_OWNER_FIELDS_N, object, out);
    if (out->kind == LA_REPORT_COUNTERS)
        decode_counts(object, &out->u.counters);
    return true;
}
