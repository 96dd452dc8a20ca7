/* SPDX-License-Identifier: MIT
 *
 * event_segment.c - a segment as events tell of it
 */
#include "proto/event_segment.h"

void
la_event_segment_of(struct la_event_segment *out, const struct la_tcp_seg *seg, uint32_t window)
{
    *out = (struct la_event_segment){
        .seq = seg->seq.v,
        .ack = seg->ack.v,
        .len = seg->text_bytes,
        .window = window,
        .window_raw = seg->wnd,
        .flags = seg->flags,
        .wscale = (seg->has & LA_TCP_HAS_WSCALE) != 0 ? seg->wscale : 255,
        .mss = seg->mss,
        .urgent = seg->up,
        .ts_val = seg->ts_val,
        .ts_ecr = seg->ts_ecr,
        .sack_n = seg->sack_n,
    };
    out->has =
        (uint8_t)(((seg->has & LA_TCP_HAS_MSS) != 0 ? LA_SEG_HAS_MSS : 0) |
                  ((seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 ? LA_SEG_HAS_TS : 0) |
                  ((seg->has & LA_TCP_HAS_SACK_PERMITTED) != 0 ? LA_SEG_HAS_SACK_PERMITTED : 0) |
                  ((seg->has & LA_TCP_HAS_UNKNOWN) != 0 ? LA_SEG_HAS_UNKNOWN : 0) |
                  ((seg->has & LA_TCP_HAS_FAST_OPEN) != 0 ? LA_SEG_HAS_FAST_OPEN : 0) |
                  (la_tcp_seg_has_dsack(seg) ? LA_SEG_HAS_DSACK : 0));
    if ((seg->has & LA_TCP_HAS_ACCECN) != 0) {
        out->marks_n = (uint8_t)(seg->accecn.n + 1);
        out->marks_order = seg->accecn.order;
        for (unsigned i = 0; i < seg->accecn.n; i++)
            out->marks[i] = seg->accecn.field[i];
    }
    for (unsigned i = 0; i < seg->sack_n; i++) {
        out->sack[i].left = seg->sack[i].left.v;
        out->sack[i].right = seg->sack[i].right.v;
    }
}
