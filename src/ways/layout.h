/* SPDX-License-Identifier: MIT
 *
 * layout.h - the order of options in a SYN, as another stack would send it
 *
 * Scripts compare options octet for octet. What they mean does not depend on their order, so it is
 * changed here, behind the stack, and not in it.
 */
#ifndef LA_WAYS_LAYOUT_H
#define LA_WAYS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* An IP datagram of n octets; if it is a SYN of TCP, its options come as the BSDs send them: MSS,
 * NOP and window scale, SACK-permitted, timestamps, and END up to a multiple of four octets. */
void la_ways_layout_bsd(uint8_t *packet, size_t n);

#endif
