/* SPDX-License-Identifier: MIT
 *
 * arrive_ack.c - SEGMENT ARRIVES, fifth: check the ACK field
 *
 * Read first: RFC 9293 3.10.7.4 fifth; RFC 5961 5 (which ACKs are acceptable). The steps before and
 * behind are in arrive.c.
 */
#include "tcp/arrive_ack.h"

#include "proto/tcp_accept.h"
#include "tcp/accecn.h"
#include "tcp/acked.h"
#include "tcp/acknowledge.h"
#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/fast_open.h"
#include "tcp/open.h"
#include "tcp/recovery.h"
#include "tcp/stamp.h"
#include "tcp/timeout.h"

/* Fifth, SYN-RECEIVED. */
static enum la_tcp_step
ack_of_syn(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if (!la_seq_gt(seg->ack, c->snd_una) || la_seq_gt(seg->ack, c->snd_nxt)) {
        la_tcp_answer_rst(todo, seg->ack, LA_CAUSE_RST_REFUSED);
        return la_tcp_drop(todo, LA_REASON_ACK_UNACCEPTABLE);
    }
    if (!la_tcp_accecn_shake(c, seg, todo))
        return la_tcp_drop(todo, LA_REASON_NO_MEMORY);
    la_tcp_stamp_follow(c, seg, todo);
    c->snd_una = la_seq_add(c->iss, 1);
    c->snd_wnd = (uint32_t)seg->wnd << c->snd_wscale;
    if (c->snd_wnd > c->snd_wnd_max)
        c->snd_wnd_max = c->snd_wnd;
    c->snd_wl1 = seg->seq;
    la_tcp_enter(c, LA_TCP_EV_ACK_OF_SYN, todo);
    la_tcp_established(c, todo);
    la_tcp_fast_open_answered(c, seg->ack, todo);
    la_tcp_accecn_opened(c, seg->ack, todo);
    return LA_TCP_NEXT;
}

static void
tell_peer_window(const struct la_tcp_conn *c, uint32_t before, struct la_tcp_todo *todo)
{
    if ((before == 0) == (c->snd_wnd == 0) || !la_tcp_hears(todo->env, LA_EVENT_WINDOW))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_WINDOW, .segment_id = todo->segment_id};
    ev.u.window.window = c->snd_wnd;
    todo->env->emit(todo->env->ctx, c, &ev);
}

/* The send window follows the newest segment (3.10.7.4 fifth); of gathered ones the last.
 * DEVIATION(D18): which that is, SEG.SEQ alone does not say. A retransmission has an old number,
 * and when it acknowledges something new (`advances`) its window is the newest there is.
 * SND.WL2, the SEG.ACK of the segment that the window came with, is not kept: what comes here has
 * SND.UNA =< SEG.ACK, and so had that one, which has moved SND.UNA up to its own. So SND.WL2 =<
 * SND.UNA =< SEG.ACK, and the test of SND.WL2 =< SEG.ACK is always true. */
static void
update_window(struct la_tcp_conn *c, const struct la_tcp_seg *seg, bool advances,
              struct la_tcp_todo *todo)
{
    la_seq seq = la_seq_add(seg->seq, todo->last_off);
    if (!advances && la_seq_lt(seq, c->snd_wl1))
        return;
    uint32_t before = c->snd_wnd;
    c->snd_wnd = (uint32_t)seg->wnd << c->snd_wscale;
    if (c->snd_wnd > c->snd_wnd_max)
        c->snd_wnd_max = c->snd_wnd;
    c->snd_wl1 = la_seq_max(c->snd_wl1, seq);
    if (c->snd_wnd != before)
        c->want |= LA_TCP_WANT_DATA;
    if (before == 0 && c->snd_wnd > 0 && c->timer == LA_TIMER_PERSIST)
        la_tcp_timer_stop(c);
    tell_peer_window(c, before, todo);
}

/* RFC 5681 2: (a) data is outstanding, (b) no text, (c) neither SYN nor FIN, (d) ack is SND.UNA,
 * (e) the window is the same. */
static bool
is_duplicate_ack(const struct la_tcp_conn *c, const struct la_tcp_seg *seg)
{
    return la_tcp_flight(c) > 0 && seg->len == 0 && la_seq_eq(seg->ack, c->snd_una) &&
           (uint32_t)seg->wnd << c->snd_wscale == c->snd_wnd;
}

/* The octet that probed a zero window was accepted: it has been sent. */
static void
probe_accepted(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy == NULL || (c->flags & LA_TCP_F_PROBED) == 0 ||
        !la_seq_eq(seg->ack, la_seq_add(c->snd_nxt, 1)))
        return;
    /* Nobody knows which probe it was: sent twice, so that it gives no RTT sample (RFC 6298 3). */
    la_tcp_scoreboard_sent(&busy->board, todo->env->mem, c->snd_nxt, seg->ack, todo->now);
    (void)la_tcp_scoreboard_resent(&busy->board, todo->env->mem, c->snd_nxt, seg->ack, todo->now);
    c->snd_nxt = seg->ack;
    c->flags &= ~(uint32_t)LA_TCP_F_PROBED;
}

/* Fifth, what the acknowledgement of our FIN changes. */
static enum la_tcp_step
states_after_ack(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if (!la_tcp_fin_is_acked(c))
        return LA_TCP_NEXT;
    if (c->state == LA_TCP_FIN_WAIT_1 && (seg->flags & LA_TCP_FIN) == 0) {
        la_tcp_enter(c, LA_TCP_EV_ACK_OF_FIN, todo);
        la_tcp_fin_wait_2_start(c, todo);
    } else if (c->state == LA_TCP_CLOSING) {
        la_tcp_enter(c, LA_TCP_EV_ACK_OF_FIN, todo);
        la_tcp_time_wait_start(c, todo);
        todo->wake |= LA_READY_CLOSED;
        return LA_TCP_DONE;
    } else if (c->state == LA_TCP_LAST_ACK) {
        la_tcp_end(c, LA_TCP_EV_ACK_OF_FIN, LA_OK, todo);
        return LA_TCP_DONE;
    }
    return LA_TCP_NEXT;
}

/* The ACK of our SYN alone; its SACK blocks (RFC 2018 4) are about text that was sent before. It is
 * no duplicate acknowledgement. */
static enum la_tcp_step
handshake_sack(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if (seg->sack_n > 0 && la_tcp_flight(c) > 0) {
        la_tcp_selective_ack(c, seg, todo);
        la_tcp_look_for_losses(c, seg, todo);
        la_cc_acked(c, todo);
    }
    return LA_TCP_NEXT;
}

/* One that was overtaken says nothing new by its number, but its SACK blocks may: RFC 2018 5 turns
 * the bits on for each acknowledgement that has some. */
static void
old_sack(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if (seg->sack_n == 0 || la_tcp_flight(c) == 0)
        return;
    la_tcp_selective_ack(c, seg, todo);
    if (todo->delivered_bytes > 0)
        la_tcp_look_for_losses(c, seg, todo);
    la_cc_acked(c, todo);
}

/* Fifth: check the ACK field. */
enum la_tcp_step
la_tcp_arrive_ack(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if ((seg->flags & LA_TCP_ACK) == 0)
        return la_tcp_drop(todo, LA_REASON_NO_ACK);
    if (c->state == LA_TCP_SYN_RECEIVED || c->state == LA_TCP_SYN_RECEIVED_ACTIVE) {
        /* Text may have been sent before the handshake was complete (RFC 7413 4.2.2). */
        if (ack_of_syn(c, seg, todo) == LA_TCP_DONE)
            return LA_TCP_DONE;
        if (!la_seq_gt(seg->ack, c->snd_una))
            return handshake_sack(c, seg, todo);
    }
    probe_accepted(c, seg, todo);
    bool advances = false;
    switch (la_tcp_ack_classify(c->snd_una, c->snd_nxt, c->snd_wnd_max, seg->ack)) {
    case LA_TCP_ACK_TOO_OLD:
        todo->reason = LA_REASON_ACK_TOO_OLD;
        la_tcp_ack_challenge(c, todo);
        return LA_TCP_DONE;
    case LA_TCP_ACK_UNSENT:
        todo->reason = LA_REASON_ACK_UNSENT;
        if (!todo->env->cfg->unsent_ack_silent) /* DEVIATION(D26) */
            la_tcp_ack_challenge(c, todo);
        return LA_TCP_DONE;
    case LA_TCP_ACK_OLD:
        la_tcp_stamp_follow(c, seg, todo);
        old_sack(c, seg, todo);
        return LA_TCP_NEXT;
    case LA_TCP_ACK_DUP:
        if (la_tcp_ecn_is_echo(c, seg))
            la_tcp_ecn_echoed(c, seg, todo);
        if (is_duplicate_ack(c, seg))
            la_tcp_duplicate_ack(c, todo);
        break;
    case LA_TCP_ACK_NEW:
        if (la_tcp_ecn_is_echo(c, seg))
            la_tcp_ecn_echoed(c, seg, todo);
        la_tcp_acked(c, seg, todo);
        advances = true;
        break;
    }
    la_tcp_stamp_follow(c, seg, todo);
    la_tcp_selective_ack(c, seg, todo);
    la_tcp_accecn_feedback(c, seg, todo);
    la_tcp_look_for_losses(c, seg, todo);
    la_cc_acked(c, todo);
    update_window(c, seg, advances, todo);
    return states_after_ack(c, seg, todo);
}
