/* SPDX-License-Identifier: MIT
 *
 * congestion.h - congestion control behind a table of functions
 *
 * A control decides cwnd and ssthresh; when to retransmit is recovery.h's. State that only matters
 * while data is in flight lies in struct la_tcp_busy.
 */
#ifndef LA_TCP_CONGESTION_H
#define LA_TCP_CONGESTION_H

#include "tcp/conn.h"

struct la_cc_ops {
    const char *name;
    /* The connection is established: the initial window. */
    void (*open)(struct la_tcp_conn *c, uint16_t initial_window_n);
    /* acked_bytes new octets were acknowledged outside recovery; in slow start at most limit_bytes
     * of them count (RFC 3465's L). */
    void (*acked)(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t acked_bytes,
                  uint32_t limit_bytes);
    /* The third duplicate ACK: a segment is lost, `flight` octets were out. Sets ssthresh. */
    void (*lost)(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t flight_bytes);
    /* The retransmission timer expired for the first time for this octet. Sets ssthresh, cwnd. */
    void (*timed_out)(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t flight_bytes);
};

/* By name: "reno". UINT8_MAX: there is none of that name. */
uint8_t la_cc_find(const char *name);
const struct la_cc_ops *la_cc_ops(uint8_t idx);
/* How many there are: 0 to la_cc_n() - 1. */
uint8_t la_cc_n(void);
/* LA_CC_SLOW_START or LA_CC_AVOIDANCE, whichever cwnd and ssthresh mean. */
uint8_t la_cc_resting_phase(const struct la_tcp_conn *c);
/* Emits what the congestion state is now. */
void la_cc_tell(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                struct la_tcp_todo *todo);
/* Emits which rule has found a loss, or that there was none. */
void la_cc_tell_loss(const struct la_tcp_conn *c, enum la_loss_rule rule, uint32_t after_us,
                     struct la_tcp_todo *todo);

#endif
