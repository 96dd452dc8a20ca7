/* SPDX-License-Identifier: MIT
 *
 * acked.h - what the peer's acknowledgements say
 */
#ifndef LA_TCP_ACKED_H
#define LA_TCP_ACKED_H

#include "tcp/conn.h"
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
/* Wakes a writer that was refused, once there is room enough for it (pieces.h). */
void la_tcp_wake_writer(struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                        struct la_tcp_todo *todo);

#endif
