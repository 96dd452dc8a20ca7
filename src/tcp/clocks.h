/* SPDX-License-Identifier: MIT
 *
 * clocks.h - what a connection waits for, and how fast it gets on: statistics alone
 *
 * They count while something is queued, in flight or unread, and begin anew after a rest.
 */
#ifndef LA_TCP_CLOCKS_H
#define LA_TCP_CLOCKS_H

#include "tcp/conn.h"

/* The queue, the window or what is in flight may have changed. */
void la_tcp_clocks_look(const struct la_tcp_conn *c, struct la_tcp_busy *busy, la_instant now);
/* A round trip is over: what it delivered is the rate. */
void la_tcp_clocks_round(const struct la_tcp_conn *c, struct la_tcp_busy *busy, la_instant now);
/* The same as la_tcp_clocks.us, up to now. */
uint64_t la_tcp_clocks_us(const struct la_tcp_busy *busy, enum la_tcp_clock clock, la_instant now);

#endif
