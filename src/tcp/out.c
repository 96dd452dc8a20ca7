/* SPDX-License-Identifier: MIT
 *
 * out.c - wishes become segments
 *
 * Read first: RFC 9293 3.7 (segmentation), 3.8 (data communication), 3.9.1.2 (PSH); RFC 7323 3.2
 * (timestamps in every segment).
 *
 * Order: SYN, what must be sent again, new data and the FIN, probes, a bare acknowledgement. Each
 * segment carries the latest acknowledgement, so an ACK that was owed rides on what goes first.
 */
#include "tcp/out.h"

#include "base/assert.h"
#include "tcp/acknowledge.h"
#include "tcp/blocks.h"
#include "tcp/clocks.h"
#include "tcp/congestion.h"
#include "tcp/ecn.h"
#include "tcp/mtu.h"
#include "tcp/pace.h"
#include "tcp/rate.h"
#include "tcp/receive.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"
#include "tcp/prr.h"
#include "tcp/send.h"
#include "tcp/tlp.h"
#include "tcp/urgent.h"
#include "tcp/uto.h"
#include "wire/tcp.h"

enum { STARVED_RETRY_US = 10000, SMALL_WINDOW_N = 10 };

/* One segment to be built. */
struct plan {
    la_seq seq;
    uint32_t text_bytes;
    uint8_t flags;
    uint8_t cause;
    uint8_t sent_before_n;
    bool ect; /* new text on a path that may mark it */
};

static uint32_t
min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- one segment ------------------------------------------------------------------------ */

static void
tell_window(const struct la_tcp_conn *c, bool was_zero, struct la_tcp_todo *todo)
{
    bool zero = (c->flags & LA_TCP_F_ZERO_WINDOW) != 0;
    if (zero == was_zero || !la_tcp_hears(todo->env, LA_EVENT_WINDOW))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_WINDOW};
    ev.u.window.ours = true;
    ev.u.window.window = la_tcp_rcv_wnd(c);
    todo->env->emit(todo->env->ctx, c, &ev);
}

void
la_tcp_event_segment(struct la_event_segment *out, const struct la_tcp_seg *seg, uint32_t window)
{
    *out = (struct la_event_segment){
        .seq = seg->seq.v,
        .ack = seg->ack.v,
        .len = seg->text_bytes,
        .window = window,
        .window_raw = seg->wnd,
        .flags = seg->flags,
        .wscale = (seg->has & LA_TCP_HAS_WSCALE) != 0 ? seg->wscale : 255,
        .mss = seg->mss,
        .urgent = seg->up,
        .ts_val = seg->ts_val,
        .ts_ecr = seg->ts_ecr,
        .sack_n = seg->sack_n,
    };
    out->has =
        (uint8_t)(((seg->has & LA_TCP_HAS_MSS) != 0 ? LA_SEG_HAS_MSS : 0) |
                  ((seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 ? LA_SEG_HAS_TS : 0) |
                  ((seg->has & LA_TCP_HAS_SACK_PERMITTED) != 0 ? LA_SEG_HAS_SACK_PERMITTED : 0) |
                  ((seg->has & LA_TCP_HAS_UNKNOWN) != 0 ? LA_SEG_HAS_UNKNOWN : 0) |
                  (la_tcp_seg_has_dsack(seg) ? LA_SEG_HAS_DSACK : 0));
    for (unsigned i = 0; i < seg->sack_n; i++) {
        out->sack[i].left = seg->sack[i].left.v;
        out->sack[i].right = seg->sack[i].right.v;
    }
}

static void
tell_sent(const struct la_tcp_conn *c, const struct la_tcp_seg *seg, const struct plan *plan,
          uint64_t id, struct la_tcp_todo *todo)
{
    if (!la_tcp_hears(todo->env, LA_EVENT_SEGMENT_SENT))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_SEGMENT_SENT, .segment_id = id};
    bool scaled = (c->flags & LA_TCP_F_WSCALE) != 0 && (seg->flags & LA_TCP_SYN) == 0;
    la_tcp_event_segment(&ev.u.segment, seg,
                         scaled ? (uint32_t)seg->wnd << c->rcv_wscale : seg->wnd);
    la_seq edge = la_seq_add(c->snd_una, c->snd_wnd);
    if (seg->text_bytes > 0 && plan->cause != LA_CAUSE_WINDOW_PROBE &&
        la_seq_eq(la_seq_add(seg->seq, seg->text_bytes), edge))
        ev.u.segment.has |= LA_SEG_FILLS_WINDOW;
    ev.u.segment.cause = plan->cause;
    ev.u.segment.retransmit_n = plan->sent_before_n;
    ev.u.segment.ecn = plan->ect ? LA_IP_ECT_0 : LA_IP_NOT_ECT;
    todo->env->emit(todo->env->ctx, c, &ev);
}

static void
fill_header(struct la_tcp_conn *c, const struct la_tcp_out *out, const struct plan *plan,
            struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    bool syn = (plan->flags & LA_TCP_SYN) != 0;
    *seg = (struct la_tcp_seg){
        .seq = plan->seq,
        .ack = (plan->flags & LA_TCP_ACK) != 0 ? c->rcv_nxt : la_seq_of(0),
        .text_bytes = plan->text_bytes,
        .flags = plan->flags,
        .src_port = out->src_port,
        .dst_port = out->dst_port,
    };
    bool was_zero = (c->flags & LA_TCP_F_ZERO_WINDOW) != 0;
    seg->wnd = la_tcp_receive_window(c, todo->env, syn);
    tell_window(c, was_zero, todo);
    if (syn) {
        seg->has |= LA_TCP_HAS_MSS; /* SHLD-5 */
        seg->mss = c->rmss;
        seg->has |= (c->flags & LA_TCP_F_WSCALE) != 0 ? LA_TCP_HAS_WSCALE : 0;
        seg->wscale = c->rcv_wscale;
        seg->has |= (c->flags & LA_TCP_F_SACK) != 0 ? LA_TCP_HAS_SACK_PERMITTED : 0;
    }
    if ((c->flags & LA_TCP_F_TIMESTAMPS) != 0) {
        seg->has |= LA_TCP_HAS_TIMESTAMPS;
        seg->ts_val = la_tcp_ts_now(c, todo->now);
        seg->ts_ecr = (plan->flags & LA_TCP_ACK) != 0 ? c->ts_recent : 0;
    }
    if ((c->flags & LA_TCP_F_ECN_ECHO) != 0 && !syn)
        seg->flags |= LA_TCP_ECE; /* RFC 3168 6.1.3: every acknowledgement until CWR comes */
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    la_tcp_urgent_mark(c, busy, seg);
    la_tcp_blocks_fill(c, busy, seg);
    la_tcp_uto_fill(c, seg);
}

/* For a segment without text: the one that nobody needs any more, or a new one. NULL: no memory. */
static struct la_frame *
take_bare_frame(struct la_tcp_todo *todo)
{
    struct la_frame *spare = todo->spare;
    if (spare == NULL)
        return la_frame_take(todo->env->mem);
    todo->spare = NULL;
    la_frame_renew(spare);
    return spare;
}

/* Builds the segment into out->frames. False: no memory. */
static bool
emit(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
     const struct plan *plan, struct la_tcp_todo *todo)
{
    struct la_tcp_env *env = todo->env;
    struct la_frame *f = plan->text_bytes > 0 ? la_frame_take(env->mem) : take_bare_frame(todo);
    if (f == NULL)
        return false;
    if (plan->text_bytes > 0) {
        uint32_t off = (uint32_t)la_seq_diff(plan->seq, la_tcp_sndq_seq(c));
        struct la_chain_mark *mark = la_seq_eq(plan->seq, c->snd_nxt) ? &busy->snd_mark : NULL;
        if (!la_chain_share(&f->payload, env->mem, &busy->sndq, off, plan->text_bytes, mark)) {
            la_frame_free(f);
            return false;
        }
    }
    struct la_tcp_seg seg;
    fill_header(c, out, plan, &seg, todo);
    size_t header_bytes = la_tcp_seg_header_bytes(&seg);
    uint8_t *head = la_frame_push(f, header_bytes);
    (void)la_tcp_seg_emit(&seg, (struct la_room){head, header_bytes});
    if (plan->text_bytes > c->smss && plan->cause != LA_CAUSE_MTU_PROBE)
        f->gso_size = c->smss;
    f->id = ++env->segment_id;
    if (plan->ect)
        out->ect |= UINT32_C(1) << out->n;
    out->frames[out->n++] = f;

    bool bare = plan->text_bytes == 0 && (plan->flags & (LA_TCP_SYN | LA_TCP_FIN)) == 0;
    if ((plan->flags & LA_TCP_ACK) != 0)
        la_tcp_ack_sent(c, bare);
    const struct la_tcp_busy *owing = la_tcp_busy(c, env);
    if (owing != NULL && owing->dsack_bytes > 0) /* beside this text there was no room */
        la_tcp_ack_now(c, LA_CAUSE_ACK_DUPLICATE);
    uint32_t pieces_n = f->gso_size == 0 ? 1 : (plan->text_bytes + c->smss - 1) / c->smss;
    c->segments_sent += pieces_n;
    env->stats->tcp_segments_out += pieces_n;
    tell_sent(c, &seg, plan, f->id, todo);
    return true;
}

/* ---- what goes next --------------------------------------------------------------------- */

static bool
send_syn(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo)
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
    struct plan plan = {
        .seq = c->iss,
        .flags = c->state == LA_TCP_SYN_SENT ? LA_TCP_SYN : LA_TCP_SYN | LA_TCP_ACK,
        .cause = again ? busy->cause : LA_CAUSE_OPEN,
        .sent_before_n = again ? (c->backoff_n > 0 ? c->backoff_n : 1) : 0,
    };
    plan.flags |= la_tcp_ecn_syn_flags(c, again, todo);
    if (!emit(c, busy, out, &plan, todo))
        return false;
    c->want &= (uint8_t)~LA_TCP_WANT_SYN;
    c->snd_nxt = la_seq_add(c->iss, 1);
    if (crossing)
        c->flags |= LA_TCP_F_SYN_ACK_SENT;
    if (!known) {
        la_tcp_scoreboard_sent(&busy->board, todo->env->mem, c->iss, c->snd_nxt, todo->now);
        return true;
    }
    (void)la_tcp_scoreboard_resent(&busy->board, todo->env->mem, c->iss, c->snd_nxt, todo->now);
    if (!again)
        return true;
    c->flags |= LA_TCP_F_SYN_RETRANSMITTED;
    c->retransmissions_n++;
    todo->env->stats->tcp_retransmissions++;
    return true;
}

void
la_tcp_output_cookie(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo)
{
    struct plan plan = {.seq = c->iss, .flags = LA_TCP_SYN | LA_TCP_ACK, .cause = LA_CAUSE_OPEN};
    plan.flags |= la_tcp_ecn_syn_flags(c, false, todo);
    (void)emit(c, NULL, out, &plan, todo);
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

static bool
send_again(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
           const struct la_tcp_again *again, struct la_tcp_todo *todo)
{
    la_seq first = again->first;
    la_seq end = la_seq_add(first, again->n);
    bool fin = (c->flags & LA_TCP_F_FIN_SENT) != 0 && la_seq_gt(end, fin_seq(c));
    struct plan plan = {
        .seq = first,
        .text_bytes = again->n - fin,
        .flags = (uint8_t)(LA_TCP_ACK | (fin ? LA_TCP_FIN : 0)),
        .cause = busy->cause,
    };
    la_seq queue_end = la_seq_add(la_tcp_sndq_seq(c), busy->sndq.len);
    if (plan.text_bytes > 0 && la_seq_eq(la_seq_add(first, plan.text_bytes), queue_end))
        plan.flags |= LA_TCP_PSH;
    struct la_tcp_scoreboard *board = &busy->board;
    plan.sent_before_n = la_tcp_scoreboard_resent(board, todo->env->mem, first, end, todo->now);
    if (!emit(c, busy, out, &plan, todo))
        return false;
    la_tcp_retransmitted(c, busy, again, todo->now);
    tell_control(c, busy, (struct la_range){first, end}, true, todo);
    account(c, busy, (struct la_range){first, end}, todo);
    c->retransmissions_n++;
    c->bytes_retransmitted += plan.text_bytes;
    todo->env->stats->tcp_retransmissions++;
    return true;
}

/* Is this the last that a cwnd of a few segments lets go? A receiver that waits for a second one
 * before it acknowledges takes a good part of such a window away. */
static bool
ends_small_window(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, uint32_t text_bytes)
{
    return text_bytes > 0 && c->cwnd_bytes < SMALL_WINDOW_N * (uint32_t)c->smss &&
           la_tcp_room(c, busy) < text_bytes + c->smss;
}

static bool
send_new(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
         struct la_tcp_allowance allowed, enum la_cause cause, struct la_tcp_todo *todo)
{
    struct plan plan = {
        .seq = c->snd_nxt,
        .text_bytes = allowed.text_bytes,
        .flags = (uint8_t)(LA_TCP_ACK | (allowed.fin ? LA_TCP_FIN : 0)),
        .cause = (uint8_t)(allowed.text_bytes > 0 ? cause : LA_CAUSE_FIN),
        /* An octet that has probed the window before is not new (RFC 3168 6.1.5, 6.1.6). */
        .ect = allowed.text_bytes > 0 && (c->flags & LA_TCP_F_PROBED) == 0 && la_tcp_ecn_marks(c),
    };
    if (plan.ect && (c->flags & LA_TCP_F_ECN_CWR) != 0)
        plan.flags |= LA_TCP_CWR;
    /* MUST-61: PSH in the last segment of what is buffered. */
    if (allowed.text_bytes > 0 && allowed.text_bytes == la_tcp_unsent(c, busy))
        plan.flags |= LA_TCP_PSH;
    if (todo->env->cfg->push_bursts && allowed.text_bytes > c->smss)
        plan.flags |= LA_TCP_PSH;
    if (todo->env->cfg->push_small_windows && ends_small_window(c, busy, allowed.text_bytes))
        plan.flags |= LA_TCP_PSH;
    /* RFC 9293 3.10.4: in CLOSE-WAIT the state changes when the FIN is sent. */
    if (allowed.fin && c->state == LA_TCP_CLOSE_WAIT)
        la_tcp_enter(c, LA_TCP_EV_CLOSE, todo);
    if (!emit(c, busy, out, &plan, todo))
        return false;
    la_seq end = la_seq_add(c->snd_nxt, allowed.text_bytes + allowed.fin);
    la_tcp_scoreboard_sent(&busy->board, todo->env->mem, c->snd_nxt, end, todo->now);
    tell_control(c, busy, (struct la_range){c->snd_nxt, end}, false, todo);
    if (la_tcp_flight(c) == 0)
        busy->progress_at = todo->now;
    if (busy->phase == LA_CC_RECOVERY)
        la_tcp_prr_sent(busy, allowed.text_bytes);
    c->snd_nxt = end;
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
static bool
send_probe(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
           enum la_cause cause, struct la_tcp_todo *todo)
{
    bool octet = cause == LA_CAUSE_WINDOW_PROBE && busy != NULL && la_tcp_unsent(c, busy) > 0;
    struct plan plan = {
        .seq = octet ? c->snd_nxt : la_seq_sub(c->snd_nxt, 1),
        .text_bytes = octet ? 1 : 0,
        .flags = LA_TCP_ACK,
        .cause = (uint8_t)cause,
        .sent_before_n =
            (c->flags & LA_TCP_F_PROBED) != 0 && c->backoff_n > 1 ? (uint8_t)(c->backoff_n - 1) : 0,
    };
    if (!emit(c, busy, out, &plan, todo))
        return false;
    if (octet)
        c->flags |= LA_TCP_F_PROBED;
    c->want &=
        (uint8_t) ~(cause == LA_CAUSE_KEEPALIVE ? LA_TCP_WANT_KEEPALIVE : LA_TCP_WANT_WINDOW_PROBE);
    return true;
}

static bool
send_ack(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo)
{
    struct plan plan = {.seq = la_tcp_bare_seq(c), .flags = LA_TCP_ACK, .cause = c->ack_cause};
    return emit(c, NULL, out, &plan, todo);
}

/* ---- the loop --------------------------------------------------------------------------- */

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
           c->state == LA_TCP_LAST_ACK;
}

/* RFC 8985 7.3: new text if there is any, else the last segment again. */
static enum outcome
send_tail_probe(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
                struct la_tcp_todo *todo)
{
    struct la_tcp_allowance allowed = la_tcp_probe_allowed(c, busy);
    struct la_tcp_again again;
    if (allowed.text_bytes > 0) {
        if (!send_new(c, busy, out, allowed, LA_CAUSE_TAIL_PROBE, todo))
            return NO_ROOM;
        la_tcp_tlp_sent(c, busy, false, todo);
        return SENT;
    }
    busy->cause = LA_CAUSE_TAIL_PROBE;
    if (!la_tcp_retransmit_tail(c, &again))
        return NOTHING;
    if (!send_again(c, busy, out, &again, todo))
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
    if (!send_new(c, busy, out, (struct la_tcp_allowance){n, false}, LA_CAUSE_MTU_PROBE, todo))
        return NO_ROOM;
    la_tcp_mtu_probe_sent(busy, first, n);
    return SENT;
}

/* 0: there is no time for one. */
static uint32_t
mtu_probe_due(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, la_instant now)
{
    if (busy->mtu.full == 0 || la_tcp_urgent_unsent(c, busy) || (c->flags & LA_TCP_F_PROBED) != 0)
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
    if (la_tcp_retransmit_next(c, busy, &again))
        return paced_bytes == 0 ? release_later(c, busy)
                                : sent_or_no_room(send_again(c, busy, out, &again, todo));
    if (la_tcp_flight(c) == 0 && la_tcp_unsent(c, busy) > 0)
        la_cc_wakes(c, busy, todo);
    bool forced = (c->want & LA_TCP_WANT_WINDOW_PROBE) != 0;
    /* One header, one pointer: whoever cuts a super-segment would repeat it. And one ECN field: an
     * octet that has probed the window has another one (RFC 3168 6.1.5). */
    bool super = out->super_bytes_max > c->smss && !la_tcp_urgent_unsent(c, busy) &&
                 (c->flags & LA_TCP_F_PROBED) == 0;
    uint32_t segment_max = super ? out->super_bytes_max : c->smss;
    if (paced_bytes > 0)
        segment_max = min32(segment_max, paced_bytes);
    struct la_tcp_allowance allowed = la_tcp_allowed(c, busy, segment_max, forced);
    if (allowed.text_bytes > 0 && paced_bytes == 0 && !forced)
        return release_later(c, busy);
    uint32_t probe_bytes = allowed.text_bytes > 0 ? mtu_probe_due(c, busy, todo->now) : 0;
    if (probe_bytes > 0)
        return send_mtu_probe(c, busy, out, probe_bytes, todo);
    if (allowed.text_bytes > 0 || allowed.fin) {
        if (!send_new(c, busy, out, allowed, LA_CAUSE_DATA, todo))
            return NO_ROOM;
        c->want &= (uint8_t)~LA_TCP_WANT_WINDOW_PROBE;
        return SENT;
    }
    if (la_tcp_retransmit_last(c, busy, &again))
        return paced_bytes == 0 ? release_later(c, busy)
                                : sent_or_no_room(send_again(c, busy, out, &again, todo));
    return NOTHING;
}

static enum outcome
send_next(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo)
{
    if ((c->want & LA_TCP_WANT_SYN) != 0)
        return sent_or_no_room(send_syn(c, out, todo));
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
        return sent_or_no_room(send_probe(c, busy, out, LA_CAUSE_WINDOW_PROBE, todo));
    if ((c->want & LA_TCP_WANT_KEEPALIVE) != 0)
        return sent_or_no_room(send_probe(c, busy, out, LA_CAUSE_KEEPALIVE, todo));
    if ((c->want & LA_TCP_WANT_ACK) != 0)
        return sent_or_no_room(send_ack(c, out, todo));
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

bool
la_tcp_output(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo)
{
    enum outcome outcome = SENT;
    la_seq snd_nxt = c->snd_nxt;
    while (outcome == SENT && out->n < out->max)
        outcome = c->state == LA_TCP_CLOSED ? NOTHING : send_next(c, out, todo);
    if (outcome == NO_ROOM) { /* the timer for delayed ACKs comes back to it */
        todo->starved = true;
        la_instant again = la_instant_add_us(todo->now, STARVED_RETRY_US);
        c->ack_at = la_instant_min(c->ack_at, again);
    }
    arm(c, todo);
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy != NULL) {
        la_tcp_rate_sent_all(c, busy);
        la_tcp_clocks_look(c, busy, todo->now);
    }
    if (busy != NULL && !la_seq_eq(snd_nxt, c->snd_nxt))
        la_tcp_tlp_arm(c, busy, todo);
    la_tcp_busy_settle(c, todo->env);
    return outcome == SENT;
}

struct la_frame *
la_tcp_rst_frame(const struct la_tcp_conn *c, uint16_t src_port, uint16_t dst_port,
                 struct la_tcp_todo *todo)
{
    struct la_frame *f = take_bare_frame(todo);
    if (f == NULL)
        return NULL;
    struct la_tcp_seg seg = {
        .seq = todo->rst_seq,
        .ack = todo->rst_ack,
        .flags = todo->rst_flags,
        .src_port = src_port,
        .dst_port = dst_port,
    };
    /* RFC 7323 3.2: a RST should carry timestamps, once they are agreed; also that of an abort,
     * which has entered CLOSED before. */
    if (c != NULL && (c->flags & LA_TCP_F_TIMESTAMPS) != 0 && c->state != LA_TCP_SYN_SENT) {
        seg.has = LA_TCP_HAS_TIMESTAMPS;
        seg.ts_val = la_tcp_ts_now(c, todo->now);
        seg.ts_ecr = c->ts_recent;
    }
    size_t n = la_tcp_seg_header_bytes(&seg);
    uint8_t *head = la_frame_push(f, n);
    (void)la_tcp_seg_emit(&seg, (struct la_room){head, n});
    f->id = ++todo->env->segment_id;
    todo->env->stats->tcp_segments_out++;
    todo->env->stats->tcp_resets_out++;
    if (la_tcp_hears(todo->env, LA_EVENT_SEGMENT_SENT)) {
        struct la_event ev = {.at = todo->now, .kind = LA_EVENT_SEGMENT_SENT, .segment_id = f->id};
        la_tcp_event_segment(&ev.u.segment, &seg, 0);
        ev.u.segment.cause = todo->rst_cause;
        todo->env->emit(todo->env->ctx, c, &ev);
    }
    return f;
}
