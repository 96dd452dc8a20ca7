/* SPDX-License-Identifier: MIT
 *
 * half.c - half-open connections: folded, and unfolded while they are served
 *
 * Read first: stack/half.h; RFC 9293 3.10.7.2 third, 3.10.7.4; RFC 4987 3.5 (why the record is
 * small); RFC 6298 5 (the SYN,ACK again).
 *
 * Nothing is queued here: what a half-open connection has to send goes to the interface at once. A
 * frame that finds no memory there, or no room, counts as lost on the way, and the SYN,ACK comes
 * again. Only the first one must have had memory: without it there is no record either, since the
 * SYN comes again anyway.
 */
#include "stack/fast_open.h"

#include <string.h>

#include "base/assert.h"
#include "base/time.h"
#include "tcp/accecn.h"
#include "tcp/acknowledge.h"
#include "tcp/congestion.h"
#include "tcp/fast_open.h"
#include "tcp/open.h"
#include "tcp/tally.h"
#include "tcp/timeout.h"
#include "tcp/user.h"

enum { HALF_CHUNK_SHIFT = 6, SENT_MAX = UINT8_MAX, WSCALE_TOO_MUCH = 15 };
/* Without a route any more (an interface went), every IPv4 host takes this (RFC 791 3.2). */
enum { MTU_BYTES_LEAST = 576 };

/* ---- records ---------------------------------------------------------------------------- */

static struct la_half *
half_at(const struct la_stack *s, uint32_t idx)
{
    return la_pool_at(&s->halves, idx);
}

static struct la_tuple
tuple_of(const struct la_half *h)
{
    return (struct la_tuple){{h->local_addr, h->local_port}, {h->remote_addr, h->remote_port}};
}

uint32_t *
la_half_hash_next(const struct la_stack *s, uint32_t idx)
{
    return &half_at(s, idx)->hash_next;
}

uint32_t
la_half_hash(const struct la_stack *s, uint32_t idx)
{
    struct la_tuple tuple = tuple_of(half_at(s, idx));
    return la_tuple_hash(s, &tuple);
}

bool
la_half_is_about(const struct la_stack *s, uint32_t idx, const struct la_tuple *t)
{
    struct la_tuple its = tuple_of(half_at(s, idx));
    return la_tuple_equal(&its, t);
}

static struct la_wheel_link *
wheel_link_of_half(void *ctx, uint32_t idx)
{
    return &half_at(ctx, idx)->wheel;
}

void
la_halves_init(struct la_stack *s)
{
    la_pool_init(&s->halves, s->mem, sizeof(struct la_half), HALF_CHUNK_SHIFT, s->cfg.conns_n_max);
    la_wheel_init(&s->half_wheel, wheel_link_of_half, s, s->now);
}

void
la_halves_fini(struct la_stack *s)
{
    la_pool_fini(&s->halves);
}

/* Its ISS tells a handle from one of the record's earlier users: no two are alike within hours
 * (RFC 9293 3.4.1), and it serves to look, not to act. */
static la_handle
handle_of(const struct la_stack *s, uint32_t idx)
{
    return la_handle_make(LA_HANDLE_CONN, half_at(s, idx)->iss.v, idx | LA_HALF_IDX);
}

uint32_t
la_half_of_handle(const struct la_stack *s, la_handle h)
{
    uint32_t idx = (uint32_t)h & ~LA_HALF_IDX;
    if (((uint32_t)h & LA_HALF_IDX) == 0 || idx >= s->halves.items_n)
        return LA_POOL_NONE;
    bool live = (half_at(s, idx)->flags & LA_HALF_LIVE) != 0;
    return live && handle_of(s, idx) == h ? idx : LA_POOL_NONE;
}

bool
la_half_next(const struct la_stack *s, uint32_t *cursor, la_handle *out)
{
    *out = 0;
    for (unsigned n = 0; n < LA_WALK_N_MAX && *cursor < s->halves.items_n && *out == 0; n++) {
        uint32_t idx = (*cursor)++;
        if ((half_at(s, idx)->flags & LA_HALF_LIVE) != 0)
            *out = handle_of(s, idx);
    }
    return *out != 0 || *cursor < s->halves.items_n;
}

static void
forget(struct la_stack *s, uint32_t idx)
{
    struct la_half *h = half_at(s, idx);
    la_index_remove(&s->index, idx | LA_HALF_IDX, la_half_hash(s, idx));
    la_wheel_disarm(&s->half_wheel, idx);
    la_listener_at(s, h->listener)->syn_queue_n--;
    s->state_n[LA_TCP_SYN_RECEIVED]--;
    h->flags = 0;
    la_pool_give(&s->halves, idx);
}

/* ---- folding ---------------------------------------------------------------------------- */

/* The SYN as it came. */
static struct la_tcp_seg
syn_of(const struct la_half *h)
{
    struct la_tcp_seg syn = {
        .seq = h->irs, .len = 1, .flags = LA_TCP_SYN, .mss = h->mss, .ts_val = h->ts_recent};
    syn.wscale = h->wscale;
    syn.has |= (h->flags & LA_HALF_MSS) != 0 ? LA_TCP_HAS_MSS : 0;
    syn.has |= (h->flags & LA_HALF_WSCALE) != 0 ? LA_TCP_HAS_WSCALE : 0;
    syn.has |= (h->flags & LA_HALF_SACK) != 0 ? LA_TCP_HAS_SACK_PERMITTED : 0;
    syn.has |= (h->flags & LA_HALF_TIMESTAMPS) != 0 ? LA_TCP_HAS_TIMESTAMPS : 0;
    syn.flags |= (h->flags & LA_HALF_ECN) != 0 ? LA_TCP_ECE | LA_TCP_CWR : 0;
    syn.flags |= h->accecn != 0 ? LA_TCP_ACE_MASK : 0;
    return syn;
}

static uint8_t
flags_of(const struct la_tcp_seg *syn)
{
    const uint8_t ecn = LA_TCP_ECE | LA_TCP_CWR;
    unsigned flags = LA_HALF_LIVE;
    flags |= (syn->has & LA_TCP_HAS_MSS) != 0 ? LA_HALF_MSS : 0u;
    flags |= (syn->has & LA_TCP_HAS_WSCALE) != 0 ? LA_HALF_WSCALE : 0u;
    flags |= (syn->has & LA_TCP_HAS_SACK_PERMITTED) != 0 ? LA_HALF_SACK : 0u;
    flags |= (syn->has & LA_TCP_HAS_TIMESTAMPS) != 0 ? LA_HALF_TIMESTAMPS : 0u;
    flags |= (syn->flags & ecn) == ecn ? LA_HALF_ECN : 0u;
    return (uint8_t)flags;
}

/* Floods come by one path: what the connections of a listener have in common is made once for all.
 */
static const struct la_tcp_conn *
fresh_conn(struct la_listener *l, struct la_tcp_open *opening, la_instant now)
{
    if (l->fresh_mtu_bytes != opening->mtu_bytes || l->fresh_ipv6 != opening->ipv6) {
        opening->cc = la_cc_find(l->cfg.congestion_control);
        la_tcp_conn_init(&l->fresh, opening, now);
        l->fresh_mtu_bytes = opening->mtu_bytes;
        l->fresh_ipv6 = opening->ipv6;
        l->cookie_form.stencil.n = 0;
    }
    return &l->fresh;
}

bool
la_half_rec_init(const struct la_stack *s, const struct la_half_open *open, la_seq iss,
                 struct la_rec *out)
{
    memset(out, 0, offsetof(struct la_rec, tcp));
    out->listener = (uint16_t)open->listener;
    la_rec_tuple_set(out, &open->tuple);
    out->iface = (int8_t)open->iface;
    out->counted = LA_TCP_SYN_RECEIVED;
    la_wheel_link_init(&out->wheel);
    struct la_tcp_open opening;
    struct la_listener *l = la_listener_at(s, open->listener);
    bool has_route = la_rec_opening(s, &open->tuple, &l->cfg, &opening);
    if (!has_route)
        opening.mtu_bytes = MTU_BYTES_LEAST;
    out->tcp = *fresh_conn(l, &opening, s->now);
    la_tcp_conn_begin(&out->tcp, iss, opening.ts_offset, s->now);
    return has_route;
}

static la_instant
born_at(const struct la_half *h, la_instant now)
{
    uint32_t age_us = (uint32_t)(uint64_t)(now.ns / LA_NS_PER_US) - h->born_us;
    return la_instant_add_us(now, -(int64_t)age_us);
}

/* Not armed: its time is now. */
static la_instant
due_at(const struct la_stack *s, const struct la_half *h)
{
    return la_wheel_is_armed(&h->wheel) ? la_wheel_at(&s->half_wheel, &h->wheel) : s->now;
}

void
la_half_view(const struct la_stack *s, uint32_t idx, struct la_rec *out)
{
    const struct la_half *h = half_at(s, idx);
    struct la_half_open open = {tuple_of(h), h->listener, h->iface};
    (void)la_half_rec_init(s, &open, h->iss, out);
    out->gen = h->iss.v;
    out->tcp.name = idx | LA_HALF_IDX;
    struct la_tcp_conn *c = &out->tcp;
    struct la_tcp_env deaf = s->env; /* the SYN has been told when it came */
    deaf.trace_mask = 0;
    struct la_tcp_todo todo = {.env = &deaf, .now = born_at(h, s->now), .ecn = h->syn_ecn};
    struct la_tcp_seg syn = syn_of(h);
    la_tcp_open_passive(c, &syn, false, &todo);
    c->want = 0;
    c->snd_nxt = la_seq_add(h->iss, 1);
    c->rcv_adv = la_seq_add(c->rcv_nxt, h->wnd);
    c->segments_received = 1;
    c->segments_sent = h->sent_n;
    c->challenges = h->challenges;
    la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, due_at(s, h));
    c->backoff_n = h->backoff_n;
    c->flags &= h->no_ect != 0 ? ~(uint32_t)LA_TCP_F_ECN : UINT32_MAX;
    c->flags |= h->sent_n > 1 ? LA_TCP_F_SYN_RETRANSMITTED : 0u;
    c->flags |= h->backoff_n >= s->cfg.tcp.r1_n ? LA_TCP_F_R1_REACHED : 0u;
}

/* Its SYN,ACK tells a Fast Open cookie. */
static void
tell_cookie(struct la_stack *s, struct la_rec *rec, bool experiment, la_instant now)
{
    struct la_tuple tuple = la_rec_tuple(rec);
    struct la_tcp_cookie cookie = la_fast_open_cookie(s, &tuple);
    cookie.experiment = experiment;
    struct la_tcp_todo todo = la_stack_todo(s, now);
    la_tcp_fast_open_reply(&rec->tcp, &cookie, &todo);
}

bool
la_half_unfold(struct la_stack *s, uint32_t idx, struct la_rec *out, la_instant now)
{
    la_half_view(s, idx, out);
    struct la_tcp_conn *c = &out->tcp;
    const struct la_half *h = half_at(s, idx);
    la_instant born = born_at(h, now);
    struct la_tcp_busy *busy = la_tcp_busy_get(c, &s->env, born);
    if (busy == NULL)
        return false;
    if ((h->flags & LA_HALF_FAST_OPEN) != 0)
        tell_cookie(s, out, (h->flags & LA_HALF_FAST_OPEN_TRIAL) != 0, born);
    la_tcp_scoreboard_sent(&busy->board, s->mem, c->iss, c->snd_nxt, born);
    if (h->sent_n > 1) {
        (void)la_tcp_scoreboard_resent(&busy->board, s->mem, c->iss, c->snd_nxt, now);
        la_tcp_tally(c, &s->env)->retransmissions_n = la_half_again_n(s, idx);
    }
    return true;
}

uint32_t
la_half_again_n(const struct la_stack *s, uint32_t idx)
{
    return half_at(s, idx)->sent_n - 1u;
}

/* What has changed since it was unfolded, or begun. */
static void
fold(struct la_stack *s, uint32_t idx, struct la_rec *rec, const struct la_tcp_todo *todo)
{
    struct la_half *h = half_at(s, idx);
    struct la_tcp_conn *c = &rec->tcp;
    LA_ASSERT(c->state == LA_TCP_SYN_RECEIVED);
    LA_DCHECK((la_tcp_conn_check(c, &s->env), true));
    h->ts_recent = c->ts_recent;
    h->wnd = la_tcp_rcv_wnd(c);
    h->backoff_n = c->backoff_n;
    uint32_t sent_n = h->sent_n + todo->again_n;
    h->sent_n = (uint8_t)(sent_n < SENT_MAX ? sent_n : SENT_MAX);
    h->challenges = c->challenges;
    h->no_ect = (c->flags & LA_TCP_F_ECN) == 0; /* the SYN came again without it */
    h->accecn = (c->flags & LA_TCP_F_ACCECN) != 0;
    if (h->accecn != 0)
        h->syn_ecn = (c->flags & LA_TCP_F_SYN_MARK) >> LA_TCP_SYN_MARK_SHIFT & LA_IP_ECN_MASK;
    la_wheel_arm(&s->half_wheel, idx, c->timer_at);
    la_tcp_conn_fini(c, &s->env);
}

/* ---- serving ---------------------------------------------------------------------------- */

static void
remember(struct la_stack *s, const struct la_half_open *open, const struct la_tcp_seg *syn,
         struct la_rec *rec, const struct la_tcp_todo *todo)
{
    uint32_t idx = rec->tcp.name & ~LA_HALF_IDX;
    struct la_half *h = half_at(s, idx);
    h->irs = syn->seq;
    h->iss = rec->tcp.iss;
    h->local_addr = open->tuple.local.addr;
    h->local_port = open->tuple.local.port;
    h->remote_addr = open->tuple.remote.addr;
    h->remote_port = open->tuple.remote.port;
    h->born_us = (uint32_t)(uint64_t)(s->now.ns / LA_NS_PER_US);
    h->mss = syn->mss;
    h->listener = (uint16_t)open->listener;
    h->wscale = (syn->wscale < WSCALE_TOO_MUCH ? syn->wscale : WSCALE_TOO_MUCH) & 15u;
    h->iface = (int8_t)open->iface;
    h->sent_n = 1;
    h->flags = flags_of(syn);
    if (rec->tcp.fast_open == LA_TCP_FAST_OPEN_TELLS)
        h->flags |= syn->cookie.experiment ? LA_HALF_FAST_OPEN | LA_HALF_FAST_OPEN_TRIAL
                                           : LA_HALF_FAST_OPEN;
    la_wheel_link_init(&h->wheel);
    la_index_insert(&s->index, idx | LA_HALF_IDX, la_half_hash(s, idx));
    la_listener_at(s, open->listener)->syn_queue_n++;
    s->state_n[LA_TCP_SYN_RECEIVED]++;
    fold(s, idx, rec, todo);
}

void
la_half_new(struct la_stack *s, const struct la_half_open *open, const struct la_tcp_seg *syn,
            struct la_tcp_todo *todo)
{
    struct la_rec rec;
    bool has_route = la_half_rec_init(s, open, la_rec_initial_sequence(s, &open->tuple), &rec);
    bool full = la_recs_live_n(s) + s->halves.live_n >= s->cfg.conns_n_max;
    uint32_t idx = full || !has_route ? LA_POOL_NONE : la_pool_take(&s->halves);
    if (idx == LA_POOL_NONE) {
        todo->reason = has_route ? LA_REASON_NO_MEMORY : LA_REASON_NO_ROUTE;
        return;
    }
    if (todo->follows)
        la_tcp_open_beyond(&rec.tcp, todo->follows_nxt);
    rec.gen = rec.tcp.iss.v;
    rec.tcp.name = idx | LA_HALF_IDX;
    la_tcp_open_passive(&rec.tcp, syn, false, todo);
    if (la_fast_open_tells(s, open->listener, syn))
        tell_cookie(s, &rec, syn->cookie.experiment, todo->now);
    la_rec_output(s, &rec, todo);
    if (!la_seq_eq(rec.tcp.snd_nxt, rec.tcp.iss)) {
        remember(s, open, syn, &rec, todo);
        return;
    }
    todo->reason = LA_REASON_NO_MEMORY;
    la_tcp_end(&rec.tcp, LA_TCP_EV_FORGET, LA_ERR_NO_MEMORY, todo);
    la_tcp_conn_fini(&rec.tcp, &s->env);
    la_pool_give(&s->halves, idx);
}

uint32_t
la_half_reserve(struct la_stack *s, struct la_rec *rec)
{
    bool full = la_recs_live_n(s) >= s->cfg.conns_n_max;
    uint32_t reserved = full ? LA_REC_NONE : la_rec_take(s, rec->ipv6 != 0);
    if (reserved == LA_REC_NONE)
        return LA_REC_NONE;
    rec->tcp.name = reserved;
    rec->gen = la_rec_at(s, reserved)->gen;
    return reserved;
}

void
la_half_unreserve(struct la_stack *s, uint32_t idx, struct la_rec *rec, uint32_t reserved)
{
    rec->tcp.name = idx | LA_HALF_IDX;
    rec->gen = rec->tcp.iss.v;
    la_rec_give(s, reserved);
}

void
la_half_promote(struct la_stack *s, uint32_t reserved, struct la_rec *rec, struct la_tcp_todo *todo)
{
    struct la_rec *out = la_rec_at(s, reserved);
    rec->flags = LA_REC_LIVE | LA_REC_INDEXED;
    la_rec_copy(out, rec);
    s->state_n[out->counted]++;
    la_index_insert(&s->index, reserved, la_rec_hash(s, reserved));
    la_listener_established(s, reserved);
    la_rec_settle(s, reserved, todo);
}

void
la_half_settle(struct la_stack *s, uint32_t idx, struct la_rec *rec, uint32_t reserved,
               struct la_tcp_todo *todo)
{
    if (todo->established) {
        forget(s, idx);
        la_half_promote(s, reserved, rec, todo);
        return;
    }
    la_rec_answer(s, rec, todo);
    if (rec->tcp.state == LA_TCP_SYN_RECEIVED) {
        la_rec_output(s, rec, todo);
        fold(s, idx, rec, todo);
        return;
    }
    la_tcp_conn_fini(&rec->tcp, &s->env);
    forget(s, idx);
}

bool
la_half_run(struct la_stack *s, la_instant now)
{
    uint32_t idx = la_wheel_next_due(&s->half_wheel, now);
    if (idx == LA_WHEEL_NONE)
        return false;
    struct la_rec rec;
    struct la_tcp_todo todo = la_stack_todo(s, now);
    /* Without memory for what is in flight its time still passes. */
    (void)la_half_unfold(s, idx, &rec, now);
    la_tcp_timeout(&rec.tcp, &todo);
    la_half_settle(s, idx, &rec, LA_REC_NONE, &todo);
    return true;
}

void
la_half_reset_all(struct la_stack *s, uint32_t listener)
{
    uint32_t left_n = la_listener_at(s, listener)->syn_queue_n;
    for (uint32_t idx = 0; idx < s->halves.items_n && left_n > 0; idx++) {
        const struct la_half *h = half_at(s, idx);
        if ((h->flags & LA_HALF_LIVE) == 0 || h->listener != listener)
            continue;
        struct la_rec rec;
        struct la_tcp_todo todo = la_stack_todo(s, s->now);
        la_half_view(s, idx, &rec);
        rec.tcp.flags |= LA_TCP_F_RELEASED;
        la_tcp_abort(&rec.tcp, &todo);
        la_half_settle(s, idx, &rec, LA_REC_NONE, &todo);
        left_n--;
    }
}
