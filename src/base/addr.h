/* SPDX-License-Identifier: MIT
 *
 * addr.h - addresses and prefixes beyond the public part
 */
#ifndef LA_BASE_ADDR_H
#define LA_BASE_ADDR_H

#include <lastack/base.h>

#include <string.h>

/* The four octets of a v4-mapped address. */
static inline const uint8_t *
la_addr_v4_bytes(const struct la_addr *addr)
{
    return addr->b + 12;
}

/* la_addr_is_v4(), inline. */
static inline bool
la_addr_is_mapped(const struct la_addr *addr)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    uint64_t high;
    uint32_t low, wanted;
    memcpy(&high, addr->b, sizeof(high));
    memcpy(&low, addr->b + 8, sizeof(low));
    memcpy(&wanted, prefix + 8, sizeof(wanted));
    return high == 0 && low == wanted;
}

/* la_addr_equal(), inline. */
static inline bool
la_addr_same(const struct la_addr *a, const struct la_addr *b)
{
    uint64_t x[2], y[2];
    memcpy(x, a->b, sizeof(x));
    memcpy(y, b->b, sizeof(y));
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline struct la_addr
la_addr_from_v4(const uint8_t bytes[4])
{
    struct la_addr addr = {{[10] = 0xff, [11] = 0xff}};
    memcpy(addr.b + 12, bytes, 4);
    return addr;
}

static inline struct la_addr
la_addr_from_v6(const uint8_t bytes[16])
{
    struct la_addr addr;
    memcpy(addr.b, bytes, sizeof(addr.b));
    return addr;
}

bool la_addr_is_multicast(const struct la_addr *addr); /* 224/4, ff00::/8 */
bool la_addr_is_broadcast(const struct la_addr *addr); /* 255.255.255.255 */
bool la_addr_is_loopback(const struct la_addr *addr);  /* 127/8, ::1 */
bool la_addr_is_link_local(const struct la_addr *addr);
/* prefix_len counts within the family: 0..32 or 0..128. */
bool la_addr_in_prefix(const struct la_addr *addr, const struct la_addr *prefix,
                       unsigned prefix_len);
bool la_endpoint_equal(const struct la_endpoint *a, const struct la_endpoint *b);

#endif
