/* SPDX-License-Identifier: MIT
 *
 * snoop.c - snoop files, read
 *
 * Read first: RFC 1761.
 *
 * A record's header says twice how long it is, so a wrong one is seen; there the file ends.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/link_type.h"
#include "capture/snoop.h"

enum {
    FILE_BYTES = 16,
    RECORD_BYTES = 24,
    RECORD_BYTES_MAX = 16 << 20,
    DATALINK_802_3 = 0,
    DATALINK_ETHERNET = 4,
    LINK_UNKNOWN = UINT16_MAX,
    MICRO = 1000000
};

bool
la_snoop_is(const uint8_t magic[LA_SNOOP_MAGIC_BYTES])
{
    return memcmp(magic, "snoop\0\0", LA_SNOOP_MAGIC_BYTES) == 0;
}

bool
la_snoop_begin(struct la_snoop *snoop, struct la_capture_source *src,
               struct la_capture_notes *notes)
{
    static const char key[] = "header-cut";
    *snoop = (struct la_snoop){.link_type = LINK_UNKNOWN};
    if (!la_capture_source_has(src, FILE_BYTES)) {
        if (src->ended) {
            la_capture_notes_add(notes, key, 0, true,
                                 "the file is cut within its header; no packets");
            la_capture_source_skip(src, la_capture_source_left(src));
        }
        return src->ended;
    }
    uint32_t datalink = la_get32(src->at + 12);
    if (datalink == DATALINK_802_3 || datalink == DATALINK_ETHERNET)
        snoop->link_type = LA_LINKTYPE_ETHERNET;
    la_capture_source_skip(src, FILE_BYTES);
    return true;
}

static enum la_capture_next
ended(const struct la_snoop *snoop, struct la_capture_source *src, struct la_capture_notes *notes,
      const char *damage)
{
    static const char cut_key[] = "cut", dropped_key[] = "dropped";
    if (damage != NULL)
        la_capture_notes_add(notes, cut_key, src->off, true,
                             "%s at offset %llu; left the last %zu octets out", damage,
                             (unsigned long long)src->off, la_capture_source_left(src));
    if (snoop->dropped_n > 0)
        la_capture_notes_add(notes, dropped_key, src->off, false,
                             "%llu packets were dropped while it was captured: they are missing",
                             (unsigned long long)snoop->dropped_n);
    la_capture_source_skip(src, la_capture_source_left(src));
    return LA_CAPTURE_END;
}

enum la_capture_next
la_snoop_next(struct la_snoop *snoop, struct la_capture_source *src, struct la_capture_notes *notes,
              struct la_capture_packet *packet)
{
    if (!la_capture_source_has(src, RECORD_BYTES)) {
        if (!src->ended)
            return LA_CAPTURE_IDLE;
        bool whole = la_capture_source_left(src) == 0;
        return ended(snoop, src, notes, whole ? NULL : "cut within a record");
    }
    const uint8_t *p = src->at;
    uint32_t wire_bytes = la_get32(p), cap_bytes = la_get32(p + 4), n = la_get32(p + 8);
    if (n < RECORD_BYTES || n > RECORD_BYTES_MAX || cap_bytes > n - RECORD_BYTES ||
        cap_bytes > wire_bytes || la_get32(p + 20) >= MICRO)
        return ended(snoop, src, notes, "no record");
    if (!la_capture_source_has(src, n))
        return src->ended ? ended(snoop, src, notes, "cut within a packet") : LA_CAPTURE_IDLE;
    p = src->at;
    snoop->dropped_n = la_get32(p + 12);
    *packet = (struct la_capture_packet){
        .at = {(int64_t)la_get32(p + 16) * 1000000000 + (int64_t)la_get32(p + 20) * 1000},
        .data = p + RECORD_BYTES,
        .cap_bytes = cap_bytes,
        .wire_bytes = wire_bytes,
        .link_type = snoop->link_type,
        .has_time = true,
    };
    la_capture_source_skip(src, n);
    return LA_CAPTURE_PACKET;
}
