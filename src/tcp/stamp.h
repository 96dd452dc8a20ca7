/* SPDX-License-Identifier: MIT
 *
 * stamp.h - TS.Recent, the timestamp of the peer's that is echoed (RFC 7323 4.3)
 */
#ifndef LA_TCP_STAMP_H
#define LA_TCP_STAMP_H

#include "tcp/conn.h"

/* RFC 7323 5.5: does it still say something? */
bool la_tcp_stamp_is_valid(const struct la_tcp_conn *c, la_instant now);
/* It follows `seg`, if that is the segment that the last acknowledgement was about. */
void la_tcp_stamp_follow(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                         const struct la_tcp_todo *todo);

#endif
