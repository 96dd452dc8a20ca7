/* SPDX-License-Identifier: MIT
 *
 * conn.h - one connection (the TCB of RFC 9293 3.3.1)
 *
 * struct la_tcp_conn holds what a connection needs for ever; it is what an idle connection costs.
 * struct la_tcp_busy (busy.h) holds what it needs while octets are queued, in flight, waiting to be
 * read or to be acknowledged, and goes back to its pool when none are. struct la_tcp_tally counts
 * what most connections never see, struct la_tcp_accecn what accurate ECN does (counts.h); flags
 * are in flag.h. The variables keep their RFC names.
 *
 * The right edge that we offered, RCV.NXT + RCV.WND, is kept as `rcv_adv`; it never moves left.
 * SND.NXT never goes back: what is sent again is chosen by recovery.h.
 */
#ifndef LA_TCP_CONN_H
#define LA_TCP_CONN_H

#include <lastack/conn.h>
#include <lastack/event.h>
#include "base/pool.h"
#include "tcp/busy.h"
#include "tcp/counts.h"
#include "tcp/flag.h"

#define LA_TCP_WSCALE_MASK 15u
#define LA_TCP_TIMER_MASK 15u
#define LA_TCP_CC_MASK 7u
#define LA_TCP_ACK_CAUSE_MASK 127u
enum { LA_BUFFER_BYTES_MIN = 4096, LA_BUFFER_BYTES_MAX = 1 << 30 };
#define LA_TCP_BUFFER_MASK UINT32_C(0x7fffffff)

enum { LA_TCP_TIMER_NONE = 15 };

#define LA_TCP_IDLE (UINT32_C(1) << 31)

enum { LA_TCP_TIMESTAMPS_BYTES = 12, LA_TCP_ACCECN_BYTES = 12 }; /* the options, aligned */

struct la_tcp_conn {
    uint8_t state;     /* enum la_tcp_state; written by la_tcp_enter() alone */
    uint8_t timer : 4; /* of enum la_timer_kind one that ends or repeats; LA_TCP_TIMER_NONE */
    uint8_t cc : 3;    /* index of the congestion control */
    uint8_t mss_silent : 1; /* no MSS is announced, the peer's counts for nothing */
    uint8_t want;      /* enum la_tcp_want */
    uint8_t backoff_n; /* expirations of `timer` in a row */
    uint32_t flags;    /* enum la_tcp_flag */
    uint32_t busy_idx; /* with LA_TCP_IDLE: there is none, and the rest is used_ms */
    uint32_t tally_idx; /* LA_POOL_NONE: nothing to count yet */
    uint32_t name;     /* by which its owner knows it, in la_tcp_env.emit(); tcp/ does not look */
    uint32_t keepalive_ms; /* la_tcp_ms(): the next probe, with keep-alive on */
    la_instant timer_at;

    la_seq iss, irs;
    la_seq snd_una, snd_nxt, snd_wl1; /* SND.WL2 would say nothing: update_window() in
                                       * arrive_ack.c */
    la_seq rcv_nxt, rcv_adv;
    uint32_t snd_wnd;
    uint32_t snd_wnd_max; /* MAX.SND.WND */
    uint16_t smss;     /* octets of text per segment, options of every segment taken off */
    uint16_t rmss;     /* what we announced */
    uint16_t rcv_mss;  /* largest text received lately: what "full-sized" means for ACKs */
    uint8_t snd_wscale : 4, rcv_wscale : 4;
    uint8_t flush : 2; /* enum la_tcp_flush: of what is queued */
    uint8_t uto_on : 1, uto_fixed : 1, uto_due : 1; /* uto.h */
    uint8_t fast_open : 2 /* enum la_tcp_fast_open_step */, fast_opened : 1; /* text was taken */

    uint32_t cwnd_bytes, ssthresh_bytes;
    uint32_t srtt_us, rttvar_us, rto_us, rtt_us_min;
    uint32_t ts_recent;
    uint32_t ts_recent_at_s; /* when ts_recent was set, for RFC 7323 5.5 */
    uint32_t ts_offset;

    uint32_t sndbuf_bytes : 31, sndbuf_tuned : 1; /* tune.h */
    uint32_t rcvbuf_bytes : 31, rcvbuf_tuned : 1;
    la_seq read_mark;      /* the application had read up to here */
    uint32_t read_mark_ms; /* la_tcp_ms() */
    uint32_t user_timeout_ms;
    uint32_t heard_ms;       /* la_tcp_ms(): last segment from the peer */
    uint32_t sent_ms;        /* la_tcp_ms(): last text sent */

    uint16_t keepalive_idle_s, keepalive_interval_s;
    uint8_t keepalive_probes_n, keepalive_sent_n;
    uint8_t r2_n, r2_syn_n;
    uint8_t ack_cause : 7;    /* enum la_cause of the acknowledgement that is wanted */
    uint8_t marks_option : 1; /* with LA_TCP_F_ACCECN: la_tcp_option_bytes() */
    int8_t err;        /* la_err that ended it */
    int8_t err_soft;
    uint8_t ttl_hops, dscp_ecn;
    uint8_t challenges; /* second modulo 16, and challenge ACKs in it (acknowledge.h) */
    uint16_t pace_bound; /* la_tcp_pace_bound() */
    uint32_t cc_kept; /* what the congestion control remembers over idle times; congestion.h */

    uint32_t segments_sent, segments_received;
};
/* What an idle connection costs (`lastack bench conns`): without holes between the members. */
_Static_assert(sizeof(struct la_tcp_conn) <= 168, "a connection has grown");

/* What all connections of an instance share. */
struct la_tcp_env {
    struct la_mem *mem;
    const struct la_tcp_cfg *cfg;
    struct la_pool busy;       /* of struct la_tcp_busy */
    struct la_pool tallies;    /* of struct la_tcp_tally */
    struct la_pool accecns;    /* of struct la_tcp_accecn */
    struct la_tcp_tally lost_tally; /* written where there is no memory for one, never read */
    struct la_stack_stats *stats;
    uint32_t trace_mask;
    uint64_t segment_id; /* of the latest segment sent */
    /* Completes (at, end, handle, addresses) and hands on an event about conn. */
    void (*emit)(void *ctx, const struct la_tcp_conn *conn, struct la_event *event);
    void *ctx;
};

/* One call's scratch: what it was given and what must follow. */
struct la_tcp_todo {
    struct la_tcp_env *env;
    la_instant now;
    uint64_t segment_id;    /* of the segment that arrives, 0 = none */
    struct la_chain *text;  /* the arriving segment's octets; steps may take from it */
    struct la_frame *spare; /* owned; for what is sent at once, unless NULL: segment.h */
    uint32_t segments_n;    /* how many segments it was gathered from, 0 = it is one */
    uint32_t piece_bytes;   /* then the text of the largest of them */
    uint32_t last_off;      /* and where in the text the last one begins */
    enum la_reason reason;  /* why the segment was dropped or remarked upon */
    uint32_t wake;          /* LA_READY_* for the application */
    bool rst;               /* answer with this RST */
    uint8_t rst_flags;
    uint8_t rst_cause;      /* enum la_cause */
    la_seq rst_seq, rst_ack;
    bool duplicate;         /* a part of the text had been received before: D-SACK */
    uint32_t acked_bytes;     /* that the arriving segment acknowledged first */
    uint32_t duplicates_n;    /* before it, without SACK, since the last such */
    uint32_t delivered_bytes; /* and those that its SACK blocks reported first */
    struct la_cc_ack ack;     /* the same, for the congestion control */
    la_instant sent_at;       /* with is_timed: of those sent once, the latest one's */
    bool is_timed;
    bool answer_now;        /* what it allows goes before the next is looked at (RFC 3042) */
    uint8_t ecn;            /* enum la_ip_ecn that the arriving segment came with */
    bool crossing;          /* it is the SYN,ACK of a simultaneous open */
    bool shakes_hands;      /* its ACE field is no counter (RFC 9768 3.2.2) */
    bool ts_advances;       /* its timestamp is newer than TS.Recent */
    bool established;       /* the handshake has just been completed */
    uint16_t path_mtu_bytes; /* ICMP told so, and it was believed; 0 = nothing new */
    bool doubt_path;        /* R1 was reached: advice to the IP layer (MUST-20) */
    bool starved;           /* no memory for a segment: the caller tries again later */
    uint32_t again_n;       /* segments that were sent again */
    bool follows;           /* this SYN has ended TIME-WAIT: our ISS must be beyond follows_nxt */
    la_seq follows_nxt;
    bool listened;          /* somebody would take a SYN (told by the caller, in TIME-WAIT) */
    bool listened_stamps;   /* and agree to timestamps */
    bool reuse;             /* TIME-WAIT gave way: the SYN is to be looked at again */
};

/* Parameters of OPEN, active or passive. */
struct la_tcp_open {
    const struct la_tcp_cfg *cfg;
    la_seq iss;
    uint32_t ts_offset;
    uint32_t mtu_bytes; /* of the path's first hop */
    bool ipv6;
    uint8_t cc;
};

/* Puts a record in the state before OPEN (CLOSED). */
void la_tcp_conn_init(struct la_tcp_conn *c, const struct la_tcp_open *open, la_instant now);
/* The last part of it, for a copy of one that has just been put there: what no two have alike. */
void la_tcp_conn_begin(struct la_tcp_conn *c, la_seq iss, uint32_t ts_offset, la_instant now);
/* Another configuration for one whose SYN is held: what it does not want is not agreed upon, what
 * it would have offered beyond the first is not offered. */
void la_tcp_conn_configure(struct la_tcp_conn *c, const struct la_tcp_cfg *cfg, uint8_t cc);
/* Gives everything the connection holds back. The state stays. */
void la_tcp_conn_fini(struct la_tcp_conn *c, struct la_tcp_env *env);
/* The same but for what it has counted: its queues, and what is known of its flight. */
void la_tcp_busy_give(struct la_tcp_conn *c, struct la_tcp_env *env);

/* The only writer of conn->state: the edge must exist. */
void la_tcp_enter(struct la_tcp_conn *c, enum la_tcp_event event, struct la_tcp_todo *todo);
/* Ends in CLOSED with an error for the application, by `event`. */
void la_tcp_end(struct la_tcp_conn *c, enum la_tcp_event event, la_err err,
                struct la_tcp_todo *todo);

/* The busy part; NULL when idle. */
static inline struct la_tcp_busy *
la_tcp_busy(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    return (c->busy_idx & LA_TCP_IDLE) != 0 ? NULL : la_pool_at(&env->busy, c->busy_idx);
}
/* The same, made when there is none. NULL: no memory. */
struct la_tcp_busy *la_tcp_busy_get(struct la_tcp_conn *c, struct la_tcp_env *env, la_instant now);
/* Gives it back when nothing is queued, in flight or owed. */
void la_tcp_busy_settle(struct la_tcp_conn *c, struct la_tcp_env *env);

/* RCV.WND: what the peer was told and has not used. */
static inline uint32_t
la_tcp_rcv_wnd(const struct la_tcp_conn *c)
{
    return (uint32_t)la_seq_diff(c->rcv_adv, c->rcv_nxt);
}

/* When the delayed ACK goes out; NEVER: none waits. */
static inline la_instant
la_tcp_ack_at(const struct la_tcp_busy *busy)
{
    return busy == NULL ? LA_INSTANT_NEVER : busy->owed.at;
}

/* What options take of each segment's text; SACK blocks take what is left. */
static inline uint32_t
la_tcp_option_bytes(const struct la_tcp_conn *c)
{
    bool marks = (c->flags & LA_TCP_F_ACCECN) != 0 && c->marks_option != 0;
    return ((c->flags & LA_TCP_F_TIMESTAMPS) != 0 ? LA_TCP_TIMESTAMPS_BYTES : 0u) +
           (marks ? LA_TCP_ACCECN_BYTES : 0u);
}

/* Octets and SYN, FIN in flight. */
static inline uint32_t
la_tcp_flight(const struct la_tcp_conn *c)
{
    return (uint32_t)la_seq_diff(c->snd_nxt, c->snd_una);
}

/* Sequence number of the first octet in the send queue. */
static inline la_seq
la_tcp_sndq_seq(const struct la_tcp_conn *c)
{
    return (c->flags & LA_TCP_F_SYN_ACKED) != 0 ? c->snd_una : la_seq_add(c->iss, 1);
}

/* A clock of milliseconds that wraps after 49 days: differences are taken in it alone. */
static inline uint32_t
la_tcp_ms(la_instant at)
{
    return (uint32_t)(uint64_t)(at.ns / LA_NS_PER_MS);
}

/* Has the peer been heard since then, to a millisecond? */
static inline bool
la_tcp_heard_since(const struct la_tcp_conn *c, la_instant at)
{
    return (int32_t)(c->heard_ms - la_tcp_ms(at)) >= 0;
}

/* Was our FIN acknowledged? Nothing follows it. */
static inline bool
la_tcp_fin_is_acked(const struct la_tcp_conn *c)
{
    return (c->flags & LA_TCP_F_FIN_SENT) != 0 && la_seq_eq(c->snd_una, c->snd_nxt);
}

/* Octets of text that were acknowledged, and that were received in order: their last 32 bits. */
static inline uint32_t
la_tcp_acked_low(const struct la_tcp_conn *c)
{
    if ((c->flags & LA_TCP_F_SYN_ACKED) == 0)
        return 0;
    return (uint32_t)la_seq_diff(c->snd_una, c->iss) - 1 - la_tcp_fin_is_acked(c);
}
static inline uint32_t
la_tcp_received_low(const struct la_tcp_conn *c)
{
    if (la_seq_eq(c->rcv_nxt, c->irs)) /* no SYN yet */
        return 0;
    bool fin = (c->flags & LA_TCP_F_FIN_RECEIVED) != 0;
    return (uint32_t)la_seq_diff(c->rcv_nxt, c->irs) - 1 - fin;
}

/* Is the connection past the handshake and not over? */
bool la_tcp_is_synchronised(const struct la_tcp_conn *c);
/* May the application's octets still be queued, and sent? (ESTABLISHED, CLOSE-WAIT, and
 * SYN-RECEIVED by Fast Open) */
bool la_tcp_can_send(const struct la_tcp_conn *c);

/* Earliest deadline of all its timers. */
la_instant la_tcp_deadline(const struct la_tcp_conn *c, const struct la_tcp_env *env,
                           la_instant now);
/* Those of RFC 8985 8, of which one runs while something is in flight: they share a back-off. */
static inline bool
la_tcp_timer_retransmits(unsigned kind)
{
    return kind == LA_TIMER_RETRANSMIT || kind == LA_TIMER_REORDER || kind == LA_TIMER_PROBE;
}
void la_tcp_timer_set(struct la_tcp_conn *c, enum la_timer_kind kind, la_instant at);
void la_tcp_timer_stop(struct la_tcp_conn *c);

/* Asserts the invariants of RFC 9293 3.3.1 and 3.4. */
void la_tcp_conn_check(const struct la_tcp_conn *c, const struct la_tcp_env *env);

static inline bool
la_tcp_hears(const struct la_tcp_env *env, enum la_event_kind kind)
{
    return (env->trace_mask & LA_EVENT_BIT(kind)) != 0;
}

#endif
