/* SPDX-License-Identifier: MIT
 *
 * ecn.c - explicit congestion notification
 *
 * Read first: RFC 3168 5, 6.1 (its sections are named below).
 *
 * 6.1.1.1 lets a SYN that was not answered be repeated without ECN. By default the first repetition
 * is: one that was merely lost costs a connection its ECN, one that a middlebox drops would cost it
 * seconds. A RST to an ECN-setup SYN is believed.
 */
#include "tcp/ecn.h"

#include "tcp/accecn.h"
#include "tcp/acknowledge.h"
#include "tcp/congestion.h"

void
la_tcp_ecn_tell(const struct la_tcp_conn *c, enum la_ecn_step step, uint32_t marks_n,
                struct la_tcp_todo *todo)
{
    if (!la_tcp_hears(todo->env, LA_EVENT_ECN))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_ECN, .segment_id = todo->segment_id};
    ev.u.ecn.step = (uint8_t)step;
    ev.u.ecn.cwnd_bytes = c->cwnd_bytes;
    ev.u.ecn.ssthresh_bytes = c->ssthresh_bytes;
    ev.u.ecn.marks_n = marks_n;
    todo->env->emit(todo->env->ctx, c, &ev);
}

/* ---- 6.1.1: agreeing -------------------------------------------------------------------- */

void
la_tcp_ecn_open(struct la_tcp_conn *c, const struct la_tcp_cfg *cfg, struct la_tcp_env *env)
{
    bool asks = (c->flags & LA_TCP_F_ECN_ASK) != 0;
    if (!asks)
        c->flags &= ~(uint32_t)LA_TCP_F_ECN; /* it would agree, but does not ask */
    bool accurate = asks && cfg->ecn != LA_ECN_ACCURATE_ASK_PLAIN;
    if ((c->flags & LA_TCP_F_ACCECN) != 0 && (!accurate || la_tcp_accecn_get(c, env) == NULL))
        la_tcp_tally_narrow(c, env);
}

uint16_t
la_tcp_ecn_syn_flags(struct la_tcp_conn *c, bool again, struct la_tcp_todo *todo)
{
    bool asks = c->state == LA_TCP_SYN_SENT, asked = (c->flags & LA_TCP_F_ECN_ASK) != 0;
    if ((c->flags & LA_TCP_F_ACCECN) != 0 && !asks)
        return la_tcp_accecn_syn_ack(c, again);
    if ((c->flags & LA_TCP_F_ACCECN) != 0) {
        uint16_t flags = la_tcp_accecn_syn(c, again, todo->env->cfg);
        if (asked && flags == 0)
            la_tcp_ecn_tell(c, LA_ECN_SYN_PLAIN, 0, todo);
        return flags;
    }
    if ((c->flags & LA_TCP_F_ECN) == 0)
        return 0;
    if (c->state != LA_TCP_SYN_SENT)
        return LA_TCP_ECE;
    if (again && todo->env->cfg->ecn_fallback && c->backoff_n >= todo->env->cfg->syn_ecn_n &&
        (c->flags & LA_TCP_F_ECN_ASK) != 0) {
        /* What comes marked is echoed all the same (fourth rule); nothing of ours is marked. */
        c->flags &= ~(uint32_t)LA_TCP_F_ECN_ASK;
        la_tcp_ecn_tell(c, LA_ECN_SYN_PLAIN, 0, todo);
    }
    return (c->flags & LA_TCP_F_ECN_ASK) != 0 ? LA_TCP_ECE | LA_TCP_CWR : 0;
}

void
la_tcp_ecn_take_syn(struct la_tcp_conn *c, const struct la_tcp_seg *syn, struct la_tcp_todo *todo)
{
    if (la_tcp_accecn_take_syn(c, syn, todo))
        return;
    unsigned said = syn->flags & (LA_TCP_ECE | LA_TCP_CWR);
    bool answer = (syn->flags & LA_TCP_ACK) != 0;
    /* 6.1.1.2: a SYN,ACK with both flags only mirrors our SYN. */
    bool setup = said == (answer ? LA_TCP_ECE : LA_TCP_ECE | LA_TCP_CWR);
    if (!setup)
        c->flags &= ~(uint32_t)LA_TCP_F_ECN;
}

bool
la_tcp_ecn_syn_again(struct la_tcp_conn *c, const struct la_tcp_seg *syn, struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_ACCECN) != 0)
        return la_tcp_accecn_syn_again(c, syn, todo);
    /* RFC 9768 3.1.5: the SYN before it asked for this kind. An end that has asked for that itself
     * answers so whichever kind comes, and may be asked for the other all along. */
    const uint32_t agreed = LA_TCP_F_ECN | LA_TCP_F_ECN_EITHER;
    if (c->state == LA_TCP_SYN_RECEIVED && (c->flags & agreed) == agreed &&
        la_tcp_accecn_is_asked(syn->flags))
        return false;
    la_tcp_ecn_take_syn(c, syn, todo);
    return true;
}

void
la_tcp_ecn_forget(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    la_tcp_tally_narrow(c, env);
    c->flags &= ~(uint32_t)(LA_TCP_F_ECN | LA_TCP_F_ECN_ECHO | LA_TCP_F_ECN_CWR);
}

void
la_tcp_ecn_fill(struct la_tcp_conn *c, struct la_tcp_seg *seg, struct la_tcp_env *env)
{
    if ((seg->flags & LA_TCP_SYN) != 0)
        return;
    if ((c->flags & LA_TCP_F_ACCECN) != 0)
        seg->flags |= la_tcp_accecn_told(c, seg, env);
    else if ((c->flags & LA_TCP_F_ECN_ECHO) != 0)
        seg->flags |= LA_TCP_ECE; /* 6.1.3: every acknowledgement until CWR comes */
}

/* ---- 6.1.3: the receiver ---------------------------------------------------------------- */

void
la_tcp_ecn_arrived(struct la_tcp_conn *c, uint16_t flags, struct la_tcp_todo *todo)
{
    bool marked = todo->ecn == LA_IP_CE;
    /* The sender's window may be small now: both are acknowledged without delay. */
    if ((flags & LA_TCP_CWR) != 0) {
        bool echoed = (c->flags & LA_TCP_F_ECN_ECHO) != 0;
        c->flags &= ~(uint32_t)LA_TCP_F_ECN_ECHO;
        la_tcp_ack_now(c, LA_CAUSE_ACK);
        if (echoed && !marked)
            la_tcp_ecn_tell(c, LA_ECN_ECHO_ENDS, 0, todo);
    }
    if (marked && (c->flags & LA_TCP_F_ECN_ECHO) == 0) {
        c->flags |= LA_TCP_F_ECN_ECHO;
        la_tcp_ack_now(c, LA_CAUSE_ACK);
        la_tcp_ecn_tell(c, LA_ECN_MARK_SEEN, 0, todo);
    }
}

bool
la_tcp_ecn_is_told(const struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                   const struct la_tcp_env *env)
{
    const struct la_tcp_accecn *accecn = la_tcp_accecn(c, env);
    if (accecn != NULL)
        return ((la_tcp_ace(seg->flags) ^ accecn->s.cep) & 7u) != 0;
    return (seg->flags & LA_TCP_ECE) != 0;
}

/* ---- 6.1.2: the sender ------------------------------------------------------------------ */

void
la_tcp_ecn_reduced(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    busy->reduced_end = c->snd_nxt;
    if (la_tcp_ecn_marks(c) && (c->flags & LA_TCP_F_ACCECN) == 0)
        c->flags |= LA_TCP_F_ECN_CWR;
}

/* "as a congestion loss": halved, and not below one segment. A window of one cannot be halved: then
 * the next segment waits for the retransmission timer, which is started anew. */
static void
reduce(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_marked *marked,
       struct la_tcp_todo *todo)
{
    uint32_t before = c->cwnd_bytes;
    bool smallest = before <= c->smss;
    la_cc_ops(c->cc)->lost(c, busy, LA_CC_SIGNAL_ECN,
                           la_cc_reduced_from(c, marked->flight_bytes, todo->env));
    c->cwnd_bytes = c->ssthresh_bytes < before ? c->ssthresh_bytes : before / 2;
    if (c->cwnd_bytes < c->smss)
        c->cwnd_bytes = c->smss;
    busy->phase = la_cc_resting_phase(c, busy);
    la_tcp_ecn_reduced(c, busy);
    la_tcp_ecn_tell(c, LA_ECN_REDUCED, marked->marks_n, todo);
    if (!smallest || (c->flags & LA_TCP_F_FIN_SENT) != 0)
        return;
    busy->rests = true;
    la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, la_instant_add_us(todo->now, c->rto_us));
}

void
la_tcp_ecn_react(struct la_tcp_conn *c, const struct la_tcp_marked *marked,
                 struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy == NULL)
        return;
    /* Recovery has reduced it already; so has an earlier echo for what was sent before it. */
    bool recovers = busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS;
    if (!recovers && la_seq_gt(marked->ack, busy->reduced_end))
        reduce(c, busy, marked, todo);
}

void
la_tcp_ecn_echoed(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    const struct la_tcp_marked marked = {.ack = seg->ack, .flight_bytes = la_tcp_flight(c)};
    if (marked.flight_bytes > 0)
        la_tcp_ecn_react(c, &marked, todo);
}

bool
la_tcp_ecn_rest_over(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    if (busy == NULL || !busy->rests)
        return false;
    busy->rests = false;
    c->want |= LA_TCP_WANT_DATA;
    return la_tcp_flight(c) == 0;
}
