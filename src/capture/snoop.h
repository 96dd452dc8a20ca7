/* SPDX-License-Identifier: MIT
 *
 * snoop.h - snoop files, read (RFC 1761)
 */
#ifndef LA_CAPTURE_SNOOP_H
#define LA_CAPTURE_SNOOP_H

#include "capture/notes.h"
#include "capture/source.h"

enum { LA_SNOOP_MAGIC_BYTES = 8 };

struct la_snoop {
    uint16_t link_type;
    uint64_t dropped_n; /* while it was captured, as the latest record says */
};

bool la_snoop_is(const uint8_t magic[LA_SNOOP_MAGIC_BYTES]);
/* False: the header is not all there yet. */
bool la_snoop_begin(struct la_snoop *snoop, struct la_capture_source *src,
                    struct la_capture_notes *notes);
/* All fields but the file's number and the frame's are set. */
enum la_capture_next la_snoop_next(struct la_snoop *snoop, struct la_capture_source *src,
                                   struct la_capture_notes *notes,
                                   struct la_capture_packet *packet);

#endif
