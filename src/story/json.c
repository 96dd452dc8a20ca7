/* SPDX-License-Identifier: MIT
 *
 * json.c - the event stream as JSON lines; docs/events-json.md is the contract
 *
 * Numbers that may exceed 2^53 (ids, handles) are strings: readers in JavaScript would round them.
 */
#include "story/outcome.h"
#include "wire/tcp.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_VERSION = 1, SECONDS_DIGITS = 15 };

static void
write_line(struct la_story *st, json_t *take_object)
{
    char *line = NULL;
    if (take_object != NULL)
        line = json_dumps(take_object, JSON_COMPACT | JSON_REAL_PRECISION(SECONDS_DIGITS));
    if (line == NULL) {
        st->stats.no_memory_n++;
    } else {
        st->cfg.json.write(st->cfg.json.ctx, line, strlen(line));
        st->cfg.json.write(st->cfg.json.ctx, "\n", 1);
    }
    free(line);
    json_decref(take_object);
}

static void
set_int(json_t *object, const char *key, int64_t value)
{
    json_object_set_new(object, key, json_integer(value));
}

static void
set_bool(json_t *object, const char *key, bool value)
{
    json_object_set_new(object, key, json_boolean(value));
}

static void
set_text(json_t *object, const char *key, const char *value)
{
    json_object_set_new(object, key, json_string(value));
}

static void
set_long(json_t *object, const char *key, uint64_t value)
{
    struct text text = text_empty();
    la_text_add(&text, "%llu", (unsigned long long)value);
    if (value != 0)
        set_text(object, key, text.p);
}

static void
set_seconds(json_t *object, const char *key, int64_t ns)
{
    json_object_set_new(object, key, json_real((double)ns / 1e9));
}

static void
set_us(json_t *object, const char *key, uint32_t us)
{
    set_seconds(object, key, (int64_t)us * 1000);
}

static void
set_endpoint(json_t *object, const char *key, const struct la_endpoint *endpoint)
{
    struct text text = text_empty();
    la_text_endpoint(&text, endpoint);
    set_text(object, key, text.p);
}

static json_t *
object_new(const char *kind)
{
    json_t *object = json_object();
    set_int(object, "v", JSON_VERSION);
    set_text(object, "kind", kind);
    return object;
}

/* ---- one event -------------------------------------------------------------------------- */

static void
set_flags(json_t *object, uint16_t flags)
{
    json_t *array = json_array();
    for (unsigned i = 0; i < LA_TCP_FLAGS_N; i++)
        if ((flags >> i & 1) != 0)
            json_array_append_new(array, json_string(la_tcp_flag_name(i)));
    json_object_set_new(object, "flags", array);
}

/* RFC 9768 3.2.3. */
static void
set_marks(json_t *object, const struct la_event_segment *s)
{
    static const char *const names[2][COUNT_OF(s->marks)] = {{"e0b", "ceb", "e1b"},
                                                             {"e1b", "ceb", "e0b"}};
    json_t *marks = json_object();
    for (unsigned i = 0; i + 1u < s->marks_n && i < COUNT_OF(s->marks); i++)
        set_int(marks, names[s->marks_order != 0][i], s->marks[i]);
    json_object_set_new(object, "accecn", marks);
}

static void
set_options(json_t *object, const struct la_event_segment *s)
{
    if ((s->has & LA_SEG_HAS_MSS) != 0)
        set_int(object, "mss", s->mss);
    if (s->wscale != 255)
        set_int(object, "wscale", s->wscale);
    if ((s->has & LA_SEG_HAS_SACK_PERMITTED) != 0)
        set_bool(object, "sack_permitted", true);
    if ((s->has & LA_SEG_HAS_TS) != 0) {
        set_int(object, "ts_val", s->ts_val);
        set_int(object, "ts_ecr", s->ts_ecr);
    }
    if (s->sack_n != 0) {
        json_t *array = json_array();
        for (size_t i = 0; i < s->sack_n && i < COUNT_OF(s->sack); i++) {
            json_t *block = json_array();
            json_array_append_new(block, json_integer(s->sack[i].left));
            json_array_append_new(block, json_integer(s->sack[i].right));
            json_array_append_new(array, block);
        }
        json_object_set_new(object, "sack", array);
        set_bool(object, "dsack", (s->has & LA_SEG_HAS_DSACK) != 0);
    }
    if ((s->has & LA_SEG_HAS_FAST_OPEN) != 0)
        set_bool(object, "fast_open", true);
    if (s->marks_n != 0)
        set_marks(object, s);
    if ((s->has & LA_SEG_HAS_UNKNOWN) != 0)
        set_bool(object, "unknown_option", true);
}

/* From the initial sequence numbers on, where those are known. */
static void
set_relative(json_t *object, const struct la_event *e, const struct conn *conn)
{
    if (conn == NULL)
        return;
    unsigned from = la_story_conn_side(conn, e) ^ (e->kind == LA_EVENT_SEGMENT_ARRIVED);
    const struct la_event_segment *s = &e->u.segment;
    if (conn->end[from].base_known)
        set_int(object, "seq_rel", la_story_conn_relative(conn, from, s->seq));
    if ((s->flags & LA_TCP_ACK) != 0 && conn->end[from ^ 1].base_known)
        set_int(object, "ack_rel", la_story_conn_relative(conn, from ^ 1, s->ack));
}

static void
set_segment(json_t *object, const struct la_event *e, const struct conn *conn)
{
    const struct la_event_segment *s = &e->u.segment;
    set_flags(object, s->flags);
    set_int(object, "seq", s->seq);
    if ((s->flags & LA_TCP_ACK) != 0)
        set_int(object, "ack", s->ack);
    set_relative(object, e, conn);
    set_int(object, "len", s->len);
    set_int(object, "window", s->window);
    set_int(object, "window_raw", s->window_raw);
    if ((s->flags & LA_TCP_URG) != 0)
        set_int(object, "urgent", s->urgent);
    if (s->cause != LA_CAUSE_NONE)
        set_text(object, "cause", la_cause_name((enum la_cause)s->cause));
    if (s->retransmit_n != 0)
        set_int(object, "retransmit_n", s->retransmit_n);
    if ((s->has & LA_SEG_FILLS_WINDOW) != 0)
        set_bool(object, "window_full", true);
    if (s->ecn != LA_IP_NOT_ECT)
        set_text(object, "ecn", la_ip_ecn_name((enum la_ip_ecn)s->ecn));
    set_options(object, s);
}

static void
set_reason(json_t *object, uint16_t reason)
{
    set_text(object, "reason", la_reason_name((enum la_reason)reason));
    if (reason != LA_REASON_NONE)
        set_text(object, "section", la_reason_section((enum la_reason)reason));
}

static void
set_timer(json_t *object, const struct la_event *e)
{
    set_text(object, "timer", la_timer_name((enum la_timer_kind)e->u.timer.timer));
    set_int(object, "backoff_n", e->u.timer.backoff_n);
    set_us(object, "after", e->u.timer.after_us);
    if (e->u.timer.next_us != 0)
        set_us(object, "next", e->u.timer.next_us);
}

static void
set_state(json_t *object, const struct la_event *e)
{
    set_text(object, "from", la_tcp_state_name((enum la_tcp_state)e->u.state.from, LA_NAMES_RFC));
    set_text(object, "to", la_tcp_state_name((enum la_tcp_state)e->u.state.to, LA_NAMES_RFC));
    set_text(object, "event", la_tcp_event_name((enum la_tcp_event)e->u.state.event));
}

static void
set_congestion(json_t *object, const struct la_event *e)
{
    set_text(object, "phase", la_cc_phase_name((enum la_cc_phase)e->u.congestion.phase));
    if (e->u.congestion.why != LA_CC_WHY_PHASE)
        set_text(object, "why", la_cc_why_name((enum la_cc_why)e->u.congestion.why));
    set_int(object, "cwnd", e->u.congestion.cwnd_bytes);
    set_int(object, "ssthresh", e->u.congestion.ssthresh_bytes);
    set_int(object, "flight", e->u.congestion.flight_bytes);
    if (e->u.congestion.pacing_rate != 0)
        set_int(object, "pacing", (int64_t)e->u.congestion.pacing_rate);
}

static void
set_rtt(json_t *object, const struct la_event *e)
{
    set_us(object, "sample", e->u.rtt.sample_us);
    set_us(object, "srtt", e->u.rtt.srtt_us);
    set_us(object, "rttvar", e->u.rtt.rttvar_us);
    set_us(object, "rto", e->u.rtt.rto_us);
}

static void
set_negotiated(json_t *object, const struct la_event *e)
{
    set_int(object, "mss_send", e->u.negotiated.mss_send);
    set_int(object, "mss_receive", e->u.negotiated.mss_receive);
    if (e->u.negotiated.wscale_send != 255)
        set_int(object, "wscale_send", e->u.negotiated.wscale_send);
    if (e->u.negotiated.wscale_receive != 255)
        set_int(object, "wscale_receive", e->u.negotiated.wscale_receive);
    set_bool(object, "timestamps", e->u.negotiated.timestamps);
    set_bool(object, "sack", e->u.negotiated.sack);
    set_bool(object, "ecn", e->u.negotiated.ecn);
    set_bool(object, "accurate_ecn", e->u.negotiated.accurate_ecn);
    set_bool(object, "passive", e->u.negotiated.passive);
}

static void
set_details(json_t *object, const struct la_event *e, const struct conn *conn)
{
    switch ((enum la_event_kind)e->kind) {
    case LA_EVENT_SEGMENT_SENT:
    case LA_EVENT_SEGMENT_ARRIVED:
        set_segment(object, e, conn);
        break;
    case LA_EVENT_WIRE:
        set_text(object, "fate", la_wire_fate_name((enum la_wire_fate)e->u.wire.fate));
        set_int(object, "copy_n", e->u.wire.copy_n);
        set_reason(object, e->u.wire.reason);
        break;
    case LA_EVENT_STATE:
        set_state(object, e);
        break;
    case LA_EVENT_DROP:
        set_reason(object, e->u.drop.reason);
        break;
    case LA_EVENT_TIMER:
        set_timer(object, e);
        break;
    case LA_EVENT_RTT:
        set_rtt(object, e);
        break;
    case LA_EVENT_CONGESTION:
        set_congestion(object, e);
        break;
    case LA_EVENT_WINDOW:
        set_int(object, "window", e->u.window.window);
        set_bool(object, "ours", e->u.window.ours);
        break;
    case LA_EVENT_CALL:
        set_text(object, "call", la_call_name((enum la_call)e->u.call.call));
        set_int(object, "octets", (int64_t)(e->u.call.octets & INT64_MAX));
        break;
    case LA_EVENT_NEGOTIATED:
        set_negotiated(object, e);
        break;
    case LA_EVENT_ERROR:
        set_text(object, "error", la_err_name(e->u.error.err));
        set_bool(object, "soft", e->u.error.soft);
        break;
    case LA_EVENT_LOSS:
        set_text(object, "rule", la_loss_rule_name((enum la_loss_rule)e->u.loss.rule));
        if (e->u.loss.rule == LA_LOSS_RACK)
            set_us(object, "after", e->u.loss.after_us);
        if (e->u.loss.mss != 0)
            set_int(object, "mss", e->u.loss.mss);
        break;
    case LA_EVENT_ECN:
        set_text(object, "step", la_ecn_step_name((enum la_ecn_step)e->u.ecn.step));
        set_int(object, "cwnd", e->u.ecn.cwnd_bytes);
        set_int(object, "ssthresh", e->u.ecn.ssthresh_bytes);
        if (e->u.ecn.marks_n != 0)
            set_int(object, "marks", e->u.ecn.marks_n);
        break;
    case LA_EVENT_URGENT:
        set_int(object, "pointer", e->u.urgent.pointer);
        set_int(object, "unread", e->u.urgent.unread_bytes);
        break;
    case LA_EVENT_KIND_COUNT:
        break;
    }
}

static void
set_at(const struct la_story *st, json_t *object, la_instant at)
{
    if (la_instant_is_never(at))
        json_object_set_new(object, "t", json_null());
    else
        set_seconds(object, "t", la_story_ns_between(at, st->first_at));
}

static void
write_begin(struct la_story *st)
{
    json_t *object = object_new("STORY");
    set_int(object, "start_ns", st->first_at.ns);
    set_text(object, "client", st->name[LEFT].p);
    set_text(object, "server", st->name[RIGHT].p);
    set_text(object, "lastack", la_version());
    write_line(st, object);
    st->json_started = true;
}

void
la_story_json_event(struct la_story *st, const struct la_event *e, const struct conn *conn)
{
    if (st->cfg.json.write == NULL)
        return;
    if (!st->json_started)
        write_begin(st);
    json_t *object = object_new(la_event_kind_name((enum la_event_kind)e->kind));
    set_at(st, object, e->at);
    if (conn != NULL)
        set_int(object, "conn", conn->number);
    set_int(object, "end", e->end);
    set_long(object, "handle", e->conn);
    set_long(object, "segment", e->segment_id);
    set_endpoint(object, "local", &e->local);
    set_endpoint(object, "remote", &e->remote);
    set_details(object, e, conn);
    write_line(st, object);
}

/* ---- one connection --------------------------------------------------------------------- */

static json_t *
by_name(uint8_t by)
{
    return by == BY_NOBODY ? json_null() : json_string(by == LEFT ? "client" : "server");
}

static json_t *
outcome_object(const char *how, uint8_t by)
{
    json_t *object = json_object();
    set_text(object, "how", how);
    json_object_set_new(object, "by", by_name(by));
    return object;
}

static json_t *
end_object(const struct conn_end *end)
{
    json_t *object = json_object(), *again = json_object();
    set_int(object, "octets", (int64_t)end->octets);
    set_int(object, "segments", (int64_t)end->segments_n);
    for (unsigned i = 0; i < RETRANSMIT_KINDS; i++)
        if (end->retransmits_n[i] != 0)
            set_int(again, la_cause_name((enum la_cause)i), (int64_t)end->retransmits_n[i]);
    json_object_set_new(object, "retransmissions", again);
    set_int(object, "lost", (int64_t)end->lost_n);
    set_int(object, "queue_dropped", (int64_t)end->queue_dropped_n);
    set_int(object, "corrupted", (int64_t)end->corrupted_n);
    set_int(object, "duplicated", (int64_t)end->duplicated_n);
    set_int(object, "reordered", (int64_t)end->reordered_n);
    set_int(object, "marked", (int64_t)end->marked_n);
    set_int(object, "drops", (int64_t)end->drops_n);
    if (end->state != 0)
        set_text(object, "state", la_tcp_state_name((enum la_tcp_state)end->state, LA_NAMES_RFC));
    if (end->told)
        set_text(object, "error", la_err_name(end->err));
    if (end->rtt_n != 0) {
        json_t *rtt = json_object();
        set_us(rtt, "min", end->rtt_us_min);
        set_us(rtt, "max", end->rtt_us_max);
        set_us(rtt, "srtt", end->srtt_us);
        set_int(rtt, "samples", (int64_t)end->rtt_n);
        json_object_set_new(object, "rtt", rtt);
    }
    return object;
}

static void
set_agreed(json_t *object, const struct conn *conn)
{
    unsigned side = conn->end[LEFT].agreed ? LEFT : RIGHT;
    const struct conn_end *end = &conn->end[side], *peer = &conn->end[side ^ 1];
    if (!end->agreed)
        return;
    unsigned mss[2];
    mss[side] = end->mss_send;
    mss[side ^ 1] = peer->agreed ? peer->mss_send : end->mss_receive;
    json_t *agreed = json_object();
    set_int(agreed, "mss_client_sends", mss[LEFT]);
    set_int(agreed, "mss_server_sends", mss[RIGHT]);
    set_bool(agreed, "window_scale", end->wscale_send != 255 && end->wscale_receive != 255);
    set_bool(agreed, "sack", end->sack);
    set_bool(agreed, "timestamps", end->timestamps);
    set_bool(agreed, "ecn", end->ecn);
    set_bool(agreed, "accurate_ecn", end->accurate_ecn);
    json_object_set_new(object, "agreed", agreed);
}

void
la_story_json_conn(struct la_story *st, const struct conn *conn)
{
    if (st->cfg.json.write == NULL)
        return;
    struct outcome outcome;
    la_outcome_of(conn, &outcome);
    json_t *object = object_new("CONNECTION");
    set_at(st, object, st->now);
    set_int(object, "conn", conn->number);
    set_endpoint(object, "client", &conn->endpoint[LEFT]);
    set_endpoint(object, "server", &conn->endpoint[RIGHT]);
    set_seconds(object, "began", la_story_ns_between(conn->first_at, st->first_at));
    set_seconds(object, "lasted", la_story_ns_between(conn->last_at, conn->first_at));
    json_t *opened =
        outcome_object(la_outcome_open_name((enum open_how)outcome.open_how), outcome.open_by);
    if (outcome.open_ns >= 0)
        set_seconds(opened, "took", outcome.open_ns);
    json_object_set_new(object, "opened", opened);
    json_t *closed =
        outcome_object(la_outcome_close_name((enum close_how)outcome.close_how), outcome.close_by);
    if (outcome.half_closed_ns >= 0)
        set_seconds(closed, "half_closed", outcome.half_closed_ns);
    if (outcome.reset_after_close)
        set_bool(closed, "then_reset", true);
    json_object_set_new(object, "closed", closed);
    set_agreed(object, conn);
    json_object_set_new(object, "client_end", end_object(&conn->end[LEFT]));
    json_object_set_new(object, "server_end", end_object(&conn->end[RIGHT]));
    write_line(st, object);
}
