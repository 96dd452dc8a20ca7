/* SPDX-License-Identifier: MIT
 *
 * input.c - frames in: to the connection, listener or request that they are for
 *
 * Read first: RFC 9293 3.10.7; RFC 1122 3.3.1. net/ has checked the IP layer; here the TCP checksum
 * and header are, and the record is looked up.
 */
#include "base/assert.h"
#include "base/time.h"
#include "net/udp.h"
#include "proto/event_segment.h"
#include "stack/cookie.h"
#include "stack/fast_open.h"
#include "stack/time_wait.h"
#include "tcp/advice.h"
#include "tcp/arrive.h"
#include "tcp/mtu.h"
#include "tcp/open.h"
#include "tcp/segment.h"
#include "tcp/user.h"
#include "wire/icmp6.h"

/* ---- events ----------------------------------------------------------------------------- */

/* Events without a connection are about these ends from here on. */
static void
about(struct la_stack *s, const struct la_tuple *tuple)
{
    s->about_local = tuple->local;
    s->about_remote = tuple->remote;
}

static void
tell_arrived(struct la_stack *s, const struct la_tcp_conn *c, const struct la_arrival *a,
             const struct la_tcp_todo *todo)
{
    const struct la_tcp_seg *seg = &a->seg;
    if (!la_tcp_hears(&s->env, LA_EVENT_SEGMENT_ARRIVED))
        return;
    struct la_event ev = {
        .at = todo->now, .kind = LA_EVENT_SEGMENT_ARRIVED, .segment_id = todo->segment_id};
    bool scaled = c != NULL && (c->flags & LA_TCP_F_WSCALE) != 0 &&
                  (seg->flags & LA_TCP_SYN) == 0 && c->state != LA_TCP_SYN_SENT;
    la_event_segment_of(&ev.u.segment, seg,
                        scaled ? (uint32_t)seg->wnd << c->snd_wscale : seg->wnd);
    ev.u.segment.ecn = a->ecn;
    s->env.emit(s, c, &ev);
}

/* Counts why the segment was dropped or remarked upon, and tells it. */
static void
tell_reason(struct la_stack *s, const struct la_tcp_conn *c, const struct la_tcp_todo *todo)
{
    if (todo->reason == LA_REASON_NONE)
        return;
    la_stack_drop(s, todo->reason);
    if (!la_tcp_hears(&s->env, LA_EVENT_DROP))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_DROP, .segment_id = todo->segment_id};
    ev.u.drop.reason = (uint16_t)todo->reason;
    s->env.emit(s, c, &ev);
}

/* ---- one segment ------------------------------------------------------------------------ */

static bool
forwards(const struct la_stack *s, const struct la_arrival *a)
{
    const struct la_iface_cfg *iface = la_net_iface(s->net, a->iface);
    return iface != NULL && iface->any_address;
}

static void
no_connection(struct la_stack *s, const struct la_arrival *a, struct la_tcp_todo *todo)
{
    uint32_t listener = la_listener_find(s, &a->tuple);
    struct la_half_open open = {a->tuple, listener, a->iface};
    if (listener != LA_REC_NONE && la_cookie_arrive(s, &open, &a->seg, todo))
        return;
    if (listener == LA_REC_NONE && !forwards(s, a))
        la_tcp_closed_state(&a->seg, todo);
    else if (la_tcp_listen_state(&a->seg, todo)) {
        if (listener != LA_REC_NONE)
            la_listener_syn(s, listener, &a->tuple, a->iface, &a->seg, todo);
        else
            la_forward_syn(s, &a->tuple, a->iface, &a->seg, todo);
    }
    if (todo->rst)
        la_stack_send_rst(s, &a->tuple, NULL, todo);
}

/* Would this segment complete the handshake? */
static bool
is_third(const struct la_tcp_seg *seg)
{
    return (seg->flags & (LA_TCP_ACK | LA_TCP_RST | LA_TCP_SYN)) == LA_TCP_ACK;
}

static void
to_half_open(struct la_stack *s, uint32_t idx, const struct la_arrival *a, struct la_tcp_todo *todo)
{
    struct la_rec rec;
    bool has_memory = la_half_unfold(s, idx, &rec, todo->now);
    tell_arrived(s, &rec.tcp, a, todo);
    uint32_t reserved = LA_REC_NONE;
    bool third = is_third(&a->seg), room = la_listener_has_room(s, rec.listener);
    if (third && room)
        reserved = la_half_reserve(s, &rec);
    if (third && !room) { /* as if it had been lost, so that the peer tries again */
        todo->reason = LA_REASON_ACCEPT_QUEUE_FULL;
        la_listener_at(s, rec.listener)->accept_dropped_n++;
        if (s->cfg.abort_on_overflow)
            la_tcp_abort(&rec.tcp, todo);
    } else if (!has_memory || (third && reserved == LA_REC_NONE)) {
        todo->reason = LA_REASON_NO_MEMORY;
    } else {
        la_tcp_arrive(&rec.tcp, &a->seg, todo);
    }
    if (reserved != LA_REC_NONE && !todo->established)
        la_half_unreserve(s, idx, &rec, reserved);
    tell_reason(s, &rec.tcp, todo);
    la_half_settle(s, idx, &rec, reserved, todo);
}

/* RFC 9293 3.6.1 (MAY-2): the SYN that ended TIME-WAIT begins anew. snd_nxt: the old SND.NXT. */
static void
new_incarnation(struct la_stack *s, const struct la_arrival *a, la_seq snd_nxt,
                const struct la_tcp_todo *todo)
{
    struct la_tcp_todo again = la_stack_todo(s, todo->now);
    again.segment_id = todo->segment_id;
    again.text = todo->text;
    again.ecn = todo->ecn;
    again.follows = true;
    again.follows_nxt = snd_nxt;
    no_connection(s, a, &again);
    tell_reason(s, NULL, &again);
    uint32_t idx = la_stack_find(s, &a->tuple);
    if (la_idx_is_rec(idx))
        la_tcp_open_beyond(&la_rec_at(s, idx)->tcp, snd_nxt);
}

static void
settle(struct la_stack *s, uint32_t idx, struct la_rec *rec, struct la_tcp_todo *todo)
{
    if (la_idx_is_rec(idx))
        la_rec_settle(s, idx, todo);
    else if ((idx & LA_WAIT_IDX) != 0)
        la_time_wait_settle(s, idx, rec, todo);
    else
        la_half_settle(s, idx & ~LA_HALF_IDX, rec, LA_REC_NONE, todo);
}

/* `idx`: of a record, or of what was folded in TIME-WAIT. */
/* Would a SYN be taken, and how? */
static void
look_for_listener(const struct la_stack *s, const struct la_arrival *a, struct la_tcp_todo *todo)
{
    uint32_t listener = la_listener_find(s, &a->tuple);
    todo->listened = listener != LA_REC_NONE || forwards(s, a);
    todo->listened_stamps = listener != LA_REC_NONE ? la_listener_at(s, listener)->cfg.timestamps
                                                    : s->cfg.tcp.timestamps;
}

static void
to_connection(struct la_stack *s, uint32_t idx, const struct la_arrival *a,
              struct la_tcp_todo *todo)
{
    struct la_rec unfolded, *rec = &unfolded;
    if (la_idx_is_rec(idx))
        rec = la_rec_at(s, idx);
    else
        la_time_wait_unfold(s, idx, &unfolded);
    tell_arrived(s, &rec->tcp, a, todo);
    if ((rec->flags & LA_REC_REQUEST) != 0) {
        about(s, &a->tuple);
        la_forward_segment(s, idx, &a->seg, todo);
        tell_reason(s, NULL, todo);
        return;
    }
    if (rec->tcp.state == LA_TCP_TIME_WAIT)
        look_for_listener(s, a, todo);
    struct la_fast_open_asked asked = {.asked = false};
    if (rec->tcp.fast_open == LA_TCP_FAST_OPEN_ASKS)
        asked = la_fast_open_asked(s, &rec->tcp);
    la_tcp_arrive(&rec->tcp, &a->seg, todo);
    if (asked.asked && todo->established)
        la_fast_open_learn(s, rec, &asked, &a->seg);
    tell_reason(s, &rec->tcp, todo);
    bool reuse = todo->reuse;
    la_seq snd_nxt = rec->tcp.snd_nxt;
    settle(s, idx, rec, todo);
    if (reuse)
        new_incarnation(s, a, snd_nxt, todo);
    else if (todo->answer_now && la_idx_is_rec(idx))
        la_rec_send_some(s, idx, todo->now);
}

/* To whoever it is for. */
static void
deliver(struct la_stack *s, const struct la_arrival *a, struct la_tcp_todo *todo)
{
    uint32_t idx = la_stack_find_again(s, &a->tuple);
    if (idx != LA_REC_NONE) {
        if ((idx & LA_HALF_IDX) != 0)
            to_half_open(s, idx & ~LA_HALF_IDX, a, todo);
        else
            to_connection(s, idx, a, todo);
        return;
    }
    about(s, &a->tuple);
    tell_arrived(s, NULL, a, todo);
    no_connection(s, a, todo);
    about(s, &a->tuple);
    tell_reason(s, NULL, todo);
}

/* Delivers it, and ends its frame. */
static void
deliver_frame(struct la_stack *s, struct la_arrival *run, la_instant now)
{
    struct la_tcp_todo todo = la_stack_todo(s, now);
    todo.segment_id = run->frame->id;
    todo.text = &run->frame->payload;
    todo.piece_bytes = run->piece_bytes;
    todo.segments_n = run->segments_n;
    todo.last_off = run->last_off;
    todo.ecn = run->ecn;
    bool lent = run->seg.text_bytes == 0 && run->frame->mem == s->mem;
    struct la_chain none = {NULL, NULL, 0, 0};
    if (lent) {
        todo.spare = run->frame;
        todo.text = &none;
    }
    deliver(s, run, &todo);
    if (!lent || todo.spare != NULL)
        la_frame_free(run->frame);
    run->frame = NULL;
}

/* Delivers what was gathered, if anything. */
static void
flush(struct la_stack *s, struct la_arrival *run, la_instant now)
{
    if (run->frame != NULL)
        deliver_frame(s, run, now);
}

/* A frame behind its IP header as a segment; the frame stays the caller's when it is dropped. */
static enum la_reason
judge(struct la_stack *s, const struct la_net_in *in, struct la_frame *f, struct la_arrival *a)
{
    struct la_tcp_view view;
    a->tuple = (struct la_tuple){.local.addr = in->dst, .remote.addr = in->src};
    if (!la_frame_need(f, LA_TCP_HEADER_BYTES) ||
        !la_tcp_view_init(&view, (struct la_bytes){f->head, la_frame_octets(f)}) ||
        !la_frame_need(f, view.header_bytes))
        return LA_REASON_TCP_MALFORMED;
    view.p = f->head;
    a->tuple.local.port = la_tcp_view_dst_port(&view);
    a->tuple.remote.port = la_tcp_view_src_port(&view);
    if (!la_net_l4_checksum_ok(s->net, in, f))
        return LA_REASON_TCP_CHECKSUM;
    la_tcp_seg_judge(&a->seg, &view, (uint32_t)(la_frame_octets(f) - view.header_bytes));
    a->iface = in->iface;
    a->ecn = in->dscp_ecn & LA_IP_ECN_MASK;
    a->frame = f;
    a->segments_n = 1;
    a->piece_bytes = a->seg.text_bytes;
    a->last_off = 0;
    if (f->gso_size > 0 && f->gso_size < a->seg.text_bytes) { /* the link has gathered them */
        a->segments_n = (a->seg.text_bytes + f->gso_size - 1) / f->gso_size;
        a->piece_bytes = f->gso_size;
        a->last_off = (a->segments_n - 1) * f->gso_size;
    }
    if (a->seg.src_port == 0 || a->seg.dst_port == 0)
        return LA_REASON_TCP_MALFORMED;
    la_frame_pull(f, view.header_bytes);
    return la_frame_head_to_payload(f) ? LA_REASON_NONE : LA_REASON_NO_MEMORY;
}

/* Dropped before any connection was looked for. */
static void
drop_unread(struct la_stack *s, const struct la_arrival *a, enum la_reason reason, uint64_t id,
            la_instant now)
{
    struct la_tcp_todo todo = la_stack_todo(s, now);
    s->about_local = a->tuple.local;
    s->about_remote = a->tuple.remote;
    todo.reason = reason;
    todo.segment_id = id;
    tell_reason(s, NULL, &todo);
}

/* `run` gathers what continues it. */
static void
segment(struct la_stack *s, const struct la_net_in *in, struct la_frame *take_frame,
        struct la_arrival *run, la_instant now)
{
    struct la_arrival a;
    enum la_reason reason = judge(s, in, take_frame, &a);
    if (reason != LA_REASON_NONE) {
        drop_unread(s, &a, reason, take_frame->id, now);
        la_frame_free(take_frame);
        return;
    }
    s->stats.tcp_segments_in += a.segments_n;
    if ((a.seg.has & LA_TCP_HAS_MALFORMED) != 0)
        la_stack_drop(s, LA_REASON_TCP_OPTION_MALFORMED); /* counted; what was good stands */
    if (run->frame != NULL && la_gather_add(run, &a))
        return;
    flush(s, run, now);
    if (la_gather_begin(s, &a, in))
        *run = a;
    else
        deliver_frame(s, &a, now);
}

/* ---- ICMP errors ------------------------------------------------------------------------ */

/* RFC 9293 3.9.2.2; which are hard: RFC 1122 4.2.3.9. `rule`: enum la_icmp_hard. */
static la_err
icmp_meaning(const struct la_net_icmp *icmp, unsigned rule, bool *hard)
{
    bool refuses = rule == LA_ICMP_REFUSES, soft_ends = rule == LA_ICMP_ALL; /* DEVIATION(D35) */
    *hard = rule != LA_ICMP_IGNORED;
    switch ((enum la_net_icmp_kind)icmp->kind) {
    case LA_NET_ICMP_PORT_UNREACHABLE:
        return LA_ERR_CONNECTION_REFUSED;
    case LA_NET_ICMP_PROTOCOL_UNREACHABLE:
        return refuses ? LA_ERR_CONNECTION_REFUSED : LA_ERR_PROTOCOL_UNREACHABLE;
    case LA_NET_ICMP_PROHIBITED:
        return refuses ? LA_ERR_CONNECTION_REFUSED : LA_ERR_HOST_UNREACHABLE;
    case LA_NET_ICMP_NET_UNREACHABLE:
        *hard = soft_ends;
        return LA_ERR_NET_UNREACHABLE;
    case LA_NET_ICMP_TIME_EXCEEDED:
        *hard = soft_ends || (refuses && icmp->code == 0); /* in transit, RFC 792 */
        return LA_ERR_HOST_UNREACHABLE;
    case LA_NET_ICMP_PARAMETER: /* ICMPv6 tells so that nobody there speaks TCP (RFC 4443 3.4) */
        *hard = refuses && icmp->type == LA_ICMP6_PARAMETER && icmp->code == LA_ICMP6_NEXT_HEADER;
        if (*hard)
            return LA_ERR_CONNECTION_REFUSED;
        *hard = soft_ends;
        return LA_ERR_HOST_UNREACHABLE;
    case LA_NET_ICMP_HOST_UNREACHABLE:
        *hard = soft_ends;
        return LA_ERR_HOST_UNREACHABLE;
    case LA_NET_ICMP_NONE:
    case LA_NET_ICMP_TOO_BIG:
    case LA_NET_ICMP_SOURCE_QUENCH: /* MUST-55: silently discarded */
        break;
    }
    return LA_OK;
}

/* What an ICMP error says about one connection. */
struct icmp_news {
    const struct la_net_icmp *icmp;
    la_err err;
    bool hard, too_big;
};

static void
learn_path(struct la_stack *s, const struct la_rec *rec, const struct la_tcp_todo *todo)
{
    struct la_addr remote = la_rec_remote(rec);
    la_net_path_mtu_learn(s->net, &remote, todo->path_mtu_bytes, todo->now);
}

static void
take_news(struct la_stack *s, struct la_rec *rec, const struct icmp_news *news,
          struct la_tcp_todo *todo)
{
    const struct la_net_icmp *icmp = news->icmp;
    if (news->too_big)
        la_tcp_too_big(&rec->tcp, icmp->seq, icmp->mtu_bytes, rec->ipv6 != 0, todo);
    else
        la_tcp_icmp_error(&rec->tcp, icmp->seq, news->err, news->hard, todo);
    if (todo->path_mtu_bytes != 0)
        learn_path(s, rec, todo);
    tell_reason(s, &rec->tcp, todo);
}

static void
icmp_error(struct la_stack *s, const struct la_net_in *in, la_instant now)
{
    struct icmp_news news = {.icmp = &in->icmp, .too_big = in->icmp.kind == LA_NET_ICMP_TOO_BIG};
    news.err = icmp_meaning(&in->icmp, s->cfg.tcp.icmp_hard, &news.hard);
    struct la_tuple tuple = {in->icmp.local, in->icmp.remote};
    uint32_t idx = la_stack_find(s, &tuple);
    bool matched = idx != LA_REC_NONE;
    if ((news.err == LA_OK && !news.too_big) || !matched) {
        la_stack_drop(s, matched ? LA_REASON_ICMP_IGNORED : LA_REASON_ICMP_UNMATCHED);
        return;
    }
    struct la_tcp_todo todo = la_stack_todo(s, now);
    struct la_rec unfolded, *rec = &unfolded;
    if (la_idx_is_rec(idx))
        rec = la_rec_at(s, idx);
    else if ((idx & LA_WAIT_IDX) != 0)
        la_time_wait_unfold(s, idx, &unfolded);
    else
        la_half_view(s, idx & ~LA_HALF_IDX, &unfolded);
    take_news(s, rec, &news, &todo);
    settle(s, idx, rec, &todo);
}

/* ---- bursts ----------------------------------------------------------------------------- */

static void
serve(struct la_stack *s, enum la_net_verdict verdict, const struct la_net_in *in,
      struct la_frame *f, struct la_arrival *run)
{
    switch (verdict) {
    case LA_NET_TCP:
        segment(s, in, f, run, s->now);
        break;
    case LA_NET_ICMP_ERROR:
        flush(s, run, s->now);
        icmp_error(s, in, s->now);
        break;
    case LA_NET_IDLE:
    case LA_NET_TAKEN:
        break;
    }
}

void
la_stack_local(struct la_stack *s, la_instant now)
{
    struct la_frame *f;
    struct la_net_in in;
    struct la_arrival run;
    run.frame = NULL;
    while (la_net_has_local(s->net)) {
        enum la_net_verdict verdict = la_net_local_next(s->net, &f, &in, now);
        serve(s, verdict, &in, f, &run);
        if (!la_net_has_local(s->net))
            flush(s, &run, now); /* which may send to this host again */
    }
}

void
la_stack_input(struct la_stack *s, int iface, struct la_frame **take_frames, size_t n,
               la_instant now)
{
    struct la_arrival run;
    run.frame = NULL;
    now = la_stack_clock(s, now);
    s->stats.frames_in += n;
    for (size_t i = 0; i < n; i++) {
        struct la_net_in in;
        if (run.frame != NULL && la_gather_repeat(s, iface, &run, take_frames[i]))
            continue;
        enum la_net_verdict verdict = la_net_input(s->net, iface, take_frames[i], &in, now);
        serve(s, verdict, &in, take_frames[i], &run);
    }
    flush(s, &run, now);
}
