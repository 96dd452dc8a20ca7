/* SPDX-License-Identifier: MIT
 *
 * recovery.h - how a connection enters and leaves recovery and the loss window
 *
 * RFC 5681 3.2 (fast retransmit, fast recovery), RFC 6582 (NewReno), RFC 6675 (SACK: which octets
 * is in sack.h, when is here), RFC 8985, RFC 6298 5 (timeout).
 */
#ifndef LA_TCP_RECOVERY_H
#define LA_TCP_RECOVERY_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* A loss was found by `rule`: recovery begins, and the window is reduced. */
void la_tcp_recovery_begin(struct la_tcp_conn *c, struct la_tcp_busy *busy, enum la_loss_rule rule,
                           struct la_tcp_todo *todo);
/* SND.UNA has moved by `acked_bytes` of text. */
void la_tcp_recovery_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t acked_bytes,
                           struct la_tcp_todo *todo);
/* A duplicate acknowledgement during the recovery of NewReno. */
void la_tcp_recovery_inflate(struct la_tcp_conn *c);
/* The receiver has discarded octets that it had reported (RFC 2018 8). During recovery everything
 * is sent again from SND.UNA on, as after a timeout; else the timer finds out. */
void la_tcp_recovery_anew(struct la_tcp_conn *c, struct la_tcp_busy *busy,
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

#endif
