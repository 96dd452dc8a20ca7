/* SPDX-License-Identifier: MIT
 *
 * nflog.h - the pseudo-header of packets from Linux's netfilter log (LINKTYPE_NFLOG)
 *
 * Attributes in the byte order of the capturing host, which nothing tells; it is the order in which
 * they fit. Read, never written.
 */
#ifndef LA_WIRE_NFLOG_H
#define LA_WIRE_NFLOG_H

#include "base/bytes.h"

struct la_nflog {
    uint8_t family;         /* an address family of Linux; 0: take the packet's word for it */
    struct la_bytes packet; /* borrowed; from the network layer on */
};

/* False: too few octets, another version, or no packet in it. */
bool la_nflog_judge(struct la_nflog *nflog, struct la_bytes bytes);

#endif
