/* SPDX-License-Identifier: MIT
 *
 * pcapng_read.c - pcapng files, read
 *
 * Read first: draft-ietf-opsawg-pcapng 3 (blocks, options, damage) and 4.
 *
 * A block is believed when its length stands at both its ends. After one that is not, the next one
 * is looked for that is of a known type and has its length at both ends. Blocks of other types are
 * skipped.
 *
 * Byte order: the section's, read octet by octet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/block.h"
#include "capture/order.h"
#include "capture/pcapng_read.h"

enum {
    IFACES_MAX = 1 << 20, /* of a file: memory that it may ask for */
    RESOLUTION_DEFAULT = 6,
    SECTION_FIXED_BYTES = 16,
    IFACE_FIXED_BYTES = 8,
    PACKET_FIXED_BYTES = 20,
    SIMPLE_FIXED_BYTES = 4,
    STATS_FIXED_BYTES = 12
};

enum { OPT_END = 0, OPT_COMMENT = 1, PACKET_FLAGS = 2, IFACE_RESOLUTION = 9, IFACE_OFFSET = 14 };
enum { STATS_IFACE_DROPPED = 5, STATS_SYSTEM_DROPPED = 7 };

bool
la_pcapng_reader_is(const uint8_t magic[4])
{
    static const uint8_t section[4] = {0x0a, 0x0d, 0x0d, 0x0a};
    return memcmp(magic, section, sizeof section) == 0;
}

struct option {
    uint16_t code;
    struct la_bytes value;
};

/* The next option of *rest; false at the end, or where one is longer than the rest. */
static bool
option_next(const struct la_pcapng_reader *r, struct la_bytes *rest, struct option *out)
{
    if (rest->n < 4)
        return false;
    out->code = la_order_get16(rest->p, r->big_endian);
    size_t n = la_order_get16(rest->p + 2, r->big_endian);
    size_t padded = (n + 3) & ~(size_t)3;
    if (out->code == OPT_END || n > rest->n - 4)
        return false;
    out->value = (struct la_bytes){rest->p + 4, n};
    padded = padded < rest->n - 4 ? padded : rest->n - 4;
    *rest = (struct la_bytes){rest->p + 4 + padded, rest->n - 4 - padded};
    return true;
}

static void
section_take(struct la_pcapng_reader *r, const struct la_block *block)
{
    r->big_endian = block->big_endian;
    r->in_section = true;
    r->section_first = r->ifaces_n;
}

static bool
iface_room(struct la_pcapng_reader *r)
{
    if (r->ifaces_n < r->ifaces_cap)
        return true;
    uint32_t cap = r->ifaces_cap == 0 ? 8 : 2 * r->ifaces_cap;
    void *ifaces = cap > IFACES_MAX ? NULL : realloc(r->ifaces, cap * sizeof(*r->ifaces));
    r->starved = ifaces == NULL && cap <= IFACES_MAX;
    if (ifaces == NULL)
        return false;
    r->ifaces = ifaces;
    r->ifaces_cap = cap;
    return true;
}

static void
iface_take(struct la_pcapng_reader *r, const struct la_block *block, struct la_capture_notes *notes)
{
    static const char cut_key[] = "iface-cut", many_key[] = "ifaces";
    struct la_bytes rest = block->body;
    struct option opt;
    if (!iface_room(r)) {
        if (!r->starved)
            la_capture_notes_add(notes, many_key, block->off, true,
                                 "the interface at offset %llu is one too many; its packets are "
                                 "left out",
                                 (unsigned long long)block->off);
        return;
    }
    struct la_pcapng_reader_iface *iface = &r->ifaces[r->ifaces_n++];
    if (rest.n < IFACE_FIXED_BYTES) {
        *iface = (struct la_pcapng_reader_iface){.cut = true};
        la_capture_notes_add(notes, cut_key, block->off, true,
                             "the interface at offset %llu is cut; its packets are left out",
                             (unsigned long long)block->off);
        return;
    }
    *iface = (struct la_pcapng_reader_iface){
        .link_type = la_order_get16(rest.p, r->big_endian),
        .resolution = RESOLUTION_DEFAULT,
        .snap_bytes = la_order_get32(rest.p + 4, r->big_endian),
    };
    rest = (struct la_bytes){rest.p + IFACE_FIXED_BYTES, rest.n - IFACE_FIXED_BYTES};
    while (option_next(r, &rest, &opt)) {
        if (opt.code == IFACE_RESOLUTION && opt.value.n == 1)
            iface->resolution = opt.value.p[0];
        else if (opt.code == IFACE_OFFSET && opt.value.n == 8)
            iface->offset_s = (int64_t)la_order_get64(opt.value.p, r->big_endian);
    }
}

/* Counts are those since the capture began: the latest block of an interface has them all. */
static void
stats_take(struct la_pcapng_reader *r, const struct la_block *block)
{
    struct la_bytes rest = block->body;
    struct option opt;
    if (rest.n < STATS_FIXED_BYTES)
        return;
    uint32_t number = la_order_get32(rest.p, r->big_endian);
    if (number >= r->ifaces_n - r->section_first)
        return;
    uint64_t dropped_n = 0;
    rest = (struct la_bytes){rest.p + STATS_FIXED_BYTES, rest.n - STATS_FIXED_BYTES};
    while (option_next(r, &rest, &opt))
        if ((opt.code == STATS_IFACE_DROPPED || opt.code == STATS_SYSTEM_DROPPED) &&
            opt.value.n == 8)
            dropped_n += la_order_get64(opt.value.p, r->big_endian);
    r->ifaces[r->section_first + number].dropped_n = dropped_n;
}

/* Packets that the capturing system lost are a remark: the file is whole. */
static void
dropped_note(const struct la_pcapng_reader *r, const struct la_capture_source *src,
             struct la_capture_notes *notes)
{
    static const char key[] = "dropped";
    uint64_t dropped_n = 0;
    for (uint32_t i = 0; i < r->ifaces_n; i++)
        dropped_n += r->ifaces[i].dropped_n;
    if (dropped_n > 0)
        la_capture_notes_add(notes, key, src->off, false,
                             "%llu packets were dropped while it was captured: they are missing",
                             (unsigned long long)dropped_n);
}

/* Flags and the first comment. */
static void
packet_options(const struct la_pcapng_reader *r, struct la_bytes rest,
               struct la_capture_packet *packet)
{
    struct option opt;
    while (option_next(r, &rest, &opt)) {
        if (opt.code == OPT_COMMENT && packet->comment.p == NULL)
            packet->comment = opt.value;
        else if (opt.code == PACKET_FLAGS && opt.value.n == 4)
            packet->direction = la_order_get32(opt.value.p, r->big_endian) & 3;
    }
    if (packet->direction > LA_CAPTURE_OUTBOUND)
        packet->direction = LA_CAPTURE_DIRECTION_UNKNOWN;
}

static const struct la_pcapng_reader_iface *
iface_of(const struct la_pcapng_reader *r, uint32_t number, const struct la_block *block,
         struct la_capture_notes *notes)
{
    static const char key[] = "no-iface";
    if (number < r->ifaces_n - r->section_first) {
        const struct la_pcapng_reader_iface *iface = &r->ifaces[r->section_first + number];
        return iface->cut ? NULL : iface; /* That it is cut was said. */
    }
    la_capture_notes_add(
        notes, key, block->off, true,
        "the packet at offset %llu names interface %u, which there is not; left it "
        "out",
        (unsigned long long)block->off, number);
    return NULL;
}

/* Captured octets beyond the block's end are not there. */
static bool
packet_bytes_fit(const struct la_block *block, size_t fixed, uint32_t cap_bytes,
                 struct la_capture_notes *notes)
{
    static const char key[] = "packet-length";
    if (block->body.n >= fixed && cap_bytes <= block->body.n - fixed)
        return true;
    la_capture_notes_add(notes, key, block->off, true,
                         "the packet at offset %llu is longer than its block; left it out",
                         (unsigned long long)block->off);
    return false;
}

/* Enhanced packet block, and the obsolete packet block, which differs in its first word. */
static bool
packet_take(struct la_pcapng_reader *r, const struct la_block *block,
            struct la_capture_notes *notes, struct la_capture_packet *packet)
{
    const uint8_t *p = block->body.p;
    if (!packet_bytes_fit(block, PACKET_FIXED_BYTES, 0, notes))
        return false;
    uint32_t number = block->type == LA_BLOCK_PACKET_OBSOLETE ? la_order_get16(p, r->big_endian)
                                                              : la_order_get32(p, r->big_endian);
    uint32_t cap_bytes = la_order_get32(p + 12, r->big_endian);
    uint32_t wire_bytes = la_order_get32(p + 16, r->big_endian);
    const struct la_pcapng_reader_iface *iface = iface_of(r, number, block, notes);
    if (iface == NULL || !packet_bytes_fit(block, PACKET_FIXED_BYTES, cap_bytes, notes))
        return false;
    uint64_t stamp =
        (uint64_t)la_order_get32(p + 4, r->big_endian) << 32 | la_order_get32(p + 8, r->big_endian);
    *packet = (struct la_capture_packet){
        .at = la_block_time(stamp, iface->resolution, iface->offset_s),
        .data = p + PACKET_FIXED_BYTES,
        .cap_bytes = cap_bytes,
        .wire_bytes = wire_bytes > cap_bytes ? wire_bytes : cap_bytes,
        .iface_idx = r->section_first + number,
        .link_type = iface->link_type,
        .has_time = true,
    };
    r->last_at = packet->at;
    size_t options_off = PACKET_FIXED_BYTES + (((size_t)cap_bytes + 3) & ~(size_t)3);
    if (options_off < block->body.n)
        packet_options(r, (struct la_bytes){p + options_off, block->body.n - options_off}, packet);
    return true;
}

/* Simple packet block: the section's first interface, no time: the one of the packet before it
 * stands for it. How much was captured follows from the snapshot length (4.4). */
static bool
simple_take(struct la_pcapng_reader *r, const struct la_block *block,
            struct la_capture_notes *notes, struct la_capture_packet *packet)
{
    static const char key[] = "no-time";
    const struct la_pcapng_reader_iface *iface = iface_of(r, 0, block, notes);
    if (iface == NULL || !packet_bytes_fit(block, SIMPLE_FIXED_BYTES, 0, notes))
        return false;
    uint32_t wire_bytes = la_order_get32(block->body.p, r->big_endian);
    uint32_t cap_bytes =
        iface->snap_bytes != 0 && iface->snap_bytes < wire_bytes ? iface->snap_bytes : wire_bytes;
    if (!packet_bytes_fit(block, SIMPLE_FIXED_BYTES, cap_bytes, notes))
        return false;
    *packet = (struct la_capture_packet){
        .at = r->last_at,
        .data = block->body.p + SIMPLE_FIXED_BYTES,
        .cap_bytes = cap_bytes,
        .wire_bytes = wire_bytes,
        .iface_idx = r->section_first,
        .link_type = iface->link_type,
    };
    la_capture_notes_add(notes, key, block->off, false,
                         "packets without a time (simple packet blocks): took that of the packet "
                         "before");
    return true;
}

/* True: *packet is filled. */
static bool
block_take(struct la_pcapng_reader *r, const struct la_block *block, struct la_capture_notes *notes,
           struct la_capture_packet *packet)
{
    if (block->type == LA_BLOCK_SECTION) {
        section_take(r, block);
        return false;
    }
    if (!r->in_section)
        return false;
    switch (block->type) {
    case LA_BLOCK_IFACE:
        iface_take(r, block, notes);
        return false;
    case LA_BLOCK_STATS:
        stats_take(r, block);
        return false;
    case LA_BLOCK_SIMPLE:
        return simple_take(r, block, notes, packet);
    case LA_BLOCK_PACKET:
    case LA_BLOCK_PACKET_OBSOLETE:
        return packet_take(r, block, notes, packet);
    default:
        return false; /* names, secrets, custom blocks and whatever comes */
    }
}

enum la_capture_next
la_pcapng_reader_next(struct la_pcapng_reader *r, struct la_capture_source *src,
                      struct la_capture_notes *notes, struct la_capture_packet *packet)
{
    for (;;) {
        struct la_block block;
        enum la_capture_next next = la_block_next(&block, src, r->big_endian, notes);
        if (next == LA_CAPTURE_END)
            dropped_note(r, src, notes);
        if (next != LA_CAPTURE_PACKET)
            return next;
        if (block_take(r, &block, notes, packet))
            return LA_CAPTURE_PACKET;
        if (r->starved) { /* The numbers of the interfaces that follow would be others'. */
            src->err = ENOMEM;
            src->ended = true;
            return LA_CAPTURE_END;
        }
    }
}

void
la_pcapng_reader_fini(struct la_pcapng_reader *r)
{
    free(r->ifaces);
    *r = (struct la_pcapng_reader){0};
}
