/* SPDX-License-Identifier: MIT
 *
 * quote.c - the packet that an ICMP error talks about
 *
 * Read first: RFC 792 (header and 64 bits of data); RFC 4443 3; RFC 5927 4 (do not believe more
 * than is there).
 */
#include "net/internal.h"

#include "base/addr.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/udp.h"

enum { QUOTE_L4_BYTES_MIN = 8 };

/* Ports and sequence number: the 8 octets that every router quotes. */
static bool
upper_judge(struct la_net_icmp *icmp, struct la_bytes upper)
{
    if (upper.n < QUOTE_L4_BYTES_MIN)
        return false;
    if (icmp->protocol != LA_IP_TCP && icmp->protocol != LA_IP_UDP)
        return true;
    icmp->local.port = la_get16(upper.p);
    icmp->remote.port = la_get16(upper.p + 2);
    if (icmp->protocol == LA_IP_TCP)
        icmp->seq = la_seq_of(la_get32(upper.p + 4));
    return true;
}

static bool
quote4_judge(struct la_net_icmp *icmp, struct la_bytes quoted)
{
    struct la_ip4_view view;
    if (!la_ip4_view_init(&view, quoted) || la_ip4_view_frag_off_bytes(&view) != 0)
        return false;
    icmp->local.addr = la_ip4_view_src(&view);
    icmp->remote.addr = la_ip4_view_dst(&view);
    icmp->protocol = la_ip4_view_protocol(&view);
    return upper_judge(
        icmp, (struct la_bytes){quoted.p + view.header_bytes, quoted.n - view.header_bytes});
}

static bool
quote6_judge(struct la_net_icmp *icmp, struct la_bytes quoted)
{
    struct la_ip6_view view;
    struct la_ip6_exts exts;
    if (!la_ip6_view_init(&view, quoted))
        return false;
    struct la_bytes payload = {quoted.p + LA_IP6_HEADER_BYTES, quoted.n - LA_IP6_HEADER_BYTES};
    la_ip6_exts_judge(&exts, la_ip6_view_next_header(&view), payload);
    icmp->local.addr = la_ip6_view_src(&view);
    icmp->remote.addr = la_ip6_view_dst(&view);
    icmp->protocol = exts.protocol;
    if (exts.problem != LA_IP6_PROBLEM_NONE || exts.frag_off_bytes != 0)
        return false;
    /* A v4-mapped address would pass for a packet of the other family. */
    if (la_addr_is_v4(&icmp->local.addr) || la_addr_is_v4(&icmp->remote.addr))
        return false;
    return upper_judge(icmp,
                       (struct la_bytes){payload.p + exts.upper_off, payload.n - exts.upper_off});
}

bool
la_icmp_quote_judge(struct la_net_icmp *icmp, struct la_bytes quoted)
{
    if (quoted.n == 0)
        return false;
    return quoted.p[0] >> 4 == 4 ? quote4_judge(icmp, quoted) : quote6_judge(icmp, quoted);
}
