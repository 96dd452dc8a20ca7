/* SPDX-License-Identifier: MIT
 *
 * fast_open.h - text in a SYN (TCP Fast Open, RFC 7413): what it means for one connection
 *
 * Which cookie an address has, and whether one that came is ours, is known above
 * (stack/fast_open.h). Here is what the SYN carries, what the SYN,ACK says of it, and what a
 * connection may do while its handshake is under way.
 *
 * Active: text that is queued when the SYN leaves goes with it, as far as the cookie's owner takes
 * it. SND.NXT stands behind it. A SYN that is sent again carries neither text nor option (4.1.3.1).
 * What the SYN,ACK does not acknowledge counts as never sent: it is new text, that leaves first.
 *
 * Passive: the SYN's text is received in SYN-RECEIVED, and text may be sent there (4.2.2), but no
 * FIN.
 */
#ifndef LA_TCP_FAST_OPEN_H
#define LA_TCP_FAST_OPEN_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* Active, before the SYN: it shows `cookie` (n is 0: asks for one). mss: what the peer has
 * announced with it, 0 = it did not. Without memory it is an ordinary SYN. */
void la_tcp_fast_open_ask(struct la_tcp_conn *c, const struct la_tcp_cookie *cookie, uint16_t mss,
                          struct la_tcp_todo *todo);
/* Text that a SYN to a peer with that MSS (0 = unknown) may carry. */
uint32_t la_tcp_fast_open_room(const struct la_tcp_conn *c, uint16_t mss);
/* Text that goes with the SYN which is sent now. */
uint32_t la_tcp_fast_open_text(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* The SYN with so much text has left. */
void la_tcp_fast_open_sent(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t text_bytes);
/* The option of a SYN or SYN,ACK. */
void la_tcp_fast_open_fill(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                           struct la_tcp_seg *seg);
/* Active, ESTABLISHED now, and the peer has acknowledged up to `ack`. */
void la_tcp_fast_open_answered(struct la_tcp_conn *c, la_seq ack, struct la_tcp_todo *todo);

/* Passive: the SYN,ACK will tell a cookie. Without memory it will not. */
void la_tcp_fast_open_reply(struct la_tcp_conn *c, const struct la_tcp_cookie *cookie,
                            struct la_tcp_todo *todo);
/* Passive, in SYN-RECEIVED, the cookie was ours: takes the SYN's text. Without memory it is left to
 * be sent again. */
void la_tcp_fast_open_take(struct la_tcp_conn *c, struct la_tcp_todo *todo);

/* Does the application have this connection already, before the handshake is complete? */
static inline bool
la_tcp_fast_open_serves(const struct la_tcp_conn *c)
{
    return c->state == LA_TCP_SYN_RECEIVED && c->fast_open == LA_TCP_FAST_OPEN_TAKEN;
}

#endif
