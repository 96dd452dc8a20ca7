/* SPDX-License-Identifier: MIT
 *
 * receive.h - what arrives: the receive queue, the runs beyond RCV.NXT, the window we offer
 */
#ifndef LA_TCP_RECEIVE_H
#define LA_TCP_RECEIVE_H

#include "tcp/conn.h"

/*
 * la_tcp_receive_text - takes a segment's octets (RFC 9293 3.10.7.4 seventh)
 *
 *   seq    sequence number of the first octet in todo->text
 *   fin    a FIN stands behind the last one
 *
 * What was received before and what lies beyond the window is cut off; octets at RCV.NXT go to the
 * receive queue together with runs that now join on; others are kept as a run. Octets are moved,
 * or copied where they would keep much more memory alive than they fill. Sets todo->reason and the
 * wanted acknowledgement. Returns true when the FIN is now in order (its number is RCV.NXT).
 */
bool la_tcp_receive_text(struct la_tcp_conn *c, la_seq seq, bool fin, struct la_tcp_todo *todo);

/* Frees all runs. */
void la_tcp_early_clear(struct la_tcp_busy *busy, struct la_tcp_env *env);

/* n octets of the receive queue were consumed by the application. Wants a window update when the
 * peer should hear of the room (RFC 9293 3.8.6.2.2). */
void la_tcp_receive_consumed(struct la_tcp_conn *c, struct la_tcp_env *env, uint32_t n);

/* What the buffer takes behind RCV.NXT now, whether or not it was or can be told. */
uint32_t la_tcp_receive_room(const struct la_tcp_conn *c, const struct la_tcp_env *env);
/* Does memory allow for all of the buffer? Then the window of a SYN follows from the configuration
 * alone. */
bool la_tcp_receive_is_free(const struct la_tcp_conn *c, const struct la_tcp_env *env);
/* The window field of the next segment; moves rcv_adv right as far as silly-window avoidance and
 * memory allow, never left. `syn`: the field of a segment with SYN, which is not scaled. */
uint16_t la_tcp_receive_window(struct la_tcp_conn *c, struct la_tcp_env *env, bool syn);

#endif
