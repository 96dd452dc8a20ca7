/* SPDX-License-Identifier: MIT
 *
 * uto.h - the user timeout option (RFC 5482): how long each end will wait for acknowledgements
 *
 * Where la_tcp_cfg.user_timeout_option says so. It is advice: what the peer says is bounded, and an
 * application that has set a user timeout of its own keeps it.
 */
#ifndef LA_TCP_UTO_H
#define LA_TCP_UTO_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* Our segment: the option in each SYN, in the first one that is none, and after a change. */
void la_tcp_uto_fill(struct la_tcp_conn *c, struct la_tcp_seg *seg);
/* A segment that was found acceptable, or the peer's SYN. */
void la_tcp_uto_arrived(struct la_tcp_conn *c, const struct la_tcp_seg *seg);
/* The application sets it, in milliseconds; 0: it leaves it to the peer and to R2. */
void la_tcp_uto_set(struct la_tcp_conn *c, uint32_t ms);

#endif
