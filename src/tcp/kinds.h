/* SPDX-License-Identifier: MIT
 *
 * kinds.h - the kinds of segments: SYN, text, text again, probe, acknowledgement
 *
 * What is wanted (`want`) is done where it says so; false: no memory, and nothing has changed that
 * would keep it from being sent later.
 */
#ifndef LA_TCP_KINDS_H
#define LA_TCP_KINDS_H

#include "tcp/out.h"
#include "tcp/sack.h"
#include "tcp/send.h"

/* SYN or SYN,ACK, the first or once more. */
bool la_tcp_send_syn(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo);
/* Text and FIN beyond SND.NXT, as allowed. */
bool la_tcp_send_new(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
                     struct la_tcp_allowance allowed, enum la_cause cause,
                     struct la_tcp_todo *todo);
/* Text and FIN that have been sent before. */
bool la_tcp_send_again(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
                       const struct la_tcp_again *again, struct la_tcp_todo *todo);
/* A window probe or a keep-alive. */
bool la_tcp_send_probe(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_out *out,
                       enum la_cause cause, struct la_tcp_todo *todo);
/* Nothing but the acknowledgement. */
bool la_tcp_send_ack(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo);
/* The SYN,ACK of a connection that nobody will remember (a SYN cookie): c has taken the SYN, and is
 * in no state. Nothing is in flight afterwards. Without memory there is no frame. */
void la_tcp_output_cookie(struct la_tcp_conn *c, struct la_tcp_out *out, struct la_tcp_todo *todo);

#endif
