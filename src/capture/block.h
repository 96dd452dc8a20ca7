/* SPDX-License-Identifier: MIT
 *
 * block.h - the blocks of a pcapng file, one after the other, past damage
 *
 * Read first: draft-ietf-opsawg-pcapng 3.1, 4.1.
 */
#ifndef LA_CAPTURE_BLOCK_H
#define LA_CAPTURE_BLOCK_H

#include "capture/notes.h"
#include "capture/source.h"

enum la_block_type {
    LA_BLOCK_SECTION = 0x0A0D0D0A,
    LA_BLOCK_IFACE = 1,
    LA_BLOCK_PACKET_OBSOLETE = 2,
    LA_BLOCK_SIMPLE = 3,
    LA_BLOCK_NAMES = 4,
    LA_BLOCK_STATS = 5,
    LA_BLOCK_PACKET = 6,
    LA_BLOCK_JOURNAL = 9,
    LA_BLOCK_SECRETS = 10,
    LA_BLOCK_CUSTOM = 0x0BAD,
    LA_BLOCK_CUSTOM_NO_COPY = 0x40000BAD
};

struct la_block {
    uint32_t type;
    bool big_endian;      /* of a section header: the section's byte order; else as given */
    uint64_t off;         /* in the file */
    struct la_bytes body; /* between the two lengths; valid until the next call */
};

/* LA_CAPTURE_PACKET: *block is filled. */
enum la_capture_next la_block_next(struct la_block *block, struct la_capture_source *src,
                                   bool big_endian, struct la_capture_notes *notes);

/* A stamp in nanoseconds; one that 64 bits cannot hold is the nearest that they can. */
la_instant la_block_time(uint64_t stamp, uint8_t resolution, int64_t offset_s);

#endif
