/* SPDX-License-Identifier: MIT
 *
 * bbr_state.h - what BBR knows of a path while something is in flight
 *
 * The names are those of draft-ietf-ccwg-bbr-06 section 2, with units. Rates are octets/s, counts
 * of delivered octets are modulo 2^32 as in struct la_tcp_rate. LA_BBR_NO_BYTES and LA_BBR_NO_RATE
 * stand for the draft's infinity.
 */
#ifndef LA_TCP_BBR_STATE_H
#define LA_TCP_BBR_STATE_H

#include <lastack/base.h>
#include "base/seq.h"

#define LA_BBR_NO_BYTES UINT32_MAX
#define LA_BBR_NO_RATE UINT64_MAX

/* BBR.ack_phase (2.13) */
enum la_bbr_ack_phase {
    LA_BBR_ACKS_INIT,
    LA_BBR_ACKS_REFILLING,
    LA_BBR_ACKS_PROBE_STARTING,
    LA_BBR_ACKS_PROBE_FEEDBACK,
    LA_BBR_ACKS_PROBE_STOPPING
};

struct la_cc_bbr {
    uint64_t max_bw[2];     /* BBR.max_bw_filter: of the cycle before, and of this one */
    uint64_t bw_shortterm;
    uint64_t bw_latest;
    uint64_t full_bw;
    uint64_t pacing_rate;   /* C.pacing_rate; 0 = not known yet */
    la_instant min_rtt_at;  /* BBR.min_rtt_stamp */
    la_instant probe_rtt_min_at;
    la_instant probe_rtt_done_at; /* NEVER = not yet set */
    la_instant cycle_at;          /* BBR.cycle_stamp */
    la_instant extra_acked_at;    /* BBR.extra_acked_interval_start */
    uint32_t min_rtt_us;          /* UINT32_MAX = not known yet */
    uint32_t probe_rtt_min_us;    /* BBR.probe_rtt_min_delay */
    uint32_t inflight_longterm;
    uint32_t inflight_shortterm;
    uint32_t inflight_latest;
    uint32_t extra_acked_bytes;   /* BBR.extra_acked_delivered */
    uint32_t extra_acked[2];      /* the largest of each half of the filter's window */
    uint32_t prior_cwnd;
    uint32_t round_n;             /* BBR.round_count */
    uint32_t next_round_delivered;
    uint32_t loss_round_delivered;
    uint32_t drain_start_round;
    uint32_t bw_probe_wait_us;
    uint32_t bw_probe_up_acked;
    uint32_t probe_up_acked_per_inc;
    uint64_t undo_bw_shortterm;
    uint32_t undo_inflight_shortterm, undo_inflight_longterm;
    uint32_t rounds_since_probe_up;
    la_seq lost_end;              /* where the range found lost last ends */
    uint8_t phase;                /* BBR.state: of enum la_cc_phase one of its own */
    uint8_t undo_phase;           /* BBR.undo_state; LA_CC_PHASE_COUNT = none */
    uint8_t ack_phase;            /* enum la_bbr_ack_phase */
    uint8_t full_bw_n;            /* BBR.full_bw_count */
    uint8_t bw_probe_up_rounds;
    uint8_t lost_ranges_n;        /* discontiguous ones, in this round */
    uint8_t extra_acked_rounds_n; /* in this half of the window */
    uint8_t cycles_n;             /* of ProbeBW, for what is drawn at random */
    bool round_start, loss_round_start;
    bool full_bw_reached, full_bw_now;
    bool idle_restart;
    bool is_loss_in_round;
    bool is_mark_in_round;        /* congestion was marked; then is_loss_in_round as well */
    bool is_bw_probe_sample;
    bool prev_probe_too_high, prev_probe_precautionary;
    bool probe_rtt_expired, probe_rtt_round_done;
    bool recovers;                /* a recovery was on at the acknowledgement before */
    bool saved;                   /* SaveStateUponLoss() was done for it */
};

#endif
