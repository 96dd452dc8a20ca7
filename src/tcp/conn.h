/* SPDX-License-Identifier: MIT
 *
 * conn.h - one connection (the TCB of RFC 9293 3.3.1)
 *
 * struct la_tcp_conn holds what a connection needs for ever; it is what an idle connection costs.
 * struct la_tcp_busy holds what it needs while octets are queued, in flight, waiting to be read or
 * to be acknowledged, and goes back to its pool when none are. struct la_tcp_tally counts what most
 * connections never see, struct la_tcp_accecn what accurate ECN does (tally.h). The
 * variables keep their RFC names.
 *
 * The right edge that we offered, RCV.NXT + RCV.WND, is kept as `rcv_adv`; it never moves left.
 * SND.NXT never goes back: what is sent again is chosen by recovery.h.
 */
#ifndef LA_TCP_CONN_H
#define LA_TCP_CONN_H

#include <lastack/conn.h>
#include <lastack/event.h>
#include "base/chain.h"
#include "base/pool.h"
#include "base/ranges.h"
#include "base/seq.h"
#include "base/time.h"
#include "tcp/bbr_state.h"
#include "tcp/pieces.h"
#include "tcp/runs.h"
#include "tcp/scoreboard.h"
#include "wire/tcp.h"

enum la_tcp_flag {
    LA_TCP_F_PASSIVE = 1u << 0,       /* opened by a listener or the forwarder */
    LA_TCP_F_SYN_ACKED = 1u << 1,     /* our SYN was acknowledged */
    LA_TCP_F_CLOSE_CALLED = 1u << 2,  /* CLOSE: a FIN follows the queued octets */
    LA_TCP_F_FIN_SENT = 1u << 3,      /* at SND.NXT - 1 */
    LA_TCP_F_FIN_RECEIVED = 1u << 4,  /* RCV.NXT stands behind it */
    LA_TCP_F_WSCALE = 1u << 5,        /* both ends sent the option */
    LA_TCP_F_TIMESTAMPS = 1u << 6,
    LA_TCP_F_SACK = 1u << 7,
    LA_TCP_F_READ_CLOSED = 1u << 8,   /* what arrives is acknowledged and discarded */
    LA_TCP_F_RELEASED = 1u << 9,      /* no handle owns it */
    LA_TCP_F_NAGLE = 1u << 10,
    LA_TCP_F_CORK = 1u << 11,
    LA_TCP_F_MORE = 1u << 12,         /* the last SEND said that more follows */
    LA_TCP_F_QUICK_ACK = 1u << 13,
    LA_TCP_F_KEEPALIVE = 1u << 14,
    LA_TCP_F_RELEASE_RESETS = 1u << 15,
    LA_TCP_F_WRITER_WAITS = 1u << 16, /* a SEND was refused or cut: wake when there is room */
    LA_TCP_F_HELD = 1u << 17,         /* forwarder request: SYN taken, not answered yet */
    LA_TCP_F_ZERO_WINDOW = 1u << 18,  /* we offered a zero window (event once) */
    LA_TCP_F_SYN_RETRANSMITTED = 1u << 19, /* RFC 6298 5.7 */
    LA_TCP_F_R1_REACHED = 1u << 20,
    LA_TCP_F_PROBED = 1u << 21, /* the octet at SND.NXT was sent as a window probe */
    LA_TCP_F_SYN_ACK_SENT = 1u << 22, /* simultaneous open: our SYN went out again, with an ACK */
    LA_TCP_F_URGENT_OUT = 1u << 23, /* SND.UP is ahead of SND.UNA (urgent.h) */
    LA_TCP_F_URGENT_IN = 1u << 24,  /* RCV.UP is ahead of what was read */
    LA_TCP_F_ECN = 1u << 25,      /* see ecn.h */
    LA_TCP_F_ECN_ASK = 1u << 26,  /* our SYN was an ECN-setup one, each time */
    LA_TCP_F_ECN_ECHO = 1u << 27, /* a mark was seen: ECE until CWR comes */
    LA_TCP_F_ECN_CWR = 1u << 28,  /* the window was reduced: CWR on the next new text */
    LA_TCP_F_RACK = 1u << 29,     /* RFC 8985 finds losses, where there is SACK */
    LA_TCP_F_REORDERS = 1u << 30  /* the path has reordered (RFC 8985, RACK.reordering_seen) */
};
/* Accurate ECN: before the SYNs have met, this end is willing; afterwards it is agreed. Then
 * tally_idx names a struct la_tcp_accecn (tally.h). Not an enumerator: those are of type int. */
#define LA_TCP_F_ACCECN (UINT32_C(1) << 31)
/* With that, in place of RFC 3168's two: IP's ECN field of the peer's latest SYN or SYN,ACK. */
#define LA_TCP_F_SYN_MARK ((uint32_t)(LA_TCP_F_ECN_ECHO | LA_TCP_F_ECN_CWR))
enum { LA_TCP_SYN_MARK_SHIFT = 27 };

/* A rate sample: how fast the path has delivered (draft-ietf-ccwg-bbr 4.1). */
struct la_cc_rate {
    uint64_t rate;            /* RS.delivery_rate, octets/s; 0 = the sample is not reliable */
    uint32_t delivered_bytes; /* RS.delivered: since the newest of what has arrived was sent */
    uint32_t prior_delivered; /* RS.prior_delivered, modulo 2^32 */
    uint32_t lost_bytes;      /* RS.lost: since then */
    uint32_t flight_bytes;    /* RS.tx_in_flight: when that was sent */
    uint32_t rtt_us;          /* RS.rtt, of the same; 0 = unknown */
    bool app_limited;         /* RS.is_app_limited */
};

/* An acknowledgement, as congestion controls see it. */
struct la_cc_ack {
    la_instant now;
    uint32_t acked_bytes;     /* SND.UNA has moved over so many octets of text */
    uint32_t delivered_bytes; /* acknowledged or SACKed for the first time */
    uint32_t lost_bytes;      /* found lost since the acknowledgement before */
    uint32_t flight_bytes;    /* in the network before it arrived (la_tcp_pipe()) */
    uint32_t rtt_us;          /* measured by it; 0 = nothing was */
    uint32_t limit_bytes;     /* what it may add in slow start (RFC 3465's L) */
    bool recovers;            /* it arrived during fast recovery */
    bool undone;              /* it told that the recovery was for nothing */
    bool limited;             /* cwnd, not the sender, had limited what was in flight */
    bool ece;                 /* it echoes a mark of congestion (RFC 3168) */
    bool paced;               /* what it acknowledges had been spaced by the sender */
    const struct la_cc_rate *rate; /* NULL: none */
};

/* What must be sent, until it has been. */
enum la_tcp_want {
    LA_TCP_WANT_SYN = 1,           /* SYN or SYN,ACK */
    LA_TCP_WANT_ACK = 2,
    LA_TCP_WANT_RETRANSMIT = 4,    /* one segment at SND.UNA */
    LA_TCP_WANT_WINDOW_PROBE = 8,
    LA_TCP_WANT_KEEPALIVE = 16,
    LA_TCP_WANT_DATA = 32,         /* look whether something may be sent */
    LA_TCP_WANT_TAIL_PROBE = 64,
    LA_TCP_WANT_RELEASE = 128      /* text, at busy->pace.release_at and not before */
};

#define LA_TCP_WSCALE_MASK 15u
#define LA_TCP_TIMER_MASK 15u
#define LA_TCP_CC_MASK 15u
#define LA_TCP_ACK_CAUSE_MASK 127u
enum { LA_BUFFER_BYTES_MIN = 4096, LA_BUFFER_BYTES_MAX = 1 << 30 };
#define LA_TCP_BUFFER_MASK UINT32_C(0x7fffffff)

enum { LA_TCP_TIMER_NONE = 15 };

/* Until more is queued: may the last segment go although it is short? */
enum la_tcp_flush {
    LA_TCP_FLUSH_NONE,
    LA_TCP_FLUSH_MORE, /* although SEND said that more follows */
    LA_TCP_FLUSH_ALL   /* and although it is corked: TCP_NODELAY was set (tcp(7)) */
};

#define LA_TCP_IDLE (UINT32_C(1) << 31)

/* What is in the way of Fast Open (fast_open.h). */
enum la_tcp_fast_open_step {
    LA_TCP_FAST_OPEN_NONE,
    LA_TCP_FAST_OPEN_ASKS,  /* active, until it is answered: our first SYN shows a cookie or asks */
    LA_TCP_FAST_OPEN_TELLS, /* passive: our SYN,ACK tells a cookie */
    LA_TCP_FAST_OPEN_TAKEN  /* passive: the peer's cookie was ours */
};

enum { LA_TCP_TIMESTAMPS_BYTES = 12, LA_TCP_ACCECN_BYTES = 12 }; /* the options, aligned */

/* RFC 8985 6; rack.h. */
struct la_tcp_rack {
    la_instant xmit_at;  /* RACK.xmit_ts: when the latest segment that has arrived was sent */
    la_instant acked_at; /* and when it was acknowledged */
    la_seq end;          /* RACK.end_seq */
    la_seq fack;         /* RACK.fack before this acknowledgement */
    la_seq fack_next;    /* and with it */
    la_seq round_end;    /* RACK.dsack_round */
    uint32_t reorder_bytes; /* so far behind `fack` something came that was sent once */
    uint32_t rtt_us;     /* RACK.rtt; 0 = nothing has arrived yet */
    uint8_t extra_n;     /* RACK.reo_wnd_mult - 1 */
    uint8_t persist_n;   /* RACK.reo_wnd_persist */
    bool fack_known, in_round;
};

/* RFC 9937; prr.h. */
struct la_tcp_prr {
    uint32_t recover_fs, delivered, out;
};

/* RFC 8985 7; tlp.h. */
struct la_tcp_tlp {
    la_seq end;        /* TLP.end_seq, with `out` */
    bool out;          /* a probe is in flight */
    bool again;        /* TLP.is_retrans */
    bool rtt_known;    /* measured since the last probe */
    la_instant rto_at; /* while the probe timer runs: when the retransmission timer would expire */
};

/* What the connection has delivered; rate.h. Counters are modulo 2^32. */
struct la_tcp_rate {
    bool on;                  /* the congestion control asks for samples */
    bool app_limited;         /* C.app_limited, with app_limited_end */
    bool cwnd_limited;        /* cwnd was used up, less than a round trip ago */
    bool has_newest;          /* something of this acknowledgement was on the board */
    uint32_t app_limited_end; /* until so much is delivered */
    uint32_t delivered;       /* C.delivered */
    uint32_t lost;            /* C.lost */
    la_seq cwnd_limited_end;
    la_instant delivered_at;  /* C.delivered_time */
    la_instant first_sent_at; /* C.first_send_time */
    struct la_tcp_sent newest; /* of what has arrived with this acknowledgement, sent last */
};

/* When the next quantum may leave; pace.h. */
struct la_tcp_pace {
    la_instant release_at; /* C.next_send_time */
    uint32_t left_bytes;   /* of the quantum that leaves now */
    bool waits;            /* text waits for release_at */
};

/* Of 4 * RTTVAR; rtt.c. */
struct la_tcp_peak {
    la_seq round_end;
    uint32_t us, round_us;
};

/* usage.h; of what was sent before `end`. */
struct la_tcp_usage {
    la_seq end;
    uint32_t most_bytes; /* in flight */
    bool full;
};

/* RFC 4821; mtu.h. While nothing of it is known, all is 0. */
struct la_tcp_mtu {
    la_instant next_at;   /* the next probe not before */
    la_seq probe_first;
    uint16_t probe_bytes; /* text of the probe that is out, 0 = none */
    uint16_t full;        /* SMSS before the path took less, 0 = it takes that */
    uint16_t bound;       /* the path may take so much: search_high */
    uint16_t carried;     /* so much was acknowledged in one piece, or may have been */
};

/* RFC 7413; fast_open.h. */
struct la_tcp_fast_open {
    struct la_tcp_cookie cookie; /* that our SYN shows, or our SYN,ACK tells */
    uint16_t mss;                /* the peer's, as it came with the cookie; 0 = unknown */
    bool bare;                   /* text goes with the SYN without a cookie, or a wish for one */
    uint16_t text_bytes;         /* sent with the SYN; later: and not acknowledged with it */
};

enum la_tcp_frto { LA_TCP_FRTO_OFF, LA_TCP_FRTO_RETRANSMITTED, LA_TCP_FRTO_FORWARD };

/* What a spurious recovery has changed; undo.h. */
struct la_tcp_undo {
    uint32_t cwnd_bytes, ssthresh_bytes; /* before it */
    uint32_t again_bytes;                /* sent again and not reported as duplicates */
    uint32_t ts_val;                     /* of the first retransmission */
    la_seq una, end;                     /* SND.UNA and SND.NXT when it began */
    la_seq again_end;                    /* what was sent again lies before it */
    uint32_t srtt_us, rttvar_us;         /* before it */
    bool on, stamped;
    bool adapts; /* it was a timeout: the first sample of what lies behind `end` (RFC 4015 3.1) */
    uint8_t frto; /* enum la_tcp_frto */
};

/* RFC 9406; hystart.h. */
struct la_hystart {
    la_seq window_end;
    uint32_t last_round_us, current_round_us; /* shortest round trips; 0 = none */
    uint32_t css_baseline_us;                 /* 0 = not in conservative slow start */
    la_instant round_at, train_at; /* the round began; the last of its train of acknowledgements */
    uint8_t samples_n, css_rounds_n;
    bool round_on;
};

/* What a spurious reduction has changed (RFC 9438 4.9.2). */
struct la_cubic_before {
    la_instant epoch_at;
    uint32_t w_max_bytes, k_ms, w_est_bytes, cwnd_bytes, cwnd_prior_bytes;
    bool on;
};

/* Of one control, while something is in flight; begins as zeros. */
union la_cc_state {
    struct la_cc_reno {
        uint32_t acked_bytes; /* congestion avoidance: acknowledged since the last growth */
    } reno;
    struct la_cc_cubic {
        bool on;                     /* an epoch of congestion avoidance has begun */
        uint32_t w_max_bytes;        /* 0 = not known */
        uint32_t k_ms;
        uint32_t w_est_bytes;
        uint32_t cwnd_prior_bytes;
        uint32_t rest;               /* of growth: less than an octet, in parts of cwnd */
        uint64_t reno_acked;         /* of W_est: less than a segment, in parts of 17 * cwnd */
        la_instant epoch_at;         /* t_epoch, moved on by the time that does not count */
        la_instant grown_at;         /* t counts up to here */
        struct la_hystart hystart;
        struct la_cubic_before before;
    } cubic;
    struct la_cc_bbr bbr;
};

/* clocks.h. */
enum la_tcp_clock {
    LA_TCP_CLOCK_NONE,
    LA_TCP_CLOCK_BUSY,
    LA_TCP_CLOCK_RWND,
    LA_TCP_CLOCK_SNDBUF,
    LA_TCP_CLOCK_COUNT
};
struct la_tcp_clocks {
    uint64_t us[LA_TCP_CLOCK_COUNT]; /* how long each has run */
    la_instant since, round_at;
    uint64_t rate;            /* octets/s delivered in the latest round trip */
    uint32_t round_delivered; /* octets delivered before it, modulo 2^32 */
    uint8_t runs;
};

/* What the peer is to be told; acknowledge.h. */
struct la_tcp_owed {
    la_instant at;        /* delayed ACK; NEVER = none waits */
    la_seq acked;         /* RCV.NXT in the last segment sent ("Last.ACK.sent", RFC 7323) */
    uint8_t duplicates_n; /* one for each segment out of order since the last in order */
};

struct la_tcp_busy {
    struct la_chain sndq;           /* from SND.UNA (behind the SYN) on */
    struct la_chain_mark snd_mark;  /* near SND.NXT in sndq */
    struct la_tcp_pieces pieces;    /* where segments of sndq end */
    uint32_t lowat_bytes;           /* TCP_NOTSENT_LOWAT; 0 = none. While it is set, this stays */
    struct la_tcp_scoreboard board; /* what is in flight: SND.UNA .. SND.NXT */
    struct la_chain rcvq;           /* up to RCV.NXT, for the application */
    struct la_tcp_runs runs;        /* beyond RCV.NXT */
    struct la_tcp_owed owed;
    bool fin_early;                 /* a FIN came too early and stands at fin_seq */
    la_seq dsack_left;              /* what arrived twice, to be reported once (RFC 2883) */
    uint32_t dsack_bytes;           /* 0 = nothing */
    uint32_t rcv_pinned_bytes;      /* about what rcvq and runs keep alive, rather too much */
    la_seq fin_seq;
    la_seq rcv_up;                  /* with LA_TCP_F_URGENT_IN */
    la_seq high_rxt, rescue_rxt;    /* RFC 6675 HighRxt + 1, RescueRxt + 1; in recovery */
    la_seq recover;                 /* RFC 6582; highest number sent when recovery began */
    la_seq rtx_nxt;                 /* after a timeout: next number to send again */
    la_seq reduced_end;             /* SND.NXT when the window was last reduced */
    uint32_t lost_bytes;            /* found lost since the congestion control was last told */
    uint32_t used_bytes;            /* W_used of RFC 2861: of cwnd, since used_at */
    uint32_t used_ms;               /* T_prev: cwnd limited what is sent, or was brought down */
    union la_cc_state cc;           /* what only the congestion control reads and writes */
    bool nagle_short;               /* la_tcp_cfg */
    la_seq short_end;               /* with that: where the latest short segment ended */
    uint8_t phase;                  /* enum la_cc_phase */
    uint8_t dupacks_n;
    uint8_t cause;                  /* enum la_cause of the next retransmission */
    bool partial_seen;              /* first partial ACK of this recovery was seen */
    la_instant text_at;             /* text was received, or our SYN answered; 0 = never */
    bool heard_text;                /* text was received */
    bool replies;                   /* text was sent soon after: ack_replies_later */
    bool room_due;                  /* something was acknowledged: is there room for a writer? */
    bool rests;                     /* nothing new until the timer expires (RFC 3168 6.1.2) */
    la_seq rtt_round_end;           /* a new RTT sample counts from here on */
    uint32_t rtt_half_us;           /* the shortest round trip since rtt_half_ms; 0 = none yet */
    uint32_t rtt_half_ms;
    bool rtt_old;                   /* what was known of the shortest one is as old as the pause */
    struct la_tcp_rack rack;
    struct la_tcp_prr prr;
    struct la_tcp_tlp tlp;
    struct la_tcp_undo undo;
    struct la_tcp_rate rate;
    struct la_tcp_pace pace;
    struct la_tcp_mtu mtu;
    struct la_tcp_usage usage;
    struct la_tcp_peak peak;
    struct la_tcp_fast_open fast_open;
    la_seq snd_up;                  /* with LA_TCP_F_URGENT_OUT */
    struct la_tcp_clocks clocks;
    la_instant progress_at;         /* SND.UNA moved, or the queue began to wait */
};

/* What a connection counts that not every one has to: losses, and what has been moved beyond 2^32
 * octets. */
struct la_tcp_tally {
    uint64_t bytes_retransmitted;
    uint32_t retransmissions_n, rto_n, fast_retransmits_n, duplicate_acks_n;
    uint32_t acked_wraps_n, received_wraps_n; /* of 2^32 octets; la_tcp_bytes_acked() */
};

/* RFC 9768 3.2: packets that came as CE, and octets of text by the mark they came with. */
struct la_tcp_marks {
    uint32_t cep, ceb, e0b, e1b;
};

/* What accurate ECN counts, and the tally of its connection (accecn.h). */
struct la_tcp_accecn {
    struct la_tcp_tally tally;
    struct la_tcp_marks r, s; /* what we have received; what of ours the peer has, as it says */
    uint32_t told_cep;        /* r.cep in the latest acknowledgement that was sent */
    struct la_tcp_marks told; /* the octets in the latest options that were */
    uint16_t acked_8n;        /* segments that an acknowledgement is about: average, in eighths */
    bool answers;       /* a SYN,ACK came: the next bare acknowledgement says what marked it */
    bool may_be_over;   /* then it says so no longer, once the peer has shown that it is */
    bool answer_marked; /* one of them came as CE, and was counted */
    bool reacts;        /* our SYN or SYN,ACK was marked: the window is reduced once it is open */
    bool came_marked;   /* the packet before came as CE */
    bool text_acked;    /* text of ours was, by more than the SYN,ACK */
    bool heard;         /* the first feedback behind the handshake was looked at */
    bool deaf;          /* the field came as zero where it cannot be: no feedback is heeded */
    bool option_seen;   /* an option came */
    bool option_zeroed; /* with zeros where there can be none: they are not looked at */
    bool option_stuck;  /* ours do not arrive: none is sent */
    bool option_ack, option_text; /* the next bare acknowledgement, or text, has one */
    bool text_told;     /* text was sent with one */
};

struct la_tcp_conn {
    uint8_t state;     /* enum la_tcp_state; written by la_tcp_enter() alone */
    uint8_t timer : 4; /* of enum la_timer_kind one that ends or repeats; LA_TCP_TIMER_NONE */
    uint8_t cc : 4;    /* index of the congestion control */
    uint8_t want;      /* enum la_tcp_want */
    uint8_t backoff_n; /* expirations of `timer` in a row */
    uint32_t flags;    /* enum la_tcp_flag */
    uint32_t busy_idx; /* with LA_TCP_IDLE: there is none, and the rest is used_ms */
    uint32_t tally_idx; /* LA_POOL_NONE: nothing to count yet */
    uint32_t name;     /* by which its owner knows it, in la_tcp_env.emit(); tcp/ does not look */
    uint32_t keepalive_ms; /* la_tcp_ms(): the next probe, with keep-alive on */
    la_instant timer_at;

    la_seq iss, irs;
    la_seq snd_una, snd_nxt, snd_wl1; /* SND.WL2 would say nothing: update_window() in arrive.c */
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

/* Octets of text that were acknowledged, and that were received in order: their last 32 bits. */
static inline uint32_t
la_tcp_acked_low(const struct la_tcp_conn *c)
{
    if ((c->flags & LA_TCP_F_SYN_ACKED) == 0)
        return 0;
    bool fin = (c->flags & LA_TCP_F_FIN_SENT) != 0 && la_seq_eq(c->snd_una, c->snd_nxt);
    return (uint32_t)la_seq_diff(c->snd_una, c->iss) - 1 - fin;
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
