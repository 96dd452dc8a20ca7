/* SPDX-License-Identifier: MIT
 *
 * arena.c - an allocator inside a region of memory
 *
 * Read first: Masmano et al., "TLSF: a new dynamic memory allocator for real-time systems", 2004:
 * free pieces lie in bins by size, eight per power of two; a bit per bin finds a fit in O(1);
 * neighbours that are free are joined at once.
 *
 * The region begins with struct arena; then pieces follow one another to the end, each with a
 * header, all multiples of UNIT_BYTES. Places are counted in units from the start of the region,
 * and nothing is kept elsewhere, so that a copy of the region is a copy of the whole state.
 */
#include "base/assert.h"
#include "base/mem.h"
#include "base/shelf.h"

enum { UNIT_BYTES = 16, BINS_N = 29 * 8, MAP_WORDS = (BINS_N + 63) / 64, REGION_MIN = 65536 };
enum { OWN_BIN_TRIES = 8 };
#define UNITS_MAX UINT32_C(0x7fffffff)

struct piece {
    uint32_t units;      /* header included */
    uint32_t prev_units; /* of the piece before it, 0 = it is the first */
    uint32_t bin_next;   /* in its bin, 0 = none */
    uint32_t bin_prev;   /* 0 = first of its bin; IN_USE = not in a bin */
};
#define IN_USE UINT32_MAX
_Static_assert(sizeof(struct piece) == UNIT_BYTES, "a header is one unit");

struct arena {
    uint64_t map[MAP_WORDS]; /* bit b: bin b is not empty */
    uint32_t bin[BINS_N];    /* place of its first piece */
};
enum { FIRST_PLACE = (sizeof(struct arena) + 63) / 64 * 64 / UNIT_BYTES };

static struct piece *
piece_at(struct arena *arena, uint32_t place)
{
    return (struct piece *)(void *)((uint8_t *)arena + (size_t)place * UNIT_BYTES);
}

/* ---- bins ------------------------------------------------------------------------------- */

/* The bin whose pieces have at least the size that the first of its sizes says. */
static unsigned
bin_of(uint32_t units)
{
    if (units < 8)
        return units;
    unsigned log2 = 31 - (unsigned)__builtin_clz(units);
    return (log2 - 2) * 8 + (units >> (log2 - 3) & 7);
}

static void
bin_push(struct arena *arena, uint32_t place)
{
    struct piece *piece = piece_at(arena, place);
    unsigned bin = bin_of(piece->units);
    piece->bin_prev = 0;
    piece->bin_next = arena->bin[bin];
    if (piece->bin_next)
        piece_at(arena, piece->bin_next)->bin_prev = place;
    arena->bin[bin] = place;
    arena->map[bin / 64] |= UINT64_C(1) << bin % 64;
}

static void
bin_unlink(struct arena *arena, uint32_t place)
{
    struct piece *piece = piece_at(arena, place);
    unsigned bin = bin_of(piece->units);
    if (piece->bin_next)
        piece_at(arena, piece->bin_next)->bin_prev = piece->bin_prev;
    if (piece->bin_prev)
        piece_at(arena, piece->bin_prev)->bin_next = piece->bin_next;
    else
        arena->bin[bin] = piece->bin_next;
    if (arena->bin[bin] == 0)
        arena->map[bin / 64] &= ~(UINT64_C(1) << bin % 64);
    piece->bin_prev = IN_USE;
}

/* The first bin from `bin` on that is not empty; BINS_N when there is none. */
static unsigned
bin_find(const struct arena *arena, unsigned bin)
{
    unsigned word = bin / 64;
    uint64_t mask = ~UINT64_C(0) << bin % 64;
    for (; word < MAP_WORDS; word++, mask = ~UINT64_C(0)) {
        uint64_t bits = arena->map[word] & mask;
        if (bits)
            return word * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return BINS_N;
}

/* A free piece of at least `units`, 0 = none. O(1). */
static uint32_t
find_fit(struct arena *arena, uint32_t units)
{
    /* Sizes repeat, so the bin of this very size often has a piece that fits exactly. */
    uint32_t place = arena->bin[bin_of(units)];
    for (int i = 0; place && i < OWN_BIN_TRIES; i++) {
        if (piece_at(arena, place)->units >= units)
            return place;
        place = piece_at(arena, place)->bin_next;
    }
    /* Rounded up to a bin boundary, every piece of the bin is large enough. */
    uint32_t rounded = units;
    if (units >= 8)
        rounded += (UINT32_C(1) << (28 - __builtin_clz(units))) - 1;
    unsigned bin = bin_find(arena, bin_of(rounded));
    return bin < BINS_N ? arena->bin[bin] : 0;
}

/* ---- the two functions of struct la_alloc ----------------------------------------------- */

/* Cuts the piece to `units`; what is left over becomes free. */
static void
split(struct arena *arena, uint32_t place, uint32_t units)
{
    struct piece *piece = piece_at(arena, place);
    uint32_t rest = piece->units - units;
    if (rest < 2)
        return;
    piece->units = units;
    struct piece *tail = piece_at(arena, place + units);
    *tail = (struct piece){.units = rest, .prev_units = units};
    piece_at(arena, place + units + rest)->prev_units = rest;
    bin_push(arena, place + units);
}

static void *
arena_alloc(void *ctx, size_t n)
{
    struct arena *arena = ctx;
    if (n / UNIT_BYTES >= UNITS_MAX / 2)
        return NULL;
    uint32_t units = (uint32_t)((n + UNIT_BYTES - 1) / UNIT_BYTES) + 1;
    uint32_t place = find_fit(arena, units);
    if (place == 0)
        return NULL;
    bin_unlink(arena, place);
    split(arena, place, units);
    return piece_at(arena, place) + 1;
}

/* Joins the piece at `place` with the free one behind it. */
static void
join_next(struct arena *arena, uint32_t place)
{
    struct piece *piece = piece_at(arena, place);
    uint32_t next_place = place + piece->units;
    struct piece *next = piece_at(arena, next_place);
    if (next->bin_prev == IN_USE)
        return;
    bin_unlink(arena, next_place);
    piece->units += next->units;
    piece_at(arena, place + piece->units)->prev_units = piece->units;
}

static void
arena_free(void *ctx, void *p, size_t n)
{
    struct arena *arena = ctx;
    struct piece *piece = (struct piece *)p - 1;
    uint32_t place = (uint32_t)((size_t)((uint8_t *)piece - (uint8_t *)arena) / UNIT_BYTES);
    LA_ASSERT(piece->bin_prev == IN_USE);
    LA_ASSERT(n <= ((size_t)piece->units - 1) * UNIT_BYTES);
    join_next(arena, place);
    uint32_t prev_place = place - piece->prev_units;
    if (piece->prev_units && piece_at(arena, prev_place)->bin_prev != IN_USE) {
        bin_unlink(arena, prev_place);
        struct piece *prev = piece_at(arena, prev_place);
        prev->units += piece->units;
        piece_at(arena, prev_place + prev->units)->prev_units = prev->units;
        place = prev_place;
    }
    bin_push(arena, place);
}

struct la_mem *
la_mem_new_arena(void *base, size_t n)
{
    if (n < REGION_MIN || (uintptr_t)base % 64 != 0)
        return NULL;
    size_t units = n / UNIT_BYTES;
    uint32_t end = units > UNITS_MAX ? UNITS_MAX : (uint32_t)units;
    struct arena *arena = base;
    *arena = (struct arena){.map = {0}};
    /* The last unit is a piece that is never free: no neighbour search passes the end. */
    uint32_t free_units = end - 1 - FIRST_PLACE;
    *piece_at(arena, FIRST_PLACE) = (struct piece){.units = free_units};
    *piece_at(arena, end - 1) =
        (struct piece){.units = 1, .prev_units = free_units, .bin_prev = IN_USE};
    bin_push(arena, FIRST_PLACE);
    const struct la_alloc alloc = {arena_alloc, arena_free, arena};
    return la_mem_new(&alloc, (uint64_t)free_units * UNIT_BYTES);
}
