/* SPDX-License-Identifier: MIT
 *
 * pcapng_read.h - pcapng files, read: any number of sections and interfaces
 *
 * Read first: draft-ietf-opsawg-pcapng 3 and 4.
 */
#ifndef LA_CAPTURE_PCAPNG_READ_H
#define LA_CAPTURE_PCAPNG_READ_H

#include "capture/notes.h"
#include "capture/source.h"

struct la_pcapng_reader_iface {
    uint16_t link_type;
    uint8_t resolution;  /* if_tsresol: 10^-n s, or with the high bit 2^-n */
    uint32_t snap_bytes; /* 0: no limit */
    int64_t offset_s;    /* if_tsoffset */
    uint64_t dropped_n;  /* while it was captured, as the latest statistics block says */
    bool cut;            /* only its number is known */
};

struct la_pcapng_reader {
    bool big_endian;
    bool in_section;
    bool starved;                          /* there was no memory for an interface */
    struct la_pcapng_reader_iface *ifaces; /* of all sections so far */
    uint32_t ifaces_n;
    uint32_t ifaces_cap;
    uint32_t section_first;                /* the section's first interface */
    la_instant last_at;                    /* of the latest packet that has a time */
};

/* Are the first four octets those of a pcapng file? */
bool la_pcapng_reader_is(const uint8_t magic[4]);
/* All fields but the file's number and the frame's are set. A zero-initialised reader begins. */
enum la_capture_next la_pcapng_reader_next(struct la_pcapng_reader *reader,
                                           struct la_capture_source *src,
                                           struct la_capture_notes *notes,
                                           struct la_capture_packet *packet);
void la_pcapng_reader_fini(struct la_pcapng_reader *reader);

#endif
