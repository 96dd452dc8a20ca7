/* SPDX-License-Identifier: MIT
 *
 * unpack.h - what is in a gzip or zstd file
 *
 * Several members or frames behind each other are one file, as the tools have it.
 */
#ifndef LA_CAPTURE_UNPACK_H
#define LA_CAPTURE_UNPACK_H

#include "capture/source.h"

enum la_capture_packed {
    LA_CAPTURE_PLAIN,
    LA_CAPTURE_GZIP,
    LA_CAPTURE_ZSTD,
    LA_CAPTURE_XZ, /* these are only told apart */
    LA_CAPTURE_BZIP2,
    LA_CAPTURE_LZ4
};

enum { LA_CAPTURE_PACKED_MAGIC_BYTES = 4 };

enum la_capture_packed la_capture_packed_kind(const uint8_t magic[LA_CAPTURE_PACKED_MAGIC_BYTES]);
/* Takes over *packed, whose octets begin with the kind's magic number. NULL: *error is a static
 * sentence, and *packed stays the caller's. */
struct la_capture_unpack *la_capture_unpack_new(enum la_capture_packed kind,
                                                const struct la_capture_source *packed,
                                                const char **error);
/* Up to n > 0 octets; 0: the end, or damage, or (follow) nothing now: see
 * la_capture_unpack_state(). */
size_t la_capture_unpack_read(struct la_capture_unpack *unpack, uint8_t *out, size_t n);
/* NULL, or what is wrong. *packed: where the compressed octets come from. */
const char *la_capture_unpack_state(const struct la_capture_unpack *unpack,
                                    const struct la_capture_source **packed);
void la_capture_unpack_free(struct la_capture_unpack *unpack);

#endif
