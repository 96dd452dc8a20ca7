/* SPDX-License-Identifier: MIT
 *
 * bytes.c - the cursors of bytes.h
 *
 * A failed cursor has n == 0, so that one comparison covers both "too short" and "failed before".
 */
#include "base/bytes.h"

#include <string.h>

/* The next n octets, or NULL with the error set. */
static const uint8_t *
read_n(struct la_rd *rd, size_t n)
{
    if (n > rd->n) {
        rd->failed = true;
        rd->n = 0;
        return NULL;
    }
    const uint8_t *p = rd->p;
    rd->p += n;
    rd->n -= n;
    return p;
}

static uint8_t *
write_n(struct la_wr *wr, size_t n)
{
    if (n > wr->n) {
        wr->failed = true;
        wr->n = 0;
        return NULL;
    }
    uint8_t *p = wr->p;
    wr->p += n;
    wr->n -= n;
    return p;
}

uint8_t
la_rd8(struct la_rd *rd)
{
    const uint8_t *p = read_n(rd, 1);
    return p ? *p : 0;
}

uint16_t
la_rd16(struct la_rd *rd)
{
    const uint8_t *p = read_n(rd, 2);
    return p ? la_get16(p) : 0;
}

uint32_t
la_rd32(struct la_rd *rd)
{
    const uint8_t *p = read_n(rd, 4);
    return p ? la_get32(p) : 0;
}

struct la_bytes
la_rd_bytes(struct la_rd *rd, size_t n)
{
    if (n == 0 && !rd->failed)
        return (struct la_bytes){rd->p, 0};
    const uint8_t *p = rd->failed ? NULL : read_n(rd, n);
    return (struct la_bytes){p, p ? n : 0};
}

void
la_wr8(struct la_wr *wr, uint8_t v)
{
    uint8_t *p = write_n(wr, 1);
    if (p)
        *p = v;
}

void
la_wr16(struct la_wr *wr, uint16_t v)
{
    uint8_t *p = write_n(wr, 2);
    if (p)
        la_put16(p, v);
}

void
la_wr32(struct la_wr *wr, uint32_t v)
{
    uint8_t *p = write_n(wr, 4);
    if (p)
        la_put32(p, v);
}

void
la_wr_bytes(struct la_wr *wr, struct la_bytes bytes)
{
    if (bytes.n == 0)
        return;
    uint8_t *p = write_n(wr, bytes.n);
    if (p)
        memcpy(p, bytes.p, bytes.n);
}
