/* SPDX-License-Identifier: MIT
 *
 * words.c - what is said about a row: events in words, with the paragraph that rules them
 */
#include "proto/tcp_fsm.h"
#include "story/story.h"

#include <string.h>

void
la_words_place(const struct la_story *st, struct text *out, const struct row *row, uint32_t off)
{
    if (story_has(st, LA_STORY_ABSOLUTE))
        la_text_add(out, "seq %u", row->segment.seq + off);
    else
        la_text_add(out, "seq %lld", (long long)row->seq_rel + off);
}

void
la_words_say(struct la_story *st, struct row *row, const struct note *head, const struct text *text)
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
la_words_change(struct text *out, const char *who, const char *from, const char *to,
                const char *arrow)
{
    if (from != NULL)
        la_text_add(out, "%s %s %s %s", who, from, arrow, to);
    else
        la_text_add(out, "%s remains in %s", who, to);
}

void
la_words_because(struct text *out, enum la_tcp_event event)
{
    la_text_add(out, " · %s", la_tcp_event_text(event));
}

void
la_words_state(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    uint8_t from = e->u.state.from, to = e->u.state.to;
    enum la_tcp_event event = (enum la_tcp_event)e->u.state.event;
    struct note head = {.side = (uint8_t)side, .style = STYLE_STATE};
    struct text text = text_empty();
    head.name_n = (uint8_t)(st->name[side].n + 1);
    la_words_change(&text, st->name[side].p, from != to ? story_state_name(st, from) : NULL,
                    story_state_name(st, to), st->to);
    /* A line of its own says already what happened. */
    if (row->kind == ROW_SEGMENT)
        la_words_because(&text, event);
    else if (row->title[0] == 0)
        title_of_event(row, event);
    const struct la_tcp_edge *edge = la_tcp_fsm_edge((enum la_tcp_state)from, event);
    if (edge->to != 0)
        head.cite = edge->section;
    la_words_say(st, row, &head, &text);
}

const char *
la_words_reason(const struct la_story *st, struct text *out, unsigned side, enum la_reason reason)
{
    const char *section = la_reason_section(reason);
    la_text_add(out, "%s: %s", st->name[side].p, la_reason_text(reason));
    return section[0] == '-' ? NULL : section;
}

void
la_words_drop(struct la_story *st, struct row *row, unsigned side, enum la_reason reason)
{
    struct note head = {.side = (uint8_t)side, .style = STYLE_BAD};
    bool told = false;
    if (reason == LA_REASON_NO_CONNECTION && row->conn != NULL) {
        struct conn_end *end = &row->conn->end[side];
        told = end->refusal_told;
        end->refusal_told = !told;
    }
    if (reason == LA_REASON_DATA_DUPLICATE || reason == LA_REASON_ZERO_WINDOW_PROBE)
        head.style = STYLE_AGAIN;
    struct text text = text_empty();
    head.cite = la_words_reason(st, &text, side, reason);
    if (told)
        la_remark_row(st, row, &head, text.p);
    else
        la_words_say(st, row, &head, &text);
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

/* "bbr drains, 188.0 Mbit/s, " and where that is written. */
static const char *
add_bbr(struct text *text, const struct la_event *e)
{
    static const struct {
        const char *text, *cite;
    } of[LA_CC_PHASE_COUNT] = {
        [LA_CC_BBR_STARTUP] = {"starts up", "draft-ietf-ccwg-bbr 5.3.1"},
        [LA_CC_BBR_DRAIN] = {"drains", "draft-ietf-ccwg-bbr 5.3.2"},
        [LA_CC_BBR_DOWN] = {"slows down", "draft-ietf-ccwg-bbr 5.3.3.1"},
        [LA_CC_BBR_CRUISE] = {"cruises", "draft-ietf-ccwg-bbr 5.3.3.2"},
        [LA_CC_BBR_REFILL] = {"refills the path", "draft-ietf-ccwg-bbr 5.3.3.3"},
        [LA_CC_BBR_UP] = {"probes for bandwidth", "draft-ietf-ccwg-bbr 5.3.3.4"},
        [LA_CC_BBR_PROBE_RTT] = {"probes the round trip", "draft-ietf-ccwg-bbr 5.3.4"},
    };
    uint64_t kbits = e->u.congestion.pacing_rate / 125;
    la_text_add(text, "bbr %s, %llu.%llu Mbit/s, ", of[e->u.congestion.phase].text,
                (unsigned long long)(kbits / 1000), (unsigned long long)(kbits % 1000 / 100));
    return of[e->u.congestion.phase].cite;
}

/* What changed the window within its phase, and where that is written. */
static const char *
add_why(struct text *text, enum la_cc_why why)
{
    static const struct {
        const char *text, *cite;
    } of[LA_CC_WHY_COUNT] = {
        [LA_CC_WHY_CSS_BEGINS] = {"the round trip grows, slow start goes on at a quarter, ",
                                  "RFC 9406 4.2"},
        [LA_CC_WHY_CSS_ENDS] = {"the round trip is short again, slow start goes on, ",
                                "RFC 9406 4.2"},
        [LA_CC_WHY_RESTED] = {"the window decays over a rest, ", "RFC 2861 3.1"},
        [LA_CC_WHY_UNUSED] = {"half of what was not used goes, ", "RFC 2861 3.2"},
    };
    la_text_add(text, "%s", of[why].text);
    return of[why].cite;
}

static void
congestion_why(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    struct note head = {.side = (uint8_t)side, .style = STYLE_AGAIN};
    struct text text = text_empty();
    la_text_add(&text, "%s: ", st->name[side].p);
    head.cite = add_why(&text, (enum la_cc_why)e->u.congestion.why);
    add_windows(&text, e);
    la_words_say(st, row, &head, &text);
}

void
la_words_congestion(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    if (e->u.congestion.why > LA_CC_WHY_PHASE && e->u.congestion.why < LA_CC_WHY_COUNT) {
        congestion_why(st, row, side, e);
        return;
    }
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
        la_text_add(&text, "starts over from 1 segment, ");
        break;
    case LA_CC_SLOW_START:
        la_text_add(&text, "slow start, ");
        break;
    case LA_CC_AVOIDANCE:
        head.quiet = before == LA_CC_SLOW_START;
        la_text_add(&text, before == LA_CC_RECOVERY ? "recovery ends, congestion avoidance, "
                                                    : "slow start ends, ");
        break;
    case LA_CC_BBR_STARTUP:
    case LA_CC_BBR_DRAIN:
    case LA_CC_BBR_DOWN:
    case LA_CC_BBR_CRUISE:
    case LA_CC_BBR_REFILL:
    case LA_CC_BBR_UP:
    case LA_CC_BBR_PROBE_RTT:
        head.cite = add_bbr(&text, e);
        break;
    case LA_CC_PHASE_COUNT:
        break;
    }
    add_windows(&text, e);
    la_words_say(st, row, &head, &text);
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
    la_words_say(st, row, &head, &text);
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
        la_text_list(out, end->accurate_ecn ? "AccECN" : "ECN");
}

void
la_words_negotiated(struct la_story *st, struct row *row, unsigned side)
{
    struct text text = text_empty(), agreed = text_empty();
    if (row->conn == NULL)
        return;
    la_words_agreed(st, &agreed, row->conn);
    la_text_add(&text, "agreed: %s", agreed.p);
    la_words_say(st, row, &(struct note){.side = (uint8_t)side, .style = STYLE_PLAIN}, &text);
}

void
la_words_error(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    struct text text = text_empty();
    la_text_add(&text, e->u.error.soft ? "%s notes, without giving up: %s" : "%s is told: %s",
                st->name[side].p, la_strerror(e->u.error.err));
    la_words_say(st, row, &(struct note){.side = (uint8_t)side, .style = STYLE_BAD}, &text);
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
        [LA_LOSS_MTU_TOLD] = {"a router says that packets were too big", "RFC 8201 4"},
        [LA_LOSS_MTU_KNOWN] = {"the path is known to take less", "RFC 8201 5.2"},
        [LA_LOSS_MTU_BLACK_HOLE] = {"perhaps the path takes less and nobody says so",
                                    "RFC 4821 7.7"},
        [LA_LOSS_MTU_PROBE_LOST] = {"the larger segment was lost, no sign of congestion",
                                    "RFC 4821 7.6.2"},
        [LA_LOSS_MTU_PROBED] = {"the larger segment arrived", "RFC 4821 7.6.1"},
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
    if (e->u.loss.rule >= LA_LOSS_MTU_TOLD) {
        la_text_add(&text, ": MSS ");
        la_text_count(&text, e->u.loss.mss);
    }
    head.cite = rules[e->u.loss.rule].cite;
    la_words_say(st, row, &head, &text);
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
        [LA_ECN_REDUCED] = {"reduces its window for the mark (ECE), ", "RFC 3168 6.1.2"},
        [LA_ECN_ECHO_ENDS] = {"the window was reduced (CWR), no more ECE", "RFC 3168 6.1.3"},
        [LA_ECN_COUNTED] = {"sees the mark, counts it and says so at once (ACE)",
                            "RFC 9768 3.2.2.5.1"},
        [LA_ECN_MANGLED] = {"sends nothing as ECT: the path changes the ECN field",
                            "RFC 9768 3.2.2.3"},
        [LA_ECN_ZEROED] = {"sends nothing as ECT: no feedback comes (ACE 0)", "RFC 9768 3.2.2.4"},
        [LA_ECN_ALL_MARKED] = {"sends nothing as ECT: all comes marked, which is no congestion",
                               "RFC 9768 3.2.2.3"},
    };
    struct note head = {.side = (uint8_t)side, .style = STYLE_AGAIN};
    struct text text = text_empty();
    if (e->u.ecn.step == 0 || e->u.ecn.step >= LA_ECN_STEP_END)
        return;
    if (e->u.ecn.marks_n != 0)
        la_text_add(&text, "%s: reduces its window for %u mark%s (ACE), ", st->name[side].p,
                    (unsigned)e->u.ecn.marks_n, e->u.ecn.marks_n == 1 ? "" : "s");
    else
        la_text_add(&text, "%s: %s", st->name[side].p, steps[e->u.ecn.step].words);
    if (e->u.ecn.step == LA_ECN_REDUCED) {
        la_text_add(&text, "cwnd ");
        la_text_count(&text, e->u.ecn.cwnd_bytes);
        la_text_add(&text, ", ssthresh ");
        la_text_count(&text, e->u.ecn.ssthresh_bytes);
    }
    head.cite = e->u.ecn.marks_n != 0 ? "RFC 9768 3.2.2.2" : steps[e->u.ecn.step].cite;
    la_words_say(st, row, &head, &text);
}

void
la_words_urgent(struct la_story *st, struct row *row, unsigned side, const struct la_event *e)
{
    struct text text = text_empty();
    la_text_add(&text, "%s is told: urgent data before ", st->name[side].p);
    la_words_place(st, &text, row, e->u.urgent.pointer - row->segment.seq);
    la_text_add(&text, ", ");
    la_text_counted(&text, e->u.urgent.unread_bytes, "octet");
    la_text_add(&text, " unread");
    la_words_say(
        st, row,
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
