/* SPDX-License-Identifier: MIT
 *
 * open.h - how a connection begins: OPEN, the SYN's options, ESTABLISHED
 */
#ifndef LA_TCP_OPEN_H
#define LA_TCP_OPEN_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* Active OPEN on a fresh record (RFC 9293 3.10.1), of that configuration. The SYN is wanted. */
void la_tcp_open_active(struct la_tcp_conn *c, const struct la_tcp_cfg *cfg,
                        struct la_tcp_todo *todo);
/* A SYN that LISTEN accepts (3.10.7.2 third) on a fresh record. The SYN,ACK is wanted, unless it is
 * held (the forwarder): then the record waits in LISTEN for la_tcp_open_release(). */
void la_tcp_open_passive(struct la_tcp_conn *c, const struct la_tcp_seg *syn, bool held,
                         struct la_tcp_todo *todo);
void la_tcp_open_release(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* On a fresh record whose SYN,ACK was not sent yet: its initial sequence number will lie beyond
 * `snd_nxt`, where the former incarnation ended (RFC 9293 3.6.1, MAY-2). */
void la_tcp_open_beyond(struct la_tcp_conn *c, la_seq snd_nxt);
/* What the peer's SYN says: IRS, MSS, scale, SACK, timestamps, window. */
void la_tcp_take_syn(struct la_tcp_conn *c, const struct la_tcp_seg *syn, struct la_tcp_todo *todo);
/* Our SYN was acknowledged: the connection has entered ESTABLISHED. */
void la_tcp_established(struct la_tcp_conn *c, struct la_tcp_todo *todo);

/* LISTEN's answer to a segment (3.10.7.2). True: a SYN to be opened passively. Otherwise
 * todo->reason says why not, and todo->rst whether a RST answers it. */
bool la_tcp_listen_state(const struct la_tcp_seg *seg, struct la_tcp_todo *todo);
/* CLOSED's answer (3.10.7.1): RST to everything but RST. */
void la_tcp_closed_state(const struct la_tcp_seg *seg, struct la_tcp_todo *todo);

/* SYN and FIN in one segment, where that is not wanted. */
static inline bool
la_tcp_is_unwanted(const struct la_tcp_seg *seg, const struct la_tcp_cfg *cfg)
{
    return cfg->drop_syn_fin &&
           (seg->flags & (LA_TCP_SYN | LA_TCP_FIN)) == (LA_TCP_SYN | LA_TCP_FIN);
}

#endif
