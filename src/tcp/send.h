/* SPDX-License-Identifier: MIT
 *
 * send.h - how much new data may be sent now: windows, silly windows, Nagle
 */
#ifndef LA_TCP_SEND_H
#define LA_TCP_SEND_H

#include "tcp/conn.h"

struct la_tcp_allowance {
    uint32_t text_bytes; /* of one segment; 0: no text may be sent now */
    bool fin;            /* the FIN goes with it, or alone */
};

/* Octets accepted from the application and never sent. */
uint32_t la_tcp_unsent(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* What may be sent now beyond SND.NXT (RFC 9293 3.8.6.2.1, 3.7.4; RFC 5681 3.1), `segment_max`
 * octets at most in a segment. `forced`: the override timer has expired. */
struct la_tcp_allowance la_tcp_allowed(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                                       uint32_t segment_max, bool forced);
/* What windows allow beyond SND.NXT, the peer's and cwnd; unsent text or not. */
uint32_t la_tcp_room(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* SEG.SEQ of a segment without text, in synchronised states. */
la_seq la_tcp_bare_seq(const struct la_tcp_conn *c);
/* A FIN is due and was never sent. */
bool la_tcp_fin_waits(const struct la_tcp_conn *c);
/* What a tail loss probe may send of new text: one segment, whatever cwnd says (RFC 8985 7.3). */
struct la_tcp_allowance la_tcp_probe_allowed(const struct la_tcp_conn *c,
                                             const struct la_tcp_busy *busy);

#endif
