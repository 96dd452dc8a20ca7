/* SPDX-License-Identifier: MIT
 *
 * test_decode.c - from octets to a segment, through every link layer and tunnel
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "wire/geneve.h"
#include "wire/gre.h"
#include "wire/gtpu.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip.h"
#include "base/link_type.h"
#include "wire/mpls.h"
#include "wire/ppp.h"
#include "wire/sll.h"
#include "wire/vxlan.h"
#include "wire/wlan.h"

static void
assert_usual(const struct la_seen *seen, size_t text_n)
{
    assert_int_equal(seen->kind, LA_SEEN_TCP);
    assert_int_equal(seen->checksum, LA_SEEN_CHECKSUM_GOOD);
    assert_int_equal(seen->ip_version, 4);
    assert_true(la_addr_equal(&seen->src.addr, &frame_a));
    assert_true(la_addr_equal(&seen->dst.addr, &frame_b));
    assert_true(seen->src.port == 1000 && seen->dst.port == 80);
    assert_true(seen->ttl_hops == 61 && seen->dscp_ecn == 2);
    assert_true(seen->dont_fragment && seen->has_ip_id && seen->ip_id == 77);
    assert_true(seen->tcp.seq.v == 5 && seen->tcp.ack.v == 7 && seen->tcp.wnd == 900);
    assert_int_equal(seen->tcp.has, LA_TCP_HAS_TIMESTAMPS);
    assert_int_equal(seen->tcp.text_bytes, text_n);
    assert_int_equal(seen->text.n, text_n);
    assert_int_equal(seen->oddities, 0);
}

/* A link's header in front of the usual packet. */
static void
assert_link(uint16_t link_type, const void *octets, size_t n)
{
    struct frame frame;
    frame_usual(&frame, 30);
    frame_push(&frame, octets, n);
    struct la_seen seen = frame_seen(&frame, link_type);
    assert_usual(&seen, 30);
    /* Cut at each octet: it gets a kind, and none that is not so. */
    for (size_t cut = 0; cut < frame.n; cut++) {
        seen = frame_seen_cut(&frame, link_type, cut);
        size_t flags_end = n + 20 + 14;
        assert_int_equal(seen.kind, cut >= flags_end ? LA_SEEN_TCP : LA_SEEN_SNAPPED);
        if (seen.kind == LA_SEEN_TCP) {
            assert_int_equal(seen.tcp.text_bytes, cut >= n + 20 + 13 ? 30 : 0);
            assert_true(seen.oddities & LA_SEEN_SNAPPED_TEXT);
            assert_int_equal((seen.oddities & LA_SEEN_HEADER_CUT) != 0, cut < n + 20 + 32);
        }
    }
}

static void
test_decode__links(void **state)
{
    static const uint8_t ether_llc[] = {1, 1, 1,  1,    1,    1, 2, 2, 2, 2, 2,
                                        2, 0, 90, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0};
    static const uint8_t cooked[16] = {[14] = 8, [15] = 0};
    static const uint8_t cooked_2[20] = {8, 0};
    static const uint8_t qos[] = {0x88, 1, 0, 0, 1, 2, 3, 4, 5, 6,    1,    2, 3, 4, 5, 6, 1,
                                  2,    3, 4, 5, 6, 0, 0, 0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0};
    static const uint8_t radiotap[] = {0, 0, 8, 0, 0,    0,    0, 0, 0x08, 2, 0, 0, 1, 2,
                                       3, 4, 5, 6, 1,    2,    3, 4, 5,    6, 1, 2, 3, 4,
                                       5, 6, 0, 0, 0xaa, 0xaa, 3, 0, 0,    0, 8, 0};
    (void)state;
    assert_link(LA_LINKTYPE_RAW, "", 0);
    assert_link(LA_LINKTYPE_DLT_RAW, "", 0);
    assert_link(LA_LINKTYPE_DLT_RAW_BSD, "", 0);
    assert_link(LA_LINKTYPE_IPV4, "", 0);
    assert_link(LA_LINKTYPE_NULL, "\2\0\0\0", 4);
    assert_link(LA_LINKTYPE_NULL, "\0\0\0\2", 4);
    assert_link(LA_LINKTYPE_LOOP, "\0\0\0\2", 4);
    assert_link(LA_LINKTYPE_ETHERNET, "\1\1\1\1\1\1\2\2\2\2\2\2\x8\0", 14);
    assert_link(LA_LINKTYPE_ETHERNET, ether_llc, sizeof ether_llc);
    assert_link(LA_LINKTYPE_LINUX_SLL, cooked, sizeof cooked);
    assert_link(LA_LINKTYPE_LINUX_SLL2, cooked_2, sizeof cooked_2);
    assert_link(LA_LINKTYPE_PPP, "\0\x21", 2);
    assert_link(LA_LINKTYPE_PPP, "\xff\3\0\x21", 4);
    assert_link(LA_LINKTYPE_PPP_HDLC, "\xff\3\0\x21", 4);
    assert_link(LA_LINKTYPE_PPP_HDLC, "\xf\0\x8\0", 4);
    assert_link(LA_LINKTYPE_C_HDLC, "\x8f\0\x8\0", 4);
    assert_link(LA_LINKTYPE_PPP_DIR, "\1\xff\3\0\x21", 5);
    assert_link(LA_LINKTYPE_PPP_ETHER, "\x11\0\0\7\0\x54\0\x21", 8);
    assert_link(LA_LINKTYPE_MPLS, "\0\1\1\x40", 4);
    assert_link(LA_LINKTYPE_IEEE802_11, qos, sizeof qos);
    assert_link(LA_LINKTYPE_RADIOTAP, radiotap, sizeof radiotap);
    struct frame frame;
    frame_usual(&frame, 30);
    frame_push(&frame, "\2\0\0\0\x56\0\x9\0", 8);
    struct la_seen seen = frame_seen(&frame, LA_LINKTYPE_NFLOG);
    assert_usual(&seen, 30);
}

static void
test_decode__ethernet_tags(void **state)
{
    static const uint16_t types[] = {0x8100, 0x88a8, 0x9100};
    (void)state;
    for (unsigned n = 1; n <= LA_SEEN_LAYERS_MAX + 1; n++) {
        struct frame frame;
        frame_usual(&frame, 10);
        for (unsigned i = 0; i < n; i++) {
            uint8_t tag[4] = {0x60, (uint8_t)(n - i), 8, 0};
            if (i > 0)
                la_put16(tag + 2, types[i % 3]);
            frame_push(&frame, tag, 4);
        }
        frame_ethernet(&frame, types[n % 3]);
        struct la_seen seen = frame_seen(&frame, LA_LINKTYPE_ETHERNET);
        if (n > LA_SEEN_LAYERS_MAX) {
            assert_int_equal(seen.kind, LA_SEEN_TOO_DEEP);
            continue;
        }
        assert_usual(&seen, 10);
        assert_int_equal(seen.layers_n, n);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(seen.layers[i].id, i + 1);
        assert_int_equal(seen.path_key, 0); /* tags carry, they do not tell networks apart */
    }
}

/* ---- tunnels ----------------------------------------------------------------------------------
 */

static const struct la_addr outer_c = {{[10] = 0xff, [11] = 0xff, [12] = 192, [15] = 3}};
static const struct la_addr outer_d = {{[10] = 0xff, [11] = 0xff, [12] = 192, [15] = 4}};

/* Puts a tunnel around the usual packet; the other way round when asked. Returns its path. */
typedef void wrap_fn(struct frame *frame, bool back);

static void
outer_ip4(struct frame *frame, bool back, uint8_t protocol)
{
    frame_ip4(frame, back ? &outer_d : &outer_c, back ? &outer_c : &outer_d, protocol);
}

static void
wrap_ipip(struct frame *frame, bool back)
{
    outer_ip4(frame, back, LA_IP_IPV4);
}

static void
wrap_ip_in_ip6(struct frame *frame, bool back)
{
    frame_ip6(frame, back ? &frame_b6 : &frame_a6, back ? &frame_a6 : &frame_b6, LA_IP_IPV4);
}

static void
wrap_gre(struct frame *frame, bool back)
{
    struct la_gre gre = {.has = LA_GRE_HAS_KEY | LA_GRE_HAS_SEQUENCE | LA_GRE_HAS_CHECKSUM,
                         .protocol = 0x0800,
                         .key = 42,
                         .sequence = back ? 7 : 8};
    uint8_t octets[LA_GRE_BYTES_MAX];
    frame_push(frame, octets, la_gre_emit(&gre, (struct la_room){octets, sizeof octets}));
    outer_ip4(frame, back, LA_IP_GRE);
}

static void
wrap_gretap(struct frame *frame, bool back)
{
    frame_ethernet(frame, 0x0800);
    frame_push(frame, "\0\0\x65\x58", 4);
    outer_ip4(frame, back, LA_IP_GRE);
}

static void
wrap_erspan(struct frame *frame, bool back)
{
    frame_ethernet(frame, 0x0800);
    frame_push(frame, "\x10\1\0\x64\0\0\0\0", 8);
    frame_push(frame, "\x10\0\x88\xbe\0\0\0\1", 8);
    (void)back; /* a mirror sends one way only */
    outer_ip4(frame, false, LA_IP_GRE);
}

static void
wrap_vxlan(struct frame *frame, bool back)
{
    struct la_vxlan vxlan = {.flags = LA_VXLAN_FLAG_VNI, .vni = 42};
    uint8_t octets[LA_VXLAN_BYTES];
    frame_ethernet(frame, 0x0800);
    frame_push(frame, octets, la_vxlan_emit(&vxlan, (struct la_room){octets, sizeof octets}));
    frame_udp(frame, LA_VXLAN_PORT);
    outer_ip4(frame, back, LA_IP_UDP);
}

static void
wrap_geneve(struct frame *frame, bool back)
{
    struct la_geneve geneve = {
        .protocol = LA_GENEVE_ETHERNET, .vni = 42, .options = {(const uint8_t *)"\1\2\3\1abcd", 8}};
    uint8_t octets[64];
    frame_ethernet(frame, 0x0800);
    frame_push(frame, octets, la_geneve_emit(&geneve, (struct la_room){octets, sizeof octets}));
    frame_udp(frame, LA_GENEVE_PORT);
    outer_ip4(frame, back, LA_IP_UDP);
}

static void
wrap_gtpu(struct frame *frame, bool back)
{
    struct la_gtpu gtpu = {.has = LA_GTPU_HAS_EXTENSIONS,
                           .message = LA_GTPU_PACKET,
                           .teid = back ? 1 : 2,
                           .next = 0x85,
                           .extensions = {(const uint8_t *)"\1\x10\1\0", 4}};
    uint8_t octets[64];
    frame_push(frame, octets, la_gtpu_emit(&gtpu, (struct la_room){octets, sizeof octets}));
    frame_udp(frame, LA_GTPU_PORT);
    outer_ip4(frame, back, LA_IP_UDP);
}

static void
wrap_mpls(struct frame *frame, bool back)
{
    struct la_mpls mpls = {.label = back ? 100 : 200, .bottom = true, .ttl_hops = 9};
    uint8_t octets[LA_MPLS_BYTES];
    frame_push(frame, octets, la_mpls_emit(&mpls, (struct la_room){octets, sizeof octets}));
    mpls.bottom = false;
    frame_push(frame, octets, la_mpls_emit(&mpls, (struct la_room){octets, sizeof octets}));
    frame_ethernet(frame, 0x8847);
}

static void
wrap_pseudowire(struct frame *frame, bool back)
{
    (void)back;
    frame_ethernet(frame, 0x0800);
    frame_push(frame, "\0\0\0\1", 4);
    frame_push(frame, "\0\1\1\x40", 4);
    frame_ethernet(frame, 0x8848);
}

static void
wrap_authentication(struct frame *frame, bool back)
{
    (void)back;
    frame_push(frame, "\4\4\0\0\0\0\0\1\0\0\0\1abcdefghijkl", 24);
    frame_ip4(frame, &outer_c, &outer_d, LA_IP_AUTHENTICATION);
}

static const struct {
    wrap_fn *wrap;
    uint16_t link_type;
    const char *path; /* of the way there */
    bool is_network;
} tunnels[] = {
    {wrap_ipip, LA_LINKTYPE_RAW, "ip 192.0.0.3 > 192.0.0.4", true},
    {wrap_ip_in_ip6, LA_LINKTYPE_RAW, "ip 2001:db8::1 > 2001:db8::2", true},
    {wrap_gre, LA_LINKTYPE_RAW, "gre 42 192.0.0.3 > 192.0.0.4", true},
    {wrap_gretap, LA_LINKTYPE_RAW, "gretap 192.0.0.3 > 192.0.0.4", true},
    {wrap_erspan, LA_LINKTYPE_RAW, "erspan 100 192.0.0.3 > 192.0.0.4", false},
    {wrap_vxlan, LA_LINKTYPE_RAW, "vxlan 42 192.0.0.3 > 192.0.0.4", true},
    {wrap_geneve, LA_LINKTYPE_RAW, "geneve 42 192.0.0.3 > 192.0.0.4", true},
    {wrap_gtpu, LA_LINKTYPE_RAW, "gtp-u 2 192.0.0.3 > 192.0.0.4", true},
    {wrap_mpls, LA_LINKTYPE_ETHERNET, "mpls 200, mpls 200", false},
    {wrap_pseudowire, LA_LINKTYPE_ETHERNET, "mpls 16", false},
    {wrap_authentication, LA_LINKTYPE_RAW, "ip 192.0.0.3 > 192.0.0.4", true},
};

static void
test_decode__tunnels(void **state)
{
    uint32_t keys[sizeof tunnels / sizeof tunnels[0]];
    (void)state;
    for (size_t i = 0; i < sizeof tunnels / sizeof tunnels[0]; i++) {
        char path[200];
        struct frame frame;
        frame_usual(&frame, 10);
        tunnels[i].wrap(&frame, false);
        struct la_seen seen = frame_seen(&frame, tunnels[i].link_type);
        assert_usual(&seen, 10);
        assert_string_equal(la_seen_path_format(&seen, path, sizeof path), tunnels[i].path);
        assert_int_equal(seen.path_key != 0, tunnels[i].is_network);
        keys[i] = seen.path_key;
        for (size_t j = 0; j < i && seen.path_key != 0; j++)
            assert_true(keys[j] != seen.path_key || tunnels[j].wrap == wrap_ipip);
        for (size_t cut = 0; cut < frame.n; cut++)
            assert_int_not_equal(frame_seen_cut(&frame, tunnels[i].link_type, cut).kind,
                                 LA_SEEN_MALFORMED);
        frame_usual(&frame, 10);
        tunnels[i].wrap(&frame, true);
        assert_int_equal(frame_seen(&frame, tunnels[i].link_type).path_key, keys[i]);
        for (size_t room = 1; room < strlen(tunnels[i].path); room++)
            assert_int_equal(strlen(la_seen_path_format(&seen, path, room)), room - 1);
    }
}

/* Tunnels in tunnels, up to a bound. */
static void
test_decode__depth(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 30; n++) {
        struct frame frame;
        frame_usual(&frame, 10);
        for (unsigned i = 0; i < n; i++)
            wrap_ipip(&frame, false);
        struct la_seen seen = frame_seen(&frame, LA_LINKTYPE_RAW);
        assert_int_equal(seen.kind, n <= LA_SEEN_LAYERS_MAX ? LA_SEEN_TCP : LA_SEEN_TOO_DEEP);
    }
}

/* ---- IP and TCP -------------------------------------------------------------------------------
 */

static void
test_decode__ip6(void **state)
{
    static const uint8_t headers[] = {LA_IP_ROUTING,     0, 1, 4, 0, 0, 0, 0,
                                      LA_IP_DESTINATION, 0, 4, 1, 0, 0, 0, 0,
                                      LA_IP_TCP,         0, 1, 4, 0, 0, 0, 0};
    (void)state;
    for (int with = 0; with < 2; with++) {
        struct frame frame;
        frame_tcp(&frame, &frame_a6, &frame_b6, LA_TCP_ACK, 20);
        if (with)
            frame_push(&frame, headers, sizeof headers);
        frame_ip6(&frame, &frame_a6, &frame_b6, with ? LA_IP_HOP_BY_HOP : LA_IP_TCP);
        struct la_seen seen = frame_seen(&frame, LA_LINKTYPE_IPV6);
        assert_int_equal(seen.kind, LA_SEEN_TCP);
        assert_int_equal(seen.checksum, LA_SEEN_CHECKSUM_GOOD);
        assert_true(seen.ip_version == 6 && seen.ttl_hops == 62 && seen.dscp_ecn == 1);
        assert_true(la_addr_equal(&seen.dst.addr, &frame_b6));
        assert_int_equal(seen.tcp.text_bytes, 20);
    }
}

/* Lengths that are left to a device, padding, lengths beyond the frame, jumbograms. */
static void
test_decode__lengths(void **state)
{
    static const uint8_t jumbo[] = {LA_IP_TCP, 0, 0xc2, 4, 0, 0, 0, 60};
    struct frame frame;
    (void)state;
    frame_usual(&frame, 100);
    la_put16(frame.room + frame.off + 2, 0);
    struct la_seen seen = frame_seen(&frame, LA_LINKTYPE_RAW);
    assert_int_equal(seen.tcp.text_bytes, 100);
    assert_int_equal(seen.oddities, LA_SEEN_LENGTH_ZERO);

    frame_usual(&frame, 100);
    la_put16(frame.room + frame.off + 2, 20 + 32 + 4); /* the rest pads */
    seen = frame_seen(&frame, LA_LINKTYPE_RAW);
    assert_true(seen.tcp.text_bytes == 4 && seen.text.n == 4);
    assert_int_equal(seen.oddities, LA_SEEN_PADDED);

    frame_usual(&frame, 100);
    la_put16(frame.room + frame.off + 2, 500);
    seen = frame_seen(&frame, LA_LINKTYPE_RAW);
    assert_true(seen.tcp.text_bytes == 448 && seen.text.n == 100);
    assert_int_equal(seen.oddities, LA_SEEN_LENGTH_BEYOND_FRAME | LA_SEEN_SNAPPED_TEXT);

    frame_usual(&frame, 100);
    la_put16(frame.room + frame.off + 2, 19);
    assert_int_equal(frame_seen(&frame, LA_LINKTYPE_RAW).kind, LA_SEEN_MALFORMED);

    frame_tcp(&frame, &frame_a6, &frame_b6, LA_TCP_ACK, 20);
    frame_push(&frame, jumbo, sizeof jumbo);
    frame_ip6(&frame, &frame_a6, &frame_b6, LA_IP_HOP_BY_HOP);
    la_put16(frame.room + frame.off + 4, 0);
    seen = frame_seen(&frame, LA_LINKTYPE_RAW);
    assert_true(seen.kind == LA_SEEN_TCP && seen.tcp.text_bytes == 20);
    assert_int_equal(seen.oddities, LA_SEEN_JUMBO);
}

static void
test_decode__tcp_header(void **state)
{
    struct frame frame;
    (void)state;
    for (unsigned words = 0; words < 16; words++) {
        frame_usual(&frame, 10);
        frame.room[frame.off + 32] = (uint8_t)(words << 4);
        struct la_seen seen = frame_seen(&frame, LA_LINKTYPE_RAW);
        /* 42 octets are there. */
        assert_int_equal(seen.kind, words >= 5 && words <= 10 ? LA_SEEN_TCP : LA_SEEN_MALFORMED);
        if (seen.kind == LA_SEEN_TCP)
            assert_int_equal(seen.tcp.text_bytes, 42 - 4 * words);
    }
    frame_usual(&frame, 0);
    frame.room[frame.off + 32] |= 0x0e;
    assert_int_equal(frame_seen(&frame, LA_LINKTYPE_RAW).oddities, LA_SEEN_RESERVED_BITS);
    frame = (struct frame){0};
    frame_push(&frame, "1234567890123", 13);
    frame_ip4(&frame, &frame_a, &frame_b, LA_IP_TCP);
    assert_int_equal(frame_seen(&frame, LA_LINKTYPE_RAW).kind, LA_SEEN_MALFORMED);
}

static void
test_decode__checksum(void **state)
{
    struct frame frame;
    (void)state;
    frame_usual(&frame, 33);
    uint8_t *tcp = frame.room + frame.off + 20;
    size_t l4_bytes = frame.n - 20;
    uint32_t pseudo =
        la_ip_pseudo_sum(&(struct la_ip_pseudo){frame_a, frame_b, LA_IP_TCP, (uint32_t)l4_bytes});
    uint16_t with_length = la_sum_fold(pseudo);
    pseudo = la_ip_pseudo_sum(&(struct la_ip_pseudo){frame_a, frame_b, LA_IP_TCP, 0});
    uint16_t without_length = la_sum_fold(pseudo);
    const uint16_t unfilled[] = {with_length, without_length, 0};
    assert_int_equal(frame_seen_cut(&frame, LA_LINKTYPE_RAW, frame.n - 1).checksum,
                     LA_SEEN_CHECKSUM_PARTIAL);
    assert_int_equal(frame_seen_cut(&frame, LA_LINKTYPE_RAW, 20 + 24).checksum,
                     LA_SEEN_CHECKSUM_PARTIAL);
    for (size_t i = 0; i < 3; i++) {
        la_put16(tcp + 16, unfilled[i]);
        assert_int_equal(frame_seen(&frame, LA_LINKTYPE_RAW).checksum, LA_SEEN_CHECKSUM_UNFILLED);
    }
    la_put16(tcp + 16, (uint16_t)(with_length + 1));
    assert_int_equal(frame_seen(&frame, LA_LINKTYPE_RAW).checksum, LA_SEEN_CHECKSUM_BAD);

    /* Which ones are looked at. */
    struct la_decoder decoder;
    const struct la_decode_options options = {.verify_control = true, .verify_every_n = 3};
    assert_true(la_decoder_init(&decoder, NULL, &options));
    unsigned verified_n = 0;
    for (unsigned i = 0; i < 9; i++) {
        struct la_seen seen;
        frame_usual(&frame, 5);
        if (i == 8)
            frame.room[frame.off + 33] |= LA_TCP_RST;
        la_decode(&decoder,
                  &(struct la_explain_packet){.bytes = {frame.room + frame.off, frame.n},
                                              .wire_bytes = (uint32_t)frame.n,
                                              .link_type = LA_LINKTYPE_RAW},
                  &seen);
        verified_n += seen.checksum != LA_SEEN_CHECKSUM_UNVERIFIED;
    }
    assert_int_equal(verified_n, 3); /* the third, the sixth, and the RST */
    la_decoder_fini(&decoder);
}

/* One wrong among right ones is not believed; where they are wrong, they tell nothing. */
static void
test_decode__disbelieved(void **state)
{
    (void)state;
    for (unsigned right_n = 0; right_n < 4; right_n++) {
        struct la_decoder decoder;
        struct la_seen seen;
        struct frame frame; /* what is seen of it is looked at below */
        const struct la_decode_options options = {.verify_first_n = right_n};
        assert_true(la_decoder_init(&decoder, NULL, &options));
        for (unsigned i = 0; i <= right_n; i++) {
            frame_usual(&frame, 5);
            if (i == right_n)
                frame.room[frame.off + 21] ^= 1; /* its port */
            la_decode(&decoder,
                      &(struct la_explain_packet){.bytes = {frame.room + frame.off, frame.n},
                                                  .wire_bytes = (uint32_t)frame.n,
                                                  .link_type = LA_LINKTYPE_RAW},
                      &seen);
            assert_int_equal(seen.checksum,
                             i < right_n ? LA_SEEN_CHECKSUM_GOOD : LA_SEEN_CHECKSUM_UNVERIFIED);
        }
        assert_int_equal(la_decoder_disbelieves(&decoder, &seen), right_n > 1);
        assert_int_equal(seen.checksum, LA_SEEN_CHECKSUM_BAD);
        la_decoder_fini(&decoder);
    }
}

/* ---- ICMP -------------------------------------------------------------------------------------
 */

/* The usual packet's first octets in an error from a router. */
static void
frame_icmp4(struct frame *frame, size_t quoted_n, uint8_t type, uint8_t code)
{
    struct frame quoted;
    frame_usual(&quoted, 1000);
    *frame = (struct frame){0};
    frame_push(frame, quoted.room + quoted.off, quoted_n);
    uint8_t header[8] = {type, code, 0, 0, 0, 0, 0x05, 0x78};
    frame_push(frame, header, sizeof header);
    frame_ip4(frame, &outer_c, &frame_a, LA_IP_ICMP);
}

static void
test_decode__icmp4(void **state)
{
    struct frame frame;
    (void)state;
    for (size_t quoted_n = 0; quoted_n <= 100; quoted_n++) {
        frame_icmp4(&frame, quoted_n, LA_ICMP4_UNREACHABLE, LA_ICMP4_FRAGMENTATION_NEEDED);
        struct la_seen seen = frame_seen(&frame, LA_LINKTYPE_RAW);
        if (quoted_n < 28) {
            assert_int_equal(seen.kind, LA_SEEN_ICMP);
            continue;
        }
        assert_int_equal(seen.kind, LA_SEEN_ICMP_ERROR);
        assert_true(la_addr_equal(&seen.icmp.from, &outer_c));
        assert_true(la_addr_equal(&seen.src.addr, &frame_a));
        assert_true(la_addr_equal(&seen.dst.addr, &frame_b));
        assert_true(seen.src.port == 1000 && seen.dst.port == 80 && seen.tcp.seq.v == 5);
        assert_true(seen.icmp.type == LA_ICMP4_UNREACHABLE && seen.icmp.code == 4);
        assert_int_equal(seen.icmp.mtu_bytes, 0x578);
        assert_int_equal(seen.icmp.has_tcp, quoted_n >= 40);
        if (seen.icmp.has_tcp)
            assert_int_equal(seen.tcp.text_bytes, 1000);
    }
    frame_icmp4(&frame, 60, LA_ICMP4_ECHO, 0);
    assert_int_equal(frame_seen(&frame, LA_LINKTYPE_RAW).kind, LA_SEEN_ICMP);
}

static void
test_decode__icmp6(void **state)
{
    struct frame quoted, frame = {0};
    (void)state;
    frame_tcp(&quoted, &frame_a6, &frame_b6, LA_TCP_ACK, 1300);
    frame_ip6(&quoted, &frame_a6, &frame_b6, LA_IP_TCP);
    frame_push(&frame, quoted.room + quoted.off, 100);
    frame_push(&frame, "\2\0\0\0\0\0\5\0", 8);
    frame_ip6(&frame, &frame_b6, &frame_a6, LA_IP_ICMPV6);
    struct la_seen seen = frame_seen(&frame, LA_LINKTYPE_RAW);
    assert_int_equal(seen.kind, LA_SEEN_ICMP_ERROR);
    assert_true(seen.icmp.version == 6 && seen.icmp.type == LA_ICMP6_TOO_BIG);
    assert_int_equal(seen.icmp.mtu_bytes, 1280);
    assert_true(la_addr_equal(&seen.src.addr, &frame_a6));
    assert_true(seen.tcp.seq.v == 5 && seen.tcp.text_bytes == 1300 && seen.icmp.has_tcp);
}

/* What is no TCP is counted by kind. */
static void
test_decode__other_kinds(void **state)
{
    struct frame frame = {0};
    (void)state;
    frame_push(&frame, "abcdefgh", 8);
    frame_udp(&frame, 53);
    frame_ip4(&frame, &frame_a, &frame_b, LA_IP_UDP);
    assert_int_equal(frame_seen(&frame, LA_LINKTYPE_RAW).kind, LA_SEEN_UDP);
    assert_int_equal(frame_seen(&frame, 9999).kind, LA_SEEN_UNKNOWN_LINK);
    frame.room[frame.off + 9] = LA_IP_ESP;
    assert_int_equal(frame_seen(&frame, LA_LINKTYPE_RAW).kind, LA_SEEN_ENCRYPTED);
    frame.room[frame.off + 9] = 132; /* SCTP */
    assert_int_equal(frame_seen(&frame, LA_LINKTYPE_RAW).kind, LA_SEEN_OTHER_IP);
    frame.room[frame.off] = 0x75;
    assert_int_equal(frame_seen(&frame, LA_LINKTYPE_RAW).kind, LA_SEEN_MALFORMED);
    frame_ethernet(&frame, 0x0806);
    assert_int_equal(frame_seen(&frame, LA_LINKTYPE_ETHERNET).kind, LA_SEEN_NOT_IP);
    for (unsigned kind = 0; kind <= LA_SEEN_KINDS_N; kind++)
        assert_true(strlen(la_seen_kind_name(kind)) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode__links),       cmocka_unit_test(test_decode__ethernet_tags),
        cmocka_unit_test(test_decode__tunnels),     cmocka_unit_test(test_decode__depth),
        cmocka_unit_test(test_decode__ip6),         cmocka_unit_test(test_decode__lengths),
        cmocka_unit_test(test_decode__tcp_header),  cmocka_unit_test(test_decode__checksum),
        cmocka_unit_test(test_decode__disbelieved), cmocka_unit_test(test_decode__icmp4),
        cmocka_unit_test(test_decode__icmp6),       cmocka_unit_test(test_decode__other_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
