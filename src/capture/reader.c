/* SPDX-License-Identifier: MIT
 *
 * reader.c - packets out of one capture
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/pcap.h"
#include "capture/reader.h"

enum { MAGIC_BYTES = 4 };

enum format { FORMAT_NONE, FORMAT_PCAP };

struct la_capture_reader {
    struct la_capture_source src;
    enum format format;
    struct la_pcap pcap;
    struct la_capture_notes notes;
};

/* A file that is no capture: what it begins with. */
static void
foreign_error(const struct la_capture_source *src, char error[LA_CAPTURE_LINE_BYTES])
{
    (void)snprintf(error, LA_CAPTURE_LINE_BYTES,
                   "not a capture: begins with %02x %02x %02x %02x; pcap and pcapng are read",
                   src->at[0], src->at[1], src->at[2], src->at[3]);
}

static bool
begin(struct la_capture_reader *reader, char error[LA_CAPTURE_LINE_BYTES])
{
    static const char empty[] = "empty";
    struct la_capture_source *src = &reader->src;
    if (!la_capture_source_has(src, MAGIC_BYTES)) {
        size_t left = la_capture_source_left(src);
        if (src->err != 0) {
            (void)snprintf(error, LA_CAPTURE_LINE_BYTES, "cannot be read: %s", strerror(src->err));
            return false;
        }
        la_capture_notes_add(&reader->notes, empty, 0, true,
                             left == 0 ? "the file is empty"
                                       : "the file is cut within its first four octets");
        return true;
    }
    if (la_pcap_is(src->at)) {
        reader->format = FORMAT_PCAP;
        la_pcap_begin(&reader->pcap, src, &reader->notes);
        return true;
    }
    foreign_error(src, error);
    return false;
}

struct la_capture_reader *
la_capture_reader_open(const char *path, const struct la_capture_reader_options *options,
                       char error[LA_CAPTURE_LINE_BYTES])
{
    struct la_capture_reader *reader = calloc(1, sizeof(*reader));
    int err = ENOMEM;
    (void)options;
    if (reader != NULL) {
        err = la_capture_source_open(&reader->src, path);
        if (err == 0 && begin(reader, error))
            return reader;
        if (err == 0) {
            la_capture_reader_close(reader);
            return NULL;
        }
    }
    (void)snprintf(error, LA_CAPTURE_LINE_BYTES, "cannot be opened: %s", strerror(err));
    free(reader);
    return NULL;
}

static enum la_capture_next
ended(struct la_capture_reader *reader)
{
    static const char key[] = "read";
    if (reader->src.err != 0)
        la_capture_notes_add(&reader->notes, key, reader->src.off, true,
                             "reading failed at offset %llu: %s; the rest is missing",
                             (unsigned long long)reader->src.off, strerror(reader->src.err));
    return LA_CAPTURE_END;
}

enum la_capture_next
la_capture_reader_next(struct la_capture_reader *reader, struct la_capture_packet *packet)
{
    if (reader->format != FORMAT_PCAP ||
        !la_pcap_next(&reader->pcap, &reader->src, &reader->notes, packet))
        return ended(reader);
    packet->frame_n = ++reader->notes.frame_n;
    packet->file_idx = 0;
    return LA_CAPTURE_PACKET;
}

size_t
la_capture_reader_notes(const struct la_capture_reader *reader, const struct la_capture_note **out)
{
    *out = reader->notes.note;
    return reader->notes.n;
}

void
la_capture_reader_progress(const struct la_capture_reader *reader, uint64_t *done_bytes,
                           uint64_t *all_bytes)
{
    *done_bytes = reader->src.map == NULL ? 0 : (uint64_t)(reader->src.at - reader->src.map);
    *all_bytes = reader->src.map_bytes;
}

void
la_capture_reader_close(struct la_capture_reader *reader)
{
    la_capture_source_close(&reader->src);
    free(reader);
}
