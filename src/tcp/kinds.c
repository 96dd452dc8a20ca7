/* SPDX-License-Identifier: MIT
 *
 * kinds.c - the kinds of segments: SYN, text, text again, probe, acknowledgement
 *
 * Read first: RFC 9293 3.7 (segmentation), 3.8.6.1 (probes), 3.9.1.2 (PSH).
 *
 * Each says what its segment is, and what the connection remembers once it is built.
 */
#include "tcp/kinds.h"

#include "tcp/accecn.h"
#include "tcp/acknowledge.h"
#include "tcp/again.h"
#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/fast_open.h"
#include "tcp/pace.h"
#include "tcp/pieces.h"
#include "tcp/prr.h"
#include "tcp/rate.h"
#include "tcp/segment.h"
#include "tcp/send.h"
#include "tcp/tally.h"

enum { SMALL_WINDOW_N = 10 };

/* A segment was sent again, with so many octets of text. */
static void
count_again(struct la_tcp_conn *c, uint32_t text_bytes, struct la_tcp_todo *todo)
{
    struct la_tcp_tally *tally = la_tcp_tally(c, todo->env);
    tally->retransmissions_n++;
    tally->bytes_retransmitted += text_bytes;
    todo->env->stats->tcp_retransmissions++;
    todo->again_n++;
}

bool
la_tcp_send_syn(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy_get(c, todo->env, todo->now);
    if (busy == NULL)
        return false;
    bool known = la_seq_gt(c->snd_nxt, c->iss);
    /* RFC 9293 3.10.7.3 fourth: the SYN,ACK of a simultaneous open repeats the SYN, but nothing was
     * lost. */
    bool crossing =
        c->state == LA_TCP_SYN_RECEIVED_ACTIVE && (c->flags & LA_TCP_F_SYN_ACK_SENT) == 0;
    bool again = known && !crossing;
    struct la_tcp_plan plan = {
        .seq = c->iss,
        .text_bytes = la_tcp_fast_open_text(c, busy),
        .flags = c->state == LA_TCP_SYN_SENT ? LA_TCP_SYN : LA_TCP_SYN | LA_TCP_ACK,
        .cause = again ? busy->cause : LA_CAUSE_OPEN,
        .sent_before_n = again ? (c->backoff_n > 0 ? c->backoff_n : 1) : 0,
    };
    plan.flags |= la_tcp_ecn_syn_flags(c, again, todo);
    if (!la_tcp_segment_build(c, busy, out, &plan, todo))
        return false;
    c->want &= (uint8_t)~LA_TCP_WANT_SYN;
    if (crossing)
        c->flags |= LA_TCP_F_SYN_ACK_SENT;
    if (!known) {
        la_tcp_fast_open_sent(c, busy, plan.text_bytes);
        la_tcp_scoreboard_sent(&busy->board, todo->env->mem, c->iss, c->snd_nxt, todo->now);
        return true;
    }
    (void)la_tcp_scoreboard_resent(&busy->board, todo->env->mem, c->iss, la_seq_add(c->iss, 1),
                                   todo->now);
    if (!again)
        return true;
    if (busy->cause != LA_CAUSE_RETRANSMIT_MTU) /* RFC 5681 3.1 is about one that was lost */
        c->flags |= LA_TCP_F_SYN_RETRANSMITTED;
    count_again(c, 0, todo);
    return true;
}

void
la_tcp_output_cookie(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo)
{
    struct la_tcp_plan plan = {
        .seq = c->iss, .flags = LA_TCP_SYN | LA_TCP_ACK, .cause = LA_CAUSE_OPEN};
    plan.flags |= la_tcp_ecn_syn_flags(c, false, todo);
    (void)la_tcp_segment_build(c, NULL, out, &plan, todo);
}

/* Sequence number of the FIN, once sent. */
static la_seq
fin_seq(const struct la_tcp_conn *c)
{
    return la_seq_sub(c->snd_nxt, 1);
}

static void
tell_control(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range, bool again,
             const struct la_tcp_todo *todo)
{
    struct la_cc_sent sent = {
        .now = todo->now,
        .first = range.start,
        .n = (uint32_t)la_seq_diff(range.end, range.start),
        .flight_bytes = la_tcp_flight(c),
        .again = again,
    };
    la_cc_sent(c, busy, &sent);
}

/* It stands on the board now, and SND.NXT behind it. */
static void
account(const struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range,
        const struct la_tcp_todo *todo)
{
    la_tcp_rate_sent(c, busy, range, todo->now);
    la_tcp_pace_sent(c, busy, (uint32_t)la_seq_diff(range.end, range.start), todo);
}

bool
la_tcp_send_again(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
                  const struct la_tcp_again *again, struct la_tcp_todo *todo)
{
    la_seq first = again->first;
    la_seq end = la_seq_add(first, again->n);
    bool fin = (c->flags & LA_TCP_F_FIN_SENT) != 0 && la_seq_gt(end, fin_seq(c));
    struct la_tcp_plan plan = {
        .seq = first,
        .text_bytes = again->n - fin,
        .flags = (uint16_t)(LA_TCP_ACK | (fin ? LA_TCP_FIN : 0)),
        .cause = busy->cause,
    };
    la_seq queue_end = la_seq_add(la_tcp_sndq_seq(c), busy->sndq.len);
    la_seq text_end = la_seq_add(first, plan.text_bytes);
    if (plan.text_bytes > 0 && (la_seq_eq(text_end, queue_end) ||
                                (busy->pieces.row.n > 0 && la_tcp_pieces_pushed(busy, text_end)) ||
                                (todo->env->cfg->push_bursts && plan.text_bytes > c->smss)))
        plan.flags |= LA_TCP_PSH;
    struct la_tcp_scoreboard *board = &busy->board;
    plan.sent_before_n = la_tcp_scoreboard_resent(board, todo->env->mem, first, end, todo->now);
    la_tcp_accecn_text_again(c, busy, todo->env);
    if (!la_tcp_segment_build(c, busy, out, &plan, todo))
        return false;
    la_tcp_retransmitted(c, busy, again, todo->now);
    tell_control(c, busy, (struct la_range){first, end}, true, todo);
    account(c, busy, (struct la_range){first, end}, todo);
    count_again(c, plan.text_bytes, todo);
    return true;
}

/* What was not acknowledged with the SYN is new text (fast_open.h), but for those who count. */
static void
count_text_of_syn(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t n,
                  struct la_tcp_todo *todo)
{
    uint32_t left = busy->fast_open.text_bytes;
    count_again(c, n < left ? n : left, todo);
    busy->fast_open.text_bytes = (uint16_t)(n < left ? left - n : 0);
}

/* Is this the last that a cwnd of a few segments lets go? A receiver that waits for a second one
 * before it acknowledges takes a good part of such a window away. */
static bool
ends_small_window(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, uint32_t text_bytes)
{
    return text_bytes > 0 && c->cwnd_bytes < SMALL_WINDOW_N * (uint32_t)c->smss &&
           la_tcp_room(c, busy) < text_bytes + c->smss;
}

bool
la_tcp_send_new(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
                struct la_tcp_allowance allowed, enum la_cause cause, struct la_tcp_todo *todo)
{
    struct la_tcp_plan plan = {
        .seq = c->snd_nxt,
        .text_bytes = allowed.text_bytes,
        .flags = (uint16_t)(LA_TCP_ACK | (allowed.fin ? LA_TCP_FIN : 0)),
        .cause = (uint8_t)(allowed.text_bytes > 0 ? cause : LA_CAUSE_FIN),
        /* An octet that has probed the window before is not new (RFC 3168 6.1.5, 6.1.6). */
        .ect = allowed.text_bytes > 0 && (c->flags & LA_TCP_F_PROBED) == 0 && la_tcp_ecn_marks(c),
    };
    bool of_syn = busy->fast_open.text_bytes > 0 && allowed.text_bytes > 0;
    if (of_syn) {
        plan.cause = LA_CAUSE_RETRANSMIT_SYN_TEXT;
        plan.sent_before_n = 1;
        plan.ect = false; /* RFC 3168 6.1.5 */
    }
    if (plan.ect && la_tcp_ecn_owes_cwr(c))
        plan.flags |= LA_TCP_CWR;
    /* MUST-61: PSH in the last segment of what is buffered; MAY-15: unless the user said that more
     * follows, and did not take too long. */
    bool pushed = (c->flags & LA_TCP_F_MORE) == 0 || (c->want & LA_TCP_WANT_WINDOW_PROBE) != 0;
    if (allowed.text_bytes > 0 && allowed.text_bytes == la_tcp_unsent(c, busy) && pushed)
        plan.flags |= LA_TCP_PSH;
    if (busy->pieces.row.n > 0 && allowed.text_bytes > 0 &&
        la_tcp_pieces_pushed(busy, la_seq_add(c->snd_nxt, allowed.text_bytes)))
        plan.flags |= LA_TCP_PSH;
    if (todo->env->cfg->push_bursts && allowed.text_bytes > c->smss)
        plan.flags |= LA_TCP_PSH;
    if (todo->env->cfg->push_small_windows && ends_small_window(c, busy, allowed.text_bytes))
        plan.flags |= LA_TCP_PSH;
    /* RFC 9293 3.10.4: in CLOSE-WAIT the state changes when the FIN is sent. */
    if (allowed.fin && c->state == LA_TCP_CLOSE_WAIT)
        la_tcp_enter(c, LA_TCP_EV_CLOSE, todo);
    if (!la_tcp_segment_build(c, busy, out, &plan, todo))
        return false;
    if (of_syn)
        count_text_of_syn(c, busy, allowed.text_bytes, todo);
    la_seq end = la_seq_add(c->snd_nxt, allowed.text_bytes + allowed.fin);
    la_tcp_scoreboard_sent(&busy->board, todo->env->mem, c->snd_nxt, end, todo->now);
    tell_control(c, busy, (struct la_range){c->snd_nxt, end}, false, todo);
    if (la_tcp_flight(c) == 0)
        busy->progress_at = todo->now;
    if (busy->phase == LA_CC_RECOVERY)
        la_tcp_prr_sent(busy, allowed.text_bytes);
    c->snd_nxt = end;
    if (allowed.text_bytes > 0 && !of_syn)
        la_tcp_ack_replied(busy, todo);
    la_tcp_pieces_sent(c, busy, todo->env, end);
    if (busy->nagle_short && allowed.text_bytes % c->smss != 0 && !of_syn)
        busy->short_end = end;
    c->flags &= ~(uint32_t)LA_TCP_F_PROBED;
    if ((plan.flags & LA_TCP_CWR) != 0)
        c->flags &= ~(uint32_t)LA_TCP_F_ECN_CWR;
    if (allowed.fin)
        c->flags |= LA_TCP_F_FIN_SENT;
    account(c, busy, (struct la_range){plan.seq, end}, todo);
    return true;
}

/* RFC 9293 3.8.6.1: one octet beyond the window, which draws an acknowledgement. SND.NXT moves only
 * when that octet is accepted. Without text (a FIN waits) an empty old segment does. */
bool
la_tcp_send_probe(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
                  enum la_cause cause, struct la_tcp_todo *todo)
{
    bool octet = cause == LA_CAUSE_WINDOW_PROBE && busy != NULL && la_tcp_unsent(c, busy) > 0 &&
                 !todo->env->cfg->probe_empty; /* DEVIATION(D26) */
    struct la_tcp_plan plan = {
        .seq = octet ? c->snd_nxt : la_seq_sub(c->snd_nxt, 1),
        .text_bytes = octet ? 1 : 0,
        .flags = LA_TCP_ACK,
        .cause = (uint8_t)cause,
        .sent_before_n =
            (c->flags & LA_TCP_F_PROBED) != 0 && c->backoff_n > 1 ? (uint8_t)(c->backoff_n - 1) : 0,
    };
    if (!la_tcp_segment_build(c, busy, out, &plan, todo))
        return false;
    if (octet)
        c->flags |= LA_TCP_F_PROBED;
    c->want &=
        (uint8_t) ~(cause == LA_CAUSE_KEEPALIVE ? LA_TCP_WANT_KEEPALIVE : LA_TCP_WANT_WINDOW_PROBE);
    return true;
}

/* Only where one acknowledgement is owed: those of what is out of order are duplicates, which are
 * counted, and a challenge says no more than it must. */
static bool
fin_rides(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, const struct la_tcp_env *env)
{
    bool asked = c->ack_cause == LA_CAUSE_ACK || c->ack_cause == LA_CAUSE_ACK_DELAYED ||
                 c->ack_cause == LA_CAUSE_WINDOW_UPDATE;
    return env->cfg->fin_again && asked && busy->owed.duplicates_n == 0 &&
           (c->flags & LA_TCP_F_FIN_SENT) != 0 && la_tcp_flight(c) > 0 &&
           la_seq_eq(la_tcp_bare_seq(c), c->snd_nxt);
}

bool
la_tcp_send_ack(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo)
{
    struct la_tcp_plan plan = {
        .seq = la_tcp_bare_seq(c), .flags = LA_TCP_ACK, .cause = c->ack_cause};
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy != NULL && fin_rides(c, busy, todo->env)) {
        plan.seq = fin_seq(c);
        plan.flags |= LA_TCP_FIN;
        plan.sent_before_n =
            la_tcp_scoreboard_resent(&busy->board, todo->env->mem, plan.seq, c->snd_nxt, todo->now);
    }
    return la_tcp_segment_build(c, NULL, out, &plan, todo);
}
