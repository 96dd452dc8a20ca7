/* SPDX-License-Identifier: MIT
 *
 * set.c - the set of sockets: life, names, events
 */
#include "sock/set.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum { CHUNK_SHIFT = 4, SOCKS_MAX = 1 << 24 };

/* ---- names ------------------------------------------------------------------------------ */

struct la_sk *
la_sk_of(const struct la_socks *set, la_sock s)
{
    uint32_t idx = (uint32_t)s - 1;
    if (s == 0 || idx >= set->pool.items_n)
        return NULL;
    struct la_sk *sk = la_sk_at(set, idx);
    return sk->live && sk->gen == (uint32_t)(s >> 32) ? sk : NULL;
}

la_sock
la_sk_name(const struct la_sk *sk)
{
    return (uint64_t)sk->gen << 32 | (sk->idx + 1u);
}

/* ---- life ------------------------------------------------------------------------------- */

la_err
la_socks_new(struct la_stack *stack, struct la_socks **out)
{
    struct la_mem *mem = la_stack_mem(stack);
    struct la_socks *set = la_mem_take(mem, sizeof(*set));
    *out = set;
    if (set == NULL)
        return LA_ERR_NO_MEMORY;
    set->mem = la_mem_ref(mem);
    set->stack = stack;
    set->event_first = set->event_last = LA_SK_NONE;
    struct la_seed seed;
    la_stack_seed(stack, seed.w);
    la_rng_init(&set->port_rng, &seed, "sock port");
    la_pool_init(&set->pool, mem, sizeof(struct la_sk), CHUNK_SHIFT, SOCKS_MAX);
    return LA_OK;
}

void
la_socks_free(struct la_socks *set)
{
    if (set == NULL)
        return;
    for (uint32_t i = 0; i < set->pool.items_n; i++)
        if (la_sk_at(set, i)->live) {
            la_err err = la_sock_close(set, la_sk_name(la_sk_at(set, i)), la_stack_now(set->stack));
            LA_ASSERT(err == LA_OK);
        }
    la_pool_fini(&set->pool);
    struct la_mem *mem = set->mem;
    la_mem_give(mem, set, sizeof(*set));
    la_mem_unref(mem);
}

struct la_sk *
la_sk_new(struct la_socks *set, enum la_sock_family family, enum la_sock_type type)
{
    uint32_t idx = la_pool_take(&set->pool);
    if (idx == LA_POOL_NONE)
        return NULL;
    struct la_sk *sk = la_sk_at(set, idx);
    uint32_t gen = sk->gen;
    memset(sk, 0, sizeof(*sk));
    sk->gen = gen;
    sk->idx = idx;
    sk->live = true;
    sk->family = (uint8_t)family;
    sk->type = (uint8_t)type;
    sk->phase = type == LA_SOCK_DATAGRAM ? LA_SK_DATAGRAM : LA_SK_FRESH;
    if (family == LA_SOCK_IPV4)
        sk->local.addr = sk->peer.addr = la_addr_v4(0, 0, 0, 0);
    la_sk_options_init(sk, la_stack_tcp_cfg(set->stack));
    return sk;
}

static void
unqueue(struct la_socks *set, const struct la_sk *sk)
{
    uint32_t prev = LA_SK_NONE;
    for (uint32_t i = set->event_first; i != sk->idx; i = la_sk_at(set, i)->event_next)
        prev = i;
    if (prev == LA_SK_NONE)
        set->event_first = sk->event_next;
    else
        la_sk_at(set, prev)->event_next = sk->event_next;
    if (set->event_last == sk->idx)
        set->event_last = prev;
}

void
la_sk_free(struct la_socks *set, struct la_sk *sk)
{
    if (sk->on_events)
        unqueue(set, sk);
    sk->live = false;
    sk->gen++;
    la_pool_give(&set->pool, sk->idx);
}

/* ---- events ----------------------------------------------------------------------------- */

void
la_sk_touch(struct la_socks *set, struct la_sk *sk)
{
    if (sk->on_events)
        return;
    sk->on_events = true;
    sk->event_next = LA_SK_NONE;
    if (set->event_last == LA_SK_NONE)
        set->event_first = sk->idx;
    else
        la_sk_at(set, set->event_last)->event_next = sk->idx;
    set->event_last = sk->idx;
}

/* The connection says how its OPEN went. */
static void
finish_connect(struct la_socks *set, struct la_sk *sk)
{
    struct la_conn_status status;
    if (sk->phase != LA_SK_CONNECTING || la_conn_status(set->stack, sk->handle, &status) != LA_OK)
        return;
    if ((status.ready & LA_READY_OPEN) != 0) {
        sk->phase = LA_SK_CONNECTED;
        sk->up_untold = true;
        sk->local = status.local;
    } else if (status.err != LA_OK) {
        sk->phase = LA_SK_FAILED;
        sk->err = status.err;
        la_err err = la_conn_release(set->stack, sk->handle, la_stack_now(set->stack));
        LA_ASSERT(err == LA_OK);
        sk->handle = 0;
    }
}

bool
la_sock_next_event(struct la_socks *set, struct la_sock_event *out)
{
    struct la_stack_event ev;
    while (la_stack_next_event(set->stack, &ev)) {
        struct la_sk *sk = la_sk_of(set, ev.user);
        if (sk == NULL || sk->handle != ev.handle)
            continue;
        finish_connect(set, sk);
        la_sk_touch(set, sk);
    }
    if (set->event_first == LA_SK_NONE)
        return false;
    struct la_sk *sk = la_sk_at(set, set->event_first);
    set->event_first = sk->event_next;
    if (set->event_first == LA_SK_NONE)
        set->event_last = LA_SK_NONE;
    sk->on_events = false;
    la_sock name = la_sk_name(sk);
    *out = (struct la_sock_event){name, la_sock_poll(set, name), sk->user};
    return true;
}

la_err
la_sock_user_set(struct la_socks *set, la_sock s, uint64_t user)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    sk->user = user;
    return LA_OK;
}

/* ---- poll ------------------------------------------------------------------------------- */

/* As Linux: each direction that is over is readable, or writable, without waiting. */
static uint32_t
poll_connection(const struct la_socks *set, const struct la_sk *sk)
{
    struct la_conn_status status;
    if (la_conn_status(set->stack, sk->handle, &status) != LA_OK)
        return LA_POLL_IN | LA_POLL_OUT | LA_POLL_HUP | LA_POLL_RDHUP;
    bool closed = (status.ready & LA_READY_CLOSED) != 0;
    bool in_over = closed || sk->shut_read || (status.ready & LA_READY_END) != 0;
    bool out_over = closed || sk->shut_write;
    uint32_t poll = 0;
    if (in_over || (status.ready & LA_READY_READ) != 0)
        poll |= LA_POLL_IN;
    if (out_over || (status.ready & LA_READY_WRITE) != 0)
        poll |= LA_POLL_OUT;
    if ((status.ready & LA_READY_URGENT) != 0)
        poll |= LA_POLL_PRI;
    if (in_over)
        poll |= LA_POLL_RDHUP;
    if (in_over && out_over)
        poll |= LA_POLL_HUP;
    if (status.err != LA_OK && !sk->err_taken)
        poll |= LA_POLL_ERR;
    return poll;
}

static uint32_t
poll_listener(const struct la_socks *set, const struct la_sk *sk)
{
    struct la_listener_status status;
    la_err err = la_listener_status(set->stack, sk->handle, &status);
    return err == LA_OK && status.accept_queue_n > 0 ? LA_POLL_IN : 0;
}

uint32_t
la_sock_poll(const struct la_socks *set, la_sock s)
{
    const struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_POLL_ERR;
    switch ((enum la_sk_phase)sk->phase) {
    case LA_SK_FRESH:
        return LA_POLL_OUT | LA_POLL_HUP;
    case LA_SK_DEFERRED:
        return LA_POLL_OUT;
    case LA_SK_CONNECTING:
        return 0;
    case LA_SK_CONNECTED:
        return poll_connection(set, sk);
    case LA_SK_FAILED:
        return LA_POLL_IN | LA_POLL_OUT | LA_POLL_HUP | LA_POLL_RDHUP |
               (sk->err != LA_OK ? LA_POLL_ERR : 0);
    case LA_SK_LISTENING:
        return poll_listener(set, sk);
    case LA_SK_DATAGRAM:
        return LA_POLL_OUT | (la_udp_readable(set->stack, sk->handle) ? LA_POLL_IN : 0);
    }
    return LA_POLL_ERR;
}
