/* SPDX-License-Identifier: MIT
 *
 * listeners.c - passive OPEN: listeners, their SYN queues and accept queues
 *
 * Read first: RFC 9293 3.10.1, 3.10.7.2, 3.9.1.1 (MUST-41, MUST-42); RFC 4987 2.
 *
 * A half-open connection stands in its listener's SYN queue (half.h), a complete one in the accept
 * queue until it is taken. Both are bounded. A SYN that finds the accept queue full is dropped, and
 * so is the third segment of a handshake, unless it is to be answered with a RST; both are sent
 * again by the peer. A SYN that finds the SYN queue full is answered with a cookie (cookie.h), or
 * dropped.
 *
 * DEVIATION(D14): a listener is no connection and never becomes one by an active OPEN.
 */
#include <string.h>

#include "base/addr.h"
#include "base/assert.h"
#include "stack/cookie.h"
#include "stack/fast_open.h"
#include "tcp/user.h"

enum { LISTENER_CHUNK_SHIFT = 3, LISTENERS_MAX = 65536 };

/* Ports of listeners are chosen here, not by a peer: each has a bucket of its own. */
static uint32_t
port_hash(uint16_t port)
{
    return port;
}

static uint32_t *
next_of_listener(void *ctx, uint32_t idx)
{
    return &la_listener_at(ctx, idx)->hash_next;
}

static uint32_t
hash_of_listener(void *ctx, uint32_t idx)
{
    return port_hash(la_listener_at(ctx, idx)->local.port);
}

bool
la_listeners_init(struct la_stack *s)
{
    s->listener_events = LA_REC_NONE;
    la_pool_init(&s->listeners, s->mem, sizeof(struct la_listener), LISTENER_CHUNK_SHIFT,
                 LISTENERS_MAX);
    struct la_index_records records = {next_of_listener, hash_of_listener, s};
    return la_index_init(&s->listener_index, s->mem, &records);
}

void
la_listeners_fini(struct la_stack *s)
{
    la_index_fini(&s->listener_index);
    la_pool_fini(&s->listeners);
}

/* The listener at exactly this address and port, from `idx` of the port's chain on. */
static uint32_t
next_exact(const struct la_stack *s, uint32_t idx, const struct la_addr *addr, uint16_t port)
{
    while (idx != LA_INDEX_NONE) {
        const struct la_listener *l = la_listener_at(s, idx);
        if (l->local.port == port && la_addr_equal(&l->local.addr, addr))
            return idx;
        idx = l->hash_next;
    }
    return LA_REC_NONE;
}

static uint32_t
find_exact(const struct la_stack *s, const struct la_addr *addr, uint16_t port)
{
    uint32_t first = la_index_first(&s->listener_index, port_hash(port));
    return next_exact(s, first, addr, port);
}

/* Of several that share the address and port of `first`, the one that this peer gets, evenly and
 * always the same one. */
static uint32_t
choose_shared(const struct la_stack *s, uint32_t first, const struct la_endpoint *peer)
{
    const struct la_listener *l = la_listener_at(s, first);
    uint32_t n = 0, idx = first;
    for (uint32_t i = first; i != LA_REC_NONE; n++)
        i = next_exact(s, la_listener_at(s, i)->hash_next, &l->local.addr, l->local.port);
    uint64_t words[3] = {0, 0, peer->port};
    memcpy(words, peer->addr.b, sizeof(peer->addr.b));
    for (uint64_t k = la_hash_words(&s->index_key, words, 3) % n; k > 0; k--)
        idx = next_exact(s, la_listener_at(s, idx)->hash_next, &l->local.addr, l->local.port);
    return idx;
}

static uint32_t
find_best(const struct la_stack *s, const struct la_endpoint *local)
{
    uint32_t idx = find_exact(s, &local->addr, local->port);
    if (idx != LA_REC_NONE)
        return idx;
    struct la_addr any = {{0}};
    struct la_addr any_v4 = la_addr_v4(0, 0, 0, 0);
    bool v4 = la_addr_is_mapped(&local->addr);
    if (v4)
        idx = find_exact(s, &any_v4, local->port);
    if (idx != LA_REC_NONE)
        return idx;
    idx = find_exact(s, &any, local->port); /* :: takes both families, if it may */
    return idx != LA_REC_NONE && v4 && la_listener_at(s, idx)->v6only ? LA_REC_NONE : idx;
}

uint32_t
la_listener_find(const struct la_stack *s, const struct la_tuple *tuple)
{
    uint32_t idx = find_best(s, &tuple->local);
    if (idx == LA_REC_NONE || !la_listener_at(s, idx)->shared)
        return idx;
    return choose_shared(s, idx, &tuple->remote);
}

static uint32_t
of_handle(const struct la_stack *s, la_handle h)
{
    uint32_t idx = (uint32_t)h;
    if (h >> 60 != LA_HANDLE_LISTENER || idx >= s->listeners.items_n)
        return LA_REC_NONE;
    const struct la_listener *l = la_listener_at(s, idx);
    if (!l->live || la_handle_make(LA_HANDLE_LISTENER, l->gen, idx) != h)
        return LA_REC_NONE;
    return idx;
}

/* ---- user calls ------------------------------------------------------------------------- */

static uint32_t
clamp_backlog(const struct la_stack *s, uint32_t backlog)
{
    if (backlog == 0)
        return 1;
    return backlog > s->cfg.accept_queue_n_max ? s->cfg.accept_queue_n_max : backlog;
}

static bool
port_is_free(const struct la_stack *s, const struct la_endpoint *local, bool shared)
{
    uint32_t idx = find_exact(s, &local->addr, local->port);
    return idx == LA_REC_NONE || (shared && la_listener_at(s, idx)->shared);
}

static la_err
choose_port(struct la_stack *s, struct la_endpoint *local)
{
    uint32_t range = (uint32_t)(s->cfg.port_ephemeral_max - s->cfg.port_ephemeral_min) + 1;
    uint32_t start = (uint32_t)la_rng_below(&s->port_rng, range);
    for (uint32_t i = 0; i < range; i++) {
        local->port = (uint16_t)(s->cfg.port_ephemeral_min + (start + i) % range);
        if (port_is_free(s, local, false))
            return LA_OK;
    }
    return LA_ERR_ADDRESS_NOT_AVAILABLE;
}

static la_err
choose_endpoint(struct la_stack *s, const struct la_listener_cfg *cfg, struct la_endpoint *out)
{
    *out = cfg->local;
    if (!la_addr_is_any(&out->addr) && !la_net_is_local(s->net, LA_NET_IFACE_LOCAL, &out->addr))
        return LA_ERR_ADDRESS_NOT_AVAILABLE;
    if (out->port == 0)
        return choose_port(s, out);
    return port_is_free(s, out, cfg->shared) ? LA_OK : LA_ERR_ADDRESS_IN_USE;
}

la_err
la_listener_open_cfg(struct la_stack *s, const struct la_listener_cfg *cfg, la_handle *out,
                     la_instant now)
{
    *out = 0;
    la_stack_clock(s, now);
    if (cfg->tcp != NULL && !la_tcp_cfg_ok(cfg->tcp))
        return LA_ERR_BAD_ARGUMENT;
    struct la_endpoint at;
    la_err err = choose_endpoint(s, cfg, &at);
    if (err != LA_OK)
        return err;
    uint32_t idx = la_pool_take(&s->listeners);
    if (idx == LA_POOL_NONE)
        return s->listeners.live_n >= LISTENERS_MAX ? LA_ERR_LIMIT : LA_ERR_NO_MEMORY;
    struct la_listener *l = la_listener_at(s, idx);
    uint32_t gen = l->gen;
    memset(l, 0, sizeof(*l));
    l->gen = gen;
    l->live = true;
    l->local = at;
    l->v6only = cfg->v6only;
    l->shared = cfg->shared;
    l->backlog_n = clamp_backlog(s, cfg->backlog);
    l->cfg = cfg->tcp != NULL ? *cfg->tcp : s->cfg.tcp;
    la_list_init(&l->accept_queue);
    la_index_insert(&s->listener_index, idx, port_hash(at.port));
    *out = la_handle_make(LA_HANDLE_LISTENER, gen, idx);
    return LA_OK;
}

la_err
la_listener_open(struct la_stack *s, const struct la_endpoint *local, uint32_t backlog,
                 const struct la_tcp_cfg *cfg, la_handle *out, la_instant now)
{
    struct la_listener_cfg all = {.local = *local, .backlog = backlog, .tcp = cfg};
    return la_listener_open_cfg(s, &all, out, now);
}

la_err
la_listener_accept(struct la_stack *s, la_handle listener, la_handle *out, la_instant now)
{
    *out = 0;
    la_stack_clock(s, now);
    uint32_t lidx = of_handle(s, listener);
    if (lidx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_listener *l = la_listener_at(s, lidx);
    uint32_t idx = l->accept_queue.first;
    if (idx == LA_REC_NONE)
        return LA_ERR_AGAIN;
    struct la_rec *rec = la_rec_at(s, idx);
    la_list_remove(s, &l->accept_queue, LA_LIST_QUEUE, idx);
    rec->queue = LA_QUEUE_NONE;
    rec->flags |= LA_REC_OWNED;
    l->accepted_n++;
    la_stack_tell_call(s, idx, LA_CALL_OPEN_PASSIVE, 0);
    *out = la_rec_handle(s, idx);
    /* What came before it was taken has to be told now. */
    la_rec_tell(s, idx, la_stack_ready_level(s, idx));
    return LA_OK;
}

la_err
la_listener_backlog_set(struct la_stack *s, la_handle listener, uint32_t backlog)
{
    uint32_t idx = of_handle(s, listener);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    la_listener_at(s, idx)->backlog_n = clamp_backlog(s, backlog);
    return LA_OK;
}

la_err
la_listener_tcp_cfg_set(struct la_stack *s, la_handle listener, const struct la_tcp_cfg *cfg)
{
    uint32_t idx = of_handle(s, listener);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    if (!la_tcp_cfg_ok(cfg))
        return LA_ERR_BAD_ARGUMENT;
    struct la_listener *l = la_listener_at(s, idx);
    l->cfg = *cfg;
    l->fresh_mtu_bytes = 0;
    return LA_OK;
}

/* Resets every connection of a queue. */
static void
reset_all(struct la_stack *s, struct la_list *queue)
{
    while (queue->first != LA_REC_NONE) {
        uint32_t idx = queue->first;
        struct la_rec *rec = la_rec_at(s, idx);
        struct la_tcp_todo todo = la_stack_todo(s, s->now);
        la_list_remove(s, queue, LA_LIST_QUEUE, idx);
        rec->queue = LA_QUEUE_NONE;
        rec->tcp.flags |= LA_TCP_F_RELEASED;
        la_tcp_abort(&rec->tcp, &todo);
        la_rec_settle(s, idx, &todo);
    }
}

static void
untell(struct la_stack *s, uint32_t idx)
{
    uint32_t *link = &s->listener_events;
    while (*link != LA_REC_NONE && *link != idx)
        link = &la_listener_at(s, *link)->event_next;
    if (*link == idx)
        *link = la_listener_at(s, idx)->event_next;
}

la_err
la_listener_close(struct la_stack *s, la_handle listener, la_instant now)
{
    la_stack_clock(s, now);
    uint32_t idx = of_handle(s, listener);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_listener *l = la_listener_at(s, idx);
    la_half_reset_all(s, idx);
    reset_all(s, &l->accept_queue);
    la_fast_open_forget_listener(s, idx);
    untell(s, idx);
    la_index_remove(&s->listener_index, idx, port_hash(l->local.port));
    l->live = false;
    l->gen++;
    la_pool_give(&s->listeners, idx);
    return LA_OK;
}

la_err
la_listener_status(const struct la_stack *s, la_handle listener, struct la_listener_status *out)
{
    uint32_t idx = of_handle(s, listener);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    const struct la_listener *l = la_listener_at(s, idx);
    *out = (struct la_listener_status){
        .local = l->local,
        .backlog_n = l->backlog_n,
        .accept_queue_n = l->accept_queue.n,
        .syn_queue_n = l->syn_queue_n,
        .accepted_n = l->accepted_n,
        .syn_dropped_n = l->syn_dropped_n,
        .accept_dropped_n = l->accept_dropped_n,
        .syn_queue_n_max = s->cfg.syn_queue_n_max,
        .user = l->user,
        .cookies_sent_n = l->cookies_sent_n,
        .cookies_taken_n = l->cookies_taken_n,
        .cookies_bad_n = l->cookies_bad_n,
        .fast_opens_n = l->fast_opens_n,
        .fast_open_pending_n = la_fast_open_pending(s, l),
    };
    return LA_OK;
}

bool
la_listener_next(const struct la_stack *s, uint32_t *cursor, la_handle *out)
{
    *out = 0;
    for (unsigned n = 0; n < LA_WALK_N_MAX && *cursor < s->listeners.items_n && *out == 0; n++) {
        uint32_t idx = (*cursor)++;
        const struct la_listener *l = la_listener_at(s, idx);
        if (l->live)
            *out = la_handle_make(LA_HANDLE_LISTENER, l->gen, idx);
    }
    return *out != 0 || *cursor < s->listeners.items_n;
}

/* ---- segments --------------------------------------------------------------------------- */

void
la_listener_syn(struct la_stack *s, uint32_t listener, const struct la_tuple *tuple, int iface,
                const struct la_tcp_seg *syn, struct la_tcp_todo *todo)
{
    struct la_listener *l = la_listener_at(s, listener);
    struct la_half_open open = {*tuple, listener, iface};
    bool cookie = la_cookie_wanted(s, listener, todo);
    if (l->accept_queue.n >= l->backlog_n)
        todo->reason = LA_REASON_ACCEPT_QUEUE_FULL;
    else if (!cookie && l->syn_queue_n >= s->cfg.syn_queue_n_max)
        todo->reason = LA_REASON_SYN_QUEUE_FULL;
    if (todo->reason != LA_REASON_NONE)
        l->syn_dropped_n++;
    else if (cookie)
        la_cookie_answer(s, &open, syn, todo);
    else if (!la_fast_open_take(s, &open, syn, todo))
        la_half_new(s, &open, syn, todo);
}

bool
la_listener_has_room(const struct la_stack *s, uint32_t listener)
{
    const struct la_listener *l = la_listener_at(s, listener);
    return l->accept_queue.n < l->backlog_n;
}

void
la_listener_established(struct la_stack *s, uint32_t idx)
{
    struct la_rec *rec = la_rec_at(s, idx);
    uint32_t listener = rec->listener;
    struct la_listener *l = la_listener_at(s, listener);
    rec->queue = LA_QUEUE_ACCEPT;
    la_list_push(s, &l->accept_queue, LA_LIST_QUEUE, idx);
    s->stats.tcp_passive_opens++;
    if (!l->told) {
        l->told = true;
        l->event_next = s->listener_events;
        s->listener_events = listener;
    }
}

bool
la_listener_next_event(struct la_stack *s, struct la_stack_event *out)
{
    uint32_t idx = s->listener_events;
    if (idx == LA_REC_NONE)
        return false;
    struct la_listener *l = la_listener_at(s, idx);
    s->listener_events = l->event_next;
    l->told = false;
    *out = (struct la_stack_event){
        .kind = LA_STACK_EV_LISTENER,
        .ready = LA_READY_READ,
        .handle = la_handle_make(LA_HANDLE_LISTENER, l->gen, idx),
        .user = l->user,
    };
    return true;
}

la_err
la_listener_user_set(struct la_stack *s, la_handle listener, uint64_t user)
{
    uint32_t idx = of_handle(s, listener);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    la_listener_at(s, idx)->user = user;
    return LA_OK;
}
