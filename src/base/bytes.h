/* SPDX-License-Identifier: MIT
 *
 * bytes.h - reading and writing octets in network order, with a sticky error
 *
 * A cursor past its end reads zeros, writes nothing, and remembers it: decoders are straight lists
 * of reads with one test at the end.
 */
#ifndef LA_BASE_BYTES_H
#define LA_BASE_BYTES_H

#include <lastack/base.h>

#include <string.h>

static inline uint16_t
la_get16(const uint8_t *p)
{
    return (uint16_t)((uint32_t)p[0] << 8 | p[1]);
}

static inline uint32_t
la_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void
la_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* Not octet by octet: gcc joins those of neighbouring words, by four instructions for each. */
static inline void
la_put32(uint8_t *p, uint32_t v)
{
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof(v));
}

struct la_rd {
    const uint8_t *p;
    size_t n;
    bool failed;
};

struct la_wr {
    uint8_t *p;
    size_t n;
    bool failed;
};

static inline struct la_rd
la_rd_init(struct la_bytes b)
{
    return (struct la_rd){b.p, b.n, false};
}

static inline struct la_wr
la_wr_init(struct la_room r)
{
    return (struct la_wr){r.p, r.n, false};
}

uint8_t la_rd8(struct la_rd *rd);
uint16_t la_rd16(struct la_rd *rd);
uint32_t la_rd32(struct la_rd *rd);
/* n octets, borrowed; {NULL, 0} past the end. */
struct la_bytes la_rd_bytes(struct la_rd *rd, size_t n);
void la_wr8(struct la_wr *wr, uint8_t v);
void la_wr16(struct la_wr *wr, uint16_t v);
void la_wr32(struct la_wr *wr, uint32_t v);
void la_wr_bytes(struct la_wr *wr, struct la_bytes bytes);

/* n octets, at least 16, in steps of a vector, the last one overlapping: for an unknown length gcc
 * makes a `rep movs`, which costs more than all of them together. */
static inline void
la_copy_header(uint8_t *out, const uint8_t *p, size_t n)
{
    enum { STEP_BYTES = 16 };
    size_t last_off = n - STEP_BYTES;
    for (size_t off = 0; off < last_off; off += STEP_BYTES)
        memcpy(out + off, p + off, STEP_BYTES);
    memcpy(out + last_off, p + last_off, STEP_BYTES);
}

/* The bits in which octets differ, in the order of memory: 0 = in none. */
static inline uint16_t
la_differ16(const uint8_t *a, const uint8_t *b)
{
    uint16_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x ^ y;
}
static inline uint32_t
la_differ32(const uint8_t *a, const uint8_t *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x ^ y;
}

#endif
