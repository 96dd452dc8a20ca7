/* SPDX-License-Identifier: MIT
 *
 * tcp_accept.c - acceptance tests, pure
 *
 * Read first: RFC 9293 3.4 (the four cases), 3.10.7.4; RFC 5961 3.2, 5.2; RFC 7323 5.2.
 */
#include "proto/tcp_accept.h"

/* Is `seq` in [left, left + n)? */
static bool
in_range(la_seq left, uint32_t n, la_seq seq)
{
    return seq.v - left.v < n;
}

bool
la_tcp_seg_acceptable(la_seq rcv_nxt, uint32_t rcv_wnd, la_seq seq, uint32_t len)
{
    if (len == 0)
        return rcv_wnd == 0 ? la_seq_eq(seq, rcv_nxt) : in_range(rcv_nxt, rcv_wnd, seq);
    if (rcv_wnd == 0)
        return false;
    return in_range(rcv_nxt, rcv_wnd, seq) || in_range(rcv_nxt, rcv_wnd, la_seq_add(seq, len - 1));
}

enum la_tcp_ack_kind
la_tcp_ack_classify(la_seq snd_una, la_seq snd_nxt, uint32_t snd_wnd_max, la_seq ack)
{
    if (la_seq_gt(ack, snd_nxt))
        return LA_TCP_ACK_UNSENT;
    if (la_seq_gt(ack, snd_una))
        return LA_TCP_ACK_NEW;
    if (la_seq_eq(ack, snd_una))
        return LA_TCP_ACK_DUP;
    return la_seq_lt(ack, la_seq_sub(snd_una, snd_wnd_max)) ? LA_TCP_ACK_TOO_OLD : LA_TCP_ACK_OLD;
}

enum la_tcp_rst_kind
la_tcp_rst_classify(la_seq rcv_nxt, uint32_t rcv_wnd, la_seq seq)
{
    if (la_seq_eq(seq, rcv_nxt))
        return LA_TCP_RST_EXACT;
    return in_range(rcv_nxt, rcv_wnd, seq) ? LA_TCP_RST_IN_WINDOW : LA_TCP_RST_OUTSIDE;
}

bool
la_tcp_ts_older(uint32_t ts_val, uint32_t ts_recent)
{
    return (int32_t)(ts_val - ts_recent) < 0;
}
