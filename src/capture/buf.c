/* SPDX-License-Identifier: MIT
 *
 * buf.c - a growable run of octets
 */
#include <stdlib.h>
#include <string.h>

#include "capture/buf.h"

enum { CAP_BYTES_MIN = 256 };

uint8_t *
la_capture_buf_extend(struct la_capture_buf *buf, size_t n)
{
    if (buf->failed)
        return NULL;
    if (n > buf->cap - buf->n) {
        size_t cap = buf->cap < CAP_BYTES_MIN ? CAP_BYTES_MIN : buf->cap;
        while (cap - buf->n < n && cap <= SIZE_MAX / 2)
            cap *= 2;
        uint8_t *p = cap - buf->n < n ? NULL : realloc(buf->p, cap);
        if (p == NULL) {
            buf->failed = true;
            return NULL;
        }
        buf->p = p;
        buf->cap = cap;
    }
    uint8_t *at = buf->p + buf->n;
    buf->n += n;
    return at;
}

void
la_capture_buf_bytes(struct la_capture_buf *buf, struct la_bytes bytes)
{
    if (bytes.n == 0)
        return;
    uint8_t *at = la_capture_buf_extend(buf, bytes.n);
    if (at != NULL)
        memcpy(at, bytes.p, bytes.n);
}

void
la_capture_buf_u16(struct la_capture_buf *buf, uint16_t v)
{
    const uint8_t le[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
    la_capture_buf_bytes(buf, (struct la_bytes){le, sizeof(le)});
}

void
la_capture_buf_u32(struct la_capture_buf *buf, uint32_t v)
{
    const uint8_t le[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    la_capture_buf_bytes(buf, (struct la_bytes){le, sizeof(le)});
}

void
la_capture_buf_align(struct la_capture_buf *buf)
{
    static const uint8_t zeros[3];
    la_capture_buf_bytes(buf, (struct la_bytes){zeros, -buf->n & 3});
}

void
la_capture_buf_set_u32(struct la_capture_buf *buf, size_t off, uint32_t v)
{
    if (buf->failed)
        return;
    for (size_t i = 0; i < 4; i++)
        buf->p[off + i] = (uint8_t)(v >> (8 * i));
}

void
la_capture_buf_reset(struct la_capture_buf *buf)
{
    buf->n = 0;
    buf->failed = false;
}

void
la_capture_buf_fini(struct la_capture_buf *buf)
{
    free(buf->p);
    *buf = (struct la_capture_buf){0};
}
