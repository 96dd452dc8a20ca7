/* SPDX-License-Identifier: MIT
 *
 * rack.h - losses found by time (RFC 8985 6): what was sent before something that arrived is lost
 *
 * Works where SACK was agreed, unless la_tcp_cfg.rack switches it off; else RFC 6675 and
 * RFC 6582 find losses, see sack.h and recovery.h. After a retransmission timeout none does: then
 * everything is sent again from SND.UNA on. The long form: docs/theory/recovery.md.
 */
#ifndef LA_TCP_RACK_H
#define LA_TCP_RACK_H

#include "tcp/conn.h"
#include "tcp/sack.h"
#include "wire/tcp.h"

/* Does RACK find the losses of this connection? */
static inline bool
la_tcp_rack_is_on(const struct la_tcp_conn *c)
{
    return (c->flags & (LA_TCP_F_SACK | LA_TCP_F_RACK)) == (LA_TCP_F_SACK | LA_TCP_F_RACK);
}

/* Octets [first, end), on the board and neither acknowledged nor SACKed before, have arrived (6.2
 * steps 1 to 3). */
void la_tcp_rack_delivered(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range,
                           const struct la_tcp_seg *seg, struct la_tcp_todo *todo);
/* The acknowledgement reports a duplicate: reordering takes longer than was thought (step 4). */
void la_tcp_rack_duplicate(struct la_tcp_conn *c, struct la_tcp_busy *busy);
/* A recovery is over (step 4: the window falls back after sixteen without a duplicate). */
void la_tcp_rack_recovered(struct la_tcp_busy *busy);
/* Step 5. True: something is lost that was not known to be. *wait_us: after so long, look again;
 * 0 = no need. */
bool la_tcp_rack_detect(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t *wait_us,
                        struct la_tcp_todo *todo);

/* The lowest octets that are lost, and not sent again since: one segment at most. False: there are
 * none. */
bool la_tcp_rack_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                      struct la_tcp_again *again);
/* RACK.reo_wnd. */
uint32_t la_tcp_rack_reo_wnd_us(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);

#endif
