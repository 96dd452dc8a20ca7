/* SPDX-License-Identifier: MIT
 *
 * reader.h - packets out of captures: files of every kind, pipes, interfaces
 *
 * Read first: docs/theory/reading.md.
 *
 * Damage never loses what was understood before it: a file that is cut, has wrong octets or holds
 * nothing at all gives the packets that are there and one note for each kind of damage.
 */
#ifndef LA_CAPTURE_READER_H
#define LA_CAPTURE_READER_H

#include <lastack/base.h>

/* One line of text with its zero octet. */
enum { LA_CAPTURE_LINE_BYTES = 256, LA_CAPTURE_NOTES_MAX = 16 };

enum la_capture_packet_direction {
    LA_CAPTURE_DIRECTION_UNKNOWN = 0,
    LA_CAPTURE_INBOUND = 1,
    LA_CAPTURE_OUTBOUND = 2
};

struct la_capture_packet {
    la_instant at;           /* since the Unix epoch */
    uint64_t frame_n;        /* the packet's number in its file, from 1 */
    const uint8_t *data;     /* cap_bytes octets; borrowed until the next call on the reader */
    uint32_t cap_bytes;      /* octets captured */
    uint32_t wire_bytes;     /* octets that the packet had; at least cap_bytes */
    uint32_t iface_idx;      /* within the file, from 0 */
    uint32_t file_idx;       /* in the order of la_captures_add() */
    uint16_t link_type;      /* LINKTYPE_ number, see base/link_type.h */
    uint8_t direction;       /* enum la_capture_packet_direction */
    bool has_time;           /* false: the file has none for it; `at` is that of the one before */
    struct la_bytes comment; /* of pcapng, the first one; {NULL, 0}: none */
};

/* What was found wrong, or worth saying, about a file. */
struct la_capture_note {
    uint64_t off;    /* octets into the (uncompressed) file */
    uint64_t n;      /* how often it was met; the rest tells of the first time */
    uint64_t frame_n; /* packets read before it */
    bool is_damage;  /* false: a remark, such as packets that the kernel dropped */
    char text[LA_CAPTURE_LINE_BYTES]; /* what, where, and what was done; no full stop, no name */
};

enum la_capture_next {
    LA_CAPTURE_PACKET, /* *packet is filled */
    LA_CAPTURE_IDLE,   /* nothing now; only when following and on interfaces */
    LA_CAPTURE_END     /* no more, for whatever reason: look at the notes */
};

struct la_capture_reader_options {
    bool follow;         /* at the end of a file wait for more instead of ending */
    uint32_t wait_ms;    /* how long a call may wait before it returns LA_CAPTURE_IDLE */
};

struct la_capture_reader;

/* path: a file, a FIFO, or "-" for standard input. Not NULL: the caller owns it. NULL: it is no
 * capture, or cannot be read; `error` has one line that says what and what to do. A file that has
 * nothing or only a part of its header in it is a capture with damage. */
struct la_capture_reader *la_capture_reader_open(const char *path,
                                                 const struct la_capture_reader_options *options,
                                                 char error[LA_CAPTURE_LINE_BYTES]) LA_MUST_CHECK;
enum la_capture_next la_capture_reader_next(struct la_capture_reader *reader,
                                            struct la_capture_packet *packet);
/* Up to max packets that follow the one that la_capture_reader_next() gave, as far as they are at
 * hand: 0 says nothing about what there is. The octets of all of them, and of that one, are valid
 * until the next call. */
size_t la_capture_reader_more(struct la_capture_reader *reader, struct la_capture_packet *packets,
                              size_t max);
/* The octets of all packets stay where they are until it is closed: it is a mapped file. */
bool la_capture_reader_stays(const struct la_capture_reader *reader);
/* Notes in the order they were made, at most LA_CAPTURE_NOTES_MAX kinds. */
size_t la_capture_reader_notes(const struct la_capture_reader *reader,
                               const struct la_capture_note **out);
/* It ended because the system would not read on, or for want of memory; a note says so. */
bool la_capture_reader_failed(const struct la_capture_reader *reader);
/* Progress: octets of the file consumed, and its size; 0 of 0 when nobody knows. */
void la_capture_reader_progress(const struct la_capture_reader *reader, uint64_t *done_bytes,
                                uint64_t *all_bytes);
void la_capture_reader_close(struct la_capture_reader *reader);

#endif
