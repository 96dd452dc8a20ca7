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
 * makes a `rep movs`, which costs more than all of them together. Those of most segments are two
 * halves that overlap. */
static inline void
la_copy_header(uint8_t *out, const uint8_t *p, size_t n)
{
    enum { STEP_BYTES = 16, HALF_BYTES = 2 * STEP_BYTES };
    size_t last_off = n - STEP_BYTES;
    if (n >= HALF_BYTES && n <= (size_t)2 * HALF_BYTES) {
        memcpy(out, p, HALF_BYTES);
        memcpy(out + n - HALF_BYTES, p + n - HALF_BYTES, HALF_BYTES);
        return;
    }
    for (size_t off = 0; off < last_off; off += STEP_BYTES)
        memcpy(out + off, p + off, STEP_BYTES);
    memcpy(out + last_off, p + last_off, STEP_BYTES);
}

typedef uint64_t la_vector __attribute__((vector_size(16)));

static inline la_vector
la_vector_at(const uint8_t *p)
{
    la_vector vector;
    memcpy(&vector, p, sizeof(vector));
    return vector;
}

/* Do n octets, at least 16, differ in other bits than those of `but`? In steps of a vector, the
 * last one overlapping. */
static inline bool
la_differ_but(const uint8_t *a, const uint8_t *b, const uint8_t *but, size_t n)
{
    size_t last_off = n - sizeof(la_vector);
    la_vector differing = (la_vector_at(a + last_off) ^ la_vector_at(b + last_off)) &
                          ~la_vector_at(but + last_off);
    for (size_t off = 0; off < last_off; off += sizeof(la_vector))
        differing |= (la_vector_at(a + off) ^ la_vector_at(b + off)) & ~la_vector_at(but + off);
    return (differing[0] | differing[1]) != 0;
}

#endif
