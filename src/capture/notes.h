/* SPDX-License-Identifier: MIT
 *
 * notes.h - what a reader has to say about a file, each thing once
 */
#ifndef LA_CAPTURE_NOTES_H
#define LA_CAPTURE_NOTES_H

#include "capture/reader.h"

struct la_capture_notes {
    struct la_capture_note note[LA_CAPTURE_NOTES_MAX];
    const char *key[LA_CAPTURE_NOTES_MAX];
    size_t n;
    uint64_t frame_n; /* packets read so far */
};

/* Notes with the same `key` (compared by address) are counted, and the first one's text stays; when
 * there is no more room, the last one is counted. */
__attribute__((format(printf, 5, 6))) void la_capture_notes_add(struct la_capture_notes *notes,
                                                                const char *key, uint64_t off,
                                                                bool is_damage, const char *format,
                                                                ...);

/* The same for what changes while it is read: the text of a note of that key is replaced. */
__attribute__((format(printf, 4, 5))) void la_capture_notes_set(struct la_capture_notes *notes,
                                                                const char *key, bool is_damage,
                                                                const char *format, ...);

#endif
