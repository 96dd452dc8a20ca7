/* SPDX-License-Identifier: MIT
 *
 * recovery.h - what acknowledgements mean for what is in flight, and what to send again
 *
 * RFC 5681 3.2 (fast retransmit, fast recovery), RFC 6582 (NewReno), RFC 6298 5 (timeout).
 */
#ifndef LA_TCP_RECOVERY_H
#define LA_TCP_RECOVERY_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* SEG.ACK acknowledges something new: SND.UNA < ack <= SND.NXT. Moves SND.UNA, frees what it
 * covers, measures the RTT, runs congestion control and recovery, re-arms or stops the timer. */
void la_tcp_acked(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo);
/* A duplicate acknowledgement by the five conditions of RFC 5681 2. */
void la_tcp_duplicate_ack(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* The retransmission timer expired (RFC 6298 5.4-5.6; RFC 5681 3.1). */
void la_tcp_timed_out(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo);

/* Octets that count as in the network now: what cwnd is compared with. */
uint32_t la_tcp_pipe(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* cwnd, and what limited transmit (RFC 3042) adds to it. */
uint32_t la_tcp_cwnd_now(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* The range to be sent again now; false: none. At most one segment. */
bool la_tcp_retransmit_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                            la_seq *first, uint32_t *n);
/* [first, first + n) has been sent again. */
void la_tcp_retransmitted(struct la_tcp_conn *c, struct la_tcp_busy *busy, la_seq first,
                          uint32_t n);

#endif
