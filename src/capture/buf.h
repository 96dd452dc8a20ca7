/* SPDX-License-Identifier: MIT
 *
 * buf.h - a growable run of octets, little-endian, with a sticky failure
 *
 * What cannot be appended for lack of memory is left out and remembered in `failed`: an encoder
 * is a straight list of appends with one test at the end.
 */
#ifndef LA_CAPTURE_BUF_H
#define LA_CAPTURE_BUF_H

#include <lastack/base.h>

/* Zero-initialised is empty. Owned: la_capture_buf_fini() is required. */
struct la_capture_buf {
    uint8_t *p;
    size_t n;
    size_t cap;
    bool failed;
};

/* n octets more at the end, uninitialised; NULL: no memory, `failed` is set. */
uint8_t *la_capture_buf_extend(struct la_capture_buf *buf, size_t n);
void la_capture_buf_bytes(struct la_capture_buf *buf, struct la_bytes bytes);
void la_capture_buf_u16(struct la_capture_buf *buf, uint16_t v);
void la_capture_buf_u32(struct la_capture_buf *buf, uint32_t v);
/* Zeros up to a multiple of 4. */
void la_capture_buf_align(struct la_capture_buf *buf);
/* Overwrites 4 octets at offset `off`; nothing when the buffer has failed. */
void la_capture_buf_set_u32(struct la_capture_buf *buf, size_t off, uint32_t v);
/* Back to empty; keeps the memory. */
void la_capture_buf_reset(struct la_capture_buf *buf);
void la_capture_buf_fini(struct la_capture_buf *buf);

#endif
