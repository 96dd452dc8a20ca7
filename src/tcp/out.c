/* SPDX-License-Identifier: MIT
 *
 * out.c - wishes become segments
 *
 * Read first: RFC 9293 3.8 (data communication).
 *
 * Order: SYN, what must be sent again, new data and the FIN, probes, a bare acknowledgement. Each
 * segment carries the latest acknowledgement, so an ACK that was owed rides on what goes first.
 */
#include "tcp/out.h"

#include "base/extremes.h"
#include "tcp/accecn.h"
#include "tcp/acked.h"
#include "tcp/again.h"
#include "tcp/clocks.h"
#include "tcp/congestion.h"
#include "tcp/fast_open.h"
#include "tcp/kinds.h"
#include "tcp/mtu.h"
#include "tcp/pace.h"
#include "tcp/rate.h"
#include "tcp/rtt.h"
#include "tcp/send.h"
#include "tcp/tlp.h"
#include "tcp/tune.h"
#include "tcp/urgent.h"
#include "tcp/usage.h"

enum outcome { SENT, NOTHING, NO_ROOM };

static enum outcome
sent_or_no_room(bool sent)
{
    return sent ? SENT : NO_ROOM;
}

static bool
data_may_flow(const struct la_tcp_conn *c)
{
    return c->state == LA_TCP_ESTABLISHED || c->state == LA_TCP_CLOSE_WAIT ||
           c->state == LA_TCP_FIN_WAIT_1 || c->state == LA_TCP_CLOSING ||
           c->state == LA_TCP_LAST_ACK || la_tcp_fast_open_serves(c);
}

/* RFC 8985 7.3: new text if there is any, else the last segment again. */
static enum outcome
send_tail_probe(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
                struct la_tcp_todo *todo)
{
    struct la_tcp_allowance allowed = la_tcp_probe_allowed(c, busy);
    struct la_tcp_again again;
    if (allowed.text_bytes > 0) {
        if (!la_tcp_send_new(c, busy, out, allowed, LA_CAUSE_TAIL_PROBE, todo))
            return NO_ROOM;
        la_tcp_tlp_sent(c, busy, false, todo);
        return SENT;
    }
    busy->cause = LA_CAUSE_TAIL_PROBE;
    if (!la_tcp_retransmit_tail(c, busy, &again))
        return NOTHING;
    if (!la_tcp_send_again(c, busy, out, &again, todo))
        return NO_ROOM;
    la_tcp_tlp_sent(c, busy, true, todo);
    return SENT;
}

/* What could be sent waits for its release time. */
static enum outcome
release_later(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    c->want |= LA_TCP_WANT_RELEASE;
    busy->pace.waits = true;
    return NOTHING;
}

/* RFC 4821 7.5: one segment that is larger than the others. It waits until windows have room for
 * it, and new text behind it does, too. */
static enum outcome
send_mtu_probe(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out, uint32_t n,
               struct la_tcp_todo *todo)
{
    la_seq first = c->snd_nxt;
    if (la_tcp_room(c, busy) < n)
        return NOTHING;
    if (!la_tcp_send_new(c, busy, out, (struct la_tcp_allowance){n, false}, LA_CAUSE_MTU_PROBE,
                         todo))
        return NO_ROOM;
    la_tcp_mtu_probe_sent(busy, first, n);
    return SENT;
}

/* 0: there is no time for one. */
static uint32_t
mtu_probe_due(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, la_instant now)
{
    if (busy->mtu.full == 0 || busy->pieces.row.n > 0 || la_tcp_urgent_unsent(c, busy) ||
        (c->flags & LA_TCP_F_PROBED) != 0)
        return 0;
    return la_tcp_mtu_probe_next(c, busy, la_tcp_unsent(c, busy), now);
}

static enum outcome
send_data(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
          struct la_tcp_todo *todo)
{
    struct la_tcp_again again;
    if ((c->want & LA_TCP_WANT_TAIL_PROBE) != 0)
        return send_tail_probe(c, busy, out, todo);
    uint32_t paced_bytes = la_tcp_pace_room(c, busy, todo);
    if (la_tcp_retransmit_next(c, busy, &again)) {
        if (paced_bytes == 0)
            return release_later(c, busy);
        if (todo->env->cfg->push_bursts && !la_tcp_accecn_is_cut_wrong(c, todo->env))
            la_tcp_retransmit_more(
                c, busy, min32(out->super_bytes_max, la_tcp_burst_bytes(c, busy, todo->env)),
                &again);
        return sent_or_no_room(la_tcp_send_again(c, busy, out, &again, todo));
    }
    /* RFC 2861 3.1: when text is about to go. A probe of a window that is shut is none. */
    if (la_tcp_flight(c) == 0 && la_tcp_unsent(c, busy) > 0 && c->snd_wnd > 0)
        la_cc_wakes(c, busy, todo);
    bool forced = (c->want & LA_TCP_WANT_WINDOW_PROBE) != 0;
    /* One header, one pointer: whoever cuts a super-segment would repeat it. And one ECN field: an
     * octet that has probed the window has another one (RFC 3168 6.1.5). */
    bool super = out->super_bytes_max > c->smss && !la_tcp_urgent_unsent(c, busy) &&
                 (c->flags & LA_TCP_F_PROBED) == 0 && !la_tcp_accecn_is_cut_wrong(c, todo->env);
    uint32_t segment_max = super ? out->super_bytes_max : c->smss;
    if (todo->env->cfg->push_bursts)
        segment_max = min32(segment_max, la_tcp_burst_bytes(c, busy, todo->env));
    if (paced_bytes > 0)
        segment_max = min32(segment_max, paced_bytes);
    bool full = false;
    if (todo->env->cfg->push_bursts && !forced && la_tcp_burst_waits(c, busy, todo, &full)) {
        la_tcp_usage_sent(c, busy, full);
        return NOTHING;
    }
    struct la_tcp_allowance allowed = la_tcp_allowed(c, busy, segment_max, forced);
    if (allowed.text_bytes > 0 && paced_bytes == 0 && !forced)
        return release_later(c, busy);
    uint32_t probe_bytes = allowed.text_bytes > 0 ? mtu_probe_due(c, busy, todo->now) : 0;
    if (probe_bytes > 0)
        return send_mtu_probe(c, busy, out, probe_bytes, todo);
    if (allowed.text_bytes > 0 || allowed.fin) {
        if (!la_tcp_send_new(c, busy, out, allowed, LA_CAUSE_DATA, todo))
            return NO_ROOM;
        c->want &= (uint8_t)~LA_TCP_WANT_WINDOW_PROBE;
        return SENT;
    }
    if (la_tcp_retransmit_last(c, busy, &again))
        return paced_bytes == 0 ? release_later(c, busy)
                                : sent_or_no_room(la_tcp_send_again(c, busy, out, &again, todo));
    return NOTHING;
}

static enum outcome
send_next(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo)
{
    if ((c->want & LA_TCP_WANT_SYN) != 0)
        return sent_or_no_room(la_tcp_send_syn(c, out, todo));
    /* RFC 9768 3.2.2.1: without text, so that it can say how the SYN,ACK came. */
    if ((c->want & LA_TCP_WANT_ACK) != 0 && (c->flags & LA_TCP_F_ACCECN) != 0 &&
        la_tcp_accecn_answers(c, todo->env))
        return sent_or_no_room(la_tcp_send_ack(c, out, todo));
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy == NULL && la_tcp_fin_waits(c) && data_may_flow(c)) {
        busy = la_tcp_busy_get(c, todo->env, todo->now);
        if (busy == NULL)
            return NO_ROOM;
    }
    if (busy != NULL && data_may_flow(c) &&
        (c->want & (LA_TCP_WANT_DATA | LA_TCP_WANT_RETRANSMIT | LA_TCP_WANT_WINDOW_PROBE |
                    LA_TCP_WANT_TAIL_PROBE)) != 0) {
        enum outcome outcome = send_data(c, busy, out, todo);
        if (outcome != NOTHING)
            return outcome;
    }
    c->want &= (uint8_t) ~(LA_TCP_WANT_DATA | LA_TCP_WANT_TAIL_PROBE);
    if ((c->want & LA_TCP_WANT_RELEASE) == 0)
        c->want &= (uint8_t)~LA_TCP_WANT_RETRANSMIT;
    if ((c->want & LA_TCP_WANT_WINDOW_PROBE) != 0)
        return sent_or_no_room(la_tcp_send_probe(c, busy, out, LA_CAUSE_WINDOW_PROBE, todo));
    if ((c->want & LA_TCP_WANT_KEEPALIVE) != 0)
        return sent_or_no_room(la_tcp_send_probe(c, busy, out, LA_CAUSE_KEEPALIVE, todo));
    if ((c->want & LA_TCP_WANT_ACK) != 0)
        return sent_or_no_room(la_tcp_send_ack(c, out, todo));
    return NOTHING;
}

/* Which of retransmission and persist runs (they are one sum type), after sending. */
static void
arm(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    struct la_tcp_env *env = todo->env;
    const struct la_tcp_busy *busy = la_tcp_busy(c, env);
    bool syn = c->state == LA_TCP_SYN_SENT || c->state == LA_TCP_SYN_RECEIVED ||
               c->state == LA_TCP_SYN_RECEIVED_ACTIVE;
    if (!syn && !data_may_flow(c))
        return;
    if (la_tcp_flight(c) > 0) {
        if (!la_tcp_timer_retransmits(c->timer))
            la_tcp_timer_set(c, LA_TIMER_RETRANSMIT,
                             la_instant_add_us(todo->now, la_tcp_rto_backed_off(c, env, 0)));
        return;
    }
    if (syn)
        return; /* the SYN had no memory; nothing can wait behind it yet */
    if ((busy != NULL && busy->rests) || (c->want & LA_TCP_WANT_RELEASE) != 0)
        return;
    if (la_tcp_timer_retransmits(c->timer))
        la_tcp_timer_stop(c);
    bool waits = la_tcp_unsent(c, busy) > 0 || (busy != NULL && la_tcp_fin_waits(c));
    if (waits && c->timer != LA_TIMER_PERSIST) {
        /* SHLD-29 for a zero window; 3.8.6.2.1 (4) when octets are held back: 0.1 to 1 s. */
        uint32_t hold_us = c->snd_wnd == 0 ? c->rto_us : min32(c->rto_us, 200000);
        la_tcp_timer_set(c, LA_TIMER_PERSIST, la_instant_add_us(todo->now, hold_us));
    }
}

bool
la_tcp_has_output(const struct la_tcp_conn *c)
{
    unsigned want = c->want;
    if ((want & LA_TCP_WANT_RELEASE) != 0) /* text waits; what is no text does not */
        want &= ~(unsigned)(LA_TCP_WANT_RELEASE | LA_TCP_WANT_DATA | LA_TCP_WANT_RETRANSMIT);
    return want != 0;
}

/* Is there room for a writer that waits, now that less is unsent, or less is queued? */
static void
look_for_room(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    if (busy->room_due && (c->flags & LA_TCP_F_WRITER_WAITS) != 0)
        la_tcp_tune_pieces(c, busy, todo->env);
    la_tcp_wake_writer(c, busy, todo);
    busy->room_due = false;
}

bool
la_tcp_output(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo)
{
    enum outcome outcome = SENT;
    la_seq snd_nxt = c->snd_nxt;
    while (outcome == SENT && out->n < out->max)
        outcome = c->state == LA_TCP_CLOSED ? NOTHING : send_next(c, out, todo);
    todo->starved = outcome == NO_ROOM;
    arm(c, todo);
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy != NULL) {
        la_tcp_rate_sent_all(c, busy);
        la_tcp_clocks_look(c, busy, todo->now);
    }
    if (busy != NULL && !la_seq_eq(snd_nxt, c->snd_nxt)) {
        la_tcp_tlp_arm(c, busy, todo);
        la_tcp_usage_sent(c, busy, false);
    }
    if (busy != NULL && outcome != SENT)
        look_for_room(c, busy, todo);
    la_tcp_busy_settle(c, todo->env);
    return outcome == SENT;
}
