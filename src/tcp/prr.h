/* SPDX-License-Identifier: MIT
 *
 * prr.h - how much is sent during a recovery (RFC 9937, before it RFC 6937)
 *
 * The window comes down to ssthresh in proportion to what is delivered, so that acknowledgements
 * let something go all the time, and neither a silence nor a burst stands between.
 */
#ifndef LA_TCP_PRR_H
#define LA_TCP_PRR_H

#include "tcp/conn.h"

/* ssthresh has been set. flight_bytes: RecoverFS. */
void la_tcp_prr_begin(struct la_tcp_busy *busy, uint32_t flight_bytes);
/* An acknowledgement in recovery has delivered so much; `safe`: SND.UNA moved and nothing more is
 * lost (SafeACK). Sets cwnd, so that cwnd - pipe may be sent now. */
void la_tcp_prr_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t delivered_bytes,
                      bool safe);
void la_tcp_prr_sent(struct la_tcp_busy *busy, uint32_t n);

#endif
