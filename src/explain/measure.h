/* SPDX-License-Identifier: MIT
 *
 * measure.h - what is counted and timed of one direction
 *
 * It is taken from a pool when the direction's first text passes, and given back with the track.
 * loss.c finds what was sent again and why, rtt.c times, flow.c says what held the sender back,
 * rounds.c what its congestion window did, stalls.c what small windows and segments cost.
 */
#ifndef LA_EXPLAIN_MEASURE_H
#define LA_EXPLAIN_MEASURE_H

#include "base/buckets.h"
#include "explain/track.h"

enum {
    LA_RTT_SAMPLES_N = 64,
    LA_HOLES_N = 8,
    LA_AGAINS_N = 8,
    LA_LOSSES_N = 16,
    LA_PRINTS_N = 64,
    LA_TEXTS_N = 16
};

/* Text that had not passed when text behind it did. */
struct la_hole {
    la_seq from, to;
    int64_t at_ns;   /* when that was */
    uint32_t ts_val; /* of what was behind it, */
    uint32_t ts_ecr;
    uint32_t peer_ts; /* and the receiver's latest until then; 0: none */
    uint16_t ip_id;
    bool has_ts, has_ip_id;
};

/* A segment with text as it passed, see artefacts.c. */
struct la_print {
    uint32_t print, at_us;
};

/* What tells one text from another of the same number and length, see texts.c. */
struct la_text {
    la_seq seq;
    uint32_t text_bytes;
    uint16_t sum;         /* of the header */
    uint16_t field;       /* its checksum */
    uint8_t header_bytes; /* 0: not known */
};

/* Text that was sent again: what a D-SACK block may be about. */
struct la_again {
    la_seq from, to;
    bool is_spurious;
    bool is_reported; /* by a D-SACK block, of which there is one for each */
};

/* What an episode of recovery began with. */
enum la_recovery { LA_RECOVERY_NONE, LA_RECOVERY_FAST, LA_RECOVERY_RTO };

enum { LA_ROUND_EMPTY = LA_LIMIT_COUNT }; /* nothing was in flight */

/* Round trip by round trip: how much the sender dared to have in flight (rounds.c). */
struct la_rounds {
    la_seq end;               /* the round is over when it is acknowledged */
    bool begun;
    uint8_t limits;           /* 1 << enum la_limit, or LA_ROUND_EMPTY: what there was in it */
    bool limited_last;        /* something else than congestion control limited the one before */
    bool lost;                /* a loss was found in this round */
    bool lost_ever;
    bool grown;               /* slow start is over */
    bool settles;             /* a recovery is over, and what is in flight after it is looked at */
    uint8_t recovery;         /* enum la_recovery, as it was at the latest segment */
    uint8_t slow_n;           /* rounds in a row that grew little */
    uint32_t n;
    uint32_t flight, flight_last; /* most in flight in this round and in the one before */
    uint32_t flight_now;      /* after the latest new text */
    uint32_t flight_at_loss;  /* when the loss happened; 0: it does not tell */
    uint32_t rtt_us;          /* latest sample */
    int64_t at_ns;            /* it began then */
    uint64_t judged_ns;       /* of the time held back by congestion control, what was judged */
    /* how much stayed in flight after a loss, in percent of what was before */
    uint8_t kept_percent[LA_LOSSES_N];
    bool calm_last;           /* nothing was lost in the round before, and nothing limited it */
    uint32_t shrunk_n;        /* calm rounds in which less was in flight than in the one before */
    uint32_t kept_n, reno_n, cubic_n, whole_n;
    /* dips without a loss */
    uint32_t level;           /* most in flight before the dip; 0: none */
    uint32_t dip_flight;      /* most within it */
    int64_t dip_at_ns, dip_over_ns;
    uint32_t dips_n, deep_dips_n, uneven_dips_n;
    /* a ceiling that is never exceeded */
    bool is_ceiling;
    uint32_t ceiling, ceiling_n, touched_n;
    uint64_t ceiling_ns;      /* held back by it */
};

enum { LA_STALL_FRAMES_N = 4, LA_STALL_US_MIN = 30000 }; /* no ACK is delayed by less */

/* Something that costs time, and its first segments, counted from the track's first one. */
struct la_stall {
    uint64_t us;
    uint32_t n;
    uint32_t frames[LA_STALL_FRAMES_N];
};

struct la_measure {
    uint64_t pool_link;
    uint32_t idx;             /* its own */
    /* loss.c */
    uint32_t rto_n, fast_n, tail_probe_n, unknown_n, spurious_n;
    uint32_t fin_n, reordered_n, keepalive_n, window_probe_n, duplicate_ack_n;
    uint32_t gap_n;           /* holes that were acknowledged: not captured */
    uint32_t window_last;     /* that the receiver offered last */
    uint32_t ts_high;         /* latest TSval of text, with has_ts */
    uint16_t id_high;         /* latest IP identification of text, with has_id */
    uint8_t id_steps_n;       /* so often in a row it grew by a little */
    bool has_ts, has_id;
    bool probed;              /* by its tail, and not answered */
    uint16_t answers_n;       /* turns.c: that the end gave, UINT16_MAX: or more */
    uint32_t duplicates_now;  /* duplicate acknowledgements of this text in a row */
    uint8_t recovery;         /* enum la_recovery */
    uint8_t holes_n, agains_n; /* agains_n: all that there were, modulo 256 */
    bool sacked;              /* sack_high is valid */
    la_seq recover;           /* the episode ends when it is acknowledged */
    la_seq sack_high;         /* behind the highest octet that was reported */
    int64_t sent_at_ns;       /* text or FIN passed last */
    int64_t heard_at_ns;      /* an acknowledgement that told something new passed last */
    uint64_t prints_n;        /* segments with text that passed, without copies; of the latest */
    uint32_t text_copies_n;   /* there are prints */
    /* ecn.c */
    uint32_t ect_n, ce_n;     /* segments with text that passed as ECN-capable, and marked */
    uint32_t reports_n;       /* of marks, by the receiver */
    bool ece;                 /* in its latest acknowledgement */
    /* violations.c: text beyond the window, not acknowledged yet */
    uint64_t beyond_frame;
    la_seq beyond_to;
    uint32_t beyond_bytes;    /* 0: none */
    /* rtt.c */
    uint64_t rtt_n;
    uint32_t rtt_us_min, rtt_us_max;
    uint32_t srtt_us, rttvar_us; /* RFC 6298 2, of the way from the tap to the receiver and back */
    /* flow.c */
    uint32_t flight_bytes_max, zero_window_n;
    int64_t zero_at_ns;       /* the window was shut then; 0: it is open */
    uint64_t zero_us;
    uint64_t limit_ns[LA_LIMIT_COUNT];
    int64_t limit_at_ns;      /* limit_ns counts up to then */
    uint8_t limit;            /* enum la_limit, since then */
    uint32_t text_bytes_last; /* of the latest segment with text */
    struct la_rounds rounds;
    /* stalls.c */
    struct la_stall full, silly_offered, silly_sent, nagle;
    la_seq edge_last;         /* before the latest acknowledgement, if edge_known */
    bool edge_known;
    uint32_t delayed_us;      /* an acknowledgement was late by this, and text is to follow; or 0 */
    int64_t delayed_at_ns;
    struct la_buckets *throughput; /* NULL: not asked for, or no memory */
    /* Of these as many are valid as answers_n, holes_n, agains_n, rtt_n and prints_n say. */
    struct {
        uint64_t us; /* that the end itself took, for all */
        uint32_t us_max, frame;
    } answers;
    uint32_t rtt_us[LA_RTT_SAMPLES_N];
    struct la_hole holes[LA_HOLES_N];
    struct la_again agains[LA_AGAINS_N];
    struct la_text texts[LA_TEXTS_N];    /* in turn, */
    struct la_print prints[LA_PRINTS_N]; /* these as well */
};

/* ---- measure.c ---- */

void la_measures_init(struct la_explain *explain);
/* What a segment to that end may carry, options included; RFC 9293 3.7.1: 536 where its SYN is not
 * known, or says nothing. */
static inline uint32_t
la_measure_mss(const struct la_track_end *receiver)
{
    enum { DEFAULT_BYTES = 536 };
    return (receiver->options & LA_EXPLAIN_HAS_MSS) != 0 ? receiver->mss : DEFAULT_BYTES;
}
/* Gives the direction one; NULL: no memory. */
struct la_measure *la_measure_take(struct la_explain *explain, struct la_track_end *e);
void la_measure_free(struct la_explain *explain, struct la_track_end *e);
/* Everything of a segment; la_numbers_place() has been there. Says in *placed why it was sent. */
void la_measure_segment(struct la_explain *explain, struct la_track *track,
                        struct la_placed *placed);
/* What is counted; then what was timed, and what limited it. */
void la_measure_count(const struct la_track *track, unsigned end,
                      struct la_explain_direction *out);
void la_measure_fill(const struct la_track *track, unsigned end,
                     struct la_explain_direction *out);

/* ---- texts.c ---- */

/* Before m->prints_n is counted on. */
void la_texts_remember(struct la_measure *m, const struct la_seen *seen);
/* Text with the number and length of text that passed lately, and it was never this one. */
bool la_texts_differ(const struct la_measure *m, const struct la_seen *seen);

/* ---- turns.c ---- */

/* Text that may have been an answer was acknowledged (its round trip is known now). */
void la_turns_take(struct la_measure *m, const struct la_track *track, struct la_track_end *e);
static inline bool
la_turns_may_be_slow(const struct la_measure *m)
{
    enum { SLOW_US_MIN = 200000 };
    return m != NULL && m->answers_n > 0 && m->answers.us_max >= SLOW_US_MIN;
}
/* Of a track whose server's may be. */
void la_turns_remark(struct la_explain *explain, struct la_track *track);

/* ---- loss.c, rtt.c, flow.c, rounds.c, stalls.c ---- */

/* Text, a FIN or a SYN that went before, or came late. */
void la_loss_sent(struct la_measure *m, const struct la_track *track, struct la_placed *placed);
/* What an acknowledgement says about the text of the direction m. */
void la_loss_acked(struct la_measure *m, const struct la_placed *placed);
void la_rtt_sample(struct la_measure *m, int64_t us);
/* The longest of the samples that are kept, but for the latest one; 0: none. */
uint32_t la_rtt_longest_before(const struct la_measure *m);
/* The timeout that the sender may have, by RFC 6298 2 and the minimum of today's stacks. */
int64_t la_rtt_timeout_ns(const struct la_measure *m, const struct la_track *track,
                          unsigned sender);
void la_rtt_fill(const struct la_measure *m, struct la_explain_rtt *out);
/* Of both directions, as far as they are measured. */
void la_flow_segment(const struct la_placed *placed);
void la_rounds_sent(const struct la_explain *explain, struct la_measure *m,
                    const struct la_track *track, const struct la_placed *placed);
void la_rounds_acked(const struct la_explain *explain, struct la_measure *m,
                     const struct la_track *track, const struct la_placed *placed);
/* New text that met a full window, filled its rest, or came behind a late acknowledgement. */
/* Congestion was told of in this round, without a loss. */
void la_rounds_marked(struct la_measure *m);
/* It is ECN-capable, or says something of marks, or the one before did. */
void la_ecn_segment(struct la_explain *explain, struct la_track *track,
                    const struct la_placed *placed);
void la_stalls_sent(struct la_measure *m, const struct la_track *track,
                    const struct la_placed *placed);
/* An acknowledgement that was late, or offers a small window. */
void la_stalls_acked(struct la_measure *m, const struct la_track *track,
                     const struct la_placed *placed);
/* The congestion window, by the round that has just ended; 0: it does not tell. */
uint32_t la_rounds_window(const struct la_measure *m, const struct la_track_end *me);
/* Is the tap near enough to the sender for what is in flight to tell something? */
bool la_rounds_tell(const struct la_measure *m, const struct la_track *track, unsigned sender);
void la_rounds_fill(const struct la_measure *m, const struct la_track *track, unsigned sender,
                    struct la_explain_direction *out);
void la_flow_count(const struct la_measure *m, const struct la_track *track,
                   struct la_explain_direction *out);
void la_flow_fill(const struct la_measure *m, struct la_explain_direction *out);

#endif
