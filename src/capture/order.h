/* SPDX-License-Identifier: MIT
 *
 * order.h - numbers in the byte order of whoever wrote a capture
 */
#ifndef LA_CAPTURE_ORDER_H
#define LA_CAPTURE_ORDER_H

#include "base/bytes.h"

static inline uint16_t
la_order_get16(const uint8_t *p, bool big_endian)
{
    uint16_t v = la_get16(p);
    return big_endian ? v : __builtin_bswap16(v);
}

static inline uint32_t
la_order_get32(const uint8_t *p, bool big_endian)
{
    uint32_t v = la_get32(p);
    return big_endian ? v : __builtin_bswap32(v);
}

static inline uint64_t
la_order_get64(const uint8_t *p, bool big_endian)
{
    uint64_t first = la_order_get32(p, big_endian), second = la_order_get32(p + 4, big_endian);
    return big_endian ? first << 32 | second : second << 32 | first;
}

#endif
