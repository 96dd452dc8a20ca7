/* SPDX-License-Identifier: MIT
 *
 * check.c - was it shown? A scenario's checks on the record of what happened
 */
#include "lab/lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"

enum { FLOW_BYTES = 200, LATE_US_MAX = 1000 };

void
la_lab_expect(struct la_lab *lab, bool ok, const char *format, ...)
{
    va_list args;
    if (ok || lab->failure[0] != 0)
        return;
    va_start(args, format);
    vsnprintf(lab->failure, sizeof(lab->failure), format, args);
    va_end(args);
}

void
la_lab_mark(struct la_lab *lab)
{
    lab->mark = lab->bed->events_n;
}

/* ---- events ----------------------------------------------------------------------------- */

static unsigned
detail_of(const struct la_event *event)
{
    switch ((enum la_event_kind)event->kind) {
    case LA_EVENT_SEGMENT_SENT:
        return event->u.segment.cause;
    case LA_EVENT_WIRE:
        return event->u.wire.fate;
    case LA_EVENT_DROP:
        return event->u.drop.reason;
    case LA_EVENT_TIMER:
        return event->u.timer.timer;
    case LA_EVENT_WINDOW:
        return event->u.window.ours;
    case LA_EVENT_STATE:
        return event->u.state.to;
    case LA_EVENT_ECN:
        return event->u.ecn.step;
    case LA_EVENT_LOSS:
        return event->u.loss.rule;
    case LA_EVENT_CONGESTION:
        return event->u.congestion.why;
    case LA_EVENT_SEGMENT_ARRIVED:
    case LA_EVENT_RTT:
    case LA_EVENT_CALL:
    case LA_EVENT_NEGOTIATED:
    case LA_EVENT_ERROR:
    case LA_EVENT_URGENT:
    case LA_EVENT_KIND_COUNT:
        break;
    }
    return LA_LAB_ANY;
}

const struct la_event *
la_lab_find(const struct la_lab *lab, int end, enum la_event_kind kind, unsigned detail, size_t nth)
{
    for (size_t i = lab->mark; i < lab->bed->events_n; i++) {
        const struct la_event *event = &lab->bed->events[i];
        if (event->kind == kind && event->end == end &&
            (detail == LA_LAB_ANY || detail_of(event) == detail) && nth-- == 0)
            return event;
    }
    return NULL;
}

size_t
la_lab_count(const struct la_lab *lab, int end, enum la_event_kind kind, unsigned detail)
{
    size_t n = 0;
    for (size_t i = lab->mark; i < lab->bed->events_n; i++) {
        const struct la_event *event = &lab->bed->events[i];
        n += event->kind == kind && event->end == end &&
             (detail == LA_LAB_ANY || detail_of(event) == detail);
    }
    return n;
}

const struct la_event *
la_lab_sent(const struct la_lab *lab, int end, uint16_t mask, uint16_t flags, size_t nth)
{
    for (size_t i = lab->mark; i < lab->bed->events_n; i++) {
        const struct la_event *event = &lab->bed->events[i];
        if (event->kind == LA_EVENT_SEGMENT_SENT && event->end == end &&
            (event->u.segment.flags & mask) == flags && nth-- == 0)
            return event;
    }
    return NULL;
}

bool
la_lab_apart(const struct la_event *before, const struct la_event *after, int64_t us)
{
    int64_t gap_us = la_instant_diff_us(after->at, before->at);
    return gap_us >= us && gap_us - us <= LATE_US_MAX;
}

/* ---- sentences about them --------------------------------------------------------------- */

/* Appends; what does not fit is cut. */
static void
add(char *text, size_t room, const char *more)
{
    size_t n = strlen(text);
    snprintf(text + n, room - n, "%s", more);
}

static void
add_state(char *text, size_t room, uint8_t state)
{
    if (text[0] != 0)
        add(text, room, ", ");
    add(text, room, la_tcp_state_name((enum la_tcp_state)state, LA_NAMES_RFC));
}

/* The state change of this end before events[i], of the same peer. NULL: there is none. */
static const struct la_event *
state_before(const struct la_bed *bed, size_t i)
{
    const struct la_event *of = &bed->events[i];
    while (i-- > 0) {
        const struct la_event *event = &bed->events[i];
        if (event->kind == LA_EVENT_STATE && event->end == of->end &&
            event->remote.port == of->remote.port)
            return event;
    }
    return NULL;
}

/* The handle that a connection had while it was half-open: its own, or another. */
static la_handle
half_open_handle(const struct la_lab *lab, int end, la_handle conn)
{
    const struct la_bed *bed = lab->bed;
    size_t i = 0;
    while (i < bed->events_n && (bed->events[i].kind != LA_EVENT_STATE ||
                                 bed->events[i].end != end || bed->events[i].conn != conn))
        i++;
    if (i == bed->events_n || bed->events[i].u.state.from != LA_TCP_SYN_RECEIVED)
        return conn;
    const struct la_event *before = state_before(bed, i);
    return before != NULL ? before->conn : conn;
}

void
la_lab_expect_path(struct la_lab *lab, int end, la_handle conn, const uint8_t *path)
{
    char wanted[FLOW_BYTES] = "", went[FLOW_BYTES] = "";
    la_handle half = half_open_handle(lab, end, conn);
    size_t at = 0;
    bool same = true;
    for (size_t i = 0; i < lab->bed->events_n; i++) {
        const struct la_event *event = &lab->bed->events[i];
        if (event->kind != LA_EVENT_STATE || event->end != end ||
            (event->conn != conn && event->conn != half))
            continue;
        if (at == 0) {
            same = path[at++] == event->u.state.from;
            add_state(went, sizeof(went), event->u.state.from);
        }
        same = same && path[at] != 0 && path[at] == event->u.state.to;
        at += same;
        add_state(went, sizeof(went), event->u.state.to);
    }
    for (const uint8_t *p = path; *p != 0; p++)
        add_state(wanted, sizeof(wanted), *p);
    la_lab_expect(lab, same && path[at] == 0, "the %s went %s, not %s", la_lab_end_name(end),
                  went[0] != 0 ? went : "nowhere", wanted);
}

/* "C:SA" */
static void
add_segment(char *text, size_t room, const struct la_event *event)
{
    static const char letters[] = "FSRPAUECN";
    /* SYN, FIN, RST, PSH, ACK, URG, ECE, CWR, AE (N): the order in which people say them. */
    static const uint8_t order[] = {1, 0, 2, 3, 4, 5, 6, 7, 8};
    char word[16];
    size_t n = 0;
    if (text[0] != 0)
        word[n++] = ' ';
    word[n++] = event->end == LA_CLIENT ? 'C' : 'S';
    word[n++] = ':';
    for (size_t i = 0; i < sizeof(order); i++)
        if ((event->u.segment.flags >> order[i] & 1) != 0)
            word[n++] = letters[order[i]];
    word[n] = 0;
    add(text, room, word);
}

void
la_lab_expect_flow(struct la_lab *lab, const char *flow)
{
    char went[FLOW_BYTES] = "";
    for (size_t i = lab->mark; i < lab->bed->events_n; i++)
        if (lab->bed->events[i].kind == LA_EVENT_SEGMENT_SENT)
            add_segment(went, sizeof(went), &lab->bed->events[i]);
    la_lab_expect(lab, strcmp(went, flow) == 0, "the segments were %s, not %s", went, flow);
}

void
la_lab_expect_octets(struct la_lab *lab, int end, uint64_t n)
{
    la_lab_expect(lab, lab->end[end].received_n == n, "the %s received %llu octets, not %llu",
                  la_lab_end_name(end), (unsigned long long)lab->end[end].received_n,
                  (unsigned long long)n);
    la_lab_expect(lab, !lab->end[end].wrong, "the %s received other octets than were sent",
                  la_lab_end_name(end));
}
