/* SPDX-License-Identifier: MIT
 *
 * lastack/wire.h - names for what stands in headers on the wire
 */
#ifndef LASTACK_WIRE_H
#define LASTACK_WIRE_H

#include <lastack/base.h>

LA_API_BEGIN

/* TCP flags as in the header's octet 13. */
enum {
    LA_TCP_FIN = 0x01,
    LA_TCP_SYN = 0x02,
    LA_TCP_RST = 0x04,
    LA_TCP_PSH = 0x08,
    LA_TCP_ACK = 0x10,
    LA_TCP_URG = 0x20,
    LA_TCP_ECE = 0x40,
    LA_TCP_CWR = 0x80
};

LA_API_END

#endif
