/* SPDX-License-Identifier: MIT
 *
 * congestion.h - congestion control behind a table of functions
 *
 * A control decides cwnd and ssthresh, and how fast segments leave; when to retransmit is
 * recovery.h's. What it needs while data is in flight lies in struct la_tcp_busy (union
 * la_cc_state); what must outlast that is four octets, la_tcp_conn.cc_kept, which `rest` writes and
 * `resume` reads. The long form: docs/theory/congestion.md.
 */
#ifndef LA_TCP_CONGESTION_H
#define LA_TCP_CONGESTION_H

#include "tcp/conn.h"

/* What tells that the window is too large. */
enum la_cc_signal {
    LA_CC_SIGNAL_LOSS,
    LA_CC_SIGNAL_PROBE, /* a tail loss probe has repaired a loss (RFC 8985 7.4.2) */
    LA_CC_SIGNAL_ECN    /* an echo of a mark (RFC 3168 6.1.2) */
};

/* Text that has just been sent. */
struct la_cc_sent {
    la_instant now;
    la_seq first;
    uint32_t n;
    uint32_t flight_bytes; /* in flight (la_tcp_flight()) before it */
    bool again;
};

struct la_cc_ops {
    const char *name;
    /* During fast recovery `acked` sets cwnd. Otherwise recovery.h does, from ssthresh. */
    bool in_recovery;
    /* `acked` is told a rate sample (rate.h), where there is one. */
    bool samples;
    /* A window that was not used falls (RFC 2861). */
    bool validates;
    /* The connection is established: the initial window. */
    void (*open)(struct la_tcp_conn *c, uint16_t initial_window_n);
    /* An acknowledgement has told something new, and has been processed: losses that it shows are
     * known, busy->phase says whether a recovery is on. */
    void (*acked)(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_cc_ack *ack);
    /* A new episode of congestion while `flight` octets were out, limited transmit's not counted.
     * Sets ssthresh; cwnd follows by the rules of the recovery. */
    void (*lost)(struct la_tcp_conn *c, struct la_tcp_busy *busy, enum la_cc_signal signal,
                 uint32_t flight_bytes);
    /* The retransmission timer expired. Sets cwnd, and ssthresh unless `again`: what was sent again
     * after the last time is lost once more. */
    void (*timed_out)(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t flight_bytes,
                      bool again);

    /* From here on, each may be NULL. */

    /* The last `lost` or `timed_out` was for nothing; cwnd and ssthresh have been put back. */
    void (*undo)(struct la_tcp_conn *c, struct la_tcp_busy *busy);
    /* Text is to be sent, none is in flight, and none was sent for longer than the RTO. */
    void (*idle_restart)(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t idle_ms);
    void (*sent)(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_cc_sent *sent);
    /* n octets of a range are found lost; `rate` is the sample that they would have been. */
    void (*range_lost)(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range,
                       uint32_t n, const struct la_cc_rate *rate);
    /* enum la_cc_phase outside recoveries; busy may be NULL. */
    uint8_t (*phase)(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
    /* Slow start is conservative now: it grows by less (RFC 9406 4.2). */
    bool (*hesitates)(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
    /* Octets/s at which segments may leave; 0 = as fast as the window allows. */
    uint64_t (*pacing_rate)(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
    /* struct la_tcp_busy goes, and comes again. */
    void (*rest)(struct la_tcp_conn *c, const struct la_tcp_busy *busy);
    void (*resume)(struct la_tcp_conn *c, struct la_tcp_busy *busy);
};

extern const struct la_cc_ops la_cc_reno, la_cc_cubic, la_cc_bbr;

/* By name: "reno", "cubic", "bbr". UINT8_MAX: there is none of that name. */
uint8_t la_cc_find(const char *name);
const struct la_cc_ops *la_cc_ops(uint8_t idx);
/* How many there are: 0 to la_cc_n() - 1. */
uint8_t la_cc_n(void);
bool la_cc_exists(int64_t idx);

/* Another control, at any time. The window stays, what the old one knew goes. */
void la_cc_switch(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint8_t idx);

/* ---- for recovery ----------------------------------------------------------------------- */

/* An acknowledgement has been processed: todo->ack is told to the control. */
void la_cc_acked(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* What a loss makes less: FlightSize (RFC 5681 3.1), no more than cwnd; or cwnd. */
uint32_t la_cc_reduced_from(const struct la_tcp_conn *c, uint32_t flight_bytes,
                            const struct la_tcp_env *env);
/* Octets of a range of the board, at its end those that are not SACKed, are found lost. */
void la_cc_range_lost(struct la_tcp_conn *c, struct la_tcp_busy *busy,
                      const struct la_tcp_sent *sent, struct la_range range);
/* See struct la_cc_ops. */
void la_cc_undo(struct la_tcp_conn *c, struct la_tcp_busy *busy);
/* Text is about to be sent, and nothing is in flight: was the connection idle? */
void la_cc_wakes(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_todo *todo);
void la_cc_sent(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_cc_sent *sent);

/* ---- for controls ----------------------------------------------------------------------- */

/* RFC 6928 2 and RFC 5681 3.1; ssthresh "arbitrarily high". */
void la_cc_initial_window(struct la_tcp_conn *c, uint16_t initial_window_n);
/* May an acknowledgement open the window, by the rules that Reno and CUBIC share? */
bool la_cc_may_grow(const struct la_tcp_busy *busy, const struct la_cc_ack *ack);
/* Slow start: RFC 5681 3.1 eqn. 2 with RFC 3465, `divisor` times slower. */
void la_cc_slow_start(struct la_tcp_conn *c, const struct la_cc_ack *ack, uint32_t divisor);

/* ---- for both --------------------------------------------------------------------------- */

/* Outside recoveries: LA_CC_SLOW_START or LA_CC_AVOIDANCE, whichever cwnd and ssthresh mean, or
 * what the control says. busy: NULL when idle. */
uint8_t la_cc_resting_phase(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* Emits what the congestion state is now. */
void la_cc_tell(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                const struct la_tcp_todo *todo);
/* Emits which rule has found a loss, or that there was none. */
void la_cc_tell_loss(const struct la_tcp_conn *c, enum la_loss_rule rule, uint32_t after_us,
                     struct la_tcp_todo *todo);

#endif
