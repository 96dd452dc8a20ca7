/* SPDX-License-Identifier: MIT
 *
 * usage.h - was cwnd used? (RFC 7661 4.1; cfg->usage_by_window)
 *
 * A window that was not used does not grow. By default each acknowledgement looks at what was in
 * the network when it came: at least half of cwnd. With usage_by_window the answer is one for a
 * whole window of data, as on Linux: was cwnd full once while it was sent; in slow start, was more
 * than half of it.
 */
#ifndef LA_TCP_USAGE_H
#define LA_TCP_USAGE_H

#include "tcp/conn.h"

/* Something has left, or could not. `full`: cwnd has kept text back. */
void la_tcp_usage_sent(const struct la_tcp_conn *c, struct la_tcp_busy *busy, bool full);
/* What an ACK that has delivered n octets may grow cwnd for: without SACK, each duplicate before it
 * has told of a segment already. */
uint32_t la_tcp_usage_news(const struct la_tcp_conn *c, uint32_t n, uint32_t duplicates_n);
/* May an acknowledgement of what was sent grow cwnd? */
bool la_tcp_usage_is_full(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                          const struct la_tcp_env *env);

#endif
