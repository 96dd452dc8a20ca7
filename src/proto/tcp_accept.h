/* SPDX-License-Identifier: MIT
 *
 * tcp_accept.h - the tests of RFC 9293 3.4 and 3.10.7, RFC 5961 and RFC 7323, pure
 *
 * The stack decides by them; the analyser explains by them.
 */
#ifndef LA_PROTO_TCP_ACCEPT_H
#define LA_PROTO_TCP_ACCEPT_H

#include <lastack/tcp.h>
#include "base/seq.h"

/*
 * la_tcp_seg_acceptable - is any part of a segment inside the receive window?
 *
 *   rcv_nxt, rcv_wnd   RCV.NXT and RCV.WND, in octets, after scaling
 *   seq, len           SEG.SEQ and SEG.LEN; SYN and FIN count one each
 *
 * True for the four cases of RFC 9293 3.4; with a zero window, only a zero-length segment at
 * RCV.NXT. Pure; any input is allowed.
 */
bool la_tcp_seg_acceptable(la_seq rcv_nxt, uint32_t rcv_wnd, la_seq seq, uint32_t len);

/* Where an acknowledgement stands (RFC 9293 3.10.7.4 fifth, RFC 5961 5.2). */
enum la_tcp_ack_kind {
    LA_TCP_ACK_TOO_OLD, /* before SND.UNA - MAX.SND.WND */
    LA_TCP_ACK_OLD,     /* before SND.UNA */
    LA_TCP_ACK_DUP,     /* at SND.UNA */
    LA_TCP_ACK_NEW,     /* SND.UNA < ack <= SND.NXT (the highest number sent) */
    LA_TCP_ACK_UNSENT   /* beyond */
};
enum la_tcp_ack_kind la_tcp_ack_classify(la_seq snd_una, la_seq snd_nxt, uint32_t snd_wnd_max,
                                         la_seq ack);

/* Where a RST stands (RFC 9293 3.10.7.4 second, RFC 5961 3.2). */
enum la_tcp_rst_kind { LA_TCP_RST_EXACT, LA_TCP_RST_IN_WINDOW, LA_TCP_RST_OUTSIDE };
enum la_tcp_rst_kind la_tcp_rst_classify(la_seq rcv_nxt, uint32_t rcv_wnd, la_seq seq);

/* RFC 7323 5.2: is `ts_val` older than TS.Recent, circularly? */
bool la_tcp_ts_older(uint32_t ts_val, uint32_t ts_recent);

#endif
