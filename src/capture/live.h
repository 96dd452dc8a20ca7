/* SPDX-License-Identifier: MIT
 *
 * live.h - packets of an interface, by libpcap
 */
#ifndef LA_CAPTURE_LIVE_H
#define LA_CAPTURE_LIVE_H

#include "capture/filter.h"

struct la_capture_live;

struct la_capture_live_options {
    uint32_t snap_bytes; /* 0: whole packets */
    bool promiscuous;
};

/* name: an interface, or "any". filter: NULL, or what the kernel lets through. NULL: it cannot be
 * captured from; one line in `error`. */
struct la_capture_live *la_capture_live_open(const char *name,
                                             const struct la_capture_live_options *options,
                                             const struct la_capture_filter *filter,
                                             char error[LA_CAPTURE_LINE_BYTES]) LA_MUST_CHECK;
/* Readable when there is a packet, or soon one. */
int la_capture_live_fd(const struct la_capture_live *live);
/* Does not wait. Never LA_CAPTURE_END while the interface is there. */
enum la_capture_next la_capture_live_next(struct la_capture_live *live,
                                          struct la_capture_packet *packet);
/* What the kernel had no room for so far is among them. */
size_t la_capture_live_notes(struct la_capture_live *live, const struct la_capture_note **out);
void la_capture_live_close(struct la_capture_live *live);

#endif
