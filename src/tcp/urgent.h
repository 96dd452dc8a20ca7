/* SPDX-License-Identifier: MIT
 *
 * urgent.h - urgent data, both ways: SND.UP and RCV.UP
 *
 * Each pointer exists (LA_TCP_F_URGENT_OUT, LA_TCP_F_URGENT_IN) only while it is ahead: SND.UP of
 * SND.UNA, RCV.UP of the first octet that was not read. While one exists the connection is not
 * idle.
 */
#ifndef LA_TCP_URGENT_H
#define LA_TCP_URGENT_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* SEND with the URGENT flag (3.10.2): everything that is queued now is urgent. */
void la_tcp_urgent_queued(struct la_tcp_conn *c, struct la_tcp_env *env);
/* Is a part of it still to be sent for the first time? */
bool la_tcp_urgent_unsent(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* The URG flag and the pointer of a segment about to be sent, by its SEG.SEQ. */
void la_tcp_urgent_mark(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                        struct la_tcp_seg *seg);
/* SND.UNA has moved. */
void la_tcp_urgent_acked(struct la_tcp_conn *c, const struct la_tcp_busy *busy);

/* A segment with URG (3.10.7.4 sixth). */
void la_tcp_urgent_arrived(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                           struct la_tcp_todo *todo);
/* Octets up to RCV.UP that were not read yet, whether they have arrived or not (MUST-33). */
uint32_t la_tcp_urgent_unread(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* Octets were read, or the peer's FIN says that there is nothing behind it. */
void la_tcp_urgent_settle(struct la_tcp_conn *c, struct la_tcp_busy *busy);

#endif
