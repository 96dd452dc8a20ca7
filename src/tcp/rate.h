/* SPDX-License-Identifier: MIT
 *
 * rate.h - how fast the path delivers (draft-ietf-ccwg-bbr 4.1)
 *
 * Each range of the board keeps what had been delivered when it was sent; when it arrives, what was
 * delivered meanwhile, over the longer of the times in which it was sent and acknowledged, is a
 * sample. Only where the congestion control asks for samples: else nothing of this is done. The
 * counters begin at 0 with each busy time; what is in flight never outlives one.
 */
#ifndef LA_TCP_RATE_H
#define LA_TCP_RATE_H

#include "tcp/conn.h"

/* From here on there are samples, or none. What is on the board already gives none that counts. */
void la_tcp_rate_begin(const struct la_tcp_conn *c, struct la_tcp_busy *busy, bool on);
/* Octets of the board have just been sent, for the first time or again. */
void la_tcp_rate_sent(const struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range,
                      la_instant now);
/* Octets of the board, neither acknowledged nor SACKed before, have arrived. */
void la_tcp_rate_delivered(struct la_tcp_busy *busy, struct la_range range);
/* n octets of a range of the board, which end at `end`, are found lost. Makes the sample that they
 * would have been (5.5.10.2, HandleLostPacket()); false: nobody measures, or there is no range. */
bool la_tcp_rate_lost(struct la_tcp_busy *busy, const struct la_tcp_sent *sent, la_seq end,
                      uint32_t n, struct la_cc_rate *out);
/* n octets count as lost of which no range is known. */
void la_tcp_rate_lost_count(struct la_tcp_busy *busy, uint32_t n);
/* An acknowledgement has been processed. Makes its sample; false: nothing arrived with it of which
 * it is known when it was sent. `rtt_us_min`: no reliable sample spans less. */
bool la_tcp_rate_sample(struct la_tcp_busy *busy, uint32_t rtt_us_min, la_instant now,
                        struct la_cc_rate *out);

/* To be called before text is queued, before an acknowledgement and when a timer expires: is it the
 * application that does not fill the window? */
void la_tcp_rate_look(const struct la_tcp_conn *c, struct la_tcp_busy *busy);
/* What is in flight now, and what follows until all of it has arrived, tells nothing about the path
 * (MarkConnectionAppLimited()). */
void la_tcp_rate_limit(struct la_tcp_busy *busy, uint32_t flight_bytes);
/* All that could be sent was. When that has used the window up, C.is_cwnd_limited holds until it
 * has been acknowledged. */
void la_tcp_rate_sent_all(const struct la_tcp_conn *c, struct la_tcp_busy *busy);

#endif
