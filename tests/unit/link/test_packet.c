/* SPDX-License-Identifier: MIT
 *
 * test_packet.c - whose packet it is, from any octets
 */
#include "support.h"

#include "link/packet.h"

/* Octets of a packet; the frame has the first `head_n` in its head, the rest as payload. */
static struct la_wire_packet
read_octets(struct la_bytes octets, size_t head_n, enum la_link_layer layer)
{
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_wire_packet packet;
    head_n = head_n < octets.n ? head_n : octets.n;
    struct la_frame *frame = la_frame_from_bytes(mem, (struct la_bytes){octets.p, head_n});
    const struct la_bytes rest = {octets.p + head_n, octets.n - head_n};
    assert_non_null(frame);
    assert_int_equal(la_chain_append_bytes(&frame->payload, mem, rest), rest.n);
    la_wire_packet_read(&packet, frame, layer);
    la_frame_free(frame);
    test_mem_free(mem, &alloc);
    return packet;
}

/* 10.1.2.3:1025 -> 10.1.2.4:53 */
static const uint8_t udp4[] = {0x45, 0, 0,  28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1,
                               2,    3, 10, 1,  2, 4, 4, 1, 0,  53, 0, 8, 0,  0};
/* [2001:db8::1]:49152 -> [2001:db8::2]:443, SYN, behind a hop-by-hop and a fragment header */
static const uint8_t
    tcp6[] = {0x60, 0, 0, 0,   0, 36, 0, 64, 0x20, 0x01, 0x0d, 0xb8, 0,    0,
              0,    0, 0, 0,   0, 0,  0, 0,  0,    1,    0x20, 1,    0x0d, 0xb8,
              0,    0, 0, 0,   0, 0,  0, 0,  0,    0,    0,    2, /* fixed header */
              44,   0, 1, 4,   0, 0,  0, 0,                       /* padding */
              6,    0, 0, 1,   0, 0,  0, 9,                       /* first fragment */
              0xC0, 0, 1, 187, 1, 2,  3, 4,  0,    0,    0,    0,    0x50, 2,
              1,    0, 0, 0,   0, 0};

static void
test_packet__udp(void **state)
{
    (void)state;
    struct la_wire_packet packet;
    for (size_t head_n = 0; head_n <= sizeof(udp4); head_n++) {
        packet = read_octets((struct la_bytes){udp4, sizeof(udp4)}, head_n, LA_LINK_IP);
        const struct la_addr src = la_addr_v4(10, 1, 2, 3), dst = la_addr_v4(10, 1, 2, 4);
        assert_int_equal(packet.protocol, LA_IP_UDP);
        assert_true(la_addr_equal(&packet.src.addr, &src));
        assert_true(la_addr_equal(&packet.dst.addr, &dst));
        assert_int_equal(packet.src.port, 1025);
        assert_int_equal(packet.dst.port, 53);
        assert_int_equal(packet.tcp_flags, 0);
    }
}

static void
test_packet__ip6_behind_extensions(void **state)
{
    (void)state;
    struct la_wire_packet packet =
        read_octets((struct la_bytes){tcp6, sizeof(tcp6)}, 1000, LA_LINK_IP);
    assert_int_equal(packet.protocol, LA_IP_TCP);
    assert_int_equal(packet.src.addr.b[15], 1);
    assert_int_equal(packet.dst.addr.b[15], 2);
    assert_int_equal(packet.src.port, 49152);
    assert_int_equal(packet.dst.port, 443);
    assert_int_equal(packet.tcp_flags, LA_TCP_SYN);
    assert_int_equal(packet.tcp_seq, 0x01020304);
}

/* What looks like ports there are none. */
static void
test_packet__later_fragments(void **state)
{
    (void)state;
    uint8_t ip4[sizeof(udp4)], ip6[sizeof(tcp6)];
    memcpy(ip4, udp4, sizeof(ip4));
    memcpy(ip6, tcp6, sizeof(ip6));
    ip4[7] = 1;
    ip6[51] = 9;
    struct la_wire_packet packet =
        read_octets((struct la_bytes){ip4, sizeof(ip4)}, 1000, LA_LINK_IP);
    assert_int_equal(packet.src.port, 0);
    assert_int_equal(packet.src.addr.b[15], 3);
    packet = read_octets((struct la_bytes){ip6, sizeof(ip6)}, 1000, LA_LINK_IP);
    assert_int_equal(packet.src.port, 0);
    assert_int_equal(packet.tcp_flags, 0);
    assert_int_equal(packet.src.addr.b[15], 1);
}

static void
test_packet__ethernet(void **state)
{
    (void)state;
    uint8_t plain[14 + sizeof(udp4)] = {[12] = 8, [13] = 0};
    uint8_t tagged[18 + sizeof(udp4)] = {[12] = 0x81, [15] = 7, [16] = 8, [17] = 0};
    memcpy(plain + 14, udp4, sizeof(udp4));
    memcpy(tagged + 18, udp4, sizeof(udp4));
    struct la_wire_packet packet =
        read_octets((struct la_bytes){plain, sizeof(plain)}, 14, LA_LINK_ETHERNET);
    assert_int_equal(packet.dst.port, 53);
    packet = read_octets((struct la_bytes){tagged, sizeof(tagged)}, 14, LA_LINK_ETHERNET);
    assert_int_equal(packet.dst.port, 53);
    plain[13] = 6; /* ARP */
    packet = read_octets((struct la_bytes){plain, sizeof(plain)}, 14, LA_LINK_ETHERNET);
    assert_int_equal(packet.protocol, 0);
    assert_int_equal(packet.dst.port, 0);
}

/* Cut anywhere: no port is read from octets that are not there. */
static void
test_packet__truncated(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(tcp6); n++) {
        struct la_wire_packet packet = read_octets((struct la_bytes){tcp6, n}, 1000, LA_LINK_IP);
        assert_int_equal(packet.src.port, 0);
        assert_int_equal(packet.src.addr.b[15] != 0, n >= 40);
    }
    for (size_t n = 0; n < sizeof(udp4); n++) {
        struct la_wire_packet packet = read_octets((struct la_bytes){udp4, n}, 1000, LA_LINK_IP);
        assert_int_equal(packet.src.port, 0);
        assert_int_equal(packet.src.addr.b[15] != 0, n >= 20);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packet__udp),
        cmocka_unit_test(test_packet__ip6_behind_extensions),
        cmocka_unit_test(test_packet__later_fragments),
        cmocka_unit_test(test_packet__ethernet),
        cmocka_unit_test(test_packet__truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
