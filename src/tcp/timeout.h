/* SPDX-License-Identifier: MIT
 *
 * timeout.h - RFC 9293 3.10.8, and the timers of 3.8
 */
#ifndef LA_TCP_TIMEOUT_H
#define LA_TCP_TIMEOUT_H

#include "tcp/conn.h"

/* Serves every timer of the connection that has expired at todo->now. The connection may be CLOSED
 * afterwards. */
void la_tcp_timeout(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* Starts TIME-WAIT's 2 MSL, or starts it again. */
void la_tcp_time_wait_start(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* In FIN-WAIT-2 without an owner: the timer that ends it. */
void la_tcp_fin_wait_2_start(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* Keep-alive counts from now. */
void la_tcp_keepalive_start(struct la_tcp_conn *c, la_instant now);
/* When it next looks; NEVER: it is off. That is at most a day ahead, and, since timers are served,
 * not long ago. */
static inline la_instant
la_tcp_keepalive_at(const struct la_tcp_conn *c, la_instant now)
{
    if ((c->flags & LA_TCP_F_KEEPALIVE) == 0 || c->state < LA_TCP_ESTABLISHED ||
        c->state == LA_TCP_TIME_WAIT)
        return LA_INSTANT_NEVER;
    int64_t left_ms = (int32_t)(c->keepalive_ms - la_tcp_ms(now));
    return la_instant_of_ns((now.ns / LA_NS_PER_MS + left_ms) * LA_NS_PER_MS);
}

#endif
