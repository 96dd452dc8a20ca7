/* SPDX-License-Identifier: MIT
 *
 * pcapng.c - the blocks of a pcapng file, encoded
 *
 * Read first: draft-ietf-opsawg-pcapng, 3 (blocks and options) and 4.1-4.3, 4.6.
 */
#include <string.h>

#include "capture/pcapng.h"

enum {
    BLOCK_SECTION = 0x0A0D0D0A,
    BLOCK_IFACE = 1,
    BLOCK_STATS = 5,
    BLOCK_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1A2B3C4D
};

/* Option codes are counted per kind of block, but for the first two. */
enum {
    OPT_END = 0,
    OPT_COMMENT = 1,
    SECTION_APPLICATION = 4,
    IFACE_NAME = 2,
    IFACE_DESCRIPTION = 3,
    IFACE_RESOLUTION = 9,
    PACKET_FLAGS = 2,
    PACKET_ID = 5,
    STATS_FIRST = 2,
    STATS_LAST = 3,
    STATS_RECEIVED = 4
};

enum { OPTION_BYTES_MAX = 65535, DIRECTION_IN = 1, DIRECTION_OUT = 2, RESOLUTION_NS = 9 };

static size_t
block_begin(struct la_capture_buf *buf, uint32_t type)
{
    size_t off = buf->n;
    la_capture_buf_u32(buf, type);
    la_capture_buf_u32(buf, 0);
    return off;
}

/* The length stands at both ends of a block, so that files can be read backwards. */
static void
block_end(struct la_capture_buf *buf, size_t off)
{
    size_t n = buf->n - off + 4;
    la_capture_buf_u32(buf, (uint32_t)n);
    la_capture_buf_set_u32(buf, off + 4, (uint32_t)n);
}

static void
option_bytes(struct la_capture_buf *buf, uint16_t code, struct la_bytes value)
{
    la_capture_buf_u16(buf, code);
    la_capture_buf_u16(buf, (uint16_t)value.n);
    la_capture_buf_bytes(buf, value);
    la_capture_buf_align(buf);
}

static void
option_text(struct la_capture_buf *buf, uint16_t code, const char *text)
{
    if (text == NULL || text[0] == 0)
        return;
    size_t n = strnlen(text, OPTION_BYTES_MAX + 1);
    if (n > OPTION_BYTES_MAX) {
        n = OPTION_BYTES_MAX;
        while (n > 0 && ((uint8_t)text[n] & 0xC0) == 0x80) /* not inside a UTF-8 character */
            n--;
    }
    option_bytes(buf, code, (struct la_bytes){(const uint8_t *)text, n});
}

static void
option_u64(struct la_capture_buf *buf, uint16_t code, uint64_t v)
{
    la_capture_buf_u16(buf, code);
    la_capture_buf_u16(buf, 8);
    la_capture_buf_u32(buf, (uint32_t)v);
    la_capture_buf_u32(buf, (uint32_t)(v >> 32));
}

/* Stamps are two words, the upper one first, whatever the byte order. */
static void
stamp(struct la_capture_buf *buf, la_instant at)
{
    uint64_t ns = at.ns < 0 ? 0 : (uint64_t)at.ns;
    la_capture_buf_u32(buf, (uint32_t)(ns >> 32));
    la_capture_buf_u32(buf, (uint32_t)ns);
}

static void
option_stamp(struct la_capture_buf *buf, uint16_t code, la_instant at)
{
    la_capture_buf_u16(buf, code);
    la_capture_buf_u16(buf, 8);
    stamp(buf, at);
}

static void
options_end(struct la_capture_buf *buf)
{
    la_capture_buf_u16(buf, OPT_END);
    la_capture_buf_u16(buf, 0);
}

void
la_pcapng_section(struct la_capture_buf *buf, const char *application)
{
    size_t off = block_begin(buf, BLOCK_SECTION);
    la_capture_buf_u32(buf, BYTE_ORDER_MAGIC);
    la_capture_buf_u16(buf, 1); /* version 1.0 */
    la_capture_buf_u16(buf, 0);
    la_capture_buf_u32(buf, UINT32_MAX); /* length of the section: not known */
    la_capture_buf_u32(buf, UINT32_MAX);
    option_text(buf, SECTION_APPLICATION, application);
    options_end(buf);
    block_end(buf, off);
}

void
la_pcapng_iface(struct la_capture_buf *buf, const struct la_pcapng_iface *iface)
{
    static const uint8_t resolution = RESOLUTION_NS;
    size_t off = block_begin(buf, BLOCK_IFACE);
    la_capture_buf_u16(buf, iface->link_type);
    la_capture_buf_u16(buf, 0);
    la_capture_buf_u32(buf, 0); /* packets are never cut */
    option_text(buf, IFACE_NAME, iface->name);
    option_text(buf, IFACE_DESCRIPTION, iface->description);
    option_bytes(buf, IFACE_RESOLUTION, (struct la_bytes){&resolution, 1});
    options_end(buf);
    block_end(buf, off);
}

void
la_pcapng_comment(struct la_capture_buf *options, const char *text)
{
    option_text(options, OPT_COMMENT, text);
}

void
la_pcapng_packet(struct la_capture_buf *buf, const struct la_pcapng_packet *packet)
{
    size_t off = block_begin(buf, BLOCK_PACKET);
    la_capture_buf_u32(buf, packet->iface);
    stamp(buf, packet->at);
    la_capture_buf_u32(buf, (uint32_t)packet->bytes.n); /* captured */
    la_capture_buf_u32(buf, packet->wire_bytes > packet->bytes.n ? packet->wire_bytes
                                                                   : (uint32_t)packet->bytes.n);
    la_capture_buf_bytes(buf, packet->bytes);
    la_capture_buf_align(buf);
    la_capture_buf_bytes(buf, packet->options);
    if (!packet->no_direction) {
        la_capture_buf_u16(buf, PACKET_FLAGS);
        la_capture_buf_u16(buf, 4);
        la_capture_buf_u32(buf, packet->outbound ? DIRECTION_OUT : DIRECTION_IN);
    }
    if (packet->id != 0)
        option_u64(buf, PACKET_ID, packet->id);
    options_end(buf);
    block_end(buf, off);
}

void
la_pcapng_stats(struct la_capture_buf *buf, const struct la_pcapng_stats *stats)
{
    size_t off = block_begin(buf, BLOCK_STATS);
    la_capture_buf_u32(buf, stats->iface);
    stamp(buf, stats->last_at);
    option_stamp(buf, STATS_FIRST, stats->first_at);
    option_stamp(buf, STATS_LAST, stats->last_at);
    option_u64(buf, STATS_RECEIVED, stats->packets_n);
    options_end(buf);
    block_end(buf, off);
}
