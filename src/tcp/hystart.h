/* SPDX-License-Identifier: MIT
 *
 * hystart.h - HyStart++ (RFC 9406): slow start ends before it overshoots
 *
 * When the shortest round trip of a round is clearly longer than that of the round before, slow
 * start goes on four times slower (CSS). If that was jitter, the round trip falls again and so
 * does slow start resume; otherwise it ends after five rounds. It ends as well when the
 * acknowledgements of a round have come closely for half a round trip. Only in the first slow
 * start.
 */
#ifndef LA_TCP_HYSTART_H
#define LA_TCP_HYSTART_H

#include "tcp/conn.h"

/* The first slow start: nothing was ever found to be lost or marked. */
static inline bool
la_hystart_is_on(const struct la_tcp_conn *c)
{
    return c->ssthresh_bytes == UINT32_MAX;
}

/* An acknowledgement in slow start, before cwnd grows; what lies below `reached` has arrived, gaps
 * aside. Returns what growth is to be divided by; 0: slow start is over (the caller sets ssthresh).
 */
uint32_t la_hystart_acked(const struct la_tcp_conn *c, struct la_hystart *h,
                          const struct la_cc_ack *ack, la_seq reached);

#endif
