/* SPDX-License-Identifier: MIT
 *
 * captures.h - packets of several captures, files and interfaces, in the order of their time
 *
 * Within one capture the order is the one in which it has them, also where its stamps run
 * backwards: that is a finding about the capture, and not mended here. One capture alone is handed
 * through.
 */
#ifndef LA_CAPTURE_CAPTURES_H
#define LA_CAPTURE_CAPTURES_H

#include "capture/reader.h"

struct la_captures;

struct la_captures_options {
    const char *filter;  /* in libpcap's language; NULL: everything */
    bool follow;         /* files may grow */
    uint32_t wait_ms;    /* how long a call may wait before it returns LA_CAPTURE_IDLE */
    uint32_t snap_bytes; /* of interfaces; 0: whole packets */
    bool promiscuous;    /* interfaces */
};

/* NULL: *is_mistaken, the filter is not understood; otherwise no memory, or no libpcap. One line in
 * `error`. */
struct la_captures *la_captures_new(const struct la_captures_options *options, bool *is_mistaken,
                                    char error[LA_CAPTURE_LINE_BYTES]) LA_MUST_CHECK;
/* path: as of la_capture_reader_open(). name: an interface, or "any". False: one line in `error`,
 * which does not name them; the others are not affected. Before the first la_captures_next(). */
bool la_captures_add_file(struct la_captures *captures, const char *path,
                          char error[LA_CAPTURE_LINE_BYTES]) LA_MUST_CHECK;
bool la_captures_add_iface(struct la_captures *captures, const char *name,
                           char error[LA_CAPTURE_LINE_BYTES]) LA_MUST_CHECK;

/* The earliest packet of those that are at hand. A capture that has none now (it is followed, or an
 * interface) does not hold the others up. */
enum la_capture_next la_captures_next(struct la_captures *captures,
                                      struct la_capture_packet *packet);

/* The same for several packets, at least one and at most max, which follow each other; their octets
 * are valid until the next call. *n is set with LA_CAPTURE_PACKET. */
enum la_capture_next la_captures_some(struct la_captures *captures,
                                      struct la_capture_packet *packets, size_t max, size_t *n);

/* The octets of all packets stay where they are until la_captures_free(). */
bool la_captures_stay(const struct la_captures *captures);

uint32_t la_captures_n(const struct la_captures *captures);
/* idx: as in struct la_capture_packet.file_idx. */
const char *la_captures_name(const struct la_captures *captures, uint32_t idx);
size_t la_captures_notes(struct la_captures *captures, uint32_t idx,
                         const struct la_capture_note **out);
/* One ended early, because the system would not read on or for want of memory. */
bool la_captures_failed(const struct la_captures *captures);
/* Packets that the filter left out, of files. */
uint64_t la_captures_filtered_n(const struct la_captures *captures);
/* Over all files; *all_bytes is 0 when that is not known of one. */
void la_captures_progress(const struct la_captures *captures, uint64_t *done_bytes,
                          uint64_t *all_bytes);
void la_captures_free(struct la_captures *captures);

#endif
