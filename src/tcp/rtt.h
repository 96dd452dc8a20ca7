/* SPDX-License-Identifier: MIT
 *
 * rtt.h - round-trip time and the retransmission timeout (RFC 6298)
 */
#ifndef LA_TCP_RTT_H
#define LA_TCP_RTT_H

#include "tcp/conn.h"

/* Half the window over which the shortest round trip is kept: with Linux five minutes. */
enum { LA_TCP_RTT_HALF_WINDOW_MS = 150000 };

/* One measurement R. Updates SRTT, RTTVAR and RTO (RFC 6298 2.2, 2.3) and ends the back-off. */
void la_tcp_rtt_sample(struct la_tcp_conn *c, uint32_t sample_us, struct la_tcp_todo *todo);
/* The same after a timeout that was spurious, before which SRTT and RTTVAR were as given: they
 * become more conservative (RFC 4015 3.1 step 11). */
void la_tcp_rtt_adapt(struct la_tcp_conn *c, uint32_t srtt_us, uint32_t rttvar_us,
                      uint32_t sample_us, struct la_tcp_todo *todo);
/* RTO with the back-off of n expirations, within its bounds (RFC 6298 5.5). */
uint32_t la_tcp_rto_backed_off(const struct la_tcp_conn *c, const struct la_tcp_env *env,
                               unsigned n);
/* TSval now: milliseconds, moved by the connection's own random offset (RFC 7323 5.4, 7.1). */
static inline uint32_t
la_tcp_ts_at(uint32_t ts_offset, la_instant now)
{
    return (uint32_t)(uint64_t)(now.ns / LA_NS_PER_MS) + ts_offset;
}
static inline uint32_t
la_tcp_ts_now(const struct la_tcp_conn *c, la_instant now)
{
    return la_tcp_ts_at(c->ts_offset, now);
}

#endif
