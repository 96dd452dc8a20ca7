/* SPDX-License-Identifier: MIT
 *
 * test_mark.c - a long queue marks what can be marked (RFC 3168 5)
 */
#include "support.h"

#include "link/mark.h"
#include "wire/ethernet.h"
#include "wire/ip6.h"

enum { TEXT_BYTES = 960, ETHERNET_TYPE_OFF = 12 };

/* A packet of TEXT_BYTES behind an Ethernet header (if asked for) and an IP header. */
static struct la_frame *
packet(struct la_mem *mem, enum la_link_layer layer, bool v6, uint8_t dscp_ecn)
{
    uint8_t octets[LA_ETH_HEADER_BYTES + LA_IP6_HEADER_BYTES + TEXT_BYTES] = {0};
    size_t off = layer == LA_LINK_ETHERNET ? LA_ETH_HEADER_BYTES : 0;
    la_put16(octets + ETHERNET_TYPE_OFF, v6 ? LA_ETH_IPV6 : LA_ETH_IPV4);
    struct la_room room = {octets + off, LA_IP6_HEADER_BYTES};
    if (v6) {
        struct la_ip6 ip = {.src = {{0xfd, [15] = 1}},
                            .dst = {{0xfd, [15] = 2}},
                            .dscp_ecn = dscp_ecn,
                            .flow_label = 0xfffff,
                            .payload_bytes = TEXT_BYTES,
                            .hop_limit = 64,
                            .next_header = LA_IP_NONE};
        off += la_ip6_emit(&ip, room);
    } else {
        struct la_ip4 ip = {.src = la_addr_v4(10, 0, 0, 1),
                            .dst = la_addr_v4(10, 0, 0, 2),
                            .dscp_ecn = dscp_ecn,
                            .total_bytes = LA_IP4_HEADER_BYTES + TEXT_BYTES,
                            .ttl_hops = 64,
                            .protocol = LA_IP_NONE};
        off += la_ip4_emit(&ip, room);
    }
    struct la_frame *frame = la_frame_from_bytes(mem, (struct la_bytes){octets, off + TEXT_BYTES});
    assert_non_null(frame);
    return frame;
}

/* TOS or traffic class; everything else of the header is as it was made. */
static uint8_t
dscp_ecn_of(const struct la_frame *frame, enum la_link_layer layer, bool v6)
{
    uint8_t octets[LA_ETH_HEADER_BYTES + LA_IP6_HEADER_BYTES + TEXT_BYTES];
    size_t off = layer == LA_LINK_ETHERNET ? LA_ETH_HEADER_BYTES : 0;
    size_t n = la_frame_copy_out(frame, 0, octets, sizeof(octets));
    struct la_bytes bytes = {octets + off, n - off};
    if (v6) {
        struct la_ip6_view view;
        struct la_ip6 ip;
        assert_true(la_ip6_view_init(&view, bytes));
        la_ip6_judge(&ip, &view);
        assert_int_equal(ip.flow_label, 0xfffff);
        assert_int_equal(ip.payload_bytes, TEXT_BYTES);
        return ip.dscp_ecn;
    }
    struct la_ip4_view view;
    assert_true(la_ip4_view_init(&view, bytes));
    assert_true(la_ip4_view_checksum_ok(&view));
    assert_int_equal(la_ip4_view_total_bytes(&view), LA_IP4_HEADER_BYTES + TEXT_BYTES);
    return la_ip4_view_dscp_ecn(&view);
}

static void
test_mark__all_fields(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    for (unsigned i = 0; i < 4 * 256; i++) {
        uint8_t before = (uint8_t)i;
        bool v6 = (i & 256) != 0;
        enum la_link_layer layer = (i & 512) != 0 ? LA_LINK_ETHERNET : LA_LINK_IP;
        bool capable = (before & 3) == LA_IP_ECT_0 || (before & 3) == LA_IP_ECT_1;
        struct la_frame *frame = packet(mem, layer, v6, before);
        assert_int_equal(la_wire_mark(frame, layer), capable);
        assert_int_equal(dscp_ecn_of(frame, layer, v6), capable ? before | 3 : before);
        la_frame_free(frame);
    }
    test_mem_free(mem, &alloc);
}

static void
test_mark__no_packet(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    static const uint8_t octets[64] = {0x25, 0x02, [12] = 0x08, [13] = 0x06};
    for (size_t n = 0; n <= sizeof(octets); n++) {
        struct la_frame *frame = la_frame_from_bytes(mem, (struct la_bytes){octets, n});
        assert_false(la_wire_mark(frame, LA_LINK_IP));
        assert_false(la_wire_mark(frame, LA_LINK_ETHERNET));
        la_frame_free(frame);
    }
    test_mem_free(mem, &alloc);
}

/* 980 octets at 1 Mbit/s take 7.84 ms. The first does not wait; from the third waiting one on, what
 * can be marked is. */
static void
test_mark__a_long_queue(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_wire *wire;
    struct la_wire_cfg cfg = test_wire_cfg(mem);
    cfg.impair[0] = (struct la_impair){.rate_bps = 1000000, .queue_n = 8, .mark_n = 3};
    assert_int_equal(la_wire_new(&cfg, &wire), LA_OK);
    for (unsigned i = 0; i < 10; i++)
        test_send(wire, 0, packet(mem, LA_LINK_IP, false, i == 5 ? 0 : LA_IP_ECT_0), ms(0));
    for (unsigned i = 0; i < 9; i++) {
        struct la_frame *frame = test_receive(wire, 1, ms(8 * (i + 1)));
        assert_non_null(frame);
        uint8_t wanted = i < 3 ? LA_IP_ECT_0 : LA_IP_CE;
        assert_int_equal(dscp_ecn_of(frame, LA_LINK_IP, false), i == 5 ? 0 : wanted);
        la_frame_free(frame);
    }
    struct la_wire_stats stats;
    la_wire_stats_get(wire, 0, &stats);
    assert_int_equal(stats.marked_n, 5);
    assert_int_equal(stats.queue_dropped_n, 1);
    /* The queue is short again. */
    test_send(wire, 0, packet(mem, LA_LINK_IP, false, LA_IP_ECT_0), ms(1000));
    struct la_frame *frame = test_receive(wire, 1, ms(1008));
    assert_int_equal(dscp_ecn_of(frame, LA_LINK_IP, false), LA_IP_ECT_0);
    la_frame_free(frame);
    la_wire_free(wire);
    test_mem_free(mem, &alloc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mark__all_fields),
        cmocka_unit_test(test_mark__no_packet),
        cmocka_unit_test(test_mark__a_long_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
