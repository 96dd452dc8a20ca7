/* SPDX-License-Identifier: MIT
 *
 * fuzz_wire.c - any octets through any codec: no crash, and meaning survives emit
 *
 * The first octet chooses the codec, the rest is the packet. For every view that comes about:
 * judge(view(emit(judge(view)))) == judge(view), but for what emit leaves out on purpose.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/geneve.h"
#include "wire/gre.h"
#include "wire/gtpu.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/mpls.h"
#include "wire/nflog.h"
#include "wire/ppp.h"
#include "wire/sll.h"
#include "wire/tcp.h"
#include "wire/tcp_extras.h"
#include "wire/udp.h"
#include "wire/vxlan.h"
#include "wire/wlan.h"

#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x))                                                                                  \
            abort();                                                                               \
    } while (0)

static bool
inside(struct la_bytes part, struct la_bytes whole)
{
    return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

/* Structs without padding are compared as octets. */
_Static_assert(sizeof(struct la_tcp_seg) == 112, "padding in struct la_tcp_seg");
_Static_assert(sizeof(struct la_icmp6) == 60, "padding in struct la_icmp6");

static void
fuzz_tcp(struct la_bytes in)
{
    struct la_tcp_view view;
    struct la_tcp_seg seg = {0}, again = {0};
    if (!la_tcp_view_init(&view, in))
        return;
    struct la_tcp_option_iter it = la_tcp_option_iter(&view);
    struct la_tcp_option opt;
    while (la_tcp_option_next(&it, &opt))
        REQUIRE(inside(opt.data, in));
    la_tcp_seg_judge(&seg, &view, (uint32_t)(in.n - view.header_bytes));
    uint8_t octets[LA_TCP_HEADER_BYTES_MAX];
    size_t n = la_tcp_seg_emit(&seg, (struct la_room){octets, sizeof octets});
    REQUIRE(n == la_tcp_seg_header_bytes(&seg));
    REQUIRE(la_tcp_view_init(&view, (struct la_bytes){octets, n}));
    la_tcp_seg_judge(&again, &view, seg.text_bytes);
    REQUIRE(again.sack_n <= seg.sack_n);
    for (unsigned i = again.sack_n; i < LA_TCP_SACK_MAX; i++)
        seg.sack[i] = again.sack[i];
    seg.sack_n = again.sack_n;
    if ((again.has & LA_TCP_HAS_FAST_OPEN) == 0) { /* there was no room for it */
        seg.has &= (uint16_t)~LA_TCP_HAS_FAST_OPEN;
        seg.cookie = again.cookie;
    }
    seg.has &= (uint16_t) ~(LA_TCP_HAS_UNKNOWN | LA_TCP_HAS_MALFORMED);
    REQUIRE(memcmp(&seg, &again, sizeof seg) == 0);
}

static void
fuzz_ethernet(struct la_bytes in)
{
    struct la_eth_view view;
    struct la_eth eth;
    if (!la_eth_view_init(&view, in))
        return;
    la_eth_judge(&eth, &view);
    uint8_t octets[LA_ETH_HEADER_BYTES_MAX + LA_ETH_TAG_BYTES] = {0};
    size_t n = la_eth_emit(&eth, (struct la_room){octets, sizeof octets});
    REQUIRE(n == view.header_bytes && memcmp(octets, in.p, n) == 0);
}

static void
fuzz_arp(struct la_bytes in)
{
    struct la_arp_view view;
    struct la_arp arp;
    if (!la_arp_view_init(&view, in))
        return;
    REQUIRE(inside(la_arp_view_target_protocol(&view), in));
    if (!la_arp_judge(&arp, &view))
        return;
    uint8_t octets[LA_ARP_BYTES];
    la_arp_emit(&arp, (struct la_room){octets, sizeof octets});
    REQUIRE(memcmp(octets, in.p, sizeof octets) == 0);
}

static void
fuzz_ip4(struct la_bytes in)
{
    struct la_ip4_view view;
    struct la_ip4 ip;
    if (!la_ip4_view_init(&view, in))
        return;
    bool checksum_ok = la_ip4_view_checksum_ok(&view);
    struct la_ip4_option_iter it = la_ip4_option_iter(&view);
    struct la_ip4_option opt;
    while (la_ip4_option_next(&it, &opt))
        REQUIRE(inside(opt.data, in));
    la_ip4_judge(&ip, &view);
    uint8_t octets[LA_IP4_HEADER_BYTES_MAX];
    size_t n = la_ip4_emit(&ip, (struct la_room){octets, sizeof octets});
    REQUIRE(n == view.header_bytes);
    REQUIRE(memcmp(octets, in.p, 10) == 0 && memcmp(octets + 12, in.p + 12, n - 12) == 0);
    if (checksum_ok && la_ip4_view_checksum(&view) != 0xffff)
        REQUIRE(memcmp(octets, in.p, n) == 0);
}

static void
fuzz_ip6(struct la_bytes in)
{
    struct la_ip6_view view;
    struct la_ip6 ip;
    if (!la_ip6_view_init(&view, in))
        return;
    la_ip6_judge(&ip, &view);
    uint8_t octets[LA_IP6_HEADER_BYTES];
    la_ip6_emit(&ip, (struct la_room){octets, sizeof octets});
    REQUIRE(memcmp(octets, in.p, sizeof octets) == 0);
    struct la_bytes payload = {in.p + LA_IP6_HEADER_BYTES, in.n - LA_IP6_HEADER_BYTES};
    struct la_ip6_exts exts;
    la_ip6_exts_judge(&exts, ip.next_header, payload);
    REQUIRE(exts.upper_off <= payload.n);
    REQUIRE(exts.problem == LA_IP6_PROBLEM_NONE || exts.problem_off <= in.n);
}

static void
fuzz_icmp4(struct la_bytes in)
{
    struct la_icmp4_view view;
    struct la_icmp4 icmp, again;
    if (!la_icmp4_view_init(&view, in))
        return;
    la_icmp4_judge(&icmp, &view);
    uint8_t octets[LA_ICMP4_HEADER_BYTES];
    la_icmp4_emit(&icmp, (struct la_room){octets, sizeof octets});
    REQUIRE(la_icmp4_view_init(&view, (struct la_bytes){octets, sizeof octets}));
    la_icmp4_judge(&again, &view);
    REQUIRE(icmp.type == again.type && icmp.code == again.code && icmp.pointer == again.pointer);
    REQUIRE(icmp.id == again.id && icmp.seq == again.seq);
    REQUIRE(icmp.mtu_bytes == again.mtu_bytes && icmp.rest == again.rest);
}

static void
fuzz_icmp6(struct la_bytes in)
{
    struct la_icmp6_view view;
    struct la_icmp6 icmp, again;
    if (!la_icmp6_view_init(&view, in))
        return;
    struct la_icmp6_option_iter it = la_icmp6_option_iter(&view);
    struct la_icmp6_option opt;
    while (la_icmp6_option_next(&it, &opt))
        REQUIRE(inside(opt.data, in));
    la_icmp6_judge(&icmp, &view);
    uint8_t octets[LA_ICMP6_HEADER_BYTES_MAX];
    size_t n = la_icmp6_emit(&icmp, (struct la_room){octets, sizeof octets});
    REQUIRE(la_icmp6_view_init(&view, (struct la_bytes){octets, n}));
    la_icmp6_judge(&again, &view);
    icmp.has &= LA_ICMP6_HAS_SOURCE_LINK | LA_ICMP6_HAS_TARGET_LINK;
    REQUIRE(memcmp(&icmp, &again, sizeof icmp) == 0);
}

static void
fuzz_udp(struct la_bytes in)
{
    struct la_udp_view view;
    struct la_udp udp;
    if (!la_udp_view_init(&view, in))
        return;
    la_udp_judge(&udp, &view);
    uint8_t octets[LA_UDP_HEADER_BYTES];
    la_udp_emit(&udp, (struct la_room){octets, sizeof octets});
    REQUIRE(memcmp(octets, in.p, sizeof octets) == 0);
}

static void
fuzz_tcp_extras(struct la_bytes in)
{
    struct la_tcp_view view;
    struct la_tcp_extras extras;
    if (!la_tcp_view_init(&view, in))
        return;
    la_tcp_extras_judge(&extras, &view);
    REQUIRE(extras.other_n <= LA_TCP_OTHER_KINDS_MAX);
    if (extras.has & LA_TCP_EXTRA_FAST_OPEN)
        REQUIRE(inside(extras.fast_open, in));
}

/* Headers that say all that stands in them: what is read is written the same. */
#define FUZZ_LOSSLESS(name, judge, emit)                                                           \
    static void fuzz_##name(struct la_bytes in)                                                    \
    {                                                                                              \
        struct la_##name header;                                                                   \
        uint8_t octets[LOSSLESS_BYTES_MAX];                                                        \
        if (in.n > sizeof octets)                                                                  \
            in.n = sizeof octets;                                                                  \
        if (!judge(&header, in))                                                                   \
            return;                                                                                \
        size_t n = emit(&header, (struct la_room){octets, sizeof octets});                         \
        REQUIRE(n <= in.n && memcmp(octets, in.p, n) == 0);                                        \
    }

enum { LOSSLESS_BYTES_MAX = 512 };
FUZZ_LOSSLESS(gre, la_gre_judge, la_gre_emit)
FUZZ_LOSSLESS(mpls, la_mpls_judge, la_mpls_emit)
FUZZ_LOSSLESS(vxlan, la_vxlan_judge, la_vxlan_emit)
FUZZ_LOSSLESS(geneve, la_geneve_judge, la_geneve_emit)
FUZZ_LOSSLESS(gtpu, la_gtpu_judge, la_gtpu_emit)
FUZZ_LOSSLESS(ppp, la_ppp_judge, la_ppp_emit)
FUZZ_LOSSLESS(pppoe, la_pppoe_judge, la_pppoe_emit)
FUZZ_LOSSLESS(sll, la_sll_judge, la_sll_emit)

static void
fuzz_sll2(struct la_bytes in)
{
    struct la_sll sll;
    uint8_t octets[LA_SLL2_BYTES];
    if (!la_sll2_judge(&sll, in))
        return;
    REQUIRE(la_sll2_emit(&sll, (struct la_room){octets, sizeof octets}) == sizeof octets);
    REQUIRE(memcmp(octets, in.p, sizeof octets) == 0);
}

static void
fuzz_wlan(struct la_bytes in)
{
    struct la_wlan wlan;
    struct la_radiotap radiotap;
    uint8_t octets[LA_WLAN_BYTES_MAX];
    if (la_radiotap_judge(&radiotap, in))
        REQUIRE(radiotap.header_bytes <= in.n);
    if (la_wlan_judge(&wlan, in) != LA_WLAN_DATA)
        return;
    size_t n = la_wlan_emit(&wlan, (struct la_room){octets, sizeof octets});
    REQUIRE(n <= in.n && memcmp(octets, in.p, n) == 0);
}

static void
fuzz_nflog(struct la_bytes in)
{
    struct la_nflog nflog;
    if (la_nflog_judge(&nflog, in))
        REQUIRE(inside(nflog.packet, in));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static void (*const codecs[])(struct la_bytes) = {
        fuzz_tcp, fuzz_ethernet,   fuzz_arp, fuzz_ip4,  fuzz_ip6,   fuzz_icmp4,  fuzz_icmp6,
        fuzz_udp, fuzz_tcp_extras, fuzz_gre, fuzz_mpls, fuzz_vxlan, fuzz_geneve, fuzz_gtpu,
        fuzz_ppp, fuzz_pppoe,      fuzz_sll, fuzz_sll2, fuzz_wlan,  fuzz_nflog,
    };
    if (n > 0)
        codecs[data[0] % (sizeof codecs / sizeof codecs[0])]((struct la_bytes){data + 1, n - 1});
    return 0;
}
