/* SPDX-License-Identifier: MIT
 *
 * open.c - how a connection begins
 *
 * Read first: RFC 9293 3.5, 3.7.1 (MSS), 3.10.1, 3.10.7.1, 3.10.7.2; RFC 7323 2.2, 2.3 (scale),
 * 3.2 (timestamps); RFC 6298 5.7; RFC 2018 2.
 */
#include "tcp/open.h"

#include "base/assert.h"
#include "tcp/acknowledge.h"
#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/receive.h"
#include "tcp/rtt.h"
#include "tcp/timeout.h"
#include "tcp/tune.h"
#include "tcp/uto.h"

enum { WSCALE_MAX = 14, MSS_LEAST = 64, INCARNATION_GAP = 65536 };

void
la_tcp_open_active(struct la_tcp_conn *c, const struct la_tcp_cfg *cfg, struct la_tcp_todo *todo)
{
    la_tcp_ecn_open(c, cfg, todo->env);
    la_tcp_enter(c, LA_TCP_EV_OPEN_ACTIVE, todo);
    c->want |= LA_TCP_WANT_SYN;
}

void
la_tcp_open_passive(struct la_tcp_conn *c, const struct la_tcp_seg *syn, bool held,
                    struct la_tcp_todo *todo)
{
    c->flags &= ~(uint32_t)LA_TCP_F_ECN_EITHER;
    c->flags |= (c->flags & LA_TCP_F_ACCECN) != 0 ? LA_TCP_F_PASSIVE | LA_TCP_F_ECN_EITHER
                                                  : LA_TCP_F_PASSIVE;
    la_tcp_enter(c, LA_TCP_EV_OPEN_PASSIVE, todo);
    la_tcp_take_syn(c, syn, todo);
    if (held)
        c->flags |= LA_TCP_F_HELD;
    else
        la_tcp_open_release(c, todo);
}

void
la_tcp_open_release(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    c->flags &= ~(uint32_t)LA_TCP_F_HELD;
    la_tcp_enter(c, LA_TCP_EV_RCV_SYN, todo);
    c->want |= LA_TCP_WANT_SYN;
}

void
la_tcp_open_beyond(struct la_tcp_conn *c, la_seq snd_nxt)
{
    LA_ASSERT(la_seq_eq(c->snd_nxt, c->iss));
    if (!la_seq_gt(c->iss, snd_nxt))
        c->iss = c->snd_una = c->snd_nxt = la_seq_add(snd_nxt, INCARNATION_GAP);
}

/* MUST-16: min(SendMSS + 20, MMS_S) - header with options; every segment has timestamps when they
 * are agreed, and room for the counts of accurate ECN. A hostile MSS may not make segments absurdly
 * small (SACK panic). */
static void
take_mss(struct la_tcp_conn *c, const struct la_tcp_seg *syn)
{
    bool told = (syn->has & LA_TCP_HAS_MSS) != 0 && !c->mss_silent;
    uint32_t mss = told ? syn->mss : c->smss;
    if (mss > c->rmss)
        mss = c->rmss;
    if (mss < MSS_LEAST) /* but never more than our own interface takes */
        mss = c->rmss < MSS_LEAST ? c->rmss : (uint32_t)MSS_LEAST;
    c->smss = (uint16_t)(mss - la_tcp_option_bytes(c));
}

/* RFC 7323 2.3: one that is too large is remarked upon and used as the largest. */
static void
take_scale(struct la_tcp_conn *c, const struct la_tcp_seg *syn, struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_WSCALE) == 0) {
        c->rcv_wscale = 0;
        return;
    }
    c->snd_wscale = LA_TCP_WSCALE_MASK & (syn->wscale > WSCALE_MAX ? WSCALE_MAX : syn->wscale);
    if (syn->wscale > WSCALE_MAX && todo->reason == LA_REASON_NONE)
        todo->reason = LA_REASON_WINDOW_SCALE_TOO_LARGE;
}

/* DEVIATION(D13): the SYN alone is taken; text that comes with it is not acknowledged, unless a
 * Fast Open cookie speaks for it (fast_open.h). */
void
la_tcp_take_syn(struct la_tcp_conn *c, const struct la_tcp_seg *syn, struct la_tcp_todo *todo)
{
    uint32_t offered = la_tcp_rcv_wnd(c);
    c->irs = syn->seq;
    c->rcv_nxt = la_seq_add(syn->seq, 1);
    c->rcv_adv = la_seq_add(c->rcv_nxt, offered);
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy != NULL) /* our SYN is in flight; else the SYN,ACK is the first that is sent */
        busy->owed.acked = syn->seq;
    c->heard_ms = la_tcp_ms(todo->now);

    if ((syn->has & LA_TCP_HAS_WSCALE) == 0)
        c->flags &= ~(uint32_t)LA_TCP_F_WSCALE;
    take_scale(c, syn, todo);
    if ((syn->has & LA_TCP_HAS_SACK_PERMITTED) == 0)
        c->flags &= ~(uint32_t)LA_TCP_F_SACK;
    if ((syn->has & LA_TCP_HAS_TIMESTAMPS) == 0) {
        c->flags &= ~(uint32_t)LA_TCP_F_TIMESTAMPS;
    } else if ((c->flags & LA_TCP_F_TIMESTAMPS) != 0) {
        c->ts_recent = syn->ts_val;
        c->ts_recent_at_s = (uint32_t)(todo->now.ns / LA_NS_PER_S);
    }
    la_tcp_ecn_take_syn(c, syn, todo);
    la_tcp_uto_arrived(c, syn);
    take_mss(c, syn);
    if ((c->flags & LA_TCP_F_PASSIVE) == 0)
        la_tcp_tune_open(c, todo->env->cfg);
    c->snd_wnd = syn->wnd; /* never scaled in a SYN */
    c->snd_wnd_max = c->snd_wnd;
    c->snd_wl1 = syn->seq;
}

static void
tell_negotiated(const struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    if (!la_tcp_hears(todo->env, LA_EVENT_NEGOTIATED))
        return;
    struct la_event ev = {
        .at = todo->now, .kind = LA_EVENT_NEGOTIATED, .segment_id = todo->segment_id};
    bool scaled = (c->flags & LA_TCP_F_WSCALE) != 0;
    ev.u.negotiated.mss_send = c->smss;
    ev.u.negotiated.mss_receive = c->rmss;
    ev.u.negotiated.wscale_send = scaled ? c->snd_wscale : 255;
    ev.u.negotiated.wscale_receive = scaled ? c->rcv_wscale : 255;
    ev.u.negotiated.timestamps = (c->flags & LA_TCP_F_TIMESTAMPS) != 0;
    ev.u.negotiated.sack = (c->flags & LA_TCP_F_SACK) != 0;
    ev.u.negotiated.accurate_ecn = (c->flags & LA_TCP_F_ACCECN) != 0;
    ev.u.negotiated.ecn = la_tcp_ecn_marks(c) || ev.u.negotiated.accurate_ecn;
    ev.u.negotiated.passive = (c->flags & LA_TCP_F_PASSIVE) != 0;
    todo->env->emit(todo->env->ctx, c, &ev);
}

/* The handshake is the first round trip measured; a SYN sent twice is none (RFC 6298 3), and makes
 * the RTO begin at 3 s (5.7). */
static void
measure_handshake(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    la_instant sent_at = LA_INSTANT_NEVER;
    if (busy != NULL) {
        la_tcp_scoreboard_acked(&busy->board, la_seq_add(c->iss, 1), &sent_at);
        busy->recover = c->iss;
        busy->rtx_nxt = busy->rtt_round_end = la_seq_add(c->iss, 1);
        busy->reduced_end = c->iss;
        busy->progress_at = todo->now;
    }
    if (!la_instant_is_never(sent_at))
        la_tcp_rtt_sample(c, (uint32_t)la_instant_diff_us(todo->now, sent_at), todo);
    else if ((c->flags & LA_TCP_F_SYN_RETRANSMITTED) != 0)
        c->rto_us = 3000000;
}

void
la_tcp_established(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    LA_ASSERT(c->state == LA_TCP_ESTABLISHED);
    la_tcp_timer_stop(c);
    measure_handshake(c, todo);
    if ((c->flags & LA_TCP_F_PASSIVE) != 0)
        la_tcp_tune_open(c, todo->env->cfg); /* half-open ones are kept without a buffer */
    c->snd_una = la_seq_max(c->snd_una, la_seq_add(c->iss, 1));
    c->flags = (c->flags | LA_TCP_F_SYN_ACKED) & ~(uint32_t)LA_TCP_F_R1_REACHED;
    c->err_soft = LA_OK;
    c->sent_ms = c->read_mark_ms = la_tcp_ms(todo->now);
    c->read_mark = c->rcv_nxt;
    if (c->fast_open != LA_TCP_FAST_OPEN_TAKEN) /* else text may be in flight already */
        la_cc_ops(c->cc)->open(c, todo->env->cfg->initial_window_n);
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy != NULL)
        busy->phase = la_cc_resting_phase(c, busy);
    la_tcp_keepalive_start(c, todo->now);
    tell_negotiated(c, todo);
    todo->established = true;
    todo->wake |= LA_READY_OPEN | LA_READY_WRITE;
    c->want |= LA_TCP_WANT_DATA;
    if ((c->want & LA_TCP_WANT_SYN) != 0) { /* of the same burst, and needed no more */
        c->want &= (uint8_t)~LA_TCP_WANT_SYN;
        la_tcp_ack_now(c, LA_CAUSE_ACK_DUPLICATE);
    }
    if ((c->flags & LA_TCP_F_CLOSE_CALLED) != 0) /* queued in SYN-RECEIVED, 3.10.4 */
        la_tcp_enter(c, LA_TCP_EV_CLOSE, todo);
}

/* ---- segments without a connection ------------------------------------------------------ */

void
la_tcp_closed_state(const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if ((seg->flags & LA_TCP_RST) != 0) {
        todo->reason = LA_REASON_RST_TO_CLOSED;
        return;
    }
    todo->reason = LA_REASON_NO_CONNECTION;
    todo->rst = true;
    todo->rst_cause = LA_CAUSE_RST_REFUSED;
    if ((seg->flags & LA_TCP_ACK) != 0) {
        todo->rst_seq = seg->ack;
        todo->rst_ack = la_seq_of(0);
        todo->rst_flags = LA_TCP_RST;
    } else {
        todo->rst_seq = la_seq_of(0);
        todo->rst_ack = la_seq_add(seg->seq, seg->len);
        todo->rst_flags = LA_TCP_RST | LA_TCP_ACK;
    }
}

bool
la_tcp_listen_state(const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if ((seg->flags & LA_TCP_RST) != 0) { /* first */
        todo->reason = LA_REASON_LISTEN_RST;
        return false;
    }
    if ((seg->flags & LA_TCP_ACK) != 0) { /* second */
        la_tcp_closed_state(seg, todo);
        todo->reason = LA_REASON_LISTEN_ACK;
        if ((seg->flags & LA_TCP_SYN) != 0 && todo->env->cfg->syn_ack_silent)
            todo->rst = false; /* DEVIATION(D29) */
        return false;
    }
    if ((seg->flags & LA_TCP_SYN) == 0) { /* fourth */
        todo->reason = LA_REASON_LISTEN_NO_SYN;
        return false;
    }
    if (la_tcp_is_unwanted(seg, todo->env->cfg)) {
        todo->reason = LA_REASON_SYN_FIN;
        return false;
    }
    return true; /* third */
}
