/* SPDX-License-Identifier: MIT
 *
 * user.h - user calls (RFC 9293 3.9.1, 3.10.2 to 3.10.5) on one connection
 */
#ifndef LA_TCP_USER_H
#define LA_TCP_USER_H

#include "tcp/conn.h"

/* Why nothing more can be sent: LA_OK, NOT_CONNECTED, CLOSING or the connection's error. */
la_err la_tcp_send_state(const struct la_tcp_conn *c);
/* SEND, 3.10.2: copies what fits. Returns octets, AGAIN, NO_MEMORY or la_tcp_send_state(). */
la_ssize la_tcp_send(struct la_tcp_conn *c, struct la_bytes bytes, bool more,
                     struct la_tcp_todo *todo);
/* The same with the URGENT flag: what it took, and everything queued before it, is urgent. */
la_ssize la_tcp_send_urgent(struct la_tcp_conn *c, struct la_bytes bytes, struct la_tcp_todo *todo);
/* What is queued ends a record: no segment will hold octets from before and behind it. NO_MEMORY.
 */
la_err la_tcp_end_record(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* TCP_NOTSENT_LOWAT; 0: none. NO_MEMORY. */
la_err la_tcp_set_lowat(struct la_tcp_conn *c, uint32_t bytes, struct la_tcp_todo *todo);
/* The same in two steps without a copy. */
la_err la_tcp_reserve(struct la_tcp_conn *c, size_t want_n, struct la_room *room,
                      struct la_tcp_todo *todo);
void la_tcp_commit(struct la_tcp_conn *c, size_t n, bool more, struct la_tcp_todo *todo);

/* RECEIVE, 3.10.3: octets that can be read now, of urgent data no more than up to its end; 0: the
 * peer's FIN stands there.
 * AGAIN, NOT_CONNECTED, the connection's error. */
la_ssize la_tcp_readable(const struct la_tcp_conn *c, const struct la_tcp_env *env);

/* CLOSE, 3.10.4. Again: no effect. */
void la_tcp_close(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* The application reads no more: what is queued and what comes is discarded. */
void la_tcp_close_read(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* ABORT, 3.10.5. */
void la_tcp_abort(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* The handle is given up: CLOSE, or RST when octets were not read (RFC 1122 4.2.2.13). */
void la_tcp_release(struct la_tcp_conn *c, struct la_tcp_todo *todo);

#endif
