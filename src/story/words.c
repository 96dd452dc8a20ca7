/* SPDX-License-Identifier: MIT
 *
 * words.c - what is said about a row: events in words, with the paragraph that rules them
 */
#include "proto/tcp_fsm.h"
#include "story/story.h"

#include <string.h>

/* "seq 1461", "SYN", "FIN": what a segment is called in a sentence. */
static void
add_what(const struct la_story *st, struct text *out, const struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    if ((s->flags & LA_TCP_SYN) != 0)
        la_text_add(out, (s->flags & LA_TCP_ACK) != 0 ? "SYN,ACK" : "SYN");
    else if (s->len == 0 && (s->flags & LA_TCP_FIN) != 0)
        la_text_add(out, "FIN");
    else if (story_has(st, LA_STORY_ABSOLUTE))
        la_text_add(out, "seq %u", s->seq);
    else
        la_text_add(out, "seq %lld", (long long)row->seq_rel);
}

/* What stands at an octet of the row's sender, `off` behind the row's first one. */
static void
add_place(const struct la_story *st, struct text *out, const struct row *row, uint32_t off)
{
    if (story_has(st, LA_STORY_ABSOLUTE))
        la_text_add(out, "seq %u", row->segment.seq + off);
    else
        la_text_add(out, "seq %lld", (long long)row->seq_rel + off);
}

static void
add_timer(struct text *out, const struct la_event *timer, const char *before)
{
    if (timer == NULL || timer->u.timer.after_us == 0)
        return;
    la_text_add(out, "%s", before);
    la_text_duration(out, (int64_t)timer->u.timer.after_us * 1000);
    if (timer->u.timer.next_us != 0) {
        la_text_add(out, ", next in ");
        la_text_duration(out, (int64_t)timer->u.timer.next_us * 1000);
    }
}

static void
say(struct la_story *st, struct row *row, const struct note *head, const struct text *text)
{
    la_row_note(st, row, head, text->p);
}

static void
title_set(struct row *row, const struct text *text)
{
    size_t n = text->n < sizeof(row->title) - 1 ? text->n : sizeof(row->title) - 1;
    memcpy(row->title, text->p, n);
    row->title[n] = 0;
}

/* ---- sent ------------------------------------------------------------------------------- */

/* How a retransmission came about, in words and by law. */
struct again {
    const char *why, *cite;
};

static struct again
again_of(enum la_cause cause, bool timed)
{
    switch (cause) {
    case LA_CAUSE_RETRANSMIT_FAST:
        return (struct again){"third duplicate ACK", "RFC 5681 3.2"};
    case LA_CAUSE_RETRANSMIT_PARTIAL:
        return (struct again){"partial ACK during recovery", "RFC 6582 3.2"};
    case LA_CAUSE_RETRANSMIT_SACK:
        return (struct again){"a hole between SACK blocks", "RFC 6675 5"};
    case LA_CAUSE_RETRANSMIT_RACK:
        return (struct again){"a later segment was acknowledged first", "RFC 8985 6.2"};
    case LA_CAUSE_TAIL_PROBE:
        return (struct again){"tail loss probe", "RFC 8985 7.3"};
    case LA_CAUSE_RETRANSMIT_RTO:
        return (struct again){timed ? "timeout" : "lost with the timeout", "RFC 6298 5.4-5.6"};
    case LA_CAUSE_NONE:
    case LA_CAUSE_OPEN:
    case LA_CAUSE_DATA:
    case LA_CAUSE_FIN:
    case LA_CAUSE_ACK:
    case LA_CAUSE_ACK_DELAYED:
    case LA_CAUSE_ACK_DUPLICATE:
    case LA_CAUSE_ACK_CHALLENGE:
    case LA_CAUSE_WINDOW_UPDATE:
    case LA_CAUSE_WINDOW_PROBE:
    case LA_CAUSE_KEEPALIVE:
    case LA_CAUSE_RST_REFUSED:
    case LA_CAUSE_RST_ABORT:
    case LA_CAUSE_RST_TIMEOUT:
    case LA_CAUSE_COUNT:
        break;
    }
    return cause != LA_CAUSE_NONE && timed ? (struct again){"timeout", "RFC 6298 5.4-5.6"}
                                           : (struct again){NULL, NULL};
}

static void
say_again(struct la_story *st, struct row *row, const struct la_event *timer)
{
    const struct la_event_segment *s = &row->segment;
    bool timed = timer != NULL || story_has(st, LA_STORY_ONE_SIDED);
    struct again again = again_of((enum la_cause)s->cause, timed);
    struct text text = text_empty();
    if (s->cause == LA_CAUSE_RETRANSMIT_FAST)
        la_text_add(&text, "fast retransmit of ");
    else if (s->retransmit_n != 0)
        la_text_add(&text, "retransmission %u of ", s->retransmit_n);
    else
        la_text_add(&text, "retransmission of ");
    add_what(st, &text, row);
    if (again.why != NULL)
        la_text_add(&text, ": %s", again.why);
    add_timer(&text, timer, " after ");
    say(st, row, &(struct note){.side = row->from, .style = STYLE_AGAIN, .cite = again.cite},
        &text);
}

static void
say_probe(struct la_story *st, struct row *row, const struct la_event *timer)
{
    bool window = row->segment.cause == LA_CAUSE_WINDOW_PROBE;
    struct text text = text_empty();
    la_text_add(&text, window ? "zero-window probe" : "keep-alive probe");
    if (timer != NULL && timer->u.timer.backoff_n != 0)
        la_text_add(&text, " %u", timer->u.timer.backoff_n);
    add_timer(&text, timer, ": after ");
    say(st, row,
        &(struct note){.side = row->from,
                       .style = STYLE_AGAIN,
                       .cite = window ? "RFC 9293 3.8.6.1" : "RFC 9293 3.8.4"},
        &text);
}

static void
say_ack(struct la_story *st, struct row *row, const struct la_event *timer)
{
    struct text text = text_empty();
    struct note head = {.side = row->from, .style = STYLE_DIM, .quiet = true};
    if (row->segment.cause == LA_CAUSE_ACK_DELAYED) {
        la_text_add(&text, "delayed ACK");
        if (timer != NULL) {
            la_text_add(&text, ": nothing to send along for ");
            la_text_duration(&text, (int64_t)timer->u.timer.after_us * 1000);
        }
        head.cite = "RFC 9293 3.8.6.3";
    } else if (row->segment.cause == LA_CAUSE_ACK_DUPLICATE) {
        uint32_t n = row->conn->end[row->from].dup_ack_n;
        /* The third one triggers the retransmission; those behind it are many and alike. */
        if (n == 0 || n > 3)
            return;
        la_text_add(&text, "duplicate ACK %u", n);
        head.cite = "RFC 5681 4.2";
        head.quiet = false;
        head.style = STYLE_AGAIN;
    } else {
        la_text_add(&text, "challenge ACK");
        head.cite = "RFC 5961 7";
        head.quiet = false;
        head.style = STYLE_AGAIN;
    }
    say(st, row, &head, &text);
}

static void
say_reset(struct la_story *st, struct row *row)
{
    struct note head = {.side = row->from, .style = STYLE_BAD};
    struct text text = text_empty();
    struct conn_end *end = &row->conn->end[row->from];
    bool refused = row->segment.cause == LA_CAUSE_RST_REFUSED;
    if (refused)
        end->refusal_told = !end->refusal_told;
    if (refused && !end->refusal_told)
        return;
    if (row->segment.cause == LA_CAUSE_RST_ABORT && end->was_closed &&
        end->last_event == LA_TCP_EV_ABORT)
        return;
    if (refused) {
        la_text_add(&text, "refused: no such connection, nobody listens");
        head.cite = "RFC 9293 3.10.7.1";
    } else if (row->segment.cause == LA_CAUSE_RST_ABORT) {
        la_text_add(&text, "reset: aborted, or closed with unread data");
        head.cite = "RFC 9293 3.10.5";
    } else {
        la_text_add(&text, "reset: gave up");
        head.cite = "RFC 9293 3.8.3";
    }
    say(st, row, &head, &text);
}

/* Octets that no window had room for, as a segment of its size, are sent all the same. */
static void
say_override(struct la_story *st, struct row *row, const struct la_event *timer)
{
    struct text text = text_empty();
    la_text_add(&text, "held back for a larger window, in vain");
    add_timer(&text, timer, ": after ");
    say(st, row,
        &(struct note){.side = row->from, .style = STYLE_AGAIN, .cite = "RFC 9293 3.8.6.2.1"},
        &text);
}

/* A pointer that was not announced before. It means the octet behind the urgent data. */
static void
say_urgent(struct la_story *st, struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    struct conn_end *end = &row->conn->end[row->from];
    int64_t up = row->seq_rel + s->urgent;
    if ((s->flags & LA_TCP_URG) == 0 || (end->urgent && up <= end->urgent_up))
        return;
    struct text text = text_empty();
    la_text_add(&text, end->urgent && end->urgent_up >= row->seq_rel
                           ? "the urgent pointer advances: urgent data before "
                           : "urgent data before ");
    add_place(st, &text, row, s->urgent);
    if (s->urgent > s->len) {
        la_text_add(&text, ", of which ");
        la_text_counted(&text, s->urgent - s->len, "octet");
        la_text_add(&text, s->urgent - s->len == 1 ? " follows" : " follow");
    }
    end->urgent = true;
    end->urgent_up = up;
    say(st, row, &(struct note){.side = row->from, .style = STYLE_STRONG, .cite = "RFC 9293 3.8.5"},
        &text);
}

void
la_words_sent(struct la_story *st, struct row *row, const struct la_event *timer)
{
    const struct la_event_segment *s = &row->segment;
    say_urgent(st, row);
    switch ((enum la_cause)s->cause) {
    case LA_CAUSE_WINDOW_PROBE:
    case LA_CAUSE_KEEPALIVE:
        say_probe(st, row, timer);
        return;
    case LA_CAUSE_ACK_DELAYED:
    case LA_CAUSE_ACK_DUPLICATE:
    case LA_CAUSE_ACK_CHALLENGE:
        say_ack(st, row, timer);
        return;
    case LA_CAUSE_RST_REFUSED:
    case LA_CAUSE_RST_ABORT:
    case LA_CAUSE_RST_TIMEOUT:
        say_reset(st, row);
        return;
    case LA_CAUSE_RETRANSMIT_RTO:
    case LA_CAUSE_RETRANSMIT_FAST:
    case LA_CAUSE_RETRANSMIT_PARTIAL:
    case LA_CAUSE_RETRANSMIT_SACK:
    case LA_CAUSE_RETRANSMIT_RACK:
    case LA_CAUSE_TAIL_PROBE:
        say_again(st, row, timer);
        return;
    case LA_CAUSE_NONE:
    case LA_CAUSE_OPEN:
    case LA_CAUSE_DATA:
    case LA_CAUSE_FIN:
    case LA_CAUSE_ACK:
    case LA_CAUSE_WINDOW_UPDATE:
    case LA_CAUSE_COUNT:
        break;
    }
    if (s->cause == LA_CAUSE_WINDOW_UPDATE && row->acks_nothing && s->len == 0)
        la_row_note(st, row,
                    &(struct note){.side = row->from, .cite = "RFC 9293 3.8.6", .quiet = true},
                    "window update: nothing new is acknowledged");
    if ((s->has & LA_SEG_FILLS_WINDOW) != 0 && !row->again)
        la_row_note(st, row,
                    &(struct note){.side = row->from, .cite = "RFC 9293 3.8.6", .quiet = true},
                    "fills the window: no more may follow until it moves");
    if (row->again)
        say_again(st, row, timer);
    else if (timer != NULL && timer->u.timer.timer == LA_TIMER_PERSIST)
        say_override(st, row, timer);
    else if (s->retransmit_n != 0)
        la_row_note(st, row, &(struct note){.side = row->from, .cite = "RFC 9293 3.5"},
                    "the SYN's number again, now with an ACK: simultaneous open");
}

void
la_words_arrived(struct la_story *st, struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    if ((s->has & LA_SEG_HAS_DSACK) == 0 || s->sack_n == 0)
        return;
    struct text text = text_empty();
    la_text_add(&text, "%s received octets twice: a retransmission was not needed",
                st->name[row->from].p);
    say(st, row, &(struct note){.side = row->from, .style = STYLE_AGAIN, .cite = "RFC 2883 4"},
        &text);
}

void
la_words_wire(struct la_story *st, struct row *row, const struct la_event *e)
{
    struct text text = text_empty();
    enum la_reason reason = (enum la_reason)e->u.wire.reason;
    if (reason == LA_REASON_NONE) {
        static const uint16_t usual[] = {[LA_WIRE_CORRUPTED] = LA_REASON_WIRE_CORRUPTED,
                                         [LA_WIRE_DUPLICATED] = LA_REASON_WIRE_DUPLICATED,
                                         [LA_WIRE_REORDERED] = LA_REASON_WIRE_REORDERED,
                                         [LA_WIRE_MARKED] = LA_REASON_WIRE_MARKED};
        if (e->u.wire.fate < COUNT_OF(usual))
            reason = (enum la_reason)usual[e->u.wire.fate];
    }
    la_text_add(&text, "%s", la_reason_text(reason));
    say(st, row, &(struct note){.side = row->from, .style = STYLE_AGAIN}, &text);
}

/* ---- what segments, calls and timers caused --------------------------------------------- */

/* A change of state without a segment, call or timer. */
static void
title_of_event(struct row *row, enum la_tcp_event event)
{
    struct text text = text_empty();
    /* A forwarder answers a SYN when it has decided. */
    la_text_add(&text, "%s",
                event == LA_TCP_EV_RCV_SYN ? "the SYN is accepted" : la_tcp_event_text(event));
    title_set(row, &text);
}

void
la_words_state(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    uint8_t from = e->u.state.from, to = e->u.state.to;
    enum la_tcp_event event = (enum la_tcp_event)e->u.state.event;
    struct note head = {.side = (uint8_t)side, .style = STYLE_STATE};
    struct text text = text_empty();
    la_text_add(&text, "%s ", st->name[side].p);
    head.name_n = (uint8_t)text.n;
    if (from != to)
        la_text_add(&text, "%s %s %s", story_state_name(st, from), st->to,
                    story_state_name(st, to));
    else
        la_text_add(&text, "remains in %s", story_state_name(st, to));
    /* A line of its own says already what happened. */
    if (row->kind == ROW_SEGMENT)
        la_text_add(&text, " · %s", la_tcp_event_text(event));
    else if (row->title[0] == 0)
        title_of_event(row, event);
    const struct la_tcp_edge *edge = la_tcp_fsm_edge((enum la_tcp_state)from, event);
    if (edge->to != 0)
        head.cite = edge->section;
    say(st, row, &head, &text);
}

void
la_words_drop(struct la_story *st, struct row *row, unsigned side, enum la_reason reason)
{
    struct note head = {.side = (uint8_t)side, .style = STYLE_BAD};
    if (reason == LA_REASON_NO_CONNECTION && row->conn != NULL) {
        struct conn_end *end = &row->conn->end[side];
        end->refusal_told = !end->refusal_told;
        if (!end->refusal_told)
            return;
    }
    if (reason == LA_REASON_DATA_DUPLICATE || reason == LA_REASON_ZERO_WINDOW_PROBE)
        head.style = STYLE_AGAIN;
    const char *section = la_reason_section(reason);
    if (section[0] == 'R')
        head.cite = section;
    struct text text = text_empty();
    la_text_add(&text, "%s: %s", st->name[side].p, la_reason_text(reason));
    say(st, row, &head, &text);
}

/* "cwnd 1,460, ssthresh 7,300" */
static void
add_windows(struct text *text, const struct la_event *e)
{
    la_text_add(text, "cwnd ");
    la_text_count(text, e->u.congestion.cwnd_bytes);
    if (e->u.congestion.ssthresh_bytes != UINT32_MAX) {
        la_text_add(text, ", ssthresh ");
        la_text_count(text, e->u.congestion.ssthresh_bytes);
    }
}

void
la_words_congestion(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    uint8_t before = row->conn != NULL ? row->conn->end[side].phase : LA_CC_SLOW_START;
    struct note head = {.side = (uint8_t)side, .style = STYLE_AGAIN, .cite = "RFC 5681 3.1"};
    struct text text = text_empty();
    la_text_add(&text, "%s: ", st->name[side].p);
    switch ((enum la_cc_phase)e->u.congestion.phase) {
    case LA_CC_RECOVERY:
        la_text_add(&text, "fast recovery begins, ");
        head.cite = "RFC 5681 3.2";
        break;
    case LA_CC_LOSS:
        la_text_add(&text, "starts over after a timeout, ");
        break;
    case LA_CC_SLOW_START:
        la_text_add(&text, "slow start, ");
        break;
    case LA_CC_AVOIDANCE:
        head.quiet = before == LA_CC_SLOW_START;
        la_text_add(&text, before == LA_CC_RECOVERY ? "recovery ends, congestion avoidance, "
                                                    : "slow start ends, ");
        break;
    case LA_CC_PHASE_COUNT:
        break;
    }
    add_windows(&text, e);
    say(st, row, &head, &text);
}

void
la_words_window(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    bool zero = e->u.window.window == 0;
    struct note head = {.side = (uint8_t)side,
                        .style = zero ? STYLE_BAD : STYLE_STRONG,
                        .cite = "RFC 9293 3.8.6.1"};
    struct text text = text_empty();
    la_text_add(&text, "%s: ", st->name[side].p);
    if (e->u.window.ours && zero) {
        la_text_add(&text, "receive buffer full, closes its window");
        head.cite = NULL;
    } else if (e->u.window.ours) {
        la_text_add(&text, "opens its window again, ");
        la_text_counted(&text, e->u.window.window, "octet");
        head.cite = NULL;
    } else if (zero) {
        la_text_add(&text, "sees a zero window, must stop and probe");
    } else {
        la_text_add(&text, "may send again, ");
        la_text_counted(&text, e->u.window.window, "octet");
    }
    say(st, row, &head, &text);
}

/* One number, or both directions when they differ. */
static void
list_pair(const struct la_story *st, struct text *out, const char *name, const unsigned by_side[2])
{
    if (by_side[LEFT] == by_side[RIGHT])
        la_text_list(out, "%s %u", name, by_side[LEFT]);
    else
        la_text_list(out, "%s %u %s %u %s", name, by_side[LEFT], st->to, by_side[RIGHT], st->from);
}

void
la_words_agreed(const struct la_story *st, struct text *out, const struct conn *conn)
{
    unsigned side = conn->end[LEFT].agreed ? LEFT : RIGHT;
    const struct conn_end *end = &conn->end[side], *peer = &conn->end[side ^ 1];
    if (!end->agreed)
        return;
    /* By the sender. What it will send it knows best: room for options is taken off. */
    unsigned mss[2], wscale[2];
    mss[side] = end->mss_send;
    mss[side ^ 1] = peer->agreed ? peer->mss_send : end->mss_receive;
    wscale[side] = end->wscale_send;
    wscale[side ^ 1] = end->wscale_receive;
    list_pair(st, out, "MSS", mss);
    if (end->wscale_send != 255 && end->wscale_receive != 255)
        list_pair(st, out, "window scale", wscale);
    else
        la_text_list(out, "no window scaling");
    la_text_list(out, end->sack ? "SACK" : "no SACK");
    la_text_list(out, end->timestamps ? "timestamps" : "no timestamps");
    if (end->ecn)
        la_text_list(out, "ECN");
}

void
la_words_negotiated(struct la_story *st, struct row *row, unsigned side)
{
    struct text text = text_empty(), agreed = text_empty();
    if (row->conn == NULL)
        return;
    la_words_agreed(st, &agreed, row->conn);
    la_text_add(&text, "agreed: %s", agreed.p);
    say(st, row, &(struct note){.side = (uint8_t)side, .style = STYLE_PLAIN}, &text);
}

void
la_words_error(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    struct text text = text_empty();
    la_text_add(&text, e->u.error.soft ? "%s notes, without giving up: %s" : "%s is told: %s",
                st->name[side].p, la_strerror(e->u.error.err));
    say(st, row, &(struct note){.side = (uint8_t)side, .style = STYLE_BAD}, &text);
}

void
la_words_loss(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    static const struct {
        const char *words, *cite;
    } rules[LA_LOSS_RULE_END] = {
        [LA_LOSS_RACK] = {"RACK: a segment is lost, ", "RFC 8985 6.2"},
        [LA_LOSS_PROBE_REPAIRED] = {"the tail loss probe has repaired a loss", "RFC 8985 7.4"},
        [LA_LOSS_UNDONE_EIFEL] = {"spurious by its timestamp, undone", "RFC 3522 3.2"},
        [LA_LOSS_UNDONE_DSACK] = {"spurious by D-SACK, undone", "RFC 2883 5"},
        [LA_LOSS_UNDONE_FRTO] = {"spurious timeout (F-RTO), undone", "RFC 5682 2.1"},
    };
    struct note head = {.side = (uint8_t)side, .style = STYLE_AGAIN};
    struct text text = text_empty();
    /* The other rules speak with the retransmission itself. */
    if (e->u.loss.rule >= LA_LOSS_RULE_END || rules[e->u.loss.rule].words == NULL)
        return;
    la_text_add(&text, "%s: %s", st->name[side].p, rules[e->u.loss.rule].words);
    if (e->u.loss.rule == LA_LOSS_RACK && e->u.loss.after_us == 0) {
        la_text_add(&text, "a later one is acknowledged");
    } else if (e->u.loss.rule == LA_LOSS_RACK) {
        la_text_duration(&text, (int64_t)e->u.loss.after_us * 1000);
        la_text_add(&text, " after a later one was acknowledged");
    }
    head.cite = rules[e->u.loss.rule].cite;
    say(st, row, &head, &text);
}

void
la_words_ecn(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    static const struct {
        const char *words, *cite;
    } steps[LA_ECN_STEP_END] = {
        [LA_ECN_SYN_PLAIN] = {"asks without ECN, should a middlebox drop it", "RFC 3168 6.1.1.1"},
        [LA_ECN_MARK_SEEN] = {"sees the mark, its ACKs echo it (ECE) until CWR comes",
                              "RFC 3168 6.1.3"},
        [LA_ECN_REDUCED] = {"halves its window for the mark (ECE), ", "RFC 3168 6.1.2"},
        [LA_ECN_ECHO_ENDS] = {"the window was reduced (CWR), no more ECE", "RFC 3168 6.1.3"},
    };
    struct note head = {.side = (uint8_t)side, .style = STYLE_AGAIN};
    struct text text = text_empty();
    if (e->u.ecn.step == 0 || e->u.ecn.step >= LA_ECN_STEP_END)
        return;
    la_text_add(&text, "%s: %s", st->name[side].p, steps[e->u.ecn.step].words);
    if (e->u.ecn.step == LA_ECN_REDUCED) {
        la_text_add(&text, "cwnd ");
        la_text_count(&text, e->u.ecn.cwnd_bytes);
        la_text_add(&text, ", ssthresh ");
        la_text_count(&text, e->u.ecn.ssthresh_bytes);
    }
    head.cite = steps[e->u.ecn.step].cite;
    say(st, row, &head, &text);
}

void
la_words_urgent(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    struct text text = text_empty();
    la_text_add(&text, "%s is told: urgent data before ", st->name[side].p);
    add_place(st, &text, row, e->u.urgent.pointer - row->segment.seq);
    la_text_add(&text, ", ");
    la_text_counted(&text, e->u.urgent.unread_bytes, "octet");
    la_text_add(&text, " unread");
    say(st, row,
        &(struct note){.side = (uint8_t)side, .style = STYLE_STRONG, .cite = "RFC 9293 3.8.5"},
        &text);
}

/* ---- titles ----------------------------------------------------------------------------- */

void
la_words_timer(struct row *row, const struct la_event *e)
{
    static const char *const titles[LA_TIMER_COUNT] = {
        [LA_TIMER_RETRANSMIT] = "retransmission timeout",
        [LA_TIMER_PERSIST] = "persist timer",
        [LA_TIMER_DELAYED_ACK] = "delayed-ACK timer",
        [LA_TIMER_KEEPALIVE] = "keep-alive timer",
        [LA_TIMER_FIN_WAIT_2] = "FIN-WAIT-2 timeout",
        [LA_TIMER_TIME_WAIT] = "2 MSL timeout",
        [LA_TIMER_USER] = "user timeout",
        [LA_TIMER_REORDER] = "reordering timer",
        [LA_TIMER_PROBE] = "tail-loss-probe timer",
    };
    uint8_t timer = e->u.timer.timer;
    struct text text = text_empty();
    la_text_add(&text, "%s", timer < LA_TIMER_COUNT ? titles[timer] : "timer");
    if (e->u.timer.backoff_n > 1)
        la_text_add(&text, " %u", e->u.timer.backoff_n);
    if (e->u.timer.after_us != 0) {
        la_text_add(&text, " after ");
        la_text_duration(&text, (int64_t)e->u.timer.after_us * 1000);
    }
    title_set(row, &text);
}

void
la_words_call(struct row *row, const struct la_event *e)
{
    static const char *const titles[LA_CALL_COUNT] = {
        [LA_CALL_OPEN_ACTIVE] = "OPEN", [LA_CALL_OPEN_PASSIVE] = "OPEN, passive",
        [LA_CALL_SEND] = "SEND",        [LA_CALL_RECEIVE] = "RECEIVE",
        [LA_CALL_CLOSE] = "CLOSE",      [LA_CALL_ABORT] = "ABORT",
        [LA_CALL_RELEASE] = "RELEASE",  [LA_CALL_SEND_URGENT] = "SEND, urgent",
    };
    struct text text = text_empty();
    bool accepted = row->conn != NULL && e->u.call.call == LA_CALL_OPEN_PASSIVE;
    la_text_add(&text, "%s", accepted ? "ACCEPT" : titles[e->u.call.call]);
    if (e->u.call.call == LA_CALL_OPEN_PASSIVE && !accepted) {
        la_text_add(&text, " ");
        la_text_endpoint(&text, &e->local);
    }
    title_set(row, &text);
}
