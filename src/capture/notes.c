/* SPDX-License-Identifier: MIT
 *
 * notes.c - what a reader has to say about a file, each thing once
 */
#include <stdarg.h>
#include <stdio.h>

#include "capture/notes.h"

/* The note of that key, or a new one, or the last one when there is no more room. */
static struct la_capture_note *
find(struct la_capture_notes *notes, const char *key, bool *is_new)
{
    *is_new = false;
    for (size_t i = 0; i < notes->n; i++)
        if (notes->key[i] == key)
            return &notes->note[i];
    if (notes->n == LA_CAPTURE_NOTES_MAX)
        return &notes->note[LA_CAPTURE_NOTES_MAX - 1];
    *is_new = true;
    notes->key[notes->n] = key;
    return &notes->note[notes->n++];
}

void
la_capture_notes_add(struct la_capture_notes *notes, const char *key, uint64_t off, bool is_damage,
                     const char *format, ...)
{
    bool is_new;
    struct la_capture_note *note = find(notes, key, &is_new);
    if (!is_new) {
        note->n++;
        return;
    }
    *note = (struct la_capture_note){
        .off = off, .n = 1, .frame_n = notes->frame_n, .is_damage = is_damage};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}

void
la_capture_notes_set(struct la_capture_notes *notes, const char *key, bool is_damage,
                     const char *format, ...)
{
    bool is_new;
    struct la_capture_note *note = find(notes, key, &is_new);
    *note = (struct la_capture_note){.n = 1, .frame_n = notes->frame_n, .is_damage = is_damage};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}
