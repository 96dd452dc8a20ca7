/* SPDX-License-Identifier: MIT
 *
 * lastack/wire.h - names for what stands in headers on the wire
 */
#ifndef LASTACK_WIRE_H
#define LASTACK_WIRE_H

#include <lastack/base.h>

LA_API_BEGIN

/* TCP flags as in the header's octets 12 and 13. AE, CWR and ECE together are the ACE field, where
 * accurate ECN is agreed (RFC 9768). */
enum {
    LA_TCP_FIN = 0x01,
    LA_TCP_SYN = 0x02,
    LA_TCP_RST = 0x04,
    LA_TCP_PSH = 0x08,
    LA_TCP_ACK = 0x10,
    LA_TCP_URG = 0x20,
    LA_TCP_ECE = 0x40,
    LA_TCP_CWR = 0x80,
    LA_TCP_AE = 0x100
};

/* The ECN field of IP headers: the two low bits of TOS or traffic class (RFC 3168 5). */
enum la_ip_ecn { LA_IP_NOT_ECT = 0, LA_IP_ECT_1 = 1, LA_IP_ECT_0 = 2, LA_IP_CE = 3 };
enum { LA_IP_ECN_MASK = 3 };

LA_API_END

#endif
