/* SPDX-License-Identifier: MIT
 *
 * undo.h - a retransmission was not needed: the window is as if it had not been
 *
 * Three ways to find out: timestamps say that the acknowledgement is the original's (Eifel, RFC
 * 3522); D-SACK says that everything sent again had arrived (RFC 2883); acknowledgements
 * after a timeout go on without what was sent again (F-RTO, RFC 5682).
 */
#ifndef LA_TCP_UNDO_H
#define LA_TCP_UNDO_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* A recovery begins: what the window was before. Call it before the window is reduced. */
void la_tcp_undo_begin(struct la_tcp_conn *c, struct la_tcp_busy *busy, bool timeout);
/* n octets from `first` on were sent again. */
void la_tcp_undo_retransmitted(struct la_tcp_conn *c, struct la_tcp_busy *busy, la_seq first,
                               uint32_t n, la_instant now);
/* SND.UNA moves by `acked` octets, before recovery is told. True: the recovery was spurious and is
 * over. */
bool la_tcp_undo_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy,
                       const struct la_tcp_seg *seg, uint32_t acked, struct la_tcp_todo *todo);
/* An acknowledgement that moves nothing (RFC 5682 2.1 2a, 3a). */
void la_tcp_undo_duplicate(struct la_tcp_conn *c, struct la_tcp_busy *busy);
/* The first block is a D-SACK. */
void la_tcp_undo_dsack(struct la_tcp_conn *c, struct la_tcp_busy *busy,
                       const struct la_tcp_seg *seg, struct la_tcp_todo *todo);
/* F-RTO has let new data go first, to see whether what is in flight is acknowledged (2b). */
static inline bool
la_tcp_undo_waits(const struct la_tcp_busy *busy)
{
    return busy->undo.frto == LA_TCP_FRTO_FORWARD;
}

#endif
