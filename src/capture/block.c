/* SPDX-License-Identifier: MIT
 *
 * block.c - the blocks of a pcapng file, one after the other, past damage
 */
#include <string.h>

#include "capture/block.h"
#include "capture/order.h"

enum {
    HEAD_BYTES = 8,
    BLOCK_BYTES_MIN = 12,
    BLOCK_BYTES_MAX = 64 << 20, /* memory that a block of a pipe may ask for */
    SECTION_BYTES_MIN = 28,
    SECTION_MAGIC_OFF = 8,
    NS_PER_S = 1000000000
};

#define SECTION_MAGIC UINT32_C(0x1A2B3C4D)

static uint64_t
power_of_ten(unsigned n)
{
    uint64_t v = 1;
    while (n-- > 0)
        v *= 10;
    return v;
}

/* Seconds and nanoseconds of a stamp that counts 10^-n or 2^-n seconds (4.2, if_tsresol). */
static uint64_t
split_time(uint64_t stamp, uint8_t resolution, uint64_t *ns)
{
    unsigned n = resolution & 0x7f;
    *ns = 0;
    if (resolution & 0x80) {
        if (n >= 64)
            return 0;
        uint64_t fraction = stamp & ((UINT64_C(1) << n) - 1);
        *ns = n <= 32 ? fraction * NS_PER_S >> n : (fraction >> (n - 32)) * NS_PER_S >> 32;
        return n == 0 ? stamp : stamp >> n;
    }
    if (n > 19) /* 64 bits then hold less than a second */
        return 0;
    uint64_t unit = power_of_ten(n);
    uint64_t fraction = stamp % unit;
    *ns = n <= 9 ? fraction * power_of_ten(9 - n) : fraction / power_of_ten(n - 9);
    return stamp / unit;
}

la_instant
la_block_time(uint64_t stamp, uint8_t resolution, int64_t offset_s)
{
    uint64_t ns;
    uint64_t s = split_time(stamp, resolution, &ns);
    int64_t total;
    if (s > INT64_MAX || __builtin_add_overflow((int64_t)s, offset_s, &total) ||
        __builtin_mul_overflow(total, (int64_t)NS_PER_S, &total) ||
        __builtin_add_overflow(total, (int64_t)ns, &total))
        total = offset_s < 0 && s <= INT64_MAX ? INT64_MIN : INT64_MAX;
    return (la_instant){total};
}

/* The block at the place. */
struct head {
    uint32_t type;
    uint32_t n; /* of the whole block */
    bool big_endian;
};

static bool
is_known(uint32_t type)
{
    switch (type) {
    case LA_BLOCK_SECTION:
    case LA_BLOCK_IFACE:
    case LA_BLOCK_PACKET_OBSOLETE:
    case LA_BLOCK_SIMPLE:
    case LA_BLOCK_NAMES:
    case LA_BLOCK_STATS:
    case LA_BLOCK_PACKET:
    case LA_BLOCK_JOURNAL:
    case LA_BLOCK_SECRETS:
    case LA_BLOCK_CUSTOM:
    case LA_BLOCK_CUSTOM_NO_COPY:
        return true;
    default:
        return false;
    }
}

/* Reads the head of the block `off` octets on; a section's own byte order comes from its magic
 * number (4.1). False: no block can begin so, or not enough of it is there. */
static bool
head_read(struct head *head, struct la_capture_source *src, size_t off, bool big_endian)
{
    if (!la_capture_source_has(src, off + BLOCK_BYTES_MIN))
        return false;
    const uint8_t *p = src->at + off;
    *head = (struct head){.type = la_order_get32(p, big_endian), .big_endian = big_endian};
    if (head->type == LA_BLOCK_SECTION) { /* reads the same both ways */
        uint32_t magic = la_get32(p + SECTION_MAGIC_OFF);
        head->big_endian = magic == SECTION_MAGIC;
        if (!head->big_endian && magic != __builtin_bswap32(SECTION_MAGIC))
            return false;
    }
    head->n = la_order_get32(p + 4, head->big_endian);
    size_t n_min = head->type == LA_BLOCK_SECTION ? SECTION_BYTES_MIN : BLOCK_BYTES_MIN;
    return head->n >= n_min && head->n % 4 == 0 && head->n <= BLOCK_BYTES_MAX;
}

static bool
ends_well(struct la_capture_source *src, size_t off, const struct head *head)
{
    return la_capture_source_has(src, off + head->n) &&
           la_order_get32(src->at + off + head->n - 4, head->big_endian) == head->n;
}

/* What may be taken for a block where none was expected. */
static bool
is_sure(struct la_capture_source *src, size_t off, bool big_endian)
{
    struct head head;
    return head_read(&head, src, off, big_endian) && is_known(head.type) &&
           ends_well(src, off, &head);
}

/* What is wrong at a place where a block should begin. */
struct damage {
    const char *key;
    const char *what; /* with the offset behind it */
};

static enum la_capture_next
resynchronise(struct la_capture_source *src, bool big_endian, const struct damage *damage,
              struct la_capture_notes *notes)
{
    uint64_t bad_off = src->off;
    la_capture_source_skip(src, la_capture_source_has(src, 4) ? 4 : la_capture_source_left(src));
    while (la_capture_source_has(src, BLOCK_BYTES_MIN)) {
        if (is_sure(src, 0, big_endian)) {
            la_capture_notes_add(notes, damage->key, bad_off, true,
                                 "%s at offset %llu; went on at offset %llu", damage->what,
                                 (unsigned long long)bad_off, (unsigned long long)src->off);
            return LA_CAPTURE_PACKET;
        }
        la_capture_source_skip(src, 1);
    }
    if (!src->ended)
        return LA_CAPTURE_IDLE;
    la_capture_source_skip(src, la_capture_source_left(src));
    la_capture_notes_add(notes, damage->key, bad_off, true,
                         "%s at offset %llu; left the last %llu octets out", damage->what,
                         (unsigned long long)bad_off, (unsigned long long)(src->off - bad_off));
    return LA_CAPTURE_END;
}

/* A block whose length does not stand at its end, or that is not all there. LA_CAPTURE_PACKET: a
 * block begins at the place now. */
static enum la_capture_next
doubtful(struct la_capture_source *src, const struct head *head, bool is_head, bool big_endian,
         struct la_capture_notes *notes)
{
    static const char length_key[] = "block-length";
    static const struct damage bad = {"block-bad", "no block"};
    static const struct damage cut = {"cut", "the file is cut within the block"};
    if (!is_head)
        return resynchronise(src, big_endian, &bad, notes);
    if (!la_capture_source_has(src, head->n))
        return src->ended ? resynchronise(src, big_endian, &cut, notes) : LA_CAPTURE_IDLE;
    if (!is_sure(src, head->n, head->big_endian))
        return resynchronise(src, big_endian, &bad, notes);
    la_capture_notes_add(notes, length_key, src->off, true,
                         "the lengths at both ends of the block at offset %llu differ; took the "
                         "first one",
                         (unsigned long long)src->off);
    return LA_CAPTURE_PACKET;
}

/* Fewer octets than a block has are left. */
static enum la_capture_next
rest(struct la_capture_source *src, bool big_endian, struct la_capture_notes *notes)
{
    static const struct damage cut = {"cut", "the file is cut within the block"};
    if (src->ended && la_capture_source_left(src) > 0)
        return resynchronise(src, big_endian, &cut, notes);
    return src->ended ? LA_CAPTURE_END : LA_CAPTURE_IDLE;
}

enum la_capture_next
la_block_next(struct la_block *block, struct la_capture_source *src, bool big_endian,
              struct la_capture_notes *notes)
{
    struct head head;
    if (!la_capture_source_has(src, BLOCK_BYTES_MIN))
        return rest(src, big_endian, notes);
    bool is_head = head_read(&head, src, 0, big_endian);
    if (!is_head || !ends_well(src, 0, &head)) {
        enum la_capture_next next = doubtful(src, &head, is_head, big_endian, notes);
        if (next != LA_CAPTURE_PACKET)
            return next;
        (void)head_read(&head, src, 0, big_endian);
    }
    *block = (struct la_block){
        .type = head.type,
        .big_endian = head.big_endian,
        .off = src->off,
        .body = {src->at + HEAD_BYTES, head.n - BLOCK_BYTES_MIN},
    };
    la_capture_source_skip(src, head.n);
    /* While this one is being analysed: the next one, and what follows it if it is as long. */
    __builtin_prefetch(src->at);
    __builtin_prefetch(src->at + 64);
    __builtin_prefetch(src->at + head.n);
    __builtin_prefetch(src->at + head.n + 64);
    return LA_CAPTURE_PACKET;
}
