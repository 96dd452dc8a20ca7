/* SPDX-License-Identifier: MIT
 *
 * notes.c - what a reader has to say about a file, each thing once
 */
#include <stdarg.h>
#include <stdio.h>

#include "capture/notes.h"

void
la_capture_notes_add(struct la_capture_notes *notes, const char *key, uint64_t off, bool is_damage,
                     const char *format, ...)
{
    for (size_t i = 0; i < notes->n; i++)
        if (notes->key[i] == key) {
            notes->note[i].n++;
            return;
        }
    if (notes->n == LA_CAPTURE_NOTES_MAX) {
        notes->note[LA_CAPTURE_NOTES_MAX - 1].n++;
        return;
    }
    struct la_capture_note *note = &notes->note[notes->n];
    *note = (struct la_capture_note){
        .off = off, .n = 1, .frame_n = notes->frame_n, .is_damage = is_damage};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
    notes->key[notes->n++] = key;
}
