/* SPDX-License-Identifier: MIT
 *
 * files.h - capture files of any shape, made octet by octet, and what a reader makes of them
 */
#ifndef LA_TEST_CAPTURE_FILES_H
#define LA_TEST_CAPTURE_FILES_H

#include "capture/buf.h"
#include "capture/reader.h"

enum { FILES_PACKETS_MAX = 64 };

/* In the byte order that `big_endian` says. */
struct files_writer {
    struct la_capture_buf buf;
    bool big_endian;
};

void files_u16(struct files_writer *w, uint16_t v);
void files_u32(struct files_writer *w, uint32_t v);
void files_bytes(struct files_writer *w, const void *p, size_t n);

/* A file's header of that magic number. */
void files_pcap(struct files_writer *w, uint32_t magic, uint32_t link_type);
/* A record whose packet is n octets of value `fill`; header_bytes: of its header, 16 or more. */
void files_record(struct files_writer *w, uint32_t s, uint32_t fraction, uint32_t n, uint8_t fill,
                  uint32_t header_bytes);
/* A block of pcapng around a body. */
void files_block(struct files_writer *w, uint32_t type, const void *body, size_t n);
void files_section(struct files_writer *w);
/* resolution 0: no option. */
void files_iface(struct files_writer *w, uint16_t link_type, uint8_t resolution, int64_t offset_s);
void files_packet(struct files_writer *w, uint32_t iface, uint64_t stamp, uint32_t n, uint8_t fill);

#if LA_HAVE_ZLIB && LA_HAVE_ZSTD
/* A whole member of gzip or frame of zstd; its octets. */
size_t files_packed(bool zstd, struct la_bytes in, uint8_t *out, size_t room);
#endif

/* What was read: packets, of which the octets' first one is kept, and how it ended. */
struct files_read {
    bool opened;
    char error[LA_CAPTURE_LINE_BYTES];
    size_t n;
    struct la_capture_packet packet[FILES_PACKETS_MAX];
    uint8_t first[FILES_PACKETS_MAX];
    size_t notes_n;
    size_t damage_n;
    char note[LA_CAPTURE_NOTES_MAX][LA_CAPTURE_LINE_BYTES];
};

/* Through a file (mapped), or through a pipe. */
struct files_read *files_read_back(struct la_bytes octets, bool through_pipe);
/* The same path for whoever opens it; the descriptor is the caller's to close. */
int files_on_disk(struct la_bytes octets, char path[32]);

#endif
