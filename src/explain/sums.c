/* SPDX-License-Identifier: MIT
 *
 * sums.c - whether the checksums of a capture can be believed, and whose
 *
 * A source has a place from its first wrong checksum on; another one's place is taken by who was
 * wrong more often than it.
 */
#include "explain/sums.h"

#include "base/addr.h"

enum { BAD_N_MIN = 4, SHARE = 4 };

static unsigned
place_of(const struct la_addr *addr)
{
    uint64_t words[2];
    memcpy(words, addr->b, sizeof(words));
    uint64_t mixed = (words[0] ^ words[1]) * UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned)(mixed >> 32) % LA_SUMS_SOURCES_N;
}

static bool
is_left(const struct la_sum_source *source)
{
    return source->bad_n >= BAD_N_MIN && source->bad_n > SHARE * source->good_n;
}

void
la_sums_note(struct la_sum_counts *sums, const struct la_addr *src, bool is_good)
{
    struct la_sum_source *source = &sums->sources[place_of(src)];
    sums->good_n += is_good;
    sums->bad_n += !is_good;
    sums->tell = sums->good_n > sums->bad_n;
    if (!la_addr_same(&source->addr, src)) {
        if (is_good)
            return;
        if (source->bad_n > 1) { /* One that is wrong once has no claim to the place for ever. */
            source->bad_n -= !is_left(source);
            return;
        }
        *source = (struct la_sum_source){.addr = *src};
    }
    source->good_n += is_good;
    source->bad_n += !is_good;
    sums->some_left = sums->some_left || is_left(source);
}

bool
la_sums_are_left(const struct la_sum_counts *sums, const struct la_addr *src)
{
    const struct la_sum_source *source = &sums->sources[place_of(src)];
    return la_addr_same(&source->addr, src) && is_left(source);
}
