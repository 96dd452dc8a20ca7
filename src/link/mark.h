/* SPDX-License-Identifier: MIT
 *
 * mark.h - a packet of an ECN-capable transport is marked as having met congestion
 */
#ifndef LA_LINK_MARK_H
#define LA_LINK_MARK_H

#include <lastack/iface.h>
#include <lastack/frame.h>

/* ECT(0) and ECT(1) become CE. False: it is neither, or no IP packet; nothing was changed. */
bool la_wire_mark(struct la_frame *frame, enum la_link_layer layer);

#endif
