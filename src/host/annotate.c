/* SPDX-License-Identifier: MIT
 *
 * annotate.c - the story as comments on the packets of a capture
 */
#include <stdio.h>
#include <string.h>

#include "host/annotate.h"
#include "proto/tcp_fsm.h"

void
la_annotate_init(struct la_annotate *annotate, struct la_capture_writer *writer,
                 const char *const end_name[2])
{
    *annotate = (struct la_annotate){.writer = writer, .end_name = {end_name[0], end_name[1]}};
}

static const char *
end_name(const struct la_annotate *annotate, const struct la_event *event)
{
    return event->end < 2 ? annotate->end_name[event->end] : "?";
}

static void
wait_for_segment(struct la_annotate *annotate, const struct la_event *event, const char *text)
{
    struct la_annotate_waiting *slot = &annotate->waiting[annotate->waiting_next];
    if (event->conn == 0)
        return;
    annotate->waiting_next = (annotate->waiting_next + 1) % LA_ANNOTATE_WAITING_N;
    slot->conn = event->conn;
    slot->end = event->end;
    snprintf(slot->text, sizeof(slot->text), "%s", text);
}

/* From the oldest to the latest, so that comments tell the changes in their order. */
static void
join_waiting(struct la_annotate *annotate, const struct la_event *event)
{
    for (uint32_t i = 0; i < LA_ANNOTATE_WAITING_N && event->conn != 0; i++) {
        struct la_annotate_waiting *slot =
            &annotate->waiting[(annotate->waiting_next + i) % LA_ANNOTATE_WAITING_N];
        if (slot->conn != event->conn || slot->end != event->end)
            continue;
        la_capture_writer_comment(annotate->writer, event->segment_id, slot->text);
        slot->conn = 0;
    }
}

static void
state_changed(struct la_annotate *annotate, const struct la_event *event)
{
    char text[LA_ANNOTATE_TEXT_BYTES];
    enum la_tcp_state from = (enum la_tcp_state)event->u.state.from;
    enum la_tcp_state to = (enum la_tcp_state)event->u.state.to;
    const struct la_tcp_edge *edge = la_tcp_fsm_edge(from, (enum la_tcp_event)event->u.state.event);
    if (from == to)
        return;
    snprintf(text, sizeof(text), "%s %s -> %s (%s)", end_name(annotate, event),
             la_tcp_state_name(from, LA_NAMES_RFC), la_tcp_state_name(to, LA_NAMES_RFC),
             edge->to != 0 ? edge->section : "no edge of the figure");
    if (event->segment_id != 0)
        la_capture_writer_comment(annotate->writer, event->segment_id, text);
    else
        wait_for_segment(annotate, event, text);
}

/* Opening, data and acknowledgements speak for themselves. */
static bool
is_notable(enum la_cause cause)
{
    switch (cause) {
    case LA_CAUSE_ACK_CHALLENGE:
    case LA_CAUSE_RETRANSMIT_RTO:
    case LA_CAUSE_RETRANSMIT_FAST:
    case LA_CAUSE_RETRANSMIT_PARTIAL:
    case LA_CAUSE_RETRANSMIT_SACK:
    case LA_CAUSE_RETRANSMIT_RACK:
    case LA_CAUSE_RETRANSMIT_SYN_TEXT:
    case LA_CAUSE_RETRANSMIT_MTU:
    case LA_CAUSE_TAIL_PROBE:
    case LA_CAUSE_MTU_PROBE:
    case LA_CAUSE_WINDOW_PROBE:
    case LA_CAUSE_KEEPALIVE:
    case LA_CAUSE_RST_REFUSED:
    case LA_CAUSE_RST_ABORT:
    case LA_CAUSE_RST_TIMEOUT:
        return true;
    case LA_CAUSE_NONE:
    case LA_CAUSE_OPEN:
    case LA_CAUSE_DATA:
    case LA_CAUSE_FIN:
    case LA_CAUSE_ACK:
    case LA_CAUSE_ACK_DELAYED:
    case LA_CAUSE_ACK_DUPLICATE:
    case LA_CAUSE_WINDOW_UPDATE:
    case LA_CAUSE_COUNT:
        break;
    }
    return false;
}

static void
segment_sent(struct la_annotate *annotate, const struct la_event *event)
{
    char text[LA_ANNOTATE_TEXT_BYTES];
    enum la_cause cause = (enum la_cause)event->u.segment.cause;
    unsigned before_n = event->u.segment.retransmit_n;
    join_waiting(annotate, event);
    if ((event->u.segment.has & LA_SEG_FILLS_WINDOW) != 0) {
        snprintf(text, sizeof(text), "%s: fills the window (RFC 9293 3.8.6)",
                 end_name(annotate, event));
        la_capture_writer_comment(annotate->writer, event->segment_id, text);
    }
    if (!is_notable(cause) && before_n == 0)
        return;
    int n = snprintf(text, sizeof(text), "%s sends: %s", end_name(annotate, event),
                     la_cause_text(cause));
    if (before_n != 0 && n > 0 && (size_t)n < sizeof(text))
        snprintf(text + n, sizeof(text) - (size_t)n, " (sent %u time%s before)", before_n,
                 before_n == 1 ? "" : "s");
    la_capture_writer_comment(annotate->writer, event->segment_id, text);
}

static void
reason_applies(struct la_annotate *annotate, const struct la_event *event, const char *who,
               enum la_reason reason)
{
    char text[LA_ANNOTATE_TEXT_BYTES];
    const char *section = la_reason_section(reason);
    if (strcmp(section, "-") == 0)
        snprintf(text, sizeof(text), "%s: %s", who, la_reason_text(reason));
    else
        snprintf(text, sizeof(text), "%s: %s (%s)", who, la_reason_text(reason), section);
    la_capture_writer_comment(annotate->writer, event->segment_id, text);
}

static void
urgent_told(struct la_annotate *annotate, const struct la_event *event)
{
    char text[LA_ANNOTATE_TEXT_BYTES];
    snprintf(text, sizeof(text), "%s is told of urgent data, %u unread before its end (%s)",
             end_name(annotate, event), event->u.urgent.unread_bytes, "RFC 9293 3.8.5");
    la_capture_writer_comment(annotate->writer, event->segment_id, text);
}

void
la_annotate_event(void *ctx, const struct la_event *event)
{
    struct la_annotate *annotate = ctx;
    switch ((enum la_event_kind)event->kind) {
    case LA_EVENT_SEGMENT_SENT:
        segment_sent(annotate, event);
        break;
    case LA_EVENT_STATE:
        state_changed(annotate, event);
        break;
    case LA_EVENT_DROP:
        reason_applies(annotate, event, end_name(annotate, event),
                       (enum la_reason)event->u.drop.reason);
        break;
    case LA_EVENT_WIRE:
        if (event->u.wire.fate != LA_WIRE_DELIVERED)
            reason_applies(annotate, event, "wire", (enum la_reason)event->u.wire.reason);
        break;
    case LA_EVENT_URGENT:
        urgent_told(annotate, event);
        break;
    case LA_EVENT_SEGMENT_ARRIVED:
    case LA_EVENT_TIMER:
    case LA_EVENT_RTT:
    case LA_EVENT_CONGESTION:
    case LA_EVENT_WINDOW:
    case LA_EVENT_CALL:
    case LA_EVENT_NEGOTIATED:
    case LA_EVENT_ERROR:
    case LA_EVENT_ECN:
    case LA_EVENT_LOSS:
    case LA_EVENT_KIND_COUNT:
        break;
    }
}
