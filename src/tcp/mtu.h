/* SPDX-License-Identifier: MIT
 *
 * mtu.h - how large a segment the path takes (RFC 1191, RFC 8201, RFC 4821)
 *
 * Either a router says that a packet was too big, or nobody does and packets vanish. What is known
 * of a path lasts as long as the connection has something to do (struct la_tcp_mtu, with SMSS);
 * what routers said is kept for others in net/. The long form: docs/theory/path-mtu.md.
 */
#ifndef LA_TCP_MTU_H
#define LA_TCP_MTU_H

#include "tcp/conn.h"

/*
 * la_tcp_too_big - a router could not pass the segment at `seq`
 *
 *   mtu_bytes   what its next link takes, 0: it did not say
 *
 * Only about what is in flight (RFC 5927 4.1). Segments become smaller, and what was too large goes
 * again at once. Otherwise todo->reason says why nothing was done.
 */
void la_tcp_too_big(struct la_tcp_conn *c, la_seq seq, uint32_t mtu_bytes, bool ipv6,
                    struct la_tcp_todo *todo);
/* The connection has just been established, and a router has said so about its path before. */
void la_tcp_mtu_known(struct la_tcp_conn *c, uint32_t mtu_bytes, bool ipv6,
                      struct la_tcp_todo *todo);

/* SND.UNA has moved by `octets`. */
void la_tcp_mtu_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t octets,
                      struct la_tcp_todo *todo);
/* A recovery is about to begin: is it because of a probe, and of nothing else? Then nothing is
 * wrong with the window (RFC 4821 7.6.2). */
bool la_tcp_mtu_probe_lost(struct la_tcp_conn *c, struct la_tcp_busy *busy,
                           struct la_tcp_todo *todo);
/* The retransmission timer has expired, before c->backoff_n counts it. */
void la_tcp_mtu_timed_out(struct la_tcp_conn *c, struct la_tcp_busy *busy,
                          struct la_tcp_todo *todo);

/* Octets of a probe that should be what is sent next, as new text; 0: none. Windows will have room
 * for it, at the latest when nothing is in flight. */
uint32_t la_tcp_mtu_probe_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                               uint32_t unsent, la_instant now);
/* It was sent, at `first`. */
void la_tcp_mtu_probe_sent(struct la_tcp_busy *busy, la_seq first, uint32_t n);

#endif
