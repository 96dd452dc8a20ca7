/* SPDX-License-Identifier: MIT
 *
 * reader.c - packets out of one capture
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/pcap.h"
#include "capture/pcapng_read.h"
#include "capture/reader.h"
#include "capture/snoop.h"

enum { MAGIC_BYTES = 4, WAIT_NS_PER_MS = 1000000 };

enum format { FORMAT_UNKNOWN, FORMAT_NONE, FORMAT_PCAP, FORMAT_PCAPNG, FORMAT_SNOOP };

struct la_capture_reader {
    struct la_capture_source src;
    struct la_capture_reader_options options;
    enum format format;
    struct la_pcap pcap;
    struct la_pcapng_reader pcapng;
    struct la_snoop snoop;
    struct la_capture_notes notes;
};

/* A file that is no capture: what it begins with. */
static void
foreign_error(const struct la_capture_source *src, char error[LA_CAPTURE_LINE_BYTES])
{
    (void)snprintf(error, LA_CAPTURE_LINE_BYTES,
                   "not a capture: begins with %02x %02x %02x %02x; pcap, pcapng and snoop are "
                   "read, also compressed with gzip or zstd",
                   src->at[0], src->at[1], src->at[2], src->at[3]);
}

/* A header or packet is cut where reading failed or the compression is damaged: ended() says that,
 * and what is said of damage behind the first notes_n notes goes. */
static void
blame(struct la_capture_reader *reader, size_t notes_n)
{
    struct la_capture_notes *notes = &reader->notes;
    size_t all_n = notes->n;
    if (reader->src.err == 0 && reader->src.damage == NULL)
        return;
    notes->n = notes_n;
    for (size_t i = notes_n; i < all_n; i++) {
        if (notes->note[i].is_damage)
            continue;
        notes->key[notes->n] = notes->key[i];
        notes->note[notes->n++] = notes->note[i];
    }
}

/* Not even a magic number is there. */
static bool
begin_short(struct la_capture_reader *reader, char error[LA_CAPTURE_LINE_BYTES])
{
    static const char empty[] = "empty";
    struct la_capture_source *src = &reader->src;
    size_t left = la_capture_source_left(src);
    if (src->err != 0) {
        (void)snprintf(error, LA_CAPTURE_LINE_BYTES, "cannot be read: %s", strerror(src->err));
        return false;
    }
    if (!src->ended)
        return true;
    reader->format = FORMAT_NONE;
    if (src->damage == NULL)
        la_capture_notes_add(&reader->notes, empty, 0, true,
                             left == 0 ? "the file is empty"
                                       : "the file is cut within its first four octets");
    return true;
}

/* Finds out what the file is. True: it is a capture, or (FORMAT_UNKNOWN) too little of it is there.
 */
static bool
begin(struct la_capture_reader *reader, char error[LA_CAPTURE_LINE_BYTES])
{
    struct la_capture_source *src = &reader->src;
    const char *packed_error = NULL;
    if (src->unpack == NULL && !la_capture_source_unpack(src, &packed_error)) {
        (void)snprintf(error, LA_CAPTURE_LINE_BYTES, "%s", packed_error);
        return false;
    }
    if (!la_capture_source_has(src, MAGIC_BYTES))
        return begin_short(reader, error);
    if (la_pcap_is(src->at)) {
        if (la_pcap_begin(&reader->pcap, src, &reader->notes))
            reader->format = FORMAT_PCAP;
        blame(reader, 0);
        return true;
    }
    if (la_pcapng_reader_is(src->at)) {
        reader->format = FORMAT_PCAPNG;
        return true;
    }
    if (src->at[0] == 's' && !la_capture_source_has(src, LA_SNOOP_MAGIC_BYTES) && !src->ended)
        return true;
    if (la_capture_source_has(src, LA_SNOOP_MAGIC_BYTES) && la_snoop_is(src->at)) {
        if (la_snoop_begin(&reader->snoop, src, &reader->notes))
            reader->format = FORMAT_SNOOP;
        blame(reader, 0);
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
    if (reader != NULL) {
        reader->options = *options;
        err = la_capture_source_open(&reader->src, path, options->follow);
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
    static const char read_key[] = "read", packed_key[] = "packed", shrunk_key[] = "shrunk";
    const struct la_capture_source *src = &reader->src;
    if (src->damage != NULL)
        la_capture_notes_add(&reader->notes, packed_key, src->off, true,
                             "%s, behind offset %llu of what is in it; the rest is missing",
                             src->damage, (unsigned long long)src->off);
    else if (src->err == ESTALE)
        la_capture_notes_add(&reader->notes, shrunk_key, src->off, true,
                             "the file became shorter while it was read; stopped at offset %llu",
                             (unsigned long long)src->off);
    else if (src->err != 0)
        la_capture_notes_add(&reader->notes, read_key, src->off, true,
                             "reading failed at offset %llu: %s; the rest is missing",
                             (unsigned long long)src->off, strerror(src->err));
    return LA_CAPTURE_END;
}

/* A file that is followed: gives it time to grow. */
static enum la_capture_next
idle(const struct la_capture_reader *reader)
{
    const struct timespec wait = {reader->options.wait_ms / 1000,
                                  (long)(reader->options.wait_ms % 1000) * WAIT_NS_PER_MS};
    if (reader->src.follow)
        (void)nanosleep(&wait, NULL); /* a signal ends it, as it should */
    return LA_CAPTURE_IDLE;
}

static enum la_capture_next
format_next(struct la_capture_reader *reader, struct la_capture_packet *packet)
{
    switch (reader->format) {
    case FORMAT_PCAP:
        return la_pcap_next(&reader->pcap, &reader->src, &reader->notes, packet);
    case FORMAT_PCAPNG:
        return la_pcapng_reader_next(&reader->pcapng, &reader->src, &reader->notes, packet);
    case FORMAT_SNOOP:
        return la_snoop_next(&reader->snoop, &reader->src, &reader->notes, packet);
    case FORMAT_UNKNOWN:
    case FORMAT_NONE:
        break;
    }
    return LA_CAPTURE_END;
}

/* A file that had too little in it to tell what it is. */
static void
begin_late(struct la_capture_reader *reader)
{
    static const char key[] = "foreign";
    char error[LA_CAPTURE_LINE_BYTES];
    if (!begin(reader, error)) {
        la_capture_notes_add(&reader->notes, key, 0, true, "%s", error);
        reader->format = FORMAT_NONE;
    }
}

enum la_capture_next
la_capture_reader_next(struct la_capture_reader *reader, struct la_capture_packet *packet)
{
    if (reader->format == FORMAT_UNKNOWN)
        begin_late(reader);
    if (reader->format == FORMAT_UNKNOWN)
        return idle(reader);
    size_t notes_n = reader->notes.n;
    enum la_capture_next next = format_next(reader, packet);
    if (next == LA_CAPTURE_PACKET) {
        packet->frame_n = ++reader->notes.frame_n;
        packet->file_idx = 0;
        return next;
    }
    blame(reader, notes_n);
    return next == LA_CAPTURE_END ? ended(reader) : idle(reader);
}

size_t
la_capture_reader_more(struct la_capture_reader *reader, struct la_capture_packet *packets,
                       size_t max)
{
    if (reader->format != FORMAT_PCAP)
        return 0;
    return la_pcap_more(&reader->pcap, &reader->src, &reader->notes, packets, max);
}

bool
la_capture_reader_stays(const struct la_capture_reader *reader)
{
    return reader->src.map != NULL && reader->src.unpack == NULL;
}

size_t
la_capture_reader_notes(const struct la_capture_reader *reader, const struct la_capture_note **out)
{
    *out = reader->notes.note;
    return reader->notes.n;
}

bool
la_capture_reader_failed(const struct la_capture_reader *reader)
{
    return reader->src.err != 0 && reader->src.err != ESTALE;
}

void
la_capture_reader_progress(const struct la_capture_reader *reader, uint64_t *done_bytes,
                           uint64_t *all_bytes)
{
    const struct la_capture_source *src = &reader->src;
    *done_bytes = la_capture_source_done(src);
    *all_bytes = src->file_bytes;
}

void
la_capture_reader_close(struct la_capture_reader *reader)
{
    la_capture_source_close(&reader->src);
    la_pcapng_reader_fini(&reader->pcapng);
    free(reader);
}
