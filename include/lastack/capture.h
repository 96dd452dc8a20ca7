/* SPDX-License-Identifier: MIT
 *
 * lastack/capture.h - capture files
 */
#ifndef LASTACK_CAPTURE_H
#define LASTACK_CAPTURE_H

#include <lastack/frame.h>

LA_API_BEGIN

/* Writes pcapng with nanosecond stamps. The latest packets (at most 1024, one second of packet
 * time, 4 MiB) are held back until a flush, so that comments can still be attached to them. The
 * file holds whole blocks at any time: it can be read while it grows. */
struct la_capture_writer;

enum la_capture_layer { LA_CAPTURE_IP, LA_CAPTURE_ETHERNET };

/* "-" is standard output. Errors are errno values (positive); 0 is success. The file's header is
 * written at once, so a place that takes nothing (a full disk) is an error here. A pipe whose
 * reader has gone is EPIPE, never a signal. */
int la_capture_writer_open(const char *path, const char *application,
                           struct la_capture_writer **out);
/* *out: the interface's number. It may be called at any time. */
int la_capture_writer_iface(struct la_capture_writer *w, const char *name, const char *description,
                            enum la_capture_layer layer, uint32_t *out);
/* outbound: direction flag of the packet (epb_flags): true sent, false received. `segment_id` joins
 * later comments; 0 = none. A write error is sticky and reported by flush and close. */
void la_capture_writer_packet(struct la_capture_writer *w, uint32_t iface,
                              const struct la_frame *frame, bool outbound, la_instant at);
/* A comment (UTF-8) on the latest packet held with that id; several may be added. One that comes
 * before its packet waits for it (the latest 64 do); one that comes too late is lost. */
void la_capture_writer_comment(struct la_capture_writer *w, uint64_t segment_id, const char *text);
/* Writes everything, packets held back included. 0, or the first error met. */
int la_capture_writer_flush(struct la_capture_writer *w);
/* 0, or the first error met. Frees the writer. */
int la_capture_writer_close(struct la_capture_writer *w);

LA_API_END

#endif
