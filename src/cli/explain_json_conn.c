/* SPDX-License-Identifier: MIT
 *
 * explain_json_conn.c - a connection as a part of the document: docs/explain-json.md is the
 * contract
 */
#include "cli/explain_json.h"

#include "cli/explain.h"

/* -1 means unknown. */
static json_t *
known(int64_t n)
{
    return n < 0 ? json_null() : json_integer(n);
}

/* ---- states ----------------------------------------------------------------------------- */

static json_t *
list_of_states(uint16_t states, uint32_t names)
{
    json_t *list = json_array();
    for (unsigned s = 0; s < LA_TCP_STATE_COUNT; s++) {
        const char *name = la_tcp_state_name((enum la_tcp_state)s, (enum la_names)names);
        bool twin = s == LA_TCP_SYN_RECEIVED_ACTIVE && (states >> LA_TCP_SYN_RECEIVED & 1) != 0;
        if ((states >> s & 1) != 0 && !twin)
            (void)json_array_append_new(list, text(name));
    }
    return list;
}

/* The name where the capture decides it, else null. */
static json_t *
decided(uint16_t states, uint32_t names)
{
    json_t *list = list_of_states(states, names), *one = json_null();
    if (json_array_size(list) == 1)
        one = json_incref(json_array_get(list, 0));
    json_decref(list);
    return one;
}

static const char *
end_name(unsigned end)
{
    return end == LA_END_CLIENT ? "client" : "server";
}

static json_t *
transition(const struct la_explain_transition *t, uint32_t names)
{
    json_t *o = json_object(), *from = decided(t->from, names), *to = decided(t->to, names);
    bool from_open = json_is_null(from), to_open = json_is_null(to);
    set(o, "end", text(end_name(t->end)));
    set(o, "from", from);
    set(o, "to", to);
    if (from_open)
        set(o, "possible_from", list_of_states(t->from, names));
    if (to_open)
        set(o, "possible_to", list_of_states(t->to, names));
    set(o, "event", text(la_tcp_event_name((enum la_tcp_event)t->event)));
    set(o, "section", text(t->section));
    set(o, "frame", t->frame == 0 ? json_null() : number(t->frame));
    set(o, "earliest", when(t->earliest));
    set(o, "latest", when(t->latest));
    set(o, "certainty", text(la_certainty_name((enum la_certainty)t->certainty)));
    return o;
}

static json_t *
transitions(const struct la_explain_conn *conn, uint32_t names)
{
    json_t *list = json_array();
    for (size_t i = 0; i < conn->transitions_n; i++)
        (void)json_array_append_new(list, transition(&conn->transitions[i], names));
    return list;
}

static json_t *
end_states(const struct la_explain_conn *conn, uint32_t names)
{
    json_t *o = json_object();
    for (unsigned end = 0; end < 2; end++)
        set(o, end_name(end), decided(conn->proven[end], names));
    return o;
}

static json_t *
possible_states(const struct la_explain_conn *conn, uint32_t names)
{
    json_t *o = json_object();
    for (unsigned end = 0; end < 2; end++)
        set(o, end_name(end), list_of_states(conn->possible[end], names));
    return o;
}

/* ---- opening and closing ---------------------------------------------------------------- */

static json_t *
option_names(uint32_t options)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } table[] = {
        {LA_EXPLAIN_HAS_MSS, "mss"},
        {LA_EXPLAIN_HAS_WSCALE, "window_scale"},
        {LA_EXPLAIN_HAS_SACK_PERMITTED, "sack"},
        {LA_EXPLAIN_HAS_TIMESTAMPS, "timestamps"},
        {LA_EXPLAIN_HAS_ECN, "ecn"},
        {LA_EXPLAIN_HAS_ACCURATE_ECN, "accurate_ecn"},
        {LA_EXPLAIN_HAS_FAST_OPEN, "fast_open"},
        {LA_EXPLAIN_HAS_FAST_OPEN_COOKIE, "fast_open_cookie"},
        {LA_EXPLAIN_HAS_MPTCP, "mptcp"},
        {LA_EXPLAIN_HAS_MPTCP_JOIN, "mptcp_join"},
        {LA_EXPLAIN_HAS_AO, "ao"},
        {LA_EXPLAIN_HAS_MD5, "md5"},
        {LA_EXPLAIN_HAS_USER_TIMEOUT, "user_timeout"},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if ((options & table[i].bit) != 0)
            (void)json_array_append_new(list, text(table[i].name));
    return list;
}

static json_t *
syn(const struct la_explain_syn *s)
{
    json_t *o = json_object();
    if (!s->seen) {
        json_decref(o);
        return json_null();
    }
    set(o, "isn", number(s->isn));
    set(o, "options", option_names(s->options));
    set(o, "mss", (s->options & LA_EXPLAIN_HAS_MSS) != 0 ? number(s->mss) : json_null());
    set(o, "window_scale",
        (s->options & LA_EXPLAIN_HAS_WSCALE) != 0 ? number(s->wscale) : json_null());
    set(o, "window", number(s->window));
    set(o, "bytes", number(s->text_bytes));
    set(o, "count", number(s->n));
    set(o, "frame", number(s->frame));
    set(o, "time", when(s->at));
    return o;
}

static json_t *
opening(const struct la_explain_open *open)
{
    json_t *o = json_object();
    set(o, "kind", text(la_open_kind_name((enum la_open_kind)open->kind)));
    set(o, "complete", json_boolean(open->complete));
    set(o, "syn_count", number(open->syn[LA_END_CLIENT].n));
    set(o, "syn_ack_count", number(open->syn[LA_END_SERVER].n));
    set(o, "rtt_us", known(open->rtt_us));
    set(o, "rtt_client_us", known(open->rtt_part_us[LA_END_CLIENT]));
    set(o, "rtt_server_us", known(open->rtt_part_us[LA_END_SERVER]));
    set(o, "options", option_names(open->agreed));
    set(o, "client", syn(&open->syn[LA_END_CLIENT]));
    set(o, "server", syn(&open->syn[LA_END_SERVER]));
    return o;
}

static json_t *
reset(const struct la_explain_reset *r)
{
    json_t *o = json_object();
    if (r->cause == LA_RESET_NONE) {
        json_decref(o);
        return json_null();
    }
    set(o, "by", text(la_who_name((enum la_who)r->by)));
    set(o, "cause", text(la_reset_cause_name((enum la_reset_cause)r->cause)));
    set(o, "certainty", text(la_certainty_name((enum la_certainty)r->certainty)));
    set(o, "or_cause",
        r->or_cause == LA_RESET_NONE ? json_null()
                                     : text(la_reset_cause_name((enum la_reset_cause)r->or_cause)));
    set(o, "frame", r->frame == 0 ? json_null() : number(r->frame));
    set(o, "client_count", number(r->n[LA_END_CLIENT]));
    set(o, "server_count", number(r->n[LA_END_SERVER]));
    return o;
}

static json_t *
closing(const struct la_explain_close *close)
{
    json_t *o = json_object();
    set(o, "kind", text(la_close_kind_name((enum la_close_kind)close->kind)));
    set(o, "by", text(la_who_name((enum la_who)close->by)));
    set(o, "certainty", text(la_certainty_name((enum la_certainty)close->certainty)));
    set(o, "segments", number(close->segments_n));
    set(o, "reset", reset(&close->reset));
    return o;
}

static json_t *
half_close(const struct la_explain_close *close)
{
    if (close->half_close_by == LA_WHO_NONE)
        return json_null();
    json_t *o = json_object();
    set(o, "by", text(la_who_name((enum la_who)close->half_close_by)));
    set(o, "us", known(close->half_close_us));
    return o;
}

/* ---- directions ------------------------------------------------------------------------- */

static json_t *
retransmissions(const struct la_explain_retransmissions *r)
{
    json_t *o = json_object();
    set(o, "total", number(r->total));
    set(o, "rto", number(r->rto));
    set(o, "fast", number(r->fast));
    set(o, "tail_probe", number(r->tail_probe));
    set(o, "syn", number(r->syn));
    set(o, "fin", number(r->fin));
    set(o, "unknown", number(r->unknown));
    set(o, "spurious", number(r->spurious));
    return o;
}

static json_t *
rtt(const struct la_explain_rtt *r)
{
    if (r->samples_n == 0)
        return json_null();
    json_t *o = json_object();
    set(o, "samples", number(r->samples_n));
    set(o, "min", number(r->min_us));
    set(o, "median", number(r->median_us));
    set(o, "p95", number(r->p95_us));
    set(o, "max", number(r->max_us));
    return o;
}

static json_t *
limits(const struct la_explain_direction *d)
{
    char key[LA_EXPLAIN_WORD_BYTES];
    json_t *o = json_object();
    for (unsigned i = 0; i < LA_LIMIT_COUNT; i++) {
        (void)snprintf(key, sizeof(key), "%s_us", la_explain_limit_name((enum la_limit)i));
        set(o, key, d->limits_told ? number(d->limit_us[i]) : json_null());
    }
    return o;
}

static json_t *
congestion_control(const struct la_explain_congestion *c)
{
    enum la_congestion_family family = (enum la_congestion_family)c->family;
    json_t *o = json_object();
    set(o, "family", text(la_congestion_family_name(family)));
    set(o, "confidence",
        family == LA_CONGESTION_UNKNOWN ? json_null()
                                        : json_real((double)c->confidence_percent / 100));
    set(o, "losses", number(c->losses_n));
    set(o, "kept_percent", c->kept_percent == 0 ? json_null() : number(c->kept_percent));
    set(o, "dips", number(c->dips_n));
    return o;
}

static json_t *
throughput(const struct la_explain_direction *d)
{
    if (d->throughput == NULL)
        return json_null();
    json_t *o = json_object(), *bytes = json_array();
    for (size_t i = 0; i < d->throughput_n; i++)
        (void)json_array_append_new(bytes, number(d->throughput[i]));
    set(o, "bucket_ms", number(d->throughput_ms));
    set(o, "bytes", bytes);
    return o;
}

static json_t *
direction(const struct la_explain_direction *d)
{
    json_t *o = json_object();
    set(o, "segments", number(d->segments));
    set(o, "bytes", number(d->bytes));
    set(o, "bytes_unique", number(d->bytes_unique));
    set(o, "bytes_missing", number(d->bytes_missing));
    set(o, "retransmissions", retransmissions(&d->retransmissions));
    set(o, "network_duplicates", number(d->network_duplicates));
    set(o, "capture_duplicates", number(d->capture_duplicates));
    set(o, "reordered", number(d->reordered));
    set(o, "capture_gaps", number(d->capture_gaps));
    set(o, "ect", number(d->ect));
    set(o, "ce", number(d->ce));
    set(o, "ce_reports", number(d->ce_reports));
    set(o, "duplicate_acks", number(d->duplicate_acks));
    set(o, "keepalives", number(d->keepalives));
    set(o, "window_probes", number(d->window_probes));
    set(o, "zero_windows", number(d->zero_windows));
    set(o, "zero_window_us", number(d->zero_window_us));
    set(o, "window_max", number(d->window_max));
    set(o, "flight_bytes_max", number(d->flight_bytes_max));
    set(o, "segment_bytes_max", number(d->segment_bytes_max));
    set(o, "ttl", number(d->ttl_hops));
    set(o, "rtt_us", rtt(&d->rtt));
    set(o, "limits", limits(d));
    set(o, "congestion_control", congestion_control(&d->congestion));
    set(o, "throughput", throughput(d));
    return o;
}

/* ---- findings --------------------------------------------------------------------------- */

static json_t *
finding(const struct la_explain_finding *f)
{
    char sentence[LA_EXPLAIN_TEXT_BYTES];
    enum la_finding id = (enum la_finding)f->id;
    json_t *o = json_object(), *frames = json_array();
    for (unsigned i = 0; i < f->frames_n; i++)
        (void)json_array_append_new(frames, number(f->frames[i]));
    set(o, "id", text(la_finding_name(id)));
    set(o, "certainty", text(la_certainty_name((enum la_certainty)f->certainty)));
    set(o, "who", text(la_who_name((enum la_who)f->who)));
    set(o, "section", text(la_finding_section(id)));
    set(o, "requirement",
        la_finding_requirement(id)[0] == 0 ? json_null() : text(la_finding_requirement(id)));
    set(o, "text", text(la_explain_finding_text(f, sentence, sizeof(sentence))));
    set(o, "count", number(f->n));
    set(o, "segments", frames);
    return o;
}

json_t *
la_explain_json_findings(const struct la_explain_finding *list, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(out, finding(&list[i]));
    return out;
}

/* ---- a connection ----------------------------------------------------------------------- */

json_t *
la_explain_json_endpoint(const struct la_endpoint *at)
{
    char addr[LA_ADDR_TEXT_BYTES];
    json_t *o = json_object();
    set(o, "addr", text(la_addr_format(&at->addr, addr)));
    set(o, "port", number(at->port));
    return o;
}

json_t *
la_explain_json_conn(const struct la_explain_conn *conn, uint32_t names)
{
    json_t *o = json_object();
    set(o, "id", number(conn->id));
    set(o, "client", la_explain_json_endpoint(&conn->at[LA_END_CLIENT]));
    set(o, "server", la_explain_json_endpoint(&conn->at[LA_END_SERVER]));
    set(o, "client_guessed", json_boolean(conn->client_guessed));
    set(o, "tunnel", conn->path_key == 0 ? json_null() : number(conn->path_key));
    set(o, "first_time", when(conn->first_at));
    set(o, "last_time", when(conn->last_at));
    set(o, "first_frame", number(conn->first_frame));
    set(o, "last_frame", number(conn->last_frame));
    set(o, "capture_point", text(la_tap_place_name((enum la_tap_place)conn->tap)));
    set(o, "capture_point_certainty",
        text(la_certainty_name((enum la_certainty)conn->tap_certainty)));
    set(o, "evicted", json_boolean(conn->evicted));
    set(o, "open", opening(&conn->open));
    set(o, "close", closing(&conn->close));
    set(o, "half_close", half_close(&conn->close));
    set(o, "states", end_states(conn, names));
    set(o, "states_possible", possible_states(conn, names));
    set(o, "transitions", transitions(conn, names));
    set(o, "client_to_server", direction(&conn->direction[LA_END_CLIENT]));
    set(o, "server_to_client", direction(&conn->direction[LA_END_SERVER]));
    set(o, "findings", la_explain_json_findings(conn->findings, conn->findings_n));
    return o;
}
