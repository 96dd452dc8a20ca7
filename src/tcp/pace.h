/* SPDX-License-Identifier: MIT
 *
 * pace.h - text leaves in quanta, as fast as a rate allows
 *
 * A quantum is what the rate makes of a millisecond, at least two segments, at most a
 * super-segment. Between quanta the connection waits for its release time, which is one of its
 * deadlines: the timer wheel's node is the only one. A wheel that comes late is made up for, by
 * half a quantum at most; idle time gives no credit. Without a rate nothing waits. An application
 * may bound the rate, which paces every control, as Linux's SO_MAX_PACING_RATE does. What is sent
 * again is paced as well; probes, a FIN alone and acknowledgements are not. The long form:
 * docs/theory/bbr.md.
 */
#ifndef LA_TCP_PACE_H
#define LA_TCP_PACE_H

#include "tcp/conn.h"

/* The application's bound in octets/s; 0: none. Kept to a thousandth, rounded down. */
uint64_t la_tcp_pace_bound(const struct la_tcp_conn *c);
void la_tcp_pace_bound_set(struct la_tcp_conn *c, uint64_t rate);
/* The bound is another one: what waited for its time under the old one waits no longer. */
void la_tcp_pace_begin(struct la_tcp_conn *c, struct la_tcp_busy *busy, la_instant now);
/* C.pacing_rate in octets/s, the bound observed; 0: as fast as the window allows. */
uint64_t la_tcp_pacing_rate(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                            const struct la_tcp_env *env);
/* C.send_quantum at this rate. */
uint32_t la_tcp_pacing_quantum(const struct la_tcp_conn *c, uint64_t rate);
/* How much is cut from one piece with push_bursts: what leaves in a millisecond at the rate that
 * the window makes, at least cfg->burst_n_min segments, at most half a cwnd; in whole segments. */
uint32_t la_tcp_burst_bytes(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                            const struct la_tcp_env *env);
/* The same where an acknowledgement that is due would let more leave in one piece: shall the next
 * burst, of at most n octets, wait for it? Then cwnd is what it waits for if *full. */
bool la_tcp_burst_waits(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                        const struct la_tcp_todo *todo, bool *full);
/* Octets that may leave now, a segment at least; 0: none before busy->pace.release_at. */
uint32_t la_tcp_pace_room(const struct la_tcp_conn *c, struct la_tcp_busy *busy,
                          const struct la_tcp_todo *todo);
/* n octets have left. */
void la_tcp_pace_sent(const struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t n,
                      const struct la_tcp_todo *todo);

#endif
