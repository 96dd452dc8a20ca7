/* SPDX-License-Identifier: MIT
 *
 * sll.h - the pseudo-headers of Linux's cooked captures (LINKTYPE_LINUX_SLL, _SLL2)
 *
 * Both stand for a link header that the capture does not have. Octets that a version does not carry
 * are 0 after judging and not emitted.
 */
#ifndef LA_WIRE_SLL_H
#define LA_WIRE_SLL_H

#include "base/bytes.h"

enum { LA_SLL_BYTES = 16, LA_SLL2_BYTES = 20, LA_SLL_ADDR_BYTES = 8 };

/* What `packet_type` says: where the packet came from. */
enum la_sll_packet_type {
    LA_SLL_TO_US = 0,
    LA_SLL_BROADCAST = 1,
    LA_SLL_MULTICAST = 2,
    LA_SLL_TO_OTHERS = 3,
    LA_SLL_FROM_US = 4
};

struct la_sll {
    uint16_t protocol;     /* an EtherType, or a small number that is none */
    uint16_t reserved;     /* version 2 */
    uint32_t iface;        /* version 2 */
    uint16_t arphrd_type;
    uint16_t packet_type;  /* enum la_sll_packet_type; 8 bits in version 2 */
    uint16_t addr_bytes;   /* how many of addr count; 8 bits in version 2 */
    uint8_t addr[LA_SLL_ADDR_BYTES];
};

/* False: fewer octets than the header. The only bounds check. */
bool la_sll_judge(struct la_sll *sll, struct la_bytes bytes);
bool la_sll2_judge(struct la_sll *sll, struct la_bytes bytes);
/* The inverses; room.n at least LA_SLL_BYTES, LA_SLL2_BYTES. Return octets written. */
size_t la_sll_emit(const struct la_sll *sll, struct la_room room);
size_t la_sll2_emit(const struct la_sll *sll, struct la_room room);

#endif
