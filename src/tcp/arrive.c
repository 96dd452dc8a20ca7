/* SPDX-License-Identifier: MIT
 *
 * arrive.c - SEGMENT ARRIVES (RFC 9293, 3.10.7)
 *
 * Read first: RFC 9293 3.3-3.5 and 3.10.7; RFC 5961 3-5 (challenge ACKs); RFC 7323 5 (PAWS). Lay
 * 3.10.7.3 beside syn_sent_state() and 3.10.7.4 beside other_states(): one function per step, same
 * order, same names; the fifth is in arrive_ack.c. CLOSED and LISTEN, which have no connection
 * record, are in open.c.
 *
 * A step looks at the segment, may change the connection, records what must be sent, and says
 * whether the next step follows. Nothing is sent from here.
 *
 * Byte order: host, throughout. Deviations: D6, D7, D15 and D34, at their places.
 */
#include "tcp/arrive.h"

#include "base/assert.h"
#include "proto/tcp_accept.h"
#include "tcp/accecn.h"
#include "tcp/acknowledge.h"
#include "tcp/arrive_ack.h"
#include "tcp/blocks.h"
#include "tcp/ecn.h"
#include "tcp/fast_open.h"
#include "tcp/open.h"
#include "tcp/receive.h"
#include "tcp/rtt.h"
#include "tcp/send.h"
#include "tcp/stamp.h"
#include "tcp/timeout.h"
#include "tcp/tune.h"
#include "tcp/urgent.h"
#include "tcp/uto.h"

/* ---- 3.10.7.3 SYN-SENT ------------------------------------------------------------------ */

/* Fourth, with our SYN acknowledged: ESTABLISHED. */
static void
syn_sent_established(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    c->snd_una = la_seq_add(c->iss, 1);
    la_tcp_enter(c, LA_TCP_EV_RCV_SYN_ACK, todo);
    la_tcp_established(c, todo);
    la_tcp_fast_open_answered(c, seg->ack, todo);
    la_tcp_accecn_opened(c, seg->ack, todo);
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy != NULL)
        busy->text_at = todo->now;
    la_tcp_ack_now(c, LA_CAUSE_ACK);
}

/* The next step: text or a FIN came along, "continue processing at the sixth step". */
static enum la_tcp_step
syn_sent_state(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    bool ack = (seg->flags & LA_TCP_ACK) != 0;
    bool rst = (seg->flags & LA_TCP_RST) != 0;
    /* first */
    if (ack && (la_seq_le(seg->ack, c->iss) || la_seq_gt(seg->ack, c->snd_nxt))) {
        if (!rst)
            la_tcp_answer_rst(todo, seg->ack, LA_CAUSE_RST_REFUSED);
        return la_tcp_drop(todo, LA_REASON_SYN_SENT_ACK_UNACCEPTABLE);
    }
    /* second */
    if (rst) {
        if (!ack)
            return la_tcp_drop(todo, LA_REASON_SYN_SENT_RST_UNACCEPTABLE);
        todo->env->stats->tcp_attempt_fails++;
        la_tcp_end(c, LA_TCP_EV_RCV_RST, LA_ERR_CONNECTION_REFUSED, todo);
        return LA_TCP_DONE;
    }
    /* third (security): as RFC 9293 A.1 has it, nothing. fifth: */
    if ((seg->flags & LA_TCP_SYN) == 0)
        return la_tcp_drop(todo, LA_REASON_SYN_SENT_NO_SYN);
    /* fourth */
    la_tcp_take_syn(c, seg, todo);
    if (ack) {
        syn_sent_established(c, seg, todo);
        return seg->len > 1 ? LA_TCP_NEXT : LA_TCP_DONE;
    }
    la_tcp_enter(c, LA_TCP_EV_RCV_SYN, todo); /* simultaneous open (MUST-10) */
    c->want |= LA_TCP_WANT_SYN;
    return LA_TCP_DONE;
}

/* ---- 3.10.7.4, other states ------------------------------------------------------------- */

/* Text that was received before, all of it: a D-SACK block for it (RFC 2883 4). */
static void
report_duplicate(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if (la_tcp_is_synchronised(c) && (seg->flags & LA_TCP_SYN) == 0 &&
        la_seq_le(la_seq_add(seg->seq, seg->text_bytes), c->rcv_nxt))
        la_tcp_blocks_duplicate(c, seg->seq, seg->text_bytes, todo);
}

/* RFC 7323 5.3 R1, before the sequence number: is it an old duplicate? */
static enum la_tcp_step
step0_timestamp(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_TIMESTAMPS) == 0 || (seg->flags & LA_TCP_RST) != 0)
        return LA_TCP_NEXT;
    if ((seg->has & LA_TCP_HAS_TIMESTAMPS) == 0) {
        /* A SYN is answered "irrespective of the sequence number" (RFC 5961 4.2): a peer that has
         * forgotten the connection may have forgotten its timestamps as well. */
        bool taken = (seg->flags & LA_TCP_SYN) != 0 ||
                     todo->env->cfg->timestamps_may_lack; /* DEVIATION(D26) */
        return taken ? LA_TCP_NEXT : la_tcp_drop(todo, LA_REASON_TIMESTAMP_MISSING);
    }
    todo->ts_advances = la_tcp_ts_older(c->ts_recent, seg->ts_val);
    if (la_tcp_stamp_is_valid(c, todo->now) && la_tcp_ts_older(seg->ts_val, c->ts_recent)) {
        if ((seg->flags & LA_TCP_SYN) != 0 && la_tcp_is_synchronised(c))
            return LA_TCP_NEXT; /* step 4 challenges it; in SYN-RECEIVED it would end the connection
                                 */
        la_tcp_ack_unacceptable(c, seg, todo);
        report_duplicate(c, seg, todo); /* RFC 2883 4.3: also then */
        return la_tcp_drop(todo, LA_REASON_PAWS);
    }
    return LA_TCP_NEXT;
}

/* RFC 9768 3.1.5: a SYN that asks for the one kind of ECN, and again for the other. Neither end
 * could know which of them was agreed. */
static enum la_tcp_step
asks_twice(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    la_tcp_answer_rst(todo, c->snd_nxt, LA_CAUSE_RST_ABORT);
    todo->rst_flags = LA_TCP_RST | LA_TCP_ACK;
    todo->rst_ack = c->rcv_nxt;
    bool listened = c->state == LA_TCP_SYN_RECEIVED && !la_tcp_fast_open_serves(c);
    if (listened)
        c->flags |= LA_TCP_F_RELEASED;
    la_tcp_end(c, listened ? LA_TCP_EV_RCV_SYN_REUSE : LA_TCP_EV_RCV_UNACCEPTABLE,
               LA_ERR_CONNECTION_RESET, todo);
    return la_tcp_drop(todo, LA_REASON_ECN_ASKED_TWICE);
}

/* An unacceptable segment draws an acknowledgement, unless it is a RST. */
static enum la_tcp_step
unacceptable(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if ((seg->flags & LA_TCP_RST) != 0)
        return la_tcp_drop(todo, LA_REASON_RST_OUTSIDE_WINDOW);
    /* DEVIATION(D6): the SYN again means that our SYN,ACK was lost; it is sent again. */
    bool syn_again = (seg->flags & LA_TCP_SYN) != 0 && la_seq_eq(seg->seq, c->irs);
    if (syn_again && (c->state == LA_TCP_SYN_RECEIVED || c->state == LA_TCP_SYN_RECEIVED_ACTIVE)) {
        struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
        if (busy != NULL)
            busy->cause = LA_CAUSE_OPEN;
        if (!la_tcp_ecn_syn_again(c, seg, todo))
            return asks_twice(c, todo);
        c->want |= LA_TCP_WANT_SYN;
        return la_tcp_drop(todo, LA_REASON_DATA_DUPLICATE);
    }
    la_tcp_accecn_syn_ack_again(c, seg, todo);
    la_tcp_ack_unacceptable(c, seg, todo);
    report_duplicate(c, seg, todo);
    /* Eighth, TIME-WAIT: the peer's FIN again starts 2 MSL again. */
    if (c->state == LA_TCP_TIME_WAIT && (seg->flags & LA_TCP_FIN) != 0)
        la_tcp_time_wait_start(c, todo);
    bool old = seg->len > 0 && la_seq_le(la_seq_add(seg->seq, seg->len), c->rcv_nxt);
    return todo->reason != LA_REASON_NONE
               ? LA_TCP_DONE
               : la_tcp_drop(todo, old ? LA_REASON_DATA_DUPLICATE : LA_REASON_SEQ_OUTSIDE_WINDOW);
}

/* RCV.WND as segments are judged by it: what was told, or what the buffer takes. A half-open
 * connection and one in TIME-WAIT have none. */
static uint32_t
judged_window(const struct la_tcp_conn *c, const struct la_tcp_todo *todo)
{
    uint32_t told = la_tcp_rcv_wnd(c);
    if (!todo->env->cfg->window_is_buffer || c->state == LA_TCP_SYN_RECEIVED ||
        c->state == LA_TCP_TIME_WAIT)
        return told;
    uint32_t room = la_tcp_receive_room(c, todo->env);
    return room > told ? room : told;
}

/* DEVIATION(D34): on request, TIME-WAIT as FreeBSD has it: what has no ACK is dropped before its
 * number is looked at, and what is not at RCV.NXT is answered, in the window or not. */
static enum la_tcp_step
step1_time_wait(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    bool own_rule = (seg->flags & (LA_TCP_SYN | LA_TCP_RST)) != 0;
    if (c->state != LA_TCP_TIME_WAIT || !todo->env->cfg->time_wait_exact || own_rule)
        return LA_TCP_NEXT;
    if ((seg->flags & LA_TCP_ACK) == 0)
        return la_tcp_drop(todo, LA_REASON_NO_ACK);
    return la_seq_eq(seg->seq, c->rcv_nxt) ? LA_TCP_NEXT : unacceptable(c, seg, todo);
}

/* First: check sequence number. May change `seg` into the part that is looked at. */
static enum la_tcp_step
step1_sequence(struct la_tcp_conn *c, struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    uint32_t rcv_wnd = judged_window(c, todo);
    /* DEVIATION(D7): the SYN,ACK of a simultaneous open acknowledges our SYN (figure 8, line 6);
     * the test alone would drop it, since its SYN is known. */
    bool crossing =
        c->state == LA_TCP_SYN_RECEIVED_ACTIVE && la_seq_eq(seg->seq, c->irs) &&
        (seg->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST)) == (LA_TCP_SYN | LA_TCP_ACK);
    todo->crossing = crossing;
    if (crossing) {
        la_tcp_accecn_crossing(c, seg, todo);
        seg->flags &= (uint16_t) ~(LA_TCP_SYN | LA_TCP_URG); /* the pointer counts from the SYN */
        seg->seq = la_seq_add(seg->seq, 1);
        seg->len--;
        seg->wnd = (uint16_t)(seg->wnd >> c->snd_wscale); /* a SYN's is not scaled: RFC 7323 2.2 */
    }
    if (la_tcp_seg_acceptable(c->rcv_nxt, rcv_wnd, seg->seq, seg->len))
        return LA_TCP_NEXT;
    /* "special allowance should be made to accept valid ACKs, URGs, and RSTs" (MUST-66) */
    if (rcv_wnd == 0 && la_seq_eq(seg->seq, c->rcv_nxt) && (seg->flags & LA_TCP_SYN) == 0) {
        la_chain_clear(todo->text);
        seg->flags &= (uint16_t)~LA_TCP_FIN;
        seg->len = seg->text_bytes = 0;
        if ((seg->flags & LA_TCP_RST) != 0)
            return LA_TCP_NEXT;
        todo->reason = LA_REASON_ZERO_WINDOW_PROBE;
        la_tcp_ack_now(c, LA_CAUSE_ACK_DUPLICATE);
        return LA_TCP_NEXT;
    }
    return unacceptable(c, seg, todo);
}

/* Second: check the RST bit. */
static enum la_tcp_step
step2_rst(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if ((seg->flags & LA_TCP_RST) == 0)
        return LA_TCP_NEXT;
    /* DEVIATION(D15), RFC 1337 3 (F1): an old duplicate must not end TIME-WAIT. */
    if (c->state == LA_TCP_TIME_WAIT)
        return la_tcp_drop(todo, LA_REASON_RST_IN_TIME_WAIT);
    if (todo->env->cfg->rst_challenged && /* RFC 5961 3.2 */
        la_tcp_rst_classify(c->rcv_nxt, la_tcp_rcv_wnd(c), seg->seq) != LA_TCP_RST_EXACT) {
        todo->reason = LA_REASON_RST_IN_WINDOW;
        la_tcp_ack_challenge(c, todo);
        return LA_TCP_DONE;
    }
    todo->env->stats->tcp_resets_in++;
    switch ((enum la_tcp_state)c->state) {
    case LA_TCP_SYN_RECEIVED:
        if (la_tcp_fast_open_serves(c)) { /* LISTEN would be news that nobody gets */
            la_tcp_end(c, LA_TCP_EV_RCV_RST, LA_ERR_CONNECTION_RESET, todo);
            return LA_TCP_DONE;
        }
        c->flags |= LA_TCP_F_RELEASED;
        la_tcp_end(c, LA_TCP_EV_RCV_RST_TO_LISTEN, LA_ERR_CONNECTION_RESET, todo);
        return LA_TCP_DONE;
    case LA_TCP_SYN_RECEIVED_ACTIVE:
        la_tcp_end(c, LA_TCP_EV_RCV_RST, LA_ERR_CONNECTION_REFUSED, todo);
        return LA_TCP_DONE;
    case LA_TCP_ESTABLISHED:
    case LA_TCP_FIN_WAIT_1:
    case LA_TCP_FIN_WAIT_2:
    case LA_TCP_CLOSE_WAIT:
        la_tcp_end(c, LA_TCP_EV_RCV_RST, LA_ERR_CONNECTION_RESET, todo);
        return LA_TCP_DONE;
    case LA_TCP_CLOSING:
    case LA_TCP_LAST_ACK:
        la_tcp_end(c, LA_TCP_EV_RCV_RST, LA_OK, todo); /* what was received stays */
        c->err = LA_ERR_CONNECTION_RESET; /* whether all of ours arrived, nobody knows */
        todo->wake |= LA_READY_ERROR;
        return LA_TCP_DONE;
    case LA_TCP_TIME_WAIT:
    case LA_TCP_CLOSED:
    case LA_TCP_LISTEN:
    case LA_TCP_SYN_SENT:
    case LA_TCP_STATE_COUNT:
        break;
    }
    LA_ASSERT(false);
    return LA_TCP_DONE;
}

/* Fourth: check the SYN bit. (Third, security: nothing, RFC 9293 A.1.) */
static enum la_tcp_step
step4_syn(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if ((seg->flags & LA_TCP_SYN) == 0)
        return LA_TCP_NEXT;
    if (c->state == LA_TCP_SYN_RECEIVED && !la_tcp_fast_open_serves(c)) {
        c->flags |= LA_TCP_F_RELEASED;
        la_tcp_end(c, LA_TCP_EV_RCV_SYN_REUSE, LA_ERR_CONNECTION_RESET, todo);
        return LA_TCP_DONE;
    }
    todo->reason = LA_REASON_SYN_IN_WINDOW;
    bool inside = la_tcp_seg_acceptable(c->rcv_nxt, judged_window(c, todo), seg->seq, 0);
    if (todo->env->cfg->syn_challenged || !inside) {
        la_tcp_ack_challenge(c, todo); /* RFC 5961 4.2 */
        return LA_TCP_DONE;
    }
    la_tcp_answer_rst(todo, la_tcp_bare_seq(c), LA_CAUSE_RST_ABORT);
    todo->rst_flags = LA_TCP_RST | LA_TCP_ACK;
    todo->rst_ack = c->rcv_nxt;
    la_tcp_end(c, LA_TCP_EV_RCV_UNACCEPTABLE, LA_ERR_CONNECTION_RESET, todo); /* RFC 5961 4.1 */
    return LA_TCP_DONE;
}

/* MAY-2, RFC 6191 2: may this SYN begin a new incarnation of a connection in TIME-WAIT? Not when
 * nobody listens: there would be no new one, and the old one's 2 MSL (MUST-13) cut short. */
static bool
time_wait_gives_way(const struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                    const struct la_tcp_todo *todo)
{
    if (c->state != LA_TCP_TIME_WAIT || !todo->listened || todo->env->cfg->time_wait_holds ||
        (seg->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST)) != LA_TCP_SYN)
        return false;
    bool both_stamped =
        (c->flags & LA_TCP_F_TIMESTAMPS) != 0 && (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0;
    if (both_stamped && seg->ts_val != c->ts_recent)
        return !la_tcp_ts_older(seg->ts_val, c->ts_recent);
    /* No duplicate of a connection without timestamps has one, and the new one's PAWS drops them.
     */
    if ((c->flags & LA_TCP_F_TIMESTAMPS) == 0 && (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 &&
        todo->listened_stamps)
        return true;
    return la_seq_gt(seg->seq, c->rcv_nxt);
}

/* Fifth: check the ACK field: la_tcp_arrive_ack(). */

/* Sixth: check the URG bit. The states behind the peer's FIN ignore it. */
static void
step6_urg(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    bool heeded = c->state == LA_TCP_ESTABLISHED || c->state == LA_TCP_FIN_WAIT_1 ||
                  c->state == LA_TCP_FIN_WAIT_2;
    if (heeded && (seg->flags & LA_TCP_URG) != 0)
        la_tcp_urgent_arrived(c, seg, todo);
}

/* 3.6.1: octets for an application that has closed mean a RST. */
static bool
nobody_reads(const struct la_tcp_conn *c, const struct la_tcp_seg *seg)
{
    return (c->flags & LA_TCP_F_RELEASED) != 0 && seg->text_bytes > 0 &&
           (c->flags & LA_TCP_F_READ_CLOSED) == 0 &&
           la_seq_gt(la_seq_add(seg->seq, seg->text_bytes), c->rcv_nxt);
}

/* Seventh: process the segment text. *fin: a FIN is in order now. */
static enum la_tcp_step
step7_text(struct la_tcp_conn *c, const struct la_tcp_seg *seg, bool *fin, struct la_tcp_todo *todo)
{
    *fin = false;
    if (seg->text_bytes == 0 && (seg->flags & LA_TCP_FIN) == 0)
        return LA_TCP_DONE;
    if ((c->flags & LA_TCP_F_FIN_RECEIVED) != 0) { /* "this should not occur" */
        if (seg->text_bytes > 0 && la_seq_gt(la_seq_add(seg->seq, seg->len), c->rcv_nxt))
            todo->reason = LA_REASON_DATA_AFTER_FIN;
        la_tcp_ack_now(c, LA_CAUSE_ACK_DUPLICATE);
        return LA_TCP_DONE;
    }
    if (nobody_reads(c, seg)) {
        /* Where the peer is, as of CLOSED (3.10.7.1): our FIN may not have arrived. */
        la_tcp_answer_rst(todo, seg->ack, LA_CAUSE_RST_ABORT);
        la_tcp_end(c, LA_TCP_EV_RCV_UNACCEPTABLE, LA_ERR_CONNECTION_RESET, todo);
        return la_tcp_drop(todo, LA_REASON_DATA_AFTER_CLOSE);
    }
    la_seq before = c->rcv_nxt;
    *fin = la_tcp_receive_text(c, seg->seq, (seg->flags & LA_TCP_FIN) != 0, todo);
    if (!la_seq_eq(before, c->rcv_nxt))
        la_tcp_tune_receive(c, la_tcp_busy(c, todo->env), seg, todo);
    return LA_TCP_NEXT;
}

/* Eighth: check the FIN bit. */
static void
step8_fin(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env); /* the seventh step has found it there */
    LA_ASSERT(busy != NULL);
    la_tcp_early_clear(busy, todo->env);
    c->rcv_nxt = la_seq_add(c->rcv_nxt, 1);
    if (la_seq_gt(c->rcv_nxt, c->rcv_adv))
        c->rcv_adv = c->rcv_nxt;
    c->flags |= LA_TCP_F_FIN_RECEIVED;
    la_tcp_urgent_settle(c, busy);
    la_tcp_ack_later(c, busy, todo->env, todo->now);
    todo->wake |= LA_READY_READ | LA_READY_END;
    bool both = c->state == LA_TCP_FIN_WAIT_1 && la_tcp_fin_is_acked(c);
    la_tcp_enter(c, both ? LA_TCP_EV_RCV_FIN_ACK_OF_FIN : LA_TCP_EV_RCV_FIN, todo);
    if (c->state == LA_TCP_TIME_WAIT) {
        la_tcp_time_wait_start(c, todo);
        la_tcp_ack_now(c, LA_CAUSE_ACK);
        todo->wake |= LA_READY_CLOSED;
    } else if (c->state == LA_TCP_CLOSING) {
        la_tcp_ack_now(c, LA_CAUSE_ACK);
    }
}

/* The sixth step and those behind it. */
static void
text_and_fin(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    bool fin;
    step6_urg(c, seg, todo);
    if (step7_text(c, seg, &fin, todo) == LA_TCP_NEXT && fin)
        step8_fin(c, todo);
}

/* What a SYN,ACK brings besides. */
static void
behind_syn(struct la_tcp_conn *c, struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    seg->flags &= (uint16_t) ~(LA_TCP_SYN | LA_TCP_URG); /* the pointer counts from the SYN */
    seg->seq = la_seq_add(seg->seq, 1);
    seg->len--;
    text_and_fin(c, seg, todo);
}

static void
other_states(struct la_tcp_conn *c, struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    uint32_t text_bytes = seg->text_bytes; /* a probe's octet does not pass the first step */
    if (step0_timestamp(c, seg, todo) == LA_TCP_DONE ||
        step1_time_wait(c, seg, todo) == LA_TCP_DONE || step1_sequence(c, seg, todo) == LA_TCP_DONE)
        return;
    if (step2_rst(c, seg, todo) == LA_TCP_DONE || step4_syn(c, seg, todo) == LA_TCP_DONE ||
        la_tcp_arrive_ack(c, seg, todo) == LA_TCP_DONE)
        return;
    if ((c->flags & LA_TCP_F_ACCECN) != 0)
        la_tcp_accecn_arrived(c, text_bytes, todo);
    else if ((c->flags & LA_TCP_F_ECN) != 0 && text_bytes > 0)
        la_tcp_ecn_arrived(c, seg->flags, todo);
    la_tcp_uto_arrived(c, seg);
    text_and_fin(c, seg, todo);
    /* A FIN that came with the acknowledgement of ours but could not be taken yet. */
    if (c->state == LA_TCP_FIN_WAIT_1 && la_tcp_fin_is_acked(c)) {
        la_tcp_enter(c, LA_TCP_EV_ACK_OF_FIN, todo);
        la_tcp_fin_wait_2_start(c, todo);
    }
}

void
la_tcp_arrive(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    LA_ASSERT(c->state != LA_TCP_CLOSED && c->state != LA_TCP_LISTEN);
    c->segments_received += todo->segments_n > 1 ? todo->segments_n : 1;
    if (c->state != LA_TCP_TIME_WAIT && la_tcp_is_unwanted(seg, todo->env->cfg)) {
        todo->reason = LA_REASON_SYN_FIN;
        return;
    }
    if (time_wait_gives_way(c, seg, todo)) { /* whoever owns it may still read what was received */
        la_tcp_end(c, LA_TCP_EV_RCV_SYN_REUSE, LA_OK, todo);
        todo->reuse = true;
        return;
    }
    struct la_tcp_seg looked_at = *seg;
    if (c->state != LA_TCP_SYN_SENT)
        other_states(c, &looked_at, todo);
    else if (syn_sent_state(c, seg, todo) == LA_TCP_NEXT)
        behind_syn(c, &looked_at, todo);
    if (c->state == LA_TCP_CLOSED || c->state == LA_TCP_LISTEN)
        return;
    if (todo->reason == LA_REASON_NONE || todo->reason == LA_REASON_ZERO_WINDOW_PROBE ||
        todo->reason == LA_REASON_SACK_OUTSIDE) {
        c->heard_ms = la_tcp_ms(todo->now);
        c->keepalive_sent_n = 0;
    }
    la_tcp_busy_settle(c, todo->env);
}
