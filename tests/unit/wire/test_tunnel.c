/* SPDX-License-Identifier: MIT
 *
 * test_tunnel.c - headers around packets: what is written is read again, and cut ones are refused
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "wire/geneve.h"
#include "wire/gre.h"
#include "wire/gtpu.h"
#include "wire/mpls.h"
#include "wire/nflog.h"
#include "wire/ppp.h"
#include "wire/sll.h"
#include "wire/tcp_extras.h"
#include "wire/vxlan.h"
#include "wire/wlan.h"

enum { ROOM_BYTES = 512 };
static uint8_t octets[ROOM_BYTES];
static const struct la_room room = {octets, ROOM_BYTES};

/* `value` is written, read as the same whole, and refused at every shorter length. */
#define ROUND_TRIP(type, judge, emit, value)                                                       \
    do {                                                                                           \
        struct type again;                                                                         \
        uint8_t twice[ROOM_BYTES];                                                                 \
        size_t round_n = emit(&(value), room);                                                     \
        for (size_t cut = 0; cut < round_n; cut++)                                                 \
            assert_false(judge(&again, (struct la_bytes){octets, cut}));                           \
        assert_true(judge(&again, (struct la_bytes){octets, round_n}));                            \
        assert_int_equal(emit(&again, (struct la_room){twice, sizeof twice}), round_n);            \
        assert_memory_equal(octets, twice, round_n);                                               \
    } while (0)

static void
test_tunnel__gre(void **state)
{
    (void)state;
    for (unsigned has = 0; has < 16; has++) {
        struct la_gre gre;
        memset(&gre, 0, sizeof gre);
        gre.has = (uint8_t)has;
        gre.version = has & LA_GRE_HAS_ACK ? 1 : 0;
        gre.protocol = 0x6558;
        gre.checksum = has & LA_GRE_HAS_CHECKSUM ? 0x1234 : 0;
        gre.reserved = has & LA_GRE_HAS_CHECKSUM ? 0x5678 : 0;
        gre.key = has & LA_GRE_HAS_KEY ? 0xdeadbeef : 0;
        gre.sequence = has & LA_GRE_HAS_SEQUENCE ? 77 : 0;
        gre.ack = has & LA_GRE_HAS_ACK ? 88 : 0;
        ROUND_TRIP(la_gre, la_gre_judge, la_gre_emit, gre);
        assert_int_equal(la_gre_header_bytes(&gre), 4 + 4 * __builtin_popcount(has));
    }
    struct la_gre gre;
    /* RFC 2784 2.3: a receiver discards what has routing or other bits of RFC 1701. */
    static const uint8_t bad[][4] = {
        {0x40, 0, 8, 0}, {0, 2, 8, 0}, {0x08, 0, 8, 0}, {0, 0x80, 8, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(la_gre_judge(&gre, (struct la_bytes){bad[i], 4}));
}

static void
test_tunnel__mpls_vxlan(void **state)
{
    (void)state;
    struct la_mpls mpls;
    memset(&mpls, 0, sizeof mpls);
    mpls.label = 0xabcde;
    mpls.traffic_class = 5;
    mpls.bottom = true;
    mpls.ttl_hops = 63;
    ROUND_TRIP(la_mpls, la_mpls_judge, la_mpls_emit, mpls);
    static const uint8_t expected[] = {0xab, 0xcd, 0xeb, 0x3f};
    assert_memory_equal(octets, expected, sizeof expected);

    struct la_vxlan vxlan;
    memset(&vxlan, 0, sizeof vxlan);
    vxlan.flags = LA_VXLAN_FLAG_VNI | 0x40;
    vxlan.reserved_1 = 0x123456;
    vxlan.vni = 0xfedcba;
    vxlan.reserved_2 = 9;
    ROUND_TRIP(la_vxlan, la_vxlan_judge, la_vxlan_emit, vxlan);
    octets[0] = 0; /* without a VNI it is not VXLAN (RFC 7348 5) */
    assert_false(la_vxlan_judge(&vxlan, (struct la_bytes){octets, 8}));
}

static void
test_tunnel__geneve(void **state)
{
    static const uint8_t options[12] = {1, 2, 3, 2, 5, 6, 7, 8, 9, 10, 11, 12};
    struct la_geneve geneve = {.control = true,
                               .reserved_1 = 0x2a,
                               .protocol = LA_GENEVE_ETHERNET,
                               .vni = 0x112233,
                               .reserved_2 = 0x44,
                               .options = {options, sizeof options}};
    struct la_geneve again;
    (void)state;
    size_t n = la_geneve_emit(&geneve, room);
    assert_int_equal(n, 20);
    for (size_t i = 0; i < n; i++)
        assert_false(la_geneve_judge(&again, (struct la_bytes){octets, i}));
    assert_true(la_geneve_judge(&again, (struct la_bytes){octets, n}));
    assert_int_equal(again.options.n, sizeof options);
    assert_memory_equal(again.options.p, options, sizeof options);
    assert_true(again.control && !again.critical && again.reserved_1 == 0x2a);
    assert_true(again.protocol == LA_GENEVE_ETHERNET && again.vni == 0x112233);
    assert_int_equal(again.reserved_2, 0x44);
    octets[0] |= 0x40; /* version 1 */
    assert_false(la_geneve_judge(&again, (struct la_bytes){octets, n}));
}

static void
test_tunnel__gtpu(void **state)
{
    static const uint8_t two[12] = {1, 0xaa, 0xbb, 0x85, 2, 1, 2, 3, 4, 5, 6, 0};
    (void)state;
    for (unsigned has = 0; has < 8; has++) {
        struct la_gtpu gtpu = {.has = (uint8_t)has,
                               .message = LA_GTPU_PACKET,
                               .len_bytes = 100,
                               .teid = 0xcafebabe,
                               .sequence = has != 0 ? 5 : 0,
                               .npdu = has != 0 ? 6 : 0,
                               .next = has & LA_GTPU_HAS_EXTENSIONS ? 0xc0 : 0};
        if (has & LA_GTPU_HAS_EXTENSIONS)
            gtpu.extensions = (struct la_bytes){two, sizeof two};
        struct la_gtpu again;
        size_t n = la_gtpu_emit(&gtpu, room);
        assert_int_equal(n, la_gtpu_header_bytes(&gtpu));
        for (size_t i = 0; i < n; i++)
            assert_false(la_gtpu_judge(&again, (struct la_bytes){octets, i}));
        assert_true(la_gtpu_judge(&again, (struct la_bytes){octets, n}));
        assert_int_equal(la_gtpu_header_bytes(&again), n);
        assert_true(again.teid == gtpu.teid && again.sequence == gtpu.sequence);
        assert_true(again.npdu == gtpu.npdu && again.next == gtpu.next && again.has == has);
    }
    octets[12] = 0; /* an extension of no octets would be read for ever */
    struct la_gtpu again;
    assert_false(la_gtpu_judge(&again, (struct la_bytes){octets, ROOM_BYTES}));
}

static void
test_tunnel__ppp(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct la_ppp ppp;
        memset(&ppp, 0, sizeof ppp);
        ppp.framed = i & 1;
        ppp.compressed = i & 2;
        ppp.protocol = LA_PPP_IPV4;
        struct la_ppp again;
        size_t n = la_ppp_emit(&ppp, room);
        assert_true(la_ppp_judge(&again, (struct la_bytes){octets, n}));
        assert_memory_equal(&again, &ppp, sizeof again);
        assert_false(la_ppp_judge(&again, (struct la_bytes){octets, n - 1}));
    }
    struct la_pppoe pppoe;
    memset(&pppoe, 0, sizeof pppoe);
    pppoe.code = LA_PPPOE_SESSION;
    pppoe.session = 0x1234;
    pppoe.len_bytes = 1492;
    ROUND_TRIP(la_pppoe, la_pppoe_judge, la_pppoe_emit, pppoe);
    octets[0] = 0x12;
    assert_false(la_pppoe_judge(&pppoe, (struct la_bytes){octets, 6}));
}

static void
test_tunnel__sll(void **state)
{
    (void)state;
    struct la_sll sll;
    memset(&sll, 0, sizeof sll);
    sll.protocol = 0x86dd;
    sll.arphrd_type = 772;
    sll.packet_type = LA_SLL_FROM_US;
    sll.addr_bytes = 6;
    memcpy(sll.addr, "\1\2\3\4\5\6\7\10", 8);
    ROUND_TRIP(la_sll, la_sll_judge, la_sll_emit, sll);
    sll.reserved = 3;
    sll.iface = 70000;
    ROUND_TRIP(la_sll, la_sll2_judge, la_sll2_emit, sll);
}

static void
test_tunnel__wlan(void **state)
{
    static const uint8_t flags[] = {0, LA_WLAN_TO_DS, LA_WLAN_FROM_DS | LA_WLAN_ORDER,
                                    LA_WLAN_TO_DS | LA_WLAN_FROM_DS | LA_WLAN_ORDER};
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct la_wlan wlan, again;
        memset(&wlan, 0, sizeof wlan);
        memset(&again, 0, sizeof again);
        wlan.subtype = i & 4 ? LA_WLAN_QOS : 0;
        wlan.flags = flags[i & 3];
        wlan.duration = 0x1234;
        memset(wlan.addr, 0x5a, (i & 3) == 3 ? 24 : 18);
        wlan.sequence = 0x4320;
        wlan.qos = i & 4 ? LA_WLAN_QOS_AMSDU : 0;
        wlan.ht = i >= 6 ? 0x01020304 : 0;
        size_t n = la_wlan_emit(&wlan, room);
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(la_wlan_judge(&again, (struct la_bytes){octets, cut}), LA_WLAN_SHORT);
        assert_int_equal(la_wlan_judge(&again, (struct la_bytes){octets, n}), LA_WLAN_DATA);
        uint8_t first[LA_WLAN_BYTES_MAX];
        memcpy(first, octets, n);
        assert_int_equal(la_wlan_emit(&again, room), n);
        assert_memory_equal(octets, first, n);
        assert_int_equal(again.ht, wlan.ht);
    }
    octets[0] = 0x80; /* a beacon */
    struct la_wlan wlan;
    assert_int_equal(la_wlan_judge(&wlan, (struct la_bytes){octets, 40}), LA_WLAN_NO_DATA);
}

static void
test_tunnel__radiotap(void **state)
{
    /* Time, flags (padded), rate; the map has a second word. */
    static const uint8_t header[] = {0, 0, 28, 0, 0x07, 0, 0, 0x80, 0, 0, 0,    0, 0, 0,
                                     0, 0, 9,  9, 9,    9, 9, 9,    9, 9, 0x20, 2, 0, 0};
    struct la_radiotap radiotap;
    (void)state;
    assert_true(la_radiotap_judge(&radiotap, (struct la_bytes){header, sizeof header}));
    assert_int_equal(radiotap.header_bytes, 28);
    assert_true(radiotap.padded);
    for (size_t n = 0; n < sizeof header; n++)
        assert_false(la_radiotap_judge(&radiotap, (struct la_bytes){header, n}));
    static const uint8_t endless[] = {0, 0, 12, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_true(la_radiotap_judge(&radiotap, (struct la_bytes){endless, sizeof endless}));
    assert_false(radiotap.padded);
}

static void
test_tunnel__nflog(void **state)
{
    static const uint8_t little[] = {2,  0, 0,   5, 8, 0, 1, 0, 8, 0, 1,   0,   5,   0,
                                     10, 0, 'x', 0, 0, 0, 7, 0, 9, 0, 'a', 'b', 'c', 0};
    static const uint8_t big[] = {2, 0, 0, 5, 0, 8, 0, 1, 8, 0, 1, 0, 0, 7, 0, 9, 'a', 'b', 'c', 0};
    struct la_nflog nflog;
    (void)state;
    assert_true(la_nflog_judge(&nflog, (struct la_bytes){little, sizeof little}));
    assert_int_equal(nflog.packet.n, 3);
    assert_memory_equal(nflog.packet.p, "abc", 3);
    assert_true(la_nflog_judge(&nflog, (struct la_bytes){big, sizeof big}));
    assert_int_equal(nflog.family, 2);
    assert_memory_equal(nflog.packet.p, "abc", 3);
    for (size_t n = 0; n < 20; n++)
        assert_false(la_nflog_judge(&nflog, (struct la_bytes){little, n}));
}

/* Options beside each other; a cookie of either kind; what nobody knows is listed. */
static void
test_tunnel__tcp_extras(void **state)
{
    static const uint8_t segment[60] = {[12] = 0xf0,
                                        [13] = LA_TCP_SYN,
                                        [20] = LA_TCP_OPT_MPTCP,
                                        4,
                                        0x01,
                                        0x81,
                                        LA_TCP_OPT_MPTCP,
                                        3,
                                        0x20,
                                        LA_TCP_OPT_FAST_OPEN,
                                        6,
                                        'c',
                                        'o',
                                        'o',
                                        'k',
                                        LA_TCP_OPT_MD5,
                                        3,
                                        0,
                                        LA_TCP_OPT_AO,
                                        4,
                                        1,
                                        1,
                                        172,
                                        2,
                                        69,
                                        3,
                                        1,
                                        LA_TCP_OPT_NOP};
    static const uint8_t experiment[24] = {
        [12] = 0x60, [20] = LA_TCP_OPT_EXPERIMENT_2, 4, 0xf9, 0x89};
    struct la_tcp_view view;
    struct la_tcp_extras extras;
    (void)state;
    assert_true(la_tcp_view_init(&view, (struct la_bytes){segment, sizeof segment}));
    la_tcp_extras_judge(&extras, &view);
    assert_int_equal(extras.has, LA_TCP_EXTRA_MPTCP | LA_TCP_EXTRA_FAST_OPEN | LA_TCP_EXTRA_MD5 |
                                     LA_TCP_EXTRA_AO | LA_TCP_EXTRA_OTHER);
    assert_int_equal(extras.mptcp, 1 << LA_MPTCP_CAPABLE | 1 << LA_MPTCP_DSS);
    assert_int_equal(extras.mptcp_version, 1);
    assert_int_equal(extras.fast_open.n, 4);
    assert_memory_equal(extras.fast_open.p, "cook", 4);
    assert_int_equal(extras.other_n, 2);
    assert_int_equal(extras.other_kinds[0], 172);
    assert_int_equal(extras.other_kinds[1], 69);
    assert_true(la_tcp_view_init(&view, (struct la_bytes){experiment, sizeof experiment}));
    la_tcp_extras_judge(&extras, &view);
    assert_int_equal(extras.has, LA_TCP_EXTRA_FAST_OPEN | LA_TCP_EXTRA_FAST_OPEN_EXPERIMENT);
    assert_int_equal(extras.fast_open.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tunnel__gre),    cmocka_unit_test(test_tunnel__mpls_vxlan),
        cmocka_unit_test(test_tunnel__geneve), cmocka_unit_test(test_tunnel__gtpu),
        cmocka_unit_test(test_tunnel__ppp),    cmocka_unit_test(test_tunnel__sll),
        cmocka_unit_test(test_tunnel__wlan),   cmocka_unit_test(test_tunnel__radiotap),
        cmocka_unit_test(test_tunnel__nflog),  cmocka_unit_test(test_tunnel__tcp_extras),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
