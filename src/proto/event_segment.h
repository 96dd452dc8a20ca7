/* SPDX-License-Identifier: MIT
 *
 * event_segment.h - a segment as events tell of it
 *
 * For the stack that sends or takes it and for whoever sees it in between.
 */
#ifndef LA_PROTO_EVENT_SEGMENT_H
#define LA_PROTO_EVENT_SEGMENT_H

#include <lastack/event.h>

#include "wire/tcp.h"

/* window: as offered, in octets, where the scale is known; otherwise seg->wnd. What the header does
 * not say (cause, retransmit_n, ecn, LA_SEG_FILLS_WINDOW) stays 0. */
void la_event_segment_of(struct la_event_segment *out, const struct la_tcp_seg *seg,
                         uint32_t window);

#endif
