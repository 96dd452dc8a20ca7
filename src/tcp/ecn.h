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
/* Active OPEN: is it asked for? Without memory for accurate ECN, RFC 3168's is. */
void la_tcp_ecn_open(struct la_tcp_conn *c, const struct la_tcp_cfg *cfg, struct la_tcp_env *env);
/* The peer's SYN or SYN,ACK: is it an ECN-setup one? */
void la_tcp_ecn_take_syn(struct la_tcp_conn *c, const struct la_tcp_seg *syn,
                         struct la_tcp_todo *todo);
/* Its SYN again. False: it asks for another kind of ECN, and ends the connection (RFC 9768 3.1.5).
 */
bool la_tcp_ecn_syn_again(struct la_tcp_conn *c, const struct la_tcp_seg *syn,
                          struct la_tcp_todo *todo);
/* TIME-WAIT: what was agreed is forgotten (6.1.1; RFC 9768 3.1.2). */
void la_tcp_ecn_forget(struct la_tcp_conn *c, struct la_tcp_env *env);
/* What a segment that is no SYN says of congestion: ECE (6.1.3), or the count (RFC 9768 3.2.2). */
void la_tcp_ecn_fill(struct la_tcp_conn *c, struct la_tcp_seg *seg, struct la_tcp_env *env);
void la_tcp_ecn_tell(const struct la_tcp_conn *c, enum la_ecn_step step, uint32_t marks_n,
                     struct la_tcp_todo *todo);

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
    return (seg->flags & LA_TCP_ECE) != 0 && (c->flags & LA_TCP_F_ACCECN) == 0 &&
           la_tcp_ecn_marks(c);
}

/* Does it say so in whatever way, also where nothing was agreed? */
bool la_tcp_ecn_is_told(const struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                        const struct la_tcp_env *env);

/* The receiver's part, where ECN is agreed: a segment inside the window that came with text. */
void la_tcp_ecn_arrived(struct la_tcp_conn *c, uint16_t flags, struct la_tcp_todo *todo);
/* The sender's part: an echo that is neither old nor of what was not sent, before it is processed.
 * Reduces the window, once for each window of data. */
void la_tcp_ecn_echoed(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                       struct la_tcp_todo *todo);
/* The same for whatever has told it: an acknowledgement up to `ack` while so much was in flight. */
struct la_tcp_marked {
    la_seq ack;
    uint32_t flight_bytes;
    uint32_t marks_n; /* 0: nobody has counted them (RFC 3168) */
};
void la_tcp_ecn_react(struct la_tcp_conn *c, const struct la_tcp_marked *marked,
                      struct la_tcp_todo *todo);
/* The window was reduced, for whatever reason: the next new text says so. */
void la_tcp_ecn_reduced(struct la_tcp_conn *c, struct la_tcp_busy *busy);
static inline bool
la_tcp_ecn_owes_cwr(const struct la_tcp_conn *c)
{
    return (c->flags & (LA_TCP_F_ECN_CWR | LA_TCP_F_ACCECN)) == LA_TCP_F_ECN_CWR;
}

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
