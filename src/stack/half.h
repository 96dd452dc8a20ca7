/* SPDX-License-Identifier: MIT
 *
 * half.h - half-open connections: SYN-RECEIVED after a passive OPEN by a listener
 *
 * Read first: RFC 4987 2 and 3.4; RFC 9293 3.10.7.2, 3.10.7.4.
 *
 * A half-open connection costs whoever floods us nothing, so it may cost us little: struct la_half
 * is the peer's SYN, our ISS and how often we have answered. All the rest follows from those and
 * the listener's configuration. A segment, a timer or a call unfolds it into a whole connection
 * (struct la_rec) for as long as it is served; tcp/ then does what it does for every connection,
 * state changes by la_tcp_enter() included. Afterwards it is folded again, or it has become a
 * connection with a record of its own, or it is over.
 */
#ifndef LA_STACK_HALF_H
#define LA_STACK_HALF_H

#include "stack/instance.h"

enum la_half_flag {
    LA_HALF_LIVE = 1,
    LA_HALF_MSS = 2, /* what the SYN had */
    LA_HALF_WSCALE = 4,
    LA_HALF_SACK = 8,
    LA_HALF_TIMESTAMPS = 16,
    LA_HALF_ECN = 32,
    LA_HALF_FAST_OPEN = 64,      /* its SYN,ACK tells a Fast Open cookie, */
    LA_HALF_FAST_OPEN_TRIAL = 128 /* in the experimental option, as it was asked */
};

struct la_half {
    uint32_t hash_next;  /* the pool's while free, as is the next member */
    la_seq irs;
    struct la_wheel_link wheel; /* when the SYN,ACK is to be sent again */
    struct la_addr local_addr, remote_addr;
    uint16_t local_port, remote_port;
    la_seq iss;
    uint32_t ts_recent;
    uint32_t born_us;    /* when the SYN came */
    uint32_t wnd;        /* what we offered */
    uint16_t mss;        /* the SYN's */
    uint16_t listener;
    uint8_t flags;       /* enum la_half_flag */
    uint8_t wscale : 4;  /* the SYN's; 15: more than 14 */
    uint8_t accecn : 1;  /* accurate ECN is agreed, */
    uint8_t syn_ecn : 2; /* the latest SYN came with that, */
    uint8_t no_ect : 1;  /* and we send nothing as ECT */
    uint8_t backoff_n;
    uint8_t sent_n;      /* SYN,ACKs */
    uint8_t challenges; /* as in struct la_tcp_conn */
    int8_t iface;
};
/* With its bucket in the index, 88 octets. An index, a handle's too, names it with LA_HALF_IDX; the
 * functions here want it without. */
_Static_assert(sizeof(struct la_half) <= 84, "a half-open connection has grown");

void la_halves_init(struct la_stack *s);
void la_halves_fini(struct la_stack *s);

uint32_t *la_half_hash_next(const struct la_stack *s, uint32_t idx);
uint32_t la_half_hash(const struct la_stack *s, uint32_t idx);
bool la_half_is_about(const struct la_stack *s, uint32_t idx, const struct la_tuple *tuple);
/* LA_POOL_NONE: it is not, or no longer, a half-open connection's. */
uint32_t la_half_of_handle(const struct la_stack *s, la_handle h);
/* The next one of a walk, from *cursor on, which counts records; false at the end. */
bool la_half_next(const struct la_stack *s, uint32_t *cursor, la_handle *out);

/* Whose SYN it is, and for whom. */
struct la_half_open {
    struct la_tuple tuple;
    uint32_t listener;
    int iface;
};

/* A SYN for a listener that has room: answered, and remembered. */
void la_half_new(struct la_stack *s, const struct la_half_open *open, const struct la_tcp_seg *syn,
                 struct la_tcp_todo *todo);

/* How often its SYN,ACK was sent again. */
uint32_t la_half_again_n(const struct la_stack *s, uint32_t idx);
/* The whole connection, to look at. */
void la_half_view(const struct la_stack *s, uint32_t idx, struct la_rec *out);
/* The same to work with: it holds what is in flight. False: no memory. */
bool la_half_unfold(struct la_stack *s, uint32_t idx, struct la_rec *out, la_instant now);
/* After the work: sends what is to be sent, then folds it, ends it, or makes it the connection
 * `reserved` (la_half_reserve()), which waits to be accepted. */
void la_half_settle(struct la_stack *s, uint32_t idx, struct la_rec *rec, uint32_t reserved,
                    struct la_tcp_todo *todo);
/* A record for the connection that a half-open one may be about to become; what it tells from here
 * on is told under the new handle. LA_REC_NONE: no memory. */
uint32_t la_half_reserve(struct la_stack *s, struct la_rec *rec);
/* It did not. */
void la_half_unreserve(struct la_stack *s, uint32_t idx, struct la_rec *rec, uint32_t reserved);

/* What opening and settling are made of, for those that no record remembers (cookie.c): the
 * connection before its SYN (false: no route leads there now); its own record, which waits to be
 * accepted. */
bool la_half_rec_init(const struct la_stack *s, const struct la_half_open *open, la_seq iss,
                      struct la_rec *out);
void la_half_promote(struct la_stack *s, uint32_t reserved, struct la_rec *rec,
                     struct la_tcp_todo *todo);

/* Serves one whose time has come. False: there is none. */
bool la_half_run(struct la_stack *s, la_instant now);
/* Resets those of a listener. */
void la_half_reset_all(struct la_stack *s, uint32_t listener);

#endif
