/* SPDX-License-Identifier: MIT
 *
 * pcap.h - pcap files, read: both byte orders and all variants of the record header
 *
 * Read first: draft-ietf-opsawg-pcap; docs/theory/reading.md for the variants.
 */
#ifndef LA_CAPTURE_PCAP_H
#define LA_CAPTURE_PCAP_H

#include "capture/notes.h"
#include "capture/source.h"

struct la_pcap {
    bool big_endian;
    uint8_t record_bytes;      /* of a record's header */
    uint16_t link_type;
    uint32_t unit_n;           /* stamps count in 1 / unit_n s: 10^6 or 10^9 */
    uint32_t unit_ns;
    uint32_t cap_bytes_max;    /* what is more is damage */
    bool has_last;
    uint32_t last_s;           /* of the latest record */
    uint32_t before_s;         /* before the latest jump of the time; without one: last_s */
    uint64_t last_off;         /* of the latest record's header */
};

/* Are the first four octets those of a pcap file? */
bool la_pcap_is(const uint8_t magic[4]);
/* Reads the file's header; damage is noted, and then there may be no packets. la_pcap_is() is true
 * of the source. False: the header is not all there yet. */
bool la_pcap_begin(struct la_pcap *pcap, struct la_capture_source *src,
                   struct la_capture_notes *notes);
/* All fields but the file's number and the frame's are set. */
enum la_capture_next la_pcap_next(struct la_pcap *pcap, struct la_capture_source *src,
                                  struct la_capture_notes *notes,
                                  struct la_capture_packet *packet);
/* Those that follow and are there, as far as nothing is odd about them: at most max. Nothing is
 * read on, so that the octets of those before stay where they are. */
size_t la_pcap_more(struct la_pcap *pcap, struct la_capture_source *src,
                    struct la_capture_notes *notes, struct la_capture_packet *packets,
                    size_t max);

#endif
