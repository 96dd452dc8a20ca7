/* SPDX-License-Identifier: MIT
 *
 * lastack/capture.h - capture files
 */
#ifndef LASTACK_CAPTURE_H
#define LASTACK_CAPTURE_H

#include <lastack/frame.h>

LA_API_BEGIN

/* Writes pcapng with nanosecond stamps. Packets are held until the instant after theirs is
 * written or flushed, so that comments can still be attached to the latest ones. */
struct la_capture_writer;

enum la_capture_layer { LA_CAPTURE_IP, LA_CAPTURE_ETHERNET };

/* "-" is standard output. Errors are errno values (positive); 0 is success. */
int la_capture_writer_open(const char *path, const char *application,
                           struct la_capture_writer **out);
/* *out: the interface's number. */
int la_capture_writer_iface(struct la_capture_writer *w, const char *name, const char *description,
                            enum la_capture_layer layer, uint32_t *out);
/* outbound: direction flag of the packet (epb_flags): true sent, false received. `segment_id` joins
 * later comments; 0 = none. A write error is sticky and reported by flush and close. */
void la_capture_writer_packet(struct la_capture_writer *w, uint32_t iface,
                              const struct la_frame *frame, bool outbound, la_instant at);
/* A comment on the packet with that id (and interface) if it is still held; several may be
 * added. */
void la_capture_writer_comment(struct la_capture_writer *w, uint64_t segment_id, const char *text);
int la_capture_writer_flush(struct la_capture_writer *w);
/* 0, or the first error met. Frees the writer. */
int la_capture_writer_close(struct la_capture_writer *w);

LA_API_END

#endif
