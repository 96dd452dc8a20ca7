/* SPDX-License-Identifier: MIT
 *
 * fragments.c - IP datagrams put together from their fragments
 *
 * Read first: RFC 791 3.2, RFC 8200 4.5, RFC 5722 (overlapping IPv6 fragments), RFC 6864 (reuse of
 * identifications).
 *
 * Each datagram has a bit per eight octets. Of octets that come twice the first ones stay (RFC 791
 * leaves it open; Linux and BSD do so); IPv6 forbids overlap, but for exact repetitions (RFC 8200
 * 4.5), which captures are full of.
 */
#include "explain/fragments.h"
#include "base/addr.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

enum {
    UNIT_BYTES = 8,
    DATAGRAM_BYTES_MAX = 65535,
    BITS_BYTES = (DATAGRAM_BYTES_MAX + 1) / UNIT_BYTES / 8,
    BUFFER_BYTES_MIN = 2048,
    NONE = LA_FRAGMENTS_MAX
};

/* RFC 1122 3.3.2 and RFC 8200 4.5: 60 s. */
static const int64_t age_ns_max = INT64_C(60000000000);

struct datagram {
    uint8_t *bits; /* BITS_BYTES; NULL: the place is free */
    uint8_t *bytes;
    uint32_t cap_bytes;
    uint32_t end_bytes;      /* behind the last octet that has come */
    uint32_t total_bytes;    /* 0: the last fragment has not come */
    uint32_t captured_bytes; /* octets that are there from the start on; less than total: snapped */
    uint32_t units_n;
    la_instant at; /* of its first fragment seen */
};

struct la_fragments {
    struct la_mem *mem;
    struct la_fragments_counts counts;
    uint32_t next; /* the place for the next new datagram; the oldest ones follow it */
    uint32_t used_bytes;
    uint32_t done; /* the place that was handed out, until the next call; or NONE */
    uint64_t key[LA_FRAGMENTS_MAX];
    struct datagram datagram[LA_FRAGMENTS_MAX];
};

struct la_fragments *
la_fragments_new(struct la_mem *mem)
{
    struct la_fragments *fragments = la_mem_take(mem, sizeof(*fragments));
    if (fragments == NULL)
        return NULL;
    fragments->mem = la_mem_ref(mem);
    fragments->done = NONE;
    return fragments;
}

static void
datagram_drop(struct la_fragments *f, uint32_t idx)
{
    struct datagram *d = &f->datagram[idx];
    if (d->bits == NULL)
        return;
    LA_ASSERT(f->used_bytes >= BITS_BYTES + d->cap_bytes);
    f->used_bytes -= BITS_BYTES + d->cap_bytes;
    la_mem_give(f->mem, d->bits, BITS_BYTES);
    if (d->bytes != NULL)
        la_mem_give(f->mem, d->bytes, d->cap_bytes);
    *d = (struct datagram){0};
}

static void
give_up(struct la_fragments *f, uint32_t idx)
{
    f->counts.given_up_n += f->datagram[idx].bits != NULL;
    datagram_drop(f, idx);
}

void
la_fragments_free(struct la_fragments *f)
{
    if (f == NULL)
        return;
    for (uint32_t i = 0; i < LA_FRAGMENTS_MAX; i++)
        datagram_drop(f, i);
    struct la_mem *mem = f->mem;
    la_mem_give(mem, f, sizeof(*f));
    la_mem_unref(mem);
}

/* Octets, after the oldest datagrams but `keep` have made room for them. */
static uint8_t *
take(struct la_fragments *f, uint32_t n, uint32_t keep)
{
    for (uint32_t i = 0; i < LA_FRAGMENTS_MAX && f->used_bytes + n > LA_FRAGMENTS_BYTES_MAX; i++) {
        uint32_t idx = (f->next + i) % LA_FRAGMENTS_MAX;
        if (idx != keep && idx != f->done)
            give_up(f, idx);
    }
    uint8_t *p = la_mem_take(f->mem, n);
    f->used_bytes += p != NULL ? n : 0;
    return p;
}

/* Which datagram a fragment belongs to: 64 bits of a hash stand for it. */
static uint64_t
key_of(const struct la_fragment *fragment)
{
    static const struct la_key key = {0, 0};
    uint64_t words[5];
    memcpy(words, fragment->src.b, sizeof fragment->src.b);
    memcpy(words + 2, fragment->dst.b, sizeof fragment->dst.b);
    words[4] = (uint64_t)fragment->id << 32 | (fragment->path_key ^ fragment->protocol);
    return la_hash_words(&key, words, 5);
}

/* The datagram's place; NONE: no memory for a new one. */
static uint32_t
find(struct la_fragments *f, const struct la_fragment *fragment)
{
    uint64_t key = key_of(fragment);
    for (uint32_t i = 0; i < LA_FRAGMENTS_MAX; i++) {
        if (f->key[i] != key || f->datagram[i].bits == NULL)
            continue;
        if (fragment->at.ns - f->datagram[i].at.ns <= age_ns_max)
            return i;
        give_up(f, i); /* the identification is used again */
        break;
    }
    uint32_t idx = f->next != f->done ? f->next : (f->next + 1) % LA_FRAGMENTS_MAX;
    give_up(f, idx);
    uint8_t *bits = take(f, BITS_BYTES, idx);
    if (bits == NULL)
        return NONE;
    f->next = (idx + 1) % LA_FRAGMENTS_MAX;
    f->key[idx] = key;
    f->datagram[idx] =
        (struct datagram){.bits = bits, .captured_bytes = DATAGRAM_BYTES_MAX, .at = fragment->at};
    return idx;
}

static bool
room_make(struct la_fragments *f, uint32_t idx, uint32_t end)
{
    struct datagram *d = &f->datagram[idx];
    if (end <= d->cap_bytes)
        return true;
    uint32_t cap = d->cap_bytes == 0 ? BUFFER_BYTES_MIN : d->cap_bytes;
    while (cap < end)
        cap *= 2;
    uint8_t *bytes = take(f, cap, idx);
    if (bytes == NULL)
        return false;
    if (d->bytes != NULL) {
        memcpy(bytes, d->bytes, d->end_bytes < d->cap_bytes ? d->end_bytes : d->cap_bytes);
        la_mem_give(f->mem, d->bytes, d->cap_bytes);
        f->used_bytes -= d->cap_bytes;
    }
    d->bytes = bytes;
    d->cap_bytes = cap;
    return true;
}

/* Takes the units that have not come yet. Returns how many of them had. */
static uint32_t
units_take(struct datagram *d, const struct la_fragment *fragment)
{
    uint32_t old_n = 0;
    for (uint32_t off = 0; off < fragment->wire_bytes; off += UNIT_BYTES) {
        uint32_t at = fragment->off_bytes + off;
        uint8_t *bits = &d->bits[at / UNIT_BYTES / 8];
        uint8_t bit = (uint8_t)(1u << (at / UNIT_BYTES % 8));
        if (*bits & bit) {
            old_n++;
            continue;
        }
        *bits |= bit;
        d->units_n++;
        size_t left = off < fragment->bytes.n ? fragment->bytes.n - off : 0;
        if (left > 0)
            memcpy(d->bytes + at, fragment->bytes.p + off, left < UNIT_BYTES ? left : UNIT_BYTES);
        if (left < UNIT_BYTES && off + left < fragment->wire_bytes && at + left < d->captured_bytes)
            d->captured_bytes = (uint32_t)(at + left);
    }
    return old_n;
}

/* Can a fragment be as it says (RFC 791 3.1, RFC 8200 4.5)? */
static bool
is_possible(const struct la_fragment *fragment)
{
    return fragment->wire_bytes > 0 && fragment->off_bytes % UNIT_BYTES == 0 &&
           fragment->off_bytes + fragment->wire_bytes <= DATAGRAM_BYTES_MAX &&
           (!fragment->more || fragment->wire_bytes % UNIT_BYTES == 0);
}

/* Two last fragments that end differently, or octets behind the last one. */
static bool
contradicts(const struct datagram *d, const struct la_fragment *fragment)
{
    uint32_t end = fragment->off_bytes + fragment->wire_bytes;
    if (d->total_bytes != 0)
        return end > d->total_bytes || (!fragment->more && end != d->total_bytes);
    return !fragment->more && end < d->end_bytes;
}

/* Takes a fragment in. Returns the place of the datagram if that is whole now, else NONE. */
static uint32_t
take_in(struct la_fragments *f, const struct la_fragment *fragment)
{
    if (!is_possible(fragment)) {
        f->counts.refused_n++;
        return NONE;
    }
    uint32_t idx = find(f, fragment);
    if (idx == NONE) {
        f->counts.given_up_n++;
        return NONE;
    }
    struct datagram *d = &f->datagram[idx];
    uint32_t end = fragment->off_bytes + fragment->wire_bytes;
    if (contradicts(d, fragment) || !room_make(f, idx, end)) {
        give_up(f, idx);
        return NONE;
    }
    uint32_t units_n = (fragment->wire_bytes + UNIT_BYTES - 1) / UNIT_BYTES;
    uint32_t old_n = units_take(d, fragment);
    if (fragment->version == 6 && old_n != 0 && old_n != units_n) {
        give_up(f, idx);
        return NONE;
    }
    d->end_bytes = end > d->end_bytes ? end : d->end_bytes;
    d->total_bytes = fragment->more ? d->total_bytes : end;
    bool whole =
        d->total_bytes != 0 && d->units_n == (d->total_bytes + UNIT_BYTES - 1) / UNIT_BYTES;
    return whole ? idx : NONE;
}

bool
la_fragments_add(struct la_fragments *f, const struct la_fragment *fragment, struct la_bytes *out,
                 uint32_t *wire_bytes)
{
    /* The fragment's octets may be those of the datagram that was handed out: a tunnel's. */
    uint32_t idx = take_in(f, fragment);
    if (f->done != NONE)
        datagram_drop(f, f->done);
    f->done = idx;
    if (idx == NONE)
        return false;
    const struct datagram *d = &f->datagram[idx];
    f->counts.whole_n++;
    f->key[idx] = 0; /* what comes under the same identification now is another datagram */
    *wire_bytes = d->total_bytes;
    *out = (struct la_bytes){d->bytes, d->captured_bytes < d->total_bytes ? d->captured_bytes
                                                                          : d->total_bytes};
    return true;
}

const struct la_fragments_counts *
la_fragments_counts_get(const struct la_fragments *f)
{
    return &f->counts;
}
