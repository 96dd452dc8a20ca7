/* SPDX-License-Identifier: MIT
 *
 * records.c - connection records: made, found, freed
 *
 * Read first: RFC 9293 3.4.1 and RFC 6528 (initial sequence numbers); RFC 7323 5.4 and 7.1
 * (timestamp offsets).
 */
#include <string.h>

#include "base/addr.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/time.h"
#include "stack/fast_open.h"
#include "stack/time_wait.h"
#include "tcp/congestion.h"

/* ---- four-tuples ------------------------------------------------------------------------ */

size_t
la_tuple_words(const struct la_tuple *t, uint64_t words[LA_TUPLE_WORDS_MAX])
{
    size_t n = 4;
    if (la_addr_is_mapped(&t->remote.addr)) {
        n = 1;
        memcpy(&words[0], la_addr_v4_bytes(&t->local.addr), 4);
        memcpy((uint8_t *)&words[0] + 4, la_addr_v4_bytes(&t->remote.addr), 4);
    } else {
        memcpy(&words[0], t->local.addr.b, 16);
        memcpy(&words[2], t->remote.addr.b, 16);
    }
    words[n] = (uint64_t)t->local.port << 16 | t->remote.port;
    return n + 1;
}

uint32_t
la_tuple_hash(const struct la_stack *s, const struct la_tuple *t)
{
    uint64_t words[LA_TUPLE_WORDS_MAX];
    size_t n = la_tuple_words(t, words);
    return (uint32_t)la_hash_words(&s->index_key, words, n);
}

static uint32_t
low_of(const struct la_addr *addr)
{
    uint32_t low;
    memcpy(&low, addr->b + LA_REC_HIGH_BYTES, sizeof(low));
    return low;
}

static struct la_addr
addr_of(const struct la_rec *rec, uint32_t low, const uint8_t *high)
{
    uint8_t octets[sizeof(low)];
    struct la_addr addr;
    memcpy(octets, &low, sizeof(low));
    if (rec->ipv6 == 0)
        return la_addr_from_v4(octets);
    memcpy(addr.b, high, LA_REC_HIGH_BYTES);
    memcpy(addr.b + LA_REC_HIGH_BYTES, octets, sizeof(octets));
    return addr;
}

struct la_addr
la_rec_local(const struct la_rec *rec)
{
    return addr_of(rec, rec->local_low, rec->local_high);
}

struct la_addr
la_rec_remote(const struct la_rec *rec)
{
    return addr_of(rec, rec->remote_low, rec->remote_high);
}

struct la_tuple
la_rec_tuple(const struct la_rec *rec)
{
    return (struct la_tuple){{la_rec_local(rec), rec->local_port},
                             {la_rec_remote(rec), rec->remote_port}};
}

void
la_rec_tuple_set(struct la_rec *rec, const struct la_tuple *t)
{
    rec->local_port = t->local.port;
    rec->remote_port = t->remote.port;
    rec->local_low = low_of(&t->local.addr);
    rec->remote_low = low_of(&t->remote.addr);
    rec->ipv6 = !la_addr_is_mapped(&t->remote.addr);
    if (rec->ipv6 == 0)
        return;
    memcpy(rec->local_high, t->local.addr.b, LA_REC_HIGH_BYTES);
    memcpy(rec->remote_high, t->remote.addr.b, LA_REC_HIGH_BYTES);
}

uint32_t
la_rec_hash(const struct la_stack *s, uint32_t idx)
{
    struct la_tuple tuple = la_rec_tuple(la_rec_at(s, idx));
    return la_tuple_hash(s, &tuple);
}

static bool
is_about(const struct la_rec *rec, const struct la_tuple *t)
{
    if (rec->local_port != t->local.port || rec->remote_port != t->remote.port ||
        rec->remote_low != low_of(&t->remote.addr) || rec->local_low != low_of(&t->local.addr))
        return false;
    if (rec->ipv6 == 0)
        return la_addr_is_mapped(&t->remote.addr);
    return memcmp(rec->remote_high, t->remote.addr.b, LA_REC_HIGH_BYTES) == 0 &&
           memcmp(rec->local_high, t->local.addr.b, LA_REC_HIGH_BYTES) == 0;
}

static bool
is_any_about(const struct la_stack *s, uint32_t idx, const struct la_tuple *t)
{
    if ((idx & LA_HALF_IDX) != 0)
        return la_half_is_about(s, idx & ~LA_HALF_IDX, t);
    if ((idx & LA_WAIT_IDX) != 0)
        return la_time_wait_is_about(s, idx, t);
    return is_about(la_rec_at(s, idx), t);
}

uint32_t *
la_stack_hash_next(void *ctx, uint32_t idx)
{
    struct la_stack *s = ctx;
    if ((idx & LA_HALF_IDX) != 0)
        return la_half_hash_next(s, idx & ~LA_HALF_IDX);
    return (idx & LA_WAIT_IDX) != 0 ? la_time_wait_hash_next(s, idx)
                                    : &la_rec_at(s, idx)->hash_next;
}

uint32_t
la_stack_hash_of(void *ctx, uint32_t idx)
{
    struct la_stack *s = ctx;
    if ((idx & LA_HALF_IDX) != 0)
        return la_half_hash(s, idx & ~LA_HALF_IDX);
    return (idx & LA_WAIT_IDX) != 0 ? la_time_wait_hash(s, idx) : la_rec_hash(s, idx);
}

uint32_t
la_stack_find(const struct la_stack *s, const struct la_tuple *t)
{
    uint32_t idx = la_index_first(&s->index, la_tuple_hash(s, t));
    while (idx != LA_INDEX_NONE && !is_any_about(s, idx, t))
        idx = la_index_next(&s->index, idx);
    return idx;
}

uint32_t
la_stack_find_again(struct la_stack *s, const struct la_tuple *t)
{
    if (s->found_idx != LA_REC_NONE) {
        const struct la_rec *rec = la_rec_at(s, s->found_idx);
        if ((rec->flags & LA_REC_INDEXED) != 0 && is_about(rec, t))
            return s->found_idx;
    }
    uint32_t idx = la_stack_find(s, t);
    s->found_idx = la_idx_is_rec(idx) ? idx : LA_REC_NONE;
    return idx;
}

/* ---- handles ---------------------------------------------------------------------------- */

la_handle
la_rec_handle(const struct la_stack *s, uint32_t idx)
{
    const struct la_rec *rec = la_rec_at(s, idx);
    bool request = (rec->flags & LA_REC_REQUEST) != 0;
    return la_handle_make(request ? LA_HANDLE_REQUEST : LA_HANDLE_CONN, rec->gen, idx);
}

uint32_t
la_rec_of_handle(const struct la_stack *s, la_handle h, bool request)
{
    uint32_t idx = (uint32_t)h;
    enum la_handle_kind kind = request ? LA_HANDLE_REQUEST : LA_HANDLE_CONN;
    if (h >> 60 != kind || !la_rec_exists(s, idx))
        return LA_REC_NONE;
    const struct la_rec *rec = la_rec_at(s, idx);
    if ((rec->flags & LA_REC_LIVE) == 0 || la_rec_handle(s, idx) != h)
        return LA_REC_NONE;
    return idx;
}

uint32_t
la_rec_owned(const struct la_stack *s, la_handle conn)
{
    uint32_t idx = la_rec_of_handle(s, conn, false);
    bool owned = idx != LA_REC_NONE && (la_rec_at(s, idx)->flags & LA_REC_OWNED) != 0;
    return owned ? idx : LA_REC_NONE;
}

/* ---- life ------------------------------------------------------------------------------- */

uint32_t
la_recs_end(const struct la_stack *s)
{
    uint32_t v4_n = s->recs[0].items_n, v6_n = s->recs[1].items_n;
    return 2 * (v4_n > v6_n ? v4_n : v6_n);
}

uint32_t
la_recs_live_n(const struct la_stack *s)
{
    return s->recs[0].live_n + s->recs[1].live_n;
}

uint32_t
la_rec_take(struct la_stack *s, bool ipv6)
{
    uint32_t at = la_pool_take(&s->recs[ipv6]);
    return at == LA_POOL_NONE ? LA_REC_NONE : at << 1 | ipv6;
}

void
la_rec_give(struct la_stack *s, uint32_t idx)
{
    la_pool_give(&s->recs[idx & 1], idx >> 1);
}

/* RFC 6528: M + F(tuple, secret), M a clock of 4 microseconds (MUST-8, MUST-9, SHLD-1) that moves
 * on over the text of SYNs as well: else a SYN,ACK to the last SYN between two ports might
 * acknowledge the next one. */
la_seq
la_rec_initial_sequence(const struct la_stack *s, const struct la_tuple *t)
{
    uint64_t words[LA_TUPLE_WORDS_MAX];
    size_t n = la_tuple_words(t, words);
    uint32_t m = (uint32_t)(uint64_t)(s->now.ns / (4 * LA_NS_PER_US)) + s->isn_past;
    return la_seq_of(m + (uint32_t)la_hash_words(&s->isn_key, words, n));
}

bool
la_rec_opening(const struct la_stack *s, const struct la_tuple *t, const struct la_tcp_cfg *cfg,
               struct la_tcp_open *out)
{
    uint64_t words[LA_TUPLE_WORDS_MAX];
    size_t addr_words_n = la_tuple_words(t, words) - 1;
    *out = (struct la_tcp_open){
        .cfg = cfg,
        .ts_offset = (uint32_t)la_hash_words(&s->timestamp_key, words, addr_words_n),
        .mtu_bytes = la_net_route_mtu(s->net, &t->remote.addr),
        .ipv6 = !la_addr_is_mapped(&t->remote.addr),
    };
    return out->mtu_bytes != 0;
}

la_err
la_rec_new(struct la_stack *s, const struct la_tuple *tuple, const struct la_tcp_cfg *cfg,
           int iface, uint32_t *out)
{
    if (la_stack_find(s, tuple) != LA_REC_NONE)
        return LA_ERR_ADDRESS_IN_USE;
    struct la_tcp_open open;
    if (!la_rec_opening(s, tuple, cfg, &open))
        return LA_ERR_NO_ROUTE;
    open.cc = la_cc_find(cfg->congestion_control);
    if (la_recs_live_n(s) + s->halves.live_n >= s->cfg.conns_n_max)
        return LA_ERR_LIMIT;
    uint32_t idx = la_rec_take(s, open.ipv6);
    if (idx == LA_REC_NONE)
        return LA_ERR_NO_MEMORY;
    struct la_rec *rec = la_rec_at(s, idx);
    uint32_t gen = rec->gen;
    memset(rec, 0, la_rec_bytes(open.ipv6));
    rec->gen = gen;
    rec->flags = LA_REC_LIVE | LA_REC_INDEXED;
    la_rec_tuple_set(rec, tuple);
    rec->iface = (int8_t)iface;
    la_wheel_link_init(&rec->wheel);

    open.iss = la_rec_initial_sequence(s, tuple);
    la_tcp_conn_init(&rec->tcp, &open, s->now);
    rec->tcp.name = idx;
    rec->counted = LA_TCP_CLOSED;
    s->state_n[LA_TCP_CLOSED]++;
    la_index_insert(&s->index, idx, la_rec_hash(s, idx));
    *out = idx;
    return LA_OK;
}

void
la_rec_unindex(struct la_stack *s, uint32_t idx)
{
    struct la_rec *rec = la_rec_at(s, idx);
    if ((rec->flags & LA_REC_INDEXED) != 0)
        la_index_remove(&s->index, idx, la_rec_hash(s, idx));
    rec->flags &= (uint8_t)~LA_REC_INDEXED;
}

static struct la_list *
queue_of(struct la_stack *s, struct la_rec *rec)
{
    switch ((enum la_rec_queue)rec->queue) {
    case LA_QUEUE_ACCEPT:
        return &la_listener_at(s, rec->listener)->accept_queue;
    case LA_QUEUE_TIME_WAIT:
        return &s->time_wait;
    case LA_QUEUE_NONE:
        break;
    }
    return NULL;
}

void
la_rec_free(struct la_stack *s, uint32_t idx)
{
    struct la_rec *rec = la_rec_at(s, idx);
    if (rec->queue != LA_QUEUE_NONE)
        la_list_remove(s, queue_of(s, rec), LA_LIST_QUEUE, idx);
    if (la_rec_on_list(rec, LA_LIST_OUTPUT))
        la_list_remove(s, &s->output, LA_LIST_OUTPUT, idx);
    if (la_rec_on_list(rec, LA_LIST_EVENTS))
        la_list_remove(s, &s->events, LA_LIST_EVENTS, idx);
    la_rec_unindex(s, idx);
    la_wheel_disarm(&s->wheel, idx);
    la_tcp_conn_fini(&rec->tcp, &s->env);
    s->state_n[rec->counted]--;
    rec->flags = 0;
    rec->gen++;
    la_rec_give(s, idx);
}
