/* SPDX-License-Identifier: MIT
 *
 * wlan.c - the 802.11 MAC header of data frames and the radiotap header
 *
 * Read first: IEEE 802.11 9.2.4 and 9.3.2.1; https://www.radiotap.org.
 *
 * Byte order: little-endian in the octets.
 */
#include "wire/wlan.h"
#include "base/assert.h"

#include <string.h>

enum {
    FRAME_DATA = 0x08, /* version 0, type 2 */
    FRAME_MASK = 0x0f,
    MORE_WORDS = 31, /* radiotap: bits of a word of the presence map */
    PRESENT_TSFT = 0,
    PRESENT_FLAGS = 1,
    TSFT_BYTES = 8,
    FLAG_PADDED = 0x20
};

static bool
has_fourth(const struct la_wlan *wlan)
{
    return (wlan->flags & (LA_WLAN_TO_DS | LA_WLAN_FROM_DS)) == (LA_WLAN_TO_DS | LA_WLAN_FROM_DS);
}

static bool
has_ht(const struct la_wlan *wlan)
{
    return (wlan->subtype & LA_WLAN_QOS) != 0 && (wlan->flags & LA_WLAN_ORDER) != 0;
}

static void
read_addr(struct la_rd *rd, uint8_t addr[6])
{
    struct la_bytes bytes = la_rd_bytes(rd, 6);
    if (bytes.p != NULL)
        memcpy(addr, bytes.p, 6);
}

enum la_wlan_judged
la_wlan_judge(struct la_wlan *wlan, struct la_bytes bytes)
{
    struct la_rd rd = la_rd_init(bytes);
    uint8_t control = la_rd8(&rd);
    *wlan = (struct la_wlan){.subtype = control >> 4, .flags = la_rd8(&rd)};
    if (rd.failed)
        return LA_WLAN_SHORT;
    if ((control & FRAME_MASK) != FRAME_DATA)
        return LA_WLAN_NO_DATA;
    wlan->duration = __builtin_bswap16(la_rd16(&rd));
    for (unsigned i = 0; i < 3; i++)
        read_addr(&rd, wlan->addr[i]);
    wlan->sequence = __builtin_bswap16(la_rd16(&rd));
    if (has_fourth(wlan))
        read_addr(&rd, wlan->addr[3]);
    if (wlan->subtype & LA_WLAN_QOS)
        wlan->qos = __builtin_bswap16(la_rd16(&rd));
    if (has_ht(wlan))
        wlan->ht = __builtin_bswap32(la_rd32(&rd));
    return rd.failed ? LA_WLAN_SHORT : LA_WLAN_DATA;
}

size_t
la_wlan_header_bytes(const struct la_wlan *wlan)
{
    return (size_t)LA_WLAN_BYTES_MIN + (has_fourth(wlan) ? 6 : 0) +
           (wlan->subtype & LA_WLAN_QOS ? 2 : 0) + (has_ht(wlan) ? 4 : 0);
}

size_t
la_wlan_emit(const struct la_wlan *wlan, struct la_room room)
{
    LA_ASSERT(room.n >= la_wlan_header_bytes(wlan));
    LA_ASSERT(wlan->subtype < 16);
    struct la_wr wr = la_wr_init(room);
    la_wr8(&wr, (uint8_t)(wlan->subtype << 4 | FRAME_DATA));
    la_wr8(&wr, wlan->flags);
    la_wr16(&wr, __builtin_bswap16(wlan->duration));
    for (unsigned i = 0; i < 3; i++)
        la_wr_bytes(&wr, (struct la_bytes){wlan->addr[i], 6});
    la_wr16(&wr, __builtin_bswap16(wlan->sequence));
    if (has_fourth(wlan))
        la_wr_bytes(&wr, (struct la_bytes){wlan->addr[3], 6});
    if (wlan->subtype & LA_WLAN_QOS)
        la_wr16(&wr, __builtin_bswap16(wlan->qos));
    if (has_ht(wlan))
        la_wr32(&wr, __builtin_bswap32(wlan->ht));
    return la_wlan_header_bytes(wlan);
}

bool
la_radiotap_judge(struct la_radiotap *radiotap, struct la_bytes bytes)
{
    struct la_rd rd = la_rd_init(bytes);
    uint8_t version = la_rd8(&rd);
    (void)la_rd8(&rd);
    *radiotap = (struct la_radiotap){.header_bytes = __builtin_bswap16(la_rd16(&rd))};
    if (rd.failed || version != 0 || radiotap->header_bytes < LA_RADIOTAP_BYTES_MIN ||
        radiotap->header_bytes > bytes.n)
        return false;
    struct la_rd map = la_rd_init((struct la_bytes){bytes.p + 4, radiotap->header_bytes - 4u});
    uint32_t first = __builtin_bswap32(la_rd32(&map));
    uint32_t word = first;
    while (!map.failed && (word >> MORE_WORDS & 1) != 0)
        word = __builtin_bswap32(la_rd32(&map));
    /* Fields are aligned within the header, from its start. */
    size_t off = radiotap->header_bytes - map.n;
    if (first >> PRESENT_TSFT & 1)
        off = ((off + TSFT_BYTES - 1) & ~(size_t)(TSFT_BYTES - 1)) + TSFT_BYTES;
    if (!map.failed && (first >> PRESENT_FLAGS & 1) != 0 && off < radiotap->header_bytes)
        radiotap->padded = (bytes.p[off] & FLAG_PADDED) != 0;
    return true;
}
