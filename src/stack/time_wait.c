/* SPDX-License-Identifier: MIT
 *
 * time_wait.c - TIME-WAIT: connections folded, and unfolded while they are served
 *
 * Read first: stack/time_wait.h.
 *
 * What is not kept, and why nothing is missed: SND.UNA is SND.NXT, since our FIN was acknowledged.
 * The window is kept as the last segment said it, rounded up by the scale, so that the right edge
 * does not move left. The timestamp offset follows from the addresses. TS.Recent was set within 24
 * days when a connection is folded, and 2 MSL are short beside what is left of the clock's wrap
 * (RFC 7323 5.5). MAX.SND.WND, which only tells old acknowledgements from older ones, is rounded up
 * to a power of two.
 *
 * Both families stand in one list by the end of their 2 MSL. That grows from record to record,
 * since each begins, or begins again, at its end; should the MSL have been set shorter, the later
 * ones wait for those before them.
 */
#include "stack/time_wait.h"

#include <string.h>

#include "base/addr.h"
#include "base/assert.h"
#include "base/time.h"
#include "tcp/out.h"
#include "tcp/timeout.h"

enum { CHUNK_SHIFT = 8, WAITS_MAX = 1 << 28 };
/* The end of 2 MSL, in ticks of 2^16 ns (65.5 us), modulo 2^40 (834 days). */
enum { TICK_SHIFT = 16, DUE_HIGH_BITS = 8, DUE_UNUSED_BITS = 64 - 32 - DUE_HIGH_BITS };
enum { TS_RECENT_AGE_S = 24 * 24 * 3600 };
/* Without a route any more (an interface went), every IPv4 host takes this (RFC 791 3.2). */
enum { MTU_BYTES_LEAST = 576 };
/* Of an index, the lowest bit: which of the two pools. Of a walk's cursor, this one. */
enum { V4, V6, CURSOR_V6 = 1 << 29 };

enum wait_flag { LIVE = 1, PASSIVE = 2, WSCALE = 4, TIMESTAMPS = 8, SACK = 16 };

struct la_time_wait {
    uint32_t hash_next;    /* the pool's while free, as is the next member */
    uint32_t older, newer; /* by the end of their 2 MSL */
    uint32_t rec_idx;      /* with gen, the handle that it had */
    uint32_t gen : 28;
    uint32_t snd_wscale : 4;
    la_seq snd_nxt, rcv_nxt;
    uint32_t ts_recent;
    uint32_t due_low;
    uint32_t due_high : DUE_HIGH_BITS;
    uint32_t flags : 5; /* enum wait_flag */
    uint32_t snd_wnd_max_log2 : 5;
    uint32_t rcv_wscale : 4;
    uint32_t challenges : 8;
    uint16_t local_port, remote_port;
    uint16_t wnd; /* RCV.WND, not yet scaled */
    uint8_t ttl_hops, dscp_ecn;
    uint8_t addrs[]; /* local, remote: 4 or 16 octets each */
};
/* With addresses and a bucket in the index, 60 octets for IPv4 and 84 for IPv6. */
_Static_assert(sizeof(struct la_time_wait) == 48, "TIME-WAIT has another size");

/* ---- records ---------------------------------------------------------------------------- */

static unsigned
family_of(uint32_t idx)
{
    return idx & 1;
}

static size_t
addr_bytes(unsigned family)
{
    return family == V4 ? 4 : 16;
}

static struct la_time_wait *
wait_at(const struct la_stack *s, uint32_t idx)
{
    return la_pool_at(&s->time_waits.pool[family_of(idx)], (idx & ~LA_WAIT_IDX) >> 1);
}

/* The octets of an address that a record of its family keeps. */
static const uint8_t *
kept_octets(const struct la_addr *addr, unsigned family)
{
    return family == V4 ? la_addr_v4_bytes(addr) : addr->b;
}

static struct la_addr
addr_of(const uint8_t *octets, unsigned family)
{
    return family == V4 ? la_addr_from_v4(octets) : la_addr_from_v6(octets);
}

static struct la_tuple
tuple_of(const struct la_time_wait *w, unsigned family)
{
    return (struct la_tuple){
        {addr_of(w->addrs, family), w->local_port},
        {addr_of(w->addrs + addr_bytes(family), family), w->remote_port},
    };
}

void
la_time_waits_init(struct la_stack *s)
{
    s->time_waits.oldest = s->time_waits.newest = LA_REC_NONE;
    for (unsigned family = V4; family <= V6; family++)
        la_pool_init(&s->time_waits.pool[family], s->mem,
                     (uint32_t)(sizeof(struct la_time_wait) + 2 * addr_bytes(family)), CHUNK_SHIFT,
                     WAITS_MAX);
}

void
la_time_waits_fini(struct la_stack *s)
{
    la_pool_fini(&s->time_waits.pool[V4]);
    la_pool_fini(&s->time_waits.pool[V6]);
}

uint32_t *
la_time_wait_hash_next(const struct la_stack *s, uint32_t idx)
{
    return &wait_at(s, idx)->hash_next;
}

uint32_t
la_time_wait_hash(const struct la_stack *s, uint32_t idx)
{
    struct la_tuple tuple = tuple_of(wait_at(s, idx), family_of(idx));
    return la_tuple_hash(s, &tuple);
}

bool
la_time_wait_is_about(const struct la_stack *s, uint32_t idx, const struct la_tuple *t)
{
    const struct la_time_wait *w = wait_at(s, idx);
    if (w->local_port != t->local.port || w->remote_port != t->remote.port)
        return false;
    struct la_tuple its = tuple_of(w, family_of(idx));
    return la_tuple_equal(&its, t);
}

uint32_t
la_time_wait_of_handle(const struct la_stack *s, la_handle h)
{
    uint32_t idx = (uint32_t)h;
    if ((idx & (LA_WAIT_IDX | LA_HALF_IDX)) != LA_WAIT_IDX ||
        (idx & ~LA_WAIT_IDX) >> 1 >= s->time_waits.pool[family_of(idx)].items_n)
        return LA_REC_NONE;
    const struct la_time_wait *w = wait_at(s, idx);
    bool same = (w->flags & LIVE) != 0 && la_handle_make(LA_HANDLE_CONN, w->gen, idx) == h;
    return same ? idx : LA_REC_NONE;
}

bool
la_time_wait_next(const struct la_stack *s, uint32_t *cursor, la_handle *out)
{
    *out = 0;
    for (unsigned n = 0; n < LA_WALK_N_MAX && *out == 0; n++) {
        unsigned family = (*cursor & CURSOR_V6) != 0 ? V6 : V4;
        uint32_t at = *cursor & ~(uint32_t)CURSOR_V6;
        if (at >= s->time_waits.pool[family].items_n) {
            if (family == V6)
                return false;
            *cursor = CURSOR_V6;
            continue;
        }
        uint32_t idx = LA_WAIT_IDX | at << 1 | family;
        const struct la_time_wait *w = wait_at(s, idx);
        if ((w->flags & LIVE) != 0)
            *out = la_handle_make(LA_HANDLE_CONN, w->gen, idx);
        ++*cursor;
    }
    return true;
}

/* ---- the list --------------------------------------------------------------------------- */

/* Nearer to now than half the time that the ticks wrap in. */
static la_instant
due_at(const struct la_stack *s, const struct la_time_wait *w)
{
    uint64_t due = (uint64_t)w->due_high << 32 | w->due_low;
    uint64_t now = (uint64_t)s->now.ns >> TICK_SHIFT;
    uint64_t ahead = (due - now) << DUE_UNUSED_BITS;
    int64_t ticks = (int64_t)ahead / (INT64_C(1) << DUE_UNUSED_BITS);
    return la_instant_of_ns((int64_t)((now + (uint64_t)ticks) << TICK_SHIFT));
}

static la_instant
rounded_up(la_instant at)
{
    int64_t tick = 1 << TICK_SHIFT;
    return la_instant_of_ns((at.ns + tick - 1) & -tick);
}

static void
due_set(struct la_time_wait *w, la_instant at)
{
    uint64_t due = (uint64_t)rounded_up(at).ns >> TICK_SHIFT;
    w->due_low = (uint32_t)due;
    w->due_high = (uint32_t)(due >> 32) & ((1u << DUE_HIGH_BITS) - 1);
}

static void
list_remove(struct la_stack *s, const struct la_time_wait *w)
{
    if (w->older == LA_REC_NONE)
        s->time_waits.oldest = w->newer;
    else
        wait_at(s, w->older)->newer = w->newer;
    if (w->newer == LA_REC_NONE)
        s->time_waits.newest = w->older;
    else
        wait_at(s, w->newer)->older = w->older;
}

/* As the newest, with its 2 MSL over at `at`, or when those of the one before it are. */
static void
list_append(struct la_stack *s, uint32_t idx, la_instant at)
{
    struct la_time_wait *w = wait_at(s, idx);
    uint32_t before = s->time_waits.newest;
    w->older = before;
    w->newer = LA_REC_NONE;
    due_set(w, before == LA_REC_NONE ? at : la_instant_max(at, due_at(s, wait_at(s, before))));
    if (before == LA_REC_NONE)
        s->time_waits.oldest = idx;
    else
        wait_at(s, before)->newer = idx;
    s->time_waits.newest = idx;
}

static void
forget(struct la_stack *s, uint32_t idx)
{
    struct la_time_wait *w = wait_at(s, idx);
    list_remove(s, w);
    la_index_remove(&s->index, idx, la_time_wait_hash(s, idx));
    w->flags = 0;
    la_pool_give(&s->time_waits.pool[family_of(idx)], (idx & ~LA_WAIT_IDX) >> 1);
    s->time_waits.n--;
    s->state_n[LA_TCP_TIME_WAIT]--;
}

/* ---- folding ---------------------------------------------------------------------------- */

static uint32_t
now_s(const struct la_stack *s)
{
    return (uint32_t)(s->now.ns / LA_NS_PER_S);
}

static bool
can_fold(const struct la_stack *s, const struct la_rec *rec)
{
    const struct la_tcp_conn *c = &rec->tcp;
    bool held = (rec->flags & (LA_REC_OWNED | LA_REC_REQUEST)) != 0 ||
                rec->queue != LA_QUEUE_TIME_WAIT || la_rec_on_list(rec, LA_LIST_OUTPUT) ||
                la_rec_on_list(rec, LA_LIST_EVENTS) || la_tcp_has_output(c);
    bool stale =
        (c->flags & LA_TCP_F_TIMESTAMPS) != 0 && now_s(s) - c->ts_recent_at_s >= TS_RECENT_AGE_S;
    return c->state == LA_TCP_TIME_WAIT && !held && !stale;
}

/* What a segment, or its answer, may have changed. */
static void
note(struct la_time_wait *w, const struct la_tcp_conn *c)
{
    uint32_t unit = UINT32_C(1) << w->rcv_wscale, units = (la_tcp_rcv_wnd(c) + unit - 1) / unit;
    w->wnd = (uint16_t)(units < UINT16_MAX ? units : UINT16_MAX);
    w->ts_recent = c->ts_recent;
    w->challenges = c->challenges;
}

static void
remember(const struct la_stack *s, uint32_t idx, const struct la_rec *rec)
{
    const struct la_tcp_conn *c = &rec->tcp;
    struct la_time_wait *w = wait_at(s, idx);
    unsigned family = family_of(idx);
    bool scaled = (c->flags & LA_TCP_F_WSCALE) != 0;
    w->rec_idx = c->name;
    w->gen = rec->gen & LA_HANDLE_GEN_MASK;
    w->snd_nxt = c->snd_nxt;
    w->rcv_nxt = c->rcv_nxt;
    w->flags = LIVE | ((c->flags & LA_TCP_F_PASSIVE) != 0 ? PASSIVE : 0u) | (scaled ? WSCALE : 0u) |
               ((c->flags & LA_TCP_F_TIMESTAMPS) != 0 ? TIMESTAMPS : 0u) |
               ((c->flags & LA_TCP_F_SACK) != 0 ? SACK : 0u);
    w->snd_wscale = c->snd_wscale & 15u;
    w->rcv_wscale = scaled ? c->rcv_wscale & 15u : 0;
    w->snd_wnd_max_log2 = 0;
    while ((UINT32_C(1) << w->snd_wnd_max_log2) < c->snd_wnd_max)
        w->snd_wnd_max_log2++;
    w->local_port = rec->local_port;
    w->remote_port = rec->remote_port;
    w->ttl_hops = c->ttl_hops;
    w->dscp_ecn = c->dscp_ecn;
    size_t n = addr_bytes(family);
    struct la_addr local = la_rec_local(rec), remote = la_rec_remote(rec);
    memcpy(w->addrs, kept_octets(&local, family), n);
    memcpy(w->addrs + n, kept_octets(&remote, family), n);
    note(w, c);
}

bool
la_time_wait_fold(struct la_stack *s, uint32_t idx)
{
    struct la_rec *rec = la_rec_at(s, idx);
    if (!can_fold(s, rec))
        return false;
    unsigned family = rec->ipv6 != 0 ? V6 : V4;
    uint32_t taken = la_pool_take(&s->time_waits.pool[family]);
    if (taken == LA_POOL_NONE)
        return false;
    uint32_t wait_idx = LA_WAIT_IDX | taken << 1 | family;
    remember(s, wait_idx, rec);
    list_append(s, wait_idx, rec->tcp.timer_at);
    s->time_waits.n++;
    s->state_n[LA_TCP_TIME_WAIT]++;
    la_rec_free(s, idx);
    la_index_insert(&s->index, wait_idx, la_time_wait_hash(s, wait_idx));
    return true;
}

/* By the shortest way through the figure; nobody is told. */
static void
go_to_time_wait(const struct la_stack *s, struct la_tcp_conn *c)
{
    static const uint8_t way[] = {LA_TCP_EV_OPEN_ACTIVE, LA_TCP_EV_RCV_SYN_ACK, LA_TCP_EV_CLOSE,
                                  LA_TCP_EV_RCV_FIN_ACK_OF_FIN};
    struct la_tcp_env deaf = s->env;
    deaf.trace_mask = 0;
    struct la_tcp_todo todo = {.env = &deaf, .now = s->now};
    for (size_t i = 0; i < sizeof(way); i++)
        la_tcp_enter(c, (enum la_tcp_event)way[i], &todo);
}

static void
unfold_tcp(const struct la_stack *s, const struct la_time_wait *w, struct la_tcp_conn *c)
{
    go_to_time_wait(s, c);
    c->flags = LA_TCP_F_SYN_ACKED | LA_TCP_F_CLOSE_CALLED | LA_TCP_F_FIN_SENT |
               LA_TCP_F_FIN_RECEIVED | LA_TCP_F_RELEASED;
    c->flags |= ((w->flags & PASSIVE) != 0 ? LA_TCP_F_PASSIVE : 0u) |
                ((w->flags & WSCALE) != 0 ? LA_TCP_F_WSCALE : 0u) |
                ((w->flags & TIMESTAMPS) != 0 ? LA_TCP_F_TIMESTAMPS : 0u) |
                ((w->flags & SACK) != 0 ? LA_TCP_F_SACK : 0u);
    c->snd_wscale = w->snd_wscale;
    c->rcv_wscale = w->rcv_wscale;
    c->iss = c->snd_una = c->snd_nxt = w->snd_nxt;
    c->snd_wnd = c->snd_wnd_max = UINT32_C(1) << w->snd_wnd_max_log2;
    c->irs = c->snd_wl1 = la_seq_sub(w->rcv_nxt, 1);
    c->rcv_nxt = w->rcv_nxt;
    c->rcv_adv = la_seq_add(w->rcv_nxt, (uint32_t)w->wnd << w->rcv_wscale);
    c->cwnd_bytes = c->smss;
    c->ts_recent = w->ts_recent;
    c->ts_recent_at_s = now_s(s);
    c->challenges = w->challenges;
    c->ttl_hops = w->ttl_hops;
    c->dscp_ecn = w->dscp_ecn;
    la_tcp_timer_set(c, LA_TIMER_TIME_WAIT, due_at(s, w));
}

void
la_time_wait_unfold(const struct la_stack *s, uint32_t idx, struct la_rec *out)
{
    const struct la_time_wait *w = wait_at(s, idx);
    struct la_tuple tuple = tuple_of(w, family_of(idx));
    memset(out, 0, sizeof(*out));
    out->gen = w->gen;
    out->flags = LA_REC_LIVE;
    out->counted = LA_TCP_TIME_WAIT;
    la_rec_tuple_set(out, &tuple);
    la_wheel_link_init(&out->wheel);
    struct la_tcp_open opening;
    if (!la_rec_opening(s, &tuple, &s->cfg.tcp, &opening))
        opening.mtu_bytes = MTU_BYTES_LEAST;
    la_tcp_conn_init(&out->tcp, &opening, s->now);
    out->tcp.name = w->rec_idx;
    unfold_tcp(s, w, &out->tcp);
}

void
la_time_wait_settle(struct la_stack *s, uint32_t idx, struct la_rec *rec, struct la_tcp_todo *todo)
{
    struct la_tcp_conn *c = &rec->tcp;
    struct la_time_wait *w = wait_at(s, idx);
    if (c->state != LA_TCP_TIME_WAIT) {
        la_tcp_conn_fini(c, &s->env);
        forget(s, idx);
        return;
    }
    LA_DCHECK((la_tcp_conn_check(c, &s->env), true));
    la_rec_output(s, rec, todo);
    note(w, c);
    if (la_instant_lt(due_at(s, w), c->timer_at)) { /* the peer's FIN has started them again */
        list_remove(s, w);
        list_append(s, idx, c->timer_at);
    }
    la_tcp_conn_fini(c, &s->env);
}

/* ---- the end ---------------------------------------------------------------------------- */

la_instant
la_time_wait_deadline(const struct la_stack *s)
{
    uint32_t oldest = s->time_waits.oldest;
    return oldest == LA_REC_NONE ? LA_INSTANT_NEVER : due_at(s, wait_at(s, oldest));
}

bool
la_time_wait_run(struct la_stack *s, la_instant now)
{
    if (!la_instant_le(la_time_wait_deadline(s), now))
        return false;
    uint32_t idx = s->time_waits.oldest;
    struct la_rec rec;
    struct la_tcp_todo todo = la_stack_todo(s, now);
    la_time_wait_unfold(s, idx, &rec);
    la_tcp_timeout(&rec.tcp, &todo);
    la_time_wait_settle(s, idx, &rec, &todo);
    return true;
}

/* Not `newest`, which is whole and has just come. */
static void
forget_oldest(struct la_stack *s, uint32_t newest)
{
    struct la_tcp_todo todo = la_stack_todo(s, s->now);
    uint32_t whole = s->time_wait.first, folded = s->time_waits.oldest;
    bool first =
        folded == LA_REC_NONE ||
        (whole != LA_REC_NONE && whole != newest &&
         la_instant_le(rounded_up(la_rec_at(s, whole)->tcp.timer_at), la_time_wait_deadline(s)));
    la_stack_drop(s, LA_REASON_TIME_WAIT_FULL);
    if (first) {
        la_tcp_end(&la_rec_at(s, whole)->tcp, LA_TCP_EV_FORGET, LA_OK, &todo);
        la_rec_settle(s, whole, &todo);
        return;
    }
    struct la_rec rec;
    la_time_wait_unfold(s, folded, &rec);
    la_tcp_end(&rec.tcp, LA_TCP_EV_FORGET, LA_OK, &todo);
    la_time_wait_settle(s, folded, &rec, &todo);
}

void
la_time_waits_bound(struct la_stack *s, uint32_t newest)
{
    /* DEVIATION(D3): of too many, the oldest gives way before its 2 MSL are over. */
    while (s->time_wait.n + s->time_waits.n > s->cfg.time_wait_n_max)
        forget_oldest(s, newest);
}
