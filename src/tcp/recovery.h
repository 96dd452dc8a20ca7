/* SPDX-License-Identifier: MIT
 *
 * recovery.h - what acknowledgements mean for what is in flight, and what to send again
 *
 * RFC 5681 3.2 (fast retransmit, fast recovery), RFC 6582 (NewReno), RFC 6675 (SACK: which octets
 * is in sack.h, when is here), RFC 6298 5 (timeout).
 */
#ifndef LA_TCP_RECOVERY_H
#define LA_TCP_RECOVERY_H

#include "tcp/conn.h"
#include "tcp/sack.h"
#include "wire/tcp.h"

/* SEG.ACK acknowledges something new: SND.UNA < ack <= SND.NXT. Moves SND.UNA, frees what it
 * covers, measures the RTT, runs congestion control and recovery, re-arms or stops the timer. */
void la_tcp_acked(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo);
/* A duplicate acknowledgement by the five conditions of RFC 5681 2. With SACK it is only counted:
 * there RFC 6675 2 says what a duplicate is. */
void la_tcp_duplicate_ack(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* The SACK blocks of an acknowledgement at or beyond SND.UNA, after it was processed. */
void la_tcp_selective_ack(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                          struct la_tcp_todo *todo);
/* RFC 8985, after an acknowledgement and its blocks were processed: what is lost by them, and which
 * timer runs. */
void la_tcp_look_for_losses(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                            struct la_tcp_todo *todo);
/* The reordering timer expired (RFC 8985 6.2 step 5). */
void la_tcp_reordering_over(struct la_tcp_conn *c, struct la_tcp_busy *busy,
                            struct la_tcp_todo *todo);
/* What is in flight was too large for the path, and segments are smaller now: it goes again at
 * once, one segment until acknowledgements begin to arrive. */
void la_tcp_sent_too_big(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo);
/* The retransmission timer expired (RFC 6298 5.4-5.6; RFC 5681 3.1). */
void la_tcp_timed_out(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo);

/* Octets that count as in the network now: what cwnd is compared with. */
uint32_t la_tcp_pipe(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* cwnd, and what limited transmit (RFC 3042) adds to it. */
uint32_t la_tcp_cwnd_now(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* The range to be sent again now; false: none. At most one segment. */
bool la_tcp_retransmit_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                            struct la_tcp_again *again);
/* The same when no new data can be sent: what is less surely lost. */
bool la_tcp_retransmit_last(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                            struct la_tcp_again *again);
/* The last segment that was sent, for a tail loss probe (RFC 8985 7.3). */
bool la_tcp_retransmit_tail(const struct la_tcp_conn *c, struct la_tcp_again *again);
/* It has been sent again. */
void la_tcp_retransmitted(struct la_tcp_conn *c, struct la_tcp_busy *busy,
                          const struct la_tcp_again *again, la_instant now);

#endif
