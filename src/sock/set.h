/* SPDX-License-Identifier: MIT
 *
 * set.h - the inside of struct la_socks
 *
 * A socket holds what is decided before there is a connection (address, options), the stack's
 * handle once there is one, and the errors that are reported once.
 */
#ifndef LA_SOCK_SET_H
#define LA_SOCK_SET_H

#include <lastack/sock.h>
#include "base/pool.h"
#include "base/rng.h"

#define LA_SK_NONE UINT32_MAX

enum la_sk_phase {
    LA_SK_FRESH,      /* perhaps bound */
    LA_SK_DEFERRED,   /* connect() has said yes, the first send will (LA_SO_FASTOPEN_CONNECT) */
    LA_SK_CONNECTING,
    LA_SK_CONNECTED,  /* also after its end, until it is closed */
    LA_SK_FAILED,     /* the attempt failed: may be tried again */
    LA_SK_LISTENING,
    LA_SK_DATAGRAM
};

struct la_sk {
    uint32_t spare[2];    /* the pool's while free */
    uint32_t gen;
    uint32_t idx;
    uint32_t event_next;
    bool live;
    bool on_events;
    uint8_t family, type; /* enum la_sock_family, la_sock_type */
    uint8_t phase;        /* enum la_sk_phase */
    bool bound;
    bool up_untold;       /* connect() returned IN_PROGRESS and has not yet returned OK */
    bool err_taken;       /* the connection's error was reported */
    bool shut_read, shut_write;
    la_err err;           /* pending */
    la_handle handle;     /* connection, listener or UDP socket; 0 = none */
    struct la_endpoint local, peer;
    uint64_t user;
    int64_t options[LA_SO_COUNT];
};

struct la_socks {
    struct la_mem *mem;
    struct la_stack *stack;
    struct la_pool pool;
    uint32_t event_first, event_last;
    struct la_rng port_rng;
};

static inline struct la_sk *
la_sk_at(const struct la_socks *set, uint32_t idx)
{
    return la_pool_at(&set->pool, idx);
}

/* NULL: stale. */
struct la_sk *la_sk_of(const struct la_socks *set, la_sock s);
la_sock la_sk_name(const struct la_sk *sk);
/* A fresh one with default options; NULL: no memory. */
struct la_sk *la_sk_new(struct la_socks *set, enum la_sock_family family, enum la_sock_type type);
void la_sk_free(struct la_socks *set, struct la_sk *sk);
/* Its poll mask may have changed. */
void la_sk_touch(struct la_socks *set, struct la_sk *sk);

/* Options as a connection's configuration (options.c). */
void la_sk_options_init(struct la_sk *sk, const struct la_tcp_cfg *defaults);
struct la_tcp_cfg la_sk_cfg(const struct la_socks *set, const struct la_sk *sk);
/* Sets on a connection what a configuration does not hold. */
void la_sk_options_apply(struct la_socks *set, const struct la_sk *sk, la_instant now);
/* Sets on a datagram socket that has a handle now what was set before. */
la_err la_sk_datagram_options(struct la_socks *set, const struct la_sk *sk);

/* Connects, with what of `bytes` goes with the SYN (calls.c): as la_sock_connect_send(). */
la_ssize la_sk_open_send(struct la_socks *set, struct la_sk *sk, const struct la_endpoint *remote,
                         struct la_bytes bytes, la_instant now);

/* Binds to a port of its own when it has none (names.c). */
la_err la_sk_autobind(struct la_socks *set, struct la_sk *sk);

#endif
