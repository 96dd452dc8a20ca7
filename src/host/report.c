/* SPDX-License-Identifier: MIT
 *
 * report.c - what a running instance says about itself, as JSON objects, both ways
 */
#include "host/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum field_type {
    FIELD_U8,
    FIELD_U32,
    FIELD_U64,
    FIELD_BOOL,
    FIELD_TEXT, /* `bytes` of room */
    FIELD_ENDPOINT,
    FIELD_ID,    /* 64 bits as a string: readers in JavaScript would round a number */
    FIELD_UNTIL, /* an instant to come, in microseconds from now; absent: never */
    FIELD_SINCE, /* one that has passed */
    FIELD_SCALE, /* 255: absent */
    FIELD_STATE,
    FIELD_TIMER, /* absent: none runs */
    FIELD_PHASE,
    FIELD_ERR /* absent: LA_OK */
};

struct field {
    const char *key;
    enum field_type type;
    uint16_t off, bytes;
};

#define AT(member) offsetof(struct la_report, member)
#define FIELD(key, type, member)                                                                   \
    {                                                                                              \
        key, type, AT(member), sizeof(((struct la_report *)0)->member)                             \
    }

static const struct field owner_fields[] = {
    FIELD("pid", FIELD_U32, owner.pid),
    FIELD("process", FIELD_TEXT, owner.process),
};

static const struct field instance_fields[] = {
    FIELD("pid", FIELD_U32, u.instance.pid),
    FIELD("command", FIELD_TEXT, u.instance.command),
    FIELD("program", FIELD_TEXT, u.instance.program),
    FIELD("lastack", FIELD_TEXT, u.instance.lastack),
    FIELD("uptime_us", FIELD_U64, u.instance.uptime_us),
    FIELD("memory_used_bytes", FIELD_U64, u.instance.memory_used_bytes),
    FIELD("memory_peak_bytes", FIELD_U64, u.instance.memory_peak_bytes),
    FIELD("memory_budget_bytes", FIELD_U64, u.instance.memory_budget_bytes),
};

static const struct field conn_fields[] = {
    FIELD("handle", FIELD_ID, handle),
    FIELD("state", FIELD_STATE, u.conn.state),
    FIELD("local", FIELD_ENDPOINT, u.conn.local),
    FIELD("remote", FIELD_ENDPOINT, u.conn.remote),
    FIELD("passive", FIELD_BOOL, u.conn.passive),
    FIELD("owned", FIELD_BOOL, u.conn.owned),
    FIELD("half_open", FIELD_BOOL, u.conn.half_open),
    FIELD("accept_waits", FIELD_BOOL, u.conn.accept_waits),
    FIELD("err", FIELD_ERR, u.conn.err),
    FIELD("err_soft", FIELD_ERR, u.conn.err_soft),
    FIELD("receive_queue_bytes", FIELD_U32, u.conn.receive_queue_bytes),
    FIELD("out_of_order_bytes", FIELD_U32, u.conn.out_of_order_bytes),
    FIELD("send_queue_bytes", FIELD_U32, u.conn.send_queue_bytes),
    FIELD("unsent_bytes", FIELD_U32, u.conn.unsent_bytes),
    FIELD("flight_bytes", FIELD_U32, u.conn.flight_bytes),
    FIELD("urgent_unread_bytes", FIELD_U32, u.conn.urgent_unread_bytes),
    FIELD("urgent_unacked_bytes", FIELD_U32, u.conn.urgent_unacked_bytes),
    FIELD("sndbuf_bytes", FIELD_U32, u.conn.sndbuf_bytes),
    FIELD("rcvbuf_bytes", FIELD_U32, u.conn.rcvbuf_bytes),
    FIELD("timer", FIELD_TIMER, u.conn.timer),
    FIELD("timer_us", FIELD_UNTIL, u.conn.timer_at),
    FIELD("backoff_n", FIELD_U8, u.conn.backoff_n),
    FIELD("ack_us", FIELD_UNTIL, u.conn.ack_at),
    FIELD("keepalive_us", FIELD_UNTIL, u.conn.keepalive_at),
    FIELD("keepalive_sent_n", FIELD_U8, u.conn.keepalive_sent_n),
    FIELD("heard_us", FIELD_SINCE, u.conn.heard_at),
    FIELD("congestion_control", FIELD_TEXT, u.conn.congestion_control),
    FIELD("phase", FIELD_PHASE, u.conn.phase),
    FIELD("cwnd_bytes", FIELD_U32, u.conn.cwnd_bytes),
    FIELD("ssthresh_bytes", FIELD_U32, u.conn.ssthresh_bytes),
    FIELD("pacing_rate", FIELD_U64, u.conn.pacing_rate),
    FIELD("srtt_us", FIELD_U32, u.conn.srtt_us),
    FIELD("rttvar_us", FIELD_U32, u.conn.rttvar_us),
    FIELD("rtt_us_min", FIELD_U32, u.conn.rtt_us_min),
    FIELD("rto_us", FIELD_U32, u.conn.rto_us),
    FIELD("mss_send", FIELD_U32, u.conn.mss_send),
    FIELD("mss_receive", FIELD_U32, u.conn.mss_receive),
    FIELD("snd_wnd", FIELD_U32, u.conn.snd_wnd),
    FIELD("rcv_wnd", FIELD_U32, u.conn.rcv_wnd),
    FIELD("wscale_send", FIELD_SCALE, u.conn.wscale_send),
    FIELD("wscale_receive", FIELD_SCALE, u.conn.wscale_receive),
    FIELD("timestamps", FIELD_BOOL, u.conn.timestamps),
    FIELD("sack", FIELD_BOOL, u.conn.sack),
    FIELD("ecn", FIELD_BOOL, u.conn.ecn),
    FIELD("accurate_ecn", FIELD_BOOL, u.conn.accurate_ecn),
    FIELD("sends_ect", FIELD_BOOL, u.conn.sends_ect),
    FIELD("fast_opened", FIELD_BOOL, u.conn.fast_opened),
    FIELD("sent_us", FIELD_SINCE, u.conn.sent_at),
    FIELD("delivery_rate", FIELD_U64, u.conn.delivery_rate),
    FIELD("busy_us", FIELD_U64, u.conn.busy_us),
    FIELD("rwnd_limited_us", FIELD_U64, u.conn.rwnd_limited_us),
    FIELD("sndbuf_limited_us", FIELD_U64, u.conn.sndbuf_limited_us),
    FIELD("lost_bytes", FIELD_U32, u.conn.lost_bytes),
    FIELD("reordering", FIELD_BOOL, u.conn.reordering),
    FIELD("reordering_us", FIELD_U32, u.conn.reordering_us),
    FIELD("user_timeout_ms", FIELD_U32, u.conn.user_timeout_ms),
    FIELD("bytes_delivered", FIELD_U64, u.conn.bytes_delivered),
    FIELD("bytes_sent", FIELD_U64, u.conn.bytes_sent),
    FIELD("bytes_acked", FIELD_U64, u.conn.bytes_acked),
    FIELD("bytes_received", FIELD_U64, u.conn.bytes_received),
    FIELD("bytes_retransmitted", FIELD_U64, u.conn.bytes_retransmitted),
    FIELD("segments_sent", FIELD_U32, u.conn.segments_sent),
    FIELD("segments_received", FIELD_U32, u.conn.segments_received),
    FIELD("retransmissions_n", FIELD_U32, u.conn.retransmissions_n),
    FIELD("rto_n", FIELD_U32, u.conn.rto_n),
    FIELD("fast_retransmits_n", FIELD_U32, u.conn.fast_retransmits_n),
    FIELD("duplicate_acks_n", FIELD_U32, u.conn.duplicate_acks_n),
    FIELD("received_ce_n", FIELD_U32, u.conn.marked_in.ce_n),
    FIELD("received_ce_bytes", FIELD_U32, u.conn.marked_in.ce_bytes),
    FIELD("received_ect_0_bytes", FIELD_U32, u.conn.marked_in.ect_0_bytes),
    FIELD("received_ect_1_bytes", FIELD_U32, u.conn.marked_in.ect_1_bytes),
    FIELD("delivered_ce_n", FIELD_U32, u.conn.marked_out.ce_n),
    FIELD("delivered_ce_bytes", FIELD_U32, u.conn.marked_out.ce_bytes),
    FIELD("delivered_ect_0_bytes", FIELD_U32, u.conn.marked_out.ect_0_bytes),
    FIELD("delivered_ect_1_bytes", FIELD_U32, u.conn.marked_out.ect_1_bytes),
};

static const struct field listener_fields[] = {
    FIELD("handle", FIELD_ID, handle),
    FIELD("local", FIELD_ENDPOINT, u.listener.local),
    FIELD("syn_queue_n", FIELD_U32, u.listener.syn_queue_n),
    FIELD("syn_queue_n_max", FIELD_U32, u.listener.syn_queue_n_max),
    FIELD("accept_queue_n", FIELD_U32, u.listener.accept_queue_n),
    FIELD("backlog_n", FIELD_U32, u.listener.backlog_n),
    FIELD("undelivered_n", FIELD_U32, owner.undelivered_n),
    FIELD("accepted_n", FIELD_U64, u.listener.accepted_n),
    FIELD("syn_dropped_n", FIELD_U64, u.listener.syn_dropped_n),
    FIELD("accept_dropped_n", FIELD_U64, u.listener.accept_dropped_n),
};

static const struct field request_fields[] = {
    FIELD("handle", FIELD_ID, handle),
    FIELD("local", FIELD_ENDPOINT, u.request.local),
    FIELD("remote", FIELD_ENDPOINT, u.request.remote),
};

static const struct field udp_fields[] = {
    FIELD("handle", FIELD_ID, handle),
    FIELD("local", FIELD_ENDPOINT, u.udp.local),
    FIELD("remote", FIELD_ENDPOINT, u.udp.remote),
    FIELD("connected", FIELD_BOOL, u.udp.connected),
    FIELD("any_port", FIELD_BOOL, u.udp.any_port),
    FIELD("receive_queue_n", FIELD_U32, u.udp.receive_queue_n),
    FIELD("receive_queue_bytes", FIELD_U32, u.udp.receive_queue_bytes),
};

#define STATS(name) FIELD(#name, FIELD_U64, u.counters.stats.name)

static const struct field counters_fields[] = {
    STATS(frames_in),
    STATS(frames_out),
    STATS(tcp_segments_in),
    STATS(tcp_segments_out),
    STATS(tcp_retransmissions),
    STATS(tcp_active_opens),
    STATS(tcp_passive_opens),
    STATS(tcp_attempt_fails),
    STATS(tcp_resets_in),
    STATS(tcp_resets_out),
    STATS(udp_in),
    STATS(udp_out),
    STATS(icmp_in),
    STATS(icmp_out),
};

static const struct field end_fields[] = {FIELD("lines_n", FIELD_U32, u.lines_n)};
static const struct field error_fields[] = {FIELD("text", FIELD_TEXT, u.text)};

#define TABLE(name, fields, owned)                                                                 \
    {                                                                                              \
        name, fields, sizeof(fields) / sizeof((fields)[0]), owned                                  \
    }

static const struct kind {
    const char *name;
    const struct field *fields;
    size_t fields_n;
    bool owned; /* by a process that may be known */
} kinds[LA_REPORT_KIND_COUNT] = {
    [LA_REPORT_INSTANCE] = TABLE("INSTANCE", instance_fields, false),
    [LA_REPORT_LISTENER] = TABLE("LISTENER", listener_fields, true),
    [LA_REPORT_CONNECTION] = TABLE("CONNECTION", conn_fields, true),
    [LA_REPORT_REQUEST] = TABLE("REQUEST", request_fields, false),
    [LA_REPORT_UDP] = TABLE("UDP", udp_fields, true),
    [LA_REPORT_COUNTERS] = TABLE("COUNTERS", counters_fields, false),
    [LA_REPORT_END] = TABLE("END", end_fields, false),
    [LA_REPORT_ERROR] = TABLE("ERROR", error_fields, false),
};

static const size_t owner_fields_n = sizeof(owner_fields) / sizeof(owner_fields[0]);

/* ---- encoding -------------------------------------------------------------------------------- */

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
value_of(const struct field *f, const void *at, la_instant now)
{
    switch (f->type) {
    case FIELD_U8:
        return json_integer(*(const uint8_t *)at);
    case FIELD_U32:
        return json_integer(*(const uint32_t *)at);
    case FIELD_U64:
        return integer_new(*(const uint64_t *)at);
    case FIELD_BOOL:
        return json_boolean(*(const bool *)at);
    case FIELD_TEXT:
        return text_new(at, f->bytes);
    case FIELD_ENDPOINT:
        return endpoint_new(at);
    case FIELD_ID:
        return json_sprintf("%llu", (unsigned long long)*(const uint64_t *)at);
    case FIELD_UNTIL:
    case FIELD_SINCE:
        return time_new(*(const la_instant *)at, now, f->type == FIELD_UNTIL);
    case FIELD_SCALE:
        return *(const uint8_t *)at != UINT8_MAX ? json_integer(*(const uint8_t *)at) : NULL;
    case FIELD_STATE:
        return json_string(la_tcp_state_name(*(const uint8_t *)at, LA_NAMES_RFC));
    case FIELD_TIMER:
        return *(const uint8_t *)at < LA_TIMER_COUNT
                   ? json_string(la_timer_name(*(const uint8_t *)at))
                   : NULL;
    case FIELD_PHASE:
        return json_string(la_cc_phase_name(*(const uint8_t *)at));
    case FIELD_ERR:
        return *(const la_err *)at != LA_OK ? json_string(la_err_name(*(const la_err *)at)) : NULL;
    }
    return NULL;
}

static void
encode_fields(const struct field *fields, size_t n, const struct la_report *r, la_instant now,
              json_t *out)
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
    const struct kind *kind = &kinds[r->kind];
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
        encode_fields(owner_fields, owner_fields_n, r, now, out);
    if (r->kind == LA_REPORT_COUNTERS)
        encode_counts(&r->u.counters, out);
    return out;
}

/* ---- decoding -------------------------------------------------------------------------------- */

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
take_text(const struct field *f, const char *text, void *at)
{
    switch (f->type) {
    case FIELD_TEXT:
        text_copy(at, f->bytes, text);
        break;
    case FIELD_ENDPOINT:
        (void)la_report_endpoint_parse(text, at);
        break;
    case FIELD_ID:
        *(uint64_t *)at = strtoull(text, NULL, 10);
        break;
    case FIELD_STATE:
        *(uint8_t *)at = (uint8_t)la_tcp_state_parse(text);
        break;
    case FIELD_TIMER:
        *(uint8_t *)at = timer_of(text);
        break;
    case FIELD_PHASE:
        *(uint8_t *)at = phase_of(text);
        break;
    case FIELD_ERR:
        *(la_err *)at = err_of(text);
        break;
    case FIELD_U8:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_BOOL:
    case FIELD_UNTIL:
    case FIELD_SINCE:
    case FIELD_SCALE:
        break; /* not a text */
    }
}

static void
take_number(const struct field *f, const json_t *value, void *at)
{
    switch (f->type) {
    case FIELD_U8:
    case FIELD_SCALE:
        *(uint8_t *)at = (uint8_t)number_of(value, UINT8_MAX);
        break;
    case FIELD_U32:
        *(uint32_t *)at = (uint32_t)number_of(value, UINT32_MAX);
        break;
    case FIELD_U64:
        *(uint64_t *)at = number_of(value, UINT64_MAX);
        break;
    case FIELD_UNTIL:
        ((la_instant *)at)->ns = (int64_t)number_of(value, INT64_MAX / 1000) * 1000;
        break;
    case FIELD_SINCE:
        ((la_instant *)at)->ns = -(int64_t)number_of(value, INT64_MAX / 1000) * 1000;
        break;
    case FIELD_BOOL:
    case FIELD_TEXT:
    case FIELD_ENDPOINT:
    case FIELD_ID:
    case FIELD_STATE:
    case FIELD_TIMER:
    case FIELD_PHASE:
    case FIELD_ERR:
        break; /* not a number */
    }
}

/* What a key means that is not there. */
static void
take_default(const struct field *f, void *at)
{
    if (f->type == FIELD_SCALE || f->type == FIELD_TIMER)
        *(uint8_t *)at = UINT8_MAX;
    else if (f->type == FIELD_UNTIL || f->type == FIELD_SINCE)
        *(la_instant *)at = LA_INSTANT_NEVER;
}

static void
decode_fields(const struct field *fields, size_t n, const json_t *object, struct la_report *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct field *f = &fields[i];
        void *at = (uint8_t *)out + f->off;
        const json_t *value = json_object_get(object, f->key);
        take_default(f, at);
        if (json_is_string(value))
            take_text(f, json_string_value(value), at);
        else if (json_is_integer(value))
            take_number(f, value, at);
        else if (json_is_boolean(value) && f->type == FIELD_BOOL)
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
        if (strcmp(kinds[i].name, name) == 0) {
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
    const struct kind *kind = &kinds[out->kind];
    const char *end = json_string_value(json_object_get(object, "end"));
    text_copy(out->end, sizeof(out->end), end != NULL ? end : "");
    out->instance = (uint32_t)number_of(json_object_get(object, "instance"), UINT32_MAX);
    decode_fields(kind->fields, kind->fields_n, object, out);
    if (kind->owned)
        decode_fields(owner_fields, owner_fields_n, object, out);
    if (out->kind == LA_REPORT_COUNTERS)
        decode_counts(object, &out->u.counters);
    return true;
}
