/* SPDX-License-Identifier: MIT
 *
 * busy.h - what a connection holds while octets are queued, in flight, or waiting (conn.h)
 *
 * The parts first, each with the header that says what is done with it; then struct la_tcp_busy.
 */
#ifndef LA_TCP_BUSY_H
#define LA_TCP_BUSY_H

#include "base/chain.h"
#include "base/ranges.h"
#include "base/seq.h"
#include "base/time.h"
#include "tcp/cc_state.h"
#include "tcp/pieces.h"
#include "tcp/runs.h"
#include "tcp/scoreboard.h"
#include "wire/tcp.h"

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

#endif
