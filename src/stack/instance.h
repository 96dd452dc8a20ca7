/* SPDX-License-Identifier: MIT
 *
 * instance.h - the inside of struct la_stack: records, listeners, tables, lists
 *
 * One record (struct la_rec) per connection, found by four-tuple through `index`, by handle through
 * its pool, and by deadline through `wheel`. Those that are half-open at a listener (half.h) or
 * rest in TIME-WAIT (time_wait.h) have smaller ones, found through the same `index`, where the
 * highest bits tell the kinds apart. Lists are chained through the records by index. A record is
 * freed when its connection is CLOSED and nobody holds a handle.
 */
#ifndef LA_STACK_INSTANCE_H
#define LA_STACK_INSTANCE_H

#include <lastack/stack.h>
#include "base/addr.h"
#include "base/hash.h"
#include "base/index.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/wheel.h"
#include "net/net.h"
#include "tcp/conn.h"
#include "wire/heads.h"
#include "wire/tcp_stencil.h"

#define LA_REC_NONE UINT32_MAX
/* What an index names: a record; with one of these bits, a smaller one. */
#define LA_HALF_IDX UINT32_C(0x80000000)
#define LA_WAIT_IDX UINT32_C(0x40000000)
enum { LA_CONNS_MAX = 1 << 29 }; /* so that the bits are free */

/* ---- lists of records ------------------------------------------------------------------- */

/* A record can be on one list of each kind. */
enum la_list_kind {
    LA_LIST_OUTPUT, /* has something to send */
    LA_LIST_EVENTS, /* has something to tell the application */
    LA_LIST_QUEUE,  /* a listener's accept queue, or whole ones in TIME-WAIT, oldest first */
    LA_LIST_KINDS
};

struct la_list {
    uint32_t first, last, n;
};

struct la_list_link {
    uint32_t next, prev;
};

enum la_rec_queue { LA_QUEUE_NONE, LA_QUEUE_ACCEPT, LA_QUEUE_TIME_WAIT };

enum la_rec_flag {
    LA_REC_LIVE = 1,    /* taken from the pool */
    LA_REC_OWNED = 2,   /* the application holds its handle */
    LA_REC_INDEXED = 4, /* found by its four-tuple */
    LA_REC_REQUEST = 8, /* the handle is a forwarder request's */
    LA_REC_GONE = 16,   /* a request that its peer gave up; freed when that was told */
    LA_REC_TOLD = 32,   /* the request was announced */
    LA_REC_FAST_OPEN = 64 /* in SYN-RECEIVED, and counts at its listener (fast_open.h) */
};

/* Of an address, all but the last four octets. */
enum { LA_REC_HIGH_BYTES = 12 };

/* Records of IPv4 connections have a pool of their own, where they end before the `high` members:
 * they are copied with la_rec_copy(), never by assignment. The lowest bit of an index is `ipv6`. */
struct la_rec {
    uint32_t hash_next; /* the pool's while free, as is the first member of the next */
    struct la_wheel_link wheel;
    struct la_list_link link[LA_LIST_KINDS];
    uint32_t local_low, remote_low; /* the last four octets of the addresses, as they lie there */
    uint64_t user;
    uint32_t gen;
    uint16_t local_port, remote_port;
    uint16_t listener;  /* that it came from, until it is accepted */
    uint8_t ready;      /* LA_READY_* to be told */
    uint8_t on_list;    /* bit per enum la_list_kind */
    uint8_t queue : 7;  /* enum la_rec_queue */
    uint8_t ipv6 : 1;
    uint8_t flags;      /* enum la_rec_flag */
    uint8_t counted;    /* the state it is counted under */
    int8_t iface;
    struct la_tcp_conn tcp; /* its name: the index of this */
    uint8_t local_high[LA_REC_HIGH_BYTES], remote_high[LA_REC_HIGH_BYTES]; /* with `ipv6` alone */
};
/* What an idle connection costs (docs/bench.md): without holes between the members. */
_Static_assert(offsetof(struct la_rec, tcp) <= 72, "a record has grown");

/* The SYN,ACK with a cookie that a listener made last; others to SYNs that ask for the same are
 * made from it (cookie.c). */
struct la_cookie_form {
    struct la_tcp_stencil stencil;
    unsigned kind; /* of the SYN */
};

struct la_listener {
    uint32_t hash_next; /* the pool's while free, as is the next member */
    uint32_t spare;
    uint32_t gen;
    bool live;
    bool told;          /* on the events list */
    bool v6only;
    bool shared;
    uint32_t event_next;
    struct la_endpoint local;
    uint32_t backlog_n;
    struct la_list accept_queue;
    uint32_t syn_queue_n; /* half-open connections (half.h) */
    struct la_tcp_cfg cfg;
    /* Its connections before their SYNs, by cfg (half.c): the latest one that was made. */
    struct la_tcp_conn fresh;
    uint32_t fresh_mtu_bytes; /* of its path; 0 = there is none */
    bool fresh_ipv6;
    struct la_cookie_form cookie_form; /* goes with `fresh` */
    uint64_t user;
    uint64_t accepted_n, syn_dropped_n, accept_dropped_n;
    uint64_t cookies_sent_n, cookies_taken_n, cookies_bad_n;
    la_instant cookie_at; /* when the latest was sent */
    uint64_t fast_opens_n;
    uint32_t fast_open_n;            /* records with LA_REC_FAST_OPEN */
    uint32_t fast_open_refused_n[2]; /* reset by their peers, in this period and the one before */
    int64_t fast_open_period;
};

/* Folded connections in TIME-WAIT (time_wait.c). */
struct la_time_waits {
    struct la_pool pool[2]; /* by family */
    uint32_t oldest, newest, n;
};

/* The keys of SYN cookies (cookie.c). */
struct la_cookies {
    struct la_rng rng;
    struct la_key key[2]; /* by the lowest bit of the age */
    int64_t age;
    bool used;            /* there are keys */
};

/* TCP Fast Open (fast_open.c, fast_open_peers.c). */
struct la_fast_opens {
    struct la_rng rng;
    struct la_key key[2]; /* the one that is used, and the one before it */
    uint8_t keys_n;
    bool key_told;        /* by the embedder */
    la_instant rotate_at;
    struct la_fast_open_peer *peers; /* NULL: nobody is known */
    size_t peers_bytes;
};

/* ---- the instance ----------------------------------------------------------------------- */

struct la_stack {
    struct la_mem *mem;
    struct la_stack_cfg cfg;
    struct la_net *net;
    struct la_tcp_env env;
    la_instant now;

    struct la_pool recs[2]; /* by family: IPv4, IPv6 */
    struct la_index index;
    uint32_t found_idx;             /* the record found last, LA_REC_NONE = none; may be stale */
    struct la_wheel wheel;
    struct la_list output, events, time_wait;
    struct la_pool halves; /* half.h */
    struct la_wheel half_wheel;
    struct la_time_waits time_waits;
    uint32_t requests_n;
    uint32_t state_n[LA_TCP_STATE_COUNT];

    struct la_pool listeners;
    struct la_index listener_index; /* by port */
    uint32_t listener_events;       /* first to tell; LA_REC_NONE = none */

    struct la_key index_key, isn_key, timestamp_key;
    uint32_t isn_past; /* numbers that M has moved over besides its clock */
    struct la_rng port_rng;
    struct la_cookies cookies;
    struct la_fast_opens fast_opens;
    struct la_stack_stats stats;

    /* The four-tuple that events without a connection are about. */
    struct la_endpoint about_local, about_remote;
};

/* ---- records (records.c) ---------------------------------------------------------------- */

static inline struct la_rec *
la_rec_at(const struct la_stack *s, uint32_t idx)
{
    return la_pool_at(&s->recs[idx & 1], idx >> 1);
}

/* Is there memory at this index? Walks look at all from 0 to before la_recs_end(). */
static inline bool
la_rec_exists(const struct la_stack *s, uint32_t idx)
{
    return idx >> 1 < s->recs[idx & 1].items_n;
}
uint32_t la_recs_end(const struct la_stack *s);
uint32_t la_recs_live_n(const struct la_stack *s);
/* From the pool of the family, and back; LA_REC_NONE: no memory. */
uint32_t la_rec_take(struct la_stack *s, bool ipv6);
void la_rec_give(struct la_stack *s, uint32_t idx);
/* Octets of a record in its pool. */
static inline size_t
la_rec_bytes(bool ipv6)
{
    return ipv6 ? sizeof(struct la_rec) : offsetof(struct la_rec, local_high);
}
static inline void
la_rec_copy(struct la_rec *out, const struct la_rec *rec)
{
    memcpy(out, rec, la_rec_bytes(rec->ipv6 != 0));
}

static inline struct la_rec *
la_rec_of(const struct la_tcp_conn *c)
{
    return (struct la_rec *)((uintptr_t)c - offsetof(struct la_rec, tcp));
}

struct la_tuple {
    struct la_endpoint local, remote;
};

static inline bool
la_tuple_equal(const struct la_tuple *a, const struct la_tuple *b)
{
    return a->local.port == b->local.port && a->remote.port == b->remote.port &&
           la_addr_same(&a->remote.addr, &b->remote.addr) &&
           la_addr_same(&a->local.addr, &b->local.addr);
}

/* A fresh record under its four-tuple, with the connection opened by `cfg` but CLOSED. LIMIT,
 * NO_MEMORY, ADDRESS_IN_USE, NO_ROUTE. */
la_err la_rec_new(struct la_stack *s, const struct la_tuple *tuple, const struct la_tcp_cfg *cfg,
                  int iface, uint32_t *out);
/* What la_tcp_conn_init() asks for, but for ISS and congestion control. False: no route; the rest
 * is there. */
bool la_rec_opening(const struct la_stack *s, const struct la_tuple *tuple,
                    const struct la_tcp_cfg *cfg, struct la_tcp_open *out);
la_seq la_rec_initial_sequence(const struct la_stack *s, const struct la_tuple *tuple);
/* Addresses, then ports in the lower half of a word. How many: the family by the number. */
enum { LA_TUPLE_WORDS_MAX = 5 };
size_t la_tuple_words(const struct la_tuple *tuple, uint64_t words[LA_TUPLE_WORDS_MAX]);
uint32_t la_tuple_hash(const struct la_stack *s, const struct la_tuple *tuple);
/* Hands what tcp/ has made for a record to its interface (output.c). */
struct la_tcp_out;
void la_rec_send_frames(struct la_stack *s, const struct la_rec *rec, struct la_tcp_out *out,
                        la_instant now);
/* Sends, if the connection has something to send, a segment or two at once: limited transmit (RFC
 * 3042) is due for each of the first two reports of a gap, and the third of the same burst begins a
 * recovery, in which it is not. */
void la_rec_send_some(struct la_stack *s, uint32_t idx, la_instant now);
/* The same for what stands on no list, because it has a record only while it is served: all that it
 * has to send, at once. */
void la_rec_output(struct la_stack *s, struct la_rec *rec, struct la_tcp_todo *todo);
/* The connection of any kind: an index with LA_HALF_IDX, LA_WAIT_IDX or neither; LA_REC_NONE: there
 * is none. */
uint32_t la_stack_find(const struct la_stack *s, const struct la_tuple *tuple);
/* The same for arriving segments, which come in runs of one connection: tries the one found last
 * before the index. */
uint32_t la_stack_find_again(struct la_stack *s, const struct la_tuple *tuple);
/* What the index asks of its records. */
uint32_t *la_stack_hash_next(void *stack, uint32_t idx);
uint32_t la_stack_hash_of(void *stack, uint32_t idx);
/* Does an index of theirs name a whole record? */
static inline bool
la_idx_is_rec(uint32_t idx)
{
    return (idx & (LA_HALF_IDX | LA_WAIT_IDX)) == 0;
}
struct la_tuple la_rec_tuple(const struct la_rec *rec);
/* Four-tuple and family. */
void la_rec_tuple_set(struct la_rec *rec, const struct la_tuple *tuple);
struct la_addr la_rec_local(const struct la_rec *rec);
struct la_addr la_rec_remote(const struct la_rec *rec);
uint32_t la_rec_hash(const struct la_stack *s, uint32_t idx);
/* Its four-tuple may be used again. */
void la_rec_unindex(struct la_stack *s, uint32_t idx);
void la_rec_free(struct la_stack *s, uint32_t idx);
/* LA_READY_* as of now. */
uint32_t la_stack_ready_level(const struct la_stack *s, uint32_t idx);
la_handle la_rec_handle(const struct la_stack *s, uint32_t idx);
/* LA_REC_NONE: stale, or not a connection's (a request's, with `request`). */
uint32_t la_rec_of_handle(const struct la_stack *s, la_handle h, bool request);
/* A connection whose handle the application holds: not one that it released, or has yet to accept.
 * LA_REC_NONE otherwise. */
uint32_t la_rec_owned(const struct la_stack *s, la_handle conn);

/* ---- what follows when something has happened to a record (settle.c) --------------------- */

/* What a call or a segment has changed: sends its RST, counts, queues, arms the timer, tells the
 * application, frees the record. The record may be gone afterwards. */
void la_rec_settle(struct la_stack *s, uint32_t idx, struct la_tcp_todo *todo);
/* The first part of it: the RST, and advice to the IP layer. */
void la_rec_answer(struct la_stack *s, const struct la_rec *rec, struct la_tcp_todo *todo);
void la_rec_tell(struct la_stack *s, uint32_t idx, uint32_t ready);
struct la_tcp_todo la_stack_todo(struct la_stack *s, la_instant now);
/* Sends the RST in todo from tuple->local. rec may be NULL. */
void la_stack_send_rst(struct la_stack *s, const struct la_tuple *tuple, const struct la_rec *rec,
                       struct la_tcp_todo *todo);
void la_stack_tell_call(struct la_stack *s, uint32_t idx, enum la_call call, uint64_t octets);
/* max(now, the latest that was seen): time never goes back. */
la_instant la_stack_clock(struct la_stack *s, la_instant now);
/* Are all values of a connection's configuration in their ranges? */
bool la_tcp_cfg_ok(const struct la_tcp_cfg *cfg);
/* Serves what this host sent to itself. */
void la_stack_local(struct la_stack *s, la_instant now);
void la_stack_drop(struct la_stack *s, enum la_reason reason);

/* ---- lists (lists.c) -------------------------------------------------------------------- */

void la_list_init(struct la_list *list);
void la_list_push(struct la_stack *s, struct la_list *list, enum la_list_kind kind, uint32_t idx);
void la_list_remove(struct la_stack *s, struct la_list *list, enum la_list_kind kind, uint32_t idx);
static inline bool
la_rec_on_list(const struct la_rec *rec, enum la_list_kind kind)
{
    return (rec->on_list & (1u << kind)) != 0;
}

/* ---- listeners (listeners.c) ------------------------------------------------------------ */

static inline struct la_listener *
la_listener_at(const struct la_stack *s, uint32_t idx)
{
    return la_pool_at(&s->listeners, idx);
}
bool la_listeners_init(struct la_stack *s);
void la_listeners_fini(struct la_stack *s);
/* Who takes a SYN of this four-tuple; LA_REC_NONE: nobody. */
uint32_t la_listener_find(const struct la_stack *s, const struct la_tuple *tuple);
/* A SYN for a listener. */
void la_listener_syn(struct la_stack *s, uint32_t listener, const struct la_tuple *tuple, int iface,
                     const struct la_tcp_seg *syn, struct la_tcp_todo *todo);
/* A connection of a listener has become ESTABLISHED. */
void la_listener_established(struct la_stack *s, uint32_t idx);
/* May one more connection become complete now? */
bool la_listener_has_room(const struct la_stack *s, uint32_t listener);
bool la_listener_next_event(struct la_stack *s, struct la_stack_event *out);

/* ---- the forwarder (forward.c) ---------------------------------------------------------- */

void la_forward_syn(struct la_stack *s, const struct la_tuple *tuple, int iface,
                    const struct la_tcp_seg *syn, struct la_tcp_todo *todo);
/* A segment for a connection whose SYN is held. */
void la_forward_segment(struct la_stack *s, uint32_t idx, const struct la_tcp_seg *seg,
                        struct la_tcp_todo *todo);

/* A held SYN was not answered in time. */
void la_forward_timeout(struct la_stack *s, uint32_t idx, struct la_tcp_todo *todo);

/* ---- arriving segments (input.c, gather.c) ---------------------------------------------- */

/* A TCP segment on its way to its connection: checksum, ports and options are judged. */
struct la_arrival {
    struct la_tuple tuple;
    int iface;
    struct la_tcp_seg seg;
    uint8_t ecn;            /* IP's ECN field */
    struct la_frame *frame; /* its payload is the text; owned, NULL = there is none */
    uint32_t segments_n;    /* that it was gathered from, here or by the link */
    uint32_t piece_bytes;   /* text of the largest of them */
    uint32_t last_off;      /* where in the text the last of them begins */
    uint32_t bytes_max;     /* text that may be gathered (la_gather_begin()) */
    struct la_heads heads;  /* of the frame that it began with, in that frame's memory */
};

/* May what follows this segment, which came as `in` says, be gathered with it? Its text must be all
 * of the chain. */
bool la_gather_begin(struct la_stack *s, struct la_arrival *run, const struct la_net_in *in);
/* Takes a frame as the link delivered it when it continues `run` and its headers are those that
 * `run` began with: then they need not be judged again. False: nothing is taken. */
bool la_gather_repeat(struct la_stack *s, int iface, struct la_arrival *run,
                      struct la_frame *take_frame);
/* Takes `take_a` into `run`, which has begun. False: it does not continue it, nothing is taken. */
bool la_gather_add(struct la_arrival *run, const struct la_arrival *take_a);

/* ---- handles ---------------------------------------------------------------------------- */

/* kind in the top 4 bits, 28 bits of generation, 32 of index. */
enum la_handle_kind { LA_HANDLE_CONN = 1, LA_HANDLE_LISTENER, LA_HANDLE_REQUEST, LA_HANDLE_UDP };
#define LA_HANDLE_GEN_MASK UINT32_C(0x0fffffff)

static inline la_handle
la_handle_make(enum la_handle_kind kind, uint32_t gen, uint32_t idx)
{
    return (uint64_t)kind << 60 | (uint64_t)(gen & LA_HANDLE_GEN_MASK) << 32 | idx;
}

#endif
