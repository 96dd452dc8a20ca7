/* SPDX-License-Identifier: MIT
 *
 * stamp.c - TS.Recent, the timestamp of the peer's that is echoed
 *
 * Read first: RFC 7323 4.3, 5.5.
 */
#include "tcp/stamp.h"

#include "proto/tcp_accept.h"
#include "tcp/acknowledge.h"

/* RFC 7323 5.5: TS.Recent older than 24 days says nothing any more. */
enum { TS_RECENT_AGE_S = 24 * 24 * 3600 };

static void
take_timestamp(struct la_tcp_conn *c, const struct la_tcp_seg *seg, la_instant now)
{
    c->ts_recent = seg->ts_val;
    c->ts_recent_at_s = (uint32_t)(now.ns / LA_NS_PER_S);
}

bool
la_tcp_stamp_is_valid(const struct la_tcp_conn *c, la_instant now)
{
    return (uint32_t)(now.ns / LA_NS_PER_S) - c->ts_recent_at_s < TS_RECENT_AGE_S;
}

/* RFC 7323 4.3, 5.5: TS.Recent follows the segment that the last acknowledgement was about. Not
 * before the ACK field was found acceptable: who guesses a sequence number alone (RFC 5961 5) must
 * not set it to what makes PAWS drop the peer's own segments. */
void
la_tcp_stamp_follow(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                    const struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_TIMESTAMPS) != 0 && (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 &&
        la_seq_le(seg->seq, la_tcp_ack_told(c, la_tcp_busy(c, todo->env))) &&
        !(la_tcp_stamp_is_valid(c, todo->now) && la_tcp_ts_older(seg->ts_val, c->ts_recent)))
        take_timestamp(c, seg, todo->now);
}
