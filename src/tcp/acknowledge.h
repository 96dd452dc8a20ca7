/* SPDX-License-Identifier: MIT
 *
 * acknowledge.h - when an acknowledgement is due
 */
#ifndef LA_TCP_ACKNOWLEDGE_H
#define LA_TCP_ACKNOWLEDGE_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* At once, for the reason given. The first reason stays. */
void la_tcp_ack_now(struct la_tcp_conn *c, enum la_cause cause);
/* Text out of order was received: each such segment draws a duplicate ACK of its own, also when a
 * burst brings many (RFC 5681 4.2). The sender counts them (3.2). */
void la_tcp_ack_out_of_order(struct la_tcp_conn *c, struct la_tcp_busy *busy);
/* Text in order was received: duplicates of the previous number can no longer be sent. */
void la_tcp_ack_in_order(struct la_tcp_busy *busy);
/* Text or a FIN was received in order: at once when two full-sized segments wait or ACKs are not
 * delayed, else within delayed_ack_us (RFC 9293 3.8.6.3, RFC 5681 4.2). */
void la_tcp_ack_later(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_env *env,
                      la_instant now);
/* A challenge ACK (RFC 5961), unless this connection has sent too many in this second: then the
 * reason becomes CHALLENGE_ACK_LIMITED. The limit is per connection: a shared one tells an
 * attacker about others (CVE-2016-5696). */
void la_tcp_ack_challenge(struct la_tcp_conn *c, struct la_tcp_todo *todo);
/* How many it has sent in this second; and, for one that is unfolded, how many it had. */
enum { LA_TCP_CHALLENGES_MASK = 0x0f };
static inline uint8_t
la_tcp_challenges(const struct la_tcp_conn *c)
{
    return c->challenges & LA_TCP_CHALLENGES_MASK;
}
/* The second modulo 16 beside it: one that is taken for another, sixteen later, costs nothing but
 * a challenge ACK that is not sent. */
static inline uint8_t
la_tcp_challenge_second(la_instant now)
{
    return (uint8_t)((uint64_t)(now.ns / LA_NS_PER_S) << 4);
}
/* The answer to a segment that is not acceptable (RFC 9293 3.10.7.4 first). One without text or FIN
 * may be such an answer itself: two ends that disagree about their numbers would answer each
 * other for ever, so these count with the challenge ACKs. */
void la_tcp_ack_unacceptable(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                             struct la_tcp_todo *todo);
/* A segment with an acknowledgement is being sent: none is owed any more, but for duplicates, which
 * count only when they are bare (no text, no SYN or FIN: RFC 5681 2). busy may be NULL. */
void la_tcp_ack_sent(struct la_tcp_conn *c, struct la_tcp_busy *busy, bool bare);
/* RCV.NXT as the peer was last told it: "Last.ACK.sent" (RFC 7323). */
static inline la_seq
la_tcp_ack_told(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return busy == NULL ? c->rcv_nxt : busy->owed.acked;
}
/* Text was sent: an answer to what came just before? Then acknowledgements may ride on such. */
void la_tcp_ack_replied(struct la_tcp_busy *busy, const struct la_tcp_todo *todo);

#endif
