/* SPDX-License-Identifier: MIT
 *
 * bbr.h - the parts of BBR, for each other (draft-ietf-ccwg-bbr-06)
 *
 * bbr.c is the table's entry: Startup, Drain, control parameters, recoveries; bbr_model.c the model
 * of the path; bbr_probe.c the cycle of ProbeBW, and ProbeRTT. docs/theory/bbr.md has the figure.
 */
#ifndef LA_TCP_BBR_H
#define LA_TCP_BBR_H

#include "tcp/conn.h"

/* What a step of 5.2.3 works on: one acknowledgement, or one loss. */
struct la_bbr {
    struct la_tcp_conn *c;
    struct la_tcp_busy *busy;
    struct la_cc_bbr *s;
    const struct la_cc_rate *rs;
    la_instant now;
    uint32_t newly_acked;    /* RS.newly_acked */
    uint32_t inflight_bytes; /* C.inflight */
};

/* ---- the model (bbr_model.c) ------------------------------------------------------------ */

/* OnInit(), but for the state. */
void la_bbr_init(struct la_cc_bbr *s, la_instant now);
uint64_t la_bbr_max_bw(const struct la_cc_bbr *s);
/* BBR.bw */
uint64_t la_bbr_bw(const struct la_cc_bbr *s);
/* BDPMultiple() of a rate, percent. */
uint32_t la_bbr_bdp(const struct la_bbr *b, uint64_t bw, uint32_t gain);
/* QuantizationBudget() */
uint32_t la_bbr_quantized(const struct la_bbr *b, uint32_t inflight_cap);
/* Inflight(1.0) at a rate. */
uint32_t la_bbr_inflight(const struct la_bbr *b, uint64_t bw);
uint32_t la_bbr_min_pipe_cwnd(const struct la_tcp_conn *c);
uint32_t la_bbr_target_inflight(const struct la_bbr *b);
uint32_t la_bbr_extra_acked(const struct la_cc_bbr *s);
void la_bbr_start_round(struct la_bbr *b);
void la_bbr_reset_full_bw(struct la_cc_bbr *s);
void la_bbr_reset_congestion_signals(struct la_cc_bbr *s);
void la_bbr_reset_shortterm(struct la_cc_bbr *s);
bool la_bbr_is_inflight_too_high(const struct la_bbr *b);
/* Steps of UpdateModelAndState(), in its order. */
void la_bbr_update_latest_delivery_signals(struct la_bbr *b);
void la_bbr_update_congestion_signals(struct la_bbr *b);
void la_bbr_update_ack_aggregation(struct la_bbr *b);
void la_bbr_check_full_bw_reached(struct la_bbr *b);
void la_bbr_update_min_rtt(struct la_bbr *b);
void la_bbr_advance_latest_delivery_signals(struct la_bbr *b);

/* ---- the cycle (bbr_probe.c) ------------------------------------------------------------ */

bool la_bbr_is_in_probe_bw(const struct la_cc_bbr *s);
uint32_t la_bbr_inflight_with_headroom(const struct la_bbr *b);
uint32_t la_bbr_probe_rtt_cwnd(const struct la_bbr *b);
void la_bbr_start_probe_bw_down(struct la_bbr *b);
void la_bbr_start_probe_bw_cruise(struct la_bbr *b);
void la_bbr_start_probe_bw_refill(struct la_bbr *b);
void la_bbr_update_probe_bw_cycle_phase(struct la_bbr *b);
void la_bbr_handle_inflight_too_high(struct la_bbr *b);
/* HandleLostPacket() for n octets; b->rs is what they would have been. */
void la_bbr_handle_lost(struct la_bbr *b, uint32_t n);
void la_bbr_check_probe_rtt(struct la_bbr *b);
void la_bbr_check_probe_rtt_done(struct la_bbr *b);

/* ---- bbr.c ------------------------------------------------------------------------------ */

void la_bbr_enter_startup(struct la_cc_bbr *s);
void la_bbr_save_cwnd(struct la_bbr *b);
void la_bbr_restore_cwnd(struct la_bbr *b);
/* NoteLoss() */
void la_bbr_note_loss(struct la_bbr *b);

#endif
