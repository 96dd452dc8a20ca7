/* SPDX-License-Identifier: MIT
 *
 * tlp.h - the tail loss probe (RFC 8985 7): nothing follows a lost tail that could tell of it
 *
 * At most one of reordering timer, probe timer and retransmission timer runs (8). Where the probe
 * would not come before the retransmission timeout, the latter stays: it repairs as soon.
 */
#ifndef LA_TCP_TLP_H
#define LA_TCP_TLP_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* New data was sent, or SND.UNA has moved: when is a probe due? Takes the place of the
 * retransmission timer. */
void la_tcp_tlp_arm(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo);
/* The retransmission timer again, if the probe timer has taken its place. */
void la_tcp_tlp_disarm(struct la_tcp_conn *c, struct la_tcp_busy *busy);
/* The probe timer expired. */
void la_tcp_tlp_expired(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo);
/* The probe was sent: new data, or (`again`) the last segment once more. */
void la_tcp_tlp_sent(struct la_tcp_conn *c, struct la_tcp_busy *busy, bool again,
                     struct la_tcp_todo *todo);
/* 7.4: has the probe repaired a loss? Then the window is reduced. dsack: the acknowledgement
 * reports a duplicate. */
void la_tcp_tlp_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_seg *seg,
                      bool dsack, struct la_tcp_todo *todo);

#endif
