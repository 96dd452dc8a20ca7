/* SPDX-License-Identifier: MIT
 *
 * segment.c - one segment: header, options, text, and what is told of it
 *
 * Read first: RFC 9293 3.1, 3.2; RFC 7323 3.2 (timestamps in every segment).
 */
#include "tcp/segment.h"

#include "proto/event_segment.h"
#include "tcp/accecn.h"
#include "tcp/acknowledge.h"
#include "tcp/blocks.h"
#include "tcp/ecn.h"
#include "tcp/fast_open.h"
#include "tcp/receive.h"
#include "tcp/rtt.h"
#include "tcp/urgent.h"
#include "tcp/uto.h"
#include "wire/tcp.h"

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

/* One segment as the wire has it. */
static void
tell_piece(const struct la_tcp_conn *c, const struct la_tcp_seg *seg,
           const struct la_tcp_plan *plan, uint64_t id, struct la_tcp_todo *todo)
{
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_SEGMENT_SENT, .segment_id = id};
    bool scaled = (c->flags & LA_TCP_F_WSCALE) != 0 && (seg->flags & LA_TCP_SYN) == 0;
    la_event_segment_of(&ev.u.segment, seg,
                        scaled ? (uint32_t)seg->wnd << c->rcv_wscale : seg->wnd);
    la_seq edge = la_seq_add(c->snd_una, c->snd_wnd);
    if (seg->text_bytes > 0 && plan->cause != LA_CAUSE_WINDOW_PROBE &&
        la_seq_eq(la_seq_add(seg->seq, seg->text_bytes), edge))
        ev.u.segment.has |= LA_SEG_FILLS_WINDOW;
    ev.u.segment.cause = plan->cause;
    ev.u.segment.retransmit_n = plan->sent_before_n;
    bool ect = plan->ect || la_tcp_accecn_marks_all(c, seg, todo->env);
    ev.u.segment.ecn = ect ? LA_IP_ECT_0 : LA_IP_NOT_ECT;
    todo->env->emit(todo->env->ctx, c, &ev);
}

/* Of a burst each piece is told: PSH and FIN stand in the last, CWR in the first. */
static void
tell_sent(const struct la_tcp_conn *c, const struct la_tcp_seg *seg, const struct la_tcp_plan *plan,
          uint64_t id, struct la_tcp_todo *todo)
{
    if (!la_tcp_hears(todo->env, LA_EVENT_SEGMENT_SENT))
        return;
    struct la_tcp_seg piece = *seg;
    uint32_t left = seg->text_bytes;
    while (todo->env->cfg->push_bursts && left > c->smss) {
        piece.text_bytes = c->smss;
        piece.flags &= (uint16_t) ~(LA_TCP_PSH | LA_TCP_FIN);
        tell_piece(c, &piece, plan, id, todo);
        piece.seq = la_seq_add(piece.seq, c->smss);
        piece.flags = (uint16_t)(seg->flags & ~LA_TCP_CWR);
        left -= c->smss;
    }
    piece.text_bytes = left;
    tell_piece(c, &piece, plan, id, todo);
}

/* A SYN that has been without an answer so often may do better without options. What the peer says
 * to an earlier one still counts: it agrees only to what it has seen. */
static bool
is_plain_syn(const struct la_tcp_conn *c, const struct la_tcp_cfg *cfg)
{
    return c->state == LA_TCP_SYN_SENT && cfg->syn_options_n != 0 &&
           c->backoff_n >= cfg->syn_options_n;
}

static void
fill_header(struct la_tcp_conn *c, const struct la_tcp_out *out, const struct la_tcp_plan *plan,
            struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    bool syn = (plan->flags & LA_TCP_SYN) != 0;
    bool plain = syn && is_plain_syn(c, todo->env->cfg);
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
        seg->has |= c->mss_silent ? 0 : LA_TCP_HAS_MSS; /* SHLD-5 */
        seg->mss = c->rmss;
        seg->has |= (c->flags & LA_TCP_F_WSCALE) != 0 && !plain ? LA_TCP_HAS_WSCALE : 0;
        seg->wscale = c->rcv_wscale;
        seg->has |= (c->flags & LA_TCP_F_SACK) != 0 && !plain ? LA_TCP_HAS_SACK_PERMITTED : 0;
    }
    if ((c->flags & LA_TCP_F_TIMESTAMPS) != 0 && !plain) {
        seg->has |= LA_TCP_HAS_TIMESTAMPS;
        seg->ts_val = la_tcp_ts_now(c, todo->now);
        seg->ts_ecr = (plan->flags & LA_TCP_ACK) != 0 ? c->ts_recent : 0;
    }
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    la_tcp_urgent_mark(c, busy, seg);
    bool accurate = (c->flags & LA_TCP_F_ACCECN) != 0;
    if (accurate && la_tcp_accecn_leaves_blocks(c, seg, todo->env)) {
        la_tcp_accecn_option_fill(c, seg, 0, todo->env);
    } else {
        la_tcp_accecn_option_fill(c, seg, la_tcp_blocks_n(c, busy), todo->env);
        la_tcp_blocks_fill(c, busy, seg);
    }
    la_tcp_ecn_fill(c, seg, todo->env);
    la_tcp_uto_fill(c, seg);
    if (!syn)
        return;
    la_tcp_fast_open_fill(c, busy, seg);
    if (plan->sent_before_n == 0)
        la_tcp_accecn_option_first(c, seg, todo->env);
}

struct la_frame *
la_tcp_bare_frame(struct la_tcp_todo *todo)
{
    struct la_frame *spare = todo->spare;
    if (spare == NULL)
        return la_frame_take(todo->env->mem);
    todo->spare = NULL;
    la_frame_renew(spare);
    return spare;
}

bool
la_tcp_segment_build(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
                     const struct la_tcp_plan *plan, struct la_tcp_todo *todo)
{
    struct la_tcp_env *env = todo->env;
    struct la_frame *f = plan->text_bytes > 0 ? la_frame_take(env->mem) : la_tcp_bare_frame(todo);
    if (f == NULL)
        return false;
    if (plan->text_bytes > 0) {
        bool syn = (plan->flags & LA_TCP_SYN) != 0;
        uint32_t off = (uint32_t)la_seq_diff(la_seq_add(plan->seq, syn), la_tcp_sndq_seq(c));
        bool new_text = la_seq_eq(plan->seq, c->snd_nxt) && !syn;
        struct la_chain_mark *mark = new_text ? &busy->snd_mark : NULL;
        if (!la_chain_share(&f->payload, env->mem, &busy->sndq, off, plan->text_bytes, mark)) {
            la_frame_free(f);
            return false;
        }
    }
    struct la_tcp_seg seg;
    bool answer = (c->flags & LA_TCP_F_ACCECN) != 0 && la_tcp_accecn_answers(c, env);
    fill_header(c, out, plan, &seg, todo);
    size_t header_bytes = la_tcp_seg_header_bytes(&seg);
    uint8_t *head = la_frame_push(f, header_bytes);
    (void)la_tcp_seg_emit(&seg, (struct la_room){head, header_bytes});
    if (plan->text_bytes > c->smss && plan->cause != LA_CAUSE_MTU_PROBE &&
        plan->cause != LA_CAUSE_OPEN)
        f->gso_size = c->smss;
    f->id = ++env->segment_id;
    if (plan->ect || la_tcp_accecn_marks_all(c, &seg, env))
        out->ect |= UINT32_C(1) << out->n;
    out->frames[out->n++] = f;

    /* An answer to a SYN,ACK is no duplicate of those that are owed. */
    bool bare = plan->text_bytes == 0 && (plan->flags & (LA_TCP_SYN | LA_TCP_FIN)) == 0 && !answer;
    if ((plan->flags & LA_TCP_ACK) != 0)
        la_tcp_ack_sent(c, la_tcp_busy(c, env), bare);
    uint32_t pieces_n = f->gso_size == 0 ? 1 : (plan->text_bytes + c->smss - 1) / c->smss;
    c->segments_sent += pieces_n;
    env->stats->tcp_segments_out += pieces_n;
    tell_sent(c, &seg, plan, f->id, todo);
    return true;
}

struct la_frame *
la_tcp_rst_frame(const struct la_tcp_conn *c, uint16_t src_port, uint16_t dst_port,
                 struct la_tcp_todo *todo)
{
    struct la_frame *f = la_tcp_bare_frame(todo);
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
        la_event_segment_of(&ev.u.segment, &seg, 0);
        ev.u.segment.cause = todo->rst_cause;
        todo->env->emit(todo->env->ctx, c, &ev);
    }
    return f;
}
