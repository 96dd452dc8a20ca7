/* SPDX-License-Identifier: MIT
 *
 * ecn.h - explicit congestion notification (RFC 3168)
 *
 * LA_TCP_F_ECN: before the SYNs have met, this end is willing; afterwards both ends are. Routers
 * may then mark text instead of dropping it; the receiver echoes the mark (ECE) until the sender
 * says that it has reduced its window (CWR).
 */
#ifndef LA_TCP_ECN_H
#define LA_TCP_ECN_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* The flags that our SYN, or SYN,ACK, has beside the usual ones. `again`: it went out before; then
 * a SYN goes without them, in case somebody on the path drops them (6.1.1.1). */
uint16_t la_tcp_ecn_syn_flags(struct la_tcp_conn *c, bool again, struct la_tcp_todo *todo);
/* The peer's SYN or SYN,ACK: is it an ECN-setup one? */
void la_tcp_ecn_take_syn(struct la_tcp_conn *c, const struct la_tcp_seg *syn);
/* TIME-WAIT: what was agreed is forgotten (6.1.1). */
void la_tcp_ecn_forget(struct la_tcp_conn *c);

/* May new text be sent as ECT(0)? */
static inline bool
la_tcp_ecn_marks(const struct la_tcp_conn *c)
{
    return (c->flags & LA_TCP_F_ECN) != 0 &&
           (c->flags & (LA_TCP_F_ECN_ASK | LA_TCP_F_PASSIVE)) != 0;
}

/* Does an acknowledgement say that text was marked? Then it does not open the window (6.1.2). */
static inline bool
la_tcp_ecn_is_echo(const struct la_tcp_conn *c, const struct la_tcp_seg *seg)
{
    return (seg->flags & LA_TCP_ECE) != 0 && la_tcp_ecn_marks(c);
}

/* The receiver's part, where ECN is agreed: a segment inside the window that came with text. */
void la_tcp_ecn_arrived(struct la_tcp_conn *c, uint16_t flags, struct la_tcp_todo *todo);
/* The sender's part: an echo that is neither old nor of what was not sent, before it is processed.
 * Reduces the window, once for each window of data. */
void la_tcp_ecn_echoed(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                       struct la_tcp_todo *todo);
/* The window was reduced, for whatever reason: the next new text says so. */
void la_tcp_ecn_reduced(struct la_tcp_conn *c, struct la_tcp_busy *busy);

/* Was the window reduced for what is in flight at SND.UNA? One reduction is enough for it. */
static inline bool
la_tcp_ecn_is_reduced(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return la_seq_lt(c->snd_una, busy->reduced_end);
}

/* Ends the rest that an echo at the smallest window has caused. True: it was that which the
 * retransmission timer waited for, and nothing is to be sent again. */
bool la_tcp_ecn_rest_over(struct la_tcp_conn *c, struct la_tcp_busy *busy);

#endif
