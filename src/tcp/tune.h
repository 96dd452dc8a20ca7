/* SPDX-License-Identifier: MIT
 *
 * tune.h - buffers that grow with what the path and the application move
 *
 * Only where no size was asked for (la_tcp_cfg.sndbuf_bytes, rcvbuf_bytes 0). What grows is what
 * may be queued or offered, not memory that is held. docs/theory/buffers.md.
 */
#ifndef LA_TCP_TUNE_H
#define LA_TCP_TUNE_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* The peer's SYN has said how long segments are. */
void la_tcp_tune_open(struct la_tcp_conn *c, const struct la_tcp_cfg *cfg);
/* Text in order has arrived: is the application faster than the window lets the peer be? */
void la_tcp_tune_receive(struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                         const struct la_tcp_seg *seg, struct la_tcp_todo *todo);
/* The congestion window may have grown. */
void la_tcp_tune_send(struct la_tcp_conn *c, const struct la_tcp_env *env);
/* The same with pieces, as Linux: for a writer that waits, when cwnd is not what it waits for.
 * Twice cwnd; a segment counts for the power of two that holds it with its headers, and more. */
void la_tcp_tune_pieces(struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                        const struct la_tcp_env *env);
/* Nothing is queued or in flight any more. */
void la_tcp_tune_rest(struct la_tcp_conn *c, const struct la_tcp_env *env);

#endif
