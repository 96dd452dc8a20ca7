/* SPDX-License-Identifier: MIT
 *
 * test_link.c - Ethernet and ARP
 */
#include "gen.h"

#include "base/addr.h"
#include "wire/arp.h"
#include "wire/ethernet.h"

static void
test_ethernet__round_trip(void **state)
{
    (void)state;
    struct gen g = {1};
    for (int i = 0; i < 5000; i++) {
        struct la_eth eth = {.tags_n = (uint8_t)gen_below(&g, 3)};
        gen_fill(&g, eth.dst, 6);
        gen_fill(&g, eth.src, 6);
        for (unsigned k = 0; k < eth.tags_n; k++) {
            eth.tag[k].type = gen_bool(&g) ? LA_ETH_VLAN : LA_ETH_VLAN_SERVICE;
            eth.tag[k].control = gen16(&g);
        }
        do
            eth.type = gen16(&g);
        while (eth.type == LA_ETH_VLAN || eth.type == LA_ETH_VLAN_SERVICE);
        uint8_t octets[LA_ETH_HEADER_BYTES_MAX];
        size_t n = la_eth_emit(&eth, (struct la_room){octets, la_eth_header_bytes(&eth)});
        for (size_t k = 0; k < n; k++) {
            struct la_bytes cut = exact(octets, k);
            struct la_eth_view view;
            assert_false(la_eth_view_init(&view, cut));
            exact_free(cut);
        }
        struct la_bytes b = exact(octets, n);
        struct la_eth_view view;
        struct la_eth again;
        assert_true(la_eth_view_init(&view, b));
        assert_int_equal(view.header_bytes, n);
        la_eth_judge(&again, &view);
        assert_memory_equal(again.dst, eth.dst, 6);
        assert_memory_equal(again.src, eth.src, 6);
        assert_int_equal(again.tags_n, eth.tags_n);
        for (unsigned k = 0; k < eth.tags_n; k++) {
            assert_int_equal(again.tag[k].type, eth.tag[k].type);
            assert_int_equal(again.tag[k].control, eth.tag[k].control);
        }
        assert_int_equal(again.type, eth.type);
        exact_free(b);
    }
}

static void
test_ethernet__a_third_tag_stays(void **state)
{
    (void)state;
    uint8_t octets[26] = {[12] = 0x88, [13] = 0xa8, [16] = 0x81, [20] = 0x81, [24] = 0x08};
    struct la_eth_view view;
    assert_true(la_eth_view_init(&view, (struct la_bytes){octets, sizeof octets}));
    assert_int_equal(la_eth_view_tags_n(&view), 2);
    assert_int_equal(la_eth_view_type(&view), LA_ETH_VLAN);
}

static void
test_ethernet__group_addresses(void **state)
{
    (void)state;
    assert_true(la_eth_is_group((const uint8_t[6]){1, 0, 0x5e, 0, 0, 1}));
    assert_false(la_eth_is_group((const uint8_t[6]){2, 1, 1, 1, 1, 1}));
    assert_true(la_eth_is_broadcast((const uint8_t[6]){255, 255, 255, 255, 255, 255}));
    assert_false(la_eth_is_broadcast((const uint8_t[6]){255, 255, 255, 255, 255, 254}));
}

static void
test_arp__round_trip_and_truncation(void **state)
{
    (void)state;
    struct gen g = {2};
    for (int i = 0; i < 5000; i++) {
        struct la_arp arp = {.operation = gen16(&g)};
        gen_fill(&g, arp.sender_mac, 6);
        gen_fill(&g, arp.target_mac, 6);
        arp.sender = la_addr_v4(gen8(&g), gen8(&g), gen8(&g), gen8(&g));
        arp.target = la_addr_v4(gen8(&g), gen8(&g), gen8(&g), gen8(&g));
        uint8_t octets[LA_ARP_BYTES];
        assert_int_equal(la_arp_emit(&arp, (struct la_room){octets, sizeof octets}), 28);
        size_t n = gen_below(&g, 29);
        struct la_bytes cut = exact(octets, n);
        struct la_arp_view view;
        assert_int_equal(la_arp_view_init(&view, cut), n == 28);
        exact_free(cut);
        struct la_arp again;
        assert_true(la_arp_view_init(&view, (struct la_bytes){octets, 28}));
        assert_true(la_arp_judge(&again, &view));
        assert_int_equal(again.operation, arp.operation);
        assert_memory_equal(again.sender_mac, arp.sender_mac, 6);
        assert_memory_equal(again.target_mac, arp.target_mac, 6);
        assert_true(la_addr_equal(&again.sender, &arp.sender));
        assert_true(la_addr_equal(&again.target, &arp.target));
    }
}

static void
test_arp__other_hardware_is_a_view_only(void **state)
{
    (void)state;
    /* Hardware addresses of 2 octets, protocol addresses of 3. */
    static const uint8_t octets[] = {0, 7, 8, 0, 2, 3, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct la_arp_view view;
    struct la_arp arp;
    assert_true(la_arp_view_init(&view, (struct la_bytes){octets, sizeof octets}));
    assert_false(la_arp_view_init(&view, (struct la_bytes){octets, sizeof octets - 1}));
    assert_memory_equal(la_arp_view_sender_hardware(&view).p, octets + 8, 2);
    assert_memory_equal(la_arp_view_sender_protocol(&view).p, octets + 10, 3);
    assert_memory_equal(la_arp_view_target_hardware(&view).p, octets + 13, 2);
    assert_memory_equal(la_arp_view_target_protocol(&view).p, octets + 15, 3);
    assert_false(la_arp_judge(&arp, &view));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ethernet__round_trip),
        cmocka_unit_test(test_ethernet__a_third_tag_stays),
        cmocka_unit_test(test_ethernet__group_addresses),
        cmocka_unit_test(test_arp__round_trip_and_truncation),
        cmocka_unit_test(test_arp__other_hardware_is_a_view_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
