/* SPDX-License-Identifier: MIT
 *
 * report.c - what a running instance says about itself, written as JSON objects
 */
#include "host/report.h"

#include <stdio.h>
#include <string.h>

#include "host/report_fields.h"

/* Names of processes and arguments may be any octets; JSON is UTF-8. */
static json_t *
text_new(const char *text, size_t bytes)
{
    char plain[LA_REPORT_PROGRAM_BYTES];
    size_t n = strnlen(text, bytes);
    json_t *value = json_stringn(text, n);
    if (value != NULL)
        return value;
    for (size_t i = 0; i < n && i < sizeof(plain); i++)
        plain[i] = (char)((unsigned char)text[i] < 0x80 ? text[i] : '?');
    return json_stringn(plain, n < sizeof(plain) ? n : sizeof(plain));
}

/* NULL: there is none. */
static json_t *
endpoint_new(const struct la_endpoint *e)
{
    char addr[LA_ADDR_TEXT_BYTES];
    if (e->port == 0 && la_addr_is_any(&e->addr))
        return NULL;
    return json_sprintf(la_addr_is_v4(&e->addr) ? "%s:%u" : "[%s]:%u",
                        la_addr_format(&e->addr, addr), (unsigned)e->port);
}

static json_t *
integer_new(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* Microseconds until `at` (`forward`) or since it; NULL: never. */
static json_t *
time_new(la_instant at, la_instant now, bool forward)
{
    int64_t ns;
    if (at.ns == LA_INSTANT_NEVER.ns || __builtin_sub_overflow(at.ns, now.ns, &ns))
        return NULL;
    ns = forward ? ns : -ns;
    return json_integer(ns > 0 ? ns / 1000 : 0);
}

/* NULL: the key is left out. */
static json_t *
value_of(const struct la_report_field *f, const void *at, la_instant now)
{
    switch (f->type) {
    case LA_FIELD_U8:
        return json_integer(*(const uint8_t *)at);
    case LA_FIELD_U32:
        return json_integer(*(const uint32_t *)at);
    case LA_FIELD_U64:
        return integer_new(*(const uint64_t *)at);
    case LA_FIELD_BOOL:
        return json_boolean(*(const bool *)at);
    case LA_FIELD_TEXT:
        return text_new(at, f->bytes);
    case LA_FIELD_ENDPOINT:
        return endpoint_new(at);
    case LA_FIELD_ID:
        return json_sprintf("%llu", (unsigned long long)*(const uint64_t *)at);
    case LA_FIELD_UNTIL:
    case LA_FIELD_SINCE:
        return time_new(*(const la_instant *)at, now, f->type == LA_FIELD_UNTIL);
    case LA_FIELD_SCALE:
        return *(const uint8_t *)at != UINT8_MAX ? json_integer(*(const uint8_t *)at) : NULL;
    case LA_FIELD_STATE:
        return json_string(la_tcp_state_name(*(const uint8_t *)at, LA_NAMES_RFC));
    case LA_FIELD_TIMER:
        return *(const uint8_t *)at < LA_TIMER_COUNT
                   ? json_string(la_timer_name(*(const uint8_t *)at))
                   : NULL;
    case LA_FIELD_PHASE:
        return json_string(la_cc_phase_name(*(const uint8_t *)at));
    case LA_FIELD_ERR:
        return *(const la_err *)at != LA_OK ? json_string(la_err_name(*(const la_err *)at)) : NULL;
    }
    return NULL;
}

static void
encode_fields(const struct la_report_field *fields, size_t n, const struct la_report *r,
              la_instant now, json_t *out)
{
    for (size_t i = 0; i < n; i++) {
        json_t *value = value_of(&fields[i], (const uint8_t *)r + fields[i].off, now);
        if (value != NULL)
            (void)json_object_set_new(out, fields[i].key, value);
    }
}

/* States and reasons by name; what is zero is left out. */
static void
encode_counts(const struct la_report_counters *c, json_t *out)
{
    json_t *states = json_object(), *reasons = json_object();
    for (unsigned s = LA_TCP_CLOSED; s < LA_TCP_STATE_COUNT; s++) {
        const char *name = la_tcp_state_name((enum la_tcp_state)s, LA_NAMES_RFC);
        json_int_t before = json_integer_value(json_object_get(states, name));
        if (c->state_n[s] != 0) /* SYN-RECEIVED stands in the figure twice */
            (void)json_object_set_new(states, name, json_integer(before + c->state_n[s]));
    }
    for (unsigned i = 1; i < LA_REASON_COUNT; i++) {
        if (c->stats.reason[i] != 0)
            (void)json_object_set_new(reasons, la_reason_name((enum la_reason)i),
                                      integer_new(c->stats.reason[i]));
    }
    (void)json_object_set_new(out, "states", states);
    (void)json_object_set_new(out, "reasons", reasons);
}

json_t *
la_report_encode(const struct la_report *r, la_instant now)
{
    const struct la_report_form *kind = &la_report_forms[r->kind];
    json_t *out = json_object();
    if (out == NULL)
        return NULL;
    (void)json_object_set_new(out, "v", json_integer(LA_REPORT_VERSION));
    (void)json_object_set_new(out, "kind", json_string(kind->name));
    (void)json_object_set_new(out, "instance", json_integer(r->instance));
    if (r->end[0] != '\0')
        (void)json_object_set_new(out, "end", json_string(r->end));
    encode_fields(kind->fields, kind->fields_n, r, now, out);
    if (kind->owned && r->owner.pid != 0)
        encode_fields(la_report_owner_fields, LA_REPORT_OWNER_FIELDS_N, r, now, out);
    if (r->kind == LA_REPORT_COUNTERS)
        encode_counts(&r->u.counters, out);
    return out;
}
