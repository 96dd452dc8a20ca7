/* SPDX-License-Identifier: MIT
 *
 * again.h - what is in the network, and what goes once more
 */
#ifndef LA_TCP_AGAIN_H
#define LA_TCP_AGAIN_H

#include "tcp/conn.h"
#include "tcp/sack.h"

/* Octets that count as in the network now: what cwnd is compared with. */
uint32_t la_tcp_pipe(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* cwnd, and what limited transmit (RFC 3042) adds to it. */
uint32_t la_tcp_cwnd_now(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* The range to be sent again now; false: none. At most one segment. */
bool la_tcp_retransmit_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                            struct la_tcp_again *again);
/* The same when no new data can be sent: what is less surely lost. */
bool la_tcp_retransmit_last(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                            struct la_tcp_again *again);
/* More of it in one super-segment of at most so many octets, as far as it is lost, too. */
void la_tcp_retransmit_more(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                            uint32_t bytes_max, struct la_tcp_again *again);
/* The last segment that was sent, for a tail loss probe (RFC 8985 7.3). */
bool la_tcp_retransmit_tail(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                            struct la_tcp_again *again);
/* It has been sent again. */
void la_tcp_retransmitted(struct la_tcp_conn *c, struct la_tcp_busy *busy,
                          const struct la_tcp_again *again, la_instant now);

#endif
