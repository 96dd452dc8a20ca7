/* SPDX-License-Identifier: MIT
 *
 * words_sent.c - what is said of a segment: why it was sent, what became of it on its way
 */
#include "story/story.h"

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
    case LA_CAUSE_RETRANSMIT_SYN_TEXT:
        return (struct again){"it was not acknowledged with the SYN", "RFC 7413 4.2.1"};
    case LA_CAUSE_RETRANSMIT_MTU:
        return (struct again){"it was larger than the path takes", "RFC 8201 5.4"};
    case LA_CAUSE_TAIL_PROBE:
        return (struct again){"tail loss probe", "RFC 8985 7.3"};
    case LA_CAUSE_RETRANSMIT_RTO:
        return (struct again){timed ? "timeout" : "lost with the timeout", "RFC 6298 5.4-5.6"};
    case LA_CAUSE_ACK:
    case LA_CAUSE_ACK_DELAYED:
    case LA_CAUSE_WINDOW_UPDATE:
        return (struct again){"along with an acknowledgement", NULL};
    case LA_CAUSE_NONE:
    case LA_CAUSE_OPEN:
    case LA_CAUSE_DATA:
    case LA_CAUSE_FIN:
    case LA_CAUSE_ACK_DUPLICATE:
    case LA_CAUSE_ACK_CHALLENGE:
    case LA_CAUSE_MTU_PROBE:
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
    la_words_say(st, row,
                 &(struct note){.side = row->from, .style = STYLE_AGAIN, .cite = again.cite},
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
    la_words_say(st, row,
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
    la_words_say(st, row, &head, &text);
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
    if (refused && !end->refusal_told)
        la_remark_row(st, row, &head, text.p);
    else
        la_words_say(st, row, &head, &text);
}

/* Octets that no window had room for, as a segment of its size, are sent all the same. */
static void
say_override(struct la_story *st, struct row *row, const struct la_event *timer)
{
    struct text text = text_empty();
    la_text_add(&text, "held back for a larger window, in vain");
    add_timer(&text, timer, ": after ");
    la_words_say(
        st, row,
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
    la_words_place(st, &text, row, s->urgent);
    if (s->urgent > s->len) {
        la_text_add(&text, ", of which ");
        la_text_counted(&text, s->urgent - s->len, "octet");
        la_text_add(&text, s->urgent - s->len == 1 ? " follows" : " follow");
    }
    end->urgent = true;
    end->urgent_up = up;
    la_words_say(st, row,
                 &(struct note){.side = row->from, .style = STYLE_STRONG, .cite = "RFC 9293 3.8.5"},
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
    case LA_CAUSE_RETRANSMIT_SYN_TEXT:
    case LA_CAUSE_RETRANSMIT_MTU:
        say_again(st, row, timer);
        return;
    case LA_CAUSE_TAIL_PROBE:
        if (row->again)
            say_again(st, row, timer);
        else
            la_row_note(st, row, &(struct note){.side = row->from, .cite = "RFC 8985 7.3"},
                        "tail loss probe, with new data");
        return;
    case LA_CAUSE_MTU_PROBE:
        la_row_note(st, row, &(struct note){.side = row->from, .cite = "RFC 4821 7"},
                    "a larger segment, to see whether the path takes it");
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
    la_words_say(st, row,
                 &(struct note){.side = row->from, .style = STYLE_AGAIN, .cite = "RFC 2883 4"},
                 &text);
}

/* What a wire does needs no reason, except for dropping. */
static const char *
fate_words(const struct la_event *e)
{
    static const uint16_t usual[] = {[LA_WIRE_CORRUPTED] = LA_REASON_WIRE_CORRUPTED,
                                     [LA_WIRE_DUPLICATED] = LA_REASON_WIRE_DUPLICATED,
                                     [LA_WIRE_REORDERED] = LA_REASON_WIRE_REORDERED,
                                     [LA_WIRE_MARKED] = LA_REASON_WIRE_MARKED};
    enum la_reason reason = (enum la_reason)e->u.wire.reason;
    if (reason == LA_REASON_NONE && e->u.wire.fate < COUNT_OF(usual))
        reason = (enum la_reason)usual[e->u.wire.fate];
    return la_reason_text(reason);
}

void
la_words_wire(struct la_story *st, struct row *row, const struct la_event *e)
{
    la_row_note(st, row, &(struct note){.side = row->from, .style = STYLE_AGAIN}, fate_words(e));
}

void
la_words_fate(struct la_story *st, const struct la_event *e)
{
    const char *cite = NULL;
    struct text text = text_empty();
    if (e->kind == LA_EVENT_WIRE && e->u.wire.fate != LA_WIRE_DELIVERED)
        la_text_add(&text, "%s", fate_words(e));
    else if (e->kind == LA_EVENT_DROP)
        cite = la_words_reason(st, &text, e->end & 1u, (enum la_reason)e->u.drop.reason);
    if (text.n != 0)
        la_remark_segment(st, e->segment_id, text.p, cite);
}
